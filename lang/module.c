/* module.c - go.mod and gol.mod.
 *
 * A line-based format: directives "module P", "go 1.N", "replace A => B", and blocks
 * "replace ( ... )". Only what concerns local sources is read: gol fetches nothing, so require,
 * exclude and the rest are skipped, and a replacement counts if it is a folder. gol.mod goes before
 * go.mod in one folder.
 */
#include "lang/module.h"

#include "lang/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Words {
    const char *at[8];
    uint32_t n;
    Pos pos;
} Words;

/* The words of one line without its comment; quotes are stripped. */
static Words split(const char *p, const char *end, Pos pos)
{
    Words w = {.pos = pos};
    while (p < end && w.n < 8) {
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) {
            p++;
        }
        if (p >= end || (end - p >= 2 && p[0] == '/' && p[1] == '/')) {
            break;
        }
        const char *s = p;
        if (*p == '"' || *p == '`') {
            char q = *p++;
            s = p;
            while (p < end && *p != q) {
                p++;
            }
            w.at[w.n++] = mem_strndup(s, (size_t)(p - s));
            p += p < end;
            continue;
        }
        while (p < end && *p != ' ' && *p != '\t' && *p != '\r') {
            p++;
        }
        w.at[w.n++] = mem_strndup(s, (size_t)(p - s));
    }
    return w;
}

static int minor_of(const char *version)
{
    return !strncmp(version, "1.", 2) ? atoi(version + 2) : 0;
}

static int minor_in(const char *dir);

/* Words of "A [v] => B [v]", without the keyword. */
static void replace(Module *m, const Words *w, uint32_t from)
{
    uint32_t arrow = from;
    while (arrow < w->n && strcmp(w->at[arrow], "=>") != 0) {
        arrow++;
    }
    if (arrow == from || arrow + 1 >= w->n) {
        return;
    }
    const char *to = w->at[arrow + 1];
    if (to[0] != '.' && to[0] != '/') {
        return; /* another module, not a folder */
    }
    Replace r = {.path = w->at[from]};
    r.dir = source_clean(to[0] == '/' ? to : source_join(m->root, to));
    r.go_minor = minor_in(r.dir);
    VEC_PUSH(m->replaces, r);
}

static void directive(Module *m, DiagList *d, const Words *w, const char *block)
{
    const char *verb = block ? block : w->at[0];
    uint32_t from = block ? 0 : 1;
    if (!strcmp(verb, "module")) {
        if (w->n > from) {
            m->path = w->at[from];
        } else {
            diag_report(d, DIAG_ERROR, w->pos, 0, "BadModule", "usage: module module/path");
        }
    } else if (!strcmp(verb, "go") && w->n > from) {
        m->go_minor = minor_of(w->at[from]);
        if (m->go_minor == 0) {
            diag_report(d, DIAG_ERROR, w->pos, 0, "BadModule",
                        "invalid go version '%s': must match format 1.23", w->at[from]);
        }
    } else if (!strcmp(verb, "replace")) {
        replace(m, w, from);
    }
}

static void read_module(Module *m, DiagList *d, SourceFile *f)
{
    const char *block = NULL;
    for (uint32_t i = 0; i < f->lines.n; i++) {
        const char *p = f->text + f->lines.at[i];
        const char *end = i + 1 < f->lines.n ? f->text + f->lines.at[i + 1] - 1 : f->text + f->len;
        Words w = split(p, end, f->base + f->lines.at[i]);
        if (w.n == 0) {
            continue;
        }
        if (block && !strcmp(w.at[0], ")")) {
            block = NULL;
        } else if (!block && w.n == 2 && !strcmp(w.at[1], "(")) {
            block = w.at[0];
        } else {
            directive(m, d, &w, block);
        }
    }
}

static const char *module_file(const char *dir)
{
    const char *f = source_join(dir, "gol.mod");
    if (source_exists(f)) {
        return f;
    }
    f = source_join(dir, "go.mod");
    return source_exists(f) ? f : NULL;
}

/* The language version that the go.mod in dir asks for. */
static int minor_in(const char *dir)
{
    const char *file = module_file(dir), *why;
    size_t len;
    char *text = file ? source_read(file, &len, &why) : NULL;
    if (!text) {
        return 0;
    }
    DiagList own = {0};
    Module m = {.root = dir};
    SourceFile *f = diag_add_file(&own, file, text, len);
    for (uint32_t i = 0; i < f->lines.n; i++) {
        const char *p = f->text + f->lines.at[i];
        if (!strncmp(p, "go ", 3)) {
            m.go_minor = minor_of(p + 3);
        }
    }
    return m.go_minor;
}

Module *module_find(DiagList *d, const char *dir)
{
    Module *m = MEM_NEW(Module);
    const char *at = dir;
    const char *file = module_file(at);
    if (!file && at[0] != '/') { /* upwards from here needs the folder's full name */
        char cwd[4096];
        if (!getcwd(cwd, sizeof cwd)) {
            return m;
        }
        at = source_clean(source_join(cwd, dir));
    }
    while (!file && strcmp(at, "/") != 0) {
        at = source_dir_of(at);
        file = module_file(at);
    }
    if (!file) {
        return m;
    }
    m->root = at;
    size_t len;
    const char *why;
    char *text = source_read(file, &len, &why);
    SourceFile *f = diag_add_file(d, file, text ? text : "", text ? len : 0);
    if (!text) {
        diag_report(d, DIAG_ERROR, f->base, 0, "BadModule", "cannot read %s: %s", file, why);
        return m;
    }
    read_module(m, d, f);
    return m;
}

Module *module_of_text(DiagList *d, const char *file, const char *text, size_t len)
{
    Module *m = MEM_NEW(Module);
    m->root = ".";
    read_module(m, d, diag_add_file(d, file, text, len));
    return m;
}
