/* test_sources.c - packages that the host gives: files in memory, a callback, embedded files, no disk. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/gol.h"

#define FILES(...) .files = (const GolFile[]){__VA_ARGS__}, \
                   .nfiles = sizeof((const GolFile[]){__VA_ARGS__}) / sizeof(GolFile)
#define TEXT(s) s, sizeof s - 1, 0

/* want: what the diagnostics hold, or NULL: it compiles and exits with 0. */
static void check(GolSource *source, const char *want)
{
    char *diagnostics, *error = NULL;
    GolProgram *p = gol_compile(source, &diagnostics, NULL);
    if (want ? p || !strstr(diagnostics, want) : !p) {
        fprintf(stderr, "wanted %s, got: %s\n", want ? want : "success", diagnostics);
        abort();
    }
    gol_free(diagnostics);
    if (p) {
        GolVM *vm = gol_vm_new(NULL, &error);
        assert(vm && gol_run(vm, p, &error) == 0);
        gol_vm_close(vm);
        gol_program_free(p);
    }
}

static void test_files(void)
{
    GolSource s = {.path = "app", .no_disk = 1, FILES(
        {"example.com/util", "b.go", TEXT("package util\nfunc B() int { return a() + n.N }\n")},
        {"example.com/util", "a.go", TEXT("package util\nimport n \"./inner\"\nfunc a() int { return 1 }\n"
                                          "var _ = n.N\n")},
        {"example.com/util", "c_windows.go", TEXT("package util\nfunc a() int { return 100 }\n")},
        {"example.com/util", "c_test.go", TEXT("package util\nfunc a() int { return 100 }\n")},
        {"example.com/util/inner", "i.go", TEXT("package inner\nconst N = 20\n")},
        {NULL, "main.go", TEXT("package main\nimport \"example.com/util\"\n"
                               "func main() { if util.B() != 21 || other() != 3 { panic(1) } }\n")},
        {NULL, "other.go", TEXT("//go:build gol && linux && !windows\n\npackage main\n"
                                "func other() int { return 3 }\n")},
        {NULL, "never.go", TEXT("//go:build ignore\n\npackage main\nfunc other() int { return 4 }\n")})};
    check(&s, "undefined: n"); /* an import is a file's own */
    GolFile *files = (GolFile *)(uintptr_t)s.files;
    files[0].text = "package util\nimport n \"./inner\"\nfunc B() int { return a() + n.N }\n";
    files[0].len = strlen(files[0].text);
    check(&s, NULL);
}

static void test_text_beside(void)
{
    GolSource s = {.path = "script", .text = TEXT("import \"lib\"\nif lib.F() != \"lib\" { panic(lib.F()) }\n"),
                   .no_disk = 1,
                   FILES({"lib", "lib.gol", TEXT("package lib\nfunc F() string { return \"lib\" }\n")})};
    GolSource t = s;
    s.text_len = strlen(s.text);
    check(&s, NULL);
    t.text = "import \"lob\"\nlob.F()\n";
    t.text_len = strlen(t.text);
    check(&t, "script:1:8: package lob is not in std and not among the packages given");
}

/* std cannot be replaced; errors name the file of the package. */
static void test_shadow_and_errors(void)
{
    GolSource s = {.path = "m.go", .text = TEXT("package main\nimport (\"strings\"; \"p/q\")\n"
                                        "func main() { println(strings.ToUpper(\"x\"), q.X) }\n"),
                   FILES({"strings", "s.go", TEXT("package strings\n")},
                         {"p/q", "q.go", TEXT("package q\n\nvar X int = \"s\"\n")})};
    check(&s, "p/q/q.go:3:13: cannot use \"s\"");
    GolSource cycle = {.path = "m.go", .text = TEXT("package main\nimport _ \"a\"\nfunc main() {}\n"),
                       FILES({"a", "a.go", TEXT("package a\nimport _ \"b\"\n")},
                             {"b", "b.go", TEXT("package b\nimport _ \"a\"\n")})};
    check(&cycle, "import cycle not allowed");
    GolSource hidden = {.path = "m", FILES(
        {"", "main.go", TEXT("package main\nimport _ \"x/y\"\nfunc main() {}\n")},
        {"x/y", "y.go", TEXT("package y\nimport _ \"z/internal/w\"\n")},
        {"z/internal/w", "w.go", TEXT("package w\n")})};
    check(&hidden, "use of internal package z/internal/w not allowed");
}

typedef struct Host {
    int asked;
    char last[64];
} Host;

static int find(void *ctx, const char *path, GolFound *found)
{
    Host *h = ctx;
    h->asked++;
    snprintf(h->last, sizeof h->last, "%s", path);
    if (strncmp(path, "gen/", 4) != 0) {
        return 0;
    }
    char text[200];
    int n = snprintf(text, sizeof text, "package %s\nconst Name = \"%s\"\n", path + 4, path);
    int ok = gol_found_file(found, "gen.go", text, (size_t)n);
    memset(text, 'x', sizeof text); /* the library has a copy */
    return ok;
}

static void test_callback(void)
{
    Host h = {0};
    GolSource s = {.path = "m", .find = find, .find_ctx = &h, .no_disk = 1, FILES(
        {"", "a.go", TEXT("package main\nimport \"gen/one\"\n"
                          "func main() { if one.Name+two() != \"gen/onegen/two\" { panic(one.Name) } }\n")},
        {"", "b.go", TEXT("package main\nimport (\"gen/one\"; \"gen/two\")\nvar _ = one.Name\n"
                          "func two() string { return two_() }\nfunc two_() string { return two2 }\n"
                          "const two2 = two.Name\n")})};
    check(&s, "two already declared through import of package two");
    GolFile *files = (GolFile *)(uintptr_t)s.files;
    files[0].text = "package main\nimport \"gen/one\"\n"
                    "func main() { if one.Name+second() != \"gen/onegen/two\" { panic(one.Name) } }\n";
    files[0].len = strlen(files[0].text);
    files[1].text = "package main\nimport (\"gen/one\"; \"gen/two\")\nvar _ = one.Name\n"
                    "func second() string { return two.Name }\n";
    files[1].len = strlen(files[1].text);
    h.asked = 0;
    check(&s, NULL);
    assert(h.asked == 2); /* once for each path */
    files[1].text = "package main\nimport \"nowhere/x\"\nfunc second() string { return x.Name }\n";
    files[1].len = strlen(files[1].text);
    check(&s, "nowhere/x is not in std and not among the packages given");
    assert(!strcmp(h.last, "nowhere/x"));
}

static void test_embed(void)
{
    GolSource s = {.path = "m", .no_disk = 1, FILES(
        {"", "main.go", TEXT("package main\nimport (\"embed\"; \"io/fs\")\n"
                             "//go:embed web/index.html\nvar page string\n"
                             "//go:embed web\nvar web embed.FS\n"
                             "func main() {\n\tm, _ := fs.Glob(web, \"web/*\")\n"
                             "\tif page != \"<p>\" || len(m) != 2 || m[1] != \"web/style\" { panic(m) }\n}\n")},
        {"", "web/index.html", TEXT("<p>")}, {"", "web/style/a.css", TEXT("a{}")},
        {"", "web/_hidden", TEXT("x")}, {"", "go.mod", TEXT("module app\n\ngo 1.20\n")})};
    check(&s, NULL);
    GolSource outside = {.path = "m.go", .no_disk = 1, .text = TEXT(
        "package main\nimport _ \"embed\"\n//go:embed Makefile\nvar x string\nfunc main() {}\n")};
    check(&outside, "pattern Makefile: no matching files found");
}

/* go.mod's version decides how loops bind their variables. */
static void test_version(void)
{
    static const char loops[] =
        "package main\nfunc main() {\n\tvar fs []func() int\n"
        "\tfor i := 0; i < 3; i++ { fs = append(fs, func() int { return i }) }\n"
        "\tif fs[0]() != want { panic(fs[0]()) }\n}\n";
    GolSource s = {.path = "m", FILES({"", "main.go", TEXT(loops)},
                                      {"", "want.go", TEXT("package main\nconst want = 3\n")},
                                      {"", "go.mod", TEXT("module app\ngo 1.21\n")})};
    check(&s, NULL);
    GolFile *files = (GolFile *)(uintptr_t)s.files;
    files[1].text = "package main\nconst want = 0\n";
    files[2].text = "module app\ngo 1.22\n";
    check(&s, NULL);
}

int main(void)
{
    test_files();
    test_text_beside();
    test_shadow_and_errors();
    test_callback();
    test_embed();
    test_version();
    return 0;
}
