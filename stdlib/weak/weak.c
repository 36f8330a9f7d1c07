/* weak.c - natives of package weak: the handles of finalizer.c. */
#include "runtime/finalizer.h"
#include "runtime/native.h"
#include "runtime/pages.h"
#include "runtime/proc.h"

static NativeStatus handle_of(P *p, Slot *fp)
{
    if (!pages_span(fp[1].p)) {
        fp[0].p = NULL;
        return NATIVE_OK;
    }
    fp[0].p = weak_handle(p, fp[1].p);
    return fp[0].p ? NATIVE_OK : native_fatal(p, "runtime: out of memory");
}

static NativeStatus load(P *p, Slot *fp)
{
    fp[0].p = weak_get(p, fp[1].p);
    return NATIVE_OK;
}

const NativeDef natives_weak[] = {
    {"weak", "handleOf", "func(p unsafe.Pointer) *handle", "the object's handle", handle_of},
    {"weak", "load", "func(h *handle) unsafe.Pointer", "what it leads to, or nil", load},
    {0},
};
