/* sweep.c - freeing what was not marked, span by span, when somebody needs the span.
 *
 * After marking, in the stopped world, every span moves to its central's unswept list (a list
 * concatenation). Sweeping one is a bitmap copy: alloc = mark, mark = 0. It happens when a cache
 * asks for a span of the class (sweep_take), in passing for other classes (gc_sweep_some), at the
 * latest before the next marking (sweep_finish). Empty spans give their pages back at once; when
 * the last span is swept the surplus of free pages goes to the system.
 *
 * Dead objects have no specials any more: finalizer_find_dead ran in the stopped world.
 */
#include "runtime/span.h"

#include <assert.h>

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
    if (s->heap->clobber) {
        clobber(s);
    }
    for (uint32_t w = 0; w < words; w++) {
        assert((s->mark[w] & ~s->alloc[w]) == 0);
        s->alloc[w] = s->mark[w];
        s->mark[w] = 0;
        live += (uint32_t)__builtin_popcountll(s->alloc[w]);
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
    for (unsigned tries = 0; tries < 64; tries++) {
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

static void all_swept(Heap *h)
{
    if (atomic_exchange_explicit(&h->unswept, 0, memory_order_relaxed)) {
        pages_release(h->goal / 8 + (4 << 20));
    }
}

bool gc_sweep_some(Heap *h, unsigned n)
{
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
    if (at >= 2 * HEAP_CLASSES) {
        all_swept(h);
        return false;
    }
    return true;
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
    h->sweepgen++;
    atomic_store_explicit(&h->sweep_at, 0, memory_order_relaxed);
    atomic_store_explicit(&h->unswept, 1, memory_order_relaxed);
}

void sweep_large(Heap *h)
{
    Span *keep = NULL;
    while (h->large) {
        Span *s = h->large;
        span_remove(&h->large, s);
        if (sweep_span(s)) {
            span_push(&keep, s);
        }
    }
    h->large = keep;
}

void gc_release_memory(Heap *h)
{
    sweep_finish(h);
    pages_release(0);
}
