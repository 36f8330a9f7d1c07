/* repl_keep.c - entries kept as text. A saved session is a file of entries, one after the other, each
 * as it was entered: `gol -i <FILE` and `:load FILE` run it again. Where an entry ends is seen as at
 * the prompt: with the line that makes it complete.
 *
 * At most KEPT_MAX bytes are kept, so that a session of millions of entries stays small; beyond,
 * the older half goes, and the file says so. One thread. */
#define _GNU_SOURCE
#include "cli/repl_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/repl_output.h"
#include "include/gol.h"

enum { KEPT_MAX = 1 << 20 };

static const char head[] = "// gol session: gol -i <FILE, or :load FILE\n\n";

static char *kept, *last; /* entries one after the other, each with a newline; the latest */
static size_t kept_len;
static bool dropped;

static void drop_half(void)
{
    const char *at = kept;
    while (at && *at && (size_t)(at - kept) < kept_len / 2) {
        free(keep_next(&at));
    }
    size_t gone = at ? (size_t)(at - kept) : kept_len;
    memmove(kept, kept + gone, kept_len - gone + 1);
    kept_len -= gone;
    dropped = true;
}

void keep_entry(const char *text, bool lasting)
{
    char *copy = strdup(text);
    if (copy) {
        free(last);
        last = copy;
    }
    size_t n = strlen(text);
    if (!lasting || n > KEPT_MAX / 4) {
        dropped |= lasting;
        return;
    }
    if (!kept && !(kept = malloc(KEPT_MAX + 1))) {
        return;
    }
    if (kept_len + n + 1 > KEPT_MAX) {
        drop_half();
    }
    memcpy(kept + kept_len, text, n);
    kept_len += n;
    kept[kept_len++] = '\n';
    kept[kept_len] = 0;
}

void keep_forget(void)
{
    kept_len = 0;
    dropped = false;
    if (kept) {
        kept[0] = 0;
    }
}

bool keep_save(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f) {
        return false;
    }
    fputs(head, f);
    if (dropped) {
        fputs("// the first entries are missing: there were too many\n\n", f);
    }
    fwrite(kept ? kept : "", 1, kept_len, f);
    bool ok = !ferror(f);
    return (fclose(f) == 0) & ok;
}

bool keep_is_saved(const char *text) { return !strncmp(text, head, 15); }

bool keep_is_comment(const char *text, size_t len)
{
    for (const char *end = text + len; text < end;) {
        text += strspn(text, " \t");
        if (strncmp(text, "//", 2) != 0) {
            return false;
        }
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        text = nl ? nl + 1 : end;
    }
    return len > 0;
}

char *keep_next(const char **at)
{
    const char *from = *at, *to = from;
    while (*to) {
        const char *nl = strchr(to, '\n');
        to = nl ? nl + 1 : to + strlen(to);
        size_t n = (size_t)(to - from);
        if (!keep_is_comment(from, n) && !gol_incomplete(from, n)) {
            break;
        }
    }
    *at = to;
    return to > from ? strndup(from, (size_t)(to - from) - (to[-1] == '\n')) : NULL;
}

static bool run_editor(const char *path)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor) {
        editor = getenv("EDITOR");
    }
    char *command = NULL;
    if (asprintf(&command, "%s \"$1\"", editor && *editor ? editor : "vi") < 0) {
        return false;
    }
    output_drain();
    sigaction(SIGINT, &ignore, &old);
    pid_t child = fork();
    if (child == 0) {
        sigaction(SIGINT, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        dup2(output_terminal(), 1);
        dup2(output_terminal(), 2);
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGINT, &old, NULL);
    free(command);
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The file's text without the newlines that end it. */
static char *text_of(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    ssize_t n = f ? getdelim(&text, &cap, 0, f) : -1;
    if (f) {
        fclose(f);
    }
    if (n <= 0) {
        free(text);
        return f ? strdup("") : NULL;
    }
    while (n > 0 && text[n - 1] == '\n') {
        text[--n] = 0;
    }
    return text;
}

char *keep_edit(void)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/gol-XXXXXX.gol", dir && *dir ? dir : "/tmp");
    int fd = mkstemps(path, 4);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f) {
        return NULL;
    }
    fprintf(f, "%s\n", last ? last : "");
    bool ok = fclose(f) == 0 && run_editor(path);
    char *text = ok ? text_of(path) : NULL;
    unlink(path);
    return text;
}
