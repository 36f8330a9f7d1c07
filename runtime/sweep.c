/* sweep.c - freeing what was not marked, span by span, when somebody needs the span.
 *
 * After marking, in the pause, every span moves to its central's unswept list (a list
 * concatenation). Sweeping one is a bitmap copy: alloc = mark, mark = 0. It happens when a cache
 * asks for a span of the class (sweep_take), in passing, in proportion to allocation (sweep_share
 * in heap.c), by idle Ps, at the latest before the next marking (sweep_finish). Empty spans give
 * their pages back at once; when the last span is swept the surplus of free pages goes to the system
 * in small steps, which count as sweeping too.
 *
 * A span with specials has them looked at before its bits change: finalizers and cleanups of dead
 * objects are queued, weak handles cleared (finalizer.c).
 *
 * Between the pause that ends marking and the first sweep, weak references outside the heap are
 * dropped (hooks->after_mark; sweep_hold): what they point at stays readable until then.
 *
 * Threads: who takes a span off an unswept list owns it. Marking begins only when the lists are
 * empty, in a stopped world, so no span is ever half swept then.
 */
#include "runtime/span.h"

#include "runtime/finalizer.h"

#include <assert.h>

enum { RELEASE_STEP = 512 << 10 };

static void clobber(Span *s)
{
    for (uint32_t i = 0; i < s->nobj; i++) {
        if (bit_get(s->alloc, i) && !bit_get(s->mark, i)) {
            uint8_t *obj = span_object(s, i);
            for (size_t k = 0; k + 8 <= span_object_size(s); k += 8) {
                mem_store64(obj + k, 0xdeadbeefdeadbeefull);
            }
        }
    }
}

static void sweep_bits(Span *s)
{
    uint32_t words = span_words(s), live = 0;
    if (__atomic_load_n(&s->has_specials, __ATOMIC_RELAXED)) {
        finalizer_look_at(s->heap, s);
    }
    if (s->heap->clobber) {
        clobber(s);
    }
    for (uint32_t w = 0; w < words; w++) {
        uint64_t marks = s->mark[w];
        assert((marks & ~s->alloc[w]) == 0);
        __atomic_store_n(&s->alloc[w], marks, __ATOMIC_RELAXED);
        __atomic_store_n(&s->mark[w], 0, __ATOMIC_RELAXED);
        live += (uint32_t)__builtin_popcountll(marks);
    }
    uint64_t dead = s->nalloc - live;
    if (dead) {
        atomic_fetch_add_explicit(&s->heap->freed, dead * span_object_size(s),
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&s->heap->freed_objects, dead, memory_order_relaxed);
    }
    s->nalloc = live;
    s->cursor = 0;
    s->needzero = true;
    atomic_fetch_sub_explicit(&s->heap->unswept_spans, 1, memory_order_relaxed);
}

bool sweep_span(Span *s)
{
    sweep_bits(s);
    if (s->nalloc == 0) {
        span_free(s);
        return false;
    }
    return true;
}

static bool held(Heap *h) { return atomic_load_explicit(&h->sweep_hold, memory_order_acquire); }

static Span *pop_unswept(HeapCentral *c)
{
    pthread_mutex_lock(&c->lock);
    Span *s = c->unswept;
    if (s) {
        span_remove(&c->unswept, s);
    }
    pthread_mutex_unlock(&c->lock);
    return s;
}

static void push_swept(HeapCentral *c, Span *s)
{
    bool full = s->nalloc == s->nobj;
    pthread_mutex_lock(&c->lock);
    s->where = full ? SPAN_FULL : SPAN_PARTIAL;
    span_push(full ? &c->full : &c->partial, s);
    pthread_mutex_unlock(&c->lock);
}

Span *sweep_take(Heap *h, HeapCentral *c)
{
    for (unsigned tries = 0; tries < 64 && !held(h); tries++) {
        Span *s = pop_unswept(c);
        if (!s) {
            return NULL;
        }
        sweep_bits(s);
        if (s->nalloc < s->nobj) {
            return s;
        }
        push_swept(c, s);
    }
    return NULL;
}

/* Everything is swept: surplus pages go to the system, a step at a time. */
static bool release_step(Heap *h)
{
    if (pages_release(h->goal / 8 + (4 << 20), RELEASE_STEP)) {
        return true;
    }
    atomic_store_explicit(&h->unswept, 0, memory_order_relaxed);
    return false;
}

static bool sweep_one_large(Heap *h)
{
    pthread_mutex_lock(&h->lock);
    Span *s = h->large_unswept;
    if (s) {
        span_remove(&h->large_unswept, s);
    }
    pthread_mutex_unlock(&h->lock);
    if (!s) {
        return false;
    }
    if (sweep_span(s)) {
        pthread_mutex_lock(&h->lock);
        span_push(&h->large, s);
        pthread_mutex_unlock(&h->lock);
    }
    return true;
}

bool gc_sweep_some(Heap *h, unsigned n)
{
    if (held(h)) {
        return false;
    }
    uint32_t at = atomic_load_explicit(&h->sweep_at, memory_order_relaxed);
    while (at < 2 * HEAP_CLASSES && n > 0) {
        HeapCentral *c = &h->central[at / HEAP_CLASSES][at % HEAP_CLASSES];
        Span *s = pop_unswept(c);
        if (!s) {
            /* Another P may have gone further already: never back. */
            atomic_compare_exchange_strong_explicit(&h->sweep_at, &at, at + 1,
                                                    memory_order_relaxed, memory_order_relaxed);
            at = atomic_load_explicit(&h->sweep_at, memory_order_relaxed);
            continue;
        }
        if (sweep_span(s)) {
            push_swept(c, s);
        }
        n--;
    }
    while (n > 0 && sweep_one_large(h)) {
        n--;
    }
    return n == 0 || (atomic_load_explicit(&h->unswept, memory_order_relaxed) && release_step(h));
}

void sweep_finish(Heap *h)
{
    while (atomic_load_explicit(&h->unswept, memory_order_relaxed) && gc_sweep_some(h, 1024)) {
    }
}

void sweep_begin(Heap *h)
{
    for (unsigned i = 0; i < 2 * HEAP_CLASSES; i++) {
        HeapCentral *c = &h->central[i / HEAP_CLASSES][i % HEAP_CLASSES];
        assert(c->unswept == NULL);
        span_concat(&c->unswept, &c->partial);
        span_concat(&c->unswept, &c->full);
    }
    assert(h->large_unswept == NULL);
    span_concat(&h->large_unswept, &h->large);
    h->sweepgen++;
    uint64_t spans = atomic_load_explicit(&h->nspans, memory_order_relaxed);
    atomic_store_explicit(&h->unswept_spans, spans, memory_order_relaxed);
    atomic_store_explicit(&h->sweep_at, 0, memory_order_relaxed);
    atomic_store_explicit(&h->unswept, 1, memory_order_relaxed);
}

void gc_release_memory(Heap *h)
{
    sweep_finish(h);
    pages_release(0, UINT64_MAX);
}
