/* mutex.c - sync.Mutex and sync.RWMutex: waiting, waking, starvation. See mutex.h.
 *
 * A mutex is normal or starving. Normal: a woken waiter competes with newcomers, who usually win
 * since they run already; that is fast, because a lock need not wait for a switch. A waiter that has
 * lost for a millisecond makes it starving: from then on unlock hands the lock to the head of the
 * queue and newcomers queue, until a waiter gets it that waited less, or was the last one. (The
 * scheme is Go's; golang/go#13086 has its reasons.)
 *
 * A goroutine that lost waits on m->sema with its pc at the lock instruction and executes that again
 * when it is woken. What it must remember in between is when it began to wait, in fiber->wake_value:
 * 0 is a goroutine that comes for the first time, else the low bits of the clock in units of 16 us.
 * A hand-over leaves the locked bit clear and the starving bit set, which no newcomer takes, so the
 * woken one finds its lock by the starving bit.
 *
 * Newcomers spin for a moment first if the holder runs on another P and nothing else waits for ours.
 */
#include "runtime/mutex.h"

#include <assert.h>

#include "runtime/choice.h"
#include "runtime/os.h"
#include "runtime/sema.h"

enum { SPIN_ROUNDS = 4, SPIN_PAUSES = 30, CLOCK_SHIFT = 14, STARVE_UNITS = 1000000 >> CLOCK_SHIFT };

static int32_t state_of(const Mutex *m)
{
    return atomic_load_explicit(&m->state, memory_order_seq_cst);
}

static bool change(Mutex *m, int32_t *old, int32_t next)
{
    return atomic_compare_exchange_strong_explicit(&m->state, old, next, memory_order_seq_cst,
                                                   memory_order_seq_cst);
}

/* Wrapping sums: a script may have left any value. */
static int32_t plus(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* Never 0. Where a chooser decides, time is the number of switches: nothing may depend on the clock. */
static uint32_t clock_units(P *p)
{
    uint32_t t = choice_exact(p) ? atomic_load_explicit(&p->sched_tick, memory_order_relaxed)
                                 : (uint32_t)((uint64_t)os_now() >> CLOCK_SHIFT);
    return t ? t : 1;
}

static bool may_spin(P *p)
{
    GolVM *vm = p->vm;
    return !p->solo && runq_empty(p) &&
           !atomic_load_explicit(&p->runnext, memory_order_relaxed) && !proc_poll_pending(p) &&
           atomic_load_explicit(&vm->nidle_ps, memory_order_relaxed) +
                   atomic_load_explicit(&vm->nspinning, memory_order_relaxed) + 1 < vm->nprocs;
}

/* Waits for the holder to let go. *woken: unlock was told not to wake anybody, for our sake. */
static int32_t spin(P *p, Mutex *m, bool *woken)
{
    int32_t old = state_of(m);
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if ((old & (MUTEX_LOCKED | MUTEX_STARVING)) != MUTEX_LOCKED || !may_spin(p)) {
            break;
        }
        if (!*woken && !(old & MUTEX_WOKEN) && old / MUTEX_WAITER != 0 &&
            change(m, &old, old | MUTEX_WOKEN)) {
            *woken = true;
        }
        for (int k = 0; k < SPIN_PAUSES; k++) {
            os_pause();
        }
        old = state_of(m);
    }
    return old;
}

/* One attempt of a goroutine in normal mode. True: it has the lock; else it is counted as waiting. */
static bool compete(P *p, Mutex *m, bool woken, bool starved)
{
    int32_t old = spin(p, m, &woken);
    for (;;) {
        bool must_wait = old & (MUTEX_LOCKED | MUTEX_STARVING);
        int32_t next = old;
        if (must_wait) {
            next = plus(next, MUTEX_WAITER);
            if (starved && old & MUTEX_LOCKED) {
                next |= MUTEX_STARVING;
            }
        } else {
            next |= MUTEX_LOCKED;
        }
        if (woken) {
            next &= ~MUTEX_WOKEN;
        }
        if (change(m, &old, next)) {
            return !must_wait;
        }
    }
}

MutexStatus mutex_lock(P *p, Fiber *f, Mutex *m, WaitReason why)
{
    uint32_t since = f->wake_value;
    bool again = since != 0, starved = false;
    f->wake_value = 0;
    for (;;) {
        if (again) {
            starved = starved || clock_units(p) - since > STARVE_UNITS;
            int32_t old = state_of(m);
            if (old & MUTEX_STARVING) {
                /* the lock is ours already; the state says so only after this */
                int32_t delta = MUTEX_LOCKED - MUTEX_WAITER;
                if (!starved || old / MUTEX_WAITER == 1) {
                    delta -= MUTEX_STARVING;
                }
                atomic_fetch_add_explicit(&m->state, delta, memory_order_seq_cst);
                return MUTEX_DONE;
            }
        }
        if (compete(p, m, again, starved)) {
            return MUTEX_DONE;
        }
        since = again ? since : clock_units(p);
        f->wake_value = since;
        if (!sema_wait(p, f, &m->sema, again, why, RESUME_AGAIN)) {
            return MUTEX_PARKED;
        }
        f->wake_value = 0;
        again = true;
    }
}

bool mutex_try_lock(Mutex *m)
{
    int32_t old = state_of(m);
    return (old & (MUTEX_LOCKED | MUTEX_STARVING)) == 0 && change(m, &old, old | MUTEX_LOCKED);
}

bool mutex_unlock(P *p, Mutex *m)
{
    int32_t old = atomic_fetch_sub_explicit(&m->state, MUTEX_LOCKED, memory_order_seq_cst);
    if (!(old & MUTEX_LOCKED)) {
        return false;
    }
    old = plus(old, -MUTEX_LOCKED);
    if (old & MUTEX_STARVING) {
        sema_release(p, &m->sema, true);
        return true;
    }
    while (old / MUTEX_WAITER > 0 && !(old & (MUTEX_LOCKED | MUTEX_WOKEN | MUTEX_STARVING))) {
        if (change(m, &old, plus(old, -MUTEX_WAITER) | MUTEX_WOKEN)) {
            sema_release(p, &m->sema, false);
            break;
        }
    }
    return true;
}

/* ---- RWMutex: a waiting writer keeps new readers out, a leaving one lets waiting readers in, so
 * neither side starves ---- */

MutexStatus rwmutex_rlock_wait(P *p, Fiber *f, RWMutex *rw)
{
    return sema_wait(p, f, &rw->reader_sem, false, WAIT_RWMUTEX_RLOCK, RESUME_SKIP)
               ? MUTEX_DONE : MUTEX_PARKED;
}

MutexStatus rwmutex_lock(P *p, Fiber *f, RWMutex *rw)
{
    if ((f->wake_value || !mutex_lock_fast(p, &rw->w)) &&
        mutex_lock(p, f, &rw->w, WAIT_RWMUTEX_LOCK) == MUTEX_PARKED) {
        return MUTEX_PARKED;
    }
    int32_t n = atomic_fetch_sub_explicit(&rw->readers, MUTEX_READERS_MAX, memory_order_seq_cst);
    if (n == 0 ||
        plus(atomic_fetch_add_explicit(&rw->leaving, n, memory_order_seq_cst), n) == 0) {
        return MUTEX_DONE;
    }
    return sema_wait(p, f, &rw->writer_sem, false, WAIT_RWMUTEX_LOCK, RESUME_SKIP) ? MUTEX_DONE
                                                                                 : MUTEX_PARKED;
}

bool rwmutex_try_rlock(RWMutex *rw)
{
    int32_t n = atomic_load_explicit(&rw->readers, memory_order_seq_cst);
    while (n >= 0) {
        if (atomic_compare_exchange_weak_explicit(&rw->readers, &n, plus(n, 1),
                                                  memory_order_seq_cst, memory_order_seq_cst)) {
            return true;
        }
    }
    return false;
}

bool rwmutex_try_lock(P *p, RWMutex *rw)
{
    int32_t none = 0;
    if (!mutex_try_lock(&rw->w)) {
        return false;
    }
    if (atomic_compare_exchange_strong_explicit(&rw->readers, &none, -MUTEX_READERS_MAX,
                                                memory_order_seq_cst, memory_order_seq_cst)) {
        return true;
    }
    mutex_unlock(p, &rw->w);
    return false;
}

const char *rwmutex_runlock_slow(P *p, RWMutex *rw, int32_t n)
{
    assert(n < 0);
    if (n == -1 || n == -1 - MUTEX_READERS_MAX) {
        return "sync: RUnlock of unlocked RWMutex";
    }
    if (atomic_fetch_sub_explicit(&rw->leaving, 1, memory_order_seq_cst) == 1) {
        sema_release(p, &rw->writer_sem, false);
    }
    return NULL;
}

const char *rwmutex_unlock(P *p, RWMutex *rw)
{
    int32_t n = plus(atomic_fetch_add_explicit(&rw->readers, MUTEX_READERS_MAX,
                                               memory_order_seq_cst), MUTEX_READERS_MAX);
    if (n >= MUTEX_READERS_MAX) {
        return "sync: Unlock of unlocked RWMutex";
    }
    for (; n > 0; n--) {
        sema_release(p, &rw->reader_sem, false);
    }
    if (!mutex_unlock_fast(p, &rw->w) && !mutex_unlock(p, &rw->w)) {
        return "sync: unlock of unlocked mutex";
    }
    return NULL;
}
