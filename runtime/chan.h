/* chan.h - channels with Go's semantics.
 *
 * A Chan lies on the script heap. Its ring holds elements in memory form; a value in a frame is in
 * frame form (value.h), `form` tells how to convert. Everything but the constant fields is
 * protected by `lock` (skipped on one P); fields that select and len() peek at without it are
 * relaxed atomics. Invariants: if the ring holds something no receiver waits; if it has room (or
 * a receiver waits) no sender waits, but for a select's stale waiters (claim already taken).
 *
 * Waiters are FIFO. A sender that finds a waiting receiver writes straight into the receiver's
 * frame, which stands still while it is parked; a receiver takes straight from a sender's frame.
 * The waker thus completes the whole operation: value, ok, chosen case.
 */
#ifndef GOL_RUNTIME_CHAN_H
#define GOL_RUNTIME_CHAN_H

#include <string.h>

#include "runtime/rtype.h"
#include "runtime/sched.h"

typedef enum ChanStatus {
    CHAN_DONE,       /* complete */
    CHAN_PARKED,     /* the fiber is parked: sched_next; the waker completes the operation */
    CHAN_CLOSED,     /* panic: "send on closed channel", or "close of closed channel" */
    CHAN_NIL,        /* close: panic "close of nil channel" */
    CHAN_WOULD_BLOCK /* try forms only */
} ChanStatus;

/* How an element stands in a frame against memory. */
typedef enum ElemForm {
    ELEM_ZERO,  /* no bytes, no slot */
    ELEM_WORD,  /* 8 bytes, one slot */
    ELEM_CELL,  /* 16 bytes, two slots */
    ELEM_I8, ELEM_I16, ELEM_I32, ELEM_U8, ELEM_U16, ELEM_U32, /* float32 is U32 */
    ELEM_BYTES  /* struct, array: size bytes, rounded up to slots */
} ElemForm;

typedef struct WaitQueue {
    Waiter *_Atomic first; /* relaxed: peeked without the lock */
    Waiter *last;
} WaitQueue;

typedef struct Chan {
    uint8_t *buf;            /* ring of cap elements (memory form), NULL if cap or elem_size is 0;
                                constant */
    const RType *elem;       /* constant */
    SpinLock lock;
    uint8_t form;            /* ElemForm; constant */
    uint8_t is_timer;        /* a timer's channel: len and cap are 0 for scripts; constant */
    _Atomic uint8_t closed;
    uint8_t unused;
    uint32_t elem_size;      /* bytes; constant */
    uint32_t cap;            /* constant */
    _Atomic uint32_t count;  /* elements in the ring */
    uint32_t head;           /* next to receive */
    uint32_t tail;           /* next to fill */
    uint32_t unused2;
    uint64_t id;             /* lock order of select; constant */
    WaitQueue receivers, senders;
} Chan;

ElemForm elem_form(const RType *t);

/* t is the channel type. NULL with *err set to Go's panic text ("makechan: size out of range"), or
 * *err NULL when the heap is exhausted (a fatal error is pending). */
Chan *chan_new(P *p, const RType *t, int64_t cap, const char **err);

/* Makes a channel of zeroed heap memory whose ring, if any, is part of the same object. The caller
 * publishes it (mem_publish). */
void chan_init(P *p, Chan *c, const RType *elem, uint32_t cap, void *ring);

/* Slow halves; use the inline functions below. */
ChanStatus chan_send_slow(P *p, Fiber *f, Chan *c, const Slot *val, bool can_park);
ChanStatus chan_recv_slow(P *p, Fiber *f, Chan *c, Slot *dst, Slot *ok, bool can_park);

/* close(c): DONE, CLOSED, NIL. */
ChanStatus chan_close(P *p, Chan *c);

int64_t chan_len(Chan *c); /* nil: 0 */
int64_t chan_cap(Chan *c);

static inline void chan_lock(P *p, Chan *c)
{
    mem_follow(c);
    if (!p->solo) {
        lock_acquire(&c->lock);
    }
}
static inline void chan_unlock(P *p, Chan *c)
{
    if (!p->solo) {
        lock_release(&c->lock);
    }
}

/* Frame form to memory form. */
static inline void elem_store(ElemForm form, uint32_t size, void *mem, const Slot *s)
{
    switch (form) {
    case ELEM_ZERO: return;
    case ELEM_WORD: memcpy(mem, s, 8); return;
    case ELEM_CELL: memcpy(mem, s, 16); return;
    case ELEM_I8: case ELEM_U8: *(uint8_t *)mem = (uint8_t)s->u; return;
    case ELEM_I16: case ELEM_U16: *(uint16_t *)mem = (uint16_t)s->u; return;
    case ELEM_I32: case ELEM_U32: *(uint32_t *)mem = (uint32_t)s->u; return;
    case ELEM_BYTES: memcpy(mem, s, size); return;
    }
}

/* Memory form to frame form. */
static inline void elem_load(ElemForm form, uint32_t size, Slot *s, const void *mem)
{
    switch (form) {
    case ELEM_ZERO: return;
    case ELEM_WORD: memcpy(s, mem, 8); return;
    case ELEM_CELL: memcpy(s, mem, 16); return;
    case ELEM_I8: s->i = *(const int8_t *)mem; return;
    case ELEM_I16: s->i = *(const int16_t *)mem; return;
    case ELEM_I32: s->i = *(const int32_t *)mem; return;
    case ELEM_U8: s->u = *(const uint8_t *)mem; return;
    case ELEM_U16: s->u = *(const uint16_t *)mem; return;
    case ELEM_U32: s->u = *(const uint32_t *)mem; return;
    case ELEM_BYTES: memcpy(s, mem, size); return;
    }
}

static inline uint32_t chan_next_index(const Chan *c, uint32_t i)
{
    return i + 1 == c->cap ? 0 : i + 1;
}

/* c <- val. f is the running fiber, saved. val must stand in f's stack (f may park).
 * DONE, PARKED (nil channels too), CLOSED. */
static inline ChanStatus chan_send(P *p, Fiber *f, Chan *c, const Slot *val)
{
    mem_follow(c);
    if (__builtin_expect(c != NULL && c->form == ELEM_WORD && c->cap != 0, 1)) {
        chan_lock(p, c);
        uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);
        if (__builtin_expect(
                n < c->cap && !p->cache.barrier_on &&
                    !atomic_load_explicit(&c->receivers.first, memory_order_relaxed) &&
                    !atomic_load_explicit(&c->closed, memory_order_relaxed), 1)) {
            memcpy(c->buf + (size_t)c->tail * 8, val, 8);
            c->tail = chan_next_index(c, c->tail);
            atomic_store_explicit(&c->count, n + 1, memory_order_relaxed);
            chan_unlock(p, c);
            return CHAN_DONE;
        }
        chan_unlock(p, c);
    }
    return chan_send_slow(p, f, c, val, true);
}

/* dst, ok = <-c; dst NULL discards, ok NULL: not wanted. Both stand in f's stack.
 * DONE, PARKED. */
static inline ChanStatus chan_recv(P *p, Fiber *f, Chan *c, Slot *dst, Slot *ok)
{
    mem_follow(c);
    if (__builtin_expect(c != NULL && c->form == ELEM_WORD && dst != NULL, 1)) {
        chan_lock(p, c);
        uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);
        if (__builtin_expect(
                n != 0 && !p->cache.barrier_on &&
                    !atomic_load_explicit(&c->senders.first, memory_order_relaxed), 1)) {
            uint8_t *e = c->buf + (size_t)c->head * 8;
            memcpy(dst, e, 8);
            memset(e, 0, 8);
            c->head = chan_next_index(c, c->head);
            atomic_store_explicit(&c->count, n - 1, memory_order_relaxed);
            chan_unlock(p, c);
            if (ok) {
                ok->u = 1;
            }
            return CHAN_DONE;
        }
        chan_unlock(p, c);
    }
    return chan_recv_slow(p, f, c, dst, ok, true);
}

/* Without waiting: DONE, CLOSED (send), WOULD_BLOCK. Any pointers; f may be NULL (timers, host). */
static inline ChanStatus chan_try_send(P *p, Chan *c, const Slot *val)
{
    return chan_send_slow(p, NULL, c, val, false);
}
static inline ChanStatus chan_try_recv(P *p, Chan *c, Slot *dst, Slot *ok)
{
    return chan_recv_slow(p, NULL, c, dst, ok, false);
}

/* For select.c and timer.c, all under c's lock. chan_*_ready: can it be done now? */
bool chan_send_ready(Chan *c);
bool chan_recv_ready(Chan *c);
/* Do it if possible. *wake is a fiber to be readied after the lock is released (sched_ready). */
ChanStatus chan_send_locked(P *p, Chan *c, const Slot *val, Fiber **wake);
ChanStatus chan_recv_locked(P *p, Chan *c, Slot *dst, Slot *ok, Fiber **wake);
/* Readies a fiber that an operation completed. No channel lock is held. */
void chan_wake(P *p, Fiber *f);
void waitq_push(WaitQueue *q, Waiter *w);
void waitq_remove(WaitQueue *q, Waiter *w);

#endif
