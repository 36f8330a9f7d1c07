/* call.c - frames made by the VM itself: goroutines, deferred calls, calls of Error() and String().
 *
 * A frame that bytecode called has the return address behind its call instruction, whose field a
 * says how far down the caller's frame lies. A frame that the VM called returns into a trampoline:
 * a static piece of code that begins with a pseudo call (a = 0), so that RET needs no test. Below
 * such a window stand two more header words:
 *
 *     fp[-4] pc at which the frame below stands     fp[-2] func value
 *     fp[-3] distance to that frame in slots        fp[-1] trampoline
 *
 * so that a stack can be walked without further tables (trace.c, roots.c). Only the thread that
 * runs the fiber is here.
 */
#include "vm/panic.h"

#include "runtime/sched.h"
#include "vm/op.h"

#include <assert.h>
#include <string.h>

const Insn call_goend[] = {{OP_CALL, 0, 0, 0}, {0, 0, 0, 0}, {OP_GOEND, 0, 0, 0}};
const Insn call_host_ret[] = {{OP_CALL, 0, 0, 0}, {0, 0, 0, 0}, {OP_HOST_RET, 0, 0, 0}};
const Insn call_defer_ret[] = {{OP_CALL, 0, 0, 0}, {0, 0, 0, 0}, {OP_DEFER_RET, 0, 0, 0}};
const Insn call_panic_ret[] = {{OP_CALL, 0, 0, 0}, {0, 0, 0, 0}, {OP_PANIC_RET, 0, 0, 0}};
const Insn call_hook_ret[] = {{OP_CALL, 0, 0, 0}, {0, 0, 0, 0}, {OP_HOOK_RET, 0, 0, 0}};
const Insn call_native_ret[] = {{OP_CALL, 0, 0, 0}, {0, 0, 0, 0}, {OP_NATIVE_RET, 0, 0, 0}};
const Insn call_ret[] = {{OP_RET, 0, 0, 0}};

Slot *call_push(P *p, Fiber *f, Slot **fp, const Insn *resume, const void *fn, const Slot *args,
                uint32_t nargs, const Insn *trampoline)
{
    const Func *g = funcval_fn(fn);
    uint32_t delta = frame_func(*fp)->frame + 4;
    uint32_t at = (uint32_t)(*fp - f->stack), base = at + delta;
    uint32_t need = base + g->frame + g->nres + nargs;
    if (need > f->stack_slots) {
        if (!fiber_grow(p, f, need)) {
            return NULL;
        }
        *fp = f->stack + at;
    }
    Slot *w = f->stack + base;
    w[-4].p = (void *)resume;
    w[-3].u = delta;
    w[-2].p = (void *)fn;
    w[-1].p = (void *)(trampoline + 2);
    memset(w, 0, g->nres * sizeof *w);
    if (nargs) {
        memcpy(w + g->nres, args, nargs * sizeof *w);
    }
    return w;
}

/* A fiber whose first frame, at slot base, is fn's, its arguments still to be written; the frame
 * returns to trampoline. */
static inline Fiber *first_frame(P *p, const void *fn, uint32_t nargs, uint32_t base,
                                 const Insn *trampoline)
{
    const Func *g = funcval_fn(fn);
    Fiber *f = fiber_new(p);
    if (f == NULL) {
        return NULL;
    }
    uint32_t need = base + g->frame + g->nres + nargs;
    if (need > f->stack_slots && !fiber_grow(p, f, need)) {
        fiber_free(p, f);
        return NULL;
    }
    Slot *w = f->stack + base;
    w[-2].p = (void *)fn;
    w[-1].p = (void *)(trampoline + 2);
    /* loops: a call of memset or memcpy costs more than the few words of nearly every go */
    for (uint32_t s = 0; s < g->nres; s++) {
        w[s].u = 0;
    }
    f->pc = func_code(g);
    f->fp = base;
    f->resume = RESUME_ENTER;
    f->panics = f->defers = NULL;
    return f;
}

Fiber *call_host(P *p, const void *fn, uint32_t nargs, struct HostCall *c)
{
    Fiber *f = first_frame(p, fn, nargs, 3, call_host_ret);
    if (f != NULL) {
        f->flags |= FIBER_F_HOST;
        f->stack[0].p = c;
    }
    return f;
}

Fiber *call_go(P *p, const void *fn, const Slot *args, uint32_t nargs, const Func *creator,
               const Insn *creator_pc)
{
    Fiber *f = first_frame(p, fn, nargs, 2, call_goend);
    if (f == NULL) {
        return NULL;
    }
    Slot *w = f->stack + 2 + funcval_fn(fn)->nres;
    for (uint32_t i = 0; i < nargs; i++) {
        w[i] = args[i];
    }
    f->create_fn = creator;
    f->create_pc = creator_pc;
    return f;
}
