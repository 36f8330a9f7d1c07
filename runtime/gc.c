/* gc.c - the collector's cycle: a state machine over two phases and two pauses.
 *
 *   GC_OFF    mutators allocate; spans are swept as they are needed (sweep.c). An allocation beyond
 *             the trigger asks for a safepoint, and whoever gets there begins a cycle:
 *   begin     (running) sweep what is left.
 *             (pause) barrier on in every P; the rest of every P's runs becomes black; root jobs are
 *             counted. Nothing here grows with the heap or the number of goroutines.
 *   GC_MARK   (running) Ps scan roots and grey objects: those with nothing else to do (gc_idle),
 *             those that allocate (gc_assist, bounded), and, when the monitor asks, the others for
 *             a moment (gc_due). Each goroutine's stack is scanned once, by a worker while it is
 *             parked or by the P that is about to run it; a running goroutine's stack is never grey.
 *   finish    when no P scans, no root job is left and no block is on the stack:
 *             (pause) every P's own grey objects are taken in. If they need more than a moment,
 *             back to GC_MARK. Else the barrier goes off, every span becomes unswept, the pacer
 *             learns.
 *   GC_OFF    finalizers, weak pointers and free memory follow with the sweep.
 *
 * Correctness: snapshot at the beginning (Yuasa 1990; see barrier.h). What was reachable when the
 * first pause ended is marked: a pointer in the heap is shaded before it is overwritten, stacks
 * do not change before they are scanned, what is born later is black (Dijkstra et al., "On-the-fly
 * garbage collection", 1978, for the colours). Termination needs no ragged barrier: a P's grey
 * objects lie in its Marker, and the last pause looks into every Marker.
 *
 * `transition` (a CAS) is held by the P that begins or finishes; it may wait for the world while it
 * holds it, never for another P's work. Phase changes happen in a stopped world.
 *
 * gcstoptheworld=1 and memory beyond a hard limit mark in one pause; then the limit's verdict is
 * about what is reachable at that very moment. gcstress=N goes through all ways of collecting.
 */
#include "runtime/checkmark.h"
#include "runtime/mark.h"
#include "runtime/os.h"
#include "runtime/span.h"
#include "runtime/workbuf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SLICE_CHUNK = 8 << 10,     /* scanned between two looks at the poll word */
    IDLE_SLICE = 192 << 10,    /* a P without work looks for some after as much */
    WORKER_SLICE = 32 << 10,   /* what the monitor makes a busy P do */
    ASSIST_LEAST = 4 << 10,    /* smaller debts wait */
    ASSIST_MOST = 64 << 10,    /* no allocation marks more, but a large one half its size */
    FINISH_SLICE = 16 << 10,   /* more work than that is not done in the last pause */
    SWEEP_SLICE = 32           /* spans */
};

uint64_t gc_clock(void) { return (uint64_t)os_now(); }

void heap_set_gc_percent(Heap *h, int64_t percent)
{
    h->gc_percent = percent < 0 ? -1 : percent;
    pacer_set(h);
}

void heap_set_soft_limit(Heap *h, int64_t bytes)
{
    h->soft_limit = bytes < 0 ? h->soft_limit : bytes;
    pacer_set(h);
}

/* ---- at safepoints ---- */

static bool dying(Heap *h) { return atomic_load_explicit(&h->dying, memory_order_relaxed); }

/* Lets others stop the world. False: p is lost, or the VM ends. */
static bool yield_to_stop(struct P *p, Heap *h)
{
    return !dying(h) && (!h->hooks->yield || h->hooks->yield(p));
}

static bool stop(struct P *p, Heap *h)
{
    while (h->hooks->stop_world && !h->hooks->stop_world(p)) {
        if (!yield_to_stop(p, h)) {
            return false;
        }
    }
    return true;
}

static void start(struct P *p, Heap *h)
{
    if (h->hooks->start_world) {
        h->hooks->start_world(p);
    }
}

static bool take_transition(Heap *h)
{
    uint32_t zero = 0;
    return atomic_compare_exchange_strong_explicit(&h->transition, &zero, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static void drop_transition(Heap *h)
{
    atomic_store_explicit(&h->transition, 0, memory_order_release);
}

static void wake_idle(struct P *p, Heap *h)
{
    if (h->hooks->wake_idle) {
        h->hooks->wake_idle(p);
    }
}

/* ---- marking ---- */

static bool roots_left(Heap *h)
{
    return atomic_load_explicit(&h->jobs_next, memory_order_relaxed) < h->njobs ||
           !atomic_load_explicit(&h->specials_done, memory_order_relaxed);
}

/* Some of the C roots; false: none is left. */
static bool mark_c_roots(Heap *h, Marker *m)
{
    unsigned n = 0;
    pthread_mutex_lock(&h->lock);
    for (; h->root_cursor && n < 256; n++) {
        mark_ptr(m, h->root_cursor->ptr);
        h->root_cursor = h->root_cursor->next;
    }
    bool more = h->root_cursor != NULL;
    pthread_mutex_unlock(&h->lock);
    return more;
}

/* One root job, if there is one left to take. */
static bool root_job(Heap *h, Marker *m)
{
    if (atomic_load_explicit(&h->jobs_next, memory_order_relaxed) < h->njobs) {
        uint32_t job = atomic_fetch_add_explicit(&h->jobs_next, 1, memory_order_relaxed);
        if (job < h->njobs) {
            h->hooks->scan_roots(h, m, job);
            atomic_fetch_add_explicit(&h->jobs_done, 1, memory_order_release);
            return true;
        }
    }
    if (!atomic_load_explicit(&h->specials_done, memory_order_relaxed)) {
        if (!mark_c_roots(h, m) && !finalizer_mark_step(h, m)) {
            atomic_store_explicit(&h->specials_done, 1, memory_order_relaxed);
        }
        return true;
    }
    return false;
}

/* Nobody has anything to scan, as far as can be seen from here. */
static bool looks_done(Heap *h)
{
    return atomic_load_explicit(&h->busy, memory_order_acquire) == 0 && work_empty(&h->work) &&
           atomic_load_explicit(&h->jobs_done, memory_order_acquire) >= h->njobs &&
           !roots_left(h);
}

typedef struct Marked {
    uint64_t work; /* bytes scanned */
    bool dry;      /* there was nothing left to take */
} Marked;

/* Marks until `budget` is spent, nothing is left, or p is wanted. p's Marker may keep grey objects,
 * unless another P could use them. */
static Marked mark_slice(struct P *p, Heap *h, GcWork kind, uint64_t budget)
{
    Marker *m = heap_cache(p)->marker;
    Marked r = {0, false};
    uint64_t since = gc_clock(), before = m->work;
    atomic_fetch_add_explicit(&h->busy, 1, memory_order_relaxed);
    while (m->work - before < budget && !r.dry) {
        r.dry = mark_drain(m, SLICE_CHUNK) && !root_job(h, m);
        if (m->published) {
            m->published = false;
            wake_idle(p, h);
        }
        if (h->hooks->wanted && h->hooks->wanted(p)) {
            break;
        }
    }
    r.work = m->work - before;
    mark_count(m);
    if (!r.dry && work_empty(&h->work)) {
        mark_publish(m);
        wake_idle(p, h);
    }
    atomic_fetch_sub_explicit(&h->busy, 1, memory_order_release);
    if (kind != GC_ASSIST) {
        atomic_fetch_add_explicit(&h->pacer.credit, (int64_t)r.work, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&h->pacer.work_ns[kind], gc_clock() - since, memory_order_relaxed);
    return r;
}

void gc_assist(struct P *p, Heap *h, uint64_t bytes)
{
    HeapCache *c = heap_cache(p);
    int64_t debt = c->assist_debt + pacer_debt(h, bytes);
    int64_t credit = atomic_load_explicit(&h->pacer.credit, memory_order_relaxed);
    if (credit > 0) {
        int64_t take = credit < debt ? credit : debt;
        atomic_fetch_sub_explicit(&h->pacer.credit, take, memory_order_relaxed);
        debt -= take;
    }
    if (debt >= ASSIST_LEAST) {
        uint64_t most = ASSIST_MOST + bytes / 2;
        Marked s = mark_slice(p, h, GC_ASSIST, (uint64_t)debt < most ? (uint64_t)debt : most);
        debt = s.dry ? 0 : debt - (int64_t)s.work;
        if (s.dry && looks_done(h)) {
            heap_request(p, h);
        }
    }
    c->assist_debt = debt;
}

/* ---- the pauses ---- */

/* World stopped, everything swept: from here on it is GC_MARK. */
static void set_up(struct P *p, Heap *h)
{
    uint64_t unused = 0;
    assert(atomic_load(&h->unswept_spans) == 0 && work_empty(&h->work));
    atomic_store_explicit(&h->requested, 0, memory_order_relaxed);
    h->mark_cycle = (h->mark_cycle + 1) & INT32_MAX;
    h->mark_cycle += h->mark_cycle == 0;
    for (HeapCache *c = h->caches; c; c = c->next_cache) {
        unused += heap_blacken_cache(c);
        c->barrier_on = 1;
        c->fiber_mark = h->mark_cycle << 1;
        c->assist_debt = 0;
        c->sweep_debt = 0;
    }
    h->charged_at_mark = atomic_load_explicit(&h->charged, memory_order_relaxed) - unused;
    atomic_store_explicit(&h->marked_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&h->marked_objects, 0, memory_order_relaxed);
    atomic_store_explicit(&h->jobs_next, 0, memory_order_relaxed);
    atomic_store_explicit(&h->jobs_done, 0, memory_order_relaxed);
    h->njobs = h->hooks->root_jobs ? h->hooks->root_jobs(h) : 1;
    finalizer_mark_begin(h);
    h->root_cursor = h->roots;
    atomic_store_explicit(&h->specials_done, 0, memory_order_relaxed);
    pacer_begin(h);
    atomic_store_explicit(&h->phase, GC_MARK, memory_order_seq_cst);
    if (!h->hooks->root_jobs && h->hooks->scan_roots) {
        root_job(h, heap_cache(p)->marker);
    }
}

static void count_pause(Heap *h, uint64_t ns)
{
    HeapStats *s = &h->stats;
    s->last_pause_ns = ns;
    s->pause_total_ns += ns;
    h->cycle_pause_ns += ns;
    s->pause_buckets[(63 - __builtin_clzll(ns | 1)) % HEAP_PAUSE_BUCKETS]++;
}

static void count_cycle(Heap *h)
{
    HeapStats *s = &h->stats;
    uint64_t marked = atomic_load_explicit(&h->marked_objects, memory_order_relaxed);
    s->marked_objects = marked;
    s->pauses[s->num_gc % 256] = h->cycle_pause_ns;
    h->cycle_pause_ns = 0;
    s->last_gc_ns = (uint64_t)os_walltime();
    s->pause_ends[s->num_gc % 256] = s->last_gc_ns;
    s->num_gc++;
    s->num_forced += h->cycle_forced;
    uint64_t assist = atomic_load(&h->pacer.work_ns[GC_ASSIST]);
    uint64_t idle = atomic_load(&h->pacer.work_ns[GC_IDLE]);
    uint64_t worker = atomic_load(&h->pacer.work_ns[GC_WORKER]);
    s->assist_ns += assist;
    s->idle_ns += idle;
    s->worker_ns += worker;
    s->gc_cpu_ns += assist + idle + worker;
}

/* gcstress: at every Nth allocation, but a large heap is not gone through for each. */
static void set_stress(Heap *h)
{
    uint64_t more = h->stats.marked_objects > 10000 ? h->stats.marked_objects / 16 : 0;
    for (HeapCache *cache = h->caches; cache && h->stress; cache = cache->next_cache) {
        cache->stress_left = h->stress + (uint32_t)(more < INT32_MAX ? more : INT32_MAX);
    }
}

/* World stopped, everything marked: back to GC_OFF. */
static void complete(Heap *h)
{
    h->stats.stack_bytes = h->stats.global_bytes = 0;
    for (HeapCache *c = h->caches; c; c = c->next_cache) {
        mark_count(c->marker);
        mark_publish(c->marker);
        h->stats.stack_bytes += c->marker->stack_bytes;
        h->stats.global_bytes += c->marker->global_bytes;
        c->marker->stack_bytes = c->marker->global_bytes = 0;
        c->barrier_on = 0;
        c->fiber_mark = 0;
        heap_flush_cache(c);
    }
    if (h->checkmark && !check_run(h)) {
        abort();
    }
    h->trace_before = h->pacer.trigger_live;
    h->trace_at_mark = atomic_load(&h->charged) - atomic_load(&h->freed);
    h->trace_goal = h->goal;
    atomic_store_explicit(&h->phase, GC_OFF, memory_order_seq_cst);
    atomic_store_explicit(&h->sweep_hold, 1, memory_order_relaxed);
    sweep_begin(h);
    pacer_end(h);
    count_cycle(h);
    set_stress(h);
    atomic_fetch_add_explicit(&h->cycles, 1, memory_order_release);
}

/* After complete, stopped or not: sweeping may begin. The transition is still ours. */
static void release_sweep(Heap *h)
{
    if (h->hooks->after_mark) {
        h->hooks->after_mark(h);
    }
    atomic_store_explicit(&h->sweep_hold, 0, memory_order_release);
}

/* Marks to the end, the world being stopped. */
static void mark_all(struct P *p, Heap *h)
{
    Marker *m = heap_cache(p)->marker;
    uint64_t since = gc_clock();
    for (HeapCache *c = h->caches; c; c = c->next_cache) {
        mark_publish(c->marker);
    }
    do {
        mark_drain(m, UINT64_MAX / 2);
    } while (root_job(h, m));
    for (HeapCache *c = h->caches; c && atomic_load(&h->overflow); c = c->next_cache) {
        heap_flush_cache(c);
    }
    mark_overflowed(m);
    mark_count(m);
    atomic_fetch_add(&h->pacer.work_ns[GC_WORKER], gc_clock() - since);
}

/* After a cycle, the world runs again. */
static void after_cycle(struct P *p, Heap *h)
{
    if (h->trace) {
        gc_trace_cycle(h);
    }
    if (h->clobber) {
        sweep_finish(h);
    }
    if (h->hard_limit && h->stats.marked_bytes > h->hard_limit) {
        atomic_store_explicit(&h->emergency, 1, memory_order_relaxed);
        heap_request(p, h);
    }
    wake_idle(p, h);
}

/* False: somebody else is at it, or p is lost. */
static bool begin(struct P *p, Heap *h, bool forced)
{
    if (!take_transition(h)) {
        return false;
    }
    bool on = !gc_marking(h);
    while (on && gc_sweep_some(h, SWEEP_SLICE)) {
        on = yield_to_stop(p, h);
    }
    if (on) {
        work_trim(h);
        uint64_t cpu = gc_clock();
        on = stop(p, h);
        h->mark_start_ns = cpu;
    }
    if (on) {
        sweep_finish(h);
        h->cycle_forced = forced;
        set_up(p, h);
        h->stop_ns[0] = gc_clock() - h->mark_start_ns;
        count_pause(h, h->stop_ns[0]);
        start(p, h);
    }
    drop_transition(h);
    if (on) {
        if (h->hooks->scan_own) {
            h->hooks->scan_own(p);
        }
        wake_idle(p, h);
    }
    return on;
}

/* World stopped: takes in what the Ps hold. True: nothing is grey any more. */
static bool last_work(struct P *p, Heap *h)
{
    Marker *m = heap_cache(p)->marker;
    for (HeapCache *c = h->caches; c; c = c->next_cache) {
        mark_publish(c->marker);
    }
    bool dry = mark_drain(m, FINISH_SLICE) && !roots_left(h) &&
               atomic_load_explicit(&h->jobs_done, memory_order_relaxed) >= h->njobs;
    if (dry && atomic_load_explicit(&h->overflow, memory_order_relaxed)) {
        mark_all(p, h);
    }
    mark_publish(m);
    return dry;
}

/* Ends marking if it is done. False: it is not, or somebody else is at it. */
static bool finish(struct P *p, Heap *h)
{
    if (!take_transition(h)) {
        return false;
    }
    uint64_t at = gc_clock();
    bool done = false;
    if (gc_marking(h) && stop(p, h)) {
        done = last_work(p, h);
        h->trace_mark_ns = at - h->mark_start_ns - h->stop_ns[0];
        if (done) {
            complete(h);
        }
        h->stop_ns[1] = gc_clock() - at;
        count_pause(h, h->stop_ns[1]);
        start(p, h);
        if (done) {
            release_sweep(h);
        }
    }
    drop_transition(h);
    if (done) {
        after_cycle(p, h);
    } else {
        wake_idle(p, h);
    }
    return done;
}

/* A whole cycle in one pause; one that was under way is ended first. */
static void collect_in_pause(struct P *p, Heap *h, bool forced)
{
    uint64_t at = gc_clock();
    while (!take_transition(h)) {
        if (!yield_to_stop(p, h)) {
            return;
        }
        os_yield();
    }
    if (!stop(p, h)) {
        drop_transition(h);
        return;
    }
    if (gc_marking(h)) {
        mark_all(p, h);
        complete(h);
        release_sweep(h);
    }
    sweep_finish(h);
    h->cycle_forced = forced;
    h->mark_start_ns = at;
    h->stop_ns[0] = gc_clock() - at;
    atomic_store_explicit(&h->emergency, 0, memory_order_relaxed);
    set_up(p, h);
    mark_all(p, h);
    h->trace_mark_ns = gc_clock() - h->mark_start_ns - h->stop_ns[0];
    complete(h);
    bool full = h->hard_limit && h->stats.marked_bytes > h->hard_limit;
    h->stop_ns[1] = gc_clock() - at - h->trace_mark_ns - h->stop_ns[0];
    count_pause(h, gc_clock() - at);
    release_sweep(h);
    start(p, h);
    drop_transition(h);
    if (full) {
        heap_out_of_memory(p);
    } else {
        after_cycle(p, h);
    }
}

/* ---- who asks ---- */

/* Waits for others' marking to end, or for their block. */
static void wait_a_moment(unsigned *tries)
{
    if (++*tries < 64) {
        for (int i = 0; i < 40; i++) {
            os_pause();
        }
    } else {
        os_sleep(20000);
    }
}

/* runtime.GC: a cycle that began after the call, and its sweep. */
static void collect_whole(struct P *p, Heap *h)
{
    uint32_t from = atomic_load_explicit(&h->cycles, memory_order_acquire);
    uint32_t want = gc_marking(h) ? 2 : 1;
    unsigned tries = 0;
    while (atomic_load_explicit(&h->cycles, memory_order_acquire) - from < want) {
        if (!yield_to_stop(p, h)) {
            return;
        }
        if (!gc_marking(h)) {
            if (!begin(p, h, true)) {
                wait_a_moment(&tries);
            }
        } else if (mark_slice(p, h, GC_WORKER, IDLE_SLICE).dry &&
                   (!looks_done(h) || !finish(p, h))) {
            wait_a_moment(&tries);
        } else {
            tries = 0;
        }
    }
    while (!gc_marking(h) && atomic_load_explicit(&h->unswept_spans, memory_order_acquire)) {
        if (!yield_to_stop(p, h)) {
            return;
        }
        if (!gc_sweep_some(h, SWEEP_SLICE)) {
            wait_a_moment(&tries);
        }
    }
}

/* gcstress: in one pause, then as a whole, then spread over the next requests. */
static void collect_for_stress(struct P *p, Heap *h)
{
    if (gc_marking(h)) {
        if (mark_slice(p, h, GC_WORKER, SLICE_CHUNK).dry && looks_done(h)) {
            finish(p, h);
        }
        return;
    }
    switch (atomic_fetch_add_explicit(&h->stress_kind, 1, memory_order_relaxed) % 3) {
    case 0: collect_in_pause(p, h, false); return;
    case 1: collect_whole(p, h); return;
    default: begin(p, h, false); return;
    }
}

static void serve(struct P *p, Heap *h)
{
    bool emergency = atomic_exchange_explicit(&h->emergency, 0, memory_order_relaxed);
    uint64_t charged = atomic_load_explicit(&h->charged, memory_order_relaxed);
    bool asked = atomic_exchange_explicit(&h->requested, 0, memory_order_relaxed);
    bool due = charged > atomic_load_explicit(&h->trigger, memory_order_relaxed);
    if (emergency || (h->stop_the_world && due && !gc_marking(h))) {
        collect_in_pause(p, h, false);
    } else if (h->stress && asked) {
        collect_for_stress(p, h);
    } else if (gc_marking(h)) {
        if (looks_done(h) || mark_slice(p, h, GC_WORKER, WORKER_SLICE).dry) {
            if (looks_done(h)) {
                finish(p, h);
            }
        }
    } else if (due) {
        begin(p, h, false);
    }
}

static void run_calls(struct P *p, Heap *h)
{
    if (atomic_load_explicit(&h->calls_ready, memory_order_relaxed) &&
        atomic_exchange_explicit(&h->calls_ready, 0, memory_order_relaxed) && !dying(h) &&
        h->hooks->finalizers_ready) {
        h->hooks->finalizers_ready(p);
    }
}

void gc_run(struct P *p, bool forced)
{
    Heap *h = heap_cache(p)->heap;
    if (dying(h)) {
        return;
    }
    if (!forced) {
        serve(p, h);
    } else if (h->stop_the_world) {
        collect_in_pause(p, h, true);
        sweep_finish(h);
    } else {
        collect_whole(p, h);
    }
    if (!h->hooks->yield || h->hooks->yield(p)) {
        run_calls(p, h);
    }
}

bool gc_idle(struct P *p)
{
    Heap *h = heap_cache(p)->heap;
    if (!h || dying(h)) {
        return false;
    }
    if (atomic_load_explicit(&h->calls_ready, memory_order_relaxed)) {
        run_calls(p, h);
        return true;
    }
    if (gc_marking(h)) {
        if (!work_empty(&h->work) || roots_left(h) || mark_has_work(heap_cache(p)->marker)) {
            mark_slice(p, h, GC_IDLE, IDLE_SLICE);
            return true;
        }
        return looks_done(h) && finish(p, h);
    }
    return atomic_load_explicit(&h->unswept, memory_order_relaxed) && gc_sweep_some(h, SWEEP_SLICE);
}

bool gc_due(Heap *h) { return gc_marking(h); }
