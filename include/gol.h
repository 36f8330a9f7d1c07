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
    int natives;           /* functions without body are natives of the host (gol_module_file) */
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

typedef enum GolSched {
    GOL_SCHED_FREE,
    GOL_SCHED_SEED,        /* one P and a virtual clock: the same interleaving for the same seed */
    GOL_SCHED_PERTURB      /* goroutines yield at random where they synchronise */
} GolSched;

/* Limits and surroundings of a VM. Zero means the default. Later versions append fields.
 *
 * A program that reaches a limit ends by a fatal error that names it, as "fatal error: limit of 1000
 * steps reached", exit status 2, within milliseconds, wherever its goroutines stand. */
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
    uint64_t steps_max;    /* loop iterations, calls and channel operations, of all goroutines */
    uint64_t goroutines_max; /* at a time */
    int64_t time_max_ns;   /* wall time from the start of the program, nanoseconds */
    uint64_t output_max;   /* bytes written to standard output and error */
    /* Gets what the program writes to standard output (fd 1) and standard error (fd 2), fatal errors
     * too, instead of the process's streams. On any thread of the VM, several at once; it may block,
     * and returns how many bytes it took: fewer than n is an error of the write. */
    size_t (*write)(void *ctx, int fd, const void *data, size_t n);
    void *ctx;
    GolSched sched;        /* who makes the scheduling choices */
    uint64_t sched_seed;
} GolConfig;

/* A VM, or NULL with a text in *error that the caller frees with gol_free. */
GOL_API GolVM *gol_vm_new(const GolConfig *config, char **error);

/* Runs the program's package initialisers and main.main on the calling thread until it ends; once
 * per VM. Returns its exit status: 0, what os.Exit said, 2 after a panic or fatal error (whose text
 * went to standard error), or -1 with a text in *error if the program could not be loaded. */
GOL_API int gol_run(GolVM *vm, const GolProgram *program, char **error);

/* Frees the VM and all it holds. No thread may be in gol_run. */
GOL_API void gol_vm_close(GolVM *vm);

/* ---- Calls from C ------------------------------------------------------------------------------
 *
 * gol_start runs a program and leaves the VM alive: its goroutines go on, and C calls its functions,
 * from any number of threads at once. Every call that can fail gives a status and, unless error is
 * NULL, an error object in *error, which is NULL after GOL_OK. */

typedef enum GolStatus {
    GOL_OK,
    GOL_INVALID,   /* what the caller gave does not fit: no such name, wrong type; nothing ran */
    GOL_PANIC,     /* the called goroutine panicked and nothing recovered; the VM lives on */
    GOL_GOEXIT,    /* it was ended by runtime.Goexit; the VM lives on */
    GOL_ENDED      /* the VM has ended: os.Exit, a fatal error, a limit, gol_vm_kill; close it */
} GolStatus;

/* An error, to be freed with gol_error_free. The texts live as long as it does. */
typedef struct GolError GolError;
GOL_API GolStatus gol_error_status(const GolError *error);
GOL_API const char *gol_error_message(const GolError *error);
/* The goroutine's traceback as Go prints it, "" if there is none. */
GOL_API const char *gol_error_traceback(const GolError *error);
/* Position of the innermost function in the traceback: line, and the file in *file; 0 and NULL if unknown. */
GOL_API int gol_error_position(const GolError *error, const char **file);
/* After GOL_ENDED: the program's exit status. */
GOL_API int gol_error_exit_code(const GolError *error);
GOL_API void gol_error_free(GolError *error);

/* Loads the program, runs its initialisers and main.main, and returns when main.main has. Once per VM,
 * in place of gol_run. The program must outlive the VM. */
GOL_API GolStatus gol_start(GolVM *vm, const GolProgram *program, GolError **error);

/* Ends every goroutine, wherever it stands, and returns when nothing of the VM runs, natives of the
 * host that do not return apart. From any thread that is not inside the VM, at any moment between
 * gol_vm_new and gol_vm_close. Calls in progress return GOL_ENDED; so does every later one. */
GOL_API void gol_vm_kill(GolVM *vm);

/* While a call waits and every goroutine sleeps for good, the program is deadlocked, a fatal error.
 * A host that may wake one by a call from another thread says so: holds are counted. */
GOL_API void gol_vm_hold(GolVM *vm);
GOL_API void gol_vm_unhold(GolVM *vm);

/* A value as it crosses between C and a VM: a scalar by value, a string or bytes by pointer, anything
 * else by handle. Make them with the functions below.
 *
 * From C to gol: strings, bytes and lists are borrowed for the call and copied. From gol to C: `ref` is
 * a handle that keeps the value alive, and with it the text that `s` points to, until gol_release;
 * bytes are the script's own, so what the script writes shows. Handles may be passed on in calls and be
 * used from any thread; each belongs to its VM and must be released before that is closed. */
typedef enum GolKind {
    GOL_NIL,
    GOL_BOOL,      /* u: 0 or 1 */
    GOL_INT,       /* i: any signed integer type */
    GOL_UINT,      /* u: any unsigned integer type */
    GOL_FLOAT,     /* f */
    GOL_STRING,    /* s, len; not NUL-terminated */
    GOL_BYTES,     /* p, len: a []byte */
    GOL_LIST,      /* list, len: only from C to gol, for a []any, or a slice or array of any type */
    GOL_OBJECT     /* ref: slice, map, struct, pointer, function, channel, complex, ... */
} GolKind;

typedef struct GolRef GolRef;

typedef struct GolValue {
    GolKind kind;
    union {
        int64_t i;
        uint64_t u;
        double f;
        const char *s;
        void *p;
        const struct GolValue *list;
    };
    size_t len;
    GolRef *ref;
} GolValue;

static inline GolValue gol_nil(void) { GolValue v = {GOL_NIL, {0}, 0, 0}; return v; }
static inline GolValue gol_bool(int b) { GolValue v = {GOL_BOOL, {0}, 0, 0}; v.u = b != 0; return v; }
static inline GolValue gol_int(int64_t i) { GolValue v = {GOL_INT, {0}, 0, 0}; v.i = i; return v; }
static inline GolValue gol_uint(uint64_t u) { GolValue v = {GOL_UINT, {0}, 0, 0}; v.u = u; return v; }
static inline GolValue gol_float(double f) { GolValue v = {GOL_FLOAT, {0}, 0, 0}; v.f = f; return v; }
static inline GolValue gol_string(const char *s, size_t n)
{
    GolValue v = {GOL_STRING, {0}, 0, 0};
    v.s = s;
    v.len = n;
    return v;
}
static inline GolValue gol_bytes(const void *p, size_t n)
{
    GolValue v = {GOL_BYTES, {0}, 0, 0};
    v.s = (const char *)p;
    v.len = n;
    return v;
}
static inline GolValue gol_list(const GolValue *values, size_t n)
{
    GolValue v = {GOL_LIST, {0}, 0, 0};
    v.list = values;
    v.len = n;
    return v;
}

/* Gives up v's handle, if it has one, and makes v nil. */
GOL_API void gol_release(GolVM *vm, GolValue *v);
/* How many handles of the VM are not yet released. */
GOL_API size_t gol_vm_handles(GolVM *vm);

/* A function prepared for calls. */
typedef struct GolFunc GolFunc;

/* A package-level function: "main.Add", "example.com/geom.Area"; generic ones cannot be had. NULL
 * with an error. Free it with gol_func_free before the VM is closed. */
GOL_API GolFunc *gol_func(GolVM *vm, const char *name, GolError **error);
/* The function that a value holds (a func value: closure, method, result of gol_method). */
GOL_API GolFunc *gol_func_of(GolVM *vm, const GolValue *value, GolError **error);
GOL_API void gol_func_free(GolFunc *f);

/* Calls f in a goroutine of its own and waits for its end. Arguments are converted where nothing is
 * lost: numbers between types that can hold them, lists and map[string]any element by element. Up to
 * nresults results are stored; what is not there becomes nil. From natives too: then the
 * calling goroutine waits. */
GOL_API GolStatus gol_call(GolFunc *f, const GolValue *args, size_t nargs, GolValue *results,
                           size_t nresults, GolError **error);

/* Looking into values. Pointers are followed; struct fields are exported ones, promoted ones included.
 * *out is the caller's to release. */
GOL_API GolStatus gol_get(GolVM *vm, const GolValue *object, const char *field, GolValue *out,
                          GolError **error);
GOL_API GolStatus gol_set(GolVM *vm, const GolValue *object, const char *field,
                          const GolValue *value, GolError **error);
/* Slice, array, string, map. A map without the key gives GOL_OK and nil, and 0 in *found. */
GOL_API GolStatus gol_index(GolVM *vm, const GolValue *object, const GolValue *key, GolValue *out,
                            int *found, GolError **error);
GOL_API GolStatus gol_set_index(GolVM *vm, const GolValue *object, const GolValue *key,
                                const GolValue *value, GolError **error);
GOL_API GolStatus gol_len(GolVM *vm, const GolValue *object, int64_t *len, GolError **error);
/* The keys of a map, as a []any. */
GOL_API GolStatus gol_keys(GolVM *vm, const GolValue *map, GolValue *out, GolError **error);
/* The method as a function bound to the object. */
GOL_API GolStatus gol_method(GolVM *vm, const GolValue *object, const char *name, GolValue *out,
                             GolError **error);
/* Channel operations that wait as a goroutine does. *ok is 0 when the channel is closed. */
GOL_API GolStatus gol_send(GolVM *vm, const GolValue *channel, const GolValue *value,
                           GolError **error);
GOL_API GolStatus gol_receive(GolVM *vm, const GolValue *channel, GolValue *out, int *ok,
                              GolError **error);
/* A new []any with these elements, a new empty map[string]any. */
GOL_API GolStatus gol_new_slice(GolVM *vm, const GolValue *values, size_t n, GolValue *out,
                                GolError **error);
GOL_API GolStatus gol_new_map(GolVM *vm, GolValue *out, GolError **error);
/* What fmt.Sprint makes of the value, NUL-terminated; free it with gol_free. */
GOL_API GolStatus gol_text(GolVM *vm, const GolValue *value, char **out, GolError **error);
/* The type as %T prints it, "nil" for nil. Lives as long as the handle; static for scalars. */
GOL_API const char *gol_type_name(const GolValue *value);

/* ---- C functions in gol ------------------------------------------------------------------------
 *
 * A module is a package of the host: gol text, and C functions registered by their Go signatures. It is
 * given to the compiler as a file (GolSource.files) and bound to each VM with a context pointer. */

typedef struct GolModule GolModule;
typedef struct GolCall GolCall; /* one call of a native: valid until the native returns */

/* A native runs on a thread of the VM, several at once. It stores results and returns; it must not
 * block, except between gol_block_begin and gol_block_end, and may call gol_call. */
typedef void (*GolNative)(GolCall *call);

/* source: the package's text from its package clause on, without the natives; NULL: nothing but the
 * clause. Copied. NULL without memory. */
GOL_API GolModule *gol_module_new(const char *import_path, const char *source);
/* signature: a declaration without body, "func Add(a, b int) int", "func (w *Window) Title() string".
 * Returns 0, or -1 if it cannot be one; what the compiler has against it, it will say. */
GOL_API int gol_module_func(GolModule *m, const char *signature, GolNative fn);
/* The module as a file for GolSource.files, until the module changes or is freed. */
GOL_API const GolFile *gol_module_file(GolModule *m);
GOL_API void gol_module_free(GolModule *m);
/* Before gol_start or gol_run: the VM's programs find the module's natives, which find ctx by
 * gol_call_ctx. The module may be freed afterwards. 0, or -1 without memory. */
GOL_API int gol_vm_bind(GolVM *vm, const GolModule *m, void *ctx);

GOL_API void *gol_call_ctx(GolCall *call);
GOL_API GolVM *gol_call_vm(GolCall *call);

/* Arguments, counted from 0 without the receiver. What is not there or of another kind is 0 or "". A
 * text stays where it is until the native returns. */
GOL_API int64_t gol_arg_int(GolCall *call, size_t i); /* any integer type */
GOL_API double gol_arg_float(GolCall *call, size_t i);
GOL_API int gol_arg_bool(GolCall *call, size_t i);
GOL_API const char *gol_arg_string(GolCall *call, size_t i, size_t *len); /* string or []byte */
/* Any argument; *out is the caller's to release. 0, or -1 without memory. */
GOL_API int gol_arg(GolCall *call, size_t i, GolValue *out);

/* Results. What does not fit the signature panics when the native returns, and gives -1. */
GOL_API void gol_result_int(GolCall *call, size_t i, int64_t v);
GOL_API int gol_result(GolCall *call, size_t i, const GolValue *v);

/* The call panics with this text as its error when the native returns. */
GOL_API void gol_panic(GolCall *call, const char *fmt, ...);

/* Objects of the host: a result whose type is a struct of one pointer field, or a pointer to such a struct,
 * as "type handle struct{}; type Window struct{ h *handle }". The script can copy it, not look into it or
 * forge it. finalize, if not NULL, is called once when the last copy is garbage or the VM is closed, on any
 * thread; it must not call into the VM. */
GOL_API int gol_result_object(GolCall *call, size_t i, void *ptr, void (*finalize)(void *ptr));
/* The pointer; NULL for the zero value. */
GOL_API void *gol_arg_object(GolCall *call, size_t i);
GOL_API void *gol_receiver(GolCall *call);

/* Between these the native may block: its P serves other goroutines. It touches no argument. */
GOL_API void gol_block_begin(GolCall *call);
GOL_API void gol_block_end(GolCall *call);

/* The native will have been done when the promise is resolved, by any thread: the goroutine waits, no
 * thread does. Once a native, as the last that it does. Every promise must be resolved or rejected once,
 * before or after the VM's end. Results as in gol_result, copied, lists excepted; a rejected one panics. */
typedef struct GolPromise GolPromise;
GOL_API GolPromise *gol_promise_new(GolCall *call);
GOL_API void gol_promise_resolve(GolPromise *promise, const GolValue *results, size_t n);
GOL_API void gol_promise_reject(GolPromise *promise, const char *message);

/* ---- Sessions -------------------------------------------------------------------------------- */

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

/* The declaration of name (x, T, T.m, pkg.F, pkg.T.m: the session's or a std package's) and the
 * comment before it; of a type also its methods. NULL: there is none. gol_free. */
GOL_API char *gol_session_doc(GolSession *session, const char *name);

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
