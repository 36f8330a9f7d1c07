/* fakevm.h - a VM without bytecode for tests of the scheduler: a goroutine is a C function called
 * again and again; its state stands in its stack's slots, as a script's would.
 *
 * A step returns NEXT (call me again), SWITCH (I parked, yielded or ended: take another) or STOP.
 * Slots: 0 step function, 1 state, 2.. the goroutine's own; values that travel stand in slots too.
 */
#ifndef GOL_TESTS_FAKEVM_H
#define GOL_TESTS_FAKEVM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/os.h"
#include "runtime/rtypes.h"
#include "runtime/select.h"
#include "runtime/sema.h"
#include "runtime/timer.h"

typedef enum Step { NEXT, SWITCH, STOP } Step;
typedef Step (*StepFn)(P *p, Fiber *f, Slot *s);

#define CHECK(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "%s:%d: %s failed\n", __FILE__, __LINE__, #x); \
            abort(); \
        } \
    } while (0)

static inline void fake_run(P *p)
{
    Fiber *f = p->fiber;
    while (f) {
        Step s = ((StepFn)f->stack[0].p)(p, f, f->stack);
        if (s == STOP) {
            return;
        }
        if (s == NEXT && proc_poll_pending(p)) {
            SchedPoll r = sched_poll(p);
            if (r == SCHED_STOP) {
                return;
            }
            s = r == SCHED_YIELDED ? SWITCH : NEXT;
        }
        if (s == SWITCH) {
            f = sched_next(p);
        }
    }
}

/* The slots that a step function may use; the stress build's first stack has fewer. */
enum { FAKE_SLOTS = 32 };

static inline Fiber *fake_new(P *p, StepFn fn)
{
    Fiber *f = fiber_new(p);
    CHECK(f && fiber_grow(p, f, FAKE_SLOTS));
    memset(f->stack, 0, f->stack_slots * sizeof(Slot));
    f->stack[0].p = (void *)fn;
    return f;
}

static inline Fiber *fake_go(P *p, StepFn fn, Slot a, Slot b)
{
    Fiber *f = fake_new(p, fn);
    f->stack[2] = a;
    f->stack[3] = b;
    sched_start(p, f);
    return f;
}

static inline Slot ptr(const void *v) { return (Slot){.p = (void *)v}; }
static inline Slot num(int64_t v) { return (Slot){.i = v}; }

/* A sink that keeps the text. */
typedef struct TextSink {
    Sink sink;
    char text[65536];
    size_t n;
} TextSink;

static inline void text_write(Sink *s, const void *d, size_t n)
{
    TextSink *t = (TextSink *)s;
    if (t->n + n < sizeof t->text) {
        memcpy(t->text + t->n, d, n);
        t->n += n;
        t->text[t->n] = 0;
    }
}

/* Channel types: "chan of elem", where elem is a scalar or cell built in C. */
typedef struct FakeType {
    RType chan, elem;
} FakeType;

static inline FakeType *fake_chan_type(RKind kind, uint64_t size, bool pointers)
{
    FakeType *t = calloc(1, sizeof *t);
    t->elem.kind = (uint8_t)kind;
    t->elem.size = size;
    t->elem.align = size >= 16 ? 16 : 8;
    t->elem.flags = pointers ? 0 : RT_NOPTR;
    t->chan.kind = RK_CHAN;
    t->chan.size = 8;
    t->chan.elem.off = (char *)&t->elem - (char *)&t->chan.elem;
    return t;
}

/* One heap for the VM of a test. */
static Heap *fake_heap;
static void fake_fatal(P *p, const char *msg)
{
    fprintf(stderr, "heap: %s\n", msg);
    abort();
}
static const HeapHooks fake_heap_hooks = {.fatal = fake_fatal};

static inline bool fake_proc_init(P *p)
{
    heap_cache_init(fake_heap, p);
    return true;
}

static inline void fake_proc_free(P *p)
{
    heap_cache_free(p);
}

static const VMHooks fake_hooks = {.run = fake_run,
                                   .proc_init = fake_proc_init,
                                   .proc_free = fake_proc_free};

static inline GolVM *fake_vm(const VMHooks *hooks, uint32_t nprocs)
{
    fake_heap = calloc(1, sizeof *fake_heap);
    CHECK(heap_init(fake_heap, &fake_heap_hooks, NULL));
    GolVM *vm = sched_new_vm(hooks ? hooks : &fake_hooks, nprocs, NULL);
    CHECK(vm);
    return vm;
}

static inline int fake_main(GolVM *vm, StepFn fn, Slot a, Slot b)
{
    Fiber *f = fake_new(vm->procs[0], fn);
    f->stack[2] = a;
    f->stack[3] = b;
    return sched_run_vm(vm, f);
}

static inline void fake_close(GolVM *vm)
{
    Heap *h = fake_heap;
    sched_free_vm(vm);
    heap_free_all(h);
    free(h);
}

#endif
