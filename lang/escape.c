/* escape.c - which local variables need a heap box, and what each function literal captures.
 *
 * One walk over a declaration's body before it is first compiled. A variable is boxed if its
 * address is taken (&, a pointer method, slicing an array), or if a literal captures it and it is
 * assigned after its declaration; a captured variable that is never reassigned is captured by
 * value. Arrays of aggregates indexed by non-constants are boxed too: the frame has no computed
 * addresses. The body of a range over a function counts as a literal. Results are kept in Obj.boxed
 * and Obj.assigned, the captures in Lit records found by their expression.
 */
#include "lang/gen.h"

typedef struct Walk {
    Gen *g;
    Lit *lit;
    VEC(Obj *) vars;   /* all locals met, for the verdict at the end */
    int go_minor;
} Walk;

ObjGen *obj_gen(Obj *o)
{
    if (!o->gen) {
        o->gen = MEM_NEW(ObjGen);
    }
    return o->gen;
}

static Lit *lit_new(Gen *g, Lit *outer, void *key)
{
    Lit *l = MEM_NEW(Lit);
    l->e = key;
    l->outer = outer;
    if (g->nlits * 2 >= g->lits_cap) {
        uint32_t cap = g->lits_cap ? g->lits_cap * 2 : 64;
        Lit **t = MEM_NEW_N(Lit *, cap);
        for (uint32_t i = 0; i < g->lits_cap; i++) {
            for (Lit *p = g->lits[i], *next; p; p = next) {
                next = p->next;
                uint32_t at = (uint32_t)((uintptr_t)p->e >> 4) & (cap - 1);
                p->next = t[at];
                t[at] = p;
            }
        }
        g->lits = t;
        g->lits_cap = cap;
    }
    uint32_t at = (uint32_t)((uintptr_t)key >> 4) & (g->lits_cap - 1);
    l->next = g->lits[at];
    g->lits[at] = l;
    g->nlits++;
    return l;
}

Lit *lit_of(Gen *g, Expr *e)
{
    if (!g->lits_cap) {
        return NULL;
    }
    for (Lit *l = g->lits[(uint32_t)((uintptr_t)e >> 4) & (g->lits_cap - 1)]; l; l = l->next) {
        if (l->e == e) {
            return l;
        }
    }
    return NULL;
}

static void walk_expr(Walk *w, Expr *e);
static void walk_stmt(Walk *w, Stmt *s);

static void walk_stmts(Walk *w, Stmt **at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        walk_stmt(w, at[i]);
    }
}

static void walk_block(Walk *w, Block *b)
{
    if (b) {
        walk_stmts(w, b->stmts.at, b->stmts.n);
    }
}

static void walk_exprs(Walk *w, ExprList *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        walk_expr(w, l->at[i]);
    }
}

static void declare(Walk *w, Obj *o)
{
    if (o && o->kind == OBJ_VAR && !o->is_global) {
        obj_gen(o)->owner = w->lit;
        VEC_PUSH(w->vars, o);
    }
}

static void capture(Lit *l, Obj *o)
{
    for (uint32_t i = 0; i < l->caps.n; i++) {
        if (l->caps.at[i] == o) {
            return;
        }
    }
    VEC_PUSH(l->caps, o);
}

static void use_name(Walk *w, Expr *e)
{
    Obj *o = e->name.obj;
    if (!o || o->kind != OBJ_VAR || o->is_global || o->is_field) {
        return;
    }
    ObjGen *og = obj_gen(o);
    if (!og->owner || (o->pos && o->pos == e->pos)) {
        declare(w, o);
    }
    for (Lit *l = w->lit; l && l != og->owner; l = l->outer) {
        capture(l, o);
        og->captured = true;
    }
}

static void declare_params(Walk *w, FuncType *sig)
{
    for (uint32_t i = 0; i < sig->params.n; i++) {
        declare(w, sig->params.at[i]->obj);
    }
    for (uint32_t i = 0; i < sig->results.n; i++) {
        Obj *o = sig->results.at[i]->obj;
        declare(w, o);
        if (o) {
            o->assigned = true;
        }
    }
}

/* The variable that holds the place e, if no pointer is followed on the way. */
static Obj *root_var(Expr *e)
{
    for (;;) {
        switch (e->kind) {
        case EX_PAREN: e = e->paren.x; break;
        case EX_NAME:
            return e->name.obj && e->name.obj->kind == OBJ_VAR && !e->name.obj->is_global
                       ? e->name.obj : NULL;
        case EX_SELECTOR: {
            Selection *s = e->selector.selection;
            if (!s || s->kind != SEL_FIELD || s->indirect || !e->selector.x->type ||
                type_under(e->selector.x->type)->kind == T_POINTER) {
                return NULL;
            }
            e = e->selector.x;
            break;
        }
        case EX_INDEX: {
            Type *t = e->index.x->type;
            Type *u = t ? type_under(t) : NULL;
            if (!u || (u->kind != T_ARRAY && t->kind != T_TPARAM)) {
                return NULL;
            }
            e = e->index.x;
            break;
        }
        default: return NULL;
        }
    }
}

static void box(Expr *e)
{
    Obj *o = root_var(e);
    if (o) {
        o->boxed = true;
    }
}

static void assigned(Expr *e)
{
    Obj *o = root_var(e);
    if (o) {
        o->assigned = true;
    }
}

static void walk_lit(Walk *w, void *key, FuncType *sig, Block *body)
{
    w->lit = lit_new(w->g, w->lit, key);
    if (sig) {
        declare_params(w, sig);
    }
    walk_block(w, body);
    w->lit = w->lit->outer;
}

static void walk_selector(Walk *w, Expr *e)
{
    Selection *s = e->selector.selection;
    if (!s) {
        return;
    }
    walk_expr(w, e->selector.x);
    if (s->kind == SEL_METHOD && s->method && s->method->ptr_recv && !s->indirect &&
        e->selector.x->type && type_under(e->selector.x->type)->kind != T_POINTER) {
        box(e->selector.x);
    }
}

static void walk_index(Walk *w, Expr *e)
{
    walk_expr(w, e->index.x);
    if (e->mode == MODE_TYPE || e->index.index.n != 1) {
        return;
    }
    Expr *i = e->index.index.at[0];
    if (i->mode == MODE_TYPE) {
        return;
    }
    walk_expr(w, i);
    Type *t = e->index.x->type ? type_under(e->index.x->type) : NULL;
    if (t && t->kind == T_ARRAY && !i->cval) {
        uint8_t k = type_under(t->array.elem)->kind;
        if (k == T_STRUCT || k == T_ARRAY || k == T_COMPLEX128 || k == T_INTERFACE ||
            unparen(e->index.x)->kind != EX_NAME) {
            box(e->index.x);
        }
    }
}

static void walk_call(Walk *w, Expr *e)
{
    if (e->call.call_kind == CALL_CONVERSION) {
        walk_exprs(w, &e->call.args);
        return;
    }
    if (e->call.call_kind == CALL_BUILTIN) {
        if (e->call.builtin == BI_RECOVER) {
            w->lit->has_recover = true;
        }
        for (uint32_t i = 0; i < e->call.args.n; i++) {
            if (e->call.args.at[i]->mode != MODE_TYPE) {
                walk_expr(w, e->call.args.at[i]);
            }
        }
        return;
    }
    walk_expr(w, e->call.fn);
    walk_exprs(w, &e->call.args);
}

static void walk_expr(Walk *w, Expr *e)
{
    if (!e || e->mode == MODE_TYPE || (e->mode == MODE_CONST && e->cval)) {
        return;
    }
    switch (e->kind) {
    case EX_NAME: use_name(w, e); break;
    case EX_PAREN: walk_expr(w, e->paren.x); break;
    case EX_COMPOSITE:
        for (uint32_t i = 0; i < e->composite.elems.n; i++) {
            Expr *x = e->composite.elems.at[i];
            if (x->kind == EX_KEYVALUE) {
                if (x->kv.key->kind != EX_NAME || !x->kv.key->name.obj ||
                    !x->kv.key->name.obj->is_field) {
                    walk_expr(w, x->kv.key);
                }
                x = x->kv.value;
            }
            walk_expr(w, x);
        }
        break;
    case EX_FUNC: walk_lit(w, e, e->func.sig, e->func.body); break;
    case EX_SELECTOR: walk_selector(w, e); break;
    case EX_INDEX: walk_index(w, e); break;
    case EX_SLICE:
        walk_expr(w, e->slice.x);
        walk_expr(w, e->slice.lo);
        walk_expr(w, e->slice.hi);
        walk_expr(w, e->slice.max);
        if (e->slice.x->type && (type_under(e->slice.x->type)->kind == T_ARRAY ||
                                 e->slice.x->type->kind == T_TPARAM)) {
            box(e->slice.x);
        }
        break;
    case EX_ASSERT: walk_expr(w, e->assert_.x); break;
    case EX_CALL: walk_call(w, e); break;
    case EX_STAR: walk_expr(w, e->star.x); break;
    case EX_UNARY:
        walk_expr(w, e->unary.x);
        if (e->unary.op == TOK_AND) {
            box(e->unary.x);
        }
        break;
    case EX_BINARY:
        walk_expr(w, e->binary.x);
        walk_expr(w, e->binary.y);
        break;
    case EX_KEYVALUE:
        walk_expr(w, e->kv.key);
        walk_expr(w, e->kv.value);
        break;
    default: break;
    }
}

static void walk_clauses(Walk *w, Clause **at, uint32_t n, bool types)
{
    for (uint32_t i = 0; i < n; i++) {
        Clause *c = at[i];
        declare(w, c->var);
        if (!types) {
            walk_exprs(w, &c->exprs);
        }
        if (c->comm) {
            walk_stmt(w, c->comm);
        }
        walk_stmts(w, c->body.at, c->body.n);
    }
}

static void walk_range(Walk *w, Stmt *s)
{
    w->lit->has_loop = true;
    walk_expr(w, s->range.x);
    Type *t = s->range.x->type ? type_core(s->range.x->type) : NULL;
    bool fn = t && t->kind == T_FUNC;
    Lit *outer = w->lit;
    if (fn) {
        w->lit = lit_new(w->g, w->lit, s);
        w->lit->range_body = true;
    }
    Expr *kv[2] = {s->range.key, s->range.value};
    for (int i = 0; i < 2; i++) {
        if (!kv[i]) {
            continue;
        }
        walk_expr(w, kv[i]);
        if (!s->range.define || w->go_minor < 22) {
            assigned(kv[i]);
        }
    }
    walk_block(w, s->range.body);
    w->lit = outer;
}

static void walk_decl(Walk *w, Decl *d)
{
    if (d->kind == DECL_VAR) {
        walk_exprs(w, &d->value.values);
        walk_exprs(w, &d->value.names);
    }
}

static void walk_assign(Walk *w, Stmt *s)
{
    walk_exprs(w, &s->assign.rhs);
    for (uint32_t i = 0; i < s->assign.lhs.n; i++) {
        Expr *l = s->assign.lhs.at[i];
        walk_expr(w, l);
        if (s->kind == ST_ASSIGN || !s->assign.is_new || !s->assign.is_new[i]) {
            assigned(l);
        }
    }
}

static void walk_for(Walk *w, Stmt *s)
{
    w->lit->has_loop = true;
    if (s->for_.init) {
        walk_stmt(w, s->for_.init);
    }
    walk_expr(w, s->for_.cond);
    walk_block(w, s->for_.body);
    if (s->for_.post) {
        walk_stmt(w, s->for_.post);
    }
}

/* A range body defers for the function around it. */
static void note_defer(Lit *l)
{
    for (; l->range_body; l = l->outer) {
        l->has_defer = true;
    }
    l->has_defer = true;
}

static void walk_stmt(Walk *w, Stmt *s)
{
    if (!s) {
        return;
    }
    switch (s->kind) {
    case ST_EXPR: walk_expr(w, s->expr.x); break;
    case ST_SEND:
        walk_expr(w, s->send.ch);
        walk_expr(w, s->send.value);
        break;
    case ST_INCDEC:
        walk_expr(w, s->incdec.x);
        assigned(s->incdec.x);
        break;
    case ST_ASSIGN: case ST_DEFINE: walk_assign(w, s); break;
    case ST_DEFER: note_defer(w->lit); /* fall through */
    case ST_GO: walk_expr(w, s->go.call); break;
    case ST_RETURN: walk_exprs(w, &s->ret.results); break;
    case ST_BLOCK: walk_block(w, s->block.body); break;
    case ST_IF:
        walk_stmt(w, s->if_.init);
        walk_expr(w, s->if_.cond);
        walk_block(w, s->if_.then);
        walk_stmt(w, s->if_.els);
        break;
    case ST_SWITCH:
        walk_stmt(w, s->switch_.init);
        walk_expr(w, s->switch_.tag);
        walk_clauses(w, s->switch_.clauses.at, s->switch_.clauses.n, false);
        break;
    case ST_TYPESWITCH:
        walk_stmt(w, s->tswitch.init);
        walk_expr(w, s->tswitch.x);
        walk_clauses(w, s->tswitch.clauses.at, s->tswitch.clauses.n, true);
        break;
    case ST_SELECT: walk_clauses(w, s->select.clauses.at, s->select.clauses.n, false); break;
    case ST_FOR: walk_for(w, s); break;
    case ST_RANGE: walk_range(w, s); break;
    case ST_LABELED: walk_stmt(w, s->labeled.body); break;
    case ST_DECL: walk_decl(w, s->decl.decl); break;
    default: break;
    }
}

static void verdict(Walk *w)
{
    for (uint32_t i = 0; i < w->vars.n; i++) {
        Obj *o = w->vars.at[i];
        if (obj_gen(o)->captured && o->assigned) {
            o->boxed = true;
        }
    }
}

static int minor_at(Gen *g, Pos pos)
{
    SourceFile *sf = pos ? diag_file(g->diags, pos) : NULL;
    return sf && sf->go_minor ? sf->go_minor : 99;
}

void escape_func(Gen *g, Decl *d)
{
    if (lit_of(g, (Expr *)(void *)d)) {
        return;
    }
    Walk w = {.g = g, .go_minor = minor_at(g, d->pos)};
    w.lit = lit_new(g, NULL, d);
    if (d->func.recv) {
        declare(&w, d->func.recv->obj);
    }
    declare_params(&w, d->func.sig);
    walk_block(&w, d->func.body);
    verdict(&w);
}

/* A package-level variable's initialiser: literals in it have no outer function. */
Lit *escape_init(Gen *g, Decl *d)
{
    Lit *l = lit_of(g, (Expr *)(void *)d);
    if (l) {
        return l;
    }
    Walk w = {.g = g, .go_minor = minor_at(g, d->pos)};
    w.lit = lit_new(g, NULL, d);
    walk_exprs(&w, &d->value.values);
    verdict(&w);
    return w.lit;
}

/* A synthesised literal inside outer, which was walked before. */
Lit *escape_lit(Gen *g, Lit *outer, Expr *e)
{
    Lit *l = lit_of(g, e);
    if (l) {
        return l;
    }
    Walk w = {.g = g, .lit = outer, .go_minor = 99};
    walk_lit(&w, e, e->func.sig, e->func.body);
    verdict(&w);
    return lit_of(g, e);
}

/* Cheap, without effect, and always the same until something is assigned. */
bool expr_simple(const Expr *e)
{
    if (e->mode == MODE_CONST && e->cval) {
        return true;
    }
    switch (e->kind) {
    case EX_PAREN: return expr_simple(e->paren.x);
    case EX_NAME: return true;
    case EX_SELECTOR: return e->selector.selection && e->selector.selection->kind == SEL_FIELD &&
                             expr_simple(e->selector.x);
    case EX_INDEX: return e->index.index.n == 1 && expr_simple(e->index.x) &&
                          expr_simple(e->index.index.at[0]);
    case EX_UNARY: return e->unary.op != TOK_ARROW && e->unary.op != TOK_AND &&
                          expr_simple(e->unary.x);
    case EX_BINARY: return expr_simple(e->binary.x) && expr_simple(e->binary.y);
    case EX_CALL:
        return e->call.call_kind == CALL_BUILTIN &&
               (e->call.builtin == BI_LEN || e->call.builtin == BI_CAP) && e->call.args.n == 1 &&
               expr_simple(e->call.args.at[0]);
    default: return false;
    }
}
