/* dynfunc.h - functions made at run time. See dynfunc.c.
 * What natives use of it is declared in runtime/native.h. */
#ifndef GOL_VM_DYNFUNC_H
#define GOL_VM_DYNFUNC_H

#include "vm/vm.h"

struct DynFuncs;

/* The stack-map table of a FN_DYNAMIC function. */
struct StackMaps *dynfunc_maps(const Func *f);
void dynfunc_free(struct DynFuncs *d);

#endif
