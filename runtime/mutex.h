/* mutex.h - sync.Mutex and sync.RWMutex: the slow halves of the opcodes and natives.
 *
 * The structs are the script types' memory (stdlib/sync/mutex.gol declares the same fields), which a
 * script may have copied or scribbled over: every value of every word is defined here, and the worst
 * that a wrong one does is a wait without end or a fatal error of the script.
 */
#ifndef GOL_RUNTIME_MUTEX_H
#define GOL_RUNTIME_MUTEX_H

#include "runtime/sched.h"

/* Bits of Mutex.state; the number of waiting goroutines stands above them. */
enum { MUTEX_LOCKED = 1, MUTEX_WOKEN = 2, MUTEX_STARVING = 4, MUTEX_WAITER = 8 };

typedef struct Mutex {
    _Atomic int32_t state;
    _Atomic uint32_t sema;
} Mutex;

typedef struct RWMutex {
    Mutex w;                     /* the writer that has the lock or is next */
    _Atomic uint32_t writer_sem; /* it waits here for the readers before it */
    _Atomic uint32_t reader_sem; /* readers wait here for the writer */
    _Atomic int32_t readers;     /* who have or await the lock; less MUTEX_READERS_MAX with a writer */
    _Atomic int32_t leaving;     /* readers that the writer waits for */
} RWMutex;

#define MUTEX_READERS_MAX (1 << 30)

/* The fast halves: no waiting, no wake-up. False: take the slow one. With one P nobody else runs
 * script code, so plain loads and stores do. */
static inline bool mutex_lock_fast(P *p, Mutex *m)
{
    int32_t zero = 0;
    if (p->solo) {
        if (atomic_load_explicit(&m->state, memory_order_relaxed) != 0) {
            return false;
        }
        atomic_store_explicit(&m->state, MUTEX_LOCKED, memory_order_relaxed);
        return true;
    }
    return atomic_compare_exchange_strong_explicit(&m->state, &zero, MUTEX_LOCKED,
                                                   memory_order_seq_cst, memory_order_relaxed);
}

static inline bool mutex_unlock_fast(P *p, Mutex *m)
{
    int32_t held = MUTEX_LOCKED;
    if (p->solo) {
        if (atomic_load_explicit(&m->state, memory_order_relaxed) != MUTEX_LOCKED) {
            return false;
        }
        atomic_store_explicit(&m->state, 0, memory_order_relaxed);
        return true;
    }
    return atomic_compare_exchange_strong_explicit(&m->state, &held, 0, memory_order_seq_cst,
                                                   memory_order_relaxed);
}

/* A reader comes or goes: the count afterwards; below 0 the slow half goes on from it. */
static inline int32_t rwmutex_count(P *p, RWMutex *rw, int32_t delta)
{
    if (p->solo) {
        int32_t n = (int32_t)((uint32_t)atomic_load_explicit(&rw->readers, memory_order_relaxed) +
                              (uint32_t)delta);
        atomic_store_explicit(&rw->readers, n, memory_order_relaxed);
        return n;
    }
    return (int32_t)((uint32_t)atomic_fetch_add_explicit(&rw->readers, delta,
                                                         memory_order_seq_cst) + (uint32_t)delta);
}

/* f is the running fiber, saved at the instruction (or NATIVE) itself, so that the lock's memory
 * stays alive by its operand. DONE: have it. PARKED: sched_next; the instruction is then executed
 * again (RESUME_AGAIN) or skipped (RESUME_SKIP), as the fiber says. */
typedef enum MutexStatus { MUTEX_DONE, MUTEX_PARKED } MutexStatus;

MutexStatus mutex_lock(P *p, Fiber *f, Mutex *m, WaitReason why);
bool mutex_try_lock(Mutex *m);
/* False: it was not locked (fatal error: sync: unlock of unlocked mutex). */
bool mutex_unlock(P *p, Mutex *m);

MutexStatus rwmutex_rlock_wait(P *p, Fiber *f, RWMutex *rw); /* after rwmutex_count gave < 0 */
MutexStatus rwmutex_lock(P *p, Fiber *f, RWMutex *rw);
bool rwmutex_try_rlock(RWMutex *rw);
bool rwmutex_try_lock(P *p, RWMutex *rw);
/* NULL, or the text of the fatal error. runlock_slow: after rwmutex_count gave n < 0. */
const char *rwmutex_runlock_slow(P *p, RWMutex *rw, int32_t n);
const char *rwmutex_unlock(P *p, RWMutex *rw);

#endif
