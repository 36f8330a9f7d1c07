/* barrier.h - the one way by which a pointer gets into the heap.
 *
 * Hybrid barrier (deletion + insertion): while the collector marks (HeapCache.barrier_on) the
 * pointer that is overwritten and the one that is stored are both shaded, so a stack is scanned
 * once. Today the collector stops the world and barrier_on is never set outside of tests; the
 * stores are in place so that nothing above changes when it marks concurrently.
 *
 * Words and cells are stored with one access each (cell.h). A type that holds pointers is copied
 * only by heap_copy, which moves cell by cell (or word by word where the type has no cells: then
 * its alignment is 8) and so never tears a value, and handles overlap.
 * Frames and C stacks need no barrier.
 */
#ifndef GOL_RUNTIME_BARRIER_H
#define GOL_RUNTIME_BARRIER_H

#include "runtime/heap.h"

/* mark.c: shades what old and new point at, if anything. */
void heap_shade(struct P *p, const void *old, const void *new_ptr);
void heap_shade_iface(struct P *p, Cell old, Cell new_cell);
/* Shades all that n values of type t at dst hold (deletion) and, unless NULL, at src. */
void heap_shade_range(struct P *p, const void *dst, const void *src, const RType *t, size_t n);

/* A pointer, map, chan or func. */
static inline void heap_store_ptr(struct P *p, void *slot, const void *v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade(p, mem_loadp(slot), v);
    }
    mem_store64(slot, (uint64_t)(uintptr_t)v);
}

/* A string or slice. */
static inline void heap_store_cell(struct P *p, void *dst, Cell v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade(p, mem_loadp(dst), (const void *)(uintptr_t)v[0]);
    }
    cell_store(dst, v);
}

/* An interface value. */
static inline void heap_store_iface(struct P *p, void *dst, Cell v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade_iface(p, cell_load(dst), v);
    }
    cell_store(dst, v);
}

/* Atomics on pointer words (sync/atomic): shade first, then do the operation. */
static inline void heap_before_atomic(struct P *p, void *slot, const void *v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade(p, mem_loadp(slot), v);
    }
}

/* n values of type t from src to dst; both in memory form, aligned as t demands. One
 * side may be a frame (8-aligned; small integers excepted, which stand extended there). */
void heap_copy(struct P *p, void *dst, const void *src, const RType *t, size_t n);

/* The value of type t from frame slots (8-aligned, memory layout) to the heap, and back. */
void heap_store_slots(struct P *p, void *dst, const Slot *src, const RType *t);
void heap_load_slots(Slot *dst, const void *src, const RType *t);

/* n values of type t at dst become zero. */
void heap_clear(struct P *p, void *dst, const RType *t, size_t n);

/* Without barrier: for memory that was just allocated and that nobody else has seen. */
void heap_copy_fresh(void *dst, const void *src, const RType *t, size_t n);

#endif
