/* builtins.c - calls of the predeclared functions and of package unsafe's. */
#include "lang/check.h"

#include <string.h>

static const struct {
    const char *name;
    uint8_t nargs;
    bool variadic, statement; /* statement: may stand alone */
} builtins[BI_COUNT] = {
    [BI_APPEND] = {"append", 1, true, false},
    [BI_CAP] = {"cap", 1, false, false},
    [BI_CLEAR] = {"clear", 1, false, true},
    [BI_CLOSE] = {"close", 1, false, true},
    [BI_COMPLEX] = {"complex", 2, false, false},
    [BI_COPY] = {"copy", 2, false, true},
    [BI_DELETE] = {"delete", 2, false, true},
    [BI_IMAG] = {"imag", 1, false, false},
    [BI_LEN] = {"len", 1, false, false},
    [BI_MAKE] = {"make", 1, true, false},
    [BI_MAX] = {"max", 1, true, false},
    [BI_MIN] = {"min", 1, true, false},
    [BI_NEW] = {"new", 1, false, false},
    [BI_PANIC] = {"panic", 1, false, true},
    [BI_PRINT] = {"print", 0, true, true},
    [BI_PRINTLN] = {"println", 0, true, true},
    [BI_REAL] = {"real", 1, false, false},
    [BI_RECOVER] = {"recover", 0, false, true},
    [BI_UNSAFE_ADD] = {"unsafe.Add", 2, false, false},
    [BI_UNSAFE_ALIGNOF] = {"unsafe.Alignof", 1, false, false},
    [BI_UNSAFE_OFFSETOF] = {"unsafe.Offsetof", 1, false, false},
    [BI_UNSAFE_SIZEOF] = {"unsafe.Sizeof", 1, false, false},
    [BI_UNSAFE_SLICE] = {"unsafe.Slice", 2, false, false},
    [BI_UNSAFE_SLICEDATA] = {"unsafe.SliceData", 1, false, false},
    [BI_UNSAFE_STRING] = {"unsafe.String", 2, false, false},
    [BI_UNSAFE_STRINGDATA] = {"unsafe.StringData", 1, false, false},
};

static void value(Expr *e, Type *t)
{
    e->mode = MODE_VALUE;
    e->type = t;
}

static void constant(Expr *e, Type *t, Const *v)
{
    e->mode = MODE_CONST;
    e->type = t;
    e->cval = v;
}

static void no_value(Expr *e)
{
    e->mode = MODE_NOVALUE;
    e->type = type_tuple(NULL, 0);
}

static bool is_bytes(Type *t)
{
    Type *u = t ? type_core(t) : NULL;
    return u && u->kind == T_SLICE && type_under(u->slice.elem)->kind == T_UINT8;
}

static void append_call(Checker *c, Expr *e, ExprList *args)
{
    Expr *s = args->at[0];
    if (s->mode == MODE_NIL) {
        check_error_at(c, s, "InvalidAppend",
                       "first argument to append must be a typed slice; have untyped nil");
        return;
    }
    Type *u = type_core(s->type);
    if (!u || u->kind != T_SLICE) {
        check_error_at(c, s, "InvalidAppend", "invalid argument: %s is not a slice",
                       check_operand_text(c, s));
        return;
    }
    if (e->call.dots && args->n == 2 && is_bytes(s->type)) {
        Expr *x = args->at[1];
        Type *xu = type_core_string(x->type);
        if (xu && type_is_string(xu)) {
            check_default(c, x);
            value(e, s->type);
            return;
        }
    }
    if (e->call.dots && args->n == 1) {
        check_error_at(c, s, "WrongArgCount", "not enough arguments in call to append");
        return;
    }
    for (uint32_t i = 1; i < args->n; i++) {
        bool spread = e->call.dots && i + 1 == args->n;
        Type *want = spread ? type_slice(u->slice.elem) : u->slice.elem;
        if (spread && args->n != 2) {
            check_error_at(c, args->at[i], "WrongArgCount", "too many arguments in call to append");
            return;
        }
        check_assign_to(c, args->at[i], want, "argument to append");
    }
    value(e, s->type);
}

/* len or cap of one type; false: not defined. */
static bool has_length(Type *t, bool cap, Type **array)
{
    Type *u = type_under(t);
    *array = NULL;
    if (u->kind == T_POINTER && type_under(u->pointer.elem)->kind == T_ARRAY) {
        u = type_under(u->pointer.elem);
    }
    switch (u->kind) {
    case T_STRING: case T_UNTYPED_STRING: case T_MAP: return !cap;
    case T_ARRAY:
        *array = u;
        return true;
    case T_SLICE: case T_CHAN: return true;
    default: return false;
    }
}

static void len_call(Checker *c, Expr *e, Expr *x, bool cap, bool had_call)
{
    Type *array = NULL;
    bool ok = has_length(x->type, cap, &array);
    if (x->type->kind == T_TPARAM) {
        TypeSet *set = typeset_of(type_under(x->type));
        ok = !set->all && set->nterms;
        for (uint32_t i = 0; ok && i < set->nterms; i++) {
            ok = has_length(set->terms[i].type, cap, &array);
        }
        array = NULL;
    }
    if (!ok) {
        check_error_at(c, x, cap ? "InvalidCap" : "InvalidLen",
                       "invalid argument: %s for built-in %s", check_operand_text(c, x),
                       cap ? "cap" : "len");
        return;
    }
    if (x->mode == MODE_CONST && const_kind(x->cval) == CK_STRING) {
        size_t n;
        const_as_string(x->cval, &n);
        constant(e, basic(T_INT), const_i64((int64_t)n));
        return;
    }
    if (array && !had_call) {
        constant(e, basic(T_INT), const_i64(array->array.len < 0 ? 0 : array->array.len));
        return;
    }
    check_default(c, x);
    value(e, basic(T_INT));
}

static bool may_send(Type *t)
{
    Type *u = type_under(t);
    return u->kind == T_CHAN && (u->chan.dir & 2);
}

static void close_call(Checker *c, Expr *e, Expr *x)
{
    Type *u = type_core(x->type);
    if (!u && x->type->kind == T_TPARAM) {
        TypeSet *set = typeset_of(type_under(x->type));
        bool all = set->nterms > 0;
        for (uint32_t i = 0; i < set->nterms; i++) {
            all &= may_send(set->terms[i].type);
        }
        if (all) {
            no_value(e);
            return;
        }
    }
    if (!u || u->kind != T_CHAN) {
        check_error_at(c, x, "InvalidClose",
                       "invalid operation: cannot close non-channel %s", check_operand_text(c, x));
        return;
    }
    if (!may_send(u)) {
        check_error_at(c, x, "InvalidClose",
                       "invalid operation: cannot close receive-only channel %s",
                       check_operand_text(c, x));
        return;
    }
    no_value(e);
}

static void clear_call(Checker *c, Expr *e, Expr *x)
{
    bool ok = true;
    if (x->type->kind == T_TPARAM) {
        TypeSet *set = typeset_of(type_under(x->type));
        ok = !set->all && set->nterms;
        for (uint32_t i = 0; i < set->nterms; i++) {
            TypeKind k = type_under(set->terms[i].type)->kind;
            ok &= k == T_MAP || k == T_SLICE;
        }
    } else {
        TypeKind k = type_under(x->type)->kind;
        ok = k == T_MAP || k == T_SLICE;
    }
    if (!ok) {
        check_error_at(c, x, "InvalidClear", "invalid argument: clear %s must be a map or slice",
                       check_operand_text(c, x));
        return;
    }
    no_value(e);
}

/* float kind -> complex kind and back */
static Type *complex_of(Type *t)
{
    switch (type_under(t)->kind) {
    case T_FLOAT32: return basic(T_COMPLEX64);
    case T_FLOAT64: return basic(T_COMPLEX128);
    case T_UNTYPED_FLOAT: case T_UNTYPED_INT: case T_UNTYPED_RUNE: return basic(T_UNTYPED_COMPLEX);
    default: return NULL;
    }
}

static Type *part_of(Type *t)
{
    switch (type_under(t)->kind) {
    case T_COMPLEX64: return basic(T_FLOAT32);
    case T_COMPLEX128: return basic(T_FLOAT64);
    case T_UNTYPED_COMPLEX: return basic(T_UNTYPED_FLOAT);
    default: return NULL;
    }
}

static void complex_call(Checker *c, Expr *e, Expr *x, Expr *y)
{
    bool xu = type_is_untyped(x->type), yu = type_is_untyped(y->type);
    if (xu && !yu) {
        check_convert(c, x, y->type);
    } else if (yu && !xu) {
        check_convert(c, y, x->type);
    } else if (xu && yu) {
        if (x->mode == MODE_CONST && y->mode == MODE_CONST) {
            Const *a = const_to_float(x->cval), *b = const_to_float(y->cval);
            if (!a || !b || !type_is_numeric(x->type) || !type_is_numeric(y->type)) {
                check_error_at(c, e, "InvalidComplex",
                               "invalid argument: arguments have type %s, expected floating-point",
                               check_type_text(c, a ? y->type : x->type));
                return;
            }
            constant(e, basic(T_UNTYPED_COMPLEX), const_complex(a, b));
            return;
        }
        check_convert(c, x, basic(T_FLOAT64));
        check_convert(c, y, basic(T_FLOAT64));
    }
    if (x->mode == MODE_INVALID || y->mode == MODE_INVALID) {
        return;
    }
    if (!types_identical(x->type, y->type)) {
        check_error_at(c, e, "InvalidComplex",
                       "invalid operation: %s (mismatched types %s and %s)", expr_string(e),
                       check_type_text(c, x->type), check_type_text(c, y->type));
        return;
    }
    Type *t = x->type->kind == T_TPARAM ? NULL : complex_of(x->type);
    if (!t) {
        check_error_at(c, x, "InvalidComplex",
                       "invalid argument: arguments have type %s, expected floating-point",
                       check_type_text(c, x->type));
        return;
    }
    if (x->mode == MODE_CONST && y->mode == MODE_CONST) {
        Const *a = const_to_float(x->cval), *b = const_to_float(y->cval);
        constant(e, t, a && b ? const_complex(a, b) : const_unknown());
    } else {
        value(e, t);
    }
}

static void part_call(Checker *c, Expr *e, Expr *x, bool imag)
{
    if (type_is_untyped(x->type)) {
        if (x->mode == MODE_CONST) {
            Const *z = type_is_numeric(x->type) ? const_to_complex(x->cval) : NULL;
            if (z) {
                constant(e, basic(T_UNTYPED_FLOAT), imag ? const_imag(z) : const_real(z));
                return;
            }
        } else {
            check_convert(c, x, basic(T_COMPLEX128));
        }
    }
    Type *t = x->mode == MODE_INVALID || x->type->kind == T_TPARAM ? NULL : part_of(x->type);
    if (!t) {
        if (x->mode != MODE_INVALID) {
            check_error_at(c, x, imag ? "InvalidImag" : "InvalidReal",
                           "invalid argument: %s not of complex type", check_operand_text(c, x));
        }
        return;
    }
    if (x->mode == MODE_CONST) {
        constant(e, t, imag ? const_imag(x->cval) : const_real(x->cval));
    } else {
        value(e, t);
    }
}

static void copy_call(Checker *c, Expr *e, Expr *dst, Expr *src)
{
    Type *d = type_core(dst->type), *s = type_core_string(src->type);
    if (!d || d->kind != T_SLICE) {
        check_error_at(c, e, "InvalidCopy", "invalid argument: copy expects slice arguments; found "
                       "%s and %s", check_operand_text(c, dst), check_operand_text(c, src));
        return;
    }
    Type *elem = NULL;
    if (s && (s->kind == T_STRING || s->kind == T_UNTYPED_STRING)) {
        check_default(c, src);
        elem = type_byte;
    } else if (s && s->kind == T_SLICE) {
        elem = s->slice.elem;
    }
    if (!elem) {
        check_error_at(c, e, "InvalidCopy", "invalid argument: copy expects slice arguments; found "
                       "%s and %s", check_operand_text(c, dst), check_operand_text(c, src));
        return;
    }
    bool ok = elem == type_byte && s->kind != T_SLICE
              ? type_under(d->slice.elem)->kind == T_UINT8 : types_identical(d->slice.elem, elem);
    if (!ok) {
        check_error_at(c, e, "InvalidCopy", "invalid argument: arguments to copy %s and %s have "
                       "different element types %s and %s", check_operand_text(c, dst),
                       check_operand_text(c, src), check_type_text(c, d->slice.elem),
                       check_type_text(c, elem));
        return;
    }
    value(e, basic(T_INT));
}

static void delete_call(Checker *c, Expr *e, Expr *m, Expr *key)
{
    Type *u = type_core(m->type);
    if (!u && m->type->kind == T_TPARAM) {
        TypeSet *set = typeset_of(type_under(m->type));
        u = set->nterms ? type_under(set->terms[0].type) : NULL;
    }
    if (!u || u->kind != T_MAP) {
        check_error_at(c, m, "InvalidDelete", "invalid argument: %s is not a map",
                       check_operand_text(c, m));
        return;
    }
    check_assign_to(c, key, u->map.key, "argument to delete");
    if (key->mode != MODE_INVALID) {
        no_value(e);
    }
}

static void make_call(Checker *c, Expr *e)
{
    ExprList *a = &e->call.args;
    Type *t = check_var_type(c, a->at[0]);
    Type *u = is_invalid(t) ? NULL : type_core(t);
    uint32_t min = 1;
    if (is_invalid(t)) {
        for (uint32_t i = 1; i < a->n; i++) {
            check_use(c, a->at[i]);
        }
        return;
    }
    if (u && u->kind == T_SLICE) {
        min = 2;
    } else if (!u || (u->kind != T_MAP && u->kind != T_CHAN)) {
        check_error_at(c, a->at[0], "InvalidMake",
                       u ? "invalid argument: cannot make %s; type must "
                       "be slice, map, or channel"
                       : "invalid argument: cannot make %s: no core type",
                       expr_string(a->at[0]));
        return;
    }
    if (a->n < min || a->n > min + 1) {
        check_error_at(c, e, "WrongArgCount",
                       "invalid operation: %s expects %u or %u arguments; found %u",
                       expr_string(e), min, min + 1, a->n);
        return;
    }
    int64_t size[2] = {-1, -1};
    for (uint32_t i = 1; i < a->n; i++) {
        check_index_value(c, a->at[i], -1, &size[i - 1]);
    }
    if (size[0] >= 0 && size[1] >= 0 && size[0] > size[1]) {
        check_error_at(c, a->at[1], "SwappedMakeArgs",
                       "invalid argument: length and capacity swapped");
    }
    value(e, t);
}

static void min_max_call(Checker *c, Expr *e, ExprList *args, bool max)
{
    Token op = max ? TOK_GTR : TOK_LSS;
    const char *name = max ? "max" : "min";
    for (uint32_t i = 0; i < args->n; i++) {
        Expr *x = args->at[i];
        if (!type_is_ordered(x->type)) {
            check_error_at(c, x, "InvalidMinMaxOperand",
                           "invalid argument: %s cannot be ordered", check_operand_text(c, x));
            return;
        }
    }
    Expr *best = args->at[0];
    bool all_const = best->mode == MODE_CONST;
    for (uint32_t i = 1; i < args->n; i++) {
        Expr *x = args->at[i];
        if (!check_match(c, best, x) || (best->mode != MODE_INVALID && x->mode != MODE_INVALID
                                         && !types_identical(best->type, x->type))) {
            check_error_at(c, x, "MismatchedTypes",
                           "invalid argument: mismatched types %s (previous argument) and %s (type "
                           "of %s)", check_type_text(c, best->type), check_type_text(c, x->type),
                           expr_string(x));
            return;
        }
        if (best->mode == MODE_INVALID || x->mode == MODE_INVALID) {
            return;
        }
        all_const &= x->mode == MODE_CONST;
        if (x->mode == MODE_CONST && best->mode == MODE_CONST) {
            Expr probe = {0};
            check_comparison(c, &probe, x, op, best, false);
            if (probe.mode == MODE_CONST && const_as_bool(probe.cval)) {
                best = x;
            }
        } else if (best->mode == MODE_CONST) {
            best = x;
        }
    }
    (void)name;
    if (all_const) {
        constant(e, best->type, best->cval);
        return;
    }
    /* Constants that came before a typed operand take its type too. */
    for (uint32_t i = 0; i < args->n; i++) {
        if (type_is_typed(best->type)) {
            check_convert(c, args->at[i], best->type);
        }
    }
    value(e, best->type);
}

static void new_call(Checker *c, Expr *e)
{
    Type *t = check_var_type(c, e->call.args.at[0]);
    if (!is_invalid(t)) {
        value(e, type_pointer(t));
    }
}

static void print_call(Checker *c, Expr *e, ExprList *args)
{
    for (uint32_t i = 0; i < args->n; i++) {
        Expr *x = args->at[i];
        check_assign_to(c, x, NULL, mem_printf("argument to built-in %s",
                                               builtins[e->call.builtin].name));
    }
    no_value(e);
}

/* Does t's size depend on type arguments? */
static bool has_var_size(Type *t, int depth)
{
    mem_step();
    if (type_is_tparam(t) || depth > 100) {
        return true;
    }
    if (t->kind == T_NAMED && !t->named.targs.n && !type_has_tparam(t)) {
        return false;
    }
    Type *u = type_under(t);
    if (u->kind == T_ARRAY) {
        return has_var_size(u->array.elem, depth + 1);
    }
    for (uint32_t i = 0; u->kind == T_STRUCT && i < u->struct_.n; i++) {
        if (has_var_size(u->struct_.fields[i].type, depth + 1)) {
            return true;
        }
    }
    return false;
}

/* ---- unsafe ---- */

static void offsetof_call(Checker *c, Expr *e)
{
    Expr *x = check_unparen(e->call.args.at[0]);
    if (x->kind != EX_SELECTOR) {
        check_error_at(c, x, "BadOffsetofSyntax",
                       "invalid argument: %s is not a selector expression",
                       expr_string(x));
        check_use(c, x);
        return;
    }
    check_expr(c, e->call.args.at[0], NULL);
    Selection *s = x->selector.selection;
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (!s || s->kind != SEL_FIELD) {
        check_error_at(c, x, "InvalidOffsetof", "invalid argument: %s is a method value",
                       expr_string(x));
        return;
    }
    Type *t = s->recv->kind == T_POINTER ? s->recv->pointer.elem : s->recv;
    int64_t at = 0;
    for (uint32_t i = 0; i < s->npath; i++) {
        Type *u = type_under(t);
        if (u->kind == T_POINTER) {
            if (i > 0) {
                check_error_at(c, x, "InvalidOffsetof",
                               "invalid argument: field %s is embedded via "
                               "a pointer in %s", s->name,
                               check_type_text(c, s->recv->kind == T_POINTER ? s->recv->pointer.elem
                                                                             : s->recv));
                return;
            }
            u = type_under(u->pointer.elem);
        }
        if (u->kind != T_STRUCT || s->path[i] >= u->struct_.n) {
            return;
        }
        at += type_offsetof(u, s->path[i]);
        t = u->struct_.fields[s->path[i]].type;
    }
    if (has_var_size(s->recv->kind == T_POINTER ? s->recv->pointer.elem : s->recv, 0)) {
        value(e, basic(T_UINTPTR));
    } else {
        constant(e, basic(T_UINTPTR), const_i64(at));
    }
}

static void size_call(Checker *c, Expr *e, Expr *x, bool align)
{
    check_assign_to(c, x, NULL, "argument to unsafe.Sizeof");
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (has_var_size(x->type, 0)) {
        value(e, basic(T_UINTPTR));
        return;
    }
    int64_t n = align ? type_alignof(x->type) : type_sizeof(x->type);
    constant(e, basic(T_UINTPTR), const_i64(n));
}

static bool integer_arg(Checker *c, Expr *x)
{
    int64_t v;
    if (type_is_untyped(x->type)) {
        check_convert(c, x, basic(T_INT));
    }
    (void)v;
    if (x->mode == MODE_INVALID) {
        return false;
    }
    if (!type_is_integer(x->type)) {
        check_error_at(c, x, "InvalidUnsafeAdd", "invalid argument: %s must be integer",
                       check_operand_text(c, x));
        return false;
    }
    if (x->mode == MODE_CONST && const_sign(x->cval) < 0) {
        check_error_at(c, x, "InvalidUnsafeSlice",
                       "invalid argument: index %s must not be negative",
                       check_operand_text(c, x));
        return false;
    }
    return true;
}

static void unsafe_call(Checker *c, Expr *e, uint8_t id, ExprList *args)
{
    Expr *x = args->at[0];
    Type *u = type_core(x->type);
    switch (id) {
    case BI_UNSAFE_ADD:
        check_assign_to(c, x, basic(T_UNSAFE_POINTER), "argument to unsafe.Add");
        check_default(c, args->at[1]);
        if (x->mode != MODE_INVALID && args->at[1]->mode != MODE_INVALID) {
            value(e, basic(T_UNSAFE_POINTER));
        }
        return;
    case BI_UNSAFE_ALIGNOF: size_call(c, e, x, true); return;
    case BI_UNSAFE_SIZEOF: size_call(c, e, x, false); return;
    case BI_UNSAFE_SLICE:
        if (!u || u->kind != T_POINTER) {
            check_error_at(c, x, "InvalidUnsafeSlice", "invalid argument: %s is not a pointer",
                           check_operand_text(c, x));
        } else if (integer_arg(c, args->at[1])) {
            value(e, type_slice(u->pointer.elem));
        }
        return;
    case BI_UNSAFE_SLICEDATA:
        if (!u || u->kind != T_SLICE) {
            check_error_at(c, x, "InvalidUnsafeSliceData", "invalid argument: %s is not a slice",
                           check_operand_text(c, x));
        } else {
            value(e, type_pointer(u->slice.elem));
        }
        return;
    case BI_UNSAFE_STRING:
        check_assign_to(c, x, type_pointer(type_byte), "argument to unsafe.String");
        if (x->mode != MODE_INVALID && integer_arg(c, args->at[1])) {
            value(e, basic(T_STRING));
        }
        return;
    default:
        check_assign_to(c, x, basic(T_STRING), "argument to unsafe.StringData");
        if (x->mode != MODE_INVALID) {
            value(e, type_pointer(type_byte));
        }
        return;
    }
}

/* ---- dispatch ---- */

static bool count_ok(Checker *c, Expr *e, uint8_t id, uint32_t n)
{
    uint32_t want = builtins[id].nargs;
    bool many = n > want && !builtins[id].variadic;
    const char *msg = n < want ? "not enough" : many ? "too many" : NULL;
    if (!msg) {
        return true;
    }
    Pos at = n < want ? (e->call.rparen ? e->call.rparen : e->end) : e->start;
    check_error(c, at, 0, "WrongArgCount", "%s arguments for %s (expected %u, found %u)", msg,
                expr_string(e), want, n);
    return false;
}

static void dispatch(Checker *c, Expr *e, uint8_t id, ExprList *args, bool had_call)
{
    switch (id) {
    case BI_APPEND: append_call(c, e, args); break;
    case BI_CAP: len_call(c, e, args->at[0], true, had_call); break;
    case BI_LEN: len_call(c, e, args->at[0], false, had_call); break;
    case BI_CLEAR: clear_call(c, e, args->at[0]); break;
    case BI_CLOSE: close_call(c, e, args->at[0]); break;
    case BI_COMPLEX: complex_call(c, e, args->at[0], args->at[1]); break;
    case BI_COPY: copy_call(c, e, args->at[0], args->at[1]); break;
    case BI_DELETE: delete_call(c, e, args->at[0], args->at[1]); break;
    case BI_IMAG: part_call(c, e, args->at[0], true); break;
    case BI_REAL: part_call(c, e, args->at[0], false); break;
    case BI_MAX: min_max_call(c, e, args, true); break;
    case BI_MIN: min_max_call(c, e, args, false); break;
    case BI_PANIC:
        check_assign_to(c, args->at[0], type_empty_iface, "argument to panic");
        if (args->at[0]->mode != MODE_INVALID) {
            no_value(e);
        }
        break;
    case BI_PRINT:
    case BI_PRINTLN: print_call(c, e, args); break;
    case BI_RECOVER: value(e, type_any); break;
    default: unsafe_call(c, e, id, args); break;
    }
}

/* The version that brought the function. */
static int builtin_minor(uint8_t id)
{
    switch (id) {
    case BI_CLEAR: case BI_MAX: case BI_MIN: return 21;
    case BI_UNSAFE_SLICEDATA: case BI_UNSAFE_STRING: case BI_UNSAFE_STRINGDATA: return 20;
    case BI_UNSAFE_ADD: case BI_UNSAFE_SLICE: return 17;
    default: return 0;
    }
}

void check_builtin(Checker *c, Expr *e, uint8_t id)
{
    ExprList *a = &e->call.args;
    if (e->call.dots && id != BI_APPEND) {
        check_error_at(c, e, "InvalidDotDotDot",
                       "invalid operation: invalid use of ... with built-in %s", builtins[id].name);
        check_use_list(c, a);
        return;
    }
    bool types = id == BI_MAKE || id == BI_NEW || id == BI_UNSAFE_OFFSETOF;
    bool saved = c->env.call_or_recv;
    c->env.call_or_recv = false;
    ExprList args = *a;
    if (!types) {
        check_args_expand(c, a, &args, false);
    }
    bool had_call = c->env.call_or_recv;
    c->env.call_or_recv = saved || had_call;
    for (uint32_t i = 0; !types && i < args.n; i++) {
        if (args.at[i]->mode == MODE_INVALID) {
            return;
        }
    }
    if (!count_ok(c, e, id, args.n) ||
        !check_version(c, e->start, e->end, builtin_minor(id), "%s", builtins[id].name)) {
        return;
    }
    switch (id) {
    case BI_MAKE: make_call(c, e); break;
    case BI_NEW: new_call(c, e); break;
    case BI_UNSAFE_OFFSETOF: offsetof_call(c, e); break;
    default: dispatch(c, e, id, &args, had_call); break;
    }
    if (e->mode != MODE_CONST && e->mode != MODE_INVALID) {
        c->env.call_or_recv = true;
    }
}
