/* vm.c - a VM's life, and what vm/ gives to the scheduler and the heap (VMHooks).
 *
 * vm_new makes the scheduler's VM (its first P opens the heap through proc_init), loads the image
 * and ties heap, debug variables and limits together. vm_run makes the main fiber, whose first
 * function is the first of VmState.todo; GOEND goes on with the next until main.main has returned.
 * Package variables live in one reserved range of addresses per VM that never moves.
 *
 * The heap reports exhaustion in the middle of an instruction, when the fiber's state is not saved:
 * vm_heap_fatal only notes the text; the next safepoint (hook_poll) ends the VM.
 */
#include "vm/vm.h"

#include "runtime/choice.h"
#include "runtime/dyntype.h"
#include "runtime/finalizer.h"
#include "runtime/mark.h"
#include "runtime/rtypes.h"
#include "runtime/sched.h"
#include "runtime/vmheap.h"
#include "vm/dynfunc.h"
#include "vm/interp.h"
#include "vm/interp_run.h"
#include "vm/link.h"
#include "vm/panic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const uint64_t GLOBALS_MAX = 1ull << 28;
static const uint64_t STACK_BYTES = 1ull << 28; /* real limit behind Go's nominal one */
static const uint64_t STACK_NOMINAL = 1000000000;

/* --- hooks --- */

static bool hook_proc_init(P *p)
{
    VmState *vm = vm_state(p->vm);
    VmP *vp = calloc(1, sizeof *vp);
    if (vp == NULL || !vmheap_proc_init(p)) {
        free(vp);
        return false;
    }
    vp->globals = vm->globals;
    vp->natives = vm->natives;
    p->vmdata = vp;
    return true;
}

static void hook_proc_free(P *p)
{
    VmP *vp = vm_p(p);
    vmheap_proc_free(p);
    for (Defer *d = vp ? vp->free_defers : NULL; d != NULL;) {
        Defer *next = d->link;
        free(d);
        d = next;
    }
    if (vp != NULL) {
        free(vp->fatal);
    }
    free(vp);
    p->vmdata = NULL;
}

static void hook_poll(P *p)
{
    VmP *vp = vm_p(p);
    if (vp->fatal != NULL && !sched_exiting(p->vm)) {
        sched_fatal(p, "%s", vp->fatal);
    }
}

static void vm_heap_fatal(P *p, const char *msg)
{
    panic_set_fatal(p, "%s", msg);
    sched_request(p, POLL_VM);
}

static void start_call(P *p, const void *fn, const Slot *args, uint32_t nargs)
{
    const Func *g = funcval_fn(fn);
    Slot room[2] = {{.u = 0}, {.u = 0}};
    for (uint32_t i = 0; i < nargs; i++) {
        room[i] = args[i];
    }
    Fiber *f = g->nargs <= 2 ? call_go(p, fn, room, g->nargs, NULL, NULL) : NULL;
    if (f != NULL) {
        sched_start(p, f);
    }
}

static void hook_timer_func(P *p, void *fn) { start_call(p, fn, NULL, 0); }

/* What a timer's channel gets; package time supplied the function before it made one. */
static void hook_timer_value(P *p, Slot *out, int64_t now)
{
    void (*make)(P *, Slot *, int64_t) = __atomic_load_n(&p->vm->time_value, __ATOMIC_ACQUIRE);
    if (make != NULL) {
        make(p, out, now);
    }
}

/* One goroutine per call: a finalizer that blocks does not keep the others waiting. */
static void run_finalizers(P *p)
{
    FinalizerCall c;
    while (finalizer_take(p, &c)) {
        Slot args[2] = {{.p = c.obj}, {.u = 0}};
        if (c.cleanup) {
            args[0].p = (void *)c.arg.type;
            args[1] = c.arg.word;
        } else if (c.arg_type && c.arg_type->kind == RK_INTERFACE) {
            const RType *t = heap_find(c.obj).type;
            args[0].p = t ? (void *)rel_get(&t->ptr_to) : NULL;
            args[1].p = c.obj;
        }
        start_call(p, c.fn, args, 2);
    }
}

static uint32_t hook_callers(P *p, uint32_t skip, uintptr_t *pcs, uint32_t max)
{
    FrameWalk w;
    uint32_t n = 0, seen = 0;
    walk_start(&w, p->fiber, p->fiber->pc, p->fiber->fp);
    for (walk_next(&w); w.fp != NULL && n < max; walk_next(&w)) {
        const Func *f = frame_func(w.fp);
        int64_t at = w.pc - func_code(f);
        if ((f->flags & FN_WRAPPER) || at < 0 || at > (int64_t)f->ncode || seen++ < skip) {
            continue;
        }
        pcs[n++] = (uintptr_t)(w.pc + (w.top ? 1 : 0));
    }
    return n;
}

static int by_address(const Unit *u, uintptr_t pc, const Func **out)
{
    const RelPtr *funcs = rel_get(&u->funcs);
    for (uint32_t i = 0; i < u->nfuncs; i++) {
        const Func *f = rel_get(&funcs[i]);
        uintptr_t code = (uintptr_t)func_code(f);
        if (pc >= code && pc < code + f->ncode * sizeof(Insn)) {
            *out = f;
            return 1;
        }
    }
    return 0;
}

static bool hook_pc_info(GolVM *gol, uintptr_t pc, FrameInfo *out)
{
    VmState *vm = vm_state(gol);
    const Func *f = NULL;
    for (uint32_t i = 0; i < vm->nunits && f == NULL; i++) {
        uintptr_t u = (uintptr_t)vm->units[i].unit;
        if (pc >= u && pc < u + vm->units[i].unit->size) {
            by_address(vm->units[i].unit, pc, &f);
        }
    }
    if (f == NULL) {
        return false;
    }
    String file;
    const RName *name = rel_get(&f->name);
    trace_position(f, (const Insn *)(pc & ~(uintptr_t)7), false, &file, &out->line);
    out->name = name ? name->s : "";
    out->name_len = name ? name->len : 0;
    out->file = (const char *)file.ptr;
    out->file_len = (size_t)file.len;
    out->first_line = f->line;
    out->entry = (uintptr_t)func_code(f);
    return true;
}

static const RType *hook_find_type(GolVM *gol, const uint64_t hash[2])
{
    return link_find_type(vm_state(gol), hash);
}

static const VMHooks hooks = {
    .run = interp_run,
    .traceback = trace_fiber,
    .fiber_gone = panic_fiber_gone,
    .gc = vmheap_collect,
    .gc_idle = vmheap_idle,
    .poll_vm = hook_poll,
    .timer_value = hook_timer_value,
    .timer_func = hook_timer_func,
    .scan_fiber = roots_fiber,
    .count_globals = roots_count_globals,
    .scan_globals = roots_globals,
    .proc_init = hook_proc_init,
    .proc_free = hook_proc_free,
    .callers = hook_callers,
    .pc_info = hook_pc_info,
    .find_type = hook_find_type,
};

/* --- life --- */

static bool set_up(VmState *vm, const VmConfig *c, char *err, size_t nerr)
{
    static const uint8_t iter_kinds[] = {GCW_PTR, GCW_SCALAR, GCW_SCALAR};
    void *g = mmap(NULL, GLOBALS_MAX, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (g == MAP_FAILED) {
        snprintf(err, nerr, "cannot reserve memory for package variables");
        return false;
    }
    vm->globals = g;
    vm->globals_cap = GLOBALS_MAX;
    vm->allow_unsafe = c->allow_unsafe;
    vm->gol = sched_new_vm(&hooks, c->nprocs, vm);
    if (vm->gol == NULL) {
        snprintf(err, nerr, "out of memory");
        return false;
    }
    vm->steps_max = c->steps_max;
    atomic_store_explicit(&vm->steps_left, (int64_t)c->steps_max, memory_order_relaxed);
    vm->gol->max_fibers = c->fibers_max;
    if (c->sched == CHOICE_EXACT) {
        choice_replay(vm->gol, c->sched_seed);
    } else if (c->sched == CHOICE_PERTURB) {
        choice_seed(vm->gol, CHOICE_PERTURB, c->sched_seed);
    }
    vmheap_configure(vm->gol, c->heap_max, run_finalizers);
    vm->heap_hooks = *vm->gol->heap->hooks;
    vm->heap_hooks.fatal = vm_heap_fatal;
    vm->gol->heap->hooks = &vm->heap_hooks;
    vm->stack_max = c->stack_max ? c->stack_max : STACK_NOMINAL;
    uint64_t bytes = c->stack_max && c->stack_max < STACK_BYTES ? c->stack_max : STACK_BYTES;
    vm->gol->fiber_stack_max = (uint32_t)(bytes / sizeof(Slot));
    vm->iter_type = rtype_build("map iterator", sizeof iter_kinds * 8, 8, iter_kinds);
    if (vm->iter_type == NULL) {
        snprintf(err, nerr, "out of memory");
        return false;
    }
    return c->image == NULL || link_image(vm, c->image, err, nerr);
}

VmState *vm_new(const VmConfig *config, char *err, size_t nerr)
{
    VmState *vm = calloc(1, sizeof *vm);
    if (vm == NULL) {
        snprintf(err, nerr, "out of memory");
        return NULL;
    }
    if (!set_up(vm, config, err, nerr)) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

void vm_free(VmState *vm)
{
    GolVM *gol = vm->gol;
    Heap *heap = gol ? gol->heap : NULL;
    struct DynTypes *dyn_types = gol ? gol->dyn_types : NULL;
    if (gol != NULL && atomic_load_explicit(&gol->nms, memory_order_acquire) != 0) {
        return; /* a thread sits in a native that does not return: all stays for it */
    }
    if (gol != NULL) {
        sched_free_vm(gol);
    }
    if (heap != NULL) {
        GolVM shell = {.heap = heap}; /* the GolVM is gone; the heap is closed by its pointer */
        vmheap_close(&shell);
    }
    for (uint32_t i = 0; i < vm->nunits; i++) {
        link_unload(&vm->units[i]);
    }
    dyntype_free(dyn_types);
    dynfunc_free(vm->dyn_funcs);
    rtype_build_free((RType *)(uintptr_t)vm->iter_type);
    if (vm->globals != NULL) {
        munmap(vm->globals, vm->globals_cap);
    }
    free(vm->units);
    free(vm->natives);
    free(vm->native_ctx);
    free(vm->todo);
    free(vm);
}

void vm_begin(VmState *vm)
{
    bool free_choice = vm->gol->choice.mode == CHOICE_FREE;
    const Dispatch *base = free_choice ? &dispatch_plain : dispatch_chosen(vm->gol->replay);
    vm->dispatch = vm->steps_max ? dispatch_counted(base) : base;
}

static int run(VmState *vm, const Unit *program, const Func *main)
{
    GolVM *gol = vm->gol;
    P *p = gol->procs[0];
    if (!link_schedule(vm, program, main) || vm->ntodo == 0) {
        sink_printf(gol->err ? gol->err : &sink_stderr, "gol: nothing to run\n");
        return 1;
    }
    Fiber *f = call_go(p, vm->todo[0], NULL, 0, NULL, NULL);
    if (f == NULL) {
        sink_printf(gol->err ? gol->err : &sink_stderr, "fatal error: out of memory\n");
        return 2;
    }
    vm->done = 1;
    vm_begin(vm);
    f->flags |= FIBER_F_MAIN;
    gol->main_fiber = f;
    return sched_run_vm(gol, f);
}

int vm_run(VmState *vm, Unit *program) { return run(vm, program, rel_get(&program->main)); }

int vm_run_func(VmState *vm, const Func *f) { return run(vm, NULL, f); }
