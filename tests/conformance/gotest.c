/* gotest.c - judges gol by Go's own test tree.
 *
 *     gotest GOL TREE EXCLUDE [-jN] [-v] [FILTER...]
 *
 * TREE is the test folder of a Go source tree. Each .go file there says in its first comment what is
 * to be done with it; this runner knows
 *     run         exit 0, and output (both streams) equal to the .out file beside it, or none
 *     runoutput   run, save what it prints as a program, run that
 *     rundir      X.dir: each file (or files of one package) a package, the last one is run
 *     compile     must compile, code generation included;  build is the same
 *     compiledir  as rundir, without running
 *     errorcheck  each line with ERROR "regexp" gets a diagnostic, no other line does
 *     errorcheckdir  the same for each package of X.dir
 * A FILTER selects files whose path contains it. EXCLUDE holds "PATTERN reason" lines: a pattern is
 * the beginning of a path, "flag:F" a flag in the first comment, "import:P" a package that the file
 * names, "action:A" an action.
 *
 * Each job works in a process of its own with a scratch folder of its own. Output: a line a failure,
 * then a table by folder and action. For errorcheck a test passes when the lines agree; how many
 * messages also match the regular expressions is counted beside it. Exit status: 0 when all pass. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TESTS = 8192, MAX_EXCLUDES = 1024, MAX_FILES = 256, MAX_LINE_NO = 4096, TIMEOUT = 60 };

enum Action { RUN, RUNOUTPUT, RUNDIR, COMPILE, COMPILEDIR, ERRORCHECK, ERRORCHECKDIR, NACTIONS };
static const char *const action_names[NACTIONS] = {
    "run", "runoutput", "rundir", "compile", "compiledir", "errorcheck", "errorcheckdir",
};

enum Outcome { PASSED, FAILED, EXCLUDED, NOUTCOMES };

typedef struct Test {
    char *path;            /* relative to the tree */
    char *args;            /* behind the action */
    enum Action action;
    uint8_t outcome;
} Test;

typedef struct Exclude {
    char *pattern;
} Exclude;

/* Written by the jobs. */
typedef struct Shared {
    uint8_t outcome[MAX_TESTS];
    unsigned expected, reported, worded, extra; /* errorcheck lines */
} Shared;

static Test tests[MAX_TESTS];
static int ntests;
static Exclude excludes[MAX_EXCLUDES];
static int nexcludes;
static Shared *shared;
static const char *gol, *tree;
static char scratch[256];

static char *format(const char *fmt, const char *a, const char *b)
{
    size_t n = strlen(fmt) + strlen(a) + strlen(b) + 1;
    char *s = malloc(n);
    if (!s) {
        abort();
    }
    snprintf(s, n, fmt, a, b);
    return s;
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return NULL;
    }
    size_t cap = 1 << 14, n = 0, got;
    char *text = malloc(cap);
    while (text && (got = fread(text + n, 1, cap - n - 1, f)) > 0) {
        n += got;
        if (n + 1 == cap) {
            text = realloc(text, cap *= 2);
        }
    }
    fclose(f);
    if (!text) {
        abort();
    }
    text[n] = 0;
    return text;
}

static bool write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        return false;
    }
    fputs(text, f);
    return fclose(f) == 0;
}

/* ---- what is to be done ---- */

/* The first comment that is no build constraint, without its slashes; NULL if there is none. */
static char *recipe_of(const char *text)
{
    while (*text == '\n') {
        text++;
    }
    for (const char *line = text; !strncmp(line, "//", 2) || *line == '\n';) {
        const char *end = strchr(line, '\n');
        size_t n = end ? (size_t)(end - line) : strlen(line);
        if (n > 2 && strncmp(line, "//go:", 5) && strncmp(line, "// +build", 9)) {
            const char *at = line + 2;
            at += strspn(at, " ");
            return strndup(at, n - (size_t)(at - line));
        }
        line += n + (end != NULL);
    }
    return NULL;
}

/* Whether linux/amd64 satisfies the file's //go:build line, as far as the tree needs it. */
static bool builds_here(const char *text)
{
    const char *line = strstr(text, "//go:build ");
    const char *pkg = strstr(text, "\npackage ");
    if (!line || (pkg && pkg < line)) {
        return true;
    }
    char expr[512];
    snprintf(expr, sizeof expr, "%.*s", (int)strcspn(line + 11, "\n"), line + 11);
    bool any = false;
    char *save = NULL;
    for (char *alt = strtok_r(expr, "|", &save); alt; alt = strtok_r(NULL, "|", &save)) {
        bool all = true;
        char *save2 = NULL;
        for (char *w = strtok_r(alt, " &()", &save2); w; w = strtok_r(NULL, " &()", &save2)) {
            bool no = *w == '!';
            w += no;
            bool have = !strcmp(w, "linux") || !strcmp(w, "amd64") || !strcmp(w, "gc");
            all &= have != no;
        }
        any |= all;
    }
    return any;
}

static bool excluded(const Test *t, const char *text)
{
    for (int i = 0; i < nexcludes; i++) {
        const char *p = excludes[i].pattern;
        if (!strncmp(p, "flag:", 5)) {
            char *args = format(" %s%s ", t->args, "");
            char *flag = format(" %s%s", p + 5, "");
            bool hit = strstr(args, flag) != NULL;
            free(args);
            free(flag);
            if (hit) {
                return true;
            }
        } else if (!strncmp(p, "import:", 7)) {
            char *quoted = format("\"%s\"%s", p + 7, "");
            bool hit = strstr(text, quoted) != NULL;
            free(quoted);
            if (hit) {
                return true;
            }
        } else if (!strncmp(p, "action:", 7)) {
            if (!strcmp(p + 7, action_names[t->action])) {
                return true;
            }
        } else if (!strncmp(t->path, p, strlen(p))) {
            return true;
        }
    }
    return false;
}

static void add_test(const char *path)
{
    char *full = format("%s/%s", tree, path);
    char *text = read_file(full);
    char *recipe = text ? recipe_of(text) : NULL;
    free(full);
    if (!recipe || ntests == MAX_TESTS) {
        return;
    }
    char *word = recipe;
    char *end = word + strcspn(word, " ");
    char *args = end + strspn(end, " ");
    *end = 0;
    if (!strcmp(word, "build") || !strcmp(word, "builddir")) {
        word = (char *)(word[5] ? "compiledir" : "compile");
    }
    for (int a = 0; a < NACTIONS; a++) {
        if (!strcmp(word, action_names[a])) {
            Test *t = &tests[ntests++];
            *t = (Test){strdup(path), strdup(args), (enum Action)a, PASSED};
            if (!builds_here(text) || excluded(t, text)) {
                t->outcome = EXCLUDED;
            }
        }
    }
    free(text);
    free(recipe);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder that end in ext, sorted; folders when ext is NULL. */
static int list(const char *dir, const char *ext, char **names, int max)
{
    DIR *d = opendir(dir);
    int n = 0;
    for (struct dirent *e; d && n < max && (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        struct stat st;
        char *full = format("%s/%s", dir, e->d_name);
        bool is_dir = stat(full, &st) == 0 && S_ISDIR(st.st_mode);
        free(full);
        bool take = ext ? !is_dir && len > strlen(ext) && !strcmp(e->d_name + len - strlen(ext), ext)
                        : is_dir && e->d_name[0] != '.' && !strstr(e->d_name, ".dir");
        if (take) {
            names[n++] = strdup(e->d_name);
        }
    }
    if (d) {
        closedir(d);
    }
    qsort(names, (size_t)n, sizeof *names, by_name);
    return n;
}

static void collect(const char *folder, char *const *filters, int nfilters)
{
    static char *names[MAX_TESTS];
    char *dir = format("%s/%s", tree, folder);
    int n = list(dir, ".go", names, MAX_TESTS);
    free(dir);
    for (int i = 0; i < n; i++) {
        char *path = *folder ? format("%s/%s", folder, names[i]) : strdup(names[i]);
        bool wanted = nfilters == 0;
        for (int k = 0; k < nfilters; k++) {
            wanted |= strstr(path, filters[k]) != NULL;
        }
        if (wanted) {
            add_test(path);
        }
        free(path);
    }
}

static void read_excludes(const char *path)
{
    char *text = read_file(path);
    char *save = NULL;
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        if (*line && *line != '#' && nexcludes < MAX_EXCLUDES) {
            line[strcspn(line, " \t")] = 0;
            excludes[nexcludes++].pattern = line;
        }
    }
}

/* ---- running gol ---- */

/* Runs argv in folder cwd, both streams into file out. The exit status, 128 + a signal, or -1 after
 * the time limit. */
static int run_command(char *const *argv, const char *cwd, const char *out)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY);
        int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (fd < 0 || chdir(cwd)) {
            _exit(126);
        }
        dup2(null, 0);
        dup2(fd, 1);
        dup2(fd, 2);
        setpgid(0, 0);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status = 0;
    for (int ms = 0; ms < TIMEOUT * 1000; ms += ms < 100 ? 2 : 20) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        usleep(ms < 100 ? 2000 : 20000);
    }
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

static bool failed(const Test *t, const char *what, const char *text)
{
    char line[400];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    printf("FAIL %s %s: %s%s\n", action_names[t->action], t->path, what, line);
    return false;
}

static bool run_gol(const Test *t, const char *verb, const char *file, const char *cwd,
                    char **output)
{
    char *out = format("%s/%s", scratch, "out");
    char *argv[16] = {(char *)gol, (char *)verb, (char *)file};
    int n = 3;
    char *args = strdup(t->args), *save = NULL;
    for (char *w = strtok_r(args, " ", &save); w && t->action == RUN && n < 15;
         w = strtok_r(NULL, " ", &save)) {
        argv[n++] = w;
    }
    int status = run_command(argv, cwd, out);
    *output = read_file(out);
    free(out);
    free(args);
    if (!*output) {
        *output = strdup("");
    }
    if (status < 0) {
        return failed(t, "timeout ", *output);
    }
    if (status != 0) {
        char what[32];
        snprintf(what, sizeof what, "exit %d ", status);
        char *where = strstr(*output, "panic: ");
        return failed(t, what, where ? where : *output);
    }
    return true;
}

static bool same_output(const Test *t, const char *got)
{
    char *full = format("%s/%s", tree, t->path);
    size_t n = strlen(full) - 3;
    char *path = malloc(n + 5);
    snprintf(path, n + 5, "%.*s.out", (int)n, full);
    char *want = read_file(path);
    if (!want) {
        want = strdup("");
    }
    if (!strcmp(want, got)) {
        return true;
    }
    const char *a = want, *b = got;
    while (*a && *a == *b) {
        a++;
        b++;
    }
    while (a > want && a[-1] != '\n') {
        a--;
        b--;
    }
    char what[300];
    snprintf(what, sizeof what, "output: want \"%.*s\", got ", (int)strcspn(a, "\n"), a);
    return failed(t, what, b);
}

/* The file to run: with further .go files among the arguments, a folder that holds copies of all. */
static char *gather(const Test *t, bool *many)
{
    char *full = format("%s/%s", tree, t->path), *save = NULL;
    char *args = strdup(t->args), *folder = format("%s/%s", scratch, "all");
    *many = false;
    for (char *w = strtok_r(args, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        char *other = format("%s/%s", tree, w);
        char *text = strlen(w) > 3 && !strcmp(w + strlen(w) - 3, ".go") ? read_file(other) : NULL;
        if (text) {
            *many = true;
            mkdir(folder, 0755);
            write_file(format("%s/more_%s", folder, strrchr(other, '/') + 1), text);
        }
    }
    if (!*many) {
        return full;
    }
    write_file(format("%s/%s", folder, "first.go"), read_file(full));
    return folder;
}

static bool test_run(const Test *t)
{
    bool many;
    char *full = gather(t, &many), *out;
    Test alone = *t;
    alone.args = many ? strdup("") : t->args;
    bool ok = run_gol(&alone, "run", full, tree, &out);
    if (ok && t->action == RUNOUTPUT) {
        char *made = format("%s/%s", scratch, "made.go");
        ok = write_file(made, out) && run_gol(t, "run", made, tree, &out);
    }
    return ok && same_output(t, out);
}

static bool test_compile(const Test *t)
{
    char *full = format("%s/%s", tree, t->path), *out;
    return run_gol(t, "check", full, tree, &out);
}

/* ---- folders ---- */

typedef struct Dir {
    char *names[MAX_FILES];   /* folder of each package, in order */
    char *files[MAX_FILES][8];
    char *pkgs[MAX_FILES];
    int n;
} Dir;

static char *package_name(const char *text)
{
    const char *at = !strncmp(text, "package ", 8) ? text : strstr(text, "\npackage ");
    if (!at) {
        return strdup("");
    }
    at += *at == '\n' ? 9 : 8;
    return strndup(at, strcspn(at, " \n;/\r"));
}

/* text with each "./x" import written as "test/x". */
static char *absolute_imports(const char *text)
{
    char *copy = malloc(strlen(text) * 3 + 1), *to = copy;
    for (const char *at = text; *at;) {
        if (!strncmp(at, "\"./", 3)) {
            to = stpcpy(to, "\"test/");
            at += 3;
        } else {
            *to++ = *at++;
        }
    }
    *to = 0;
    return copy;
}

/* Copies X.dir into the scratch folder as module "test", a folder a package. */
static bool lay_out(const Test *t, Dir *d)
{
    static char *names[MAX_FILES];
    char *from = format("%s/%s", tree, t->path);
    snprintf(from + strlen(from) - 3, 4, "%s", "");
    char *dir = format("%s.dir%s", from, "");
    bool single = strstr(t->args, "-s") != NULL;
    int n = list(dir, ".go", names, MAX_FILES);
    char *mod = format("%s/%s", scratch, "go.mod");
    write_file(mod, "module test\n\ngo 1.19\n");
    for (int i = 0; i < n; i++) {
        char *path = format("%s/%s", dir, names[i]);
        char *text = read_file(path);
        if (!text || !builds_here(text)) {
            continue;
        }
        char *pkg = package_name(text);
        int k = 0;
        while (k < d->n && (single || strcmp(d->pkgs[k], pkg))) {
            k++;
        }
        if (k == d->n) {
            d->pkgs[d->n] = pkg;
            d->names[d->n++] = strndup(names[i], strlen(names[i]) - 3);
        }
        char *folder = format("%s/%s", scratch, d->names[k]);
        mkdir(folder, 0755);
        bool hidden = strstr(names[i], "_test.go") != NULL; /* such files are left out of packages */
        char *copy = format(hidden ? "%s/%s.go" : "%s/%s", folder, names[i]);
        write_file(copy, absolute_imports(text));
    }
    return d->n > 0;
}

static bool test_dir(const Test *t)
{
    static Dir d;
    if (!lay_out(t, &d)) {
        return failed(t, "no folder", "");
    }
    char *out = NULL;
    if (t->action == RUNDIR) {
        char *last = format("%s/%s", scratch, d.names[d.n - 1]);
        return run_gol(t, "run", last, tree, &out) && same_output(t, out);
    }
    for (int i = 0; i < d.n; i++) {
        char *dir = format("%s/%s", scratch, d.names[i]);
        if (!run_gol(t, "check", dir, tree, &out)) {
            return false;
        }
    }
    return true;
}

/* ---- errorcheck ---- */

typedef struct Lines {
    char *want[MAX_LINE_NO];   /* text behind ERROR on a line */
    char *got[MAX_LINE_NO];    /* messages on a line, joined */
} Lines;

static void read_wanted(const char *text, Lines *l)
{
    int number = 1;
    for (const char *line = text; line && number < MAX_LINE_NO; number++) {
        const char *end = strchr(line, '\n');
        size_t n = end ? (size_t)(end - line) : strlen(line);
        char *copy = strndup(line, n);
        char *at = strstr(copy, "ERROR ");
        char *auto_at = strstr(copy, "ERRORAUTO");
        char *rest = at ? at + strspn(at + 6, " ") + 6 : NULL;
        if (!auto_at && rest && (*rest == '"' || *rest == '`') && strstr(copy, "//") &&
            !(at > copy + 3 && !strncmp(at - 4, "GCCGO_", 4)) &&
            !(at >= copy + 6 && !strncmp(at - 6, "GCCGO_", 6))) {
            l->want[number] = strdup(rest);
        }
        free(copy);
        line = end ? end + 1 : NULL;
    }
}

static void read_got(char *text, const char *file, Lines *l)
{
    char *save = NULL;
    size_t n = strlen(file);
    char **last = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *at = strstr(line, file);
        int number = at && at[n] == ':' ? atoi(at + n + 1) : 0;
        if (number > 0 && number < MAX_LINE_NO && line[0] != ' ' && line[0] != '\t') {
            last = &l->got[number];
            *last = format("%s%s\n", *last ? *last : "", at + n + 1);
        } else if (last && *line == '\t') {
            *last = format("%s%s\n", *last, line);
        }
    }
}

/* Whether every quoted regular expression behind ERROR matches a message of the line. */
static bool worded(const char *want, const char *got)
{
    for (const char *at = want; *at == '"' || *at == '`';) {
        const char *end = strchr(at + 1, *at);
        if (!end) {
            return false;
        }
        char *rx = strndup(at + 1, (size_t)(end - at - 1));
        regex_t re;
        bool ok = regcomp(&re, rx, REG_EXTENDED | REG_NOSUB) == 0;
        if (ok) {
            ok = regexec(&re, got, 0, NULL, 0) == 0;
            regfree(&re);
        }
        free(rx);
        if (!ok) {
            return false;
        }
        at = end + 1;
        at += strspn(at, " ");
    }
    return true;
}

static bool compare_lines(const Test *t, const Lines *l, const char *file, bool verbose)
{
    char missing[128] = "", extra[128] = "", first[200] = "";
    for (int i = 0; i < MAX_LINE_NO; i++) {
        char num[16];
        snprintf(num, sizeof num, " %d", i);
        if (l->want[i]) {
            __atomic_fetch_add(&shared->expected, 1, __ATOMIC_RELAXED);
            bool right = l->got[i] && worded(l->want[i], l->got[i]);
            if (l->got[i]) {
                __atomic_fetch_add(&shared->reported, 1, __ATOMIC_RELAXED);
                __atomic_fetch_add(&shared->worded, right, __ATOMIC_RELAXED);
            } else if (strlen(missing) < 100) {
                strcat(missing, num);
            }
            if (verbose && l->got[i] && !right) {
                printf("WORDS %s:%d: %s  <- %s", t->path, i, l->want[i], l->got[i]);
            }
        } else if (l->got[i]) {
            __atomic_fetch_add(&shared->extra, 1, __ATOMIC_RELAXED);
            if (strlen(extra) < 100) {
                strcat(extra, num);
                if (!*first) {
                    snprintf(first, sizeof first, " (%.*s)", (int)strcspn(l->got[i], "\n"),
                             l->got[i]);
                }
            }
        }
    }
    if (!*missing && !*extra) {
        return true;
    }
    char what[600];
    snprintf(what, sizeof what, "%s%s%s%s%s%s", file, *missing ? " missing" : "", missing,
             *extra ? " extra" : "", extra, first);
    return failed(t, what, "");
}

static bool check_file(const Test *t, const char *full, const char *target, bool verbose)
{
    static Lines l;
    memset(&l, 0, sizeof l);
    char *text = read_file(full);
    if (!text) {
        return failed(t, "unreadable", "");
    }
    read_wanted(text, &l);
    char *out = format("%s/%s", scratch, "out");
    char *argv[] = {(char *)gol, (char *)"check", (char *)target, NULL};
    int status = run_command(argv, scratch, out);
    char *got = read_file(out);
    if (status < 0 || status > 2) {
        return failed(t, status < 0 ? "timeout " : "crash ", got ? got : "");
    }
    const char *name = strrchr(full, '/') + 1;
    read_got(got ? got : strdup(""), name, &l);
    return compare_lines(t, &l, name, verbose);
}

static bool test_errorcheck(const Test *t, bool verbose)
{
    char *full = format("%s/%s", tree, t->path);
    if (t->action == ERRORCHECK) {
        return check_file(t, full, full, verbose);
    }
    static Dir d;
    bool ok = lay_out(t, &d);
    for (int i = 0; i < d.n; i++) {
        static char *names[MAX_FILES];
        char *dir = format("%s/%s", scratch, d.names[i]);
        int n = list(dir, ".go", names, MAX_FILES);
        for (int k = 0; k < n; k++) {
            char *file = format("%s/%s", dir, names[k]);
            ok &= check_file(t, file, dir, verbose);
        }
    }
    return ok;
}

/* ---- jobs and the table ---- */

static void one_job(int index, bool verbose)
{
    Test *t = &tests[index];
    bool ok;
    snprintf(scratch, sizeof scratch, "/tmp/gotest.%d", (int)getpid());
    if (mkdir(scratch, 0755)) {
        _exit(1);
    }
    if (t->action == RUN || t->action == RUNOUTPUT) {
        ok = test_run(t);
    } else if (t->action == COMPILE) {
        ok = test_compile(t);
    } else if (t->action == RUNDIR || t->action == COMPILEDIR) {
        ok = test_dir(t);
    } else {
        ok = test_errorcheck(t, verbose);
    }
    shared->outcome[index] = ok ? PASSED : FAILED;
    fflush(NULL);
    char *rm[] = {(char *)"rm", (char *)"-rf", scratch, NULL};
    execvp(rm[0], rm);
    _exit(0);
}

static void run_jobs(int jobs, bool verbose)
{
    int running = 0;
    for (int i = 0; i < ntests || running;) {
        if (i < ntests && tests[i].outcome == EXCLUDED) {
            shared->outcome[i++] = EXCLUDED;
        } else if (i < ntests && running < jobs) {
            fflush(NULL);
            shared->outcome[i] = FAILED;
            if (fork() == 0) {
                one_job(i, verbose);
            }
            running++;
            i++;
        } else if (wait(NULL) > 0) {
            running--;
        } else {
            break;
        }
    }
}

static bool in_group(const Test *t, const char *folder, int action)
{
    size_t n = strlen(folder);
    bool here = n ? !strncmp(t->path, folder, n) && t->path[n] == '/' : !strchr(t->path, '/');
    return (!strcmp(folder, "*") || here) && (action == NACTIONS || (int)t->action == action);
}

static void print_row(const char *folder, int action)
{
    int counts[NOUTCOMES] = {0};
    for (int i = 0; i < ntests; i++) {
        if (in_group(&tests[i], folder, action)) {
            counts[shared->outcome[i]]++;
        }
    }
    int judged = counts[PASSED] + counts[FAILED];
    if (judged + counts[EXCLUDED]) {
        printf("%-12s %-14s %6d %6d %6d  %5.1f%%\n", *folder ? folder : ".",
               action == NACTIONS ? "all" : action_names[action], counts[PASSED], counts[FAILED],
               counts[EXCLUDED], judged ? 100.0 * counts[PASSED] / judged : 100.0);
    }
}

static int print_table(char *const *folders, int nfolders)
{
    printf("\n%-12s %-14s %6s %6s %6s\n", "folder", "action", "pass", "fail", "excl");
    print_row("", NACTIONS);
    for (int i = 0; i < nfolders; i++) {
        print_row(folders[i], NACTIONS);
    }
    for (int a = 0; a <= NACTIONS; a++) {
        print_row("*", a);
    }
    printf("errorcheck lines: %u expected, %u reported, %u of them in Go's words; %u extra\n",
           shared->expected, shared->reported, shared->worded, shared->extra);
    for (int i = 0; i < ntests; i++) {
        if (shared->outcome[i] == FAILED) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    int jobs = 2, i = 4;
    bool verbose = false;
    if (argc < 4) {
        fputs("usage: gotest GOL TREE EXCLUDE [-jN] [-v] [FILTER...]\n", stderr);
        return 2;
    }
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strncmp(argv[i], "-j", 2)) {
            jobs = atoi(argv[i] + 2);
        }
        verbose |= !strcmp(argv[i], "-v");
    }
    gol = argv[1];
    tree = argv[2];
    read_excludes(argv[3]);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return 2;
    }
    static char *folders[MAX_FILES];
    int nfolders = list(tree, NULL, folders, MAX_FILES);
    collect("", argv + i, argc - i);
    for (int k = 0; k < nfolders; k++) {
        collect(folders[k], argv + i, argc - i);
    }
    run_jobs(jobs, verbose);
    return print_table(folders, nfolders);
}
