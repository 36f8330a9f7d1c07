/* parse_stmt.c - statements.
 *
 * A statement's pos is where gc reports errors about it: the operator of assignments, sends and
 * ++/--, else its first token. A parenthesised declaration becomes one ST_DECL a spec, which is why
 * parse_stmt appends to a list. In the headers of if, for and switch `xnest` is negative, so that
 * "{" begins the block.
 */
#include "lang/parse.h"

#include <assert.h>
#include <stdio.h>

static Stmt *stmt_new(Parser *p, StmtKind k, Pos pos)
{
    Stmt *s = MEM_NEW(Stmt);
    s->kind = (uint8_t)k;
    s->pos = pos;
    s->end = p->s.end;
    return s;
}

static Stmt *done(Parser *p, Stmt *s)
{
    s->end = p->prev_end;
    return s;
}

/* ---- Simple statements ------------------------------------------------------------------------ */

static Stmt *range_clause(Parser *p, const ExprList *lhs, bool define, Pos op_pos)
{
    Stmt *s = stmt_new(p, ST_RANGE, p->s.pos);
    parser_next(p);
    s->range.op_pos = op_pos;
    s->range.define = define;
    if (lhs) {
        s->range.key = lhs->at[0];
        s->range.value = lhs->n > 1 ? lhs->at[1] : NULL;
        if (lhs->n > 2) {
            parser_soft_error(p, lhs->at[2]->start,
                              "range clause permits at most two iteration variables");
        }
    }
    s->range.x = parse_expr(p);
    return done(p, s);
}

static Stmt *assignment(Parser *p, const ExprList *lhs, Token keyword)
{
    Pos pos = p->s.pos;
    bool define = p->s.tok == TOK_DEFINE;
    parser_next(p);
    if (keyword == TOK_FOR && p->s.tok == TOK_RANGE) {
        return range_clause(p, lhs, define, pos);
    }
    Stmt *s = stmt_new(p, define ? ST_DEFINE : ST_ASSIGN, pos);
    s->assign.op = define ? TOK_DEFINE : TOK_ASSIGN;
    s->assign.lhs = *lhs;
    parse_expr_list(p, &s->assign.rhs);
    if (keyword == TOK_SWITCH && define && s->assign.rhs.n == 1 && p->guard &&
        s->assign.rhs.at[0] == p->guard && lhs->n == 1 && lhs->at[0]->kind == EX_NAME) {
        s->kind = ST_TYPESWITCH; /* half done: switch_stmt reads lhs and rhs */
        Expr *x = p->guard;
        memset(&s->tswitch, 0, sizeof s->tswitch);
        s->tswitch.bind = lhs->at[0];
        s->tswitch.x = x;
    }
    return done(p, s);
}

static Stmt *expr_stmt(Parser *p, Expr *x)
{
    Stmt *s = stmt_new(p, ST_EXPR, x->start);
    s->expr.x = x;
    return done(p, s);
}

static Stmt *single_rest(Parser *p, Expr *lhs)
{
    Pos pos = p->s.pos;
    Stmt *s;
    switch (p->s.tok) {
    case TOK_OP_ASSIGN:
        s = stmt_new(p, ST_ASSIGN, pos);
        s->assign.op = p->s.op;
        parser_next(p);
        VEC_PUSH(s->assign.lhs, lhs);
        VEC_PUSH(s->assign.rhs, parse_expr(p));
        return done(p, s);
    case TOK_INC:
    case TOK_DEC:
        s = stmt_new(p, ST_INCDEC, pos);
        s->incdec.op = p->s.tok;
        s->incdec.x = lhs;
        parser_next(p);
        return done(p, s);
    case TOK_ARROW:
        s = stmt_new(p, ST_SEND, pos);
        parser_next(p);
        s->send.ch = lhs;
        s->send.value = parse_expr(p);
        return done(p, s);
    default:
        return expr_stmt(p, lhs);
    }
}

/* first: a left side that has been read, or NULL. keyword: the statement in whose header this
 * stands: TOK_FOR permits a range clause, TOK_SWITCH a type switch guard. */
static Stmt *simple_stmt(Parser *p, ExprList *first, Token keyword)
{
    if (keyword == TOK_FOR && p->s.tok == TOK_RANGE) {
        return range_clause(p, NULL, false, p->s.pos);
    }
    ExprList own = {0};
    if (!first) {
        parse_expr_list(p, &own);
        first = &own;
    }
    if (p->s.tok == TOK_ASSIGN || p->s.tok == TOK_DEFINE) {
        return assignment(p, first, keyword);
    }
    if (first->n == 1) {
        return single_rest(p, first->at[0]);
    }
    parser_error(p, "expected := or = or comma");
    parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_RBRACE));
    return expr_stmt(p, first->at[0]);
}

/* ---- Blocks ----------------------------------------------------------------------------------- */

Block *parse_block(Parser *p, const char *context)
{
    Block *b = MEM_NEW(Block);
    b->pos = p->s.pos;
    if (!parser_got(p, TOK_LBRACE)) {
        char msg[64];
        snprintf(msg, sizeof msg, "expected { after %s", context);
        parser_error(p, msg);
        parser_advance(p, FOLLOW(TOK_IDENT, TOK_RBRACE));
        b->rbrace = p->s.pos;
        if (parser_got(p, TOK_RBRACE)) {
            return b;
        }
    }
    parse_stmt_list(p, &b->stmts);
    b->rbrace = p->s.pos;
    parser_want(p, TOK_RBRACE);
    return b;
}

void parse_stmt_list(Parser *p, StmtList *out)
{
    while (p->s.tok != TOK_EOF && p->s.tok != TOK_RBRACE && p->s.tok != TOK_CASE &&
           p->s.tok != TOK_DEFAULT) {
        if (!parse_stmt(p, out)) {
            break;
        }
        if (!parser_got(p, TOK_SEMICOLON) && p->s.tok != TOK_RBRACE) {
            parser_error(p, "at end of statement");
            parser_advance(p, FOLLOW(TOK_SEMICOLON, TOK_RBRACE, TOK_CASE, TOK_DEFAULT));
            parser_got(p, TOK_SEMICOLON);
        }
    }
}

static Stmt *block_stmt(Parser *p)
{
    Stmt *s = stmt_new(p, ST_BLOCK, p->s.pos);
    s->block.body = parse_block(p, "");
    return done(p, s);
}

/* ---- Headers of if, for, switch --------------------------------------------------------------- */

typedef struct Header {
    Stmt *init, *cond, *post; /* cond: a statement still */
    Expr *value;              /* cond as an expression */
    Pos semi;
    const char *semi_lit;
} Header;

static const char *emphasize(Expr *x)
{
    return x->kind == EX_BINARY ? mem_printf("(%s)", expr_string(x)) : expr_string(x);
}

static const char *stmt_text(const Stmt *s)
{
    switch (s->kind) {
    case ST_ASSIGN:
    case ST_DEFINE: {
        const char *l = s->assign.lhs.n ? expr_string(s->assign.lhs.at[0]) : "";
        const char *r = s->assign.rhs.n ? expr_string(s->assign.rhs.at[0]) : "";
        if (s->assign.op == TOK_ASSIGN) {
            return mem_printf("assignment %s = %s", emphasize(s->assign.lhs.at[0]),
                              emphasize(s->assign.rhs.at[0]));
        }
        if (s->assign.op == TOK_DEFINE) {
            return mem_printf("%s := %s", l, r);
        }
        return mem_printf("%s %s= %s", l, token_text[s->assign.op], r);
    }
    case ST_INCDEC:
        return mem_printf("%s%s", expr_string(s->incdec.x), token_text[s->incdec.op]);
    case ST_SEND:
        return mem_printf("%s <- %s", expr_string(s->send.ch), expr_string(s->send.value));
    default:
        return "statement";
    }
}

/* The condition must be an expression. */
static void header_value(Parser *p, Header *h, Token keyword)
{
    Stmt *c = h->cond;
    if (!c) {
        if (keyword == TOK_IF && h->semi) {
            if (strcmp(h->semi_lit, "semicolon") != 0) {
                parser_error_at(p, h->semi, mem_printf("unexpected %s, expected { after if clause",
                                                       h->semi_lit));
            } else {
                parser_error_at(p, h->semi, "missing condition in if statement");
            }
            h->value = expr_bad(p);
        }
        return;
    }
    if (c->kind == ST_EXPR) {
        h->value = c->expr.x;
        return;
    }
    if (c->kind == ST_TYPESWITCH) {
        return;
    }
    parser_error_at(p, c->pos, mem_printf("cannot use %.400s as value", stmt_text(c)));
    h->value = expr_bad(p);
    h->cond = NULL;
}

static void for_clauses(Parser *p, Header *h)
{
    if (p->s.tok != TOK_SEMICOLON) {
        if (p->s.tok == TOK_LBRACE) {
            parser_error(p, "expected for loop condition");
            return;
        }
        h->cond = simple_stmt(p, NULL, TOK_EOF);
    }
    parser_want(p, TOK_SEMICOLON);
    if (p->s.tok != TOK_LBRACE) {
        h->post = simple_stmt(p, NULL, TOK_EOF);
        if (h->post->kind == ST_DEFINE) {
            parser_error_at(p, h->post->pos, "cannot declare in post statement of for loop");
        }
    }
}

static void header_clauses(Parser *p, Header *h, Token keyword)
{
    if (p->s.tok != TOK_SEMICOLON) {
        if (parser_got(p, TOK_VAR)) {
            parser_error(p, mem_printf("var declaration not allowed in %s initializer",
                                       token_text[keyword]));
        }
        h->init = simple_stmt(p, NULL, keyword);
        if (h->init->kind == ST_RANGE) {
            return;
        }
    }
    if (p->s.tok == TOK_LBRACE) {
        h->cond = h->init;
        h->init = NULL;
        return;
    }
    if (p->s.tok == TOK_SEMICOLON) {
        h->semi = p->s.pos;
        h->semi_lit = p->s.lit;
        parser_next(p);
    } else {
        parser_want(p, TOK_LBRACE);
        if (p->s.tok != TOK_LBRACE) {
            parser_advance(p, FOLLOW(TOK_LBRACE, TOK_RBRACE));
        }
    }
    if (keyword == TOK_FOR) {
        for_clauses(p, h);
    } else if (p->s.tok != TOK_LBRACE) {
        h->cond = simple_stmt(p, NULL, keyword);
    }
}

static Header header(Parser *p, Token keyword)
{
    Header h = {0};
    parser_next(p);
    if (p->s.tok == TOK_LBRACE) {
        if (keyword == TOK_IF) {
            parser_error(p, "missing condition in if statement");
            h.value = expr_bad(p);
        }
        return h;
    }
    int outer = p->xnest;
    p->xnest = -1;
    header_clauses(p, &h, keyword);
    if (!h.init || h.init->kind != ST_RANGE) {
        header_value(p, &h, keyword);
    }
    p->xnest = outer;
    return h;
}

/* ---- Compound statements ---------------------------------------------------------------------- */

static Stmt *for_stmt(Parser *p)
{
    Pos pos = p->s.pos;
    Header h = header(p, TOK_FOR);
    parser_check_guard(p);
    if (h.init && h.init->kind == ST_RANGE) {
        Stmt *s = h.init;
        s->pos = pos;
        s->range.body = parse_block(p, "for clause");
        return done(p, s);
    }
    Stmt *s = stmt_new(p, ST_FOR, pos);
    s->for_.init = h.init;
    s->for_.cond = h.value;
    s->for_.post = h.post;
    s->for_.body = parse_block(p, "for clause");
    return done(p, s);
}

static Stmt *if_stmt(Parser *p)
{
    Stmt *s = stmt_new(p, ST_IF, p->s.pos);
    if (!parser_enter(p)) {
        s->kind = ST_BAD;
        return s;
    }
    Header h = header(p, TOK_IF);
    parser_check_guard(p);
    s->if_.init = h.init;
    s->if_.cond = h.value ? h.value : expr_bad(p);
    s->if_.then = parse_block(p, "if clause");
    if (parser_got(p, TOK_ELSE)) {
        if (p->s.tok == TOK_IF) {
            s->if_.els = if_stmt(p);
        } else if (p->s.tok == TOK_LBRACE) {
            s->if_.els = block_stmt(p);
        } else {
            parser_error(p, "else must be followed by if or statement block");
            parser_advance(p, FOLLOW(TOK_IDENT, TOK_RBRACE));
        }
    }
    parser_leave(p);
    return done(p, s);
}

/* "case ...:" or "default:" and the statements behind it. */
static Clause *clause(Parser *p, bool comm)
{
    Clause *c = MEM_NEW(Clause);
    c->pos = p->s.pos;
    if (parser_got(p, TOK_CASE)) {
        if (comm) {
            c->comm = simple_stmt(p, NULL, TOK_EOF);
        } else {
            parse_expr_list(p, &c->exprs);
        }
        parser_check_guard(p);
    } else if (parser_got(p, TOK_DEFAULT)) {
        c->is_default = true;
    } else {
        parser_error(p, "expected case or default or }");
        parser_advance(p, FOLLOW(TOK_COLON, TOK_CASE, TOK_DEFAULT, TOK_RBRACE));
        c->is_default = comm;
    }
    c->colon = p->s.pos;
    parser_want(p, TOK_COLON);
    parse_stmt_list(p, &c->body);
    return c;
}

typedef VEC(Clause *) ClauseList;

static Pos clauses(Parser *p, const char *missing, bool comm, ClauseList *out)
{
    if (!parser_got(p, TOK_LBRACE)) {
        parser_error(p, missing);
        parser_advance(p, FOLLOW(TOK_CASE, TOK_DEFAULT, TOK_RBRACE));
    }
    while (parser_more(p, TOK_RBRACE)) {
        VEC_PUSH(*out, clause(p, comm));
    }
    Pos rbrace = p->s.pos;
    parser_want(p, TOK_RBRACE);
    return rbrace;
}

static Stmt *switch_stmt(Parser *p)
{
    Pos pos = p->s.pos;
    Header h = header(p, TOK_SWITCH);
    ClauseList list = {0};
    Expr *guard = p->guard;
    Stmt *s;
    if (h.cond && h.cond->kind == ST_TYPESWITCH) {
        s = h.cond;
        s->pos = pos;
        p->guard = NULL;
    } else if (guard && h.value == guard) {
        s = stmt_new(p, ST_TYPESWITCH, pos);
        s->tswitch.x = guard;
        p->guard = NULL;
    } else {
        s = stmt_new(p, ST_SWITCH, pos);
    }
    parser_check_guard(p);
    Pos rbrace = clauses(p, "missing { after switch clause", false, &list);
    if (s->kind == ST_TYPESWITCH) {
        s->tswitch.init = h.init;
        s->tswitch.x = s->tswitch.x->assert_.x; /* the guard's operand is what the tree keeps */
        memcpy(&s->tswitch.clauses, &list, sizeof list);
        s->tswitch.rbrace = rbrace;
    } else {
        s->switch_.init = h.init;
        s->switch_.tag = h.value;
        memcpy(&s->switch_.clauses, &list, sizeof list);
        s->switch_.rbrace = rbrace;
    }
    return done(p, s);
}

static Stmt *select_stmt(Parser *p)
{
    Stmt *s = stmt_new(p, ST_SELECT, p->s.pos);
    parser_next(p);
    ClauseList list = {0};
    s->select.rbrace = clauses(p, "missing { after select clause", true, &list);
    memcpy(&s->select.clauses, &list, sizeof list);
    return done(p, s);
}

/* ---- Other statements ------------------------------------------------------------------------- */

static Stmt *call_stmt(Parser *p)
{
    Token keyword = p->s.tok;
    Stmt *s = stmt_new(p, keyword == TOK_GO ? ST_GO : ST_DEFER, p->s.pos);
    parser_next(p);
    Expr *x = parse_primary(p);
    Expr *inner = expr_unparen(x);
    if (inner != x) {
        parser_plain_error(p, x->start, mem_printf("expression in %s must not be parenthesized",
                                                   token_text[keyword]));
    }
    s->go.call = inner; /* the checker wants a call */
    return done(p, s);
}

static Stmt *branch_stmt(Parser *p)
{
    Token t = p->s.tok;
    Stmt *s = stmt_new(p,
                       t == TOK_BREAK      ? ST_BREAK
                       : t == TOK_CONTINUE ? ST_CONTINUE
                       : t == TOK_GOTO     ? ST_GOTO
                                           : ST_FALLTHROUGH,
                       p->s.pos);
    parser_next(p);
    if (t == TOK_GOTO || (t != TOK_FALLTHROUGH && p->s.tok == TOK_IDENT)) {
        s->branch.label = parse_name(p);
    }
    return done(p, s);
}

static Stmt *return_stmt(Parser *p)
{
    Stmt *s = stmt_new(p, ST_RETURN, p->s.pos);
    parser_next(p);
    if (p->s.tok != TOK_SEMICOLON && p->s.tok != TOK_RBRACE && p->s.tok != TOK_EOF) {
        parse_expr_list(p, &s->ret.results);
    }
    return done(p, s);
}

/* At ":" behind a label. Declarations may follow in a group: the label belongs to the first. */
static bool labeled_stmt(Parser *p, Expr *label, StmtList *out)
{
    Stmt *s = stmt_new(p, ST_LABELED, label->start);
    s->labeled.label = label;
    Pos colon = p->s.pos;
    parser_want(p, TOK_COLON);
    if (p->s.tok == TOK_RBRACE) {
        s->labeled.body = stmt_new(p, ST_EMPTY, p->s.pos);
        VEC_PUSH(*out, done(p, s));
        return true;
    }
    StmtList list = {0};
    if (!parse_stmt(p, &list) || !list.n) {
        parser_error_at(p, colon, "missing statement after label");
        return false;
    }
    s->labeled.body = list.at[0];
    s->end = list.at[0]->end;
    VEC_PUSH(*out, s);
    for (uint32_t i = 1; i < list.n; i++) {
        VEC_PUSH(*out, list.at[i]);
    }
    return true;
}

typedef struct DeclSink {
    Parser *p;
    StmtList *out;
} DeclSink;

static void emit_to_list(void *ctx, Decl *d)
{
    DeclSink *sink = ctx;
    Stmt *s = stmt_new(sink->p, ST_DECL, d->pos);
    s->end = d->end;
    s->decl.decl = d;
    VEC_PUSH(*sink->out, s);
}

static void decl_stmt(Parser *p, StmtList *out)
{
    uint32_t before = out->n;
    Pos pos = p->s.pos;
    DeclSink sink = {p, out};
    parse_decl_group(p, emit_to_list, &sink);
    if (out->n == before) {
        VEC_PUSH(*out, done(p, stmt_new(p, ST_EMPTY, pos)));
    }
}

static Stmt *other_stmt(Parser *p)
{
    switch (p->s.tok) {
    case TOK_LBRACE:
        return block_stmt(p);
    case TOK_FOR:
        return for_stmt(p);
    case TOK_SWITCH:
        return switch_stmt(p);
    case TOK_SELECT:
        return select_stmt(p);
    case TOK_IF:
        return if_stmt(p);
    case TOK_BREAK:
    case TOK_CONTINUE:
    case TOK_FALLTHROUGH:
    case TOK_GOTO:
        return branch_stmt(p);
    case TOK_GO:
    case TOK_DEFER:
        return call_stmt(p);
    case TOK_RETURN:
        return return_stmt(p);
    case TOK_SEMICOLON: {
        Stmt *s = stmt_new(p, ST_EMPTY, p->s.pos);
        s->end = s->pos;
        return s;
    }
    case TOK_ADD:
    case TOK_SUB:
    case TOK_MUL:
    case TOK_AND:
    case TOK_XOR:
    case TOK_NOT:
    case TOK_TILDE:
    case TOK_INT:
    case TOK_FLOAT:
    case TOK_IMAG:
    case TOK_CHAR:
    case TOK_STRING:
    case TOK_FUNC:
    case TOK_LPAREN:
    case TOK_LBRACK:
    case TOK_STRUCT:
    case TOK_MAP:
    case TOK_CHAN:
    case TOK_INTERFACE:
    case TOK_ARROW:
        return simple_stmt(p, NULL, TOK_EOF);
    default:
        return NULL;
    }
}

static bool stmt_rest(Parser *p, StmtList *out)
{
    if (p->s.tok == TOK_IDENT) {
        ExprList lhs = {0};
        parse_expr_list(p, &lhs);
        if (lhs.n == 1 && lhs.at[0]->kind == EX_NAME && p->s.tok == TOK_COLON) {
            return labeled_stmt(p, lhs.at[0], out);
        }
        VEC_PUSH(*out, simple_stmt(p, &lhs, TOK_EOF));
        return true;
    }
    if (p->s.tok == TOK_VAR || p->s.tok == TOK_CONST || p->s.tok == TOK_TYPE) {
        decl_stmt(p, out);
        return true;
    }
    Stmt *s = other_stmt(p);
    if (s) {
        VEC_PUSH(*out, s);
    }
    return s != NULL;
}

bool parse_stmt(Parser *p, StmtList *out)
{
    if (!parser_enter(p)) {
        return false;
    }
    bool ok = stmt_rest(p, out);
    parser_check_guard(p);
    parser_leave(p);
    return ok;
}
