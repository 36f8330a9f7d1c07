/* gen_loc.c - places: where a value stands, and how it is read, written and addressed.
 *
 * A Loc is the address expression evaluated as far as needed: a slot, bytes inside an aggregate in
 * the frame, memory behind a pointer at a constant offset, a slice element, an element of an array
 * in the frame, a package variable, a map entry. Field selection and constant indexing only add to
 * an offset, so s[i].f.g is one IDX_ADDR and one load, and p.f.g one load. Reading a place that is
 * a slot costs nothing: the slot itself is the operand.
 */
#include "lang/gen.h"

static bool whole_slots(const TInfo *ti) { return ti->rep == REP_CELL || ti->size % 8 == 0; }

Loc loc_slot(TInfo *ti, int slot) { return (Loc){.kind = LOC_SLOT, .ti = ti, .slot = slot}; }

Loc loc_deref(Fg *f, int ptr, TInfo *ti) { return (Loc){.kind = LOC_MEM, .ti = ti, .slot = ptr}; }

/* A huge value's slot points at it. */
static Loc huge_place(Loc l)
{
    if (l.kind == LOC_SLOT && is_huge(l.ti)) {
        return (Loc){.kind = LOC_MEM, .ti = l.ti, .slot = l.slot, .nonnil = true};
    }
    return l;
}

/* The part of type ti at byte off of base. */
Loc loc_at(Fg *f, Loc base, uint64_t off, TInfo *ti)
{
    base = huge_place(base);
    Loc l = base;
    switch (base.kind) {
    case LOC_SLOT: case LOC_FRAME:
        off += base.kind == LOC_FRAME ? base.off : 0;
        l.kind = LOC_FRAME;
        l.slot += (int)(off / 8);
        l.off = off % 8;
        if (l.off == 0 && whole_slots(ti)) {
            l.kind = LOC_SLOT;
        }
        break;
    case LOC_MEM: case LOC_GLOBAL: l.off += off; break;
    case LOC_MAP: case LOC_FIDX: {
        int s = slot_new(f, base.ti);
        loc_load(f, &base, s);
        return loc_at(f, loc_slot(base.ti, s), off, ti);
    }
    default: {
        int s = loc_addr(f, &base);
        l = (Loc){.kind = LOC_MEM, .slot = s, .off = off, .nonnil = true};
        break;
    }
    }
    l.ti = ti;
    return l;
}

Loc loc_field(Fg *f, Loc base, Type *strukt, uint32_t field)
{
    Type *u = type_under(strukt);
    return loc_at(f, base, (uint64_t)type_offsetof(u, field),
                  tinfo(f->gen, u->struct_.fields[field].type));
}

Loc loc_path(Fg *f, Loc base, Type *t, const uint32_t *path, uint32_t n, Type **end)
{
    for (uint32_t i = 0; i < n; i++) {
        Type *u = type_under(t);
        if (u->kind == T_POINTER) {
            t = u->pointer.elem;
            base = loc_deref(f, loc_any(f, &base), tinfo(f->gen, t));
            u = type_under(t);
        }
        base = loc_field(f, base, t, path[i]);
        t = u->struct_.fields[path[i]].type;
    }
    *end = t;
    return base;
}

/* ---- variables */

Loc var_loc(const LVar *v)
{
    if (v->boxed) {
        return (Loc){.kind = LOC_MEM, .ti = v->ti, .slot = v->slot, .nonnil = true};
    }
    return loc_slot(v->ti, v->slot);
}

LVar *var_of(Fg *f, Obj *o)
{
    ObjGen *og = obj_gen(o);
    return og->var && og->var->fg == f ? og->var : NULL;
}

static Loc name_loc(Fg *f, Obj *o, Type *t)
{
    if (o->is_global) {
        return (Loc){.kind = LOC_GLOBAL, .ti = tinfo(f->gen, ftype(f, o->type)), .var = o,
                     .nonnil = true};
    }
    LVar *v = var_of(f, o);
    if (!v) {
        gen_error(f, "internal: variable %s has no place", o->name);
        TInfo *ti = tinfo(f->gen, ftype(f, t));
        return loc_slot(ti, slot_new(f, ti));
    }
    return var_loc(v);
}

/* ---- elements */

static Loc index_array(Fg *f, Loc base, Type *arr, Expr *i)
{
    TInfo *elem = tinfo(f->gen, arr->array.elem);
    int64_t k;
    if (const_small(f, i, 0, INT64_MAX, &k)) {
        return loc_at(f, base, (uint64_t)k * elem->size, elem);
    }
    if (base.kind == LOC_FRAME && base.off == 0) {
        base = loc_slot(base.ti, base.slot);
    } else if (base.kind == LOC_FRAME || base.kind == LOC_MAP || base.kind == LOC_FIDX) {
        int s = slot_new(f, base.ti);
        loc_load(f, &base, s);
        base = loc_slot(base.ti, s);
    }
    base = huge_place(base);
    if (base.kind == LOC_SLOT) {
        int idx = gen_any(f, i);
        return (Loc){.kind = LOC_FIDX, .ti = elem, .slot = base.slot, .idx = idx,
                     .len = (uint64_t)arr->array.len, .unsigned_index = index_unsigned(f, i)};
    }
    int a = loc_addr(f, &base);
    int idx = gen_any(f, i), p = slot_ptr(f);
    emit_index_of(f, i);
    emit_n(f, OP_IDXP_ADDR, p, a, idx, (uint64_t)arr->array.len << 32 | (uint32_t)elem->size);
    return (Loc){.kind = LOC_MEM, .ti = elem, .slot = p, .nonnil = true};
}

static Loc index_loc(Fg *f, Expr *e)
{
    Expr *x = e->index.x, *i = e->index.index.at[0];
    Type *t = etype(f, x), *u = type_under(t);
    if (u->kind == T_MAP) {
        int m = gen_any(f, x);
        TInfo *key = tinfo(f->gen, u->map.key);
        int k = gen_any_as(f, i, key);
        return (Loc){.kind = LOC_MAP, .ti = tinfo(f->gen, u->map.elem), .slot = m, .idx = k,
                     .map = tinfo(f->gen, t)};
    }
    if (u->kind == T_SLICE) {
        int s = gen_any(f, x), k = gen_any(f, i);
        return (Loc){.kind = LOC_INDEX, .ti = tinfo(f->gen, u->slice.elem), .slot = s, .idx = k,
                     .unsigned_index = index_unsigned(f, i)};
    }
    if (u->kind == T_POINTER) {
        Type *arr = type_under(u->pointer.elem);
        Loc base = loc_deref(f, gen_any(f, x), tinfo(f->gen, u->pointer.elem));
        return index_array(f, base, arr, i);
    }
    return index_array(f, gen_place(f, x), u, i);
}

static Loc selector_loc(Fg *f, Expr *e)
{
    Selection *sel = e->selector.selection;
    if (!sel) {
        return name_loc(f, e->selector.sel->name.obj, e->type);
    }
    sel = resolve_selection(f, e);
    Type *t = etype(f, e->selector.x), *end;
    return loc_path(f, gen_place(f, e->selector.x), t, sel->path, sel->npath, &end);
}

Loc gen_loc(Fg *f, Expr *e)
{
    e = unparen(e);
    switch (e->kind) {
    case EX_NAME:
        if (is_blank(e)) {
            return (Loc){.kind = LOC_BLANK};
        }
        return name_loc(f, e->name.obj, e->type);
    case EX_STAR: return loc_deref(f, gen_any(f, e->star.x), einfo(f, e));
    case EX_INDEX: return index_loc(f, e);
    case EX_SELECTOR: return selector_loc(f, e);
    default: return gen_place(f, e);
    }
}

static bool is_place(Fg *f, Expr *e)
{
    if (e->mode == MODE_CONST && e->cval) {
        return false;
    }
    switch (e->kind) {
    case EX_NAME: return e->name.obj && e->name.obj->kind == OBJ_VAR;
    case EX_STAR: return true;
    case EX_SELECTOR:
        if (!e->selector.selection) {
            return e->selector.sel->name.obj && e->selector.sel->name.obj->kind == OBJ_VAR;
        }
        return e->selector.selection->kind == SEL_FIELD;
    case EX_INDEX: {
        if (e->index.x->mode == MODE_TYPE || !e->index.x->type || e->index.index.n != 1) {
            return false;
        }
        uint8_t k = type_under(etype(f, e->index.x))->kind;
        return k == T_MAP || k == T_SLICE || k == T_ARRAY || k == T_POINTER;
    }
    default: return false;
    }
}

Loc gen_place(Fg *f, Expr *e)
{
    e = unparen(e);
    if (is_place(f, e) && !e->commaok) {
        return gen_loc(f, e);
    }
    return loc_slot(einfo(f, e), gen_any(f, e));
}

/* Copies the aggregate at the place e to memory without passing through the frame, which it might
 * not fit; false: it is small, or no place. */
bool gen_big_copy(Fg *f, Expr *e, TInfo *ti, const Loc *dst)
{
    e = unparen(e);
    if (!is_big(ti) || e->commaok || !is_place(f, e) ||
        einfo(f, e) != ti || (dst->kind != LOC_MEM && dst->kind != LOC_GLOBAL &&
                              dst->kind != LOC_INDEX)) {
        return false;
    }
    Loc src = huge_place(gen_loc(f, e));
    int from = src.kind == LOC_MEM && src.off == 0 ? src.slot : loc_addr(f, &src);
    emit_t(f, OP_COPY_T, loc_addr(f, dst), from, 0, ti);
    return true;
}

/* ---- reading */

static void frame_copy(Fg *f, int dst, uint64_t doff, int src, uint64_t soff, TInfo *ti)
{
    uint64_t at = 0, n = ti->size;
    if (doff % 8 == 0 && soff % 8 == 0) {
        emit_move(f, dst + (int)(doff / 8), src + (int)(soff / 8), (uint32_t)(n / 8));
        at = n / 8 * 8;
    }
    uint32_t chunk = ti->align > 4 ? 4 : ti->align;
    Op get = chunk == 4 ? OP_FLD_U32 : chunk == 2 ? OP_FLD_U16 : OP_FLD_U8;
    Op set = chunk == 4 ? OP_FSET_32 : chunk == 2 ? OP_FSET_16 : OP_FSET_8;
    uint32_t mark = slot_mark(f);
    int tmp = at < n ? slot_scalar(f) : 0;
    for (; at < n; at += chunk) {
        emit(f, get, tmp, src + (int)((soff + at) / 8), (int)((soff + at) % 8));
        emit(f, set, dst + (int)((doff + at) / 8), tmp, (int)((doff + at) % 8));
    }
    slot_release(f, mark);
}

static void load_frame(Fg *f, const Loc *l, int dst)
{
    static const Op ops[] = {[MEM_I8] = OP_FLD_I8, [MEM_U8] = OP_FLD_U8, [MEM_I16] = OP_FLD_I16,
                             [MEM_U16] = OP_FLD_U16, [MEM_I32] = OP_FLD_I32,
                             [MEM_U32] = OP_FLD_U32};
    if (l->ti->rep == REP_SCALAR && l->ti->mk < MEM_64) {
        emit(f, ops[l->ti->mk], dst, l->slot, (int)l->off);
    } else {
        frame_copy(f, dst, 0, l->slot, l->off, l->ti);
    }
}

/* Offsets are 16 bits wide in loads and stores. */
static int near_ptr(Fg *f, const Loc *l, uint64_t *off)
{
    *off = l->off;
    if (l->off <= 0xffff) {
        return l->slot;
    }
    int p = slot_ptr(f);
    emit_n(f, OP_LEA, p, l->slot, 0, l->off);
    *off = 0;
    return p;
}

/* dst = a copy of the huge value at the address in slot p. */
static void load_huge(Fg *f, int p, TInfo *ti, int dst)
{
    int o = slot_ptr(f); /* dst may be p */
    emit_t(f, OP_NEW, o, 0, 0, ti);
    emit_t(f, OP_COPY_T, o, p, 0, ti);
    emit_move(f, dst, o, 1);
}

void huge_settle(Fg *f, int slot, TInfo *ti)
{
    if (is_huge(ti)) {
        Label ok = LABEL_INIT;
        emit_cjump(f, OP_JNEI, slot, 0, &ok);
        emit_t(f, OP_NEW, slot, 0, 0, ti);
        label_bind(f, &ok);
    }
}

void gen_zero(Fg *f, int dst, TInfo *ti)
{
    if (is_huge(ti)) {
        emit_t(f, OP_NEW, dst, 0, 0, ti);
    } else {
        emit_zero(f, dst, ti->slots);
    }
}

static void load_mem(Fg *f, const Loc *l, int dst)
{
    static const Op ops[] = {[MEM_I8] = OP_LOAD_I8, [MEM_U8] = OP_LOAD_U8, [MEM_I16] = OP_LOAD_I16,
                             [MEM_U16] = OP_LOAD_U16, [MEM_I32] = OP_LOAD_I32,
                             [MEM_U32] = OP_LOAD_U32, [MEM_64] = OP_LOAD_64,
                             [MEM_CELL] = OP_LOAD_CELL};
    uint64_t off;
    uint32_t mark = slot_mark(f);
    int p = near_ptr(f, l, &off);
    TInfo *ti = l->ti;
    if (is_huge(ti)) {
        load_huge(f, loc_addr(f, l), ti, dst);
    } else if (ti->rep != REP_AGG) {
        emit(f, ops[ti->mk], dst, p, (int)off);
    } else if (ti->size == 0) {
        if (!l->nonnil) {
            emit(f, OP_NILCHK, p, 0, 0);
        }
    } else if (ti->noptr) {
        emit_n(f, OP_LOAD_N, dst, p, (int)off, ti->size);
    } else {
        emit_t(f, OP_LOAD_T, dst, p, (int)off, ti);
    }
    slot_release(f, mark);
}

static void load_index(Fg *f, const Loc *l, int dst)
{
    static const Op ops[] = {[MEM_I8] = OP_IDX_I8, [MEM_U8] = OP_IDX_U8, [MEM_I16] = OP_IDX_I16,
                             [MEM_U16] = OP_IDX_U16, [MEM_I32] = OP_IDX_I32, [MEM_U32] = OP_IDX_U32,
                             [MEM_64] = OP_IDX_64, [MEM_CELL] = OP_IDX_CELL};
    if (is_huge(l->ti)) {
        load_huge(f, loc_addr(f, l), l->ti, dst);
        return;
    }
    f->unsigned_index = l->unsigned_index;
    if (l->ti->rep != REP_AGG) {
        emit(f, ops[l->ti->mk], dst, l->slot, l->idx);
    } else {
        emit_t(f, OP_IDX_T, dst, l->slot, l->idx, l->ti);
    }
}

static uint64_t fidx_ext(const Loc *l)
{
    return l->len << 32 | (l->ti->size & 0xffffff) << 8 | l->ti->mk;
}

static bool map_fast_key(TInfo *map, bool *str)
{
    Type *k = type_under(map->under->map.key);
    *str = k->kind == T_STRING;
    return k->kind == T_INT || k->kind == T_INT64 || k->kind == T_UINT || k->kind == T_UINT64 ||
           k->kind == T_UINTPTR || *str;
}

static bool map_fast(const Loc *l, bool *str)
{
    return map_fast_key(l->map, str) && l->ti->rep == REP_SCALAR && l->ti->mk == MEM_64;
}

static void load_map(Fg *f, const Loc *l, int dst)
{
    bool str;
    Op op = map_fast(l, &str) ? str ? OP_MAP_GET_STR : OP_MAP_GET_I64 : OP_MAP_GET;
    emit_t(f, op, dst, l->slot, l->idx, l->map);
    huge_settle(f, dst, l->ti);
}

void loc_load(Fg *f, const Loc *l, int dst)
{
    uint32_t mark = slot_mark(f);
    switch (l->kind) {
    case LOC_SLOT: emit_move(f, dst, l->slot, l->ti->slots); break;
    case LOC_FRAME: load_frame(f, l, dst); break;
    case LOC_MEM: load_mem(f, l, dst); break;
    case LOC_INDEX: load_index(f, l, dst); break;
    case LOC_FIDX:
        f->unsigned_index = l->unsigned_index;
        emit_n(f, OP_FIDX, dst, l->slot, l->idx, fidx_ext(l));
        break;
    case LOC_MAP: load_map(f, l, dst); break;
    case LOC_GLOBAL:
        if (l->ti->rep == REP_SCALAR && l->ti->mk == MEM_64) {
            emit_global(f, OP_GLOAD_64, dst, 0, l->var, l->off);
        } else if (l->ti->rep == REP_CELL) {
            emit_global(f, OP_GLOAD_CELL, dst, 0, l->var, l->off);
        } else {
            Loc m = {.kind = LOC_MEM, .ti = l->ti, .slot = loc_addr(f, l), .nonnil = true};
            load_mem(f, &m, dst);
        }
        break;
    default: break;
    }
    slot_release(f, mark);
}

int loc_any(Fg *f, const Loc *l)
{
    if (l->kind == LOC_SLOT || (l->kind == LOC_FRAME && l->off == 0 && l->ti->rep == REP_AGG)) {
        return l->slot;
    }
    int s = slot_new(f, l->ti);
    loc_load(f, l, s);
    return s;
}

/* ---- writing */

static void store_mem(Fg *f, const Loc *l, int src)
{
    uint64_t off;
    TInfo *ti = l->ti;
    if (is_huge(ti)) {
        emit_t(f, OP_COPY_T, loc_addr(f, l), src, 0, ti);
        return;
    }
    int p = near_ptr(f, l, &off);
    if (ti->rep == REP_SCALAR) {
        Op op = ti->ptr ? OP_STORE_PTR : ti->size == 8 ? OP_STORE_64 : ti->size == 4 ? OP_STORE_32
                : ti->size == 2 ? OP_STORE_16 : OP_STORE_8;
        emit(f, op, p, src, (int)off);
    } else if (ti->rep == REP_CELL) {
        emit(f, ti->iface ? OP_STORE_IFACE : OP_STORE_CELL, p, src, (int)off);
    } else if (ti->size == 0) {
        if (!l->nonnil) {
            emit(f, OP_NILCHK, p, 0, 0);
        }
    } else if (ti->noptr) {
        emit_n(f, OP_STORE_N, p, src, (int)off, ti->size);
    } else {
        emit_t(f, OP_STORE_T, p, src, (int)off, ti);
    }
}

static void store_index(Fg *f, const Loc *l, int src)
{
    TInfo *ti = l->ti;
    if (is_huge(ti)) {
        emit_t(f, OP_COPY_T, loc_addr(f, l), src, 0, ti);
        return;
    }
    f->unsigned_index = l->unsigned_index;
    if (ti->rep == REP_SCALAR) {
        Op op = ti->ptr ? OP_IDXS_PTR : ti->size == 8 ? OP_IDXS_64 : ti->size == 4 ? OP_IDXS_32
                : ti->size == 2 ? OP_IDXS_16 : OP_IDXS_8;
        emit(f, op, l->slot, l->idx, src);
    } else if (ti->rep == REP_CELL) {
        emit(f, ti->iface ? OP_IDXS_IFACE : OP_IDXS_CELL, l->slot, l->idx, src);
    } else {
        emit_t(f, OP_IDXS_T, l->slot, l->idx, src, ti);
    }
}

static void store_frame(Fg *f, const Loc *l, int src)
{
    if (l->ti->rep == REP_SCALAR && l->ti->size < 8) {
        Op op = l->ti->size == 4 ? OP_FSET_32 : l->ti->size == 2 ? OP_FSET_16 : OP_FSET_8;
        emit(f, op, l->slot, src, (int)l->off);
    } else {
        frame_copy(f, l->slot, l->off, src, 0, l->ti);
    }
}

void loc_store(Fg *f, const Loc *l, int src)
{
    uint32_t mark = slot_mark(f);
    bool str;
    switch (l->kind) {
    case LOC_SLOT: emit_move(f, l->slot, src, l->ti->slots); break;
    case LOC_FRAME: store_frame(f, l, src); break;
    case LOC_MEM: store_mem(f, l, src); break;
    case LOC_INDEX: store_index(f, l, src); break;
    case LOC_FIDX:
        f->unsigned_index = l->unsigned_index;
        emit_n(f, OP_FIDX_SET, l->slot, src, l->idx, fidx_ext(l));
        break;
    case LOC_MAP:
        emit_t(f, map_fast(l, &str) ? str ? OP_MAP_SET_STR : OP_MAP_SET_I64 : OP_MAP_SET, l->slot,
               l->idx, src, l->map);
        break;
    case LOC_GLOBAL:
        if (l->ti->rep == REP_SCALAR && l->ti->mk == MEM_64) {
            emit_global(f, l->ti->ptr ? OP_GSTORE_PTR : OP_GSTORE_64, 0, src, l->var, l->off);
        } else {
            Loc m = {.kind = LOC_MEM, .ti = l->ti, .slot = loc_addr(f, l), .nonnil = true};
            store_mem(f, &m, src);
        }
        break;
    default: break;
    }
    slot_release(f, mark);
}

void loc_zero(Fg *f, const Loc *l)
{
    uint32_t mark = slot_mark(f);
    if (l->kind == LOC_SLOT) {
        gen_zero(f, l->slot, l->ti);
    } else if (is_agg(l->ti) && (l->kind == LOC_MEM || l->kind == LOC_GLOBAL ||
                                         l->kind == LOC_INDEX)) {
        emit_t(f, OP_ZERO_T, loc_addr(f, l), 0, 0, l->ti);
    } else {
        int z = slot_new(f, l->ti);
        gen_zero(f, z, l->ti);
        loc_store(f, l, z);
    }
    slot_release(f, mark);
}

/* ---- addresses */

void loc_addr_to(Fg *f, const Loc *l, int dst)
{
    uint32_t mark = slot_mark(f);
    switch (l->kind) {
    case LOC_MEM:
        if (l->off) {
            emit_n(f, OP_LEA, dst, l->slot, 0, l->off);
        } else {
            if (!l->nonnil) {
                emit(f, OP_NILCHK, l->slot, 0, 0);
            }
            emit_move(f, dst, l->slot, 1);
        }
        break;
    case LOC_INDEX:
        f->unsigned_index = l->unsigned_index;
        emit_n(f, OP_IDX_ADDR, dst, l->slot, l->idx, l->ti->size);
        break;
    case LOC_GLOBAL: emit_global(f, OP_GADDR, dst, 0, l->var, l->off); break;
    default: { /* a value: its copy gets an address */
        int v = loc_any(f, l);
        emit_t(f, OP_NEW, dst, 0, 0, l->ti);
        Loc m = {.kind = LOC_MEM, .ti = l->ti, .slot = dst, .nonnil = true};
        store_mem(f, &m, v);
        break;
    }
    }
    slot_release(f, mark);
}

int loc_addr(Fg *f, const Loc *l)
{
    if (l->kind == LOC_MEM && l->off == 0) {
        return l->slot;
    }
    int s = slot_ptr(f);
    loc_addr_to(f, l, s);
    return s;
}

static int own_slot(Fg *f, int s, uint32_t n, bool ptr)
{
    int t = ptr ? slot_ptr(f) : slot_raw(f, 1);
    if (n > 1) {
        slot_raw(f, n - 1);
    }
    emit_move(f, t, s, n);
    return t;
}

/* Variables among the operands are copied, so that assignments between do not change the place. */
Loc loc_own(Fg *f, Loc l)
{
    switch (l.kind) {
    case LOC_MEM: l.slot = own_slot(f, l.slot, 1, true); break;
    case LOC_INDEX:
        l.slot = own_slot(f, l.slot, 2, true);
        l.idx = own_slot(f, l.idx, 1, false);
        break;
    case LOC_FIDX: l.idx = own_slot(f, l.idx, 1, false); break;
    case LOC_MAP: {
        TInfo *key = tinfo(f->gen, l.map->under->map.key);
        l.slot = own_slot(f, l.slot, 1, true);
        int k = slot_new(f, key);
        emit_move(f, k, l.idx, key->slots);
        l.idx = k;
        break;
    }
    default: break;
    }
    return l;
}
