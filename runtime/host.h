/* host.h - the host's threads inside a VM: calls from C into script code.
 *
 * A host thread that calls in becomes an M of the VM for the length of the call: it takes a P, runs
 * the call's fiber at once and, should that park, works as any other M until the call is done. So a
 * VM whose host has one thread needs no thread of its own, and an idle VM has none. Between calls
 * the VM's other goroutines go on, on threads of the VM that are started when needed.
 *
 * A native that calls back into script code (host_run_nested) runs the call's fiber on its own P and
 * thread but nothing else: were it to run other fibers, natives of theirs could pile up on this C
 * stack and could not return in the order in which they finish. If the call parks or is preempted,
 * the P is given away and the thread waits, as in a blocking section.
 *
 * A HostCall is written by the host before the run, by whoever runs the fiber at its end, and read
 * by the host after `done` (release/acquire). When the VM ends first, the host must leave the
 * HostCall alone until the VM is closed: a thread that has not yet noticed may still finish it.
 */
#ifndef GOL_RUNTIME_HOST_H
#define GOL_RUNTIME_HOST_H

#include "runtime/sched.h"

typedef enum HostEnd {
    HOST_RUNS,
    HOST_RETURNED,
    HOST_PANICKED, /* text: what a crash would have printed */
    HOST_EXITED    /* runtime.Goexit */
} HostEnd;

typedef struct HostCall {
    M *m;                   /* the thread that waits for it */
    _Atomic uint32_t done;  /* futex: HostEnd */
    bool nested, held;
    HostEnd end;
    char *text;             /* HOST_PANICKED: malloc'd, or NULL */
    /* Takes the results out of the frame, on the thread that runs the fiber; no safepoint. */
    void (*finish)(struct HostCall *c, P *p, const Slot *results);
} HostCall;

/* The VM belongs to a host that calls in: it does not end with a main function, and waiting
 * goroutines are no deadlock while the host may still call. Once, before the first call. */
void host_open(GolVM *vm);

/* The host's promise that some thread of it may ready something while calls wait (gol_vm_hold);
 * n is 1 or -1. */
void host_hold(GolVM *vm, int n);

/* The calling thread enters: an M with a P (m->p), or NULL: the VM has ended, or no memory. */
M *host_attach(GolVM *vm);
/* It leaves: the P goes to who has work for it. */
void host_detach(M *m);

/* The host call that f makes, or NULL. */
static inline HostCall *host_call_of(const Fiber *f)
{
    return f->flags & FIBER_F_HOST ? f->stack[0].p : NULL;
}

/* Runs fiber f (FIBER_NEW, made for c) until c is done, true, or the VM ends, false. */
bool host_run(M *m, HostCall *c, Fiber *f);

/* The same from a native of the VM, whose fiber's state is saved and which holds P p. Gives the P
 * to go on with. c->done tells. */
P *host_run_nested(P *p, HostCall *c, Fiber *f);

/* The end of the running fiber, which is a host call's: ends the fiber and tells the host. True: the
 * dispatch loop must be left, this thread waits for it. */
bool host_end(P *p, HostEnd end, const Slot *results);

/* The calling thread is in a native of vm and has a P (a nested call is meant). */
bool host_inside(GolVM *vm);

/* Asks every goroutine to end and waits until nothing runs: the VM is dead, not closed. The calling
 * thread must not be inside it. */
void host_kill(GolVM *vm, int code);

#endif
