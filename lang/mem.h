/* mem.h - the compiler's memory (D7), its limits and its names: everything of lang/ is allocated
 * here and never freed by hand. Backend: bdwgc on the compiler thread, or an arena. All memory
 * comes zeroed, aligned to 8. Exhaustion or a limit of the running compile unwinds to compile_run (a
 * longjmp inside lang/ only) and becomes a diagnostic. */
#ifndef GOL_LANG_MEM_H
#define GOL_LANG_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* AddressSanitizer builds: compiles use the arena, whose objects have fences. */
#if defined __SANITIZE_ADDRESS__
#define MEM_FENCED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define MEM_FENCED 1
#endif
#endif
#ifdef MEM_FENCED
#include <sanitizer/asan_interface.h>
enum { MEM_FENCE = 16 };
#define MEM_FENCE_OFF(at, n, taken) ASAN_POISON_MEMORY_REGION((char *)(at) + (n), (taken) - (n))
#else
#define MEM_FENCED 0
enum { MEM_FENCE = 0 };
#define MEM_FENCE_OFF(at, n, taken) ((void)(at))
#endif

/* The rest of the chunk at hand; two kinds of chunks: scanned for pointers, and not. */
typedef struct MemBump {
    char *p, *end;
} MemBump;
extern MemBump mem_scanned, mem_plain;
void *mem_refill(MemBump *b, size_t n);

static inline void *mem_take(MemBump *b, size_t n)
{
    size_t taken = ((n + (n == 0) + 7) & ~(size_t)7) + MEM_FENCE;
    void *at = b->p;
    if (taken <= (size_t)(b->end - b->p)) {
        b->p += taken;
    } else {
        at = mem_refill(b, taken);
    }
    MEM_FENCE_OFF(at, n, taken);
    return at;
}

/* Scanned for pointers, and what holds none. */
static inline void *mem_alloc(size_t n) { return mem_take(&mem_scanned, n); }
static inline void *mem_alloc_atomic(size_t n) { return mem_take(&mem_plain, n); }
void *mem_grow(void *p, size_t old_n, size_t new_n);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Registers n bytes of static storage that point into compiler memory (static roots are not
 * scanned otherwise). Idempotent. */
void mem_root(void *at, size_t n);

#define MEM_NEW(T) ((T *)mem_alloc(sizeof(T)))
#define MEM_NEW_N(T, n) ((T *)mem_alloc(sizeof(T) * (size_t)(n)))

/* A growable array: VEC(Type *) v = {0}; VEC_PUSH(v, t); v.at[i], v.n. */
#define VEC(T) struct { T *at; uint32_t n, cap; }
#define VEC_PUSH(v, x)                                                                             \
    do {                                                                                           \
        if ((v).n == (v).cap) {                                                                    \
            uint32_t cap_ = (v).cap ? (v).cap * 2 : 4;                                             \
            (v).at = mem_grow((v).at, (v).cap * sizeof *(v).at, cap_ * sizeof *(v).at);            \
            (v).cap = cap_;                                                                        \
        }                                                                                          \
        (v).at[(v).n++] = (x);                                                                     \
    } while (0)

/* A growing text: always NUL-terminated once something was added. */
typedef struct Text {
    char *at;
    size_t n, cap;
} Text;
void text_add(Text *t, const char *s, size_t n);
static inline void text_str(Text *t, const char *s) { text_add(t, s, strlen(s)); }

/* Interned identifier: equal names are equal pointers; NUL-terminated. */
typedef const char *Name;
Name name_intern(const char *s, size_t n);
Name name_of(const char *s); /* of a C string */

/* Permanent names (name_of of a C string) survive from compile to compile; those of source text
 * are dropped by mem_end. name_token: the keyword's Token, or 0. */
static inline unsigned name_token(Name n) { return (unsigned char)n[-1]; }
/* name_intern with the FNV-1a hash of the text already known (the scanner's way). */
Name name_intern_hashed(const char *s, size_t n, uint32_t hash);
#define NAME_HASH_START 2166136261u
#define NAME_HASH_STEP(h, c) (((h) ^ (uint32_t)(c)) * 16777619u)

/* ---- Steps ------------------------------------------------------------------------------------
 * Whatever can take long without allocating counts its steps: that is where limits and a host's
 * wish to end the compile are noticed. */
extern int32_t mem_budget; /* steps until mem_poll */
void mem_poll(void);
static inline void mem_step(void)
{
    if (--mem_budget < 0) {
        mem_poll();
    }
}

/* ---- For lang/compile.c and tests -------------------------------------------------------------
 * A compile is bracketed by mem_begin and mem_end. Exhaustion or a limit unwinds to `out` with
 * mem_why() set. Without mem_begin the arena is used and exhaustion aborts (unit tests). Static
 * variables of lang/ that hold compile memory must be re-made in every compile or be registered once
 * with mem_root (bdwgc scans no static data of its own accord). */
#include <setjmp.h>

typedef enum MemBackend { MEM_ARENA, MEM_GC } MemBackend;

/* What a compile may use; 0: no limit. Scaled: mem_admit adds something for each byte of source. */
typedef struct MemLimits {
    uint64_t bytes, steps;
    int64_t wall_ns;
    bool scale_bytes, scale_steps;
    const int *cancel; /* not NULL: written by any thread; not 0: the compile ends soon */
} MemLimits;

/* Why a compile was unwound. */
typedef enum MemEnd { MEM_EXHAUSTED = 1, MEM_LIMIT, MEM_CANCELLED } MemEnd;

/* Once per process, on the compiler thread; stack_base: the highest address of its stack. */
void mem_init_gc(void *stack_base);
void mem_begin(MemBackend backend, jmp_buf *out, const MemLimits *limits);
void mem_admit(size_t source_bytes);
void mem_admit_data(size_t bytes); /* kept as they are: embedded files */
/* After an unwinding by a limit: room for the report about it. */
void mem_extend(jmp_buf *out);
void mem_end(void);
void mem_after_fork(void); /* in the child: what the parent's compile holds is left where it is */
_Noreturn void mem_fail(const char *why);
const char *mem_why(void);
uint64_t mem_used(void);  /* bytes handed out in this compile, in chunks */
uint64_t mem_steps(void);

#endif
