/* gctrace.c - GODEBUG=gctrace=1: a line for each cycle, in Go's format.
 *
 *     gc # @#s #%: #+#+# ms clock, #+#/#/#+# ms cpu, #->#-># MB, # MB goal, # MB stacks,
 *     # MB globals, # P
 *
 * Clock: pause to begin, concurrent marking, pause to end. CPU: the pauses times the Ps, and of
 * marking assists / workers / idle Ps. Heap: at begin, at end of marking, alive. Written by the P
 * that ended the cycle, after the pause.
 */
#include "runtime/span.h"

#include <stdio.h>

static unsigned long long mb(uint64_t bytes) { return bytes >> 20; }

void gc_trace_cycle(Heap *h)
{
    const HeapStats *s = &h->stats;
    uint32_t procs = h->hooks->num_procs ? h->hooks->num_procs(h) : 1;
    uint64_t now = gc_clock();
    double ms = 1e-6, up = (double)(now - h->start_ns) * procs;
    double percent = 100.0 * ((double)s->gc_cpu_ns + (double)s->pause_total_ns * procs) / (up + 1);
    const uint64_t *stop = h->stop_ns;
    fprintf(stderr,
            "gc %llu @%.3fs %d%%: %.2g+%.2g+%.2g ms clock, %.2g+%.2g/%.2g/%.2g+%.2g ms cpu, "
            "%llu->%llu->%llu MB, %llu MB goal, %llu MB stacks, %llu MB globals, %u P%s\n",
            (unsigned long long)s->num_gc, (double)(h->mark_start_ns - h->start_ns) * 1e-9,
            (int)percent, (double)stop[0] * ms, (double)h->trace_mark_ns * ms, (double)stop[1] * ms,
            (double)stop[0] * procs * ms, (double)atomic_load(&h->pacer.work_ns[GC_ASSIST]) * ms,
            (double)atomic_load(&h->pacer.work_ns[GC_WORKER]) * ms,
            (double)atomic_load(&h->pacer.work_ns[GC_IDLE]) * ms, (double)stop[1] * procs * ms,
            mb(h->trace_before), mb(h->trace_at_mark), mb(s->marked_bytes), mb(h->trace_goal),
            mb(s->stack_bytes), mb(s->global_bytes), procs, h->cycle_forced ? " (forced)" : "");
}
