/* workbuf.h - blocks of grey objects, and the stacks that Ps hand them over on. Internal to the
 * collector. See workbuf.c. */
#ifndef GOL_RUNTIME_WORKBUF_H
#define GOL_RUNTIME_WORKBUF_H

#include "runtime/heap.h"

enum { WORK_BLOCK_BYTES = 4096, WORK_ITEMS = (WORK_BLOCK_BYTES - 16) / 8 };

typedef struct WorkBlock {
    _Atomic(struct WorkBlock *) next; /* in a WorkStack; read by losers of a race too */
    uint32_t n;
    uint8_t *item[WORK_ITEMS]; /* objects to scan; inside a large object: the rest of it */
} WorkBlock;
_Static_assert(sizeof(WorkBlock) <= WORK_BLOCK_BYTES, "a block is a page");

void work_push(WorkStack *s, WorkBlock *b);
WorkBlock *work_pop(WorkStack *s); /* NULL: empty */
static inline bool work_empty(WorkStack *s)
{
    return atomic_load_explicit(&s->head, memory_order_acquire) >> 28 == 0;
}

/* An empty block, NULL without memory. */
WorkBlock *work_block(Heap *h);
/* Gives surplus memory back; nobody marks. */
void work_trim(Heap *h);
void work_free_all(Heap *h);

#endif
