/* interp_mem.c - handlers of memory: pointers, package variables, captures, aggregates in frames,
 * elements of slices, arrays and strings.
 *
 * Script memory is touched only through cell.h and barrier.h. A pointer in a frame is either nil or
 * valid, so nil is the one check; a slice is one cell in the frame (private to the fiber), so its
 * length speaks of its pointer. Index panics are raised by cold handlers that read the operands
 * again from the frame, which no one else can change.
 */
#include "vm/interp.h"

#include "runtime/rtypes.h"
#include "vm/panic.h"
#include "vm/vm.h"

#define ADDR(slot, off) ((uint8_t *)(slot).p + (off))
#define CHECK_NIL(slot)                                                                            \
    if (UNLIKELY((slot).p == NULL)) {                                                              \
        COLD(cold_nil);                                                                            \
    }

/* --- loads and stores through pointers --- */

#define LOAD(name, expr)                                                                           \
    HANDLER(LOAD_##name)                                                                           \
    {                                                                                              \
        CHECK_NIL(RB);                                                                             \
        const uint8_t *m = ADDR(RB, pc->c);                                                        \
        RA.u = (uint64_t)(expr);                                                                   \
        NEXT(1);                                                                                   \
    }

LOAD(I8, (int64_t)(int8_t)mem_load8(m))
LOAD(U8, mem_load8(m))
LOAD(I16, (int64_t)(int16_t)mem_load16(m))
LOAD(U16, mem_load16(m))
LOAD(I32, (int64_t)(int32_t)mem_load32(m))
LOAD(U32, mem_load32(m))
LOAD(64, mem_load64(m))

HANDLER(LOAD_CELL)
{
    CHECK_NIL(RB);
    Cell v = cell_load(ADDR(RB, pc->c));
    cell_to_slots(&RA, v);
    NEXT(1);
}

/* Small aggregates go word by word: a vector load of slots that were just written one by one waits
 * for all of those stores. */
static inline void words_copy(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    for (; n >= 8; n -= 8, d += 8, s += 8) {
        mem_store64(d, mem_load64(s));
        __asm__ volatile(""); /* a loop, not memcpy */
    }
    for (; n > 0; n--) {
        mem_store8(d++, mem_load8(s++));
        __asm__ volatile("");
    }
}

#define SMALL_COPY 96

SLOW_HANDLER(slow_load_n)
{
    mem_copy(&RA, ADDR(RB, pc->c), (size_t)EXT_I(0));
    NEXT(2);
}

SLOW_HANDLER(slow_store_n)
{
    mem_copy(ADDR(RA, pc->c), &RB, (size_t)EXT_I(0));
    NEXT(2);
}

HANDLER(LOAD_N)
{
    CHECK_NIL(RB);
    size_t n = (size_t)EXT_I(0);
    if (UNLIKELY(n > SMALL_COPY)) {
        COLD(slow_load_n);
    }
    words_copy(&RA, ADDR(RB, pc->c), n);
    NEXT(2);
}

HANDLER(LOAD_T)
{
    CHECK_NIL(RB);
    rtype_load(EXT_TYPE(0), &RA, ADDR(RB, pc->c));
    NEXT(2);
}

#define STORE(name, expr)                                                                          \
    HANDLER(STORE_##name)                                                                          \
    {                                                                                              \
        CHECK_NIL(RA);                                                                             \
        uint8_t *m = ADDR(RA, pc->c);                                                              \
        expr;                                                                                      \
        NEXT(1);                                                                                   \
    }

STORE(8, mem_store8(m, (uint8_t)RB.u))
STORE(16, mem_store16(m, (uint16_t)RB.u))
STORE(32, mem_store32(m, (uint32_t)RB.u))
STORE(64, mem_store64(m, RB.u))

/* The barrier's C call stands in a handler of its own, so that the plain store needs no frame. */
#define BARRIER_ON() UNLIKELY(heap_cache(p)->barrier_on)

SLOW_HANDLER(slow_store_ptr)
{
    heap_store_ptr(p, ADDR(RA, pc->c), RB.p);
    NEXT(1);
}

SLOW_HANDLER(slow_store_cell)
{
    heap_store_cell(p, ADDR(RA, pc->c), cell_from_slots(&RB));
    NEXT(1);
}

SLOW_HANDLER(slow_store_iface)
{
    heap_store_iface(p, ADDR(RA, pc->c), cell_from_slots(&RB));
    NEXT(1);
}

HANDLER(STORE_PTR)
{
    CHECK_NIL(RA);
    if (BARRIER_ON()) {
        COLD(slow_store_ptr);
    }
    mem_store64(ADDR(RA, pc->c), RB.u);
    NEXT(1);
}

HANDLER(STORE_CELL)
{
    CHECK_NIL(RA);
    if (BARRIER_ON()) {
        COLD(slow_store_cell);
    }
    cell_store(ADDR(RA, pc->c), cell_from_slots(&RB));
    NEXT(1);
}

HANDLER(STORE_IFACE)
{
    CHECK_NIL(RA);
    if (BARRIER_ON()) {
        COLD(slow_store_iface);
    }
    cell_store(ADDR(RA, pc->c), cell_from_slots(&RB));
    NEXT(1);
}

HANDLER(STORE_N)
{
    CHECK_NIL(RA);
    if (UNLIKELY((size_t)EXT_I(0) > SMALL_COPY)) {
        COLD(slow_store_n);
    }
    words_copy(ADDR(RA, pc->c), &RB, (size_t)EXT_I(0));
    NEXT(2);
}

HANDLER(STORE_T)
{
    CHECK_NIL(RA);
    rtype_store(p, EXT_TYPE(0), ADDR(RA, pc->c), &RB);
    NEXT(2);
}

/* Read, compute, write: not atomic, as in Go. */
#define MEM_OP(name, field, expr)                                                                  \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        CHECK_NIL(RA);                                                                             \
        uint8_t *m = ADDR(RA, pc->c);                                                              \
        Slot v = {.u = mem_load64(m)};                                                             \
        v.field = (expr);                                                                          \
        mem_store64(m, v.u);                                                                       \
        NEXT(1);                                                                                   \
    }
MEM_OP(MEMADD_64, u, v.u + RB.u)
MEM_OP(MEMADDI_64, u, v.u + (uint64_t)IMMB)
MEM_OP(MEMADD_F64, f, v.f + RB.f)
MEM_OP(MEMSUB_F64, f, v.f - RB.f)

#define OP_MEM(name, op)                                                                           \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        CHECK_NIL(RC);                                                                             \
        Slot v = {.u = mem_load64(ADDR(RC, EXT_I(0)))};                                            \
        RA.f = RB.f op v.f;                                                                        \
        NEXT(2);                                                                                   \
    }
OP_MEM(ADDM_F64, +)
OP_MEM(SUBM_F64, -)
OP_MEM(MULM_F64, *)

HANDLER(SUBMM_F64)
{
    CHECK_NIL(RB);
    CHECK_NIL(RC);
    uint64_t off = (uint64_t)EXT_I(0);
    Slot x = {.u = mem_load64(ADDR(RB, off & 0xffff))}, y = {.u = mem_load64(ADDR(RC, off >> 16))};
    RA.f = x.f - y.f;
    NEXT(2);
}

HANDLER(LEA)
{
    CHECK_NIL(RB);
    RA.p = ADDR(RB, EXT_I(0));
    NEXT(2);
}

HANDLER(NILCHK)
{
    CHECK_NIL(RA);
    NEXT(1);
}

HANDLER(COPY_T)
{
    CHECK_NIL(RA);
    CHECK_NIL(RB);
    heap_copy(p, RA.p, RB.p, EXT_TYPE(0), 1);
    NEXT(2);
}

HANDLER(ZERO_T)
{
    CHECK_NIL(RA);
    heap_clear(p, RA.p, EXT_TYPE(0), 1);
    NEXT(2);
}

/* --- package variables --- */

#define GLOBAL() (((VmP *)p->vmdata)->globals + EXT_I(0))

HANDLER(GADDR)
{
    RA.p = GLOBAL();
    NEXT(2);
}

HANDLER(GLOAD_64)
{
    RA.u = mem_load64(GLOBAL());
    NEXT(2);
}

HANDLER(GLOAD_CELL)
{
    cell_to_slots(&RA, cell_load(GLOBAL()));
    NEXT(2);
}

HANDLER(GSTORE_64)
{
    mem_store64(GLOBAL(), RB.u);
    NEXT(2);
}

SLOW_HANDLER(slow_gstore_ptr)
{
    heap_store_ptr(p, GLOBAL(), RB.p);
    NEXT(2);
}

HANDLER(GSTORE_PTR)
{
    if (BARRIER_ON()) {
        COLD(slow_gstore_ptr);
    }
    mem_store64(GLOBAL(), RB.u);
    NEXT(2);
}

/* --- captures --- */

HANDLER(CAP_64)
{
    RA.u = mem_load64((const uint8_t *)fp[-2].p + pc->c);
    NEXT(1);
}

HANDLER(CAP_CELL)
{
    /* A closure's cells are never written after its birth and may lie 8-aligned. */
    const uint8_t *m = (const uint8_t *)fp[-2].p + pc->c;
    uint64_t lo = mem_load64(m), hi = mem_load64(m + 8);
    RA.u = lo;
    RA1.u = hi;
    NEXT(1);
}

HANDLER(CAP_N)
{
    mem_copy(&RA, (const uint8_t *)fp[-2].p + pc->c, (size_t)EXT_I(0));
    NEXT(2);
}

/* --- aggregates in the frame --- */

#define FLD(name, type)                                                                            \
    HANDLER(FLD_##name)                                                                            \
    {                                                                                              \
        type v;                                                                                    \
        __builtin_memcpy(&v, (const uint8_t *)&RB + pc->c, sizeof v);                              \
        RA.i = (int64_t)v;                                                                         \
        NEXT(1);                                                                                   \
    }
#define FSET(name, type)                                                                           \
    HANDLER(FSET_##name)                                                                           \
    {                                                                                              \
        type v = (type)RB.u;                                                                       \
        __builtin_memcpy((uint8_t *)&RA + pc->c, &v, sizeof v);                                    \
        NEXT(1);                                                                                   \
    }

FLD(I8, int8_t)
FLD(U8, uint8_t)
FLD(I16, int16_t)
FLD(U16, uint16_t)
FLD(I32, int32_t)
FLD(U32, uint32_t)
FSET(8, uint8_t)
FSET(16, uint16_t)
FSET(32, uint32_t)

/* A frame-form element in memory layout inside the frame. */
static inline void fidx_load(Slot *dst, const uint8_t *m, MemKind k, size_t size)
{
    switch (k) {
    case MEM_I8: dst->i = *(const int8_t *)m; break;
    case MEM_U8: dst->u = *m; break;
    case MEM_I16: { int16_t v; memcpy(&v, m, 2); dst->i = v; break; }
    case MEM_U16: { uint16_t v; memcpy(&v, m, 2); dst->u = v; break; }
    case MEM_I32: { int32_t v; memcpy(&v, m, 4); dst->i = v; break; }
    case MEM_U32: { uint32_t v; memcpy(&v, m, 4); dst->u = v; break; }
    case MEM_64: memcpy(dst, m, 8); break;
    case MEM_CELL: memmove(dst, m, 16); break;
    case MEM_N: memmove(dst, m, size); break;
    }
}

static inline void fidx_store(uint8_t *m, const Slot *src, MemKind k, size_t size)
{
    switch (k) {
    case MEM_I8: case MEM_U8: memcpy(m, src, 1); break;
    case MEM_I16: case MEM_U16: memcpy(m, src, 2); break;
    case MEM_I32: case MEM_U32: memcpy(m, src, 4); break;
    case MEM_64: memcpy(m, src, 8); break;
    case MEM_CELL: memmove(m, src, 16); break;
    case MEM_N: memmove(m, src, size); break;
    }
}

COLD_HANDLER(cold_fidx)
{
    uint64_t len = (uint64_t)EXT_I(0) >> 32;
    panic_index(p, fp, pc, RC.i, (int64_t)len);
    COLD(cold_panic_set);
}

HANDLER(FIDX)
{
    uint64_t x = (uint64_t)EXT_I(0);
    if (UNLIKELY(RC.u >= x >> 32)) {
        COLD(cold_fidx);
    }
    size_t size = x >> 8 & 0xffffff;
    fidx_load(&RA, (const uint8_t *)&RB + RC.u * size, (MemKind)(x & 0xff), size);
    NEXT(2);
}

HANDLER(FIDX_SET)
{
    uint64_t x = (uint64_t)EXT_I(0);
    if (UNLIKELY(RC.u >= x >> 32)) {
        COLD(cold_fidx);
    }
    size_t size = x >> 8 & 0xffffff;
    fidx_store((uint8_t *)&RA + RC.u * size, &RB, (MemKind)(x & 0xff), size);
    NEXT(2);
}

/* --- elements --- */

/* Index panics: c against the length in b's second slot (loads), b against a's (stores). */
COLD_HANDLER(cold_index_load)
{
    panic_index(p, fp, pc, RC.i, (int64_t)(uint32_t)RB1.u);
    COLD(cold_panic_set);
}

COLD_HANDLER(cold_index_store)
{
    panic_index(p, fp, pc, RB.i, (int64_t)(uint32_t)RA1.u);
    COLD(cold_panic_set);
}

COLD_HANDLER(cold_index_str)
{
    panic_index(p, fp, pc, RC.i, RB1.i);
    COLD(cold_panic_set);
}

#define SLEN(hi) ((uint64_t)(uint32_t)(hi).u)
#define ELEM(base, i, size) ((uint8_t *)(base).p + (i) * (uint64_t)(size))

HANDLER(SLICE_LEN)
{
    RA.u = SLEN(RB1);
    NEXT(1);
}

HANDLER(SLICE_CAP)
{
    RA.u = RB1.u >> 32;
    NEXT(1);
}

#define IDX(name, size, expr)                                                                      \
    HANDLER(IDX_##name)                                                                            \
    {                                                                                              \
        uint64_t i = RC.u;                                                                         \
        if (UNLIKELY(i >= SLEN(RB1))) {                                                            \
            COLD(cold_index_load);                                                                 \
        }                                                                                          \
        const uint8_t *m = ELEM(RB, i, size);                                                      \
        RA.u = (uint64_t)(expr);                                                                   \
        NEXT(1);                                                                                   \
    }

IDX(I8, 1, (int64_t)(int8_t)mem_load8(m))
IDX(U8, 1, mem_load8(m))
IDX(I16, 2, (int64_t)(int16_t)mem_load16(m))
IDX(U16, 2, mem_load16(m))
IDX(I32, 4, (int64_t)(int32_t)mem_load32(m))
IDX(U32, 4, mem_load32(m))
IDX(64, 8, mem_load64(m))

HANDLER(IDX_CELL)
{
    uint64_t i = RC.u;
    if (UNLIKELY(i >= SLEN(RB1))) {
        COLD(cold_index_load);
    }
    Cell v = cell_load(ELEM(RB, i, 16));
    cell_to_slots(&RA, v);
    NEXT(1);
}

HANDLER(IDX_T)
{
    const RType *t = EXT_TYPE(0);
    if (UNLIKELY(RC.u >= SLEN(RB1))) {
        COLD(cold_index_load);
    }
    rtype_load(t, &RA, ELEM(RB, RC.u, t->size));
    NEXT(2);
}

#define IDXS(name, size, store)                                                                    \
    HANDLER(IDXS_##name)                                                                           \
    {                                                                                              \
        uint64_t i = RB.u;                                                                         \
        if (UNLIKELY(i >= SLEN(RA1))) {                                                            \
            COLD(cold_index_store);                                                                \
        }                                                                                          \
        store(ELEM(RA, i, size), RC.u);                                                            \
        NEXT(1);                                                                                   \
    }

IDXS(8, 1, mem_store8)
IDXS(16, 2, mem_store16)
IDXS(32, 4, mem_store32)
IDXS(64, 8, mem_store64)

#define IDX_OP(name, operand)                                                                      \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        uint64_t i = RB.u;                                                                         \
        if (UNLIKELY(i >= SLEN(RA1))) {                                                            \
            COLD(cold_index_store);                                                                \
        }                                                                                          \
        uint8_t *m = ELEM(RA, i, 8);                                                               \
        mem_store64(m, mem_load64(m) + (operand));                                                 \
        NEXT(1);                                                                                   \
    }
IDX_OP(IDXADD_64, RC.u)
IDX_OP(IDXADDI_64, (uint64_t)IMMC)

COLD_HANDLER(cold_index_swap)
{
    panic_index(p, fp, pc, RB.u >= SLEN(RA1) ? RB.i : RC.i, (int64_t)SLEN(RA1));
    COLD(cold_panic_set);
}

HANDLER(IDX_SWAP)
{
    uint64_t n = SLEN(RA1), i = RB.u, k = RC.u;
    if (UNLIKELY(i >= n || k >= n)) {
        COLD(cold_index_swap);
    }
    uint8_t *x = ELEM(RA, i, 8), *y = ELEM(RA, k, 8);
    uint64_t v = mem_load64(x);
    mem_store64(x, mem_load64(y));
    mem_store64(y, v);
    NEXT(1);
}

COLD_HANDLER(cold_index_row)
{
    Cell row = cell_load(ELEM(RB, RC.u, 16));
    Slot s[2];
    cell_to_slots(s, row);
    panic_index(p, fp, pc, fp[(uint16_t)EXT_I(0)].i, (int64_t)SLEN(s[1]));
    COLD(cold_panic_set);
}

HANDLER(IDX2_64)
{
    uint64_t i = RC.u, k = fp[(uint16_t)EXT_I(0)].u;
    if (UNLIKELY(i >= SLEN(RB1))) {
        COLD(cold_index_load);
    }
    Slot s[2];
    cell_to_slots(s, cell_load(ELEM(RB, i, 16)));
    if (UNLIKELY(k >= SLEN(s[1]))) {
        COLD(cold_index_row);
    }
    RA.u = mem_load64(ELEM(s[0], k, 8));
    NEXT(2);
}

SLOW_HANDLER(slow_idxs_ptr)
{
    heap_store_ptr(p, ELEM(RA, RB.u, 8), RC.p);
    NEXT(1);
}

SLOW_HANDLER(slow_idxs_cell)
{
    heap_store_cell(p, ELEM(RA, RB.u, 16), cell_from_slots(&RC));
    NEXT(1);
}

SLOW_HANDLER(slow_idxs_iface)
{
    heap_store_iface(p, ELEM(RA, RB.u, 16), cell_from_slots(&RC));
    NEXT(1);
}

HANDLER(IDXS_PTR)
{
    uint64_t i = RB.u;
    if (UNLIKELY(i >= SLEN(RA1))) {
        COLD(cold_index_store);
    }
    if (BARRIER_ON()) {
        COLD(slow_idxs_ptr);
    }
    mem_store64(ELEM(RA, i, 8), RC.u);
    NEXT(1);
}

HANDLER(IDXS_CELL)
{
    uint64_t i = RB.u;
    if (UNLIKELY(i >= SLEN(RA1))) {
        COLD(cold_index_store);
    }
    if (BARRIER_ON()) {
        COLD(slow_idxs_cell);
    }
    cell_store(ELEM(RA, i, 16), cell_from_slots(&RC));
    NEXT(1);
}

HANDLER(IDXS_IFACE)
{
    uint64_t i = RB.u;
    if (UNLIKELY(i >= SLEN(RA1))) {
        COLD(cold_index_store);
    }
    if (BARRIER_ON()) {
        COLD(slow_idxs_iface);
    }
    cell_store(ELEM(RA, i, 16), cell_from_slots(&RC));
    NEXT(1);
}

HANDLER(IDXS_T)
{
    const RType *t = EXT_TYPE(0);
    if (UNLIKELY(RB.u >= SLEN(RA1))) {
        COLD(cold_index_store);
    }
    rtype_store(p, t, ELEM(RA, RB.u, t->size), &RC);
    NEXT(2);
}

HANDLER(IDX_ADDR)
{
    uint64_t i = RC.u;
    if (UNLIKELY(i >= SLEN(RB1))) {
        COLD(cold_index_load);
    }
    RA.p = ELEM(RB, i, EXT_I(0));
    NEXT(2);
}

COLD_HANDLER(cold_index_array)
{
    panic_index(p, fp, pc, RC.i, (int64_t)((uint64_t)EXT_I(0) >> 32));
    COLD(cold_panic_set);
}

HANDLER(IDXP_ADDR)
{
    uint64_t x = (uint64_t)EXT_I(0), i = RC.u;
    CHECK_NIL(RB);
    if (UNLIKELY(i >= x >> 32)) {
        COLD(cold_index_array);
    }
    RA.p = ELEM(RB, i, (uint32_t)x);
    NEXT(2);
}

COLD_HANDLER(cold_bounds)
{
    panic_index(p, fp, pc, RA.i, EXT_I(0));
    COLD(cold_panic_set);
}

HANDLER(BOUNDS)
{
    if (UNLIKELY(RA.u >= (uint64_t)EXT_I(0))) {
        COLD(cold_bounds);
    }
    NEXT(2);
}

HANDLER(STR_IDX)
{
    uint64_t i = RC.u;
    if (UNLIKELY(i >= RB1.u)) {
        COLD(cold_index_str);
    }
    RA.u = ((const uint8_t *)RB.p)[i];
    NEXT(1);
}

/* --- slicing --- */

enum { CUT_LO = 1, CUT_HI = 2, CUT_MAX = 4 };

/* a = base[lo:hi:max]; what is not given is 0, len and cap. An empty result of capacity 0 keeps the
 * base pointer, so that it never points past its object. */
static inline bool cut(Slot *dst, uint8_t *base, uint64_t len, uint64_t cap, const Slot *bounds,
                       uint64_t flags, uint64_t size)
{
    uint64_t lo = flags & CUT_LO ? bounds[0].u : 0;
    uint64_t hi = flags & CUT_HI ? bounds[1].u : len;
    uint64_t max = flags & CUT_MAX ? bounds[2].u : cap;
    if (UNLIKELY(max > cap || hi > max || lo > hi)) {
        return false;
    }
    dst[0].p = max == lo ? base : base + lo * size;
    dst[1].u = (hi - lo) | (max - lo) << 32;
    return true;
}

COLD_HANDLER(cold_slice)
{
    panic_slice(p, &RC, (unsigned)EXT_I(0) & 63, (int64_t)SLEN(RB1), (int64_t)(RB1.u >> 32), 0);
    COLD(cold_panic_set);
}

HANDLER(SLICE)
{
    uint64_t x = (uint64_t)EXT_I(0);
    if (UNLIKELY(!cut(&RA, RB.p, SLEN(RB1), RB1.u >> 32, &RC, x & 7, x >> 8))) {
        COLD(cold_slice);
    }
    NEXT(2);
}

COLD_HANDLER(cold_slice_str)
{
    panic_slice(p, &RC, (unsigned)EXT_I(0) & 63, RB1.i, RB1.i, 1);
    COLD(cold_panic_set);
}

HANDLER(SLICE_STR)
{
    uint64_t x = (uint64_t)EXT_I(0), len = RB1.u;
    uint64_t lo = x & CUT_LO ? RC.u : 0, hi = x & CUT_HI ? RC1.u : len;
    if (UNLIKELY(hi > len || lo > hi)) {
        COLD(cold_slice_str);
    }
    const uint8_t *s = RB.p;
    RA.p = (void *)(lo == hi ? s : s + lo);
    RA1.u = hi - lo;
    NEXT(2);
}

COLD_HANDLER(cold_slice_arr)
{
    panic_slice(p, &RC, (unsigned)EXT_I(0) & 63, EXT_I(1), EXT_I(1), 1);
    COLD(cold_panic_set);
}

HANDLER(SLICE_ARR)
{
    uint64_t x = (uint64_t)EXT_I(0), n = (uint64_t)EXT_I(1);
    CHECK_NIL(RB);
    if (UNLIKELY(n > SLICE_MAX || !cut(&RA, RB.p, n, n, &RC, x & 7, x >> 8))) {
        COLD(cold_slice_arr);
    }
    NEXT(3);
}

COLD_HANDLER(cold_to_array)
{
    panic_text(p, "cannot convert slice with length %lld to array or pointer to array with length "
               "%lld", (long long)SLEN(RB1), (long long)EXT_I(0));
    COLD(cold_panic_set);
}

HANDLER(SLICE_TO_ARR)
{
    if (UNLIKELY(SLEN(RB1) < (uint64_t)EXT_I(0))) {
        COLD(cold_to_array);
    }
    RA.p = RB.p;
    NEXT(2);
}
