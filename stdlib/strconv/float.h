/* float.h - floats to text and back, exactly. Pure functions, any thread. */
#ifndef GOL_STDLIB_STRCONV_FLOAT_H
#define GOL_STDLIB_STRCONV_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

/* The codes of strconv.gol. */
enum { STRCONV_OK, STRCONV_SYNTAX, STRCONV_RANGE, STRCONV_BASE, STRCONV_BITS };

/* Parse the longest float at s; *used is its length. Single rounds to float32. */
int float_parse(const uint8_t *s, int64_t n, bool single, double *out, int64_t *used);

/* Write f as strconv.FormatFloat does, at most cap bytes; returns the length it needs. */
int64_t float_format(char *dst, int64_t cap, double f, char verb, int64_t prec, bool single);

bool strconv_underscores_ok(const uint8_t *s, int64_t n);

#endif
