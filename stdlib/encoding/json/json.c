/* json.c - natives of encoding/json: the loops over bytes.
 *
 *   scan     checks that text is JSON, byte by byte, with a state that outlives the call: whole
 *            inputs before they are decoded, and streams, whose values end somewhere
 *   next     the next token of text that scan has passed
 *   quote    appends a string as a JSON string; unquote is its inverse
 *
 * scan's state is a byte slice that only the package holds: state, flags, depth, then one bit for
 * each open bracket. A racing script may mix up two scans; every index is checked against the
 * slice that was loaded. Inputs beyond 64 KB are worked through in pieces (NATIVE_AGAIN).
 */
#include <string.h>

#include "runtime/cell.h"
#include "runtime/heap.h"
#include "runtime/native.h"
#include "stdlib/utf8dec.h"

enum { PIECE = 65536, MAX_DEPTH = 10000, HEAD = 8 };

/* States; json's errors.gol has a text for each. */
enum {
    BEGIN,        /* a value must follow */
    BEGIN_OR_END, /* after [ */
    KEY_OR_END,   /* after { */
    KEY,          /* after , in an object */
    COLON,
    AFTER_KEY_VALUE,
    AFTER_ELEMENT,
    TOP,          /* after the value */
    STR, ESC, HEX1, HEX2, HEX3, HEX4,
    MINUS, ZERO, DIGITS, POINT, FRACTION, EXP, EXP_SIGN, EXP_DIGITS,
    T, TR, TRU, F, FA, FAL, FALS, N, NU, NUL,
    TOO_DEEP
};

/* What scan returns. */
enum { MORE, FAILED, ENDED };

typedef struct Scanner {
    uint8_t *bits;
    uint32_t nbits, depth;
    uint8_t state, in_key, stream;
} Scanner;

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static bool top_is_object(const Scanner *s)
{
    uint32_t i = s->depth - 1;
    return s->depth > 0 && s->depth <= s->nbits && (mem_load8(s->bits + i / 8) >> (i & 7) & 1);
}

static bool push(Scanner *s, bool object)
{
    uint32_t i = s->depth;
    if (i >= s->nbits || i >= MAX_DEPTH) {
        s->state = TOO_DEEP;
        return false;
    }
    uint8_t b = mem_load8(s->bits + i / 8), bit = (uint8_t)(1 << (i & 7));
    mem_store8(s->bits + i / 8, object ? b | bit : b & (uint8_t)~bit);
    s->depth++;
    s->state = object ? KEY_OR_END : BEGIN_OR_END;
    return true;
}

/* A value has ended. */
static void value_end(Scanner *s)
{
    s->state = s->depth == 0 ? TOP : top_is_object(s) ? AFTER_KEY_VALUE : AFTER_ELEMENT;
}

static bool pop(Scanner *s)
{
    if (s->depth > 0) {
        s->depth--;
    }
    value_end(s);
    return true;
}

static bool begin_value(Scanner *s, uint8_t c)
{
    switch (c) {
    case '{': return push(s, true);
    case '[': return push(s, false);
    case '"': s->state = STR; s->in_key = 0; return true;
    case '-': s->state = MINUS; return true;
    case '0': s->state = ZERO; return true;
    case 't': s->state = T; return true;
    case 'f': s->state = F; return true;
    case 'n': s->state = N; return true;
    default:
        if (is_digit(c)) {
            s->state = DIGITS;
            return true;
        }
        return false;
    }
}

/* Between tokens. */
static bool step_between(Scanner *s, uint8_t c)
{
    if (is_space(c)) {
        return true;
    }
    switch (s->state) {
    case BEGIN:
        return begin_value(s, c);
    case BEGIN_OR_END:
        return c == ']' ? pop(s) : begin_value(s, c);
    case KEY_OR_END:
        if (c == '}') {
            return pop(s);
        }
        /* fallthrough */
    case KEY:
        s->in_key = 1;
        if (c == '"') {
            s->state = STR;
            return true;
        }
        return false;
    case COLON:
        if (c == ':') {
            s->state = BEGIN;
            return true;
        }
        return false;
    case AFTER_KEY_VALUE:
        if (c == ',') {
            s->state = KEY;
            return true;
        }
        return c == '}' ? pop(s) : false;
    case AFTER_ELEMENT:
        if (c == ',') {
            s->state = BEGIN;
            return true;
        }
        return c == ']' ? pop(s) : false;
    default:
        return false;
    }
}

static bool step_string(Scanner *s, uint8_t c)
{
    if (s->state == STR) {
        if (c == '"') {
            if (s->in_key) {
                s->state = COLON;
            } else {
                value_end(s);
            }
        } else if (c == '\\') {
            s->state = ESC;
        }
        return c >= 0x20;
    }
    if (s->state == ESC) {
        s->state = STR;
        if (c == 'u') {
            s->state = HEX1;
            return true;
        }
        if (c != 0 && strchr("bfnrt\\/\"", c)) {
            return true;
        }
        s->state = ESC;
        return false;
    }
    bool hex = is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    if (hex) {
        s->state = s->state == HEX4 ? STR : s->state + 1;
    }
    return hex;
}

/* Inside a number; 2: the number ended before c. */
static int step_number(Scanner *s, uint8_t c)
{
    bool exp = (c | 0x20) == 'e';
    switch (s->state) {
    case MINUS:
        s->state = c == '0' ? ZERO : is_digit(c) ? DIGITS : MINUS;
        return is_digit(c);
    case DIGITS:
        if (is_digit(c)) {
            return 1;
        }
        /* fallthrough */
    case ZERO:
        if (c == '.' || exp) {
            s->state = exp ? EXP : POINT;
            return 1;
        }
        break;
    case POINT:
        s->state = is_digit(c) ? FRACTION : POINT;
        return is_digit(c);
    case FRACTION:
        if (is_digit(c) || exp) {
            s->state = exp ? EXP : FRACTION;
            return 1;
        }
        break;
    case EXP:
        if (c == '+' || c == '-') {
            s->state = EXP_SIGN;
            return 1;
        }
        /* fallthrough */
    case EXP_SIGN:
        if (is_digit(c)) {
            s->state = EXP_DIGITS;
            return 1;
        }
        return 0;
    default:
        if (is_digit(c)) {
            return 1;
        }
    }
    value_end(s);
    return 2;
}

static bool step_word(Scanner *s, uint8_t c)
{
    static const char want[] = {'r', 'u', 'e', 'a', 'l', 's', 'e', 'u', 'l', 'l'};
    if (c != (uint8_t)want[s->state - T]) {
        return false;
    }
    if (s->state == TRU || s->state == FALS || s->state == NUL) {
        value_end(s);
    } else {
        s->state++;
    }
    return true;
}

/* scan(state []byte, data []byte, stream bool) (n, status int): data from its start; n counts what
 * was consumed. A stream's scan ends with its first value. */
static NativeStatus n_scan(struct P *p, Slot *fp)
{
    Slice st = slot_slice(fp + 2), data = slot_slice(fp + 4);
    bool stream = (fp[6].u & 1) != 0;
    if (st.len < HEAD) {
        return NATIVE_OK;
    }
    Scanner s = {st.ptr + HEAD, (st.len - HEAD) * 8, mem_load32(st.ptr + 4), mem_load8(st.ptr),
                 mem_load8(st.ptr + 1), stream};
    uint32_t i = 0, end = data.len < PIECE ? data.len : PIECE;
    int status = MORE;
    while (i < end) {
        uint8_t c = mem_load8(data.ptr + i);
        int ok;
        if (s.state <= TOP) {
            ok = step_between(&s, c);
        } else if (s.state <= HEX4) {
            if (s.state == STR && c >= 0x20 && c != '"' && c != '\\') {
                i++;
                continue;
            }
            ok = step_string(&s, c);
        } else if (s.state <= EXP_DIGITS) {
            ok = step_number(&s, c);
            if (ok == 2) {
                if (s.state == TOP && stream) {
                    status = ENDED;
                    break;
                }
                continue;
            }
        } else {
            ok = s.state < TOO_DEEP && step_word(&s, c);
        }
        if (!ok) {
            status = FAILED;
            break;
        }
        i++;
        if (s.state == TOP && stream) {
            status = ENDED;
            break;
        }
    }
    mem_store8(st.ptr, s.state);
    mem_store8(st.ptr + 1, s.in_key);
    mem_store32(st.ptr + 4, s.depth);
    fp[0].i += i;
    fp[1].i = status;
    if (status == MORE && end < data.len) {
        slot_set_slice(fp + 4, (Slice){data.ptr + end, data.len - end, data.cap - end});
        return NATIVE_AGAIN;
    }
    return NATIVE_OK;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* next(data []byte, i int) (kind byte, start, end int): kind is the token's first byte, '0' for
 * numbers, 'q' for strings that need unquote, 0 at the end. start and end are those of what stands
 * between the quotes. Progress in a long string: kind is 1 or 'q', end where to go on. */
static NativeStatus n_next(struct P *p, Slot *fp)
{
    Slice data = slot_slice(fp + 3);
    uint64_t i = fp[5].u, n = data.len;
    const uint8_t *d = data.ptr;
    bool simple = true;
    if (fp[0].u) {
        simple = fp[0].u == 1;
        i = fp[2].u;
    } else {
        while (i < n && is_space(mem_load8(d + i))) {
            i++;
        }
        fp[1].u = fp[2].u = i;
        if (i >= n) {
            return NATIVE_OK;
        }
        uint8_t c = mem_load8(d + i++);
        if (c != '"') {
            if (c == '-' || is_digit(c)) {
                while (i < n && (is_digit(c = mem_load8(d + i)) || c == '.' || c == '-' || c == '+' ||
                                 (c | 0x20) == 'e')) {
                    i++;
                }
                c = '0';
            } else if (c == 't' || c == 'n') {
                i += 3;
            } else if (c == 'f') {
                i += 4;
            }
            fp[0].u = c;
            fp[2].u = i < n ? i : n;
            return NATIVE_OK;
        }
        fp[1].u = i;
    }
    uint64_t stop = n - i > PIECE ? i + PIECE : n;
    while (i < stop) {
        uint8_t c = mem_load8(d + i);
        if (c == '"') {
            fp[0].u = simple ? '"' : 'q';
            fp[2].u = i;
            return NATIVE_OK;
        }
        if (c < 0x80) {
            simple = simple && c != '\\';
            i += c == '\\' ? 2 : 1;
        } else {
            int32_t r;
            int w = utf8_decode(d + i, (int64_t)(n - i), &r);
            simple = simple && !(r == UTF8_ERROR && w == 1);
            i += (uint64_t)w;
        }
    }
    fp[0].u = simple ? 1 : 'q';
    fp[2].u = i < n ? i : n;
    if (i >= n) {
        fp[0].u = 'q'; /* not text that scan has passed */
        return NATIVE_OK;
    }
    return NATIVE_AGAIN;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* At least `more` bytes behind the length of *b, in new memory if need be. */
static bool reserve(struct P *p, Slice *b, size_t more)
{
    if (b->cap - b->len >= more) {
        return true;
    }
    size_t cap = (size_t)b->len * 2 + more + 32;
    if (cap > SLICE_MAX) {
        native_fatal(p, "runtime: out of memory");
        return false;
    }
    uint8_t *at = heap_alloc_raw(p, cap);
    if (!at) {
        return false;
    }
    mem_copy(at, b->ptr, b->len);
    mem_zero(at + b->len, cap - b->len);
    *b = (Slice){at, b->len, (uint32_t)cap};
    return true;
}

static const char hex[] = "0123456789abcdef";

/* The escape of a byte below 0x80, or its length 0 if it stands for itself. */
static int escape(uint8_t c, bool html, char out[6])
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    if (c >= 0x20 && c != '"' && c != '\\' && !(html && (c == '<' || c == '>' || c == '&'))) {
        return 0;
    }
    out[0] = '\\';
    for (const char *s = shorts; *s; s += 2) {
        if ((uint8_t)*s == c) {
            out[1] = s[1];
            return 2;
        }
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

/* quote(dst []byte, s string, html bool, quotes int) []byte: quotes is 1 at first, 2 for pieces
 * after the first. */
static NativeStatus n_quote(struct P *p, Slot *fp)
{
    Slice dst = slot_slice(fp + 2);
    String s = slot_string(fp + 4);
    bool html = (fp[6].u & 1) != 0;
    int64_t n = s.len < PIECE ? s.len : PIECE, i = 0;
    if (!reserve(p, &dst, (size_t)n + 16)) {
        return NATIVE_OK;
    }
    if (fp[7].i == 1) {
        mem_store8(dst.ptr + dst.len++, '"');
    }
    while (i < n) {
        uint8_t c = mem_load8(s.ptr + i);
        char out[6];
        int len, w = 1;
        if (c < 0x80) {
            len = escape(c, html, out);
        } else {
            int32_t r;
            w = utf8_decode(s.ptr + i, s.len - i, &r);
            len = 0;
            if (r == UTF8_ERROR && w == 1) {
                memcpy(out, "\\ufffd", 6);
                len = 6;
            } else if (r == 0x2028 || r == 0x2029) {
                memcpy(out, "\\u202", 5);
                out[5] = hex[r & 15];
                len = 6;
            }
        }
        if (dst.cap - dst.len < 16 + 6 && !reserve(p, &dst, (size_t)(s.len - i) + 32)) {
            return NATIVE_OK;
        }
        if (len) {
            mem_copy(dst.ptr + dst.len, out, (size_t)len);
        } else {
            len = w;
            mem_copy(dst.ptr + dst.len, s.ptr + i, (size_t)w);
        }
        dst.len += (uint32_t)len;
        i += w;
    }
    if (i < s.len) {
        slot_set_slice(fp + 2, dst);
        slot_set_string(fp + 4, (String){s.ptr + i, s.len - i});
        fp[7].i = 2;
        return NATIVE_AGAIN;
    }
    mem_store8(dst.ptr + dst.len++, '"');
    slot_set_slice(fp, dst);
    return NATIVE_OK;
}

static int hex4(const uint8_t *s, int64_t n)
{
    int v = 0;
    if (n < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        uint8_t c = mem_load8(s + i);
        v = v * 16 + (is_digit(c) ? c - '0' : ((c | 0x20) - 'a' + 10) & 15);
    }
    return v;
}

static int put_rune(uint8_t *to, int32_t r)
{
    if (r < 0x80) {
        mem_store8(to, (uint8_t)r);
        return 1;
    }
    int n = r < 0x800 ? 2 : r < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--) {
        mem_store8(to + i, (uint8_t)(0x80 | (r & 63)));
        r >>= 6;
    }
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    mem_store8(to, (uint8_t)(lead[n] | r));
    return n;
}

/* The rune after \u at s; *used tells how many bytes it took. */
static int32_t unicode_escape(const uint8_t *s, int64_t n, int64_t *used)
{
    int32_t r = hex4(s, n);
    *used = n < 4 ? n : 4;
    if (r < 0) {
        return UTF8_ERROR;
    }
    if (r >= 0xD800 && r < 0xE000) {
        int32_t low = -1;
        if (r < 0xDC00 && n >= 10 && mem_load8(s + 4) == '\\' && mem_load8(s + 5) == 'u') {
            low = hex4(s + 6, n - 6);
        }
        if (low < 0xDC00 || low >= 0xE000) {
            return UTF8_ERROR;
        }
        *used = 10;
        return 0x10000 + ((r & 0x3ff) << 10) + (low & 0x3ff);
    }
    return r;
}

/* unquote(dst, s []byte) []byte: appends what the inside of a JSON string means. */
static NativeStatus n_unquote(struct P *p, Slot *fp)
{
    Slice dst = slot_slice(fp + 2), s = slot_slice(fp + 4);
    int64_t n = s.len, stop = n < PIECE ? n : PIECE, i = 0;
    if (!reserve(p, &dst, (size_t)stop * 3 + 16)) {
        return NATIVE_OK;
    }
    while (i < stop) {
        uint8_t c = mem_load8(s.ptr + i);
        int32_t r = c;
        int64_t w = 1;
        if (c >= 0x80) {
            w = utf8_decode(s.ptr + i, n - i, &r);
        } else if (c == '\\' && i + 1 < n) {
            uint8_t e = mem_load8(s.ptr + i + 1);
            w = 2;
            r = e == 'b' ? '\b' : e == 'f' ? '\f' : e == 'n' ? '\n' : e == 'r' ? '\r' : e == 't' ? '\t' : e;
            if (e == 'u') {
                int64_t used;
                r = unicode_escape(s.ptr + i + 2, n - i - 2, &used);
                w += used;
            }
        }
        dst.len += (uint32_t)put_rune(dst.ptr + dst.len, r);
        i += w;
    }
    if (i < n) {
        slot_set_slice(fp + 2, dst);
        slot_set_slice(fp + 4, (Slice){s.ptr + i, (uint32_t)(n - i), (uint32_t)(n - i)});
        return NATIVE_AGAIN;
    }
    slot_set_slice(fp, dst);
    return NATIVE_OK;
}

#define M "encoding/json"
const NativeDef natives_encoding_json[] = {
    {M, "scan", "func(state, data []byte, stream bool) (n, status int)", "checks text", n_scan},
    {M, "next", "func(data []byte, i int) (kind byte, start, end int)", "the next token", n_next},
    {M, "quote", "func(dst []byte, s string, html bool, part int) []byte", "appends a string", n_quote},
    {M, "unquote", "func(dst, s []byte) []byte", "appends what a string means", n_unquote},
    {0},
};
