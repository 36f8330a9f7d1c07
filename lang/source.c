/* source.c - source files on disk.
 *
 * The rules are Go's: NAME_GOOS.go, NAME_GOARCH.go and NAME_GOOS_GOARCH.go belong to that platform,
 * _test files to tests, names that begin with "_" or "." to no build; a //go:build line is an expression
 * over tags. Tags that hold here: the platform, unix, gc's name for its own compiler ("gc"), "gol",
 * and go1.N up to the language version. A file X.gol replaces X.go in the same folder, so that a
 * package can carry a variant for gol.
 */
#define _GNU_SOURCE
#include "lang/source.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH "amd64"
#elif defined(__aarch64__)
#define ARCH "arm64"
#else
#define ARCH "unknown"
#endif

enum { NEWEST_MINOR = 25 };

/* ---- Paths ------------------------------------------------------------------------------------ */

char *source_join(const char *dir, const char *name)
{
    if (!*dir || !strcmp(dir, ".")) {
        return mem_strndup(name, strlen(name));
    }
    size_t n = strlen(dir);
    return mem_printf(dir[n - 1] == '/' ? "%s%s" : "%s/%s", dir, name);
}

char *source_dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return mem_strndup(".", 1);
    }
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *source_clean(const char *path)
{
    size_t n = strlen(path), k = 0;
    char *out = mem_alloc_atomic(n + 2);
    bool rooted = path[0] == '/';
    if (rooted) {
        out[k++] = '/';
    }
    size_t base = k; /* what ".." cannot remove */
    for (size_t i = 0; i < n;) {
        size_t len = strcspn(path + i, "/");
        const char *part = path + i;
        i += len + (part[len] == '/');
        if (len == 0 || (len == 1 && part[0] == '.')) {
            continue;
        }
        if (len == 2 && part[0] == '.' && part[1] == '.') {
            if (k > base) {
                while (k > base && out[k - 1] != '/') {
                    k--;
                }
                k -= k > base;
                continue;
            }
            if (rooted) {
                continue;
            }
        }
        bool up = len == 2 && part[0] == '.' && part[1] == '.';
        if (k > 0 && out[k - 1] != '/') {
            out[k++] = '/';
        }
        memcpy(out + k, part, len);
        k += len;
        base = up ? k : base;
    }
    out[k] = 0;
    return k ? out : mem_strndup(".", 1);
}

bool source_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool source_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static const char *read_failure(int e)
{
    return e == ENOENT ? "no such file or directory" : mem_printf("%s", strerror(e));
}

/* Reads all of fd, whose size is a guess: pipes and /proc files have none. */
static char *read_all(int fd, size_t guess, size_t *len, const char **why)
{
    size_t cap = guess + 1 > 4096 ? guess + 2 : 4096, n = 0;
    char *text = mem_alloc_atomic(cap);
    for (;;) {
        ssize_t got = read(fd, text + n, cap - n - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            *why = read_failure(errno);
            return NULL;
        }
        if (got == 0) {
            text[n] = 0;
            *len = n;
            return text;
        }
        n += (size_t)got;
        if (n > DIAG_MAX_FILE) {
            *why = "file too large";
            return NULL;
        }
        if (n + 1 == cap) {
            char *more = mem_alloc_atomic(cap * 2);
            memcpy(more, text, n);
            text = more;
            cap *= 2;
        }
    }
}

char *source_read(const char *path, size_t *len, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        *why = read_failure(errno);
        return NULL;
    }
    struct stat st;
    char *text = NULL;
    if (fstat(fd, &st) != 0) {
        *why = read_failure(errno);
    } else if (S_ISDIR(st.st_mode)) {
        *why = "is a directory";
    } else if (st.st_size > (off_t)DIAG_MAX_FILE) {
        *why = "file too large";
    } else {
        text = read_all(fd, (size_t)st.st_size, len, why);
    }
    close(fd);
    return text;
}

/* More than one byte in sixteen of the beginning is a control byte that text does not have. */
bool source_is_binary(const char *text, size_t len)
{
    size_t n = len < 1024 ? len : 1024, odd = 0;
    if (n >= 4 && !memcmp(text, "\x7f"
                                "ELF", 4)) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        odd += c < 9 || (c > 13 && c < 27);
    }
    return odd > 8 && odd * 16 > n;
}

/* ---- File names ------------------------------------------------------------------------------- */

static bool one_of(const char *s, size_t n, const char *const *list)
{
    for (; *list; list++) {
        if (strlen(*list) == n && !memcmp(*list, s, n)) {
            return true;
        }
    }
    return false;
}

static const char *const systems[] = {
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux",
    "nacl", "netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows", "zos", NULL};
static const char *const machines[] = {
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64",
    "ppc64le", "riscv64", "s390x", "sparc64", "wasm", NULL};

static bool is_this(const char *s, size_t n)
{
    return (n == 5 && !memcmp(s, "linux", 5)) || (n == strlen(ARCH) && !memcmp(s, ARCH, n));
}

static bool ends(const char *s, size_t n, const char *suffix)
{
    size_t k = strlen(suffix);
    return n >= k && !memcmp(s + n - k, suffix, k);
}

/* stem: a file's name without its extension. */
static bool name_admits(const char *stem, size_t n)
{
    const char *first = memchr(stem, '_', n);
    if (!first) {
        return true;
    }
    size_t last = n; /* the last element begins behind an underscore, and is not the first one */
    while (last > 0 && stem[last - 1] != '_') {
        last--;
    }
    const char *e = stem + last;
    size_t en = n - last;
    if (one_of(e, en, systems)) {
        return is_this(e, en);
    }
    if (!one_of(e, en, machines)) {
        return true;
    }
    if (!is_this(e, en)) {
        return false;
    }
    size_t end = last - 1, from = end;
    while (from > 0 && stem[from - 1] != '_') {
        from--;
    }
    return from == 0 || !one_of(stem + from, end - from, systems) ||
           is_this(stem + from, end - from);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_gol_twin(const PathList *l, const char *name)
{
    size_t stem = strlen(name) - 3;
    for (uint32_t i = 0; i < l->n; i++) {
        const char *s = l->at[i];
        if (strlen(s) == stem + 4 && !memcmp(s, name, stem) && !strcmp(s + stem, ".gol")) {
            return true;
        }
    }
    return false;
}

void source_select(const PathList *all, bool tests, PathList *out, uint32_t *excluded)
{
    PathList names = {0};
    for (uint32_t i = 0; i < all->n; i++) {
        const char *s = all->at[i];
        size_t n = strlen(s), stem = ends(s, n, ".gol") ? n - 4 : ends(s, n, ".go") ? n - 3 : 0;
        if (stem == 0 || s[0] == '_' || s[0] == '.' || strchr(s, '/') ||
            ends(s, stem, "_test") != tests) {
            continue;
        }
        if (!name_admits(s, tests ? stem - 5 : stem)) {
            ++*excluded;
            continue;
        }
        VEC_PUSH(names, s);
    }
    for (uint32_t i = 0; i < names.n; i++) {
        const char *s = names.at[i];
        if (ends(s, strlen(s), ".gol") || !has_gol_twin(&names, s)) {
            VEC_PUSH(*out, s);
        }
    }
    if (out->n) {
        qsort(out->at, out->n, sizeof *out->at, by_name);
    }
}

bool source_list(const char *dir, bool tests, PathList *out, uint32_t *excluded)
{
    DIR *d = opendir(dir);
    if (!d) {
        return false;
    }
    PathList all = {0}, names = {0};
    struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        VEC_PUSH(all, mem_strndup(e->d_name, strlen(e->d_name)));
    }
    closedir(d);
    source_select(&all, tests, &names, excluded);
    for (uint32_t i = 0; i < names.n; i++) {
        VEC_PUSH(*out, source_join(dir, names.at[i]));
    }
    return true;
}

void source_folders(const char *dir, PathList *out)
{
    DIR *d = opendir(dir);
    if (!d) {
        return;
    }
    struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.' && e->d_name[0] != '_' && strcmp(e->d_name, "testdata") != 0) {
            char *path = source_join(dir, e->d_name);
            if (e->d_type == DT_DIR || (e->d_type == DT_UNKNOWN && source_is_folder(path))) {
                VEC_PUSH(*out, path);
            }
        }
    }
    closedir(d);
    if (out->n) {
        qsort(out->at, out->n, sizeof *out->at, by_name);
    }
}

/* ---- //go:build ------------------------------------------------------------------------------- */

/* A constraint: tags with ! && || and parentheses. */
typedef struct Constraint {
    const char *p, *end;
    int minor;     /* of what was read last: the least N for which go1.N does not make it false, or -1 */
    bool negated;  /* under an odd number of ! */
    int depth;
    bool bad;
} Constraint;

static bool either(Constraint *c);

static void blanks(Constraint *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r')) {
        c->p++;
    }
}

static bool tag_holds(Constraint *c, const char *s, size_t n)
{
    static const char *const tags[] = {"linux", ARCH, "unix", "gc", "gol", "goexperiment.aliastypeparams",
                                       NULL};
    c->minor = -1;
    if (n > 4 && !memcmp(s, "go1.", 4)) {
        int minor = atoi(s + 4);
        c->minor = c->negated ? -1 : minor;
        return minor <= NEWEST_MINOR;
    }
    return one_of(s, n, tags) || (n == 3 && !memcmp(s, "go1", 3));
}

static bool factor(Constraint *c)
{
    blanks(c);
    if (c->bad || c->p >= c->end || c->depth > 100) {
        c->bad = true;
        return false;
    }
    if (*c->p == '!') {
        c->p++;
        c->negated = !c->negated;
        c->depth++;
        bool v = !factor(c);
        c->depth--;
        c->negated = !c->negated;
        return v;
    }
    if (*c->p == '(') {
        c->p++;
        c->depth++;
        bool v = either(c);
        c->depth--;
        blanks(c);
        c->bad |= c->p >= c->end || *c->p != ')';
        c->p += c->p < c->end;
        return v;
    }
    const char *s = c->p;
    while (c->p < c->end && (*c->p == '_' || *c->p == '.' || (*c->p | 0x20) - 'a' + 0u < 26 ||
                             *c->p - '0' + 0u < 10)) {
        c->p++;
    }
    c->bad |= c->p == s;
    return tag_holds(c, s, (size_t)(c->p - s));
}

static bool two(Constraint *c, char op)
{
    blanks(c);
    if (c->end - c->p >= 2 && c->p[0] == op && c->p[1] == op) {
        c->p += 2;
        return true;
    }
    return false;
}

/* The version that two operands ask for: of "and" the greater, of "or" the lesser; under ! the other
 * way around. */
static void join_versions(Constraint *c, int left, bool and)
{
    bool greater = and != c->negated;
    c->minor = (left > c->minor) == greater ? left : c->minor;
}

static bool both(Constraint *c)
{
    bool v = factor(c);
    for (int left = c->minor; !c->bad && two(c, '&'); left = c->minor) {
        v = factor(c) && v;
        join_versions(c, left, true);
    }
    return v;
}

static bool either(Constraint *c)
{
    bool v = both(c);
    for (int left = c->minor; !c->bad && two(c, '|'); left = c->minor) {
        v = both(c) || v;
        join_versions(c, left, false);
    }
    return v;
}

bool source_admits(const char *text, size_t len, int *go_minor)
{
    const char *p = text, *end = text + len;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *eol = nl ? nl : end;
        while (p < eol && (*p == ' ' || *p == '\t')) {
            p++;
        }
        size_t n = (size_t)(eol - p);
        bool shebang = p == text && n >= 2 && p[0] == '#' && p[1] == '!';
        if (n >= 11 && !memcmp(p, "//go:build ", 11)) {
            Constraint c = {.p = p + 11, .end = eol};
            bool v = either(&c);
            blanks(&c);
            if (c.bad || c.p != c.end) {
                return true; /* not a constraint; Go complains in vet only */
            }
            *go_minor = c.minor > 0 ? c.minor : 0;
            return v;
        }
        bool comment = n >= 2 && p[0] == '/' && p[1] == '/';
        if (n >= 2 && p[0] == '/' && p[1] == '*') {
            const char *close = memmem(p, (size_t)(end - p), "*/", 2);
            p = close ? close + 2 : end;
            continue;
        }
        if (n && !comment && !shebang && !(n == 1 && *p == '\r')) {
            return true; /* the package clause or the script begins */
        }
        p = eol + 1;
    }
    return true;
}
