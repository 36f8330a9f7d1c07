/* test_string.c - strings, UTF-8, slices, interface boxes. */
#include "heapshim.h"

#include "runtime/iface.h"
#include "runtime/slice.h"
#include "runtime/string.h"

static void test_utf8(void)
{
    uint8_t buf[8];
    unsigned size;
    for (int64_t r = 0; r < 0x110000; r++) {
        bool surrogate = r >= 0xd800 && r < 0xe000;
        unsigned n = utf8_encode(buf, r);
        CHECK(utf8_decode(buf, n, &size) == (surrogate ? RUNE_ERROR : r) && size == n);
        CHECK(n == 1 || (utf8_decode(buf, n - 1, &size) == RUNE_ERROR && size == 1));
    }
    static const char *const bad[] = {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80", "\xff", "\x80", "\xf8\x88\x80\x80\x80"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(utf8_decode((const uint8_t *)bad[i], strlen(bad[i]), &size) == RUNE_ERROR);
        CHECK(size == 1);
    }
}

static bool is(String s, const char *want)
{
    return string_equal(s, (String){(const uint8_t *)want, (int64_t)strlen(want)});
}

static void test_strings(void)
{
    String parts[3] = {STR_LIT("ab"), STR_LIT(""), STR_LIT("cde")};
    CHECK(is(string_concat(P0, parts, 3), "abcde"));
    CHECK(is(string_concat2(P0, parts[0], parts[2]), "abcde"));
    CHECK(is(string_from_rune(P0, 0x20ac), "\xe2\x82\xac"));
    CHECK(is(string_from_rune(P0, -1), "\xef\xbf\xbd"));
    Slice r = string_to_runes(P0, STR_LIT("a\xe2\x82\xac\xff"));
    CHECK(r.len == 3 && ((int32_t *)(void *)r.ptr)[1] == 0x20ac);
    CHECK(is(string_from_runes(P0, r), "a\xe2\x82\xac\xef\xbf\xbd"));
    Slice b = string_to_bytes(P0, STR_LIT("hello"));
    CHECK(b.len == 5 && b.cap == 8 && is(string_from_bytes(P0, b), "hello"));
    CHECK(string_compare(STR_LIT("a"), STR_LIT("ab")) < 0);
    CHECK(string_rune_count(STR_LIT("a\xe2\x82\xac\xff")) == 3);
    CHECK(!string_valid(STR_LIT("\xff")) && string_valid(STR_LIT("\xef\xbf\xbd")));
}

static void test_slices(void)
{
    RType *t = shim_int(), *b = shim_type(RK_UINT8, 1, 1, "", RT_DIRECT), *s = shim_string();
    static const uint32_t ints[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 848, 1280, 1792, 2560};
    Slice v = {0};
    unsigned k = 0;
    for (int64_t i = 0; i < 2000; i++) {
        uint32_t cap = v.cap;
        CHECK(slice_append_slots(P0, t, v, &(Slot){.i = i}, &v));
        if (v.cap != cap) {
            CHECK(v.cap == ints[k]);
            k++;
        }
    }
    for (int64_t i = 0; i < 2000; i++) {
        CHECK(((int64_t *)(void *)v.ptr)[i] == i);
    }
    CHECK(slice_next_cap(b, 0, 5) == 8 && slice_next_cap(t, 0, 5) == 6);
    CHECK(slice_round_size(1000, true) == 1024 && slice_round_size(40000, true) == 40960);
    CHECK(slice_append(P0, t, v, v.ptr, 100, &v) && ((int64_t *)(void *)v.ptr)[2099] == 99);
    Slice x;
    const RType *et;
    CHECK(!slice_make(P0, t, -1, 0, &x) && op_take(P0, &et) == OP_LEN_RANGE);
    CHECK(!slice_make(P0, t, 1, 0, &x) && op_take(P0, &et) == OP_CAP_RANGE);
    CHECK(!slice_make(P0, t, 1ll << 40, 1ll << 40, &x) && op_take(P0, &et) == OP_LEN_RANGE);
    CHECK(slice_make(P0, s, 3, 5, &x) && x.len == 3 && x.cap == 5);
    CHECK(slice_copy(P0, s, x, (Slice){x.ptr, 2, 2}) == 2);
}

int main(void)
{
    shim_open();
    test_utf8();
    test_strings();
    test_slices();
    shim_close();
    return 0;
}
