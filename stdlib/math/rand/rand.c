/* rand.c - natives of math/rand: draws from the P's generator, and the constants of the sequences
 * that programs know by their seeds (tables.h, made by gen.py).
 *
 * The P's generator is the one that scheduling choices come from, so a VM with a fixed seed repeats
 * its random numbers too, and no lock is needed. */
#include <stdint.h>
#include <string.h>

#include "runtime/cell.h"
#include "runtime/native.h"
#include "runtime/rand.h"
#include "stdlib/math/rand/tables.h"

enum { RING = sizeof mixed / sizeof mixed[0] };

static NativeStatus n_random(struct P *p, Slot *fp)
{
    fp[0].u = rand_next(p);
    return NATIVE_OK;
}

static NativeStatus n_below(struct P *p, Slot *fp)
{
    uint64_t n = fp[1].u;
    if (n == 0) {
        return NATIVE_OK;
    }
    unsigned __int128 product = (unsigned __int128)rand_next(p) * n;
    if ((uint64_t)product < n) {
        for (uint64_t odd = -n % n; (uint64_t)product < odd;) {
            product = (unsigned __int128)rand_next(p) * n;
        }
    }
    fp[0].u = (uint64_t)(product >> 64);
    return NATIVE_OK;
}

static uint64_t lehmer(uint64_t x) { return x * 48271 % INT32_MAX; }

static NativeStatus n_fill(struct P *p, Slot *fp)
{
    Slice ring = slot_slice(fp);
    int64_t seed = fp[2].i % INT32_MAX;
    uint64_t x = (uint64_t)(seed < 0 ? seed + INT32_MAX : seed);
    if (x == 0) {
        x = 89482311;
    }
    for (int i = 0; i < 20; i++) {
        x = lehmer(x);
    }
    for (uint32_t i = 0; i < RING && i < ring.len; i++) {
        uint64_t a = lehmer(x), b = lehmer(a);
        x = lehmer(b);
        mem_store64((uint64_t *)ring.ptr + i, (a << 40 ^ b << 20 ^ x) ^ mixed[i]);
    }
    return NATIVE_OK;
}

static void set_strip(Slot *fp, uint32_t k, float w, float f, float above)
{
    fp[0].u = k;
    fp[1] = fp[2] = fp[3] = (Slot){.u = 0};
    fp[1].f32 = w;
    fp[2].f32 = f;
    fp[3].f32 = above;
}

static NativeStatus n_normStrip(struct P *p, Slot *fp)
{
    unsigned i = fp[4].u & 127;
    set_strip(fp, kn[i], wn[i], fn[i], fn[i ? i - 1 : 0]);
    return NATIVE_OK;
}

static NativeStatus n_expStrip(struct P *p, Slot *fp)
{
    unsigned i = fp[4].u & 255;
    set_strip(fp, ke[i], we[i], fe[i], fe[i ? i - 1 : 0]);
    return NATIVE_OK;
}

/* ---- math/rand/v2 ---- */

static uint32_t turned(uint32_t x, int k) { return x << k | x >> (32 - k); }

#define QUARTER(a, b, c, d)                                                                        \
    a += b, d = turned(d ^ a, 16), c += d, b = turned(b ^ c, 12), a += b, d = turned(d ^ a, 8),    \
    c += d, b = turned(b ^ c, 7)

/* A block of ChaCha8 without the final addition of constants and counter, as ChaCha8Rand has it. */
static void chacha8(const uint32_t key[8], uint32_t counter, uint32_t x[16])
{
    uint32_t s[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(s + 4, key, 32);
    s[12] = counter;
    memcpy(x, s, 64);
    for (int i = 0; i < 4; i++) {
        QUARTER(x[0], x[4], x[8], x[12]);
        QUARTER(x[1], x[5], x[9], x[13]);
        QUARTER(x[2], x[6], x[10], x[14]);
        QUARTER(x[3], x[7], x[11], x[15]);
        QUARTER(x[0], x[5], x[10], x[15]);
        QUARTER(x[1], x[6], x[11], x[12]);
        QUARTER(x[2], x[7], x[8], x[13]);
        QUARTER(x[3], x[4], x[9], x[14]);
    }
    for (int i = 4; i < 12; i++) {
        x[i] += s[i];
    }
}

/* chacha(seed *[4]uint64, buf *[32]uint64, counter uint32): four blocks, word by word in turn */
static NativeStatus n_chacha(struct P *p, Slot *fp)
{
    const uint8_t *seed = fp[0].p;
    uint8_t *buf = fp[1].p;
    uint64_t key[4];
    uint32_t words[8], x[4][16];
    for (int i = 0; i < 4; i++) {
        key[i] = mem_load64(seed + 8 * i);
    }
    memcpy(words, key, 32);
    for (uint32_t b = 0; b < 4; b++) {
        chacha8(words, (uint32_t)fp[2].u + b, x[b]);
    }
    for (int i = 0; i < 32; i++) {
        int w = i / 2, b = i % 2 * 2;
        mem_store64(buf + 8 * i, x[b][w] | (uint64_t)x[b + 1][w] << 32);
    }
    return NATIVE_OK;
}

#define M "math/rand"
const NativeDef natives_math_rand[] = {
    {M, "random", "func() uint64", "64 bits of the P's generator", n_random},
    {M, "below", "func(n uint64) uint64", "a number in [0, n)", n_below},
    {M, "fill", "func(ring []uint64, seed int64)", "state of a seed", n_fill},
    {M, "normStrip", "func(i int) (k uint32, w, f, above float32)", "strip i", n_normStrip},
    {M, "expStrip", "func(i int) (k uint32, w, f, above float32)", "strip i", n_expStrip},
    {M "/v2", "random", "func() uint64", "64 bits of the P's generator", n_random},
    {M "/v2", "normStrip", "func(i int) (k uint32, w, f, above float32)", "strip i", n_normStrip},
    {M "/v2", "expStrip", "func(i int) (k uint32, w, f, above float32)", "strip i", n_expStrip},
    {M "/v2", "chacha", "func(seed *[4]uint64, buf *[32]uint64, counter uint32)", "blocks", n_chacha},
    {0},
};
