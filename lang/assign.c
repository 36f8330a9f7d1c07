/* assign.c - assignments, definitions, initialisations and returns: pairing values with places.
 * Values that convert implicitly keep their own type; the code generator compares both sides. */
#include "lang/check.h"

#include <string.h>

/* The value x goes to a place of type t (NULL: any, as for _). Untyped values are converted. */
void check_assign_to(Checker *c, Expr *x, Type *t, const char *context)
{
    if (x->mode == MODE_INVALID || (t && is_invalid(t))) {
        return;
    }
    if (x->type->kind == T_FUNC && x->type->func.tparams.n) {
        if (t && check_infer_from(c, x, t)) {
            return;
        }
        check_error_at(c, x, "GenericUse", "cannot use generic function %s without instantiation",
                       expr_string(x));
        check_invalid(x);
        return;
    }
    if (type_is_untyped(x->type)) {
        Type *target = t;
        if (x->mode == MODE_NIL) {
            if (!t) {
                check_error_at(c, x, "UntypedNilUse", "use of untyped nil in %s", context);
                check_invalid(x);
                return;
            }
            if (!type_has_nil(t)) {
                check_error_at(c, x, "IncompatibleAssign", "cannot use nil as %s value in %s",
                               check_type_text(c, t), context);
                check_invalid(x);
                return;
            }
            check_update(c, x, t);
            return;
        }
        if (!t || type_is_interface(t)) {
            target = type_default(x->type);
        }
        const char *text = NULL;
        Conv code = check_implicit(c, x, target);
        if (code != CONV_OK) {
            text = mem_printf("cannot use %s as %s value in %s%s", check_operand_text(c, x),
                              check_type_text(c, target), context,
                              code == CONV_TRUNCATED ? " (truncated)"
                              : code == CONV_OVERFLOW ? " (overflows)" : "");
            check_error_at(c, x, code == CONV_TRUNCATED ? "TruncatedFloat"
                           : code == CONV_OVERFLOW ? "NumericOverflow" : "IncompatibleAssign",
                           "%s", text);
            check_invalid(x);
            return;
        }
        if (x->mode == MODE_INVALID) {
            return;
        }
    }
    if (!t) {
        return;
    }
    const char *why = NULL;
    if (!types_assignable(x, t, &why)) {
        check_error_at(c, x, "IncompatibleAssign", "cannot use %s as %s value in %s%s%s",
                       check_operand_text(c, x), check_type_text(c, t), context,
                       why && *why ? ": " : "", why ? why : "");
        check_invalid(x);
    }
}

void check_init_const(Checker *c, Obj *o, Expr *x)
{
    if (x->mode == MODE_INVALID || is_invalid(x->type) || (o->type && is_invalid(o->type))) {
        if (!o->type) {
            o->type = INVALID;
        }
        return;
    }
    if (x->mode != MODE_CONST) {
        check_error_at(c, x, "InvalidConstInit", "%s is not constant", check_operand_text(c, x));
        if (!o->type) {
            o->type = INVALID;
        }
        return;
    }
    if (!o->type) {
        o->type = x->type;
    }
    Expr copy = *x; /* inherited expressions are checked again with another iota */
    if (type_is_typed(o->type)) {
        check_assign_to(c, &copy, o->type, "constant declaration");
    }
    if (copy.mode != MODE_INVALID) {
        o->cval = copy.cval;
    }
}

void check_init_var(Checker *c, Obj *o, Expr *x, const char *context)
{
    if (x->mode == MODE_INVALID || is_invalid(x->type) || (o->type && is_invalid(o->type))) {
        if (!o->type) {
            o->type = INVALID;
        }
        o->used = true; /* its initial value is wrong already */
        return;
    }
    if (!o->type) {
        if (x->mode == MODE_NIL) {
            check_error_at(c, x, "UntypedNilUse", "use of untyped nil in %s", context);
            o->type = INVALID;
            o->used = true;
            return;
        }
        check_assign_to(c, x, NULL, context);
        o->type = x->mode == MODE_INVALID ? INVALID : x->type;
        if (is_invalid(o->type)) {
            o->used = true;
        }
        return;
    }
    check_assign_to(c, x, o->type, context);
}

void check_set_commaok(Expr *e, Type *t)
{
    Type **at = MEM_NEW_N(Type *, 2);
    at[0] = e->type;
    at[1] = t;
    Type *tuple = type_tuple(at, 2);
    for (; e; e = e->kind == EX_PAREN ? e->paren.x : NULL) {
        e->commaok = true;
        e->type = tuple;
    }
}

static const char *plural(uint32_t n, const char *what)
{
    return mem_printf("%u %s%s", n, what, n == 1 ? "" : "s");
}

static void count_mismatch(Checker *c, Pos pos, uint32_t l, uint32_t r, ExprList *rhs)
{
    const char *vars = plural(l, "variable");
    if (rhs->n == 1) {
        Expr *call = check_unparen(rhs->at[0]);
        if (call->kind == EX_CALL) {
            check_error(c, pos, 0, "WrongAssignCount",
                        "assignment mismatch: %s but %s returns %s", vars,
                            expr_string(call->call.fn),
                        plural(r, "value"));
            return;
        }
    }
    check_error(c, pos, 0, "WrongAssignCount", "assignment mismatch: %s but %s", vars,
                plural(r, "value"));
}

static void return_mismatch(Checker *c, Stmt *s, ExprList *have, Type *sig)
{
    char *h = mem_printf("(");
    for (uint32_t i = 0; i < have->n; i++) {
        Type *t = have->at[i]->type;
        if (have->at[i]->mode == MODE_INVALID) {
            return;
        }
        const char *one = t->kind == T_UNTYPED_NIL ? "nil" : !type_is_untyped(t)
                          ? check_type_text(c, t) : type_is_numeric(t) ? "number"
                          : type_is_string(t) ? "string" : "bool";
        h = mem_printf("%s%s%s", h, i ? ", " : "", one);
    }
    char *w = mem_printf("(");
    for (uint32_t i = 0; i < sig->func.nresults; i++) {
        w = mem_printf("%s%s%s", w, i ? ", " : "", check_type_text(c, sig->func.results[i].type));
    }
    bool many = have->n > sig->func.nresults;
    Pos at = have->n ? have->at[0]->start : s->pos;
    if (many && sig->func.nresults < have->n) {
        at = have->at[sig->func.nresults]->start;
    } else if (have->n) {
        at = have->at[have->n - 1]->start;
    }
    check_error(c, at, 0, "WrongResultCount", "%s return values\n\thave %s)\n\twant %s)",
                many ? "too many" : "not enough", h, w);
}

/* A stand-in operand for one value of a multi-valued expression. */
static Expr *part(Expr *x, Type *t)
{
    Expr *v = MEM_NEW(Expr);
    *v = *x;
    v->kind = EX_PAREN;
    v->paren.x = x;
    v->mode = MODE_VALUE;
    v->type = t;
    v->commaok = false;
    v->cval = NULL;
    return v;
}

static void tuple_parts(Expr *x, ExprList *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < x->type->tuple.n; i++) {
        VEC_PUSH(*out, part(x, x->type->tuple.at[i]));
    }
}

/* The only value of an assignment to one variable. */
static void one_value(Checker *c, Expr *x, Pos pos, ExprList *rhs)
{
    if (x->mode == MODE_VALUE && x->type->kind == T_TUPLE && !x->commaok) {
        count_mismatch(c, pos, 1, x->type->tuple.n, rhs);
        check_invalid(x);
    }
}

/* One right side that yields n values, or (v, ok). Fills types; false after an error. */
static bool multi_value(Checker *c, Expr *x, uint32_t n, Type **types, Pos pos, ExprList *rhs)
{
    check_multi(c, x);
    if (x->mode == MODE_INVALID) {
        return false;
    }
    if (x->mode == MODE_VALUE && x->type->kind == T_TUPLE) {
        if (x->type->tuple.n != n) {
            count_mismatch(c, pos, n, x->type->tuple.n, rhs);
            return false;
        }
        memcpy(types, x->type->tuple.at, n * sizeof *types);
        return true;
    }
    if (n == 2 && (x->mode == MODE_MAPINDEX || x->mode == MODE_COMMAOK)) {
        types[0] = x->type;
        types[1] = basic(T_UNTYPED_BOOL);
        return true;
    }
    count_mismatch(c, pos, n, 1, rhs);
    return false;
}

static void invalidate_vars(Obj **lhs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        lhs[i]->used = true;
        if (!lhs[i]->type) {
            lhs[i]->type = INVALID;
        }
    }
}

void check_init_vars(Checker *c, Obj **lhs, uint32_t n, ExprList *rhs, Stmt *ret, Pos pos,
                     const char *context)
{
    if (rhs->n == n) {
        for (uint32_t i = 0; i < n; i++) {
            check_raw(c, rhs->at[i], NULL);
            check_exclude_nonvalues(c, rhs->at[i]);
            if (n == 1 && !ret) {
                one_value(c, rhs->at[i], pos, rhs);
            } else if (!ret || n > 1 || rhs->at[i]->type->kind != T_TUPLE) {
                check_single(c, rhs->at[i]);
            } else {
                ExprList parts;
                tuple_parts(rhs->at[i], &parts);
                return_mismatch(c, ret, &parts, c->env.sig);
                return;
            }
        }
        for (uint32_t i = 0; i < n; i++) {
            check_init_var(c, lhs[i], rhs->at[i], context);
        }
        return;
    }
    if (rhs->n != 1) {
        check_use_list(c, rhs);
        bool silent = false;
        for (uint32_t i = 0; i < rhs->n; i++) {
            silent |= rhs->at[i]->mode == MODE_INVALID;
        }
        if (!silent && ret) {
            return_mismatch(c, ret, rhs, c->env.sig);
        } else if (!silent) {
            count_mismatch(c, pos, n, rhs->n, rhs);
        }
        invalidate_vars(lhs, n);
        return;
    }
    Expr *x = rhs->at[0];
    Type **types = MEM_NEW_N(Type *, n + 1);
    if (ret) {
        ExprList parts;
        check_args_expand(c, rhs, &parts, false);
        if (parts.n != n) {
            return_mismatch(c, ret, &parts, c->env.sig);
            return;
        }
        for (uint32_t i = 0; i < n; i++) {
            check_init_var(c, lhs[i], parts.at[i], context);
        }
        return;
    }
    if (!multi_value(c, x, n, types, pos, rhs)) {
        invalidate_vars(lhs, n);
        return;
    }
    bool ok = x->type->kind != T_TUPLE;
    Type *second = basic(T_BOOL);
    for (uint32_t i = 0; i < n; i++) {
        check_init_var(c, lhs[i], part(x, types[i]), context);
    }
    if (ok) {
        second = lhs[1]->type && !is_invalid(lhs[1]->type) ? lhs[1]->type : second;
        check_set_commaok(x, type_is_boolean(second) ? second : basic(T_BOOL));
    }
}

/* ---- assignment to existing places ---- */

/* The type of the place; NULL for _; INVALID after an error. */
Type *check_lhs(Checker *c, Expr *lhs)
{
    Expr *name = check_unparen(lhs);
    Obj *local = NULL;
    bool was_used = false;
    if (name->kind == EX_NAME) {
        if (!strcmp(name->name.name, "_")) {
            name->name.obj = NULL;
            name->mode = MODE_VAR;
            name->type = NULL;
            lhs->mode = MODE_VAR;
            lhs->type = NULL;
            return NULL;
        }
        /* Assigning is no use. */
        Obj *o = scope_lookup_parent(c->env.scope, name->name.name, 0, NULL);
        if (o && o->kind == OBJ_VAR && o->pkg == c->pkg) {
            local = o;
            was_used = o->used;
        }
    }
    check_expr(c, lhs, NULL);
    if (local) {
        local->used = was_used;
    }
    if (lhs->mode == MODE_INVALID) {
        if (local) {
            local->used = true;
        }
        return INVALID;
    }
    if (lhs->mode == MODE_VAR || lhs->mode == MODE_MAPINDEX) {
        return lhs->type;
    }
    if (name->kind == EX_SELECTOR && name->selector.x->mode == MODE_MAPINDEX) {
        check_error_at(c, lhs, "UnaddressableFieldAssign",
                       "cannot assign to struct field %s in map", expr_string(lhs));
        return INVALID;
    }
    check_error_at(c, lhs, "UnassignableOperand",
                   "cannot assign to %s (neither addressable nor a map index expression)",
                   expr_string(lhs));
    return INVALID;
}

/* rhs is checked. */
static void assign_checked(Checker *c, Type *t, Expr *lhs, Expr *rhs, const char *context)
{
    if (t && is_invalid(t)) {
        return;
    }
    check_assign_to(c, rhs, t, context);
    if (!t && rhs->mode != MODE_INVALID) {
        lhs->type = rhs->type;
        check_unparen(lhs)->type = rhs->type;
    }
}

static void assign_var(Checker *c, Expr *lhs, Expr *rhs, ExprList *list, const char *context)
{
    Type *t = check_lhs(c, lhs);
    check_raw(c, rhs, NULL);
    check_exclude_nonvalues(c, rhs);
    if (list->n == 1) {
        one_value(c, rhs, lhs->start, list);
    } else {
        check_single(c, rhs);
    }
    assign_checked(c, t, lhs, rhs, context);
    Expr *name = check_unparen(lhs);
    if (rhs->mode == MODE_INVALID && name->kind == EX_NAME && name->name.obj) {
        name->name.obj->used = true;
    }
}

/* After an error the places count as used: their unused warnings would be noise. */
static void mark_used(ExprList *lhs)
{
    for (uint32_t i = 0; i < lhs->n; i++) {
        Expr *name = check_unparen(lhs->at[i]);
        if (name->kind == EX_NAME && name->name.obj) {
            name->name.obj->used = true;
        }
    }
}

static void assign_many(Checker *c, Stmt *s)
{
    ExprList *lhs = &s->assign.lhs, *rhs = &s->assign.rhs;
    uint32_t n = lhs->n;
    if (rhs->n == n) {
        for (uint32_t i = 0; i < n; i++) {
            assign_var(c, lhs->at[i], rhs->at[i], rhs, "assignment");
        }
        return;
    }
    Type **want = MEM_NEW_N(Type *, n + 1), **have = MEM_NEW_N(Type *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        want[i] = check_lhs(c, lhs->at[i]);
    }
    if (rhs->n != 1) {
        check_use_list(c, rhs);
        count_mismatch(c, s->assign.lhs.at[0]->start, n, rhs->n, rhs);
        mark_used(lhs);
        return;
    }
    Expr *x = rhs->at[0];
    if (!multi_value(c, x, n, have, lhs->at[0]->start, rhs)) {
        mark_used(lhs);
        return;
    }
    bool ok = x->type->kind != T_TUPLE;
    for (uint32_t i = 0; i < n; i++) {
        assign_checked(c, want[i], lhs->at[i], part(x, have[i]), "assignment");
    }
    if (ok) {
        bool named = want[1] && type_is_boolean(want[1]);
        check_set_commaok(x, named ? want[1] : basic(T_BOOL));
    }
}

static void assign_op(Checker *c, Stmt *s)
{
    if (s->assign.lhs.n != 1 || s->assign.rhs.n != 1) {
        check_error(c, s->pos, 0, "MultiValAssignOp",
                    "assignment operation %s= requires single-valued expressions",
                    check_token_text(s->assign.op));
        check_use_list(c, &s->assign.lhs);
        check_use_list(c, &s->assign.rhs);
        return;
    }
    Expr *x = s->assign.lhs.at[0], *y = s->assign.rhs.at[0];
    Expr result = {.kind = EX_BINARY, .pos = s->pos, .start = x->start, .end = y->end};
    result.binary.op = s->assign.op;
    result.binary.x = x;
    result.binary.y = y;
    check_binary(c, &result, x, s->assign.op, y, true);
    if (result.mode == MODE_INVALID) {
        return;
    }
    if (x->mode != MODE_VAR && x->mode != MODE_MAPINDEX) {
        check_lhs(c, x);
        return;
    }
    check_assign_to(c, &result, x->type, "assignment operation");
}

/* ---- definitions ---- */

static bool is_dup(ExprList *lhs, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (lhs->at[k]->kind == EX_NAME && lhs->at[k]->name.name == lhs->at[i]->name.name) {
            return true;
        }
    }
    return false;
}

static void define(Checker *c, Stmt *s)
{
    ExprList *lhs = &s->assign.lhs;
    uint32_t n = lhs->n;
    Obj **vars = MEM_NEW_N(Obj *, n + 1);
    s->assign.is_new = mem_alloc_atomic(n + 1);
    memset(s->assign.is_new, 0, n + 1);
    bool fresh = false, bad = false;
    for (uint32_t i = 0; i < n; i++) {
        Expr *name = lhs->at[i];
        if (name->kind != EX_NAME) {
            check_use(c, name);
            check_error_at(c, name, "BadDecl", "non-name %s on left side of :=", expr_string(name));
            vars[i] = check_new_obj(c, OBJ_VAR, name_of("_"), name->start, NULL);
            bad = true;
            continue;
        }
        bool blank = !strcmp(name->name.name, "_");
        if (!blank && is_dup(lhs, i)) {
            check_error_at(c, name, "RepeatedDecl", "%s repeated on left side of :=",
                           name->name.name);
            vars[i] = check_new_obj(c, OBJ_VAR, name_of("_"), name->start, NULL);
            bad = true;
            continue;
        }
        Obj *old = blank ? NULL : scope_lookup(c->env.scope, name->name.name);
        if (old && old->kind == OBJ_VAR) {
            vars[i] = old;
            name->name.obj = old;
            name->mode = MODE_VAR;
            name->type = old->type;
            continue;
        }
        if (old) {
            check_error_at(c, name, "UnassignableOperand", "cannot assign to %s",
                           expr_string(name));
            vars[i] = check_new_obj(c, OBJ_VAR, name_of("_"), name->start, NULL);
            bad = true;
            continue;
        }
        vars[i] = check_new_obj(c, OBJ_VAR, name->name.name, name->start, NULL);
        s->assign.is_new[i] = !blank;
        fresh |= !blank;
        name->name.obj = blank ? NULL : vars[i];
    }
    if (!fresh && !bad) {
        check_error(c, s->pos, 0, "NoNewVar", "no new variables on left side of :=");
    }
    check_init_vars(c, vars, n, &s->assign.rhs, NULL, n ? lhs->at[0]->start : s->pos,
                    "assignment");
    for (uint32_t i = 0; i < n; i++) {
        lhs->at[i]->mode = MODE_VAR;
        lhs->at[i]->type = vars[i]->type ? vars[i]->type : INVALID;
        if (s->assign.is_new[i]) {
            check_declare(c, c->env.scope, vars[i]);
            VEC_PUSH(c->vars, vars[i]);
        }
    }
}

void check_assign_stmt(Checker *c, Stmt *s)
{
    if (!s->assign.lhs.n || !s->assign.rhs.n) {
        check_use_list(c, &s->assign.rhs);
        return;
    }
    if (s->kind == ST_DEFINE) {
        define(c, s);
    } else if (s->assign.op != TOK_ASSIGN) {
        assign_op(c, s);
    } else {
        assign_many(c, s);
    }
}

/* ---- return ---- */

void check_return_vars(Checker *c, Stmt *s)
{
    Type *sig = c->env.sig;
    uint32_t n = sig->func.nresults;
    ExprList *r = &s->ret.results;
    if (!r->n) {
        FieldList *l = &c->env.sig_syntax->results;
        if (n && !(l->n && l->at[0]->name)) {
            ExprList none = {0};
            return_mismatch(c, s, &none, sig);
            return;
        }
        for (uint32_t i = 0; i < l->n && n; i++) {
            Obj *o = l->at[i]->obj;
            if (!o || !o->name || !strcmp(o->name, "_")) {
                continue;
            }
            Obj *seen = scope_lookup_parent(c->env.scope, o->name, 0, NULL);
            if (seen && seen != o) {
                check_error(c, s->pos, 0, "OutOfScopeResult",
                            "result parameter %s not in scope at return\n\t%s: inner declaration "
                            "of %s", o->name, check_pos_text(c, seen->pos), o->name);
            }
        }
        return;
    }
    if (!n) {
        ExprList have;
        check_args_expand(c, r, &have, false);
        return_mismatch(c, s, &have, sig);
        return;
    }
    Obj **lhs = MEM_NEW_N(Obj *, n);
    for (uint32_t i = 0; i < n; i++) {
        lhs[i] = check_new_obj(c, OBJ_VAR, name_of("_"), s->pos, sig->func.results[i].type);
    }
    check_init_vars(c, lhs, n, r, s, s->pos, "return statement");
}
