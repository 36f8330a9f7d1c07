/* live.c - entries of a live package: showing values, methods for types of earlier entries, and what
 * a finished compile hands to the session. lang/live.h has the idea.
 *
 * A method belongs to its type's package, and an earlier entry's package is closed; so an entry
 * that declares a method for an earlier type gets that type's source and its other methods put in,
 * which makes a new type of that name, and a note says so. Everything here runs on the compiler
 * thread; results are copied to malloc'd memory. */
#include "lang/live.h"

#include "lang/check.h"
#include "lang/load.h"

#include <stdio.h>
#include <stdlib.h>

static const char prefix[] = "main@";

char *live_path(uint64_t serial) { return mem_printf("%s%llu", prefix, (unsigned long long)serial); }

bool live_is_path(const char *path) { return !strncmp(path, prefix, sizeof prefix - 1); }

bool live_has_package(const LiveInput *in, const char *path)
{
    for (uint32_t i = 0; i < in->npackages; i++) {
        if (!strcmp(in->packages[i], path)) {
            return true;
        }
    }
    return false;
}

/* ---- Showing values --------------------------------------------------------------------------- */

/* show(x): a call of the helper that prints its arguments. */
static Expr *show_call(Checker *c, Expr *x)
{
    Package *p = check_import(c, LIVE_HELPERS, x->start, x->end);
    Obj *show = p && p->scope ? scope_lookup(p->scope, name_of("Show")) : NULL;
    if (!show) {
        return NULL;
    }
    check_object(show);
    Expr *fn = MEM_NEW(Expr), *call = MEM_NEW(Expr);
    fn->kind = EX_NAME;
    fn->mode = MODE_VALUE;
    fn->type = show->type;
    fn->name.name = show->name;
    fn->name.obj = show;
    call->kind = EX_CALL;
    call->mode = MODE_NOVALUE;
    call->type = type_tuple(NULL, 0);
    call->call.fn = fn;
    call->call.call_kind = CALL_FUNC;
    call->call.rparen = x->end;
    VEC_PUSH(call->call.args, x);
    fn->pos = fn->start = fn->end = call->pos = call->start = x->start;
    call->end = x->end;
    return call;
}

static bool showable(Checker *c, Expr *x)
{
    switch ((ExprMode)x->mode) {
    case MODE_INVALID:
    case MODE_NOVALUE:
        return false;
    case MODE_BUILTIN:
        check_error_at(c, x, "UncalledBuiltin", "%s must be called", check_operand_text(c, x));
        return false;
    case MODE_TYPE:
        check_error_at(c, x, "NotAnExpr", "%s is not an expression", check_operand_text(c, x));
        return false;
    default:
        return true;
    }
}

void check_shown(Checker *c, Stmt *s)
{
    Expr *x = s->expr.x;
    check_raw(c, x, NULL);
    if (!showable(c, x)) {
        return;
    }
    if (x->type->kind != T_TUPLE) {
        Type *t = x->type;
        check_assign_to(c, x, type_any, "value shown");
        if (x->mode == MODE_INVALID) {
            return;
        }
        c->cfg.shown = type_is_untyped(t) ? type_default(t) : t;
    } else {
        c->cfg.shown = x->type;
    }
    Expr *call = show_call(c, x);
    if (call) {
        s->expr.x = call;
    }
}

/* ---- Methods of earlier types ----------------------------------------------------------------- */

static Name receiver_base(const Decl *d)
{
    const Expr *t = d->kind == DECL_FUNC && d->func.recv ? d->func.recv->type : NULL;
    while (t && t->kind != EX_NAME) {
        t = t->kind == EX_PAREN ? t->paren.x : t->kind == EX_STAR ? t->star.x
            : t->kind == EX_INDEX ? t->index.x : NULL;
    }
    return t ? t->name.name : NULL;
}

static const Decl *find_type(const File *f, Name name)
{
    for (uint32_t i = 0; i < f->decls.n; i++) {
        const Decl *d = f->decls.at[i];
        if (d->kind == DECL_TYPE && d->type.name && d->type.name->name.name == name) {
            return d;
        }
    }
    return NULL;
}

static bool has_method(const File *f, uint32_t n, Name type, Name method)
{
    for (uint32_t i = 0; i < n; i++) {
        const Decl *d = f->decls.at[i];
        if (receiver_base(d) == type && d->func.name->name.name == method) {
            return true;
        }
    }
    return false;
}

static const LiveType *latest(const LiveInput *in, Name name)
{
    for (uint32_t i = in->ntypes; i > 0; i--) {
        if (!strcmp(in->types[i - 1].name, name)) {
            return &in->types[i - 1];
        }
    }
    return NULL;
}

static void bring_type(const LiveType *t, DiagList *d, File *f, Name name)
{
    size_t n = strlen(t->source);
    SourceFile *src = diag_add_file(d, mem_printf("<type %s>", name), mem_strndup(t->source, n), n);
    src->go_minor = f->src->go_minor;
    const File *old = parse_live(d, src);
    uint32_t own = f->decls.n;
    for (uint32_t i = 0; i < old->decls.n; i++) {
        Decl *x = old->decls.at[i];
        if (x->kind != DECL_FUNC || !has_method(f, own, name, x->func.name->name.name)) {
            VEC_PUSH(f->decls, x);
        }
    }
}

void live_complete(const LiveInput *in, DiagList *d, File *f)
{
    for (uint32_t i = 0; i < f->decls.n; i++) {
        Name name = receiver_base(f->decls.at[i]);
        const LiveType *t = name && !find_type(f, name) ? latest(in, name) : NULL;
        if (t) {
            bring_type(t, d, f, name);
        }
    }
}

/* ---- Results ---------------------------------------------------------------------------------- */

typedef struct Out {
    char *s;
    size_t n;
} Out;

static void put(Out *o, const char *s, size_t n)
{
    char *grown = realloc(o->s, o->n + n + 1);
    if (!grown) {
        mem_fail("out of memory");
    }
    o->s = grown;
    memcpy(o->s + o->n, s, n);
    o->n += n;
    o->s[o->n] = 0;
}

static void put_text(Out *o, const char *s) { put(o, s, strlen(s)); }

static void put_extent(Out *o, const Decl *d)
{
    put(o, d->file->text + (d->pos - d->file->base), d->end - d->pos);
    put_text(o, "\n");
}

static char *type_source(const File *f, const Decl *type)
{
    Out o = {0};
    put_text(&o, "type ");
    put_extent(&o, type);
    for (uint32_t i = 0; i < f->decls.n; i++) {
        if (receiver_base(f->decls.at[i]) == type->type.name->name.name) {
            put_extent(&o, f->decls.at[i]);
        }
    }
    return o.s;
}

static void result_types(const LiveInput *in, LiveResult *r, const File *f)
{
    Out notes = {0};
    r->types = calloc(f->decls.n + 1, sizeof *r->types);
    for (uint32_t i = 0; r->types && i < f->decls.n; i++) {
        const Decl *d = f->decls.at[i];
        if (d->kind != DECL_TYPE || d->type.alias || !d->type.name) {
            continue;
        }
        Name name = d->type.name->name.name;
        if (latest(in, name)) {
            put_text(&notes, mem_printf("type %s is redefined: what was made before keeps the old "
                                        "type\n", name));
        }
        r->types[r->ntypes++] = (LiveType){strdup(name), type_source(f, d)};
    }
    r->notes = notes.s;
}

static bool declares(const File *f)
{
    for (uint32_t i = 0; i < f->decls.n; i++) {
        const Decl *d = f->decls.at[i];
        if (d->kind != DECL_VAR) {
            return true;
        }
        for (uint32_t k = 0; k < d->value.names.n; k++) {
            if (strcmp(d->value.names.at[k]->name.name, "_") != 0) {
                return true;
            }
        }
    }
    return false;
}

/* Fields of t and of what it embeds, a few levels down; a name may come twice. */
static void put_fields(Out *o, Type *t, int levels)
{
    Type *u = type_under(t);
    u = u->kind == T_POINTER ? type_under(u->pointer.elem) : u;
    for (uint32_t i = 0; u->kind == T_STRUCT && i < u->struct_.n; i++) {
        const StructField *f = &u->struct_.fields[i];
        put_text(o, mem_printf("%s\n", f->name));
        if (f->embedded && levels > 0) {
            put_fields(o, f->type, levels - 1);
        }
    }
}

/* What may stand behind the dot, one a line. */
static char *members(Type *t)
{
    Out o = {0};
    put_fields(&o, t, 4);
    bool plain = t->kind == T_POINTER || type_is_interface(t) || t->kind == T_TUPLE;
    MethodSet set = type_method_set(plain ? t : type_pointer(t));
    for (uint32_t i = 0; i < set.n; i++) {
        put_text(&o, mem_printf("%s\n", set.at[i]->name));
    }
    return o.s;
}

LiveResult *live_result(const LiveInput *in, Package *main, PackageList all)
{
    LiveResult *r = calloc(1, sizeof *r);
    char **packages = calloc(all.n + 1, sizeof *packages);
    if (!r || !packages || !main->files.n) {
        free(packages);
        free(r);
        return NULL;
    }
    const File *f = main->files.at[0];
    r->packages = packages;
    for (uint32_t i = 0; i < all.n; i++) {
        if (all.at[i] != main) {
            r->packages[r->npackages++] = strdup(all.at[i]->path);
        }
    }
    r->text = declares(f) ? strdup(export_text(main)) : NULL;
    r->docs = r->text ? strdup(doc_text(main)) : NULL;
    Type *shown = main->checker ? main->checker->cfg.shown : NULL;
    r->shown = shown ? strdup(type_string(shown, main)) : NULL;
    r->members = shown && in->want_members ? members(shown) : NULL;
    result_types(in, r, f);
    return r;
}

void live_result_free(LiveResult *r)
{
    if (!r) {
        return;
    }
    for (uint32_t i = 0; i < r->ntypes; i++) {
        free(r->types[i].name);
        free(r->types[i].source);
    }
    for (uint32_t i = 0; i < r->npackages; i++) {
        free(r->packages[i]);
    }
    free(r->types);
    free(r->packages);
    free(r->text);
    free(r->docs);
    free(r->shown);
    free(r->members);
    free(r->notes);
    free(r);
}

/* ---- Is it complete? -------------------------------------------------------------------------- */

/* The first error is at the end of the text, or something that spans lines is still open. */
static bool at_end(const Diag *d, const SourceFile *src)
{
    uint32_t len = src->len, at = d->pos - src->base;
    while (len && strchr(" \t\r\n", src->text[len - 1])) {
        len--;
    }
    bool open = strstr(d->text, "not terminated") && at < src->len &&
                (src->text[at] == '`' || src->text[at] == '/');
    return at >= len || open;
}

/* The last line is a //go:embed, which waits for its variable. */
static bool ends_in_embed(const File *f)
{
    const SourceFile *src = f->src;
    uint32_t len = src->len;
    while (len && strchr(" \t\r\n", src->text[len - 1])) {
        len--;
    }
    const Expr *last = f->comments_go.n ? f->comments_go.at[f->comments_go.n - 1] : NULL;
    return last && last->end - src->base >= len && !strncmp(last->lit.text, "//go:embed ", 11);
}

void live_parse_only(const CompileInput *in, DiagList *d, CompileResult *out)
{
    SourceFile *src = diag_add_file(d, "", mem_strndup(in->text, in->text_len), in->text_len);
    src->go_minor = 24;
    const File *f = parse_live(d, src);
    out->live = calloc(1, sizeof *out->live);
    out->diagnostics = strdup("");
    if (out->live) {
        out->live->incomplete = ends_in_embed(f) ||
                                (f->has_errors && d->all.n && at_end(&d->all.at[0], src));
    }
}
