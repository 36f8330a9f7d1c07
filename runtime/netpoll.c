/* netpoll.c - epoll under the scheduler. See netpoll.h.
 *
 * Descriptors are registered once, edge-triggered, for both directions. Each direction is one
 * word: 0 nothing known, 1 ready (not yet consumed), else the parked Fiber. The poller and the
 * waiter meet with compare-and-swap: the waiter consumes 1 or puts itself in place of 0; the poller
 * turns 0 into 1 or takes the Fiber. nio counts parked fibers (deadlock detection); whoever queues
 * a collected fiber lowers it afterwards, so that one under way still counts.
 * One eventfd breaks the keeper's epoll_wait. A closed PollDesc goes to a list of its VM and is
 * freed with it, since an event on its way may still name it.
 */
#include "runtime/netpoll.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/sched_impl.h"

enum { EVENTS = 64, READY = 1 };

typedef struct Netpoll {
    int epfd, breakfd;
    SpinLock lock;
    PollDesc *closed; /* by next_closed; under lock */
} Netpoll;

bool netpoll_ensure(GolVM *vm)
{
    if (vm->netpoll) {
        return true;
    }
    Netpoll *n = calloc(1, sizeof *n);
    if (!n) {
        return false;
    }
    n->epfd = epoll_create1(EPOLL_CLOEXEC);
    n->breakfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    bool ok = n->epfd >= 0 && n->breakfd >= 0 &&
              epoll_ctl(n->epfd, EPOLL_CTL_ADD, n->breakfd, &ev) == 0;
    lock_acquire(&vm->lock);
    if (ok && !vm->netpoll) {
        vm->netpoll = n;
        if (vm->keeper) {
            m_wake(vm->keeper); /* it sleeps on a futex: let it go to epoll_wait */
        }
        n = NULL;
    }
    lock_release(&vm->lock);
    if (n) {
        close(n->epfd);
        close(n->breakfd);
        free(n);
    }
    return vm->netpoll != NULL;
}

PollDesc *netpoll_open(P *p, int fd)
{
    if (!netpoll_ensure(p->vm)) {
        return NULL;
    }
    PollDesc *d = calloc(1, sizeof *d);
    if (!d) {
        return NULL;
    }
    d->fd = fd;
    d->vm = p->vm;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = d};
    if (epoll_ctl(p->vm->netpoll->epfd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        int e = errno;
        free(d);
        errno = e;
        return NULL;
    }
    return d;
}

/* The direction is ready: the parked fiber, which is ours now, or NULL. */
static Fiber *unblock(PollDesc *d, _Atomic uintptr_t *word)
{
    uintptr_t v = atomic_exchange_explicit(word, READY, memory_order_acq_rel);
    if (v <= READY) {
        return NULL;
    }
    atomic_store_explicit(word, 0, memory_order_release);
    return (Fiber *)v;
}

void netpoll_close(P *p, PollDesc *d)
{
    Netpoll *n = d->vm->netpoll;
    atomic_store_explicit(&d->closing, 1, memory_order_seq_cst);
    epoll_ctl(n->epfd, EPOLL_CTL_DEL, d->fd, NULL);
    Fiber *r = unblock(d, &d->reader), *w = unblock(d, &d->writer);
    for (int i = 0; i < 2; i++) {
        Fiber *f = i ? w : r;
        if (f) {
            sched_ready(p, f);
            atomic_fetch_sub_explicit(&p->vm->nio, 1, memory_order_seq_cst);
        }
    }
    lock_acquire(&n->lock);
    d->next_closed = n->closed;
    n->closed = d;
    lock_release(&n->lock);
}

bool netpoll_wait(P *p, Fiber *f, PollDesc *d, bool write)
{
    _Atomic uintptr_t *word = write ? &d->writer : &d->reader;
    if (atomic_load_explicit(&d->closing, memory_order_seq_cst)) {
        return true;
    }
    uintptr_t v = READY;
    if (atomic_compare_exchange_strong_explicit(word, &v, 0, memory_order_acq_rel,
                                                memory_order_acquire)) {
        return true;
    }
    if (v != 0) {
        return true; /* another fiber waits for the same direction: this one tries again */
    }
    atomic_fetch_add_explicit(&p->vm->nio, 1, memory_order_seq_cst);
    sched_park(p, f, WAIT_IO, RESUME_AGAIN);
    /* from the CAS on f may run elsewhere */
    uintptr_t zero = 0;
    if (!atomic_compare_exchange_strong_explicit(word, &zero, (uintptr_t)f, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        /* it became ready in between (or is closing): take f back */
        atomic_fetch_sub_explicit(&p->vm->nio, 1, memory_order_seq_cst);
        f->resume = RESUME_GO;
        fiber_set_status(f, FIBER_RUNNING);
        p->fiber = f;
        if (zero == READY) {
            atomic_compare_exchange_strong_explicit(word, &zero, 0, memory_order_acq_rel,
                                                    memory_order_acquire);
        }
        return true;
    }
    return false;
}

static void add_ready(Fiber **list, uint32_t *n, Fiber *f)
{
    if (f) {
        f->next = *list;
        *list = f;
        (*n)++;
    }
}

uint32_t netpoll_collect(GolVM *vm, int64_t ns, Fiber **list)
{
    Netpoll *np = vm->netpoll;
    struct epoll_event ev[EVENTS];
    int64_t ms = ns < 0 ? -1 : (ns + 999999) / 1000000;
    int n = epoll_wait(np->epfd, ev, EVENTS, ms > 3600000 ? 3600000 : (int)ms);
    uint32_t ready = 0;
    for (int i = 0; i < n; i++) {
        PollDesc *d = ev[i].data.ptr;
        uint32_t e = ev[i].events;
        if (!d) {
            /* meant for the keeper: a passing poll must not swallow it */
            uint64_t junk;
            ssize_t k = ns != 0 ? read(np->breakfd, &junk, sizeof junk) : 0;
            (void)k;
            continue;
        }
        if (e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            add_ready(list, &ready, unblock(d, &d->reader));
        }
        if (e & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
            add_ready(list, &ready, unblock(d, &d->writer));
        }
    }
    return ready;
}

void netpoll_break(GolVM *vm)
{
    uint64_t one = 1;
    ssize_t k = write(vm->netpoll->breakfd, &one, sizeof one);
    (void)k;
}

void netpoll_free(GolVM *vm)
{
    Netpoll *n = vm->netpoll;
    if (!n) {
        return;
    }
    while (n->closed) {
        PollDesc *d = n->closed;
        n->closed = d->next_closed;
        free(d);
    }
    close(n->epfd);
    close(n->breakfd);
    free(n);
}
