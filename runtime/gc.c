/* gc.c - one collection, and when the next one is due.
 *
 * Today the world stands still from 1 to 6:
 *   1. stop the world; flush every cache, so that alloc bits are exact; finish the last sweep
 *   2. mark from the roots: hooks->scan_roots, C roots, finalizers' functions and what finalizable
 *      objects reach (not the objects themselves), the queue of calls to make
 *   3. drain
 *   4. finalizer_find_dead: dead objects with finalizers are kept and queued, weak handles cleared,
 *      cleanups queued; drain what that kept
 *   5. free dead large objects; every other span becomes unswept
 *   6. the next goal; start the world
 *   7. sweeping happens as spans are needed, or by idle Ps, or (forced) here
 * Marking moves out of the pause by splitting 2 and 3 from 4 and setting barrier_on between.
 *
 * Pacing: the goal is what was marked, times 1 + GOGC/100, at least 4 MB * GOGC/100; a soft limit
 * (GOMEMLIMIT) lowers it, down to a sixteenth above what was marked, so that a program at its
 * limit still makes progress. The trigger is in terms of Heap.charged, which only grows.
 */
#include "runtime/mark.h"
#include "runtime/span.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t live_bytes(Heap *h)
{
    return atomic_load_explicit(&h->charged, memory_order_relaxed) -
           atomic_load_explicit(&h->freed, memory_order_relaxed);
}

/* The goal for a heap of which `marked` bytes are reachable. */
static uint64_t goal_for(Heap *h, uint64_t marked)
{
    uint64_t goal = UINT64_MAX;
    if (h->gc_percent >= 0) {
        uint64_t percent = (uint64_t)h->gc_percent;
        uint64_t least = h->min_goal / 100 * percent;
        goal = marked + marked / 100 * percent;
        goal = goal < least ? least : goal;
    }
    if (h->soft_limit != INT64_MAX) {
        uint64_t meta = atomic_load_explicit(&h->meta_bytes, memory_order_relaxed);
        uint64_t limit = (uint64_t)h->soft_limit;
        uint64_t soft = limit > meta ? limit - meta : 0;
        uint64_t least = marked + marked / 16 + (256 << 10);
        soft = soft < least ? least : soft;
        goal = goal < soft ? goal : soft;
    }
    if (h->hard_limit && goal > h->hard_limit) {
        uint64_t least = marked + marked / 16 + (64 << 10);
        goal = h->hard_limit > least ? h->hard_limit : least;
    }
    return goal;
}

static void set_goal(Heap *h, uint64_t marked)
{
    h->goal = goal_for(h, marked);
    uint64_t charged = atomic_load_explicit(&h->charged, memory_order_relaxed);
    uint64_t room = h->goal > marked ? h->goal - marked : 0;
    uint64_t trigger = room > UINT64_MAX - charged ? UINT64_MAX : charged + room;
    atomic_store_explicit(&h->trigger, trigger, memory_order_relaxed);
}

/* Between collections `charged` holds what came since the last one: keep that counted. */
static void reset_goal(Heap *h)
{
    uint64_t marked = h->stats.marked_bytes;
    uint64_t live = live_bytes(h);
    h->goal = goal_for(h, marked);
    uint64_t room = h->goal > live ? h->goal - live : 0;
    uint64_t charged = atomic_load_explicit(&h->charged, memory_order_relaxed);
    uint64_t trigger = room > UINT64_MAX - charged ? UINT64_MAX : charged + room;
    atomic_store_explicit(&h->trigger, trigger, memory_order_relaxed);
}

void heap_set_gc_percent(Heap *h, int64_t percent)
{
    h->gc_percent = percent < 0 ? -1 : percent;
    reset_goal(h);
}

void heap_set_soft_limit(Heap *h, int64_t bytes)
{
    h->soft_limit = bytes < 0 ? h->soft_limit : bytes;
    reset_goal(h);
}

static void mark_shaded(Heap *h, Marker *m)
{
    for (size_t i = 0; i < h->nshaded; i++) {
        mark_ptr(m, h->shaded[i]);
    }
    h->nshaded = 0;
}

static void mark_all(Heap *h, Marker *m)
{
    if (h->hooks->scan_roots) {
        h->hooks->scan_roots(h, m);
    }
    for (HeapRoot *r = h->roots; r; r = r->next) {
        mark_ptr(m, r->ptr);
    }
    finalizer_mark_roots(h, m);
    mark_drain(m);
    mark_shaded(h, m);
    mark_drain(m);
    finalizer_find_dead(h, m);
    mark_drain(m);
}

typedef struct Cycle {
    uint64_t start, stopped, marked, end, cpu;
    uint64_t before, at_mark, after, goal;
    uint64_t number;
    bool forced;
} Cycle;

/* Go's format; what is concurrent in Go's phases is the middle figure. */
static void trace(Heap *h, const Cycle *c)
{
    double ms = 1e-6;
    uint64_t total = c->end - h->start_ns;
    double percent = total ? 100.0 * (double)h->stats.pause_total_ns / (double)total : 0;
    fprintf(stderr,
            "gc %llu @%.3fs %d%%: %.3f+%.3f+%.3f ms clock, %.3f+0/%.3f/0+%.3f ms cpu, "
            "%llu->%llu->%llu MB, %llu MB goal, 0 MB stacks, 0 MB globals, 1 P%s\n",
            (unsigned long long)c->number, (double)(c->start - h->start_ns) * 1e-9, (int)percent,
            (double)(c->stopped - c->start) * ms, (double)(c->marked - c->stopped) * ms,
            (double)(c->end - c->marked) * ms, (double)(c->stopped - c->start) * ms,
            (double)c->cpu * ms, (double)(c->end - c->marked) * ms,
            (unsigned long long)(c->before >> 20), (unsigned long long)(c->at_mark >> 20),
            (unsigned long long)(c->after >> 20), (unsigned long long)(c->goal >> 20),
            c->forced ? " (forced)" : "");
}

static void count(Heap *h, Cycle *c, const Marker *m)
{
    HeapStats *s = &h->stats;
    uint64_t pause = c->end - c->start;
    s->marked_bytes = m->bytes;
    s->marked_objects = m->objects;
    s->pauses[s->num_gc % 256] = pause;
    s->last_gc_ns = clock_ns(CLOCK_REALTIME);
    s->pause_ends[s->num_gc % 256] = s->last_gc_ns;
    s->num_gc++;
    s->num_forced += c->forced;
    s->last_pause_ns = pause;
    s->pause_total_ns += pause;
    s->gc_cpu_ns += c->cpu;
    c->number = s->num_gc;
    c->after = m->bytes;
}

/* gcstress: at every Nth allocation, but a large heap is not gone through for each. */
static void set_stress(Heap *h, const Marker *m)
{
    uint64_t more = m->objects > 10000 ? m->objects / 16 : 0;
    for (HeapCache *cache = h->caches; cache; cache = cache->next_cache) {
        cache->stress_left = h->stress + (uint32_t)(more < INT32_MAX ? more : INT32_MAX);
    }
}

/* The world is stopped. */
static void collect(Heap *h, Cycle *c)
{
    uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    atomic_store_explicit(&h->requested, 0, memory_order_relaxed);
    for (HeapCache *cache = h->caches; cache; cache = cache->next_cache) {
        heap_flush_cache(cache);
    }
    sweep_finish(h);
    c->stopped = clock_ns(CLOCK_MONOTONIC);
    c->before = c->at_mark = live_bytes(h);
    c->goal = h->goal;
    Marker m;
    mark_init(&m, h);
    mark_all(h, &m);
    mark_free(&m);
    c->marked = clock_ns(CLOCK_MONOTONIC);
    if (h->check) {
        const char *bad = mark_verify(h);
        if (bad) {
            fprintf(stderr, "throw: %s\n", bad);
            abort();
        }
    }
    sweep_large(h);
    sweep_begin(h);
    if (h->clobber) {
        sweep_finish(h);
    }
    set_goal(h, m.bytes);
    set_stress(h, &m);
    c->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    c->end = clock_ns(CLOCK_MONOTONIC);
    count(h, c, &m);
    if (h->trace) {
        trace(h, c);
    }
    atomic_fetch_add_explicit(&h->cycles, 1, memory_order_relaxed);
}

/* Stops the world unless the collection that was wanted has been done meanwhile. */
static bool stop(struct P *p, Heap *h, bool forced)
{
    uint32_t cycles = atomic_load_explicit(&h->cycles, memory_order_relaxed);
    for (;;) {
        if (!forced && !gc_wanted(p)) {
            return false;
        }
        if (!h->hooks->stop_world || h->hooks->stop_world(p)) {
            return true;
        }
        if (atomic_load_explicit(&h->dying, memory_order_relaxed)) {
            return false;
        }
        /* runtime.GC needs a whole cycle that began after the call: the second one surely did */
        if (atomic_load_explicit(&h->cycles, memory_order_relaxed) - cycles >= 2) {
            return false;
        }
        if (h->hooks->stopped_for_good && h->hooks->stopped_for_good(p)) {
            return false;
        }
    }
}

void gc_run(struct P *p, bool forced)
{
    Heap *h = heap_cache(p)->heap;
    Cycle c = {.forced = forced};
    if (atomic_load_explicit(&h->dying, memory_order_relaxed)) {
        return;
    }
    c.start = clock_ns(CLOCK_MONOTONIC);
    if (!stop(p, h, forced)) {
        return;
    }
    if (h->start_ns == 0) {
        h->start_ns = c.start;
    }
    collect(h, &c);
    bool ready = h->ready != NULL;
    bool full = h->hard_limit && h->stats.marked_bytes > h->hard_limit;
    if (h->hooks->start_world) {
        h->hooks->start_world(p);
    }
    if (full) {
        heap_out_of_memory(p);
        return;
    }
    if (ready && h->hooks->finalizers_ready) {
        h->hooks->finalizers_ready(p);
    }
    if (forced) {
        sweep_finish(h);
    }
}
