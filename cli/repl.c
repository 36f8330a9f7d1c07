/* repl.c - `gol` at a terminal and `gol -i`: entries from standard input into one session.
 *
 * An entry is as many lines as it takes to be complete; an empty line ends one that is not. Lines
 * that begin with a colon are commands. At a terminal there is a prompt, and Ctrl-C ends the entry
 * that runs or empties the line; in a pipe nothing but the entries' output is printed, and the exit
 * status says whether the last entry failed. The session is the library's (include/gol.h). */
#include "cli/repl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/repl_input.h"
#include "cli/repl_keep.h"
#include "cli/repl_output.h"
#include "include/gol.h"

typedef struct Repl {
    GolSession *session;
    bool terminal, color, quit;
    int status;      /* of the last entry: 0 or 1, or the session's exit status */
} Repl;

typedef struct ReplCommand {
    const char *name, *args, *help;
    void (*run)(Repl *r, const char *arg);
} ReplCommand;

static GolSession *volatile evaluating; /* for the SIGINT handler */

static void on_interrupt(int sig)
{
    int saved = errno;
    (void)sig;
    if (evaluating) {
        gol_session_interrupt(evaluating);
    } else {
        input_interrupt();
    }
    errno = saved;
}

static bool open_session(Repl *r)
{
    static const char *const args[] = {"gol"};
    char *error = NULL;
    GolConfig config = {.argc = 1, .argv = args, .owns_process = 1, .allow_unsafe = 1};
    r->session = gol_session_new(&config, &error);
    if (!r->session) {
        fprintf(stderr, "gol: %s\n", error ? error : "no session");
        gol_free(error);
        r->quit = true;
        r->status = 1;
    }
    if (r->session) {
        char setup[64];
        snprintf(setup, sizeof setup, "gol__repl.Setup(%s, %s)", r->terminal ? "true" : "false",
                 r->color && r->terminal ? "true" : "false");
        GolEntry e = {.text = setup, .text_len = strlen(setup)};
        GolOutcome out;
        gol_eval(r->session, &e, &out);
        gol_free(out.message);
        gol_free(out.type);
    }
    return r->session != NULL;
}

/* ---- Entries ---------------------------------------------------------------------------------- */

static void session_over(Repl *r, int code)
{
    gol_session_close(r->session);
    r->session = NULL;
    if (!r->terminal || code != 2) {
        r->quit = true;
    } else {
        fputs("the session has ended; a new one begins\n", stderr);
        open_session(r);
    }
    r->status = code;
}

static GolOutcome eval_named(Repl *r, const char *text, const char *name, bool check_only)
{
    GolEntry e = {.text = text, .text_len = strlen(text), .name = name, .color = r->color,
                  .check_only = check_only};
    GolOutcome out = {.status = GOL_EVAL_ENDED};
    if (!r->session) {
        return out; /* a command's second entry; the first has ended the session */
    }
    evaluating = r->session;
    gol_eval(r->session, &e, &out);
    evaluating = NULL;
    if (out.message && *out.message) {
        fflush(stdout);
        fputs(out.message, stderr);
    } else if (out.status == GOL_EVAL_INTERRUPTED) {
        fputs("interrupted\n", stderr);
    }
    gol_free(out.message);
    out.message = NULL;
    r->status = out.status != GOL_EVAL_OK;
    if (out.status == GOL_EVAL_ENDED) {
        session_over(r, out.exit_code);
    }
    return out;
}

static void eval(Repl *r, const char *text)
{
    GolOutcome out = eval_named(r, text, NULL, false);
    gol_free(out.type);
}

/* What the user has entered; :save writes what succeeded. */
static void eval_entered(Repl *r, const char *text)
{
    GolOutcome out = eval_named(r, text, NULL, false);
    keep_entry(text, out.status == GOL_EVAL_OK && !out.type);
    gol_free(out.type);
}

/* ---- Commands --------------------------------------------------------------------------------- */

static void cmd_help(Repl *r, const char *arg);

static void cmd_type(Repl *r, const char *arg)
{
    GolOutcome out = eval_named(r, arg, NULL, true);
    if (out.type) {
        printf("%s\n", out.type);
    }
    gol_free(out.type);
}

static void cmd_dis(Repl *r, const char *arg)
{
    if (gol_session_disassemble(r->session, arg, stdout) != 0) {
        r->status = 1;
    }
}

static void cmd_ps(Repl *r, const char *arg)
{
    (void)arg;
    eval(r, "gol__repl.Ps()");
}

static void cmd_bt(Repl *r, const char *arg)
{
    char text[64];
    snprintf(text, sizeof text, "gol__repl.Bt(%ld)", strtol(arg, NULL, 10));
    eval(r, text);
}

static void cmd_kill(Repl *r, const char *arg)
{
    char text[64];
    snprintf(text, sizeof text, "gol__repl.Kill(%ld)", strtol(arg, NULL, 10));
    eval(r, text);
}

static void cmd_more(Repl *r, const char *arg)
{
    (void)arg;
    eval(r, "gol__repl.More()");
}

static void cmd_doc(Repl *r, const char *arg)
{
    char *text = gol_session_doc(r->session, arg);
    if (text) {
        fputs(text, stdout);
    } else {
        fprintf(stderr, "no declaration of %s\n", arg);
        r->status = 1;
    }
    gol_free(text);
}

/* The expression in a function that is called again and again; first it is checked as it stands. */
static void cmd_bench(Repl *r, const char *arg)
{
    GolOutcome out = eval_named(r, arg, NULL, true);
    if (out.status == GOL_EVAL_OK) {
        bool one = out.type && out.type[0] != '(' && strcmp(out.type, "untyped nil") != 0;
        size_t size = strlen(arg) + 64;
        char *text = malloc(size);
        if (text) {
            snprintf(text, size, "gol__repl.Bench(func() {\n%s%s\n})", one ? "_ = " : "", arg);
            eval(r, text);
        }
        free(text);
    }
    gol_free(out.type);
}

static void cmd_time(Repl *r, const char *arg)
{
    GolOutcome out = eval_named(r, arg, NULL, false);
    if (out.status == GOL_EVAL_OK) {
        double us = (double)out.run_ns / 1e3;
        printf(us < 1e3 ? "%.0f us\n" : us < 1e6 ? "%.3f ms\n" : "%.3f s\n",
               us < 1e3 ? us : us < 1e6 ? us / 1e3 : us / 1e6);
    }
    gol_free(out.type);
}

static void cmd_gc(Repl *r, const char *arg)
{
    (void)arg;
    eval(r, "runtime.GC()");
    eval(r, "gol__repl.Mem()");
}

static void cmd_mem(Repl *r, const char *arg)
{
    (void)arg;
    eval(r, "gol__repl.Mem()");
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t n = 0, cap = 0;
    while (f) {
        if (cap - n < 4096) {
            cap = cap * 2 + 8192;
            char *grown = realloc(text, cap);
            if (!grown) {
                break;
            }
            text = grown;
        }
        size_t got = fread(text + n, 1, cap - n - 1, f);
        if (got == 0) {
            text[n] = 0;
            break;
        }
        n += got;
    }
    if (f) {
        fclose(f);
    }
    return text;
}

/* A saved session, entry by entry; a failing one ends it. */
static void load_entries(Repl *r, const char *text)
{
    char *entry = NULL;
    while ((entry = keep_next(&text)) != NULL && !r->quit) {
        eval_entered(r, entry);
        free(entry);
        if (r->status != 0) {
            return;
        }
    }
    free(entry);
}

static void cmd_save(Repl *r, const char *arg)
{
    if (!keep_save(arg)) {
        fprintf(stderr, "%s: %s\n", arg, strerror(errno));
        r->status = 1;
    }
}

static void cmd_edit(Repl *r, const char *arg)
{
    (void)arg;
    char *text = keep_edit();
    if (!text) {
        fputs("the editor failed\n", stderr);
        r->status = 1;
        return;
    }
    if (text[strspn(text, " \t\n")]) {
        puts(text);
        fflush(stdout);
        input_remember(text);
        eval_entered(r, text);
    }
    free(text);
}

static void cmd_load(Repl *r, const char *arg)
{
    errno = 0;
    char *text = read_file(arg);
    if (!text) {
        fprintf(stderr, "%s: %s\n", arg, strerror(errno));
        r->status = 1;
        return;
    }
    if (keep_is_saved(text)) {
        load_entries(r, text);
        free(text);
        return;
    }
    bool program = strstr(text, "package main") && strstr(text, "func main()");
    if (!strncmp(text, "#!", 2)) {
        text[0] = text[1] = '/';
    }
    GolOutcome out = eval_named(r, text, arg, false);
    gol_free(out.type);
    if (program && out.status == GOL_EVAL_OK) {
        eval(r, "main()");
    }
    free(text);
}

static void cmd_reset(Repl *r, const char *arg)
{
    (void)arg;
    gol_session_close(r->session);
    keep_forget();
    open_session(r);
}

static void cmd_quit(Repl *r, const char *arg)
{
    (void)arg;
    r->quit = true;
}

static const ReplCommand commands[] = {
    {"help", "", "this list", cmd_help},
    {"type", "EXPR", "the type of an expression, without evaluating it", cmd_type},
    {"doc", "NAME", "the declaration of a name (also pkg.Name) and its comment", cmd_doc},
    {"time", "EXPR", "evaluates and says how long it ran", cmd_time},
    {"bench", "EXPR", "ns/op, B/op and allocs/op of an expression", cmd_bench},
    {"more", "", "the rest of a long value", cmd_more},
    {"dis", "FUNC", "bytecode of the session's functions of that name", cmd_dis},
    {"ps", "", "the session's goroutines", cmd_ps},
    {"bt", "N", "traceback of goroutine N", cmd_bt},
    {"kill", "N", "ends goroutine N", cmd_kill},
    {"gc", "", "collects garbage", cmd_gc},
    {"mem", "", "the state of the heap", cmd_mem},
    {"load", "FILE", "runs a script or program in this session", cmd_load},
    {"save", "FILE", "writes the entries that declared or did something", cmd_save},
    {"edit", "", "the last entry in $VISUAL or $EDITOR, then runs it", cmd_edit},
    {"reset", "", "forgets all and ends all goroutines", cmd_reset},
    {"quit", "", "leaves, as Ctrl-D does", cmd_quit},
    {0},
};

static void cmd_help(Repl *r, const char *arg)
{
    (void)arg;
    r->status = 0;
    puts("Declarations, statements and expressions of Go; std packages need no import.\n"
         "A redefinition holds for what comes after it. An empty line ends an unfinished entry.\n");
    for (const ReplCommand *c = commands; c->name; c++) {
        printf("  :%-6s %-6s %s\n", c->name, c->args, c->help);
    }
}

static void run_command(Repl *r, const char *line)
{
    const char *word = line + 1;
    size_t n = strcspn(word, " \t");
    const char *arg = word + n + strspn(word + n, " \t");
    r->status = 0;
    for (const ReplCommand *c = commands; c->name; c++) {
        if (strlen(c->name) == n && !memcmp(c->name, word, n)) {
            if (*c->args && !*arg) {
                fprintf(stderr, "usage: :%s %s\n", c->name, c->args);
                r->status = 1;
            } else {
                c->run(r, arg);
            }
            return;
        }
    }
    fprintf(stderr, "no command :%.*s; :help lists them\n", (int)n, word);
    r->status = 1;
}

/* ---- The loop --------------------------------------------------------------------------------- */

static char *append_line(char *text, const char *line)
{
    size_t n = text ? strlen(text) : 0;
    char *t = realloc(text, n + strlen(line) + 2);
    if (!t) {
        free(text);
        return NULL;
    }
    if (n) {
        t[n++] = '\n';
    }
    strcpy(t + n, line);
    return t;
}

/* One entry, malloc'd, "" for none. NULL: end of input. */
static char *read_entry(const Repl *r)
{
    char *text = NULL;
    for (;;) {
        bool interrupted;
        char *line = input_line(text ? "... " : ">>> ", &interrupted);
        if (!line) {
            if (interrupted) {
                free(text);
                return strdup("");
            }
            return text;
        }
        bool blank = line[strspn(line, " \t")] == 0;
        if (blank && !text) {
            return line;
        }
        bool comment = text && keep_is_comment(text, strlen(text));
        if (comment && (blank || line[0] == ':')) {
            free(text);
            text = NULL;
            if (blank) {
                return line;
            }
        }
        bool command = !text && line[0] == ':';
        text = append_line(text, line);
        free(line);
        size_t n = text ? strlen(text) : 0;
        if (!text || command || (blank && r->terminal) ||
            (!keep_is_comment(text, n) && !gol_incomplete(text, n))) {
            return text;
        }
    }
}

static char *names(void *ctx, const char *word)
{
    return gol_session_names(((Repl *)ctx)->session, word);
}

static char *first_line(char *text)
{
    text[strcspn(text, "\n")] = 0;
    return text;
}

/* A completed name: its declaration's first line, or its type. */
static char *about(void *ctx, const char *name)
{
    Repl *r = ctx;
    char *doc = gol_session_doc(r->session, name), *text = NULL;
    if (doc) {
        return first_line(doc);
    }
    GolEntry e = {.text = name, .text_len = strlen(name), .check_only = 1};
    GolOutcome out;
    gol_eval(r->session, &e, &out);
    size_t size = strlen(name) + (out.type ? strlen(out.type) : 0) + 2;
    if (out.type && (text = malloc(size)) != NULL) {
        snprintf(text, size, "%s %s", name, out.type);
    }
    gol_free(out.type);
    gol_free(out.message);
    return text;
}

int repl_main(bool color)
{
    Repl r = {.terminal = isatty(0) && isatty(1), .color = color};
    if (!open_session(&r)) {
        return 1;
    }
    struct sigaction act = {.sa_handler = on_interrupt};
    if (r.terminal) {
        sigaction(SIGINT, &act, NULL);
    }
    input_open(r.terminal, names, about, &r);
    if (r.terminal) {
        printf("gol %s, Go at a prompt; :help\n", gol_version());
    }
    while (!r.quit) {
        fflush(stdout);
        char *entry = read_entry(&r);
        if (!entry) {
            break;
        }
        input_remember(entry);
        if (entry[0] == ':') {
            run_command(&r, entry);
        } else if (entry[strspn(entry, " \t\n")]) {
            eval_entered(&r, entry);
        }
        free(entry);
    }
    if (r.terminal) {
        fputs("\n", stdout);
        r.status = r.quit ? r.status : 0;
    }
    input_close();
    output_close();
    _exit(r.status);
}
