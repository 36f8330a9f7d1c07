/* main.c - the gol command: which words it knows and what each does. It stands on include/gol.h.
 *
 * Exit codes are Go's: 0, what os.Exit says, 1 after a compile error, 2 after a panic, a fatal error
 * or a wrong command line. Diagnostics go to standard error. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/repl.h"
#include "cli/vet.h"
#include "include/gol.h"

#if defined __x86_64__
#define GOL_ARCH "amd64"
#elif defined __aarch64__
#define GOL_ARCH "arm64"
#else
#define GOL_ARCH "unknown"
#endif

typedef struct Command {
    const char *name, *args, *help;
    int (*run)(int argc, char **argv);
} Command;

static const Command commands[];

static int usage(FILE *out)
{
    fputs("gol runs Go: scripts (.gol) and programs (.go), with goroutines on all cores.\n\n"
          "usage:\n"
          "  gol FILE [args]            run a script or program; - reads standard input\n"
          "  gol -e 'code' [args]       run code from the command line\n"
          "  gol                        at a terminal: a session, entry by entry; :help there\n"
          "  gol -i                     a session with entries from standard input\n", out);
    for (const Command *c = commands; c->name; c++) {
        if (c->help) {
            fprintf(out, "  gol %-7s %-14s %s\n", c->name, c->args, c->help);
        }
    }
    fputs("\nenvironment: GOMAXPROCS, GOGC, GOMEMLIMIT, GODEBUG, NO_COLOR, as Go's.\n", out);
    return out == stderr ? 2 : 0;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "gol: %s: %s\n", what, why);
    return 1;
}

/* All of standard input, NUL-terminated; NULL after an error. */
static char *read_stdin(size_t *len)
{
    size_t cap = 1 << 16, n = 0;
    char *text = malloc(cap);
    while (text) {
        ssize_t got = read(0, text + n, cap - n - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            if (got < 0) {
                free(text);
                return NULL;
            }
            text[n] = 0;
            *len = n;
            return text;
        }
        n += (size_t)got;
        if (n + 1 >= cap) {
            char *grown = realloc(text, cap *= 2);
            if (!grown) {
                free(text);
            }
            text = grown;
        }
    }
    return NULL;
}

bool cli_want_color(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(2) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

/* Compiles and prints the diagnostics. NULL after errors, or for check_only: then *status is set. */
static GolProgram *compile(const GolSource *source, int *status)
{
    char *diagnostics = NULL;
    int nerrors = 0;
    GolProgram *program = gol_compile(source, &diagnostics, &nerrors);
    if (diagnostics && *diagnostics) {
        fputs(diagnostics, stderr);
    }
    gol_free(diagnostics);
    *status = nerrors || (!program && !source->check_only) ? 1 : 0;
    return program;
}

/* Where the flag of gol run stands: what -sched= says, for the VM that run_source makes. */
static GolSched sched;
static uint64_t sched_seed;

static int run_source(const GolSource *source, int argc, char **argv)
{
    int status;
    GolProgram *program = compile(source, &status);
    if (!program) {
        return status;
    }
    char *error = NULL;
    GolConfig config = {.argc = argc, .argv = (const char *const *)argv, .owns_process = 1,
                        .allow_unsafe = 1, .sched = sched, .sched_seed = sched_seed};
    GolVM *vm = gol_vm_new(&config, &error);
    status = vm ? gol_run(vm, program, &error) : -1;
    if (status == -1) {
        fail(source->path, error ? error : "failed");
        gol_free(error);
        status = 1;
    }
    /* the process ends: its memory goes with it, faster than gol_vm_close could free it */
    fflush(NULL);
    _exit(status);
}

/* The source that a file argument means: "-" is standard input. */
static bool source_of(const char *arg, GolSource *source)
{
    *source = (GolSource){.path = arg, .color = cli_want_color(), .allow_unsafe = 1};
    if (!strcmp(arg, "-")) {
        source->path = "<stdin>";
        source->text = read_stdin(&source->text_len);
        if (!source->text) {
            fail("standard input", strerror(errno));
            return false;
        }
    }
    return true;
}

/* -sched=seed:N or -sched=perturb:N. */
static bool parse_sched(const char *text)
{
    static const char seed[] = "seed:", perturb[] = "perturb:";
    const char *number;
    if (!strncmp(text, seed, sizeof seed - 1)) {
        sched = GOL_SCHED_SEED;
        number = text + sizeof seed - 1;
    } else if (!strncmp(text, perturb, sizeof perturb - 1)) {
        sched = GOL_SCHED_PERTURB;
        number = text + sizeof perturb - 1;
    } else {
        return false;
    }
    char *end;
    errno = 0;
    sched_seed = strtoull(number, &end, 10);
    return *number >= '0' && *number <= '9' && !*end && errno == 0;
}

/* A replay shows the same addresses, too (%p, the order of maps by pointer), where the system lets us
 * say so: the process starts anew without address randomisation. */
static void fix_addresses(char **argv)
{
    int now = personality(0xffffffff);
    if (now != -1 && !(now & ADDR_NO_RANDOMIZE) &&
        personality((unsigned long)now | ADDR_NO_RANDOMIZE) != -1) {
        execv("/proc/self/exe", argv);
    }
}

/* argv is the tail of a command line whose first words are "gol run". */
static int cmd_run(int argc, char **argv)
{
    if (argc > 0 && !strncmp(argv[0], "-sched=", 7)) {
        if (!parse_sched(argv[0] + 7)) {
            fprintf(stderr, "gol run: %s: want -sched=seed:N or -sched=perturb:N\n", argv[0]);
            return 2;
        }
        if (sched == GOL_SCHED_SEED) {
            fix_addresses(argv - 2);
        }
        argc--;
        argv++;
    }
    if (argc < 1) {
        fputs("gol run: no file or folder named\n", stderr);
        return 2;
    }
    GolSource source;
    return source_of(argv[0], &source) ? run_source(&source, argc, argv) : 1;
}

static int run_code(int argc, char **argv)
{
    if (argc < 1) {
        fputs("gol -e: no code given\n", stderr);
        return 2;
    }
    GolSource source = {.path = "<command line>", .text = argv[0], .text_len = strlen(argv[0]),
                        .color = cli_want_color(), .allow_unsafe = 1};
    argv[0] = (char *)"gol";
    return run_source(&source, argc, argv);
}

static int cmd_check(int argc, char **argv)
{
    int worst = 0;
    if (argc < 1) {
        fputs("gol check: no file or folder named\n", stderr);
        return 2;
    }
    for (int i = 0; i < argc; i++) {
        GolSource source;
        if (!source_of(argv[i], &source)) {
            return 1;
        }
        source.check_only = 1;
        int status;
        gol_program_free(compile(&source, &status));
        worst = status > worst ? status : worst;
    }
    return worst;
}

static int cmd_vet(int argc, char **argv) { return vet_main(argc, argv, cli_want_color()); }

static int cmd_dis(int argc, char **argv)
{
    if (argc < 1) {
        fputs("gol dis: no file named\n", stderr);
        return 2;
    }
    GolSource source;
    int status;
    if (!source_of(argv[0], &source)) {
        return 1;
    }
    GolProgram *program = compile(&source, &status);
    if (!program) {
        return status;
    }
    status = gol_disassemble(program, argc > 1 ? argv[1] : NULL, stdout) ? 1 : 0;
    gol_program_free(program);
    return status;
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("gol version %s linux/" GOL_ARCH " (language go1.24)\n", gol_version());
    return 0;
}

static int cmd_help(int argc, char **argv)
{
    for (const Command *c = commands; argc > 0 && c->name; c++) {
        if (!strcmp(c->name, argv[0]) && c->help) {
            printf("usage: gol %s %s\n\n%s.\n", c->name, c->args, c->help);
            return 0;
        }
    }
    if (argc > 0) {
        fprintf(stderr, "gol help: unknown command %s\n", argv[0]);
        return 2;
    }
    return usage(stdout);
}

static int cmd_build_image(int argc, char **argv)
{
    char *error = NULL;
    if (argc != 2) {
        fputs("usage: gol build-image STDLIB OUT\n", stderr);
        return 2;
    }
    if (gol_build_image(argv[0], argv[1], &error)) {
        fputs(error, stderr);
        gol_free(error);
        return 1;
    }
    return 0;
}

static const Command commands[] = {
    {"run", "[-sched=seed:N|perturb:N] FILE|DIR [args]",
     "run a script, or the main package in a folder; with a schedule drawn from N", cmd_run},
    {"test", "[DIR|FILE...]", "run tests, benchmarks and examples; gol test -help", cli_test},
    {"check", "FILE|DIR...", "report compile errors, run nothing", cmd_check},
    {"vet", "FILE|DIR|./...", "report likely mistakes; gol vet help lists the checks", cmd_vet},
    {"dis", "FILE [FUNC]", "print the bytecode beside the source", cmd_dis},
    {"version", "", "print the version", cmd_version},
    {"help", "[COMMAND]", "print this, or what a command takes", cmd_help},
    {"build-image", "", NULL, cmd_build_image},
    {0},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        if (isatty(0)) {
            return repl_main(cli_want_color());
        }
        static char dash[] = "-";
        char *args[] = {dash, NULL};
        return cmd_run(1, args);
    }
    const char *word = argv[1];
    if (!strcmp(word, "-e")) {
        return run_code(argc - 2, argv + 2);
    }
    if (!strcmp(word, "-i")) {
        return repl_main(cli_want_color());
    }
    if (!strcmp(word, "-h") || !strcmp(word, "--help") || !strcmp(word, "-help")) {
        return usage(stdout);
    }
    if (!strcmp(word, "-V") || !strcmp(word, "--version")) {
        return cmd_version(0, NULL);
    }
    for (const Command *c = commands; c->name; c++) {
        if (!strcmp(word, c->name)) {
            return c->run(argc - 2, argv + 2);
        }
    }
    if (word[0] == '-' && word[1]) {
        fprintf(stderr, "gol: unknown flag %s\n", word);
        return usage(stderr);
    }
    struct stat st;
    if (strcmp(word, "-") && !strchr(word, '/') && !strchr(word, '.') && stat(word, &st) != 0) {
        fprintf(stderr, "gol: unknown command or file %s\nRun 'gol help' for usage.\n", word);
        return 2;
    }
    return cmd_run(argc - 1, argv + 1);
}
