/* test_embed.c - the embedding API: diagnostics, one program in many VMs one after the other and at
 * once, exit codes, limits. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "include/gol.h"

static GolProgram *compile(const char *text, int want_errors)
{
    GolSource source = {.path = "test.gol", .text = text, .text_len = strlen(text)};
    char *diagnostics = NULL;
    int nerrors = -1;
    GolProgram *program = gol_compile(&source, &diagnostics, &nerrors);
    assert(diagnostics && nerrors == want_errors);
    assert((program == NULL) == (want_errors != 0));
    assert(want_errors == 0 || strstr(diagnostics, "test.gol:"));
    gol_free(diagnostics);
    return program;
}

static int run(const GolProgram *program)
{
    char *error = NULL;
    GolVM *vm = gol_vm_new(NULL, &error);
    assert(vm);
    int status = gol_run(vm, program, &error);
    gol_vm_close(vm);
    return status;
}

static void *run_thread(void *program)
{
    for (int i = 0; i < 5; i++) {
        assert(run(program) == 3);
    }
    return NULL;
}

static void test_errors(void)
{
    compile("x := ", 1);
    compile("func f() int { return \"a\" }\nfunc g() string { return 1 }\n", 2);
    compile("", 1);
    assert(!strcmp(gol_version(), GOL_VERSION));
}

static void test_many_vms(void)
{
    GolProgram *program = compile("n := 0\n"
                                  "c := make(chan int)\n"
                                  "for i := range 3 { go func() { c <- i } () }\n"
                                  "for range 3 { n += <-c }\n"
                                  "os.Exit(n)\n", 0);
    for (int i = 0; i < 20; i++) {
        assert(run(program) == 3);
    }
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        assert(pthread_create(&threads[i], NULL, run_thread, program) == 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    gol_program_free(program);
}

static void test_state_is_per_vm(void)
{
    GolProgram *program = compile("package main\n"
                                  "import \"os\"\n"
                                  "var count int\n"
                                  "func main() { count++; os.Exit(count) }\n", 0);
    assert(run(program) == 1);
    assert(run(program) == 1);
    gol_program_free(program);
}

/* The goroutine that reached the limit has parked when its P looks at the request. */
static void test_limit_of_the_parked(void)
{
    GolProgram *program = compile("var keep [][]byte\n"
                                  "for {\n"
                                  "\tgo func() { runtime.Goexit() }()\n"
                                  "\tkeep = append(keep, make([]byte, 1<<20))\n"
                                  "\ttime.Sleep(50 * time.Microsecond)\n"
                                  "}\n", 0);
    GolConfig config = {.heap_max = 32 << 20, .procs = 1};
    GolVM *vm = gol_vm_new(&config, NULL);
    assert(vm && gol_run(vm, program, NULL) == 2);
    gol_vm_close(vm);
    gol_program_free(program);
}

/* Reaching the heap's limit is the program's fatal error; the host goes on. */
static void test_heap_limit(void)
{
    GolProgram *program = compile("var keep [][]byte\n"
                                  "for { keep = append(keep, make([]byte, 1<<16)) }\n", 0);
    GolConfig config = {.heap_max = 32 << 20, .procs = 2};
    GolVM *vm = gol_vm_new(&config, NULL);
    assert(vm && gol_run(vm, program, NULL) == 2);
    gol_vm_close(vm);
    gol_program_free(program);
    program = compile("os.Exit(4)", 0);
    assert(run(program) == 4);
    gol_program_free(program);
}

int main(void)
{
    test_errors();
    test_heap_limit();
    test_limit_of_the_parked();
    test_many_vms();
    test_state_is_per_vm();
    gol_vm_close(NULL);
    gol_program_free(NULL);
    return 0;
}
