/* hex.c - natives of encoding/hex. A call handles at most PIECE bytes and tells how far it came;
 * pure functions of what they are given. */
#include "runtime/cell.h"
#include "runtime/native.h"

enum { PIECE = 65536 };

/* encode(dst, src []byte) (used int) */
static NativeStatus n_encode(struct P *p, Slot *fp)
{
    static const char digits[] = "0123456789abcdef";
    Slice dst = slot_slice(fp + 1), src = slot_slice(fp + 3);
    uint32_t n = src.len < PIECE ? src.len : PIECE;
    n = n < dst.len / 2 ? n : dst.len / 2;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t c = mem_load8(src.ptr + i);
        mem_store8(dst.ptr + 2 * i, (uint8_t)digits[c >> 4]);
        mem_store8(dst.ptr + 2 * i + 1, (uint8_t)digits[c & 15]);
    }
    fp[0].u = n;
    return NATIVE_OK;
}

static int value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* decode(dst, src []byte) (n int): n bytes of dst, up to what is no pair of digits */
static NativeStatus n_decode(struct P *p, Slot *fp)
{
    Slice dst = slot_slice(fp + 1), src = slot_slice(fp + 3);
    uint32_t n = src.len / 2 < PIECE ? src.len / 2 : PIECE, i = 0;
    n = n < dst.len ? n : dst.len;
    for (; i < n; i++) {
        int a = value(mem_load8(src.ptr + 2 * i)), b = value(mem_load8(src.ptr + 2 * i + 1));
        if (a < 0 || b < 0) {
            break;
        }
        mem_store8(dst.ptr + i, (uint8_t)(a << 4 | b));
    }
    fp[0].u = i;
    return NATIVE_OK;
}

#define M "encoding/hex"
const NativeDef natives_encoding_hex[] = {
    {M, "encode", "func(dst, src []byte) (used int)", "digits of bytes", n_encode},
    {M, "decode", "func(dst, src []byte) (n int)", "bytes of digits", n_decode},
    {0},
};
