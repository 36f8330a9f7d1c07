/* compile.c - the compiler thread and the steps of a compile.
 *
 * One thread a process compiles (D7): it is made at the first request, has a stack of its own that
 * takes the deepest tree the parser admits and owns bdwgc. compile_run may be called from any
 * thread; it waits. After fork the thread is gone: the child makes a new one, which uses the arena,
 * since bdwgc's state is not to be trusted there.
 *
 * Clients (VMs, sessions, else threads) take turns: a request's turn is the one after its client's
 * last request that still waits, and no earlier than the turn being served; the queue is ordered by
 * turn, then by arrival. So a client that asks a hundred times waits for its own requests, not the
 * others for it. A compile is not preempted; its limits bound how long it may keep the thread.
 *
 * A host ends a compile by its cancel word, which the compile looks at (mem.c) about every 100
 * microseconds; who waits in the queue looks every few milliseconds and takes its request back.
 *
 * Lock: `queue.lock` guards the queue and the flags below it; it is held for no longer than it
 * takes to link a request. A request is written by its owner before it is queued, by the compiler
 * thread until `done`, and read by its owner after.
 *
 * Failure to allocate, limits and cancellation unwind by longjmp to run_request. After a limit the
 * trees are all there and a little more memory is given, so its diagnostic says which declaration was
 * being worked on, behind those found before. Of exhaustion only the text of the reason survives.
 */
#include "lang/compile.h"

#include "lang/live.h"
#include "lang/load.h"
#include "lang/memfs.h"
#include "lang/vet.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STACK_MB = 512, GUARD = 64 << 10, LOOK_NS = 4000000 };

/* Besides what mem_admit adds for each byte of source. Ordinary text takes about 60 bytes and 10
 * steps a byte. */
#define DEFAULT_BYTES ((uint64_t)256 << 20)
#define DEFAULT_STEPS ((uint64_t)200000000)

typedef struct Request {
    struct Request *next;
    const CompileInput *in;
    CompileResult *out;
    uint64_t client, turn;
    bool taken, done;
} Request;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t arrived, finished;
    Request *first;  /* in order of their turns */
    uint64_t turn, client; /* of the request served last */
    bool running;    /* the thread exists */
    bool forked;     /* this process is a fork of one that compiled: no bdwgc */
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .arrived = PTHREAD_COND_INITIALIZER,
           .finished = PTHREAD_COND_INITIALIZER};

/* ---- One compile ------------------------------------------------------------------------------ */

static void count_results(const DiagList *d, CompileResult *out)
{
    out->nerrors = d->nerrors;
    for (uint32_t i = 0; i < d->all.n; i++) {
        out->nwarnings += d->all.at[i].severity == DIAG_WARNING;
    }
}

/* Each compile has types and names of its own; nothing of the last one is left. */
static void begin_universe(void)
{
    universe = NULL;
    types_current = NULL;
    types_forget_instances();
    universe_init();
}

static struct Unit *generate(const CompileInput *in, Loader *l, DiagList *d)
{
    PackageList list = load_packages(l);
    Package *main = list.n ? list.at[list.n - 1] : NULL;
    if (!in->build_image && !in->check_only && !in->live && main && !main->is_main) {
        diag_report(d, DIAG_ERROR, main->files.at[0]->pkg_name->start,
                    main->files.at[0]->pkg_name->end, "MissingMain",
                    "package %s is not a main package", main->name);
        return NULL;
    }
    GenInput gen = {.packages = list.at,
                    .npackages = list.n,
                    .image = in->image,
                    .build_image = in->build_image,
                    .diags = d};
    return gen_unit(&gen);
}

static void require_main(const Loader *l, DiagList *d)
{
    PackageList list = load_packages(l);
    Package *main = list.n ? list.at[list.n - 1] : NULL;
    if (!main || !main->is_main || d->nerrors) {
        return;
    }
    Obj *o = scope_lookup(main->scope, name_of("main"));
    if (!o || o->kind != OBJ_FUNC) {
        diag_report(d, DIAG_ERROR, main->files.at[0]->pkg_name->start, 0, "MissingMain",
                    "function main is undeclared in the main package");
    }
}

static void report_tested(const Loader *l, CompileResult *out)
{
    LoadTested t = {0};
    load_tested(l, &t);
    out->tested = t.path ? strdup(t.path) : NULL;
    out->has_tests = t.has_tests;
}

/* Nothing but the library's and the embedder's own functions may be written elsewhere. A mere check lets them pass, as
 * one of Go's compiler does: assembly might bring them. */
static void require_bodies(const Loader *l, DiagList *d)
{
    PackageList list = load_packages(l);
    for (uint32_t i = 0; i < list.n; i++) {
        const Package *p = list.at[i];
        for (uint32_t k = 0; k < p->funcs.n && !p->is_std && !p->imported_only && !p->natives;
             k++) {
            const Decl *f = p->funcs.at[k];
            if (!f->func.body && f->func.name) {
                diag_report(d, DIAG_ERROR, f->func.name->start, f->func.name->end, "MissingBody",
                            "missing function body");
            }
        }
    }
}

static void compile(const CompileInput *in, CompileResult *out, DiagList *d)
{
    begin_universe();
    if (in->live && in->live->parse_only) {
        live_parse_only(in, d, out);
        return;
    }
    Loader *l = load_new(in, d);
    bool loaded = load_input(l);
    report_tested(l, out);
    out->load_failed = !loaded;
    if (loaded) {
        load_check(l);
        if (!in->build_image && !in->check_only && !in->live) {
            require_main(l, d);
        }
        if (!in->build_image && !in->check_only && d->nerrors == 0) {
            require_bodies(l, d);
        }
        if (d->nerrors == 0 && in->vet) {
            bool known = vet_run(d, load_packages(l), load_vetted(l), in->vet);
            out->nfindings = known ? d->nerrors : 0;
        } else if (d->nerrors == 0) {
            out->unit = generate(in, l, d); /* of a check too: some limits are found there */
        }
        if (in->live && d->nerrors == 0) {
            out->live = live_result(in->live, load_main(l), load_packages(l));
        }
        if (in->check_only) {
            free(out->unit);
            out->unit = NULL;
        }
    }
    out->diagnostics = strdup(diag_format(d, in->color, true));
    count_results(d, out);
    out->nerrors -= out->nfindings;
}

static void fail(CompileResult *out, const char *why)
{
    free(out->unit);
    free(out->diagnostics);
    free(out->tested);
    live_result_free(out->live);
    memset(out, 0, sizeof *out);
    char text[256];
    snprintf(text, sizeof text, "gol: compile failed: %s\n", why);
    out->diagnostics = strdup(text);
    out->nerrors = 1;
}

static MemLimits limits_of(const CompileInput *in)
{
    return (MemLimits){
        .bytes = in->limits.bytes ? in->limits.bytes : DEFAULT_BYTES,
        .steps = in->limits.steps ? in->limits.steps : DEFAULT_STEPS,
        .wall_ns = in->limits.wall_ns,
        .scale_bytes = !in->limits.bytes,
        .scale_steps = !in->limits.steps,
        .cancel = in->cancel,
    };
}

/* The text of a compile that passed a limit: what was found before, then that. */
static void report_limit(DiagList *d, bool color, CompileResult *out)
{
    jmp_buf again;
    const char *why = mem_why();
    if (setjmp(again)) {
        fail(out, why);
        return;
    }
    mem_extend(&again);
    free(out->unit);
    free(out->diagnostics);
    free(out->tested);
    live_result_free(out->live);
    memset(out, 0, sizeof *out);
    Pos at = d->working ? d->working : d->files.n ? d->files.at[0]->base : 0;
    diag_report(d, DIAG_ERROR, at, 0, "CompileLimit", "compile limit reached: %s", why);
    out->diagnostics = strdup(diag_format(d, color, true));
    count_results(d, out);
}

static void run_request(Request *r, MemBackend backend)
{
    jmp_buf out_of_memory;
    DiagList *volatile d = NULL;
    memset(r->out, 0, sizeof *r->out);
    MemLimits limits = limits_of(r->in);
    int end = setjmp(out_of_memory);
    if (end == MEM_LIMIT && d) {
        report_limit(d, r->in->color, r->out);
    } else if (end) {
        fail(r->out, mem_why());
        r->out->cancelled = end == MEM_CANCELLED;
    } else {
        mem_begin(backend, &out_of_memory, &limits);
        d = MEM_NEW(DiagList);
        compile(r->in, r->out, d);
    }
}

/* ---- The thread ------------------------------------------------------------------------------- */

static void *compiler_thread(void *arg)
{
    MemBackend backend = MEM_ARENA;
    if (!arg && !MEM_FENCED) {
        mem_init_gc((char *)__builtin_frame_address(0) + 256);
        backend = MEM_GC;
    }
    pthread_mutex_lock(&queue.lock);
    for (;;) {
        while (!queue.first) {
            pthread_cond_wait(&queue.arrived, &queue.lock);
        }
        Request *r = queue.first;
        queue.first = r->next;
        queue.turn = r->turn;
        queue.client = r->client;
        r->taken = true;
        pthread_mutex_unlock(&queue.lock);
        run_request(r, backend);
        pthread_mutex_lock(&queue.lock);
        r->done = true; /* from here on r is its owner's, who does not wait for the cleaning up */
        pthread_cond_broadcast(&queue.finished);
        pthread_mutex_unlock(&queue.lock);
        mem_end();
        memfs_forget();
        pthread_mutex_lock(&queue.lock);
    }
    return NULL;
}

/* Memory for the stack: reserved, touched only as deep as a compile goes. */
static bool reserve_stack(pthread_attr_t *attr)
{
    for (size_t size = (size_t)STACK_MB << 20; size >= (size_t)64 << 20; size /= 2) {
        char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (p != MAP_FAILED) {
            mprotect(p, GUARD, PROT_NONE);
            return pthread_attr_setstack(attr, p + GUARD, size - GUARD) == 0;
        }
    }
    return false;
}

/* With the lock held. Signals of the host stay with the host's threads. */
static bool start_thread(void)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t t;
    bool ok = reserve_stack(&attr) &&
              pthread_create(&t, &attr, compiler_thread, queue.forked ? &queue : NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return ok;
}

/* In the child of a fork: the parent's thread and its requests do not exist here. */
static void forget_parent(void)
{
    queue.forked |= queue.running;
    mem_after_fork();
    queue.running = false;
    queue.first = NULL;
    pthread_mutex_init(&queue.lock, NULL);
    pthread_cond_init(&queue.arrived, NULL);
    pthread_cond_init(&queue.finished, NULL);
}

static bool ensure_thread(void)
{
    if (queue.running) {
        return true;
    }
    queue.running = start_thread();
    return queue.running;
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, forget_parent); }

/* ---- The queue -------------------------------------------------------------------------------- */

/* With the lock held. */
static void enqueue(Request *r)
{
    r->turn = queue.turn + (r->client == queue.client);
    for (Request *q = queue.first; q; q = q->next) {
        if (q->client == r->client) {
            r->turn = q->turn + 1;
        }
    }
    Request **link = &queue.first;
    while (*link && (*link)->turn <= r->turn) {
        link = &(*link)->next;
    }
    r->next = *link;
    *link = r;
}

/* With the lock held. False: the compiler thread has it. */
static bool take_back(Request *r)
{
    for (Request **link = &queue.first; *link && !r->taken; link = &(*link)->next) {
        if (*link == r) {
            *link = r->next;
            return true;
        }
    }
    return false;
}

/* With the lock held. Who can be cancelled looks now and then while it stands in the queue. */
static void await(Request *r)
{
    const int *cancel = r->in->cancel;
    while (!r->done) {
        if (!cancel || r->taken) {
            pthread_cond_wait(&queue.finished, &queue.lock);
            continue;
        }
        if (__atomic_load_n(cancel, __ATOMIC_RELAXED) && take_back(r)) {
            fail(r->out, "interrupted");
            r->out->cancelled = true;
            return;
        }
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += LOOK_NS;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&queue.finished, &queue.lock, &t);
    }
}

void compile_run(const CompileInput *in, CompileResult *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    memset(out, 0, sizeof *out);
    uint64_t client = in->client ? (uint64_t)(uintptr_t)in->client : (uint64_t)pthread_self();
    Request r = {.in = in, .out = out, .client = client};
    pthread_mutex_lock(&queue.lock);
    if (!ensure_thread()) {
        pthread_mutex_unlock(&queue.lock);
        fail(out, "the compiler thread cannot be started");
        return;
    }
    enqueue(&r);
    pthread_cond_signal(&queue.arrived);
    await(&r);
    pthread_mutex_unlock(&queue.lock);
}

void compile_result_free(CompileResult *r)
{
    free(r->diagnostics);
    r->diagnostics = NULL;
}
