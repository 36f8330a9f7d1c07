/* reflectlite.c - natives of internal/reflectlite: looking into values by their descriptors.
 *
 * A value comes as an interface cell; the cell is loaded from the frame once, its type decides how
 * the word is read, and every index is checked against the one slice or string cell that was loaded
 * (D8). Parts are given back boxed, as copies. Type handles are descriptor addresses that only the
 * gol side of this package can make, so they are trusted; a NULL handle is answered with zeros.
 * No native here waits; those that copy much go in batches that the gol side repeats. */
#include <string.h>

#include "runtime/barrier.h"
#include "runtime/iface.h"
#include "runtime/map.h"
#include "runtime/native.h"
#include "runtime/rtypes.h"
#include "stdlib/reflect/reflect.h"

static const RType *kind_is(Iface v, RKind kind)
{
    return v.type && v.type->kind == kind ? v.type : NULL;
}

/* Where the value of v stands, in memory form for everything but direct scalars. */
static const void *data_of(const Iface *v)
{
    return v->type->flags & RT_DIRECT ? (const void *)&v->word : v->word.p;
}

static String name_string(const RName *n)
{
    return n ? (String){(const uint8_t *)n->s, n->len} : (String){NULL, 0};
}

/* The value of type t at src, as an interface: what it holds if it is one itself. */
static NativeStatus give(struct P *p, Slot *res, const RType *t, const void *src)
{
    if (t->kind == RK_INTERFACE) {
        cell_to_slots(res, cell_load(src));
        return NATIVE_OK;
    }
    bool ok = true;
    Slot word = iface_box(p, t, src, &ok);
    if (ok) {
        slot_set_iface(res, (Iface){t, word});
    }
    return NATIVE_OK;
}

/* ---- types ---------------------------------------------------------------------------------- */

static NativeStatus n_type_of(struct P *p, Slot *fp)
{
    fp[0].p = fp[1].p;
    return NATIVE_OK;
}

static NativeStatus n_type_kind(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].i = t ? t->kind : 0;
    return NATIVE_OK;
}

static NativeStatus n_type_string(struct P *p, Slot *fp)
{
    const RType *t = fp[2].p;
    slot_set_string(fp, t ? rtype_string(t) : STR_LIT("<nil>"));
    return NATIVE_OK;
}

static NativeStatus n_type_name(struct P *p, Slot *fp)
{
    const RType *t = fp[2].p;
    slot_set_string(fp, name_string(t ? rel_get(&t->name) : NULL));
    return NATIVE_OK;
}

static NativeStatus n_type_pkg(struct P *p, Slot *fp)
{
    const RType *t = fp[2].p;
    slot_set_string(fp, name_string(t ? rel_get(&t->pkg) : NULL));
    return NATIVE_OK;
}

static NativeStatus n_type_elem(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].p = t ? (void *)rtype_elem(t) : NULL;
    return NATIVE_OK;
}

static NativeStatus n_type_key(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].p = t ? (void *)rtype_key(t) : NULL;
    return NATIVE_OK;
}

static NativeStatus n_type_size(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].i = t ? (int64_t)t->size : 0;
    return NATIVE_OK;
}

static NativeStatus n_type_len(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].i = t ? (int64_t)t->count : 0;
    return NATIVE_OK;
}

static NativeStatus n_type_comparable(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].i = t && (t->flags & RT_COMPARABLE);
    return NATIVE_OK;
}

static NativeStatus n_type_same(struct P *p, Slot *fp)
{
    fp[0].i = rtype_same(fp[1].p, fp[2].p);
    return NATIVE_OK;
}

static NativeStatus n_type_field(struct P *p, Slot *fp)
{
    const RType *t = fp[5].p;
    uint64_t i = fp[6].u;
    if (!t || t->kind != RK_STRUCT || i >= t->count) {
        return native_panic_plain(p, "reflect: Field index out of bounds");
    }
    const RField *f = rtype_fields(t) + i;
    slot_set_string(fp, name_string(rel_get(&f->name)));
    fp[2].p = (void *)rel_get(&f->type);
    fp[3].i = rel_get(&f->pkg) == NULL;
    fp[4].i = (int64_t)(f->embedded & 1);
    return NATIVE_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

static NativeStatus n_kind_of(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].i = t ? t->kind : 0;
    return NATIVE_OK;
}

/* A channel has no length here: fmt prints its address only. */
static NativeStatus n_length(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 1);
    switch (v.type ? v.type->kind : RK_INVALID) {
    case RK_STRING:
        fp[0].i = cell_string(cell_load(v.word.p)).len;
        break;
    case RK_SLICE:
        fp[0].i = cell_slice(cell_load(v.word.p)).len;
        break;
    case RK_ARRAY:
        fp[0].i = (int64_t)v.type->count;
        break;
    case RK_MAP:
        fp[0].i = map_len(v.word.p);
        break;
    case RK_POINTER: {
        const RType *e = rtype_elem(v.type);
        fp[0].i = e && e->kind == RK_ARRAY ? (int64_t)e->count : 0;
        break;
    }
    default:
        break;
    }
    return NATIVE_OK;
}

static NativeStatus out_of_range(struct P *p, uint64_t i, uint64_t n)
{
    return native_panic_error(p, "index out of range [%lld] with length %llu", (long long)i,
                              (unsigned long long)n);
}

static NativeStatus n_index(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 2);
    uint64_t i = fp[4].u, n;
    const uint8_t *base;
    if (kind_is(v, RK_SLICE)) {
        Slice s = cell_slice(cell_load(v.word.p));
        base = s.ptr;
        n = s.len;
    } else if (kind_is(v, RK_ARRAY)) {
        base = data_of(&v);
        n = v.type->count;
    } else {
        return native_panic_plain(p, "reflect: call of reflect.Value.Index on a value without");
    }
    if (i >= n) {
        return out_of_range(p, i, n);
    }
    const RType *e = rtype_elem(v.type);
    return give(p, fp, e, base + i * e->size);
}

static NativeStatus n_field(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 2);
    uint64_t i = fp[4].u;
    const RType *t = kind_is(v, RK_STRUCT);
    if (!t || i >= t->count) {
        return native_panic_plain(p, "reflect: Field index out of bounds");
    }
    const RField *f = rtype_fields(t) + i;
    return give(p, fp, rel_get(&f->type), (const uint8_t *)data_of(&v) + f->offset);
}

static NativeStatus n_elem(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 2);
    if (!kind_is(v, RK_POINTER) || !v.word.p) {
        return NATIVE_OK;
    }
    return give(p, fp, rtype_elem(v.type), v.word.p);
}

static NativeStatus n_is_nil(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 1);
    if (!v.type) {
        fp[0].i = 1;
    } else if (v.type->kind == RK_SLICE) {
        fp[0].i = cell_slice(cell_load(v.word.p)).ptr == NULL;
    } else if (v.type->flags & RT_HAS_WORD_PTR || v.type->kind == RK_UNSAFE_POINTER) {
        fp[0].i = v.word.p == NULL;
    }
    return NATIVE_OK;
}

static NativeStatus n_pointer(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 1);
    if (kind_is(v, RK_SLICE)) {
        fp[0].p = cell_slice(cell_load(v.word.p)).ptr;
    } else if (kind_is(v, RK_STRING)) {
        fp[0].p = (void *)cell_string(cell_load(v.word.p)).ptr;
    } else if (v.type && v.type->flags & RT_DIRECT) {
        fp[0].p = v.word.p;
    }
    return NATIVE_OK;
}

static NativeStatus n_to_word(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 1);
    if (v.type && v.type->flags & RT_DIRECT) {
        fp[0] = v.word;
    }
    return NATIVE_OK;
}

static NativeStatus n_to_float(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 1);
    if (kind_is(v, RK_FLOAT32)) {
        fp[0].f = (double)v.word.f32;
    } else if (kind_is(v, RK_FLOAT64)) {
        fp[0].f = v.word.f;
    }
    return NATIVE_OK;
}

static NativeStatus n_to_complex(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 2);
    if (kind_is(v, RK_COMPLEX64)) {
        float part[2];
        memcpy(part, data_of(&v), 8);
        fp[0].f = (double)part[0];
        fp[1].f = (double)part[1];
    } else if (kind_is(v, RK_COMPLEX128)) {
        memcpy(fp, data_of(&v), 16);
    }
    return NATIVE_OK;
}

static NativeStatus n_to_string(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 2);
    if (kind_is(v, RK_STRING)) {
        cell_to_slots(fp, cell_load(v.word.p));
    }
    return NATIVE_OK;
}

static NativeStatus n_to_bytes(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 2);
    const RType *e = v.type ? rtype_elem(v.type) : NULL;
    if (!e || e->kind != RK_UINT8) {
        return NATIVE_OK;
    }
    if (v.type->kind == RK_SLICE) {
        cell_to_slots(fp, cell_load(v.word.p));
    } else if (v.type->kind == RK_ARRAY && v.type->count <= SLICE_MAX) {
        uint32_t n = (uint32_t)v.type->count;
        void *copy = heap_alloc_noscan(p, n ? n : 1);
        if (copy) {
            memcpy(copy, data_of(&v), n);
            slot_set_slice(fp, (Slice){copy, n, n});
        }
    }
    return NATIVE_OK;
}

/* state: {1 once begun, the iterator's two words}. The map comes from the interface each time, so
 * the state holds no pointer. */
static NativeStatus n_map_next(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 1);
    uint64_t *state = fp[3].p;
    Slice keys = slot_slice(fp + 4), vals = slot_slice(fp + 6);
    const RType *t = kind_is(v, RK_MAP);
    const void *key, *elem;
    MapIter it;
    uint32_t n = 0;
    if (!t || !v.word.p || !state || keys.len != vals.len) {
        return NATIVE_OK;
    }
    map_iter_init(p, &it, v.word.p, t);
    if (state[0]) {
        memcpy(&it.start, state + 1, 16);
    }
    while (n < keys.len && map_iter_next(p, &it, &key, &elem)) {
        Slot k[2] = {{0}, {0}}, e[2] = {{0}, {0}};
        give(p, k, rtype_key(t), key);
        give(p, e, rtype_elem(t), elem);
        heap_store_iface(p, keys.ptr + n * 16, cell_from_slots(k));
        heap_store_iface(p, vals.ptr + n * 16, cell_from_slots(e));
        n++;
    }
    const RType *bad;
    if (op_take(p, &bad) == OP_MAP_ITER_WRITE) {
        return native_fatal(p, "concurrent map iteration and map write");
    }
    state[0] = 1;
    memcpy(state + 1, &it.start, 16);
    fp[0].u = n;
    return NATIVE_OK;
}

/* ---- stores through a pointer --------------------------------------------------------------- */

/* The element type of the non-nil pointer v, and where it points. */
static const RType *target_of(Iface v, void **dst)
{
    if (!kind_is(v, RK_POINTER) || !v.word.p) {
        return NULL;
    }
    *dst = v.word.p;
    return rtype_elem(v.type);
}

static NativeStatus n_set_word(struct P *p, Slot *fp)
{
    void *dst;
    const RType *t = target_of(slot_iface(fp), &dst);
    uint64_t x = fp[2].u;
    if (!t || t->kind < RK_BOOL || t->kind > RK_UINTPTR) {
        return NATIVE_OK;
    }
    switch (t->size) {
    case 1:
        mem_store8(dst, (uint8_t)x);
        break;
    case 2:
        mem_store16(dst, (uint16_t)x);
        break;
    case 4:
        mem_store32(dst, (uint32_t)x);
        break;
    default:
        mem_store64(dst, x);
        break;
    }
    return NATIVE_OK;
}

static NativeStatus n_set_float(struct P *p, Slot *fp)
{
    void *dst;
    const RType *t = target_of(slot_iface(fp), &dst);
    if (t && t->kind == RK_FLOAT64) {
        mem_store64(dst, fp[2].u);
    } else if (t && t->kind == RK_FLOAT32) {
        Slot s = {.u = 0};
        s.f32 = (float)fp[2].f;
        mem_store32(dst, (uint32_t)s.u);
    }
    return NATIVE_OK;
}

static NativeStatus n_set_complex(struct P *p, Slot *fp)
{
    void *dst;
    const RType *t = target_of(slot_iface(fp), &dst);
    if (t && t->kind == RK_COMPLEX128) {
        memcpy(dst, fp + 2, 16);
    } else if (t && t->kind == RK_COMPLEX64) {
        float part[2] = {(float)fp[2].f, (float)fp[3].f};
        memcpy(dst, part, 8);
    }
    return NATIVE_OK;
}

static NativeStatus n_set_string(struct P *p, Slot *fp)
{
    void *dst;
    const RType *t = target_of(slot_iface(fp), &dst);
    if (t && t->kind == RK_STRING) {
        heap_store_cell(p, dst, cell_from_slots(fp + 2));
    }
    return NATIVE_OK;
}

static NativeStatus n_set_bytes(struct P *p, Slot *fp)
{
    void *dst;
    const RType *t = target_of(slot_iface(fp), &dst);
    if (t && t->kind == RK_SLICE && rtype_elem(t)->kind == RK_UINT8) {
        heap_store_cell(p, dst, cell_from_slots(fp + 2));
    }
    return NATIVE_OK;
}

static NativeStatus n_swap(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp);
    uint64_t i = fp[2].u, j = fp[3].u;
    if (!kind_is(v, RK_SLICE)) {
        return native_panic_plain(p, "reflect: swap of a value that is no slice");
    }
    Slice s = cell_slice(cell_load(v.word.p));
    if (i >= s.len || j >= s.len) {
        return native_panic_plain(p, "reflect: slice index out of range");
    }
    const RType *e = rtype_elem(v.type);
    uint8_t *a = s.ptr + i * e->size, *b = s.ptr + j * e->size;
    _Alignas(16) uint8_t small[256];
    void *tmp = e->size <= sizeof small ? small : heap_alloc(p, e, 1);
    if (!tmp) {
        return NATIVE_OK;
    }
    heap_copy_fresh(tmp, a, e, 1);
    heap_copy(p, a, b, e, 1);
    heap_copy(p, b, tmp, e, 1);
    return NATIVE_OK;
}

/* ---- errors.As ------------------------------------------------------------------------------ */

enum { AS_OK, AS_NOT_POINTER, AS_NOT_ERROR };

static NativeStatus n_as_target(struct P *p, Slot *fp)
{
    void *dst;
    const RType *t = target_of(slot_iface(fp + 1), &dst);
    const RType *err = fp[3].p ? rtype_elem(fp[3].p) : NULL;
    fp[0].i = AS_OK;
    if (!t) {
        fp[0].i = AS_NOT_POINTER;
    } else if (t->kind != RK_INTERFACE && (!err || !iface_implements(p, t, err))) {
        fp[0].i = AS_NOT_ERROR;
    }
    return NATIVE_OK;
}

static NativeStatus n_assign_to(struct P *p, Slot *fp)
{
    void *dst;
    const RType *t = target_of(slot_iface(fp + 1), &dst);
    Iface v = slot_iface(fp + 3);
    if (!t || !v.type) {
        return NATIVE_OK;
    }
    if (t->kind == RK_INTERFACE) {
        if (iface_implements(p, v.type, t)) {
            heap_store_iface(p, dst, cell_of_iface(v));
            fp[0].i = 1;
        }
        return NATIVE_OK;
    }
    if (!rtype_same(t, v.type)) {
        return NATIVE_OK;
    }
    if (t->flags & RT_DIRECT) {
        rtype_store(p, t, dst, &v.word);
    } else {
        heap_copy(p, dst, v.word.p, t, 1);
    }
    fp[0].i = 1;
    return NATIVE_OK;
}

static bool name_is(const RName *n, const char *s)
{
    return n && n->len == strlen(s) && memcmp(n->s, s, n->len) == 0;
}

enum { REFLECTED_NOT, REFLECTED_ZERO, REFLECTED_OPEN, REFLECTED_RO };

/* func(v any) (any, int): what a reflect.Value holds, for fmt, which prints that. */
static NativeStatus n_reflected(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 3);
    const RType *t = kind_is(v, RK_STRUCT);
    if (!t || t->size != 8 || !name_is(rel_get(&t->name), "Value") ||
        !name_is(rel_get(&t->pkg), "reflect")) {
        return NATIVE_OK;
    }
    const Ref *r = mem_loadp(data_of(&v));
    fp[2].i = REFLECTED_ZERO;
    if (r && !(r->flags & REF_METHOD)) {
        slot_set_iface(fp, ref_iface(p, r));
        fp[2].i = r->flags & (REF_RO | REF_EMBED_RO) ? REFLECTED_RO : REFLECTED_OPEN;
    }
    return NATIVE_OK;
}

static NativeStatus n_full_comparable(struct P *p, Slot *fp)
{
    Iface v = slot_iface(fp + 1);
    const RType *bad;
    iface_equal(p, v, v);
    fp[0].i = op_take(p, &bad) == OP_OK;
    return NATIVE_OK;
}

#define R "internal/reflectlite"
const NativeDef natives_internal_reflectlite[] = {
    {R, "typeOf", "func(v any) *rtype", "dynamic type", n_type_of},
    {R, "typeKind", "func(t *rtype) Kind", "kind", n_type_kind},
    {R, "typeString", "func(t *rtype) string", "as %T prints it", n_type_string},
    {R, "typeName", "func(t *rtype) string", "name", n_type_name},
    {R, "typePkg", "func(t *rtype) string", "package path", n_type_pkg},
    {R, "typeElem", "func(t *rtype) *rtype", "element type", n_type_elem},
    {R, "typeKey", "func(t *rtype) *rtype", "key type", n_type_key},
    {R, "typeSize", "func(t *rtype) int", "size in bytes", n_type_size},
    {R, "typeLen", "func(t *rtype) int", "array length or fields", n_type_len},
    {R, "typeComparable", "func(t *rtype) bool", "whether == is allowed", n_type_comparable},
    {R, "typeSame", "func(a, b *rtype) bool", "identity", n_type_same},
    {R, "typeField", "func(t *rtype, i int) (string, *rtype, bool, bool)", "field", n_type_field},
    {R, "kindOf", "func(v any) Kind", "kind", n_kind_of},
    {R, "length", "func(v any) int", "len", n_length},
    {R, "index", "func(v any, i int) any", "element", n_index},
    {R, "field", "func(v any, i int) any", "field", n_field},
    {R, "elem", "func(v any) any", "what a pointer points to", n_elem},
    {R, "isNil", "func(v any) bool", "nil", n_is_nil},
    {R, "pointer", "func(v any) uintptr", "address", n_pointer},
    {R, "toInt", "func(v any) int64", "integer", n_to_word},
    {R, "toUint", "func(v any) uint64", "integer", n_to_word},
    {R, "toFloat", "func(v any) float64", "float", n_to_float},
    {R, "toComplex", "func(v any) complex128", "complex", n_to_complex},
    {R, "toString", "func(v any) string", "string", n_to_string},
    {R, "toBytes", "func(v any) []byte", "bytes", n_to_bytes},
    {R, "mapNext", "func(m any, state *[3]uint64, keys, vals []any) int", "entries", n_map_next},
    {R, "setWord", "func(p any, x uint64)", "store", n_set_word},
    {R, "setFloat", "func(p any, x float64)", "store", n_set_float},
    {R, "setComplex", "func(p any, x complex128)", "store", n_set_complex},
    {R, "setString", "func(p any, x string)", "store", n_set_string},
    {R, "setBytes", "func(p any, x []byte)", "store", n_set_bytes},
    {R, "swap", "func(slice any, i, j int)", "exchange", n_swap},
    {R, "asTarget", "func(target any, errorPtr any) int", "check", n_as_target},
    {R, "assignTo", "func(target any, v any) bool", "assign", n_assign_to},
    {R, "reflected", "func(v any) (any, int)", "content of a reflect.Value", n_reflected},
    {R, "fullComparable", "func(v any) bool", "comparable", n_full_comparable},
    {0},
};
