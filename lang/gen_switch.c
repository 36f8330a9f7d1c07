/* gen_switch.c - switch, type switch, select.
 *
 * All comparisons come first, each a jump to its clause's body, then the bodies in order; so
 * fallthrough is falling through. More than eight small integer constants are found by binary search.
 */
#include "lang/gen.h"

#include <stdlib.h>

typedef struct IntCase { int64_t v; Label *to; } IntCase;

static int case_compare(const void *pa, const void *pb)
{
    const IntCase *a = pa, *b = pb;
    return a->v < b->v ? -1 : a->v > b->v;
}

static void search(Fg *f, int tag, IntCase *at, uint32_t n, Label *none)
{
    if (n <= 4) {
        for (uint32_t i = 0; i < n; i++) {
            emit_cjump(f, OP_JEQI, tag, (int)at[i].v, at[i].to);
        }
        emit_jmp(f, none);
        return;
    }
    Label left = LABEL_INIT;
    uint32_t mid = n / 2;
    emit_cjump(f, OP_JLTI, tag, (int)at[mid].v, &left);
    search(f, tag, at + mid, n - mid, none);
    label_bind(f, &left);
    search(f, tag, at, mid, none);
}

static bool int_switch(Fg *f, Stmt *s, TInfo *ti, int tag, Label *bodies, Label *none)
{
    VEC(IntCase) all = {0};
    if (!type_is_integer(ti->type)) {
        return false;
    }
    for (uint32_t i = 0; i < s->switch_.clauses.n; i++) {
        Clause *c = s->switch_.clauses.at[i];
        for (uint32_t k = 0; k < c->exprs.n; k++) {
            IntCase ic = {0, &bodies[i]};
            if (!const_small(f, unparen(c->exprs.at[k]), INT16_MIN, INT16_MAX, &ic.v)) {
                return false;
            }
            VEC_PUSH(all, ic);
        }
    }
    if (all.n <= 8 || (!ti->is_signed && ti->size == 8)) {
        return false;
    }
    qsort(all.at, all.n, sizeof *all.at, case_compare);
    search(f, tag, all.at, all.n, none);
    return true;
}

static void case_jump(Fg *f, TInfo *ti, int tag, Expr *x, Label *l)
{
    uint32_t mark = slot_mark(f);
    int64_t k;
    f->pos = x->pos;
    if (is_nil(x)) {
        emit_cjump(f, OP_JEQI, tag, 0, l);
    } else if (ti->rep == REP_SCALAR && !type_is_float(ti->type) && !type_is_complex(ti->type) &&
               const_small(f, unparen(x), INT16_MIN, INT16_MAX, &k)) {
        emit_cjump(f, OP_JEQI, tag, (int)k, l);
    } else {
        TInfo *xi = einfo(f, x);
        if (xi->iface && !ti->iface) {
            int t = slot_new(f, xi);
            conv_iface(f, ti, xi, tag, t);
            gen_equal_jump(f, xi, t, gen_any(f, x), true, l);
        } else {
            gen_equal_jump(f, ti, tag, gen_any_as(f, x, ti), true, l);
        }
    }
    slot_release(f, mark);
}

static void switch_bodies(Fg *f, Clause **at, uint32_t n, Label *bodies, Label *end)
{
    for (uint32_t i = 0; i < n; i++) {
        Clause *c = at[i];
        label_bind(f, &bodies[i]);
        uint32_t mark = slot_mark(f);
        gen_stmts(f, c->body.at, c->body.n);
        slot_release(f, mark);
        bool falls = c->body.n && c->body.at[c->body.n - 1]->kind == ST_FALLTHROUGH;
        if (!falls && i + 1 < n) {
            emit_jmp(f, end);
        }
    }
}

static Label *make_labels(uint32_t n)
{
    Label *l = MEM_NEW_N(Label, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        l[i].pc = -1;
    }
    return l;
}

void gen_switch(Fg *f, Stmt *s, Stmt *labeled)
{
    uint32_t mark = slot_mark(f), n = s->switch_.clauses.n;
    Label end = LABEL_INIT, *bodies = make_labels(n), *none = &end;
    if (s->switch_.init) {
        gen_stmt(f, s->switch_.init, NULL);
    }
    TInfo *ti = s->switch_.tag ? einfo(f, s->switch_.tag) : NULL;
    int tag = 0;
    if (ti) {
        Order order;
        order_begin_expr(f, s->switch_.tag, &order);
        tag = gen_any(f, s->switch_.tag);
        order_end(&order);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (s->switch_.clauses.at[i]->is_default) {
            none = &bodies[i];
        }
    }
    if (!ti || !int_switch(f, s, ti, tag, bodies, none)) {
        for (uint32_t i = 0; i < n; i++) {
            Clause *c = s->switch_.clauses.at[i];
            for (uint32_t k = 0; k < c->exprs.n; k++) {
                if (ti) {
                    case_jump(f, ti, tag, c->exprs.at[k], &bodies[i]);
                } else {
                    gen_cond(f, c->exprs.at[k], true, &bodies[i]);
                }
            }
        }
        emit_jmp(f, none);
    }
    Ctl ctl = {.up = f->ctl, .stmt = s, .labeled = labeled, .brk = &end};
    f->ctl = &ctl;
    switch_bodies(f, s->switch_.clauses.at, n, bodies, &end);
    f->ctl = ctl.up;
    label_bind(f, &end);
    slot_release(f, mark);
}

/* ---- type switch */

static void type_case(Fg *f, int x, Expr *t, Label *l)
{
    if (is_nil(t)) {
        emit_cjump(f, OP_JEQI, x, 0, l);
        return;
    }
    TInfo *ti = einfo(f, t);
    if (!ti->iface) {
        tinfo_want_methods(f->gen, ti);
    }
    emit_tjump(f, ti->iface ? OP_JIMPL : OP_JTYPE, x, ti, l);
}

static void bind_clause_var(Fg *f, Clause *c, TInfo *from, int x)
{
    if (!c->var) {
        return;
    }
    LVar *v = var_declare(f, c->var, c->var->type);
    uint32_t mark = slot_mark(f);
    Loc l = var_loc(v);
    if (v->ti->iface || c->exprs.n != 1 || is_nil(c->exprs.at[0])) {
        (void)from;
        loc_store(f, &l, x);
    } else if (l.kind == LOC_SLOT) {
        emit_t(f, OP_UNBOX, l.slot, x, 0, v->ti);
    } else {
        int t = slot_new(f, v->ti);
        emit_t(f, OP_UNBOX, t, x, 0, v->ti);
        loc_store(f, &l, t);
    }
    slot_release(f, mark);
}

void gen_typeswitch(Fg *f, Stmt *s, Stmt *labeled)
{
    uint32_t mark = slot_mark(f), n = s->tswitch.clauses.n;
    Label end = LABEL_INIT, *bodies = make_labels(n), *none = &end;
    if (s->tswitch.init) {
        gen_stmt(f, s->tswitch.init, NULL);
    }
    Expr *xe = unparen(s->tswitch.x);
    if (xe->kind == EX_ASSERT && !xe->assert_.type) {
        xe = xe->assert_.x;
    }
    TInfo *from = einfo(f, xe);
    int x = gen_any(f, xe);
    for (uint32_t i = 0; i < n; i++) {
        Clause *c = s->tswitch.clauses.at[i];
        none = c->is_default ? &bodies[i] : none;
        for (uint32_t k = 0; k < c->exprs.n; k++) {
            f->pos = c->exprs.at[k]->pos;
            type_case(f, x, c->exprs.at[k], &bodies[i]);
        }
    }
    emit_jmp(f, none);
    Ctl ctl = {.up = f->ctl, .stmt = s, .labeled = labeled, .brk = &end};
    f->ctl = &ctl;
    for (uint32_t i = 0; i < n; i++) {
        Clause *c = s->tswitch.clauses.at[i];
        label_bind(f, &bodies[i]);
        uint32_t inner = slot_mark(f);
        f->pos = c->pos;
        bind_clause_var(f, c, from, x);
        gen_stmts(f, c->body.at, c->body.n);
        slot_release(f, inner);
        if (i + 1 < n) {
            emit_jmp(f, &end);
        }
    }
    f->ctl = ctl.up;
    label_bind(f, &end);
    slot_release(f, mark);
}

/* ---- select */

typedef struct SelCase { CaseWord w; TInfo *elem; Expr *rhs; } SelCase;

static Expr *recv_of(Stmt *comm)
{
    Expr *e = comm->kind == ST_EXPR ? comm->expr.x : comm->assign.rhs.at[0];
    return unparen(e);
}

static void select_case(Fg *f, Stmt *comm, SelCase *c)
{
    bool send = comm->kind == ST_SEND;
    Expr *ch = send ? comm->send.ch : recv_of(comm)->unary.x;
    Type *t = type_core(etype(f, ch));
    c->elem = tinfo(f->gen, (t ? t : type_under(etype(f, ch)))->chan.elem);
    int slot = gen_any(f, ch);
    int v = 0xffff;
    if (send) {
        v = gen_any_as(f, comm->send.value, c->elem);
    } else if (comm->kind != ST_EXPR) {
        v = slot_new(f, c->elem);
    }
    c->w = (CaseWord){(uint16_t)slot, (uint16_t)v, (uint16_t)c->elem->slots, send};
}

static void select_bind(Fg *f, Stmt *comm, SelCase *c, int ok)
{
    if (comm->kind != ST_ASSIGN && comm->kind != ST_DEFINE) {
        return;
    }
    TInfo *b = tinfo(f->gen, type_basic[T_BOOL]);
    for (uint32_t i = 0; i < comm->assign.lhs.n; i++) {
        Expr *l = comm->assign.lhs.at[i];
        bool nw = comm->kind == ST_DEFINE && !is_blank(l) &&
                  (!comm->assign.is_new || comm->assign.is_new[i]);
        assign_from(f, l, nw, i ? ok : c->w.value, i ? b : c->elem);
    }
}

/* One case and a default: an operation that jumps to the default. False: another shape. */
static bool select_try(Fg *f, Stmt *s, Stmt *labeled)
{
    uint32_t mark = slot_mark(f), n = s->select.clauses.n;
    Clause **at = s->select.clauses.at;
    if (n != 2 || !at[0]->comm == !at[1]->comm || f->long_jumps) {
        return false;
    }
    Clause *one = at[0]->comm ? at[0] : at[1], *def = at[0]->comm ? at[1] : at[0];
    Label end = LABEL_INIT, none = LABEL_INIT;
    SelCase c;
    int ok = slot_scalar(f);
    f->pos = one->pos;
    select_case(f, one->comm, &c);
    bool assigns = one->comm->kind == ST_ASSIGN || one->comm->kind == ST_DEFINE;
    bool two = assigns && one->comm->assign.lhs.n == 2;
    f->pos = s->pos;
    if (c.w.send) {
        emit_try(f, OP_TRY_SEND, c.w.chan, c.w.value, c.w.nslots, &none);
    } else {
        int dst = c.w.value == 0xffff ? slot_new(f, c.elem) : c.w.value;
        emit_try(f, OP_TRY_RECV, dst, c.w.chan, c.w.nslots | (uint64_t)(two ? ok : 0xffff) << 16,
                 &none);
    }
    Ctl ctl = {.up = f->ctl, .stmt = s, .labeled = labeled, .brk = &end};
    f->ctl = &ctl;
    f->pos = one->pos;
    uint32_t inner = slot_mark(f);
    select_bind(f, one->comm, &c, ok);
    gen_stmts(f, one->body.at, one->body.n);
    slot_release(f, inner);
    if (!f->dead) {
        emit_jmp(f, &end);
    }
    label_bind(f, &none);
    gen_stmts(f, def->body.at, def->body.n);
    f->ctl = ctl.up;
    label_bind(f, &end);
    slot_release(f, mark);
    return true;
}

void gen_select(Fg *f, Stmt *s, Stmt *labeled)
{
    if (select_try(f, s, labeled)) {
        return;
    }
    uint32_t mark = slot_mark(f), n = s->select.clauses.n, k = 0;
    Label end = LABEL_INIT, *bodies = make_labels(n);
    SelCase *cases = MEM_NEW_N(SelCase, n + 1);
    bool has_default = false;
    int res = slot_raw(f, 2);
    for (uint32_t i = 0; i < n; i++) {
        Clause *c = s->select.clauses.at[i];
        if (!c->comm) {
            has_default = true;
            continue;
        }
        f->pos = c->pos;
        select_case(f, c->comm, &cases[k++]);
    }
    f->pos = s->pos;
    emit(f, OP_SELECT, res, has_default, (int)k);
    for (uint32_t i = 0; i < k; i++) {
        uint64_t w;
        memcpy(&w, &cases[i].w, 8);
        emit_word(f, w);
    }
    int def = -1;
    k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!s->select.clauses.at[i]->comm) {
            def = (int)i;
        } else {
            emit_cjump(f, OP_JEQI, res, (int)k++, &bodies[i]);
        }
    }
    emit_jmp(f, def >= 0 ? &bodies[def] : &end);
    Ctl ctl = {.up = f->ctl, .stmt = s, .labeled = labeled, .brk = &end};
    f->ctl = &ctl;
    k = 0;
    for (uint32_t i = 0; i < n; i++) {
        Clause *c = s->select.clauses.at[i];
        label_bind(f, &bodies[i]);
        uint32_t inner = slot_mark(f);
        if (c->comm) {
            f->pos = c->pos;
            select_bind(f, c->comm, &cases[k++], res + 1);
        }
        gen_stmts(f, c->body.at, c->body.n);
        slot_release(f, inner);
        if (i + 1 < n) {
            emit_jmp(f, &end);
        }
    }
    f->ctl = ctl.up;
    label_bind(f, &end);
    slot_release(f, mark);
}
