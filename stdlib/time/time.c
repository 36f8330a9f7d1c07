/* time.c - natives of package time: clocks, Sleep, timers.
 *
 * A script's timer is a runtime Timer (runtime/timer.h) in a heap object, behind a pointer to an
 * empty type, so that script code cannot write it: part of its channel, or an object of its own whose
 * target, a func value, is traced. The three words of a time.Time are described in time.gol;
 * time_now_slots makes one.
 */
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/clock.h"
#include "runtime/rtypes.h"
#include "runtime/sched.h"
#include "runtime/timer.h"

static RType *timer_type;
static pthread_once_t timer_type_once = PTHREAD_ONCE_INIT;

static void timer_type_make(void)
{
    uint8_t kinds[sizeof(Timer) / 8] = {0};
    kinds[offsetof(Timer, target) / 8] = GCW_PTR;
    timer_type = rtype_build("time.nativeTimer", sizeof(Timer), 8, kinds);
}

/* Seconds from 1885 to 1970, as time.gol's wallToYear and unixToYear have them. */
#define WALL_EPOCH ((int64_t)(719162 - 688112) * 86400)

/* Monotonic nanoseconds as time.Time keeps them: since the VM's start, never 0. */
static int64_t mono_of(GolVM *vm, int64_t now) { return now - vm->start_time + 1; }

static struct timespec wall_now(GolVM *vm)
{
    struct timespec ts;
    if (vm->replay) {
        int64_t ns = clock_now(vm) - vm->start_time;
        return (struct timespec){.tv_sec = CLOCK_WALL + ns / 1000000000, .tv_nsec = ns % 1000000000};
    }
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts;
}

/* time.Now() in frame form. */
static void time_now_slots(P *p, Slot *out, int64_t now)
{
    struct timespec ts = wall_now(p->vm);
    int64_t sec = ts.tv_sec + WALL_EPOCH;
    if (sec >= 0 && sec >> 33 == 0) {
        out[0].u = 1ull << 63 | (uint64_t)sec << 30 | (uint64_t)ts.tv_nsec;
        out[1].i = mono_of(p->vm, now);
    } else {
        out[0].u = (uint64_t)ts.tv_nsec;
        out[1].i = ts.tv_sec + (int64_t)719162 * 86400;
    }
    out[2].p = __atomic_load_n(&p->vm->time_local, __ATOMIC_ACQUIRE);
}

/* func() (sec, nsec, mono int64) */
static NativeStatus time_now(P *p, Slot *fp)
{
    int64_t now = clock_read(p->vm);
    struct timespec ts = wall_now(p->vm);
    fp[0].i = ts.tv_sec;
    fp[1].i = ts.tv_nsec;
    fp[2].i = mono_of(p->vm, now);
    return NATIVE_OK;
}

static NativeStatus time_sleep(P *p, Slot *fp)
{
    if (fp[0].i <= 0) {
        return NATIVE_OK;
    }
    timer_sleep(p, p->fiber, fp[0].i);
    return NATIVE_PARK;
}

/* The moment d from now; a past one is now, one out of range never comes. */
static int64_t when_of(GolVM *vm, int64_t d)
{
    int64_t when, now = clock_now(vm);
    if (d <= 0) {
        return now;
    }
    return __builtin_add_overflow(now, d, &when) ? INT64_MAX : when;
}

static Timer *func_timer(P *p, void *fn)
{
    pthread_once(&timer_type_once, timer_type_make);
    Timer *t = timer_type ? heap_alloc(p, timer_type, 1) : NULL;
    if (t) {
        timer_init(t, TIMER_FUNC, fn);
    }
    return t;
}

/* func(kind any, d, period Duration, loc *Location) (c chan Time, r *nativeTimer) */
static NativeStatus new_timer(P *p, Slot *fp)
{
    const RType *type = fp[2].p;
    GolVM *vm = p->vm;
    if (!type || type->kind != RK_CHAN || rtype_elem(type)->size != 24) {
        return native_panic_plain(p, "time: not a channel type");
    }
    __atomic_store_n(&vm->time_local, fp[6].p, __ATOMIC_RELEASE);
    __atomic_store_n(&vm->time_value, time_now_slots, __ATOMIC_RELEASE);
    Timer *t;
    Chan *c = timer_chan_new(p, type, &t);
    if (!c) {
        return native_fatal(p, "runtime: out of memory");
    }
    timer_reset(p, t, when_of(p->vm, fp[4].i), fp[5].i > 0 ? fp[5].i : 0);
    fp[0].p = c;
    fp[1].p = t;
    return NATIVE_OK;
}

/* func(d Duration, f func()) *nativeTimer. A nil f panics in the goroutine that would call it. */
static NativeStatus new_func_timer(P *p, Slot *fp)
{
    Timer *t = func_timer(p, fp[2].p);
    if (!t) {
        return native_fatal(p, "runtime: out of memory");
    }
    timer_reset(p, t, when_of(p->vm, fp[1].i), 0);
    fp[0].p = t;
    return NATIVE_OK;
}

static NativeStatus stop_timer(P *p, Slot *fp)
{
    fp[0].u = fp[1].p ? timer_stop(p, fp[1].p) : 0;
    return NATIVE_OK;
}

/* func(r *nativeTimer, d, period Duration) bool */
static NativeStatus reset_timer(P *p, Slot *fp)
{
    if (fp[1].p) {
        fp[0].u = timer_reset(p, fp[1].p, when_of(p->vm, fp[2].i), fp[3].i > 0 ? fp[3].i : 0);
    }
    return NATIVE_OK;
}

const NativeDef natives_time[] = {
    {"time", "now", "func() (sec int64, nsec int64, mono int64)", "reads both clocks", time_now},
    {"time", "Sleep", "func(d Duration)", "pauses the goroutine", time_sleep},
    {"time", "newTimer",
     "func(kind any, d, period Duration, loc *Location) (c chan Time, r *nativeTimer)",
     "starts a timer with a channel", new_timer},
    {"time", "newFuncTimer", "func(d Duration, f func()) *nativeTimer",
     "starts a timer that calls f", new_func_timer},
    {"time", "stopTimer", "func(r *nativeTimer) bool", "stops a timer", stop_timer},
    {"time", "resetTimer", "func(r *nativeTimer, d, period Duration) bool", "starts it anew",
     reset_timer},
    {0},
};
