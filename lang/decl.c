/* decl.c - declarations: resolving package-level objects on demand, types and their methods, type
 * parameters, functions and their bodies, local declarations.
 *
 * An object is white until its resolution starts, grey while it runs, black after. Meeting a grey
 * object is a cycle: fine where a type definition lies on it (a type may mention itself), an error
 * otherwise. Types that contain themselves by value are found afterwards (check_valid_type). */
#include "lang/check.h"
#include "lang/goembed.h"

#include <assert.h>
#include <string.h>

Obj *check_new_obj(Checker *c, ObjKind kind, Name name, Pos pos, Type *type)
{
    Obj *o = MEM_NEW(Obj);
    o->kind = kind;
    o->name = name;
    o->pos = pos;
    o->type = type;
    o->pkg = c->pkg;
    o->func = c->env.func;
    o->depth = c->env.depth;
    o->color = BLACK;
    return o;
}

void check_redeclared(Checker *c, Obj *o, Obj *old)
{
    Pos end = o->pos + (Pos)strlen(o->name);
    if (old->pos) {
        check_error(c, o->pos, end, "DuplicateDecl",
                    "%s redeclared in this block\n\t%s: other declaration of %s", o->name,
                    check_pos_text(c, old->pos), o->name);
    } else {
        check_error(c, o->pos, end, "DuplicateDecl", "%s redeclared in this block", o->name);
    }
}

void check_declare(Checker *c, Scope *s, Obj *o)
{
    if (!o->name || !strcmp(o->name, "_")) {
        o->parent = s;
        return;
    }
    Obj *old = scope_insert(s, o);
    if (old) {
        check_redeclared(c, o, old);
    }
}

Scope *check_push_scope(Checker *c, Pos pos, Pos end)
{
    Scope *s = scope_new(c->env.scope);
    s->pos = pos;
    s->end = end;
    c->env.scope = s;
    return s;
}

void check_pop_scope(Checker *c)
{
    c->env.scope = c->env.scope->parent;
}

/* ---- cycles ---- */

static void report_cycle(Checker *c, uint32_t from)
{
    Obj *first = c->path.at[from];
    for (uint32_t i = from; i < c->path.n; i++) {
        if (c->path.at[i]->type && is_invalid(c->path.at[i]->type)) {
            return; /* reported */
        }
    }
    uint32_t n = c->path.n - from, start = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (c->path.at[from + i]->pos < c->path.at[from + start]->pos) {
            start = i;
        }
    }
    first = c->path.at[from + start];
    bool is_type = first->kind == OBJ_TYPE;
    const char *what = is_type ? "invalid recursive type" : "invalid cycle in declaration of";
    if (c->path.n - from == 1) {
        check_error(c, first->pos, first->pos + (Pos)strlen(first->name),
                    is_type ? "InvalidTypeCycle" : "InvalidDeclCycle",
                    is_type ? "invalid recursive type: %s refers to itself"
                            : "invalid cycle in declaration: %s refers to itself", first->name);
        return;
    }
    char *text = mem_printf("%s %s", what, first->name);
    for (uint32_t i = 0; i < n; i++) {
        Obj *a = c->path.at[from + (start + i) % n];
        Obj *b = c->path.at[from + (start + i + 1) % n];
        text = mem_printf("%s\n\t%s: %s refers to %s", text, check_pos_text(c, a->pos), a->name,
                          b->name);
    }
    check_error(c, first->pos, first->pos + (Pos)strlen(first->name),
                is_type ? "InvalidTypeCycle" : "InvalidDeclCycle", "%s", text);
}

/* o is grey: whether its use here is valid. */
static bool cycle_ok(Checker *c, Obj *o)
{
    uint32_t from = c->path.n;
    while (from > 0 && c->path.at[from - 1] != o) {
        from--;
    }
    if (from == 0) {
        return true;
    }
    from--;
    uint32_t nvalues = 0, ntypes = 0;
    for (uint32_t i = from; i < c->path.n; i++) {
        Obj *x = c->path.at[i];
        if (x->kind == OBJ_CONST || x->kind == OBJ_VAR) {
            nvalues++;
        } else if (x->kind == OBJ_TYPE) {
            ntypes += !x->is_alias;
            if (c->env.in_tparams && x->decl && x->decl->type.tparams.n && x == o) {
                report_cycle(c, from);
                return false;
            }
        }
    }
    if (nvalues == c->path.n - from) {
        if (o->kind == OBJ_CONST) {
            check_error(c, o->pos, o->pos + (Pos)strlen(o->name), "InvalidInitCycle",
                        "initialization cycle: %s refers to itself", o->name);
        }
        return true;
    }
    if (nvalues == 0 && ntypes > 0) {
        return true;
    }
    report_cycle(c, from);
    return false;
}

static void meet_grey(Checker *c, Obj *o)
{
    bool ok = cycle_ok(c, o);
    switch (o->kind) {
    case OBJ_CONST:
    case OBJ_VAR:
        if (!ok || !o->type) {
            o->type = INVALID;
        }
        break;
    case OBJ_TYPE:
        if (!ok || !o->type) {
            o->type = INVALID;
        }
        break;
    default:
        break;
    }
}

/* ---- types that contain themselves by value ---- */

typedef struct Contain {
    Checker *c;
    VEC(Type *) path;
    bool unsure; /* something was too deep or is not resolved yet */
} Contain;

static Type *origin_of(Type *t)
{
    return t->named.origin ? t->named.origin : t;
}

static void report_containment(Contain *v, uint32_t from)
{
    Checker *c = v->c;
    uint32_t n = v->path.n - from, start = 0;
    for (uint32_t i = 1; i < n; i++) {
        Type *t = v->path.at[from + i], *best = v->path.at[from + start];
        bool generic = t->named.targs.n, best_generic = best->named.targs.n;
        if (generic == best_generic ? t->named.obj->pos < best->named.obj->pos : best_generic) {
            start = i; /* a generic type is rarely to blame */
        }
    }
    Obj *first = v->path.at[from + start]->named.obj;
    if (n == 1) {
        check_error(c, first->pos, first->pos + (Pos)strlen(first->name), "InvalidTypeCycle",
                    "invalid recursive type: %s refers to itself", first->name);
        return;
    }
    char *text = mem_printf("invalid recursive type %s", first->name);
    for (uint32_t i = 0; i < n; i++) {
        Obj *a = v->path.at[from + (start + i) % n]->named.obj;
        Obj *b = v->path.at[from + (start + i + 1) % n]->named.obj;
        text = mem_printf("%s\n\t%s: %s refers to %s", text, check_pos_text(c, a->pos), a->name,
                          b->name);
    }
    check_error(c, first->pos, first->pos + (Pos)strlen(first->name), "InvalidTypeCycle", "%s",
                text);
}

static bool contain(Contain *v, Type *t);

static bool contain_named(Contain *v, Type *t)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < v->path.n; i++) {
        if (v->path.at[i] == t || (origin_of(v->path.at[i]) == origin_of(t) && ++same > 8)) {
            report_containment(v, i);
            return false;
        }
    }
    if (t->named.finite) {
        return true;
    }
    Type *u = named_underlying(t);
    bool unsure = v->unsure;
    v->unsure = u->kind == T_INVALID;
    VEC_PUSH(v->path, t);
    bool ok = contain(v, u);
    v->path.n--;
    t->named.finite = ok && !v->unsure;
    v->unsure |= unsure;
    if (!ok && !t->named.origin) {
        t->named.underlying = INVALID;
    }
    return ok;
}

static bool contain(Contain *v, Type *t)
{
    mem_step();
    if (!t || v->path.n > 200) {
        v->unsure = true;
        return true;
    }
    switch (t->kind) {
    case T_NAMED:
        return contain_named(v, t);
    case T_ARRAY:
        return contain(v, t->array.elem);
    case T_STRUCT:
        for (uint32_t i = 0; i < t->struct_.n; i++) {
            if (!contain(v, t->struct_.fields[i].type)) {
                return false;
            }
        }
        return true;
    case T_UNION:
        for (uint32_t i = 0; i < t->union_.n; i++) {
            if (!contain(v, t->union_.terms[i].type)) {
                return false;
            }
        }
        return true;
    case T_INTERFACE:
        for (uint32_t i = 0; i < t->iface.nembeds; i++) {
            if (!contain(v, t->iface.embeds[i])) {
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

void check_valid_type(Checker *c, Type *named)
{
    Contain v = {.c = c};
    contain(&v, named);
}

static void valid_type_later(Checker *c, void *a, void *b)
{
    check_valid_type(c, a);
}

/* ---- type declarations ---- */

static void set_underlying(Checker *c, Type *named, Type *under)
{
    named->named.underlying = under;
    for (uint32_t i = 0; i < c->nwaiting; i++) {
        if (c->waiting[i].rhs == named) {
            Type *w = c->waiting[i].named;
            c->waiting[i] = c->waiting[--c->nwaiting];
            set_underlying(c, w, under);
            i = (uint32_t)-1;
        }
    }
}

/* type T U where U is not resolved yet: T waits for it. */
static void wait_for(Checker *c, Type *named, Type *rhs)
{
    Type *t = rhs;
    for (uint32_t hops = 0; t && hops <= c->nwaiting; hops++) {
        if (t == named) {
            uint32_t from = c->path.n;
            while (from > 0 && c->path.at[from - 1] != named->named.obj) {
                from--;
            }
            if (from > 0) {
                report_cycle(c, from - 1);
            }
            set_underlying(c, named, INVALID);
            return;
        }
        Type *next = NULL;
        for (uint32_t i = 0; i < c->nwaiting; i++) {
            if (c->waiting[i].named == t) {
                next = c->waiting[i].rhs;
            }
        }
        t = next;
    }
    if (c->nwaiting == c->cap_waiting) {
        uint32_t cap = c->cap_waiting ? c->cap_waiting * 2 : 8;
        c->waiting = mem_grow(c->waiting, c->cap_waiting * sizeof *c->waiting,
                              cap * sizeof *c->waiting);
        c->cap_waiting = cap;
    }
    c->waiting[c->nwaiting].named = named;
    c->waiting[c->nwaiting++].rhs = rhs;
}

/* Fields and methods of one type share a name space. */
static void field_conflicts(Checker *c, void *a, void *b)
{
    Type *named = a;
    Type *u = type_under(named);
    if (u->kind != T_STRUCT || !named->named.methods.n) {
        return;
    }
    Scope *fields = scope_new(NULL);
    for (uint32_t i = 0; i < u->struct_.n; i++) {
        StructField *f = &u->struct_.fields[i];
        if (strcmp(f->name, "_") != 0) {
            Obj *o = check_new_obj(c, OBJ_VAR, f->name, f->pos, f->type);
            scope_insert(fields, o);
        }
    }
    for (uint32_t i = 0; i < named->named.methods.n; i++) {
        Obj *m = named->named.methods.at[i];
        Obj *f = scope_lookup(fields, m->name);
        if (f) {
            check_error(c, m->pos, m->pos + (Pos)strlen(m->name), "DuplicateFieldAndMethod",
                        "field and method with the same name %s\n\t%s: other declaration of %s",
                        m->name, check_pos_text(c, f->pos), m->name);
        }
    }
}

static void add_methods(Checker *c, Obj *o, Type *named)
{
    Scope *seen = o->deps.n > 1 ? scope_new(NULL) : NULL;
    for (uint32_t i = 0; i < o->deps.n; i++) {
        Obj *m = o->deps.at[i];
        m->recv_named = named;
        if (seen) {
            Obj *old = scope_lookup(seen, m->name);
            if (old) {
                check_error(c, m->pos, m->pos + (Pos)strlen(m->name), "DuplicateMethod",
                            "method %s.%s already declared at %s", o->name, m->name,
                            check_pos_text(c, old->pos));
                continue;
            }
            scope_insert(seen, m);
            m->parent = NULL;
        }
        VEC_PUSH(named->named.methods, m);
    }
    if (o->deps.n) {
        check_later(c, field_conflicts, named, NULL);
    }
}

static void alias_decl(Checker *c, Obj *o, Decl *d)
{
    if (d->type.tparams.n) {
        check_push_scope(c, d->pos, d->end);
        if (check_allows(c, d->pos, 18)) {
            check_version(c, o->pos, 0, 23, "generic type alias");
        }
        TypeList ignored;
        check_tparams(c, &d->type.tparams, &ignored);
    }
    o->type = NULL;
    Type *t = check_generic_type(c, d->type.type);
    if (d->type.tparams.n) {
        check_pop_scope(c);
    } else if (t->kind == T_NAMED && t->named.tparams.n && !t->named.origin) {
        check_error_at(c, d->type.type, "GenericUse",
                       "cannot use generic type %s without instantiation", check_type_text(c, t));
        t = INVALID;
    }
    o->type = t;
}

static void type_decl(Checker *c, Obj *o, Decl *d)
{
    if (o->is_alias) {
        alias_decl(c, o, d);
        return;
    }
    Type *named = type_new(T_NAMED);
    named->named.obj = o;
    named->named.in_func = c->env.func;
    named->named.serial = o->is_global ? 0 : ++c->serial;
    o->type = named;
    add_methods(c, o, named);
    if (d->type.tparams.n) {
        check_push_scope(c, d->pos, d->end);
        check_tparams(c, &d->type.tparams, &named->named.tparams);
    }
    Type *rhs = d->type.type ? check_type(c, d->type.type) : INVALID;
    if (d->type.tparams.n) {
        check_pop_scope(c);
    }
    if (rhs->kind == T_TPARAM) {
        check_error_at(c, d->type.type, "MisplacedTypeParam",
                       "cannot use a type parameter as RHS in type declaration");
        set_underlying(c, named, INVALID);
    } else if (rhs->kind == T_NAMED && !rhs->named.origin && !rhs->named.underlying) {
        wait_for(c, named, rhs);
    } else if (rhs->kind == T_NAMED && rhs->named.origin
               && !rhs->named.origin->named.underlying) {
        if (rhs->named.origin == named) {
            check_error(c, o->pos, o->pos + (Pos)strlen(o->name), "InvalidTypeCycle",
                        "invalid recursive type: %s refers to itself", o->name);
            set_underlying(c, named, INVALID);
        } else {
            wait_for(c, named, rhs->named.origin);
        }
    } else {
        set_underlying(c, named, type_under(rhs));
    }
    check_later(c, valid_type_later, named, NULL);
}

TypeList check_decl_tparams(const Decl *d)
{
    TypeList l = {MEM_NEW_N(Type *, d->type.tparams.n + 1), 0};
    for (uint32_t i = 0; i < d->type.tparams.n; i++) {
        Field *f = d->type.tparams.at[i];
        if (f->obj && f->obj->type) {
            l.at[l.n++] = f->obj->type;
        }
    }
    return l;
}

/* Declares type parameters in the current scope; constraints may mention all of them. */
void check_tparams(Checker *c, FieldList *list, TypeList *out)
{
    out->at = MEM_NEW_N(Type *, list->n + 1);
    out->n = 0;
    if (list->n && list->at[0]->name) {
        check_version(c, list->at[0]->name->start, list->at[0]->name->end, 18, "type parameter");
    }
    for (uint32_t i = 0; i < list->n; i++) {
        Field *f = list->at[i];
        if (!f->name || f->name->kind != EX_NAME) {
            continue;
        }
        Type *t = type_new(T_TPARAM);
        Obj *o = check_new_obj(c, OBJ_TYPE, f->name->name.name, f->name->start, t);
        t->tparam.obj = o;
        t->tparam.index = out->n;
        t->tparam.serial = ++c->serial;
        t->tparam.constraint = type_empty_iface;
        o->used = true;
        f->obj = f->name->name.obj = o;
        out->at[out->n++] = t;
        check_declare(c, c->env.scope, o);
    }
    bool saved = c->env.in_tparams;
    c->env.in_tparams = true;
    Type *bound = NULL;
    for (uint32_t i = 0; i < list->n; i++) {
        Field *f = list->at[i];
        if (!f->obj) {
            continue;
        }
        if (i == 0 || f->type != list->at[i - 1]->type || !bound) {
            bound = f->type ? check_constraint(c, f->type) : type_empty_iface;
        }
        f->obj->type->tparam.constraint = bound;
    }
    c->env.in_tparams = saved;
}

/* ---- constants and variables ---- */

static bool lost_const_type(Type *t)
{
    return !is_invalid(t) && !type_is_const_type(t);
}

void check_const_decl(Checker *c, Obj *o, Decl *d, uint32_t index)
{
    const Const *saved = c->env.iota;
    c->env.iota = const_i64((int64_t)d->value.iota);
    o->cval = const_unknown();
    Decl *from = d->value.inherited ? d->value.inherited : d;
    Type *t = NULL;
    Pos err_pos = c->env.err_pos, err_end = c->env.err_end;
    if (d->value.inherited) {
        c->env.err_pos = o->pos;
        c->env.err_end = o->pos + (Pos)strlen(o->name);
    }
    if (from->value.type) {
        t = check_type(c, from->value.type);
        if (lost_const_type(t) && type_under(t)->kind != T_INVALID) {
            check_error_at(c, from->value.type, "InvalidConstType", "invalid constant type %s",
                           check_type_text(c, t));
            o->type = INVALID;
            c->env.iota = saved;
            c->env.err_pos = err_pos;
            c->env.err_end = err_end;
            return;
        }
        o->type = t;
    }
    if (index < from->value.values.n) {
        Expr *x = from->value.values.at[index];
        check_expr(c, x, NULL);
        check_init_const(c, o, x);
    } else {
        o->type = INVALID;
    }
    c->env.iota = saved;
    c->env.err_pos = err_pos;
    c->env.err_end = err_end;
}

static void const_arity(Checker *c, Decl *d)
{
    Decl *from = d->value.inherited ? d->value.inherited : d;
    uint32_t l = d->value.names.n, r = from->value.values.n;
    if (l < r) {
        Expr *x = d == from ? from->value.values.at[l] : d->value.names.at[0];
        check_error_at(c, x, "WrongAssignCount", "extra init expr");
    } else if (l > r) {
        Expr *n = d->value.names.at[r];
        check_error_at(c, n, "WrongAssignCount", "missing init expr for %s", expr_string(n));
    }
}

static uint32_t index_of_name(Decl *d, Obj *o)
{
    uint32_t i = 0;
    while (i < d->value.names.n && d->value.names.at[i]->name.obj != o) {
        i++;
    }
    return i;
}

static void const_obj(Checker *c, Obj *o, Decl *d)
{
    uint32_t i = index_of_name(d, o);
    if (i == 0) {
        const_arity(c, d);
    }
    check_const_decl(c, o, d, i);
}

/* The variables of a declaration that one call initialises are resolved together. */
/* The value of a variable below //go:embed, as an expression that is checked already. */
static Expr *embedded_value(Checker *c, Decl *d, Type *t)
{
    Embed *e = d->value.embed;
    Type *u = type_under(t);
    bool fs = t->kind == T_NAMED && t->named.obj->pkg && t->named.obj->pkg->is_std &&
              !strcmp(t->named.obj->pkg->path, "embed") && !strcmp(t->named.obj->name, "FS");
    bool bytes = u->kind == T_SLICE && type_under(u->slice.elem)->kind == T_UINT8;
    if (!fs && !bytes && u->kind != T_STRING) {
        check_error(c, e->pos, e->end, "Embed", "go:embed cannot apply to var of type %s",
                    check_type_text(c, t));
        return NULL;
    }
    if (!fs && e->files.n != 1) {
        check_error(c, e->pos, e->end, "Embed", "invalid go:embed: multiple files for type %s",
                    check_type_text(c, t));
        return NULL;
    }
    Expr *lit = MEM_NEW(Expr);
    lit->kind = EX_LIT;
    lit->pos = lit->start = e->pos;
    lit->end = e->end;
    lit->lit.tok = TOK_STRING;
    lit->lit.text = "";
    lit->mode = MODE_CONST;
    lit->type = basic(T_STRING);
    lit->cval = fs ? goembed_image(e) : const_string(e->files.at[0].data, e->files.at[0].len);
    if (!fs && !bytes) {
        lit->type = t;
        return lit;
    }
    Expr *x = MEM_NEW(Expr);
    *x = *lit;
    x->cval = NULL;
    memset(&x->lit, 0, sizeof x->lit);
    if (fs) {
        x->kind = EX_COMPOSITE;
        VEC_PUSH(x->composite.elems, lit);
    } else {
        x->kind = EX_CALL;
        x->call.call_kind = CALL_CONVERSION;
        x->call.fn = d->value.type;
        VEC_PUSH(x->call.args, lit);
    }
    x->mode = MODE_VALUE;
    x->type = t;
    return x;
}

static void var_obj(Checker *c, Obj *o, Decl *d)
{
    uint32_t n = d->value.names.n;
    if (d->value.type) {
        Type *t = check_var_type(c, d->value.type);
        for (uint32_t i = 0; i < n; i++) {
            Obj *v = d->value.names.at[i]->name.obj;
            if (v && d->value.names.at[i]->kind == EX_NAME) {
                v->type = t;
            }
        }
    }
    if (d->value.embed && o->type && !is_invalid(o->type) && !d->value.embed->bad) {
        Expr *x = embedded_value(c, d, o->type);
        if (x) {
            VEC_PUSH(d->value.values, x);
        }
        return;
    }
    if (!d->value.values.n) {
        if (!d->value.type) {
            o->type = INVALID;
        }
        return;
    }
    if (n == 1 && d->value.values.n == 1) {
        Expr *x = d->value.values.at[0];
        check_generic_expr(c, x);
        check_init_var(c, o, x, "variable declaration");
        return;
    }
    Obj **lhs = MEM_NEW_N(Obj *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        lhs[i] = d->value.names.at[i]->name.obj;
        if (d->value.names.at[i]->kind != EX_NAME || !lhs[i]) {
            return;
        }
        if (lhs[i] != o) {
            lhs[i]->color = BLACK;
        }
    }
    check_init_vars(c, lhs, n, &d->value.values, NULL, o->pos, "variable declaration");
    for (uint32_t i = 0; i < n && d->value.values.n == 1; i++) {
        if (lhs[i] != o) {
            lhs[i]->deps.at = o->deps.at;
            lhs[i]->deps.n = o->deps.n;
            lhs[i]->deps.cap = o->deps.n;
        }
    }
}

/* ---- functions ---- */

static void body_later(Checker *c, void *a, void *b)
{
    Obj *o = a;
    Decl *d = o->fdecl;
    if (o->body_state == 2 || !o->type || o->type->kind != T_FUNC) {
        return;
    }
    o->body_state = 2;
    check_func_body(c, o->type, d->func.sig, d->func.body, d->func.scope, o, 0);
}

static void func_obj(Checker *c, Obj *o, Decl *d)
{
    o->type = NULL;
    c->env.func = o;
    d->func.scope = check_push_scope(c, d->pos, d->end);
    d->func.scope->is_func = true;
    Type *sig = check_signature(c, d->func.sig, d->func.recv, d);
    o->type = sig;
    check_pop_scope(c);
    if (sig->kind == T_FUNC && func_tparams(sig).n && !d->func.body) {
        check_error(c, o->pos, 0, "BadDecl", "generic function is missing function body");
    }
    if (d->func.body && !c->lazy) {
        o->body_state = 1;
        check_later(c, body_later, o, NULL);
    }
}

static void mark_params_used(Checker *c, FuncType *ft)
{
    for (uint32_t i = 0; i < ft->params.n; i++) {
        if (ft->params.at[i]->obj) {
            ft->params.at[i]->obj->used = true;
        }
    }
}

void check_func_body(Checker *c, Type *sig, FuncType *ft, Block *body, Scope *scope, Obj *func,
                     uint32_t depth)
{
    Env saved = c->env;
    c->env.scope = scope;
    c->env.sig = sig;
    c->env.sig_syntax = ft;
    c->cfg.diags->working = func ? func->pos : body->pos;
    c->env.func = func;
    c->env.depth = depth;
    c->env.has_label = c->env.call_or_recv = false;
    c->env.brk = c->env.cont = NULL;
    c->env.in_tparams = false;
    body->scope = scope;
    mark_params_used(c, ft);
    check_stmts(c, &body->stmts, 0);
    if (c->env.has_label) {
        check_labels(c, body);
    }
    if (sig->func.nresults && !check_terminates(&body->stmts)) {
        check_error(c, body->rbrace, 0, "MissingReturn", "missing return");
    }
    c->env = saved;
}

/* ---- resolving ---- */

void check_obj(Checker *c, Obj *o)
{
    if (o->color == BLACK) {
        return;
    }
    if (o->color == GREY) {
        meet_grey(c, o);
        return;
    }
    Decl *d = o->fdecl ? o->fdecl : o->decl;
    c->cfg.diags->working = o->pos;
    if (!d || !check_enter(c, o->pos)) {
        o->color = BLACK;
        if (!o->type) {
            o->type = INVALID;
        }
        return;
    }
    o->color = GREY;
    VEC_PUSH(c->path, o);
    Env saved = c->env;
    memset(&c->env, 0, sizeof c->env);
    c->env.scope = d->fscope;
    c->env.decl = o->kind == OBJ_TYPE ? NULL : o;
    switch (o->kind) {
    case OBJ_CONST: const_obj(c, o, d); break;
    case OBJ_VAR: var_obj(c, o, d); break;
    case OBJ_TYPE: type_decl(c, o, d); break;
    case OBJ_FUNC: func_obj(c, o, d); break;
    default: break;
    }
    if (!o->type) {
        o->type = INVALID;
    }
    c->env = saved;
    assert(c->path.n > 0);
    c->path.n--;
    o->color = BLACK;
    check_leave(c);
}

/* ---- local declarations ---- */

static void local_const(Checker *c, Decl *d)
{
    uint32_t n = d->value.names.n;
    Obj **objs = MEM_NEW_N(Obj *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        Expr *name = d->value.names.at[i];
        if (name->kind != EX_NAME) {
            continue;
        }
        Obj *o = check_new_obj(c, OBJ_CONST, name->name.name, name->start, NULL);
        o->decl = d;
        objs[i] = name->name.obj = o;
        check_const_decl(c, o, d, i);
    }
    const_arity(c, d);
    for (uint32_t i = 0; i < n; i++) {
        if (objs[i]) {
            check_declare(c, c->env.scope, objs[i]);
        }
    }
}

static void local_var(Checker *c, Decl *d)
{
    uint32_t n = d->value.names.n, r = d->value.values.n;
    Obj **objs = MEM_NEW_N(Obj *, n + 1);
    Type *t = d->value.type ? check_var_type(c, d->value.type) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        Expr *name = d->value.names.at[i];
        if (name->kind != EX_NAME) {
            check_use_list(c, &d->value.values);
            return;
        }
        objs[i] = check_new_obj(c, OBJ_VAR, name->name.name, name->start, t);
        objs[i]->decl = d;
        name->name.obj = objs[i];
    }
    if (r) {
        check_init_vars(c, objs, n, &d->value.values, NULL, d->value.names.at[0]->start,
                        "variable declaration");
    } else if (!t) {
        for (uint32_t i = 0; i < n; i++) {
            objs[i]->type = INVALID;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        check_declare(c, c->env.scope, objs[i]);
        if (strcmp(objs[i]->name, "_") != 0) {
            VEC_PUSH(c->vars, objs[i]);
        }
        if (is_invalid(objs[i]->type)) {
            objs[i]->used = true;
        }
    }
}

static void local_type(Checker *c, Decl *d)
{
    Expr *name = d->type.name;
    if (!name || name->kind != EX_NAME) {
        return;
    }
    Obj *o = check_new_obj(c, OBJ_TYPE, name->name.name, name->start, NULL);
    o->is_alias = d->type.alias;
    o->decl = d;
    name->name.obj = d->type.obj = o;
    check_declare(c, c->env.scope, o);
    o->color = GREY;
    VEC_PUSH(c->path, o);
    type_decl(c, o, d);
    if (!o->type) {
        o->type = INVALID;
    }
    c->path.n--;
    o->color = BLACK;
}

void check_local_decl(Checker *c, Decl *d)
{
    d->fscope = c->env.scope;
    switch ((DeclKind)d->kind) {
    case DECL_CONST: local_const(c, d); break;
    case DECL_VAR: local_var(c, d); break;
    case DECL_TYPE: local_type(c, d); break;
    default: break;
    }
}
