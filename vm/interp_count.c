/* interp_count.c - the dispatch tables of VMs with a limit of steps.
 *
 * Each is another table but for the opcodes that may yield (FY): back edges, calls, channel
 * operations. Those first take one step from their P's budget, which comes in portions from
 * VmState.steps_left, so that Ps share a cache line once in thousands of steps. Between two steps lies
 * straight-line code, which its function's size bounds. When the limit is reached the VM ends by a
 * fatal error; a P may have used up to a portion less than its share.
 */
#include <pthread.h>

#include "runtime/sched.h"

#include "vm/interp.h"
#include "vm/panic.h"
#include "vm/vm.h"

enum { PORTION = 4096 };

static Dispatch plain, chosen; /* what counts, over dispatch_plain and over dispatch_chosen */

/* The next portion; false: the VM ends. */
static bool refill(P *p, const Insn *pc, const Slot *fp)
{
    VmState *vm = vm_state(p->vm);
    Fiber *f = p->fiber;
    int64_t left = atomic_fetch_sub_explicit(&vm->steps_left, PORTION, memory_order_relaxed);
    if (left > 0) {
        vm_p(p)->budget = left < PORTION ? left : PORTION;
        return true;
    }
    atomic_store_explicit(&vm->steps_left, 0, memory_order_relaxed);
    interp_save(f, pc, fp);
    f->resume = RESUME_AGAIN;
    sched_fatal(p, "limit of %llu steps reached", (unsigned long long)vm->steps_max);
    return false;
}

COLD_HANDLER(cold_budget)
{
    if (!refill(p, pc, fp)) {
        LEAVE();
    }
    MUSTTAIL return d->op[pc->op](pc, fp, p, d);
}

static HANDLER_CC Step count_plain(const Insn *pc, Slot *fp, P *p, const Dispatch *d)
{
    if (UNLIKELY(--vm_p(p)->budget < 0)) {
        COLD(cold_budget);
    }
    MUSTTAIL return dispatch_plain.op[pc->op](pc, fp, p, d);
}

static HANDLER_CC Step count_chosen(const Insn *pc, Slot *fp, P *p, const Dispatch *d)
{
    if (UNLIKELY(--vm_p(p)->budget < 0)) {
        COLD(cold_budget);
    }
    MUSTTAIL return dispatch_chosen(p->vm->replay)->op[pc->op](pc, fp, p, d);
}

static void fill(void)
{
    plain = dispatch_plain;
    chosen = *dispatch_chosen(false);
    for (int i = 0; i < OP_COUNT; i++) {
        if (op_info[i].flags & FY) {
            plain.op[i] = count_plain;
            chosen.op[i] = count_chosen;
        }
    }
}

const Dispatch *dispatch_counted(const Dispatch *base)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return base == &dispatch_plain ? &plain : &chosen;
}
