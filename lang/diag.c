/* diag.c - the file set and the list of diagnostics.
 *
 * A Pos is 1 + an offset in the concatenation of all files of one compile; every file takes one
 * position more than it has bytes, so that its end has a position of its own. Diagnostics are
 * collected in any order and sorted when they are formatted. At most MAX_STORED are kept: a hostile
 * file cannot fill memory with messages. Belongs to the thread that compiles.
 */
#include "lang/diag.h"

#include "lang/scan.h"

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

/* Columns that a rune takes on a terminal: East Asian wide and fullwidth ones and pictures two,
 * combining marks and joiners none. */
static int rune_width(uint32_t r)
{
    static const struct {
        uint32_t from, to;
        int width;
    } ranges[] = {
        {0x0300, 0x036f, 0}, {0x0483, 0x0489, 0}, {0x0591, 0x05bd, 0}, {0x0610, 0x061a, 0},
        {0x064b, 0x065f, 0}, {0x0900, 0x0902, 0}, {0x093c, 0x093c, 0}, {0x0941, 0x0948, 0},
        {0x094d, 0x094d, 0}, {0x0e31, 0x0e31, 0}, {0x0e34, 0x0e3a, 0}, {0x0e47, 0x0e4e, 0},
        {0x1100, 0x115f, 2}, {0x1ab0, 0x1aff, 0}, {0x1dc0, 0x1dff, 0}, {0x200b, 0x200f, 0},
        {0x20d0, 0x20ff, 0}, {0x2e80, 0x303e, 2}, {0x3041, 0xa4cf, 2}, {0xac00, 0xd7a3, 2},
        {0xf900, 0xfaff, 2}, {0xfe00, 0xfe0f, 0}, {0xfe20, 0xfe2f, 0}, {0xfe30, 0xfe6f, 2},
        {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2}, {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2},
        {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
    };
    for (size_t i = 0; r >= 0x300 && i < sizeof ranges / sizeof ranges[0]; i++) {
        if (r <= ranges[i].to) {
            return r >= ranges[i].from ? ranges[i].width : 1;
        }
    }
    return 1;
}

/* The text [from, to) as it is shown: what is no printable text nor a tab is a blank or U+FFFD. */
static void add_shown(Text *t, const SourceFile *f, uint32_t from, uint32_t to)
{
    const unsigned char *s = (const unsigned char *)f->text;
    for (unsigned n; from < to; from += n) {
        uint32_t r = utf8_decode(s + from, to - from, &n);
        if (r == 0xfffd && n == 1) {
            text_str(t, "\xef\xbf\xbd");
        } else if ((r < ' ' && r != '\t') || (r >= 0x7f && r < 0xa0)) {
            text_str(t, " ");
        } else {
            text_add(t, f->text + from, n);
        }
    }
}

/* As many columns as [from, to) takes; tabs stay tabs where the fill is blank. */
static void add_fill(Text *t, const SourceFile *f, uint32_t from, uint32_t to, const char *fill)
{
    for (unsigned n; from < to; from += n) {
        uint32_t r = utf8_decode((const unsigned char *)f->text + from, to - from, &n);
        if (r == '\t' && *fill == ' ') {
            text_str(t, "\t");
            continue;
        }
        for (int k = rune_width(r); k > 0; k--) {
            text_str(t, fill);
        }
    }
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
    add_shown(t, f, from, to);
    text_str(t, "\n    ");
    add_fill(t, f, from, offset, " ");
    text_str(t, color ? "\x1b[1;32m^" : "^");
    if (stop > offset + 1) {
        unsigned n; /* a wide rune has more below it than the caret */
        const unsigned char *s = (const unsigned char *)f->text + offset;
        text_str(t, rune_width(utf8_decode(s, to - offset, &n)) > 1 ? "~" : "");
        add_fill(t, f, offset + n, stop, "~");
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
