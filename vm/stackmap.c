/* stackmap.c - which slots of a frame hold live pointers at a pc, computed when first asked for.
 *
 * Func.kinds says which slots are pointers and where; liveness (a backward dataflow over the
 * operands that op.c reports) says which of them matter. Only slots with a record take part, so the
 * sets are small. The result per function: one bit set per code word, kept for as long as the VM,
 * and a StackMap per word that was ever asked for.
 *
 * What the tables cannot show: RET and RETD read the function's results, NATIVE its parameters and
 * results. In a function with deferred calls everything that is live at the epilogue is live
 * everywhere, since a recovered panic goes on there; at word 0 nothing but parameters is.
 * MAP_NEXT defines its destinations on the fall-through edge only.
 *
 * Threads: a StackMap is published by a release store and found by an acquire load; building is
 * serialised by a lock per VM unit. The collector asks with the world stopped, which today means
 * that the lock is never contended.
 */
#include "vm/vm.h"

#include "vm/dynfunc.h"
#include "vm/op.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct FuncMaps {
    uint32_t nslots, words;     /* slots with records; 64-bit words of a set */
    uint16_t *slots;            /* sorted */
    uint64_t *live;             /* [ncode + 1][words]: live before the word */
    _Atomic(StackMap *) *maps;  /* [ncode + 1] */
    StackMap *ret;              /* at a static RET: the results */
} FuncMaps;

struct StackMaps {
    SpinLock lock;
    _Atomic(FuncMaps *) of[];   /* by Func.serial */
};

static const StackMap empty_map;

struct StackMaps *stackmap_new(uint32_t nfuncs)
{
    return calloc(1, sizeof(struct StackMaps) + nfuncs * sizeof(FuncMaps *));
}

static void maps_free(FuncMaps *fm, uint32_t ncode)
{
    if (fm == NULL) {
        return;
    }
    for (uint32_t i = 0; fm->maps && i <= ncode; i++) {
        free(atomic_load_explicit(&fm->maps[i], memory_order_relaxed));
    }
    free(fm->ret);
    free(fm->slots);
    free(fm->live);
    free(fm->maps);
    free(fm);
}

void stackmap_free_one(struct StackMaps *maps, const Func *f)
{
    if (maps != NULL) {
        maps_free(atomic_load_explicit(&maps->of[0], memory_order_relaxed), f->ncode);
        free(maps);
    }
}

void stackmap_free(struct StackMaps *maps, const Unit *u)
{
    const RelPtr *funcs = rel_get(&u->funcs);
    for (uint32_t i = 0; maps && i < u->nfuncs; i++) {
        const Func *f = rel_get(&funcs[i]);
        maps_free(atomic_load_explicit(&maps->of[f->serial], memory_order_relaxed), f->ncode);
        atomic_store_explicit(&maps->of[f->serial], NULL, memory_order_relaxed);
    }
    free(maps);
}

/* --- liveness --- */

typedef struct Flow {
    const Func *f;
    const SlotKind *kinds;
    FuncMaps *fm;
    uint64_t *set;   /* the set at hand */
    uint32_t at;     /* word of the instruction at hand */
    bool add;
} Flow;

static uint32_t slot_index(const FuncMaps *fm, uint32_t slot)
{
    uint32_t lo = 0, hi = fm->nslots;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (fm->slots[mid] < slot) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* The record of a slot that covers word `at`, or NULL. */
static const SlotKind *kind_at(const Func *f, uint32_t slot, uint32_t at)
{
    const SlotKind *k = rel_get(&f->kinds);
    uint32_t lo = 0, hi = f->nkinds;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (k[mid].slot < slot) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    for (; lo < f->nkinds && k[lo].slot == slot; lo++) {
        if (k[lo].from <= at && at < k[lo].to) {
            return &k[lo];
        }
    }
    return NULL;
}

static void flow_slots(void *ctx, uint32_t slot, uint32_t count)
{
    Flow *w = ctx;
    uint64_t end = count == OP_TO_TOP ? UINT32_MAX : (uint64_t)slot + count;
    for (uint32_t i = slot_index(w->fm, slot); i < w->fm->nslots && w->fm->slots[i] < end; i++) {
        if (count == OP_TO_TOP && !kind_at(w->f, w->fm->slots[i], w->at)) {
            continue;
        }
        if (w->add) {
            w->set[i / 64] |= 1ull << (i % 64);
        } else {
            w->set[i / 64] &= ~(1ull << (i % 64));
        }
    }
}

static bool falls_through(const Insn *pc)
{
    return pc->op != OP_RET && pc->op != OP_JMP && pc->op != OP_LOOP && pc->op != OP_PANIC &&
           pc->op != OP_TRAP && pc->op != OP_NATIVE;
}

/* live-in of the instruction at word `at` into w->set. */
static void flow_insn(Flow *w, uint32_t at)
{
    const Func *f = w->f;
    const Insn *code = func_code(f), *pc = code + at;
    uint32_t words = w->fm->words, next = at + op_words(pc);
    const Insn *target = op_target(pc);
    w->at = at;
    memset(w->set, 0, words * sizeof(uint64_t));
    if (falls_through(pc) && next <= f->ncode) {
        memcpy(w->set, w->fm->live + (size_t)next * words, words * sizeof(uint64_t));
    }
    w->add = false;
    op_defs(pc, flow_slots, w);
    if (target != NULL && target >= code && target <= code + f->ncode) {
        const uint64_t *t = w->fm->live + (size_t)(target - code) * words;
        for (uint32_t i = 0; i < words; i++) {
            w->set[i] |= t[i];
        }
    }
    w->add = true;
    op_uses(pc, flow_slots, w);
    if (pc->op == OP_RET || pc->op == OP_RETD) {
        flow_slots(w, 0, f->nres);
    } else if (pc->op == OP_NATIVE) {
        flow_slots(w, 0, (uint32_t)f->nres + f->nargs);
    }
}

static void solve(Flow *w, const uint32_t *starts, uint32_t n)
{
    uint32_t words = w->fm->words;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = n; i-- > 0;) {
            uint64_t *live = w->fm->live + (size_t)starts[i] * words;
            flow_insn(w, starts[i]);
            if (memcmp(live, w->set, words * sizeof(uint64_t)) != 0) {
                memcpy(live, w->set, words * sizeof(uint64_t));
                changed = true;
            }
        }
    }
}

/* What the epilogue needs is needed at every word. */
static void spread_epilogue(FuncMaps *fm, const Func *f, const uint32_t *starts, uint32_t n)
{
    const uint64_t *e = fm->live + (size_t)f->epilogue * fm->words;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < fm->words; k++) {
            fm->live[(size_t)starts[i] * fm->words + k] |= e[k];
        }
    }
}

static bool collect_slots(FuncMaps *fm, const Func *f)
{
    const SlotKind *k = rel_get(&f->kinds);
    fm->slots = malloc((f->nkinds + 1) * sizeof *fm->slots);
    if (fm->slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < f->nkinds; i++) {
        if (fm->nslots == 0 || fm->slots[fm->nslots - 1] != k[i].slot) {
            fm->slots[fm->nslots++] = k[i].slot;
        }
    }
    fm->words = (fm->nslots + 63) / 64;
    return true;
}

static FuncMaps *build(const Func *f)
{
    FuncMaps *fm = calloc(1, sizeof *fm);
    uint32_t *starts = malloc((f->ncode + 1) * sizeof *starts), n = 0;
    if (fm == NULL || starts == NULL || !collect_slots(fm, f)) {
        free(starts);
        maps_free(fm, f->ncode);
        return NULL;
    }
    fm->live = calloc((size_t)(f->ncode + 1) * fm->words + 1, sizeof *fm->live);
    fm->maps = calloc(f->ncode + 1, sizeof *fm->maps);
    uint64_t *set = calloc(fm->words + 1, sizeof *set);
    if (fm->live == NULL || fm->maps == NULL || set == NULL) {
        free(starts);
        free(set);
        maps_free(fm, f->ncode);
        return NULL;
    }
    for (uint32_t at = 0; at < f->ncode; at += op_words(func_code(f) + at)) {
        starts[n++] = at;
    }
    Flow w = {.f = f, .kinds = rel_get(&f->kinds), .fm = fm, .set = set};
    if (fm->nslots) {
        solve(&w, starts, n);
        if ((f->flags & FN_HAS_DEFER) && f->epilogue) {
            spread_epilogue(fm, f, starts, n);
        }
    }
    free(set);
    free(starts);
    return fm;
}

/* --- maps --- */

static StackMap *map_alloc(uint32_t n)
{
    StackMap *m = malloc(sizeof *m + n * sizeof m->e[0]);
    if (m != NULL) {
        m->n = 0;
    }
    return m;
}

static void map_add(StackMap *m, const Func *f, uint32_t slot, uint32_t at)
{
    const SlotKind *k = kind_at(f, slot, at);
    if (k != NULL && k->kind != GCW_IFACE_WORD && k->kind != GCW_SCALAR) {
        m->e[m->n].slot = (uint16_t)slot;
        m->e[m->n++].kind = k->kind;
    }
}

/* The interface pair counts as live if either half is. */
static StackMap *make_map(const FuncMaps *fm, const Func *f, uint32_t at)
{
    StackMap *m = map_alloc(fm->nslots);
    const uint64_t *live = fm->live + (size_t)at * fm->words;
    for (uint32_t i = 0; m != NULL && i < fm->nslots; i++) {
        uint32_t slot = fm->slots[i];
        bool yes = live[i / 64] >> (i % 64) & 1;
        if (!yes && i + 1 < fm->nslots && fm->slots[i + 1] == slot + 1) {
            const SlotKind *k = kind_at(f, slot + 1, at);
            yes = k && k->kind == GCW_IFACE_WORD && (live[(i + 1) / 64] >> ((i + 1) % 64) & 1);
        }
        if (at == 0 && (slot < f->nres || slot >= (uint32_t)f->nres + f->nargs) &&
            func_code(f)->op != OP_NATIVE) {
            continue;
        }
        if (yes) {
            map_add(m, f, slot, at);
        }
    }
    return m;
}

/* At a static RET (a finished native, a recovered frame without epilogue): the results. */
static StackMap *make_ret_map(const FuncMaps *fm, const Func *f)
{
    StackMap *m = map_alloc(fm->nslots);
    for (uint32_t i = 0; m != NULL && i < fm->nslots && fm->slots[i] < f->nres; i++) {
        map_add(m, f, fm->slots[i], f->ncode ? f->ncode - 1 : 0);
    }
    return m;
}

static const StackMap *find_ret(struct StackMaps *maps, FuncMaps *fm, const Func *f)
{
    lock_acquire(&maps->lock);
    if (fm->ret == NULL) {
        fm->ret = make_ret_map(fm, f);
    }
    const StackMap *m = fm->ret;
    lock_release(&maps->lock);
    return m ? m : &empty_map;
}

const StackMap *stackmap_get(VmState *vm, const Func *f, const Insn *pc)
{
    const Unit *u = rel_get(&f->unit);
    bool dynamic = f->flags & FN_DYNAMIC;
    if (f->nkinds == 0 || (!dynamic && (u == NULL || u->serial >= vm->nunits))) {
        return &empty_map;
    }
    struct StackMaps *maps = dynamic ? dynfunc_maps(f) : vm->units[u->serial].maps;
    FuncMaps *fm = atomic_load_explicit(&maps->of[f->serial], memory_order_acquire);
    if (fm == NULL) {
        lock_acquire(&maps->lock);
        fm = atomic_load_explicit(&maps->of[f->serial], memory_order_relaxed);
        if (fm == NULL && (fm = build(f)) != NULL) {
            atomic_store_explicit(&maps->of[f->serial], fm, memory_order_release);
        }
        lock_release(&maps->lock);
    }
    if (fm == NULL) {
        return &empty_map; /* no memory for tables: the caller marks conservatively */
    }
    int64_t at = pc - func_code(f);
    if (at < 0 || at > (int64_t)f->ncode) {
        return find_ret(maps, fm, f);
    }
    StackMap *m = atomic_load_explicit(&fm->maps[at], memory_order_acquire);
    if (m == NULL) {
        lock_acquire(&maps->lock);
        m = atomic_load_explicit(&fm->maps[at], memory_order_relaxed);
        if (m == NULL && (m = make_map(fm, f, (uint32_t)at)) != NULL) {
            atomic_store_explicit(&fm->maps[at], m, memory_order_release);
        }
        lock_release(&maps->lock);
    }
    return m ? m : &empty_map;
}
