/* select.c - x.f: qualified identifiers, fields, methods, method values and method expressions;
 * also type assertions' possibility and the hints for what is missing. */
#include "lang/check.h"

#include <string.h>

static void suggest(Checker *c, const Expr *at, const char *name)
{
    DiagList *d = c->cfg.diags;
    if (name && d->all.n && d->all.at[d->all.n - 1].pos == at->start) {
        d->all.at[d->all.n - 1].fix = mem_printf("did you mean %s?", name);
    }
}

/* The package that x names, if it names one. */
static Obj *package_name(Checker *c, Expr *x)
{
    if (x->kind != EX_NAME) {
        return NULL;
    }
    Obj *o = scope_lookup_parent(c->env.scope, x->name.name, 0, NULL);
    if (!o && strcmp(x->name.name, "_") != 0) {
        o = check_auto_import(c, x);
    }
    return o && o->kind == OBJ_PKGNAME ? o : NULL;
}

static const char *similar_export(Package *p, Name name)
{
    const char *s = check_similar(p->scope, name);
    return s && name_exported(s) ? s : NULL;
}

static void qualified(Checker *c, Expr *e, Obj *pkgname)
{
    Expr *sel = e->selector.sel;
    Package *p = pkgname->imported;
    Name name = sel->name.name;
    e->selector.x->mode = MODE_PACKAGE;
    e->selector.x->type = INVALID;
    e->selector.x->name.obj = pkgname;
    pkgname->used = true;
    if (p->fake) {
        return;
    }
    Obj *o = scope_lookup(p->scope, name);
    if (!o) {
        check_error_at(c, sel, "UndeclaredImportedName", "undefined: %s", expr_string(e));
        suggest(c, sel, similar_export(p, name));
        return;
    }
    if (!name_exported(name)) {
        check_error_at(c, sel, "UnexportedName", "name %s not exported by package %s", name,
                       p->name);
        suggest(c, sel, similar_export(p, name));
        return;
    }
    check_object(o);
    sel->name.obj = o;
    e->selector.selection = NULL;
    e->type = o->type;
    switch ((ObjKind)o->kind) {
    case OBJ_CONST:
        e->mode = is_invalid(o->type) ? MODE_INVALID : MODE_CONST;
        e->cval = o->cval ? o->cval : const_unknown();
        break;
    case OBJ_TYPE: check_record_type(e, o->type ? o->type : INVALID); break;
    case OBJ_VAR: e->mode = is_invalid(o->type) ? MODE_INVALID : MODE_VAR; break;
    case OBJ_FUNC: e->mode = is_invalid(o->type) ? MODE_INVALID : MODE_VALUE; break;
    case OBJ_BUILTIN:
        e->mode = MODE_BUILTIN;
        e->type = INVALID;
        break;
    default: check_invalid(e); break;
    }
    sel->type = e->type;
    sel->mode = e->mode;
}

static void missing(Checker *c, Expr *e, Expr *x, const char *why)
{
    Expr *sel = e->selector.sel;
    Name name = sel->name.name;
    Type *t = x->type;
    if (is_invalid(type_under(t))) {
        return;
    }
    if (!strcmp(why, "ambiguous")) {
        check_error_at(c, sel, "AmbiguousSelector", "ambiguous selector %s", expr_string(e));
        return;
    }
    if (!strcmp(why, "ptr")) {
        if (x->mode == MODE_TYPE) {
            check_error_at(c, sel, "InvalidMethodExpr",
                           "invalid method expression %s (needs pointer receiver (*%s).%s)",
                           expr_string(e), check_type_text(c, t), name);
        } else {
            check_error_at(c, sel, "InvalidMethodExpr",
                           "cannot call pointer method %s on %s", name, check_type_text(c, t));
        }
        return;
    }
    const char *detail = "";
    bool ptr = t->kind == T_POINTER;
    Type *base = ptr ? t->pointer.elem : t;
    if (ptr && type_under(base)->kind == T_INTERFACE) {
        detail = base->kind == T_TPARAM
                 ? mem_printf("type %s is pointer to type parameter, not type parameter",
                              check_type_text(c, t))
                 : mem_printf("type %s is pointer to interface, not interface",
                              check_type_text(c, t));
    } else {
        const char *what = x->mode == MODE_TYPE ? "method" : "field or method";
        Selection *alt = !strcmp(why, "unexported") ? NULL : type_lookup_fold(t, c->pkg, name);
        detail = mem_printf("type %s has no %s %s", check_type_text(c, t), what, name);
        if (!strcmp(why, "unexported")) {
            detail = mem_printf("cannot refer to unexported %s %s",
                                x->mode == MODE_TYPE ? "method" : "field or method", name);
        } else if (alt && alt->name != name) {
            detail = mem_printf("%s, but does have %s %s", detail,
                                alt->kind == SEL_FIELD ? "field" : "method", alt->name);
        }
    }
    check_error_at(c, sel, "MissingFieldOrMethod", "%s undefined (%s)", expr_string(e), detail);
}

/* T.m: a function that takes the receiver first. */
static void method_expr(Checker *c, Expr *e, Expr *x, Selection *s)
{
    Name name = e->selector.sel->name.name;
    if (s->kind != SEL_METHOD) {
        check_error_at(c, e->selector.sel, "MissingFieldOrMethod",
                       "%s undefined (type %s has no method %s)", expr_string(e),
                       check_type_text(c, x->type), name);
        return;
    }
    if (!s->type || s->type->kind != T_FUNC) {
        return;
    }
    Type *f = type_new(T_FUNC);
    f->func = s->type->func;
    f->func.nparams = s->type->func.nparams + 1;
    f->func.params = MEM_NEW_N(Param, f->func.nparams);
    f->func.params[0].type = x->type;
    bool named = s->type->func.nparams && s->type->func.params[0].name;
    f->func.params[0].name = named ? name_of("_") : NULL;
    memcpy(f->func.params + 1, s->type->func.params, s->type->func.nparams * sizeof(Param));
    f->func.recv = NULL;
    f->func.tparams = f->func.rparams = (TypeList){0};
    Selection *m = MEM_NEW(Selection);
    *m = *s;
    m->kind = SEL_METHOD_EXPR;
    m->type = f;
    e->selector.selection = m;
    e->mode = MODE_VALUE;
    e->type = f;
}

static void depends_on(Checker *c, Obj *method)
{
    Obj *d = c->env.decl;
    if (method && d && d->kind != OBJ_TYPE && method->pkg == c->pkg) {
        VEC_PUSH(d->deps, method);
    }
}

void check_selector(Checker *c, Expr *e, bool want_type)
{
    Expr *x = e->selector.x, *sel = e->selector.sel;
    check_invalid(e);
    if (sel->kind != EX_NAME) {
        check_use(c, x);
        return;
    }
    Name name = sel->name.name;
    Obj *pkgname = package_name(c, x);
    if (pkgname) {
        qualified(c, e, pkgname);
        return;
    }
    if (want_type && x->kind == EX_NAME) {
        check_name(c, x, false);
        if (x->mode == MODE_BUILTIN) {
            check_exclude_nonvalues(c, x);
        }
    } else {
        check_expr_or_type(c, x);
    }
    if (x->mode == MODE_INVALID || is_invalid(x->type)) {
        return;
    }
    if (!strcmp(name, "_")) {
        check_error_at(c, sel, "InvalidBlank", "cannot refer to blank field or method");
        return;
    }
    if (x->mode == MODE_NIL) {
        check_error_at(c, sel, "UntypedNilUse", "invalid use of nil in selector expression");
        return;
    }
    check_default(c, x);
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (check_is_generic(x->type)) {
        check_error_at(c, x, "GenericUse", "cannot use generic type %s without instantiation",
                       expr_string(x));
        return;
    }
    const char *why = "";
    Selection *s = type_lookup(x->type, x->mode == MODE_VAR, c->pkg, name, &why);
    if (!s) {
        missing(c, e, x, why);
        return;
    }
    depends_on(c, s->method);
    if (x->mode == MODE_TYPE) {
        method_expr(c, e, x, s);
        return;
    }
    e->selector.selection = s;
    e->type = s->type ? s->type : INVALID;
    if (s->kind == SEL_FIELD) {
        e->mode = x->mode == MODE_VAR || s->indirect ? MODE_VAR : MODE_VALUE;
    } else {
        e->mode = MODE_VALUE;
        if (e->type->kind == T_FUNC && (e->type->func.recv || e->type->func.rparams.n)) {
            Type *f = type_new(T_FUNC);
            f->func = e->type->func;
            f->func.recv = NULL;
            f->func.rparams = (TypeList){0};
            e->type = s->type = f;
        }
    }
    if (is_invalid(e->type)) {
        check_invalid(e);
    }
    sel->type = e->type;
    sel->mode = e->mode;
}
