/* debugvar.c - GODEBUG's table: parsed once per VM, before its first fiber runs. */
#include "runtime/debugvar.h"

#include <stdlib.h>
#include <string.h>

#ifdef GOL_STRESS
#define STRESS(n) (n)
#else
#define STRESS(n) 0
#endif

static const struct {
    const char *name;
    int init;
    const char *doc;
} table[DEBUG_COUNT] = {
#define DEBUGVAR(NAME, name, init, doc) {#name, init, doc},
#include "runtime/debugvars.def"
#undef DEBUGVAR
};

static void set_one(GolVM *vm, const char *s, size_t n)
{
    const char *eq = memchr(s, '=', n);
    if (!eq) {
        return;
    }
    for (int i = 0; i < DEBUG_COUNT; i++) {
        if (strlen(table[i].name) == (size_t)(eq - s) &&
            memcmp(table[i].name, s, (size_t)(eq - s)) == 0) {
            vm->debug[i] = (int)strtol(eq + 1, NULL, 10);
        }
    }
}

void debugvar_parse(GolVM *vm, const char *text)
{
    for (int i = 0; i < DEBUG_COUNT; i++) {
        vm->debug[i] = table[i].init;
    }
    while (text && *text) {
        size_t n = strcspn(text, ",");
        set_one(vm, text, n);
        text += n;
        text += *text == ',';
    }
}

const char *debugvar_doc(int i, const char **name)
{
    if (i < 0 || i >= DEBUG_COUNT) {
        return NULL;
    }
    *name = table[i].name;
    return table[i].doc;
}
