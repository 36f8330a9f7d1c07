/* select.h - select over several channels. See select.c for the argument. */
#ifndef GOL_RUNTIME_SELECT_H
#define GOL_RUNTIME_SELECT_H

#include "runtime/chan.h"

enum { SELECT_RECV = 0, SELECT_SEND = 1 };

typedef struct SelectCase {
    Chan *chan;  /* NULL: never ready */
    Slot *val;   /* send: the value; receive: destination or NULL. In f's stack */
    uint32_t dir;
} SelectCase;

#define SELECT_MAX 65535

/* chosen[0] gets the case's number (-1: default), chosen[1] 1 or 0: received ok. Both stand in f's
 * stack, as do the values; f is saved. The case array is not kept.
 * DONE, PARKED (no default), CLOSED (panic: send on closed channel). */
ChanStatus select_run(P *p, Fiber *f, const SelectCase *cases, uint32_t n, bool has_default,
                      Slot *chosen);

/* For chan.c: fiber f was claimed by a waker and unlinks its other waiters; the caller holds no
 * channel lock. */
void select_cleanup(P *p, Fiber *f);
/* With the world stopped: takes a parked fiber out of the channel queues that it waits in. The caller
 * readies it, its operation undone. False: it waits for something else, or has been woken. */
bool select_withdraw(P *p, Fiber *f);
void select_free_pool(P *p);

#endif
