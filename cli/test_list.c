/* test_list.c - gol test: from arguments to folders.
 *
 * An argument is a folder; a pattern with "...", as Go's, for all folders below that hold sources,
 * without testdata, vendor, modules of their own, and what begins with "." or "_"; an import path of
 * the module around the current folder; or a file, and then all of them are files of one folder.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/test.h"

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && !strcmp(s + n - k, suffix);
}

static bool is_source(const char *name)
{
    return name[0] != '_' && name[0] != '.' && (ends_with(name, ".gol") || ends_with(name, ".go"));
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *joined(const char *dir, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", dir, name) < 0) {
        abort();
    }
    return path;
}

static bool exists(const char *dir, const char *name)
{
    char *path = joined(dir, name);
    bool yes = access(path, F_OK) == 0;
    free(path);
    return yes;
}

static void add_folder(TestTargets *out, const char *dir)
{
    char *real = realpath(dir, NULL);
    for (size_t i = 0; real && i < out->n; i++) {
        if (!strcmp(out->at[i].dir, real)) {
            free(real);
            return;
        }
    }
    TestTarget *more = real ? realloc(out->at, (out->n + 1) * sizeof *more) : NULL;
    if (!more) {
        free(real);
        return;
    }
    out->at = more;
    out->at[out->n++] = (TestTarget){.dir = real};
}

/* ---- Patterns --------------------------------------------------------------------------------- */

static bool is_skipped(const char *name)
{
    return name[0] == '.' || name[0] == '_' || !strcmp(name, "testdata") || !strcmp(name, "vendor");
}

/* "..." matches any text, and "/..." at the end also none. */
static bool matches(const char *pattern, const char *path)
{
    const char *dots = strstr(pattern, "...");
    if (!dots) {
        return !strcmp(pattern, path);
    }
    size_t n = (size_t)(dots - pattern);
    if (!dots[3] && n && dots[-1] == '/' && strlen(path) == n - 1 && !strncmp(path, pattern, n - 1)) {
        return true;
    }
    if (strncmp(path, pattern, n) != 0) {
        return false;
    }
    for (path += n;; path++) {
        if (matches(dots + 3, path)) {
            return true;
        }
        if (!*path) {
            return false;
        }
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* shown: dir as the pattern writes it. */
static void walk(TestTargets *out, const char *pattern, const char *dir, const char *shown, int depth)
{
    struct dirent **names = NULL;
    int n = depth < 200 ? scandir(dir, &names, NULL, by_name) : 0;
    bool sources = false;
    for (int i = 0; i < n; i++) {
        sources |= is_source(names[i]->d_name);
    }
    if (sources && matches(pattern, shown)) {
        add_folder(out, dir);
    }
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        char *path = joined(dir, name);
        struct stat st;
        if (!is_skipped(name) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
            !exists(path, "go.mod") && !exists(path, "gol.mod")) {
            char *sub = *shown ? joined(shown, name) : strdup(name);
            walk(out, pattern, path, sub, depth + 1);
            free(sub);
        }
        free(path);
        free(names[i]);
    }
    free(names);
}

/* ---- Modules ---------------------------------------------------------------------------------- */

/* The module path that a go.mod or gol.mod in dir declares; NULL: none. */
static char *module_path(const char *dir)
{
    static const char *const names[] = {"gol.mod", "go.mod"};
    for (int i = 0; i < 2; i++) {
        char *path = joined(dir, names[i]), *line = NULL, *found = NULL;
        FILE *f = fopen(path, "r");
        free(path);
        size_t cap = 0;
        while (f && !found && getline(&line, &cap, f) > 0) {
            char word[4096];
            if (sscanf(line, " module %4095s", word) == 1) {
                size_t n = strlen(word);
                bool quoted = n > 1 && word[0] == '"' && word[n - 1] == '"';
                found = quoted ? strndup(word + 1, n - 2) : strdup(word);
            }
        }
        free(line);
        if (f) {
            fclose(f);
        }
        if (found) {
            return found;
        }
    }
    return NULL;
}

/* The folder that the import path, or the part of a pattern before "...", means in the module around
 * the current folder; NULL: none. */
static char *module_folder(const char *path, char **root, char **module)
{
    char *dir = realpath(".", NULL);
    *module = dir ? module_path(dir) : NULL;
    while (dir && !*module && strcmp(dir, "/") != 0) {
        char *slash = strrchr(dir, '/');
        slash[slash == dir] = 0;
        *module = module_path(dir);
    }
    *root = dir;
    size_t n = *module ? strlen(*module) : 0;
    if (!n || strncmp(path, *module, n) != 0 || (path[n] && path[n] != '/')) {
        return NULL;
    }
    return path[n] ? joined(dir, path + n + 1) : strdup(dir);
}

static bool add_import_path(TestTargets *out, const char *arg)
{
    char *root, *module;
    const char *dots = strstr(arg, "...");
    char *head = strndup(arg, dots ? (size_t)(dots - arg) : strlen(arg));
    size_t n = strlen(head);
    if (dots && n && head[n - 1] == '/') {
        head[n - 1] = 0;
    }
    char *dir = module_folder(head, &root, &module);
    bool ok = dir && is_folder(dir);
    if (ok && dots) {
        walk(out, arg, root, module, 0);
    } else if (ok) {
        add_folder(out, dir);
    }
    free(dir);
    free(root);
    free(module);
    free(head);
    return ok;
}

static bool add_pattern(TestTargets *out, const char *arg)
{
    size_t before = out->n;
    const char *dots = strstr(arg, "...");
    char *base = strndup(arg, (size_t)(dots - arg));
    char *slash = strrchr(base, '/');
    if (slash) {
        slash[slash == base] = 0;
    }
    const char *dir = slash ? base : ".";
    if (arg[0] != '.' && arg[0] != '/' && !is_folder(dir)) {
        free(base);
        return add_import_path(out, arg);
    }
    walk(out, arg, dir, slash ? dir : "", 0);
    free(base);
    if (out->n == before) {
        fprintf(stderr, "gol: warning: \"%s\" matched no packages\n", arg);
    }
    return true;
}

/* ---- Files ------------------------------------------------------------------------------------ */

static bool add_files(TestTargets *out, char **args, int nargs)
{
    TestTarget t = {.files = calloc((size_t)nargs + 1, sizeof *t.files), .nfiles = nargs};
    for (int i = 0; i < nargs; i++) {
        char *path = realpath(args[i], NULL), *slash = path ? strrchr(path, '/') : NULL;
        if (!path || !is_source(slash + 1) || is_folder(path)) {
            fprintf(stderr, path ? "gol: named files must be .gol or .go files: %s\n"
                                 : "gol: no such file: %s\n", args[i]);
            return false;
        }
        char *dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (t.dir && strcmp(t.dir, dir) != 0) {
            fprintf(stderr, "gol: named files must all be in one directory; have %s and %s\n", t.dir,
                    dir);
            return false;
        }
        free(t.dir);
        t.dir = dir;
        t.files[i] = path;
    }
    out->at = malloc(sizeof *out->at);
    out->at[0] = t;
    out->n = 1;
    return true;
}

static bool has_sources(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    bool yes = false;
    while (d && !yes && (e = readdir(d)) != NULL) {
        yes = is_source(e->d_name);
    }
    if (d) {
        closedir(d);
    }
    return yes;
}

static bool add_named_folder(TestTargets *out, const char *dir)
{
    if (!has_sources(dir)) {
        fprintf(stderr, "gol: no .gol or .go files in %s\n", dir);
        return false;
    }
    add_folder(out, dir);
    return true;
}

static bool add_argument(TestTargets *out, const char *arg)
{
    if (strstr(arg, "...")) {
        if (add_pattern(out, arg)) {
            return true;
        }
    } else if (is_folder(arg)) {
        return add_named_folder(out, arg);
    } else if (add_import_path(out, arg)) {
        return true;
    }
    fprintf(stderr, "gol: no such folder or package: %s\n", arg);
    return false;
}

bool test_list(char **args, int nargs, TestTargets *out)
{
    *out = (TestTargets){0};
    if (nargs == 0) {
        return add_named_folder(out, ".");
    }
    if (!is_folder(args[0]) && is_source(args[0][0] == '.' ? "x.gol" : args[0]) &&
        (ends_with(args[0], ".gol") || ends_with(args[0], ".go"))) {
        return add_files(out, args, nargs);
    }
    for (int i = 0; i < nargs; i++) {
        if (!add_argument(out, args[i])) {
            return false;
        }
    }
    return true;
}
