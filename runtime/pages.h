/* pages.h - the process's reservation of address space, cut into 8 KB pages. See pages.c. */
#ifndef GOL_RUNTIME_PAGES_H
#define GOL_RUNTIME_PAGES_H

#include "runtime/heap.h"

/* Constant after the first pages_init. Any thread reads them. */
extern uintptr_t pages_base;
extern uintptr_t pages_size;       /* bytes reserved */
extern struct Span **pages_map;    /* span of each page, NULL if free */

bool pages_init(void);

/* n pages; *zeroed tells whether they are known to be zero. NULL when the reservation or the
 * system's memory is exhausted. */
void *pages_alloc(size_t n, bool *zeroed);
void pages_free(void *base, size_t n);
/* Gives free pages back to the system until at most keep bytes of free ones are resident, but not
 * (much) more than `most` bytes at a time. True: there is more to give. */
bool pages_release(uint64_t keep, uint64_t most);
/* Bytes of free pages that are resident (about), and that were released. */
uint64_t pages_idle(void);
uint64_t pages_reserved_top(void); /* bytes ever made usable: HeapSys */

/* The span that holds an address, NULL if none. Loads the map with acquire. */
static inline struct Span *pages_span(const void *ptr)
{
    uintptr_t off = (uintptr_t)ptr - pages_base;
    if (off >= pages_size) {
        return NULL;
    }
    return __atomic_load_n(&pages_map[off >> HEAP_PAGE_SHIFT], __ATOMIC_ACQUIRE);
}

/* Enters s (or NULL) for n pages from base. */
void pages_set_span(void *base, size_t n, struct Span *s);

#endif
