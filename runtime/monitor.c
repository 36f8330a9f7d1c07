/* monitor.c - the monitor thread: takes Ps from threads that sit in the kernel, asks long runners
 * to yield, fires timers and collects descriptors when all Ps are busy.
 *
 * It starts with the first goroutine that a script starts. It looks every 20 us while it has
 * something to do, backs off to 10 ms, and parks while all Ps are idle; wake_p's threads and
 * blocking sections wake it (monitor_wake), and a blocking section that keeps others from running
 * cuts its naps short (monitor_hurry). Twice a second it gives memory of ended goroutines back. It holds no P and touches no fiber. The fields mon_* of
 * a P are its own. A seeded VM is never preempted. monitor_state: 0 none, 1 runs, 2 parked, 3 ended.
 */
#include <stdlib.h>

#include "runtime/debugvar.h"
#include "runtime/fiberslab.h"
#include "runtime/netpoll.h"
#include "runtime/os.h"
#include "runtime/sched_impl.h"
#include "runtime/timer.h"

enum { SLEEP_MIN = 20000, SLEEP_MAX = 10000000, SLICE = 10000000, TIMER_GRAIN = 200000,
       TRIM_EVERY = 500000000 };

/* The P's thread has been in the same blocking section since the last look: take it, if anybody
 * could use it. */
static bool retake(GolVM *vm, P *p, uint32_t status)
{
    uint32_t tick = status >> 8;
    if (p->mon_block != tick) {
        p->mon_block = tick;
        return true; /* look again soon */
    }
    bool wanted = proc_has_work(p) ||
                  atomic_load_explicit(&vm->nglobq, memory_order_relaxed) != 0 ||
                  atomic_load_explicit(&vm->nwant_p, memory_order_relaxed) != 0 ||
                  (vm->nprocs > 1 &&
                   atomic_load_explicit(&vm->nidle_ps, memory_order_relaxed) == 0) ||
                  atomic_load_explicit(&p->next_timer, memory_order_relaxed) != INT64_MAX;
    if (!wanted) {
        return false;
    }
    lock_acquire(&vm->lock);
    bool got = !vm_stopping(vm) && !sched_exiting(vm) &&
               atomic_compare_exchange_strong_explicit(&p->status, &status, P_RUNNING,
                                                       memory_order_seq_cst, memory_order_seq_cst);
    if (got) {
        p->m = NULL;
        if (!proc_has_work(p) && vm->want_p) {
            idle_put(vm, p);
            lock_release(&vm->lock);
            return true;
        }
    }
    lock_release(&vm->lock);
    if (got) {
        start_p(vm, p, false);
    }
    return got;
}

static void watch_slice(GolVM *vm, P *p, int64_t now)
{
    uint32_t slice = atomic_load_explicit(&p->slice_tick, memory_order_relaxed);
    int64_t when = atomic_load_explicit(&p->next_timer, memory_order_relaxed);
    uint32_t bits = 0;
    if (slice != p->mon_slice) {
        p->mon_slice = slice;
        p->mon_when = now;
    } else if (now - p->mon_when >= SLICE && !vm->seeded && !vm->debug[DEBUG_ASYNCPREEMPTOFF]) {
        bits = POLL_PREEMPT;
        p->mon_when = now;
    }
    if (when <= now) {
        bits |= POLL_TIMER;
    }
    uint32_t have = atomic_load_explicit(&p->poll, memory_order_relaxed);
    if (bits & ~have || (have && bits)) {
        sched_request(p, bits);
    }
}

static void collect_io(GolVM *vm)
{
    Fiber *list = NULL;
    if (!vm->netpoll || atomic_load_explicit(&vm->nio, memory_order_relaxed) == 0 ||
        !netpoll_collect(vm, 0, &list)) {
        return;
    }
    while (list) {
        Fiber *f = list;
        list = f->next;
        sched_ready_remote(vm, f);
        atomic_fetch_sub_explicit(&vm->nio, 1, memory_order_seq_cst);
    }
}

/* One look at everything; true if something happened or may happen soon. */
static bool look(GolVM *vm)
{
    int64_t now = os_now();
    bool busy = false;
    for (uint32_t i = 0; i < vm->nprocs; i++) {
        P *p = vm->procs[i];
        uint32_t s = proc_status(p);
        if (is_blocking(s)) {
            busy |= retake(vm, p, s);
        } else if (s == P_RUNNING) {
            watch_slice(vm, p, now);
        }
    }
    if (timer_earliest(vm) <= now && atomic_load_explicit(&vm->nidle_ps, memory_order_relaxed)) {
        wake_p(vm);
    }
    return busy;
}

static bool all_idle(GolVM *vm)
{
    return atomic_load_explicit(&vm->nidle_ps, memory_order_seq_cst) == vm->nprocs ||
           vm_stopping(vm);
}

/* Memory of ended goroutines goes back to the system. */
static void trim(GolVM *vm, int64_t *last)
{
    int64_t now = os_now();
    if (now - *last >= TRIM_EVERY) {
        *last = now;
        slab_trim(vm);
    }
}

static void *monitor_main(void *arg)
{
    GolVM *vm = arg;
    int64_t sleep = SLEEP_MIN, last_io = os_now(), last_trim = last_io;
    int quiet = 0;
    while (!sched_exiting(vm)) {
        if (all_idle(vm) && !vm_stopping(vm)) {
            atomic_store_explicit(&vm->monitor_state, 2, memory_order_seq_cst);
            if (all_idle(vm) && !sched_exiting(vm)) {
                os_futex_wait(&vm->monitor_state, 2, slab_trim_due(vm) ? TRIM_EVERY : 60000000000);
            }
            uint32_t two = 2;
            atomic_compare_exchange_strong_explicit(&vm->monitor_state, &two, 1,
                                                    memory_order_seq_cst, memory_order_seq_cst);
            sleep = SLEEP_MIN;
            quiet = 0;
            trim(vm, &last_trim);
            continue;
        }
        int64_t when = timer_earliest(vm);
        int64_t left = when == INT64_MAX ? sleep : when - os_now();
        left = left < TIMER_GRAIN ? TIMER_GRAIN : left;
        left = left > sleep ? sleep : left;
        uint32_t kick = atomic_load_explicit(&vm->monitor_kick, memory_order_seq_cst);
        atomic_store_explicit(&vm->monitor_nap, left > 2 * SLEEP_MIN, memory_order_relaxed);
        os_futex_wait(&vm->monitor_kick, kick, left);
        atomic_store_explicit(&vm->monitor_nap, 0, memory_order_relaxed);
        if (atomic_load_explicit(&vm->monitor_kick, memory_order_relaxed) != kick) {
            sleep = SLEEP_MIN;
            quiet = 0;
        }
        if (look(vm)) {
            quiet = 0;
            sleep = SLEEP_MIN;
        } else if (++quiet > 50 && sleep < SLEEP_MAX) {
            sleep = sleep * 2 > SLEEP_MAX ? SLEEP_MAX : sleep * 2;
        }
        trim(vm, &last_trim);
        if (os_now() - last_io > SLICE) {
            last_io = os_now();
            collect_io(vm);
        }
    }
    atomic_store_explicit(&vm->monitor_state, 3, memory_order_seq_cst);
    os_futex_wake(&vm->monitor_state, UINT32_MAX);
    return NULL;
}

void monitor_need(GolVM *vm)
{
    uint32_t s = atomic_load_explicit(&vm->monitor_state, memory_order_seq_cst);
    if (s == 0 && !sched_exiting(vm) && !vm->replay) {
        if (atomic_compare_exchange_strong_explicit(&vm->monitor_state, &s, 1,
                                                    memory_order_seq_cst, memory_order_seq_cst) &&
            !os_thread_start(&vm->monitor_thread, monitor_main, vm, "gol-monitor")) {
            atomic_store_explicit(&vm->monitor_state, 0, memory_order_seq_cst);
        }
        return;
    }
    if (s == 2) {
        monitor_wake(vm);
    }
}

void monitor_wake(GolVM *vm)
{
    uint32_t two = 2;
    if (atomic_compare_exchange_strong_explicit(&vm->monitor_state, &two, 1, memory_order_seq_cst,
                                                memory_order_seq_cst)) {
        os_futex_wake(&vm->monitor_state, UINT32_MAX);
    } else if (sched_exiting(vm)) {
        atomic_fetch_add_explicit(&vm->monitor_kick, 1, memory_order_seq_cst);
        os_futex_wake(&vm->monitor_kick, UINT32_MAX);
    }
}

/* A thread enters the kernel while others wait for its P: the monitor is to look soon, and for a
 * while. Costs nothing when it is not in a long nap. */
void monitor_hurry(GolVM *vm)
{
    if (atomic_exchange_explicit(&vm->monitor_nap, 0, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&vm->monitor_kick, 1, memory_order_seq_cst);
        os_futex_wake(&vm->monitor_kick, 1);
    }
}

/* The VM is ending: waits for the thread to be gone. */
void monitor_stop(GolVM *vm)
{
    uint32_t s;
    while ((s = atomic_load_explicit(&vm->monitor_state, memory_order_seq_cst)) == 1 || s == 2) {
        monitor_wake(vm);
        os_futex_wait(&vm->monitor_state, s, 1000000);
    }
}
