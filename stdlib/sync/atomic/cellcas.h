/* cellcas.h - natives on interface cells that sync/atomic and sync share. */
#ifndef GOL_STDLIB_SYNC_ATOMIC_CELLCAS_H
#define GOL_STDLIB_SYNC_ATOMIC_CELLCAS_H

#include "runtime/native.h"

/* func(addr *any) any; func(addr *any, old, new any) bool */
NativeStatus atomic_cell_load(struct P *p, Slot *fp);
NativeStatus atomic_cell_cas(struct P *p, Slot *fp);

#endif
