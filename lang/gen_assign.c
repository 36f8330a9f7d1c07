/* gen_assign.c - assignments, definitions, variable declarations.
 *
 * New variables get the slot in which their value is computed; a single call's results become
 * variables where they stand in the call's window. Tuple assignments evaluate the operands of all
 * places, then all values, then store (the spec's two phases): a place that depends on a variable
 * assigned by the same statement gets its operands copied first.
 */
#include "lang/gen.h"

static Obj *lhs_obj(Expr *l) { return l->kind == EX_NAME ? l->name.obj : NULL; }

/* Stores a value of type `from` in slot src to the variable or place lhs. */
void assign_from(Fg *f, Expr *lhs, bool is_new, int src, TInfo *from)
{
    lhs = unparen(lhs);
    if (is_blank(lhs)) {
        return;
    }
    Loc l;
    if (is_new) {
        Obj *o = lhs_obj(lhs);
        l = var_loc(var_declare(f, o, o->type));
        conv_value(f, from, l.ti, src, l.kind == LOC_SLOT ? l.slot : src);
        if (l.kind != LOC_SLOT) {
            uint32_t mark = slot_mark(f);
            int s = src;
            if (from != l.ti && l.ti->iface && !from->iface) {
                s = slot_new(f, l.ti);
                conv_value(f, from, l.ti, src, s);
            }
            loc_store(f, &l, s);
            slot_release(f, mark);
        }
        return;
    }
    uint32_t mark = slot_mark(f);
    l = gen_loc(f, lhs);
    if (l.ti->iface && !from->iface) {
        int s = slot_new(f, l.ti);
        conv_iface(f, from, l.ti, src, s);
        src = s;
    }
    loc_store(f, &l, src);
    slot_release(f, mark);
}

/* The values of a call with several results, or of a comma-ok expression. */
void gen_multi_value(Fg *f, Expr *e, int *slots, TInfo **tis, uint32_t n)
{
    e = unparen(e);
    Type *t = ftype(f, e->type);
    if (e->kind == EX_CALL) {
        uint32_t total;
        int s = gen_call(f, e, &total);
        for (uint32_t i = 0; i < n; i++) {
            tis[i] = tinfo(f->gen, t->kind == T_TUPLE ? t->tuple.at[i] : t);
            slots[i] = s;
            s += (int)tis[i]->slots;
        }
        return;
    }
    tis[0] = einfo(f, e);
    tis[1] = tinfo(f->gen, t->kind == T_TUPLE ? t->tuple.at[1] : type_basic[T_BOOL]);
    slots[0] = slot_new(f, tis[0]);
    slots[1] = slot_scalar(f);
    uint32_t mark = slot_mark(f);
    if (e->kind == EX_INDEX) {
        Loc l = gen_loc(f, e);
        f->pos = e->pos;
        emit_t(f, OP_MAP_GET2, slots[0], l.slot, l.idx, l.map);
        huge_settle(f, slots[0], tis[0]);
    } else if (e->kind == EX_ASSERT) {
        gen_assert(f, e, tis[0], slots[0], true);
    } else {
        int ch = gen_any(f, e->unary.x);
        f->pos = e->pos;
        emit_n(f, OP_RECV2, slots[0], ch, slots[1], tis[0]->slots);
    }
    slot_release(f, mark);
}

/* ---- definitions */

static void define_one(Fg *f, Obj *o, Expr *value)
{
    TInfo *ti = tinfo(f->gen, ftype(f, o->type));
    Expr *x = value ? unparen(value) : NULL;
    if (var_boxed(f, o, ti)) {
        int p = slot_ptr(f);
        uint32_t mark = slot_mark(f);
        LVar *v;
        if (!x) {
            emit_t(f, OP_NEW, p, 0, 0, ti);
            v = var_declare_at(f, o, ti, p);
            v->boxed = true;
            return;
        }
        if (x->kind == EX_COMPOSITE && is_agg(ti) && einfo(f, x) == ti) {
            emit_t(f, OP_NEW, p, 0, 0, ti);
            Loc l = {.kind = LOC_MEM, .ti = ti, .slot = p, .nonnil = true};
            gen_composite(f, x, ti, l, true);
        } else if (is_big(ti)) { /* the name is not visible in the value */
            emit_t(f, OP_NEW, p, 0, 0, ti);
            Loc l = {.kind = LOC_MEM, .ti = ti, .slot = p, .nonnil = true};
            if (!gen_big_copy(f, x, ti, &l)) {
                loc_store(f, &l, gen_any_as(f, x, ti));
            }
        } else {
            int s = gen_any_as(f, x, ti);
            emit_t(f, OP_NEW, p, 0, 0, ti);
            Loc l = {.kind = LOC_MEM, .ti = ti, .slot = p, .nonnil = true};
            loc_store(f, &l, s);
        }
        slot_release(f, mark);
        v = var_declare_at(f, o, ti, p);
        v->boxed = true;
        return;
    }
    if (x && x->kind == EX_CALL && x->call.call_kind == CALL_FUNC && !x->cval && einfo(f, x) == ti) {
        var_declare_at(f, o, ti, gen_any(f, x)); /* the result is the variable */
        return;
    }
    int s = slot_new(f, ti);
    if (x) {
        gen_as(f, x, ti, s);
    } else {
        gen_zero(f, s, ti);
    }
    var_declare_at(f, o, ti, s);
}

static void define_multi(Fg *f, Expr **lhs, uint32_t n, const bool *is_new, Expr *rhs)
{
    int *slots = MEM_NEW_N(int, n + 1);
    TInfo **tis = MEM_NEW_N(TInfo *, n + 1);
    gen_multi_value(f, rhs, slots, tis, n);
    for (uint32_t i = 0; i < n; i++) {
        Obj *o = lhs_obj(lhs[i]);
        bool fresh = !is_blank(lhs[i]) && (!is_new || is_new[i]);
        if (fresh) {
            TInfo *ti = tinfo(f->gen, ftype(f, o->type));
            if (ti == tis[i] && !var_boxed(f, o, ti)) {
                var_declare_at(f, o, ti, slots[i]);
                continue;
            }
        }
        assign_from(f, lhs[i], fresh, slots[i], tis[i]);
    }
}

void gen_define(Fg *f, Stmt *s)
{
    uint32_t n = s->assign.lhs.n;
    Expr **lhs = s->assign.lhs.at, **rhs = s->assign.rhs.at;
    const bool *is_new = s->assign.is_new;
    if (s->assign.rhs.n == 1 && n > 1) {
        define_multi(f, lhs, n, is_new, rhs[0]);
        return;
    }
    bool fresh = true;
    for (uint32_t i = 0; i < n; i++) {
        fresh = fresh && !is_blank(lhs[i]) && (!is_new || is_new[i]);
    }
    if (fresh) { /* the new names are not visible in the values */
        for (uint32_t i = 0; i < n; i++) {
            define_one(f, lhs_obj(lhs[i]), rhs[i]);
        }
        return;
    }
    int *slots = MEM_NEW_N(int, n);
    TInfo **tis = MEM_NEW_N(TInfo *, n);
    for (uint32_t i = 0; i < n; i++) {
        tis[i] = is_blank(lhs[i]) ? einfo(f, rhs[i]) : tinfo(f->gen, ftype(f, lhs_obj(lhs[i])->type));
        slots[i] = slot_new(f, tis[i]);
        gen_as(f, rhs[i], tis[i], slots[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        bool nw = !is_blank(lhs[i]) && (!is_new || is_new[i]);
        if (nw && !var_boxed(f, lhs_obj(lhs[i]), tis[i])) {
            var_declare_at(f, lhs_obj(lhs[i]), tis[i], slots[i]);
        } else {
            assign_from(f, lhs[i], nw, slots[i], tis[i]);
        }
    }
}

void gen_var_decl(Fg *f, Decl *d)
{
    uint32_t n = d->value.names.n;
    if (d->value.values.n == 1 && n > 1) {
        define_multi(f, d->value.names.at, n, NULL, d->value.values.at[0]);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        Expr *name = d->value.names.at[i];
        Expr *v = i < d->value.values.n ? d->value.values.at[i] : NULL;
        if (is_blank(name)) {
            if (v) {
                gen_effect(f, v);
            }
        } else {
            define_one(f, lhs_obj(name), v);
        }
    }
}

/* Package-level declarations, in their package's init function. */
void gen_init_decl(Fg *f, Decl *d)
{
    uint32_t n = d->value.names.n, mark = slot_mark(f);
    int *slots = MEM_NEW_N(int, n + 1);
    TInfo **tis = MEM_NEW_N(TInfo *, n + 1);
    gen_multi_value(f, d->value.values.at[0], slots, tis, n);
    for (uint32_t i = 0; i < n; i++) {
        assign_from(f, d->value.names.at[i], false, slots[i], tis[i]);
    }
    slot_release(f, mark);
}

void gen_init_var(Fg *f, Expr *name, Expr *value)
{
    uint32_t mark = slot_mark(f);
    Expr *x = unparen(value);
    if (is_blank(name)) {
        gen_effect(f, value);
    } else {
        Loc l = gen_loc(f, name);
        if (x->kind == EX_COMPOSITE && is_agg(l.ti) && einfo(f, x) == l.ti) {
            Loc m = {.kind = LOC_MEM, .ti = l.ti, .slot = loc_addr(f, &l), .nonnil = true};
            gen_composite(f, x, l.ti, m, true);
        } else if (!gen_big_copy(f, x, l.ti, &l)) {
            loc_store(f, &l, gen_any_as(f, x, l.ti));
        }
    }
    slot_release(f, mark);
}

/* ---- assignments */

static bool direct_var(Fg *f, Expr *l)
{
    Obj *o = lhs_obj(l);
    if (!o || o->kind != OBJ_VAR || o->is_global || is_blank(l)) {
        return false;
    }
    LVar *v = var_of(f, o);
    return v && !v->boxed;
}

static void assign_one(Fg *f, Expr *lhs, Expr *rhs, Pos pos)
{
    uint32_t mark = slot_mark(f);
    lhs = unparen(lhs);
    if (is_blank(lhs)) {
        if (!is_nil(rhs) && !rhs->cval) {
            gen_any(f, rhs);
        }
        slot_release(f, mark);
        return;
    }
    Loc l = gen_loc(f, lhs);
    if (l.kind == LOC_SLOT) {
        gen_as_var(f, rhs, l.ti, l.slot);
    } else if (!gen_big_copy(f, rhs, l.ti, &l)) {
        int s = gen_any_as(f, rhs, l.ti);
        f->pos = pos;
        loc_store(f, &l, s);
    }
    slot_release(f, mark);
}

/* A slot that another assignment of the same statement writes must be copied before. */
static bool is_target(const Loc *locs, uint32_t n, int slot, uint32_t slots)
{
    for (uint32_t i = 0; i < n; i++) {
        if ((locs[i].kind == LOC_SLOT || locs[i].kind == LOC_FRAME || locs[i].kind == LOC_FIDX) &&
            slot < locs[i].slot + (int)locs[i].ti->slots + (int)locs[i].len &&
            locs[i].slot < slot + (int)slots) {
            return true;
        }
    }
    return false;
}

static bool depends(const Loc *l, const Loc *locs, uint32_t n)
{
    switch (l->kind) {
    case LOC_MEM: return is_target(locs, n, l->slot, 1);
    case LOC_INDEX: return is_target(locs, n, l->slot, 2) || is_target(locs, n, l->idx, 1);
    case LOC_FIDX: return is_target(locs, n, l->idx, 1);
    case LOC_MAP: return is_target(locs, n, l->slot, 1) ||
                         is_target(locs, n, l->idx, l->map->under->map.key->layout
                                       ? ((TInfo *)l->map->under->map.key->layout)->slots : 1);
    default: return false;
    }
}

/* s[i], s[k] = s[k], s[i] for variables: one instruction. */
static bool same_var(Expr *a, Expr *b)
{
    a = unparen(a);
    b = unparen(b);
    return a->kind == EX_NAME && b->kind == EX_NAME && a->name.obj && a->name.obj == b->name.obj;
}

static bool var_index(Fg *f, Expr *e)
{
    return e->kind == EX_INDEX && e->index.index.n == 1 && direct_var(f, unparen(e->index.x)) &&
           direct_var(f, unparen(e->index.index.at[0]));
}

static bool swap_elements(Fg *f, Stmt *s)
{
    Expr *l0 = unparen(s->assign.lhs.at[0]), *l1 = unparen(s->assign.lhs.at[1]);
    Expr *r0 = unparen(s->assign.rhs.at[0]), *r1 = unparen(s->assign.rhs.at[1]);
    if (s->assign.lhs.n != 2 || !var_index(f, l0) || !var_index(f, l1) || !var_index(f, r0) ||
        !var_index(f, r1) || !same_var(l0->index.x, l1->index.x) ||
        !same_var(l0->index.x, r0->index.x) || !same_var(l0->index.x, r1->index.x) ||
        !same_var(l0->index.index.at[0], r1->index.index.at[0]) ||
        !same_var(l1->index.index.at[0], r0->index.index.at[0])) {
        return false;
    }
    Type *t = type_under(etype(f, l0->index.x));
    TInfo *elem = t->kind == T_SLICE ? tinfo(f->gen, t->slice.elem) : NULL;
    if (!elem || elem->rep != REP_SCALAR || elem->mk != MEM_64 || elem->ptr) {
        return false;
    }
    f->pos = s->pos;
    int v = gen_any(f, l0->index.x), i = gen_any(f, l0->index.index.at[0]);
    emit(f, OP_IDX_SWAP, v, i, gen_any(f, l1->index.index.at[0]));
    return true;
}

/* May the last value go to its variable before the others are stored? Not where one of them is the same
 * variable, nor where their stores may panic and a deferred function sees the result. */
static bool direct_last(Fg *f, Expr **lhs, const Loc *locs, uint32_t n)
{
    const Loc *last = &locs[n - 1];
    if (last->kind != LOC_SLOT || !direct_var(f, unparen(lhs[n - 1])) ||
        is_target(locs, n - 1, last->slot, last->ti->slots)) {
        return false;
    }
    for (uint32_t i = 0; i + 1 < n && f->has_defer; i++) {
        if (locs[i].kind != LOC_SLOT && locs[i].kind != LOC_BLANK) {
            return false;
        }
    }
    return true;
}

static void assign_tuple(Fg *f, Stmt *s)
{
    if (swap_elements(f, s)) {
        return;
    }
    uint32_t n = s->assign.lhs.n;
    Expr **lhs = s->assign.lhs.at, **rhs = s->assign.rhs.at;
    Loc *locs = MEM_NEW_N(Loc, n);
    int *slots = MEM_NEW_N(int, n);
    for (uint32_t i = 0; i < n; i++) {
        locs[i] = gen_loc(f, lhs[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (depends(&locs[i], locs, n)) {
            locs[i] = loc_own(f, locs[i]);
        }
    }
    bool last_direct = direct_last(f, lhs, locs, n);
    for (uint32_t i = 0; i < n; i++) {
        TInfo *to = locs[i].kind == LOC_BLANK ? NULL : locs[i].ti;
        if (!to && is_nil(rhs[i])) {
            continue;
        }
        to = to ? to : einfo(f, rhs[i]);
        if (i == n - 1 && last_direct) {
            gen_as_var(f, rhs[i], to, locs[i].slot);
            slots[i] = locs[i].slot;
            continue;
        }
        slots[i] = gen_any_as(f, rhs[i], to);
        if (is_target(locs, n, slots[i], to->slots)) {
            int t = slot_new(f, to);
            emit_move(f, t, slots[i], to->slots);
            slots[i] = t;
        }
    }
    f->pos = s->pos;
    for (uint32_t i = 0; i < n; i++) {
        if (locs[i].kind != LOC_BLANK && !(i == n - 1 && last_direct)) {
            loc_store(f, &locs[i], slots[i]);
        }
    }
}

static void assign_multi(Fg *f, Stmt *s)
{
    uint32_t n = s->assign.lhs.n;
    Loc *locs = MEM_NEW_N(Loc, n);
    int *slots = MEM_NEW_N(int, n + 1);
    TInfo **tis = MEM_NEW_N(TInfo *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        locs[i] = gen_loc(f, s->assign.lhs.at[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (depends(&locs[i], locs, n)) {
            locs[i] = loc_own(f, locs[i]);
        }
    }
    gen_multi_value(f, s->assign.rhs.at[0], slots, tis, n);
    f->pos = s->pos;
    for (uint32_t i = 0; i < n; i++) {
        if (locs[i].kind == LOC_BLANK) {
            continue;
        }
        int src = slots[i];
        if (locs[i].ti->iface && !tis[i]->iface) {
            src = slot_new(f, locs[i].ti);
            conv_iface(f, tis[i], locs[i].ti, slots[i], src);
        }
        loc_store(f, &locs[i], src);
    }
}

/* place += slot or, with v < 0, += k, in one instruction; false: the place has none. */
static bool add_to_place(Fg *f, const Loc *l, Token op, int v, int64_t k)
{
    bool flt = l->ti->under->kind == T_FLOAT64, imm = v < 0;
    if (l->ti->rep != REP_SCALAR || l->ti->mk != MEM_64 || l->ti->ptr ||
        (op != TOK_ADD && !(op == TOK_SUB && flt)) ||
        (!flt && !type_is_integer(l->ti->type)) || (imm && flt)) {
        return false;
    }
    if (l->kind == LOC_MEM && l->off <= 0xffff) {
        Op o = flt ? op == TOK_ADD ? OP_MEMADD_F64 : OP_MEMSUB_F64
                   : imm ? OP_MEMADDI_64 : OP_MEMADD_64;
        emit(f, o, l->slot, imm ? (int)k : v, (int)l->off);
        return true;
    }
    if (l->kind == LOC_INDEX && !flt) {
        f->unsigned_index = l->unsigned_index;
        emit(f, imm ? OP_IDXADDI_64 : OP_IDXADD_64, l->slot, l->idx, imm ? (int)k : v);
        return true;
    }
    return false;
}

/* Has add_to_place a form for it? Asked before the operand is evaluated. */
static bool adds_to_place(const Loc *l, Token op)
{
    bool flt = l->ti->under->kind == T_FLOAT64;
    return l->ti->rep == REP_SCALAR && l->ti->mk == MEM_64 && !l->ti->ptr &&
           (op == TOK_ADD || (op == TOK_SUB && flt)) && (flt || type_is_integer(l->ti->type)) &&
           ((l->kind == LOC_MEM && l->off <= 0xffff) || (l->kind == LOC_INDEX && !flt));
}

static void assign_op(Fg *f, Expr *lhs, Token op, Expr *rhs, Pos pos)
{
    Loc l = gen_loc(f, lhs);
    if (l.kind == LOC_SLOT) {
        gen_arith(f, op, l.ti, l.slot, l.slot, rhs, pos);
        return;
    }
    int64_t k;
    if (adds_to_place(&l, op)) {
        bool imm = const_small(f, unparen(rhs), INT16_MIN, INT16_MAX, &k) &&
                   l.ti->under->kind != T_FLOAT64;
        int v = imm ? -1 : gen_any_as(f, rhs, l.ti);
        f->pos = pos;
        add_to_place(f, &l, op, v, imm ? k : 0);
        return;
    }
    int t = slot_new(f, l.ti);
    f->pos = pos;
    loc_load(f, &l, t);
    gen_arith(f, op, l.ti, t, t, rhs, pos);
    f->pos = pos;
    loc_store(f, &l, t);
}

void gen_assign(Fg *f, Stmt *s)
{
    uint32_t mark = slot_mark(f);
    if (s->assign.op != TOK_ASSIGN) {
        assign_op(f, s->assign.lhs.at[0], s->assign.op, s->assign.rhs.at[0], s->pos);
    } else if (s->assign.lhs.n == 1) {
        assign_one(f, s->assign.lhs.at[0], s->assign.rhs.at[0], s->pos);
    } else if (s->assign.rhs.n == 1) {
        assign_multi(f, s);
    } else {
        assign_tuple(f, s);
    }
    slot_release(f, mark);
}

void gen_incdec(Fg *f, Stmt *s)
{
    uint32_t mark = slot_mark(f);
    Loc l = gen_loc(f, s->incdec.x);
    bool inc = s->incdec.op == TOK_INC;
    int t = l.slot;
    if (add_to_place(f, &l, TOK_ADD, -1, inc ? 1 : -1)) {
        slot_release(f, mark);
        return;
    }
    if (l.kind != LOC_SLOT) {
        t = slot_new(f, l.ti);
        loc_load(f, &l, t);
    }
    if (type_is_integer(l.ti->type)) {
        Op op = l.ti->mk == MEM_I32 ? OP_ADDI_I32 : l.ti->mk == MEM_U32 ? OP_ADDI_U32 : OP_ADDI;
        emit(f, op, t, t, inc ? 1 : -1);
        if (op == OP_ADDI) {
            norm_int(f, l.ti, t);
        }
    } else {
        int one = slot_new(f, l.ti);
        gen_const(f, const_i64(1), l.ti, one);
        gen_binary_op(f, inc ? TOK_ADD : TOK_SUB, l.ti, t, t, one);
    }
    if (l.kind != LOC_SLOT) {
        loc_store(f, &l, t);
    }
    slot_release(f, mark);
}
