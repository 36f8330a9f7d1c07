/* test.c - gol test: the command line.
 *
 * `gol test [flags] [folders, patterns, files] [flags] [-args ...]`. Flags that are the test
 * program's (testing/flags.gol) are passed on with "test." in front; one that nobody knows is passed
 * on as it is, since tests may declare flags of their own, and so is all that follows the packages
 * after it or after -args. The few that are the command's own are marked so in the table.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/test.h"

typedef enum FlagKind { SWITCH, VALUE } FlagKind;
typedef enum FlagOwner { PROGRAM, COMMAND } FlagOwner;

static const struct Flag {
    const char *name;
    FlagKind kind;
    FlagOwner owner;
    const char *help;
} flags[] = {
    {"run", VALUE, PROGRAM, "run only tests, examples and fuzz seeds that match; subtests after /"},
    {"skip", VALUE, PROGRAM, "leave those that match out"},
    {"v", SWITCH, PROGRAM, "show each test and its log"},
    {"bench", VALUE, PROGRAM, "run the benchmarks that match"},
    {"benchtime", VALUE, PROGRAM, "how long to run each: 2s, or a number of iterations: 100x"},
    {"benchmem", SWITCH, PROGRAM, "show allocations of benchmarks"},
    {"count", VALUE, PROGRAM, "run all so often"},
    {"cpu", VALUE, PROGRAM, "run all with each of these GOMAXPROCS: 1,2,4"},
    {"failfast", SWITCH, PROGRAM, "start no more tests after a failure"},
    {"list", VALUE, PROGRAM, "list the names that match, run nothing"},
    {"parallel", VALUE, PROGRAM, "how many parallel tests run at once"},
    {"short", SWITCH, PROGRAM, "testing.Short() is true"},
    {"shuffle", VALUE, PROGRAM, "off, on or a seed: the order of tests"},
    {"timeout", VALUE, PROGRAM, "end a package's tests after this time (default 10m; 0: never)"},
    {"outputdir", VALUE, PROGRAM, NULL},
    {"json", SWITCH, COMMAND, "print events as Go's test2json does"},
    {"p", VALUE, COMMAND, "how many packages are tested at once"},
    {"vet", VALUE, COMMAND, NULL},
    {"h", SWITCH, COMMAND, NULL},
    {"help", SWITCH, COMMAND, NULL},
    {0},
};

typedef struct Parsed {
    TestOptions o;
    char **packages;
    int npackages;
    bool help;
} Parsed;

static void usage(FILE *out)
{
    fputs("usage: gol test [flags] [FOLDER|./...|FILE...] [-args program arguments]\n\n"
          "Runs Test, Benchmark, Fuzz and Example functions of *_test.gol and *_test.go files.\n\n", out);
    for (const struct Flag *f = flags; f->name; f++) {
        if (f->help) {
            fprintf(out, "  -%-10s %s\n", f->name, f->help);
        }
    }
}

static const struct Flag *find_flag(const char *name, size_t n)
{
    for (const struct Flag *f = flags; f->name; f++) {
        if (strlen(f->name) == n && !memcmp(f->name, name, n)) {
            return f;
        }
    }
    return NULL;
}

static void pass(Parsed *p, char *arg) { p->o.args[p->o.nargs++] = arg; }

static void pass_flag(Parsed *p, const char *name, const char *value)
{
    char *arg;
    if (asprintf(&arg, "-test.%s=%s", name, value) < 0) {
        abort();
    }
    pass(p, arg);
}

/* A Go duration in seconds, near enough to judge a hanging process by; -1: not one. */
static double duration_seconds(const char *s)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
    double sum = 0;
    if (!strcmp(s, "0")) {
        return 0;
    }
    if (!*s) {
        return -1;
    }
    while (*s) {
        char *end;
        double v = strtod(s, &end);
        size_t n = strspn(end, "nusmh");
        bool known = false;
        for (size_t i = 0; end != s && i < sizeof units / sizeof units[0]; i++) {
            if (strlen(units[i].unit) == n && !memcmp(units[i].unit, end, n)) {
                sum += v * units[i].seconds;
                known = true;
            }
        }
        if (!known) {
            return -1;
        }
        s = end + n;
    }
    return sum;
}

static bool is_true(const char *s)
{
    return !strcmp(s, "true") || !strcmp(s, "1") || !strcmp(s, "t") || !strcmp(s, "T") ||
           !strcmp(s, "TRUE") || !strcmp(s, "True");
}

/* Takes a flag's effect on the command. False: its value is wrong. */
static bool note_flag(Parsed *p, const struct Flag *f, const char *value)
{
    TestOptions *o = &p->o;
    if (!strcmp(f->name, "json")) {
        o->json = is_true(value);
    } else if (!strcmp(f->name, "v")) {
        o->verbose = is_true(value) || !strcmp(value, "test2json");
    } else if (!strcmp(f->name, "list")) {
        o->list = true;
    } else if (!strcmp(f->name, "bench")) {
        o->bench = *value != 0;
    } else if (!strcmp(f->name, "help") || !strcmp(f->name, "h")) {
        p->help = true;
    } else if (!strcmp(f->name, "p")) {
        o->jobs = atoi(value);
        return o->jobs > 0;
    } else if (!strcmp(f->name, "timeout")) {
        o->timeout = duration_seconds(value);
        return o->timeout >= 0;
    }
    return true;
}

/* args[*i] begins with "-". False after a mistake. *unknown: the program may know it. */
static bool take_flag(Parsed *p, char **args, int n, int *i, bool *unknown)
{
    char *arg = args[*i];
    const char *name = arg + 1 + (arg[1] == '-');
    name += !strncmp(name, "test.", 5) ? 5 : 0;
    size_t len = strcspn(name, "=");
    const struct Flag *f = find_flag(name, len);
    if (!f) {
        pass(p, arg);
        *unknown = true;
        return true;
    }
    const char *value = name[len] ? name + len + 1 : f->kind == SWITCH ? "true" : NULL;
    if (!value) {
        if (*i + 1 >= n) {
            fprintf(stderr, "flag needs an argument: -%s\n", f->name);
            return false;
        }
        value = args[++*i];
    }
    if (!note_flag(p, f, value)) {
        fprintf(stderr, "invalid value \"%s\" for flag -%s\n", value, f->name);
        return false;
    }
    bool json_v = !strcmp(f->name, "v") && p->o.json;
    if (f->owner == PROGRAM && strcmp(f->name, "timeout") != 0 && !json_v) {
        pass_flag(p, f->name, value);
    }
    return true;
}

static bool parse(Parsed *p, int argc, char **argv)
{
    static char exit_panics[] = "-test.paniconexit0";
    p->o.args = calloc((size_t)argc + 8, sizeof *p->o.args);
    p->packages = calloc((size_t)argc + 1, sizeof *p->packages);
    pass(p, exit_panics);
    p->o.timeout = 600;
    bool unknown = false, closed = false;
    int i = 0;
    for (; i < argc; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "-args") || !strcmp(a, "--args")) {
            i++;
            break;
        }
        if (a[0] == '-' && a[1]) {
            if (!take_flag(p, argv, argc, &i, &unknown)) {
                return false;
            }
            closed = p->npackages > 0;
        } else if (unknown || closed) {
            break;
        } else {
            p->packages[p->npackages++] = argv[i];
        }
    }
    char *timeout;
    if (asprintf(&timeout, "-test.timeout=%.9fs", p->o.timeout) < 0) {
        abort();
    }
    for (int k = p->o.nargs; k > 1; k--) {
        p->o.args[k] = p->o.args[k - 1];
    }
    p->o.args[1] = timeout;
    p->o.nargs++;
    if (p->o.json) {
        static char json[] = "-test.v=test2json";
        pass(p, json);
    }
    for (; i < argc; i++) {
        pass(p, argv[i]);
    }
    return true;
}

int cli_test(int argc, char **argv)
{
    Parsed p = {0};
    if (!parse(&p, argc, argv)) {
        fputs("run 'gol test -help' for usage\n", stderr);
        return 2;
    }
    if (p.help) {
        usage(stdout);
        return 0;
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (p.o.bench) {
        p.o.jobs = 1;
    } else if (!p.o.jobs) {
        p.o.jobs = cores > 0 ? (int)cores : 1;
    }
    p.o.color = cli_want_color();
    p.o.local = p.npackages == 0;
    TestTargets targets;
    if (!test_list(p.packages, p.npackages, &targets)) {
        return 1;
    }
    if (!targets.n) {
        fputs("no packages to test\n", stderr);
        return 1;
    }
    return test_run(&p.o, &targets);
}
