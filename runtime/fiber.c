/* fiber.c - fibers: birth and death of their blocks (which come from fiberslab.c), growing stacks,
 * what a parked one waits for. */
#include "runtime/fiber.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/chan.h"
#include "runtime/fiberslab.h"
#include "runtime/os.h"
#include "runtime/vmstate.h"

enum { FREE_MAX = 256, ID_BATCH = 16 };

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
        f = slab_take(p);
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
    f->panics = f->defers = NULL;
    f->next = NULL;
    f->since = 0;
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
    if (++p->nfree_fibers >= FREE_MAX) {
        slab_give_all(p);
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

void fiber_move(P *p, Fiber *f, uint32_t used)
{
    size_t bytes = (size_t)used * sizeof(Slot);
    Slot *s = malloc((size_t)f->stack_slots * sizeof(Slot));
    assert(used <= f->stack_slots);
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

void fiber_each(GolVM *vm, void (*visit)(Fiber *f, void *ctx), void *ctx)
{
    for (struct FiberSlab *s = fiber_slab_first(vm); s; s = fiber_slab_next(s)) {
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

static void free_one(Fiber *f, void *ctx)
{
    GolVM *vm = ctx;
    if (vm->hooks->fiber_gone) {
        vm->hooks->fiber_gone(vm, f);
    }
    if (f->nwait) {
        free(f->wait_obj);
    }
    drop_stack(f);
}

/* VM close: all threads are gone. A dead fiber has no stack of its own. */
void fiber_free_all(GolVM *vm)
{
    fiber_each(vm, free_one, vm);
    slab_free_all(vm);
}
