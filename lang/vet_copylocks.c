/* vet_copylocks.c - the copylocks check of gol vet: values that hold a lock and are copied.
 *
 * A lock is a struct whose pointer has methods Lock and Unlock and which has not both itself, or
 * sync.noCopy; a value holds one if it is one, or an array or struct with one inside. A literal, a
 * call's result or the target of a pointer that a call gave is no copy of something that is in use.
 * */
#include "lang/vet.h"

#include <string.h>

/* ---- which types hold a lock: the path to it, "T contains sync.Mutex", or NULL ---- */

typedef struct Path {
    Vet *v;
    VEC(Type *) seen; /* type parameters */
} Path;

static const char *lock_path(Path *p, Type *t);

static bool has_nullary(Vet *v, Type *t, bool ptr, const char *name)
{
    const char *why;
    Selection *s = type_lookup(ptr ? type_pointer(t) : t, false, v->pkg, name_of(name), &why);
    return s && s->kind != SEL_FIELD && s->type && s->type->kind == T_FUNC && !s->type->func.nparams
           && !s->type->func.nresults;
}

static bool is_locker(Vet *v, Type *t, bool ptr)
{
    return has_nullary(v, t, ptr, "Lock") && has_nullary(v, t, ptr, "Unlock");
}

typedef struct TermPath {
    Path *p;
    const char *found;
} TermPath;

static bool term_path(Type *term, bool tilde, void *ctx)
{
    TermPath *t = ctx;
    const char *path = term ? lock_path(t->p, term) : NULL;
    if (path) {
        t->found = mem_printf("%s%s", tilde ? "~" : "", path);
    }
    return !path;
}

static const char *tparam_path(Path *p, Type *t)
{
    for (uint32_t i = 0; i < p->seen.n; i++) {
        if (p->seen.at[i] == t) {
            return NULL;
        }
    }
    VEC_PUSH(p->seen, t);
    TermPath terms = {p, NULL};
    type_each_term(t, term_path, &terms);
    return terms.found ? mem_printf("%s contains %s", vet_type(t), terms.found) : NULL;
}

/* Types of the library that Go marks with a noCopy; gol's have other fields. */
static const char *library_mark(Type *t)
{
    static const char *const sync_types[] = {"Cond", "Map", "Once", "Pool", "WaitGroup", NULL};
    static const char *const atomic_types[] = {"Bool", "Int32", "Int64", "Pointer", "Uint32",
                                               "Uint64", "Uintptr", NULL};
    const Obj *o = t->kind == T_NAMED ? t->named.obj : NULL;
    if (o && o->pkg && !strcmp(o->pkg->path, "sync") && vet_in_list(o->name, sync_types)) {
        return mem_printf("%s contains sync.noCopy", vet_type(t));
    }
    if (o && o->pkg && !strcmp(o->pkg->path, "sync/atomic") && vet_in_list(o->name, atomic_types)) {
        return mem_printf("%s contains sync/atomic.noCopy", vet_type(t));
    }
    return NULL;
}

static const char *lock_path(Path *p, Type *t)
{
    if (!t || t->kind == T_INVALID) {
        return NULL;
    }
    if (type_is_tparam(t)) {
        return tparam_path(p, t);
    }
    while (type_under(t)->kind == T_ARRAY) {
        t = type_under(t)->array.elem;
        if (type_is_tparam(t)) {
            return tparam_path(p, t);
        }
    }
    if (t->kind == T_TUPLE) {
        for (uint32_t i = 0; i < t->tuple.n; i++) {
            const char *sub = lock_path(p, t->tuple.at[i]);
            if (sub) {
                return mem_printf("%s contains %s", vet_type(t), sub);
            }
        }
        return NULL;
    }
    Type *u = type_under(t);
    if (u->kind != T_STRUCT) {
        return NULL;
    }
    if ((is_locker(p->v, t, true) && !is_locker(p->v, t, false))
        || vet_is_named(t, "sync", "noCopy")) {
        return vet_type(t);
    }
    const char *mark = library_mark(t);
    if (mark) {
        return mark;
    }
    for (uint32_t i = 0; i < u->struct_.n; i++) {
        const char *sub = lock_path(p, u->struct_.fields[i].type);
        if (sub) {
            return mem_printf("%s contains %s", vet_type(t), sub);
        }
    }
    return NULL;
}

static const char *type_path(Vet *v, Type *t)
{
    Path p = {.v = v};
    return lock_path(&p, t);
}

/* Of an expression whose value is stored, passed or returned. */
static const char *copied_path(Vet *v, Expr *x)
{
    if (x->kind == EX_COMPOSITE || x->kind == EX_CALL || x->mode == MODE_TYPE
        || x->mode == MODE_INVALID || x->mode == MODE_NIL
        || (x->kind == EX_STAR && x->star.x->kind == EX_CALL)) {
        return NULL;
    }
    return type_path(v, x->type);
}

/* ---- where values are copied ---- */

static void check_assigned(Vet *v, Stmt *s)
{
    for (uint32_t i = 0; i < s->assign.rhs.n && i < s->assign.lhs.n; i++) {
        const char *path = copied_path(v, s->assign.rhs.at[i]);
        if (path) {
            vet_report_at(v, s->assign.rhs.at[i], "assignment copies lock value to %s: %s",
                          vet_source(v, s->assign.lhs.at[i]), path);
        }
    }
}

static void check_range_var(Vet *v, const Stmt *s, Expr *e)
{
    if (!e || (e->kind == EX_NAME && !strcmp(e->name.name, "_"))) {
        return;
    }
    Obj *o = vet_obj(e);
    Type *t = s->range.define ? (o ? o->type : NULL) : e->type;
    const char *path = t ? type_path(v, t) : NULL;
    if (path) {
        vet_report_at(v, e, "range var %s copies lock: %s", vet_source(v, e), path);
    }
}

/* Since Go 1.22 each iteration of a three-part loop copies its variables. */
static void check_loop_vars(Vet *v, Stmt *s)
{
    Stmt *init = s->for_.init;
    if (!init || init->kind != ST_DEFINE || vet_go_minor(v, s->pos) < 22) {
        return;
    }
    for (uint32_t i = 0; i < init->assign.lhs.n; i++) {
        Expr *e = init->assign.lhs.at[i];
        Obj *o = vet_obj(e);
        const char *path = o && o->type && strcmp(o->name, "_") ? type_path(v, o->type) : NULL;
        if (path) {
            vet_report_at(v, e, "for loop iteration copies lock value to %s: %s", o->name, path);
        }
    }
}

static bool on_stmt(Vet *v, Stmt *s, void *ctx)
{
    switch ((StmtKind)s->kind) {
    case ST_ASSIGN:
    case ST_DEFINE: check_assigned(v, s); break;
    case ST_FOR: check_loop_vars(v, s); break;
    case ST_RANGE:
        check_range_var(v, s, s->range.key);
        check_range_var(v, s, s->range.value);
        break;
    case ST_RETURN:
        for (uint32_t i = 0; i < s->ret.results.n; i++) {
            const char *path = copied_path(v, s->ret.results.at[i]);
            if (path) {
                vet_report_at(v, s->ret.results.at[i], "return copies lock value: %s", path);
            }
        }
        break;
    default: break;
    }
    return true;
}

static void check_args(Vet *v, Expr *call)
{
    static const uint8_t by_type[] = {BI_NEW, BI_LEN, BI_CAP, BI_UNSAFE_SIZEOF, BI_UNSAFE_OFFSETOF,
                                      BI_UNSAFE_ALIGNOF};
    for (size_t i = 0; i < sizeof by_type; i++) {
        if (vet_builtin_call(call, by_type[i])) {
            return;
        }
    }
    for (uint32_t i = 0; i < call->call.args.n; i++) {
        const char *path = copied_path(v, call->call.args.at[i]);
        if (path) {
            vet_report_at(v, call->call.args.at[i], "call of %s copies lock value: %s",
                          vet_source(v, call->call.fn), path);
        }
    }
}

static void check_params(Vet *v, const char *name, FuncType *sig)
{
    Expr *last = NULL;
    for (uint32_t i = 0; i < sig->params.n; i++) {
        Expr *t = sig->params.at[i]->type;
        const char *path = t && t != last && t->kind != EX_ELLIPSIS ? type_path(v, t->type) : NULL;
        if (path) {
            vet_report_at(v, t, "%s passes lock by value: %s", name, path);
        }
        last = t;
    }
}

static bool on_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind == EX_CALL) {
        check_args(v, e);
    } else if (e->kind == EX_FUNC) {
        check_params(v, "func", e->func.sig);
    } else if (e->kind == EX_COMPOSITE) {
        for (uint32_t i = 0; i < e->composite.elems.n; i++) {
            Expr *x = e->composite.elems.at[i];
            x = x->kind == EX_KEYVALUE ? x->kv.value : x;
            const char *path = copied_path(v, x);
            if (path) {
                vet_report_at(v, x, "literal copies lock value from %s: %s", vet_source(v, x),
                              path);
            }
        }
    }
    return true;
}

static bool on_decl(Vet *v, Decl *d, void *ctx)
{
    if (d->kind == DECL_VAR) {
        for (uint32_t i = 0; i < d->value.values.n && i < d->value.names.n; i++) {
            const char *path = copied_path(v, d->value.values.at[i]);
            if (path) {
                vet_report_at(v, d->value.values.at[i],
                              "variable declaration copies lock value to %s: %s",
                              d->value.names.at[i]->name.name, path);
            }
        }
    } else if (d->kind == DECL_FUNC) {
        const char *name = d->func.name->name.name;
        Expr *recv = d->func.recv ? d->func.recv->type : NULL;
        const char *path = recv && d->func.obj && d->func.obj->type
                                   && d->func.obj->type->kind == T_FUNC
                               ? type_path(v, d->func.obj->type->func.recv) : NULL;
        if (path) {
            vet_report_at(v, recv, "%s passes lock by value: %s", name, path);
        }
        check_params(v, name, d->func.sig);
    }
    return true;
}

void vet_copylocks(Vet *v)
{
    Visit w = {.expr = on_expr, .stmt = on_stmt, .decl = on_decl};
    vet_walk_package(v, &w);
}
