/* vet_go.c - checks of gol vet about goroutines: loop variables that all iterations share and a
 * function literal keeps (loopclosure, only where the language version is below 1.22),
 * WaitGroup.Add in the goroutine that it is to count (waitgroup), ending a test from another
 * goroutine (testinggoroutine), signal.Notify with a channel that may miss the signal
 * (sigchanyzer). */
#include "lang/vet.h"

#include <string.h>

/* ---- loopclosure ---- */

typedef struct LoopVars {
    Obj *at[64];
    uint32_t n;
} LoopVars;

static void add_var(LoopVars *l, const Expr *e)
{
    Obj *o = vet_obj(e);
    if (o && o->kind == OBJ_VAR && l->n < 64) {
        l->at[l->n++] = o;
    }
}

static bool captured(Vet *v, Expr *e, void *ctx)
{
    const LoopVars *l = ctx;
    for (uint32_t i = 0; e->kind == EX_NAME && i < l->n; i++) {
        if (vet_obj(e) == l->at[i]) {
            vet_report_at(v, e, "loop variable %s captured by func literal", e->name.name);
        }
    }
    return true;
}

static void check_literal(Vet *v, Expr *fn, LoopVars *l)
{
    if (fn && fn->kind == EX_FUNC) {
        Visit w = {.expr = captured, .ctx = l};
        vet_walk_stmts(v, &w, &fn->func.body->stmts);
    }
}

static bool calls_parallel(const Expr *e, const void *what)
{
    Callee f;
    return e->kind == EX_CALL && vet_callee((Expr *)e, &f) && f.recv && f.pkg
           && !strcmp(f.pkg->path, "testing") && !strcmp(f.name, "Parallel");
}

/* (*errgroup.Group).Go, and t.Run of a parallel subtest, run their function later. */
static Expr *runs_later(Vet *v, Expr *call)
{
    Callee f;
    if (!vet_static_callee(call, &f) || !f.recv) {
        return NULL;
    }
    if (vet_is_method(&f, "golang.org/x/sync/errgroup", "Group", "Go") && call->call.args.n) {
        return call->call.args.at[0];
    }
    if (vet_is_method(&f, "testing", "T", "Run") && call->call.args.n == 2) {
        Expr *fn = call->call.args.at[1];
        return fn->kind == EX_FUNC && vet_any(v, fn->func.body, calls_parallel, NULL) ? fn : NULL;
    }
    return NULL;
}

/* The last statement of the body, and those of its own parts if it is compound. */
static void check_last(Vet *v, StmtList *list, LoopVars *l);

static void check_last_clauses(Vet *v, Clause **at, uint32_t n, LoopVars *l)
{
    for (uint32_t i = 0; i < n; i++) {
        check_last(v, &at[i]->body, l);
    }
}

static void check_last_stmt(Vet *v, Stmt *s, LoopVars *l)
{
    switch ((StmtKind)s->kind) {
    case ST_GO:
    case ST_DEFER:
        if (s->go.call->kind == EX_CALL) {
            check_literal(v, s->go.call->call.fn, l);
        }
        break;
    case ST_EXPR: check_literal(v, runs_later(v, s->expr.x), l); break;
    case ST_BLOCK: check_last(v, &s->block.body->stmts, l); break;
    case ST_IF:
        check_last(v, &s->if_.then->stmts, l);
        if (s->if_.els) {
            check_last_stmt(v, s->if_.els, l);
        }
        break;
    case ST_FOR: check_last(v, &s->for_.body->stmts, l); break;
    case ST_RANGE: check_last(v, &s->range.body->stmts, l); break;
    case ST_SWITCH: check_last_clauses(v, s->switch_.clauses.at, s->switch_.clauses.n, l); break;
    case ST_TYPESWITCH:
        check_last_clauses(v, s->tswitch.clauses.at, s->tswitch.clauses.n, l);
        break;
    case ST_SELECT: check_last_clauses(v, s->select.clauses.at, s->select.clauses.n, l); break;
    default: break;
    }
}

static void check_last(Vet *v, StmtList *list, LoopVars *l)
{
    if (list->n) {
        check_last_stmt(v, list->at[list->n - 1], l);
    }
}

static bool loop_stmt(Vet *v, Stmt *s, void *ctx)
{
    LoopVars l = {.n = 0};
    if ((s->kind != ST_FOR && s->kind != ST_RANGE) || vet_go_minor(v, s->pos) >= 22) {
        return true;
    }
    if (s->kind == ST_RANGE) {
        add_var(&l, s->range.key);
        add_var(&l, s->range.value);
        check_last(v, &s->range.body->stmts, &l);
        return true;
    }
    Stmt *post = s->for_.post;
    if (post && post->kind == ST_INCDEC) {
        add_var(&l, post->incdec.x);
    } else if (post && (post->kind == ST_ASSIGN || post->kind == ST_DEFINE)) {
        for (uint32_t i = 0; i < post->assign.lhs.n; i++) {
            add_var(&l, post->assign.lhs.at[i]);
        }
    }
    check_last(v, &s->for_.body->stmts, &l);
    return true;
}

void vet_loopclosure(Vet *v)
{
    Visit w = {.stmt = loop_stmt};
    vet_walk_package(v, &w);
}

/* ---- waitgroup: go func() { wg.Add(1); ... }() ---- */

static bool add_stmt(Vet *v, Stmt *s, void *ctx)
{
    Callee f;
    Expr *fn = s->kind == ST_GO && s->go.call->kind == EX_CALL ? s->go.call->call.fn : NULL;
    if (!fn || fn->kind != EX_FUNC || !fn->func.body->stmts.n) {
        return true;
    }
    Stmt *first = fn->func.body->stmts.at[0];
    if (first->kind == ST_EXPR && vet_static_callee(first->expr.x, &f)
        && vet_is_method(&f, "sync", "WaitGroup", "Add")) {
        vet_report(v, vet_lparen(first->expr.x), 0,
                   "WaitGroup.Add called from inside new goroutine");
    }
    return true;
}

void vet_waitgroup(Vet *v)
{
    Visit w = {.stmt = add_stmt};
    if (vet_imports(v->pkg, "sync")) {
        vet_walk_package(v, &w);
    }
}

/* ---- testinggoroutine ---- */

/* "T", "B" or "F" if t is a pointer to that type of package testing. */
static const char *testing_type(Type *t)
{
    Type *e = t && t->kind == T_POINTER ? t->pointer.elem : NULL;
    if (vet_is_named(e, "testing", "T") || vet_is_named(e, "testing", "B")) {
        return e->named.obj->name;
    }
    return NULL;
}

typedef struct GoBody {
    Stmt *go;
    Expr *lit;          /* its function literal, or NULL: a declared function */
    Pos start, end;     /* extent of the function */
} GoBody;

static bool ends_test(Vet *v, Expr *e, void *ctx)
{
    static const char *const ends[] = {"FailNow", "Fatal", "Fatalf", "Skip", "Skipf", "SkipNow",
                                       NULL};
    const GoBody *g = ctx;
    if (e->kind != EX_SELECTOR || !e->selector.selection
        || !vet_in_list(e->selector.sel->name.name, ends)) {
        return true;
    }
    Obj *o = vet_obj(e->selector.x);
    const char *type = o && o->is_param ? testing_type(o->type) : NULL;
    bool own = o && o->pos >= g->start && o->pos < g->end && g->lit;
    if (type && !own) {
        vet_report(v, g->lit ? e->start : g->go->pos, g->lit ? e->end : g->go->end,
                   "call to (*testing.%s).%s from a non-test goroutine", type,
                   e->selector.sel->name.name);
    }
    return true;
}

static bool test_go(Vet *v, Stmt *s, void *ctx)
{
    if (s->kind != ST_GO || s->go.call->kind != EX_CALL) {
        return true;
    }
    Expr *fn = s->go.call->call.fn;
    GoBody g = {.go = s};
    Visit w = {.expr = ends_test, .ctx = &g};
    Callee f;
    if (fn->kind == EX_FUNC) {
        g.lit = fn;
        g.start = fn->start;
        g.end = fn->end;
        vet_walk_stmts(v, &w, &fn->func.body->stmts);
    } else if (vet_static_callee(s->go.call, &f) && f.pkg == v->pkg && !f.recv && f.obj->fdecl
               && f.obj->fdecl->func.body) {
        vet_walk_stmts(v, &w, &f.obj->fdecl->func.body->stmts);
    }
    return false;
}

void vet_testinggoroutine(Vet *v)
{
    if (!vet_imports(v->pkg, "testing")) {
        return;
    }
    Visit w = {.stmt = test_go};
    for (uint32_t i = 0; i < v->pkg->funcs.n; i++) {
        Decl *d = v->pkg->funcs.at[i];
        bool tests = false;
        for (uint32_t k = 0; k < d->func.sig->params.n; k++) {
            Expr *t = d->func.sig->params.at[k]->type;
            tests |= t && testing_type(t->type) != NULL;
        }
        if (tests && d->func.body) {
            vet_walk_stmts(v, &w, &d->func.body->stmts);
        }
    }
}

/* ---- sigchanyzer ---- */

typedef struct FindDef {
    const Obj *var;
    Expr *value;
} FindDef;

static bool def_stmt(Vet *v, Stmt *s, void *ctx)
{
    FindDef *f = ctx;
    if (s->kind == ST_DEFINE && s->assign.lhs.n == s->assign.rhs.n) {
        for (uint32_t i = 0; i < s->assign.lhs.n; i++) {
            Expr *l = s->assign.lhs.at[i];
            if (vet_obj(l) == f->var && l->start == f->var->pos) {
                f->value = s->assign.rhs.at[i];
            }
        }
    }
    return true;
}

static bool def_decl(Vet *v, Decl *d, void *ctx)
{
    FindDef *f = ctx;
    if (d->kind == DECL_VAR && d->value.names.n == d->value.values.n) {
        for (uint32_t i = 0; i < d->value.names.n; i++) {
            if (vet_obj(d->value.names.at[i]) == f->var) {
                f->value = d->value.values.at[i];
            }
        }
    }
    return true;
}

static bool signal_call(Vet *v, Expr *e, void *ctx)
{
    Callee f;
    if (e->kind != EX_CALL || !vet_callee(e, &f) || !vet_is_func(&f, "os/signal", "Notify")
        || !e->call.args.n) {
        return true;
    }
    Expr *arg = e->call.args.at[0], *made = arg;
    if (arg->kind == EX_NAME && vet_obj(arg)) {
        FindDef def = {vet_obj(arg), NULL};
        Visit w = {.stmt = def_stmt, .decl = def_decl, .ctx = &def};
        vet_walk_package(v, &w);
        made = def.value;
    } else if (vet_builtin_call(arg, BI_MAKE)) {
        return true; /* nobody receives from it */
    }
    if (made && made->kind == EX_CALL && made->call.args.n == 1 &&
        vet_builtin_call(made, BI_MAKE)) {
        vet_report_at(v, e, "misuse of unbuffered os.Signal channel as argument to signal.Notify");
    }
    return true;
}

void vet_sigchanyzer(Vet *v)
{
    Visit w = {.expr = signal_call};
    if (vet_imports(v->pkg, "os/signal")) {
        vet_walk_package(v, &w);
    }
}
