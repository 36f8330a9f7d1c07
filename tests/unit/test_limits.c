/* test_limits.c - what a compile may take: texts whose types, constants or instances grow
 * exponentially end by a diagnostic, a host ends a compile that runs or waits, and clients take
 * turns at the compiler thread. */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/gol.h"

typedef struct Text {
    char at[1 << 16];
    size_t n;
} Text;

__attribute__((format(printf, 2, 3))) static void add(Text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    t->n += (size_t)vsnprintf(t->at + t->n, sizeof t->at - t->n, fmt, ap);
    va_end(ap);
    assert(t->n < sizeof t->at);
}

/* step: a format with two %d, the number and the one before. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void chain(Text *t, const char *start, const char *step, int n, const char *end)
{
    t->n = 0;
    add(t, "package main\n%s\n", start);
    for (int i = 1; i <= n; i++) {
        t->n += (size_t)snprintf(t->at + t->n, sizeof t->at - t->n, step, i, i - 1, i - 1);
    }
    add(t, "%s\n", end);
}
#pragma GCC diagnostic pop

static char *compile(GolSource *source, const Text *t, int *nerrors)
{
    char *diagnostics = NULL;
    source->path = "bomb.go";
    source->text = t->at;
    source->text_len = t->n;
    GolProgram *p = gol_compile(source, &diagnostics, nerrors);
    assert(!p == (*nerrors > 0));
    gol_program_free(p);
    return diagnostics;
}

/* The text must be refused with `want` in the diagnostic, or (NULL) be accepted. */
static void expect(const Text *t, const char *want)
{
    int nerrors;
    GolSource source = {.limits = {.steps = 3000000, .bytes = 48 << 20}};
    char *d = compile(&source, t, &nerrors);
    if (want ? !nerrors || !strstr(d, want) : nerrors) {
        fprintf(stderr, "%.400s\n---- wanted: %s, got:\n%s\n", t->at, want ? want : "success", d);
        abort();
    }
    gol_free(d);
}

#define LIMIT "compile limit reached: too m"

static void test_bombs(void)
{
    static Text t;
    chain(&t, "type T0 = int", "type T%d = struct { a, b T%d }\n", 60,
          "func main() { var i any = new(T60); _ = i }");
    expect(&t, LIMIT);
    chain(&t, "type T0 = int", "type T%d = func(T%d) T%d\n", 60,
          "func main() { var i any = T60(nil); _ = i }");
    expect(&t, LIMIT);
    chain(&t, "const s0 = \"0123456789abcdef\"", "const s%d = s%d + s%d\n", 60,
          "func main() { println(len(s60)) }");
    expect(&t, LIMIT);
    chain(&t, "const c0 = 3", "const c%d = c%d * c%d\n", 60, "func main() { println(c60 > 1) }");
    expect(&t, "constant multiplication overflow");
    chain(&t, "", "const c%d = 1 << 1000000000000 >> %d\n", 1, "func main() { println(c1) }");
    expect(&t, "invalid shift count");
    chain(&t, "func f0[A any](a A) {}", "func f%d[A any](a A) { f%d([]A(nil)); f%d([1]A{}) }\n", 39,
          "func main() { f39(1) }");
    expect(&t, LIMIT);
    chain(&t, "", "func f%d[A any](n int, x A) { if n > %d { f1(n, []A{x}) } }\n", 1,
          "func main() { f1(3, 1) }");
    expect(&t, "instantiation cycle");
    chain(&t, "type P[A, B any] struct { a A; b B }",
          "func f%d[A any](n int, x A) { if n > %d { f1(n, &P[A, A]{}) } }\n", 1,
          "func main() { f1(3, 1) }");
    expect(&t, "");
}

/* These are not exponential if each type is looked at once. */
static void test_shared(void)
{
    static Text t;
    chain(&t, "type T0 struct { a int }", "type T%d struct { a, b T%d }\n", 59,
          "func main() { var x *T59; println(x == nil) }");
    expect(&t, NULL);
    chain(&t, "type T0 struct { a int }", "type T%d struct { a, b *T%d }\n", 59,
          "func main() { var x T59; println(x.a == nil) }");
    expect(&t, NULL);
    chain(&t, "type I0 interface{ M() }", "type I%d interface { I%d; interface{ I%d } }\n", 59,
          "func main() { var x I59; println(x == nil) }");
    expect(&t, NULL);
    chain(&t, "type C0 interface{ ~int | ~string }",
          "type C%d interface { C%d | interface{ C%d } }\n", 39,
          "func f[T C39](x T) {}\nfunc main() { f(1) }");
    expect(&t, NULL);
}

/* Comparing the two types takes 2^60 steps and no memory. */
static const Text *endless(void)
{
    static Text t;
    if (t.n == 0) {
        chain(&t, "type A0 = int", "type A%d = func(A%d) A%d\n", 60, "");
        add(&t, "type B0 = int\n");
        for (int i = 1; i <= 60; i++) {
            add(&t, "type B%d = func(B%d) B%d\n", i, i - 1, i - 1);
        }
        add(&t, "func main() { var a A60; var b B60; a = b; _ = a }\n");
    }
    return &t;
}

static const GolCompileLimits no_limits = {.steps = UINT64_MAX, .bytes = UINT64_MAX};

typedef struct Job {
    pthread_t thread;
    int cancel;
    const void *client;
    char *diagnostics;
} Job;

static void *run_job(void *arg)
{
    Job *j = arg;
    int nerrors;
    GolSource source = {.limits = no_limits, .cancel = &j->cancel, .client = j->client};
    j->diagnostics = compile(&source, endless(), &nerrors);
    return NULL;
}

static void end_job(Job *j)
{
    __atomic_store_n(&j->cancel, 1, __ATOMIC_RELAXED);
    assert(pthread_join(j->thread, NULL) == 0);
    assert(strstr(j->diagnostics, "interrupted"));
    gol_free(j->diagnostics);
}

static void start(Job *j, const void *client)
{
    j->client = client;
    assert(pthread_create(&j->thread, NULL, run_job, j) == 0);
    usleep(20000); /* so that it runs; nothing fails if not yet */
}

/* A compile that tells when it runs, and perhaps waits there until it may go on. */
typedef struct Gate {
    pthread_t thread;
    const void *client;
    sem_t *wait;   /* or NULL */
    sem_t running;
    int order;     /* its number among those that ran */
} Gate;

static int order;

static int on_find(void *ctx, const char *path, GolFound *found)
{
    Gate *g = ctx;
    g->order = ++order; /* compiles run one after the other */
    assert(sem_post(&g->running) == 0);
    while (g->wait && sem_wait(g->wait) != 0) {
    }
    return gol_found_file(found, "x.go", "package x\n", 10);
}

static void *run_gate(void *arg)
{
    static const char text[] = "package main\nimport _ \"gate/x\"\nfunc main() {}\n";
    Gate *g = arg;
    GolSource source = {.path = "gate.go", .text = text, .text_len = sizeof text - 1, .find = on_find,
                        .find_ctx = g, .client = g->client};
    char *diagnostics;
    GolProgram *p = gol_compile(&source, &diagnostics, NULL);
    assert(p);
    gol_program_free(p);
    gol_free(diagnostics);
    return NULL;
}

static void start_gate(Gate *g, const void *client, sem_t *wait)
{
    g->client = client;
    g->wait = wait;
    assert(sem_init(&g->running, 0, 0) == 0);
    assert(pthread_create(&g->thread, NULL, run_gate, g) == 0);
}

/* a's first compile runs; its second waits, and b's behind that. Then it is b's turn. A host that is
 * asked to stop waits no longer, though the thread is busy. True if b came before a's second; on a
 * busy machine b may have been late. */
static bool turns(void)
{
    char a, b;
    sem_t go;
    Gate first = {0}, second = {0}, other = {0};
    Job waiting = {0};
    assert(sem_init(&go, 0, 0) == 0);
    start_gate(&first, &a, &go);
    while (sem_wait(&first.running) != 0) {
    }
    start_gate(&second, &a, NULL);
    usleep(20000);
    start_gate(&other, &b, NULL);
    start(&waiting, &a);
    end_job(&waiting);
    assert(sem_post(&go) == 0);
    assert(pthread_join(first.thread, NULL) == 0);
    assert(pthread_join(second.thread, NULL) == 0);
    assert(pthread_join(other.thread, NULL) == 0);
    return other.order < second.order;
}

static void test_cancel_and_turns(void)
{
    char a;
    Job job = {0};
    endless();
    start(&job, &a);
    end_job(&job); /* it runs */
    for (int i = 0; !turns(); i++) {
        assert(i < 50);
    }
}

/* A session's compile is interrupted like its run. */
static int interrupted;

static void *interrupt(void *session)
{
    while (!__atomic_load_n(&interrupted, __ATOMIC_RELAXED)) {
        usleep(20000);
        gol_session_interrupt(session); /* again and again: one before the entry begins is lost */
    }
    return NULL;
}

static void test_session(void)
{
    GolConfig config = {.compile = no_limits};
    GolSession *s = gol_session_new(&config, NULL);
    const char *text = strchr(endless()->at, '\n'); /* without the package clause */
    GolEntry e = {.text = text, .text_len = strlen(text), .check_only = 1};
    GolOutcome out;
    pthread_t t;
    assert(pthread_create(&t, NULL, interrupt, s) == 0);
    assert(gol_eval(s, &e, &out) == GOL_EVAL_INTERRUPTED);
    gol_free(out.message);
    __atomic_store_n(&interrupted, 1, __ATOMIC_RELAXED);
    assert(pthread_join(t, NULL) == 0);
    gol_session_close(s);
    config.compile = (GolCompileLimits){.steps = 1000000};
    s = gol_session_new(&config, NULL);
    assert(gol_eval(s, &e, &out) == GOL_EVAL_INVALID);
    assert(strstr(out.message, "compile limit reached"));
    gol_free(out.message);
    gol_session_close(s);
}

static void test_wall(void)
{
    int nerrors;
    GolSource source = {.limits = {.steps = UINT64_MAX, .bytes = UINT64_MAX, .wall_ns = 20000000}};
    char *d = compile(&source, endless(), &nerrors);
    assert(nerrors && strstr(d, "bomb.go:") && strstr(d, "compile limit reached: too much time"));
    gol_free(d);
}

int main(void)
{
    test_bombs();
    test_shared();
    test_wall();
    test_cancel_and_turns();
    test_session();
    return 0;
}
