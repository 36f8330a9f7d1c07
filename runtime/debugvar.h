/* debugvar.h - the one table of debug variables behind GODEBUG (debugvars.def). */
#ifndef GOL_RUNTIME_DEBUGVAR_H
#define GOL_RUNTIME_DEBUGVAR_H

#include "runtime/vmstate.h"

enum {
#define DEBUGVAR(NAME, name, init, doc) DEBUG_##NAME,
#include "runtime/debugvars.def"
#undef DEBUGVAR
    DEBUG_COUNT
};
_Static_assert(DEBUG_COUNT <= 32, "GolVM.debug is large enough");

/* Defaults, then `text` (GODEBUG's value; NULL: none). Unknown names are ignored, as Go does. */
void debugvar_parse(GolVM *vm, const char *text);
const char *debugvar_doc(int i, const char **name);

#endif
