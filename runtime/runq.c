/* runq.c - the slow paths of run queues: overflow, stealing, the VM's queue. See runq.h. */
#include "runtime/runq.h"

#include <assert.h>

#include "runtime/choice.h"

void globq_put_list(GolVM *vm, Fiber *first, Fiber *last, uint32_t n)
{
    last->next = NULL;
    if (vm->globq_tail) {
        vm->globq_tail->next = first;
    } else {
        vm->globq_head = first;
    }
    vm->globq_tail = last;
    atomic_fetch_add_explicit(&vm->nglobq, n, memory_order_seq_cst);
}

void globq_put(GolVM *vm, Fiber *f)
{
    globq_put_list(vm, f, f, 1);
}

/* Exact choices: any of the runnable ones. Under vm->lock; the queue is not empty. */
static Fiber *take_chosen(P *p)
{
    GolVM *vm = p->vm;
    uint32_t k = sched_choose(p, CHOICE_NEXT,
                              atomic_load_explicit(&vm->nglobq, memory_order_relaxed));
    Fiber *before = NULL, *f = vm->globq_head;
    for (; k > 0; k--) {
        before = f;
        f = f->next;
    }
    if (before) {
        before->next = f->next;
    } else {
        vm->globq_head = f->next;
    }
    if (vm->globq_tail == f) {
        vm->globq_tail = before;
    }
    f->next = NULL;
    atomic_fetch_sub_explicit(&vm->nglobq, 1, memory_order_seq_cst);
    return f;
}

Fiber *globq_get(P *p, uint32_t max)
{
    GolVM *vm = p->vm;
    if (atomic_load_explicit(&vm->nglobq, memory_order_relaxed) == 0) {
        return NULL;
    }
    lock_acquire(&vm->lock);
    if (choice_exact(p)) {
        Fiber *f = vm->globq_head ? take_chosen(p) : NULL;
        lock_release(&vm->lock);
        return f;
    }
    uint32_t have = atomic_load_explicit(&vm->nglobq, memory_order_relaxed);
    uint32_t n = have / vm->nprocs + 1;
    n = n > have ? have : n;
    n = n > RUNQ_SIZE / 2 ? RUNQ_SIZE / 2 : n;
    if (max && n > max) {
        n = max;
    }
    Fiber *first = n ? vm->globq_head : NULL, *rest = NULL;
    if (n) {
        Fiber *last = first;
        for (uint32_t i = 1; i < n; i++) {
            last = last->next;
        }
        vm->globq_head = last->next;
        if (!vm->globq_head) {
            vm->globq_tail = NULL;
        }
        last->next = NULL;
        rest = first->next;
        atomic_fetch_sub_explicit(&vm->nglobq, n, memory_order_seq_cst);
    }
    lock_release(&vm->lock);
    while (rest) {
        Fiber *f = rest;
        rest = f->next;
        runq_put(p, f);
    }
    return first;
}

/* The queue is full: half of it and f go to the VM's queue. */
void runq_overflow(P *p, Fiber *f)
{
    Fiber *first = NULL, **link = &first, *last = NULL;
    uint32_t n = 0;
    while (n < RUNQ_SIZE / 2) {
        Fiber *g = runq_get(p);
        if (!g) {
            break;
        }
        *link = g;
        link = &g->next;
        last = g;
        n++;
    }
    *link = f;
    last = f;
    lock_acquire(&p->vm->lock);
    globq_put_list(p->vm, first, last, n + 1);
    lock_release(&p->vm->lock);
}

void runq_put(P *p, Fiber *f)
{
    uint32_t h = atomic_load_explicit(&p->runq_head, memory_order_acquire);
    uint32_t t = atomic_load_explicit(&p->runq_tail, memory_order_relaxed);
    if (t - h >= RUNQ_SIZE) {
        runq_overflow(p, f);
        return;
    }
    atomic_store_explicit(&p->runq[t % RUNQ_SIZE], f, memory_order_relaxed);
    atomic_store_explicit(&p->runq_tail, t + 1, memory_order_release);
}

bool runq_empty(P *p)
{
    return atomic_load_explicit(&p->runq_head, memory_order_seq_cst) ==
           atomic_load_explicit(&p->runq_tail, memory_order_seq_cst);
}

/* Copies half of victim's queue behind p's tail, then claims it with one CAS. */
Fiber *runq_steal(P *p, P *victim)
{
    uint32_t t = atomic_load_explicit(&p->runq_tail, memory_order_relaxed);
    for (;;) {
        uint32_t h = atomic_load_explicit(&victim->runq_head, memory_order_acquire);
        uint32_t vt = atomic_load_explicit(&victim->runq_tail, memory_order_acquire);
        uint32_t n = vt - h;
        n -= n / 2;
        if (n == 0) {
            return NULL;
        }
        if (n > RUNQ_SIZE / 2) {
            continue; /* head and tail do not belong together */
        }
        for (uint32_t i = 0; i < n; i++) {
            Fiber *f = atomic_load_explicit(&victim->runq[(h + i) % RUNQ_SIZE],
                                            memory_order_relaxed);
            atomic_store_explicit(&p->runq[(t + i) % RUNQ_SIZE], f, memory_order_relaxed);
        }
        if (atomic_compare_exchange_strong_explicit(&victim->runq_head, &h, h + n,
                                                    memory_order_acq_rel, memory_order_relaxed)) {
            Fiber *f = atomic_load_explicit(&p->runq[(t + n - 1) % RUNQ_SIZE],
                                            memory_order_relaxed);
            atomic_store_explicit(&p->runq_tail, t + n - 1, memory_order_release);
            return f;
        }
    }
}
