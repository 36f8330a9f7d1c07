/* gen_inline.c - small functions compiled where they are called.
 *
 * Inlined are static calls of functions and methods with a value receiver whose body is some
 * `if c { return x }` and a final `return x`, made only of operations that cannot panic, call,
 * allocate or store. So no traceback, recover or safepoint can tell the difference, and the
 * parameters can stand for the argument's own slot when the argument is a variable. Generic
 * functions and those whose body the image keeps to itself are called.
 */
#include "lang/gen.h"

enum { INLINE_UNKNOWN, INLINE_YES, INLINE_NO };
#define INLINE_BUDGET 40
#define INLINE_DEPTH 4

static bool pure(Gen *g, Expr *e, int *budget);

static bool plain_type(const Expr *e)
{
    Type *u = e->type ? type_under(e->type) : NULL;
    return u && e->type->kind != T_TPARAM &&
           (type_is_numeric(u) || type_is_boolean(u) || u->kind == T_POINTER);
}

static bool pure_binary(Gen *g, Expr *e, int *budget)
{
    Expr *x = e->binary.x, *y = e->binary.y;
    bool is_const = y->mode == MODE_CONST && y->cval;
    if (!plain_type(x) || !plain_type(y)) {
        return false;
    }
    switch (e->binary.op) {
    case TOK_QUO: case TOK_REM:
        if (type_is_integer(x->type) && (!is_const || const_sign(y->cval) == 0)) {
            return false;
        }
        break;
    case TOK_SHL: case TOK_SHR:
        if (!is_const && !type_is_unsigned(y->type)) {
            return false;
        }
        break;
    default: break;
    }
    return pure(g, x, budget) && pure(g, y, budget);
}

static bool pure_call(Gen *g, Expr *e, int *budget)
{
    ExprList *l = &e->call.args;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->at[i]->mode == MODE_TYPE || !pure(g, l->at[i], budget)) {
            return false;
        }
    }
    if (e->call.call_kind == CALL_CONVERSION) {
        return type_is_numeric(type_under(e->type)) && type_is_numeric(type_under(l->at[0]->type)) &&
               e->type->kind != T_TPARAM && l->at[0]->type->kind != T_TPARAM;
    }
    if (e->call.call_kind == CALL_BUILTIN) {
        uint8_t k = l->n ? type_under(l->at[0]->type)->kind : 0;
        return e->call.builtin == BI_LEN && (k == T_SLICE || k == T_STRING);
    }
    return call_inlinable(g, e) != NULL;
}

static bool pure_composite(Gen *g, Expr *e, int *budget)
{
    if (!e->type || e->type->kind == T_TPARAM || type_under(e->type)->kind != T_STRUCT) {
        return false;
    }
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        Expr *x = e->composite.elems.at[i];
        if (!pure(g, x->kind == EX_KEYVALUE ? x->kv.value : x, budget)) {
            return false;
        }
    }
    return true;
}

static bool pure(Gen *g, Expr *e, int *budget)
{
    if (!e || --*budget < 0) {
        return false;
    }
    if (e->mode == MODE_CONST && e->cval) {
        return e->type && type_under(e->type)->kind != T_INTERFACE;
    }
    switch (e->kind) {
    case EX_PAREN: return pure(g, e->paren.x, budget);
    case EX_NAME: return e->name.obj && e->name.obj->kind == OBJ_VAR;
    case EX_SELECTOR: {
        Selection *s = e->selector.selection;
        if (!s) {
            return e->selector.sel->name.obj && e->selector.sel->name.obj->kind == OBJ_VAR;
        }
        return s->kind == SEL_FIELD && !s->indirect && e->selector.x->type &&
               type_under(e->selector.x->type)->kind == T_STRUCT && pure(g, e->selector.x, budget);
    }
    case EX_UNARY:
        return (e->unary.op == TOK_NOT || e->unary.op == TOK_SUB || e->unary.op == TOK_XOR ||
                e->unary.op == TOK_ADD) && plain_type(e) && pure(g, e->unary.x, budget);
    case EX_BINARY: return pure_binary(g, e, budget);
    case EX_CALL: return pure_call(g, e, budget);
    case EX_COMPOSITE: return pure_composite(g, e, budget);
    default: return false;
    }
}

static Expr *lone_return(Stmt *s)
{
    return s->kind == ST_RETURN && s->ret.results.n == 1 ? s->ret.results.at[0] : NULL;
}

/* The implicit conversion of a result or argument must be none. */
static bool same_type(Gen *g, Expr *e, Type *t)
{
    return e->type && (e->mode == MODE_CONST ? type_under(t)->kind != T_INTERFACE
                                             : tinfo(g, e->type) == tinfo(g, t));
}

static bool pure_body(Gen *g, Block *b, Type *result)
{
    int budget = INLINE_BUDGET;
    uint32_t n = b->stmts.n;
    if (n == 0 || n > 3) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        Stmt *s = b->stmts.at[i];
        Expr *x = NULL;
        if (i + 1 < n) {
            if (s->kind != ST_IF || s->if_.init || s->if_.els || s->if_.then->stmts.n != 1 ||
                !pure(g, s->if_.cond, &budget)) {
                return false;
            }
            x = lone_return(s->if_.then->stmts.at[0]);
        } else {
            x = lone_return(s);
        }
        if (!x || !same_type(g, x, result) || !pure(g, x, &budget)) {
            return false;
        }
    }
    return true;
}

static bool not_small(const TInfo *ti) { return is_huge(ti) || ti->slots > BIG_SLOTS / 4; }

static bool decl_inlinable(Gen *g, Obj *o)
{
    Decl *d = o->fdecl;
    Type *t = o->type;
    if (!d || !d->func.body || !d->func.body->stmts.n || d->func.body->stmts.n > 3 || !t ||
        t->kind != T_FUNC || func_tparams(t).n || t->func.variadic || t->func.nresults != 1 ||
        o->ptr_recv || (o->recv_named && o->recv_named->named.tparams.n) ||
        d->func.sig->results.at[0]->name) {
        return false;
    }
    if (not_small(tinfo(g, t->func.results[0].type))) {
        return false;
    }
    for (uint32_t i = 0; i < t->func.nparams; i++) {
        if (not_small(tinfo(g, t->func.params[i].type))) {
            return false;
        }
    }
    if (t->func.recv && not_small(tinfo(g, t->func.recv))) {
        return false;
    }
    check_body(o);
    return pure_body(g, d->func.body, t->func.results[0].type);
}

static Obj *callee(Expr *e, Selection **sel)
{
    Expr *fn = e->call.fn;
    *sel = NULL;
    while (fn->kind == EX_PAREN) {
        fn = fn->paren.x;
    }
    if (fn->kind == EX_SELECTOR && !fn->selector.selection) {
        fn = fn->selector.sel;
    } else if (fn->kind == EX_SELECTOR) {
        *sel = fn->selector.selection;
        if ((*sel)->kind != SEL_METHOD || !(*sel)->method) {
            return NULL;
        }
        return (*sel)->method;
    }
    return fn->kind == EX_NAME && fn->name.obj && fn->name.obj->kind == OBJ_FUNC &&
           !fn->name.ntargs ? fn->name.obj : NULL;
}

/* The function that the call e may be replaced by, or NULL. */
Obj *call_inlinable(Gen *g, Expr *e)
{
    Selection *sel;
    Obj *o = e->call.call_kind == CALL_FUNC ? callee(e, &sel) : NULL;
    if (!o || e->call.dots || e->call.args.n != (o->type && o->type->kind == T_FUNC
                                                     ? o->type->func.nparams : ~0u)) {
        return NULL;
    }
    ObjGen *og = obj_gen(o);
    if (og->inlinable == INLINE_UNKNOWN) {
        og->inlinable = INLINE_NO; /* while it is looked at: no recursion */
        og->inlinable = decl_inlinable(g, o) ? INLINE_YES : INLINE_NO;
    }
    return og->inlinable == INLINE_YES ? o : NULL;
}

/* ---- the expansion */

typedef struct Bound { ObjGen *og; LVar *old; } Bound;

typedef struct Frame { /* what the body sees in place of the caller's */
    const Subst *subst;
    Package *pkg;
    Pos pos;
    Bound *bound;
    uint32_t n;
} Frame;

static void bind(Fg *f, Frame *fr, Obj *o, TInfo *ti, int slot)
{
    if (!o) {
        return;
    }
    LVar *v = MEM_NEW(LVar);
    v->obj = o;
    v->fg = f;
    v->ti = ti;
    v->slot = slot;
    fr->bound[fr->n++] = (Bound){obj_gen(o), v};
}

static void enter(Fg *f, Expr *e, Obj *o, Frame *fr)
{
    Decl *d = o->fdecl;
    Type *sig = o->type;
    *fr = (Frame){f->subst, f->pkg, f->pos, MEM_NEW_N(Bound, sig->func.nparams + 2), 0};
    Expr *fn = unparen(e->call.fn);
    if (d->func.recv) {
        Selection *s = resolve_selection(f, fn);
        Type *end;
        Loc l = loc_path(f, gen_place(f, fn->selector.x), etype(f, fn->selector.x), s->path,
                         s->npath, &end);
        TInfo *ti = tinfo(f->gen, sig->func.recv);
        if (type_under(end)->kind == T_POINTER && tinfo(f->gen, end) != ti) {
            l = loc_deref(f, loc_any(f, &l), ti);
        }
        f->pos = e->pos;
        int at = loc_any(f, &l);
        bind(f, fr, d->func.recv->obj, ti, at);
    }
    for (uint32_t i = 0; i < sig->func.nparams; i++) {
        TInfo *ti = tinfo(f->gen, sig->func.params[i].type);
        Obj *p = i < d->func.sig->params.n ? d->func.sig->params.at[i]->obj : NULL;
        int at = gen_any_as(f, e->call.args.at[i], ti);
        bind(f, fr, p, ti, at);
    }
    for (uint32_t i = 0; i < fr->n; i++) {
        Bound *b = &fr->bound[i];
        LVar *v = b->old;
        b->old = b->og->var;
        b->og->var = v;
    }
    f->subst = NULL;
    f->pkg = o->pkg;
    f->inlining++;
}

static void leave(Fg *f, Frame *fr)
{
    f->inlining--;
    for (uint32_t i = fr->n; i-- > 0;) {
        fr->bound[i].og->var = fr->bound[i].old;
    }
    f->subst = fr->subst;
    f->pkg = fr->pkg;
    f->pos = fr->pos;
}

static Obj *ready(Fg *f, Expr *e)
{
    if (f->inlining >= INLINE_DEPTH || e->commaok) {
        return NULL;
    }
    Selection *sel;
    Obj *o = call_inlinable(f->gen, e);
    if (o && callee(e, &sel) && sel && resolve_selection(f, unparen(e->call.fn)) != sel) {
        return NULL; /* of a type parameter */
    }
    return o;
}

/* The value of the call to dst, which overlaps no operand unless it is a scalar. */
bool gen_inline(Fg *f, Expr *e, int dst)
{
    Obj *o = ready(f, e);
    if (!o) {
        return false;
    }
    uint32_t mark = slot_mark(f);
    Frame fr;
    enter(f, e, o, &fr);
    TInfo *ti = tinfo(f->gen, o->type->func.results[0].type);
    StmtList *l = (StmtList *)&o->fdecl->func.body->stmts;
    Label end = LABEL_INIT;
    for (uint32_t i = 0; i + 1 < l->n; i++) {
        Label no = LABEL_INIT;
        Stmt *s = l->at[i];
        gen_cond(f, s->if_.cond, false, &no);
        gen_as(f, lone_return(s->if_.then->stmts.at[0]), ti, dst);
        emit_jmp(f, &end);
        label_bind(f, &no);
    }
    gen_as(f, lone_return(l->at[l->n - 1]), ti, dst);
    label_bind(f, &end);
    leave(f, &fr);
    slot_release(f, mark);
    return true;
}

/* The call as a condition. */
bool gen_inline_cond(Fg *f, Expr *e, bool sense, Label *l)
{
    Obj *o = ready(f, e);
    if (!o || o->fdecl->func.body->stmts.n != 1) {
        return false;
    }
    uint32_t mark = slot_mark(f);
    Frame fr;
    enter(f, e, o, &fr);
    gen_cond(f, lone_return(o->fdecl->func.body->stmts.at[0]), sense, l);
    leave(f, &fr);
    slot_release(f, mark);
    return true;
}
