/* roots.c - what the collector finds live outside the heap: frames, deferred calls, panics, package
 * variables. The enumeration itself is runtime/vmheap.c's, and it sees to it that a fiber does not
 * run while it is scanned; other Ps may write received values into its frame. Nothing here allocates
 * script memory. Frames are scanned by their exact maps (stackmap.c), which may be computed here,
 * never in a pause.
 */
#include "vm/panic.h"

#include "runtime/mark.h"
#include "vm/op.h"

static void mark_map(Marker *m, const StackMap *map, const Slot *fp, const Slot *limit)
{
    for (uint32_t i = 0; i < map->n; i++) {
        const Slot *s = fp + map->e[i].slot;
        if (s >= limit) {
            break;
        }
        if (map->e[i].kind == GCW_IFACE_TYPE) {
            mark_iface(m, mem_peekp(&s[0]), mem_peekp(&s[1]));
        } else {
            mark_slot_ptr(m, s);
        }
    }
}

/* A deferred call's arguments are as live as the callee's parameters at its first word. */
static void mark_defer(VmState *vm, Marker *m, const Defer *d)
{
    if (d->fn == NULL) {
        return;
    }
    const Func *g = funcval_fn(d->fn);
    mark_ptr(m, d->fn);
    mark_map(m, stackmap_get(vm, g, func_code(g)), d->args - g->nres, d->args + d->nargs);
}

void roots_fiber(Fiber *f, Marker *m)
{
    VmState *vm = vm_state(m->heap->vm);
    FrameWalk w;
    if (fiber_status(f) == FIBER_DEAD || f->pc == NULL || f->fp < 2) {
        return;
    }
    for (walk_start(&w, f, f->pc, f->fp); w.fp != NULL; walk_next(&w)) {
        const Func *fn = frame_func(w.fp);
        mark_ptr(m, w.fp[-2].p);
        mark_map(m, stackmap_get(vm, fn, w.pc), w.fp, w.limit);
    }
    for (const Defer *d = f->defers; d != NULL; d = d->link) {
        mark_defer(vm, m, d);
    }
    for (const Panic *pn = f->panics; pn != NULL; pn = pn->link) {
        mark_iface(m, pn->value.type, pn->value.word.p);
    }
}

enum { GLOBALS_PIECE = 8192 /* words */ };

static uint32_t pieces(const RType *t)
{
    return t ? (t->gc_words + GLOBALS_PIECE - 1) / GLOBALS_PIECE : 0;
}

uint32_t roots_count_globals(GolVM *vm)
{
    const VmState *v = vm_state(vm);
    uint32_t n = 1;
    for (uint32_t i = 0; i < v->nunits; i++) {
        const Unit *u = v->units[i].unit;
        const UnitPkg *pkgs = rel_get(&u->packages);
        for (uint32_t k = 0; k < u->npackages; k++) {
            n += pieces(rel_get(&pkgs[k].globals_type));
        }
    }
    return n;
}

void roots_globals(GolVM *vm, Marker *m, uint32_t piece)
{
    const VmState *v = vm_state(vm);
    if (piece-- == 0) {
        mark_ptr(m, __atomic_load_n(&vm->time_local, __ATOMIC_RELAXED));
        return;
    }
    for (uint32_t i = 0; i < v->nunits; i++) {
        const Unit *u = v->units[i].unit;
        const UnitPkg *pkgs = rel_get(&u->packages);
        for (uint32_t k = 0; k < u->npackages; k++) {
            const RType *t = rel_get(&pkgs[k].globals_type);
            uint32_t n = pieces(t);
            if (piece < n) {
                uint32_t from = piece * GLOBALS_PIECE;
                const uint8_t *base = v->globals + v->units[i].base + pkgs[k].globals;
                mark_part(m, base, t, from, from + GLOBALS_PIECE);
                m->global_bytes += (n > 1 ? GLOBALS_PIECE : t->gc_words) * 8;
                return;
            }
            piece -= n;
        }
    }
}
