/* sema.c - the table of semaphore waiters. See sema.h.
 *
 * Buckets by address, a short lock each. A bucket is a list (root_next) of addresses, each
 * represented by its first Waiter, which knows the last (tail); the others hang from it by next,
 * in FIFO order (lifo puts in front). Acquire decrements the word with a CAS if it is
 * positive; otherwise it takes the bucket's lock, announces itself in the bucket's nwait, tries
 * once more and queues. Release increments, then looks at nwait (seq_cst on both sides: one of the
 * two sees the other), takes a unit for the first waiter under the lock and hands it over, so the
 * waiter need not retry.
 */
#include "runtime/sema.h"

#include <assert.h>
#include <stdlib.h>

enum { BUCKETS = 256 };

typedef struct Bucket {
    _Alignas(64) SpinLock lock;
    _Atomic uint32_t nwait; /* waiters in this bucket; seq_cst */
    Waiter *roots;
} Bucket;

typedef struct SemaTable {
    Bucket b[BUCKETS];
} SemaTable;

SemaTable *sema_table_new(void)
{
    SemaTable *t = aligned_alloc(64, sizeof *t);
    if (t) {
        for (int i = 0; i < BUCKETS; i++) {
            atomic_init(&t->b[i].lock.word, 0);
            atomic_init(&t->b[i].nwait, 0);
            t->b[i].roots = NULL;
        }
    }
    return t;
}

void sema_table_free(SemaTable *t)
{
    free(t);
}

static Bucket *bucket(P *p, const void *addr)
{
    uint64_t h = (uint64_t)(uintptr_t)addr * 0x9e3779b97f4a7c15u;
    return &p->vm->semas->b[h >> 56];
}

/* The link that points at addr's first waiter, or at the end of the list. */
static Waiter **find_root(Bucket *b, const void *addr)
{
    Waiter **l = &b->roots;
    while (*l && (*l)->addr != addr) {
        l = &(*l)->root_next;
    }
    return l;
}

static void enqueue(Bucket *b, Waiter *w, void *addr, bool lifo)
{
    Waiter **l = find_root(b, addr), *first = *l;
    w->addr = addr;
    w->next = NULL;
    w->is_select = 0;
    if (!first) {
        w->tail = w;
        w->root_next = NULL;
        *l = w;
    } else if (lifo) {
        w->next = first;
        w->tail = first->tail;
        w->root_next = first->root_next;
        *l = w;
    } else {
        first->tail->next = w;
        first->tail = w;
    }
}

static void unlink_first(Waiter **l)
{
    Waiter *w = *l;
    if (w->next) {
        w->next->tail = w->tail;
        w->next->root_next = w->root_next;
        *l = w->next;
    } else {
        *l = w->root_next;
    }
}

static bool try_take(_Atomic uint32_t *addr)
{
    uint32_t v = atomic_load_explicit(addr, memory_order_seq_cst);
    while (v > 0) {
        if (atomic_compare_exchange_weak_explicit(addr, &v, v - 1, memory_order_seq_cst,
                                                  memory_order_seq_cst)) {
            return true;
        }
    }
    return false;
}

bool sema_acquire(P *p, Fiber *f, _Atomic uint32_t *addr, bool lifo, WaitReason reason)
{
    return sema_wait(p, f, addr, lifo, reason, RESUME_GO);
}

bool sema_wait(P *p, Fiber *f, _Atomic uint32_t *addr, bool lifo, WaitReason reason,
               FiberResume resume)
{
    if (try_take(addr)) {
        return true;
    }
    Bucket *b = bucket(p, addr);
    lock_acquire(&b->lock);
    atomic_fetch_add_explicit(&b->nwait, 1, memory_order_seq_cst);
    if (try_take(addr)) {
        atomic_fetch_sub_explicit(&b->nwait, 1, memory_order_seq_cst);
        lock_release(&b->lock);
        return true;
    }
    f->wait.fiber = f;
    enqueue(b, &f->wait, addr, lifo);
    sched_park(p, f, reason, resume);
    lock_release(&b->lock);
    return false;
}

bool sema_release(P *p, _Atomic uint32_t *addr, bool handoff)
{
    Bucket *b = bucket(p, addr);
    atomic_fetch_add_explicit(addr, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&b->nwait, memory_order_seq_cst) == 0) {
        return false;
    }
    lock_acquire(&b->lock);
    Waiter **l = find_root(b, addr), *w = *l;
    /* take our unit back for the waiter; if somebody was faster, his release will serve it */
    if (w && try_take(addr)) {
        unlink_first(l);
        atomic_fetch_sub_explicit(&b->nwait, 1, memory_order_seq_cst);
    } else {
        w = NULL;
    }
    lock_release(&b->lock);
    if (!w) {
        return false;
    }
    sched_ready(p, w->fiber);
    return handoff;
}

/* ---- notify lists: waiters under the list's address, by ticket ---- */

uint32_t notify_add(NotifyList *l)
{
    return atomic_fetch_add_explicit(&l->wait, 1, memory_order_seq_cst);
}

bool notify_wait(P *p, Fiber *f, NotifyList *l, uint32_t ticket)
{
    Bucket *b = bucket(p, l);
    lock_acquire(&b->lock);
    if ((int32_t)(ticket - atomic_load_explicit(&l->notify, memory_order_relaxed)) < 0) {
        lock_release(&b->lock);
        return true; /* notified between add and wait */
    }
    atomic_fetch_add_explicit(&b->nwait, 1, memory_order_seq_cst);
    f->wait.fiber = f;
    f->wait.ticket = ticket;
    enqueue(b, &f->wait, l, false);
    sched_park(p, f, WAIT_COND_WAIT, RESUME_GO);
    lock_release(&b->lock);
    return false;
}

/* Takes the waiter with this ticket off the list of addr; tickets are nearly sorted. */
static Waiter *take_ticket(Bucket *b, const void *addr, uint32_t ticket)
{
    Waiter **l = find_root(b, addr), *first = *l, *prev = NULL;
    for (Waiter *w = first; w; prev = w, w = w->next) {
        if (w->ticket != ticket) {
            continue;
        }
        if (!prev) {
            unlink_first(l);
        } else {
            prev->next = w->next;
            if (first->tail == w) {
                first->tail = prev;
            }
        }
        atomic_fetch_sub_explicit(&b->nwait, 1, memory_order_seq_cst);
        return w;
    }
    return NULL;
}

void notify_one(P *p, NotifyList *l)
{
    uint32_t wait = atomic_load_explicit(&l->wait, memory_order_seq_cst);
    if (wait == atomic_load_explicit(&l->notify, memory_order_seq_cst)) {
        return;
    }
    Bucket *b = bucket(p, l);
    lock_acquire(&b->lock);
    uint32_t t = atomic_load_explicit(&l->notify, memory_order_relaxed);
    Waiter *w = NULL;
    if (t != atomic_load_explicit(&l->wait, memory_order_seq_cst)) {
        atomic_store_explicit(&l->notify, t + 1, memory_order_seq_cst);
        w = take_ticket(b, l, t); /* NULL: it has its ticket but does not wait yet */
    }
    lock_release(&b->lock);
    if (w) {
        sched_ready(p, w->fiber);
    }
}

void notify_all(P *p, NotifyList *l)
{
    uint32_t wait = atomic_load_explicit(&l->wait, memory_order_seq_cst);
    if (wait == atomic_load_explicit(&l->notify, memory_order_seq_cst)) {
        return;
    }
    Bucket *b = bucket(p, l);
    lock_acquire(&b->lock);
    atomic_store_explicit(&l->notify, atomic_load_explicit(&l->wait, memory_order_seq_cst),
                          memory_order_seq_cst);
    Waiter **root = find_root(b, l), *list = *root;
    if (list) {
        *root = list->root_next;
        uint32_t n = 0;
        for (Waiter *w = list; w; w = w->next) {
            n++;
        }
        atomic_fetch_sub_explicit(&b->nwait, n, memory_order_seq_cst);
    }
    lock_release(&b->lock);
    while (list) {
        Waiter *w = list;
        list = w->next;
        sched_ready(p, w->fiber);
    }
}
