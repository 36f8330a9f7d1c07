/* rtype.h - run-time type descriptors: written by the code generator, read-only ever after.
 *
 * Descriptors stand in sealed units (the std image, or VM memory), so all references in them are
 * self-relative 64-bit offsets (RelPtr): a unit can be mapped anywhere. Two descriptors denote the
 * same type if they are the same pointer or their 128-bit identities are equal (rtype_same).
 */
#ifndef GOL_RUNTIME_RTYPE_H
#define GOL_RUNTIME_RTYPE_H

#include "runtime/value.h"

/* Self-relative pointer: target = (char *)&field + off; 0 is NULL. */
typedef struct RelPtr {
    int64_t off;
} RelPtr;

static inline const void *rel_get(const RelPtr *r)
{
    return r->off ? (const char *)r + r->off : NULL;
}

/* Kinds; the numbers are reflect.Kind's. */
typedef enum RKind {
    RK_INVALID, RK_BOOL, RK_INT, RK_INT8, RK_INT16, RK_INT32, RK_INT64, RK_UINT, RK_UINT8,
    RK_UINT16, RK_UINT32, RK_UINT64, RK_UINTPTR, RK_FLOAT32, RK_FLOAT64, RK_COMPLEX64,
    RK_COMPLEX128, RK_ARRAY, RK_CHAN, RK_FUNC, RK_INTERFACE, RK_MAP, RK_POINTER, RK_SLICE,
    RK_STRING, RK_STRUCT, RK_UNSAFE_POINTER,
    RK_CLOSURE /* the environment of a closure: {Func *, captures}; never seen by scripts */
} RKind;

enum {
    RT_DIRECT = 1,      /* the interface word holds the value itself */
    RT_NAMED = 2,       /* defined type (has a name of its own) */
    RT_COMPARABLE = 4,  /* == never panics because of this type itself (interfaces included) */
    RT_NOPTR = 8,       /* holds no heap pointer: never scanned */
    RT_PLAIN_EQ = 16,   /* == is memcmp of SIZE bytes (no floats, padding, strings, interfaces) */
    RT_VARIADIC = 32,   /* func type with ... */
    RT_HAS_WORD_PTR = 64 /* a DIRECT type whose word is a heap pointer (pointer, map, chan, func) */
};

/* What a GC map says of one 8-byte word; 2 bits each, low bits first. */
enum { GCW_SCALAR = 0, GCW_PTR = 1, GCW_IFACE_TYPE = 2, GCW_IFACE_WORD = 3 };
/* GCW_IFACE_WORD is a pointer iff the type in the word before it lacks RT_DIRECT or has
 * RT_HAS_WORD_PTR. GCW_IFACE_TYPE points at a descriptor (not into the script heap). */

/* A counted string in a unit: not NUL-terminated by contract, though the builder adds a NUL. */
typedef struct RName {
    uint32_t len;
    char s[];
} RName;

typedef struct RField {
    RelPtr name;    /* RName */
    RelPtr pkg;     /* RName: package path of an unexported name, else NULL */
    RelPtr type;    /* RType */
    RelPtr tag;     /* RName or NULL */
    uint64_t offset;
    uint64_t embedded; /* 1 if embedded */
} RField;

/* Methods of a concrete type, or of an interface (func NULL), sorted by id. */
typedef struct RMethod {
    uint64_t id;   /* hash64 of the name, of "pkgpath.name" if unexported (rtype_method_id) */
    RelPtr name;   /* RName */
    RelPtr pkg;    /* RName: package path of an unexported name, else NULL */
    RelPtr type;   /* RType of the func, without receiver */
    RelPtr func;   /* Func: takes the interface WORD as its first parameter slot */
} RMethod;

typedef struct RType {
    uint64_t hash[2];  /* structural identity; local types add their unit's serial */
    uint64_t size;     /* bytes in memory */
    uint32_t id;       /* dense process-wide number for the heap's side tables; set when loaded */
    uint8_t kind;      /* RKind */
    uint8_t align;     /* 1, 2, 4, 8, 16 */
    uint8_t flags;     /* RT_* */
    uint8_t chan_dir;  /* 1 receive, 2 send, 3 both */
    uint64_t count;    /* array length; func: parameters; struct: fields; interface: methods */
    uint32_t nout;     /* func: results */
    uint32_t nmethods; /* concrete types: entries in methods */
    uint32_t gc_words; /* words covered by gcmap: up to the last pointer */
    uint32_t reserved;
    RelPtr gcmap;      /* 2 bits a word, uint64_t[]; an object is its element's map, repeated */
    RelPtr str;        /* RName: as %T prints it ("main.T", "[]int") */
    RelPtr name;       /* RName: bare name of a defined type, else NULL */
    RelPtr pkg;        /* RName: package path of a defined type, else NULL */
    RelPtr elem;       /* array, chan, map, pointer, slice */
    RelPtr key;        /* map */
    RelPtr slice_of;   /* array: its slice type; any: []T if present in the unit, else NULL */
    RelPtr ptr_to;     /* *T if present in the unit, else NULL */
    RelPtr fields;     /* struct: RField[count] */
    RelPtr params;     /* func: RelPtr[count + nout] to RType, parameters then results */
    RelPtr methods;    /* RMethod[nmethods], or RMethod[count] for an interface */
} RType;

static inline const RType *rtype_elem(const RType *t) { return rel_get(&t->elem); }
static inline const RType *rtype_key(const RType *t) { return rel_get(&t->key); }
static inline const RName *rtype_str(const RType *t) { return rel_get(&t->str); }
static inline const RMethod *rtype_methods(const RType *t) { return rel_get(&t->methods); }
static inline const RField *rtype_fields(const RType *t) { return rel_get(&t->fields); }

/* Func: parameter i; from count on, the results. */
static inline const RType *rtype_param(const RType *t, uint64_t i)
{
    return rel_get((const RelPtr *)rel_get(&t->params) + i);
}

static inline bool rtype_same(const RType *a, const RType *b)
{
    return a == b || (a && b && a->hash[0] == b->hash[0] && a->hash[1] == b->hash[1]);
}

/* FNV-1a, 64 bits: method ids and symbol hashes. */
static inline uint64_t hash64_more(uint64_t h, const void *s, size_t n)
{
    const uint8_t *p = s;
    while (n--) {
        h = (h ^ *p++) * 0x100000001b3ull;
    }
    return h;
}
#define HASH64_START 0xcbf29ce484222325ull

#endif
