/* host.h - private to embed/: what a VM's host side keeps beside it (GolVM.host).
 *
 * `lock` guards the lists. HostCalls come from a pool and go back only after they were done: one
 * that the VM's end has overtaken may still be written by another thread and stays until the VM is closed. */
#ifndef GOL_EMBED_HOST_H
#define GOL_EMBED_HOST_H

#include "embed/embed.h"
#include "runtime/host.h"
#include "vm/vm.h"

/* Functions of internal/host that C calls. */
#define HOST_LIB(X)                                                                                \
    X(field) X(setField) X(length) X(index) X(setIndex) X(keys) X(method) X(send) X(receive)       \
    X(text) X(slice) X(newMap) X(invoke)
enum {
#define X(name) LIB_##name,
    HOST_LIB(X)
#undef X
    LIB_COUNT
};

/* Parameters of internal/host.basics: the types that scalars of C have in an interface. */
typedef enum BasicType {
    BASIC_BOOL, BASIC_INT64, BASIC_UINT64, BASIC_FLOAT64, BASIC_STRING, BASIC_BYTES, BASIC_LIST,
    BASIC_INT, BASIC_COUNT
} BasicType;

struct GolFunc {
    GolVM *vm;
    const void *fn;        /* Func, or a closure that `root` keeps alive */
    const RType *type;
    HeapRoot root;
    bool rooted;
};

struct GolRef {
    HeapRoot root;
    Iface value;           /* the word is a heap pointer or a scalar */
    char *type_name;       /* made when first asked for */
};

struct GolError {
    GolStatus status;
    int exit_code, line;
    char *message, *traceback, *file;
};

typedef struct Call {
    HostCall host;         /* first */
    const RType *type;     /* of the function */
    GolValue *results;     /* room for nresults; own memory, copied out by the caller */
    size_t nresults, cap;
    bool no_memory;
    struct Call *next;     /* free list */
    struct Call *all_next;
} Call;

/* A VM that ends at a point in time (watch.c). */
typedef struct Watch {
    struct Watch *next;
    GolVM *vm;
    int64_t limit_ns, deadline;
    bool listed;
} Watch;

/* From now on; false: there is no thread to be had. */
bool watch_begin(Watch *w, GolVM *vm, int64_t limit_ns);
/* The VM is left alone after it; also if it was never begun. */
void watch_end(Watch *w);

/* What stands in a list of Embed: first in its struct. */
typedef struct HostLink {
    struct HostLink *next, **at;
} HostLink;

typedef struct Embed {
    GolVM *vm;
    Sink sink;             /* GolVM.err */
    HostIO io;
    Watch watch;
    int64_t time_max;      /* of the program, 0: none */
    SpinLock lock;
    Call *free_calls, *all_calls;
    _Atomic uint64_t nhandles;
    bool started;
    struct Bound *bound;   /* natives of the host; before the program is loaded */
    HostLink *objects, *promises; /* under lock */
    const RType *cell_type; /* internal/host.object */
    const Func *drop;      /* the cleanup of one */
    const RType *basic[BASIC_COUNT];
    struct GolFunc lib[LIB_COUNT];
    /* what the VM said before it ended */
    SpinLock last_lock;
    char *last;
    size_t nlast;
} Embed;

static inline Embed *embed_of(GolVM *vm) { return vm->host; }

/* A thread inside the VM: entered from outside, or nested in a native. */
typedef struct Inside {
    M *m;
    P *p;
    bool nested;
} Inside;

/* False: the VM has ended. */
bool call_enter(GolVM *vm, Inside *in);
void call_leave(Inside *in);

/* Runs the fiber of call c. */
GolStatus call_run(Inside *in, Call *c, Fiber *f, GolError **error);
Call *call_new(Embed *e, const RType *type);
void call_free(Embed *e, Call *c);

GolStatus error_set(GolError **error, GolStatus status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
GolStatus error_ended(GolError **error, GolVM *vm);
GolStatus error_panicked(GolError **error, const char *text);

typedef enum ValueFit {
    FIT_OK,
    FIT_CONVERT, /* not directly: reflect may convert it */
    FIT_NO_MEMORY
} ValueFit;

/* v as a value of type t in frame form at out (zeroed). With a P, not at a safepoint. */
ValueFit value_to_slots(Embed *e, P *p, const RType *t, const GolValue *v, Slot *out);
/* The value at s as C sees it. False: no memory for a handle. */
bool value_from_slots(Embed *e, P *p, const RType *t, const Slot *s, GolValue *out);

/* Removes a root from any thread. */
void value_unroot(GolVM *vm, HeapRoot *root);

/* Calls a function of internal/host whose results are nout values and, with_error, an error. */
GolStatus value_lib(GolVM *vm, int lib, const GolValue *args, size_t nargs, GolValue *out,
                    size_t nout, bool with_error, GolError **error);

/* native.c */
void native_open(GolVM *vm);
bool native_linked(Embed *e); /* the program is loaded */
void native_close(Embed *e);

bool embed_open(GolVM *vm, const GolConfig *config);
/* The program begins to run: wall time counts. False: out of threads. */
bool embed_begin(GolVM *vm);
/* Ends the VM with "fatal error: ..."; from any thread. */
void embed_limit(GolVM *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void embed_close(GolVM *vm);
/* Finds the parts of internal/host; once, before the first call. */
bool embed_prepare(Embed *e);

#endif
