/* sched.c - threads and their search for work; parking, readying, waking.
 *
 * A thread (M) with a P runs hooks->run, which switches fibers by itself with sched_next. Only when
 * the P has nothing at hand, or something out of the ordinary is up, it comes back to find_work:
 * due timers, global queue, descriptors, stealing. Then the P goes to the idle list and the thread
 * sleeps. One sleeping thread is the keeper: it sleeps only until the earliest timer of all Ps, or
 * in epoll_wait.
 *
 * Lost wake-ups. Who submits work stores it, then (seq_cst) looks at nidle_ps and nspinning, and
 * wakes an idle P if nobody spins. Who stops searching first puts its P on the idle list and lowers
 * nspinning (seq_cst), then looks at all queues once more. One of the two sees the other. A
 * spinner that finds work wakes the next one, so the number of running threads grows with the work.
 *
 * Throttle. In a ping-pong over run-next there is never anything to steal, and waking a thread each
 * time would cost more than the switch. So a wake-up for run-next alone is left out wake_skip
 * times; wake_backoff doubles when a spinner found nothing and is reset when one found work. A
 * fiber that sits in run-next behind one that does not park is run after the monitor's preemption.
 * Work in the queue proper always wakes.
 *
 * The end. sched_exit_vm sets `exiting`; every thread leaves at its next look. Threads in blocking
 * sections never come back (sched_exit_blocking ends them), apart from the host's own.
 */
#include "runtime/sched.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/choice.h"
#include "runtime/clock.h"
#include "runtime/debugvar.h"
#include "runtime/fiberslab.h"
#include "runtime/host.h"
#include "runtime/netpoll.h"
#include "runtime/os.h"
#include "runtime/quit.h"
#include "runtime/rand.h"
#include "runtime/sched_impl.h"
#include "runtime/select.h"
#include "runtime/sema.h"
#include "runtime/timer.h"

enum { STEAL_ROUNDS = 4, BACKOFF_MAX = 65535 };

static _Thread_local M *current_m;

M *sched_current_m(void)
{
    return current_m;
}

void sched_set_current_m(M *m)
{
    current_m = m;
}

/* ---- a VM's life ---- */

P *proc_new(GolVM *vm, uint32_t id)
{
    P *p = aligned_alloc(_Alignof(P), (sizeof(P) + _Alignof(P) - 1) / _Alignof(P) * _Alignof(P));
    if (!p) {
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->id = id;
    p->vm = vm;
    p->solo = vm->nprocs == 1;
    atomic_store_explicit(&p->next_timer, INT64_MAX, memory_order_relaxed);
    rand_seed_proc(p, vm->seed);
    p->move_stack = vm->debug[DEBUG_STACKSTRESS] > 0;
    choice_init_proc(p);
    if (vm->hooks->proc_init && !vm->hooks->proc_init(p)) {
        free(p);
        return NULL;
    }
    return p;
}

static uint32_t default_procs(void)
{
    const char *s = getenv("GOMAXPROCS");
    long n = s ? strtol(s, NULL, 10) : 0;
    if (n <= 0) {
        n = os_ncpu();
    }
    return n > MAX_PROCS ? MAX_PROCS : (uint32_t)n;
}

GolVM *sched_new_vm(const VMHooks *hooks, uint32_t nprocs, void *vmdata)
{
    GolVM *vm = calloc(1, sizeof *vm);
    if (!vm) {
        return NULL;
    }
    vm->hooks = hooks;
    vm->vmdata = vmdata;
    vm->err = &sink_stderr;
    debugvar_parse(vm, getenv("GODEBUG"));
    vm->seed = (uint64_t)(uint32_t)vm->debug[DEBUG_SEED];
    vm->seeded = vm->seed != 0;
    if (!vm->seeded) {
        vm->seed = rand_from_os();
    }
    vm->fiber_stack_max = 1000000000 / sizeof(Slot);
    vm->start_time = os_now();
    atomic_store_explicit(&vm->fiber_ids, 1, memory_order_relaxed);
    atomic_store_explicit(&vm->chan_ids, 1, memory_order_relaxed);
    atomic_store_explicit(&vm->keeper_until, INT64_MIN, memory_order_relaxed);
    vm->nprocs = nprocs ? nprocs : default_procs();
    if (vm->nprocs > MAX_PROCS) {
        vm->nprocs = MAX_PROCS;
    }
    vm->semas = sema_table_new();
    for (uint32_t i = 0; vm->semas && i < vm->nprocs; i++) {
        vm->procs[i] = proc_new(vm, i);
        if (!vm->procs[i]) {
            sched_free_vm(vm);
            return NULL;
        }
    }
    if (!vm->semas) {
        free(vm);
        return NULL;
    }
    if (vm->debug[DEBUG_SCHEDSTRESS] > 0) {
        choice_seed(vm, CHOICE_PERTURB, vm->seed);
    }
    for (uint32_t i = vm->nprocs; i-- > 1;) {
        idle_put(vm, vm->procs[i]);
    }
    return vm;
}

void sched_free_vm(GolVM *vm)
{
    if (atomic_load_explicit(&vm->nms, memory_order_acquire) != 0) {
        return; /* a thread sits in a native that does not return: the state stays for it */
    }
    fiber_free_all(vm);
    for (uint32_t i = 0; i < MAX_PROCS && vm->procs[i]; i++) {
        P *p = vm->procs[i];
        if (vm->hooks->proc_free) {
            vm->hooks->proc_free(p);
        }
        select_free_pool(p);
        free(p->timers);
        free(p);
    }
    while (vm->all_ms) {
        M *m = vm->all_ms;
        vm->all_ms = m->all_next;
        free(m);
    }
    netpoll_free(vm);
    if (vm->semas) {
        sema_table_free(vm->semas);
    }
    free(vm);
}

static void wake_everybody(GolVM *vm)
{
    lock_acquire(&vm->lock);
    for (M *m = vm->idle_ms; m; m = m->next_idle) {
        m_wake(m);
    }
    for (M *m = vm->want_p; m; m = m->next_idle) {
        m_wake(m);
    }
    atomic_fetch_add_explicit(&vm->stop_gen, 1, memory_order_seq_cst);
    lock_release(&vm->lock);
    os_futex_wake(&vm->stop_gen, UINT32_MAX);
    os_futex_wake(&vm->stop_left, UINT32_MAX);
    sched_request_all(vm, POLL_KILL);
    monitor_wake(vm);
}

void sched_exit_vm(GolVM *vm, int code)
{
    lock_acquire(&vm->lock);
    bool first = !sched_exiting(vm);
    if (first) {
        vm->exit_code = code;
        atomic_store_explicit(&vm->exiting, 1, memory_order_seq_cst);
    }
    lock_release(&vm->lock);
    if (first) {
        wake_everybody(vm);
    }
}

/* ---- idle Ps and threads ---- */

void idle_put(GolVM *vm, P *p)
{
    M *m = vm->want_p;
    if (m && (!vm_stopping(vm) || sched_exiting(vm))) {
        vm->want_p = m->next_idle;
        atomic_fetch_sub_explicit(&vm->nwant_p, 1, memory_order_relaxed);
        proc_set_status(p, P_RUNNING);
        p->m = m;
        m->p = p;
        m_wake(m);
        return;
    }
    p->m = NULL;
    proc_set_status(p, P_IDLE);
    p->next_idle = vm->idle_ps;
    vm->idle_ps = p;
    atomic_fetch_add_explicit(&vm->nidle_ps, 1, memory_order_seq_cst);
}

P *idle_get(GolVM *vm)
{
    P *p = idle_take(vm);
    if (p && atomic_load_explicit(&vm->monitor_state, memory_order_seq_cst) == 2) {
        monitor_wake(vm);
    }
    return p;
}

P *idle_take(GolVM *vm)
{
    P *p = vm->idle_ps;
    if (!p || (vm_stopping(vm) && !sched_exiting(vm))) {
        return NULL;
    }
    vm->idle_ps = p->next_idle;
    atomic_fetch_sub_explicit(&vm->nidle_ps, 1, memory_order_seq_cst);
    proc_set_status(p, P_RUNNING);
    return p;
}

void idle_remove(GolVM *vm, P *p)
{
    for (P **l = &vm->idle_ps; *l; l = &(*l)->next_idle) {
        if (*l == p) {
            *l = p->next_idle;
            atomic_fetch_sub_explicit(&vm->nidle_ps, 1, memory_order_seq_cst);
            return;
        }
    }
}

void m_wake(M *m)
{
    atomic_store_explicit(&m->wake, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&m->in_poll, memory_order_seq_cst)) {
        netpoll_break(m->vm);
    } else {
        os_futex_wake(&m->wake, 1);
    }
}

static bool find_work(M *m);

void m_loop(M *m)
{
    while (find_work(m)) {
        m->vm->hooks->run(m->p);
    }
}

/* The thread's end; m may be freed as soon as nms drops. */
static void m_ended(GolVM *vm)
{
    atomic_fetch_sub_explicit(&vm->nms, 1, memory_order_seq_cst);
    os_futex_wake(&vm->nms, UINT32_MAX);
}

/* The gol command: when the host's thread sits in the kernel (reading a terminal, say) the end of
 * the program is ours to make. */
static void end_process(GolVM *vm)
{
    for (int i = 0; vm->owns_process; i++) {
        if (atomic_load_explicit(&vm->host_done, memory_order_seq_cst) ||
            atomic_load_explicit(&vm->nblocking, memory_order_seq_cst) == 0) {
            return;
        }
        if (i == 30) {
            _exit(vm->exit_code);
        }
        os_sleep(1000000);
    }
}

static void *m_thread(void *arg)
{
    M *m = arg;
    current_m = m;
    m_loop(m);
    end_process(m->vm);
    m_ended(m->vm);
    return NULL;
}

/* An idle thread, the keeper last. Under vm->lock. */
static M *take_idle_m(GolVM *vm)
{
    M **l = &vm->idle_ms;
    if (*l && *l == vm->keeper && (*l)->next_idle) {
        l = &(*l)->next_idle;
    }
    M *m = *l;
    if (m) {
        *l = m->next_idle;
    }
    return m;
}

static void start_thread(GolVM *vm, P *p, bool spinning)
{
    M *m = calloc(1, sizeof *m);
    if (m) {
        m->vm = vm;
        m->p = p;
        m->spinning = spinning;
        lock_acquire(&vm->lock);
        p->m = m;
        m->all_next = vm->all_ms;
        vm->all_ms = m;
        lock_release(&vm->lock);
        atomic_fetch_add_explicit(&vm->nms, 1, memory_order_seq_cst);
        if (os_thread_start(&m->thread, m_thread, m, "gol-m")) {
            return;
        }
        m->p = NULL;
        atomic_fetch_sub_explicit(&vm->nms, 1, memory_order_seq_cst);
    }
    if (spinning) {
        atomic_fetch_sub_explicit(&vm->nspinning, 1, memory_order_seq_cst);
    }
    /* no thread to be had: what p holds goes to the others */
    Fiber *f;
    while ((f = runq_take_next(p)) != NULL) {
        lock_acquire(&vm->lock);
        globq_put(vm, f);
        lock_release(&vm->lock);
    }
    lock_acquire(&vm->lock);
    idle_put(vm, p);
    lock_release(&vm->lock);
}

void start_p(GolVM *vm, P *p, bool spinning)
{
    lock_acquire(&vm->lock);
    M *m = sched_exiting(vm) ? NULL : take_idle_m(vm);
    if (m) {
        p->m = m;
        m->p = p;
        m->spinning = spinning;
    }
    bool dead = sched_exiting(vm);
    if (dead) {
        idle_put(vm, p);
    }
    lock_release(&vm->lock);
    if (m) {
        m_wake(m);
        return;
    }
    if (!dead) {
        monitor_need(vm);
        start_thread(vm, p, spinning);
    } else if (spinning) {
        atomic_fetch_sub_explicit(&vm->nspinning, 1, memory_order_seq_cst);
    }
}

void wake_p(GolVM *vm)
{
    uint32_t zero = 0;
    if (atomic_load_explicit(&vm->nidle_ps, memory_order_seq_cst) == 0 ||
        !atomic_compare_exchange_strong_explicit(&vm->nspinning, &zero, 1, memory_order_seq_cst,
                                                 memory_order_relaxed)) {
        return;
    }
    lock_acquire(&vm->lock);
    P *p = sched_exiting(vm) ? NULL : idle_get(vm);
    lock_release(&vm->lock);
    if (p) {
        start_p(vm, p, true);
    } else {
        atomic_fetch_sub_explicit(&vm->nspinning, 1, memory_order_seq_cst);
    }
}

bool proc_has_work(P *p)
{
    return !runq_empty(p) || atomic_load_explicit(&p->runnext, memory_order_relaxed) != NULL;
}

/* ---- sleeping ---- */

/* Timers that may wake somebody: not those at or after the end of a test's time. */
static bool timers_pending(GolVM *vm)
{
    int64_t until = atomic_load_explicit(&vm->watch_until, memory_order_relaxed);
    return timer_earliest(vm) < (until ? until : INT64_MAX);
}

/* All Ps idle and nothing that could ever wake one: Go's deadlock. Under vm->lock. */
bool all_asleep(GolVM *vm)
{
    return atomic_load_explicit(&vm->nidle_ps, memory_order_seq_cst) == vm->nprocs &&
           atomic_load_explicit(&vm->nglobq, memory_order_seq_cst) == 0 &&
           atomic_load_explicit(&vm->nblocking, memory_order_seq_cst) == 0 &&
           atomic_load_explicit(&vm->nio, memory_order_seq_cst) == 0 &&
           atomic_load_explicit(&vm->nhandles, memory_order_seq_cst) == 0 &&
           !timers_pending(vm) && !vm_stopping(vm) && !sched_exiting(vm);
}

/* Keeper: sleeps until woken, a timer is due, or a descriptor is ready. */
static void keeper_sleep(M *m, Fiber **events)
{
    GolVM *vm = m->vm;
    int64_t when = timer_earliest(vm);
    atomic_store_explicit(&vm->keeper_until, when, memory_order_seq_cst);
    int64_t again = timer_earliest(vm); /* pairs with timer_added */
    when = again < when ? again : when;
    int64_t ns = -1;
    if (quit_wanted(vm)) {
        return;
    }
    if (vm->replay && when != INT64_MAX) {
        clock_set(vm, when);
    }
    if (when != INT64_MAX) {
        int64_t now = clock_now(vm);
        ns = when > now ? when - now : 0;
    }
    if (vm->netpoll) {
        atomic_store_explicit(&m->in_poll, 1, memory_order_seq_cst);
        if (atomic_load_explicit(&m->wake, memory_order_seq_cst) == 0) {
            netpoll_collect(vm, ns, events);
        }
        atomic_store_explicit(&m->in_poll, 0, memory_order_seq_cst);
    } else if (ns != 0) {
        os_futex_wait(&m->wake, 0, ns);
    }
}

static void queue_events(GolVM *vm, Fiber *list)
{
    while (list) {
        Fiber *f = list;
        list = f->next;
        fiber_set_status(f, FIBER_RUNNABLE);
        globq_put(vm, f);
        atomic_fetch_sub_explicit(&vm->nio, 1, memory_order_seq_cst);
    }
}

/* The host call that m waits for has ended: the thread is wanted by its host. */
static bool call_done(M *m)
{
    return m->call && atomic_load_explicit(&m->call->done, memory_order_acquire) != 0;
}

/* m has no P: sleeps until somebody gives it one or there is a reason to take one. On return it
 * has a P, or the VM is ending. */
static void m_sleep(M *m)
{
    GolVM *vm = m->vm;
    while (!sched_exiting(vm) && !call_done(m)) {
        lock_acquire(&vm->lock);
        bool due = atomic_load_explicit(&vm->nglobq, memory_order_relaxed) != 0 ||
                   (m->is_host && quit_wanted(vm));
        if (!due && vm->idle_ps) {
            int64_t when = timer_earliest(vm);
            due = when != INT64_MAX && when <= clock_now(vm);
        }
        if (due && (m->p = idle_get(vm)) != NULL) {
            m->p->m = m;
            lock_release(&vm->lock);
            m->spinning = true; /* there may be more: the next one is woken when work is found */
            atomic_fetch_add_explicit(&vm->nspinning, 1, memory_order_seq_cst);
            return;
        }
        /* the call's end and its wake-up come in this order, the latter under the lock */
        if (sched_exiting(vm) || call_done(m)) {
            lock_release(&vm->lock);
            return;
        }
        if (all_asleep(vm)) {
            lock_release(&vm->lock);
            deadlock_check(vm);
            continue;
        }
        atomic_store_explicit(&m->wake, 0, memory_order_seq_cst);
        m->next_idle = vm->idle_ms;
        vm->idle_ms = m;
        bool keeper = !vm->keeper && vm->idle_ps && !vm_stopping(vm);
        if (keeper) {
            vm->keeper = m;
        }
        lock_release(&vm->lock);
        Fiber *events = NULL;
        if (keeper) {
            keeper_sleep(m, &events);
        } else {
            while (atomic_load_explicit(&m->wake, memory_order_acquire) == 0 &&
                   !sched_exiting(vm) && !quit_wanted(vm)) {
                os_futex_wait(&m->wake, 0, -1);
            }
        }
        lock_acquire(&vm->lock);
        /* the role ends only here: two threads in epoll_wait could take each other's break */
        if (keeper) {
            assert(vm->keeper == m);
            vm->keeper = NULL;
            atomic_store_explicit(&vm->keeper_until, INT64_MIN, memory_order_seq_cst);
        }
        queue_events(vm, events);
        for (M **l = &vm->idle_ms; *l; l = &(*l)->next_idle) {
            if (*l == m) {
                *l = m->next_idle;
                break;
            }
        }
        lock_release(&vm->lock);
        if (m->p) {
            if (keeper && !m->spinning) {
                m->spinning = true; /* when it finds work it wakes the next keeper */
                atomic_fetch_add_explicit(&vm->nspinning, 1, memory_order_seq_cst);
            }
            return;
        }
    }
}

/* ---- finding work ---- */

static void stop_spinning(M *m, bool found)
{
    GolVM *vm = m->vm;
    if (!m->spinning) {
        return;
    }
    m->spinning = false;
    atomic_fetch_sub_explicit(&vm->nspinning, 1, memory_order_seq_cst);
    if (found) {
        atomic_store_explicit(&vm->wake_backoff, 0, memory_order_relaxed);
        wake_p(vm);
    } else {
        uint32_t b = atomic_load_explicit(&vm->wake_backoff, memory_order_relaxed) * 2 + 1;
        atomic_store_explicit(&vm->wake_backoff, b > BACKOFF_MAX ? BACKOFF_MAX : b,
                              memory_order_relaxed);
    }
}

/* The victim's run-next, if it has been standing there while we looked for some microseconds. */
static Fiber *steal_next(GolVM *vm, P *victim)
{
    Fiber *f = atomic_load_explicit(&victim->runnext, memory_order_acquire);
    uint32_t tick = atomic_load_explicit(&victim->sched_tick, memory_order_relaxed);
    if (!f) {
        return NULL;
    }
    for (int i = 0; i < 200; i++) {
        os_pause();
        if (atomic_load_explicit(&victim->runnext, memory_order_relaxed) != f ||
            atomic_load_explicit(&victim->sched_tick, memory_order_relaxed) != tick ||
            vm_stopping(vm) || sched_exiting(vm)) {
            return NULL;
        }
    }
    return atomic_compare_exchange_strong_explicit(&victim->runnext, &f, NULL, memory_order_acq_rel,
                                                   memory_order_relaxed) ? f : NULL;
}

static Fiber *steal(M *m, P *p)
{
    GolVM *vm = p->vm;
    for (int round = 0; round < STEAL_ROUNDS; round++) {
        uint32_t start = sched_choose(p, CHOICE_VICTIM, vm->nprocs);
        for (uint32_t i = 0; i < vm->nprocs; i++) {
            P *q = vm->procs[(start + i) % vm->nprocs];
            if (q == p) {
                continue;
            }
            if (vm_stopping(vm) || sched_exiting(vm)) {
                return NULL;
            }
            Fiber *f = runq_steal(p, q);
            if (!f && atomic_load_explicit(&q->next_timer, memory_order_relaxed) != INT64_MAX &&
                round == 0 && timer_run(p, q, clock_now(vm))) {
                f = runq_take_next(p);
            }
            if (!f && round > 0) {
                f = steal_next(vm, q);
            }
            if (f) {
                return f;
            }
        }
        for (int i = 0; i < 30; i++) {
            os_pause();
        }
    }
    return NULL;
}

static Fiber *poll_io(GolVM *vm)
{
    Fiber *list = NULL;
    if (vm->netpoll && atomic_load_explicit(&vm->nio, memory_order_relaxed) != 0 &&
        netpoll_collect(vm, 0, &list)) {
        lock_acquire(&vm->lock);
        queue_events(vm, list);
        lock_release(&vm->lock);
    }
    return list;
}

/* p's own places, in order; tick is a multiple of 61 when the global queue comes first. */
static Fiber *take_local(P *p, bool global_first)
{
    GolVM *vm = p->vm;
    if (atomic_load_explicit(&p->next_timer, memory_order_relaxed) != INT64_MAX) {
        timer_run(p, p, clock_now(p->vm));
    }
    Fiber *f = global_first ? globq_get(p, 1) : NULL;
    if (!f) {
        f = runq_take_next(p);
    }
    if (!f && atomic_load_explicit(&vm->nglobq, memory_order_relaxed) != 0) {
        f = globq_get(p, 0);
    }
    return f;
}

Fiber *sched_next_slow(P *p)
{
    uint32_t bits = atomic_load_explicit(&p->poll, memory_order_relaxed);
    if (bits & ~(uint32_t)(POLL_PREEMPT | POLL_TIMER)) {
        return NULL;
    }
    if (bits) {
        atomic_fetch_and_explicit(&p->poll, ~(uint32_t)(POLL_PREEMPT | POLL_TIMER),
                                  memory_order_acq_rel);
        Fiber *next = bits & POLL_PREEMPT ? runq_swap_next(p, NULL) : NULL;
        if (next) {
            runq_put(p, next); /* a pair over run-next shares one time slice: it is over */
        }
    }
    uint32_t tick = atomic_load_explicit(&p->sched_tick, memory_order_relaxed);
    bool every = tick % 61 == 0;
    if (every && atomic_load_explicit(&p->vm->nwant_p, memory_order_relaxed) != 0) {
        return NULL;
    }
    Fiber *f = take_local(p, every);
    return f ? sched_take(p, f) : NULL;
}

/* Requests that want a thread without a running fiber. False: the thread lost its P. */
static bool serve_requests(M *m, P *p)
{
    uint32_t bits = atomic_exchange_explicit(&p->poll, 0, memory_order_acq_rel);
    if (sched_exiting(p->vm)) {
        return true;
    }
    if (vm_stopping(p->vm) && !stop_here(p)) {
        return false;
    }
    if (bits & POLL_QUIT) {
        sched_die(p, "SIGQUIT: quit", "");
        return m->p == p;
    }
    if (bits & POLL_GC && p->vm->hooks->gc) {
        p->vm->hooks->gc(p);
    }
    if (m->p == p && bits & POLL_VM && p->vm->hooks->poll_vm) {
        p->vm->hooks->poll_vm(p);
    }
    return m->p == p;
}

/* Gives the P away: to a thread that waits for one, or to the idle list. False: there is work after
 * all and the P is kept. */
static bool release_p(M *m, P *p)
{
    GolVM *vm = m->vm;
    lock_acquire(&vm->lock);
    if (sched_exiting(vm) || vm_stopping(vm) || proc_has_work(p) ||
        (!vm->want_p && atomic_load_explicit(&vm->nglobq, memory_order_relaxed) != 0)) {
        lock_release(&vm->lock);
        return false;
    }
    m->p = NULL;
    p->fiber = NULL;
    slab_idle(p);
    idle_put(vm, p);
    lock_release(&vm->lock);
    return true;
}

/* After giving up the P: was anything submitted meanwhile by somebody who saw us spinning? */
static bool recheck(M *m)
{
    GolVM *vm = m->vm;
    for (uint32_t i = 0; i < vm->nprocs; i++) {
        if (!runq_empty(vm->procs[i])) {
            lock_acquire(&vm->lock);
            P *p = sched_exiting(vm) ? NULL : idle_get(vm);
            if (p) {
                p->m = m;
                m->p = p;
            }
            lock_release(&vm->lock);
            return p != NULL;
        }
    }
    return false;
}

static Fiber *search(M *m, P *p)
{
    GolVM *vm = p->vm;
    if (atomic_load_explicit(&vm->nwant_p, memory_order_relaxed) != 0) {
        return NULL;
    }
    uint32_t tick = atomic_load_explicit(&p->sched_tick, memory_order_relaxed);
    Fiber *f = take_local(p, tick % 61 == 0);
    if (!f && poll_io(vm)) {
        f = globq_get(p, 0);
    }
    if (f || p->solo) {
        return f;
    }
    uint32_t busy = vm->nprocs - atomic_load_explicit(&vm->nidle_ps, memory_order_relaxed);
    if (!m->spinning &&
        2 * atomic_load_explicit(&vm->nspinning, memory_order_relaxed) < busy) {
        m->spinning = true;
        atomic_fetch_add_explicit(&vm->nspinning, 1, memory_order_seq_cst);
    }
    return m->spinning ? steal(m, p) : NULL;
}

/* Work that stands in a P's own queue although its thread gives the P to somebody else. */
static void queue_to_global(P *p)
{
    Fiber *f;
    while ((f = runq_take_next(p)) != NULL) {
        lock_acquire(&p->vm->lock);
        globq_put(p->vm, f);
        lock_release(&p->vm->lock);
    }
}

/* Nothing to run: a moment for the collector, which nobody takes for a search for fibers. */
static bool gc_work(M *m, P *p)
{
    GolVM *vm = m->vm;
    if (!vm->hooks->gc_idle || !vm->heap || !gc_has_work(vm->heap)) {
        return false;
    }
    stop_spinning(m, false);
    return vm->hooks->gc_idle(p) || m->p != p;
}

static bool find_work(M *m)
{
    GolVM *vm = m->vm;
    for (;;) {
        P *p = m->p;
        if (sched_exiting(vm)) {
            stop_spinning(m, false);
            if (p) {
                m->p = NULL;
                lock_acquire(&vm->lock);
                idle_put(vm, p);
                lock_release(&vm->lock);
            }
            return false;
        }
        if (call_done(m)) {
            stop_spinning(m, true);
            return false;
        }
        if (!p) {
            stop_spinning(m, false);
            m_sleep(m);
            continue;
        }
        assert(p->m == m);
        p->fiber = NULL;
        if ((vm_stopping(vm) || proc_poll_pending(p)) && !serve_requests(m, p)) {
            continue;
        }
        if (vm_stopping(vm) || sched_exiting(vm)) {
            continue;
        }
        Fiber *f = search(m, p);
        if (f) {
            stop_spinning(m, true);
            uint32_t tick = atomic_load_explicit(&p->sched_tick, memory_order_relaxed);
            atomic_store_explicit(&p->sched_tick, tick + 1, memory_order_relaxed);
            sched_take(p, f);
            return true;
        }
        if (atomic_load_explicit(&vm->nwant_p, memory_order_relaxed) != 0) {
            queue_to_global(p);
        } else if (gc_work(m, p)) {
            continue;
        }
        if (!release_p(m, p)) {
            continue;
        }
        stop_spinning(m, false);
        if (!recheck(m)) {
            m_sleep(m);
        }
    }
}

int sched_run_vm(GolVM *vm, Fiber *main)
{
    M *m = calloc(1, sizeof *m);
    if (!m) {
        return 2;
    }
    P *p = vm->procs[0];
    m->vm = vm;
    m->p = p;
    m->is_host = true;
    m->outer = current_m;
    m->all_next = vm->all_ms;
    vm->all_ms = m;
    p->m = m;
    proc_set_status(p, P_RUNNING);
    atomic_fetch_add_explicit(&vm->nms, 1, memory_order_seq_cst);
    main->flags |= FIBER_F_MAIN;
    vm->main_fiber = main;
    fiber_set_status(main, FIBER_RUNNABLE);
    runq_swap_next(p, main);
    current_m = m;
    if (vm->owns_process && !vm->session) {
        quit_catch(vm);
    }
    m_loop(m);
    quit_forget();
    atomic_store_explicit(&vm->host_done, 1, memory_order_seq_cst);
    current_m = m->outer;
    monitor_stop(vm);
    /* wait for the others, but for those that sit in the kernel */
    for (;;) {
        uint32_t n = atomic_load_explicit(&vm->nms, memory_order_seq_cst);
        if (n - 1 <= atomic_load_explicit(&vm->nblocking, memory_order_seq_cst)) {
            break;
        }
        os_futex_wait(&vm->nms, n, 10000000);
    }
    atomic_fetch_sub_explicit(&vm->nms, 1, memory_order_seq_cst);
    return vm->exit_code;
}

/* ---- fibers ---- */

/* There is new work in p's run-next; backlog: also in its queue. */
static inline void submit_wake(P *p, bool backlog)
{
    GolVM *vm = p->vm;
    if (p->solo || atomic_load_explicit(&vm->nidle_ps, memory_order_seq_cst) == 0 ||
        atomic_load_explicit(&vm->nspinning, memory_order_seq_cst) != 0) {
        return;
    }
    if (!backlog) {
        if (p->wake_skip) {
            p->wake_skip--;
            return;
        }
        p->wake_skip = atomic_load_explicit(&vm->wake_backoff, memory_order_relaxed);
    }
    wake_p(vm);
}

/* A chooser is in charge: f goes where it says; false: into run-next as ever. */
static __attribute__((noinline, cold)) bool place_chosen(P *p, Fiber *f)
{
    if (choice_exact(p)) {
        lock_acquire(&p->vm->lock);
        globq_put(p->vm, f);
        lock_release(&p->vm->lock);
        return true;
    }
    if (sched_choose(p, CHOICE_YIELD, 2) == 0) {
        return false;
    }
    runq_put(p, f);
    submit_wake(p, true);
    return true;
}

static inline void make_next(P *p, Fiber *f)
{
    fiber_set_status(f, FIBER_RUNNABLE);
    if (__builtin_expect(p->chosen, 0) && place_chosen(p, f)) {
        return;
    }
    Fiber *old = runq_swap_next(p, f);
    if (old) {
        runq_put(p, old);
    }
    submit_wake(p, old != NULL);
}

void sched_ready(P *p, Fiber *f)
{
    assert(fiber_status(f) == FIBER_WAITING);
    make_next(p, f);
}

void sched_start(P *p, Fiber *f)
{
    assert(fiber_status(f) == FIBER_NEW);
    GolVM *vm = p->vm;
    if (!atomic_load_explicit(&vm->multi, memory_order_relaxed)) {
        atomic_store_explicit(&vm->multi, true, memory_order_relaxed);
        monitor_need(vm);
    }
    make_next(p, f);
}

void sched_ready_remote(GolVM *vm, Fiber *f)
{
    fiber_set_status(f, FIBER_RUNNABLE);
    lock_acquire(&vm->lock);
    globq_put(vm, f);
    lock_release(&vm->lock);
    wake_p(vm);
}

void sched_exit(P *p)
{
    Fiber *f = p->fiber;
    p->fiber = NULL;
    if (p->vm->hooks->fiber_gone) {
        p->vm->hooks->fiber_gone(p->vm, f);
    }
    fiber_free(p, f);
}

void sched_gosched(P *p)
{
    Fiber *f = p->fiber;
    p->fiber = NULL;
    fiber_set_status(f, FIBER_RUNNABLE);
    if (choice_exact(p)) {
        place_chosen(p, f);
        return;
    }
    Fiber *next = atomic_load_explicit(&p->runnext, memory_order_relaxed);
    if (next && (next = runq_swap_next(p, NULL)) != NULL) {
        runq_put(p, next); /* what was to run next goes first */
    }
    runq_put(p, f);
}

/* ---- polling ---- */

void sched_request(P *p, uint32_t bits)
{
    atomic_fetch_or_explicit(&p->poll, bits, memory_order_seq_cst);
    atomic_store_explicit(&p->stack_limit, NULL, memory_order_relaxed);
}

void sched_request_all(GolVM *vm, uint32_t bits)
{
    for (uint32_t i = 0; i < vm->nprocs; i++) {
        sched_request(vm->procs[i], bits);
    }
}

static bool others_wait(P *p)
{
    return proc_has_work(p) ||
           atomic_load_explicit(&p->vm->nglobq, memory_order_relaxed) != 0 ||
           atomic_load_explicit(&p->vm->nwant_p, memory_order_relaxed) != 0;
}

SchedPoll sched_poll(P *p)
{
    GolVM *vm = p->vm;
    M *m = current_m;
    uint32_t bits = atomic_exchange_explicit(&p->poll, 0, memory_order_acq_rel);
    if (vm_stopping(vm) && !stop_here(p)) {
        return SCHED_STOP;
    }
    if (bits & POLL_QUIT) {
        sched_die(p, "SIGQUIT: quit", "");
    }
    if (sched_exiting(vm)) {
        return SCHED_STOP;
    }
    if (bits & POLL_GC && vm->hooks->gc) {
        vm->hooks->gc(p);
    }
    if (bits & POLL_VM && m->p == p && vm->hooks->poll_vm) {
        vm->hooks->poll_vm(p);
    }
    if (sched_exiting(vm) || m->p != p) {
        return SCHED_STOP;
    }
    if (bits & POLL_TIMER) {
        timer_run(p, p, clock_now(p->vm));
    }
    Fiber *f = p->fiber;
    if (bits & POLL_PREEMPT && (others_wait(p) || call_done(m))) {
        p->fiber = NULL;
        fiber_set_status(f, FIBER_RUNNABLE);
        lock_acquire(&vm->lock);
        globq_put(vm, f);
        lock_release(&vm->lock);
        wake_p(vm);
        return SCHED_YIELDED;
    }
    proc_set_limit(p, f);
    return SCHED_CONTINUE;
}

int64_t sched_num_fibers(GolVM *vm)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < MAX_PROCS && vm->procs[i]; i++) {
        n += atomic_load_explicit(&vm->procs[i]->nlive, memory_order_relaxed);
    }
    return n;
}
