/* mem.h - the compiler's memory (D7): everything of lang/ is allocated here and never freed by
 * hand. Backend: bdwgc on the compiler thread, or an arena. All memory comes zeroed. Exhaustion or
 * a limit of the running compile unwinds to compile_run (a longjmp inside lang/ only) and becomes
 * a diagnostic. */
#ifndef GOL_LANG_MEM_H
#define GOL_LANG_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *mem_alloc(size_t n);         /* scanned for pointers */
void *mem_alloc_atomic(size_t n);  /* holds no pointers */
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

/* ---- For lang/compile.c and tests -------------------------------------------------------------
 * A compile is bracketed by mem_begin and mem_end. Exhaustion or more than `limit` bytes (0: no
 * limit) unwinds to `out` with mem_why() set. Without mem_begin the arena is used and exhaustion
 * aborts (unit tests). Static variables of lang/ that hold compile memory must be re-made in every
 * compile or be registered once with mem_root (bdwgc scans no static data of its own accord). */
#include <setjmp.h>
#include <stdbool.h>

typedef enum MemBackend { MEM_ARENA, MEM_GC } MemBackend;
/* Once per process, on the compiler thread; stack_base: the highest address of its stack. */
void mem_init_gc(void *stack_base);
void mem_begin(MemBackend backend, jmp_buf *out, size_t limit);
void mem_end(void);
_Noreturn void mem_fail(const char *why);
const char *mem_why(void);
size_t mem_used(void); /* bytes handed out in this compile */

#endif
