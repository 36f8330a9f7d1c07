/* interp_choice.c - the dispatch table of VMs whose schedule is drawn (runtime/choice.h).
 *
 * It is dispatch_plain but for the opcodes marked FS: those ask first whether the goroutine yields
 * here. A goroutine that did comes back to the same instruction and executes it without asking
 * again (FIBER_F_YIELDED), so that one synchronisation point is one choice. The table of a replay
 * counts back edges and calls as well: a loop without synchronisation points lets others run, too.
 */
#include <pthread.h>

#include "runtime/choice.h"
#include "runtime/clock.h"
#include "runtime/sched.h"

#include "vm/interp.h"
#include "vm/panic.h"
#include "vm/vm.h"

enum { SLICE = 20000 };

static Dispatch chosen, counted;

static bool yields(P *p, const Insn *pc)
{
    Fiber *f = p->fiber;
    if (f->flags & FIBER_F_YIELDED) {
        f->flags &= (uint8_t)~FIBER_F_YIELDED;
        return false;
    }
    return sched_choose(p, CHOICE_YIELD, 2) != 0;
}

static HANDLER_CC __attribute__((noinline)) Step sync_point(const Insn *pc, Slot *fp, P *p,
                                                            const Dispatch *d)
{
    if (yields(p, pc)) {
        Fiber *f = p->fiber;
        if (pc->op == OP_NATIVE) {
            /* it comes back as one that has begun: its results are zeroed here */
            for (uint32_t i = 0, n = frame_func(fp)->nres; i < n; i++) {
                fp[i].u = 0;
            }
        } else {
            f->flags |= FIBER_F_YIELDED;
        }
        interp_save(f, pc, fp);
        f->resume = RESUME_AGAIN;
        sched_gosched(p);
        COLD(interp_switch);
    }
    MUSTTAIL return dispatch_plain.op[pc->op](pc, fp, p, d);
}

/* A slice is over: others may run, timers fire. Where it ends is a matter of counting. */
static void slice_ends(P *p)
{
    GolVM *vm = p->vm;
    vm->slice_left = SLICE;
    clock_set(vm, clock_now(vm) + CLOCK_SLICE);
    sched_request(p, POLL_PREEMPT | POLL_TIMER);
}

static HANDLER_CC __attribute__((noinline)) Step count_down(const Insn *pc, Slot *fp, P *p,
                                                            const Dispatch *d)
{
    if (p->vm->slice_left-- == 0) {
        slice_ends(p);
    }
    MUSTTAIL return dispatch_plain.op[pc->op](pc, fp, p, d);
}

static void fill(void)
{
    chosen = dispatch_plain;
    for (int i = 0; i < OP_COUNT; i++) {
        if (op_info[i].flags & FS) {
            chosen.op[i] = sync_point;
        }
    }
    counted = chosen;
    for (int i = 0; i < OP_COUNT; i++) {
        bool back_edge = (op_info[i].flags & (FJ | FY)) == (FJ | FY);
        if (back_edge || i == OP_CALL || i == OP_CALLC || i == OP_CALLI) {
            counted.op[i] = count_down;
        }
    }
}

const Dispatch *dispatch_chosen(bool count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return count ? &counted : &chosen;
}
