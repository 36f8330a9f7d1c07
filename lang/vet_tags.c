/* vet_tags.c - checks of gol vet about what is written in strings and comments: struct tags, build
 * constraints, //go: directives. */
#include "lang/vet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- struct tags: `key:"value" key2:"value"` ---- */

typedef struct Slice {
    const char *at;
    size_t n;
} Slice;

static bool is_key(Slice s, const char *name)
{
    return s.n == strlen(name) && !memcmp(s.at, name, s.n);
}

static Slice unquote(const char *s, size_t n, bool *ok)
{
    Const *c = const_literal(TOK_STRING, s, (uint32_t)n);
    Slice out = {"", 0};
    *ok = c != NULL;
    if (c) {
        out.at = const_as_string(c, &out.n);
    }
    return out;
}

/* Takes a pair off the front of *tag. Gives the words of what is wrong, "" at the end, NULL if all
 * is well. */
static const char *next_pair(Slice *tag, bool first, Slice *key, Slice *value)
{
    const char *s = tag->at;
    size_t n = tag->n, i = 0;
    if (n && !first && s[0] != ' ') {
        return "key:\"value\" pairs not separated by spaces";
    }
    while (n && *s == ' ') {
        s++;
        n--;
    }
    if (!n) {
        return "";
    }
    while (i < n && (unsigned char)s[i] > ' ' && s[i] != ':' && s[i] != '"' && s[i] != 0x7f) {
        i++;
    }
    if (i == 0) {
        return "bad syntax for struct tag key";
    }
    if (i + 1 >= n || s[i] != ':') {
        return "bad syntax for struct tag pair";
    }
    *key = (Slice){s, i};
    s += i + 1;
    n -= i + 1;
    if (*s != '"') {
        return "bad syntax for struct tag value";
    }
    for (i = 1; i < n && s[i] != '"'; i++) {
        i += s[i] == '\\';
    }
    bool ok = i < n;
    if (ok) {
        *value = unquote(s, i + 1, &ok);
        *tag = (Slice){s + i + 1, n - i - 1};
    }
    return ok ? NULL : "bad syntax for struct tag value";
}

static size_t count_blanks(Slice s)
{
    size_t k = 0;
    for (size_t i = 0; i < s.n; i++) {
        k += s.at[i] == ' ';
    }
    return k;
}

/* A blank where an encoder would take it as part of a name. */
static bool odd_blank(Slice key, Slice value)
{
    bool xml = is_key(key, "xml"), json = is_key(key, "json");
    if (!xml && !json && !is_key(key, "asn1")) {
        return false;
    }
    const char *comma = memchr(value.at, ',', value.n);
    if (xml) {
        if (value.n && (value.at[0] == ' ' || value.at[value.n - 1] == ' ')) {
            return true;
        }
        if (count_blanks(value) > 1 || (comma && comma > value.at && comma[-1] == ' ')) {
            return true;
        }
    }
    if (xml || json) {
        if (!comma) {
            return false;
        }
        value = (Slice){comma + 1, (size_t)(value.at + value.n - comma - 1)};
    }
    return count_blanks(value) > 0;
}

static const char *tag_problem(const char *tag, size_t n)
{
    Slice rest = {tag, n}, key, value;
    for (bool first = true;; first = false) {
        const char *why = next_pair(&rest, first, &key, &value);
        if (why) {
            return *why ? why : NULL;
        }
        if (odd_blank(key, value)) {
            return "suspicious space in struct tag value";
        }
    }
}

/* As reflect.StructTag.Get: what stands before the first mistake counts. */
static Slice tag_get(const StructField *f, const char *want)
{
    Slice rest = {f->tag ? f->tag : "", f->tag ? f->tag_len : 0}, key, value;
    for (;;) {
        const char *why = next_pair(&rest, true, &key, &value);
        if (why) {
            return (Slice){"", 0};
        }
        if (is_key(key, want)) {
            return value;
        }
    }
}

typedef struct SeenTag {
    const char *key;
    Slice name;
    int level;
    Pos pos;
} SeenTag;

typedef struct Tags {
    Vet *v;
    VEC(SeenTag) seen;
} Tags;

static const char *quoted(Slice s) { return const_source(const_string(s.at, s.n)); }

static void repeated(Tags *t, const StructField *nearest, const StructField *f, const char *key,
                     Slice name, int level)
{
    for (uint32_t i = 0; i < t->seen.n; i++) {
        const SeenTag *x = &t->seen.at[i];
        mem_step();
        if (!strcmp(x->key, key) && x->level == level && x->name.n == name.n
            && !memcmp(x->name.at, name.at, name.n)) {
            const char *path;
            uint32_t line, col;
            diag_position(t->v->diags, x->pos, &path, &line, &col);
            const char *slash = strrchr(path, '/');
            vet_report(t->v, nearest->pos, 0, "struct field %s repeats %s tag %s also at %s:%u",
                       f->name, key, quoted(name), slash ? slash + 1 : path, line);
            return;
        }
    }
    SeenTag one = {key, name, level, f->pos};
    VEC_PUSH(t->seen, one);
}

static void check_repeats(Tags *t, const StructField *nearest, const StructField *f,
                          const char *key, int level)
{
    Slice val = tag_get(f, key);
    if (is_key(val, "-") || level > 20) {
        return;
    }
    if (!val.n || val.at[0] == ',') {
        Type *u = f->embedded ? type_under(f->type) : NULL;
        for (uint32_t i = 0; u && u->kind == T_STRUCT && i < u->struct_.n; i++) {
            if (name_exported(u->struct_.fields[i].name)) {
                check_repeats(t, nearest, &u->struct_.fields[i], key, level + 1);
            }
        }
        return;
    }
    bool xml = !strcmp(key, "xml");
    if (xml && !strcmp(f->name, "XMLName")) {
        return;
    }
    const char *comma = memchr(val.at, ',', val.n);
    const char *shown = key;
    if (comma) {
        const char *end = val.at + val.n;
        for (const char *p = comma; xml && p && p < end;
             p = memchr(p + 1, ',', (size_t)(end - p - 1))) {
            size_t len = (size_t)(end - p - 1);
            const char *next = memchr(p + 1, ',', len);
            if (is_key((Slice){p + 1, next ? (size_t)(next - p - 1) : len}, "attr")) {
                shown = "xml attribute";
            }
        }
        val.n = (size_t)(comma - val.at);
    }
    repeated(t, nearest, f, shown, val, level);
}

static void check_field(Tags *t, const StructField *f)
{
    check_repeats(t, f, f, "json", 1);
    check_repeats(t, f, f, "xml", 1);
    const char *why = f->tag ? tag_problem(f->tag, f->tag_len) : NULL;
    if (why) {
        bool raw = !memchr(f->tag, '`', f->tag_len);
        vet_report(t->v, f->pos, 0,
                   "struct field tag %s not compatible with reflect.StructTag.Get: %s",
                   raw ? mem_printf("`%.*s`", (int)f->tag_len, f->tag)
                       : quoted((Slice){f->tag, f->tag_len}),
                   why);
    }
    static const char *const encodings[] = {"json", "xml"};
    for (int i = 0; i < 2 && !f->embedded && !name_exported(f->name); i++) {
        Slice val = tag_get(f, encodings[i]);
        if (val.n && !is_key(val, "-")) {
            vet_report(t->v, f->pos, 0, "struct field %s has %s tag but is not exported", f->name,
                       encodings[i]);
            return;
        }
    }
}

static bool struct_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind == EX_STRUCT_TYPE && e->type && e->type->kind == T_STRUCT) {
        Tags t = {.v = v};
        for (uint32_t i = 0; i < e->type->struct_.n; i++) {
            check_field(&t, &e->type->struct_.fields[i]);
        }
    }
    return true;
}

void vet_structtag(Vet *v)
{
    Visit w = {.expr = struct_expr};
    if (strcmp(v->pkg->path, "encoding/json") != 0 && strcmp(v->pkg->path, "encoding/xml") != 0) {
        vet_walk_package(v, &w);
    }
}

/* ---- build constraints ---- */

static bool starts(Slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && !memcmp(s.at, prefix, n);
}

static Slice trim(Slice s)
{
    while (s.n && isspace((unsigned char)s.at[0])) {
        s.at++;
        s.n--;
    }
    while (s.n && isspace((unsigned char)s.at[s.n - 1])) {
        s.n--;
    }
    return s;
}

static bool is_go_build(Slice line)
{
    return starts(line, "//go:build")
           && (line.n == 10 || line.at[10] == ' ' || line.at[10] == '\t');
}

/* A recursive-descent reader of a constraint: || over && over ! over ( ) and tags. */
typedef struct Constraint {
    Slice s;
    size_t i;
    Slice tok; /* empty: the end */
    const char *why;
} Constraint;

static bool tag_char(unsigned char c) { return isalnum(c) || c == '_' || c == '.' || c >= 0x80; }

static void advance(Constraint *c)
{
    while (c->i < c->s.n && (c->s.at[c->i] == ' ' || c->s.at[c->i] == '\t')) {
        c->i++;
    }
    size_t from = c->i;
    if (from < c->s.n) {
        char x = c->s.at[from];
        if (tag_char((unsigned char)x)) {
            while (c->i < c->s.n && tag_char((unsigned char)c->s.at[c->i])) {
                c->i++;
            }
        } else if ((x == '&' || x == '|') && from + 1 < c->s.n && c->s.at[from + 1] == x) {
            c->i += 2;
        } else if (strchr("!()", x)) {
            c->i++;
        } else if (!c->why) {
            c->why = mem_printf("invalid syntax at %c", x);
            c->i = c->s.n;
        }
    }
    c->tok = (Slice){c->s.at + from, c->i - from};
}

static void either(Constraint *c, int depth);

static void operand(Constraint *c, int depth)
{
    if (c->why) {
        return;
    }
    if (is_key(c->tok, "!")) {
        advance(c);
        if (is_key(c->tok, "!")) {
            c->why = "double negation not allowed";
        }
        operand(c, depth);
    } else if (is_key(c->tok, "(") && depth < 1000) {
        advance(c);
        either(c, depth + 1);
        if (!c->why && !is_key(c->tok, ")")) {
            c->why = "missing close paren";
        }
        advance(c);
    } else if (!c->tok.n) {
        c->why = "unexpected end of expression";
    } else if (!tag_char((unsigned char)c->tok.at[0])) {
        c->why = mem_printf("unexpected token %.*s", (int)c->tok.n, c->tok.at);
    } else {
        advance(c);
    }
}

static void both(Constraint *c, int depth)
{
    for (operand(c, depth); !c->why && is_key(c->tok, "&&"); operand(c, depth)) {
        advance(c);
    }
}

static void either(Constraint *c, int depth)
{
    for (both(c, depth); !c->why && is_key(c->tok, "||"); both(c, depth)) {
        advance(c);
    }
}

static const char *constraint_problem(Slice text)
{
    Constraint c = {.s = trim(text)};
    advance(&c);
    either(&c, 0);
    if (!c.why && c.tok.n) {
        c.why = mem_printf("unexpected token %.*s", (int)c.tok.n, c.tok.at);
    }
    return c.why;
}

typedef struct BuildLines {
    Vet *v;
    bool found;
} BuildLines;

/* A "// +build" line counts above the last blank line before the package clause. */
static void plus_build_line(BuildLines *b, Pos pos, Slice rest, bool in_place)
{
    bool is = starts(rest, "+build") && (rest.n == 6 || rest.at[6] == ' ' || rest.at[6] == '\t');
    if (is && !in_place) {
        vet_report(b->v, pos, 0, "misplaced +build comment");
    } else if (!is && in_place) {
        vet_report(b->v, pos, 0, "possible malformed +build comment");
    }
}

static bool mentions(Slice line, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= line.n; i++) {
        if (!memcmp(line.at + i, word, n)) {
            return true;
        }
    }
    return false;
}

static void build_line(BuildLines *b, Pos pos, Slice line, bool go_ok, bool plus_ok)
{
    Slice rest = trim((Slice){line.at + 2, line.n - 2});
    if (mentions(line, "+build")) {
        plus_build_line(b, pos, rest, plus_ok);
    }
    if (!is_go_build(line)) {
        if (starts(rest, "go:build") && !starts(line, "//go:build")) {
            vet_report(b->v, pos, 0, "malformed //go:build line (space between // and go:build)");
        }
        return;
    }
    if (!go_ok) {
        vet_report(b->v, pos, 0, "misplaced //go:build comment");
        return;
    }
    if (b->found) {
        vet_report(b->v, pos, 0, "unexpected extra //go:build line");
    }
    b->found = true;
    const char *why = constraint_problem((Slice){line.at + 10, line.n - 10});
    if (why) {
        vet_report(b->v, pos, 0, "parsing //go:build line: %s", why);
    }
}

/* Where the package clause begins: the keyword before its name. */
static Pos package_pos(const File *f)
{
    Pos p = f->pkg_name->start;
    const SourceFile *s = f->src;
    while (p > s->base && strncmp(s->text + (p - s->base), "package", 7) != 0) {
        p--;
    }
    return p;
}

/* The last blank line above pos, or the file's start. */
static Pos last_blank(const SourceFile *s, Pos limit)
{
    Pos at = s->base;
    for (uint32_t i = 0; i < s->lines.n && s->base + s->lines.at[i] < limit; i++) {
        const char *line = s->text + s->lines.at[i];
        if (trim((Slice){line, strcspn(line, "\n")}).n == 0) {
            at = s->base + s->lines.at[i];
        }
    }
    return at;
}

static void build_file(Vet *v, File *f)
{
    BuildLines b = {.v = v};
    Pos limit = package_pos(f);
    const SourceFile *s = f->src;
    Pos blank = last_blank(s, limit);
    for (uint32_t i = 0; i < s->lines.n && s->base + s->lines.at[i] < limit; i++) {
        const char *at = s->text + s->lines.at[i];
        Slice line = trim((Slice){at, strcspn(at, "\n")});
        Pos pos = s->base + (Pos)(line.at - s->text);
        if (starts(line, "//")) {
            build_line(&b, pos, line, true, pos < blank);
        }
    }
    for (uint32_t i = 0; i < f->comments_go.n; i++) {
        const Expr *x = f->comments_go.at[i];
        if (x->start >= limit) {
            build_line(&b, x->start, trim((Slice){x->lit.text, x->lit.len}), false, false);
        }
    }
}

void vet_buildtag(Vet *v)
{
    for (uint32_t i = 0; i < v->pkg->files.n; i++) {
        if (!v->pkg->files.at[i]->script) {
            build_file(v, v->pkg->files.at[i]);
        }
    }
}

/* ---- directive: //go:debug ---- */

void vet_directive(Vet *v)
{
    for (uint32_t i = 0; i < v->pkg->files.n; i++) {
        File *f = v->pkg->files.at[i];
        Pos limit = f->script ? 0 : package_pos(f);
        for (uint32_t k = 0; limit && k < f->comments_go.n; k++) {
            const Expr *x = f->comments_go.at[k];
            Slice line = {x->lit.text, x->lit.len};
            if (!starts(line, "//go:debug") ||
                (line.n > 10 && !isspace((unsigned char)line.at[10]))) {
                continue;
            }
            if (!v->pkg->is_main) {
                vet_report(v, x->start, 0, "//go:debug directive only valid in package main");
            } else if (x->start > limit) {
                vet_report(v, x->start, 0,
                           "//go:debug directive only valid before package declaration");
            }
        }
    }
}
