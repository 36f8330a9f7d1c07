/* map.c - script maps: entries in order of insertion, a hash index beside them.
 *
 * Entries. They stand in chunks of 2^chunk_shift (at most about 16 KB); entry number n is slot n of
 * chunk n >> shift. An entry never moves while it lives, so iteration is a walk over numbers and
 * visits each at most once whatever is inserted or deleted meanwhile; only the first chunk grows by
 * copying, which keeps numbers. A bit per slot tells what lives. Holes are reused when the chunks
 * are full and an eighth of the slots are holes, by one pass over the bits; an emptied map starts
 * again at number 0.
 *
 * Index. Up to 8 entries there is none: they are compared one by one. Then a segment of 8-byte
 * words {32-bit hash tag, number + 1} with linear probing, 3/4 full at most; deletion shifts words
 * back, so there are no tombstones. A segment of 1024 words splits in two by the next leading tag
 * bit under a directory (extendible hashing), so growth never touches more than one segment plus,
 * rarely, the directory's pointers; no pause grows with the map. Tags carry all that splitting
 * needs: keys are hashed once. A segment whose words all share their leading bits grows instead.
 *
 * Races (D8). Every object carries its own bound, immutable from birth; a reader loads a pointer
 * once and checks against what it points at. So a racing reader sees stale or mixed entries, never
 * foreign memory. Writers set MAP_WRITING for the time of the change; whoever sees it reports a
 * concurrent use. Fields are accessed through mem_*: for ThreadSanitizer they are script memory.
 *
 * Tried on paper and left: groups of entries with control bytes (Swiss tables). Lookup costs the
 * same two cache lines; iteration while growing needs look-ups per entry; entries move.
 */
#include "runtime/map.h"

#include <assert.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 16384, SEGMENT_MAX = 1024, DEPTH_MAX = 22, HINT_MAX = 1 << 16 };
#define ENTRIES_MAX 0xfffffff0u

/* ---- layouts and objects ---- */

static pthread_mutex_t layout_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t align_up(uint64_t n, uint64_t a) { return (n + a - 1) / a * a; }

static void put_kinds(uint8_t *kinds, uint64_t at, const RType *t)
{
    for (uint32_t i = 0; i < t->gc_words; i++) {
        kinds[at / 8 + i] = (uint8_t)rtype_word_kind(t, i);
    }
}

static bool needs_update(const RType *t)
{
    switch (t->kind) {
    case RK_FLOAT32: case RK_FLOAT64: case RK_COMPLEX64: case RK_COMPLEX128: case RK_INTERFACE:
        return true;
    case RK_ARRAY: return needs_update(rtype_elem(t));
    case RK_STRUCT:
        for (uint64_t i = 0; i < t->count; i++) {
            if (needs_update(rel_get(&rtype_fields(t)[i].type))) {
                return true;
            }
        }
        return false;
    default: return false;
    }
}

static bool holds_iface(const RType *t)
{
    if (t->kind == RK_INTERFACE) {
        return true;
    }
    if (t->kind == RK_ARRAY) {
        return holds_iface(rtype_elem(t));
    }
    for (uint64_t i = 0; t->kind == RK_STRUCT && i < t->count; i++) {
        if (holds_iface(rel_get(&rtype_fields(t)[i].type))) {
            return true;
        }
    }
    return false;
}

static uint8_t key_kind(const RType *k)
{
    if (k->kind == RK_STRING) {
        return MAP_KEY_STR;
    }
    bool scalar = (k->kind >= RK_INT && k->kind <= RK_UINTPTR) || k->kind == RK_POINTER ||
                  k->kind == RK_CHAN || k->kind == RK_UNSAFE_POINTER;
    if (scalar && k->size == 8) {
        return MAP_KEY_64;
    }
    return scalar && k->size == 4 ? MAP_KEY_32 : MAP_KEY_ANY;
}

static MapLayout *layout_make(const RType *t)
{
    MapLayout *l = calloc(1, sizeof(*l));
    if (!l) {
        return NULL;
    }
    const RType *k = rtype_key(t), *e = rtype_elem(t);
    uint64_t ka = k->align ? k->align : 1, ea = e->align ? e->align : 1;
    uint64_t align = ka > ea ? ka : ea;
    align = align < 8 && k->size + e->size > 4 ? (align < 4 ? 4 : align) : align;
    l->key = k;
    l->elem = e;
    l->elem_off = (uint32_t)align_up(k->size, ea);
    l->entry_size = (uint32_t)align_up(l->elem_off + e->size, align);
    l->entry_size = l->entry_size ? l->entry_size : 1;
    l->chunk_shift = 3;
    while (l->chunk_shift < 10 && (uint64_t)l->entry_size << (l->chunk_shift + 1) <= CHUNK_BYTES) {
        l->chunk_shift++;
    }
    l->key_kind = key_kind(k);
    l->may_fail = holds_iface(k);
    l->update_key = needs_update(k);
    l->noscan = (k->flags & RT_NOPTR) && (e->flags & RT_NOPTR);
    return l;
}

const MapLayout *map_layout(const RType *t)
{
    RTypeEntry *e = rtype_entry(t->id);
    if (!e) {
        return NULL;
    }
    MapLayout *l = atomic_load_explicit(&e->aux, memory_order_acquire);
    if (GOL_LIKELY(l != NULL)) {
        return l;
    }
    pthread_mutex_lock(&layout_lock);
    l = atomic_load_explicit(&e->aux, memory_order_acquire);
    if (!l) {
        l = layout_make(t);
        atomic_store_explicit(&e->aux, l, memory_order_release);
    }
    pthread_mutex_unlock(&layout_lock);
    return l;
}

static size_t live_words(uint32_t cap) { return (cap + 63) / 64; }
static size_t entries_size(const MapLayout *l, uint32_t cap)
{
    return align_up((uint64_t)l->entry_size * cap, 8);
}
static uint64_t *chunk_live(const MapLayout *l, const MapChunk *c)
{
    return (uint64_t *)((uintptr_t)(c + 1) + entries_size(l, mem_load32(&c->cap)));
}
static uint8_t *chunk_slot(const MapLayout *l, const MapChunk *c, uint32_t slot)
{
    return (uint8_t *)(uintptr_t)(c + 1) + (size_t)slot * l->entry_size;
}

static RType *build_type(const MapLayout *l, uint32_t cap)
{
    uint64_t size = align_up(sizeof(MapChunk) + entries_size(l, cap) + live_words(cap) * 8, 16);
    uint8_t *kinds = calloc(size / 8, 1);
    if (!kinds) {
        return NULL;
    }
    for (uint32_t i = 0; i < cap; i++) {
        uint64_t at = sizeof(MapChunk) + (uint64_t)i * l->entry_size;
        put_kinds(kinds, at, l->key);
        put_kinds(kinds, at + l->elem_off, l->elem);
    }
    RType *t = rtype_build("runtime.mapchunk", size, 16, kinds);
    free(kinds);
    return t;
}

/* The type of a chunk with 2^shift slots, built once per map type. */
static const RType *chunk_type(const MapLayout *layout, unsigned shift)
{
    MapLayout *l = (MapLayout *)(uintptr_t)layout;
    RType *t = atomic_load_explicit(&l->chunk_type[shift], memory_order_acquire);
    if (t) {
        return t;
    }
    pthread_mutex_lock(&layout_lock);
    t = atomic_load_explicit(&l->chunk_type[shift], memory_order_acquire);
    if (!t) {
        t = build_type(l, 1u << shift);
        atomic_store_explicit(&l->chunk_type[shift], t, memory_order_release);
    }
    pthread_mutex_unlock(&layout_lock);
    return t;
}

static MapChunk *chunk_new(struct P *p, const MapLayout *l, unsigned shift)
{
    uint32_t cap = 1u << shift;
    MapChunk *c;
    if (l->noscan) {
        c = heap_alloc_noscan(p, sizeof(MapChunk) + entries_size(l, cap) + live_words(cap) * 8);
    } else {
        const RType *t = chunk_type(l, shift);
        c = t ? heap_alloc(p, t, 1) : NULL;
    }
    if (c) {
        mem_store32(&c->cap, cap);
    }
    return c;
}

static MapIndex *index_new(struct P *p, uint32_t words, uint32_t depth)
{
    MapIndex *ix = heap_alloc_noscan(p, sizeof(*ix) + words * sizeof(uint64_t));
    if (ix) {
        mem_store32(&ix->mask, words - 1);
        mem_store32(&ix->depth, depth);
    }
    return ix;
}

static MapDir *dir_new(struct P *p, uint64_t n)
{
    MapDir *d = heap_alloc(p, rtype_pointer(), n + 1);
    if (d) {
        mem_store64(&d->n, n);
    }
    return d;
}

static const RType *map_object_type;
static pthread_once_t map_object_once = PTHREAD_ONCE_INIT;
static void make_object_type(void)
{
    uint8_t kinds[sizeof(Map) / 8] = {0};
    kinds[offsetof(Map, chunk0) / 8] = GCW_PTR;
    kinds[offsetof(Map, index) / 8] = GCW_PTR;
    kinds[offsetof(Map, chunks) / 8] = GCW_PTR;
    kinds[offsetof(Map, segs) / 8] = GCW_PTR;
    map_object_type = rtype_build("runtime.map", sizeof(Map), 16, kinds);
}

static void presize(struct P *p, Map *m, const MapLayout *l, uint64_t hint)
{
    hint = hint > HINT_MAX ? HINT_MAX : hint;
    unsigned shift = 3;
    while (shift < l->chunk_shift && 1u << shift < hint) {
        shift++;
    }
    heap_store_ptr(p, &m->chunk0, chunk_new(p, l, shift));
    uint64_t words = 16;
    while (words * 3 / 4 < hint) {
        words *= 2;
    }
    if (words <= SEGMENT_MAX) {
        heap_store_ptr(p, &m->index, index_new(p, (uint32_t)words, 0));
        return;
    }
    uint64_t n = words / SEGMENT_MAX;
    MapDir *d = dir_new(p, n);
    for (uint64_t i = 0; d && i < n; i++) {
        MapIndex *ix = index_new(p, SEGMENT_MAX, (uint32_t)__builtin_ctzll(n));
        if (!ix) {
            return;
        }
        heap_store_ptr(p, &d->p[i], ix);
    }
    heap_store_ptr(p, &m->segs, d);
}

Map *map_new(struct P *p, const RType *t, int64_t hint)
{
    pthread_once(&map_object_once, make_object_type);
    const MapLayout *l = map_layout(t);
    Map *m = l && map_object_type ? heap_alloc(p, map_object_type, 1) : NULL;
    if (!m) {
        op_fail(p, OP_NO_MEMORY, NULL);
        return NULL;
    }
    mem_store64(&m->layout, (uintptr_t)l);
    mem_store64(&m->seed, heap_rand(p));
    if (hint > MAP_SMALL) {
        presize(p, m, l, (uint64_t)hint);
    }
    return m;
}

/* ---- reading ---- */

const void *map_fail_read(struct P *p)
{
    op_fail(p, OP_MAP_READ_WRITE, NULL);
    return NULL;
}

/* A key in a form that is passed in registers: for ANY the pointer, for 32 and 64 the bits. */
typedef struct Key {
    const MapLayout *l;
    const void *ptr;
    uint64_t bits;
    String str;
    MapKeyKind kind; /* l's; a constant in the fast variants, into which all is inlined */
} Key;

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE bool key_matches(struct P *p, const Key *k, const uint8_t *e)
{
    switch (k->kind) {
    case MAP_KEY_64: return mem_load64(e) == k->bits;
    case MAP_KEY_32: return mem_load32(e) == (uint32_t)k->bits;
    case MAP_KEY_STR: return string_equal(cell_string(cell_load(e)), k->str);
    default: return rtype_equal(p, k->l->key, k->ptr, e);
    }
}

ALWAYS_INLINE uint64_t key_hash(struct P *p, const Key *k, uint64_t seed)
{
    switch (k->kind) {
    case MAP_KEY_64: case MAP_KEY_32: return hash_u64(k->bits, seed);
    case MAP_KEY_STR: return hash_bytes(k->str.ptr, (size_t)k->str.len, seed);
    default: return rtype_hash(p, k->l->key, k->ptr, seed);
    }
}

static Key key_at(const MapLayout *l, const void *ptr)
{
    Key k = {.l = l, .ptr = ptr, .kind = (MapKeyKind)l->key_kind};
    switch (l->key_kind) {
    case MAP_KEY_64: k.bits = mem_load64(ptr); break;
    case MAP_KEY_32: k.bits = mem_load32(ptr); break;
    case MAP_KEY_STR: k.str = cell_string(cell_load_any(ptr)); break;
    default: break;
    }
    return k;
}

static inline bool is_small(const Map *m)
{
    return mem_loadp(&m->index) == NULL && mem_loadp(&m->segs) == NULL;
}

/* Number + 1 of the entry in a map without index, 0 if absent. */
ALWAYS_INLINE uint32_t find_small(struct P *p, const Map *m, const Key *k)
{
    const MapChunk *c = mem_loadp(&m->chunk0);
    uint32_t used = mem_load32(&m->used);
    if (!c) {
        return 0;
    }
    used = used > MAP_SMALL ? MAP_SMALL : used;
    used = used > mem_load32(&c->cap) ? mem_load32(&c->cap) : used;
    uint64_t live = mem_load64(chunk_live(k->l, c));
    for (uint32_t i = 0; i < used; i++) {
        if (live >> i & 1 && key_matches(p, k, chunk_slot(k->l, c, i))) {
            return i + 1;
        }
    }
    return 0;
}

/* Where the entry's index word stands (in *ix, *at) and its number + 1; 0 if absent. */
ALWAYS_INLINE uint32_t find_indexed(struct P *p, const Map *m, const Key *k, uint32_t tag,
                                    const MapIndex **seg, uint32_t *at)
{
    const MapIndex *ix = map_segment(m, tag);
    *seg = ix;
    if (!ix) {
        return 0;
    }
    uint32_t mask = mem_load32(&ix->mask);
    for (uint32_t i = 0; i <= mask; i++) {
        uint64_t w = mem_load64(&ix->w[(tag + i) & mask]);
        if (w == 0) {
            return 0;
        }
        if ((uint32_t)(w >> 32) == tag) {
            const uint8_t *e = map_entry(m, k->l, (uint32_t)w - 1);
            if (e && key_matches(p, k, e)) {
                *at = (tag + i) & mask;
                return (uint32_t)w;
            }
        }
    }
    return 0;
}

ALWAYS_INLINE const void *get(struct P *p, const Map *m, const Key *k)
{
    uint32_t n;
    if (GOL_UNLIKELY(mem_load32(&m->flags) & MAP_WRITING)) {
        return map_fail_read(p);
    }
    if (is_small(m)) {
        n = find_small(p, m, k);
    } else {
        const MapIndex *ix;
        uint32_t at;
        n = find_indexed(p, m, k, map_tag(key_hash(p, k, mem_load64(&m->seed))), &ix, &at);
    }
    const uint8_t *e = n ? map_entry(m, k->l, n - 1) : NULL;
    return e ? e + k->l->elem_off : NULL;
}

/* Panics for unhashable keys come before anything else, in empty and nil maps too. */
static bool check_key(struct P *p, const RType *key, const void *ptr)
{
    rtype_hash(p, key, ptr, 0);
    return heap_cache(p)->op_error == OP_OK;
}

const void *map_get(struct P *p, const Map *m, const RType *t, const void *key)
{
    if (!m || map_len(m) == 0) {
        if (holds_iface(rtype_key(t))) {
            check_key(p, rtype_key(t), key);
        }
        return NULL;
    }
    const MapLayout *l = map_layout_of(m);
    if (l->may_fail && !check_key(p, l->key, key)) {
        return NULL;
    }
    Key k = key_at(l, key);
    return get(p, m, &k);
}

const void *map_get_64_small(struct P *p, const Map *m, uint64_t key)
{
    const MapLayout *l = map_layout_of(m);
    const MapChunk *c = mem_loadp(&m->chunk0);
    uint32_t used = mem_load32(&m->used);
    if (!c) {
        return NULL;
    }
    used = used > MAP_SMALL ? MAP_SMALL : used;
    uint64_t live = mem_load64(chunk_live(l, c));
    const uint8_t *e = chunk_slot(l, c, 0);
    for (uint32_t i = 0; i < used; i++, e += l->entry_size) {
        if (mem_load64(e) == key && live >> i & 1) {
            return e + l->elem_off;
        }
    }
    return NULL;
}

const void *map_get_str(struct P *p, const Map *m, String key)
{
    if (!m) {
        return NULL;
    }
    Key k = {.l = map_layout_of(m), .str = key, .kind = MAP_KEY_STR};
    if (GOL_UNLIKELY(mem_load32(&m->flags) & MAP_WRITING)) {
        return map_fail_read(p);
    }
    if (is_small(m)) {
        uint32_t n = find_small(p, m, &k);
        const uint8_t *e = n ? map_entry(m, k.l, n - 1) : NULL;
        return e ? e + k.l->elem_off : NULL;
    }
    uint32_t tag = map_tag(hash_bytes(key.ptr, (size_t)key.len, mem_load64(&m->seed)));
    const MapIndex *ix = map_segment(m, tag);
    uint32_t mask = ix ? mem_load32(&ix->mask) : 0;
    for (uint32_t i = 0; ix && i <= mask; i++) {
        uint64_t w = mem_load64(&ix->w[(tag + i) & mask]);
        if (w == 0) {
            break;
        }
        if ((uint32_t)(w >> 32) == tag) {
            const uint8_t *e = map_entry(m, k.l, (uint32_t)w - 1);
            if (e && string_equal(cell_string(cell_load(e)), key)) {
                return e + k.l->elem_off;
            }
        }
    }
    return NULL;
}

const void *map_get_32(struct P *p, const Map *m, uint32_t key)
{
    if (!m) {
        return NULL;
    }
    Key k = {.l = map_layout_of(m), .bits = key, .kind = MAP_KEY_32};
    return get(p, m, &k);
}

/* ---- writing: the index ---- */

/* Puts a word into a segment that has room. False only in a race (no empty word). */
static bool index_add(MapIndex *ix, uint64_t w)
{
    uint32_t mask = mem_load32(&ix->mask), at = (uint32_t)(w >> 32) & mask;
    for (uint32_t i = 0; i <= mask; i++, at = (at + 1) & mask) {
        if (mem_load64(&ix->w[at]) == 0) {
            mem_store64(&ix->w[at], w);
            mem_store32(&ix->count, mem_load32(&ix->count) + 1);
            return true;
        }
    }
    return false;
}

/* The same for a segment that nobody else sees yet; the count is set by the caller. */
static inline void index_fill(MapIndex *ix, uint32_t mask, uint64_t w)
{
    uint32_t at = (uint32_t)(w >> 32) & mask;
    while (mem_load64(&ix->w[at]) != 0) {
        at = (at + 1) & mask;
    }
    mem_store64(&ix->w[at], w);
}

/* Takes out the word at `at` and moves back those behind it that may. */
static void index_remove(MapIndex *ix, uint32_t at)
{
    uint32_t mask = mem_load32(&ix->mask), hole = at, next = at;
    for (uint32_t i = 0; i < mask; i++) {
        next = (next + 1) & mask;
        uint64_t w = mem_load64(&ix->w[next]);
        if (w == 0) {
            break;
        }
        uint32_t home = (uint32_t)(w >> 32) & mask;
        /* w may fill the hole if its home is not in (hole, next] */
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            mem_store64(&ix->w[hole], w);
            hole = next;
        }
    }
    mem_store64(&ix->w[hole], 0);
    mem_store32(&ix->count, mem_load32(&ix->count) - 1);
}

static bool index_full(const MapIndex *ix)
{
    return mem_load32(&ix->count) >= (mem_load32(&ix->mask) + 1) / 4 * 3;
}

/* Replaces old by a bigger segment, everywhere. Middle sizes quadruple: fewer rehashes. */
static bool segment_enlarge(struct P *p, Map *m, MapIndex *old)
{
    uint32_t words = mem_load32(&old->mask) + 1, n = 0;
    uint32_t bigger = words >= 64 && words < SEGMENT_MAX ? words * 4 : words * 2;
    MapIndex *ix = index_new(p, bigger, mem_load32(&old->depth));
    if (!ix) {
        return false;
    }
    for (uint32_t i = 0; i < words; i++) {
        uint64_t w = mem_load64(&old->w[i]);
        if (w) {
            index_fill(ix, bigger - 1, w);
            n++;
        }
    }
    mem_store32(&ix->count, n);
    if (mem_loadp(&m->index) == old) {
        heap_store_ptr(p, &m->index, ix);
        return true;
    }
    MapDir *d = mem_loadp(&m->segs);
    for (uint64_t i = 0; d && i < mem_load64(&d->n); i++) {
        if (mem_loadp(&d->p[i]) == old) {
            heap_store_ptr(p, &d->p[i], ix);
        }
    }
    return true;
}

/* The directory with room for depth bits. */
static MapDir *directory_for(struct P *p, Map *m, MapIndex *seg, uint32_t depth)
{
    MapDir *d = mem_loadp(&m->segs);
    uint64_t n = d ? mem_load64(&d->n) : 1;
    if (d && n >= (uint64_t)1 << depth) {
        return d;
    }
    MapDir *bigger = dir_new(p, n * 2);
    for (uint64_t i = 0; bigger && i < n * 2; i++) {
        heap_store_ptr(p, &bigger->p[i], d ? mem_loadp(&d->p[i / 2]) : seg);
    }
    return bigger;
}

/* Splits seg by the next leading tag bit; tag lies in it. */
static bool segment_split(struct P *p, Map *m, MapIndex *seg, uint32_t tag)
{
    uint32_t depth = mem_load32(&seg->depth) + 1;
    uint32_t words = mem_load32(&seg->mask) + 1;
    MapIndex *half[2] = {index_new(p, words, depth), index_new(p, words, depth)};
    MapDir *d = half[0] && half[1] ? directory_for(p, m, seg, depth) : NULL;
    if (!d) {
        return false;
    }
    uint32_t n[2] = {0, 0};
    for (uint32_t i = 0; i < words; i++) {
        uint64_t w = mem_load64(&seg->w[i]);
        if (w) {
            unsigned side = w >> (64 - depth) & 1;
            index_fill(half[side], words - 1, w);
            n[side]++;
        }
    }
    mem_store32(&half[0]->count, n[0]);
    mem_store32(&half[1]->count, n[1]);
    uint64_t span = mem_load64(&d->n) >> mem_load32(&seg->depth);
    uint64_t first = (uint64_t)tag * mem_load64(&d->n) >> 32 & ~(span - 1);
    for (uint64_t i = 0; i < span && first + i < mem_load64(&d->n); i++) {
        heap_store_ptr(p, &d->p[first + i], half[i >= span / 2]);
    }
    heap_store_ptr(p, &m->segs, d);
    heap_store_ptr(p, &m->index, NULL);
    return true;
}

/* Leading tag bits that all words of seg share, counted from its depth: splitting is of use if the
 * next bit differs somewhere. */
static bool can_split(const MapIndex *seg)
{
    uint32_t ones = 0, all = 0;
    if (mem_load32(&seg->depth) >= DEPTH_MAX) {
        return false;
    }
    for (uint32_t i = 0; i <= mem_load32(&seg->mask); i++) {
        uint64_t w = mem_load64(&seg->w[i]);
        all += w != 0;
        ones += w != 0 && (w >> (63 - mem_load32(&seg->depth)) & 1);
    }
    return ones > all / 16 && ones < all - all / 16;
}

/* A segment for tag with room for one more word; NULL without memory or in a race. */
static MapIndex *index_room(struct P *p, Map *m, uint32_t tag)
{
    for (unsigned tries = 0; tries < 40; tries++) {
        MapIndex *ix = (MapIndex *)(uintptr_t)map_segment(m, tag);
        if (!ix) {
            break;
        }
        if (!index_full(ix)) {
            return ix;
        }
        bool enlarge = mem_load32(&ix->mask) + 1 < SEGMENT_MAX || !can_split(ix);
        bool ok = enlarge ? segment_enlarge(p, m, ix) : segment_split(p, m, ix, tag);
        if (!ok) {
            return NULL;
        }
    }
    op_fail(p, OP_MAP_WRITES, NULL);
    return NULL;
}

/* The ninth entry comes: index the first eight. */
static bool index_first(struct P *p, Map *m, const MapLayout *l)
{
    MapIndex *ix = index_new(p, 16, 0);
    const MapChunk *c = mem_loadp(&m->chunk0);
    if (!ix || !c) {
        return false;
    }
    uint64_t live = mem_load64(chunk_live(l, c));
    for (uint32_t i = 0; i < MAP_SMALL; i++) {
        if (live >> i & 1) {
            Key k = key_at(l, chunk_slot(l, c, i));
            index_add(ix, (uint64_t)map_tag(key_hash(p, &k, mem_load64(&m->seed))) << 32 | (i + 1));
        }
    }
    heap_store_ptr(p, &m->index, ix);
    return true;
}

/* ---- writing: entries ---- */

static MapChunk *chunk_of(const Map *m, const MapLayout *l, uint32_t n)
{
    uint32_t i = n >> l->chunk_shift;
    if (i == 0) {
        return mem_loadp(&m->chunk0);
    }
    const MapDir *d = mem_loadp(&m->chunks);
    return d && i < mem_load64(&d->n) ? mem_loadp(&d->p[i]) : NULL;
}

static void set_live(const MapLayout *l, MapChunk *c, uint32_t slot, bool on)
{
    uint64_t *w = &chunk_live(l, c)[slot >> 6], bit = 1ull << (slot & 63), old = mem_load64(w);
    mem_store64(w, on ? old | bit : old & ~bit);
}

/* The first chunk gets twice the slots; numbers stay. */
static bool grow_first(struct P *p, Map *m, const MapLayout *l)
{
    MapChunk *old = mem_loadp(&m->chunk0);
    unsigned shift = old ? (unsigned)__builtin_ctz(mem_load32(&old->cap)) + 1 : 3;
    MapChunk *c = chunk_new(p, l, shift);
    if (!c) {
        return false;
    }
    if (old && l->noscan) {
        mem_copy(c + 1, old + 1, entries_size(l, mem_load32(&old->cap)));
    } else if (old) {
        for (uint32_t i = 0; i < mem_load32(&old->cap); i++) {
            const uint8_t *from = chunk_slot(l, old, i);
            uint8_t *to = chunk_slot(l, c, i);
            heap_copy(p, to, from, l->key, 1);
            heap_copy(p, to + l->elem_off, from + l->elem_off, l->elem, 1);
        }
    }
    if (old) {
        mem_copy(chunk_live(l, c), chunk_live(l, old), live_words(mem_load32(&old->cap)) * 8);
    }
    heap_store_ptr(p, &m->chunk0, c);
    MapDir *d = mem_loadp(&m->chunks);
    if (d) {
        heap_store_ptr(p, &d->p[0], c);
    }
    return true;
}

/* Makes chunk number i exist (i >= 1). */
static bool add_chunk(struct P *p, Map *m, const MapLayout *l, uint32_t i)
{
    MapDir *d = mem_loadp(&m->chunks);
    uint64_t n = d ? mem_load64(&d->n) : 0;
    if (i >= n) {
        MapDir *bigger = dir_new(p, n ? n * 2 : 8);
        if (!bigger || i >= mem_load64(&bigger->n)) {
            return false;
        }
        for (uint64_t k = 0; k < n; k++) {
            heap_store_ptr(p, &bigger->p[k], mem_loadp(&d->p[k]));
        }
        heap_store_ptr(p, &m->chunks, bigger);
        d = bigger;
    }
    if (!mem_loadp(&d->p[i])) {
        MapChunk *c = chunk_new(p, l, l->chunk_shift);
        if (!c) {
            return false;
        }
        heap_store_ptr(p, &d->p[i], c);
    }
    return true;
}

/* A hole below `used`, from the cursor on: its number + 1, or 0 if the pass is over. */
static uint32_t next_hole(Map *m, const MapLayout *l)
{
    uint32_t used = mem_load32(&m->used), n = mem_load32(&m->recycle) - 1;
    while (n < used) {
        const MapChunk *c = chunk_of(m, l, n);
        uint32_t slot = n & ((1u << l->chunk_shift) - 1);
        if (!c || slot >= mem_load32(&c->cap)) {
            break;
        }
        uint32_t width = mem_load32(&c->cap) - (slot & ~63u);
        width = width < 64 ? width : 64;
        uint64_t dead = ~mem_load64(&chunk_live(l, c)[slot >> 6]);
        dead &= width == 64 ? ~0ull : (1ull << width) - 1;
        dead &= ~0ull << (slot & 63);
        if (dead) {
            uint32_t hole = (n & ~63u) + (uint32_t)__builtin_ctzll(dead);
            if (width < 64) {
                hole = n - slot % 64 + (uint32_t)__builtin_ctzll(dead);
            }
            if (hole < used) {
                mem_store32(&m->recycle, hole + 2);
                return hole + 1;
            }
            break;
        }
        n = n - slot % 64 + width;
    }
    mem_store32(&m->recycle, 0);
    return 0;
}

/* A number for a new entry, + 1; its slot exists. 0: out of memory, or a race. */
static uint32_t entry_number(struct P *p, Map *m, const MapLayout *l)
{
    uint32_t n;
    if (mem_load32(&m->recycle) && (n = next_hole(m, l)) != 0) {
        return n;
    }
    uint32_t used = mem_load32(&m->used), full = 1u << l->chunk_shift;
    const MapChunk *c = mem_loadp(&m->chunk0);
    bool no_room = used < full ? !c || used >= mem_load32(&c->cap) : chunk_of(m, l, used) == NULL;
    if (no_room) {
        uint64_t holes = used - mem_load64(&m->count);
        if (used >= 64 && holes <= used && holes >= used / 8) {
            mem_store32(&m->recycle, 1);
            n = next_hole(m, l);
            if (n) {
                return n;
            }
        }
        bool ok = used < full ? grow_first(p, m, l)
                              : used < ENTRIES_MAX && add_chunk(p, m, l, used >> l->chunk_shift);
        if (!ok) {
            if (heap_cache(p)->op_error == OP_OK) {
                op_fail(p, OP_MAP_WRITES, NULL);
            }
            return 0;
        }
    }
    mem_store32(&m->used, used + 1);
    return used + 1;
}

ALWAYS_INLINE void write_key(struct P *p, const Key *k, uint8_t *e)
{
    switch (k->kind) {
    case MAP_KEY_64:
        if (k->l->key->flags & RT_NOPTR) {
            mem_store64(e, k->bits);
        } else {
            heap_store_ptr(p, e, (const void *)(uintptr_t)k->bits);
        }
        return;
    case MAP_KEY_32: mem_store32(e, (uint32_t)k->bits); return;
    case MAP_KEY_STR: heap_store_cell(p, e, cell_of_string(k->str)); return;
    default: heap_copy(p, e, k->ptr, k->l->key, 1); return;
    }
}

__attribute__((noinline)) static uint8_t *insert(struct P *p, Map *m, const Key *k, uint32_t tag,
                                                 bool small)
{
    const MapLayout *l = k->l;
    MapIndex *ix = NULL;
    uint32_t n;
    if (small) {
        n = 0;
        const MapChunk *c = mem_loadp(&m->chunk0);
        if (mem_load32(&m->used) >= MAP_SMALL && c) { /* full, or holes among the eight */
            uint64_t dead = ~mem_load64(chunk_live(l, c)) & ((1u << MAP_SMALL) - 1);
            n = dead ? (uint32_t)__builtin_ctzll(dead) + 1 : 0;
            if (!n && !index_first(p, m, l)) {
                return NULL;
            }
            small = n != 0;
            tag = small ? 0 : map_tag(key_hash(p, k, mem_load64(&m->seed)));
        }
        n = n ? n : entry_number(p, m, l);
    } else {
        n = 0;
    }
    if (!small) {
        ix = index_room(p, m, tag);
        if (!ix) {
            return NULL;
        }
        n = n ? n : entry_number(p, m, l);
    }
    MapChunk *c = n ? chunk_of(m, l, n - 1) : NULL;
    uint32_t slot = (n - 1) & ((1u << l->chunk_shift) - 1);
    if (!c || slot >= mem_load32(&c->cap)) {
        return NULL;
    }
    uint8_t *e = chunk_slot(l, c, slot);
    write_key(p, k, e);
    set_live(l, c, slot, true);
    if (ix && !index_add(ix, (uint64_t)tag << 32 | n)) {
        return NULL;
    }
    mem_store64(&m->count, mem_load64(&m->count) + 1);
    return e;
}

static void *fail_write(struct P *p)
{
    if (heap_cache(p)->op_error == OP_OK) {
        op_fail(p, OP_MAP_WRITES, NULL);
    }
    return NULL;
}

ALWAYS_INLINE void *put(struct P *p, Map *m, const Key *k)
{
    uint32_t flags = mem_load32(&m->flags), n, tag = 0, at;
    if (GOL_UNLIKELY(flags & MAP_WRITING)) {
        return fail_write(p);
    }
    mem_store32(&m->flags, flags | MAP_WRITING);
    bool small = is_small(m);
    if (small) {
        n = find_small(p, m, k);
    } else {
        const MapIndex *ix;
        tag = map_tag(key_hash(p, k, mem_load64(&m->seed)));
        n = find_indexed(p, m, k, tag, &ix, &at);
    }
    uint8_t *e = n ? (uint8_t *)(uintptr_t)map_entry(m, k->l, n - 1) : NULL;
    if (e && k->l->update_key) {
        write_key(p, k, e);
    } else if (!e) {
        e = insert(p, m, k, tag, small);
    }
    if (GOL_UNLIKELY(!(mem_load32(&m->flags) & MAP_WRITING) || !e)) {
        mem_store32(&m->flags, 0);
        return fail_write(p);
    }
    mem_store32(&m->flags, 0);
    return e + k->l->elem_off;
}

static bool writable(struct P *p, const Map *m)
{
    if (GOL_UNLIKELY(m == NULL)) {
        op_fail(p, OP_NIL_MAP, NULL);
        return false;
    }
    return true;
}

void *map_put(struct P *p, Map *m, const RType *t, const void *key)
{
    /* Go panics for the nil map first */
    if (!writable(p, m)) {
        return NULL;
    }
    const MapLayout *l = map_layout_of(m);
    if (l->may_fail && !check_key(p, l->key, key)) {
        return NULL;
    }
    Key k = key_at(l, key);
    return put(p, m, &k);
}

void *map_put_64(struct P *p, Map *m, const RType *t, uint64_t key)
{
    if (!writable(p, m)) {
        return NULL;
    }
    Key k = {.l = map_layout_of(m), .bits = key, .kind = MAP_KEY_64};
    return put(p, m, &k);
}

void *map_put_str(struct P *p, Map *m, const RType *t, String key)
{
    if (!writable(p, m)) {
        return NULL;
    }
    Key k = {.l = map_layout_of(m), .str = key, .kind = MAP_KEY_STR};
    return put(p, m, &k);
}

/* ---- deleting ---- */

static void drop_entry(struct P *p, Map *m, const MapLayout *l, uint32_t n)
{
    MapChunk *c = chunk_of(m, l, n);
    uint32_t slot = n & ((1u << l->chunk_shift) - 1);
    if (!c || slot >= mem_load32(&c->cap)) {
        return;
    }
    uint8_t *e = chunk_slot(l, c, slot);
    heap_clear(p, e, l->key, 1);
    heap_clear(p, e + l->elem_off, l->elem, 1);
    set_live(l, c, slot, false);
    uint64_t count = mem_load64(&m->count) - 1;
    mem_store64(&m->count, count);
    if (count == 0) {
        mem_store32(&m->used, 0);
        mem_store32(&m->recycle, 0);
    }
}

bool map_delete(struct P *p, Map *m, const RType *t, const void *key)
{
    if (!m || map_len(m) == 0) {
        return !holds_iface(rtype_key(t)) || check_key(p, rtype_key(t), key);
    }
    const MapLayout *l = map_layout_of(m);
    if (l->may_fail && !check_key(p, l->key, key)) {
        return false;
    }
    Key k = key_at(l, key);
    uint32_t flags = mem_load32(&m->flags), n, at = 0;
    if (flags & MAP_WRITING) {
        fail_write(p);
        return false;
    }
    mem_store32(&m->flags, flags | MAP_WRITING);
    const MapIndex *ix = NULL;
    if (is_small(m)) {
        n = find_small(p, m, &k);
    } else {
        n = find_indexed(p, m, &k, map_tag(key_hash(p, &k, mem_load64(&m->seed))), &ix, &at);
    }
    if (n) {
        if (ix) {
            index_remove((MapIndex *)(uintptr_t)ix, at);
        }
        drop_entry(p, m, l, n - 1);
    }
    bool ok = mem_load32(&m->flags) & MAP_WRITING;
    mem_store32(&m->flags, 0);
    if (!ok) {
        fail_write(p);
    }
    return ok;
}

bool map_clear(struct P *p, Map *m, const RType *t)
{
    if (!m || (map_len(m) == 0 && mem_load32(&m->used) == 0)) {
        return true;
    }
    if (mem_load32(&m->flags) & MAP_WRITING) {
        fail_write(p);
        return false;
    }
    mem_store32(&m->flags, MAP_WRITING);
    mem_store64(&m->count, 0);
    mem_store32(&m->used, 0);
    mem_store32(&m->recycle, 0);
    MapIndex *ix = mem_loadp(&m->index);
    MapChunk *c = mem_loadp(&m->chunk0);
    heap_store_ptr(p, &m->chunks, NULL);
    heap_store_ptr(p, &m->segs, NULL);
    if (ix && mem_load32(&ix->mask) < SEGMENT_MAX) {
        mem_zero(ix->w, (mem_load32(&ix->mask) + 1) * sizeof(ix->w[0]));
        mem_store32(&ix->count, 0);
    } else {
        heap_store_ptr(p, &m->index, NULL);
    }
    /* Keep the first chunk for reuse: clear entry by entry, through the barrier. */
    const MapLayout *l = map_layout_of(m);
    for (uint32_t i = 0; c && i < mem_load32(&c->cap); i++) {
        uint8_t *e = chunk_slot(l, c, i);
        heap_clear(p, e, l->key, 1);
        heap_clear(p, e + l->elem_off, l->elem, 1);
    }
    if (c) {
        mem_zero(chunk_live(l, c), live_words(mem_load32(&c->cap)) * 8);
    }
    mem_store32(&m->flags, 0);
    return true;
}

/* ---- iterating ---- */

void map_iter_init(struct P *p, MapIter *it, Map *m, const RType *t)
{
    *it = (MapIter){.m = m};
    if (!m || map_len(m) == 0) {
        return;
    }
    uint32_t used = mem_load32(&m->used);
    it->total = used / 8 + (used % 8 != 0);
    uint64_t r = heap_rand(p);
    it->start = it->total ? (uint32_t)((r >> 32) * it->total >> 32) : 0;
    it->flip = (uint32_t)r & 7;
}

/* The group's eight live bits. */
static unsigned group_live(const Map *m, const MapLayout *l, uint32_t group, const MapChunk **chunk)
{
    const MapChunk *c = chunk_of(m, l, group * 8);
    uint32_t slot = group * 8 & ((1u << l->chunk_shift) - 1);
    *chunk = c;
    if (!c || slot >= mem_load32(&c->cap)) {
        return 0;
    }
    return (unsigned)(mem_load64(&chunk_live(l, c)[slot >> 6]) >> (slot & 63)) & 0xff;
}

bool map_iter_next(struct P *p, MapIter *it, const void **key, const void **elem)
{
    Map *m = it->m;
    if (!m || it->step / 8 >= it->total) {
        return false;
    }
    if (GOL_UNLIKELY(mem_load32(&m->flags) & MAP_WRITING)) {
        op_fail(p, OP_MAP_ITER_WRITE, NULL);
        return false;
    }
    const MapLayout *l = map_layout_of(m);
    while (it->step / 8 < it->total) {
        uint32_t group = it->start + it->step / 8;
        group -= group >= it->total ? it->total : 0;
        const MapChunk *c;
        unsigned live = group_live(m, l, group, &c);
        if (!live) {
            it->step = (it->step | 7) + 1;
            continue;
        }
        uint32_t in = (it->step & 7) ^ it->flip;
        it->step++;
        if (live >> in & 1) {
            uint32_t slot = (group * 8 & ((1u << l->chunk_shift) - 1)) + in;
            const uint8_t *e = chunk_slot(l, c, slot);
            *key = e;
            *elem = e + l->elem_off;
            return true;
        }
    }
    return false;
}
