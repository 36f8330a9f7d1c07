/* dyntype.c - the VM's table of canonical type descriptors, and descriptors made at run time.
 *
 * The table maps the 128-bit identity to a descriptor, open addressing, under one lock per VM; it
 * fills as reflection meets types. A built descriptor is one calloc'd block with all that hangs on
 * it (name, pointer map, fields), so a self-relative reference never leaves the reach of 64 bits,
 * and freeing is one call. Its identity is the hash of the canonical spelling that the compiler
 * hashes (lang/gen_type.c): the spelling of a component is rebuilt from its descriptor, and where
 * that does not give the component's own hash (types local to a function) the hash itself stands
 * in its place.
 */
#include "runtime/dyntype.h"

#include "runtime/rtypes.h"
#include "runtime/vmstate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct DynTypes {
    const RType **slots;   /* all below under lock */
    uint32_t cap, n;
    RType **built;
    uint32_t nbuilt, cap_built;
} DynTypes;

/* Guards every VM's table: reflection's type operations are rare and short. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- spelling ---- */

typedef struct Text {
    char *s;
    size_t n, cap;
    bool failed;
    bool canon;
} Text;

static void put_n(Text *t, const char *s, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        size_t cap = (t->n + n + 64) * 2;
        char *grown = realloc(t->s, cap);
        if (!grown) {
            t->failed = true;
            return;
        }
        t->s = grown;
        t->cap = cap;
    }
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

static void put(Text *t, const char *s) { put_n(t, s, strlen(s)); }

static void put_name(Text *t, const RName *n)
{
    if (n) {
        put_n(t, n->s, n->len);
    }
}

/* As lang/gen_type.c's second identity word. */
static uint64_t second_hash(const char *s, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15ull;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (uint8_t)s[i]) * 0xff51afd7ed558ccdull;
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

static void put_type(Text *t, const RType *ty);

static void put_sig(Text *t, const RType *const *types, uint32_t nin, uint32_t nout, bool variadic)
{
    put(t, "(");
    for (uint32_t i = 0; i < nin; i++) {
        put(t, i ? ", " : "");
        if (variadic && i + 1 == nin) {
            put(t, "...");
            put_type(t, rtype_elem(types[i]));
        } else {
            put_type(t, types[i]);
        }
    }
    put(t, nout == 0 ? ")" : nout == 1 ? ") " : ") (");
    for (uint32_t i = 0; i < nout; i++) {
        put(t, i ? ", " : "");
        put_type(t, types[nin + i]);
    }
    put(t, nout > 1 ? ")" : "");
}

static void put_func(Text *t, const RType *ty)
{
    const RelPtr *params = rel_get(&ty->params);
    uint32_t n = (uint32_t)ty->count + ty->nout;
    const RType **types = calloc(n + 1, sizeof *types);
    if (!types) {
        t->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        types[i] = rel_get(&params[i]);
    }
    put_sig(t, types, (uint32_t)ty->count, ty->nout, ty->flags & RT_VARIADIC);
    free(types);
}

static void put_field(Text *t, String name, String pkg, String tag, const RType *ty, bool embedded)
{
    if (t->canon && pkg.len) {
        put_n(t, (const char *)pkg.ptr, (size_t)pkg.len);
        put(t, ".");
    }
    if (!embedded || t->canon) {
        put_n(t, (const char *)name.ptr, (size_t)name.len);
        put(t, embedded ? "! " : " ");
    }
    put_type(t, ty);
    if (tag.len) {
        put(t, " \"");
        for (int64_t i = 0; i < tag.len; i++) {
            char c = (char)tag.ptr[i];
            if (c == '"' || c == '\\') {
                put(t, "\\");
            }
            put_n(t, &c, 1);
        }
        put(t, "\"");
    }
}

static String name_string(const RName *n)
{
    return n ? (String){(const uint8_t *)n->s, n->len} : (String){NULL, 0};
}

static void put_struct(Text *t, const RType *ty)
{
    put(t, ty->count ? "struct { " : "struct {");
    for (uint64_t i = 0; i < ty->count; i++) {
        const RField *f = rtype_fields(ty) + i;
        put(t, i ? "; " : "");
        put_field(t, name_string(rel_get(&f->name)), name_string(rel_get(&f->pkg)),
                  name_string(rel_get(&f->tag)), rel_get(&f->type), f->embedded & 1);
    }
    put(t, ty->count ? " }" : "}");
}

static void put_chan(Text *t, const RType *elem, unsigned dir)
{
    put(t, dir == 1 ? "<-chan " : dir == 2 ? "chan<- " : "chan ");
    bool paren = dir == 3 && elem->kind == RK_CHAN && elem->chan_dir == 1 &&
                 !(elem->flags & RT_NAMED);
    put(t, paren ? "(" : "");
    put_type(t, elem);
    put(t, paren ? ")" : "");
}

static void put_array(Text *t, const RType *elem, uint64_t n)
{
    char buf[32];
    snprintf(buf, sizeof buf, "[%llu]", (unsigned long long)n);
    put(t, buf);
    put_type(t, elem);
}

static void put_composite(Text *t, const RType *ty)
{
    switch (ty->kind) {
    case RK_POINTER: put(t, "*"); put_type(t, rtype_elem(ty)); break;
    case RK_SLICE: put(t, "[]"); put_type(t, rtype_elem(ty)); break;
    case RK_ARRAY: put_array(t, rtype_elem(ty), ty->count); break;
    case RK_CHAN: put_chan(t, rtype_elem(ty), ty->chan_dir); break;
    case RK_MAP:
        put(t, "map[");
        put_type(t, rtype_key(ty));
        put(t, "]");
        put_type(t, rtype_elem(ty));
        break;
    case RK_FUNC: put(t, "func"); put_func(t, ty); break;
    case RK_STRUCT: put_struct(t, ty); break;
    default: put_name(t, rtype_str(ty)); break;
    }
}

static void put_type(Text *t, const RType *ty)
{
    size_t at = t->n;
    if (!t->canon) {
        put_name(t, rtype_str(ty));
        return;
    }
    const RName *pkg = rel_get(&ty->pkg);
    if (ty->flags & RT_NAMED) {
        if (pkg) {
            put_name(t, pkg);
            put(t, ".");
        }
        put_name(t, rel_get(&ty->name));
    } else {
        put_composite(t, ty);
    }
    if (!t->failed && hash64_more(HASH64_START, t->s + at, t->n - at) != ty->hash[0]) {
        char buf[40];
        snprintf(buf, sizeof buf, "\x01%016llx%016llx", (unsigned long long)ty->hash[0],
                 (unsigned long long)ty->hash[1]);
        t->n = at;
        put(t, buf);
    }
}

/* ---- the table ---- */

static DynTypes *table(GolVM *vm)
{
    if (!vm->dyn_types) {
        vm->dyn_types = calloc(1, sizeof(DynTypes));
    }
    return vm->dyn_types;
}

static const RType **find_slot(const RType **slots, uint32_t cap, const uint64_t hash[2])
{
    uint32_t i = (uint32_t)hash[1] & (cap - 1);
    while (slots[i] && (slots[i]->hash[0] != hash[0] || slots[i]->hash[1] != hash[1])) {
        i = (i + 1) & (cap - 1);
    }
    return &slots[i];
}

static bool table_grow(DynTypes *d)
{
    uint32_t cap = d->cap ? d->cap * 2 : 256;
    const RType **slots = calloc(cap, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (uint32_t i = 0; i < d->cap; i++) {
        if (d->slots[i]) {
            *find_slot(slots, cap, d->slots[i]->hash) = d->slots[i];
        }
    }
    free(d->slots);
    d->slots = slots;
    d->cap = cap;
    return true;
}

/* The canonical descriptor with this identity, t if none is known yet (t may be NULL). */
static const RType *canon_locked(GolVM *vm, const uint64_t hash[2], const RType *t)
{
    DynTypes *d = table(vm);
    if (!d || (d->n * 2 >= d->cap && !table_grow(d))) {
        return t;
    }
    const RType **slot = find_slot(d->slots, d->cap, hash);
    if (!*slot) {
        const RType *unit = vm->hooks->find_type ? vm->hooks->find_type(vm, hash) : NULL;
        *slot = unit ? unit : t;
        d->n += *slot != NULL;
    }
    return *slot;
}

const RType *dyntype_canon(struct P *p, const RType *t)
{
    if (!t) {
        return NULL;
    }
    pthread_mutex_lock(&lock);
    const RType *c = canon_locked(p->vm, t->hash, t);
    pthread_mutex_unlock(&lock);
    return c;
}

void dyntype_free(struct DynTypes *d)
{
    if (!d) {
        return;
    }
    for (uint32_t i = 0; i < d->nbuilt; i++) {
        rtype_unregister(d->built[i]);
        free(d->built[i]);
    }
    free(d->built);
    free(d->slots);
    free(d);
}

/* ---- building ---- */

/* What a new type needs of tail room behind its descriptor. */
typedef struct Build {
    Text canon, str;
    RType *t;
    uint8_t *tail;
} Build;

static void rel_set(RelPtr *r, const void *target)
{
    r->off = target ? (int64_t)((uintptr_t)target - (uintptr_t)r) : 0;
}

static RType *keep(DynTypes *d, RType *t)
{
    if (d->nbuilt == d->cap_built) {
        uint32_t cap = d->cap_built ? d->cap_built * 2 : 16;
        RType **b = realloc(d->built, cap * sizeof *b);
        if (!b) {
            return NULL;
        }
        d->built = b;
        d->cap_built = cap;
    }
    if (rtype_register(t) == 0) {
        return NULL;
    }
    d->built[d->nbuilt++] = t;
    return t;
}

static RName *tail_name(Build *b, const void *s, size_t n)
{
    RName *r = (RName *)(void *)b->tail;
    r->len = (uint32_t)n;
    if (n) {
        memcpy(r->s, s, n);
    }
    b->tail += (sizeof *r + n + 8) & ~(size_t)7;
    return r;
}

/* The block: descriptor, then tail bytes. The caller fills in shape and map. */
static RType *begin(Build *b, RKind kind, size_t tail)
{
    if (b->canon.failed || b->str.failed) {
        return NULL;
    }
    b->t = calloc(1, sizeof *b->t + tail + b->str.n + 32);
    if (!b->t) {
        return NULL;
    }
    RType *t = b->t;
    b->tail = (uint8_t *)(t + 1);
    t->hash[0] = hash64_more(HASH64_START, b->canon.s, b->canon.n);
    t->hash[1] = second_hash(b->canon.s, b->canon.n);
    t->kind = kind;
    rel_set(&t->str, tail_name(b, b->str.s, b->str.n));
    return t;
}

static void set_shape(Build *b, uint64_t size, unsigned align, unsigned flags)
{
    b->t->size = size;
    b->t->align = (uint8_t)align;
    b->t->flags = (uint8_t)flags;
}

static void set_map(Build *b, const uint8_t *kinds, uint32_t words)
{
    RType *t = b->t;
    while (words && kinds[words - 1] == GCW_SCALAR) {
        words--;
    }
    t->gc_words = words;
    if (words) {
        uint64_t *map = (uint64_t *)(void *)b->tail;
        b->tail += (words + 31) / 32 * 8;
        for (uint32_t i = 0; i < words; i++) {
            map[i >> 5] |= (uint64_t)kinds[i] << ((i & 31) * 2);
        }
        rel_set(&t->gcmap, map);
    } else {
        t->flags |= RT_NOPTR;
    }
}

/* Enters the type; another thread or unit may have it already, then that one is the answer. */
static const RType *finish(struct P *p, Build *b)
{
    const RType *got = NULL;
    if (b->t) {
        pthread_mutex_lock(&lock);
        DynTypes *d = table(p->vm);
        got = d ? canon_locked(p->vm, b->t->hash, NULL) : NULL;
        if (d && !got && keep(d, b->t)) {
            got = canon_locked(p->vm, b->t->hash, b->t);
            b->t = NULL;
        }
        pthread_mutex_unlock(&lock);
        free(b->t);
    }
    free(b->canon.s);
    free(b->str.s);
    return got;
}

static const uint8_t one_pointer[] = {GCW_PTR, GCW_SCALAR};
#define WORD_FLAGS (RT_DIRECT | RT_HAS_WORD_PTR)

const RType *dyntype_pointer(struct P *p, const RType *elem)
{
    if (rel_get(&elem->ptr_to)) {
        return dyntype_canon(p, rel_get(&elem->ptr_to));
    }
    Build b = {.canon = {.canon = true}};
    for (int i = 0; i < 2; i++) {
        put(i ? &b.str : &b.canon, "*");
        put_type(i ? &b.str : &b.canon, elem);
    }
    if (begin(&b, RK_POINTER, 8)) {
        set_shape(&b, 8, 8, WORD_FLAGS | RT_COMPARABLE | RT_PLAIN_EQ);
        rel_set(&b.t->elem, elem);
        set_map(&b, one_pointer, 1);
    }
    return finish(p, &b);
}

const RType *dyntype_slice(struct P *p, const RType *elem)
{
    Build b = {.canon = {.canon = true}};
    for (int i = 0; i < 2; i++) {
        put(i ? &b.str : &b.canon, "[]");
        put_type(i ? &b.str : &b.canon, elem);
    }
    if (begin(&b, RK_SLICE, 8)) {
        set_shape(&b, 16, 16, 0);
        rel_set(&b.t->elem, elem);
        set_map(&b, one_pointer, 2);
    }
    return finish(p, &b);
}

const RType *dyntype_chan(struct P *p, const RType *elem, unsigned dir)
{
    Build b = {.canon = {.canon = true}};
    put_chan(&b.canon, elem, dir);
    put_chan(&b.str, elem, dir);
    if (begin(&b, RK_CHAN, 8)) {
        set_shape(&b, 8, 8, WORD_FLAGS | RT_COMPARABLE | RT_PLAIN_EQ);
        b.t->chan_dir = (uint8_t)dir;
        rel_set(&b.t->elem, elem);
        set_map(&b, one_pointer, 1);
    }
    return finish(p, &b);
}

const RType *dyntype_map(struct P *p, const RType *key, const RType *elem)
{
    Build b = {.canon = {.canon = true}};
    for (int i = 0; i < 2; i++) {
        Text *t = i ? &b.str : &b.canon;
        put(t, "map[");
        put_type(t, key);
        put(t, "]");
        put_type(t, elem);
    }
    if (begin(&b, RK_MAP, 8)) {
        set_shape(&b, 8, 8, WORD_FLAGS);
        rel_set(&b.t->elem, elem);
        rel_set(&b.t->key, key);
        set_map(&b, one_pointer, 1);
    }
    return finish(p, &b);
}

static void word_kinds(uint8_t *to, const RType *t)
{
    for (uint32_t i = 0; i < t->gc_words; i++) {
        to[i] = (uint8_t)rtype_word_kind(t, i);
    }
}

const RType *dyntype_array(struct P *p, const RType *elem, uint64_t n)
{
    uint64_t size;
    if (__builtin_mul_overflow(elem->size, n, &size) || size > (uint64_t)1 << 32) {
        return NULL;
    }
    uint32_t words = elem->gc_words ? (uint32_t)(size / 8) : 0, step = (uint32_t)(elem->size / 8);
    uint8_t *kinds = calloc(words + 1, 1);
    const RType *slice = dyntype_slice(p, elem);
    if (!kinds || !slice) {
        free(kinds);
        return NULL;
    }
    for (uint64_t i = 0; words && i < n; i++) {
        word_kinds(kinds + i * step, elem);
    }
    Build b = {.canon = {.canon = true}};
    put_array(&b.canon, elem, n);
    put_array(&b.str, elem, n);
    if (begin(&b, RK_ARRAY, words / 4 + 16)) {
        set_shape(&b, size, elem->align, elem->flags & (RT_COMPARABLE | RT_PLAIN_EQ));
        b.t->count = n;
        rel_set(&b.t->elem, elem);
        rel_set(&b.t->slice_of, slice);
        set_map(&b, kinds, words);
    }
    free(kinds);
    return finish(p, &b);
}

const RType *dyntype_func(struct P *p, const RType *const *types, uint32_t nin, uint32_t nout,
                          bool variadic)
{
    Build b = {.canon = {.canon = true}};
    for (int i = 0; i < 2; i++) {
        put(i ? &b.str : &b.canon, "func");
        put_sig(i ? &b.str : &b.canon, types, nin, nout, variadic);
    }
    if (begin(&b, RK_FUNC, (nin + nout) * 8 + 16)) {
        set_shape(&b, 8, 8, WORD_FLAGS | (variadic ? RT_VARIADIC : 0));
        b.t->count = nin;
        b.t->nout = nout;
        RelPtr *params = (RelPtr *)(void *)b.tail;
        b.tail += (nin + nout) * 8;
        for (uint32_t i = 0; i < nin + nout; i++) {
            rel_set(&params[i], types[i]);
        }
        rel_set(&b.t->params, params);
        set_map(&b, one_pointer, 1);
    }
    return finish(p, &b);
}

/* ---- structs ---- */

static uint64_t round_up(uint64_t n, uint64_t align) { return (n + align - 1) / align * align; }

/* Offsets into at[]; returns the size. */
static uint64_t struct_layout(const DynField *f, uint32_t n, uint64_t *at, unsigned *align,
                              unsigned *flags)
{
    uint64_t size = 0;
    *align = 1;
    *flags = RT_COMPARABLE | RT_PLAIN_EQ;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t start = round_up(size, f[i].type->align);
        *flags &= f[i].type->flags | (start == size ? 0 : RT_COMPARABLE);
        *flags &= f[i].type->flags;
        if (start != size || (f[i].name.len == 1 && f[i].name.ptr[0] == '_')) {
            *flags &= ~(unsigned)RT_PLAIN_EQ;
        }
        at[i] = start;
        size = start + f[i].type->size;
        *align = f[i].type->align > *align ? f[i].type->align : *align;
    }
    if (n && size && f[n - 1].type->size == 0) {
        size++; /* the address of the last field stays inside */
    }
    uint64_t total = round_up(size, *align);
    if (total != size) {
        *flags &= ~(unsigned)RT_PLAIN_EQ;
    }
    return total;
}

static void struct_fields(Build *b, const DynField *f, uint32_t n, const uint64_t *at)
{
    RField *out = (RField *)(void *)b->tail;
    b->tail += n * sizeof *out;
    rel_set(&b->t->fields, n ? out : NULL);
    for (uint32_t i = 0; i < n; i++) {
        out[i].offset = at[i];
        out[i].embedded = f[i].embedded;
        rel_set(&out[i].type, f[i].type);
        rel_set(&out[i].name, tail_name(b, f[i].name.ptr, (size_t)f[i].name.len));
        if (f[i].pkg.len) {
            rel_set(&out[i].pkg, tail_name(b, f[i].pkg.ptr, (size_t)f[i].pkg.len));
        }
        if (f[i].tag.len) {
            rel_set(&out[i].tag, tail_name(b, f[i].tag.ptr, (size_t)f[i].tag.len));
        }
    }
}

static void struct_spell(Text *t, const DynField *f, uint32_t n)
{
    put(t, n ? "struct { " : "struct {");
    for (uint32_t i = 0; i < n; i++) {
        put(t, i ? "; " : "");
        put_field(t, f[i].name, f[i].pkg, f[i].tag, f[i].type, f[i].embedded);
    }
    put(t, n ? " }" : "}");
}

const RType *dyntype_struct(struct P *p, const DynField *f, uint32_t n)
{
    uint64_t *at = calloc(n + 1, sizeof *at);
    size_t tail = n * sizeof(RField) + 32;
    unsigned align = 1, flags = 0;
    uint64_t size = at ? struct_layout(f, n, at, &align, &flags) : 0;
    uint8_t *kinds = calloc(size / 8 + 2, 1);
    if (!at || !kinds || size > (uint64_t)1 << 32) {
        free(at);
        free(kinds);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        word_kinds(kinds + at[i] / 8, f[i].type);
        tail += (size_t)(f[i].name.len + f[i].pkg.len + f[i].tag.len) + 3 * 16;
    }
    Build b = {.canon = {.canon = true}};
    struct_spell(&b.canon, f, n);
    struct_spell(&b.str, f, n);
    if (begin(&b, RK_STRUCT, tail + size / 32 + 16)) {
        set_shape(&b, size, align, flags);
        b.t->count = n;
        struct_fields(&b, f, n, at);
        set_map(&b, kinds, (uint32_t)(size / 8));
    }
    free(at);
    free(kinds);
    return finish(p, &b);
}
