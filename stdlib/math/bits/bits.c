/* bits.c - natives of math/bits on the compiler's builtins. Pure functions of words.
 *
 * Arguments narrower than a slot are masked here, so nothing depends on what stands above them.
 * Each function exists for uint, 8, 16, 32 and 64 bits; uint is 64 bits wide. */
#include <stdint.h>

#include "runtime/native.h"

typedef unsigned __int128 Wide;

static int length(uint64_t x) { return x ? 64 - __builtin_clzll(x) : 0; }

static uint64_t reversed(uint64_t x)
{
    x = (x >> 1 & 0x5555555555555555u) | (x & 0x5555555555555555u) << 1;
    x = (x >> 2 & 0x3333333333333333u) | (x & 0x3333333333333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0f0f0f0f0fu) | (x & 0x0f0f0f0f0f0f0f0fu) << 4;
    return __builtin_bswap64(x);
}

static uint64_t rotated(uint64_t x, int64_t by, unsigned size)
{
    unsigned k = (unsigned)((uint64_t)by & (size - 1));
    return k ? x << k | x >> (size - k) : x;
}

/* The functions of one argument and of a turn, for SIZE bits. */
#define UNARY(SIZE)                                                                                \
    static NativeStatus leading_##SIZE(struct P *p, Slot *fp)                                      \
    {                                                                                              \
        fp[0].i = SIZE - length((uint##SIZE##_t)fp[1].u);                                          \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus trailing_##SIZE(struct P *p, Slot *fp)                                     \
    {                                                                                              \
        uint64_t x = (uint##SIZE##_t)fp[1].u;                                                      \
        fp[0].i = x ? __builtin_ctzll(x) : SIZE;                                                   \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus ones_##SIZE(struct P *p, Slot *fp)                                         \
    {                                                                                              \
        fp[0].i = __builtin_popcountll((uint##SIZE##_t)fp[1].u);                                   \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus len_##SIZE(struct P *p, Slot *fp)                                          \
    {                                                                                              \
        fp[0].i = length((uint##SIZE##_t)fp[1].u);                                                 \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus rotate_##SIZE(struct P *p, Slot *fp)                                       \
    {                                                                                              \
        fp[0].u = (uint##SIZE##_t)rotated((uint##SIZE##_t)fp[1].u, fp[2].i, SIZE);                 \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus reverse_##SIZE(struct P *p, Slot *fp)                                      \
    {                                                                                              \
        fp[0].u = reversed(fp[1].u) >> (64 - SIZE);                                                \
        return NATIVE_OK;                                                                          \
    }

UNARY(8)
UNARY(16)
UNARY(32)
UNARY(64)

#define SWAP(SIZE)                                                                                 \
    static NativeStatus swap_##SIZE(struct P *p, Slot *fp)                                         \
    {                                                                                              \
        fp[0].u = __builtin_bswap##SIZE((uint##SIZE##_t)fp[1].u);                                  \
        return NATIVE_OK;                                                                          \
    }

SWAP(16)
SWAP(32)
SWAP(64)

/* Arithmetic of two words, as WIDE holds them. */
#define LONG(SIZE, WIDE)                                                                           \
    static NativeStatus add_##SIZE(struct P *p, Slot *fp)                                          \
    {                                                                                              \
        WIDE r = (WIDE)(uint##SIZE##_t)fp[2].u + (uint##SIZE##_t)fp[3].u +                         \
                 (uint##SIZE##_t)fp[4].u;                                                          \
        fp[0].u = (uint##SIZE##_t)r;                                                               \
        fp[1].u = (uint64_t)(r >> SIZE);                                                           \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus sub_##SIZE(struct P *p, Slot *fp)                                          \
    {                                                                                              \
        WIDE r = (WIDE)(uint##SIZE##_t)fp[2].u - (uint##SIZE##_t)fp[3].u -                         \
                 (uint##SIZE##_t)fp[4].u;                                                          \
        fp[0].u = (uint##SIZE##_t)r;                                                               \
        fp[1].u = (uint64_t)(r >> SIZE) & 1;                                                       \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus mul_##SIZE(struct P *p, Slot *fp)                                          \
    {                                                                                              \
        WIDE r = (WIDE)(uint##SIZE##_t)fp[2].u * (uint##SIZE##_t)fp[3].u;                          \
        fp[0].u = (uint##SIZE##_t)(r >> SIZE);                                                     \
        fp[1].u = (uint##SIZE##_t)r;                                                               \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus div_##SIZE(struct P *p, Slot *fp)                                          \
    {                                                                                              \
        uint##SIZE##_t hi = (uint##SIZE##_t)fp[2].u, y = (uint##SIZE##_t)fp[4].u;                  \
        if (y == 0) {                                                                              \
            return native_panic_error(p, "integer divide by zero");                                \
        }                                                                                          \
        if (hi >= y) {                                                                             \
            return native_panic_error(p, "integer overflow");                                      \
        }                                                                                          \
        WIDE x = (WIDE)hi << SIZE | (uint##SIZE##_t)fp[3].u;                                       \
        fp[0].u = (uint64_t)(x / y);                                                               \
        fp[1].u = (uint64_t)(x % y);                                                               \
        return NATIVE_OK;                                                                          \
    }                                                                                              \
    static NativeStatus rem_##SIZE(struct P *p, Slot *fp)                                          \
    {                                                                                              \
        uint##SIZE##_t y = (uint##SIZE##_t)fp[3].u;                                                \
        if (y == 0) {                                                                              \
            return native_panic_error(p, "integer divide by zero");                                \
        }                                                                                          \
        WIDE x = (WIDE)(uint##SIZE##_t)fp[1].u << SIZE | (uint##SIZE##_t)fp[2].u;                  \
        fp[0].u = (uint64_t)(x % y);                                                               \
        return NATIVE_OK;                                                                          \
    }

LONG(32, uint64_t)
LONG(64, Wide)

#define M "math/bits"
#define ROWS(name, t, fn)                                                                          \
    {M, "LeadingZeros" name, "func(x " t ") int", "zero bits above the top", leading_##fn},        \
        {M, "TrailingZeros" name, "func(x " t ") int", "zero bits below the lowest one",           \
         trailing_##fn},                                                                           \
        {M, "OnesCount" name, "func(x " t ") int", "one bits", ones_##fn},                         \
        {M, "Len" name, "func(x " t ") int", "bits that x needs", len_##fn},                       \
        {M, "RotateLeft" name, "func(x " t ", k int) " t, "x turned left by k", rotate_##fn},      \
    {                                                                                              \
        M, "Reverse" name, "func(x " t ") " t, "bits in reverse order", reverse_##fn               \
    }
#define LONGS(name, t, fn)                                                                         \
    {M, "Add" name, "func(x, y, carry " t ") (sum, carryOut " t ")", "sum, carry", add_##fn},      \
        {M, "Sub" name, "func(x, y, borrow " t ") (diff, borrowOut " t ")", "difference, borrow",  \
         sub_##fn},                                                                                \
        {M, "Mul" name, "func(x, y " t ") (hi, lo " t ")", "full product", mul_##fn},              \
        {M, "Div" name, "func(hi, lo, y " t ") (quo, rem " t ")", "quotient, remainder",           \
         div_##fn},                                                                                \
    {                                                                                              \
        M, "Rem" name, "func(hi, lo, y " t ") " t, "remainder", rem_##fn                           \
    }

const NativeDef natives_math_bits[] = {
    ROWS("", "uint", 64),
    ROWS("8", "uint8", 8),
    ROWS("16", "uint16", 16),
    ROWS("32", "uint32", 32),
    ROWS("64", "uint64", 64),
    {M, "ReverseBytes", "func(x uint) uint", "bytes in reverse order", swap_64},
    {M, "ReverseBytes16", "func(x uint16) uint16", "bytes in reverse order", swap_16},
    {M, "ReverseBytes32", "func(x uint32) uint32", "bytes in reverse order", swap_32},
    {M, "ReverseBytes64", "func(x uint64) uint64", "bytes in reverse order", swap_64},
    LONGS("", "uint", 64),
    LONGS("32", "uint32", 32),
    LONGS("64", "uint64", 64),
    {0},
};
