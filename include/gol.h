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

/* What to compile. Zero the struct first; later versions append fields. */
typedef struct GolSource {
    const char *path;      /* file or folder; with text: the name for messages */
    const char *text;      /* the source itself, or NULL to read path */
    size_t text_len;
    int check_only;        /* report diagnostics, make no program */
    int color;             /* colour the diagnostics */
} GolSource;

/* Compiles. Gives NULL if there are errors, or if check_only is set. *diagnostics is then, and also
 * when there are only warnings, a text for the user that the caller frees with gol_free ("" if there
 * is nothing to say). *nerrors, if not NULL, is the number of errors. */
GOL_API GolProgram *gol_compile(const GolSource *source, char **diagnostics, int *nerrors);
GOL_API void gol_program_free(GolProgram *program);

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
} GolConfig;

/* A VM, or NULL with a text in *error that the caller frees with gol_free. */
GOL_API GolVM *gol_vm_new(const GolConfig *config, char **error);

/* Runs the program's package initialisers and main.main on the calling thread until it ends; once
 * per VM. Returns its exit status: 0, what os.Exit said, 2 after a panic or fatal error (whose text
 * went to standard error), or -1 with a text in *error if the program could not be loaded. */
GOL_API int gol_run(GolVM *vm, const GolProgram *program, char **error);

/* Frees the VM and all it holds. No thread may be in gol_run. */
GOL_API void gol_vm_close(GolVM *vm);

/* Frees a text that this library handed out. NULL is fine. */
GOL_API void gol_free(void *p);

/* For gol's own build: compiles the standard library below std_dir into an image file. Returns 0, or
 * -1 with a text in *error. */
GOL_API int gol_build_image(const char *std_dir, const char *out_path, char **error);

#ifdef __cplusplus
}
#endif

#endif
