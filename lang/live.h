/* live.h - a live package: what a REPL session compiles, entry by entry.
 *
 * Each entry is a package of its own, "main@SERIAL", whose scope lies inside that of the entry
 * before it. So a redefinition shadows: later entries see the new object, older code keeps the old
 * one, and no symbol is ever defined twice. Of an entry that has run, later compiles get its export
 * text (export.c); its code and variables are found in the VM by symbol (vm/link.c).
 *
 * LiveInput belongs to the caller and is read by one compile; LiveResult is malloc'd. */
#ifndef GOL_LANG_LIVE_H
#define GOL_LANG_LIVE_H

#include "lang/compile.h"

#define LIVE_HELPERS "internal/repl" /* what entries call to show values */
#define LIVE_HELPERS_NAME "gol__repl"  /* by what name they may */

typedef struct LiveEntry {
    uint64_t serial;
    char *text; /* export text */
    char *docs; /* lang/doctext.c; only the session reads it */
} LiveEntry;

/* The latest definition of a type with its methods, as source: a method added later redefines it. */
typedef struct LiveType {
    char *name, *source;
} LiveType;

typedef struct LiveInput {
    uint64_t serial;            /* of this entry: above all others */
    const LiveEntry *entries;   /* in order */
    const LiveType *types;
    char *const *packages;      /* import paths of source packages whose code the VM has */
    uint32_t nentries, ntypes, npackages;
    bool want_members;          /* fields and methods of the value shown are asked for */
    bool parse_only;            /* the result tells only whether the text is incomplete */
} LiveInput;

typedef struct LiveResult {
    char *text;                 /* export text; NULL: nothing is declared */
    char *docs;                 /* doc_text, if something is */
    LiveType *types;
    char **packages;            /* source packages that the unit brings */
    uint32_t ntypes, npackages;
    char *shown;                /* type of the last value shown, or NULL */
    char *members;              /* if wanted: its fields and methods, one a line */
    char *notes;                /* lines for the user, or NULL */
    bool incomplete;            /* the text ends in the middle of something */
} LiveResult;

void live_result_free(LiveResult *r);

#endif
