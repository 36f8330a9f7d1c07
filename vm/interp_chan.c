/* interp_chan.c - handlers of channels and select.
 *
 * The fast path of each is a word that goes into the ring or out of it while nobody waits, without
 * a C call (interp.h). Everything else is chan.c's and select.c's, called from a slow handler with
 * the fiber's state saved, pc past the instruction: who parks finds its operation complete when it
 * runs again. The operands a waiter needs stay reachable by its Waiter (fiber_wait_roots).
 *
 * A select with one case and a default is no select: TRY_SEND and TRY_RECV jump to the default. They
 * look at the channel without its lock first. A receive reads the count, then the waiting senders,
 * then `closed`; since a channel stays closed, "empty, and not closed later" was true at the moment
 * of the first look (and the same for a send).
 */
#include "runtime/select.h"

#include "vm/interp.h"
#include "vm/panic.h"
#include "vm/vm.h"

#include <stdlib.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* --- channels --- */

COLD_HANDLER(cold_send_closed)
{
    panic_plain(p, "send on closed channel");
    COLD(cold_panic_set);
}

typedef enum MakeChan { MAKE_DONE, MAKE_PANIC, MAKE_NO_MEMORY } MakeChan;

static inline MakeChan make_chan(P *p, const Insn *pc, Slot *fp)
{
    const char *err = NULL;
    Chan *c = chan_new(p, EXT_TYPE(0), RB.i, &err);
    if (UNLIKELY(c == NULL)) {
        if (err == NULL) {
            return MAKE_NO_MEMORY;
        }
        panic_plain(p, "%s", err);
        return MAKE_PANIC;
    }
    RA.p = c;
    return MAKE_DONE;
}

HANDLER(CHAN_NEW)
{
    MakeChan made = make_chan(p, pc, fp);
    if (UNLIKELY(made == MAKE_NO_MEMORY)) {
        COLD(cold_no_memory);
    }
    if (UNLIKELY(made == MAKE_PANIC)) {
        COLD(cold_panic_set);
    }
    NEXT(2);
}

/* Whether it could be done now, peeked at without the lock; see chan.h for what the answers mean. */
static inline bool not_sendable(const Chan *c)
{
    return atomic_load_explicit(&c->count, memory_order_acquire) >= c->cap &&
           !atomic_load_explicit(&c->receivers.first, memory_order_acquire) &&
           !atomic_load_explicit(&c->closed, memory_order_acquire);
}

static inline bool not_receivable(const Chan *c)
{
    return atomic_load_explicit(&c->count, memory_order_acquire) == 0 &&
           !atomic_load_explicit(&c->senders.first, memory_order_acquire) &&
           !atomic_load_explicit(&c->closed, memory_order_acquire);
}

/* A word into or out of the ring, when nobody waits: what most channel operations are. No calls in
 * here, the handlers have to stay leaves. False: take the slow path. */
static ALWAYS_INLINE bool put_word(P *p, Chan *c, Slot v)
{
    if (UNLIKELY(c == NULL || c->form != ELEM_WORD || p->cache.barrier_on)) {
        return false;
    }
    mem_follow(c);
    if (!p->solo && !lock_try(&c->lock)) {
        return false;
    }
    uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);
    bool can = n < c->cap && !atomic_load_explicit(&c->receivers.first, memory_order_relaxed) &&
               !atomic_load_explicit(&c->closed, memory_order_relaxed);
    if (LIKELY(can)) {
        memcpy(c->buf + (size_t)c->tail * 8, &v, 8);
        c->tail = chan_next_index(c, c->tail);
        atomic_store_explicit(&c->count, n + 1, memory_order_relaxed);
    }
    chan_unlock(p, c);
    return can;
}

static ALWAYS_INLINE bool take_word(P *p, Chan *c, Slot *dst)
{
    if (UNLIKELY(c == NULL || c->form != ELEM_WORD || p->cache.barrier_on)) {
        return false;
    }
    mem_follow(c);
    if (!p->solo && !lock_try(&c->lock)) {
        return false;
    }
    uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);
    bool can = n != 0 && !atomic_load_explicit(&c->senders.first, memory_order_relaxed);
    if (LIKELY(can)) {
        uint8_t *e = c->buf + (size_t)c->head * 8;
        memcpy(dst, e, 8);
        memset(e, 0, 8);
        c->head = chan_next_index(c, c->head);
        atomic_store_explicit(&c->count, n - 1, memory_order_relaxed);
    }
    chan_unlock(p, c);
    return can;
}

SLOW_HANDLER(slow_send)
{
    Fiber *f = p->fiber;
    interp_save(f, pc + 2, fp);
    ChanStatus s = chan_send_slow(p, f, RA.p, &RB, true);
    if (s == CHAN_PARKED) {
        COLD(interp_switch);
    }
    if (UNLIKELY(s == CHAN_CLOSED)) {
        COLD(cold_send_closed);
    }
    NEXT(2);
}

HANDLER(SEND)
{
    if (LIKELY(put_word(p, RA.p, RB))) {
        NEXT(2);
    }
    COLD(slow_send);
}

SLOW_HANDLER(slow_recv)
{
    Fiber *f = p->fiber;
    interp_save(f, pc + 2, fp);
    if (chan_recv_slow(p, f, RB.p, &RA, NULL, true) == CHAN_PARKED) {
        COLD(interp_switch);
    }
    NEXT(2);
}

HANDLER(RECV)
{
    if (LIKELY(take_word(p, RB.p, &RA))) {
        NEXT(2);
    }
    COLD(slow_recv);
}

SLOW_HANDLER(slow_recv2)
{
    Fiber *f = p->fiber;
    interp_save(f, pc + 2, fp);
    if (chan_recv_slow(p, f, RB.p, &RA, &RC, true) == CHAN_PARKED) {
        COLD(interp_switch);
    }
    NEXT(2);
}

HANDLER(RECV2)
{
    if (LIKELY(take_word(p, RB.p, &RA))) {
        RC.u = 1;
        NEXT(2);
    }
    COLD(slow_recv2);
}

/* One case and a default. TRY_RECV's ext: slots | slot of ok << 16, 0xffff: not wanted. */
SLOW_HANDLER(slow_try_send)
{
    ChanStatus s = chan_try_send(p, RA.p, &RB);
    if (s == CHAN_WOULD_BLOCK) {
        TAKE(2 + (int16_t)pc->c);
    }
    if (UNLIKELY(s == CHAN_CLOSED)) {
        COLD(cold_send_closed);
    }
    NEXT(2);
}

HANDLER(TRY_SEND)
{
    Chan *c = RA.p;
    if (c == NULL || not_sendable(c)) {
        TAKE(2 + (int16_t)pc->c);
    }
    if (LIKELY(put_word(p, c, RB))) {
        NEXT(2);
    }
    COLD(slow_try_send);
}

SLOW_HANDLER(slow_try_recv)
{
    uint64_t okslot = (uint64_t)EXT_I(0) >> 16;
    if (chan_try_recv(p, RB.p, &RA, okslot == 0xffff ? NULL : &fp[okslot]) == CHAN_WOULD_BLOCK) {
        TAKE(2 + (int16_t)pc->c);
    }
    NEXT(2);
}

HANDLER(TRY_RECV)
{
    Chan *c = RB.p;
    if (c == NULL || not_receivable(c)) {
        TAKE(2 + (int16_t)pc->c);
    }
    if (LIKELY(take_word(p, c, &RA))) {
        uint64_t okslot = (uint64_t)EXT_I(0) >> 16;
        if (okslot != 0xffff) {
            fp[okslot].u = 1;
        }
        NEXT(2);
    }
    COLD(slow_try_recv);
}

COLD_HANDLER(cold_close)
{
    panic_plain(p, RA.p ? "close of closed channel" : "close of nil channel");
    COLD(cold_panic_set);
}

HANDLER(CLOSE)
{
    if (UNLIKELY(chan_close(p, RA.p) != CHAN_DONE)) {
        COLD(cold_close);
    }
    NEXT(1);
}

HANDLER(CHAN_LEN)
{
    RA.i = chan_len(RB.p);
    NEXT(1);
}

HANDLER(CHAN_CAP)
{
    RA.i = chan_cap(RB.p);
    NEXT(1);
}

/* The cases of a SELECT as the runtime wants them. */
static void select_fill(const Insn *pc, Slot *fp, SelectCase *out)
{
    for (uint32_t i = 0; i < pc->c; i++) {
        CaseWord w;
        memcpy(&w, pc + 1 + i, sizeof w);
        out[i].chan = fp[w.chan].p;
        out[i].val = w.value == 0xffff ? NULL : &fp[w.value];
        out[i].dir = w.send ? SELECT_SEND : SELECT_RECV;
    }
}

/* CHAN_WOULD_BLOCK stands for: no memory. */
static __attribute__((noinline)) ChanStatus select_go(P *p, const Insn *pc, Slot *fp)
{
    SelectCase few[SELECT_INLINE] = {{NULL, NULL, 0}}, *cases = few;
    if (pc->c > SELECT_INLINE) {
        cases = malloc(pc->c * sizeof *cases);
        if (cases == NULL) {
            return CHAN_WOULD_BLOCK;
        }
    }
    select_fill(pc, fp, cases);
    ChanStatus s = select_run(p, p->fiber, cases, pc->c, pc->b & 1, &RA);
    if (cases != few) {
        free(cases);
    }
    return s;
}

HANDLER(SELECT)
{
    interp_save(p->fiber, pc + 1 + pc->c, fp);
    ChanStatus s = select_go(p, pc, fp);
    if (LIKELY(s == CHAN_DONE)) {
        NEXT(1 + pc->c);
    }
    if (s == CHAN_PARKED) {
        COLD(interp_switch);
    }
    if (s == CHAN_WOULD_BLOCK) {
        COLD(cold_no_memory);
    }
    COLD(cold_send_closed);
}
