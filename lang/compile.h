/* compile.h - the compiler's front door: sources in, a sealed unit or diagnostics out. Runs on the
 * process's compiler thread; callable from any thread (the caller waits). */
#ifndef GOL_LANG_COMPILE_H
#define GOL_LANG_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Unit;

/* What one compile may use; 0: the default (compile.c), which grows with the text compiled. */
typedef struct CompileLimits {
    uint64_t steps;   /* about one for each operation that could repeat without end */
    uint64_t bytes;   /* of memory */
    int64_t wall_ns;  /* from start to end, waiting for other compiles apart; default: none */
} CompileLimits;

/* A file of a package that the embedder gives (memfs.h). */
typedef struct MemoryFile {
    const char *package;    /* import path; NULL or "": the main package */
    const char *name;       /* "x.go"; "dir/y" for //go:embed; "go.mod" of the main package */
    const char *text;
    size_t len;
    bool natives;           /* functions without body are the host's */
} MemoryFile;
typedef struct FoundFiles FoundFiles;
/* For CompileInput.find: copies a file into what was found. False: no memory. */
bool found_add(FoundFiles *f, const char *name, const char *text, size_t len);

typedef struct CompileInput {
    /* One of: a path (file or directory), or text with a name for messages. */
    const char *path;
    const char *text;       /* NULL: read path */
    size_t text_len;
    bool is_dir;
    bool check_only;        /* no unit */
    bool build_image;       /* path is stdlib/: compile all its packages into the std image */
    bool tests;             /* path is a folder: compile its package with a main that runs its tests */
    const char *const *files; /* with tests: only these files of it */
    uint32_t nfiles;
    bool color;             /* of the diagnostics text */
    bool allow_unsafe;      /* packages outside std may import unsafe */
    const struct Unit *image; /* std image for imports, NULL while it is being built */
    const char *std_path;   /* stdlib/ sources, when there is no image */
    int go_minor;           /* 0: newest */
    const char *vet;        /* NULL, or which checks of vet to run over the input (vet.h): no unit */
    const struct LiveInput *live; /* an entry of a live package (live.h); text is set */
    const MemoryFile *memory; /* packages beside or instead of those on disk; main may be among them */
    size_t nmemory;
    /* Asked for import paths that neither std nor memory has; runs on the compiler thread. */
    bool (*find)(void *ctx, const char *path, FoundFiles *out);
    void *find_ctx;
    bool no_disk;           /* imports are looked for in std, memory and find alone */
    CompileLimits limits;
    const int *cancel;      /* or NULL; not 0: the compile ends within milliseconds */
    const void *client;     /* whose compile this is: clients take turns. NULL: the caller's thread */
} CompileInput;

typedef struct CompileResult {
    struct Unit *unit;      /* malloc'd block; the caller frees it; NULL on error */
    char *diagnostics;      /* malloc'd text, "" if none; warnings included */
    uint32_t nerrors, nwarnings;
    bool cancelled;         /* by its cancel word */
    char *tested;           /* of tests: the package's import path, malloc'd; the caller frees it */
    bool has_tests;         /* of tests: there are test files */
    bool load_failed;       /* the errors are in the syntax or in finding packages */
    uint32_t nfindings;     /* of vet */
    struct LiveResult *live; /* of an entry without errors; live_result_free */
} CompileResult;

void compile_run(const CompileInput *in, CompileResult *out);
void compile_result_free(CompileResult *r); /* not the unit */

/* lang/vet.c: the name of the ith check of vet and its documentation; NULL beyond the last. */
const char *compile_vet_check(int i, const char **doc);

/* Between the driver and the code generator: all packages checked, dependencies first. */
struct Package;
typedef struct GenInput {
    struct Package **packages;
    uint32_t npackages;
    const struct Unit *image;
    bool build_image;
    void *diags;            /* DiagList */
} GenInput;
struct Unit *gen_unit(const GenInput *in); /* malloc'd sealed unit, or NULL with diagnostics */

/* lang/export.c: the export text of a checked package. */
char *export_text(struct Package *pkg);
/* lang/doctext.c: its declarations and their comments, for people. */
char *doc_text(struct Package *pkg);

#endif
