/* session.c - sessions (include/gol.h): entries compiled one by one into a VM that runs all the time.
 *
 * The VM runs `repl.Loop` on a thread of its own. The caller's thread compiles an entry, leaves the
 * unit in `pending`, wakes the loop's fiber and waits on `news`. The loop loads the unit with the
 * world stopped and starts a goroutine that calls the unit's initialisers one by one; when that
 * goroutine ends (session_ended) the caller goes on, and what the entry declared is kept for later
 * compiles if all of it ran.
 *
 * `lock` guards what both sides touch. `news` is a semaphore, so that gol_session_interrupt may be
 * called in a signal handler; who waits looks again at what it waits for. The handle count keeps
 * the VM from calling a session deadlocked in which only the host can go on.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "embed/embed.h"
#include "lang/live.h"
#include "runtime/os.h"
#include "runtime/sched.h"
#include "runtime/select.h"
#include "runtime/session.h"
#include "vm/link.h"
#include "vm/vm.h"

enum { POLL_NS = 10000000, PARKED_LOOKS = 10 };

struct GolSession {
    Session hooks;            /* first: GolVM.session points here */
    GolVM *vm;
    GolProgram *loop;
    pthread_t thread;
    sem_t news;
    _Atomic int interrupted;  /* written by gol_session_interrupt, taken by gol_eval; a compile reads
                                 it as its cancel word */
    CompileLimits limits;
    SpinLock lock;
    /* under lock */
    Fiber *waiting;           /* the loop's fiber, parked in begin */
    Unit *pending;
    uint64_t to_end;          /* a goroutine that the loop is to end; 0: none */
    bool closing, ended;      /* ended: the VM's run is over */
    int exit_code;
    /* the entry that runs, under lock; id 0: none */
    int64_t id;
    uint64_t fiber;           /* goroutine id, 0 until it has started */
    Fiber *block;
    const Func **steps;
    uint32_t nsteps, at;
    bool complete, died, done;
    char error[512];
    /* the host's: what later entries see */
    uint64_t serial;
    LiveEntry *entries;
    LiveType *types;
    char **packages;
    uint32_t nentries, ntypes, npackages;
};

/* ---- The VM's side ---------------------------------------------------------------------------- */

static GolSession *of(Session *s) { return (GolSession *)s; }

/* With the world stopped. The initialisers become the entry's steps; the loop's main runs none. */
static bool load_steps(GolSession *s, VmState *vm, Unit *unit)
{
    uint32_t from = vm->ntodo;
    if (!vm_load(vm, unit, s->error, sizeof s->error)) {
        free(unit);
        return false;
    }
    if (!link_schedule(vm, unit, NULL)) {
        strcpy(s->error, "out of memory");
        return false;
    }
    uint32_t n = vm->ntodo - from;
    s->steps = malloc((n + 1) * sizeof *s->steps);
    if (s->steps) {
        memcpy(s->steps, vm->todo + from, n * sizeof *s->steps);
    }
    s->nsteps = s->steps ? n : 0;
    s->at = 0;
    vm->ntodo = from;
    return s->steps != NULL;
}

typedef struct Wanted {
    uint64_t id;
    Fiber *found;
} Wanted;

static void look_for(Fiber *f, void *ctx)
{
    Wanted *w = ctx;
    if (f->id == w->id && !(f->flags & (FIBER_F_MAIN | FIBER_F_SYSTEM))) {
        w->found = f;
    }
}

/* A goroutine that waits for a channel is taken out of its queues and ends, as does one that is
 * runnable; one that runs ends at its next poll, which it does before it can park: it stands in one. */
static int session_end(Session *hooks, P *p, int64_t id)
{
    if (!sched_stop_world(p)) {
        return sched_exiting(p->vm) ? 0 : -1;
    }
    Wanted w = {.id = (uint64_t)id};
    fiber_each(p->vm, look_for, &w);
    FiberStatus status = w.found ? fiber_status(w.found) : FIBER_RUNNING;
    bool waits = status == FIBER_WAITING && w.found->resume != RESUME_END;
    bool off = waits && select_withdraw(p, w.found);
    if (off || (status == FIBER_RUNNABLE && w.found->resume != RESUME_ENTER)) {
        w.found->resume = RESUME_END;
    } else if (w.found) {
        atomic_store(&hooks->kill, w.id);
    }
    sched_start_world(p);
    if (off) {
        sched_ready(p, w.found);
    } else if (w.found) {
        sched_request_all(p->vm, POLL_VM);
    }
    return !w.found ? 0 : waits && !off ? 2 : 1;
}

/* What the host asks of the loop meanwhile. */
static void end_wanted(GolSession *s, P *p)
{
    lock_acquire(&s->lock);
    uint64_t id = s->to_end;
    s->to_end = 0;
    lock_release(&s->lock);
    while (id && session_end(&s->hooks, p, (int64_t)id) < 0) {
    }
}

static int64_t session_begin(Session *hooks, P *p)
{
    GolSession *s = of(hooks);
    Fiber *f = p->fiber;
    end_wanted(s, p);
    lock_acquire(&s->lock);
    if (s->closing || !s->pending) {
        int64_t answer = s->closing ? 0 : -1;
        if (!s->closing) {
            s->waiting = f;
            sched_park(p, f, WAIT_HOST, RESUME_AGAIN);
        }
        lock_release(&s->lock);
        return answer;
    }
    Unit *unit = s->pending;
    s->pending = NULL;
    lock_release(&s->lock);
    bool ok = false;
    while (!sched_exiting(p->vm)) {
        if (sched_stop_world(p)) {
            ok = load_steps(s, vm_state(p->vm), unit);
            sched_start_world(p);
            break;
        }
    }
    if (ok) {
        return s->id;
    }
    lock_acquire(&s->lock);
    s->done = true;
    s->waiting = f;
    sched_park(p, f, WAIT_HOST, RESUME_AGAIN);
    lock_release(&s->lock);
    sem_post(&s->news);
    return -1;
}

static const void *session_step(Session *hooks, P *p, int64_t id)
{
    GolSession *s = of(hooks);
    const void *fn = NULL;
    lock_acquire(&s->lock);
    if (id == s->id && !s->done) {
        s->fiber = p->fiber->id;
        s->block = p->fiber;
        if (s->at < s->nsteps) {
            fn = s->steps[s->at++];
        } else {
            s->complete = true;
        }
    }
    lock_release(&s->lock);
    return fn;
}

static void session_died(Session *hooks, Fiber *f)
{
    GolSession *s = of(hooks);
    lock_acquire(&s->lock);
    if (f->id == s->fiber && !s->done) { /* once done, the entry's fields are the host's */
        s->died = true;
    }
    lock_release(&s->lock);
}

static void session_ended(Session *hooks, Fiber *f)
{
    GolSession *s = of(hooks);
    lock_acquire(&s->lock);
    bool ours = s->fiber && f->id == s->fiber && !s->done;
    if (ours) {
        s->done = true;
        s->fiber = 0;
        s->block = NULL;
    }
    lock_release(&s->lock);
    if (ours) {
        sem_post(&s->news);
    }
}

static void *session_thread(void *arg)
{
    GolSession *s = arg;
    char *error = NULL;
    int code = gol_run(s->vm, s->loop, &error);
    lock_acquire(&s->lock);
    s->ended = true;
    s->exit_code = code;
    lock_release(&s->lock);
    gol_free(error);
    sem_post(&s->news);
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------- */

static GolProgram *compile_loop(void)
{
    static const char text[] = LIVE_HELPERS_NAME ".Loop()";
    LiveInput live = {0};
    CompileInput in = {.path = "session", .text = text, .text_len = sizeof text - 1,
                       .image = std_image(), .std_path = getenv("GOL_STD"), .live = &live};
    CompileResult out = {0};
    compile_run(&in, &out);
    compile_result_free(&out);
    live_result_free(out.live);
    GolProgram *p = out.unit ? malloc(sizeof *p) : NULL;
    if (p) {
        p->unit = out.unit;
    } else {
        free(out.unit);
    }
    return p;
}

static bool start(GolSession *s)
{
    sigset_t all, old;
    sigfillset(&all); /* signals stay with the host's threads */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool ok = pthread_create(&s->thread, NULL, session_thread, s) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

GolSession *gol_session_new(const GolConfig *config, char **error)
{
    GolSession *s = calloc(1, sizeof *s);
    char *why = NULL;
    if (s) {
        s->limits = config ? compile_limits(&config->compile) : (CompileLimits){0};
        s->loop = compile_loop();
        s->vm = s->loop ? gol_vm_new(config, &why) : NULL;
    }
    if (s && s->vm && sem_init(&s->news, 0, 0) == 0) {
        s->hooks.begin = session_begin;
        s->hooks.step = session_step;
        s->hooks.end = session_end;
        s->hooks.ended = session_ended;
        s->hooks.died = session_died;
        s->serial = 1;
        s->vm->session = &s->hooks;
        atomic_fetch_add(&s->vm->nhandles, 1);
        if (start(s)) {
            return s;
        }
    }
    if (error) {
        *error = why ? why : error_text(s && !s->loop ? "the session's loop cannot be compiled" : "");
    }
    if (s) {
        gol_vm_close(s->vm);
        gol_program_free(s->loop);
    }
    free(s);
    return NULL;
}

static void free_state(GolSession *s)
{
    for (uint32_t i = 0; i < s->nentries; i++) {
        free(s->entries[i].text);
        free(s->entries[i].docs);
    }
    for (uint32_t i = 0; i < s->ntypes; i++) {
        free(s->types[i].name);
        free(s->types[i].source);
    }
    for (uint32_t i = 0; i < s->npackages; i++) {
        free(s->packages[i]);
    }
    free(s->entries);
    free(s->types);
    free(s->packages);
    free(s->steps);
}

void gol_session_close(GolSession *s)
{
    if (!s) {
        return;
    }
    sched_exit_vm(s->vm, 0);
    pthread_join(s->thread, NULL);
    s->vm->session = NULL;
    gol_vm_close(s->vm);
    gol_program_free(s->loop);
    free(s->pending);
    free_state(s);
    sem_destroy(&s->news);
    free(s);
}

/* ---- Compiling -------------------------------------------------------------------------------- */

static void compile_entry(GolSession *s, const GolEntry *e, bool members, CompileResult *out)
{
    char name[40];
    atomic_store(&s->interrupted, 0);
    snprintf(name, sizeof name, "<%llu>", (unsigned long long)s->serial);
    LiveInput live = {.serial = s->serial, .entries = s->entries, .nentries = s->nentries,
                      .types = s->types, .ntypes = s->ntypes, .packages = s->packages,
                      .npackages = s->npackages, .want_members = members};
    CompileInput in = {.path = e->name ? e->name : name, .text = e->text, .text_len = e->text_len,
                       .check_only = e->check_only, .color = e->color, .image = std_image(),
                       .std_path = getenv("GOL_STD"), .live = &live, .limits = s->limits,
                       .allow_unsafe = vm_state(s->vm)->allow_unsafe,
                       .cancel = (const int *)&s->interrupted, .client = s};
    compile_run(&in, out);
}

int gol_incomplete(const char *text, size_t len)
{
    LiveInput live = {.parse_only = true};
    CompileInput in = {.path = "", .text = text, .text_len = len, .live = &live};
    CompileResult out = {0};
    compile_run(&in, &out);
    int yes = out.live && out.live->incomplete;
    live_result_free(out.live);
    compile_result_free(&out);
    return yes;
}

/* Room for n more elements; counts are small and the arrays live as long as the session. */
static void *room(void *at, uint32_t have, uint32_t more, size_t size)
{
    return realloc(at, ((size_t)have + more + 1) * size);
}

static void forget_type(GolSession *s, const char *name)
{
    for (uint32_t i = 0; i < s->ntypes; i++) {
        if (!strcmp(s->types[i].name, name)) {
            free(s->types[i].name);
            free(s->types[i].source);
            s->types[i] = s->types[--s->ntypes];
            return;
        }
    }
}

/* Packages stay in the VM even if the entry failed. */
static bool keep_packages(GolSession *s, LiveResult *r)
{
    char **t = room(s->packages, s->npackages, r->npackages, sizeof *t);
    if (!t) {
        return false;
    }
    s->packages = t;
    for (uint32_t i = 0; i < r->npackages; i++) {
        t[s->npackages++] = r->packages[i];
    }
    r->npackages = 0;
    return true;
}

/* What the entry declared moves to the session. */
static bool keep(GolSession *s, uint64_t serial, LiveResult *r)
{
    LiveEntry *entries = room(s->entries, s->nentries, 1, sizeof *entries);
    s->entries = entries ? entries : s->entries;
    LiveType *types = room(s->types, s->ntypes, r->ntypes, sizeof *types);
    s->types = types ? types : s->types;
    if (!entries || !types) {
        return false;
    }
    for (uint32_t i = 0; i < r->ntypes; i++) {
        forget_type(s, r->types[i].name);
        s->types[s->ntypes++] = r->types[i];
    }
    r->ntypes = 0;
    if (r->text) {
        s->entries[s->nentries++] = (LiveEntry){serial, r->text, r->docs};
        r->text = r->docs = NULL;
    }
    return true;
}

/* ---- Running ---------------------------------------------------------------------------------- */

void gol_session_interrupt(GolSession *s)
{
    atomic_store(&s->interrupted, 1);
    sem_post(&s->news);
}

static void hand_over(GolSession *s, Unit *unit)
{
    lock_acquire(&s->lock);
    free(s->steps);
    s->steps = NULL;
    s->nsteps = s->at = 0;
    s->id = (int64_t)s->serial;
    s->fiber = 0;
    s->block = NULL;
    s->complete = s->died = s->done = false;
    s->error[0] = 0;
    s->pending = unit;
    Fiber *f = s->waiting;
    s->waiting = NULL;
    lock_release(&s->lock);
    if (f) {
        sched_ready_remote(s->vm, f);
    }
}

static void wait_news(GolSession *s, bool poll)
{
    if (!poll) {
        while (sem_wait(&s->news) != 0 && errno == EINTR && !atomic_load(&s->interrupted)) {
        }
        return;
    }
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += POLL_NS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    sem_timedwait(&s->news, &t);
}

/* Asks the entry's goroutine to end; one that is parked is for the loop to take off its channel, which
 * *loop, to be woken, does. True: it has been parked for a while nonetheless, and so it stays: it will
 * end when it wakes. With the lock held. */
static bool kill_entry(GolSession *s, int *looks, Fiber **loop)
{
    if (!s->fiber || !s->block) {
        return false;
    }
    atomic_store(&s->hooks.kill, s->fiber);
    bool parked = atomic_load(&s->block->status) == FIBER_WAITING;
    *looks = parked ? *looks + 1 : 0;
    if (parked && s->waiting && *looks < PARKED_LOOKS) {
        s->to_end = s->fiber;
        *loop = s->waiting;
        s->waiting = NULL;
    }
    return *looks > PARKED_LOOKS;
}

static GolEvalStatus finish(GolSession *s, GolOutcome *out, bool killing)
{
    if (s->error[0]) {
        free(out->message);
        out->message = error_text(s->error);
        return GOL_EVAL_INVALID;
    }
    return killing && !s->complete ? GOL_EVAL_INTERRUPTED
           : s->complete && !s->died ? GOL_EVAL_OK : GOL_EVAL_PANIC;
}

static GolEvalStatus wait_end(GolSession *s, GolOutcome *out)
{
    bool killing = false;
    int looks = 0;
    for (bool first = true;; first = false) {
        if (!first) {
            wait_news(s, killing);
        }
        killing |= atomic_exchange(&s->interrupted, 0) != 0;
        lock_acquire(&s->lock);
        Fiber *loop = NULL;
        bool done = s->done, ended = s->ended;
        bool stuck = !done && killing && kill_entry(s, &looks, &loop);
        if (stuck) {
            s->done = true;
        }
        lock_release(&s->lock);
        if (loop) {
            sched_ready_remote(s->vm, loop);
        }
        if (ended) {
            out->exit_code = s->exit_code;
            return GOL_EVAL_ENDED;
        }
        if (done) {
            return finish(s, out, killing);
        }
        if (stuck) {
            free(out->message);
            out->message = strdup("interrupted; its goroutine waits on and ends when it wakes\n");
            return GOL_EVAL_INTERRUPTED;
        }
        if (killing) {
            sched_request_all(s->vm, POLL_VM);
        }
    }
}

/* Diagnostics, then notes. Takes both. */
static char *join(char *a, char *b)
{
    if (!b || !*b) {
        return a;
    }
    size_t n = a ? strlen(a) : 0;
    char *t = realloc(a, n + strlen(b) + 1);
    if (t) {
        strcpy(t + n, b);
    }
    return t ? t : a;
}

GolEvalStatus gol_eval(GolSession *s, const GolEntry *e, GolOutcome *out)
{
    *out = (GolOutcome){.status = GOL_EVAL_INVALID};
    CompileResult r = {0};
    compile_entry(s, e, false, &r);
    out->message = r.diagnostics;
    if (r.live) {
        out->type = r.live->shown;
        r.live->shown = NULL;
    }
    if (r.cancelled) {
        gol_free(out->message);
        out->message = NULL;
        return out->status = GOL_EVAL_INTERRUPTED;
    }
    if (e->check_only || !r.unit || !r.live) {
        out->status = r.nerrors || (!e->check_only && !r.live) ? GOL_EVAL_INVALID : GOL_EVAL_OK;
        free(r.unit);
        live_result_free(r.live);
        return out->status;
    }
    out->message = join(out->message, r.live->notes);
    int64_t from = os_now();
    hand_over(s, r.unit);
    out->status = wait_end(s, out);
    out->run_ns = os_now() - from;
    keep_packages(s, r.live);
    if (out->status == GOL_EVAL_OK) {
        keep(s, s->serial, r.live);
    }
    s->serial++;
    live_result_free(r.live);
    return out->status;
}

/* ---- Looking inside --------------------------------------------------------------------------- */

static void file_write(Sink *sink, const void *data, size_t n) { fwrite(data, 1, n, sink->ctx); }

int gol_session_disassemble(GolSession *s, const char *filter, FILE *out)
{
    Sink sink = {file_write, out};
    VmState *vm = vm_state(s->vm);
    for (uint32_t i = std_image() ? 2 : 1; i < vm->nunits; i++) { /* entries only load in gol_eval */
        dis_unit(vm->units[i].unit, filter, &sink);
    }
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}

static void add_name(char **list, size_t *n, const char *name, size_t len)
{
    char *t = realloc(*list, *n + len + 2);
    if (t) {
        *list = t;
        memcpy(t + *n, name, len);
        t[*n + len] = '\n';
        t[*n + len + 1] = 0;
        *n += len + 1;
    }
}

static size_t word(const char *s)
{
    size_t n = 0;
    while (s[n] == '_' || (s[n] >= '0' && s[n] <= '9') || ((s[n] | 32) >= 'a' && (s[n] | 32) <= 'z') ||
           (s[n] & 0x80)) {
        n++;
    }
    return n;
}

/* The names that an export text declares: the word after const, var, type or func. */
static void add_declared(char **list, size_t *n, const char *text, size_t len, bool exported)
{
    static const char *const heads[] = {"const ", "var ", "type ", "func "};
    for (const char *p = text, *end = text + len; p < end;) {
        for (int k = 0; k < 4; k++) {
            size_t h = strlen(heads[k]);
            bool wanted = (size_t)(end - p) > h && (!exported || (p[h] >= 'A' && p[h] <= 'Z'));
            if (wanted && !memcmp(p, heads[k], h) && word(p + h)) {
                add_name(list, n, p + h, word(p + h));
            }
        }
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        p = nl ? nl + 1 : end;
    }
}

/* Members of the value that the first n bytes of text denote. */
static char *value_members(GolSession *s, const char *text, size_t n)
{
    GolEntry e = {.text = text, .text_len = n, .check_only = 1};
    CompileResult r = {0};
    compile_entry(s, &e, true, &r);
    char *list = r.live ? r.live->members : NULL;
    if (list) {
        r.live->members = NULL;
    }
    live_result_free(r.live);
    compile_result_free(&r);
    return list;
}

/* What the records (lang/doctext.c) of this name show goes to *list; of a type, its methods' first
 * lines too. */
static bool add_docs(char **list, size_t *n, const char *docs, const char *name, size_t len)
{
    bool found = false;
    for (const char *r = docs, *next; r && *r == '\f'; r = next) {
        next = strchr(r + 1, '\f');
        const char *body = strchr(r, '\n') + 1, *end = next ? next : r + strlen(r);
        size_t key = (size_t)(body - 1 - (r + 1));
        if (key < len || memcmp(r + 1, name, len) != 0 || (key > len && r[1 + len] != '.')) {
            continue;
        }
        if (key > len) {
            end = body + strcspn(body, "\n") + 1;
        }
        if (end > body) {
            add_name(list, n, body, (size_t)(end - 1 - body));
        }
        found = true;
    }
    return found;
}

/* pkg.Name of the image. */
static void package_docs(char **list, size_t *n, const char *name)
{
    const Unit *u = std_image();
    const UnitPkg *pkgs = u ? rel_get(&u->packages) : NULL;
    for (uint32_t i = 0; i < (u ? u->npackages : 0); i++) {
        const RName *pkg = rel_get(&pkgs[i].name), *path = rel_get(&pkgs[i].path);
        const RName *docs = rel_get(&pkgs[i].doc_text);
        const RName *of_name[2] = {path, pkg};
        for (int k = 0; k < 2 && docs && !strstr(path->s, "internal"); k++) {
            size_t len = of_name[k]->len;
            if (!strncmp(name, of_name[k]->s, len) && name[len] == '.' &&
                add_docs(list, n, docs->s, name + len + 1, strlen(name + len + 1))) {
                break;
            }
        }
    }
}

char *gol_session_doc(GolSession *s, const char *name)
{
    char *list = NULL;
    size_t n = 0, len = strlen(name);
    for (uint32_t i = s->nentries; i > 0; i--) {
        if (len && add_docs(&list, &n, s->entries[i - 1].docs, name, len)) {
            return list; /* the latest hides those before it */
        }
    }
    package_docs(&list, &n, name);
    return list;
}

char *gol_session_names(GolSession *s, const char *text)
{
    const Unit *u = std_image();
    const UnitPkg *pkgs = u ? rel_get(&u->packages) : NULL;
    const char *dot = strrchr(text, '.');
    char *list = NULL;
    size_t n = 0;
    for (uint32_t i = 0; !dot && i < s->nentries; i++) {
        add_declared(&list, &n, s->entries[i].text, strlen(s->entries[i].text), false);
    }
    for (uint32_t i = 0; u && i < u->npackages; i++) {
        const RName *name = rel_get(&pkgs[i].name), *path = rel_get(&pkgs[i].path);
        const RName *exported = rel_get(&pkgs[i].export_text);
        if (strstr(path->s, "internal")) {
            continue;
        }
        if (!dot) {
            add_name(&list, &n, name->s, name->len);
        } else if (exported && (size_t)(dot - text) == name->len &&
                   !memcmp(text, name->s, name->len)) {
            add_declared(&list, &n, exported->s, exported->len, true);
        }
    }
    return dot && !list ? value_members(s, text, (size_t)(dot - text)) : list;
}
