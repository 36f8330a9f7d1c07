/* vet_printf.h - private to the printf check: what an argument of Printf may be. */
#ifndef GOL_LANG_VET_PRINTF_H
#define GOL_LANG_VET_PRINTF_H

#include "lang/vet.h"

/* What verbs take, as a set. */
enum {
    VET_BOOL = 1, VET_INT = 2, VET_RUNE = 4, VET_STRING = 8, VET_FLOAT = 16, VET_COMPLEX = 32,
    VET_POINTER = 64, VET_ERROR = 128, VET_ANY = -1
};
/* May a verb that takes `takes` print a t? *reason: of a type parameter, the term that does not
 * fit. */
bool vet_arg_matches(Vet *v, Type *t, int takes, const char **reason);
bool vet_is_formatter(Vet *v, Type *t);
/* Is arg the receiver of the String or Error method that it stands in: an endless recursion? */
bool vet_recurses(Vet *v, Expr *arg, const char **method);

#endif
