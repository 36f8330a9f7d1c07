/* pacer.c - when a cycle begins, and how much marking an allocation owes. A feedback controller.
 *
 * After M. Knyszek's redesign of Go's pacer (proposal 44167). The goal is what was found alive,
 * plus GOGC percent of that, of stacks and of package variables, at least 4 MB * GOGC/100; a soft
 * limit (GOMEMLIMIT) lowers it, but not below a sixteenth above what was alive, so that a program
 * at its limit still makes progress.
 *
 * Trigger. Each cycle measures the cons/mark ratio: bytes allocated per CPU time that was not
 * spent marking, over bytes scanned per CPU time that was. The mean of the last four, times what the
 * next marking will scan, at the share of CPU that marking had (a quarter at least), is the runway:
 * the bytes that will be allocated while it lasts. A cycle begins that far before the goal, within
 * 0.7 and 0.95 of the way from the marked heap to it.
 *
 * Assists. While marking, each byte allocated owes (scan work left) / (bytes left to the goal).
 * Work that idle Ps and workers do is credit, which debts draw on first; so assists mark only when
 * the others cannot keep up. The work expected is that of the cycle before, or half of all that is
 * there, whichever is more; once either it or the goal has been passed, it is all there is, to be
 * done by 1.1 times the goal.
 *
 * Units. `live` is charged - freed, exact while marking since everything is swept then. The trigger
 * is stored in terms of Heap.charged, which only grows, so the test on allocation is one compare.
 */
#include "runtime/span.h"

static uint64_t load64(_Atomic uint64_t *x) { return atomic_load_explicit(x, memory_order_relaxed); }

static uint64_t live_bytes(Heap *h) { return load64(&h->charged) - load64(&h->freed); }

uint64_t pacer_goal(Heap *h, uint64_t marked)
{
    uint64_t goal = UINT64_MAX;
    if (h->gc_percent >= 0) {
        uint64_t percent = (uint64_t)h->gc_percent;
        uint64_t least = h->min_goal / 100 * percent;
        uint64_t base = marked + h->stats.stack_bytes + h->stats.global_bytes;
        goal = marked + (uint64_t)((double)base / 100 * (double)percent);
        goal = goal < least ? least : goal;
    }
    if (h->soft_limit != INT64_MAX) {
        uint64_t meta = load64(&h->meta_bytes) + h->stats.stack_bytes;
        uint64_t limit = (uint64_t)h->soft_limit;
        uint64_t soft = limit > meta ? limit - meta : 0;
        uint64_t least = marked + marked / 16 + (256 << 10);
        soft = soft < least ? least : soft;
        goal = goal < soft ? goal : soft;
    }
    if (h->hard_limit && goal > h->hard_limit) {
        uint64_t least = marked + marked / 16 + (64 << 10);
        goal = h->hard_limit > least ? h->hard_limit : least;
    }
    return goal;
}

static double cons_mark(const Pacer *c)
{
    uint32_t n = c->ncons < 4 ? c->ncons : 4;
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += c->cons_mark[i];
    }
    return n ? sum / n : 0;
}

/* Bytes from the marked heap to the point where the next cycle should begin. */
static uint64_t distance(Heap *h, uint64_t marked, double share)
{
    uint64_t way = h->goal > marked ? h->goal - marked : 0;
    double runway = cons_mark(&h->pacer) * (1 - share) / share * (double)h->pacer.last_scan;
    double low = 0.7 * (double)way, high = 0.95 * (double)way;
    double at = (double)way - runway;
    at = at < low ? low : at > high ? high : at;
    return way == UINT64_MAX ? way : (uint64_t)at;
}

static void set_trigger(Heap *h, uint64_t live, uint64_t distance_left)
{
    uint64_t charged = load64(&h->charged);
    uint64_t trigger = distance_left > UINT64_MAX - charged ? UINT64_MAX : charged + distance_left;
    atomic_store_explicit(&h->trigger, trigger, memory_order_relaxed);
    double room = (double)distance_left * 0.8;
    room = room < (256 << 10) ? 256 << 10 : room;
    h->sweep_ratio = (double)load64(&h->unswept_spans) / room;
}

/* Between collections `charged` holds what came since the last one: keep that counted. */
void pacer_set(Heap *h)
{
    uint64_t marked = h->stats.marked_bytes, live = live_bytes(h);
    h->goal = pacer_goal(h, marked);
    uint64_t at = marked + distance(h, marked, 0.25);
    if (h->goal == UINT64_MAX) {
        at = UINT64_MAX;
    }
    set_trigger(h, live, at > live ? at - live : 0);
}

void pacer_begin(Heap *h)
{
    Pacer *c = &h->pacer;
    uint64_t fresh = load64(&h->charged_scan) - h->charged_scan_base;
    c->trigger_live = live_bytes(h);
    c->scan_most = c->last_scan + fresh + 1;
    c->scan_expected = c->last_scan > c->scan_most / 2 ? c->last_scan : c->scan_most / 2;
    c->began_ns = gc_clock();
    atomic_store_explicit(&c->credit, 0, memory_order_relaxed);
    atomic_store_explicit(&c->scanned, 0, memory_order_relaxed);
    for (unsigned i = 0; i < GC_WORK_KINDS; i++) {
        atomic_store_explicit(&c->work_ns[i], 0, memory_order_relaxed);
    }
}

int64_t pacer_debt(Heap *h, uint64_t bytes)
{
    const Pacer *c = &h->pacer;
    uint64_t live = live_bytes(h), done = load64(&h->pacer.scanned);
    double goal = (double)h->goal, expected = (double)c->scan_expected;
    if ((double)live >= goal || (double)done >= expected) {
        goal *= 1.1;
        expected = (double)c->scan_most;
    }
    double work = expected - (double)done, room = goal - (double)live;
    work = work < 1024 ? 1024 : work;
    room = room < (double)bytes ? (double)bytes : room;
    return (int64_t)((double)bytes * work / room);
}

/* The share of all Ps' time that marking by others than assists had; learns the ratio. */
static double learn(Heap *h, uint64_t allocated)
{
    Pacer *c = &h->pacer;
    uint32_t procs = h->hooks->num_procs ? h->hooks->num_procs(h) : 1;
    double all = (double)(gc_clock() - c->began_ns) * procs + 1;
    double marking = 0, others;
    for (unsigned i = 0; i < GC_WORK_KINDS; i++) {
        marking += (double)load64(&c->work_ns[i]);
    }
    others = marking - (double)load64(&c->work_ns[GC_ASSIST]);
    double mutating = all - marking, scanned = (double)load64(&c->scanned);
    if (mutating > 0 && marking > 0 && scanned > 0) {
        c->cons_mark[c->ncons++ % 4] = (double)allocated / mutating / (scanned / marking);
        c->ncons = c->ncons == 8 ? 4 : c->ncons;
    }
    double share = others / all;
    return share < 0.25 ? 0.25 : share > 0.9 ? 0.9 : share;
}

void pacer_end(Heap *h)
{
    Pacer *c = &h->pacer;
    uint64_t live = live_bytes(h);
    uint64_t allocated = load64(&h->charged) - h->charged_at_mark;
    uint64_t marked = load64(&h->marked_bytes) + allocated;
    double share = learn(h, allocated);
    c->overshoot = h->goal && live > h->goal ? (live - h->goal) * 1000 / h->goal : 0;
    c->last_scan = load64(&c->scanned);
    h->charged_scan_base = load64(&h->charged_scan);
    h->stats.marked_bytes = marked;
    h->stats.scan_bytes = c->last_scan;
    h->goal = pacer_goal(h, marked);
    set_trigger(h, live, h->goal == UINT64_MAX ? UINT64_MAX : distance(h, marked, share));
}
