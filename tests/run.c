/* run.c - runs test scripts and compares with the expectations that stand in them.
 *
 *     run GOL [-jN] [-tag NAME]... FILE...
 *
 * In a script:
 *     // expect: TEXT            the next line of standard output
 *     // expect error: TEXT      a compile error on this line whose text contains TEXT; exit 1
 *     // expect stderr: TEXT     standard error contains TEXT (in this order)
 *     // expect exit: N          exit status (0 if nothing says otherwise; 2 with "expect stderr")
 *     // args: ...   // env: NAME=VALUE   // stdin: TEXT   // skip: TAG   // timeout: SECONDS
 *     // Output:                 the comment lines after it are the whole standard output
 * A file X.out beside X.gol holds the whole expected standard output; X.has holds lines that it must
 * contain, in order. A script without any expectation must exit 0.
 * One line a failure, and at the end "N passed, N failed". */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINES = 4096, MAX_JOBS = 16 };

typedef struct Text {
    char *at;
    size_t n, cap;
} Text;

typedef struct Want {
    char *out[MAX_LINES];
    int nout;
    struct {
        char *text;
        int line;
    } err[MAX_LINES];
    int nerr;
    int exit_code;
    bool has_exit, has_compile_error, has_out, in_output;
    char *args, *stdin_text, *whole, *has;
    char *env[16];
    int nenv, timeout;
    bool skip;
} Want;

static const char *tags[16];
static int ntags;

static void add(Text *t, const char *s, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        t->cap = (t->n + n + 1) * 2;
        t->at = realloc(t->at, t->cap);
        if (!t->at) {
            abort();
        }
    }
    memcpy(t->at + t->n, s, n);
    t->n += n;
    t->at[t->n] = 0;
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char buf[4096];
    size_t n;
    Text t = {0};
    if (!f) {
        return NULL;
    }
    add(&t, "", 0);
    while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
        add(&t, buf, n);
    }
    fclose(f);
    return t.at;
}

static char *beside(const char *path, const char *ext)
{
    char name[1024];
    const char *dot = strrchr(path, '.');
    snprintf(name, sizeof name, "%.*s%s", (int)(dot - path), path, ext);
    return read_file(name);
}

/* The text behind "// key" in line, or NULL. */
static char *value_of(char *line, const char *key)
{
    char *at = strstr(line, key);
    return at && at >= line + 3 && !strncmp(at - 3, "// ", 3) ? at + strlen(key) : NULL;
}

/* Blanks at the end of a line do not show in a comment, so they do not count there. */
static char *trim(char *line)
{
    size_t n = strlen(line);
    while (n && (line[n - 1] == ' ' || line[n - 1] == '\t')) {
        line[--n] = 0;
    }
    return line;
}

static void want_line(Want *w, char *line, int number)
{
    char *v;
    if (w->nout >= MAX_LINES || w->nerr >= MAX_LINES) {
        return;
    }
    if ((v = value_of(line, "skip: "))) {
        for (int i = 0; i < ntags; i++) {
            w->skip |= !strcmp(tags[i], v);
        }
    } else if (w->in_output && !strncmp(line, "//", 2)) {
        w->out[w->nout++] = trim(line[2] == ' ' ? line + 3 : line + 2);
    } else if (!strcmp(line, "// Output:")) {
        w->in_output = w->has_out = true;
    } else if ((v = value_of(line, "expect error: "))) {
        w->err[w->nerr].text = v;
        w->err[w->nerr++].line = number;
        w->has_compile_error = true;
    } else if ((v = value_of(line, "expect stderr: "))) {
        w->err[w->nerr].text = v;
        w->err[w->nerr++].line = 0;
        if (!w->has_exit) {
            w->exit_code = 2;
        }
    } else if ((v = value_of(line, "expect exit: "))) {
        w->exit_code = atoi(v);
        w->has_exit = true;
    } else if ((v = value_of(line, "expect: "))) {
        w->out[w->nout++] = v;
        w->has_out = true;
    } else if ((v = value_of(line, "args: "))) {
        w->args = v;
    } else if ((v = value_of(line, "stdin: "))) {
        w->stdin_text = v;
    } else if ((v = value_of(line, "timeout: "))) {
        w->timeout = atoi(v);
    } else if ((v = value_of(line, "env: ")) && w->nenv < 16) {
        w->env[w->nenv++] = v;
    }
}

static void read_want(const char *path, char *text, Want *w)
{
    int number = 1;
    w->timeout = 60;
    for (char *line = text; line; number++) {
        char *end = strchr(line, '\n');
        if (end) {
            *end = 0;
        }
        want_line(w, line, number);
        line = end ? end + 1 : NULL;
    }
    if (w->has_compile_error && !w->has_exit) {
        w->exit_code = 1;
    }
    w->whole = beside(path, ".out");
    w->has = beside(path, ".has");
}

static void child(const char *gol, const char *path, Want *w, int in, int out, int err)
{
    char *argv[64];
    int n = 0;
    char *copy = strdup(gol);
    for (char *word = strtok(copy, " "); word && n < 20; word = strtok(NULL, " ")) {
        argv[n++] = word;
    }
    argv[n++] = (char *)path;
    for (char *word = w->args ? strtok(w->args, " ") : NULL; word && n < 62; word = strtok(NULL, " ")) {
        argv[n++] = word;
    }
    argv[n] = NULL;
    for (int i = 0; i < w->nenv; i++) {
        putenv(w->env[i]);
    }
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    setpgid(0, 0);
    execvp(argv[0], argv);
    _exit(127);
}

/* Reads both pipes until they close or time is over; true if it ended by itself. */
static bool collect(int out, int err, Text *o, Text *e, int timeout)
{
    struct pollfd fds[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    Text *texts[2] = {o, e};
    int open_fds = 2;
    time_t end = time(NULL) + timeout;
    while (open_fds) {
        if (time(NULL) >= end || poll(fds, 2, 1000) < 0) {
            return false;
        }
        for (int i = 0; i < 2; i++) {
            char buf[65536];
            if (fds[i].fd < 0 || !(fds[i].revents & (POLLIN | POLLHUP | POLLERR))) {
                continue;
            }
            ssize_t n = read(fds[i].fd, buf, sizeof buf);
            if (n > 0 && texts[i]->n < (64u << 20)) {
                add(texts[i], buf, (size_t)n);
            } else if (n <= 0) {
                fds[i].fd = -1;
                open_fds--;
            }
        }
    }
    return true;
}

static bool complain(const char *path, const char *fmt, const char *a, const char *b)
{
    printf("FAIL %s: ", path);
    printf(fmt, a, b);
    printf("\n");
    return false;
}

static char *next_line(char **rest)
{
    char *line = *rest, *end = line ? strchr(line, '\n') : NULL;
    if (!line || !*line) {
        return NULL;
    }
    if (end) {
        *end = 0;
    }
    *rest = end ? end + 1 : NULL;
    return line;
}

static bool check_lines(const char *path, Want *w, char *out)
{
    char *rest = out;
    for (int i = 0; i < w->nout; i++) {
        char *line = next_line(&rest);
        if (!line || strcmp(w->in_output ? trim(line) : line, w->out[i])) {
            return complain(path, "expected \"%s\", got \"%s\"", w->out[i], line ? line : "(end)");
        }
    }
    char *more = w->has_out ? next_line(&rest) : NULL;
    return more ? complain(path, "unexpected output \"%s\"%s", more, "") : true;
}

static bool check_errors(const char *path, Want *w, char *err)
{
    char *from = err;
    for (int i = 0; i < w->nerr; i++) {
        char key[64];
        char *at = from;
        if (w->err[i].line) {
            snprintf(key, sizeof key, ":%d:", w->err[i].line);
            bool found = false;
            for (at = err; (at = strstr(at, key)) && !found; at++) {
                char *end = strchr(at, '\n');
                char *hit = strstr(at, w->err[i].text);
                found = hit && (!end || hit < end);
            }
            if (!found) {
                return complain(path, "expected error \"%s\", got:\n%s", w->err[i].text, err);
            }
        } else if (!(from = strstr(from, w->err[i].text))) {
            return complain(path, "standard error lacks \"%s\":\n%s", w->err[i].text, err);
        }
    }
    return true;
}

static bool check_contains(const char *path, char *has, char *out)
{
    char *rest = has, *line;
    while ((line = next_line(&rest))) {
        out = strstr(out, line);
        if (!out) {
            return complain(path, "output lacks \"%s\"%s", line, "");
        }
    }
    return true;
}

static bool verdict(const char *path, Want *w, int status, Text *o, Text *e)
{
    char num[2][64];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code != w->exit_code) {
        snprintf(num[0], sizeof num[0], "exit %d, expected %d", code, w->exit_code);
        return complain(path, "%s:\n%.2000s", num[0], e->at);
    }
    if (w->whole && strcmp(w->whole, o->at)) {
        char *a = w->whole, *b = o->at, *x, *y;
        do {
            x = next_line(&a);
            y = next_line(&b);
        } while (x && y && !strcmp(x, y));
        return complain(path, "output differs: expected \"%s\", got \"%s\"", x ? x : "(end)", y ? y : "(end)");
    }
    if (w->has && !check_contains(path, w->has, o->at)) {
        return false;
    }
    return check_lines(path, w, o->at) && check_errors(path, w, e->at);
}

/* Runs one script; 0 passed, 1 failed, 2 skipped. */
static int run_one(const char *gol, const char *path)
{
    char *text = read_file(path);
    static Want w;
    if (!text) {
        printf("FAIL %s: cannot read\n", path);
        return 1;
    }
    read_want(path, text, &w);
    if (w.skip) {
        return 2;
    }
    int in[2], out[2], err[2], status;
    if (pipe(in) || pipe(out) || pipe(err)) {
        return 1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(in[1]);
        close(out[0]);
        close(err[0]);
        child(gol, path, &w, in[0], out[1], err[1]);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    if (w.stdin_text && write(in[1], w.stdin_text, strlen(w.stdin_text)) < 0) {
        printf("note %s: did not read its input\n", path);
    }
    close(in[1]);
    Text o = {0}, e = {0};
    add(&o, "", 0);
    add(&e, "", 0);
    bool ended = collect(out[0], err[0], &o, &e, w.timeout);
    if (!ended) {
        kill(-pid, SIGQUIT);
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
    waitpid(pid, &status, 0);
    if (!ended) {
        complain(path, "timeout%s%s", "", "");
        return 1;
    }
    return verdict(path, &w, status, &o, &e) ? 0 : 1;
}

int main(int argc, char **argv)
{
    int jobs = 2, i = 2, counts[3] = {0}, running = 0;
    if (argc < 2) {
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strncmp(argv[i], "-j", 2)) {
            jobs = atoi(argv[i] + 2);
        } else if (!strcmp(argv[i], "-tag") && i + 1 < argc && ntags < 16) {
            tags[ntags++] = argv[++i];
        }
    }
    while (i < argc || running) {
        if (i < argc && running < jobs) {
            fflush(NULL);
            if (fork() == 0) {
                int r = run_one(argv[1], argv[i]);
                fflush(NULL);
                _exit(r);
            }
            running++;
            i++;
            continue;
        }
        int status;
        if (wait(&status) < 0) {
            break;
        }
        running--;
        counts[WIFEXITED(status) && WEXITSTATUS(status) < 3 ? WEXITSTATUS(status) : 1]++;
    }
    printf("%d passed, %d failed, %d skipped\n", counts[0], counts[1], counts[2]);
    return counts[1] ? 1 : 0;
}
