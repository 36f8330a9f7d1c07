/* utf8.c - natives of unicode/utf8.
 *
 * Counting and validating work in pieces of 64 KB: progress is kept in the argument slots, which
 * belong to this call alone (a slice or string is advanced past what was done, and the count so
 * far stands in the result slot). */
#include "runtime/native.h"
#include "stdlib/utf8dec.h"

enum { PIECE = 65536 };

static NativeStatus decode_first(Slot *fp, const uint8_t *s, int64_t n)
{
    int32_t r = UTF8_ERROR;
    fp[1].i = n > 0 ? utf8_decode(s, n, &r) : 0;
    fp[0].i = r;
    return NATIVE_OK;
}

static NativeStatus decode_last(Slot *fp, const uint8_t *s, int64_t n)
{
    fp[0].i = UTF8_ERROR;
    fp[1].i = n > 0;
    if (n <= 0) {
        return NATIVE_OK;
    }
    for (int64_t back = 1; back <= 4 && back <= n; back++) {
        uint8_t c = s[n - back];
        if ((c & 0xC0) == 0x80) {
            continue;
        }
        int32_t r;
        int w = utf8_decode(s + n - back, back, &r);
        if (w == back) {
            fp[0].i = r;
            fp[1].i = w;
        }
        break;
    }
    return NATIVE_OK;
}

static NativeStatus n_decode_rune(struct P *p, Slot *fp)
{
    Slice s = slot_slice(fp + 2);
    return decode_first(fp, s.ptr, s.len);
}

static NativeStatus n_decode_rune_in_string(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    return decode_first(fp, s.ptr, s.len);
}

static NativeStatus n_decode_last_rune(struct P *p, Slot *fp)
{
    Slice s = slot_slice(fp + 2);
    return decode_last(fp, s.ptr, s.len);
}

static NativeStatus n_decode_last_rune_in_string(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    return decode_last(fp, s.ptr, s.len);
}

/* Count the runes of at most PIECE bytes; *used says how far it came. */
static int64_t count_piece(const uint8_t *s, int64_t n, int64_t *used)
{
    int64_t i = 0, count = 0;
    while (i < n && i < PIECE) {
        int32_t r;
        i += s[i] < 0x80 ? 1 : utf8_decode(s + i, n - i, &r);
        count++;
    }
    *used = i;
    return count;
}

static NativeStatus n_rune_count(struct P *p, Slot *fp)
{
    Slice s = slot_slice(fp + 1);
    int64_t used;
    fp[0].i += count_piece(s.ptr, s.len, &used);
    if (used == s.len) {
        return NATIVE_OK;
    }
    slot_set_slice(fp + 1, (Slice){s.ptr + used, s.len - (uint32_t)used, s.cap - (uint32_t)used});
    return NATIVE_AGAIN;
}

static NativeStatus n_rune_count_in_string(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 1);
    int64_t used;
    fp[0].i += count_piece(s.ptr, s.len, &used);
    if (used >= s.len) {
        return NATIVE_OK;
    }
    slot_set_string(fp + 1, (String){s.ptr + used, s.len - used});
    return NATIVE_AGAIN;
}

/* Bytes of valid UTF-8 at s, up to about PIECE; -1 if an invalid one was met. */
static int64_t valid_piece(const uint8_t *s, int64_t n)
{
    int64_t i = 0;
    while (i < n && i < PIECE) {
        int32_t r;
        int w = utf8_decode(s + i, n - i, &r);
        if (w == 1 && r == UTF8_ERROR) {
            return -1;
        }
        i += w;
    }
    return i;
}

static NativeStatus n_valid(struct P *p, Slot *fp)
{
    Slice s = slot_slice(fp + 1);
    int64_t used = valid_piece(s.ptr, s.len);
    fp[0].i = used >= 0 && used == s.len;
    if (used < 0 || used == s.len) {
        return NATIVE_OK;
    }
    slot_set_slice(fp + 1, (Slice){s.ptr + used, s.len - (uint32_t)used, s.cap - (uint32_t)used});
    return NATIVE_AGAIN;
}

static NativeStatus n_valid_string(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 1);
    int64_t used = valid_piece(s.ptr, s.len);
    fp[0].i = used >= 0 && used >= s.len;
    if (used < 0 || used >= s.len) {
        return NATIVE_OK;
    }
    slot_set_string(fp + 1, (String){s.ptr + used, s.len - used});
    return NATIVE_AGAIN;
}

static NativeStatus n_encode(struct P *p, Slot *fp)
{
    Slice d = slot_slice(fp + 1);
    uint32_t r = (uint32_t)fp[3].i;
    uint8_t b[4];
    uint32_t n;
    if (r > 0x10FFFF || (0xD800 <= r && r <= 0xDFFF)) {
        r = UTF8_ERROR;
    }
    if (r < 0x80) {
        b[0] = (uint8_t)r;
        n = 1;
    } else if (r < 0x800) {
        b[0] = (uint8_t)(0xC0 | r >> 6);
        n = 2;
    } else if (r < 0x10000) {
        b[0] = (uint8_t)(0xE0 | r >> 12);
        n = 3;
    } else {
        b[0] = (uint8_t)(0xF0 | r >> 18);
        n = 4;
    }
    for (uint32_t i = 1; i < n; i++) {
        b[i] = (uint8_t)(0x80 | ((r >> 6 * (n - 1 - i)) & 0x3F));
    }
    if (d.len < n) {
        return NATIVE_OK;
    }
    for (uint32_t i = 0; i < n; i++) {
        d.ptr[i] = b[i];
    }
    fp[0].i = n;
    return NATIVE_OK;
}

static bool is_full(const uint8_t *s, int64_t n)
{
    if (n <= 0) {
        return false;
    }
    int w = utf8_announced(s[0]);
    if (n >= w) {
        return true;
    }
    if (n > 1 && !utf8_second_ok(s[0], s[1])) {
        return true;
    }
    return n > 2 && (s[2] & 0xC0) != 0x80;
}

static NativeStatus n_full(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 1);
    fp[0].i = is_full(s.ptr, s.len);
    return NATIVE_OK;
}

static NativeStatus n_full_bytes(struct P *p, Slot *fp)
{
    Slice s = slot_slice(fp + 1);
    fp[0].i = is_full(s.ptr, s.len);
    return NATIVE_OK;
}

#define U "unicode/utf8"
const NativeDef natives_unicode_utf8[] = {
    {U, "DecodeRune", "func(p []byte) (rune, int)", "the first rune and its width", n_decode_rune},
    {U, "DecodeRuneInString", "func(s string) (rune, int)", "the first rune and its width",
     n_decode_rune_in_string},
    {U, "DecodeLastRune", "func(p []byte) (rune, int)", "the last rune and its width",
     n_decode_last_rune},
    {U, "DecodeLastRuneInString", "func(s string) (rune, int)", "the last rune and its width",
     n_decode_last_rune_in_string},
    {U, "RuneCount", "func(p []byte) int", "the number of runes", n_rune_count},
    {U, "RuneCountInString", "func(s string) int", "the number of runes", n_rune_count_in_string},
    {U, "Valid", "func(p []byte) bool", "whether p is valid UTF-8", n_valid},
    {U, "ValidString", "func(s string) bool", "whether s is valid UTF-8", n_valid_string},
    {U, "encode", "func(p []byte, r rune) int", "write r to p", n_encode},
    {U, "full", "func(s string) bool", "whether s begins with a whole rune", n_full},
    {U, "fullBytes", "func(p []byte) bool", "whether p begins with a whole rune", n_full_bytes},
    {0},
};
