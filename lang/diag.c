/* diag.c - the file set and the list of diagnostics.
 *
 * A Pos is 1 + an offset in the concatenation of all files of one compile; every file takes one
 * position more than it has bytes, so that its end has a position of its own. Diagnostics are
 * collected in any order and sorted when they are formatted. At most MAX_STORED are kept: a hostile
 * file cannot fill memory with messages. Belongs to the thread that compiles.
 */
#include "lang/diag.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_STORED = 4000, SHOWN_WIDTH = 120 };

/* ---- Files ------------------------------------------------------------------------------------ */

static void record_lines(SourceFile *f)
{
    uint32_t n = 1;
    const char *end = f->text + f->len;
    for (const char *p = f->text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) {
        n++;
    }
    f->lines.at = mem_alloc_atomic(n * sizeof *f->lines.at);
    f->lines.cap = n;
    f->lines.n = 1;
    for (const char *p = f->text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL;) {
        p++;
        f->lines.at[f->lines.n++] = (uint32_t)(p - f->text);
    }
    assert(f->lines.n == n);
}

SourceFile *diag_add_file(DiagList *d, const char *path, const char *text, size_t len)
{
    SourceFile *last = d->files.n ? d->files.at[d->files.n - 1] : NULL;
    uint64_t base = last ? (uint64_t)last->base + last->len + 1 : 1;
    if (len > DIAG_MAX_FILE || base + len + 1 > UINT32_MAX) {
        mem_fail("the source text is too large");
    }
    SourceFile *f = MEM_NEW(SourceFile);
    f->path = mem_strndup(path, strlen(path));
    f->text = text;
    f->len = (uint32_t)len;
    mem_admit(len);
    f->base = (Pos)base;
    record_lines(f);
    VEC_PUSH(d->files, f);
    return f;
}

SourceFile *diag_file(DiagList *d, Pos pos)
{
    uint32_t lo = 0, hi = d->files.n;
    SourceFile *last = d->last_file;
    if (last && pos >= last->base && pos <= last->base + last->len) {
        return last;
    }
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        SourceFile *f = d->files.at[mid];
        if (pos < f->base) {
            hi = mid;
        } else if (pos > f->base + f->len) {
            lo = mid + 1;
        } else {
            return d->last_file = f;
        }
    }
    return NULL;
}

/* Askers go through a file in order, mostly: the line asked for last and the next are tried first. */
static uint32_t line_of(SourceFile *f, uint32_t offset)
{
    uint32_t lo = f->last_line, hi = f->lines.n;
    if (offset < f->lines.at[lo]) {
        hi = lo;
        lo = 0;
    } else if (lo + 1 == hi || offset < f->lines.at[lo + 1]) {
        return lo;
    } else if (lo + 2 == hi || offset < f->lines.at[lo + 2]) {
        return f->last_line = lo + 1;
    }
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (f->lines.at[mid] <= offset) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return f->last_line = lo;
}

void diag_position(DiagList *d, Pos pos, const char **path, uint32_t *line, uint32_t *col)
{
    SourceFile *f = pos ? diag_file(d, pos) : NULL;
    if (!f) {
        *path = "";
        *line = *col = 0;
        return;
    }
    uint32_t offset = pos - f->base;
    uint32_t l = line_of(f, offset);
    *path = f->path;
    *line = l + 1;
    *col = offset - f->lines.at[l] + 1;
}

/* ---- Reporting -------------------------------------------------------------------------------- */

void diag_report(DiagList *d, Severity s, Pos pos, Pos end, const char *code, const char *fmt, ...)
{
    if (s == DIAG_ERROR) {
        d->nerrors++;
    }
    if (d->all.n >= MAX_STORED || (d->limit && s == DIAG_ERROR && d->nerrors > d->limit)) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    char stack[512];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(stack, sizeof stack, fmt, ap);
    va_end(ap);
    char *text;
    if (n >= (int)sizeof stack) {
        text = mem_alloc_atomic((size_t)n + 1);
        vsnprintf(text, (size_t)n + 1, fmt, again);
    } else {
        text = mem_strndup(stack, n > 0 ? (size_t)n : 0);
    }
    va_end(again);
    Diag one = {.severity = s, .pos = pos, .end = end, .code = code, .text = text};
    VEC_PUSH(d->all, one);
}

/* ---- Formatting ------------------------------------------------------------------------------- */

typedef struct Sorted {
    const Diag *d;
    uint32_t index;
    uint32_t group; /* a note stays behind the diagnostic before it */
    Pos pos;
} Sorted;

static int by_position(const void *a, const void *b)
{
    const Sorted *x = a, *y = b;
    if (x->pos != y->pos) {
        return x->pos < y->pos ? -1 : 1;
    }
    if (x->group != y->group) {
        return x->group < y->group ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The source line of pos with a caret below its span; long lines are shown around the caret. */
static void add_caret(Text *t, SourceFile *f, Pos pos, Pos end, bool color)
{
    uint32_t offset = pos - f->base;
    uint32_t l = line_of(f, offset);
    uint32_t from = f->lines.at[l], to = from;
    while (to < f->len && f->text[to] != '\n' && f->text[to] != '\r') {
        to++;
    }
    if (offset > to || to == from) {
        return;
    }
    uint32_t stop = end > pos && end - f->base <= to ? end - f->base : offset + 1;
    if (end > pos && end - f->base > to) {
        stop = to;
    }
    if (to - from > SHOWN_WIDTH) {
        uint32_t left = offset - from > SHOWN_WIDTH / 2 ? offset - SHOWN_WIDTH / 2 : from;
        while (left > from && ((unsigned char)f->text[left] & 0xc0) == 0x80) {
            left--;
        }
        from = left;
        to = to - from > SHOWN_WIDTH ? from + SHOWN_WIDTH : to;
        stop = stop > to ? to : stop;
    }
    text_str(t, "    ");
    for (uint32_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)f->text[i];
        text_add(t, c < ' ' && c != '\t' ? " " : &f->text[i], 1);
    }
    text_str(t, "\n    ");
    for (uint32_t i = from; i < offset; i++) {
        if (((unsigned char)f->text[i] & 0xc0) != 0x80) {
            text_add(t, f->text[i] == '\t' ? "\t" : " ", 1);
        }
    }
    text_str(t, color ? "\x1b[1;32m^" : "^");
    for (uint32_t i = offset + 1; i < stop; i++) {
        if (((unsigned char)f->text[i] & 0xc0) != 0x80) {
            text_str(t, "~");
        }
    }
    text_str(t, color ? "\x1b[0m\n" : "\n");
}

static void add_one(Text *t, DiagList *d, const Diag *g, bool color, bool carets)
{
    const char *path;
    uint32_t line, col;
    diag_position(d, g->pos, &path, &line, &col);
    if (line) {
        char where[32];
        text_str(t, color ? "\x1b[1m" : "");
        text_str(t, path);
        snprintf(where, sizeof where, ":%u:%u: ", line, col);
        text_str(t, where);
        text_str(t, color ? "\x1b[0m" : "");
    }
    if (g->severity == DIAG_WARNING) {
        text_str(t, color ? "\x1b[1;35mwarning:\x1b[0m " : "warning: ");
    } else if (g->severity == DIAG_NOTE) {
        text_str(t, color ? "\x1b[1;36mnote:\x1b[0m " : "note: ");
    }
    text_str(t, g->text);
    text_str(t, "\n");
    if (line && carets) {
        add_caret(t, diag_file(d, g->pos), g->pos, g->end, color);
    }
    if (g->fix) {
        text_str(t, "    fix: ");
        text_str(t, g->fix);
        text_str(t, "\n");
    }
}

static bool same_line_and_text(DiagList *d, const Diag *a, const Diag *b)
{
    const char *pa, *pb;
    uint32_t la, lb, c;
    diag_position(d, a->pos, &pa, &la, &c);
    diag_position(d, b->pos, &pb, &lb, &c);
    return la == lb && strcmp(pa, pb) == 0 && strcmp(a->text, b->text) == 0;
}

char *diag_format(DiagList *d, bool color, bool carets)
{
    Text t = {0};
    text_str(&t, "");
    uint32_t n = d->all.n;
    Sorted *order = mem_alloc((n + 1) * sizeof *order);
    for (uint32_t i = 0, lead = 0; i < n; i++) {
        const Diag *g = &d->all.at[i];
        if (g->severity != DIAG_NOTE) {
            lead = i;
        }
        order[i] = (Sorted){g, i, lead, d->all.at[lead].pos};
    }
    qsort(order, n, sizeof *order, by_position);
    for (uint32_t i = 0; i < n; i++) {
        bool twice = false;
        for (uint32_t k = i; k-- > 0 && k + 8 > i && !twice;) {
            twice = same_line_and_text(d, order[k].d, order[i].d);
        }
        if (!twice) {
            add_one(&t, d, order[i].d, color, carets);
        }
    }
    if (d->limit && d->nerrors > d->limit) {
        text_str(&t, "too many errors\n");
    }
    return t.at;
}
