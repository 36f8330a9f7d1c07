/* unitbuf.c - the bytes of the unit being made.
 *
 * A unit is written as many small blobs (functions, descriptors, names, tables) that know their
 * references to one another; sealing lays them out in the order of their creation, which makes the
 * result a function of the input alone, and then writes every self-relative word. Nothing is moved
 * or reordered after that. References to other units become Relocs, sorted by place.
 */
#include "lang/gen.h"

#include <stdlib.h>

typedef struct NameEntry { uint64_t hash; Blob *blob; } NameEntry;

Blob *blob_new(UnitBuf *ub, uint32_t align)
{
    Blob *b = MEM_NEW(Blob);
    b->align = align;
    VEC_PUSH(ub->blobs, b);
    return b;
}

uint32_t blob_zero(Blob *b, uint32_t n)
{
    uint32_t at = b->len;
    if (b->len + n > b->cap) {
        uint32_t cap = b->cap ? b->cap : 64;
        while (cap < b->len + n) {
            cap *= 2;
        }
        uint8_t *data = mem_alloc_atomic(cap);
        if (b->len) {
            memcpy(data, b->data, b->len);
        }
        b->data = data;
        b->cap = cap;
    }
    if (n) {
        memset(b->data + at, 0, n);
    }
    b->len += n;
    return at;
}

uint32_t blob_put(Blob *b, const void *data, uint32_t n)
{
    uint32_t at = blob_zero(b, n);
    if (n) {
        memcpy(b->data + at, data, n);
    }
    return at;
}

void blob_ref(Blob *b, uint32_t at, Blob *to, uint32_t add)
{
    if (to) {
        BlobRef r = {at, add, to};
        VEC_PUSH(b->refs, r);
    }
}

static void names_grow(UnitBuf *ub)
{
    uint32_t cap = ub->names_cap ? ub->names_cap * 2 : 256;
    NameEntry **t = MEM_NEW_N(NameEntry *, cap);
    for (uint32_t i = 0; i < ub->names_cap; i++) {
        NameEntry *e = ub->names[i];
        if (e) {
            uint32_t at = (uint32_t)e->hash & (cap - 1);
            while (t[at]) {
                at = (at + 1) & (cap - 1);
            }
            t[at] = e;
        }
    }
    ub->names = t;
    ub->names_cap = cap;
}

Blob *ub_name(UnitBuf *ub, const char *s, size_t n)
{
    if (ub->nnames * 2 >= ub->names_cap) {
        names_grow(ub);
    }
    uint64_t h = hash64_more(HASH64_START, s, n);
    uint32_t at = (uint32_t)h & (ub->names_cap - 1);
    for (NameEntry *e; (e = ub->names[at]); at = (at + 1) & (ub->names_cap - 1)) {
        if (e->hash == h && e->blob->len == n + 5 && memcmp(e->blob->data + 4, s, n) == 0) {
            return e->blob;
        }
    }
    NameEntry *e = MEM_NEW(NameEntry);
    e->hash = h;
    e->blob = blob_new(ub, 4);
    uint32_t len = (uint32_t)n;
    blob_put(e->blob, &len, 4);
    blob_put(e->blob, s, len);
    blob_zero(e->blob, 1);
    ub->names[at] = e;
    ub->nnames++;
    return e->blob;
}

Blob *ub_cname(UnitBuf *ub, const char *s) { return ub_name(ub, s, strlen(s)); }

void ub_symbol(UnitBuf *ub, SymKind kind, uint64_t hash, Blob *name, Blob *target, uint64_t offset)
{
    SymRec r = {hash, kind, name, target, offset};
    VEC_PUSH(ub->syms, r);
}

static int sym_compare(const void *pa, const void *pb)
{
    const SymRec *a = pa, *b = pb;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return 0;
}

static Blob *seal_symbols(UnitBuf *ub)
{
    Blob *b = blob_new(ub, 8);
    if (ub->syms.n) {
        qsort(ub->syms.at, ub->syms.n, sizeof *ub->syms.at, sym_compare);
    }
    for (uint32_t i = 0; i < ub->syms.n; i++) {
        SymRec *r = &ub->syms.at[i];
        Symbol s = {.hash = r->hash, .kind = r->kind};
        bool pkg = r->kind == SYM_PACKAGE; /* offset: the entry in the package table */
        s.offset = pkg ? 0 : r->offset;
        uint32_t at = blob_put(b, &s, sizeof s);
        blob_ref(b, at + offsetof(Symbol, name), r->name, 0);
        blob_ref(b, at + offsetof(Symbol, target), r->target, pkg ? (uint32_t)r->offset : 0);
    }
    return b;
}

/* A table of RelPtrs. */
static Blob *seal_table(UnitBuf *ub, Blob **at, uint32_t n)
{
    Blob *b = blob_new(ub, 8);
    for (uint32_t i = 0; i < n; i++) {
        blob_ref(b, blob_zero(b, 8), at[i], 0);
    }
    return b;
}

static void write_relocs(UnitBuf *ub, uint8_t *out, uint64_t table, uint32_t n)
{
    Reloc *r = (Reloc *)(void *)(out + table);
    uint32_t k = 0;
    for (uint32_t i = 0; i < ub->blobs.n; i++) {
        Blob *b = ub->blobs.at[i];
        for (uint32_t j = 0; j < b->relocs.n; j++, k++) {
            BlobReloc *s = &b->relocs.at[j];
            uint64_t at = table + (uint64_t)k * sizeof(Reloc) + offsetof(Reloc, name);
            r[k] = (Reloc){.at = b->pos + s->at, .kind = s->kind, .hash = s->hash,
                           .hash2 = s->hash2};
            r[k].name.off = s->name ? (int64_t)(s->name->pos - at) : 0;
        }
    }
    assert(k == n);
    (void)n;
}

static uint64_t lay_out(UnitBuf *ub)
{
    uint64_t pos = 0;
    for (uint32_t i = 0; i < ub->blobs.n; i++) {
        Blob *b = ub->blobs.at[i];
        pos = (pos + b->align - 1) & ~(uint64_t)(b->align - 1);
        b->pos = pos;
        pos += b->len;
    }
    return (pos + 15) & ~(uint64_t)15;
}

static uint8_t *write_out(UnitBuf *ub, uint64_t size, uint64_t total)
{
    uint8_t *out = calloc(1, total);
    if (!out) {
        return NULL;
    }
    for (uint32_t i = 0; i < ub->blobs.n; i++) {
        Blob *b = ub->blobs.at[i];
        if (b->len) {
            memcpy(out + b->pos, b->data, b->len);
        }
        for (uint32_t j = 0; j < b->refs.n; j++) {
            BlobRef *r = &b->refs.at[j];
            int64_t off = (int64_t)(r->to->pos + r->add) - (int64_t)(b->pos + r->at);
            memcpy(out + b->pos + r->at, &off, 8);
        }
    }
    (void)size;
    return out;
}

/* The first blob is the Unit header, made by gen_unit. */
struct Unit *ub_seal(UnitBuf *ub)
{
    Blob *h = ub->blobs.at[0];
    Unit u = {.magic = UNIT_MAGIC, .abi = op_abi(), .flags = ub->flags, .globals_size = ub->globals_size,
              .npackages = ub->npackages, .nsymbols = ub->syms.n, .nfiles = ub->files.n,
              .nfuncs = ub->funcs.n, .ntypes = ub->types.n, .nnatives = ub->natives.n};
    h->len = 0;
    blob_put(h, &u, sizeof u);
    blob_ref(h, offsetof(Unit, packages), ub->packages, 0);
    blob_ref(h, offsetof(Unit, symbols), seal_symbols(ub), 0);
    blob_ref(h, offsetof(Unit, files), seal_table(ub, ub->files.at, ub->files.n), 0);
    blob_ref(h, offsetof(Unit, types), seal_table(ub, ub->types.at, ub->types.n), 0);
    blob_ref(h, offsetof(Unit, funcs), seal_table(ub, ub->funcs.at, ub->funcs.n), 0);
    blob_ref(h, offsetof(Unit, natives), seal_table(ub, ub->natives.at, ub->natives.n), 0);
    blob_ref(h, offsetof(Unit, main), ub->main, 0);
    uint32_t nrelocs = 0;
    for (uint32_t i = 0; i < ub->blobs.n; i++) {
        nrelocs += ub->blobs.at[i]->relocs.n;
    }
    uint64_t size = lay_out(ub);
    uint64_t total = size + (uint64_t)nrelocs * sizeof(Reloc);
    uint8_t *out = write_out(ub, size, total);
    if (!out) {
        return NULL;
    }
    Unit *w = (Unit *)(void *)out;
    w->size = total;
    w->nrelocs = nrelocs;
    if (nrelocs) {
        w->relocs.off = (int64_t)size - (int64_t)offsetof(Unit, relocs);
        write_relocs(ub, out, size, nrelocs);
    }
    return w;
}
