/* heapshim.h - what the heap's unit tests need of a VM: a P that is nothing but a cache, a root
 * array, and types built by hand. */
#ifndef GOL_TESTS_HEAPSHIM_H
#define GOL_TESTS_HEAPSHIM_H

#include "runtime/finalizer.h"
#include "runtime/map.h"
#include "runtime/mark.h"
#include "runtime/rtypes.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHECK(x)                                                                                  \
    do {                                                                                          \
        if (!(x)) {                                                                               \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                               \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

static Heap test_heap;
static HeapCache test_cache;
static struct P *const P0 = (struct P *)(void *)&test_cache;
static void *test_roots[64];
static _Atomic unsigned test_requests, test_fatals, test_ready;

static void shim_request(struct P *p) { test_requests++; }
static void shim_fatal(struct P *p, const char *msg) { test_fatals++; }
static void shim_ready(struct P *p) { test_ready++; }
static void shim_roots(Heap *h, Marker *m, uint32_t job)
{
    for (unsigned i = 0; i < 64; i++) {
        mark_ptr(m, test_roots[i]);
    }
}
static uint64_t shim_rand(struct P *p)
{
    static _Atomic uint64_t x = 88172645463325252ull;
    return atomic_fetch_add(&x, 0x9e3779b97f4a7c15ull);
}
static const HeapHooks shim_hooks = {.request_gc = shim_request, .scan_roots = shim_roots,
                                     .finalizers_ready = shim_ready, .fatal = shim_fatal,
                                     .rand = shim_rand};

static inline void shim_open(void)
{
    CHECK(heap_init(&test_heap, &shim_hooks, NULL));
    test_heap.checkmark = true;
    heap_cache_init(&test_heap, P0);
}

static inline void shim_close(void)
{
    heap_free_all(&test_heap);
    CHECK(atomic_load(&test_heap.span_bytes) == 0);
}

/* Collects if the heap asked for it: the safepoint. */
static inline void shim_poll(void)
{
    if (gc_wanted(P0)) {
        gc_run(P0, false);
    }
}

static inline RType *shim_type(unsigned kind, uint64_t size, uint8_t align, const char *map,
                               unsigned flags)
{
    uint8_t kinds[64] = {0};
    for (unsigned i = 0; map[i]; i++) {
        kinds[i] = (uint8_t)(map[i] - '0');
    }
    RType *t = rtype_build("T", size, align, kinds);
    t->kind = (uint8_t)kind;
    t->flags = (uint8_t)(flags | (t->gc_words ? 0 : RT_NOPTR));
    return t;
}

static inline RType *shim_int(void)
{
    return shim_type(RK_INT, 8, 8, "0", RT_DIRECT | RT_PLAIN_EQ | RT_COMPARABLE);
}
static inline RType *shim_string(void)
{
    return shim_type(RK_STRING, 16, 16, "10", RT_COMPARABLE);
}
static inline RType *shim_any(void) { return shim_type(RK_INTERFACE, 16, 16, "23", 0); }

static inline void shim_link(RelPtr *at, const void *target)
{
    at->off = (int64_t)((uintptr_t)target - (uintptr_t)at);
}
static inline RType *shim_map(const RType *key, const RType *elem)
{
    RType *t = shim_type(RK_MAP, 8, 8, "1", RT_DIRECT | RT_HAS_WORD_PTR);
    shim_link(&t->key, key);
    shim_link(&t->elem, elem);
    return t;
}

static inline double shim_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

#endif
