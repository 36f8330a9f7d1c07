/* slice.h - slices: {pointer, u32 length, u32 capacity} in one cell (D8).
 *
 * A slice cut to capacity 0 keeps its base pointer. Capacities after append are Go's (its growth
 * rule and the sizes its allocator rounds to), because programs print them. Failing calls return
 * false with an OpError pending.
 */
#ifndef GOL_RUNTIME_SLICE_H
#define GOL_RUNTIME_SLICE_H

#include "runtime/barrier.h"

/* make([]E, len, cap). */
bool slice_make(struct P *p, const RType *elem, int64_t len, int64_t cap, Slice *out);

/* Room for add more elements: s with a capacity >= len + add, same length, elements copied if it
 * moved. Never writes to the old array. */
bool slice_grow(struct P *p, const RType *elem, Slice s, uint64_t add, Slice *out);

/* append(s, src[0..n)...): src in memory form; may be part of s. */
bool slice_append(struct P *p, const RType *elem, Slice s, const void *src, uint64_t n,
                  Slice *out);
/* append(s, v) with v in frame form. */
bool slice_append_slots(struct P *p, const RType *elem, Slice s, const Slot *v, Slice *out);

/* copy(dst, src); returns the number of elements. */
int64_t slice_copy(struct P *p, const RType *elem, Slice dst, Slice src);

/* The capacity that append gives (exposed for tests): old capacity, needed length. */
uint64_t slice_next_cap(const RType *elem, uint64_t old_cap, uint64_t need);
/* What Go's allocator would round size up to. */
uint64_t slice_round_size(uint64_t size, bool noscan);

#endif
