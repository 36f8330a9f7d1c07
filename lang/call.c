/* call.c - calls and conversions written as calls; arguments, variadic ones included; type
 * arguments given, partly given or inferred. The type arguments of an instantiated function are
 * recorded on the name that denotes it (name.targs of the EX_NAME, or of a selector's sel). */
#include "lang/check.h"

#include <assert.h>
#include <string.h>

/* ---- instances of functions ---- */

static Expr *name_of_callee(Expr *fn)
{
    for (;;) {
        fn = check_unparen(fn);
        switch (fn->kind) {
        case EX_INDEX: fn = fn->index.x; break;
        case EX_SELECTOR: return fn->selector.sel;
        case EX_NAME: return fn;
        default: return NULL;
        }
    }
}

void check_record_instance(Expr *fn, TypeList targs, Type *sig)
{
    Expr *name = name_of_callee(fn);
    if (name && name->kind == EX_NAME) {
        name->name.targs = targs.at;
        name->name.ntargs = targs.n;
        name->type = sig;
    }
    for (Expr *e = fn;;) {
        e->type = sig;
        if (e->kind == EX_PAREN) {
            e = e->paren.x;
        } else if (e->kind == EX_INDEX) {
            e = e->index.x;
        } else {
            break;
        }
    }
}

/* f[A, B]: all type arguments, or some where the rest is inferred by a call. */
void check_func_instance(Checker *c, Expr *e)
{
    Type *sig = e->index.x->type;
    ExprList *args = &e->index.index;
    TypeList tparams = sig->func.tparams;
    TypeList targs = {MEM_NEW_N(Type *, tparams.n + 1), 0};
    check_invalid(e);
    check_version(c, e->start, e->end, 18, "function instantiation");
    for (uint32_t i = 0; i < args->n; i++) {
        Type *t = check_var_type(c, args->at[i]);
        if (is_invalid(t)) {
            return;
        }
        if (i >= tparams.n) {
            check_error_at(c, args->at[i], "WrongTypeArgCount",
                           "got %u type arguments but %s has %u type parameters", args->n,
                           expr_string(e->index.x), tparams.n);
            return;
        }
        targs.at[targs.n++] = t;
    }
    e->mode = MODE_VALUE;
    if (targs.n < tparams.n) {
        uint32_t failed;
        char *why;
        TypeList more = {targs.at, targs.n};
        if (!types_infer(tparams, &more, NULL, 0, NULL, 0, NULL, &failed, &why)) {
            check_record_instance(e, targs, sig);
            return;
        }
        targs = more;
    }
    if (!check_verify_targs(c, tparams, targs, args, e)) {
        check_invalid(e);
        return;
    }
    check_record_instance(e, targs, func_instantiate(sig, targs));
}

static TypeList given_targs(Expr *fn, Type *sig)
{
    Expr *name = name_of_callee(fn);
    TypeList none = {0};
    bool partial = check_unparen(fn)->kind == EX_INDEX;
    if (!partial || !name || name->kind != EX_NAME || name->name.ntargs >= sig->func.tparams.n) {
        return none;
    }
    return (TypeList){name->name.targs, name->name.ntargs};
}

/* A generic function where a func type is expected: its type arguments follow from that. */
bool check_infer_from(Checker *c, Expr *fn, Type *target)
{
    Type *sig = fn->type;
    Type *t = target ? type_core(target) : NULL;
    if (!t || t->kind != T_FUNC || sig->kind != T_FUNC || !sig->func.tparams.n) {
        return false;
    }
    Type *plain = type_new(T_FUNC);
    plain->func = sig->func;
    plain->func.tparams = (TypeList){0};
    Param p = {NULL, plain};
    Expr *arg = MEM_NEW(Expr);
    arg->kind = EX_BAD;
    arg->mode = MODE_VALUE;
    arg->type = t;
    arg->pos = arg->start = fn->start;
    TypeList targs = given_targs(fn, sig);
    uint32_t failed;
    char *why;
    if (!types_infer(sig->func.tparams, &targs, &p, 1, &arg, 1, NULL, &failed, &why)
        || !check_verify_targs(c, sig->func.tparams, targs, NULL, fn)) {
        return false;
    }
    check_version(c, fn->start, fn->end, 21, "implicitly instantiated %s", expr_string(fn));
    check_record_instance(fn, targs, func_instantiate(sig, targs));
    return true;
}

/* ---- arguments ---- */

/* Checks arguments; a single call that yields several values stands for them all. */
void check_args_expand(Checker *c, ExprList *args, ExprList *out, bool generic)
{
    memset(out, 0, sizeof *out);
    if (args->n == 1) {
        Expr *x = args->at[0];
        check_raw(c, x, NULL);
        check_exclude_nonvalues(c, x);
        if (x->mode == MODE_VALUE && x->type->kind == T_TUPLE && !x->commaok) {
            for (uint32_t i = 0; i < x->type->tuple.n; i++) {
                Expr *v = MEM_NEW(Expr);
                *v = *x;
                v->kind = EX_PAREN; /* prints as the call; never reached by the code generator */
                v->paren.x = x;
                v->type = x->type->tuple.at[i];
                VEC_PUSH(*out, v);
            }
            return;
        }
        VEC_PUSH(*out, x);
        return;
    }
    for (uint32_t i = 0; i < args->n; i++) {
        check_generic_expr(c, args->at[i]);
        VEC_PUSH(*out, args->at[i]);
    }
}

static const char *have_text(Checker *c, ExprList *args)
{
    char *s = mem_printf("(");
    for (uint32_t i = 0; i < args->n; i++) {
        Type *t = args->at[i]->type;
        const char *one;
        if (is_invalid(t)) {
            one = "unknown type";
        } else if (t && t->kind == T_UNTYPED_NIL) {
            one = "nil";
        } else if (t && type_is_untyped(t)) {
            one = type_is_numeric(t) ? "number" : type_is_string(t) ? "string" : "bool";
        } else {
            one = check_type_text(c, t);
        }
        s = mem_printf("%s%s%s", s, i ? ", " : "", one);
    }
    return mem_printf("%s)", s);
}

static const char *want_text(Checker *c, Param *ps, uint32_t n, bool variadic)
{
    char *s = mem_printf("(");
    for (uint32_t i = 0; i < n; i++) {
        bool dots = variadic && i + 1 == n;
        Type *t = dots ? ps[i].type->slice.elem : ps[i].type;
        s = mem_printf("%s%s%s%s", s, i ? ", " : "", dots ? "..." : "",
                       is_invalid(t) ? "unknown type" : check_type_text(c, t));
    }
    return mem_printf("%s)", s);
}

static bool count_args(Checker *c, Expr *call, ExprList *args, Type *sig, uint32_t npars)
{
    if (args->n == npars) {
        return true;
    }
    bool many = args->n > npars;
    Pos pos = many ? args->at[npars]->start : call->call.rparen ? call->call.rparen : call->end;
    Pos end = many ? args->at[npars]->end : 0;
    for (uint32_t i = 0; i < args->n; i++) {
        if (args->at[i]->mode == MODE_INVALID) {
            return false;
        }
    }
    check_error(c, pos, end, "WrongArgCount",
                "%s arguments in call to %s\n\thave %s\n\twant %s",
                many ? "too many" : "not enough", expr_string(call->call.fn), have_text(c, args),
                want_text(c, sig->func.params, sig->func.nparams, sig->func.variadic));
    return false;
}

/* The parameter of each argument: the variadic one repeated. */
static Param *spread_params(Type *sig, uint32_t nargs, bool dots, uint32_t *n)
{
    *n = sig->func.nparams;
    if (!sig->func.variadic || dots) {
        return sig->func.params;
    }
    uint32_t fixed = sig->func.nparams - 1;
    uint32_t total = nargs > fixed ? nargs : fixed;
    Param *ps = MEM_NEW_N(Param, total + 1);
    memcpy(ps, sig->func.params, fixed * sizeof *ps);
    Type *last = sig->func.params[fixed].type;
    for (uint32_t i = fixed; i < total; i++) {
        ps[i].type = last->kind == T_SLICE ? last->slice.elem : INVALID;
    }
    *n = total;
    return ps;
}

/* The type parameter that inference gave up on: the callee's, or a generic argument's. */
static Type *failed_tparam(Type *sig, ExprList *args, uint32_t index)
{
    TypeList l = sig->func.tparams;
    for (uint32_t i = 0; index >= l.n && i < args->n; i++) {
        Type *t = args->at[i]->type;
        if (t && t->kind == T_FUNC && t->func.tparams.n) {
            index -= l.n;
            l = t->func.tparams;
        }
    }
    return l.at[index < l.n ? index : 0];
}

static Type *infer_call(Checker *c, Expr *call, Type *sig, Param *ps, uint32_t np, ExprList *args)
{
    Expr *fn = call->call.fn;
    TypeList targs = given_targs(fn, sig);
    uint32_t failed = 0;
    char *why = NULL;
    if (!targs.n) {
        check_version(c, call->start, call->end, 18, "implicit function instantiation");
    }
    for (uint32_t i = 0; i < args->n; i++) {
        if (args->at[i]->mode == MODE_INVALID) {
            return NULL;
        }
    }
    TypeList *arg_targs = MEM_NEW_N(TypeList, args->n + 1);
    for (uint32_t i = 0; i < args->n; i++) {
        Type *t = args->at[i]->type;
        if (t->kind == T_FUNC && t->func.tparams.n) {
            arg_targs[i] = given_targs(args->at[i], t);
        }
    }
    if (!types_infer(sig->func.tparams, &targs, ps, np, args->at, args->n, arg_targs, &failed, &why)) {
        if (why) {
            const Expr *arg = failed ? args->at[failed - 1] : NULL; /* else the ( */
            check_error(c, arg ? arg->start : fn->end, arg ? arg->end : 0, "CannotInferTypeArgs",
                        "in call to %s, %s", expr_string(fn), why);
        } else {
            Pos at = call->call.rparen ? call->call.rparen : call->end;
            Type *open = failed_tparam(sig, args, failed);
            check_error(c, at, 0, "CannotInferTypeArgs",
                        "in call to %s, cannot infer %s (declared at %s)", expr_string(fn),
                        check_type_text(c, open), check_pos_text(c, open->tparam.obj->pos));
        }
        return NULL;
    }
    if (!check_verify_targs(c, sig->func.tparams, targs, NULL, fn)) {
        return NULL;
    }
    for (uint32_t i = 0; i < args->n; i++) {
        Expr *a = args->at[i];
        if (arg_targs[i].n) {
            if (!check_verify_targs(c, a->type->func.tparams, arg_targs[i], NULL, a)) {
                return NULL;
            }
            check_version(c, a->start, a->end, 21, "implicitly instantiated %s", expr_string(a));
            check_record_instance(a, arg_targs[i], func_instantiate(a->type, arg_targs[i]));
        }
    }
    Type *inst = func_instantiate(sig, targs);
    check_record_instance(fn, targs, inst);
    return inst;
}

/* Checks the arguments against sig; returns the instantiated signature, NULL after an error. */
static Type *arguments(Checker *c, Expr *call, Type *sig, ExprList *args)
{
    bool dots = call->call.dots;
    Expr *fn = call->call.fn;
    if (dots && !sig->func.variadic) {
        check_error_at(c, args->n ? args->at[args->n - 1] : call, "NonVariadicDotDotDot",
                       "cannot use ... in call to non-variadic %s", expr_string(fn));
        return NULL;
    }
    if (dots && call->call.args.n == 1 && args->n > 1) {
        check_error_at(c, call->call.args.at[0], "InvalidDotDotDot",
                       "cannot use ... with %u-valued %s", args->n,
                       expr_string(call->call.args.at[0]));
        return NULL;
    }
    uint32_t np;
    Param *ps = spread_params(sig, args->n, dots, &np);
    if (!count_args(c, call, args, sig, np)) {
        return NULL;
    }
    if (sig->func.tparams.n) {
        Type *inst = infer_call(c, call, sig, ps, np, args);
        if (!inst) {
            return NULL;
        }
        sig = inst;
        ps = spread_params(sig, args->n, dots, &np);
    }
    const char *context = mem_printf("argument to %s", expr_string(fn));
    for (uint32_t i = 0; i < args->n; i++) {
        check_assign_to(c, args->at[i], ps[i].type, context);
    }
    return sig;
}

static void set_results(Expr *e, Type *sig)
{
    Param *r = sig->func.results;
    switch (sig->func.nresults) {
    case 0:
        e->mode = MODE_NOVALUE;
        e->type = type_tuple(NULL, 0);
        break;
    case 1:
        e->mode = MODE_VALUE;
        e->type = r[0].type;
        break;
    default: {
        Type **at = MEM_NEW_N(Type *, sig->func.nresults);
        for (uint32_t i = 0; i < sig->func.nresults; i++) {
            at[i] = r[i].type;
        }
        e->mode = MODE_VALUE;
        e->type = type_tuple(at, sig->func.nresults);
    }
    }
}

/* ---- conversions ---- */

static void conversion_call(Checker *c, Expr *e, Type *t)
{
    e->call.call_kind = CALL_CONVERSION;
    check_invalid(e);
    if (e->call.args.n != 1) {
        check_use_list(c, &e->call.args);
        if (!e->call.args.n) {
            check_error(c, e->call.rparen ? e->call.rparen : e->end, 0, "WrongArgCount",
                        "missing argument in conversion to %s", check_type_text(c, t));
        } else {
            check_error_at(c, e->call.args.at[1], "WrongArgCount",
                           "too many arguments in conversion to %s", check_type_text(c, t));
        }
        return;
    }
    Expr *x = e->call.args.at[0];
    check_generic_expr(c, x);
    if (x->mode == MODE_INVALID || is_invalid(t)) {
        return;
    }
    if (e->call.dots) {
        check_error_at(c, x, "BadDotDotDotSyntax", "invalid use of ... in conversion to %s",
                       check_type_text(c, t));
        return;
    }
    if (type_is_interface(t)) {
        TypeSet *set = typeset_of(type_under(t));
        if (!set->all || set->comparable) {
            check_error_at(c, e, "MisplacedConstraintIface",
                           "cannot use interface %s in conversion "
                           "(contains specific type constraints or is comparable)",
                           check_type_text(c, t));
            return;
        }
    }
    if (x->type->kind == T_FUNC && x->type->func.tparams.n) {
        check_infer_from(c, x, t);
    }
    check_conversion(c, e, x, t);
}

/* ---- calls ---- */

void check_call(Checker *c, Expr *e)
{
    Expr *fn = e->call.fn;
    check_raw(c, fn, NULL);
    e->call.call_kind = CALL_FUNC;
    switch (fn->mode) {
    case MODE_INVALID:
        check_use_list(c, &e->call.args);
        check_invalid(e);
        return;
    case MODE_TYPE:
        if (check_is_generic(fn->type)) {
            check_error_at(c, fn, "GenericUse",
                           "cannot use generic type %s without instantiation", expr_string(fn));
            check_use_list(c, &e->call.args);
            check_invalid(e);
            return;
        }
        conversion_call(c, e, fn->type);
        return;
    case MODE_BUILTIN: {
        Expr *name = name_of_callee(fn);
        Obj *o = name ? name->name.obj : NULL;
        e->call.call_kind = CALL_BUILTIN;
        check_invalid(e);
        if (o) {
            e->call.builtin = o->builtin;
            check_builtin(c, e, o->builtin);
        }
        return;
    }
    default:
        break;
    }
    check_exclude_nonvalues(c, fn);
    check_single(c, fn);
    check_invalid(e);
    if (fn->mode == MODE_INVALID) {
        check_use_list(c, &e->call.args);
        return;
    }
    Type *sig = type_core(fn->type);
    if (!sig || sig->kind != T_FUNC) {
        check_error_at(c, e, "InvalidCall", "invalid operation: cannot call non-function %s",
                       check_operand_text(c, fn));
        check_use_list(c, &e->call.args);
        return;
    }
    c->env.call_or_recv = true;
    ExprList args;
    check_args_expand(c, &e->call.args, &args, true);
    c->env.call_or_recv = true;
    Type *inst = arguments(c, e, sig, &args);
    if (!inst && sig->func.tparams.n) {
        return; /* the results' types are unknown */
    }
    set_results(e, inst ? inst : sig);
    if (e->mode == MODE_VALUE && is_invalid(e->type)) {
        check_invalid(e);
    }
}
