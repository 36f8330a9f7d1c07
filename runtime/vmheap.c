/* vmheap.c - the heap's hooks for a VM, and the one place that enumerates a VM's roots.
 *
 * Roots: every fiber that is not dead (its frames and deferred calls through hooks->scan_fiber,
 * what its wait holds through fiber_wait_roots); package variables (hooks->scan_globals); armed
 * timers, their objects and targets. C roots, finalizers and their queue are the heap's own
 * (finalizer.c). What is not on the script heap (timers inside fibers, fibers as targets) mark_ptr
 * ignores. They come as jobs of some tens of microseconds: a slab of fibers, a P's timers, a stretch
 * of package variables.
 *
 * Fibers. Fiber.gc is 2 * cycle once its stack is scanned, that + 1 while somebody scans it; who
 * sets the latter by compare-and-swap does. So a worker and the P that wants to run a fiber exclude
 * each other, and the loser waits: a fiber that runs while the collector marks has been scanned
 * (sched_take, sched_exit_blocking, the end of every stop). A fiber born while marking is born
 * scanned: its arguments come from its creator. While a parked fiber is being scanned others may
 * write a received value into its frame; that value is not the fiber's to keep alive, and the
 * place was zeroed when it parked, so either content does.
 */
#include "runtime/vmheap.h"

#include "runtime/debugvar.h"
#include "runtime/mark.h"
#include "runtime/os.h"
#include "runtime/rand.h"
#include "runtime/sched.h"
#include "runtime/span.h"
#include "runtime/timer.h"

#include <stdlib.h>

typedef struct VmHeap {
    Heap heap; /* first: vm->heap is its address */
    HeapHooks hooks;
    uint32_t slabs, procs; /* root jobs of this cycle; written in the pause */
    _Atomic(struct FiberSlab *) next_slab; /* to be scanned next */
} VmHeap;

static void root_object(void *ctx, void *object) { mark_ptr(ctx, object); }

/* A waiting sender's value: frame form, so single words of small types hold no pointer. */
static void root_slots(void *ctx, Slot *slots, const RType *type)
{
    if (!(type->flags & RT_NOPTR)) {
        mark_range(ctx, slots, type, 1);
    }
}

static void scan(Marker *m, GolVM *vm, Fiber *f)
{
    if (vm->hooks->scan_fiber) {
        vm->hooks->scan_fiber(f, m);
    }
    if (fiber_status(f) == FIBER_WAITING) {
        fiber_wait_roots(f, root_object, root_slots, m);
    }
    m->stack_bytes += f->fp * sizeof(Slot);
}

/* False: it was scanned in this cycle, or is being scanned. */
static bool claim(Fiber *f, uint32_t done)
{
    uint32_t v = atomic_load_explicit(&f->gc, memory_order_acquire);
    return (v | 1) != (done | 1) &&
           atomic_compare_exchange_strong_explicit(&f->gc, &v, done | 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

void fiber_gc_scan_slow(P *p, Fiber *f)
{
    uint32_t done = p->cache.fiber_mark;
    unsigned tries = 0;
    while (atomic_load_explicit(&f->gc, memory_order_acquire) != done) {
        if (claim(f, done)) {
            scan(p->cache.marker, p->vm, f);
            atomic_store_explicit(&f->gc, done, memory_order_release);
            return;
        }
        if (++tries > 200) {
            os_yield();
        }
        os_pause();
    }
}

static void root_fiber(Fiber *f, void *ctx)
{
    Marker *m = ctx;
    uint32_t done = m->heap->mark_cycle << 1;
    if (m->check) {
        scan(m, m->heap->vm, f);
    } else if (claim(f, done)) {
        scan(m, m->heap->vm, f);
        atomic_store_explicit(&f->gc, done, memory_order_release);
    }
}

static void root_timer(Timer *t, void *ctx)
{
    mark_ptr(ctx, t);
    mark_ptr(ctx, t->target);
}

/* In the pause that begins a cycle. Slabs, Ps and units that come later hold nothing that was there
 * before. */
static uint32_t root_jobs(Heap *h)
{
    VmHeap *vh = (VmHeap *)(void *)h;
    GolVM *vm = h->vm;
    vh->slabs = (uint32_t)atomic_load_explicit(&vm->nslabs, memory_order_relaxed);
    atomic_store_explicit(&vh->next_slab, fiber_slab_first(vm), memory_order_relaxed);
    for (vh->procs = 0; vh->procs < MAX_PROCS && vm->procs[vh->procs];) {
        vh->procs++;
    }
    uint32_t globals = vm->hooks->count_globals ? vm->hooks->count_globals(vm) : 0;
    return vh->slabs + vh->procs + globals;
}

static void scan_slab(VmHeap *vh, Marker *m)
{
    struct FiberSlab *s = atomic_load_explicit(&vh->next_slab, memory_order_relaxed);
    while (s && !atomic_compare_exchange_weak_explicit(&vh->next_slab, &s, fiber_slab_next(s),
                                                       memory_order_relaxed,
                                                       memory_order_relaxed)) {
    }
    if (s) {
        fiber_slab_each(s, root_fiber, m);
    }
}

static void scan_roots(Heap *h, Marker *m, uint32_t job)
{
    VmHeap *vh = (VmHeap *)(void *)h;
    GolVM *vm = h->vm;
    if (job < vh->slabs) {
        scan_slab(vh, m);
    } else if ((job -= vh->slabs) < vh->procs) {
        timer_scan(vm->procs[job], false, root_timer, m);
    } else if (vm->hooks->scan_globals) {
        vm->hooks->scan_globals(vm, m, job - vh->procs);
    }
}

static void scan_own(P *p)
{
    if (p->fiber) {
        fiber_gc_scan(p, p->fiber);
    }
}

static bool reached(const void *object, void *ctx) { return mark_survived(object); }

static void after_mark(Heap *h) { timer_drop_unreached(h->vm, reached, NULL); }

static void request_gc(P *p) { sched_request_gc(p); }
static bool stop_world(P *p) { return sched_stop_world(p); }
static void start_world(P *p) { sched_start_world(p); }
static void wake_idle(P *p) { sched_wake_idle(p); }
static bool yield(P *p) { return sched_yield_to_stop(p); }
static bool wanted(P *p) { return sched_wanted(p); }
static uint32_t num_procs(Heap *h) { return ((GolVM *)h->vm)->nprocs; }
static void fatal(P *p, const char *msg) { sched_fatal(p, "%s", msg); }
static uint64_t draw(P *p) { return rand_next(p); }

static bool open_heap(GolVM *vm)
{
    VmHeap *vh = calloc(1, sizeof(*vh));
    if (!vh) {
        return false;
    }
    vh->hooks = (HeapHooks){.request_gc = request_gc, .stop_world = stop_world,
                            .start_world = start_world, .root_jobs = root_jobs,
                            .scan_roots = scan_roots, .after_mark = after_mark,
                            .scan_own = scan_own, .wake_idle = wake_idle, .yield = yield, .wanted = wanted,
                            .num_procs = num_procs, .fatal = fatal, .rand = draw};
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
    return heap_cache_init(p->vm->heap, p);
}

void vmheap_proc_free(P *p) { heap_cache_free(p); }

void vmheap_collect(P *p) { gc_run(p, false); }

bool vmheap_idle(P *p) { return gc_idle(p); }

void vmheap_configure(GolVM *vm, uint64_t hard_limit, void (*finalizers)(P *p))
{
    VmHeap *vh = (VmHeap *)(void *)vm->heap;
    vh->hooks.finalizers_ready = finalizers;
    vh->heap.hard_limit = hard_limit;
    vh->heap.trace = vm->debug[DEBUG_GCTRACE] > 0;
    vh->heap.clobber = vm->debug[DEBUG_CLOBBERFREE] > 0;
    vh->heap.stress = vm->debug[DEBUG_GCSTRESS] > 0 ? (uint32_t)vm->debug[DEBUG_GCSTRESS] : 0;
    vh->heap.checkmark = vm->debug[DEBUG_GCCHECKMARK] > 0 || vh->heap.stress != 0;
    vh->heap.stop_the_world = vm->debug[DEBUG_GCOFF] > 0;
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
