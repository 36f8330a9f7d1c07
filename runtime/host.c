/* host.c - host threads as Ms, and calls from C into script code; the argument stands in host.h. */
#include "runtime/host.h"

#include <assert.h>
#include <stdlib.h>

#include "runtime/os.h"
#include "runtime/sched_impl.h"
#include "runtime/timer.h"

void host_open(GolVM *vm)
{
    lock_acquire(&vm->lock);
    idle_put(vm, vm->procs[0]); /* which a new VM keeps for sched_run_vm */
    lock_release(&vm->lock);
    vm->host_open = true;
    host_hold(vm, 1);
}

void host_hold(GolVM *vm, int n)
{
    atomic_fetch_add_explicit(&vm->nhandles, (uint32_t)n, memory_order_seq_cst);
}

bool host_inside(GolVM *vm)
{
    M *m = sched_current_m();
    return m && m->vm == vm && m->p && m->block_depth == 0;
}

/* ---- entering and leaving ---- */

static M *new_m(GolVM *vm)
{
    M *m = calloc(1, sizeof *m);
    if (m) {
        m->vm = vm;
        m->is_host = true;
        lock_acquire(&vm->lock);
        m->all_next = vm->all_ms;
        vm->all_ms = m;
        lock_release(&vm->lock);
    }
    return m;
}

static void ms_dropped(GolVM *vm)
{
    atomic_fetch_sub_explicit(&vm->nms, 1, memory_order_seq_cst);
    if (sched_exiting(vm)) {
        os_futex_wake(&vm->nms, UINT32_MAX);
    }
}

M *host_attach(GolVM *vm)
{
    atomic_fetch_add_explicit(&vm->nms, 1, memory_order_seq_cst);
    lock_acquire(&vm->lock);
    bool ended = sched_exiting(vm);
    M *m = ended ? NULL : vm->host_ms;
    if (m) {
        vm->host_ms = m->next_idle;
        /* the monitor costs a system call; for a goroutine alone there is nothing to watch */
        m->p = sched_num_fibers(vm) ? idle_get(vm) : idle_take(vm);
        if (m->p) {
            m->p->m = m;
        }
    }
    lock_release(&vm->lock);
    if (!m && !ended) {
        m = new_m(vm);
    }
    if (!m) {
        ms_dropped(vm);
        return NULL;
    }
    m->outer = sched_current_m();
    sched_set_current_m(m);
    if (!m->p) {
        monitor_need(vm); /* who has the Ps may have to be asked for one */
        m_wait_p(m);
    }
    return m;
}

/* Somebody must wake up for timers or descriptors, and nobody sleeps for them. Under vm->lock. */
static bool needs_keeper(GolVM *vm)
{
    return !vm->keeper && (timer_earliest(vm) != INT64_MAX ||
                           atomic_load_explicit(&vm->nio, memory_order_relaxed) != 0);
}

/* m's P goes to a thread of the VM if there is work for it, else to the idle list. */
static void give_up(M *m)
{
    GolVM *vm = m->vm;
    P *p = m->p;
    for (;;) {
        if (vm_stopping(vm) && !sched_exiting(vm) && !stop_here(p)) {
            m->p = NULL;
            return; /* it was retired meanwhile */
        }
        lock_acquire(&vm->lock);
        if (!vm_stopping(vm) || sched_exiting(vm)) {
            break;
        }
        lock_release(&vm->lock);
    }
    p->fiber = NULL;
    m->p = NULL;
    bool work = !sched_exiting(vm) && !vm->want_p &&
                (proc_has_work(p) || needs_keeper(vm) ||
                 atomic_load_explicit(&vm->nglobq, memory_order_relaxed) != 0);
    if (!work && proc_has_work(p)) {
        Fiber *f;
        while ((f = runq_take_next(p)) != NULL) {
            globq_put(vm, f);
        }
    }
    if (!work) {
        idle_put(vm, p);
    }
    lock_release(&vm->lock);
    if (work) {
        start_p(vm, p, false);
    }
}

/* A thread that had no P leaves: timers and descriptors still need a keeper. */
static void hand_on(GolVM *vm)
{
    lock_acquire(&vm->lock);
    P *p = needs_keeper(vm) && !sched_exiting(vm) ? idle_get(vm) : NULL;
    lock_release(&vm->lock);
    if (p) {
        start_p(vm, p, false);
    }
}

void host_detach(M *m)
{
    GolVM *vm = m->vm;
    if (m->p) {
        give_up(m);
    } else {
        hand_on(vm);
    }
    sched_set_current_m(m->outer);
    m->outer = NULL;
    lock_acquire(&vm->lock);
    m->next_idle = vm->host_ms;
    vm->host_ms = m;
    lock_release(&vm->lock);
    ms_dropped(vm);
}

/* ---- calls ---- */

/* While calls wait the host does not count as one who may still ready something; n is 1 or -1. */
static void count_waiting(GolVM *vm, int n)
{
    lock_acquire(&vm->lock);
    uint32_t before = vm->host_waiting;
    vm->host_waiting += (uint32_t)n;
    if (vm->host_open && (before == 0 || vm->host_waiting == 0)) {
        host_hold(vm, -n);
    }
    lock_release(&vm->lock);
}

static bool is_done(HostCall *c)
{
    return atomic_load_explicit(&c->done, memory_order_acquire) != HOST_RUNS;
}

/* The hold that another thread took when it finished the call. */
static void release_hold(HostCall *c)
{
    if (is_done(c) && c->held) {
        host_hold(c->m->vm, -1);
    }
}

static void begin(M *m, HostCall *c, Fiber *f, bool nested)
{
    assert(host_call_of(f) == c && fiber_status(f) == FIBER_NEW);
    c->m = m;
    c->nested = nested;
    c->held = false;
    c->end = HOST_RUNS;
    atomic_store_explicit(&c->done, HOST_RUNS, memory_order_relaxed);
    sched_take(m->p, f);
}

bool host_run(M *m, HostCall *c, Fiber *f)
{
    GolVM *vm = m->vm;
    begin(m, c, f, false);
    vm->hooks->run(m->p);
    if (!is_done(c)) {
        m->call = c;
        count_waiting(vm, 1);
        m_loop(m);
        count_waiting(vm, -1);
        m->call = NULL;
        release_hold(c);
    }
    return is_done(c);
}

/* The call's fiber has parked, or was preempted: others may have the P. */
static void wait_nested(M *m, HostCall *c)
{
    GolVM *vm = m->vm;
    bool was_host = m->is_host;
    if (m->p) {
        give_up(m);
    }
    count_waiting(vm, 1);
    while (!is_done(c) && !sched_exiting(vm)) {
        lock_acquire(&vm->lock);
        bool asleep = all_asleep(vm);
        lock_release(&vm->lock);
        if (asleep) {
            deadlock_check(vm);
        } else {
            hand_on(vm);
            os_futex_wait(&c->done, HOST_RUNS, 10000000);
        }
    }
    count_waiting(vm, -1);
    m->is_host = true; /* the native must return, also when the VM ends */
    m_wait_p(m);
    m->is_host = was_host;
    release_hold(c);
}

P *host_run_nested(P *p, HostCall *c, Fiber *f)
{
    M *m = sched_current_m();
    Fiber *outer = p->fiber;
    bool was = m->hosted;
    assert(m->p == p);
    fiber_set_status(outer, FIBER_BLOCKING);
    m->hosted = true;
    begin(m, c, f, true);
    p->vm->hooks->run(p);
    m->hosted = was;
    if (!is_done(c) || !m->p) {
        wait_nested(m, c);
    }
    p = m->p;
    p->fiber = outer;
    fiber_set_status(outer, FIBER_RUNNING);
    proc_set_limit(p, outer);
    return p;
}

/* The waiting thread may be running another fiber: ask it to leave that. */
static void tell(GolVM *vm, M *m)
{
    lock_acquire(&vm->lock);
    P *q = m->p;
    if (q && q->m == m) {
        sched_request(q, POLL_PREEMPT);
    }
    m_wake(m);
    lock_release(&vm->lock);
}

bool host_end(P *p, HostEnd end, const Slot *results)
{
    HostCall *c = host_call_of(p->fiber);
    M *waiter = c->m;
    bool nested = c->nested, here = waiter == p->m;
    c->end = end;
    if (end == HOST_RETURNED && c->finish) {
        c->finish(c, p, results);
    }
    if (!here) {
        c->held = true; /* until the waiter has woken up nobody is asleep for good */
        host_hold(p->vm, 1);
    }
    sched_exit(p);
    atomic_store_explicit(&c->done, end, memory_order_release); /* c is the host's from here on */
    if (!here && nested) {
        os_futex_wake(&c->done, 1);
    } else if (!here) {
        tell(p->vm, waiter);
    }
    return here;
}

void host_kill(GolVM *vm, int code)
{
    sched_exit_vm(vm, code);
    for (;;) {
        uint32_t n = atomic_load_explicit(&vm->nms, memory_order_seq_cst);
        if (n <= atomic_load_explicit(&vm->nblocking, memory_order_seq_cst)) {
            break;
        }
        os_futex_wait(&vm->nms, n, 1000000);
    }
    monitor_stop(vm);
}
