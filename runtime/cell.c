/* cell.c - bytes that scripts may race on, moved behind ThreadSanitizer's back.
 *
 * A script's data race on its own memory is allowed to happen; it must not be reported as ours.
 * So in ThreadSanitizer builds these run without instrumentation and without libc's intercepted
 * functions. Other builds have them inline in cell.h.
 */
#include "runtime/cell.h"

#ifdef GOL_TSAN

#if defined(__x86_64__)
void mem_copy(void *dst, const void *src, size_t n)
{
    __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

static void copy_down(void *dst, const void *src, size_t n)
{
    uint8_t *d = (uint8_t *)dst + n - 1;
    const uint8_t *s = (const uint8_t *)src + n - 1;
    __asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(d), "+S"(s), "+c"(n) : : "memory", "cc");
}

void mem_zero(void *dst, size_t n)
{
    __asm__ volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(0) : "memory");
}
#else
void mem_copy(void *dst, const void *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_store8((uint8_t *)dst + i, mem_load8((const uint8_t *)src + i));
    }
}

static void copy_down(void *dst, const void *src, size_t n)
{
    while (n-- > 0) {
        mem_store8((uint8_t *)dst + n, mem_load8((const uint8_t *)src + n));
    }
}

void mem_zero(void *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_store8((uint8_t *)dst + i, 0);
    }
}
#endif

void mem_move(void *dst, const void *src, size_t n)
{
    if (n == 0 || dst == src) {
        return;
    }
    if ((uintptr_t)dst - (uintptr_t)src >= n) {
        mem_copy(dst, src, n);
    } else {
        copy_down(dst, src, n);
    }
}

int mem_compare(const void *a, const void *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int d = mem_load8((const uint8_t *)a + i) - mem_load8((const uint8_t *)b + i);
        if (d) {
            return d;
        }
    }
    return 0;
}

bool mem_equal(const void *a, const void *b, size_t n) { return mem_compare(a, b, n) == 0; }

#else
typedef int cell_c_is_empty_here; /* ISO C wants a declaration */
#endif
