/* natives.c - the registry of C functions behind body-less functions of stdlib/.
 *
 * Each stdlib .c file has one table; stdlib/natives.def lists them. The sorted index over all is
 * made once per process, on the first look-up. Names are "pkg/path.Name" or "pkg/path.(*T).m".
 */
#include "vm/vm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NATIVES(name) extern const NativeDef natives_##name[];
#include "stdlib/natives.def"
#undef NATIVES

static const NativeDef *const tables[] = {
#define NATIVES(name) natives_##name,
#include "stdlib/natives.def"
#undef NATIVES
    NULL
};

typedef struct Entry {
    char *name;
    NativeFn fn;
} Entry;

static Entry *entries;
static size_t nentries;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Entry *)a)->name, ((const Entry *)b)->name);
}

static void make_index(void)
{
    size_t n = 0;
    for (size_t t = 0; tables[t]; t++) {
        for (const NativeDef *d = tables[t]; d->name; d++) {
            n++;
        }
    }
    entries = calloc(n + 1, sizeof *entries);
    for (size_t t = 0; entries && tables[t]; t++) {
        for (const NativeDef *d = tables[t]; d->name; d++) {
            size_t np = strlen(d->pkg), nn = strlen(d->name);
            char *s = malloc(np + nn + 2);
            if (s == NULL) {
                continue;
            }
            memcpy(s, d->pkg, np);
            s[np] = '.';
            memcpy(s + np + 1, d->name, nn + 1);
            entries[nentries++] = (Entry){s, d->fn};
        }
    }
    if (entries) {
        qsort(entries, nentries, sizeof *entries, by_name);
    }
}

NativeFn natives_find(const char *name, size_t len)
{
    pthread_once(&once, make_index);
    for (size_t lo = 0, hi = nentries; lo < hi;) {
        size_t mid = (lo + hi) / 2;
        int c = strncmp(entries[mid].name, name, len);
        if (c == 0 && entries[mid].name[len] != 0) {
            c = 1;
        }
        if (c == 0) {
            return entries[mid].fn;
        }
        if (c < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}
