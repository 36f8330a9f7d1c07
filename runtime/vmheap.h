/* vmheap.h - ties a VM's scheduler and its heap together: hooks for both sides.
 *
 * vm/ puts vmheap_proc_init, vmheap_proc_free and vmheap_collect into its VMHooks (or calls them
 * from its own), then vmheap_configure once the VM exists, and vmheap_close after sched_free_vm.
 */
#ifndef GOL_RUNTIME_VMHEAP_H
#define GOL_RUNTIME_VMHEAP_H

#include "runtime/vmstate.h"

/* hooks->proc_init: opens vm->heap with the first P. GOGC and GOMEMLIMIT are read here. */
bool vmheap_proc_init(P *p);
/* hooks->proc_free. */
void vmheap_proc_free(P *p);
/* hooks->gc_idle: a P without a fiber to run; false: nothing to do. */
bool vmheap_idle(P *p);
/* hooks->gc: a safepoint at which a collection is due. */
void vmheap_collect(P *p);

/* hard_limit 0: none. finalizers (may be NULL) is called with p at a safepoint when finalizer_take
 * has something to give. Debug variables are taken from vm->debug. Before the first fiber runs. */
void vmheap_configure(GolVM *vm, uint64_t hard_limit, void (*finalizers)(P *p));

/* Frees the heap; Ps and fibers are gone. */
void vmheap_close(GolVM *vm);

#endif
