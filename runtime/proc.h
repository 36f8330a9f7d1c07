/* proc.h - P, the right to run script code with all that it caches, and M, a thread.
 *
 * A P belongs to one M at a time (or lies idle); fields without a remark are touched by that M only
 * and are published by the hand-over of the P. There are GOMAXPROCS of them.
 */
#ifndef GOL_RUNTIME_PROC_H
#define GOL_RUNTIME_PROC_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/fiber.h"
#include "runtime/heap.h"
#include "runtime/lock.h"

struct GolVM;
struct Timer;

#define RUNQ_SIZE 256
#define SELECT_INLINE 8 /* cases that select handles without malloc */

/* Bits of P.poll: why a back edge or call must take the slow path (sched_poll). */
enum {
    POLL_STOP = 1,    /* the world stops */
    POLL_KILL = 2,    /* the VM ends */
    POLL_PREEMPT = 4, /* ran for 10 ms: let others */
    POLL_GC = 8,      /* a collection is due */
    POLL_TIMER = 16,  /* a timer of this P is due */
    POLL_QUIT = 64,   /* SIGQUIT: print all goroutines and end, quit.c */
    POLL_VM = 32      /* vm's own requests (signals, budget): hooks->poll_vm */
};

typedef enum PStatus {
    P_IDLE,    /* in vm->idle_ps; the status changes under vm->lock */
    P_RUNNING, /* an M runs it (or spins for work with it) */
    P_BLOCKING, /* its M is in a blocking section: monitor or stopper may take it (CAS) */
    P_STOPPED, /* the world is stopped; changes under vm->lock */
    P_DEAD     /* GOMAXPROCS was lowered */
} PStatus;

typedef struct TimerEntry {
    int64_t when;
    struct Timer *timer;
    uint32_t number;              /* timer.c: the entry counts while the timer's `armed` is this */
} TimerEntry;

typedef struct P {
    HeapCache cache;              /* first: heap_cache(p) relies on it */

    /* What the dispatch loop reads all the time */
    _Alignas(64)
    _Atomic uint32_t poll;        /* POLL_*: set by anybody (fetch_or), cleared by the owner */
    bool solo;                    /* GOMAXPROCS is 1: locks and wake-ups are skipped; changes with
                                     the world stopped */
    bool move_stack;              /* GODEBUG=stackstress: every call takes the slow path */
    bool chosen;                  /* choices are drawn by a chooser (choice.h), not by the queues */
    _Atomic(Slot *) stack_limit;  /* end of the running fiber's stack, or NULL: take the slow path.
                                     The owner sets it; others only write NULL after poll */
    Fiber *fiber;                 /* what runs; NULL between fibers */
    struct GolVM *vm;
    void *vmdata;                 /* vm/'s per-P state */

    /* Run queue: owner pushes at tail (release), anybody takes at head (CAS) */
    _Alignas(64) _Atomic uint32_t runq_head;
    _Atomic uint32_t runq_tail;
    _Atomic(Fiber *) runnext;     /* runs next, in the same time slice; exchanged */
    _Atomic uint32_t sched_tick;  /* switches, written by the owner, relaxed */
    _Atomic uint32_t slice_tick;  /* time slices begun: the monitor compares it */
    uint32_t wake_skip;           /* wake-ups still to be left out; see sched.c "throttle" */
    Fiber *free_fibers;
    uint32_t nfree_fibers;
    struct FiberSlab *fresh;      /* slab that still has virgin blocks */
    uint64_t next_id, end_id;     /* batch of fiber ids */
    uint64_t next_chan_id, end_chan_id;
    uint64_t rand[2];             /* rand.c */
    uint64_t choice_state;        /* choice.c: this P's generator in CHOICE_PERTURB */
    Waiter *free_selects;         /* blocks of SELECT_INLINE waiters, linked by next */
    _Atomic int64_t nlive;        /* fibers born minus died here; sum over Ps = NumGoroutine */

    /* Timers: a 4-ary heap under timer_lock */
    _Alignas(64) SpinLock timer_lock;
    uint32_t ntimers, cap_timers, dead_timers;
    TimerEntry *timers;
    _Atomic int64_t next_timer;   /* when of the first, INT64_MAX: none; written under the lock */

    uint32_t id;
    _Atomic uint32_t status;      /* PStatus; P_BLOCKING | block_tick << 8 in a blocking section */
    struct M *m;                  /* who runs it; under vm->lock or by that M */
    struct P *next_idle;          /* vm->lock */
    uint32_t mon_slice, mon_block; /* monitor only: what it saw last */
    int64_t mon_when;
    _Atomic uint32_t block_tick;  /* blocking sections entered */
    _Atomic(Fiber *) runq[RUNQ_SIZE];
} P;

typedef struct M {
    P *p;                    /* own thread; a waker sets it before waking (vm->lock) */
    struct GolVM *vm;
    _Atomic uint32_t wake;   /* futex: 0 asleep or about to be, 1 woken */
    _Atomic uint32_t in_poll; /* sleeps in epoll_wait: wake through the eventfd */
    bool spinning;
    bool is_host;            /* a thread of the host: called sched_run_vm or host_attach */
    bool hosted;             /* runs a nested host call and nothing else: the loop is left when that
                                parks or yields */
    struct HostCall *call;   /* waits for its end, as an M among others (host.h) */
    Fiber *block_fiber;      /* fiber in the blocking section */
    uint32_t block_depth;
    uint32_t block_status;   /* what its P's status was set to */
    struct M *next_idle;     /* vm->lock: idle list, or list of those that want a P back */
    struct M *all_next;
    struct M *outer;         /* the M of an enclosing VM on this thread */
    pthread_t thread;
} M;

/* While the collector marks, a fiber is scanned before it runs. p scans it into its own Marker, or
 * waits for whoever is at it. vmheap.c */
void fiber_gc_scan_slow(P *p, Fiber *f);
static inline void fiber_gc_scan(P *p, Fiber *f)
{
    if (__builtin_expect(p->cache.barrier_on != 0, 0)) {
        fiber_gc_scan_slow(p, f);
    }
}

/* Places for a fiber's frame: the owner's view. */
static inline Slot *fiber_slot(Fiber *f, uint32_t i) { return f->stack + i; }

/* Sets p->stack_limit for the running fiber and keeps a poison that came meanwhile. */
static inline void proc_set_limit(P *p, Fiber *f)
{
    atomic_store_explicit(&p->stack_limit, f->stack + f->stack_slots, memory_order_relaxed);
    if (atomic_load_explicit(&p->poll, memory_order_relaxed) != 0 || p->move_stack) {
        atomic_store_explicit(&p->stack_limit, NULL, memory_order_relaxed);
    }
}

static inline bool proc_poll_pending(P *p)
{
    return __builtin_expect(atomic_load_explicit(&p->poll, memory_order_relaxed) != 0, 0);
}

#endif
