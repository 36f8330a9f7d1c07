/* gen_stmt.c - statements, blocks, if, for, labels and branches.
 *
 * Loops have their condition at the bottom: it is tested once before the first round (or jumped to,
 * where repeating it would be long), and then as a fused compare-and-loop. `i++` before `i < n` is
 * one instruction. Boxed loop variables get a new box for each round (Go 1.22).
 */
#include "lang/gen.h"

void gen_stmts(Fg *f, Stmt **at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        gen_stmt(f, at[i], NULL);
    }
}

void gen_block(Fg *f, Block *b)
{
    uint32_t mark = slot_mark(f);
    gen_stmts(f, b->stmts.at, b->stmts.n);
    slot_release(f, mark);
}

static void gen_if(Fg *f, Stmt *s)
{
    uint32_t mark = slot_mark(f);
    Label no = LABEL_INIT, end = LABEL_INIT;
    if (s->if_.init) {
        gen_stmt(f, s->if_.init, NULL);
    }
    Order order;
    order_begin(f, s, &order);
    gen_cond(f, s->if_.cond, false, &no);
    order_end(&order);
    gen_block(f, s->if_.then);
    if (s->if_.els) {
        if (!f->dead) {
            emit_jmp(f, &end);
        }
        label_bind(f, &no);
        gen_stmt(f, s->if_.els, NULL);
    } else {
        label_bind(f, &no);
    }
    label_bind(f, &end);
    slot_release(f, mark);
}

/* ---- for */

static LVar *plain_var(Fg *f, Expr *e)
{
    e = unparen(e);
    if (e->kind != EX_NAME || !e->name.obj || e->name.obj->kind != OBJ_VAR || e->name.obj->is_global) {
        return NULL;
    }
    LVar *v = var_of(f, e->name.obj);
    return v && !v->boxed ? v : NULL;
}

/* i += step and then i < n as one instruction. */
static bool fused_step(Fg *f, Stmt *s, Label *top)
{
    Expr *c = unparen(s->for_.cond);
    Stmt *p = s->for_.post;
    if (!p || p->kind != ST_ASSIGN || p->assign.op != TOK_ADD || c->kind != EX_BINARY ||
        (c->binary.op != TOK_LSS && c->binary.op != TOK_LEQ)) {
        return false;
    }
    LVar *i = plain_var(f, p->assign.lhs.at[0]);
    Expr *step = unparen(p->assign.rhs.at[0]), *n = unparen(c->binary.y);
    if (!i || i != plain_var(f, c->binary.x) || !i->ti->is_signed || i->ti->size != 8 ||
        (!step->cval && !plain_var(f, step)) || (!n->cval && !plain_var(f, n)) ||
        f->code.n - (uint32_t)top->pc > 32000) {
        return false;
    }
    uint32_t mark = slot_mark(f);
    int by = gen_any_as(f, step, i->ti), end = gen_any_as(f, n, i->ti);
    emit_loop_add(f, c->binary.op == TOK_LSS ? OP_LOOP_ADD_LT : OP_LOOP_ADD_LE, i->slot, end, by,
                  top);
    slot_release(f, mark);
    return true;
}

/* May the value of e depend on local variable v? */
static bool mentions(const Expr *e, const Obj *v)
{
    switch (e->kind) {
    case EX_NAME: return e->name.obj == v;
    case EX_LIT: return false;
    case EX_PAREN: return mentions(e->paren.x, v);
    case EX_UNARY: return mentions(e->unary.x, v);
    case EX_BINARY: return mentions(e->binary.x, v) || mentions(e->binary.y, v);
    case EX_SELECTOR: return mentions(e->selector.x, v);
    default: return true;
    }
}

/* i++ and then i < y as one instruction; false if the loop has another shape. */
static bool fused_loop(Fg *f, Stmt *s, Label *top)
{
    Expr *c = unparen(s->for_.cond);
    if (!s->for_.post || s->for_.post->kind != ST_INCDEC || s->for_.post->incdec.op != TOK_INC ||
        c->kind != EX_BINARY || (c->binary.op != TOK_LSS && c->binary.op != TOK_LEQ)) {
        return false;
    }
    LVar *i = plain_var(f, s->for_.post->incdec.x);
    if (!i || i != plain_var(f, c->binary.x) || !i->ti->is_signed || i->ti->size != 8 ||
        f->code.n - (uint32_t)top->pc > 32000) {
        return false;
    }
    Expr *y = unparen(c->binary.y);
    bool lt = c->binary.op == TOK_LSS;
    int64_t k;
    LVar *n = plain_var(f, y);
    if (const_small(f, y, INT16_MIN, INT16_MAX - 1, &k)) {
        emit_cjump(f, OP_LOOP_INC_LTI, i->slot, (int)(lt ? k : k + 1), top);
        return true;
    }
    if (n) {
        emit_cjump(f, lt ? OP_LOOP_INC_LT : OP_LOOP_INC_LE, i->slot, n->slot, top);
        return true;
    }
    if (lt && y->kind == EX_CALL && y->call.call_kind == CALL_BUILTIN && y->call.builtin == BI_LEN &&
        !y->cval) {
        LVar *sl = plain_var(f, y->call.args.at[0]);
        if (sl && sl->ti->under->kind == T_SLICE) {
            emit_cjump(f, OP_LOOP_INC_LTLEN, i->slot, sl->slot, top);
            return true;
        }
    }
    if (!mentions(y, i->obj)) { /* y first: it is simple, so nobody can tell */
        uint32_t mark = slot_mark(f);
        emit_cjump(f, lt ? OP_LOOP_INC_LT : OP_LOOP_INC_LE, i->slot, gen_any_as(f, y, i->ti), top);
        slot_release(f, mark);
        return true;
    }
    return false;
}

/* New boxes for the loop's variables, holding the values of the old ones. */
static void fresh_boxes(Fg *f, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        LVar *v = f->vars.at[i];
        if (!v->boxed || !(v->obj->boxed || obj_gen(v->obj)->captured)) {
            continue; /* nobody could tell */
        }
        uint32_t mark = slot_mark(f);
        Loc old = var_loc(v);
        int p = slot_ptr(f), t = slot_new(f, v->ti);
        loc_load(f, &old, t);
        emit_t(f, OP_NEW, p, 0, 0, v->ti);
        Loc l = {.kind = LOC_MEM, .ti = v->ti, .slot = p, .nonnil = true};
        loc_store(f, &l, t);
        emit_move(f, v->slot, p, 1);
        slot_release(f, mark);
    }
}

void gen_for(Fg *f, Stmt *s, Stmt *labeled)
{
    uint32_t mark = slot_mark(f), vars = f->vars.n;
    Label top = LABEL_INIT, test = LABEL_INIT, brk = LABEL_INIT, cont = LABEL_INIT;
    if (s->for_.init) {
        gen_stmt(f, s->for_.init, NULL);
    }
    uint32_t nvars = f->vars.n;
    bool simple = s->for_.cond && expr_simple(s->for_.cond);
    if (simple) {
        gen_cond(f, s->for_.cond, false, &brk);
    } else if (s->for_.cond) {
        emit_jmp(f, &test);
    }
    label_bind(f, &top);
    Ctl ctl = {.up = f->ctl, .stmt = s, .labeled = labeled, .brk = &brk, .cont = &cont};
    f->ctl = &ctl;
    gen_block(f, s->for_.body);
    f->ctl = ctl.up;
    label_bind(f, &cont);
    if (f->go_minor >= 22) {
        fresh_boxes(f, vars, nvars);
    }
    f->pos = s->pos;
    if (!(simple && (fused_loop(f, s, &top) || fused_step(f, s, &top)))) {
        if (s->for_.post) {
            gen_stmt(f, s->for_.post, NULL);
        }
        if (s->for_.cond) {
            label_bind(f, &test);
            Order order;
            order_begin_expr(f, s->for_.cond, &order);
            gen_cond(f, s->for_.cond, true, &top);
            order_end(&order);
        } else {
            emit_jmp(f, &top);
        }
    }
    label_bind(f, &brk);
    slot_release(f, mark);
}

/* ---- labels and branches */

static Label *goto_label(Fg *f, Stmt *target)
{
    for (uint32_t i = 0; i < f->gotos.n; i++) {
        if (f->gotos.at[i]->stmt == target) {
            return &f->gotos.at[i]->label;
        }
    }
    GotoLabel *g = MEM_NEW(GotoLabel);
    g->stmt = target;
    g->label.pc = -1;
    VEC_PUSH(f->gotos, g);
    return &g->label;
}

void gen_branch(Fg *f, Stmt *s)
{
    Stmt *t = s->branch.target;
    if (s->kind == ST_GOTO) {
        if (t && !rangefn_branch(f, s)) {
            emit_jmp(f, goto_label(f, t));
        }
        return;
    }
    for (Ctl *c = f->ctl; c; c = c->up) {
        bool hit = t ? c->stmt == t || c->labeled == t : s->kind == ST_BREAK || c->cont;
        if (hit) {
            emit_jmp(f, s->kind == ST_BREAK ? c->brk : c->cont);
            return;
        }
    }
    rangefn_branch(f, s);
}

static void gen_labeled(Fg *f, Stmt *s)
{
    label_bind(f, goto_label(f, s));
    gen_stmt(f, s->labeled.body, s);
}

static void gen_send(Fg *f, Stmt *s)
{
    Type *t = type_core(etype(f, s->send.ch));
    int ch = gen_any(f, s->send.ch);
    TInfo *elem = tinfo(f->gen, (t ? t : type_under(etype(f, s->send.ch)))->chan.elem);
    int v = gen_any_as(f, s->send.value, elem);
    f->pos = s->pos;
    emit_n(f, OP_SEND, ch, v, 0, elem->slots);
}

static void gen_local_decl(Fg *f, Decl *d)
{
    if (d->kind == DECL_VAR) {
        gen_var_decl(f, d);
    }
}

/* Statements that release their own slots; definitions keep theirs until the block ends. */
void gen_stmt(Fg *f, Stmt *s, Stmt *labeled)
{
    uint32_t mark = slot_mark(f);
    f->pos = s->pos;
    f->dead = false;
    Order order = {0};
    if (s->kind != ST_IF) { /* that one has a statement before its condition */
        order_begin(f, s, &order);
    }
    switch (s->kind) {
    case ST_EXPR: gen_effect(f, s->expr.x); break;
    case ST_SEND: gen_send(f, s); break;
    case ST_INCDEC: gen_incdec(f, s); break;
    case ST_ASSIGN: gen_assign(f, s); break;
    case ST_DEFINE:
        gen_define(f, s);
        order_end(&order);
        return;
    case ST_DECL:
        gen_local_decl(f, s->decl.decl);
        order_end(&order);
        return;
    case ST_GO: case ST_DEFER: gen_go_defer(f, s); break;
    case ST_RETURN:
        gen_return(f, s);
        f->dead = true;
        break;
    case ST_BREAK: case ST_CONTINUE: case ST_GOTO:
        gen_branch(f, s);
        f->dead = true;
        break;
    case ST_BLOCK: gen_block(f, s->block.body); break;
    case ST_IF: gen_if(f, s); break;
    case ST_SWITCH: gen_switch(f, s, labeled); break;
    case ST_TYPESWITCH: gen_typeswitch(f, s, labeled); break;
    case ST_SELECT: gen_select(f, s, labeled); break;
    case ST_FOR: case ST_RANGE:
        f->loops++;
        if (s->kind == ST_FOR) {
            gen_for(f, s, labeled);
        } else {
            gen_range(f, s, labeled);
        }
        f->loops--;
        break;
    case ST_LABELED: gen_labeled(f, s); return;
    default: break; /* fallthrough is the switch's affair */
    }
    order_end(&order);
    slot_release(f, mark);
}
