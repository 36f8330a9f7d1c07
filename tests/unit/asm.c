/* asm.c - see asm.h. One block that never moves; everything is laid out as it comes. */
#include "tests/unit/asm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *take(Asm *a, size_t n, size_t align)
{
    a->used = (a->used + align - 1) & ~(align - 1);
    assert(a->used + n <= a->cap);
    void *p = a->block + a->used;
    a->used += n;
    return p;
}

static void rel_set(RelPtr *r, const void *target)
{
    r->off = target ? (const char *)target - (const char *)r : 0;
}

static RName *name_new(Asm *a, const char *s)
{
    size_t n = strlen(s);
    RName *r = take(a, sizeof *r + n + 1, 8);
    r->len = (uint32_t)n;
    memcpy(r->s, s, n + 1);
    return r;
}

void asm_init(Asm *a)
{
    memset(a, 0, sizeof *a);
    a->cap = 1 << 18;
    a->block = calloc(1, a->cap);
    take(a, sizeof(Unit), 16);
}

static void finish(Asm *a)
{
    Func *f = a->fn;
    if (f == NULL) {
        return;
    }
    f->ncode = asm_here(a);
    SlotKind *k = take(a, f->nkinds * sizeof *k, 8);
    memcpy(k, a->kinds, f->nkinds * sizeof *k);
    rel_set(&f->kinds, k);
    LineEntry *l = take(a, f->nlines * sizeof *l, 8);
    memcpy(l, a->lines, f->nlines * sizeof *l);
    rel_set(&f->lines, l);
    a->fn = NULL;
}

Func *asm_func(Asm *a, const char *name, unsigned nres, unsigned nargs, unsigned frame)
{
    finish(a);
    RName *n = name_new(a, name);
    Func *f = take(a, sizeof *f, 8);
    f->nres = (uint16_t)nres;
    f->nargs = (uint16_t)nargs;
    f->frame = frame;
    f->line = 1;
    f->serial = a->nfuncs;
    rel_set(&f->unit, a->block);
    rel_set(&f->name, n);
    a->funcs[a->nfuncs++] = f;
    return a->fn = f;
}

uint32_t asm_here(const Asm *a)
{
    return (uint32_t)((Insn *)(void *)(a->block + a->used) - func_code(a->fn));
}

uint32_t asm_op(Asm *a, Op op, int x, int y, int z)
{
    uint32_t at = asm_here(a);
    Insn *i = take(a, sizeof *i, 8);
    *i = (Insn){(uint16_t)op, (uint16_t)x, (uint16_t)y, (uint16_t)z};
    return at;
}

void asm_word(Asm *a, int64_t v) { memcpy(take(a, 8, 8), &v, 8); }

void asm_ptr(Asm *a, const void *target)
{
    char *at = take(a, 8, 8);
    int64_t off = (const char *)target - at;
    memcpy(at, &off, 8);
}

void asm_li(Asm *a, int slot, int32_t v)
{
    asm_op(a, OP_LI, slot, (uint16_t)v, (uint16_t)((uint32_t)v >> 16));
}

void asm_jump(Asm *a, uint32_t at, uint32_t to)
{
    Insn *i = (Insn *)((uintptr_t)a->fn + sizeof(Func)) + at;
    int32_t off = (int32_t)to - (int32_t)(at + op_words(i));
    if (i->op == OP_JMP || i->op == OP_LOOP) {
        i->b = (uint16_t)off;
        i->c = (uint16_t)((uint32_t)off >> 16);
    } else {
        i->c = (uint16_t)off;
    }
}

void asm_kind(Asm *a, unsigned slot, unsigned kind, uint32_t from, uint32_t to)
{
    a->kinds[a->fn->nkinds++] = (SlotKind){from, to, (uint16_t)slot, (uint16_t)kind};
}

void asm_line(Asm *a, uint32_t line)
{
    a->lines[a->fn->nlines++] = (LineEntry){asm_here(a), line, 0, 1};
}

RType *asm_type(Asm *a, const char *name, RKind kind, uint64_t size, unsigned align, unsigned flags,
                const uint8_t *kinds, const RType *elem)
{
    finish(a);
    RType *t = take(a, sizeof *t, 16);
    t->hash[0] = hash64_more(HASH64_START, name, strlen(name));
    t->hash[1] = (uint64_t)kind;
    t->size = size;
    t->kind = (uint8_t)kind;
    t->align = (uint8_t)align;
    t->flags = (uint8_t)flags;
    rel_set(&t->str, name_new(a, name));
    rel_set(&t->elem, elem);
    if (kinds) {
        uint64_t *map = take(a, 8, 8);
        for (uint32_t i = 0; i < size / 8; i++) {
            *map |= (uint64_t)kinds[i] << (2 * i);
            t->gc_words = kinds[i] ? i + 1 : t->gc_words;
        }
        rel_set(&t->gcmap, map);
    } else {
        t->flags |= RT_NOPTR;
    }
    a->types[a->ntypes++] = t;
    return t;
}

RType *asm_string_type(Asm *a)
{
    return asm_type(a, "string", RK_STRING, 16, 16, RT_COMPARABLE, (const uint8_t[]){GCW_PTR, 0},
                    NULL);
}

static RelPtr *table(Asm *a, void *const *v, uint32_t n)
{
    RelPtr *t = take(a, n * sizeof *t + 8, 8);
    for (uint32_t i = 0; i < n; i++) {
        rel_set(&t[i], v[i]);
    }
    return t;
}

Unit *asm_unit(Asm *a, Func *main)
{
    finish(a);
    Unit *u = (Unit *)(void *)a->block;
    void *file = name_new(a, "/tmp/test.gol");
    void *natives[16];
    for (uint32_t i = 0; i < a->nnatives; i++) {
        natives[i] = name_new(a, a->natives[i]);
    }
    u->magic = UNIT_MAGIC;
    u->abi = op_abi();
    u->nfuncs = a->nfuncs;
    u->ntypes = a->ntypes;
    u->nfiles = 1;
    u->nnatives = a->nnatives;
    rel_set(&u->funcs, table(a, (void *const *)a->funcs, a->nfuncs));
    rel_set(&u->types, table(a, (void *const *)a->types, a->ntypes));
    rel_set(&u->files, table(a, &file, 1));
    rel_set(&u->natives, table(a, natives, a->nnatives));
    rel_set(&u->main, main);
    u->size = a->used;
    return u;
}
