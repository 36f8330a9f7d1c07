/* expr.c - expressions: literals, unary and binary operators, comparisons, shifts, and the
 * conversion of untyped operands to the types that their contexts demand.
 *
 * An untyped operand keeps its untyped type until its context is known; check_update then writes
 * the final type into the whole subtree that takes part in the value (constant operands of a
 * constant need none: the value at their root is all that counts). A shift of an untyped constant
 * by a variable count is such a subtree: its operand gets the type of the context. */
#include "lang/check.h"

#include <assert.h>
#include <string.h>

void check_invalid(Expr *e)
{
    e->mode = MODE_INVALID;
    e->type = INVALID;
    e->cval = NULL;
}

Expr *check_unparen(Expr *e)
{
    while (e && e->kind == EX_PAREN) {
        e = e->paren.x;
    }
    return e;
}

const char *check_token_text(Token op)
{
    return token_text[op];
}

static bool is_shift(Token op)
{
    return op == TOK_SHL || op == TOK_SHR;
}

static bool is_comparison(Token op)
{
    return op == TOK_EQL || op == TOK_NEQ || op == TOK_LSS || op == TOK_LEQ || op == TOK_GTR
           || op == TOK_GEQ;
}

/* ---- conversion of untyped operands ---- */

static Conv representable(Checker *c, Expr *e, Type *t, Const **out)
{
    Type *u = type_under(t);
    Const *v = NULL;
    if (!e->cval || const_kind(e->cval) == CK_UNKNOWN) {
        *out = e->cval;
        return CONV_OK;
    }
    if (const_representable(e->cval, u, &v)) {
        *out = v ? v : e->cval;
        return CONV_OK;
    }
    if (type_is_numeric(e->type) && type_is_numeric(u)) {
        return !type_is_integer(e->type) && type_is_integer(u) ? CONV_TRUNCATED : CONV_OVERFLOW;
    }
    return CONV_BAD;
}

static void conversion_error(Checker *c, Expr *e, Conv code, Type *t)
{
    const char *x = check_operand_text(c, e), *to = check_type_text(c, t);
    switch (code) {
    case CONV_TRUNCATED:
        check_error_at(c, e, "TruncatedFloat", "%s truncated to %s", x, to);
        break;
    case CONV_OVERFLOW:
        check_error_at(c, e, "NumericOverflow", "%s overflows %s", x, to);
        break;
    default:
        check_error_at(c, e, "InvalidUntypedConversion", "cannot convert %s to type %s", x, to);
        break;
    }
    check_invalid(e);
}

static void update_operands(Checker *c, Expr *e, Type *t)
{
    switch (e->kind) {
    case EX_PAREN:
        check_update(c, e->paren.x, t);
        break;
    case EX_UNARY:
        if (e->mode != MODE_CONST) {
            check_update(c, e->unary.x, t);
        }
        break;
    case EX_BINARY:
        if (e->mode == MODE_CONST || is_comparison(e->binary.op)) {
            break;
        }
        check_update(c, e->binary.x, t);
        if (!is_shift(e->binary.op)) {
            check_update(c, e->binary.y, t);
        }
        break;
    case EX_CALL:
        if (e->mode != MODE_CONST && e->call.call_kind == CALL_BUILTIN
            && (e->call.builtin == BI_MIN || e->call.builtin == BI_MAX)) {
            for (uint32_t i = 0; i < e->call.args.n; i++) {
                check_update(c, e->call.args.at[i], t);
            }
        }
        break;
    default:
        break;
    }
}

/* Writes the type t into the untyped expression e and the operands that make its value. */
void check_update(Checker *c, Expr *e, Type *t)
{
    if (!e->type || !type_is_untyped(e->type)) {
        return;
    }
    if (!check_enter(c, e->start)) {
        check_leave(c);
        return;
    }
    bool shift = e->kind == EX_BINARY && is_shift(e->binary.op) && e->mode != MODE_CONST;
    if (shift && type_is_typed(t) && !type_is_integer(t)) {
        if (!is_invalid(t)) {
            check_error_at(c, e, "InvalidShiftOperand",
                           "invalid operation: shifted operand %s (type %s) must be integer",
                           expr_string(e->binary.x), check_type_text(c, t));
        }
        check_invalid(e);
        check_leave(c);
        return;
    }
    update_operands(c, e, t);
    if (e->mode == MODE_CONST && type_is_typed(t) && t->kind != T_TPARAM
        && type_is_const_type(t)) {
        Const *v = e->cval;
        Conv code = representable(c, e, t, &v);
        if (code != CONV_OK) {
            conversion_error(c, e, code, t);
            check_leave(c);
            return;
        }
        e->cval = v;
    }
    e->type = t;
    check_leave(c);
}

static bool tparam_takes(Checker *c, Expr *e, Type *t);

/* Whether e converts implicitly to target; *t is then its new type. */
static Conv implicit_type(Checker *c, Expr *e, Type *target, Type **t)
{
    *t = target;
    if (e->type->kind == T_UNTYPED_NIL) {
        return type_has_nil(target) ? CONV_OK : CONV_BAD;
    }
    if (target->kind == T_TPARAM) {
        return tparam_takes(c, e, target) ? CONV_OK : CONV_BAD;
    }
    Type *u = type_under(target);
    if (u->kind == T_INTERFACE) {
        *t = type_default(e->type);
        TypeSet *set = typeset_of(u);
        return set->nmethods || !set->all ? CONV_BAD : CONV_OK;
    }
    if (u->kind > T_STRING) {
        return CONV_BAD;
    }
    if (e->mode == MODE_CONST) {
        Const *v;
        return representable(c, e, target, &v);
    }
    switch (e->type->kind) {
    case T_UNTYPED_BOOL: return type_is_boolean(u) ? CONV_OK : CONV_BAD;
    case T_UNTYPED_STRING: return type_is_string(u) ? CONV_OK : CONV_BAD;
    default: return type_is_numeric(u) ? CONV_OK : CONV_BAD;
    }
}

static bool tparam_takes(Checker *c, Expr *e, Type *t)
{
    TypeSet *set = typeset_of(type_under(t));
    if (set->all || !set->nterms) {
        return false;
    }
    for (uint32_t i = 0; i < set->nterms; i++) {
        Type *ignored;
        if (implicit_type(c, e, set->terms[i].type, &ignored) != CONV_OK) {
            return false;
        }
    }
    return true;
}

static Conv both_untyped(Checker *c, Expr *e, Type *target)
{
    if (e->type->kind == target->kind) {
        return CONV_OK;
    }
    bool numbers = type_is_numeric(e->type) && type_is_numeric(target);
    if (!numbers) {
        return CONV_BAD;
    }
    if (target->kind > e->type->kind) {
        check_update(c, e, target);
    }
    return CONV_OK;
}

Conv check_implicit(Checker *c, Expr *e, Type *target)
{
    if (e->mode == MODE_INVALID || !type_is_untyped(e->type) || is_invalid(target)) {
        return CONV_OK;
    }
    if (type_is_untyped(target)) {
        return both_untyped(c, e, target);
    }
    Type *t;
    Conv code = implicit_type(c, e, target, &t);
    if (code == CONV_OK) {
        check_update(c, e, t);
    }
    return code;
}

void check_convert(Checker *c, Expr *e, Type *target)
{
    Conv code = check_implicit(c, e, target);
    if (code != CONV_OK) {
        conversion_error(c, e, code, target);
    }
}

void check_default(Checker *c, Expr *e)
{
    if (e->mode != MODE_INVALID && type_is_untyped(e->type)) {
        check_convert(c, e, type_default(e->type));
    }
}

/* After a constant operation: typed results must fit, untyped ones not grow without bound. */
void check_overflow(Checker *c, Expr *e)
{
    if (!e->cval) {
        e->cval = const_unknown();
    }
    if (type_is_typed(e->type)) {
        Const *v = e->cval;
        Conv code = representable(c, e, e->type, &v);
        if (code != CONV_OK) {
            conversion_error(c, e, code, e->type);
            return;
        }
        e->cval = v;
        if (const_kind(v) != CK_UNKNOWN) {
            return;
        }
    }
    ConstKind k = const_kind(e->cval);
    if (k != CK_UNKNOWN && !(k == CK_INT && const_bit_len(e->cval) > 512)) {
        return;
    }
    const char *what = "";
    if (e->kind == EX_BINARY) {
        switch (e->binary.op) {
        case TOK_ADD: what = "addition "; break;
        case TOK_SUB: what = "subtraction "; break;
        case TOK_MUL: what = "multiplication "; break;
        case TOK_SHL: what = "shift "; break;
        case TOK_XOR: what = "bitwise XOR "; break;
        default: break;
        }
    } else if (e->kind == EX_UNARY && e->unary.op == TOK_XOR) {
        what = "bitwise complement ";
    }
    check_error(c, e->pos ? e->pos : e->start, 0, "InvalidConstVal", "constant %soverflow", what);
    check_invalid(e);
}

/* ---- unary ---- */

static void address_of(Checker *c, Expr *e, Expr *x)
{
    Expr *lit = check_unparen(x);
    if (lit->kind != EX_COMPOSITE && x->mode != MODE_VAR) {
        check_error_at(c, x, "UnaddressableOperand", "invalid operation: cannot take address of %s",
                       check_operand_text(c, x));
        return;
    }
    e->mode = MODE_VALUE;
    e->type = type_pointer(x->type);
}

static void receive_from(Checker *c, Expr *e, Expr *x)
{
    Type *u = type_core(x->type);
    const char *why = NULL;
    if (!u) {
        why = "invalid operation: cannot receive from %s (no core type)";
    } else if (u->kind != T_CHAN) {
        why = "invalid operation: cannot receive from non-channel %s";
    } else if (!(u->chan.dir & 1)) {
        why = "invalid operation: cannot receive from send-only channel %s";
    }
    if (why) {
        const char *head = mem_strndup(why, (size_t)(strstr(why, "%s") - why));
        check_error_at(c, x, "InvalidReceive", "%s%s%s", head, check_operand_text(c, x),
                       strstr(why, "%s") + 2);
        return;
    }
    e->mode = MODE_COMMAOK;
    e->type = u->chan.elem;
    c->env.call_or_recv = true;
}

static void unary(Checker *c, Expr *e)
{
    Expr *x = e->unary.x;
    Token op = e->unary.op;
    check_expr(c, x, NULL);
    check_invalid(e);
    if (x->mode == MODE_INVALID) {
        return;
    }
    bool ok;
    switch (op) {
    case TOK_AND: address_of(c, e, x); return;
    case TOK_ARROW: receive_from(c, e, x); return;
    case TOK_TILDE:
        check_error_at(c, e, "UndefinedOp", "cannot use ~ outside of interface or type constraint");
        return;
    case TOK_NOT: ok = type_is_boolean(x->type); break;
    case TOK_XOR: ok = type_is_integer(x->type); break;
    default: ok = type_is_numeric(x->type); break;
    }
    if (!ok) {
        check_error_at(c, x, "UndefinedOp", "invalid operation: operator %s not defined on %s",
                       check_token_text(op), check_operand_text(c, x));
        return;
    }
    e->type = x->type;
    e->mode = MODE_VALUE;
    if (x->mode == MODE_CONST) {
        e->mode = MODE_CONST;
        e->cval = x->cval;
        if (const_kind(x->cval) != CK_UNKNOWN) {
            uint32_t bits = type_is_unsigned(x->type) ? (uint32_t)type_sizeof(x->type) * 8 : 0;
            Const *v = x->cval;
            if (op == TOK_XOR && const_kind(v) != CK_INT) {
                v = const_to_int(v);
            }
            e->cval = v ? const_unary(op, v, bits) : const_unknown();
            check_overflow(c, e);
        }
    }
}

/* ---- binary ---- */

/* Gives untyped operands of a binary operation the type of the other; false: they do not match. */
bool check_match(Checker *c, Expr *x, Expr *y)
{
    if (x->mode == MODE_INVALID || y->mode == MODE_INVALID) {
        return true;
    }
    bool xu = type_is_untyped(x->type), yu = type_is_untyped(y->type);
    if (!xu && !yu) {
        return true;
    }
    if (!type_is_interface(x->type) && !type_is_interface(y->type)) {
        if (type_is_boolean(x->type) != type_is_boolean(y->type)
            || type_is_string(x->type) != type_is_string(y->type)) {
            return false;
        }
        if (x->mode == MODE_NIL || y->mode == MODE_NIL) {
            Type *other = x->mode == MODE_NIL ? y->type : x->type;
            if (!type_has_nil(other)) {
                return false;
            }
        } else if (type_under(x->type)->kind == T_POINTER
                   || type_under(y->type)->kind == T_POINTER) {
            return false;
        }
    }
    check_convert(c, x, y->type);
    if (x->mode != MODE_INVALID) {
        check_convert(c, y, x->type);
    }
    return true;
}

static void mismatched(Checker *c, Expr *e, Expr *x, Token op, Expr *y, bool assign_op)
{
    if (is_invalid(x->type) || is_invalid(y->type)) {
        return;
    }
    check_error(c, x->start, y->end, "MismatchedTypes",
                "invalid operation: %s %s%s %s (mismatched types %s and %s)", expr_string(x),
                check_token_text(op), assign_op ? "=" : "", expr_string(y),
                check_type_text(c, x->type), check_type_text(c, y->type));
}

static const char *kind_word(Checker *c, Type *t)
{
    switch (type_under(t)->kind) {
    case T_ARRAY: return "array";
    case T_SLICE: return "slice";
    case T_STRUCT: return "struct";
    case T_POINTER: return "pointer";
    case T_FUNC: return "func";
    case T_INTERFACE: return t->kind == T_TPARAM ? "type parameter" : "interface";
    case T_MAP: return "map";
    case T_CHAN: return "chan";
    default: return check_type_text(c, t);
    }
}

static const char *incomparable(Checker *c, Type *t)
{
    TypeKind k = type_under(t)->kind;
    if (k == T_SLICE || k == T_MAP || k == T_FUNC) {
        return mem_printf("%s can only be compared to nil", kind_word(c, t));
    }
    const char *why = NULL;
    type_comparable_p(t, &why);
    return why;
}

static void comparison_error(Checker *c, Expr *x, Token op, Expr *y, Expr *bad, const char *why,
                             bool switch_case)
{
    if (!why) {
        why = bad->type->kind == T_TPARAM
              ? mem_printf("type parameter %s cannot use operator %s",
                           check_type_text(c, bad->type), check_token_text(op))
              : mem_printf("operator %s not defined on %s", check_token_text(op),
                           kind_word(c, bad->type));
    }
    if (switch_case) {
        check_error_at(c, x, "MismatchedTypes", "invalid case %s in switch on %s (%s)",
                       expr_string(x), expr_string(y), why);
    } else {
        check_error(c, x->start, y->end, "MismatchedTypes", "invalid operation: %s %s %s (%s)",
                    expr_string(x), check_token_text(op), expr_string(y), why);
    }
}

static bool comparable_pair(Checker *c, Expr *x, Token op, Expr *y, Expr **bad, const char **why)
{
    const char *ignored = NULL;
    *bad = y;
    *why = NULL;
    if (!types_assignable(x, y->type, &ignored) && !types_assignable(y, x->type, &ignored)) {
        *why = mem_printf("mismatched types %s and %s", check_type_text(c, x->type),
                          check_type_text(c, y->type));
        return false;
    }
    if (op == TOK_EQL || op == TOK_NEQ) {
        if (x->mode == MODE_NIL || y->mode == MODE_NIL) {
            Type *other = x->mode == MODE_NIL ? y->type : x->type;
            return type_has_nil(other) && !(x->mode == MODE_NIL && y->mode == MODE_NIL);
        }
        if (!type_comparable_p(x->type, NULL)) {
            *bad = x;
            *why = incomparable(c, x->type);
            return false;
        }
        if (!type_comparable_p(y->type, NULL)) {
            *why = incomparable(c, y->type);
            return false;
        }
        return true;
    }
    if (!type_is_ordered(x->type)) {
        *bad = x;
        return false;
    }
    return type_is_ordered(y->type);
}

/* Brings two constants to the same kind. */
static void match_consts(const Const **x, const Const **y)
{
    ConstKind a = const_kind(*x), b = const_kind(*y);
    ConstKind k = a > b ? a : b;
    if (a == b || k < CK_INT) {
        return;
    }
    const Const *p = k == CK_FLOAT ? const_to_float(*x) : const_to_complex(*x);
    const Const *q = k == CK_FLOAT ? const_to_float(*y) : const_to_complex(*y);
    *x = p ? p : const_unknown();
    *y = q ? q : const_unknown();
}

void check_comparison(Checker *c, Expr *e, Expr *x, Token op, Expr *y, bool switch_case)
{
    Expr *bad;
    const char *why;
    check_invalid(e);
    if (!comparable_pair(c, x, op, y, &bad, &why)) {
        comparison_error(c, x, op, y, bad, why, switch_case);
        return;
    }
    if (x->mode == MODE_CONST && y->mode == MODE_CONST) {
        const Const *p = x->cval, *q = y->cval;
        e->mode = MODE_CONST;
        if (const_kind(p) == CK_UNKNOWN || const_kind(q) == CK_UNKNOWN) {
            e->cval = const_unknown();
        } else {
            match_consts(&p, &q);
            e->cval = const_bool(const_kind(p) == const_kind(q) && const_compare(p, op, q));
        }
        if (type_is_untyped(x->type) && switch_case) {
            check_default(c, x);
            check_default(c, y);
        }
    } else {
        e->mode = MODE_VALUE;
        check_default(c, x);
        check_default(c, y);
    }
    e->type = basic(T_UNTYPED_BOOL);
}

static bool shift_count(Checker *c, Expr *y)
{
    if (y->mode == MODE_CONST) {
        Const *v = const_to_int(y->cval);
        if (v && const_kind(v) == CK_INT && const_sign(v) < 0) {
            check_error_at(c, y, "InvalidShiftCount", "invalid operation: negative shift count %s",
                           check_operand_text(c, y));
            return false;
        }
        if (type_is_untyped(y->type)) {
            Const *out;
            Conv code = representable(c, y, basic(T_UINT), &out);
            if (code != CONV_OK || !type_is_numeric(y->type)) {
                if (!type_is_numeric(y->type) || code != CONV_TRUNCATED) {
                    check_error_at(c, y, "InvalidShiftCount",
                                   code == CONV_OVERFLOW
                                   ? "invalid operation: invalid shift count %s"
                                   : "invalid operation: shift count %s must be integer",
                                   check_operand_text(c, y));
                } else {
                    conversion_error(c, y, code, basic(T_UINT));
                }
                return false;
            }
            return true;
        }
    }
    if (type_is_integer(y->type)) {
        if (type_is_untyped(y->type)) {
            check_convert(c, y, basic(T_UINT));
        } else if (!type_is_unsigned(y->type)) {
            check_version(c, y->start, y->end, 13, "invalid operation: signed shift count %s",
                          check_operand_text(c, y));
        }
        return y->mode != MODE_INVALID;
    }
    if (type_is_untyped(y->type) && type_is_numeric(y->type)) {
        check_convert(c, y, basic(T_UINT));
        return y->mode != MODE_INVALID;
    }
    check_error_at(c, y, "InvalidShiftCount", "invalid operation: shift count %s must be integer",
                   check_operand_text(c, y));
    return false;
}

static void const_shift_expr(Checker *c, Expr *e, Expr *x, Const *xv, Token op, Expr *y)
{
    e->mode = MODE_CONST;
    e->type = type_is_integer(x->type) ? x->type : basic(T_UNTYPED_INT);
    if (const_kind(y->cval) == CK_UNKNOWN || const_kind(x->cval) == CK_UNKNOWN) {
        e->cval = const_unknown();
        return;
    }
    uint64_t n = 0;
    Const *yv = const_to_int(y->cval);
    if (!yv || !const_as_u64(yv, &n) || n > 1023 - 1 + 52) {
        check_error_at(c, y, "InvalidShiftCount", "invalid operation: invalid shift count %s",
                       check_operand_text(c, y));
        check_invalid(e);
        return;
    }
    e->cval = const_shift(xv, op, n);
    check_overflow(c, e);
}

static void shift(Checker *c, Expr *e, Expr *x, Token op, Expr *y)
{
    check_invalid(e);
    Const *xv = NULL;
    if (x->mode == MODE_CONST) {
        xv = const_kind(x->cval) == CK_UNKNOWN ? x->cval
             : type_is_numeric(x->type) ? const_to_int(x->cval) : NULL;
    }
    bool ok = type_is_integer(x->type) || (type_is_untyped(x->type) && xv);
    if (!ok && type_is_untyped(x->type) && x->mode != MODE_CONST && type_is_numeric(x->type)) {
        ok = true; /* an untyped shift whose kind was widened; its type is settled later */
    }
    if (!ok) {
        check_error_at(c, x, "InvalidShiftOperand",
                       "invalid operation: shifted operand %s must be integer",
                       check_operand_text(c, x));
        return;
    }
    if (!shift_count(c, y)) {
        return;
    }
    if (x->mode == MODE_CONST && y->mode == MODE_CONST) {
        const_shift_expr(c, e, x, xv, op, y);
        return;
    }
    if (type_is_untyped(y->type)) {
        check_convert(c, y, basic(T_UINT));
    }
    e->mode = MODE_VALUE;
    e->type = x->type;
}

static bool op_defined(Token op, Type *t)
{
    switch (op) {
    case TOK_ADD: {
        if (type_is_numeric(t) || type_is_string(t)) {
            return true;
        }
        if (t->kind != T_TPARAM) {
            return false;
        }
        TypeSet *set = typeset_of(type_under(t));
        for (uint32_t i = 0; i < set->nterms; i++) {
            if (!type_is_numeric(set->terms[i].type) && !type_is_string(set->terms[i].type)) {
                return false;
            }
        }
        return set->nterms > 0;
    }
    case TOK_SUB: case TOK_MUL: case TOK_QUO: return type_is_numeric(t);
    case TOK_REM: case TOK_AND: case TOK_OR: case TOK_XOR: case TOK_AND_NOT:
        return type_is_integer(t);
    case TOK_LAND: case TOK_LOR: return type_is_boolean(t);
    default: return false;
    }
}

static bool divides_by_zero(Checker *c, Token op, Expr *x, Expr *y)
{
    if ((op != TOK_QUO && op != TOK_REM) || y->mode != MODE_CONST) {
        return false;
    }
    ConstKind k = const_kind(y->cval);
    if ((x->mode == MODE_CONST || type_is_integer(x->type)) && k != CK_UNKNOWN
        && const_sign(y->cval) == 0) {
        check_error_at(c, y, "DivByZero", "invalid operation: division by zero");
        return true;
    }
    return false;
}

static void fold(Checker *c, Expr *e, Expr *x, Token op, Expr *y)
{
    const Const *p = x->cval, *q = y->cval;
    e->mode = MODE_CONST;
    if (const_kind(p) == CK_UNKNOWN || const_kind(q) == CK_UNKNOWN) {
        e->cval = const_unknown();
        return;
    }
    bool ints = type_is_integer(x->type);
    if (ints) {
        p = const_kind(p) == CK_INT ? p : const_to_int(p);
        q = const_kind(q) == CK_INT ? q : const_to_int(q);
        if (!p || !q) {
            e->cval = const_unknown();
            return;
        }
    } else if (op == TOK_QUO && const_kind(p) == CK_INT && const_kind(q) == CK_INT) {
        p = const_to_float(p);
        q = const_to_float(q);
    }
    match_consts(&p, &q);
    e->cval = const_binary(p, op, q, ints);
    check_overflow(c, e);
}

/* x op y into e; e may be a node of its own for op= and ++. */
void check_binary(Checker *c, Expr *e, Expr *x, Token op, Expr *y, bool assign_op)
{
    check_expr(c, x, NULL);
    check_expr(c, y, NULL);
    check_invalid(e);
    if (x->mode == MODE_INVALID || y->mode == MODE_INVALID) {
        return;
    }
    if (is_shift(op)) {
        shift(c, e, x, op, y);
        return;
    }
    if (!check_match(c, x, y)) {
        mismatched(c, e, x, op, y, assign_op);
        return;
    }
    if (x->mode == MODE_INVALID || y->mode == MODE_INVALID) {
        return;
    }
    if (is_comparison(op)) {
        check_comparison(c, e, x, op, y, false);
        return;
    }
    if (!types_identical(x->type, y->type)) {
        mismatched(c, e, x, op, y, assign_op);
        return;
    }
    if (!op_defined(op, x->type)) {
        check_error_at(c, x, "UndefinedOp", "invalid operation: operator %s not defined on %s",
                       check_token_text(op), check_operand_text(c, x));
        return;
    }
    if (divides_by_zero(c, op, x, y)) {
        return;
    }
    e->type = x->type;
    e->mode = MODE_VALUE;
    if (x->mode == MODE_CONST && y->mode == MODE_CONST) {
        fold(c, e, x, op, y);
    }
}

/* A long "a" + "b" + ... of literals is joined in one go: pairwise it would be quadratic, and as
 * deep as it is long. false: e is no such chain. */
static bool string_chain(Checker *c, Expr *e)
{
    uint32_t n = 1;
    Expr *x = e;
    for (; x->kind == EX_BINARY && x->binary.op == TOK_ADD; x = x->binary.x) {
        if (x->binary.y->kind != EX_LIT || x->binary.y->lit.tok != TOK_STRING) {
            return false;
        }
        n++;
    }
    if (n < 8 || x->kind != EX_LIT || x->lit.tok != TOK_STRING) {
        return false;
    }
    Expr **leaves = MEM_NEW_N(Expr *, n);
    uint32_t i = n;
    for (x = e; x->kind == EX_BINARY; x = x->binary.x) {
        leaves[--i] = x->binary.y;
    }
    leaves[0] = x;
    size_t total = 0, len;
    for (i = 0; i < n; i++) {
        check_raw(c, leaves[i], NULL);
        if (leaves[i]->mode != MODE_CONST) {
            check_invalid(e);
            return true;
        }
        const_as_string(leaves[i]->cval, &len);
        total += len;
    }
    char *text = mem_alloc_atomic(total + 1);
    size_t at = 0;
    for (i = 0; i < n; i++) {
        const char *t = const_as_string(leaves[i]->cval, &len);
        memcpy(text + at, t, len);
        at += len;
    }
    for (x = e; x->kind == EX_BINARY; x = x->binary.x) {
        x->mode = MODE_CONST;
        x->type = basic(T_UNTYPED_STRING);
        x->cval = const_unknown(); /* of the inner ones: nobody asks */
    }
    e->cval = const_string(text, total);
    return true;
}

/* ---- other expressions ---- */

static void literal(Checker *c, Expr *e)
{
    static const uint8_t kinds[TOK_COUNT] = {
        [TOK_INT] = T_UNTYPED_INT, [TOK_FLOAT] = T_UNTYPED_FLOAT, [TOK_IMAG] = T_UNTYPED_COMPLEX,
        [TOK_CHAR] = T_UNTYPED_RUNE, [TOK_STRING] = T_UNTYPED_STRING,
    };
    e->cval = const_literal(e->lit.tok, e->lit.text, e->lit.len);
    if (!e->cval || !kinds[e->lit.tok]) {
        check_invalid(e);
        return;
    }
    check_literal_version(c, e);
    e->mode = MODE_CONST;
    e->type = basic(kinds[e->lit.tok]);
    if (const_kind(e->cval) == CK_UNKNOWN) {
        const char *text = mem_strndup(e->lit.text, e->lit.len);
        if (e->lit.len > 10000) {
            check_error_at(c, e, "InvalidConstVal", "excessively long constant: %.10s... (%u chars)",
                           text, e->lit.len);
        } else {
            check_error_at(c, e, "InvalidConstVal", "malformed constant: %s", text);
        }
        check_invalid(e);
    } else {
        check_overflow(c, e);
    }
}

static void lit_body_later(Checker *c, void *a, void *b)
{
    Expr *e = a;
    check_func_body(c, e->type, e->func.sig, e->func.body, e->func.scope, c->env.func,
                    c->env.depth + 1);
}

/* A literal inside a body is checked at once, in its place; one in a package-level declaration
 * waits, since it may mention what is being declared. */
void check_func_lit(Checker *c, Expr *e)
{
    uint32_t depth = c->env.depth;
    c->env.depth = depth + 1;
    e->func.scope = check_push_scope(c, e->start, e->end);
    e->func.scope->is_func = true;
    Type *sig = check_signature(c, e->func.sig, NULL, NULL);
    if (sig->func.tparams.n) {
        check_error_at(c, e, "InvalidMethodTypeParams",
                       "function type must have no type parameters");
        sig->func.tparams = (TypeList){0};
    }
    check_pop_scope(c);
    c->env.depth = depth;
    e->mode = MODE_VALUE;
    e->type = sig;
    if (!e->func.body) {
        return;
    }
    if (c->env.sig) {
        check_func_body(c, sig, e->func.sig, e->func.body, e->func.scope, c->env.func, depth + 1);
    } else {
        check_later(c, lit_body_later, e, NULL);
    }
}

static void dereference(Checker *c, Expr *e)
{
    Expr *x = e->star.x;
    check_expr_or_type(c, x);
    check_invalid(e);
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (x->mode == MODE_TYPE) {
        check_record_type(e, type_pointer(x->type));
        return;
    }
    if (x->mode == MODE_NIL) {
        check_error_at(c, e, "InvalidIndirection", "invalid operation: cannot indirect nil");
        return;
    }
    Type *u = type_core(x->type);
    if (!u || u->kind != T_POINTER) {
        check_error_at(c, x, "InvalidIndirection", "invalid operation: cannot indirect %s",
                       check_operand_text(c, x));
        return;
    }
    e->mode = MODE_VAR;
    e->type = u->pointer.elem;
}

static void assertion(Checker *c, Expr *e)
{
    Expr *x = e->assert_.x;
    check_expr(c, x, NULL);
    check_invalid(e);
    if (!e->assert_.type) {
        check_error_at(c, e, "BadTypeKeyword",
                       "invalid syntax tree: use of .(type) outside type switch");
        return;
    }
    Type *t = check_var_type(c, e->assert_.type);
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (!type_is_interface(x->type)) {
        check_error_at(c, x, "InvalidAssert", "invalid operation: %s is not an interface",
                       check_operand_text(c, x));
        return;
    }
    if (is_invalid(t)) {
        return;
    }
    check_assertable(c, e, x, t, false);
    e->mode = MODE_COMMAOK;
    e->type = t;
}

static void raw(Checker *c, Expr *e, Type *hint)
{
    switch ((ExprKind)e->kind) {
    case EX_BAD: check_invalid(e); break;
    case EX_NAME: check_name(c, e, false); break;
    case EX_LIT: literal(c, e); break;
    case EX_COMPOSITE: check_composite(c, e, hint); break;
    case EX_FUNC: check_func_lit(c, e); break;
    case EX_PAREN:
        check_raw(c, e->paren.x, NULL);
        e->mode = e->paren.x->mode;
        e->type = e->paren.x->type;
        e->cval = e->paren.x->cval;
        break;
    case EX_SELECTOR: check_selector(c, e, false); break;
    case EX_INDEX: check_index(c, e); break;
    case EX_SLICE: check_slice(c, e); break;
    case EX_ASSERT: assertion(c, e); break;
    case EX_CALL: check_call(c, e); break;
    case EX_STAR: dereference(c, e); break;
    case EX_UNARY: unary(c, e); break;
    case EX_BINARY:
        if (e->binary.op != TOK_ADD || !string_chain(c, e)) {
            check_binary(c, e, e->binary.x, e->binary.op, e->binary.y, false);
        }
        break;
    case EX_KEYVALUE:
        check_error_at(c, e, "Syntax", "unexpected key:value expression");
        check_invalid(e);
        break;
    case EX_ELLIPSIS:
        check_error_at(c, e, "BadDotDotDotSyntax", "invalid use of ...");
        check_invalid(e);
        break;
    default:
        check_type_node(c, e);
        break;
    }
}

void check_raw(Checker *c, Expr *e, Type *hint)
{
    if (!check_enter(c, e->start)) {
        check_invalid(e);
    } else {
        e->commaok = false;
        raw(c, e, hint);
        assert(e->type || e->mode == MODE_INVALID);
        if (!e->type) {
            e->type = INVALID;
        }
    }
    check_leave(c);
}

static void nongeneric(Checker *c, Expr *e)
{
    if (e->mode == MODE_INVALID || e->mode == MODE_NOVALUE) {
        return;
    }
    if (e->mode == MODE_TYPE ? check_is_generic(e->type)
                             : e->type->kind == T_FUNC && e->type->func.tparams.n) {
        check_error_at(c, e, "GenericUse", "cannot use generic %s %s without instantiation",
                       e->mode == MODE_TYPE ? "type" : "function", expr_string(e));
        check_invalid(e);
    }
}

void check_exclude_nonvalues(Checker *c, Expr *e)
{
    switch (e->mode) {
    case MODE_NOVALUE:
        check_error_at(c, e, "TooManyValues", "%s used as value",
                       check_operand_text(c, e));
        break;
    case MODE_BUILTIN:
        check_error_at(c, e, "UncalledBuiltin", "%s must be called", check_operand_text(c, e));
        break;
    case MODE_TYPE:
        check_error_at(c, e, "NotAnExpr", "%s is not an expression", check_operand_text(c, e));
        break;
    default:
        return;
    }
    check_invalid(e);
}

bool check_single(Checker *c, Expr *e)
{
    if (e->mode == MODE_VALUE && e->type && e->type->kind == T_TUPLE && !e->commaok) {
        check_error_at(c, e, "TooManyValues", "multiple-value %s (value of type %s) in "
                       "single-value context", expr_string(e), check_type_text(c, e->type));
        check_invalid(e);
        return false;
    }
    return e->mode != MODE_INVALID;
}

void check_generic_expr(Checker *c, Expr *e)
{
    check_raw(c, e, NULL);
    check_exclude_nonvalues(c, e);
    check_single(c, e);
}

void check_expr(Checker *c, Expr *e, Type *hint)
{
    check_raw(c, e, hint);
    check_exclude_nonvalues(c, e);
    nongeneric(c, e);
    check_single(c, e);
}

void check_multi(Checker *c, Expr *e)
{
    check_raw(c, e, NULL);
    check_exclude_nonvalues(c, e);
    nongeneric(c, e);
}

void check_expr_or_type(Checker *c, Expr *e)
{
    check_raw(c, e, NULL);
    if (e->mode != MODE_TYPE) {
        check_exclude_nonvalues(c, e);
    }
    nongeneric(c, e);
    check_single(c, e);
}

void check_use(Checker *c, Expr *e)
{
    if (!e) {
        return;
    }
    if (e->kind == EX_KEYVALUE) {
        check_use(c, e->kv.value);
        return;
    }
    check_raw(c, e, NULL);
}

void check_use_list(Checker *c, ExprList *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        check_use(c, list->at[i]);
    }
}
