/* compile.h - the compiler's front door: sources in, a sealed unit or diagnostics out. Runs on the
 * process's compiler thread; callable from any thread (the caller waits). */
#ifndef GOL_LANG_COMPILE_H
#define GOL_LANG_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Unit;

typedef struct CompileInput {
    /* One of: a path (file or directory), or text with a name for messages. */
    const char *path;
    const char *text;       /* NULL: read path */
    size_t text_len;
    bool is_dir;
    bool check_only;        /* no unit */
    bool build_image;       /* path is stdlib/: compile all its packages into the std image */
    bool color;             /* of the diagnostics text */
    const struct Unit *image; /* std image for imports, NULL while it is being built */
    const char *std_path;   /* stdlib/ sources, when there is no image */
    int go_minor;           /* 0: newest */
    const struct LiveInput *live; /* an entry of a live package (live.h); text is set */
} CompileInput;

typedef struct CompileResult {
    struct Unit *unit;      /* malloc'd block; the caller frees it; NULL on error */
    char *diagnostics;      /* malloc'd text, "" if none; warnings included */
    uint32_t nerrors, nwarnings;
    struct LiveResult *live; /* of an entry without errors; live_result_free */
} CompileResult;

void compile_run(const CompileInput *in, CompileResult *out);
void compile_result_free(CompileResult *r); /* not the unit */

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

#endif
