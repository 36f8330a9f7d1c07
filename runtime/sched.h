/* sched.h - running fibers on Ps: what vm/, natives, the collector and the host call.
 *
 * The one rule of parking: BEFORE anything that can park, the VM saves fiber->pc and fiber->fp (pc
 * past the instruction). A result PARKED means that the fiber is no longer ours: another thread may
 * already run it. Never touch it again; take sched_next(p) and go on with that, or return to the
 * thread's loop when it gives NULL.
 *
 * When a fiber comes back from sched_next (or as p->fiber at the start of hooks->run) everything a
 * wait had to deliver stands in its frame; only fiber->resume may ask for something else.
 */
#ifndef GOL_RUNTIME_SCHED_H
#define GOL_RUNTIME_SCHED_H

#include "runtime/runq.h"
#include "runtime/vmstate.h"

typedef enum SchedPoll {
    SCHED_CONTINUE, /* go on with the same fiber */
    SCHED_YIELDED,  /* the fiber was queued: take sched_next */
    SCHED_STOP      /* the VM ends: return from hooks->run */
} SchedPoll;

/* ---- a VM's life ---- */

/* A VM without fibers. nprocs 0: $GOMAXPROCS or the number of cores. NULL: out of memory. The
 * caller sets heap, vmdata etc. before the first fiber; hooks->proc_init runs for each P (the first
 * one inside this call). */
GolVM *sched_new_vm(const VMHooks *hooks, uint32_t nprocs, void *vmdata);

/* Frees Ps, fibers, timers; all threads are gone. */
void sched_free_vm(GolVM *vm);

/* Runs `main` (from fiber_new on vm->procs[0], filled in by vm/) on the calling thread until the
 * VM ends; gives the exit status. All other threads have ended when it returns. */
int sched_run_vm(GolVM *vm, Fiber *main);

/* Ends the VM: first caller wins. From any thread. Fibers are discarded where they stand. */
void sched_exit_vm(GolVM *vm, int code);
static inline void sched_kill(GolVM *vm) { sched_exit_vm(vm, 137); }
static inline bool sched_exiting(GolVM *vm)
{
    return atomic_load_explicit(&vm->exiting, memory_order_acquire) != 0;
}

/* "fatal error: ..." with every goroutine's trace, exit status 2. The calling fiber's state must be
 * saved; it is printed first. Returns; the caller leaves the loop as after SCHED_STOP. sched_die is
 * the same with `kind` in the place of "fatal error: ". */
void sched_die(P *p, const char *kind, const char *msg);
void sched_fatal(P *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- fibers ---- */

/* go statement: f from fiber_new, filled in. It runs next on this P or is stolen. */
void sched_start(P *p, Fiber *f);

/* The running fiber has ended: its block is reused. Take sched_next. Ending the main fiber does
 * not end the VM; vm/ calls sched_exit_vm for that. */
void sched_exit(P *p);

/* runtime.Gosched: the running fiber goes to the end of the queue. Take sched_next. */
void sched_gosched(P *p);

/* Parks the running fiber. Call it while holding the lock of the queue it was put in, release that
 * lock after it, and touch the fiber no more. */
static inline void sched_park(P *p, Fiber *f, WaitReason reason, FiberResume resume)
{
    f->reason = (uint8_t)reason;
    f->resume = (uint8_t)resume;
    f->since = 0;
    fiber_set_status(f, FIBER_WAITING);
    p->fiber = NULL;
}

/* Makes a parked fiber runnable: it runs next on this P. The caller owns f (took it off its queue)
 * and holds no lock that a run queue needs (see lock.h). */
void sched_ready(P *p, Fiber *f);

/* The same from a thread without a P (host, monitor). */
void sched_ready_remote(GolVM *vm, Fiber *f);

/* The next fiber for this P, now p->fiber; NULL: return from hooks->run, the thread's loop has work
 * to do (steal, sleep, stop, end). */
Fiber *sched_next_slow(P *p);

static inline Fiber *sched_take(P *p, Fiber *f)
{
    fiber_gc_scan(p, f);
    fiber_set_status(f, FIBER_RUNNING);
    p->fiber = f;
    proc_set_limit(p, f);
    return f;
}

static inline Fiber *sched_next(P *p)
{
    uint32_t tick = atomic_load_explicit(&p->sched_tick, memory_order_relaxed) + 1;
    atomic_store_explicit(&p->sched_tick, tick, memory_order_relaxed);
    if (__builtin_expect(tick % 61 == 0 || proc_poll_pending(p), 0)) {
        return sched_next_slow(p);
    }
    Fiber *f = runq_take_next(p);
    if (f) {
        return sched_take(p, f);
    }
    return sched_next_slow(p);
}

/* ---- polling ---- */

/* p->poll is not 0 (or the stack check failed with stack_limit NULL). pc and fp are saved. */
SchedPoll sched_poll(P *p);

/* Sets poll bits and poisons the stack limit; any thread. */
void sched_request(P *p, uint32_t bits);
void sched_request_all(GolVM *vm, uint32_t bits);
static inline void sched_request_gc(P *p) { sched_request(p, POLL_GC); }

/* ---- stop the world ---- */

/* All other Ps stand at safepoints (or in blocking sections) when it returns. p's own fiber must be
 * saved. False: the VM is ending, or another P stopped the world meanwhile and this one has
 * waited for it: look again whether stopping is still needed. */
bool sched_stop_world(P *p);
void sched_start_world(P *p);

/* runtime.GOMAXPROCS(n): p's fiber is saved. p may not survive; the answer is the P to go on with
 * (always procs[0] or p). */
P *sched_set_procs(P *p, uint32_t n);

/* Long work at a safepoint that is not script code (the collector's): is the P wanted for a stop or
 * the end? Then yield waits the stop out; false: the P is lost, or the VM ends. */
bool sched_wanted(P *p);
bool sched_yield_to_stop(P *p);
/* An idle P gets to work, if there is one: it finds what the collector has to do. */
void sched_wake_idle(P *p);

/* ---- blocking sections ---- */

/* Between these the thread may block in the kernel; it must touch nothing of the VM and the heap.
 * The fiber is saved before (a native call is). exit returns the P to go on with, maybe another;
 * it waits for one. It returns also when the VM is ending: the next poll sees that. They nest. */
void sched_enter_blocking(P *p);
P *sched_exit_blocking(P *p);

/* ---- inquiries ---- */

int64_t sched_num_fibers(GolVM *vm);
struct M *sched_current_m(void);
/* Every goroutine as Go prints it, `first` (may be NULL) in front as "running". World stopped. */
void sched_dump(GolVM *vm, Fiber *first, Sink *sink);
/* "goroutine N [state]:" line. */
void sched_dump_header(GolVM *vm, Fiber *f, Sink *sink, int64_t now);

/* Starts the monitor thread if there is none. */
void monitor_need(GolVM *vm);
void monitor_stop(GolVM *vm);
void monitor_wake(GolVM *vm);
void monitor_hurry(GolVM *vm);

#endif
