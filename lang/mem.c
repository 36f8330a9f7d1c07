/* mem.c - the compiler's memory, its limits and its names.
 *
 * Objects are bumped out of chunks, without a header and without a lock; the compiler's trees are
 * many, small and live as long as their compile. Two backends provide chunks (D7). bdwgc: the heap
 * of the compiler thread; this is the one file that includes gc.h. Arena: malloc, for a process whose
 * host owns bdwgc already, after fork, for unit tests, and while bdwgc is busy being the run-time
 * collector.
 *
 * AddressSanitizer cannot look into either; in its builds compiles use the arena, and a fence stands
 * behind each object (MEM_FENCED).
 *
 * Everything here belongs to one thread at a time: the compiler thread (or a test's only thread).
 * Nothing is locked.
 *
 * bdwgc sees a chunk as one object, scanned or plain, which interior pointers keep. It scans no
 * static data: `anchor` is the one root, besides what mem_root adds and the compiler thread's stack.
 * A collection in the middle of a big compile frees the chunks and the large blocks (vectors and
 * tables outgrown) that nothing points into. The end of a compile gives the others back at once:
 * `chunks` is a list that the collector does not see, whose links it clears when it frees one
 * (disappearing links). Measured on 242,000 lines of Go's std (user + system time, ms): an object
 * each from GC_malloc_many 540 + 250, chunks 330 + 100. A third of the former was the kernel's
 * page faults and a sixth the making and marking of free lists; hence also the huge pages.
 *
 * Limits: chunks are counted as they are taken, steps by mem_step where time passes without
 * allocation. Both look at the clock and at the host's wish to end the compile, so that takes a
 * fraction of a millisecond; a collection stops for it, too.
 *
 * Exhaustion, and a compile that passes its limit, unwind by longjmp to the frame that called
 * mem_begin. Only frames of lang/ lie between, and they own nothing that must be released.
 *
 * Names: one open-addressed table. The text of a name is preceded by its hash, its length and the
 * keyword's token. Texts lie in malloc'd chunks; mem_end frees the chunks of source names, but
 * keeps a chunk that holds a name which name_of has asked for, since a caller may have cached it.
 * Names are therefore stable for the process when they were made by name_of.
 */
#include "lang/mem.h"

#include "lang/token.h"

#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include <assert.h>
#include <gc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#ifdef GOL_STRESS
enum { CHUNK_MIN = 4 << 10, CHUNK_MAX = 4 << 10 }; /* small ones: a forgotten root shows */
#else
enum { CHUNK_MIN = 32 << 10, CHUNK_MAX = 256 << 10 };
#endif

enum {
    STEPS = 2048,          /* between two polls */
    SMALL_COMPILE = 8 << 20, /* up to here no huge pages */
    HUGE_AREA = 32 << 20, HUGE_PAGE = 2 << 20,
    KEEP = 32 << 20,       /* what took more gives its memory back to the system */
    BYTES_PER_BYTE = 600, STEPS_PER_BYTE = 400, /* what a compile of ordinary text stays far below */
};

/* A chunk or large block; `at` is NULL once the collector has freed it. Objects are in `data` where
 * the block is malloc's. */
typedef struct Chunk {
    struct Chunk *next;
    size_t used, cap; /* names */
    bool keep;        /* names: holds a permanent one */
    void *at;
    _Alignas(16) char data[];
} Chunk;

MemBump mem_scanned, mem_plain;
int32_t mem_budget;

static struct {
    void *scanned, *plain; /* the chunks being bumped */
} anchor;

static MemBackend backend = MEM_ARENA;
static bool gc_ready;
static jmp_buf *unwind;
static const char *why_text;
static Chunk *chunks;

/* Of the running compile. */
static struct {
    MemLimits limits;
    uint64_t bytes, steps;
    int64_t deadline;
    size_t huge;   /* bytes asked to lie in huge pages */
} now;

/* ---- Failure ---------------------------------------------------------------------------------- */

static _Noreturn void give_up(MemEnd end, const char *why)
{
    why_text = why;
    if (unwind) {
        longjmp(*unwind, (int)end);
    }
    fprintf(stderr, "gol: %s\n", why);
    abort();
}

_Noreturn void mem_fail(const char *why) { give_up(MEM_EXHAUSTED, why); }

const char *mem_why(void) { return why_text; }

uint64_t mem_used(void) { return now.bytes; }

uint64_t mem_steps(void) { return now.steps; }

static void *gc_out_of_memory(size_t n)
{
    (void)n;
    return NULL; /* the caller of GC_malloc sees NULL and calls mem_fail */
}

/* ---- Limits ----------------------------------------------------------------------------------- */

static int64_t clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Partner: whoever holds the compile's cancel word (compile.h). */
static bool cancelled(void)
{
    return now.limits.cancel && __atomic_load_n(now.limits.cancel, __ATOMIC_RELAXED) != 0;
}

/* bdwgc asks it during a collection. */
static int GC_CALLBACK stop_collecting(void) { return cancelled(); }

static void look(void)
{
    if (cancelled()) {
        give_up(MEM_CANCELLED, "interrupted");
    }
    if (now.limits.steps && now.steps > now.limits.steps) {
        give_up(MEM_LIMIT, "too many steps");
    }
    if (now.limits.bytes && now.bytes > now.limits.bytes) {
        give_up(MEM_LIMIT, "too much memory");
    }
    if (now.deadline && clock_now() > now.deadline) {
        give_up(MEM_LIMIT, "too much time");
    }
}

void mem_poll(void)
{
    now.steps += STEPS;
    mem_budget = STEPS - 1;
    look();
}

void mem_admit(size_t source_bytes)
{
    now.limits.bytes += now.limits.scale_bytes ? (uint64_t)source_bytes * BYTES_PER_BYTE : 0;
    now.limits.steps += now.limits.scale_steps ? (uint64_t)source_bytes * STEPS_PER_BYTE : 0;
}

void mem_admit_data(size_t bytes)
{
    now.limits.bytes += now.limits.scale_bytes ? (uint64_t)bytes * 8 : 0; /* copies of it */
}

void mem_extend(jmp_buf *out)
{
    unwind = out;
    now.limits.bytes += 64 << 20;
    now.limits.steps += 100000000;
    now.deadline = 0;
}

/* ---- Chunks ----------------------------------------------------------------------------------- */

static Chunk *chunk_new(size_t cap)
{
    Chunk *c = calloc(1, sizeof *c + cap);
    if (!c) {
        mem_fail("out of memory in the compiler");
    }
    c->cap = cap;
    c->at = c->data;
    return c;
}

/* Makes the collector's heap grow by an area in huge pages: of a big compile's time the kernel would
 * else take a quarter, page by page. */
static void ask_huge(void)
{
    char *at = GC_malloc_atomic_ignore_off_page(HUGE_AREA);
    now.huge += HUGE_AREA;
    if (at) {
        uintptr_t from = ((uintptr_t)at + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
        madvise((void *)from, ((uintptr_t)at + HUGE_AREA - from) & ~(size_t)(HUGE_PAGE - 1),
                MADV_HUGEPAGE);
        GC_free(at);
    }
}

#ifdef GOL_STRESS
/* Collections at odd moments find the root that was forgotten; rarer as the heap grows. */
static void stress(void)
{
    static uint64_t calls, next = 67;
    if (backend == MEM_GC && ++calls >= next) {
        GC_gcollect();
        next = calls + 67 + calls / 64;
    }
}
#else
static inline void stress(void) {}
#endif

/* A zeroed block of n bytes. */
static void *block_new(size_t n, bool plain)
{
    now.bytes += n;
    look();
    stress();
    if (backend == MEM_ARENA) {
        Chunk *c = chunk_new(n);
        c->next = chunks;
        chunks = c;
        return c->data;
    }
    if (now.bytes > SMALL_COMPILE && now.bytes > now.huge) {
        ask_huge();
    }
    void *at = plain ? GC_malloc_atomic(n) : GC_malloc(n);
    Chunk *c = at ? malloc(sizeof *c) : NULL;
    if (!c) {
        mem_fail("out of memory in the compiler");
    }
    *c = (Chunk){.next = chunks, .at = at};
    GC_general_register_disappearing_link(&c->at, at);
    chunks = c;
    return plain ? memset(at, 0, n) : at;
}

/* The pages of a block that bdwgc keeps go back to the system: Debian's build of it unmaps none. What
 * they held is zero when they are touched again, and bdwgc clears what it hands out in any case. */
static void drop_pages(void *at)
{
    uintptr_t from = ((uintptr_t)at + 4095) & ~(uintptr_t)4095;
    uintptr_t end = ((uintptr_t)at + GC_size(at)) & ~(uintptr_t)4095;
    if (end > from) {
        madvise((void *)from, end - from, MADV_DONTNEED);
    }
}

static void chunks_free(bool drop)
{
    while (chunks) {
        Chunk *c = chunks;
        chunks = c->next;
        if (c->at != c->data && c->at) {
            GC_unregister_disappearing_link(&c->at);
            if (drop) {
                drop_pages(c->at);
            }
            GC_free(c->at);
        }
        free(c);
    }
}

void *mem_refill(MemBump *b, size_t n)
{
    bool plain = b == &mem_plain;
    size_t size = now.bytes / 8 & ~(size_t)4095; /* a small compile touches little */
    size = size < CHUNK_MIN ? CHUNK_MIN : size > CHUNK_MAX ? CHUNK_MAX : size;
    if (n > size / 8) {
        return block_new(n, plain);
    }
    char *at = block_new(size, plain);
    *(plain ? &anchor.plain : &anchor.scanned) = at;
    b->p = at + n;
    b->end = at + size;
    return at;
}

void *mem_grow(void *p, size_t old_n, size_t new_n)
{
    assert(new_n >= old_n);
    void *q = mem_alloc(new_n);
    if (old_n) {
        memcpy(q, p, old_n);
    }
    return q;
}

char *mem_strndup(const char *s, size_t n)
{
    char *p = mem_alloc_atomic(n + 1);
    if (n) {
        memcpy(p, s, n);
    }
    return p;
}

char *mem_printf(const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    char *p;
    if (n < 0) {
        p = mem_strndup("", 0);
    } else if ((size_t)n < sizeof small) {
        p = mem_strndup(small, (size_t)n);
    } else {
        p = mem_alloc_atomic((size_t)n + 1);
        vsnprintf(p, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return p;
}

/* ---- Names ------------------------------------------------------------------------------------ */

typedef struct NameHead {
    uint32_t hash, len;
    uint8_t permanent;
    uint8_t pad[6];
    uint8_t token; /* right before the text: name_token */
} NameHead;
_Static_assert(sizeof(NameHead) == 16, "the token precedes the text");

static struct {
    Name *at;
    uint32_t cap, n;
    Chunk *chunks;
} names;

static NameHead *head_of(Name n) { return (NameHead *)(uintptr_t)(n - sizeof(NameHead)); }

static void names_resize(uint32_t cap)
{
    Name *old = names.at;
    uint32_t old_cap = names.cap;
    Name *at = calloc(cap, sizeof *at);
    if (!at) {
        mem_fail("out of memory in the compiler");
    }
    names.at = at;
    names.cap = cap;
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old[i]) {
            uint32_t k = head_of(old[i])->hash & (cap - 1);
            while (at[k]) {
                k = (k + 1) & (cap - 1);
            }
            at[k] = old[i];
        }
    }
    free(old);
}

static Name name_new(const char *s, size_t n, uint32_t hash)
{
    size_t need = (sizeof(NameHead) + n + 1 + 7) & ~(size_t)7;
    Chunk *c = names.chunks;
    if (!c || c->cap - c->used < need) {
        c = chunk_new(need > 8192 ? need : 8192);
        c->next = names.chunks;
        names.chunks = c;
    }
    NameHead *h = (NameHead *)(void *)(c->data + c->used);
    c->used += need;
    h->hash = hash;
    h->len = (uint32_t)n;
    char *text = (char *)(h + 1);
    memcpy(text, s, n);
    return text;
}

static Name name_find(const char *s, size_t n, uint32_t hash)
{
    uint32_t k = hash & (names.cap - 1);
    for (; names.at[k]; k = (k + 1) & (names.cap - 1)) {
        NameHead *h = head_of(names.at[k]);
        if (h->hash == hash && h->len == n && memcmp(names.at[k], s, n) == 0) {
            return names.at[k];
        }
    }
    Name fresh = name_new(s, n, hash);
    names.at[k] = fresh;
    if (++names.n * 2 > names.cap) {
        names_resize(names.cap * 2);
    }
    return fresh;
}

static uint32_t hash_bytes(const char *s, size_t n)
{
    uint32_t h = NAME_HASH_START;
    for (size_t i = 0; i < n; i++) {
        h = NAME_HASH_STEP(h, (unsigned char)s[i]);
    }
    return h;
}

static Name name_keep(Name n)
{
    if (head_of(n)->permanent) {
        return n;
    }
    head_of(n)->permanent = 1;
    for (Chunk *c = names.chunks; c; c = c->next) {
        if (n >= c->data && n < c->data + c->cap) {
            c->keep = true;
        }
    }
    return n;
}

static void names_init(void)
{
    names_resize(2048);
    for (unsigned t = TOK_BREAK; t <= TOK_VAR; t++) {
        const char *s = token_text[t];
        Name n = name_keep(name_find(s, strlen(s), hash_bytes(s, strlen(s))));
        head_of(n)->token = (uint8_t)t;
    }
}

Name name_intern_hashed(const char *s, size_t n, uint32_t hash)
{
    if (!names.at) {
        names_init();
    }
    return name_find(s, n, hash);
}

Name name_intern(const char *s, size_t n) { return name_intern_hashed(s, n, hash_bytes(s, n)); }

Name name_of(const char *s) { return name_keep(name_intern(s, strlen(s))); }

/* Drops the names of source text; a kept chunk's other names only leave the table. */
static void names_reset(void)
{
    if (!names.at) {
        return;
    }
    Name *old = names.at;
    uint32_t old_cap = names.cap;
    names.at = NULL;
    names.cap = names.n = 0;
    names_resize(2048);
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old[i] && head_of(old[i])->permanent) {
            uint32_t k = head_of(old[i])->hash & (names.cap - 1);
            while (names.at[k]) {
                k = (k + 1) & (names.cap - 1);
            }
            names.at[k] = old[i];
            if (++names.n * 2 > names.cap) {
                names_resize(names.cap * 2);
            }
        }
    }
    free(old);
    for (Chunk **link = &names.chunks; *link;) {
        Chunk *c = *link;
        if (c->keep) {
            link = &c->next;
        } else {
            *link = c->next;
            free(c);
        }
    }
}

/* ---- One compile ------------------------------------------------------------------------------ */

/* Real-time signals leave the host its SIGPWR and SIGXCPU; with one registered thread they are
 * never sent. */
void mem_init_gc(void *stack_base)
{
    assert(!gc_ready);
    GC_set_no_dls(1);
    GC_set_markers_count(1);
    GC_set_handle_fork(0);
    GC_set_dont_precollect(1);
    GC_set_finalize_on_demand(1);
    GC_set_suspend_signal(SIGRTMIN + 5);
    GC_set_thr_restart_signal(SIGRTMIN + 6);
    GC_set_warn_proc(GC_ignore_warn_proc);
    GC_set_oom_fn(gc_out_of_memory);
    GC_set_stop_func(stop_collecting);
    GC_set_free_space_divisor(1);
    GC_set_min_bytes_allocd((size_t)1 << 30); /* a collection of 145 MB took 157 ms and freed none */
    struct GC_stack_base sb = {.mem_base = stack_base};
    GC_set_stackbottom(NULL, &sb);
    GC_init();
    GC_clear_roots();
    GC_add_roots(&anchor, &anchor + 1);
    gc_ready = true;
}

void mem_root(void *at, size_t n)
{
    if (gc_ready) {
        GC_add_roots(at, (char *)at + n);
    }
}

void mem_begin(MemBackend b, jmp_buf *out, const MemLimits *limits)
{
    assert(b == MEM_ARENA || gc_ready);
    assert(!chunks);
    backend = b;
    unwind = out;
    memset(&now, 0, sizeof now);
    now.limits = *limits;
    now.deadline = limits->wall_ns ? clock_now() + limits->wall_ns : 0;
    mem_budget = 0;
    why_text = NULL;
}

void mem_end(void)
{
    chunks_free(now.bytes > KEEP);
    names_reset();
    memset(&anchor, 0, sizeof anchor);
    mem_scanned = mem_plain = (MemBump){NULL, NULL};
    memset(&now, 0, sizeof now);
    unwind = NULL;
}

void mem_after_fork(void)
{
    chunks = NULL;
    memset(&anchor, 0, sizeof anchor);
    mem_scanned = mem_plain = (MemBump){NULL, NULL};
    backend = MEM_ARENA;
    unwind = NULL;
}

void text_add(Text *t, const char *s, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        size_t cap = (t->n + n + 1) * 2 + 256;
        char *at = mem_alloc_atomic(cap);
        if (t->n) {
            memcpy(at, t->at, t->n);
        }
        t->at = at;
        t->cap = cap;
    }
    memcpy(t->at + t->n, s, n);
    t->n += n;
    t->at[t->n] = 0;
}
