/* module.h - go.mod and gol.mod: where a module is rooted, what it is called, what it replaces. */
#ifndef GOL_LANG_MODULE_H
#define GOL_LANG_MODULE_H

#include "lang/diag.h"

typedef struct Replace {
    const char *path; /* module path */
    const char *dir;  /* folder that stands in for it */
    int go_minor;     /* of that folder's own go.mod; 0: none given */
} Replace;

typedef struct Module {
    const char *root; /* folder of the file; NULL: no module */
    const char *path; /* NULL if the file names none */
    int go_minor;     /* 0: none given */
    VEC(Replace) replaces;
} Module;

/* A module given as text: its root is ".", file names it in messages. */
Module *module_of_text(DiagList *d, const char *file, const char *text, size_t len);
/* The module that dir lies in; looks upwards. Problems are reported to d. */
Module *module_find(DiagList *d, const char *dir);

#endif
