/* choice.c - the sources of scheduling choices. See choice.h.
 *
 * The generator is splitmix64: any seed is a good one, neighbouring seeds are unrelated. VMs that
 * collect or allocate differently draw the same choices, since nothing else draws from it.
 */
#include "runtime/choice.h"

#include <assert.h>

#include "runtime/clock.h"
#include "runtime/debugvar.h"

enum { PERTURB_ONE_IN = 8, EXACT_YIELD_ONE_IN = 3 };

static uint64_t next_word(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t n)
{
    return (uint32_t)((next_word(state) >> 32) * n >> 32);
}

static uint32_t draw_seeded(P *p, ChoiceKind kind, uint32_t n, void *ctx)
{
    uint64_t *state = ctx ? ctx : &p->choice_state;
    if (kind == CHOICE_YIELD) {
        return below(state, ctx ? EXACT_YIELD_ONE_IN : PERTURB_ONE_IN) == 0;
    }
    return ctx || kind != CHOICE_NEXT ? below(state, n) : 0;
}

uint32_t choice_draw(P *p, ChoiceKind kind, uint32_t n)
{
    uint32_t k = p->vm->choice.draw(p, kind, n, p->vm->choice.ctx);
    assert(k < n);
    return k;
}

void choice_init_proc(P *p)
{
    p->chosen = p->vm->choice.mode != CHOICE_FREE;
    p->choice_state = p->vm->choice.seed + p->id * 0xd1342543de82ef95u;
}

void choice_install(GolVM *vm, ChoiceMode mode, ChoiceFn *draw, void *ctx)
{
    assert(mode != CHOICE_EXACT || vm->nprocs == 1);
    vm->choice.mode = mode;
    vm->choice.draw = draw;
    vm->choice.ctx = ctx;
    vm->seeded = vm->seeded || mode == CHOICE_EXACT;
    for (uint32_t i = 0; i < MAX_PROCS && vm->procs[i]; i++) {
        choice_init_proc(vm->procs[i]);
    }
}

void choice_seed(GolVM *vm, ChoiceMode mode, uint64_t seed)
{
    vm->choice.seed = vm->choice.state = seed;
    choice_install(vm, mode, mode == CHOICE_FREE ? NULL : draw_seeded,
                   mode == CHOICE_EXACT ? &vm->choice.state : NULL);
}

void choice_replay(GolVM *vm, uint64_t seed)
{
    choice_seed(vm, CHOICE_EXACT, seed);
    vm->replay = true;
    vm->seed = seed;
    vm->start_time = CLOCK_SLICE;
    clock_set(vm, vm->start_time);
    vm->debug[DEBUG_GCOFF] = 1;
    rand_seed_proc(vm->procs[0], seed);
    heap_cache(vm->procs[0])->rand = 0; /* drawn anew from the P's */
}
