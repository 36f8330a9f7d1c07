/* timer.h - timers: a 4-ary heap on each P. Sleep, channel timers, AfterFunc.
 *
 * Times are monotonic nanoseconds (os_now). A Timer is embedded in a script object (time.Timer's
 * native part) or in a parked fiber (Sleep). While it is armed the heap of its P points at it.
 * Stop and Reset may be called by anybody at any time, racy too. Channel timers follow Go 1.23: after
 * Stop or Reset returns no stale value will be received, len and cap of the channel are 0, and a
 * timer whose channel nobody can reach is collected, running or not.
 */
#ifndef GOL_RUNTIME_TIMER_H
#define GOL_RUNTIME_TIMER_H

#include "runtime/chan.h"

typedef enum TimerKind {
    TIMER_FIBER, /* ready `target`, a Fiber */
    TIMER_CHAN,  /* try to send hooks->timer_value on `target`, a Chan of cap 1 */
    TIMER_FUNC   /* hooks->timer_func(target), a func value */
} TimerKind;

typedef struct Timer {
    SpinLock lock;           /* serialises Stop, Reset and arming */
    _Atomic uint32_t armed;  /* number of the heap entry that counts, 0: none. Leaves that number
                                under the lock of the entry's heap */
    struct P *_Atomic owner; /* P whose heap it was put in last; set under lock */
    int64_t period;          /* > 0: repeats; under owner's timer_lock */
    void *target;
    uint32_t number;         /* of the latest entry; under lock */
    uint8_t kind;
} Timer;
_Static_assert(sizeof(Timer) <= 48, "sleep keeps its timer in the fiber");

/* A zeroed Timer is idle once initialised. */
void timer_init(Timer *t, TimerKind kind, void *target);

/* Arms it (again) for `when`; true if it was armed before. For time.NewTimer, Reset, Ticker. */
bool timer_reset(P *p, Timer *t, int64_t when, int64_t period);

/* True if it was armed. */
bool timer_stop(P *p, Timer *t);

/* A channel for time.Timer/Ticker, with its timer; t is "chan time.Time". The timer is part of the
 * channel's object: a pointer to either keeps both. */
Chan *timer_chan_new(P *p, const RType *t, Timer **timer);

/* time.Sleep: parks f, which is saved, for ns > 0. Take sched_next (NATIVE_PARK). */
void timer_sleep(P *p, Fiber *f, int64_t ns);

/* Fires what is due on `owner`; p runs it. True if something fired. */
bool timer_run(P *p, P *owner, int64_t now);

/* Earliest time over all Ps, INT64_MAX if none. No lock. */
int64_t timer_earliest(GolVM *vm);

/* Makes the earliest of all timers due now. False if there is none. All Ps are idle. */
bool timer_hasten(GolVM *vm);

/* GOMAXPROCS shrinks: q's timers move to heir; world stopped. */
void timer_move_all(P *q, P *heir);

/* Collector. scan: a P's armed timers of functions, which are roots, while the program runs; chans: those
 * of channels as well.
 * drop_unreached: marking is complete, what was not reached is not yet reused; entries of such timers
 * are taken away, while the program runs. */
void timer_scan(P *owner, bool chans, void (*visit)(Timer *t, void *ctx), void *ctx);
void timer_drop_unreached(GolVM *vm, bool (*is_reached)(const void *object, void *ctx), void *ctx);

#endif
