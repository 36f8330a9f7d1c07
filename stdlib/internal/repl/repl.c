/* repl.c - natives of internal/repl: a session's main loop asks its host through runtime/session.h. */
#include "runtime/native.h"
#include "runtime/session.h"

/* func() int */
static NativeStatus begin(P *p, Slot *fp)
{
    Session *s = p->vm->session;
    int64_t id = s ? s->begin(s, p) : 0;
    if (id < 0) {
        return NATIVE_PARK_AGAIN;
    }
    fp = native_frame(p);
    fp[0].i = id;
    return NATIVE_OK;
}

/* func(id int) func() */
static NativeStatus step(P *p, Slot *fp)
{
    Session *s = p->vm->session;
    fp[0].p = s ? (void *)(uintptr_t)s->step(s, p, fp[1].i) : NULL;
    return NATIVE_OK;
}

/* func(id int) int */
static NativeStatus end(P *p, Slot *fp)
{
    Session *s = p->vm->session;
    int answer = s ? s->end(s, p, fp[1].i) : 0;
    if (answer < 0) {
        return NATIVE_AGAIN;
    }
    fp = native_frame(p);
    fp[0].i = answer;
    return NATIVE_OK;
}

const NativeDef natives_internal_repl[] = {
    {"internal/repl", "begin", "func() int", "waits for the session's next entry", begin},
    {"internal/repl", "step", "func(id int) func()", "next function of an entry", step},
    {"internal/repl", "end", "func(id int) int", "ends a goroutine", end},
    {0},
};
