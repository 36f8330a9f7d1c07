/* metrics.c - natives of runtime/metrics: the figures of metrics.def and the histogram of pauses. */
#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/os.h"
#include "runtime/pages.h"
#include "runtime/sched.h"

static uint64_t stacks(P *p)
{
    return atomic_load_explicit(&p->vm->nslabs, memory_order_relaxed) * FIBER_SLAB;
}

static uint64_t released(const HeapStats *s)
{
    uint64_t used = s->span_bytes + pages_idle(), top = pages_reserved_top();
    return top > used ? top - used : 0;
}

static const char *const names[] = {
#define METRIC(name, value) name,
#include "stdlib/runtime/metrics/metrics.def"
#undef METRIC
};
enum { METRICS = sizeof names / sizeof names[0] };

/* func(i int) string: the name of figure i, "" behind the last one */
static NativeStatus metric_name(P *p, Slot *fp)
{
    uint64_t i = fp[2].u;
    String s = {(const uint8_t *)"", 0};
    if (i < METRICS) {
        s = (String){(const uint8_t *)names[i], (int64_t)strlen(names[i])};
    }
    slot_set_string(fp, s);
    return NATIVE_OK;
}

/* func(out []uint64) */
static NativeStatus read_figures(P *p, Slot *fp)
{
    HeapStats s;
    heap_stats(p->vm->heap, &s);
    const uint64_t values[METRICS] = {
#define METRIC(name, value) value,
#include "stdlib/runtime/metrics/metrics.def"
#undef METRIC
    };
    Slice out = slot_slice(fp);
    for (uint32_t i = 0; i < out.len && i < METRICS; i++) {
        mem_store64(out.ptr + i * sizeof(uint64_t), values[i]);
    }
    return NATIVE_OK;
}

/* func(out []uint64): pauses by the power of two of their nanoseconds */
static NativeStatus read_pauses(P *p, Slot *fp)
{
    HeapStats s;
    heap_stats(p->vm->heap, &s);
    Slice out = slot_slice(fp);
    for (uint32_t i = 0; i < out.len && i < HEAP_PAUSE_BUCKETS; i++) {
        mem_store64(out.ptr + i * sizeof(uint64_t), s.pause_buckets[i]);
    }
    return NATIVE_OK;
}

const NativeDef natives_runtime_metrics[] = {
    {"runtime/metrics", "figureName", "func(i int) string", "name of a figure", metric_name},
    {"runtime/metrics", "readFigures", "func(out []uint64)", "all figures", read_figures},
    {"runtime/metrics", "readPauses", "func(out []uint64)", "pauses by length", read_pauses},
    {0},
};
