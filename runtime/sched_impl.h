/* sched_impl.h - what sched.c, world.c and monitor.c share; nobody else includes it. */
#ifndef GOL_RUNTIME_SCHED_IMPL_H
#define GOL_RUNTIME_SCHED_IMPL_H

#include "runtime/sched.h"

static inline uint32_t proc_status(P *p)
{
    return atomic_load_explicit(&p->status, memory_order_seq_cst);
}
static inline void proc_set_status(P *p, uint32_t s)
{
    atomic_store_explicit(&p->status, s, memory_order_seq_cst);
}
static inline uint32_t blocking_status(uint32_t tick) { return P_BLOCKING | tick << 8; }
static inline bool is_blocking(uint32_t status) { return (status & 0xff) == P_BLOCKING; }
static inline bool vm_stopping(GolVM *vm)
{
    return atomic_load_explicit(&vm->stopping, memory_order_seq_cst) != 0;
}

P *proc_new(GolVM *vm, uint32_t id);

void m_loop(M *m);                   /* works until the VM ends or m->call is done */
P *m_wait_p(M *m);                   /* m without a P gets one (world.c); a thread of the VM ends here
                                        with the VM */
void sched_set_current_m(M *m);

/* All under vm->lock. */
void idle_put(GolVM *vm, P *p);      /* to a thread that wants a P, else to the idle list */
P *idle_get(GolVM *vm);              /* NULL also while the world is stopped or the VM ends */
P *idle_take(GolVM *vm);             /* the same, but a monitor that sleeps is left alone */
void idle_remove(GolVM *vm, P *p);

/* Without lock: runs p (owned by the caller, status P_RUNNING, no M) on an idle or a new thread. */
void start_p(GolVM *vm, P *p, bool spinning);
void wake_p(GolVM *vm);              /* an idle P gets to work, if there is one and nobody spins */
void m_wake(M *m);
bool proc_has_work(P *p);
bool all_asleep(GolVM *vm);          /* nothing can ever run again; under vm->lock */
bool stop_here(P *p);                /* waits out a stopped world; false: this thread lost p */
void deadlock_check(GolVM *vm);

#endif
