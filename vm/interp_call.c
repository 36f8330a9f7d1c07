/* interp_call.c - handlers that leave the straight line: calls, natives, goroutines, deferred calls,
 * panics, polling, switching fibers.
 *
 * A call writes the header of the callee's window, takes its frame and only then looks at the stack
 * limit: the slow path (cold_enter) stands at the callee's first instruction, where exactly the
 * parameters are live. The limit is NULL when somebody asked for a poll. A fiber's state is saved
 * before anything that can park or poll; what has parked is not touched again (sched.h).
 *
 * fiber->resume at a switch back: RESUME_GO means that the operation before pc is complete; for a
 * native, whose pc is that of its NATIVE instruction, that it must now return. Everything that
 * saves a pc whose instruction is still to be executed and may be NATIVE sets RESUME_AGAIN.
 * RESUME_SKIP is for waits whose operands must stay alive meanwhile (the locks of interp_sync.c).
 */
#include "runtime/leak.h"
#include "runtime/sched.h"

#include "vm/interp.h"

#include "runtime/host.h"
#include "runtime/iface.h"
#include "runtime/session.h"
#include "vm/panic.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline Slot *stack_limit(P *p)
{
    return atomic_load_explicit(&p->stack_limit, memory_order_relaxed);
}

/* --- polling and switching --- */

static inline void zero_results(Slot *fp)
{
    for (uint32_t i = 0, n = frame_func(fp)->nres; i < n; i++) {
        fp[i].u = 0;
    }
}

static Handler slow_native_again;

HANDLER_CC Step interp_resume(const Insn *pc, Slot *fp, P *p, const Dispatch *d)
{
    Fiber *f = p->fiber;
    pc = f->pc;
    fp = f->stack + f->fp;
    uint8_t resume = f->resume;
    f->resume = RESUME_GO;
    if (resume == RESUME_GO || UNLIKELY(resume == RESUME_END)) {
        if (pc->op == OP_NATIVE) {
            if (UNLIKELY(resume == RESUME_END)) {
                zero_results(fp);
            }
            pc = fp[-1].p;
            fp -= pc[-2].a;
        }
        if (UNLIKELY(resume == RESUME_END)) {
            atomic_store_explicit(&p->vm->session->kill, 0, memory_order_relaxed);
            interp_save(f, pc, fp);
            COLD(cold_goexit);
        }
    } else if (resume == RESUME_SKIP) {
        if (pc->op == OP_NATIVE) {
            pc = fp[-1].p;
            fp -= pc[-2].a;
        } else {
            pc += 1;
        }
    } else if (UNLIKELY(resume == RESUME_SEND_CLOSED)) {
        panic_plain(p, "send on closed channel");
        COLD(cold_panic_set);
    } else if (resume == RESUME_AGAIN && pc->op == OP_NATIVE) {
        COLD(slow_native_again);
    }
    DISPATCH();
}

HANDLER_CC Step interp_switch(const Insn *pc, Slot *fp, P *p, const Dispatch *d)
{
    if (UNLIKELY(p->m->hosted) || sched_next(p) == NULL) {
        LEAVE();
    }
    COLD(interp_resume);
}

/* The session's host ends the goroutine: as runtime.Goexit does. */
COLD_HANDLER(cold_killed)
{
    Fiber *f = p->fiber;
    atomic_store_explicit(&p->vm->session->kill, 0, memory_order_relaxed);
    f->resume = RESUME_GO;
    fp = f->stack + f->fp;
    proc_set_limit(p, f);
    COLD(cold_goexit);
}

COLD_HANDLER(cold_poll)
{
    Fiber *f = p->fiber;
    interp_save(f, pc, fp);
    f->resume = RESUME_AGAIN;
    switch (sched_poll(p)) {
    case SCHED_CONTINUE:
        if (session_kills(p->vm, f)) {
            COLD(cold_killed);
        }
        break;
    case SCHED_YIELDED: COLD(interp_switch);
    case SCHED_STOP: LEAVE();
    }
    COLD(interp_resume);
}

COLD_HANDLER(cold_overflow)
{
    uint64_t limit = vm_state(p->vm)->stack_max;
    interp_save(p->fiber, pc, fp);
    sink_printf(p->vm->err ? p->vm->err : &sink_stderr,
                "runtime: goroutine stack exceeds %llu-byte limit\n", (unsigned long long)limit);
    sched_fatal(p, "stack overflow");
    LEAVE();
}

/* At a callee's first instruction: make room for the frame, then poll if asked to. In this order,
 * because who yields comes back by interp_resume, which makes no room. It also takes a NATIVE for
 * one that has begun: zero for it. */
SLOW_HANDLER(cold_enter)
{
    Fiber *f = p->fiber;
    uint32_t at = (uint32_t)(fp - f->stack), need = at + frame_func(fp)->frame;
    if (need > f->stack_slots) {
        if (!fiber_grow(p, f, need)) {
            COLD(cold_overflow);
        }
    } else if (UNLIKELY(p->move_stack)) {
        fiber_move(p, f, need);
    }
    fp = f->stack + at;
    if (proc_poll_pending(p)) {
        if (pc->op == OP_NATIVE) {
            zero_results(fp);
        }
        interp_save(f, pc, fp);
        f->resume = RESUME_AGAIN;
        switch (sched_poll(p)) {
        case SCHED_CONTINUE:
            if (session_kills(p->vm, f)) {
                COLD(cold_killed);
            }
            break;
        case SCHED_YIELDED: COLD(interp_switch);
        case SCHED_STOP: LEAVE();
        }
        f->resume = RESUME_GO;
        fp = f->stack + at;
    }
    proc_set_limit(p, f);
    DISPATCH();
}

COLD_HANDLER(cold_no_memory)
{
    VmP *vp = vm_p(p);
    interp_save(p->fiber, pc, fp);
    sched_fatal(p, "%s", vp->fatal ? vp->fatal : "runtime: out of memory");
    LEAVE();
}

/* --- calls --- */

#define ENTER(fn)                                                                                  \
    do {                                                                                           \
        pc = func_code(fn);                                                                        \
        if (UNLIKELY(fp + (fn)->frame > stack_limit(p))) {                                         \
            COLD(cold_enter);                                                                      \
        }                                                                                          \
        DISPATCH();                                                                                \
    } while (0)

HANDLER(CALL)
{
    const Func *fn = op_ext_ptr(pc, 0);
    fp = &RA;
    fp[-2].p = (void *)fn;
    fp[-1].p = (void *)(pc + 2);
    ENTER(fn);
}

HANDLER(CALLC)
{
    const void *v = RB.p;
    if (UNLIKELY(v == NULL)) {
        COLD(cold_nil);
    }
    const Func *fn = mem_loadp(v);
    if (fn == NULL) {
        fn = v; /* a static func value; the assembly keeps it a jump */
        __asm__ volatile("" : "+r"(fn));
    }
    fp = &RA;
    fp[-2].p = (void *)v;
    fp[-1].p = (void *)(pc + 2);
    ENTER(fn);
}

/* The method was not in the P's cache. */
SLOW_HANDLER(slow_calli)
{
    if (RB.p == NULL) {
        COLD(cold_nil);
    }
    const Func *fn = iface_method_slow(p, RB.p, (uint64_t)EXT_I(0));
    if (UNLIKELY(fn == NULL)) {
        COLD(cold_nil);
    }
    Slot word = RB1, *w = &RA;
    w[pc->c] = word;
    w[-2].p = (void *)fn;
    w[-1].p = (void *)(pc + 2);
    fp = w;
    ENTER(fn);
}

HANDLER(CALLI)
{
    const RType *t = RB.p;
    uint64_t id = (uint64_t)EXT_I(0);
    IfaceCache *cache = heap_cache(p)->iface;
    unsigned i = iface_slot(t, id);
    if (UNLIKELY(cache == NULL || t == NULL || cache->call[i].type != t ||
                 cache->call[i].id != id)) {
        COLD(slow_calli);
    }
    const Func *fn = cache->call[i].func;
    Slot word = RB1, *w = &RA;
    w[pc->c] = word;
    w[-2].p = (void *)fn;
    w[-1].p = (void *)(pc + 2);
    fp = w;
    ENTER(fn);
}

HANDLER(RET)
{
    pc = fp[-1].p;
    fp -= pc[-2].a;
    DISPATCH();
}

/* --- natives --- */

COLD_HANDLER(cold_native_call)
{
    VmP *vp = vm_p(p);
    bool fits;
    {
        Slot *frame = fp; /* fp itself must be known to nobody: gcc's sibling calls */
        Slot *w = call_push(p, p->fiber, &frame, pc, vp->call.fn, vp->call.args, vp->call.nargs,
                            call_native_ret);
        fits = w != NULL;
        fp = fits ? w : frame;
    }
    free(vp->call.args);
    vp->call.args = NULL;
    if (UNLIKELY(!fits)) {
        COLD(cold_overflow);
    }
    pc = func_code(frame_func(fp));
    DISPATCH();
}

COLD_HANDLER(cold_native)
{
    Fiber *f = p->fiber;
    switch ((NativeStatus)vm_p(p)->native_status) {
    case NATIVE_PARK: case NATIVE_PARK_AGAIN: COLD(interp_switch);
    case NATIVE_PANIC: COLD(cold_panic_set);
    case NATIVE_GOEXIT: COLD(cold_goexit);
    case NATIVE_YIELD:
        interp_save(f, call_ret, fp);
        f->resume = RESUME_GO;
        sched_gosched(p);
        COLD(interp_switch);
    case NATIVE_AGAIN: COLD(cold_poll);
    case NATIVE_CALL: COLD(cold_native_call);
    case NATIVE_OK: case NATIVE_EXIT: break;
    }
    LEAVE();
}

#define CALL_NATIVE()                                                                              \
    do {                                                                                           \
        Fiber *f = p->fiber;                                                                       \
        M *m = p->m;                                                                               \
        interp_save(f, pc, fp);                                                                           \
        NativeStatus s = vm_p(p)->natives[EXT_I(0)](p, fp);                                        \
        p = m->p; /* a blocking section may have changed it */                                     \
        if (LIKELY(s == NATIVE_OK)) {                                                              \
            fp = f->stack + f->fp;                                                                 \
            pc = fp[-1].p;                                                                         \
            fp -= pc[-2].a;                                                                        \
            DISPATCH();                                                                            \
        }                                                                                          \
        vm_p(p)->native_status = s;                                                                \
        COLD(cold_native);                                                                         \
    } while (0)

HANDLER(NATIVE)
{
    zero_results(fp);
    CALL_NATIVE();
}

/* A native that returned AGAIN or PARK_AGAIN: its results are its progress. */
static HANDLER_CC __attribute__((noinline)) Step slow_native_again(const Insn *pc, Slot *fp, P *p,
                                                                   const Dispatch *d)
{
    CALL_NATIVE();
}

/* What a native asked for by NATIVE_CALL has returned: the native goes on. */
HANDLER(NATIVE_RET)
{
    Fiber *f = p->fiber;
    const Slot *results = fp;
    pc = fp[-4].p;
    fp -= fp[-3].u;
    interp_save(f, pc, fp);
    M *m = p->m;
    vm_p(p)->call.results = results;
    NativeStatus s = vm_p(p)->natives[EXT_I(0)](p, fp);
    vm_p(p)->call.results = NULL;
    p = m->p;
    if (LIKELY(s == NATIVE_OK)) {
        fp = f->stack + f->fp;
        pc = fp[-1].p;
        fp -= pc[-2].a;
        DISPATCH();
    }
    vm_p(p)->native_status = s;
    COLD(cold_native);
}

/* --- goroutines --- */

/* A goroutine could not be made. */
COLD_HANDLER(cold_no_fiber)
{
    uint64_t max = p->vm->max_fibers;
    if (max && (uint64_t)sched_num_fibers(p->vm) >= max) {
        panic_set_fatal(p, "limit of %llu goroutines reached", (unsigned long long)max);
    }
    COLD(cold_no_memory);
}

static bool start_go(P *p, const void *fn, const Slot *window, const Insn *pc, const Slot *fp)
{
    const Func *g = funcval_fn(fn);
    Fiber *f = call_go(p, fn, window + g->nres, g->nargs, frame_func(fp), pc);
    if (f == NULL) {
        return false;
    }
    sched_start(p, f);
    return true;
}

HANDLER(GO)
{
    if (UNLIKELY(!start_go(p, op_ext_ptr(pc, 0), &RA, pc, fp))) {
        COLD(cold_no_fiber);
    }
    NEXT(2);
}

COLD_HANDLER(cold_go_nil)
{
    interp_save(p->fiber, pc, fp);
    sched_fatal(p, "go of nil func value");
    LEAVE();
}

HANDLER(GOC)
{
    if (UNLIKELY(RB.p == NULL)) {
        COLD(cold_go_nil);
    }
    if (UNLIKELY(!start_go(p, RB.p, &RA, pc, fp))) {
        COLD(cold_no_fiber);
    }
    NEXT(2);
}

HANDLER(GOI)
{
    if (UNLIKELY(RB.p == NULL)) {
        COLD(cold_nil);
    }
    const Func *fn = iface_method(p, RB.p, (uint64_t)EXT_I(0));
    Slot word = RB1, *w = &RA;
    w[pc->c] = word;
    if (UNLIKELY(fn == NULL)) {
        COLD(cold_nil);
    }
    if (UNLIKELY(!start_go(p, fn, w, pc, fp))) {
        COLD(cold_no_fiber);
    }
    NEXT(2);
}

/* How the fiber of a host call ends without returning: by a panic whose text is kept, or Goexit. */
COLD_HANDLER(cold_host_exited)
{
    const HostCall *c = host_call_of(p->fiber);
    if (host_end(p, c->text ? HOST_PANICKED : HOST_EXITED, NULL)) {
        LEAVE();
    }
    COLD(interp_switch);
}

HANDLER(HOST_RET)
{
    if (LIKELY(host_end(p, HOST_RETURNED, fp))) {
        LEAVE();
    }
    COLD(interp_switch);
}

HANDLER(GOEND)
{
    Fiber *f = p->fiber;
    assert(f->defers == NULL && f->panics == NULL);
    if (UNLIKELY(f->flags & FIBER_F_HOST)) {
        COLD(cold_host_exited);
    }
    if (f->flags & FIBER_F_MAIN) {
        VmState *vm = vm_state(p->vm);
        if (vm->done < vm->ntodo) {
            const Func *fn = vm->todo[vm->done++];
            fp = f->stack + 2;
            fp[-2].p = (void *)fn;
            fp[-1].p = (void *)(call_goend + 2);
            ENTER(fn);
        }
        f->fp = 0; /* no frame is left to scan */
        leak_at_exit(p);
        sched_exit_vm(p->vm, 0);
        LEAVE();
    }
    sched_exit(p);
    COLD(interp_switch);
}

/* --- deferred calls --- */

static bool defer_window(P *p, const void *fn, const Slot *w, const Slot *fp)
{
    Fiber *f = p->fiber;
    const Func *g = fn ? funcval_fn(fn) : NULL;
    return defer_push(p, f, (uint32_t)(fp - f->stack), fn, g ? w + g->nres : NULL,
                      g ? g->nargs : 0) != NULL;
}

HANDLER(DEFER)
{
    if (UNLIKELY(!defer_window(p, op_ext_ptr(pc, 0), &RA, fp))) {
        COLD(cold_no_memory);
    }
    NEXT(2);
}

HANDLER(DEFERC)
{
    if (UNLIKELY(!defer_window(p, RB.p, &RA, fp))) {
        COLD(cold_no_memory);
    }
    NEXT(2);
}

HANDLER(DEFERI)
{
    if (UNLIKELY(RB.p == NULL)) {
        COLD(cold_nil);
    }
    const Func *fn = iface_method(p, RB.p, (uint64_t)EXT_I(0));
    Slot word = RB1, *w = &RA;
    if (UNLIKELY(fn == NULL)) {
        COLD(cold_nil);
    }
    w[pc->c] = word;
    if (UNLIKELY(!defer_window(p, fn, w, fp))) {
        COLD(cold_no_memory);
    }
    NEXT(2);
}

HANDLER(RETD)
{
    Fiber *f = p->fiber;
    Defer *df = f->defers;
    if (df == NULL || df->frame != (uint32_t)(fp - f->stack)) {
        NEXT(1);
    }
    assert(!df->started);
    if (UNLIKELY(df->fn == NULL)) {
        defer_pop(p, f);
        COLD(cold_nil);
    }
    df->started = true;
    {
        Slot *frame = fp; /* fp itself must be known to nobody: gcc's sibling calls */
        Slot *w = call_push(p, f, &frame, pc, df->fn, df->args, df->nargs, call_defer_ret);
        fp = w ? w : frame;
        df = w ? df : NULL;
    }
    if (UNLIKELY(df == NULL)) {
        COLD(cold_overflow);
    }
    pc = func_code(frame_func(fp));
    DISPATCH();
}

HANDLER(DEFER_RET)
{
    defer_pop(p, p->fiber);
    pc = fp[-4].p;
    fp -= fp[-3].u;
    if (UNLIKELY(proc_poll_pending(p))) {
        COLD(cold_poll);
    }
    DISPATCH();
}

/* --- panics: the algorithm is in panic.c --- */

COLD_HANDLER(cold_panic_set)
{
    if (!panic_push(p, p->fiber, pc, fp, false)) {
        COLD(cold_no_memory);
    }
    COLD(cold_unwind);
}

COLD_HANDLER(cold_goexit)
{
    if (!panic_push(p, p->fiber, pc, fp, true)) {
        COLD(cold_no_memory);
    }
    COLD(cold_unwind);
}

COLD_HANDLER(cold_nil)
{
    if (frame_func(fp)->flags & FN_VALUE_METHOD) {
        panic_nil_receiver(p, frame_func(fp));
        COLD(cold_panic_set);
    }
    panic_text(p, "invalid memory address or nil pointer dereference");
    vm_p(p)->panic_nil_deref = true;
    COLD(cold_panic_set);
}

COLD_HANDLER(cold_divide)
{
    panic_text(p, "integer divide by zero");
    COLD(cold_panic_set);
}

COLD_HANDLER(cold_shift)
{
    panic_text(p, "negative shift amount");
    COLD(cold_panic_set);
}

COLD_HANDLER(cold_fatal_op)
{
    interp_save(p->fiber, pc, fp);
    sched_fatal(p, "%s", vm_p(p)->fatal);
    LEAVE();
}

COLD_HANDLER(cold_op_error)
{
    switch (panic_op_error(p)) {
    case 0: COLD(cold_no_memory);
    case 1: COLD(cold_panic_set);
    default: COLD(cold_fatal_op);
    }
}

HANDLER(PANIC)
{
    if (RA.p == NULL) {
        panic_nil_value(p);
    } else {
        vm_p(p)->panic = (Iface){RA.p, RA1};
    }
    COLD(cold_panic_set);
}

HANDLER(RECOVER)
{
    Iface v = pc->b ? panic_recover_deferred(p->fiber, fp) : panic_recover(p->fiber, fp);
    RA.p = (void *)v.type;
    RA1 = v.word;
    NEXT(1);
}

HANDLER(TRAP)
{
    static const char *const texts[TRAP_COUNT] = {
        "unreachable code was reached",
#define RANGE_ERROR(name, text) text,
#include "vm/rangeerrors.def"
#undef RANGE_ERROR
    };
    panic_text(p, "%s", texts[pc->c < TRAP_COUNT ? pc->c : TRAP_UNREACHABLE]);
    COLD(cold_panic_set);
}

/* --- print --- */

static void print_float(Sink *s, double v)
{
    char buf[40];
    if (v != v) {
        sink_printf(s, "NaN");
        return;
    }
    if (isinf(v)) {
        sink_printf(s, v > 0 ? "+Inf" : "-Inf");
        return;
    }
    snprintf(buf, sizeof buf, "%+.6e", v);
    char *e = strchr(buf, 'e');
    int x = atoi(e + 1);
    *e = 0;
    sink_printf(s, "%se%c%03d", buf, x < 0 ? '-' : '+', x < 0 ? -x : x);
}

static void print_operand(Sink *s, const Slot *v, PrintKind kind)
{
    switch (kind) {
    case PRINT_BOOL: sink_printf(s, v->u ? "true" : "false"); break;
    case PRINT_INT: sink_printf(s, "%lld", (long long)v->i); break;
    case PRINT_UINT: sink_printf(s, "%llu", (unsigned long long)v->u); break;
    case PRINT_FLOAT: print_float(s, v->f); break;
    case PRINT_COMPLEX:
        sink_printf(s, "(");
        print_float(s, v[0].f);
        print_float(s, v[1].f);
        sink_printf(s, "i)");
        break;
    case PRINT_STRING:
        if (v[1].i > 0) {
            s->write(s, v[0].p, (size_t)v[1].i);
        }
        break;
    case PRINT_POINTER: sink_printf(s, "0x%llx", (unsigned long long)v->u); break;
    case PRINT_SLICE:
        sink_printf(s, "[%u/%u]0x%llx", (uint32_t)v[1].u, (uint32_t)(v[1].u >> 32),
                    (unsigned long long)v[0].u);
        break;
    case PRINT_IFACE:
        sink_printf(s, "(0x%llx,0x%llx)", (unsigned long long)v[0].u, (unsigned long long)v[1].u);
        break;
    case PRINT_SPACE: sink_printf(s, " "); break;
    case PRINT_NL: sink_printf(s, "\n"); break;
    }
}

HANDLER(PRINT)
{
    print_operand(p->vm->err ? p->vm->err : &sink_stderr, &RA, (PrintKind)pc->c);
    NEXT(1);
}
