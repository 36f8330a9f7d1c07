/* mark.c - finding what is reachable, on any number of Ps, beside the running program.
 *
 * Every P has one Marker: its barrier shades into it, its assists and its worker drain it. Mark bits
 * stand beside the span's header, one per object. mark_ptr sets the bit, by one atomic or none, and
 * an object of a scan span that was white goes to the P's block. What mark_drain takes off the block
 * it prefetches, object and type number, and puts into a ring of eight; what falls out of the ring
 * is scanned (Cher, Hosking and Vitek, "Software prefetching for mark-sweep garbage collection",
 * ISMM 2004; only, objects that are black already are not fetched here: headers and bits are dense
 * enough to stay in the cache). Full blocks go to the heap's stack, from which Ps without work take
 * them (workbuf.c). So nothing recurses, whatever the graph's shape.
 *
 * A large object is scanned in pieces: its first piece puts the address of the second on the block,
 * and so on; an item inside a large span means "from here on".
 *
 * If there is no memory for a block, objects stay marked but unscanned, `overflow` is set, and the
 * pause that ends marking walks the spans for them (mark_overflowed).
 *
 * Every pointer is interior-tolerant: address -> span -> object number by one multiplication.
 * Objects whose alloc bit is not set are ignored. An object is filled in as far as the collector
 * can see before its alloc bit is set, and objects born while marking are marked at birth, before
 * that bit; so what gets here for scanning lay complete in the heap when marking began. Scripts
 * write to it meanwhile: each word or cell is loaded once (D8), and the barrier takes care of what
 * is overwritten (barrier.h).
 */
#include "runtime/mark.h"

#include "runtime/barrier.h"
#include "runtime/checkmark.h"
#include "runtime/rtypes.h"
#include "runtime/span.h"
#include "runtime/workbuf.h"

#include <assert.h>
#include <stdlib.h>

void mark_init(Marker *m, Heap *h)
{
    memset(m, 0, sizeof(*m));
    m->heap = h;
}

static void push(Marker *m, uint8_t *item)
{
    WorkBlock *b = m->block;
    if (GOL_UNLIKELY(!b || b->n == WORK_ITEMS)) {
        WorkBlock *fresh = work_block(m->heap);
        if (!fresh) {
            atomic_store_explicit(&m->heap->overflow, 1, memory_order_relaxed);
            return;
        }
        if (b) {
            work_push(&m->heap->work, b);
            m->published = true;
        }
        m->block = b = fresh;
    }
    b->item[b->n++] = item;
}

/* Sets the mark bit of the object around ptr, greys it if it was white. */
static inline void grey(Marker *m, uint8_t *ptr)
{
    Span *s = pages_span(ptr);
    if (!s || s->heap != m->heap) {
        return;
    }
    uint32_t i = span_index(s, ptr);
    if (i >= s->nobj) {
        return;
    }
    if (GOL_UNLIKELY(m->check != NULL)) {
        if (check_mark(m, s, i) && !s->noscan) {
            push(m, span_object(s, i));
        }
        return;
    }
    if (!bit_get(s->alloc, i) || bit_get(s->mark, i) || !bit_set_shared(s->mark, i)) {
        return;
    }
    m->objects++;
    m->bytes += span_object_size(s);
    if (!s->noscan) {
        push(m, span_object(s, i));
    }
}

void mark_ptr(Marker *m, const void *ptr) { grey(m, (uint8_t *)(uintptr_t)ptr); }

void mark_iface(Marker *m, const RType *type, const void *word)
{
    if (rtype_word_is_ptr(type)) {
        mark_ptr(m, word);
    }
}

static inline void peek_iface(Marker *m, const uint8_t *at)
{
    Iface v = {0};
    if ((uintptr_t)at & 15) {
        v.type = mem_peekp(at);
        v.word.p = mem_peekp(at + 8);
    } else {
        v = cell_iface(cell_load(at));
    }
    check_at(m, at + 8);
    mark_iface(m, v.type, v.word.p);
}

/* 32 words from base by one word of a gcmap. */
static inline void scan_bits(Marker *m, const uint8_t *base, uint64_t bits)
{
    while (bits) {
        unsigned i = (unsigned)__builtin_ctzll(bits) >> 1;
        unsigned kind = (unsigned)(bits >> (2 * i)) & 3;
        bits &= ~(3ull << (2 * i));
        if (GOL_LIKELY(kind == GCW_PTR)) {
            check_at(m, base + i * 8);
            grey(m, mem_peekp(base + i * 8));
        } else if (kind == GCW_IFACE_TYPE) {
            peek_iface(m, base + i * 8);
        }
    }
}

void mark_part(Marker *m, const void *base, const RType *t, uint32_t from, uint32_t to)
{
    const uint64_t *map = rel_get(&t->gcmap);
    assert((from & 31) == 0);
    to = to < t->gc_words ? to : t->gc_words;
    for (uint32_t w = from; w < to; w += 32) {
        scan_bits(m, (const uint8_t *)base + (size_t)w * 8, map[w >> 5]);
    }
}

/* Values of type t from base to base + bytes: those parts that begin in [from, to). */
static void scan_values(Marker *m, const uint8_t *base, size_t bytes, const RType *t, size_t from,
                        size_t to)
{
    uint32_t words = t->gc_words;
    size_t step = t->size, need = (size_t)words * 8;
    if (words == 0 || step == 0) {
        return;
    }
    if (words <= 32) {
        uint64_t bits = *(const uint64_t *)rel_get(&t->gcmap);
        for (size_t off = from ? (from + step - 1) / step * step : 0;
             off < to && off + need <= bytes; off += step) {
            scan_bits(m, base + off, bits);
        }
        return;
    }
    for (size_t off = from / step * step; off < to && off + need <= bytes; off += step) {
        uint32_t w0 = off < from ? (uint32_t)((from - off) / 8) & ~31u : 0;
        size_t left = (to - off + 7) / 8;
        mark_part(m, base + off, t, w0, left < words ? (uint32_t)left : words);
    }
}

void mark_range(Marker *m, const void *base, const RType *t, size_t n)
{
    scan_values(m, base, t->size * n, t, 0, t->size * n);
}

void mark_words(Marker *m, const void *from, const void *to)
{
    for (const uint8_t *a = from; a + 8 <= (const uint8_t *)to; a += 8) {
        mark_ptr(m, mem_peekp(a));
    }
}

void mark_object_contents(Marker *m, void *item)
{
    Span *s = pages_span(item);
    if (!s || s->noscan) {
        return;
    }
    const RType *t = rtype_by_id(s->tids[span_index(s, item)]);
    size_t size = span_object_size(s), from = 0, to = size;
    uint8_t *base = item;
    if (s->size == 0) {
        base = s->base;
        from = (size_t)((uint8_t *)item - base);
        if (size - from > MARK_PIECE) {
            to = from + MARK_PIECE;
            push(m, base + to);
        }
    }
    check_owner(m, base, t);
    m->work += to - from;
    if (t) {
        scan_values(m, base, size, t, from, to);
    }
}

/* The block is empty: one from the heap's stack instead. */
static bool refill(Marker *m)
{
    WorkBlock *b = work_pop(&m->heap->work);
    if (!b) {
        return false;
    }
    if (m->block) {
        work_push(&m->heap->work_free, m->block);
    }
    m->block = b;
    return true;
}

static inline void fetch(const uint8_t *item)
{
    Span *s = pages_span(item);
    uint32_t i = span_index(s, item);
    __builtin_prefetch(&s->tids[i]);
    __builtin_prefetch(item);
    if (s->size > 64 - ((uintptr_t)item & 63)) {
        __builtin_prefetch(item + 64);
    }
}

bool mark_drain(Marker *m, uint64_t budget)
{
    uint64_t end = m->work + budget;
    uint8_t *ring[MARK_PREFETCH];
    unsigned head = 0, n = 0;
    bool dry = false;
    while (m->work < end) {
        if (n < MARK_PREFETCH && ((m->block && m->block->n) || refill(m))) {
            uint8_t *item = m->block->item[--m->block->n];
            fetch(item);
            ring[(head + n++) & (MARK_PREFETCH - 1)] = item;
        } else if (n) {
            mark_object_contents(m, ring[head]);
            head = (head + 1) & (MARK_PREFETCH - 1);
            n--;
        } else {
            dry = true;
            break;
        }
    }
    while (n--) {
        push(m, ring[(head + n) & (MARK_PREFETCH - 1)]);
    }
    return dry;
}

void mark_publish(Marker *m)
{
    if (m->block) {
        work_push(m->block->n ? &m->heap->work : &m->heap->work_free, m->block);
        m->block = NULL;
    }
}

void mark_count(Marker *m)
{
    Heap *h = m->heap;
    atomic_fetch_add_explicit(&h->marked_bytes, m->bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->marked_objects, m->objects, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->pacer.scanned, m->work, memory_order_relaxed);
    m->bytes = m->objects = m->work = 0;
}

bool mark_has_work(const Marker *m) { return m->block && m->block->n; }

/* ---- no memory for blocks ---- */

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
                mark_drain(m, UINT64_MAX / 2);
            }
        }
        s = s->next;
    } while (s != list);
}

void mark_overflowed(Marker *m)
{
    Heap *h = m->heap;
    while (atomic_exchange_explicit(&h->overflow, 0, memory_order_relaxed)) {
        for (unsigned c = 0; c < HEAP_CLASSES; c++) {
            rescan(m, h->central[0][c].partial);
            rescan(m, h->central[0][c].full);
        }
        rescan(m, h->large);
    }
}

bool mark_is_marked(const void *obj)
{
    Span *s = pages_span(obj);
    return !s || bit_get(s->mark, span_index(s, obj));
}

/* What was born since the pause lies in spans that were made since: no other is given out before
 * the sweep begins. */
bool mark_survived(const void *obj)
{
    Span *s = pages_span(obj);
    return !s || s->born_gen == s->heap->sweepgen || bit_get(s->mark, span_index(s, obj));
}
