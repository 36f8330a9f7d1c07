/* rand.c - natives of math/rand: draws from the P's generator, and the constants of the sequences
 * that programs know by their seeds (tables.h, made by gen.py).
 *
 * The P's generator is the one that scheduling choices come from, so a VM with a fixed seed repeats
 * its random numbers too, and no lock is needed. */
#include <stdint.h>

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

#define M "math/rand"
const NativeDef natives_math_rand[] = {
    {M, "random", "func() uint64", "64 bits of the P's generator", n_random},
    {M, "below", "func(n uint64) uint64", "a number in [0, n)", n_below},
    {M, "fill", "func(ring []uint64, seed int64)", "state of a seed", n_fill},
    {M, "normStrip", "func(i int) (k uint32, w, f, above float32)", "strip i", n_normStrip},
    {M, "expStrip", "func(i int) (k uint32, w, f, above float32)", "strip i", n_expStrip},
    {0},
};
