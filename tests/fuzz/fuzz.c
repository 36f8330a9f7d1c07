/* fuzz.c - the targets' common part.
 *
 * The main thread of libFuzzer hands each input to one worker thread whose stack is as large as the
 * compiler thread's, and waits: so recursion to the front end's own bounds fits, even in a build whose
 * frames AddressSanitizer makes several times larger. */
#include "tests/fuzz/fuzz.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lang/mem.h"

#define STACK ((size_t)1 << 30)
static const MemLimits limits = {.bytes = (uint64_t)1 << 30};

static struct {
    sem_t go, done;
    void (*stage)(const char *text, size_t n);
    const char *text;
    size_t n;
} work;

uint64_t fuzz_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void fuzz_judge(uint64_t since, size_t size)
{
    double seconds = (double)(fuzz_clock() - since) / 1e9;
    double allowed = 3.0 * (size > 65536 ? (double)size / 65536 : 1.0);
    if (seconds > allowed) {
        fprintf(stderr, "fuzz: %zu bytes took %.2f s of processor time, allowed are %.2f\n", size,
                seconds, allowed);
        abort();
    }
}

static void *worker(void *unused)
{
    (void)unused;
    for (;;) {
        sem_wait(&work.go);
        jmp_buf out;
        if (!setjmp(out)) { /* a second arrival: the compiler's own limits said no, which is fine */
            mem_begin(MEM_ARENA, &out, &limits);
            work.stage(mem_strndup(work.text, work.n), work.n); /* a NUL behind it, as loaded files have */
        }
        mem_end();
        sem_post(&work.done);
    }
    return NULL;
}

static void start(void)
{
    pthread_attr_t attr;
    pthread_t t;
    sem_init(&work.go, 0, 0);
    sem_init(&work.done, 0, 0);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    if (pthread_create(&t, &attr, worker, NULL) != 0) {
        abort();
    }
    pthread_attr_destroy(&attr);
}

void fuzz_stage(void (*stage)(const char *text, size_t n), const uint8_t *data, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    work.stage = stage;
    work.text = (const char *)data;
    work.n = size;
    uint64_t since = fuzz_clock();
    sem_post(&work.go);
    while (sem_wait(&work.done) != 0) {
    }
    fuzz_judge(since, size);
}
