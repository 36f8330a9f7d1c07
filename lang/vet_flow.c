/* vet_flow.c - checks of gol vet about control flow: unreachable code, and the cancel function of a
 * context that some path forgets.
 *
 * "unreachable" needs no graph: one pass in source order carries whether the end of the last
 * statement was reachable, as the specification's terminating statements do. Code behind a call
 * that never returns is not reported: it is often there for the reader. "lostcancel" searches the
 * graph of vet_cfg.c for a path from the definition to a return without a use of the variable. */
#include "lang/vet.h"

#include <string.h>

/* ---- unreachable ---- */

typedef struct Dead {
    Vet *v;
    bool reachable;
    VEC(const Stmt *) broken; /* statements that some break leaves */
    VEC(Name) gotos;
} Dead;

static const Stmt *inner_of(const Stmt *s)
{
    while (s && s->kind == ST_LABELED) {
        s = s->labeled.body;
    }
    return s;
}

static bool note_stmt(Vet *v, Stmt *s, void *ctx)
{
    Dead *d = ctx;
    if (s->kind == ST_BREAK) {
        VEC_PUSH(d->broken, inner_of(s->branch.target));
    } else if (s->kind == ST_GOTO && s->branch.label) {
        VEC_PUSH(d->gotos, s->branch.label->name.name);
    }
    return true;
}

static bool no_func(Vet *v, Expr *e, void *ctx) { return e->kind != EX_FUNC; }

static bool broken(const Dead *d, const Stmt *s)
{
    for (uint32_t i = 0; i < d->broken.n; i++) {
        mem_step();
        if (d->broken.at[i] == s) {
            return true;
        }
    }
    return false;
}

static bool is_goto_target(const Dead *d, const Stmt *s)
{
    for (uint32_t i = 0; s->kind == ST_LABELED && i < d->gotos.n; i++) {
        if (d->gotos.at[i] == s->labeled.label->name.name) {
            return true;
        }
    }
    return false;
}

static void find_dead(Dead *d, Stmt *s);

static void find_dead_list(Dead *d, StmtList *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        find_dead(d, list->at[i]);
    }
}

static void dead_clauses(Dead *d, Stmt *s, Clause **at, uint32_t n, bool always_one)
{
    bool any = false, has_default = false;
    for (uint32_t i = 0; i < n; i++) {
        has_default |= at[i]->is_default;
        d->reachable = true;
        find_dead_list(d, &at[i]->body);
        any |= d->reachable;
    }
    d->reachable = any || broken(d, s) || !(has_default || always_one);
}

static void dead_if(Dead *d, Stmt *s)
{
    if (s->if_.then) {
        find_dead_list(d, &s->if_.then->stmts);
    }
    bool then = d->reachable;
    d->reachable = true;
    if (s->if_.els) {
        find_dead(d, s->if_.els);
        d->reachable |= then;
    }
}

static void find_dead(Dead *d, Stmt *s)
{
    d->reachable |= is_goto_target(d, s);
    if (!d->reachable && s->kind != ST_EMPTY) {
        vet_report(d->v, vet_stmt_pos(s), s->end, "unreachable code");
        d->reachable = true; /* once for all that follows */
    }
    switch ((StmtKind)s->kind) {
    case ST_BLOCK: find_dead_list(d, &s->block.body->stmts); break;
    case ST_BREAK: case ST_CONTINUE: case ST_GOTO: case ST_FALLTHROUGH: case ST_RETURN:
        d->reachable = false;
        break;
    case ST_EXPR:
        if (vet_builtin_call(s->expr.x, BI_PANIC)) {
            d->reachable = false;
        }
        break;
    case ST_IF: dead_if(d, s); break;
    case ST_LABELED: find_dead(d, s->labeled.body); break;
    case ST_FOR:
        find_dead_list(d, &s->for_.body->stmts);
        d->reachable = s->for_.cond || broken(d, s);
        break;
    case ST_RANGE:
        find_dead_list(d, &s->range.body->stmts);
        d->reachable = true;
        break;
    case ST_SELECT:
        dead_clauses(d, s, s->select.clauses.at, s->select.clauses.n, true);
        break;
    case ST_SWITCH:
        dead_clauses(d, s, s->switch_.clauses.at, s->switch_.clauses.n, false);
        break;
    case ST_TYPESWITCH:
        dead_clauses(d, s, s->tswitch.clauses.at, s->tswitch.clauses.n, false);
        break;
    default: break;
    }
}

static void dead_func(Vet *v, Decl *decl, Expr *lit, Block *body)
{
    Dead d = {.v = v, .reachable = true};
    Visit w = {.stmt = note_stmt, .expr = no_func, .ctx = &d};
    vet_walk_stmts(v, &w, &body->stmts);
    find_dead_list(&d, &body->stmts);
}

void vet_unreachable(Vet *v) { vet_each_func(v, dead_func); }

/* ---- lostcancel ---- */

typedef struct Cancel {
    Obj *var;
    Stmt *stmt;  /* where it is defined: this or */
    Decl *decl;
} Cancel;

typedef struct Cancels {
    VEC(Cancel) found;
    Obj *func;     /* of the body at hand */
    Pos start, end;/* its extent */
} Cancels;

/* The name of the context function that e calls, or NULL. */
static const char *context_call(Expr *e)
{
    static const char *const names[] = {"WithCancel", "WithCancelCause", "WithTimeout",
                                        "WithTimeoutCause", "WithDeadline", "WithDeadlineCause",
                                        NULL};
    Callee f;
    if (!e || e->kind != EX_CALL || e->call.fn->kind != EX_SELECTOR || !vet_callee(e, &f)) {
        return NULL;
    }
    bool is = !f.recv && !strcmp(f.pkg->path, "context") && vet_in_list(f.name, names);
    return is ? f.name : NULL;
}

static void cancel_var(Vet *v, Cancels *c, Expr *id, const char *fn, Stmt *s, Decl *d)
{
    if (!id || id->kind != EX_NAME) {
        return;
    }
    if (!strcmp(id->name.name, "_")) {
        vet_report_at(v, id, "the cancel function returned by context.%s should be called, not "
                      "discarded, to avoid a context leak", fn);
        return;
    }
    Obj *o = vet_obj(id);
    if (o && o->kind == OBJ_VAR && o->pos >= c->start && o->pos < c->end) {
        Cancel one = {o, s, d};
        VEC_PUSH(c->found, one);
    }
}

static bool cancel_stmt(Vet *v, Stmt *s, void *ctx)
{
    Cancels *c = ctx;
    if ((s->kind == ST_ASSIGN || s->kind == ST_DEFINE) && s->assign.rhs.n == 1
        && s->assign.lhs.n > 1) {
        const char *fn = context_call(s->assign.rhs.at[0]);
        if (fn) {
            cancel_var(v, c, s->assign.lhs.at[1], fn, s, NULL);
        }
    } else if (s->kind == ST_DECL && s->decl.decl->kind == DECL_VAR) {
        Decl *d = s->decl.decl;
        const char *fn = d->value.values.n == 1 ? context_call(d->value.values.at[0]) : NULL;
        if (fn && d->value.names.n > 1) {
            cancel_var(v, c, d->value.names.at[1], fn, s, d);
        }
    }
    return true;
}

typedef struct Use {
    const Obj *var;
    bool named_result;
    bool found;
} Use;

static bool use_expr(Vet *v, Expr *e, void *ctx)
{
    Use *u = ctx;
    u->found |= vet_obj(e) == u->var && e->start != u->var->pos;
    return !u->found;
}

static bool use_stmt(Vet *v, Stmt *s, void *ctx)
{
    Use *u = ctx;
    u->found |= s->kind == ST_RETURN && !s->ret.results.n && u->named_result;
    return !u->found;
}

static bool block_uses(Vet *v, Use *u, const FlowBlock *b, uint32_t from)
{
    Visit w = {.expr = use_expr, .stmt = use_stmt, .ctx = u};
    u->found = false;
    for (uint32_t i = from; i < b->nodes.n && !u->found; i++) {
        vet_walk_stmt(v, &w, b->nodes.at[i].stmt);
        vet_walk_expr(v, &w, b->nodes.at[i].expr);
    }
    return u->found;
}

static FlowBlock *path_to_return(Vet *v, Use *u, FlowBlock *def, uint32_t from)
{
    if (block_uses(v, u, def, from)) {
        return NULL;
    }
    if (def->ret || def->implicit) {
        return def;
    }
    VEC(FlowBlock *) todo = {0};
    static uint32_t round;
    round++;
    for (uint32_t i = def->next.n; i-- > 0;) {
        VEC_PUSH(todo, def->next.at[i]);
    }
    while (todo.n) {
        FlowBlock *b = todo.at[--todo.n];
        if (b->mark == round) {
            continue;
        }
        b->mark = round;
        if (block_uses(v, u, b, 0)) {
            continue;
        }
        if (b->ret || b->implicit) {
            return b;
        }
        for (uint32_t i = b->next.n; i-- > 0;) {
            VEC_PUSH(todo, b->next.at[i]);
        }
    }
    return NULL;
}

static void search_lost(Vet *v, FuncFlow *flow, const Cancel *c)
{
    for (uint32_t i = 0; i < flow->blocks.n; i++) {
        FlowBlock *b = flow->blocks.at[i];
        for (uint32_t k = 0; k < b->nodes.n; k++) {
            if (b->nodes.at[k].stmt != c->stmt) {
                continue;
            }
            Use u = {.var = c->var, .named_result = c->var->is_result};
            FlowBlock *end = path_to_return(v, &u, b, k + 1);
            if (!end) {
                return;
            }
            const char *path;
            uint32_t line, col;
            Pos at = c->decl ? c->decl->value.names.at[0]->start : vet_stmt_pos(c->stmt);
            diag_position(v->diags, at, &path, &line, &col);
            vet_report(v, at, c->stmt->end,
                       "the %s function is not used on all paths (possible context leak)",
                       c->var->name);
            vet_report(v, end->ret ? end->ret->pos : end->implicit, end->ret ? end->ret->end : 0,
                       "this return statement may be reached without using the %s var defined on "
                       "line %u", c->var->name, line);
            return;
        }
    }
}

static void cancel_func(Vet *v, Decl *d, Expr *lit, Block *body)
{
    Cancels c = {.start = d ? d->pos : lit->start, .end = d ? d->end : lit->end};
    Visit w = {.stmt = cancel_stmt, .expr = no_func, .ctx = &c};
    if (d && !diag_file(v->diags, d->pos)) {
        return;
    }
    if (c.end < body->rbrace) {
        c.end = body->rbrace + 1;
    }
    vet_walk_stmts(v, &w, &body->stmts);
    bool is_main = d && !d->func.recv && v->pkg->is_main
                   && !strcmp(d->func.name->name.name, "main");
    if (!c.found.n || is_main) {
        return; /* when main returns the program ends */
    }
    FuncFlow *flow = vet_flow(v, d ? d->func.obj : NULL, lit, body);
    for (uint32_t i = 0; i < c.found.n; i++) {
        search_lost(v, flow, &c.found.at[i]);
    }
}

void vet_lostcancel(Vet *v)
{
    if (vet_imports(v->pkg, "context")) {
        vet_each_func(v, cancel_func);
    }
}
