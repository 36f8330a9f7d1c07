/* fiberslab.c - slabs of fibers' blocks: handing out, taking back, releasing memory.
 *
 * A slab is one aligned mapping cut into FIBER_BLOCK-byte blocks, the first of which leads to its
 * FiberSlab (elsewhere, so that all of the mapping can be released). It stays mapped as long as the VM, so the set of all fibers needs no list: it is every block handed out so far, and a
 * Fiber pointer can always be read. Status DEAD tells walkers to skip a block; that is the only field
 * of a free block that others read, and 0, so that memory given back to the system reads the same.
 *
 * Each P has a free list of its own and at most one slab with virgin blocks (`owned`); what a P has
 * too much goes back to the slabs it came from, under slab_lock. A slab is then on one of the VM's
 * lists: `partial` (some of its blocks are free here), `empty` (all are), `released` (the same,
 * without memory: it counts as never used), or none (no block is free here, or it is owned).
 *
 * Empty slabs keep their memory while they may be wanted again. `empty_low` is the least number of
 * them since the last slab_trim, which the monitor calls twice a second: that many nobody has
 * needed meanwhile, and their memory goes back.
 */
#include "runtime/fiberslab.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/os.h"

enum { SLAB_BYTES = FIBER_SLAB, SLAB_BLOCKS = SLAB_BYTES / FIBER_BLOCK, TAKE_BATCH = 64,
       TRIM_BATCH = 16 };

typedef struct FiberSlab {
    struct FiberSlab *next;  /* vm->slabs; constant once linked */
    char *base;              /* the mapping; its first block holds our address. Constant */
    _Atomic uint32_t used;   /* blocks handed out, this one included; written by its owner, relaxed */
    /* under slab_lock */
    uint32_t nfree;
    Fiber *free;
    struct FiberSlab *list_next, **list_prev; /* the list it is on; NULL: none */
    bool owned;              /* a P takes virgin blocks from it */
} FiberSlab;

static Fiber *slab_block(FiberSlab *s, uint32_t i)
{
    return (Fiber *)(void *)(s->base + (size_t)i * FIBER_BLOCK);
}

static FiberSlab *slab_of(Fiber *f)
{
    return *(FiberSlab **)((uintptr_t)f & ~((uintptr_t)SLAB_BYTES - 1));
}

static uint32_t used_of(FiberSlab *s)
{
    return atomic_load_explicit(&s->used, memory_order_relaxed);
}

/* ---- lists, under slab_lock ---- */

static void list_add(FiberSlab **list, FiberSlab *s)
{
    s->list_next = *list;
    s->list_prev = list;
    if (*list) {
        (*list)->list_prev = &s->list_next;
    }
    *list = s;
}

static void list_drop(FiberSlab *s)
{
    if (s->list_prev) {
        *s->list_prev = s->list_next;
        if (s->list_next) {
            s->list_next->list_prev = s->list_prev;
        }
        s->list_next = NULL;
        s->list_prev = NULL;
    }
}

static uint32_t num_empty(GolVM *vm)
{
    return atomic_load_explicit(&vm->nslab_empty, memory_order_relaxed);
}

static void add_empty(GolVM *vm, uint32_t n)
{
    atomic_store_explicit(&vm->nslab_empty, num_empty(vm) + n, memory_order_relaxed);
}

static bool is_empty(FiberSlab *s)
{
    return !s->owned && s->nfree == used_of(s) - 1;
}

static void now_empty(GolVM *vm, FiberSlab *s)
{
    list_drop(s);
    list_add(&vm->slab_empty, s);
    add_empty(vm, 1);
}

/* A slab with free blocks, taken off its list; NULL: none. */
static FiberSlab *with_free(GolVM *vm)
{
    FiberSlab *s = vm->slab_partial;
    if (!s && (s = vm->slab_empty) != NULL) {
        add_empty(vm, -1u);
        if (num_empty(vm) < vm->slab_empty_low) {
            vm->slab_empty_low = num_empty(vm);
        }
    }
    if (s) {
        list_drop(s);
    }
    return s;
}

/* ---- taking ---- */

static FiberSlab *slab_map(GolVM *vm)
{
    char *m = os_map(2 * SLAB_BYTES);
    if (!m) {
        return NULL;
    }
    size_t before = -(uintptr_t)m & (SLAB_BYTES - 1);
    if (before) {
        os_unmap(m, before);
    }
    os_unmap(m + before + SLAB_BYTES, SLAB_BYTES - before);
    FiberSlab *s = calloc(1, sizeof *s);
    if (!s) {
        os_unmap(m + before, SLAB_BYTES);
        return NULL;
    }
    s->base = m + before;
    atomic_store_explicit(&s->used, 1, memory_order_relaxed);
    lock_acquire(&vm->slab_lock);
    s->next = vm->slabs;
    vm->slabs = s;
    lock_release(&vm->slab_lock);
    atomic_fetch_add_explicit(&vm->nslabs, 1, memory_order_relaxed);
    return s;
}

/* A slab with virgin blocks for p. */
static FiberSlab *slab_fresh(P *p)
{
    GolVM *vm = p->vm;
    FiberSlab *old = p->fresh, *s;
    lock_acquire(&vm->slab_lock);
    if (old) {
        old->owned = false;
        if (is_empty(old)) {
            now_empty(vm, old);
        }
    }
    s = vm->slab_released;
    if (s) {
        list_drop(s);
        s->owned = true;
    }
    lock_release(&vm->slab_lock);
    if (!s && (s = slab_map(vm)) != NULL) {
        s->owned = true;
    }
    if (s) {
        *(FiberSlab **)(void *)s->base = s;
    }
    p->fresh = s;
    return s;
}

static Fiber *virgin(P *p)
{
    FiberSlab *s = p->fresh;
    if (!s || used_of(s) == SLAB_BLOCKS) {
        s = slab_fresh(p);
        if (!s) {
            return NULL;
        }
    }
    uint32_t i = used_of(s);
    Fiber *f = slab_block(s, i);
    fiber_set_status(f, FIBER_DEAD);
    f->stack = f->first;
    f->stack_slots = FIBER_FIRST_SLOTS;
    atomic_store_explicit(&s->used, i + 1, memory_order_release);
    return f;
}

Fiber *slab_take(P *p)
{
    GolVM *vm = p->vm;
    assert(!p->free_fibers);
    lock_acquire(&vm->slab_lock);
    FiberSlab *s = with_free(vm);
    Fiber *f = s ? s->free : NULL, *last = f;
    if (f) {
        uint32_t n = 1;
        for (; n < TAKE_BATCH && last->next; n++) {
            last = last->next;
        }
        s->free = last->next;
        s->nfree -= n;
        last->next = NULL;
        p->free_fibers = f->next;
        p->nfree_fibers = n - 1;
        if (s->nfree) {
            list_add(&vm->slab_partial, s);
        }
    }
    lock_release(&vm->slab_lock);
    return f ? f : virgin(p);
}

/* ---- giving back ---- */

void slab_give_all(P *p)
{
    GolVM *vm = p->vm;
    Fiber *f = p->free_fibers;
    p->free_fibers = NULL;
    p->nfree_fibers = 0;
    lock_acquire(&vm->slab_lock);
    while (f) {
        Fiber *next = f->next;
        FiberSlab *s = slab_of(f);
        f->next = s->free;
        s->free = f;
        s->nfree++;
        if (is_empty(s)) {
            now_empty(vm, s);
        } else if (!s->list_prev) {
            list_add(&vm->slab_partial, s);
        }
        f = next;
    }
    lock_release(&vm->slab_lock);
}

void slab_trim(GolVM *vm)
{
    uint32_t total = 0;
    lock_acquire(&vm->slab_lock);
    uint32_t want = vm->slab_empty_low;
    while (total < want && vm->slab_empty) {
        FiberSlab *batch[TRIM_BATCH];
        uint32_t n = 0;
        for (; n < TRIM_BATCH && total < want && vm->slab_empty; n++, total++) {
            FiberSlab *s = batch[n] = vm->slab_empty;
            list_drop(s);
            add_empty(vm, -1u);
            s->free = NULL;
            s->nfree = 0;
            atomic_store_explicit(&s->used, 1, memory_order_relaxed);
        }
        lock_release(&vm->slab_lock);
        for (uint32_t i = 0; i < n; i++) {
            madvise(batch[i]->base, SLAB_BYTES, MADV_DONTNEED);
        }
        lock_acquire(&vm->slab_lock);
        for (uint32_t i = 0; i < n; i++) {
            list_add(&vm->slab_released, batch[i]);
        }
    }
    vm->slab_empty_low = num_empty(vm);
    lock_release(&vm->slab_lock);
    if (total >= TRIM_BATCH) {
        malloc_trim(0); /* the stacks that those fibers had grown */
    }
}

/* ---- walking, the end ---- */

struct FiberSlab *fiber_slab_first(GolVM *vm)
{
    lock_acquire(&vm->slab_lock);
    FiberSlab *s = vm->slabs;
    lock_release(&vm->slab_lock);
    return s;
}

struct FiberSlab *fiber_slab_next(struct FiberSlab *s) { return s->next; }

void fiber_slab_each(struct FiberSlab *s, void (*visit)(Fiber *f, void *ctx), void *ctx)
{
    uint32_t n = atomic_load_explicit(&s->used, memory_order_acquire);
    for (uint32_t i = 1; i < n; i++) {
        Fiber *f = slab_block(s, i);
        if (atomic_load_explicit(&f->status, memory_order_acquire) != FIBER_DEAD) {
            visit(f, ctx);
        }
    }
}

void slab_free_all(GolVM *vm)
{
    while (vm->slabs) {
        FiberSlab *s = vm->slabs;
        vm->slabs = s->next;
        os_unmap(s->base, SLAB_BYTES);
        free(s);
    }
}
