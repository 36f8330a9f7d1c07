/* math.c - natives of math: libm, with Go's answers where the C library's differ. Pure functions. */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "runtime/native.h"

static double gamma_of(double x)
{
    if (x == -INFINITY || (x < 0 && x == floor(x))) {
        return NAN;
    }
    return tgamma(x);
}

static double larger(double x, double y)
{
    if (isinf(x) || isinf(y)) {
        if (x == INFINITY || y == INFINITY) {
            return INFINITY;
        }
    }
    if (isnan(x) || isnan(y)) {
        return NAN;
    }
    if (x == 0 && y == 0) {
        return signbit(x) ? y : x;
    }
    return x > y ? x : y;
}

static double smaller(double x, double y)
{
    if (x == -INFINITY || y == -INFINITY) {
        return -INFINITY;
    }
    if (isnan(x) || isnan(y)) {
        return NAN;
    }
    if (x == 0 && y == 0) {
        return signbit(x) ? x : y;
    }
    return x < y ? x : y;
}

#define ONE(name, value)                                                                           \
    static NativeStatus n_##name(struct P *p, Slot *fp)                                            \
    {                                                                                              \
        double x = fp[1].f;                                                                        \
        fp[0].f = (value);                                                                         \
        return NATIVE_OK;                                                                          \
    }
#define TWO(name, value)                                                                           \
    static NativeStatus n_##name(struct P *p, Slot *fp)                                            \
    {                                                                                              \
        double x = fp[1].f, y = fp[2].f;                                                           \
        fp[0].f = (value);                                                                         \
        return NATIVE_OK;                                                                          \
    }

ONE(Acos, acos(x))
ONE(Acosh, acosh(x))
ONE(Asin, asin(x))
ONE(Asinh, asinh(x))
ONE(Atan, atan(x))
ONE(Atanh, atanh(x))
ONE(Cbrt, (double)cbrtl(x)) /* glibc's cbrt is off by an ulp at 27 */
ONE(Ceil, ceil(x))
ONE(Cos, cos(x))
ONE(Cosh, cosh(x))
ONE(Erf, erf(x))
ONE(Erfc, erfc(x))
ONE(Exp, exp(x))
ONE(Exp2, exp2(x))
ONE(Expm1, expm1(x))
ONE(Floor, floor(x))
ONE(Gamma, gamma_of(x))
ONE(J0, j0(x))
ONE(J1, isinf(x) ? 0 : j1(x))
ONE(Log, log(x))
ONE(Log10, log10(x))
ONE(Log1p, log1p(x))
ONE(Log2, log2(x))
ONE(Logb, logb(x))
ONE(Round, round(x))
ONE(RoundToEven, nearbyint(x))
ONE(Sin, sin(x))
ONE(Sinh, sinh(x))
ONE(Sqrt, sqrt(x))
ONE(Tan, tan(x))
ONE(Tanh, tanh(x))
ONE(Trunc, trunc(x))
ONE(Y0, x < 0 ? NAN : y0(x))
ONE(Y1, x < 0 ? NAN : y1(x))
ONE(Abs, fabs(x))
TWO(Atan2, atan2(x, y))
TWO(Copysign, copysign(x, y))
TWO(Hypot, hypot(x, y))
TWO(Mod, fmod(x, y))
TWO(Pow, pow(x, y))
TWO(Remainder, remainder(x, y))
TWO(Nextafter, x == y ? x : nextafter(x, y))
TWO(Max, larger(x, y))
TWO(Min, smaller(x, y))
TWO(Dim, isnan(x - y) ? NAN : x - y > 0 ? x - y : 0)

static NativeStatus n_FMA(struct P *p, Slot *fp)
{
    fp[0].f = fma(fp[1].f, fp[2].f, fp[3].f);
    return NATIVE_OK;
}

/* float64 and its bits stand in a slot alike; so do float32 and its zero-extended bits. */
static NativeStatus n_same_bits(struct P *p, Slot *fp)
{
    fp[0] = fp[1];
    return NATIVE_OK;
}

static NativeStatus n_same_bits32(struct P *p, Slot *fp)
{
    fp[0].u = (uint32_t)fp[1].u;
    return NATIVE_OK;
}

static NativeStatus n_Nextafter32(struct P *p, Slot *fp)
{
    Slot r = {.u = 0};
    float x = fp[1].f32, y = fp[2].f32;
    r.f32 = x == y ? x : nextafterf(x, y);
    fp[0] = r;
    return NATIVE_OK;
}

static int clamp(int64_t n, int limit) { return n > limit ? limit : n < -limit ? -limit : (int)n; }

static NativeStatus n_Jn(struct P *p, Slot *fp)
{
    double x = fp[2].f;
    bool zero = isinf(x) || (x == 0 && fp[1].i != 0); /* C's has a sign there */
    fp[0].f = zero ? 0 : jn(clamp(fp[1].i, 1 << 20), x);
    return NATIVE_OK;
}

static NativeStatus n_Yn(struct P *p, Slot *fp)
{
    fp[0].f = fp[2].f < 0 ? NAN : yn(clamp(fp[1].i, 1 << 20), fp[2].f);
    return NATIVE_OK;
}

static NativeStatus n_Ldexp(struct P *p, Slot *fp)
{
    fp[0].f = ldexp(fp[1].f, clamp(fp[2].i, 1 << 20));
    return NATIVE_OK;
}

static NativeStatus n_Frexp(struct P *p, Slot *fp)
{
    int e = 0;
    double x = fp[2].f;
    fp[0].f = isfinite(x) ? frexp(x, &e) : x;
    fp[1].i = e;
    return NATIVE_OK;
}

static NativeStatus n_Modf(struct P *p, Slot *fp)
{
    double whole, x = fp[2].f, frac = modf(x, &whole);
    fp[0].f = whole;
    fp[1].f = isinf(x) ? NAN : frac;
    return NATIVE_OK;
}

static NativeStatus n_Lgamma(struct P *p, Slot *fp)
{
    int sign = 1;
    double x = fp[2].f, r;
    if (x == -INFINITY) {
        r = -INFINITY;
    } else if (x <= 0 && x == floor(x)) {
        r = INFINITY;
    } else {
        r = lgamma_r(x, &sign);
    }
    fp[0].f = r;
    fp[1].i = isnan(x) ? 1 : sign < 0 ? -1 : 1;
    return NATIVE_OK;
}

static NativeStatus n_Sincos(struct P *p, Slot *fp)
{
    double x = fp[2].f;
    sincos(x, &fp[0].f, &fp[1].f);
    return NATIVE_OK;
}

#define M "math"
#define F1 "func(x float64) float64"
#define F2 "func(x, y float64) float64"
const NativeDef natives_math[] = {
    {M, "Acos", F1, "arc cosine", n_Acos},
    {M, "Acosh", F1, "inverse hyperbolic cosine", n_Acosh},
    {M, "Asin", F1, "arc sine", n_Asin},
    {M, "Asinh", F1, "inverse hyperbolic sine", n_Asinh},
    {M, "Atan", F1, "arc tangent", n_Atan},
    {M, "Atanh", F1, "inverse hyperbolic tangent", n_Atanh},
    {M, "Cbrt", F1, "cube root", n_Cbrt},
    {M, "Ceil", F1, "least integer not below x", n_Ceil},
    {M, "Cos", F1, "cosine", n_Cos},
    {M, "Cosh", F1, "hyperbolic cosine", n_Cosh},
    {M, "Erf", F1, "error function", n_Erf},
    {M, "Erfc", F1, "complement of the error function", n_Erfc},
    {M, "Exp", F1, "e**x", n_Exp},
    {M, "Exp2", F1, "2**x", n_Exp2},
    {M, "Expm1", F1, "e**x - 1, exact near zero", n_Expm1},
    {M, "Floor", F1, "greatest integer not above x", n_Floor},
    {M, "Gamma", F1, "gamma function", n_Gamma},
    {M, "J0", F1, "Bessel function of the first kind, order 0", n_J0},
    {M, "J1", F1, "Bessel function of the first kind, order 1", n_J1},
    {M, "Log", F1, "natural logarithm", n_Log},
    {M, "Log10", F1, "decimal logarithm", n_Log10},
    {M, "Log1p", F1, "log(1+x), exact near zero", n_Log1p},
    {M, "Log2", F1, "binary logarithm", n_Log2},
    {M, "Logb", F1, "binary exponent of x", n_Logb},
    {M, "Round", F1, "nearest integer, halves away from zero", n_Round},
    {M, "RoundToEven", F1, "nearest integer, halves to even", n_RoundToEven},
    {M, "Sin", F1, "sine", n_Sin},
    {M, "Sinh", F1, "hyperbolic sine", n_Sinh},
    {M, "Sqrt", F1, "square root", n_Sqrt},
    {M, "Tan", F1, "tangent", n_Tan},
    {M, "Tanh", F1, "hyperbolic tangent", n_Tanh},
    {M, "Trunc", F1, "integer part of x", n_Trunc},
    {M, "Y0", F1, "Bessel function of the second kind, order 0", n_Y0},
    {M, "Y1", F1, "Bessel function of the second kind, order 1", n_Y1},
    {M, "Abs", F1, "absolute value", n_Abs},
    {M, "Atan2", F2, "angle of the point (x, y)", n_Atan2},
    {M, "Copysign", F2, "f with the sign of sign", n_Copysign},
    {M, "Hypot", F2, "square root of p*p + q*q without overflow", n_Hypot},
    {M, "Mod", F2, "remainder of x/y with the sign of x", n_Mod},
    {M, "Pow", F2, "x**y", n_Pow},
    {M, "Remainder", F2, "IEEE 754 remainder of x/y", n_Remainder},
    {M, "Nextafter", F2, "next float64 after x towards y", n_Nextafter},
    {M, "Max", F2, "larger of x and y; NaN if one is", n_Max},
    {M, "Min", F2, "smaller of x and y; NaN if one is", n_Min},
    {M, "Dim", F2, "x-y, or 0 if that is negative", n_Dim},
    {M, "FMA", "func(x, y, z float64) float64", "x*y + z rounded once", n_FMA},
    {M, "Float64bits", "func(f float64) uint64", "bits of f", n_same_bits},
    {M, "Float64frombits", "func(b uint64) float64", "float of bits", n_same_bits},
    {M, "Float32bits", "func(f float32) uint32", "bits of f", n_same_bits32},
    {M, "Float32frombits", "func(b uint32) float32", "float of bits", n_same_bits32},
    {M, "Nextafter32", "func(x, y float32) float32", "next float32", n_Nextafter32},
    {M, "Jn", "func(n int, x float64) float64", "Bessel function of the first kind", n_Jn},
    {M, "Yn", "func(n int, x float64) float64", "Bessel function of the second kind", n_Yn},
    {M, "Ldexp", "func(frac float64, exp int) float64", "frac * 2**exp", n_Ldexp},
    {M, "Frexp", "func(f float64) (float64, int)", "fraction and exponent", n_Frexp},
    {M, "Modf", "func(f float64) (float64, float64)", "integer and fraction", n_Modf},
    {M, "Lgamma", "func(x float64) (float64, int)", "log of |Gamma(x)|, and sign", n_Lgamma},
    {M, "Sincos", "func(x float64) (float64, float64)", "sine and cosine", n_Sincos},
    {0},
};
