/* panic.h - panics, deferred calls, run-time errors. See panic.c for the argument. */
#ifndef GOL_VM_PANIC_H
#define GOL_VM_PANIC_H

#include "vm/vm.h"

/* A deferred call. Lists hang from Fiber.defers, latest first. Slot numbers count from the stack's
 * base: stacks move. */
typedef struct Defer {
    struct Defer *link;
    const void *fn;       /* func value; NULL panics when it runs */
    struct Panic *panic;  /* what started it, NULL: a normal return */
    uint32_t frame;       /* fp of the frame that deferred it */
    uint16_t nargs;
    bool started;
    Slot args[];
} Defer;

enum { DEFER_POOL_ARGS = 6 }; /* records up to this size come from the P's pool */

/* A panic or Goexit in progress. Hang from Fiber.panics, latest first. */
typedef struct Panic {
    struct Panic *link;
    Iface value;
    uint32_t top_fp;      /* frame that panicked: deferred calls run above it */
    uint32_t call_fp;     /* frame of the deferred call that runs, NO_SLOT: none */
    const Insn *top_pc;
    bool recovered, aborted, goexit, nil_deref;
    bool converting;      /* its Error() or String() runs for printing */
    bool converted;
    char *text;           /* result; malloc'd */
} Panic;

/* Make the value of the panic to come in VmP.panic; the handler then leaves by cold_panic_set. */
void panic_text(P *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void panic_plain(P *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The index that the instruction at pc rejected. */
void panic_index(P *p, const Slot *fp, const Insn *pc, int64_t index, int64_t len);
/* bounds: lo, hi, max as given by flags (1, 2, 4; unsigned 8, 16, 32); len is the limit of hi for
 * strings. */
void panic_slice(P *p, const Slot *bounds, unsigned flags, int64_t len, int64_t cap, int string);
void panic_assert(P *p, const RType *dyn, const RType *want, const RType *from);
void panic_nil_value(P *p); /* panic(nil) */
void panic_nil_receiver(P *p, const Func *wrapper); /* FN_VALUE_METHOD, called with nil */
/* What op_fail reported: 1 a panic value was set, 2 VmP.fatal was set, 0 out of memory. */
int panic_op_error(P *p);
void panic_set_fatal(P *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

Defer *defer_push(P *p, Fiber *f, uint32_t frame, const void *fn, const Slot *args,
                  uint32_t nargs);
void defer_pop(P *p, Fiber *f);
/* Pushes a Panic for VmP.panic at the frame. False: out of memory. */
bool panic_push(P *p, Fiber *f, const Insn *pc, const Slot *fp, bool goexit);
/* recover() called by the frame fp. */
Iface panic_recover(Fiber *f, const Slot *fp);
/* `defer recover()`, where fp is the frame of that deferred call. */
Iface panic_recover_deferred(Fiber *f, const Slot *fp);
void panic_fiber_gone(GolVM *vm, Fiber *f);

/* call.c: enters fn above the frame of f at fp: header {resume pc, delta, func, trampoline}, then
 * window. *fp is updated if the stack moved. Returns the callee's fp, NULL: stack overflow. */
Slot *call_push(P *p, Fiber *f, Slot **fp, const Insn *resume, const void *fn, const Slot *args,
                uint32_t nargs, const Insn *trampoline);
extern const Insn call_goend[], call_host_ret[], call_defer_ret[], call_panic_ret[], call_hook_ret[], call_native_ret[],
    call_ret[];
/* Starts a goroutine that calls fn. NULL: limit or memory. */
Fiber *call_go(P *p, const void *fn, const Slot *args, uint32_t nargs, const Func *creator,
               const Insn *creator_pc);

/* The fiber of a host call of fn (host.h). Its nargs argument slots, behind the results in the frame
 * at fiber->fp, are the caller's to write. NULL: limit or memory. */
struct HostCall;
Fiber *call_host(P *p, const void *fn, uint32_t nargs, struct HostCall *c);

/* trace.c: frames of a stack, innermost first. */
typedef struct FrameWalk {
    const Slot *stack;
    const Slot *fp;       /* NULL: done */
    const Insn *pc;       /* where the frame stands; return addresses for all but the first */
    const Slot *limit;    /* slots at or above belong to the callee */
    bool top;
} FrameWalk;
void walk_start(FrameWalk *w, Fiber *f, const Insn *pc, uint32_t fp);
void walk_next(FrameWalk *w);
static inline const Func *frame_func(const Slot *fp) { return funcval_fn(fp[-2].p); }
void trace_fiber(Fiber *f, Sink *sink);
void trace_from(Fiber *f, const Insn *pc, uint32_t fp, Sink *sink);
/* Is the operand that the instruction indexes with of an unsigned type? */
bool trace_unsigned(const Func *f, const Insn *pc);
/* File and line of pc in f. */
void trace_position(const Func *f, const Insn *pc, bool is_return, String *file, uint32_t *line);

#endif
