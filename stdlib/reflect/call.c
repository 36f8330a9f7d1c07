/* call.c - natives of reflect: calling functions and methods, MakeFunc, channels.
 *
 * Each call is a native that is entered twice: it lays out the arguments and asks for the call
 * (native_call), and goes on with the results. Lists of Values come as slices of *ref; the slice's
 * cell is loaded once, each element once, nil elements are refused.
 */
#include "stdlib/reflect/reflect.h"

/* A list of refs as a script slice of one-pointer structs. */
static NativeStatus give_refs(struct P *p, Slot *fp, Ref **refs, uint32_t n)
{
    void **out = n ? heap_alloc(p, rtype_pointer(), n) : NULL;
    if (n && !out) {
        return NATIVE_OK;
    }
    for (uint32_t i = 0; i < n; i++) {
        heap_store_ptr(p, out + i, refs[i]);
    }
    slot_set_slice(fp, (Slice){(uint8_t *)out, n, n});
    return NATIVE_OK;
}

/* A copy of the value that stands in frame form at s. */
static Ref *ref_from_slots(struct P *p, const RType *t, const Slot *s)
{
    bool ok = true;
    if (t->kind == RK_INTERFACE) {
        void *cell = heap_alloc(p, t, 1);
        if (!cell) {
            return NULL;
        }
        cell_store(cell, cell_from_slots(s));
        return ref_new(p, (Iface){0}, t, cell, 0);
    }
    Slot word = iface_box_slots(p, t, s, &ok);
    return ok ? ref_of(p, (Iface){t, word}, 0) : NULL;
}

/* The results of a call of func type t, as a slice at fp. */
static NativeStatus give_results(struct P *p, Slot *fp, const RType *t, const Slot *res)
{
    Ref **refs = calloc(t->nout + 1, sizeof *refs);
    if (!refs) {
        return native_panic_plain(p, "out of memory for a call's results");
    }
    for (uint32_t i = 0; i < t->nout; i++) {
        const RType *r = rtype_param(t, t->count + i);
        refs[i] = ref_from_slots(p, r, res);
        res += slots_for(r->size);
    }
    NativeStatus s = give_refs(p, fp, refs, t->nout);
    free(refs);
    return s;
}

/* Lays out args for func type t behind `first` slots; NULL if they do not fit t. */
static Slot *lay_out(struct P *p, const RType *t, Slice args, uint32_t first, uint32_t *n)
{
    uint64_t slots = first;
    for (uint64_t i = 0; i < t->count; i++) {
        slots += slots_for(rtype_param(t, i)->size);
    }
    Slot *window = args.len == t->count && slots < 65000 ? calloc(slots + 1, 8) : NULL;
    Slot *at = window + first;
    for (uint64_t i = 0; window && i < t->count; i++) {
        const Ref *r = mem_loadp(args.ptr + i * 8);
        if (!r || !rtype_same(r->type, rtype_param(t, i)) || !rtype_load_any(p, r->type, at, r->at)) {
            free(window);
            return NULL;
        }
        at += slots_for(r->type->size);
    }
    *n = (uint32_t)slots;
    return window;
}

static NativeStatus call_with(struct P *p, const void *fn, const RType *t, Slice args,
                              const Slot *receiver)
{
    uint32_t n, want_res, want_args;
    Slot *window = lay_out(p, t, args, receiver ? 1 : 0, &n);
    native_func_shape(fn, &want_res, &want_args);
    if (!window || n != want_args) {
        free(window);
        return native_panic_plain(p, "reflect: Call with arguments of wrong types");
    }
    if (receiver) {
        window[0] = *receiver;
    }
    NativeStatus s = native_call(p, fn, window, n);
    free(window);
    return s;
}

/* func(fn *ref, args []*ref) []Value */
static NativeStatus n_call(struct P *p, Slot *fp)
{
    const Ref *f = fp[2].p;
    const Slot *res = native_results(p);
    if (res) {
        return give_results(p, fp, f->type, res);
    }
    const void *fn = f->type->kind == RK_FUNC ? mem_loadp(f->at) : NULL;
    if (!fn) {
        return native_panic_plain(p, "reflect: call of nil function");
    }
    return call_with(p, fn, f->type, slot_slice(fp + 3), NULL);
}

/* The method number i of t (the order of typeMethod) on dynamic value *v. */
static const RMethod *find_method(struct P *p, const Ref *r, uint64_t i, Iface *v)
{
    *v = ref_iface(p, r);
    if (!v->type || i >= reflect_nmethods(r->type)) {
        return NULL;
    }
    const RMethod *m = rtype_methods(r->type) + i;
    return r->type->kind == RK_INTERFACE ? rtype_find_method(v->type, m->id) : m;
}

/* func(recv *ref, method int, args []*ref) []Value */
static NativeStatus n_call_method(struct P *p, Slot *fp)
{
    const Ref *r = fp[2].p;
    uint64_t i = fp[3].u;
    const Slot *res = native_results(p);
    if (res) {
        return give_results(p, fp, rel_get(&rtype_methods(r->type)[i].type), res);
    }
    Iface v;
    const RMethod *m = find_method(p, r, i, &v);
    const void *fn = m ? rel_get(&m->func) : NULL;
    if (!fn) {
        return native_panic_plain(p, "reflect: Method on nil interface value");
    }
    return call_with(p, fn, rel_get(&m->type), slot_slice(fp + 4), &v.word);
}

/* ---- MakeFunc ---- */

/* A closure of MakeFunc: {Func, type, the gol func([]Value) []Value}. */
typedef struct Made {
    const void *fn;
    const RType *type;
    const void *body;
    uint64_t unused;
} Made;

static const RType *made_type;
static pthread_once_t made_once = PTHREAD_ONCE_INIT;

static void make_made_type(void)
{
    static const uint8_t kinds[] = {GCW_SCALAR, GCW_SCALAR, GCW_PTR, GCW_SCALAR};
    made_type = rtype_build("reflect.made", sizeof(Made), 8, kinds);
}

static NativeStatus wrong_results(struct P *p)
{
    return native_panic_plain(p, "reflect: function created by MakeFunc using closure returned "
                                 "values of wrong number or types");
}

static NativeStatus take_results(struct P *p, Slot *fp, const RType *t, Slice got)
{
    if (got.len != t->nout) {
        return native_panic_plain(p, "reflect: wrong return count from function created by "
                                     "MakeFunc");
    }
    for (uint32_t i = 0; i < t->nout; i++) {
        const Ref *r = mem_loadp(got.ptr + i * 8);
        const RType *want = rtype_param(t, t->count + i);
        if (!r || !rtype_same(r->type, want)) {
            return wrong_results(p);
        }
        if (!rtype_load_any(p, want, fp, r->at)) {
            return native_panic_plain(p, "out of memory for a call's results");
        }
        fp += slots_for(want->size);
    }
    return NATIVE_OK;
}

/* The body of every function that MakeFunc made; its frame is that of the function's type. */
static NativeStatus n_enter_made(struct P *p, Slot *fp)
{
    const Made *made = native_closure(p);
    const RType *t = made->type;
    const Slot *res = native_results(p);
    if (res) {
        return take_results(p, fp, t, slot_slice(res));
    }
    Slot cell[2] = {{0}, {0}}, *at = fp;
    Ref **refs = calloc(t->count + 1, sizeof *refs);
    if (!refs) {
        return native_panic_plain(p, "out of memory for a call's arguments");
    }
    for (uint32_t i = 0; i < t->nout; i++) {
        at += slots_for(rtype_param(t, t->count + i)->size);
    }
    for (uint64_t i = 0; i < t->count; i++) {
        refs[i] = ref_from_slots(p, rtype_param(t, i), at);
        at += slots_for(rtype_param(t, i)->size);
    }
    give_refs(p, cell, refs, (uint32_t)t->count);
    free(refs);
    return native_call(p, made->body, cell, 2);
}

/* func(t *rtype, body func([]Value) []Value) *ref */
static NativeStatus n_make_func(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    const void *body = fp[2].p;
    pthread_once(&made_once, make_made_type);
    const void *fn = t->kind == RK_FUNC ? native_func_enter(p, t, n_enter_made) : NULL;
    if (!fn || !body || !made_type) {
        return native_panic_plain(p, "reflect.MakeFunc: function type too large");
    }
    Made *made = heap_alloc(p, made_type, 1);
    if (made) {
        made->fn = fn;
        made->type = t;
        made->body = body;
        fp[0].p = ref_of(p, (Iface){t, {.p = made}}, 0);
    }
    return NATIVE_OK;
}

/* ---- channels ---- */

/* func(t *rtype, n int) *ref */
static NativeStatus n_make_chan(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    const char *err = NULL;
    Chan *c = t->kind == RK_CHAN ? chan_new(p, t, fp[2].i, &err) : NULL;
    if (!c && err) {
        return native_panic_plain(p, "%s", err);
    }
    fp[0].p = c ? ref_of(p, (Iface){t, {.p = c}}, 0) : NULL;
    return NATIVE_OK;
}

static NativeStatus n_chan_close(struct P *p, Slot *fp)
{
    const Ref *r = fp[0].p;
    Chan *c = r->type->kind == RK_CHAN ? mem_loadp(r->at) : NULL;
    switch (chan_close(p, c)) {
    case CHAN_CLOSED: return native_panic_plain(p, "close of closed channel");
    case CHAN_NIL: return native_panic_plain(p, "close of nil channel");
    default: return NATIVE_OK;
    }
}

static uint32_t cases_of(Slice chans, NativeCase *cases, Slice values)
{
    uint32_t i = 0;
    for (; i < chans.len; i++) {
        const Ref *c = mem_loadp(chans.ptr + i * 8), *v = mem_loadp(values.ptr + i * 8);
        if (!c || c->type->kind != RK_CHAN || (v && !rtype_same(v->type, rtype_elem(c->type)))) {
            break;
        }
        cases[i].chan = c->type;
        cases[i].send = v != NULL;
    }
    return i;
}

static NativeStatus select_call(struct P *p, const void *fn, Slice chans, Slice values)
{
    uint32_t nres, nargs;
    native_func_shape(fn, &nres, &nargs);
    Slot *window = calloc(nargs + 1, sizeof *window), *at = window;
    if (!window) {
        return native_panic_plain(p, "out of memory for a select");
    }
    for (uint32_t i = 0; i < chans.len; i++) {
        const Ref *c = mem_loadp(chans.ptr + i * 8), *v = mem_loadp(values.ptr + i * 8);
        (at++)->p = mem_loadp(c->at);
        if (v) {
            rtype_load(v->type, at, v->at);
            at += slots_for(v->type->size);
        }
    }
    assert(at == window + nargs);
    NativeStatus s = native_call(p, fn, window, nargs);
    free(window);
    return s;
}

static NativeStatus select_done(struct P *p, Slot *fp, const Slot *res, Slice chans, Slice values)
{
    int64_t chosen = res[0].i;
    uint64_t ok = res[1].u;
    const Slot *at = res + 2;
    for (uint32_t i = 0; i < chans.len && (int64_t)i <= chosen; i++) {
        const Ref *c = mem_loadp(chans.ptr + i * 8);
        if (mem_loadp(values.ptr + i * 8)) {
            continue;
        }
        const RType *e = rtype_elem(c->type);
        if ((int64_t)i == chosen) {
            fp[1].p = ref_from_slots(p, e, at);
        }
        at += slots_for(e->size);
    }
    fp[0].i = chosen;
    fp[2].u = ok & 1;
    return NATIVE_OK;
}

/* func(chans, values []*ref, hasDefault bool) (int, *ref, bool): a value nil receives. The slices
 * are the package's own and do not change. */
static NativeStatus n_select(struct P *p, Slot *fp)
{
    Slice chans = slot_slice(fp + 3), values = slot_slice(fp + 5);
    const Slot *res = native_results(p);
    if (values.len != chans.len) {
        return native_panic_plain(p, "reflect.Select: wrong number of values");
    }
    if (res) {
        return select_done(p, fp, res, chans, values);
    }
    NativeCase *cases = calloc(chans.len + 1, sizeof *cases);
    uint32_t n = cases ? cases_of(chans, cases, values) : 0;
    const void *fn = cases && n == chans.len ? native_func_select(p, cases, n, fp[7].u & 1) : NULL;
    free(cases);
    if (!fn) {
        return native_panic_plain(p, "reflect.Select: cases of wrong types, or too many");
    }
    return select_call(p, fn, chans, values);
}

#define R "reflect"
const NativeDef natives_reflect_call[] = {
    {R, "callFunc", "func(fn *ref, args []*ref) []Value", "", n_call},
    {R, "callMethod", "func(recv *ref, method int, args []*ref) []Value", "", n_call_method},
    {R, "makeFunc", "func(t *rtype, body func([]Value) []Value) *ref", "", n_make_func},
    {R, "enterMade", "func()", "", n_enter_made},
    {R, "makeChan", "func(t *rtype, n int) *ref", "", n_make_chan},
    {R, "chanClose", "func(c *ref)", "", n_chan_close},
    {R, "chanSelect", "func(chans, values []*ref, hasDefault bool) (int, *ref, bool)", "",
     n_select},
    {0},
};
