/* leak.h - goroutines that nothing can ever wake. See leak.c. */
#ifndef GOL_RUNTIME_LEAK_H
#define GOL_RUNTIME_LEAK_H

#include "runtime/vmstate.h"

/* Collects, then writes the traceback of every goroutine that waits for what no live one can reach, in
 * the order of their ids, and gives their number; -1: no memory for the search, or the VM ends.
 * p's fiber is saved; p is still ours unless the VM ends. May stop the world for long. */
int64_t leak_report(P *p, Sink *sink);

/* GODEBUG=leakcheck=1: the program is about to end. */
void leak_at_exit(P *p);

#endif
