/* rtypes.h - operations on type descriptors and on values by their type.
 *
 * Numbers: every descriptor that allocates has a process-wide id, which the heap keeps per object.
 * The image's types have theirs from the build (rtype_register_fixed); the loader gives the others
 * one (rtype_register), and C code builds descriptors of its own objects (rtype_build).
 */
#ifndef GOL_RUNTIME_RTYPES_H
#define GOL_RUNTIME_RTYPES_H

#include "runtime/heap.h"

enum {
    RTYPE_ID_IMAGE = 4096,      /* first id that an image may use; below: built in C */
    RTYPE_ID_DYNAMIC = 1 << 18, /* first id that rtype_register gives */
    RTYPE_ID_MAX = 1 << 24
};

/* Gives t an id (t->id) and enters it. Returns 0 if there are too many types or no memory. */
uint32_t rtype_register(RType *t);
/* Enters t under the id that it has; for read-only descriptors. */
bool rtype_register_fixed(const RType *t);
/* The unit of t goes away: no object of t is left. Frees the id and what hangs on it. */
void rtype_unregister(const RType *t);

/* A slot for one C structure per type (map layouts); freed with free() by rtype_unregister. */
typedef struct RTypeEntry {
    const RType *type;
    _Atomic(void *) aux;
} RTypeEntry;
extern _Atomic(RTypeEntry *) rtype_chunks[RTYPE_ID_MAX >> 12];

static inline RTypeEntry *rtype_entry(uint32_t id)
{
    RTypeEntry *c = atomic_load_explicit(&rtype_chunks[id >> 12], memory_order_acquire);
    return c ? &c[id & 4095] : NULL;
}
static inline const RType *rtype_by_id(uint32_t id)
{
    RTypeEntry *e = id < RTYPE_ID_MAX ? rtype_entry(id) : NULL;
    return e ? e->type : NULL;
}

/* A descriptor for objects that C code lays out: kinds[i] is the GCW_* of word i. Lives for ever
 * unless rtype_build_free. NULL without memory. */
RType *rtype_build(const char *name, uint64_t size, uint8_t align, const uint8_t *kinds);
void rtype_build_free(RType *t);
/* Ready-made: one pointer word (repeated: an array of pointers; words that hold no heap address
 * are ignored by the collector), one interface cell, one string cell. */
const RType *rtype_pointer(void);
const RType *rtype_iface_cell(void);
const RType *rtype_string_cell(void);

/* GCW_* of word i of a value of type t. */
static inline unsigned rtype_word_kind(const RType *t, uint32_t i)
{
    if (i >= t->gc_words) {
        return GCW_SCALAR;
    }
    const uint64_t *map = rel_get(&t->gcmap);
    return (unsigned)(map[i >> 5] >> ((i & 31) * 2)) & 3;
}

/* Does the interface word of dynamic type t hold a heap pointer? */
static inline bool rtype_word_is_ptr(const RType *t)
{
    return t && (t->flags & (RT_DIRECT | RT_HAS_WORD_PTR)) != RT_DIRECT;
}

/* May a value of type t be hashed at all (statically)? Interfaces may: it depends. */
bool rtype_hashable(const RType *t);

/* Hash and equality of values in memory form. A hash of an unhashable dynamic type returns 0 with
 * OP_UNHASHABLE pending; a comparison of uncomparable ones false with OP_UNCOMPARABLE. NaN hashes
 * at random, +0 and -0 hash alike. The values may also stand in a frame (8-aligned): scalars are
 * little-endian there, aggregates have their memory layout. */
uint64_t rtype_hash(struct P *p, const RType *t, const void *v, uint64_t seed);
bool rtype_equal(struct P *p, const RType *t, const void *a, const void *b);
/* The same for frame form (a slot or a cell of two): interface words, switch on values. */
uint64_t rtype_hash_slot(struct P *p, const RType *t, Slot v, uint64_t seed);

/* Memory form to frame slots and back, for any type: integers are extended (value.h). Aggregates
 * keep their layout; rtype_load takes no huge ones. rtype_store goes through the barrier. */
void rtype_load(const RType *t, Slot *dst, const void *src);
/* The same for any size: a huge value gets a new object; false without memory. */
bool rtype_load_any(struct P *p, const RType *t, Slot *dst, const void *src);
void rtype_store(struct P *p, const RType *t, void *dst, const Slot *src);

/* Mixing steps, shared with the maps. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __uint128_t r = (__uint128_t)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}
#define HASH_K1 0xd6e8feb86659fd93ull
#define HASH_K2 0xa0761d6478bd642full
static inline uint64_t hash_u64(uint64_t v, uint64_t seed)
{
    return hash_mix(v ^ seed ^ HASH_K1, HASH_K2 ^ seed >> 17);
}
uint64_t hash_bytes_long(const void *s, size_t n, uint64_t seed);
static inline uint64_t hash_bytes(const void *s, size_t n, uint64_t seed)
{
    const uint8_t *p = s;
    uint64_t a, b;
#ifdef GOL_TSAN
    return hash_bytes_long(p, n, seed);
#endif
    if (n > 16) {
        return hash_bytes_long(p, n, seed);
    }
    if (n >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + n - 8, 8);
    } else if (n >= 4) {
        uint32_t x, y;
        memcpy(&x, p, 4);
        memcpy(&y, p + n - 4, 4);
        a = x;
        b = y;
    } else {
        a = n ? (uint64_t)p[0] | (uint64_t)p[n >> 1] << 8 | (uint64_t)p[n - 1] << 16 : 0;
        b = 0;
    }
    return hash_mix(a ^ HASH_K1 ^ seed, b ^ HASH_K2 ^ (uint64_t)n << 32 ^ seed >> 13);
}

/* Names. rtype_kind_name(RK_INT) is "int". */
const char *rtype_kind_name(unsigned kind);
/* The string that %T and panics print; never NULL. */
String rtype_string(const RType *t);

#endif
