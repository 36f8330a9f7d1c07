/* quit.c - what SIGQUIT does to the gol command: "SIGQUIT: quit", all goroutines, exit status 2.
 *
 * Only the host's thread takes signals (os_thread_start blocks them in all others), so the handler
 * needs no helper thread. It may do little: it sets `quitting` and POLL_QUIT of every P. Who comes to
 * a safepoint first reports (sched_poll, serve_requests). The host's own thread can be
 *   - in script code: it polls;
 *   - asleep without a P: the wait ends with EINTR, or is not begun, since its `wake` word was set;
 *     it then takes an idle P (m_sleep);
 *   - in a system call of a blocking section: EINTR, after which natives do not begin again while
 *     quit_wanted says so;
 * and if it waits for a P, others run and poll.
 */
#include "runtime/quit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "runtime/netpoll.h"
#include "runtime/sched.h"

static GolVM *_Atomic quit_vm; /* written by the host's thread, read by its handler */

static void on_quit(int sig)
{
    int saved = errno;
    GolVM *vm = atomic_load_explicit(&quit_vm, memory_order_relaxed);
    M *m = sched_current_m();
    (void)sig;
    if (vm) {
        atomic_store_explicit(&vm->quitting, true, memory_order_relaxed);
        sched_request_all(vm, POLL_QUIT);
        if (m) {
            atomic_store_explicit(&m->wake, 1, memory_order_seq_cst);
            if (atomic_load_explicit(&m->in_poll, memory_order_seq_cst)) {
                netpoll_break(vm);
            }
        }
    }
    errno = saved;
}

void quit_catch(GolVM *vm)
{
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_handler = on_quit;
    atomic_store_explicit(&quit_vm, vm, memory_order_relaxed);
    sigaction(SIGQUIT, &act, NULL);
}

void quit_forget(void) { atomic_store_explicit(&quit_vm, NULL, memory_order_relaxed); }
