/* waitgroup.c - counting, waiting and waking of sync.WaitGroup. See waitgroup.h.
 *
 * One 64-bit word holds counter and waiters, so that "the counter came to 0 with w waiters" is one
 * atomic step. Who takes it there resets the word and gives the semaphore one unit a waiter; a word
 * that is not 0 when a waiter runs again tells that the group was used too early.
 */
#include "runtime/waitgroup.h"

#include "runtime/sema.h"

const char *waitgroup_add(P *p, WaitGroup *wg, int32_t delta)
{
    uint64_t state = atomic_fetch_add_explicit(&wg->state, (uint64_t)(int64_t)delta << 32,
                                               memory_order_seq_cst) +
                     ((uint64_t)(int64_t)delta << 32);
    int32_t count = (int32_t)(state >> 32);
    uint32_t waiters = (uint32_t)state;
    if (count < 0) {
        return "sync: negative WaitGroup counter";
    }
    if (waiters != 0 && delta > 0 && count == delta) {
        return "sync: WaitGroup misuse: Add called concurrently with Wait";
    }
    if (count > 0 || waiters == 0) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong_explicit(&wg->state, &state, 0, memory_order_seq_cst,
                                                 memory_order_seq_cst)) {
        return "sync: WaitGroup misuse: Add called concurrently with Wait";
    }
    for (; waiters != 0; waiters--) {
        sema_release(p, &wg->sema, false);
    }
    return NULL;
}

WaitStatus waitgroup_wait(P *p, Fiber *f, WaitGroup *wg)
{
    if (f->wake_value) { /* it has waited: the native is called for the second time */
        f->wake_value = 0;
        return atomic_load_explicit(&wg->state, memory_order_seq_cst) == 0 ? WAIT_DONE : WAIT_MISUSE;
    }
    uint64_t old = atomic_load_explicit(&wg->state, memory_order_seq_cst);
    do {
        if ((int32_t)(old >> 32) == 0) {
            return WAIT_DONE;
        }
    } while (!atomic_compare_exchange_weak_explicit(&wg->state, &old, old + 1, memory_order_seq_cst,
                                                    memory_order_seq_cst));
    f->wake_value = 1;
    if (!sema_wait(p, f, &wg->sema, false, WAIT_WAITGROUP_WAIT, RESUME_AGAIN)) {
        return WAIT_PARKED;
    }
    return waitgroup_wait(p, f, wg);
}
