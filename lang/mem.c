/* mem.c - the compiler's memory and its names.
 *
 * Two backends behind one interface (D7). bdwgc: the heap of the compiler thread; this is the one
 * file that includes gc.h. Arena: chunks freed together at mem_end, for a process whose host owns
 * bdwgc already, after fork, for unit tests, and while bdwgc is busy being the run-time collector.
 *
 * Everything here belongs to one thread at a time: the compiler thread (or a test's only thread).
 * Nothing is locked.
 *
 * bdwgc scans no static data: `anchor` is the one root, besides what mem_root adds and the
 * compiler thread's stack. Small objects come from our own free lists, filled a block at a time by
 * GC_malloc_many: an object costs a few nanoseconds instead of thirty. An object on a free list is
 * zero but for its link word.
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

enum { SMALL_MAX = 512, GRAIN = 16, NCLASSES = SMALL_MAX / GRAIN + 1, ARENA_CHUNK = 256 << 10 };

typedef struct Chunk {
    struct Chunk *next;
    size_t used, cap;
    bool keep; /* names: holds a permanent one */
    _Alignas(16) char data[];
} Chunk;

static struct {
    void *lists[NCLASSES]; /* GC backend: free objects by size class */
} anchor;

static MemBackend backend = MEM_ARENA;
static bool gc_ready;
static jmp_buf *unwind;
static const char *why_text;
static size_t used, limit_bytes;
static Chunk *arena;

/* ---- Failure ---------------------------------------------------------------------------------- */

_Noreturn void mem_fail(const char *why)
{
    why_text = why;
    if (unwind) {
        longjmp(*unwind, 1);
    }
    fprintf(stderr, "gol: %s\n", why);
    abort();
}

const char *mem_why(void) { return why_text; }

size_t mem_used(void) { return used; }

static void *gc_out_of_memory(size_t n)
{
    (void)n;
    return NULL; /* the caller of GC_malloc sees NULL and calls mem_fail */
}

/* ---- Backends --------------------------------------------------------------------------------- */

static Chunk *chunk_new(size_t cap)
{
    Chunk *c = calloc(1, sizeof *c + cap);
    if (!c) {
        mem_fail("out of memory in the compiler");
    }
    c->cap = cap;
    return c;
}

static void *arena_alloc(size_t n)
{
    n = (n + GRAIN - 1) & ~(size_t)(GRAIN - 1);
    Chunk *c = arena;
    if (c && c->cap - c->used >= n) {
        void *p = c->data + c->used;
        c->used += n;
        return p;
    }
    if (n > ARENA_CHUNK / 4) { /* a block of its own, behind the current chunk */
        Chunk *big = chunk_new(n);
        big->used = n;
        if (c) {
            big->next = c->next;
            c->next = big;
        } else {
            arena = big;
        }
        return big->data;
    }
    Chunk *fresh = chunk_new(ARENA_CHUNK);
    fresh->next = arena;
    fresh->used = n;
    arena = fresh;
    return fresh->data;
}

static void arena_free(void)
{
    while (arena) {
        Chunk *next = arena->next;
        free(arena);
        arena = next;
    }
}

static void count(size_t n)
{
    used += n;
    if (limit_bytes && used > limit_bytes) {
        mem_fail("the compiler's memory limit is exceeded");
    }
}

static void *gc_small(size_t n)
{
    size_t k = (n + GRAIN - 1) / GRAIN;
    void *p = anchor.lists[k];
    if (!p) {
        p = GC_malloc_many(k * GRAIN);
        if (!p) {
            mem_fail("out of memory in the compiler");
        }
    }
    anchor.lists[k] = *(void **)p;
    *(void **)p = NULL;
    return p;
}

#ifdef GOL_STRESS
/* Collections at odd moments find the root that was forgotten; rarer as the heap grows. */
static void stress(void)
{
    static uint64_t calls, next = 4001;
    if (backend == MEM_GC && ++calls >= next) {
        GC_gcollect();
        next = calls + 4001 + calls / 64;
    }
}
#else
static inline void stress(void) {}
#endif

void *mem_alloc(size_t n)
{
    count(n);
    stress();
    if (backend == MEM_ARENA) {
        return arena_alloc(n);
    }
    if (n - 1 < SMALL_MAX) {
        return gc_small(n);
    }
    void *p = GC_malloc(n ? n : 1);
    if (!p) {
        mem_fail("out of memory in the compiler");
    }
    return p;
}

void *mem_alloc_atomic(size_t n)
{
    count(n);
    if (backend == MEM_ARENA) {
        return arena_alloc(n);
    }
    void *p = GC_malloc_atomic(n ? n : 1);
    if (!p) {
        mem_fail("out of memory in the compiler");
    }
    return memset(p, 0, n);
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
    GC_set_free_space_divisor(1);
    GC_set_min_bytes_allocd(16 << 20);
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

void mem_begin(MemBackend b, jmp_buf *out, size_t limit)
{
    assert(b == MEM_ARENA || gc_ready);
    backend = b;
    unwind = out;
    limit_bytes = limit;
    used = 0;
    why_text = NULL;
}

void mem_end(void)
{
    arena_free();
    names_reset();
    memset(&anchor, 0, sizeof anchor);
    unwind = NULL;
    limit_bytes = 0;
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
