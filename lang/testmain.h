/* testmain.h - what `gol test` finds in a package's test files, and the main package that runs it. */
#ifndef GOL_LANG_TESTMAIN_H
#define GOL_LANG_TESTMAIN_H

#include "lang/types.h"

/* Does a _test file with this package clause belong to the external test package of pkg (NULL: not
 * known yet)? */
bool testmain_is_external(Name clause, Name pkg);

/* The source of a package main that runs the tests, benchmarks, fuzz seeds and examples of the _test
 * files of `inner` and of `outer`, its external test package; either may have no files. Functions
 * that are named as tests but take something else are reported. */
char *testmain_text(DiagList *d, const Package *inner, const Package *outer);

/* "dir/x_test.gol" and "dir/x_test.go" are test files. */
bool testmain_is_test_file(const char *path);

#endif
