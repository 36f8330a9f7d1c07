/* mark.h - a Marker: what one P marks with, and what a root scanner may do with it. See mark.c. */
#ifndef GOL_RUNTIME_MARK_H
#define GOL_RUNTIME_MARK_H

#include "runtime/heap.h"

enum { MARK_PREFETCH = 8, MARK_PIECE = 16 << 10 /* bytes of a large object scanned at a time */ };

struct WorkBlock;
struct CheckMark;

typedef struct Marker {
    Heap *heap;
    struct P *p;                  /* whose it is; NULL in a check */
    struct WorkBlock *block;      /* grey objects of this P; NULL at first */
    struct CheckMark *check;      /* gccheckmark: bits beside the mark bits; else NULL */
    bool published;               /* a block went to the heap's stack: idle Ps could help */
    uint64_t bytes, objects;      /* greyed and not yet flushed to the heap's counters */
    uint64_t work;                /* bytes scanned, the same */
    uint64_t stack_bytes, global_bytes;
} Marker;

/* Any address: inside an object of this heap it marks it, else it is ignored. */
void mark_ptr(Marker *m, const void *ptr);
/* The slot holds a pointer. */
static inline void mark_slot_ptr(Marker *m, const Slot *slot) { mark_ptr(m, mem_peekp(slot)); }
/* Two slots that hold an interface. */
void mark_iface(Marker *m, const RType *type, const void *word);
/* n values of type t side by side at base (arenas, C structures). */
void mark_range(Marker *m, const void *base, const RType *t, size_t n);
/* Words [from, to) of one value of type t; from is a multiple of 32. For large values in pieces. */
void mark_part(Marker *m, const void *base, const RType *t, uint32_t from, uint32_t to);
/* Conservatively: every aligned word that is an address in the heap. Test mode only. */
void mark_words(Marker *m, const void *from, const void *to);

/* Scans grey objects until `budget` bytes are done or, true, no grey object is to be had. */
bool mark_drain(Marker *m, uint64_t budget);

#endif
