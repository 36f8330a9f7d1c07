/* fiber.c - fibers' blocks: slabs, free lists, growing stacks, the walk over all fibers.
 *
 * A slab is one mapping cut into 512-byte blocks; the first block is its header. Slabs live as long
 * as the VM, so the set of all fibers needs no list: it is every block handed out so far. Each P
 * has a free list and at most one slab with virgin blocks; what a P has too much goes in batches
 * to the VM's list under slab_lock. Status DEAD tells the walk to skip a block; it is the only
 * field of a free block that others read.
 */
#include "runtime/fiber.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/chan.h"
#include "runtime/os.h"
#include "runtime/vmstate.h"

enum { SLAB_BYTES = FIBER_SLAB, SLAB_BLOCKS = SLAB_BYTES / FIBER_BLOCK, FREE_BATCH = 64, ID_BATCH = 16 };

typedef struct FiberSlab {
    struct FiberSlab *next;  /* vm->slabs; constant once linked */
    _Atomic uint32_t used;   /* blocks handed out, this one included; written by its P, relaxed */
} FiberSlab;
_Static_assert(sizeof(FiberSlab) <= FIBER_BLOCK, "the header is one block");

static Fiber *slab_block(FiberSlab *s, uint32_t i)
{
    return (Fiber *)(void *)((char *)s + (size_t)i * FIBER_BLOCK);
}

static FiberSlab *slab_new(GolVM *vm)
{
    FiberSlab *s = os_map(SLAB_BYTES);
    if (!s) {
        return NULL;
    }
    atomic_store_explicit(&s->used, 1, memory_order_relaxed);
    lock_acquire(&vm->slab_lock);
    s->next = vm->slabs;
    vm->slabs = s;
    lock_release(&vm->slab_lock);
    atomic_fetch_add_explicit(&vm->nslabs, 1, memory_order_relaxed);
    return s;
}

/* A block never used before, or from the VM's list. */
static Fiber *take_block_slow(P *p)
{
    GolVM *vm = p->vm;
    lock_acquire(&vm->slab_lock);
    Fiber *f = vm->free_fibers;
    if (f) {
        uint32_t n = 1;
        Fiber *last = f;
        while (n < FREE_BATCH && last->next) {
            last = last->next;
            n++;
        }
        vm->free_fibers = last->next;
        last->next = NULL;
        p->free_fibers = f->next;
        p->nfree_fibers = n - 1;
    }
    lock_release(&vm->slab_lock);
    if (f) {
        return f;
    }
    FiberSlab *s = p->fresh;
    if (!s || atomic_load_explicit(&s->used, memory_order_relaxed) == SLAB_BLOCKS) {
        s = p->fresh = slab_new(vm);
        if (!s) {
            return NULL;
        }
    }
    uint32_t i = atomic_load_explicit(&s->used, memory_order_relaxed);
    f = slab_block(s, i);
    fiber_set_status(f, FIBER_DEAD);
    f->stack = f->first;
    f->stack_slots = FIBER_FIRST_SLOTS;
    atomic_store_explicit(&s->used, i + 1, memory_order_release);
    return f;
}

Fiber *fiber_new(P *p)
{
    GolVM *vm = p->vm;
    if (vm->max_fibers && (uint64_t)sched_num_fibers(vm) >= vm->max_fibers) {
        return NULL;
    }
    Fiber *f = p->free_fibers;
    if (f) {
        p->free_fibers = f->next;
        p->nfree_fibers--;
    } else {
        f = take_block_slow(p);
        if (!f) {
            return NULL;
        }
    }
    assert(fiber_status(f) == FIBER_DEAD);
    if (p->next_id == p->end_id) {
        p->next_id = atomic_fetch_add_explicit(&vm->fiber_ids, ID_BATCH, memory_order_relaxed);
        p->end_id = p->next_id + ID_BATCH;
    }
    atomic_store_explicit(&f->gc, p->cache.fiber_mark, memory_order_relaxed);
    f->id = p->next_id++;
    f->parent = p->fiber ? p->fiber->id : 0;
    f->fp = 0;
    f->pc = f->create_fn = f->create_pc = NULL;
    f->panics = f->defers = f->vmdata = NULL;
    f->next = NULL;
    f->since = 0;
    f->locked = NULL;
    f->wait_obj = NULL;
    f->nwait = 0;
    f->reason = WAIT_NONE;
    f->resume = RESUME_GO;
    f->flags = 0;
    f->wake_value = 0;
    f->wait.fiber = f;
    f->wait.is_select = 0;
    f->wait.queued = 0;
    int64_t n = atomic_load_explicit(&p->nlive, memory_order_relaxed);
    atomic_store_explicit(&p->nlive, n + 1, memory_order_relaxed);
    /* a collector that sees the fiber alive sees its mark */
    atomic_store_explicit(&f->status, FIBER_NEW, memory_order_release);
    return f;
}

static void spill_free(P *p)
{
    Fiber *first = p->free_fibers, *last = first;
    for (uint32_t i = 1; i < FREE_BATCH; i++) {
        last = last->next;
    }
    p->free_fibers = last->next;
    p->nfree_fibers -= FREE_BATCH;
    lock_acquire(&p->vm->slab_lock);
    last->next = p->vm->free_fibers;
    p->vm->free_fibers = first;
    lock_release(&p->vm->slab_lock);
}

static void drop_stack(Fiber *f)
{
    if (f->stack != f->first) {
        free(f->stack);
        f->stack = f->first;
        f->stack_slots = FIBER_FIRST_SLOTS;
    }
}

void fiber_free(P *p, Fiber *f)
{
    drop_stack(f);
    f->id = 0;
    fiber_set_status(f, FIBER_DEAD);
    f->next = p->free_fibers;
    p->free_fibers = f;
    int64_t n = atomic_load_explicit(&p->nlive, memory_order_relaxed);
    atomic_store_explicit(&p->nlive, n - 1, memory_order_relaxed);
    if (++p->nfree_fibers >= 4 * FREE_BATCH) {
        spill_free(p);
    }
}

bool fiber_grow(P *p, Fiber *f, uint32_t slots)
{
    uint32_t limit = p->vm->fiber_stack_max;
    if (slots > limit) {
        return false;
    }
    if (slots <= f->stack_slots) {
        return true;
    }
    uint64_t want = (uint64_t)f->stack_slots * 2;
    while (want < slots) {
        want *= 2;
    }
    uint32_t n = want > limit ? limit : (uint32_t)want;
    Slot *s = malloc((size_t)n * sizeof(Slot));
    if (!s) {
        return false;
    }
    memcpy(s, f->stack, (size_t)f->stack_slots * sizeof(Slot));
    if (f->stack != f->first) {
        free(f->stack);
    }
    f->stack = s;
    f->stack_slots = n;
    if (p->fiber == f) {
        proc_set_limit(p, f);
    }
    return true;
}

void fiber_move(P *p, Fiber *f)
{
    size_t bytes = (size_t)f->stack_slots * sizeof(Slot);
    Slot *s = malloc(bytes);
    if (s == NULL) {
        return;
    }
    memcpy(s, f->stack, bytes);
    memset(f->stack, 0xdb, bytes);
    if (f->stack != f->first) {
        free(f->stack);
    }
    f->stack = s;
}

const char *wait_reason_name(WaitReason r)
{
    static const char *const names[] = {
#define WAIT(name, text) text,
#include "runtime/waitreasons.def"
#undef WAIT
    };
    return (unsigned)r < WAIT_COUNT ? names[r] : "waiting";
}

const char *fiber_state_name(const Fiber *f)
{
    switch (fiber_status(f)) {
    case FIBER_DEAD: return "dead";
    case FIBER_NEW:
    case FIBER_RUNNABLE: return "runnable";
    case FIBER_RUNNING: return "running";
    case FIBER_BLOCKING: return "syscall";
    case FIBER_WAITING: break;
    }
    return wait_reason_name((WaitReason)f->reason);
}

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

void fiber_each(GolVM *vm, void (*visit)(Fiber *f, void *ctx), void *ctx)
{
    for (FiberSlab *s = fiber_slab_first(vm); s; s = s->next) {
        fiber_slab_each(s, visit, ctx);
    }
}

static void waiter_roots(Waiter *w, void (*ptr)(void *, void *),
                         void (*range)(void *, Slot *, const RType *), void *ctx, bool send)
{
    ptr(ctx, w->chan);
    if (send && w->slot != NO_SLOT && !(w->chan->elem->flags & RT_NOPTR)) {
        range(ctx, w->fiber->stack + w->slot, w->chan->elem);
    }
}

void fiber_wait_roots(Fiber *f, void (*ptr)(void *ctx, void *object),
                      void (*range)(void *ctx, Slot *slots, const RType *type), void *ctx)
{
    if (fiber_status(f) != FIBER_WAITING) {
        return;
    }
    if (f->reason == WAIT_CHAN_SEND || f->reason == WAIT_CHAN_RECEIVE) {
        waiter_roots(&f->wait, ptr, range, ctx, f->reason == WAIT_CHAN_SEND);
    } else if (f->reason == WAIT_SELECT) {
        Waiter *w = f->wait_obj;
        for (uint32_t i = 0; i < f->nwait; i++) {
            waiter_roots(&w[i], ptr, range, ctx, w[i].ticket != 0);
        }
    }
}

/* VM close: all threads are gone. */
void fiber_free_all(GolVM *vm)
{
    while (vm->slabs) {
        FiberSlab *s = vm->slabs;
        uint32_t n = atomic_load_explicit(&s->used, memory_order_acquire);
        for (uint32_t i = 1; i < n; i++) {
            Fiber *f = slab_block(s, i);
            if (fiber_status(f) != FIBER_DEAD) {
                if (vm->hooks->fiber_gone) {
                    vm->hooks->fiber_gone(vm, f);
                }
                if (f->nwait) {
                    free(f->wait_obj);
                }
            }
            drop_stack(f);
        }
        vm->slabs = s->next;
        os_unmap(s, SLAB_BYTES);
    }
}
