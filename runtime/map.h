/* map.h - script maps.
 *
 * Entries stand in chunks in order of insertion and never move (but the first chunk grows by
 * copying up to a full chunk); a hash index of 8-byte words {hash tag, entry number} finds them.
 * See map.c for the argument. A map value is a Map *; nil is NULL.
 *
 * All functions take the map's RType for nil maps' sake. They return NULL/false both for "absent"
 * and for failure; after such a return the caller looks at op_error (op_take). Pointers that they
 * return are good until the next allocation, poll or map operation: copy at once.
 *
 * Safe to call from several threads at once on one map: results may be wrong, memory is not. A
 * write that meets another access reports OP_MAP_*.
 */
#ifndef GOL_RUNTIME_MAP_H
#define GOL_RUNTIME_MAP_H

#include "runtime/barrier.h"
#include "runtime/rtypes.h"
#include "runtime/string.h"

enum { MAP_SMALL = 8, MAP_WRITING = 1 };

typedef enum MapKeyKind { MAP_KEY_ANY, MAP_KEY_64, MAP_KEY_32, MAP_KEY_STR } MapKeyKind;

/* Per map type, made once (RTypeEntry.aux), read-only but for the lazily built chunk types. */
typedef struct MapLayout {
    const RType *key, *elem;
    uint32_t elem_off, entry_size;
    uint32_t chunk_shift;  /* log2 of the entries in a full chunk */
    uint8_t key_kind;      /* MapKeyKind */
    bool may_fail;         /* hashing may panic: interfaces inside */
    bool update_key;       /* == does not mean identical: overwrite the key on put */
    bool noscan;
    RType *entry_type;
    _Atomic(RType *) chunk_type[16]; /* by log2 of the capacity */
} MapLayout;

/* Capacity in the object itself: a racing reader that holds the pointer holds the bound. */
typedef struct MapChunk {
    uint32_t cap; /* immutable */
    uint32_t unused;
    uint64_t unused2;
    /* entries[cap], then live bits u64[(cap + 63) / 64] */
} MapChunk;

typedef struct MapIndex {
    uint32_t mask;  /* words - 1; immutable */
    uint32_t depth; /* leading tag bits that all its words share; immutable */
    uint32_t count; /* writer's */
    uint32_t unused;
    uint64_t w[];   /* tag << 32 | entry number + 1; 0 is empty */
} MapIndex;

typedef struct MapDir {
    uint64_t n; /* immutable; stands in a word that the collector takes for a pointer: harmless */
    void *p[];
} MapDir;

/* On the script heap; count comes first (len). All fields are loaded and stored with mem_*. */
typedef struct Map {
    uint64_t count;
    const MapLayout *layout;
    uint64_t seed;
    uint32_t flags;      /* MAP_WRITING while somebody changes it */
    uint32_t used;       /* entries ever given out: numbers below it */
    MapChunk *chunk0;
    MapIndex *index;     /* the only index segment, or NULL: small, or segs */
    MapDir *chunks;      /* all chunks, or NULL while there is one */
    MapDir *segs;        /* by the leading tag bits, or NULL */
    uint32_t recycle;    /* where the search for holes goes on; 0 is off */
    uint32_t unused;
} Map;

/* Three frame slots: a pointer and two scalars. */
typedef struct MapIter {
    Map *m;
    uint32_t start, total; /* in groups of 8 entries */
    uint32_t step, flip;   /* entries seen; xor within a group */
} MapIter;

Map *map_new(struct P *p, const RType *t, int64_t hint);
const void *map_get(struct P *p, const Map *m, const RType *t, const void *key);
/* The element to store into (through the barrier, at once); inserted zeroed if absent. */
void *map_put(struct P *p, Map *m, const RType *t, const void *key);
bool map_delete(struct P *p, Map *m, const RType *t, const void *key); /* false: look at op_error */
bool map_clear(struct P *p, Map *m, const RType *t);
static inline int64_t map_len(const Map *m) { return m ? (int64_t)mem_load64(&m->count) : 0; }

void map_iter_init(struct P *p, MapIter *it, Map *m, const RType *t);
bool map_iter_next(struct P *p, MapIter *it, const void **key, const void **elem);

/* The layout of map type t; NULL without memory. */
const MapLayout *map_layout(const RType *t);

/* Fast variants: keys of 8 bytes that compare as bits (ints, pointers, channels), and strings. */
const void *map_get_64_small(struct P *p, const Map *m, uint64_t key);
const void *map_get_str(struct P *p, const Map *m, String key);
const void *map_get_32(struct P *p, const Map *m, uint32_t key);
void *map_put_64(struct P *p, Map *m, const RType *t, uint64_t key);
void *map_put_str(struct P *p, Map *m, const RType *t, String key);
const void *map_fail_read(struct P *p);

static inline const MapLayout *map_layout_of(const Map *m) { return mem_loadp(&m->layout); }

static inline const uint8_t *map_entry(const Map *m, const MapLayout *l, uint32_t n)
{
    const MapChunk *c;
    uint32_t slot = n & ((1u << l->chunk_shift) - 1);
    if (GOL_LIKELY(slot == n)) {
        c = mem_loadp(&m->chunk0);
    } else {
        const MapDir *d = mem_loadp(&m->chunks);
        uint32_t i = n >> l->chunk_shift;
        if (GOL_UNLIKELY(d == NULL || i >= mem_load64(&d->n))) {
            return NULL;
        }
        c = mem_loadp(&d->p[i]);
    }
    if (GOL_UNLIKELY(c == NULL || slot >= mem_load32(&c->cap))) {
        return NULL;
    }
    return (const uint8_t *)(c + 1) + (size_t)slot * l->entry_size;
}

static inline const MapIndex *map_segment(const Map *m, uint32_t tag)
{
    const MapIndex *ix = mem_loadp(&m->index);
    if (ix) {
        return ix;
    }
    const MapDir *d = mem_loadp(&m->segs);
    /* mem_load64(&d->n) is a power of two, at least 2 */
    return d ? mem_loadp(&d->p[(uint64_t)tag * mem_load64(&d->n) >> 32]) : NULL;
}

static inline uint32_t map_tag(uint64_t hash) { return (uint32_t)(hash >> 32); }

static inline const void *map_get_i64(struct P *p, const Map *m, uint64_t key)
{
    if (GOL_UNLIKELY(m == NULL)) {
        return NULL;
    }
    if (GOL_UNLIKELY(mem_load32(&m->flags) & MAP_WRITING)) {
        return map_fail_read(p);
    }
    const MapLayout *l = map_layout_of(m);
    uint32_t tag = map_tag(hash_u64(key, mem_load64(&m->seed)));
    const MapIndex *ix = map_segment(m, tag);
    if (ix == NULL) {
        return map_get_64_small(p, m, key);
    }
    uint32_t mask = mem_load32(&ix->mask);
    for (uint32_t i = 0; i <= mask; i++) {
        uint64_t w = mem_load64(&ix->w[(tag + i) & mask]);
        if (w == 0) {
            break;
        }
        if ((uint32_t)(w >> 32) == tag) {
            const uint8_t *e = map_entry(m, l, (uint32_t)w - 1);
            if (GOL_LIKELY(e != NULL && mem_load64(e) == key)) {
                return e + l->elem_off;
            }
        }
    }
    return NULL;
}

#endif
