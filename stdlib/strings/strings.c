/* strings.c - natives of strings: searches for sets of runes, and white space.
 *
 * A long search goes in pieces: the string's cell in the argument slots is shortened to what is
 * left, and the result slot counts what was passed. */
#include "runtime/native.h"
#include "stdlib/unicode/unidata.h"
#include "stdlib/utf8dec.h"

enum { PIECE = 65536 };

/* A set of runes: the ASCII ones as bits, the others looked up in the text. */
typedef struct Set {
    uint64_t ascii[2];
    String text;
    bool more;
} Set;

static Set set_of(String text)
{
    Set s = {{0, 0}, text, false};
    for (int64_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < 0x80) {
            s.ascii[c >> 6] |= UINT64_C(1) << (c & 63);
        } else {
            s.more = true;
        }
    }
    return s;
}

static bool set_has(const Set *s, int32_t r)
{
    if (r < 0x80) {
        return (s->ascii[r >> 6] >> (r & 63)) & 1;
    }
    if (!s->more) {
        return false;
    }
    int32_t c;
    for (int64_t i = 0; i < s->text.len;) {
        i += utf8_decode(s->text.ptr + i, s->text.len - i, &c);
        if (c == r) {
            return true;
        }
    }
    return false;
}

static NativeStatus n_index_any(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 1);
    Set set = set_of(slot_string(fp + 3));
    bool want = fp[5].i == 0;
    int64_t i = 0;
    while (i < s.len) {
        int32_t r;
        int w = utf8_decode(s.ptr + i, s.len - i, &r);
        if (set_has(&set, r) == want) {
            fp[0].i += i;
            return NATIVE_OK;
        }
        i += w;
        if (i >= PIECE && i < s.len) {
            fp[0].i += i;
            slot_set_string(fp + 1, (String){s.ptr + i, s.len - i});
            return NATIVE_AGAIN;
        }
    }
    fp[0].i = -1;
    return NATIVE_OK;
}

static int last_rune(const uint8_t *s, int64_t n, int32_t *r)
{
    for (int64_t back = 1; back <= 4 && back <= n; back++) {
        if ((s[n - back] & 0xC0) != 0x80) {
            if (utf8_decode(s + n - back, back, r) == back) {
                return (int)back;
            }
            break;
        }
    }
    *r = UTF8_ERROR;
    return 1;
}

static NativeStatus n_last_any(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    Set set = set_of(slot_string(fp + 4));
    bool want = fp[6].i == 0;
    int64_t end = s.len;
    while (end > 0) {
        int32_t r;
        int w = last_rune(s.ptr, end, &r);
        if (set_has(&set, r) == want) {
            fp[0].i = end - w;
            fp[1].i = end;
            return NATIVE_OK;
        }
        end -= w;
        if (s.len - end >= PIECE) {
            slot_set_string(fp + 2, (String){s.ptr, end});
            return NATIVE_AGAIN;
        }
    }
    fp[0].i = -1;
    fp[1].i = 0;
    return NATIVE_OK;
}

/* First position at or after i where a rune is (not) white space. */
static int64_t skip_space(String s, int64_t i, bool space)
{
    while (i < s.len) {
        int32_t r;
        int w = utf8_decode(s.ptr + i, s.len - i, &r);
        if (unidata_is_space(r) != space) {
            break;
        }
        i += w;
    }
    return i;
}

static NativeStatus n_next_field(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    int64_t from = fp[4].i;
    int64_t start = from < 0 ? s.len : skip_space(s, from, true);
    fp[0].i = start < s.len ? start : -1;
    fp[1].i = skip_space(s, start, false);
    return NATIVE_OK;
}

static NativeStatus n_trim_space(struct P *p, Slot *fp)
{
    String s = slot_string(fp + 2);
    int64_t start = skip_space(s, 0, true), end = s.len;
    int32_t r;
    while (end > start) {
        int w = last_rune(s.ptr, end, &r);
        if (!unidata_is_space(r)) {
            break;
        }
        end -= w;
    }
    fp[0].i = start;
    fp[1].i = end;
    return NATIVE_OK;
}

#define S "strings"
const NativeDef natives_strings[] = {
    {S, "indexAny", "func(s, chars string, not bool) int", "first rune of a set", n_index_any},
    {S, "lastAny", "func(s, chars string, not bool) (int, int)", "last rune of a set", n_last_any},
    {S, "nextField", "func(s string, from int) (int, int)", "next field", n_next_field},
    {S, "trimSpace", "func(s string) (int, int)", "bounds without white space", n_trim_space},
    {0},
};
