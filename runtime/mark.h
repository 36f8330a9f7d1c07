/* mark.h - what a root scanner may do with a Marker. See mark.c. */
#ifndef GOL_RUNTIME_MARK_H
#define GOL_RUNTIME_MARK_H

#include "runtime/heap.h"

enum { MARK_PREFETCH = 8 };

typedef struct Marker {
    Heap *heap;
    uint8_t **stack;      /* objects of scan spans, marked, not yet scanned */
    size_t depth, cap;
    bool overflow;        /* the stack could not grow: rescan marked objects */
    unsigned head, waiting;
    uint8_t *ring[MARK_PREFETCH]; /* addresses whose mark bits are on their way to the cache */
    uint64_t bytes, objects;
} Marker;

/* Any address: inside an object of this heap it marks it, else it is ignored. */
void mark_ptr(Marker *m, const void *ptr);
/* The slot holds a pointer. */
static inline void mark_slot_ptr(Marker *m, const Slot *slot) { mark_ptr(m, slot->p); }
/* Two slots that hold an interface. */
void mark_iface(Marker *m, const RType *type, const void *word);
/* n values of type t side by side at base (globals, arenas, C structures). */
void mark_range(Marker *m, const void *base, const RType *t, size_t n);
/* Conservatively: every aligned word that is an address in the heap. Test mode only. */
void mark_words(Marker *m, const void *from, const void *to);
/* Scans until nothing is grey. */
void mark_drain(Marker *m);

#endif
