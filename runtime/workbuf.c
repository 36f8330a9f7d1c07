/* workbuf.c - the grey set outside of the Ps' own blocks: two Treiber stacks of blocks, one of full
 * ones, one of empty ones.
 *
 * A block belongs to whoever popped it; its items are published by the release of the push and the
 * acquire of the pop. Blocks are cut from chunks that stay mapped while anybody marks, so a loser
 * of a race may read the next of a block that is no longer on the stack; the tag in the head, which
 * every push changes, then makes its compare-and-swap fail. Blocks are page-aligned: an address
 * needs 36 bits, which leaves 28 for the tag.
 *
 * Threads: all functions from any P while it marks, but work_trim and work_free_all.
 */
#include "runtime/workbuf.h"

#include "runtime/os.h"

#include <assert.h>

enum { CHUNK_BLOCKS = 32, TAG_BITS = 28 };

typedef struct Chunk {
    struct Chunk *next;
    WorkBlock *blocks;
} Chunk;
_Static_assert(sizeof(Chunk) <= WORK_BLOCK_BYTES, "a chunk's header takes one block's place");

static inline WorkBlock *head_block(uint64_t head)
{
    return (WorkBlock *)(uintptr_t)((head >> TAG_BITS) << 12);
}

static inline uint64_t head_make(WorkBlock *b, uint64_t old)
{
    return (uint64_t)((uintptr_t)b >> 12) << TAG_BITS | ((old + 1) & ((1u << TAG_BITS) - 1));
}

void work_push(WorkStack *s, WorkBlock *b)
{
    uint64_t old = atomic_load_explicit(&s->head, memory_order_relaxed);
    do {
        atomic_store_explicit(&b->next, head_block(old), memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&s->head, &old, head_make(b, old),
                                                    memory_order_release, memory_order_relaxed));
}

WorkBlock *work_pop(WorkStack *s)
{
    uint64_t old = atomic_load_explicit(&s->head, memory_order_acquire);
    for (;;) {
        WorkBlock *b = head_block(old);
        if (!b) {
            return NULL;
        }
        WorkBlock *next = atomic_load_explicit(&b->next, memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&s->head, &old, head_make(next, old),
                                                  memory_order_acq_rel, memory_order_acquire)) {
            return b;
        }
    }
}

/* A chunk is mapped one block longer: its header lies in the first block's place. */
static bool more_blocks(Heap *h)
{
    uint8_t *at = os_map((size_t)(CHUNK_BLOCKS + 1) * WORK_BLOCK_BYTES);
    if (!at) {
        return false;
    }
    Chunk *c = (Chunk *)(void *)at;
    c->blocks = (WorkBlock *)(void *)(at + WORK_BLOCK_BYTES);
    pthread_mutex_lock(&h->work_lock);
    c->next = h->work_chunks;
    h->work_chunks = c;
    pthread_mutex_unlock(&h->work_lock);
    for (unsigned i = 0; i < CHUNK_BLOCKS; i++) {
        work_push(&h->work_free, (WorkBlock *)(void *)(at + (i + 1) * (size_t)WORK_BLOCK_BYTES));
    }
    return true;
}

WorkBlock *work_block(Heap *h)
{
    WorkBlock *b;
    while ((b = work_pop(&h->work_free)) == NULL) {
        if (!more_blocks(h)) {
            return NULL;
        }
    }
    b->n = 0;
    return b;
}

void work_free_all(Heap *h)
{
    while (h->work_chunks) {
        Chunk *c = h->work_chunks;
        h->work_chunks = c->next;
        os_unmap(c, (size_t)(CHUNK_BLOCKS + 1) * WORK_BLOCK_BYTES);
    }
    atomic_store_explicit(&h->work_free.head, 0, memory_order_relaxed);
    atomic_store_explicit(&h->work.head, 0, memory_order_relaxed);
}

void work_trim(Heap *h)
{
    unsigned n = 0;
    assert(work_empty(&h->work));
    for (Chunk *c = h->work_chunks; c; c = c->next) {
        n++;
    }
    if (n > 8) {
        work_free_all(h);
    }
}
