/* timer.c - the timer heaps. See timer.h.
 *
 * A P's heap is a 4-ary array of {when, timer, number} under timer_lock. An entry counts while its
 * timer's `armed` is its number; Stop and Reset only change that word and leave a dead entry behind,
 * so that moving entries touches no Timer. Dead entries are dropped when they come to the top, and
 * all at once when they are more than half. An entry becomes dead under the lock of its heap; the
 * top of an unlocked heap is never dead, so that next_timer is a time at which something happens.
 *
 * next_timer mirrors the first entry for those who only ask whether something is due: written under
 * the lock (seq_cst), read by anybody. Who adds a timer earlier than the keeper's alarm wakes the
 * keeper: add writes next_timer, then reads keeper_until; the keeper writes keeper_until, then
 * reads all next_timers.
 *
 * Any P may run the due timers of another. Channel timers send under timer_lock, so that Stop and
 * Reset, which disarm under the same lock and then empty the buffer, leave no stale value. Fibers
 * and functions are started after the lock is released.
 *
 * To the collector a channel's timer is a weak reference: it can only ever send to its channel, and
 * the channel holds its timer (TimerChan). So an armed timer whose channel nobody can receive from
 * is garbage, and timer_drop_unreached takes its entry away. A function's timer is a root. Roots are
 * scanned from a heap's end to its front, some entries at a time while the program runs (timer_scan):
 * so what moves towards the end, and what leaves alive, is shaded, and nothing is compacted meanwhile.
 */
#include "runtime/timer.h"

#include <assert.h>
#include <stdlib.h>

#include "runtime/barrier.h"
#include "runtime/clock.h"
#include "runtime/rtypes.h"
#include "runtime/sched_impl.h"

enum { RUN_BATCH = 32, COMPACT_MIN = 64, SCAN_BATCH = 256 };

static bool is_dead(TimerEntry e)
{
    return atomic_load_explicit(&e.timer->armed, memory_order_relaxed) != e.number;
}

/* ---- the heap: all under p->timer_lock ---- */

/* p runs this; a function's timer leaves a heap or moves where the collector has been. */
static void shade(P *p, const Timer *t)
{
    if (GOL_UNLIKELY(p->cache.barrier_on) && t->kind == TIMER_FUNC) {
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
        shade(p, h[parent].timer);
        h[i] = h[parent];
        i = parent;
    }
    h[i] = e;
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
        h[i] = h[best];
        i = best;
    }
    h[i] = e;
}

static void pop(P *p)
{
    assert(p->ntimers > 0);
    TimerEntry last = p->timers[--p->ntimers];
    if (p->ntimers) {
        p->timers[0] = last;
        sift_down(p->timers, p->ntimers, 0);
        __builtin_prefetch(p->timers[0].timer);
    }
}

static void resize(P *p, uint32_t cap)
{
    TimerEntry *h = realloc(p->timers, cap * sizeof *h);
    if (h) {
        p->timers = h;
        p->cap_timers = cap;
    }
}

/* Keeps the entries that `keep` says and makes a heap of them again. */
static void filter(P *p, bool (*keep)(TimerEntry e, void *ctx), void *ctx)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->ntimers; i++) {
        if (keep(p->timers[i], ctx)) {
            p->timers[n++] = p->timers[i];
        }
    }
    p->ntimers = n;
    for (uint32_t i = n / 4 + 1; n > 1 && i-- > 0;) {
        sift_down(p->timers, n, i);
    }
}

static bool keep_live(TimerEntry e, void *ctx)
{
    return !is_dead(e);
}

static void publish_first(P *p)
{
    int64_t when = p->ntimers ? p->timers[0].when : INT64_MAX;
    if (atomic_load_explicit(&p->next_timer, memory_order_relaxed) != when) {
        atomic_store_explicit(&p->next_timer, when, memory_order_seq_cst);
    }
}

/* No dead entry at the top of owner's heap, not too many below it; next_timer is right. p runs this. */
static void tidy(P *p, P *owner)
{
    while (owner->ntimers && owner->dead_timers && is_dead(owner->timers[0])) {
        pop(owner);
        owner->dead_timers--;
    }
    if (owner->dead_timers > COMPACT_MIN && owner->dead_timers > owner->ntimers / 2 &&
        !p->cache.barrier_on) {
        filter(owner, keep_live, NULL);
        owner->dead_timers = 0;
    }
    if (owner->cap_timers > COMPACT_MIN && owner->ntimers < owner->cap_timers / 8) {
        resize(owner, owner->cap_timers / 4);
    }
    publish_first(owner);
}

/* An entry of p, which runs this, for t, which nobody else arms meanwhile (t->lock, or t is new). */
static bool heap_add(P *p, Timer *t, int64_t when)
{
    if (p->ntimers == p->cap_timers) {
        resize(p, p->cap_timers ? p->cap_timers * 2 : 16);
        if (p->ntimers == p->cap_timers) {
            return false;
        }
    }
    t->number = t->number + 1 ? t->number + 1 : 1;
    atomic_store_explicit(&t->owner, p, memory_order_relaxed);
    atomic_store_explicit(&t->armed, t->number, memory_order_relaxed);
    p->timers[p->ntimers] = (TimerEntry){when, t, t->number};
    sift_up(p, p->timers, p->ntimers++);
    tidy(p, p);
    return true;
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
    bool armed = atomic_load_explicit(&t->armed, memory_order_relaxed) != 0;
    if (armed) {
        atomic_store_explicit(&t->armed, 0, memory_order_relaxed);
        owner->dead_timers++;
        tidy(p, owner);
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
    t->period = period > 0 ? period : 0; /* no entry of t counts now, so nobody reads it */
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

/* A channel with its timer and its ring of one element, a time.Time: one object, so who reaches the
 * channel or the timer keeps both. */
enum { TIME_WORDS = 3, TIME_LOC = 2 };
typedef struct TimerChan {
    Chan chan;
    Timer timer;
    uint64_t ring[TIME_WORDS];
} TimerChan;

static const RType *timer_chan_type(void)
{
    static RType *_Atomic type;
    RType *t = atomic_load_explicit(&type, memory_order_acquire);
    if (!t) {
        uint8_t kinds[sizeof(TimerChan) / 8] = {0};
        kinds[offsetof(TimerChan, ring) / 8 + TIME_LOC] = GCW_PTR;
        RType *mine = rtype_build("runtime.hchan", sizeof(TimerChan), 8, kinds);
        if (!mine || atomic_compare_exchange_strong(&type, &t, mine)) {
            return mine;
        }
        rtype_build_free(mine);
    }
    return t;
}

Chan *timer_chan_new(P *p, const RType *t, Timer **timer)
{
    const RType *layout = timer_chan_type();
    const RType *elem = rtype_elem(t);
    assert(elem->size == TIME_WORDS * 8);
    TimerChan *tc = layout ? heap_alloc(p, layout, 1) : NULL;
    if (!tc) {
        return NULL;
    }
    chan_init(p, &tc->chan, elem, 1, tc->ring);
    tc->chan.is_timer = 1;
    timer_init(&tc->timer, TIMER_CHAN, &tc->chan);
    mem_publish(tc);
    *timer = &tc->timer;
    return &tc->chan;
}

void timer_sleep(P *p, Fiber *f, int64_t ns)
{
    int64_t now = clock_now(p->vm);
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

/* The moment of a firing as a channel's element, made when first needed. */
typedef struct Moment {
    int64_t now;
    bool made;
    Slot val[8];
} Moment;

static Fiber *fire_chan(P *p, Chan *c, Moment *at)
{
    Fiber *wake = NULL;
    if (!at->made) {
        memset(at->val, 0, sizeof at->val);
        if (p->vm->hooks->timer_value) {
            p->vm->hooks->timer_value(p, at->val, at->now);
        }
        at->made = true;
    }
    chan_lock(p, c);
    chan_send_locked(p, c, at->val, &wake);
    chan_unlock(p, c);
    return wake;
}

/* Under owner's timer_lock: takes the first timer off its heap or sets it to its next time. */
static Fired take_due(P *p, P *owner, Moment *at)
{
    TimerEntry *e = &owner->timers[0];
    Timer *t = e->timer;
    assert(!is_dead(*e));
    shade(p, t);
    if (t->period > 0) {
        int64_t late = at->now - e->when;
        e->when += t->period * (1 + late / t->period);
        sift_down(owner->timers, owner->ntimers, 0);
    } else {
        atomic_store_explicit(&t->armed, 0, memory_order_relaxed);
        pop(owner);
    }
    tidy(p, owner);
    if (t->kind == TIMER_CHAN) {
        return (Fired){fire_chan(p, t->target, at), TIMER_CHAN};
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
    Moment at;
    at.now = now;
    at.made = false;
    while (atomic_load_explicit(&owner->next_timer, memory_order_relaxed) <= now) {
        Fired fired[RUN_BATCH];
        uint32_t n = 0;
        if (p == owner) {
            lock_acquire(&owner->timer_lock);
        } else if (!lock_try(&owner->timer_lock)) {
            return any;
        }
        while (n < RUN_BATCH && owner->ntimers && owner->timers[0].when <= now) {
            fired[n++] = take_due(p, owner, &at);
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
        shade(heir, e.timer); /* the world is stopped: heir's Marker is ours */
        if (!is_dead(e) && !heap_add(heir, e.timer, e.when)) {
            break; /* no memory: the timers stay, and are lost with q */
        }
        q->ntimers--;
    }
    q->dead_timers = 0;
    tidy(heir, q);
}

/* ---- the collector ---- */

void timer_scan(P *owner, bool chans, void (*visit)(Timer *t, void *ctx), void *ctx)
{
    uint32_t left = UINT32_MAX;
    while (left > 0) {
        lock_acquire(&owner->timer_lock);
        left = left < owner->ntimers ? left : owner->ntimers;
        uint32_t stop = left > SCAN_BATCH ? left - SCAN_BATCH : 0;
        for (; left > stop; left--) {
            TimerEntry e = owner->timers[left - 1];
            if ((e.timer->kind == TIMER_FUNC || (chans && e.timer->kind == TIMER_CHAN)) && !is_dead(e)) {
                visit(e.timer, ctx);
            }
        }
        lock_release(&owner->timer_lock);
    }
}

typedef struct Reached {
    bool (*is_reached)(const void *object, void *ctx);
    void *ctx;
} Reached;

static bool keep_reached(TimerEntry e, void *ctx)
{
    const Reached *r = ctx;
    const void *object = e.timer->kind == TIMER_CHAN ? e.timer->target : e.timer;
    return e.timer->kind == TIMER_FIBER || (r->is_reached(object, r->ctx) && !is_dead(e));
}

void timer_drop_unreached(GolVM *vm, bool (*is_reached)(const void *object, void *ctx), void *ctx)
{
    Reached r = {is_reached, ctx};
    for (uint32_t i = 0; i < MAX_PROCS && vm->procs[i]; i++) {
        P *p = vm->procs[i];
        lock_acquire(&p->timer_lock);
        if (p->ntimers) {
            filter(p, keep_reached, &r);
            p->dead_timers = 0;
            tidy(p, p);
        }
        lock_release(&p->timer_lock);
    }
}
