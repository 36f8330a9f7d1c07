/* test_native.c - C functions as gol functions: arguments and results, panics, objects of the host,
 * calls back, promises, blocking. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/gol.h"

typedef struct Counter {
    int64_t n;
} Counter;

static _Atomic int alive, slept;
static int ctx_word = 7;

static void add(GolCall *c) { gol_result_int(c, 0, gol_arg_int(c, 0) + gol_arg_int(c, 1)); }

static void describe(GolCall *c)
{
    size_t n;
    const char *s = gol_arg_string(c, 0, &n);
    char out[100];
    snprintf(out, sizeof out, "%.*s %.2f %d %d", (int)n, s, gol_arg_float(c, 1), gol_arg_bool(c, 2),
             *(int *)gol_call_ctx(c));
    GolValue v = gol_string(out, strlen(out));
    gol_result(c, 0, &v);
}

static void fail(GolCall *c) { gol_panic(c, "failed with %d", (int)gol_arg_int(c, 0)); }

static void misfit(GolCall *c)
{
    GolValue v = gol_string("x", 1);
    gol_result(c, 0, &v);
}

static void counter_free(void *ptr)
{
    free(ptr);
    atomic_fetch_sub(&alive, 1);
}

static void new_counter(GolCall *c)
{
    Counter *counter = calloc(1, sizeof *counter);
    counter->n = gol_arg_int(c, 0);
    atomic_fetch_add(&alive, 1);
    gol_result_object(c, 0, counter, counter_free);
}

static void counter_next(GolCall *c)
{
    Counter *counter = gol_receiver(c);
    if (!counter) {
        gol_panic(c, "no counter");
        return;
    }
    gol_result_int(c, 0, ++counter->n);
}

static void counter_of(GolCall *c)
{
    const Counter *counter = gol_arg_object(c, 0);
    gol_result_int(c, 0, counter ? counter->n : -1);
}

/* func Apply(f func(int) int, n int) int: calls back, nested. */
static void apply(GolCall *c)
{
    GolValue f, arg = gol_int(gol_arg_int(c, 1)), r;
    GolError *error;
    gol_arg(c, 0, &f);
    GolFunc *fn = gol_func_of(gol_call_vm(c), &f, NULL);
    gol_release(gol_call_vm(c), &f);
    GolStatus s = gol_call(fn, &arg, 1, &r, 1, &error);
    gol_func_free(fn);
    if (s == GOL_PANIC) {
        gol_panic(c, "callback: %s", gol_error_message(error));
    } else if (s == GOL_OK) {
        gol_result_int(c, 0, r.i);
    }
    gol_error_free(error);
}

static void *resolve_later(void *arg)
{
    usleep(2000);
    GolValue r[] = {gol_int(42), gol_string("done", 4)};
    gol_promise_resolve(arg, r, 2);
    return NULL;
}

static void later(GolCall *c)
{
    pthread_t t;
    pthread_create(&t, NULL, resolve_later, gol_promise_new(c));
    pthread_detach(t);
}

static void at_once(GolCall *c) { gol_promise_reject(gol_promise_new(c), "rejected"); }

static void block(GolCall *c)
{
    gol_block_begin(c);
    usleep(1000);
    atomic_fetch_add(&slept, 1);
    gol_block_end(c);
    gol_result_int(c, 0, 1);
}

static const char module_text[] =
    "package host\n"
    "type handle struct{}\n"
    "type Counter struct{ h *handle }\n"
    "func Twice(f func(int) int, n int) int { return Apply(f, Apply(f, n)) }\n";

static const char text[] =
    "package main\n"
    "import (\"app/host\"; \"fmt\"; \"runtime\"; \"sync\"; \"time\")\n"
    "func check(ok bool, what any) { if !ok { panic(what) } }\n"
    "func caught(f func()) (s string) { defer func() { s = fmt.Sprint(recover()) }(); f(); return }\n"
    "func Values() {\n"
    "    check(host.Add(3, 4) == 7, 1)\n"
    "    s := host.Describe(\"abc\", 1.5, true); check(s == \"abc 1.50 1 7\", s)\n"
    "    s = caught(func() { host.Fail(9) }); check(s == \"failed with 9\", s)\n"
    "    s = caught(func() { host.Misfit() }); check(s == \"app/host.Misfit: result 1: cannot use string as int\", s)\n"
    "}\n"
    "func Objects() {\n"
    "    c := host.NewCounter(5); d := *c\n"
    "    check(c.Next() == 6 && d.Next() == 7 && host.Of(d) == 7, \"next\")\n"
    "    var zero host.Counter\n"
    "    check(host.Of(zero) == -1, \"zero\")\n"
    "    s := caught(func() { zero.Next() }); check(s == \"no counter\", s)\n"
    "}\n"
    "func Garbage() { for i := 0; i < 1000; i++ { host.NewCounter(i) }; for i := 0; i < 3; i++ { runtime.GC(); time.Sleep(5 * time.Millisecond) } }\n"
    "func Callbacks() {\n"
    "    double := func(n int) int { return 2 * n }\n"
    "    check(host.Apply(double, 4) == 8 && host.Twice(double, 3) == 12, \"apply\")\n"
    "    c := make(chan int)\n"
    "    go func() { for { c <- 5 } }()\n"
    "    check(host.Apply(func(n int) int { return n + <-c + <-c }, 1) == 11, \"parking callback\")\n"
    "    s := caught(func() { host.Apply(func(int) int { panic(\"inner\") }, 1) }); check(s == \"callback: panic: inner\", s)\n"
    "    deep := 0\n"
    "    var f func(int) int\n"
    "    f = func(n int) int { deep++; if n == 0 { return 0 }; return 1 + host.Apply(f, n-1) }\n"
    "    check(f(20) == 20 && deep == 21, deep)\n"
    "}\n"
    "func Waits() {\n"
    "    var wg sync.WaitGroup\n"
    "    for i := 0; i < 20; i++ { wg.Add(1); go func() { defer wg.Done(); n, s := host.Later(); check(n == 42 && s == \"done\", s) }() }\n"
    "    wg.Wait()\n"
    "    s := caught(func() { host.AtOnce() }); check(s == \"rejected\", s)\n"
    "    for i := 0; i < 20; i++ { wg.Add(1); go func() { defer wg.Done(); host.Block() }() }\n"
    "    wg.Wait()\n"
    "}\n"
    "func Forever() { host.Later(); for { host.Apply(func(n int) int { return n }, 1) } }\n"
    "func main() {}\n";

static GolModule *make_module(void)
{
    static const struct { const char *sig; GolNative fn; } natives[] = {
        {"func Add(a, b int) int", add},
        {"func Describe(s string, x float64, b bool) string", describe},
        {"func Fail(n int)", fail},
        {"func Misfit() int", misfit},
        {"func NewCounter(n int) *Counter", new_counter},
        {"func (c *Counter) Next() int", counter_next},
        {"func Of(c Counter) int", counter_of},
        {"func Apply(f func(int) int, n int) int", apply},
        {"func Later() (int, string)", later},
        {"func AtOnce()", at_once},
        {"func Block() int", block},
    };
    GolModule *m = gol_module_new("app/host", module_text);
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++) {
        assert(gol_module_func(m, natives[i].sig, natives[i].fn) == 0);
    }
    assert(gol_module_func(m, "no function", add) == -1);
    return m;
}

static void call(GolVM *vm, const char *name)
{
    GolError *error;
    char full[64];
    snprintf(full, sizeof full, "main.%s", name);
    GolFunc *f = gol_func(vm, full, NULL);
    if (gol_call(f, NULL, 0, NULL, 0, &error) != GOL_OK) {
        fprintf(stderr, "%s: %s\n%s\n", name, gol_error_message(error),
                gol_error_traceback(error));
        abort();
    }
    gol_func_free(f);
}

static void *run_forever(void *arg)
{
    GolFunc *f = gol_func(arg, "main.Forever", NULL);
    assert(gol_call(f, NULL, 0, NULL, 0, NULL) == GOL_ENDED);
    gol_func_free(f);
    return NULL;
}

int main(void)
{
    GolModule *m = make_module();
    const GolFile *file = gol_module_file(m);
    GolSource source = {.path = "native.go", .text = text, .text_len = sizeof text - 1,
                        .files = file, .nfiles = 1};
    char *why;
    GolProgram *program = gol_compile(&source, &why, NULL);
    if (!program) {
        fprintf(stderr, "%s", why);
        return 1;
    }
    gol_free(why);
    for (uint32_t procs = 1; procs <= 4; procs *= 2) {
        GolConfig config = {.procs = procs};
        GolVM *vm = gol_vm_new(&config, NULL);
        assert(gol_vm_bind(vm, m, &ctx_word) == 0);
        assert(gol_start(vm, program, NULL) == GOL_OK);
        call(vm, "Values");
        call(vm, "Objects");
        call(vm, "Garbage");
        assert(atomic_load(&alive) < 900); /* most have been collected */
        call(vm, "Callbacks");
        call(vm, "Waits");
        assert(atomic_exchange(&slept, 0) == 20);
        assert(gol_vm_handles(vm) == 0);
        pthread_t t;
        pthread_create(&t, NULL, run_forever, vm);
        usleep(procs * 1500);
        gol_vm_kill(vm);
        pthread_join(t, NULL);
        gol_vm_close(vm);
        assert(atomic_load(&alive) == 0);
    }
    usleep(20000); /* the last promise is resolved after the VM's end */
    gol_module_free(m);
    gol_program_free(program);
    return 0;
}
