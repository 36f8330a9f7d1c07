/* composite.c - composite literals. The elided types of nested literals come in as a hint: &T{...}
 * may be elided too where the element type is *T (the literal's type is then the pointer). */
#include "lang/check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- duplicate constant keys ---- */

typedef struct KeySet {
    Expr **table;
    uint32_t n, cap;
} KeySet;

static uint64_t key_hash(const Expr *e)
{
    uint64_t h = 1469598103934665603ull;
    const char *s;
    size_t n = 0;
    if (const_kind(e->cval) == CK_STRING) {
        s = const_as_string(e->cval, &n);
    } else {
        s = const_format(e->cval);
        n = strlen(s);
    }
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (unsigned char)s[i]) * 1099511628211ull;
    }
    return h ^ (h >> 29);
}

static bool same_key(const Expr *a, const Expr *b)
{
    return const_kind(a->cval) == const_kind(b->cval) && types_identical(a->type, b->type)
           && const_compare(a->cval, TOK_EQL, b->cval);
}

static void key_place(KeySet *s, Expr *e)
{
    uint64_t i = key_hash(e);
    while (s->table[i & (s->cap - 1)]) {
        i++;
    }
    s->table[i & (s->cap - 1)] = e;
}

/* false: an equal key is there. */
static bool key_add(KeySet *s, Expr *e)
{
    if (!e->cval || const_kind(e->cval) == CK_UNKNOWN) {
        return true;
    }
    if (s->n * 2 >= s->cap) {
        KeySet old = *s;
        s->cap = s->cap ? s->cap * 2 : 16;
        s->table = MEM_NEW_N(Expr *, s->cap);
        for (uint32_t i = 0; i < old.cap; i++) {
            if (old.table[i]) {
                key_place(s, old.table[i]);
            }
        }
    }
    for (uint64_t i = key_hash(e); s->table[i & (s->cap - 1)]; i++) {
        if (same_key(s->table[i & (s->cap - 1)], e)) {
            return false;
        }
    }
    key_place(s, e);
    s->n++;
    return true;
}

/* ---- structs ---- */

static int field_index(Type *st, Name name, Package *pkg)
{
    for (uint32_t i = 0; i < st->struct_.n; i++) {
        if (names_same(st->struct_.fields[i].name, st->struct_.fields[i].pkg, name, pkg)) {
            return (int)i;
        }
    }
    return -1;
}

static void keyed_field(Checker *c, Type *t, Type *st, Expr *kv, bool *seen)
{
    Expr *key = kv->kv.key;
    if (key->kind != EX_NAME) {
        check_error_at(c, kv, "InvalidLitField", "invalid field name %s in struct literal",
                       expr_string(key));
        check_use(c, kv->kv.value);
        return;
    }
    int i = field_index(st, key->name.name, c->pkg);
    if (!strcmp(key->name.name, "_")) {
        check_error_at(c, key, "InvalidLitField", "invalid field name _ in struct literal");
        check_use(c, kv->kv.value);
        return;
    }
    if (i < 0) {
        for (uint32_t k = 0; k < st->struct_.n; k++) {
            if (st->struct_.fields[k].name == key->name.name) {
                check_error_at(c, key, "MissingLitField",
                               "cannot refer to unexported field %s in struct literal of type %s",
                               key->name.name, check_type_text(c, t));
                check_use(c, kv->kv.value);
                return;
            }
        }
        check_error_at(c, key, "MissingLitField", "unknown field %s in struct literal of type %s",
                       key->name.name, check_type_text(c, t));
        check_use(c, kv->kv.value);
        return;
    }
    StructField *f = &st->struct_.fields[i];
    check_raw(c, kv->kv.value, NULL);
    check_exclude_nonvalues(c, kv->kv.value);
    check_single(c, kv->kv.value);
    check_assign_to(c, kv->kv.value, f->type, "struct literal");
    if (seen[i]) {
        check_error_at(c, kv, "DuplicateLitField", "duplicate field name %s in struct literal",
                       key->name.name);
    }
    seen[i] = true;
}

static void struct_literal(Checker *c, Expr *e, Type *t, Type *st)
{
    ExprList *l = &e->composite.elems;
    if (!l->n) {
        return;
    }
    if (l->at[0]->kind == EX_KEYVALUE) {
        bool *seen = mem_alloc_atomic(st->struct_.n + 1);
        memset(seen, 0, st->struct_.n + 1);
        for (uint32_t i = 0; i < l->n; i++) {
            if (l->at[i]->kind != EX_KEYVALUE) {
                check_error_at(c, l->at[i], "MixedStructLit",
                               "mixture of field:value and value elements in struct literal");
                check_use(c, l->at[i]);
                continue;
            }
            keyed_field(c, t, st, l->at[i], seen);
        }
        return;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        Expr *x = l->at[i];
        if (x->kind == EX_KEYVALUE) {
            check_error_at(c, x, "MixedStructLit",
                           "mixture of field:value and value elements in struct literal");
            check_use(c, x->kv.value);
            continue;
        }
        if (i >= st->struct_.n) {
            check_expr(c, x, NULL);
            check_error_at(c, x, "InvalidStructLit", "too many values in struct literal of type %s",
                           check_type_text(c, t));
            return;
        }
        StructField *f = &st->struct_.fields[i];
        check_raw(c, x, NULL);
        check_exclude_nonvalues(c, x);
        check_single(c, x);
        if (!names_same(f->name, f->pkg, f->name, c->pkg)) {
            check_error_at(c, x, "UnexportedLitField",
                           "implicit assignment to unexported field %s in struct literal of type "
                           "%s", f->name, check_type_text(c, t));
            continue;
        }
        check_assign_to(c, x, f->type, "struct literal");
    }
    if (l->n < st->struct_.n) {
        check_error(c, e->composite.rbrace ? e->composite.rbrace : e->start, 0, "InvalidStructLit",
                    "too few values in struct literal of type %s", check_type_text(c, t));
    }
}

/* ---- arrays and slices ---- */

static void element(Checker *c, Expr *x, Type *elem)
{
    check_raw(c, x, elem);
    check_exclude_nonvalues(c, x);
    check_single(c, x);
    check_assign_to(c, x, elem, "array or slice literal");
}

static int by_value(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static void duplicate_indices(Checker *c, Expr *e, int64_t *at, uint32_t n)
{
    int64_t *sorted = mem_alloc_atomic(n * sizeof *sorted + 1);
    memcpy(sorted, at, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    for (uint32_t i = 1; i < n; i++) {
        if (sorted[i] != sorted[i - 1] || sorted[i] < 0) {
            continue;
        }
        bool first = true;
        for (uint32_t k = 0; k < n; k++) {
            if (at[k] == sorted[i] && !first) {
                check_error_at(c, e->composite.elems.at[k], "DuplicateLitKey",
                               "duplicate index %lld in array or slice literal", (long long)at[k]);
                break;
            }
            first &= at[k] != sorted[i];
        }
    }
}

/* Checks the elements; returns the length that they make. max < 0: unbounded. */
static int64_t indexed_elements(Checker *c, Expr *e, Type *elem, int64_t max)
{
    ExprList *l = &e->composite.elems;
    int64_t next = 0, len = 0;
    bool keys = false;
    int64_t *at = mem_alloc_atomic(l->n * sizeof *at + 1);
    for (uint32_t i = 0; i < l->n; i++) {
        Expr *x = l->at[i], *value = x;
        bool valid = true;
        if (x->kind == EX_KEYVALUE) {
            keys = true;
            value = x->kv.value;
            int64_t v;
            valid = check_index_value(c, x->kv.key, max, &v);
            if (valid && v < 0) {
                valid = false;
                if (x->kv.key->mode != MODE_CONST) {
                    check_error_at(c, x->kv.key, "InvalidLitIndex",
                                   "index %s must be integer constant", expr_string(x->kv.key));
                }
            }
            next = valid ? v : next;
        } else if (max >= 0 && next >= max) {
            check_error_at(c, x, "OversizeArrayLit", "index %lld is out of bounds (>= %lld)",
                           (long long)next, (long long)max);
            valid = false;
        }
        element(c, value, elem);
        at[i] = valid ? next : -1;
        next++;
        len = next > len ? next : len;
    }
    if (keys) {
        duplicate_indices(c, e, at, l->n);
    }
    return len;
}

/* ---- maps ---- */

static void map_literal(Checker *c, Expr *e, Type *m)
{
    ExprList *l = &e->composite.elems;
    KeySet seen = {0};
    for (uint32_t i = 0; i < l->n; i++) {
        Expr *x = l->at[i];
        if (x->kind != EX_KEYVALUE) {
            check_error_at(c, x, "MissingLitKey", "missing key in map literal");
            check_use(c, x);
            continue;
        }
        Expr *k = x->kv.key, *v = x->kv.value;
        check_raw(c, k, m->map.key);
        check_exclude_nonvalues(c, k);
        check_single(c, k);
        check_assign_to(c, k, m->map.key, "map literal");
        if (k->mode == MODE_CONST && !key_add(&seen, k)) {
            check_error_at(c, k, "DuplicateLitKey", "duplicate key %s in map literal",
                           expr_string(k));
        }
        check_raw(c, v, m->map.elem);
        check_exclude_nonvalues(c, v);
        check_single(c, v);
        check_assign_to(c, v, m->map.elem, "map literal");
    }
}

/* ---- all ---- */

static void check_elems_only(Checker *c, Expr *e)
{
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        Expr *x = e->composite.elems.at[i];
        if (x->kind == EX_KEYVALUE) {
            check_use(c, x->kv.value);
        } else if (x->kind != EX_COMPOSITE || x->composite.type) {
            check_use(c, x);
        }
    }
}

static bool open_array(const Expr *t)
{
    return t->kind == EX_ARRAY_TYPE && t->array_type.len && t->array_type.len->kind == EX_ELLIPSIS;
}

void check_composite(Checker *c, Expr *e, Type *hint)
{
    Type *t, *base;
    Expr *te = e->composite.type;
    bool open = te && open_array(te);
    check_invalid(e);
    if (open) {
        Type *elem = check_var_type(c, te->array_type.elem);
        t = base = type_array(elem, -1);
        if (is_invalid(elem)) {
            t = base = INVALID;
        }
    } else if (te) {
        t = base = check_type(c, te);
    } else if (hint) {
        t = base = hint;
        Type *u = type_core(base);
        if (u && u->kind == T_POINTER) {
            base = u->pointer.elem;
        }
    } else {
        check_error_at(c, e, "UntypedLit", "invalid composite literal type: missing type");
        check_elems_only(c, e);
        return;
    }
    Type *u = type_core(base);
    if (is_invalid(base) || (u && is_invalid(u))) {
        check_elems_only(c, e);
        return;
    }
    e->mode = MODE_VALUE;
    e->type = t;
    switch (u ? u->kind : T_INVALID) {
    case T_STRUCT:
        struct_literal(c, e, base, u);
        break;
    case T_ARRAY:
        if (open) {
            t->array.len = indexed_elements(c, e, u->array.elem, -1);
            check_record_type(te, t);
        } else {
            indexed_elements(c, e, u->array.elem, u->array.len);
        }
        break;
    case T_SLICE:
        indexed_elements(c, e, u->slice.elem, -1);
        break;
    case T_MAP:
        map_literal(c, e, u);
        break;
    default:
        check_elems_only(c, e);
        check_error_at(c, e, "InvalidLit", "invalid composite literal type %s",
                       check_type_text(c, t));
        check_invalid(e);
        break;
    }
}
