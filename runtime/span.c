/* span.c - making and freeing spans, their bitmaps and lists. See span.h for who owns what. */
#include "runtime/span.h"

#include <assert.h>
#include <stdlib.h>

const uint16_t heap_class_size[HEAP_CLASSES] = {
    8,     16,    32,    48,    64,    80,    96,    112,   128,   144,   160,   176,   192,
    208,   224,   240,   256,   288,   320,   352,   384,   416,   448,   480,   512,   576,
    640,   704,   768,   832,   896,   960,   1024,  1152,  1280,  1408,  1536,  1664,  1792,
    1920,  2048,  2304,  2560,  2816,  3072,  3328,  3584,  3840,  4096,  4608,  5120,  5632,
    6144,  6656,  7168,  7680,  8192,  9216,  10240, 11264, 12288, 13312, 14336, 15360, 16384,
    18432, 20480, 22528, 24576, 26624, 28672, 30720, 32768,
};

/* Index (size + 7) / 8. Entry 0 is never used: size 0 has no object. */
const uint8_t heap_class_small[129] = {
    0,  0,  1,  2,  2,  3,  3,  4,  4,  5,  5,  6,  6,  7,  7,  8,  8,  9,  9,  10, 10, 11,
    11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19,
    19, 20, 20, 20, 20, 21, 21, 21, 21, 22, 22, 22, 22, 23, 23, 23, 23, 24, 24, 24, 24, 25,
    25, 25, 25, 25, 25, 25, 25, 26, 26, 26, 26, 26, 26, 26, 26, 27, 27, 27, 27, 27, 27, 27,
    27, 28, 28, 28, 28, 28, 28, 28, 28, 29, 29, 29, 29, 29, 29, 29, 29, 30, 30, 30, 30, 30,
    30, 30, 30, 31, 31, 31, 31, 31, 31, 31, 31, 32, 32, 32, 32, 32, 32, 32, 32,
};

/* At most an eighth of a span is lost at its end, and small classes get at least 8 objects. Spans of
 * very small ones are longer, so that headers and mark bits stay in the cache while marking. */
unsigned span_pages_for(unsigned cls)
{
    unsigned size = heap_class_size[cls];
    unsigned least = size <= 1024 ? 8 : size <= 8192 ? 4 : 2;
    for (unsigned n = size <= 256 ? 4 : 1;; n++) {
        unsigned bytes = n * HEAP_PAGE;
        if (bytes / size >= least && bytes % size * 8 <= bytes) {
            return n;
        }
    }
}

/* The bits of [from, to) in word w. */
static inline uint64_t word_mask(uint32_t w, uint32_t from, uint32_t to)
{
    uint64_t mask = ~0ull;
    if (w == from >> 6) {
        mask &= ~0ull << (from & 63);
    }
    if (w == to >> 6) {
        mask &= ~(~0ull << (to & 63));
    }
    return mask;
}

#define FOR_WORDS(w, from, to) for (uint32_t w = (from) >> 6; w * 64 < (to); w++)

void bits_set_range(uint64_t *bits, uint32_t from, uint32_t to)
{
    FOR_WORDS(w, from, to) {
        __atomic_store_n(&bits[w], bits[w] | word_mask(w, from, to), __ATOMIC_RELEASE);
    }
}

void bits_clear_range(uint64_t *bits, uint32_t from, uint32_t to)
{
    FOR_WORDS(w, from, to) {
        __atomic_store_n(&bits[w], bits[w] & ~word_mask(w, from, to), __ATOMIC_RELAXED);
    }
}

void marks_set_range(uint64_t *bits, uint32_t from, uint32_t to)
{
    FOR_WORDS(w, from, to) {
        __atomic_fetch_or(&bits[w], word_mask(w, from, to), __ATOMIC_RELAXED);
    }
}

void marks_clear_range(uint64_t *bits, uint32_t from, uint32_t to)
{
    FOR_WORDS(w, from, to) {
        __atomic_fetch_and(&bits[w], ~word_mask(w, from, to), __ATOMIC_RELAXED);
    }
}

void span_concat(Span **list, Span **more)
{
    Span *a = *list, *b = *more;
    *more = NULL;
    if (!b) {
        return;
    }
    if (!a) {
        *list = b;
        return;
    }
    Span *a_last = a->prev, *b_last = b->prev;
    a_last->next = b;
    b->prev = a_last;
    b_last->next = a;
    a->prev = b_last;
}

static void account(Heap *h, int64_t span_bytes, int64_t meta)
{
    uint64_t now = atomic_fetch_add_explicit(&h->span_bytes, (uint64_t)span_bytes,
                                             memory_order_relaxed) + (uint64_t)span_bytes;
    atomic_fetch_add_explicit(&h->meta_bytes, (uint64_t)meta, memory_order_relaxed);
    uint64_t peak = atomic_load_explicit(&h->peak_span_bytes, memory_order_relaxed);
    while (span_bytes > 0 && now > peak &&
           !atomic_compare_exchange_weak_explicit(&h->peak_span_bytes, &peak, now,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

Span *span_new(Heap *h, unsigned cls, bool noscan, size_t npages)
{
    bool large = npages > 0;
    size_t pages = large ? npages : span_pages_for(cls);
    uint32_t nobj = large ? 1 : (uint32_t)(pages * HEAP_PAGE / heap_class_size[cls]);
    uint32_t words = (nobj + 63) / 64;
    size_t meta = sizeof(Span) + 2 * words * sizeof(uint64_t);
    if (!noscan) {
        meta += nobj * sizeof(uint32_t);
    }
    Span *s = calloc(1, meta);
    if (!s) {
        return NULL;
    }
    bool zeroed;
    s->base = pages_alloc(pages, &zeroed);
    if (!s->base) {
        free(s);
        return NULL;
    }
    s->needzero = !zeroed;
    s->born_gen = h->sweepgen;
    s->npages = (uint32_t)pages;
    s->nobj = nobj;
    s->noscan = noscan;
    s->cls = large ? 0 : (uint8_t)cls;
    s->size = large ? 0 : heap_class_size[cls];
    s->magic = large ? 0 : (uint32_t)((0xffffffffull + s->size) / s->size);
    s->heap = h;
    s->meta = (uint32_t)meta;
    s->mark = s->alloc + words;
    s->tids = noscan ? NULL : (uint32_t *)(s->mark + words);
    account(h, (int64_t)(pages * HEAP_PAGE), (int64_t)meta);
    atomic_fetch_add_explicit(&h->nspans, 1, memory_order_relaxed);
    pages_set_span(s->base, pages, s);
    return s;
}

void span_free(Span *s)
{
    assert(s->specials == NULL);
    atomic_fetch_sub_explicit(&s->heap->nspans, 1, memory_order_relaxed);
    account(s->heap, -(int64_t)((size_t)s->npages * HEAP_PAGE), -(int64_t)s->meta);
    pages_set_span(s->base, s->npages, NULL);
    pages_free(s->base, s->npages);
    free(s);
}
