/* sync.c - parking under sync: semaphores and notify lists by address (runtime/sema.h).
 *
 * The state words are the gol code's, which does the fast paths; here a goroutine only sleeps and
 * is woken. Addresses are checked for nil, they are fields of objects otherwise.
 */
#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/os.h"
#include "runtime/sched.h"
#include "runtime/sema.h"
#include "stdlib/sync/atomic/cellcas.h"

static NativeStatus nil_address(P *p)
{
    return native_panic_error(p, "invalid memory address or nil pointer dereference");
}

/* The constants wait* of mutex.gol. */
static const uint8_t reasons[] = {WAIT_MUTEX_LOCK, WAIT_RWMUTEX_RLOCK, WAIT_RWMUTEX_LOCK,
                                  WAIT_WAITGROUP_WAIT};

static NativeStatus semacquire(P *p, Slot *fp)
{
    uint64_t why = fp[2].u;
    WaitReason reason = why < sizeof reasons ? reasons[why] : WAIT_SEMACQUIRE;
    if (!fp[0].p) {
        return nil_address(p);
    }
    return sema_acquire(p, p->fiber, fp[0].p, fp[1].u != 0, reason) ? NATIVE_OK : NATIVE_PARK;
}

static NativeStatus semrelease(P *p, Slot *fp)
{
    if (!fp[0].p) {
        return nil_address(p);
    }
    return sema_release(p, fp[0].p, fp[1].u != 0) ? NATIVE_YIELD : NATIVE_OK;
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

static NativeStatus nanotime(P *p, Slot *fp)
{
    fp[0].i = os_now();
    return NATIVE_OK;
}

static NativeStatus fatal(P *p, Slot *fp)
{
    String s = slot_string(fp);
    return native_fatal(p, "%.*s", (int)(s.len < 1000 ? s.len : 1000), (const char *)s.ptr);
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
    {"sync", "semacquire", "func(addr *uint32, lifo bool, why int)", "takes one or parks",
     semacquire},
    {"sync", "semrelease", "func(addr *uint32, handoff bool)", "adds one or wakes", semrelease},
    {"sync", "notifyAdd", "func(l *notifyList) uint32", "takes a ticket", list_add},
    {"sync", "notifyWait", "func(l *notifyList, ticket uint32)", "parks until called", list_wait},
    {"sync", "notifyOne", "func(l *notifyList)", "calls the next ticket", list_one},
    {"sync", "notifyAll", "func(l *notifyList)", "calls all tickets", list_all},
    {"sync", "nanotime", "func() int64", "reads the monotonic clock", nanotime},
    {"sync", "fatal", "func(msg string)", "ends the program with a fatal error", fatal},
    {"sync", "procID", "func() int", "number of the P", proc_id},
    {"sync", "gcCycle", "func() uint32", "number of collections", gc_cycle},
    {"sync", "cellLoad", "func(addr *any) any", "reads an interface whole", atomic_cell_load},
    {"sync", "cellCompareAndSwap", "func(addr *any, old, new any) bool",
     "writes an interface if its words are old's", atomic_cell_cas},
    {0},
};
