/* check.c - the checker's entry: a package's objects are collected from its files, then resolved,
 * then function bodies and other delayed work are checked, then the initialisation order is
 * computed and unused imports and variables are reported.
 *
 * Objects are resolved on demand (decl.c): a name that is met before its declaration was checked
 * resolves that declaration first, in an environment of its own. Work that needs complete types
 * (bodies, map keys, embedded fields, type arguments against constraints) waits in a queue, so
 * that recursive types need no care there. A package imported lazily is only collected; the first
 * use of each object resolves it.
 *
 * Everything runs on the compiler thread; there are no locks. */
#include "lang/check.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- reporting ---- */

static char *format(const char *fmt, va_list ap)
{
    char buf[1024];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(buf, sizeof buf, fmt, ap);
    char *s;
    if (n < 0) {
        s = mem_strndup("?", 1);
    } else if ((size_t)n < sizeof buf) {
        s = mem_strndup(buf, (size_t)n);
    } else {
        s = mem_alloc_atomic((size_t)n + 1);
        vsnprintf(s, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return s;
}

static void report(Checker *c, Severity sev, Pos pos, Pos end, const char *code, const char *text)
{
    /* A message about an invalid type follows from an earlier one. */
    if (c->cfg.diags->nerrors > 0 && strstr(text, "invalid type")) {
        return;
    }
    if (c->env.err_pos) {
        pos = c->env.err_pos;
        end = c->env.err_end;
    }
    if (end && end <= pos) {
        end = 0;
    }
    diag_report(c->cfg.diags, sev, pos, end, code, "%s", text);
}

void check_error(Checker *c, Pos pos, Pos end, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(c, DIAG_ERROR, pos, end, code, format(fmt, ap));
    va_end(ap);
}

void check_error_at(Checker *c, const Expr *e, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(c, DIAG_ERROR, e->start ? e->start : e->pos, e->end, code, format(fmt, ap));
    va_end(ap);
}

void check_soft_error(Checker *c, Pos pos, Pos end, const char *code, const char *fmt, ...)
{
    va_list ap;
    if (c->cfg.live) {
        return;
    }
    va_start(ap, fmt);
    Severity sev = c->cfg.script_warnings ? DIAG_WARNING : DIAG_ERROR;
    report(c, sev, pos, end, code, format(fmt, ap));
    va_end(ap);
}

const char *check_type_text(Checker *c, Type *t)
{
    return t ? type_string(t, c->pkg) : "invalid type";
}

uint32_t check_line(Checker *c, Pos p)
{
    const char *path;
    uint32_t line = 0, col;
    diag_position(c->cfg.diags, p, &path, &line, &col);
    return line;
}

const char *check_pos_text(Checker *c, Pos p)
{
    const char *path = "?";
    uint32_t line = 0, col = 0;
    diag_position(c->cfg.diags, p, &path, &line, &col);
    return mem_printf("%s:%u:%u", path, line, col);
}

static const char *mode_text(const Expr *e)
{
    switch (e->mode) {
    case MODE_INVALID: return "invalid operand";
    case MODE_NOVALUE: return "no value";
    case MODE_BUILTIN: return "built-in";
    case MODE_TYPE: return "type";
    case MODE_CONST: return "constant";
    case MODE_VAR: return "variable";
    case MODE_MAPINDEX: return "map index expression";
    case MODE_COMMAOK: return "comma, ok expression";
    case MODE_NIL: return "nil";
    default: return "value";
    }
}

/* "x (variable of type int)": how Go's messages name an operand. */
const char *check_operand_text(Checker *c, const Expr *e)
{
    const char *s = expr_string(e);
    if (e->mode == MODE_NIL) {
        return "nil";
    }
    if (e->mode == MODE_NOVALUE || e->mode == MODE_BUILTIN || e->mode == MODE_TYPE || !e->type) {
        return mem_printf("%s (%s)", s, mode_text(e));
    }
    const char *val = "";
    if (e->mode == MODE_CONST && e->cval) {
        const char *v = const_format(e->cval);
        if (strcmp(v, s) != 0) {
            val = mem_printf(" %s", v);
        }
    }
    const char *t = check_type_text(c, e->type);
    if (type_is_untyped(e->type)) {
        return mem_printf("%s (%s %s%s)", s, t, mode_text(e), val);
    }
    if (is_invalid(e->type)) {
        return mem_printf("%s (%s%s with invalid type)", s, mode_text(e), val);
    }
    if (e->type->kind == T_TPARAM && e->type->tparam.constraint) {
        return mem_printf("%s (%s%s of type %s constrained by %s)", s, mode_text(e), val, t,
                          check_type_text(c, e->type->tparam.constraint));
    }
    return mem_printf("%s (%s%s of type %s)", s, mode_text(e), val, t);
}

/* Optimal string alignment distance, cut at limit. */
static unsigned edit_distance(const char *a, const char *b, unsigned limit)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > 40 || m > 40 || (n > m ? n - m : m - n) > limit) {
        return limit + 1;
    }
    unsigned d[3][48];
    for (size_t j = 0; j <= m; j++) {
        d[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
            best = up[j] + 1 < best ? up[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                && up2[j - 2] + 1 < best) {
                best = up2[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return d[n % 3][m];
}

/* Of equally similar names: the longer one (a letter was left out), then in order. */
static bool better_tie(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    return n != m ? n > m : strcmp(a, b) < 0;
}

const char *check_similar(Scope *s, Name name)
{
    const char *best = NULL;
    size_t len = strlen(name);
    unsigned limit = len <= 5 ? 1 : 2, best_d = limit + 1;
    for (uint32_t i = 0; s && i < s->cap; i++) {
        Obj *o = s->table[i];
        if (!o || !o->name || !strcmp(o->name, "_")) {
            continue;
        }
        unsigned d = edit_distance(name, o->name, limit);
        bool folded = !strcasecmp(name, o->name);
        if (!folded && len <= 3 && (len == 1 || name[0] != o->name[0])) {
            continue; /* short names resemble each other anyway */
        }
        d = folded && d > 1 ? 1 : d;
        if (d > 0 && (d < best_d || (d == best_d && best && better_tie(o->name, best)))) {
            best = o->name;
            best_d = d;
        }
    }
    return best_d <= limit ? best : NULL;
}

/* ---- the queue, depth ---- */

void check_later(Checker *c, LaterFn fn, void *a, void *b)
{
    Later l = {fn, a, b, c->env};
    VEC_PUSH(c->later, l);
}

void check_run_later(Checker *c)
{
    Env saved = c->env;
    while (c->later_head < c->later.n) {
        Later l = c->later.at[c->later_head++];
        c->env = l.env;
        l.fn(c, l.a, l.b);
    }
    c->later.n = c->later_head = 0;
    c->env = saved;
}

bool check_enter(Checker *c, Pos pos)
{
    mem_step();
    if (++c->depth <= CHECK_MAX_DEPTH) {
        return true;
    }
    if (!c->too_deep) {
        c->too_deep = true;
        check_error(c, pos, 0, "TooDeep", "nesting too deep");
    }
    return false;
}

void check_leave(Checker *c)
{
    assert(c->depth > 0);
    c->depth--;
}

/* ---- imports ---- */

Package *check_import(Checker *c, const char *path, Pos pos, Pos end)
{
    if (!strcmp(path, "unsafe")) {
        c->pkg->imports_unsafe = true;
        if (!c->cfg.allow_unsafe && !c->unsafe_reported) {
            c->unsafe_reported = true;
            check_error(c, pos, end, "NotPermitted", "import of package unsafe not allowed: the "
                        "permission allow_unsafe is not given");
        }
        return package_unsafe;
    }
    char *why = NULL;
    Package *p = c->cfg.import ? c->cfg.import(c->cfg.ctx, path, c->pkg, &why) : NULL;
    if (!p && pos) {
        check_error(c, pos, end, "BrokenImport", "%s",
                    why ? why : mem_printf("could not import %s", path));
    }
    if (p) {
        for (uint32_t i = 0; i < c->pkg->imports.n; i++) {
            if (c->pkg->imports.at[i] == p) {
                return p;
            }
        }
        VEC_PUSH(c->pkg->imports, p);
    }
    return p;
}

/* Script mode: a name that nothing declares may be a std package. */
Obj *check_auto_import(Checker *c, Expr *name)
{
    if (!c->cfg.auto_import) {
        return NULL;
    }
    bool is_unsafe = !strcmp(name->name.name, "unsafe"); /* an error about it needs a place */
    Package *p = check_import(c, name->name.name, is_unsafe ? name->start : 0, 0);
    if (!p) {
        return NULL;
    }
    Obj *o = check_new_obj(c, OBJ_PKGNAME, name->name.name, name->start, INVALID);
    o->imported = p;
    o->used = true;
    o->color = BLACK;
    if (c->pkg->files.n) {
        scope_insert(c->pkg->files.at[0]->scope, o);
    }
    return o;
}

static bool import_path(Checker *c, Decl *d, const char **path)
{
    Expr *lit = d->import.path;
    if (!lit || lit->kind != EX_LIT || lit->lit.tok != TOK_STRING) {
        return false;
    }
    Const *v = const_literal(TOK_STRING, lit->lit.text, lit->lit.len);
    if (!v) {
        return false;
    }
    size_t n;
    const char *s = const_as_string(v, &n);
    if (n == 0) {
        check_error_at(c, lit, "BadImportPath", "invalid import path (empty string)");
        return false;
    }
    *path = mem_strndup(s, n);
    return true;
}

/* import . "p": the exported objects of p become visible in the file. */
static void dot_import(Checker *c, File *f, Obj *o, Decl *d)
{
    Scope *from = o->imported->scope;
    for (uint32_t i = 0; i < from->cap; i++) {
        Obj *x = from->table[i];
        if (!x || !((x->name[0] >= 'A' && x->name[0] <= 'Z'))) {
            continue;
        }
        Obj *old = scope_lookup(f->scope, x->name);
        if (old && old != x) {
            check_error_at(c, d->import.path, "DuplicateDecl", "%s redeclared in this block",
                           x->name);
        } else if (!old) {
            scope_insert(f->scope, x);
        }
    }
}

static void collect_import(Checker *c, File *f, Decl *d)
{
    const char *path;
    if (!import_path(c, d, &path)) {
        return;
    }
    Package *p = check_import(c, path, d->import.path->start, d->import.path->end);
    if (!p) {
        /* The name is declared all the same, and its uses stay silent. */
        const char *slash = strrchr(path, '/');
        p = MEM_NEW(Package);
        p->path = path;
        p->name = name_of(slash ? slash + 1 : path);
        p->scope = scope_new(universe);
        p->fake = true;
    }
    d->import.pkg = p;
    Expr *as = d->import.name;
    Name name = as ? as->name.name : p->name;
    Obj *o = check_new_obj(c, OBJ_PKGNAME, name, as ? as->start : d->import.path->start, INVALID);
    o->imported = p;
    o->decl = d;
    o->color = BLACK;
    o->used = p->fake;
    if (!strcmp(name, "init")) {
        check_error(c, o->pos, 0, "InvalidInitDecl", "cannot import package as init - init must be "
                    "a func");
        return;
    }
    if (!strcmp(name, "_")) {
        return;
    }
    VEC_PUSH(c->pkgnames, o);
    if (!strcmp(name, ".")) {
        dot_import(c, f, o, d);
        return;
    }
    Obj *old = scope_insert(f->scope, o);
    if (old) {
        check_redeclared(c, o, old);
    }
}

/* ---- collecting ---- */

static void add_object(Checker *c, Obj *o, Decl *d)
{
    o->decl = d;
    o->is_global = true;
    o->color = WHITE;
    o->order = c->objects.n + 1;
    VEC_PUSH(c->objects, o);
}

static void declare_global(Checker *c, Obj *o, Expr *name)
{
    if (!strcmp(o->name, "init")) {
        check_error_at(c, name, "InvalidInitDecl", "cannot declare init - must be func");
        return;
    }
    if (!strcmp(o->name, "main") && c->pkg->is_main) {
        check_error_at(c, name, "InvalidMainDecl", "cannot declare main - must be func");
        return;
    }
    check_declare(c, c->pkg->scope, o);
}

static void collect_const(Checker *c, Decl *d)
{
    for (uint32_t i = 0; i < d->value.names.n; i++) {
        Expr *name = d->value.names.at[i];
        if (name->kind != EX_NAME) {
            continue;
        }
        Obj *o = check_new_obj(c, OBJ_CONST, name->name.name, name->start, NULL);
        name->name.obj = o;
        add_object(c, o, d);
        declare_global(c, o, name);
    }
}

/* var a, b = x, y is two declarations: each is initialised when its turn comes. */
static Decl *split_var(Decl *d, uint32_t i)
{
    if (d->value.names.n < 2 || d->value.values.n != d->value.names.n) {
        return d;
    }
    Decl *one = MEM_NEW(Decl);
    *one = *d;
    memset(&one->value.names, 0, sizeof one->value.names);
    memset(&one->value.values, 0, sizeof one->value.values);
    VEC_PUSH(one->value.names, d->value.names.at[i]);
    VEC_PUSH(one->value.values, d->value.values.at[i]);
    return one;
}

static void collect_var(Checker *c, Decl *d)
{
    for (uint32_t i = 0; i < d->value.names.n; i++) {
        Expr *name = d->value.names.at[i];
        if (name->kind != EX_NAME) {
            continue;
        }
        Obj *o = check_new_obj(c, OBJ_VAR, name->name.name, name->start, NULL);
        name->name.obj = o;
        add_object(c, o, split_var(d, i));
        o->used = true;
        declare_global(c, o, name);
    }
}

static void collect_type(Checker *c, Decl *d)
{
    Expr *name = d->type.name;
    if (!name || name->kind != EX_NAME) {
        return;
    }
    Obj *o = check_new_obj(c, OBJ_TYPE, name->name.name, name->start, NULL);
    o->is_alias = d->type.alias;
    name->name.obj = d->type.obj = o;
    add_object(c, o, d);
    declare_global(c, o, name);
}

static void collect_plain_func(Checker *c, Decl *d, Obj *o)
{
    Expr *name = d->func.name;
    bool is_init = !strcmp(o->name, "init");
    if (is_init || (!strcmp(o->name, "main") && c->pkg->is_main)) {
        const char *code = is_init ? "InvalidInitDecl" : "InvalidMainDecl";
        if (d->func.sig->tparams.n) {
            check_error_at(c, name, code, "func %s must have no type parameters", o->name);
        }
        if (d->func.sig->params.n || d->func.sig->results.n) {
            check_error_at(c, name, code, "func %s must have no arguments and no return values",
                           o->name);
        }
    }
    if (is_init) {
        o->parent = c->pkg->scope;
        if (!d->func.body) {
            check_error_at(c, name, "MissingInitBody", "func init must have a body");
        }
    } else {
        check_declare(c, c->pkg->scope, o);
    }
}

static void collect_func(Checker *c, Decl *d)
{
    Expr *name = d->func.name;
    if (!name || name->kind != EX_NAME || !d->func.sig) {
        return;
    }
    Obj *o = check_new_obj(c, OBJ_FUNC, name->name.name, name->start, NULL);
    name->name.obj = d->func.obj = o;
    o->fdecl = d;
    add_object(c, o, d);
    VEC_PUSH(c->pkg->funcs, d);
    if (!d->func.recv) {
        collect_plain_func(c, d, o);
    }
}

static void collect_file(Checker *c, File *f)
{
    f->scope = scope_new(c->pkg->scope);
    for (uint32_t i = 0; i < f->decls.n; i++) {
        Decl *d = f->decls.at[i];
        d->fscope = f->scope;
        switch ((DeclKind)d->kind) {
        case DECL_IMPORT: collect_import(c, f, d); break;
        case DECL_CONST: collect_const(c, d); break;
        case DECL_VAR: collect_var(c, d); break;
        case DECL_TYPE: collect_type(c, d); break;
        case DECL_FUNC: collect_func(c, d); break;
        }
    }
}

/* The type name that a receiver's type expression names, through local aliases. */
static Obj *receiver_base(Checker *c, Expr *t, bool *ptr)
{
    for (unsigned hops = 0; t && hops < 64; hops++) {
        while (t && (t->kind == EX_PAREN || t->kind == EX_STAR || t->kind == EX_INDEX)) {
            if (t->kind == EX_STAR) {
                *ptr = true;
            }
            t = t->kind == EX_PAREN ? t->paren.x : t->kind == EX_STAR ? t->star.x : t->index.x;
        }
        if (!t || t->kind != EX_NAME) {
            return NULL;
        }
        Obj *o = scope_lookup(c->pkg->scope, t->name.name);
        if (!o || o->kind != OBJ_TYPE || !o->decl) {
            return NULL;
        }
        if (!o->is_alias) {
            return o;
        }
        t = o->decl->type.type;
    }
    return NULL;
}

/* A type's methods are known before it is resolved: Obj.deps of an OBJ_TYPE gathers them. */
static void collect_methods(Checker *c)
{
    for (uint32_t i = 0; i < c->objects.n; i++) {
        Obj *m = c->objects.at[i];
        if (m->kind != OBJ_FUNC || !m->fdecl->func.recv) {
            continue;
        }
        bool ptr = false;
        Obj *base = receiver_base(c, m->fdecl->func.recv->type, &ptr);
        m->ptr_recv = ptr;
        m->parent = NULL;
        if (base && strcmp(m->name, "_") != 0) {
            VEC_PUSH(base->deps, m);
        }
    }
}

/* Names of the package block and imports of a file may not coincide. */
static void check_dot_conflicts(Checker *c, const Scope *file)
{
    for (uint32_t i = 0; i < file->cap; i++) {
        Obj *o = file->table[i];
        Obj *other = o && o->kind != OBJ_PKGNAME ? scope_lookup(c->pkg->scope, o->name) : NULL;
        if (other && o->pkg != c->pkg) {
            check_error(c, other->pos, 0, "DuplicateDecl",
                        "%s already declared through dot-import of package %s", o->name,
                        o->pkg ? o->pkg->name : "");
        }
    }
}

static void check_file_conflicts(Checker *c)
{
    for (uint32_t i = 0; i < c->pkg->files.n; i++) {
        check_dot_conflicts(c, c->pkg->files.at[i]->scope);
    }
    for (uint32_t i = 0; i < c->pkgnames.n; i++) {
        Obj *o = c->pkgnames.at[i];
        Obj *other = scope_lookup(c->pkg->scope, o->name);
        if (other && other->kind != OBJ_PKGNAME) {
            check_error(c, other->pos, 0, "DuplicateDecl",
                        "%s already declared through import of package %s\n\t%s: other declaration "
                        "of %s", o->name, o->imported->name, check_pos_text(c, o->pos), o->name);
            o->used = true;
        }
    }
}

static void collect(Checker *c)
{
    Package *pkg = c->pkg;
    if (!pkg->scope) {
        pkg->scope = scope_new(universe);
    }
    for (uint32_t i = 0; i < pkg->files.n; i++) {
        collect_file(c, pkg->files.at[i]);
    }
    collect_methods(c);
    check_file_conflicts(c);
}

/* ---- unused ---- */

static void unused_imports(Checker *c)
{
    for (uint32_t i = 0; i < c->pkgnames.n; i++) {
        Obj *o = c->pkgnames.at[i];
        if (o->used) {
            if (o->decl) {
                o->decl->import.used = true;
            }
            continue;
        }
        const char *path = o->imported->path;
        const char *slash = strrchr(path, '/');
        Expr *lit = o->decl->import.path;
        const char *written = mem_strndup(path, strlen(path));
        import_path(c, o->decl, &written);
        if (!strcmp(slash ? slash + 1 : path, o->name) || !strcmp(o->name, ".")) {
            check_soft_error(c, o->pos, lit->end, "UnusedImport", "\"%s\" imported and not used",
                             written);
        } else {
            check_soft_error(c, o->pos, lit->end, "UnusedImport",
                             "\"%s\" imported as %s and not used", written, o->name);
        }
    }
}

static void unused_vars(Checker *c)
{
    for (uint32_t i = 0; i < c->vars.n; i++) {
        Obj *o = c->vars.at[i];
        if (!o->used) {
            check_soft_error(c, o->pos, o->pos + (Pos)strlen(o->name), "UnusedVar",
                             "declared and not used: %s", o->name);
        }
    }
    c->vars.n = 0;
}

/* ---- entries ---- */

static Checker *checker_new(const CheckConfig *cfg, Package *pkg, bool lazy)
{
    Checker *c = MEM_NEW(Checker);
    c->cfg = *cfg;
    c->pkg = pkg;
    c->lazy = lazy;
    pkg->checker = c;
    return c;
}

/* Types first, so that cycles through them are met in a fixed order; aliases after the defined
 * types that they may name; then the rest. */
static void resolve_all(Checker *c)
{
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < c->objects.n; i++) {
            Obj *o = c->objects.at[i];
            int when = o->kind != OBJ_TYPE ? 2 : o->is_alias ? 1 : 0;
            if (when == round) {
                check_obj(c, o);
            }
        }
    }
}

void check_package(const CheckConfig *cfg, Package *pkg)
{
    if (pkg->checked) {
        return;
    }
    pkg->checked = true;
    Checker *c = checker_new(cfg, pkg, false);
    Package *outer = types_current;
    types_current = pkg;
    c->busy = 1;
    check_note_versions(c);
    collect(c);
    resolve_all(c);
    check_run_later(c);
    check_init_order(c);
    unused_vars(c);
    unused_imports(c);
    c->busy = 0;
    types_current = outer;
}

void check_package_lazily(const CheckConfig *cfg, Package *pkg)
{
    if (pkg->checked) {
        return;
    }
    pkg->checked = true;
    Checker *c = checker_new(cfg, pkg, true);
    collect(c);
}

void check_object(Obj *o)
{
    if (o->color == BLACK || !o->pkg || !o->pkg->checker || (!o->decl && !o->fdecl)) {
        return;
    }
    Checker *c = o->pkg->checker;
    c->busy++;
    check_obj(c, o);
    c->busy--;
    if (c->busy == 0) {
        check_run_later(c);
    }
}

void check_body(Obj *func)
{
    if (!func || func->kind != OBJ_FUNC || !func->fdecl || !func->pkg || !func->pkg->checker) {
        return;
    }
    check_object(func);
    Checker *c = func->pkg->checker;
    if (func->body_state != 0 || !func->fdecl->func.body || !func->type
        || func->type->kind != T_FUNC) {
        return;
    }
    func->body_state = 1;
    c->busy++;
    Env saved = c->env;
    memset(&c->env, 0, sizeof c->env);
    Decl *d = func->fdecl;
    c->env.scope = d->fscope;
    c->env.decl = func;
    check_func_body(c, func->type, d->func.sig, d->func.body, d->func.scope, func, 0);
    c->env = saved;
    c->busy--;
    if (c->busy == 0) {
        check_run_later(c);
        unused_vars(c);
    }
    func->body_state = 2;
}
