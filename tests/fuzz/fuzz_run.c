/* fuzz_run.c - what compiles also runs: with a small heap, shallow stacks and a watchdog that kills the
 * VM, at any moment, after a while. Whatever the program does, the VM must come to an end by itself or
 * soon after the kill, and its memory must be freed.
 *
 * A program that names a package that reaches outside (os, syscall, ...) or unsafe is not run: it might
 * do harm, or be right to crash. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "include/gol.h"
#include "runtime/sched.h"
#include "tests/fuzz/fuzz.h"

enum { RUN_MS = 100, HEAP_MAX = 64 << 20, STACK_MAX = 4 << 20 };

/* The watchdog: `lock` guards vm; a VM is in it only while it runs. */
static struct {
    pthread_mutex_t lock;
    sem_t start;
    GolVM *vm;
    uint64_t number;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *watchdog(void *unused)
{
    (void)unused;
    for (;;) {
        while (sem_wait(&watch.start) != 0) {
        }
        pthread_mutex_lock(&watch.lock);
        uint64_t number = watch.number;
        pthread_mutex_unlock(&watch.lock);
        nanosleep(&(struct timespec){.tv_nsec = RUN_MS * 1000000L}, NULL);
        pthread_mutex_lock(&watch.lock);
        if (watch.vm && watch.number == number) {
            sched_kill(watch.vm);
        }
        pthread_mutex_unlock(&watch.lock);
    }
    return NULL;
}

static void set_running(GolVM *vm)
{
    pthread_mutex_lock(&watch.lock);
    watch.vm = vm;
    watch.number += vm != NULL;
    pthread_mutex_unlock(&watch.lock);
}

static void start(void)
{
    pthread_t t;
    sem_init(&watch.start, 0, 0);
    if (pthread_create(&t, NULL, watchdog, NULL) != 0 || !freopen("/dev/null", "r", stdin)) {
        abort();
    }
}

static bool is_name(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Does the text hold this word? */
static bool names(const char *text, size_t n, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= n; i++) {
        if (memcmp(text + i, word, len) == 0 && (i == 0 || !is_name(text[i - 1])) &&
            (i + len == n || !is_name(text[i + len]))) {
            return true;
        }
    }
    return false;
}

/* "\157s" is an import path, too: of the escapes only \n and the like are let through. */
static bool spelled_out(const char *text, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (text[i] == '\\' && memchr("01234567xuU", text[i + 1], 11)) {
            return true;
        }
    }
    return false;
}

static bool harmless(const char *text, size_t n)
{
    static const char *const bad[] = {"os",  "syscall", "unsafe", "exec", "ioutil",  "net",
                                      "log", "debug",   "signal", "flag", "linkname"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (names(text, n, bad[i])) {
            return false;
        }
    }
    return !spelled_out(text, n);
}

static void run(const GolProgram *program)
{
    static const char *const argv[] = {"fuzz"};
    GolConfig config = {
        .procs = 2, .stack_max = STACK_MAX, .heap_max = HEAP_MAX, .argc = 1, .argv = argv};
    char *error = NULL;
    GolVM *vm = gol_vm_new(&config, &error);
    if (!vm) {
        abort();
    }
    set_running(vm);
    sem_post(&watch.start);
    gol_run(vm, program, &error);
    set_running(NULL);
    gol_vm_close(vm);
    gol_free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    if (!harmless((const char *)data, size)) {
        return -1; /* not for this corpus */
    }
    char *diagnostics = NULL;
    GolSource source = {.path = "fuzz.gol", .text = (const char *)data, .text_len = size};
    GolProgram *program = gol_compile(&source, &diagnostics, NULL);
    if (program) {
        run(program);
    }
    gol_free(diagnostics);
    gol_program_free(program);
    return program ? 0 : -1;
}
