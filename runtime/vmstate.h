/* vmstate.h - GolVM: everything that belongs to one VM. There is no global VM state.
 *
 * Other rooms hang their state from it by pointers (heap, vmdata, std), so that this header needs
 * none of theirs. `lock` guards the rarely used lists: idle Ps and Ms, the global run queue, stop
 * and exit transitions. No hot path takes it.
 */
#ifndef GOL_RUNTIME_VMSTATE_H
#define GOL_RUNTIME_VMSTATE_H

#include "runtime/proc.h"

struct Heap;
struct Marker;

/* Where dumps go. */
typedef struct Sink {
    void (*write)(struct Sink *s, const void *data, size_t n);
    void *ctx;
} Sink;
void sink_printf(Sink *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
extern Sink sink_stderr;

/* What a word of code belongs to (runtime.Caller, FuncForPC). Names are the unit's: valid as long as
 * the code is. */
typedef struct FrameInfo {
    const char *name; /* function, "main.f" */
    const char *file;
    size_t name_len, file_len;
    uint32_t line;       /* of the word */
    uint32_t first_line; /* of the function's declaration */
    uintptr_t entry;     /* address of the function's first word */
} FrameInfo;

/* How runtime/ calls up. NULL hooks are skipped, `run` apart. */
typedef struct VMHooks {
    /* Executes p->fiber, switching fibers with sched_next, until sched_next gives NULL or
     * sched_poll says STOP. On return the M's P may be another one. */
    void (*run)(P *p);
    /* Frames of a fiber that is not running, as Go prints them, "created by" included. */
    void (*traceback)(Fiber *f, Sink *sink);
    /* A fiber ends or the VM closes: release what panics, defers and vmdata hold outside the
     * heap. */
    void (*fiber_gone)(struct GolVM *vm, Fiber *f);
    /* POLL_GC at a safepoint: p holds its P, its fiber's state is saved (or p->fiber is NULL). */
    void (*gc)(P *p);
    /* p found no fiber to run: the collector may have something to do for some tens of
     * microseconds. False: it has not. */
    bool (*gc_idle)(P *p);
    /* POLL_VM at a safepoint. */
    void (*poll_vm)(P *p);
    /* Channel timer fires: the element (frame form) to send, e.g. a time.Time of now. `out` has
     * 8 slots. */
    void (*timer_value)(P *p, Slot *out, int64_t now);
    /* AfterFunc fires: start a goroutine that calls func value `fn`. No lock is held. */
    void (*timer_func)(P *p, void *fn);
    /* GC roots of the collector's walk (heap calls these; vm supplies). */
    void (*scan_fiber)(Fiber *f, struct Marker *m);
    /* Package variables in pieces; count_globals says how many. */
    uint32_t (*count_globals)(struct GolVM *vm);
    void (*scan_globals)(struct GolVM *vm, struct Marker *m, uint32_t piece);
    /* A P is created or dies: per-P state of heap and vm. proc_init returns false when out of
     * memory. */
    bool (*proc_init)(P *p);
    void (*proc_free)(P *p);
    /* The running fiber's frames (its state is saved, it is in a native), innermost first, wrappers
     * left out: writes up to max return addresses behind the first `skip` and returns how many. A
     * return address is that of the word after a call; skip 0 begins with the frame that called
     * the native. */
    uint32_t (*callers)(P *p, uint32_t skip, uintptr_t *pcs, uint32_t max);
    /* What stands at address pc (anywhere inside an instruction); false: no code. */
    bool (*pc_info)(struct GolVM *vm, uintptr_t pc, FrameInfo *out);
    /* The descriptor with this identity in the units that are loaded, or NULL. */
    const struct RType *(*find_type)(struct GolVM *vm, const uint64_t hash[2]);
} VMHooks;

#define MAX_PROCS 256

/* choice.h says what these mean */
typedef enum ChoiceMode { CHOICE_FREE, CHOICE_PERTURB, CHOICE_EXACT } ChoiceMode;
typedef enum ChoiceKind {
    CHOICE_NEXT,   /* which of n runnable goroutines, in the order in which they became so */
    CHOICE_VICTIM, /* the P at which stealing begins */
    CHOICE_CASE,   /* which of n ready cases, in source order */
    CHOICE_YIELD   /* n is 2: 0 go on, 1 yield */
} ChoiceKind;

/* Answers below n. Called by the thread that runs p; it may not call back into the VM. */
typedef uint32_t ChoiceFn(P *p, ChoiceKind kind, uint32_t n, void *ctx);

/* Where standard output and error go instead of the process's streams, and how much of it. */
typedef struct HostIO {
    size_t (*write)(void *ctx, int fd, const void *data, size_t n); /* NULL: the process's */
    void *ctx;
    uint64_t output_max;      /* bytes; 0: no limit */
    _Atomic uint64_t output;  /* written so far; any P adds */
} HostIO;

typedef struct GolVM {
    const VMHooks *hooks;
    struct Heap *heap;    /* heap.h */
    void *vmdata;         /* vm/ */
    void *std;            /* stdlib's per-VM state */
    void *host;           /* embedder */
    struct Session *session; /* session.h; NULL: the VM runs a program. Set before it runs */
    Sink *err;            /* where fatal errors go; stderr by default */

    _Atomic uint32_t nprocs; /* GOMAXPROCS; changes with the world stopped, sleepers read it too */
    P *_Atomic procs[MAX_PROCS]; /* created when first needed, freed at close */
    Fiber *main_fiber;

    SpinLock lock;
    /* under lock */
    P *idle_ps;
    M *idle_ms;
    M *want_p;            /* threads that came back from a blocking section and got no P */
    M *all_ms;
    M *host_ms;           /* host.c: those of host threads that are not inside now */
    bool host_open;       /* a host calls in (host_open); set before the first call */
    uint32_t host_waiting; /* host calls whose thread does the work of an M, or waits nested */
    Fiber *globq_head, *globq_tail;
    uint32_t stop_depth;

    /* counters that are read without the lock; written under it unless said otherwise */
    _Atomic uint32_t nglobq;
    _Atomic uint32_t nidle_ps;
    _Atomic uint32_t nwant_p;
    _Atomic uint32_t nspinning;   /* atomic add by anybody; seq_cst: the lost-wakeup protocol */
    _Atomic uint32_t nms;         /* threads started and not yet ended, the host's included */
    _Atomic uint32_t nblocking;   /* threads in blocking sections; atomic add */
    _Atomic uint32_t nio;         /* fibers parked in netpoll; atomic add */
    _Atomic uint32_t nhandles;    /* host handles that may still ready something; atomic add */
    _Atomic uint32_t wake_backoff; /* throttle, see sched.c; relaxed */
    _Atomic uint64_t fiber_ids, chan_ids; /* next batch; atomic add */
    _Atomic uint64_t nslabs;

    /* stop the world */
    _Atomic uint32_t stopping;    /* set under lock; loops look at it */
    _Atomic uint32_t stop_left;   /* futex: Ps not yet stopped */
    _Atomic uint32_t stop_gen;    /* futex: bumped by start_world */
    P *stopper;

    /* the end */
    _Atomic uint32_t exiting;     /* release store by sched_exit_vm; everybody polls it */
    _Atomic bool quitting;        /* quit.h: set by the signal handler, relaxed */
    int exit_code;                /* valid once exiting */
    _Atomic uint32_t host_done;   /* the host's thread has left its loop */

    /* sleeping for timers and descriptors: one idle M is the keeper */
    M *keeper;                    /* under lock */
    _Atomic int64_t keeper_until; /* seq_cst: pairs with timer_add */
    /* internal/testhook: when the timeout of the running tests fires; 0: none. Timers from then on
     * keep nobody from being deadlocked: a deadlock sets `deadlocked` and makes that timer due. */
    _Atomic int64_t watch_until;
    _Atomic bool deadlocked;
    struct Netpoll *_Atomic netpoll; /* created on first use, under lock */
    struct SemaTable *semas;

    /* monitor thread: exists from the first second fiber, timer or blocking section */
    _Atomic uint32_t monitor_state; /* futex: 0 none, 1 runs, 2 parked, 3 ended */
    _Atomic uint32_t monitor_kick; /* futex it naps on */
    _Atomic uint32_t monitor_nap;  /* the nap is a long one; relaxed: a hint */
    bool dumping;                 /* the deadlock report is being written; under lock */
    pthread_t monitor_thread;

    /* fiber slabs; list under slab_lock, which walkers take too */
    SpinLock slab_lock;
    struct FiberSlab *slabs;
    struct FiberSlab *slab_partial, *slab_empty, *slab_released; /* fiberslab.c; slab_lock */
    _Atomic uint32_t nslab_empty; /* slab_lock; the monitor reads it without */
    uint32_t slab_empty_low;
    uint32_t fiber_stack_max;     /* slots; 1,000,000,000 bytes by default */
    uint64_t max_fibers;          /* 0: no limit */

    uint64_t seed;                /* rand.c; random unless given */
    bool seeded;                  /* replay: the monitor never preempts */
    struct {                      /* choice.h; constant while the VM runs, `state` apart */
        ChoiceMode mode;
        ChoiceFn *draw;
        void *ctx;
        uint64_t seed, state;
    } choice;
    bool replay;                  /* choice_replay: virtual clock, counted slices, one thread */
    uint32_t slice_left;          /* replay: back edges and calls to the end of the time slice */
    _Atomic int64_t clock;        /* clock.h: the virtual time of a replay, relaxed */
    _Atomic bool multi;           /* a second fiber was started; relaxed, set once */
    int64_t start_time;           /* monotonic ns */
    int debug[32];                /* debugvars.def, by DEBUG_* */

    /* What os shows of the process; set before the first fiber. env NULL: the process's own */
    int argc;
    const char *const *argv;
    const char *const *env;       /* NULL-terminated "NAME=value" */
    /* package time, from its first timer on: &localLoc, and what makes a time.Time in frame form
     * (3 slots). The VM's hook timer_value calls it: a timer's channel exists only after it is set.
     * Written atomically, always with the same values. */
    void *time_local;
    void (*time_value)(struct P *p, Slot *out, int64_t now);
    void (*object_gone)(struct GolVM *vm, void *record); /* a host's object is garbage: on a P */
    HostIO *io;                   /* the embedder's; NULL: plain streams */
    bool owns_process;            /* the gol command: EPIPE on stdout or stderr ends it by SIGPIPE */
    struct DynTypes *dyn_types;   /* dyntype.c; under its lock */
} GolVM;

#endif
