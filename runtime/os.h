/* os.h - what the runtime asks of the system: clock, futex, threads, cores. os_linux.c. */
#ifndef GOL_RUNTIME_OS_H
#define GOL_RUNTIME_OS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

int64_t os_now(void);      /* monotonic ns */
int64_t os_walltime(void); /* ns since 1970 */
void os_sleep(int64_t ns);
void os_yield(void);
uint32_t os_ncpu(void);
/* Waits while *w == expected, at most ns (-1: for ever). Spurious returns happen. */
void os_futex_wait(_Atomic uint32_t *w, uint32_t expected, int64_t ns);
void os_futex_wake(_Atomic uint32_t *w, uint32_t n);
/* Signals blocked in the new thread. */
bool os_thread_start(pthread_t *t, void *(*fn)(void *), void *arg, const char *name);
void *os_map(size_t bytes);
void os_unmap(void *p, size_t bytes);
uint64_t os_random(void);

static inline void os_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

#endif
