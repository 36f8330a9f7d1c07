/* heap.h - the script heap: allocation, its per-P caches, its figures.
 *
 * Process-wide there is one reservation of address space (runtime/pages.h) cut into 8 KB pages. A
 * Heap belongs to one VM and owns spans: runs of pages that hold objects of one size class, either
 * with pointers (scan: each object has the 4-byte id of its RType in the span's side array) or
 * without (noscan). An object is its RType's gcmap repeated to the object's end.
 *
 * Each P allocates without a lock from runs: stretches of free objects in a span that the P's cache
 * owns. A scan run is zeroed when it is taken, so an object of it is born zeroed; the store of the
 * type id is all that allocation adds. When a run is used up heap_refill finds the span's next one
 * in its allocation bitmap, or takes another span (swept lazily by copying its mark bits).
 *
 * P starts with its HeapCache: struct P { HeapCache cache; ... }; heap_cache(p) relies on it.
 * The heap knows nothing of scheduler and VM but the HeapHooks that it was given.
 *
 * Allocation never collects. When the goal is passed it calls hooks->request_gc(p), which sets
 * poll words; at a safepoint somebody calls gc_run(p). So C code may hold heap pointers in locals
 * as long as it does not poll, park or enter a blocking section.
 *
 * heap_alloc* return NULL only when memory is exhausted (or a limit reached); then hooks->fatal was
 * called, the VM is dying, and the caller unwinds without touching the script's state.
 */
#ifndef GOL_RUNTIME_HEAP_H
#define GOL_RUNTIME_HEAP_H

#include "runtime/cell.h"
#include "runtime/rtype.h"

#include <pthread.h>
#include <stdatomic.h>

struct P;
struct Heap;
struct Span;
struct Marker;
struct Special;
struct IfaceCache;

enum {
    HEAP_PAGE_SHIFT = 13,
    HEAP_PAGE = 1 << HEAP_PAGE_SHIFT,
    HEAP_SMALL_MAX = 32768,
    HEAP_CLASSES = 73 /* 8; 16..128 by 16; then 8 a doubling up to 32768 */
};

extern const uint16_t heap_class_size[HEAP_CLASSES];
extern const uint8_t heap_class_small[129]; /* class of sizes up to 1024, by (size + 7) / 8 */

/* The class of 1 <= size <= HEAP_SMALL_MAX. */
static inline unsigned heap_class(size_t size)
{
    if (GOL_LIKELY(size <= 1024)) {
        return heap_class_small[(size + 7) >> 3];
    }
    unsigned k = 63 - (unsigned)__builtin_clzll(size - 1);
    return 9 + (k - 7) * 8 + (unsigned)(((size - 1) >> (k - 3)) & 7);
}

/* A stretch of free objects: [next, end) is free and, in a scan span, zeroed. */
typedef struct HeapRun {
    uint8_t *next, *end;
    uint32_t *tid;     /* type id of the object at next; NULL in noscan runs */
    struct Span *span; /* owned by the cache while it stands here; NULL at first */
} HeapRun;

/* What map, slice and interface operations report when they return "failed": the VM turns it into
 * a panic or a fatal error and resets code. */
typedef enum OpError {
    OP_OK,
    OP_UNHASHABLE,        /* panic: runtime error: hash of unhashable type T */
    OP_UNCOMPARABLE,      /* panic: runtime error: comparing uncomparable type T */
    OP_NIL_MAP,           /* panic: assignment to entry in nil map */
    OP_MAP_WRITES,        /* fatal error: concurrent map writes */
    OP_MAP_READ_WRITE,    /* fatal error: concurrent map read and map write */
    OP_MAP_ITER_WRITE,    /* fatal error: concurrent map iteration and map write */
    OP_LEN_RANGE,         /* panic: runtime error: makeslice: len out of range */
    OP_CAP_RANGE,         /* panic: runtime error: makeslice: cap out of range */
    OP_GROW_RANGE,        /* panic: runtime error: growslice: len out of range */
    OP_UNSAFE_SLICE_LEN,  /* panic: runtime error: unsafe.Slice: len out of range */
    OP_UNSAFE_SLICE_NIL,  /* panic: runtime error: unsafe.Slice: ptr is nil and len is not zero */
    OP_UNSAFE_STRING_LEN, /* the same of unsafe.String */
    OP_UNSAFE_STRING_NIL,
    OP_NO_MEMORY          /* fatal is pending already */
} OpError;

/* Per P: touched only by the thread that runs the P, or by the collector in a stopped world. */
typedef struct HeapCache {
    uint32_t barrier_on;    /* written in a stopped world; read by every pointer store */
    uint32_t op_error;      /* OpError of the last failed operation */
    const RType *op_type;   /* the type it speaks of, or NULL */
    struct Heap *heap;
    uint64_t rand;          /* state of heap_rand */
    struct IfaceCache *iface; /* runtime/iface.c, lazily */
    uint32_t stress_left;   /* gcstress: allocations until the next request */
    uint32_t unused;
    struct HeapCache *next_cache; /* the heap's list of caches, under Heap.lock */
    HeapRun scan[HEAP_CLASSES];
    HeapRun noscan[HEAP_CLASSES];
} HeapCache;

static inline HeapCache *heap_cache(struct P *p) { return (HeapCache *)(void *)p; }

/* What the heap asks of its VM. All may be NULL but fatal. */
typedef struct HeapHooks {
    void (*request_gc)(struct P *p);  /* make the VM run gc_run at a safepoint soon */
    /* Every other P stands at a safepoint or is blocked. False: somebody else stopped the world
     * meanwhile (or the VM ends); look again whether it is still needed. */
    bool (*stop_world)(struct P *p);
    void (*start_world)(struct P *p);
    bool (*stopped_for_good)(struct P *p); /* the VM is ending: no collection any more */
    /* Marks from every root: fibers, globals, timers, queues, what VM and natives hold. */
    void (*scan_roots)(struct Heap *h, struct Marker *m);
    /* The finalizer queue is no longer empty (finalizer_take): run its goroutine. */
    void (*finalizers_ready)(struct P *p);
    /* "runtime: out of memory ..." : ends the VM as a fatal error; returns. */
    void (*fatal)(struct P *p, const char *msg);
    uint64_t (*rand)(struct P *p);    /* the VM's seeded source of choices */
} HeapHooks;

/* Figures for runtime.MemStats and limits; heap_stats fills it. */
typedef struct HeapStats {
    uint64_t alloc_bytes, alloc_objects;  /* ever */
    uint64_t freed_bytes, freed_objects;  /* ever, as far as swept */
    uint64_t live_bytes, live_objects;    /* alloc - freed: HeapAlloc, HeapObjects */
    uint64_t marked_bytes, marked_objects; /* reachable at the last collection */
    uint64_t goal_bytes;                  /* NextGC */
    uint64_t span_bytes;                  /* in spans: HeapInuse */
    uint64_t peak_span_bytes;
    uint64_t meta_bytes;                  /* span headers, bitmaps, type ids: GCSys */
    uint64_t num_gc, num_forced;
    uint64_t pause_total_ns, last_pause_ns;
    uint64_t last_gc_ns;                  /* wall clock, since 1970 */
    uint64_t gc_cpu_ns;
    uint64_t pauses[256];                 /* circular: (num_gc + 255) % 256 is the newest */
    uint64_t pause_ends[256];
} HeapStats;

/* Spans of one class and kind. Lists are circular through Span.next/prev; the lock guards them. */
typedef struct HeapCentral {
    pthread_mutex_t lock;
    struct Span *partial; /* swept, with free objects */
    struct Span *full;    /* swept, without */
    struct Span *unswept; /* to be swept before use */
} HeapCentral;

/* A pointer that C holds over safepoints (embedder handles, runtime tables). */
typedef struct HeapRoot {
    void *ptr;
    struct HeapRoot *next, *prev;
} HeapRoot;

typedef struct Heap {
    const HeapHooks *hooks;
    void *vm;                     /* the GolVM, for the hooks' use */
    pthread_mutex_t lock;         /* caches, large, roots, specials, finalizer queue */
    HeapCache *caches;
    struct Span *large;           /* large spans, circular; swept in whole at the end of marking */
    HeapRoot *roots;
    struct Span *special_spans;   /* spans with specials, through Span.special_next */
    struct Special *ready;        /* finalizers and cleanups whose object died, in order */
    struct Special **ready_tail;

    /* Pacing. Atomics: any P writes at refill (relaxed; a late reader collects late). */
    _Atomic uint64_t charged;     /* bytes handed to runs and large objects since the heap began */
    _Atomic uint64_t charged_objects;
    _Atomic uint64_t freed, freed_objects;
    _Atomic uint64_t span_bytes, meta_bytes;
    _Atomic uint64_t peak_span_bytes;
    _Atomic uint64_t trigger;     /* request a collection when charged passes it */
    _Atomic uint32_t requested;   /* a collection was requested and has not begun */
    _Atomic uint32_t dying;       /* fatal was called */
    _Atomic uint32_t unswept;     /* 1 while some central has unswept spans */

    /* Written with the world stopped or before the first P runs. */
    int64_t gc_percent;           /* GOGC; -1 is off */
    int64_t soft_limit;           /* GOMEMLIMIT; INT64_MAX is none */
    uint64_t hard_limit;          /* 0 is none */
    uint64_t min_goal;            /* 4 MB at GOGC=100 */
    uint32_t stress;              /* gcstress=N */
    bool clobber;                 /* clobberfree=1 */
    bool trace;                   /* gctrace=1 */
    bool check;                   /* verify the heap after marking */
    uint32_t sweepgen;            /* grows with every collection; a span lags while unswept */
    uint64_t goal;
    uint64_t start_ns;
    HeapStats stats;              /* what gc.c counts */
    HeapCentral central[2][HEAP_CLASSES]; /* [noscan][class] */

    _Atomic uint32_t cycles;      /* collections completed; written in a stopped world */
    _Atomic uint32_t sweep_at;    /* gc_sweep_some: the central to go on with */
    /* What the barrier shaded while the collector marked; under lock. */
    void **shaded;
    size_t nshaded, cap_shaded;
    uint64_t special_ids;         /* under lock */
} Heap;

/* Heap and caches. heap_init returns false if no address space could be had. */
bool heap_init(Heap *h, const HeapHooks *hooks, void *vm);
void heap_cache_init(Heap *h, struct P *p);
void heap_cache_free(struct P *p);  /* P goes away: its runs go back */
void heap_free_all(Heap *h);        /* VM close: every span, every special; caches included */

void heap_set_gc_percent(Heap *h, int64_t percent);  /* the old value is h->gc_percent */
void heap_set_soft_limit(Heap *h, int64_t bytes);
/* GOGC, GOMEMLIMIT ("64MiB"); returns false if the text is malformed. */
bool heap_parse_gogc(const char *s, int64_t *percent);
bool heap_parse_limit(const char *s, int64_t *bytes);

/* Slow paths of the inline functions below. */
void *heap_alloc_slow(struct P *p, const RType *t, size_t n);
void *heap_alloc_scan_slow(struct P *p, const RType *t, unsigned cls);
void *heap_alloc_noscan_slow(struct P *p, size_t bytes, bool zero);

extern uint8_t heap_zero_base[16]; /* address of every object of size 0 */

/* bytes without pointers, contents undefined (the caller writes all of them). */
static inline void *heap_alloc_raw(struct P *p, size_t bytes)
{
    if (GOL_UNLIKELY(bytes - 1 >= HEAP_SMALL_MAX)) {
        return heap_alloc_noscan_slow(p, bytes, false);
    }
    unsigned c = heap_class(bytes);
    HeapRun *r = &heap_cache(p)->noscan[c];
    uint8_t *obj = r->next;
    if (GOL_UNLIKELY(obj == r->end)) {
        return heap_alloc_noscan_slow(p, bytes, false);
    }
    r->next = obj + heap_class_size[c];
    return obj;
}

/* bytes without pointers, zeroed. */
static inline void *heap_alloc_noscan(struct P *p, size_t bytes)
{
    if (GOL_UNLIKELY(bytes - 1 >= HEAP_SMALL_MAX)) {
        return heap_alloc_noscan_slow(p, bytes, true);
    }
    void *obj = heap_alloc_raw(p, bytes);
    if (GOL_LIKELY(obj != NULL)) {
        mem_zero(obj, bytes);
    }
    return obj;
}

/* n values of type t side by side, zeroed. */
static inline void *heap_alloc(struct P *p, const RType *t, size_t n)
{
    size_t size;
    if (GOL_UNLIKELY(__builtin_mul_overflow(t->size, n, &size) || size - 1 >= HEAP_SMALL_MAX)) {
        return heap_alloc_slow(p, t, n);
    }
    if (t->flags & RT_NOPTR) {
        return heap_alloc_noscan(p, size);
    }
    unsigned c = heap_class(size);
    HeapRun *r = &heap_cache(p)->scan[c];
    uint8_t *obj = r->next;
    if (GOL_UNLIKELY(obj == r->end)) {
        return heap_alloc_scan_slow(p, t, c);
    }
    r->next = obj + heap_class_size[c];
    *r->tid++ = t->id;
    return obj;
}

/* The object that holds an address of this or any VM's heap; base NULL if none does. */
typedef struct HeapObject {
    void *base;
    size_t size;        /* of its class, not of what was asked for */
    const RType *type;  /* NULL in noscan spans */
    Heap *heap;
} HeapObject;
HeapObject heap_find(const void *ptr);

/* Every object that is allocated, in address order within a span; the world is stopped. */
typedef void (*HeapVisit)(HeapObject obj, void *ctx);
void heap_walk(Heap *h, HeapVisit visit, void *ctx);

/* Figures now; exact when the world is stopped or one P runs. */
void heap_stats(Heap *h, HeapStats *out);

/* Roots that C code holds. */
void heap_root_add(Heap *h, HeapRoot *r, void *ptr);
void heap_root_remove(Heap *h, HeapRoot *r);

/* A random number from P's stream, which is seeded from hooks->rand. */
uint64_t heap_rand_seed(struct P *p);
static inline uint64_t heap_rand(struct P *p)
{
    uint64_t s = heap_cache(p)->rand;
    if (GOL_UNLIKELY(s == 0)) {
        s = heap_rand_seed(p);
    }
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    heap_cache(p)->rand = s;
    return s * 0x9e3779b97f4a7c15ull;
}

static inline void op_fail(struct P *p, OpError e, const RType *t)
{
    heap_cache(p)->op_error = e;
    heap_cache(p)->op_type = t;
}
/* Takes the pending error (and resets it); *t gets the type. */
static inline OpError op_take(struct P *p, const RType **t)
{
    OpError e = (OpError)heap_cache(p)->op_error;
    *t = heap_cache(p)->op_type;
    heap_cache(p)->op_error = OP_OK;
    return e;
}

/* gc.c: one whole collection by the calling P, at a safepoint of it. forced (runtime.GC) also
 * sweeps everything before it returns. Returns at once if someone else just collected and
 * forced is false. */
void gc_run(struct P *p, bool forced);
static inline bool gc_wanted(struct P *p)
{
    return atomic_load_explicit(&heap_cache(p)->heap->requested, memory_order_relaxed) != 0;
}
/* Sweeps up to n spans; false when none is left. For idle Ps. */
bool gc_sweep_some(Heap *h, unsigned n);
void gc_release_memory(Heap *h); /* debug.FreeOSMemory's second half: free pages to the system */

#endif
