/* timer.c - the timer heaps. See timer.h.
 *
 * A P's heap is a 4-ary array of {when, timer} under timer_lock; a Timer knows its index, so Stop
 * removes it at once. next_timer mirrors the first entry for those who only ask whether something
 * is due: written under the lock (seq_cst), read by anybody. Who adds a timer earlier than the
 * keeper's alarm wakes the keeper: add writes next_timer, then reads keeper_until; the keeper
 * writes keeper_until, then reads all next_timers.
 *
 * The collector scans a heap from its end to its front, some entries at a time (timer_scan). So what
 * moves towards the end, and what leaves, is shaded while it marks.
 *
 * Any P may run the due timers of another. Channel timers send under timer_lock, so that Stop and
 * Reset, which remove under the same lock and then empty the buffer, leave no stale value. Fibers
 * and functions are started after the lock is released.
 */
#include "runtime/timer.h"

#include <assert.h>
#include <stdlib.h>

#include "runtime/barrier.h"
#include "runtime/os.h"
#include "runtime/sched_impl.h"

enum { RUN_BATCH = 32, SCAN_BATCH = 256 };

static void place(TimerEntry *h, uint32_t i, TimerEntry e)
{
    h[i] = e;
    e.timer->index = i;
}

/* p runs this; t leaves a heap or moves where the collector has been. */
static void shade_timer(P *p, Timer *t)
{
    if (GOL_UNLIKELY(p->cache.barrier_on)) {
        heap_shade_root(p, t);
        heap_shade_root(p, t->target);
    }
}

static void sift_up(P *p, TimerEntry *h, uint32_t i)
{
    TimerEntry e = h[i];
    while (i > 0) {
        uint32_t parent = (i - 1) / 4;
        if (h[parent].when <= e.when) {
            break;
        }
        shade_timer(p, h[parent].timer);
        place(h, i, h[parent]);
        i = parent;
    }
    place(h, i, e);
}

static void sift_down(TimerEntry *h, uint32_t n, uint32_t i)
{
    TimerEntry e = h[i];
    for (;;) {
        uint32_t c = i * 4 + 1, best = c;
        if (c >= n) {
            break;
        }
        for (uint32_t k = c + 1; k < n && k < c + 4; k++) {
            if (h[k].when < h[best].when) {
                best = k;
            }
        }
        if (h[best].when >= e.when) {
            break;
        }
        place(h, i, h[best]);
        i = best;
    }
    place(h, i, e);
}

/* All below under p->timer_lock. */

static void publish_first(P *p)
{
    int64_t when = p->ntimers ? p->timers[0].when : INT64_MAX;
    if (atomic_load_explicit(&p->next_timer, memory_order_relaxed) != when) {
        atomic_store_explicit(&p->next_timer, when, memory_order_seq_cst);
    }
}

static bool heap_add(P *p, Timer *t, int64_t when)
{
    if (p->ntimers == p->cap_timers) {
        uint32_t cap = p->cap_timers ? p->cap_timers * 2 : 16;
        TimerEntry *h = realloc(p->timers, cap * sizeof *h);
        if (!h) {
            return false;
        }
        p->timers = h;
        p->cap_timers = cap;
    }
    p->timers[p->ntimers] = (TimerEntry){when, t};
    atomic_store_explicit(&t->owner, p, memory_order_relaxed);
    sift_up(p, p->timers, p->ntimers++);
    publish_first(p);
    return true;
}

static void heap_remove(P *p, P *owner, Timer *t)
{
    uint32_t i = t->index;
    assert(i < owner->ntimers && owner->timers[i].timer == t);
    shade_timer(p, t);
    t->index = TIMER_IDLE;
    TimerEntry last = owner->timers[--owner->ntimers];
    if (i < owner->ntimers) {
        shade_timer(p, last.timer);
        place(owner->timers, i, last);
        sift_down(owner->timers, owner->ntimers, i);
        sift_up(p, owner->timers, last.timer->index);
    }
    publish_first(owner);
}

/* ---- arming ---- */

static void timer_added(GolVM *vm, int64_t when)
{
    if (when >= atomic_load_explicit(&vm->keeper_until, memory_order_seq_cst)) {
        return;
    }
    lock_acquire(&vm->lock);
    M *k = vm->keeper;
    if (k) {
        m_wake(k);
    }
    lock_release(&vm->lock);
}

void timer_init(Timer *t, TimerKind kind, void *target)
{
    memset(t, 0, sizeof *t);
    t->index = TIMER_IDLE;
    t->kind = (uint8_t)kind;
    t->target = target;
}

/* Under t->lock: takes t off its heap, with the value that may stand in its channel. */
static bool disarm(P *p, Timer *t)
{
    P *owner = atomic_load_explicit(&t->owner, memory_order_relaxed);
    if (!owner) {
        return false;
    }
    lock_acquire(&owner->timer_lock);
    bool armed = t->index != TIMER_IDLE;
    if (armed) {
        heap_remove(p, owner, t);
    }
    if (t->kind == TIMER_CHAN) {
        Chan *c = t->target;
        Slot ok;
        Fiber *wake = NULL;
        chan_lock(p, c);
        /* a value not yet received: then the timer counts as not yet expired */
        if (chan_recv_locked(p, c, NULL, &ok, &wake) == CHAN_DONE && ok.u) {
            armed = true;
        }
        chan_unlock(p, c);
        if (wake) {
            chan_wake(p, wake);
        }
    }
    lock_release(&owner->timer_lock);
    return armed;
}

/* A racing move to another P (set_procs) happens with the world stopped only, so owner is stable
 * under t->lock. */
bool timer_reset(P *p, Timer *t, int64_t when, int64_t period)
{
    monitor_need(p->vm);
    lock_acquire(&t->lock);
    bool armed = disarm(p, t);
    lock_acquire(&p->timer_lock);
    t->period = period > 0 ? period : 0;
    heap_add(p, t, when);
    lock_release(&p->timer_lock);
    lock_release(&t->lock);
    timer_added(p->vm, when);
    return armed;
}

bool timer_stop(P *p, Timer *t)
{
    lock_acquire(&t->lock);
    bool armed = disarm(p, t);
    lock_release(&t->lock);
    return armed;
}

Chan *timer_chan_new(P *p, const RType *t)
{
    const char *err;
    Chan *c = chan_new(p, t, 1, &err);
    if (c) {
        c->is_timer = 1;
    }
    return c;
}

void timer_sleep(P *p, Fiber *f, int64_t ns)
{
    int64_t now = os_now();
    int64_t when = ns > INT64_MAX - now ? INT64_MAX - 1 : now + ns;
    _Static_assert(sizeof(Timer) <= sizeof f->wait, "sleep keeps its timer in the fiber");
    Timer *t = (Timer *)(void *)&f->wait;
    timer_init(t, TIMER_FIBER, f);
    lock_acquire(&p->timer_lock);
    if (heap_add(p, t, when)) {
        sched_park(p, f, WAIT_SLEEP, RESUME_GO);
        lock_release(&p->timer_lock);
        timer_added(p->vm, when);
    } else {
        lock_release(&p->timer_lock);
        sched_gosched(p); /* out of memory: a sleep may end early, never hang */
    }
}

/* ---- firing ---- */

typedef struct Fired {
    void *target;
    uint8_t kind;
} Fired;

static Fiber *fire_chan(P *p, Timer *t, int64_t now)
{
    Slot val[8] = {{.u = 0}};
    Fiber *wake = NULL;
    Chan *c = t->target;
    if (p->vm->hooks->timer_value) {
        p->vm->hooks->timer_value(p, val, now);
    }
    chan_lock(p, c);
    chan_send_locked(p, c, val, &wake);
    chan_unlock(p, c);
    return wake;
}

/* Under owner's timer_lock: takes the first timer off its heap or sets it to its next time. */
static Fired take_due(P *p, P *owner, int64_t now)
{
    TimerEntry e = owner->timers[0];
    Timer *t = e.timer;
    if (t->period > 0) {
        int64_t late = now - e.when;
        shade_timer(p, t);
        owner->timers[0].when = e.when + t->period * (1 + late / t->period);
        sift_down(owner->timers, owner->ntimers, 0);
        publish_first(owner);
    } else {
        heap_remove(p, owner, t);
    }
    if (t->kind == TIMER_CHAN) {
        return (Fired){fire_chan(p, t, now), TIMER_CHAN};
    }
    return (Fired){t->target, t->kind};
}

static void start_fired(P *p, Fired x)
{
    if (x.kind == TIMER_FUNC) {
        if (p->vm->hooks->timer_func) {
            p->vm->hooks->timer_func(p, x.target);
        }
    } else if (x.target) {
        chan_wake(p, x.target);
    }
}

bool timer_run(P *p, P *owner, int64_t now)
{
    bool any = false;
    while (atomic_load_explicit(&owner->next_timer, memory_order_relaxed) <= now) {
        Fired fired[RUN_BATCH];
        uint32_t n = 0;
        if (p == owner) {
            lock_acquire(&owner->timer_lock);
        } else if (!lock_try(&owner->timer_lock)) {
            return any;
        }
        while (n < RUN_BATCH && owner->ntimers && owner->timers[0].when <= now) {
            fired[n++] = take_due(p, owner, now);
        }
        lock_release(&owner->timer_lock);
        for (uint32_t i = 0; i < n; i++) {
            start_fired(p, fired[i]);
        }
        any |= n > 0;
    }
    return any;
}

int64_t timer_earliest(GolVM *vm)
{
    int64_t when = INT64_MAX;
    uint32_t n = vm->nprocs;
    for (uint32_t i = 0; i < n; i++) {
        P *p = vm->procs[i];
        int64_t w = atomic_load_explicit(&p->next_timer, memory_order_seq_cst);
        when = w < when ? w : when;
    }
    return when;
}

bool timer_hasten(GolVM *vm)
{
    P *owner = NULL;
    int64_t when = INT64_MAX;
    for (uint32_t i = 0; i < vm->nprocs; i++) {
        P *p = vm->procs[i];
        lock_acquire(&p->timer_lock);
        if (p->ntimers && p->timers[0].when <= when) {
            when = p->timers[0].when;
            owner = p;
        }
        lock_release(&p->timer_lock);
    }
    if (!owner) {
        return false;
    }
    lock_acquire(&owner->timer_lock);
    if (owner->ntimers) {
        owner->timers[0].when = 0;
        publish_first(owner);
    }
    lock_release(&owner->timer_lock);
    return true;
}

void timer_move_all(P *q, P *heir)
{
    while (q->ntimers) {
        TimerEntry e = q->timers[q->ntimers - 1];
        shade_timer(heir, e.timer); /* the world is stopped: heir's Marker is ours */
        if (!heap_add(heir, e.timer, e.when)) {
            break; /* no memory: the timers stay, and are lost with q */
        }
        q->ntimers--;
    }
    publish_first(q);
}

void timer_scan(P *owner, void (*visit)(Timer *t, void *ctx), void *ctx)
{
    uint32_t left = UINT32_MAX;
    while (left > 0) {
        lock_acquire(&owner->timer_lock);
        left = left < owner->ntimers ? left : owner->ntimers;
        uint32_t stop = left > SCAN_BATCH ? left - SCAN_BATCH : 0;
        for (; left > stop; left--) {
            visit(owner->timers[left - 1].timer, ctx);
        }
        lock_release(&owner->timer_lock);
    }
}
