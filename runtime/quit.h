/* quit.h - SIGQUIT: all goroutines are printed and the process ends. See quit.c. */
#ifndef GOL_RUNTIME_QUIT_H
#define GOL_RUNTIME_QUIT_H

#include "runtime/vmstate.h"

/* The calling thread runs vm, which owns the process. Again after os/signal took the signal. */
void quit_catch(GolVM *vm);
/* The VM has ended. */
void quit_forget(void);

/* The signal came and is not served yet. */
static inline bool quit_wanted(GolVM *vm)
{
    return __builtin_expect(atomic_load_explicit(&vm->quitting, memory_order_relaxed), 0);
}

#endif
