/* rand.c - seeding of the Ps' generators (rand.h). A P's stream depends on the VM's seed and the P's
 * number only, so a seeded VM repeats its choices. */
#include "runtime/rand.h"

#include "runtime/os.h"

uint64_t rand_from_os(void)
{
    return os_random();
}

static uint64_t split_mix(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void rand_seed_proc(P *p, uint64_t seed)
{
    uint64_t s = seed + p->id * 0xd1342543de82ef95u;
    p->rand[0] = split_mix(&s);
    p->rand[1] = split_mix(&s) | 1;
}
