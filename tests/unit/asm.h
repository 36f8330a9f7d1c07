/* asm.h - assembles units by hand, for tests of vm/ that must not wait for the compiler. */
#ifndef GOL_TESTS_UNIT_ASM_H
#define GOL_TESTS_UNIT_ASM_H

#include "vm/op.h"

typedef struct Asm {
    uint8_t *block;      /* the unit; handed over by asm_unit */
    size_t used, cap;
    Func *fn;            /* being assembled */
    Func *funcs[64];
    RType *types[64];
    const char *natives[16];
    uint32_t nfuncs, ntypes, nnatives;
    SlotKind kinds[32];
    LineEntry lines[64];
} Asm;

void asm_init(Asm *a);
/* Begins a function (ends the one before). */
Func *asm_func(Asm *a, const char *name, unsigned nres, unsigned nargs, unsigned frame);
/* Emit; asm_op returns the word's number. Words stand in the current function. */
uint32_t asm_op(Asm *a, Op op, int x, int y, int z);
void asm_word(Asm *a, int64_t v);
void asm_ptr(Asm *a, const void *target); /* self-relative */
void asm_li(Asm *a, int slot, int32_t v);
/* Sets the jump of the instruction at word `at` to the next word (or `to`). */
void asm_jump(Asm *a, uint32_t at, uint32_t to);
uint32_t asm_here(const Asm *a);
void asm_kind(Asm *a, unsigned slot, unsigned kind, uint32_t from, uint32_t to);
void asm_line(Asm *a, uint32_t line);
/* Types: a type of `size` bytes; kinds as GCW_*, NULL: no pointers. elem may be NULL. */
RType *asm_type(Asm *a, const char *name, RKind kind, uint64_t size, unsigned align, unsigned flags,
                const uint8_t *kinds, const RType *elem);
RType *asm_string_type(Asm *a);
/* Seals: main is the function to run. */
Unit *asm_unit(Asm *a, Func *main);

#endif
