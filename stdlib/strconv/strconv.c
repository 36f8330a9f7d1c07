/* strconv.c - natives of strconv: integers, and the quoting of text. Floats are in float.c.
 *
 * Everything works on the bytes of one cell, writes only into the one slice cell it was given, and
 * checks its length; quoting goes in pieces, the gol side loops. */
#include "stdlib/strconv/float.h"

#include <stdio.h>
#include <string.h>

#include "runtime/native.h"
#include "stdlib/unicode/unidata.h"
#include "stdlib/utf8dec.h"

enum { PIECE = 65536 };

/* Write the digits before END, return where they begin. */
static char *digits_before(char *end, uint64_t u, bool neg, unsigned base)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    if (base == 10) {
        while (u >= 10) {
            *--end = (char)('0' + u % 10);
            u /= 10;
        }
        *--end = (char)('0' + u);
    } else {
        do {
            *--end = digits[u % base];
            u /= base;
        } while (u);
    }
    if (neg) {
        *--end = '-';
    }
    return end;
}

static NativeStatus n_itoa(struct P *p, Slot *fp)
{
    char buf[24];
    int64_t i = fp[2].i;
    char *s = digits_before(buf + sizeof buf, i < 0 ? -(uint64_t)i : (uint64_t)i, i < 0, 10);
    slot_set_string(fp, native_string(p, s, (size_t)(buf + sizeof buf - s)));
    return NATIVE_OK;
}

static unsigned checked_base(int64_t base) { return base < 2 || base > 36 ? 10 : (unsigned)base; }

static NativeStatus n_put_uint(struct P *p, Slot *fp)
{
    char buf[72];
    Slice d = slot_slice(fp + 1);
    char *s = digits_before(buf + sizeof buf, fp[3].u, fp[4].i != 0, checked_base(fp[5].i));
    size_t n = (size_t)(buf + sizeof buf - s);
    if (n <= d.len) {
        memcpy(d.ptr, s, n);
        fp[0].i = (int64_t)n;
    }
    return NATIVE_OK;
}

static NativeStatus n_format_uint(struct P *p, Slot *fp)
{
    char buf[72];
    char *s = digits_before(buf + sizeof buf, fp[2].u, fp[3].i != 0, checked_base(fp[4].i));
    slot_set_string(fp, native_string(p, s, (size_t)(buf + sizeof buf - s)));
    return NATIVE_OK;
}

static int digit_value(uint8_t c)
{
    if ('0' <= c && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return 'a' <= c && c <= 'z' ? c - 'a' + 10 : 99;
}

/* Underscores may stand between digits, or between a base prefix and a digit. */
bool strconv_underscores_ok(const uint8_t *s, int64_t n)
{
    char before = '^'; /* ^ start, 0 digit or prefix, _ underscore, ! else */
    bool hex = false;
    int64_t i = 0;
    if (n > 0 && (s[0] == '-' || s[0] == '+')) {
        i = 1;
    }
    if (n - i >= 2 && s[i] == '0') {
        uint8_t c = s[i + 1] | 0x20;
        if (c == 'b' || c == 'o' || c == 'x') {
            hex = c == 'x';
            before = '0';
            i += 2;
        }
    }
    for (; i < n; i++) {
        int v = digit_value(s[i]);
        if (v < 10 || (hex && v < 16)) {
            before = '0';
        } else if (s[i] == '_') {
            if (before != '0') {
                return false;
            }
            before = '_';
        } else {
            if (before == '_') {
                return false;
            }
            before = '!';
        }
    }
    return before != '_';
}

/* The base of a literal with a prefix; *skip is the prefix's length. */
static unsigned base_of_prefix(const uint8_t *s, int64_t n, int64_t *skip)
{
    *skip = 0;
    if (s[0] != '0') {
        return 10;
    }
    uint8_t c = n >= 3 ? s[1] | 0x20 : 0;
    if (c == 'b' || c == 'o' || c == 'x') {
        *skip = 2;
        return c == 'b' ? 2 : c == 'o' ? 8 : 16;
    }
    *skip = 1;
    return 8;
}

static int parse_unsigned(const uint8_t *s, int64_t n, int64_t base, int64_t bits, uint64_t *out)
{
    int64_t i = 0;
    bool prefixed = base == 0, underscores = false;
    uint64_t v = 0, max;
    *out = 0;
    if (n <= 0) {
        return STRCONV_SYNTAX;
    }
    if (prefixed) {
        base = base_of_prefix(s, n, &i);
    } else if (base < 2 || base > 36) {
        return STRCONV_BASE;
    }
    if (bits < 0 || bits > 64) {
        return STRCONV_BITS;
    }
    max = bits == 0 || bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    for (; i < n; i++) {
        if (s[i] == '_' && prefixed) {
            underscores = true;
            continue;
        }
        int d = digit_value(s[i]);
        if (d >= base) {
            return STRCONV_SYNTAX;
        }
        uint64_t next;
        if (__builtin_mul_overflow(v, (uint64_t)base, &next) ||
            __builtin_add_overflow(next, (uint64_t)d, &next) || next > max) {
            *out = max;
            return STRCONV_RANGE;
        }
        v = next;
    }
    if (underscores && !strconv_underscores_ok(s, n)) {
        return STRCONV_SYNTAX;
    }
    *out = v;
    return STRCONV_OK;
}

static NativeStatus n_parse_uint(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    fp[1].i = parse_unsigned(s.ptr, s.len, fp[4].i, fp[5].i, &fp[0].u);
    return NATIVE_OK;
}

static NativeStatus n_parse_int(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    int64_t bits = fp[5].i;
    bool neg = s.len > 0 && s.ptr[0] == '-', sign = neg || (s.len > 0 && s.ptr[0] == '+');
    uint64_t u;
    int code = parse_unsigned(s.ptr + sign, s.len - sign, fp[4].i, bits, &u);
    fp[1].i = code;
    if (code != STRCONV_OK && code != STRCONV_RANGE) {
        return NATIVE_OK;
    }
    uint64_t limit = UINT64_C(1) << ((bits == 0 ? 64 : bits) - 1);
    if (u >= limit + neg) {
        u = limit - !neg;
        fp[1].i = STRCONV_RANGE;
    }
    fp[0].u = neg ? -u : u;
    return NATIVE_OK;
}

static NativeStatus n_is_print(struct P *p, Slot *fp)
{
    fp[0].i = unidata_is_print((int32_t)fp[1].i);
    return NATIVE_OK;
}

static NativeStatus n_is_graphic(struct P *p, Slot *fp)
{
    fp[0].i = unidata_is_graphic((int32_t)fp[1].i);
    return NATIVE_OK;
}

static NativeStatus n_can_backquote(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 1);
    int32_t r;
    for (int64_t i = 0; i < s.len; i += utf8_decode(s.ptr + i, s.len - i, &r)) {
        int w = utf8_decode(s.ptr + i, s.len - i, &r);
        if (w > 1 ? r == 0xFEFF : (r == UTF8_ERROR || (r < ' ' && r != '\t') || r == '`' || r == 0x7F)) {
            return NATIVE_OK;
        }
    }
    fp[0].i = 1;
    return NATIVE_OK;
}

enum { MODE_PRINT, MODE_ASCII, MODE_GRAPHIC };

static bool stands_for_itself(int32_t r, int64_t mode)
{
    if (r < 0x80) {
        return r >= ' ' && r < 0x7F;
    }
    return mode != MODE_ASCII && (unidata_is_print(r) || (mode == MODE_GRAPHIC && unidata_is_graphic(r)));
}

/* The escape of r, or of the invalid byte c (width 1, r the error rune), at most 10 bytes. */
static int escape(char *out, int32_t r, bool invalid, uint8_t c)
{
    static const char letters[] = "abtnvfr"; /* 7 ... 13 */
    if (invalid) {
        return sprintf(out, "\\x%02x", c);
    }
    if (r >= 7 && r <= 13) {
        out[0] = '\\';
        out[1] = letters[r - 7];
        return 2;
    }
    if (r < ' ' || r == 0x7F) {
        return sprintf(out, "\\x%02x", (unsigned)r);
    }
    return sprintf(out, r < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)r);
}

static NativeStatus n_quote(struct P *p, Slot *fp)
{
    Slice d = slot_slice(fp + 2);
    String s = slot_string(fp + 4);
    uint8_t q = (uint8_t)fp[6].u;
    int64_t mode = fp[7].i, out = 0, i = 0, room = d.len < PIECE ? d.len : PIECE;
    while (i < s.len && room - out >= 10) {
        int32_t r;
        int w = utf8_decode(s.ptr + i, s.len - i, &r);
        bool invalid = w == 1 && r == UTF8_ERROR;
        if (!invalid && (r == q || r == '\\')) {
            d.ptr[out++] = '\\';
            d.ptr[out++] = (uint8_t)r;
        } else if (!invalid && stands_for_itself(r, mode)) {
            memcpy(d.ptr + out, s.ptr + i, (size_t)w);
            out += w;
        } else {
            char buf[16];
            int n = escape(buf, r, invalid, s.ptr[i]);
            memcpy(d.ptr + out, buf, (size_t)n);
            out += n;
        }
        i += w;
    }
    fp[0].i = out;
    fp[1].i = i;
    return NATIVE_OK;
}

static NativeStatus n_parse_float(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 3);
    int64_t used = 0;
    fp[2].i = float_parse(s.ptr, s.len, fp[5].i == 32, &fp[0].f, &used);
    fp[1].i = used;
    return NATIVE_OK;
}

static NativeStatus n_put_float(struct P *p, Slot *fp)
{
    Slice d = slot_slice(fp + 1);
    int64_t n = float_format((char *)d.ptr, d.len, fp[3].f, (char)fp[4].u, fp[5].i, fp[6].i == 32);
    fp[0].i = n <= d.len ? n : -n;
    return NATIVE_OK;
}

static NativeStatus n_format_float(struct P *p, Slot *fp)
{
    char buf[512];
    int64_t n = float_format(buf, sizeof buf, fp[2].f, (char)fp[3].u, fp[4].i, fp[5].i == 32);
    if (n <= (int64_t)sizeof buf) {
        slot_set_string(fp, native_string(p, buf, (size_t)n));
    }
    return NATIVE_OK;
}

#define S "strconv"
const NativeDef natives_strconv[] = {
    {S, "Itoa", "func(i int) string", "i in decimal", n_itoa},
    {S, "IsPrint", "func(r rune) bool", "whether r prints", n_is_print},
    {S, "IsGraphic", "func(r rune) bool", "whether r shows", n_is_graphic},
    {S, "CanBackquote", "func(s string) bool", "whether s fits in backquotes", n_can_backquote},
    {S, "putUint", "func(dst []byte, u uint64, neg bool, base int) int", "digits", n_put_uint},
    {S, "formatUint", "func(u uint64, neg bool, base int) string", "digits", n_format_uint},
    {S, "parseUint", "func(s string, base int, bits int) (uint64, int)", "parse", n_parse_uint},
    {S, "parseInt", "func(s string, base int, bits int) (int64, int)", "parse", n_parse_int},
    {S, "parseFloat", "func(s string, bits int) (float64, int, int)", "parse", n_parse_float},
    {S, "putFloat", "func(dst []byte, f float64, fmt byte, prec int, bits int) int", "format",
     n_put_float},
    {S, "formatFloat", "func(f float64, fmt byte, prec int, bits int) string", "format",
     n_format_float},
    {S, "quote", "func(dst []byte, s string, q byte, mode int) (int, int)", "quote", n_quote},
    {0},
};
