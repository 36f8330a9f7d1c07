/* embed.h - private to embed/: what gol.c and session.c share. */
#ifndef GOL_EMBED_EMBED_H
#define GOL_EMBED_EMBED_H

#include "include/gol.h"
#include "lang/compile.h"
#include "vm/unit.h"

struct GolProgram {
    Unit *unit;
};

/* The std image, NULL in the first-stage build. */
Unit *std_image(void);
CompileLimits compile_limits(const GolCompileLimits *l);
/* A copy of text for the caller's *error. */
char *error_text(const char *text);

/* Loads a copy of the program into the VM, which then owns it. NULL with a message. */
struct VmState;
Unit *load_copy(struct VmState *vm, const GolProgram *program, char *err, size_t nerr);

#endif
