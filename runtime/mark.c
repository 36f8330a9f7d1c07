/* mark.c - finding what is reachable.
 *
 * Mark bits stand beside the span's header, one per object. mark_ptr puts an address into a ring of
 * eight and prefetches its span and object; when it falls out of the ring the mark bit is set, and
 * an object of a scan span goes to the explicit stack. mark_drain takes objects off the stack and
 * marks what their words point at, by the type's map. So nothing recurses, whatever the shape of
 * the graph; if the stack cannot grow, objects stay marked but unscanned and mark_overflowed walks
 * the spans for them until none is left.
 *
 * Every pointer is interior-tolerant: address -> span -> object number by one multiplication.
 * Objects whose alloc bit is not set are ignored. Cells are loaded once (D8).
 * The world is stopped: bits are plain. Parallel marking needs atomic bit sets and stealing of
 * stack parts; nothing else here assumes one marker.
 */
#include "runtime/mark.h"

#include "runtime/barrier.h"
#include "runtime/rtypes.h"
#include "runtime/span.h"

#include <assert.h>
#include <stdlib.h>

void mark_init(Marker *m, Heap *h)
{
    memset(m, 0, sizeof(*m));
    m->heap = h;
    m->cap = 4096;
    m->stack = malloc(m->cap * sizeof(*m->stack));
    if (!m->stack) {
        m->cap = 0;
    }
}

void mark_free(Marker *m)
{
    free(m->stack);
    m->stack = NULL;
}

static void push(Marker *m, uint8_t *obj)
{
    if (GOL_UNLIKELY(m->depth == m->cap)) {
        size_t cap = m->cap ? m->cap * 2 : 4096;
        uint8_t **stack = realloc(m->stack, cap * sizeof(*stack));
        if (!stack) {
            m->overflow = true;
            return;
        }
        m->stack = stack;
        m->cap = cap;
    }
    m->stack[m->depth++] = obj;
}

/* Sets the mark bit of the object around ptr, greys it if it was white. */
static void grey(Marker *m, uint8_t *ptr)
{
    Span *s = pages_span(ptr);
    if (!s || s->heap != m->heap) {
        return;
    }
    uint32_t i = span_index(s, ptr);
    if (i >= s->nobj || !bit_get(s->alloc, i) || bit_get(s->mark, i)) {
        return;
    }
    bit_set(s->mark, i);
    m->objects++;
    m->bytes += span_object_size(s);
    if (!s->noscan) {
        push(m, span_object(s, i));
    }
}

void mark_ptr(Marker *m, const void *ptr)
{
    uintptr_t off = (uintptr_t)ptr - pages_base;
    if (off >= pages_size) {
        return;
    }
    __builtin_prefetch(ptr);
    __builtin_prefetch(pages_map[off >> HEAP_PAGE_SHIFT]);
    unsigned at = m->head;
    m->head = (at + 1) & (MARK_PREFETCH - 1);
    if (m->waiting == MARK_PREFETCH) {
        uint8_t *old = m->ring[at];
        m->ring[at] = (uint8_t *)(uintptr_t)ptr;
        grey(m, old);
    } else {
        m->ring[at] = (uint8_t *)(uintptr_t)ptr;
        m->waiting++;
    }
}

void mark_iface(Marker *m, const RType *type, const void *word)
{
    if (rtype_word_is_ptr(type)) {
        mark_ptr(m, word);
    }
}

/* 32 words from base by one word of a gcmap. */
static inline void scan_bits(Marker *m, const uint8_t *base, uint64_t bits)
{
    while (bits) {
        unsigned i = (unsigned)__builtin_ctzll(bits) >> 1;
        unsigned kind = (unsigned)(bits >> (2 * i)) & 3;
        bits &= ~(3ull << (2 * i));
        if (GOL_LIKELY(kind == GCW_PTR)) {
            mark_ptr(m, mem_loadp(base + i * 8));
        } else if (kind == GCW_IFACE_TYPE) {
            Iface v = cell_iface(cell_load_any(base + i * 8));
            mark_iface(m, v.type, v.word.p);
        }
    }
}

static void scan_typed(Marker *m, const uint8_t *base, size_t bytes, const RType *t)
{
    uint32_t words = t->gc_words;
    if (words == 0 || t->size == 0) {
        return;
    }
    const uint64_t *map = rel_get(&t->gcmap);
    size_t need = (size_t)words * 8, step = t->size;
    if (words <= 32) {
        uint64_t bits = map[0];
        for (size_t off = 0; off + need <= bytes; off += step) {
            scan_bits(m, base + off, bits);
        }
        return;
    }
    for (size_t off = 0; off + need <= bytes; off += step) {
        for (uint32_t w = 0; w < words; w += 32) {
            scan_bits(m, base + off + (size_t)w * 8, map[w >> 5]);
        }
    }
}

void mark_range(Marker *m, const void *base, const RType *t, size_t n)
{
    scan_typed(m, base, t->size * n, t);
}

void mark_words(Marker *m, const void *from, const void *to)
{
    for (const uint8_t *a = from; a + 8 <= (const uint8_t *)to; a += 8) {
        mark_ptr(m, mem_loadp(a));
    }
}

void mark_object_contents(Marker *m, void *base)
{
    Span *s = pages_span(base);
    if (!s || s->noscan) {
        return;
    }
    const RType *t = rtype_by_id(s->tids[span_index(s, base)]);
    if (t) {
        scan_typed(m, base, span_object_size(s), t);
    }
}

void mark_drain(Marker *m)
{
    for (;;) {
        if (m->depth) {
            mark_object_contents(m, m->stack[--m->depth]);
        } else if (m->waiting) {
            unsigned at = (m->head - m->waiting) & (MARK_PREFETCH - 1);
            m->waiting--;
            grey(m, m->ring[at]);
        } else if (m->overflow) {
            mark_overflowed(m);
        } else {
            return;
        }
    }
}

static void rescan(Marker *m, Span *list)
{
    Span *s = list;
    if (!s) {
        return;
    }
    do {
        for (uint32_t i = 0; !s->noscan && i < s->nobj; i++) {
            if (bit_get(s->mark, i)) {
                mark_object_contents(m, span_object(s, i));
                while (m->depth) {
                    mark_object_contents(m, m->stack[--m->depth]);
                }
            }
        }
        s = s->next;
    } while (s != list);
}

void mark_overflowed(Marker *m)
{
    m->overflow = false;
    for (unsigned c = 0; c < HEAP_CLASSES; c++) {
        rescan(m, m->heap->central[0][c].partial);
        rescan(m, m->heap->central[0][c].full);
    }
    rescan(m, m->heap->large);
}

bool mark_is_marked(const void *obj)
{
    Span *s = pages_span(obj);
    return !s || bit_get(s->mark, span_index(s, obj));
}

/* After marking, before the sweep: starting from all marked objects finds nothing new. */

static void verify_span(Span *s, Marker *m)
{
    for (uint32_t i = 0; i < s->nobj; i++) {
        if (bit_get(s->mark, i)) {
            mark_object_contents(m, span_object(s, i));
        }
    }
}

const char *mark_verify(Heap *h)
{
    Marker m;
    mark_init(&m, h);
    for (unsigned i = 0; i < HEAP_CLASSES + 1; i++) {
        Span *lists[2] = {i < HEAP_CLASSES ? h->central[0][i].partial : h->large,
                          i < HEAP_CLASSES ? h->central[0][i].full : NULL};
        for (unsigned k = 0; k < 2; k++) {
            Span *s = lists[k];
            while (s) {
                if (!s->noscan) {
                    verify_span(s, &m);
                }
                s = s->next == lists[k] ? NULL : s->next;
            }
        }
    }
    mark_drain(&m);
    const char *bad = m.objects ? "heap check: a marked object points at an unmarked one" : NULL;
    mark_free(&m);
    return bad;
}
