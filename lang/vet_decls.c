/* vet_decls.c - checks of gol vet about declarations: methods with the names of well-known ones and
 * another signature (stdmethods), names and signatures of tests and examples (tests). */
#include "lang/vet.h"

#include "lang/scan.h"

#include <string.h>

/* ---- stdmethods ---- */

/* Types are written as messages show them. A leading = marks what must match for the rule to apply
 * at all: a method Scan without a fmt.ScanState is somebody else's. */
typedef struct Known {
    const char *name, *args[3], *results[4];
} Known;

static const Known known_methods[] = {
    {"As", {"any"}, {"bool"}},
    {"Format", {"=fmt.State", "rune"}, {NULL}},
    {"GobDecode", {"[]byte"}, {"error"}},
    {"GobEncode", {NULL}, {"[]byte", "error"}},
    {"Is", {"error"}, {"bool"}},
    {"MarshalJSON", {NULL}, {"[]byte", "error"}},
    {"MarshalXML", {"*xml.Encoder", "xml.StartElement"}, {"error"}},
    {"ReadByte", {NULL}, {"byte", "error"}},
    {"ReadFrom", {"=io.Reader"}, {"int64", "error"}},
    {"ReadRune", {NULL}, {"rune", "int", "error"}},
    {"Scan", {"=fmt.ScanState", "rune"}, {"error"}},
    {"Seek", {"=int64", "int"}, {"int64", "error"}},
    {"UnmarshalJSON", {"[]byte"}, {"error"}},
    {"UnmarshalXML", {"*xml.Decoder", "xml.StartElement"}, {"error"}},
    {"UnreadByte", {NULL}, {"error"}},
    {"UnreadRune", {NULL}, {"error"}},
    {"Unwrap", {NULL}, {"error"}},
    {"WriteByte", {"byte"}, {"error"}},
    {"WriteTo", {"=io.Writer"}, {"int64", "error"}},
};
enum { NKNOWN = sizeof known_methods / sizeof known_methods[0] };

/* Qualified by package names, as messages about methods have it. */
static char *short_type(Type *t)
{
    Package *current = types_current;
    types_current = NULL;
    char *s = type_string(t, NULL);
    types_current = current;
    return s;
}

static bool matches(const char *const *want, const Param *have, uint32_t n, bool marked)
{
    uint32_t i = 0;
    for (; want[i]; i++) {
        const char *w = want[i];
        if (marked && *w != '=') {
            continue;
        }
        w += *w == '=';
        const char *t = i < n ? short_type(have[i].type) : "";
        if (strcmp(t, w) != 0 && !(!strcmp(w, "any") && !strcmp(t, "interface{}"))) {
            return false;
        }
    }
    return marked || n <= i;
}

static const char *join(const char *const *list)
{
    char *s = mem_printf("%s", "");
    for (int i = 0; list[i]; i++) {
        s = mem_printf("%s%s%s", s, i ? ", " : "", list[i] + (*list[i] == '='));
    }
    return s;
}

static const char *wanted(const Known *k)
{
    const char *results = join(k->results);
    bool several = k->results[0] && k->results[1];
    return mem_printf("%s(%s)%s%s%s%s", k->name, join(k->args), *results ? " " : "",
                      several ? "(" : "", results, several ? ")" : "");
}

/* recv: NULL for a method of an interface. */
static void check_method(Vet *v, Expr *name, Type *sig, Type *recv)
{
    const Known *k = NULL;
    for (int i = 0; i < NKNOWN; i++) {
        k = !strcmp(known_methods[i].name, name->name.name) ? &known_methods[i] : k;
    }
    if (!k || !sig || sig->kind != T_FUNC) {
        return;
    }
    const Param *args = sig->func.params, *results = sig->func.results;
    uint32_t nargs = sig->func.nparams, nresults = sig->func.nresults;
    if (!strcmp(k->name, "WriteTo") && nargs > 1) {
        return; /* of package net's connections */
    }
    if (!strcmp(k->name, "Is") || !strcmp(k->name, "As") || !strcmp(k->name, "Unwrap")) {
        if (!recv || !vet_implements_error(recv)) {
            return;
        }
        if (!strcmp(k->name, "Unwrap") && !nargs && nresults == 1
            && !strcmp(short_type(results[0].type), "[]error")) {
            return;
        }
    }
    if (!matches(k->args, args, nargs, true) || !matches(k->results, results, nresults, true)) {
        return;
    }
    if (!matches(k->args, args, nargs, false) || !matches(k->results, results, nresults, false)) {
        const char *actual = short_type(sig);
        vet_report_at(v, name, "method %s%s should have signature %s", name->name.name,
                      actual + strlen("func"), wanted(k));
    }
}

static bool method_decl(Vet *v, Decl *d, void *ctx)
{
    Obj *o = d->kind == DECL_FUNC && d->func.recv ? d->func.obj : NULL;
    if (o && o->type && o->type->kind == T_FUNC) {
        check_method(v, d->func.name, o->type, o->type->func.recv);
    }
    return true;
}

static bool method_expr(Vet *v, Expr *e, void *ctx)
{
    for (uint32_t i = 0; e->kind == EX_IFACE_TYPE && i < e->iface_type.elems.n; i++) {
        Field *f = e->iface_type.elems.at[i];
        if (f->name && f->type && f->type->kind == EX_FUNC_TYPE) {
            check_method(v, f->name, f->type->type, NULL);
        }
    }
    return true;
}

void vet_stdmethods(Vet *v)
{
    Visit w = {.expr = method_expr, .decl = method_decl};
    vet_walk_package(v, &w);
}

/* ---- tests ---- */

static bool is_test_file(const File *f)
{
    size_t n = strlen(f->src->path);
    return (n > 8 && !strcmp(f->src->path + n - 8, "_test.go"))
           || (n > 9 && !strcmp(f->src->path + n - 9, "_test.gol"));
}

/* Letters with case: enough of Unicode for names (ASCII, Latin, Greek and Cyrillic small letters).
 * */
static bool starts_lower(const char *s)
{
    unsigned size;
    uint32_t r = *s ? utf8_decode((const unsigned char *)s, strlen(s), &size) : 0;
    return (r >= 'a' && r <= 'z') || (r >= 0xdf && r <= 0xff && r != 0xf7)
           || (r >= 0x3b1 && r <= 0x3c9) || (r >= 0x430 && r <= 0x45f);
}

static bool test_param(const FuncType *sig, char letter)
{
    if (sig->results.n || sig->params.n != 1) {
        return false;
    }
    const Expr *t = sig->params.at[0]->type;
    const Expr *x = t && t->kind == EX_STAR ? t->star.x : NULL;
    const Expr *name = x && x->kind == EX_SELECTOR ? x->selector.sel : x;
    return name && name->kind == EX_NAME && name->name.name[0] == letter && !name->name.name[1];
}

static void check_test(Vet *v, Decl *d, const char *prefix)
{
    const char *name = d->func.name->name.name;
    if (!test_param(d->func.sig, prefix[0])) {
        return;
    }
    if (d->func.sig->tparams.n) {
        vet_report(v, d->pos, 0, "%s has type parameters: it will not be run by go test as a %sXXX "
                   "function", name, prefix);
    }
    if (starts_lower(name + strlen(prefix))) {
        vet_report(v, d->pos, 0,
                   "%s has malformed name: first letter after '%s' must not be lowercase", name,
                   prefix);
    }
}

/* What an example's name may refer to: an object of the package, or of one it imports. */
static Obj *find_named(Vet *v, const char *name)
{
    Obj *o = scope_lookup(v->pkg->scope, name_of(name));
    for (uint32_t i = 0; !o && i < v->pkg->imports.n; i++) {
        o = v->pkg->imports.at[i]->scope
                ? scope_lookup(v->pkg->imports.at[i]->scope, name_of(name)) : NULL;
    }
    return o;
}

static bool has_member(Vet *v, Obj *o, const char *member)
{
    const char *why = NULL;
    check_object(o);
    return o->type && (type_lookup(o->type, true, o->pkg, name_of(member), &why)
                       || type_lookup(type_pointer(o->type), true, o->pkg, name_of(member), &why));
}

static void check_example_name(Vet *v, Decl *d)
{
    const char *whole = d->func.name->name.name, *name = whole + strlen("Example");
    if (!*name) {
        return;
    }
    const char *rest = strchr(name, '_');
    const char *ident = mem_strndup(name, rest ? (size_t)(rest - name) : strlen(name));
    Obj *o = *ident ? find_named(v, ident) : NULL;
    if (*ident && !o) {
        vet_report(v, d->pos, 0, "%s refers to unknown identifier: %s", whole, ident);
        return;
    }
    if (!rest++) {
        return;
    }
    if (!*ident) {
        if (!starts_lower(rest)) {
            vet_report(v, d->pos, 0, "%s has malformed example suffix: %s", whole, rest);
        }
        return;
    }
    const char *more = strchr(rest, '_');
    const char *member = mem_strndup(rest, more ? (size_t)(more - rest) : strlen(rest));
    if (!starts_lower(member) && !has_member(v, o, member)) {
        vet_report(v, d->pos, 0, "%s refers to unknown field or method: %s.%s", whole, ident,
                   member);
    }
    if (more && !starts_lower(more + 1)) {
        vet_report(v, d->pos, 0, "%s has malformed example suffix: %s", whole, more + 1);
    }
}

static void check_example(Vet *v, Decl *d)
{
    const char *name = d->func.name->name.name;
    if (d->func.sig->params.n) {
        vet_report(v, d->pos, 0, "%s should be niladic", name);
    }
    if (d->func.sig->results.n) {
        vet_report(v, d->pos, 0, "%s should return nothing", name);
    }
    if (d->func.sig->tparams.n) {
        vet_report(v, d->pos, 0, "%s should not have type params", name);
    }
    check_example_name(v, d);
}

void vet_tests(Vet *v)
{
    for (uint32_t i = 0; i < v->pkg->files.n; i++) {
        File *f = v->pkg->files.at[i];
        for (uint32_t k = 0; is_test_file(f) && k < f->decls.n; k++) {
            Decl *d = f->decls.at[k];
            if (d->kind != DECL_FUNC || d->func.recv) {
                continue;
            }
            const char *name = d->func.name->name.name;
            if (!strncmp(name, "Example", 7)) {
                check_example(v, d);
            } else if (!strncmp(name, "Test", 4)) {
                check_test(v, d, "Test");
            } else if (!strncmp(name, "Benchmark", 9)) {
                check_test(v, d, "Benchmark");
            } else if (!strncmp(name, "Fuzz", 4)) {
                check_test(v, d, "Fuzz");
            }
        }
    }
}
