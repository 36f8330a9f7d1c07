/* signal.c - natives of os/signal: from a signal handler to a goroutine.
 *
 * Signals belong to the process, so only the VM that owns it (the gol command's) gets any; for an
 * embedded one all calls do nothing. The handler writes the signal's number as one byte to a
 * non-blocking pipe, which is all that a handler may do; a full pipe drops the signal, as a full
 * channel would. One goroutine reads it through the netpoller. A goroutine that waits there
 * keeps the program from being called deadlocked: a signal may come.
 * The pipe is made once, under `lock`, and stays open to the end of the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/native.h"
#include "runtime/netpoll.h"
#include "runtime/quit.h"
#include "runtime/sched.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ends[2] = {-1, -1};       /* written under lock before the first handler */
static _Atomic(PollDesc *) desc;     /* set by the reading goroutine only */

static void on_signal(int sig)
{
    int saved = errno;
    uint8_t byte = (uint8_t)sig;
    ssize_t n = write(ends[1], &byte, 1);
    (void)n;
    errno = saved;
}

static bool pipe_ready(void)
{
    pthread_mutex_lock(&lock);
    bool ok = ends[0] >= 0 || pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0;
    pthread_mutex_unlock(&lock);
    return ok;
}

/* func(sig, action int) */
static NativeStatus set_action(P *p, Slot *fp)
{
    int sig = (int)fp[0].i;
    struct sigaction act;
    if (p->vm->replay && fp[1].i == 1) {
        return native_panic_plain(p, "os/signal: signals come at no fixed time: not with -sched=seed");
    }
    if (!p->vm->owns_process || sig <= 0 || sig >= NSIG || !pipe_ready()) {
        return NATIVE_OK;
    }
    if (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL) {
        return NATIVE_OK; /* ours: a fault in script code is impossible */
    }
    memset(&act, 0, sizeof act);
    act.sa_flags = SA_RESTART;
    act.sa_handler = fp[1].i == 1 ? on_signal : fp[1].i == 2 ? SIG_IGN : SIG_DFL;
    if (sig == SIGPIPE && fp[1].i == 0) {
        act.sa_handler = SIG_IGN; /* what the command starts with, see syscall.c */
    }
    if (sig == SIGQUIT && fp[1].i == 0) {
        quit_catch(p->vm);
        return NATIVE_OK;
    }
    sigaction(sig, &act, NULL);
    return NATIVE_OK;
}

/* func() int */
static NativeStatus receive(P *p, Slot *fp)
{
    uint8_t sig;
    if (!p->vm->owns_process || !pipe_ready()) {
        return NATIVE_OK;
    }
    PollDesc *d = atomic_load(&desc);
    if (!d) {
        d = netpoll_open(p, ends[0]);
        if (!d) {
            return NATIVE_OK;
        }
        atomic_store(&desc, d);
    }
    for (;;) {
        ssize_t n = read(ends[0], &sig, 1);
        if (n == 1) {
            fp[0].u = sig;
            return NATIVE_OK;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            return NATIVE_OK;
        }
        if (errno == EAGAIN && !netpoll_wait(p, p->fiber, d, false)) {
            return NATIVE_PARK_AGAIN;
        }
    }
}

const NativeDef natives_os_signal[] = {
    {"os/signal", "setAction", "func(sig, action int)", "sets what a signal does", set_action},
    {"os/signal", "receive", "func() int", "waits for a queued signal", receive},
    {0},
};
