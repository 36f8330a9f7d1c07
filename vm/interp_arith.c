/* interp_arith.c - handlers of moves, constants, integers, floats, comparisons and branches.
 *
 * All of these are leaves: they touch the frame only, cannot allocate, and only division, shift
 * checks and string comparison have a way out. Integer arithmetic is done unsigned, so it wraps
 * without undefined behaviour; narrower widths are normalised by the fused forms. Float conversions
 * are defined for every pattern (f64_to_i64).
 */
#include "vm/interp.h"

#include <math.h>

/* --- moves and constants --- */

HANDLER(MOVE)
{
    RA = RB;
    NEXT(1);
}

HANDLER(MOVE2)
{
    Slot x = RB, y = RB1;
    RA = x;
    RA1 = y;
    NEXT(1);
}

HANDLER(MOVEN)
{
    uint32_t n = pc->c;
    Slot *dst = &RA;
    const Slot *src = &RB;
    if (dst <= src) {
        for (uint32_t i = 0; i < n; i++) {
            dst[i] = src[i];
            __asm__ volatile("");
        }
    } else {
        while (n-- > 0) {
            dst[n] = src[n];
            __asm__ volatile("");
        }
    }
    NEXT(1);
}

HANDLER(LI)
{
    RA.i = (int32_t)(pc->b | (uint32_t)pc->c << 16);
    NEXT(1);
}

HANDLER(LK)
{
    RA.i = EXT_I(0);
    NEXT(2);
}

HANDLER(ZERO)
{
    Slot *dst = &RA;
    for (uint32_t i = 0, n = pc->c; i < n; i++) {
        dst[i].u = 0;
        __asm__ volatile("");
    }
    NEXT(1);
}

HANDLER(LSTR)
{
    RA.p = (void *)op_ext_ptr(pc, 0);
    RA1.i = EXT_I(1);
    NEXT(3);
}

HANDLER(LTYPE)
{
    RA.p = (void *)op_ext_ptr(pc, 0);
    NEXT(2);
}

HANDLER(LFUNC)
{
    RA.p = (void *)op_ext_ptr(pc, 0);
    NEXT(2);
}

/* --- integers --- */

#define BIN(name, expr)                                                                            \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        RA.u = (uint64_t)(expr);                                                                   \
        NEXT(1);                                                                                   \
    }
#define I32(x) ((int64_t)(int32_t)(uint32_t)(x))
#define U32(x) ((uint64_t)(uint32_t)(x))

BIN(ADD, RB.u + RC.u)
BIN(SUB, RB.u - RC.u)
BIN(MUL, RB.u * RC.u)
BIN(AND, RB.u & RC.u)
BIN(OR, RB.u | RC.u)
BIN(XOR, RB.u ^ RC.u)
BIN(ANDN, RB.u & ~RC.u)
BIN(NEG, 0 - RB.u)
BIN(NOT, ~RB.u)
BIN(SHL, RC.u < 64 ? RB.u << RC.u : 0)
BIN(SHR_I64, RB.i >> (RC.u < 64 ? RC.u : 63))
BIN(SHR_U64, RC.u < 64 ? RB.u >> RC.u : 0)
BIN(ADDI, RB.u + (uint64_t)IMMC)
BIN(MULI, RB.u * (uint64_t)IMMC)
BIN(ANDI, RB.u & (uint64_t)IMMC)
BIN(ORI, RB.u | (uint64_t)IMMC)
BIN(XORI, RB.u ^ (uint64_t)IMMC)
BIN(SHLI, RB.u << (pc->c & 63))
BIN(SHRI_I64, RB.i >> (pc->c & 63))
BIN(SHRI_U64, RB.u >> (pc->c & 63))
BIN(DIVI_I64, RB.i / IMMC)
BIN(REMI_I64, RB.i % IMMC)
BIN(DIVP2, (RB.i + (int64_t)((uint64_t)(RB.i >> 63) >> (-pc->c & 63))) >> (pc->c & 63))
BIN(SEXT8, (int64_t)(int8_t)RB.u)
BIN(SEXT16, (int64_t)(int16_t)RB.u)
BIN(SEXT32, I32(RB.u))
BIN(ZEXT8, (uint8_t)RB.u)
BIN(ZEXT16, (uint16_t)RB.u)
BIN(ZEXT32, U32(RB.u))
BIN(ADD_I32, I32(RB.u + RC.u))
BIN(SUB_I32, I32(RB.u - RC.u))
BIN(MUL_I32, I32(RB.u * RC.u))
BIN(ADD_U32, U32(RB.u + RC.u))
BIN(SUB_U32, U32(RB.u - RC.u))
BIN(MUL_U32, U32(RB.u * RC.u))
BIN(ROTL_32, RC.u > 32 ? 0 : U32(RB.u << (RC.u & 31)) | U32(RB.u) >> (-RC.u & 31))
BIN(ROTL_64, RC.u > 64 ? 0 : RB.u << (RC.u & 63) | RB.u >> (-RC.u & 63))
BIN(SHL_U32, RC.u < 32 ? U32(RB.u << RC.u) : 0)
BIN(SHLI_U32, U32(RB.u << (pc->c & 63)))
BIN(ADDI_I32, I32(RB.u + (uint64_t)IMMC))
BIN(ADDI_U32, U32(RB.u + (uint64_t)IMMC))
BIN(MIN_I64, RB.i < RC.i ? RB.i : RC.i)
BIN(MAX_I64, RB.i > RC.i ? RB.i : RC.i)
BIN(MIN_U64, RB.u < RC.u ? RB.u : RC.u)
BIN(MAX_U64, RB.u > RC.u ? RB.u : RC.u)

#define DIVIDE(name, field, minus_one, expr)                                                       \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        if (UNLIKELY(RC.u == 0)) {                                                                 \
            COLD(cold_divide);                                                                     \
        }                                                                                          \
        if (minus_one != 0 && UNLIKELY(RC.i == -1)) {                                              \
            RA.u = minus_one == 1 ? 0 - RB.u : 0;                                                  \
            NEXT(1);                                                                               \
        }                                                                                          \
        RA.field = RB.field expr RC.field;                                                         \
        NEXT(1);                                                                                   \
    }

DIVIDE(DIV_I64, i, 1, /)
DIVIDE(DIV_U64, u, 0, /)
DIVIDE(REM_I64, i, 2, %)
DIVIDE(REM_U64, u, 0, %)

HANDLER(CHKSHIFT)
{
    if (UNLIKELY(RA.i < 0)) {
        COLD(cold_shift);
    }
    NEXT(1);
}

/* --- floats and complex numbers --- */

#define FBIN(name, expr)                                                                           \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        RA.f = (expr);                                                                             \
        NEXT(1);                                                                                   \
    }
#define F32BIN(name, expr)                                                                         \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        Slot r = {.u = 0};                                                                         \
        r.f32 = (expr);                                                                            \
        RA = r;                                                                                    \
        NEXT(1);                                                                                   \
    }

/* Truncation as amd64's cvttsd2si: NaN and what does not fit give MinInt64. */
static inline int64_t f64_to_i64(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

static inline uint64_t f64_to_u64(double x)
{
    if (x < 0x1p63) {
        return (uint64_t)f64_to_i64(x);
    }
    return (uint64_t)f64_to_i64(x - 0x1p63) ^ 0x8000000000000000u;
}

static inline double f64_min(double x, double y)
{
    if (x != x || y != y) {
        return x != x ? x : y;
    }
    if (x == 0 && y == 0) {
        return signbit(x) ? x : y;
    }
    return x < y ? x : y;
}

static inline double f64_max(double x, double y)
{
    if (x != x || y != y) {
        return x != x ? x : y;
    }
    if (x == 0 && y == 0) {
        return signbit(x) ? y : x;
    }
    return x > y ? x : y;
}

FBIN(ADD_F64, RB.f + RC.f)
FBIN(SUB_F64, RB.f - RC.f)
FBIN(MUL_F64, RB.f * RC.f)
FBIN(DIV_F64, RB.f / RC.f)
#define EXT_SLOT (fp[(uint16_t)EXT_I(0)])
#define FUSED(name, dst, expr)                                                                     \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        dst = (expr);                                                                              \
        NEXT(2);                                                                                   \
    }
FUSED(MADD_F64, RA.f, EXT_SLOT.f + RB.f * RC.f)
FUSED(MSUB_F64, RA.f, EXT_SLOT.f - RB.f * RC.f)
FUSED(MADD, RA.u, EXT_SLOT.u + RB.u * RC.u)
BIN(NEG_F64, RB.u ^ 0x8000000000000000u)
BIN(ABS_F64, RB.u & 0x7fffffffffffffffu)
F32BIN(ADD_F32, RB.f32 + RC.f32)
F32BIN(SUB_F32, RB.f32 - RC.f32)
F32BIN(MUL_F32, RB.f32 * RC.f32)
F32BIN(DIV_F32, RB.f32 / RC.f32)
BIN(NEG_F32, (uint32_t)RB.u ^ 0x80000000u)
FBIN(MIN_F64, f64_min(RB.f, RC.f))
FBIN(MAX_F64, f64_max(RB.f, RC.f))
FBIN(FLOOR_F64, floor(RB.f))
FBIN(CEIL_F64, ceil(RB.f))
FBIN(TRUNC_F64, trunc(RB.f))
FBIN(I64_F64, (double)RB.i)
FBIN(U64_F64, (double)RB.u)
BIN(F64_I64, f64_to_i64(RB.f))
BIN(F64_U64, f64_to_u64(RB.f))
FBIN(F32_F64, (double)RB.f32)
F32BIN(F64_F32, (float)RB.f)
F32BIN(I64_F32, (float)RB.i)
F32BIN(U64_F32, (float)RB.u)

HANDLER(SQRT_F64)
{
#if defined(__x86_64__)
    double r;
    __asm__("sqrtsd %1, %0" : "=x"(r) : "x"(RB.f));
    RA.f = r;
#else
    RA.f = sqrt(RB.f);
#endif
    NEXT(1);
}

#define CBIN(name, re, im)                                                                         \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        double r = (re), i = (im);                                                                 \
        RA.f = r;                                                                                  \
        RA1.f = i;                                                                                 \
        NEXT(1);                                                                                   \
    }

CBIN(ADD_C128, RB.f + RC.f, RB1.f + RC1.f)
CBIN(SUB_C128, RB.f - RC.f, RB1.f - RC1.f)
CBIN(MUL_C128, RB.f *RC.f - RB1.f * RC1.f, RB.f *RC1.f + RB1.f * RC.f)
CBIN(NEG_C128, -RB.f, -RB1.f)

/* 0 or 1 with x's sign: how an infinite part counts in a quotient. */
static double inf_unit(double x) { return copysign(isinf(x) ? 1.0 : 0.0, x); }

/* Quotient with scaling by the larger part of the divisor; then the special cases: a nonzero or
 * infinite dividend over zero, infinite over finite, finite over infinite. */
static void complex_divide(double nr, double ni, double dr, double di, double *re, double *im)
{
    if (fabs(dr) >= fabs(di)) {
        double ratio = di / dr, denom = dr + ratio * di;
        *re = (nr + ni * ratio) / denom;
        *im = (ni - nr * ratio) / denom;
    } else {
        double ratio = dr / di, denom = di + ratio * dr;
        *re = (nr * ratio + ni) / denom;
        *im = (ni * ratio - nr) / denom;
    }
    if (!isnan(*re) || !isnan(*im)) {
        return;
    }
    if (dr == 0 && di == 0 && (!isnan(nr) || !isnan(ni))) {
        *re = copysign(INFINITY, dr) * nr;
        *im = copysign(INFINITY, dr) * ni;
    } else if ((isinf(nr) || isinf(ni)) && isfinite(dr) && isfinite(di)) {
        double a = inf_unit(nr), b = inf_unit(ni);
        *re = INFINITY * (a * dr + b * di);
        *im = INFINITY * (b * dr - a * di);
    } else if ((isinf(dr) || isinf(di)) && isfinite(nr) && isfinite(ni)) {
        double a = inf_unit(dr), b = inf_unit(di);
        *re = 0 * (nr * a + ni * b);
        *im = 0 * (ni * a - nr * b);
    }
}

HANDLER(DIV_C128)
{
    double re, im;
    complex_divide(RB.f, RB1.f, RC.f, RC1.f, &re, &im);
    RA.f = re;
    RA1.f = im;
    NEXT(1);
}

HANDLER(C64_C128)
{
    uint64_t v = RB.u;
    Slot lo = {.u = v & 0xffffffffu}, hi = {.u = v >> 32};
    RA.f = (double)lo.f32;
    RA1.f = (double)hi.f32;
    NEXT(1);
}

HANDLER(C128_C64)
{
    Slot lo = {.u = 0}, hi = {.u = 0};
    lo.f32 = (float)RB.f;
    hi.f32 = (float)RB1.f;
    RA.u = (lo.u & 0xffffffffu) | hi.u << 32;
    NEXT(1);
}

/* --- comparisons to a bool --- */

BIN(EQ, RB.u == RC.u)
BIN(NE, RB.u != RC.u)
BIN(LT_I64, RB.i < RC.i)
BIN(LE_I64, RB.i <= RC.i)
BIN(LT_U64, RB.u < RC.u)
BIN(LE_U64, RB.u <= RC.u)
BIN(EQ_F64, RB.f == RC.f)
BIN(NE_F64, RB.f != RC.f)
BIN(LT_F64, RB.f < RC.f)
BIN(LE_F64, RB.f <= RC.f)
BIN(EQ_F32, RB.f32 == RC.f32)
BIN(NE_F32, RB.f32 != RC.f32)
BIN(LT_F32, RB.f32 < RC.f32)
BIN(LE_F32, RB.f32 <= RC.f32)
BIN(EQ_C128, RB.f == RC.f && RB1.f == RC1.f)
BIN(NOTB, RB.u ^ 1)

/* Strings: lengths and pointers decide at once, or the bytes are compared out of line. */
static inline int slots_equal_quick(const Slot *x, const Slot *y)
{
    if (x[1].u != y[1].u) {
        return 0;
    }
    return x[0].p == y[0].p || x[1].u == 0 ? 1 : -1;
}

static bool slots_equal(const Slot *x, const Slot *y)
{
    return mem_equal(x[0].p, y[0].p, (size_t)x[1].u);
}

static int slots_compare(const Slot *x, const Slot *y)
{
    int64_t nx = x[1].i, ny = y[1].i;
    int c = mem_compare(x[0].p, y[0].p, (size_t)(nx < ny ? nx : ny));
    return c != 0 ? c : nx < ny ? -1 : nx > ny;
}

SLOW_HANDLER(slow_eq_str)
{
    RA.u = slots_equal(&RB, &RC);
    NEXT(1);
}

SLOW_HANDLER(slow_ne_str)
{
    RA.u = !slots_equal(&RB, &RC);
    NEXT(1);
}

HANDLER(EQ_STR)
{
    int q = slots_equal_quick(&RB, &RC);
    if (q < 0) {
        COLD(slow_eq_str);
    }
    RA.u = (uint64_t)q;
    NEXT(1);
}

HANDLER(NE_STR)
{
    int q = slots_equal_quick(&RB, &RC);
    if (q < 0) {
        COLD(slow_ne_str);
    }
    RA.u = (uint64_t)!q;
    NEXT(1);
}

BIN(LT_STR, slots_compare(&RB, &RC) < 0)
BIN(LE_STR, slots_compare(&RB, &RC) <= 0)

/* --- branches --- */

HANDLER(JMP)
{
    pc += 1 + (int32_t)(pc->b | (uint32_t)pc->c << 16);
    DISPATCH();
}

#define BRANCH(name, cond)                                                                         \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        if (cond) {                                                                                \
            TAKE(1 + (int16_t)pc->c);                                                              \
        }                                                                                          \
        NEXT(1);                                                                                   \
    }

BRANCH(JT, RA.u != 0)
BRANCH(JF, RA.u == 0)
BRANCH(JEQ, RA.u == RB.u)
BRANCH(JNE, RA.u != RB.u)
BRANCH(JLT_I64, RA.i < RB.i)
BRANCH(JLE_I64, RA.i <= RB.i)
BRANCH(JLT_U64, RA.u < RB.u)
BRANCH(JLE_U64, RA.u <= RB.u)
BRANCH(JEQI, RA.i == IMMB)
BRANCH(JNEI, RA.i != IMMB)
BRANCH(JLTI, RA.i < IMMB)
BRANCH(JLEI, RA.i <= IMMB)
BRANCH(JGTI, RA.i > IMMB)
BRANCH(JGEI, RA.i >= IMMB)
BRANCH(JIN, RA.u - (pc->b & 0xff) <= (uint64_t)((pc->b >> 8) - (pc->b & 0xff)))
BRANCH(JNIN, RA.u - (pc->b & 0xff) > (uint64_t)((pc->b >> 8) - (pc->b & 0xff)))
BRANCH(JEQ_F64, RA.f == RB.f)
BRANCH(JNE_F64, RA.f != RB.f)
BRANCH(JLT_F64, RA.f < RB.f)
BRANCH(JLE_F64, RA.f <= RB.f)
BRANCH(JNLT_F64, !(RA.f < RB.f))
BRANCH(JNLE_F64, !(RA.f <= RB.f))

SLOW_HANDLER(slow_jeq_str)
{
    if (slots_equal(&RA, &RB)) {
        TAKE(1 + (int16_t)pc->c);
    }
    NEXT(1);
}

SLOW_HANDLER(slow_jne_str)
{
    if (!slots_equal(&RA, &RB)) {
        TAKE(1 + (int16_t)pc->c);
    }
    NEXT(1);
}

HANDLER(JEQ_STR)
{
    int q = slots_equal_quick(&RA, &RB);
    if (q < 0) {
        COLD(slow_jeq_str);
    }
    if (q > 0) {
        TAKE(1 + (int16_t)pc->c);
    }
    NEXT(1);
}

HANDLER(JNE_STR)
{
    int q = slots_equal_quick(&RA, &RB);
    if (q < 0) {
        COLD(slow_jne_str);
    }
    if (q == 0) {
        TAKE(1 + (int16_t)pc->c);
    }
    NEXT(1);
}

/* --- back edges: poll first, while the instruction has done nothing yet --- */

#define POLL()                                                                                     \
    if (UNLIKELY(proc_poll_pending(p))) {                                                              \
        COLD(cold_poll);                                                                           \
    }

HANDLER(LOOP)
{
    POLL();
    pc += 1 + (int32_t)(pc->b | (uint32_t)pc->c << 16);
    DISPATCH();
}

#define BACK_EXT(name, prepare, cond)                                                              \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        POLL();                                                                                    \
        prepare;                                                                                   \
        if (LIKELY(cond)) {                                                                        \
            TAKE(2 + (int16_t)pc->c);                                                              \
        }                                                                                          \
        NEXT(2);                                                                                   \
    }
#define BACK(name, prepare, cond)                                                                  \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        POLL();                                                                                    \
        prepare;                                                                                   \
        if (LIKELY(cond)) {                                                                        \
            TAKE(1 + (int16_t)pc->c);                                                              \
        }                                                                                          \
        NEXT(1);                                                                                   \
    }

BACK(LOOP_T, (void)0, RA.u != 0)
BACK(LOOP_F, (void)0, RA.u == 0)
BACK(LOOP_NE, (void)0, RA.u != RB.u)
BACK(LOOP_NEI, (void)0, RA.i != IMMB)
BACK(LOOP_LT_I64, (void)0, RA.i < RB.i)
BACK(LOOP_LE_I64, (void)0, RA.i <= RB.i)
BACK(LOOP_LTI, (void)0, RA.i < IMMB)
BACK(LOOP_LEI, (void)0, RA.i <= IMMB)
BACK(LOOP_GTI, (void)0, RA.i > IMMB)
BACK(LOOP_GEI, (void)0, RA.i >= IMMB)
BACK_EXT(LOOP_ADD_LT, int64_t x = (int64_t)(RA.u + EXT_SLOT.u); RA.i = x, x < RB.i)
BACK_EXT(LOOP_ADD_LE, int64_t x = (int64_t)(RA.u + EXT_SLOT.u); RA.i = x, x <= RB.i)
BACK(LOOP_LT_F64, (void)0, RA.f < RB.f)
BACK(LOOP_LE_F64, (void)0, RA.f <= RB.f)
BACK(LOOP_INC_LT, int64_t x = (int64_t)(RA.u + 1); RA.i = x, x < RB.i)
BACK(LOOP_INC_LE, int64_t x = (int64_t)(RA.u + 1); RA.i = x, x <= RB.i)
BACK(LOOP_INC_LTI, int64_t x = (int64_t)(RA.u + 1); RA.i = x, x < IMMB)
BACK(LOOP_INC_LTLEN, int64_t x = (int64_t)(RA.u + 1); RA.i = x, x < (int64_t)(uint32_t)RB1.u)
