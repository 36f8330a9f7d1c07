/* test_call.c - calls from C into VMs: values both ways, errors, threads, the end of a VM, limits. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/gol.h"

static const char text[] =
    "package main\n"
    "import (\"fmt\"; \"os\"; \"runtime\"; \"sync\"; \"time\")\n"
    "type Point struct { X, Y int; Name string; hidden int }\n"
    "func (p *Point) Sum() int { return p.X + p.Y }\n"
    "func Add(a, b int) int { return a + b }\n"
    "func Small(a int8) int8 { return a }\n"
    "func Half(x float64) float64 { return x / 2 }\n"
    "func Hello(s string) (string, int) { return \"hello \" + s, len(s) }\n"
    "func Bytes(b []byte) []byte { b[0]++; return b }\n"
    "func New(name string) *Point { return &Point{1, 2, name, 3} }\n"
    "func Sum(list []int) (n int) { for _, x := range list { n += x }; return }\n"
    "func Join(sep string, parts ...string) (s string) { for _, p := range parts { s += p + sep }; return }\n"
    "func Table() map[string]int { return map[string]int{\"a\": 1, \"b\": 2} }\n"
    "func Type(x any) string { return fmt.Sprintf(\"%T %v\", x, x) }\n"
    "func Boom(n int) int { var a []int; return a[n] }\n"
    "func Bye() { runtime.Goexit() }\n"
    "func Exit(n int) { os.Exit(n) }\n"
    "func Spin() { for { } }\n"
    "func Grow() { var keep [][]byte; for { keep = append(keep, make([]byte, 1<<20)) } }\n"
    "func Many() { for { go func() { select {} }() } }\n"
    "func Talk() { for { fmt.Println(\"0123456789\") } }\n"
    "var mu sync.Mutex\n"
    "var total int\n"
    "func Count(n int) int { mu.Lock(); defer mu.Unlock(); total += n; return total }\n"
    "var ch = make(chan int)\n"
    "func Put(n int) { ch <- n }\n"
    "func Get() int { return <-ch }\n"
    "func Chan() chan int { c := make(chan int, 1); return c }\n"
    "func Later() int { c := make(chan int); go func() { time.Sleep(time.Millisecond); c <- 7 }(); return <-c }\n"
    "func Counter() func() int { n := 0; return func() int { n++; return n } }\n"
    "func Panic() { go func() { panic(\"in a goroutine\") }(); select {} }\n"
    "func main() { total = 100 }\n";

static GolProgram *program;

static GolVM *start_with(GolConfig config)
{
    GolError *error;
    char *why = NULL;
    config.procs = config.procs ? config.procs : 2;
    GolVM *vm = gol_vm_new(&config, &why);
    assert(vm != NULL);
    assert(gol_start(vm, program, &error) == GOL_OK && error == NULL);
    return vm;
}

static GolVM *start(void) { return start_with((GolConfig){0}); }

static GolFunc *func(GolVM *vm, const char *name)
{
    GolFunc *f = gol_func(vm, name, NULL);
    assert(f != NULL);
    return f;
}

/* Calls main.NAME with up to one argument and gives the first result. */
static GolStatus call1(GolVM *vm, const char *name, const GolValue *arg, GolValue *out,
                       GolError **error)
{
    char full[64];
    snprintf(full, sizeof full, "main.%s", name);
    GolFunc *f = func(vm, full);
    GolStatus s = gol_call(f, arg, arg != NULL, out, 1, error);
    gol_func_free(f);
    return s;
}

static GolValue str(const char *s) { return gol_string(s, strlen(s)); }

static bool is_text(const GolValue *v, const char *s)
{
    return v->kind == GOL_STRING && v->len == strlen(s) && memcmp(v->s, s, v->len) == 0;
}

static void test_scalars(void)
{
    GolVM *vm = start();
    GolFunc *add = func(vm, "main.Add"), *hello = func(vm, "main.Hello");
    GolValue r[3], two[] = {gol_int(3), gol_int(4)}, v;
    GolError *error;
    for (int i = 0; i < 1000; i++) {
        two[0].i = i;
        assert(gol_call(add, two, 2, r, 1, NULL) == GOL_OK && r[0].kind == GOL_INT);
        assert(r[0].i == i + 4);
    }
    v = str("you");
    assert(gol_call(hello, &v, 1, r, 3, NULL) == GOL_OK);
    assert(is_text(&r[0], "hello you") && r[1].i == 3 && r[2].kind == GOL_NIL);
    gol_release(vm, &r[0]);
    v = gol_float(3);
    assert(call1(vm, "Half", &v, r, NULL) == GOL_OK && r[0].f == 1.5);
    v = gol_int(3);
    assert(call1(vm, "Half", &v, r, NULL) == GOL_OK && r[0].f == 1.5);
    v = gol_int(-128);
    assert(call1(vm, "Small", &v, r, NULL) == GOL_OK && r[0].i == -128);
    v = gol_int(128);
    assert(call1(vm, "Small", &v, r, &error) == GOL_INVALID);
    assert(strstr(gol_error_message(error), "cannot use int as int8"));
    gol_error_free(error);
    assert(gol_call(add, two, 1, r, 1, &error) == GOL_INVALID);
    gol_error_free(error);
    unsigned char bytes[] = {1, 2};
    v = gol_bytes(bytes, 2);
    assert(call1(vm, "Bytes", &v, r, NULL) == GOL_OK && r[0].kind == GOL_BYTES);
    assert(r[0].len == 2 && ((unsigned char *)r[0].p)[0] == 2 && bytes[0] == 1);
    gol_release(vm, &r[0]);
    assert(gol_func(vm, "main.None", &error) == NULL);
    assert(strstr(gol_error_message(error), "no function main.None"));
    gol_error_free(error);
    gol_func_free(add);
    gol_func_free(hello);
    assert(gol_vm_handles(vm) == 0);
    gol_vm_close(vm);
}

static void test_objects(void)
{
    GolVM *vm = start();
    GolValue p, v, r, name = str("z"), key, list[3] = {gol_int(1), gol_int(2), gol_int(3)};
    GolError *error;
    char *shown;
    int found;
    int64_t n;
    assert(call1(vm, "New", &name, &p, NULL) == GOL_OK && p.kind == GOL_OBJECT);
    assert(strcmp(gol_type_name(&p), "*main.Point") == 0);
    assert(gol_get(vm, &p, "Name", &v, NULL) == GOL_OK && is_text(&v, "z"));
    gol_release(vm, &v);
    v = gol_int(40);
    assert(gol_set(vm, &p, "X", &v, NULL) == GOL_OK);
    assert(gol_set(vm, &p, "hidden", &v, &error) == GOL_INVALID);
    gol_error_free(error);
    assert(gol_method(vm, &p, "Sum", &v, NULL) == GOL_OK);
    GolFunc *sum = gol_func_of(vm, &v, NULL);
    gol_release(vm, &v);
    assert(gol_call(sum, NULL, 0, &r, 1, NULL) == GOL_OK && r.i == 42);
    gol_func_free(sum);
    assert(gol_text(vm, &p, &shown, NULL) == GOL_OK && strcmp(shown, "&{40 2 z 3}") == 0);
    gol_free(shown);
    gol_release(vm, &p);
    v = gol_list(list, 3);
    assert(call1(vm, "Sum", &v, &r, NULL) == GOL_OK && r.i == 6);
    list[1] = str("x");
    assert(call1(vm, "Sum", &v, &r, &error) == GOL_INVALID);
    gol_error_free(error);
    assert(call1(vm, "Table", NULL, &p, NULL) == GOL_OK);
    key = str("b");
    assert(gol_index(vm, &p, &key, &v, &found, NULL) == GOL_OK && found && v.i == 2);
    key = str("none");
    assert(gol_index(vm, &p, &key, &v, &found, NULL) == GOL_OK && !found && v.kind == GOL_NIL);
    v = gol_int(9);
    assert(gol_set_index(vm, &p, &key, &v, NULL) == GOL_OK);
    assert(gol_len(vm, &p, &n, NULL) == GOL_OK && n == 3);
    gol_release(vm, &p);
    GolValue words[] = {str("-"), str("a"), str("b")};
    GolFunc *join = func(vm, "main.Join");
    assert(gol_call(join, words, 3, &r, 1, NULL) == GOL_OK && is_text(&r, "a-b-"));
    gol_release(vm, &r);
    gol_func_free(join);
    v = gol_bool(1);
    assert(call1(vm, "Type", &v, &r, NULL) == GOL_OK && is_text(&r, "bool true"));
    gol_release(vm, &r);
    assert(gol_vm_handles(vm) == 0);
    gol_vm_close(vm);
}

static void test_closures_and_channels(void)
{
    GolVM *vm = start();
    GolValue v, r;
    int ok;
    assert(call1(vm, "Counter", NULL, &v, NULL) == GOL_OK);
    GolFunc *next = gol_func_of(vm, &v, NULL);
    gol_release(vm, &v);
    for (int i = 1; i < 4; i++) {
        assert(gol_call(next, NULL, 0, &r, 1, NULL) == GOL_OK && r.i == i);
    }
    gol_func_free(next);
    assert(call1(vm, "Chan", NULL, &v, NULL) == GOL_OK);
    r = gol_int(5);
    assert(gol_send(vm, &v, &r, NULL) == GOL_OK);
    assert(gol_receive(vm, &v, &r, &ok, NULL) == GOL_OK && ok && r.i == 5);
    gol_release(vm, &v);
    assert(call1(vm, "Later", NULL, &r, NULL) == GOL_OK && r.i == 7);
    gol_vm_close(vm);
}

static void test_errors(void)
{
    GolVM *vm = start();
    GolValue v = gol_int(5), r;
    GolError *error;
    const char *file;
    assert(call1(vm, "Boom", &v, &r, &error) == GOL_PANIC);
    assert(strcmp(gol_error_message(error),
                  "panic: runtime error: index out of range [5] with length 0") == 0);
    assert(strstr(gol_error_traceback(error), "main.Boom(...)"));
    assert(gol_error_position(error, &file) == 15 && strcmp(file, "call.go") == 0);
    gol_error_free(error);
    assert(call1(vm, "Bye", NULL, &r, &error) == GOL_GOEXIT);
    gol_error_free(error);
    v = gol_int(1);
    assert(call1(vm, "Count", &v, &r, NULL) == GOL_OK && r.i == 101); /* it lives on */
    v = gol_int(7);
    assert(call1(vm, "Exit", &v, &r, &error) == GOL_ENDED && gol_error_exit_code(error) == 7);
    gol_error_free(error);
    assert(call1(vm, "Count", &v, &r, &error) == GOL_ENDED);
    gol_error_free(error);
    gol_vm_close(vm);
}

static char output[1 << 16];
static size_t noutput;
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t keep(void *ctx, int fd, const void *data, size_t n)
{
    pthread_mutex_lock(&output_lock);
    if (noutput + n < sizeof output) {
        memcpy(output + noutput, data, n);
        noutput += n;
        output[noutput] = 0;
    }
    pthread_mutex_unlock(&output_lock);
    return n;
}

/* The program ends by this limit, which the error names. */
static void limited(GolConfig config, const char *name, const char *message)
{
    GolError *error;
    GolValue r;
    noutput = 0;
    config.write = keep;
    GolVM *vm = start_with(config);
    assert(call1(vm, name, NULL, &r, &error) == GOL_ENDED);
    if (!strstr(gol_error_message(error), message)) {
        fprintf(stderr, "%s: %s\n", name, gol_error_message(error));
        abort();
    }
    assert(gol_error_exit_code(error) == 2);
    gol_error_free(error);
    gol_vm_close(vm);
}

static void test_limits(void)
{
    limited((GolConfig){.steps_max = 100000}, "Spin", "limit of 100000 steps reached");
    limited((GolConfig){.steps_max = 100000, .procs = 1}, "Spin", "limit of 100000 steps reached");
    limited((GolConfig){.time_max_ns = 20000000}, "Spin", "limit of 0.02 seconds reached");
    limited((GolConfig){.time_max_ns = 20000000}, "Get", "");
    limited((GolConfig){.heap_max = 20 << 20}, "Grow", "out of memory");
    limited((GolConfig){.goroutines_max = 100}, "Many", "limit of 100 goroutines reached");
    limited((GolConfig){.output_max = 1000}, "Talk", "limit of 1000 bytes of output reached");
    limited((GolConfig){0}, "Get", "all goroutines are asleep - deadlock!");
    limited((GolConfig){0}, "Panic", "panic: in a goroutine");
}

typedef struct Worker {
    GolVM *vm;
    const char *name;
    int64_t sum;
    int n;
    GolStatus last;
} Worker;

static void *count(void *arg)
{
    Worker *w = arg;
    GolFunc *f = func(w->vm, w->name);
    GolValue one = gol_int(1), r;
    for (int i = 0; i < w->n; i++) {
        w->last = gol_call(f, &one, 1, &r, 1, NULL);
        w->sum += r.i;
        if (w->last == GOL_ENDED) {
            break;
        }
    }
    gol_func_free(f);
    return NULL;
}

static void *get(void *arg)
{
    Worker *w = arg;
    GolFunc *f = func(w->vm, "main.Get");
    GolValue r;
    for (int i = 0; i < w->n; i++) {
        w->last = gol_call(f, NULL, 0, &r, 1, NULL);
        w->sum += r.i;
        if (w->last == GOL_ENDED) {
            break;
        }
    }
    gol_func_free(f);
    return NULL;
}

static void test_threads(uint32_t procs)
{
    enum { N = 4, EACH = 500 };
    GolVM *vm = start_with((GolConfig){.procs = procs});
    pthread_t t[N];
    Worker w[N];
    for (int i = 0; i < N; i++) {
        w[i] = (Worker){.vm = vm, .name = "main.Count", .n = EACH};
        pthread_create(&t[i], NULL, count, &w[i]);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(t[i], NULL);
        assert(w[i].last == GOL_OK);
    }
    GolValue v = gol_int(0), r;
    assert(call1(vm, "Count", &v, &r, NULL) == GOL_OK && r.i == 100 + N * EACH);
    /* two threads that wait for each other in channel operations */
    gol_vm_hold(vm);
    Worker put = {.vm = vm, .name = "main.Put", .n = EACH}, take = {.vm = vm, .n = EACH};
    pthread_create(&t[0], NULL, count, &put);
    pthread_create(&t[1], NULL, get, &take);
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    gol_vm_unhold(vm);
    assert(take.sum == EACH && put.last == GOL_OK && take.last == GOL_OK);
    gol_vm_close(vm);
}

/* A kill at any moment ends calls that spin, wait or come and go. */
static void test_kill(void)
{
    static const char *const names[] = {"main.Put", "main.Count", "main.Small"};
    for (int i = 0; i < 60; i++) {
        GolVM *vm = start();
        pthread_t t[3];
        Worker w[3];
        gol_vm_hold(vm);
        for (int k = 0; k < 3; k++) {
            w[k] = (Worker){.vm = vm, .name = names[k], .n = 1 << 30};
            pthread_create(&t[k], NULL, count, &w[k]);
        }
        usleep((useconds_t)(i * 37 % 1000));
        gol_vm_kill(vm);
        for (int k = 0; k < 3; k++) {
            pthread_join(t[k], NULL);
            assert(w[k].last == GOL_ENDED);
        }
        gol_vm_close(vm);
    }
}

int main(void)
{
    char *why;
    int n;
    GolSource source = {.path = "call.go", .text = text, .text_len = sizeof text - 1};
    program = gol_compile(&source, &why, &n);
    if (!program) {
        fprintf(stderr, "%s", why);
        return 1;
    }
    gol_free(why);
    test_scalars();
    test_objects();
    test_closures_and_channels();
    test_errors();
    test_limits();
    test_threads(1);
    test_threads(2);
    test_kill();
    gol_program_free(program);
    return 0;
}
