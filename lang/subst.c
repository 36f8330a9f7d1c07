/* subst.c - instantiation: types with their type parameters replaced.
 *
 * Instances of generic types are hash-consed by origin and arguments in one table of the compiler
 * heap, so an instance is one T_NAMED. Its underlying type and its methods' types are substituted
 * when first asked for: that makes recursive generic types finite. A local type of a generic
 * function is an instance too, keyed by the function's type arguments. */
#include "lang/types.h"

static struct {
    Type **table; /* T_NAMED instances, open addressing */
    uint32_t n, cap;
} instances;

static TypeList origin_tparams(const Type *origin)
{
    if (origin->named.tparams.n) {
        return origin->named.tparams;
    }
    return func_tparams(origin->named.in_func ? origin->named.in_func->type : NULL);
}

static TypeList instance_args(const Type *t)
{
    return t->named.targs.n ? t->named.targs : t->named.outer;
}

static bool same_list(TypeList a, TypeList b)
{
    if (a.n != b.n) {
        return false;
    }
    for (uint32_t i = 0; i < a.n; i++) {
        if (!types_identical(a.at[i], b.at[i])) {
            return false;
        }
    }
    return true;
}

static uint64_t key_hash(const Type *origin, TypeList args)
{
    uint64_t h = origin->named.serial * 0x9e3779b97f4a7c15ull;
    for (const char *s = origin->named.obj->name; *s; s++) {
        h = h * 131 + (unsigned char)*s;
    }
    for (uint32_t i = 0; i < args.n; i++) {
        h = (h ^ type_hash(args.at[i])) * 0xff51afd7ed558ccdull;
        h ^= h >> 32;
    }
    return h;
}

static Type **find_slot(Type **table, uint32_t cap, const Type *origin, TypeList args)
{
    uint32_t i = (uint32_t)key_hash(origin, args) & (cap - 1);
    while (table[i] && (table[i]->named.origin != origin || !same_list(instance_args(table[i]), args))) {
        i = (i + 1) & (cap - 1);
    }
    return &table[i];
}

static void grow_instances(void)
{
    uint32_t cap = instances.cap ? instances.cap * 2 : 64;
    mem_root(&instances, sizeof instances);
    Type **table = MEM_NEW_N(Type *, cap);
    for (uint32_t i = 0; i < instances.cap; i++) {
        Type *t = instances.table[i];
        if (t) {
            *find_slot(table, cap, t->named.origin, instance_args(t)) = t;
        }
    }
    instances.table = table;
    instances.cap = cap;
}

void types_forget_instances(void) { memset(&instances, 0, sizeof instances); }

static Type *intern_instance(Type *origin, TypeList args, bool local)
{
    if (instances.n * 4 >= instances.cap * 3) {
        grow_instances();
    }
    Type **slot = find_slot(instances.table, instances.cap, origin, args);
    if (*slot) {
        return *slot;
    }
    Type *t = type_new(T_NAMED);
    t->named.obj = origin->named.obj;
    t->named.origin = origin;
    t->named.in_func = origin->named.in_func;
    t->named.serial = origin->named.serial;
    if (local) {
        t->named.outer = args;
    } else {
        t->named.targs = args;
    }
    *slot = t;
    instances.n++;
    return t;
}

Type *type_instantiate(Type *generic_named, TypeList targs)
{
    return intern_instance(generic_named, targs, false);
}

Type *named_underlying(Type *t)
{
    if (t->named.underlying) {
        return t->named.underlying;
    }
    Type *origin = t->named.origin;
    if (!origin) {
        check_object(t->named.obj);
        return t->named.underlying ? t->named.underlying : type_basic[T_INVALID];
    }
    Type *u = named_underlying(origin);
    if (!origin->named.underlying || u->kind == T_INVALID) {
        return type_basic[T_INVALID]; /* still being declared: ask again later */
    }
    Subst s = {origin_tparams(origin), instance_args(t)};
    Type *under = types_subst(u, &s);
    t->named.underlying = under;
    return under;
}

Type *method_of_instance(Type *named, Obj *method)
{
    Type *f = method->type;
    if (!f || f->kind != T_FUNC || !named || named->kind != T_NAMED || !f->func.rparams.n ||
        !named->named.targs.n) {
        return f ? f : type_basic[T_INVALID];
    }
    Subst s = {f->func.rparams, named->named.targs};
    return types_subst(f, &s);
}

Type *func_instantiate(Type *generic_func, TypeList targs)
{
    Subst s = {generic_func->func.tparams, targs};
    Type *copy = type_new(T_FUNC);
    *copy = *generic_func;
    copy->layout = NULL;
    copy->func.tparams = (TypeList){0};
    Type *t = types_subst(copy, &s);
    return t;
}

/* Substitution. Returns t itself where nothing changes, so that unaffected types stay shared. */

static Type *subst(Type *t, const Subst *s);

static TypeList subst_list(TypeList l, const Subst *s, bool *changed)
{
    TypeList out = {MEM_NEW_N(Type *, l.n ? l.n : 1), l.n};
    for (uint32_t i = 0; i < l.n; i++) {
        out.at[i] = subst(l.at[i], s);
        *changed |= out.at[i] != l.at[i];
    }
    return *changed ? out : l;
}

static Param *subst_params(Param *p, uint32_t n, const Subst *s, bool *changed)
{
    Param *out = NULL;
    for (uint32_t i = 0; i < n; i++) {
        Type *t = subst(p[i].type, s);
        if (t != p[i].type && !out) {
            out = MEM_NEW_N(Param, n);
            memcpy(out, p, n * sizeof *p);
        }
        if (out) {
            out[i].type = t;
        }
    }
    *changed |= out != NULL;
    return out ? out : p;
}

static Type *subst_func(Type *t, const Subst *s)
{
    bool changed = false;
    Param *params = subst_params(t->func.params, t->func.nparams, s, &changed);
    Param *results = subst_params(t->func.results, t->func.nresults, s, &changed);
    if (!changed) {
        return t;
    }
    Type *f = type_new(T_FUNC);
    f->func = t->func;
    f->func.params = params;
    f->func.results = results;
    f->func.rparams = (TypeList){0};
    if (t->func.recv) {
        f->func.recv = subst(t->func.recv, s);
    }
    return f;
}

static Type *subst_struct(Type *t, const Subst *s)
{
    StructField *out = NULL;
    for (uint32_t i = 0; i < t->struct_.n; i++) {
        Type *ft = subst(t->struct_.fields[i].type, s);
        if (ft != t->struct_.fields[i].type && !out) {
            out = MEM_NEW_N(StructField, t->struct_.n);
            memcpy(out, t->struct_.fields, t->struct_.n * sizeof *out);
        }
        if (out) {
            out[i].type = ft;
        }
    }
    if (!out) {
        return t;
    }
    Type *u = type_new(T_STRUCT);
    u->struct_.fields = out;
    u->struct_.n = t->struct_.n;
    return u;
}

static Type *subst_interface(Type *t, const Subst *s)
{
    bool changed = false;
    Method *methods = MEM_NEW_N(Method, t->iface.nmethods ? t->iface.nmethods : 1);
    for (uint32_t i = 0; i < t->iface.nmethods; i++) {
        methods[i] = t->iface.methods[i];
        methods[i].type = subst(methods[i].type, s);
        changed |= methods[i].type != t->iface.methods[i].type;
    }
    TypeList embeds = subst_list((TypeList){t->iface.embeds, t->iface.nembeds}, s, &changed);
    if (!changed) {
        return t;
    }
    Type *u = type_new(T_INTERFACE);
    u->iface = t->iface;
    u->iface.set = NULL;
    u->iface.methods = methods;
    u->iface.embeds = embeds.at;
    return u;
}

static Type *subst_union(Type *t, const Subst *s)
{
    bool changed = false;
    UnionTerm *terms = MEM_NEW_N(UnionTerm, t->union_.n ? t->union_.n : 1);
    for (uint32_t i = 0; i < t->union_.n; i++) {
        terms[i] = t->union_.terms[i];
        terms[i].type = subst(terms[i].type, s);
        changed |= terms[i].type != t->union_.terms[i].type;
    }
    if (!changed) {
        return t;
    }
    Type *u = type_new(T_UNION);
    u->union_.terms = terms;
    u->union_.n = t->union_.n;
    return u;
}

static bool lists_share(TypeList a, TypeList b)
{
    return a.n && b.n && a.at[0] == b.at[0];
}

static Type *subst_named(Type *t, const Subst *s)
{
    if (t->named.targs.n) {
        bool changed = false;
        TypeList args = subst_list(t->named.targs, s, &changed);
        return changed ? type_instantiate(t->named.origin, args) : t;
    }
    if (t->named.outer.n) {
        bool changed = false;
        TypeList args = subst_list(t->named.outer, s, &changed);
        return changed ? intern_instance(t->named.origin, args, true) : t;
    }
    if (t->named.in_func && !t->named.tparams.n &&
        lists_share(func_tparams(t->named.in_func->type), s->tparams)) {
        return intern_instance(t, s->targs, true);
    }
    return t;
}

static Type *subst_tparam(Type *t, const Subst *s)
{
    uint32_t i = t->tparam.index;
    if (i < s->tparams.n && s->tparams.at[i] == t) {
        return s->targs.at[i] ? s->targs.at[i] : t;
    }
    for (i = 0; i < s->tparams.n; i++) {
        if (s->tparams.at[i] == t) {
            return s->targs.at[i] ? s->targs.at[i] : t;
        }
    }
    return t;
}

static Type *subst(Type *t, const Subst *s)
{
    Type *e, *k;
    if (!t) {
        return t;
    }
    mem_step();
    switch (t->kind) {
    case T_TPARAM:
        return subst_tparam(t, s);
    case T_NAMED:
        return subst_named(t, s);
    case T_ARRAY:
        e = subst(t->array.elem, s);
        return e == t->array.elem ? t : type_array(e, t->array.len);
    case T_SLICE:
        e = subst(t->slice.elem, s);
        return e == t->slice.elem ? t : type_slice(e);
    case T_POINTER:
        e = subst(t->pointer.elem, s);
        return e == t->pointer.elem ? t : type_pointer(e);
    case T_MAP:
        k = subst(t->map.key, s);
        e = subst(t->map.elem, s);
        return e == t->map.elem && k == t->map.key ? t : type_map(k, e);
    case T_CHAN:
        e = subst(t->chan.elem, s);
        return e == t->chan.elem ? t : type_chan(e, t->chan.dir);
    case T_STRUCT:
        return subst_struct(t, s);
    case T_FUNC:
        return subst_func(t, s);
    case T_INTERFACE:
        return subst_interface(t, s);
    case T_UNION:
        return subst_union(t, s);
    case T_TUPLE: {
        bool changed = false;
        TypeList l = subst_list((TypeList){t->tuple.at, t->tuple.n}, s, &changed);
        return changed ? type_tuple(l.at, l.n) : t;
    }
    default:
        return t;
    }
}

Type *types_subst(Type *t, const Subst *s) { return s && s->tparams.n ? subst(t, s) : t; }

/* Does t mention a type parameter? */

static bool has_tparam(Type *t, int depth);

static bool any_tparam(TypeList l, int depth)
{
    for (uint32_t i = 0; i < l.n; i++) {
        if (has_tparam(l.at[i], depth)) {
            return true;
        }
    }
    return false;
}

static bool params_tparam(Param *p, uint32_t n, int depth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (has_tparam(p[i].type, depth)) {
            return true;
        }
    }
    return false;
}

static bool iface_tparam(Type *t, int depth)
{
    for (uint32_t i = 0; i < t->iface.nmethods; i++) {
        if (has_tparam(t->iface.methods[i].type, depth)) {
            return true;
        }
    }
    return any_tparam((TypeList){t->iface.embeds, t->iface.nembeds}, depth);
}

static bool has_tparam(Type *t, int depth)
{
    if (!t || depth > 50) {
        return false;
    }
    mem_step();
    depth++;
    switch (t->kind) {
    case T_TPARAM:
        return true;
    case T_NAMED:
        if (t->named.targs.n || t->named.outer.n) {
            return any_tparam(instance_args(t), depth);
        }
        return t->named.in_func && func_tparams(t->named.in_func->type).n;
    case T_ARRAY:
        return has_tparam(t->array.elem, depth);
    case T_SLICE:
        return has_tparam(t->slice.elem, depth);
    case T_POINTER:
        return has_tparam(t->pointer.elem, depth);
    case T_MAP:
        return has_tparam(t->map.key, depth) || has_tparam(t->map.elem, depth);
    case T_CHAN:
        return has_tparam(t->chan.elem, depth);
    case T_STRUCT:
        for (uint32_t i = 0; i < t->struct_.n; i++) {
            if (has_tparam(t->struct_.fields[i].type, depth)) {
                return true;
            }
        }
        return false;
    case T_FUNC:
        return params_tparam(t->func.params, t->func.nparams, depth) ||
               params_tparam(t->func.results, t->func.nresults, depth);
    case T_INTERFACE:
        return iface_tparam(t, depth);
    case T_TUPLE:
        return any_tparam((TypeList){t->tuple.at, t->tuple.n}, depth);
    case T_UNION:
        for (uint32_t i = 0; i < t->union_.n; i++) {
            if (has_tparam(t->union_.terms[i].type, depth)) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

bool type_has_tparam(Type *t) { return has_tparam(t, 0); }

static bool deeper(Type *t, int limit)
{
    for (; t && limit > 0; limit--) {
        mem_step();
        switch (t->kind) {
        case T_NAMED: return types_deeper(t->named.targs, limit - 1);
        case T_ARRAY: t = t->array.elem; break;
        case T_SLICE: t = t->slice.elem; break;
        case T_POINTER: t = t->pointer.elem; break;
        case T_CHAN: t = t->chan.elem; break;
        case T_MAP:
            if (deeper(t->map.key, limit - 1)) {
                return true;
            }
            t = t->map.elem;
            break;
        case T_STRUCT:
            for (uint32_t i = 0; i < t->struct_.n; i++) {
                bool again = i && t->struct_.fields[i].type == t->struct_.fields[i - 1].type;
                if (!again && deeper(t->struct_.fields[i].type, limit - 1)) {
                    return true;
                }
            }
            return false;
        case T_FUNC:
            for (uint32_t i = 0; i < t->func.nparams; i++) {
                bool again = i && t->func.params[i].type == t->func.params[i - 1].type;
                if (!again && deeper(t->func.params[i].type, limit - 1)) {
                    return true;
                }
            }
            for (uint32_t i = 0; i < t->func.nresults; i++) {
                if (deeper(t->func.results[i].type, limit - 1)) {
                    return true;
                }
            }
            return false;
        default: return false;
        }
    }
    return t != NULL;
}

bool types_deeper(TypeList l, int limit)
{
    for (uint32_t i = 0; i < l.n; i++) {
        if (deeper(l.at[i], limit)) {
            return true;
        }
    }
    return false;
}

bool types_verify(TypeList tparams, TypeList targs, uint32_t *index, char **why)
{
    Subst s = {tparams, targs};
    for (uint32_t i = 0; i < tparams.n && i < targs.n; i++) {
        Type *bound = types_subst(type_under(tparams.at[i]), &s);
        Type *named = tparams.at[i]->tparam.constraint;
        char *reason;
        if (!type_implements(targs.at[i], bound, true, NULL, &reason)) {
            *index = i;
            *why = mem_printf("%s does not satisfy %s%s%s", type_string(targs.at[i], NULL),
                              type_string(types_subst(named, &s), NULL), *reason ? " " : "", reason);
            return false;
        }
    }
    return true;
}
