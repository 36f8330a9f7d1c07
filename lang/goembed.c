/* goembed.c - //go:embed.
 *
 * The loader calls goembed_attach for each file it has parsed: directives are matched with the
 * variable declaration below them (only blanks and comments may stand between), patterns are resolved
 * and files are read at once, so that the checker (decl.c) finds data. What may be embedded is the go
 * command's rule: regular files below the package's folder that belong to no other module; what a
 * folder pattern brings in leaves out names that begin with "." or "_" unless the pattern begins with
 * "all:". A pattern's elements are matched as package path's Match does. Files of an embedder's
 * package are matched by their names as if they lay in folders.
 *
 * Runs on the compiler thread; all memory is the compile's.
 */
#define _GNU_SOURCE
#include "lang/goembed.h"

#include "lang/const.h"
#include "lang/scan.h"
#include "lang/source.h"

#include <assert.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX_FILES = 100000, MAX_DEPTH = 200 };

typedef struct Finder {
    DiagList *d;
    const EmbedPlace *place;
    Embed *embed;
    const char *pattern;  /* as written */
    Pos pos, end;
    bool all;
    bool failed;          /* this pattern */
} Finder;

typedef enum Kind { KIND_NONE, KIND_FILE, KIND_FOLDER, KIND_ODD } Kind;

__attribute__((format(printf, 2, 3))) static void fail(Finder *f, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!f->failed) {
        diag_report(f->d, DIAG_ERROR, f->pos, f->end, "Embed", "pattern %s: %s", f->pattern, text);
    }
    f->failed = f->embed->bad = true;
}

/* ---- Matching --------------------------------------------------------------------------------- */

/* One character of a class or of the pattern itself, behind a backslash as it stands. */
static bool class_char(const char **p, const char *end, uint32_t *r)
{
    if (*p >= end || **p == '-' || **p == ']') {
        return false;
    }
    if (**p == '\\' && ++*p >= end) {
        return false;
    }
    unsigned n;
    *r = utf8_decode((const unsigned char *)*p, (size_t)(end - *p), &n);
    *p += n;
    return *p < end;
}

/* At "[": steps over the class. 1: it holds c, 0: not, -1: bad syntax. */
static int match_class(const char **p, const char *end, uint32_t c)
{
    bool negated = *++*p == '^', hit = false;
    *p += negated;
    for (bool first = true;; first = false) {
        if (*p < end && **p == ']' && !first) {
            ++*p;
            return hit != negated;
        }
        uint32_t lo, hi;
        if (!class_char(p, end, &lo)) {
            return -1;
        }
        hi = lo;
        if (**p == '-') {
            ++*p;
            if (!class_char(p, end, &hi)) {
                return -1;
            }
        }
        hit |= c >= lo && c <= hi;
    }
}

/* Does the pattern [p, end) match s? -1: bad syntax, found wherever it stands. */
static int match(const char *p, const char *end, const char *s)
{
    mem_step();
    while (p < end && *p != '*') {
        unsigned n = 0;
        uint32_t c = *s ? utf8_decode((const unsigned char *)s, strlen(s), &n) : 0;
        if (*p == '[') {
            int in = match_class(&p, end, c);
            if (in < 0 || !in || !*s) {
                return in < 0 ? -1 : match(p, end, "") < 0 ? -1 : 0;
            }
        } else if (*p == '?') {
            p++;
            if (!*s) {
                return match(p, end, "") < 0 ? -1 : 0;
            }
        } else {
            if (*p == '\\' && ++p >= end) {
                return -1;
            }
            if (*p++ != *s) {
                return match(p, end, "") < 0 ? -1 : 0;
            }
            n = 1;
        }
        s += n;
    }
    if (p == end) {
        return !*s;
    }
    while (p < end && *p == '*') {
        p++;
    }
    for (;; s++) {
        int r = match(p, end, s);
        if (r || !*s) {
            return r;
        }
    }
}

/* ---- Places ----------------------------------------------------------------------------------- */

static Kind memory_kind(const MemoryFiles *files, const char *name)
{
    size_t n = strlen(name);
    Kind k = KIND_NONE;
    for (uint32_t i = 0; i < files->n; i++) {
        const char *s = files->at[i]->name;
        if (!strcmp(s, name)) {
            return KIND_FILE;
        }
        if (!strncmp(s, name, n) && s[n] == '/') {
            k = KIND_FOLDER;
        }
    }
    return k;
}

static Kind kind_of(const Finder *f, const char *name)
{
    if (f->place->files) {
        return *name ? memory_kind(f->place->files, name) : KIND_FOLDER;
    }
    struct stat st;
    if (lstat(*name ? source_join(f->place->dir, name) : f->place->dir, &st) != 0) {
        return KIND_NONE;
    }
    return S_ISREG(st.st_mode) ? KIND_FILE : S_ISDIR(st.st_mode) ? KIND_FOLDER : KIND_ODD;
}

static bool has(const PathList *l, const char *s)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (!strcmp(l->at[i], s)) {
            return true;
        }
    }
    return false;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder, sorted; "" is the package's. */
static PathList names_in(const Finder *f, const char *folder)
{
    PathList out = {0};
    size_t n = strlen(folder);
    const MemoryFiles *files = f->place->files;
    for (uint32_t i = 0; files && i < files->n; i++) {
        const char *s = files->at[i]->name;
        if (n == 0 || (!strncmp(s, folder, n) && s[n] == '/')) {
            const char *first = s + (n ? n + 1 : 0);
            const char *name = mem_strndup(first, strcspn(first, "/"));
            if (*name && !has(&out, name)) {
                VEC_PUSH(out, name);
            }
        }
    }
    DIR *d = files ? NULL : opendir(n ? source_join(f->place->dir, folder) : f->place->dir);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            VEC_PUSH(out, mem_strndup(e->d_name, strlen(e->d_name)));
        }
    }
    if (d) {
        closedir(d);
    }
    if (out.n) {
        qsort(out.at, out.n, sizeof *out.at, compare_names);
    }
    return out;
}

static const char *below(const char *folder, const char *name)
{
    return *folder ? mem_printf("%s/%s", folder, name) : name;
}

/* ---- Collecting ------------------------------------------------------------------------------- */

/* Names that version control owns, and those that no package archive could hold. */
static bool bad_name(const char *s)
{
    static const char *const owned[] = {".bzr", ".hg", ".git", ".svn"};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        if (!strcmp(s, owned[i])) {
            return true;
        }
    }
    size_t n = strlen(s);
    for (const char *p = s; *p; p++) {
        if ((unsigned char)*p < ' ' || strchr("\"'*<>?`|/\\:", *p)) {
            return true;
        }
    }
    return n == 0 || s[n - 1] == '.';
}

static void take(Finder *f, const char *name)
{
    Embed *e = f->embed;
    EmbedFile file = {.name = name};
    for (uint32_t i = 0; i < e->files.n; i++) {
        mem_step();
        if (!strcmp(e->files.at[i].name, name)) {
            return;
        }
    }
    const MemoryFiles *files = f->place->files;
    for (uint32_t i = 0; files && i < files->n; i++) {
        if (!strcmp(files->at[i]->name, name)) {
            file.data = files->at[i]->text;
            file.len = files->at[i]->len;
        }
    }
    if (!files) {
        const char *why = NULL;
        file.data = source_read(source_join(f->place->dir, name), &file.len, &why);
        if (!file.data) {
            fail(f, "cannot embed file %s: %s", name, why);
            return;
        }
        mem_admit_data(file.len);
    }
    if (e->files.n >= MAX_FILES) {
        fail(f, "more than %d files", MAX_FILES);
        return;
    }
    VEC_PUSH(e->files, file);
}

static bool other_module(const Finder *f, const char *folder)
{
    return *folder && kind_of(f, below(folder, "go.mod")) != KIND_NONE;
}

/* All files below a folder; the number found. */
static uint32_t take_folder(Finder *f, const char *folder, int depth)
{
    uint32_t n = 0;
    PathList names = names_in(f, folder);
    for (uint32_t i = 0; i < names.n && !f->failed && depth < MAX_DEPTH; i++) {
        const char *s = names.at[i], *path = below(folder, s);
        if (bad_name(s) || (!f->all && (s[0] == '.' || s[0] == '_'))) {
            continue;
        }
        Kind k = kind_of(f, path);
        if (k == KIND_FILE) {
            take(f, path);
            n++;
        } else if (k == KIND_FOLDER && !other_module(f, path)) {
            n += take_folder(f, path, depth + 1);
        }
    }
    return n;
}

/* What a pattern names. False: nothing of the kind. */
static bool take_match(Finder *f, const char *path)
{
    Kind k = kind_of(f, path);
    const char *what = k == KIND_FOLDER ? "directory" : "file";
    if (k == KIND_NONE) {
        return false;
    }
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        const char *elem = mem_strndup(p, n);
        const char *upto = mem_strndup(path, (size_t)(p - path) + n);
        if (bad_name(elem)) {
            fail(f, "cannot embed %s %s: invalid name %s", what, path, elem);
        } else if ((p[n] || k == KIND_FOLDER) && other_module(f, upto)) {
            fail(f, "cannot embed %s %s: in different module", what, path);
        }
        p += n + (p[n] == '/');
    }
    if (f->failed) {
        return true;
    }
    if (k == KIND_ODD) {
        fail(f, "cannot embed irregular file %s", path);
    } else if (k == KIND_FILE) {
        take(f, path);
    } else if (!take_folder(f, path, 0)) {
        fail(f, "cannot embed directory %s: contains no embeddable files", path);
    }
    return true;
}

/* The rest of a pattern below a folder; whether anything matched. */
static bool glob(Finder *f, const char *folder, const char *rest)
{
    size_t n = strcspn(rest, "/");
    bool plain = strcspn(rest, "*?[\\") >= n, any = false;
    PathList names = {0};
    if (plain) {
        VEC_PUSH(names, mem_strndup(rest, n));
    } else {
        names = names_in(f, folder);
    }
    for (uint32_t i = 0; i < names.n && !f->failed; i++) {
        if (!plain && match(rest, rest + n, names.at[i]) != 1) {
            continue;
        }
        const char *path = below(folder, names.at[i]);
        any |= rest[n] ? kind_of(f, path) == KIND_FOLDER && glob(f, path, rest + n + 1)
                       : take_match(f, path);
    }
    return any;
}

/* No empty, "." or ".." element, and well-formed for path.Match. */
static bool valid_pattern(const char *p)
{
    if (!*p || match(p, p + strlen(p), "") < 0) {
        return false;
    }
    for (;; p++) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && *p == '.') || (n == 2 && !memcmp(p, "..", 2))) {
            return false;
        }
        p += n;
        if (!*p) {
            return true;
        }
    }
}

static void resolve(DiagList *d, const EmbedPlace *place, Embed *e, const char *pattern, Pos pos, Pos end)
{
    Finder f = {.d = d, .place = place, .embed = e, .pattern = pattern, .pos = pos, .end = end};
    f.all = !strncmp(pattern, "all:", 4);
    const char *p = pattern + (f.all ? 4 : 0);
    if (!valid_pattern(p)) {
        fail(&f, "invalid pattern syntax");
    } else if (!glob(&f, "", p)) {
        fail(&f, "no matching files found");
    }
}

/* ---- Directives ------------------------------------------------------------------------------- */

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The patterns of one directive: words, quoted if they hold blanks. */
static void directive(DiagList *d, const EmbedPlace *place, Embed *e, const Expr *lit)
{
    const char *p = lit->lit.text + 10, *end = lit->lit.text + lit->lit.len;
    bool any = false;
    for (;; any = true) {
        while (p < end && blank(*p)) {
            p++;
        }
        if (p >= end) {
            break;
        }
        const char *from = p, *word;
        if (*p == '"' || *p == '`') {
            char quote = *p++;
            while (p < end && *p != quote) {
                p += quote == '"' && *p == '\\' && p + 1 < end ? 2 : 1;
            }
            p += p < end;
            Const *v = p[-1] == quote && p - from > 1
                           ? const_literal(TOK_STRING, from, (uint32_t)(p - from)) : NULL;
            if (!v || (p < end && !blank(*p))) {
                diag_report(d, DIAG_ERROR, lit->start + 2, lit->end, "Embed",
                            "invalid quoted string in //go:embed: %.*s", (int)(end - from), from);
                e->bad = true;
                return;
            }
            size_t n;
            const char *s = const_as_string(v, &n);
            word = mem_strndup(s, n);
        } else {
            while (p < end && !blank(*p)) {
                p++;
            }
            word = mem_strndup(from, (size_t)(p - from));
        }
        Pos at = lit->start + (Pos)(from - lit->lit.text);
        resolve(d, place, e, word, at, at + (Pos)(p - from));
    }
    if (!any) {
        diag_report(d, DIAG_ERROR, lit->start + 2, lit->end, "Embed", "usage: //go:embed pattern...");
        e->bad = true;
    }
}

/* Steps over blanks, comments and, before a declaration's name, its keyword. */
static uint32_t skip_to_code(const SourceFile *src, uint32_t at)
{
    const char *t = src->text;
    for (;;) {
        while (at < src->len && (blank(t[at]) || t[at] == '\n')) {
            at++;
        }
        if (t[at] == '/' && t[at + 1] == '/') {
            at += (uint32_t)strcspn(t + at, "\n");
        } else if (t[at] == '/' && t[at + 1] == '*') {
            const char *close = strstr(t + at, "*/");
            at = close ? (uint32_t)(close - t) + 2 : src->len;
        } else {
            return at;
        }
    }
}

/* The variable declaration right below the directive at lit, or NULL. */
static Decl *decl_below(const File *f, const Expr *lit)
{
    uint32_t at = skip_to_code(f->src, lit->end - f->src->base);
    const char *t = f->src->text + at;
    if (!strncmp(t, "var", 3) && (blank(t[3]) || t[3] == '\n')) {
        at = skip_to_code(f->src, at + 3);
    }
    for (uint32_t i = 0; i < f->decls.n; i++) {
        Decl *d = f->decls.at[i];
        if (d->kind == DECL_VAR && d->value.names.n &&
            d->value.names.at[0]->start == f->src->base + at) {
            return d;
        }
    }
    return NULL;
}

static bool imports_embed(const File *f)
{
    for (uint32_t i = 0; i < f->decls.n; i++) {
        const Decl *d = f->decls.at[i];
        if (d->kind == DECL_IMPORT && d->import.path && d->import.path->kind == EX_LIT &&
            d->import.path->lit.len == 7 && !memcmp(d->import.path->lit.text + 1, "embed", 5)) {
            return true;
        }
    }
    return false;
}

static const char *refusal(const File *f, const Decl *d, const Expr *lit, bool script)
{
    uint32_t at = skip_to_code(f->src, lit->end - f->src->base);
    if (!d) {
        const char *t = f->src->text + at;
        bool var = !strncmp(t, "var", 3) && blank(t[3]) && t[3 + strspn(t + 3, " \t")] != '(';
        return var ? "go:embed cannot apply to var inside func" : "misplaced go:embed directive";
    }
    if (!script && !imports_embed(f)) {
        return "go:embed only allowed in Go files that import \"embed\"";
    }
    if (d->value.names.n > 1) {
        return "go:embed cannot apply to multiple vars";
    }
    if (d->value.values.n) {
        return "go:embed cannot apply to var with initializer";
    }
    return d->value.type ? NULL : "go:embed cannot apply to var without type";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const EmbedFile *)a)->name, ((const EmbedFile *)b)->name);
}

void goembed_attach(DiagList *d, File *f, const EmbedPlace *place)
{
    for (uint32_t i = 0; i < f->comments_go.n; i++) {
        const Expr *lit = f->comments_go.at[i];
        if (lit->lit.len < 10 || memcmp(lit->lit.text, "//go:embed", 10) ||
            (lit->lit.len > 10 && !blank(lit->lit.text[10]))) {
            continue;
        }
        Decl *decl = decl_below(f, lit);
        const char *why = refusal(f, decl, lit, place->script);
        if (why) {
            diag_report(d, DIAG_ERROR, lit->start + 2, lit->end, "Embed", "%s", why);
            continue;
        }
        if (!decl->value.embed) {
            decl->value.embed = MEM_NEW(Embed);
            decl->value.embed->pos = decl->value.names.at[0]->start;
            decl->value.embed->end = decl->value.names.at[0]->end;
        }
        Embed *e = decl->value.embed;
        directive(d, place, e, lit);
        if (e->files.n) {
            qsort(e->files.at, e->files.n, sizeof *e->files.at, by_name);
        }
    }
}

/* A line "NAME<tab>SIZE" for each file, an empty line, then the files' bytes one after the other. */
Const *goembed_image(const Embed *e)
{
    Text t = {0};
    for (uint32_t i = 0; i < e->files.n; i++) {
        text_str(&t, mem_printf("%s\t%zu\n", e->files.at[i].name, e->files.at[i].len));
    }
    text_str(&t, "\n");
    for (uint32_t i = 0; i < e->files.n; i++) {
        text_add(&t, e->files.at[i].data, e->files.at[i].len);
    }
    return const_string(t.at, t.n);
}
