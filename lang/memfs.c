/* memfs.c - packages that the embedder gives.
 *
 * Two sources: a list of files that comes with the compile (CompileInput.memory), and a callback that
 * is asked for import paths which neither std nor the list has. The callback runs on the compiler
 * thread in the middle of a compile, so its frames must never be unwound: found_add uses malloc alone
 * and reports nothing; when the callback has returned, what it found is copied into compile memory.
 * `found` is static so that it can be freed whichever way the compile ends.
 *
 * Texts end in a NUL byte, as the scanner wants them, so all are copied. Owned by the compiler thread.
 */
#include "lang/memfs.h"

#include <stdlib.h>

typedef struct Known {
    const char *path;
    MemoryFiles files;
} Known;

struct MemFs {
    const CompileInput *in;
    VEC(Known) known;
};

struct FoundFiles {
    MemoryFile *at;
    uint32_t n, cap;
    bool failed;
};

static FoundFiles found;

/* ---- The callback's side ---------------------------------------------------------------------- */

static char *copy_text(const char *s, size_t n)
{
    char *p = malloc(n + 1);
    if (p) {
        if (n) {
            memcpy(p, s, n);
        }
        p[n] = 0;
    }
    return p;
}

bool found_add(FoundFiles *f, const char *name, const char *text, size_t len)
{
    if (f->n == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 8;
        MemoryFile *at = realloc(f->at, cap * sizeof *at);
        if (!at) {
            f->failed = true;
            return false;
        }
        f->at = at;
        f->cap = cap;
    }
    char *n = copy_text(name, strlen(name)), *t = copy_text(text, len);
    if (!n || !t) {
        free(n);
        free(t);
        f->failed = true;
        return false;
    }
    f->at[f->n++] = (MemoryFile){.name = n, .text = t, .len = len};
    return true;
}

void memfs_forget(void)
{
    for (uint32_t i = 0; i < found.n; i++) {
        free((void *)(uintptr_t)found.at[i].name);
        free((void *)(uintptr_t)found.at[i].text);
    }
    free(found.at);
    memset(&found, 0, sizeof found);
}

/* ---- The loader's side ------------------------------------------------------------------------ */

MemFs *memfs_new(const CompileInput *in)
{
    MemFs *fs = MEM_NEW(MemFs);
    fs->in = in;
    return fs;
}

static void keep(MemoryFiles *list, const char *path, const MemoryFile *f)
{
    MemoryFile *own = MEM_NEW(MemoryFile);
    mem_admit_data(f->len);
    *own = (MemoryFile){.package = path, .name = mem_strndup(f->name, strlen(f->name)),
                        .text = mem_strndup(f->text, f->len), .len = f->len,
                        .natives = f->natives};
    VEC_PUSH(*list, own);
}

static int by_name(const void *a, const void *b)
{
    const MemoryFile *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void ask_host(MemFs *fs, const char *path, MemoryFiles *list)
{
    memfs_forget();
    bool yes = fs->in->find(fs->in->find_ctx, path, &found);
    if (found.failed) {
        mem_fail("out of memory");
    }
    for (uint32_t i = 0; yes && i < found.n; i++) {
        keep(list, path, &found.at[i]);
    }
    memfs_forget();
}

const MemoryFiles *memfs_package(MemFs *fs, const char *path)
{
    for (uint32_t i = 0; i < fs->known.n; i++) {
        if (!strcmp(fs->known.at[i].path, path)) {
            return fs->known.at[i].files.n ? &fs->known.at[i].files : NULL;
        }
    }
    Known k = {.path = mem_strndup(path, strlen(path))};
    for (uint32_t i = 0; i < fs->in->nmemory; i++) {
        const MemoryFile *f = &fs->in->memory[i];
        if (!strcmp(f->package ? f->package : "", path)) {
            keep(&k.files, k.path, f);
        }
    }
    if (!k.files.n && *path && fs->in->find) {
        ask_host(fs, k.path, &k.files);
    }
    if (k.files.n) {
        qsort(k.files.at, k.files.n, sizeof *k.files.at, by_name);
    }
    VEC_PUSH(fs->known, k);
    return k.files.n ? &fs->known.at[fs->known.n - 1].files : NULL;
}
