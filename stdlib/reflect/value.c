/* value.c - natives of reflect: values.
 *
 * All take *ref arguments, which are complete by construction (reflect.h); nil ones are refused by
 * the gol side, and asserted here. Cells and words of variables are loaded once and checked as that
 * one copy. Whether an operation is allowed (kind, settable, assignable) is value.gol's business
 * where a mistake is a wrong panic; what memory safety needs is checked again here.
 */
#include "stdlib/reflect/reflect.h"

static const RType *ref_type;
static pthread_once_t ref_once = PTHREAD_ONCE_INIT;

static void make_ref_type(void)
{
    static const uint8_t kinds[] = {GCW_IFACE_TYPE, GCW_IFACE_WORD, GCW_SCALAR, GCW_PTR,
                                    GCW_SCALAR, GCW_SCALAR};
    ref_type = rtype_build("reflect.ref", sizeof(Ref), 16, kinds);
}

Ref *ref_new(struct P *p, Iface held, const RType *t, void *at, uint64_t flags)
{
    pthread_once(&ref_once, make_ref_type);
    Ref *r = ref_type ? heap_alloc(p, ref_type, 1) : NULL;
    if (r) {
        r->held = held;
        r->type = t;
        r->at = at ? at : (uint8_t *)&r->held.word;
        r->flags = flags;
    }
    return r;
}

Ref *ref_of(struct P *p, Iface v, uint64_t flags)
{
    if (!v.type) {
        return NULL;
    }
    return ref_new(p, v, v.type, v.type->flags & RT_DIRECT ? NULL : v.word.p, flags);
}

Ref *ref_copy(struct P *p, const RType *t, const void *src, uint64_t flags)
{
    bool ok = true;
    if (t->kind == RK_INTERFACE) {
        void *cell = heap_alloc(p, t, 1);
        if (!cell) {
            return NULL;
        }
        cell_store(cell, cell_load(src));
        return ref_new(p, (Iface){0}, t, cell, flags);
    }
    Slot word = iface_box(p, t, src, &ok);
    return ok ? ref_of(p, (Iface){t, word}, flags) : NULL;
}

Iface ref_iface(struct P *p, const Ref *r)
{
    if (r->type->kind == RK_INTERFACE) {
        return cell_iface(cell_load(r->at));
    }
    if (r->held.type == r->type) {
        return r->held;
    }
    bool ok = true;
    Slot word = iface_box(p, r->type, r->at, &ok);
    return ok ? (Iface){r->type, word} : (Iface){0};
}

static bool is_kind(const Ref *r, RKind kind) { return r->type->kind == kind; }
static uint64_t ro_flags(const Ref *r) { return r->flags & (REF_RO | REF_EMBED_RO); }

static NativeStatus n_ref_of(struct P *p, Slot *fp)
{
    fp[0].p = ref_of(p, slot_iface(fp + 1), 0);
    return NATIVE_OK;
}

static NativeStatus n_ref_iface(struct P *p, Slot *fp)
{
    slot_set_iface(fp, ref_iface(p, fp[2].p));
    return NATIVE_OK;
}

/* func(t *rtype, flags uintptr) *ref: a zero value. */
static NativeStatus n_ref_zero(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    void *at = heap_alloc(p, t, 1);
    fp[0].p = at ? ref_new(p, (Iface){0}, t, at, fp[2].u & REF_ADDR) : NULL;
    return NATIVE_OK;
}

/* func(r *ref, t *rtype, flags uintptr) *ref: a copy seen as another type of the same shape. */
static NativeStatus n_ref_as(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    const RType *t = fp[2].p;
    if (t->kind != r->type->kind || t->size != r->type->size) {
        return native_panic_plain(p, "reflect: conversion between types of different shapes");
    }
    fp[0].p = ref_copy(p, t, r->at, fp[3].u & 3);
    return NATIVE_OK;
}

/* func(r *ref, flags uintptr) *ref: the same variable with other permission bits. */
static NativeStatus n_ref_flags(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    fp[0].p = ref_new(p, r->held, r->type, r->at == (const uint8_t *)&r->held.word ? NULL : r->at,
                      (fp[2].u & ~(uint64_t)REF_ADDR) | (r->flags & REF_ADDR));
    return NATIVE_OK;
}

/* func(r *ref, t *rtype) *ref: the value as interface type t; its methods were checked. */
static NativeStatus n_ref_to_iface(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    const RType *t = fp[2].p;
    Iface v = ref_iface(p, r);
    if (t->kind != RK_INTERFACE || (v.type && !iface_implements(p, v.type, t))) {
        return native_panic_plain(p, "reflect: value does not implement the interface");
    }
    void *cell = heap_alloc(p, t, 1);
    if (cell) {
        cell_store(cell, cell_of_iface(v));
        fp[0].p = ref_new(p, (Iface){0}, t, cell, ro_flags(r));
    }
    return NATIVE_OK;
}

/* func(r *ref) *ref: what a pointer or an interface holds, nil if that is nil. */
static NativeStatus n_ref_elem(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    if (is_kind(r, RK_INTERFACE)) {
        fp[0].p = ref_of(p, cell_iface(cell_load(r->at)), ro_flags(r));
    } else if (is_kind(r, RK_POINTER)) {
        void *at = mem_loadp(r->at);
        fp[0].p = at ? ref_new(p, (Iface){0}, rtype_elem(r->type), at, ro_flags(r) | REF_ADDR)
                     : NULL;
    }
    return NATIVE_OK;
}

/* func(r *ref, ptrType *rtype) *ref: a pointer to the variable. */
static NativeStatus n_ref_addr(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    const RType *t = fp[2].p;
    if (!(r->flags & REF_ADDR) || t->kind != RK_POINTER || !rtype_same(rtype_elem(t), r->type)) {
        return native_panic_plain(p, "reflect.Value.Addr of unaddressable value");
    }
    fp[0].p = ref_of(p, (Iface){t, {.p = r->at}}, ro_flags(r));
    return NATIVE_OK;
}

static NativeStatus n_ref_field(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    uint64_t i = fp[2].u;
    if (!is_kind(r, RK_STRUCT) || i >= r->type->count) {
        return native_panic_plain(p, "reflect: Field index out of range");
    }
    const RField *f = rtype_fields(r->type) + i;
    const RType *t = rel_get(&f->type);
    uint64_t flags = r->flags & (REF_ADDR | REF_RO);
    if (rel_get(&f->pkg)) {
        flags |= f->embedded & 1 ? REF_EMBED_RO : REF_RO;
    }
    if (r->at == (const uint8_t *)&r->held.word) {
        fp[0].p = ref_copy(p, t, r->at + f->offset, flags);
    } else {
        fp[0].p = ref_new(p, (Iface){0}, t, r->at + f->offset, flags);
    }
    return NATIVE_OK;
}

/* func(r *ref, i int) (*ref, bool): an element of a slice or array. */
static NativeStatus n_ref_index(struct P *p, Slot *fp)
{
    const Ref *r = fp[2].p;
    uint64_t i = fp[3].u, flags = ro_flags(r);
    const RType *e = rtype_elem(r->type);
    if (is_kind(r, RK_SLICE)) {
        Slice s = cell_slice(cell_load(r->at));
        if (i < s.len) {
            fp[0].p = ref_new(p, (Iface){0}, e, s.ptr + i * e->size, flags | REF_ADDR);
            fp[1].u = 1;
        }
    } else if (is_kind(r, RK_ARRAY) && i < r->type->count) {
        fp[0].p = ref_new(p, (Iface){0}, e, r->at + i * e->size, flags | (r->flags & REF_ADDR));
        fp[1].u = 1;
    }
    return NATIVE_OK;
}

/* ---- scalars ---- */

static NativeStatus n_get_word(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    if (r->type->flags & RT_DIRECT) {
        rtype_load(r->type, fp, r->at);
    }
    return NATIVE_OK;
}

static NativeStatus n_get_float(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    Slot s = {.u = 0};
    if (is_kind(r, RK_FLOAT32)) {
        s.u = mem_load32(r->at);
        fp[0].f = (double)s.f32;
    } else if (is_kind(r, RK_FLOAT64)) {
        fp[0].u = mem_load64(r->at);
    }
    return NATIVE_OK;
}

static NativeStatus n_get_complex(struct P *p, Slot *fp)
{
    const Ref *r = fp[2].p;
    if (is_kind(r, RK_COMPLEX64)) {
        float part[2];
        mem_copy(part, r->at, 8);
        fp[0].f = (double)part[0];
        fp[1].f = (double)part[1];
    } else if (is_kind(r, RK_COMPLEX128)) {
        mem_copy(fp, r->at, 16);
    }
    return NATIVE_OK;
}

static NativeStatus n_get_string(struct P *p, Slot *fp)
{
    const Ref *r = fp[2].p;
    if (is_kind(r, RK_STRING)) {
        cell_to_slots(fp, cell_load(r->at));
    }
    return NATIVE_OK;
}

static NativeStatus n_get_bytes(struct P *p, Slot *fp)
{
    const Ref *r = fp[2].p;
    const RType *e = rtype_elem(r->type);
    if (!e || e->size != 1) {
        return NATIVE_OK;
    }
    if (is_kind(r, RK_SLICE)) {
        cell_to_slots(fp, cell_load(r->at));
    } else if (is_kind(r, RK_ARRAY) && r->type->count <= SLICE_MAX) {
        uint32_t n = (uint32_t)r->type->count;
        slot_set_slice(fp, (Slice){r->at, n, n});
    }
    return NATIVE_OK;
}

static NativeStatus n_set_word(struct P *p, Slot *fp)
{
    const Ref *r = fp[0].p;
    if (r->flags & REF_ADDR && r->type->kind >= RK_BOOL && r->type->kind <= RK_UINTPTR) {
        rtype_store(p, r->type, r->at, fp + 1);
    }
    return NATIVE_OK;
}

static NativeStatus n_set_float(struct P *p, Slot *fp)
{
    const Ref *r = fp[0].p;
    if (r->flags & REF_ADDR && is_kind(r, RK_FLOAT64)) {
        mem_store64(r->at, fp[1].u);
    } else if (r->flags & REF_ADDR && is_kind(r, RK_FLOAT32)) {
        Slot s = {.u = 0};
        s.f32 = (float)fp[1].f;
        mem_store32(r->at, (uint32_t)s.u);
    }
    return NATIVE_OK;
}

static NativeStatus n_set_complex(struct P *p, Slot *fp)
{
    const Ref *r = fp[0].p;
    if (r->flags & REF_ADDR && is_kind(r, RK_COMPLEX128)) {
        mem_copy(r->at, fp + 1, 16);
    } else if (r->flags & REF_ADDR && is_kind(r, RK_COMPLEX64)) {
        float part[2] = {(float)fp[1].f, (float)fp[2].f};
        mem_copy(r->at, part, 8);
    }
    return NATIVE_OK;
}

static NativeStatus n_set_string(struct P *p, Slot *fp)
{
    const Ref *r = fp[0].p;
    if (r->flags & REF_ADDR && is_kind(r, RK_STRING)) {
        heap_store_cell(p, r->at, cell_from_slots(fp + 1));
    }
    return NATIVE_OK;
}

/* func(dst, src *ref): the same type, or types of one underlying type. */
static NativeStatus n_assign(struct P *p, Slot *fp)
{
    const Ref *dst = fp[0].p, *src = fp[1].p;
    if (!(dst->flags & REF_ADDR) || dst->type->kind != src->type->kind ||
        dst->type->size != src->type->size) {
        return native_panic_plain(p, "reflect.Set: value is not assignable");
    }
    heap_copy(p, dst->at, src->at, dst->type, 1);
    return NATIVE_OK;
}

static NativeStatus n_clear(struct P *p, Slot *fp)
{
    const Ref *r = fp[0].p;
    if (r->flags & REF_ADDR) {
        heap_clear(p, r->at, r->type, 1);
    }
    return NATIVE_OK;
}

static bool all_zero(const Ref *r)
{
    for (uint64_t i = 0; i < r->type->size; i++) {
        if (mem_load8(r->at + i)) {
            return false;
        }
    }
    return true;
}

static NativeStatus n_is_zero(struct P *p, Slot *fp)
{
    fp[0].u = all_zero(fp[1].p);
    return NATIVE_OK;
}

static NativeStatus n_equal(struct P *p, Slot *fp)
{
    const Ref *a = fp[1].p, *b = fp[2].p;
    fp[0].u = rtype_same(a->type, b->type) && rtype_equal(p, a->type, a->at, b->at);
    const RType *bad;
    if (op_take(p, &bad) != OP_OK) {
        return native_panic_error(p, "comparing uncomparable type %.*s",
                                  (int)rtype_string(bad).len,
                                  (const char *)rtype_string(bad).ptr);
    }
    return NATIVE_OK;
}

static NativeStatus n_is_nil(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    if (is_kind(r, RK_SLICE)) {
        fp[0].u = cell_slice(cell_load(r->at)).ptr == NULL;
    } else {
        fp[0].u = mem_loadp(r->at) == NULL;
    }
    return NATIVE_OK;
}

static NativeStatus n_pointer(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    fp[0].p = r->type->size >= 8 ? mem_loadp(r->at) : NULL;
    return NATIVE_OK;
}

static NativeStatus n_address(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    fp[0].p = r->at;
    return NATIVE_OK;
}

/* ---- slices, strings ---- */

static NativeStatus n_len(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    switch (r->type->kind) {
    case RK_STRING: fp[0].i = cell_string(cell_load(r->at)).len; break;
    case RK_SLICE: fp[0].i = cell_slice(cell_load(r->at)).len; break;
    case RK_ARRAY: fp[0].i = (int64_t)r->type->count; break;
    case RK_MAP: fp[0].i = map_len(mem_loadp(r->at)); break;
    case RK_CHAN: fp[0].i = chan_len(mem_loadp(r->at)); break;
    default: break;
    }
    return NATIVE_OK;
}

static NativeStatus n_cap(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    switch (r->type->kind) {
    case RK_SLICE: fp[0].i = cell_slice(cell_load(r->at)).cap; break;
    case RK_ARRAY: fp[0].i = (int64_t)r->type->count; break;
    case RK_CHAN: fp[0].i = chan_cap(mem_loadp(r->at)); break;
    default: break;
    }
    return NATIVE_OK;
}

static Ref *slice_ref(struct P *p, const RType *t, Slice s, uint64_t flags)
{
    _Alignas(16) Cell c = cell_of_slice(s);
    return ref_copy(p, t, &c, flags);
}

/* func(r *ref, t *rtype, i, j, k int) *ref: r[i:j:k] as type t; nil if out of range. */
static NativeStatus n_slice(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    const RType *t = fp[2].p;
    uint64_t i = fp[3].u, j = fp[4].u, k = fp[5].u;
    Slice s = {0};
    if (is_kind(r, RK_STRING)) {
        String str = cell_string(cell_load(r->at));
        if (i <= j && j <= (uint64_t)str.len) {
            _Alignas(16) Cell c = cell_of_string((String){str.ptr + i, (int64_t)(j - i)});
            fp[0].p = ref_copy(p, r->type, &c, ro_flags(r));
        }
        return NATIVE_OK;
    }
    if (is_kind(r, RK_SLICE)) {
        s = cell_slice(cell_load(r->at));
    } else if (is_kind(r, RK_ARRAY) && r->flags & REF_ADDR && r->type->count <= SLICE_MAX) {
        s = (Slice){r->at, (uint32_t)r->type->count, (uint32_t)r->type->count};
    }
    const RType *e = rtype_elem(r->type);
    if (t->kind == RK_SLICE && rtype_same(e, rtype_elem(t)) && i <= j && j <= k && k <= s.cap) {
        uint8_t *at = k > i ? s.ptr + i * e->size : s.ptr;
        fp[0].p = slice_ref(p, t, (Slice){at, (uint32_t)(j - i), (uint32_t)(k - i)}, ro_flags(r));
    }
    return NATIVE_OK;
}

/* func(r *ref, t *rtype) *ref: the slice as a pointer of type t to its first elements. */
static NativeStatus n_array(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    const RType *t = fp[2].p, *array = rtype_elem(t);
    Slice s = is_kind(r, RK_SLICE) ? cell_slice(cell_load(r->at)) : (Slice){0};
    if (t->kind != RK_POINTER || array->kind != RK_ARRAY || array->count > s.len ||
        !rtype_same(rtype_elem(array), rtype_elem(r->type))) {
        return native_panic_plain(p, "reflect: cannot convert slice to array pointer");
    }
    fp[0].p = ref_of(p, (Iface){t, {.p = s.ptr}}, ro_flags(r));
    return NATIVE_OK;
}

/* func(t *rtype, n, cap int) *ref */
static NativeStatus n_make_slice(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p, *bad;
    Slice s;
    if (t->kind != RK_SLICE || !slice_make(p, rtype_elem(t), fp[2].i, fp[3].i, &s)) {
        op_take(p, &bad);
        return native_panic_plain(p, "reflect.MakeSlice: len out of range");
    }
    fp[0].p = slice_ref(p, t, s, 0);
    return NATIVE_OK;
}

/* func(r *ref, n int) *ref: the slice with room for n more elements. */
static NativeStatus n_grow(struct P *p, Slot *fp)
{
    const Ref *r = fp[1].p;
    const RType *bad;
    Slice s;
    if (!is_kind(r, RK_SLICE) || fp[2].i < 0 ||
        !slice_grow(p, rtype_elem(r->type), cell_slice(cell_load(r->at)), fp[2].u, &s)) {
        op_take(p, &bad);
        return native_panic_plain(p, "reflect.Value.Grow: slice overflow");
    }
    fp[0].p = slice_ref(p, r->type, s, ro_flags(r));
    return NATIVE_OK;
}

static bool as_slice(const Ref *r, Slice *s)
{
    if (is_kind(r, RK_SLICE)) {
        *s = cell_slice(cell_load(r->at));
        return true;
    }
    if (is_kind(r, RK_ARRAY) && r->type->count <= SLICE_MAX) {
        *s = (Slice){r->at, (uint32_t)r->type->count, (uint32_t)r->type->count};
        return true;
    }
    if (is_kind(r, RK_STRING)) {
        String str = cell_string(cell_load(r->at));
        uint32_t n = str.len > SLICE_MAX ? SLICE_MAX : (uint32_t)str.len;
        *s = (Slice){(uint8_t *)(uintptr_t)str.ptr, n, n};
        return true;
    }
    return false;
}

/* func(dst, src *ref) int */
static NativeStatus n_copy(struct P *p, Slot *fp)
{
    const Ref *dst = fp[1].p, *src = fp[2].p;
    const RType *e = rtype_elem(dst->type), *from = rtype_elem(src->type);
    Slice d, s;
    bool same = is_kind(src, RK_STRING) ? e && e->kind == RK_UINT8 : rtype_same(e, from);
    bool writable = is_kind(dst, RK_SLICE) || (is_kind(dst, RK_ARRAY) && dst->flags & REF_ADDR);
    if (same && writable && as_slice(dst, &d) && as_slice(src, &s)) {
        fp[0].i = slice_copy(p, e, d, s);
    }
    return NATIVE_OK;
}

static NativeStatus n_swap(struct P *p, Slot *fp)
{
    const Ref *r = fp[0].p;
    uint64_t i = fp[1].u, j = fp[2].u;
    Slice s = is_kind(r, RK_SLICE) ? cell_slice(cell_load(r->at)) : (Slice){0};
    if (i >= s.len || j >= s.len) {
        return native_panic_plain(p, "reflect: slice index out of range");
    }
    const RType *e = rtype_elem(r->type);
    uint8_t *a = s.ptr + i * e->size, *b = s.ptr + j * e->size;
    void *tmp = heap_alloc(p, e, 1);
    if (tmp) {
        heap_copy_fresh(tmp, a, e, 1);
        heap_copy(p, a, b, e, 1);
        heap_copy(p, b, tmp, e, 1);
    }
    return NATIVE_OK;
}

/* ---- maps ---- */

static NativeStatus map_failed(struct P *p)
{
    const RType *bad;
    switch (op_take(p, &bad)) {
    case OP_UNHASHABLE:
        return native_panic_error(p, "hash of unhashable type %.*s", (int)rtype_string(bad).len,
                                  (const char *)rtype_string(bad).ptr);
    case OP_NIL_MAP: return native_panic_plain(p, "assignment to entry in nil map");
    case OP_MAP_WRITES: return native_fatal(p, "concurrent map writes");
    case OP_MAP_READ_WRITE: return native_fatal(p, "concurrent map read and map write");
    case OP_MAP_ITER_WRITE: return native_fatal(p, "concurrent map iteration and map write");
    default: return NATIVE_OK;
    }
}

static NativeStatus n_make_map(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    Map *m = t->kind == RK_MAP ? map_new(p, t, fp[2].i < 0 ? 0 : fp[2].i) : NULL;
    fp[0].p = m ? ref_of(p, (Iface){t, {.p = m}}, 0) : NULL;
    return NATIVE_OK;
}

/* func(m, key *ref) *ref: nil if absent. The key has the map's key type. */
static NativeStatus n_map_get(struct P *p, Slot *fp)
{
    const Ref *m = fp[1].p, *k = fp[2].p;
    if (!is_kind(m, RK_MAP) || !rtype_same(rtype_key(m->type), k->type)) {
        return native_panic_plain(p, "reflect.Value.MapIndex: wrong key type");
    }
    const void *e = map_get(p, mem_loadp(m->at), m->type, k->at);
    if (e) {
        fp[0].p = ref_copy(p, rtype_elem(m->type), e, ro_flags(m) | ro_flags(k));
    }
    return map_failed(p);
}

/* func(m, key, elem *ref): elem nil deletes. */
static NativeStatus n_map_set(struct P *p, Slot *fp)
{
    const Ref *m = fp[0].p, *k = fp[1].p, *e = fp[2].p;
    if (!is_kind(m, RK_MAP) || !rtype_same(rtype_key(m->type), k->type) ||
        (e && !rtype_same(rtype_elem(m->type), e->type))) {
        return native_panic_plain(p, "reflect.Value.SetMapIndex: wrong type");
    }
    Map *map = mem_loadp(m->at);
    if (!e) {
        map_delete(p, map, m->type, k->at);
        return map_failed(p);
    }
    if (!map) {
        return native_panic_plain(p, "assignment to entry in nil map");
    }
    void *to = map_put(p, map, m->type, k->at);
    if (to) {
        heap_copy(p, to, e->at, e->type, 1);
    }
    return map_failed(p);
}

static NativeStatus n_map_clear(struct P *p, Slot *fp)
{
    const Ref *m = fp[0].p;
    if (is_kind(m, RK_MAP)) {
        map_clear(p, mem_loadp(m->at), m->type);
    }
    return map_failed(p);
}

/* func(m *ref, state *[3]uint64) (key, elem *ref); state as in internal/reflectlite. */
static NativeStatus n_map_next(struct P *p, Slot *fp)
{
    const Ref *m = fp[2].p;
    uint64_t *state = fp[3].p;
    MapIter it;
    const void *key, *elem;
    Map *map = is_kind(m, RK_MAP) ? mem_loadp(m->at) : NULL;
    if (!map) {
        return NATIVE_OK;
    }
    map_iter_init(p, &it, map, m->type);
    if (state[0]) {
        memcpy(&it.start, state + 1, 16);
    }
    if (map_iter_next(p, &it, &key, &elem)) {
        Ref *k = ref_copy(p, rtype_key(m->type), key, ro_flags(m));
        fp[1].p = ref_copy(p, rtype_elem(m->type), elem, ro_flags(m));
        fp[0].p = k;
    }
    state[0] = 1;
    memcpy(state + 1, &it.start, 16);
    return map_failed(p);
}

#define R "reflect"
const NativeDef natives_reflect_value[] = {
    {R, "refOf", "func(v any) *ref", "", n_ref_of},
    {R, "refIface", "func(r *ref) any", "", n_ref_iface},
    {R, "refZero", "func(t *rtype, flags uintptr) *ref", "", n_ref_zero},
    {R, "refAs", "func(r *ref, t *rtype, flags uintptr) *ref", "", n_ref_as},
    {R, "refFlags", "func(r *ref, flags uintptr) *ref", "", n_ref_flags},
    {R, "refToIface", "func(r *ref, t *rtype) *ref", "", n_ref_to_iface},
    {R, "refElem", "func(r *ref) *ref", "", n_ref_elem},
    {R, "refAddr", "func(r *ref, t *rtype) *ref", "", n_ref_addr},
    {R, "refField", "func(r *ref, i int) *ref", "", n_ref_field},
    {R, "refIndex", "func(r *ref, i int) (*ref, bool)", "", n_ref_index},
    {R, "getWord", "func(r *ref) uint64", "", n_get_word},
    {R, "getFloat", "func(r *ref) float64", "", n_get_float},
    {R, "getComplex", "func(r *ref) complex128", "", n_get_complex},
    {R, "getString", "func(r *ref) string", "", n_get_string},
    {R, "getBytes", "func(r *ref) []byte", "", n_get_bytes},
    {R, "setWord", "func(r *ref, x uint64)", "", n_set_word},
    {R, "setFloat", "func(r *ref, x float64)", "", n_set_float},
    {R, "setComplex", "func(r *ref, x complex128)", "", n_set_complex},
    {R, "setString", "func(r *ref, x string)", "", n_set_string},
    {R, "refAssign", "func(dst, src *ref)", "", n_assign},
    {R, "refClear", "func(r *ref)", "", n_clear},
    {R, "refAllZero", "func(r *ref) bool", "", n_is_zero},
    {R, "refEqual", "func(a, b *ref) bool", "", n_equal},
    {R, "refIsNil", "func(r *ref) bool", "", n_is_nil},
    {R, "refPointer", "func(r *ref) uintptr", "", n_pointer},
    {R, "refAddress", "func(r *ref) uintptr", "", n_address},
    {R, "refLen", "func(r *ref) int", "", n_len},
    {R, "refCap", "func(r *ref) int", "", n_cap},
    {R, "refSlice", "func(r *ref, t *rtype, i, j, k int) *ref", "", n_slice},
    {R, "refArray", "func(r *ref, t *rtype) *ref", "", n_array},
    {R, "makeSlice", "func(t *rtype, n, c int) *ref", "", n_make_slice},
    {R, "refGrow", "func(r *ref, n int) *ref", "", n_grow},
    {R, "refCopy", "func(dst, src *ref) int", "", n_copy},
    {R, "refSwap", "func(r *ref, i, j int)", "", n_swap},
    {R, "makeMap", "func(t *rtype, n int) *ref", "", n_make_map},
    {R, "mapGet", "func(m, key *ref) *ref", "", n_map_get},
    {R, "mapSet", "func(m, key, elem *ref)", "", n_map_set},
    {R, "mapClear", "func(m *ref)", "", n_map_clear},
    {R, "mapNext", "func(m *ref, state *[3]uint64) (*ref, *ref)", "", n_map_next},
    {0},
};
