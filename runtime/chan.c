/* chan.c - channels: the slow halves, closing, queues of waiters. See chan.h for the invariants.
 *
 * Locking: one channel's lock at a time (select.c takes several, by id). Under it a waker completes
 * the sleeper's operation in the sleeper's frame; after it is released the waker readies the
 * fiber, for select after unlinking its other waiters. Nothing is allocated, and no fiber readied,
 * under the lock.
 */
#include "runtime/chan.h"

#include <assert.h>

#include "runtime/barrier.h"
#include "runtime/rtypes.h"
#include "runtime/select.h"

enum { CHAN_ID_BATCH = 64 };
#define RING_OFFSET ((sizeof(Chan) + 15) & ~(size_t)15) /* rings without pointers follow the Chan */

ElemForm elem_form(const RType *t)
{
    if (t->size == 0) {
        return ELEM_ZERO;
    }
    switch (t->kind) {
    case RK_BOOL: case RK_UINT8: return ELEM_U8;
    case RK_UINT16: return ELEM_U16;
    case RK_UINT32: case RK_FLOAT32: return ELEM_U32;
    case RK_INT8: return ELEM_I8;
    case RK_INT16: return ELEM_I16;
    case RK_INT32: return ELEM_I32;
    case RK_STRING: case RK_SLICE: case RK_INTERFACE: return ELEM_CELL;
    default: return t->size == 8 ? ELEM_WORD : ELEM_BYTES;
    }
}

/* Descriptor of a Chan whose ring is an object of its own. Racing first callers build two; one is
 * used. */
static const RType *chan_type(void)
{
    static RType *_Atomic type;
    RType *t = atomic_load_explicit(&type, memory_order_acquire);
    if (!t) {
        uint8_t kinds[sizeof(Chan) / 8] = {GCW_PTR};
        RType *mine = rtype_build("runtime.hchan", sizeof(Chan), 8, kinds);
        if (!mine) {
            return NULL;
        }
        if (atomic_compare_exchange_strong(&type, &t, mine)) {
            t = mine;
        } else {
            rtype_build_free(mine);
        }
    }
    return t;
}

void chan_init(P *p, Chan *c, const RType *elem, uint32_t cap, void *ring)
{
    c->buf = ring;
    c->elem = elem;
    c->elem_size = (uint32_t)elem->size;
    c->form = (uint8_t)elem_form(elem);
    c->cap = cap;
    if (p->next_chan_id == p->end_chan_id) {
        p->next_chan_id = atomic_fetch_add_explicit(&p->vm->chan_ids, CHAN_ID_BATCH,
                                                    memory_order_relaxed);
        p->end_chan_id = p->next_chan_id + CHAN_ID_BATCH;
    }
    c->id = p->next_chan_id++;
}

Chan *chan_new(P *p, const RType *t, int64_t cap, const char **err)
{
    const RType *elem = rtype_elem(t);
    size_t bytes;
    *err = NULL;
    if (cap < 0 || cap > UINT32_MAX || __builtin_mul_overflow((size_t)cap, elem->size, &bytes) ||
        bytes > (size_t)1 << 46) {
        *err = "makechan: size out of range";
        return NULL;
    }
    Chan *c;
    if (bytes == 0 || elem->flags & RT_NOPTR) {
        c = heap_alloc_noscan(p, bytes ? RING_OFFSET + bytes : sizeof(Chan));
        if (!c) {
            return NULL;
        }
        chan_init(p, c, elem, (uint32_t)cap, bytes ? (uint8_t *)c + RING_OFFSET : NULL);
    } else {
        const RType *ct = chan_type();
        void *buf = heap_alloc(p, elem, (size_t)cap);
        c = ct && buf ? heap_alloc(p, ct, 1) : NULL;
        if (!c) {
            return NULL;
        }
        chan_init(p, c, elem, (uint32_t)cap, NULL);
        heap_store_ptr(p, &c->buf, buf);
    }
    mem_publish(c);
    return c;
}

/* ---- queues ---- */

static Waiter *waitq_first(WaitQueue *q)
{
    return atomic_load_explicit(&q->first, memory_order_relaxed);
}

void waitq_push(WaitQueue *q, Waiter *w)
{
    w->next = NULL;
    w->queued = 1;
    if (waitq_first(q)) {
        w->prev = q->last;
        q->last->next = w;
    } else {
        w->prev = NULL;
        atomic_store_explicit(&q->first, w, memory_order_relaxed);
    }
    q->last = w;
}

void waitq_remove(WaitQueue *q, Waiter *w)
{
    assert(w->queued);
    if (w->prev) {
        w->prev->next = w->next;
    } else {
        atomic_store_explicit(&q->first, w->next, memory_order_relaxed);
    }
    if (w->next) {
        w->next->prev = w->prev;
    } else {
        q->last = w->prev;
    }
    w->queued = 0;
}

/* The first waiter that is still waiting, taken off; a select's stale ones are dropped. */
static Waiter *waitq_take(WaitQueue *q)
{
    Waiter *w;
    while ((w = waitq_first(q)) != NULL) {
        waitq_remove(q, w);
        uint32_t zero = 0;
        if (!w->is_select ||
            atomic_compare_exchange_strong_explicit(&w->fiber->claim, &zero, 1,
                                                    memory_order_acq_rel, memory_order_relaxed)) {
            return w;
        }
    }
    return NULL;
}

static uint32_t elem_slots(const Chan *c)
{
    switch (c->form) {
    case ELEM_ZERO: return 0;
    case ELEM_CELL: return 2;
    case ELEM_BYTES: return slots_for(c->elem_size);
    default: return 1;
    }
}

/* The waiter's operation is complete: ok and the chosen case go to its frame. */
static Fiber *complete(Waiter *w, uint64_t ok)
{
    Fiber *f = w->fiber;
    if (w->is_select) {
        f->stack[w->chosen_slot].u = w->case_index;
        f->stack[w->chosen_slot + 1].u = ok;
    } else if (w->ok_slot != NO_SLOT) {
        f->stack[w->ok_slot].u = ok;
    }
    return f;
}

static void *ring_at(Chan *c, uint32_t i)
{
    return c->buf + (size_t)i * c->elem_size;
}

static void ring_put(P *p, Chan *c, const Slot *val)
{
    void *e = ring_at(c, c->tail);
    if (GOL_UNLIKELY(p->cache.barrier_on) && !(c->elem->flags & RT_NOPTR)) {
        rtype_store(p, c->elem, e, val);
    } else {
        elem_store((ElemForm)c->form, c->elem_size, e, val);
    }
    c->tail = chan_next_index(c, c->tail);
}

/* Takes the oldest element; the place is cleared so that it keeps nothing alive. */
static void ring_take(P *p, Chan *c, Slot *dst)
{
    void *e = ring_at(c, c->head);
    if (dst) {
        elem_load((ElemForm)c->form, c->elem_size, dst, e);
    }
    if (!(c->elem->flags & RT_NOPTR)) {
        if (GOL_UNLIKELY(p->cache.barrier_on)) {
            heap_shade_range(p, e, c->elem, 1);
        }
        memset(e, 0, c->elem_size);
    }
    c->head = chan_next_index(c, c->head);
}

static void set_count(Chan *c, uint32_t n)
{
    atomic_store_explicit(&c->count, n, memory_order_relaxed);
}

ChanStatus chan_send_locked(P *p, Chan *c, const Slot *val, Fiber **wake)
{
    if (atomic_load_explicit(&c->closed, memory_order_relaxed)) {
        return CHAN_CLOSED;
    }
    Waiter *w = waitq_take(&c->receivers);
    if (w) {
        if (w->slot != NO_SLOT) {
            memcpy(w->fiber->stack + w->slot, val, (size_t)elem_slots(c) * sizeof(Slot));
        }
        *wake = complete(w, 1);
        return CHAN_DONE;
    }
    uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);
    if (n < c->cap) {
        ring_put(p, c, val);
        set_count(c, n + 1);
        return CHAN_DONE;
    }
    return CHAN_WOULD_BLOCK;
}

ChanStatus chan_recv_locked(P *p, Chan *c, Slot *dst, Slot *ok, Fiber **wake)
{
    uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);
    Waiter *w = n == c->cap ? waitq_take(&c->senders) : NULL;
    if (w && GOL_UNLIKELY(p->cache.barrier_on) && w->slot != NO_SLOT) {
        heap_shade_frame(p, w->fiber->stack + w->slot, c->elem); /* its frame may be unscanned */
    }
    if (n) {
        ring_take(p, c, dst);
        if (w) {
            ring_put(p, c, w->fiber->stack + w->slot);
        } else {
            set_count(c, n - 1);
        }
    } else if (w) {
        if (dst) {
            memcpy(dst, w->fiber->stack + w->slot, (size_t)elem_slots(c) * sizeof(Slot));
        }
    } else if (atomic_load_explicit(&c->closed, memory_order_relaxed)) {
        if (dst) {
            memset(dst, 0, (size_t)elem_slots(c) * sizeof(Slot));
        }
        if (ok) {
            ok->u = 0;
        }
        return CHAN_DONE;
    } else {
        return CHAN_WOULD_BLOCK;
    }
    if (w) {
        *wake = complete(w, 1);
    }
    if (ok) {
        ok->u = 1;
    }
    return CHAN_DONE;
}

bool chan_send_ready(Chan *c)
{
    mem_follow(c);
    return atomic_load_explicit(&c->closed, memory_order_relaxed) || waitq_first(&c->receivers) ||
           atomic_load_explicit(&c->count, memory_order_relaxed) < c->cap;
}

bool chan_recv_ready(Chan *c)
{
    mem_follow(c);
    return atomic_load_explicit(&c->count, memory_order_relaxed) != 0 ||
           waitq_first(&c->senders) || atomic_load_explicit(&c->closed, memory_order_relaxed);
}

void chan_wake(P *p, Fiber *f)
{
    if (f->nwait) {
        if (GOL_UNLIKELY(p->cache.barrier_on)) {
            fiber_gc_scan(p, f); /* a scan by another P would read the waiters */
        }
        select_cleanup(p, f);
    }
    sched_ready(p, f);
}

/* ---- operations ---- */

static ChanStatus park_nil(P *p, Fiber *f, WaitReason reason, bool can_park)
{
    if (!can_park) {
        return CHAN_WOULD_BLOCK;
    }
    sched_park(p, f, reason, RESUME_GO);
    return CHAN_PARKED;
}

ChanStatus chan_send_slow(P *p, Fiber *f, Chan *c, const Slot *val, bool can_park)
{
    if (!c) {
        return park_nil(p, f, WAIT_CHAN_SEND_NIL, can_park);
    }
    Fiber *wake = NULL;
    chan_lock(p, c);
    ChanStatus s = chan_send_locked(p, c, val, &wake);
    if (s == CHAN_WOULD_BLOCK && can_park) {
        Waiter *w = &f->wait;
        assert(c->form == ELEM_ZERO || (val >= f->stack && val < f->stack + f->stack_slots));
        w->fiber = f;
        w->chan = c;
        w->is_select = 0;
        w->slot = c->form == ELEM_ZERO ? NO_SLOT : (uint32_t)(val - f->stack);
        w->ok_slot = NO_SLOT;
        waitq_push(&c->senders, w);
        sched_park(p, f, WAIT_CHAN_SEND, RESUME_GO);
        s = CHAN_PARKED;
    }
    chan_unlock(p, c);
    if (wake) {
        chan_wake(p, wake);
    }
    return s;
}

ChanStatus chan_recv_slow(P *p, Fiber *f, Chan *c, Slot *dst, Slot *ok, bool can_park)
{
    if (!c) {
        return park_nil(p, f, WAIT_CHAN_RECEIVE_NIL, can_park);
    }
    Fiber *wake = NULL;
    chan_lock(p, c);
    ChanStatus s = chan_recv_locked(p, c, dst, ok, &wake);
    if (s == CHAN_WOULD_BLOCK && can_park) {
        Waiter *w = &f->wait;
        w->fiber = f;
        w->chan = c;
        w->is_select = 0;
        w->slot = NO_SLOT;
        if (dst && c->form != ELEM_ZERO) {
            assert(dst >= f->stack && dst < f->stack + f->stack_slots);
            memset(dst, 0, (size_t)elem_slots(c) * sizeof(Slot));
            w->slot = (uint32_t)(dst - f->stack);
        }
        w->ok_slot = ok ? (uint32_t)(ok - f->stack) : NO_SLOT;
        waitq_push(&c->receivers, w);
        sched_park(p, f, WAIT_CHAN_RECEIVE, RESUME_GO);
        s = CHAN_PARKED;
    }
    chan_unlock(p, c);
    if (wake) {
        chan_wake(p, wake);
    }
    return s;
}

ChanStatus chan_close(P *p, Chan *c)
{
    if (!c) {
        return CHAN_NIL;
    }
    chan_lock(p, c);
    if (atomic_load_explicit(&c->closed, memory_order_relaxed)) {
        chan_unlock(p, c);
        return CHAN_CLOSED;
    }
    atomic_store_explicit(&c->closed, 1, memory_order_relaxed);
    Fiber *list = NULL, **link = &list;
    Waiter *w;
    while ((w = waitq_take(&c->receivers)) != NULL) {
        *link = complete(w, 0); /* the destination was zeroed when it parked */
        link = &(*link)->next;
    }
    while ((w = waitq_take(&c->senders)) != NULL) {
        *link = complete(w, 0);
        (*link)->resume = RESUME_SEND_CLOSED;
        link = &(*link)->next;
    }
    *link = NULL;
    chan_unlock(p, c);
    while (list) {
        Fiber *f = list;
        list = f->next;
        chan_wake(p, f);
    }
    return CHAN_DONE;
}

int64_t chan_len(Chan *c)
{
    mem_follow(c);
    return c && !c->is_timer ? atomic_load_explicit(&c->count, memory_order_relaxed) : 0;
}

int64_t chan_cap(Chan *c)
{
    mem_follow(c);
    return c && !c->is_timer ? c->cap : 0;
}
