/* base64.c - natives of encoding/base64: whole groups of 3 bytes and 4 characters.
 *
 * A call handles at most PIECE bytes of input and tells how far it came; the gol code calls again,
 * and sees to padding, line ends and errors. Pure functions of what they are given. */
#include "runtime/cell.h"
#include "runtime/native.h"

enum { PIECE = 65536 };

/* encode(dst, src []byte, alphabet string) (used int): 4 characters for each 3 bytes */
static NativeStatus n_encode(struct P *p, Slot *fp)
{
    Slice dst = slot_slice(fp + 1), src = slot_slice(fp + 3);
    String abc = slot_string(fp + 5);
    uint32_t limit = src.len < PIECE ? src.len : PIECE, i = 0;
    if (abc.len != 64) {
        return NATIVE_OK;
    }
    for (uint8_t *to = dst.ptr; i + 3 <= limit && (i / 3 + 1) * 4 <= dst.len; i += 3, to += 4) {
        uint32_t v = (uint32_t)mem_load8(src.ptr + i) << 16 |
                     (uint32_t)mem_load8(src.ptr + i + 1) << 8 | mem_load8(src.ptr + i + 2);
        mem_store8(to, abc.ptr[v >> 18]);
        mem_store8(to + 1, abc.ptr[v >> 12 & 63]);
        mem_store8(to + 2, abc.ptr[v >> 6 & 63]);
        mem_store8(to + 3, abc.ptr[v & 63]);
    }
    fp[0].u = i;
    return NATIVE_OK;
}

/* decode(dst, src []byte, values string) (used int): 3 bytes for each 4 characters, up to the first
 * that values has no number below 64 for */
static NativeStatus n_decode(struct P *p, Slot *fp)
{
    Slice dst = slot_slice(fp + 1), src = slot_slice(fp + 3);
    String val = slot_string(fp + 5);
    uint32_t limit = src.len < PIECE ? src.len : PIECE, i = 0;
    if (val.len != 256) {
        return NATIVE_OK;
    }
    for (uint8_t *to = dst.ptr; i + 4 <= limit && (i / 4 + 1) * 3 <= dst.len; i += 4, to += 3) {
        uint32_t a = val.ptr[mem_load8(src.ptr + i)], b = val.ptr[mem_load8(src.ptr + i + 1)],
                 c = val.ptr[mem_load8(src.ptr + i + 2)], d = val.ptr[mem_load8(src.ptr + i + 3)];
        if ((a | b | c | d) & 0xC0) {
            break;
        }
        uint32_t v = a << 18 | b << 12 | c << 6 | d;
        mem_store8(to, (uint8_t)(v >> 16));
        mem_store8(to + 1, (uint8_t)(v >> 8));
        mem_store8(to + 2, (uint8_t)v);
    }
    fp[0].u = i;
    return NATIVE_OK;
}

#define M "encoding/base64"
const NativeDef natives_encoding_base64[] = {
    {M, "encode", "func(dst, src []byte, alphabet string) (used int)", "whole groups", n_encode},
    {M, "decode", "func(dst, src []byte, values string) (used int)", "whole groups", n_decode},
    {0},
};
