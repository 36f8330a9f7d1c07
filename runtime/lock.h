/* lock.h - the short lock: for critical sections of some tens of nanoseconds.
 *
 * One word; unlocking is a plain release store, so the uncontended pair costs one atomic exchange.
 * A waiter spins, then yields, then naps for growing moments instead of registering itself: the
 * holder never has anything to do for it. Never held across a park, a heap allocation or a call of
 * a script. Lock order (outermost first): Timer.lock, P.timer_lock, channel locks by channel id,
 * sema bucket, GolVM.lock, fiber-list locks.
 */
#ifndef GOL_RUNTIME_LOCK_H
#define GOL_RUNTIME_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct SpinLock {
    _Atomic uint32_t word; /* 0 free, 1 held; acquire exchange pairs with release store */
} SpinLock;

void lock_wait(SpinLock *l);

static inline void lock_acquire(SpinLock *l)
{
    if (atomic_exchange_explicit(&l->word, 1, memory_order_acquire) != 0) {
        lock_wait(l);
    }
}

static inline bool lock_try(SpinLock *l)
{
    return atomic_load_explicit(&l->word, memory_order_relaxed) == 0 &&
           atomic_exchange_explicit(&l->word, 1, memory_order_acquire) == 0;
}

static inline void lock_release(SpinLock *l)
{
    atomic_store_explicit(&l->word, 0, memory_order_release);
}

#endif
