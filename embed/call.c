/* call.c - calls from C into a VM: entering, running, results, errors.
 *
 * A prepared function knows its Func and descriptor; a call writes the arguments straight into the
 * first frame of a fiber and runs it (runtime/host.c). Results are taken out of the frame by whoever
 * ends the fiber, before the frame goes away: values that C holds by handle are rooted there. */
#include "embed/host.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/barrier.h"
#include "runtime/rtypes.h"
#include "vm/link.h"
#include "vm/panic.h"

/* ---- Errors ----------------------------------------------------------------------------------- */

static GolError *new_error(GolStatus status)
{
    GolError *e = calloc(1, sizeof *e);
    if (e) {
        e->status = status;
    }
    return e;
}

GolStatus error_set(GolError **error, GolStatus status, const char *fmt, ...)
{
    if (error && (*error = new_error(status)) != NULL) {
        char text[512];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        (*error)->message = strdup(text);
    }
    return status;
}

/* "\tFILE:LINE +0x..." of the first frame. */
static void find_position(GolError *e)
{
    const char *at = e->traceback ? strstr(e->traceback, "\n\t") : NULL;
    const char *end = at ? strstr(at, " +0x") : NULL;
    const char *colon = end;
    while (colon && colon > at && *colon != ':') {
        colon--;
    }
    if (colon && colon > at + 2) {
        e->line = (int)strtol(colon + 1, NULL, 10);
        e->file = strndup(at + 2, (size_t)(colon - at - 2));
    }
}

static void split_trace(GolError *e, const char *text)
{
    const char *trace = strstr(text, "\n\ngoroutine ");
    e->message = trace ? strndup(text, (size_t)(trace - text)) : strdup(text);
    e->traceback = trace ? strdup(trace + 2) : NULL;
    size_t n = e->message ? strlen(e->message) : 0;
    while (n > 0 && e->message[n - 1] == '\n') {
        e->message[--n] = 0;
    }
    find_position(e);
}

GolStatus error_panicked(GolError **error, const char *text)
{
    if (error && (*error = new_error(GOL_PANIC)) != NULL) {
        split_trace(*error, text);
    }
    return GOL_PANIC;
}

GolStatus error_ended(GolError **error, GolVM *vm)
{
    Embed *e = embed_of(vm);
    if (error && (*error = new_error(GOL_ENDED)) != NULL) {
        (*error)->exit_code = vm->exit_code;
        lock_acquire(&e->last_lock);
        char *last = e->last ? strndup(e->last, e->nlast) : NULL;
        lock_release(&e->last_lock);
        split_trace(*error, last ? last : "the VM has ended");
        free(last);
    }
    return GOL_ENDED;
}

GolStatus gol_error_status(const GolError *e) { return e ? e->status : GOL_OK; }
const char *gol_error_message(const GolError *e)
{
    return e && e->message ? e->message : e ? "out of memory" : "";
}
const char *gol_error_traceback(const GolError *e) { return e && e->traceback ? e->traceback : ""; }
int gol_error_exit_code(const GolError *e) { return e ? e->exit_code : 0; }

int gol_error_position(const GolError *e, const char **file)
{
    if (file) {
        *file = e ? e->file : NULL;
    }
    return e ? e->line : 0;
}

void gol_error_free(GolError *e)
{
    if (e) {
        free(e->message);
        free(e->traceback);
        free(e->file);
        free(e);
    }
}

/* ---- Entering and running --------------------------------------------------------------------- */

bool call_enter(GolVM *vm, Inside *in)
{
    in->nested = host_inside(vm);
    in->m = in->nested ? sched_current_m() : host_attach(vm);
    in->p = in->m ? in->m->p : NULL;
    return in->m != NULL;
}

void call_leave(Inside *in)
{
    if (!in->nested) {
        host_detach(in->m);
    }
}

static void finish(HostCall *host, P *p, const Slot *fp)
{
    Call *c = (Call *)host;
    for (size_t i = 0; i < c->nresults && i < c->type->nout; i++) {
        const RType *t = rtype_param(c->type, c->type->count + i);
        c->no_memory |= !value_from_slots(embed_of(p->vm), p, t, fp, &c->results[i]);
        fp += slots_for(t->size);
    }
}

Call *call_new(Embed *e, const RType *type)
{
    lock_acquire(&e->lock);
    Call *c = e->free_calls;
    e->free_calls = c ? c->next : NULL;
    lock_release(&e->lock);
    if (!c && (c = calloc(1, sizeof *c)) != NULL) {
        lock_acquire(&e->lock);
        c->all_next = e->all_calls;
        e->all_calls = c;
        lock_release(&e->lock);
    }
    if (c) {
        c->type = type;
        c->host.finish = finish;
        c->no_memory = false;
        c->nresults = 0;
    }
    return c;
}

void call_free(Embed *e, Call *c)
{
    free(c->host.text);
    c->host.text = NULL;
    lock_acquire(&e->lock);
    c->next = e->free_calls;
    e->free_calls = c;
    lock_release(&e->lock);
}

/* Room for n results, nil. */
static bool make_room(Call *c, size_t n)
{
    if (n > c->cap) {
        GolValue *r = realloc(c->results, n * sizeof *r);
        if (!r) {
            return false;
        }
        c->results = r;
        c->cap = n;
    }
    for (size_t i = 0; i < n; i++) {
        c->results[i] = gol_nil();
    }
    c->nresults = n;
    return true;
}

GolStatus call_run(Inside *in, Call *c, Fiber *f, GolError **error)
{
    GolVM *vm = in->p->vm;
    if (in->nested) {
        in->p = host_run_nested(in->p, &c->host, f);
    } else {
        host_run(in->m, &c->host, f);
    }
    switch ((HostEnd)atomic_load_explicit(&c->host.done, memory_order_acquire)) {
    case HOST_RETURNED: break;
    case HOST_PANICKED: return error_panicked(error, c->host.text);
    case HOST_EXITED: return error_set(error, GOL_GOEXIT, "the goroutine ended by runtime.Goexit");
    case HOST_RUNS: return error_ended(error, vm);
    }
    return c->no_memory ? error_set(error, GOL_INVALID, "out of memory for a result") : GOL_OK;
}

/* ---- Prepared functions ----------------------------------------------------------------------- */

GolFunc *gol_func(GolVM *vm, const char *name, GolError **error)
{
    const Func *fn = link_find_func(vm_state(vm), name);
    const RType *type = fn ? rel_get(&fn->type) : NULL;
    if (error) {
        *error = NULL;
    }
    GolFunc *f = type ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        error_set(error, GOL_INVALID, type ? "out of memory" : "no function %s", name);
        return NULL;
    }
    *f = (GolFunc){.vm = vm, .fn = fn, .type = type};
    return f;
}

GolFunc *gol_func_of(GolVM *vm, const GolValue *v, GolError **error)
{
    const RType *t = v->kind == GOL_OBJECT && v->ref ? v->ref->value.type : NULL;
    GolFunc *f = t && t->kind == RK_FUNC && v->ref->value.word.p ? calloc(1, sizeof *f) : NULL;
    Inside in;
    if (error) {
        *error = NULL;
    }
    if (!f) {
        error_set(error, GOL_INVALID, "%s is no function", gol_type_name(v));
        return NULL;
    }
    *f = (GolFunc){.vm = vm, .fn = v->ref->value.word.p, .type = t};
    if (!call_enter(vm, &in)) {
        free(f);
        error_ended(error, vm);
        return NULL;
    }
    heap_root_add(in.p, &f->root, v->ref->value.word.p);
    call_leave(&in);
    f->rooted = true;
    return f;
}

void gol_func_free(GolFunc *f)
{
    if (f && f->rooted) {
        value_unroot(f->vm, &f->root);
    }
    free(f);
}

/* Arguments into the frame. FIT_CONVERT: reflect must help. */
static ValueFit fill(Embed *e, P *p, const GolFunc *f, const GolValue *args, size_t nargs, Slot *w)
{
    if (nargs != f->type->count || f->type->flags & RT_VARIADIC) {
        return FIT_CONVERT;
    }
    for (size_t i = 0; i < nargs; i++) {
        const RType *t = rtype_param(f->type, i);
        uint32_t n = slots_for(t->size);
        memset(w, 0, n * sizeof *w);
        ValueFit fit = value_to_slots(e, p, t, &args[i], w);
        if (fit != FIT_OK) {
            return fit;
        }
        w += n;
    }
    return FIT_OK;
}

/* A call whose arguments must be converted. */
static GolStatus call_converted(GolFunc *f, const GolValue *args, size_t nargs, GolValue *results,
                                size_t nresults, GolError **error)
{
    GolRef target = {.value = {f->type, {.p = (void *)f->fn}}}; /* kept alive by f */
    GolValue in[2] = {{.kind = GOL_OBJECT, .ref = &target}, gol_list(args, nargs)}, list, v;
    GolStatus s = value_lib(f->vm, LIB_invoke, in, 2, &list, 1, true, error);
    for (size_t i = 0; s == GOL_OK && i < nresults && i < f->type->nout; i++) {
        GolValue k = gol_int((int64_t)i);
        s = gol_index(f->vm, &list, &k, &v, NULL, error);
        results[i] = s == GOL_OK ? v : gol_nil();
    }
    gol_release(f->vm, &list);
    return s;
}

static GolStatus run_direct(GolFunc *f, const GolValue *args, size_t nargs, Call *c, ValueFit *fit,
                            GolError **error)
{
    Embed *e = embed_of(f->vm);
    const Func *g = funcval_fn(f->fn);
    Inside in;
    if (!call_enter(f->vm, &in)) {
        return error_ended(error, f->vm);
    }
    GolStatus s = GOL_INVALID;
    Fiber *fiber = call_host(in.p, f->fn, g->nargs, &c->host);
    *fit = fiber ? fill(e, in.p, f, args, nargs, fiber->stack + fiber->fp + g->nres) : FIT_NO_MEMORY;
    if (*fit == FIT_OK) {
        s = call_run(&in, c, fiber, error);
    } else if (fiber) {
        fiber_free(in.p, fiber);
    }
    call_leave(&in);
    return s;
}

GolStatus gol_call(GolFunc *f, const GolValue *args, size_t nargs, GolValue *results,
                   size_t nresults, GolError **error)
{
    Embed *e = embed_of(f->vm);
    ValueFit fit = FIT_OK;
    if (error) {
        *error = NULL;
    }
    for (size_t i = 0; i < nresults; i++) {
        results[i] = gol_nil();
    }
    Call *c = call_new(e, f->type);
    if (!c || !make_room(c, nresults)) {
        return error_set(error, GOL_INVALID, "out of memory");
    }
    GolStatus s = run_direct(f, args, nargs, c, &fit, error);
    if (s == GOL_OK && nresults) {
        memcpy(results, c->results, nresults * sizeof *results);
    }
    if (s != GOL_ENDED) {
        call_free(e, c);
    }
    switch (fit) {
    case FIT_OK: return s;
    case FIT_CONVERT: return call_converted(f, args, nargs, results, nresults, error);
    case FIT_NO_MEMORY: break;
    }
    return error_set(error, GOL_INVALID, "out of memory for a call");
}

/* ---- A VM that is called ---------------------------------------------------------------------- */

enum { LAST_MAX = 1 << 16 };

/* Fatal errors go where the program's standard error goes and are kept for the error objects. */
static void keep_last(Sink *sink, const void *data, size_t n)
{
    Embed *e = sink->ctx;
    lock_acquire(&e->last_lock);
    if (e->nlast + n <= LAST_MAX) {
        char *t = realloc(e->last, e->nlast + n + 1);
        if (t) {
            memcpy(t + e->nlast, data, n);
            e->last = t;
            e->nlast += n;
        }
    }
    lock_release(&e->last_lock);
    if (e->io.write) {
        e->io.write(e->io.ctx, 2, data, n);
    } else {
        sink_stderr.write(&sink_stderr, data, n);
    }
}

bool embed_open(GolVM *vm, const GolConfig *config)
{
    Embed *e = calloc(1, sizeof *e);
    if (!e) {
        return false;
    }
    e->vm = vm;
    e->sink = (Sink){keep_last, e};
    e->time_max = config->time_max_ns;
    e->io.write = config->write;
    e->io.ctx = config->ctx;
    e->io.output_max = config->output_max;
    vm->host = e;
    native_open(vm);
    vm->err = &e->sink;
    vm->io = config->write || config->output_max ? &e->io : NULL;
    return true;
}

bool embed_begin(GolVM *vm)
{
    Embed *e = embed_of(vm);
    return e->time_max == 0 || watch_begin(&e->watch, vm, e->time_max);
}

void embed_limit(GolVM *vm, const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!sched_exiting(vm)) {
        sink_printf(vm->err, "fatal error: %s\n", text);
        sched_exit_vm(vm, 2);
    }
}

void embed_close(GolVM *vm)
{
    Embed *e = embed_of(vm);
    for (Call *c = e ? e->all_calls : NULL, *next; c; c = next) {
        next = c->all_next;
        free(c->results);
        free(c->host.text);
        free(c);
    }
    if (e) {
        watch_end(&e->watch);
        native_close(e);
        vm->err = &sink_stderr;
        vm->io = NULL;
        free(e->last);
        free(e);
        vm->host = NULL;
    }
}

bool embed_prepare(Embed *e)
{
    static const char *const names[] = {
#define X(name) "internal/host." #name,
        HOST_LIB(X)
#undef X
    };
    const Func *basics = link_find_func(vm_state(e->vm), "internal/host.basics");
    for (int i = 0; i < LIB_COUNT; i++) {
        const Func *fn = link_find_func(vm_state(e->vm), names[i]);
        if (!fn) {
            return false;
        }
        e->lib[i] = (struct GolFunc){.vm = e->vm, .fn = fn, .type = rel_get(&fn->type)};
    }
    const RType *t = basics ? rel_get(&basics->type) : NULL;
    for (int i = 0; t && i < BASIC_COUNT; i++) {
        e->basic[i] = rtype_param(t, i);
    }
    return t != NULL;
}

/* Runs what link_schedule listed, one function after the other. */
static GolStatus run_todo(GolVM *vm, GolError **error)
{
    static const RType procedure = {.kind = RK_FUNC}; /* initialisers have no descriptor */
    VmState *v = vm_state(vm);
    GolStatus s = GOL_OK;
    for (; s == GOL_OK && v->done < v->ntodo; v->done++) {
        const Func *fn = v->todo[v->done];
        GolFunc f = {.vm = vm, .fn = fn, .type = &procedure};
        s = gol_call(&f, NULL, 0, NULL, 0, error);
    }
    return s;
}

GolStatus gol_start(GolVM *vm, const GolProgram *program, GolError **error)
{
    Embed *e = embed_of(vm);
    char err[512] = "";
    if (error) {
        *error = NULL;
    }
    if (e->started) {
        return error_set(error, GOL_INVALID, "the VM has run a program already");
    }
    Unit *unit = load_copy(vm_state(vm), program, err, sizeof err);
    if (!unit) {
        return error_set(error, GOL_INVALID, "%s", *err ? err : "out of memory");
    }
    if (!link_schedule_package(vm_state(vm), "internal/host") ||
        !link_schedule(vm_state(vm), unit, rel_get(&unit->main)) || !embed_prepare(e) ||
        !native_linked(e)) {
        return error_set(error, GOL_INVALID, "out of memory");
    }
    if (!embed_begin(vm)) {
        return error_set(error, GOL_INVALID, "no thread to watch the time");
    }
    vm_begin(vm_state(vm));
    e->started = true;
    host_open(vm);
    return run_todo(vm, error);
}

void gol_vm_kill(GolVM *vm) { host_kill(vm, 137); }
void gol_vm_hold(GolVM *vm) { host_hold(vm, 1); }
void gol_vm_unhold(GolVM *vm) { host_hold(vm, -1); }
