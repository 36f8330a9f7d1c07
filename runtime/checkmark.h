/* checkmark.h - GODEBUG=gccheckmark=1: mark again in the pause that ends a cycle, and compare. */
#ifndef GOL_RUNTIME_CHECKMARK_H
#define GOL_RUNTIME_CHECKMARK_H

#include "runtime/mark.h"
#include "runtime/span.h"

typedef struct CheckMark {
    uint64_t *bits;        /* one per 8 bytes of the reservation as far as it is in use */
    size_t bytes;
    const uint8_t *at;     /* the field being followed; NULL: a root */
    const uint8_t *owner;  /* the object that it belongs to */
    const RType *type;     /* its type */
    const char *root;      /* what kind of root, while owner is NULL */
    bool quiet;            /* a search of its own (leak.c): nothing is compared */
    unsigned misses;
} CheckMark;

/* The world is stopped and marking is complete, caches are flushed. False: something reachable is
 * not marked; the misses are reported on standard error. */
bool check_run(Heap *h);

/* mark.c: true if object i of s is met for the first time in this check. */
bool check_mark(Marker *m, Span *s, uint32_t i);

static inline void check_owner(Marker *m, const uint8_t *owner, const RType *t)
{
    if (GOL_UNLIKELY(m->check != NULL)) {
        m->check->owner = owner;
        m->check->type = t;
    }
}

/* The field about to be followed. */
static inline void check_at(Marker *m, const uint8_t *field)
{
    if (GOL_UNLIKELY(m->check != NULL)) {
        m->check->at = field;
    }
}

#endif
