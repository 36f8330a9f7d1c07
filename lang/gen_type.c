/* gen_type.c - what code generation knows of types: layouts, identities, run-time descriptors.
 *
 * tinfo() maps every type, substituted for the instance being compiled, to one record; identical
 * types share it. A descriptor is made when something refers to it, unless the library image holds
 * the same identity: then references become relocations. Method tables are added to the types that
 * reach an interface (tinfo_want_methods), to what such types are made of, and in the image to all
 * package-level types. Identities are hashes over a canonical spelling with full package paths;
 * local types add their place of declaration.
 */
#include "lang/gen.h"

#include <stdlib.h>

/* ---- spelling */

typedef struct Spelling {
    Text text;
    bool canon;
    VEC(Type *) open; /* interface literals being spelled: they may hold themselves */
} Spelling;

static void put_n(Spelling *t, const char *s, size_t n) { text_add(&t->text, s, n); }

static void put(Spelling *t, const char *s) { text_str(&t->text, s); }

static void spell(Spelling *t, Type *ty, int depth);

/* Where a local type is declared: types of two units differ unless their texts are the same. */
static void spell_place(Spelling *t, Obj *o)
{
    const SourceFile *sf = o->decl ? o->decl->file : NULL;
    if (!sf) {
        put(t, mem_printf("#%u", o->pos));
        return;
    }
    uint64_t text = hash64_more(HASH64_START, sf->text, sf->len);
    put(t, mem_printf("#%s:%u:%llx", sf->path, o->pos - sf->base, (unsigned long long)text));
}

static void spell_named(Spelling *t, Type *ty, int depth)
{
    Obj *o = ty->named.obj;
    if (o->pkg) {
        put(t, t->canon || (depth && !o->pkg->live) ? o->pkg->path : o->pkg->name);
        put(t, ".");
    }
    put(t, o->name);
    if (t->canon && ty->named.in_func) {
        spell_place(t, o);
    }
    TypeList args = ty->named.targs;
    TypeList outer = ty->named.outer;
    for (int round = 0; round < 2; round++, args = outer) {
        if (args.n && (round == 0 || t->canon)) {
            put(t, round ? "{" : "[");
            for (uint32_t i = 0; i < args.n; i++) {
                put(t, i ? "," : "");
                spell(t, args.at[i], 1);
            }
            put(t, round ? "}" : "]");
        }
    }
}

static void spell_sig(Spelling *t, Type *ty, int depth)
{
    put(t, "(");
    for (uint32_t i = 0; i < ty->func.nparams; i++) {
        put(t, i ? ", " : "");
        Type *p = ty->func.params[i].type;
        if (ty->func.variadic && i + 1 == ty->func.nparams) {
            put(t, "...");
            Type *u = type_under(p);
            p = u->kind == T_SLICE ? u->slice.elem : p;
        }
        spell(t, p, depth);
    }
    put(t, ")");
    uint32_t n = ty->func.nresults;
    put(t, n == 0 ? "" : n == 1 ? " " : " (");
    for (uint32_t i = 0; i < n; i++) {
        put(t, i ? ", " : "");
        spell(t, ty->func.results[i].type, depth);
    }
    put(t, n > 1 ? ")" : "");
}

static void spell_struct(Spelling *t, Type *ty, int depth)
{
    put(t, ty->struct_.n ? "struct { " : "struct {");
    for (uint32_t i = 0; i < ty->struct_.n; i++) {
        StructField *f = &ty->struct_.fields[i];
        put(t, i ? "; " : "");
        if (t->canon && !name_exported(f->name) && f->pkg) {
            put(t, f->pkg->live ? "main" : f->pkg->path);
            put(t, ".");
        }
        if (!f->embedded || t->canon) {
            put(t, f->name);
            put(t, f->embedded ? "! " : " ");
        }
        spell(t, f->type, depth);
        if (f->tag) {
            put(t, " \"");
            for (uint32_t k = 0; k < f->tag_len; k++) {
                char c = f->tag[k];
                if (c == '"' || c == '\\') {
                    put(t, "\\");
                }
                put_n(t, &c, 1);
            }
            put(t, "\"");
        }
    }
    put(t, ty->struct_.n ? " }" : "}");
}

static void spell_iface(Spelling *t, Type *ty, int depth)
{
    TypeSet *set = typeset_of(ty);
    for (uint32_t i = t->open.n; i-- > 0;) {
        if (types_identical(t->open.at[i], ty)) {
            put(t, mem_printf("^%u", t->open.n - i));
            return;
        }
    }
    VEC_PUSH(t->open, ty);
    put(t, set->nmethods ? "interface { " : "interface {");
    for (uint32_t i = 0; i < set->nmethods; i++) {
        Method *m = &set->methods[i];
        put(t, i ? "; " : "");
        if (!name_exported(m->name) && m->pkg) {
            put(t, t->canon && !m->pkg->live ? m->pkg->path : m->pkg->name);
            put(t, ".");
        }
        put(t, m->name);
        spell_sig(t, m->type, depth);
    }
    put(t, set->nmethods ? " }" : "}");
    t->open.n--;
}

static void spell_chan(Spelling *t, Type *ty, int depth)
{
    put(t, ty->chan.dir == 1 ? "<-chan " : ty->chan.dir == 2 ? "chan<- " : "chan ");
    Type *e = ty->chan.elem;
    bool paren = ty->chan.dir == 3 && e->kind == T_CHAN && e->chan.dir == 1;
    put(t, paren ? "(" : "");
    spell(t, e, depth);
    put(t, paren ? ")" : "");
}

static const char *const basic_names[] = {
    [T_BOOL] = "bool", [T_INT] = "int", [T_INT8] = "int8", [T_INT16] = "int16",
    [T_INT32] = "int32", [T_INT64] = "int64", [T_UINT] = "uint", [T_UINT8] = "uint8",
    [T_UINT16] = "uint16", [T_UINT32] = "uint32", [T_UINT64] = "uint64",
    [T_UINTPTR] = "uintptr", [T_FLOAT32] = "float32", [T_FLOAT64] = "float64",
    [T_COMPLEX64] = "complex64", [T_COMPLEX128] = "complex128", [T_STRING] = "string",
    [T_UNSAFE_POINTER] = "unsafe.Pointer"};

static void spell(Spelling *t, Type *ty, int depth)
{
    if (ty->kind < sizeof basic_names / sizeof *basic_names && basic_names[ty->kind]) {
        put(t, basic_names[ty->kind]);
        return;
    }
    switch (ty->kind) {
    case T_NAMED: spell_named(t, ty, depth); break;
    case T_POINTER: put(t, "*"); spell(t, ty->pointer.elem, depth); break;
    case T_SLICE: put(t, "[]"); spell(t, ty->slice.elem, depth); break;
    case T_ARRAY:
        put(t, mem_printf("[%lld]", (long long)ty->array.len));
        spell(t, ty->array.elem, depth);
        break;
    case T_MAP:
        put(t, "map[");
        spell(t, ty->map.key, depth);
        put(t, "]");
        spell(t, ty->map.elem, depth);
        break;
    case T_CHAN: spell_chan(t, ty, depth); break;
    case T_STRUCT: spell_struct(t, ty, depth); break;
    case T_FUNC: put(t, "func"); spell_sig(t, ty, depth); break;
    case T_INTERFACE: spell_iface(t, ty, depth); break;
    default: put(t, "?"); break;
    }
}

char *type_name_full(Type *t, bool canonical)
{
    Spelling x = {.canon = canonical};
    spell(&x, t, 0);
    return x.text.at;
}

/* ---- layouts */

static Type *settle(Type *t)
{
    if (t->kind == T_UNTYPED_NIL) {
        return type_basic[T_UNSAFE_POINTER];
    }
    return type_is_untyped(t) ? type_default(t) : t;
}

static void set_scalar(TInfo *ti, MemKind mk, uint32_t size, bool ptr)
{
    ti->rep = REP_SCALAR;
    ti->mk = (uint8_t)mk;
    ti->size = ti->align = size;
    ti->slots = 1;
    ti->ptr = ptr;
}

static void set_gc(TInfo *ti, uint32_t n, uint8_t k0)
{
    ti->gc = mem_alloc_atomic(2);
    ti->gc[0] = k0;
    ti->gc[1] = GCW_IFACE_WORD;
    ti->ngc = n;
}

static void array_layout(Gen *g, TInfo *ti)
{
    TInfo *e = tinfo(g, ti->under->array.elem);
    uint64_t n = ti->size / 8;
    if (!e->ngc || ti->under->array.len <= 0) {
        return;
    }
    if (n > 1u << 24) {
        g->failed = true;
        diag_report(g->diags, DIAG_ERROR, 0, 0, "TypeTooLarge", "type %s is too large",
                    type_name_full(ti->type, false));
        return;
    }
    ti->gc = mem_alloc_atomic(n);
    uint64_t step = e->size / 8;
    for (uint64_t i = 0; i < (uint64_t)ti->under->array.len; i++) {
        memcpy(ti->gc + i * step, e->gc, e->ngc);
    }
    ti->ngc = (uint32_t)(((uint64_t)ti->under->array.len - 1) * step + e->ngc);
}

static void struct_layout(Gen *g, TInfo *ti)
{
    Type *u = ti->under;
    for (uint32_t i = 0; i < u->struct_.n; i++) {
        TInfo *e = tinfo(g, u->struct_.fields[i].type);
        if (e->ngc) {
            if (!ti->gc) {
                ti->gc = mem_alloc_atomic(ti->size / 8 + 1);
            }
            uint64_t at = (uint64_t)type_offsetof(u, i) / 8;
            memcpy(ti->gc + at, e->gc, e->ngc);
            ti->ngc = (uint32_t)at + e->ngc;
        }
    }
}

static void aggregate_layout(Gen *g, TInfo *ti)
{
    ti->rep = REP_AGG;
    ti->mk = MEM_N;
    ti->size = (uint64_t)type_sizeof(ti->type);
    ti->align = (uint32_t)type_alignof(ti->type);
    ti->slots = slots_for(ti->size);
    if (ti->size >= HUGE_SIZE) {
        ti->rep = REP_HUGE;
    }
    if (ti->under->kind == T_ARRAY) {
        array_layout(g, ti);
    } else if (ti->under->kind == T_STRUCT) {
        struct_layout(g, ti);
    }
}

static void set_cell(TInfo *ti, bool iface)
{
    ti->rep = REP_CELL;
    ti->mk = MEM_CELL;
    ti->size = ti->align = 16;
    ti->slots = 2;
    ti->iface = iface;
    set_gc(ti, iface ? 2 : 1, iface ? GCW_IFACE_TYPE : GCW_PTR);
}

static void lay_out(Gen *g, TInfo *ti)
{
    switch (ti->under->kind) {
    case T_BOOL: case T_UINT8: set_scalar(ti, MEM_U8, 1, false); break;
    case T_INT8: set_scalar(ti, MEM_I8, 1, false); break;
    case T_INT16: set_scalar(ti, MEM_I16, 2, false); break;
    case T_UINT16: set_scalar(ti, MEM_U16, 2, false); break;
    case T_INT32: set_scalar(ti, MEM_I32, 4, false); break;
    case T_UINT32: case T_FLOAT32: set_scalar(ti, MEM_U32, 4, false); break;
    case T_CHAN:
        if (type_sizeof(ti->under->chan.elem) >= HUGE_SIZE) { /* of an instance; others: typexpr.c */
            g->failed = true;
            diag_report(g->diags, DIAG_ERROR, 0, 0, "InvalidChanElem",
                        "channel element type too large (>64kB)");
        }
        /* fall through */
    case T_POINTER: case T_MAP: case T_FUNC: case T_UNSAFE_POINTER:
        set_scalar(ti, MEM_64, 8, true);
        set_gc(ti, 1, GCW_PTR);
        break;
    case T_STRING: case T_SLICE: set_cell(ti, false); break;
    case T_INTERFACE: set_cell(ti, true); break;
    case T_ARRAY: case T_STRUCT: case T_COMPLEX128: aggregate_layout(g, ti); break;
    case T_TUPLE: ti->rep = REP_AGG; break;
    default: set_scalar(ti, MEM_64, 8, false); break;
    }
    ti->noptr = ti->ngc == 0;
    ti->is_signed = type_is_integer(ti->type) && !type_is_unsigned(ti->type);
}

static void types_grow(Gen *g)
{
    uint32_t cap = g->types_cap ? g->types_cap * 2 : 512;
    TInfo **t = MEM_NEW_N(TInfo *, cap);
    for (uint32_t i = 0; i < g->types_cap; i++) {
        for (TInfo *e = g->types[i], *next; e; e = next) {
            next = e->next;
            uint32_t at = (uint32_t)type_hash(e->type) & (cap - 1);
            e->next = t[at];
            t[at] = e;
        }
    }
    g->types = t;
    g->types_cap = cap;
}

TInfo *tinfo(Gen *g, Type *t)
{
    if (t->layout) {
        return t->layout;
    }
    Type *orig = t;
    t = settle(t);
    if (g->ntypes >= g->types_cap) {
        types_grow(g);
    }
    uint32_t at = (uint32_t)type_hash(t) & (g->types_cap - 1);
    for (TInfo *e = g->types[at]; e; e = e->next) {
        if (types_identical(e->type, t)) {
            orig->layout = e;
            return e;
        }
    }
    if (t->kind == T_NAMED && types_deeper(t->named.targs, INSTANCE_DEPTH)) {
        gen_endless(g, t->named.obj);
    }
    TInfo *ti = MEM_NEW(TInfo);
    ti->type = t;
    ti->under = type_under(t);
    ti->next = g->types[at];
    g->types[at] = ti;
    g->ntypes++;
    orig->layout = ti;
    t->layout = ti;
    lay_out(g, ti);
    return ti;
}

/* ---- identities */

static uint64_t mix_hash(const char *s, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15ull;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (uint8_t)s[i]) * 0xff51afd7ed558ccdull;
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

void type_identity(Gen *g, TInfo *ti)
{
    if (!ti->hashed) {
        char *s = type_name_full(ti->type, true);
        ti->hash[0] = hash64_more(HASH64_START, s, strlen(s));
        ti->hash[1] = mix_hash(s, strlen(s));
        ti->hashed = true;
    }
}

uint64_t method_id(Name name, Package *pkg)
{
    if (name_exported(name) || !pkg) {
        return hash64_more(HASH64_START, name, strlen(name));
    }
    char *s = mem_printf("%s.%s", pkg->live ? "main" : pkg->path, name);
    return hash64_more(HASH64_START, s, strlen(s));
}

const Symbol *image_symbol(Gen *g, uint64_t hash, uint32_t kind, uint64_t hash2)
{
    const Unit *u = g->in->image;
    if (!u || !u->nsymbols) {
        return NULL;
    }
    const Symbol *s = rel_get(&u->symbols);
    uint32_t lo = 0, hi = u->nsymbols;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s[mid].hash < hash || (s[mid].hash == hash && s[mid].kind < kind)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    for (; lo < u->nsymbols && s[lo].hash == hash && s[lo].kind == kind; lo++) {
        if (kind != SYM_TYPE || ((const RType *)rel_get(&s[lo].target))->hash[1] == hash2) {
            return &s[lo];
        }
    }
    return NULL;
}

/* ---- descriptors */

static uint8_t rkind(const TInfo *ti)
{
    switch (ti->under->kind) {
    case T_ARRAY: return RK_ARRAY;
    case T_SLICE: return RK_SLICE;
    case T_STRUCT: return RK_STRUCT;
    case T_POINTER: return RK_POINTER;
    case T_FUNC: return RK_FUNC;
    case T_INTERFACE: return RK_INTERFACE;
    case T_MAP: return RK_MAP;
    case T_CHAN: return RK_CHAN;
    case T_STRING: return RK_STRING;
    case T_UNSAFE_POINTER: return RK_UNSAFE_POINTER;
    default: return (uint8_t)(ti->under->kind - T_BOOL + RK_BOOL);
    }
}

/* == is memcmp: no floats, cells, padding. */
static bool plain_eq(Gen *g, TInfo *ti)
{
    Type *u = ti->under;
    if (u->kind == T_ARRAY) {
        return plain_eq(g, tinfo(g, u->array.elem));
    }
    if (u->kind == T_STRUCT) {
        uint64_t end = 0;
        for (uint32_t i = 0; i < u->struct_.n; i++) {
            TInfo *e = tinfo(g, u->struct_.fields[i].type);
            if ((uint64_t)type_offsetof(u, i) != end || !plain_eq(g, e) ||
                u->struct_.fields[i].name[0] == '_') {
                return false;
            }
            end += e->size;
        }
        return end == ti->size;
    }
    return ti->rep == REP_SCALAR && !type_is_float(ti->type) && !type_is_complex(ti->type);
}

static uint8_t rflags(Gen *g, TInfo *ti)
{
    uint8_t fl = 0;
    fl |= ti->rep == REP_SCALAR ? RT_DIRECT : 0;
    fl |= ti->type->kind == T_NAMED ||
          (ti->type->kind < sizeof basic_names / sizeof *basic_names && ti->type->kind) ? RT_NAMED : 0;
    const char *why;
    fl |= type_comparable_p(ti->type, &why) ? RT_COMPARABLE : 0;
    fl |= ti->noptr ? RT_NOPTR : 0;
    fl |= (fl & RT_COMPARABLE) && plain_eq(g, ti) ? RT_PLAIN_EQ : 0;
    fl |= ti->under->kind == T_FUNC && ti->under->func.variadic ? RT_VARIADIC : 0;
    fl |= ti->rep == REP_SCALAR && ti->ptr ? RT_HAS_WORD_PTR : 0;
    return fl;
}

static Blob *gcmap_blob(Gen *g, const uint8_t *gc, uint32_t n)
{
    Blob *b = blob_new(g->ub, 8);
    blob_zero(b, (n + 31) / 32 * 8);
    uint64_t *w = (uint64_t *)(void *)b->data;
    for (uint32_t i = 0; i < n; i++) {
        w[i / 32] |= (uint64_t)gc[i] << i % 32 * 2;
    }
    return b;
}

static void ref_type(Gen *g, Blob *b, uint32_t at, Type *t)
{
    TInfo *ti = tinfo(g, t);
    Blob *rt = tinfo_rtype(g, ti);
    if (rt) {
        blob_ref(b, at, rt, 0);
        return;
    }
    BlobReloc r = {at, RELOC_TYPE, ti->hash[0], ti->hash[1], ti->str};
    VEC_PUSH(b->relocs, r);
}

static Blob *struct_fields(Gen *g, Type *u)
{
    Blob *b = blob_new(g->ub, 8);
    for (uint32_t i = 0; i < u->struct_.n; i++) {
        StructField *sf = &u->struct_.fields[i];
        RField f = {.offset = (uint64_t)type_offsetof(u, i), .embedded = sf->embedded};
        uint32_t at = blob_put(b, &f, sizeof f);
        blob_ref(b, at + offsetof(RField, name), ub_cname(g->ub, sf->name), 0);
        if (!name_exported(sf->name) && sf->pkg) {
            blob_ref(b, at + offsetof(RField, pkg), ub_cname(g->ub, sf->pkg->path), 0);
        }
        if (sf->tag) {
            blob_ref(b, at + offsetof(RField, tag), ub_name(g->ub, sf->tag, sf->tag_len), 0);
        }
        ref_type(g, b, at + offsetof(RField, type), sf->type);
    }
    return b;
}

static Blob *func_params(Gen *g, Type *u)
{
    Blob *b = blob_new(g->ub, 8);
    for (uint32_t i = 0; i < u->func.nparams; i++) {
        ref_type(g, b, blob_zero(b, 8), u->func.params[i].type);
    }
    for (uint32_t i = 0; i < u->func.nresults; i++) {
        ref_type(g, b, blob_zero(b, 8), u->func.results[i].type);
    }
    return b;
}

typedef struct MethodRow { uint64_t id; Name name; Package *pkg; Type *type; Selection *sel; } MethodRow;

static int row_compare(const void *pa, const void *pb)
{
    const MethodRow *a = pa, *b = pb;
    return a->id < b->id ? -1 : a->id > b->id;
}

static uint32_t put_method(Gen *g, Blob *b, MethodRow *r)
{
    RMethod m = {.id = r->id};
    uint32_t at = blob_put(b, &m, sizeof m);
    blob_ref(b, at + offsetof(RMethod, name), ub_cname(g->ub, r->name), 0);
    if (!name_exported(r->name) && r->pkg) {
        blob_ref(b, at + offsetof(RMethod, pkg), ub_cname(g->ub, r->pkg->path), 0);
    }
    ref_type(g, b, at + offsetof(RMethod, type), r->type);
    return at;
}

static Blob *iface_methods(Gen *g, TypeSet *set)
{
    MethodRow *rows = MEM_NEW_N(MethodRow, set->nmethods + 1);
    for (uint32_t i = 0; i < set->nmethods; i++) {
        Method *m = &set->methods[i];
        rows[i] = (MethodRow){method_id(m->name, m->pkg), m->name, m->pkg, m->type, NULL};
    }
    qsort(rows, set->nmethods, sizeof *rows, row_compare);
    Blob *b = blob_new(g->ub, 8);
    for (uint32_t i = 0; i < set->nmethods; i++) {
        put_method(g, b, &rows[i]);
    }
    return b;
}

static void composite_refs(Gen *g, TInfo *ti, Blob *b, RType *r)
{
    Type *u = ti->under;
    switch (u->kind) {
    case T_ARRAY:
        r->count = (uint64_t)u->array.len;
        ref_type(g, b, offsetof(RType, elem), u->array.elem);
        ref_type(g, b, offsetof(RType, slice_of), type_slice(u->array.elem));
        break;
    case T_SLICE: ref_type(g, b, offsetof(RType, elem), u->slice.elem); break;
    case T_POINTER: ref_type(g, b, offsetof(RType, elem), u->pointer.elem); break;
    case T_CHAN:
        r->chan_dir = u->chan.dir;
        ref_type(g, b, offsetof(RType, elem), u->chan.elem);
        break;
    case T_MAP:
        ref_type(g, b, offsetof(RType, key), u->map.key);
        ref_type(g, b, offsetof(RType, elem), u->map.elem);
        break;
    case T_STRUCT:
        r->count = u->struct_.n;
        blob_ref(b, offsetof(RType, fields), struct_fields(g, u), 0);
        break;
    case T_FUNC:
        r->count = u->func.nparams;
        r->nout = u->func.nresults;
        blob_ref(b, offsetof(RType, params), func_params(g, u), 0);
        break;
    case T_INTERFACE: {
        TypeSet *set = typeset_of(u);
        r->count = set->nmethods;
        blob_ref(b, offsetof(RType, methods), iface_methods(g, set), 0);
        break;
    }
    default: break;
    }
}

static void fill_rtype(Gen *g, TInfo *ti)
{
    Blob *b = ti->rtype;
    RType r = {.hash = {ti->hash[0], ti->hash[1]}, .size = ti->size, .kind = rkind(ti),
               .align = (uint8_t)ti->align, .flags = rflags(g, ti), .gc_words = ti->ngc};
    blob_put(b, &r, sizeof r);
    if (ti->ngc) {
        blob_ref(b, offsetof(RType, gcmap), gcmap_blob(g, ti->gc, ti->ngc), 0);
    }
    blob_ref(b, offsetof(RType, str), ti->str, 0);
    if (ti->type->kind == T_NAMED) {
        Obj *o = ti->type->named.obj;
        const char *full = ti->str ? (const char *)ti->str->data + 4 : o->name;
        const char *bare = strchr(full, '.');
        bool args = ti->type->named.targs.n != 0;
        blob_ref(b, offsetof(RType, name),
                 ub_cname(g->ub, args && bare && o->pkg ? bare + 1 : o->name), 0);
        if (o->pkg) {
            blob_ref(b, offsetof(RType, pkg), ub_cname(g->ub, o->pkg->path), 0);
        }
    } else if (ti->type->kind == T_UNSAFE_POINTER) {
        blob_ref(b, offsetof(RType, name), ub_cname(g->ub, "Pointer"), 0);
        blob_ref(b, offsetof(RType, pkg), ub_cname(g->ub, "unsafe"), 0);
    } else if (r.flags & RT_NAMED) {
        blob_ref(b, offsetof(RType, name), ti->str, 0);
    }
    composite_refs(g, ti, b, &r);
    memcpy(b->data, &r, sizeof r);
}

Blob *tinfo_rtype(Gen *g, TInfo *ti)
{
    if (ti->emitted) {
        return ti->rtype;
    }
    ti->emitted = true;
    type_identity(g, ti);
    ti->str = ub_cname(g->ub, type_name_full(ti->type, false));
    if (image_symbol(g, ti->hash[0], SYM_TYPE, ti->hash[1])) {
        ti->external = true;
        return NULL;
    }
    ti->rtype = blob_new(g->ub, 16);
    VEC_PUSH(g->ub->types, ti->rtype);
    fill_rtype(g, ti);
    ub_symbol(g->ub, SYM_TYPE, ti->hash[0], ti->str, ti->rtype, 0);
    return ti->rtype;
}

/* ---- method tables */

void tinfo_want_methods(Gen *g, TInfo *ti)
{
    if (ti->wants_methods) {
        return;
    }
    ti->wants_methods = true;
    tinfo_rtype(g, ti);
    if (ti->external) {
        return;
    }
    VEC_PUSH(g->method_queue, ti);
    Type *u = ti->under;
    if (ti->type->kind == T_NAMED && !ti->iface) { /* reflection may take an address */
        Type *pointer = type_pointer(ti->type);
        if (type_method_set(pointer).n) {
            tinfo_want_methods(g, tinfo(g, pointer));
        }
    }
    switch (u->kind) {
    case T_ARRAY: tinfo_want_methods(g, tinfo(g, u->array.elem)); break;
    case T_SLICE: tinfo_want_methods(g, tinfo(g, u->slice.elem)); break;
    case T_POINTER: tinfo_want_methods(g, tinfo(g, u->pointer.elem)); break;
    case T_CHAN: tinfo_want_methods(g, tinfo(g, u->chan.elem)); break;
    case T_MAP:
        tinfo_want_methods(g, tinfo(g, u->map.key));
        tinfo_want_methods(g, tinfo(g, u->map.elem));
        break;
    case T_STRUCT:
        for (uint32_t i = 0; i < u->struct_.n; i++) {
            tinfo_want_methods(g, tinfo(g, u->struct_.fields[i].type));
        }
        break;
    default: break;
    }
    if (ti->type->kind == T_NAMED && !ti->iface && type_method_set(type_pointer(ti->type)).n) {
        tinfo_want_methods(g, tinfo(g, type_pointer(ti->type))); /* reflect.New, Value.Addr */
    }
}

/* The Func that takes the interface word: the method itself where the word is its receiver. */
static void ref_method(Gen *g, Blob *b, uint32_t at, TInfo *ti, Selection *sel)
{
    bool direct = ti->rep == REP_SCALAR && sel->method && sel->npath == 0 && !sel->indirect &&
                  sel->method->ptr_recv == (ti->type->kind == T_POINTER);
    if (ti->type->kind == T_POINTER && sel->method && sel->method->ptr_recv && sel->npath == 0) {
        direct = true;
    }
    if (!direct) {
        blob_ref(b, at, gen_wrapper(g, ti->type, sel), 0);
        return;
    }
    Type *recv = ti->type->kind == T_POINTER ? ti->type->pointer.elem : ti->type;
    FuncRec *r = method_rec(g, sel->method, recv);
    if (r->blob) {
        blob_ref(b, at, r->blob, 0);
    } else {
        BlobReloc br = {at, RELOC_FUNC, r->hash, 0, ub_cname(g->ub, r->name)};
        VEC_PUSH(b->relocs, br);
    }
}

void gen_type_methods(Gen *g, TInfo *ti)
{
    if (ti->has_methods || ti->iface || !ti->rtype) {
        return;
    }
    ti->has_methods = true;
    MethodSet ms = type_method_set(ti->type);
    if (!ms.n) {
        return;
    }
    MethodRow *rows = MEM_NEW_N(MethodRow, ms.n);
    for (uint32_t i = 0; i < ms.n; i++) {
        Selection *s = ms.at[i];
        Package *pkg = s->method ? s->method->pkg : s->pkg;
        rows[i] = (MethodRow){method_id(s->name, pkg), s->name, pkg, s->type, s};
    }
    qsort(rows, ms.n, sizeof *rows, row_compare);
    Blob *b = blob_new(g->ub, 8);
    for (uint32_t i = 0; i < ms.n; i++) {
        uint32_t at = put_method(g, b, &rows[i]);
        ref_method(g, b, at + offsetof(RMethod, func), ti, rows[i].sel);
    }
    RType r;
    memcpy(&r, ti->rtype->data, sizeof r);
    r.nmethods = ms.n;
    memcpy(ti->rtype->data, &r, sizeof r);
    blob_ref(ti->rtype, offsetof(RType, methods), b, 0);
}

/* Cross references to types that happen to be here: *T and []T. */
void gen_type_finish(Gen *g)
{
    for (uint32_t i = 0; i < g->types_cap; i++) {
        for (TInfo *ti = g->types[i]; ti; ti = ti->next) {
            uint8_t k = ti->type->kind;
            if (!ti->rtype || (k != T_POINTER && k != T_SLICE)) {
                continue;
            }
            TInfo *e = tinfo(g, k == T_POINTER ? ti->type->pointer.elem : ti->type->slice.elem);
            if (e->rtype && !(k == T_SLICE && e->under->kind == T_ARRAY)) {
                blob_ref(e->rtype, k == T_POINTER ? offsetof(RType, ptr_to)
                                                  : offsetof(RType, slice_of), ti->rtype, 0);
            }
        }
    }
}

static Blob *anonymous_type(Gen *g, const char *str, uint8_t kind, uint64_t size, uint8_t align,
                            const uint8_t *gc, uint32_t ngc)
{
    Blob *b = blob_new(g->ub, 16);
    RType r = {.size = size, .kind = kind, .align = align, .gc_words = ngc,
               .flags = ngc ? 0 : RT_NOPTR};
    r.hash[0] = hash64_more(HASH64_START, str, strlen(str));
    r.hash[0] = hash64_more(r.hash[0], gc, ngc);
    r.hash[1] = r.hash[0] * 31 + size;
    blob_put(b, &r, sizeof r);
    if (ngc) {
        blob_ref(b, offsetof(RType, gcmap), gcmap_blob(g, gc, ngc), 0);
    }
    blob_ref(b, offsetof(RType, str), ub_cname(g->ub, str), 0);
    VEC_PUSH(g->ub->types, b);
    return b;
}

/* The environment of a closure: {Func, captures}; box[i]: capture i is a pointer to its box. */
Blob *gen_env_type(Gen *g, TInfo **at, const uint32_t *off, const bool *box, uint32_t n, uint32_t size)
{
    uint8_t *gc = mem_alloc_atomic(size / 8 + 1);
    uint32_t ngc = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t w = off[i] / 8, k = box[i] ? 1 : at[i]->ngc;
        for (uint32_t j = 0; j < k; j++) {
            gc[w + j] = box[i] ? GCW_PTR : at[i]->gc[j];
            ngc = w + j + 1 > ngc ? w + j + 1 : ngc;
        }
    }
    return anonymous_type(g, "closure", RK_CLOSURE, size, n && off[0] == 16 ? 16 : 8, gc, ngc);
}

Blob *gen_globals_type(Gen *g, Package *pkg, Obj **vars, uint32_t n, const StaticData *d)
{
    uint64_t base = d->base, size = d->end;
    uint8_t *gc = mem_alloc_atomic(size / 8 + 1);
    memset(gc, 0, size / 8 + 1);
    uint32_t ngc = 0;
    for (uint32_t i = 0; i < n; i++) {
        TInfo *ti = tinfo(g, vars[i]->type);
        uint64_t w = (obj_gen(vars[i])->goff - base) / 8;
        if (ti->ngc) {
            memcpy(gc + w, ti->gc, ti->ngc);
            ngc = (uint32_t)w + ti->ngc > ngc ? (uint32_t)w + ti->ngc : ngc;
        }
    }
    for (uint32_t i = 0; i < d->areas.n; i++) {
        const StaticArea *a = &d->areas.at[i];
        for (uint64_t k = 0; a->ti->ngc && k < a->n; k++) {
            uint64_t w = (a->off + k * a->ti->size) / 8;
            memcpy(gc + w, a->ti->gc, a->ti->ngc);
            ngc = (uint32_t)w + a->ti->ngc > ngc ? (uint32_t)w + a->ti->ngc : ngc;
        }
    }
    return anonymous_type(g, mem_printf("globals of %s", pkg->path), RK_STRUCT, size, 16, gc, ngc);
}
