/* typestr.c - types as Go's messages print them. Names of other packages than relative_to are
 * qualified by package name; with relative_to NULL all are. */
#include "lang/types.h"
#include <stdio.h>

Package *types_current;

typedef struct Buf {
    Text text;
    Package *rel;
    bool paths; /* packages by their whole import path */
    int depth;
} Buf;

static void put(Buf *b, const char *s) { text_str(&b->text, s); }

static void put_type(Buf *b, Type *t);

static void put_params(Buf *b, Param *p, uint32_t n, bool variadic)
{
    put(b, "(");
    for (uint32_t i = 0; i < n; i++) {
        if (i) {
            put(b, ", ");
        }
        if (p[i].name && *p[i].name) {
            put(b, p[i].name);
            put(b, " ");
        }
        if (variadic && i == n - 1 && p[i].type && p[i].type->kind == T_SLICE) {
            put(b, "...");
            put_type(b, p[i].type->slice.elem);
        } else {
            put_type(b, p[i].type);
        }
    }
    put(b, ")");
}

static void put_signature(Buf *b, Type *f)
{
    put_params(b, f->func.params, f->func.nparams, f->func.variadic);
    if (f->func.nresults == 0) {
        return;
    }
    put(b, " ");
    if (f->func.nresults == 1 && !(f->func.results[0].name && *f->func.results[0].name)) {
        put_type(b, f->func.results[0].type);
    } else {
        put_params(b, f->func.results, f->func.nresults, false);
    }
}

static void put_tparams(Buf *b, TypeList l)
{
    put(b, "[");
    for (uint32_t i = 0; i < l.n; i++) {
        put(b, i ? ", " : "");
        put_type(b, l.at[i]);
        put(b, " ");
        put_type(b, l.at[i]->tparam.constraint);
    }
    put(b, "]");
}

static void put_struct(Buf *b, Type *t)
{
    put(b, "struct{");
    for (uint32_t i = 0; i < t->struct_.n; i++) {
        StructField *f = &t->struct_.fields[i];
        put(b, i ? "; " : "");
        if (!f->embedded) {
            put(b, f->name);
            put(b, " ");
        }
        put_type(b, f->type);
        if (f->tag_len) {
            put(b, " ");
            put(b, const_source(const_string(f->tag, f->tag_len)));
        }
    }
    put(b, "}");
}

static void put_terms(Buf *b, UnionTerm *terms, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        put(b, i ? " | " : "");
        put(b, terms[i].tilde ? "~" : "");
        put_type(b, terms[i].type);
    }
}

static void put_interface(Buf *b, Type *t)
{
    if (t == type_any) {
        put(b, "any");
        return;
    }
    if (t->iface.implicit && t->iface.nembeds == 1 && !t->iface.nmethods) {
        put_type(b, t->iface.embeds[0]);
        return;
    }
    put(b, "interface{");
    bool first = true;
    for (uint32_t i = 0; i < t->iface.nmethods; i++) {
        put(b, first ? "" : "; ");
        first = false;
        put(b, t->iface.methods[i].name);
        put_signature(b, t->iface.methods[i].type);
    }
    for (uint32_t i = 0; i < t->iface.nembeds; i++) {
        put(b, first ? "" : "; ");
        first = false;
        put_type(b, t->iface.embeds[i]);
    }
    put(b, "}");
}

static bool same_name_among(const Package *p, const Package *pkg, int depth)
{
    for (uint32_t i = 0; i < p->imports.n; i++) {
        const Package *q = p->imports.at[i];
        if (q != pkg && q->name && pkg->name && !strcmp(q->name, pkg->name) &&
            strcmp(q->path, pkg->path) != 0) {
            return true;
        }
        if (depth > 0 && same_name_among(q, pkg, depth - 1)) {
            return true;
        }
    }
    return false;
}

/* Does another package that the reader may think of have the same name? */
static bool ambiguous(const Package *rel, const Package *pkg)
{
    return rel && same_name_among(rel, pkg, 1);
}

static void put_named(Buf *b, Type *t)
{
    Obj *o = t->named.obj;
    if (o->pkg && o->pkg != b->rel && !(o->pkg->live && b->rel && b->rel->live)) {
        bool quoted = !b->paths && ambiguous(b->rel, o->pkg);
        const char *name = b->paths || quoted ? o->pkg->path : o->pkg->name;
        put(b, quoted ? "\"" : "");
        put(b, name ? name : "?");
        put(b, quoted ? "\"" : "");
        put(b, ".");
    }
    put(b, o->name);
    if (t->named.targs.n) {
        put(b, "[");
        for (uint32_t i = 0; i < t->named.targs.n; i++) {
            put(b, i ? "," : "");
            put_type(b, t->named.targs.at[i]);
        }
        put(b, "]");
    } else if (t->named.tparams.n && !t->named.origin) {
        put_tparams(b, t->named.tparams);
    }
}

static void put_chan(Buf *b, Type *t)
{
    put(b, t->chan.dir == 1 ? "<-chan " : t->chan.dir == 2 ? "chan<- " : "chan ");
    bool paren = t->chan.dir == 3 && t->chan.elem && t->chan.elem->kind == T_CHAN &&
                 t->chan.elem->chan.dir == 1;
    put(b, paren ? "(" : "");
    put_type(b, t->chan.elem);
    put(b, paren ? ")" : "");
}

static const char *const basic_text[T_UNTYPED_NIL + 1] = {
    "invalid type", "bool", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16",
    "uint32", "uint64", "uintptr", "float32", "float64", "complex64", "complex128", "string",
    "unsafe.Pointer", "untyped bool", "untyped int", "untyped rune", "untyped float",
    "untyped complex", "untyped string", "untyped nil",
};

static void put_tuple(Buf *b, Type *t)
{
    put(b, "(");
    for (uint32_t i = 0; i < t->tuple.n; i++) {
        put(b, i ? ", " : "");
        put_type(b, t->tuple.at[i]);
    }
    put(b, ")");
}

static void put_type_at(Buf *b, Type *t)
{
    char num[32];
    switch (t->kind) {
    case T_ARRAY:
        snprintf(num, sizeof num, "[%lld]", (long long)t->array.len);
        put(b, num);
        put_type(b, t->array.elem);
        break;
    case T_SLICE:
        put(b, "[]");
        put_type(b, t->slice.elem);
        break;
    case T_STRUCT:
        put_struct(b, t);
        break;
    case T_POINTER:
        put(b, "*");
        put_type(b, t->pointer.elem);
        break;
    case T_FUNC:
        put(b, "func");
        if (t->func.tparams.n) {
            put_tparams(b, t->func.tparams);
        }
        put_signature(b, t);
        break;
    case T_INTERFACE:
        put_interface(b, t);
        break;
    case T_MAP:
        put(b, "map[");
        put_type(b, t->map.key);
        put(b, "]");
        put_type(b, t->map.elem);
        break;
    case T_CHAN:
        put_chan(b, t);
        break;
    case T_NAMED:
        put_named(b, t);
        break;
    case T_TPARAM:
        put(b, t->tparam.obj ? t->tparam.obj->name : "?");
        break;
    case T_TUPLE:
        put_tuple(b, t);
        break;
    case T_UNION:
        put_terms(b, t->union_.terms, t->union_.n);
        break;
    default:
        put(b, t == type_byte ? "byte" : t == type_rune ? "rune" : basic_text[t->kind]);
    }
}

static void put_type(Buf *b, Type *t)
{
    if (!t || b->depth > 60) {
        put(b, t ? "…" : "<nil>");
        return;
    }
    b->depth++;
    put_type_at(b, t);
    b->depth--;
}

char *type_string(Type *t, Package *relative_to)
{
    Buf b = {.rel = relative_to ? relative_to : types_current};
    put(&b, "");
    put_type(&b, t);
    return b.text.at;
}

char *type_string_paths(Type *t)
{
    Buf b = {.paths = true};
    put(&b, "");
    put_type(&b, t);
    return b.text.at;
}

char *typeset_string(TypeSet *set, Package *relative_to)
{
    Buf b = {.rel = relative_to ? relative_to : types_current};
    put(&b, "");
    put_terms(&b, set->terms, set->nterms);
    return b.text.at;
}
