/* testhook.c - natives of internal/testhook: the end of a test run that hangs.
 *
 * The VM has one watch (GolVM.watch_until). It is written by the goroutine that runs the tests, and
 * read by threads that find nothing to do; runtime/sched.c says what it means to them.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/clock.h"
#include "runtime/sched.h"

/* func(d int64) */
static NativeStatus watch(P *p, Slot *fp)
{
    int64_t until = 0, d = fp[0].i;
    if (d >= 0 && __builtin_add_overflow(clock_now(p->vm), d, &until)) {
        until = INT64_MAX;
    }
    atomic_store_explicit(&p->vm->watch_until, until, memory_order_relaxed);
    return NATIVE_OK;
}

/* func() bool */
static NativeStatus deadlocked(P *p, Slot *fp)
{
    fp[0].u = atomic_load_explicit(&p->vm->deadlocked, memory_order_acquire);
    return NATIVE_OK;
}

/* func() (objects, bytes uint64) */
static NativeStatus allocs(P *p, Slot *fp)
{
    HeapStats s;
    heap_stats(p->vm->heap, &s);
    fp[0].u = s.alloc_objects;
    fp[1].u = s.alloc_bytes;
    return NATIVE_OK;
}

/* func(text string, self bool) */
static NativeStatus die(P *p, Slot *fp)
{
    String text = slot_string(fp);
    char *copy = text.len >= 0 ? strndup(text.ptr ? (const char *)text.ptr : "", (size_t)text.len) : NULL;
    if (!fp[2].u) {
        p->fiber->flags |= FIBER_F_SYSTEM; /* left out of the dump */
    }
    sched_die(p, "", copy ? copy : "");
    free(copy);
    return NATIVE_EXIT;
}

const NativeDef natives_internal_testhook[] = {
    {"internal/testhook", "Watch", "func(d int64)", "sets when the tests' time ends", watch},
    {"internal/testhook", "Deadlocked", "func() bool", "tells why the timer fired", deadlocked},
    {"internal/testhook", "Allocs", "func() (objects, bytes uint64)", "allocations ever", allocs},
    {"internal/testhook", "Die", "func(text string, self bool)", "ends the process", die},
    {0},
};
