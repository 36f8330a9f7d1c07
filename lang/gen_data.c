/* gen_data.c - package variables whose initial value is known when the program is compiled.
 *
 * Their bytes go into the package's template (UnitPkg.data), which the loader copies when the
 * package is initialised, and pointer words become DataRelocs. Static are constants, nil, top-level
 * functions of this unit, and literals of structs, arrays, slices and pointers to literals made of
 * such. What slices and pointers of literals point at stands behind the package's variables, in the
 * same collected area: scripts may write there. Interfaces, maps and values of other variables are
 * left to the init function; it runs after the copy, so the order of dependencies holds.
 */
#include "lang/gen.h"

#define STATIC_MAX (256u << 10) /* a larger literal must fill what it takes */

static bool is_static(Gen *g, Expr *e, TInfo *to);

static bool small_enough(uint64_t size, uint32_t elems)
{
    return size <= STATIC_MAX || (size < 1u << 28 && size / 64 <= elems);
}

static Expr *elem_value(Expr *x) { return x->kind == EX_KEYVALUE ? x->kv.value : x; }

static bool static_elems(Gen *g, Expr *e, TInfo *elem, uint64_t n)
{
    if (!small_enough(n * elem->size, e->composite.elems.n)) {
        return false;
    }
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        if (!is_static(g, elem_value(e->composite.elems.at[i]), elem)) {
            return false;
        }
    }
    return true;
}

static uint32_t field_index(Type *u, Expr *x, uint32_t i)
{
    if (x->kind != EX_KEYVALUE) {
        return i;
    }
    for (i = 0; i + 1 < u->struct_.n && u->struct_.fields[i].name != x->kv.key->name.name; i++) {
    }
    return i;
}

static bool static_composite(Gen *g, Expr *e, TInfo *ti)
{
    Type *u = ti->under;
    switch (u->kind) {
    case T_STRUCT:
        for (uint32_t i = 0; i < e->composite.elems.n; i++) {
            Expr *x = e->composite.elems.at[i];
            uint32_t k = field_index(u, x, i);
            if (!is_static(g, elem_value(x), tinfo(g, u->struct_.fields[k].type))) {
                return false;
            }
        }
        return small_enough(ti->size, e->composite.elems.n);
    case T_ARRAY: return static_elems(g, e, tinfo(g, u->array.elem), (uint64_t)u->array.len);
    case T_SLICE: return static_elems(g, e, tinfo(g, u->slice.elem), (uint64_t)composite_len(e));
    case T_POINTER: return static_composite(g, e, tinfo(g, u->pointer.elem));
    default: return false;
    }
}

static FuncRec *static_func(Gen *g, Expr *e)
{
    Obj *o = e->kind == EX_NAME ? e->name.obj : NULL;
    if (!o || o->kind != OBJ_FUNC || e->name.ntargs || !o->pkg || o->pkg->imported_only ||
        !o->type || o->type->kind != T_FUNC || func_tparams(o->type).n) {
        return NULL;
    }
    TypeList none = {0};
    FuncRec *r = func_rec(g, o, none);
    return r->blob ? r : NULL;
}

/* The literal behind &T{...}, or NULL. */
static Expr *addressed(Expr *e)
{
    Expr *x = e->kind == EX_UNARY && e->unary.op == TOK_AND ? unparen(e->unary.x) : NULL;
    return x && x->kind == EX_COMPOSITE ? x : NULL;
}

static bool is_static(Gen *g, Expr *e, TInfo *to)
{
    e = unparen(e);
    if (is_nil(e)) {
        return true;
    }
    if (to->iface || !e->type) {
        return false;
    }
    if (e->mode == MODE_CONST && e->cval) {
        return !type_is_complex(to->type);
    }
    if (tinfo(g, e->type) != to) {
        return false;
    }
    if (addressed(e)) {
        return static_composite(g, addressed(e), tinfo(g, to->under->pointer.elem));
    }
    return e->kind == EX_COMPOSITE ? static_composite(g, e, to) : static_func(g, e) != NULL;
}

/* ---- writing */

static void reserve(StaticData *d, uint64_t end)
{
    if (end > d->bytes->len) {
        blob_zero(d->bytes, (uint32_t)(end - d->bytes->len));
    }
}

static void put_word(StaticData *d, uint64_t at, uint64_t v, uint32_t n)
{
    reserve(d, at + n);
    memcpy(d->bytes->data + at, &v, n);
}

static void put_pointer(StaticData *d, uint64_t at, Blob *unit, uint32_t add, uint64_t global)
{
    DataReloc r = {.at = (uint32_t)at, .kind = unit ? DATA_UNIT : DATA_GLOBAL,
                   .offset = unit ? 0 : d->base + global};
    uint32_t pos = blob_put(d->relocs, &r, sizeof r);
    blob_ref(d->relocs, pos + offsetof(DataReloc, target), unit, add);
    reserve(d, at + 8);
    d->nrelocs++;
}

/* Room for n values behind the variables. */
static uint64_t area_new(StaticData *d, TInfo *ti, uint64_t n)
{
    uint64_t al = ti->align < 8 ? 8 : ti->align;
    StaticArea a = {(d->end + al - 1) & ~(al - 1), n, ti};
    VEC_PUSH(d->areas, a);
    d->end = a.off + ((n * ti->size + 7) & ~7ull);
    return a.off;
}

static void write_static(StaticData *d, Expr *e, TInfo *to, uint64_t at);

static void write_elems(StaticData *d, Expr *e, TInfo *elem, uint64_t at)
{
    int64_t k = 0;
    for (uint32_t i = 0; i < e->composite.elems.n; i++, k++) {
        Expr *x = e->composite.elems.at[i];
        if (x->kind == EX_KEYVALUE) {
            k = const_int(x->kv.key->cval);
        }
        write_static(d, elem_value(x), elem, at + (uint64_t)k * elem->size);
    }
}

static void write_composite(StaticData *d, Expr *e, TInfo *ti, uint64_t at)
{
    Type *u = ti->under;
    switch (u->kind) {
    case T_STRUCT:
        for (uint32_t i = 0; i < e->composite.elems.n; i++) {
            Expr *x = e->composite.elems.at[i];
            uint32_t k = field_index(u, x, i);
            if (strcmp(u->struct_.fields[k].name, "_") != 0) { /* a blank field takes no value */
                write_static(d, elem_value(x), tinfo(d->g, u->struct_.fields[k].type),
                             at + (uint64_t)type_offsetof(u, k));
            }
        }
        break;
    case T_ARRAY: write_elems(d, e, tinfo(d->g, u->array.elem), at); break;
    case T_SLICE: {
        TInfo *elem = tinfo(d->g, u->slice.elem);
        uint64_t n = (uint64_t)composite_len(e), area = area_new(d, elem, n ? n : 1);
        put_pointer(d, at, NULL, 0, area);
        put_word(d, at + 8, n | n << 32, 8);
        write_elems(d, e, elem, area);
        break;
    }
    default: { /* an elided &T */
        TInfo *t = tinfo(d->g, u->pointer.elem);
        uint64_t area = area_new(d, t, 1);
        put_pointer(d, at, NULL, 0, area);
        write_composite(d, e, t, area);
        break;
    }
    }
}

static void write_const(StaticData *d, const Const *c, TInfo *to, uint64_t at)
{
    if (to->under->kind == T_STRING) {
        size_t n;
        const char *s = const_as_string(c, &n);
        if (n) {
            put_pointer(d, at, ub_name(d->g->ub, s, n), 4, 0);
        }
        put_word(d, at + 8, n, 8);
    } else if (const_kind(c) == CK_BOOL) {
        put_word(d, at, const_as_bool(c), 1);
    } else {
        int64_t v = type_is_float(to->type) ? float_bits(c, to->size == 4) : const_int(c);
        put_word(d, at, (uint64_t)v, (uint32_t)to->size);
    }
}

static void write_static(StaticData *d, Expr *e, TInfo *to, uint64_t at)
{
    e = unparen(e);
    if (is_nil(e)) {
        return;
    }
    if (e->mode == MODE_CONST && e->cval) {
        write_const(d, e->cval, to, at);
    } else if (addressed(e)) {
        TInfo *t = tinfo(d->g, to->under->pointer.elem);
        uint64_t area = area_new(d, t, 1);
        put_pointer(d, at, NULL, 0, area);
        write_composite(d, addressed(e), t, area);
    } else if (e->kind == EX_COMPOSITE) {
        write_composite(d, e, to, at);
    } else {
        put_pointer(d, at, static_func(d->g, e)->blob, 0, 0);
    }
}

/* Writes what is static of the package's variables, which end at size; the init function skips it. */
void gen_data(StaticData *d, Gen *g, Package *pkg, uint64_t base, uint64_t size)
{
    *d = (StaticData){.g = g, .base = base, .end = size, .bytes = blob_new(g->ub, 16),
                      .relocs = blob_new(g->ub, 8)};
    for (uint32_t i = 0; i < pkg->init_order.n; i++) {
        Obj *o = pkg->init_order.at[i];
        Decl *decl = o->decl;
        ObjGen *og = obj_gen(o);
        for (uint32_t k = 0; k < decl->value.names.n && k < decl->value.values.n; k++) {
            TInfo *ti = og->has_goff ? tinfo(g, o->type) : NULL;
            if (ti && decl->value.names.n == decl->value.values.n &&
                decl->value.names.at[k]->name.obj == o &&
                is_static(g, decl->value.values.at[k], ti)) {
                write_static(d, decl->value.values.at[k], ti, og->goff - base);
                og->static_init = true;
            }
        }
    }
    d->end = (d->end + 15) & ~15ull;
}
