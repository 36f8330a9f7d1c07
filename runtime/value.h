/* value.h - how script values stand in frames and in memory.
 *
 * A value has one layout wherever it stands (D1). A frame is a window of 8-byte slots; memory is
 * bytes. The rules that the code generator, the VM, the heap and every native share:
 *
 *   scalar   bool, ints, floats, pointers, maps, chans, funcs: one slot. Integers narrower than 64
 *            bits stand sign- or zero-extended to 64 bits; bool is 0 or 1; float32 stands as its
 *            32 bits, zero-extended. In memory they take their own width (int8 1 byte ...).
 *   cell     string, slice, interface: two adjacent slots; in memory 16 bytes, 16-aligned, moved
 *            with one 16-byte access (D8). Frames are 8-aligned only: nobody else reads a frame.
 *   complex  complex128: two slots {re, im}, 16 bytes 8-aligned; complex64: one slot {f32, f32}.
 *   struct,  their memory layout, size rounded up to whole slots. A field that fills its slot can
 *   array    be used in place as a register.
 *   huge     a struct or array of HUGE_SIZE bytes or more: one slot, a pointer to a copy on the heap
 *            that nobody writes again. So a frame stays small, and passing one costs a word; who
 *            changes one (a variable) has a copy of its own in a box. A channel's elements are
 *            smaller (Go's own limit), so no huge value waits in a parked frame.
 *
 * Maps, chans and funcs are one pointer (nil is 0). A func value points at a Closure whose first
 * word is its Func, or at a static Func, whose first word is NULL (see vm/unit.h).
 * An interface word holds a scalar of up to 8 bytes itself (the slot form), anything else a pointer
 * to an immutable copy on the heap. RT_DIRECT in the type tells which.
 */
#ifndef GOL_RUNTIME_VALUE_H
#define GOL_RUNTIME_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef union Slot {
    int64_t i;
    uint64_t u;
    double f;
    float f32;
    void *p;
} Slot;

struct RType;

/* The three cells. Stored 16-aligned in memory; these C types claim 8 so that they fit frames. */
typedef struct String {
    const uint8_t *ptr;
    int64_t len;
} String;

typedef struct Slice {
    uint8_t *ptr;
    uint32_t len;
    uint32_t cap;
} Slice;

typedef struct Iface {
    const struct RType *type; /* dynamic type; NULL is the nil interface */
    Slot word;
} Iface;

_Static_assert(sizeof(Slot) == 8, "a slot is 8 bytes");
_Static_assert(sizeof(String) == 16 && sizeof(Slice) == 16 && sizeof(Iface) == 16, "cells are 16");

/* Largest slice length: a length is 32 bits (D8). */
#define SLICE_MAX 0xffffffffu

#define HUGE_SIZE 65536u

/* Slots that a value of SIZE bytes takes in a frame. */
static inline uint32_t slots_for(uint64_t size)
{
    return size >= HUGE_SIZE ? 1 : (uint32_t)((size + 7) / 8);
}

#define STR_LIT(s) ((String){(const uint8_t *)(s), sizeof(s) - 1})

#endif
