/* float.c - floats to text and back, exactly.
 *
 * Shortest digits come from the Schubfach method (R. Giulietti, "The Schubfach way to render
 * doubles"): of the decimals that round to the float, take the shortest, of these the closest; it
 * needs one table of 128-bit powers of ten, and three multiplications. Digits to a given precision
 * come from the C library, which is exact. Reading: up to 19 digits with a small power of ten are
 * exact in one operation; else strtod gets the digits as an integer and an exponent, so no decimal
 * point of some locale matters. Tried and rejected: printing %.17g and shortening (three to eight
 * conversions a number). */
#include "stdlib/strconv/float.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stdlib/strconv/pow10_gen.h"

/* 0.d1d2... * 10^dp, no zeros at the end; zero is n == 0, dp == 0. */
typedef struct Digits {
    char d[1120];
    int n, dp;
} Digits;

/* ---- shortest ------------------------------------------------------------------------------- */

typedef unsigned __int128 u128;

/* floor(g * x / 2^128) with its lowest bit set if anything was cut off. */
static uint64_t round_to_odd(const uint64_t g[2], uint64_t x)
{
    u128 low = (u128)g[1] * x;
    u128 high = (u128)g[0] * x + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static int floor_log2_pow10(int e) { return (e * 1741647) >> 19; }

/* The shortest decimal of c * 2^q; *e10 is its exponent. closer: the value below is half as far. */
static uint64_t schubfach(uint64_t c, int q, bool closer, int *e10)
{
    bool odd = c & 1;
    int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    int h = q + floor_log2_pow10(-k) + 1;
    assert(-k >= POW10_MIN && -k <= POW10_MAX);
    const uint64_t *g = pow10_bits[-k - POW10_MIN];
    uint64_t lower = round_to_odd(g, (4 * c - 2 + closer) << h) + odd;
    uint64_t v = round_to_odd(g, (4 * c) << h);
    uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - odd;
    uint64_t s = v / 4;
    if (s >= 10) {
        uint64_t t = s / 10;
        bool down = lower <= 40 * t, up = 40 * t + 40 <= upper;
        if (down != up) {
            *e10 = k + 1;
            return t + up;
        }
    }
    *e10 = k;
    bool down = lower <= 4 * s, up = 4 * s + 4 <= upper;
    if (down != up) {
        return s + up;
    }
    uint64_t mid = 4 * s + 2;
    return s + (v > mid || (v == mid && (s & 1)));
}

/* Split a finite float != 0: value = *c * 2^*q. Returns whether the gap below is the smaller. */
static bool split(double f, bool single, uint64_t *c, int *q)
{
    if (single) {
        float g = (float)f;
        uint32_t b;
        memcpy(&b, &g, 4);
        uint32_t e = b >> 23 & 0xff, m = b & 0x7fffff;
        *c = e ? m | 0x800000 : m;
        *q = (int)(e ? e : 1) - 150;
        return m == 0 && e > 1;
    }
    uint64_t b;
    memcpy(&b, &f, 8);
    uint64_t e = b >> 52 & 0x7ff, m = b & 0xfffffffffffff;
    *c = e ? m | UINT64_C(1) << 52 : m;
    *q = (int)(e ? e : 1) - 1075;
    return m == 0 && e > 1;
}

static void trim(Digits *d)
{
    while (d->n > 0 && d->d[d->n - 1] == '0') {
        d->n--;
    }
    if (d->n == 0) {
        d->dp = 0;
    }
}

static void shortest(Digits *d, double f, bool single)
{
    uint64_t c, dec;
    int q, e10 = 0, n = 0;
    char rev[24];
    bool closer = split(f, single, &c, &q);
    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0) {
        dec = c >> -q; /* a small integer */
    } else {
        dec = schubfach(c, q, closer, &e10);
    }
    for (; dec; dec /= 10) {
        rev[n++] = (char)('0' + dec % 10);
    }
    d->n = n;
    d->dp = n + e10;
    for (int i = 0; i < n; i++) {
        d->d[i] = rev[n - 1 - i];
    }
    trim(d);
}

/* ---- to a precision ------------------------------------------------------------------------- */

/* Take the digits out of what printf wrote, whatever its decimal point; returns how many stand
 * before it. */
static int take_digits(Digits *d, const char *s)
{
    int whole = -1;
    d->n = 0;
    for (; *s && *s != 'e'; s++) {
        if ('0' <= *s && *s <= '9') {
            d->d[d->n++] = *s;
        } else if (whole < 0) {
            whole = d->n;
        }
    }
    return whole < 0 ? d->n : whole;
}

/* f >= 0 rounded to n > 0 digits. */
static void digits_total(Digits *d, double f, int64_t n)
{
    char buf[840];
    snprintf(buf, sizeof buf, "%.*e", (int)(n > 800 ? 800 : n) - 1, f);
    take_digits(d, buf);
    d->dp = atoi(strchr(buf, 'e') + 1) + 1;
    trim(d);
}

/* f >= 0 rounded to n digits after the point. */
static void digits_after_point(Digits *d, double f, int64_t n)
{
    char buf[1500];
    snprintf(buf, sizeof buf, "%.*f", (int)(n > 1080 ? 1080 : n), f);
    char *s = buf;
    int skip = 0;
    /* 309 digits before the point and 1080 after do not fit d: at most 767 of them count. */
    while (*s == '0') {
        s++;
    }
    if (*s && (*s < '0' || *s > '9')) { /* below 1: leading zeros after the point go too */
        for (s++; *s == '0'; s++) {
            skip++;
        }
        d->n = 0;
        for (; *s && d->n < (int)sizeof d->d; s++) {
            d->d[d->n++] = *s;
        }
        d->dp = -skip;
    } else {
        if (strlen(s) > sizeof d->d) {
            s[sizeof d->d] = 0;
        }
        d->dp = take_digits(d, s);
    }
    trim(d);
}

/* ---- layout --------------------------------------------------------------------------------- */

/* Bytes written to a buffer that may be too small; n counts what was wanted. */
typedef struct Out {
    char *p;
    int64_t cap, n;
} Out;

static void put(Out *o, char c)
{
    if (o->n < o->cap) {
        o->p[o->n] = c;
    }
    o->n++;
}

static void put_text(Out *o, const char *s)
{
    while (*s) {
        put(o, *s++);
    }
}

static void put_zeros(Out *o, int64_t n)
{
    if (n > 0) {
        if (o->n < o->cap) {
            memset(o->p + o->n, '0', (size_t)(n < o->cap - o->n ? n : o->cap - o->n));
        }
        o->n += n;
    }
}

/* Digits i .. i+n of d, with zeros after (and before) its end. */
static void put_digits(Out *o, const Digits *d, int64_t i, int64_t n)
{
    for (; n > 0 && i < d->n; n--, i++) {
        put(o, i < 0 ? '0' : d->d[i]);
    }
    put_zeros(o, n);
}

static void put_exponent(Out *o, char letter, int e)
{
    char buf[16];
    snprintf(buf, sizeof buf, "%c%c%02d", letter, e < 0 ? '-' : '+', e < 0 ? -e : e);
    put_text(o, buf);
}

static void layout_e(Out *o, const Digits *d, int64_t prec, char letter)
{
    put(o, d->n ? d->d[0] : '0');
    if (prec > 0) {
        put(o, '.');
        put_digits(o, d, 1, prec);
    }
    put_exponent(o, letter, d->n ? d->dp - 1 : 0);
}

static void layout_f(Out *o, const Digits *d, int64_t prec)
{
    if (d->dp > 0) {
        put_digits(o, d, 0, d->dp);
    } else {
        put(o, '0');
    }
    if (prec > 0) {
        put(o, '.');
        put_digits(o, d, d->dp, prec);
    }
}

static void layout_g(Out *o, const Digits *d, int64_t prec, bool is_shortest, char letter)
{
    int64_t eprec = prec;
    int e = d->dp - 1;
    if (eprec > d->n && d->n >= d->dp) {
        eprec = d->n;
    }
    if (is_shortest) {
        eprec = 6;
    }
    if (e < -4 || e >= eprec) {
        layout_e(o, d, (prec > d->n ? d->n : prec) - 1, letter);
        return;
    }
    layout_f(o, d, d->n > d->dp ? d->n - d->dp : 0);
}

static void format_binary(Out *o, double f, bool single)
{
    uint64_t c;
    int q;
    char buf[48];
    split(f, single, &c, &q);
    snprintf(buf, sizeof buf, "%llup%+d", (unsigned long long)c, q);
    put_text(o, buf);
}

/* 0x1.yyyp±dd; prec < 0 is as many digits as needed. */
static void format_hex(Out *o, double f, int64_t prec, bool upper, bool single)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    uint64_t c = 0;
    int q = 0, e = 0;
    if (f != 0) {
        split(f, single, &c, &q);
        int up = __builtin_clzll(c);
        c = c << up >> 3; /* the leading 1 is bit 60 */
        e = q + 63 - up;
    }
    if (prec >= 0 && prec < 15) {
        int cut = 60 - (int)prec * 4;
        uint64_t rest = c & ((UINT64_C(1) << cut) - 1), half = UINT64_C(1) << (cut - 1);
        c >>= cut;
        c += rest > half || (rest == half && (c & 1));
        c <<= cut;
        if (c >> 61) {
            c >>= 1;
            e++;
        }
    }
    put(o, '0');
    put(o, upper ? 'X' : 'x');
    put(o, (char)('0' + (c >> 60)));
    c = c << 4;
    if (prec < 0 ? c != 0 : prec > 0) {
        put(o, '.');
    }
    for (int64_t i = 0; prec < 0 ? c != 0 : i < prec && i < 16; i++, c <<= 4) {
        put(o, digits[c >> 60]);
    }
    put_zeros(o, prec - 16);
    put_exponent(o, upper ? 'P' : 'p', e);
}

static bool digits_for(Digits *d, double f, char verb, int64_t *prec, bool single)
{
    d->n = d->dp = 0;
    if (*prec < 0) {
        if (f != 0) {
            shortest(d, f, single);
        }
        *prec = verb == 'e' ? d->n - 1 : verb == 'f' ? d->n - d->dp : d->n;
        return true;
    }
    if (verb == 'g' && *prec == 0) {
        *prec = 1;
    }
    if (f == 0) {
        return false;
    }
    if (verb == 'f') {
        digits_after_point(d, f, *prec);
    } else {
        digits_total(d, f, verb == 'e' ? *prec + 1 : *prec);
    }
    return false;
}

int64_t float_format(char *dst, int64_t cap, double f, char verb, int64_t prec, bool single)
{
    Out o = {dst, cap, 0};
    char low = verb | 0x20;
    Digits d;
    if (isnan(f)) {
        put_text(&o, "NaN");
        return o.n;
    }
    if (isinf(f)) {
        put_text(&o, f < 0 ? "-Inf" : "+Inf");
        return o.n;
    }
    bool known = verb == 'b' || verb == 'f' || low == 'e' || low == 'g' || low == 'x';
    if (signbit(f) && known) {
        put(&o, '-');
        f = -f;
    }
    if (!known) {
        put(&o, '%');
        put(&o, verb);
    } else if (low == 'b') {
        format_binary(&o, f, single);
    } else if (low == 'x') {
        format_hex(&o, f, prec, verb == 'X', single);
    } else {
        bool is_shortest = digits_for(&d, f, low, &prec, single);
        if (low == 'e') {
            layout_e(&o, &d, prec, verb);
        } else if (low == 'f') {
            layout_f(&o, &d, prec);
        } else {
            layout_g(&o, &d, prec, is_shortest, verb == 'g' ? 'e' : 'E');
        }
    }
    return o.n;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int64_t match_word(const uint8_t *s, int64_t n, const char *word)
{
    int64_t i = 0;
    while (i < n && word[i] && (s[i] | 0x20) == word[i]) {
        i++;
    }
    return i;
}

static int64_t parse_special(const uint8_t *s, int64_t n, double *out)
{
    bool sign = n > 0 && (s[0] == '+' || s[0] == '-');
    int64_t k = match_word(s + sign, n - sign, "infinity");
    if (k >= 3) {
        *out = s[0] == '-' ? -INFINITY : INFINITY;
        return sign + (k == 8 ? 8 : 3);
    }
    if (!sign && match_word(s, n, "nan") == 3) {
        *out = NAN;
        return 3;
    }
    return 0;
}

/* What the scanner found: digits (at most MAX_DIGITS, more only as a sticky 1), scale. */
enum { MAX_DIGITS = 800 };
typedef struct Scan {
    bool neg, hex;
    int n;       /* digits kept */
    int64_t exp; /* value = digits * 10^exp, or * 2^exp */
    int64_t used;
    char d[MAX_DIGITS + 2];
} Scan;

static int hex_or_dec(uint8_t c, bool hex)
{
    if ('0' <= c && c <= '9') {
        return 1;
    }
    return hex && 'a' <= (c | 0x20) && (c | 0x20) <= 'f';
}

static void keep_digit(Scan *sc, uint8_t c, bool after_point, bool *sticky)
{
    int64_t unit = sc->hex ? 4 : 1;
    if (sc->n == 0 && c == '0') {
        sc->exp -= after_point ? unit : 0;
    } else if (sc->n < MAX_DIGITS) {
        sc->d[sc->n++] = (char)c;
        sc->exp -= after_point ? unit : 0;
    } else {
        *sticky |= c != '0';
        sc->exp += after_point ? 0 : unit;
    }
}

/* The exponent part at s[i], if one is there. False if it is malformed. */
static bool scan_exponent(Scan *sc, const uint8_t *s, int64_t n, int64_t i, bool *underscores)
{
    uint8_t want = sc->hex ? 'p' : 'e';
    sc->used = i;
    if (i >= n || (s[i] | 0x20) != want) {
        return !sc->hex;
    }
    i++;
    bool neg = i < n && s[i] == '-';
    int64_t e = 0;
    i += i < n && (s[i] == '-' || s[i] == '+');
    if (i >= n || s[i] < '0' || s[i] > '9') {
        return false;
    }
    for (; i < n && (hex_or_dec(s[i], false) || s[i] == '_'); i++) {
        if (s[i] == '_') {
            *underscores = true;
        } else if (e < 10000) {
            e = e * 10 + (s[i] - '0');
        }
    }
    sc->exp += neg ? -e : e;
    sc->used = i;
    return true;
}

static bool scan_float(Scan *sc, const uint8_t *s, int64_t n)
{
    int64_t i = 0;
    bool point = false, any = false, underscores = false, sticky = false;
    sc->hex = false;
    sc->n = 0;
    sc->exp = 0;
    sc->neg = n > 0 && s[0] == '-';
    i += n > 0 && (s[0] == '-' || s[0] == '+');
    if (n - i > 2 && s[i] == '0' && (s[i + 1] | 0x20) == 'x') {
        sc->hex = true;
        i += 2;
    }
    for (; i < n; i++) {
        if (s[i] == '_') {
            underscores = true;
        } else if (s[i] == '.') {
            if (point) {
                break;
            }
            point = true;
        } else if (hex_or_dec(s[i], sc->hex)) {
            any = true;
            keep_digit(sc, s[i], point, &sticky);
        } else {
            break;
        }
    }
    if (!any || !scan_exponent(sc, s, n, i, &underscores)) {
        return false;
    }
    if (sticky) {
        sc->d[sc->n++] = '1';
        sc->exp -= sc->hex ? 4 : 1;
    }
    return !underscores || strconv_underscores_ok(s, sc->used);
}

/* Small cases that one exact operation decides. */
static bool exact_case(const Scan *sc, bool single, double *out)
{
    static const double pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t m = 0;
    if (sc->hex || sc->n > 18 || sc->exp < -22 || sc->exp > 22) {
        return false;
    }
    for (int i = 0; i < sc->n; i++) {
        m = m * 10 + (uint64_t)(sc->d[i] - '0');
    }
    if (single) {
        if (m >> 24 || sc->exp < -10 || sc->exp > 10) {
            return false;
        }
        float f = (float)m, p = (float)pow10[sc->exp < 0 ? -sc->exp : sc->exp];
        *out = sc->exp < 0 ? f / p : f * p;
        return true;
    }
    if (m >> 53) {
        return false;
    }
    *out = sc->exp < 0 ? (double)m / pow10[-sc->exp] : (double)m * pow10[sc->exp];
    return true;
}

int float_parse(const uint8_t *s, int64_t n, bool single, double *out, int64_t *used)
{
    Scan sc;
    char buf[MAX_DIGITS + 48];
    *out = 0;
    *used = parse_special(s, n, out);
    if (*used) {
        return STRCONV_OK;
    }
    if (!scan_float(&sc, s, n)) {
        return STRCONV_SYNTAX;
    }
    *used = sc.used;
    if (sc.n == 0) {
        *out = sc.neg ? -0.0 : 0.0;
        return STRCONV_OK;
    }
    if (!exact_case(&sc, single, out)) {
        snprintf(buf, sizeof buf, "%s%.*s%c%lld", sc.hex ? "0x" : "", sc.n, sc.d,
                 sc.hex ? 'p' : 'e', (long long)sc.exp);
        int saved = errno;
        *out = single ? (double)strtof(buf, NULL) : strtod(buf, NULL);
        errno = saved;
    }
    bool inf = isinf(*out);
    *out = sc.neg ? -*out : *out;
    return inf ? STRCONV_RANGE : STRCONV_OK;
}
