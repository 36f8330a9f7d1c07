/* host.c - the one native of internal/host: an object of the host is garbage. */
#include "runtime/native.h"
#include "runtime/vmstate.h"

static NativeStatus dropped(P *p, Slot *fp)
{
    if (p->vm->object_gone) {
        p->vm->object_gone(p->vm, fp[0].p);
    }
    return NATIVE_OK;
}

const NativeDef natives_internal_host[] = {
    {"internal/host", "dropped", "func(record int64)", "calls the finalizer of a host's object", dropped},
    {0},
};
