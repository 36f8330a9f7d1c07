/* iface.c - interface values and method lookup. See iface.h.
 *
 * Both method tables are sorted by id, so "T implements I" is one walk over both; ids include the
 * package of unexported names, so equal ids are equal names (64-bit hashes; the checker would have
 * to meet a collision inside one type to be fooled, and it rejects that).
 */
#include "runtime/iface.h"

#include "runtime/barrier.h"
#include "runtime/rtypes.h"

#include <stdlib.h>

static uint32_t method_count(const RType *t)
{
    return t->kind == RK_INTERFACE ? (uint32_t)t->count : t->nmethods;
}

const RMethod *rtype_find_method(const RType *t, uint64_t id)
{
    const RMethod *m = rtype_methods(t);
    uint32_t lo = 0, hi = m ? method_count(t) : 0;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (m[mid].id == id) {
            return &m[mid];
        }
        if (m[mid].id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

uint64_t rtype_method_id(const char *pkg, size_t npkg, const char *name, size_t nname)
{
    uint64_t h = HASH64_START;
    if (npkg) {
        h = hash64_more(h, pkg, npkg);
        h = hash64_more(h, ".", 1);
    }
    return hash64_more(h, name, nname);
}

static IfaceCache *cache_of(struct P *p)
{
    HeapCache *c = heap_cache(p);
    if (!c->iface) {
        c->iface = calloc(1, sizeof(*c->iface));
    }
    return c->iface;
}

const void *iface_method_slow(struct P *p, const RType *t, uint64_t id)
{
    const RMethod *m = rtype_find_method(t, id);
    const void *fn = m ? rel_get(&m->func) : NULL;
    IfaceCache *c = fn ? cache_of(p) : NULL;
    if (c) {
        unsigned i = iface_slot(t, id);
        c->call[i].type = t;
        c->call[i].id = id;
        c->call[i].func = fn;
    }
    return fn;
}

const RMethod *iface_missing(const RType *t, const RType *iface, const RMethod **wrong)
{
    const RMethod *have = rtype_methods(t), *want = rtype_methods(iface);
    uint32_t n = have ? method_count(t) : 0, k = 0;
    *wrong = NULL;
    for (uint32_t i = 0; want && i < iface->count; i++) {
        while (k < n && have[k].id < want[i].id) {
            k++;
        }
        if (k == n || have[k].id != want[i].id) {
            return &want[i];
        }
        if (!rtype_same(rel_get(&have[k].type), rel_get(&want[i].type))) {
            *wrong = &have[k];
            return &want[i];
        }
    }
    return NULL;
}

bool iface_implements(struct P *p, const RType *t, const RType *iface)
{
    if (iface->count == 0) {
        return true;
    }
    IfaceCache *c = cache_of(p);
    unsigned i = iface_slot(t, (uintptr_t)iface >> 4);
    if (c && c->impl[i].type == t && c->impl[i].iface == iface) {
        return c->impl[i].yes;
    }
    const RMethod *wrong;
    bool yes = iface_missing(t, iface, &wrong) == NULL;
    if (c) {
        c->impl[i].type = t;
        c->impl[i].iface = iface;
        c->impl[i].yes = yes;
    }
    return yes;
}

void iface_cache_flush(struct P *p)
{
    IfaceCache *c = heap_cache(p)->iface;
    if (c) {
        memset(c, 0, sizeof(*c));
    }
}

bool iface_equal_slow(struct P *p, Iface a, Iface b)
{
    if (!rtype_same(a.type, b.type)) {
        return false;
    }
    const RType *t = a.type;
    if (!(t->flags & RT_DIRECT)) {
        if (a.word.p == b.word.p && (t->flags & RT_PLAIN_EQ)) {
            return true;
        }
        if (!rtype_hashable(t)) { /* the whole type, before any part is looked at */
            op_fail(p, OP_UNCOMPARABLE, t);
            return false;
        }
        return rtype_equal(p, t, a.word.p, b.word.p);
    }
    switch (t->kind) {
    case RK_FLOAT32: case RK_FLOAT64: case RK_COMPLEX64: case RK_STRUCT: case RK_ARRAY:
    case RK_FUNC: case RK_MAP:
        return rtype_equal(p, t, &a.word, &b.word);
    default: return a.word.u == b.word.u;
    }
}

Slot iface_box(struct P *p, const RType *t, const void *src, bool *ok)
{
    Slot w = {0};
    *ok = true;
    if (t->flags & RT_DIRECT) {
        if (t->size) {
            rtype_load(t, &w, src);
        }
        return w;
    }
    w.p = heap_alloc(p, t, 1);
    if (!w.p) {
        *ok = false;
        return w;
    }
    heap_copy_fresh(w.p, src, t, 1);
    return w;
}

Slot iface_box_slots(struct P *p, const RType *t, const Slot *src, bool *ok)
{
    Slot w = {0};
    *ok = true;
    if (t->flags & RT_DIRECT) {
        if (t->size) {
            w = *src;
        }
        return w;
    }
    if (t->size >= HUGE_SIZE) {
        return *src; /* an immutable copy already */
    }
    w.p = heap_alloc(p, t, 1);
    *ok = w.p != NULL;
    if (w.p) {
        rtype_store(p, t, w.p, src);
    }
    return w;
}

void iface_unbox_slots(const RType *t, Slot word, Slot *dst)
{
    if (t->flags & RT_DIRECT) {
        if (t->size) {
            *dst = word;
        }
    } else if (t->size >= HUGE_SIZE) {
        *dst = word;
    } else {
        rtype_load(t, dst, word.p);
    }
}
