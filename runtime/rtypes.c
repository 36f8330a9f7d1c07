/* rtypes.c - the table of type numbers, descriptors built in C, hashing and equality by type.
 *
 * The table is process-wide and chunked: a chunk, once there, never moves or goes away, so readers
 * (the collector, map code) take no lock. Writers hold `lock`. An id is reused after
 * rtype_unregister, when by contract no object with it is left.
 */
#include "runtime/rtypes.h"

#include "runtime/barrier.h"
#include "runtime/iface.h"
#include "runtime/string.h"

#include <assert.h>
#include <stdlib.h>

_Atomic(RTypeEntry *) rtype_chunks[RTYPE_ID_MAX >> 12];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static uint32_t next_dynamic = RTYPE_ID_DYNAMIC, next_built = 1;
static uint32_t *free_ids, nfree, cap_free;

static RTypeEntry *entry_make(uint32_t id)
{
    RTypeEntry *c = atomic_load_explicit(&rtype_chunks[id >> 12], memory_order_acquire);
    if (!c) {
        c = calloc(4096, sizeof(*c));
        if (!c) {
            return NULL;
        }
        atomic_store_explicit(&rtype_chunks[id >> 12], c, memory_order_release);
    }
    return &c[id & 4095];
}

static bool enter(uint32_t id, const RType *t)
{
    RTypeEntry *e = id && id < RTYPE_ID_MAX ? entry_make(id) : NULL;
    if (!e) {
        return false;
    }
    /* read without the lock by whoever found the id in a heap object, which came later */
    __atomic_store_n(&e->type, t, __ATOMIC_RELEASE);
    return true;
}

uint32_t rtype_register(RType *t)
{
    pthread_mutex_lock(&lock);
    uint32_t id = nfree ? free_ids[--nfree] : next_dynamic;
    if (enter(id, t)) {
        next_dynamic += id == next_dynamic;
        t->id = id;
    } else {
        id = 0;
    }
    pthread_mutex_unlock(&lock);
    return id;
}

bool rtype_register_fixed(const RType *t)
{
    pthread_mutex_lock(&lock);
    bool ok = enter(t->id, t);
    pthread_mutex_unlock(&lock);
    return ok;
}

void rtype_unregister(const RType *t)
{
    pthread_mutex_lock(&lock);
    RTypeEntry *e = rtype_entry(t->id);
    if (e && e->type == t) {
        free(atomic_exchange_explicit(&e->aux, NULL, memory_order_relaxed));
        __atomic_store_n(&e->type, NULL, __ATOMIC_RELEASE);
        if (nfree == cap_free) {
            uint32_t cap = cap_free ? cap_free * 2 : 64;
            uint32_t *ids = realloc(free_ids, cap * sizeof(*ids));
            if (ids) {
                free_ids = ids;
                cap_free = cap;
            }
        }
        if (nfree < cap_free && t->id >= RTYPE_ID_DYNAMIC) {
            free_ids[nfree++] = t->id;
        }
    }
    pthread_mutex_unlock(&lock);
}

/* ---- descriptors of C's own objects ---- */

typedef struct BuiltType {
    RType type;
    RName *name;
    uint64_t map[];
} BuiltType;

static int64_t rel_to(const RelPtr *at, const void *target)
{
    return (int64_t)((uintptr_t)target - (uintptr_t)at);
}

RType *rtype_build(const char *name, uint64_t size, uint8_t align, const uint8_t *kinds)
{
    uint32_t words = (uint32_t)(size / 8), last = 0;
    for (uint32_t i = 0; i < words; i++) {
        last = kinds[i] != GCW_SCALAR ? i + 1 : last;
    }
    size_t map_words = (last + 31) / 32, len = strlen(name);
    BuiltType *b = calloc(1, sizeof(*b) + map_words * 8);
    RName *rn = malloc(sizeof(*rn) + len + 1);
    if (!b || !rn) {
        free(b);
        free(rn);
        return NULL;
    }
    rn->len = (uint32_t)len;
    memcpy(rn->s, name, len + 1);
    for (uint32_t i = 0; i < last; i++) {
        b->map[i >> 5] |= (uint64_t)kinds[i] << ((i & 31) * 2);
    }
    RType *t = &b->type;
    b->name = rn;
    t->size = size;
    t->align = align;
    t->kind = RK_STRUCT;
    t->flags = last ? 0 : RT_NOPTR;
    t->gc_words = last;
    t->gcmap.off = last ? rel_to(&t->gcmap, b->map) : 0;
    t->str.off = rel_to(&t->str, rn);
    t->hash[0] = hash64_more(HASH64_START, name, len);
    t->hash[1] = (uintptr_t)t;
    pthread_mutex_lock(&lock);
    if (next_built < RTYPE_ID_IMAGE && enter(next_built, t)) {
        t->id = next_built++;
    }
    pthread_mutex_unlock(&lock);
    if (t->id == 0 && rtype_register(t) == 0) {
        free(rn);
        free(b);
        return NULL;
    }
    return t;
}

void rtype_build_free(RType *t)
{
    if (t) {
        BuiltType *b = (BuiltType *)(void *)t;
        rtype_unregister(t);
        free(b->name);
        free(b);
    }
}

static const RType *made[3];
static pthread_once_t made_once = PTHREAD_ONCE_INIT;
static void make_common(void)
{
    static const uint8_t ptr[1] = {GCW_PTR};
    static const uint8_t iface[2] = {GCW_IFACE_TYPE, GCW_IFACE_WORD};
    static const uint8_t str[2] = {GCW_PTR, GCW_SCALAR};
    made[0] = rtype_build("runtime.pointer", 8, 8, ptr);
    made[1] = rtype_build("runtime.iface", 16, 16, iface);
    made[2] = rtype_build("runtime.string", 16, 16, str);
}
static const RType *common(unsigned i)
{
    pthread_once(&made_once, make_common);
    return made[i];
}
const RType *rtype_pointer(void) { return common(0); }
const RType *rtype_iface_cell(void) { return common(1); }
const RType *rtype_string_cell(void) { return common(2); }

/* ---- hashing ---- */

uint64_t hash_bytes_long(const void *s, size_t n, uint64_t seed)
{
    const uint8_t *p = s;
    uint64_t h = seed ^ HASH_K1, h2 = seed ^ HASH_K2, left = n, w[4];
    for (; left > 32; left -= 32, p += 32) {
        mem_copy(w, p, 32);
        h = hash_mix(w[0] ^ h, w[1] ^ HASH_K2);
        h2 = hash_mix(w[2] ^ h2, w[3] ^ HASH_K1);
    }
    memset(w, 0, sizeof(w));
    mem_copy(w, p, left);
    h = hash_mix(w[0] ^ h, w[1] ^ HASH_K2);
    h2 = hash_mix(w[2] ^ h2, w[3] ^ HASH_K1);
    return hash_mix(h ^ (uint64_t)n << 32, h2 ^ HASH_K2);
}

static uint64_t hash_f64(struct P *p, double f, uint64_t seed)
{
    if (f != f) {
        return heap_rand(p);
    }
    uint64_t bits = 0;
    if (f != 0) {
        memcpy(&bits, &f, 8);
    }
    return hash_u64(bits, seed);
}

static uint64_t hash_f32(struct P *p, uint32_t bits, uint64_t seed)
{
    float f;
    memcpy(&f, &bits, 4);
    return hash_f64(p, (double)f, seed);
}

static double load_f64(const void *v)
{
    uint64_t bits = mem_load64(v);
    double f;
    memcpy(&f, &bits, 8);
    return f;
}

static float load_f32(const void *v)
{
    uint32_t bits = mem_load32(v);
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static uint64_t load_int(const void *v, uint64_t size)
{
    switch (size) {
    case 1: return mem_load8(v);
    case 2: return mem_load16(v);
    case 4: return mem_load32(v);
    default: return mem_load64(v);
    }
}

bool rtype_hashable(const RType *t)
{
    switch (t->kind) {
    case RK_FUNC: case RK_MAP: case RK_SLICE: case RK_CLOSURE: return false;
    case RK_ARRAY: return rtype_hashable(rtype_elem(t));
    case RK_STRUCT:
        for (uint64_t i = 0; i < t->count; i++) {
            if (!rtype_hashable(rel_get(&rtype_fields(t)[i].type))) {
                return false;
            }
        }
        return true;
    default: return true;
    }
}

static uint64_t hash_iface(struct P *p, Iface v, uint64_t seed)
{
    if (!v.type) {
        return hash_u64(0, seed);
    }
    if (!rtype_hashable(v.type)) {
        op_fail(p, OP_UNHASHABLE, v.type);
        return 0;
    }
    if (v.type->flags & RT_DIRECT) {
        return rtype_hash_slot(p, v.type, v.word, seed);
    }
    return rtype_hash(p, v.type, v.word.p, seed);
}

static bool is_blank(const RField *f)
{
    const RName *n = rel_get(&f->name);
    return n && n->len == 1 && n->s[0] == '_';
}

uint64_t rtype_hash(struct P *p, const RType *t, const void *v, uint64_t seed)
{
    const uint8_t *b = v;
    switch (t->kind) {
    case RK_FLOAT32: return hash_f32(p, mem_load32(b), seed);
    case RK_FLOAT64: return hash_f64(p, load_f64(b), seed);
    case RK_COMPLEX64:
        return hash_f32(p, mem_load32(b + 4), hash_f32(p, mem_load32(b), seed));
    case RK_COMPLEX128: return hash_f64(p, load_f64(b + 8), hash_f64(p, load_f64(b), seed));
    case RK_STRING: {
        String s = cell_string(cell_load_any(b));
        return hash_bytes(s.ptr, (size_t)s.len, seed);
    }
    case RK_INTERFACE: return hash_iface(p, cell_iface(cell_load_any(b)), seed);
    case RK_ARRAY: {
        const RType *e = rtype_elem(t);
        if (t->flags & RT_PLAIN_EQ) {
            return hash_bytes_long(b, t->size, seed);
        }
        for (uint64_t i = 0; i < t->count; i++) {
            seed = rtype_hash(p, e, b + i * e->size, seed);
        }
        return seed;
    }
    case RK_STRUCT:
        if (t->flags & RT_PLAIN_EQ) {
            return hash_bytes_long(b, t->size, seed);
        }
        for (uint64_t i = 0; i < t->count; i++) {
            const RField *f = &rtype_fields(t)[i];
            if (!is_blank(f)) {
                seed = rtype_hash(p, rel_get(&f->type), b + f->offset, seed);
            }
        }
        return seed;
    case RK_FUNC: case RK_MAP: case RK_SLICE: case RK_CLOSURE:
        op_fail(p, OP_UNHASHABLE, t);
        return 0;
    default: return hash_u64(load_int(b, t->size), seed);
    }
}

/* The slot form of a direct type as memory form: little-endian, so the low bytes are the value. */
uint64_t rtype_hash_slot(struct P *p, const RType *t, Slot v, uint64_t seed)
{
    if (!(t->flags & RT_DIRECT)) {
        return rtype_hash(p, t, v.p, seed);
    }
    return rtype_hash(p, t, &v, seed);
}

bool rtype_equal(struct P *p, const RType *t, const void *va, const void *vb)
{
    const uint8_t *a = va, *b = vb;
    switch (t->kind) {
    case RK_FLOAT32: return load_f32(a) == load_f32(b);
    case RK_FLOAT64: return load_f64(a) == load_f64(b);
    case RK_COMPLEX64: return load_f32(a) == load_f32(b) && load_f32(a + 4) == load_f32(b + 4);
    case RK_COMPLEX128: return load_f64(a) == load_f64(b) && load_f64(a + 8) == load_f64(b + 8);
    case RK_STRING:
        return string_equal(cell_string(cell_load_any(a)), cell_string(cell_load_any(b)));
    case RK_INTERFACE:
        return iface_equal(p, cell_iface(cell_load_any(a)), cell_iface(cell_load_any(b)));
    case RK_ARRAY: {
        const RType *e = rtype_elem(t);
        if (t->flags & RT_PLAIN_EQ) {
            return mem_equal(a, b, t->size);
        }
        for (uint64_t i = 0; i < t->count; i++) {
            if (!rtype_equal(p, e, a + i * e->size, b + i * e->size)) {
                return false;
            }
        }
        return true;
    }
    case RK_STRUCT:
        if (t->flags & RT_PLAIN_EQ) {
            return mem_equal(a, b, t->size);
        }
        for (uint64_t i = 0; i < t->count; i++) {
            const RField *f = &rtype_fields(t)[i];
            if (!is_blank(f) && !rtype_equal(p, rel_get(&f->type), a + f->offset, b + f->offset)) {
                return false;
            }
        }
        return true;
    case RK_FUNC: case RK_MAP: case RK_SLICE: case RK_CLOSURE:
        op_fail(p, OP_UNCOMPARABLE, t);
        return false;
    default: return load_int(a, t->size) == load_int(b, t->size);
    }
}

/* ---- memory form and frame form ---- */

void rtype_load(const RType *t, Slot *dst, const void *src)
{
    switch (t->kind) {
    case RK_BOOL: case RK_UINT8: dst->u = mem_load8(src); return;
    case RK_INT8: dst->i = (int8_t)mem_load8(src); return;
    case RK_INT16: dst->i = (int16_t)mem_load16(src); return;
    case RK_UINT16: dst->u = mem_load16(src); return;
    case RK_INT32: dst->i = (int32_t)mem_load32(src); return;
    case RK_UINT32: case RK_FLOAT32: dst->u = mem_load32(src); return;
    case RK_COMPLEX64: /* 4-aligned in memory */
        dst->u = mem_load32(src) | (uint64_t)mem_load32((const uint8_t *)src + 4) << 32;
        return;
    case RK_STRING: case RK_SLICE: case RK_INTERFACE:
        cell_to_slots(dst, cell_load_any(src));
        return;
    case RK_COMPLEX128: case RK_STRUCT: case RK_ARRAY:
        if (t->size & 7) {
            dst[t->size / 8].u = 0;
        }
        heap_load_slots(dst, src, t);
        return;
    default: dst->u = mem_load64(src); return;
    }
}

bool rtype_load_any(struct P *p, const RType *t, Slot *dst, const void *src)
{
    if (t->size < HUGE_SIZE) {
        rtype_load(t, dst, src);
        return true;
    }
    void *o = heap_alloc(p, t, 1);
    if (o != NULL) {
        heap_copy_fresh(o, src, t, 1);
    }
    dst->p = o;
    return o != NULL;
}

void rtype_store(struct P *p, const RType *t, void *dst, const Slot *src)
{
    switch (t->kind) {
    case RK_BOOL: case RK_UINT8: case RK_INT8: mem_store8(dst, (uint8_t)src->u); return;
    case RK_INT16: case RK_UINT16: mem_store16(dst, (uint16_t)src->u); return;
    case RK_INT32: case RK_UINT32: case RK_FLOAT32: mem_store32(dst, (uint32_t)src->u); return;
    case RK_COMPLEX64:
        mem_store32(dst, (uint32_t)src->u);
        mem_store32((uint8_t *)dst + 4, (uint32_t)(src->u >> 32));
        return;
    case RK_STRING: case RK_SLICE: heap_store_cell(p, dst, cell_from_slots(src)); return;
    case RK_INTERFACE: heap_store_iface(p, dst, cell_from_slots(src)); return;
    case RK_COMPLEX128: case RK_STRUCT: case RK_ARRAY: heap_store_slots(p, dst, src, t); return;
    case RK_POINTER: case RK_MAP: case RK_CHAN: case RK_FUNC: case RK_UNSAFE_POINTER:
        heap_store_ptr(p, dst, src->p);
        return;
    default: mem_store64(dst, src->u); return;
    }
}

/* ---- names ---- */

const char *rtype_kind_name(unsigned kind)
{
    static const char *const names[] = {
        "invalid", "bool", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16",
        "uint32", "uint64", "uintptr", "float32", "float64", "complex64", "complex128", "array",
        "chan", "func", "interface", "map", "ptr", "slice", "string", "struct", "unsafe.Pointer",
        "closure"};
    return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "invalid";
}

String rtype_string(const RType *t)
{
    const RName *n = t ? rtype_str(t) : NULL;
    return n ? (String){(const uint8_t *)n->s, n->len} : STR_LIT("?");
}
