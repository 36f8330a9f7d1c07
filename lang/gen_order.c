/* gen_order.c - calls before the variables beside them.
 *
 * Go fixes the order of calls and receives within a statement, but not when plain variables are read
 * beside them. gc makes the calls first, and programs rely on it: `return total, g.wait()` returns
 * what wait left in total. The generator reads operands from left to right, so before a statement in
 * which something that a call may change stands before a call, order_begin makes the calls: each is
 * computed into a variable of its own, in their order, and its node is overwritten with that
 * variable's name until order_end puts it back. Statements without such a pair, nearly all, are left
 * alone, and locals that no closure and no pointer reaches never count.
 *
 * What stands right of && or || is made only if it is reached, so the whole of such an operator is
 * treated as one call when its right side holds one. Functions compiled in place change nothing.
 *
 * Compiler thread only. Trees are as before after order_end; order_begin and order_end nest.
 */
#include "lang/gen.h"

#include <assert.h>

enum { HOIST_SLOTS = 64 /* larger values stay where they are */ };

/* One walk in the order of evaluation. make: calls are hoisted while walking; else only found. */
typedef struct Walk {
    Fg *f;
    Order *made;
    bool make;
    bool pending; /* something that a call may change has been passed */
    bool needed;  /* and a call after it */
} Walk;

static void walk(Walk *w, Expr *e);

static void walk_list(Walk *w, const ExprList *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        walk(w, l->at[i]);
    }
}

/* e is a call or works as one: its operands have been walked. */
static void unit(Walk *w, Expr *e)
{
    w->needed |= w->pending;
    if (!w->make || e->commaok || !e->type || e->type->kind == T_TUPLE) {
        return;
    }
    Type *t = etype(w->f, e);
    if (t->kind == T_TUPLE || is_big(tinfo(w->f->gen, t)) ||
        tinfo(w->f->gen, t)->slots > HOIST_SLOTS ||
        tinfo(w->f->gen, t)->slots == 0) {
        return;
    }
    Obj *o = syn_var(name_of("order"), e->type);
    LVar *v = var_declare(w->f, o, e->type);
    gen_to(w->f, e, v->slot);
    Expr *name = syn_name(o, e->pos);
    name->mode = e->mode;
    name->start = e->start;
    name->end = e->end;
    OrderSaved saved = {e, *e};
    VEC_PUSH(w->made->saved, saved);
    *e = *name;
}

static void walk_call(Walk *w, Expr *e)
{
    bool before = w->pending, is_func = e->call.call_kind == CALL_FUNC;
    if (e->call.call_kind == CALL_CONVERSION) {
        walk_list(w, &e->call.args);
        return;
    }
    if (is_func) {
        w->pending = false; /* what it reads itself is read when it is made */
        walk(w, e->call.fn);
        w->pending = false;
    }
    walk_list(w, &e->call.args);
    if (is_func) {
        bool inside = w->pending;
        w->pending = before;
        if (call_inlinable(w->f->gen, e)) {
            w->pending |= inside; /* its operands are read in place */
        } else {
            unit(w, e);
        }
    } else if (w->make || e->call.builtin == BI_COPY) {
        unit(w, e); /* len(x) changes nothing, but keeps its place among the calls */
    }
}

static bool has_call(Fg *f, Expr *e)
{
    Walk w = {.f = f, .pending = true};
    walk(&w, e);
    return w.needed;
}

static void walk_logic(Walk *w, Expr *e)
{
    walk(w, e->binary.x);
    if (has_call(w->f, e->binary.y)) {
        unit(w, e);
        return;
    }
    bool make = w->make;
    w->make = false;
    walk(w, e->binary.y);
    w->make = make;
}

static void walk_name(Walk *w, Expr *e)
{
    Obj *o = e->name.obj;
    if (o && o->kind == OBJ_VAR) {
        w->pending |= o->is_global || o->boxed;
    }
}

static void walk_elems(Walk *w, Expr *e)
{
    Type *t = type_under(etype(w->f, e));
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        Expr *x = e->composite.elems.at[i];
        if (x->kind == EX_KEYVALUE) {
            if (t->kind == T_MAP) {
                walk(w, x->kv.key);
            }
            x = x->kv.value;
        }
        walk(w, x);
    }
}

static void walk_selector(Walk *w, Expr *e)
{
    Selection *sel = e->selector.selection;
    if (!sel) { /* of a package */
        walk_name(w, e->selector.sel);
        return;
    }
    if (e->selector.x->mode != MODE_TYPE) {
        walk(w, e->selector.x);
        Type *t = e->selector.x->type ? type_under(etype(w->f, e->selector.x)) : NULL;
        w->pending |= sel->indirect || (t && t->kind == T_POINTER);
    }
}

static void walk_index(Walk *w, Expr *e)
{
    if (e->mode == MODE_TYPE || (e->index.x->type && e->index.x->type->kind == T_FUNC)) {
        return;
    }
    walk(w, e->index.x);
    walk_list(w, &e->index.index);
    Type *t = e->index.x->type ? type_under(etype(w->f, e->index.x)) : NULL;
    w->pending |= !t || (t->kind != T_ARRAY && t->kind != T_STRING);
}

static void walk(Walk *w, Expr *e)
{
    if (!e || e->mode == MODE_CONST || e->mode == MODE_TYPE) {
        return;
    }
    switch (e->kind) {
    case EX_NAME: walk_name(w, e); break;
    case EX_COMPOSITE: walk_elems(w, e); break;
    case EX_PAREN: walk(w, e->paren.x); break;
    case EX_SELECTOR: walk_selector(w, e); break;
    case EX_INDEX: walk_index(w, e); break;
    case EX_SLICE:
        walk(w, e->slice.x);
        walk(w, e->slice.lo);
        walk(w, e->slice.hi);
        walk(w, e->slice.max);
        break;
    case EX_ASSERT: walk(w, e->assert_.x); break;
    case EX_CALL: walk_call(w, e); break;
    case EX_STAR:
        walk(w, e->star.x);
        w->pending = true;
        break;
    case EX_UNARY:
        if (e->unary.op == TOK_AND && unparen(e->unary.x)->kind == EX_NAME) {
            break; /* an address does not change */
        }
        walk(w, e->unary.x);
        if (e->unary.op == TOK_ARROW) {
            unit(w, e);
        }
        break;
    case EX_BINARY:
        if (e->binary.op == TOK_LAND || e->binary.op == TOK_LOR) {
            walk_logic(w, e);
        } else {
            walk(w, e->binary.x);
            walk(w, e->binary.y);
        }
        break;
    default: break;
    }
}

/* A place that is assigned to: a name is not read. */
static void walk_place(Walk *w, Expr *e, bool is_read)
{
    e = unparen(e);
    if (e->kind != EX_NAME || is_read) {
        bool before = w->pending;
        walk(w, e);
        if (!is_read && e->kind == EX_SELECTOR && unparen(e->selector.x)->kind == EX_NAME) {
            Obj *o = unparen(e->selector.x)->name.obj;
            w->pending = before || (o && o->kind == OBJ_VAR && (o->is_global || o->boxed));
        }
    }
}

/* A value that nothing else follows: a call there stands last anyway. */
static void walk_last(Walk *w, Expr *e)
{
    Expr *x = unparen(e);
    bool builtin = x->kind == EX_CALL && x->call.call_kind == CALL_BUILTIN;
    if (builtin || (x->kind == EX_CALL && x->call.call_kind == CALL_FUNC && !w->pending)) {
        if (!builtin) {
            walk(w, x->call.fn);
            w->pending = false;
        }
        walk_list(w, &x->call.args);
    } else {
        walk(w, e);
    }
}

static void walk_values(Walk *w, const ExprList *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        (i + 1 == l->n ? walk_last : walk)(w, l->at[i]);
    }
}

static void walk_stmt(Walk *w, Stmt *s)
{
    switch (s->kind) {
    case ST_EXPR: walk_last(w, s->expr.x); break;
    case ST_IF: walk_last(w, s->if_.cond); break;
    case ST_GO: case ST_DEFER: walk_last(w, s->go.call); break;
    case ST_RETURN: walk_values(w, &s->ret.results); break;
    case ST_SEND:
        walk(w, s->send.ch);
        walk_last(w, s->send.value);
        break;
    case ST_ASSIGN: case ST_DEFINE:
        for (uint32_t i = 0; i < s->assign.lhs.n && s->kind == ST_ASSIGN; i++) {
            walk_place(w, s->assign.lhs.at[i], s->assign.op != TOK_ASSIGN);
        }
        walk_values(w, &s->assign.rhs);
        break;
    case ST_DECL:
        if (s->decl.decl->kind == DECL_VAR) {
            walk_values(w, &s->decl.decl->value.values);
        }
        break;
    default: break;
    }
}

static void begin(Walk *w, Stmt *s, Expr *e)
{
    Walk find = {.f = w->f};
    if (s) {
        walk_stmt(&find, s);
    } else {
        walk_last(&find, e);
    }
    if (!find.needed) {
        return;
    }
    w->make = true;
    if (s) {
        walk_stmt(w, s);
    } else {
        walk_last(w, e);
    }
}

void order_begin(Fg *f, Stmt *s, Order *o)
{
    *o = (Order){0};
    begin(&(Walk){.f = f, .made = o}, s, NULL);
}

void order_begin_expr(Fg *f, Expr *e, Order *o)
{
    *o = (Order){0};
    begin(&(Walk){.f = f, .made = o}, NULL, e);
}

void order_end(Order *o)
{
    for (uint32_t i = o->saved.n; i-- > 0;) {
        assert(o->saved.at[i].at->kind == EX_NAME);
        *o->saved.at[i].at = o->saved.at[i].was;
    }
}
