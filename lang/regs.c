/* regs.c - slots of the frame being laid out, and the records that tell the collector what stands
 * in them.
 *
 * Slots are handed out as a stack: results, parameters, then locals and temporaries, then the
 * windows of calls. Whoever takes slots remembers slot_mark and gives everything above it back. A
 * record (SlotKind) is open from the pc where a pointer-bearing slot is taken to the pc where it
 * is given back, so two records of one slot never overlap; an instruction that reads a slot must be
 * emitted before the slot is released. Whether the slot is initialised there is the VM's liveness
 * analysis to know.
 */
#include "lang/gen.h"

#include <stdlib.h>

#define FRAME_MAX 60000u

int slot_raw(Fg *f, uint32_t n)
{
    uint32_t s = f->top;
    if (n > FRAME_MAX || s + n > FRAME_MAX) {
        if (!f->too_big) {
            f->too_big = true;
            gen_error(f, "function too large: its frame exceeds %u words", FRAME_MAX);
        }
        return (int)s;
    }
    f->top += n;
    if (f->top > f->max_top) {
        f->max_top = f->top;
    }
    return (int)s;
}

static void slot_open(Fg *f, uint32_t slot, uint16_t kind)
{
    SlotKind k = {f->code.n, 0, (uint16_t)slot, kind};
    VEC_PUSH(f->open, k);
}

int slot_new(Fg *f, TInfo *ti)
{
    if (is_huge(ti)) {
        return slot_ptr(f);
    }
    int s = slot_raw(f, ti->slots);
    for (uint32_t i = 0; i < ti->ngc && i < ti->slots && !f->too_big; i++) {
        if (ti->gc[i] != GCW_SCALAR) {
            slot_open(f, (uint32_t)s + i, ti->gc[i]);
        }
    }
    return s;
}

int slot_scalar(Fg *f) { return slot_raw(f, 1); }

int slot_ptr(Fg *f)
{
    int s = slot_raw(f, 1);
    slot_open(f, (uint32_t)s, GCW_PTR);
    return s;
}

uint32_t slot_mark(const Fg *f) { return f->top; }

void slot_release(Fg *f, uint32_t mark)
{
    while (f->open.n && f->open.at[f->open.n - 1].slot >= mark) {
        SlotKind k = f->open.at[--f->open.n];
        k.to = f->code.n;
        if (k.from < k.to) {
            VEC_PUSH(f->kinds, k);
        }
    }
    f->top = mark;
}

static int kind_compare(const void *pa, const void *pb)
{
    const SlotKind *a = pa, *b = pb;
    if (a->slot != b->slot) {
        return a->slot < b->slot ? -1 : 1;
    }
    return a->from < b->from ? -1 : a->from > b->from;
}

/* Sorts the records, joins neighbours of one kind, and proves that none overlap. */
void slot_verify(Fg *f)
{
    uint32_t n = 0;
    if (f->kinds.n) {
        qsort(f->kinds.at, f->kinds.n, sizeof *f->kinds.at, kind_compare);
    }
    for (uint32_t i = 0; i < f->kinds.n; i++) {
        SlotKind k = f->kinds.at[i];
        SlotKind *last = n ? &f->kinds.at[n - 1] : NULL;
        assert(!last || last->slot != k.slot || last->to <= k.from);
        if (last && last->slot == k.slot && last->to == k.from && last->kind == k.kind) {
            last->to = k.to;
        } else {
            f->kinds.at[n++] = k;
        }
    }
    f->kinds.n = n;
}
