/* op.c - the instruction set as data: names, lengths, operands.
 *
 * Everything here is derived from opcodes.def; the only knowledge written by hand is what the
 * "special" operands (role S) of an instruction cover. Stack maps, the disassembler and later a JIT
 * read operands through op_uses and op_defs and nowhere else. Pure functions, no state, any thread.
 */
#include "vm/op.h"

#include <assert.h>
#include <string.h>

const OpInfo op_info[OP_COUNT] = {
#define OP(name, a, b, c, ext, flags, doc)                                                         \
    [OP_##name] = {#name, ROLE_##a, ROLE_##b, ROLE_##c, EXT_##ext, flags, doc},
#include "vm/opcodes.def"
};

static const uint8_t ext_words[] = {
    [EXT_X0] = 0,  [EXT_XK] = 1,  [EXT_XT] = 1,  [EXT_XF] = 1,  [EXT_XG] = 1,  [EXT_XM] = 1,
    [EXT_XN] = 1,  [EXT_XS] = 2,  [EXT_XTN] = 2, [EXT_XTT] = 2, [EXT_XFT] = 2, [EXT_XV2] = 2,
    [EXT_XV] = 0,
};

uint64_t op_abi(void)
{
    uint64_t h = HASH64_START;
    for (int i = 0; i < OP_COUNT; i++) {
        h = hash64_more(h, op_info[i].name, strlen(op_info[i].name));
        h = hash64_more(h, &op_info[i].a, 4); /* a, b, c, ext */
    }
    uint32_t sizes[] = {sizeof(Unit), sizeof(Func), sizeof(RType), sizeof(UnitPkg), sizeof(Symbol),
                        sizeof(Reloc), sizeof(DataReloc), sizeof(SlotKind), sizeof(LineEntry)};
    return hash64_more(h, sizes, sizeof sizes);
}

uint32_t op_words(const Insn *pc)
{
    assert(pc->op < OP_COUNT);
    const OpInfo *in = &op_info[pc->op];
    return in->ext == EXT_XV ? 1u + pc->c : 1u + ext_words[in->ext];
}

const Insn *op_target(const Insn *pc)
{
    if (pc->op == OP_JMP || pc->op == OP_LOOP) {
        return pc + 1 + (int32_t)(pc->b | (uint32_t)pc->c << 16);
    }
    if (pc->op == OP_MAP_NEXT) {
        return pc + 3 + op_ext(pc, 1);
    }
    if (op_info[pc->op].c == ROLE_J) {
        return pc + op_words(pc) + (int16_t)pc->c;
    }
    return NULL;
}

static uint32_t type_slots(const Insn *pc, int i)
{
    return slots_for(((const RType *)op_ext_ptr(pc, i))->size);
}

static uint32_t key_slots(const Insn *pc)
{
    return slots_for(rtype_key(op_ext_ptr(pc, 0))->size);
}

static uint32_t elem_slots(const Insn *pc)
{
    return slots_for(rtype_elem(op_ext_ptr(pc, 0))->size);
}

/* FIDX's ext: slots of the whole array, and of one element in its frame form. */
static uint32_t fidx_array_slots(const Insn *pc)
{
    uint64_t x = (uint64_t)op_ext(pc, 0);
    return slots_for((x >> 32) * (x >> 8 & 0xffffff));
}

static uint32_t fidx_elem_slots(const Insn *pc)
{
    uint64_t x = (uint64_t)op_ext(pc, 0);
    MemKind k = (MemKind)(x & 0xff);
    return k == MEM_CELL ? 2 : k == MEM_N ? slots_for(x >> 8 & 0xffffff) : 1;
}

static void call_uses(const Insn *pc, OpSlotFn *fn, void *ctx)
{
    if (pc->op == OP_CALL || pc->op == OP_GO || pc->op == OP_DEFER) {
        const Func *f = op_ext_ptr(pc, 0);
        fn(ctx, pc->a + (uint32_t)f->nres, f->nargs);
    } else if (pc->op == OP_CALLC || pc->op == OP_GOC || pc->op == OP_DEFERC) {
        uint32_t x = (uint32_t)op_ext(pc, 0);
        fn(ctx, pc->a + (x & 0xffff), x >> 16);
    } else {
        fn(ctx, pc->a + (uint32_t)pc->c + 1, OP_TO_TOP);
    }
}

static void select_operands(const Insn *pc, uint16_t send, OpSlotFn *fn, void *ctx)
{
    for (uint32_t i = 0; i < pc->c; i++) {
        CaseWord sc;
        __builtin_memcpy(&sc, pc + 1 + i, sizeof sc);
        if (send != 2 && sc.send == send && sc.value != 0xffff) {
            fn(ctx, sc.value, sc.nslots);
        } else if (send == 2) {
            fn(ctx, sc.chan, 1);
        }
    }
}

/* What the S operands of the instruction read. */
static void special_uses(const Insn *pc, OpSlotFn *fn, void *ctx)
{
    switch ((Op)pc->op) {
    case OP_MOVEN: fn(ctx, pc->b, pc->c); break;
    case OP_STORE_N: fn(ctx, pc->b, slots_for((uint64_t)op_ext(pc, 0))); break;
    case OP_STORE_T: fn(ctx, pc->b, type_slots(pc, 0)); break;
    case OP_EQ_T:
        fn(ctx, pc->b, type_slots(pc, 0));
        fn(ctx, pc->c, type_slots(pc, 0));
        break;
    case OP_FLD_I8: case OP_FLD_U8: case OP_FLD_I16: case OP_FLD_U16: case OP_FLD_I32:
    case OP_FLD_U32: fn(ctx, pc->b + (uint32_t)pc->c / 8, 1); break;
    case OP_FIDX: fn(ctx, pc->b, fidx_array_slots(pc)); break;
    case OP_FIDX_SET: fn(ctx, pc->b, fidx_elem_slots(pc)); break;
    case OP_IDXS_T: fn(ctx, pc->c, type_slots(pc, 0)); break;
    case OP_SLICE: case OP_SLICE_STR: case OP_SLICE_ARR: {
        int64_t x = op_ext(pc, 0);
        for (uint32_t i = 0; i < 3; i++) {
            if (x >> i & 1) {
                fn(ctx, pc->c + i, 1);
            }
        }
        break;
    }
    case OP_APPEND: fn(ctx, pc->c, (uint32_t)op_ext(pc, 1) * type_slots(pc, 0)); break;
    case OP_CONCAT: fn(ctx, pc->b, 2u * pc->c); break;
    case OP_CLOSURE: fn(ctx, pc->b, pc->c); break;
    case OP_MAP_GET: case OP_MAP_GET2: fn(ctx, pc->c, key_slots(pc)); break;
    case OP_MAP_SET:
        fn(ctx, pc->b, key_slots(pc));
        fn(ctx, pc->c, elem_slots(pc));
        break;
    case OP_MAP_DEL: fn(ctx, pc->b, key_slots(pc)); break;
    case OP_SEND: case OP_TRY_SEND: fn(ctx, pc->b, (uint32_t)op_ext(pc, 0)); break;
    case OP_SELECT:
        select_operands(pc, 2, fn, ctx);
        select_operands(pc, 1, fn, ctx);
        break;
    case OP_MKIFACE: fn(ctx, pc->b, type_slots(pc, 0)); break;
    case OP_CALL: case OP_CALLC: case OP_CALLI: case OP_GO: case OP_GOC: case OP_GOI: case OP_DEFER:
    case OP_DEFERC: case OP_DEFERI: call_uses(pc, fn, ctx); break;
    case OP_PRINT: fn(ctx, pc->a, pc->c == PRINT_SPACE || pc->c == PRINT_NL ? 0
                      : pc->c == PRINT_BOOL || pc->c == PRINT_INT || pc->c == PRINT_UINT ||
                          pc->c == PRINT_FLOAT || pc->c == PRINT_POINTER ? 1 : 2); break;
    case OP_ATOMIC_CAS_32: case OP_ATOMIC_CAS_64: fn(ctx, pc->c, 2); break;
    default: break;
    }
}

/* What the S operands write. */
static void special_defs(const Insn *pc, OpSlotFn *fn, void *ctx)
{
    switch ((Op)pc->op) {
    case OP_MOVEN: case OP_ZERO: fn(ctx, pc->a, pc->c); break;
    case OP_LOAD_N: case OP_CAP_N: fn(ctx, pc->a, slots_for((uint64_t)op_ext(pc, 0))); break;
    case OP_LOAD_T: case OP_IDX_T: case OP_UNBOX: case OP_ASSERT:
        fn(ctx, pc->a, type_slots(pc, 0));
        break;
    case OP_ASSERT2: fn(ctx, pc->a, type_slots(pc, 0) + 1); break;
    case OP_ASSERT_I2: fn(ctx, pc->a, 3); break;
    case OP_FIDX: fn(ctx, pc->a, fidx_elem_slots(pc)); break;
    case OP_MAP_GET: fn(ctx, pc->a, elem_slots(pc)); break;
    case OP_MAP_GET2: fn(ctx, pc->a, elem_slots(pc) + 1); break;
    case OP_MAP_NEXT:
        if (pc->b != 0xffff) {
            fn(ctx, pc->b, key_slots(pc));
        }
        if (pc->c != 0xffff) {
            fn(ctx, pc->c, elem_slots(pc));
        }
        break;
    case OP_RECV: case OP_RECV2: fn(ctx, pc->a, (uint32_t)op_ext(pc, 0)); break;
    case OP_TRY_RECV: {
        uint32_t x = (uint32_t)op_ext(pc, 0);
        fn(ctx, pc->a, x & 0xffff);
        if (x >> 16 != 0xffff) {
            fn(ctx, x >> 16, 1);
        }
        break;
    }
    case OP_SELECT: select_operands(pc, 0, fn, ctx); break;
    case OP_CALL: fn(ctx, pc->a, ((const Func *)op_ext_ptr(pc, 0))->nres); break;
    case OP_CALLC: fn(ctx, pc->a, (uint32_t)op_ext(pc, 0) & 0xffff); break;
    case OP_CALLI: fn(ctx, pc->a, pc->c); break;
    default: break;
    }
}

static uint32_t role_reads(uint8_t role)
{
    return role == ROLE_R || role == ROLE_RW ? 1 : role == ROLE_R2 ? 2 : 0;
}

static uint32_t role_writes(uint8_t role)
{
    return role == ROLE_W || role == ROLE_RW ? 1 : role == ROLE_W2 ? 2 : 0;
}

void op_uses(const Insn *pc, OpSlotFn *fn, void *ctx)
{
    const OpInfo *in = &op_info[pc->op];
    if (role_reads(in->a)) {
        fn(ctx, pc->a, role_reads(in->a));
    }
    if (role_reads(in->b)) {
        fn(ctx, pc->b, role_reads(in->b));
    }
    if (role_reads(in->c)) {
        fn(ctx, pc->c, role_reads(in->c));
    }
    if (in->a == ROLE_S || in->b == ROLE_S || in->c == ROLE_S || pc->op == OP_SELECT) {
        special_uses(pc, fn, ctx);
    }
}

void op_defs(const Insn *pc, OpSlotFn *fn, void *ctx)
{
    const OpInfo *in = &op_info[pc->op];
    if (role_writes(in->a)) {
        fn(ctx, pc->a, role_writes(in->a));
    }
    if (role_writes(in->c)) {
        fn(ctx, pc->c, role_writes(in->c));
    }
    if (in->a == ROLE_S || in->b == ROLE_S || in->c == ROLE_S || pc->op == OP_SELECT) {
        special_defs(pc, fn, ctx);
    }
}
