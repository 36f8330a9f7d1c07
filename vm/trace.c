/* trace.c - walking a stack, positions of code, and tracebacks as Go prints them.
 *
 * A walk needs the saved pc and fp of a fiber that does not run, or that runs here and is saved. It
 * knows the two ways by which a frame came to be (call.c): by a call instruction, or by the VM
 * through a trampoline. All but the innermost frame, and those below a VM call, stand at return
 * addresses: their position is that of the word before.
 */
#include "vm/panic.h"

#include "runtime/sched.h"
#include "vm/op.h"

#include <assert.h>
#include <string.h>

enum { TRACE_HEAD = 50, TRACE_TAIL = 50 };

void walk_start(FrameWalk *w, Fiber *f, const Insn *pc, uint32_t fp)
{
    w->stack = f->stack;
    w->fp = fp >= 2 ? f->stack + fp : NULL;
    w->pc = pc;
    w->limit = f->stack + f->stack_slots;
    w->top = true;
}

void walk_next(FrameWalk *w)
{
    const Insn *ret = w->fp[-1].p;
    assert(w->fp - w->stack >= 2);
    if (ret == call_goend + 2 || ret == call_host_ret + 2) {
        w->fp = NULL;
        return;
    }
    if (ret[-2].a == 0) {
        w->pc = w->fp[-4].p;
        w->limit = w->fp - 4;
        w->fp -= w->fp[-3].u;
        w->top = true; /* stands at an instruction */
        return;
    }
    w->pc = ret;
    w->limit = w->fp - 2;
    w->fp -= ret[-2].a;
    w->top = false;
}

static String name_string(const RName *n)
{
    return n ? (String){(const uint8_t *)n->s, n->len} : (String){(const uint8_t *)"?", 1};
}

void trace_position(const Func *f, const Insn *pc, bool is_return, String *file, uint32_t *line)
{
    const Unit *u = rel_get(&f->unit);
    const RelPtr *files = u ? rel_get(&u->files) : NULL;
    const LineEntry *lines = rel_get(&f->lines);
    uint32_t index = f->nfile;
    int64_t at = pc - func_code(f) - (is_return ? 1 : 0);
    *line = f->line;
    for (uint32_t lo = 0, hi = lines ? f->nlines : 0; lo < hi;) {
        uint32_t mid = (lo + hi) / 2;
        if ((int64_t)lines[mid].pc <= at) {
            *line = lines[mid].line;
            index = lines[mid].file & ~LINE_UNSIGNED;
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    *file = files && index < u->nfiles ? name_string(rel_get(&files[index])) : name_string(NULL);
}

bool trace_unsigned(const Func *f, const Insn *pc)
{
    const LineEntry *lines = rel_get(&f->lines);
    bool found = false;
    int64_t at = pc - func_code(f);
    for (uint32_t i = 0; lines && i < f->nlines && (int64_t)lines[i].pc <= at; i++) {
        found = lines[i].file & LINE_UNSIGNED;
    }
    return found;
}

static void print_frame(const FrameWalk *w, Sink *sink)
{
    const Func *f = frame_func(w->fp);
    String name = name_string(rel_get(&f->name)), file;
    uint32_t line;
    trace_position(f, w->pc, !w->top, &file, &line);
    int64_t off = w->pc - func_code(f);
    if (off < 0 || off > (int64_t)f->ncode) {
        off = 0;
    }
    sink_printf(sink, "%.*s(%s)\n\t%.*s:%u +0x%llx\n", (int)name.len, (const char *)name.ptr,
                f->nargs ? "..." : "", (int)file.len, (const char *)file.ptr, line,
                (unsigned long long)off * sizeof(Insn));
}

static bool hidden(const FrameWalk *w) { return frame_func(w->fp)->flags & FN_WRAPPER; }

static uint32_t count_frames(Fiber *f, const Insn *pc, uint32_t fp)
{
    FrameWalk w;
    uint32_t n = 0;
    for (walk_start(&w, f, pc, fp); w.fp != NULL; walk_next(&w)) {
        n += !hidden(&w);
    }
    return n;
}

static void print_creator(Fiber *f, Sink *sink)
{
    const Func *c = f->create_fn;
    if (c == NULL || (f->flags & FIBER_F_MAIN)) {
        return;
    }
    String name = name_string(rel_get(&c->name)), file;
    uint32_t line;
    trace_position(c, f->create_pc, false, &file, &line);
    sink_printf(sink, "created by %.*s in goroutine %llu\n\t%.*s:%u +0x%llx\n", (int)name.len,
                (const char *)name.ptr, (unsigned long long)f->parent, (int)file.len,
                (const char *)file.ptr, line,
                (unsigned long long)((const Insn *)f->create_pc - func_code(c)) * sizeof(Insn));
}

static void print_frames(FrameWalk w, Fiber *f, uint32_t total, Sink *sink)
{
    for (uint32_t i = 0; w.fp != NULL; walk_next(&w)) {
        if (hidden(&w)) {
            continue;
        }
        bool elide = total > TRACE_HEAD + TRACE_TAIL && i >= TRACE_HEAD && i < total - TRACE_TAIL;
        if (!elide) {
            print_frame(&w, sink);
        } else if (i == TRACE_HEAD) {
            sink_printf(sink, "...%u frames elided...\n", total - TRACE_HEAD - TRACE_TAIL);
        }
        i++;
    }
    print_creator(f, sink);
}

void trace_from(Fiber *f, const Insn *pc, uint32_t fp, Sink *sink)
{
    FrameWalk w;
    walk_start(&w, f, pc, fp);
    print_frames(w, f, count_frames(f, pc, fp), sink);
}

/* A fiber that parked in an instruction stands behind it, except in a native. */
static bool stands_behind(const Fiber *f, const FrameWalk *w)
{
    return w->fp != NULL && fiber_status(f) == FIBER_WAITING && f->resume != RESUME_AGAIN &&
           w->pc > func_code(frame_func(w->fp)) && w->pc->op != OP_NATIVE;
}

void trace_fiber(Fiber *f, Sink *sink)
{
    FrameWalk w;
    walk_start(&w, f, f->pc, f->fp);
    w.top = !stands_behind(f, &w);
    print_frames(w, f, count_frames(f, f->pc, f->fp), sink);
}
