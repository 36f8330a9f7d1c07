/* choice.h - the one place where scheduling choices are drawn.
 *
 * Four things in a running VM are nobody's decision: which runnable goroutine comes next, whom an
 * idle P steals from, which of a select's ready cases is taken, and whether a goroutine yields at a
 * synchronisation point. Waiters of a channel or a lock are served first come, first served: that is
 * a rule of the language's, so it is not drawn. Everybody who decides one of the four asks
 * sched_choose; nobody looks at a clock or an address for it.
 *
 *   CHOICE_FREE     the plain scheduler: the queue's order, and random draws for victim and case
 *   CHOICE_PERTURB  the plain queues on any number of Ps; a goroutine yields at a synchronisation
 *                   point, or goes to the end of the queue when it is readied, one time in eight
 *   CHOICE_EXACT    one P; every runnable goroutine stands in the global queue and each choice, a
 *                   possible yield at each synchronisation point included, is a draw: the sequence
 *                   of answers is the schedule. The monitor never preempts
 *
 * Synchronisation points are the opcodes marked FS in opcodes.def and every call of a native; in the
 * plain mode they cost nothing, since the other two run with a dispatch table of their own
 * (vm/interp_choice.c). The answers come from a generator that serves choices only, one per VM
 * (exact) or per P (perturb), or from a function of the caller's (exploration, model tests).
 */
#ifndef GOL_RUNTIME_CHOICE_H
#define GOL_RUNTIME_CHOICE_H

#include "runtime/rand.h"
#include "runtime/vmstate.h"

/* Before the VM runs. EXACT reduces it to one P. */
void choice_seed(GolVM *vm, ChoiceMode mode, uint64_t seed);
/* The same interleaving for the same seed, whatever the machine does: EXACT, and everything else that
 * could differ is settled too. Time is virtual (clock.h); slices end by count; blocking sections keep
 * their P; collections stand still at the allocation that is due; random numbers and hash seeds
 * come from the seed. There is no monitor. A VM with one P, before it runs. */
void choice_replay(GolVM *vm, uint64_t seed);
void choice_install(GolVM *vm, ChoiceMode mode, ChoiceFn *draw, void *ctx);
/* A P is new: its part of what the two above set. */
void choice_init_proc(P *p);

uint32_t choice_draw(P *p, ChoiceKind kind, uint32_t n);

static inline bool choice_exact(const P *p)
{
    return __builtin_expect(p->chosen, 0) && p->vm->choice.mode == CHOICE_EXACT;
}

/* One of n > 0. In the plain mode: 0 for NEXT and YIELD. */
static inline uint32_t sched_choose(P *p, ChoiceKind kind, uint32_t n)
{
    if (__builtin_expect(p->chosen, 0)) {
        return n < 2 ? 0 : choice_draw(p, kind, n);
    }
    return kind == CHOICE_VICTIM || kind == CHOICE_CASE ? rand_below(p, n) : 0;
}

#endif
