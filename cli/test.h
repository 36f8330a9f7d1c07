/* test.h - gol test: what its files share. */
#ifndef GOL_CLI_TEST_H
#define GOL_CLI_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

/* One package to test. */
typedef struct TestTarget {
    char *dir;         /* absolute */
    char **files;      /* absolute; NULL: all of the folder */
    int nfiles;
} TestTarget;

typedef struct TestTargets {
    TestTarget *at;
    size_t n;
} TestTargets;

/* test_list.c: the packages that the arguments name: folders, "./...", files, import paths of the
 * module; none: the current folder. False after an error, which it has printed. */
bool test_list(char **args, int nargs, TestTargets *out);

/* test_json.c: standard output as events, one line of JSON each. A converter takes the text of one
 * package's tests, written to it in any pieces. */
typedef struct TestJson TestJson;
TestJson *test_json_new(const char *package);
void test_json_write(TestJson *j, const char *text, size_t n);
/* The last event: passed, and seconds since the converter was made. Frees it. */
void test_json_close(TestJson *j, bool passed);

/* test.c: what the command line asks for. */
typedef struct TestOptions {
    bool json, verbose, list, bench;
    int jobs;           /* packages at once */
    double timeout;     /* seconds; 0: none */
    bool color;
    bool local;         /* no package was named: the current folder's output is shown as it comes */
    char **args;        /* of the test program, without its name; NULL-terminated */
    int nargs;
} TestOptions;

/* test_run.c: compiles and runs all of them, prints results in order; the exit status. */
int test_run(const TestOptions *o, const TestTargets *targets);

#endif
