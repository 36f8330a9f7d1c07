/* sync.c - the natives of package sync: locks (runtime/mutex.h), groups (runtime/waitgroup.h), and the
 * notify lists of Cond (runtime/sema.h).
 *
 * Addresses are checked for nil, they are objects or fields of objects otherwise.
 */
#include <string.h>

#include "runtime/heap.h"
#include "runtime/mutex.h"
#include "runtime/native.h"
#include "runtime/sched.h"
#include "runtime/sema.h"
#include "runtime/waitgroup.h"
#include "stdlib/sync/atomic/cellcas.h"

static NativeStatus nil_address(P *p)
{
    return native_panic_error(p, "invalid memory address or nil pointer dereference");
}

static NativeStatus lock_status(P *p, MutexStatus s)
{
    if (s == MUTEX_DONE) {
        return NATIVE_OK;
    }
    return NATIVE_PARK; /* what the fiber does next it knows itself (fiber->resume) */
}

static NativeStatus fatal_or_ok(P *p, const char *bad)
{
    return bad ? native_fatal(p, "%s", bad) : NATIVE_OK;
}

static NativeStatus mutex_lock_native(P *p, Slot *fp)
{
    Mutex *m = fp[0].p;
    if (!m) {
        return nil_address(p);
    }
    if (!p->fiber->wake_value && mutex_lock_fast(p, m)) {
        return NATIVE_OK;
    }
    return lock_status(p, mutex_lock(p, p->fiber, m, WAIT_MUTEX_LOCK));
}

static NativeStatus mutex_try_lock_native(P *p, Slot *fp)
{
    if (!fp[1].p) {
        return nil_address(p);
    }
    fp[0].u = mutex_try_lock(fp[1].p);
    return NATIVE_OK;
}

static NativeStatus mutex_unlock_native(P *p, Slot *fp)
{
    Mutex *m = fp[0].p;
    if (!m) {
        return nil_address(p);
    }
    bool ok = mutex_unlock_fast(p, m) || mutex_unlock(p, m);
    return fatal_or_ok(p, ok ? NULL : "sync: unlock of unlocked mutex");
}

static NativeStatus rw_rlock(P *p, Slot *fp)
{
    RWMutex *rw = fp[0].p;
    if (!rw) {
        return nil_address(p);
    }
    return rwmutex_count(p, rw, 1) >= 0 ? NATIVE_OK
                                        : lock_status(p, rwmutex_rlock_wait(p, p->fiber, rw));
}

static NativeStatus rw_runlock(P *p, Slot *fp)
{
    RWMutex *rw = fp[0].p;
    if (!rw) {
        return nil_address(p);
    }
    int32_t n = rwmutex_count(p, rw, -1);
    return fatal_or_ok(p, n >= 0 ? NULL : rwmutex_runlock_slow(p, rw, n));
}

static NativeStatus rw_lock(P *p, Slot *fp)
{
    return fp[0].p ? lock_status(p, rwmutex_lock(p, p->fiber, fp[0].p)) : nil_address(p);
}

static NativeStatus rw_unlock(P *p, Slot *fp)
{
    return fp[0].p ? fatal_or_ok(p, rwmutex_unlock(p, fp[0].p)) : nil_address(p);
}

static NativeStatus rw_try_rlock(P *p, Slot *fp)
{
    if (!fp[1].p) {
        return nil_address(p);
    }
    fp[0].u = rwmutex_try_rlock(fp[1].p);
    return NATIVE_OK;
}

static NativeStatus rw_try_lock(P *p, Slot *fp)
{
    if (!fp[1].p) {
        return nil_address(p);
    }
    fp[0].u = rwmutex_try_lock(p, fp[1].p);
    return NATIVE_OK;
}

/* func (wg *WaitGroup) add(delta int) string */
static NativeStatus group_add(P *p, Slot *fp)
{
    WaitGroup *wg = fp[2].p;
    if (!wg) {
        return nil_address(p);
    }
    int32_t delta = (int32_t)fp[3].i;
    const char *bad = waitgroup_add_fast(p, wg, delta) ? NULL : waitgroup_add(p, wg, delta);
    if (bad) {
        slot_set_string(fp, native_string(p, bad, strlen(bad)));
    }
    return NATIVE_OK;
}

/* func (wg *WaitGroup) wait() bool */
static NativeStatus group_wait(P *p, Slot *fp)
{
    if (!fp[1].p) {
        return nil_address(p);
    }
    WaitStatus s = waitgroup_wait(p, p->fiber, fp[1].p);
    if (s == WAIT_PARKED) {
        return NATIVE_PARK_AGAIN;
    }
    fp[0].u = s == WAIT_DONE;
    return NATIVE_OK;
}

static NativeStatus list_add(P *p, Slot *fp)
{
    if (!fp[1].p) {
        return nil_address(p);
    }
    fp[0].u = notify_add(fp[1].p);
    return NATIVE_OK;
}

static NativeStatus list_wait(P *p, Slot *fp)
{
    if (!fp[0].p) {
        return nil_address(p);
    }
    return notify_wait(p, p->fiber, fp[0].p, (uint32_t)fp[1].u) ? NATIVE_OK : NATIVE_PARK;
}

static NativeStatus list_one(P *p, Slot *fp)
{
    if (!fp[0].p) {
        return nil_address(p);
    }
    notify_one(p, fp[0].p);
    return NATIVE_OK;
}

static NativeStatus list_all(P *p, Slot *fp)
{
    if (!fp[0].p) {
        return nil_address(p);
    }
    notify_all(p, fp[0].p);
    return NATIVE_OK;
}

static NativeStatus proc_id(P *p, Slot *fp)
{
    fp[0].u = p->id;
    return NATIVE_OK;
}

static NativeStatus gc_cycle(P *p, Slot *fp)
{
    fp[0].u = (uint32_t)p->vm->heap->stats.num_gc;
    return NATIVE_OK;
}

const NativeDef natives_sync[] = {
    {"sync", "(*Mutex).Lock", "func()", "takes the lock", mutex_lock_native},
    {"sync", "(*Mutex).TryLock", "func() bool", "takes it if it is free", mutex_try_lock_native},
    {"sync", "(*Mutex).Unlock", "func()", "frees the lock", mutex_unlock_native},
    {"sync", "(*RWMutex).RLock", "func()", "takes it for reading", rw_rlock},
    {"sync", "(*RWMutex).TryRLock", "func() bool", "takes it for reading if free", rw_try_rlock},
    {"sync", "(*RWMutex).RUnlock", "func()", "undoes RLock", rw_runlock},
    {"sync", "(*RWMutex).Lock", "func()", "takes it for writing", rw_lock},
    {"sync", "(*RWMutex).TryLock", "func() bool", "takes it for writing if free", rw_try_lock},
    {"sync", "(*RWMutex).Unlock", "func()", "undoes Lock", rw_unlock},
    {"sync", "(*WaitGroup).add", "func(delta int) string", "adds to the counter", group_add},
    {"sync", "(*WaitGroup).wait", "func() bool", "waits for 0", group_wait},
    {"sync", "notifyAdd", "func(l *notifyList) uint32", "takes a ticket", list_add},
    {"sync", "notifyWait", "func(l *notifyList, ticket uint32)", "parks until called", list_wait},
    {"sync", "notifyOne", "func(l *notifyList)", "calls the next ticket", list_one},
    {"sync", "notifyAll", "func(l *notifyList)", "calls all tickets", list_all},
    {"sync", "procID", "func() int", "number of the P", proc_id},
    {"sync", "gcCycle", "func() uint32", "number of collections", gc_cycle},
    {"sync", "cellLoad", "func(addr *any) any", "reads an interface whole", atomic_cell_load},
    {"sync", "cellCompareAndSwap", "func(addr *any, old, new any) bool",
     "writes an interface if its words are old's", atomic_cell_cas},
    {0},
};
