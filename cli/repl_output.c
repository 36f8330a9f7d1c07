/* repl_output.c - goroutines print while a line is being edited, and so may C code and child processes
 * that they start: so descriptors 1 and 2 become a pipe, and a thread copies what comes out of it to
 * the terminal. While a line is edited it is taken off the screen before and drawn again below; output
 * that ends in the middle of a line then gets a newline.
 *
 * `lock` guards the screen: the pipe's read and the write to the terminal are one critical section, so
 * what was written before output_drain takes the lock is on the screen when it returns. The prompt's
 * thread holds it but for the time in which it waits for a key; readline is thus used by one
 * thread at a time. Both ends of one pipe keep the order of standard output and standard error.
 *
 * An abort loses nothing: its handler copies what is left (read and write are safe in handlers). */
#define _GNU_SOURCE
#include "cli/repl_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*clear_line)(void), (*redraw_line)(void);
static int terminal = 1, from = -1; /* set once, before the thread starts */
static bool took_stderr;
static bool editing_now;            /* under lock */

static void write_all(const char *s, size_t n)
{
    while (n > 0) {
        ssize_t done = write(terminal, s, n);
        if (done < 0 && errno != EINTR) {
            return;
        }
        s += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
}

/* With the lock held: what the pipe holds goes to the terminal. */
static void copy(void)
{
    char buf[8192], last = '\n';
    bool cleared = false;
    for (ssize_t n; (n = read(from, buf, sizeof buf)) > 0;) {
        if (editing_now && !cleared) {
            clear_line();
            cleared = true;
        }
        write_all(buf, (size_t)n);
        last = buf[n - 1];
    }
    if (cleared) {
        if (last != '\n') {
            write_all("\n", 1);
        }
        redraw_line();
    }
}

static void *pump(void *arg)
{
    (void)arg;
    for (;;) {
        struct pollfd in = {.fd = from, .events = POLLIN};
        if (poll(&in, 1, -1) > 0) {
            if (in.revents & (POLLERR | POLLNVAL)) {
                return NULL;
            }
            pthread_mutex_lock(&lock);
            copy();
            pthread_mutex_unlock(&lock);
            if (!(in.revents & POLLIN)) {
                return NULL; /* nobody can write any more */
            }
        }
    }
}

static void on_abort(int sig)
{
    char buf[512];
    for (ssize_t n; (n = read(from, buf, sizeof buf)) > 0;) {
        write_all(buf, (size_t)n);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

static bool start_pump(void)
{
    pthread_t thread;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool ok = pthread_create(&thread, NULL, pump, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ok) {
        pthread_detach(thread);
    }
    return ok;
}

void output_open(void (*clear)(void), void (*redraw)(void))
{
    int ends[2], real = fcntl(1, F_DUPFD_CLOEXEC, 10);
    clear_line = clear;
    redraw_line = redraw;
    if (real < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return; /* output goes straight to the terminal */
    }
    terminal = real;
    from = ends[0];
    fcntl(from, F_SETFL, O_NONBLOCK);
    if (!start_pump()) {
        terminal = 1;
        return;
    }
    fflush(NULL);
    dup2(ends[1], 1);
    took_stderr = isatty(2);
    if (took_stderr) {
        dup2(ends[1], 2);
    }
    close(ends[1]);
    signal(SIGABRT, on_abort);
}

void output_drain(void)
{
    fflush(NULL);
    if (from >= 0) {
        pthread_mutex_lock(&lock);
        copy();
        pthread_mutex_unlock(&lock);
    }
}

void output_close(void)
{
    output_drain();
    if (from >= 0) {
        dup2(terminal, 1);
        if (took_stderr) {
            dup2(terminal, 2);
        }
        output_drain(); /* what came between */
    }
}

int output_terminal(void) { return terminal; }

void output_lock(void) { pthread_mutex_lock(&lock); }

void output_unlock(bool editing)
{
    editing_now = editing;
    pthread_mutex_unlock(&lock);
}
