/* rand.h - a per-P generator for everything random that is no scheduling choice of a chooser's
 * (choice.h): map seeds and iteration, the plain scheduler's steal order and select draws. It is
 * seeded from the VM's seed, so that a seeded VM repeats them. */
#ifndef GOL_RUNTIME_RAND_H
#define GOL_RUNTIME_RAND_H

#include "runtime/proc.h"

void rand_seed_proc(P *p, uint64_t seed);
uint64_t rand_from_os(void);

static inline uint64_t rand_next(P *p) /* xoroshiro128+ */
{
    uint64_t a = p->rand[0], b = p->rand[1], r = a + b;
    b ^= a;
    p->rand[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
    p->rand[1] = b << 37 | b >> 27;
    return r;
}

static inline uint32_t rand_below(P *p, uint32_t n) /* n > 0 */
{
    return (uint32_t)((rand_next(p) >> 32) * n >> 32);
}

#endif
