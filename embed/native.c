/* native.c - C functions of the host as gol functions.
 *
 * A module is a package of which the host writes the gol text (types, helpers) and registers C
 * functions, each by its Go signature, which becomes a declaration without body in the text. The
 * compiler sees a file like any other; the loader binds body-less functions by name, first to the
 * library's natives, then to what was bound to this VM. Every bound function is entered through
 * host_native, which finds its Bound by the number in the NATIVE instruction.
 *
 * A native may park on a promise: it is then called again when the promise is resolved, and
 * host_native stores the results without asking the host (Fiber.wait_obj, wake_value tell). Promise and fiber
 * meet under the promise's lock; a promise outlives the VM if the host still holds it.
 *
 * Host objects: the script holds a struct with one pointer to a heap object that holds the host's
 * pointer, so copies share it and a racy or zero struct is nil, never a wild pointer. A cleanup of
 * that object calls the host's finalizer; those that are left are called when the VM is closed.
 */
#include "embed/host.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/barrier.h"
#include "runtime/finalizer.h"
#include "runtime/rtypes.h"
#include "vm/link.h"
#include "vm/op.h"
#include "vm/panic.h"

enum { WOKEN_BY_PROMISE = 0x70726f6d };

typedef struct ModuleFunc {
    char *name; /* "Add", "(*Window).Title" */
    GolNative fn;
} ModuleFunc;

struct GolModule {
    char *path, *text;
    size_t ntext, nfuncs;
    ModuleFunc *funcs;
    GolFile file;
};

/* A native of a module in one VM. */
typedef struct Bound {
    struct Bound *next;
    char *name; /* "host/win.(*Window).Title" */
    GolNative fn;
    void *ctx;
    const Func *func; /* known after the load */
    const RType *type;
    uint32_t receiver; /* slots */
} Bound;

struct GolCall {
    P *p;
    Slot *fp;
    const Bound *bound;
    GolPromise *promise;
    bool was_host;        /* gol_block_begin: the thread's own M.is_host */
    NativeStatus failure; /* what gol_panic or a misfit left, else NATIVE_OK */
};

struct GolPromise {
    HostLink link;      /* first */
    SpinLock lock;
    /* under lock */
    GolVM *vm;          /* NULL: closed */
    Fiber *fiber;       /* parked, or NULL */
    bool resolved, taken;
    char *error;        /* rejected: what the native panics with */
    GolValue *values;
    size_t nvalues;
};

struct HostObject {
    HostLink link;      /* first */
    void *ptr;
    void (*finalize)(void *ptr);
};

/* What stands on the script's heap: a type of internal/host. */
typedef struct ObjectCell {
    uint64_t ptr; /* the host's pointer; to the collector a scalar */
    void *none;   /* makes the heap remember the type */
} ObjectCell;

static void link_in(Embed *e, HostLink **list, HostLink *l)
{
    lock_acquire(&e->lock);
    l->next = *list;
    l->at = list;
    if (l->next) {
        l->next->at = &l->next;
    }
    *list = l;
    lock_release(&e->lock);
}

static void link_out(Embed *e, HostLink *l)
{
    lock_acquire(&e->lock);
    *l->at = l->next;
    if (l->next) {
        l->next->at = l->at;
    }
    lock_release(&e->lock);
}

/* ---- Modules ---------------------------------------------------------------------------------- */

static bool module_text(GolModule *m, const char *text)
{
    size_t n = strlen(text);
    char *t = realloc(m->text, m->ntext + n + 1);
    if (t) {
        memcpy(t + m->ntext, text, n + 1);
        m->text = t;
        m->ntext += n;
    }
    return t != NULL;
}

GolModule *gol_module_new(const char *import_path, const char *source)
{
    GolModule *m = calloc(1, sizeof *m);
    const char *slash = strrchr(import_path, '/');
    bool ok = m && (m->path = strdup(import_path)) != NULL;
    if (ok && source) {
        ok = module_text(m, source) && module_text(m, "\n");
    } else if (ok) {
        ok = module_text(m, "package ") && module_text(m, slash ? slash + 1 : import_path) &&
             module_text(m, "\n");
    }
    if (!ok) {
        gol_module_free(m);
        return NULL;
    }
    return m;
}

void gol_module_free(GolModule *m)
{
    if (m) {
        for (size_t i = 0; i < m->nfuncs; i++) {
            free(m->funcs[i].name);
        }
        free(m->funcs);
        free(m->path);
        free(m->text);
        free(m);
    }
}

/* "func Add(a, b int) int" -> "Add"; "func (w *Window) Title() string" -> "(*Window).Title". */
static char *symbol_name(const char *sig)
{
    const char *s = sig;
    char recv[128] = "", name[256];
    if (strncmp(s, "func", 4) != 0) {
        return NULL;
    }
    s += 4 + strspn(s + 4, " ");
    if (*s == '(') {
        const char *end = strchr(s, ')'), *at = end;
        while (at && at > s && at[-1] != ' ' && at[-1] != '(') {
            at--;
        }
        if (!end || end - at >= (int)sizeof recv - 4) {
            return NULL;
        }
        snprintf(recv, sizeof recv, *at == '*' ? "(%.*s)." : "%.*s.", (int)(end - at), at);
        s = end + 1 + strspn(end + 1, " ");
    }
    size_t n = strcspn(s, "( ");
    if (n == 0 || s[n] != '(' || n >= 120) {
        return NULL;
    }
    snprintf(name, sizeof name, "%s%.*s", recv, (int)n, s);
    return strdup(name);
}

int gol_module_func(GolModule *m, const char *signature, GolNative fn)
{
    char *name = symbol_name(signature);
    ModuleFunc *t = name ? realloc(m->funcs, (m->nfuncs + 1) * sizeof *t) : NULL;
    if (t) {
        m->funcs = t;
    }
    if (!t || !module_text(m, "\n") || !module_text(m, signature) || !module_text(m, "\n")) {
        free(name);
        return -1;
    }
    m->funcs[m->nfuncs++] = (ModuleFunc){name, fn};
    return 0;
}

const GolFile *gol_module_file(GolModule *m)
{
    m->file = (GolFile){.package = m->path, .name = "module.go", .text = m->text, .len = m->ntext,
                        .natives = 1};
    return &m->file;
}

/* ---- Binding ---------------------------------------------------------------------------------- */

static Bound *find_bound(Embed *e, const char *name, size_t n)
{
    Bound *b = e->bound;
    while (b && (strlen(b->name) != n || memcmp(b->name, name, n) != 0)) {
        b = b->next;
    }
    return b;
}

int gol_vm_bind(GolVM *vm, const GolModule *m, void *ctx)
{
    Embed *e = embed_of(vm);
    for (size_t i = 0; i < m->nfuncs; i++) {
        size_t n = strlen(m->path) + strlen(m->funcs[i].name) + 2;
        Bound *b = calloc(1, sizeof *b);
        char *name = malloc(n);
        if (!b || !name) {
            free(b);
            free(name);
            return -1;
        }
        snprintf(name, n, "%s.%s", m->path, m->funcs[i].name);
        *b = (Bound){.next = e->bound, .name = name, .fn = m->funcs[i].fn, .ctx = ctx};
        e->bound = b;
    }
    return 0;
}

static NativeStatus host_native(P *p, Slot *fp);
static void object_gone(GolVM *vm, void *record);
static void free_promise(GolPromise *pr);

static NativeFn resolve(GolVM *vm, const char *name, size_t n, void **ctx)
{
    Bound *b = find_bound(embed_of(vm), name, n);
    *ctx = b;
    return b ? host_native : NULL;
}

void native_open(GolVM *vm)
{
    vm_state(vm)->find_native = resolve;
    vm->object_gone = object_gone;
}

bool native_linked(Embed *e)
{
    for (Bound *b = e->bound; b; b = b->next) {
        b->func = link_find_func(vm_state(e->vm), b->name);
        b->type = b->func ? rel_get(&b->func->type) : NULL;
        uint32_t n = 0;
        for (uint64_t i = 0; b->type && i < b->type->count; i++) {
            const RType *t = rtype_param(b->type, i);
            n += slots_for(t->size);
        }
        b->receiver = b->func ? b->func->nargs - n : 0;
    }
    const Func *holder = link_find_func(vm_state(e->vm), "internal/host.holder");
    const RType *t = holder ? rel_get(&holder->type) : NULL;
    e->cell_type = t ? rtype_elem(rtype_param(t, 0)) : NULL;
    e->drop = link_find_func(vm_state(e->vm), "internal/host.drop");
    return e->cell_type && e->drop;
}

void native_close(Embed *e)
{
    while (e->objects) {
        object_gone(e->vm, e->objects);
    }
    for (HostLink *l = e->promises, *next; l; l = next) {
        GolPromise *pr = (GolPromise *)l;
        next = l->next;
        lock_acquire(&pr->lock);
        bool over = pr->resolved; /* nobody but us knows it any more */
        pr->vm = NULL;
        lock_release(&pr->lock);
        if (over) {
            free_promise(pr);
        }
    }
    for (Bound *b = e->bound, *next; b; b = next) {
        next = b->next;
        free(b->name);
        free(b);
    }
}

/* ---- Arguments and results -------------------------------------------------------------------- */

/* Where argument or result i stands, and its type; NULL: there is none. */
static Slot *arg_slot(const GolCall *c, size_t i, const RType **t)
{
    Slot *s = c->fp + c->bound->func->nres + c->bound->receiver;
    if (i >= c->bound->type->count) {
        return NULL;
    }
    for (size_t k = 0; k < i; k++) {
        s += slots_for(rtype_param(c->bound->type, k)->size);
    }
    *t = rtype_param(c->bound->type, i);
    return s;
}

static Slot *result_slot(const GolCall *c, size_t i, const RType **t)
{
    Slot *s = c->fp;
    size_t first = c->bound->type->count;
    if (i >= c->bound->type->nout) {
        return NULL;
    }
    for (size_t k = 0; k < i; k++) {
        s += slots_for(rtype_param(c->bound->type, first + k)->size);
    }
    *t = rtype_param(c->bound->type, first + i);
    return s;
}

void *gol_call_ctx(GolCall *c) { return c->bound->ctx; }
GolVM *gol_call_vm(GolCall *c) { return c->p->vm; }

int64_t gol_arg_int(GolCall *c, size_t i)
{
    const RType *t;
    const Slot *s = arg_slot(c, i, &t);
    return s && t->kind >= RK_INT && t->kind <= RK_UINTPTR ? s->i : 0;
}

double gol_arg_float(GolCall *c, size_t i)
{
    const RType *t;
    const Slot *s = arg_slot(c, i, &t);
    return s && t->kind == RK_FLOAT64 ? s->f : s && t->kind == RK_FLOAT32 ? (double)s->f32 : 0;
}

int gol_arg_bool(GolCall *c, size_t i)
{
    const RType *t;
    const Slot *s = arg_slot(c, i, &t);
    return s && t->kind == RK_BOOL && s->u;
}

const char *gol_arg_string(GolCall *c, size_t i, size_t *len)
{
    const RType *t;
    const Slot *s = arg_slot(c, i, &t);
    bool bytes = s && t->kind == RK_SLICE && rtype_elem(t)->kind == RK_UINT8;
    *len = !s ? 0 : t->kind == RK_STRING ? (size_t)s[1].i : bytes ? slot_slice(s).len : 0;
    return *len ? s[0].p : "";
}

int gol_arg(GolCall *c, size_t i, GolValue *out)
{
    const RType *t;
    const Slot *s = arg_slot(c, i, &t);
    *out = gol_nil();
    return s && value_from_slots(embed_of(c->p->vm), c->p, t, s, out) ? 0 : -1;
}

void gol_result_int(GolCall *c, size_t i, int64_t v)
{
    GolValue value = gol_int(v);
    gol_result(c, i, &value);
}

int gol_result(GolCall *c, size_t i, const GolValue *v)
{
    const RType *t;
    Slot *s = result_slot(c, i, &t);
    if (s && v->kind == GOL_INT && (t->kind == RK_INT || t->kind == RK_INT64)) {
        s->i = v->i;
        return 0;
    }
    if (s && value_to_slots(embed_of(c->p->vm), c->p, t, v, s) == FIT_OK) {
        return 0;
    }
    String name = s ? rtype_string(t) : STR_LIT("nothing");
    c->failure = native_panic_plain(c->p, "%s: result %zu: cannot use %s as %.*s", c->bound->name,
                                    i + 1, gol_type_name(v), (int)name.len, (const char *)name.ptr);
    return -1;
}

void gol_panic(GolCall *c, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->failure = native_panic_plain(c->p, "%s", text);
}

/* ---- Objects of the host ---------------------------------------------------------------------- */

/* The struct with one pointer that type t (or what it points at) must be. */
static const RType *object_struct(const RType *t)
{
    t = t->kind == RK_POINTER ? rtype_elem(t) : t;
    bool one = t->kind == RK_STRUCT && t->count == 1 && t->size == 8;
    const RType *field = one ? rel_get(&rtype_fields(t)->type) : NULL;
    return field && field->kind == RK_POINTER ? t : NULL;
}

static void *cell_ptr(Embed *e, const ObjectCell *cell)
{
    if (!cell || !rtype_same(heap_find(cell).type, e->cell_type)) {
        return NULL;
    }
    return (void *)(uintptr_t)mem_load64(&cell->ptr);
}

static void *object_at(GolCall *c, const RType *t, const Slot *s)
{
    if (!t || !object_struct(t)) {
        return NULL;
    }
    const void *cell = t->kind != RK_POINTER ? s->p : s->p ? mem_loadp(s->p) : NULL;
    return cell_ptr(embed_of(c->p->vm), cell);
}

void *gol_arg_object(GolCall *c, size_t i)
{
    const RType *t;
    const Slot *s = arg_slot(c, i, &t);
    return s ? object_at(c, t, s) : NULL;
}

void *gol_receiver(GolCall *c)
{
    const Slot *s = c->fp + c->bound->func->nres;
    bool pointer = strchr(c->bound->name, '*') != NULL;
    if (c->bound->receiver != 1) {
        return NULL;
    }
    return cell_ptr(embed_of(c->p->vm), !pointer ? s->p : s->p ? mem_loadp(s->p) : NULL);
}

/* The record of ptr, which the VM owns from now on; NULL without memory. */
static struct HostObject *add_object(Embed *e, void *ptr, void (*finalize)(void *ptr))
{
    struct HostObject *o = calloc(1, sizeof *o);
    if (o) {
        o->ptr = ptr;
        o->finalize = finalize;
        link_in(e, &e->objects, &o->link);
    }
    return o;
}

static void object_gone(GolVM *vm, void *record)
{
    struct HostObject *o = record;
    link_out(embed_of(vm), &o->link);
    if (o->finalize) {
        o->finalize(o->ptr);
    }
    free(o);
}

int gol_result_object(GolCall *c, size_t i, void *ptr, void (*finalize)(void *ptr))
{
    Embed *e = embed_of(c->p->vm);
    const RType *t = NULL;
    Slot *s = result_slot(c, i, &t);
    const RType *holder = s ? object_struct(t) : NULL;
    if (!holder) {
        c->failure = native_panic_plain(c->p, "%s: result %zu holds no object of the host",
                                        c->bound->name, i + 1);
        return -1;
    }
    if (!ptr) {
        s->p = NULL;
        return 0;
    }
    ObjectCell *cell = heap_alloc(c->p, e->cell_type, 1);
    struct HostObject *o = cell ? add_object(e, ptr, finalize) : NULL;
    void **outer = o && t->kind == RK_POINTER ? heap_alloc(c->p, holder, 1) : NULL;
    uint64_t id;
    if (!o || (t->kind == RK_POINTER && !outer)) {
        c->failure = native_fatal(c->p, "out of memory for an object of the host");
        return -1;
    }
    mem_store64(&cell->ptr, (uint64_t)(uintptr_t)ptr);
    cleanup_add(c->p, cell, e->drop, (Iface){e->basic[BASIC_INT64], {.p = o}}, &id);
    if (outer) {
        heap_store_ptr(c->p, outer, cell);
    }
    s->p = outer ? (void *)outer : (void *)cell;
    return 0;
}

/* ---- Waiting ---------------------------------------------------------------------------------- */

void gol_block_begin(GolCall *c)
{
    M *m = sched_current_m();
    sched_enter_blocking(c->p);
    c->was_host = m->is_host;
    m->is_host = true; /* the native must return, also when the VM ends meanwhile */
}

void gol_block_end(GolCall *c)
{
    M *m = sched_current_m();
    c->p = sched_exit_blocking(c->p);
    m->is_host = c->was_host;
    c->fp = native_frame(c->p);
}

GolPromise *gol_promise_new(GolCall *c)
{
    Embed *e = embed_of(c->p->vm);
    GolPromise *pr = c->promise ? NULL : calloc(1, sizeof *pr);
    if (pr) {
        pr->vm = c->p->vm;
        c->promise = pr;
        host_hold(pr->vm, 1);
        link_in(e, &e->promises, &pr->link);
    }
    return pr;
}

static void free_promise(GolPromise *pr)
{
    for (size_t i = 0; i < pr->nvalues; i++) {
        if ((pr->values[i].kind == GOL_STRING || pr->values[i].kind == GOL_BYTES) &&
            !pr->values[i].ref) {
            free(pr->values[i].p);
        }
    }
    free(pr->values);
    free(pr->error);
    free(pr);
}

/* Texts are copied: the native stores the results later. Nested lists are refused. */
static bool copy_values(GolPromise *pr, const GolValue *v, size_t n)
{
    pr->values = calloc(n + 1, sizeof *v);
    for (size_t i = 0; pr->values && i < n; i++) {
        GolValue *to = &pr->values[pr->nvalues];
        *to = v[i];
        if (v[i].kind == GOL_LIST) {
            return false;
        }
        if ((v[i].kind == GOL_STRING || v[i].kind == GOL_BYTES) && !v[i].ref) {
            to->p = malloc(v[i].len + 1);
            if (!to->p) {
                return false;
            }
            memcpy(to->p, v[i].len ? v[i].s : "", v[i].len);
        }
        pr->nvalues++;
    }
    return pr->values != NULL;
}

static void settle(GolPromise *pr)
{
    lock_acquire(&pr->lock);
    Fiber *f = pr->fiber;
    GolVM *vm = pr->vm;
    pr->resolved = true;
    pr->fiber = NULL;
    if (f && vm) {
        f->wake_value = WOKEN_BY_PROMISE;
        sched_ready_remote(vm, f); /* under the lock: the VM cannot be closed before */
    }
    lock_release(&pr->lock);
    if (!vm) {
        free_promise(pr);
    }
}

void gol_promise_resolve(GolPromise *pr, const GolValue *results, size_t n)
{
    if (!copy_values(pr, results, n)) {
        pr->error = strdup("a promise's results cannot be kept");
    }
    settle(pr);
}

void gol_promise_reject(GolPromise *pr, const char *message)
{
    pr->error = strdup(message);
    settle(pr);
}

/* The promise is resolved: its results go into the frame. */
static NativeStatus take(GolCall *c, GolPromise *pr)
{
    c->failure = NATIVE_OK;
    if (pr->error) {
        c->failure = native_panic_plain(c->p, "%s", pr->error);
    }
    for (size_t i = 0; c->failure == NATIVE_OK && i < pr->nvalues; i++) {
        gol_result(c, i, &pr->values[i]);
    }
    link_out(embed_of(c->p->vm), &pr->link);
    host_hold(c->p->vm, -1);
    lock_acquire(&pr->lock); /* who resolved it readied us under the lock and must have let go */
    lock_release(&pr->lock);
    free_promise(pr);
    return c->failure;
}

static NativeStatus wait_for(GolCall *c, GolPromise *pr)
{
    P *p = c->p;
    Fiber *f = p->fiber;
    lock_acquire(&pr->lock);
    if (pr->resolved) {
        lock_release(&pr->lock);
        return take(c, pr);
    }
    pr->fiber = f;
    f->wait_obj = pr;
    f->wake_value = 0;
    sched_park(p, f, WAIT_HOST, RESUME_AGAIN);
    lock_release(&pr->lock);
    return NATIVE_PARK_AGAIN;
}

static NativeStatus host_native(P *p, Slot *fp)
{
    Fiber *f = p->fiber;
    const Func *fn = frame_func(fp);
    GolCall c = {.p = p, .fp = fp,
                 .bound = vm_state(p->vm)->native_ctx[op_ext(func_code(fn), 0)]};
    if (GOL_UNLIKELY(f->wake_value == WOKEN_BY_PROMISE)) {
        GolPromise *pr = f->wait_obj;
        f->wake_value = 0;
        f->wait_obj = NULL;
        return take(&c, pr);
    }
    c.bound->fn(&c);
    return c.failure != NATIVE_OK || !c.promise ? c.failure : wait_for(&c, c.promise);
}
