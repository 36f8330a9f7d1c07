/* clock.h - the monotonic clock that a VM's timers and scripts see: the system's, or, in a VM that
 * replays (choice_replay), one that nobody's speed moves.
 *
 * The virtual clock stands still while goroutines run, but for a microsecond whenever a script reads
 * it (so a loop that waits for a time ends) and a millisecond at each end of a counted slice
 * (vm/interp_choice.c). When nothing is runnable it jumps to the next timer (sched.c, keeper_sleep).
 * The thread that runs the one P writes it; dumps read it.
 */
#ifndef GOL_RUNTIME_CLOCK_H
#define GOL_RUNTIME_CLOCK_H

#include "runtime/os.h"
#include "runtime/vmstate.h"

enum { CLOCK_READ = 1000, CLOCK_SLICE = 1000000 };

/* The Unix time at which a virtual clock begins: 2009-11-10 23:00:00 UTC. */
#define CLOCK_WALL 1257894000

static inline int64_t clock_now(GolVM *vm)
{
    return __builtin_expect(vm->replay, 0) ? atomic_load_explicit(&vm->clock, memory_order_relaxed)
                                           : os_now();
}

/* Replay only. The clock never goes back. */
static inline void clock_set(GolVM *vm, int64_t now)
{
    if (now > atomic_load_explicit(&vm->clock, memory_order_relaxed)) {
        atomic_store_explicit(&vm->clock, now, memory_order_relaxed);
    }
}

/* What a script reads. */
static inline int64_t clock_read(GolVM *vm)
{
    if (__builtin_expect(vm->replay, 0)) {
        clock_set(vm, clock_now(vm) + CLOCK_READ);
    }
    return clock_now(vm);
}

#endif
