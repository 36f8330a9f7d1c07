/* repl_input.c - lines for the prompt. readline is used through its callback interface, so that
 * Ctrl-C is seen between keys, in no handler; without readline, or not at a terminal, lines are
 * read plainly. The history lies in $XDG_STATE_HOME/gol/history; an entry of several lines is one
 * item there (time stamps keep them apart). One thread; input_interrupt only sets a flag. */
#define _GNU_SOURCE
#include "cli/repl_input.h"
#include "cli/repl_output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_READLINE
#include <readline/history.h>
#include <readline/readline.h>
#endif

static bool at_terminal;
static InputNames names_of, about_of;
static void *names_ctx;
static volatile sig_atomic_t interrupted_flag;

void input_interrupt(void) { interrupted_flag = 1; }

static char *plain_line(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = getline(&line, &cap, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    if (n > 0 && line[n - 1] == '\n') {
        line[n - 1] = 0;
    }
    return line;
}

#ifdef HAVE_READLINE

enum { HISTORY_MAX = 5000, SHOWN_MAX = 100 };

static char history_path[4096];
static char *read_so_far;
static bool have_line;

static void line_read(char *line)
{
    read_so_far = line;
    have_line = true;
    rl_callback_handler_remove();
}

/* A name of the list that begins with text, one a call. */
static char *next_name(const char *text, int state)
{
    static char *list, *at;
    if (state == 0) {
        free(list);
        at = list = names_of(names_ctx, text);
    }
    const char *dot = strrchr(text, '.');
    const char *begin = dot ? dot + 1 : text;
    while (at && *at) {
        char *name = at, *nl = strchr(at, '\n');
        at = nl ? nl + 1 : at + strlen(at);
        if (nl) {
            *nl = 0;
        }
        if (strncmp(name, begin, strlen(begin)) == 0) {
            char *full = NULL;
            int n = asprintf(&full, "%.*s%s", (int)(begin - text), text, name);
            return n < 0 ? NULL : full;
        }
    }
    return NULL;
}

/* Tab once more: each name with its signature. readline gives the common part first. */
static void show_matches(char **matches, int n, int longest)
{
    (void)longest;
    rl_crlf();
    if (n > SHOWN_MAX) {
        fprintf(rl_outstream, "%d names\n", n);
    }
    for (int i = 1; i <= n && n <= SHOWN_MAX; i++) {
        char *text = rl_filename_completion_desired ? NULL : about_of(names_ctx, matches[i]);
        fprintf(rl_outstream, "%s\n", text ? text : matches[i]);
        free(text);
    }
    rl_on_new_line();
}

static char **complete(const char *text, int start, int end)
{
    bool in_string = false;
    for (int i = 0; i < start; i++) {
        in_string ^= rl_line_buffer[i] == '"';
    }
    if (in_string) {
        return NULL; /* readline's own: file names */
    }
    (void)end;
    rl_attempted_completion_over = 1;
    rl_completion_append_character = 0;
    char **found = rl_completion_matches(text, next_name);
    if (found && rl_last_func == rl_complete && rl_completion_type == TAB && !strcmp(found[0], text)) {
        char *only[] = {found[0], found[0], NULL};
        int n = 0;
        while (found[n]) {
            n++;
        }
        if (n == 1) {
            show_matches(only, 1, 0);
        } else {
            show_matches(found, n - 1, 0);
        }
    }
    return found;
}

static void find_history(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char dir[4000];
    if (state && *state) {
        snprintf(dir, sizeof dir, "%s/gol", state);
    } else if (home && *home) {
        snprintf(dir, sizeof dir, "%s/.local/state/gol", home);
    } else {
        return;
    }
    for (char *p = dir + 1; *p; p++) {
        if (*p == '/') {
            *p = 0;
            mkdir(dir, 0700);
            *p = '/';
        }
    }
    mkdir(dir, 0700);
    snprintf(history_path, sizeof history_path, "%s/history", dir);
}

static void clear_edited(void)
{
    rl_clear_visible_line();
    fflush(rl_outstream);
}

static void redraw_edited(void)
{
    rl_on_new_line();
    rl_redisplay();
    fflush(rl_outstream);
}

static void open_readline(void)
{
    output_open(clear_edited, redraw_edited);
    FILE *out = fdopen(output_terminal(), "w");
    rl_outstream = out ? out : stdout;
    rl_completion_display_matches_hook = show_matches;
    rl_readline_name = "gol";
    rl_catch_signals = 0;
    rl_basic_word_break_characters = " \t\n\"\\'`@$><=;|&{}()[]+-*/%!,^~";
    rl_attempted_completion_function = complete;
    history_comment_char = '#';
    history_write_timestamps = 1;
    history_multiline_entries = 1;
    using_history();
    find_history();
    if (*history_path) {
        read_history(history_path);
    }
}

/* With the lock held, but for the waits. */
static char *edit(const char *prompt, bool *interrupted)
{
    have_line = false;
    rl_callback_handler_install(prompt, line_read);
    while (!have_line) {
        struct pollfd in = {.fd = 0, .events = POLLIN};
        output_unlock(true);
        int n = interrupted_flag ? -1 : poll(&in, 1, -1), error = errno;
        output_lock();
        if (interrupted_flag) {
            interrupted_flag = 0;
            rl_callback_sigcleanup();
            rl_callback_handler_remove();
            fputs("^C\n", rl_outstream);
            fflush(rl_outstream);
            *interrupted = true;
            return NULL;
        }
        if (n > 0) {
            rl_callback_read_char();
        } else if (error != EINTR) {
            rl_callback_handler_remove();
            return NULL;
        }
    }
    return read_so_far;
}

static char *edited_line(const char *prompt, bool *interrupted)
{
    output_drain();
    output_lock();
    char *line = edit(prompt, interrupted);
    output_unlock(false);
    return line;
}

void input_remember(const char *entry)
{
    if (!at_terminal || !*entry) {
        return;
    }
    HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
    if (!last || strcmp(last->line, entry) != 0) {
        add_history(entry);
    }
}

void input_close(void)
{
    if (at_terminal && *history_path) {
        stifle_history(HISTORY_MAX);
        write_history(history_path);
    }
}

#else

static void open_readline(void) {}

static char *edited_line(const char *prompt, bool *interrupted)
{
    fputs(prompt, stdout);
    fflush(stdout);
    interrupted_flag = 0;
    char *line = plain_line();
    if (!line && interrupted_flag) {
        interrupted_flag = 0;
        clearerr(stdin);
        fputs("\n", stdout);
        *interrupted = true;
    }
    return line;
}

void input_remember(const char *entry) { (void)entry; }
void input_close(void) {}

#endif

void input_open(bool terminal, InputNames names, InputNames about, void *ctx)
{
    at_terminal = terminal;
    names_of = names;
    about_of = about;
    names_ctx = ctx;
    if (terminal) {
        open_readline();
    }
}

char *input_line(const char *prompt, bool *interrupted)
{
    *interrupted = false;
    return at_terminal ? edited_line(prompt, interrupted) : plain_line();
}
