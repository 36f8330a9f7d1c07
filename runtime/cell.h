/* cell.h - how C code touches memory that scripts may touch at the same moment.
 *
 * A fat value in memory is one 16-byte cell, 16-aligned, moved with one 16-byte access (D8): on
 * x86-64 an SSE load or store (one access on every CPU with AVX), on Arm ldp/stp (LSE2). The access
 * is inline assembly because compilers split a plain vector load. Under AddressSanitizer it is a
 * volatile vector access, which it checks. ThreadSanitizer must not see script memory as plain
 * data, because a racy script is no race of ours: there everything below is either a relaxed
 * atomic or assembly that it does not look at. Everywhere else mem_load* and mem_store* are plain.
 *
 * Whoever loads a cell checks and uses that one copy; no second read after a check.
 */
#ifndef GOL_RUNTIME_CELL_H
#define GOL_RUNTIME_CELL_H

#include "runtime/value.h"

#include <string.h>

#if defined(__SANITIZE_THREAD__)
#define GOL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GOL_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define GOL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GOL_ASAN 1
#endif
#endif

#define GOL_LIKELY(x) __builtin_expect(!!(x), 1)
#define GOL_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A cell in a register: lane 0 is the low word (pointer or type), lane 1 the high one. */
typedef uint64_t Cell __attribute__((vector_size(16)));

static inline Cell cell_load(const void *src)
{
#if defined(GOL_ASAN)
    return *(const volatile Cell *)src;
#elif defined(__x86_64__)
    Cell v;
    __asm__ volatile("movdqa %1, %0" : "=x"(v) : "m"(*(const Cell *)src));
    return v;
#elif defined(__aarch64__)
    uint64_t lo, hi;
    __asm__ volatile("ldp %0, %1, [%2]" : "=r"(lo), "=r"(hi) : "r"(src) : "memory");
    return (Cell){lo, hi};
#else
    return *(const volatile Cell *)src;
#endif
}

static inline void cell_store(void *dst, Cell v)
{
#if defined(GOL_ASAN)
    *(volatile Cell *)dst = v;
#elif defined(__x86_64__)
    __asm__ volatile("movdqa %1, %0" : "=m"(*(Cell *)dst) : "x"(v));
#elif defined(__aarch64__)
    __asm__ volatile("stp %0, %1, [%2]" : : "r"(v[0]), "r"(v[1]), "r"(dst) : "memory");
#else
    *(volatile Cell *)dst = v;
#endif
}

/* The same where one side may be a frame, which is 8-aligned and private to its fiber. */
static inline Cell cell_load_any(const void *src)
{
    if ((uintptr_t)src & 15) {
        const Slot *s = src;
        return (Cell){s[0].u, s[1].u};
    }
    return cell_load(src);
}
static inline void cell_store_any(void *dst, Cell v)
{
    if ((uintptr_t)dst & 15) {
        Slot *s = dst;
        s[0].u = v[0];
        s[1].u = v[1];
    } else {
        cell_store(dst, v);
    }
}

/* Gathers two words in a register: movq + pinsrq or movhps, never through memory. */
static inline Cell cell_make(uint64_t lo, uint64_t hi) { return (Cell){lo, hi}; }

/* A cell from or to two adjacent frame slots, which are 8-aligned and private to the fiber. */
static inline Cell cell_from_slots(const Slot *s) { return (Cell){s[0].u, s[1].u}; }
static inline void cell_to_slots(Slot *s, Cell v)
{
    s[0].u = v[0];
    s[1].u = v[1];
}

static inline Cell cell_of_string(String s)
{
    return (Cell){(uint64_t)(uintptr_t)s.ptr, (uint64_t)s.len};
}
static inline Cell cell_of_slice(Slice s)
{
    return (Cell){(uint64_t)(uintptr_t)s.ptr, s.len | (uint64_t)s.cap << 32};
}
static inline Cell cell_of_iface(Iface v)
{
    return (Cell){(uint64_t)(uintptr_t)v.type, v.word.u};
}
static inline String cell_string(Cell c)
{
    return (String){(const uint8_t *)(uintptr_t)c[0], (int64_t)c[1]};
}
static inline Slice cell_slice(Cell c)
{
    return (Slice){(uint8_t *)(uintptr_t)c[0], (uint32_t)c[1], (uint32_t)(c[1] >> 32)};
}
static inline Iface cell_iface(Cell c)
{
    return (Iface){(const struct RType *)(uintptr_t)c[0], {.u = c[1]}};
}

#ifdef GOL_TSAN
#define MEM_LOAD(T, p) __atomic_load_n((const T *)(p), __ATOMIC_RELAXED)
#define MEM_STORE(T, p, v) __atomic_store_n((T *)(p), (v), __ATOMIC_RELAXED)
#else
/* The may_alias types keep one word readable as pointer, integer or float. */
typedef uint8_t MemU8 __attribute__((may_alias));
typedef uint16_t MemU16 __attribute__((may_alias));
typedef uint32_t MemU32 __attribute__((may_alias));
typedef uint64_t MemU64 __attribute__((may_alias));
#define MEM_LOAD(T, p) (*(const volatile T *)(p))
#define MEM_STORE(T, p, v) (*(volatile T *)(p) = (v))
#endif
#ifdef GOL_TSAN
typedef uint8_t MemU8;
typedef uint16_t MemU16;
typedef uint32_t MemU32;
typedef uint64_t MemU64;
#endif

static inline uint8_t mem_load8(const void *p) { return MEM_LOAD(MemU8, p); }
static inline uint16_t mem_load16(const void *p) { return MEM_LOAD(MemU16, p); }
static inline uint32_t mem_load32(const void *p) { return MEM_LOAD(MemU32, p); }
static inline uint64_t mem_load64(const void *p) { return MEM_LOAD(MemU64, p); }
static inline void *mem_loadp(const void *p) { return (void *)(uintptr_t)MEM_LOAD(MemU64, p); }
static inline void mem_store8(void *p, uint8_t v) { MEM_STORE(MemU8, p, v); }
static inline void mem_store16(void *p, uint16_t v) { MEM_STORE(MemU16, p, v); }
static inline void mem_store32(void *p, uint32_t v) { MEM_STORE(MemU32, p, v); }
static inline void mem_store64(void *p, uint64_t v) { MEM_STORE(MemU64, p, v); }

/* The collector's look at a word that anybody may be writing: never a data race to the sanitizer,
 * whatever the writer uses. */
#if defined(GOL_TSAN) && defined(__x86_64__)
static inline void *mem_peekp(const void *p)
{
    void *v;
    __asm__ volatile("movq %1, %0" : "=r"(v) : "m"(*(const uint64_t *)p));
    return v;
}
#else
static inline void *mem_peekp(const void *p) { return mem_loadp(p); }
#endif

/* An object that has just been filled is about to be shown to scripts, who may pass it on without
 * synchronisation: readers that follow the pointer must find it filled. x86 and the address
 * dependency see to the reader's side. ThreadSanitizer is told. */
#ifdef GOL_TSAN
void __tsan_acquire(void *at);
void __tsan_release(void *at);
static inline void mem_publish(void *p) { __tsan_release(p); }
static inline void mem_follow(void *p)
{
    if (p) {
        __tsan_acquire(p);
    }
}
#else
static inline void mem_publish(void *p) { __atomic_thread_fence(__ATOMIC_RELEASE); }
static inline void mem_follow(void *p) {}
#endif

/* Bytes without pointers in them (else heap_copy). Script memory: use these, not mem*() of libc.
 * mem_move handles overlap. */
#ifdef GOL_TSAN
void mem_copy(void *dst, const void *src, size_t n);
void mem_move(void *dst, const void *src, size_t n);
void mem_zero(void *dst, size_t n);
bool mem_equal(const void *a, const void *b, size_t n);
int mem_compare(const void *a, const void *b, size_t n);
#else
static inline void mem_copy(void *dst, const void *src, size_t n)
{
    if (n) {
        memcpy(dst, src, n);
    }
}
static inline void mem_move(void *dst, const void *src, size_t n)
{
    if (n) {
        memmove(dst, src, n);
    }
}
static inline void mem_zero(void *dst, size_t n)
{
    if (n) {
        memset(dst, 0, n);
    }
}
static inline bool mem_equal(const void *a, const void *b, size_t n)
{
    return n == 0 || memcmp(a, b, n) == 0;
}
static inline int mem_compare(const void *a, const void *b, size_t n)
{
    return n == 0 ? 0 : memcmp(a, b, n);
}
#endif

#endif
