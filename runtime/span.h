/* span.h - a span: pages that hold objects of one class. Internal to the heap.
 *
 * Ownership: a span is either in one list of its HeapCentral (under that lock), or owned by the
 * one P whose HeapRun names it, or is being swept by whoever took it off the unswept list, or is
 * large (Heap.lock). The owner alone writes alloc, cursor, nalloc. Mark bits are set atomically by
 * all markers and by the owner (objects born marked) while marking, and belong to the sweeper after.
 * base, size, geometry are constant while the span exists; no span is freed while marking.
 */
#ifndef GOL_RUNTIME_SPAN_H
#define GOL_RUNTIME_SPAN_H

#include "runtime/pages.h"

typedef enum SpanWhere { SPAN_CACHED, SPAN_PARTIAL, SPAN_FULL, SPAN_UNSWEPT, SPAN_LARGE } SpanWhere;

typedef struct Span {
    uint8_t *base;
    uint32_t size;     /* of an object; large spans: 0, the object has npages pages */
    uint32_t nobj;
    uint32_t magic;    /* ceil(2^32 / size): object number = offset * magic >> 32 */
    uint32_t npages;
    uint8_t cls;
    bool noscan;
    bool needzero;     /* free objects may hold old bytes */
    uint8_t where;     /* SpanWhere; becoming unswept is not written into each span */
    uint32_t cursor;   /* objects below it are not free */
    uint32_t nalloc;   /* bits set in alloc */
    struct Heap *heap;
    struct Span *next, *prev;
    struct Span *special_next, *special_prev;
    struct Special *specials; /* under Heap.lock */
    bool has_specials;        /* in Heap.special_spans */
    uint32_t born_gen;        /* Heap.sweepgen when the span was made */
    uint32_t special_gen;     /* Heap.sweepgen when its specials were looked at last; Heap.lock */
    uint32_t meta;     /* bytes of this block */
    uint32_t *tids;    /* scan spans: type id of each object */
    uint64_t *mark;    /* nwords each, following alloc */
    uint64_t alloc[];
} Span;

static inline uint32_t span_words(const Span *s) { return (s->nobj + 63) / 64; }
static inline size_t span_object_size(const Span *s)
{
    return s->size ? s->size : (size_t)s->npages << HEAP_PAGE_SHIFT;
}
static inline uint32_t span_index(const Span *s, const void *ptr)
{
    uint32_t off = (uint32_t)((const uint8_t *)ptr - s->base);
    return s->size ? (uint32_t)((uint64_t)off * s->magic >> 32) : 0;
}
static inline uint8_t *span_object(const Span *s, uint32_t i)
{
    return s->base + (size_t)i * s->size;
}
/* Alloc bits have one writer, the span's owner; mark bits have many while marking goes on. Markers
 * read both. An alloc bit that is seen set (acquire) shows the object as far as it was filled in,
 * and the mark bit of an object that was born marked. */
static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
    return __atomic_load_n(&bits[i >> 6], __ATOMIC_ACQUIRE) >> (i & 63) & 1;
}
/* Sets a mark bit; false: somebody else was faster. */
static inline bool bit_set_shared(uint64_t *bits, uint32_t i)
{
    uint64_t bit = 1ull << (i & 63);
    return !(__atomic_fetch_or(&bits[i >> 6], bit, __ATOMIC_RELAXED) & bit);
}
void bits_set_range(uint64_t *bits, uint32_t from, uint32_t to);    /* as the only writer */
void bits_clear_range(uint64_t *bits, uint32_t from, uint32_t to);
void marks_set_range(uint64_t *bits, uint32_t from, uint32_t to);   /* beside other writers */
void marks_clear_range(uint64_t *bits, uint32_t from, uint32_t to);

/* Lists: circular, the head points at one member. The caller holds the list's lock. */
static inline void span_push(Span **list, Span *s)
{
    if (*list) {
        s->next = *list;
        s->prev = (*list)->prev;
        s->prev->next = s->next->prev = s;
    } else {
        s->next = s->prev = s;
    }
    *list = s;
}
static inline void span_remove(Span **list, Span *s)
{
    if (s->next == s) {
        *list = NULL;
    } else {
        s->next->prev = s->prev;
        s->prev->next = s->next;
        if (*list == s) {
            *list = s->next;
        }
    }
    s->next = s->prev = NULL;
}
void span_concat(Span **list, Span **more); /* more becomes empty */

unsigned span_pages_for(unsigned cls);

/* A span of class cls, or a large one of npages (cls ignored when npages > 0). Not in any list.
 * NULL without memory. */
Span *span_new(Heap *h, unsigned cls, bool noscan, size_t npages);
void span_free(Span *s); /* pages and header */

/* heap.c */
/* Marking begins: what the cache's runs will give is marked; so many bytes. */
uint64_t heap_blacken_cache(HeapCache *c);
bool heap_may_grow(struct P *p, Heap *h, uint64_t bytes);
void heap_out_of_memory(struct P *p);
void heap_flush_cache(HeapCache *c); /* every run back to its central list */
void heap_charge(struct P *p, Heap *h, uint64_t bytes, uint64_t objects, bool scan);
void heap_request(struct P *p, Heap *h); /* the collector wants a safepoint of p */

/* sweep.c: alloc = mark; returns false if the span was empty and has been freed. */
bool sweep_span(Span *s);
Span *sweep_take(Heap *h, HeapCentral *c); /* a swept span with room from c's unswept ones */
void sweep_begin(Heap *h);   /* world stopped: everything becomes unswept */
void sweep_finish(Heap *h);  /* sweeps all that is left */

/* finalizer.c */
void finalizer_mark_begin(Heap *h);
/* Marks a part of what specials and queued calls hold; false: that was the last. */
bool finalizer_mark_step(Heap *h, struct Marker *m);
void finalizer_look_at(Heap *h, Span *s); /* before s is swept: calls queued, weak ones cleared */
void finalizer_free_all(Heap *h);

/* mark.c */
void mark_init(struct Marker *m, Heap *h);
bool mark_is_marked(const void *obj);
bool mark_survived(const void *obj); /* between the pause that ends marking and the first sweep */
void mark_object_contents(struct Marker *m, void *item);
void mark_publish(struct Marker *m); /* all grey objects of m to the heap's stack */
void mark_count(struct Marker *m);   /* m's counters to the heap's */
bool mark_has_work(const struct Marker *m);
void mark_overflowed(struct Marker *m); /* world stopped, caches flushed */

/* pacer.c */
void pacer_begin(Heap *h);            /* world stopped: sets up the cycle */
void pacer_end(Heap *h);              /* world stopped: learns from it, sets the next trigger */
void pacer_set(Heap *h);              /* GOGC or a limit has changed */
uint64_t pacer_goal(Heap *h, uint64_t marked);
int64_t pacer_debt(Heap *h, uint64_t bytes); /* scan work owed for so many bytes */

/* gc.c */
void gc_assist(struct P *p, Heap *h, uint64_t bytes);
uint64_t gc_clock(void);

/* gctrace.c */
void gc_trace_cycle(Heap *h);

#endif
