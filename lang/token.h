/* token.h - tokens: one list. */
#ifndef GOL_LANG_TOKEN_H
#define GOL_LANG_TOKEN_H

/* TOKEN(name, text, binary precedence) */
#define TOKEN_LIST                                                                                 \
    TOKEN(EOF, "EOF", 0) TOKEN(IDENT, "name", 0) TOKEN(INT, "literal", 0)                          \
    TOKEN(FLOAT, "literal", 0) TOKEN(IMAG, "literal", 0) TOKEN(CHAR, "literal", 0)                 \
    TOKEN(STRING, "literal", 0)                                                                    \
    TOKEN(ADD, "+", 4) TOKEN(SUB, "-", 4) TOKEN(MUL, "*", 5) TOKEN(QUO, "/", 5)                    \
    TOKEN(REM, "%", 5) TOKEN(AND, "&", 5) TOKEN(OR, "|", 4) TOKEN(XOR, "^", 4)                     \
    TOKEN(SHL, "<<", 5) TOKEN(SHR, ">>", 5) TOKEN(AND_NOT, "&^", 5)                                \
    TOKEN(LAND, "&&", 2) TOKEN(LOR, "||", 1) TOKEN(ARROW, "<-", 0) TOKEN(INC, "++", 0)             \
    TOKEN(DEC, "--", 0) TOKEN(EQL, "==", 3) TOKEN(LSS, "<", 3) TOKEN(GTR, ">", 3)                  \
    TOKEN(ASSIGN, "=", 0) TOKEN(NOT, "!", 0) TOKEN(TILDE, "~", 0) TOKEN(NEQ, "!=", 3)              \
    TOKEN(LEQ, "<=", 3) TOKEN(GEQ, ">=", 3) TOKEN(DEFINE, ":=", 0) TOKEN(ELLIPSIS, "...", 0)       \
    TOKEN(OP_ASSIGN, "op=", 0) /* which operator: Scanner.op */                                    \
    TOKEN(LPAREN, "(", 0) TOKEN(LBRACK, "[", 0) TOKEN(LBRACE, "{", 0) TOKEN(COMMA, "comma", 0)     \
    TOKEN(PERIOD, ".", 0) TOKEN(RPAREN, ")", 0) TOKEN(RBRACK, "]", 0) TOKEN(RBRACE, "}", 0)        \
    TOKEN(SEMICOLON, "semicolon", 0) TOKEN(COLON, ":", 0)                                          \
    TOKEN(BREAK, "break", 0) TOKEN(CASE, "case", 0) TOKEN(CHAN, "chan", 0)                         \
    TOKEN(CONST, "const", 0) TOKEN(CONTINUE, "continue", 0) TOKEN(DEFAULT, "default", 0)           \
    TOKEN(DEFER, "defer", 0) TOKEN(ELSE, "else", 0) TOKEN(FALLTHROUGH, "fallthrough", 0)           \
    TOKEN(FOR, "for", 0) TOKEN(FUNC, "func", 0) TOKEN(GO, "go", 0) TOKEN(GOTO, "goto", 0)          \
    TOKEN(IF, "if", 0) TOKEN(IMPORT, "import", 0) TOKEN(INTERFACE, "interface", 0)                 \
    TOKEN(MAP, "map", 0) TOKEN(PACKAGE, "package", 0) TOKEN(RANGE, "range", 0)                     \
    TOKEN(RETURN, "return", 0) TOKEN(SELECT, "select", 0) TOKEN(STRUCT, "struct", 0)               \
    TOKEN(SWITCH, "switch", 0) TOKEN(TYPE, "type", 0) TOKEN(VAR, "var", 0)

typedef enum Token {
#define TOKEN(name, text, prec) TOK_##name,
    TOKEN_LIST
#undef TOKEN
    TOK_COUNT
} Token;

extern const char *const token_text[TOK_COUNT];
extern const unsigned char token_prec[TOK_COUNT];

#endif
