/* debug.c - natives of runtime/debug: the collector's settings. They are words that the pacer
 * reads; a change counts from the next collection on. */
#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/sched.h"

static NativeStatus set_gc_percent(P *p, Slot *fp)
{
    Heap *h = p->vm->heap;
    int64_t percent = fp[1].i;
    fp[0].i = h->gc_percent;
    heap_set_gc_percent(h, percent < 0 ? -1 : percent);
    return NATIVE_OK;
}

static NativeStatus set_memory_limit(P *p, Slot *fp)
{
    Heap *h = p->vm->heap;
    int64_t limit = fp[1].i;
    fp[0].i = h->soft_limit;
    if (limit >= 0) {
        heap_set_soft_limit(h, limit);
    }
    return NATIVE_OK;
}

static NativeStatus set_max_stack(P *p, Slot *fp)
{
    int64_t bytes = fp[1].i;
    GolVM *vm = p->vm;
    fp[0].i = (int64_t)vm->fiber_stack_max * 8;
    if (bytes < 4096) {
        bytes = 4096;
    }
    if (bytes > (int64_t)UINT32_MAX) {
        bytes = UINT32_MAX;
    }
    vm->fiber_stack_max = (uint32_t)(bytes / 8);
    return NATIVE_OK;
}

static NativeStatus release_memory(P *p, Slot *fp)
{
    gc_release_memory(p->vm->heap);
    return NATIVE_OK;
}

const NativeDef natives_runtime_debug[] = {
    {"runtime/debug", "SetGCPercent", "func(percent int) int", "sets GOGC", set_gc_percent},
    {"runtime/debug", "SetMemoryLimit", "func(limit int64) int64", "sets GOMEMLIMIT",
     set_memory_limit},
    {"runtime/debug", "SetMaxStack", "func(bytes int) int", "bounds a stack", set_max_stack},
    {"runtime/debug", "releaseMemory", "func()", "gives free memory back", release_memory},
    {0},
};
