/* const.h - exact constant values (GMP; integers to 512 bits, rationals, big floats). Immutable. */
#ifndef GOL_LANG_CONST_H
#define GOL_LANG_CONST_H

#include "lang/token.h"
#include "lang/mem.h"
#include <stdbool.h>

typedef enum ConstKind { CK_UNKNOWN, CK_BOOL, CK_STRING, CK_INT, CK_FLOAT, CK_COMPLEX } ConstKind;
typedef struct Const Const;

ConstKind const_kind(const Const *c);
Const *const_unknown(void);
Const *const_bool(bool b);
Const *const_string(const char *s, size_t n);
Const *const_i64(int64_t v);
Const *const_u64(uint64_t v);
Const *const_f64(double v);
Const *const_complex(const Const *re, const Const *im);
/* From the text of a literal; NULL if malformed (the scanner has reported it). */
Const *const_literal(Token tok, const char *text, uint32_t len);

/* op on operands of the same matched kind; integer division if both are ints and int_div.
 * Never divides by zero: the caller checks const_sign. Returns CK_UNKNOWN on overflow beyond
 * 512 bits (the caller reports "constant ... overflow"). */
Const *const_binary(const Const *x, Token op, const Const *y, bool int_div);
Const *const_shift(const Const *x, Token op, uint64_t count);
Const *const_unary(Token op, const Const *x, uint32_t bits /* of an unsigned type for ^, else 0 */);
bool const_compare(const Const *x, Token op, const Const *y);

/* Conversions of kind; NULL if not exact. */
Const *const_to_int(const Const *c);
Const *const_to_float(const Const *c);
Const *const_to_complex(const Const *c);
Const *const_real(const Const *c);
Const *const_imag(const Const *c);
int const_sign(const Const *c); /* 0 if zero (complex: 0 if both parts are) */

/* Readers. The int readers say whether the value fits. */
bool const_as_i64(const Const *c, int64_t *out);
bool const_as_u64(const Const *c, uint64_t *out);
double const_as_f64(const Const *c); /* rounded to nearest even; may be inf */
float const_as_f32(const Const *c);
bool const_as_bool(const Const *c);
const char *const_as_string(const Const *c, size_t *len);
/* Rounded to the precision of float32/float64, for typed float constants. */
Const *const_round_f32(const Const *c);
Const *const_round_f64(const Const *c);
uint32_t const_bit_len(const Const *c); /* of an int */
/* As Go's error messages print it (long strings cut, floats in %.6g form). */
char *const_format(const Const *c);
/* Exact source form, for export text. */
char *const_source(const Const *c);

#endif
