/* barrier.c - the slow half of barrier.h: shading, and typed copies.
 *
 * Shading an address greys its object in the Marker of the P that runs the store: no lock, no list
 * that a pause would have to go through. A Marker's block may stay with its P until the pause that
 * ends marking; that pause hands all blocks over and lets marking go on if they held anything.
 */
#include "runtime/barrier.h"

#include "runtime/mark.h"
#include "runtime/rtypes.h"
#include "runtime/span.h"

#include <assert.h>

static inline void shade(struct P *p, const void *ptr) { mark_ptr(heap_cache(p)->marker, ptr); }

void heap_shade(struct P *p, const void *old)
{
#ifndef GOL_NO_DELETION_BARRIER /* the negative control of gccheckmark: the suite must fail */
    shade(p, old);
#endif
}

void heap_shade_root(struct P *p, const void *ptr)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        shade(p, ptr);
    }
}

void heap_shade_iface(struct P *p, Cell old)
{
    Iface v = cell_iface(old);
    heap_shade(p, rtype_word_is_ptr(v.type) ? v.word.p : NULL);
}

static void shade_value(struct P *p, const uint8_t *v, const RType *t)
{
    for (uint32_t i = 0; i < t->gc_words; i++) {
        unsigned kind = rtype_word_kind(t, i);
        if (kind == GCW_PTR) {
            heap_shade(p, mem_loadp(v + (size_t)i * 8));
        } else if (kind == GCW_IFACE_TYPE) {
            heap_shade_iface(p, cell_load_any(v + (size_t)i * 8));
        }
    }
}

void heap_shade_range(struct P *p, const void *dst, const RType *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        shade_value(p, (const uint8_t *)dst + i * t->size, t);
    }
}

void heap_shade_frame(struct P *p, const Slot *src, const RType *t)
{
    if (t->flags & RT_NOPTR) {
        return;
    }
    for (uint32_t i = 0; i < t->gc_words; i++) {
        unsigned kind = rtype_word_kind(t, i);
        if (kind == GCW_PTR) {
            shade(p, src[i].p);
        } else if (kind == GCW_IFACE_TYPE && rtype_word_is_ptr(src[i].p)) {
            shade(p, src[i + 1].p);
        }
    }
}

static void copy_cells(uint8_t *dst, const uint8_t *src, size_t bytes)
{
    if ((uintptr_t)dst - (uintptr_t)src >= bytes) {
        for (size_t i = 0; i < bytes; i += 16) {
            cell_store_any(dst + i, cell_load_any(src + i));
        }
    } else {
        for (size_t i = bytes; i > 0; i -= 16) {
            cell_store_any(dst + i - 16, cell_load_any(src + i - 16));
        }
    }
}

static void copy_words(uint8_t *dst, const uint8_t *src, size_t bytes)
{
    if ((uintptr_t)dst - (uintptr_t)src >= bytes) {
        for (size_t i = 0; i < bytes; i += 8) {
            mem_store64(dst + i, mem_load64(src + i));
        }
    } else {
        for (size_t i = bytes; i > 0; i -= 8) {
            mem_store64(dst + i - 8, mem_load64(src + i - 8));
        }
    }
}

void heap_copy_fresh(void *dst, const void *src, const RType *t, size_t n)
{
    size_t bytes = t->size * n;
    if (dst == src || bytes == 0) {
        return;
    }
    if (t->flags & RT_NOPTR) {
        mem_move(dst, src, bytes);
    } else if (t->align >= 16) {
        copy_cells(dst, src, bytes);
    } else {
        copy_words(dst, src, bytes);
    }
}

void heap_copy(struct P *p, void *dst, const void *src, const RType *t, size_t n)
{
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on) && !(t->flags & RT_NOPTR)) {
        heap_shade_range(p, dst, t, n);
    }
    heap_copy_fresh(dst, src, t, n);
}

void heap_store_slots(struct P *p, void *dst, const Slot *src, const RType *t)
{
    if (GOL_UNLIKELY(t->size >= HUGE_SIZE)) {
        if (src->p != NULL) {
            heap_copy(p, dst, src->p, t, 1);
        } else {
            heap_clear(p, dst, t, 1);
        }
        return;
    }
    if (t->flags & RT_NOPTR) {
        mem_copy(dst, src, t->size);
        return;
    }
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade_range(p, dst, t, 1);
    }
    size_t step = t->align >= 16 ? 16 : 8;
    for (size_t off = 0; off + step <= t->size; off += step) {
        const Slot *s = src + off / 8;
        if (step == 16) {
            cell_store((uint8_t *)dst + off, cell_from_slots(s));
        } else {
            mem_store64((uint8_t *)dst + off, s->u);
        }
    }
}

void heap_load_slots(Slot *dst, const void *src, const RType *t)
{
    assert(t->size < HUGE_SIZE);
    if (t->flags & RT_NOPTR) {
        mem_copy(dst, src, t->size);
        return;
    }
    size_t step = t->align >= 16 ? 16 : 8;
    for (size_t off = 0; off + step <= t->size; off += step) {
        Slot *d = dst + off / 8;
        if (step == 16) {
            cell_to_slots(d, cell_load((const uint8_t *)src + off));
        } else {
            d->u = mem_load64((const uint8_t *)src + off);
        }
    }
}

void heap_clear(struct P *p, void *dst, const RType *t, size_t n)
{
    if (t->flags & RT_NOPTR) {
        mem_zero(dst, t->size * n);
        return;
    }
    if (GOL_UNLIKELY(heap_cache(p)->barrier_on)) {
        heap_shade_range(p, dst, t, n);
    }
    size_t bytes = t->size * n, step = t->align >= 16 ? 16 : 8;
    for (size_t off = 0; off + step <= bytes; off += step) {
        if (step == 16) {
            cell_store((uint8_t *)dst + off, cell_make(0, 0));
        } else {
            mem_store64((uint8_t *)dst + off, 0);
        }
    }
}
