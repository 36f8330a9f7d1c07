/* os_linux.c - clock, futex, threads and memory on Linux; the waiting half of lock.h.
 *
 * Nothing here knows a VM. Every function may be called from any thread. */
#define _GNU_SOURCE
#include "runtime/os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/lock.h"

int64_t os_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t os_walltime(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

void os_sleep(int64_t ns)
{
    struct timespec ts = to_timespec(ns);
    nanosleep(&ts, NULL);
}

void os_yield(void)
{
    sched_yield();
}

uint32_t os_ncpu(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int n = CPU_COUNT(&set);
        return n > 0 ? (uint32_t)n : 1;
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

void os_futex_wait(_Atomic uint32_t *w, uint32_t expected, int64_t ns)
{
    struct timespec ts, *limit = NULL;
    if (ns >= 0) {
        ts = to_timespec(ns);
        limit = &ts;
    }
    syscall(SYS_futex, w, FUTEX_WAIT_PRIVATE, expected, limit, NULL, 0);
}

void os_futex_wake(_Atomic uint32_t *w, uint32_t n)
{
    syscall(SYS_futex, w, FUTEX_WAKE_PRIVATE, n > INT_MAX ? INT_MAX : (int)n, NULL, NULL, 0);
}

bool os_thread_start(pthread_t *t, void *(*fn)(void *), void *arg, const char *name)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0) {
        return false;
    }
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 1 << 20);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int e = pthread_create(t, &attr, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (e == 0) {
        pthread_setname_np(*t, name);
    }
    return e == 0;
}

void *os_map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void os_unmap(void *p, size_t bytes)
{
    munmap(p, bytes);
}

uint64_t os_random(void)
{
    uint64_t r;
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != (ssize_t)sizeof r) {
        r = (uint64_t)os_now() * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid() << 32;
    }
    return r;
}

/* The lock is held: spin, then let the holder run, then nap. */
void lock_wait(SpinLock *l)
{
    for (uint32_t round = 0;; round++) {
        if (atomic_load_explicit(&l->word, memory_order_relaxed) == 0 &&
            atomic_exchange_explicit(&l->word, 1, memory_order_acquire) == 0) {
            return;
        }
        if (round < 64) {
            os_pause();
        } else if (round < 96) {
            os_yield();
        } else {
            os_sleep(round < 128 ? 10000 : 100000);
        }
    }
}
