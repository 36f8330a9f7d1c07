/* scan.c - source text to tokens.
 *
 * Works on the whole text in memory, which ends in a NUL byte at `limit`; nothing is copied but
 * names, which are interned while they are read (the table's entry also says which keyword a name
 * is). A byte's class comes from one table, so that runs of plain text are skipped in tight loops.
 * Every byte of the file passes here once, therefore this is also where bad encodings are reported:
 * NUL bytes, malformed UTF-8, byte order marks that do not begin the file. Bad bytes are skipped.
 *
 * Semicolons: after a token that can end a statement, a newline, a comment that holds one, or the
 * end of the file is a TOK_SEMICOLON whose lit says which.
 *
 * Columns are bytes, so a Pos is base + offset. The comment lines directly above a token are
 * remembered as a range (doc comments); directives (//go:...) are collected.
 */
#include "lang/scan.h"

#include "lang/unicode_generated.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { C_LETTER = 1, C_DIGIT = 2, C_HEX = 4, C_PLAIN = 8 /* in strings, runes and comments */ };

static const unsigned char class_of[256] = {
    ['\t'] = C_PLAIN, ['\r'] = C_PLAIN, [1 ... 8] = C_PLAIN, [11 ... 12] = C_PLAIN,
    [14 ... '!'] = C_PLAIN, ['#' ... '&'] = C_PLAIN, ['('] = C_PLAIN, [')'] = C_PLAIN,
    ['+' ... '/'] = C_PLAIN, ['0' ... '9'] = C_DIGIT | C_HEX | C_PLAIN,
    [':' ... '@'] = C_PLAIN, ['A' ... 'F'] = C_LETTER | C_HEX | C_PLAIN,
    ['G' ... 'Z'] = C_LETTER | C_PLAIN, ['['] = C_PLAIN, [']' ... '^'] = C_PLAIN,
    ['_'] = C_LETTER | C_PLAIN, ['a' ... 'f'] = C_LETTER | C_HEX | C_PLAIN,
    ['g' ... 'z'] = C_LETTER | C_PLAIN, ['{' ... 127] = C_PLAIN,
};

/* ---- UTF-8 and Unicode ------------------------------------------------------------------------ */

uint32_t utf8_decode(const unsigned char *p, size_t n, unsigned *size)
{
    unsigned char c = p[0];
    *size = 1;
    if (c < 0x80) {
        return c;
    }
    unsigned need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n < need) {
        return 0xfffd;
    }
    uint32_t r = c & (0x7fu >> need);
    for (unsigned i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0xfffd;
        }
        r = r << 6 | (p[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (r < least[need] || r > 0x10ffff || (r >= 0xd800 && r < 0xe000)) {
        return 0xfffd;
    }
    *size = need;
    return r;
}

unsigned rune_encode(uint32_t r, char *out)
{
    if (r < 0x80) {
        out[0] = (char)r;
        return 1;
    }
    if (r < 0x800) {
        out[0] = (char)(0xc0 | r >> 6);
        out[1] = (char)(0x80 | (r & 0x3f));
        return 2;
    }
    if (r > 0x10ffff || (r >= 0xd800 && r < 0xe000)) {
        r = 0xfffd;
    }
    if (r < 0x10000) {
        out[0] = (char)(0xe0 | r >> 12);
        out[1] = (char)(0x80 | (r >> 6 & 0x3f));
        out[2] = (char)(0x80 | (r & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | r >> 18);
    out[1] = (char)(0x80 | (r >> 12 & 0x3f));
    out[2] = (char)(0x80 | (r >> 6 & 0x3f));
    out[3] = (char)(0x80 | (r & 0x3f));
    return 4;
}

static bool in_ranges(const uint32_t (*ranges)[2], size_t n, uint32_t r)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (r < ranges[mid][0]) {
            hi = mid;
        } else if (r > ranges[mid][1]) {
            lo = mid + 1;
        } else {
            return true;
        }
    }
    return false;
}

bool rune_is_letter(uint32_t r)
{
    if (r < 0x80) {
        return class_of[r] & C_LETTER && r != '_';
    }
    return in_ranges(letter_ranges, sizeof letter_ranges / sizeof letter_ranges[0], r);
}

bool rune_is_digit(uint32_t r)
{
    if (r < 0x80) {
        return class_of[r] & C_DIGIT;
    }
    return in_ranges(digit_ranges, sizeof digit_ranges / sizeof digit_ranges[0], r);
}

/* ---- Errors ----------------------------------------------------------------------------------- */

static Pos pos_at(const Scanner *s, const unsigned char *p)
{
    return s->src->base + (Pos)(p - s->text);
}

__attribute__((format(printf, 4, 5))) static void error_at(Scanner *s, const unsigned char *p,
                                                           const char *code, const char *fmt, ...)
{
    s->nerrors++;
    if (s->quiet) {
        return;
    }
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diag_report(s->diags, DIAG_ERROR, pos_at(s, p), 0, code, "%s", text);
}

/* A rune as Go's %#U and %q print it. */
static const char *rune_text(uint32_t r, bool quoted, char buf[32])
{
    char utf[5] = {0};
    utf[rune_encode(r, utf)] = 0;
    bool shown = r >= ' ' && r != 0x7f && !(r >= 0x80 && r < 0xa0) && r != 0xfeff;
    if (quoted) {
        switch (r) {
        case '\n':
            return "'\\n'";
        case '\r':
            return "'\\r'";
        case '\t':
            return "'\\t'";
        case '\'':
            return "'\\''";
        case '\\':
            return "'\\\\'";
        default:
            if (shown) {
                snprintf(buf, 32, "'%s'", utf);
            } else {
                snprintf(buf, 32, r < 0x100 ? "'\\x%02x'" : "'\\u%04x'", r);
            }
            return buf;
        }
    }
    if (shown) {
        snprintf(buf, 32, "U+%04X '%s'", r, utf);
    } else {
        snprintf(buf, 32, "U+%04X", r);
    }
    return buf;
}

/* Steps over one character that is not plain ASCII; reports bad encodings. Returns the rune, or 0
 * where it was a bad byte that must be ignored. */
static uint32_t step_wide(Scanner *s)
{
    const unsigned char *at = s->p;
    if (*at == 0) {
        error_at(s, at, "Encoding", "invalid NUL character");
        s->p++;
        return 0;
    }
    unsigned size;
    uint32_t r = utf8_decode(at, (size_t)(s->limit - at), &size);
    s->p += size;
    if (r == 0xfffd && size == 1) {
        error_at(s, at, "Encoding", "invalid UTF-8 encoding");
        return 0;
    }
    if (r == 0xfeff) {
        error_at(s, at, "Encoding", "invalid BOM in the middle of the file");
        return 0;
    }
    return r;
}

static bool at_end(const Scanner *s) { return s->p >= s->limit; }

/* ---- Comments --------------------------------------------------------------------------------- */

static void line_comment(Scanner *s)
{
    const unsigned char *start = s->p - 2;
    for (;;) {
        while (class_of[*s->p] & C_PLAIN) {
            s->p++;
        }
        if (at_end(s) || *s->p == '\n') {
            break;
        }
        if (*s->p >= 0x80 || *s->p == 0) {
            step_wide(s);
        } else {
            s->p++;
        }
    }
    if (!s->quiet && s->p - start > 5 && memcmp(start, "//go:", 5) == 0) {
        Directive d = {pos_at(s, start), (const char *)start, (uint32_t)(s->p - start)};
        VEC_PUSH(s->directives, d);
    }
}

/* True if the comment holds a newline. */
static bool block_comment(Scanner *s)
{
    const unsigned char *start = s->p - 2;
    bool newline = false;
    for (;;) {
        while (class_of[*s->p] & C_PLAIN) {
            s->p++;
        }
        if (at_end(s)) {
            error_at(s, start, "Syntax", "comment not terminated");
            return newline;
        }
        if (*s->p == '*' && s->p[1] == '/') {
            s->p += 2;
            return newline;
        }
        newline |= *s->p == '\n';
        if (*s->p >= 0x80 || *s->p == 0) {
            step_wide(s);
        } else {
            s->p++;
        }
    }
}

/* ---- Literals --------------------------------------------------------------------------------- */

static const char *base_name(int base)
{
    return base == 2 ? "binary" : base == 8 ? "octal" : base == 10 ? "decimal" : "hexadecimal";
}

/* Digits and underscores; bit 0 of the result: digits were seen, bit 1: underscores. *invalid: the
 * first digit that is too large for the base. */
static int digits(Scanner *s, int base, const unsigned char **invalid)
{
    int seen = 0;
    unsigned want = base == 16 ? C_HEX : C_DIGIT;
    for (;; s->p++) {
        unsigned char c = *s->p;
        if (c == '_') {
            seen |= 2;
        } else if (class_of[c] & want) {
            seen |= 1;
            if (base < 10 && c >= '0' + base && invalid && !*invalid) {
                *invalid = s->p;
            }
        } else {
            return seen;
        }
    }
}

/* The first underscore that does not separate digits, or NULL. */
static const unsigned char *misplaced_underscore(const unsigned char *p, const unsigned char *end)
{
    bool hex = false;
    char before = '.'; /* '0' after a digit or a prefix, '_' after one, '.' otherwise */
    if (end - p >= 2 && p[0] == '0') {
        int c = p[1] | 0x20;
        hex = c == 'x';
        if (hex || c == 'o' || c == 'b') {
            before = '0';
            p += 2;
        }
    }
    for (; p < end; p++) {
        if (*p == '_') {
            if (before != '0') {
                return p;
            }
            before = '_';
        } else if (class_of[*p] & (hex ? C_HEX : C_DIGIT)) {
            before = '0';
        } else {
            if (before == '_') {
                return p - 1;
            }
            before = '.';
        }
    }
    return before == '_' ? end - 1 : NULL;
}

typedef struct Number {
    int base;
    char prefix; /* 0, '0', 'x', 'o' or 'b' */
    int seen;
    const unsigned char *invalid;
    bool ok;
} Number;

static void number_prefix(Scanner *s, Number *n)
{
    n->base = 10;
    if (*s->p != '0') {
        return;
    }
    int c = *++s->p | 0x20;
    n->prefix = c == 'x' || c == 'o' || c == 'b' ? (char)c : '0';
    n->base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
    if (n->prefix == '0') {
        n->seen = 1;
    } else {
        s->p++;
    }
}

__attribute__((format(printf, 3, 4))) static void number_error(Scanner *s, Number *n,
                                                               const char *fmt, ...)
{
    if (!n->ok) {
        return;
    }
    char text[128];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    error_at(s, s->p, "Syntax", "%s", text);
    n->ok = false;
}

static bool number_exponent(Scanner *s, Number *n, bool is_float)
{
    int e = *s->p | 0x20;
    if (e != 'e' && e != 'p') {
        if (n->prefix == 'x' && is_float) {
            number_error(s, n, "hexadecimal mantissa requires a 'p' exponent");
        }
        return is_float;
    }
    if (e == 'e' && n->prefix && n->prefix != '0') {
        number_error(s, n, "'%c' exponent requires decimal mantissa", *s->p);
    } else if (e == 'p' && n->prefix != 'x') {
        number_error(s, n, "'%c' exponent requires hexadecimal mantissa", *s->p);
    }
    s->p++;
    if (*s->p == '+' || *s->p == '-') {
        s->p++;
    }
    n->seen = digits(s, 10, NULL) | (n->seen & 2);
    if (!(n->seen & 1)) {
        number_error(s, n, "exponent has no digits");
    }
    return true;
}

static void number(Scanner *s, const unsigned char *start, bool after_point)
{
    Number n = {.base = 10, .ok = true};
    bool is_float = after_point;
    if (!after_point) {
        number_prefix(s, &n);
        n.seen |= digits(s, n.base, &n.invalid);
        if (*s->p == '.') {
            if (n.prefix == 'o' || n.prefix == 'b') {
                number_error(s, &n, "invalid radix point in %s literal", base_name(n.base));
            }
            s->p++;
            is_float = true;
        }
    }
    if (is_float) {
        n.seen |= digits(s, n.base, &n.invalid);
    }
    if (!(n.seen & 1)) {
        number_error(s, &n, "%s literal has no digits", base_name(n.base));
    }
    is_float = number_exponent(s, &n, is_float);
    s->tok = is_float ? TOK_FLOAT : TOK_INT;
    if (*s->p == 'i') {
        s->tok = TOK_IMAG;
        s->p++;
    }
    if (s->tok == TOK_INT && n.invalid && n.ok) {
        error_at(s, n.invalid, "Syntax", "invalid digit '%c' in %s literal", *n.invalid,
                 base_name(n.base));
        n.ok = false;
    }
    const unsigned char *sep = n.seen & 2 && n.ok ? misplaced_underscore(start, s->p) : NULL;
    if (sep) {
        error_at(s, sep, "Syntax", "'_' must separate successive digits");
        n.ok = false;
    }
    s->bad = !n.ok;
}

static int hex_value(unsigned char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Behind a backslash. False if the escape is malformed and has been reported. */
static bool escape(Scanner *s, unsigned char quote)
{
    unsigned count, base = 16;
    uint32_t max = 0x10ffff;
    unsigned char c = *s->p;
    if (at_end(s)) {
        return true; /* the caller reports the end of the file */
    }
    if (c == quote || (c && strchr("abfnrtv\\", c))) {
        s->p++;
        return true;
    }
    if (c >= '0' && c <= '7') {
        count = 3;
        base = 8;
        max = 255;
    } else if (c == 'x' || c == 'u' || c == 'U') {
        count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        max = c == 'x' ? 255 : max;
        s->p++;
    } else {
        error_at(s, s->p, "Syntax", "unknown escape");
        return false;
    }
    uint32_t x = 0;
    for (; count > 0; count--, s->p++) {
        if (at_end(s)) {
            return true;
        }
        if (!(class_of[*s->p] & C_HEX) || hex_value(*s->p) >= (int)base) {
            char buf[32];
            unsigned size;
            uint32_t r = utf8_decode(s->p, (size_t)(s->limit - s->p), &size);
            error_at(s, s->p, "Syntax", "invalid character %s in %s escape",
                     rune_text(r, true, buf), base_name((int)base));
            return false;
        }
        x = x * base + (uint32_t)hex_value(*s->p);
    }
    if (x > max && base == 8) {
        error_at(s, s->p, "Syntax", "octal escape value %u > 255", x);
        return false;
    }
    if (x > max || (max > 255 && x >= 0xd800 && x < 0xe000)) {
        char buf[32];
        error_at(s, s->p, "Syntax", "escape is invalid Unicode code point %s",
                 x > max ? (snprintf(buf, sizeof buf, "U+%04X", x), buf) : rune_text(x, false, buf));
        return false;
    }
    return true;
}

static void rune_literal(Scanner *s, const unsigned char *start)
{
    bool ok = true;
    unsigned n = 0;
    for (;; n++) {
        unsigned char c = *s->p;
        if (at_end(s)) {
            if (ok) {
                error_at(s, start, "Syntax", "rune literal not terminated");
            }
            ok = false;
            break;
        }
        if (c == '\'') {
            if (ok && n == 0) {
                error_at(s, s->p, "Syntax", "empty rune literal or unescaped '");
            } else if (ok && n != 1) {
                error_at(s, start, "Syntax", "more than one character in rune literal");
            }
            ok = ok && n == 1;
            s->p++;
            break;
        }
        if (c == '\n') {
            if (ok) {
                error_at(s, s->p, "Syntax", "newline in rune literal");
            }
            ok = false;
            break;
        }
        if (c == '\\') {
            s->p++;
            ok = escape(s, '\'') && ok;
        } else if (c >= 0x80 || c == 0) {
            ok = step_wide(s) != 0 && ok;
        } else {
            s->p++;
        }
    }
    s->tok = TOK_CHAR;
    s->bad = !ok;
}

static void string_literal(Scanner *s, const unsigned char *start)
{
    bool ok = true;
    for (;;) {
        while (class_of[*s->p] & C_PLAIN) {
            s->p++;
        }
        unsigned char c = *s->p;
        if (c == '"') {
            s->p++;
            break;
        }
        if (at_end(s)) {
            error_at(s, start, "Syntax", "string not terminated");
            ok = false;
            break;
        }
        if (c == '\n') {
            error_at(s, s->p, "Syntax", "newline in string");
            ok = false;
            break;
        }
        if (c == '\\') {
            s->p++;
            ok = escape(s, '"') && ok;
        } else if (c >= 0x80 || c == 0) {
            ok = step_wide(s) != 0 && ok;
        } else {
            s->p++;
        }
    }
    s->tok = TOK_STRING;
    s->bad = !ok;
}

static void raw_string(Scanner *s, const unsigned char *start)
{
    bool ok = true;
    while (*s->p != '`') {
        if (at_end(s)) {
            error_at(s, start, "Syntax", "string not terminated");
            ok = false;
            break;
        }
        if (*s->p >= 0x80 || *s->p == 0) {
            ok = step_wide(s) != 0 && ok;
        } else {
            s->p++;
        }
    }
    s->p += ok || *s->p == '`';
    s->tok = TOK_STRING;
    s->bad = !ok;
}

/* ---- Names ------------------------------------------------------------------------------------ */

static bool ends_statement(Token t)
{
    return t == TOK_BREAK || t == TOK_CONTINUE || t == TOK_FALLTHROUGH || t == TOK_RETURN;
}

/* The rest of a name whose characters are not all ASCII. */
static void wide_name(Scanner *s, const unsigned char *start)
{
    char buf[32];
    for (;;) {
        if (class_of[*s->p] & (C_LETTER | C_DIGIT)) {
            s->p++;
            continue;
        }
        if (*s->p < 0x80) {
            break;
        }
        const unsigned char *at = s->p;
        uint32_t r = step_wide(s);
        if (r == 0) {
            continue;
        }
        if (rune_is_digit(r)) {
            if (at == start) {
                error_at(s, at, "Syntax", "identifier cannot begin with digit %s",
                         rune_text(r, false, buf));
            }
        } else if (!rune_is_letter(r)) {
            error_at(s, at, "Syntax", "invalid character %s in identifier",
                     rune_text(r, false, buf));
        }
    }
}

static void name_token_at(Scanner *s, const unsigned char *start)
{
    uint32_t h = NAME_HASH_START;
    const unsigned char *p = start;
    while (class_of[*p] & (C_LETTER | C_DIGIT)) {
        h = NAME_HASH_STEP(h, *p);
        p++;
    }
    s->p = p;
    if (*p >= 0x80) {
        wide_name(s, start);
        s->name = name_intern((const char *)start, (size_t)(s->p - start));
    } else {
        s->name = name_intern_hashed((const char *)start, (size_t)(p - start), h);
    }
    s->tok = (Token)name_token(s->name);
    if (s->tok) {
        s->nlsemi = ends_statement(s->tok);
    } else {
        s->tok = TOK_IDENT;
        s->nlsemi = true;
    }
}

/* ---- Tokens ----------------------------------------------------------------------------------- */

/* Skips blanks and comments. True if a semicolon stands here instead. */
static bool skip_blank(Scanner *s, bool nlsemi)
{
    s->doc_end = 0;
    for (;;) {
        const unsigned char *at = s->p;
        switch (*at) {
        case '\n':
            if (nlsemi) {
                s->p++;
                s->lit = "newline";
                s->pos = pos_at(s, at);
                return true;
            }
            if (s->doc_end && at[1] == '\n') {
                s->doc_end = 0; /* a blank line parts a comment from what follows */
            }
            s->p++;
            continue;
        case ' ':
        case '\t':
        case '\r':
            s->p++;
            continue;
        case '/':
            if (at[1] != '/' && at[1] != '*') {
                return false;
            }
            s->p += 2;
            if (at[1] == '/') {
                line_comment(s);
            } else if (block_comment(s) && nlsemi) {
                s->lit = "newline";
                s->pos = pos_at(s, at);
                return true;
            }
            if (!s->doc_end) {
                s->doc = (uint32_t)(at - s->text);
            }
            s->doc_end = (uint32_t)(s->p - s->text);
            continue;
        default:
            return false;
        }
    }
}

static void operator_or_assign(Scanner *s, Token op)
{
    if (*s->p == '=') {
        s->p++;
        s->tok = TOK_OP_ASSIGN;
        s->op = op;
    } else {
        s->tok = op;
    }
}

/* c has been consumed; `a` follows -> x, else `y`. */
static void either(Scanner *s, unsigned char a, Token x, Token y)
{
    if (*s->p == a) {
        s->p++;
        s->tok = x;
    } else {
        s->tok = y;
    }
}

static void closing(Scanner *s, Token t)
{
    s->tok = t;
    s->nlsemi = true;
}

static void doubled(Scanner *s, unsigned char c, Token twice, Token op)
{
    if (*s->p == c) {
        s->p++;
        closing(s, twice);
    } else {
        operator_or_assign(s, op);
    }
}

static void point(Scanner *s, const unsigned char *at)
{
    if (class_of[*s->p] & C_DIGIT) {
        s->nlsemi = true;
        number(s, at, true);
    } else if (s->p[0] == '.' && s->p[1] == '.') {
        s->p += 2;
        s->tok = TOK_ELLIPSIS;
    } else {
        s->tok = TOK_PERIOD;
    }
}

static void less(Scanner *s)
{
    switch (*s->p) {
    case '=':
        s->p++;
        s->tok = TOK_LEQ;
        break;
    case '<':
        s->p++;
        operator_or_assign(s, TOK_SHL);
        break;
    case '-':
        s->p++;
        s->tok = TOK_ARROW;
        break;
    default:
        s->tok = TOK_LSS;
    }
}

static void ampersand(Scanner *s)
{
    if (*s->p == '&') {
        s->p++;
        s->tok = TOK_LAND;
    } else if (*s->p == '^') {
        s->p++;
        operator_or_assign(s, TOK_AND_NOT);
    } else {
        operator_or_assign(s, TOK_AND);
    }
}

/* A character that begins no token; false if it was dropped. */
static bool odd_character(Scanner *s, const unsigned char *at)
{
    char buf[32];
    if (*at >= 0x80) {
        unsigned size;
        uint32_t r = utf8_decode(at, (size_t)(s->limit - at), &size);
        if (!(r == 0xfffd && size == 1) && (rune_is_letter(r) || rune_is_digit(r))) {
            name_token_at(s, at);
            return true;
        }
        s->p = at;
        r = step_wide(s);
        if (r) {
            error_at(s, at, "Syntax", "invalid character %s", rune_text(r, false, buf));
        }
        return false;
    }
    if (*at == 0) {
        s->p = at;
        step_wide(s);
        return false;
    }
    error_at(s, at, "Syntax", "invalid character %s", rune_text(*at, false, buf));
    return false;
}

static bool end_of_text(Scanner *s, bool nlsemi)
{
    if (*s->p || !at_end(s)) {
        return false;
    }
    s->pos = s->end = pos_at(s, s->p);
    s->tok = TOK_EOF;
    if (nlsemi) {
        s->tok = TOK_SEMICOLON;
        s->lit = "EOF";
    }
    return true;
}

void scan_next(Scanner *s)
{
    bool nlsemi = s->nlsemi;
    s->nlsemi = false;
again:
    if (skip_blank(s, nlsemi)) {
        s->tok = TOK_SEMICOLON;
        s->end = s->pos + 1;
        return;
    }
    if (end_of_text(s, nlsemi)) {
        return;
    }
    const unsigned char *at = s->p;
    s->pos = pos_at(s, at);
    unsigned char c = *at;
    if (class_of[c] & C_LETTER) {
        name_token_at(s, at);
        s->end = pos_at(s, s->p);
        return;
    }
    s->p++;
    switch (c) {
    case '0' ... '9':
        s->p--;
        s->nlsemi = true;
        number(s, at, false);
        break;
    case '"':
        s->nlsemi = true;
        string_literal(s, at);
        break;
    case '`':
        s->nlsemi = true;
        raw_string(s, at);
        break;
    case '\'':
        s->nlsemi = true;
        rune_literal(s, at);
        break;
    case '(':
        s->tok = TOK_LPAREN;
        break;
    case '[':
        s->tok = TOK_LBRACK;
        break;
    case '{':
        s->tok = TOK_LBRACE;
        break;
    case ',':
        s->tok = TOK_COMMA;
        break;
    case ';':
        s->tok = TOK_SEMICOLON;
        s->lit = "semicolon";
        break;
    case ')':
        closing(s, TOK_RPAREN);
        break;
    case ']':
        closing(s, TOK_RBRACK);
        break;
    case '}':
        closing(s, TOK_RBRACE);
        break;
    case ':':
        either(s, '=', TOK_DEFINE, TOK_COLON);
        break;
    case '.':
        point(s, at);
        break;
    case '+':
        doubled(s, '+', TOK_INC, TOK_ADD);
        break;
    case '-':
        doubled(s, '-', TOK_DEC, TOK_SUB);
        break;
    case '*':
        operator_or_assign(s, TOK_MUL);
        break;
    case '/':
        operator_or_assign(s, TOK_QUO);
        break;
    case '%':
        operator_or_assign(s, TOK_REM);
        break;
    case '&':
        ampersand(s);
        break;
    case '|':
        if (*s->p == '|') {
            s->p++;
            s->tok = TOK_LOR;
        } else {
            operator_or_assign(s, TOK_OR);
        }
        break;
    case '^':
        operator_or_assign(s, TOK_XOR);
        break;
    case '<':
        less(s);
        break;
    case '>':
        if (*s->p == '>') {
            s->p++;
            operator_or_assign(s, TOK_SHR);
        } else {
            either(s, '=', TOK_GEQ, TOK_GTR);
        }
        break;
    case '=':
        either(s, '=', TOK_EQL, TOK_ASSIGN);
        break;
    case '!':
        either(s, '=', TOK_NEQ, TOK_NOT);
        break;
    case '~':
        s->tok = TOK_TILDE;
        break;
    default:
        if (!odd_character(s, at)) {
            goto again;
        }
    }
    s->end = pos_at(s, s->p);
    if (s->tok <= TOK_STRING && s->tok >= TOK_INT) {
        s->lit = (const char *)at;
        s->lit_len = (uint32_t)(s->p - at);
    }
}

void scan_init(Scanner *s, SourceFile *src, DiagList *d)
{
    memset(s, 0, sizeof *s);
    s->src = src;
    s->diags = d;
    s->text = s->p = (const unsigned char *)src->text;
    s->limit = s->text + src->len;
    assert(*s->limit == 0);
    if (src->len >= 3 && memcmp(s->p, "\xef\xbb\xbf", 3) == 0) {
        s->p += 3;
    }
    if (s->limit - s->p >= 2 && s->p[0] == '#' && s->p[1] == '!') {
        while (s->p < s->limit && *s->p != '\n') {
            s->p++;
        }
    }
}
