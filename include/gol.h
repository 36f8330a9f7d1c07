/* gol.h - the embedding API of libgol: compile gol programs and run them in virtual machines.
 *
 * Every type is opaque. Functions may be called from any thread unless they say otherwise; a VM runs
 * on the thread that calls gol_run and on threads of its own, and is used by one caller at a time.
 * Nothing here changes the host's signal handlers, locale or standard streams. */
#ifndef GOL_H
#define GOL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined __GNUC__
#define GOL_API __attribute__((visibility("default")))
#else
#define GOL_API
#endif

#define GOL_VERSION "0.1.0"

/* The version of the library, to be compared with GOL_VERSION. Static storage. */
GOL_API const char *gol_version(void);

/* A compiled program: immutable, may be run in any number of VMs, one after the other or at once.
 * It must outlive the VMs that run it. */
typedef struct GolProgram GolProgram;

/* What one compile may use. Zero means the default: memory and steps that grow with the size of the
 * text, far beyond what programs take, and no limit of time. A compile that goes beyond fails with the
 * diagnostic "compile limit reached". */
typedef struct GolCompileLimits {
    uint64_t steps;        /* about one for each elementary operation that could repeat endlessly */
    uint64_t bytes;        /* of the compiler's memory */
    int64_t wall_ns;       /* nanoseconds, waiting for other compiles apart */
} GolCompileLimits;

/* A file of a package that the host gives. Files of one package share its import path; those of the
 * main package have none. Sources are what is called *.gol or *.go, constraints in names as on disk;
 * others are for //go:embed ("dir/name"), and "go.mod" of the main package says its language version. */
typedef struct GolFile {
    const char *package;   /* import path, "" or NULL: the main package */
    const char *name;
    const char *text;
    size_t len;
} GolFile;

/* What GolSource.find has found: it calls gol_found_file for each file of the package (the text is
 * copied; 0: out of memory) and returns 1; 0 means that there is no such package. */
typedef struct GolFound GolFound;
GOL_API int gol_found_file(GolFound *found, const char *name, const char *text, size_t len);

/* What to compile. Zero the struct first; later versions append fields. */
typedef struct GolSource {
    const char *path;      /* file or folder; with text: the name for messages */
    const char *text;      /* the source itself, or NULL to read path */
    size_t text_len;
    int check_only;        /* report diagnostics, make no program */
    int color;             /* colour the diagnostics */
    int allow_unsafe;      /* the program may import unsafe; it runs only in VMs that permit it, too */
    const GolFile *files;  /* packages beside those on disk, before them but behind std */
    size_t nfiles;
    int (*find)(void *ctx, const char *import_path, GolFound *found); /* or NULL: asked for packages
                              that neither std nor files has, once each, on the compiler's thread,
                              where it must not compile */
    void *find_ctx;
    int no_disk;           /* packages and embedded files come from std, files and find alone */
    GolCompileLimits limits;
    const int *cancel;     /* or NULL. Set to nonzero by any thread or signal handler, it ends the
                              compile, or its waiting for others, within 10 milliseconds */
    const void *client;    /* for whom: the process compiles one program at a time, and clients take
                              turns. NULL: for the calling thread */
} GolSource;

/* Compiles. Gives NULL if there are errors, or if check_only is set. *diagnostics is then, and also
 * when there are only warnings, a text for the user that the caller frees with gol_free ("" if there
 * is nothing to say). *nerrors, if not NULL, is the number of errors. */
GOL_API GolProgram *gol_compile(const GolSource *source, char **diagnostics, int *nerrors);
GOL_API void gol_program_free(GolProgram *program);

/* What to compile for `gol test`. Zero the struct first; later versions append fields. */
typedef struct GolTestSource {
    const char *dir;       /* the package's folder */
    const char *const *files; /* only these of its files, or NULL */
    int nfiles;
    int color;             /* colour the diagnostics */
    int allow_unsafe;      /* as in GolSource */
} GolTestSource;

typedef struct GolTestInfo {
    char *package;         /* import path, or NULL; gol_free */
    int has_tests;         /* there are test files */
    int setup_failed;      /* the errors are in the syntax or in finding packages */
    int nerrors;
    char *diagnostics;     /* as gol_compile's; gol_free */
} GolTestInfo;

/* Compiles a package with its test files and a main package that runs them as Go's test binaries do
 * (flags -test.v and so on in GolConfig.argv). NULL if there are errors. info is always filled. */
GOL_API GolProgram *gol_compile_tests(const GolTestSource *source, GolTestInfo *info);

/* Reports likely mistakes in a program that compiles, as go vet does. checks: NULL or "" for all, else
 * names separated by commas, those to run, or with a - before them those to leave out. Returns the number of
 * findings, which *diagnostics lists, or -1 if the source does not compile or a check is unknown:
 * *diagnostics then says why. gol_free. */
GOL_API int gol_vet(const GolSource *source, const char *checks, char **diagnostics);

/* The name of check i, from 0, with a line about it in *doc; NULL behind the last. Static storage. */
GOL_API const char *gol_vet_check(int i, const char **doc);

/* Writes the program's bytecode beside its source lines to out. filter: only functions whose name
 * contains it; NULL: all. Returns 0, or -1 if writing failed. */
GOL_API int gol_disassemble(const GolProgram *program, const char *filter, FILE *out);

/* A virtual machine: goroutines, heap, package variables. */
typedef struct GolVM GolVM;

/* Limits and surroundings of a VM. Zero means the default. Later versions append fields. */
typedef struct GolConfig {
    uint32_t procs;        /* GOMAXPROCS; default: the environment's, else the number of cores */
    uint64_t stack_max;    /* bytes a goroutine's stack may take; default 1,000,000,000 */
    uint64_t heap_max;     /* bytes of heap; reaching it ends the program */
    int argc;              /* os.Args; the strings must outlive the VM */
    const char *const *argv;
    int owns_process;      /* the program may end the process by SIGPIPE, as the gol command's does */
    int allow_unsafe;      /* permission: programs that import unsafe may run. They can break the
                              promise that no script harms the host */
    GolCompileLimits compile; /* of each entry of a session */
} GolConfig;

/* A VM, or NULL with a text in *error that the caller frees with gol_free. */
GOL_API GolVM *gol_vm_new(const GolConfig *config, char **error);

/* Runs the program's package initialisers and main.main on the calling thread until it ends; once
 * per VM. Returns its exit status: 0, what os.Exit said, 2 after a panic or fatal error (whose text
 * went to standard error), or -1 with a text in *error if the program could not be loaded. */
GOL_API int gol_run(GolVM *vm, const GolProgram *program, char **error);

/* Frees the VM and all it holds. No thread may be in gol_run. */
GOL_API void gol_vm_close(GolVM *vm);

/* A session: a VM on a thread of its own in which entries (declarations, statements, expressions) run
 * one after the other and see what those before them declared. Its goroutines run on between entries;
 * a panic ends the goroutine only. One caller at a time, gol_session_interrupt apart. */
typedef struct GolSession GolSession;

/* Starts one. NULL with a text in *error. config as for gol_vm_new; the strings must outlive it. */
GOL_API GolSession *gol_session_new(const GolConfig *config, char **error);

typedef enum GolEvalStatus {
    GOL_EVAL_OK,
    GOL_EVAL_INVALID,     /* compile errors: nothing ran */
    GOL_EVAL_PANIC,       /* it panicked; the traceback went to standard error */
    GOL_EVAL_INTERRUPTED, /* gol_session_interrupt; `message` tells if its goroutine still waits */
    GOL_EVAL_ENDED        /* the VM ended (os.Exit, a fatal error): see exit_code; close it */
} GolEvalStatus;

/* An entry. Zero the struct first; later versions append fields. */
typedef struct GolEntry {
    const char *text;
    size_t text_len;
    const char *name;      /* for messages; default "<N>", the entry's number */
    int check_only;        /* run nothing */
    int color;             /* colour the diagnostics */
} GolEntry;

typedef struct GolOutcome {
    GolEvalStatus status;
    int exit_code;         /* GOL_EVAL_ENDED */
    char *message;         /* diagnostics and notes for the user, or NULL; gol_free */
    char *type;            /* type of the last value shown, or NULL; gol_free */
    int64_t run_ns;        /* time from start to end of the entry's run */
} GolOutcome;

/* Compiles and runs an entry and waits for its end. Returns out->status. After anything but
 * GOL_EVAL_OK the entry has declared nothing. */
GOL_API GolEvalStatus gol_eval(GolSession *session, const GolEntry *entry, GolOutcome *out);

/* Ends the entry that gol_eval compiles or runs, soon. From any thread and from signal handlers. */
GOL_API void gol_session_interrupt(GolSession *session);

/* 1 if the text ends in the middle of something: an open bracket, a string, an operator. */
GOL_API int gol_incomplete(const char *text, size_t len);

/* As gol_disassemble, of all functions that entries declared. */
GOL_API int gol_session_disassemble(GolSession *session, const char *filter, FILE *out);

/* Names that may complete text, one a line: package-level names; after "pkg." what it declares; after
 * "value." fields and methods. What does not fit the last word is not left out. gol_free. */
GOL_API char *gol_session_names(GolSession *session, const char *text);

/* Ends all goroutines and frees everything. */
GOL_API void gol_session_close(GolSession *session);

/* Frees a text that this library handed out. NULL is fine. */
GOL_API void gol_free(void *p);

/* For gol's own build: compiles the standard library below std_dir into an image file. Returns 0, or
 * -1 with a text in *error. */
GOL_API int gol_build_image(const char *std_dir, const char *out_path, char **error);

#ifdef __cplusplus
}
#endif

#endif
