/* test_model.c - every interleaving of small programs, in the runtime and in a model, must come to
 * the same outcomes.
 *
 * A program is up to three goroutines of up to four operations on two channels (one without, one
 * with a buffer of one), a mutex and a wait group of two. The runtime executes it under
 * CHOICE_EXACT with a chooser that walks all sequences of answers (depth first: a prefix is
 * replayed, then the first answer is taken until the program comes to rest). The model below knows
 * nothing of the runtime: it is Go's specification over arrays, and also walks all its choices.
 * An outcome is what each goroutine saw, and where it stopped. Channels, select and groups must
 * agree exactly; which of several waiters gets a mutex is left open by the model, so programs with
 * one are checked for inclusion only.
 *
 * MODEL_PROGRAMS=N tries N random programs beside the fixed ones (300).
 */
#include "runtime/choice.h"
#include "runtime/mutex.h"
#include "runtime/waitgroup.h"

#include "tests/unit/fakevm.h"

#include <unistd.h>

enum { GOROUTINES = 3, OPS = 4, MOST_RUNS = 40000, MOST_CHOICES = 200, OUTCOME = 64 };

typedef enum OpKind { NONE, SEND, RECV, CLOSE, PICK, PICK_OR_NOT, LOCK, UNLOCK, DONE, WAIT } OpKind;
typedef struct Op {
    uint8_t kind, ch; /* PICK: receives from ch, or sends to the other */
    uint8_t value;
} Op;
typedef struct Program { Op op[GOROUTINES][OPS]; } Program;

/* What an operation showed: one letter or two. */
static void note(char *to, const char *what)
{
    CHECK(strlen(to) + strlen(what) < OUTCOME / GOROUTINES);
    strcat(to, what);
}

static void note_recv(char *to, int v, bool ok)
{
    char b[3] = {ok ? 'r' : 'z', (char)('0' + v), 0};
    note(to, b);
}

typedef struct Outcomes {
    char (*at)[OUTCOME];
    size_t n, cap, runs;
} Outcomes;

static void outcome_add(Outcomes *o, char saw[GOROUTINES][OUTCOME / GOROUTINES + 1])
{
    char s[OUTCOME] = "";
    for (int g = 0; g < GOROUTINES; g++) {
        strcat(s, saw[g]);
        strcat(s, g + 1 < GOROUTINES ? "," : "");
    }
    o->runs++;
    for (size_t i = 0; i < o->n; i++) {
        if (strcmp(o->at[i], s) == 0) {
            return;
        }
    }
    if (o->n == o->cap) {
        o->cap = o->cap ? o->cap * 2 : 64;
        o->at = realloc(o->at, o->cap * sizeof *o->at);
        CHECK(o->at);
    }
    strcpy(o->at[o->n++], s);
}

static bool outcome_has(const Outcomes *o, const char *s)
{
    for (size_t i = 0; i < o->n; i++) {
        if (strcmp(o->at[i], s) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the model ---- */

typedef struct ModelWait { int8_t g, value, pick; } ModelWait; /* pick: -1, or the case of a select */
typedef struct ModelChan {
    int8_t cap, len, buf[2];
    bool closed;
    int8_t nsend, nrecv;
    ModelWait send[8], recv[8];
} ModelChan;
typedef struct Model {
    ModelChan ch[2];
    bool locked;
    int8_t group, pc[GOROUTINES];
    bool blocked[GOROUTINES], over[GOROUTINES];
    bool waited[GOROUTINES]; /* the group has let it go: it looks at the group when it runs */
    char saw[GOROUTINES][OUTCOME / GOROUTINES + 1];
} Model;

static void model_forget(ModelWait *q, int8_t *n, int g)
{
    int8_t k = 0;
    for (int8_t i = 0; i < *n; i++) {
        if (q[i].g != g) {
            q[k++] = q[i];
        }
    }
    *n = k;
}

/* g's waiting operation is complete. */
static void model_wake(Model *m, int g)
{
    for (int c = 0; c < 2; c++) {
        model_forget(m->ch[c].send, &m->ch[c].nsend, g);
        model_forget(m->ch[c].recv, &m->ch[c].nrecv, g);
    }
    m->blocked[g] = false;
    m->pc[g]++;
}

static void model_end(Model *m, int g, const char *why)
{
    note(m->saw[g], why);
    m->over[g] = true;
}

static bool model_can_send(const ModelChan *c) { return c->closed || c->nrecv || c->len < c->cap; }
static bool model_can_recv(const ModelChan *c) { return c->closed || c->nsend || c->len; }

static void note_case(Model *m, int g, int pick)
{
    if (pick >= 0) {
        note(m->saw[g], pick ? "B" : "A");
    }
}

/* False: g panicked. */
static bool model_send(Model *m, int g, ModelChan *c, int v)
{
    if (c->closed) {
        model_end(m, g, "!");
        return false;
    }
    if (c->nrecv) {
        ModelWait r = c->recv[0];
        note_case(m, r.g, r.pick);
        note_recv(m->saw[r.g], v, true);
        model_wake(m, r.g);
    } else {
        c->buf[c->len++] = (int8_t)v;
    }
    return true;
}

static void model_recv(Model *m, int g, ModelChan *c)
{
    int v = 0;
    bool ok = c->len || c->nsend;
    if (c->len) {
        v = c->buf[0];
        c->buf[0] = c->buf[1];
        c->len--;
    }
    if (c->nsend) {
        ModelWait s = c->send[0];
        if (c->cap) {
            c->buf[c->len++] = s.value;
        } else {
            v = s.value;
        }
        note_case(m, s.g, s.pick);
        note(m->saw[s.g], "s");
        model_wake(m, s.g);
    }
    note_recv(m->saw[g], v, ok);
}

static void model_close(Model *m, int g, ModelChan *c)
{
    if (c->closed) {
        model_end(m, g, "!");
        return;
    }
    c->closed = true;
    note(m->saw[g], "c");
    m->pc[g]++;
    while (c->nrecv) {
        ModelWait r = c->recv[0];
        note_case(m, r.g, r.pick);
        note_recv(m->saw[r.g], 0, false);
        model_wake(m, r.g);
    }
    while (c->nsend) {
        int s = c->send[0].g;
        model_wake(m, s);
        model_end(m, s, "!");
    }
}

static bool model_runs(const Model *m, const Program *p, int g)
{
    return !m->over[g] && m->pc[g] < OPS && p->op[g][m->pc[g]].kind != NONE &&
           (!m->blocked[g] || (p->op[g][m->pc[g]].kind == LOCK && !m->locked));
}

static void model_walk(const Model *m, const Program *p, Outcomes *out);

static void model_pick(Model m, const Program *p, int g, Op op, Outcomes *out)
{
    ModelChan *a = &m.ch[op.ch], *b = &m.ch[1 - op.ch];
    bool can_a = model_can_recv(a), can_b = model_can_send(b);
    if (can_a) {
        Model n = m;
        note_case(&n, g, 0);
        n.pc[g]++;
        model_recv(&n, g, &n.ch[op.ch]);
        model_walk(&n, p, out);
    }
    if (can_b) {
        Model n = m;
        if (!n.ch[1 - op.ch].closed) {
            note_case(&n, g, 1);
            note(n.saw[g], "s");
        }
        n.pc[g]++;
        model_send(&n, g, &n.ch[1 - op.ch], op.value);
        model_walk(&n, p, out);
    }
    if (can_a || can_b) {
        return;
    }
    if (op.kind == PICK_OR_NOT) {
        note(m.saw[g], "d");
        m.pc[g]++;
    } else {
        a->recv[a->nrecv++] = (ModelWait){(int8_t)g, 0, 0};
        b->send[b->nsend++] = (ModelWait){(int8_t)g, (int8_t)op.value, 1};
        m.blocked[g] = true;
    }
    model_walk(&m, p, out);
}

/* One operation of g, then everything that may follow. */
static void model_step(Model m, const Program *p, int g, Outcomes *out)
{
    if (m.waited[g]) {
        m.waited[g] = false;
        m.pc[g]++;
        if (m.group != 0) {
            model_end(&m, g, "!");
        } else {
            note(m.saw[g], "w");
        }
        if (!model_runs(&m, p, g)) {
            model_walk(&m, p, out);
            return;
        }
    }
    Op op = p->op[g][m.pc[g]];
    ModelChan *c = &m.ch[op.ch];
    switch ((OpKind)op.kind) {
    case SEND:
        if (!model_can_send(c)) {
            c->send[c->nsend++] = (ModelWait){(int8_t)g, (int8_t)op.value, -1};
            m.blocked[g] = true;
        } else if (model_send(&m, g, c, op.value)) {
            note(m.saw[g], "s");
            m.pc[g]++;
        }
        break;
    case RECV:
        if (!model_can_recv(c)) {
            c->recv[c->nrecv++] = (ModelWait){(int8_t)g, 0, -1};
            m.blocked[g] = true;
        } else {
            model_recv(&m, g, c);
            m.pc[g]++;
        }
        break;
    case CLOSE: model_close(&m, g, c); break;
    case PICK: case PICK_OR_NOT: model_pick(m, p, g, op, out); return;
    case LOCK:
        m.blocked[g] = m.locked;
        if (!m.locked) {
            m.locked = true;
            m.pc[g]++;
        }
        break;
    case UNLOCK:
        m.locked = false;
        m.pc[g]++;
        break;
    case DONE:
        m.pc[g]++;
        if (--m.group < 0) {
            model_end(&m, g, "!");
        }
        for (int i = 0; i < GOROUTINES && m.group == 0; i++) {
            if (m.blocked[i] && p->op[i][m.pc[i]].kind == WAIT) {
                m.blocked[i] = false;
                m.waited[i] = true;
            }
        }
        break;
    case WAIT:
        m.blocked[g] = m.group != 0;
        if (m.group == 0) {
            note(m.saw[g], "w");
            m.pc[g]++;
        }
        break;
    case NONE: break;
    }
    model_walk(&m, p, out);
}

static void model_walk(const Model *m, const Program *p, Outcomes *out)
{
    bool any = false;
    if (out->runs > MOST_RUNS) {
        return;
    }
    for (int g = 0; g < GOROUTINES; g++) {
        if (model_runs(m, p, g)) {
            any = true;
            model_step(*m, p, g, out);
        }
    }
    if (!any) {
        Model end = *m;
        for (int g = 0; g < GOROUTINES; g++) {
            char where[2] = {(char)(m->over[g] ? 'x' : '0' + m->pc[g]), 0};
            note(end.saw[g], where);
        }
        outcome_add(out, end.saw);
    }
}

/* ---- the runtime ---- */

static struct {
    const Program *program;
    Chan *ch[2];
    Mutex mutex;
    WaitGroup group;
    Fiber *fiber[GOROUTINES], *driver;
    int pc[GOROUTINES];
    bool over[GOROUTINES], abandon;
    char saw[GOROUTINES][OUTCOME / GOROUTINES + 1];
    uint32_t choice[MOST_CHOICES], limit[MOST_CHOICES], at, depth;
    Outcomes *out;
} run;
static FakeType *t_int;

/* The driver runs when nobody else can. */
static uint32_t chooser(P *p, ChoiceKind kind, uint32_t n, void *ctx)
{
    uint32_t skip = n;
    if (kind == CHOICE_NEXT) {
        Fiber *f = p->vm->globq_head;
        for (uint32_t i = 0; i < n; i++, f = f->next) {
            skip = f == run.driver ? i : skip;
        }
    }
    uint32_t m = n - (skip < n);
    if (run.abandon || m < 2) {
        return skip == 0 ? 1 : 0;
    }
    CHECK(run.at < MOST_CHOICES);
    if (run.at == run.depth) {
        run.choice[run.depth] = 0;
        run.limit[run.depth++] = m;
    }
    CHECK(run.limit[run.at] == m);
    uint32_t k = run.choice[run.at++];
    return k + (k >= skip);
}

/* The next sequence of answers; false: that was the last. */
static bool advance(void)
{
    while (run.depth > 0 && run.choice[run.depth - 1] + 1 == run.limit[run.depth - 1]) {
        run.depth--;
    }
    if (run.depth > 0) {
        run.choice[run.depth - 1]++;
    }
    run.at = 0;
    return run.depth > 0;
}

enum { IS_NEW, IS_WAITING }; /* s[1]; s[3] goroutine, s[4..5] chosen, s[6] value, s[7] ok, s[8] to send */

static Step over(P *p, int g, const char *why)
{
    if (why) {
        note(run.saw[g], why);
        run.over[g] = true;
    }
    run.fiber[g] = NULL;
    sched_exit(p);
    return SWITCH;
}

/* What the operation that is complete has shown. */
static void complete(int g, Op op, const Slot *s)
{
    bool pick = op.kind == PICK || op.kind == PICK_OR_NOT;
    if (pick && s[4].i < 0) {
        note(run.saw[g], "d");
    } else if (pick) {
        note(run.saw[g], s[4].i ? "B" : "A");
        if (s[4].i) {
            note(run.saw[g], "s");
        } else {
            note_recv(run.saw[g], (int)s[6].i, s[5].u != 0);
        }
    } else if (op.kind == RECV) {
        note_recv(run.saw[g], (int)s[6].i, s[7].u != 0);
    } else if (op.kind == SEND) {
        note(run.saw[g], "s");
    } else if (op.kind == WAIT) {
        note(run.saw[g], "w");
    } else if (op.kind == CLOSE) {
        note(run.saw[g], "c");
    }
    run.pc[g]++;
}

static ChanStatus execute(P *p, Fiber *f, Op op, Slot *s)
{
    Chan *c = run.ch[op.ch];
    s[8].i = op.value;
    switch ((OpKind)op.kind) {
    case SEND: return chan_send(p, f, c, &s[8]);
    case RECV: return chan_recv(p, f, c, &s[6], &s[7]);
    case CLOSE: return chan_close(p, c);
    case PICK: case PICK_OR_NOT: {
        SelectCase cases[2] = {{c, &s[6], SELECT_RECV}, {run.ch[1 - op.ch], &s[8], SELECT_SEND}};
        return select_run(p, f, cases, 2, op.kind == PICK_OR_NOT, &s[4]);
    }
    case LOCK:
        return (!f->wake_value && mutex_lock_fast(p, &run.mutex)) ||
                       mutex_lock(p, f, &run.mutex, WAIT_MUTEX_LOCK) == MUTEX_DONE
                   ? CHAN_DONE : CHAN_PARKED;
    case UNLOCK:
        CHECK(mutex_unlock_fast(p, &run.mutex) || mutex_unlock(p, &run.mutex));
        return CHAN_DONE;
    case DONE:
        return !waitgroup_add_fast(p, &run.group, -1) && waitgroup_add(p, &run.group, -1)
                   ? CHAN_CLOSED : CHAN_DONE;
    case WAIT: {
        WaitStatus w = waitgroup_wait(p, f, &run.group);
        return w == WAIT_DONE ? CHAN_DONE : w == WAIT_PARKED ? CHAN_PARKED : CHAN_CLOSED;
    }
    case NONE: break;
    }
    return CHAN_DONE;
}

static Step goroutine(P *p, Fiber *f, Slot *s)
{
    int g = (int)s[3].i;
    if (run.abandon) {
        return over(p, g, NULL);
    }
    const Op *ops = run.program->op[g];
    if (s[1].i == IS_WAITING) {
        s[1].i = IS_NEW;
        if (f->resume == RESUME_SEND_CLOSED) {
            run.pc[g]++;
            return over(p, g, "!");
        }
        if (ops[run.pc[g]].kind == WAIT && execute(p, f, ops[run.pc[g]], s) == CHAN_CLOSED) {
            run.pc[g]++; /* the group was used again before this ran */
            return over(p, g, "!");
        }
        if (ops[run.pc[g]].kind != LOCK) { /* that one competes again */
            complete(g, ops[run.pc[g]], s);
        }
    }
    if (run.pc[g] == OPS || ops[run.pc[g]].kind == NONE) {
        return over(p, g, NULL);
    }
    ChanStatus st = execute(p, f, ops[run.pc[g]], s);
    if (st == CHAN_PARKED) {
        s[1].i = IS_WAITING;
        return SWITCH;
    }
    if (st == CHAN_CLOSED) {
        run.pc[g]++;
        return over(p, g, "!");
    }
    complete(g, ops[run.pc[g]], s);
    sched_gosched(p);
    return SWITCH;
}

static void begin(P *p)
{
    const char *err;
    run.abandon = false;
    for (int c = 0; c < 2; c++) {
        run.ch[c] = chan_new(p, &t_int->chan, c, &err);
        CHECK(run.ch[c]);
    }
    memset(&run.mutex, 0, sizeof run.mutex);
    memset(&run.group, 0, sizeof run.group);
    CHECK(waitgroup_add_fast(p, &run.group, 2));
    for (int g = 0; g < GOROUTINES; g++) {
        run.pc[g] = 0;
        run.over[g] = false;
        run.saw[g][0] = 0;
        run.fiber[g] = fake_new(p, goroutine);
        run.fiber[g]->stack[3] = num(g);
    }
    for (int g = 0; g < GOROUTINES; g++) {
        sched_start(p, run.fiber[g]);
    }
}

/* Everybody has ended or waits for ever: notes that and frees the waiters. */
static void rest(P *p)
{
    for (int g = 0; g < GOROUTINES; g++) {
        char where[2] = {(char)(run.over[g] ? 'x' : '0' + run.pc[g]), 0};
        note(run.saw[g], where);
    }
    outcome_add(run.out, run.saw);
    run.abandon = true;
    Fiber *driver = p->fiber;
    for (int g = 0; g < GOROUTINES; g++) {
        Fiber *f = run.fiber[g];
        if (!f) {
            continue;
        }
        if (f->reason == WAIT_MUTEX_LOCK) { /* it, or another one that waits for the same */
            sema_release(p, &run.mutex.sema, false);
        } else if (f->reason == WAIT_WAITGROUP_WAIT) {
            sema_release(p, &run.group.sema, false);
        } else {
            CHECK(fiber_status(f) == FIBER_WAITING);
            if (f->nwait) {
                select_cleanup(p, f);
            }
            p->fiber = f;
            sched_exit(p);
            p->fiber = driver;
            run.fiber[g] = NULL;
        }
    }
}

static Step drive(P *p, Fiber *f, Slot *s)
{
    run.driver = f;
    switch (s[1].i++ % 3) {
    case 0: begin(p); break;
    case 1: rest(p); break;
    case 2:
        if (!advance() || run.out->runs > MOST_RUNS) {
            sched_exit_vm(p->vm, 0);
            return STOP;
        }
        return NEXT;
    }
    sched_gosched(p);
    return SWITCH;
}

/* ---- programs ---- */

static uint64_t seed = 1;
static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static Program random_program(void)
{
    Program p = {0};
    bool with_mutex = below(3) == 0, with_group = below(3) == 0;
    for (int g = 0; g < GOROUTINES; g++) {
        int n = 1 + (int)below(OPS);
        bool held = false;
        for (int i = 0; i < n; i++) {
            Op *op = &p.op[g][i];
            uint32_t k = below(12);
            op->kind = (uint8_t)(k < 4 ? SEND : k < 8 ? RECV : k == 8 ? CLOSE : k == 9 ? PICK
                                 : k == 10 ? PICK_OR_NOT : SEND);
            if (with_mutex && below(2) == 0) {
                op->kind = held ? UNLOCK : LOCK;
                held = !held;
            } else if (with_group && below(3) == 0) {
                op->kind = below(2) ? DONE : WAIT;
            }
            op->ch = (uint8_t)below(2);
            op->value = (uint8_t)(1 + g * 3 + i % 3);
        }
    }
    return p;
}

static bool has(const Program *p, OpKind kind)
{
    for (int i = 0; i < GOROUTINES * OPS; i++) {
        if (p->op[i / OPS][i % OPS].kind == kind) {
            return true;
        }
    }
    return false;
}

static void show(const Program *p)
{
    static const char *const names[] = {"-", "send", "recv", "close", "pick", "pick_or_not", "lock",
                                        "unlock", "done", "wait"};
    for (int i = 0; i < GOROUTINES * OPS; i++) {
        const Op *op = &p->op[i / OPS][i % OPS];
        fprintf(stderr, "%s(%d,%d)%s", names[op->kind], op->ch, op->value,
                i % OPS == OPS - 1 ? "\n" : " ");
    }
}

/* False: too many interleavings to walk. */
static bool check(const Program *p)
{
    Outcomes model = {0}, real = {0};
    Model m = {.ch = {{.cap = 0}, {.cap = 1}}, .group = 2};
    model_walk(&m, p, &model);
    bool small = model.runs <= MOST_RUNS / 4;
    if (small) {
        run.program = p;
        run.out = &real;
        run.at = run.depth = 0;
        GolVM *vm = fake_vm(NULL, 1);
        choice_install(vm, CHOICE_EXACT, chooser, NULL);
        CHECK(fake_main(vm, drive, num(0), num(0)) == 0);
        fake_close(vm);
        for (size_t i = 0; i < real.n; i++) {
            if (!outcome_has(&model, real.at[i])) {
                show(p);
                fprintf(stderr, "the model never comes to %s\n", real.at[i]);
                abort();
            }
        }
        bool whole = real.runs <= MOST_RUNS && !has(p, LOCK);
        for (size_t i = 0; i < model.n && whole; i++) {
            if (!outcome_has(&real, model.at[i])) {
                show(p);
                fprintf(stderr, "the runtime never comes to %s\n", model.at[i]);
                abort();
            }
        }
    }
    free(model.at);
    free(real.at);
    return small;
}

static const Program fixed[] = {
    {{{{SEND, 0, 1}, {RECV, 1, 0}}, {{RECV, 0, 0}, {SEND, 1, 2}}, {{SEND, 0, 3}}}},
    {{{{PICK, 0, 1}, {PICK, 1, 2}}, {{PICK, 0, 3}, {PICK, 1, 4}}, {{SEND, 0, 5}}}},
    {{{{RECV, 0, 0}, {RECV, 0, 0}}, {{RECV, 0, 0}}, {{SEND, 0, 1}, {CLOSE, 0, 0}}}},
    {{{{SEND, 1, 1}, {SEND, 1, 2}, {SEND, 1, 3}}, {{RECV, 1, 0}, {CLOSE, 1, 0}}, {{RECV, 1, 0}}}},
    {{{{PICK_OR_NOT, 1, 1}, {PICK_OR_NOT, 0, 2}}, {{PICK, 1, 3}}, {{PICK, 0, 4}, {CLOSE, 1, 0}}}},
    {{{{DONE, 0, 0}, {SEND, 0, 1}}, {{WAIT, 0, 0}, {RECV, 0, 0}}, {{DONE, 0, 0}, {WAIT, 0, 0}}}},
    {{{{LOCK, 0, 0}, {SEND, 1, 1}, {UNLOCK, 0, 0}}, {{LOCK, 0, 0}, {RECV, 1, 0}, {UNLOCK, 0, 0}},
      {{LOCK, 0, 0}, {PICK_OR_NOT, 1, 2}, {UNLOCK, 0, 0}}}},
    {{{{DONE, 0, 0}, {DONE, 0, 0}, {DONE, 0, 0}}, {{WAIT, 0, 0}, {CLOSE, 0, 0}}, {{CLOSE, 0, 0}}}},
};

int main(void)
{
    const char *env = getenv("MODEL_PROGRAMS");
    int n = env ? atoi(env) : 300, walked = 0;
    alarm(env ? 3600 : 240);
    t_int = fake_chan_type(RK_INT, 8, false);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        CHECK(check(&fixed[i]));
    }
    for (int i = 0; i < n; i++) {
        Program p = random_program();
        walked += check(&p);
    }
    CHECK(n < 10 || walked > n / 3);
    if (getenv("VERBOSE")) {
        fprintf(stderr, "%d of %d random programs walked\n", walked, n);
    }
    free(t_int);
    return 0;
}
