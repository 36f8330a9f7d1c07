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

/* Interned identifier: equal names are equal pointers; NUL-terminated. */
typedef const char *Name;
Name name_intern(const char *s, size_t n);
Name name_of(const char *s); /* of a C string */

#endif
