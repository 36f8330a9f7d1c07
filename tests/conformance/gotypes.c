/* gotypes.c - the checker against the test data of Go's own (cmd/compile/internal/types2/testdata).
 *
 *     gotypes GOL DIR [-v] [FILTER]...
 *
 * Below DIR each file, or each folder of files in check/, is a package. A comment ERROR "rx" expects
 * an error at the token before it. The package is given to `gol check`; an expected error counts as
 * reported if there is one on its line, as placed if that is also at its column (the data of check/
 * say nothing about columns), as worded if the text matches rx. What is reported on other lines is
 * extra. Prints a table by folder; -v lists what differs; FILTER: only packages whose path
 * contains it. Packages that need what gol has no option for (-lang, cgo) are left out and counted.
 * As Go's compiler, and unlike Go's test harness, gol does not check what it cannot parse, and says
 * the same of a line once: expectations that a syntax error hides are left out, and a report stands
 * for all expectations of its line that it matches. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Want {
    char *file, *rx;
    int line, col;
    bool done;
} Want;

typedef struct Have {
    char *file, *text;
    int line, col;
    bool done;
} Have;

typedef struct Figures {
    int packages, skipped, wanted, reported, placed, place_wanted, worded, extra, clean;
} Figures;

enum { MAX_WANTS = 4096, MAX_FILES = 256 };
static Want wants[MAX_WANTS];
static Have haves[MAX_WANTS];
static int nwants, nhaves;
static const char *gol;
static bool verbose;

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t n = 0;
    if (f) {
        FILE *out = open_memstream(&text, &n);
        for (int c; (c = getc(f)) != EOF;) {
            putc(c, out);
        }
        fclose(out);
        fclose(f);
    }
    return text;
}

/* ---- expectations ---- */

/* ERROR "rx" or ERROR rx, as the whole of a comment. */
static void take_comment(const char *file, const char *s, const char *end, int line, int col)
{
    while (s < end && *s == ' ') {
        s++;
    }
    if (end - s < 5 || strncmp(s, "ERROR", 5) != 0 || nwants == MAX_WANTS) {
        return;
    }
    for (s += 5; s < end && *s == ' '; s++) {
    }
    s += s < end && *s == '"';
    const char *quote = memchr(s, '"', (size_t)(end - s));
    end = quote ? quote : end;
    while (end > s && isspace((unsigned char)end[-1])) {
        end--;
    }
    wants[nwants++] = (Want){strdup(file), strndup(s, (size_t)(end - s)), line, col, false};
}

static const char *skip_quoted(const char *p)
{
    char q = *p++;
    while (*p && *p != q && (q == '`' || *p != '\n')) {
        p += *p == '\\' && q != '`' && p[1] ? 2 : 1;
    }
    return *p ? p + 1 : p;
}

static const char *skip_token(const char *p)
{
    unsigned char c = (unsigned char)*p;
    if (c == '"' || c == '`' || c == '\'') {
        return skip_quoted(p);
    }
    if (isalnum(c) || c == '_' || c >= 0x80) {
        while (isalnum((unsigned char)*p) || *p == '_' || *p == '.' || (unsigned char)*p >= 0x80) {
            if (*p == '.' && !isdigit(c)) {
                break;
            }
            p++;
        }
        return p;
    }
    static const char *const ops[] = {"<<=", ">>=", "&^=", "...", "&&", "||", "<-", "++", "--",
                                      "==", "!=", "<=", ">=", ":=", "+=", "-=", "*=", "/=", "%=", "&=",
                                      "|=", "^=", "<<", ">>", "&^"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (!strncmp(p, ops[i], strlen(ops[i]))) {
            return p + strlen(ops[i]);
        }
    }
    return p + 1;
}

/* Go's harness knows the position of the last token; a comment belongs to it. */
static void collect_wants(const char *file, const char *text)
{
    int line = 1, last_line = 0, last_col = 0;
    const char *start = text, *p = text;
    while (*p) {
        const char *from = p;
        bool comment = p[0] == '/' && (p[1] == '/' || p[1] == '*');
        if (comment && p[1] == '/') {
            p += strcspn(p, "\n");
            take_comment(file, from + 2, p, last_line, last_col);
        } else if (comment) {
            const char *end = strstr(p + 2, "*/");
            p = end ? end + 2 : p + strlen(p);
            take_comment(file, from + 2, end ? end : p, last_line, last_col);
        } else if (isspace((unsigned char)*p)) {
            p++;
        } else {
            last_line = line;
            last_col = (int)(p - start) + 1;
            p = skip_token(p);
        }
        for (; from < p; from++) {
            if (*from == '\n') {
                line++;
                start = from + 1;
            }
        }
    }
}

/* ---- what gol reports ---- */

static void collect_haves(FILE *out)
{
    char *buf = NULL;
    size_t cap = 0;
    while (getline(&buf, &cap, out) > 0 && nhaves < MAX_WANTS) {
        buf[strcspn(buf, "\n")] = 0;
        char *colon = strstr(buf, ".go:");
        int line, col, n = 0;
        if (buf[0] == ' ' || buf[0] == '\t' || !colon
            || sscanf(colon + 4, "%d:%d: %n", &line, &col, &n) != 2 || !n) {
            continue;
        }
        const char *text = colon + 4 + n;
        if (!strncmp(text, "undefined: assert", 17) || !strncmp(text, "undefined: trace", 16)) {
            continue;
        }
        haves[nhaves++] = (Have){strndup(buf, (size_t)(colon + 3 - buf)), strdup(text), line, col,
                                 false};
    }
    free(buf);
}

static void run_gol(const char *path)
{
    char *command;
    if (asprintf(&command, "timeout 20 '%s' check '%s' 2>&1", gol, path) < 0) {
        exit(2);
    }
    FILE *p = popen(command, "r");
    collect_haves(p);
    int status = pclose(p);
    if (status != 0 && status != 256) {
        printf("%s: gol check ends with status %d\n", path, status);
    }
    free(command);
}

/* ---- comparing ---- */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool matches(const char *rx, const char *text)
{
    regex_t re;
    if (regcomp(&re, rx, REG_EXTENDED | REG_NOSUB) != 0) {
        return strstr(text, rx) != NULL;
    }
    bool ok = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return ok;
}

static bool same_line(const Want *w, const Have *h)
{
    return w->line == h->line && !strcmp(base_of(w->file), base_of(h->file));
}

/* The best report for w that no other expectation has: the same text, else the same column. */
static Have *best(const Want *w)
{
    Have *found = NULL;
    int best_score = -1;
    for (int i = 0; i < nhaves; i++) {
        Have *h = &haves[i];
        if (h->done || !same_line(w, h)) {
            continue;
        }
        int score = (matches(w->rx, h->text) ? 2 : 0) + (h->col == w->col ? 1 : 0);
        if (score > best_score) {
            best_score = score;
            found = h;
        }
    }
    return found;
}

/* Has a report of the same line and text gone to another expectation? */
static bool said(const Want *w)
{
    for (int i = 0; i < nhaves; i++) {
        if (haves[i].done && same_line(w, &haves[i]) && matches(w->rx, haves[i].text)) {
            return true;
        }
    }
    return false;
}

static bool has_syntax_errors(void)
{
    for (int i = 0; i < nhaves; i++) {
        if (!strncmp(haves[i].text, "syntax error", 12)
            || !strncmp(haves[i].text, "method has ", 11)) {
            return true;
        }
    }
    return false;
}

static void compare(Figures *f, bool columns)
{
    bool clean = true, hidden = has_syntax_errors();
    for (int i = 0; i < nwants; i++) {
        Want *w = &wants[i];
        Have *h = best(w);
        if (!h && (said(w) || hidden)) {
            continue;
        }
        f->wanted++;
        f->place_wanted += columns;
        if (!h) {
            clean = false;
            if (verbose) {
                printf("%s:%d:%d: missing: %s\n", w->file, w->line, w->col, w->rx);
            }
            continue;
        }
        h->done = true;
        f->reported++;
        bool placed = h->col == w->col, worded = matches(w->rx, h->text);
        f->placed += columns && placed;
        f->worded += worded;
        if (verbose && columns && !placed) {
            printf("%s:%d:%d: at column %d: %s\n", w->file, w->line, w->col, h->col, h->text);
        }
        if (verbose && !worded) {
            printf("%s:%d: wanted %s\n    have %s\n", w->file, w->line, w->rx, h->text);
        }
    }
    for (int i = 0; i < nhaves; i++) {
        Have *h = &haves[i];
        if (!h->done) {
            bool again = false; /* another error of a line that has one */
            for (int k = 0; k < nwants; k++) {
                again |= same_line(&wants[k], h);
            }
            f->extra += !again;
            clean &= again;
            if (verbose) {
                printf("%s:%d:%d: %s: %s\n", h->file, h->line, h->col, again ? "second" : "extra",
                       h->text);
            }
        }
    }
    f->clean += clean;
}

static bool needs_option(const char *text)
{
    const char *line = text + strspn(text, "/ ");
    return (!strncmp(text, "//", 2) && *line == '-') || strstr(text, "import \"C\"");
}

static void check_package(const char *path, bool folder, Figures *f, bool columns)
{
    struct dirent **at = NULL;
    int n = folder ? scandir(path, &at, NULL, alphasort) : 1;
    bool skip = false;
    for (int i = 0; i < n; i++) {
        char *file = NULL;
        if (folder && (at[i]->d_name[0] == '.' || !strstr(at[i]->d_name, ".go"))) {
            continue;
        }
        if (asprintf(&file, "%s%s%s", path, folder ? "/" : "", folder ? at[i]->d_name : "") < 0) {
            exit(2);
        }
        char *text = read_file(file);
        if (text) {
            skip |= needs_option(text);
            collect_wants(file, text);
        }
        free(text);
        free(file);
    }
    if (skip) {
        f->skipped++;
    } else {
        f->packages++;
        run_gol(path);
        compare(f, columns);
    }
    for (int i = 0; i < nwants; i++) {
        free(wants[i].file);
        free(wants[i].rx);
    }
    for (int i = 0; i < nhaves; i++) {
        free(haves[i].file);
        free(haves[i].text);
    }
    nwants = nhaves = 0;
}

static void print_row(const char *name, const Figures *f)
{
    printf("%-10s %5d %5d %7d %6.1f%% %6.1f%% %6.1f%% %6d %6.1f%%\n", name, f->packages, f->skipped,
           f->wanted, f->wanted ? 100.0 * f->reported / f->wanted : 100.0,
           f->place_wanted ? 100.0 * f->placed / f->place_wanted : 100.0,
           f->wanted ? 100.0 * f->worded / f->wanted : 100.0, f->extra,
           f->packages ? 100.0 * f->clean / f->packages : 100.0);
}

static void add(Figures *sum, const Figures *f)
{
    const int *from = (const int *)f;
    int *to = (int *)sum;
    for (size_t i = 0; i < sizeof *f / sizeof(int); i++) {
        to[i] += from[i];
    }
}

static bool selected(const char *path, char **filters, int n)
{
    bool any = n == 0;
    for (int i = 0; i < n; i++) {
        any |= strstr(path, filters[i]) != NULL;
    }
    return any;
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"check", "spec", "examples", "fixedbugs"};
    if (argc < 3) {
        fputs("usage: gotypes GOL TESTDATA [-v] [FILTER]...\n", stderr);
        return 2;
    }
    gol = argv[1];
    int first = 3;
    if (first < argc && !strcmp(argv[first], "-v")) {
        verbose = true;
        first++;
    }
    Figures all = {0};
    printf("%-10s %5s %5s %7s %7s %7s %7s %6s %7s\n", "types2", "pkgs", "skip", "errors", "report",
           "column", "text", "extra", "clean");
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char *dir;
        struct dirent **at = NULL;
        Figures f = {0};
        if (asprintf(&dir, "%s/%s", argv[2], folders[i]) < 0) {
            return 2;
        }
        int n = scandir(dir, &at, NULL, alphasort);
        for (int k = 0; k < n; k++) {
            char *path;
            struct stat st;
            if (at[k]->d_name[0] == '.' || asprintf(&path, "%s/%s", dir, at[k]->d_name) < 0) {
                continue;
            }
            if (stat(path, &st) == 0 && selected(path, argv + first, argc - first)) {
                check_package(path, S_ISDIR(st.st_mode), &f, strcmp(folders[i], "check") != 0);
            }
            free(path);
        }
        print_row(folders[i], &f);
        add(&all, &f);
        free(dir);
    }
    print_row("all", &all);
    return 0;
}
