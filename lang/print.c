/* print.c - expressions as Go's error messages print them: operators with blanks around them,
 * function bodies and long type literals shortened to "{…}". Bounded: beyond MAX_TEXT the text is
 * cut, so a hostile expression costs no more than that. */
#include "lang/ast.h"

#include <assert.h>
#include <string.h>

enum { MAX_TEXT = 1000, MAX_PRINT_DEPTH = 200 };

typedef struct Out {
    char at[MAX_TEXT + 8];
    size_t n;
    int depth;
} Out;

static void put_n(Out *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n && o->n < MAX_TEXT; i++) {
        o->at[o->n++] = s[i];
    }
}

static void put(Out *o, const char *s) { put_n(o, s, strlen(s)); }

static void expr(Out *o, const Expr *e);

static void list(Out *o, const ExprList *l)
{
    for (uint32_t i = 0; i < l->n && o->n < MAX_TEXT; i++) {
        put(o, i ? ", " : "");
        expr(o, l->at[i]);
    }
}

static void fields(Out *o, const FieldList *l)
{
    for (uint32_t i = 0; i < l->n && o->n < MAX_TEXT; i++) {
        const Field *f = l->at[i];
        put(o, i ? ", " : "");
        if (f->name) {
            expr(o, f->name);
            if (i + 1 < l->n && l->at[i + 1]->name && l->at[i + 1]->type == f->type) {
                continue;
            }
            put(o, " ");
        }
        expr(o, f->type);
    }
}

static void signature(Out *o, const FuncType *t)
{
    if (t->tparams.n) {
        put(o, "[");
        fields(o, &t->tparams);
        put(o, "]");
    }
    put(o, "(");
    fields(o, &t->params);
    put(o, ")");
    if (t->results.n == 1 && !t->results.at[0]->name) {
        put(o, " ");
        expr(o, t->results.at[0]->type);
    } else if (t->results.n) {
        put(o, " (");
        fields(o, &t->results);
        put(o, ")");
    }
}

static void interface_text(Out *o, const Expr *e)
{
    put(o, "interface{");
    for (uint32_t i = 0; i < e->iface_type.elems.n && o->n < MAX_TEXT; i++) {
        const Field *f = e->iface_type.elems.at[i];
        put(o, i ? "; " : "");
        if (f->name && f->type->kind == EX_FUNC_TYPE) {
            expr(o, f->name);
            signature(o, f->type->func_type.sig);
        } else {
            expr(o, f->type);
        }
    }
    put(o, "}");
}

static void struct_text(Out *o, const Expr *e)
{
    put(o, "struct{");
    for (uint32_t i = 0; i < e->struct_type.fields.n && o->n < MAX_TEXT; i++) {
        const Field *f = e->struct_type.fields.at[i];
        put(o, i ? "; " : "");
        if (f->name) {
            expr(o, f->name);
            put(o, " ");
        }
        expr(o, f->type);
    }
    put(o, "}");
}

static void type_text(Out *o, const Expr *e)
{
    switch (e->kind) {
    case EX_ARRAY_TYPE:
        put(o, "[");
        if (e->array_type.len) {
            expr(o, e->array_type.len);
        }
        put(o, "]");
        expr(o, e->array_type.elem);
        break;
    case EX_STRUCT_TYPE:
        struct_text(o, e);
        break;
    case EX_FUNC_TYPE:
        put(o, "func");
        signature(o, e->func_type.sig);
        break;
    case EX_IFACE_TYPE:
        interface_text(o, e);
        break;
    case EX_MAP_TYPE:
        put(o, "map[");
        expr(o, e->map_type.key);
        put(o, "]");
        expr(o, e->map_type.value);
        break;
    case EX_CHAN_TYPE: {
        const Expr *elem = e->chan_type.elem;
        put(o, e->chan_type.dir == 1 ? "<-chan " : e->chan_type.dir == 2 ? "chan<- " : "chan ");
        bool paren = e->chan_type.dir == 3 && elem->kind == EX_CHAN_TYPE && elem->chan_type.dir == 1;
        put(o, paren ? "(" : "");
        expr(o, elem);
        put(o, paren ? ")" : "");
        break;
    }
    default:
        put(o, "_");
    }
}

static void slice_text(Out *o, const Expr *e)
{
    expr(o, e->slice.x);
    put(o, "[");
    if (e->slice.lo) {
        expr(o, e->slice.lo);
    }
    put(o, ":");
    if (e->slice.hi) {
        expr(o, e->slice.hi);
    }
    if (e->slice.three) {
        put(o, ":");
        expr(o, e->slice.max);
    }
    put(o, "]");
}

/* Binary operators: the tree has EX_PAREN nodes where the source has parentheses, so none are
 * added here. */
static void expr_body(Out *o, const Expr *e)
{
    switch (e->kind) {
    case EX_NAME:
        put(o, e->name.name);
        break;
    case EX_LIT:
        put_n(o, e->lit.text, e->lit.len);
        break;
    case EX_COMPOSITE:
        if (e->composite.type) {
            expr(o, e->composite.type);
        }
        put(o, e->composite.elems.n ? "{…}" : "{}");
        break;
    case EX_FUNC:
        put(o, "func");
        signature(o, e->func.sig);
        put(o, " {…}");
        break;
    case EX_PAREN:
        put(o, "(");
        expr(o, e->paren.x);
        put(o, ")");
        break;
    case EX_SELECTOR:
        expr(o, e->selector.x);
        put(o, ".");
        expr(o, e->selector.sel);
        break;
    case EX_INDEX:
        expr(o, e->index.x);
        put(o, "[");
        list(o, &e->index.index);
        put(o, "]");
        break;
    case EX_SLICE:
        slice_text(o, e);
        break;
    case EX_ASSERT:
        expr(o, e->assert_.x);
        put(o, ".(");
        if (e->assert_.type) {
            expr(o, e->assert_.type);
        } else {
            put(o, "type");
        }
        put(o, ")");
        break;
    case EX_CALL:
        expr(o, e->call.fn);
        put(o, "(");
        list(o, &e->call.args);
        put(o, e->call.dots ? "...)" : ")");
        break;
    case EX_STAR:
        put(o, "*");
        expr(o, e->star.x);
        break;
    case EX_UNARY:
        put(o, token_text[e->unary.op]);
        expr(o, e->unary.x);
        break;
    case EX_BINARY:
        expr(o, e->binary.x);
        put(o, " ");
        put(o, token_text[e->binary.op]);
        put(o, " ");
        expr(o, e->binary.y);
        break;
    case EX_KEYVALUE:
        expr(o, e->kv.key);
        put(o, ": ");
        expr(o, e->kv.value);
        break;
    case EX_ELLIPSIS:
        put(o, "...");
        if (e->ellipsis.elem) {
            expr(o, e->ellipsis.elem);
        }
        break;
    default:
        type_text(o, e);
    }
}

static void expr(Out *o, const Expr *e)
{
    if (!e || o->n >= MAX_TEXT) {
        return;
    }
    if (o->depth >= MAX_PRINT_DEPTH) {
        put(o, "…");
        return;
    }
    o->depth++;
    expr_body(o, e);
    o->depth--;
}

char *expr_string(const Expr *e)
{
    Out o;
    o.n = 0;
    o.depth = 0;
    expr(&o, e);
    if (o.n >= MAX_TEXT) {
        while (o.n > 0 && ((unsigned char)o.at[o.n - 1] & 0xc0) == 0x80) {
            o.n--;
        }
        o.n -= o.n > 0;
        memcpy(o.at + o.n, "…", 3);
        o.n += 3;
    }
    return mem_strndup(o.at, o.n);
}
