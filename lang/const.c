/* const.c - exact constant values, immutable, on GMP.
 *
 * Representations: integers as int64_t while they fit, else as limbs; floats as a fraction of two
 * integers while both are small, else as a big float of PREC bits (gc does the same, so 1e1000 and
 * 1/3.0 mean what they mean there); complex values as two real ones.
 *
 * Memory: results are copied into mem_alloc_atomic blocks and read back through read-only mpz, mpf
 * views, so nothing needs a finalizer. GMP's own allocators stay as they are; temporaries are
 * cleared before anything here allocates from lang/mem, except where a failure to allocate ends the
 * compile anyway. GMP aborts on absurd sizes, therefore every operation bounds its result first:
 * integers beyond MAX_BITS become CK_UNKNOWN, exponents are limited to MAX_EXP.
 */
#include "lang/const.h"

#include "lang/scan.h"

#include <assert.h>
#include <gmp.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PREC = 512,
    MAX_BITS = 512,          /* of an integer result */
    MAX_LITERAL_BITS = 40000,/* of a literal: the checker reports those over MAX_BITS */
    RATIO_BITS = 4096,       /* numerator and denominator of a fraction */
    MAX_EXP10 = 646456993    /* beyond it gc's floats are infinite too */
};

typedef struct Big { /* an integer; n < 0: negative */
    const mp_limb_t *d;
    int n;
} Big;

typedef enum Rep { REP_SMALL, REP_BIG, REP_RATIO, REP_FLOAT } Rep;

struct Const {
    uint8_t kind; /* ConstKind */
    uint8_t rep;  /* Rep, of CK_INT and CK_FLOAT */
    union {
        bool b;
        struct { const char *s; size_t n; } str;
        int64_t i;                      /* REP_SMALL (CK_INT) */
        Big big;                        /* REP_BIG (CK_INT) */
        struct { Big num, den; } ratio; /* REP_RATIO: lowest terms, den > 0 */
        __mpf_struct f;                 /* REP_FLOAT */
        struct { const Const *re, *im; } z;
    };
};

static Const unknown = {.kind = CK_UNKNOWN};

/* ---- Making ----------------------------------------------------------------------------------- */

static Const *make(ConstKind k, Rep r)
{
    Const *c = MEM_NEW(Const);
    c->kind = (uint8_t)k;
    c->rep = (uint8_t)r;
    return c;
}

ConstKind const_kind(const Const *c) { return (ConstKind)c->kind; }

Const *const_unknown(void) { return &unknown; }

Const *const_bool(bool b)
{
    Const *c = make(CK_BOOL, 0);
    c->b = b;
    return c;
}

Const *const_string(const char *s, size_t n)
{
    Const *c = make(CK_STRING, 0);
    c->str.s = mem_strndup(s, n);
    c->str.n = n;
    return c;
}

Const *const_i64(int64_t v)
{
    Const *c = make(CK_INT, REP_SMALL);
    c->i = v;
    return c;
}

static Big big_copy(mpz_srcptr z)
{
    size_t n = mpz_size(z);
    mp_limb_t *d = mem_alloc_atomic((n ? n : 1) * sizeof *d);
    if (n) {
        memcpy(d, mpz_limbs_read(z), n * sizeof *d);
    }
    return (Big){d, mpz_sgn(z) < 0 ? -(int)n : (int)n};
}

static mpz_srcptr view(const Big *b, mpz_t store) { return mpz_roinit_n(store, b->d, b->n); }

/* The integer z; the caller clears z. */
static Const *from_mpz(mpz_srcptr z)
{
    if (mpz_fits_slong_p(z)) {
        return const_i64(mpz_get_si(z));
    }
    Const *c = make(CK_INT, REP_BIG);
    c->big = big_copy(z);
    return c;
}

Const *const_u64(uint64_t v)
{
    if (v <= INT64_MAX) {
        return const_i64((int64_t)v);
    }
    mpz_t z;
    mpz_init_set_ui(z, v);
    Const *c = from_mpz(z);
    mpz_clear(z);
    return c;
}

static Const *from_mpf(const mpf_t f)
{
    Const *c = make(CK_FLOAT, REP_FLOAT);
    size_t n = (size_t)abs(f->_mp_size);
    mp_limb_t *d = mem_alloc_atomic((n ? n : 1) * sizeof *d);
    if (n) {
        memcpy(d, f->_mp_d, n * sizeof *d);
    }
    c->f = *f;
    c->f._mp_d = d;
    return c;
}

static bool is_small(const mpz_t z) { return mpz_sizeinbase(z, 2) <= RATIO_BITS; }

/* The fraction q, canonical; as a big float where it is too large. */
static Const *from_mpq(const mpq_t q)
{
    if (is_small(mpq_numref(q)) && is_small(mpq_denref(q))) {
        Const *c = make(CK_FLOAT, REP_RATIO);
        c->ratio.num = big_copy(mpq_numref(q));
        c->ratio.den = big_copy(mpq_denref(q));
        return c;
    }
    mpf_t f;
    mpf_init2(f, PREC);
    mpf_set_q(f, q);
    Const *c = from_mpf(f);
    mpf_clear(f);
    return c;
}

static void get_mpz(const Const *c, mpz_t out)
{
    assert(c->kind == CK_INT);
    if (c->rep == REP_SMALL) {
        mpz_set_si(out, c->i);
    } else {
        mpz_t v;
        mpz_set(out, view(&c->big, v));
    }
}

/* An int or a fraction. */
static void get_mpq(const Const *c, mpq_t out)
{
    if (c->kind == CK_INT) {
        get_mpz(c, mpq_numref(out));
        mpz_set_ui(mpq_denref(out), 1);
        return;
    }
    assert(c->rep == REP_RATIO);
    mpz_t v;
    mpz_set(mpq_numref(out), view(&c->ratio.num, v));
    mpz_set(mpq_denref(out), view(&c->ratio.den, v));
}

static void get_mpf(const Const *c, mpf_t out)
{
    if (c->kind == CK_FLOAT && c->rep == REP_FLOAT) {
        mpf_set(out, &c->f);
        return;
    }
    mpq_t q;
    mpq_init(q);
    get_mpq(c, q);
    mpf_set_q(out, q);
    mpq_clear(q);
}

Const *const_f64(double v)
{
    if (!isfinite(v)) {
        return &unknown;
    }
    mpq_t q;
    mpq_init(q);
    mpq_set_d(q, v);
    Const *c = from_mpq(q);
    mpq_clear(q);
    return c;
}

Const *const_complex(const Const *re, const Const *im)
{
    if (re->kind == CK_UNKNOWN || im->kind == CK_UNKNOWN) {
        return &unknown;
    }
    Const *c = make(CK_COMPLEX, 0);
    c->z.re = const_to_float(re);
    c->z.im = const_to_float(im);
    return c;
}

/* ---- Literals --------------------------------------------------------------------------------- */

static int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

static char *without_underscores(const char *s, size_t n)
{
    char *out = mem_alloc_atomic(n + 1);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '_') {
            out[k++] = s[i];
        }
    }
    return out;
}

/* s: no underscores. */
static Const *int_literal(const char *s)
{
    int base = 10;
    if (s[0] == '0' && s[1]) {
        int p = s[1] | 0x20;
        base = p == 'x' ? 16 : p == 'b' ? 2 : 8;
        s += p == 'x' || p == 'b' || p == 'o' ? 2 : 1;
    }
    size_t n = strlen(s);
    if (n <= 15) {
        char *end;
        int64_t v = strtoll(s, &end, base);
        return *end || !n ? NULL : const_i64(v);
    }
    if (n > MAX_LITERAL_BITS / 4) {
        return &unknown;
    }
    mpz_t z;
    Const *c = NULL;
    mpz_init(z);
    if (mpz_set_str(z, s, base) == 0) {
        c = from_mpz(z);
    }
    mpz_clear(z);
    return c;
}

/* mantissa * 10^exp10 * 2^exp2. */
static Const *scaled(const mpz_t mantissa, long exp10, long exp2)
{
    if (mpz_sgn(mantissa) == 0) {
        return const_f64(0);
    }
    long bits = (long)mpz_sizeinbase(mantissa, 2);
    if (labs(exp10) < 1200 && labs(exp2) < RATIO_BITS && bits < RATIO_BITS) {
        mpq_t q;
        mpz_t p;
        mpq_init(q);
        mpz_init(p);
        mpz_set(mpq_numref(q), mantissa);
        mpz_ui_pow_ui(p, 10, (unsigned long)labs(exp10));
        if (exp10 < 0) {
            mpz_set(mpq_denref(q), p);
        } else {
            mpz_mul(mpq_numref(q), mpq_numref(q), p);
        }
        if (exp2 < 0) {
            mpz_mul_2exp(mpq_denref(q), mpq_denref(q), (unsigned long)-exp2);
        } else {
            mpz_mul_2exp(mpq_numref(q), mpq_numref(q), (unsigned long)exp2);
        }
        mpq_canonicalize(q);
        Const *c = from_mpq(q);
        mpz_clear(p);
        mpq_clear(q);
        return c;
    }
    mpf_t f, p;
    mpf_init2(f, PREC + 64);
    mpf_init2(p, PREC + 64);
    mpf_set_z(f, mantissa);
    mpf_set_ui(p, 10);
    mpf_pow_ui(p, p, (unsigned long)labs(exp10));
    if (exp10 < 0) {
        mpf_div(f, f, p);
    } else {
        mpf_mul(f, f, p);
    }
    if (exp2 < 0) {
        mpf_div_2exp(f, f, (unsigned long)-exp2);
    } else {
        mpf_mul_2exp(f, f, (unsigned long)exp2);
    }
    mpf_set_prec(p, PREC);
    mpf_set(p, f);
    Const *c = from_mpf(p);
    mpf_clear(f);
    mpf_clear(p);
    return c;
}

/* s: no underscores, decimal or hexadecimal. */
static Const *float_literal(const char *s)
{
    bool hex = s[0] == '0' && (s[1] | 0x20) == 'x';
    const char *p = hex ? s + 2 : s;
    char *digits = mem_alloc_atomic(strlen(s) + 2);
    size_t n = 0;
    long point = 0, exp = 0;
    bool after = false;
    for (; *p && (hex ? (*p | 0x20) != 'p' : (*p | 0x20) != 'e'); p++) {
        if (*p == '.') {
            after = true;
        } else {
            digits[n++] = *p;
            point += after;
        }
    }
    if (n > MAX_LITERAL_BITS / 4) {
        return &unknown;
    }
    if (*p) {
        exp = strtol(p + 1, NULL, 10); /* saturates */
    }
    mpz_t m;
    mpz_init(m);
    Const *c = NULL;
    if (mpz_set_str(m, n ? digits : "0", hex ? 16 : 10) == 0) {
        long limit = hex ? 2147480000L : MAX_EXP10;
        if (mpz_sgn(m) == 0 || exp < -limit) {
            c = const_f64(0);
        } else if (exp > limit) {
            c = &unknown;
        } else if (hex) {
            c = scaled(m, 0, exp - 4 * point);
        } else {
            c = scaled(m, exp - point, 0);
        }
    }
    mpz_clear(m);
    return c;
}

static Const *imag_literal(const char *s)
{
    size_t n = strlen(s);
    char *t = mem_strndup(s, n - 1);
    bool prefixed = t[0] == '0' && t[1] && strchr("xXbBoO", t[1]);
    Const *im;
    if (prefixed && !strpbrk(t, ".pP")) {
        im = int_literal(t);
    } else {
        im = float_literal(t); /* 010i is 10i */
    }
    return im ? const_complex(const_i64(0), im) : NULL;
}

/* One escape behind the backslash at *p; appends its bytes. quote strings: bytes, runes: code. */
static uint32_t unescape(const char **p, bool *byte)
{
    char c = *(*p)++;
    *byte = false;
    unsigned digits = 0;
    switch (c) {
    case 'a':
        return '\a';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    case 'x':
        digits = 2;
        break;
    case 'u':
        digits = 4;
        break;
    case 'U':
        digits = 8;
        break;
    default:
        if (c < '0' || c > '7') {
            return (unsigned char)c;
        }
        *byte = true;
        uint32_t v = (uint32_t)(c - '0') * 64 + (uint32_t)((*p)[0] - '0') * 8 +
                     (uint32_t)((*p)[1] - '0');
        *p += 2;
        return v;
    }
    *byte = digits == 2;
    uint32_t v = 0;
    for (; digits > 0; digits--) {
        v = v << 4 | (uint32_t)hex_digit(*(*p)++);
    }
    return v;
}

static Const *char_literal(const char *s, size_t n)
{
    if (n < 3) {
        return NULL;
    }
    if (s[1] == '\\') {
        bool byte;
        const char *p = s + 2;
        return const_i64((int64_t)unescape(&p, &byte));
    }
    unsigned size;
    return const_i64(utf8_decode((const unsigned char *)s + 1, n - 2, &size));
}

static Const *string_literal(const char *s, size_t n)
{
    if (n < 2) {
        return NULL;
    }
    char *out = mem_alloc_atomic(n);
    size_t k = 0;
    const char *p = s + 1, *end = s + n - 1;
    if (s[0] == '`') {
        for (; p < end; p++) {
            if (*p != '\r') {
                out[k++] = *p;
            }
        }
    }
    while (p < end) {
        if (*p != '\\') {
            out[k++] = *p++;
            continue;
        }
        p++;
        bool byte;
        uint32_t r = unescape(&p, &byte);
        if (byte) {
            out[k++] = (char)r;
        } else {
            k += rune_encode(r, out + k);
        }
    }
    Const *c = make(CK_STRING, 0);
    out[k] = 0;
    c->str.s = out;
    c->str.n = k;
    return c;
}

Const *const_literal(Token tok, const char *text, uint32_t len)
{
    switch (tok) {
    case TOK_CHAR:
        return char_literal(text, len);
    case TOK_STRING:
        return string_literal(text, len);
    case TOK_INT:
        return int_literal(without_underscores(text, len));
    case TOK_FLOAT:
        return float_literal(without_underscores(text, len));
    case TOK_IMAG:
        return imag_literal(without_underscores(text, len));
    default:
        return NULL;
    }
}

/* ---- Integers --------------------------------------------------------------------------------- */

static bool small_op(int64_t a, Token op, int64_t b, int64_t *out)
{
    switch (op) {
    case TOK_ADD:
        return !__builtin_add_overflow(a, b, out);
    case TOK_SUB:
        return !__builtin_sub_overflow(a, b, out);
    case TOK_MUL:
        return !__builtin_mul_overflow(a, b, out);
    case TOK_QUO:
        if (b == 0 || (b == -1 && a == INT64_MIN)) {
            return false;
        }
        *out = a / b;
        return true;
    case TOK_REM:
        if (b == 0 || b == -1) {
            *out = 0;
            return b == -1;
        }
        *out = a % b;
        return true;
    case TOK_AND:
        *out = a & b;
        return true;
    case TOK_OR:
        *out = a | b;
        return true;
    case TOK_XOR:
        *out = a ^ b;
        return true;
    case TOK_AND_NOT:
        *out = a & ~b;
        return true;
    default:
        return false;
    }
}

static bool mpz_op(mpz_t r, const mpz_t a, Token op, mpz_t b)
{
    switch (op) {
    case TOK_ADD:
        mpz_add(r, a, b);
        return true;
    case TOK_SUB:
        mpz_sub(r, a, b);
        return true;
    case TOK_MUL:
        mpz_mul(r, a, b);
        return true;
    case TOK_QUO:
    case TOK_REM:
        if (mpz_sgn(b) == 0) {
            return false;
        }
        if (op == TOK_QUO) {
            mpz_tdiv_q(r, a, b);
        } else {
            mpz_tdiv_r(r, a, b);
        }
        return true;
    case TOK_AND:
        mpz_and(r, a, b);
        return true;
    case TOK_OR:
        mpz_ior(r, a, b);
        return true;
    case TOK_XOR:
        mpz_xor(r, a, b);
        return true;
    case TOK_AND_NOT:
        mpz_com(b, b);
        mpz_and(r, a, b);
        return true;
    default:
        return false;
    }
}

static Const *bounded(const mpz_t z)
{
    return mpz_sizeinbase(z, 2) > MAX_BITS ? &unknown : from_mpz(z);
}

static Const *ratio_of(const Const *x, Token op, const Const *y);

static Const *int_binary(const Const *x, Token op, const Const *y, bool int_div)
{
    if (op == TOK_QUO && !int_div) {
        return ratio_of(x, op, y);
    }
    int64_t v;
    if (x->rep == REP_SMALL && y->rep == REP_SMALL && small_op(x->i, op, y->i, &v)) {
        return const_i64(v);
    }
    mpz_t a, b, r;
    mpz_inits(a, b, r, NULL);
    get_mpz(x, a);
    get_mpz(y, b);
    Const *c = mpz_op(r, a, op, b) ? bounded(r) : &unknown;
    mpz_clears(a, b, r, NULL);
    return c;
}

Const *const_shift(const Const *x, Token op, uint64_t count)
{
    if (x->kind != CK_INT) {
        return &unknown;
    }
    if (op == TOK_SHR && count > MAX_LITERAL_BITS) {
        return const_i64(const_sign(x) < 0 ? -1 : 0);
    }
    if (op == TOK_SHL && const_sign(x) && const_bit_len(x) + count > 4 * MAX_BITS) {
        return &unknown;
    }
    mpz_t z;
    mpz_init(z);
    get_mpz(x, z);
    if (op == TOK_SHL) {
        mpz_mul_2exp(z, z, count > 4 * MAX_BITS ? 0 : count);
    } else {
        mpz_fdiv_q_2exp(z, z, count);
    }
    Const *c = op == TOK_SHL ? bounded(z) : from_mpz(z);
    mpz_clear(z);
    return c;
}

/* ---- Floats ----------------------------------------------------------------------------------- */

static Const *ratio_of(const Const *x, Token op, const Const *y)
{
    mpq_t a, b;
    mpq_init(a);
    mpq_init(b);
    get_mpq(x, a);
    get_mpq(y, b);
    Const *c = &unknown;
    switch (op) {
    case TOK_ADD:
        mpq_add(a, a, b);
        c = NULL;
        break;
    case TOK_SUB:
        mpq_sub(a, a, b);
        c = NULL;
        break;
    case TOK_MUL:
        mpq_mul(a, a, b);
        c = NULL;
        break;
    case TOK_QUO:
        if (mpq_sgn(b) != 0) {
            mpq_div(a, a, b);
            c = NULL;
        }
        break;
    default:
        break;
    }
    if (!c) {
        c = from_mpq(a);
    }
    mpq_clear(a);
    mpq_clear(b);
    return c;
}

/* Exponents in limbs stay far from GMP's own limits. */
static Const *checked_mpf(const mpf_t f)
{
    if (f->_mp_size && f->_mp_exp > (1L << 31) / 64) {
        return &unknown;
    }
    if (f->_mp_size && f->_mp_exp < -(1L << 31) / 64) {
        return const_f64(0);
    }
    return from_mpf(f);
}

static Const *float_binary(const Const *x, Token op, const Const *y)
{
    bool xr = x->kind == CK_INT || x->rep == REP_RATIO, yr = y->kind == CK_INT || y->rep == REP_RATIO;
    if (xr && yr) {
        return ratio_of(x, op, y);
    }
    mpf_t a, b;
    mpf_init2(a, PREC);
    mpf_init2(b, PREC);
    get_mpf(x, a);
    get_mpf(y, b);
    bool ok = true;
    switch (op) {
    case TOK_ADD:
        mpf_add(a, a, b);
        break;
    case TOK_SUB:
        mpf_sub(a, a, b);
        break;
    case TOK_MUL:
        mpf_mul(a, a, b);
        break;
    case TOK_QUO:
        ok = mpf_sgn(b) != 0;
        if (ok) {
            mpf_div(a, a, b);
        }
        break;
    default:
        ok = false;
    }
    Const *c = ok ? checked_mpf(a) : &unknown;
    mpf_clear(a);
    mpf_clear(b);
    return c;
}

static Const *complex_binary(const Const *x, Token op, const Const *y)
{
    const Const *a = x->z.re, *b = x->z.im, *c = y->z.re, *d = y->z.im;
#define F(p, o, q) float_binary(p, o, q)
    switch (op) {
    case TOK_ADD:
    case TOK_SUB:
        return const_complex(F(a, op, c), F(b, op, d));
    case TOK_MUL: {
        Const *ac = F(a, TOK_MUL, c), *bd = F(b, TOK_MUL, d);
        Const *bc = F(b, TOK_MUL, c), *ad = F(a, TOK_MUL, d);
        if (!ac->kind || !bd->kind || !bc->kind || !ad->kind) {
            return &unknown;
        }
        return const_complex(F(ac, TOK_SUB, bd), F(bc, TOK_ADD, ad));
    }
    case TOK_QUO: {
        Const *ac = F(a, TOK_MUL, c), *bd = F(b, TOK_MUL, d);
        Const *bc = F(b, TOK_MUL, c), *ad = F(a, TOK_MUL, d);
        Const *cc = F(c, TOK_MUL, c), *dd = F(d, TOK_MUL, d);
        if (!ac->kind || !bd->kind || !bc->kind || !ad->kind || !cc->kind || !dd->kind) {
            return &unknown;
        }
        Const *s = F(cc, TOK_ADD, dd), *re = F(ac, TOK_ADD, bd), *im = F(bc, TOK_SUB, ad);
        if (!s->kind || const_sign(s) == 0) {
            return &unknown;
        }
        return const_complex(F(re, TOK_QUO, s), F(im, TOK_QUO, s));
    }
    default:
        return &unknown;
    }
#undef F
}

/* ---- Operations ------------------------------------------------------------------------------- */

/* Brings both to the larger kind of the two. */
static void match(const Const **x, const Const **y)
{
    ConstKind k = (*x)->kind > (*y)->kind ? (*x)->kind : (*y)->kind;
    if (k == CK_FLOAT) {
        *x = const_to_float(*x);
        *y = const_to_float(*y);
    } else if (k == CK_COMPLEX) {
        *x = const_to_complex(*x);
        *y = const_to_complex(*y);
    }
}

static bool is_number(const Const *c) { return c->kind >= CK_INT; }

static Const *string_concat(const Const *x, const Const *y)
{
    size_t n = x->str.n + y->str.n;
    char *s = mem_alloc_atomic(n + 1);
    memcpy(s, x->str.s, x->str.n);
    memcpy(s + x->str.n, y->str.s, y->str.n);
    Const *c = make(CK_STRING, 0);
    c->str.s = s;
    c->str.n = n;
    return c;
}

Const *const_binary(const Const *x, Token op, const Const *y, bool int_div)
{
    if (is_number(x) && is_number(y)) {
        match(&x, &y);
        return x->kind == CK_INT     ? int_binary(x, op, y, int_div)
               : x->kind == CK_FLOAT ? float_binary(x, op, y)
                                     : complex_binary(x, op, y);
    }
    if (x->kind == CK_STRING && y->kind == CK_STRING && op == TOK_ADD) {
        return string_concat(x, y);
    }
    if (x->kind == CK_BOOL && y->kind == CK_BOOL && (op == TOK_LAND || op == TOK_LOR)) {
        return const_bool(op == TOK_LAND ? x->b && y->b : x->b || y->b);
    }
    return &unknown;
}

static Const *complement(const Const *x, uint32_t bits)
{
    mpz_t z, mask;
    mpz_inits(z, mask, NULL);
    get_mpz(x, z);
    mpz_com(z, z);
    if (bits) {
        mpz_set_ui(mask, 1);
        mpz_mul_2exp(mask, mask, bits);
        mpz_sub_ui(mask, mask, 1);
        mpz_and(z, z, mask);
    }
    Const *c = from_mpz(z);
    mpz_clears(z, mask, NULL);
    return c;
}

Const *const_unary(Token op, const Const *x, uint32_t bits)
{
    if (op == TOK_NOT) {
        return x->kind == CK_BOOL ? const_bool(!x->b) : &unknown;
    }
    if (!is_number(x)) {
        return &unknown;
    }
    switch (op) {
    case TOK_ADD: {
        Const *c = MEM_NEW(Const);
        *c = *x;
        return c;
    }
    case TOK_SUB:
        if (x->kind == CK_COMPLEX) {
            return const_complex(const_unary(op, x->z.re, 0), const_unary(op, x->z.im, 0));
        }
        return const_binary(const_i64(0), TOK_SUB, x, false);
    case TOK_XOR:
        return x->kind == CK_INT ? complement(x, bits) : &unknown;
    default:
        return &unknown;
    }
}

/* -1, 0 or 1. */
static int compare_real(const Const *x, const Const *y)
{
    int r;
    if (x->kind == CK_INT && x->rep == REP_SMALL && y->rep == REP_SMALL) {
        return x->i < y->i ? -1 : x->i > y->i;
    }
    if (x->kind == CK_FLOAT && (x->rep == REP_FLOAT || y->rep == REP_FLOAT)) {
        mpf_t a, b;
        mpf_init2(a, PREC);
        mpf_init2(b, PREC);
        get_mpf(x, a);
        get_mpf(y, b);
        r = mpf_cmp(a, b);
        mpf_clear(a);
        mpf_clear(b);
    } else {
        mpq_t a, b;
        mpq_init(a);
        mpq_init(b);
        get_mpq(x, a);
        get_mpq(y, b);
        r = mpq_cmp(a, b);
        mpq_clear(a);
        mpq_clear(b);
    }
    return r < 0 ? -1 : r > 0;
}

static int compare_strings(const Const *x, const Const *y)
{
    size_t n = x->str.n < y->str.n ? x->str.n : y->str.n;
    int r = memcmp(x->str.s, y->str.s, n);
    return r ? r : x->str.n < y->str.n ? -1 : x->str.n > y->str.n;
}

bool const_compare(const Const *x, Token op, const Const *y)
{
    int r;
    if (is_number(x) && is_number(y)) {
        match(&x, &y);
        if (x->kind == CK_COMPLEX) {
            r = compare_real(x->z.re, y->z.re) || compare_real(x->z.im, y->z.im);
        } else {
            r = compare_real(x, y);
        }
    } else if (x->kind == CK_STRING && y->kind == CK_STRING) {
        r = compare_strings(x, y);
    } else if (x->kind == CK_BOOL && y->kind == CK_BOOL) {
        r = x->b != y->b;
    } else {
        return false;
    }
    switch (op) {
    case TOK_EQL:
        return r == 0;
    case TOK_NEQ:
        return r != 0;
    case TOK_LSS:
        return r < 0;
    case TOK_LEQ:
        return r <= 0;
    case TOK_GTR:
        return r > 0;
    case TOK_GEQ:
        return r >= 0;
    default:
        return false;
    }
}

/* ---- Conversions ------------------------------------------------------------------------------ */

static Const *copy_of(const Const *c)
{
    Const *d = MEM_NEW(Const);
    *d = *c;
    return d;
}

static Const *float_to_int(const Const *c)
{
    if (c->rep == REP_RATIO) {
        if (c->ratio.den.n != 1 || c->ratio.den.d[0] != 1) {
            return NULL;
        }
        mpz_t v;
        return from_mpz(view(&c->ratio.num, v));
    }
    if (!mpf_integer_p(&c->f) || c->f._mp_exp > RATIO_BITS / 64 + 1) {
        return NULL;
    }
    mpz_t z;
    mpz_init(z);
    mpz_set_f(z, &c->f);
    Const *r = from_mpz(z);
    mpz_clear(z);
    return r;
}

Const *const_to_int(const Const *c)
{
    switch (c->kind) {
    case CK_INT:
        return copy_of(c);
    case CK_FLOAT:
        return float_to_int(c);
    case CK_COMPLEX:
        return const_sign(c->z.im) == 0 ? const_to_int(c->z.re) : NULL;
    default:
        return NULL;
    }
}

Const *const_to_float(const Const *c)
{
    switch (c->kind) {
    case CK_INT: {
        mpq_t q;
        mpq_init(q);
        get_mpq(c, q);
        Const *r = from_mpq(q);
        mpq_clear(q);
        return r;
    }
    case CK_FLOAT:
        return copy_of(c);
    case CK_COMPLEX:
        return const_sign(c->z.im) == 0 ? const_to_float(c->z.re) : NULL;
    default:
        return NULL;
    }
}

Const *const_to_complex(const Const *c)
{
    switch (c->kind) {
    case CK_INT:
    case CK_FLOAT:
        return const_complex(c, const_i64(0));
    case CK_COMPLEX:
        return copy_of(c);
    default:
        return NULL;
    }
}

Const *const_real(const Const *c)
{
    return c->kind == CK_COMPLEX ? copy_of(c->z.re) : is_number(c) ? copy_of(c) : &unknown;
}

Const *const_imag(const Const *c)
{
    return c->kind == CK_COMPLEX ? copy_of(c->z.im) : is_number(c) ? const_i64(0) : &unknown;
}

int const_sign(const Const *c)
{
    switch (c->kind) {
    case CK_INT:
        if (c->rep == REP_SMALL) {
            return c->i < 0 ? -1 : c->i > 0;
        }
        return c->big.n < 0 ? -1 : c->big.n > 0;
    case CK_FLOAT: {
        int n = c->rep == REP_RATIO ? c->ratio.num.n : c->f._mp_size;
        return n < 0 ? -1 : n > 0;
    }
    case CK_COMPLEX:
        return const_sign(c->z.re) | const_sign(c->z.im);
    default:
        return 1;
    }
}

/* ---- Readers ---------------------------------------------------------------------------------- */

bool const_as_i64(const Const *c, int64_t *out)
{
    if (c->kind == CK_FLOAT || c->kind == CK_COMPLEX) {
        c = const_to_int(c);
    }
    if (!c || c->kind != CK_INT || c->rep != REP_SMALL) {
        return false;
    }
    *out = c->i;
    return true;
}

bool const_as_u64(const Const *c, uint64_t *out)
{
    if (c->kind == CK_FLOAT || c->kind == CK_COMPLEX) {
        c = const_to_int(c);
    }
    if (!c || c->kind != CK_INT) {
        return false;
    }
    if (c->rep == REP_SMALL) {
        *out = (uint64_t)c->i;
        return c->i >= 0;
    }
    *out = c->big.d[0];
    return c->big.n == 1;
}

/* num/den * 2^exp rounded to nearest even with `mant` bits and least exponent `emin`. */
static double round_ratio(const mpz_t num, const mpz_t den, long exp, int mant, int emin, int emax)
{
    if (mpz_sgn(num) == 0) {
        return 0;
    }
    mpz_t q, r, a, b;
    mpz_inits(q, r, a, b, NULL);
    mpz_abs(a, num);
    mpz_set(b, den);
    long shift = 66 - ((long)mpz_sizeinbase(a, 2) - (long)mpz_sizeinbase(b, 2));
    if (shift > 0) {
        mpz_mul_2exp(a, a, (unsigned long)shift);
    } else {
        mpz_mul_2exp(b, b, (unsigned long)-shift);
    }
    mpz_tdiv_qr(q, r, a, b);
    bool sticky = mpz_sgn(r) != 0;
    long bits = (long)mpz_sizeinbase(q, 2);
    long e = exp - shift;       /* value = q * 2^e */
    long top = bits - 1 + e;    /* exponent of the leading bit */
    long keep = top < emin ? mant - (emin - top) : mant;
    double v = 0;
    if (top > emax) {
        v = INFINITY;
    } else if (keep >= 0) {
        long drop = bits - keep;
        assert(drop > 0);
        sticky |= drop > 1 && mpz_scan1(q, 0) < (unsigned long)(drop - 1);
        bool half = mpz_tstbit(q, (unsigned long)(drop - 1));
        mpz_tdiv_q_2exp(q, q, (unsigned long)drop);
        if (half && (sticky || mpz_odd_p(q))) {
            mpz_add_ui(q, q, 1);
        }
        v = ldexp((double)mpz_get_ui(q), (int)(e + drop));
        if (v >= ldexp(1, emax + 1 > 1023 ? 1023 : emax + 1) && emax < 1023) {
            v = INFINITY;
        }
    }
    if (mpz_sgn(num) < 0) {
        v = -v;
    }
    mpz_clears(q, r, a, b, NULL);
    return v;
}

static double to_double(const Const *c, int mant, int emin, int emax)
{
    if (c->kind == CK_COMPLEX) {
        c = c->z.re;
    }
    if (!is_number(c)) {
        return 0;
    }
    mpz_t num, den;
    long exp = 0;
    mpz_init(num);
    mpz_init_set_ui(den, 1);
    if (c->kind == CK_INT) {
        get_mpz(c, num);
    } else if (c->rep == REP_RATIO) {
        mpz_t v;
        mpz_set(num, view(&c->ratio.num, v));
        mpz_set(den, view(&c->ratio.den, v));
    } else {
        mpz_t v;
        mpz_set(num, mpz_roinit_n(v, c->f._mp_d, c->f._mp_size));
        exp = ((long)c->f._mp_exp - labs((long)c->f._mp_size)) * 64;
    }
    double d = round_ratio(num, den, exp, mant, emin, emax);
    mpz_clear(num);
    mpz_clear(den);
    return d;
}

double const_as_f64(const Const *c) { return to_double(c, 53, -1022, 1023); }

float const_as_f32(const Const *c) { return (float)to_double(c, 24, -126, 127); }

bool const_as_bool(const Const *c) { return c->kind == CK_BOOL && c->b; }

const char *const_as_string(const Const *c, size_t *len)
{
    if (c->kind != CK_STRING) {
        *len = 0;
        return "";
    }
    *len = c->str.n;
    return c->str.s;
}

Const *const_round_f32(const Const *c) { return const_f64((double)const_as_f32(c)); }

Const *const_round_f64(const Const *c) { return const_f64(const_as_f64(c)); }

uint32_t const_bit_len(const Const *c)
{
    if (c->kind != CK_INT) {
        return 0;
    }
    if (c->rep == REP_SMALL) {
        uint64_t v = c->i < 0 ? -(uint64_t)c->i : (uint64_t)c->i;
        return v ? 64u - (uint32_t)__builtin_clzll(v) : 0;
    }
    mpz_t v;
    return (uint32_t)mpz_sizeinbase(view(&c->big, v), 2);
}

/* ---- Text ------------------------------------------------------------------------------------- */

static char *int_text(const Const *c)
{
    if (c->rep == REP_SMALL) {
        return mem_printf("%lld", (long long)c->i);
    }
    mpz_t v;
    mpz_srcptr z = view(&c->big, v);
    char *s = mem_alloc_atomic(mpz_sizeinbase(z, 10) + 3);
    return mpz_get_str(s, 10, z);
}

/* Go's %.6g differs from C's only in the exponent's form: both print at least two digits. */
static char *float_text(const Const *c)
{
    double d = const_as_f64(c);
    if ((d == 0) == (const_sign(c) == 0) && isfinite(d)) {
        return mem_printf("%.6g", d);
    }
    assert(c->kind == CK_FLOAT);
    mpf_t f;
    mpf_init2(f, PREC);
    get_mpf(c, f);
    long e2;
    double m = mpf_get_d_2exp(&e2, f);
    double e10 = (double)e2 * 0.30102999566398120;
    double whole = floor(e10);
    m *= pow(10, e10 - whole);
    if (fabs(m) < 1) {
        m *= 10;
        whole--;
    }
    if (fabs(m) >= 9.999995) { /* would print as 10 */
        m /= 10;
        whole++;
    }
    mpf_clear(f);
    return mem_printf("%.6ge%+.0f", m, whole);
}

static char *quoted(const char *s, size_t n, size_t max_runes)
{
    size_t bytes = max_runes < n / 4 ? max_runes * 4 : n;
    char *out = mem_alloc_atomic(bytes * 4 + 16);
    size_t k = 0, runes = 0;
    out[k++] = '"';
    for (size_t i = 0; i < n; runes++) {
        if (runes == max_runes) {
            memcpy(out + k, "...", 3);
            k += 3;
            break;
        }
        unsigned size;
        unsigned char c = (unsigned char)s[i];
        uint32_t r = utf8_decode((const unsigned char *)s + i, n - i, &size);
        const char *simple = "\a\b\f\n\r\t\v\"\\", *names = "abfnrtv\"\\";
        const char *at = c && c < 0x80 ? strchr(simple, c) : NULL;
        if (at) {
            out[k++] = '\\';
            out[k++] = names[at - simple];
        } else if (c < ' ' || c == 0x7f || (r == 0xfffd && size == 1)) {
            k += (size_t)sprintf(out + k, "\\x%02x", c);
        } else {
            memcpy(out + k, s + i, size);
            k += size;
        }
        i += size;
    }
    out[k++] = '"';
    out[k] = 0;
    return out;
}

char *const_format(const Const *c)
{
    switch (c->kind) {
    case CK_BOOL:
        return mem_printf("%s", c->b ? "true" : "false");
    case CK_STRING:
        return quoted(c->str.s, c->str.n, 68);
    case CK_INT:
        return int_text(c);
    case CK_FLOAT:
        return float_text(c);
    case CK_COMPLEX:
        return mem_printf("(%s + %si)", const_format(c->z.re), const_format(c->z.im));
    default:
        return mem_printf("unknown");
    }
}

static char *float_source(const Const *c)
{
    if (c->rep == REP_RATIO) {
        mpz_t v;
        mpz_srcptr n = view(&c->ratio.num, v);
        char *num = mem_alloc_atomic(mpz_sizeinbase(n, 10) + 3);
        mpz_get_str(num, 10, n);
        mpz_srcptr d = view(&c->ratio.den, v);
        if (mpz_cmp_ui(d, 1) == 0) {
            return mem_printf("%s.0", num);
        }
        char *den = mem_alloc_atomic(mpz_sizeinbase(d, 10) + 3);
        mpz_get_str(den, 10, d);
        return mem_printf("(%s.0/%s.0)", num, den);
    }
    mpz_t v;
    mpz_srcptr m = mpz_roinit_n(v, c->f._mp_d, abs(c->f._mp_size));
    char *digits = mem_alloc_atomic(mpz_sizeinbase(m, 16) + 3);
    mpz_get_str(digits, 16, m);
    long exp = ((long)c->f._mp_exp - labs((long)c->f._mp_size)) * 64;
    return mem_printf("%s0x%sp%+ld", c->f._mp_size < 0 ? "-" : "", digits, exp);
}

char *const_source(const Const *c)
{
    switch (c->kind) {
    case CK_STRING:
        return quoted(c->str.s, c->str.n, SIZE_MAX);
    case CK_FLOAT:
        return float_source(c);
    case CK_COMPLEX:
        return mem_printf("(%s + (%s)*1i)", const_source(c->z.re), const_source(c->z.im));
    default:
        return const_format(c);
    }
}
