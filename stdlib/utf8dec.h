/* utf8dec.h - the one UTF-8 decoder of the library's natives.
 *
 * Pure functions over bytes the caller holds; no state, any thread. */
#ifndef GOL_STDLIB_UTF8DEC_H
#define GOL_STDLIB_UTF8DEC_H

#include <stdint.h>

#define UTF8_ERROR 0xFFFD

/* Length that a first byte announces, 0 if it cannot begin a rune. */
static inline int utf8_announced(uint8_t c)
{
    if (c < 0x80) {
        return 1;
    }
    if (c < 0xC2 || c > 0xF4) {
        return 0;
    }
    return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Whether b may follow first byte a (rules out overlong forms, surrogates, beyond 10FFFF). */
static inline int utf8_second_ok(uint8_t a, uint8_t b)
{
    uint8_t lo = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    uint8_t hi = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    return lo <= b && b <= hi;
}

/* Decode at s, n > 0 bytes there. Returns the width (1 with UTF8_ERROR if invalid). */
static inline int utf8_decode(const uint8_t *s, int64_t n, int32_t *r)
{
    uint8_t a = s[0];
    if (a < 0x80) {
        *r = a;
        return 1;
    }
    int w = utf8_announced(a);
    *r = UTF8_ERROR;
    if (w == 0 || n < w || !utf8_second_ok(a, s[1])) {
        return 1;
    }
    if (w == 2) {
        *r = (a & 0x1F) << 6 | (s[1] & 0x3F);
        return 2;
    }
    if ((s[2] & 0xC0) != 0x80) {
        return 1;
    }
    if (w == 3) {
        *r = (a & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F);
        return 3;
    }
    if ((s[3] & 0xC0) != 0x80) {
        return 1;
    }
    *r = (a & 0x07) << 18 | (s[1] & 0x3F) << 12 | (s[2] & 0x3F) << 6 | (s[3] & 0x3F);
    return 4;
}

#endif
