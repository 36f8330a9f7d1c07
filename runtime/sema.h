/* sema.h - semaphores and notify lists under sync.*, keyed by address.
 *
 * A semaphore is a uint32 in script memory; waiters hang in a sharded table of the VM under the
 * address. The word is accessed atomically. A fiber that waits keeps the address in its frame.
 */
#ifndef GOL_RUNTIME_SEMA_H
#define GOL_RUNTIME_SEMA_H

#include "runtime/sched.h"

/* Takes one from *addr or parks until release hands it one. True: done; false: f is parked
 * (NATIVE_PARK). lifo: to the front of the queue. */
bool sema_acquire(P *p, Fiber *f, _Atomic uint32_t *addr, bool lifo, WaitReason reason);
/* The same; resume is what the fiber does once it has its unit. */
bool sema_wait(P *p, Fiber *f, _Atomic uint32_t *addr, bool lifo, WaitReason reason,
               FiberResume resume);

/* Gives one back and wakes a waiter, which owns it then. handoff: the caller yields directly
 * afterwards (returns true: take NATIVE_YIELD). */
bool sema_release(P *p, _Atomic uint32_t *addr, bool handoff);

/* sync.Cond's list: two words in script memory {wait, notify}. add takes a ticket before the
 * Cond's lock is released. */
typedef struct NotifyList {
    _Atomic uint32_t wait;   /* next ticket */
    _Atomic uint32_t notify; /* next ticket to be notified; under the bucket's lock */
} NotifyList;
uint32_t notify_add(NotifyList *l);
bool notify_wait(P *p, Fiber *f, NotifyList *l, uint32_t ticket); /* false: parked */
void notify_one(P *p, NotifyList *l);
void notify_all(P *p, NotifyList *l);

struct SemaTable *sema_table_new(void);
void sema_table_free(struct SemaTable *t);

#endif
