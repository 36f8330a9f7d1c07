/* select.c - select.
 *
 * First look: every channel is peeked at without its lock; among the cases that look ready one is
 * drawn uniformly (choice.h), and done under its lock alone. That is a legal outcome whatever the others do meanwhile.
 * Otherwise all locks are taken in the order of channel ids (never of addresses), everything is
 * looked at again, and if nothing is ready the fiber takes the default, or puts a waiter into
 * each queue and parks. With one P there are no locks and the first look is the truth.
 *
 * A waker wins the fiber with one CAS on fiber->claim, completes its case and then unlinks the
 * other waiters (select_cleanup), one lock at a time, before it readies the fiber. Wakers who
 * lose the claim drop the waiter they found.
 * Waiters come in blocks of SELECT_INLINE from the P's pool, larger selects malloc theirs. The
 * field `ticket` of a select's waiter is its direction.
 */
#include "runtime/select.h"

#include <assert.h>
#include <stdlib.h>

#include "runtime/choice.h"

static Waiter *block_get(P *p, uint32_t n)
{
    Waiter *w = p->free_selects;
    if (n <= SELECT_INLINE && w) {
        p->free_selects = w->next;
        return w;
    }
    return calloc(n <= SELECT_INLINE ? SELECT_INLINE : n, sizeof(Waiter));
}

static void block_put(P *p, Waiter *w, uint32_t n)
{
    if (n <= SELECT_INLINE) {
        w->next = p->free_selects;
        p->free_selects = w;
    } else {
        free(w);
    }
}

void select_free_pool(P *p)
{
    while (p->free_selects) {
        Waiter *w = p->free_selects;
        p->free_selects = w->next;
        free(w);
    }
}

void select_cleanup(P *p, Fiber *f)
{
    Waiter *block = f->wait_obj;
    for (uint32_t i = 0; i < f->nwait; i++) {
        Waiter *w = &block[i];
        Chan *c = w->chan;
        chan_lock(p, c);
        if (w->queued) {
            waitq_remove(w->ticket == SELECT_SEND ? &c->senders : &c->receivers, w);
        }
        chan_unlock(p, c);
    }
    block_put(p, block, f->nwait);
    f->wait_obj = NULL;
    f->nwait = 0;
}

bool select_withdraw(P *p, Fiber *f)
{
    Chan *c = f->wait.chan;
    uint32_t zero = 0;
    switch ((WaitReason)f->reason) {
    case WAIT_CHAN_SEND_NIL:
    case WAIT_CHAN_RECEIVE_NIL:
    case WAIT_SELECT_NO_CASES: return true;
    case WAIT_CHAN_SEND:
    case WAIT_CHAN_RECEIVE:
        if (!f->wait.queued) {
            return false;
        }
        waitq_remove(f->reason == WAIT_CHAN_SEND ? &c->senders : &c->receivers, &f->wait);
        return true;
    case WAIT_SELECT:
        if (f->nwait == 0) {
            return true; /* its channels are all nil */
        }
        if (!atomic_compare_exchange_strong_explicit(&f->claim, &zero, 1, memory_order_acq_rel,
                                                     memory_order_relaxed)) {
            return false;
        }
        select_cleanup(p, f);
        return true;
    default: return false;
    }
}

static bool case_ready(const SelectCase *c)
{
    return c->chan && (c->dir == SELECT_SEND ? chan_send_ready(c->chan) : chan_recv_ready(c->chan));
}

/* One of the cases that look ready, at random; n if none does. */
static uint32_t draw(P *p, const SelectCase *cases, uint32_t n)
{
    uint32_t first = n, ready = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (case_ready(&cases[i]) && ++ready == 1) {
            first = i;
        }
    }
    if (ready < 2) {
        return first;
    }
    uint32_t skip = sched_choose(p, CHOICE_CASE, ready), i = first;
    /* what became ready meanwhile counts too; what ceased to be leaves an earlier one */
    for (uint32_t k = first + 1; skip > 0 && k < n; k++) {
        if (case_ready(&cases[k])) {
            i = k;
            skip--;
        }
    }
    return i;
}

static ChanStatus do_case(P *p, const SelectCase *c, Slot *ok, Fiber **wake)
{
    return c->dir == SELECT_SEND ? chan_send_locked(p, c->chan, c->val, wake)
                                 : chan_recv_locked(p, c->chan, c->val, ok, wake);
}

/* Case i under its own lock. WOULD_BLOCK: somebody was faster. */
static ChanStatus try_case(P *p, const SelectCase *cases, uint32_t i, Slot *chosen)
{
    Fiber *wake = NULL;
    Chan *c = cases[i].chan;
    Slot ok = {.u = 0};
    chan_lock(p, c);
    ChanStatus s = do_case(p, &cases[i], &ok, &wake);
    chan_unlock(p, c);
    if (s == CHAN_DONE) {
        chosen[0].u = i;
        chosen[1] = ok;
    }
    if (wake) {
        chan_wake(p, wake);
    }
    return s;
}

static int by_chan_id(const void *a, const void *b)
{
    uint64_t x = (*(Chan *const *)a)->id, y = (*(Chan *const *)b)->id;
    return x < y ? -1 : x > y;
}

/* The channels in locking order, each once; gives how many. */
static uint32_t lock_order(const SelectCase *cases, uint32_t n, Chan **order)
{
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (cases[i].chan) {
            order[m++] = cases[i].chan;
        }
    }
    if (m > SELECT_INLINE) {
        qsort(order, m, sizeof *order, by_chan_id);
    } else {
        for (uint32_t i = 1; i < m; i++) {
            Chan *c = order[i];
            uint32_t j = i;
            for (; j > 0 && order[j - 1]->id > c->id; j--) {
                order[j] = order[j - 1];
            }
            order[j] = c;
        }
    }
    uint32_t k = 0;
    for (uint32_t i = 0; i < m; i++) {
        if (k == 0 || order[k - 1] != order[i]) {
            order[k++] = order[i];
        }
    }
    return k;
}

static void lock_all(P *p, Chan **order, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        chan_lock(p, order[i]);
    }
}

static void unlock_all(P *p, Chan **order, uint32_t n)
{
    while (n-- > 0) {
        chan_unlock(p, order[n]);
    }
}

/* Under all locks: a waiter for each case, and the fiber is parked. */
static void enqueue(P *p, Fiber *f, const SelectCase *cases, uint32_t n, uint32_t live,
                    const Slot *chosen, Waiter *block)
{
    atomic_store_explicit(&f->claim, 0, memory_order_relaxed);
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        Chan *c = cases[i].chan;
        if (!c) {
            continue;
        }
        Waiter *w = &block[k++];
        w->fiber = f;
        w->chan = c;
        w->is_select = 1;
        w->case_index = (uint16_t)i;
        w->chosen_slot = (uint32_t)(chosen - f->stack);
        w->ticket = cases[i].dir;
        w->ok_slot = NO_SLOT;
        bool slot = cases[i].val && c->form != ELEM_ZERO;
        w->slot = slot ? (uint32_t)(cases[i].val - f->stack) : NO_SLOT;
        if (slot && cases[i].dir == SELECT_RECV) {
            Slot zero[2] = {{.u = 0}, {.u = 0}};
            if (c->form == ELEM_BYTES) {
                memset(cases[i].val, 0, (size_t)slots_for(c->elem_size) * sizeof(Slot));
            } else {
                memcpy(cases[i].val, zero, c->form == ELEM_CELL ? 16 : 8);
            }
        }
        waitq_push(cases[i].dir == SELECT_SEND ? &c->senders : &c->receivers, w);
    }
    assert(k == live);
    f->wait_obj = block;
    f->nwait = live;
    sched_park(p, f, WAIT_SELECT, RESUME_GO);
}

/* Nothing looked ready: decide under all locks. */
static ChanStatus settle(P *p, Fiber *f, const SelectCase *cases, uint32_t n, uint32_t live,
                         bool has_default, Slot *chosen, Chan **order)
{
    uint32_t m = lock_order(cases, n, order);
    Waiter *block = has_default ? NULL : block_get(p, live);
    lock_all(p, order, m);
    uint32_t i = draw(p, cases, n);
    ChanStatus s = CHAN_WOULD_BLOCK;
    Fiber *wake = NULL;
    /* a queue may hold only stale waiters of other selects: then the case was not ready */
    for (uint32_t tries = 0; i < n && tries <= n; tries++) {
        Slot ok = {.u = 0};
        s = do_case(p, &cases[i], &ok, &wake);
        if (s != CHAN_WOULD_BLOCK) {
            chosen[0].u = i;
            chosen[1] = ok;
            break;
        }
        i = draw(p, cases, n);
    }
    if (s == CHAN_WOULD_BLOCK && has_default) {
        chosen[0].i = -1;
        chosen[1].u = 0;
        s = CHAN_DONE;
    } else if (s == CHAN_WOULD_BLOCK && block) {
        enqueue(p, f, cases, n, live, chosen, block);
        block = NULL;
        s = CHAN_PARKED;
    }
    unlock_all(p, order, m);
    if (block) {
        block_put(p, block, live);
    }
    if (wake) {
        chan_wake(p, wake);
    }
    return s;
}

ChanStatus select_run(P *p, Fiber *f, const SelectCase *cases, uint32_t n, bool has_default,
                      Slot *chosen)
{
    assert(n <= SELECT_MAX);
    uint32_t live = 0;
    for (uint32_t i = 0; i < n; i++) {
        live += cases[i].chan != NULL;
    }
    for (int tries = 0; tries < 3; tries++) {
        uint32_t i = draw(p, cases, n);
        if (i == n) {
            break;
        }
        ChanStatus s = try_case(p, cases, i, chosen);
        if (s != CHAN_WOULD_BLOCK) {
            return s;
        }
    }
    if (live == 0) {
        if (has_default) {
            chosen[0].i = -1;
            chosen[1].u = 0;
            return CHAN_DONE;
        }
        sched_park(p, f, n ? WAIT_SELECT : WAIT_SELECT_NO_CASES, RESUME_GO);
        return CHAN_PARKED;
    }
    Chan *few[SELECT_INLINE], **order = few;
    if (n > SELECT_INLINE) {
        order = malloc(n * sizeof *order);
        if (!order) {
            return CHAN_WOULD_BLOCK;
        }
    }
    ChanStatus s = settle(p, f, cases, n, live, has_default, chosen, order);
    if (order != few) {
        free(order);
    }
    return s;
}
