/* link.h - loading units and initialising packages; vm.c's business. vm_load is in vm.h. */
#ifndef GOL_VM_LINK_H
#define GOL_VM_LINK_H

#include "vm/vm.h"

/* The std image: read-only, shared, first. */
bool link_image(VmState *vm, Unit *u, char *err, size_t nerr);
void link_unload(VmUnit *vu);
/* Puts the initialisers that program needs and have not run, then main, on the VM's list; copies
 * the packages' constant data. program or main may be NULL. False: out of memory. */
bool link_schedule(VmState *vm, const Unit *program, const Func *main);
/* The same for one package that is loaded; true also if there is none of that path. */
bool link_schedule_package(VmState *vm, const char *path);

/* A function that a loaded unit defines, by its symbol "pkg/path.Name", or NULL. */
const Func *link_find_func(VmState *vm, const char *name);

/* The descriptor with this identity in any loaded unit, or NULL. */
const RType *link_find_type(VmState *vm, const uint64_t hash[2]);

#endif
