/* token.c - the tables of token.h's one list. */
#include "lang/token.h"

const char *const token_text[TOK_COUNT] = {
#define TOKEN(name, text, prec) text,
    TOKEN_LIST
#undef TOKEN
};

const unsigned char token_prec[TOK_COUNT] = {
#define TOKEN(name, text, prec) prec,
    TOKEN_LIST
#undef TOKEN
};
