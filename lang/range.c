/* range.c - for ... range: integers, strings, arrays, slices, maps, channels and iterator
 * functions. */
#include "lang/check.h"

#include <string.h>

typedef struct Ranged {
    Type *key, *value;  /* NULL: none */
    const char *why;    /* not NULL: cannot be ranged over, and why ("" without reason) */
    bool is_func;
} Ranged;

static Ranged ranged_func(Type *u)
{
    Ranged r = {.is_func = true};
    Type *yield = u->func.nparams == 1 ? type_core(u->func.params[0].type) : NULL;
    if (u->func.nparams != 1) {
        r.why = "func must be func(yield func(...) bool): wrong argument count";
    } else if (u->func.nresults != 0) {
        r.why = "func must be func(yield func(...) bool): unexpected results";
    } else if (!yield || yield->kind != T_FUNC) {
        r.why = "func must be func(yield func(...) bool): argument is not func";
    } else if (yield->func.nparams > 2) {
        r.why = "func must be func(yield func(...) bool): yield func has too many parameters";
    } else if (yield->func.nresults != 1 || !type_is_boolean(yield->func.results[0].type)) {
        r.why = "func must be func(yield func(...) bool): yield func does not return bool";
    } else {
        r.key = yield->func.nparams > 0 ? yield->func.params[0].type : NULL;
        r.value = yield->func.nparams > 1 ? yield->func.params[1].type : NULL;
    }
    return r;
}

static Ranged ranged(Type *t)
{
    Type *u = type_core(t);
    Ranged r = {0};
    if (!u) {
        u = type_core_string(t);
    }
    if (!u) {
        r.why = "no core type";
        return r;
    }
    if (u->kind == T_POINTER && type_under(u->pointer.elem)->kind == T_ARRAY) {
        u = type_under(u->pointer.elem);
    }
    switch (u->kind) {
    case T_STRING:
        r.key = basic(T_INT);
        r.value = type_rune;
        return r;
    case T_ARRAY:
        r.key = basic(T_INT);
        r.value = u->array.elem;
        return r;
    case T_SLICE:
        r.key = basic(T_INT);
        r.value = u->slice.elem;
        return r;
    case T_MAP:
        r.key = u->map.key;
        r.value = u->map.elem;
        return r;
    case T_CHAN:
        r.key = u->chan.elem;
        r.why = u->chan.dir & 1 ? NULL : "receive from send-only channel";
        return r;
    case T_FUNC:
        return ranged_func(u);
    default:
        if (type_is_integer(u)) {
            r.key = t;
            return r;
        }
        r.why = "";
        return r;
    }
}

/* The type that a range over an untyped integer constant takes: that of its variable. */
static void settle_count(Checker *c, Stmt *s, Expr *x)
{
    Expr *key = s->range.key;
    if (!type_is_untyped(x->type)) {
        return;
    }
    Expr *name = key ? check_unparen(key) : NULL;
    bool blank = !name || (name->kind == EX_NAME && !strcmp(name->name.name, "_"));
    if (!s->range.define && !blank && type_is_numeric(x->type)) {
        Type *t = check_lhs(c, key);
        if (t && !is_invalid(t)) {
            check_assign_to(c, x, t, "range clause");
            return;
        }
    }
    if (type_is_numeric(x->type) && !type_is_integer(x->type)) {
        return; /* not even 3.0 */
    }
    check_default(c, x);
}

static void declare_vars(Checker *c, Stmt *s, Expr **lhs, Type **types)
{
    Obj *vars[2] = {0};
    bool fresh = false;
    for (int i = 0; i < 2; i++) {
        Expr *e = lhs[i];
        if (!e) {
            continue;
        }
        if (e->kind != EX_NAME) {
            check_error_at(c, e, "BadDecl", "non-name %s on left side of :=", expr_string(e));
            continue;
        }
        vars[i] = check_new_obj(c, OBJ_VAR, e->name.name, e->start, types[i]);
        if (!types[i]) {
            vars[i]->type = INVALID;
            vars[i]->used = true;
        }
        e->name.obj = vars[i];
        e->mode = MODE_VAR;
        e->type = vars[i]->type;
        fresh |= strcmp(e->name.name, "_") != 0;
    }
    if (lhs[0] && lhs[1] && lhs[0]->kind == EX_NAME && lhs[1]->kind == EX_NAME && fresh
        && lhs[0]->name.name == lhs[1]->name.name) {
        check_error_at(c, lhs[1], "RepeatedDecl", "%s repeated on left side of :=",
                       lhs[1]->name.name);
        vars[1] = NULL;
    }
    if (lhs[0] && !fresh) {
        check_error(c, s->range.op_pos ? s->range.op_pos : s->pos, 0, "NoNewVar",
                    "no new variables on left side of :=");
    }
    for (int i = 0; i < 2; i++) {
        if (vars[i]) {
            check_declare(c, c->env.scope, vars[i]);
            if (strcmp(vars[i]->name, "_") != 0) {
                VEC_PUSH(c->vars, vars[i]);
            }
        }
    }
}

static void assign_vars(Checker *c, Stmt *s, Expr **lhs, Type **types)
{
    for (int i = 0; i < 2; i++) {
        if (!lhs[i]) {
            continue;
        }
        Type *t = check_lhs(c, lhs[i]);
        if (!t) {
            lhs[i]->type = types[i];
            continue;
        }
        if (is_invalid(t) || !types[i] || is_invalid(types[i])) {
            continue;
        }
        Expr v = {.kind = EX_BAD, .mode = MODE_VALUE, .type = types[i], .pos = lhs[i]->pos,
                  .start = lhs[i]->start, .end = lhs[i]->end};
        const char *why = NULL;
        if (!types_assignable(&v, t, &why)) {
            check_error_at(c, lhs[i], "IncompatibleAssign",
                           "cannot assign value of type %s to %s in range%s%s",
                           check_type_text(c, types[i]), check_operand_text(c, lhs[i]),
                           why && *why ? ": " : "", why ? why : "");
        }
    }
}

static void range_version(Checker *c, Expr *x, const char *text, bool is_func)
{
    check_version(c, x->start, x->end, is_func ? 23 : 22, "cannot range over %s:", text);
}

void check_range(Checker *c, Stmt *s, unsigned ctx)
{
    Expr *x = s->range.x;
    Expr *lhs[2] = {s->range.key, s->range.value};
    Type *types[2] = {0};
    check_expr(c, x, NULL);
    bool count = x->mode == MODE_CONST && type_is_untyped(x->type) && type_is_numeric(x->type);
    const char *text = count ? check_operand_text(c, x) : NULL; /* before it takes a type */
    if (x->mode != MODE_INVALID) {
        settle_count(c, s, x);
    }
    s->range.scope = check_push_scope(c, s->pos, s->end);
    if (x->mode != MODE_INVALID && !is_invalid(x->type)) {
        Ranged r = ranged(x->type);
        types[0] = r.key;
        types[1] = r.value;
        int max = r.key ? r.value ? 2 : 1 : 0;
        if (r.why) {
            check_error_at(c, x, "InvalidRangeExpr", *r.why ? "cannot range over %s: %s"
                           : "cannot range over %s%s", check_operand_text(c, x), r.why);
            types[0] = types[1] = NULL;
        } else if (r.is_func || type_is_integer(type_under(x->type))) {
            range_version(c, x, text ? text : check_operand_text(c, x), r.is_func);
        }
        if (r.why) {
            /* reported */
        } else if (lhs[1] && max < 2) {
            check_error_at(c, lhs[1], "InvalidIterVar",
                           max == 1 ? "range over %s permits only one iteration variable"
                           : "range over %s permits no iteration variables",
                           text ? text : check_operand_text(c, x));
        } else if (lhs[0] && max < 1) {
            check_error_at(c, lhs[0], "InvalidIterVar",
                           "range over %s permits no iteration variables",
                           check_operand_text(c, x));
        }
    }
    if (s->range.define) {
        declare_vars(c, s, lhs, types);
    } else if (!count || !lhs[0]) {
        assign_vars(c, s, lhs, types);
    } else if (is_invalid(lhs[0]->type)) {
        lhs[0]->type = x->type;
    }
    Stmt *brk = c->env.brk, *cont = c->env.cont;
    c->env.brk = c->env.cont = s;
    check_block(c, s->range.body, CTX_BREAK | CTX_CONTINUE);
    c->env.brk = brk;
    c->env.cont = cont;
    check_pop_scope(c);
    (void)ctx;
}
