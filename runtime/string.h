/* string.h - strings: immutable counted bytes, and UTF-8.
 *
 * Results are on the script heap; where memory is exhausted they are empty with OP_NO_MEMORY
 * pending. Lengths in a String come from one cell, so ptr and len belong together.
 */
#ifndef GOL_RUNTIME_STRING_H
#define GOL_RUNTIME_STRING_H

#include "runtime/heap.h"

#define RUNE_ERROR 0xfffd

static inline bool string_equal(String a, String b)
{
    if (a.len != b.len) {
        return false;
    }
    if (a.ptr == b.ptr) {
        return true;
    }
    return mem_equal(a.ptr, b.ptr, (size_t)a.len);
}
static inline int string_compare(String a, String b)
{
    int r = mem_compare(a.ptr, b.ptr, (size_t)(a.len < b.len ? a.len : b.len));
    return r ? r : (a.len > b.len) - (a.len < b.len);
}

String string_new(struct P *p, const void *bytes, size_t n);
/* A string of n bytes for the caller to fill; *buf is where. */
String string_alloc(struct P *p, size_t n, uint8_t **buf);
String string_concat2(struct P *p, String a, String b);
String string_concat(struct P *p, const String *parts, size_t n);
/* parts as cells in frame slots (two slots each). */
String string_concat_slots(struct P *p, const Slot *parts, size_t n);

String string_from_rune(struct P *p, int64_t r);        /* string(r) */
String string_from_bytes(struct P *p, Slice b);         /* string([]byte) */
String string_from_runes(struct P *p, Slice runes);     /* string([]rune) */
Slice string_to_bytes(struct P *p, String s);           /* []byte(s) */
Slice string_to_runes(struct P *p, String s);           /* []rune(s) */
int64_t string_rune_count(String s);
bool string_valid(String s);

/* Decodes one rune of s[0..n), n > 0: sets *size (1 with RUNE_ERROR for bad encoding). */
int32_t utf8_decode_slow(const uint8_t *s, size_t n, unsigned *size);
static inline int32_t utf8_decode(const uint8_t *s, size_t n, unsigned *size)
{
    uint8_t b = mem_load8(s);
    if (GOL_LIKELY(b < 0x80)) {
        *size = 1;
        return b;
    }
    return utf8_decode_slow(s, n, size);
}
/* Encodes r (invalid: RUNE_ERROR) into buf, at most 4 bytes; returns how many. */
unsigned utf8_encode(uint8_t *buf, int64_t r);

#endif
