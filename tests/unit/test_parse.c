/* test_parse.c - scanner, parser, constants: error texts, recovery, ambiguities, bounds. */
#include "lang/ast.h"
#include "lang/const.h"

#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int failures;

static File *parse(DiagList *d, const char *text, size_t n, bool script)
{
    memset(d, 0, sizeof *d);
    return parse_file(d, diag_add_file(d, "t.go", text, n), script);
}

/* want: the first diagnostics, one a line, or "" */
static void expect_text(const char *text, size_t n, bool script, const char *want)
{
    DiagList d;
    parse(&d, text, n, script);
    const char *got = diag_format(&d, false, false);
    if (strncmp(got, want, strlen(want)) != 0 || (!*want && *got)) {
        printf("source: %.200s\n  want: %s\n  got:  %s\n", text, want, got);
        failures++;
    }
}

static void expect(const char *text, const char *want)
{
    expect_text(text, strlen(text), false, want);
}

static void script(const char *text, const char *want)
{
    expect_text(text, strlen(text), true, want);
}

#define F(body) "package p\nfunc f() {\n" body "\n}\n"

static void test_errors(void)
{
    expect(F("x := f(1, 2\ny := 3"), "t.go:3:12: syntax error: unexpected newline in argument "
                                     "list; possibly missing comma or )\n");
    expect(F("if x = 3 {\n}"), "t.go:3:6: syntax error: cannot use assignment x = 3 as value\n");
    expect(F("a b"), "t.go:3:3: syntax error: unexpected name b at end of statement\n");
    expect(F("var x int := 3"), "t.go:3:11: syntax error: unexpected :=, expected =\n");
    expect(F("defer (f())"), "t.go:3:7: expression in defer must not be parenthesized\n");
    expect(F("x.(type)"), "t.go:3:1: syntax error: use of .(type) outside type switch\n");
    expect("package p\nfunc g()\n{\n}\n",
           "t.go:3:1: syntax error: unexpected semicolon or newline before {\n");
    expect("package p\nx := 1\n",
           "t.go:2:1: syntax error: non-declaration statement outside function body\n");
    expect("package p\nvar s = \"abc\n", "t.go:2:13: newline in string\n");
    expect("package p\nvar s = 0x\n", "t.go:2:11: hexadecimal literal has no digits\n");
    expect("package p\nvar s = 08\n", "t.go:2:10: invalid digit '8' in octal literal\n");
    expect("package p\nvar s = 1_\n", "t.go:2:10: '_' must separate successive digits\n");
    expect("package p\nvar s = '\\q'\n", "t.go:2:11: unknown escape\n");
    expect_text("package p\nvar s = \"a\0b\"\n", 24, false, "t.go:2:11: invalid NUL character\n");
    expect("package p\nvar s = \"\xff\"\n", "t.go:2:10: invalid UTF-8 encoding\n");
    expect("package p\n/* open", "t.go:2:1: comment not terminated\n");
    expect("", "t.go:1:1: syntax error: package statement must be first\n");
    expect("package p\nfunc f(a int, b) {}\n", "t.go:2:16: syntax error: missing parameter type\n");
}

static void test_recovery(void)
{
    expect(F("a b\nc d\nif x {") "}\nvar = 3\n",
           "t.go:3:3: syntax error: unexpected name b at end of statement\n"
           "t.go:4:3: syntax error: unexpected name d at end of statement\n"
           "t.go:8:5: syntax error: unexpected =, expected name\n");
}

static void test_accepted(void)
{
    expect("\xef\xbb\xbfpackage p\n", "");
    expect("#!/usr/bin/env gol\npackage p\n", "");
    expect("package p\ntype A[P *T,] int\ntype B[P *T | ~int] int\ntype C [N * 2]int\n"
           "type D[P interface{ m() }] struct{ E[P]; f [3]int }\n", "");
    expect(F("for range 3 {\n}\nfor i := range x {\n}\nif (T{}) == y {\n}\nswitch x := y.(type) {\n}"),
           "");
    expect(F("var c <-chan (<-chan int)\n<-c\nx[T, U](1)\nL: for {\nbreak L\n}\n_ = x[a:b:c]"), "");
}

static void test_tree(void)
{
    DiagList d;
    const char *src = "package p\nvar x = a + b*c\ntype T[P any] []P\n";
    File *f = parse(&d, src, strlen(src), false);
    assert(f->decls.n == 2);
    const Expr *sum = f->decls.at[0]->value.values.at[0];
    assert(sum->kind == EX_BINARY && sum->binary.op == TOK_ADD);
    assert(sum->binary.y->kind == EX_BINARY && sum->binary.y->binary.op == TOK_MUL);
    assert(!strcmp(expr_string(sum), "a + b * c"));
    assert(f->decls.at[1]->type.tparams.n == 1);
    assert(f->decls.at[1]->type.type->kind == EX_ARRAY_TYPE);
}

static void test_script(void)
{
    DiagList d;
    const char *src = "x := 1\nvar a = x\nvar b = 2\nfunc g() int { return b }\nfunc() {}()\n";
    File *f = parse(&d, src, strlen(src), true);
    assert(f->script && d.nerrors == 0);
    /* b is mentioned in g, so it is a package variable; a is a local of main */
    assert(f->decls.n == 3);
    const Decl *main = f->decls.at[2];
    assert(main->kind == DECL_FUNC && main->func.body->stmts.n == 3);
    script("println(1)\nfunc main() {}\n", "t.go:1:1: statement outside function body in a script");
    script("x = = 1\n", "t.go:1:5: syntax error: unexpected =, expected expression\n");
}

static void test_depth(void)
{
    enum { N = 30000 };
    static const char *const parts[] = {"(", "[]", "-(", "a+", "a.b(", "func(){", "map[a]", "&T{"};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(parts[i]);
        char *text = malloc(n * N + 64);
        assert(text);
        strcpy(text, "package p\nvar x = ");
        size_t k = strlen(text);
        for (int j = 0; j < N; j++, k += n) {
            memcpy(text + k, parts[i], n);
        }
        DiagList d;
        text[k] = 0;
        parse(&d, text, k, false);
        assert(d.nerrors >= 1 && strstr(d.all.at[0].text, "nesting too deep"));
        free(text);
    }
    char *text = malloc(N * 8 + 64), *p = text;
    p += sprintf(p, "package p\nvar x = []int{");
    for (int j = 0; j < N; j++) {
        p += sprintf(p, "a+b,");
    }
    p += sprintf(p, "}\n");
    expect(text, "");
    free(text);
}

static void constant(Token tok, const char *text, const char *want, const char *source)
{
    const Const *c = const_literal(tok, text, (uint32_t)strlen(text));
    assert(c);
    if (strcmp(const_format(c), want) != 0 || strcmp(const_source(c), source) != 0) {
        printf("%s: want %s %s, got %s %s\n", text, want, source, const_format(c), const_source(c));
        failures++;
    }
}

static void test_constants(void)
{
    constant(TOK_INT, "0x8000_0000_0000_0000", "9223372036854775808", "9223372036854775808");
    constant(TOK_INT, "0b101", "5", "5");
    constant(TOK_FLOAT, "1.5", "1.5", "(3.0/2.0)");
    constant(TOK_FLOAT, "0x1p-2", "0.25", "(1.0/4.0)");
    constant(TOK_IMAG, "010i", "(0 + 10i)", "(0.0 + (10.0)*1i)");
    constant(TOK_STRING, "\"a\\u00e9\\xff\"", "\"aé\\xff\"", "\"aé\\xff\"");
    constant(TOK_STRING, "`a\r\n`", "\"a\\n\"", "\"a\\n\"");
    Const *third = const_binary(const_i64(1), TOK_QUO, const_i64(3), false);
    assert(const_compare(const_binary(third, TOK_MUL, const_i64(3), false), TOK_EQL, const_i64(1)));
    Const *big = const_shift(const_i64(1), TOK_SHL, 511);
    assert(const_bit_len(big) == 512);
    assert(const_kind(const_shift(big, TOK_SHL, 1)) == CK_UNKNOWN);
    assert(const_kind(const_binary(big, TOK_MUL, big, true)) == CK_UNKNOWN);
    const Const *huge = const_literal(TOK_FLOAT, "1e1000", 6);
    const Const *less = const_literal(TOK_FLOAT, "1e999", 5);
    int64_t ten;
    assert(const_as_i64(const_binary(huge, TOK_QUO, less, false), &ten) && ten == 10);
    assert(const_as_f64(const_literal(TOK_FLOAT, "5e-324", 6)) == 5e-324);
    assert(const_as_f64(const_literal(TOK_FLOAT, "2.2250738585072011e-308", 23)) ==
           2.2250738585072011e-308);
    assert(const_as_f32(const_literal(TOK_FLOAT, "16777217.0", 10)) == 16777216.0f);
}

/* On a stack as deep as the compiler thread's. */
static void *run(void *arg)
{
    (void)arg;
    test_errors();
    test_recovery();
    test_accepted();
    test_tree();
    test_script();
    test_depth();
    test_constants();
    mem_end();
    return NULL;
}

int main(void)
{
    pthread_attr_t attr;
    pthread_t t;
    assert(pthread_attr_init(&attr) == 0);
    assert(pthread_attr_setstacksize(&attr, (size_t)512 << 20) == 0);
    assert(pthread_create(&t, &attr, run, NULL) == 0);
    assert(pthread_join(t, NULL) == 0);
    return failures != 0;
}
