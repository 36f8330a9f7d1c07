/* bytealg.c - byte searches for strings and bytes.
 *
 * Long inputs are worked through in pieces of 64 KB; the progress stands in the call's own argument
 * slots (searches advance the cell, counting its base in the result slot), so a native that is
 * called AGAIN goes on where it stopped. A cell is loaded once and only that copy is used (D8). */
#define _GNU_SOURCE
#include <string.h>

#include "runtime/native.h"

enum { PIECE = 65536 };

/* Both kinds of cell, as the functions below need them. */
typedef struct Bytes {
    const uint8_t *ptr;
    int64_t len;
} Bytes;

static Bytes bytes_at(const Slot *s, bool is_string)
{
    if (is_string) {
        String v = slot_string(s);
        return (Bytes){v.ptr, v.len};
    }
    Slice v = slot_slice(s);
    return (Bytes){v.ptr, v.len};
}

/* Advance the cell at s by n bytes (n at most its length). */
static void bytes_skip(Slot *s, bool is_string, int64_t n)
{
    if (is_string) {
        String v = slot_string(s);
        slot_set_string(s, (String){v.ptr + n, v.len - n});
    } else {
        Slice v = slot_slice(s);
        slot_set_slice(s, (Slice){v.ptr + n, v.len - (uint32_t)n, v.cap - (uint32_t)n});
    }
}

static NativeStatus index_byte(Slot *fp, bool str)
{
    Bytes b = bytes_at(fp + 1, str);
    int64_t n = b.len < PIECE ? b.len : PIECE;
    const uint8_t *hit = n > 0 ? memchr(b.ptr, (int)(fp[3].u & 0xff), (size_t)n) : NULL;
    if (hit) {
        fp[0].i += hit - b.ptr;
        return NATIVE_OK;
    }
    if (n == b.len) {
        fp[0].i = -1;
        return NATIVE_OK;
    }
    fp[0].i += n;
    bytes_skip(fp + 1, str, n);
    return NATIVE_AGAIN;
}

static NativeStatus last_index_byte(Slot *fp, bool str)
{
    Bytes b = bytes_at(fp + 1, str);
    const uint8_t *hit = b.len > 0 ? memrchr(b.ptr, (int)(fp[3].u & 0xff), (size_t)b.len) : NULL;
    fp[0].i = hit ? hit - b.ptr : -1;
    return NATIVE_OK;
}

/* memmem is linear in both lengths (two-way); pieces overlap by the needle. */
static NativeStatus index_bytes(Slot *fp, bool str)
{
    Bytes b = bytes_at(fp + 1, str), sep = bytes_at(fp + 3, str);
    if (sep.len > b.len) {
        fp[0].i = -1;
        return NATIVE_OK;
    }
    if (sep.len == 0) {
        return NATIVE_OK;
    }
    int64_t n = b.len;
    if (n > PIECE + sep.len * 4) {
        n = PIECE + sep.len * 4;
    }
    const uint8_t *hit = memmem(b.ptr, (size_t)n, sep.ptr, (size_t)sep.len);
    if (hit) {
        fp[0].i += hit - b.ptr;
        return NATIVE_OK;
    }
    if (n == b.len) {
        fp[0].i = -1;
        return NATIVE_OK;
    }
    int64_t done = n - sep.len + 1;
    fp[0].i += done;
    bytes_skip(fp + 1, str, done);
    return NATIVE_AGAIN;
}

static NativeStatus count_byte(Slot *fp, bool str)
{
    Bytes b = bytes_at(fp + 1, str);
    int64_t n = b.len < PIECE ? b.len : PIECE, count = 0;
    uint8_t c = (uint8_t)fp[3].u;
    for (int64_t i = 0; i < n; i++) {
        count += b.ptr[i] == c;
    }
    fp[0].i += count;
    if (n == b.len) {
        return NATIVE_OK;
    }
    bytes_skip(fp + 1, str, n);
    return NATIVE_AGAIN;
}

static NativeStatus n_index_byte(struct P *p, Slot *fp) { return index_byte(fp, false); }
static NativeStatus n_index_byte_s(struct P *p, Slot *fp) { return index_byte(fp, true); }
static NativeStatus n_last_index_byte(struct P *p, Slot *fp) { return last_index_byte(fp, false); }
static NativeStatus n_last_index_byte_s(struct P *p, Slot *fp) { return last_index_byte(fp, true); }
static NativeStatus n_index(struct P *p, Slot *fp) { return index_bytes(fp, false); }
static NativeStatus n_index_s(struct P *p, Slot *fp) { return index_bytes(fp, true); }
static NativeStatus n_count(struct P *p, Slot *fp) { return count_byte(fp, false); }
static NativeStatus n_count_s(struct P *p, Slot *fp) { return count_byte(fp, true); }

static NativeStatus n_compare(struct P *p, Slot *fp)
{
    Slice a = slot_slice(fp + 1), b = slot_slice(fp + 3);
    uint32_t n = a.len < b.len ? a.len : b.len;
    uint32_t part = n < PIECE ? n : PIECE;
    int c = part ? memcmp(a.ptr, b.ptr, part) : 0;
    if (c == 0 && part < n) {
        bytes_skip(fp + 1, false, part);
        bytes_skip(fp + 3, false, part);
        return NATIVE_AGAIN;
    }
    fp[0].i = c ? (c > 0) - (c < 0) : (a.len > b.len) - (a.len < b.len);
    return NATIVE_OK;
}

static NativeStatus n_equal(struct P *p, Slot *fp)
{
    Slice a = slot_slice(fp + 1), b = slot_slice(fp + 3);
    if (a.len != b.len) {
        return NATIVE_OK;
    }
    uint32_t part = a.len < PIECE ? a.len : PIECE;
    if (part && memcmp(a.ptr, b.ptr, part) != 0) {
        return NATIVE_OK;
    }
    if (part == a.len) {
        fp[0].i = 1;
        return NATIVE_OK;
    }
    bytes_skip(fp + 1, false, part);
    bytes_skip(fp + 3, false, part);
    return NATIVE_AGAIN;
}

static bool is_upper(uint8_t c) { return (uint8_t)(c - 'A') < 26; }
static bool is_lower(uint8_t c) { return (uint8_t)(c - 'a') < 26; }
static bool is_high(uint8_t c) { return c >= 0x80; }

/* Whether `test` holds for a byte of the string at fp[1]; piecewise. */
static NativeStatus any_byte(Slot *fp, bool (*test)(uint8_t), bool found_value)
{
    String s = slot_string(fp + 1);
    int64_t n = s.len < PIECE ? s.len : PIECE;
    for (int64_t i = 0; i < n; i++) {
        if (test(s.ptr[i])) {
            fp[0].i = found_value;
            return NATIVE_OK;
        }
    }
    if (n == s.len) {
        fp[0].i = !found_value;
        return NATIVE_OK;
    }
    bytes_skip(fp + 1, true, n);
    return NATIVE_AGAIN;
}

static NativeStatus n_is_ascii(struct P *p, Slot *fp) { return any_byte(fp, is_high, false); }
static NativeStatus n_has_lower(struct P *p, Slot *fp) { return any_byte(fp, is_lower, true); }
static NativeStatus n_has_upper(struct P *p, Slot *fp) { return any_byte(fp, is_upper, true); }

static uint8_t fold(uint8_t c) { return is_upper(c) ? (uint8_t)(c + 32) : c; }

/* dst slice at fp[1], src string at fp[3]. */
static NativeStatus map_case(Slot *fp, bool upper)
{
    Slice d = slot_slice(fp + 1);
    String s = slot_string(fp + 3);
    int64_t all = d.len < s.len ? d.len : s.len;
    int64_t n = all < PIECE ? all : PIECE;
    for (int64_t i = 0; i < n; i++) {
        uint8_t c = s.ptr[i];
        d.ptr[i] = upper ? (is_lower(c) ? (uint8_t)(c - 32) : c) : fold(c);
    }
    fp[0].i += n;
    if (n == all) {
        return NATIVE_OK;
    }
    bytes_skip(fp + 1, false, n);
    bytes_skip(fp + 3, true, n);
    return NATIVE_AGAIN;
}

static NativeStatus n_upper_ascii(struct P *p, Slot *fp) { return map_case(fp, true); }
static NativeStatus n_lower_ascii(struct P *p, Slot *fp) { return map_case(fp, false); }

static NativeStatus n_equal_fold(struct P *p, Slot *fp)
{
    String a = slot_string(fp + 1), b = slot_string(fp + 3);
    int64_t all = a.len < b.len ? a.len : b.len;
    int64_t n = all < PIECE ? all : PIECE;
    for (int64_t i = 0; i < n; i++) {
        uint8_t x = a.ptr[i], y = b.ptr[i];
        if ((x | y) >= 0x80) {
            fp[0].i = -1;
            return NATIVE_OK;
        }
        if (x != y && fold(x) != fold(y)) {
            return NATIVE_OK;
        }
    }
    if (n < all) {
        bytes_skip(fp + 1, true, n);
        bytes_skip(fp + 3, true, n);
        return NATIVE_AGAIN;
    }
    fp[0].i = a.len == b.len;
    return NATIVE_OK;
}

static NativeStatus n_alias(struct P *p, Slot *fp)
{
    Slice b = slot_slice(fp + 2);
    slot_set_string(fp, (String){b.ptr, b.len});
    return NATIVE_OK;
}

#define B "internal/bytealg"
const NativeDef natives_internal_bytealg[] = {
    {B, "IndexByte", "func(b []byte, c byte) int", "first index of c in b", n_index_byte},
    {B, "IndexByteString", "func(s string, c byte) int", "first index of c in s", n_index_byte_s},
    {B, "LastIndexByte", "func(b []byte, c byte) int", "last index of c in b", n_last_index_byte},
    {B, "LastIndexByteString", "func(s string, c byte) int", "last index of c in s",
     n_last_index_byte_s},
    {B, "Index", "func(b, sep []byte) int", "first index of sep in b", n_index},
    {B, "IndexString", "func(s, sep string) int", "first index of sep in s", n_index_s},
    {B, "Count", "func(b []byte, c byte) int", "how often c stands in b", n_count},
    {B, "CountString", "func(s string, c byte) int", "how often c stands in s", n_count_s},
    {B, "Compare", "func(a, b []byte) int", "order of a and b", n_compare},
    {B, "Equal", "func(a, b []byte) bool", "whether a and b are equal", n_equal},
    {B, "IsASCII", "func(s string) bool", "whether s is all ASCII", n_is_ascii},
    {B, "HasLower", "func(s string) bool", "whether s has a small ASCII letter", n_has_lower},
    {B, "HasUpper", "func(s string) bool", "whether s has a capital ASCII letter", n_has_upper},
    {B, "UpperASCII", "func(dst []byte, src string) int", "copy in upper case", n_upper_ascii},
    {B, "LowerASCII", "func(dst []byte, src string) int", "copy in lower case", n_lower_ascii},
    {B, "EqualFoldASCII", "func(a, b string) int", "compare ignoring ASCII case", n_equal_fold},
    {B, "Alias", "func(b []byte) string", "b's bytes as a string, not copied", n_alias},
    {0},
};
