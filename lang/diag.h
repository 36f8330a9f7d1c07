/* diag.h - source positions and diagnostics. A Pos is an offset in the compile's file set: file
 * bases are consecutive, so one 32-bit number names file, line and column; 0 is "none". */
#ifndef GOL_LANG_DIAG_H
#define GOL_LANG_DIAG_H

#include "lang/mem.h"
#include <stdbool.h>

typedef uint32_t Pos;

typedef struct SourceFile {
    const char *path;  /* as shown to the user */
    const char *text;  /* NUL after len bytes */
    uint32_t len;
    Pos base;          /* Pos of byte 0; 1 for the first file */
    VEC(uint32_t) lines; /* byte offset of each line start, filled by the scanner */
    uint32_t last_line;  /* asked for by diag_position */
    int go_minor;      /* language version 1.N of this file (go.mod, //go:build) */
} SourceFile;

typedef enum Severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE } Severity;

typedef struct Diag {
    Severity severity;
    Pos pos, end;       /* end 0: one column */
    const char *code;   /* stable, from lang/errors.def: "UnusedVar" ... */
    const char *text;   /* Go's wording (types2/gc) */
    const char *fix;    /* suggestion, or NULL */
} Diag;

typedef struct DiagList {
    VEC(Diag) all;
    uint32_t nerrors;
    uint32_t limit;  /* 0: none */
    VEC(SourceFile *) files;
    SourceFile *last_file; /* found by diag_file */
    Pos working;     /* the declaration at hand: where a compile that passes a limit stood */
} DiagList;

void diag_report(DiagList *d, Severity s, Pos pos, Pos end, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 6, 7), nonnull(6)));
SourceFile *diag_file(DiagList *d, Pos pos);
/* Line and column (1-based, column in bytes as gc counts). */
void diag_position(DiagList *d, Pos pos, const char **path, uint32_t *line, uint32_t *col);
/* Sorts by position, drops duplicates on one line with the same text, prints
 * "path:line:col: text" and the source line with a caret below the span. */
char *diag_format(DiagList *d, bool color, bool carets);

/* A file of the set: gives it a base, records its line starts. text must stay (and end in NUL). */
SourceFile *diag_add_file(DiagList *d, const char *path, const char *text, size_t len);
#define DIAG_MAX_FILE (256u << 20)

#endif
