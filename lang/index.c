/* index.c - index expressions (of values, or instantiations written with the same brackets) and
 * slice expressions. A type parameter is indexed if every type of its type set can be. */
#include "lang/check.h"

#include <string.h>

/* Checks an index: an integer; a constant one not negative, and below max if max >= 0. *value is
 * its value, or -1. */
bool check_index_value(Checker *c, Expr *i, int64_t max, int64_t *value)
{
    *value = -1;
    check_expr(c, i, NULL);
    if (i->mode == MODE_INVALID) {
        return false;
    }
    if (type_is_untyped(i->type)) {
        if (check_implicit(c, i, basic(T_INT)) != CONV_OK) {
            bool number = type_is_numeric(i->type) && i->mode == MODE_CONST;
            Const *v = number ? const_to_int(i->cval) : NULL;
            if (v && const_sign(v) < 0) {
                check_error_at(c, i, "InvalidIndex", "invalid argument: index %s (constant of type "
                               "int) must not be negative", expr_string(i));
            } else {
                check_error_at(c, i, "InvalidIndex", "invalid argument: index %s %s",
                               check_operand_text(c, i), v ? "overflows int" : number
                               ? "truncated to int" : "must be integer");
            }
            return false;
        }
        if (i->mode == MODE_INVALID) {
            return false;
        }
    }
    if (!type_is_integer(i->type)) {
        check_error_at(c, i, "InvalidIndex", "invalid argument: index %s must be integer",
                       check_operand_text(c, i));
        return false;
    }
    if (i->mode != MODE_CONST || const_kind(i->cval) == CK_UNKNOWN) {
        return true;
    }
    if (const_sign(i->cval) < 0) {
        check_error_at(c, i, "InvalidIndex", "invalid argument: index %s must not be negative",
                       check_operand_text(c, i));
        return false;
    }
    int64_t v;
    if (!const_as_i64(i->cval, &v)) {
        check_error_at(c, i, "InvalidIndex", "invalid argument: index %s overflows int",
                       check_operand_text(c, i));
        return false;
    }
    *value = v;
    if (max >= 0 && v >= max) {
        check_error_at(c, i, "InvalidIndex", "invalid argument: index %s out of bounds [0:%lld]",
                       const_format(i->cval), (long long)max);
        return false;
    }
    return true;
}

/* What indexing a value of one type yields. */
typedef struct Indexed {
    Type *elem;
    Type *key;      /* of a map */
    int64_t len;    /* of an array or constant string, else -1 */
    bool is_string, assignable;
} Indexed;

static bool indexed(Type *t, bool addressable, Indexed *out)
{
    Type *u = type_under(t);
    *out = (Indexed){.len = -1};
    if (u->kind == T_POINTER && type_under(u->pointer.elem)->kind == T_ARRAY) {
        u = type_under(u->pointer.elem);
        addressable = true;
    }
    switch (u->kind) {
    case T_STRING:
    case T_UNTYPED_STRING:
        out->elem = type_byte;
        out->is_string = true;
        return true;
    case T_ARRAY:
        out->elem = u->array.elem;
        out->len = u->array.len;
        out->assignable = addressable;
        return true;
    case T_SLICE:
        out->elem = u->slice.elem;
        out->assignable = true;
        return true;
    case T_MAP:
        out->elem = u->map.elem;
        out->key = u->map.key;
        out->assignable = true;
        return true;
    default:
        return false;
    }
}

/* All types of the type set: same elements, maps with maps of the same key. */
static bool indexed_tparam(Type *t, bool addressable, Indexed *out)
{
    TypeSet *set = typeset_of(type_under(t));
    if (set->all || !set->nterms) {
        return false;
    }
    for (uint32_t i = 0; i < set->nterms; i++) {
        Indexed one;
        if (!indexed(set->terms[i].type, addressable, &one)) {
            return false;
        }
        if (i == 0) {
            *out = one;
            continue;
        }
        if (!types_identical(out->elem, one.elem) || !out->key != !one.key
            || (out->key && !types_identical(out->key, one.key))) {
            return false;
        }
        if (one.len >= 0 && (out->len < 0 || one.len < out->len)) {
            out->len = one.len;
        }
        out->is_string |= one.is_string;
        out->assignable &= one.assignable;
    }
    return true;
}

static void index_result(Checker *c, Expr *e, Expr *x, const Indexed *in)
{
    e->type = in->elem;
    e->mode = in->key ? MODE_MAPINDEX : in->assignable ? MODE_VAR : MODE_VALUE;
    Expr *i = e->index.index.at[0];
    if (in->key) {
        check_expr(c, i, NULL);
        check_assign_to(c, i, in->key, "map index");
        return;
    }
    int64_t v, max = in->len;
    if (x->mode == MODE_CONST && in->is_string && const_kind(x->cval) == CK_STRING) {
        size_t n;
        const_as_string(x->cval, &n);
        max = (int64_t)n;
    }
    check_index_value(c, i, max, &v);
}

void check_index(Checker *c, Expr *e)
{
    Expr *x = e->index.x;
    check_raw(c, x, NULL);
    check_invalid(e);
    if (x->mode == MODE_TYPE) {
        check_instance(c, e);
        return;
    }
    if (x->mode == MODE_VALUE && x->type->kind == T_FUNC && x->type->func.tparams.n) {
        check_func_instance(c, e);
        return;
    }
    check_exclude_nonvalues(c, x);
    if (!check_single(c, x)) {
        check_use_list(c, &e->index.index);
        return;
    }
    Indexed in;
    bool ok = x->type->kind == T_TPARAM ? indexed_tparam(x->type, x->mode == MODE_VAR, &in)
                                        : indexed(x->type, x->mode == MODE_VAR, &in);
    if (!ok) {
        check_error_at(c, x, "NonIndexableOperand", "invalid operation: cannot index %s",
                       check_operand_text(c, x));
        check_use_list(c, &e->index.index);
        return;
    }
    if (e->index.index.n != 1) {
        check_error_at(c, e->index.index.n ? e->index.index.at[1] : e, "InvalidIndex",
                       "unexpected comma; expecting ]");
        return;
    }
    if (x->mode == MODE_CONST && in.is_string) {
        check_default(c, x);
    }
    index_result(c, e, x, &in);
}

/* The type of x[lo:hi], and the length that bounds constant indices. */
static Type *sliced(Checker *c, Expr *e, Expr *x, int64_t *max)
{
    Type *u = type_core_string(x->type);
    if (!u) {
        check_error_at(c, x, "NonSliceableOperand", "cannot slice %s: %s has no core type",
                       check_operand_text(c, x), check_type_text(c, x->type));
        return NULL;
    }
    switch (u->kind) {
    case T_STRING:
    case T_UNTYPED_STRING:
        if (e->slice.three) {
            check_error_at(c, e, "InvalidSliceExpr",
                           "invalid operation: 3-index slice of string");
            return NULL;
        }
        if (x->mode == MODE_CONST && const_kind(x->cval) == CK_STRING) {
            size_t n;
            const_as_string(x->cval, &n);
            *max = (int64_t)n + 1;
        }
        if (type_is_untyped(x->type)) {
            check_default(c, x);
        }
        return x->type;
    case T_ARRAY:
        if (x->mode != MODE_VAR) {
            check_error_at(c, x, "NonSliceableOperand",
                           "invalid operation: %s (slice of unaddressable value)",
                           check_operand_text(c, x));
            return NULL;
        }
        *max = u->array.len + 1;
        return type_slice(u->array.elem);
    case T_POINTER:
        if (type_under(u->pointer.elem)->kind == T_ARRAY) {
            Type *arr = type_under(u->pointer.elem);
            *max = arr->array.len + 1;
            return type_slice(arr->array.elem);
        }
        break;
    case T_SLICE:
        return x->type;
    default:
        break;
    }
    check_error_at(c, x, "NonSliceableOperand", "cannot slice %s", check_operand_text(c, x));
    return NULL;
}

void check_slice(Checker *c, Expr *e)
{
    Expr *x = e->slice.x;
    Expr *ind[3] = {e->slice.lo, e->slice.hi, e->slice.max};
    check_expr(c, x, NULL);
    check_invalid(e);
    if (x->mode == MODE_INVALID) {
        for (int i = 0; i < 3; i++) {
            check_use(c, ind[i]);
        }
        return;
    }
    int64_t max = -1, at[3] = {-1, -1, -1};
    Type *t = sliced(c, e, x, &max);
    if (!t) {
        return;
    }
    e->mode = MODE_VALUE;
    e->type = t;
    for (int i = 0; i < 3; i++) {
        if (ind[i]) {
            check_index_value(c, ind[i], max, &at[i]);
        }
    }
    for (int i = 0; i < 3; i++) {
        for (int k = i + 1; k < 3 && at[i] >= 0; k++) {
            if (at[k] >= 0 && at[i] > at[k]) {
                check_error_at(c, ind[k], "SwappedSliceIndices",
                               "invalid slice indices: %lld < %lld", (long long)at[k],
                               (long long)at[i]);
                return;
            }
        }
    }
}
