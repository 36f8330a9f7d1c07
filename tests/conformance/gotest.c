/* gotest.c - judges gol by Go's own test tree.
 *
 *     gotest GOL TREE LISTS [-jN] [-v] [-quick] [-table FILE] [FILTER...]
 *
 * TREE is the test folder of a Go source tree. Each .go file there says in its first comment what is
 * to be done with it; this runner knows
 *     run         exit 0, and output (both streams) equal to the .out file beside it, or none
 *     runoutput   run, save what it prints as a program, run that
 *     rundir      X.dir: each file (or files of one package) a package, the last one is run
 *     runindir    X.dir is a module: run its top folder
 *     compile     must compile, code generation included;  build is the same
 *     compiledir  as rundir, without running
 *     errorcheck  each line with ERROR "regexp" gets a diagnostic, no other line does
 *     errorcheckdir  the same for each package of X.dir
 *     errorcheckoutput  run, and errorcheck what it prints
 * Everything is compiled as Go 1.19 (a go.mod in the scratch folder says so), or as -lang= asks.
 * A FILTER selects files whose path contains it. The folder LISTS has three lists of lines:
 * exclude.txt "PATTERN reason", where a pattern is the beginning of a path, "flag:F" a flag in the
 * first comment, "import:P" a package that the file names, "action:A" an action; known.txt "PATH
 * reason", the failures that are known; quick.txt FILTERs, what -quick selects.
 *
 * Each job works in a process of its own with a scratch folder of its own. Output: a line a failure,
 * then a table by folder and action, which -table also writes as Markdown. For errorcheck a test
 * passes when the lines agree; how many messages also match the regular expressions is counted
 * beside it. Exit status: 0 when the failures are exactly the known ones among what was selected. */
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

enum { MAX_TESTS = 8192, MAX_EXCLUDES = 1024, MAX_FILES = 256, MAX_LINE_NO = 4096, TIMEOUT = 240 };

enum Action { RUN, RUNOUTPUT, RUNDIR, RUNINDIR, COMPILE, COMPILEDIR, ERRORCHECK, ERRORCHECKDIR,
              ERRORCHECKOUTPUT, ASMCHECK, NACTIONS };
static const char *const action_names[NACTIONS] = {
    "run", "runoutput", "rundir", "runindir", "compile", "compiledir", "errorcheck",
    "errorcheckdir", "errorcheckoutput", "asmcheck",
};
/* Other names: the second is what to do here. */
static const char *const synonyms[][2] = {
    {"build", "compile"}, {"builddir", "compiledir"}, {"buildrun", "run"}, {"buildrundir", "rundir"},
    {"errorcheckandrundir", "rundir"}, {"errorcheckwithauto", "errorcheck"},
};

enum Outcome { PASSED, FAILED, EXCLUDED, NOUTCOMES };

typedef struct Test {
    char *path;            /* relative to the tree */
    char *args;            /* behind the action */
    enum Action action;
    uint8_t outcome;
    int exclude;           /* which line excludes it */
    bool known;            /* to fail */
} Test;

/* A line of exclude.txt or known.txt. */
typedef struct Listed {
    char *pattern, *reason;
} Listed;

/* Written by the jobs. */
typedef struct Shared {
    uint8_t outcome[MAX_TESTS];
    unsigned expected, reported, worded, extra; /* errorcheck lines */
} Shared;

static Test tests[MAX_TESTS];
static int ntests;
static Listed excludes[MAX_EXCLUDES], knowns[MAX_EXCLUDES];
static int nexcludes, nknowns;
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
    for (size_t i = 0; i < n; i++) {
        text[i] = text[i] ? text[i] : 1; /* a test of NULs in source text */
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

/* The number of the line that excludes it, -1. */
static int excluded(const Test *t, const char *text)
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
                return i;
            }
        } else if (!strncmp(p, "import:", 7)) {
            char *quoted = format("\"%s\"%s", p + 7, "");
            bool hit = strstr(text, quoted) != NULL;
            free(quoted);
            if (hit) {
                return i;
            }
        } else if (!strncmp(p, "action:", 7)) {
            if (!strcmp(p + 7, action_names[t->action])) {
                return i;
            }
        } else if (!strncmp(t->path, p, strlen(p))) {
            return i;
        }
    }
    return -1;
}

static bool known(const Test *t)
{
    for (int i = 0; i < nknowns; i++) {
        if (!strcmp(knowns[i].pattern, t->path)) {
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
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++) {
        if (!strcmp(word, synonyms[i][0])) {
            word = (char *)synonyms[i][1];
        }
    }
    for (int a = 0; a < NACTIONS; a++) {
        if (!strcmp(word, action_names[a])) {
            Test *t = &tests[ntests++];
            *t = (Test){.path = strdup(path), .args = strdup(args), .action = (enum Action)a};
            t->exclude = builds_here(text) ? excluded(t, text) : nexcludes;
            t->outcome = t->exclude >= 0 ? EXCLUDED : PASSED;
            t->known = known(t);
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

/* The lines of a list that are no comments; their number. */
static int read_list(const char *folder, const char *name, Listed *to)
{
    char *path = format("%s/%s", folder, name);
    char *text = read_file(path);
    char *save = NULL;
    int n = 0;
    free(path);
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        if (*line && *line != '#' && n < MAX_EXCLUDES) {
            char *end = line + strcspn(line, " \t");
            to[n].reason = *end ? end + 1 : end;
            *end = 0;
            to[n++].pattern = line;
        }
    }
    return n;
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

/* A module file in the scratch folder, for the language version. */
static void write_module(const Test *t, const char *name)
{
    const char *lang = strstr(t->args, "-lang=go");
    char *text = format("module %s\n\ngo 1.%s\n", name, "");
    text[strlen(text) - 1] = 0;
    char *mod = format("%s/%s", scratch, "go.mod");
    char version[8] = "19";
    if (lang && !strncmp(lang, "-lang=go1.", 10)) {
        snprintf(version, sizeof version, "%d", atoi(lang + 10));
    }
    write_file(mod, format("%s%s\n", text, version));
}

/* A copy of the file t in the scratch folder; the compiler reads its module file there. */
static char *scratch_copy(const Test *t)
{
    char *full = format("%s/%s", tree, t->path);
    const char *slash = strrchr(full, '/');
    char *copy = format("%s%s", scratch, slash);
    char *text = read_file(full);
    write_module(t, "test");
    write_file(copy, text ? text : "");
    return copy;
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
        if (!strcmp(w, "-t")) { /* a time limit */
            strtok_r(NULL, " ", &save);
        } else if (n > 3 || *w != '-') { /* flags before the arguments are the compiler's */
            argv[n++] = w;
        }
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

/* What the last command printed becomes a file; it may hold NULs. */
static bool keep_output(const char *name)
{
    char *out = format("%s/%s", scratch, "out");
    return rename(out, name) == 0;
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
    char *full = scratch_copy(t), *save = NULL;
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
        ok = keep_output(made) && run_gol(t, "run", made, tree, &out);
    }
    return ok && same_output(t, out);
}

static bool test_compile(const Test *t)
{
    char *out;
    return run_gol(t, "check", scratch_copy(t), tree, &out);
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
    write_module(t, "test");
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

/* X.dir is copied whole, as a module of that name. */
static bool test_runindir(const Test *t)
{
    char *out, *from = format("%s/%s", tree, t->path);
    from[strlen(from) - 3] = 0;
    char *dir = format("%s.dir/%s", from, ".");
    char *copy[] = {(char *)"cp", (char *)"-r", dir, scratch, NULL};
    char *log = format("%s/%s", scratch, "out");
    char *base = format("%s.dir%s", strrchr(from, '/') + 1, "");
    write_module(t, base);
    return run_command(copy, tree, log) == 0 && run_gol(t, "run", scratch, scratch, &out) &&
           same_output(t, out);
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
        if (!auto_at && rest && !strstr(copy, "////") && (*rest == '"' || *rest == '`') && strstr(copy, "//") &&
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

/* Go's escapes that POSIX lacks; LINE+N stands for some position. */
static char *posix_regex(const char *s, size_t n)
{
    char *out = malloc(n * 4 + 1), *to = out;
    for (const char *end = s + n; s < end; s++) {
        if (*s == '\\' && s + 1 < end && strchr("nt", s[1])) {
            *to++ = *++s == 'n' ? '\n' : '\t';
        } else if (*s == '\\' && end - s > 3 && !strncmp(s, "\\x22", 4)) {
            *to++ = '"';
            s += 3;
        } else if (!strncmp(s, "LINE", 4)) {
            to = stpcpy(to, ".*");
            s += strspn(s, "LINE+-0123456789") - 1;
        } else if (*s == '{' || *s == '}') {
            to = stpcpy(to, *s == '{' ? "[{]" : "[}]");
        } else {
            *to++ = *s;
        }
    }
    *to = 0;
    return out;
}

/* Whether every quoted regular expression behind ERROR matches a message of the line. */
static bool worded(const char *want, const char *got)
{
    for (const char *at = want; *at == '"' || *at == '`';) {
        const char *end = strchr(at + 1, *at);
        if (!end) {
            return false;
        }
        char *rx = posix_regex(at + 1, (size_t)(end - at - 1));
        regex_t re;
        bool ok = regcomp(&re, rx, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) == 0;
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
    if (t->action == ERRORCHECK) {
        char *full = scratch_copy(t);
        return check_file(t, full, full, verbose);
    }
    if (t->action == ERRORCHECKOUTPUT) {
        bool many;
        char *out, *made = format("%s/%s", scratch, "made.go");
        return run_gol(t, "run", gather(t, &many), tree, &out) && keep_output(made) &&
               check_file(t, made, made, verbose);
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
    } else if (t->action == RUNDIR || t->action == COMPILEDIR || t->action == RUNINDIR) {
        ok = t->action == RUNINDIR ? test_runindir(t) : test_dir(t);
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

/* Markdown where the table goes to a file. */
static void print_row(FILE *to, const char *folder, int action)
{
    int counts[NOUTCOMES] = {0};
    for (int i = 0; i < ntests; i++) {
        if (in_group(&tests[i], folder, action)) {
            counts[shared->outcome[i]]++;
        }
    }
    int judged = counts[PASSED] + counts[FAILED];
    if (judged + counts[EXCLUDED]) {
        fprintf(to, to == stdout ? "%-12s %-16s %6d %6d %6d  %5.1f%%\n"
                                 : "| %s | %s | %d | %d | %d | %.1f |\n",
                *folder ? folder : ".", action == NACTIONS ? "all" : action_names[action],
                counts[PASSED], counts[FAILED], counts[EXCLUDED],
                judged ? 100.0 * counts[PASSED] / judged : 100.0);
    }
}

static void print_rows(FILE *to, char *const *folders, int nfolders)
{
    print_row(to, "", NACTIONS);
    for (int i = 0; i < nfolders; i++) {
        print_row(to, folders[i], NACTIONS);
    }
    for (int a = 0; a <= NACTIONS; a++) {
        print_row(to, "*", a);
    }
    fprintf(to, "%serrorcheck lines: %u expected, %u reported (%.1f %%), %u of them in Go's words; "
            "%u extra (%.1f %%)\n", to == stdout ? "" : "\n", shared->expected, shared->reported,
            shared->expected ? 100.0 * shared->reported / shared->expected : 100.0, shared->worded,
            shared->extra, shared->expected ? 100.0 * shared->extra / shared->expected : 0.0);
}

/* How many tests each reason excludes. */
static void print_reasons(FILE *to)
{
    static const char other[] = "another system's, by its //go:build line";
    for (int i = 0; i <= nexcludes; i++) {
        const char *reason = i < nexcludes ? excludes[i].reason : other;
        int n = 0;
        bool first = true;
        for (int k = 0; k < i && i < nexcludes; k++) {
            first &= strcmp(excludes[k].reason, reason) != 0;
        }
        for (int k = 0; k < ntests; k++) {
            int x = tests[k].exclude;
            n += x >= 0 && !strcmp(x < nexcludes ? excludes[x].reason : other, reason);
        }
        if (n && first) {
            fprintf(to, "| %d | %s |\n", n, reason);
        }
    }
}

static void write_table(const char *path, char *const *folders, int nfolders)
{
    FILE *to = fopen(path, "w");
    if (!to) {
        perror(path);
        return;
    }
    fputs("# Conformance\n\n`make conformance` runs Go 1.19's own test tree (Debian's "
          "golang-1.19-src) and writes this page.\nWhat a row means: "
          "tests/conformance/gotest.c; what is left out and why: exclude.txt beside it.\n\n"
          "| folder | action | pass | fail | excluded | % |\n| --- | --- | --- | --- | --- | --- |\n",
          to);
    print_rows(to, folders, nfolders);
    fputs("\n## Failures\n\n", to);
    for (int i = 0; i < ntests; i++) {
        const char *reason = tests[i].known ? "" : "not known before";
        for (int k = 0; k < nknowns; k++) {
            reason = strcmp(knowns[k].pattern, tests[i].path) ? reason : knowns[k].reason;
        }
        if (shared->outcome[i] == FAILED) {
            fprintf(to, "- %s: %s\n", tests[i].path, reason);
        }
    }
    fputs("\n## Excluded\n\n| tests | reason |\n| --- | --- |\n", to);
    print_reasons(to);
    fclose(to);
}

/* The failures that are not known, and known ones that pass. */
static int surprises(bool quick)
{
    int n = 0;
    for (int i = 0; i < ntests; i++) {
        if (tests[i].known && shared->outcome[i] == PASSED) {
            printf("PASS %s: known.txt says that it fails\n", tests[i].path);
            n += !quick; /* `make check` is for others' changes, which may well mend something */
        }
        n += shared->outcome[i] == FAILED && !tests[i].known;
    }
    return n;
}

int main(int argc, char **argv)
{
    int jobs = 2, i = 4, nfilters = 0;
    bool verbose = false, is_quick = false;
    const char *table = NULL;
    static char *filters[MAX_EXCLUDES];
    static Listed quick[MAX_EXCLUDES];
    if (argc < 4) {
        fputs("usage: gotest GOL TREE LISTS [-jN] [-v] [-quick] [-table FILE] [FILTER...]\n", stderr);
        return 2;
    }
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strncmp(argv[i], "-j", 2)) {
            jobs = atoi(argv[i] + 2);
        } else if (!strcmp(argv[i], "-table") && i + 1 < argc) {
            table = argv[++i];
        } else if (!strcmp(argv[i], "-quick")) {
            is_quick = true;
            int n = read_list(argv[3], "quick.txt", quick);
            for (int k = 0; k < n; k++) {
                filters[nfilters++] = quick[k].pattern;
            }
        }
        verbose |= !strcmp(argv[i], "-v");
    }
    while (i < argc && nfilters < MAX_EXCLUDES) {
        filters[nfilters++] = argv[i++];
    }
    gol = argv[1];
    tree = argv[2];
    nexcludes = read_list(argv[3], "exclude.txt", excludes);
    nknowns = read_list(argv[3], "known.txt", knowns);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return 2;
    }
    static char *folders[MAX_FILES];
    int nfolders = list(tree, NULL, folders, MAX_FILES);
    collect("", filters, nfilters);
    for (int k = 0; k < nfolders; k++) {
        collect(folders[k], filters, nfilters);
    }
    run_jobs(jobs, verbose);
    putchar('\n');
    print_rows(stdout, folders, nfolders);
    if (table) {
        write_table(table, folders, nfolders);
    }
    int n = surprises(is_quick);
    printf("%d unexpected\n", n);
    return n != 0;
}
