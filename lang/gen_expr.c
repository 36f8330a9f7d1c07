/* gen_expr.c - expressions to slots.
 *
 * gen_any returns the slot where a value stands: a variable's own slot, a call's result in its
 * window, or a new temporary. gen_to evaluates into given slots, which it writes only when all
 * operands have been read (composite literals excepted: gen_as_var knows). gen_as adds the implicit
 * conversion to an interface. Constants were folded by the checker.
 */
#include "lang/gen.h"

Type *ftype(Fg *f, Type *t) { return f->subst ? types_subst(t, f->subst) : t; }

Type *etype(Fg *f, const Expr *e)
{
    Type *t = e->type ? e->type : type_basic[T_INVALID];
    if (e->commaok && t->kind == T_TUPLE) {
        t = t->tuple.at[0];
    }
    return ftype(f, t);
}

TInfo *einfo(Fg *f, const Expr *e) { return tinfo(f->gen, etype(f, e)); }

Expr *unparen(Expr *e)
{
    while (e->kind == EX_PAREN) {
        e = e->paren.x;
    }
    return e;
}

bool is_nil(const Expr *e)
{
    while (e->kind == EX_PAREN) {
        e = e->paren.x;
    }
    return e->mode == MODE_NIL || (e->type && e->type->kind == T_UNTYPED_NIL) ||
           (e->kind == EX_NAME && e->name.obj && e->name.obj->kind == OBJ_NIL);
}

bool is_blank(const Expr *e) { return e->kind == EX_NAME && strcmp(e->name.name, "_") == 0; }

static bool is_const(const Expr *e) { return e->mode == MODE_CONST && e->cval; }

/* ---- constants */

static TInfo *const_default(Fg *f, const Const *c)
{
    static const uint8_t kinds[] = {[CK_UNKNOWN] = T_INT, [CK_BOOL] = T_BOOL,
                                    [CK_STRING] = T_STRING, [CK_INT] = T_INT,
                                    [CK_FLOAT] = T_FLOAT64, [CK_COMPLEX] = T_COMPLEX128};
    return tinfo(f->gen, type_basic[kinds[const_kind(c)]]);
}

int64_t float_bits(const Const *c, bool f32)
{
    Const *r = const_to_float(c);
    c = r ? r : c;
    Slot s = {.i = 0};
    if (f32) {
        s.f32 = const_as_f32(c);
    } else {
        s.f = const_as_f64(c);
    }
    return s.i;
}

static void const_complex_to(Fg *f, const Const *c, TInfo *ti, int dst)
{
    Const *z = const_to_complex(c);
    Const *re = const_real(z ? z : c), *im = const_imag(z ? z : c);
    if (ti->size == 8) {
        uint64_t lo = (uint64_t)float_bits(re, true), hi = (uint64_t)float_bits(im, true);
        emit_int(f, dst, (int64_t)(lo | hi << 32));
    } else {
        emit_int(f, dst, float_bits(re, false));
        emit_int(f, dst + 1, float_bits(im, false));
    }
}

int64_t const_int(const Const *c)
{
    Const *k = const_to_int(c);
    int64_t v = 0;
    uint64_t u = 0;
    if (k && !const_as_i64(k, &v) && const_as_u64(k, &u)) {
        v = (int64_t)u;
    }
    return v;
}

void gen_const(Fg *f, const Const *c, TInfo *ti, int dst)
{
    uint32_t mark = slot_mark(f);
    if (ti->iface) {
        TInfo *d = const_default(f, c);
        int s = slot_new(f, d);
        gen_const(f, c, d, s);
        conv_iface(f, d, ti, s, dst);
    } else if (ti->under->kind == T_STRING) {
        size_t n;
        const char *s = const_as_string(c, &n);
        emit(f, OP_LSTR, dst, 0, 0);
        emit_blob(f, ub_name(f->gen->ub, s, n), 4);
        emit_word(f, n);
    } else if (const_kind(c) == CK_BOOL) {
        emit_int(f, dst, const_as_bool(c));
    } else if (type_is_float(ti->type)) {
        emit_int(f, dst, float_bits(c, ti->size == 4));
    } else if (type_is_complex(ti->type)) {
        const_complex_to(f, c, ti, dst);
    } else {
        emit_int(f, dst, const_int(c));
    }
    slot_release(f, mark);
}

/* Is e an integer constant in [lo, hi]? */
bool const_small(Fg *f, const Expr *e, int64_t lo, int64_t hi, int64_t *out)
{
    if (!is_const(e) || const_kind(e->cval) == CK_STRING || !e->type) {
        return false;
    }
    if (const_kind(e->cval) == CK_BOOL) {
        *out = const_as_bool(e->cval);
        return *out >= lo && *out <= hi;
    }
    if (!type_is_integer(etype(f, e))) {
        return false;
    }
    Const *k = const_to_int(e->cval);
    return k && const_as_i64(k, out) && *out >= lo && *out <= hi;
}

/* ---- arithmetic */

static void narrow_arith(Fg *f, Token op, TInfo *ti, int dst, int x, int y)
{
    bool i32 = ti->mk == MEM_I32, u32 = ti->mk == MEM_U32;
    if (i32 || u32) {
        Op o = op == TOK_ADD ? i32 ? OP_ADD_I32 : OP_ADD_U32
               : op == TOK_SUB ? i32 ? OP_SUB_I32 : OP_SUB_U32 : i32 ? OP_MUL_I32 : OP_MUL_U32;
        emit(f, o, dst, x, y);
        return;
    }
    emit(f, op == TOK_ADD ? OP_ADD : op == TOK_SUB ? OP_SUB : OP_MUL, dst, x, y);
    norm_int(f, ti, dst);
}

static void int_op(Fg *f, Token op, TInfo *ti, int dst, int x, int y)
{
    bool s = ti->is_signed;
    switch (op) {
    case TOK_ADD: case TOK_SUB: case TOK_MUL: narrow_arith(f, op, ti, dst, x, y); break;
    case TOK_QUO:
        emit(f, s ? OP_DIV_I64 : OP_DIV_U64, dst, x, y);
        if (s) {
            norm_int(f, ti, dst);
        }
        break;
    case TOK_REM: emit(f, s ? OP_REM_I64 : OP_REM_U64, dst, x, y); break;
    case TOK_AND: emit(f, OP_AND, dst, x, y); break;
    case TOK_OR: emit(f, OP_OR, dst, x, y); break;
    case TOK_XOR: emit(f, OP_XOR, dst, x, y); break;
    case TOK_AND_NOT: emit(f, OP_ANDN, dst, x, y); break;
    default: break;
    }
}

static void float_op(Fg *f, Token op, bool f32, int dst, int x, int y)
{
    Op o = op == TOK_ADD ? f32 ? OP_ADD_F32 : OP_ADD_F64
           : op == TOK_SUB ? f32 ? OP_SUB_F32 : OP_SUB_F64
           : op == TOK_MUL ? f32 ? OP_MUL_F32 : OP_MUL_F64 : f32 ? OP_DIV_F32 : OP_DIV_F64;
    emit(f, o, dst, x, y);
}

static void complex_op(Fg *f, Token op, TInfo *ti, int dst, int x, int y)
{
    Op o = op == TOK_ADD ? OP_ADD_C128 : op == TOK_SUB ? OP_SUB_C128 : op == TOK_MUL ? OP_MUL_C128
                                                                                     : OP_DIV_C128;
    if (ti->size == 16) {
        emit(f, o, dst, x, y);
        return;
    }
    uint32_t mark = slot_mark(f);
    int a = slot_raw(f, 2), b = slot_raw(f, 2);
    emit(f, OP_C64_C128, a, x, 0);
    emit(f, OP_C64_C128, b, y, 0);
    emit(f, o, a, a, b);
    emit(f, OP_C128_C64, dst, a, 0);
    slot_release(f, mark);
}

void gen_binary_op(Fg *f, Token op, TInfo *ti, int dst, int x, int y)
{
    if (type_is_float(ti->type)) {
        float_op(f, op, ti->size == 4, dst, x, y);
    } else if (type_is_complex(ti->type)) {
        complex_op(f, op, ti, dst, x, y);
    } else if (ti->under->kind == T_STRING) {
        uint32_t mark = slot_mark(f);
        int a = slot_new(f, ti), b = slot_new(f, ti);
        emit_move(f, a, x, 2);
        emit_move(f, b, y, 2);
        emit(f, OP_CONCAT, dst, a, 2);
        slot_release(f, mark);
    } else {
        int_op(f, op, ti, dst, x, y);
    }
}

static int log2_of(int64_t k)
{
    return k > 0 && (k & (k - 1)) == 0 ? __builtin_ctzll((uint64_t)k) : -1;
}

/* Forms with an immediate operand; false: there is none. */
static bool int_imm(Fg *f, Token op, TInfo *ti, int dst, int x, int64_t k)
{
    bool wide = ti->mk == MEM_64, fits = k >= INT16_MIN && k <= INT16_MAX;
    switch (op) {
    case TOK_SUB:
        k = -k;
        fits = k >= INT16_MIN && k <= INT16_MAX; /* fall through */
    case TOK_ADD:
        if (fits && (wide || ti->mk == MEM_I32 || ti->mk == MEM_U32)) {
            emit(f, wide ? OP_ADDI : ti->mk == MEM_I32 ? OP_ADDI_I32 : OP_ADDI_U32, dst, x, (int)k);
        } else if (fits) {
            emit(f, OP_ADDI, dst, x, (int)k);
            norm_int(f, ti, dst);
        }
        return fits;
    case TOK_MUL:
        if (fits) {
            emit(f, OP_MULI, dst, x, (int)k);
            norm_int(f, ti, dst);
        }
        return fits;
    case TOK_QUO:
        if (!ti->is_signed) {
            if (log2_of(k) < 0) {
                return false;
            }
            emit(f, OP_SHRI_U64, dst, x, log2_of(k));
            return true;
        }
        if (log2_of(k) > 0) {
            emit(f, OP_DIVP2, dst, x, log2_of(k));
            return true;
        }
        if (fits && k != 0 && k != -1) {
            emit(f, OP_DIVI_I64, dst, x, (int)k);
            return true;
        }
        return false;
    case TOK_REM:
        if (!ti->is_signed) {
            if (log2_of(k) < 0 || k > 0x8000) {
                return false;
            }
            emit(f, OP_ANDI, dst, x, (int)(k - 1));
            return true;
        }
        if (fits && k != 0 && k != -1) {
            emit(f, OP_REMI_I64, dst, x, (int)k);
            return true;
        }
        return false;
    case TOK_AND: case TOK_OR: case TOK_XOR:
        if (!fits || (k < 0 && !ti->is_signed)) {
            return false;
        }
        emit(f, op == TOK_AND ? OP_ANDI : op == TOK_OR ? OP_ORI : OP_XORI, dst, x, (int)k);
        return true;
    case TOK_AND_NOT:
        if (k < 0 || k > INT16_MAX) {
            return false;
        }
        emit(f, OP_ANDI, dst, x, (int)~k);
        return true;
    default: return false;
    }
}

static void gen_shift(Fg *f, Token op, TInfo *ti, int dst, int x, Expr *y)
{
    int64_t k;
    bool left = op == TOK_SHL;
    Expr *yy = unparen(y);
    if (is_const(yy)) {
        Const *c = const_to_int(yy->cval);
        if (!c || !const_as_i64(c, &k) || k > 63) {
            k = 64;
        }
        if (k == 64 && (left || !ti->is_signed)) {
            emit_int(f, dst, 0);
        } else if (left && ti->mk == MEM_U32 && k < 32) {
            emit(f, OP_SHLI_U32, dst, x, (int)k);
        } else if (left) {
            emit(f, OP_SHLI, dst, x, (int)k);
            norm_int(f, ti, dst);
        } else {
            emit(f, ti->is_signed ? OP_SHRI_I64 : OP_SHRI_U64, dst, x, (int)(k > 63 ? 63 : k));
        }
        return;
    }
    int n = gen_any(f, y);
    if (einfo(f, y)->is_signed) {
        emit(f, OP_CHKSHIFT, n, 0, 0);
    }
    if (left && ti->mk == MEM_U32) {
        emit(f, OP_SHL_U32, dst, x, n);
    } else if (left) {
        emit(f, OP_SHL, dst, x, n);
        norm_int(f, ti, dst);
    } else {
        emit(f, ti->is_signed ? OP_SHR_I64 : OP_SHR_U64, dst, x, n);
    }
}

/* ---- fused arithmetic */

/* b * c whose factors stand in slots, not a constant, in a type that has MADD. */
static bool is_product(Fg *f, Token op, TInfo *ti, Expr *e)
{
    int64_t k;
    e = unparen(e);
    if ((op != TOK_ADD && op != TOK_SUB) || ti->rep != REP_SCALAR || ti->size != 8 ||
        e->kind != EX_BINARY || e->binary.op != TOK_MUL || is_const(e)) {
        return false;
    }
    if (type_is_float(ti->type)) {
        return true;
    }
    return op == TOK_ADD && type_is_integer(ti->type) &&
           !const_small(f, unparen(e->binary.x), INT16_MIN, INT16_MAX, &k) &&
           !const_small(f, unparen(e->binary.y), INT16_MIN, INT16_MAX, &k);
}

/* dst = x op y where y is a product. */
static void fused_product(Fg *f, Token op, TInfo *ti, int dst, int x, Expr *y)
{
    Expr *e = unparen(y);
    int b = gen_any(f, e->binary.x), c = gen_any(f, e->binary.y);
    Op o = !type_is_float(ti->type) ? OP_MADD : op == TOK_ADD ? OP_MADD_F64 : OP_MSUB_F64;
    emit_n(f, o, dst, b, c, (uint64_t)x);
}

/* dst = x op y where y is a float64 field, which may stand behind a pointer. */
static bool fused_field(Fg *f, Token op, TInfo *ti, int dst, int x, Expr *y, Pos pos)
{
    Expr *e = unparen(y);
    if (ti->under->kind != T_FLOAT64 || is_const(e) || e->kind != EX_SELECTOR ||
        !e->selector.selection || e->selector.selection->kind != SEL_FIELD ||
        (op != TOK_ADD && op != TOK_SUB && op != TOK_MUL)) {
        return false;
    }
    Loc l = gen_loc(f, e);
    if (l.kind == LOC_MEM) {
        Op o = op == TOK_ADD ? OP_ADDM_F64 : op == TOK_SUB ? OP_SUBM_F64 : OP_MULM_F64;
        f->pos = e->selector.sel->pos;
        emit_n(f, o, dst, x, l.slot, l.off);
        return true;
    }
    f->pos = e->selector.sel->pos;
    int b = loc_any(f, &l);
    f->pos = pos;
    gen_binary_op(f, op, ti, dst, x, b);
    return true;
}

static Obj *local_name(Expr *e)
{
    e = unparen(e);
    return e->kind == EX_NAME && e->name.obj && e->name.obj->kind == OBJ_VAR &&
           !e->name.obj->is_global ? e->name.obj : NULL;
}

/* p << k | p >> (width - k), for a variable p and a variable or constant k. */
static bool rotation(Fg *f, Expr *e, TInfo *ti, int dst)
{
    Expr *l = unparen(e->binary.x), *r = unparen(e->binary.y);
    int64_t a, b, width = (int64_t)ti->size * 8;
    if (ti->is_signed || width < 32 || l->kind != EX_BINARY || r->kind != EX_BINARY ||
        l->binary.op != TOK_SHL || r->binary.op != TOK_SHR || is_const(l) || is_const(r)) {
        return false;
    }
    Obj *p = local_name(l->binary.x);
    Expr *k = unparen(l->binary.y), *rest = unparen(r->binary.y);
    if (!p || p != local_name(r->binary.x) || einfo(f, l->binary.x) != ti) {
        return false;
    }
    if (is_const(k)) {
        if (!const_small(f, k, 0, width, &a) || !const_small(f, rest, 0, width, &b) ||
            a + b != width) {
            return false;
        }
    } else if (rest->kind != EX_BINARY || rest->binary.op != TOK_SUB || !local_name(k) ||
               local_name(k) != local_name(rest->binary.y) || !type_is_unsigned(etype(f, k)) ||
               !const_small(f, unparen(rest->binary.x), width, width, &a) ||
               einfo(f, k)->size < 2) {
        return false;
    }
    int x = gen_any(f, l->binary.x);
    emit(f, width == 32 ? OP_ROTL_32 : OP_ROTL_64, dst, x, gen_any(f, k));
    return true;
}

/* dst = x op y, x in a slot: binary expressions and op= assignments. */
void gen_arith(Fg *f, Token op, TInfo *ti, int dst, int x, Expr *y, Pos pos)
{
    uint32_t mark = slot_mark(f);
    int64_t k;
    if (op == TOK_SHL || op == TOK_SHR) {
        gen_shift(f, op, ti, dst, x, y);
    } else if (type_is_integer(ti->type) && const_small(f, unparen(y), INT32_MIN, INT32_MAX, &k) &&
               int_imm(f, op, ti, dst, x, k)) {
        /* done */
    } else if (is_product(f, op, ti, y)) {
        f->pos = pos;
        fused_product(f, op, ti, dst, x, y);
    } else if (fused_field(f, op, ti, dst, x, y, pos)) {
        /* done */
    } else if (ti->under->kind == T_STRING) {
        int a = slot_new(f, ti), b = slot_new(f, ti);
        emit_move(f, a, x, 2);
        gen_to(f, y, b);
        f->pos = pos;
        emit(f, OP_CONCAT, dst, a, 2);
    } else {
        int b = gen_any(f, y);
        f->pos = pos;
        gen_binary_op(f, op, ti, dst, x, b);
    }
    slot_release(f, mark);
}

static uint32_t concat_parts(Fg *f, Expr *e, TInfo *ti)
{
    e = unparen(e);
    if (e->kind == EX_BINARY && e->binary.op == TOK_ADD && !is_const(e)) {
        uint32_t n = concat_parts(f, e->binary.x, ti);
        return n + concat_parts(f, e->binary.y, ti);
    }
    gen_to(f, e, slot_new(f, ti));
    return 1;
}

static void bool_to(Fg *f, Expr *e, int dst)
{
    Label no = LABEL_INIT, end = LABEL_INIT;
    gen_cond(f, e, false, &no);
    emit_int(f, dst, 1);
    emit_jmp(f, &end);
    label_bind(f, &no);
    emit_int(f, dst, 0);
    label_bind(f, &end);
}

static bool is_float_field(Fg *f, Expr *e)
{
    return e->kind == EX_SELECTOR && !is_const(e) && e->selector.selection &&
           e->selector.selection->kind == SEL_FIELD && einfo(f, e)->under->kind == T_FLOAT64;
}

/* dst = x - y of fields: one instruction where both stand behind pointers. */
static void field_difference(Fg *f, Expr *e, TInfo *ti, int dst, Expr *x, Expr *y)
{
    Loc a = gen_loc(f, x);
    f->pos = x->selector.sel->pos;
    if (a.kind != LOC_MEM || a.off > 0xffff) {
        int v = loc_any(f, &a);
        f->pos = e->pos;
        gen_arith(f, TOK_SUB, ti, dst, v, y, e->pos);
        return;
    }
    Loc b = gen_loc(f, y);
    f->pos = e->pos;
    if (b.kind == LOC_MEM && b.off <= 0xffff) {
        emit_n(f, OP_SUBMM_F64, dst, a.slot, b.slot, a.off | b.off << 16);
        return;
    }
    int v = loc_any(f, &a), w = loc_any(f, &b);
    gen_binary_op(f, TOK_SUB, ti, dst, v, w);
}

/* Are both the same field of the same variable? */
static bool same_field(Expr *x, Expr *y)
{
    while (x->kind == EX_SELECTOR && y->kind == EX_SELECTOR && x->selector.selection &&
           x->selector.selection->kind == SEL_FIELD && y->selector.selection &&
           x->selector.sel->name.name == y->selector.sel->name.name) {
        x = unparen(x->selector.x);
        y = unparen(y->selector.x);
    }
    return x->kind == EX_NAME && y->kind == EX_NAME && x->name.obj == y->name.obj && x->name.obj &&
           x->name.obj->kind == OBJ_VAR && !is_const(x);
}

static void gen_binary(Fg *f, Expr *e, int dst)
{
    Token op = e->binary.op;
    TInfo *ti = einfo(f, e);
    Expr *x = unparen(e->binary.x), *y = unparen(e->binary.y);
    switch (op) {
    case TOK_LAND: case TOK_LOR: bool_to(f, e, dst); return;
    case TOK_EQL: case TOK_NEQ: case TOK_LSS: case TOK_LEQ: case TOK_GTR: case TOK_GEQ:
        gen_compare_to(f, e, dst);
        return;
    default: break;
    }
    if (ti->under->kind == T_STRING) {
        int base = (int)slot_mark(f);
        uint32_t n = concat_parts(f, e, ti);
        f->pos = e->pos;
        emit(f, OP_CONCAT, dst, base, (int)n);
        return;
    }
    if (is_const(x) && (op == TOK_ADD || op == TOK_MUL || op == TOK_AND || op == TOK_OR ||
                        op == TOK_XOR) && type_is_integer(ti->type)) {
        Expr *t = x;
        x = y;
        y = t;
    }
    if (op == TOK_OR && rotation(f, e, ti, dst)) {
        return;
    }
    if (op == TOK_AND && x->kind == EX_UNARY && x->unary.op == TOK_XOR && !is_const(x) &&
        !is_const(y)) { /* ^b & c */
        int b = gen_any(f, x->unary.x);
        emit(f, OP_ANDN, dst, gen_any(f, y), b);
        return;
    }
    if (op == TOK_ADD && is_product(f, op, ti, x) && !is_product(f, op, ti, y) && !is_const(y)) {
        int b = gen_any(f, x->binary.x), c = gen_any(f, x->binary.y);
        int d = gen_any(f, y);
        f->pos = e->pos;
        emit_n(f, type_is_float(ti->type) ? OP_MADD_F64 : OP_MADD, dst, b, c, (uint64_t)d);
        return;
    }
    if (op == TOK_SUB && is_float_field(f, x) && is_float_field(f, y)) {
        field_difference(f, e, ti, dst, x, y);
        return;
    }
    int a = gen_any(f, x);
    if (type_is_numeric(ti->type) && op != TOK_SHL && op != TOK_SHR && same_field(x, y)) {
        f->pos = e->pos;
        gen_binary_op(f, op, ti, dst, a, a); /* read once */
        return;
    }
    gen_arith(f, op, ti, dst, a, y, e->pos);
}

/* ---- unary */

static void gen_address(Fg *f, Expr *e, int dst)
{
    Expr *x = unparen(e->unary.x);
    if (x->kind == EX_COMPOSITE) {
        TInfo *ti = einfo(f, x);
        int p = slot_ptr(f);
        if (is_agg(ti)) {
            emit_t(f, OP_NEW, p, 0, 0, ti);
            Loc l = {.kind = LOC_MEM, .ti = ti, .slot = p, .nonnil = true};
            gen_composite(f, x, ti, l, true);
        } else {
            int v = gen_any(f, x);
            emit_t(f, OP_NEW, p, 0, 0, ti);
            Loc l = {.kind = LOC_MEM, .ti = ti, .slot = p, .nonnil = true};
            loc_store(f, &l, v);
        }
        emit_move(f, dst, p, 1);
        return;
    }
    Loc l = gen_loc(f, x);
    loc_addr_to(f, &l, dst);
}

static void gen_unary(Fg *f, Expr *e, int dst)
{
    TInfo *ti = einfo(f, e);
    switch (e->unary.op) {
    case TOK_AND: gen_address(f, e, dst); return;
    case TOK_ARROW: {
        int ch = gen_any(f, e->unary.x);
        f->pos = e->pos;
        emit_n(f, OP_RECV, dst, ch, 0, ti->slots);
        return;
    }
    case TOK_NOT: emit(f, OP_NOTB, dst, gen_any(f, e->unary.x), 0); return;
    case TOK_XOR:
        emit(f, OP_NOT, dst, gen_any(f, e->unary.x), 0);
        if (!ti->is_signed) {
            norm_int(f, ti, dst);
        }
        return;
    case TOK_SUB: {
        int x = gen_any(f, e->unary.x);
        if (type_is_float(ti->type)) {
            emit(f, ti->size == 4 ? OP_NEG_F32 : OP_NEG_F64, dst, x, 0);
        } else if (ti->under->kind == T_COMPLEX128) {
            emit(f, OP_NEG_C128, dst, x, 0);
        } else if (ti->under->kind == T_COMPLEX64) {
            int z = slot_raw(f, 2);
            emit(f, OP_C64_C128, z, x, 0);
            emit(f, OP_NEG_C128, z, z, 0);
            emit(f, OP_C128_C64, dst, z, 0);
        } else {
            emit(f, OP_NEG, dst, x, 0);
            norm_int(f, ti, dst);
        }
        return;
    }
    default: gen_to(f, e->unary.x, dst); return;
    }
}

/* ---- slices of things */

static void gen_slice_expr(Fg *f, Expr *e, int dst)
{
    Expr *x = e->slice.x;
    Type *u = type_core(etype(f, x));
    u = u ? u : type_under(etype(f, x));
    Type *arr = NULL;
    int base;
    TInfo *elem = NULL;
    if (u->kind == T_POINTER) {
        arr = type_under(u->pointer.elem);
        base = gen_any(f, x);
    } else if (u->kind == T_ARRAY) {
        arr = u;
        Loc l = gen_loc(f, x);
        base = loc_addr(f, &l);
    } else {
        base = gen_any(f, x);
        elem = u->kind == T_SLICE ? tinfo(f->gen, u->slice.elem) : NULL;
    }
    elem = arr ? tinfo(f->gen, arr->array.elem) : elem;
    int at = slot_raw(f, 3);
    Expr *bound[3] = {e->slice.lo, e->slice.hi, e->slice.max};
    uint64_t ext = (elem ? elem->size : 1) << 8;
    for (int i = 0; i < 3; i++) {
        if (bound[i]) {
            gen_to(f, bound[i], at + i);
            ext |= (index_unsigned(f, bound[i]) ? 9u : 1u) << i;
        }
    }
    f->pos = e->pos;
    if (arr) {
        emit_n(f, OP_SLICE_ARR, dst, base, at, ext);
        emit_word(f, (uint64_t)arr->array.len);
    } else {
        emit_n(f, u->kind == T_STRING || !elem ? OP_SLICE_STR : OP_SLICE, dst, base, at, ext);
    }
}

/* ---- composite literals */

static void store_elem(Fg *f, Loc sub, Expr *x, TInfo *to, bool zeroed)
{
    uint32_t mark = slot_mark(f);
    x = unparen(x);
    TInfo *own = x->kind == EX_COMPOSITE && x->type ? einfo(f, x) : NULL;
    if (own == to && is_agg(to) && (sub.kind == LOC_SLOT || sub.kind == LOC_MEM ||
                                            sub.kind == LOC_FRAME || sub.kind == LOC_GLOBAL)) {
        gen_composite(f, x, to, sub, zeroed);
    } else if (sub.kind == LOC_SLOT) {
        gen_as(f, x, to, sub.slot);
    } else {
        loc_store(f, &sub, gen_any_as(f, x, to));
    }
    slot_release(f, mark);
}

static void composite_struct(Fg *f, Expr *e, TInfo *ti, Loc dst, bool zeroed)
{
    Type *u = ti->under;
    if (e->composite.elems.n < u->struct_.n && !zeroed) {
        loc_zero(f, &dst);
        zeroed = true;
    }
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        Expr *x = e->composite.elems.at[i];
        uint32_t field = i;
        if (x->kind == EX_KEYVALUE) {
            for (field = 0; field + 1 < u->struct_.n; field++) {
                if (u->struct_.fields[field].name == x->kv.key->name.name) {
                    break;
                }
            }
            x = x->kv.value;
        }
        Loc sub = loc_field(f, dst, ti->type, field);
        store_elem(f, sub, x, sub.ti, zeroed);
        if (!strcmp(u->struct_.fields[field].name, "_")) {
            loc_zero(f, &sub); /* a blank field takes no value */
        }
    }
}

int64_t composite_len(Expr *e)
{
    int64_t at = 0, max = 0;
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        Expr *x = e->composite.elems.at[i];
        if (x->kind == EX_KEYVALUE && x->kv.key->cval) {
            at = const_int(x->kv.key->cval);
        }
        at++;
        max = at > max ? at : max;
    }
    return max;
}

static void composite_elems(Fg *f, Expr *e, TInfo *elem, Loc dst, bool zeroed)
{
    int64_t at = 0;
    for (uint32_t i = 0; i < e->composite.elems.n; i++, at++) {
        Expr *x = e->composite.elems.at[i];
        if (x->kind == EX_KEYVALUE) {
            at = const_int(x->kv.key->cval);
            x = x->kv.value;
        }
        uint32_t mark = slot_mark(f);
        store_elem(f, loc_at(f, dst, (uint64_t)at * elem->size, elem), x, elem, zeroed);
        slot_release(f, mark);
    }
}

static void composite_slice(Fg *f, Expr *e, TInfo *ti, int dst)
{
    TInfo *elem = tinfo(f->gen, ti->under->slice.elem);
    uint32_t mark = slot_mark(f);
    int s = slot_new(f, ti), n = slot_scalar(f);
    emit_int(f, n, composite_len(e));
    emit_t(f, OP_MAKE_SLICE, s, n, n, elem);
    Loc l = {.kind = LOC_MEM, .ti = elem, .slot = s, .nonnil = true};
    composite_elems(f, e, elem, l, true);
    emit_move(f, dst, s, 2);
    slot_release(f, mark);
}

static void composite_map(Fg *f, Expr *e, TInfo *ti, int dst)
{
    uint32_t mark = slot_mark(f);
    int m = slot_new(f, ti), n = slot_scalar(f);
    TInfo *key = tinfo(f->gen, ti->under->map.key), *elem = tinfo(f->gen, ti->under->map.elem);
    emit_int(f, n, e->composite.elems.n);
    emit_t(f, OP_MAP_NEW, m, n, 0, ti);
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        Expr *x = e->composite.elems.at[i];
        uint32_t inner = slot_mark(f);
        int k = gen_any_as(f, x->kv.key, key), v = gen_any_as(f, x->kv.value, elem);
        Loc l = {.kind = LOC_MAP, .ti = elem, .slot = m, .idx = k, .map = ti};
        loc_store(f, &l, v);
        slot_release(f, inner);
    }
    emit_move(f, dst, m, 1);
    slot_release(f, mark);
}

/* Stores the literal at dst; zeroed: dst is known to be zero. */
void gen_composite(Fg *f, Expr *e, TInfo *ti, Loc dst, bool zeroed)
{
    f->pos = e->pos;
    if (is_huge(ti) && dst.kind == LOC_SLOT) {
        uint32_t mark = slot_mark(f);
        int p = slot_ptr(f);
        emit_t(f, OP_NEW, p, 0, 0, ti);
        Loc l = {.kind = LOC_MEM, .ti = ti, .slot = p, .nonnil = true};
        gen_composite(f, e, ti, l, true);
        emit_move(f, dst.slot, p, 1);
        slot_release(f, mark);
        return;
    }
    switch (ti->under->kind) {
    case T_STRUCT: composite_struct(f, e, ti, dst, zeroed); break;
    case T_ARRAY:
        if (composite_len(e) < ti->under->array.len ||
            (int64_t)e->composite.elems.n < ti->under->array.len) {
            if (!zeroed) {
                loc_zero(f, &dst);
            }
            zeroed = true;
        }
        composite_elems(f, e, tinfo(f->gen, ti->under->array.elem), dst, zeroed);
        break;
    default: {
        uint32_t mark = slot_mark(f);
        int s = dst.kind == LOC_SLOT ? dst.slot : slot_new(f, ti);
        if (ti->under->kind == T_SLICE) {
            composite_slice(f, e, ti, s);
        } else if (ti->under->kind == T_MAP) {
            composite_map(f, e, ti, s);
        } else { /* an elided &T in a literal of pointers */
            TInfo *t = tinfo(f->gen, ti->under->pointer.elem);
            int p = slot_ptr(f);
            emit_t(f, OP_NEW, p, 0, 0, t);
            Loc l = {.kind = LOC_MEM, .ti = t, .slot = p, .nonnil = true};
            gen_composite(f, e, t, l, true);
            emit_move(f, s, p, 1);
        }
        if (dst.kind != LOC_SLOT) {
            loc_store(f, &dst, s);
        }
        slot_release(f, mark);
        break;
    }
    }
}

/* ---- the entry points */

static void gen_name(Fg *f, Expr *e, Expr *name, int dst)
{
    Obj *o = name->name.obj;
    if (o && o->kind == OBJ_FUNC) {
        gen_func_value(f, func_rec_of_name(f, name), dst);
        return;
    }
    if (!o || o->kind == OBJ_NIL) {
        emit_zero(f, dst, einfo(f, e)->slots);
        return;
    }
    Loc l = gen_loc(f, e);
    loc_load(f, &l, dst);
}

/* m[i][k] of a slice of slices of 8-byte elements. */
static bool matrix_load(Fg *f, Expr *e, Expr *x, int dst)
{
    Expr *k = e->index.index.at[0];
    if (e->commaok || x->kind != EX_INDEX || x->index.index.n != 1 || x->commaok ||
        x->index.x->mode == MODE_TYPE || !x->index.x->type || !expr_simple(k) ||
        x->index.x->type->kind == T_FUNC) {
        return false;
    }
    Type *outer = type_under(etype(f, x->index.x)), *row = type_under(etype(f, x));
    if (outer->kind != T_SLICE || row->kind != T_SLICE) {
        return false;
    }
    TInfo *elem = tinfo(f->gen, row->slice.elem);
    if (elem->rep != REP_SCALAR || elem->mk != MEM_64 || index_unsigned(f, k) ||
        index_unsigned(f, x->index.index.at[0])) {
        return false;
    }
    int s = gen_any(f, x->index.x), i = gen_any(f, x->index.index.at[0]);
    int at = gen_any(f, k);
    f->pos = e->pos;
    emit_n(f, OP_IDX2_64, dst, s, i, (uint64_t)at);
    return true;
}

static void gen_index(Fg *f, Expr *e, int dst)
{
    Expr *x = unparen(e->index.x);
    Expr *fn = x->kind == EX_SELECTOR && !x->selector.selection ? x->selector.sel : x;
    if (fn->kind == EX_NAME && fn->name.obj && fn->name.obj->kind == OBJ_FUNC) {
        gen_func_value(f, func_rec_of_name(f, fn), dst);
        return;
    }
    Type *u = type_core_string(etype(f, x));
    if ((u ? u : type_under(etype(f, x)))->kind == T_STRING) {
        int s = gen_any(f, x), i = gen_any(f, e->index.index.at[0]);
        f->pos = e->pos;
        emit_index_of(f, e->index.index.at[0]);
        emit(f, OP_STR_IDX, dst, s, i);
        return;
    }
    f->pos = e->pos;
    if (matrix_load(f, e, x, dst)) {
        return;
    }
    Loc l = gen_loc(f, e);
    f->pos = e->pos;
    loc_load(f, &l, dst);
}

static void gen_selector(Fg *f, Expr *e, int dst)
{
    if (!e->selector.selection) {
        gen_name(f, e, e->selector.sel, dst);
        return;
    }
    switch (e->selector.selection->kind) {
    case SEL_METHOD: gen_method_value(f, e, dst); break;
    case SEL_METHOD_EXPR: gen_method_expr(f, e, dst); break;
    default: {
        Loc l = gen_loc(f, e);
        f->pos = e->selector.sel->pos;
        loc_load(f, &l, dst);
        break;
    }
    }
}

static void gen_call_to(Fg *f, Expr *e, int dst)
{
    if (e->call.call_kind == CALL_CONVERSION) {
        gen_conversion(f, e->call.args.at[0], einfo(f, e), dst);
    } else if (e->call.call_kind == CALL_BUILTIN) {
        gen_builtin(f, e, dst);
    } else if (!gen_intrinsic(f, e, dst) &&
               (is_agg(einfo(f, e)) || !gen_inline(f, e, dst))) {
        if (call_inlinable(f->gen, e)) {
            emit_move(f, dst, gen_any(f, e), einfo(f, e)->slots); /* dst may be an operand */
            return;
        }
        uint32_t n;
        int s = gen_call(f, e, &n);
        emit_move(f, dst, s, n);
    }
}

void gen_to(Fg *f, Expr *e, int dst)
{
    uint32_t mark = slot_mark(f);
    e = unparen(e);
    if (is_const(e)) {
        gen_const(f, e->cval, einfo(f, e), dst);
        return;
    }
    switch (e->kind) {
    case EX_NAME: gen_name(f, e, e, dst); break;
    case EX_COMPOSITE: gen_composite(f, e, einfo(f, e), loc_slot(einfo(f, e), dst), false); break;
    case EX_FUNC: gen_lit_closure(f, e, dst); break;
    case EX_SELECTOR: gen_selector(f, e, dst); break;
    case EX_INDEX: gen_index(f, e, dst); break;
    case EX_SLICE: gen_slice_expr(f, e, dst); break;
    case EX_ASSERT: gen_assert(f, e, einfo(f, e), dst, false); break;
    case EX_CALL: gen_call_to(f, e, dst); break;
    case EX_STAR: {
        Loc l = gen_loc(f, e);
        f->pos = e->pos;
        loc_load(f, &l, dst);
        break;
    }
    case EX_UNARY: gen_unary(f, e, dst); break;
    case EX_BINARY: gen_binary(f, e, dst); break;
    default: gen_error(f, "internal: expression kind %d", e->kind); break;
    }
    slot_release(f, mark);
}

/* Does e stand in frame slots already? */
static bool in_frame(Fg *f, Expr *e)
{
    e = unparen(e);
    if (e->kind == EX_NAME && e->name.obj && e->name.obj->kind == OBJ_VAR && !e->name.obj->is_global) {
        LVar *v = var_of(f, e->name.obj);
        return v && !v->boxed;
    }
    if (e->kind == EX_SELECTOR && e->selector.selection &&
        e->selector.selection->kind == SEL_FIELD && !e->selector.selection->indirect &&
        type_under(etype(f, e->selector.x))->kind != T_POINTER) {
        return in_frame(f, e->selector.x);
    }
    return false;
}

/* The slot of a scalar constant that a loop uses, or -1. */
static int const_slot(Fg *f, const Expr *e, TInfo *ti)
{
    if (ti->rep != REP_SCALAR || type_is_complex(ti->type) || const_kind(e->cval) == CK_STRING) {
        return -1;
    }
    int64_t bits = const_kind(e->cval) == CK_BOOL ? const_as_bool(e->cval)
                   : type_is_float(ti->type) ? float_bits(e->cval, ti->size == 4)
                                             : const_int(e->cval);
    return hoist_const(f, bits);
}

int gen_any(Fg *f, Expr *e)
{
    e = unparen(e);
    if (is_const(e)) {
        int s = const_slot(f, e, einfo(f, e));
        if (s >= 0) {
            return s;
        }
    } else {
        if (in_frame(f, e)) {
            Loc l = gen_loc(f, e);
            return loc_any(f, &l);
        }
        if (e->kind == EX_CALL && e->call.call_kind == CALL_FUNC) {
            TInfo *ti = einfo(f, e);
            uint32_t mark = slot_mark(f);
            int s = slot_new(f, ti);
            if (gen_intrinsic(f, e, s) || gen_inline(f, e, s)) {
                return s;
            }
            slot_release(f, mark);
            uint32_t n;
            return gen_call(f, e, &n);
        }
        if (e->kind == EX_CALL && e->call.call_kind == CALL_CONVERSION &&
            einfo(f, e) == einfo(f, e->call.args.at[0])) {
            return gen_any(f, e->call.args.at[0]);
        }
    }
    TInfo *ti = einfo(f, e);
    int s = slot_new(f, ti);
    gen_to(f, e, s);
    return s;
}

/* dst = an interface that holds a large aggregate: the copy on the heap is made here. */
static void big_iface(Fg *f, Expr *e, TInfo *from, int dst)
{
    int p = slot_ptr(f);
    emit_t(f, OP_NEW, p, 0, 0, from);
    Loc l = {.kind = LOC_MEM, .ti = from, .slot = p, .nonnil = true};
    if (!gen_big_copy(f, e, from, &l)) {
        loc_store(f, &l, gen_any(f, e));
    }
    tinfo_want_methods(f->gen, from);
    emit(f, OP_LTYPE, dst, 0, 0);
    emit_type(f, from);
    emit_move(f, dst + 1, p, 1);
}

void gen_as(Fg *f, Expr *e, TInfo *to, int dst)
{
    uint32_t mark = slot_mark(f);
    if (is_nil(e)) {
        emit_zero(f, dst, to->slots);
        return;
    }
    TInfo *from = einfo(f, e);
    if (to->iface && !from->iface && from->rep == REP_AGG && from->slots > BIG_SLOTS) {
        big_iface(f, e, from, dst);
    } else if (to->iface && !from->iface) {
        conv_iface(f, from, to, gen_any(f, e), dst);
    } else if (is_const(unparen(e))) {
        gen_const(f, unparen(e)->cval, to, dst);
    } else {
        gen_to(f, e, dst);
    }
    slot_release(f, mark);
}

int gen_any_as(Fg *f, Expr *e, TInfo *to)
{
    if (!is_nil(e) && !is_const(unparen(e)) && (!to->iface || einfo(f, e)->iface)) {
        return gen_any(f, e);
    }
    int s = is_nil(e) || to->iface ? -1 : const_slot(f, unparen(e), to);
    if (s >= 0) {
        return s;
    }
    s = slot_new(f, to);
    gen_as(f, e, to, s);
    return s;
}

/* Is dst written before all operands of e are read? */
static bool writes_early(Expr *e)
{
    e = unparen(e);
    if (e->kind == EX_COMPOSITE) {
        return true;
    }
    return e->kind == EX_CALL &&
           ((e->call.call_kind == CALL_CONVERSION && writes_early(e->call.args.at[0])) ||
            e->call.call_kind == CALL_BUILTIN);
}

void gen_as_var(Fg *f, Expr *e, TInfo *to, int dst)
{
    if (!writes_early(e) || (e->kind == EX_CALL && !is_agg(to) && to->slots == 1 &&
                             e->call.builtin != BI_MIN && e->call.builtin != BI_MAX)) {
        gen_as(f, e, to, dst);
        return;
    }
    if (unparen(e)->kind == EX_CALL && unparen(e)->call.builtin == BI_APPEND &&
        unparen(e)->call.call_kind == CALL_BUILTIN) {
        gen_as(f, e, to, dst); /* one instruction, at the end */
        return;
    }
    uint32_t mark = slot_mark(f);
    int s = slot_new(f, to);
    gen_as(f, e, to, s);
    emit_move(f, dst, s, to->slots);
    slot_release(f, mark);
}

/* For its effects only. */
void gen_effect(Fg *f, Expr *e)
{
    uint32_t mark = slot_mark(f);
    e = unparen(e);
    uint32_t n;
    if (e->kind == EX_CALL && e->call.call_kind == CALL_BUILTIN) {
        gen_builtin(f, e, -1);
    } else if (e->kind == EX_CALL && e->call.call_kind == CALL_FUNC) {
        int s = slot_raw(f, 1);
        if (!gen_intrinsic(f, e, s)) {
            slot_release(f, mark);
            gen_call(f, e, &n);
        }
    } else if (!is_nil(e)) {
        gen_any(f, e);
    }
    slot_release(f, mark);
}
