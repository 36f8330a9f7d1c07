/* scan.h - source text to tokens. */
#ifndef GOL_LANG_SCAN_H
#define GOL_LANG_SCAN_H

#include "lang/diag.h"
#include "lang/token.h"

/* A directive comment, "//go:embed x". */
typedef struct Directive {
    Pos pos;
    const char *text;
    uint32_t len;
} Directive;

/* A Scanner may be copied to look ahead; set `quiet` in the copy. */
typedef struct Scanner {
    /* the current token */
    Token tok;
    Token op;        /* TOK_OP_ASSIGN: the operator before = */
    Pos pos, end;
    Name name;       /* TOK_IDENT */
    const char *lit; /* text of a literal; of TOK_SEMICOLON "semicolon", "newline" or "EOF" */
    uint32_t lit_len;
    bool bad;        /* a literal with an error */
    /* the comment lines right before it: [doc, doc_end) in the text, doc_end 0 if none */
    uint32_t doc, doc_end;

    /* reading state */
    const unsigned char *p, *text, *limit;
    bool nlsemi;     /* a newline here is a semicolon */
    bool quiet;      /* report nothing */
    SourceFile *src;
    DiagList *diags;
    VEC(Directive) directives;
    uint32_t nerrors;
} Scanner;

void scan_init(Scanner *s, SourceFile *src, DiagList *d);
void scan_next(Scanner *s);

/* Shared with constants and the checker: decodes one rune of UTF-8, *size its bytes; U+FFFD with
 * size 1 if invalid. n > 0. */
uint32_t utf8_decode(const unsigned char *p, size_t n, unsigned *size);
unsigned rune_encode(uint32_t rune, char *out);
bool rune_is_letter(uint32_t r);
bool rune_is_digit(uint32_t r);

#endif
