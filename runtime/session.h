/* session.h - a VM that runs entries of a session (a REPL) in place of a program: what internal/repl
 * and the VM tell the session, which embed/session.c implements.
 *
 * The main goroutine is repl.Loop: it takes entries with `begin` and starts a goroutine for each,
 * which calls what `step` gives it. A panic that nothing recovers ends its goroutine only, not the
 * VM. `kill` names a goroutine that is to end, running its deferred calls, at its next poll; it is
 * written by the host and read at polls, relaxed: a host that wants it seen soon requests polls.
 */
#ifndef GOL_RUNTIME_SESSION_H
#define GOL_RUNTIME_SESSION_H

#include "runtime/vmstate.h"

typedef struct Session {
    /* Loads the next entry and gives its number; 0: the session ends; -1: the fiber is parked, ask
     * again. On p's thread, its fiber's state saved. */
    int64_t (*begin)(struct Session *s, P *p);
    /* The next function of entry id that the running goroutine is to call, or NULL. */
    const void *(*step)(struct Session *s, P *p, int64_t id);
    /* f is about to end, or is discarded with the VM. */
    void (*ended)(struct Session *s, Fiber *f);
    /* A panic ends f; it has been printed. */
    void (*died)(struct Session *s, Fiber *f);
    /* Ends goroutine id: 0: there is none, 1: it ends at once, 2: when it wakes, -1: try again. On
     * p's thread, its fiber's state saved. */
    int (*end)(struct Session *s, P *p, int64_t id);
    _Atomic uint64_t kill;
} Session;

static inline bool session_kills(const GolVM *vm, const Fiber *f)
{
    return __builtin_expect(vm->session != NULL, 0) &&
           atomic_load_explicit(&vm->session->kill, memory_order_relaxed) == f->id;
}

#endif
