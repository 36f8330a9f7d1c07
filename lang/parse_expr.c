/* parse_expr.c - expressions.
 *
 * Binary operators by precedence climbing; primary expressions in one loop over their suffixes.
 * `xnest` decides whether "{" after a name begins a composite literal or a block: it is negative in
 * the header of if, for and switch until a bracket opens. Parentheses always leave an EX_PAREN.
 * Every expression carries its extent; `pos` is the operator of a binary expression and the
 * selected name's dot side otherwise is `start`.
 */
#include "lang/parse.h"

#include <assert.h>
#include <stdio.h>

Expr *expr_new(Parser *p, ExprKind k, Pos start)
{
    Expr *x = MEM_NEW(Expr);
    x->kind = (uint8_t)k;
    x->pos = x->start = start;
    x->end = p->s.end;
    return x;
}

Expr *expr_bad(Parser *p) { return expr_new(p, EX_BAD, p->s.pos); }

Expr *expr_unparen(Expr *x)
{
    while (x->kind == EX_PAREN) {
        x = x->paren.x;
    }
    return x;
}

Expr *parse_name(Parser *p)
{
    Expr *n = expr_new(p, EX_NAME, p->s.pos);
    if (p->s.tok == TOK_IDENT) {
        n->name.name = p->s.name;
        parser_next(p);
        return n;
    }
    n->name.name = name_of("_");
    parser_error(p, "expected name");
    parser_advance(p, NULL);
    return n;
}

Expr *parse_literal(Parser *p)
{
    if (p->s.tok < TOK_INT || p->s.tok > TOK_STRING) {
        return NULL;
    }
    Expr *x = expr_new(p, EX_LIT, p->s.pos);
    x->lit.tok = p->s.tok;
    x->lit.text = p->s.lit;
    x->lit.len = p->s.lit_len;
    if (p->s.bad) {
        x->kind = EX_BAD;
    }
    parser_next(p);
    return x;
}

/* ---- Operators -------------------------------------------------------------------------------- */

/* "<-" before a channel type: <-(chan T) becomes (<-chan T), and so on inwards. */
static void reassociate_arrow(Parser *p, Expr *x)
{
    Expr *t = x;
    uint8_t dir = 2;
    while (dir == 2) {
        if (t->kind != EX_CHAN_TYPE) {
            char msg[200];
            snprintf(msg, sizeof msg, "unexpected %.100s, expected chan", expr_string(t));
            parser_error(p, msg);
            return;
        }
        dir = t->chan_type.dir;
        if (dir == 1) {
            parser_error(p, "unexpected <-, expected chan");
        }
        t->chan_type.dir = 1;
        t = t->chan_type.elem;
    }
}

static Expr *unary_rest(Parser *p);

static Expr *unary(Parser *p)
{
    if (!parser_enter(p)) {
        return expr_bad(p);
    }
    uint32_t height = p->height;
    p->height = 0;
    Expr *x = unary_rest(p);
    p->height++;
    if (p->height < height) {
        p->height = height;
    }
    parser_leave(p);
    return x;
}

static Expr *unary_rest(Parser *p)
{
    Pos pos = p->s.pos;
    Token op = p->s.tok;
    switch (op) {
    case TOK_MUL: {
        parser_next(p);
        Expr *x = expr_new(p, EX_STAR, pos);
        x->star.x = unary(p);
        x->end = x->star.x->end;
        return x;
    }
    case TOK_ADD:
    case TOK_SUB:
    case TOK_NOT:
    case TOK_XOR:
    case TOK_TILDE:
    case TOK_AND: {
        parser_next(p);
        Expr *x = expr_new(p, EX_UNARY, pos);
        x->unary.op = op;
        x->unary.x = unary(p);
        x->end = x->unary.x->end;
        return x;
    }
    case TOK_ARROW: {
        parser_next(p);
        Expr *operand = unary(p);
        if (operand->kind == EX_CHAN_TYPE) {
            reassociate_arrow(p, operand);
            operand->start = operand->pos = pos;
            return operand;
        }
        Expr *x = expr_new(p, EX_UNARY, pos);
        x->unary.op = TOK_ARROW;
        x->unary.x = operand;
        x->end = operand->end;
        return x;
    }
    default:
        return parse_primary(p);
    }
}

static Expr *binary(Parser *p, Expr *x, unsigned prec)
{
    if (!x) {
        x = unary(p);
    }
    while (token_prec[p->s.tok] > prec) {
        Token op = p->s.tok;
        Expr *b = expr_new(p, EX_BINARY, x->start);
        b->pos = p->s.pos;
        b->binary.op = op;
        parser_next(p);
        b->binary.x = x;
        b->binary.y = binary(p, NULL, token_prec[op]);
        b->end = b->binary.y->end;
        parser_grow(p);
        x = b;
    }
    return x;
}

/* A whole expression: siblings do not add to each other's height. */
static Expr *whole(Parser *p, Expr *first)
{
    uint32_t height = p->height;
    p->height = 0;
    Expr *x = binary(p, first, 0);
    if (p->height < height) {
        p->height = height;
    }
    return x;
}

Expr *parse_expr(Parser *p) { return whole(p, NULL); }

void parse_expr_list(Parser *p, ExprList *out)
{
    VEC_PUSH(*out, parse_expr(p));
    while (parser_got(p, TOK_COMMA)) {
        VEC_PUSH(*out, parse_expr(p));
    }
}

bool parse_type_list(Parser *p, ExprList *out)
{
    p->xnest++;
    VEC_PUSH(*out, parse_expr(p));
    bool comma = false;
    while (parser_got(p, TOK_COMMA)) {
        comma = true;
        Expr *t = parse_type_or_null(p);
        if (!t) {
            break;
        }
        VEC_PUSH(*out, t);
    }
    p->xnest--;
    return comma;
}

/* ---- Operands --------------------------------------------------------------------------------- */

static Expr *func_operand(Parser *p)
{
    Pos pos = p->s.pos;
    parser_next(p);
    FuncType *sig = MEM_NEW(FuncType);
    parse_signature(p, sig, "function type");
    if (p->s.tok != TOK_LBRACE) {
        Expr *t = expr_new(p, EX_FUNC_TYPE, pos);
        t->func_type.sig = sig;
        t->end = p->prev_end;
        return t;
    }
    Expr *f = expr_new(p, EX_FUNC, pos);
    f->func.sig = sig;
    f->func.body = parse_func_body(p);
    f->end = p->prev_end;
    return f;
}

static Expr *paren_operand(Parser *p)
{
    Expr *x = expr_new(p, EX_PAREN, p->s.pos);
    parser_next(p);
    p->xnest++;
    x->paren.x = parse_expr(p);
    p->xnest--;
    parser_want(p, TOK_RPAREN);
    x->end = p->prev_end;
    return x;
}

static Expr *operand(Parser *p)
{
    switch (p->s.tok) {
    case TOK_IDENT:
        return parse_name(p);
    case TOK_INT:
    case TOK_FLOAT:
    case TOK_IMAG:
    case TOK_CHAR:
    case TOK_STRING:
        return parse_literal(p);
    case TOK_LPAREN:
        return paren_operand(p);
    case TOK_FUNC:
        return func_operand(p);
    case TOK_LBRACK:
    case TOK_CHAN:
    case TOK_MAP:
    case TOK_STRUCT:
    case TOK_INTERFACE:
        return parse_type(p);
    default: {
        Expr *x = expr_bad(p);
        parser_error(p, "expected expression");
        parser_advance(p, FOLLOW(TOK_RPAREN, TOK_RBRACK, TOK_RBRACE));
        return x;
    }
    }
}

/* ---- Composite literals ----------------------------------------------------------------------- */

static Expr *composite(Parser *p, Expr *type);

static Expr *element(Parser *p)
{
    return p->s.tok == TOK_LBRACE ? composite(p, NULL) : parse_expr(p);
}

static Expr *element_pair(Parser *p)
{
    Expr *e = element(p);
    if (p->s.tok != TOK_COLON) {
        return e;
    }
    Expr *kv = expr_new(p, EX_KEYVALUE, e->start);
    kv->pos = p->s.pos;
    parser_next(p);
    kv->kv.key = e;
    kv->kv.value = element(p);
    kv->end = kv->kv.value->end;
    return kv;
}

/* At "{". type NULL: elided. */
static Expr *composite(Parser *p, Expr *type)
{
    Expr *x = expr_new(p, EX_COMPOSITE, type ? type->start : p->s.pos);
    x->composite.type = type;
    if (!parser_enter(p)) {
        return x;
    }
    p->xnest++;
    parser_want(p, TOK_LBRACE);
    bool ok = true;
    while (ok && parser_more(p, TOK_RBRACE)) {
        VEC_PUSH(x->composite.elems, element_pair(p));
        ok = parser_separator(p, "composite literal", TOK_COMMA, TOK_RBRACE);
    }
    x->composite.rbrace = p->s.pos;
    if (ok) {
        parser_want(p, TOK_RBRACE);
    }
    p->xnest--;
    parser_leave(p);
    x->end = p->prev_end;
    return x;
}

/* Must x be a value, as far as its form tells? */
static bool must_be_value(const Expr *x)
{
    switch (x->kind) {
    case EX_LIT:
    case EX_COMPOSITE:
    case EX_FUNC:
    case EX_SLICE:
    case EX_ASSERT:
    case EX_CALL:
    case EX_UNARY:
    case EX_BINARY:
        return true;
    case EX_PAREN:
        return must_be_value(x->paren.x);
    case EX_INDEX:
        if (must_be_value(x->index.x)) {
            return true;
        }
        for (uint32_t i = 0; i < x->index.index.n; i++) {
            if (must_be_value(x->index.index.at[i])) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

/* Does "{" after x begin a composite literal of type x? */
static bool takes_braces(const Parser *p, const Expr *x)
{
    switch (x->kind) {
    case EX_NAME:
    case EX_SELECTOR:
        return p->xnest >= 0;
    case EX_INDEX:
        return p->xnest >= 0 && !must_be_value(x);
    case EX_ARRAY_TYPE:
    case EX_STRUCT_TYPE:
    case EX_MAP_TYPE:
        return true;
    default:
        return false;
    }
}

/* ---- Primary expressions ---------------------------------------------------------------------- */

void parser_check_guard(Parser *p)
{
    if (p->guard) {
        parser_error_at(p, p->guard->pos, "use of .(type) outside type switch");
        p->guard->kind = EX_BAD;
        p->guard = NULL;
    }
}

static Expr *dot_suffix(Parser *p, Expr *x)
{
    parser_next(p);
    if (p->s.tok == TOK_IDENT) {
        Expr *t = expr_new(p, EX_SELECTOR, x->start);
        t->selector.x = x;
        t->selector.sel = parse_name(p);
        t->end = p->prev_end;
        return t;
    }
    if (p->s.tok == TOK_LPAREN) {
        Expr *t = expr_new(p, EX_ASSERT, x->start);
        parser_next(p);
        t->assert_.x = x;
        if (parser_got(p, TOK_TYPE)) {
            parser_check_guard(p);
            p->guard = t;
        } else {
            t->assert_.type = parse_type(p);
        }
        parser_want(p, TOK_RPAREN);
        t->end = p->prev_end;
        return t;
    }
    parser_error(p, "expected name or (");
    parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_RPAREN));
    return x;
}

/* Behind x[lo, at the first colon or at what stands in its place. */
static Expr *slice_suffix(Parser *p, Expr *x, Expr *lo)
{
    if (!parser_got(p, TOK_COLON)) {
        parser_error(p, "expected comma, : or ]");
        parser_advance(p, FOLLOW(TOK_COMMA, TOK_COLON, TOK_RBRACK));
    }
    p->xnest++;
    Expr *t = expr_new(p, EX_SLICE, x->start);
    t->slice.x = x;
    t->slice.lo = lo;
    if (p->s.tok != TOK_COLON && p->s.tok != TOK_RBRACK) {
        t->slice.hi = parse_expr(p);
    }
    if (p->s.tok == TOK_COLON) {
        t->slice.three = true;
        if (!t->slice.hi) {
            parser_soft_error(p, p->s.pos, "middle index required in 3-index slice");
            t->slice.hi = expr_bad(p);
        }
        parser_next(p);
        if (p->s.tok != TOK_RBRACK) {
            t->slice.max = parse_expr(p);
        } else {
            parser_soft_error(p, p->s.pos, "final index required in 3-index slice");
            t->slice.max = expr_bad(p);
        }
    }
    p->xnest--;
    parser_want(p, TOK_RBRACK);
    t->end = p->prev_end;
    return t;
}

static Expr *bracket_suffix(Parser *p, Expr *x)
{
    parser_next(p);
    if (p->s.tok == TOK_RBRACK) {
        parser_error(p, "expected operand");
        parser_next(p);
        return x;
    }
    Expr *lo = NULL;
    if (p->s.tok != TOK_COLON) {
        ExprList list = {0};
        bool comma = parse_type_list(p, &list);
        if (comma || p->s.tok == TOK_RBRACK) {
            Expr *t = expr_new(p, EX_INDEX, x->start);
            t->index.x = x;
            t->index.index = list;
            parser_want(p, TOK_RBRACK);
            t->end = p->prev_end;
            return t;
        }
        lo = list.at[0];
    }
    return slice_suffix(p, x, lo);
}

static Expr *call_suffix(Parser *p, Expr *fn)
{
    Expr *t = expr_new(p, EX_CALL, fn->start);
    t->call.fn = fn;
    parser_next(p);
    p->xnest++;
    bool ok = true;
    while (ok && parser_more(p, TOK_RPAREN) && !t->call.dots) {
        VEC_PUSH(t->call.args, parse_expr(p));
        t->call.dots = parser_got(p, TOK_ELLIPSIS);
        ok = parser_separator(p, "argument list", TOK_COMMA, TOK_RPAREN);
    }
    t->call.rparen = p->s.pos;
    if (ok) {
        parser_want(p, TOK_RPAREN);
    }
    p->xnest--;
    t->end = p->prev_end;
    return t;
}

static Expr *suffixes(Parser *p, Expr *x)
{
    for (;; parser_grow(p)) {
        switch (p->s.tok) {
        case TOK_PERIOD:
            x = dot_suffix(p, x);
            break;
        case TOK_LBRACK:
            x = bracket_suffix(p, x);
            break;
        case TOK_LPAREN:
            x = call_suffix(p, x);
            break;
        case TOK_LBRACE: {
            Expr *type = expr_unparen(x);
            if (!takes_braces(p, type)) {
                return x;
            }
            if (type != x) {
                parser_error(p, "cannot parenthesize type in composite literal");
            }
            x = composite(p, x);
            break;
        }
        default:
            return x;
        }
    }
}

Expr *parse_primary(Parser *p) { return suffixes(p, operand(p)); }

Expr *parse_expr_from_name(Parser *p, Expr *name) { return whole(p, suffixes(p, name)); }
