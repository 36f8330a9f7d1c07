/* pages.c - pages for spans, process-wide.
 *
 * One reservation (64 GB, less where the system gives less) is made at first use, so an address
 * belongs to the script heap iff it lies in one range, and its span is one table look-up away.
 * Nothing of it is resident until touched: the page map and the free-page records are as lazy.
 *
 * Free pages are runs, with boundary records at their first and last page, in bins by length:
 * exact up to 63 pages, then by power of two (searched first-fit). Neighbours are merged. A run is
 * dirty if it may be resident and non-zero, clean if the system will give zero pages. Never-used
 * pages above `top` are made accessible in steps (mprotect), which is the moment at which the
 * system can refuse.
 *
 * One lock. A span is asked for once per several hundred objects, and threads of several VMs meet
 * here rarely; madvise runs under it only from pages_release, on pages that are free.
 */
#include "runtime/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { EXACT = 64, BINS = EXACT + 32, STEP_PAGES = 512,
       HUGE_FROM = 4096, HUGE_STEP = 2048 };

typedef struct FreeRun {
    uint32_t len;        /* at the first and the last page of a free run; 0 elsewhere */
    uint32_t next, prev; /* page numbers + 1; at the first page */
    uint32_t dirty;      /* at the first page */
} FreeRun;

uintptr_t pages_base;
uintptr_t pages_size;
struct Span **pages_map;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* under lock */
static FreeRun *runs;
static uint32_t bins[BINS];
static uint64_t bin_used[2]; /* bit per bin */
static uint32_t top;       /* pages given out ever */
static uint32_t usable;    /* pages made accessible */
static uint32_t limit;     /* pages reserved */
static uint64_t dirty_free; /* dirty free pages */

static void *reserve(size_t bytes, int prot)
{
    void *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void init(void)
{
#ifdef GOL_TSAN
    size_t size = (size_t)16 << 30;
#else
    size_t size = (size_t)64 << 30;
#endif
    for (; size >= (size_t)64 << 20; size /= 2) {
        size_t pages = size >> HEAP_PAGE_SHIFT;
        char *base = reserve(size, PROT_NONE);
        void *map = base ? reserve(pages * sizeof(*pages_map), PROT_READ | PROT_WRITE) : NULL;
        void *rec = map ? reserve(pages * sizeof(*runs), PROT_READ | PROT_WRITE) : NULL;
        if (rec) {
            uintptr_t first = ((uintptr_t)base + HEAP_PAGE - 1) & ~(uintptr_t)(HEAP_PAGE - 1);
            pages_map = map;
            runs = rec;
            limit = (uint32_t)pages - 1;
            pages_base = first;
            pages_size = (uintptr_t)limit << HEAP_PAGE_SHIFT;
            return;
        }
        if (map) {
            munmap(map, pages * sizeof(*pages_map));
        }
        if (base) {
            munmap(base, size);
        }
    }
}

bool pages_init(void)
{
    pthread_once(&once, init);
    return pages_size != 0;
}

static unsigned bin_of(uint32_t len)
{
    if (len < EXACT) {
        return len;
    }
    return EXACT + (31 - (unsigned)__builtin_clz(len)) - 6;
}

static void run_insert(uint32_t page, uint32_t len, bool dirty)
{
    unsigned b = bin_of(len);
    runs[page].len = runs[page + len - 1].len = len;
    runs[page].dirty = dirty;
    runs[page].prev = 0;
    runs[page].next = bins[b];
    if (bins[b]) {
        runs[bins[b] - 1].prev = page + 1;
    }
    bins[b] = page + 1;
    bin_used[b >> 6] |= 1ull << (b & 63);
    dirty_free += dirty ? len : 0;
}

static void run_remove(uint32_t page)
{
    uint32_t len = runs[page].len;
    unsigned b = bin_of(len);
    if (runs[page].prev) {
        runs[runs[page].prev - 1].next = runs[page].next;
    } else {
        bins[b] = runs[page].next;
        if (bins[b] == 0) {
            bin_used[b >> 6] &= ~(1ull << (b & 63));
        }
    }
    if (runs[page].next) {
        runs[runs[page].next - 1].prev = runs[page].prev;
    }
    dirty_free -= runs[page].dirty ? len : 0;
    runs[page].len = runs[page + len - 1].len = 0;
}

/* The first bin >= from that holds a run, BINS if none. */
static unsigned next_bin(unsigned from)
{
    for (unsigned w = from >> 6; w < 2; w++) {
        uint64_t bits = bin_used[w];
        if (w == from >> 6) {
            bits &= ~0ull << (from & 63);
        }
        if (bits) {
            return w * 64 + (unsigned)__builtin_ctzll(bits);
        }
    }
    return BINS;
}

/* Page + 1 of a free run of at least n pages, 0 if there is none. */
static uint32_t find_run(uint32_t n)
{
    unsigned b = bin_of(n);
    if (b >= EXACT) { /* runs in this bin may be too short */
        unsigned tries = 0;
        for (uint32_t r = bins[b]; r && tries < 64; r = runs[r - 1].next, tries++) {
            if (runs[r - 1].len >= n) {
                return r;
            }
        }
        b++;
    }
    b = b < BINS ? next_bin(b) : BINS;
    return b < BINS ? bins[b] : 0;
}

static bool grow_usable(uint32_t need)
{
    uint32_t step = need - usable;
    uint32_t least = usable < HUGE_FROM ? STEP_PAGES : HUGE_STEP;
    if (step < least) {
        step = least;
    }
    if (step > limit - usable) {
        step = limit - usable;
    }
    void *at = (void *)(pages_base + ((uintptr_t)usable << HEAP_PAGE_SHIFT));
    if (mprotect(at, (size_t)step << HEAP_PAGE_SHIFT, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    if (usable >= HUGE_FROM) {
        madvise(at, (size_t)step << HEAP_PAGE_SHIFT, MADV_HUGEPAGE);
    }
    usable += step;
    return true;
}

void *pages_alloc(size_t n, bool *zeroed)
{
    assert(n > 0);
    if (n > limit) {
        return NULL;
    }
    uint32_t want = (uint32_t)n, page;
    void *base = NULL;
    pthread_mutex_lock(&lock);
    uint32_t r = find_run(want);
    if (r) {
        page = r - 1;
        uint32_t len = runs[page].len;
        bool dirty = runs[page].dirty;
        run_remove(page);
        if (len > want) {
            run_insert(page + want, len - want, dirty);
        }
        *zeroed = !dirty;
        base = (void *)(pages_base + ((uintptr_t)page << HEAP_PAGE_SHIFT));
    } else if (want <= limit - top && (top + want <= usable || grow_usable(top + want))) {
        page = top;
        top += want;
        *zeroed = true;
        base = (void *)(pages_base + ((uintptr_t)page << HEAP_PAGE_SHIFT));
    }
    pthread_mutex_unlock(&lock);
    return base;
}

void pages_free(void *base, size_t n)
{
    uint32_t page = (uint32_t)(((uintptr_t)base - pages_base) >> HEAP_PAGE_SHIFT);
    uint32_t len = (uint32_t)n;
    bool dirty = true;
    pthread_mutex_lock(&lock);
    assert(page + len <= top && runs[page].len == 0);
    if (page + len < top && runs[page + len].len) {
        uint32_t next = page + len;
        len += runs[next].len;
        run_remove(next);
    }
    if (page > 0 && runs[page - 1].len) {
        uint32_t prev = page - runs[page - 1].len;
        len += runs[prev].len;
        run_remove(prev);
        page = prev;
    }
    run_insert(page, len, dirty);
    pthread_mutex_unlock(&lock);
}

/* Releases the end of a free run; the rest stays dirty as a run of its own. */
static uint64_t release_run(uint32_t page, uint64_t most)
{
    uint32_t len = runs[page].len;
    uint64_t want = (most >> HEAP_PAGE_SHIFT) + 1;
    uint32_t n = len < want ? len : (uint32_t)want;
    void *at = (void *)(pages_base + ((uintptr_t)(page + len - n) << HEAP_PAGE_SHIFT));
    if (madvise(at, (size_t)n << HEAP_PAGE_SHIFT, MADV_DONTNEED) != 0) {
        return 0;
    }
    run_remove(page);
    run_insert(page + len - n, n, false);
    if (len > n) {
        run_insert(page, len - n, true);
    }
    return (uint64_t)n << HEAP_PAGE_SHIFT;
}

bool pages_release(uint64_t keep, uint64_t most)
{
    uint64_t done = 0;
    bool more = false;
    pthread_mutex_lock(&lock);
    for (unsigned b = BINS; b-- > 1 && !more;) {
        uint32_t next;
        for (uint32_t r = bins[b]; r; r = next) {
            next = runs[r - 1].next;
            if (dirty_free << HEAP_PAGE_SHIFT <= keep) {
                b = 1;
                break;
            }
            if (done >= most) {
                more = true;
                break;
            }
            done += runs[r - 1].dirty ? release_run(r - 1, most - done) : 0;
        }
    }
    pthread_mutex_unlock(&lock);
    return more;
}

uint64_t pages_idle(void)
{
    pthread_mutex_lock(&lock);
    uint64_t n = dirty_free << HEAP_PAGE_SHIFT;
    pthread_mutex_unlock(&lock);
    return n;
}

uint64_t pages_reserved_top(void)
{
    pthread_mutex_lock(&lock);
    uint64_t n = (uint64_t)top << HEAP_PAGE_SHIFT;
    pthread_mutex_unlock(&lock);
    return n;
}

void pages_set_span(void *base, size_t n, struct Span *s)
{
    size_t page = ((uintptr_t)base - pages_base) >> HEAP_PAGE_SHIFT;
    for (size_t i = 0; i < n; i++) {
        __atomic_store_n(&pages_map[page + i], s, __ATOMIC_RELEASE);
    }
}
