/* reflect.c - natives of reflect: types.
 *
 * A *rtype in reflect.gol is the address of a descriptor; only natives make one, and its gol side
 * reads the plain words of it directly. Every *rtype that a script can see went through canon, so
 * equal types are equal pointers. Values are in value.c.
 */
#include "stdlib/reflect/reflect.h"

static String name_string(const RName *n)
{
    return n ? (String){(const uint8_t *)n->s, n->len} : (String){NULL, 0};
}

static NativeStatus n_canon(struct P *p, Slot *fp)
{
    fp[0].p = (void *)dyntype_canon(p, fp[1].p);
    return NATIVE_OK;
}

static NativeStatus n_type_of(struct P *p, Slot *fp)
{
    fp[0].p = (void *)dyntype_canon(p, fp[1].p);
    return NATIVE_OK;
}

static NativeStatus n_same(struct P *p, Slot *fp)
{
    fp[0].u = rtype_same(fp[1].p, fp[2].p);
    return NATIVE_OK;
}

static NativeStatus n_string(struct P *p, Slot *fp)
{
    slot_set_string(fp, rtype_string(fp[2].p));
    return NATIVE_OK;
}

static NativeStatus n_name(struct P *p, Slot *fp)
{
    const RType *t = fp[2].p;
    slot_set_string(fp, name_string(rel_get(&t->name)));
    return NATIVE_OK;
}

static NativeStatus n_pkg(struct P *p, Slot *fp)
{
    const RType *t = fp[2].p;
    slot_set_string(fp, name_string(rel_get(&t->pkg)));
    return NATIVE_OK;
}

static NativeStatus n_elem(struct P *p, Slot *fp)
{
    fp[0].p = (void *)rtype_elem(fp[1].p);
    return NATIVE_OK;
}

static NativeStatus n_key(struct P *p, Slot *fp)
{
    fp[0].p = (void *)rtype_key(fp[1].p);
    return NATIVE_OK;
}

/* func(t *rtype, i int) (name, pkg, tag string, typ *rtype, offset uintptr, embedded bool) */
static NativeStatus n_field(struct P *p, Slot *fp)
{
    const RType *t = fp[9].p;
    uint64_t i = fp[10].u;
    if (t->kind != RK_STRUCT || i >= t->count) {
        return native_panic_plain(p, "reflect: Field index out of bounds");
    }
    const RField *f = rtype_fields(t) + i;
    slot_set_string(fp, name_string(rel_get(&f->name)));
    slot_set_string(fp + 2, name_string(rel_get(&f->pkg)));
    slot_set_string(fp + 4, name_string(rel_get(&f->tag)));
    fp[6].p = (void *)rel_get(&f->type);
    fp[7].u = f->offset;
    fp[8].u = f->embedded & 1;
    return NATIVE_OK;
}

static NativeStatus n_param(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    uint64_t i = fp[2].u;
    if (t->kind != RK_FUNC || i >= t->count + t->nout) {
        return native_panic_plain(p, "reflect: Func index out of bounds");
    }
    fp[0].p = (void *)rtype_param(t, i);
    return NATIVE_OK;
}

uint64_t reflect_nmethods(const RType *t)
{
    return t->kind == RK_INTERFACE ? t->count : t->nmethods;
}

static NativeStatus n_num_method(struct P *p, Slot *fp)
{
    fp[0].u = reflect_nmethods(fp[1].p);
    return NATIVE_OK;
}

/* func(t *rtype, i int) (name, pkg string, typ *rtype) */
static NativeStatus n_method(struct P *p, Slot *fp)
{
    const RType *t = fp[5].p;
    uint64_t i = fp[6].u;
    if (i >= reflect_nmethods(t)) {
        return native_panic_plain(p, "reflect: Method index out of range");
    }
    const RMethod *m = rtype_methods(t) + i;
    slot_set_string(fp, name_string(rel_get(&m->name)));
    slot_set_string(fp + 2, name_string(rel_get(&m->pkg)));
    fp[4].p = (void *)rel_get(&m->type);
    return NATIVE_OK;
}

static NativeStatus n_implements(struct P *p, Slot *fp)
{
    fp[0].u = iface_implements(p, fp[1].p, fp[2].p);
    return NATIVE_OK;
}

static NativeStatus n_hashable(struct P *p, Slot *fp)
{
    fp[0].u = rtype_hashable(fp[1].p);
    return NATIVE_OK;
}

static NativeStatus give_type(struct P *p, Slot *fp, const RType *t)
{
    fp[0].p = (void *)t;
    return t ? NATIVE_OK : native_panic_plain(p, "reflect: type too large");
}

/* func(kind Kind, key, elem *rtype, n int) *rtype */
static NativeStatus n_make_type(struct P *p, Slot *fp)
{
    const RType *key = fp[2].p, *elem = fp[3].p, *t = NULL;
    switch (fp[1].u) {
    case RK_POINTER: t = dyntype_pointer(p, elem); break;
    case RK_SLICE: t = dyntype_slice(p, elem); break;
    case RK_ARRAY: t = dyntype_array(p, elem, fp[4].u); break;
    case RK_CHAN: t = dyntype_chan(p, elem, (unsigned)fp[4].u & 3); break;
    case RK_MAP: t = dyntype_map(p, key, elem); break;
    default: break;
    }
    return give_type(p, fp, t);
}

/* func(types []*rtype, nin int, variadic bool) *rtype */
static NativeStatus n_make_func(struct P *p, Slot *fp)
{
    Slice s = slot_slice(fp + 1);
    uint64_t nin = fp[3].u;
    if (nin > s.len || s.len > 4096) {
        return native_panic_plain(p, "reflect.FuncOf: too many arguments");
    }
    return give_type(p, fp, dyntype_func(p, (const RType *const *)(void *)s.ptr, (uint32_t)nin,
                                         s.len - (uint32_t)nin, fp[4].u & 1));
}

/* func(names, pkgs, tags []string, types []*rtype, embedded []bool) *rtype */
static NativeStatus n_make_struct(struct P *p, Slot *fp)
{
    Slice names = slot_slice(fp + 1), pkgs = slot_slice(fp + 3), tags = slot_slice(fp + 5);
    Slice types = slot_slice(fp + 7), embedded = slot_slice(fp + 9);
    uint32_t n = types.len;
    DynField *f = n < 100000 ? calloc(n + 1, sizeof *f) : NULL;
    if (!f || names.len != n || pkgs.len != n || tags.len != n || embedded.len != n) {
        free(f);
        return native_panic_plain(p, "reflect.StructOf: too many fields");
    }
    for (uint32_t i = 0; i < n; i++) {
        f[i].name = cell_string(cell_load(names.ptr + i * 16));
        f[i].pkg = cell_string(cell_load(pkgs.ptr + i * 16));
        f[i].tag = cell_string(cell_load(tags.ptr + i * 16));
        f[i].type = mem_loadp(types.ptr + i * 8);
        f[i].embedded = mem_load8(embedded.ptr + i) & 1;
    }
    const RType *t = dyntype_struct(p, f, n);
    free(f);
    return give_type(p, fp, t);
}

#define R "reflect"
const NativeDef natives_reflect[] = {
    {R, "canon", "func(t *rtype) *rtype", "the one descriptor of a type", n_canon},
    {R, "typeOf", "func(v any) *rtype", "dynamic type", n_type_of},
    {R, "sameType", "func(a, b *rtype) bool", "identity", n_same},
    {R, "typeString", "func(t *rtype) string", "as %T prints it", n_string},
    {R, "typeName", "func(t *rtype) string", "name", n_name},
    {R, "typePkg", "func(t *rtype) string", "package path", n_pkg},
    {R, "typeElem", "func(t *rtype) *rtype", "element type", n_elem},
    {R, "typeKey", "func(t *rtype) *rtype", "key type", n_key},
    {R, "typeField",
     "func(t *rtype, i int) (name, pkg, tag string, typ *rtype, offset uintptr, embedded bool)",
     "field", n_field},
    {R, "typeParam", "func(t *rtype, i int) *rtype", "parameter or result", n_param},
    {R, "typeNumMethod", "func(t *rtype) int", "methods, unexported ones too", n_num_method},
    {R, "typeMethod", "func(t *rtype, i int) (name, pkg string, typ *rtype)", "method", n_method},
    {R, "typeImplements", "func(t, iface *rtype) bool", "method sets", n_implements},
    {R, "typeHashable", "func(t *rtype) bool", "may be a map key", n_hashable},
    {R, "makeType", "func(kind Kind, key, elem *rtype, n int) *rtype", "a composite type",
     n_make_type},
    {R, "makeFuncType", "func(types []*rtype, nin int, variadic bool) *rtype", "a func type",
     n_make_func},
    {R, "makeStructType",
     "func(names, pkgs, tags []string, types []*rtype, embedded []bool) *rtype", "a struct type",
     n_make_struct},
    {0},
};
