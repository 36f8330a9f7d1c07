/* finalizer.c - finalizers, cleanups, weak handles. Semantics in finalizer.h.
 *
 * A Special hangs on its object's span (Span.specials), outside the script heap; the heap lists the
 * spans that have any. Under Heap.lock. Nothing is allocated from the script heap under the lock.
 *
 * What keeps what alive: a finalizer keeps its function and everything its object reaches, so that
 * of a chain of finalizable objects the outermost goes first and a cycle through its own object is
 * never finalized, as in Go. A cleanup keeps function and argument (not the object). A weak handle
 * is kept while its object lives, so that equal pointers give equal handles.
 *
 * When. Marking treats all that as roots. A dead object's specials are acted on when its span is
 * about to be swept (finalizer_look_at), or before, when somebody asks a weak handle: no pause pays
 * for them. Span.special_gen says that it has been done in this sweep. Whoever attaches a special
 * holds its object, so the object lives and there is nothing to look at for it.
 *
 * While marking, a weak pointer made strong and a call taken off the queue are shaded: they may come
 * from nowhere else.
 */
#include "runtime/finalizer.h"

#include "runtime/barrier.h"
#include "runtime/iface.h"
#include "runtime/mark.h"
#include "runtime/rtypes.h"
#include "runtime/span.h"

#include <assert.h>
#include <stdlib.h>

typedef enum SpecialKind { SPECIAL_FINALIZER, SPECIAL_CLEANUP, SPECIAL_WEAK } SpecialKind;

typedef struct Special {
    struct Special *next;
    SpecialKind kind;
    uint8_t *obj;      /* the object's start */
    uint8_t *ptr;      /* what was given: weak handles, cleanups */
    const void *fn;
    const RType *arg_type;
    Iface arg;
    uint64_t id;
    WeakHandle *handle;
} Special;

static Special **find(Span *s, SpecialKind kind, const uint8_t *obj)
{
    Special **at = &s->specials;
    while (*at && !((*at)->kind == kind && (*at)->obj == obj)) {
        at = &(*at)->next;
    }
    return at;
}

static void enqueue(Heap *h, Special *sp)
{
    sp->next = NULL;
    *h->ready_tail = sp;
    h->ready_tail = &sp->next;
}

/* Clears the weak handles of obj. */
static void clear_weak(Span *s, const uint8_t *obj)
{
    for (Special **at = &s->specials; *at;) {
        Special *sp = *at;
        if (sp->kind == SPECIAL_WEAK && sp->obj == obj) {
            mem_store64(&sp->handle->hidden, 0);
            *at = sp->next;
            free(sp);
        } else {
            at = &sp->next;
        }
    }
}

/* A dead object with a finalizer lives on until the finalizer has run; what it reaches was marked. */
static void queue_finalizers(Heap *h, Span *s)
{
    for (Special **at = &s->specials; *at;) {
        Special *sp = *at;
        if (sp->kind != SPECIAL_FINALIZER || mark_is_marked(sp->obj)) {
            at = &sp->next;
            continue;
        }
        *at = sp->next;
        enqueue(h, sp);
        clear_weak(s, sp->obj);
        bit_set_shared(s->mark, span_index(s, sp->obj));
        at = &s->specials;
    }
}

static void drop_dead(Heap *h, Span *s)
{
    for (Special **at = &s->specials; *at;) {
        Special *sp = *at;
        if (mark_is_marked(sp->obj)) {
            at = &sp->next;
            continue;
        }
        *at = sp->next;
        if (sp->kind == SPECIAL_WEAK) {
            mem_store64(&sp->handle->hidden, 0);
            free(sp);
        } else {
            sp->obj = NULL;
            enqueue(h, sp);
        }
    }
}

static void unlist(Heap *h, Span *s)
{
    if (s->special_prev) {
        s->special_prev->special_next = s->special_next;
    } else {
        h->special_spans = s->special_next;
    }
    if (s->special_next) {
        s->special_next->special_prev = s->special_prev;
    }
    s->special_next = s->special_prev = NULL;
    __atomic_store_n(&s->has_specials, false, __ATOMIC_RELAXED);
}

/* Under Heap.lock. The mark bits of s are those of the cycle that ended last: s is not swept yet,
 * or this was done already. */
static void look_at(Heap *h, Span *s)
{
    if (s->special_gen != h->sweepgen) {
        s->special_gen = h->sweepgen;
        queue_finalizers(h, s);
        drop_dead(h, s);
    }
}

void finalizer_look_at(Heap *h, Span *s)
{
    pthread_mutex_lock(&h->lock);
    if (s->has_specials) {
        look_at(h, s);
        if (s->specials == NULL) {
            unlist(h, s);
        }
    }
    bool ready = h->ready != NULL;
    pthread_mutex_unlock(&h->lock);
    if (ready) {
        atomic_store_explicit(&h->calls_ready, 1, memory_order_relaxed);
    }
}

static void attach(Heap *h, Span *s, Special *sp)
{
    if (s->has_specials) {
        look_at(h, s);
    } else {
        __atomic_store_n(&s->has_specials, true, __ATOMIC_RELAXED);
        s->special_gen = h->sweepgen;
        s->special_prev = NULL;
        s->special_next = h->special_spans;
        if (s->special_next) {
            s->special_next->special_prev = s;
        }
        h->special_spans = s;
    }
    sp->next = s->specials;
    s->specials = sp;
}

/* The span and object of ptr; NULL if it is not in this P's heap. */
static Span *locate(struct P *p, const void *ptr, uint8_t **obj)
{
    Span *s = pages_span(ptr);
    if (!s || s->heap != heap_cache(p)->heap || span_index(s, ptr) >= s->nobj) {
        return NULL;
    }
    *obj = span_object(s, span_index(s, ptr));
    return s;
}

FinalizerStatus finalizer_set(struct P *p, void *obj, const void *fn, const RType *arg_type)
{
    Heap *h = heap_cache(p)->heap;
    uint8_t *base;
    Span *s = locate(p, obj, &base);
    if (!s) {
        return FINALIZER_NOT_HEAP;
    }
    if (base != obj) {
        return FINALIZER_NOT_START;
    }
    Special *fresh = fn ? calloc(1, sizeof(*fresh)) : NULL;
    if (fn && !fresh) {
        return FINALIZER_NO_MEMORY;
    }
    FinalizerStatus status = FINALIZER_OK;
    pthread_mutex_lock(&h->lock);
    Special **at = find(s, SPECIAL_FINALIZER, base);
    Special *old = *at;
    if (!fn && old) {
        *at = old->next;
    } else if (fn && old) {
        status = FINALIZER_TWICE;
        old = fresh;
    } else if (fn) {
        *fresh = (Special){.kind = SPECIAL_FINALIZER, .obj = base, .ptr = base, .fn = fn,
                           .arg_type = arg_type};
        attach(h, s, fresh);
    }
    pthread_mutex_unlock(&h->lock);
    free(old);
    return status;
}

FinalizerStatus cleanup_add(struct P *p, void *ptr, const void *fn, Iface arg, uint64_t *id)
{
    Heap *h = heap_cache(p)->heap;
    uint8_t *base;
    Span *s = locate(p, ptr, &base);
    if (!s) {
        return FINALIZER_NOT_HEAP;
    }
    Special *sp = calloc(1, sizeof(*sp));
    if (!sp) {
        return FINALIZER_NO_MEMORY;
    }
    *sp = (Special){.kind = SPECIAL_CLEANUP, .obj = base, .ptr = ptr, .fn = fn, .arg = arg};
    pthread_mutex_lock(&h->lock);
    *id = sp->id = ++h->special_ids;
    attach(h, s, sp);
    pthread_mutex_unlock(&h->lock);
    return FINALIZER_OK;
}

void cleanup_stop(struct P *p, void *ptr, uint64_t id)
{
    Heap *h = heap_cache(p)->heap;
    uint8_t *base;
    Span *s = locate(p, ptr, &base);
    Special *gone = NULL;
    pthread_mutex_lock(&h->lock);
    for (Special **at = s ? &s->specials : &gone; *at; at = &(*at)->next) {
        if ((*at)->kind == SPECIAL_CLEANUP && (*at)->id == id) {
            gone = *at;
            *at = gone->next;
            break;
        }
    }
    pthread_mutex_unlock(&h->lock);
    free(gone);
}

WeakHandle *weak_handle(struct P *p, void *ptr)
{
    Heap *h = heap_cache(p)->heap;
    uint8_t *base;
    Span *s = locate(p, ptr, &base);
    if (!s) {
        return NULL;
    }
    WeakHandle *fresh = heap_alloc_noscan(p, sizeof(*fresh));
    Special *sp = calloc(1, sizeof(*sp));
    if (!fresh || !sp) {
        free(sp);
        return NULL;
    }
    pthread_mutex_lock(&h->lock);
    Special *at = s->specials;
    while (at && !(at->kind == SPECIAL_WEAK && at->ptr == ptr)) {
        at = at->next;
    }
    if (at) {
        fresh = at->handle;
    } else {
        mem_store64(&fresh->hidden, (uintptr_t)ptr);
        *sp = (Special){.kind = SPECIAL_WEAK, .obj = base, .ptr = ptr, .handle = fresh};
        attach(h, s, sp);
        sp = NULL;
    }
    pthread_mutex_unlock(&h->lock);
    free(sp);
    return fresh;
}

static void mark_call(Marker *m, const Special *sp)
{
    mark_ptr(m, sp->fn);
    mark_iface(m, sp->arg.type, sp->arg.word.p);
}

static void mark_specials(Marker *m, const Span *s)
{
    for (const Special *sp = s->specials; sp; sp = sp->next) {
        if (sp->kind == SPECIAL_FINALIZER) {
            mark_object_contents(m, sp->obj);
        }
        mark_call(m, sp);
        mark_ptr(m, sp->handle);
    }
}

void finalizer_mark_begin(Heap *h)
{
    h->special_cursor = h->special_spans;
    h->ready_cursor = h->ready;
}

/* While marking the list of spans grows at its front only, and the queue loses its first entry
 * only, which moves the cursor. */
bool finalizer_mark_step(Heap *h, Marker *m)
{
    unsigned spans = 0, calls = 0;
    pthread_mutex_lock(&h->lock);
    for (; h->special_cursor && spans < 16; spans++) {
        mark_specials(m, h->special_cursor);
        h->special_cursor = h->special_cursor->special_next;
    }
    for (; h->ready_cursor && calls < 256; calls++) {
        mark_ptr(m, h->ready_cursor->obj);
        mark_call(m, h->ready_cursor);
        h->ready_cursor = h->ready_cursor->next;
    }
    bool more = h->special_cursor || h->ready_cursor;
    pthread_mutex_unlock(&h->lock);
    return more;
}

void *weak_get(struct P *p, const WeakHandle *handle)
{
    if (!handle) {
        return NULL;
    }
    Heap *h = heap_cache(p)->heap;
    uint8_t *ptr = mem_loadp(&handle->hidden);
    if (ptr && atomic_load_explicit(&h->unswept_spans, memory_order_acquire) != 0) {
        Span *s = pages_span(ptr);
        pthread_mutex_lock(&h->lock);
        /* cleared meanwhile: then the address may be another object's, or nobody's, by now */
        ptr = mem_loadp(&handle->hidden);
        if (ptr && s->has_specials) {
            look_at(h, s);
            ptr = mem_loadp(&handle->hidden);
        }
        pthread_mutex_unlock(&h->lock);
    }
    heap_shade_root(p, ptr);
    return ptr;
}

bool finalizer_take(struct P *p, FinalizerCall *call)
{
    Heap *h = heap_cache(p)->heap;
    pthread_mutex_lock(&h->lock);
    Special *sp = h->ready;
    if (sp) {
        h->ready = sp->next;
        if (h->ready_cursor == sp) {
            h->ready_cursor = sp->next;
        }
        if (!h->ready) {
            h->ready_tail = &h->ready;
        }
    }
    pthread_mutex_unlock(&h->lock);
    if (!sp) {
        return false;
    }
    heap_shade_root(p, sp->obj);
    heap_shade_root(p, sp->fn);
    heap_shade_root(p, rtype_word_is_ptr(sp->arg.type) ? sp->arg.word.p : NULL);
    *call = (FinalizerCall){sp->fn, sp->arg_type, sp->obj, sp->arg, sp->kind == SPECIAL_CLEANUP};
    free(sp);
    return true;
}

static void free_specials(Special *sp)
{
    while (sp) {
        Special *next = sp->next;
        free(sp);
        sp = next;
    }
}

void finalizer_free_all(Heap *h)
{
    for (Span *s = h->special_spans; s; s = s->special_next) {
        free_specials(s->specials);
        s->specials = NULL;
    }
    h->special_spans = NULL;
    free_specials(h->ready);
    h->ready = NULL;
    h->ready_tail = &h->ready;
}
