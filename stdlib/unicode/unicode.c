/* unicode.c - natives of unicode: one two-stage table of records per code point.
 *
 * A block of 128 code points shares a row of stage2; equal rows and equal records stand once.
 * All data is constant, so every thread may read it. Code points out of range count as Cn. */
#include "stdlib/unicode/unidata.h"

#include "runtime/native.h"

typedef struct Record {
    uint8_t cat;
    uint8_t white;
    int32_t upper, lower, title, fold;
} Record;

#include "stdlib/unicode/tables_gen.h"

#define BIT(c) (1u << CAT_##c)
enum {
    SET_L = BIT(Ll) | BIT(Lm) | BIT(Lo) | BIT(Lt) | BIT(Lu),
    SET_M = BIT(Mc) | BIT(Me) | BIT(Mn),
    SET_N = BIT(Nd) | BIT(Nl) | BIT(No),
    SET_P = BIT(Pc) | BIT(Pd) | BIT(Pe) | BIT(Pf) | BIT(Pi) | BIT(Po) | BIT(Ps),
    SET_S = BIT(Sc) | BIT(Sk) | BIT(Sm) | BIT(So),
    SET_PRINT = SET_L | SET_M | SET_N | SET_P | SET_S,
    SET_GRAPHIC = SET_PRINT | BIT(Zs)
};

static const Record *record(int64_t r)
{
    static const Record none = {CAT_Cn, 0, 0, 0, 0, 0};
    if (r < 0 || r > 0x10FFFF) {
        return &none;
    }
    return &records[stage2[stage1[r >> 7] * 128 + (r & 127)]];
}

static bool in_set(int64_t r, uint32_t set) { return (set >> record(r)->cat) & 1; }

bool unidata_is_print(int32_t r) { return r == ' ' || in_set(r, SET_PRINT); }
bool unidata_is_graphic(int32_t r) { return in_set(r, SET_GRAPHIC); }
bool unidata_is_space(int32_t r) { return record(r)->white; }

#define PREDICATE(name, test)                                                                      \
    static NativeStatus n_##name(struct P *p, Slot *fp)                                            \
    {                                                                                              \
        int32_t r = (int32_t)fp[1].i;                                                              \
        fp[0].i = (test);                                                                          \
        return NATIVE_OK;                                                                          \
    }

PREDICATE(is_control, in_set(r, BIT(Cc)))
PREDICATE(is_digit, in_set(r, BIT(Nd)))
PREDICATE(is_graphic, in_set(r, SET_GRAPHIC))
PREDICATE(is_letter, in_set(r, SET_L))
PREDICATE(is_lower, in_set(r, BIT(Ll)))
PREDICATE(is_mark, in_set(r, SET_M))
PREDICATE(is_number, in_set(r, SET_N))
PREDICATE(is_print, unidata_is_print(r))
PREDICATE(is_punct, in_set(r, SET_P))
PREDICATE(is_space, unidata_is_space(r))
PREDICATE(is_symbol, in_set(r, SET_S))
PREDICATE(is_title, in_set(r, BIT(Lt)))
PREDICATE(is_upper, in_set(r, BIT(Lu)))
PREDICATE(to_upper, r + record(r)->upper)
PREDICATE(to_lower, r + record(r)->lower)
PREDICATE(to_title, r + record(r)->title)

static NativeStatus n_to(struct P *p, Slot *fp)
{
    int32_t r = (int32_t)fp[2].i;
    const Record *d = record(r);
    switch (fp[1].i) {
    case 0: fp[0].i = r + d->upper; break;
    case 1: fp[0].i = r + d->lower; break;
    case 2: fp[0].i = r + d->title; break;
    default: fp[0].i = 0xFFFD; break;
    }
    return NATIVE_OK;
}

PREDICATE(simple_fold, r + record(r)->fold)

#define U "unicode"
#define IS "func(r rune) bool"
#define MAP "func(r rune) rune"
const NativeDef natives_unicode[] = {
    {U, "IsControl", IS, "whether r is a control character", n_is_control},
    {U, "IsDigit", IS, "whether r is a decimal digit", n_is_digit},
    {U, "IsGraphic", IS, "whether r shows", n_is_graphic},
    {U, "IsLetter", IS, "whether r is a letter", n_is_letter},
    {U, "IsLower", IS, "whether r is a small letter", n_is_lower},
    {U, "IsMark", IS, "whether r is a mark", n_is_mark},
    {U, "IsNumber", IS, "whether r is a number", n_is_number},
    {U, "IsPrint", IS, "whether r prints", n_is_print},
    {U, "IsPunct", IS, "whether r is punctuation", n_is_punct},
    {U, "IsSpace", IS, "whether r is white space", n_is_space},
    {U, "IsSymbol", IS, "whether r is a symbol", n_is_symbol},
    {U, "IsTitle", IS, "whether r is in title case", n_is_title},
    {U, "IsUpper", IS, "whether r is a capital letter", n_is_upper},
    {U, "SimpleFold", MAP, "the next rune equal under simple folding", n_simple_fold},
    {U, "To", "func(_case int, r rune) rune", "r in that case", n_to},
    {U, "ToLower", MAP, "r in lower case", n_to_lower},
    {U, "ToTitle", MAP, "r in title case", n_to_title},
    {U, "ToUpper", MAP, "r in upper case", n_to_upper},
    {0},
};
