/* value.c - values between C and a VM.
 *
 * Scalars, strings and bytes are converted here, straight between GolValue and frame slots. What
 * needs to look into a type (fields, elements, methods, conversions between composite types) is done
 * in gol by package internal/host, on package reflect: slower, but with one set of rules. A handle
 * (GolRef) is an interface value whose word is a root of the collector; handles are made by threads
 * that hold a P, so no collection comes between the frame and the root. */
#include "embed/host.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/barrier.h"
#include "runtime/iface.h"
#include "runtime/rtypes.h"

/* ---- To gol ----------------------------------------------------------------------------------- */

static bool int_fits(int64_t v, unsigned bits)
{
    return bits == 64 || (v >= -(1ll << (bits - 1)) && v < 1ll << (bits - 1));
}

static bool uint_fits(uint64_t v, unsigned bits) { return bits == 64 || v < 1ull << bits; }

static ValueFit put_int(const RType *t, const GolValue *v, Slot *out)
{
    bool ok = v->kind == GOL_INT || (v->kind == GOL_UINT && v->u <= INT64_MAX);
    out->i = v->i;
    return ok && int_fits(v->i, (unsigned)t->size * 8) ? FIT_OK : FIT_CONVERT;
}

static ValueFit put_uint(const RType *t, const GolValue *v, Slot *out)
{
    bool ok = v->kind == GOL_UINT || (v->kind == GOL_INT && v->i >= 0);
    out->u = v->u;
    return ok && uint_fits(v->u, (unsigned)t->size * 8) ? FIT_OK : FIT_CONVERT;
}

static ValueFit put_float(const RType *t, const GolValue *v, Slot *out)
{
    if (v->kind != GOL_FLOAT) {
        return FIT_CONVERT;
    }
    if (t->kind == RK_FLOAT32) {
        out->u = 0;
        out->f32 = (float)v->f;
    } else {
        out->f = v->f;
    }
    return FIT_OK;
}

static ValueFit put_string(P *p, const GolValue *v, Slot *out)
{
    if (v->kind != GOL_STRING) {
        return FIT_CONVERT;
    }
    String s = v->ref ? (String){(const uint8_t *)v->s, (int64_t)v->len}
                      : native_string(p, v->s, v->len);
    slot_set_string(out, s);
    return s.len == (int64_t)v->len ? FIT_OK : FIT_NO_MEMORY;
}

static ValueFit put_bytes(Embed *e, P *p, const GolValue *v, Slot *out)
{
    if (v->kind != GOL_BYTES || v->len > SLICE_MAX) {
        return FIT_CONVERT;
    }
    uint8_t *bytes = v->p;
    if (!v->ref && v->len) {
        bytes = heap_alloc(p, rtype_elem(e->basic[BASIC_BYTES]), v->len);
        if (!bytes) {
            return FIT_NO_MEMORY;
        }
        memcpy(bytes, v->p, v->len);
    }
    slot_set_slice(out, (Slice){bytes, (uint32_t)v->len, (uint32_t)v->len});
    return FIT_OK;
}

static ValueFit box(Embed *e, P *p, const GolValue *v, Slot *out);

static ValueFit put_list(Embed *e, P *p, const GolValue *v, Slot *out)
{
    if (v->len > SLICE_MAX) {
        return FIT_NO_MEMORY;
    }
    const RType *any = rtype_elem(e->basic[BASIC_LIST]);
    uint8_t *list = v->len ? heap_alloc(p, any, v->len) : NULL;
    if (v->len && !list) {
        return FIT_NO_MEMORY;
    }
    for (size_t i = 0; i < v->len; i++) {
        Slot pair[2] = {{.u = 0}, {.u = 0}};
        ValueFit fit = box(e, p, &v->list[i], pair);
        if (fit != FIT_OK) {
            return fit;
        }
        heap_store_iface(p, list + i * 16, cell_from_slots(pair));
    }
    slot_set_slice(out, (Slice){list, (uint32_t)v->len, (uint32_t)v->len});
    return FIT_OK;
}

/* v as an any. */
static ValueFit box(Embed *e, P *p, const GolValue *v, Slot *out)
{
    static const uint8_t basic[] = {[GOL_BOOL] = BASIC_BOOL, [GOL_INT] = BASIC_INT,
                                    [GOL_UINT] = BASIC_UINT64, [GOL_FLOAT] = BASIC_FLOAT64,
                                    [GOL_STRING] = BASIC_STRING, [GOL_BYTES] = BASIC_BYTES,
                                    [GOL_LIST] = BASIC_LIST};
    if (v->kind == GOL_NIL) {
        return FIT_OK;
    }
    if (v->kind == GOL_OBJECT) {
        slot_set_iface(out, v->ref->value);
        return FIT_OK;
    }
    const RType *t = e->basic[basic[v->kind]];
    Slot flat[2] = {{.u = 0}, {.u = 0}};
    bool ok = true;
    ValueFit fit = value_to_slots(e, p, t, v, flat);
    Slot word = fit == FIT_OK ? iface_box_slots(p, t, flat, &ok) : flat[0];
    slot_set_iface(out, (Iface){t, word});
    return fit != FIT_OK ? fit : ok ? FIT_OK : FIT_NO_MEMORY;
}

static ValueFit put_iface(Embed *e, P *p, const RType *t, const GolValue *v, Slot *out)
{
    ValueFit fit = box(e, p, v, out);
    const RType *dynamic = fit == FIT_OK ? out[0].p : NULL;
    return fit == FIT_OK && dynamic && t->count && !iface_implements(p, dynamic, t) ? FIT_CONVERT
                                                                                    : fit;
}

static ValueFit put_object(const RType *t, const GolValue *v, Slot *out)
{
    if (v->kind == GOL_OBJECT && rtype_same(v->ref->value.type, t)) {
        iface_unbox_slots(t, v->ref->value.word, out);
        return FIT_OK;
    }
    switch (t->kind) {
    case RK_CHAN: case RK_FUNC: case RK_MAP: case RK_POINTER: case RK_SLICE:
        return v->kind == GOL_NIL ? FIT_OK : FIT_CONVERT;
    default: return FIT_CONVERT;
    }
}

ValueFit value_to_slots(Embed *e, P *p, const RType *t, const GolValue *v, Slot *out)
{
    if (v->kind == GOL_OBJECT && t->kind != RK_INTERFACE) {
        return put_object(t, v, out);
    }
    switch (t->kind) {
    case RK_BOOL:
        out->u = v->u;
        return v->kind == GOL_BOOL ? FIT_OK : FIT_CONVERT;
    case RK_INT: case RK_INT8: case RK_INT16: case RK_INT32: case RK_INT64:
        return put_int(t, v, out);
    case RK_UINT: case RK_UINT8: case RK_UINT16: case RK_UINT32: case RK_UINT64: case RK_UINTPTR:
        return put_uint(t, v, out);
    case RK_FLOAT32: case RK_FLOAT64: return put_float(t, v, out);
    case RK_STRING: return put_string(p, v, out);
    case RK_INTERFACE: return put_iface(e, p, t, v, out);
    case RK_SLICE:
        if (v->kind == GOL_BYTES && rtype_elem(t)->kind == RK_UINT8) {
            return put_bytes(e, p, v, out);
        }
        if (v->kind == GOL_LIST && rtype_same(t, e->basic[BASIC_LIST])) {
            return put_list(e, p, v, out);
        }
        return put_object(t, v, out);
    default: return put_object(t, v, out);
    }
}

/* ---- From gol --------------------------------------------------------------------------------- */

static GolRef *new_ref(Embed *e, P *p, Iface v, void *keep)
{
    GolRef *r = malloc(sizeof *r);
    if (r) {
        *r = (GolRef){.value = v};
        heap_root_add(p, &r->root, keep);
        atomic_fetch_add_explicit(&e->nhandles, 1, memory_order_relaxed);
    }
    return r;
}

static bool give_text(Embed *e, P *p, const RType *t, GolKind kind, void *at, size_t n,
                      GolValue *out)
{
    *out = (GolValue){.kind = kind, .len = n};
    out->p = at;
    if (n) {
        out->ref = new_ref(e, p, (Iface){t, {.p = NULL}}, at);
    }
    return n == 0 || out->ref;
}

static bool give_object(Embed *e, P *p, const RType *t, const Slot *s, GolValue *out)
{
    bool ok = true;
    Slot word = iface_box_slots(p, t, s, &ok);
    *out = (GolValue){.kind = GOL_OBJECT};
    out->ref = ok ? new_ref(e, p, (Iface){t, word}, rtype_word_is_ptr(t) ? word.p : NULL) : NULL;
    return out->ref != NULL;
}

bool value_from_slots(Embed *e, P *p, const RType *t, const Slot *s, GolValue *out)
{
    Slot flat[2];
    switch (t->kind) {
    case RK_BOOL: *out = gol_bool(s->u != 0); return true;
    case RK_INT: case RK_INT8: case RK_INT16: case RK_INT32: case RK_INT64:
        *out = gol_int(s->i);
        return true;
    case RK_UINT: case RK_UINT8: case RK_UINT16: case RK_UINT32: case RK_UINT64: case RK_UINTPTR:
        *out = gol_uint(s->u);
        return true;
    case RK_FLOAT32: *out = gol_float((double)s->f32); return true;
    case RK_FLOAT64: *out = gol_float(s->f); return true;
    case RK_STRING:
        return give_text(e, p, t, GOL_STRING, s[0].p, (size_t)s[1].i, out);
    case RK_INTERFACE:
        if (!s[0].p) {
            *out = gol_nil();
            return true;
        }
        t = s[0].p;
        if (slots_for(t->size) <= 2 || t->flags & RT_DIRECT) {
            iface_unbox_slots(t, s[1], flat);
            return value_from_slots(e, p, t, flat, out);
        }
        *out = (GolValue){.kind = GOL_OBJECT};
        out->ref = new_ref(e, p, (Iface){t, s[1]}, s[1].p);
        return out->ref != NULL;
    case RK_CHAN: case RK_FUNC: case RK_MAP: case RK_POINTER: case RK_UNSAFE_POINTER:
        if (!s->p) {
            *out = gol_nil();
            return true;
        }
        return give_object(e, p, t, s, out);
    case RK_SLICE:
        if (!s[0].p) {
            *out = gol_nil();
            return true;
        }
        if (rtype_elem(t)->kind == RK_UINT8) {
            return give_text(e, p, t, GOL_BYTES, s[0].p, slot_slice(s).len, out);
        }
        return give_object(e, p, t, s, out);
    default: return give_object(e, p, t, s, out);
    }
}

/* ---- Handles ---------------------------------------------------------------------------------- */

void value_unroot(GolVM *vm, HeapRoot *root)
{
    Inside in;
    if (call_enter(vm, &in)) {
        heap_root_remove(in.p, root); /* the collector must see it go */
        call_leave(&in);
    } else {
        heap_root_drop(vm->heap, root);
    }
}

void gol_release(GolVM *vm, GolValue *v)
{
    if (v->ref) {
        value_unroot(vm, &v->ref->root);
        free(v->ref->type_name);
        free(v->ref);
        atomic_fetch_sub_explicit(&embed_of(vm)->nhandles, 1, memory_order_relaxed);
    }
    *v = gol_nil();
}

size_t gol_vm_handles(GolVM *vm)
{
    return atomic_load_explicit(&embed_of(vm)->nhandles, memory_order_relaxed);
}

const char *gol_type_name(const GolValue *v)
{
    static const char *const names[] = {
        [GOL_NIL] = "nil", [GOL_BOOL] = "bool", [GOL_INT] = "int", [GOL_UINT] = "uint64",
        [GOL_FLOAT] = "float64", [GOL_STRING] = "string", [GOL_BYTES] = "[]uint8",
        [GOL_LIST] = "[]interface {}", [GOL_OBJECT] = "?"};
    if (!v->ref || !v->ref->value.type) {
        return names[v->kind];
    }
    if (!v->ref->type_name) {
        String s = rtype_string(v->ref->value.type);
        v->ref->type_name = strndup((const char *)s.ptr, (size_t)s.len);
    }
    return v->ref->type_name ? v->ref->type_name : "?";
}

/* ---- Inside values ---------------------------------------------------------------------------- */

GolStatus value_lib(GolVM *vm, int lib, const GolValue *args, size_t nargs, GolValue *out,
                    size_t nout, bool with_error, GolError **error)
{
    GolValue r[3] = {gol_nil(), gol_nil(), gol_nil()};
    Embed *e = embed_of(vm);
    if (!e->started) {
        return error_set(error, GOL_INVALID, "the VM has not been started");
    }
    GolStatus s = gol_call(&e->lib[lib], args, nargs, r, nout + with_error, error);
    if (s == GOL_OK && with_error && r[nout].kind != GOL_NIL) {
        char *text = NULL;
        s = gol_text(vm, &r[nout], &text, error) == GOL_OK
                ? error_set(error, GOL_INVALID, "%s", text) : GOL_INVALID;
        free(text);
        gol_release(vm, &r[nout]);
    }
    for (size_t i = 0; i < nout; i++) {
        if (s == GOL_OK) {
            out[i] = r[i];
        } else {
            gol_release(vm, &r[i]);
            out[i] = gol_nil();
        }
    }
    return s;
}

GolStatus gol_get(GolVM *vm, const GolValue *object, const char *field, GolValue *out,
                  GolError **error)
{
    GolValue in[] = {*object, gol_string(field, strlen(field))};
    return value_lib(vm, LIB_field, in, 2, out, 1, true, error);
}

GolStatus gol_set(GolVM *vm, const GolValue *object, const char *field, const GolValue *value,
                  GolError **error)
{
    GolValue in[] = {*object, gol_string(field, strlen(field)), *value};
    return value_lib(vm, LIB_setField, in, 3, NULL, 0, true, error);
}

GolStatus gol_index(GolVM *vm, const GolValue *object, const GolValue *key, GolValue *out,
                    int *found, GolError **error)
{
    GolValue in[] = {*object, *key}, r[2];
    GolStatus s = value_lib(vm, LIB_index, in, 2, r, 2, true, error);
    *out = r[0];
    if (found) {
        *found = s == GOL_OK && r[1].u;
    }
    return s;
}

GolStatus gol_set_index(GolVM *vm, const GolValue *object, const GolValue *key,
                        const GolValue *value, GolError **error)
{
    GolValue in[] = {*object, *key, *value};
    return value_lib(vm, LIB_setIndex, in, 3, NULL, 0, true, error);
}

GolStatus gol_len(GolVM *vm, const GolValue *object, int64_t *len, GolError **error)
{
    GolValue r;
    GolStatus s = value_lib(vm, LIB_length, object, 1, &r, 1, true, error);
    *len = s == GOL_OK ? r.i : 0;
    return s;
}

GolStatus gol_keys(GolVM *vm, const GolValue *map, GolValue *out, GolError **error)
{
    return value_lib(vm, LIB_keys, map, 1, out, 1, true, error);
}

GolStatus gol_method(GolVM *vm, const GolValue *object, const char *name, GolValue *out,
                     GolError **error)
{
    GolValue in[] = {*object, gol_string(name, strlen(name))};
    return value_lib(vm, LIB_method, in, 2, out, 1, true, error);
}

GolStatus gol_send(GolVM *vm, const GolValue *channel, const GolValue *value, GolError **error)
{
    GolValue in[] = {*channel, *value};
    return value_lib(vm, LIB_send, in, 2, NULL, 0, true, error);
}

GolStatus gol_receive(GolVM *vm, const GolValue *channel, GolValue *out, int *ok, GolError **error)
{
    GolValue r[2];
    GolStatus s = value_lib(vm, LIB_receive, channel, 1, r, 2, true, error);
    *out = r[0];
    if (ok) {
        *ok = s == GOL_OK && r[1].u;
    }
    return s;
}

GolStatus gol_new_slice(GolVM *vm, const GolValue *values, size_t n, GolValue *out,
                        GolError **error)
{
    GolValue in = gol_list(values, n);
    return value_lib(vm, LIB_slice, &in, 1, out, 1, false, error);
}

GolStatus gol_new_map(GolVM *vm, GolValue *out, GolError **error)
{
    return value_lib(vm, LIB_newMap, NULL, 0, out, 1, false, error);
}

GolStatus gol_text(GolVM *vm, const GolValue *value, char **out, GolError **error)
{
    GolValue r;
    GolStatus s = value_lib(vm, LIB_text, value, 1, &r, 1, false, error);
    *out = s == GOL_OK ? strndup(r.len ? r.s : "", r.len) : NULL;
    gol_release(vm, &r);
    return s;
}
