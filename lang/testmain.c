/* testmain.c - the main package of `gol test`.
 *
 * The rules are those of Go's tool: a function is a test by its name (Test, Benchmark or Fuzz, then
 * nothing or no lower-case letter) and must take the fitting pointer; TestMain(*testing.M) takes
 * main over; an Example without parameters runs if the last comment of its body begins with
 * "Output:" or "Unordered output:". What is found is written down as Go source, package main, and
 * compiled like any other: so the checker, not this file, knows types. Positions of what is reported
 * are those of the test's own file.
 *
 * Runs on the compiler thread after parsing, before checking: everything here is syntax.
 */
#include "lang/testmain.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "lang/scan.h"

typedef enum Entry { TESTS, BENCHMARKS, FUZZ, EXAMPLES, ENTRIES } Entry;

static const struct {
    const char *prefix, *param, *var, *type;
} entries[ENTRIES] = {
    [TESTS] = {"Test", "T", "tests", "InternalTest"},
    [BENCHMARKS] = {"Benchmark", "B", "benchmarks", "InternalBenchmark"},
    [FUZZ] = {"Fuzz", "F", "fuzzTargets", "InternalFuzzTarget"},
    [EXAMPLES] = {"Example", NULL, "examples", "InternalExample"},
};

typedef struct Finder {
    DiagList *d;
    Text list[ENTRIES];
    const char *main_of;   /* the alias of the package that has TestMain, or NULL */
    bool used[2];          /* inner, outer: mentioned in a list */
} Finder;

static const char *const aliases[2] = {"_test", "_xtest"};

bool testmain_is_test_file(const char *path)
{
    size_t n = strlen(path);
    return (n > 9 && !strcmp(path + n - 9, "_test.gol")) ||
           (n > 8 && !strcmp(path + n - 8, "_test.go"));
}

bool testmain_is_external(Name clause, Name pkg)
{
    size_t n = strlen(clause);
    return n > 5 && !strcmp(clause + n - 5, "_test") && clause != pkg;
}

/* ---- Signatures ------------------------------------------------------------------------------- */

/* Small letters beyond Cyrillic have no capitals that a name could begin with: none counts. */
static bool begins_lower(const char *name)
{
    unsigned len;
    uint32_t c = utf8_decode((const unsigned char *)name, strlen(name), &len);
    return c < 0x80 ? c >= 'a' && c <= 'z' : c < 0x530 && !name_exported(name);
}

/* "TestX", "Test" and "Test_x" begin with "Test" as a word; "Testing" does not. */
static bool is_named(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0) {
        return false;
    }
    return !name[n] || !begins_lower(name + n);
}

/* func(x *testing.PARAM): of the type's qualifier only the dot is looked at. */
static bool takes(const Decl *fn, const char *param)
{
    const FuncType *sig = fn->func.sig;
    if (sig->results.n || sig->tparams.n || sig->params.n != 1) {
        return false;
    }
    const Expr *t = sig->params.at[0]->type;
    if (!t || t->kind != EX_STAR) {
        return false;
    }
    t = t->star.x;
    if (t->kind == EX_SELECTOR) {
        t = t->selector.sel;
    }
    return t->kind == EX_NAME && !strcmp(t->name.name, param);
}

static bool check_takes(Finder *f, const Decl *fn, const char *param)
{
    if (takes(fn, param)) {
        return true;
    }
    const char *name = fn->func.name->name.name;
    char low[2] = {(char)tolower((unsigned char)param[0]), 0};
    diag_report(f->d, DIAG_ERROR, fn->func.name->start, fn->func.name->end, "TestSignature",
                "wrong signature for %s, must be: func %s(%s *testing.%s)", name, name, low, param);
    return false;
}

/* ---- Examples --------------------------------------------------------------------------------- */

/* Behind the string, rune or raw string that begins at p. */
static const char *skip_literal(const char *p, const char *end)
{
    char quote = *p++;
    while (p < end && *p != quote) {
        p += *p == '\\' && quote != '`' && p + 1 < end ? 2 : 1;
    }
    return p < end ? p + 1 : end;
}

static const char *comment_end(const char *p, const char *end)
{
    if (p[1] == '/') {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        return nl ? nl : end;
    }
    for (p += 2; p + 1 < end; p++) {
        if (p[0] == '*' && p[1] == '/') {
            return p + 2;
        }
    }
    return end;
}

/* One comment without its marks, and without the blank that follows "//". */
static void add_comment(Text *t, const char *p, const char *end)
{
    if (p[1] == '*') {
        p += 2;
        end -= 2;
    } else {
        p += 2;
        p += p < end && *p == ' ';
    }
    text_add(t, p, (size_t)(end - p));
    text_str(t, "\n");
}

/* The text of the last group of comments in the body: comments on lines that follow each other. */
static Text last_comments(const char *p, const char *end)
{
    Text t = {0};
    unsigned newlines = 2;
    while (p < end) {
        if (*p == '\n') {
            newlines++;
            p++;
        } else if (isspace((unsigned char)*p)) {
            p++;
        } else if (*p == '/' && p + 1 < end && (p[1] == '/' || p[1] == '*')) {
            if (newlines > 1) {
                t = (Text){0};
            }
            const char *stop = comment_end(p, end);
            add_comment(&t, p, stop);
            p = stop;
            newlines = 0;
        } else {
            p = *p == '"' || *p == '\'' || *p == '`' ? skip_literal(p, end) : p + 1;
            newlines = 2; /* code: what follows it is a group of its own */
        }
    }
    if (!t.at) {
        text_str(&t, "");
    }
    return t;
}

/* The output that the body's last comment promises; NULL: none, so the example is not run. */
static const char *example_output(const Decl *fn, bool *unordered)
{
    const SourceFile *src = fn->file;
    const Block *body = fn->func.body;
    if (!body) {
        return NULL;
    }
    Text t = last_comments(src->text + (body->pos - src->base) + 1,
                           src->text + (body->rbrace - src->base));
    const char *p = t.at;
    p += strspn(p, " \t\r\n\v\f");
    *unordered = !strncasecmp(p, "unordered ", 10);
    p += *unordered ? 10 : 0;
    if (strncasecmp(p, "output:", 7) != 0) {
        return NULL;
    }
    p += 7;
    p += strspn(p, " ");
    return p + (*p == '\n');
}

static void add_quoted(Text *t, const char *s)
{
    text_str(t, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        char buf[8];
        int n = c == '"' || c == '\\' ? snprintf(buf, sizeof buf, "\\%c", c)
                : c < ' ' || c >= 127 ? snprintf(buf, sizeof buf, "\\x%02x", c)
                                      : snprintf(buf, sizeof buf, "%c", c);
        text_add(t, buf, (size_t)n);
    }
    text_str(t, "\"");
}

static void find_example(Finder *f, const Decl *fn, int which)
{
    const FuncType *sig = fn->func.sig;
    bool unordered = false;
    const char *output = example_output(fn, &unordered);
    if (sig->params.n || sig->results.n || sig->tparams.n || !output) {
        return;
    }
    const char *name = fn->func.name->name.name;
    Text *t = &f->list[EXAMPLES];
    text_str(t, mem_printf("\t{\"%s\", %s.%s, ", name, aliases[which], name));
    add_quoted(t, output);
    text_str(t, unordered ? ", true},\n" : ", false},\n");
    f->used[which] = true;
}

/* ---- Finding ---------------------------------------------------------------------------------- */

static void add_entry(Finder *f, Entry e, const char *name, int which)
{
    text_str(&f->list[e], mem_printf("\t{\"%s\", %s.%s},\n", name, aliases[which], name));
    f->used[which] = true;
}

static void find_main(Finder *f, const Decl *fn, int which)
{
    if (takes(fn, "T")) {
        add_entry(f, TESTS, "TestMain", which);
    } else if (!check_takes(f, fn, "M")) {
        return;
    } else if (f->main_of) {
        diag_report(f->d, DIAG_ERROR, fn->func.name->start, fn->func.name->end, "TestSignature",
                    "multiple definitions of TestMain");
    } else {
        f->main_of = aliases[which];
        f->used[which] = true;
    }
}

static void find_in(Finder *f, const Decl *fn, int which)
{
    const char *name = fn->func.name->name.name;
    if (!strcmp(name, "TestMain")) {
        find_main(f, fn, which);
        return;
    }
    for (int e = 0; e < ENTRIES; e++) {
        if (!is_named(name, entries[e].prefix)) {
            continue;
        }
        if (e == EXAMPLES) {
            find_example(f, fn, which);
        } else if (check_takes(f, fn, entries[e].param)) {
            add_entry(f, (Entry)e, name, which);
        }
        return;
    }
}

static void find_all(Finder *f, const Package *pkg, int which)
{
    for (uint32_t i = 0; i < pkg->files.n; i++) {
        const File *file = pkg->files.at[i];
        if (!file->tests) {
            continue;
        }
        for (uint32_t k = 0; k < file->decls.n; k++) {
            const Decl *fn = file->decls.at[k];
            if (fn->kind == DECL_FUNC && !fn->func.recv && fn->func.name) {
                find_in(f, fn, which);
            }
        }
    }
}

/* ---- The text --------------------------------------------------------------------------------- */

static void add_import(Text *out, const Finder *f, const Package *pkg, int which)
{
    if (pkg->files.n) {
        text_str(out, mem_printf("\t%s \"%s\"\n", f->used[which] ? aliases[which] : "_", pkg->path));
    }
}

char *testmain_text(DiagList *d, const Package *inner, const Package *outer)
{
    Finder f = {.d = d};
    find_all(&f, inner, 0);
    find_all(&f, outer, 1);
    Text out = {0};
    text_str(&out, "package main\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"internal/testhook\"\n");
    add_import(&out, &f, inner, 0);
    add_import(&out, &f, outer, 1);
    text_str(&out, ")\n\n");
    for (int e = 0; e < ENTRIES; e++) {
        text_str(&out, mem_printf("var %s = []testing.%s{\n", entries[e].var, entries[e].type));
        if (f.list[e].n) {
            text_add(&out, f.list[e].at, f.list[e].n);
        }
        text_str(&out, "}\n\n");
    }
    text_str(&out, mem_printf("func main() {\n\ttesthook.ImportPath = \"%s\"\n"
                              "\tm := testing.MainStart(nil, tests, benchmarks, fuzzTargets, examples)\n",
                              inner->path));
    if (f.main_of) {
        text_str(&out, mem_printf("\t%s.TestMain(m)\n\tos.Exit(testhook.ExitCode)\n}\n", f.main_of));
    } else {
        text_str(&out, "\tos.Exit(m.Run())\n}\n");
    }
    return out.at;
}
