/* vet.c - gol vet: FILE, DIR and DIR/... arguments, flags that choose checks.
 *
 * Like go vet: -NAME runs only that check (and others named so), -NAME=false leaves it out; the
 * exit status is 1 if anything was found or does not compile, 2 after a wrong command line.
 * Findings go to standard error. Each package is checked by itself; folders named testdata, vendor,
 * or beginning with a dot or underscore are skipped below DIR/... */
#define _GNU_SOURCE
#include "cli/vet.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "include/gol.h"

typedef struct Run {
    char *checks; /* "a,b,-c" */
    bool color;
    int status;
} Run;

static int usage(FILE *out)
{
    fputs("usage: gol vet [-CHECK] [-CHECK=false] [FILE|DIR|DIR/...]...\n\nchecks:\n", out);
    const char *name, *doc;
    for (int i = 0; (name = gol_vet_check(i, &doc)); i++) {
        fprintf(out, "  %-17s %s\n", name, doc);
    }
    return out == stderr ? 2 : 0;
}

static void vet_one(Run *r, const char *path)
{
    char *text = NULL;
    GolSource source = {.path = path, .color = r->color, .allow_unsafe = 1};
    if (gol_vet(&source, r->checks, &text) != 0) {
        r->status = 1;
    }
    if (text && *text) {
        fputs(text, stderr);
    }
    gol_free(text);
}

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && !strcmp(s + n - m, suffix);
}

static bool is_source(const char *name)
{
    return (ends_with(name, ".gol") && !ends_with(name, "_test.gol"))
           || (ends_with(name, ".go") && !ends_with(name, "_test.go"));
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool skipped(const char *name)
{
    return name[0] == '.' || name[0] == '_' || !strcmp(name, "testdata") || !strcmp(name, "vendor");
}

/* Does a line of the file name a package that is imported, not run? */
static bool is_library(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[4096];
    bool is = false;
    while (f && !is && fgets(line, sizeof line, f)) {
        is = !strncmp(line, "package ", 8) && strncmp(line, "package main", 12) != 0;
    }
    if (f) {
        fclose(f);
    }
    return is;
}

/* Several programs in one folder are no package: each is vetted by itself. */
static bool holds_scripts(const char *dir, struct dirent **at, int n)
{
    int scripts = 0;
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (ends_with(at[i]->d_name, ".gol") && is_source(at[i]->d_name)
            && asprintf(&path, "%s/%s", dir, at[i]->d_name) > 0) {
            scripts += !is_library(path);
            free(path);
        }
    }
    return scripts > 1;
}

static void vet_tree(Run *r, const char *dir, int depth)
{
    struct dirent **at = NULL;
    int n = depth < 64 ? scandir(dir, &at, NULL, alphasort) : 0;
    bool scripts = holds_scripts(dir, at, n), package = false;
    for (int i = 0; i < n; i++) {
        package |= is_source(at[i]->d_name);
    }
    if (package && !scripts) {
        vet_one(r, dir);
    }
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", dir, at[i]->d_name) < 0) {
            path = NULL;
        }
        if (path && is_folder(path) && !skipped(at[i]->d_name)) {
            vet_tree(r, path, depth + 1);
        } else if (path && scripts && is_source(at[i]->d_name)) {
            vet_one(r, path);
        }
        free(path);
        free(at[i]);
    }
    free(at);
}

static void vet_argument(Run *r, const char *arg)
{
    if (!strcmp(arg, "...") || ends_with(arg, "/...")) {
        size_t n = strlen(arg);
        char *dir = n > 4 ? strndup(arg, n - 4) : strdup(n == 4 ? "/" : ".");
        if (dir && is_folder(dir)) {
            vet_tree(r, dir, 0);
        } else if (dir) {
            fprintf(stderr, "gol vet: %s: %s\n", dir, strerror(errno));
            r->status = 1;
        }
        free(dir);
        return;
    }
    vet_one(r, arg);
}

static bool known_check(const char *name, size_t n)
{
    const char *known, *doc;
    for (int i = 0; (known = gol_vet_check(i, &doc)); i++) {
        if (strlen(known) == n && !memcmp(known, name, n)) {
            return true;
        }
    }
    return false;
}

/* -printf, -printf=true, -printf=false. */
static bool take_flag(Run *r, const char *arg)
{
    const char *name = arg + 1 + (arg[1] == '-');
    size_t n = strcspn(name, "=");
    const char *value = name[n] ? name + n + 1 : "true";
    bool on = !strcmp(value, "true") || !strcmp(value, "1") || !strcmp(value, "t");
    bool off = !strcmp(value, "false") || !strcmp(value, "0") || !strcmp(value, "f");
    char *more = NULL;
    if (!known_check(name, n) || (!on && !off)
        || asprintf(&more, "%s%s%s%.*s", r->checks, *r->checks ? "," : "", off ? "-" : "", (int)n,
                    name) < 0) {
        fprintf(stderr, "gol vet: unknown flag %s\n", arg);
        return false;
    }
    free(r->checks);
    r->checks = more;
    return true;
}

int vet_main(int argc, char **argv, bool color)
{
    Run r = {.checks = strdup(""), .color = color};
    int paths = 0;
    for (int i = 0; i < argc && r.checks; i++) {
        if (!strcmp(argv[i], "help") || !strcmp(argv[i], "-h") || !strcmp(argv[i], "-help")
            || !strcmp(argv[i], "--help")) {
            free(r.checks);
            return usage(stdout);
        }
        if (argv[i][0] == '-' && argv[i][1]) {
            if (!take_flag(&r, argv[i])) {
                free(r.checks);
                return usage(stderr);
            }
        } else {
            argv[paths++] = argv[i];
        }
    }
    for (int i = 0; i < paths; i++) {
        vet_argument(&r, argv[i]);
    }
    if (!paths) {
        vet_one(&r, ".");
    }
    free(r.checks);
    return r.status;
}
