/* vet_argtype.c - what a verb of Printf can print: the printf check's questions about types.
 *
 * The rules follow package fmt: an array, slice, map or struct is printed by printing its elements;
 * a pointer to one at top level likewise; String and Error methods count for verbs that take
 * strings; what implements Formatter, or is an interface, may be anything. Recursive types end
 * where they come back to a type that is being looked at. */
#include "lang/vet_printf.h"

#include <string.h>

typedef struct Matcher {
    Vet *v;
    int takes;
    VEC(Type *) seen;
    uint32_t tparams;   /* type parameters among them */
    const char *reason;
} Matcher;

static bool match(Matcher *m, Type *t, bool top);

/* The method `name` of t's method set, as its func type; NULL if there is none. */
static Type *method_type(Vet *v, Type *t, const char *name)
{
    const char *why;
    Selection *s = type_lookup(t, false, v->pkg, name_of(name), &why);
    return s && s->kind != SEL_FIELD && s->type && s->type->kind == T_FUNC ? s->type : NULL;
}

bool vet_is_formatter(Vet *v, Type *t)
{
    if (type_is_interface(t)) {
        return true;
    }
    Type *f = method_type(v, t, "Format");
    return f && f->func.nparams == 2 && f->func.nresults == 0
           && vet_is_named(f->func.params[0].type, "fmt", "State")
           && f->func.params[1].type->kind == T_INT32;
}

static bool is_stringer(Type *f)
{
    return f && f->func.nparams == 0 && f->func.nresults == 1
           && f->func.results[0].type->kind == T_STRING;
}

static bool to_string(Vet *v, Type *t)
{
    if (t->kind == T_UNTYPED_NIL) {
        return false;
    }
    return vet_implements_error(t) || is_stringer(method_type(v, t, "String"));
}

static bool seen(Matcher *m, Type *t)
{
    for (uint32_t i = 0; i < m->seen.n; i++) {
        if (m->seen.at[i] == t) {
            return true;
        }
    }
    VEC_PUSH(m->seen, t);
    return false;
}

/* ---- type parameters: each term must fit ---- */

typedef struct Terms {
    Matcher *m;
    bool ok, top, first, any;
} Terms;

static bool match_term(Type *term, bool tilde, void *ctx)
{
    Terms *t = ctx;
    t->any = true;
    if (!term) {
        t->ok = false;
        return false;
    }
    t->ok = match(t->m, term, t->top);
    if (!t->ok && t->first) {
        t->m->reason = mem_printf("contains %s%s", tilde ? "~" : "", vet_type(term));
    }
    return t->ok;
}

static bool match_tparam(Matcher *m, Type *t, bool top)
{
    Terms terms = {.m = m, .ok = true, .top = top, .first = m->tparams++ == 0};
    type_each_term(t, match_term, &terms);
    return terms.ok && terms.any;
}

/* ---- composite types ---- */

static bool is_bytes(Matcher *m, Type *elem)
{
    return type_under(elem)->kind == T_UINT8 && (m->takes & VET_STRING);
}

static bool match_pointer(Matcher *m, Type *t, bool top)
{
    Type *elem = t->pointer.elem;
    if (elem->kind == T_INVALID || m->takes == VET_POINTER || type_is_tparam(elem)) {
        return true;
    }
    Type *u = type_under(elem);
    if (u->kind != T_STRUCT && u->kind != T_ARRAY && u->kind != T_SLICE && u->kind != T_MAP) {
        return m->takes & VET_POINTER;
    }
    return top && match(m, u, false);
}

static bool match_struct(Matcher *m, Type *t)
{
    for (uint32_t i = 0; i < t->struct_.n; i++) {
        StructField *f = &t->struct_.fields[i];
        if (!match(m, f->type, false)) {
            return false;
        }
        /* fmt cannot call the methods of what it cannot reach */
        if ((m->takes & VET_STRING) && !name_exported(f->name) && to_string(m->v, f->type)) {
            return false;
        }
    }
    return true;
}

static bool match_basic(Matcher *m, Type *t)
{
    switch ((TypeKind)t->kind) {
    case T_BOOL: case T_UNTYPED_BOOL: return m->takes & VET_BOOL;
    case T_FLOAT32: case T_FLOAT64: case T_UNTYPED_FLOAT: return m->takes & VET_FLOAT;
    case T_COMPLEX64: case T_COMPLEX128: case T_UNTYPED_COMPLEX: return m->takes & VET_COMPLEX;
    case T_STRING: case T_UNTYPED_STRING: return m->takes & VET_STRING;
    case T_UNSAFE_POINTER: return m->takes & (VET_POINTER | VET_INT);
    case T_UNTYPED_RUNE: return m->takes & (VET_INT | VET_RUNE);
    case T_UNTYPED_NIL: return false;
    case T_INVALID: return true;
    default: return m->takes & VET_INT;
    }
}

static bool match_under(Matcher *m, Type *t, bool top)
{
    switch ((TypeKind)t->kind) {
    case T_FUNC: return m->takes == VET_POINTER;
    case T_CHAN: return m->takes & VET_POINTER;
    case T_MAP:
        return m->takes == VET_POINTER
               || (match(m, t->map.key, false) && match(m, t->map.elem, false));
    case T_ARRAY: return is_bytes(m, t->array.elem) || match(m, t->array.elem, false);
    case T_SLICE:
        return is_bytes(m, t->slice.elem) || m->takes == VET_POINTER
               || match(m, t->slice.elem, false);
    case T_POINTER: return match_pointer(m, t, top);
    case T_STRUCT: return match_struct(m, t);
    case T_INTERFACE: return true;
    case T_TUPLE: return false;
    default: return match_basic(m, t);
    }
}

static bool match(Matcher *m, Type *t, bool top)
{
    if (m->takes == VET_ERROR) {
        return vet_implements_error(t);
    }
    if (vet_is_formatter(m->v, t) || ((m->takes & VET_STRING) && to_string(m->v, t))) {
        return true;
    }
    Type *u = type_is_tparam(t) ? t : type_under(t);
    if (u->kind >= T_ARRAY && seen(m, u)) {
        return true;
    }
    return u->kind == T_TPARAM ? match_tparam(m, u, top) : match_under(m, u, top);
}

bool vet_arg_matches(Vet *v, Type *t, int takes, const char **reason)
{
    Matcher m = {.v = v, .takes = takes};
    bool ok = takes == VET_ANY || match(&m, t, true);
    *reason = m.reason;
    return ok;
}

/* ---- String methods that print their receiver ---- */

/* The declaration of t's method `name`, if e stands in it and it is a func() string. */
static Decl *method_around(Vet *v, Type *t, const char *name, const Expr *e)
{
    const char *why;
    Selection *s = type_lookup(t, false, v->pkg, name_of(name), &why);
    Decl *d = s && s->kind != SEL_FIELD && s->method ? s->method->fdecl : NULL;
    bool in = d && d->func.body && s->method->pkg == v->pkg && e->start > d->func.body->pos
              && e->start < d->func.body->rbrace;
    return in && is_stringer(s->type) ? d : NULL;
}

bool vet_recurses(Vet *v, Expr *arg, const char **method)
{
    Type *t = vet_typeof(arg);
    if (t->kind == T_TUPLE || t->kind == T_INVALID || vet_is_formatter(v, t)) {
        return false;
    }
    Decl *d = method_around(v, t, "String", arg);
    if (!d) {
        d = method_around(v, t, "Error", arg);
    }
    Expr *e = arg->kind == EX_UNARY && arg->unary.op == TOK_AND ? arg->unary.x : arg;
    Obj *recv = d && d->func.recv && d->func.recv->name ? vet_obj(d->func.recv->name) : NULL;
    if (!recv || vet_obj(e) != recv) {
        return false;
    }
    Callee f = {.pkg = v->pkg, .name = d->func.obj->name, .obj = d->func.obj,
                .recv = d->func.obj->recv_named, .ptr_recv = d->func.obj->ptr_recv};
    *method = vet_full_name(&f);
    return true;
}
