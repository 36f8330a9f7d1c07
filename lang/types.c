/* types.c - constructors and the elementary questions about types: underlying and core types,
 * kinds of basic types (which hold of a type parameter if they hold of its whole type set),
 * identity, hashing, comparability, memory layout.
 *
 * All are total: T_INVALID and half-resolved types answer something harmless, and cycles through
 * anonymous interfaces are cut by a depth limit. */
#include "lang/types.h"

enum { MAX_DEPTH = 100 };

Type *type_new(TypeKind k)
{
    Type *t = MEM_NEW(Type);
    t->kind = (uint8_t)k;
    return t;
}

Type *type_pointer(Type *elem)
{
    Type *t = type_new(T_POINTER);
    t->pointer.elem = elem;
    return t;
}

Type *type_slice(Type *elem)
{
    Type *t = type_new(T_SLICE);
    t->slice.elem = elem;
    return t;
}

Type *type_array(Type *elem, int64_t len)
{
    Type *t = type_new(T_ARRAY);
    t->array.elem = elem;
    t->array.len = len;
    return t;
}

Type *type_map(Type *key, Type *elem)
{
    Type *t = type_new(T_MAP);
    t->map.key = key;
    t->map.elem = elem;
    return t;
}

Type *type_chan(Type *elem, uint8_t dir)
{
    Type *t = type_new(T_CHAN);
    t->chan.elem = elem;
    t->chan.dir = dir;
    return t;
}

Type *type_tuple(Type **at, uint32_t n)
{
    Type *t = type_new(T_TUPLE);
    t->tuple.at = at;
    t->tuple.n = n;
    return t;
}

TypeList func_tparams(Type *func)
{
    if (!func || func->kind != T_FUNC) {
        return (TypeList){0};
    }
    return func->func.tparams.n ? func->func.tparams : func->func.rparams;
}

/* Underlying and core types */

static Type *tparam_iface(Type *t)
{
    Type *c = t->tparam.constraint;
    if (!c) {
        return type_empty_iface;
    }
    Type *u = type_under(c);
    if (u->kind == T_INTERFACE) {
        return u;
    }
    /* ~T, A|B or a plain type used as a constraint */
    Type *iface = type_new(T_INTERFACE);
    iface->iface.embeds = MEM_NEW(Type *);
    iface->iface.embeds[0] = c;
    iface->iface.embed_pos = MEM_NEW(Pos);
    iface->iface.nembeds = 1;
    iface->iface.implicit = true;
    t->tparam.constraint = iface;
    return iface;
}

Type *type_under(Type *t)
{
    if (!t) {
        return type_basic[T_INVALID];
    }
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
        if (t->kind == T_NAMED) {
            t = named_underlying(t);
        } else if (t->kind == T_TPARAM) {
            return tparam_iface(t);
        } else {
            return t;
        }
    }
    return type_basic[T_INVALID];
}

bool type_is_tparam(Type *t) { return t && t->kind == T_TPARAM; }

bool type_is_interface(Type *t)
{
    return t && t->kind != T_TPARAM && type_under(t)->kind == T_INTERFACE;
}

bool type_each_term(Type *t, bool (*f)(Type *term, bool tilde, void *ctx), void *ctx)
{
    if (!type_is_tparam(t)) {
        return f(t, false, ctx);
    }
    TypeSet *set = typeset_of(type_under(t));
    if (set->all) {
        return f(NULL, false, ctx);
    }
    for (uint32_t i = 0; i < set->nterms; i++) {
        if (!f(set->terms[i].type, set->terms[i].tilde, ctx)) {
            return false;
        }
    }
    return true;
}

typedef struct CoreState {
    Type *core;
    bool bytes_as_string, saw_string;
} CoreState;

static bool is_bytes(Type *u)
{
    return u->kind == T_SLICE && type_under(u->slice.elem)->kind == T_UINT8;
}

static bool core_step(Type *term, bool tilde, void *ctx)
{
    CoreState *st = ctx;
    (void)tilde;
    if (!term) {
        st->core = NULL;
        return false;
    }
    Type *u = type_under(term);
    if (st->bytes_as_string && u->kind == T_STRING) {
        st->saw_string = true;
        u = type_slice(type_byte);
    }
    if (!st->core) {
        st->core = u;
        return true;
    }
    if (types_identical(st->core, u)) {
        return true;
    }
    /* channels of identical element that do not conflict in direction */
    if (st->core->kind == T_CHAN && u->kind == T_CHAN &&
        types_identical(st->core->chan.elem, u->chan.elem)) {
        if (st->core->chan.dir == 3) {
            st->core = u;
            return true;
        }
        if (u->chan.dir == 3) {
            return true;
        }
    }
    st->core = NULL;
    return false;
}

static Type *core_of(Type *t, bool bytes_as_string)
{
    if (!type_is_tparam(t)) {
        Type *u = type_under(t);
        return u;
    }
    CoreState st = {.bytes_as_string = bytes_as_string};
    if (!type_each_term(t, core_step, &st)) {
        return NULL;
    }
    if (st.saw_string && st.core && is_bytes(st.core)) {
        return type_basic[T_STRING];
    }
    return st.core;
}

Type *type_core(Type *t) { return core_of(t, false); }
Type *type_core_string(Type *t) { return core_of(t, true); }

/* Kinds of basic types */

enum { IS_BOOLEAN = 1, IS_INTEGER = 2, IS_UNSIGNED = 4, IS_FLOAT = 8, IS_COMPLEX = 16, IS_STRING = 32,
    IS_NUMERIC = IS_INTEGER | IS_FLOAT | IS_COMPLEX,
    IS_ORDERED = IS_INTEGER | IS_FLOAT | IS_STRING,
    IS_CONST_TYPE = IS_BOOLEAN | IS_NUMERIC | IS_STRING };

static int basic_info(const Type *t)
{
    switch (t->kind) {
    case T_BOOL: case T_UNTYPED_BOOL:
        return IS_BOOLEAN;
    case T_INT: case T_INT8: case T_INT16: case T_INT32: case T_INT64:
    case T_UNTYPED_INT: case T_UNTYPED_RUNE:
        return IS_INTEGER;
    case T_UINT: case T_UINT8: case T_UINT16: case T_UINT32: case T_UINT64: case T_UINTPTR:
        return IS_INTEGER | IS_UNSIGNED;
    case T_FLOAT32: case T_FLOAT64: case T_UNTYPED_FLOAT:
        return IS_FLOAT;
    case T_COMPLEX64: case T_COMPLEX128: case T_UNTYPED_COMPLEX:
        return IS_COMPLEX;
    case T_STRING: case T_UNTYPED_STRING:
        return IS_STRING;
    default:
        return 0;
    }
}

static bool info_step(Type *term, bool tilde, void *ctx)
{
    (void)tilde;
    return term && (basic_info(type_under(term)) & *(int *)ctx);
}

static bool all_basic(Type *t, int info)
{
    if (!t) {
        return false;
    }
    if (t->kind != T_TPARAM) {
        return basic_info(type_under(t)) & info;
    }
    return typeset_of(type_under(t))->nterms && type_each_term(t, info_step, &info);
}

bool type_is_boolean(Type *t) { return all_basic(t, IS_BOOLEAN); }
bool type_is_integer(Type *t) { return all_basic(t, IS_INTEGER); }
bool type_is_unsigned(Type *t) { return all_basic(t, IS_UNSIGNED); }
bool type_is_float(Type *t) { return all_basic(t, IS_FLOAT); }
bool type_is_complex(Type *t) { return all_basic(t, IS_COMPLEX); }
bool type_is_numeric(Type *t) { return all_basic(t, IS_NUMERIC); }
bool type_is_string(Type *t) { return all_basic(t, IS_STRING); }
bool type_is_ordered(Type *t) { return all_basic(t, IS_ORDERED); }

/* Constants have basic types only: never a type parameter. */
bool type_is_const_type(Type *t)
{
    return t && t->kind != T_TPARAM && (basic_info(type_under(t)) & IS_CONST_TYPE);
}

bool type_is_untyped(Type *t)
{
    return t && t->kind >= T_UNTYPED_BOOL && t->kind <= T_UNTYPED_NIL;
}

bool type_is_typed(Type *t) { return !type_is_untyped(t); }

static bool nil_step(Type *term, bool tilde, void *ctx)
{
    (void)tilde;
    (void)ctx;
    return term && type_has_nil(type_under(term));
}

bool type_has_nil(Type *t)
{
    if (type_is_tparam(t)) {
        return type_each_term(t, nil_step, NULL);
    }
    switch (type_under(t)->kind) {
    case T_POINTER: case T_FUNC: case T_SLICE: case T_MAP: case T_CHAN: case T_INTERFACE:
    case T_UNSAFE_POINTER: case T_UNTYPED_NIL:
        return true;
    default:
        return false;
    }
}

Type *type_default(Type *t)
{
    switch (t->kind) {
    case T_UNTYPED_BOOL: return type_basic[T_BOOL];
    case T_UNTYPED_INT: return type_basic[T_INT];
    case T_UNTYPED_RUNE: return type_rune;
    case T_UNTYPED_FLOAT: return type_basic[T_FLOAT64];
    case T_UNTYPED_COMPLEX: return type_basic[T_COMPLEX128];
    case T_UNTYPED_STRING: return type_basic[T_STRING];
    default: return t;
    }
}

/* Comparability */

static bool comparable_at(Type *t, bool strict, const char **why, int depth);

static bool comparable_struct(Type *u, bool strict, const char **why, int depth)
{
    for (uint32_t i = 0; i < u->struct_.n; i++) {
        Type *f = u->struct_.fields[i].type;
        if (!comparable_at(f, strict, NULL, depth + 1)) {
            if (why) {
                *why = mem_printf("struct containing %s cannot be compared", type_string(f, NULL));
            }
            return false;
        }
    }
    return true;
}

static bool comparable_at(Type *t, bool strict, const char **why, int depth)
{
    if (depth > MAX_DEPTH) {
        return true;
    }
    if (type_is_tparam(t)) {
        TypeSet *set = typeset_of(type_under(t));
        if (set->comparable) {
            return true;
        }
        bool ok = !set->all && set->nterms;
        for (uint32_t i = 0; ok && i < set->nterms; i++) {
            ok = comparable_at(set->terms[i].type, strict, NULL, depth + 1);
        }
        if (!ok && why) {
            *why = "incomparable types in type set";
        }
        return ok;
    }
    Type *u = type_under(t);
    switch (u->kind) {
    case T_SLICE: case T_MAP: case T_FUNC:
        return false;
    case T_INTERFACE:
        return !strict || typeset_of(u)->comparable;
    case T_ARRAY:
        if (!comparable_at(u->array.elem, strict, NULL, depth + 1)) {
            if (why) {
                *why = mem_printf("%s cannot be compared", type_string(t, NULL));
            }
            return false;
        }
        return true;
    case T_STRUCT:
        return comparable_struct(u, strict, why, depth);
    case T_UNTYPED_NIL:
        return false;
    default:
        return true;
    }
}

bool type_comparable_p(Type *t, const char **why)
{
    if (why) {
        *why = NULL;
    }
    return comparable_at(t, false, why, 0);
}

bool type_strictly_comparable(Type *t) { return comparable_at(t, true, NULL, 0); }

/* Identity */

static bool identical_at(Type *a, Type *b, int depth);

static bool identical_params(Param *a, Param *b, uint32_t n, int depth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!identical_at(a[i].type, b[i].type, depth)) {
            return false;
        }
    }
    return true;
}

static bool identical_funcs(Type *a, Type *b, int depth)
{
    if (a->func.nparams != b->func.nparams || a->func.nresults != b->func.nresults ||
        a->func.variadic != b->func.variadic || a->func.tparams.n != b->func.tparams.n) {
        return false;
    }
    if (a->func.tparams.n) {
        /* generic functions: compare with b's parameters renamed to a's */
        Subst s = {b->func.tparams, a->func.tparams};
        for (uint32_t i = 0; i < a->func.tparams.n; i++) {
            if (!identical_at(a->func.tparams.at[i]->tparam.constraint,
                              types_subst(b->func.tparams.at[i]->tparam.constraint, &s), depth)) {
                return false;
            }
        }
        b = types_subst(b, &s);
    }
    return identical_params(a->func.params, b->func.params, a->func.nparams, depth) &&
           identical_params(a->func.results, b->func.results, a->func.nresults, depth);
}

static bool identical_structs(Type *a, Type *b, int depth)
{
    if (a->struct_.n != b->struct_.n) {
        return false;
    }
    for (uint32_t i = 0; i < a->struct_.n; i++) {
        StructField *f = &a->struct_.fields[i], *g = &b->struct_.fields[i];
        if (!names_same(f->name, f->pkg, g->name, g->pkg) || f->embedded != g->embedded ||
            f->tag_len != g->tag_len || (f->tag_len && memcmp(f->tag, g->tag, f->tag_len)) ||
            !identical_at(f->type, g->type, depth)) {
            return false;
        }
    }
    return true;
}

/* Interfaces may name each other in circles, so a pair that is being compared counts as identical:
 * if it is not, its own comparison says so. A pair stays assumed while the whole succeeds. */
typedef struct Pair {
    struct Pair *outer;
    Type *a, *b;
} Pair;

typedef struct Comparison {
    Pair *assumed;
} Comparison;
static Comparison *comparison; /* on the stack of types_identical */

static bool assumed(Type *a, Type *b)
{
    for (Pair *p = comparison->assumed; p; p = p->outer) {
        mem_step();
        if ((p->a == a && p->b == b) || (p->a == b && p->b == a)) {
            return true;
        }
    }
    Pair *p = MEM_NEW(Pair);
    *p = (Pair){comparison->assumed, a, b};
    comparison->assumed = p;
    return false;
}

static bool identical_terms(TypeSet *s, TypeSet *r, int depth)
{
    if (s->all != r->all || s->nterms != r->nterms) {
        return false;
    }
    for (uint32_t i = 0; i < s->nterms; i++) {
        bool found = false;
        for (uint32_t k = 0; k < r->nterms && !found; k++) {
            Pair *before = comparison->assumed;
            found = s->terms[i].tilde == r->terms[k].tilde &&
                    identical_at(s->terms[i].type, r->terms[k].type, depth);
            comparison->assumed = found ? comparison->assumed : before;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool identical_interfaces(Type *a, Type *b, int depth)
{
    TypeSet *s = typeset_of(a), *r = typeset_of(b);
    if (s->nmethods != r->nmethods || s->comparable != r->comparable ||
        !identical_terms(s, r, depth)) {
        return false;
    }
    if (s->nmethods && assumed(a, b)) {
        return true;
    }
    for (uint32_t i = 0; i < s->nmethods; i++) {
        Method *m = &s->methods[i], *k = &r->methods[i];
        if (!names_same(m->name, m->pkg, k->name, k->pkg) || !identical_at(m->type, k->type, depth)) {
            return false;
        }
    }
    return true;
}

static bool identical_at(Type *a, Type *b, int depth)
{
    if (a == b) {
        return true;
    }
    if (!a || !b || a->kind != b->kind) {
        return false;
    }
    if (depth > MAX_DEPTH) {
        return true;
    }
    mem_step();
    depth++;
    switch (a->kind) {
    case T_ARRAY:
        return (a->array.len == b->array.len || a->array.len < 0 || b->array.len < 0) &&
               identical_at(a->array.elem, b->array.elem, depth);
    case T_SLICE:
        return identical_at(a->slice.elem, b->slice.elem, depth);
    case T_POINTER:
        return identical_at(a->pointer.elem, b->pointer.elem, depth);
    case T_MAP:
        return identical_at(a->map.key, b->map.key, depth) &&
               identical_at(a->map.elem, b->map.elem, depth);
    case T_CHAN:
        return a->chan.dir == b->chan.dir && identical_at(a->chan.elem, b->chan.elem, depth);
    case T_STRUCT:
        return identical_structs(a, b, depth);
    case T_FUNC:
        return identical_funcs(a, b, depth);
    case T_INTERFACE:
        return identical_interfaces(a, b, depth);
    case T_TUPLE:
        if (a->tuple.n != b->tuple.n) {
            return false;
        }
        for (uint32_t i = 0; i < a->tuple.n; i++) {
            if (!identical_at(a->tuple.at[i], b->tuple.at[i], depth)) {
                return false;
            }
        }
        return true;
    case T_UNION:
        if (a->union_.n != b->union_.n) {
            return false;
        }
        for (uint32_t i = 0; i < a->union_.n; i++) {
            if (a->union_.terms[i].tilde != b->union_.terms[i].tilde ||
                !identical_at(a->union_.terms[i].type, b->union_.terms[i].type, depth)) {
                return false;
            }
        }
        return true;
    case T_NAMED: case T_TPARAM:
        return false; /* instances are hash-consed */
    default:
        return true; /* basic kinds: byte and uint8 */
    }
}

bool types_identical(Type *a, Type *b)
{
    Comparison here = {NULL}, *outer = comparison;
    comparison = &here;
    bool same = identical_at(a, b, 0);
    comparison = outer;
    return same;
}

/* Hash: equal for identical types; shallow where identity is subtle (interfaces). */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0xff51afd7ed558ccdull;
    return h ^ (h >> 32);
}

static uint64_t name_bits(Name n)
{
    uint64_t h = 7;
    for (; n && *n; n++) {
        h = h * 131 + (unsigned char)*n;
    }
    return h;
}

static uint64_t hash_at(Type *t, int depth)
{
    if (!t) {
        return 1;
    }
    mem_step();
    uint64_t h = mix(0x9e3779b97f4a7c15ull, t->kind);
    if (depth > 8) {
        return h;
    }
    switch (t->kind) { /* these branch nowhere: any depth is fine */
    case T_ARRAY:
        return mix(hash_at(t->array.elem, depth), (uint64_t)t->array.len + 31);
    case T_SLICE:
        return mix(h, hash_at(t->slice.elem, depth));
    case T_POINTER:
        return mix(h, hash_at(t->pointer.elem, depth));
    default:
        break;
    }
    depth++;
    switch (t->kind) {
    case T_MAP:
        return mix(mix(h, hash_at(t->map.key, depth)), hash_at(t->map.elem, depth));
    case T_CHAN:
        return mix(mix(h, hash_at(t->chan.elem, depth)), t->chan.dir);
    case T_STRUCT:
        for (uint32_t i = 0; i < t->struct_.n; i++) {
            h = mix(mix(h, name_bits(t->struct_.fields[i].name)),
                    hash_at(t->struct_.fields[i].type, depth));
        }
        return h;
    case T_FUNC:
        h = mix(h, t->func.nparams * 64u + t->func.nresults * 2u + t->func.variadic);
        if (t->func.tparams.n) {
            return h;
        }
        for (uint32_t i = 0; i < t->func.nparams; i++) {
            h = mix(h, hash_at(t->func.params[i].type, depth));
        }
        for (uint32_t i = 0; i < t->func.nresults; i++) {
            h = mix(h, hash_at(t->func.results[i].type, depth));
        }
        return h;
    case T_INTERFACE:
        return mix(h, typeset_of(t)->nmethods);
    case T_NAMED:
        if (t->named.targs.n) {
            h = mix(h, t->named.origin->named.serial);
            for (uint32_t i = 0; i < t->named.targs.n; i++) {
                h = mix(h, hash_at(t->named.targs.at[i], depth));
            }
            return h;
        }
        return mix(mix(h, name_bits(t->named.obj->name)), t->named.serial);
    case T_TPARAM:
        return mix(h, t->tparam.serial + t->tparam.index * 977u);
    case T_TUPLE:
        for (uint32_t i = 0; i < t->tuple.n; i++) {
            h = mix(h, hash_at(t->tuple.at[i], depth));
        }
        return h;
    default:
        return h;
    }
}

uint64_t type_hash(Type *t) { return hash_at(t, 0); }

/* Memory layout (runtime/value.h) */

static int64_t round_up(int64_t n, int64_t align) { return (n + align - 1) / align * align; }

static int64_t struct_offset(Type *u, uint32_t field);

static int64_t struct_align(Type *u)
{
    int64_t align = 1;
    uint32_t n = u->mark ? 0 : u->struct_.n; /* marked: inside itself */
    u->mark++;
    for (uint32_t i = 0; i < n; i++) {
        int64_t a = type_alignof(u->struct_.fields[i].type);
        align = a > align ? a : align;
    }
    u->mark--;
    return align;
}

static bool settle_struct(Type *u);

/* Whether t's layout will not change any more: everything in it is resolved and known. */
static bool settled(Type *t)
{
    if (t->kind == T_TPARAM) {
        return false;
    }
    Type *u = type_under(t);
    if (u->kind == T_ARRAY) {
        return settled(u->array.elem);
    }
    return u->kind == T_STRUCT ? settle_struct(u) : u->kind != T_INVALID;
}

/* Computes a struct's layout once; without that a type of n steps, each a struct of two of the one
 * before, would take 2^n. */
static bool settle_struct(Type *u)
{
    mem_step();
    if (u->struct_.align || u->mark) {
        return !u->mark; /* marked: it contains itself, which was reported */
    }
    u->mark = 1;
    bool ok = true;
    for (uint32_t i = 0; i < u->struct_.n && ok; i++) {
        ok = u->struct_.fields[i].type && settled(u->struct_.fields[i].type);
    }
    u->mark = 0;
    if (!ok) {
        return false;
    }
    int64_t align = struct_align(u);
    u->struct_.size = round_up(struct_offset(u, u->struct_.n), align);
    u->struct_.align = (uint32_t)align;
    return true;
}

int64_t type_alignof(Type *t)
{
    Type *u = type_under(t);
    switch (u->kind) {
    case T_BOOL: case T_INT8: case T_UINT8:
        return 1;
    case T_INT16: case T_UINT16:
        return 2;
    case T_INT32: case T_UINT32: case T_FLOAT32: case T_COMPLEX64:
        return 4;
    case T_STRING: case T_SLICE: case T_INTERFACE: case T_UNTYPED_STRING:
        return 16;
    case T_ARRAY:
        return type_alignof(u->array.elem);
    case T_STRUCT: {
        settle_struct(u);
        return u->struct_.align ? u->struct_.align : struct_align(u);
    }
    default:
        return 8;
    }
}

/* Offset of field, or of the end (field == n). Sizes that overflow saturate. */
static int64_t struct_offset(Type *u, uint32_t field)
{
    const int64_t limit = (int64_t)1 << 50;
    int64_t off = 0;
    uint32_t n = u->mark ? 0 : u->struct_.n;
    u->mark++;
    for (uint32_t i = 0; i < n && i <= field; i++) {
        Type *f = u->struct_.fields[i].type;
        off = round_up(off, type_alignof(f));
        if (i < field) {
            off += type_sizeof(f);
            off = off > limit ? limit : off;
        }
    }
    /* a zero-sized last field gets a byte: its address stays inside the object */
    if (off && n && field == n && !type_sizeof(u->struct_.fields[n - 1].type)) {
        off++;
    }
    u->mark--;
    return off;
}

int64_t type_offsetof(Type *strukt, uint32_t field) { return struct_offset(type_under(strukt), field); }

int64_t type_sizeof(Type *t)
{
    Type *u = type_under(t);
    switch (u->kind) {
    case T_BOOL: case T_INT8: case T_UINT8:
        return 1;
    case T_INT16: case T_UINT16:
        return 2;
    case T_INT32: case T_UINT32: case T_FLOAT32:
        return 4;
    case T_STRING: case T_SLICE: case T_INTERFACE: case T_COMPLEX128: case T_UNTYPED_STRING:
        return 16;
    case T_ARRAY: {
        int64_t size = type_sizeof(u->array.elem), total;
        if (u->array.len <= 0 || size == 0) {
            return 0;
        }
        if (__builtin_mul_overflow(size, u->array.len, &total) || total > (int64_t)1 << 50) {
            return (int64_t)1 << 50;
        }
        return total;
    }
    case T_STRUCT:
        return settle_struct(u) ? u->struct_.size
                                : round_up(struct_offset(u, u->struct_.n), struct_align(u));
    default:
        return 8;
    }
}
