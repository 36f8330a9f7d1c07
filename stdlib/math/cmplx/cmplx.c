/* cmplx.c - natives of math/cmplx: the C library's complex functions, whose special cases are C99
 * Annex G's, as Go's are. Pure functions; a complex128 is two slots {re, im}. */
#define _GNU_SOURCE
#include <complex.h>
#include <math.h>

#include "runtime/native.h"

typedef double complex Complex;

/* As CMPLX, which glibc has for gcc only. */
static Complex join(double re, double im) { return __builtin_complex(re, im); }

static Complex at(const Slot *s) { return join(s[0].f, s[1].f); }

static NativeStatus give(Slot *fp, Complex z)
{
    fp[0].f = creal(z);
    fp[1].f = cimag(z);
    return NATIVE_OK;
}

static Complex cotangent(Complex z)
{
    Complex t = ctan(z);
    double a = creal(t), b = cimag(t), n = a * a + b * b;
    if (a == 0 && b == 0) {
        return join(INFINITY, INFINITY);
    }
    return n > 0 && isfinite(n) ? join(a / n, -b / n) : 1 / t;
}

static Complex logarithm10(Complex z)
{
    Complex l = clog(z);
    return join(M_LOG10E * creal(l), M_LOG10E * cimag(l));
}

static Complex power(Complex x, Complex y)
{
    double re = creal(y), im = cimag(y);
    if (creal(x) == 0 && cimag(x) == 0) {
        if (re == 0 && im == 0) {
            return 1;
        }
        if (re < 0) {
            return im == 0 ? join(INFINITY, 0) : join(INFINITY, INFINITY);
        }
        return re > 0 ? 0 : join(NAN, NAN);
    }
    double size = cabs(x), angle = carg(x);
    double r = pow(size, re), turn = re * angle;
    if (im != 0) {
        r *= exp(-im * angle);
        turn += im * log(size);
    }
    return join(r * cos(turn), r * sin(turn));
}

#define ONE(name, fn)                                                                              \
    static NativeStatus n_##name(struct P *p, Slot *fp) { return give(fp, fn(at(fp + 2))); }

ONE(Acos, cacos)
ONE(Acosh, cacosh)
ONE(Asin, casin)
ONE(Asinh, casinh)
ONE(Atan, catan)
ONE(Atanh, catanh)
ONE(Cos, ccos)
ONE(Cosh, ccosh)
ONE(Cot, cotangent)
ONE(Exp, cexp)
ONE(Log, clog)
ONE(Log10, logarithm10)
ONE(Sin, csin)
ONE(Sinh, csinh)
ONE(Sqrt, csqrt)
ONE(Tan, ctan)
ONE(Tanh, ctanh)

static NativeStatus n_Pow(struct P *p, Slot *fp) { return give(fp, power(at(fp + 2), at(fp + 4))); }

#define M "math/cmplx"
#define C1 "func(x complex128) complex128"
const NativeDef natives_math_cmplx[] = {
    {M, "Acos", C1, "inverse cosine", n_Acos},
    {M, "Acosh", C1, "inverse hyperbolic cosine", n_Acosh},
    {M, "Asin", C1, "inverse sine", n_Asin},
    {M, "Asinh", C1, "inverse hyperbolic sine", n_Asinh},
    {M, "Atan", C1, "inverse tangent", n_Atan},
    {M, "Atanh", C1, "inverse hyperbolic tangent", n_Atanh},
    {M, "Cos", C1, "cosine", n_Cos},
    {M, "Cosh", C1, "hyperbolic cosine", n_Cosh},
    {M, "Cot", C1, "cotangent", n_Cot},
    {M, "Exp", C1, "e**x", n_Exp},
    {M, "Log", C1, "natural logarithm", n_Log},
    {M, "Log10", C1, "decimal logarithm", n_Log10},
    {M, "Sin", C1, "sine", n_Sin},
    {M, "Sinh", C1, "hyperbolic sine", n_Sinh},
    {M, "Sqrt", C1, "square root", n_Sqrt},
    {M, "Tan", C1, "tangent", n_Tan},
    {M, "Tanh", C1, "hyperbolic tangent", n_Tanh},
    {M, "Pow", "func(x, y complex128) complex128", "x**y", n_Pow},
    {0},
};
