/* string.c - building strings, conversions, UTF-8. See string.h.
 *
 * A string's bytes are written before anybody sees the string and never after; they lie in noscan
 * spans. Native code is no safepoint, so the parts of a concatenation need no rooting here.
 */
#include "runtime/string.h"

#include "runtime/slice.h"

#include <assert.h>

String string_alloc(struct P *p, size_t n, uint8_t **buf)
{
    *buf = NULL;
    if (n == 0) {
        return (String){0};
    }
    *buf = heap_alloc_raw(p, n);
    return *buf ? (String){*buf, (int64_t)n} : (String){0};
}

String string_new(struct P *p, const void *bytes, size_t n)
{
    uint8_t *buf;
    String s = string_alloc(p, n, &buf);
    if (buf) {
        mem_copy(buf, bytes, n);
    }
    return s;
}

String string_concat2(struct P *p, String a, String b)
{
    if (a.len == 0) {
        return b;
    }
    if (b.len == 0) {
        return a;
    }
    uint8_t *buf;
    String s = string_alloc(p, (size_t)a.len + (size_t)b.len, &buf);
    if (buf) {
        mem_copy(buf, a.ptr, (size_t)a.len);
        mem_copy(buf + a.len, b.ptr, (size_t)b.len);
    }
    return s;
}

static String concat(struct P *p, const Slot *parts, size_t n)
{
    size_t total = 0, full = 0;
    String only = {0};
    for (size_t i = 0; i < n; i++) {
        if (parts[2 * i + 1].i > 0) {
            only = (String){parts[2 * i].p, parts[2 * i + 1].i};
            total += (size_t)only.len;
            full++;
        }
    }
    if (full <= 1) {
        return only;
    }
    uint8_t *buf;
    String s = string_alloc(p, total, &buf);
    for (size_t i = 0; buf && i < n; i++) {
        size_t len = (size_t)parts[2 * i + 1].i;
        mem_copy(buf, parts[2 * i].p, len);
        buf += len;
    }
    return s;
}

String string_concat_slots(struct P *p, const Slot *parts, size_t n) { return concat(p, parts, n); }

String string_concat(struct P *p, const String *parts, size_t n)
{
    return concat(p, (const Slot *)(const void *)parts, n);
}

unsigned utf8_encode(uint8_t *buf, int64_t r)
{
    if (r < 0 || r > 0x10ffff || (r >= 0xd800 && r <= 0xdfff)) {
        r = RUNE_ERROR;
    }
    uint32_t c = (uint32_t)r;
    if (c < 0x80) {
        buf[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        buf[0] = (uint8_t)(0xc0 | c >> 6);
        buf[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        buf[0] = (uint8_t)(0xe0 | c >> 12);
        buf[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        buf[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    buf[0] = (uint8_t)(0xf0 | c >> 18);
    buf[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    buf[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    buf[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

int32_t utf8_decode_slow(const uint8_t *s, size_t n, unsigned *size)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t b = mem_load8(s);
    *size = 1;
    if (b < 0x80) {
        return b;
    }
    unsigned len = b >= 0xf0 && b < 0xf8 ? 4 : b >= 0xe0 ? 3 : 2;
    if (b < 0xc2 || b > 0xf4 || n < len) {
        return RUNE_ERROR;
    }
    uint32_t c = b & (0x7fu >> len);
    for (unsigned i = 1; i < len; i++) {
        uint8_t x = mem_load8(s + i);
        if ((x & 0xc0) != 0x80) {
            return RUNE_ERROR;
        }
        c = c << 6 | (x & 63);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return RUNE_ERROR;
    }
    *size = len;
    return (int32_t)c;
}

String string_from_rune(struct P *p, int64_t r)
{
    uint8_t buf[4];
    unsigned n = utf8_encode(buf, r);
    return string_new(p, buf, n);
}

String string_from_bytes(struct P *p, Slice b) { return string_new(p, b.ptr, b.len); }

String string_from_runes(struct P *p, Slice runes)
{
    uint8_t tmp[4], *buf;
    size_t total = 0;
    /* The runes may change under us: what does not fit the second time is cut off. */
    for (uint32_t i = 0; i < runes.len; i++) {
        total += utf8_encode(tmp, (int32_t)mem_load32(runes.ptr + 4 * (size_t)i));
    }
    String s = string_alloc(p, total, &buf);
    size_t at = 0;
    for (uint32_t i = 0; buf && i < runes.len; i++) {
        unsigned k = utf8_encode(tmp, (int32_t)mem_load32(runes.ptr + 4 * (size_t)i));
        if (k > total - at) {
            break;
        }
        memcpy(buf + at, tmp, k);
        at += k;
    }
    s.len = (int64_t)at;
    return s;
}

int64_t string_rune_count(String s)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s.len; n++) {
        unsigned size;
        utf8_decode(s.ptr + i, (size_t)(s.len - i), &size);
        i += size;
    }
    return n;
}

bool string_valid(String s)
{
    for (int64_t i = 0; i < s.len;) {
        unsigned size;
        if (utf8_decode(s.ptr + i, (size_t)(s.len - i), &size) == RUNE_ERROR && size == 1) {
            return false;
        }
        i += size;
    }
    return true;
}

/* A slice of n elements of size bytes without pointers; capacity as Go's allocator rounds. */
static Slice new_plain(struct P *p, uint64_t n, unsigned size)
{
    if (n > SLICE_MAX) {
        op_fail(p, OP_LEN_RANGE, NULL);
        return (Slice){0};
    }
    uint64_t cap = slice_round_size(n * size, true) / size;
    if (n == 0) {
        return (Slice){heap_zero_base, 0, 0};
    }
    cap = cap > SLICE_MAX ? SLICE_MAX : cap;
    uint8_t *buf = heap_alloc_noscan(p, cap * size);
    return buf ? (Slice){buf, (uint32_t)n, (uint32_t)cap} : (Slice){0};
}

Slice string_to_bytes(struct P *p, String s)
{
    Slice b = new_plain(p, (uint64_t)s.len, 1);
    mem_copy(b.ptr, s.ptr, b.len);
    return b;
}

Slice string_to_runes(struct P *p, String s)
{
    Slice r = new_plain(p, (uint64_t)string_rune_count(s), 4);
    int64_t at = 0;
    for (uint32_t i = 0; i < r.len; i++) {
        unsigned size;
        int32_t c = utf8_decode(s.ptr + at, (size_t)(s.len - at), &size);
        mem_store32(r.ptr + 4 * (size_t)i, (uint32_t)c);
        at += size;
    }
    return r;
}
