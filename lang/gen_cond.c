/* gen_cond.c - conditions: comparisons as jumps, and as values where one instruction does it.
 *
 * gen_cond jumps to a label if the expression equals `sense` and falls through otherwise; && and ||
 * become control flow. A label that is bound already is a loop head, and the jump a LOOP form.
 */
#include "lang/gen.h"

static bool is_compare(Token op)
{
    return op == TOK_EQL || op == TOK_NEQ || op == TOK_LSS || op == TOK_LEQ || op == TOK_GTR ||
           op == TOK_GEQ;
}

static Token negate(Token op)
{
    switch (op) {
    case TOK_EQL: return TOK_NEQ;
    case TOK_NEQ: return TOK_EQL;
    case TOK_LSS: return TOK_GEQ;
    case TOK_LEQ: return TOK_GTR;
    case TOK_GTR: return TOK_LEQ;
    default: return TOK_LSS;
    }
}

static Token mirror(Token op)
{
    switch (op) {
    case TOK_LSS: return TOK_GTR;
    case TOK_LEQ: return TOK_GEQ;
    case TOK_GTR: return TOK_LSS;
    case TOK_GEQ: return TOK_LEQ;
    default: return op;
    }
}

static bool word_like(TInfo *ti)
{
    return ti->rep == REP_SCALAR && !type_is_float(ti->type) && !type_is_complex(ti->type);
}

/* The type in which two operands are compared. */
static TInfo *compare_type(Fg *f, Expr *x, Expr *y)
{
    TInfo *a = is_nil(x) ? NULL : einfo(f, x), *b = is_nil(y) ? NULL : einfo(f, y);
    if (!a || !b) {
        return a ? a : b;
    }
    return a->iface ? a : b->iface ? b : a;
}

static void int_jump(Fg *f, Token op, TInfo *ti, Expr *x, Expr *y, Label *l)
{
    int64_t k;
    bool sgn = ti->is_signed || ti->size < 8 || op == TOK_EQL || op == TOK_NEQ;
    if (const_small(f, x, INT16_MIN, INT16_MAX, &k)) {
        Expr *t = x;
        x = y;
        y = t;
        op = mirror(op);
    }
    int a = gen_any(f, x);
    if (sgn && const_small(f, y, INT16_MIN, INT16_MAX, &k)) {
        Op o = op == TOK_EQL ? OP_JEQI : op == TOK_NEQ ? OP_JNEI : op == TOK_LSS ? OP_JLTI
               : op == TOK_LEQ ? OP_JLEI : op == TOK_GTR ? OP_JGTI : OP_JGEI;
        emit_cjump(f, o, a, (int)k, l);
        return;
    }
    int b = gen_any(f, y);
    switch (op) {
    case TOK_EQL: emit_cjump(f, OP_JEQ, a, b, l); break;
    case TOK_NEQ: emit_cjump(f, OP_JNE, a, b, l); break;
    case TOK_LSS: emit_cjump(f, sgn ? OP_JLT_I64 : OP_JLT_U64, a, b, l); break;
    case TOK_LEQ: emit_cjump(f, sgn ? OP_JLE_I64 : OP_JLE_U64, a, b, l); break;
    case TOK_GTR: emit_cjump(f, sgn ? OP_JLT_I64 : OP_JLT_U64, b, a, l); break;
    default: emit_cjump(f, sgn ? OP_JLE_I64 : OP_JLE_U64, b, a, l); break;
    }
}

static void float_jump(Fg *f, Token op, int a, int b, bool sense, Label *l)
{
    if (op == TOK_GTR || op == TOK_GEQ) {
        int t = a;
        a = b;
        b = t;
        op = mirror(op);
    }
    Op o;
    switch (op) {
    case TOK_EQL: o = sense ? OP_JEQ_F64 : OP_JNE_F64; break;
    case TOK_NEQ: o = sense ? OP_JNE_F64 : OP_JEQ_F64; break;
    case TOK_LSS: o = sense ? OP_JLT_F64 : OP_JNLT_F64; break;
    default: o = sense ? OP_JLE_F64 : OP_JNLE_F64; break;
    }
    emit_cjump(f, o, a, b, l);
}

/* dst = x op y for operands in slots; op is ==, !=, < or <=. */
static void compare_slots(Fg *f, Token op, TInfo *ti, int dst, int a, int b)
{
    static const Op table[4][4] = {
        {OP_EQ, OP_NE, OP_LT_I64, OP_LE_I64}, {OP_EQ_F64, OP_NE_F64, OP_LT_F64, OP_LE_F64},
        {OP_EQ_F32, OP_NE_F32, OP_LT_F32, OP_LE_F32}, {OP_EQ_STR, OP_NE_STR, OP_LT_STR, OP_LE_STR}};
    int k = op == TOK_EQL ? 0 : op == TOK_NEQ ? 1 : op == TOK_LSS ? 2 : 3;
    uint8_t kind = ti->under->kind;
    if (kind == T_FLOAT32 || kind == T_FLOAT64) {
        emit(f, table[kind == T_FLOAT32 ? 2 : 1][k], dst, a, b);
    } else if (kind == T_STRING) {
        emit(f, table[3][k], dst, a, b);
    } else if (word_like(ti)) {
        Op o = table[0][k];
        if (k >= 2 && !ti->is_signed && ti->size == 8) {
            o = k == 2 ? OP_LT_U64 : OP_LE_U64;
        }
        emit(f, o, dst, a, b);
    } else {
        uint32_t mark = slot_mark(f);
        if (is_huge(ti)) {
            TInfo *any = tinfo(f->gen, type_any);
            int x = slot_new(f, any), y = slot_new(f, any);
            conv_iface(f, ti, any, a, x);
            conv_iface(f, ti, any, b, y);
            emit(f, OP_EQ_IFACE, dst, x, y);
        } else if (ti->iface) {
            emit(f, OP_EQ_IFACE, dst, a, b);
        } else if (kind == T_COMPLEX128) {
            emit(f, OP_EQ_C128, dst, a, b);
        } else if (kind == T_COMPLEX64) {
            int x = slot_raw(f, 2), y = slot_raw(f, 2);
            emit(f, OP_C64_C128, x, a, 0);
            emit(f, OP_C64_C128, y, b, 0);
            emit(f, OP_EQ_C128, dst, x, y);
        } else if (ti->rep == REP_CELL) { /* a slice, map or func against nil */
            emit(f, OP_EQ, dst, a, b);
        } else {
            emit_t(f, OP_EQ_T, dst, a, b, ti);
        }
        if (op == TOK_NEQ) {
            emit(f, OP_NOTB, dst, dst, 0);
        }
        slot_release(f, mark);
    }
}

/* Jumps if the values of one type at x and y are (not) equal. */
void gen_equal_jump(Fg *f, TInfo *ti, int x, int y, bool eq, Label *l)
{
    uint32_t mark = slot_mark(f);
    if (word_like(ti)) {
        emit_cjump(f, eq ? OP_JEQ : OP_JNE, x, y, l);
    } else if (ti->under->kind == T_STRING) {
        emit_cjump(f, eq ? OP_JEQ_STR : OP_JNE_STR, x, y, l);
    } else {
        int t = slot_scalar(f);
        compare_slots(f, TOK_EQL, ti, t, x, y);
        emit_cjump(f, eq ? OP_JT : OP_JF, t, 0, l);
    }
    slot_release(f, mark);
}

static void nil_jump(Fg *f, Expr *x, bool eq, Label *l)
{
    emit_cjump(f, eq ? OP_JEQI : OP_JNEI, gen_any(f, x), 0, l);
}

static void compare_jump(Fg *f, Expr *e, bool sense, Label *l)
{
    Expr *x = unparen(e->binary.x), *y = unparen(e->binary.y);
    Token op = e->binary.op;
    if (is_nil(x) || is_nil(y)) {
        nil_jump(f, is_nil(x) ? y : x, (op == TOK_EQL) == sense, l);
        return;
    }
    TInfo *ti = compare_type(f, x, y);
    if (word_like(ti)) {
        int_jump(f, sense ? op : negate(op), ti, x, y, l);
        return;
    }
    if (ti->under->kind == T_FLOAT64) {
        int a = gen_any(f, x), b = gen_any(f, y);
        float_jump(f, op, a, b, sense, l);
        return;
    }
    if (ti->under->kind == T_STRING && (op == TOK_EQL || op == TOK_NEQ)) {
        int a = gen_any(f, x), b = gen_any(f, y);
        emit_cjump(f, (op == TOK_EQL) == sense ? OP_JEQ_STR : OP_JNE_STR, a, b, l);
        return;
    }
    int t = slot_scalar(f);
    gen_compare_to(f, e, t);
    emit_cjump(f, sense ? OP_JT : OP_JF, t, 0, l);
}

void gen_compare_to(Fg *f, Expr *e, int dst)
{
    uint32_t mark = slot_mark(f);
    Expr *x = unparen(e->binary.x), *y = unparen(e->binary.y);
    Token op = e->binary.op;
    if (is_nil(x) || is_nil(y)) {
        int z = slot_scalar(f);
        int a = gen_any(f, is_nil(x) ? y : x);
        emit_int(f, z, 0);
        emit(f, op == TOK_EQL ? OP_EQ : OP_NE, dst, a, z);
    } else {
        TInfo *ti = compare_type(f, x, y);
        TInfo *as = is_big(ti) ? tinfo(f->gen, type_any) : ti;
        /* large ones as interfaces: a frame may not hold them */
        int a = gen_any_as(f, x, as), b = gen_any_as(f, y, as);
        if (as != ti) { /* a defined type and its underlying one compare, as one type */
            emit_t(f, OP_LTYPE, a, 0, 0, ti);
            emit_t(f, OP_LTYPE, b, 0, 0, ti);
        }
        ti = as;
        f->pos = e->pos;
        if (op == TOK_GTR || op == TOK_GEQ) {
            compare_slots(f, mirror(op), ti, dst, b, a);
        } else {
            compare_slots(f, op, ti, dst, a, b);
        }
    }
    slot_release(f, mark);
}

/* One bound of a range test: name >= lo or name <= hi, the operator negated first where asked. */
static Obj *range_bound(Fg *f, Expr *e, bool negated, int64_t *lo, int64_t *hi)
{
    int64_t k;
    e = unparen(e);
    if (e->kind != EX_BINARY || (e->mode == MODE_CONST && e->cval)) {
        return NULL;
    }
    Expr *x = unparen(e->binary.x), *y = unparen(e->binary.y);
    Token op = negated ? negate(e->binary.op) : e->binary.op;
    if (x->mode == MODE_CONST) {
        Expr *t = x;
        x = y;
        y = t;
        op = mirror(op);
    }
    if (x->kind != EX_NAME || !x->name.obj || x->name.obj->kind != OBJ_VAR ||
        x->name.obj->is_global || !type_is_integer(etype(f, x)) || !const_small(f, y, 0, 255, &k)) {
        return NULL;
    }
    switch (op) {
    case TOK_GEQ: *lo = k; break;
    case TOK_GTR: *lo = k + 1; break;
    case TOK_LEQ: *hi = k; break;
    case TOK_LSS: *hi = k - 1; break;
    default: return NULL;
    }
    return x->name.obj;
}

/* lo <= v && v <= hi, or v < lo || v > hi, of a variable and small constants. */
static bool range_jump(Fg *f, Expr *e, bool sense, Label *l)
{
    bool in = e->binary.op == TOK_LAND;
    int64_t lo = -1, hi = -1;
    Obj *a = range_bound(f, e->binary.x, !in, &lo, &hi);
    Obj *b = a ? range_bound(f, e->binary.y, !in, &lo, &hi) : NULL;
    LVar *v = a && a == b ? var_of(f, a) : NULL;
    if (!v || v->boxed || lo < 0 || hi < lo || hi > 255) {
        return false;
    }
    emit_cjump(f, in == sense ? OP_JIN : OP_JNIN, v->slot, (int)(lo | hi << 8), l);
    return true;
}

void gen_cond(Fg *f, Expr *e, bool sense, Label *l)
{
    e = unparen(e);
    uint32_t mark = slot_mark(f);
    if (e->mode == MODE_CONST && e->cval) {
        if (const_as_bool(e->cval) == sense) {
            emit_jmp(f, l);
        }
        return;
    }
    if (e->kind == EX_UNARY && e->unary.op == TOK_NOT) {
        gen_cond(f, e->unary.x, !sense, l);
    } else if (e->kind == EX_BINARY && (e->binary.op == TOK_LAND || e->binary.op == TOK_LOR)) {
        if (range_jump(f, e, sense, l)) {
            /* done */
        } else if ((e->binary.op == TOK_LAND) == sense) { /* both (none) needed: leave early */
            Label out = LABEL_INIT;
            gen_cond(f, e->binary.x, !sense, &out);
            gen_cond(f, e->binary.y, sense, l);
            label_bind(f, &out);
        } else {
            gen_cond(f, e->binary.x, sense, l);
            gen_cond(f, e->binary.y, sense, l);
        }
    } else if (e->kind == EX_BINARY && is_compare(e->binary.op)) {
        f->pos = e->pos;
        compare_jump(f, e, sense, l);
    } else if (e->kind != EX_CALL || e->call.call_kind != CALL_FUNC ||
               !gen_inline_cond(f, e, sense, l)) {
        emit_cjump(f, sense ? OP_JT : OP_JF, gen_any(f, e), 0, l);
    }
    slot_release(f, mark);
}
