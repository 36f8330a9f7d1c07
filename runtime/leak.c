/* leak.c - partial deadlocks: goroutines that wait for something no live goroutine can reach.
 *
 * With the world stopped and no collection under way, memory is marked anew with bits of the search's
 * own (a checkmark.h Marker). Roots are package variables, armed timers, C roots, finalizers, and the
 * goroutines that need nobody to go on: those that run, are runnable, in a system call, asleep, or wait
 * for a descriptor or the host. A goroutine that waits for a channel, a lock or another object of
 * package sync becomes a root as soon as that object is marked, until a round finds none. Who is left
 * can never be woken: whoever could would have to reach the object. Nil channels and empty selects
 * wake nobody.
 *
 * The answer errs on one side only: what a live goroutine reaches counts as usable although it may
 * never be used. Words outside the heap (locks in package variables) count as reached.
 * After Vila and others, "Dynamic partial deadlock detection and recovery via garbage collection".
 */
#include "runtime/leak.h"

#include <assert.h>
#include <stdlib.h>

#include "runtime/checkmark.h"
#include "runtime/clock.h"
#include "runtime/debugvar.h"
#include "runtime/mark.h"
#include "runtime/os.h"
#include "runtime/sched.h"
#include "runtime/span.h"
#include "runtime/timer.h"

typedef struct Search {
    GolVM *vm;
    Marker m;
    CheckMark c;
    Fiber **waiting; /* not yet found live */
    size_t n, cap;
    bool failed;     /* out of memory */
} Search;

static bool needs_waker(const Fiber *f)
{
    if (fiber_status(f) != FIBER_WAITING || f->flags & FIBER_F_SYSTEM) {
        return false;
    }
    switch ((WaitReason)f->reason) {
    case WAIT_CHAN_RECEIVE:
    case WAIT_CHAN_SEND:
    case WAIT_CHAN_RECEIVE_NIL:
    case WAIT_CHAN_SEND_NIL:
    case WAIT_SELECT:
    case WAIT_SELECT_NO_CASES:
    case WAIT_SEMACQUIRE:
    case WAIT_MUTEX_LOCK:
    case WAIT_RWMUTEX_RLOCK:
    case WAIT_RWMUTEX_LOCK:
    case WAIT_COND_WAIT:
    case WAIT_WAITGROUP_WAIT: return true;
    default: return false;
    }
}

static bool reached(const Search *s, const void *object)
{
    Span *span = object ? pages_span(object) : NULL;
    if (!span || span->heap != s->m.heap) {
        return object != NULL;
    }
    uint32_t i = span_index(span, object);
    if (i >= span->nobj) {
        return true;
    }
    size_t at = ((uintptr_t)span_object(span, i) - pages_base) / 8;
    return s->c.bits[at / 64] >> (at & 63) & 1;
}

static bool can_be_woken(const Search *s, const Fiber *f)
{
    switch ((WaitReason)f->reason) {
    case WAIT_CHAN_RECEIVE_NIL:
    case WAIT_CHAN_SEND_NIL:
    case WAIT_SELECT_NO_CASES: return false;
    case WAIT_CHAN_RECEIVE:
    case WAIT_CHAN_SEND: return reached(s, f->wait.chan);
    case WAIT_SELECT: {
        const Waiter *w = f->wait_obj;
        for (uint32_t i = 0; i < f->nwait; i++) {
            if (reached(s, w[i].chan)) {
                return true;
            }
        }
        return false;
    }
    default: return reached(s, f->wait.addr);
    }
}

static void root_object(void *ctx, void *object) { mark_ptr(ctx, object); }

static void root_slots(void *ctx, Slot *slots, const RType *type)
{
    if (!(type->flags & RT_NOPTR)) {
        mark_range(ctx, slots, type, 1);
    }
}

static void mark_fiber(Search *s, Fiber *f)
{
    s->vm->hooks->scan_fiber(f, &s->m);
    if (fiber_status(f) == FIBER_WAITING) {
        fiber_wait_roots(f, root_object, root_slots, &s->m);
    }
    mark_drain(&s->m, UINT64_MAX / 2);
}

static void sort_out(Fiber *f, void *ctx)
{
    Search *s = ctx;
    if (!needs_waker(f)) {
        mark_fiber(s, f);
        return;
    }
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        Fiber **v = realloc(s->waiting, cap * sizeof *v);
        if (!v) {
            s->failed = true;
            return;
        }
        s->waiting = v;
        s->cap = cap;
    }
    s->waiting[s->n++] = f;
}

static void root_timer(Timer *t, void *ctx)
{
    mark_ptr(ctx, t);
    mark_ptr(ctx, t->target);
}

static void mark_roots(Search *s)
{
    GolVM *vm = s->vm;
    uint32_t globals = vm->hooks->count_globals ? vm->hooks->count_globals(vm) : 0;
    for (uint32_t i = 0; i < globals; i++) {
        vm->hooks->scan_globals(vm, &s->m, i);
    }
    for (uint32_t i = 0; i < MAX_PROCS && vm->procs[i]; i++) {
        timer_scan(vm->procs[i], true, root_timer, &s->m);
    }
    for (HeapRoot *r = s->m.heap->roots; r; r = r->next) {
        mark_ptr(&s->m, r->ptr);
    }
    mark_drain(&s->m, UINT64_MAX / 2);
    finalizer_mark_begin(s->m.heap);
    while (finalizer_mark_step(s->m.heap, &s->m)) {
    }
    mark_drain(&s->m, UINT64_MAX / 2);
    fiber_each(vm, sort_out, s);
}

/* World stopped, no collection under way. */
static void search(Search *s)
{
    mark_roots(s);
    for (size_t before = SIZE_MAX; s->n < before && !s->failed;) {
        before = s->n;
        size_t left = 0;
        for (size_t i = 0; i < before; i++) {
            if (can_be_woken(s, s->waiting[i])) {
                mark_fiber(s, s->waiting[i]);
            } else {
                s->waiting[left++] = s->waiting[i];
            }
        }
        s->n = left;
    }
    s->failed |= atomic_exchange_explicit(&s->m.heap->overflow, 0, memory_order_relaxed) != 0;
    mark_publish(&s->m);
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = (*(Fiber *const *)a)->id, y = (*(Fiber *const *)b)->id;
    return x < y ? -1 : x > y;
}

static void print(Search *s, Sink *sink)
{
    if (s->n) {
        qsort(s->waiting, s->n, sizeof *s->waiting, by_id);
    }
    for (size_t i = 0; i < s->n; i++) {
        sink_printf(sink, i ? "\n" : "");
        sched_dump_header(s->vm, s->waiting[i], sink, clock_now(s->vm));
        s->vm->hooks->traceback(s->waiting[i], sink);
    }
}

/* The world stopped between two collections. False: the VM ends. */
static bool stop_between(P *p)
{
    GolVM *vm = p->vm;
    for (;;) {
        gc_run(p, true);
        if (sched_exiting(vm) || sched_current_m()->p != p) {
            return false;
        }
        if (sched_stop_world(p)) {
            if (!gc_marking(vm->heap)) {
                return true;
            }
            sched_start_world(p);
        }
    }
}

int64_t leak_report(P *p, Sink *sink)
{
    GolVM *vm = p->vm;
    if (!stop_between(p)) {
        return -1;
    }
    Search s = {.vm = vm, .c = {.bytes = pages_reserved_top() / 64 + 64, .quiet = true}};
    int64_t found = -1;
    s.c.bits = os_map(s.c.bytes);
    if (s.c.bits) {
        mark_init(&s.m, vm->heap);
        s.m.check = &s.c;
        search(&s);
        if (!s.failed) {
            print(&s, sink);
            found = (int64_t)s.n;
        }
        os_unmap(s.c.bits, s.c.bytes);
    }
    free(s.waiting);
    sched_start_world(p);
    return found;
}

/* The heading is known only after the search: the first write brings it. */
typedef struct Headed {
    Sink sink;
    Sink *to;
    bool begun;
} Headed;

static void write_headed(Sink *sink, const void *data, size_t n)
{
    Headed *h = sink->ctx;
    if (!h->begun && n) {
        h->begun = true;
        sink_printf(h->to, "leakcheck: goroutines that nothing can wake:\n\n");
    }
    h->to->write(h->to, data, n);
}

void leak_at_exit(P *p)
{
    if (p->vm->debug[DEBUG_LEAKCHECK] > 0) {
        Headed h = {.to = p->vm->err};
        h.sink = (Sink){write_headed, &h};
        leak_report(p, &h.sink);
    }
}
