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
    uint32_t fiber_mark;    /* what Fiber.gc of a fiber born now is: scanned, while marking; else 0.
                               Written in a stopped world */
    struct Marker *marker;  /* this P's marking: shades, assists, worker. mark.h */
    int64_t assist_debt;    /* scan work that this P's allocations owe */
    uint64_t sweep_debt;    /* bytes charged since its last share of sweeping */
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
    /* Roots (fibers, globals, timers, what VM and natives hold) come in jobs that Ps take while
     * the program runs. root_jobs counts them, in the pause that begins the cycle, and must not
     * take long. NULL: the one job 0 is done in that pause. */
    uint32_t (*root_jobs)(struct Heap *h);
    void (*scan_roots)(struct Heap *h, struct Marker *m, uint32_t job);
    /* Marking is complete, nothing is swept yet, the world may run: drops weak references that stand
     * outside the heap. */
    void (*after_mark)(struct Heap *h);
    /* p's own fiber has stopped unscanned in the pause: scan it before it goes on. */
    void (*scan_own)(struct P *p);
    /* There is marking or sweeping that idle Ps could do. */
    void (*wake_idle)(struct P *p);
    /* In the midst of long work at a safepoint: somebody wants the P to stop; waits that out.
     * False: the P is lost or the VM ends. */
    bool (*yield)(struct P *p);
    bool (*wanted)(struct P *p);      /* would yield have something to do? */
    uint32_t (*num_procs)(struct Heap *h);
    /* The finalizer queue is no longer empty (finalizer_take): run its goroutine. */
    void (*finalizers_ready)(struct P *p);
    /* "runtime: out of memory ..." : ends the VM as a fatal error; returns. */
    void (*fatal)(struct P *p, const char *msg);
    uint64_t (*rand)(struct P *p);    /* the VM's seeded source of choices */
} HeapHooks;

enum { HEAP_PAUSE_BUCKETS = 40 };

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
    uint64_t stack_bytes, global_bytes;   /* scanned in the last cycle */
    uint64_t assist_ns, idle_ns, worker_ns; /* marking by kind, ever */
    uint64_t scan_bytes;                  /* of objects with pointers, scanned in the last cycle */
    uint64_t last_gc_ns;                  /* wall clock, since 1970 */
    uint64_t gc_cpu_ns;
    uint64_t pause_buckets[HEAP_PAUSE_BUCKETS]; /* pauses of [2^i, 2^(i+1)) ns */
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

typedef enum GcPhase {
    GC_OFF, /* no marking; sweeping goes on as spans are needed */
    GC_MARK /* barrier on, objects born black, roots and grey objects being scanned */
} GcPhase;

/* Why Ps mark: what the time and the work are booked on. */
typedef enum GcWork { GC_ASSIST, GC_IDLE, GC_WORKER, GC_WORK_KINDS } GcWork;

/* Blocks of grey objects; workbuf.h. */
typedef struct WorkStack {
    _Atomic uint64_t head; /* block address >> 12, with a tag of 28 bits against ABA */
} WorkStack;

/* The controller's state; pacer.c. Written by whoever begins or ends a cycle, in the pause. */
typedef struct Pacer {
    uint64_t trigger_live;   /* live bytes at which the cycle began */
    uint64_t scan_expected;  /* bytes of objects with pointers that marking will scan */
    uint64_t scan_most;      /* the same if everything were alive */
    uint64_t last_scan;      /* what the last cycle scanned */
    double cons_mark[4];     /* allocated : scanned, per CPU share, of the last cycles */
    uint32_t ncons;
    uint64_t began_ns;
    uint64_t overshoot;      /* per mille of the goal by which the last cycle passed it */
    _Atomic int64_t credit;  /* scan work that idle Ps and workers did beforehand */
    _Atomic uint64_t scanned; /* scan work done in this cycle, flushed by every Marker */
    _Atomic uint64_t work_ns[3]; /* by GcWork, in this cycle */
} Pacer;

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
    HeapRoot *root_cursor;        /* the next to be marked in this cycle; under lock */
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

    /* Settings and what follows from them (pacer_set): any P's script may change them while others
     * allocate and mark, which take what they find. */
    _Atomic int64_t gc_percent;   /* GOGC; -1 is off */
    _Atomic int64_t soft_limit;   /* GOMEMLIMIT; INT64_MAX is none */
    _Atomic uint64_t goal;
    _Atomic double sweep_ratio;   /* spans to sweep per byte allocated */

    /* Written with the world stopped or before the first P runs. */
    uint64_t hard_limit;          /* 0 is none */
    uint64_t min_goal;            /* 4 MB at GOGC=100 */
    uint32_t stress;              /* gcstress=N */
    bool clobber;                 /* clobberfree=1 */
    bool trace;                   /* gctrace=1 */
    uint32_t sweepgen;            /* grows with every collection; a span lags while unswept */
    uint64_t start_ns;
    HeapStats stats;              /* what gc.c counts */
    HeapCentral central[2][HEAP_CLASSES]; /* [noscan][class] */

    _Atomic uint32_t cycles;      /* collections completed; written in a stopped world */
    _Atomic uint32_t sweep_at;    /* gc_sweep_some: the central to go on with */
    uint64_t special_ids;         /* under lock */

    /* Marking. phase is written in a stopped world; who reads it at a safepoint can rely on it */
    _Atomic uint32_t phase;       /* GcPhase */
    _Atomic uint32_t transition;  /* one P begins or finishes a cycle: CAS 0 -> 1 */
    _Atomic uint32_t busy;        /* Ps that hold grey objects and scan them */
    _Atomic uint32_t jobs_next;   /* root jobs taken; may run past njobs */
    _Atomic uint32_t jobs_done;
    _Atomic uint32_t specials_done; /* what specials and queued calls hold is marked */
    uint32_t njobs;               /* constant while marking */
    uint32_t mark_cycle;          /* number of this cycle, never 0 */
    _Atomic uint32_t overflow;    /* no memory for grey objects: rescan before the end */
    bool stop_the_world;          /* gcstoptheworld=1: mark in one pause */
    bool checkmark;               /* gccheckmark=1: mark again in the last pause and compare */
    bool cycle_forced;
    _Atomic uint32_t emergency;   /* beyond the hard limit: the next cycle is one pause */
    WorkStack work, work_free;
    pthread_mutex_t work_lock;
    void *work_chunks;            /* memory of the blocks; under work_lock */
    Pacer pacer;
    uint64_t charged_scan_base;   /* charged_scan when the last cycle ended */
    _Atomic uint64_t charged_scan; /* as charged, of spans with pointers only */
    uint64_t charged_at_mark;     /* charged when marking began: since then objects are born black */
    _Atomic uint64_t marked_bytes, marked_objects; /* greyed in this cycle, flushed by Markers */
    _Atomic uint64_t nspans;      /* of all kinds */
    _Atomic uint64_t unswept_spans; /* about; for the share of sweeping that allocation pays */
    struct Span *special_cursor;  /* under lock: specials and calls that are not yet marked */
    struct Special *ready_cursor;
    _Atomic uint32_t calls_ready; /* finalizers wait for finalizers_ready at a safepoint */
    struct Span *large_unswept;   /* under lock */
    _Atomic uint32_t sweep_hold;  /* no sweeping yet: after_mark is at work */
    _Atomic uint32_t stress_kind; /* gcstress goes through the ways of collecting in turn */
    uint64_t stop_ns[2];          /* this cycle's pauses: begin, end */
    uint64_t cycle_pause_ns;      /* all pauses of this cycle */
    uint64_t mark_start_ns;
    uint64_t trace_before, trace_at_mark, trace_goal, trace_mark_ns; /* for gctrace */
} Heap;

/* Heap and caches. heap_init returns false if no address space could be had. */
bool heap_init(Heap *h, const HeapHooks *hooks, void *vm);
bool heap_cache_init(Heap *h, struct P *p); /* false: no memory */
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
void heap_root_add(struct P *p, HeapRoot *r, void *ptr);
void heap_root_remove(struct P *p, HeapRoot *r);
void heap_root_drop(Heap *h, HeapRoot *r); /* of a VM that has ended: nothing collects any more */

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

/* gc.c, at a safepoint of p. forced (runtime.GC): a whole cycle that begins after the call, swept to
 * its end. Else: what is due, which is to begin a cycle, to end one, or to mark for a moment. */
void gc_run(struct P *p, bool forced);
/* p has nothing to run: marks or sweeps for some tens of microseconds. False: nothing to do. */
bool gc_idle(struct P *p);
/* The monitor asks now and then, while all Ps are busy: true if p should poll for the collector. */
bool gc_due(struct Heap *h);
/* Might gc_idle find something? */
static inline bool gc_has_work(struct Heap *h)
{
    return atomic_load_explicit(&h->phase, memory_order_relaxed) != GC_OFF ||
           atomic_load_explicit(&h->unswept, memory_order_relaxed) ||
           atomic_load_explicit(&h->calls_ready, memory_order_relaxed);
}
static inline bool gc_marking(struct Heap *h)
{
    return atomic_load_explicit(&h->phase, memory_order_relaxed) == GC_MARK;
}
static inline bool gc_wanted(struct P *p)
{
    return atomic_load_explicit(&heap_cache(p)->heap->requested, memory_order_relaxed) != 0;
}
/* Sweeps up to n spans; false when none is left. For idle Ps. */
bool gc_sweep_some(Heap *h, unsigned n);
void gc_release_memory(Heap *h); /* debug.FreeOSMemory's second half: free pages to the system */

#endif
