/* load.h - from a path to parsed packages in dependency order. */
#ifndef GOL_LANG_LOAD_H
#define GOL_LANG_LOAD_H

#include "lang/compile.h"
#include "lang/types.h"

typedef struct Loader Loader;

Loader *load_new(const CompileInput *in, DiagList *d);
/* Reads and parses the input and, transitively, what it imports from source. False: diagnostics say
 * why, and nothing is worth checking. */
bool load_input(Loader *l);
/* Checks all packages, dependencies first. */
void load_check(Loader *l);

typedef VEC(Package *) PackageList;
/* After checking: packages that need code, dependencies first. */
PackageList load_packages(const Loader *l);
Package *load_main(const Loader *l);
/* What gol vet reports on: the main package, or the tested one and its X_test. */
PackageList load_vetted(const Loader *l);

/* Of a compile of tests: the import path of the package (known even if it has errors), and whether
 * there are test files. */
typedef struct LoadTested {
    const char *path;
    bool has_tests;
} LoadTested;
void load_tested(const Loader *l, LoadTested *out);

/* live.c: the loader's and the driver's side of lang/live.h. */
struct LiveInput;
struct LiveResult;
char *live_path(uint64_t serial);      /* "main@3" */
bool live_is_path(const char *path);
bool live_has_package(const struct LiveInput *in, const char *path);
/* Methods of types of earlier entries bring the type and its other methods into the file. */
void live_complete(const struct LiveInput *in, DiagList *d, File *f);
struct LiveResult *live_result(const struct LiveInput *in, Package *main, PackageList all);
void live_parse_only(const CompileInput *in, DiagList *d, CompileResult *out);

#endif
