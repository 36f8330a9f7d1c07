/* typeset.c - type sets of interfaces: all methods, and the terms that restrict the types. Computed
 * once per interface, on demand; an interface that is being computed (a cycle, which the checker
 * reports) counts as unrestricted. */
#include "lang/types.h"
#include <stdlib.h>

static bool same_terms(UnionTerm a, UnionTerm b)
{
    return a.tilde == b.tilde && types_identical(a.type, b.type);
}

/* The intersection of two terms, if not empty. */
static bool intersect(UnionTerm a, UnionTerm b, UnionTerm *out)
{
    Type *au = a.tilde ? type_under(a.type) : a.type;
    Type *bu = b.tilde ? type_under(b.type) : b.type;
    if (a.tilde && b.tilde) {
        *out = a;
        return types_identical(au, bu);
    }
    if (a.tilde) {
        *out = b;
        return types_identical(au, type_under(b.type));
    }
    *out = a;
    return b.tilde ? types_identical(type_under(a.type), bu) : types_identical(au, bu);
}

typedef VEC(UnionTerm) Terms;

static void add_term(Terms *ts, UnionTerm t)
{
    for (uint32_t i = 0; i < ts->n; i++) {
        if (same_terms(ts->at[i], t)) {
            return;
        }
    }
    VEC_PUSH(*ts, t);
}

static void restrict_to(TypeSet *set, const Terms *ts)
{
    if (set->all) {
        set->all = false;
        set->terms = ts->at;
        set->nterms = ts->n;
        return;
    }
    Terms both = {0};
    for (uint32_t i = 0; i < set->nterms; i++) {
        for (uint32_t k = 0; k < ts->n; k++) {
            mem_step();
            UnionTerm t;
            if (intersect(set->terms[i], ts->at[k], &t)) {
                add_term(&both, t);
            }
        }
    }
    set->terms = both.at;
    set->nterms = both.n;
}

typedef VEC(Method) Methods;

static void add_method(Methods *ms, const Method *m)
{
    for (uint32_t i = 0; i < ms->n; i++) {
        mem_step();
        if (ms->at[i].name == m->name && (ms->at[i].pkg == m->pkg || name_exported(m->name))) {
            return; /* duplicates of different type: reported by the checker */
        }
    }
    VEC_PUSH(*ms, *m);
}

static void embed_interface(TypeSet *set, Methods *ms, Type *iface)
{
    TypeSet *e = typeset_of(iface);
    for (uint32_t i = 0; i < e->nmethods; i++) {
        add_method(ms, &e->methods[i]);
    }
    set->comparable |= e->comparable;
    if (!e->all) {
        Terms ts = {0};
        for (uint32_t i = 0; i < e->nterms; i++) {
            add_term(&ts, e->terms[i]);
        }
        restrict_to(set, &ts);
    }
}

/* The union of the terms of an element; false if it is unrestricted. */
static bool union_terms(Type *t, bool tilde, Terms *out)
{
    if (t->kind == T_UNION) {
        for (uint32_t i = 0; i < t->union_.n; i++) {
            if (!union_terms(t->union_.terms[i].type, t->union_.terms[i].tilde, out)) {
                return false;
            }
        }
        return true;
    }
    Type *u = type_under(t);
    if (u->kind == T_INTERFACE && t->kind != T_TPARAM) {
        TypeSet *e = typeset_of(u);
        for (uint32_t i = 0; i < e->nterms; i++) {
            add_term(out, e->terms[i]);
        }
        return !e->all;
    }
    if (u->kind != T_INVALID) {
        add_term(out, (UnionTerm){tilde, tilde ? u : t});
    }
    return true;
}

static int by_name(const void *x, const void *y)
{
    const Method *a = x, *b = y;
    int c = strcmp(a->name, b->name);
    if (c || a->pkg == b->pkg || !a->pkg || !b->pkg) {
        return c;
    }
    return strcmp(a->pkg->path, b->pkg->path);
}

TypeSet *typeset_of(Type *iface)
{
    if (iface->kind != T_INTERFACE) {
        iface = type_under(iface);
        if (iface->kind != T_INTERFACE) {
            iface = type_empty_iface;
        }
    }
    if (iface->iface.set) {
        return iface->iface.set;
    }
    TypeSet *set = MEM_NEW(TypeSet);
    set->all = true;
    iface->iface.set = set;
    Methods ms = {0};
    for (uint32_t i = 0; i < iface->iface.nmethods; i++) {
        add_method(&ms, &iface->iface.methods[i]);
    }
    for (uint32_t i = 0; i < iface->iface.nembeds; i++) {
        Type *e = iface->iface.embeds[i];
        if (e->kind != T_UNION && e->kind != T_TPARAM && type_under(e)->kind == T_INTERFACE) {
            embed_interface(set, &ms, type_under(e));
            continue;
        }
        Terms ts = {0};
        if (union_terms(e, false, &ts)) {
            restrict_to(set, &ts);
        }
    }
    if (ms.n > 1) {
        qsort(ms.at, ms.n, sizeof(Method), by_name);
    }
    set->methods = ms.at;
    set->nmethods = ms.n;
    return set;
}
