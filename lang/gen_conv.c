/* gen_conv.c - conversions: between numbers, strings and slices, to interfaces and out of them. */
#include "lang/gen.h"

/* Brings a wrapped 64-bit result back to the width of ti. */
void norm_int(Fg *f, TInfo *ti, int slot)
{
    static const Op ops[] = {[MEM_I8] = OP_SEXT8, [MEM_U8] = OP_ZEXT8, [MEM_I16] = OP_SEXT16,
                             [MEM_U16] = OP_ZEXT16, [MEM_I32] = OP_SEXT32, [MEM_U32] = OP_ZEXT32};
    if (ti->mk < MEM_64) {
        emit(f, ops[ti->mk], slot, slot, 0);
    }
}

static void int_to_int(Fg *f, TInfo *from, TInfo *to, int src, int dst)
{
    static const Op ops[] = {[MEM_I8] = OP_SEXT8, [MEM_U8] = OP_ZEXT8, [MEM_I16] = OP_SEXT16,
                             [MEM_U16] = OP_ZEXT16, [MEM_I32] = OP_SEXT32, [MEM_U32] = OP_ZEXT32};
    bool fits = to->size == 8 || (!from->is_signed && from->size < to->size) ||
                (from->is_signed == to->is_signed && from->size <= to->size);
    if (fits) {
        emit_move(f, dst, src, 1);
    } else {
        emit(f, ops[to->mk], dst, src, 0);
    }
}

static bool is_f32(const TInfo *ti) { return ti->under->kind == T_FLOAT32; }
static bool is_u64(const TInfo *ti) { return !ti->is_signed && ti->size == 8; }

static void number_to_number(Fg *f, TInfo *from, TInfo *to, int src, int dst)
{
    bool ff = type_is_float(from->type), tf = type_is_float(to->type);
    if (!ff && !tf) {
        int_to_int(f, from, to, src, dst);
    } else if (ff && tf) {
        if (is_f32(from) == is_f32(to)) {
            emit_move(f, dst, src, 1);
        } else {
            emit(f, is_f32(to) ? OP_F64_F32 : OP_F32_F64, dst, src, 0);
        }
    } else if (tf) {
        Op op = is_f32(to) ? is_u64(from) ? OP_U64_F32 : OP_I64_F32
                           : is_u64(from) ? OP_U64_F64 : OP_I64_F64;
        emit(f, op, dst, src, 0);
    } else {
        if (is_f32(from)) {
            emit(f, OP_F32_F64, dst, src, 0);
            src = dst;
        }
        emit(f, is_u64(to) ? OP_F64_U64 : OP_F64_I64, dst, src, 0);
        norm_int(f, to, dst);
    }
}

static void complex_to_complex(Fg *f, TInfo *from, TInfo *to, int src, int dst)
{
    if (from->size == to->size) {
        emit_move(f, dst, src, to->slots);
    } else {
        emit(f, to->size == 16 ? OP_C64_C128 : OP_C128_C64, dst, src, 0);
    }
}

static void to_string(Fg *f, TInfo *from, int src, int dst)
{
    if (from->under->kind == T_STRING) {
        emit_move(f, dst, src, 2);
    } else if (from->under->kind == T_SLICE) {
        bool bytes = type_under(from->under->slice.elem)->kind == T_UINT8;
        emit(f, bytes ? OP_BYTES_STR : OP_RUNES_STR, dst, src, 0);
    } else {
        emit(f, OP_RUNE_STR, dst, src, 0);
    }
}

static void to_array(Fg *f, TInfo *from, TInfo *to, int src, int dst)
{
    bool ptr = to->under->kind == T_POINTER;
    TInfo *arr = ptr ? tinfo(f->gen, to->under->pointer.elem) : to;
    int p = ptr ? dst : slot_ptr(f);
    emit_n(f, OP_SLICE_TO_ARR, p, src, 0, (uint64_t)arr->under->array.len);
    if (!ptr && arr->size) {
        Loc l = {.kind = LOC_MEM, .ti = arr, .slot = p, .nonnil = true};
        loc_load(f, &l, dst);
    }
}

/* dst = the interface `to` holding the value at src. */
void conv_iface(Fg *f, TInfo *from, TInfo *to, int src, int dst)
{
    if (from->iface) {
        emit_move(f, dst, src, 2);
        return;
    }
    tinfo_want_methods(f->gen, from);
    emit_t(f, from->rep == REP_SCALAR ? OP_MKIFACE_D : OP_MKIFACE, dst, src, 0, from);
}

/* An explicit or implicit conversion of a value in slots. */
void conv_value(Fg *f, TInfo *from, TInfo *to, int src, int dst)
{
    uint32_t mark = slot_mark(f);
    Type *a = from->under, *b = to->under;
    if (to->iface) {
        conv_iface(f, from, to, src, dst);
    } else if (type_is_string(to->type)) {
        to_string(f, from, src, dst);
    } else if (type_is_complex(to->type)) {
        complex_to_complex(f, from, to, src, dst);
    } else if (type_is_numeric(to->type) && type_is_numeric(from->type)) {
        number_to_number(f, from, to, src, dst);
    } else if (b->kind == T_SLICE && a->kind == T_STRING) {
        TInfo *e = tinfo(f->gen, b->slice.elem);
        emit_t(f, e->size == 1 ? OP_STR_BYTES : OP_STR_RUNES, dst, src, 0, e);
    } else if (a->kind == T_SLICE && (b->kind == T_ARRAY || b->kind == T_POINTER)) {
        to_array(f, from, to, src, dst);
    } else {
        emit_move(f, dst, src, to->slots);
    }
    slot_release(f, mark);
}

void gen_conversion(Fg *f, Expr *x, TInfo *to, int dst)
{
    uint32_t mark = slot_mark(f);
    TInfo *from = einfo(f, x);
    if (is_nil(x)) {
        emit_zero(f, dst, to->slots);
    } else if (x->cval && !to->iface && from->under->kind != T_STRING && type_is_numeric(to->type) &&
               const_kind(x->cval) != CK_STRING) {
        gen_const(f, x->cval, to, dst);
    } else if (from == to || (!to->iface && from->under->kind == to->under->kind &&
                              from->under->kind != T_COMPLEX64 && from->size == to->size)) {
        gen_to(f, x, dst);
    } else {
        conv_value(f, from, to, gen_any(f, x), dst);
    }
    slot_release(f, mark);
}

/* x.(T); commaok: the bool stands in the slot after the value. */
void gen_assert(Fg *f, Expr *e, TInfo *to, int dst, bool commaok)
{
    uint32_t mark = slot_mark(f);
    TInfo *from = einfo(f, e->assert_.x);
    int s = gen_any(f, e->assert_.x);
    if (!to->iface) {
        tinfo_want_methods(f->gen, to);
    }
    Op op = to->iface ? commaok ? OP_ASSERT_I2 : OP_ASSERT_I : commaok ? OP_ASSERT2 : OP_ASSERT;
    f->pos = e->pos;
    emit_t(f, op, dst, s, 0, to);
    if (!commaok) {
        emit_type(f, from);
    } else {
        huge_settle(f, dst, to);
    }
    slot_release(f, mark);
}
