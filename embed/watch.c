/* watch.c - wall-time limits of VMs.
 *
 * One thread for the whole process sleeps until the earliest deadline and ends the VMs that are due.
 * It is started with the first deadline and stays, asleep when there is none. `lock` guards the list,
 * sorted by deadline; a VM leaves it before it is closed, so its pointer is good while it is in it. */
#include "embed/host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "runtime/os.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static Watch *first;
static bool running;

static void *watch_thread(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    for (;;) {
        if (!first) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        if (os_now() < first->deadline) {
            struct timespec t = {first->deadline / 1000000000, first->deadline % 1000000000};
            pthread_cond_timedwait(&changed, &lock, &t);
            continue;
        }
        Watch *w = first;
        first = w->next;
        w->listed = false;
        embed_limit(w->vm, "limit of %.3g seconds reached", (double)w->limit_ns / 1e9);
    }
    return NULL;
}

static bool start_thread(void)
{
    pthread_condattr_t attr;
    pthread_t thread;
    sigset_t all, old;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool ok = pthread_create(&thread, NULL, watch_thread, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ok) {
        pthread_detach(thread);
    }
    return ok;
}

bool watch_begin(Watch *w, GolVM *vm, int64_t limit_ns)
{
    *w = (Watch){.vm = vm, .limit_ns = limit_ns, .deadline = os_now() + limit_ns};
    pthread_mutex_lock(&lock);
    running = running || start_thread();
    if (running) {
        Watch **at = &first;
        while (*at && (*at)->deadline <= w->deadline) {
            at = &(*at)->next;
        }
        w->next = *at;
        *at = w;
        w->listed = true;
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
    return w->listed;
}

void watch_end(Watch *w)
{
    pthread_mutex_lock(&lock);
    for (Watch **at = &first; w->listed && *at; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            break;
        }
    }
    w->listed = false;
    pthread_mutex_unlock(&lock);
}
