/* big.c - natives of math/big: arithmetic of limbs by GMP.
 *
 * A natural number is a []Word, least significant limb first, without leading zero limbs. A native
 * takes the storage to reuse, z, and the operands, and returns the result as a slice of z's storage
 * or of new memory.
 *
 * What GMP gets is private: operands are copied out of script memory, since a racing script could
 * change them (or a result that GMP uses as scratch space) under an algorithm that relies on an
 * invariant. Copies are stripped of leading zero limbs, so GMP's preconditions hold for whatever a
 * script put into Bits(). Only the linear functions, whose every pass is bounded by a length that
 * was read once, work in place.
 *
 * Time: the caller, nat.gol, never passes more than LIMIT_LINEAR, LIMIT_MUL ... limbs (it splits
 * the work); beyond a few thousand limbs the work happens in a blocking section, where it holds up
 * neither the collector nor the scheduler. GMP's own temporaries, malloc'ed, are bounded by the
 * same sizes. A native that gets more than its limit panics.
 */
#include <gmp.h>
#include <stdlib.h>

#include "runtime/cell.h"
#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/proc.h"
#include "runtime/sched.h"

_Static_assert(sizeof(mp_limb_t) == 8 && GMP_NAIL_BITS == 0, "a Word is a limb");

enum {
    LIMIT = 1 << 18,    /* limbs of any operand */
    SMALL = 48,         /* limbs of operands that are copied to the C stack */
    UNBLOCKED = 1024,   /* limbs of an operand up to which a product is computed on the spot */
    SPARE = 4           /* limbs that new memory has in reserve */
};

typedef struct Nat {
    mp_limb_t *w;
    size_t n;
} Nat;

static size_t stripped(const mp_limb_t *w, size_t n)
{
    while (n > 0 && w[n - 1] == 0) {
        n--;
    }
    return n;
}

/* A private copy in at. */
static Nat copied(mp_limb_t *at, Slice s)
{
    mem_copy(at, s.ptr, (size_t)s.len * 8);
    return (Nat){at, stripped(at, s.len)};
}

/* n limbs in z's storage or in new memory; len is n. */
static bool room(P *p, Slice z, size_t n, Slice *out)
{
    if (z.cap >= n && z.cap > 0) {
        *out = (Slice){z.ptr, (uint32_t)n, z.cap};
        return true;
    }
    if (n == 0) {
        *out = (Slice){0};
        return true;
    }
    uint8_t *w = heap_alloc_raw(p, (n + SPARE) * 8);
    if (!w) {
        return false;
    }
    mem_zero(w + n * 8, SPARE * 8);
    *out = (Slice){w, (uint32_t)n, (uint32_t)(n + SPARE)};
    return true;
}

/* Stores the n limbs at w, stripped, as the result at slot to, in z's storage if they fit. */
static void give(P *p, Slot *to, Slice z, const mp_limb_t *w, size_t n)
{
    Slice out;
    n = stripped(w, n);
    if (room(p, z, n, &out)) {
        mem_copy(out.ptr, w, n * 8);
        slot_set_slice(to, out);
    }
}

static uint64_t limb(Slice s, size_t i) { return mem_load64(s.ptr + i * 8); }
static void set_limb(Slice s, size_t i, uint64_t v) { mem_store64(s.ptr + i * 8, v); }

/* The slice without leading zero limbs. */
static Slice normal(Slice s)
{
    while (s.len > 0 && limb(s, s.len - 1) == 0) {
        s.len--;
    }
    return s;
}

static NativeStatus too_long(P *p) { return native_panic_plain(p, "math/big: operand too long"); }

static NativeStatus no_memory(P *p) { return native_fatal(p, "runtime: out of memory"); }

/* ---- linear functions ----------------------------------------------------------------------- */

/* z = x + c from limb i of x on; returns the carry. */
static uint64_t carry_on(Slice z, Slice x, size_t i, size_t n, uint64_t c)
{
    for (; i < n && c; i++) {
        uint64_t v = limb(x, i) + c;
        c = v < c;
        set_limb(z, i, v);
    }
    if (i < n && z.ptr != x.ptr) {
        mem_move(z.ptr + i * 8, x.ptr + i * 8, (n - i) * 8);
    }
    return c;
}

static uint64_t borrow_on(Slice z, Slice x, size_t i, size_t n, uint64_t c)
{
    for (; i < n && c; i++) {
        uint64_t v = limb(x, i);
        set_limb(z, i, v - c);
        c = v < c;
    }
    if (i < n && z.ptr != x.ptr) {
        mem_move(z.ptr + i * 8, x.ptr + i * 8, (n - i) * 8);
    }
    return c;
}

static mp_limb_t *words(Slice s) { return (mp_limb_t *)(void *)s.ptr; }

/* natAdd(z, x, y nat) nat */
static NativeStatus n_add(P *p, Slot *fp)
{
    Slice z = slot_slice(fp + 2), x = slot_slice(fp + 4), y = slot_slice(fp + 6), out;
    if (x.len < y.len) {
        Slice t = x;
        x = y;
        y = t;
    }
    if (x.len > LIMIT) {
        return too_long(p);
    }
    if (!room(p, z, (size_t)x.len + 1, &out)) {
        return NATIVE_OK;
    }
    uint64_t c = y.len ? mpn_add_n(words(out), words(x), words(y), y.len) : 0;
    c = carry_on(out, x, y.len, x.len, c);
    set_limb(out, x.len, c);
    slot_set_slice(fp, normal(out));
    return NATIVE_OK;
}

/* natSub(z, x, y nat) nat, x >= y */
static NativeStatus n_sub(P *p, Slot *fp)
{
    Slice z = slot_slice(fp + 2), x = slot_slice(fp + 4), y = slot_slice(fp + 6), out;
    if (x.len > LIMIT) {
        return too_long(p);
    }
    if (x.len < y.len) {
        return native_panic_plain(p, "underflow");
    }
    if (!room(p, z, x.len, &out)) {
        return NATIVE_OK;
    }
    uint64_t c = y.len ? mpn_sub_n(words(out), words(x), words(y), y.len) : 0;
    if (borrow_on(out, x, y.len, x.len, c)) {
        return native_panic_plain(p, "underflow");
    }
    slot_set_slice(fp, normal(out));
    return NATIVE_OK;
}

static uint32_t shortest(Slice z, Slice x, Slice y)
{
    uint32_t n = z.len < x.len ? z.len : x.len;
    return n < y.len ? n : y.len;
}

/* addv(z, x, y []Word, c Word) Word, subv the same: pieces of equal length of long operands. */
static NativeStatus n_addv(P *p, Slot *fp)
{
    Slice z = slot_slice(fp + 1), x = slot_slice(fp + 3), y = slot_slice(fp + 5);
    uint32_t n = shortest(z, x, y);
    if (n > LIMIT) {
        return too_long(p);
    }
    uint64_t c = n ? mpn_add_n(words(z), words(x), words(y), n) : 0;
    fp[0].u = c + carry_on(z, z, 0, n, fp[7].u);
    return NATIVE_OK;
}

static NativeStatus n_subv(P *p, Slot *fp)
{
    Slice z = slot_slice(fp + 1), x = slot_slice(fp + 3), y = slot_slice(fp + 5);
    uint32_t n = shortest(z, x, y);
    if (n > LIMIT) {
        return too_long(p);
    }
    uint64_t c = n ? mpn_sub_n(words(z), words(x), words(y), n) : 0;
    fp[0].u = c + borrow_on(z, z, 0, n, fp[7].u);
    return NATIVE_OK;
}

/* cmpv(x, y []Word) int: of equal length */
static NativeStatus n_cmpv(P *p, Slot *fp)
{
    Slice x = slot_slice(fp + 1), y = slot_slice(fp + 3);
    for (size_t i = x.len < y.len ? x.len : y.len; i-- > 0;) {
        uint64_t a = limb(x, i), b = limb(y, i);
        if (a != b) {
            fp[0].i = a < b ? -1 : 1;
            break;
        }
    }
    return NATIVE_OK;
}

/* shlv(z, x []Word, s uint, in Word) Word: z = x<<s | in, s < 64; returns the bits shifted out.
 * z may lie at or above x. shrv(z, x, s, in): in are the high bits, returned are the low ones. */
static NativeStatus shift(P *p, Slot *fp, bool left)
{
    Slice z = slot_slice(fp + 1), x = slot_slice(fp + 3);
    unsigned s = fp[5].u & 63;
    uint32_t n = z.len < x.len ? z.len : x.len;
    if (n == 0) {
        fp[0].u = fp[6].u;
        return NATIVE_OK;
    }
    if (n > LIMIT) {
        return too_long(p);
    }
    if (s == 0) {
        mem_move(z.ptr, x.ptr, (size_t)n * 8);
        return NATIVE_OK;
    }
    uint32_t end = left ? 0 : n - 1; /* the limb that takes the bits shifted in */
    fp[0].u = (left ? mpn_lshift : mpn_rshift)(words(z), words(x), n, s);
    set_limb(z, end, limb(z, end) | fp[6].u);
    return NATIVE_OK;
}

static NativeStatus n_shlv(P *p, Slot *fp) { return shift(p, fp, true); }
static NativeStatus n_shrv(P *p, Slot *fp) { return shift(p, fp, false); }

/* bitv(z, x, y []Word, op int): 0 and, 1 or, 2 xor, 3 and not */
static NativeStatus n_bitv(P *p, Slot *fp)
{
    Slice z = slot_slice(fp), x = slot_slice(fp + 2), y = slot_slice(fp + 4);
    uint32_t n = shortest(z, x, y);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t a = limb(x, i), b = limb(y, i);
        set_limb(z, i, fp[6].i == 0 ? a & b : fp[6].i == 1 ? a | b : fp[6].i == 2 ? a ^ b : a & ~b);
    }
    return NATIVE_OK;
}

/* ---- products and quotients ------------------------------------------------------------------ */

static void multiply(mp_limb_t *r, Nat u, Nat v)
{
    if (u.n == 0 || v.n == 0) {
        mpn_zero(r, (mp_size_t)(u.n + v.n));
    } else if (u.w == v.w) {
        mpn_sqr(r, u.w, (mp_size_t)u.n);
    } else if (u.n >= v.n) {
        mpn_mul(r, u.w, (mp_size_t)u.n, v.w, (mp_size_t)v.n);
    } else {
        mpn_mul(r, v.w, (mp_size_t)v.n, u.w, (mp_size_t)u.n);
    }
}

/* natMul(z, x, y nat) nat */
static NativeStatus n_mul(P *p, Slot *fp)
{
    Slice z = slot_slice(fp + 2), x = slot_slice(fp + 4), y = slot_slice(fp + 6);
    bool square = x.ptr == y.ptr && x.len == y.len;
    if (x.len <= SMALL && y.len <= SMALL) {
        mp_limb_t a[SMALL], b[SMALL], r[2 * SMALL];
        Nat u = copied(a, x), v = square ? u : copied(b, y);
        multiply(r, u, v);
        give(p, fp, z, r, u.n + v.n);
        return NATIVE_OK;
    }
    if (x.len > LIMIT || y.len > LIMIT) {
        return too_long(p);
    }
    mp_limb_t *at = malloc(16 * ((size_t)x.len + y.len));
    if (!at) {
        return no_memory(p);
    }
    Nat u = copied(at, x), v = square ? u : copied(at + x.len, y);
    mp_limb_t *r = at + x.len + y.len;
    bool leave = u.n > UNBLOCKED || v.n > UNBLOCKED;
    if (leave) {
        sched_enter_blocking(p);
    }
    multiply(r, u, v);
    if (leave) {
        p = sched_exit_blocking(p);
        fp = native_frame(p);
    }
    give(p, fp, slot_slice(fp + 2), r, u.n + v.n);
    free(at);
    return NATIVE_OK;
}

/* natDiv(zq, zr, x, y nat) (q, r nat) */
static NativeStatus n_div(P *p, Slot *fp)
{
    Slice x = slot_slice(fp + 8), y = slot_slice(fp + 10);
    if (x.len > LIMIT || y.len > LIMIT) {
        return too_long(p);
    }
    mp_limb_t local[4 * SMALL + 2], *at = local, *big = NULL;
    size_t need = 2 * (size_t)x.len + 2 * (size_t)y.len + 2;
    if (need > sizeof local / sizeof local[0]) {
        at = big = malloc(need * 8);
        if (!at) {
            return no_memory(p);
        }
    }
    Nat u = copied(at, x), v = copied(at + x.len, y);
    mp_limb_t *r = at + x.len + y.len, *q = r + y.len + 1;
    if (v.n == 0) {
        free(big);
        return native_panic_plain(p, "division by zero");
    }
    bool leave = u.n > UNBLOCKED && v.n > 8;
    if (leave) {
        sched_enter_blocking(p);
    }
    if (u.n >= v.n) {
        mpn_tdiv_qr(q, r, 0, u.w, (mp_size_t)u.n, v.w, (mp_size_t)v.n);
    }
    if (leave) {
        p = sched_exit_blocking(p);
        fp = native_frame(p);
    }
    Slice zq = slot_slice(fp + 4), zr = slot_slice(fp + 6);
    if (u.n >= v.n) {
        give(p, fp, zq, q, u.n - v.n + 1);
        give(p, fp + 2, zr, r, v.n);
    } else {
        give(p, fp, zq, q, 0);
        give(p, fp + 2, zr, u.w, u.n);
    }
    free(big);
    return NATIVE_OK;
}

/* natDivW(z, x nat, y Word) (q nat, r Word): LIMIT_LINEAR limbs at most; y != 0 */
static NativeStatus n_div_word(P *p, Slot *fp)
{
    Slice z = slot_slice(fp + 3), x = slot_slice(fp + 5), out;
    uint64_t y = fp[7].u;
    if (x.len > LIMIT) {
        return too_long(p);
    }
    if (y == 0) {
        return native_panic_plain(p, "division by zero");
    }
    if (room(p, z, x.len, &out) && x.len > 0) {
        fp[2].u = mpn_divrem_1(words(out), 0, words(x), x.len, y);
        slot_set_slice(fp, normal(out));
    }
    return NATIVE_OK;
}

/* ---- text ------------------------------------------------------------------------------------ */

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* natText(x nat, base int) string */
static NativeStatus n_text(P *p, Slot *fp)
{
    Slice x = slot_slice(fp + 2);
    int base = (int)fp[4].i;
    if (base < 2 || base > 62) {
        return native_panic_plain(p, "invalid base");
    }
    if (x.len > LIMIT) {
        return too_long(p);
    }
    mp_limb_t local[SMALL + 1], *at = local;
    uint8_t ltext[SMALL * 64 + 2], *text = ltext;
    size_t bytes = 0;
    if (x.len > SMALL) {
        bytes = (size_t)x.len * 64 + 2;
        at = malloc(((size_t)x.len + 1) * 8 + bytes);
        if (!at) {
            return no_memory(p);
        }
        text = (uint8_t *)(at + x.len + 1);
    }
    Nat u = copied(at, x);
    size_t n = 1;
    bool leave = u.n > UNBLOCKED;
    text[0] = 0;
    if (leave) {
        sched_enter_blocking(p);
    }
    if (u.n) {
        n = mpn_get_str(text, base, u.w, (mp_size_t)u.n);
    }
    size_t skip = 0;
    while (skip + 1 < n && text[skip] == 0) {
        skip++;
    }
    for (size_t i = skip; i < n; i++) {
        text[i] = (uint8_t)digits[text[i]];
    }
    if (leave) {
        p = sched_exit_blocking(p);
        fp = native_frame(p);
    }
    slot_set_string(fp, native_string(p, text + skip, n - skip));
    if (at != local) {
        free(at);
    }
    return NATIVE_OK;
}

static int digit_of(uint8_t c, int base)
{
    int v = 0;
    if (c >= '0' && c <= '9') {
        v = c - '0';
    } else if (c >= 'a' && c <= 'z') {
        v = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'Z') {
        v = c - 'A' + (base <= 36 ? 10 : 36);
    }
    return v < base ? v : 0;
}

/* natParse(s string, base int) nat: s holds digits of the base only */
static NativeStatus n_parse(P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    int base = (int)fp[4].i;
    if (base < 2 || base > 62) {
        return native_panic_plain(p, "invalid base");
    }
    if (s.len > LIMIT) {
        return too_long(p);
    }
    while (s.len > 0 && s.ptr[0] == '0') {
        s.ptr++;
        s.len--;
    }
    if (s.len == 0) {
        return NATIVE_OK;
    }
    enum { SHORT = 512 };
    uint8_t ltext[SHORT], *text = ltext;
    mp_limb_t local[SHORT * 6 / 64 + 2], *at = local;
    size_t n = (size_t)s.len;
    if (n > SHORT) {
        at = malloc((n * 6 / 64 + 2) * 8 + n);
        if (!at) {
            return no_memory(p);
        }
        text = (uint8_t *)(at + n * 6 / 64 + 2);
    }
    for (size_t i = 0; i < n; i++) {
        text[i] = (uint8_t)digit_of(s.ptr[i], base);
    }
    bool leave = n > 10 * UNBLOCKED;
    if (leave) {
        sched_enter_blocking(p);
    }
    size_t got = (size_t)mpn_set_str(at, text, n, base);
    if (leave) {
        p = sched_exit_blocking(p);
        fp = native_frame(p);
    }
    give(p, fp, (Slice){0}, at, got);
    if (at != local) {
        free(at);
    }
    return NATIVE_OK;
}

/* ---- number theory: mpz functions on private copies ------------------------------------------ */

typedef struct Copies {
    mp_limb_t *at;
    mpz_t v[3];
} Copies;

/* Copies of the n slices at fp; false (a status is in *st) without memory or if one is too long. */
static bool take(P *p, const Slot *fp, int n, Copies *c, NativeStatus *st)
{
    size_t sum = 1;
    for (int i = 0; i < n; i++) {
        Slice s = slot_slice(fp + 2 * i);
        sum += s.len;
        if (s.len > LIMIT) {
            *st = too_long(p);
            return false;
        }
    }
    c->at = malloc(sum * 8);
    if (!c->at) {
        *st = no_memory(p);
        return false;
    }
    mp_limb_t *at = c->at;
    for (int i = 0; i < n; i++) {
        Slice s = slot_slice(fp + 2 * i);
        Nat u = copied(at, s);
        mpz_roinit_n(c->v[i], u.w, (mp_size_t)u.n);
        at += s.len;
    }
    return true;
}

static void give_mpz(P *p, Slot *to, const mpz_t v)
{
    give(p, to, (Slice){0}, mpz_limbs_read(v), mpz_size(v));
}

/* natSqrt(x nat) nat */
static NativeStatus n_sqrt(P *p, Slot *fp)
{
    Copies c;
    NativeStatus st;
    if (!take(p, fp + 2, 1, &c, &st)) {
        return st;
    }
    mpz_t r;
    mpz_init(r);
    sched_enter_blocking(p);
    mpz_sqrt(r, c.v[0]);
    p = sched_exit_blocking(p);
    give_mpz(p, native_frame(p), r);
    mpz_clear(r);
    free(c.at);
    return NATIVE_OK;
}

/* natGcd(x, y nat) nat */
static NativeStatus n_gcd(P *p, Slot *fp)
{
    Copies c;
    NativeStatus st;
    if (!take(p, fp + 2, 2, &c, &st)) {
        return st;
    }
    mpz_t g;
    mpz_init(g);
    sched_enter_blocking(p);
    mpz_gcd(g, c.v[0], c.v[1]);
    p = sched_exit_blocking(p);
    give_mpz(p, native_frame(p), g);
    mpz_clear(g);
    free(c.at);
    return NATIVE_OK;
}

/* natGcdExt(x, y nat) (g, s nat, neg bool): g = s*x + t*y, neg if s < 0 */
static NativeStatus n_gcd_ext(P *p, Slot *fp)
{
    Copies c;
    NativeStatus st;
    if (!take(p, fp + 5, 2, &c, &st)) {
        return st;
    }
    mpz_t g, s;
    mpz_inits(g, s, NULL);
    sched_enter_blocking(p);
    mpz_gcdext(g, s, NULL, c.v[0], c.v[1]);
    p = sched_exit_blocking(p);
    fp = native_frame(p);
    give_mpz(p, fp, g);
    give_mpz(p, fp + 2, s);
    fp[4].u = mpz_sgn(s) < 0;
    mpz_clears(g, s, NULL);
    free(c.at);
    return NATIVE_OK;
}

/* natPowm(x, y, m nat) nat: m > 0 */
static NativeStatus n_powm(P *p, Slot *fp)
{
    Copies c;
    NativeStatus st;
    if (!take(p, fp + 2, 3, &c, &st)) {
        return st;
    }
    if (mpz_sgn(c.v[2]) == 0) {
        free(c.at);
        return native_panic_plain(p, "division by zero");
    }
    mpz_t r;
    mpz_init(r);
    bool leave = mpz_size(c.v[1]) * mpz_size(c.v[2]) > 64;
    if (leave) {
        sched_enter_blocking(p);
    }
    mpz_powm(r, c.v[0], c.v[1], c.v[2]);
    if (leave) {
        p = sched_exit_blocking(p);
        fp = native_frame(p);
    }
    give_mpz(p, fp, r);
    mpz_clear(r);
    free(c.at);
    return NATIVE_OK;
}

/* natJacobi(x, y nat) int: y odd */
static NativeStatus n_jacobi(P *p, Slot *fp)
{
    Copies c;
    NativeStatus st;
    if (!take(p, fp + 1, 2, &c, &st)) {
        return st;
    }
    sched_enter_blocking(p);
    int j = mpz_jacobi(c.v[0], c.v[1]);
    p = sched_exit_blocking(p);
    native_frame(p)[0].i = j;
    free(c.at);
    return NATIVE_OK;
}

/* natPrime(x nat, n int) bool: Baillie-PSW and n rounds of Miller-Rabin */
static NativeStatus n_prime(P *p, Slot *fp)
{
    Copies c;
    NativeStatus st;
    int64_t n = fp[3].i;
    if (!take(p, fp + 1, 1, &c, &st)) {
        return st;
    }
    n = n < 0 ? 0 : n > 64 ? 64 : n;
    sched_enter_blocking(p);
    int yes = mpz_probab_prime_p(c.v[0], (int)n + 24); /* GMP counts Baillie-PSW as 24 */
    p = sched_exit_blocking(p);
    native_frame(p)[0].u = yes > 0;
    free(c.at);
    return NATIVE_OK;
}

#define M "math/big"
const NativeDef natives_math_big[] = {
    {M, "natAdd", "func(z, x, y nat) nat", "x + y", n_add},
    {M, "natSub", "func(z, x, y nat) nat", "x - y", n_sub},
    {M, "addv", "func(z, x, y []Word, c Word) Word", "z = x + y + c", n_addv},
    {M, "subv", "func(z, x, y []Word, c Word) Word", "z = x - y - c", n_subv},
    {M, "cmpv", "func(x, y []Word) int", "comparison", n_cmpv},
    {M, "shlv", "func(z, x []Word, s uint, in Word) Word", "z = x<<s | in", n_shlv},
    {M, "shrv", "func(z, x []Word, s uint, in Word) Word", "z = x>>s | in", n_shrv},
    {M, "bitv", "func(z, x, y []Word, op int)", "z = x op y", n_bitv},
    {M, "natMul", "func(z, x, y nat) nat", "x * y", n_mul},
    {M, "natDiv", "func(zq, zr, x, y nat) (q, r nat)", "x / y", n_div},
    {M, "natDivW", "func(z, x nat, y Word) (nat, Word)", "x / y", n_div_word},
    {M, "natText", "func(x nat, base int) string", "digits of x", n_text},
    {M, "natParse", "func(s string, base int) nat", "value of digits", n_parse},
    {M, "natSqrt", "func(x nat) nat", "square root", n_sqrt},
    {M, "natGcd", "func(x, y nat) nat", "greatest common divisor", n_gcd},
    {M, "natGcdExt", "func(x, y nat) (g, s nat, neg bool)", "and its first factor", n_gcd_ext},
    {M, "natPowm", "func(x, y, m nat) nat", "x**y mod m", n_powm},
    {M, "natJacobi", "func(x, y nat) int", "Jacobi symbol", n_jacobi},
    {M, "natPrime", "func(x nat, n int) bool", "whether x is a prime", n_prime},
    {0},
};
