/* interp_choice.c - the dispatch table of VMs whose schedule is drawn (runtime/choice.h).
 *
 * It is dispatch_plain but for the opcodes marked FS: those ask first whether the goroutine yields
 * here. A goroutine that did comes back to the same instruction and executes it without asking
 * again (FIBER_F_YIELDED), so that one synchronisation point is one choice.
 */
#include <pthread.h>

#include "runtime/choice.h"
#include "runtime/sched.h"

#include "vm/interp.h"
#include "vm/panic.h"
#include "vm/vm.h"

static Dispatch chosen;

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

static void fill(void)
{
    chosen = dispatch_plain;
    for (int i = 0; i < OP_COUNT; i++) {
        if (op_info[i].flags & FS) {
            chosen.op[i] = sync_point;
        }
    }
}

const Dispatch *dispatch_chosen(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &chosen;
}
