/* scope.c - scopes: open-addressed tables keyed by interned name. A scope is filled by one compile
 * and read by none other. Nothing iterates over a table, so addresses decide no order. */
#include "lang/types.h"

static uint32_t name_hash(Name name)
{
    uint64_t h = (uint64_t)(uintptr_t)name >> 3;
    return (uint32_t)((h * 0x9e3779b97f4a7c15ull) >> 32);
}

Scope *scope_new(Scope *parent)
{
    Scope *s = MEM_NEW(Scope);
    s->parent = parent;
    return s;
}

static Obj **slot_of(Obj **table, uint32_t cap, Name name)
{
    uint32_t i = name_hash(name) & (cap - 1);
    while (table[i] && table[i]->name != name) {
        i = (i + 1) & (cap - 1);
    }
    return &table[i];
}

static void grow(Scope *s)
{
    uint32_t cap = s->cap ? s->cap * 2 : 8;
    Obj **table = MEM_NEW_N(Obj *, cap);
    for (uint32_t i = 0; i < s->cap; i++) {
        if (s->table[i]) {
            *slot_of(table, cap, s->table[i]->name) = s->table[i];
        }
    }
    s->table = table;
    s->cap = cap;
}

Obj *scope_insert(Scope *s, Obj *o)
{
    if (s->n * 4 >= s->cap * 3) {
        grow(s);
    }
    Obj **slot = slot_of(s->table, s->cap, o->name);
    if (*slot) {
        return *slot;
    }
    *slot = o;
    s->n++;
    if (!o->parent) {
        o->parent = s;
    }
    return NULL;
}

Obj *scope_lookup(Scope *s, Name name)
{
    return s->n ? *slot_of(s->table, s->cap, name) : NULL;
}

/* Locals of a function become visible after their declaration; everything else at once. */
static bool visible(const Obj *o, Pos pos)
{
    return !pos || o->is_global || o->pos < pos || o->is_param || o->is_result;
}

Obj *scope_lookup_parent(Scope *s, Name name, Pos pos, Scope **where)
{
    for (; s; s = s->parent) {
        Obj *o = scope_lookup(s, name);
        if (o && (!s->parent || !s->parent->parent || visible(o, pos))) {
            if (where) {
                *where = s;
            }
            return o;
        }
    }
    return NULL;
}
