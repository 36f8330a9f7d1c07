/* test_sched.c - the scheduler on a fake VM: spawning, stealing, preemption, stopping the world,
 * GOMAXPROCS, blocking sections, deadlock, semaphores, condition lists. */
#define _GNU_SOURCE
#include "tests/unit/fakevm.h"

#include <fcntl.h>
#include <unistd.h>

#include "runtime/netpoll.h"

static _Atomic int64_t sum;

/* ---- a tree of goroutines that ends the VM when the last one is done ---- */
static _Atomic int64_t tree_left;

static Step tree(P *p, Fiber *f, Slot *s)
{
    int64_t depth = s[2].i;
    if (depth > 0) {
        fake_go(p, tree, num(depth - 1), num(0));
        fake_go(p, tree, num(depth - 1), num(0));
    }
    if (atomic_fetch_sub(&tree_left, 1) == 1) {
        sched_exit_vm(p->vm, 7);
        return STOP;
    }
    sched_exit(p);
    return SWITCH;
}

static Step tree_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        fake_go(p, tree, num(13), num(0));
    }
    sched_gosched(p);
    return SWITCH;
}

static void test_tree(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    tree_left = (1 << 14) - 1;
    CHECK(fake_main(vm, tree_main, num(0), num(0)) == 7);
    CHECK(tree_left == 0);
    fake_close(vm);
}

/* ---- long runners are preempted: all of them advance on one P ---- */
static _Atomic int runners;

static Step runner(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0 && atomic_fetch_add(&runners, 1) == 2) {
        sched_exit_vm(p->vm, 3);
        return STOP;
    }
    return NEXT;
}

static Step runner_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        fake_go(p, runner, num(0), num(0));
        fake_go(p, runner, num(0), num(0));
        fake_go(p, runner, num(0), num(0));
    }
    return NEXT;
}

static void test_preempt(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    runners = 0;
    CHECK(fake_main(vm, runner_main, num(0), num(0)) == 3);
    fake_close(vm);
}

/* ---- the world stops: nobody counts meanwhile ---- */
static _Atomic int64_t counter;

static Step count_up(P *p, Fiber *f, Slot *s)
{
    atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
    if (s[1].i++ % 100 == 0) {
        sched_gosched(p);
        return SWITCH;
    }
    return NEXT;
}

static Step stopper(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        for (int i = 0; i < 8; i++) {
            fake_go(p, count_up, num(0), num(0));
        }
    }
    if (sched_stop_world(p)) {
        int64_t before = counter;
        os_sleep(20000);
        CHECK(counter == before);
        sched_start_world(p);
    }
    if (s[1].i > 50) {
        sched_exit_vm(p->vm, 0);
        return STOP;
    }
    if (sched_current_m()->p != p) {
        return STOP;
    }
    sched_gosched(p);
    return SWITCH;
}

static void test_stop(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    CHECK(fake_main(vm, stopper, num(0), num(0)) == 0);
    fake_close(vm);
}

/* ---- two goroutines stop the world against each other ---- */
static _Atomic int stops;
static Step stop_often(P *p, Fiber *f, Slot *s)
{
    if (sched_stop_world(p)) {
        CHECK(atomic_fetch_add(&runners, 1) == 0);
        atomic_fetch_sub(&runners, 1);
        sched_start_world(p);
        if (atomic_fetch_add(&stops, 1) == 300) {
            sched_exit_vm(p->vm, 0);
            return STOP;
        }
    }
    if (sched_current_m()->p != p) {
        return STOP;
    }
    sched_gosched(p);
    return SWITCH;
}

static Step stop_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        fake_go(p, stop_often, num(0), num(0));
        fake_go(p, stop_often, num(0), num(0));
    }
    sched_gosched(p);
    return SWITCH;
}

static void test_stop_race(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    runners = 0;
    stops = 0;
    CHECK(fake_main(vm, stop_main, num(0), num(0)) == 0);
    fake_close(vm);
}

/* ---- GOMAXPROCS goes up and down under load ---- */
static Step resizer(P *p, Fiber *f, Slot *s)
{
    if (s[1].i == 0) {
        for (int i = 0; i < 6; i++) {
            fake_go(p, count_up, num(0), num(0));
        }
    }
    if (s[1].i++ == 60) {
        sched_exit_vm(p->vm, 0);
        return STOP;
    }
    P *q = sched_set_procs(p, (uint32_t)(1 + s[1].i * 7 % 5));
    CHECK(q == sched_current_m()->p || sched_exiting(p->vm));
    if (q != p) {
        /* what the VM does: go on with the new P; the fake loop cannot, so it comes back */
        q->fiber = NULL;
        fiber_set_status(f, FIBER_RUNNABLE);
        sched_ready_remote(q->vm, f);
        return STOP;
    }
    sched_gosched(p);
    return SWITCH;
}

static void test_resize(void)
{
    GolVM *vm = fake_vm(NULL, 4);
    CHECK(fake_main(vm, resizer, num(0), num(0)) == 0);
    fake_close(vm);
}

/* ---- blocking sections hand their P over ---- */
static Step blocker(P *p, Fiber *f, Slot *s)
{
    sched_enter_blocking(p);
    os_sleep(s[2].i);
    p = sched_exit_blocking(p);
    CHECK(p->fiber == f);
    atomic_fetch_add(&sum, 1);
    sched_exit(p);
    return STOP; /* p may have changed: the loop comes back with the thread's P */
}

static Step blocker_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        sum = 0;
        for (int i = 0; i < 16; i++) {
            fake_go(p, blocker, num(i % 4 ? 50000 : 3000000), num(0));
        }
    }
    if (sum == 16) {
        sched_exit_vm(p->vm, 0);
        return STOP;
    }
    sched_gosched(p);
    return SWITCH;
}

static void test_blocking(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    CHECK(fake_main(vm, blocker_main, num(0), num(0)) == 0);
    fake_close(vm);
}

/* ---- deadlock ---- */
static Step sleeper_nil(P *p, Fiber *f, Slot *s)
{
    CHECK(chan_recv(p, f, NULL, &s[4], NULL) == CHAN_PARKED);
    return SWITCH;
}

static Step dead_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        fake_go(p, sleeper_nil, num(0), num(0));
    }
    CHECK(select_run(p, f, NULL, 0, false, &s[4]) == CHAN_PARKED);
    return SWITCH;
}

static void test_deadlock(uint32_t procs)
{
    static TextSink t;
    t.n = 0;
    t.sink.write = text_write;
    GolVM *vm = fake_vm(NULL, procs);
    vm->err = &t.sink;
    CHECK(fake_main(vm, dead_main, num(0), num(0)) == 2);
    CHECK(strcmp(t.text, "fatal error: all goroutines are asleep - deadlock!\n\n"
                         "goroutine 1 [select (no cases)]:\n\n"
                         "goroutine 2 [chan receive (nil chan)]:\n") == 0);
    fake_close(vm);
}

/* ---- semaphores as a lock ---- */
static _Atomic uint32_t sema = 1;
static int64_t guarded;
static _Atomic int done;

static Step locker(P *p, Fiber *f, Slot *s)
{
    switch (s[1].i) {
    case 0:
        if (s[4].i++ == 2000) {
            if (atomic_fetch_add(&done, 1) == 7) {
                sched_exit_vm(p->vm, 0);
                return STOP;
            }
            sched_exit(p);
            return SWITCH;
        }
        s[1].i = 1;
        return sema_acquire(p, f, &sema, false, WAIT_SEMACQUIRE) ? NEXT : SWITCH;
    default:
        guarded++;
        s[1].i = 0;
        sema_release(p, &sema, false);
        if (s[4].i % 3 == 0) {
            sched_gosched(p);
            return SWITCH;
        }
        return NEXT;
    }
}

static Step locker_main(P *p, Fiber *f, Slot *s)
{
    for (int i = 0; i < 8; i++) {
        fake_go(p, locker, num(0), num(0));
    }
    sched_exit(p);
    return SWITCH;
}

static void test_sema(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    guarded = 0;
    done = 0;
    sema = 1;
    CHECK(fake_main(vm, locker_main, num(0), num(0)) == 0);
    CHECK(guarded == 8 * 2000 && sema == 1);
    fake_close(vm);
}

/* ---- condition lists: each of 100 waiters is woken once ---- */
static NotifyList cond;
static Step cond_waiter(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        uint32_t t = notify_add(&cond);
        return notify_wait(p, f, &cond, t) ? NEXT : SWITCH;
    }
    atomic_fetch_add(&sum, 1);
    sched_exit(p);
    return SWITCH;
}

static Step cond_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        sum = 0;
        for (int i = 0; i < 100; i++) {
            fake_go(p, cond_waiter, num(0), num(0));
        }
    }
    if (sum < 50) {
        notify_one(p, &cond);
    } else {
        notify_all(p, &cond);
    }
    if (sum == 100) {
        sched_exit_vm(p->vm, 0);
        return STOP;
    }
    sched_gosched(p);
    return SWITCH;
}

static void test_cond(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    CHECK(fake_main(vm, cond_main, num(0), num(0)) == 0);
    fake_close(vm);
}

/* ---- growing stacks, ids ---- */
static Step grow_main(P *p, Fiber *f, Slot *s)
{
    s[4].i = 77;
    CHECK(f->id == 1);
    CHECK(fiber_grow(p, f, 1000) && f->stack_slots >= 1000 && f->stack[4].i == 77);
    CHECK(p->move_stack || atomic_load(&p->stack_limit) == f->stack + f->stack_slots);
    CHECK(!fiber_grow(p, f, p->vm->fiber_stack_max + 1));
    sched_exit_vm(p->vm, 0);
    return STOP;
}

static void test_grow(void)
{
    GolVM *vm = fake_vm(NULL, 1);
    CHECK(fake_main(vm, grow_main, num(0), num(0)) == 0);
    CHECK(vm->monitor_state == 0 && vm->nms == 0); /* no thread was started */
    fake_close(vm);
}

/* ---- descriptors: a reader waits for a pipe, the writer sleeps first ---- */
static int pipe_fd[2];
static PollDesc *desc;
static Step pipe_reader(P *p, Fiber *f, Slot *s)
{
    char c;
    f->resume = RESUME_GO;
    ssize_t k = read(pipe_fd[0], &c, 1);
    if (k < 0) {
        return netpoll_wait(p, f, desc, false) ? NEXT : SWITCH;
    }
    if (k == 0) {
        netpoll_close(p, desc);
        sched_exit_vm(p->vm, (int)s[4].i);
        return STOP;
    }
    s[4].i++;
    return NEXT;
}

static Step pipe_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i == 0) {
        CHECK(pipe2(pipe_fd, O_NONBLOCK) == 0);
        desc = netpoll_open(p, pipe_fd[0]);
        CHECK(desc);
        fake_go(p, pipe_reader, num(0), num(0));
    } else {
        CHECK(write(pipe_fd[1], "x", 1) == 1);
    }
    if (s[1].i++ == 20) {
        close(pipe_fd[1]);
        sched_exit(p);
        return SWITCH;
    }
    timer_sleep(p, f, s[1].i % 2 ? 2000000 : 1000);
    return SWITCH;
}

static void test_pipe(uint32_t procs)
{
    GolVM *vm = fake_vm(NULL, procs);
    CHECK(fake_main(vm, pipe_main, num(0), num(0)) == 20);
    close(pipe_fd[0]);
    fake_close(vm);
}

/* ---- the VM ends while another thread sits in the kernel ---- */
static Step stuck(P *p, Fiber *f, Slot *s)
{
    char c;
    if (sched_current_m()->is_host) {
        sched_exit_vm(p->vm, 9); /* it would be waited for: nothing to test this time */
        return STOP;
    }
    atomic_store(&sum, 1);
    sched_enter_blocking(p);
    CHECK(read(pipe_fd[0], &c, 1) == 0);
    sched_exit_blocking(p);
    CHECK(false); /* the thread does not come back */
    return STOP;
}

static Step leave_main(P *p, Fiber *f, Slot *s)
{
    if (s[1].i++ == 0) {
        CHECK(pipe(pipe_fd) == 0);
        sum = 0;
        fake_go(p, stuck, num(0), num(0));
    }
    if (!atomic_load(&sum)) {
        return NEXT;
    }
    os_sleep(1000000);
    sched_exit_vm(p->vm, 9);
    return STOP;
}

static void test_leave(void)
{
    GolVM *vm = fake_vm(NULL, 2);
    CHECK(fake_main(vm, leave_main, num(0), num(0)) == 9);
    CHECK(vm->nms == (sum ? 1 : 0));
    close(pipe_fd[1]);
    while (vm->nms) {
        os_sleep(1000000);
    }
    close(pipe_fd[0]);
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
    test_grow();
    for (uint32_t procs = 1; procs <= 4; procs += procs) {
        say("test_tree(procs);", procs);
        test_tree(procs);
        say("test_preempt(procs);", procs);
        test_preempt(procs);
        say("test_stop(procs);", procs);
        test_stop(procs);
        say("test_stop_race(procs);", procs);
        test_stop_race(procs);
        say("test_blocking(procs);", procs);
        test_blocking(procs);
        say("test_deadlock(procs);", procs);
        test_deadlock(procs);
        say("test_sema(procs);", procs);
        test_sema(procs);
        say("test_cond(procs);", procs);
        test_cond(procs);
    }
    for (uint32_t procs = 1; procs <= 4; procs += procs) {
        say("pipe", procs);
        test_pipe(procs);
    }
    say("leave", 2);
    test_leave();
    say("resize", 4);
    test_resize();
    return 0;
}
