/* iface.h - interface values: equality, method lookup, "does T implement I".
 *
 * Method tables are sorted by id, so lookup is a binary search; a per-P cache (IfaceCache, made on
 * first use) in front of it makes the common call one load and one compare. The cache holds
 * addresses of descriptors: iface_cache_flush when a unit is unloaded.
 */
#ifndef GOL_RUNTIME_IFACE_H
#define GOL_RUNTIME_IFACE_H

#include "runtime/heap.h"

struct Func;

enum { IFACE_CACHE = 256 };

typedef struct IfaceCache {
    struct {
        const RType *type;
        uint64_t id;
        const void *func;
    } call[IFACE_CACHE];
    struct {
        const RType *type, *iface;
        uint64_t yes;
    } impl[IFACE_CACHE];
} IfaceCache;

/* The method with this id (RMethod.id) of concrete or interface type t, or NULL. */
const RMethod *rtype_find_method(const RType *t, uint64_t id);
uint64_t rtype_method_id(const char *pkg, size_t npkg, const char *name, size_t nname);

const void *iface_method_slow(struct P *p, const RType *t, uint64_t id);
static inline unsigned iface_slot(const RType *t, uint64_t id)
{
    return (unsigned)(((uintptr_t)t >> 4) ^ id ^ (id >> 32)) & (IFACE_CACHE - 1);
}

/* The Func to call for method id on dynamic type t (never NULL type); NULL if t has none, which
 * checked programs exclude. The Func takes the interface word first. */
static inline const struct Func *iface_method(struct P *p, const RType *t, uint64_t id)
{
    IfaceCache *c = heap_cache(p)->iface;
    if (GOL_LIKELY(c != NULL)) {
        unsigned i = iface_slot(t, id);
        if (GOL_LIKELY(c->call[i].type == t && c->call[i].id == id)) {
            return c->call[i].func;
        }
    }
    return iface_method_slow(p, t, id);
}

/* Does concrete type t (not NULL) have all methods of interface type iface? */
bool iface_implements(struct P *p, const RType *t, const RType *iface);
/* The first method of iface that t lacks, NULL if none; *wrong is t's method of that name with
 * another type, *ptr_recv whether *t (if its descriptor is known) has it. For messages. */
const RMethod *iface_missing(const RType *t, const RType *iface, const RMethod **wrong);

/* a == b. False with OP_UNCOMPARABLE pending if both hold the same uncomparable type. */
bool iface_equal_slow(struct P *p, Iface a, Iface b);
static inline bool iface_equal(struct P *p, Iface a, Iface b)
{
    if (a.type == NULL || b.type == NULL) {
        return a.type == b.type;
    }
    return iface_equal_slow(p, a, b);
}

/* The interface word for the value of type t at src (memory form): itself, or a pointer to a
 * copy. *ok false without memory. _slots takes frame form. */
Slot iface_box(struct P *p, const RType *t, const void *src, bool *ok);
Slot iface_box_slots(struct P *p, const RType *t, const Slot *src, bool *ok);
/* The value of v (not nil) into frame slots. */
void iface_unbox_slots(const RType *t, Slot word, Slot *dst);

void iface_cache_flush(struct P *p);

#endif
