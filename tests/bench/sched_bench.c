/* sched_bench.c - what the runtime's paths cost without an interpreter: spawn, ping-pong, buffered
 * send and receive, select, yield, sleep. Built by hand:
 *   cc -O2 -DNDEBUG -I. -pthread tests/bench/sched_bench.c runtime/(all but vmheap).c
 * Prints ns per operation for GOMAXPROCS 1 and 2. */
#include "tests/unit/fakevm.h"

#include "runtime/sched_impl.h"

static Chan *a, *b;
static FakeType *t_int;
static int64_t n, started;
static double result;

static Step finish(P *p)
{
    result = (double)(os_now() - started) / (double)n;
    sched_exit_vm(p->vm, 0);
    return STOP;
}

static Chan *make(P *p, int64_t cap)
{
    const char *err;
    return chan_new(p, &t_int->chan, cap, &err);
}

/* spawn + run + join over a channel */
static Step child(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0 && chan_send(p, f, a, &s[4]) == CHAN_PARKED) {
        return SWITCH;
    }
    sched_exit(p);
    return SWITCH;
}

static Step spawn(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        a = make(p, 0);
        started = os_now();
    }
    if (s[5].i++ == n) {
        return finish(p);
    }
    fake_go(p, child, num(0), num(0));
    return chan_recv(p, f, a, &s[4], NULL) == CHAN_PARKED ? SWITCH : NEXT;
}

/* unbuffered round trip */
static Step pong(P *p, Fiber *f, Slot *s)
{
    s[1].i ^= 1;
    ChanStatus r = s[1].i ? chan_recv(p, f, a, &s[4], NULL) : chan_send(p, f, b, &s[4]);
    return r == CHAN_PARKED ? SWITCH : NEXT;
}

static Step ping(P *p, Fiber *f, Slot *s)
{
    if (s[6].i++ == 0) {
        a = make(p, 0);
        b = make(p, 0);
        fake_go(p, pong, num(0), num(0));
        started = os_now();
    }
    s[1].i ^= 1;
    if (s[1].i && s[5].i++ == n) {
        return finish(p);
    }
    ChanStatus r = s[1].i ? chan_send(p, f, a, &s[4]) : chan_recv(p, f, b, &s[4], NULL);
    return r == CHAN_PARKED ? SWITCH : NEXT;
}

/* buffered send and receive by one goroutine */
static Step buffered(P *p, Fiber *f, Slot *s)
{
    a = make(p, 16);
    started = os_now();
    for (int64_t i = 0; i < n; i++) {
        CHECK(chan_send(p, f, a, &s[4]) == CHAN_DONE);
        CHECK(chan_recv(p, f, a, &s[5], &s[6]) == CHAN_DONE);
    }
    return finish(p);
}

/* producer and consumer over a buffer of 100 */
static Step eat(P *p, Fiber *f, Slot *s)
{
    return chan_recv(p, f, a, &s[4], NULL) == CHAN_PARKED ? SWITCH : NEXT;
}

static Step feed(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        a = make(p, 100);
        fake_go(p, eat, num(0), num(0));
        started = os_now();
    }
    if (s[5].i++ == n) {
        return finish(p);
    }
    return chan_send(p, f, a, &s[4]) == CHAN_PARKED ? SWITCH : NEXT;
}

/* select of two receives fed by two senders */
static Step sel_feed(P *p, Fiber *f, Slot *s)
{
    return chan_send(p, f, s[2].p, &s[4]) == CHAN_PARKED ? SWITCH : NEXT;
}

static Step sel(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        a = make(p, 0);
        b = make(p, 0);
        fake_go(p, sel_feed, ptr(a), num(0));
        fake_go(p, sel_feed, ptr(b), num(0));
        started = os_now();
    }
    if (s[5].i++ == n) {
        return finish(p);
    }
    SelectCase c[2] = {{a, &s[6], SELECT_RECV}, {b, &s[7], SELECT_RECV}};
    return select_run(p, f, c, 2, false, &s[8]) == CHAN_PARKED ? SWITCH : NEXT;
}

/* select that waits each time */
static Step sel_wait(P *p, Fiber *f, Slot *s)
{
    if (s[6].i++ == 0) {
        a = make(p, 0);
        b = make(p, 0);
        Fiber *g = fake_new(p, pong);
        sched_start(p, g);
        started = os_now();
    }
    s[1].i ^= 1;
    if (s[1].i) {
        return s[5].i++ == n ? finish(p) : chan_send(p, f, a, &s[4]) == CHAN_PARKED ? SWITCH : NEXT;
    }
    SelectCase c[3] = {{b, &s[7], SELECT_RECV}, {NULL, NULL, SELECT_RECV}, {NULL, NULL, SELECT_RECV}};
    return select_run(p, f, c, 3, false, &s[8]) == CHAN_PARKED ? SWITCH : NEXT;
}

static Step yielder(P *p, Fiber *f, Slot *s)
{
    if (s[2].i && s[1].i++ == 0) {
        fake_go(p, yielder, num(0), num(0));
        started = os_now();
    }
    if (s[2].i && s[5].i++ == n / 2) {
        return finish(p);
    }
    sched_gosched(p);
    return SWITCH;
}

/* 100,000 sleepers */
static _Atomic int64_t awake;
static Step napper(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        timer_sleep(p, f, s[2].i);
        return SWITCH;
    }
    atomic_fetch_add(&awake, 1);
    sched_exit(p);
    return SWITCH;
}

static Step sleepers(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        awake = 0;
        started = os_now();
        for (int64_t i = 0; i < n; i++) {
            fake_go(p, napper, num(1 + i * 7919 % 10000000), num(0));
        }
    }
    if (awake == n) {
        return finish(p);
    }
    timer_sleep(p, f, 1000000);
    return SWITCH;
}

/* many goroutines: bytes per parked one */
static Step parked(P *p, Fiber *f, Slot *s)
{
    return chan_recv(p, f, a, &s[4], NULL) == CHAN_PARKED ? SWITCH : NEXT;
}

static long resident(void)
{
    long pages = 0, skip;
    FILE *fp = fopen("/proc/self/statm", "r");
    CHECK(fp && fscanf(fp, "%ld %ld", &skip, &pages) == 2);
    fclose(fp);
    return pages * 4096;
}

static Step park_many(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        a = make(p, 0);
        s[5].i = resident();
        for (int64_t i = 0; i < n; i++) {
            fake_go(p, parked, num(0), num(0));
        }
        s[6].i = os_now();
        sched_gosched(p);
        return SWITCH;
    }
    if (proc_status(p->vm->procs[0]) == P_RUNNING && s[1].i++ < 400) {
        timer_sleep(p, f, 1000000);
        return SWITCH;
    }
    result = (double)(resident() - s[5].i) / (double)n;
    sched_exit_vm(p->vm, 0);
    return STOP;
}

static void bench(const char *name, StepFn fn, int64_t count)
{
    for (uint32_t procs = 1; procs <= 2; procs++) {
        double best = 1e18;
        for (int i = 0; i < 3; i++) {
            n = count;
            GolVM *vm = fake_vm(NULL, procs);
            fake_main(vm, fn, num(1), num(0));
            fake_close(vm);
            best = result < best ? result : best;
        }
        printf("%s%s %.1f", procs == 1 ? name : "", procs == 1 ? ":" : "  /", best);
    }
    printf("\n");
    fflush(stdout);
}

int main(void)
{
    t_int = fake_chan_type(RK_INT, 8, false);
    bench("spawn+run+join ns", spawn, 1000000);
    bench("unbuffered round trip ns", ping, 1000000);
    bench("buffered send+receive ns", buffered, 5000000);
    bench("producer-consumer(100) ns", feed, 5000000);
    bench("select of two, ready ns", sel, 1000000);
    bench("send + waiting select ns", sel_wait, 1000000);
    bench("yield ns", yielder, 2000000);
    bench("sleepers ns each", sleepers, 100000);
    bench("bytes per parked", park_many, 300000);
    return 0;
}
