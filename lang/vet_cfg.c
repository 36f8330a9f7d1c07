/* vet_cfg.c - the control-flow graph of a function body, and which functions never return.
 *
 * A block is a run of statements and conditions that execute one after the other; `next` are the
 * blocks that may follow. A statement that ends a run (return, goto, panic ...) leaves a fresh
 * block without predecessors as the current one, so what stands behind it is in the graph but not
 * live. The operands of a condition are one node; && and || are not split.
 *
 * A function never returns if no live block of its graph ends in a return or falls off the end.
 * That depends on the functions it calls, so graphs are made on demand, memoised in Vet.flows; a
 * function that is being built when it is asked for (recursion) counts as returning. */
#include "lang/vet.h"

#include <assert.h>
#include <string.h>

typedef struct Target {
    struct Target *outer;
    Stmt *stmt;     /* what a break or continue names: the statement */
    FlowBlock *brk, *cont, *through;
} Target;

typedef struct LabelTarget {
    Name name;
    FlowBlock *at;
} LabelTarget;

typedef struct Builder {
    Vet *v;
    FuncFlow *f;
    FlowBlock *cur;
    Target *targets;
    VEC(LabelTarget) labels;
} Builder;

static void stmt(Builder *b, Stmt *s);

static FlowBlock *block_new(Builder *b)
{
    FlowBlock *x = MEM_NEW(FlowBlock);
    VEC_PUSH(b->f->blocks, x);
    return x;
}

static void jump(Builder *b, FlowBlock *to)
{
    assert(b->cur && to);
    VEC_PUSH(b->cur->next, to);
}

static void add_stmt(Builder *b, Stmt *s)
{
    FlowNode n = {.stmt = s};
    VEC_PUSH(b->cur->nodes, n);
}

static void add_expr(Builder *b, Expr *e)
{
    FlowNode n = {.expr = e};
    if (e) {
        VEC_PUSH(b->cur->nodes, n);
    }
}

static void stmts(Builder *b, StmtList *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        stmt(b, list->at[i]);
    }
}

static void within(Builder *b, Target t, StmtList *list, FlowBlock *done)
{
    t.outer = b->targets;
    b->targets = &t;
    stmts(b, list);
    b->targets = t.outer;
    jump(b, done);
}

/* ---- calls that do not return ---- */

static bool exits(const Callee *f)
{
    static const char *const log_names[] = {"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf",
                                            "Panicln", NULL};
    static const char *const test_names[] = {"FailNow", "Fatal", "Fatalf", "Skip", "SkipNow",
                                             "Skipf", NULL};
    if (vet_is_func(f, "os", "Exit") || vet_is_func(f, "runtime", "Goexit")
        || vet_is_func(f, "syscall", "Exit")) {
        return true;
    }
    if (f->pkg && !f->iface && !strcmp(f->pkg->path, "log")) {
        return vet_in_list(f->name, log_names);
    }
    return f->pkg && !f->iface && f->recv && !strcmp(f->pkg->path, "testing")
           && vet_in_list(f->name, test_names);
}

static bool may_return(Builder *b, Expr *call)
{
    Callee f;
    if (vet_builtin_call(call, BI_PANIC)) {
        return false;
    }
    if (!vet_static_callee(call, &f)) {
        return true;
    }
    if (exits(&f)) {
        return false;
    }
    Decl *d = f.obj ? f.obj->fdecl : NULL;
    if (!d || !d->func.body || f.pkg->imported_only) {
        return true;
    }
    return !vet_flow(b->v, f.obj, NULL, d->func.body)->no_return;
}

/* ---- branches ---- */

static FlowBlock *label_block(Builder *b, Name name)
{
    for (uint32_t i = 0; i < b->labels.n; i++) {
        if (b->labels.at[i].name == name) {
            return b->labels.at[i].at;
        }
    }
    LabelTarget t = {name, block_new(b)};
    VEC_PUSH(b->labels, t);
    return t.at;
}

/* The statement that a labelled branch means stands below the ST_LABELED. */
static const Stmt *below_label(const Stmt *s)
{
    while (s && s->kind == ST_LABELED) {
        s = s->labeled.body;
    }
    return s;
}

static FlowBlock *branch_target(Builder *b, Stmt *s)
{
    if (s->kind == ST_GOTO) {
        return s->branch.label ? label_block(b, s->branch.label->name.name) : NULL;
    }
    const Stmt *to = s->branch.label ? below_label(s->branch.target) : NULL;
    for (Target *t = b->targets; t; t = t->outer) {
        FlowBlock *at = s->kind == ST_BREAK      ? t->brk
                        : s->kind == ST_CONTINUE ? t->cont
                                                 : t->through;
        if (at && (!s->branch.label || t->stmt == to)) {
            return at;
        }
    }
    return NULL;
}

static void branch(Builder *b, Stmt *s)
{
    FlowBlock *to = branch_target(b, s);
    if (to) {
        jump(b, to);
    }
    b->cur = block_new(b);
}

/* ---- compound statements ---- */

static void if_stmt(Builder *b, Stmt *s)
{
    if (s->if_.init) {
        stmt(b, s->if_.init);
    }
    FlowBlock *then = block_new(b), *done = block_new(b);
    FlowBlock *els = s->if_.els ? block_new(b) : done;
    add_expr(b, s->if_.cond);
    jump(b, then);
    jump(b, els);
    b->cur = then;
    if (s->if_.then) {
        stmts(b, &s->if_.then->stmts);
    }
    jump(b, done);
    if (s->if_.els) {
        b->cur = els;
        stmt(b, s->if_.els);
        jump(b, done);
    }
    b->cur = done;
}

static void switch_stmt(Builder *b, Stmt *s)
{
    if (s->switch_.init) {
        stmt(b, s->switch_.init);
    }
    add_expr(b, s->switch_.tag);
    uint32_t n = s->switch_.clauses.n;
    FlowBlock *done = block_new(b), **bodies = MEM_NEW_N(FlowBlock *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        bodies[i] = block_new(b);
    }
    bodies[n] = done;
    uint32_t deflt = n;
    for (uint32_t i = 0; i < n; i++) {
        Clause *c = s->switch_.clauses.at[i];
        if (c->is_default) {
            deflt = i;
        }
        for (uint32_t k = 0; k < c->exprs.n; k++) {
            FlowBlock *next = block_new(b);
            add_expr(b, c->exprs.at[k]);
            jump(b, bodies[i]);
            jump(b, next);
            b->cur = next;
        }
    }
    jump(b, bodies[deflt]);
    for (uint32_t i = 0; i < n; i++) {
        b->cur = bodies[i];
        within(b, (Target){.stmt = s, .brk = done, .through = bodies[i + 1]},
               &s->switch_.clauses.at[i]->body, done);
    }
    b->cur = done;
}

static void type_switch_stmt(Builder *b, Stmt *s)
{
    if (s->tswitch.init) {
        stmt(b, s->tswitch.init);
    }
    add_expr(b, s->tswitch.x);
    FlowBlock *done = block_new(b), *head = b->cur, *deflt = done;
    for (uint32_t i = 0; i < s->tswitch.clauses.n; i++) {
        Clause *c = s->tswitch.clauses.at[i];
        FlowBlock *body = block_new(b);
        if (c->is_default) {
            deflt = body;
        } else {
            VEC_PUSH(head->next, body);
        }
        b->cur = body;
        within(b, (Target){.stmt = s, .brk = done}, &c->body, done);
    }
    VEC_PUSH(head->next, deflt);
    b->cur = done;
}

/* All operands are evaluated, then one clause runs; without a clause, none ever. */
static void select_stmt(Builder *b, Stmt *s)
{
    FlowBlock *done = block_new(b), *head = b->cur;
    for (uint32_t i = 0; i < s->select.clauses.n; i++) {
        Clause *c = s->select.clauses.at[i];
        FlowBlock *body = block_new(b);
        VEC_PUSH(head->next, body);
        b->cur = body;
        if (c->comm) {
            stmt(b, c->comm);
        }
        within(b, (Target){.stmt = s, .brk = done}, &c->body, done);
    }
    b->cur = done;
}

static void for_stmt(Builder *b, Stmt *s)
{
    if (s->for_.init) {
        stmt(b, s->for_.init);
    }
    FlowBlock *body = block_new(b), *done = block_new(b);
    FlowBlock *loop = s->for_.cond ? block_new(b) : body;
    FlowBlock *cont = s->for_.post ? block_new(b) : loop;
    jump(b, loop);
    if (loop != body) {
        b->cur = loop;
        add_expr(b, s->for_.cond);
        jump(b, body);
        jump(b, done);
    }
    b->cur = body;
    within(b, (Target){.stmt = s, .brk = done, .cont = cont}, &s->for_.body->stmts, cont);
    if (s->for_.post) {
        b->cur = cont;
        stmt(b, s->for_.post);
        jump(b, loop);
    }
    b->cur = done;
}

static void range_stmt(Builder *b, Stmt *s)
{
    add_expr(b, s->range.x);
    add_expr(b, s->range.key);
    add_expr(b, s->range.value);
    FlowBlock *loop = block_new(b), *body = block_new(b), *done = block_new(b);
    jump(b, loop);
    b->cur = loop;
    jump(b, body);
    jump(b, done);
    b->cur = body;
    within(b, (Target){.stmt = s, .brk = done, .cont = loop}, &s->range.body->stmts, loop);
    b->cur = done;
}

static void simple(Builder *b, Stmt *s)
{
    add_stmt(b, s);
    if (s->kind == ST_RETURN) {
        b->cur->ret = s;
        b->cur = block_new(b);
    } else if (s->kind == ST_EXPR && s->expr.x->kind == EX_CALL && !may_return(b, s->expr.x)) {
        b->cur = block_new(b);
    }
}

static void stmt(Builder *b, Stmt *s)
{
    switch ((StmtKind)s->kind) {
    case ST_BREAK: case ST_CONTINUE: case ST_GOTO: case ST_FALLTHROUGH: branch(b, s); break;
    case ST_BLOCK: stmts(b, &s->block.body->stmts); break;
    case ST_IF: if_stmt(b, s); break;
    case ST_SWITCH: switch_stmt(b, s); break;
    case ST_TYPESWITCH: type_switch_stmt(b, s); break;
    case ST_SELECT: select_stmt(b, s); break;
    case ST_FOR: for_stmt(b, s); break;
    case ST_RANGE: range_stmt(b, s); break;
    case ST_LABELED: {
        FlowBlock *at = label_block(b, s->labeled.label->name.name);
        jump(b, at);
        b->cur = at;
        stmt(b, s->labeled.body);
        break;
    }
    default: simple(b, s); break;
    }
}

/* ---- entry ---- */

static void mark_live(FlowBlock *entry)
{
    VEC(FlowBlock *) todo = {0};
    entry->live = true;
    VEC_PUSH(todo, entry);
    while (todo.n) {
        FlowBlock *x = todo.at[--todo.n];
        for (uint32_t i = 0; i < x->next.n; i++) {
            if (!x->next.at[i]->live) {
                x->next.at[i]->live = true;
                VEC_PUSH(todo, x->next.at[i]);
            }
        }
    }
}

FuncFlow *vet_flow(Vet *v, Obj *func, Expr *lit, Block *body)
{
    const void *key = func ? (const void *)func : lit;
    FuncFlow *f = ptrmap_get(&v->flows, key);
    if (f) {
        return f;
    }
    assert(key && body);
    f = MEM_NEW(FuncFlow);
    ptrmap_put(&v->flows, key, f);
    f->started = true;
    Builder b = {.v = v, .f = f};
    b.cur = block_new(&b);
    stmts(&b, &body->stmts);
    b.cur->implicit = body->rbrace;
    mark_live(f->blocks.at[0]);
    bool returns = false;
    for (uint32_t i = 0; i < f->blocks.n; i++) {
        FlowBlock *x = f->blocks.at[i];
        returns |= x->live && (x->ret || x->implicit);
    }
    f->no_return = !returns;
    return f;
}
