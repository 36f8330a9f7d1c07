/* dyntype.h - one descriptor for a type in a VM, and types that come to be while a program runs.
 *
 * Two units may each hold a descriptor of []int. Package reflect hands out addresses of
 * descriptors, which scripts compare, so it asks for the canonical one. Types that no unit holds
 * (reflect.SliceOf ...) are built here, with the identity that the compiler would give them; they
 * last as long as the VM. A NULL result means that memory or type numbers are used up.
 */
#ifndef GOL_RUNTIME_DYNTYPE_H
#define GOL_RUNTIME_DYNTYPE_H

#include "runtime/proc.h"
#include "runtime/rtype.h"

/* The one descriptor of t's type in P's VM. */
const RType *dyntype_canon(struct P *p, const RType *t);

const RType *dyntype_pointer(struct P *p, const RType *elem);
const RType *dyntype_slice(struct P *p, const RType *elem);
const RType *dyntype_array(struct P *p, const RType *elem, uint64_t n);
const RType *dyntype_chan(struct P *p, const RType *elem, unsigned dir);
const RType *dyntype_map(struct P *p, const RType *key, const RType *elem);
/* in[nin] then out[nout] stand in types. */
const RType *dyntype_func(struct P *p, const RType *const *types, uint32_t nin, uint32_t nout,
                          bool variadic);

typedef struct DynField {
    String name, pkg, tag;
    const RType *type;
    bool embedded;
} DynField;
const RType *dyntype_struct(struct P *p, const DynField *fields, uint32_t n);

/* The VM goes away; its heap is closed already. */
struct DynTypes;
void dyntype_free(struct DynTypes *d);

#endif
