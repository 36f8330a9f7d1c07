/* convert.c - conversions T(x) and the possibility of type assertions. */
#include "lang/check.h"

#include <string.h>

static bool const_conversion(Checker *c, Expr *x, Type *t, Const **out)
{
    Type *u = type_under(t);
    if (const_kind(x->cval) == CK_UNKNOWN) {
        *out = x->cval;
        return true;
    }
    if (const_representable(x->cval, u, out)) {
        if (!*out) {
            *out = x->cval;
        }
        return true;
    }
    if (type_is_integer(x->type) && u->kind == T_STRING) {
        int64_t v;
        uint32_t r = 0xfffd;
        Const *i = const_to_int(x->cval);
        if (i && const_as_i64(i, &v) && v >= 0 && v <= 0x10ffff && !(v >= 0xd800 && v <= 0xdfff)) {
            r = (uint32_t)v;
        }
        char b[4];
        size_t n;
        if (r < 0x80) {
            b[0] = (char)r;
            n = 1;
        } else if (r < 0x800) {
            b[0] = (char)(0xc0 | r >> 6);
            b[1] = (char)(0x80 | (r & 63));
            n = 2;
        } else if (r < 0x10000) {
            b[0] = (char)(0xe0 | r >> 12);
            b[1] = (char)(0x80 | (r >> 6 & 63));
            b[2] = (char)(0x80 | (r & 63));
            n = 3;
        } else {
            b[0] = (char)(0xf0 | r >> 18);
            b[1] = (char)(0x80 | (r >> 12 & 63));
            b[2] = (char)(0x80 | (r >> 6 & 63));
            b[3] = (char)(0x80 | (r & 63));
            n = 4;
        }
        *out = const_string(b, n);
        return true;
    }
    return false;
}

/* An untyped operand gets its final type here; the conversion itself is the call's. */
static void settle_operand(Checker *c, Expr *x, Type *t, bool const_arg)
{
    if (!type_is_untyped(x->type)) {
        return;
    }
    Type *final = t;
    if (x->mode == MODE_NIL) {
        check_update(c, x, t);
        return;
    }
    if ((type_is_interface(t)) || t->kind == T_TPARAM || (const_arg && !type_is_const_type(t))) {
        final = type_default(x->type);
    } else if (x->mode == MODE_CONST && type_is_integer(x->type) && type_is_string(t)) {
        final = type_default(x->type);
        Const *v;
        if (!const_representable(x->cval, final, &v)) {
            x->type = final;
            return;
        }
    }
    check_update(c, x, final);
}

static bool convert_to_tparam(Checker *c, Expr *x, Type *t, const char **why)
{
    TypeSet *set = typeset_of(type_under(t));
    for (uint32_t i = 0; i < set->nterms; i++) {
        Type *term = set->terms[i].type;
        Const *v;
        if (!type_is_const_type(term)) {
            const char *ignored;
            if (types_convertible(x, term, &ignored)) {
                continue;
            }
        } else if (const_conversion(c, x, term, &v)) {
            continue;
        }
        *why = mem_printf("cannot convert %s to type %s (in %s)", check_operand_text(c, x),
                          check_type_text(c, term), check_type_text(c, t));
        return false;
    }
    return !set->all && set->nterms > 0;
}

/* Slices convert to array pointers since 1.17, to arrays since 1.20. */
static bool array_version(Checker *c, Expr *x, Type *t, const char **why)
{
    Type *u = type_under(t);
    if (u->kind == T_ARRAY && !check_allows(c, x->start, 20)) {
        *why = "conversion of slice to array requires go1.20 or later";
    } else if (u->kind == T_POINTER && type_under(u->pointer.elem)->kind == T_ARRAY &&
               !check_allows(c, x->start, 17)) {
        *why = "conversion of slice to array pointer requires go1.17 or later";
    } else {
        return true;
    }
    return false;
}

void check_conversion(Checker *c, Expr *call, Expr *x, Type *t)
{
    check_invalid(call);
    bool const_arg = x->mode == MODE_CONST;
    const char *why = NULL;
    bool ok;
    if (x->mode == MODE_VALUE && x->type->kind == T_FUNC && x->type->func.tparams.n) {
        check_error_at(c, x, "GenericUse", "cannot use generic function %s without instantiation",
                       expr_string(x));
        return;
    }
    if (const_arg && type_is_const_type(t)) {
        Const *v = x->cval;
        ok = const_conversion(c, x, t, &v);
        if (!ok && type_is_integer(x->type) && type_is_integer(t)) {
            check_error_at(c, x, "InvalidConversion",
                           "constant %s overflows %s",
                           const_format(x->cval), check_type_text(c, t));
            return;
        }
        if (ok) {
            call->mode = MODE_CONST;
            call->cval = v;
        } else if (type_is_numeric(x->type) && type_is_integer(t)) {
            why = "truncated";
        }
    } else if (const_arg && t->kind == T_TPARAM) {
        ok = convert_to_tparam(c, x, t, &why);
        call->mode = MODE_VALUE;
    } else {
        ok = types_convertible(x, t, &why);
        call->mode = MODE_VALUE;
        if (ok && c->old_files && type_under(x->type)->kind == T_SLICE) {
            ok = array_version(c, x, t, &why);
        }
    }
    if (!ok) {
        check_invalid(call);
        if (why && !strcmp(why, "truncated")) {
            check_error_at(c, x, "TruncatedFloat", "cannot convert %s to type %s (truncated)",
                           check_operand_text(c, x), check_type_text(c, t));
        } else if (why && *why) {
            check_error_at(c, x, "InvalidConversion", "cannot convert %s to type %s: %s",
                           check_operand_text(c, x), check_type_text(c, t), why);
        } else {
            check_error_at(c, x, "InvalidConversion", "cannot convert %s to type %s",
                           check_operand_text(c, x), check_type_text(c, t));
        }
        return;
    }
    call->type = t;
    settle_operand(c, x, t, const_arg);
    if (x->mode == MODE_INVALID) {
        check_invalid(call);
    }
}

/* Whether an interface value can hold a t at all. */
void check_assertable(Checker *c, Expr *e, Expr *x, Type *t, bool type_switch)
{
    if (type_is_interface(t) || t->kind == T_TPARAM) {
        return; /* methods of different types may conflict; asserting just fails */
    }
    Method *m = NULL;
    char *why = NULL;
    if (type_implements(t, type_under(x->type), false, &m, &why)) {
        return;
    }
    if (type_switch) {
        check_error_at(c, e, "ImpossibleAssert",
                       "impossible type switch case: %s cannot have dynamic type %s %s",
                       check_operand_text(c, x), check_type_text(c, t), why ? why : "");
    } else {
        check_error_at(c, e, "ImpossibleAssert",
                       "impossible type assertion: %s\n\t%s does not implement %s %s",
                       expr_string(e), check_type_text(c, t), check_type_text(c, x->type),
                       why ? why : "");
    }
}
