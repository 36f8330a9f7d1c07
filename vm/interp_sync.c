/* interp_sync.c - handlers of sync/atomic and of the locks of sync: synchronisation that costs a
 * script no call.
 *
 * All atomics are sequentially consistent, as Go's memory model says. With one P (p->solo) nobody
 * else runs script code, so that plain loads and stores are: a locked instruction holds up every
 * load behind it, which for an interpreter is the next instruction itself. For the same reason the
 * handlers find their successor's address before they execute a locked instruction (AHEAD).
 *
 * The slow half of a lock saves the fiber at the instruction itself, so that the operand keeps the
 * lock's memory alive while it waits; fiber->resume says whether the instruction is then executed
 * again or is complete (runtime/mutex.h).
 */
#include "vm/interp.h"

#include "runtime/mutex.h"
#include "runtime/waitgroup.h"
#include "vm/panic.h"
#include "vm/vm.h"

#define CHECK_NIL(slot)                                                                            \
    if (UNLIKELY((slot).p == NULL)) {                                                              \
        COLD(cold_nil);                                                                            \
    }

#ifdef GOL_TAIL
#define AHEAD() Handler *const ahead = d->op[pc[1].op]
#define GO_ON()                                                                                    \
    do {                                                                                           \
        pc += 1;                                                                                   \
        MUSTTAIL return ahead(pc, fp, p, d);                                                       \
    } while (0)
#else
#define AHEAD() (void)0
#define GO_ON() NEXT(1)
#endif

/* --- atomics --- */

#define SEQ __ATOMIC_SEQ_CST
#define RLX __ATOMIC_RELAXED
#define SX32(x) ((uint64_t)(int64_t)(int32_t)(x))

HANDLER(ATOMIC_LOAD_32)
{
    CHECK_NIL(RB);
    RA.u = __atomic_load_n((MemU32 *)RB.p, SEQ);
    NEXT(1);
}

HANDLER(ATOMIC_LOAD_64)
{
    CHECK_NIL(RB);
    RA.u = __atomic_load_n((MemU64 *)RB.p, SEQ);
    NEXT(1);
}

HANDLER(ATOMIC_STORE_32)
{
    CHECK_NIL(RA);
    AHEAD();
    MemU32 *m = RA.p;
    if (p->solo) {
        __atomic_store_n(m, (uint32_t)RB.u, RLX);
        GO_ON();
    }
    __atomic_store_n(m, (uint32_t)RB.u, SEQ);
    GO_ON();
}

HANDLER(ATOMIC_ADD_32)
{
    CHECK_NIL(RB);
    AHEAD();
    MemU32 *m = RB.p;
    uint32_t by = (uint32_t)RC.u;
    if (p->solo) {
        uint32_t sum = __atomic_load_n(m, RLX) + by;
        __atomic_store_n(m, sum, RLX);
        RA.u = SX32(sum);
        GO_ON();
    }
    RA.u = SX32(__atomic_add_fetch(m, by, SEQ));
    GO_ON();
}

HANDLER(ATOMIC_ADD_64)
{
    CHECK_NIL(RB);
    AHEAD();
    MemU64 *m = RB.p;
    uint64_t by = RC.u;
    if (p->solo) {
        uint64_t sum = __atomic_load_n(m, RLX) + by;
        __atomic_store_n(m, sum, RLX);
        RA.u = sum;
        GO_ON();
    }
    RA.u = __atomic_add_fetch(m, by, SEQ);
    GO_ON();
}

HANDLER(ATOMIC_SWAP_32)
{
    CHECK_NIL(RB);
    AHEAD();
    RA.u = SX32(__atomic_exchange_n((MemU32 *)RB.p, (uint32_t)RC.u, SEQ));
    GO_ON();
}

HANDLER(ATOMIC_CAS_32)
{
    CHECK_NIL(RB);
    AHEAD();
    MemU32 *m = RB.p;
    uint32_t old = (uint32_t)RC.u;
    if (p->solo) {
        bool same = __atomic_load_n(m, RLX) == old;
        if (same) {
            __atomic_store_n(m, (uint32_t)RC1.u, RLX);
        }
        RA.u = same;
        GO_ON();
    }
    RA.u = __atomic_compare_exchange_n(m, &old, (uint32_t)RC1.u, false, SEQ, SEQ);
    GO_ON();
}

/* The 64-bit forms may carry pointers (atomic.Pointer): the barrier shades whatever is there. */
SLOW_HANDLER(slow_store_64)
{
    heap_before_atomic(p, RA.p, RB.p);
    __atomic_store_n((MemU64 *)RA.p, RB.u, SEQ);
    NEXT(1);
}

HANDLER(ATOMIC_STORE_64)
{
    CHECK_NIL(RA);
    if (UNLIKELY(p->cache.barrier_on)) {
        COLD(slow_store_64);
    }
    AHEAD();
    __atomic_store_n((MemU64 *)RA.p, RB.u, SEQ);
    GO_ON();
}

SLOW_HANDLER(slow_swap_64)
{
    heap_before_atomic(p, RB.p, RC.p);
    RA.u = __atomic_exchange_n((MemU64 *)RB.p, RC.u, SEQ);
    NEXT(1);
}

HANDLER(ATOMIC_SWAP_64)
{
    CHECK_NIL(RB);
    if (UNLIKELY(p->cache.barrier_on)) {
        COLD(slow_swap_64);
    }
    AHEAD();
    RA.u = __atomic_exchange_n((MemU64 *)RB.p, RC.u, SEQ);
    GO_ON();
}

static bool cas_64(Slot *at, const Slot *pair)
{
    uint64_t old = pair[0].u;
    return __atomic_compare_exchange_n((MemU64 *)at->p, &old, pair[1].u, false, SEQ, SEQ);
}

SLOW_HANDLER(slow_cas_64)
{
    heap_before_atomic(p, RB.p, RC1.p);
    RA.u = cas_64(&RB, &RC);
    NEXT(1);
}

HANDLER(ATOMIC_CAS_64)
{
    CHECK_NIL(RB);
    if (UNLIKELY(p->cache.barrier_on)) {
        COLD(slow_cas_64);
    }
    AHEAD();
    RA.u = cas_64(&RB, &RC);
    GO_ON();
}

/* --- locks --- */

#define LOCK_AT(type) ((type *)(void *)((uint8_t *)RA.p + pc->b))

SLOW_HANDLER(slow_lock)
{
    interp_save(p->fiber, pc, fp);
    if (mutex_lock(p, p->fiber, LOCK_AT(Mutex), WAIT_MUTEX_LOCK) == MUTEX_PARKED) {
        COLD(interp_switch);
    }
    NEXT(1);
}

HANDLER(LOCK)
{
    CHECK_NIL(RA);
    AHEAD();
    if (LIKELY(mutex_lock_fast(p, LOCK_AT(Mutex)))) {
        GO_ON();
    }
    COLD(slow_lock);
}

COLD_HANDLER(cold_lock_fatal)
{
    interp_save(p->fiber, pc, fp);
    sched_fatal(p, "%s", vm_p(p)->lock_fatal);
    LEAVE();
}

SLOW_HANDLER(slow_unlock)
{
    if (UNLIKELY(!mutex_unlock(p, LOCK_AT(Mutex)))) {
        vm_p(p)->lock_fatal = "sync: unlock of unlocked mutex";
        COLD(cold_lock_fatal);
    }
    NEXT(1);
}

HANDLER(UNLOCK)
{
    CHECK_NIL(RA);
    AHEAD();
    if (LIKELY(mutex_unlock_fast(p, LOCK_AT(Mutex)))) {
        GO_ON();
    }
    COLD(slow_unlock);
}

SLOW_HANDLER(slow_rlock)
{
    interp_save(p->fiber, pc, fp);
    if (rwmutex_rlock_wait(p, p->fiber, LOCK_AT(RWMutex)) == MUTEX_PARKED) {
        COLD(interp_switch);
    }
    NEXT(1);
}

HANDLER(RLOCK)
{
    CHECK_NIL(RA);
    AHEAD();
    if (LIKELY(rwmutex_count(p, LOCK_AT(RWMutex), 1) >= 0)) {
        GO_ON();
    }
    COLD(slow_rlock);
}

SLOW_HANDLER(slow_runlock)
{
    RWMutex *rw = LOCK_AT(RWMutex);
    const char *bad = rwmutex_runlock_slow(p, rw, vm_p(p)->lock_count);
    if (UNLIKELY(bad != NULL)) {
        vm_p(p)->lock_fatal = bad;
        COLD(cold_lock_fatal);
    }
    NEXT(1);
}

HANDLER(RUNLOCK)
{
    CHECK_NIL(RA);
    AHEAD();
    int32_t n = rwmutex_count(p, LOCK_AT(RWMutex), -1);
    if (LIKELY(n >= 0)) {
        GO_ON();
    }
    vm_p(p)->lock_count = n;
    COLD(slow_runlock);
}

/* --- groups, yielding --- */

HANDLER(WG_ADDI)
{
    CHECK_NIL(RA);
    if (LIKELY(waitgroup_add_fast(p, RA.p, (int32_t)IMMB))) {
        TAKE(1 + (int16_t)pc->c);
    }
    NEXT(1);
}

SLOW_HANDLER(slow_gosched)
{
    sched_gosched(p);
    COLD(interp_switch);
}

HANDLER(GOSCHED)
{
    interp_save(p->fiber, pc + 1, fp);
    COLD(slow_gosched);
}
