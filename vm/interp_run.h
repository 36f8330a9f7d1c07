/* interp_run.h - the loop as the scheduler's hook. */
#ifndef GOL_VM_INTERP_RUN_H
#define GOL_VM_INTERP_RUN_H

#include "runtime/proc.h"

void interp_run(P *p);

#endif
