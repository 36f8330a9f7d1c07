/* parse_type.c - types, parameter lists, type parameter lists.
 *
 * Generics make three places ambiguous, each decided by what follows: a struct field "T [n]E" or an
 * embedded instance "T[A]"; an interface method "m[...]" (an error) or an embedded instance; and
 * the type declaration "type T [P ..." (parse.c). A parameter list is read as a list of entries with
 * name, type or both; whether lone names are names or types is known only at its end.
 */
#include "lang/parse.h"

#include <assert.h>

static Expr *type_rest(Parser *p);

static Expr *star_type(Parser *p, Pos start, Expr *elem)
{
    Expr *x = expr_new(p, EX_STAR, start);
    x->star.x = elem;
    x->end = elem->end;
    return x;
}

Expr *parse_type(Parser *p)
{
    Expr *t = parse_type_or_null(p);
    if (!t) {
        t = expr_bad(p);
        parser_error(p, "expected type");
        parser_advance(p, FOLLOW(TOK_COMMA, TOK_COLON, TOK_SEMICOLON, TOK_RPAREN, TOK_RBRACK,
                                 TOK_RBRACE));
    }
    return t;
}

Expr *parse_type_or_null(Parser *p)
{
    if (!parser_enter(p)) {
        return expr_bad(p);
    }
    Expr *t = type_rest(p);
    parser_leave(p);
    return t;
}

/* ---- Composite types -------------------------------------------------------------------------- */

Expr *parse_slice_type(Parser *p, Pos start)
{
    Expr *t = expr_new(p, EX_ARRAY_TYPE, start);
    t->array_type.elem = parse_type(p);
    t->end = t->array_type.elem->end;
    return t;
}

Expr *parse_array_type(Parser *p, Pos start, Expr *len)
{
    if (!len) {
        if (p->s.tok == TOK_ELLIPSIS) {
            len = expr_new(p, EX_ELLIPSIS, p->s.pos);
            parser_next(p);
        } else {
            p->xnest++;
            len = parse_expr(p);
            p->xnest--;
        }
    }
    if (p->s.tok == TOK_COMMA) {
        parser_error(p, "unexpected comma; expecting ]");
        parser_next(p);
    }
    parser_want(p, TOK_RBRACK);
    Expr *t = expr_new(p, EX_ARRAY_TYPE, start);
    t->array_type.len = len;
    t->array_type.elem = parse_type(p);
    t->end = t->array_type.elem->end;
    return t;
}

static Expr *chan_type(Parser *p, Pos start, uint8_t dir)
{
    Expr *t = expr_new(p, EX_CHAN_TYPE, start);
    t->chan_type.dir = dir;
    Expr *elem = parse_type_or_null(p);
    if (!elem) {
        elem = expr_bad(p);
        parser_error(p, "missing channel element type");
    }
    t->chan_type.elem = elem;
    t->end = p->prev_end;
    return t;
}

static Expr *map_type(Parser *p)
{
    Expr *t = expr_new(p, EX_MAP_TYPE, p->s.pos);
    parser_next(p);
    parser_want(p, TOK_LBRACK);
    t->map_type.key = parse_type(p);
    parser_want(p, TOK_RBRACK);
    t->map_type.value = parse_type(p);
    t->end = p->prev_end;
    return t;
}

static Expr *type_instance(Parser *p, Expr *generic)
{
    Expr *x = expr_new(p, EX_INDEX, generic->start);
    x->index.x = generic;
    parser_want(p, TOK_LBRACK);
    if (p->s.tok == TOK_RBRACK) {
        parser_error(p, "expected type argument list");
        VEC_PUSH(x->index.index, expr_bad(p));
    } else {
        parse_type_list(p, &x->index.index);
    }
    parser_want(p, TOK_RBRACK);
    x->end = p->prev_end;
    return x;
}

Expr *parse_qualified_name(Parser *p, Expr *name)
{
    Expr *x = name;
    if (!x && p->s.tok == TOK_IDENT) {
        x = parse_name(p);
    } else if (!x) {
        x = expr_new(p, EX_NAME, p->s.pos);
        x->name.name = name_of("_");
        parser_error(p, "expected name");
        parser_advance(p, FOLLOW(TOK_PERIOD, TOK_SEMICOLON, TOK_RBRACE));
    }
    if (p->s.tok == TOK_PERIOD) {
        Expr *s = expr_new(p, EX_SELECTOR, x->start);
        parser_next(p);
        s->selector.x = x;
        s->selector.sel = parse_name(p);
        s->end = p->prev_end;
        x = s;
    }
    return p->s.tok == TOK_LBRACK ? type_instance(p, x) : x;
}

static Expr *paren_type(Parser *p)
{
    Expr *x = expr_new(p, EX_PAREN, p->s.pos);
    parser_next(p);
    x->paren.x = parse_type(p);
    parser_want(p, TOK_RPAREN);
    x->end = p->prev_end;
    return x;
}

/* ---- Structs ---------------------------------------------------------------------------------- */

static void add_field(FieldList *out, Expr *name, Expr *type, Expr *tag)
{
    Field *f = MEM_NEW(Field);
    f->name = name;
    f->type = type;
    f->tag = tag;
    f->embedded = !name;
    VEC_PUSH(*out, f);
}

/* A tag, if one stands here. */
static Expr *field_tag(Parser *p)
{
    if (p->s.tok >= TOK_INT && p->s.tok <= TOK_CHAR) {
        parser_error(p, "struct field tag must be a string");
        parser_next(p);
        return NULL;
    }
    Expr *tag = parse_literal(p);
    return tag && tag->kind == EX_LIT ? tag : NULL;
}

/* At "[" behind a lone name: an array or slice type, or EX_INDEX without x for type arguments. */
static Expr *array_or_targs(Parser *p)
{
    Pos start = p->s.pos;
    parser_want(p, TOK_LBRACK);
    if (parser_got(p, TOK_RBRACK)) {
        return parse_slice_type(p, start);
    }
    if (p->s.tok == TOK_ELLIPSIS) {
        return parse_array_type(p, start, NULL);
    }
    ExprList list = {0};
    bool comma = parse_type_list(p, &list);
    parser_want(p, TOK_RBRACK);
    if (!comma) {
        Expr *elem = parse_type_or_null(p);
        if (elem) {
            Expr *t = expr_new(p, EX_ARRAY_TYPE, start);
            t->array_type.len = list.at[0];
            t->array_type.elem = elem;
            t->end = elem->end;
            return t;
        }
    }
    Expr *t = expr_new(p, EX_INDEX, start);
    t->index.index = list;
    t->end = p->prev_end;
    return t;
}

static void set_generic(Expr *instance, Expr *name)
{
    instance->index.x = name;
    instance->pos = instance->start = name->start;
}

static void named_field(Parser *p, FieldList *out)
{
    Expr *name = parse_name(p);
    Token t = p->s.tok;
    if (t == TOK_PERIOD || t == TOK_STRING || t == TOK_SEMICOLON || t == TOK_RBRACE) {
        Expr *type = parse_qualified_name(p, name);
        add_field(out, NULL, type, field_tag(p));
        return;
    }
    ExprList names = {0};
    VEC_PUSH(names, name);
    while (parser_got(p, TOK_COMMA)) {
        VEC_PUSH(names, parse_name(p));
    }
    Expr *type;
    if (names.n == 1 && p->s.tok == TOK_LBRACK) {
        type = array_or_targs(p);
        if (type->kind == EX_INDEX) {
            set_generic(type, name);
            add_field(out, NULL, type, field_tag(p));
            return;
        }
    } else {
        type = parse_type(p);
    }
    Expr *tag = field_tag(p);
    for (uint32_t i = 0; i < names.n; i++) {
        add_field(out, names.at[i], type, tag);
    }
}

/* An embedded type that is wrongly parenthesised, at "(". */
static Expr *parenthesized_embedded(Parser *p)
{
    parser_error(p, "cannot parenthesize embedded type");
    parser_next(p);
    Pos start = p->s.pos;
    Expr *t = parser_got(p, TOK_MUL) ? star_type(p, start, parse_qualified_name(p, NULL))
                                     : parse_qualified_name(p, NULL);
    parser_got(p, TOK_RPAREN);
    return t;
}

static void struct_field(Parser *p, FieldList *out)
{
    Pos start = p->s.pos;
    Expr *type;
    switch (p->s.tok) {
    case TOK_IDENT:
        named_field(p, out);
        return;
    case TOK_MUL:
        parser_next(p);
        type = p->s.tok == TOK_LPAREN ? parenthesized_embedded(p) : parse_qualified_name(p, NULL);
        type = star_type(p, start, type);
        add_field(out, NULL, type, field_tag(p));
        return;
    case TOK_LPAREN:
        type = parenthesized_embedded(p);
        add_field(out, NULL, type, field_tag(p));
        return;
    default:
        parser_error(p, "expected field name or embedded type");
        parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_RBRACE));
    }
}

static Expr *struct_type(Parser *p)
{
    Expr *t = expr_new(p, EX_STRUCT_TYPE, p->s.pos);
    parser_next(p);
    parser_want(p, TOK_LBRACE);
    bool ok = true;
    while (ok && parser_more(p, TOK_RBRACE)) {
        struct_field(p, &t->struct_type.fields);
        ok = parser_separator(p, "struct type", TOK_SEMICOLON, TOK_RBRACE);
    }
    if (ok) {
        parser_want(p, TOK_RBRACE);
    }
    t->end = p->prev_end;
    return t;
}

/* ---- Interfaces and constraints --------------------------------------------------------------- */

static Expr *embedded_term(Parser *p)
{
    if (p->s.tok == TOK_TILDE) {
        Expr *x = expr_new(p, EX_UNARY, p->s.pos);
        x->unary.op = TOK_TILDE;
        parser_next(p);
        x->unary.x = parse_type(p);
        x->end = p->prev_end;
        return x;
    }
    Expr *t = parse_type_or_null(p);
    if (!t) {
        t = expr_bad(p);
        parser_error(p, "expected ~ term or type");
        parser_advance(p, FOLLOW(TOK_OR, TOK_SEMICOLON, TOK_RPAREN, TOK_RBRACK, TOK_RBRACE));
    }
    return t;
}

/* first NULL: a term is read. */
static Expr *embedded_union(Parser *p, Expr *first)
{
    Expr *x = first ? first : embedded_term(p);
    uint32_t n = 0;
    while (p->s.tok == TOK_OR) {
        Expr *u = expr_new(p, EX_BINARY, x->start);
        u->pos = p->s.pos;
        u->binary.op = TOK_OR;
        parser_next(p);
        u->binary.x = x;
        u->binary.y = embedded_term(p);
        u->end = p->prev_end;
        x = u;
        if (++n > MAX_DEPTH) {
            p->height = MAX_DEPTH;
            parser_grow(p);
        }
    }
    return x;
}

static Expr *method_type(Parser *p)
{
    Expr *t = expr_new(p, EX_FUNC_TYPE, p->s.pos);
    t->func_type.sig = MEM_NEW(FuncType);
    parse_signature(p, t->func_type.sig, "interface method");
    t->end = p->prev_end;
    return t;
}

/* name "[": an embedded instance, or a method that wrongly has type parameters. */
static void bracketed_element(Parser *p, Field *f, Expr *name)
{
    Pos pos = p->s.pos;
    parser_next(p);
    if (p->s.tok == TOK_RBRACK) {
        Pos at = p->s.pos;
        parser_next(p);
        bool method = p->s.tok == TOK_LPAREN;
        parser_plain_error(p, at, method ? "empty type parameter list" : "empty type argument list");
        f->name = method ? name : NULL;
        f->type = method ? method_type(p) : name;
        return;
    }
    FieldList list = {0};
    parse_params(p, &list, NULL, NULL, TOK_RBRACK, false);
    if (list.n == 0) {
        bool method = p->s.tok == TOK_LPAREN;
        f->name = method ? name : NULL;
        f->type = method ? method_type(p) : name;
        return;
    }
    if (list.at[0]->name) {
        f->name = name;
        f->type = method_type(p);
        parser_plain_error(p, pos, "interface method must have no type parameters");
        return;
    }
    Expr *t = expr_new(p, EX_INDEX, name->start);
    t->index.x = name;
    for (uint32_t i = 0; i < list.n; i++) {
        VEC_PUSH(t->index.index, list.at[i]->type);
    }
    t->end = p->prev_end;
    f->type = t;
}

static Field *interface_element(Parser *p)
{
    Field *f = MEM_NEW(Field);
    if (p->s.tok == TOK_IDENT) {
        Expr *name = parse_name(p);
        if (p->s.tok == TOK_LPAREN) {
            f->name = name;
            f->type = method_type(p);
        } else if (p->s.tok == TOK_LBRACK) {
            bracketed_element(p, f, name);
        } else {
            f->type = parse_qualified_name(p, name);
        }
    }
    if (!f->name) {
        f->type = embedded_union(p, f->type);
        f->embedded = true;
    }
    return f;
}

static Expr *interface_type(Parser *p)
{
    Expr *t = expr_new(p, EX_IFACE_TYPE, p->s.pos);
    parser_next(p);
    parser_want(p, TOK_LBRACE);
    bool ok = true;
    while (ok && parser_more(p, TOK_RBRACE)) {
        VEC_PUSH(t->iface_type.elems, interface_element(p));
        ok = parser_separator(p, "interface type", TOK_SEMICOLON, TOK_RBRACE);
    }
    if (ok) {
        parser_want(p, TOK_RBRACE);
    }
    t->end = p->prev_end;
    return t;
}

static Expr *type_rest(Parser *p)
{
    Pos start = p->s.pos;
    switch (p->s.tok) {
    case TOK_MUL:
        parser_next(p);
        return star_type(p, start, parse_type(p));
    case TOK_ARROW:
        parser_next(p);
        parser_want(p, TOK_CHAN);
        return chan_type(p, start, 1);
    case TOK_FUNC: {
        Expr *t = expr_new(p, EX_FUNC_TYPE, start);
        parser_next(p);
        t->func_type.sig = MEM_NEW(FuncType);
        parse_signature(p, t->func_type.sig, "function type");
        t->end = p->prev_end;
        return t;
    }
    case TOK_LBRACK:
        parser_next(p);
        return parser_got(p, TOK_RBRACK) ? parse_slice_type(p, start)
                                         : parse_array_type(p, start, NULL);
    case TOK_CHAN:
        parser_next(p);
        return chan_type(p, start, parser_got(p, TOK_ARROW) ? 2 : 3);
    case TOK_MAP:
        return map_type(p);
    case TOK_STRUCT:
        return struct_type(p);
    case TOK_INTERFACE:
        return interface_type(p);
    case TOK_IDENT:
        return parse_qualified_name(p, NULL);
    case TOK_LPAREN:
        return paren_type(p);
    default:
        return NULL;
    }
}

/* ---- Parameters ------------------------------------------------------------------------------- */

static Expr *dots_type(Parser *p)
{
    Expr *t = expr_new(p, EX_ELLIPSIS, p->s.pos);
    parser_next(p);
    t->ellipsis.elem = parse_type_or_null(p);
    if (!t->ellipsis.elem) {
        t->ellipsis.elem = expr_bad(p);
        parser_error(p, "... is missing type");
    }
    t->end = p->prev_end;
    return t;
}

/* An entry that begins with a name, which has been read. True if the entry is complete. */
static bool param_after_name(Parser *p, Field *f, Expr *name, bool tparams)
{
    if (p->s.tok == TOK_LBRACK) {
        f->type = array_or_targs(p);
        if (f->type->kind == EX_INDEX) {
            set_generic(f->type, name);
        } else {
            f->name = name;
        }
    } else if (p->s.tok == TOK_PERIOD) {
        f->type = parse_qualified_name(p, name);
    } else if (tparams && p->s.tok == TOK_OR) {
        f->type = name;
    } else {
        f->name = name;
        return false;
    }
    if (tparams && p->s.tok == TOK_OR) {
        f->type = embedded_union(p, f->type);
    }
    return true;
}

/* One entry: name, type, or both. NULL after an error. */
static Field *param_entry(Parser *p, Expr *name, Token close)
{
    bool tparams = close == TOK_RBRACK;
    Field *f = MEM_NEW(Field);
    if (!name && tparams && p->s.tok == TOK_TILDE) {
        f->type = embedded_union(p, NULL);
        return f;
    }
    if (name || p->s.tok == TOK_IDENT) {
        if (!name) {
            name = parse_name(p);
        }
        if (param_after_name(p, f, name, tparams)) {
            return f;
        }
    }
    if (p->s.tok == TOK_ELLIPSIS) {
        f->type = dots_type(p);
        return f;
    }
    if (tparams && p->s.tok == TOK_TILDE) {
        f->type = embedded_union(p, NULL);
        return f;
    }
    f->type = parse_type_or_null(p);
    if (tparams && p->s.tok == TOK_OR && f->type) {
        f->type = embedded_union(p, f->type);
    }
    if (f->name || f->type) {
        return f;
    }
    parser_error(p, close == TOK_RPAREN ? "expected )" : "expected ]");
    parser_advance(p, FOLLOW(TOK_COMMA, close));
    return NULL;
}

static Expr *blank_name(Parser *p, Pos pos)
{
    Expr *n = expr_new(p, EX_NAME, pos);
    n->name.name = name_of("_");
    n->end = pos;
    return n;
}

/* Some entries have name and type: the others take their type from the right, or are wrong. */
static void distribute_types(Parser *p, FieldList *l, uint32_t named, uint32_t typed, bool tparams,
                             Pos close)
{
    Pos bad = 0;
    Expr *type = NULL;
    for (uint32_t i = l->n; i-- > 0;) {
        Field *f = l->at[i];
        if (f->type) {
            type = f->type;
            if (!f->name) {
                bad = type->start;
                f->name = blank_name(p, bad);
            }
        } else if (type) {
            f->type = type;
        } else {
            bad = f->name->start;
            f->type = expr_bad(p);
            f->type->pos = f->type->start = bad;
        }
    }
    if (!bad) {
        return;
    }
    if (named == typed) {
        parser_error_at(p, close, tparams ? "missing type constraint" : "missing parameter type");
    } else if (!tparams) {
        parser_error_at(p, bad, "missing parameter name");
    } else {
        parser_error_at(p, bad, l->n == 1 ? "missing type parameter name or invalid array length"
                                          : "missing type parameter name");
    }
}

/* Behind the opening bracket. name and type: a first entry that has been read already (type may
 * be NULL still). */
void parse_params(Parser *p, FieldList *out, Expr *name, Expr *type, Token close, bool tparams)
{
    const char *context = tparams ? "type parameter list" : "parameter or result list";
    uint32_t named = 0, typed = 0;
    bool ok = true;
    while (ok && (parser_more(p, close) || type)) {
        Field *f;
        if (type) {
            f = MEM_NEW(Field);
            f->name = name;
            f->type = type;
        } else {
            f = param_entry(p, name, close);
        }
        name = type = NULL;
        if (f) {
            named += f->name && f->type;
            typed += f->type != NULL;
            VEC_PUSH(*out, f);
        }
        ok = parser_separator(p, context, TOK_COMMA, close);
    }
    Pos at = p->s.pos;
    if (ok) {
        parser_want(p, close);
    }
    if (named == 0 && !tparams) {
        for (uint32_t i = 0; i < out->n; i++) {
            if (out->at[i]->name) {
                out->at[i]->type = out->at[i]->name;
                out->at[i]->name = NULL;
            }
        }
    } else if (named != out->n) {
        distribute_types(p, out, named, typed, tparams, at);
    }
}

void parse_signature(Parser *p, FuncType *out, const char *no_tparams)
{
    if (p->s.tok == TOK_LBRACK) {
        if (no_tparams) {
            parser_error(p, mem_printf("%s must have no type parameters", no_tparams));
        }
        parser_next(p);
        if (p->s.tok == TOK_RBRACK) {
            parser_error(p, "empty type parameter list");
            parser_next(p);
        } else {
            FieldList dropped = {0};
            parse_params(p, no_tparams ? &dropped : &out->tparams, NULL, NULL, TOK_RBRACK, true);
        }
    }
    parser_want(p, TOK_LPAREN);
    parse_params(p, &out->params, NULL, NULL, TOK_RPAREN, false);
    if (parser_got(p, TOK_LPAREN)) {
        parse_params(p, &out->results, NULL, NULL, TOK_RPAREN, false);
        return;
    }
    Expr *t = parse_type_or_null(p);
    if (t) {
        Field *f = MEM_NEW(Field);
        f->type = t;
        VEC_PUSH(out->results, f);
    }
}
