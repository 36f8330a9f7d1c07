/* test_chan.c - channels, select and timers on a fake VM, on one and several Ps. */
#include "tests/unit/fakevm.h"

#include <unistd.h>

static Chan *ch[8];
static FakeType *t_int, *t_i8, *t_str, *t_ptr, *t_time;
static _Atomic int64_t sum, nrecv, ndone;

static Chan *make(P *p, FakeType *t, int64_t cap)
{
    const char *err;
    Chan *c = chan_new(p, &t->chan, cap, &err);
    CHECK(c);
    return c;
}

static Step end(P *p)
{
    sched_exit(p);
    return SWITCH;
}

/* ---- producers and consumers: every value arrives once ---- */
enum { PER_PRODUCER = 3000, PRODUCERS = 4, CONSUMERS = 3 };

static Step producer(P *p, Fiber *f, Slot *s)
{
    if (f->resume == RESUME_SEND_CLOSED || s[4].i == PER_PRODUCER) {
        if (atomic_fetch_add(&ndone, 1) == PRODUCERS - 1) {
            CHECK(chan_close(p, ch[0]) == CHAN_DONE);
            CHECK(chan_close(p, ch[0]) == CHAN_CLOSED);
        }
        return end(p);
    }
    s[5].i = ++s[4].i;
    return chan_send(p, f, ch[0], &s[5]) == CHAN_PARKED ? SWITCH : NEXT;
}

static Step consumer(P *p, Fiber *f, Slot *s)
{
    if (s[1].i) {
        if (!s[5].u) {
            CHECK(s[4].i == 0);
            if (atomic_fetch_add(&ndone, 1) == PRODUCERS + CONSUMERS - 1) {
                sched_exit_vm(p->vm, 0);
                return STOP;
            }
            return end(p);
        }
        atomic_fetch_add(&sum, s[4].i);
        atomic_fetch_add(&nrecv, 1);
    }
    s[1].i = 1;
    s[4].i = s[5].i = -1;
    return chan_recv(p, f, ch[0], &s[4], &s[5]) == CHAN_PARKED ? SWITCH : NEXT;
}

static Step pc_main(P *p, Fiber *f, Slot *s)
{
    ch[0] = make(p, t_int, s[2].i);
    for (int i = 0; i < PRODUCERS; i++) {
        fake_go(p, producer, num(0), num(0));
    }
    for (int i = 0; i < CONSUMERS; i++) {
        fake_go(p, consumer, num(0), num(0));
    }
    return end(p);
}

static void test_pc(uint32_t procs, int64_t cap)
{
    GolVM *vm = fake_vm(NULL, procs);
    sum = nrecv = ndone = 0;
    CHECK(fake_main(vm, pc_main, num(cap), num(0)) == 0);
    CHECK(nrecv == PRODUCERS * PER_PRODUCER);
    CHECK(sum == (int64_t)PRODUCERS * PER_PRODUCER * (PER_PRODUCER + 1) / 2);
    fake_close(vm);
}

/* ---- select between four channels, senders and receivers both by select ---- */
enum { SEL_N = 4000, SEL_FIBERS = 4 };

static Step sel_send(P *p, Fiber *f, Slot *s)
{
    if (s[4].i == SEL_N) {
        return atomic_fetch_add(&ndone, 1) == 2 * SEL_FIBERS - 1 ? (sched_exit_vm(p->vm, 0), STOP)
                                                                 : end(p);
    }
    s[5].i = ++s[4].i;
    SelectCase c[4];
    for (int i = 0; i < 4; i++) {
        c[i] = (SelectCase){ch[i], &s[5], SELECT_SEND};
    }
    return select_run(p, f, c, 4, false, &s[6]) == CHAN_PARKED ? SWITCH : NEXT;
}

static Step sel_recv(P *p, Fiber *f, Slot *s)
{
    if (s[1].i) {
        CHECK(s[8].i >= 0 && s[8].i < 5 && s[9].u == 1);
        CHECK(s[10 + s[8].i].i > 0);
        atomic_fetch_add(&sum, s[10 + s[8].i].i);
    }
    if (s[1].i++ == SEL_N) {
        return atomic_fetch_add(&ndone, 1) == 2 * SEL_FIBERS - 1 ? (sched_exit_vm(p->vm, 0), STOP)
                                                                 : end(p);
    }
    SelectCase c[5];
    for (int i = 0; i < 4; i++) {
        c[i] = (SelectCase){ch[3 - i], &s[10 + i], SELECT_RECV};
    }
    c[4] = (SelectCase){NULL, NULL, SELECT_RECV};
    return select_run(p, f, c, 5, false, &s[8]) == CHAN_PARKED ? SWITCH : NEXT;
}

static Step sel_main(P *p, Fiber *f, Slot *s)
{
    for (int i = 0; i < 4; i++) {
        ch[i] = make(p, t_int, i == 3 ? 5 : 0);
    }
    for (int i = 0; i < SEL_FIBERS; i++) {
        fake_go(p, sel_send, num(0), num(0));
        fake_go(p, sel_recv, num(0), num(0));
    }
    return end(p);
}

static void test_select(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    sum = ndone = 0;
    CHECK(fake_main(vm, sel_main, num(0), num(0)) == 0);
    CHECK(sum == (int64_t)SEL_FIBERS * SEL_N * (SEL_N + 1) / 2);
    fake_close(vm);
}

/* ---- small facts, on one fiber ---- */
static Step facts(P *p, Fiber *f, Slot *s)
{
    const char *err;
    CHECK(!chan_new(p, &t_int->chan, -1, &err) && strstr(err, "out of range"));
    CHECK(!chan_new(p, &t_int->chan, (int64_t)1 << 60, &err) && err);
    CHECK(chan_close(p, NULL) == CHAN_NIL);
    Chan *c = make(p, t_i8, 2), *d = make(p, t_str, 1), *e = make(p, t_ptr, 3);
    s[4].i = -5;
    CHECK(chan_send(p, f, c, &s[4]) == CHAN_DONE && chan_len(c) == 1 && chan_cap(c) == 2);
    CHECK(chan_try_send(p, c, &s[4]) == CHAN_DONE);
    CHECK(chan_try_send(p, c, &s[4]) == CHAN_WOULD_BLOCK);
    s[4].i = 0;
    CHECK(chan_recv(p, f, c, &s[4], &s[5]) == CHAN_DONE && s[4].i == -5 && s[5].u == 1);
    s[6].p = s;
    s[7].i = 9;
    CHECK(chan_send(p, f, d, &s[6]) == CHAN_DONE);
    CHECK(chan_recv(p, f, d, &s[8], NULL) == CHAN_DONE && s[8].p == s && s[9].i == 9);
    CHECK(chan_send(p, f, e, &s[6]) == CHAN_DONE && chan_close(p, e) == CHAN_DONE);
    CHECK(chan_send(p, f, e, &s[6]) == CHAN_CLOSED);
    CHECK(chan_recv(p, f, e, &s[8], &s[5]) == CHAN_DONE && s[8].p == s && s[5].u == 1);
    CHECK(chan_recv(p, f, e, &s[8], &s[5]) == CHAN_DONE && s[8].p == NULL && s[5].u == 0);
    SelectCase k[2] = {{d, &s[8], SELECT_RECV}, {NULL, &s[8], SELECT_SEND}};
    CHECK(select_run(p, f, k, 2, true, &s[10]) == CHAN_DONE && s[10].i == -1);
    k[1].chan = e;
    CHECK(select_run(p, f, k, 2, true, &s[10]) == CHAN_CLOSED);
    k[1].dir = SELECT_RECV;
    CHECK(select_run(p, f, k, 2, true, &s[10]) == CHAN_DONE && s[10].i == 1 && s[11].u == 0);
    /* fairness: of two ready cases each is chosen often */
    int n[2] = {0, 0};
    CHECK(chan_close(p, d) == CHAN_DONE);
    for (int i = 0; i < 1000; i++) {
        CHECK(select_run(p, f, k, 2, false, &s[10]) == CHAN_DONE);
        n[s[10].i]++;
    }
    CHECK(n[0] > 400 && n[1] > 400);
    sched_exit_vm(p->vm, 0);
    return STOP;
}

/* ---- a sender that waits when the channel is closed ---- */
static Step closed_sender(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        s[4].i = 1;
        CHECK(chan_send(p, f, ch[0], &s[4]) == CHAN_PARKED);
        return SWITCH;
    }
    CHECK(f->resume == RESUME_SEND_CLOSED);
    sched_exit_vm(p->vm, 5);
    return STOP;
}

static Step closed_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        ch[0] = make(p, t_int, 0);
        fake_go(p, closed_sender, num(0), num(0));
        sched_gosched(p);
        return SWITCH;
    }
    if (s[1].i == 2 && chan_send_ready(ch[0])) {
        return NEXT;
    }
    while (!chan_recv_ready(ch[0])) {
        s[1].i--;
        sched_gosched(p);
        return SWITCH;
    }
    CHECK(chan_close(p, ch[0]) == CHAN_DONE);
    return end(p);
}

/* ---- timers ---- */
static Step nap(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        s[4].i = os_now();
        timer_sleep(p, f, s[2].i);
        return SWITCH;
    }
    CHECK(os_now() - s[4].i >= s[2].i);
    if (atomic_fetch_add(&ndone, 1) == 999) {
        sched_exit_vm(p->vm, 0);
        return STOP;
    }
    return end(p);
}

static Step nap_main(P *p, Fiber *f, Slot *s)
{
    for (int i = 0; i < 1000; i++) {
        fake_go(p, nap, num(1000 * (1 + i * 7919 % 20000)), num(0));
    }
    return end(p);
}

static void time_value(P *p, Slot *out, int64_t now)
{
    out[0].i = now;
}

static Timer *tm;
static Step ticks(P *p, Fiber *f, Slot *s)
{
    if (s[1].i == 0) {
        ch[0] = timer_chan_new(p, &t_time->chan, &tm);
        CHECK(!timer_stop(p, tm));
        CHECK(!timer_reset(p, tm, os_now() + 1000000, 1000000));
        CHECK(chan_len(ch[0]) == 0 && chan_cap(ch[0]) == 0);
    } else {
        CHECK(s[4].i > 0 && s[7].u == 1);
    }
    if (s[1].i++ == 5) {
        os_sleep(3000000); /* a tick comes that nobody takes */
        CHECK(timer_stop(p, tm));
        CHECK(chan_try_recv(p, ch[0], &s[4], &s[7]) == CHAN_WOULD_BLOCK);
        sched_exit_vm(p->vm, 0);
        return STOP;
    }
    return chan_recv(p, f, ch[0], &s[4], &s[7]) == CHAN_PARKED ? SWITCH : NEXT;
}

/* Stopped timers stay in the heap until they surface: firing order and next_timer do not notice. */
static Step stops(P *p, Fiber *f, Slot *s)
{
    enum { N = 2000 };
    static Timer t[N];
    static Timer *order[N];
    int64_t now = os_now();
    for (int i = 0; i < N; i++) {
        timer_init(&t[i], TIMER_FUNC, NULL);
        timer_reset(p, &t[i], now + 1000000000000 + i * 7919 % N, 0);
        order[i * 7919 % N] = &t[i];
    }
    for (int i = 0; i < N; i++) {
        CHECK(timer_earliest(p->vm) == now + 1000000000000 + i);
        if (i % 3 == 0) { /* one in the middle, which comes up later than the first */
            Timer *mid = order[(i + N) / 2];
            CHECK(timer_stop(p, mid));
            CHECK(!timer_reset(p, mid, now + 1000000000000 + (i + N) / 2, 0));
            CHECK(timer_reset(p, mid, now + 1000000000000 + (i + N) / 2, 0));
        }
        CHECK(timer_stop(p, order[i]) && !timer_stop(p, order[i]));
    }
    CHECK(timer_earliest(p->vm) == INT64_MAX && p->ntimers == 0 && p->dead_timers == 0);
    sched_exit_vm(p->vm, 0);
    return STOP;
}

/* a fiber that computes does not keep timers from firing, on one P */
static Step spin_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        ndone = 998;
        fake_go(p, nap, num(1000000), num(0));
        fake_go(p, nap, num(2000000), num(0));
    }
    return NEXT;
}

static void run(uint32_t procs, StepFn fn, int want)
{
    VMHooks h = fake_hooks;
    h.timer_value = time_value;
    GolVM *vm = fake_vm(&h, procs);
    ndone = 0;
    CHECK(fake_main(vm, fn, num(0), num(0)) == want);
    fake_close(vm);
}

static void say(const char *what, uint32_t procs)
{
    if (getenv("VERBOSE")) {
        fprintf(stderr, "%lld %s %u\n", (long long)os_now() / 1000000, what, procs);
    }
}

int main(void)
{
    alarm(60);
    t_int = fake_chan_type(RK_INT, 8, false);
    t_time = fake_chan_type(RK_STRUCT, 24, false);
    t_i8 = fake_chan_type(RK_INT8, 1, false);
    t_str = fake_chan_type(RK_STRING, 16, false);
    t_ptr = fake_chan_type(RK_POINTER, 8, false);
    for (uint32_t procs = 1; procs <= 4; procs += procs) {
        say("run(procs, facts, 0);", procs);
        run(procs, facts, 0);
        say("test_pc(procs, 0);", procs);
        test_pc(procs, 0);
        say("test_pc(procs, 1);", procs);
        test_pc(procs, 1);
        say("test_pc(procs, 100);", procs);
        test_pc(procs, 100);
        say("test_select(procs);", procs);
        test_select(procs);
        say("run(procs, closed_main, 5);", procs);
        run(procs, closed_main, 5);
        say("run(procs, nap_main, 0);", procs);
        run(procs, nap_main, 0);
        say("run(procs, ticks, 0);", procs);
        run(procs, ticks, 0);
        say("run(procs, stops, 0);", procs);
        run(procs, stops, 0);
        say("run(procs, spin_main, 0);", procs);
        run(procs, spin_main, 0);
    }
    free(t_int);
    free(t_time);
    free(t_i8);
    free(t_str);
    free(t_ptr);
    return 0;
}
