/* runtime.c - natives of package runtime: what a script may ask of scheduler, heap and stacks.
 *
 * Code and stacks are the VM's: hooks->callers and hooks->pc_info speak for it. Anything that stops
 * the world does so with the fiber saved, as it is in every native, and uses no Slot pointer after
 * it without taking the frame anew.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/finalizer.h"
#include "runtime/heap.h"
#include "runtime/iface.h"
#include "runtime/native.h"
#include "runtime/os.h"
#include "runtime/rtypes.h"
#include "runtime/sched.h"
#include "stdlib/runtime/memstats.h"

static NativeStatus gomaxprocs(P *p, Slot *fp)
{
    int64_t n = fp[1].i;
    int64_t old = p->vm->nprocs;
    if (n > 0 && n != old) {
        p = sched_set_procs(p, n > MAX_PROCS ? MAX_PROCS : (uint32_t)n);
        fp = native_frame(p);
    }
    fp[0].i = old;
    return NATIVE_OK;
}

static NativeStatus num_cpu(P *p, Slot *fp)
{
    fp[0].u = os_ncpu();
    return NATIVE_OK;
}

static NativeStatus num_goroutine(P *p, Slot *fp)
{
    fp[0].i = sched_num_fibers(p->vm);
    return NATIVE_OK;
}

static NativeStatus gosched(P *p, Slot *fp) { return NATIVE_YIELD; }

static NativeStatus go_exit(P *p, Slot *fp) { return NATIVE_GOEXIT; }

static NativeStatus collect(P *p, Slot *fp)
{
    gc_run(p, true);
    return NATIVE_OK;
}

/* ---- finalizers ---- */

static const char *type_text(const RType *t) { return t ? rtype_str(t)->s : "nil"; }

/* May a finalizer take an object whose pointer has type `obj` as its parameter of type `param`? */
static bool finalizer_takes(P *p, const RType *param, const RType *obj)
{
    if (rtype_same(param, obj)) {
        return true;
    }
    if (param->kind == RK_INTERFACE) {
        return param->count == 0 || iface_implements(p, obj, param);
    }
    return param->kind == RK_POINTER && rtype_same(rtype_elem(param), rtype_elem(obj)) &&
           (!(param->flags & RT_NAMED) || !(obj->flags & RT_NAMED));
}

static NativeStatus finalizer_refuse(P *p, FinalizerStatus s)
{
    switch (s) {
    case FINALIZER_NOT_START:
        return native_fatal(p, "runtime.SetFinalizer: pointer not at beginning of allocated block");
    case FINALIZER_TWICE:
        return native_fatal(p, "runtime.SetFinalizer: finalizer already set");
    case FINALIZER_NO_MEMORY:
        return native_fatal(p, "runtime: out of memory");
    case FINALIZER_OK:
    case FINALIZER_NOT_HEAP:
        break;
    }
    return NATIVE_OK;
}

static NativeStatus set_finalizer(P *p, Slot *fp)
{
    Iface obj = slot_iface(fp), fin = slot_iface(fp + 2);
    if (!obj.type) {
        return native_fatal(p, "runtime.SetFinalizer: first argument is nil");
    }
    if (obj.type->kind != RK_POINTER) {
        return native_fatal(p, "runtime.SetFinalizer: first argument is %s, not pointer",
                            type_text(obj.type));
    }
    if (!obj.word.p) {
        return native_fatal(p, "nil elem type!");
    }
    if (!fin.type) {
        return finalizer_refuse(p, finalizer_set(p, obj.word.p, NULL, NULL));
    }
    if (fin.type->kind != RK_FUNC) {
        return native_fatal(p, "runtime.SetFinalizer: second argument is %s, not a function",
                            type_text(fin.type));
    }
    const RelPtr *params = rel_get(&fin.type->params);
    if (fin.type->count != 1 || (fin.type->flags & RT_VARIADIC) ||
        !finalizer_takes(p, rel_get(&params[0]), obj.type)) {
        return native_fatal(p, "runtime.SetFinalizer: cannot pass %s to finalizer %s",
                            type_text(obj.type), type_text(fin.type));
    }
    return finalizer_refuse(p, finalizer_set(p, obj.word.p, fin.word.p, rel_get(&params[0])));
}

/* func(ptr unsafe.Pointer, f func(any)) uint64 */
static NativeStatus add_cleanup(P *p, Slot *fp)
{
    uint64_t id = 0;
    FinalizerStatus s = cleanup_add(p, fp[1].p, fp[2].p, (Iface){NULL, {0}}, &id);
    fp[0].u = s == FINALIZER_OK ? id : 0;
    return s == FINALIZER_NO_MEMORY ? finalizer_refuse(p, s) : NATIVE_OK;
}

static NativeStatus cancel_cleanup(P *p, Slot *fp)
{
    cleanup_stop(p, fp[0].p, fp[1].u);
    return NATIVE_OK;
}

/* ---- memory figures ---- */

void memstats_fill(P *p, uint64_t *out)
{
    HeapStats s;
    heap_stats(p->vm->heap, &s);
    uint64_t idle = s.peak_span_bytes > s.span_bytes ? s.peak_span_bytes - s.span_bytes : 0;
    uint64_t stacks = atomic_load_explicit(&p->vm->nslabs, memory_order_relaxed) * FIBER_SLAB;
    uint64_t values[MEM_PAUSES] = {
        [MEM_ALLOC] = s.live_bytes,
        [MEM_TOTAL_ALLOC] = s.alloc_bytes,
        [MEM_SYS] = s.peak_span_bytes + s.meta_bytes + stacks,
        [MEM_MALLOCS] = s.alloc_objects,
        [MEM_FREES] = s.freed_objects,
        [MEM_HEAP_SYS] = s.peak_span_bytes,
        [MEM_HEAP_IDLE] = idle,
        [MEM_HEAP_INUSE] = s.span_bytes,
        [MEM_HEAP_RELEASED] = idle,
        [MEM_HEAP_OBJECTS] = s.live_objects,
        [MEM_STACK_INUSE] = stacks,
        [MEM_GC_SYS] = s.meta_bytes,
        [MEM_NEXT_GC] = s.goal_bytes,
        [MEM_LAST_GC] = s.last_gc_ns,
        [MEM_PAUSE_TOTAL] = s.pause_total_ns,
        [MEM_NUM_GC] = s.num_gc,
        [MEM_NUM_FORCED] = s.num_forced,
    };
    memcpy(out, values, sizeof values);
    memcpy(out + MEM_PAUSES, s.pauses, sizeof s.pauses);
    memcpy(out + MEM_PAUSES + 256, s.pause_ends, sizeof s.pause_ends);
}

static NativeStatus mem_numbers(P *p, Slot *fp)
{
    if (!fp[0].p) {
        return native_panic_error(p, "invalid memory address or nil pointer dereference");
    }
    memstats_fill(p, fp[0].p);
    return NATIVE_OK;
}

/* ---- stacks ---- */

#define PCS_AT_ONCE 64

static uint32_t stack_pcs(P *p, int64_t skip, uintptr_t *pcs, uint32_t max)
{
    if (skip < 0 || skip > UINT32_MAX || !p->vm->hooks->callers) {
        return 0;
    }
    return p->vm->hooks->callers(p, (uint32_t)skip, pcs, max);
}

static bool find_pc(P *p, uintptr_t pc, FrameInfo *info)
{
    return p->vm->hooks->pc_info && p->vm->hooks->pc_info(p->vm, pc, info);
}

/* func(skip int) (pc uintptr, file string, line int, ok bool) */
static NativeStatus caller(P *p, Slot *fp)
{
    uintptr_t pc;
    FrameInfo info;
    if (stack_pcs(p, fp[5].i, &pc, 1) == 1 && find_pc(p, pc - 1, &info)) {
        fp[0].u = pc;
        slot_set_string(fp + 1, native_string(p, info.file, info.file_len));
        fp[3].u = info.line;
        fp[4].u = 1;
    }
    return NATIVE_OK;
}

/* func(skip int, pc []uintptr) int. Frame 0 is Callers' own, which as a native has none: it is
 * left out, and one frame less is skipped. */
static NativeStatus callers(P *p, Slot *fp)
{
    Slice out = slot_slice(fp + 2);
    int64_t skip = fp[1].i > 0 ? fp[1].i - 1 : 0;
    uintptr_t pcs[PCS_AT_ONCE];
    uint32_t done = 0;
    while (done < out.len) {
        uint32_t want = out.len - done < PCS_AT_ONCE ? out.len - done : PCS_AT_ONCE;
        uint32_t got = stack_pcs(p, skip + done, pcs, want);
        for (uint32_t i = 0; i < got; i++) {
            mem_store64(out.ptr + (done + i) * sizeof(uint64_t), pcs[i]);
        }
        done += got;
        if (got < want) {
            break;
        }
    }
    fp[0].u = done;
    return NATIVE_OK;
}

/* func(pc uintptr) (name, file string, line int, entry uintptr, first int) */
static NativeStatus pc_info(P *p, Slot *fp)
{
    FrameInfo info;
    if (find_pc(p, fp[7].u, &info)) {
        slot_set_string(fp, native_string(p, info.name, info.name_len));
        slot_set_string(fp + 2, native_string(p, info.file, info.file_len));
        fp[4].u = info.line;
        fp[5].u = info.entry;
        fp[6].u = info.first_line;
    }
    return NATIVE_OK;
}

/* A sink that gathers text. */
typedef struct Text {
    char *data;
    size_t len, cap;
} Text;

#define TEXT_MAX (64u << 20)

static void text_write(Sink *s, const void *data, size_t n)
{
    Text *t = s->ctx;
    if (t->len + n > TEXT_MAX) {
        return;
    }
    if (t->len + n > t->cap) {
        size_t cap = t->cap * 2 > t->len + n ? t->cap * 2 : t->len + n + 4096;
        char *data2 = realloc(t->data, cap);
        if (!data2) {
            return;
        }
        t->data = data2;
        t->cap = cap;
    }
    memcpy(t->data + t->len, data, n);
    t->len += n;
}

/* func(all bool) string */
static NativeStatus stack_text(P *p, Slot *fp)
{
    Text text = {0};
    Sink sink = {text_write, &text};
    Fiber *self = p->fiber;
    if (fp[2].u) {
        if (!sched_stop_world(p)) {
            return NATIVE_AGAIN;
        }
        sched_dump(p->vm, self, &sink);
        sched_start_world(p);
        fp = native_frame(p);
    } else {
        sink_printf(&sink, "goroutine %llu [running]:\n", (unsigned long long)self->id);
        if (p->vm->hooks->traceback) {
            p->vm->hooks->traceback(self, &sink);
        }
    }
    slot_set_string(fp, native_string(p, text.data, text.len));
    free(text.data);
    return NATIVE_OK;
}

const NativeDef natives_runtime[] = {
    {"runtime", "GOMAXPROCS", "func(n int) int", "sets the number of Ps", gomaxprocs},
    {"runtime", "NumCPU", "func() int", "number of processors", num_cpu},
    {"runtime", "NumGoroutine", "func() int", "number of goroutines", num_goroutine},
    {"runtime", "Gosched", "func()", "lets others run", gosched},
    {"runtime", "Goexit", "func()", "ends the goroutine", go_exit},
    {"runtime", "collect", "func()", "collects", collect},
    {"runtime", "SetFinalizer", "func(obj, finalizer any)", "calls finalizer(obj) when obj is dead",
     set_finalizer},
    {"runtime", "addCleanup", "func(p unsafe.Pointer, f func(any)) uint64",
     "calls f when the object at p is gone", add_cleanup},
    {"runtime", "cancelCleanup", "func(addr uintptr, id uint64)", "undoes addCleanup",
     cancel_cleanup},
    {"runtime", "memNumbers", "func(out *[memCount]uint64)", "figures of the heap", mem_numbers},
    {"runtime", "Caller", "func(skip int) (pc uintptr, file string, line int, ok bool)",
     "where the caller is", caller},
    {"runtime", "Callers", "func(skip int, pc []uintptr) int", "return addresses", callers},
    {"runtime", "pcInfo",
     "func(pc uintptr) (name, file string, line int, entry uintptr, first int)",
     "what stands at pc", pc_info},
    {"runtime", "stackText", "func(all bool) string", "traceback", stack_text},
    {0},
};
