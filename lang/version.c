/* version.c - which language version a file is written in, and what it may therefore not use.
 *
 * A file's version is its module's (go.mod), or what its //go:build line asks for; scripts, the
 * library and REPL entries are always the newest. A feature is reported where it is used and then
 * checked like any other, so that an old file with new features gets one message a use.
 */
#include "lang/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool check_allows(Checker *c, Pos pos, int minor)
{
    if (!c->old_files) { /* the common case: nothing to look up */
        return true;
    }
    SourceFile *f = pos ? diag_file(c->cfg.diags, pos) : NULL;
    return !f || !f->go_minor || f->go_minor >= minor;
}

bool check_version(Checker *c, Pos pos, Pos end, int minor, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    if (check_allows(c, pos, minor)) {
        return true;
    }
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    SourceFile *f = diag_file(c->cfg.diags, pos);
    check_error(c, pos, end, "UnsupportedFeature",
                f->go_minor < c->cfg.go_minor || c->cfg.go_minor == 0
                    ? "%s requires go1.%d or later (file declares //go:build go1.%d)"
                    : "%s requires go1.%d or later (-lang was set to go1.%d; check go.mod)",
                what, minor, f->go_minor);
    return false;
}

/* Number literals: prefixes, underscores, hexadecimal floats. */
void check_literal_version(Checker *c, const Expr *e)
{
    const char *s = e->lit.text, *what = NULL;
    uint32_t n = e->lit.len;
    if (n < 3 || !c->old_files || (e->lit.tok != TOK_INT && e->lit.tok != TOK_FLOAT &&
                                   e->lit.tok != TOK_IMAG)) {
        return;
    }
    char radix = s[0] == '0' ? (char)(s[1] | 0x20) : 0;
    if (memchr(s, '_', n)) {
        what = "underscore in numeric literal";
    } else if (radix == 'b') {
        what = "binary literal";
    } else if (radix == 'o') {
        what = "0o/0O-style octal literal";
    } else if (radix == 'x' && e->lit.tok != TOK_INT) {
        what = "hexadecimal floating-point literal";
    }
    if (what) {
        check_version(c, e->start, e->end, 13, "%s", what);
    }
}

/* The newest language, unless a file of the package asks for less. */
void check_note_versions(Checker *c)
{
    for (uint32_t i = 0; i < c->pkg->files.n; i++) {
        const SourceFile *f = c->pkg->files.at[i]->src;
        c->old_files |= f && f->go_minor && f->go_minor < 24;
    }
}
