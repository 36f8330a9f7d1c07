/* test_json.c - gol test -json: the output of tests as a stream of events, those of Go's test2json.
 *
 * The program runs with -test.v=test2json: lines of package testing itself begin with a mark (0x16),
 * so that what tests print is never taken for one. A "=== RUN" line is an event at once. A result
 * ("--- PASS:") becomes one only when the lines about that test have ended, with the next result on
 * its level or above, or the next "===" line; until then results wait on a stack. Everything
 * is also an event "output" of the test that it belongs to.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "cli/test.h"

enum { MARK = 0x16, MAX_NESTED = 64 };

typedef struct Result {
    char *test, action[8];
    double elapsed; /* < 0: unknown */
} Result;

struct TestJson {
    char *package;
    char *test;         /* whose lines these are; NULL: nobody's */
    char *line;         /* the beginning of a line */
    size_t len, cap;
    struct timespec start;
    Result waiting[MAX_NESTED];
    int nwaiting;
    const char *result; /* of the package: "skip", or NULL */
};

/* ---- Events ----------------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence at p, 0 if it is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    size_t k = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] >= 0x80 && (p[0] < 0xc2 || p[0] > 0xf4 || k > n)) {
        return 0;
    }
    for (size_t i = 1; i < k; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
               (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : k;
}

/* A JSON string as encoding/json writes it: safe in HTML, no invalid UTF-8. */
static void put_string(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + n;
    putchar('"');
    while (p < end) {
        size_t k = utf8_len(p, (size_t)(end - p));
        if (k == 0) {
            fputs("\\ufffd", stdout);
            p++;
            continue;
        }
        const char *brief = k == 1 && *p ? strchr("\"\"\\\\\nn\tt\rr\bb\ff", *p) : NULL;
        if (k == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8) {
            printf("\\u202%c", p[2] == 0xa8 ? '8' : '9');
        } else if (brief && (*p < ' ' || *p == '"' || *p == '\\')) {
            putchar('\\');
            putchar(*p < ' ' ? brief[1] : *p);
        } else if (k == 1 && (*p < ' ' || *p == '<' || *p == '>' || *p == '&')) {
            printf("\\u%04x", *p);
        } else {
            fwrite(p, 1, k, stdout);
        }
        p += k;
    }
    putchar('"');
}

static void put_time(void)
{
    struct timespec ts;
    struct tm tm;
    char day[40], zone[8];
    clock_gettime(CLOCK_REALTIME, &ts);
    localtime_r(&ts.tv_sec, &tm);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    printf("{\"Time\":\"%s.%09ld", day, ts.tv_nsec);
    if (tm.tm_gmtoff == 0) {
        fputs("Z\"", stdout);
    } else {
        printf("%.3s:%s\"", zone, zone + 3);
    }
}

static void event(const TestJson *j, const char *action, const char *test, double elapsed,
                  const char *output, size_t n)
{
    put_time();
    printf(",\"Action\":\"%s\",\"Package\":", action);
    put_string(j->package, strlen(j->package));
    if (test && *test) {
        fputs(",\"Test\":", stdout);
        put_string(test, strlen(test));
    }
    if (elapsed >= 0) {
        printf(",\"Elapsed\":%.10g", elapsed);
    }
    if (output) {
        fputs(",\"Output\":", stdout);
        put_string(output, n);
    }
    fputs("}\n", stdout);
}

/* ---- Lines ------------------------------------------------------------------------------------ */

static void set_test(TestJson *j, const char *name)
{
    char *copy = name ? strdup(name) : NULL;
    free(j->test);
    j->test = copy;
}

static void output(const TestJson *j, const char *line, size_t n)
{
    event(j, "output", j->test, -1, line, n);
}

/* Results at this depth and deeper have all their lines. */
static void flush_results(TestJson *j, int depth)
{
    set_test(j, NULL);
    while (j->nwaiting > depth) {
        Result *r = &j->waiting[--j->nwaiting];
        event(j, r->action, r->test, r->elapsed, NULL, 0);
        free(r->test);
    }
}

static bool begins(const char *s, size_t n, const char *prefix)
{
    return n >= strlen(prefix) && !memcmp(s, prefix, strlen(prefix));
}

/* "=== RUN   name". line ends in NUL. False: it is something else. */
static bool update_line(TestJson *j, const char *line, size_t n)
{
    static const char *const kinds[][2] = {{"=== RUN   ", "run"},  {"=== PAUSE ", "pause"},
                                           {"=== CONT  ", "cont"}, {"=== NAME  ", "name"},
                                           {"=== ATTR  ", "attr"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!begins(line, n, kinds[i][0])) {
            continue;
        }
        const char *what = kinds[i][1];
        char *name = strndup(line + 10, strcspn(line + 10, i == 4 ? " \n" : "\n"));
        flush_results(j, 0);
        set_test(j, name);
        free(name);
        if (!strcmp(what, "name")) {
            return true;
        }
        if (!strcmp(what, "pause") || !strcmp(what, "attr")) {
            output(j, line, n);
        }
        if (strcmp(what, "attr") != 0) {
            event(j, what, j->test, -1, NULL, 0);
        }
        if (strcmp(what, "pause") != 0 && strcmp(what, "attr") != 0) {
            output(j, line, n);
        }
        return true;
    }
    return false;
}

/* "    --- PASS: name (0.00s)". line ends in NUL. */
static bool result_line(TestJson *j, const char *line, size_t n)
{
    static const char *const kinds[][2] = {{"--- PASS: ", "pass"}, {"--- FAIL: ", "fail"},
                                           {"--- SKIP: ", "skip"}, {"--- BENCH: ", "bench"}};
    int depth = 0;
    const char *p = line;
    for (; !strncmp(p, "    ", 4); p += 4) {
        depth++;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!begins(p, n - (size_t)(p - line), kinds[i][0])) {
            continue;
        }
        if (depth > j->nwaiting || depth >= MAX_NESTED) {
            return false;
        }
        flush_results(j, depth);
        const char *name = p + strlen(kinds[i][0]);
        const char *paren = strstr(name, " (");
        Result *r = &j->waiting[j->nwaiting++];
        r->test = strndup(name, paren ? (size_t)(paren - name) : strcspn(name, "\n"));
        snprintf(r->action, sizeof r->action, "%s", kinds[i][1]);
        r->elapsed = paren ? strtod(paren + 2, NULL) : -1;
        set_test(j, r->test);
        output(j, line, n);
        return true;
    }
    if (depth > 0 && depth <= j->nwaiting) {
        set_test(j, j->waiting[depth - 1].test);
    }
    return false;
}

/* A whole line, or the last one; NUL-terminated. */
static void take_line(TestJson *j, const char *line, size_t n)
{
    bool marked = n && line[0] == MARK;
    if (marked) {
        line++;
        n--;
    }
    if (marked && (!strcmp(line, "PASS\n") || !strcmp(line, "FAIL\n") || begins(line, n, "FAIL\t"))) {
        flush_results(j, 0);
    } else if (!strcmp(line, "testing: warning: no tests to run\n")) {
        j->result = "skip";
    } else if (begins(line, n, "?   \t")) {
        j->result = "skip";
    } else if (marked && (update_line(j, line, n) || result_line(j, line, n))) {
        return;
    }
    output(j, line, n);
}

/* ---- The converter ---------------------------------------------------------------------------- */

TestJson *test_json_new(const char *package)
{
    TestJson *j = calloc(1, sizeof *j);
    if (!j) {
        abort();
    }
    j->package = strdup(package);
    clock_gettime(CLOCK_MONOTONIC, &j->start);
    event(j, "start", NULL, -1, NULL, 0);
    return j;
}

void test_json_write(TestJson *j, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* a mark in the middle: a test's text without a newline, then a line of ours */
        if (text[i] == MARK && j->len) {
            j->line[j->len] = 0;
            take_line(j, j->line, j->len);
            j->len = 0;
        }
        if (j->len + 2 > j->cap) {
            j->cap = j->cap ? j->cap * 2 : 256;
            j->line = realloc(j->line, j->cap);
            if (!j->line) {
                abort();
            }
        }
        j->line[j->len++] = text[i];
        if (text[i] == '\n') {
            j->line[j->len] = 0;
            take_line(j, j->line, j->len);
            j->len = 0;
        }
    }
    fflush(stdout);
}

void test_json_close(TestJson *j, bool passed)
{
    if (j->len) {
        j->line[j->len] = 0;
        take_line(j, j->line, j->len);
    }
    flush_results(j, 0);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (now.tv_sec - j->start.tv_sec) * 1000 + (now.tv_nsec - j->start.tv_nsec) / 1000000;
    const char *result = !passed ? "fail" : j->result ? j->result : "pass";
    event(j, result, NULL, (double)ms / 1000, NULL, 0);
    fflush(stdout);
    free(j->package);
    free(j->test);
    free(j->line);
    free(j);
}
