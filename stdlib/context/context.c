/* context.c - what package context asks of types: it must not import reflect. */
#include "runtime/native.h"
#include "runtime/rtypes.h"

/* func(v any) string */
static NativeStatus type_name(struct P *p, Slot *fp)
{
    const RType *t = fp[2].p;
    if (t) {
        const RName *name = rtype_str(t);
        slot_set_string(fp, native_string(p, name->s, name->len));
    }
    return NATIVE_OK;
}

/* func(v any) bool */
static NativeStatus can_compare(struct P *p, Slot *fp)
{
    const RType *t = fp[1].p;
    fp[0].u = t && (t->flags & RT_COMPARABLE);
    return NATIVE_OK;
}

const NativeDef natives_context[] = {
    {"context", "typeName", "func(v any) string", "the dynamic type's name", type_name},
    {"context", "canCompare", "func(v any) bool", "may v be compared", can_compare},
    {0},
};
