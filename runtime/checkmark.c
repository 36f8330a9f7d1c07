/* checkmark.c - the proof of concurrent marking, cycle by cycle.
 *
 * In the pause that ends marking, all roots are scanned again and everything reachable is visited
 * with a second set of bits. Whatever is met there must have its mark bit: concurrent marking may
 * keep too much (what died meanwhile), never too little. A miss names the object, and the field of
 * the object through which it was met: that is the store whose barrier failed. The pause is as long
 * as a whole marking; this is for tests.
 */
#include "runtime/checkmark.h"

#include "runtime/os.h"
#include "runtime/rtypes.h"

#include <stdio.h>

static const char *type_name(const RType *t)
{
    return t ? rtype_str(t)->s : "?";
}

static void report(Marker *m, Span *s, uint32_t i)
{
    CheckMark *c = m->check;
    const RType *t = s->noscan ? NULL : rtype_by_id(s->tids[i]);
    if (c->misses++ >= 10) {
        return;
    }
    fprintf(stderr, "runtime: marking missed object %p of type %s, %zu bytes%s%s\n",
            (void *)span_object(s, i), s->noscan ? "(no pointers)" : type_name(t),
            span_object_size(s), bit_get(s->alloc, i) ? "" : ", not allocated",
            s->where == SPAN_CACHED ? ", in a cache" : "");
    if (c->owner) {
        fprintf(stderr, "\tmet in object %p of type %s at offset %td%s\n", (void *)c->owner,
                type_name(c->type), c->at ? c->at - c->owner : 0,
                mark_is_marked(c->owner) ? "" : ", itself missed");
    } else {
        fprintf(stderr, "\tmet in a root: %s\n", c->root);
    }
}

bool check_mark(Marker *m, Span *s, uint32_t i)
{
    size_t at = ((uintptr_t)span_object(s, i) - pages_base) / 8;
    uint64_t bit = 1ull << (at & 63);
    uint64_t *w = &m->check->bits[at / 64];
    if (*w & bit) {
        return false;
    }
    *w |= bit;
    m->objects++;
    if (m->check->quiet) {
        return true;
    }
    if (!bit_get(s->mark, i) || !bit_get(s->alloc, i)) {
        report(m, s, i);
    }
    return true;
}

static void check_roots(Heap *h, Marker *m)
{
    CheckMark *c = m->check;
    uint32_t jobs = h->hooks->root_jobs ? h->hooks->root_jobs(h) : 1;
    for (uint32_t i = 0; i < jobs; i++) {
        c->root = "a goroutine, timer or package variable";
        h->hooks->scan_roots(h, m, i);
        mark_drain(m, UINT64_MAX / 2);
        c->owner = c->at = NULL;
    }
    c->root = "a C root";
    for (HeapRoot *r = h->roots; r; r = r->next) {
        mark_ptr(m, r->ptr);
    }
    mark_drain(m, UINT64_MAX / 2);
    c->owner = c->at = NULL;
    c->root = "a finalizer";
    finalizer_mark_begin(h);
    while (finalizer_mark_step(h, m)) {
    }
    mark_drain(m, UINT64_MAX / 2);
}

bool check_run(Heap *h)
{
    CheckMark c = {.bytes = pages_reserved_top() / 64 + 64};
    c.bits = os_map(c.bytes);
    if (!c.bits) {
        return true;
    }
    Marker m;
    mark_init(&m, h);
    m.check = &c;
    check_roots(h, &m);
    mark_publish(&m);
    os_unmap(c.bits, c.bytes);
    if (c.misses) {
        fprintf(stderr, "runtime: marking missed %u of %llu objects in cycle %u\n", c.misses,
                (unsigned long long)m.objects, h->mark_cycle);
    }
    return c.misses == 0;
}
