/* interp.c - the dispatch table and the loop's entry from the scheduler.
 *
 * The table is generated from opcodes.def: a handler that is missing does not link. interp_run is
 * hooks->run: it executes p->fiber and whatever sched_next gives after it and returns when there is
 * nothing more to do here (sched.h). The P may be another one by then.
 */
#include "vm/interp.h"
#include "vm/interp_run.h"
#include "vm/vm.h"

const Dispatch dispatch_plain = {{
#define OP(name, a, b, c, ext, flags, doc) [OP_##name] = op_##name,
#include "vm/opcodes.def"
}};

void interp_run(P *p)
{
    const Dispatch *d = vm_state(p->vm)->dispatch;
#ifdef GOL_TAIL
    interp_resume(NULL, NULL, p, d);
#else
    Step s = interp_resume(NULL, NULL, p, d);
    while (s.pc != NULL) {
        s = d->op[s.pc->op](s.pc, s.fp, s.p, d);
    }
#endif
}
