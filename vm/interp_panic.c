/* interp_panic.c - handlers that unwind: the steps of the algorithm in panic.c, and a program's end.
 *
 * An uncaught panic prints like compiled Go's. Values that are errors or Stringers are converted
 * first by running their methods on the panicking fiber (calls that return to HOOK_RET), one after
 * the other; a panic inside such a call is a fatal error. Then everything is printed in one
 * piece and the VM ends with status 2.
 */
#include "vm/interp.h"

#include "runtime/host.h"
#include "runtime/iface.h"
#include "runtime/rtypes.h"
#include "runtime/sched.h"
#include "runtime/session.h"
#include "vm/panic.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- unwinding --- */

/* The next deferred call that the panic is to run; started ones are dropped. */
static Defer *next_deferred(P *p, Fiber *f)
{
    for (;;) {
        Defer *d = f->defers;
        if (d == NULL || !d->started) {
            return d;
        }
        if (d->panic != NULL) {
            d->panic->aborted = true;
        }
        defer_pop(p, f);
    }
}

/* Is there a frame at this place whose function runs deferred calls? */
static bool frame_defers(Fiber *f, const Insn *pc, const Slot *fp, uint64_t place)
{
    FrameWalk w;
    walk_start(&w, f, pc, (uint32_t)(fp - f->stack));
    while (w.fp != NULL && (uint64_t)(w.fp - f->stack) > place) {
        walk_next(&w);
    }
    return w.fp != NULL && (uint64_t)(w.fp - f->stack) == place &&
           (frame_func(w.fp)->flags & FN_HAS_DEFER);
}

/* The body of a range over a function defers for the function around it: its record goes below
 * those of the frames between. A body called on another fiber, or later, keeps its calls. */
static __attribute__((noinline)) void defer_to(Fiber *f, const Insn *pc, const Slot *fp, const Slot *to)
{
    Defer *d = f->defers;
    if (d == NULL || d->started || to[1].u != f->id || d->frame != (uint32_t)(fp - f->stack) ||
        !frame_defers(f, pc, fp, to[0].u)) {
        return;
    }
    Defer *above = NULL, *below = d->link;
    d->frame = (uint32_t)to[0].u;
    while (below != NULL && below->frame > d->frame) {
        above = below;
        below = below->link;
    }
    if (above != NULL) {
        f->defers = d->link;
        above->link = d;
        d->link = below;
    }
}

HANDLER(FRAME)
{
    RA.u = (uint64_t)(fp - p->fiber->stack);
    RA1.u = p->fiber->id;
    NEXT(1);
}

HANDLER(DEFER_TO)
{
    defer_to(p->fiber, pc, fp, &RA);
    NEXT(1);
}

static void pop_panic(Fiber *f)
{
    Panic *pn = f->panics;
    f->panics = pn->link;
    free(pn->text);
    free(pn);
}

COLD_HANDLER(cold_goexit_done)
{
    Fiber *f = p->fiber;
    while (f->panics != NULL) {
        pop_panic(f);
    }
    if (f->flags & FIBER_F_MAIN) {
        f->flags &= (uint8_t)~FIBER_F_MAIN; /* the others run on; the VM ends when they have */
    }
    COLD(op_GOEND);
}

COLD_HANDLER(cold_unwind)
{
    Fiber *f = p->fiber;
    Panic *pn = f->panics;
    Defer *df = next_deferred(p, f);
    fp = f->stack + pn->top_fp;
    pc = pn->top_pc;
    if (df == NULL) {
        if (pn->goexit) {
            COLD(cold_goexit_done);
        }
        COLD(cold_die);
    }
    if (df->fn == NULL) {
        pn->aborted = true; /* by the call's own panic */
        defer_pop(p, f);
        COLD(cold_nil);
    }
    df->started = true;
    df->panic = pn;
    bool fits;
    {
        Slot *frame = fp; /* fp itself must be known to nobody: gcc's sibling calls */
        Slot *w = call_push(p, f, &frame, pc, df->fn, df->args, df->nargs, call_panic_ret);
        fits = w != NULL;
        fp = fits ? w : frame;
    }
    if (!fits) {
        COLD(cold_overflow);
    }
    pn->call_fp = (uint32_t)(fp - f->stack);
    pc = func_code(frame_func(fp));
    proc_set_limit(p, f);
    DISPATCH();
}

/* Where a frame with deferred calls goes on after recovery: its RETD. */
static const Insn *frame_retd(const Slot *fp)
{
    const Func *fn = frame_func(fp);
    return fn->epilogue ? func_code(fn) + fn->epilogue - 1 : call_ret;
}

COLD_HANDLER(cold_recovered)
{
    Fiber *f = p->fiber;
    uint32_t frame = ((Defer *)f->defers)->frame;
    defer_pop(p, f);
    pop_panic(f);
    fp = f->stack + frame;
    pc = frame_retd(fp);
    for (Panic *pn; (pn = f->panics) != NULL && pn->aborted;) {
        if (pn->goexit) {
            pn->aborted = false;
            pn->top_fp = frame;
            pn->top_pc = pc;
            COLD(cold_unwind);
        }
        pop_panic(f);
    }
    DISPATCH();
}

HANDLER(PANIC_RET)
{
    Fiber *f = p->fiber;
    Panic *pn = f->panics;
    Defer *df = f->defers;
    assert(df->panic == pn && df->started);
    if (pn->recovered) {
        COLD(cold_recovered);
    }
    pn->call_fp = NO_SLOT;
    df->panic = NULL;
    defer_pop(p, f);
    COLD(cold_unwind);
}

/* --- the end of a program that panicked --- */

typedef struct Text {
    char *s;
    size_t n, cap;
} Text;

static void text_write(Sink *sink, const void *data, size_t n)
{
    Text *t = sink->ctx;
    if (t->n + n > t->cap) {
        size_t cap = (t->n + n) * 2 + 256;
        char *s = realloc(t->s, cap);
        if (s == NULL) {
            return;
        }
        t->s = s;
        t->cap = cap;
    }
    memcpy(t->s + t->n, data, n);
    t->n += n;
}

/* Go indents what follows a newline, so that a value cannot pose as a trace. */
static void write_indented(Sink *out, const char *s, size_t n)
{
    for (size_t i = 0, from = 0; i <= n; i++) {
        if (i == n || s[i] == '\n') {
            out->write(out, s + from, i - from);
            if (i < n) {
                out->write(out, "\n\t", 2);
            }
            from = i + 1;
        }
    }
}

static void write_float(Sink *out, double v)
{
    char buf[40];
    if (v != v || isinf(v)) {
        sink_printf(out, "%s", v != v ? "NaN" : v > 0 ? "+Inf" : "-Inf");
        return;
    }
    snprintf(buf, sizeof buf, "%+.6e", v);
    char *e = strchr(buf, 'e');
    int x = atoi(e + 1);
    *e = 0;
    sink_printf(out, "%se%c%03d", buf, x < 0 ? '-' : '+', x < 0 ? -x : x);
}

/* A type that the program defined; predeclared ones have no package. */
static bool is_defined(const RType *t)
{
    return (t->flags & RT_NAMED) && rel_get(&t->pkg) != NULL;
}

static void write_string_value(Sink *out, const RType *t, Slot word)
{
    String s = cell_string(cell_load(word.p));
    const char *quote = is_defined(t) ? "\"" : "";
    sink_printf(out, "%s", quote);
    write_indented(out, (const char *)s.ptr, (size_t)s.len);
    sink_printf(out, "%s", quote);
}

static void write_basic(Sink *out, const RType *t, Slot w)
{
    switch ((RKind)t->kind) {
    case RK_BOOL: sink_printf(out, w.u ? "true" : "false"); break;
    case RK_INT: case RK_INT8: case RK_INT16: case RK_INT32: case RK_INT64:
        sink_printf(out, "%lld", (long long)w.i);
        break;
    case RK_FLOAT32: write_float(out, (double)w.f32); break;
    case RK_FLOAT64: write_float(out, w.f); break;
    case RK_COMPLEX64: case RK_COMPLEX128: {
        Slot v[2] = {w, {.u = 0}};
        if (t->kind == RK_COMPLEX64) {
            Slot re = {.u = w.u & 0xffffffffu}, im = {.u = w.u >> 32};
            v[0].f = (double)re.f32;
            v[1].f = (double)im.f32;
        } else {
            mem_copy(v, w.p, 16);
        }
        sink_printf(out, "(");
        write_float(out, v[0].f);
        write_float(out, v[1].f);
        sink_printf(out, "i)");
        break;
    }
    case RK_STRING: write_string_value(out, t, w); break;
    default: sink_printf(out, "%llu", (unsigned long long)w.u); break;
    }
}

static bool is_basic(const RType *t)
{
    return (t->kind >= RK_BOOL && t->kind <= RK_COMPLEX128) || t->kind == RK_STRING;
}

static void write_value(Sink *out, const Panic *pn)
{
    const RType *t = pn->value.type;
    if (pn->text != NULL) {
        write_indented(out, pn->text, strlen(pn->text));
        return;
    }
    if (t == NULL) {
        sink_printf(out, "nil");
        return;
    }
    String name = rtype_string(t);
    if (is_basic(t)) {
        bool named = is_defined(t);
        if (named) {
            sink_printf(out, "%.*s(", (int)name.len, (const char *)name.ptr);
        }
        write_basic(out, t, pn->value.word);
        if (named) {
            sink_printf(out, ")");
        }
        return;
    }
    sink_printf(out, "(%.*s) 0x%llx", (int)name.len, (const char *)name.ptr,
                (unsigned long long)pn->value.word.u);
}

static void write_panics(Sink *out, const Panic *pn)
{
    if (pn->link != NULL) {
        write_panics(out, pn->link);
        if (!pn->link->goexit) {
            sink_printf(out, "\t");
        }
    }
    if (pn->goexit) {
        return;
    }
    sink_printf(out, "panic: ");
    write_value(out, pn);
    sink_printf(out, pn->recovered ? " [recovered]\n" : "\n");
}

/* The text of the VM's own error types without running script code; NULL: not one of them. */
static char *own_error_text(P *p, Iface v)
{
    const PanicTypes *t = &vm_state(p->vm)->types;
    const char *prefix = v.type == t->error_string ? "runtime error: " : "";
    if (v.type == NULL || (v.type != t->error_string && v.type != t->plain_error)) {
        return NULL;
    }
    String s = cell_string(cell_load(v.word.p));
    size_t np = strlen(prefix);
    char *text = malloc(np + (size_t)s.len + 1);
    if (text != NULL) {
        memcpy(text, prefix, np);
        memcpy(text + np, s.ptr, (size_t)s.len);
        text[np + (size_t)s.len] = 0;
    }
    return text;
}

/* Error() string or String() string of v's type. */
static const Func *text_method(const RType *t)
{
    static const char *const names[] = {"Error", "String"};
    for (int i = 0; i < 2; i++) {
        const RMethod *m = rtype_find_method(t, rtype_method_id("", 0, names[i], strlen(names[i])));
        const Func *fn = m ? rel_get(&m->func) : NULL;
        if (fn != NULL && fn->nres == 2 && fn->nargs == 1) {
            return fn;
        }
    }
    return NULL;
}

/* The next panic whose value is to be converted by a method, with the method. */
static Panic *next_conversion(P *p, Fiber *f, const Func **fn)
{
    for (Panic *pn = f->panics; pn != NULL; pn = pn->link) {
        if (pn->converted || pn->goexit || pn->value.type == NULL) {
            continue;
        }
        pn->converted = true;
        pn->text = own_error_text(p, pn->value);
        *fn = pn->text ? NULL : text_method(pn->value.type);
        if (*fn != NULL) {
            return pn;
        }
    }
    return NULL;
}

static void die(P *p, Fiber *f, const Insn *pc)
{
    Panic *pn = f->panics;
    Text t = {NULL, 0, 0};
    Sink out = {text_write, &t};
    write_panics(&out, pn);
    if (pn->nil_deref) {
        sink_printf(&out, "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x%llx]\n",
                    (unsigned long long)(uintptr_t)pc);
    }
    sink_printf(&out, "\ngoroutine %llu [running]:\n", (unsigned long long)f->id);
    trace_from(f, pn->top_pc, pn->top_fp, &out);
    HostCall *call = host_call_of(f);
    if (call != NULL) {
        text_write(&out, "", 1);
        call->text = t.s;
        return;
    }
    Sink *err = p->vm->err ? p->vm->err : &sink_stderr;
    err->write(err, t.s, t.n);
    free(t.s);
    if (p->vm->session != NULL) {
        p->vm->session->died(p->vm->session, f);
    } else {
        sched_exit_vm(p->vm, 2);
    }
}

/* Error() or String() of a panic value panicked itself: what with, for the fatal error. */
static void conversion_failure(const Fiber *f, Text *t)
{
    Sink out = {text_write, t};
    const Panic *why = f->panics;
    if (why->value.type != NULL && why->value.type->kind == RK_STRING) {
        write_string_value(&out, why->value.type, why->value.word);
    } else if (why->value.type != NULL) {
        String name = rtype_string(why->value.type);
        sink_printf(&out, "type %.*s", (int)name.len, (const char *)name.ptr);
    }
    text_write(&out, "", 1);
}

COLD_HANDLER(cold_die_fatal)
{
    Text t = {NULL, 0, 0};
    p->fiber->pc = pc;
    p->fiber->fp = (uint32_t)(fp - p->fiber->stack);
    conversion_failure(p->fiber, &t);
    sched_fatal(p, "panic while printing panic value: %s", t.s ? t.s : "");
    free(t.s);
    LEAVE();
}

static bool converting(const Fiber *f)
{
    const Panic *pn = f->panics;
    while (pn != NULL && !pn->converting) {
        pn = pn->link;
    }
    return pn != NULL;
}

COLD_HANDLER(cold_die)
{
    Fiber *f = p->fiber;
    if (converting(f)) {
        COLD(cold_die_fatal);
    }
    const Func *fn = NULL;
    Panic *pn = next_conversion(p, f, &fn);
    if (pn != NULL) {
        pn->converting = true;
        Slot *w = call_push(p, f, &fp, pc, fn, &pn->value.word, 1, call_hook_ret);
        if (w != NULL) {
            fp = w;
            pc = func_code(fn);
            proc_set_limit(p, f);
            DISPATCH();
        }
    }
    f->pc = pc;
    f->fp = (uint32_t)(fp - f->stack);
    if (atomic_exchange(&vm_state(p->vm)->dying, 1) == 0) {
        die(p, f, pc);
        if (p->vm->session == NULL && !(f->flags & FIBER_F_HOST)) {
            LEAVE();
        }
        atomic_store(&vm_state(p->vm)->dying, 0);
        COLD(cold_goexit_done); /* the others of a session, or of the host's VM, run on */
    }
    f->resume = RESUME_AGAIN; /* another goroutine is dying: wait for the end */
    pop_panic(f);
    sched_gosched(p);
    COLD(interp_switch);
}

HANDLER(HOOK_RET)
{
    Fiber *f = p->fiber;
    for (Panic *pn = f->panics; pn != NULL; pn = pn->link) {
        if (pn->converting) {
            int64_t n = fp[1].i;
            pn->converting = false;
            pn->text = malloc((size_t)n + 1);
            if (pn->text != NULL) {
                memcpy(pn->text, n ? fp[0].p : "", (size_t)n);
                pn->text[n] = 0;
            }
        }
    }
    pc = fp[-4].p;
    fp -= fp[-3].u;
    COLD(cold_die);
}
