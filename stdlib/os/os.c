/* os.c - what package os needs beyond syscall's natives. */
#include "runtime/native.h"
#include "runtime/os.h"

/* Names of temporary files: from the system's entropy, not from the scheduler's generator, whose
 * draws a replay repeats. */
static NativeStatus random_name(struct P *p, Slot *fp)
{
    fp[0].u = (uint32_t)os_random();
    return NATIVE_OK;
}

const NativeDef natives_os[] = {
    {"os", "random", "func() uint32", "draws a number for a name", random_name},
    {0},
};
