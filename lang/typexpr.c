/* typexpr.c - names and type expressions: what an identifier denotes, and the types that the
 * syntax of types builds. Conditions on components that may still be incomplete (map keys,
 * embedded fields, constraints used as types) are checked later, from the queue. */
#include "lang/check.h"

#include <assert.h>
#include <string.h>

Type *check_record_type(Expr *e, Type *t)
{
    e->mode = is_invalid(t) ? MODE_INVALID : MODE_TYPE;
    e->type = t;
    e->cval = NULL;
    return t;
}

bool check_is_generic(Type *t)
{
    return t && t->kind == T_NAMED && t->named.tparams.n && !t->named.origin;
}

/* ---- names ---- */

static void add_dep(Checker *c, Obj *o)
{
    Obj *d = c->env.decl;
    if (!d || d->kind == OBJ_TYPE || o->pkg != c->pkg || !o->is_global) {
        return;
    }
    uint32_t n = d->deps.n;
    for (uint32_t i = n > 8 ? n - 8 : 0; i < n; i++) {
        if (d->deps.at[i] == o) {
            return;
        }
    }
    VEC_PUSH(d->deps, o);
}

static void undefined_name(Checker *c, Expr *e)
{
    Name name = e->name.name;
    check_invalid(e);
    if (!strcmp(name, "_")) {
        check_error_at(c, e, "InvalidBlank", "cannot use _ as value or type");
        return;
    }
    if (!strcmp(name, "?")) {
        return;
    }
    check_error_at(c, e, "UndeclaredName", "undefined: %s", name);
    const char *best = NULL;
    for (Scope *s = c->env.scope; s && !best; s = s->parent) {
        best = check_similar(s, name);
    }
    DiagList *d = c->cfg.diags;
    if (best && d->all.n && d->all.at[d->all.n - 1].pos == e->start) {
        d->all.at[d->all.n - 1].fix = mem_printf("did you mean %s?", best);
    }
}

static void const_name(Checker *c, Expr *e, Obj *o)
{
    e->type = o->type;
    if (!o->pkg && o->parent == universe && !strcmp(o->name, "iota")) {
        if (!c->env.iota) {
            check_error_at(c, e, "InvalidIota", "cannot use iota outside constant declaration");
            check_invalid(e);
            return;
        }
        e->cval = (Const *)c->env.iota;
    } else {
        e->cval = o->cval;
    }
    if (is_invalid(o->type)) {
        check_invalid(e);
        return;
    }
    if (!e->cval) {
        e->cval = const_unknown();
    }
    e->mode = MODE_CONST;
}

static void use_dot_import(Checker *c, Package *p)
{
    for (uint32_t i = 0; i < c->pkgnames.n; i++) {
        Obj *o = c->pkgnames.at[i];
        if (o->imported == p && !strcmp(o->name, ".")) {
            o->used = true;
        }
    }
}

void check_name(Checker *c, Expr *e, bool want_type)
{
    Obj *o = scope_lookup_parent(c->env.scope, e->name.name, 0, NULL);
    e->cval = NULL;
    e->mode = MODE_INVALID;
    if (!o) {
        undefined_name(c, e);
        return;
    }
    e->name.obj = o;
    if (o->pkg && o->pkg != c->pkg) {
        use_dot_import(c, o->pkg);
    }
    if (o->color != BLACK) {
        if (o->pkg == c->pkg) {
            check_obj(c, o);
        } else {
            check_object(o);
        }
    }
    switch ((ObjKind)o->kind) {
    case OBJ_PKGNAME:
        check_error_at(c, e, "InvalidPkgUse", "use of package %s without selector", o->name);
        check_invalid(e);
        return;
    case OBJ_CONST:
        add_dep(c, o);
        const_name(c, e, o);
        o->used = true;
        return;
    case OBJ_TYPE:
        o->used = true;
        if (c->old_files && o->parent == universe &&
            (!strcmp(o->name, "any") || !strcmp(o->name, "comparable"))) {
            check_version(c, e->start, e->end, 18, "predeclared %s", o->name);
        }
        check_record_type(e, o->type);
        return;
    case OBJ_VAR:
        o->used = true;
        add_dep(c, o);
        e->type = o->type;
        e->mode = MODE_VAR;
        if (is_invalid(o->type)) {
            check_invalid(e);
        }
        return;
    case OBJ_FUNC:
        add_dep(c, o);
        e->name.targs = NULL;
        e->name.ntargs = 0;
        e->type = o->type;
        e->mode = MODE_VALUE;
        if (is_invalid(o->type)) {
            check_invalid(e);
        }
        return;
    case OBJ_BUILTIN:
        e->mode = MODE_BUILTIN;
        e->type = INVALID;
        return;
    case OBJ_NIL:
        e->mode = MODE_NIL;
        e->type = basic(T_UNTYPED_NIL);
        return;
    default:
        check_invalid(e);
        return;
    }
}

/* ---- arrays, structs ---- */

static int64_t array_length(Checker *c, Expr *e)
{
    if (e->kind == EX_NAME) {
        Obj *o = scope_lookup_parent(c->env.scope, e->name.name, 0, NULL);
        if (!o) {
            check_error_at(c, e, "InvalidArrayLen", "undefined array length %s or missing type "
                           "constraint", e->name.name);
            return -1;
        }
        if (o->kind != OBJ_CONST && o->kind != OBJ_PKGNAME) {
            check_name(c, e, false);
            check_error_at(c, e, "InvalidArrayLen", "invalid array length %s", e->name.name);
            return -1;
        }
    }
    check_expr(c, e, NULL);
    if (e->mode == MODE_INVALID) {
        return -1;
    }
    if (e->mode != MODE_CONST) {
        check_error_at(c, e, "InvalidArrayLen", "array length %s must be constant",
                       check_operand_text(c, e));
        return -1;
    }
    if (type_is_untyped(e->type) || type_is_integer(e->type)) {
        Const *v = const_to_int(e->cval);
        if (v && const_kind(v) == CK_INT) {
            int64_t n;
            if (const_as_i64(v, &n) && n >= 0 && n < INT64_C(1) << 50) {
                if (type_is_untyped(e->type)) {
                    check_convert(c, e, basic(T_INT));
                }
                return n;
            }
            check_error_at(c, e, "InvalidArrayLen", "invalid array length %s",
                           check_operand_text(c, e));
            return -1;
        }
    }
    check_error_at(c, e, "InvalidArrayLen", type_is_integer(e->type) ? "invalid array length %s"
                   : "array length %s must be integer", check_operand_text(c, e));
    return -1;
}

static Type *array_type(Checker *c, Expr *e)
{
    Expr *len = e->array_type.len;
    if (!len) {
        return type_slice(check_var_type(c, e->array_type.elem));
    }
    if (len->kind == EX_ELLIPSIS) {
        check_error_at(c, len, "BadDotDotDotSyntax",
                       "invalid use of [...] array (outside a composite literal)");
        check_var_type(c, e->array_type.elem);
        return INVALID;
    }
    int64_t n = array_length(c, len);
    Type *elem = check_var_type(c, e->array_type.elem);
    return n < 0 ? INVALID : type_array(elem, n);
}

static Name embedded_name(Expr *t)
{
    for (;;) {
        switch (t->kind) {
        case EX_NAME: return t->name.name;
        case EX_STAR: t = t->star.x; break;
        case EX_PAREN: t = t->paren.x; break;
        case EX_INDEX: t = t->index.x; break;
        case EX_SELECTOR:
            return t->selector.sel->kind == EX_NAME ? t->selector.sel->name.name : NULL;
        default: return NULL;
        }
        if (!t) {
            return NULL;
        }
    }
}

/* What may not be embedded can be told when the types are complete. */
static void embedded_later(Checker *c, void *a, void *b)
{
    Expr *e = a;
    Type *t = b;
    bool ptr = t->kind == T_POINTER;
    Type *base = ptr ? t->pointer.elem : t;
    Type *u = type_under(base);
    if (base->kind == T_TPARAM) {
        check_error_at(c, e, "MisplacedTypeParam", "embedded field type cannot be a %s",
                       ptr ? "pointer to a type parameter" : "type parameter");
    } else if (u->kind == T_UNSAFE_POINTER) {
        check_error_at(c, e, "InvalidPtrEmbed", "embedded field type cannot be unsafe.Pointer");
    } else if (u->kind == T_POINTER) {
        check_error_at(c, e, "InvalidPtrEmbed", "embedded field type cannot be a pointer");
    } else if (ptr && u->kind == T_INTERFACE) {
        check_error_at(c, e, "InvalidPtrEmbed",
                       "embedded field type cannot be a pointer to an interface");
    }
}

static void field_tag(StructField *f, Expr *tag)
{
    if (!tag || tag->kind != EX_LIT || tag->lit.tok != TOK_STRING) {
        return;
    }
    Const *v = const_literal(TOK_STRING, tag->lit.text, tag->lit.len);
    if (v) {
        size_t n;
        const char *s = const_as_string(v, &n);
        if (n) {
            f->tag = mem_strndup(s, n);
            f->tag_len = (uint32_t)n;
        }
    }
}

static void struct_field(Checker *c, Type *st, Scope *seen, Field *f, Type *t)
{
    StructField *sf = &st->struct_.fields[st->struct_.n];
    Expr *at = f->embedded ? f->type : f->name;
    sf->name = f->embedded ? embedded_name(f->type) : f->name->name.name;
    if (!sf->name) {
        if (!is_invalid(t)) {
            check_error_at(c, f->type, "BadDecl", "invalid embedded field type %s",
                           expr_string(f->type));
        }
        return;
    }
    sf->type = t;
    sf->embedded = f->embedded;
    sf->pkg = c->pkg;
    sf->pos = at->start;
    field_tag(sf, f->tag);
    Obj *o = check_new_obj(c, OBJ_VAR, sf->name, at->start, t);
    o->is_field = true;
    f->obj = o;
    if (f->name && f->name->kind == EX_NAME) {
        f->name->name.obj = o;
    }
    st->struct_.n++;
    if (strcmp(sf->name, "_") != 0) {
        Obj *old = scope_insert(seen, o);
        if (old) {
            check_error(c, o->pos, o->pos + (Pos)strlen(o->name), "DuplicateDecl",
                        "%s redeclared\n\t%s: other declaration of %s", o->name,
                        check_pos_text(c, old->pos), o->name);
            st->struct_.n--;
        }
    }
}

static Type *struct_type(Checker *c, Expr *e)
{
    FieldList *l = &e->struct_type.fields;
    Type *st = type_new(T_STRUCT);
    st->struct_.fields = MEM_NEW_N(StructField, l->n + 1);
    Scope *seen = scope_new(NULL);
    Type *t = NULL;
    for (uint32_t i = 0; i < l->n; i++) {
        Field *f = l->at[i];
        if (!f->type || (!f->embedded && (!f->name || f->name->kind != EX_NAME))) {
            continue;
        }
        if (i == 0 || f->type != l->at[i - 1]->type || !t) {
            t = check_var_type(c, f->type);
        }
        if (f->embedded && !is_invalid(t)) {
            check_later(c, embedded_later, f->type, t);
        }
        struct_field(c, st, seen, f, t);
    }
    return st;
}

/* ---- functions ---- */

static Obj *param_obj(Checker *c, Field *f, Type *t)
{
    Name name = f->name && f->name->kind == EX_NAME ? f->name->name.name : NULL;
    Obj *o = check_new_obj(c, OBJ_VAR, name, f->name ? f->name->start : f->type->start, t);
    o->used = true;
    f->obj = o;
    if (f->name && f->name->kind == EX_NAME) {
        f->name->name.obj = o;
    }
    return o;
}

/* Parameters are visible in the body only, so they are declared when all types are known. */
static void declare_params(Checker *c, FieldList *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->at[i]->obj && l->at[i]->obj->name) {
            check_declare(c, c->env.scope, l->at[i]->obj);
        }
    }
}

static uint32_t params(Checker *c, FieldList *l, Param **out, bool results, bool *variadic)
{
    Param *ps = MEM_NEW_N(Param, l->n + 1);
    uint32_t n = 0;
    Type *t = NULL;
    for (uint32_t i = 0; i < l->n; i++) {
        Field *f = l->at[i];
        if (!f->type) {
            continue;
        }
        if (i == 0 || f->type != l->at[i - 1]->type || !t) {
            if (f->type->kind == EX_ELLIPSIS) {
                Type *elem = f->type->ellipsis.elem ? check_var_type(c, f->type->ellipsis.elem)
                                                    : INVALID;
                if (i + 1 != l->n || results) {
                    check_error_at(c, f->type, "MisplacedDotDotDot",
                                   "can only use ... with final parameter in list");
                    t = elem;
                } else {
                    *variadic = true;
                    t = type_slice(elem);
                }
                check_record_type(f->type, t);
            } else {
                t = check_var_type(c, f->type);
            }
        }
        Obj *o = param_obj(c, f, t);
        o->is_param = !results;
        o->is_result = results;
        ps[n].name = o->name;
        ps[n++].type = t;
    }
    *out = ps;
    return n;
}

/* The receiver's base type name and whether it is a pointer, from its syntax. */
static Expr *receiver_name(Expr *t, bool *ptr)
{
    t = check_unparen(t);
    while (t && t->kind == EX_STAR) {
        *ptr = true;
        t = check_unparen(t->star.x);
    }
    return t;
}

/* func (r T[A, B]) m(): A and B are type parameters of the method, in place of T's own. */
static Type *generic_receiver(Checker *c, Expr *base, Decl *d, TypeList *rparams)
{
    Expr *tname = base->kind == EX_INDEX ? base->index.x : base;
    Type *origin = check_generic_type(c, tname);
    ExprList *names = d->func.recv_tparams.n ? &d->func.recv_tparams
                      : base->kind == EX_INDEX ? &base->index.index : &d->func.recv_tparams;
    uint32_t n = names->n;
    rparams->at = MEM_NEW_N(Type *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        Expr *name = names->at[i];
        Type *t = type_new(T_TPARAM);
        Name id = name->kind == EX_NAME ? name->name.name : name_of("_");
        if (name->kind != EX_NAME) {
            check_error_at(c, name, "BadDecl", "receiver type parameter %s must be an identifier",
                           expr_string(name));
        }
        Obj *o = check_new_obj(c, OBJ_TYPE, id, name->start, t);
        t->tparam.obj = o;
        t->tparam.index = i;
        t->tparam.serial = ++c->serial;
        t->tparam.constraint = type_empty_iface;
        o->used = true;
        if (name->kind == EX_NAME) {
            name->name.obj = o;
            check_record_type(name, t);
        }
        rparams->at[rparams->n++] = t;
        check_declare(c, c->env.scope, o);
    }
    if (is_invalid(origin)) {
        return INVALID;
    }
    if (!check_is_generic(origin)) {
        check_error_at(c, tname, "NotAGenericType", "cannot use %s as generic type: %s is not a "
                       "generic type", expr_string(base), check_type_text(c, origin));
        return INVALID;
    }
    if (origin->named.tparams.n != n) {
        check_error_at(c, base, "BadRecv", "receiver declares %u type parameters, but receiver "
                       "base type declares %u", n, origin->named.tparams.n);
        return INVALID;
    }
    Subst s = {origin->named.tparams, *rparams};
    for (uint32_t i = 0; i < n; i++) {
        rparams->at[i]->tparam.constraint
            = types_subst(origin->named.tparams.at[i]->tparam.constraint, &s);
    }
    return check_record_type(base, type_instantiate(origin, *rparams));
}

static void receiver_later(Checker *c, void *a, void *b)
{
    Expr *at = a;
    Type *t = b;
    Type *base = t->kind == T_POINTER ? t->pointer.elem : t;
    if (is_invalid(base)) {
        return;
    }
    if (base->kind == T_NAMED) {
        Type *u = type_under(base);
        if (base->named.obj->pkg != c->pkg) {
            check_error_at(c, at, "InvalidRecv", "cannot define new methods on non-local type %s",
                           check_type_text(c, base));
        } else if (u->kind == T_POINTER || u->kind == T_INTERFACE) {
            check_error_at(c, at, "InvalidRecv",
                           "invalid receiver type %s (pointer or interface type)",
                           check_type_text(c, base));
        }
    } else if (base->kind <= T_UNSAFE_POINTER || base->kind == T_INTERFACE) {
        check_error_at(c, at, "InvalidRecv", "cannot define new methods on non-local type %s",
                       check_type_text(c, base));
    } else {
        check_error_at(c, at, "InvalidRecv", "invalid receiver type %s", check_type_text(c, t));
    }
}

static Type *receiver_type(Checker *c, Field *recv, Decl *d, TypeList *rparams)
{
    bool ptr = false;
    Expr *base = receiver_name(recv->type, &ptr);
    if (!base) {
        return INVALID;
    }
    Type *t;
    if (base->kind == EX_INDEX || (d && d->func.recv_tparams.n)) {
        t = generic_receiver(c, base, d, rparams);
        if (ptr && !is_invalid(t)) {
            t = type_pointer(t);
        }
        for (Expr *e = recv->type; e != base; e = e->kind == EX_STAR ? e->star.x : e->paren.x) {
            check_record_type(e, t);
        }
    } else {
        t = check_var_type(c, recv->type);
    }
    if (!is_invalid(t)) {
        check_later(c, receiver_later, recv->type, t);
    }
    return t;
}

/* Declares receiver, parameters and results in the current scope. */
Type *check_signature(Checker *c, FuncType *ft, Field *recv, Decl *method)
{
    Type *sig = type_new(T_FUNC);
    TypeList rparams = {0};
    if (recv && recv->type) {
        Type *t = receiver_type(c, recv, method, &rparams);
        sig->func.recv = t;
        param_obj(c, recv, t)->is_param = true;
        sig->func.rparams = rparams;
    }
    if (ft->tparams.n) {
        TypeList l;
        check_tparams(c, &ft->tparams, &l);
        if (recv) {
            check_error(c, ft->tparams.at[0]->name ? ft->tparams.at[0]->name->start : 0, 0,
                        "InvalidMethodTypeParams", "methods cannot have type parameters");
        } else {
            sig->func.tparams = l;
        }
    }
    bool variadic = false, ignored = false;
    sig->func.nparams = params(c, &ft->params, &sig->func.params, false, &variadic);
    sig->func.nresults = params(c, &ft->results, &sig->func.results, true, &ignored);
    sig->func.variadic = variadic;
    if (recv && recv->obj && recv->obj->name) {
        check_declare(c, c->env.scope, recv->obj);
    }
    declare_params(c, &ft->params);
    declare_params(c, &ft->results);
    return sig;
}

static Type *func_type(Checker *c, FuncType *ft)
{
    check_push_scope(c, 0, 0);
    Type *t = check_signature(c, ft, NULL, NULL);
    check_pop_scope(c);
    return t;
}

/* ---- interfaces and unions ---- */

static void union_terms(Checker *c, Expr *e, Type *u, uint32_t *cap)
{
    Expr *x = e;
    if (x->kind == EX_BINARY && x->binary.op == TOK_OR) {
        if (check_enter(c, e->start)) {
            union_terms(c, x->binary.x, u, cap);
            union_terms(c, x->binary.y, u, cap);
        }
        check_leave(c);
        return;
    }
    UnionTerm term = {0};
    if (x->kind == EX_UNARY && x->unary.op == TOK_TILDE) {
        term.tilde = true;
        x = x->unary.x;
    }
    term.type = check_type(c, x);
    if (term.type->kind == T_TPARAM) {
        check_error_at(c, x, "MisplacedTypeParam",
                       term.tilde ? "type in term %s cannot be a type parameter"
                                  : "term cannot represent type parameter",
                       expr_string(e));
        term.type = INVALID;
    }
    check_record_type(e, term.type);
    if (u->union_.n == *cap) {
        *cap = *cap ? *cap * 2 : 4;
        u->union_.terms = mem_grow(u->union_.terms, u->union_.n * sizeof term,
                                   *cap * sizeof term);
    }
    u->union_.terms[u->union_.n++] = term;
}

/* The expressions of a union's terms, in order. */
static void union_exprs(Expr *e, ExprList *out)
{
    while (e->kind == EX_BINARY && e->binary.op == TOK_OR) {
        VEC_PUSH(*out, e->binary.y);
        e = e->binary.x;
    }
    VEC_PUSH(*out, e);
    for (uint32_t i = 0, k = out->n - 1; i < k; i++, k--) {
        Expr *swap = out->at[i];
        out->at[i] = out->at[k];
        out->at[k] = swap;
    }
}

static void check_term(Checker *c, const Expr *e, UnionTerm *t, bool alone)
{
    Type *ut = type_under(t->type);
    if (t->tilde && ut->kind == T_INTERFACE) {
        check_error_at(c, e, "InvalidUnion", "invalid use of ~ (%s is an interface)",
                       check_type_text(c, t->type));
    } else if (t->tilde && !types_identical(t->type, ut)) {
        check_error_at(c, e, "InvalidUnion", "invalid use of ~ (underlying type of %s is %s)",
                       check_type_text(c, t->type), check_type_text(c, ut));
    } else if (!alone && ut->kind == T_INTERFACE) {
        TypeSet *set = typeset_of(ut);
        if (set->comparable) {
            check_error_at(c, e, "InvalidUnion", "cannot use comparable in union");
        } else if (set->nmethods) {
            check_error_at(c, e, "InvalidUnion", "cannot use %s in union (%s contains methods)",
                           check_type_text(c, t->type), check_type_text(c, t->type));
        }
    }
}

static bool terms_overlap(const UnionTerm *o, const UnionTerm *t)
{
    return types_identical(o->type, t->type)
           || (o->tilde && types_identical(o->type, type_under(t->type)))
           || (t->tilde && types_identical(type_under(o->type), t->type));
}

static void union_later(Checker *c, void *a, void *b)
{
    Type *u = b;
    ExprList at = {0};
    union_exprs(a, &at);
    for (uint32_t i = 0; i < u->union_.n && i < at.n; i++) {
        UnionTerm *t = &u->union_.terms[i];
        Type *ut = type_under(t->type);
        if (is_invalid(ut)) {
            continue;
        }
        check_term(c, at.at[i], t, u->union_.n == 1);
        for (uint32_t k = 0; k < i && ut->kind != T_INTERFACE; k++) {
            UnionTerm *o = &u->union_.terms[k];
            if (terms_overlap(o, t)) {
                check_error_at(c, at.at[i], "InvalidUnion", "overlapping terms %s%s and %s%s",
                               t->tilde ? "~" : "", check_type_text(c, t->type),
                               o->tilde ? "~" : "", check_type_text(c, o->type));
                break;
            }
        }
    }
}

enum { MAX_TERMS = 100 }; /* Go's limit: overlaps are looked for in pairs */

static Type *union_type(Checker *c, Expr *e)
{
    Type *u = type_new(T_UNION);
    uint32_t cap = 0;
    union_terms(c, e, u, &cap);
    for (uint32_t i = 0; i < u->union_.n; i++) {
        if (is_invalid(u->union_.terms[i].type)) {
            return check_record_type(e, INVALID);
        }
    }
    if (u->union_.n > MAX_TERMS) {
        check_error_at(c, e, "InvalidUnion",
                       "cannot handle more than %d union terms (implementation limitation)",
                       MAX_TERMS);
        return check_record_type(e, INVALID);
    }
    check_later(c, union_later, e, u);
    return check_record_type(e, u);
}

static bool is_union(const Expr *e)
{
    return (e->kind == EX_BINARY && e->binary.op == TOK_OR)
           || (e->kind == EX_UNARY && e->unary.op == TOK_TILDE);
}

/* Elements that are no interfaces came with type parameters. */
static bool embed_version(Checker *c, Type *t, Pos pos)
{
    if (t->kind == T_UNION) {
        return check_version(c, pos, 0, 18, "embedding interface element %s", check_type_text(c, t));
    }
    return check_version(c, pos, 0, 18, "embedding non-interface type %s", check_type_text(c, t));
}

static void embeds_later(Checker *c, void *a, void *b)
{
    Expr *e = a;
    Type *it = b;
    Scope *seen = scope_new(NULL);
    for (uint32_t i = 0; i < it->iface.nmethods; i++) {
        Method *m = &it->iface.methods[i];
        scope_insert(seen, check_new_obj(c, OBJ_FUNC, m->name, m->pos, m->type));
    }
    for (uint32_t i = 0; i < it->iface.nembeds; i++) {
        Type *t = it->iface.embeds[i];
        if (t->kind == T_TPARAM) {
            check_error(c, it->iface.embed_pos[i], 0, "MisplacedTypeParam",
                        "cannot embed type parameter %s", check_type_text(c, t));
            continue;
        }
        Type *u = type_under(t);
        if (u->kind != T_INTERFACE) {
            if (!is_invalid(u) && !embed_version(c, t, it->iface.embed_pos[i])) {
                it->iface.nembeds--; /* as if it were not there */
                it->iface.embeds[i] = it->iface.embeds[it->iface.nembeds];
                it->iface.embed_pos[i] = it->iface.embed_pos[it->iface.nembeds];
                it->iface.set = NULL;
                i--;
            }
            continue;
        }
        TypeSet *set = typeset_of(u);
        for (uint32_t k = 0; k < set->nmethods; k++) {
            Method *m = &set->methods[k];
            Obj *o = check_new_obj(c, OBJ_FUNC, m->name, m->pos, m->type);
            Obj *old = scope_insert(seen, o);
            bool old_rule = old && !check_allows(c, it->iface.embed_pos[i], 14);
            if (old && (old_rule || !types_identical(old->type, m->type))) {
                check_error(c, it->iface.embed_pos[i], 0, "DuplicateDecl", "duplicate method %s",
                            m->name);
            }
        }
    }
    (void)e;
}

static void iface_method(Checker *c, Type *it, Scope *seen, Field *f)
{
    Name name = f->name->name.name;
    if (!strcmp(name, "_")) {
        check_error_at(c, f->name, "BlankIfaceMethod", "methods must have a unique non-blank name");
        return;
    }
    Type *sig = f->type->kind == EX_FUNC_TYPE ? func_type(c, f->type->func_type.sig) : INVALID;
    if (sig->kind != T_FUNC) {
        return;
    }
    check_record_type(f->type, sig);
    Obj *o = check_new_obj(c, OBJ_FUNC, name, f->name->start, sig);
    f->obj = f->name->name.obj = o;
    Obj *old = scope_insert(seen, o);
    if (old) {
        check_error(c, o->pos, o->pos + (Pos)strlen(name), "DuplicateDecl", "duplicate method %s",
                    name);
        return;
    }
    Method *m = &it->iface.methods[it->iface.nmethods++];
    m->name = name;
    m->pkg = c->pkg;
    m->type = sig;
    m->pos = f->name->start;
}

static Type *interface_type(Checker *c, Expr *e)
{
    FieldList *l = &e->iface_type.elems;
    Type *it = type_new(T_INTERFACE);
    it->iface.methods = MEM_NEW_N(Method, l->n + 1);
    it->iface.embeds = MEM_NEW_N(Type *, l->n + 1);
    it->iface.embed_pos = MEM_NEW_N(Pos, l->n + 1);
    Scope *seen = scope_new(NULL);
    for (uint32_t i = 0; i < l->n; i++) {
        Field *f = l->at[i];
        if (f->name && f->name->kind == EX_NAME && f->type) {
            iface_method(c, it, seen, f);
        } else if (f->type) {
            Type *t = is_union(f->type) ? union_type(c, f->type) : check_type(c, f->type);
            if (!is_invalid(t)) {
                it->iface.embed_pos[it->iface.nembeds] = f->type->start;
                it->iface.embeds[it->iface.nembeds++] = t;
            }
        }
    }
    if (it->iface.nembeds) {
        check_later(c, embeds_later, e, it);
    }
    return it;
}

static void constraint_later(Checker *c, void *a, void *b)
{
    Expr *e = a;
    Type *t = b;
    if (t->kind == T_TPARAM) {
        check_error_at(c, e, "MisplacedTypeParam",
                       "cannot use a type parameter as constraint: %s", check_type_text(c, t));
    }
}

/* A constraint; ~T, A | B and plain types stand for interfaces that hold them. */
Type *check_constraint(Checker *c, Expr *e)
{
    Type *t = is_union(e) ? union_type(c, e) : check_type(c, e);
    if (is_invalid(t)) {
        return type_empty_iface;
    }
    bool wrap = t->kind == T_UNION || (t->kind != T_NAMED && t->kind != T_INTERFACE);
    if (t->kind == T_TPARAM) {
        check_later(c, constraint_later, e, t);
        return type_empty_iface;
    }
    if (t->kind == T_NAMED && t->named.underlying && type_under(t)->kind != T_INTERFACE) {
        wrap = true;
    }
    if (!wrap) {
        return t;
    }
    Type *it = type_new(T_INTERFACE);
    it->iface.embeds = MEM_NEW(Type *);
    it->iface.embeds[0] = t;
    it->iface.embed_pos = MEM_NEW(Pos);
    it->iface.embed_pos[0] = e->start;
    it->iface.nembeds = 1;
    it->iface.implicit = true;
    return it;
}

/* ---- instances ---- */

typedef struct Verify {
    TypeList tparams, targs;
    ExprList at;
    const Expr *e;
} Verify;

bool check_verify_targs(Checker *c, TypeList tparams, TypeList targs, ExprList *at, const Expr *e)
{
    uint32_t i = 0;
    char *why = NULL;
    for (uint32_t k = 0; k < targs.n; k++) {
        if (is_invalid(targs.at[k])) {
            return false;
        }
    }
    if (types_verify(tparams, targs, &i, &why)) {
        return true;
    }
    const Expr *x = at && i < at->n ? at->at[i] : e;
    check_error_at(c, x, "InvalidTypeArg", "%s", why ? why : "invalid type argument");
    return false;
}

static void verify_later(Checker *c, void *a, void *b)
{
    Verify *v = a;
    check_verify_targs(c, v->tparams, v->targs, &v->at, v->e);
}

static Type *instance_of(Checker *c, Expr *e, Type *origin, TypeList tparams, Decl *alias)
{
    ExprList *args = &e->index.index;
    TypeList targs = {MEM_NEW_N(Type *, args->n + 1), args->n};
    bool bad = false;
    for (uint32_t i = 0; i < args->n; i++) {
        targs.at[i] = check_var_type(c, args->at[i]);
        bad |= is_invalid(targs.at[i]);
    }
    if (bad) {
        return INVALID;
    }
    if (args->n != tparams.n) {
        const Expr *at = args->n > tparams.n ? args->at[tparams.n] : e;
        check_error_at(c, at, "WrongTypeArgCount",
                       "%s type arguments for type %s: have %u, want %u",
                       args->n > tparams.n ? "too many" : "not enough", expr_string(e->index.x),
                       args->n, tparams.n);
        return INVALID;
    }
    Verify *v = MEM_NEW(Verify);
    v->tparams = tparams;
    v->targs = targs;
    v->at = *args;
    v->e = e;
    check_later(c, verify_later, v, NULL);
    if (alias) {
        Subst s = {tparams, targs};
        return types_subst(origin, &s);
    }
    return type_instantiate(origin, targs);
}

/* The alias declaration that a name denotes, if it has type parameters. */
static Decl *generic_alias(Expr *x)
{
    x = check_unparen(x);
    Obj *o = x->kind == EX_NAME ? x->name.obj
             : x->kind == EX_SELECTOR && x->selector.sel->kind == EX_NAME
               ? x->selector.sel->name.obj : NULL;
    return o && o->kind == OBJ_TYPE && o->is_alias && o->decl && o->decl->type.tparams.n ? o->decl
                                                                                       : NULL;
}

Type *check_instance(Checker *c, Expr *e)
{
    Type *origin = check_generic_type(c, e->index.x);
    if (is_invalid(origin)) {
        for (uint32_t i = 0; i < e->index.index.n; i++) {
            check_use(c, e->index.index.at[i]);
        }
        return check_record_type(e, INVALID);
    }
    Decl *alias = generic_alias(e->index.x);
    if (alias) {
        return check_record_type(e, instance_of(c, e, origin, check_decl_tparams(alias), alias));
    }
    check_version(c, e->start, e->end, 18, "type instantiation");
    if (!check_is_generic(origin)) {
        check_error_at(c, e, "NotAGenericType", "%s is not a generic type",
                       check_type_text(c, origin));
        return check_record_type(e, INVALID);
    }
    return check_record_type(e, instance_of(c, e, origin, origin->named.tparams, NULL));
}

/* Go's limit on what a channel's buffer holds. */
static void chan_elem_later(Checker *c, void *a, void *b)
{
    Expr *e = a;
    Type *elem = b;
    if (!type_has_tparam(elem) && !is_invalid(type_under(elem)) && type_sizeof(elem) >= 1 << 16) {
        check_error_at(c, e, "InvalidChanElem", "channel element type too large (>64kB)");
    }
}

static Type *chan_type(Checker *c, Expr *e)
{
    Type *elem = check_var_type(c, e->chan_type.elem);
    check_later(c, chan_elem_later, e, elem);
    return type_chan(elem, e->chan_type.dir);
}

/* ---- all types ---- */

static void map_key_later(Checker *c, void *a, void *b)
{
    Expr *e = a;
    Type *key = b;
    if (is_invalid(type_under(key)) || type_comparable_p(key, NULL)) {
        return;
    }
    check_error_at(c, e, "IncomparableMapKey", "invalid map key type %s%s", check_type_text(c, key),
                   key->kind == T_TPARAM ? " (missing comparable constraint)" : "");
}

static Type *map_type(Checker *c, Expr *e)
{
    Type *key = check_var_type(c, e->map_type.key);
    Type *elem = check_var_type(c, e->map_type.value);
    check_later(c, map_key_later, e->map_type.key, key);
    return type_map(key, elem);
}

static Type *not_a_type(Checker *c, Expr *e)
{
    check_raw(c, e, NULL);
    if (e->mode == MODE_TYPE) {
        return e->type;
    }
    if (e->mode != MODE_INVALID) {
        if (e->mode == MODE_NOVALUE) {
            check_error_at(c, e, "NotAType", "%s used as type", check_operand_text(c, e));
        } else {
            check_error_at(c, e, "NotAType", "%s is not a type", expr_string(e));
        }
    }
    return INVALID;
}

static Type *type_node(Checker *c, Expr *e)
{
    switch ((ExprKind)e->kind) {
    case EX_NAME:
        check_name(c, e, true);
        break;
    case EX_SELECTOR:
        check_selector(c, e, true);
        break;
    case EX_PAREN:
        return check_generic_type(c, e->paren.x);
    case EX_INDEX:
        return check_instance(c, e);
    case EX_STAR: {
        Type *t = check_var_type(c, e->star.x);
        return is_invalid(t) ? INVALID : type_pointer(t);
    }
    case EX_ARRAY_TYPE: return array_type(c, e);
    case EX_STRUCT_TYPE: return struct_type(c, e);
    case EX_FUNC_TYPE: return func_type(c, e->func_type.sig);
    case EX_IFACE_TYPE: return interface_type(c, e);
    case EX_MAP_TYPE: return map_type(c, e);
    case EX_CHAN_TYPE:
        return chan_type(c, e);
    case EX_BAD:
        return INVALID;
    default:
        return not_a_type(c, e);
    }
    if (e->mode == MODE_INVALID) {
        return INVALID;
    }
    if (e->mode != MODE_TYPE) {
        check_error_at(c, e, "NotAType", "%s is not a type", expr_string(e));
        return INVALID;
    }
    return e->type;
}

Type *check_generic_type(Checker *c, Expr *e)
{
    if (!e) {
        return INVALID;
    }
    Type *t = INVALID;
    if (check_enter(c, e->start)) {
        t = type_node(c, e);
        assert(t);
    }
    check_leave(c);
    return check_record_type(e, t);
}

Type *check_type_node(Checker *c, Expr *e)
{
    return check_generic_type(c, e);
}

Type *check_type(Checker *c, Expr *e)
{
    Type *t = check_generic_type(c, e);
    if (check_is_generic(t) || (e && t->kind != T_INVALID && generic_alias(e))) {
        check_error_at(c, e, "GenericUse", "cannot use generic type %s without instantiation",
                       check_is_generic(t) ? check_type_text(c, t) : expr_string(e));
        t = check_record_type(e, INVALID);
    }
    return t;
}

static void var_type_later(Checker *c, void *a, void *b)
{
    Expr *e = a;
    Type *t = b;
    Type *u = type_under(t);
    if (u->kind != T_INTERFACE || t->kind == T_TPARAM) {
        return;
    }
    TypeSet *set = typeset_of(u);
    if (set->comparable && set->all) {
        check_error_at(c, e, "MisplacedConstraintIface",
                       "cannot use type %s outside a type constraint: interface is (or embeds) "
                       "comparable", check_type_text(c, t));
    } else if (!set->all) {
        check_error_at(c, e, "MisplacedConstraintIface",
                       "cannot use type %s outside a type constraint: interface contains type "
                       "constraints", check_type_text(c, t));
    }
}

void check_valid_var_type(Checker *c, Expr *e, Type *t)
{
    if (t->kind == T_INTERFACE || (t->kind == T_NAMED && t != type_error)) {
        bool maybe = t->kind == T_INTERFACE ? t->iface.nembeds > 0
                     : !t->named.underlying || t->named.underlying->kind == T_INTERFACE;
        if (maybe) {
            check_later(c, var_type_later, e, t);
        }
    }
}

Type *check_var_type(Checker *c, Expr *e)
{
    Type *t = check_type(c, e);
    check_valid_var_type(c, e, t);
    return t;
}
