/* parse.h - private to the parser: parse.c (files, declarations, errors), parse_expr.c
 * (expressions), parse_type.c (types, parameters), parse_stmt.c (statements). */
#ifndef GOL_LANG_PARSE_H
#define GOL_LANG_PARSE_H

#include "lang/ast.h"
#include "lang/scan.h"

enum { MAX_DEPTH = 10000 };

typedef struct Parser {
    Scanner s;
    File *file;
    DiagList *d;
    int fnest;         /* nesting of function bodies: statement keywords are resynchronisation points */
    int xnest;         /* nesting of brackets in an expression; < 0: in a control clause */
    uint32_t depth;    /* of recursion */
    uint32_t height;   /* of the tree parsed so far: bounds chains that need no recursion */
    uint32_t nerrors;
    uint32_t last_line;/* of the last syntax error: one a line */
    Pos prev_end;      /* end of the token before this one */
    Expr *guard;       /* an x.(type) that no switch has claimed yet */
    bool too_deep;
} Parser;

/* parse.c */
void parser_next(Parser *p);
bool parser_got(Parser *p, Token t);
void parser_want(Parser *p, Token t);
/* "syntax error: ..." as gc words it: a msg that begins with "in ", "at ", "after " or "expected "
 * is put behind "unexpected TOKEN". */
void parser_error(Parser *p, const char *msg);
void parser_error_at(Parser *p, Pos pos, const char *msg);
void parser_plain_error(Parser *p, Pos pos, const char *msg); /* without "syntax error: " */
void parser_soft_error(Parser *p, Pos pos, const char *msg);
/* Skips to one of the tokens (0-terminated), or, in functions, a statement keyword. NULL: skips
 * one token. */
void parser_advance(Parser *p, const Token *follow);
#define FOLLOW(...) ((const Token[]){__VA_ARGS__, TOK_EOF})
bool parser_enter(Parser *p); /* false: too deep, reported; pair with parser_leave if true */
void parser_leave(Parser *p);
void parser_grow(Parser *p);  /* the tree got one level higher without recursion */
/* After an element of a list: consumes the separator. False: give up, the closing token is lost. */
bool parser_separator(Parser *p, const char *context, Token sep, Token close);
bool parser_more(const Parser *p, Token close);
void parse_decl_group(Parser *p, void (*emit)(void *ctx, Decl *d), void *ctx); /* at const/type/var */
Block *parse_func_body(Parser *p);
const char *parser_token_string(Token t);

/* parse_expr.c */
Expr *expr_new(Parser *p, ExprKind k, Pos start);
Expr *expr_bad(Parser *p);
Expr *parse_name(Parser *p);
Expr *parse_literal(Parser *p); /* or NULL */
Expr *parse_expr(Parser *p);
Expr *parse_expr_from_name(Parser *p, Expr *name);
Expr *parse_primary(Parser *p);
void parse_expr_list(Parser *p, ExprList *out);
/* Type arguments; the first may be any expression. True if there was a comma. */
bool parse_type_list(Parser *p, ExprList *out);
Expr *expr_unparen(Expr *x);
/* Reports an x.(type) that no switch has claimed; called at the end of what may hold one. */
void parser_check_guard(Parser *p);

/* parse_type.c */
Expr *parse_type(Parser *p);
Expr *parse_type_or_null(Parser *p);
Expr *parse_array_type(Parser *p, Pos start, Expr *len); /* behind "[" */
Expr *parse_slice_type(Parser *p, Pos start);            /* behind "[]" */
Expr *parse_qualified_name(Parser *p, Expr *name);
void parse_params(Parser *p, FieldList *out, Expr *name, Expr *type, Token close, bool tparams);
void parse_signature(Parser *p, FuncType *out, const char *no_tparams);

/* parse_stmt.c */
Block *parse_block(Parser *p, const char *context);
void parse_stmt_list(Parser *p, StmtList *out);
bool parse_stmt(Parser *p, StmtList *out); /* false: no statement here */

#endif
