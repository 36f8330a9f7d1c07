/* mutate.c - mutations of Go text by tokens, so that most of what the fuzzer makes still parses and the
 * checker and the code generator see programs that are nearly right.
 *
 * A text is cut into tokens by a scanner of its own (the one under test should not judge itself), with
 * each bracket's partner. From them come ranges: a primary expression, a bracketed group, a statement
 * or declaration (from one line break to the next at the same depth). An edit replaces one range by
 * another one or by a template whose % stands for the old text. libFuzzer's own byte mutations and its
 * dictionary keep a share of the work; LLVMFuzzerCustomCrossOver takes ranges from a second input.
 *
 * Everything is a function of libFuzzer's seed, so that a run can be repeated. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb, uint8_t *out,
                                 size_t max, unsigned seed);

enum { TEXT_MAX = 1 << 17, TOKENS_MAX = 1 << 15, DEPTH_MAX = 256 };

typedef enum Kind { K_NAME, K_LITERAL, K_OP, K_OPEN, K_CLOSE, K_BREAK } Kind;

typedef struct Tok {
    uint32_t at, n;
    int32_t match; /* partner of a bracket, or -1 */
    uint8_t kind;
} Tok;

typedef struct Code {
    const char *text;
    uint32_t n, ntoks;
    Tok toks[TOKENS_MAX];
} Code;

typedef struct Range {
    uint32_t from, to; /* bytes */
} Range;

static uint64_t rng;

static uint32_t pick(uint32_t n)
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return n ? (uint32_t)((rng * 2685821657736338717u >> 33) % n) : 0;
}

/* ---- Tokens ----------------------------------------------------------------------------------- */

static bool name_char(unsigned char c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0x80;
}

/* The end of a literal in quotes that begins at i; at the line's end if it is not closed. */
static uint32_t quoted(const char *s, uint32_t n, uint32_t i)
{
    char q = s[i++];
    while (i < n && s[i] != q && (q == '`' || s[i] != '\n')) {
        i += s[i] == '\\' && q != '`' && i + 1 < n ? 2 : 1;
    }
    return i < n ? i + (s[i] == q) : n;
}

static uint32_t comment(const char *s, uint32_t n, uint32_t i)
{
    bool line = s[i + 1] == '/';
    for (i += 2; i < n; i++) {
        if (line ? s[i] == '\n' : s[i] == '*' && i + 1 < n && s[i + 1] == '/') {
            return line ? i : i + 2;
        }
    }
    return n;
}

static uint32_t token_end(const char *s, uint32_t n, uint32_t i, Kind *kind)
{
    static const char *const long_ops[] = {"<<=", ">>=", "&^=", "...", "&&", "||", "<-", "++", "--",
                                           "==",  "!=",  "<=",  ">=",  ":=", "+=", "-=", "*=", "/=",
                                           "%=",  "&=",  "|=",  "^=",  "<<", ">>", "&^"};
    unsigned char c = (unsigned char)s[i];
    if (name_char(c)) {
        *kind = c >= '0' && c <= '9' ? K_LITERAL : K_NAME;
        uint32_t k = i;
        while (k < n && (name_char((unsigned char)s[k]) || (*kind == K_LITERAL && s[k] == '.'))) {
            k++;
        }
        return k;
    }
    if (c == '"' || c == '\'' || c == '`') {
        *kind = K_LITERAL;
        return quoted(s, n, i);
    }
    *kind = strchr("([{", c) && c ? K_OPEN : strchr(")]}", c) && c ? K_CLOSE
          : c == '\n' || c == ';' ? K_BREAK : K_OP;
    for (size_t k = 0; *kind == K_OP && k < sizeof long_ops / sizeof *long_ops; k++) {
        size_t len = strlen(long_ops[k]);
        if (i + len <= n && memcmp(s + i, long_ops[k], len) == 0) {
            return i + (uint32_t)len;
        }
    }
    return i + 1;
}

static void match(Code *c, uint32_t *stack, uint32_t *depth)
{
    Tok *t = &c->toks[c->ntoks];
    if (t->kind == K_OPEN && *depth < DEPTH_MAX) {
        stack[(*depth)++] = c->ntoks;
    } else if (t->kind == K_CLOSE && *depth) {
        uint32_t open = stack[*depth - 1];
        char want = c->text[c->toks[open].at] == '(' ? ')' : c->text[c->toks[open].at] == '[' ? ']' : '}';
        if (c->text[t->at] == want) {
            (*depth)--;
            t->match = (int32_t)open;
            c->toks[open].match = (int32_t)c->ntoks;
        }
    }
}

static void cut(Code *c, const char *text, uint32_t n)
{
    uint32_t stack[DEPTH_MAX], depth = 0;
    c->text = text;
    c->n = n;
    c->ntoks = 0;
    for (uint32_t i = 0; i < n && c->ntoks < TOKENS_MAX;) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
            i++;
        } else if (text[i] == '/' && i + 1 < n && (text[i + 1] == '/' || text[i + 1] == '*')) {
            i = comment(text, n, i);
        } else {
            Kind kind;
            uint32_t end = token_end(text, n, i, &kind);
            c->toks[c->ntoks] = (Tok){i, end - i, -1, (uint8_t)kind};
            match(c, stack, &depth);
            c->ntoks++;
            i = end;
        }
    }
}

/* ---- Ranges ----------------------------------------------------------------------------------- */

static uint32_t tok_end(const Code *c, uint32_t i) { return c->toks[i].at + c->toks[i].n; }

/* A random token that `ok` likes, near a random place; -1 if there is none. */
static int32_t some(const Code *c, bool (*ok)(const Tok *t))
{
    uint32_t from = pick(c->ntoks);
    for (uint32_t k = 0; k < c->ntoks; k++) {
        uint32_t i = (from + k) % c->ntoks;
        if (ok(&c->toks[i])) {
            return (int32_t)i;
        }
    }
    return -1;
}

static bool is_break(const Tok *t) { return t->kind == K_BREAK; }
static bool is_group(const Tok *t) { return t->kind == K_OPEN && t->match >= 0; }
static bool is_operand(const Tok *t) { return t->kind <= K_LITERAL; }
static bool is_word(const Tok *t) { return t->kind == K_NAME; }
static bool is_literal(const Tok *t) { return t->kind == K_LITERAL; }
static bool is_op(const Tok *t) { return t->kind == K_OP; }
static bool is_any(const Tok *t) { return t->kind != K_BREAK; }

static bool token(const Code *c, bool (*ok)(const Tok *t), Range *r)
{
    int32_t i = some(c, ok);
    if (i < 0) {
        return false;
    }
    *r = (Range){c->toks[i].at, tok_end(c, (uint32_t)i)};
    return true;
}

/* x, x.y, x(...).z[i] */
static bool primary(const Code *c, Range *r)
{
    int32_t at = some(c, is_operand);
    if (at < 0) {
        return false;
    }
    uint32_t i = (uint32_t)at;
    r->from = c->toks[i].at;
    while (i + 1 < c->ntoks && pick(8)) {
        const Tok *next = &c->toks[i + 1];
        if (next->kind == K_OP && c->text[next->at] == '.' && next->n == 1 && i + 2 < c->ntoks &&
            c->toks[i + 2].kind == K_NAME) {
            i += 2;
        } else if (is_group(next) && c->text[next->at] != '{') {
            i = (uint32_t)next->match;
        } else {
            break;
        }
    }
    r->to = tok_end(c, i);
    return true;
}

static bool group(const Code *c, char open, Range *r)
{
    for (int tries = 0; tries < 8; tries++) {
        int32_t i = some(c, is_group);
        if (i < 0) {
            return false;
        }
        if (!open || c->text[c->toks[i].at] == open) {
            *r = (Range){c->toks[i].at, tok_end(c, (uint32_t)c->toks[i].match)};
            return true;
        }
    }
    return false;
}

/* From behind a line break to the next one at the same depth, which belongs to it. */
static bool statement(const Code *c, Range *r)
{
    int32_t at = some(c, is_break);
    if (at < 0) {
        return false;
    }
    uint32_t i = (uint32_t)at + 1;
    r->from = tok_end(c, (uint32_t)at);
    for (; i < c->ntoks && c->toks[i].kind != K_BREAK && c->toks[i].kind != K_CLOSE; i++) {
        if (is_group(&c->toks[i])) {
            i = (uint32_t)c->toks[i].match;
        }
    }
    r->to = i >= c->ntoks ? c->n : c->toks[i].kind == K_BREAK ? tok_end(c, i) : c->toks[i].at;
    return r->to > r->from;
}

/* Something of the same sort as the last range chosen, from donor c. */
static bool range_of(const Code *c, int sort, Range *r)
{
    switch (sort) {
    case 0: return statement(c, r);
    case 1: return group(c, '{', r);
    case 2: return group(c, '(', r);
    case 3: return group(c, '[', r);
    case 4: return token(c, is_word, r);
    case 5: return token(c, is_literal, r);
    case 6: return token(c, is_op, r);
    case 7: return token(c, is_any, r);
    default: return primary(c, r);
    }
}

static int any_sort(void)
{
    static const uint8_t weights[] = {0, 0, 0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 8};
    return weights[pick(sizeof weights)];
}

/* ---- Templates -------------------------------------------------------------------------------- */

static const char *const words[] = {
    "int",    "uint8",  "int32",  "uint64", "float64", "float32", "complex128", "string", "bool",
    "rune",   "error",  "any",    "nil",    "true",    "iota",    "len",        "cap",    "append",
    "copy",   "new",    "make",   "panic",  "recover", "close",   "delete",     "min",    "max",
    "clear",  "print",  "real",   "_",      "main",    "T",       "K",          "comparable",
    "return", "break",  "go",     "defer",  "goto",    "range",   "func",       "type",   "const",
    "var",    "struct", "map",    "chan",   "interface", "select", "switch",    "case",   "default",
    "fallthrough",      "continue", "for",  "if",      "else",    "import",     "uintptr"};
static const char *const literals[] = {
    "0",     "1",        "-1",     "2",   "63",      "64",     "127",    "128", "255",      "256",
    "65536", "1<<31",    "1<<63",  "1<<64", "1<<511", "1<<600", "0x7fffffffffffffff", "1e100",
    "1e-400", "0.5",     "1i",     "'a'", "'\\377'", "'\\u00e9'", "\"\"", "\"a\"", "`x`", "1e1000000",
    "0x1p-1074", "\"\\xff\"", "999999999999999999999999", "07", "0b1", "nil", "1_0"};
static const char *const ops[] = {"+",  "-",  "*",  "/",   "%",   "&",   "|",  "^",  "<<", ">>", "&^",
                                  "&&", "||", "==", "!=",  "<",   "<=",  ">",  ">=", "=",  ":=", "+=",
                                  "-=", "<<=", "&^=", "<-", "++", "--",  "!",  "~",  ".",  ",",  ":",
                                  "...", ";", "\n"};
static const char *const wraps[] = {
    "(%)", "*%", "&%", "-%", "!%", "^%", "<-%", "%()", "%[0]", "%[:]", "%[1:2:3]", "%.(int)", "%.x",
    "any(%)", "[]int{%}", "[...]any{%, %}", "map[string]int{%: 1}", "struct{ a int }{%}", "func() int { return % }()",
    "func() { defer func() { recover() }(); _ = % }()", "len(%)", "cap(%)", "string(%)", "[]byte(%)", "int(%)",
    "uint8(%)", "float64(%)", "complex(%, %)", "%...", "[]%", "*[4]%", "[%]int", "map[%]%", "chan %", "func(%) %",
    "interface{ ~% }", "%[int]", "%[%]", "% + %", "% << %", "% == %", "%, %", "new(%)", "make(%, 3)",
    "append(%, %)", "(*%)", "struct{ % }", "interface{ % }", "[3]%{}", "any(%).(interface{ M() })", "min(%, %)",
    "unsafe.Sizeof(%)", "%.y.z", "(%).f", "[%]%{}", "func(x %) { _ = x }", "%{}", "real(%)", "copy(%, %)"};
static const char *const stmts[] = {
    "if % {\n}\n", "for range % {\n}\n", "for i := range % {\n_ = i\n}\n", "for k, v := range % {\n_, _ = k, v\n}\n",
    "switch x := %; x {\ncase %:\n}\n", "switch y := any(%).(type) {\ncase int, nil:\n_ = y\ncase string:\n_ = y + \"\"\n}\n",
    "select {\ncase <-%:\ndefault:\n}\n", "defer %\n", "go %\n", "return %\n", "goto L\nL:\n",
    "L2: for {\nbreak L2\n}\n", "var x9 = %\n_ = x9\n", "const c9 = %\n", "type T9 = %\n", "type T8[P any] struct{ f P; g *T8[P] }\n",
    "_, _ = %, %\n", "% = %\n", "% := %\n", "%++\n", "% <<= 1\n", "panic(%)\n", "func() {\ndefer func() {\nrecover()\n}()\n_ = %\n}()\n",
    "f9 := func() { f9 := %; _ = f9 }\nf9()\n", "{\n%\n}\n", "x8, ok8 := %.(int)\n_, _ = x8, ok8\n",
    "for i := 0; i < 3; i++ {\ndefer func() { _ = i }()\n%\n}\n", "if x7 := %; true {\n_ = x7\n} else {\n%\n}\n",
    "for x6 := range func(yield func(int) bool) { _ = yield(1) && yield(2) } {\n_ = x6\n%\nif x6 == 1 {\ncontinue\n}\nbreak\n}\n",
    "print(%)\n", "var a5 [3]int\na5[%], a5[1] = a5[1], 2\n", "delete(%, %)\n", "clear(%)\n", "close(%)\n", "% <- %\n"};
static const char *const decls[] = {
    "func g9[T any, P interface{ *T; M() }](x T) P { return &x }\n", "type I9 interface{ M(I9) I9; ~int | string }\n",
    "type S9 struct { *S9; a, b int; I8 }\ntype I8 interface{ M() }\n", "func (r *%) M9() {}\n", "var v9, w9 = %, %\n",
    "type R9[T any] struct { next *R9[[]T] }\n", "const ( a9 = iota; b9; c9 = 1 << (10 * iota) )\n",
    "func init() { _ = % }\n", "type A9[T any] = map[string]T\nvar _ A9[int]\n", "import \"strings\"\n",
    "func h9(x ...%) (a, b %) { return }\n", "type F9 func(F9) F9\n", "var x9 = y9\nvar y9 = func() int { return x9 }()\n",
    "type N9 [len(x9)]int\nvar x9 N9\n", "func s9[S ~[]E, E any](s S) S { return append(s, s...) }\nvar _ = s9([]int{1})\n",
    "type E9 struct { E9a }\ntype E9a struct { f func(E9) }\n"};

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof *(a)))
#define ONE(a) ((a)[pick(COUNT(a))])

/* ---- Edits ------------------------------------------------------------------------------------ */

typedef struct Out {
    char *at;
    uint32_t n, max;
} Out;

static void put(Out *o, const char *s, uint32_t n)
{
    n = n < o->max - o->n ? n : o->max - o->n;
    memcpy(o->at + o->n, s, n);
    o->n += n;
}

static void put_template(Out *o, const char *form, const Code *from, Range r)
{
    for (; *form; form++) {
        if (*form == '%') {
            put(o, from->text + r.from, r.to - r.from);
        } else {
            put(o, form, 1);
        }
    }
}

/* The text with r replaced by form, whose % is the range `with` of donor. */
static void replace(Out *o, const Code *c, Range r, const char *form, const Code *donor, Range with)
{
    put(o, c->text, r.from);
    put_template(o, form, donor, with);
    put(o, c->text + r.to, c->n - r.to);
}

/* Something nested in itself many times: depth is what recursive code fears. */
static bool nest(Out *o, const Code *c)
{
    Range outer, inner;
    if (!group(c, 0, &outer)) {
        return false;
    }
    inner = (Range){outer.from + 1, outer.to - 1};
    if (pick(2) && !primary(c, &inner)) {
        return false;
    }
    if (inner.from < outer.from || inner.to > outer.to) {
        inner = (Range){outer.from + 1, outer.to - 1};
    }
    uint32_t times = 2 + pick(pick(8) ? 6 : 3000);
    put(o, c->text, outer.from);
    for (uint32_t i = 0; i < times; i++) {
        put(o, c->text + outer.from, inner.from - outer.from);
    }
    put(o, c->text + inner.from, inner.to - inner.from);
    for (uint32_t i = 0; i < times; i++) {
        put(o, c->text + inner.to, outer.to - inner.to);
    }
    put(o, c->text + outer.to, c->n - outer.to);
    return true;
}

static bool swap(Out *o, const Code *c)
{
    int sort = any_sort();
    Range a, b;
    if (!range_of(c, sort, &a) || !range_of(c, sort, &b)) {
        return false;
    }
    if (a.from > b.from) {
        Range t = a;
        a = b;
        b = t;
    }
    if (a.to > b.from) {
        return false;
    }
    put(o, c->text, a.from);
    put(o, c->text + b.from, b.to - b.from);
    put(o, c->text + a.to, b.from - a.to);
    put(o, c->text + a.from, a.to - a.from);
    put(o, c->text + b.to, c->n - b.to);
    return true;
}

/* Fills o with an edited c; parts come from donor (which may be c). False: nothing to edit. */
static bool edit(Out *o, const Code *c, const Code *donor)
{
    Range r, with = {0, 0};
    int sort;
    switch (pick(12)) {
    case 0: return swap(o, c);
    case 1: return nest(o, c);
    case 2: /* delete */
        if (!range_of(c, any_sort(), &r)) {
            return false;
        }
        replace(o, c, r, "", c, r);
        return true;
    case 3: /* repeat */
        if (!range_of(c, any_sort(), &r)) {
            return false;
        }
        replace(o, c, r, pick(4) ? "%%" : "% %%\n%", c, r);
        return true;
    case 4:
        if (!token(c, is_word, &r)) {
            return false;
        }
        replace(o, c, r, ONE(words), c, r);
        return true;
    case 5:
        if (!token(c, is_literal, &r)) {
            return false;
        }
        replace(o, c, r, ONE(literals), c, r);
        return true;
    case 6:
        if (!token(c, is_op, &r)) {
            return false;
        }
        replace(o, c, r, ONE(ops), c, r);
        return true;
    case 7:
        if (!primary(c, &r)) {
            return false;
        }
        replace(o, c, r, ONE(wraps), donor, primary(donor, &with) && pick(3) == 0 ? with : donor == c ? r : with);
        return true;
    case 8: /* a new statement, or a declaration, before one */
        if (!statement(c, &r) || !range_of(donor, 8 - 8 * (int)(pick(6) == 0), &with)) {
            return false;
        }
        r.to = r.from;
        replace(o, c, r, pick(4) ? ONE(stmts) : ONE(decls), donor, with);
        return true;
    case 9: /* a statement of the donor's before one */
        if (!statement(c, &r) || !statement(donor, &with)) {
            return false;
        }
        r.to = r.from;
        replace(o, c, r, "%\n", donor, with);
        return true;
    default: /* like for like */
        sort = any_sort();
        if (!range_of(c, sort, &r) || !range_of(donor, sort, &with)) {
            return false;
        }
        replace(o, c, r, "%", donor, with);
        return true;
    }
}

static char texts[2][TEXT_MAX];
static Code code, other;

/* Edits texts[0], of n bytes, `times` times; gives the index of the result and its length in *n. */
static int edits(uint32_t *n, uint32_t max, uint32_t times, const Code *donor)
{
    int now = 0;
    for (uint32_t tries = 0; times && tries < 20; tries++) {
        cut(&code, texts[now], *n);
        Out o = {texts[!now], 0, max};
        if (code.ntoks && edit(&o, &code, donor ? donor : &code) && o.n) {
            now = !now;
            *n = o.n;
            times--;
        }
    }
    return now;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    rng = seed * 0x9E3779B97F4A7C15u + 0x1234567;
    pick(1);
    if (size < 8 || size > TEXT_MAX || pick(8) == 0) {
        return LLVMFuzzerMutate(data, size, max);
    }
    uint32_t n = (uint32_t)size, limit = max < TEXT_MAX ? (uint32_t)max : TEXT_MAX;
    memcpy(texts[0], data, size);
    int now = edits(&n, limit, 1 + pick(4), NULL);
    memcpy(data, texts[now], n);
    return n;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb, uint8_t *out,
                                 size_t max, unsigned seed)
{
    rng = seed * 0x9E3779B97F4A7C15u + 0x7654321;
    pick(1);
    if (na > TEXT_MAX || nb > TEXT_MAX || !na || !nb) {
        return 0;
    }
    uint32_t n = (uint32_t)na, limit = max < TEXT_MAX ? (uint32_t)max : TEXT_MAX;
    memcpy(texts[0], a, na);
    cut(&other, (const char *)b, (uint32_t)nb);
    if (!other.ntoks) {
        return 0;
    }
    int now = edits(&n, limit, 1 + pick(4), &other);
    n = n < limit ? n : limit;
    memcpy(out, texts[now], n);
    return n;
}
