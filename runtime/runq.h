/* runq.h - a P's run queue: 256 places and the run-next slot, lock-free.
 *
 * The owner pushes at the tail with a release store; owner and thieves take at the head with a CAS
 * whose acquire pairs with it. A full queue moves half of itself to the VM's global queue. With one
 * P (solo) nobody steals and plain stores do.
 */
#ifndef GOL_RUNTIME_RUNQ_H
#define GOL_RUNTIME_RUNQ_H

#include "runtime/vmstate.h"

/* Pushes at the tail; overflows into the global queue. Owner only. */
void runq_put(P *p, Fiber *f);
void runq_overflow(P *p, Fiber *f);
/* Steals half of victim's queue into p's; gives one of them, or NULL. */
Fiber *runq_steal(P *p, P *victim);
bool runq_empty(P *p);

/* The VM's queue: FIFO, under vm->lock. */
void globq_put(GolVM *vm, Fiber *f);
void globq_put_list(GolVM *vm, Fiber *first, Fiber *last, uint32_t n);
/* Takes a fair share (at most max, 0: half a queue) into p's queue; gives one of them. */
Fiber *globq_get(P *p, uint32_t max);

static inline Fiber *runq_get(P *p)
{
    for (;;) {
        uint32_t h = atomic_load_explicit(&p->runq_head, memory_order_acquire);
        if (h == atomic_load_explicit(&p->runq_tail, memory_order_relaxed)) {
            return NULL;
        }
        Fiber *f = atomic_load_explicit(&p->runq[h % RUNQ_SIZE], memory_order_relaxed);
        if (p->solo) {
            atomic_store_explicit(&p->runq_head, h + 1, memory_order_relaxed);
            return f;
        }
        if (atomic_compare_exchange_strong_explicit(&p->runq_head, &h, h + 1, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            return f;
        }
    }
}

/* Puts f into run-next and gives what stood there. Sequentially consistent when there are other Ps:
 * part of the wake-up protocol in sched.c. */
static inline Fiber *runq_swap_next(P *p, Fiber *f)
{
    if (p->solo) {
        Fiber *old = atomic_load_explicit(&p->runnext, memory_order_relaxed);
        atomic_store_explicit(&p->runnext, f, memory_order_relaxed);
        return old;
    }
    return atomic_exchange_explicit(&p->runnext, f, memory_order_seq_cst);
}

/* run-next, else the head of the queue, which begins a new time slice. */
static inline Fiber *runq_take_next(P *p)
{
    if (atomic_load_explicit(&p->runnext, memory_order_relaxed)) {
        Fiber *f = runq_swap_next(p, NULL);
        if (f) {
            return f;
        }
    }
    Fiber *f = runq_get(p);
    if (f) {
        uint32_t s = atomic_load_explicit(&p->slice_tick, memory_order_relaxed);
        atomic_store_explicit(&p->slice_tick, s + 1, memory_order_relaxed);
    }
    return f;
}

#endif
