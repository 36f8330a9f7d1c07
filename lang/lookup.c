/* lookup.c - selectors: fields and methods through embedded fields, breadth first, as the
 * specification's selector rules say; method sets; which types implement which interfaces. */
#include "lang/types.h"
#include <stdlib.h>
#include <strings.h>

/* Exported: an upper-case first letter. Beyond Latin-1 the common capitals of Greek, Cyrillic and
 * Latin Extended count; the scanner keeps names in UTF-8. */
bool name_exported(Name n)
{
    const unsigned char *s = (const unsigned char *)n;
    if (s[0] < 0x80) {
        return s[0] >= 'A' && s[0] <= 'Z';
    }
    uint32_t c = s[0] >= 0xe0 ? (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u)
                              : (s[0] & 31u) << 6 | (s[1] & 63u);
    return (c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
           (c >= 0x400 && c <= 0x42f) || (c >= 0x100 && c <= 0x137 && !(c & 1)) ||
           (c >= 0x14a && c <= 0x177 && !(c & 1)) || (c >= 0x1e00 && c <= 0x1eff && !(c & 1));
}

bool names_same(Name a, Package *ap, Name b, Package *bp)
{
    if (a != b) {
        return false;
    }
    return name_exported(a) || ap == bp ||
           (ap && bp && ((ap->live && bp->live) || !strcmp(ap->path, bp->path)));
}

/* One embedded type on the current level of the search. */
typedef struct Embedded {
    Type *type;
    uint32_t *path;
    uint32_t npath;
    bool indirect;
    bool multiple; /* reached several times on this level: any hit is ambiguous */
} Embedded;
typedef VEC(Embedded) Level;
typedef VEC(Type *) Types;

typedef struct Search {
    Package *pkg;
    Name name;
    bool fold; /* ignore case: for hints */
    Selection *found;
    uint32_t hits;
    bool hit_multiple;
} Search;

static bool name_matches(const Search *s, Name name, Package *pkg)
{
    if (s->fold) {
        return !strcasecmp(name, s->name);
    }
    return names_same(name, pkg, s->name, s->pkg);
}

static uint32_t *path_add(const Embedded *e, uint32_t i)
{
    uint32_t *p = mem_alloc_atomic((e->npath + 1) * sizeof *p);
    if (e->npath) {
        memcpy(p, e->path, e->npath * sizeof *p);
    }
    p[e->npath] = i;
    return p;
}

static void hit(Search *s, Selection sel, bool multiple)
{
    s->hits++;
    s->hit_multiple |= multiple;
    if (s->hits == 1) {
        s->found = MEM_NEW(Selection);
        *s->found = sel;
    }
}

static void search_methods(Search *s, const Embedded *e)
{
    Type *origin = e->type->named.origin ? e->type->named.origin : e->type;
    for (uint32_t i = 0; i < origin->named.methods.n; i++) {
        Obj *m = origin->named.methods.at[i];
        mem_step();
        if (name_matches(s, m->name, m->pkg)) {
            hit(s, (Selection){.kind = SEL_METHOD, .path = e->path, .npath = e->npath,
                               .indirect = e->indirect, .method = m, .method_recv = e->type,
                               .name = m->name, .pkg = m->pkg}, e->multiple);
            return;
        }
    }
}

static void search_interface(Search *s, const Embedded *e, Type *iface)
{
    TypeSet *set = typeset_of(iface);
    for (uint32_t i = 0; i < set->nmethods; i++) {
        Method *m = &set->methods[i];
        if (name_matches(s, m->name, m->pkg)) {
            hit(s, (Selection){.kind = SEL_METHOD, .path = e->path, .npath = e->npath,
                               .indirect = e->indirect, .method_recv = e->type, .name = m->name,
                               .pkg = m->pkg, .type = m->type}, e->multiple);
            return;
        }
    }
}

static void search_struct(Search *s, const Embedded *e, Type *u, Level *next)
{
    for (uint32_t i = 0; i < u->struct_.n; i++) {
        StructField *f = &u->struct_.fields[i];
        if (name_matches(s, f->name, f->pkg)) {
            hit(s, (Selection){.kind = SEL_FIELD, .path = path_add(e, i), .npath = e->npath + 1,
                               .indirect = e->indirect, .name = f->name, .pkg = f->pkg,
                               .type = f->type}, e->multiple);
            continue;
        }
        if (!f->embedded || s->hits) {
            continue;
        }
        bool ptr = f->type->kind == T_POINTER;
        Type *t = ptr ? f->type->pointer.elem : f->type;
        if (t->kind == T_NAMED || t->kind == T_STRUCT || t->kind == T_INTERFACE) {
            VEC_PUSH(*next, ((Embedded){t, path_add(e, i), e->npath + 1, e->indirect || ptr,
                                        e->multiple}));
        }
    }
}

/* Drops types seen on earlier levels, and marks those that stand on this level several times. */
static void consolidate(Level *level, const Types *seen)
{
    uint32_t out = 0;
    for (uint32_t i = 0; i < level->n; i++) {
        Embedded e = level->at[i];
        bool skip = false;
        for (uint32_t k = 0; k < seen->n && !skip; k++) {
            mem_step();
            skip = e.type->kind == T_NAMED && seen->at[k] == e.type;
        }
        for (uint32_t k = 0; k < out && !skip; k++) {
            if (types_identical(level->at[k].type, e.type)) {
                level->at[k].multiple = true;
                skip = true;
            }
        }
        if (!skip) {
            level->at[out++] = e;
        }
    }
    level->n = out;
}

static void search_level(Search *s, Level *level, Level *next)
{
    for (uint32_t i = 0; i < level->n; i++) {
        Embedded *e = &level->at[i];
        if (e->type->kind == T_NAMED) {
            uint32_t before = s->hits;
            search_methods(s, e);
            if (s->hits > before) {
                continue;
            }
        }
        Type *u = type_under(e->type);
        if (u->kind == T_STRUCT) {
            search_struct(s, e, u, next);
        } else if (u->kind == T_INTERFACE) {
            search_interface(s, e, u);
        }
    }
}

static void search(Search *s, Type *t)
{
    Level level = {0};
    Types seen = {0};
    bool ptr = t->kind == T_POINTER;
    Type *base = ptr ? t->pointer.elem : t;
    if (ptr && type_under(base)->kind == T_INTERFACE) {
        return; /* pointers to interfaces and to type parameters have no methods */
    }
    if (!ptr && t->kind == T_NAMED && type_under(t)->kind == T_POINTER) {
        /* a defined pointer type has fields but no methods */
        Type *elem = type_under(t)->pointer.elem;
        if (type_under(elem)->kind != T_STRUCT) {
            return;
        }
        base = elem; /* a method of it hides deeper fields all the same */
        ptr = true;
    }
    VEC_PUSH(level, ((Embedded){.type = base, .indirect = ptr}));
    while (level.n && !s->hits) {
        consolidate(&level, &seen);
        Level next = {0};
        search_level(s, &level, &next);
        for (uint32_t i = 0; i < level.n; i++) {
            VEC_PUSH(seen, level.at[i].type);
        }
        level = next;
    }
}

static void finish(Selection *sel, Type *recv)
{
    sel->recv = recv;
    if (sel->method) {
        check_object(sel->method);
        sel->type = method_of_instance(sel->method_recv, sel->method);
    }
}

Selection *type_lookup(Type *t, bool addressable, Package *pkg, Name name, const char **why)
{
    *why = "";
    if (!t || t->kind == T_INVALID) {
        return NULL;
    }
    Search s = {.pkg = pkg, .name = name};
    search(&s, t);
    if (!s.hits) {
        if (!name_exported(name)) {
            Search other = {.name = name, .fold = true};
            search(&other, t);
            if (other.hits && other.found->name == name) {
                *why = "unexported";
            }
        }
        return NULL;
    }
    if (s.hits > 1 || s.hit_multiple) {
        *why = "ambiguous";
        return NULL;
    }
    if (s.found->kind == SEL_METHOD && t->kind == T_NAMED && type_under(t)->kind == T_POINTER) {
        return NULL;
    }
    finish(s.found, t);
    if (s.found->method && s.found->method->ptr_recv && !s.found->indirect && !addressable) {
        *why = "ptr";
        return NULL;
    }
    return s.found;
}

Selection *type_lookup_fold(Type *t, Package *pkg, Name name)
{
    Search s = {.pkg = pkg, .name = name, .fold = true};
    if (t && t->kind != T_INVALID) {
        search(&s, t);
    }
    return s.hits ? s.found : NULL;
}

/* Method sets */

typedef struct Candidate {
    Name name;
    Package *pkg;
} Candidate;
typedef struct Candidates {
    VEC(Candidate) all;
    VEC(Type *) seen;
} Candidates;

static void add_candidate(Candidates *c, Name name, Package *pkg)
{
    for (uint32_t i = 0; i < c->all.n; i++) {
        mem_step();
        if (names_same(c->all.at[i].name, c->all.at[i].pkg, name, pkg)) {
            return;
        }
    }
    VEC_PUSH(c->all, ((Candidate){name, pkg}));
}

static void collect(Candidates *c, Type *t)
{
    if (t->kind == T_POINTER) {
        t = t->pointer.elem;
    }
    for (uint32_t i = 0; i < c->seen.n; i++) {
        mem_step();
        if (c->seen.at[i] == t) {
            return;
        }
    }
    VEC_PUSH(c->seen, t);
    if (t->kind == T_NAMED) {
        Type *origin = t->named.origin ? t->named.origin : t;
        for (uint32_t i = 0; i < origin->named.methods.n; i++) {
            add_candidate(c, origin->named.methods.at[i]->name, origin->named.methods.at[i]->pkg);
        }
    }
    Type *u = type_under(t);
    if (u->kind == T_INTERFACE) {
        TypeSet *set = typeset_of(u);
        for (uint32_t i = 0; i < set->nmethods; i++) {
            add_candidate(c, set->methods[i].name, set->methods[i].pkg);
        }
    } else if (u->kind == T_STRUCT) {
        for (uint32_t i = 0; i < u->struct_.n; i++) {
            if (u->struct_.fields[i].embedded) {
                collect(c, u->struct_.fields[i].type);
            }
        }
    }
}

static int by_name(const void *x, const void *y)
{
    const Selection *a = *(Selection *const *)x, *b = *(Selection *const *)y;
    int c = strcmp(a->name, b->name);
    if (c || a->pkg == b->pkg || !a->pkg || !b->pkg) {
        return c;
    }
    return strcmp(a->pkg->path, b->pkg->path);
}

MethodSet type_method_set(Type *t)
{
    Candidates c = {0};
    MethodSet set = {0};
    if (t->kind == T_POINTER && type_under(t->pointer.elem)->kind == T_INTERFACE) {
        return set;
    }
    collect(&c, t);
    set.at = MEM_NEW_N(Selection *, c.all.n ? c.all.n : 1);
    for (uint32_t i = 0; i < c.all.n; i++) {
        const char *why;
        Selection *s = type_lookup(t, false, c.all.at[i].pkg, c.all.at[i].name, &why);
        if (s && s->kind == SEL_METHOD) {
            set.at[set.n++] = s;
        }
    }
    qsort(set.at, set.n, sizeof *set.at, by_name);
    return set;
}

/* Implementation of interfaces */

static char *signature_text(Name name, Type *f)
{
    return mem_printf("%s%s", name, type_string(f, NULL) + 4 /* without "func" */);
}

static bool has_method(Type *t, Method *want, char **why)
{
    const char *reason;
    Selection *s = type_lookup(t, false, want->pkg, want->name, &reason);
    if (s && s->kind == SEL_METHOD) {
        if (types_identical(s->type, want->type)) {
            return true;
        }
        *why = mem_printf("(wrong type for method %s)\n\t\thave %s\n\t\twant %s", want->name,
                          signature_text(want->name, s->type), signature_text(want->name, want->type));
        return false;
    }
    if (!s && !strcmp(reason, "ptr")) {
        *why = mem_printf("(method %s has pointer receiver)", want->name);
        return false;
    }
    if (t->kind == T_POINTER && type_under(t->pointer.elem)->kind == T_INTERFACE &&
        t->pointer.elem->kind != T_TPARAM) {
        *why = mem_printf("(type %s is pointer to interface, not interface)", type_string(t, NULL));
        return false;
    }
    Selection *alt = s ? NULL : type_lookup_fold(t, want->pkg, want->name);
    if (alt && alt->method && alt->name != want->name) {
        check_object(alt->method);
        *why = mem_printf("(missing method %s)\n\t\thave %s\n\t\twant %s", want->name,
                          signature_text(alt->name, method_of_instance(alt->method_recv, alt->method)),
                          signature_text(want->name, want->type));
        return false;
    }
    *why = mem_printf("(missing method %s)", want->name);
    return false;
}

static bool term_includes(const UnionTerm *t, Type *x)
{
    return t->tilde ? types_identical(t->type, type_under(x)) : types_identical(t->type, x);
}

static bool set_includes(const TypeSet *set, Type *x)
{
    for (uint32_t i = 0; i < set->nterms; i++) {
        if (term_includes(&set->terms[i], x)) {
            return true;
        }
    }
    return false;
}

static bool terms_subset(TypeSet *sub, TypeSet *super)
{
    for (uint32_t i = 0; i < sub->nterms; i++) {
        bool ok = false;
        for (uint32_t k = 0; k < super->nterms && !ok; k++) {
            ok = (!sub->terms[i].tilde || super->terms[k].tilde) &&
                 term_includes(&super->terms[k], sub->terms[i].type);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool in_terms(Type *t, Type *iface, TypeSet *want, char **why)
{
    if (type_under(t)->kind == T_INTERFACE) {
        TypeSet *have = typeset_of(type_under(t));
        if (!have->all && terms_subset(have, want)) {
            return true;
        }
        *why = mem_printf("(%s missing in %s)", type_string(t, NULL), typeset_string(want, NULL));
        return false;
    }
    if (set_includes(want, t)) {
        return true;
    }
    for (uint32_t i = 0; i < want->nterms; i++) {
        if (!want->terms[i].tilde && types_identical(want->terms[i].type, type_under(t))) {
            *why = mem_printf("(possibly missing ~ for %s in %s)",
                              type_string(want->terms[i].type, NULL), type_string(iface, NULL));
            return false;
        }
    }
    *why = mem_printf("(%s missing in %s)", type_string(t, NULL), typeset_string(want, NULL));
    return false;
}

bool type_implements(Type *t, Type *iface, bool constraint, Method **missing, char **why)
{
    char *unused_why;
    Method *unused_missing;
    why = why ? why : &unused_why;
    missing = missing ? missing : &unused_missing;
    *why = "";
    *missing = NULL;
    if (t->kind == T_INVALID || type_under(iface)->kind == T_INVALID) {
        return true;
    }
    TypeSet *want = typeset_of(type_under(iface));
    if (!want->all && !want->nterms) {
        *why = mem_printf("(empty type set)");
        return false;
    }
    for (uint32_t i = 0; i < want->nmethods; i++) {
        if (!has_method(t, &want->methods[i], why)) {
            *missing = &want->methods[i];
            return false;
        }
    }
    if (want->comparable && !type_comparable_p(t, NULL)) {
        *why = "";
        return false;
    }
    (void)constraint;
    return want->all || in_terms(t, iface, want, why);
}
