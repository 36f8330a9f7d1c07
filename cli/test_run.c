/* test_run.c - gol test: running the tests of packages and printing what came of it.
 *
 * Each package is compiled and run in a child process of its own, in the package's folder: its tests
 * may change the folder, call os.Exit or be stopped, and packages run side by side. The parent has no
 * threads and never compiles, so a plain fork is enough; the compiler thread and the VM start in the
 * child. Two pipes lead back: `output`, the child's standard output and error from the moment the
 * program runs, and `status`, on which the child tells the import path and how far it got (enum
 * Stage), and whose end says that it has ended. Compile errors go straight to standard error.
 *
 * Results are printed in the order of the packages, as `go test` prints them: output of tests is
 * shown with -v, after a failure, or as it comes where one folder's tests or benchmarks run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/test.h"
#include "include/gol.h"

typedef enum Stage {
    STAGE_NONE = 0,
    STAGE_SETUP_FAILED = 'S', /* syntax errors, packages not found */
    STAGE_BUILD_FAILED = 'B',
    STAGE_NO_TESTS = 'N',
    STAGE_RUNS = 'R'
} Stage;

typedef struct Bytes {
    char *at;
    size_t n, cap;
} Bytes;

typedef struct Job {
    const TestTarget *target;
    pid_t pid;
    int output, status;    /* our ends; -1: closed */
    Bytes text, told;
    Stage stage;
    struct timespec start, end;
    int exit_status;       /* of waitpid */
    bool started, ended;
    int killed;            /* 0, 1: asked to end, 2: killed; after the timeout */
    bool shown;            /* output was passed on as it came */
    TestJson *json;
} Job;

static double seconds_between(struct timespec a, struct timespec b)
{
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static struct timespec now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts;
}

static void bytes_add(Bytes *b, const char *s, size_t n)
{
    if (b->n + n + 1 > b->cap) {
        b->cap = (b->n + n + 1) * 2;
        b->at = realloc(b->at, b->cap);
        if (!b->at) {
            abort();
        }
    }
    memcpy(b->at + b->n, s, n);
    b->n += n;
    b->at[b->n] = 0;
}

/* ---- The child -------------------------------------------------------------------------------- */

static void write_all(int fd, const char *s, size_t n)
{
    while (n) {
        ssize_t k = write(fd, s, n);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k <= 0) {
            return;
        }
        s += k;
        n -= (size_t)k;
    }
}

/* Paths below the current folder as the user would write them: ./x.gol, sub/x.gol. */
static void add_relative(Bytes *out, const char *text, const char *cwd)
{
    size_t n = strlen(cwd);
    while (*text) {
        const char *hit = strstr(text, cwd);
        while (hit && hit[n] != '/') {
            hit = strstr(hit + 1, cwd);
        }
        if (!hit) {
            break;
        }
        bytes_add(out, text, (size_t)(hit - text));
        text = hit + n + 1;
        if (!memchr(text, '/', strcspn(text, ":\n"))) {
            bytes_add(out, "./", 2);
        }
    }
    bytes_add(out, text, strlen(text));
}

static void show_diagnostics(const GolTestInfo *info)
{
    char *cwd = getcwd(NULL, 0);
    Bytes b = {0};
    if (info->nerrors) {
        const char *path = info->package ? info->package : "test";
        bytes_add(&b, "# ", 2);
        bytes_add(&b, path, strlen(path));
        bytes_add(&b, " [", 2);
        bytes_add(&b, path, strlen(path));
        bytes_add(&b, ".test]\n", 7);
    }
    add_relative(&b, info->diagnostics, cwd ? cwd : "/");
    write_all(2, b.at, b.n);
    free(b.at);
    free(cwd);
}

/* On the wire: the path, NUL, the stage. */
static void report(int status, const char *path, Stage stage)
{
    char c = (char)stage;
    write_all(status, path ? path : "", path ? strlen(path) + 1 : 1);
    write_all(status, &c, 1);
}

/* "example.com/x/geom" -> "geom.test". */
static char *program_name(const char *package)
{
    char *name;
    const char *slash = strrchr(package, '/');
    return asprintf(&name, "%s.test", slash ? slash + 1 : package) < 0 ? NULL : name;
}

static int run_program(const TestOptions *o, const TestTarget *t, const char *package,
                       const GolProgram *program)
{
    const char **argv = calloc((size_t)o->nargs + 2, sizeof *argv);
    argv[0] = program_name(package);
    memcpy(argv + 1, o->args, (size_t)o->nargs * sizeof *argv);
    if (chdir(t->dir) != 0) {
        fprintf(stderr, "gol: %s: %s\n", t->dir, strerror(errno));
        return 1;
    }
    setenv("PWD", t->dir, 1);
    GolConfig config = {.argc = o->nargs + 1, .argv = argv, .owns_process = 1, .allow_unsafe = 1};
    char *error = NULL;
    GolVM *vm = gol_vm_new(&config, &error);
    int status = vm ? gol_run(vm, program, &error) : -1;
    if (status == -1) {
        fprintf(stderr, "gol: %s\n", error ? error : "failed");
        return 1;
    }
    return status;
}

static int child(const TestOptions *o, const TestTarget *t, int output, int status)
{
    GolTestSource source = {.dir = t->dir,
                            .files = (const char *const *)t->files,
                            .nfiles = t->files ? t->nfiles : 0,
                            .color = o->color,
                            .allow_unsafe = 1};
    GolTestInfo info = {0};
    GolProgram *program = gol_compile_tests(&source, &info);
    if (info.diagnostics && *info.diagnostics) {
        show_diagnostics(&info);
    }
    if (!program || !info.has_tests) {
        report(status, info.package, program             ? STAGE_NO_TESTS
                                     : info.setup_failed ? STAGE_SETUP_FAILED
                                                         : STAGE_BUILD_FAILED);
        return 0;
    }
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    report(status, info.package, STAGE_RUNS);
    return run_program(o, t, info.package, program);
}

/* ---- The parent ------------------------------------------------------------------------------- */

static bool start_job(const TestOptions *o, Job *j)
{
    int out[2], status[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(status, O_CLOEXEC) != 0) {
        return false;
    }
    fflush(NULL);
    j->start = now();
    j->pid = fork();
    if (j->pid == 0) {
        close(out[0]);
        close(status[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int code = child(o, j->target, out[1], status[1]);
        fflush(NULL);
        _exit(code);
    }
    close(out[1]);
    close(status[1]);
    j->output = out[0];
    j->status = status[0];
    j->started = true;
    fcntl(j->output, F_SETFL, O_NONBLOCK);
    return j->pid > 0;
}

static const char *path_of(const Job *j)
{
    return j->told.n && *j->told.at ? j->told.at : j->target->dir;
}

/* What the tests print, or what we say about them. */
static void say(Job *j, const char *text, size_t n)
{
    if (j->json) {
        test_json_write(j->json, text, n);
    } else {
        fwrite(text, 1, n, stdout);
        fflush(stdout);
    }
}

static void take_output(const TestOptions *o, Job *j, bool single)
{
    char buf[65536];
    ssize_t n;
    while ((n = read(j->output, buf, sizeof buf)) > 0) {
        bool now_too = o->local || o->bench || o->json || (single && o->verbose);
        if (now_too) {
            say(j, buf, (size_t)n);
            j->shown = true;
        }
        bytes_add(&j->text, buf, (size_t)n);
    }
}

/* False at its end: the child is gone. */
static bool take_status(const TestOptions *o, Job *j)
{
    char buf[4096];
    ssize_t n = read(j->status, buf, sizeof buf);
    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    bytes_add(&j->told, buf, (size_t)n);
    size_t path = strlen(j->told.at);
    if (path + 1 < j->told.n) {
        j->stage = (Stage)j->told.at[path + 1];
        j->start = now();
        if (o->json && !j->json) {
            j->json = test_json_new(path_of(j));
        }
    }
    return true;
}

static bool contains_no_tests(const Job *j)
{
    static const char text[] = "testing: warning: no tests to run\n";
    const char *hit = j->text.n ? strstr(j->text.at, text) : NULL;
    return hit && (hit == j->text.at || hit[-1] == '\n');
}

/* How the process ended, in Go's words. */
static void exit_text(const Job *j, char *buf, size_t n)
{
    if (WIFSIGNALED(j->exit_status)) {
        const char *name = sigdescr_np(WTERMSIG(j->exit_status));
        snprintf(buf, n, "signal: %s\n", name ? name : "unknown");
        for (char *p = buf + 8; *p; p++) {
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        }
    } else {
        snprintf(buf, n, "exit status %d\n", WEXITSTATUS(j->exit_status));
    }
}

/* The result of a run. True: success. */
static bool conclude_run(const TestOptions *o, Job *j)
{
    bool ok = WIFEXITED(j->exit_status) && WEXITSTATUS(j->exit_status) == 0 && !j->killed;
    bool kept = !o->local && !o->bench; /* as if the output were not known: Go's streams are not */
    if (!j->shown && (!ok || o->verbose || o->list)) {
        say(j, j->text.at ? j->text.at : "", j->text.n);
    }
    char line[4400];
    if (j->killed) {
        snprintf(line, sizeof line, "*** Test killed with %s: ran too long (%gs).\n",
                 j->killed == 1 ? "quit" : "killed", o->timeout + 60);
        say(j, line, strlen(line));
    }
    double took = seconds_between(j->start, j->end);
    if (ok) {
        snprintf(line, sizeof line, "ok  \t%s\t%.3fs%s\n", path_of(j), took,
                 kept && contains_no_tests(j) ? " [no tests to run]" : "");
    } else {
        char how[100] = "";
        if (!kept || !j->text.n) {
            exit_text(j, how, sizeof how);
        } else if (j->text.at[j->text.n - 1] != '\n') {
            snprintf(how, sizeof how, "\n");
        }
        snprintf(line, sizeof line, "%s%sFAIL\t%s\t%.3fs\n", how, o->json ? "\x16" : "", path_of(j),
                 took);
    }
    say(j, line, strlen(line));
    return ok;
}

/* Prints the result of a package whose turn it is. True: success. */
static bool conclude(const TestOptions *o, Job *j)
{
    if (o->json && !j->json) {
        j->json = test_json_new(path_of(j));
    }
    char line[4400];
    bool ok = false;
    switch (j->stage) {
    case STAGE_RUNS:
        ok = conclude_run(o, j);
        break;
    case STAGE_NO_TESTS:
        snprintf(line, sizeof line, "?   \t%s\t[no test files]\n", path_of(j));
        say(j, line, strlen(line));
        ok = true;
        break;
    default:
        snprintf(line, sizeof line, "FAIL\t%s [%s failed]\n", path_of(j),
                 j->stage == STAGE_BUILD_FAILED ? "build" : "setup");
        say(j, line, strlen(line));
        break;
    }
    if (j->json) {
        test_json_close(j->json, ok);
    }
    free(j->text.at);
    free(j->told.at);
    return ok;
}

/* A program whose own alarm did not end it a minute after the timeout: asked, then killed. */
static void watch(const TestOptions *o, Job *j)
{
    if (o->timeout <= 0 || j->stage != STAGE_RUNS || j->ended) {
        return;
    }
    double over = seconds_between(j->start, now()) - o->timeout - 60;
    if (over > 0 && j->killed == 0) {
        kill(j->pid, SIGQUIT);
        j->killed = 1;
    } else if (over > 5 && j->killed == 1) {
        kill(j->pid, SIGKILL);
        j->killed = 2;
    }
}

static void end_job(const TestOptions *o, Job *j, bool single)
{
    while (waitpid(j->pid, &j->exit_status, 0) < 0 && errno == EINTR) {
    }
    j->end = now();
    take_output(o, j, single);
    close(j->output);
    close(j->status);
    j->ended = true;
}

/* Waits until something happens to a running job. */
static void wait_some(const TestOptions *o, Job *jobs, size_t n, struct pollfd *fds, int *running)
{
    nfds_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].started && !jobs[i].ended) {
            fds[k++] = (struct pollfd){.fd = jobs[i].output, .events = POLLIN};
            fds[k++] = (struct pollfd){.fd = jobs[i].status, .events = POLLIN};
        }
    }
    poll(fds, k, 1000);
    k = 0;
    for (size_t i = 0; i < n; i++) {
        Job *j = &jobs[i];
        if (!j->started || j->ended) {
            continue;
        }
        const struct pollfd *out = &fds[k++], *status = &fds[k++];
        if (status->revents && !take_status(o, j)) {
            end_job(o, j, n == 1);
            --*running;
        } else if (out->revents & POLLIN) {
            take_output(o, j, n == 1);
        } else if (out->revents) {
            struct timespec pause = {.tv_nsec = 1000000}; /* closed, the process not yet gone */
            nanosleep(&pause, NULL);
        }
        watch(o, j);
    }
}

int test_run(const TestOptions *o, const TestTargets *targets)
{
    size_t n = targets->n, next = 0, shown = 0;
    Job *jobs = calloc(n + 1, sizeof *jobs);
    struct pollfd *fds = calloc(2 * n + 2, sizeof *fds);
    int running = 0;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        jobs[i].target = &targets->at[i];
    }
    while (shown < n) {
        while (next < n && running < o->jobs) {
            if (!start_job(o, &jobs[next])) {
                fprintf(stderr, "gol: cannot start a process: %s\n", strerror(errno));
                return 1;
            }
            next++;
            running++;
        }
        wait_some(o, jobs, n, fds, &running);
        while (shown < n && jobs[shown].ended) {
            ok &= conclude(o, &jobs[shown++]);
        }
    }
    if (!ok && !o->json && !o->local) {
        puts("FAIL");
    }
    free(jobs);
    free(fds);
    return ok ? 0 : 1;
}
