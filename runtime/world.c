/* world.c - stopping all Ps, changing their number, blocking sections, fatal ends and dumps.
 *
 * Stop: the stopper sets `stopping` under vm->lock, counts the Ps that run, takes those in blocking
 * sections away from their threads (CAS on status, which carries the section's number so that a
 * P that went round is not mistaken), and leaves idle ones on their list, which idle_get keeps
 * shut. Running threads find the request at their next poll, in find_work, or when they enter a
 * blocking section; each lowers stop_left. enter stores P_BLOCKING, then reads `stopping`; the
 * stopper stores `stopping`, then reads the status (both seq_cst), so one of them settles it.
 *
 * A thread that comes back from a blocking section gets its P back with one CAS, or takes an idle
 * one, or queues in want_p: threads look at nwant_p every 61 switches, at preemption and before
 * idling, and hand their P over.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/choice.h"
#include "runtime/clock.h"
#include "runtime/os.h"
#include "runtime/sched_impl.h"
#include "runtime/timer.h"

/* ---- stop ---- */

static void count_stopped(GolVM *vm)
{
    if (atomic_fetch_sub_explicit(&vm->stop_left, 1, memory_order_seq_cst) == 1) {
        os_futex_wake(&vm->stop_left, UINT32_MAX);
    }
}

bool stop_here(P *p)
{
    GolVM *vm = p->vm;
    M *m = sched_current_m();
    for (;;) {
        lock_acquire(&vm->lock);
        /* p may have been retired while we slept, and be somebody else's by now */
        bool ours = p->m == m;
        uint32_t gen = atomic_load_explicit(&vm->stop_gen, memory_order_seq_cst);
        bool wait = ours && vm_stopping(vm) && vm->stopper != p && !sched_exiting(vm);
        if (wait && proc_status(p) == P_RUNNING) {
            proc_set_status(p, P_STOPPED);
            count_stopped(vm);
        }
        lock_release(&vm->lock);
        if (!ours) {
            m->p = NULL;
        } else if (!wait && p->fiber) {
            fiber_gc_scan(p, p->fiber); /* a cycle may have begun */
        }
        if (!wait) {
            return ours;
        }
        while (atomic_load_explicit(&vm->stop_gen, memory_order_seq_cst) == gen &&
               !sched_exiting(vm)) {
            os_futex_wait(&vm->stop_gen, gen, -1);
        }
    }
}

/* Under vm->lock, `stopping` is set: how many others must still stop. */
static uint32_t stop_count(GolVM *vm, P *self)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < vm->nprocs; i++) {
        P *q = vm->procs[i];
        if (q == self) {
            continue;
        }
        uint32_t s = proc_status(q);
        if (is_blocking(s) &&
            atomic_compare_exchange_strong_explicit(&q->status, &s, P_STOPPED,
                                                    memory_order_seq_cst, memory_order_seq_cst)) {
            q->m = NULL;
            continue;
        }
        if (proc_status(q) == P_RUNNING) {
            left++;
        }
    }
    return left;
}

bool sched_stop_world(P *p)
{
    GolVM *vm = p->vm;
    lock_acquire(&vm->lock);
    if (sched_exiting(vm)) {
        lock_release(&vm->lock);
        return false;
    }
    if (vm_stopping(vm)) {
        bool nested = vm->stopper == p;
        vm->stop_depth += nested;
        lock_release(&vm->lock);
        if (!nested) {
            stop_here(p);
        }
        return nested;
    }
    vm->stopper = p;
    /* threads count themselves off only after they took the lock: the sum is not read before */
    atomic_store_explicit(&vm->stopping, 1, memory_order_seq_cst);
    atomic_store_explicit(&vm->stop_left, stop_count(vm, p), memory_order_seq_cst);
    lock_release(&vm->lock);
    uint32_t left;
    while ((left = atomic_load_explicit(&vm->stop_left, memory_order_seq_cst)) != 0) {
        if (sched_exiting(vm)) {
            return false;
        }
        sched_request_all(vm, POLL_STOP);
        os_futex_wait(&vm->stop_left, left, 1000000);
    }
    return true;
}

void sched_start_world(P *p)
{
    GolVM *vm = p->vm;
    if (vm->stop_depth) {
        vm->stop_depth--;
        return;
    }
    P *loose = NULL;
    lock_acquire(&vm->lock);
    atomic_store_explicit(&vm->stopping, 0, memory_order_seq_cst);
    vm->stopper = NULL;
    for (uint32_t i = 0; i < vm->nprocs; i++) {
        P *q = vm->procs[i];
        atomic_fetch_and_explicit(&q->poll, ~(uint32_t)POLL_STOP, memory_order_seq_cst);
        if (proc_status(q) != P_STOPPED) {
            continue;
        }
        proc_set_status(q, P_RUNNING);
        if (!q->m && proc_has_work(q)) {
            q->next_idle = loose;
            loose = q;
        } else if (!q->m) {
            idle_put(vm, q);
        }
    }
    while (vm->want_p && vm->idle_ps) {
        idle_put(vm, idle_get(vm));
    }
    atomic_fetch_add_explicit(&vm->stop_gen, 1, memory_order_seq_cst);
    lock_release(&vm->lock);
    os_futex_wake(&vm->stop_gen, UINT32_MAX);
    while (loose) {
        P *q = loose;
        loose = q->next_idle;
        start_p(vm, q, false);
    }
    if (!p->solo && atomic_load_explicit(&vm->multi, memory_order_relaxed)) {
        wake_p(vm);
    }
}

/* ---- for the collector ---- */

bool sched_wanted(P *p)
{
    return atomic_load_explicit(&p->poll, memory_order_relaxed) & (POLL_STOP | POLL_KILL);
}

bool sched_yield_to_stop(P *p)
{
    GolVM *vm = p->vm;
    if (sched_exiting(vm) || sched_current_m()->p != p) {
        return false;
    }
    return !vm_stopping(vm) || vm->stopper == p || (stop_here(p) && !sched_exiting(vm));
}

void sched_wake_idle(P *p)
{
    if (!p->solo && !p->vm->seeded &&
        atomic_load_explicit(&p->vm->nidle_ps, memory_order_relaxed) != 0) {
        wake_p(p->vm);
    }
}

/* ---- GOMAXPROCS ---- */

/* World stopped: q stops being a P; what it holds moves on. Under vm->lock. */
static void retire(GolVM *vm, P *q, P *heir)
{
    Fiber *f;
    if (q->fiber && q != heir) {
        fiber_set_status(q->fiber, FIBER_RUNNABLE);
        globq_put(vm, q->fiber);
        q->fiber = NULL;
    }
    while ((f = runq_take_next(q)) != NULL) {
        globq_put(vm, f);
    }
    if (proc_status(q) == P_IDLE) {
        idle_remove(vm, q);
    }
    timer_move_all(q, heir);
    q->m = NULL;
    proc_set_status(q, P_DEAD);
}

static bool make_procs(GolVM *vm, uint32_t *n)
{
    for (uint32_t i = 0; i < *n; i++) {
        if (!vm->procs[i]) {
            P *q = proc_new(vm, i);
            if (!q) {
                *n = i;
                return false;
            }
            proc_set_status(q, P_DEAD);
            vm->procs[i] = q;
        }
    }
    return true;
}

P *sched_set_procs(P *p, uint32_t n)
{
    GolVM *vm = p->vm;
    M *m = sched_current_m();
    n = n < 1 || choice_exact(p) ? 1 : n > MAX_PROCS ? MAX_PROCS : n;
    while (!sched_stop_world(p)) {
        if (sched_exiting(vm) || m->p != p) {
            return p;
        }
    }
    uint32_t old = vm->nprocs;
    make_procs(vm, &n);
    lock_acquire(&vm->lock);
    P *mine = p->id < n ? p : vm->procs[0];
    if (mine != p) {
        /* our P goes: its fiber and thread go on with P 0 */
        Fiber *f = p->fiber;
        p->fiber = NULL;
        if (mine->fiber) {
            fiber_set_status(mine->fiber, FIBER_RUNNABLE);
            globq_put(vm, mine->fiber);
        }
        if (proc_status(mine) == P_IDLE) {
            idle_remove(vm, mine);
        }
        mine->fiber = f;
        mine->m = m;
        m->p = mine;
        proc_set_status(mine, P_RUNNING);
        vm->stopper = mine;
    }
    for (uint32_t i = n; i < old; i++) {
        retire(vm, vm->procs[i], vm->procs[0]);
    }
    vm->nprocs = n;
    for (uint32_t i = 0; i < n; i++) {
        P *q = vm->procs[i];
        q->solo = n == 1;
        if (proc_status(q) == P_DEAD) {
            idle_put(vm, q);
        }
    }
    lock_release(&vm->lock);
    sched_start_world(mine);
    if (mine->fiber) {
        proc_set_limit(mine, mine->fiber);
    }
    return mine;
}

/* ---- blocking sections ---- */

void sched_enter_blocking(P *p)
{
    GolVM *vm = p->vm;
    M *m = sched_current_m();
    if (m->block_depth++) {
        return;
    }
    if (atomic_load_explicit(&vm->multi, memory_order_relaxed)) {
        monitor_need(vm);
    }
    m->block_fiber = p->fiber;
    fiber_set_status(p->fiber, FIBER_BLOCKING);
    if (vm->replay) {
        return; /* how long the kernel takes changes nothing: the P stays with us */
    }
    uint32_t tick = atomic_load_explicit(&p->block_tick, memory_order_relaxed) + 1;
    atomic_store_explicit(&p->block_tick, tick, memory_order_relaxed);
    m->block_status = blocking_status(tick);
    atomic_fetch_add_explicit(&vm->nblocking, 1, memory_order_seq_cst);
    proc_set_status(p, m->block_status);
    if (atomic_load_explicit(&vm->monitor_nap, memory_order_relaxed) &&
        (proc_has_work(p) || atomic_load_explicit(&vm->nglobq, memory_order_relaxed) != 0)) {
        monitor_hurry(vm);
    }
    if (vm_stopping(vm)) {
        lock_acquire(&vm->lock);
        uint32_t s = m->block_status;
        if (vm_stopping(vm) && vm->stopper != p &&
            atomic_compare_exchange_strong_explicit(&p->status, &s, P_STOPPED,
                                                    memory_order_seq_cst, memory_order_seq_cst)) {
            p->m = NULL;
            count_stopped(vm);
        }
        lock_release(&vm->lock);
    }
}

/* The thread is not wanted any more: the VM has ended, or is about to. */
static void leave_for_ever(GolVM *vm)
{
    atomic_fetch_sub_explicit(&vm->nblocking, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&vm->nms, 1, memory_order_seq_cst);
    os_futex_wake(&vm->nms, UINT32_MAX);
    pthread_exit(NULL);
}

/* The VM is ending and the host's thread needs a P to unwind: one whose thread will not return.
 * Under vm->lock. */
static P *take_abandoned(GolVM *vm)
{
    for (uint32_t i = 0; i < vm->nprocs; i++) {
        P *p = vm->procs[i];
        uint32_t s = proc_status(p);
        if (is_blocking(s) &&
            atomic_compare_exchange_strong_explicit(&p->status, &s, P_RUNNING,
                                                    memory_order_seq_cst, memory_order_seq_cst)) {
            return p;
        }
    }
    return NULL;
}

P *m_wait_p(M *m)
{
    GolVM *vm = m->vm;
    m->p = NULL;
    for (;;) {
        lock_acquire(&vm->lock);
        if (sched_exiting(vm) && !m->is_host) {
            lock_release(&vm->lock);
            leave_for_ever(vm);
        }
        P *p = idle_get(vm);
        if (!p && sched_exiting(vm)) {
            p = take_abandoned(vm);
        }
        if (p) {
            p->m = m;
            m->p = p;
            lock_release(&vm->lock);
            return p;
        }
        atomic_store_explicit(&m->wake, 0, memory_order_seq_cst);
        m->next_idle = vm->want_p;
        vm->want_p = m;
        atomic_fetch_add_explicit(&vm->nwant_p, 1, memory_order_relaxed);
        lock_release(&vm->lock);
        monitor_wake(vm);
        os_futex_wait(&m->wake, 0, m->is_host ? 1000000 : -1);
        lock_acquire(&vm->lock);
        for (M **l = &vm->want_p; *l; l = &(*l)->next_idle) {
            if (*l == m) {
                *l = m->next_idle;
                atomic_fetch_sub_explicit(&vm->nwant_p, 1, memory_order_relaxed);
                break;
            }
        }
        lock_release(&vm->lock);
        if (m->p) {
            return m->p;
        }
    }
}

P *sched_exit_blocking(P *p)
{
    M *m = sched_current_m();
    GolVM *vm = m->vm;
    assert(m->block_depth > 0);
    if (--m->block_depth) {
        return p;
    }
    if (vm->replay) {
        fiber_set_status(p->fiber, FIBER_RUNNING);
        return p;
    }
    if (sched_exiting(vm) && !m->is_host) {
        leave_for_ever(vm);
    }
    uint32_t s = m->block_status;
    if (!atomic_compare_exchange_strong_explicit(&p->status, &s, P_RUNNING, memory_order_seq_cst,
                                                 memory_order_seq_cst)) {
        p = m_wait_p(m);
    }
    atomic_fetch_sub_explicit(&vm->nblocking, 1, memory_order_seq_cst);
    p->fiber = m->block_fiber;
    fiber_gc_scan(p, p->fiber);
    fiber_set_status(p->fiber, FIBER_RUNNING);
    proc_set_limit(p, p->fiber);
    return p;
}

/* ---- dumps and fatal ends ---- */

void sink_printf(Sink *s, const char *fmt, ...)
{
    char buf[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    if (n > 0) {
        s->write(s, buf, (size_t)n < sizeof buf ? (size_t)n : sizeof buf - 1);
    }
}

static void stderr_write(Sink *s, const void *data, size_t n)
{
    const char *d = data;
    while (n > 0) {
        ssize_t k = write(2, d, n);
        if (k <= 0) {
            return;
        }
        d += k;
        n -= (size_t)k;
    }
}

Sink sink_stderr = {stderr_write, NULL};

void sched_dump_header(GolVM *vm, Fiber *f, Sink *sink, int64_t now)
{
    sink_printf(sink, "goroutine %" PRIu64 " [%s", f->id, fiber_state_name(f));
    if (fiber_status(f) == FIBER_WAITING) {
        uint32_t seconds = (uint32_t)((now - vm->start_time) / 1000000000) + 1;
        if (!f->since) {
            f->since = seconds;
        }
        int64_t minutes = (seconds - f->since) / 60;
        if (minutes >= 1) {
            sink_printf(sink, ", %" PRId64 " minutes", minutes);
        }
    }
    sink_printf(sink, "]:\n");
}

typedef struct FiberList {
    Fiber **v;
    size_t n, cap;
} FiberList;

static void collect(Fiber *f, void *ctx)
{
    FiberList *l = ctx;
    if (f->flags & FIBER_F_SYSTEM || fiber_status(f) == FIBER_NEW) {
        return;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        Fiber **v = realloc(l->v, cap * sizeof *v);
        if (!v) {
            return;
        }
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = f;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = (*(Fiber *const *)a)->id, y = (*(Fiber *const *)b)->id;
    return x < y ? -1 : x > y;
}

static void dump_one(GolVM *vm, Fiber *f, Sink *sink, int64_t now)
{
    sched_dump_header(vm, f, sink, now);
    if (vm->hooks->traceback) {
        vm->hooks->traceback(f, sink);
    }
}

void sched_dump(GolVM *vm, Fiber *first, Sink *sink)
{
    FiberList l = {0};
    fiber_each(vm, collect, &l);
    if (l.n) {
        qsort(l.v, l.n, sizeof *l.v, by_id);
    }
    int64_t now = clock_now(vm);
    bool any = false;
    if (first) {
        dump_one(vm, first, sink, now);
        any = true;
    }
    for (size_t i = 0; i < l.n; i++) {
        if (l.v[i] != first) {
            sink_printf(sink, any ? "\n" : "");
            dump_one(vm, l.v[i], sink, now);
            any = true;
        }
    }
    free(l.v);
}

void sched_fatal(P *p, const char *fmt, ...)
{
    char msg[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    sched_die(p, "fatal error: ", msg);
}

void sched_die(P *p, const char *kind, const char *msg)
{
    GolVM *vm = p->vm;
    while (!sched_stop_world(p)) {
        if (sched_exiting(vm) || sched_current_m()->p != p) {
            return;
        }
    }
    sink_printf(vm->err, "%s", kind);
    vm->err->write(vm->err, msg, strlen(msg));
    sink_printf(vm->err, "\n\n");
    Fiber *f = p->fiber; /* NULL: it parked before the request was served */
    sched_dump(vm, f && !(f->flags & FIBER_F_SYSTEM) ? f : NULL, vm->err);
    sched_exit_vm(vm, 2);
    sched_start_world(p);
}

/* Called by a thread without a P when nothing can ever run again: no one else touches a fiber. */
void deadlock_check(GolVM *vm)
{
    if (atomic_load_explicit(&vm->watch_until, memory_order_relaxed) && timer_hasten(vm)) {
        atomic_store_explicit(&vm->deadlocked, true, memory_order_release);
        return; /* the test's timeout reports it */
    }
    lock_acquire(&vm->lock);
    bool mine = !sched_exiting(vm) && !vm_stopping(vm) && !vm->dumping;
    vm->dumping = true;
    lock_release(&vm->lock);
    if (!mine) {
        os_sleep(100000);
        return;
    }
    bool main_gone = vm->main_fiber && (fiber_status(vm->main_fiber) == FIBER_DEAD ||
                                        !(vm->main_fiber->flags & FIBER_F_MAIN));
    sink_printf(vm->err, "fatal error: %s\n\n",
                main_gone ? "no goroutines (main called runtime.Goexit) - deadlock!"
                          : "all goroutines are asleep - deadlock!");
    sched_dump(vm, NULL, vm->err);
    sched_exit_vm(vm, 2);
}
