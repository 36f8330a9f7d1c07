/* parse.c - files, declarations, and what all of the parser shares: errors and resynchronisation.
 *
 * A recursive-descent parser with one token of lookahead (script mode copies the scanner to look
 * further). It never fails: after an error it skips to a token that can follow, and bad parts stand
 * in the tree as EX_BAD and ST_BAD. The wording of errors is gc's.
 *
 * Bounds: `depth` counts recursion and `height` the levels that loops add to the left side of a
 * tree (a+a+a..., x.y.z...), so whoever walks the tree recursively later is safe as well. Beyond
 * MAX_DEPTH the error is reported once and the rest of the file is skipped.
 *
 * Script mode: a file without package clause. Functions, types and constants are declarations of
 * package main wherever they stand; statements are gathered into a func main in source order. `:=`
 * declares locals of that main. A `var` is a package-level variable if it stands before the first
 * statement or if a function (or another such variable) mentions its name, else a local like the
 * rest; this choice needs no semantics, only names, and is made when the file has been read.
 */
#include "lang/parse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Tokens ----------------------------------------------------------------------------------- */

void parser_next(Parser *p)
{
    p->prev_end = p->s.end;
    if (p->too_deep) {
        return;
    }
    scan_next(&p->s);
}

bool parser_got(Parser *p, Token t)
{
    if (p->s.tok == t) {
        parser_next(p);
        return true;
    }
    return false;
}

void parser_want(Parser *p, Token t)
{
    if (!parser_got(p, t)) {
        char msg[64];
        snprintf(msg, sizeof msg, "expected %s", parser_token_string(t));
        parser_error(p, msg);
        parser_advance(p, NULL);
    }
}

const char *parser_token_string(Token t)
{
    if (t == TOK_SEMICOLON) {
        return "semicolon or newline";
    }
    static const char *const keywords[] = {
        "keyword break", "keyword case", "keyword chan", "keyword const", "keyword continue",
        "keyword default", "keyword defer", "keyword else", "keyword fallthrough", "keyword for",
        "keyword func", "keyword go", "keyword goto", "keyword if", "keyword import",
        "keyword interface", "keyword map", "keyword package", "keyword range", "keyword return",
        "keyword select", "keyword struct", "keyword switch", "keyword type", "keyword var"};
    _Static_assert(sizeof keywords / sizeof *keywords == TOK_VAR - TOK_BREAK + 1, "all keywords");
    return t >= TOK_BREAK ? keywords[t - TOK_BREAK] : token_text[t];
}

/* ---- Errors ----------------------------------------------------------------------------------- */

void parser_plain_error(Parser *p, Pos pos, const char *msg)
{
    p->nerrors++;
    if (!p->too_deep) {
        diag_report(p->d, DIAG_ERROR, pos, pos == p->s.pos ? p->s.end : 0, "Syntax", "%s", msg);
    }
}

/* An error that leaves a whole tree behind, so that the types are still worth checking. */
void parser_soft_error(Parser *p, Pos pos, const char *msg)
{
    uint32_t before = p->nerrors;
    parser_plain_error(p, pos, msg);
    p->nerrors = before;
}

static bool begins(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static const char *current_token(const Parser *p, char *buf, size_t size)
{
    const Scanner *s = &p->s;
    switch (s->tok) {
    case TOK_IDENT:
        snprintf(buf, size, "name %.*s", 100, s->name);
        return buf;
    case TOK_SEMICOLON:
        return s->lit;
    case TOK_INT:
    case TOK_FLOAT:
    case TOK_IMAG:
    case TOK_CHAR:
    case TOK_STRING:
        snprintf(buf, size, "literal %.*s%s", s->lit_len > 100 ? 100 : (int)s->lit_len, s->lit,
                 s->lit_len > 100 ? "..." : "");
        return buf;
    case TOK_OP_ASSIGN:
        snprintf(buf, size, "%s=", token_text[s->op]);
        return buf;
    default:
        return parser_token_string(s->tok);
    }
}

void parser_error_at(Parser *p, Pos pos, const char *msg)
{
    if (p->s.tok == TOK_EOF && p->nerrors + p->s.nerrors > 0) {
        p->nerrors++;
        return; /* what follows from an earlier error */
    }
    const char *path;
    uint32_t line, col;
    diag_position(p->d, pos, &path, &line, &col);
    if (line == p->last_line) {
        p->nerrors++;
        return;
    }
    p->last_line = line;
    char token[160], text[512];
    if (begins(msg, "in ") || begins(msg, "at ") || begins(msg, "after ")) {
        snprintf(text, sizeof text, "syntax error: unexpected %s %s",
                 current_token(p, token, sizeof token), msg);
    } else if (begins(msg, "expected ")) {
        snprintf(text, sizeof text, "syntax error: unexpected %s, %s",
                 current_token(p, token, sizeof token), msg);
    } else {
        snprintf(text, sizeof text, "syntax error: %s", msg);
    }
    parser_plain_error(p, pos, text);
}

void parser_error(Parser *p, const char *msg) { parser_error_at(p, p->s.pos, msg); }

static bool starts_statement(Token t)
{
    switch (t) {
    case TOK_BREAK:
    case TOK_CONST:
    case TOK_CONTINUE:
    case TOK_DEFER:
    case TOK_FALLTHROUGH:
    case TOK_FOR:
    case TOK_GO:
    case TOK_GOTO:
    case TOK_IF:
    case TOK_RETURN:
    case TOK_SELECT:
    case TOK_SWITCH:
    case TOK_TYPE:
    case TOK_VAR:
        return true;
    default:
        return false;
    }
}

void parser_advance(Parser *p, const Token *follow)
{
    if (!follow) {
        if (p->s.tok != TOK_EOF) {
            parser_next(p);
        }
        return;
    }
    for (; p->s.tok != TOK_EOF; parser_next(p)) {
        if (p->fnest > 0 && starts_statement(p->s.tok)) {
            return;
        }
        for (const Token *t = follow; *t; t++) {
            if (p->s.tok == *t) {
                return;
            }
        }
    }
}

static void too_deep(Parser *p)
{
    if (!p->too_deep) {
        p->nerrors++;
        diag_report(p->d, DIAG_ERROR, p->s.pos, p->s.end, "TooDeep",
                    "nesting too deep: more than %d levels", MAX_DEPTH);
        p->too_deep = true;
    }
    p->s.tok = TOK_EOF;
    p->s.p = p->s.limit;
}

bool parser_enter(Parser *p)
{
    if (p->depth >= MAX_DEPTH) {
        too_deep(p);
        return false;
    }
    p->depth++;
    return true;
}

void parser_leave(Parser *p)
{
    assert(p->depth > 0);
    p->depth--;
}

void parser_grow(Parser *p)
{
    if (++p->height > MAX_DEPTH) {
        too_deep(p);
    }
}

/* ---- Lists ------------------------------------------------------------------------------------ */

bool parser_more(const Parser *p, Token close) { return p->s.tok != TOK_EOF && p->s.tok != close; }

bool parser_separator(Parser *p, const char *context, Token sep, Token close)
{
    if (parser_got(p, sep) || p->s.tok == close) {
        return true;
    }
    char msg[128];
    snprintf(msg, sizeof msg, "in %s; possibly missing %s or %s", context,
             parser_token_string(sep), parser_token_string(close));
    parser_error(p, msg);
    parser_advance(p, FOLLOW(TOK_RPAREN, TOK_RBRACK, TOK_RBRACE));
    return p->s.tok == close;
}

/* ---- Declarations ----------------------------------------------------------------------------- */

static Decl *decl_new(Parser *p, DeclKind k, Pos pos)
{
    Decl *d = MEM_NEW(Decl);
    d->kind = (uint8_t)k;
    d->pos = pos;
    d->file = p->s.src;
    return d;
}

/* The comment lines right above the current token. */
static const char *doc_here(Parser *p)
{
    if (!p->s.doc_end || p->fnest > 0) {
        return NULL;
    }
    return mem_strndup((const char *)p->s.text + p->s.doc, p->s.doc_end - p->s.doc);
}

static bool got_assign(Parser *p)
{
    if (p->s.tok == TOK_DEFINE) {
        parser_error(p, "expected =");
    } else if (p->s.tok != TOK_ASSIGN) {
        return false;
    }
    parser_next(p);
    return true;
}

static Decl *import_spec(Parser *p)
{
    Decl *d = decl_new(p, DECL_IMPORT, p->s.pos);
    if (p->s.tok == TOK_IDENT) {
        d->import.name = parse_name(p);
    } else if (p->s.tok == TOK_PERIOD) {
        Expr *dot = expr_new(p, EX_NAME, p->s.pos);
        dot->name.name = name_of(".");
        parser_next(p);
        dot->end = p->prev_end;
        d->import.name = dot;
    }
    if (p->s.tok < TOK_INT || p->s.tok > TOK_STRING) {
        parser_error(p, "missing import path; require quoted string");
        parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_RPAREN));
        return NULL;
    }
    bool bad = p->s.bad;
    if (!bad && p->s.tok != TOK_STRING) {
        parser_error(p, "import path must be a string");
        bad = true;
    }
    d->import.path = parse_literal(p);
    d->end = p->prev_end;
    return bad ? NULL : d;
}

static void name_list(Parser *p, ExprList *out)
{
    VEC_PUSH(*out, parse_name(p));
    while (parser_got(p, TOK_COMMA)) {
        VEC_PUSH(*out, parse_name(p));
    }
}

/* State of one parenthesised group: constants repeat the spec above them. */
typedef struct Group {
    uint32_t index;
    Decl *last_const;
} Group;

static Decl *const_spec(Parser *p, Group *g)
{
    Decl *d = decl_new(p, DECL_CONST, p->s.pos);
    name_list(p, &d->value.names);
    if (p->s.tok != TOK_EOF && p->s.tok != TOK_SEMICOLON && p->s.tok != TOK_RPAREN) {
        d->value.type = parse_type_or_null(p);
        if (got_assign(p)) {
            parse_expr_list(p, &d->value.values);
        }
    }
    d->value.iota = g->index;
    if (d->value.type || d->value.values.n) {
        g->last_const = d;
    } else {
        d->value.inherited = g->last_const;
    }
    return d;
}

static Decl *var_spec(Parser *p, Group *g)
{
    Decl *d = decl_new(p, DECL_VAR, p->s.pos);
    d->value.iota = g->index;
    name_list(p, &d->value.names);
    if (got_assign(p)) {
        parse_expr_list(p, &d->value.values);
        return d;
    }
    d->value.type = parse_type(p);
    if (got_assign(p)) {
        parse_expr_list(p, &d->value.values);
    }
    return d;
}

/* True if x can only be a type element, not a value. */
static bool is_type_element(const Expr *x)
{
    switch (x->kind) {
    case EX_ARRAY_TYPE:
    case EX_STRUCT_TYPE:
    case EX_FUNC_TYPE:
    case EX_IFACE_TYPE:
    case EX_MAP_TYPE:
    case EX_CHAN_TYPE:
        return true;
    case EX_BINARY:
        return is_type_element(x->binary.x) || is_type_element(x->binary.y);
    case EX_UNARY:
        return x->unary.op == TOK_TILDE || is_type_element(x->unary.x);
    case EX_STAR:
        return is_type_element(x->star.x);
    case EX_PAREN:
        return is_type_element(x->paren.x);
    default:
        return false;
    }
}

static Expr *star_of(Parser *p, const Expr *at, Expr *x)
{
    Expr *s = expr_new(p, EX_STAR, at->pos);
    s->star.x = x;
    s->end = x->end;
    return s;
}

/* Splits x into a type parameter's name and its constraint where `type T[x` begins a type
 * parameter list: P *E, P (E), P *E|F. force: a comma follows, so it must be a list. Returns the
 * name or NULL; *type is NULL if x is only a name. */
static Expr *split_tparam(Parser *p, Expr *x, bool force, Expr **type)
{
    *type = NULL;
    if (x->kind == EX_NAME) {
        return x;
    }
    if (x->kind == EX_CALL) {
        Expr *fn = x->call.fn;
        if (fn->kind == EX_NAME && x->call.args.n == 1 && !x->call.dots &&
            (force || is_type_element(x->call.args.at[0]))) {
            *type = x->call.args.at[0];
            return fn;
        }
    } else if (x->kind == EX_BINARY && x->binary.op == TOK_MUL) {
        if (x->binary.x->kind == EX_NAME && (force || is_type_element(x->binary.y))) {
            *type = star_of(p, x, x->binary.y);
            return x->binary.x;
        }
    } else if (x->kind == EX_BINARY && x->binary.op == TOK_OR) {
        Expr *lhs;
        Expr *name = split_tparam(p, x->binary.x, force || is_type_element(x->binary.y), &lhs);
        if (name && lhs) {
            Expr *u = expr_new(p, EX_BINARY, lhs->start);
            *u = *x;
            u->start = lhs->start;
            u->binary.x = lhs;
            *type = u;
            return name;
        }
    }
    return NULL;
}

/* "type T [": an array or slice type, or type parameters. */
static void type_spec_bracket(Parser *p, Decl *d)
{
    Pos start = p->s.pos;
    parser_next(p);
    if (p->s.tok == TOK_RBRACK) {
        parser_next(p);
        d->type.type = parse_slice_type(p, start);
        return;
    }
    if (p->s.tok != TOK_IDENT) {
        d->type.type = parse_array_type(p, start, NULL);
        return;
    }
    Expr *x = parse_name(p);
    if (p->s.tok != TOK_LBRACK) {
        p->xnest++;
        x = parse_expr_from_name(p, x);
        p->xnest--;
    }
    Expr *type;
    Expr *name = split_tparam(p, x, p->s.tok == TOK_COMMA, &type);
    if (name && (type || p->s.tok != TOK_RBRACK)) {
        parse_params(p, &d->type.tparams, name, type, TOK_RBRACK, true);
        d->type.alias = got_assign(p);
        d->type.type = parse_type_or_null(p);
    } else {
        d->type.type = parse_array_type(p, start, x);
    }
}

static Decl *type_spec(Parser *p, Group *g)
{
    (void)g;
    Decl *d = decl_new(p, DECL_TYPE, p->s.pos);
    d->type.name = parse_name(p);
    if (p->s.tok == TOK_LBRACK) {
        type_spec_bracket(p, d);
    } else {
        d->type.alias = got_assign(p);
        d->type.type = parse_type_or_null(p);
    }
    if (!d->type.type) {
        d->type.type = expr_bad(p);
        parser_error(p, "in type declaration");
        parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_RPAREN));
    }
    return d;
}

void parse_decl_group(Parser *p, void (*emit)(void *ctx, Decl *d), void *ctx)
{
    Token keyword = p->s.tok;
    const char *doc = doc_here(p);
    parser_next(p);
    Group g = {0};
    Decl *(*spec)(Parser *, Group *) =
        keyword == TOK_CONST ? const_spec : keyword == TOK_TYPE ? type_spec : var_spec;
    if (!parser_got(p, TOK_LPAREN)) {
        Decl *d = spec(p, &g);
        d->doc = doc;
        d->end = p->prev_end;
        if (keyword != TOK_TYPE) {
            d->value.group_first = true;
        }
        emit(ctx, d);
        return;
    }
    bool ok = true;
    for (; ok && parser_more(p, TOK_RPAREN); g.index++) {
        const char *own = doc_here(p);
        Decl *d = spec(p, &g);
        d->doc = own ? own : g.index == 0 ? doc : NULL;
        d->end = p->prev_end;
        if (keyword != TOK_TYPE) {
            d->value.group_first = g.index == 0;
        }
        emit(ctx, d);
        ok = parser_separator(p, "grouped declaration", TOK_SEMICOLON, TOK_RPAREN);
    }
    if (ok) {
        parser_want(p, TOK_RPAREN);
    }
}

/* The names in the brackets of a receiver's type: func (r *T[K, V]) m(). */
static void receiver_tparams(Decl *d)
{
    Expr *t = d->func.recv->type;
    while (t && (t->kind == EX_PAREN || t->kind == EX_STAR)) {
        t = t->kind == EX_PAREN ? t->paren.x : t->star.x;
    }
    if (t && t->kind == EX_INDEX) {
        for (uint32_t i = 0; i < t->index.index.n; i++) {
            VEC_PUSH(d->func.recv_tparams, t->index.index.at[i]);
        }
    }
}

Block *parse_func_body(Parser *p)
{
    p->fnest++;
    int outer = p->xnest;
    p->xnest = 0;
    Block *b = parse_block(p, "");
    p->xnest = outer;
    p->fnest--;
    return b;
}

/* Behind "func". NULL after an error that leaves nothing to declare. */
static Decl *func_decl(Parser *p, Pos pos, const char *doc)
{
    Decl *d = decl_new(p, DECL_FUNC, pos);
    d->doc = doc;
    bool method = p->s.tok == TOK_LPAREN;
    if (method) {
        FieldList recv = {0};
        Pos at = p->s.pos;
        parser_next(p);
        parse_params(p, &recv, NULL, NULL, TOK_RPAREN, false);
        if (recv.n != 1) {
            parser_plain_error(p, at, recv.n ? "method has multiple receivers"
                                             : "method has no receiver");
        }
        if (recv.n) {
            d->func.recv = recv.at[0];
            receiver_tparams(d);
        }
    }
    if (p->s.tok != TOK_IDENT) {
        parser_error(p, method ? "expected name" : "expected name or (");
        parser_advance(p, FOLLOW(TOK_LBRACE, TOK_SEMICOLON));
        return NULL;
    }
    d->func.name = parse_name(p);
    d->func.sig = MEM_NEW(FuncType);
    parse_signature(p, d->func.sig, method ? "method" : NULL);
    if (p->s.tok == TOK_LBRACE) {
        d->func.body = parse_func_body(p);
    }
    d->end = p->prev_end;
    return d;
}

/* ---- Files ------------------------------------------------------------------------------------ */

static void emit_to_file(void *ctx, Decl *d)
{
    File *f = ctx;
    VEC_PUSH(f->decls, d);
}

static void import_decl(Parser *p)
{
    parser_next(p);
    Decl *d;
    if (!parser_got(p, TOK_LPAREN)) {
        d = import_spec(p);
        if (d) {
            VEC_PUSH(p->file->decls, d);
        }
        return;
    }
    bool ok = true;
    while (ok && parser_more(p, TOK_RPAREN)) {
        d = import_spec(p);
        if (d) {
            VEC_PUSH(p->file->decls, d);
        }
        ok = parser_separator(p, "grouped declaration", TOK_SEMICOLON, TOK_RPAREN);
    }
    if (ok) {
        parser_want(p, TOK_RPAREN);
    }
}

static bool last_is_empty_func(const File *f)
{
    const Decl *d = f->decls.n ? f->decls.at[f->decls.n - 1] : NULL;
    return d && d->kind == DECL_FUNC && !d->func.body;
}

static void end_of_decl(Parser *p)
{
    parser_check_guard(p);
    if (p->s.tok != TOK_EOF && !parser_got(p, TOK_SEMICOLON)) {
        parser_error(p, "after top level declaration");
        parser_advance(p, FOLLOW(TOK_IMPORT, TOK_CONST, TOK_TYPE, TOK_VAR, TOK_FUNC));
    }
}

/* A declaration at top level other than an import; false if none begins here. */
static bool top_level_decl(Parser *p)
{
    switch (p->s.tok) {
    case TOK_CONST:
    case TOK_TYPE:
    case TOK_VAR:
        parse_decl_group(p, emit_to_file, p->file);
        return true;
    case TOK_FUNC: {
        Pos pos = p->s.pos;
        const char *doc = doc_here(p);
        parser_next(p);
        Decl *d = func_decl(p, pos, doc);
        if (d) {
            VEC_PUSH(p->file->decls, d);
        }
        return true;
    }
    default:
        return false;
    }
}

static void package_file(Parser *p)
{
    parser_next(p);
    p->file->pkg_name = parse_name(p);
    parser_want(p, TOK_SEMICOLON);
    if (p->nerrors) {
        return; /* not worth reading on */
    }
    bool late = false;
    while (p->s.tok != TOK_EOF) {
        p->height = 0;
        if (p->s.tok == TOK_IMPORT) {
            if (late) {
                parser_error(p, "imports must appear before other declarations");
            }
            import_decl(p);
            end_of_decl(p);
            continue;
        }
        late = true;
        if (top_level_decl(p)) {
            end_of_decl(p);
            continue;
        }
        if (p->s.tok == TOK_LBRACE && last_is_empty_func(p->file)) {
            parser_error(p, "unexpected semicolon or newline before {");
        } else {
            parser_error(p, "non-declaration statement outside function body");
        }
        parser_advance(p, FOLLOW(TOK_IMPORT, TOK_CONST, TOK_TYPE, TOK_VAR, TOK_FUNC));
    }
}

/* ---- Script mode ------------------------------------------------------------------------------ */

typedef VEC(Name) NameVec;

/* At "func" in a script: a declaration, not a function literal? */
static bool func_is_decl(const Parser *p)
{
    Scanner s = p->s;
    s.quiet = true;
    scan_next(&s);
    if (s.tok != TOK_LPAREN) {
        return true;
    }
    for (int open = 0; s.tok != TOK_EOF; scan_next(&s)) {
        open += s.tok == TOK_LPAREN;
        open -= s.tok == TOK_RPAREN;
        if (open == 0) {
            scan_next(&s);
            break;
        }
    }
    if (s.tok != TOK_IDENT) {
        return false;
    }
    scan_next(&s);
    return s.tok == TOK_LPAREN;
}

static bool has_name(const NameVec *v, Name n)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->at[i] == n) {
            return true;
        }
    }
    return false;
}

/* Which of `wanted` stand as names in the text [from, to)? Those are moved to `found`. */
static bool names_mentioned(Parser *p, Pos from, Pos to, const NameVec *wanted, NameVec *found)
{
    Scanner s = p->s;
    s.quiet = true;
    s.nlsemi = false;
    s.p = s.text + (from - s.src->base);
    s.limit = p->s.limit;
    bool more = false;
    for (scan_next(&s); s.tok != TOK_EOF && s.pos < to; scan_next(&s)) {
        if (s.tok == TOK_IDENT && has_name(wanted, s.name) && !has_name(found, s.name)) {
            VEC_PUSH(*found, s.name);
            more = true;
        }
    }
    return more;
}

static bool declares_any(const Decl *d, const NameVec *names)
{
    for (uint32_t i = 0; i < d->value.names.n; i++) {
        if (has_name(names, d->value.names.at[i]->name.name)) {
            return true;
        }
    }
    return false;
}

static int by_pos(const void *a, const void *b)
{
    const Decl *x = *(Decl *const *)a, *y = *(Decl *const *)b;
    return x->pos < y->pos ? -1 : x->pos > y->pos;
}

/* Makes package-level those `var` statements of the script whose names functions mention, and, in
 * rounds, those that such variables' own initialisers mention. */
static void hoist_vars(Parser *p, StmtList *stmts)
{
    File *f = p->file;
    NameVec wanted = {0}, found = {0};
    for (uint32_t i = 0; i < stmts->n; i++) {
        Stmt *s = stmts->at[i];
        if (s->kind == ST_DECL && s->decl.decl->kind == DECL_VAR) {
            for (uint32_t k = 0; k < s->decl.decl->value.names.n; k++) {
                VEC_PUSH(wanted, s->decl.decl->value.names.at[k]->name.name);
            }
        }
    }
    if (!wanted.n) {
        return;
    }
    for (uint32_t i = 0; i < f->decls.n; i++) {
        if (f->decls.at[i]->kind != DECL_IMPORT) {
            names_mentioned(p, f->decls.at[i]->pos, f->decls.at[i]->end, &wanted, &found);
        }
    }
    for (bool more = found.n > 0; more;) {
        more = false;
        uint32_t kept = 0;
        for (uint32_t i = 0; i < stmts->n; i++) {
            Stmt *s = stmts->at[i];
            if (s->kind == ST_DECL && s->decl.decl->kind == DECL_VAR &&
                declares_any(s->decl.decl, &found)) {
                Decl *d = s->decl.decl;
                VEC_PUSH(f->decls, d);
                more |= names_mentioned(p, d->pos, d->end, &wanted, &found);
                more = true;
            } else {
                stmts->at[kept++] = s;
            }
        }
        stmts->n = kept;
    }
    if (f->decls.n) { /* variables are initialised in source order */
        qsort(f->decls.at, f->decls.n, sizeof *f->decls.at, by_pos);
    }
}

static Expr *synthetic_name(Parser *p, const char *name, Pos pos)
{
    Expr *n = expr_new(p, EX_NAME, pos);
    n->name.name = name_of(name);
    n->end = pos;
    return n;
}

static const Decl *declared_main(const File *f)
{
    for (uint32_t i = 0; i < f->decls.n; i++) {
        const Decl *d = f->decls.at[i];
        if (d->kind == DECL_FUNC && !d->func.recv && d->func.name->name.name == name_of("main")) {
            return d;
        }
    }
    return NULL;
}

static void make_main(Parser *p, StmtList *stmts)
{
    if (!stmts->n) {
        return;
    }
    Stmt *first = stmts->at[0], *last = stmts->at[stmts->n - 1];
    if (declared_main(p->file)) {
        p->nerrors++;
        diag_report(p->d, DIAG_ERROR, first->pos, 0, "ScriptMain",
                    "statement outside function body in a script that declares func main");
        return;
    }
    Decl *d = decl_new(p, DECL_FUNC, first->pos);
    d->end = last->end;
    d->func.name = synthetic_name(p, "main", first->pos);
    d->func.sig = MEM_NEW(FuncType);
    d->func.body = MEM_NEW(Block);
    d->func.body->pos = first->pos;
    d->func.body->rbrace = p->s.src->base + p->s.src->len;
    d->func.body->stmts = *stmts;
    VEC_PUSH(p->file->decls, d);
}

/* One top-level item of a script. */
static void script_item(Parser *p, StmtList *stmts)
{
    p->height = 0;
    switch (p->s.tok) {
    case TOK_IMPORT:
        import_decl(p);
        end_of_decl(p);
        return;
    case TOK_CONST:
    case TOK_TYPE:
        top_level_decl(p);
        end_of_decl(p);
        return;
    case TOK_VAR:
        if (stmts->n == 0) {
            top_level_decl(p);
            end_of_decl(p);
            return;
        }
        break;
    case TOK_FUNC:
        if (func_is_decl(p)) {
            top_level_decl(p);
            end_of_decl(p);
            return;
        }
        break;
    default:
        break;
    }
    p->fnest++;
    if (!parse_stmt(p, stmts)) {
        parser_error(p, last_is_empty_func(p->file) && p->s.tok == TOK_LBRACE
                            ? "unexpected semicolon or newline before {"
                            : "expected statement or declaration");
        parser_advance(p, NULL);
        parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_IMPORT, TOK_FUNC));
        parser_got(p, TOK_SEMICOLON);
    } else if (p->s.tok != TOK_EOF && !parser_got(p, TOK_SEMICOLON)) {
        parser_error(p, "at end of statement");
        parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_RBRACE));
        parser_got(p, TOK_SEMICOLON);
    }
    p->fnest--;
}

static void script_file(Parser *p)
{
    p->file->script = true;
    p->file->pkg_name = synthetic_name(p, "main", p->s.src->base);
    StmtList stmts = {0};
    while (p->s.tok != TOK_EOF) {
        if (!parser_got(p, TOK_SEMICOLON)) {
            script_item(p, &stmts);
        }
    }
    hoist_vars(p, &stmts);
    make_main(p, &stmts);
}

/* ---- Live entries ----------------------------------------------------------------------------- */

/* An entry's declarations in order. `stmts` are the statements since the last one; `declared` what
 * the entry's := and var have declared so far. */
typedef struct Live {
    Parser *p;
    StmtList stmts;
    NameVec declared;
    uint32_t temps;
} Live;

static Decl *live_var(Live *l, Pos pos, Pos end)
{
    Decl *d = decl_new(l->p, DECL_VAR, pos);
    d->end = end;
    VEC_PUSH(l->p->file->decls, d);
    return d;
}

/* var _ = func() (_ struct{}) { stmts; return }() */
static void live_flush(Live *l)
{
    if (!l->stmts.n) {
        return;
    }
    Parser *p = l->p;
    Pos pos = l->stmts.at[0]->pos, end = l->stmts.at[l->stmts.n - 1]->end;
    Stmt *ret = MEM_NEW(Stmt);
    ret->kind = ST_RETURN;
    ret->pos = ret->end = end;
    VEC_PUSH(l->stmts, ret);
    Field *result = MEM_NEW(Field);
    result->name = synthetic_name(p, "_", pos);
    result->type = expr_new(p, EX_STRUCT_TYPE, pos);
    result->type->end = pos;
    Expr *fn = expr_new(p, EX_FUNC, pos), *call = expr_new(p, EX_CALL, pos);
    fn->func.sig = MEM_NEW(FuncType);
    VEC_PUSH(fn->func.sig->results, result);
    fn->func.body = MEM_NEW(Block);
    fn->func.body->pos = pos;
    fn->func.body->rbrace = end;
    fn->func.body->stmts = l->stmts;
    fn->end = call->end = end;
    call->call.fn = fn;
    call->call.rparen = end;
    Decl *d = live_var(l, pos, end);
    VEC_PUSH(d->value.names, synthetic_name(p, "_", pos));
    VEC_PUSH(d->value.values, call);
    memset(&l->stmts, 0, sizeof l->stmts);
}

static bool is_blank_name(const Expr *e) { return !strcmp(e->name.name, "_"); }

/* Whether := declares variables of the package: all are names, one at least is new. */
static bool live_declares(const Live *l, const Stmt *s)
{
    bool fresh = false;
    if (s->kind != ST_DEFINE) {
        return false;
    }
    for (uint32_t i = 0; i < s->assign.lhs.n; i++) {
        const Expr *e = s->assign.lhs.at[i];
        if (e->kind != EX_NAME) {
            return false;
        }
        fresh |= !is_blank_name(e) && !has_name(&l->declared, e->name.name);
    }
    return fresh;
}

/* a, b := x: var a, b = x. A name that the entry has declared gets its value through a variable of
 * its own: var a, gol__1 = x; b = gol__1 */
static void live_define(Live *l, Stmt *s)
{
    Parser *p = l->p;
    StmtList after = {0};
    live_flush(l);
    Decl *d = live_var(l, s->pos, s->end);
    for (uint32_t i = 0; i < s->assign.lhs.n; i++) {
        Expr *e = s->assign.lhs.at[i];
        if (!is_blank_name(e) && has_name(&l->declared, e->name.name)) {
            const char *name = mem_printf("gol__%u_%u", s->pos, l->temps++);
            Stmt *set = MEM_NEW(Stmt);
            set->kind = ST_ASSIGN;
            set->pos = s->pos;
            set->end = s->end;
            set->assign.op = TOK_ASSIGN;
            VEC_PUSH(set->assign.lhs, e);
            VEC_PUSH(set->assign.rhs, synthetic_name(p, name, e->start));
            VEC_PUSH(after, set);
            e = synthetic_name(p, name, e->start);
        } else if (!is_blank_name(e)) {
            VEC_PUSH(l->declared, e->name.name);
        }
        VEC_PUSH(d->value.names, e);
    }
    d->value.values = s->assign.rhs;
    l->stmts = after;
}

/* fmt.Print and its kin: who prints does not ask for the number of bytes. */
static bool prints_itself(const Expr *e)
{
    const Expr *fn = e->kind == EX_CALL ? e->call.fn : NULL;
    return fn && fn->kind == EX_SELECTOR && fn->selector.x->kind == EX_NAME &&
           !strcmp(fn->selector.x->name.name, "fmt") && strstr(fn->selector.sel->name.name, "rint") &&
           fn->selector.sel->name.name[0] != 'S';
}

static void live_item(Live *l)
{
    Parser *p = l->p;
    if (p->s.tok == TOK_VAR) {
        live_flush(l);
        uint32_t from = p->file->decls.n;
        top_level_decl(p);
        for (uint32_t i = from; i < p->file->decls.n; i++) {
            const Decl *d = p->file->decls.at[i];
            for (uint32_t k = 0; k < d->value.names.n; k++) {
                VEC_PUSH(l->declared, d->value.names.at[k]->name.name);
            }
        }
        end_of_decl(p);
        return;
    }
    StmtList one = {0};
    script_item(p, &one);
    for (uint32_t i = 0; i < one.n; i++) {
        Stmt *s = one.at[i];
        if (live_declares(l, s)) {
            live_define(l, s);
            continue;
        }
        s->show = s->kind == ST_EXPR && !prints_itself(s->expr.x);
        VEC_PUSH(l->stmts, s);
    }
}

static void keep_directives(Parser *p)
{
    for (uint32_t i = 0; i < p->s.directives.n; i++) {
        const Directive *d = &p->s.directives.at[i];
        Expr *x = expr_new(p, EX_LIT, d->pos);
        x->end = d->pos + d->len;
        x->lit.tok = TOK_STRING;
        x->lit.text = d->text;
        x->lit.len = d->len;
        VEC_PUSH(p->file->comments_go, x);
    }
}

static void open_file(Parser *p, DiagList *d, SourceFile *src)
{
    p->d = d;
    p->file = MEM_NEW(File);
    p->file->src = src;
    d->working = src->base;
    scan_init(&p->s, src, d);
    parser_next(p);
}

static File *close_file(Parser *p)
{
    keep_directives(p);
    p->file->has_errors = p->nerrors + p->s.nerrors > 0;
    return p->file;
}

File *parse_live(DiagList *d, SourceFile *src)
{
    Parser parser = {0}, *p = &parser;
    open_file(p, d, src);
    if (p->s.tok == TOK_PACKAGE) {
        package_file(p);
    } else {
        Live l = {.p = p};
        while (p->s.tok != TOK_EOF) {
            if (!parser_got(p, TOK_SEMICOLON)) {
                live_item(&l);
            }
        }
        live_flush(&l);
    }
    p->file->pkg_name = synthetic_name(p, "main", src->base);
    return close_file(p);
}

File *parse_file(DiagList *d, SourceFile *src, bool allow_script)
{
    Parser parser = {0}, *p = &parser;
    open_file(p, d, src);
    if (p->s.tok == TOK_PACKAGE) {
        package_file(p);
    } else if (allow_script) {
        script_file(p);
    } else {
        parser_error(p, "package statement must be first");
    }
    if (!p->file->pkg_name) {
        p->file->pkg_name = synthetic_name(p, "_", src->base);
    }
    return close_file(p);
}
