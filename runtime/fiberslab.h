/* fiberslab.h - where fibers' blocks come from and where their memory goes back; for fiber.c, the
 * scheduler and the monitor. */
#ifndef GOL_RUNTIME_FIBERSLAB_H
#define GOL_RUNTIME_FIBERSLAB_H

#include "runtime/vmstate.h"

/* Fills p's empty free list; gives one block of it, taken off. NULL: out of memory. */
Fiber *slab_take(P *p);

/* p's free list goes back to the slabs: all of it. */
void slab_give_all(P *p);

/* p is going idle: the same if it is worth it. */
static inline void slab_idle(P *p)
{
    if (p->nfree_fibers && atomic_load_explicit(&p->vm->nslabs, memory_order_relaxed) > 4) {
        slab_give_all(p);
    }
}

/* Gives memory back to the system: of slabs that nobody has needed since the last call. Any thread.
 * _due: a call may have something to do. */
void slab_trim(GolVM *vm);
static inline bool slab_trim_due(GolVM *vm)
{
    return atomic_load_explicit(&vm->nslab_empty, memory_order_relaxed) != 0;
}

/* VM close. */
void slab_free_all(GolVM *vm);

#endif
