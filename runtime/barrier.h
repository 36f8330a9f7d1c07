/* barrier.h - the one way by which a pointer gets into the heap.
 *
 * A deletion barrier: while the collector marks (HeapCache.barrier_on) a pointer that is about to be
 * overwritten is shaded first (T. Yuasa, "Real-time garbage collection on general-purpose machines",
 * 1990). With it everything that was reachable when marking began gets marked, provided that
 * whoever runs holds only pointers that come from there or from new objects, which are born black.
 * Go's hybrid barrier (A. Clements and R. Hudson, proposal 17503) also shades the stored pointer
 * while the storing goroutine's stack is grey. Here no goroutine ever runs with a grey stack: who
 * takes a fiber to run it scans it before (vmheap.c), so that half is never needed. What takes
 * pointers from elsewhere shades by itself: values from a parked sender's frame (chan.c), what C
 * structures let go of (heap_shade_root: timers, roots, finalizers' queue), weak pointers made
 * strong (finalizer.c).
 *
 * Words and cells are stored with one access each (cell.h). A type that holds pointers is copied
 * only by heap_copy, which moves cell by cell (or word by word where the type has no cells: then
 * its alignment is 8) and so never tears a value, and handles overlap.
 * Frames and C stacks need no barrier.
 */
#ifndef GOL_RUNTIME_BARRIER_H
#define GOL_RUNTIME_BARRIER_H

#include "runtime/heap.h"

/* While barrier_on: shades what an overwritten pointer, interface, n values of type t pointed at. */
void heap_shade(struct P *p, const void *old);
void heap_shade_iface(struct P *p, Cell old);
void heap_shade_range(struct P *p, const void *dst, const RType *t, size_t n);
/* What a C structure held and holds no longer: it may have been the only root. Any time. */
void heap_shade_root(struct P *p, const void *ptr);
/* A value in another fiber's frame, which is about to lose it. */
void heap_shade_frame(struct P *p, const Slot *src, const RType *t);

/* A pointer, map, chan or func. */
static inline void heap_store_ptr(struct P *p, void *slot, const void *v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade(p, mem_loadp(slot));
    }
    mem_store64(slot, (uint64_t)(uintptr_t)v);
}

/* A string or slice. */
static inline void heap_store_cell(struct P *p, void *dst, Cell v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade(p, mem_loadp(dst));
    }
    cell_store(dst, v);
}

/* An interface value. */
static inline void heap_store_iface(struct P *p, void *dst, Cell v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade_iface(p, cell_load(dst));
    }
    cell_store(dst, v);
}

/* Atomics on pointer words (sync/atomic): shade first, then store v. */
static inline void heap_before_atomic(struct P *p, void *slot, const void *v)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade(p, mem_loadp(slot));
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
