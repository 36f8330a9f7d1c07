/* netpoll.h - descriptors that fibers wait for: epoll, one-shot. */
#ifndef GOL_RUNTIME_NETPOLL_H
#define GOL_RUNTIME_NETPOLL_H

#include "runtime/sched.h"

/* One per open descriptor; malloc'd. Reader and writer words: 0 nothing, 1 ready, else a Fiber. */
typedef struct PollDesc {
    int fd;
    _Atomic uintptr_t reader, writer;
    _Atomic uint32_t closing;
    struct GolVM *vm;
    struct PollDesc *next_closed; /* netpoll.c */
} PollDesc;

/* Registers fd (set to O_NONBLOCK by the caller). NULL: not pollable (regular file), or errno. */
PollDesc *netpoll_open(P *p, int fd);
/* Wakes waiters; they see EOF/EBADF from their next try. d is not used after it. */
void netpoll_close(P *p, PollDesc *d);

/* Waits until fd is ready: true at once if it became ready since the last call, else parks f with
 * RESUME_AGAIN (NATIVE_PARK_AGAIN: the native tries its read again). */
bool netpoll_wait(P *p, Fiber *f, PollDesc *d, bool write);

/* For the scheduler: waits up to ns (0: no wait, -1: for ever); ready fibers in a list by next. */
uint32_t netpoll_collect(GolVM *vm, int64_t ns, Fiber **list);
void netpoll_break(GolVM *vm);
bool netpoll_ensure(GolVM *vm);
void netpoll_free(GolVM *vm);

#endif
