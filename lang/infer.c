/* infer.c - type argument inference: unification of parameter with argument types, core types of
 * constraints, then default types of untyped constants (the specification's "Type inference").
 *
 * Unify matches x, which may mention the type parameters being inferred, against y. Inexact
 * matching, used for assignments of arguments, lets a defined type match a type literal through
 * its underlying type and ignores channel direction. The type parameters are renamed first: they may
 * also occur on the argument side (a generic function that calls itself), and a generic function may
 * be passed twice.
 *
 * An argument that is itself a generic function adds its type parameters to those being inferred.
 * Parameters that must be equal share a root, which holds what is known of them. */
#include "lang/types.h"

typedef struct Infer {
    TypeList tparams;
    Type **got;     /* by index of a root; NULL: unknown */
    uint32_t *root; /* by index: one nearer to the root, which is its own */
    uint32_t blamed;     /* 1 + the argument that does not fit; 0: none in particular */
} Infer;

static uint32_t root_of(const Infer *in, uint32_t i)
{
    while (in->root[i] != i) {
        i = in->root[i];
    }
    return i;
}

static Type *known(const Infer *in, uint32_t i) { return in->got[root_of(in, i)]; }

static int tparam_index(const Infer *in, const Type *t)
{
    if (t->kind != T_TPARAM) {
        return -1;
    }
    for (uint32_t i = 0; i < in->tparams.n; i++) {
        if (in->tparams.at[i] == t) {
            return (int)i;
        }
    }
    return -1;
}

static bool unify(Infer *in, Type *x, Type *y, bool exact, int depth);

static bool has_name(const Type *t)
{
    return t->kind < T_ARRAY || t->kind == T_NAMED || t->kind == T_TPARAM;
}

/* Two parameters are one from now on. */
static bool unify_two(Infer *in, uint32_t i, uint32_t k, bool exact, int depth)
{
    i = root_of(in, i);
    k = root_of(in, k);
    if (i == k) {
        return true;
    }
    if (in->got[i] && in->got[k]) {
        return unify(in, in->got[i], in->got[k], exact, depth);
    }
    if (!in->got[i]) {
        in->root[i] = k;
    } else {
        in->root[k] = i;
    }
    return true;
}

static bool unify_bound(Infer *in, uint32_t i, Type *y, bool exact, int depth)
{
    i = root_of(in, i);
    Type *x = in->got[i];
    if (!x) {
        in->got[i] = y;
        return true;
    }
    if (!unify(in, x, y, exact, depth)) {
        return false;
    }
    /* of a defined type and a literal that unify inexactly, the defined type wins; of channels the
     * bidirectional one loses to nothing: keep the directed type if the old was bidirectional */
    if (has_name(y) && !has_name(x)) {
        in->got[i] = y;
    } else if (!exact && x->kind == T_CHAN && y->kind == T_CHAN && x->chan.dir == 3 && y->chan.dir != 3) {
        in->got[i] = y;
    }
    return true;
}

static bool unify_params(Infer *in, Param *a, Param *b, uint32_t n, int depth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!unify(in, a[i].type, b[i].type, true, depth)) {
            return false;
        }
    }
    return true;
}

static bool unify_structs(Infer *in, Type *x, Type *y, int depth)
{
    if (x->struct_.n != y->struct_.n) {
        return false;
    }
    for (uint32_t i = 0; i < x->struct_.n; i++) {
        StructField *f = &x->struct_.fields[i], *g = &y->struct_.fields[i];
        if (!names_same(f->name, f->pkg, g->name, g->pkg) || f->embedded != g->embedded ||
            !unify(in, f->type, g->type, true, depth)) {
            return false;
        }
    }
    return true;
}

static bool unify_interfaces(Infer *in, Type *x, Type *y, int depth)
{
    TypeSet *a = typeset_of(x), *b = typeset_of(y);
    if (a->nmethods != b->nmethods || a->comparable != b->comparable || a->all != b->all) {
        return false;
    }
    for (uint32_t i = 0; i < a->nmethods; i++) {
        if (!names_same(a->methods[i].name, a->methods[i].pkg, b->methods[i].name,
                        b->methods[i].pkg) ||
            !unify(in, a->methods[i].type, b->methods[i].type, true, depth)) {
            return false;
        }
    }
    return true;
}

static bool unify_named(Infer *in, Type *x, Type *y, int depth)
{
    if (!x->named.targs.n || x->named.origin != y->named.origin ||
        x->named.targs.n != y->named.targs.n) {
        return false;
    }
    for (uint32_t i = 0; i < x->named.targs.n; i++) {
        if (!unify(in, x->named.targs.at[i], y->named.targs.at[i], true, depth)) {
            return false;
        }
    }
    return true;
}

static bool unify_shape(Infer *in, Type *x, Type *y, bool exact, int depth)
{
    switch (x->kind) {
    case T_ARRAY:
        return (x->array.len == y->array.len || x->array.len < 0 || y->array.len < 0) &&
               unify(in, x->array.elem, y->array.elem, true, depth);
    case T_SLICE:
        return unify(in, x->slice.elem, y->slice.elem, true, depth);
    case T_POINTER:
        return unify(in, x->pointer.elem, y->pointer.elem, true, depth);
    case T_MAP:
        return unify(in, x->map.key, y->map.key, true, depth) &&
               unify(in, x->map.elem, y->map.elem, true, depth);
    case T_CHAN:
        return (!exact || x->chan.dir == y->chan.dir) &&
               unify(in, x->chan.elem, y->chan.elem, true, depth);
    case T_STRUCT:
        return unify_structs(in, x, y, depth);
    case T_FUNC:
        return x->func.nparams == y->func.nparams && x->func.nresults == y->func.nresults &&
               x->func.variadic == y->func.variadic && !x->func.tparams.n && !y->func.tparams.n &&
               unify_params(in, x->func.params, y->func.params, x->func.nparams, depth) &&
               unify_params(in, x->func.results, y->func.results, x->func.nresults, depth);
    case T_INTERFACE:
        return unify_interfaces(in, x, y, depth);
    case T_NAMED:
        return unify_named(in, x, y, depth);
    default:
        return types_identical(x, y);
    }
}

static bool is_iface(Type *t) { return t->kind != T_TPARAM && type_under(t)->kind == T_INTERFACE; }

/* The type has all the interface's methods, and they agree. */
static bool unify_methods(Infer *in, TypeSet *iface, Type *t, int depth)
{
    for (uint32_t m = 0; m < iface->nmethods; m++) {
        const char *why;
        Method *want = &iface->methods[m];
        Selection *s = type_lookup(t, false, want->pkg, want->name, &why);
        if (!s || s->kind != SEL_METHOD || !unify(in, want->type, s->type, true, depth)) {
            return false;
        }
    }
    return true;
}

/* One of two interfaces has all methods of the other, and they agree. */
static bool unify_method_sets(Infer *in, TypeSet *a, TypeSet *b, int depth)
{
    if (a->nmethods > b->nmethods) {
        TypeSet *t = a;
        a = b;
        b = t;
    }
    if (a->comparable != b->comparable || a->all != b->all) {
        return false;
    }
    for (uint32_t i = 0; i < a->nmethods; i++) {
        uint32_t k = 0;
        while (k < b->nmethods && !names_same(a->methods[i].name, a->methods[i].pkg,
                                              b->methods[k].name, b->methods[k].pkg)) {
            k++;
        }
        if (k == b->nmethods ||
            !unify(in, a->methods[i].type, b->methods[k].type, true, depth)) {
            return false;
        }
    }
    return true;
}

static bool unify(Infer *in, Type *x, Type *y, bool exact, int depth)
{
    if (x == y || !x || !y || depth > 100) {
        return x && y;
    }
    depth++;
    int i = tparam_index(in, x), k = tparam_index(in, y);
    if (i >= 0 && k >= 0) {
        return unify_two(in, (uint32_t)i, (uint32_t)k, exact, depth);
    }
    if (i >= 0) {
        return unify_bound(in, (uint32_t)i, y, exact, depth);
    }
    if (k >= 0) {
        return unify_bound(in, (uint32_t)k, x, exact, depth);
    }
    /* a type parameter of the enclosing function against a literal: through its core type */
    if (!exact && y->kind == T_TPARAM && !has_name(x) && type_core(y)) {
        y = type_core(y);
    } else if (!exact && x->kind == T_TPARAM && !has_name(y) && type_core(x)) {
        x = type_core(x);
    }
    /* a defined type against a literal: through the underlying type */
    if (!exact && x->kind != y->kind) {
        if (y->kind == T_NAMED && !has_name(x)) {
            y = type_under(y);
        } else if (x->kind == T_NAMED && !has_name(y)) {
            x = type_under(x);
        }
    }
    bool one_origin = x->kind == T_NAMED && y->kind == T_NAMED && x->named.targs.n &&
                      x->named.origin == y->named.origin;
    if (!exact && !one_origin) {
        bool xi = is_iface(x), yi = is_iface(y);
        if (xi && yi) {
            return unify_method_sets(in, typeset_of(type_under(x)), typeset_of(type_under(y)), depth);
        }
        if (xi || yi) {
            return unify_methods(in, typeset_of(type_under(xi ? x : y)), xi ? y : x, depth);
        }
    }
    return x->kind == y->kind && unify_shape(in, x, y, exact, depth);
}

/* An argument that is a generic function. */
typedef struct GenericArg {
    Type *plain;    /* its signature with renamed type parameters, and none of its own; NULL: other */
    uint32_t first; /* index of its first type parameter among those being inferred */
} GenericArg;

/* Parameters whose type is P itself take untyped constants last. */
static bool typed_arguments(Infer *in, Param *params, uint32_t nparams, Expr **args, uint32_t nargs,
                            const GenericArg *generic, char **why)
{
    for (uint32_t i = 0; i < nargs && i < nparams; i++) {
        Type *p = params[i].type, *a = args[i]->type;
        if (args[i]->mode == MODE_INVALID || !a || a->kind == T_INVALID || type_is_untyped(a)) {
            continue;
        }
        a = generic && generic[i].plain ? generic[i].plain : a;
        if ((a == args[i]->type && !type_has_tparam(p)) || (a->kind == T_FUNC && a->func.tparams.n)) {
            continue;
        }
        if (!unify(in, p, a, false, 0)) {
            in->blamed = i + 1;
            Subst s = {in->tparams, {in->got, in->tparams.n}};
            Type *inferred = types_subst(p, &s);
            *why = inferred != p && !type_has_tparam(inferred)
                       ? mem_printf("type %s of %s does not match inferred type %s for %s",
                                    type_string(a, NULL), expr_string(args[i]),
                                    type_string(inferred, NULL), type_string(p, NULL))
                       : mem_printf("type %s of %s does not match %s (cannot infer %s)",
                                    type_string(a, NULL), expr_string(args[i]), type_string(p, NULL),
                                    type_string(in->tparams.at[0], NULL));
            return false;
        }
    }
    return true;
}

/* The core type of a constraint: terms of one underlying type. */
static Type *constraint_core(Type *tparam, bool *tilde)
{
    TypeSet *set = typeset_of(type_under(tparam));
    *tilde = false;
    if (set->all || !set->nterms) {
        return NULL;
    }
    Type *core = type_core(tparam);
    if (!core) {
        return NULL;
    }
    if (set->nterms == 1 && !set->terms[0].tilde) {
        return set->terms[0].type;
    }
    *tilde = true;
    return core;
}

static bool constraint_methods(Infer *in, uint32_t i)
{
    TypeSet *set = typeset_of(type_under(in->tparams.at[i]));
    Type *t = known(in, i);
    for (uint32_t m = 0; m < set->nmethods; m++) {
        const char *why;
        Selection *s = type_lookup(t, false, set->methods[m].pkg, set->methods[m].name, &why);
        if (s && s->kind == SEL_METHOD && !unify(in, set->methods[m].type, s->type, true, 0)) {
            return false;
        }
    }
    return true;
}

static uint32_t count_known(const Infer *in)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->tparams.n; i++) {
        n += known(in, i) != NULL;
    }
    return n;
}

static bool constraint_step(Infer *in, uint32_t i, char **why)
{
    bool tilde;
    Type *core = constraint_core(in->tparams.at[i], &tilde);
    Type *got = known(in, i);
    if (core && got) {
        bool single = !tilde;
        if (!unify(in, core, tilde && got->kind == T_NAMED ? type_under(got) : got, false, 0)) {
            *why = mem_printf("%s (type %s) does not satisfy %s",
                              type_string(in->tparams.at[i], NULL), type_string(got, NULL),
                              type_string(in->tparams.at[i]->tparam.constraint, NULL));
            return single ? false : true; /* a plain mismatch is reported by verification */
        }
    } else if (core && (!tilde || typeset_of(type_under(in->tparams.at[i]))->nterms == 1)) {
        int k = tparam_index(in, core);
        if (k >= 0) {
            unify_two(in, i, (uint32_t)k, false, 0);
        } else {
            in->got[root_of(in, i)] = core;
        }
    }
    if (known(in, i)) {
        return constraint_methods(in, i) || true;
    }
    return true;
}

static bool constraints(Infer *in, char **why)
{
    for (uint32_t round = 0; round <= in->tparams.n; round++) {
        uint32_t before = count_known(in);
        for (uint32_t i = 0; i < in->tparams.n; i++) {
            if (!constraint_step(in, i, why)) {
                return false;
            }
        }
        if (count_known(in) == before) {
            break;
        }
    }
    return true;
}

static int untyped_rank(Type *t)
{
    return t->kind == T_UNTYPED_INT ? 1 : t->kind == T_UNTYPED_RUNE ? 2
         : t->kind == T_UNTYPED_FLOAT ? 3 : t->kind == T_UNTYPED_COMPLEX ? 4 : 0;
}

static bool untyped_arguments(Infer *in, Param *params, uint32_t nparams, Expr **args, uint32_t nargs,
                              char **why)
{
    Type **max = MEM_NEW_N(Type *, in->tparams.n ? in->tparams.n : 1);
    for (uint32_t i = 0; i < nargs && i < nparams; i++) {
        Type *a = args[i]->type;
        int k = params[i].type ? tparam_index(in, params[i].type) : -1;
        k = k < 0 ? k : (int)root_of(in, (uint32_t)k);
        if (k < 0 || in->got[k] || !a || !type_is_untyped(a) || a->kind == T_UNTYPED_NIL) {
            continue;
        }
        if (!max[k] || (untyped_rank(a) && untyped_rank(max[k]) && untyped_rank(a) > untyped_rank(max[k]))) {
            max[k] = a;
        } else if (!untyped_rank(a) != !untyped_rank(max[k]) ||
                   (!untyped_rank(a) && a->kind != max[k]->kind)) {
            in->blamed = i + 1;
            *why = mem_printf("mismatched types %s and %s (cannot infer %s)", type_string(max[k], NULL),
                              type_string(a, NULL), type_string(in->tparams.at[k], NULL));
            return false;
        }
    }
    for (uint32_t k = 0; k < in->tparams.n; k++) {
        if (max[k]) {
            in->got[k] = type_default(max[k]);
        }
    }
    return true;
}

/* Inferred types may mention other type parameters: put them in, at most once per parameter. */
static bool resolve(Infer *in, uint32_t *failed)
{
    uint32_t n = in->tparams.n;
    Type **ints = MEM_NEW_N(Type *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        in->got[i] = known(in, i);
        ints[i] = type_basic[T_INT];
    }
    Subst s = {in->tparams, {in->got, n}}, probe = {in->tparams, {ints, n}};
    for (uint32_t round = 0; round < n; round++) {
        bool changed = false;
        for (uint32_t i = 0; i < n; i++) {
            Type *t = in->got[i] ? types_subst(in->got[i], &s) : NULL;
            changed |= t != in->got[i];
            in->got[i] = t;
        }
        if (!changed) {
            break;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!in->got[i] || types_subst(in->got[i], &probe) != in->got[i]) {
            *failed = i;
            return false;
        }
    }
    return true;
}

/* Fresh copies of the type parameters, for recursive calls. */
static TypeList rename_tparams(TypeList l)
{
    TypeList out = {MEM_NEW_N(Type *, l.n ? l.n : 1), l.n};
    for (uint32_t i = 0; i < l.n; i++) {
        out.at[i] = type_new(T_TPARAM);
        out.at[i]->tparam = l.at[i]->tparam;
    }
    Subst s = {l, out};
    for (uint32_t i = 0; i < l.n; i++) {
        out.at[i]->tparam.constraint = types_subst(l.at[i]->tparam.constraint, &s);
    }
    return out;
}

/* Takes the generic functions among the arguments in: their type parameters behind the others. */
static GenericArg *generic_arguments(TypeList *all, Type **got, Expr **args, TypeList *arg_targs,
                                     uint32_t nargs)
{
    GenericArg *g = MEM_NEW_N(GenericArg, nargs + 1);
    for (uint32_t i = 0; i < nargs; i++) {
        Type *a = args[i]->type;
        if (args[i]->mode == MODE_INVALID || !a || a->kind != T_FUNC || !a->func.tparams.n) {
            continue;
        }
        TypeList fresh = rename_tparams(a->func.tparams);
        Subst s = {a->func.tparams, fresh};
        Type *plain = type_new(T_FUNC);
        plain->func = a->func;
        plain->func.tparams = (TypeList){0};
        g[i] = (GenericArg){types_subst(plain, &s), all->n};
        for (uint32_t k = 0; k < fresh.n; k++) {
            got[all->n] = k < arg_targs[i].n ? arg_targs[i].at[k] : NULL;
            all->at[all->n++] = fresh.at[k];
        }
    }
    return g;
}

bool types_infer(TypeList tparams, TypeList *targs, Param *params, uint32_t nparams, Expr **args,
                 uint32_t nargs, TypeList *arg_targs, uint32_t *failed, char **why)
{
    *why = NULL;
    *failed = 0;
    TypeList fresh = rename_tparams(tparams);
    Subst to_fresh = {tparams, fresh};
    Param *renamed = MEM_NEW_N(Param, nparams ? nparams : 1);
    for (uint32_t i = 0; i < nparams; i++) {
        renamed[i].type = types_subst(params[i].type, &to_fresh);
    }
    uint32_t most = tparams.n + 1;
    for (uint32_t i = 0; arg_targs && i < nargs; i++) {
        Type *a = args[i]->type;
        most += a && a->kind == T_FUNC ? a->func.tparams.n : 0;
    }
    Infer in = {{MEM_NEW_N(Type *, most), fresh.n}, MEM_NEW_N(Type *, most),
                MEM_NEW_N(uint32_t, most), 0};
    memcpy(in.tparams.at, fresh.at, fresh.n * sizeof *fresh.at);
    for (uint32_t i = 0; i < tparams.n && i < targs->n; i++) {
        in.got[i] = targs->at[i];
    }
    GenericArg *generic = arg_targs ? generic_arguments(&in.tparams, in.got, args, arg_targs, nargs)
                                    : NULL;
    for (uint32_t i = 0; i < most; i++) {
        in.root[i] = i;
    }
    bool ok = typed_arguments(&in, renamed, nparams, args, nargs, generic, why) &&
              constraints(&in, why) && untyped_arguments(&in, renamed, nparams, args, nargs, why) &&
              constraints(&in, why) && resolve(&in, failed);
    *failed = *why ? in.blamed : *failed;
    targs->at = in.got;
    targs->n = tparams.n;
    for (uint32_t i = 0; generic && i < nargs; i++) {
        arg_targs[i] = (TypeList){in.got + generic[i].first,
                                  generic[i].plain ? args[i]->type->func.tparams.n : 0};
    }
    return ok;
}
