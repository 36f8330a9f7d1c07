/* vet.c - the driver of gol vet: which checks run, in what order, over which packages; reporting.
 *
 * Packages come dependencies first. Over all but the one asked for only facts are gathered (which
 * functions forward to Printf; who never returns is found on demand, in vet_cfg.c), so that a
 * wrapper in another package counts. Packages of the std image have no bodies here: what is known
 * of their functions stands in tables by name, as in go vet.
 *
 * Findings are diagnostics of severity error whose code is the check's name. */
#include "lang/vet.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Check {
    const char *name, *doc;
    void (*run)(Vet *v);
} Check;

static const Check checks[] = {
#define VET(name, function, doc) {#name, doc, vet_##function},
#include "lang/vet.def"
#undef VET
};
enum { NCHECKS = sizeof checks / sizeof checks[0] };

const char *compile_vet_check(int i, const char **doc)
{
    if (i < 0 || i >= NCHECKS) {
        return NULL;
    }
    *doc = checks[i].doc;
    return checks[i].name;
}

/* ---- reporting ---- */

static void report(Vet *v, Pos pos, Pos end, const char *fmt, va_list ap)
{
    assert(v->check);
    char buf[2048];
    vsnprintf(buf, sizeof buf, fmt, ap);
    if (!v->quiet) {
        diag_report(v->diags, DIAG_ERROR, pos, end > pos ? end : 0, v->check, "%s", buf);
    }
}

void vet_report(Vet *v, Pos pos, Pos end, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(v, pos, end, fmt, ap);
    va_end(ap);
}

void vet_report_at(Vet *v, const Expr *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(v, e->start, e->end, fmt, ap);
    va_end(ap);
}

/* ---- choosing ---- */

static int index_of(const char *name, size_t n)
{
    for (int i = 0; i < NCHECKS; i++) {
        if (strlen(checks[i].name) == n && !memcmp(checks[i].name, name, n)) {
            return i;
        }
    }
    return -1;
}

/* Checks named without a minus are the only ones; those named with one are left out. */
static bool choose(DiagList *d, const char *which, bool *on)
{
    bool only = false;
    bool off[NCHECKS] = {0};
    for (const char *p = which; *p; p += strcspn(p, ","), p += *p == ',') {
        bool minus = *p == '-';
        p += minus;
        size_t n = strcspn(p, ",");
        int i = index_of(p, n);
        if (i < 0) {
            diag_report(d, DIAG_ERROR, 0, 0, "Limit", "vet has no check named %.*s", (int)n, p);
            return false;
        }
        only |= !minus;
        *(minus ? &off[i] : &on[i]) = true;
    }
    for (int i = 0; i < NCHECKS; i++) {
        on[i] = (on[i] || !only) && !off[i];
    }
    return true;
}

static bool is_vetted(const PackageList *vetted, const Package *p)
{
    for (uint32_t i = 0; i < vetted->n; i++) {
        if (vetted->at[i] == p) {
            return true;
        }
    }
    return false;
}

static void run_checks(Vet *v, Package *p, const bool *on)
{
    v->pkg = types_current = p;
    v->quiet = false;
    for (int i = 0; i < NCHECKS; i++) {
        if (on[i]) {
            v->check = checks[i].name;
            checks[i].run(v);
        }
    }
}

bool vet_run(DiagList *d, PackageList packages, PackageList vetted, const char *which)
{
    bool on[NCHECKS] = {0};
    if (!choose(d, which, on)) {
        return false;
    }
    Vet v = {.diags = d};
    Package *current = types_current;
    for (uint32_t i = 0; i < packages.n; i++) {
        v.pkg = types_current = packages.at[i];
        v.quiet = !is_vetted(&vetted, v.pkg);
        v.check = "printf";
        vet_printf_facts(&v);
    }
    for (uint32_t i = 0; i < vetted.n; i++) {
        run_checks(&v, vetted.at[i], on);
    }
    types_current = current;
    return true;
}
