/* test_vm.c - the VM on hand-assembled units: loops, calls, closures, panics, goroutines, stack
 * growth, traces; with argument "bench" it prints the times of the reference loops. */
#include "tests/unit/asm.h"

#include "runtime/sched.h"
#include "vm/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char output[1 << 16];
static size_t noutput;
static int failures;

static void capture(Sink *s, const void *data, size_t n)
{
    (void)s;
    if (noutput + n < sizeof output) {
        memcpy(output + noutput, data, n);
        noutput += n;
        output[noutput] = 0;
    }
}

static Sink sink = {capture, NULL};

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s failed; output:\n%s\n", __FILE__, __LINE__, #cond, output); \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int run_procs(Asm *a, Func *main, uint32_t procs, double *us)
{
    char err[200] = "";
    VmConfig c = {.nprocs = procs, .stack_max = 1 << 20};
    Unit *u = asm_unit(a, main);
    VmState *vm = vm_new(&c, err, sizeof err);
    noutput = 0;
    output[0] = 0;
    if (vm == NULL || !vm_load(vm, u, err, sizeof err)) {
        fprintf(stderr, "load: %s\n", err);
        exit(1);
    }
    vm->gol->err = &sink;
    double t = now_us();
    int status = vm_run(vm, u);
    if (us) {
        *us = now_us() - t;
    }
    vm_free(vm);
    return status;
}

static int run(Asm *a, Func *main) { return run_procs(a, main, 1, NULL); }

static void print_int(Asm *a, int slot)
{
    asm_op(a, OP_PRINT, slot, 0, PRINT_INT);
    asm_op(a, OP_PRINT, slot, 0, PRINT_NL);
}

/* fib(n): results 1, args 1; window of the calls at slots 4... */
static Func *make_fib(Asm *a)
{
    Func *f = asm_func(a, "main.fib", 1, 1, 12);
    uint32_t j = asm_op(a, OP_JGEI, 1, 2, 0);
    asm_op(a, OP_MOVE, 0, 1, 0);
    asm_op(a, OP_RET, 0, 0, 0);
    asm_jump(a, j, asm_here(a));
    asm_op(a, OP_ADDI, 6, 1, -1);
    asm_op(a, OP_CALL, 5, 0, 0);
    asm_ptr(a, f);
    asm_op(a, OP_ADDI, 9, 1, -2);
    asm_op(a, OP_CALL, 8, 0, 0);
    asm_ptr(a, f);
    asm_op(a, OP_ADD, 0, 5, 8);
    asm_op(a, OP_RET, 0, 0, 0);
    return f;
}

static Func *fib_main(Asm *a, int n)
{
    Func *fib = make_fib(a);
    Func *m = asm_func(a, "main.main", 0, 0, 8);
    asm_li(a, 4, n);
    asm_op(a, OP_CALL, 3, 0, 0);
    asm_ptr(a, fib);
    print_int(a, 3);
    asm_op(a, OP_RET, 0, 0, 0);
    return m;
}

static void test_fib(void)
{
    Asm a;
    asm_init(&a);
    CHECK(run(&a, fib_main(&a, 20)) == 0);
    CHECK(strcmp(output, "6765\n") == 0);
}

static Func *loops_main(Asm *a, int n)
{
    Func *m = asm_func(a, "main.main", 0, 0, 8);
    asm_li(a, 0, 0);
    asm_li(a, 1, 0);
    uint32_t outer = asm_here(a);
    asm_li(a, 2, 0);
    uint32_t inner = asm_here(a);
    asm_op(a, OP_XOR, 4, 1, 2);
    asm_op(a, OP_ADD, 0, 0, 4);
    asm_jump(a, asm_op(a, OP_LOOP_INC_LTI, 2, n, 0), inner);
    asm_jump(a, asm_op(a, OP_LOOP_INC_LTI, 1, n, 0), outer);
    print_int(a, 0);
    asm_op(a, OP_RET, 0, 0, 0);
    return m;
}

static void test_loops(void)
{
    Asm a;
    asm_init(&a);
    CHECK(run(&a, loops_main(&a, 100)) == 0);
    int64_t want = 0;
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 100; k++) {
            want += i ^ k;
        }
    }
    CHECK(strtoll(output, NULL, 10) == want);
}

/* Deep recursion grows the stack; without an end it overflows. */
static void test_depth(void)
{
    for (int endless = 0; endless < 2; endless++) {
        Asm a;
        asm_init(&a);
        Func *f = asm_func(&a, "main.down", 1, 1, 10);
        if (!endless) {
            uint32_t j = asm_op(&a, OP_JGTI, 1, 0, 0);
            asm_li(&a, 0, 7);
            asm_op(&a, OP_RET, 0, 0, 0);
            asm_jump(&a, j, asm_here(&a));
        }
        asm_op(&a, OP_ADDI, 6, 1, -1);
        asm_op(&a, OP_CALL, 5, 0, 0);
        asm_ptr(&a, f);
        asm_op(&a, OP_ADDI, 0, 5, 1);
        asm_op(&a, OP_RET, 0, 0, 0);
        Func *m = asm_func(&a, "main.main", 0, 0, 8);
        asm_li(&a, 4, 3000);
        asm_op(&a, OP_CALL, 3, 0, 0);
        asm_ptr(&a, f);
        print_int(&a, 3);
        asm_op(&a, OP_RET, 0, 0, 0);
        int status = run(&a, m);
        if (endless) {
            CHECK(status == 2);
            CHECK(strstr(output, "goroutine stack exceeds 1048576-byte limit"));
            CHECK(strstr(output, "fatal error: stack overflow"));
            CHECK(strstr(output, "frames elided"));
        } else {
            CHECK(status == 0 && strcmp(output, "3007\n") == 0);
        }
    }
}

static void test_panic(void)
{
    Asm a;
    asm_init(&a);
    asm_string_type(&a);
    Func *f = asm_func(&a, "main.f", 1, 2, 8);
    asm_line(&a, 12);
    asm_op(&a, OP_DIV_I64, 0, 1, 2);
    asm_op(&a, OP_RET, 0, 0, 0);
    Func *m = asm_func(&a, "main.main", 0, 0, 8);
    asm_line(&a, 20);
    asm_li(&a, 3, 1);
    asm_li(&a, 4, 0);
    asm_op(&a, OP_CALL, 2, 0, 0);
    asm_ptr(&a, f);
    asm_op(&a, OP_RET, 0, 0, 0);
    CHECK(run(&a, m) == 2);
    CHECK(strncmp(output, "panic: runtime error: integer divide by zero\n\ngoroutine 1 [running]:\n"
                          "main.f(...)\n\t/tmp/test.gol:12 +0x", 60) == 0);
    CHECK(strstr(output, "main.main()\n\t/tmp/test.gol:20 +0x"));
}

/* f defers g, which recovers and prints; f divides by zero; main goes on. */
static void test_recover(void)
{
    Asm a;
    asm_init(&a);
    asm_string_type(&a);
    Func *g = asm_func(&a, "main.g", 0, 1, 8);
    asm_op(&a, OP_RECOVER, 2, 0, 0);
    uint32_t j = asm_op(&a, OP_JNEI, 2, 0, 0);
    asm_op(&a, OP_RET, 0, 0, 0);
    asm_jump(&a, j, asm_here(&a));
    print_int(&a, 0);
    asm_op(&a, OP_RECOVER, 2, 0, 0);
    print_int(&a, 2);
    asm_op(&a, OP_RET, 0, 0, 0);
    Func *f = asm_func(&a, "main.f", 1, 1, 10);
    f->flags |= FN_HAS_DEFER;
    asm_li(&a, 0, 5);
    for (int i = 1; i <= 2; i++) {
        asm_li(&a, 6, i * 11);
        asm_op(&a, OP_DEFER, 6, 0, 0);
        asm_ptr(&a, g);
    }
    asm_op(&a, OP_DIV_I64, 0, 0, 1);
    asm_op(&a, OP_RETD, 0, 0, 0);
    f->epilogue = asm_here(&a);
    asm_op(&a, OP_RET, 0, 0, 0);
    Func *m = asm_func(&a, "main.main", 0, 0, 8);
    asm_li(&a, 3, 0);
    asm_op(&a, OP_CALL, 2, 0, 0);
    asm_ptr(&a, f);
    print_int(&a, 2);
    asm_li(&a, 3, 1);
    asm_op(&a, OP_CALL, 2, 0, 0);
    asm_ptr(&a, f);
    print_int(&a, 2);
    asm_op(&a, OP_RET, 0, 0, 0);
    CHECK(run(&a, m) == 0);
    CHECK(strcmp(output, "22\n0\n5\n5\n") == 0);
}

/* Goroutines add to a channel, main sums. */
static void test_goroutines(uint32_t procs)
{
    Asm a;
    asm_init(&a);
    RType *in = asm_type(&a, "int", RK_INT, 8, 8, RT_DIRECT | RT_COMPARABLE, NULL, NULL);
    RType *ch = asm_type(&a, "chan int", RK_CHAN, 8, 8, RT_DIRECT | RT_HAS_WORD_PTR,
                         (const uint8_t[]){GCW_PTR}, in);
    Func *w = asm_func(&a, "main.worker", 0, 2, 8);
    asm_kind(&a, 0, GCW_PTR, 0, 100);
    asm_op(&a, OP_SEND, 0, 1, 0);
    asm_word(&a, 1);
    asm_op(&a, OP_RET, 0, 0, 0);
    Func *m = asm_func(&a, "main.main", 0, 0, 12);
    asm_kind(&a, 0, GCW_PTR, 0, 100);
    asm_kind(&a, 8, GCW_PTR, 0, 100);
    asm_li(&a, 1, 0);
    asm_op(&a, OP_CHAN_NEW, 0, 1, 0);
    asm_ptr(&a, ch);
    asm_li(&a, 2, 0);
    uint32_t top = asm_here(&a);
    asm_op(&a, OP_MOVE, 8, 0, 0);
    asm_op(&a, OP_MOVE, 9, 2, 0);
    asm_op(&a, OP_GO, 8, 0, 0);
    asm_ptr(&a, w);
    asm_jump(&a, asm_op(&a, OP_LOOP_INC_LTI, 2, 1000, 0), top);
    asm_li(&a, 2, 0);
    asm_li(&a, 3, 0);
    top = asm_here(&a);
    asm_op(&a, OP_RECV, 4, 0, 0);
    asm_word(&a, 1);
    asm_op(&a, OP_ADD, 3, 3, 4);
    asm_jump(&a, asm_op(&a, OP_LOOP_INC_LTI, 2, 1000, 0), top);
    print_int(&a, 3);
    asm_op(&a, OP_RET, 0, 0, 0);
    CHECK(run_procs(&a, m, procs, NULL) == 0);
    CHECK(strcmp(output, "499500\n") == 0);
}

static void test_deadlock(void)
{
    Asm a;
    asm_init(&a);
    Func *m = asm_func(&a, "main.main", 0, 0, 8);
    asm_kind(&a, 0, GCW_PTR, 0, 100);
    asm_line(&a, 33);
    asm_li(&a, 0, 0);
    asm_op(&a, OP_RECV, 1, 0, 0);
    asm_word(&a, 1);
    asm_op(&a, OP_RET, 0, 0, 0);
    CHECK(run(&a, m) == 2);
    CHECK(strstr(output, "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan "
                         "receive (nil chan)]:\nmain.main()\n\t/tmp/test.gol:33"));
}

/* A linked list that grows and dies while collections run: the stack map must keep the head. */
static void test_gc(void)
{
    Asm a;
    asm_init(&a);
    RType *node = asm_type(&a, "main.node", RK_STRUCT, 16, 8, 0, (const uint8_t[]){GCW_PTR, 0},
                           NULL);
    Func *m = asm_func(&a, "main.main", 0, 0, 8);
    asm_kind(&a, 0, GCW_PTR, 0, 100);
    asm_kind(&a, 1, GCW_PTR, 0, 100);
    asm_li(&a, 4, 0);
    uint32_t outer = asm_here(&a);
    asm_li(&a, 0, 0);
    asm_li(&a, 2, 0);
    uint32_t top = asm_here(&a);
    asm_op(&a, OP_NEW, 1, 0, 0);
    asm_ptr(&a, node);
    asm_op(&a, OP_STORE_PTR, 1, 0, 0);
    asm_op(&a, OP_STORE_64, 1, 2, 8);
    asm_op(&a, OP_MOVE, 0, 1, 0);
    asm_jump(&a, asm_op(&a, OP_LOOP_INC_LTI, 2, 20000, 0), top);
    asm_li(&a, 3, 0);
    uint32_t walk = asm_here(&a);
    asm_op(&a, OP_LOAD_64, 5, 0, 8);
    asm_op(&a, OP_ADD, 3, 3, 5);
    asm_op(&a, OP_LOAD_64, 0, 0, 0);
    asm_jump(&a, asm_op(&a, OP_LOOP_NEI, 0, 0, 0), walk);
    asm_jump(&a, asm_op(&a, OP_LOOP_INC_LTI, 4, 60, 0), outer);
    print_int(&a, 3);
    asm_op(&a, OP_RET, 0, 0, 0);
    CHECK(run(&a, m) == 0);
    CHECK(strcmp(output, "199990000\n") == 0);
}

static void bench(const char *name, Func *(*make)(Asm *, int), int n)
{
    double best = 1e18, us;
    for (int i = 0; i < 20; i++) {
        Asm a;
        asm_init(&a);
        run_procs(&a, make(&a, n), 1, &us);
        best = us < best ? us : best;
    }
    printf("%-16s %8.0f us\n", name, best);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        bench("fib(27)", fib_main, 27);
        bench("loops 1000^2", loops_main, 1000);
        return 0;
    }
    test_fib();
    test_loops();
    test_depth();
    test_panic();
    test_recover();
    test_gc();
    test_goroutines(1);
    test_goroutines(4);
    test_deadlock();
    if (failures == 0) {
        printf("test_vm: ok\n");
    }
    return failures != 0;
}
