/* gen_builtin.c - calls of the predeclared functions and those of unsafe. dst -1: for effect. */
#include "lang/gen.h"

static Expr *arg(Expr *e, uint32_t i) { return e->call.args.at[i]; }

static Type *core_of(Fg *f, Expr *e)
{
    Type *t = etype(f, e);
    Type *c = type_core_string(t);
    return c ? c : type_under(t);
}

static void gen_len(Fg *f, Expr *e, bool cap, int dst)
{
    Expr *x = arg(e, 0);
    Type *u = core_of(f, x);
    if (u->kind == T_POINTER || u->kind == T_ARRAY) {
        Type *a = u->kind == T_POINTER ? type_under(u->pointer.elem) : u;
        gen_effect(f, x);
        emit_int(f, dst, a->array.len);
        return;
    }
    int s = gen_any(f, x);
    switch (u->kind) {
    case T_STRING: emit_move(f, dst, s + 1, 1); break;
    case T_SLICE: emit(f, cap ? OP_SLICE_CAP : OP_SLICE_LEN, dst, s, 0); break;
    case T_MAP: emit(f, OP_MAP_LEN, dst, s, 0); break;
    default: emit(f, cap ? OP_CHAN_CAP : OP_CHAN_LEN, dst, s, 0); break;
    }
}

static void gen_append(Fg *f, Expr *e, int dst)
{
    Expr *s = arg(e, 0);
    Type *u = core_of(f, e);
    TInfo *st = einfo(f, e), *elem = tinfo(f->gen, u->slice.elem);
    int base = gen_any_as(f, s, st);
    uint32_t n = e->call.args.n - 1;
    if (e->call.dots) {
        bool str = core_of(f, arg(e, 1))->kind == T_STRING;
        int x = is_nil(arg(e, 1)) ? gen_any_as(f, arg(e, 1), st) : gen_any(f, arg(e, 1));
        f->pos = e->pos;
        emit_t(f, str ? OP_APPEND_STR : OP_APPEND_SLICE, dst, base, x, elem);
        return;
    }
    if (n == 0) {
        emit_move(f, dst, base, 2);
        return;
    }
    if (n == 1 && elem->rep == REP_SCALAR && !elem->ptr && (elem->size == 8 || elem->size == 1)) {
        int x = gen_any_as(f, arg(e, 1), elem);
        f->pos = e->pos;
        emit_t(f, elem->size == 8 ? OP_APPEND_64 : OP_APPEND_8, dst, base, x, elem);
        return;
    }
    int at = (int)slot_mark(f);
    for (uint32_t i = 1; i <= n; i++) {
        gen_as(f, arg(e, i), elem, slot_new(f, elem));
    }
    f->pos = e->pos;
    emit_t(f, OP_APPEND, dst, base, at, elem);
    emit_word(f, n);
}

static void gen_make(Fg *f, Expr *e, int dst)
{
    TInfo *ti = einfo(f, e);
    Type *u = core_of(f, e);
    uint32_t n = e->call.args.n;
    int a;
    if (n > 1) {
        a = gen_any(f, arg(e, 1));
    } else {
        a = slot_scalar(f);
        emit_int(f, a, 0);
    }
    if (u->kind == T_SLICE) {
        int c = n > 2 ? gen_any(f, arg(e, 2)) : a;
        f->pos = e->pos;
        emit_t(f, OP_MAKE_SLICE, dst, a, c, tinfo(f->gen, u->slice.elem));
    } else {
        f->pos = e->pos;
        emit_t(f, u->kind == T_MAP ? OP_MAP_NEW : OP_CHAN_NEW, dst, a, 0, ti);
    }
}

static void minmax_step(Fg *f, TInfo *ti, bool max, int dst, int a, int b)
{
    uint32_t mark = slot_mark(f);
    if (ti->under->kind == T_STRING) {
        Label keep = LABEL_INIT;
        int t = slot_scalar(f);
        if (max) {
            emit(f, OP_LT_STR, t, a, b);
        } else {
            emit(f, OP_LT_STR, t, b, a);
        }
        emit_move(f, dst, a, 2);
        emit_cjump(f, OP_JF, t, 0, &keep);
        emit_move(f, dst, b, 2);
        label_bind(f, &keep);
    } else if (ti->under->kind == T_FLOAT32) {
        int x = slot_scalar(f), y = slot_scalar(f);
        emit(f, OP_F32_F64, x, a, 0);
        emit(f, OP_F32_F64, y, b, 0);
        emit(f, max ? OP_MAX_F64 : OP_MIN_F64, x, x, y);
        emit(f, OP_F64_F32, dst, x, 0);
    } else {
        Op op = type_is_float(ti->type) ? max ? OP_MAX_F64 : OP_MIN_F64
                : ti->is_signed ? max ? OP_MAX_I64 : OP_MIN_I64 : max ? OP_MAX_U64 : OP_MIN_U64;
        emit(f, op, dst, a, b);
    }
    slot_release(f, mark);
}

static void gen_minmax(Fg *f, Expr *e, bool max, int dst)
{
    TInfo *ti = einfo(f, e);
    int acc = slot_new(f, ti);
    gen_as(f, arg(e, 0), ti, acc);
    for (uint32_t i = 1; i < e->call.args.n; i++) {
        uint32_t mark = slot_mark(f);
        minmax_step(f, ti, max, acc, acc, gen_any_as(f, arg(e, i), ti));
        slot_release(f, mark);
    }
    emit_move(f, dst, acc, ti->slots);
}

static PrintKind print_kind(TInfo *ti)
{
    switch (ti->under->kind) {
    case T_BOOL: return PRINT_BOOL;
    case T_FLOAT32: case T_FLOAT64: return PRINT_FLOAT;
    case T_COMPLEX64: case T_COMPLEX128: return PRINT_COMPLEX;
    case T_STRING: return PRINT_STRING;
    case T_SLICE: return PRINT_SLICE;
    case T_INTERFACE: return PRINT_IFACE;
    default: break;
    }
    if (ti->ptr) {
        return PRINT_POINTER;
    }
    return ti->is_signed ? PRINT_INT : PRINT_UINT;
}

static void gen_print(Fg *f, Expr *e, bool line)
{
    uint32_t n = e->call.args.n;
    int at = (int)slot_mark(f);
    for (uint32_t i = 0; i < n; i++) {
        gen_as(f, arg(e, i), einfo(f, arg(e, i)), slot_new(f, einfo(f, arg(e, i))));
    }
    for (uint32_t i = 0; i < n; i++) {
        TInfo *ti = einfo(f, arg(e, i));
        uint32_t mark = slot_mark(f);
        if (i && line) {
            emit(f, OP_PRINT, 0, 0, PRINT_SPACE);
        }
        int s = at;
        if (ti->under->kind == T_FLOAT32) {
            s = slot_scalar(f);
            emit(f, OP_F32_F64, s, at, 0);
        } else if (ti->under->kind == T_COMPLEX64) {
            s = slot_raw(f, 2);
            emit(f, OP_C64_C128, s, at, 0);
        }
        emit(f, OP_PRINT, s, 0, (int)print_kind(ti));
        at += (int)ti->slots;
        slot_release(f, mark);
    }
    if (line) {
        emit(f, OP_PRINT, 0, 0, PRINT_NL);
    }
}

static void gen_copy(Fg *f, Expr *e, int dst)
{
    int a = gen_any(f, arg(e, 0)), b = gen_any(f, arg(e, 1));
    f->pos = e->pos;
    if (core_of(f, arg(e, 1))->kind == T_STRING) {
        emit(f, OP_COPY_STR, dst, a, b);
    } else {
        emit_t(f, OP_COPY, dst, a, b, tinfo(f->gen, core_of(f, arg(e, 0))->slice.elem));
    }
}

static void gen_complex(Fg *f, Expr *e, int dst)
{
    TInfo *ti = einfo(f, e);
    bool small = ti->size == 8;
    TInfo *part = tinfo(f->gen, type_basic[small ? T_FLOAT32 : T_FLOAT64]);
    int z = slot_raw(f, 2);
    for (int i = 0; i < 2; i++) {
        gen_as(f, arg(e, (uint32_t)i), part, z + i);
        if (small) {
            emit(f, OP_F32_F64, z + i, z + i, 0);
        }
    }
    if (small) {
        emit(f, OP_C128_C64, dst, z, 0);
    } else {
        emit_move(f, dst, z, 2);
    }
}

static void gen_part(Fg *f, Expr *e, int which, int dst)
{
    TInfo *ti = einfo(f, arg(e, 0));
    int z = gen_any(f, arg(e, 0));
    if (ti->size == 8) {
        int w = slot_raw(f, 2);
        emit(f, OP_C64_C128, w, z, 0);
        emit(f, OP_F64_F32, dst, w + which, 0);
    } else {
        emit_move(f, dst, z + which, 1);
    }
}

static void gen_unsafe(Fg *f, Expr *e, int dst)
{
    TInfo *ti = einfo(f, e);
    switch (e->call.builtin) {
    case BI_UNSAFE_ADD: {
        int p = gen_any(f, arg(e, 0)), n = gen_any(f, arg(e, 1));
        emit(f, OP_ADD, dst, p, n);
        break;
    }
    case BI_UNSAFE_STRING: case BI_UNSAFE_SLICE: {
        int p = gen_any(f, arg(e, 0)), n = gen_any(f, arg(e, 1));
        bool string = e->call.builtin == BI_UNSAFE_STRING;
        emit_n(f, OP_UNSAFE_CUT, dst, p, n,
               string ? 1 : tinfo(f->gen, ti->under->slice.elem)->size << 1);
        break;
    }
    case BI_UNSAFE_STRINGDATA: case BI_UNSAFE_SLICEDATA:
        emit_move(f, dst, gen_any(f, arg(e, 0)), 1);
        break;
    case BI_UNSAFE_SIZEOF: emit_int(f, dst, (int64_t)einfo(f, arg(e, 0))->size); break;
    case BI_UNSAFE_ALIGNOF: emit_int(f, dst, (int64_t)einfo(f, arg(e, 0))->align); break;
    default: { /* Offsetof in a generic body */
        Expr *x = unparen(arg(e, 0));
        Selection *s = x->kind == EX_SELECTOR ? resolve_selection(f, x) : NULL;
        int64_t off = 0;
        if (s) {
            Type *t = type_under(etype(f, x->selector.x));
            t = t->kind == T_POINTER ? type_under(t->pointer.elem) : t;
            for (uint32_t i = 0; i < s->npath && t->kind == T_STRUCT; i++) {
                off += type_offsetof(t, s->path[i]);
                t = type_under(t->struct_.fields[s->path[i]].type);
            }
        }
        emit_int(f, dst, off);
        break;
    }
    }
}

static void gen_clear(Fg *f, Expr *e)
{
    Type *u = core_of(f, arg(e, 0));
    int x = gen_any(f, arg(e, 0));
    if (u->kind == T_MAP) {
        emit_t(f, OP_MAP_CLEAR, x, 0, 0, einfo(f, arg(e, 0)));
    } else {
        emit_t(f, OP_CLEAR_SLICE, x, 0, 0, tinfo(f->gen, u->slice.elem));
    }
}

static void gen_delete(Fg *f, Expr *e)
{
    TInfo *m = einfo(f, arg(e, 0));
    int x = gen_any(f, arg(e, 0));
    int k = gen_any_as(f, arg(e, 1), tinfo(f->gen, core_of(f, arg(e, 0))->map.key));
    f->pos = e->pos;
    emit_t(f, OP_MAP_DEL, x, k, 0, m);
}

static void gen_panic(Fg *f, Expr *e)
{
    int s = gen_any_as(f, arg(e, 0), tinfo(f->gen, type_empty_iface));
    f->pos = e->pos;
    emit(f, OP_PANIC, s, 0, 0);
}

static void gen_value_builtin(Fg *f, Expr *e, int dst)
{
    switch (e->call.builtin) {
    case BI_APPEND: gen_append(f, e, dst); break;
    case BI_LEN: gen_len(f, e, false, dst); break;
    case BI_CAP: gen_len(f, e, true, dst); break;
    case BI_COMPLEX: gen_complex(f, e, dst); break;
    case BI_COPY: gen_copy(f, e, dst); break;
    case BI_REAL: gen_part(f, e, 0, dst); break;
    case BI_IMAG: gen_part(f, e, 1, dst); break;
    case BI_MAKE: gen_make(f, e, dst); break;
    case BI_MAX: gen_minmax(f, e, true, dst); break;
    case BI_MIN: gen_minmax(f, e, false, dst); break;
    case BI_NEW: emit_t(f, OP_NEW, dst, 0, 0, tinfo(f->gen, type_under(etype(f, e))->pointer.elem)); break;
    case BI_RECOVER: emit(f, OP_RECOVER, dst, e->call.deferred, 0); break;
    default: gen_unsafe(f, e, dst); break;
    }
}

/* builtin(f()) with several results: they become variables, and those the arguments. */
static Expr *spread_args(Fg *f, Expr *e)
{
    Expr *x = unparen(arg(e, 0));
    Type *t = ftype(f, x->type);
    uint32_t n = t->tuple.n;
    int *slots = MEM_NEW_N(int, n);
    TInfo **tis = MEM_NEW_N(TInfo *, n);
    gen_multi_value(f, x, slots, tis, n);
    Expr *r = MEM_NEW(Expr);
    *r = *e;
    r->call.args.at = NULL;
    r->call.args.n = r->call.args.cap = 0;
    for (uint32_t i = 0; i < n; i++) {
        Obj *o = syn_var(name_of("r"), tis[i]->type);
        var_declare_at(f, o, tis[i], slots[i]);
        VEC_PUSH(r->call.args, syn_name(o, x->pos));
    }
    return r;
}

void gen_builtin(Fg *f, Expr *e, int dst)
{
    uint32_t mark = slot_mark(f);
    if (e->call.args.n == 1 && arg(e, 0)->type && arg(e, 0)->type->kind == T_TUPLE &&
        !arg(e, 0)->commaok && arg(e, 0)->mode != MODE_TYPE) {
        e = spread_args(f, e);
    }
    f->pos = e->pos;
    switch (e->call.builtin) {
    case BI_PRINT: gen_print(f, e, false); break;
    case BI_PRINTLN: gen_print(f, e, true); break;
    case BI_PANIC: gen_panic(f, e); break;
    case BI_CLOSE:
        emit(f, OP_CLOSE, gen_any(f, arg(e, 0)), 0, 0);
        break;
    case BI_CLEAR: gen_clear(f, e); break;
    case BI_DELETE: gen_delete(f, e); break;
    default:
        gen_value_builtin(f, e, dst >= 0 ? dst : slot_new(f, einfo(f, e)));
        break;
    }
    slot_release(f, mark);
}
