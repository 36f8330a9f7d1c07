/* vmheap.c - the heap's hooks for a VM, and the one place that enumerates a VM's roots.
 *
 * Roots: every fiber that is not dead (its frames and deferred calls through hooks->scan_fiber,
 * what its wait holds through fiber_wait_roots); globals (hooks->scan_globals); armed timers, their
 * objects and targets. C roots, finalizers and their queue are the heap's own (gc.c). What is not
 * on the script heap (timers inside fibers, fibers as targets) mark_ptr ignores.
 */
#include "runtime/vmheap.h"

#include "runtime/debugvar.h"
#include "runtime/mark.h"
#include "runtime/rand.h"
#include "runtime/sched.h"
#include "runtime/timer.h"

#include <stdlib.h>

typedef struct VmHeap {
    Heap heap; /* first: vm->heap is its address */
    HeapHooks hooks;
} VmHeap;

static void root_object(void *ctx, void *object) { mark_ptr(ctx, object); }

/* A waiting sender's value: frame form, so single words of small types hold no pointer. */
static void root_slots(void *ctx, Slot *slots, const RType *type)
{
    if (!(type->flags & RT_NOPTR)) {
        mark_range(ctx, slots, type, 1);
    }
}

static void root_fiber(Fiber *f, void *ctx)
{
    Marker *m = ctx;
    GolVM *vm = m->heap->vm;
    if (vm->hooks->scan_fiber) {
        vm->hooks->scan_fiber(f, m);
    }
    if (fiber_status(f) == FIBER_WAITING) {
        fiber_wait_roots(f, root_object, root_slots, m);
    }
}

static void root_timer(Timer *t, void *ctx)
{
    mark_ptr(ctx, t);
    mark_ptr(ctx, t->target);
}

static void scan_roots(Heap *h, Marker *m)
{
    GolVM *vm = h->vm;
    fiber_each(vm, root_fiber, m);
    timer_each(vm, root_timer, m);
    if (vm->hooks->scan_globals) {
        vm->hooks->scan_globals(vm, m);
    }
}

static void request_gc(P *p) { sched_request_gc(p); }
static bool stop_world(P *p) { return sched_stop_world(p); }
static void start_world(P *p) { sched_start_world(p); }
static bool ending(P *p) { return sched_exiting(p->vm); }
static void fatal(P *p, const char *msg) { sched_fatal(p, "%s", msg); }
static uint64_t draw(P *p) { return rand_next(p); }

static bool open_heap(GolVM *vm)
{
    VmHeap *vh = calloc(1, sizeof(*vh));
    if (!vh) {
        return false;
    }
    vh->hooks = (HeapHooks){.request_gc = request_gc, .stop_world = stop_world,
                            .start_world = start_world, .stopped_for_good = ending,
                            .scan_roots = scan_roots, .fatal = fatal, .rand = draw};
    if (!heap_init(&vh->heap, &vh->hooks, vm)) {
        free(vh);
        return false;
    }
    int64_t v;
    const char *gogc = getenv("GOGC"), *limit = getenv("GOMEMLIMIT");
    if (gogc && heap_parse_gogc(gogc, &v)) {
        heap_set_gc_percent(&vh->heap, v);
    }
    if (limit && heap_parse_limit(limit, &v)) {
        heap_set_soft_limit(&vh->heap, v);
    }
    vm->heap = &vh->heap;
    return true;
}

bool vmheap_proc_init(P *p)
{
    if (!p->vm->heap && !open_heap(p->vm)) {
        return false;
    }
    heap_cache_init(p->vm->heap, p);
    return true;
}

void vmheap_proc_free(P *p) { heap_cache_free(p); }

void vmheap_collect(P *p) { gc_run(p, false); }

void vmheap_configure(GolVM *vm, uint64_t hard_limit, void (*finalizers)(P *p))
{
    VmHeap *vh = (VmHeap *)(void *)vm->heap;
    vh->hooks.finalizers_ready = finalizers;
    vh->heap.hard_limit = hard_limit;
    vh->heap.trace = vm->debug[DEBUG_GCTRACE] > 0;
    vh->heap.clobber = vm->debug[DEBUG_CLOBBERFREE] > 0;
    vh->heap.stress = vm->debug[DEBUG_GCSTRESS] > 0 ? (uint32_t)vm->debug[DEBUG_GCSTRESS] : 0;
    vh->heap.check = vh->heap.stress != 0;
    heap_set_gc_percent(&vh->heap, vh->heap.gc_percent);
    for (HeapCache *c = vh->heap.caches; c; c = c->next_cache) {
        c->stress_left = vh->heap.stress;
    }
}

void vmheap_close(GolVM *vm)
{
    if (vm->heap) {
        heap_free_all(vm->heap);
        free(vm->heap);
        vm->heap = NULL;
    }
}
