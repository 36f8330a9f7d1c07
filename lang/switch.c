/* switch.c - switch, type switch and select. */
#include "lang/check.h"

#include <string.h>

static void duplicate_defaults(Checker *c, Clause **at, uint32_t n, const char *what)
{
    Clause *first = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (!at[i]->is_default) {
            continue;
        }
        if (first) {
            check_error(c, at[i]->pos, 0, "DuplicateDefault",
                        "multiple defaults in %s (first at %s)", what,
                        check_pos_text(c, first->pos));
        } else {
            first = at[i];
        }
    }
}

/* ---- expression switch ---- */

typedef struct CaseSet {
    Expr **table;
    uint32_t n, cap;
} CaseSet;

static uint64_t case_hash(Expr *e)
{
    uint64_t h = 14695981039346656037ull;
    size_t n = 0;
    const char *s = const_kind(e->cval) == CK_STRING ? const_as_string(e->cval, &n) : NULL;
    if (!s) {
        s = const_format(e->cval);
        n = strlen(s);
    }
    while (n--) {
        h = (h ^ (unsigned char)*s++) * 1099511628211ull;
    }
    return h ^ (h >> 31);
}

static Expr *case_add(CaseSet *s, Expr *e)
{
    if (s->n * 2 >= s->cap) {
        CaseSet old = *s;
        s->cap = s->cap ? s->cap * 2 : 16;
        s->table = MEM_NEW_N(Expr *, s->cap);
        s->n = 0;
        for (uint32_t i = 0; i < old.cap; i++) {
            if (old.table[i]) {
                case_add(s, old.table[i]);
            }
        }
    }
    uint64_t i = case_hash(e);
    for (; s->table[i & (s->cap - 1)]; i++) {
        Expr *o = s->table[i & (s->cap - 1)];
        if (const_kind(o->cval) == const_kind(e->cval) && types_identical(o->type, e->type)
            && const_compare(o->cval, TOK_EQL, e->cval)) {
            return o;
        }
    }
    s->table[i & (s->cap - 1)] = e;
    s->n++;
    return NULL;
}

static void case_value(Checker *c, Expr *v, Expr *tag, CaseSet *seen)
{
    check_expr(c, v, NULL);
    if (v->mode == MODE_INVALID || tag->mode == MODE_INVALID) {
        return;
    }
    Expr t = *tag;
    if (!check_match(c, v, &t)) {
        check_error_at(c, v, "MismatchedTypes",
                       "invalid case %s in switch on %s (mismatched types %s and %s)",
                       expr_string(v), expr_string(tag), check_type_text(c, v->type),
                       check_type_text(c, tag->type));
        return;
    }
    if (v->mode == MODE_INVALID || t.mode == MODE_INVALID) {
        return;
    }
    Expr result = {.kind = EX_BINARY, .pos = v->pos, .start = v->start, .end = v->end};
    check_comparison(c, &result, v, TOK_EQL, &t, true);
    if (result.mode == MODE_INVALID || v->mode != MODE_CONST || !v->cval
        || const_kind(v->cval) == CK_UNKNOWN || const_kind(v->cval) == CK_BOOL) {
        return;
    }
    Expr *old = case_add(seen, v);
    if (old) {
        check_error_at(c, v, "DuplicateCase",
                       "duplicate case %s in expression switch\n\t%s: previous case",
                       check_operand_text(c, v), check_pos_text(c, old->start));
    }
}

void check_switch(Checker *c, Stmt *s, unsigned ctx)
{
    check_push_scope(c, s->pos, s->end);
    if (s->switch_.init) {
        check_stmt(c, s->switch_.init, 0);
    }
    Expr *tag = s->switch_.tag, yes = {.kind = EX_NAME};
    if (tag) {
        check_expr(c, tag, NULL);
        if (tag->mode != MODE_INVALID) {
            check_assign_to(c, tag, NULL, "switch expression");
        }
        const char *why = NULL;
        if (tag->mode != MODE_INVALID && !type_comparable_p(tag->type, &why)
            && !type_has_nil(tag->type)) {
            check_error_at(c, tag, "InvalidExprSwitch", "cannot switch on %s",
                           check_operand_text(c, tag));
            check_invalid(tag);
        }
    } else {
        tag = &yes;
        yes.name.name = name_of("true");
        yes.mode = MODE_CONST;
        yes.type = basic(T_BOOL);
        yes.cval = const_bool(true);
        yes.pos = yes.start = s->pos;
    }
    duplicate_defaults(c, s->switch_.clauses.at, s->switch_.clauses.n, "switch");
    CaseSet seen = {0};
    Stmt *brk = c->env.brk;
    c->env.brk = s;
    for (uint32_t i = 0; i < s->switch_.clauses.n; i++) {
        Clause *cl = s->switch_.clauses.at[i];
        for (uint32_t k = 0; k < cl->exprs.n; k++) {
            case_value(c, cl->exprs.at[k], tag, &seen);
        }
        cl->scope = check_push_scope(c, cl->colon, s->end);
        bool last = i + 1 == s->switch_.clauses.n;
        check_stmts(c, &cl->body, (ctx & CTX_CONTINUE) | CTX_BREAK
                    | (last ? CTX_FINAL_CASE : CTX_FALLTHROUGH));
        check_pop_scope(c);
    }
    c->env.brk = brk;
    check_pop_scope(c);
}

/* ---- type switch ---- */

typedef struct TypeSeen {
    VEC(Type *) types; /* NULL: the nil case */
    VEC(Pos) at;
} TypeSeen;

static Type *case_type(Checker *c, Expr *e, Expr *x, TypeSeen *seen)
{
    check_expr_or_type(c, e);
    if (e->mode == MODE_INVALID) {
        return INVALID;
    }
    Type *t = NULL;
    if (e->mode == MODE_TYPE) {
        t = e->type;
        check_valid_var_type(c, e, t);
    } else if (e->mode != MODE_NIL) {
        check_error_at(c, e, "NotAType", "%s is not a type", expr_string(e));
        check_invalid(e);
        return INVALID;
    }
    for (uint32_t i = 0; i < seen->types.n; i++) {
        Type *o = seen->types.at[i];
        if (t ? o && types_identical(o, t) : !o) {
            check_error_at(c, e, "DuplicateCase",
                           "duplicate case %s in type switch\n\t%s: previous case",
                           t ? check_type_text(c, t) : "nil", check_pos_text(c, seen->at.at[i]));
            return t;
        }
    }
    VEC_PUSH(seen->types, t);
    VEC_PUSH(seen->at, e->start);
    if (t && x->mode != MODE_INVALID) {
        check_assertable(c, e, x, t, true);
    }
    return t;
}

static Obj *clause_var(Checker *c, Stmt *s, Clause *cl, Expr *x, Type *t)
{
    Expr *bind = s->tswitch.bind;
    Obj *o = check_new_obj(c, OBJ_VAR, bind->name.name, bind->start, t);
    if (cl->exprs.n != 1 || !t) {
        o->type = x->mode == MODE_INVALID ? INVALID : x->type;
    }
    check_declare(c, c->env.scope, o);
    return o;
}

void check_type_switch(Checker *c, Stmt *s, unsigned ctx)
{
    check_push_scope(c, s->pos, s->end);
    if (s->tswitch.init) {
        check_stmt(c, s->tswitch.init, 0);
    }
    Expr *x = s->tswitch.x, *bind = s->tswitch.bind;
    check_expr(c, x, NULL);
    if (x->mode != MODE_INVALID && !type_is_interface(x->type)) {
        check_error_at(c, x, "InvalidTypeSwitch", x->type->kind == T_TPARAM
                       ? "cannot use %s in type switch: type parameter"
                       : "%s is not an interface", check_operand_text(c, x));
        check_invalid(x);
    }
    bool named = bind && bind->kind == EX_NAME;
    if (named && !strcmp(bind->name.name, "_")) {
        check_error_at(c, bind, "NoNewVar", "no new variable on left side of :=");
        named = false;
    }
    duplicate_defaults(c, s->tswitch.clauses.at, s->tswitch.clauses.n, "switch");
    TypeSeen seen = {0};
    bool used = false;
    Stmt *brk = c->env.brk;
    c->env.brk = s;
    for (uint32_t i = 0; i < s->tswitch.clauses.n; i++) {
        Clause *cl = s->tswitch.clauses.at[i];
        Type *t = NULL;
        for (uint32_t k = 0; k < cl->exprs.n; k++) {
            t = case_type(c, cl->exprs.at[k], x, &seen);
        }
        cl->scope = check_push_scope(c, cl->colon, s->end);
        if (named) {
            cl->var = clause_var(c, s, cl, x, t);
        }
        check_stmts(c, &cl->body, (ctx & CTX_CONTINUE) | CTX_BREAK | CTX_TYPESWITCH);
        check_pop_scope(c);
        used |= cl->var && (cl->var->used || is_invalid(cl->var->type));
    }
    c->env.brk = brk;
    if (named && !used) {
        check_soft_error(c, bind->start, bind->end, "UnusedVar", "declared and not used: %s",
                         bind->name.name);
    }
    check_pop_scope(c);
}

/* ---- select ---- */

static bool is_receive(Expr *e)
{
    e = check_unparen(e);
    return e && e->kind == EX_UNARY && e->unary.op == TOK_ARROW;
}

static bool valid_comm(Stmt *s)
{
    switch (s->kind) {
    case ST_SEND:
    case ST_BAD: return true;
    case ST_EXPR: return is_receive(s->expr.x);
    case ST_ASSIGN:
    case ST_DEFINE:
        return s->assign.rhs.n == 1 && is_receive(s->assign.rhs.at[0])
               && (s->kind == ST_DEFINE || s->assign.op == TOK_ASSIGN);
    default: return false;
    }
}

void check_select(Checker *c, Stmt *s, unsigned ctx)
{
    duplicate_defaults(c, s->select.clauses.at, s->select.clauses.n, "select");
    Stmt *brk = c->env.brk;
    c->env.brk = s;
    for (uint32_t i = 0; i < s->select.clauses.n; i++) {
        Clause *cl = s->select.clauses.at[i];
        cl->scope = check_push_scope(c, cl->pos, s->end);
        if (cl->comm) {
            if (valid_comm(cl->comm)) {
                check_stmt(c, cl->comm, 0);
            } else {
                check_error(c, cl->comm->pos, 0, "InvalidSelectCase",
                            "select case must be receive, send or assign recv");
            }
        }
        check_stmts(c, &cl->body, (ctx & CTX_CONTINUE) | CTX_BREAK);
        check_pop_scope(c);
    }
    c->env.brk = brk;
}
