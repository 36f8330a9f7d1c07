/* gen_range.c - range loops over integers, slices, arrays, strings, maps and channels.
 *
 * The operand is evaluated once into slots that the loop owns (a variable that is never assigned
 * serves as it is). A hidden counter drives the loop; where the script's own variable is neither
 * assigned nor captured by reference it is the counter.
 */
#include "lang/gen.h"

typedef struct Rng { Stmt *s; Expr *key, *value; Label top, brk, cont; Ctl ctl; } Rng;

static Expr *wanted(Expr *e) { return e && !is_blank(e) ? e : NULL; }

/* key or value of this round: a new variable or an assignment. */
static void bind(Fg *f, Rng *r, Expr *lhs, int src, TInfo *ti)
{
    if (lhs) {
        assign_from(f, lhs, r->s->range.define, src, ti);
    }
}

static void store_conv(Fg *f, const Loc *l, int src, TInfo *ti)
{
    if (l->kind == LOC_BLANK) {
        return;
    }
    if (l->ti->iface && !ti->iface) {
        int t = slot_new(f, l->ti);
        conv_iface(f, ti, l->ti, src, t);
        src = t;
    }
    loc_store(f, l, src);
}

/* Both variables of a round. Assigned (not defined) ones are an assignment with two operands: the
 * places come first. */
static void bind_both(Fg *f, Rng *r, int k, TInfo *kt, int v, TInfo *vt)
{
    if (r->s->range.define || !r->key || !r->value) {
        bind(f, r, r->key, k, kt);
        bind(f, r, r->value, v, vt);
        return;
    }
    uint32_t mark = slot_mark(f);
    Loc a = gen_loc(f, r->key), b = loc_own(f, gen_loc(f, r->value));
    store_conv(f, &a, k, kt);
    store_conv(f, &b, v, vt);
    slot_release(f, mark);
}

/* The counter may be the key variable itself. */
static bool key_is_counter(Fg *f, Rng *r, TInfo *ti)
{
    if (!r->key || !r->s->range.define) {
        return false;
    }
    Obj *o = r->key->name.obj;
    return !o->assigned && !var_boxed(f, o, ti);
}

static void begin_body(Fg *f, Rng *r, Stmt *labeled)
{
    r->ctl = (Ctl){.up = f->ctl, .stmt = r->s, .labeled = labeled, .brk = &r->brk, .cont = &r->cont};
    f->ctl = &r->ctl;
}

static void end_body(Fg *f, Rng *r)
{
    f->ctl = r->ctl.up;
    label_bind(f, &r->cont);
    f->pos = r->s->pos;
}

/* One slot or cell that nobody else changes during the loop. */
static int own_operand(Fg *f, Expr *x, TInfo *ti)
{
    Expr *n = unparen(x);
    int s = gen_any(f, x);
    if (n->kind == EX_NAME && n->name.obj && n->name.obj->kind == OBJ_VAR && n->name.obj->assigned &&
        !n->name.obj->is_global) {
        int t = slot_new(f, ti);
        emit_move(f, t, s, ti->slots);
        return t;
    }
    if (n->kind == EX_SELECTOR) {
        int t = slot_new(f, ti);
        emit_move(f, t, s, ti->slots);
        return t;
    }
    return s;
}

/* Counts from 0 to the limit in slot n; elem reads the value of a round. */
static void counted(Fg *f, Rng *r, Stmt *labeled, TInfo *kt, int n, Loc *elem)
{
    int i = slot_scalar(f);
    bool own = key_is_counter(f, r, kt);
    emit_int(f, i, 0);
    emit_cjump(f, OP_JLE_I64, n, i, &r->brk);
    label_bind(f, &r->top);
    uint32_t mark = slot_mark(f);
    if (own) {
        var_declare_at(f, r->key->name.obj, kt, i);
    } else if (!elem || !r->value || r->s->range.define) {
        bind(f, r, r->key, i, kt);
    }
    if (elem && r->value) {
        Loc l = *elem;
        if (l.kind == LOC_INDEX || l.kind == LOC_FIDX) {
            l.idx = i;
        } else { /* an array behind a pointer */
            int p = slot_ptr(f);
            emit_n(f, OP_IDXP_ADDR, p, l.slot, i, l.len << 32 | (uint32_t)l.ti->size);
            l = (Loc){.kind = LOC_MEM, .ti = l.ti, .slot = p, .nonnil = true};
        }
        Obj *o = r->s->range.define ? r->value->name.obj : NULL;
        if (o && tinfo(f->gen, ftype(f, o->type)) == l.ti && !var_boxed(f, o, l.ti)) {
            int v = slot_new(f, l.ti);
            loc_load(f, &l, v);
            var_declare_at(f, o, l.ti, v);
        } else {
            int v = loc_any(f, &l);
            if (r->s->range.define) {
                bind(f, r, r->value, v, l.ti);
            } else {
                bind_both(f, r, i, kt, v, l.ti);
            }
        }
    }
    begin_body(f, r, labeled);
    gen_block(f, r->s->range.body);
    end_body(f, r);
    slot_release(f, mark);
    if (f->code.n - (uint32_t)r->top.pc > 32000) {
        emit(f, OP_ADDI, i, i, 1);
        emit_cjump(f, OP_JLE_I64, n, i, &r->brk);
        emit_jmp(f, &r->top);
    } else {
        emit_cjump(f, OP_LOOP_INC_LT, i, n, &r->top);
    }
}

static void range_int(Fg *f, Rng *r, Stmt *labeled)
{
    Expr *x = r->s->range.x;
    TInfo *ti = r->key && r->s->range.define ? tinfo(f->gen, ftype(f, r->key->name.obj->type))
                                             : einfo(f, x);
    int n = slot_new(f, ti);
    gen_as(f, x, ti, n);
    counted(f, r, labeled, ti, n, NULL);
}

static void range_slice(Fg *f, Rng *r, Type *u, Stmt *labeled)
{
    TInfo *ti = einfo(f, r->s->range.x), *kt = tinfo(f->gen, type_basic[T_INT]);
    int s = own_operand(f, r->s->range.x, ti), n = slot_scalar(f);
    emit(f, OP_SLICE_LEN, n, s, 0);
    Loc l = {.kind = LOC_INDEX, .ti = tinfo(f->gen, u->slice.elem), .slot = s};
    counted(f, r, labeled, kt, n, &l);
}

static void range_array(Fg *f, Rng *r, Type *u, Stmt *labeled)
{
    Expr *x = r->s->range.x;
    TInfo *kt = tinfo(f->gen, type_basic[T_INT]), *ti = einfo(f, x);
    Type *arr = u->kind == T_POINTER ? type_under(u->pointer.elem) : u;
    Loc l = {.kind = LOC_MEM, .ti = tinfo(f->gen, arr->array.elem), .len = (uint64_t)arr->array.len};
    if (u->kind == T_POINTER) {
        l.slot = own_operand(f, x, ti);
    } else if (!r->value) {
        if (!expr_simple(x)) {
            gen_effect(f, x);
        }
    } else if (is_big(ti)) { /* a copy on the heap */
        Loc from = gen_place(f, x);
        l.slot = slot_ptr(f);
        emit_t(f, OP_NEW, l.slot, 0, 0, ti);
        emit_t(f, OP_COPY_T, l.slot, loc_addr(f, &from), 0, ti);
    } else {
        l.kind = LOC_FIDX;
        l.slot = slot_new(f, ti);
        gen_to(f, x, l.slot);
    }
    int n = slot_scalar(f);
    emit_int(f, n, arr->array.len);
    counted(f, r, labeled, kt, n, &l);
}

static void range_string(Fg *f, Rng *r, Stmt *labeled)
{
    TInfo *ti = einfo(f, r->s->range.x), *kt = tinfo(f->gen, type_basic[T_INT]);
    TInfo *vt = tinfo(f->gen, type_basic[T_INT32]);
    int s = own_operand(f, r->s->range.x, ti);
    int i = slot_scalar(f), rn = slot_raw(f, 2);
    emit_int(f, rn + 1, 0);
    Label test = LABEL_INIT;
    emit_jmp(f, &test);
    label_bind(f, &r->top);
    uint32_t mark = slot_mark(f);
    emit_move(f, i, rn + 1, 1);
    emit(f, OP_STR_NEXT, rn, s, i);
    bind_both(f, r, i, kt, rn, vt);
    begin_body(f, r, labeled);
    gen_block(f, r->s->range.body);
    end_body(f, r);
    slot_release(f, mark);
    label_bind(f, &test);
    emit_cjump(f, OP_JLT_I64, rn + 1, s + 1, &r->top);
}

static void range_map(Fg *f, Rng *r, Type *u, Stmt *labeled)
{
    TInfo *ti = einfo(f, r->s->range.x);
    TInfo *kt = tinfo(f->gen, u->map.key), *vt = tinfo(f->gen, u->map.elem);
    int it = slot_ptr(f);
    uint32_t m0 = slot_mark(f);
    emit_t(f, OP_MAP_ITER, it, gen_any(f, r->s->range.x), 0, ti);
    slot_release(f, m0);
    label_bind(f, &r->top);
    uint32_t mark = slot_mark(f);
    int k = r->key ? slot_new(f, kt) : 0xffff, v = r->value ? slot_new(f, vt) : 0xffff;
    emit_map_next(f, it, k, v, ti, &r->brk);
    bind_both(f, r, k, kt, v, vt);
    begin_body(f, r, labeled);
    gen_block(f, r->s->range.body);
    end_body(f, r);
    slot_release(f, mark);
    emit_jmp(f, &r->top);
}

static void range_chan(Fg *f, Rng *r, Type *u, Stmt *labeled)
{
    TInfo *ti = einfo(f, r->s->range.x), *vt = tinfo(f->gen, u->chan.elem);
    int ch = own_operand(f, r->s->range.x, ti);
    label_bind(f, &r->top);
    uint32_t mark = slot_mark(f);
    int v = slot_new(f, vt), ok = slot_scalar(f);
    emit_n(f, OP_RECV2, v, ch, ok, vt->slots);
    emit_cjump(f, OP_JF, ok, 0, &r->brk);
    bind(f, r, r->key, v, vt);
    begin_body(f, r, labeled);
    gen_block(f, r->s->range.body);
    end_body(f, r);
    slot_release(f, mark);
    emit_jmp(f, &r->top);
}

/* Loop variables as before Go 1.22. */
static void declare_shared(Fg *f, Rng *r)
{
    Expr *at[2] = {r->key, r->value};
    for (int i = 0; i < 2; i++) {
        if (at[i]) {
            LVar *v = var_declare(f, at[i]->name.obj, at[i]->name.obj->type);
            if (!v->boxed) {
                gen_zero(f, v->slot, v->ti);
            }
        }
    }
}

void gen_range(Fg *f, Stmt *s, Stmt *labeled)
{
    Rng r = {.s = s, .key = wanted(s->range.key), .value = wanted(s->range.value),
             .top = LABEL_INIT, .brk = LABEL_INIT, .cont = LABEL_INIT};
    Type *u = type_core_string(etype(f, s->range.x));
    u = u ? u : type_under(etype(f, s->range.x));
    uint32_t mark = slot_mark(f);
    bool shared = s->range.define && f->go_minor < 22 && u->kind != T_FUNC;
    if (shared) { /* one variable for all rounds, assigned */
        declare_shared(f, &r);
        s->range.define = false;
    }
    switch (u->kind) {
    case T_SLICE: range_slice(f, &r, u, labeled); break;
    case T_ARRAY: case T_POINTER: range_array(f, &r, u, labeled); break;
    case T_STRING: case T_UNTYPED_STRING: range_string(f, &r, labeled); break;
    case T_MAP: range_map(f, &r, u, labeled); break;
    case T_CHAN: range_chan(f, &r, u, labeled); break;
    case T_FUNC: gen_range_fn(f, s, u, labeled); break;
    default: range_int(f, &r, labeled); break;
    }
    s->range.define |= shared;
    label_bind(f, &r.brk);
    slot_release(f, mark);
}
