/* waitgroup.h - sync.WaitGroup. The struct is the script type's memory (stdlib/sync/wait.gol): every
 * value of its words is defined here. */
#ifndef GOL_RUNTIME_WAITGROUP_H
#define GOL_RUNTIME_WAITGROUP_H

#include "runtime/sched.h"

typedef struct WaitGroup {
    _Atomic uint64_t state; /* the counter in the high half, the number of waiters in the low one */
    _Atomic uint32_t sema;
} WaitGroup;

typedef enum WaitStatus { WAIT_DONE, WAIT_PARKED, WAIT_MISUSE } WaitStatus;

/* The ordinary case: the counter moves and nobody has to be woken. False: nothing was done. */
static inline bool waitgroup_add_fast(P *p, WaitGroup *wg, int32_t delta)
{
    uint64_t old = atomic_load_explicit(&wg->state, memory_order_relaxed);
    int64_t count = (int32_t)(old >> 32), next = count + delta;
    uint32_t waiters = (uint32_t)old;
    if (next < 0 || next > INT32_MAX || (waiters && (next == 0 || count <= 0))) {
        return false;
    }
    uint64_t state = (uint64_t)next << 32 | waiters;
    if (p->solo) {
        atomic_store_explicit(&wg->state, state, memory_order_relaxed);
        return true;
    }
    return atomic_compare_exchange_strong_explicit(&wg->state, &old, state, memory_order_seq_cst,
                                                   memory_order_relaxed);
}

/* NULL, or the text of the panic. Wakes the waiters when the counter comes to 0. */
const char *waitgroup_add(P *p, WaitGroup *wg, int32_t delta);

/* f is saved at the NATIVE that waits. MISUSE: the group was used again before this waiter ran. */
WaitStatus waitgroup_wait(P *p, Fiber *f, WaitGroup *wg);

#endif
