/* fiber.h - a goroutine's state: one 448-byte block that holds the struct and its first stack.
 *
 * Blocks come from slabs (fiberslab.c) that stay until the VM closes, so a Fiber pointer is always
 * readable and "all fibers" is "all blocks of all slabs": spawning takes no list lock. A stack that
 * outgrows the block moves to memory of its own (fiber_grow); nothing points into a stack, everybody
 * keeps slot indices, apart from the P that runs it.
 *
 * Who may touch a fiber: while RUNNING, its P; while WAITING, whoever took its Waiter off a queue
 * under that queue's lock (for a select: and won the claim); while RUNNABLE, nobody (it hangs in a
 * run queue, whose release/acquire publishes it). With the world stopped, the stopper.
 */
#ifndef GOL_RUNTIME_FIBER_H
#define GOL_RUNTIME_FIBER_H

#include <stdatomic.h>

#include "runtime/value.h"

struct P;
struct M;
struct GolVM;
struct Chan;
struct Fiber;
struct Timer;
struct RType;

typedef enum FiberStatus {
    FIBER_DEAD,     /* block is free, or its goroutine has ended */
    FIBER_NEW,      /* fiber_new to sched_start: the creator fills it in */
    FIBER_RUNNABLE, /* in a run queue */
    FIBER_RUNNING,  /* p->fiber of some P */
    FIBER_WAITING,  /* parked; `reason` says why */
    FIBER_BLOCKING  /* its thread is inside sched_enter_blocking */
} FiberStatus;

typedef enum WaitReason {
#define WAIT(name, text) WAIT_##name,
#include "runtime/waitreasons.def"
#undef WAIT
    WAIT_COUNT
} WaitReason;

/* What the VM does when it resumes the fiber. Set by the parker, changed by the waker, both while
 * they own the fiber; the VM resets it to RESUME_GO after acting. */
typedef enum FiberResume {
    RESUME_GO,          /* continue at fiber->pc; results stand in the frame */
    RESUME_AGAIN,       /* execute the instruction at fiber->pc (again); a native: call it again */
    RESUME_SKIP,        /* the instruction at fiber->pc is complete: it stayed there so that its
                           operands stay alive */
    RESUME_SEND_CLOSED, /* panic: send on closed channel */
    RESUME_END,         /* end the goroutine, as runtime.Goexit does */
    RESUME_ENTER        /* first run: vm's own use */
} FiberResume;

#define NO_SLOT UINT32_MAX

/* A place in a waiting queue: of a channel (doubly linked), a semaphore, a notify list. A plain
 * wait uses the fiber's own; select takes a block of them. Slot numbers count from the stack's
 * base, which may move while the fiber waits. Protected by the lock of the queue it is in. */
typedef struct Waiter {
    struct Waiter *next;
    union {
        struct Waiter *prev; /* channel queues */
        struct Waiter *tail; /* sema queues: the last waiter of this address, in the first one */
    };
    struct Fiber *fiber;
    union {
        struct Chan *chan;
        void *addr;             /* sema, notify list */
    };
    union {
        struct {
            uint32_t slot;     /* value: read for send, written for receive; NO_SLOT: discard */
            uint32_t ok_slot;  /* receive: gets 1 or 0; NO_SLOT: none */
        };
        struct Waiter *root_next; /* sema: next address in the bucket, in the first waiter */
    };
    uint32_t chosen_slot;      /* select: gets the case's number */
    uint16_t case_index;
    uint8_t is_select;
    uint8_t queued;            /* in a queue; select's clean-up looks at it */
    uint32_t ticket;           /* notify lists */
} Waiter;

typedef struct Fiber {
    /* vm/ owns these; see the rule in sched.h */
    Slot *stack;          /* base; `first` while small */
    uint32_t stack_slots; /* size in slots */
    uint32_t fp;          /* saved frame, index from the base */
    const void *pc;       /* saved pc */
    void *panics;         /* vm's panic records */
    void *defers;         /* vm's defer records */

    struct Fiber *next;   /* run queue or free list; owner of the queue */
    uint64_t id;          /* 0 while dead */
    uint64_t parent;      /* id of the creator */
    const void *create_fn; /* Func of the creator and pc of its go statement (traceback) */
    const void *create_pc;
    void *wait_obj;       /* select: block of Waiters; netpoll: the descriptor */
    _Atomic uint32_t gc;  /* 2 * cycle: scanned; + 1: being scanned (CAS by the scanner); vmheap.c */
    _Atomic uint32_t claim;  /* select: 0 -> 1 by the waker who wins (acq_rel CAS) */
    _Atomic uint8_t status;  /* FiberStatus; relaxed; dumps read it */
    uint8_t reason;       /* WaitReason */
    uint8_t resume;       /* FiberResume */
    uint8_t flags;        /* FIBER_F_* */
    uint32_t nwait;       /* select: Waiters at wait_obj */
    uint32_t since;       /* when a dump first saw this wait, in seconds of the VM, from 1; 0: not seen */
    uint32_t wake_value;  /* free word for a waker's message to a native called again */
    Waiter wait;          /* plain waits; sleep keeps its Timer here */
    Slot first[];         /* the first stack: the rest of the block */
} Fiber;

enum { FIBER_F_MAIN = 1, FIBER_F_SYSTEM = 2 /* not counted, not dumped */,
       FIBER_F_HOST = 4 /* a host call (host.h): its HostCall stands in the stack's slot 0 */,
       FIBER_F_USER = 8
       /* this bit and above are vm's (vm.h) */ };

#define FIBER_BLOCK 448 /* a whole number of cache lines */
#define FIBER_SLAB (1u << 18) /* bytes mapped at a time; GolVM.nslabs counts them */
#ifdef GOL_STRESS
#define FIBER_FIRST_SLOTS 8 /* so that every function's frame makes it grow */
#else
#define FIBER_FIRST_SLOTS ((FIBER_BLOCK - sizeof(Fiber)) / sizeof(Slot))
#endif
_Static_assert(sizeof(Fiber) <= 168, "most of a fiber's block is stack");

/* A dead fiber made ready to be filled: id, parent, creation site; stack empty; status FIBER_NEW.
 * NULL when memory or the goroutine limit is exhausted. */
Fiber *fiber_new(struct P *p);

/* Back to P's free list: frees a grown stack. The VM's own lists must be empty. */
void fiber_free(struct P *p, Fiber *f);

/* Makes room for at least `slots` slots, at least doubling; the content moves. False: beyond the
 * VM's limit (fiber_stack_max) or out of memory. Only the running P calls it, for its own fiber or
 * one in FIBER_NEW. It sets p->stack_limit when f is p->fiber. */
bool fiber_grow(struct P *p, Fiber *f, uint32_t slots);

/* stackstress: the running fiber's stack, of which `used` slots may hold something, moves to another place,
 * and the old one is poisoned. */
void fiber_move(struct P *p, Fiber *f, uint32_t used);

/* VM close: releases every fiber. */
void fiber_free_all(struct GolVM *vm);

/* Name for tracebacks: "running", "runnable", "chan receive" ... */
const char *fiber_state_name(const Fiber *f);
const char *wait_reason_name(WaitReason r);

/* The collector walks slab by slab while fibers run: blocks handed out before the walk began, and
 * some of those handed out since. A slab stays mapped as long as the VM. */
struct FiberSlab;
struct FiberSlab *fiber_slab_first(struct GolVM *vm);
struct FiberSlab *fiber_slab_next(struct FiberSlab *s);
void fiber_slab_each(struct FiberSlab *s, void (*visit)(Fiber *f, void *ctx), void *ctx);

/* Calls visit for each fiber that is not dead (world stopped, or all threads gone). */
void fiber_each(struct GolVM *vm, void (*visit)(Fiber *f, void *ctx), void *ctx);

/* GC roots of a waiting fiber that its stack map does not show: a fiber parks with its pc past the
 * instruction, where the operands are dead. Channels go to `ptr`; values that wait to be sent to
 * `range` (slots in frame form of a type). Receive destinations were zeroed at the park. */
void fiber_wait_roots(Fiber *f, void (*ptr)(void *ctx, void *object),
                      void (*range)(void *ctx, Slot *slots, const struct RType *type), void *ctx);

static inline FiberStatus fiber_status(const Fiber *f)
{
    return (FiberStatus)atomic_load_explicit(&f->status, memory_order_relaxed);
}
static inline void fiber_set_status(Fiber *f, FiberStatus s)
{
    atomic_store_explicit(&f->status, (uint8_t)s, memory_order_relaxed);
}

#endif
