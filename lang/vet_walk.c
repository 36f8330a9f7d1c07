/* vet_walk.c - walking checked trees in source order, for the checks of gol vet. The names selected
 * from packages and values (x in p.x) are no expressions of their own here: a check that wants them
 * looks at the EX_SELECTOR. */
#include "lang/vet.h"

static void walk_list(Vet *v, const Visit *w, ExprList *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        vet_walk_expr(v, w, list->at[i]);
    }
}

static void walk_fields(Vet *v, const Visit *w, FieldList *list)
{
    Expr *last = NULL;
    for (uint32_t i = 0; i < list->n; i++) {
        Field *f = list->at[i];
        if (f->name) {
            vet_walk_expr(v, w, f->name);
        }
        if (f->type != last) {
            vet_walk_expr(v, w, f->type);
        }
        last = f->type;
    }
}

static void walk_sig(Vet *v, const Visit *w, FuncType *t)
{
    if (t) {
        walk_fields(v, w, &t->tparams);
        walk_fields(v, w, &t->params);
        walk_fields(v, w, &t->results);
    }
}

static void walk_block(Vet *v, const Visit *w, Block *b)
{
    if (b) {
        vet_walk_stmts(v, w, &b->stmts);
    }
}

static void walk_type(Vet *v, const Visit *w, Expr *e)
{
    switch ((ExprKind)e->kind) {
    case EX_ELLIPSIS: vet_walk_expr(v, w, e->ellipsis.elem); break;
    case EX_ARRAY_TYPE:
        vet_walk_expr(v, w, e->array_type.len);
        vet_walk_expr(v, w, e->array_type.elem);
        break;
    case EX_STRUCT_TYPE: walk_fields(v, w, &e->struct_type.fields); break;
    case EX_FUNC_TYPE: walk_sig(v, w, e->func_type.sig); break;
    case EX_IFACE_TYPE: walk_fields(v, w, &e->iface_type.elems); break;
    case EX_MAP_TYPE:
        vet_walk_expr(v, w, e->map_type.key);
        vet_walk_expr(v, w, e->map_type.value);
        break;
    case EX_CHAN_TYPE: vet_walk_expr(v, w, e->chan_type.elem); break;
    default: break;
    }
}

void vet_walk_expr(Vet *v, const Visit *w, Expr *e)
{
    mem_step();
    if (!e || (w->expr && !w->expr(v, e, w->ctx))) {
        return;
    }
    switch ((ExprKind)e->kind) {
    case EX_COMPOSITE:
        vet_walk_expr(v, w, e->composite.type);
        walk_list(v, w, &e->composite.elems);
        break;
    case EX_FUNC:
        walk_sig(v, w, e->func.sig);
        walk_block(v, w, e->func.body);
        break;
    case EX_PAREN: vet_walk_expr(v, w, e->paren.x); break;
    case EX_SELECTOR: vet_walk_expr(v, w, e->selector.x); break;
    case EX_INDEX:
        vet_walk_expr(v, w, e->index.x);
        walk_list(v, w, &e->index.index);
        break;
    case EX_SLICE:
        vet_walk_expr(v, w, e->slice.x);
        vet_walk_expr(v, w, e->slice.lo);
        vet_walk_expr(v, w, e->slice.hi);
        vet_walk_expr(v, w, e->slice.max);
        break;
    case EX_ASSERT:
        vet_walk_expr(v, w, e->assert_.x);
        vet_walk_expr(v, w, e->assert_.type);
        break;
    case EX_CALL:
        vet_walk_expr(v, w, e->call.fn);
        walk_list(v, w, &e->call.args);
        break;
    case EX_STAR: vet_walk_expr(v, w, e->star.x); break;
    case EX_UNARY: vet_walk_expr(v, w, e->unary.x); break;
    case EX_BINARY:
        vet_walk_expr(v, w, e->binary.x);
        vet_walk_expr(v, w, e->binary.y);
        break;
    case EX_KEYVALUE:
        vet_walk_expr(v, w, e->kv.key);
        vet_walk_expr(v, w, e->kv.value);
        break;
    default: walk_type(v, w, e); break;
    }
}

void vet_walk_stmts(Vet *v, const Visit *w, StmtList *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        vet_walk_stmt(v, w, list->at[i]);
    }
}

static void walk_clause(Vet *v, const Visit *w, Clause *c)
{
    walk_list(v, w, &c->exprs);
    vet_walk_stmt(v, w, c->comm);
    vet_walk_stmts(v, w, &c->body);
}

#define WALK_CLAUSES(list)                                                                         \
    for (uint32_t i = 0; i < (list).n; i++) {                                                      \
        walk_clause(v, w, (list).at[i]);                                                           \
    }

static void walk_simple(Vet *v, const Visit *w, Stmt *s)
{
    switch ((StmtKind)s->kind) {
    case ST_EXPR: vet_walk_expr(v, w, s->expr.x); break;
    case ST_SEND:
        vet_walk_expr(v, w, s->send.ch);
        vet_walk_expr(v, w, s->send.value);
        break;
    case ST_INCDEC: vet_walk_expr(v, w, s->incdec.x); break;
    case ST_ASSIGN:
    case ST_DEFINE:
        walk_list(v, w, &s->assign.lhs);
        walk_list(v, w, &s->assign.rhs);
        break;
    case ST_GO:
    case ST_DEFER: vet_walk_expr(v, w, s->go.call); break;
    case ST_RETURN: walk_list(v, w, &s->ret.results); break;
    case ST_DECL: vet_walk_decl(v, w, s->decl.decl); break;
    default: break;
    }
}

void vet_walk_stmt(Vet *v, const Visit *w, Stmt *s)
{
    if (!s || (w->stmt && !w->stmt(v, s, w->ctx))) {
        return;
    }
    switch ((StmtKind)s->kind) {
    case ST_BLOCK: walk_block(v, w, s->block.body); break;
    case ST_IF:
        vet_walk_stmt(v, w, s->if_.init);
        vet_walk_expr(v, w, s->if_.cond);
        walk_block(v, w, s->if_.then);
        vet_walk_stmt(v, w, s->if_.els);
        break;
    case ST_SWITCH:
        vet_walk_stmt(v, w, s->switch_.init);
        vet_walk_expr(v, w, s->switch_.tag);
        WALK_CLAUSES(s->switch_.clauses)
        break;
    case ST_TYPESWITCH:
        vet_walk_stmt(v, w, s->tswitch.init);
        vet_walk_expr(v, w, s->tswitch.x);
        WALK_CLAUSES(s->tswitch.clauses)
        break;
    case ST_SELECT: WALK_CLAUSES(s->select.clauses) break;
    case ST_FOR:
        vet_walk_stmt(v, w, s->for_.init);
        vet_walk_expr(v, w, s->for_.cond);
        vet_walk_stmt(v, w, s->for_.post);
        walk_block(v, w, s->for_.body);
        break;
    case ST_RANGE:
        vet_walk_expr(v, w, s->range.key);
        vet_walk_expr(v, w, s->range.value);
        vet_walk_expr(v, w, s->range.x);
        walk_block(v, w, s->range.body);
        break;
    case ST_LABELED: vet_walk_stmt(v, w, s->labeled.body); break;
    default: walk_simple(v, w, s); break;
    }
}

void vet_walk_decl(Vet *v, const Visit *w, Decl *d)
{
    if (!d || (w->decl && !w->decl(v, d, w->ctx))) {
        return;
    }
    switch ((DeclKind)d->kind) {
    case DECL_IMPORT: break;
    case DECL_CONST:
    case DECL_VAR:
        walk_list(v, w, &d->value.names);
        if (!d->value.inherited) {
            vet_walk_expr(v, w, d->value.type);
            walk_list(v, w, &d->value.values);
        }
        break;
    case DECL_TYPE:
        walk_fields(v, w, &d->type.tparams);
        vet_walk_expr(v, w, d->type.type);
        break;
    case DECL_FUNC:
        if (d->func.recv) {
            vet_walk_expr(v, w, d->func.recv->type);
        }
        walk_sig(v, w, d->func.sig);
        walk_block(v, w, d->func.body);
        break;
    }
}

void vet_walk_package(Vet *v, const Visit *w)
{
    for (uint32_t i = 0; i < v->pkg->files.n; i++) {
        File *f = v->pkg->files.at[i];
        for (uint32_t k = 0; k < f->decls.n; k++) {
            vet_walk_decl(v, w, f->decls.at[k]);
        }
    }
}

static bool func_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind == EX_FUNC && e->func.body) {
        (*(VetFuncFn *)ctx)(v, NULL, e, e->func.body);
    }
    return true;
}

static bool func_decl(Vet *v, Decl *d, void *ctx)
{
    if (d->kind == DECL_FUNC && d->func.body) {
        (*(VetFuncFn *)ctx)(v, d, NULL, d->func.body);
    }
    return true;
}

void vet_each_func(Vet *v, VetFuncFn f)
{
    Visit w = {.expr = func_expr, .decl = func_decl, .ctx = &f};
    vet_walk_package(v, &w);
}

typedef struct Any {
    bool (*is)(const Expr *e, const void *what);
    const void *what;
    bool found;
} Any;

static bool any_expr(Vet *v, Expr *e, void *ctx)
{
    Any *a = ctx;
    a->found = a->found || a->is(e, a->what);
    return !a->found;
}

/* Does an expression of the body satisfy `is`? */
bool vet_any(Vet *v, Block *body, bool (*is)(const Expr *e, const void *what), const void *what)
{
    Any a = {is, what, false};
    Visit w = {.expr = any_expr, .ctx = &a};
    vet_walk_stmts(v, &w, &body->stmts);
    return a.found;
}
