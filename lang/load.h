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

#endif
