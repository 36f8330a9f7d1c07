/* atomic.c - sync/atomic for calls that the code generator does not turn into an opcode.
 *
 * All operations are sequentially consistent. The methods of the integer types share the functions'
 * code: their receiver is the address. A pointer word gets its barrier before the operation
 * (heap_before_atomic); what is stored is shaded too, so the order of the two does not matter.
 *
 * Interface cells (Value, sync.Map) are read by one 16-byte load. Their compare-and-swap takes one
 * of a few process-wide spin locks, chosen by address: writers exclude each other, readers need
 * no lock. The section is a few instructions and never parks or allocates.
 */
#include "runtime/barrier.h"
#include "runtime/cell.h"
#include "runtime/lock.h"
#include "runtime/native.h"
#include "runtime/proc.h"
#include "runtime/rtype.h"
#include "stdlib/sync/atomic/cellcas.h"

static NativeStatus nil_address(P *p)
{
    return native_panic_error(p, "invalid memory address or nil pointer dereference");
}

#define SEQ __ATOMIC_SEQ_CST

/* T's seven operations; slots hold the value extended to 64 bits by the conversion from T. */
#define INT_OPS(T, tag)                                                                            \
    static NativeStatus load_##tag(P *p, Slot *fp)                                                 \
    {                                                                                              \
        T *at = fp[1].p;                                                                           \
        if (!at) {                                                                                 \
            return nil_address(p);                                                                 \
        }                                                                                          \
        fp[0].i = (int64_t)__atomic_load_n(at, SEQ);                                               \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus store_##tag(P *p, Slot *fp)                                                \
    {                                                                                              \
        T *at = fp[0].p;                                                                           \
        if (!at) {                                                                                 \
            return nil_address(p);                                                                 \
        }                                                                                          \
        __atomic_store_n(at, (T)fp[1].u, SEQ);                                                     \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus add_##tag(P *p, Slot *fp)                                                  \
    {                                                                                              \
        T *at = fp[1].p;                                                                           \
        if (!at) {                                                                                 \
            return nil_address(p);                                                                 \
        }                                                                                          \
        fp[0].i = (int64_t)__atomic_add_fetch(at, (T)fp[2].u, SEQ);                                \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus swap_##tag(P *p, Slot *fp)                                                 \
    {                                                                                              \
        T *at = fp[1].p;                                                                           \
        if (!at) {                                                                                 \
            return nil_address(p);                                                                 \
        }                                                                                          \
        fp[0].i = (int64_t)__atomic_exchange_n(at, (T)fp[2].u, SEQ);                               \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus cas_##tag(P *p, Slot *fp)                                                  \
    {                                                                                              \
        T *at = fp[1].p;                                                                           \
        T expected = (T)fp[2].u;                                                                   \
        if (!at) {                                                                                 \
            return nil_address(p);                                                                 \
        }                                                                                          \
        fp[0].u = __atomic_compare_exchange_n(at, &expected, (T)fp[3].u, false, SEQ, SEQ);         \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus and_##tag(P *p, Slot *fp)                                                  \
    {                                                                                              \
        T *at = fp[1].p;                                                                           \
        if (!at) {                                                                                 \
            return nil_address(p);                                                                 \
        }                                                                                          \
        fp[0].i = (int64_t)__atomic_fetch_and(at, (T)fp[2].u, SEQ);                                \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus or_##tag(P *p, Slot *fp)                                                   \
    {                                                                                              \
        T *at = fp[1].p;                                                                           \
        if (!at) {                                                                                 \
            return nil_address(p);                                                                 \
        }                                                                                          \
        fp[0].i = (int64_t)__atomic_fetch_or(at, (T)fp[2].u, SEQ);                                 \
        return NATIVE_OK;                                                                          \
    }

INT_OPS(int32_t, i32)
INT_OPS(uint32_t, u32)
INT_OPS(int64_t, i64)
INT_OPS(uint64_t, u64)

static NativeStatus store_ptr(P *p, Slot *fp)
{
    if (!fp[0].p) {
        return nil_address(p);
    }
    heap_before_atomic(p, fp[0].p, fp[1].p);
    return store_u64(p, fp);
}

static NativeStatus swap_ptr(P *p, Slot *fp)
{
    if (!fp[1].p) {
        return nil_address(p);
    }
    heap_before_atomic(p, fp[1].p, fp[2].p);
    return swap_u64(p, fp);
}

static NativeStatus cas_ptr(P *p, Slot *fp)
{
    if (!fp[1].p) {
        return nil_address(p);
    }
    heap_before_atomic(p, fp[1].p, fp[3].p);
    return cas_u64(p, fp);
}

/* ---- interface cells ---- */

#define CELL_LOCKS 64
static SpinLock cell_locks[CELL_LOCKS];

NativeStatus atomic_cell_load(P *p, Slot *fp)
{
    if (!fp[2].p) {
        return nil_address(p);
    }
    cell_to_slots(fp, cell_load(fp[2].p));
    __atomic_thread_fence(SEQ);
    return NATIVE_OK;
}

NativeStatus atomic_cell_cas(P *p, Slot *fp)
{
    void *at = fp[1].p;
    if (!at) {
        return nil_address(p);
    }
    Cell old = cell_from_slots(fp + 2);
    Cell new_cell = cell_from_slots(fp + 4);
    SpinLock *lock = &cell_locks[((uintptr_t)at >> 4) % CELL_LOCKS];
    lock_acquire(lock);
    Cell now = cell_load(at);
    bool same = now[0] == old[0] && now[1] == old[1];
    if (same) {
        __atomic_thread_fence(SEQ);
        heap_store_iface(p, at, new_cell);
        __atomic_thread_fence(SEQ);
    }
    lock_release(lock);
    fp[0].u = same;
    return NATIVE_OK;
}

static NativeStatus same_type(P *p, Slot *fp)
{
    fp[0].u = rtype_same(fp[1].p, fp[3].p);
    return NATIVE_OK;
}

#define A "sync/atomic"
#define INT_DEFS(N, t, tag)                                                                        \
    {A, "Load" N, "func(addr *" t ") " t, "reads *addr", load_##tag},                              \
    {A, "Store" N, "func(addr *" t ", val " t ")", "writes *addr", store_##tag},                   \
    {A, "Add" N, "func(addr *" t ", delta " t ") " t, "adds to *addr", add_##tag},                 \
    {A, "Swap" N, "func(addr *" t ", new " t ") " t, "exchanges *addr", swap_##tag},               \
    {A, "CompareAndSwap" N, "func(addr *" t ", old, new " t ") bool",                              \
     "writes *addr if it is old", cas_##tag},                                                      \
    {A, "And" N, "func(addr *" t ", mask " t ") " t, "clears bits of *addr", and_##tag},           \
    {A, "Or" N, "func(addr *" t ", mask " t ") " t, "sets bits of *addr", or_##tag},               \
    {A, "(*" N ").Load", "func() " t, "reads the value", load_##tag},                              \
    {A, "(*" N ").Store", "func(val " t ")", "writes the value", store_##tag},                     \
    {A, "(*" N ").Add", "func(delta " t ") " t, "adds to the value", add_##tag},                   \
    {A, "(*" N ").Swap", "func(new " t ") " t, "exchanges the value", swap_##tag},                 \
    {A, "(*" N ").CompareAndSwap", "func(old, new " t ") bool",                                    \
     "writes the value if it is old", cas_##tag},                                                  \
    {A, "(*" N ").And", "func(mask " t ") " t, "clears bits of the value", and_##tag},             \
    {A, "(*" N ").Or", "func(mask " t ") " t, "sets bits of the value", or_##tag}

#define UP "unsafe.Pointer"

const NativeDef natives_sync_atomic[] = {
    INT_DEFS("Int32", "int32", i32),
    INT_DEFS("Uint32", "uint32", u32),
    INT_DEFS("Int64", "int64", i64),
    INT_DEFS("Uint64", "uint64", u64),
    INT_DEFS("Uintptr", "uintptr", u64),
    {A, "LoadPointer", "func(addr *" UP ") " UP, "reads *addr", load_u64},
    {A, "StorePointer", "func(addr *" UP ", val " UP ")", "writes *addr", store_ptr},
    {A, "SwapPointer", "func(addr *" UP ", new " UP ") " UP, "exchanges *addr", swap_ptr},
    {A, "CompareAndSwapPointer", "func(addr *" UP ", old, new " UP ") bool",
     "writes *addr if it is old", cas_ptr},
    {A, "cellLoad", "func(addr *any) any", "reads an interface whole", atomic_cell_load},
    {A, "cellCompareAndSwap", "func(addr *any, old, new any) bool",
     "writes an interface if its words are old's", atomic_cell_cas},
    {A, "sameType", "func(a, b any) bool", "compares dynamic types", same_type},
    {0},
};
