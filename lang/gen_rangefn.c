/* gen_rangefn.c - range over functions: the loop's body becomes a literal that the function calls.
 *
 * `continue` returns true, `break` returns false. A branch to a statement further out and a `return`
 * note why they leave in a boxed variable of the loop, store the values to be returned in others,
 * and return false; behind the call the loop looks at that variable and does the branch or the
 * return itself, which may again stand in such a body. Calls that the body defers are moved to the
 * frame of the function around it (FRAME, DEFER_TO). The escape walk treats the body as a literal
 * (its Lit is found by the statement).
 */
#include "lang/gen.h"

static Obj *boxed_var(Fg *f, const char *name, Type *t, Lit *lit)
{
    Obj *o = syn_var(name_of(name), t);
    o->boxed = true;
    obj_gen(o)->owner = f->lit;
    VEC_PUSH(lit->caps, o);
    var_declare(f, o, t);
    return o;
}

static Expr *bool_const(bool b, Pos pos)
{
    Expr *e = syn_expr(EX_NAME, type_basic[T_BOOL], MODE_CONST, pos);
    e->cval = const_bool(b);
    return e;
}

/* The function that a return in this body leaves. */
static Fg *real_function(Fg *f)
{
    while (f->range_fn) {
        f = f->outer;
    }
    return f;
}

static Stmt *assign_stmt(Expr *lhs, Obj *from, Pos pos)
{
    Stmt *s = MEM_NEW(Stmt);
    s->kind = ST_ASSIGN;
    s->pos = pos;
    s->assign.op = TOK_ASSIGN;
    VEC_PUSH(s->assign.lhs, lhs);
    VEC_PUSH(s->assign.rhs, syn_name(from, pos));
    return s;
}

static Expr *body_literal(Stmt *s, Type *yield, RangeFn *rf)
{
    uint32_t n = yield->func.nparams;
    Obj **params = MEM_NEW_N(Obj *, n + 1);
    VEC(Stmt *) body = {0};
    for (uint32_t i = 0; i < n; i++) {
        Expr *v = i ? s->range.value : s->range.key;
        if (v && s->range.define && !is_blank(v)) {
            params[i] = v->name.obj;
            continue;
        }
        params[i] = syn_var(name_of("v"), yield->func.params[i].type);
        if (v && !is_blank(v)) {
            VEC_PUSH(body, assign_stmt(v, params[i], s->pos));
        }
    }
    for (uint32_t i = 0; i < s->range.body->stmts.n; i++) {
        VEC_PUSH(body, s->range.body->stmts.at[i]);
    }
    rf->final = syn_stmt_call(bool_const(true, s->range.body->rbrace), true);
    VEC_PUSH(body, rf->final);
    return syn_func(yield, params, body.at, body.n, s->pos);
}

/* The state variable. READY: the body may be called. RUNS: it was entered and has not left, so
 * whoever finds that afterwards knows that it panicked. RETURNS, VALUES and EXITS + i: the body
 * returned false for a return, for one with values, or for branch i. */
enum { STATE_READY = 0, STATE_RETURNS = 1, STATE_EXITS = 2, STATE_OVER = -1, STATE_BROKE = -2,
       STATE_RUNS = -3, STATE_VALUES = -4 };

static void set_state(Fg *f, Obj *state, int64_t v)
{
    uint32_t mark = slot_mark(f);
    Loc l = var_loc(var_of(f, state));
    int t = slot_scalar(f);
    emit_int(f, t, v);
    loc_store(f, &l, t);
    slot_release(f, mark);
}

static void trap_if(Fg *f, int st, int64_t state, TrapCode why)
{
    Label no = LABEL_INIT;
    emit_cjump(f, OP_JNEI, st, (int)state, &no);
    emit(f, OP_TRAP, 0, 0, why);
    label_bind(f, &no);
}

/* A body that is called when it must not be panics. */
void rangefn_enter(Fg *f)
{
    Label ok = LABEL_INIT;
    uint32_t mark = slot_mark(f);
    Loc l = var_loc(var_of(f, f->range_fn->state));
    int st = slot_scalar(f);
    loc_load(f, &l, st);
    emit_cjump(f, OP_JEQI, st, STATE_READY, &ok);
    trap_if(f, st, STATE_OVER, TRAP_RANGE_EXHAUSTED);
    trap_if(f, st, STATE_RUNS, TRAP_RANGE_PANIC);
    emit(f, OP_TRAP, 0, 0, TRAP_RANGE_DONE);
    label_bind(f, &ok);
    slot_release(f, mark);
    set_state(f, f->range_fn->state, STATE_RUNS);
}

static void leave_return(Fg *f, RangeFn *rf, int st, bool values, Pos pos)
{
    Label no = LABEL_INIT;
    emit_cjump(f, OP_JNEI, st, values ? STATE_VALUES : STATE_RETURNS, &no);
    Stmt *r = MEM_NEW(Stmt);
    r->kind = ST_RETURN;
    r->pos = pos;
    for (uint32_t i = 0; values && i < rf->sig->func.nresults; i++) {
        VEC_PUSH(r->ret.results, syn_name(rf->results[i], pos));
    }
    gen_return(f, r);
    label_bind(f, &no);
}

/* What follows the call: the branches and the return that the body asked for. */
static void leave(Fg *f, RangeFn *rf, Pos pos)
{
    Loc l = var_loc(var_of(f, rf->state));
    int st = slot_scalar(f);
    loc_load(f, &l, st);
    set_state(f, rf->state, STATE_OVER);
    trap_if(f, st, STATE_RUNS, TRAP_RANGE_MISSING_PANIC);
    for (uint32_t i = 0; i < rf->exits.n; i++) {
        Label no = LABEL_INIT;
        emit_cjump(f, OP_JNEI, st, (int)i + STATE_EXITS, &no);
        gen_branch(f, rf->exits.at[i]);
        label_bind(f, &no);
    }
    if (rf->returns) {
        leave_return(f, rf, st, false, pos);
    }
    if (rf->values) {
        leave_return(f, rf, st, true, pos);
    }
}

/* The variable that says for which frame the body defers, captured by it. */
static Obj *frame_var(Fg *f, Lit *lit)
{
    Obj *o = f->range_fn ? f->range_fn->frame : NULL;
    if (!o) {
        o = syn_var(name_of("frame"), type_basic[T_COMPLEX128]); /* two words, no pointer */
        obj_gen(o)->owner = f->lit;
        var_declare(f, o, o->type);
        emit(f, OP_FRAME, var_of(f, o)->slot, 0, 0);
    }
    VEC_PUSH(lit->caps, o);
    return o;
}

void gen_range_fn(Fg *f, Stmt *s, Type *u, Stmt *labeled)
{
    Lit *lit = lit_of(f->gen, (Expr *)(void *)s);
    Type *yield = type_core(u->func.params[0].type);
    RangeFn *rf = MEM_NEW(RangeFn);
    rf->loop = s;
    rf->labeled = labeled;
    rf->sig = real_function(f)->sig;
    lit->outer = f->lit;
    uint32_t ncaps = lit->caps.n;
    int fn = gen_any(f, s->range.x);
    rf->state = boxed_var(f, "state", type_basic[T_INT], lit);
    rf->results = MEM_NEW_N(Obj *, rf->sig->func.nresults + 1);
    for (uint32_t i = 0; i < rf->sig->func.nresults; i++) {
        rf->results[i] = boxed_var(f, "result", rf->sig->func.results[i].type, lit);
    }
    rf->frame = lit->has_defer ? frame_var(f, lit) : NULL;
    int base = slot_raw(f, 2) + 2;
    int arg = slot_ptr(f);
    Expr *e = body_literal(s, yield, rf);
    f->next_fn = rf;
    gen_body_literal(f, e, lit, mem_printf("%s-range%u", f->name, ++f->nranges), 0, arg);
    f->pos = s->pos;
    emit_n(f, OP_CALLC, base, fn, 0, 1u << 16);
    slot_release(f, (uint32_t)base - 2);
    leave(f, rf, s->pos);
    lit->caps.n = ncaps;
}

static void return_bool(Fg *f, bool b)
{
    emit_int(f, 0, b);
    gen_return_jump(f);
}

/* A branch that no statement of this function takes. */
bool rangefn_branch(Fg *f, Stmt *s)
{
    RangeFn *rf = f->range_fn;
    if (!rf) {
        return false;
    }
    Stmt *t = s->branch.target;
    if (s->kind == ST_GOTO) {
        const Block *b = rf->loop->range.body;
        if (!t || (t->pos >= b->pos && t->pos <= b->rbrace)) {
            return false;
        }
    } else if (!t || t == rf->loop || t == rf->labeled) {
        set_state(f, rf->state, s->kind == ST_BREAK ? STATE_BROKE : STATE_READY);
        return_bool(f, s->kind == ST_CONTINUE);
        return true;
    }
    VEC_PUSH(rf->exits, s);
    set_state(f, rf->state, (int64_t)rf->exits.n - 1 + STATE_EXITS);
    return_bool(f, false);
    return true;
}

bool rangefn_return(Fg *f, Stmt *s)
{
    RangeFn *rf = f->range_fn;
    if (!rf) {
        return false;
    }
    if (s == rf->final) {
        set_state(f, rf->state, STATE_READY);
        return false;
    }
    ExprList *l = &s->ret.results;
    uint32_t want = rf->sig->func.nresults, mark = slot_mark(f);
    rf->returns |= l->n == 0;
    rf->values |= l->n > 0;
    if (l->n == 1 && want > 1) {
        int *slots = MEM_NEW_N(int, want);
        TInfo **tis = MEM_NEW_N(TInfo *, want);
        gen_multi_value(f, l->at[0], slots, tis, want);
        for (uint32_t i = 0; i < want; i++) {
            assign_from(f, syn_name(rf->results[i], s->pos), false, slots[i], tis[i]);
        }
    } else {
        for (uint32_t i = 0; i < l->n && i < want; i++) {
            Loc r = var_loc(var_of(f, rf->results[i]));
            loc_store(f, &r, gen_any_as(f, l->at[i], r.ti));
        }
    }
    slot_release(f, mark);
    f->pos = s->pos;
    set_state(f, rf->state, l->n ? STATE_VALUES : STATE_RETURNS);
    return_bool(f, false);
    return true;
}
