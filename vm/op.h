/* op.h - the instruction set, made from opcodes.def, and the small encodings that go with it. */
#ifndef GOL_VM_OP_H
#define GOL_VM_OP_H

#include "vm/unit.h"

typedef enum Op {
#define OP(name, a, b, c, ext, flags, doc) OP_##name,
#include "vm/opcodes.def"
    OP_COUNT
} Op;

/* How an element stands in memory (FIDX and friends). */
typedef enum MemKind {
    MEM_I8, MEM_U8, MEM_I16, MEM_U16, MEM_I32, MEM_U32, MEM_64, MEM_CELL, MEM_N
} MemKind;

/* One case of SELECT: a word. */
typedef struct CaseWord {
    uint16_t chan;   /* slot of the channel */
    uint16_t value;  /* slot of the value to send, or of the destination; 0xffff: dropped */
    uint16_t nslots; /* slots of the value */
    uint16_t send;   /* 1 send, 0 receive */
} CaseWord;
#ifndef GOL_RUNTIME_SELECT_H /* vm/ includes runtime/select.h first: its SelectCase is another */
typedef CaseWord SelectCase;
#endif

/* Operand kinds of PRINT. */
typedef enum PrintKind {
    PRINT_BOOL, PRINT_INT, PRINT_UINT, PRINT_FLOAT, PRINT_COMPLEX, PRINT_STRING, PRINT_POINTER,
    PRINT_SLICE, PRINT_IFACE, PRINT_SPACE, PRINT_NL
} PrintKind;

typedef enum OpRole { ROLE__, ROLE_R, ROLE_R2, ROLE_W, ROLE_W2, ROLE_RW, ROLE_IM, ROLE_UI, ROLE_J,
    ROLE_S } OpRole;

/* Ext words: X0 0; XK XT XF XG XM XN 1; XS XTN XTT XFT XV2 2; XV as many as field c says. */
typedef enum OpExt { EXT_X0, EXT_XK, EXT_XT, EXT_XF, EXT_XG, EXT_XM, EXT_XN, EXT_XS, EXT_XTN,
    EXT_XTT, EXT_XFT, EXT_XV2, EXT_XV } OpExt;

enum { FA = 1, FP = 2, FY = 4, FJ = 8, FS = 16 };

typedef struct OpInfo {
    const char *name;
    uint8_t a, b, c; /* OpRole */
    uint8_t ext;     /* OpExt */
    uint8_t flags;
    const char *doc;
} OpInfo;

extern const OpInfo op_info[OP_COUNT];

/* A hash over the opcode table and the layouts of units: a unit made by another build is refused. */
uint64_t op_abi(void);

/* Words of the instruction at pc, its ext words included. */
uint32_t op_words(const Insn *pc);

/* The operands as slot ranges, special ones included. A count of OP_TO_TOP means every slot from
 * there that holds a pointer at this pc (arguments of the *I calls). RET and RETD read the
 * function's results, NATIVE its parameters: those are not reported. Partial writes of
 * aggregates (FSET_*, FIDX_SET) are neither use nor definition. */
#define OP_TO_TOP 0xffffffffu
typedef void OpSlotFn(void *ctx, uint32_t slot, uint32_t count);
void op_uses(const Insn *pc, OpSlotFn *fn, void *ctx);
void op_defs(const Insn *pc, OpSlotFn *fn, void *ctx);

/* The word to which the instruction at pc may jump (FJ), or NULL if it has no jump operand. */
const Insn *op_target(const Insn *pc);

/* Extension word number I of the instruction at pc: literal, and self-relative pointer. */
static inline int64_t op_ext(const Insn *pc, int i)
{
    int64_t v;
    __builtin_memcpy(&v, pc + 1 + i, sizeof v);
    return v;
}

static inline const void *op_ext_ptr(const Insn *pc, int i)
{
    return (const char *)(pc + 1 + i) + op_ext(pc, i);
}

/* What TRAP raises. */
typedef enum TrapCode {
    TRAP_UNREACHABLE,
#define RANGE_ERROR(name, text) TRAP_RANGE_##name,
#include "vm/rangeerrors.def"
#undef RANGE_ERROR
    TRAP_COUNT
} TrapCode;

#endif
