/* reflect.h - what the files of reflect's natives share. */
#ifndef GOL_STDLIB_REFLECT_H
#define GOL_STDLIB_REFLECT_H

#include "runtime/barrier.h"
#include "runtime/chan.h"
#include "runtime/dyntype.h"
#include "runtime/iface.h"
#include "runtime/map.h"
#include "runtime/native.h"
#include "runtime/rtypes.h"
#include "runtime/slice.h"

#include <assert.h>
#include <stdlib.h>

/* What a reflect.Value points at (type ref in value.gol). Scripts cannot write it: it is made here,
 * complete, and never changes, so its type and address agree (D8). `at` is where the value of type
 * `type` stands in memory form: in a variable (REF_ADDR), in an immutable boxed copy that `held`
 * keeps, or in the word of `held` itself. */
typedef struct Ref {
    Iface held;
    const RType *type;
    uint8_t *at;
    uint64_t flags;
    uint64_t unused;
} Ref;

enum { REF_RO = 1, REF_EMBED_RO = 2, REF_ADDR = 4, REF_METHOD = 8, REF_METHOD_SHIFT = 4 };

Ref *ref_new(struct P *p, Iface held, const RType *t, void *at, uint64_t flags);
/* A fresh copy of the value of type t at src, not addressable. NULL without memory. */
Ref *ref_copy(struct P *p, const RType *t, const void *src, uint64_t flags);
Ref *ref_of(struct P *p, Iface v, uint64_t flags); /* NULL for the nil interface */
Iface ref_iface(struct P *p, const Ref *r);        /* the value as an interface holds it */
uint64_t reflect_nmethods(const RType *t);

#endif
