/* interp.h - what the handlers share: their form, operand access, dispatch, exits.
 *
 * An instruction's handler is a function (pc, fp, p, d): the instruction, the frame, the P that runs
 * it and the dispatch table in use (a VM may select another table, D5). It ends by a tail call of
 * the next instruction's handler. Three builds of the same source (D3):
 *   clang      musttail + preserve_none: the four arguments live in registers that C calls keep
 *   gcc -O2    sibling calls
 *   else       (gcc -O0, gcc sanitizers, clang's ASan, GOL_LOOP) a handler returns its successor's state and
 *              interp_run loops: the "switch" build, generated from the same bodies
 * Rules for a handler: no ordinary C call on its fast path (leave by COLD to a noinline cold
 * handler, which may call what it likes); the taken arm of a branch is TAKE, which no compiler
 * turns into a cmov; nothing that a script value holds may make it undefined.
 *
 * A cold handler that may park, poll or allocate much saves the state first (interp_save) and
 * reloads fp afterwards: stacks move. A handler that leaves P's fiber parked goes to interp_switch.
 */
#ifndef GOL_VM_INTERP_H
#define GOL_VM_INTERP_H

#include "runtime/barrier.h"
#include "runtime/cell.h"
#include "runtime/proc.h"
#include "vm/op.h"

struct Dispatch;

#if defined(__clang__)
#if !defined(GOL_LOOP) && !defined(GOL_ASAN)
#define GOL_TAIL 1
#define HANDLER_CC __attribute__((preserve_none))
#define MUSTTAIL __attribute__((musttail))
#endif
#elif defined(__OPTIMIZE__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) &&  \
    !defined(GOL_LOOP)
#define GOL_TAIL 1
#define HANDLER_CC
#define MUSTTAIL
#endif

#ifdef GOL_TAIL
typedef void Step;
#else
#define HANDLER_CC
#define MUSTTAIL
typedef struct Step {
    const Insn *pc; /* NULL: leave interp_run */
    Slot *fp;
    struct P *p;
} Step;
#endif

typedef Step Handler(const Insn *pc, Slot *fp, struct P *p, const struct Dispatch *d) HANDLER_CC;

typedef struct Dispatch {
    Handler *op[OP_COUNT];
} Dispatch;

#define OP(name, a, b, c, ext, flags, doc) Handler op_##name;
#include "vm/opcodes.def"

extern const Dispatch dispatch_plain;
const Dispatch *dispatch_counted(const Dispatch *base); /* with a limit of steps: interp_count.c */
const Dispatch *dispatch_chosen(bool counted); /* yields at synchronisation points: interp_choice.c */

#define HANDLER(name)                                                                              \
    HANDLER_CC Step op_##name(const Insn *pc, Slot *fp, struct P *p, const Dispatch *d)
/* A slow path: out of line, reached by COLD only. */
#define COLD_HANDLER(name)                                                                         \
    Handler name;                                                                                  \
    HANDLER_CC __attribute__((noinline, cold)) Step name(const Insn *pc, Slot *fp, struct P *p,    \
                                                         const Dispatch *d)
/* The same for work that is ordinary, only not on the fast path. */
#define SLOW_HANDLER(name)                                                                         \
    Handler name;                                                                                  \
    HANDLER_CC __attribute__((noinline)) Step name(const Insn *pc, Slot *fp, struct P *p,          \
                                                   const Dispatch *d)

#ifdef GOL_TAIL
#define DISPATCH() MUSTTAIL return d->op[pc->op](pc, fp, p, d)
#define LEAVE() return
#else
#define DISPATCH() return (Step){pc, fp, p}
#define LEAVE() return (Step){NULL, NULL, p}
#endif
#define COLD(fn) MUSTTAIL return fn(pc, fp, p, d)

#define NEXT(n)                                                                                    \
    do {                                                                                           \
        pc += (n);                                                                                 \
        DISPATCH();                                                                                \
    } while (0)
/* The taken arm of a branch: the empty assembly keeps it a jump. */
#define TAKE(n)                                                                                    \
    do {                                                                                           \
        pc += (n);                                                                                 \
        __asm__ volatile("" : "+r"(pc));                                                           \
        DISPATCH();                                                                                \
    } while (0)

#define RA (fp[pc->a])
#define RB (fp[pc->b])
#define RC (fp[pc->c])
#define RA1 (fp[pc->a + 1])
#define RB1 (fp[pc->b + 1])
#define RC1 (fp[pc->c + 1])
#define IMMB ((int64_t)(int16_t)pc->b)
#define IMMC ((int64_t)(int16_t)pc->c)

#define LIKELY(x) GOL_LIKELY(x)
#define UNLIKELY(x) GOL_UNLIKELY(x)

#define EXT_I(n) op_ext(pc, n)
#define EXT_TYPE(n) ((const RType *)op_ext_ptr(pc, n))

/* The running fiber's state, before anything that can park, poll or panic: it goes on at pc. */
static inline void interp_save(Fiber *f, const Insn *pc, const Slot *fp)
{
    f->pc = pc;
    f->fp = (uint32_t)(fp - f->stack);
}

/* Interp-wide cold exits (interp.c, panic.c). Each leaves the frame by a run-time panic whose pc is
 * the instruction's. */
Handler cold_nil;          /* nil dereference */
Handler cold_divide;       /* integer divide by zero */
Handler cold_shift;        /* negative shift amount */
Handler cold_op_error;     /* what op_fail reported */
Handler cold_no_memory;    /* the heap is exhausted: fatal error */
Handler cold_panic_set;    /* a native's panic value stands in the VmP */
Handler cold_poll;         /* back edge: poll, then run the instruction at pc again */
Handler cold_unwind;       /* run the defers of the panic on top of the fiber's list */
Handler interp_switch;     /* the fiber is parked or gone: the next one, or leave */
Handler interp_resume;     /* load pc and fp of P's fiber and go on */
Handler cold_overflow;     /* fatal error: stack overflow */
Handler cold_die;          /* uncaught panic: convert values, print, end the VM */
Handler cold_goexit;       /* runtime.Goexit of the running fiber */

#endif
