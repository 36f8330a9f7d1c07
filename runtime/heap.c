/* heap.c - allocation: runs, spans, accounting, limits. The collector is in gc.c, mark.c, sweep.c.
 *
 * The slow path of allocation, in order: the next free stretch of the cache's span; a span from the
 * central list of the class; an unswept span of the class, swept now; new pages. A span's alloc
 * bits are set for a whole run when it is taken and cleared again for what was not used when the
 * cache is flushed (which the collector does first), so in a stopped world they are exact.
 *
 * While the collector marks, objects are born black: the mark bits of a run are set when it is taken,
 * before its alloc bits, and those of runs that caches hold when marking begins are set in that
 * pause. An allocation then also pays its share of marking (gc_assist), and between cycles its share
 * of sweeping.
 *
 * Accounting is by run: `charged` grows when a run is taken, so no counter is touched per object;
 * heap_stats subtracts what lies unused in runs.
 */
#include "runtime/barrier.h"
#include "runtime/mark.h"
#include "runtime/rtypes.h"
#include "runtime/span.h"
#include "runtime/workbuf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { RUN_MOST = 8 << 10 /* bytes charged at a time, unless one object is larger */ };

_Alignas(16) uint8_t heap_zero_base[16];

/* Everything written so far comes before what is published next. ThreadSanitizer knows no fences:
 * it does not see script memory anyway (cell.h). */
static inline void publish(void)
{
#if defined(GOL_TSAN) && defined(__x86_64__)
    atomic_signal_fence(memory_order_release);
#else
    atomic_thread_fence(memory_order_release);
#endif
}

bool heap_init(Heap *h, const HeapHooks *hooks, void *vm)
{
    memset(h, 0, sizeof(*h));
    if (!pages_init()) {
        return false;
    }
    h->hooks = hooks;
    h->vm = vm;
    h->ready_tail = &h->ready;
    h->soft_limit = INT64_MAX;
    h->min_goal = 4 << 20;
    h->sweepgen = 1;
    h->start_ns = gc_clock();
    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_init(&h->work_lock, NULL);
    for (unsigned i = 0; i < 2 * HEAP_CLASSES; i++) {
        pthread_mutex_init(&h->central[i / HEAP_CLASSES][i % HEAP_CLASSES].lock, NULL);
    }
    heap_set_gc_percent(h, 100);
    return true;
}

bool heap_cache_init(Heap *h, struct P *p)
{
    HeapCache *c = heap_cache(p);
    memset(c, 0, sizeof(*c));
    c->marker = malloc(sizeof(*c->marker));
    if (!c->marker) {
        return false;
    }
    mark_init(c->marker, h);
    c->marker->p = p;
    c->heap = h;
    c->stress_left = h->stress;
    if (gc_marking(h)) { /* GOMAXPROCS grows, in a pause */
        c->barrier_on = 1;
        c->fiber_mark = h->mark_cycle << 1;
    }
    pthread_mutex_lock(&h->lock);
    c->next_cache = h->caches;
    h->caches = c;
    pthread_mutex_unlock(&h->lock);
    return true;
}

void heap_cache_free(struct P *p)
{
    HeapCache *c = heap_cache(p);
    Heap *h = c->heap;
    if (!h) {
        return;
    }
    heap_flush_cache(c);
    pthread_mutex_lock(&h->lock);
    for (HeapCache **at = &h->caches; *at; at = &(*at)->next_cache) {
        if (*at == c) {
            *at = c->next_cache;
            break;
        }
    }
    pthread_mutex_unlock(&h->lock);
    mark_publish(c->marker);
    mark_count(c->marker);
    free(c->marker);
    c->marker = NULL;
    free(c->iface);
    c->iface = NULL;
    c->heap = NULL;
}

static void free_list(Span **list)
{
    while (*list) {
        Span *s = *list;
        span_remove(list, s);
        span_free(s);
    }
}

void heap_free_all(Heap *h)
{
    if (!h->hooks) {
        return;
    }
    while (h->caches) {
        heap_cache_free((struct P *)(void *)h->caches);
    }
    finalizer_free_all(h);
    for (unsigned i = 0; i < 2 * HEAP_CLASSES; i++) {
        HeapCentral *c = &h->central[i / HEAP_CLASSES][i % HEAP_CLASSES];
        free_list(&c->partial);
        free_list(&c->full);
        free_list(&c->unswept);
        pthread_mutex_destroy(&c->lock);
    }
    free_list(&h->large);
    free_list(&h->large_unswept);
    work_free_all(h);
    pthread_mutex_destroy(&h->lock);
    pthread_mutex_destroy(&h->work_lock);
    h->hooks = NULL;
    pages_release(16 << 20, UINT64_MAX);
}

void heap_request(struct P *p, Heap *h)
{
    atomic_store_explicit(&h->requested, 1, memory_order_relaxed);
    if (h->hooks->request_gc) {
        h->hooks->request_gc(p);
    }
}

void heap_out_of_memory(struct P *p)
{
    Heap *h = heap_cache(p)->heap;
    op_fail(p, OP_NO_MEMORY, NULL);
    if (atomic_exchange_explicit(&h->dying, 1, memory_order_relaxed) == 0) {
        h->hooks->fatal(p, "runtime: out of memory");
    }
}

/* May `bytes` more of spans be taken? Beyond the hard limit there is some slack until the next
 * safepoint has collected, in one pause since there is no time to lose; gc_run ends the VM if that
 * did not help. */
bool heap_may_grow(struct P *p, Heap *h, uint64_t bytes)
{
    uint64_t hard = h->hard_limit;
    if (hard == 0) {
        return true;
    }
    uint64_t used = atomic_load_explicit(&h->span_bytes, memory_order_relaxed) + bytes;
    if (used <= hard) {
        return true;
    }
    if (bytes > hard || used > hard + hard / 4 + bytes + (1 << 20)) {
        return false;
    }
    atomic_store_explicit(&h->emergency, 1, memory_order_relaxed);
    heap_request(p, h);
    return true;
}

/* The P's share of sweeping, so that all is swept when the next cycle begins. */
static void sweep_share(HeapCache *c, Heap *h, uint64_t bytes)
{
    c->sweep_debt += bytes;
    double owed = (double)c->sweep_debt * h->sweep_ratio;
    if (owed >= 1) {
        gc_sweep_some(h, owed < 32 ? (unsigned)owed : 32);
        c->sweep_debt = 0;
    }
}

void heap_charge(struct P *p, Heap *h, uint64_t bytes, uint64_t objects, bool scan)
{
    HeapCache *c = heap_cache(p);
    uint64_t now = bytes + atomic_fetch_add_explicit(&h->charged, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->charged_objects, objects, memory_order_relaxed);
    if (scan) {
        atomic_fetch_add_explicit(&h->charged_scan, bytes, memory_order_relaxed);
    }
    if (GOL_UNLIKELY(atomic_load_explicit(&h->calls_ready, memory_order_relaxed))) {
        heap_request(p, h);
    }
    if (c->barrier_on) {
        gc_assist(p, h, bytes);
    } else if (GOL_UNLIKELY(now > atomic_load_explicit(&h->trigger, memory_order_relaxed))) {
        heap_request(p, h);
    } else if (atomic_load_explicit(&h->unswept, memory_order_relaxed)) {
        sweep_share(c, h, bytes);
    }
    if (GOL_UNLIKELY(h->stress != 0)) {
        if (c->stress_left <= objects) {
            c->stress_left = h->stress;
            heap_request(p, h);
        } else {
            c->stress_left -= (uint32_t)objects;
        }
    }
}

/* First index >= from whose bit equals `want`; nobj if none. */
static uint32_t find_bit(const Span *s, uint32_t from, bool want)
{
    uint64_t flip = want ? 0 : ~0ull;
    for (uint32_t w = from >> 6; w < span_words(s); w++) {
        uint64_t bits = s->alloc[w] ^ flip;
        if (w == from >> 6) {
            bits &= ~0ull << (from & 63);
        }
        if (bits) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
            return i < s->nobj ? i : s->nobj;
        }
    }
    return s->nobj;
}

/* The next free stretch of r's span becomes the run. */
static bool take_run(struct P *p, HeapRun *r)
{
    Span *s = r->span;
    uint32_t from = find_bit(s, s->cursor, false);
    if (from >= s->nobj) {
        return false;
    }
    uint32_t to = s->heap->stress ? from + 1 : find_bit(s, from, true);
    if ((to - from) * (uint64_t)s->size > RUN_MOST) {
        to = from + (s->size < RUN_MOST ? RUN_MOST / s->size : 1);
    }
    s->nalloc += to - from;
    s->cursor = to;
    r->next = span_object(s, from);
    r->end = span_object(s, to);
    if (!s->noscan) {
        r->tid = s->tids + from;
        memset(r->tid, 0, (to - from) * sizeof(*r->tid));
        if (s->needzero) {
            mem_zero(r->next, (size_t)(r->end - r->next));
        }
        /* The zeroes come before any object of the run is published. */
        publish();
    }
    if (heap_cache(p)->barrier_on) {
        marks_set_range(s->mark, from, to);
    }
    bits_set_range(s->alloc, from, to);
    heap_charge(p, s->heap, (uint64_t)(to - from) * s->size, to - from, !s->noscan);
    return true;
}

static void put_back(Span *s, bool full)
{
    HeapCentral *c = &s->heap->central[s->noscan][s->cls];
    pthread_mutex_lock(&c->lock);
    s->where = full ? SPAN_FULL : SPAN_PARTIAL;
    span_push(full ? &c->full : &c->partial, s);
    pthread_mutex_unlock(&c->lock);
}

static Span *take_span(struct P *p, Heap *h, unsigned cls, bool noscan)
{
    HeapCentral *c = &h->central[noscan][cls];
    pthread_mutex_lock(&c->lock);
    Span *s = c->partial;
    if (s) {
        span_remove(&c->partial, s);
    }
    pthread_mutex_unlock(&c->lock);
    if (!s && atomic_load_explicit(&h->unswept, memory_order_relaxed)) {
        s = sweep_take(h, c);
    }
    if (!s && heap_may_grow(p, h, (uint64_t)span_pages_for(cls) * HEAP_PAGE)) {
        s = span_new(h, cls, noscan, 0);
    }
    if (s) {
        s->where = SPAN_CACHED;
    }
    return s;
}

static bool refill(struct P *p, HeapRun *r, unsigned cls, bool noscan)
{
    Heap *h = heap_cache(p)->heap;
    for (;;) {
        if (r->span) {
            if (take_run(p, r)) {
                return true;
            }
            put_back(r->span, true);
            *r = (HeapRun){0};
        }
        r->span = take_span(p, h, cls, noscan);
        if (!r->span) {
            heap_out_of_memory(p);
            return false;
        }
    }
}

uint64_t heap_blacken_cache(HeapCache *c)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < 2 * HEAP_CLASSES; i++) {
        HeapRun *r = i < HEAP_CLASSES ? &c->scan[i] : &c->noscan[i - HEAP_CLASSES];
        Span *s = r->span;
        if (s && r->next < r->end) {
            uint32_t from = span_index(s, r->next);
            marks_set_range(s->mark, from, from + (uint32_t)((size_t)(r->end - r->next) / s->size));
            bytes += (size_t)(r->end - r->next);
        }
    }
    return bytes;
}

void heap_flush_cache(HeapCache *c)
{
    for (unsigned i = 0; i < 2 * HEAP_CLASSES; i++) {
        HeapRun *r = i < HEAP_CLASSES ? &c->scan[i] : &c->noscan[i - HEAP_CLASSES];
        Span *s = r->span;
        if (!s) {
            continue;
        }
        if (r->next < r->end) {
            uint32_t from = span_index(s, r->next);
            uint32_t to = from + (uint32_t)((size_t)(r->end - r->next) / s->size);
            bits_clear_range(s->alloc, from, to);
            marks_clear_range(s->mark, from, to); /* nothing points there: only birth set them */
            s->nalloc -= to - from;
            s->cursor = from;
            s->needzero = s->needzero || s->noscan;
            atomic_fetch_sub_explicit(&c->heap->charged, (uint64_t)(to - from) * s->size,
                                      memory_order_relaxed);
            atomic_fetch_sub_explicit(&c->heap->charged_objects, to - from, memory_order_relaxed);
            if (!s->noscan) {
                atomic_fetch_sub_explicit(&c->heap->charged_scan, (uint64_t)(to - from) * s->size,
                                          memory_order_relaxed);
            }
        }
        put_back(s, find_bit(s, s->cursor, false) >= s->nobj);
        *r = (HeapRun){0};
    }
}

void *heap_alloc_scan_slow(struct P *p, const RType *t, unsigned cls)
{
    HeapRun *r = &heap_cache(p)->scan[cls];
    assert(t->id != 0);
    if (!refill(p, r, cls, false)) {
        return NULL;
    }
    uint8_t *obj = r->next;
    r->next = obj + heap_class_size[cls];
    *r->tid++ = t->id;
    return obj;
}

static void *alloc_large(struct P *p, size_t size, const RType *t, bool zero)
{
    Heap *h = heap_cache(p)->heap;
    size_t pages = (size + HEAP_PAGE - 1) >> HEAP_PAGE_SHIFT;
    Span *s = NULL;
    if (size <= pages_size && heap_may_grow(p, h, (uint64_t)pages * HEAP_PAGE)) {
        s = span_new(h, 0, t == NULL, pages);
    }
    if (!s) {
        heap_out_of_memory(p);
        return NULL;
    }
    if (s->needzero && zero) {
        mem_zero(s->base, (size_t)s->npages << HEAP_PAGE_SHIFT);
    }
    s->nalloc = 1;
    s->where = SPAN_LARGE;
    if (t) {
        s->tids[0] = t->id;
    }
    if (heap_cache(p)->barrier_on) {
        marks_set_range(s->mark, 0, 1);
    }
    publish();
    bits_set_range(s->alloc, 0, 1);
    pthread_mutex_lock(&h->lock);
    span_push(&h->large, s);
    pthread_mutex_unlock(&h->lock);
    heap_charge(p, h, (uint64_t)pages * HEAP_PAGE, 1, t != NULL);
    return s->base;
}

void *heap_alloc_slow(struct P *p, const RType *t, size_t n)
{
    size_t size;
    if (__builtin_mul_overflow(t->size, n, &size)) {
        heap_out_of_memory(p);
        return NULL;
    }
    if (size == 0) {
        return heap_zero_base;
    }
    return alloc_large(p, size, t->flags & RT_NOPTR ? NULL : t, true);
}

void *heap_alloc_noscan_slow(struct P *p, size_t bytes, bool zero)
{
    if (bytes == 0) {
        return heap_zero_base;
    }
    if (bytes > HEAP_SMALL_MAX) {
        return alloc_large(p, bytes, NULL, zero);
    }
    unsigned cls = heap_class(bytes);
    HeapRun *r = &heap_cache(p)->noscan[cls];
    if (!refill(p, r, cls, true)) {
        return NULL;
    }
    uint8_t *obj = r->next;
    r->next = obj + heap_class_size[cls];
    if (zero) {
        mem_zero(obj, bytes);
    }
    return obj;
}

HeapObject heap_find(const void *ptr)
{
    HeapObject o = {0};
    Span *s = pages_span(ptr);
    uint32_t i = s ? span_index(s, ptr) : 0;
    if (s && i < s->nobj) {
        o.base = span_object(s, i);
        o.size = span_object_size(s);
        o.heap = s->heap;
        if (!s->noscan) {
            o.type = rtype_by_id(s->tids[i]);
        }
    }
    return o;
}

static void walk_list(Span *list, HeapVisit visit, void *ctx)
{
    Span *s = list;
    if (!s) {
        return;
    }
    do {
        for (uint32_t i = 0; i < s->nobj; i++) {
            if (bit_get(s->alloc, i)) {
                visit(heap_find(span_object(s, i)), ctx);
            }
        }
        s = s->next;
    } while (s != list);
}

void heap_walk(Heap *h, HeapVisit visit, void *ctx)
{
    for (HeapCache *c = h->caches; c; c = c->next_cache) {
        heap_flush_cache(c);
    }
    sweep_finish(h);
    for (unsigned i = 0; i < 2 * HEAP_CLASSES; i++) {
        HeapCentral *c = &h->central[i / HEAP_CLASSES][i % HEAP_CLASSES];
        walk_list(c->partial, visit, ctx);
        walk_list(c->full, visit, ctx);
    }
    walk_list(h->large, visit, ctx);
}

void heap_stats(Heap *h, HeapStats *out)
{
    *out = h->stats;
    uint64_t bytes = atomic_load_explicit(&h->charged, memory_order_relaxed);
    uint64_t objects = atomic_load_explicit(&h->charged_objects, memory_order_relaxed);
    pthread_mutex_lock(&h->lock);
    for (HeapCache *c = h->caches; c; c = c->next_cache) {
        for (unsigned i = 0; i < 2 * HEAP_CLASSES; i++) {
            HeapRun *r = i < HEAP_CLASSES ? &c->scan[i] : &c->noscan[i - HEAP_CLASSES];
            uint64_t end = mem_load64(&r->end), next = mem_load64(&r->next);
            uint64_t most = (uint64_t)span_pages_for(i % HEAP_CLASSES) * HEAP_PAGE;
            if (next < end && end - next <= most) { /* another P may be between two stores */
                bytes -= end - next;
                objects -= (end - next) / heap_class_size[i % HEAP_CLASSES];
            }
        }
    }
    pthread_mutex_unlock(&h->lock);
    out->alloc_bytes = bytes;
    out->alloc_objects = objects;
    out->freed_bytes = atomic_load_explicit(&h->freed, memory_order_relaxed);
    out->freed_objects = atomic_load_explicit(&h->freed_objects, memory_order_relaxed);
    out->live_bytes = bytes - out->freed_bytes;
    out->live_objects = objects - out->freed_objects;
    out->goal_bytes = h->goal;
    out->span_bytes = atomic_load_explicit(&h->span_bytes, memory_order_relaxed);
    out->meta_bytes = atomic_load_explicit(&h->meta_bytes, memory_order_relaxed);
    out->peak_span_bytes = atomic_load_explicit(&h->peak_span_bytes, memory_order_relaxed);
}

/* Roots made while the collector marks stand before its cursor: they are shaded here. */
void heap_root_add(struct P *p, HeapRoot *r, void *ptr)
{
    Heap *h = heap_cache(p)->heap;
    heap_shade_root(p, ptr);
    r->ptr = ptr;
    r->prev = NULL;
    pthread_mutex_lock(&h->lock);
    r->next = h->roots;
    if (r->next) {
        r->next->prev = r;
    }
    h->roots = r;
    pthread_mutex_unlock(&h->lock);
}

void heap_root_remove(struct P *p, HeapRoot *r)
{
    heap_shade_root(p, r->ptr);
    heap_root_drop(heap_cache(p)->heap, r);
}

void heap_root_drop(Heap *h, HeapRoot *r)
{
    pthread_mutex_lock(&h->lock);
    if (h->root_cursor == r) {
        h->root_cursor = r->next;
    }
    if (r->prev) {
        r->prev->next = r->next;
    } else {
        h->roots = r->next;
    }
    if (r->next) {
        r->next->prev = r->prev;
    }
    pthread_mutex_unlock(&h->lock);
    r->ptr = NULL;
}

uint64_t heap_rand_seed(struct P *p)
{
    HeapCache *c = heap_cache(p);
    uint64_t s = c->heap->hooks->rand ? c->heap->hooks->rand(p) : 0x2545f4914f6cdd1dull;
    return s ? s : 1;
}

bool heap_parse_gogc(const char *s, int64_t *percent)
{
    if (strcmp(s, "off") == 0) {
        *percent = -1;
        return true;
    }
    char *end;
    long v = strtol(s, &end, 10);
    if (end == s || *end || v < -1 || v > INT32_MAX) {
        return false;
    }
    *percent = v;
    return true;
}

bool heap_parse_limit(const char *s, int64_t *bytes)
{
    static const struct {
        const char *suffix;
        unsigned shift;
    } units[] = {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}, {"", 0}};
    if (strcmp(s, "off") == 0) {
        *bytes = INT64_MAX;
        return true;
    }
    char *end;
    unsigned long long v = strtoull(s, &end, 10);
    if (end == s || *s == '-') {
        return false;
    }
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].suffix) == 0) {
            if (v > (unsigned long long)(INT64_MAX >> units[i].shift)) {
                return false;
            }
            *bytes = (int64_t)(v << units[i].shift);
            return true;
        }
    }
    return false;
}
