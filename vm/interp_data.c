/* interp_data.c - handlers that make and take apart values: slices, strings, heap objects, maps,
 * interfaces.
 *
 * Allocation never collects (heap.h), so nothing here saves the fiber's state; an exhausted heap
 * gives NULL and the handler leaves by cold_no_memory. Failing runtime calls leave their reason in
 * the P (op_take), which cold_op_error turns into a panic or a fatal error. The common forms
 * (append within capacity, integer and string maps, direct interfaces) stay in the handler.
 */
#include "vm/interp.h"

#include "runtime/iface.h"
#include "runtime/map.h"
#include "runtime/rtypes.h"
#include "runtime/slice.h"
#include "runtime/string.h"
#include "vm/panic.h"
#include "vm/vm.h"

static inline Slice slot_to_slice(const Slot *s)
{
    return (Slice){s[0].p, (uint32_t)s[1].u, (uint32_t)(s[1].u >> 32)};
}

static inline void slice_to_slot(Slot *s, Slice v)
{
    s[0].p = v.ptr;
    s[1].u = v.len | (uint64_t)v.cap << 32;
}

static inline String slot_to_string(const Slot *s) { return (String){s[0].p, s[1].i}; }

static inline void string_to_slot(Slot *s, String v)
{
    s[0].p = (void *)v.ptr;
    s[1].i = v.len;
}

static inline bool op_failed(P *p) { return UNLIKELY(heap_cache(p)->op_error != OP_OK); }

/* --- slices --- */

/* Where C functions answer through a pointer, a function of its own has the local: gcc makes no
 * sibling call out of a handler whose locals are known elsewhere. */
static inline bool make_slice(P *p, const Insn *pc, Slot *fp)
{
    Slice s;
    if (UNLIKELY(!slice_make(p, EXT_TYPE(0), RB.i, RC.i, &s))) {
        return false;
    }
    slice_to_slot(&RA, s);
    return true;
}

HANDLER(MAKE_SLICE)
{
    if (UNLIKELY(!make_slice(p, pc, fp))) {
        COLD(cold_op_error);
    }
    NEXT(2);
}

/* Only a length that no memory can have is refused: what stands at the pointer is the script's word. */
static inline bool unsafe_cut(P *p, const Insn *pc, Slot *fp)
{
    bool string = EXT_I(0) & 1;
    uint64_t size = string ? 1 : (uint64_t)EXT_I(0) >> 1, len = RC.u, at = RB.u, bytes;
    uint64_t most = string ? INT64_MAX : UINT32_MAX;
    if (len > most || __builtin_mul_overflow(len, size, &bytes) || (at && bytes > -at)) {
        op_fail(p, string ? OP_UNSAFE_STRING_LEN : OP_UNSAFE_SLICE_LEN, NULL);
        return false;
    }
    if (!at && len) {
        op_fail(p, string ? OP_UNSAFE_STRING_NIL : OP_UNSAFE_SLICE_NIL, NULL);
        return false;
    }
    (&RA)[0].u = at;
    (&RA)[1].u = string ? len : len | len << 32;
    return true;
}

HANDLER(UNSAFE_CUT)
{
    if (UNLIKELY(!unsafe_cut(p, pc, fp))) {
        COLD(cold_op_error);
    }
    NEXT(2);
}

static inline bool append_values(P *p, const Insn *pc, Slot *fp)
{
    const RType *t = EXT_TYPE(0);
    uint64_t n = (uint64_t)EXT_I(1);
    Slice s = slot_to_slice(&RB), r;
    const Slot *v = &RC;
    if (UNLIKELY(!slice_grow(p, t, s, n, &r))) {
        return false;
    }
    for (uint64_t i = 0, step = slots_for(t->size); i < n; i++) {
        rtype_store(p, t, r.ptr + (r.len + i) * t->size, v + i * step);
    }
    r.len += (uint32_t)n;
    slice_to_slot(&RA, r);
    return true;
}

HANDLER(APPEND)
{
    if (UNLIKELY(!append_values(p, pc, fp))) {
        COLD(cold_op_error);
    }
    NEXT(3);
}

static inline bool append_slots(P *p, const Insn *pc, Slot *fp)
{
    Slice r;
    if (UNLIKELY(!slice_append_slots(p, EXT_TYPE(0), slot_to_slice(&RB), &RC, &r))) {
        return false;
    }
    slice_to_slot(&RA, r);
    return true;
}

SLOW_HANDLER(slow_append)
{
    if (UNLIKELY(!append_slots(p, pc, fp))) {
        COLD(cold_op_error);
    }
    NEXT(2);
}

HANDLER(APPEND_64)
{
    uint64_t lc = RB1.u;
    uint32_t len = (uint32_t)lc;
    if (UNLIKELY(len >= lc >> 32)) {
        COLD(slow_append);
    }
    uint8_t *base = RB.p;
    mem_store64(base + (uint64_t)len * 8, RC.u);
    RA.p = base;
    RA1.u = lc + 1;
    NEXT(2);
}

HANDLER(APPEND_8)
{
    uint64_t lc = RB1.u;
    uint32_t len = (uint32_t)lc;
    if (UNLIKELY(len >= lc >> 32)) {
        COLD(slow_append);
    }
    uint8_t *base = RB.p;
    mem_store8(base + len, (uint8_t)RC.u);
    RA.p = base;
    RA1.u = lc + 1;
    NEXT(2);
}

static inline bool append_bytes(P *p, const Insn *pc, Slot *fp, const void *from, uint64_t n)
{
    Slice r;
    if (UNLIKELY(!slice_append(p, EXT_TYPE(0), slot_to_slice(&RB), from, n, &r))) {
        return false;
    }
    slice_to_slot(&RA, r);
    return true;
}

HANDLER(APPEND_SLICE)
{
    Slice add = slot_to_slice(&RC);
    if (UNLIKELY(!append_bytes(p, pc, fp, add.ptr, add.len))) {
        COLD(cold_op_error);
    }
    NEXT(2);
}

HANDLER(APPEND_STR)
{
    String s = slot_to_string(&RC);
    if (UNLIKELY(!append_bytes(p, pc, fp, s.ptr, (uint64_t)s.len))) {
        COLD(cold_op_error);
    }
    NEXT(2);
}

HANDLER(COPY)
{
    RA.i = slice_copy(p, EXT_TYPE(0), slot_to_slice(&RB), slot_to_slice(&RC));
    NEXT(2);
}

HANDLER(COPY_STR)
{
    Slice dst = slot_to_slice(&RB);
    String src = slot_to_string(&RC);
    int64_t n = src.len < (int64_t)dst.len ? src.len : (int64_t)dst.len;
    mem_move(dst.ptr, src.ptr, (size_t)n);
    RA.i = n;
    NEXT(1);
}

HANDLER(CLEAR_SLICE)
{
    Slice s = slot_to_slice(&RA);
    if (s.len != 0) {
        heap_clear(p, s.ptr, EXT_TYPE(0), s.len);
    }
    NEXT(2);
}

/* --- strings --- */

#define STRING_RESULT(expr, words)                                                                 \
    do {                                                                                           \
        String res = (expr);                                                                       \
        if (op_failed(p)) {                                                                        \
            COLD(cold_op_error);                                                                   \
        }                                                                                          \
        string_to_slot(&RA, res);                                                                  \
        NEXT(words);                                                                               \
    } while (0)

HANDLER(CONCAT)
{
    STRING_RESULT(string_concat_slots(p, &RB, pc->c), 1);
}

HANDLER(BYTES_STR)
{
    STRING_RESULT(string_from_bytes(p, slot_to_slice(&RB)), 1);
}

HANDLER(RUNES_STR)
{
    STRING_RESULT(string_from_runes(p, slot_to_slice(&RB)), 1);
}

HANDLER(RUNE_STR)
{
    STRING_RESULT(string_from_rune(p, RB.i), 1);
}

HANDLER(STR_BYTES)
{
    Slice s = string_to_bytes(p, slot_to_string(&RB));
    if (op_failed(p)) {
        COLD(cold_op_error);
    }
    slice_to_slot(&RA, s);
    NEXT(2);
}

HANDLER(STR_RUNES)
{
    Slice s = string_to_runes(p, slot_to_string(&RB));
    if (op_failed(p)) {
        COLD(cold_op_error);
    }
    slice_to_slot(&RA, s);
    NEXT(2);
}

SLOW_HANDLER(slow_str_next)
{
    {
        unsigned size; /* its scope ends before the sibling call */
        uint64_t i = RC.u, n = RB1.u;
        const uint8_t *s = RB.p;
        RA.i = utf8_decode_slow(s + i, n - i, &size);
        RA1.u = i + size;
    }
    NEXT(1);
}

HANDLER(STR_NEXT)
{
    uint64_t i = RC.u;
    uint8_t b = mem_load8((const uint8_t *)RB.p + i);
    if (UNLIKELY(b >= 0x80)) {
        COLD(slow_str_next);
    }
    RA.u = b;
    RA1.u = i + 1;
    NEXT(1);
}

/* --- heap objects --- */

HANDLER(NEW)
{
    void *obj = heap_alloc(p, EXT_TYPE(0), 1);
    if (UNLIKELY(obj == NULL)) {
        COLD(cold_no_memory);
    }
    RA.p = obj;
    NEXT(2);
}

HANDLER(CLOSURE)
{
    const RType *t = EXT_TYPE(1);
    uint8_t *env = heap_alloc(p, t, 1);
    if (UNLIKELY(env == NULL)) {
        COLD(cold_no_memory);
    }
    size_t off = t->align > 8 ? 16 : 8;
    mem_store64(env, (uint64_t)(uintptr_t)op_ext_ptr(pc, 0));
    mem_copy(env + off, &RB, (size_t)pc->c * 8);
    mem_publish(env);
    RA.p = env;
    NEXT(3);
}

/* --- maps --- */

/* A map key in memory form: cells and aggregates are as they stand in the frame, narrow integers
 * lie in the slot's low bytes (little-endian hosts only, as the bytecode). */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "keys are read in place");

HANDLER(MAP_NEW)
{
    void *m = map_new(p, EXT_TYPE(0), RB.i);
    if (UNLIKELY(m == NULL)) {
        COLD(cold_op_error);
    }
    RA.p = m;
    NEXT(2);
}

static inline void zero_slots(Slot *s, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        s[i].u = 0;
    }
}

/* A key as the maps take it, in memory form or frame form, which differ for huge ones only. */
static inline const void *key_at(const RType *t, const Slot *s)
{
    return UNLIKELY(rtype_key(t)->size >= HUGE_SIZE) ? s->p : (const void *)s;
}

HANDLER(MAP_GET)
{
    const RType *t = EXT_TYPE(0), *et = rtype_elem(t);
    const void *e = map_get(p, RB.p, t, key_at(t, &RC));
    if (e != NULL) {
        if (UNLIKELY(!rtype_load_any(p, et, &RA, e))) {
            COLD(cold_no_memory);
        }
        NEXT(2);
    }
    if (op_failed(p)) {
        COLD(cold_op_error);
    }
    zero_slots(&RA, slots_for(et->size));
    NEXT(2);
}

HANDLER(MAP_GET2)
{
    const RType *t = EXT_TYPE(0), *et = rtype_elem(t);
    uint32_t n = slots_for(et->size);
    const void *e = map_get(p, RB.p, t, key_at(t, &RC));
    Slot *dst = &RA;
    if (e != NULL) {
        if (UNLIKELY(!rtype_load_any(p, et, dst, e))) {
            COLD(cold_no_memory);
        }
        dst[n].u = 1;
        NEXT(2);
    }
    if (op_failed(p)) {
        COLD(cold_op_error);
    }
    zero_slots(dst, n + 1);
    NEXT(2);
}

HANDLER(MAP_SET)
{
    const RType *t = EXT_TYPE(0);
    void *e = map_put(p, RA.p, t, key_at(t, &RB));
    if (UNLIKELY(e == NULL)) {
        COLD(cold_op_error);
    }
    rtype_store(p, rtype_elem(t), e, &RC);
    NEXT(2);
}

HANDLER(MAP_DEL)
{
    if (UNLIKELY(!map_delete(p, RA.p, EXT_TYPE(0), key_at(EXT_TYPE(0), &RB))) && op_failed(p)) {
        COLD(cold_op_error);
    }
    NEXT(2);
}

HANDLER(MAP_LEN)
{
    RA.i = map_len(RB.p);
    NEXT(1);
}

HANDLER(MAP_CLEAR)
{
    if (UNLIKELY(!map_clear(p, RA.p, EXT_TYPE(0))) && op_failed(p)) {
        COLD(cold_op_error);
    }
    NEXT(2);
}

#define MAP_GET_WORD(expr)                                                                         \
    do {                                                                                           \
        const void *e = (expr);                                                                    \
        if (LIKELY(e != NULL)) {                                                                   \
            RA.u = mem_load64(e);                                                                  \
            NEXT(2);                                                                               \
        }                                                                                          \
        if (op_failed(p)) {                                                                        \
            COLD(cold_op_error);                                                                   \
        }                                                                                          \
        RA.u = 0;                                                                                  \
        NEXT(2);                                                                                   \
    } while (0)

HANDLER(MAP_GET_I64)
{
    MAP_GET_WORD(map_get_i64(p, RB.p, RC.u));
}

HANDLER(MAP_GET_STR)
{
    MAP_GET_WORD(map_get_str(p, RB.p, slot_to_string(&RC)));
}

/* The element may be a pointer: the barrier is a test that costs nothing beside the lookup. */
#define MAP_SET_WORD(expr, value)                                                                  \
    do {                                                                                           \
        void *e = (expr);                                                                          \
        if (UNLIKELY(e == NULL)) {                                                                 \
            COLD(cold_op_error);                                                                   \
        }                                                                                          \
        heap_store_ptr(p, e, (value).p);                                                           \
        NEXT(2);                                                                                   \
    } while (0)

HANDLER(MAP_SET_I64)
{
    MAP_SET_WORD(map_put_64(p, RA.p, EXT_TYPE(0), RB.u), RC);
}

HANDLER(MAP_SET_STR)
{
    MAP_SET_WORD(map_put_str(p, RA.p, EXT_TYPE(0), slot_to_string(&RB)), RC);
}

HANDLER(MAP_ITER)
{
    MapIter *it = heap_alloc(p, vm_state(p->vm)->iter_type, 1);
    if (UNLIKELY(it == NULL)) {
        COLD(cold_no_memory);
    }
    map_iter_init(p, it, RB.p, EXT_TYPE(0));
    RA.p = it;
    NEXT(2);
}

/* 0: at the end, or failed; -1: no memory. */
static inline int map_next(P *p, const Insn *pc, Slot *fp)
{
    const RType *t = EXT_TYPE(0);
    const void *k, *e;
    if (!map_iter_next(p, RA.p, &k, &e)) {
        return 0;
    }
    if (pc->b != 0xffff && !rtype_load_any(p, rtype_key(t), &RB, k)) {
        return -1;
    }
    if (pc->c != 0xffff && !rtype_load_any(p, rtype_elem(t), &RC, e)) {
        return -1;
    }
    return 1;
}

HANDLER(MAP_NEXT)
{
    int found = map_next(p, pc, fp);
    if (UNLIKELY(found < 0)) {
        COLD(cold_no_memory);
    }
    if (!found) {
        if (op_failed(p)) {
            COLD(cold_op_error);
        }
        TAKE(3 + EXT_I(1));
    }
    NEXT(3);
}

/* --- interfaces --- */

static inline bool make_iface(P *p, const Insn *pc, Slot *fp)
{
    const RType *t = EXT_TYPE(0);
    bool ok;
    Slot w = iface_box_slots(p, t, &RB, &ok);
    if (LIKELY(ok)) {
        RA.p = (void *)t;
        RA1 = w;
    }
    return ok;
}

HANDLER(MKIFACE)
{
    if (UNLIKELY(!make_iface(p, pc, fp))) {
        COLD(cold_no_memory);
    }
    NEXT(2);
}

HANDLER(MKIFACE_D)
{
    Slot w = RB;
    RA.p = (void *)EXT_TYPE(0);
    RA1 = w;
    NEXT(2);
}

HANDLER(UNBOX)
{
    iface_unbox_slots(EXT_TYPE(0), RB1, &RA);
    NEXT(2);
}

static inline bool same_type(const Slot *iface, const RType *t)
{
    return iface[0].p == t || rtype_same(iface[0].p, t);
}

COLD_HANDLER(cold_assert)
{
    panic_assert(p, RB.p, EXT_TYPE(0), EXT_TYPE(1));
    COLD(cold_panic_set);
}

HANDLER(ASSERT)
{
    const RType *t = EXT_TYPE(0);
    if (UNLIKELY(!same_type(&RB, t))) {
        COLD(cold_assert);
    }
    iface_unbox_slots(t, RB1, &RA);
    NEXT(3);
}

HANDLER(ASSERT2)
{
    const RType *t = EXT_TYPE(0);
    uint32_t n = slots_for(t->size);
    Slot w = RB1, *dst = &RA;
    if (!same_type(&RB, t)) {
        zero_slots(dst, n + 1);
        NEXT(2);
    }
    iface_unbox_slots(t, w, dst);
    dst[n].u = 1;
    NEXT(2);
}

HANDLER(ASSERT_I)
{
    const RType *dyn = RB.p;
    if (UNLIKELY(dyn == NULL || !iface_implements(p, dyn, EXT_TYPE(0)))) {
        COLD(cold_assert);
    }
    Slot w = RB1;
    RA.p = (void *)dyn;
    RA1 = w;
    NEXT(3);
}

HANDLER(ASSERT_I2)
{
    const RType *dyn = RB.p;
    Slot w = RB1, *dst = &RA;
    bool ok = dyn != NULL && iface_implements(p, dyn, EXT_TYPE(0));
    dst[0].p = ok ? (void *)dyn : NULL;
    dst[1].u = ok ? w.u : 0;
    dst[2].u = ok;
    NEXT(2);
}

HANDLER(JTYPE)
{
    if (same_type(&RA, EXT_TYPE(0))) {
        TAKE(2 + (int16_t)pc->c);
    }
    NEXT(2);
}

HANDLER(JNTYPE)
{
    if (!same_type(&RA, EXT_TYPE(0))) {
        TAKE(2 + (int16_t)pc->c);
    }
    NEXT(2);
}

HANDLER(JIMPL)
{
    if (RA.p != NULL && iface_implements(p, RA.p, EXT_TYPE(0))) {
        TAKE(2 + (int16_t)pc->c);
    }
    NEXT(2);
}

HANDLER(JNIMPL)
{
    if (RA.p == NULL || !iface_implements(p, RA.p, EXT_TYPE(0))) {
        TAKE(2 + (int16_t)pc->c);
    }
    NEXT(2);
}

HANDLER(EQ_IFACE)
{
    Iface x = {RB.p, RB1}, y = {RC.p, RC1};
    bool eq = iface_equal(p, x, y);
    if (UNLIKELY(!eq) && op_failed(p)) {
        COLD(cold_op_error);
    }
    RA.u = eq;
    NEXT(1);
}

HANDLER(EQ_T)
{
    bool eq = rtype_equal(p, EXT_TYPE(0), &RB, &RC);
    if (UNLIKELY(!eq) && op_failed(p)) {
        COLD(cold_op_error);
    }
    RA.u = eq;
    NEXT(2);
}

HANDLER(EQ_MEM)
{
    if (UNLIKELY(RB.p == NULL || RC.p == NULL)) {
        COLD(cold_nil);
    }
    bool eq = rtype_equal(p, EXT_TYPE(0), RB.p, RC.p);
    if (UNLIKELY(!eq) && op_failed(p)) {
        COLD(cold_op_error);
    }
    RA.u = eq;
    NEXT(2);
}
