/* panic.c - records of deferred calls and panics, recover, and the values of run-time errors.
 *
 * The algorithm (its steps are handlers in interp_panic.c). A fiber has a list of deferred calls and
 * a list of panics, latest first. A panic takes deferred calls one by one and runs each above the
 * frame that panicked. A deferred call that is found started belongs to an earlier panic (or normal
 * return), which its new panic aborts: the call is dropped. When a call returns with its panic
 * recovered, the panic and the aborted ones behind it go, and the frame that deferred the call runs
 * the rest of its deferred calls and goes on at its epilogue. Goexit is a panic that cannot be
 * recovered; one that was aborted by a panic that is then recovered continues.
 *
 * recover() works in the frame that the panic called, or above it through wrappers, to which a
 * method value that reflect made (a dynamic function, and reflect's frames above it) belongs. Records
 * are malloc'd (small Defers from the P's pool); roots.c scans them. Only the thread that runs the
 * fiber touches them.
 */
#include "vm/panic.h"

#include "runtime/barrier.h"
#include "runtime/iface.h"
#include "runtime/rtypes.h"
#include "runtime/sched.h"
#include "runtime/session.h"
#include "runtime/string.h"
#include "vm/op.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFER_POOL_MAX = 64 };

/* --- deferred calls --- */

Defer *defer_push(P *p, Fiber *f, uint32_t frame, const void *fn, const Slot *args, uint32_t nargs)
{
    VmP *vp = vm_p(p);
    Defer *d = nargs <= DEFER_POOL_ARGS ? vp->free_defers : NULL;
    if (d != NULL) {
        vp->free_defers = d->link;
        vp->nfree_defers--;
    } else {
        uint32_t room = nargs <= DEFER_POOL_ARGS ? (uint32_t)DEFER_POOL_ARGS : nargs;
        d = malloc(sizeof *d + room * sizeof(Slot));
        if (d == NULL) {
            return NULL;
        }
    }
    d->fn = fn;
    d->panic = NULL;
    d->frame = frame;
    d->nargs = (uint16_t)nargs;
    d->started = false;
    for (uint32_t i = 0; i < nargs; i++) {
        d->args[i] = args[i];
    }
    d->link = f->defers;
    f->defers = d;
    return d;
}

void defer_pop(P *p, Fiber *f)
{
    VmP *vp = vm_p(p);
    Defer *d = f->defers;
    f->defers = d->link;
    if (d->nargs <= DEFER_POOL_ARGS && vp->nfree_defers < DEFER_POOL_MAX) {
        d->link = vp->free_defers;
        vp->free_defers = d;
        vp->nfree_defers++;
    } else {
        free(d);
    }
}

/* --- panics --- */

bool panic_push(P *p, Fiber *f, const Insn *pc, const Slot *fp, bool goexit)
{
    VmP *vp = vm_p(p);
    Panic *pn = calloc(1, sizeof *pn);
    if (pn == NULL) {
        return false;
    }
    pn->value = goexit ? (Iface){NULL, {.u = 0}} : vp->panic;
    pn->nil_deref = !goexit && vp->panic_nil_deref;
    vp->panic_nil_deref = false;
    vp->panic = (Iface){NULL, {.u = 0}};
    pn->top_fp = (uint32_t)(fp - f->stack);
    pn->call_fp = NO_SLOT;
    pn->top_pc = pc;
    pn->goexit = goexit;
    pn->link = f->panics;
    f->panics = pn;
    return true;
}

static bool in_reflect(const Func *fn)
{
    const RName *n = rel_get(&fn->name);
    return n != NULL && n->len > 8 && memcmp(n->s, "reflect.", 8) == 0;
}

Iface panic_recover(Fiber *f, const Slot *fp)
{
    Iface none = {NULL, {.u = 0}};
    Panic *pn = f->panics;
    if (pn == NULL || pn->goexit || pn->recovered || pn->call_fp == NO_SLOT) {
        return none;
    }
    bool reflected = false;
    while ((uint32_t)(fp - f->stack) != pn->call_fp) {
        const Insn *ret = fp[-1].p;
        if (ret[-2].a == 0 && ret != call_native_ret + 2) {
            return none; /* called by the VM, not by a frame */
        }
        fp -= ret[-2].a ? ret[-2].a : fp[-3].u;
        const Func *fn = frame_func(fp);
        bool made = reflected && (fn->flags & FN_DYNAMIC);
        reflected |= in_reflect(fn);
        if (!(fn->flags & FN_WRAPPER) && !in_reflect(fn) && !made) {
            return none;
        }
    }
    if (reflected && !(frame_func(fp)->flags & FN_DYNAMIC)) {
        return none; /* a call by reflect is no deferred one */
    }
    pn->recovered = true;
    return pn->value;
}

/* Run by the frame's own return it is a call by that frame; run by a panic it is the deferred
 * function itself, which is nobody's deferred function's call. */
Iface panic_recover_deferred(Fiber *f, const Slot *fp)
{
    if (fp[-1].p != call_defer_ret + 2) {
        return (Iface){NULL, {.u = 0}};
    }
    return panic_recover(f, fp - fp[-3].u);
}

void panic_fiber_gone(GolVM *vm, Fiber *f)
{
    if (vm->session != NULL) {
        vm->session->ended(vm->session, f);
    }
    for (Defer *d = f->defers; d != NULL;) {
        Defer *next = d->link;
        free(d);
        d = next;
    }
    for (Panic *pn = f->panics; pn != NULL;) {
        Panic *next = pn->link;
        free(pn->text);
        free(pn);
        pn = next;
    }
    f->defers = f->panics = NULL;
}

/* --- run-time error values --- */

static const RType *type_by_name(VmState *vm, const char *name)
{
    size_t n = strlen(name);
    for (uint32_t i = 0; i < vm->nunits; i++) {
        const Unit *u = vm->units[i].unit;
        const RelPtr *types = rel_get(&u->types);
        for (uint32_t k = 0; k < u->ntypes; k++) {
            const RType *t = rel_get(&types[k]);
            const RName *s = rtype_str(t);
            if (s && s->len == n && memcmp(s->s, name, n) == 0) {
                return t;
            }
        }
    }
    return NULL;
}

/* A plain string type for VMs without the runtime package. */
static const RType *string_type(void)
{
    static struct { RType t; uint64_t map; } box;
    static _Atomic uint32_t made;
    static SpinLock lock;
    if (!atomic_load_explicit(&made, memory_order_acquire)) {
        lock_acquire(&lock);
        if (!atomic_load_explicit(&made, memory_order_relaxed)) {
            RType *t = &box.t;
            t->hash[0] = HASH64_START;
            t->size = 16;
            t->kind = RK_STRING;
            t->align = 16;
            t->flags = RT_COMPARABLE;
            t->gc_words = 1;
            box.map = GCW_PTR;
            t->gcmap.off = (char *)&box.map - (char *)&t->gcmap;
            t->str.off = 0;
            rtype_register(t);
            atomic_store_explicit(&made, 1, memory_order_release);
        }
        lock_release(&lock);
    }
    return &box.t;
}

static PanicTypes *panic_types(P *p)
{
    VmState *vm = vm_state(p->vm);
    PanicTypes *t = &vm->types;
    lock_acquire(&vm->types_lock);
    if (!t->looked) {
        t->error_string = type_by_name(vm, "runtime.errorString");
        t->plain_error = type_by_name(vm, "runtime.plainError");
        t->assertion_error = type_by_name(vm, "*runtime.TypeAssertionError");
        t->nil_error = type_by_name(vm, "*runtime.PanicNilError");
        t->string = type_by_name(vm, "string");
        if (t->string == NULL) {
            t->string = string_type();
        }
        t->looked = true;
    }
    lock_release(&vm->types_lock);
    return t;
}

/* The panic value: text boxed as type t, or as a string behind a prefix. */
static void set_text(P *p, const RType *t, const char *prefix, const char *text)
{
    char buf[1100];
    if (t == NULL) {
        snprintf(buf, sizeof buf, "%s%s", prefix, text);
        text = buf;
        t = panic_types(p)->string;
    }
    String s = string_new(p, text, strlen(text));
    bool ok;
    Slot word = iface_box(p, t, &s, &ok);
    vm_p(p)->panic = (Iface){ok ? t : NULL, word};
}

static void set_error(P *p, const char *fmt, va_list ap)
{
    char buf[1024];
    vsnprintf(buf, sizeof buf, fmt, ap);
    set_text(p, panic_types(p)->error_string, "runtime error: ", buf);
}

static void set_plain(P *p, const char *fmt, va_list ap)
{
    char buf[1024];
    vsnprintf(buf, sizeof buf, fmt, ap);
    set_text(p, panic_types(p)->plain_error, "", buf);
}

void panic_text(P *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_error(p, fmt, ap);
    va_end(ap);
}

void panic_plain(P *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_plain(p, fmt, ap);
    va_end(ap);
}

void panic_set_fatal(P *p, const char *fmt, ...)
{
    va_list ap;
    char buf[512];
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    free(vm_p(p)->fatal);
    vm_p(p)->fatal = strdup(buf);
}

void panic_index(P *p, const Slot *fp, const Insn *pc, int64_t index, int64_t len)
{
    if (index >= 0) {
        panic_text(p, "index out of range [%lld] with length %lld", (long long)index,
                   (long long)len);
    } else if (trace_unsigned(frame_func(fp), pc)) {
        panic_text(p, "index out of range [%llu] with length %lld", (unsigned long long)index,
                   (long long)len);
    } else {
        panic_text(p, "index out of range [%lld]", (long long)index);
    }
}

/* A bound as its type prints it. */
typedef struct BoundText {
    char s[24];
    bool negative;
} BoundText;

static BoundText bound_text(uint64_t x, bool is_unsigned)
{
    BoundText t = {.negative = !is_unsigned && (int64_t)x < 0};
    snprintf(t.s, sizeof t.s, is_unsigned ? "%llu" : "%lld", (unsigned long long)x);
    return t;
}

/* One failed comparison of a slice expression: the index, its place, and what it exceeded. */
static void slice_failed(P *p, const char *before, BoundText x, const char *what, int64_t limit)
{
    if (x.negative) {
        panic_text(p, "slice bounds out of range [%s%s]", before, x.s);
    } else {
        panic_text(p, "slice bounds out of range [%s%s] with %s %lld", before, x.s, what,
                   (long long)limit);
    }
}

static void slice_order(P *p, const char *before, BoundText x, BoundText y, const char *after)
{
    panic_text(p, "slice bounds out of range [%s%s:%s%s]", before, x.s, x.negative ? "" : y.s,
               after);
}

void panic_slice(P *p, const Slot *b, unsigned flags, int64_t len, int64_t cap, int string)
{
    uint64_t lo = flags & 1 ? b[0].u : 0;
    uint64_t hi = flags & 2 ? b[1].u : (uint64_t)len;
    const char *what = string ? "length" : "capacity";
    BoundText lo_text = bound_text(lo, flags & 8), hi_text = bound_text(hi, flags & 16);
    if (flags & 4) {
        uint64_t max = b[2].u;
        BoundText max_text = bound_text(max, flags & 32);
        if (max > (uint64_t)cap) {
            slice_failed(p, "::", max_text, what, cap);
        } else if (hi > max) {
            slice_order(p, ":", hi_text, max_text, "");
        } else {
            slice_order(p, "", lo_text, hi_text, ":");
        }
    } else if (hi > (uint64_t)cap) {
        slice_failed(p, ":", hi_text, what, cap);
    } else {
        slice_order(p, "", lo_text, hi_text, "");
    }
}

static String missing_method(const RType *dyn, const RType *want)
{
    const RMethod *wrong = NULL, *m;
    if (dyn == NULL || want->kind != RK_INTERFACE) {
        return (String){NULL, 0};
    }
    m = iface_missing(dyn, want, &wrong);
    const RName *n = m ? rel_get(&m->name) : NULL;
    return n ? (String){(const uint8_t *)n->s, n->len} : (String){NULL, 0};
}

static void assert_text(P *p, String missing, String dyn, String want, String from)
{
    char buf[1024];
    if (dyn.len == 0) {
        snprintf(buf, sizeof buf, "interface conversion: %.*s is nil, not %.*s", (int)from.len,
                 (const char *)from.ptr, (int)want.len, (const char *)want.ptr);
    } else if (missing.len != 0) {
        snprintf(buf, sizeof buf, "interface conversion: %.*s is not %.*s: missing method %.*s",
                 (int)dyn.len, (const char *)dyn.ptr, (int)want.len, (const char *)want.ptr,
                 (int)missing.len, (const char *)missing.ptr);
    } else {
        snprintf(buf, sizeof buf, "interface conversion: %.*s is %.*s, not %.*s", (int)from.len,
                 (const char *)from.ptr, (int)dyn.len, (const char *)dyn.ptr, (int)want.len,
                 (const char *)want.ptr);
    }
    set_text(p, NULL, "", buf);
}

void panic_assert(P *p, const RType *dyn, const RType *want, const RType *from)
{
    const RType *t = panic_types(p)->assertion_error;
    String none = {NULL, 0};
    String part[4] = {missing_method(dyn, want), dyn ? rtype_string(dyn) : none, rtype_string(want),
                      from ? rtype_string(from) : none};
    if (want->kind == RK_INTERFACE && dyn == NULL) {
        part[3] = (String){(const uint8_t *)"interface", 9};
    }
    const RType *object = t ? rtype_elem(t) : NULL;
    if (object == NULL || object->size != sizeof part) {
        assert_text(p, part[0], part[1], part[2], part[3]);
        return;
    }
    void *o = heap_alloc(p, object, 1);
    if (o != NULL) {
        heap_copy_fresh(o, part, object, 1);
        vm_p(p)->panic = (Iface){t, {.p = o}};
    }
}

void panic_nil_value(P *p)
{
    const RType *t = panic_types(p)->nil_error;
    void *o = t && rtype_elem(t) ? heap_alloc(p, rtype_elem(t), 1) : NULL;
    if (o == NULL) {
        set_text(p, NULL, "", "panic called with nil argument (use GODEBUG=panicnil=1 to disable)");
        return;
    }
    vm_p(p)->panic = (Iface){t, {.p = o}};
}

/* The wrapper's name is (*path.T).M. */
void panic_nil_receiver(P *p, const Func *wrapper)
{
    const RName *n = rel_get(&wrapper->name);
    const char *name = n->s, *end = name + n->len;
    const char *close = memchr(name, ')', n->len);
    const char *dot = NULL; /* the first one behind the last slash */
    for (const char *at = name; close && at < close; at++) {
        dot = *at == '/' ? NULL : *at == '.' && !dot ? at : dot;
    }
    if (n->len < 4 || !close || !dot || end - close < 2) {
        panic_text(p, "invalid memory address or nil pointer dereference");
        return;
    }
    panic_plain(p, "value method %.*s.%.*s called using nil *%.*s pointer", (int)(close - name - 2),
                name + 2, (int)(end - close - 2), close + 2, (int)(close - dot - 1), dot + 1);
}

int panic_op_error(P *p)
{
    const RType *t;
    OpError e = op_take(p, &t);
    String name = t ? rtype_string(t) : (String){(const uint8_t *)"?", 1};
    switch (e) {
    case OP_UNHASHABLE:
        panic_text(p, "hash of unhashable type %.*s", (int)name.len, (const char *)name.ptr);
        return 1;
    case OP_UNCOMPARABLE:
        panic_text(p, "comparing uncomparable type %.*s", (int)name.len, (const char *)name.ptr);
        return 1;
    case OP_NIL_MAP: panic_plain(p, "assignment to entry in nil map"); return 1;
    case OP_LEN_RANGE: panic_text(p, "makeslice: len out of range"); return 1;
    case OP_CAP_RANGE: panic_text(p, "makeslice: cap out of range"); return 1;
    case OP_GROW_RANGE: panic_text(p, "growslice: len out of range"); return 1;
    case OP_UNSAFE_SLICE_LEN: panic_text(p, "unsafe.Slice: len out of range"); return 1;
    case OP_UNSAFE_STRING_LEN: panic_text(p, "unsafe.String: len out of range"); return 1;
    case OP_UNSAFE_SLICE_NIL:
        panic_text(p, "unsafe.Slice: ptr is nil and len is not zero");
        return 1;
    case OP_UNSAFE_STRING_NIL:
        panic_text(p, "unsafe.String: ptr is nil and len is not zero");
        return 1;
    case OP_MAP_WRITES: panic_set_fatal(p, "concurrent map writes"); return 2;
    case OP_MAP_READ_WRITE: panic_set_fatal(p, "concurrent map read and map write"); return 2;
    case OP_MAP_ITER_WRITE: panic_set_fatal(p, "concurrent map iteration and map write"); return 2;
    case OP_OK: case OP_NO_MEMORY: break;
    }
    return 0;
}

/* --- what natives use (runtime/native.h) --- */

NativeStatus native_panic_error(P *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_error(p, fmt, ap);
    va_end(ap);
    return NATIVE_PANIC;
}

NativeStatus native_panic_plain(P *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_plain(p, fmt, ap);
    va_end(ap);
    return NATIVE_PANIC;
}

NativeStatus native_panic_value(P *p, Iface v)
{
    if (v.type == NULL) {
        panic_nil_value(p);
    } else {
        vm_p(p)->panic = v;
    }
    return NATIVE_PANIC;
}

NativeStatus native_fatal(P *p, const char *fmt, ...)
{
    va_list ap;
    char buf[512];
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    sched_fatal(p, "%s", buf);
    return NATIVE_EXIT;
}

Slot *native_frame(P *p) { return p->fiber->stack + p->fiber->fp; }

String native_string(P *p, const void *s, size_t n) { return string_new(p, s, n); }
