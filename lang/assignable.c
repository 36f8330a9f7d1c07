/* assignable.c - assignability, convertibility and representability, as the specification words
 * them. Operands are checked expressions: mode, type and constant value count. */
#include "lang/types.h"

/* Representability of constants */

static const struct {
    uint8_t bits;
    bool is_signed;
} int_bits[] = {
    [T_INT] = {64, true}, [T_INT8] = {8, true}, [T_INT16] = {16, true}, [T_INT32] = {32, true},
    [T_INT64] = {64, true}, [T_UINT] = {64, false}, [T_UINT8] = {8, false}, [T_UINT16] = {16, false},
    [T_UINT32] = {32, false}, [T_UINT64] = {64, false}, [T_UINTPTR] = {64, false},
};

static bool int_fits(const Const *c, TypeKind k)
{
    int64_t i;
    uint64_t u;
    uint32_t bits = int_bits[k].bits;
    if (int_bits[k].is_signed) {
        return const_as_i64(c, &i) && (bits == 64 || (i >= -((int64_t)1 << (bits - 1)) &&
                                                      i < ((int64_t)1 << (bits - 1))));
    }
    return const_as_u64(c, &u) && (bits == 64 || u < ((uint64_t)1 << bits));
}

static bool float_fits(const Const *c, TypeKind k, Const **out)
{
    Const *f = const_to_float(c);
    if (!f) {
        return false;
    }
    Const *r = k == T_FLOAT32 ? const_round_f32(f) : const_round_f64(f);
    double d = const_as_f64(f);
    bool inf = k == T_FLOAT32 ? __builtin_isinf(const_as_f32(f)) : __builtin_isinf(d);
    if (inf || !r) {
        return false;
    }
    *out = r;
    return true;
}

static bool complex_fits(const Const *c, TypeKind k, Const **out)
{
    Const *z = const_to_complex(c), *re, *im;
    TypeKind part = k == T_COMPLEX64 ? T_FLOAT32 : T_FLOAT64;
    if (!z || !float_fits(const_real(z), part, &re) || !float_fits(const_imag(z), part, &im)) {
        return false;
    }
    *out = const_complex(re, im);
    return true;
}

bool const_representable(Const *c, Type *basic, Const **rounded)
{
    Const *dummy, *v = c;
    rounded = rounded ? rounded : &dummy;
    *rounded = c;
    if (const_kind(c) == CK_UNKNOWN || basic->kind == T_INVALID) {
        return true;
    }
    switch (basic->kind) {
    case T_BOOL: case T_UNTYPED_BOOL:
        return const_kind(c) == CK_BOOL;
    case T_STRING: case T_UNTYPED_STRING:
        return const_kind(c) == CK_STRING;
    default:
        break;
    }
    if (const_kind(c) == CK_BOOL || const_kind(c) == CK_STRING) {
        return false;
    }
    switch (basic->kind) {
    case T_UNTYPED_INT: case T_UNTYPED_RUNE:
        v = const_to_int(c);
        break;
    case T_UNTYPED_FLOAT:
        v = const_to_float(c);
        break;
    case T_UNTYPED_COMPLEX:
        v = const_to_complex(c);
        break;
    case T_FLOAT32: case T_FLOAT64:
        if (!float_fits(c, basic->kind, &v)) {
            return false;
        }
        break;
    case T_COMPLEX64: case T_COMPLEX128:
        if (!complex_fits(c, basic->kind, &v)) {
            return false;
        }
        break;
    default:
        if (basic->kind < T_INT || basic->kind > T_UINTPTR) {
            return false;
        }
        v = const_to_int(c);
        if (v && !int_fits(v, basic->kind)) {
            v = NULL;
        }
    }
    if (!v) {
        return false;
    }
    *rounded = v;
    return true;
}

/* Assignability */

static bool has_name(const Type *t)
{
    return t->kind < T_ARRAY || t->kind == T_NAMED || t->kind == T_TPARAM;
}

typedef struct TermCheck {
    Expr *x;
    Expr probe;
    Type *to;
    bool convert;
    const char *why;
} TermCheck;

static bool untyped_fits(Expr *x, Type *to, const char **why);

static bool untyped_step(Type *term, bool tilde, void *ctx)
{
    TermCheck *c = ctx;
    (void)tilde;
    return term && untyped_fits(c->x, term, &c->why);
}

static bool untyped_fits(Expr *x, Type *to, const char **why)
{
    if (type_is_tparam(to)) {
        TermCheck c = {.x = x};
        return type_each_term(to, untyped_step, &c);
    }
    Type *u = type_under(to);
    if (u->kind == T_INTERFACE) {
        if (x->type->kind == T_UNTYPED_NIL) {
            return true;
        }
        char *reason;
        Type *d = type_default(x->type);
        if (type_implements(d, u, false, NULL, &reason)) {
            return true;
        }
        *why = mem_printf("%s does not implement %s %s", type_string(d, NULL), type_string(to, NULL), reason);
        return false;
    }
    switch (x->type->kind) {
    case T_UNTYPED_NIL:
        return type_has_nil(u);
    case T_UNTYPED_BOOL:
        return type_is_boolean(u);
    case T_UNTYPED_STRING:
        return u->kind == T_STRING || u->kind == T_UNTYPED_STRING;
    default:
        if (!type_is_numeric(u)) {
            return false;
        }
        return x->mode != MODE_CONST || !x->cval || const_representable(x->cval, u, NULL);
    }
}

static bool from_term(Type *term, bool tilde, void *ctx)
{
    TermCheck *c = ctx;
    (void)tilde;
    if (!term) {
        return false;
    }
    c->probe.type = term;
    return c->convert ? types_convertible(&c->probe, c->to, &c->why)
                      : types_assignable(&c->probe, c->to, &c->why);
}

static bool to_term(Type *term, bool tilde, void *ctx)
{
    TermCheck *c = ctx;
    (void)tilde;
    return term && (c->convert ? types_convertible(c->x, term, &c->why)
                               : types_assignable(c->x, term, &c->why));
}

static bool assignable_to_interface(Type *v, Type *to, const char **why)
{
    char *reason;
    if (type_implements(v, to, false, NULL, &reason)) {
        return true;
    }
    Type *u = type_under(v);
    char *other;
    if (u->kind == T_INTERFACE && v->kind != T_TPARAM && type_implements(to, u, false, NULL, &other)) {
        *why = "need type assertion";
        *why = mem_printf("%s does not implement %s %s", type_string(v, NULL), type_string(to, NULL), reason);
    } else {
        *why = mem_printf("%s does not implement %s%s%s", type_string(v, NULL), type_string(to, NULL),
                          *reason ? " " : "", reason);
    }
    return false;
}

bool types_assignable(Expr *x, Type *to, const char **why)
{
    const char *dummy;
    why = why ? why : &dummy;
    *why = "";
    Type *v = x->type;
    if (x->mode == MODE_INVALID || !v || !to || v->kind == T_INVALID || to->kind == T_INVALID ||
        types_identical(v, to)) {
        return true;
    }
    if (type_is_untyped(v)) {
        return untyped_fits(x, to, why);
    }
    Type *vu = type_under(v), *tu = type_under(to);
    bool vp = v->kind == T_TPARAM, tp = to->kind == T_TPARAM;
    if (!vp && !tp && (!has_name(v) || !has_name(to)) && types_identical(vu, tu)) {
        return true;
    }
    if (tu->kind == T_INTERFACE && !tp) {
        return assignable_to_interface(v, to, why);
    }
    if (vu->kind == T_INTERFACE && !vp) {
        char *reason;
        if (type_implements(to, vu, false, NULL, &reason)) {
            *why = "need type assertion";
        }
        return false;
    }
    if (!vp && !tp && vu->kind == T_CHAN && tu->kind == T_CHAN && vu->chan.dir == 3 &&
        types_identical(vu->chan.elem, tu->chan.elem)) {
        return !has_name(v) || !has_name(to);
    }
    if (tp && !has_name(v)) {
        TermCheck c = {.x = x};
        return type_each_term(to, to_term, &c);
    }
    if (vp && !has_name(to)) {
        TermCheck c = {.probe = *x, .to = to};
        return type_each_term(v, from_term, &c);
    }
    return false;
}

/* Convertibility */

/* Underlying types identical, struct tags ignored. */
static bool identical_no_tags(Type *a, Type *b, int depth)
{
    if (types_identical(a, b) || depth > 50) {
        return true;
    }
    if (!a || !b || a->kind != b->kind) {
        return false;
    }
    depth++;
    switch (a->kind) {
    case T_STRUCT:
        if (a->struct_.n != b->struct_.n) {
            return false;
        }
        for (uint32_t i = 0; i < a->struct_.n; i++) {
            StructField *f = &a->struct_.fields[i], *g = &b->struct_.fields[i];
            if (!names_same(f->name, f->pkg, g->name, g->pkg) || f->embedded != g->embedded ||
                !identical_no_tags(f->type, g->type, depth)) {
                return false;
            }
        }
        return true;
    case T_POINTER:
        return identical_no_tags(a->pointer.elem, b->pointer.elem, depth);
    case T_SLICE:
        return identical_no_tags(a->slice.elem, b->slice.elem, depth);
    case T_ARRAY:
        return a->array.len == b->array.len && identical_no_tags(a->array.elem, b->array.elem, depth);
    case T_MAP:
        return identical_no_tags(a->map.key, b->map.key, depth) &&
               identical_no_tags(a->map.elem, b->map.elem, depth);
    case T_CHAN:
        return a->chan.dir == b->chan.dir && identical_no_tags(a->chan.elem, b->chan.elem, depth);
    case T_FUNC:
        if (a->func.nparams != b->func.nparams || a->func.nresults != b->func.nresults ||
            a->func.variadic != b->func.variadic) {
            return false;
        }
        for (uint32_t i = 0; i < a->func.nparams; i++) {
            if (!identical_no_tags(a->func.params[i].type, b->func.params[i].type, depth)) {
                return false;
            }
        }
        for (uint32_t i = 0; i < a->func.nresults; i++) {
            if (!identical_no_tags(a->func.results[i].type, b->func.results[i].type, depth)) {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

static bool is_bytes_or_runes(Type *u)
{
    if (u->kind != T_SLICE) {
        return false;
    }
    TypeKind k = type_under(u->slice.elem)->kind;
    return k == T_UINT8 || k == T_INT32;
}

static bool convertible_plain(Type *v, Type *to)
{
    Type *vu = type_under(v), *tu = type_under(to);
    if (identical_no_tags(vu, tu, 0)) {
        return true;
    }
    if (v->kind == T_POINTER && to->kind == T_POINTER &&
        v->pointer.elem->kind != T_TPARAM && to->pointer.elem->kind != T_TPARAM &&
        identical_no_tags(type_under(v->pointer.elem), type_under(to->pointer.elem), 0)) {
        return true;
    }
    bool vreal = type_is_integer(vu) || type_is_float(vu), treal = type_is_integer(tu) || type_is_float(tu);
    if ((vreal && treal) || (type_is_complex(vu) && type_is_complex(tu))) {
        return true;
    }
    if (tu->kind == T_STRING && (type_is_integer(vu) || is_bytes_or_runes(vu))) {
        return true;
    }
    if (vu->kind == T_STRING && is_bytes_or_runes(tu)) {
        return true;
    }
    if (vu->kind == T_UNSAFE_POINTER && (tu->kind == T_POINTER || tu->kind == T_UINTPTR)) {
        return true;
    }
    if (tu->kind == T_UNSAFE_POINTER && (vu->kind == T_POINTER || vu->kind == T_UINTPTR)) {
        return true;
    }
    if (vu->kind == T_SLICE) {
        Type *arr = tu->kind == T_POINTER ? type_under(tu->pointer.elem) : tu;
        return arr->kind == T_ARRAY && types_identical(vu->slice.elem, arr->array.elem);
    }
    return false;
}

bool types_convertible(Expr *x, Type *to, const char **why)
{
    const char *dummy;
    why = why ? why : &dummy;
    if (types_assignable(x, to, why)) {
        return true;
    }
    Type *v = x->type;
    if (to->kind == T_TPARAM || v->kind == T_TPARAM) {
        TermCheck c = {.x = x, .probe = *x, .to = to, .convert = true};
        c.probe.mode = x->mode == MODE_CONST ? MODE_CONST : MODE_VALUE;
        return to->kind == T_TPARAM ? type_each_term(to, to_term, &c) : type_each_term(v, from_term, &c);
    }
    if (type_is_untyped(v)) {
        if (x->mode == MODE_CONST && x->cval && type_is_const_type(to)) {
            return (type_under(to)->kind == T_STRING && type_is_integer(v)) ||
                   const_representable(x->cval, type_under(to), NULL);
        }
        return v->kind != T_UNTYPED_NIL && convertible_plain(type_default(v), to);
    }
    return convertible_plain(v, to);
}
