/* gen.h - private to the code generator (gen*.c, escape.c, regs.c, emit.c, unitbuf.c).
 *
 * Layers, bottom up: unitbuf (the unit's bytes), gen_type (layouts and descriptors), regs and emit
 * (slots and instructions of the function at hand), gen_loc (places), gen_expr, gen_cond, gen_call,
 * gen_builtin, gen_conv (values), gen_assign, gen_stmt, gen_switch, gen_range (statements),
 * gen_func (bodies, literals, wrappers), gen (packages). Everything runs on the compiler thread and
 * nothing here outlives gen_unit but the block it returns.
 */
#ifndef GOL_LANG_GEN_H
#define GOL_LANG_GEN_H

#include "lang/compile.h"
#include "lang/types.h"
#include "vm/op.h"

#include <assert.h>

/* ---- unitbuf.c: blobs are laid out in creation order when the unit is sealed */

typedef struct Blob Blob;
typedef struct BlobRef { uint32_t at, add; Blob *to; } BlobRef;
typedef struct BlobReloc { uint32_t at, kind; uint64_t hash, hash2; Blob *name; } BlobReloc;

struct Blob {
    uint8_t *data;
    uint32_t len, cap, align;
    uint64_t pos;               /* offset in the unit, once sealed */
    VEC(BlobRef) refs;          /* self-relative words */
    VEC(BlobReloc) relocs;      /* words that the loader fills */
};

typedef struct SymRec { uint64_t hash; uint32_t kind; Blob *name, *target; uint64_t offset; } SymRec;

typedef struct UnitBuf {
    VEC(Blob *) blobs;
    struct NameEntry **names;   /* RName blobs by content */
    uint32_t nnames, names_cap;
    VEC(SymRec) syms;
    VEC(Blob *) types, funcs, natives, files;
    Blob *packages;             /* UnitPkg[npackages] */
    uint32_t npackages;
    uint64_t globals_size;
    uint64_t flags;             /* UNIT_* */
    Blob *main;
} UnitBuf;

Blob *blob_new(UnitBuf *ub, uint32_t align);
uint32_t blob_put(Blob *b, const void *data, uint32_t n); /* returns its offset */
uint32_t blob_zero(Blob *b, uint32_t n);
void blob_ref(Blob *b, uint32_t at, Blob *to, uint32_t add); /* to may be NULL */
Blob *ub_name(UnitBuf *ub, const char *s, size_t n);       /* an interned RName */
Blob *ub_cname(UnitBuf *ub, const char *s);
void ub_symbol(UnitBuf *ub, SymKind kind, uint64_t hash, Blob *name, Blob *target, uint64_t offset);
struct Unit *ub_seal(UnitBuf *ub);

/* ---- gen_type.c */

/* REP_HUGE: an aggregate that stands in frames as a pointer to an immutable copy (value.h). What may
 * change one in place has it in memory: a box, a variable of a package, a part of either. */
typedef enum Rep { REP_SCALAR, REP_CELL, REP_AGG, REP_HUGE } Rep;

/* What code generation knows of a type; one record for identical types. */
typedef struct TInfo {
    Type *type;        /* substituted */
    Type *under;
    uint8_t rep, mk;   /* Rep; MemKind of scalars and cells, MEM_N of aggregates */
    bool ptr;          /* a scalar that is a heap pointer */
    bool iface;        /* an interface */
    bool noptr;        /* holds no pointer anywhere */
    bool wants_methods, has_methods, is_signed;
    uint32_t slots, align;
    uint64_t size;
    uint8_t *gc;       /* GCW_* of each word up to the last pointer */
    uint32_t ngc;
    uint64_t hash[2];
    bool hashed, emitted;
    Blob *rtype;       /* its descriptor here, or NULL: in the image (external) or not asked for */
    bool external;
    Blob *str;
    struct TInfo *next;
} TInfo;

#define BIG_SLOTS 64 /* variables above this live in heap boxes */
static inline bool is_agg(const TInfo *ti) { return ti->rep >= REP_AGG; }
static inline bool is_huge(const TInfo *ti) { return ti->rep == REP_HUGE; }
static inline bool is_big(const TInfo *ti) { return is_huge(ti) || ti->slots > BIG_SLOTS; }

/* ---- functions and variables */

typedef struct FuncRec {
    Obj *obj;
    TypeList targs;
    Subst subst;       /* of the body: receiver and function type parameters to targs */
    Type *sig;         /* substituted T_FUNC, no receiver */
    Type *recv;        /* substituted receiver type, or NULL */
    const char *name;
    Blob *blob;        /* NULL: in the image */
    uint64_t hash, args_hash; /* of the name; of targs */
    struct FuncRec *next, *pending;
} FuncRec;

/* What the escape walk leaves in Obj.gen of a local variable, and of a function (walked). */
typedef struct ObjGen {
    struct Lit *owner;   /* the function or literal that declares it */
    bool captured, walked;
    struct LVar *var;    /* its record in the function being generated */
    FuncRec *recs;       /* OBJ_FUNC: instances */
    uint64_t goff;       /* package variable: offset in the unit's globals */
    bool has_goff;
    bool static_init;    /* package variable: its value is in the template */
    uint8_t inlinable;   /* OBJ_FUNC: gen_inline.c's verdict */
} ObjGen;

/* A function or function literal as the escape walk sees it: its captures in order. */
typedef struct Lit {
    Expr *e;
    struct Lit *outer;
    VEC(Obj *) caps;
    bool has_defer, has_recover, has_loop;
    bool range_body;     /* the body of a range over a function */
    struct Lit *next;
} Lit;

struct Fg;
typedef struct LVar {
    Obj *obj;
    struct Fg *fg;
    struct LVar *prev;   /* same Obj in an outer function */
    TInfo *ti;
    int slot;            /* value, or pointer to its box */
    bool boxed;
} LVar;

typedef struct Label { int32_t pc; VEC(uint32_t) uses; } Label; /* pc -1: not bound yet */
#define LABEL_INIT {-1, {NULL, 0, 0}}

/* A statement that break or continue may leave. */
typedef struct Ctl {
    struct Ctl *up;
    Stmt *stmt;
    Stmt *labeled;       /* the ST_LABELED around it, or NULL */
    Label *brk, *cont;   /* cont NULL: switch or select */
} Ctl;

typedef struct CodeRef { uint32_t word, add; Blob *to; uint32_t reloc; uint64_t hash, hash2; Blob *name; } CodeRef;
typedef struct GotoLabel { Stmt *stmt; Label label; } GotoLabel;

/* A constant that a loop uses: it stands in a slot of its own from the function's entry. */
#define HOIST_MAX 8
typedef struct Hoist { int64_t bits; } Hoist;

typedef struct Gen {
    const GenInput *in;
    DiagList *diags;
    UnitBuf *ub;
    TInfo **types;
    uint32_t ntypes, types_cap;
    VEC(TInfo *) method_queue;
    FuncRec *pending, **pending_tail;
    VEC(SourceFile *) files;
    Lit **lits;
    uint32_t nlits, lits_cap;
    bool failed;
    jmp_buf *give_up;    /* where gen_endless goes: gen_unit */
} Gen;

/* The function being generated. */
typedef struct Fg {
    Gen *gen;
    struct Fg *outer;
    Blob *blob;
    const char *name;
    const Subst *subst;
    Package *pkg;
    Type *sig;
    Lit *lit;
    VEC(uint64_t) code;
    VEC(CodeRef) refs;
    VEC(LineEntry) lines;
    VEC(SlotKind) kinds, open;
    VEC(LVar *) vars;
    VEC(LVar *) results;      /* named result variables, or empty */
    VEC(GotoLabel *) gotos;
    Pos pos, line_pos;
    bool unsigned_index, line_unsigned; /* of the next instruction, and of the last line entry */
    uint32_t top, max_top;
    uint32_t nres, nargs;
    uint16_t flags;
    uint32_t nlits, nranges; /* in the names of literals and range bodies so far */
    bool has_defer, boxed_results, dead;
    bool long_jumps, overflow, too_big;
    int32_t last_insn;        /* pc of the last instruction; -1 after a label */
    uint32_t epilogue;
    Label ret;                /* the common way out: RETD or the reload of boxed results */
    Ctl *ctl;
    struct RangeFn *range_fn; /* this literal is the body of a range over a function */
    struct RangeFn *next_fn;  /* the literal compiled next will be */
    int go_minor;
    int inlining;             /* depth of bodies compiled in place of calls: no lines of theirs */
    int loops;                /* depth of loops */
    int hoist_slot;           /* first of HOIST_MAX slots, or -1 */
    VEC(Hoist) hoists;
} Fg;

/* gen_type.c */
TInfo *tinfo(Gen *g, Type *t);
Blob *tinfo_rtype(Gen *g, TInfo *ti);    /* NULL: external */
void tinfo_want_methods(Gen *g, TInfo *ti);
void gen_type_methods(Gen *g, TInfo *ti);
void gen_type_finish(Gen *g);
void type_identity(Gen *g, TInfo *ti);
Blob *gen_env_type(Gen *g, TInfo **at, const uint32_t *off, const bool *box, uint32_t n, uint32_t size);

/* gen_data.c: static values of package variables; offsets are the package's */
typedef struct StaticArea { uint64_t off, n; TInfo *ti; } StaticArea;
typedef struct StaticData {
    Gen *g;
    uint64_t base, end;      /* the package's variables and what stands behind them */
    Blob *bytes, *relocs;
    uint32_t nrelocs;
    VEC(StaticArea) areas;
} StaticData;
void gen_data(StaticData *d, Gen *g, Package *pkg, uint64_t base, uint64_t size);
Blob *gen_globals_type(Gen *g, Package *pkg, Obj **vars, uint32_t n, const StaticData *d);
char *type_name_full(Type *t, bool canonical);
uint64_t method_id(Name name, Package *pkg);
bool name_exported(Name n);
const Symbol *image_symbol(Gen *g, uint64_t hash, uint32_t kind, uint64_t hash2);

/* regs.c */
int slot_new(Fg *f, TInfo *ti);
int slot_scalar(Fg *f);
int slot_ptr(Fg *f);
int slot_raw(Fg *f, uint32_t n);
uint32_t slot_mark(const Fg *f);
void slot_release(Fg *f, uint32_t mark);
void slot_verify(Fg *f);

/* emit.c */
uint32_t emit(Fg *f, Op op, int a, int b, int c);
void emit_word(Fg *f, uint64_t w);
void emit_blob(Fg *f, Blob *to, uint32_t add);
void emit_type(Fg *f, TInfo *ti);
void emit_func(Fg *f, FuncRec *r);
void emit_t(Fg *f, Op op, int a, int b, int c, TInfo *ti);
void emit_n(Fg *f, Op op, int a, int b, int c, uint64_t n);
void emit_int(Fg *f, int dst, int64_t v);
void emit_move(Fg *f, int dst, int src, uint32_t slots);
void emit_zero(Fg *f, int dst, uint32_t slots);
/* The instruction emitted next indexes with an operand of this type. */
void emit_index_of(Fg *f, Expr *index);
bool index_unsigned(Fg *f, Expr *index);
void emit_global(Fg *f, Op op, int a, int b, Obj *var, uint64_t off);
void emit_jmp(Fg *f, Label *l);
void emit_cjump(Fg *f, Op op, int a, int b, Label *l);
void emit_loop_add(Fg *f, Op op, int a, int b, int step, Label *l); /* l is bound */
void emit_tjump(Fg *f, Op op, int a, TInfo *ti, Label *l);
void emit_try(Fg *f, Op op, int a, int b, uint64_t ext, Label *l); /* l is not bound */
void emit_map_next(Fg *f, int it, int k, int v, TInfo *map, Label *done);
void label_bind(Fg *f, Label *l);
int hoist_const(Fg *f, int64_t bits);    /* its slot, or -1 */
void fg_finish(Fg *f, Type *sig, Pos decl);
void gen_error(Fg *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* escape.c */
void escape_func(Gen *g, Decl *d);
Lit *escape_lit(Gen *g, Lit *outer, Expr *lit);
Lit *lit_of(Gen *g, Expr *e);
Lit *escape_init(Gen *g, Decl *d);
ObjGen *obj_gen(Obj *o);
bool expr_simple(const Expr *e);

/* Places. */
typedef enum LocKind { LOC_BLANK, LOC_SLOT, LOC_FRAME, LOC_MEM, LOC_INDEX, LOC_FIDX, LOC_GLOBAL,
    LOC_MAP } LocKind;
typedef struct Loc {
    uint8_t kind;
    bool nonnil;       /* MEM: the pointer was made here */
    bool unsigned_index; /* INDEX, FIDX: what a panic prints */
    TInfo *ti;
    int slot;          /* SLOT; FRAME: base; MEM: pointer; INDEX: slice; FIDX: array; MAP: map */
    int idx;           /* INDEX, FIDX: index; MAP: key */
    uint64_t off;      /* FRAME, MEM, GLOBAL: bytes */
    uint64_t len;      /* FIDX: array length */
    Obj *var;          /* GLOBAL */
    TInfo *map;        /* MAP */
} Loc;

/* gen_loc.c */
Loc gen_loc(Fg *f, Expr *e);             /* an addressable expression or map element */
Loc gen_place(Fg *f, Expr *e);           /* as gen_loc, any operand: values go to a temporary */
bool gen_big_copy(Fg *f, Expr *e, TInfo *ti, const Loc *dst);
Loc loc_slot(TInfo *ti, int slot);
Loc loc_field(Fg *f, Loc base, Type *strukt, uint32_t field);
Loc loc_at(Fg *f, Loc base, uint64_t off, TInfo *ti);
Loc loc_deref(Fg *f, int ptr, TInfo *ti);
Loc loc_path(Fg *f, Loc base, Type *t, const uint32_t *path, uint32_t n, Type **end);
int loc_any(Fg *f, const Loc *l);        /* the value's slot, in place where possible */
void loc_load(Fg *f, const Loc *l, int dst);
void loc_store(Fg *f, const Loc *l, int src);
void loc_zero(Fg *f, const Loc *l);
void gen_zero(Fg *f, int dst, TInfo *ti);
void huge_settle(Fg *f, int slot, TInfo *ti); /* a huge nil stands for zero: makes it so */
int loc_addr(Fg *f, const Loc *l);       /* a slot with its address */
void loc_addr_to(Fg *f, const Loc *l, int dst);
Loc loc_own(Fg *f, Loc l);               /* operands copied out of variables */
LVar *var_of(Fg *f, Obj *o);

/* gen_expr.c */
Type *ftype(Fg *f, Type *t);
Type *etype(Fg *f, const Expr *e);
TInfo *einfo(Fg *f, const Expr *e);
Expr *unparen(Expr *e);
int gen_any(Fg *f, Expr *e);
void gen_to(Fg *f, Expr *e, int dst);
int gen_any_as(Fg *f, Expr *e, TInfo *to);
void gen_as(Fg *f, Expr *e, TInfo *to, int dst);  /* implicit conversion to `to` included */
void gen_as_var(Fg *f, Expr *e, TInfo *to, int dst); /* dst may be read by e */
void gen_effect(Fg *f, Expr *e);
int64_t const_int(const Const *c);
int64_t float_bits(const Const *c, bool f32);
int64_t composite_len(Expr *e);
void gen_const(Fg *f, const Const *c, TInfo *ti, int dst);
bool const_small(Fg *f, const Expr *e, int64_t lo, int64_t hi, int64_t *out);
void gen_binary_op(Fg *f, Token op, TInfo *ti, int dst, int x, int y);
void gen_arith(Fg *f, Token op, TInfo *ti, int dst, int x, Expr *y, Pos pos);
void gen_lit_closure(Fg *f, Expr *e, int dst);
void gen_composite(Fg *f, Expr *e, TInfo *ti, Loc dst, bool zeroed);
bool is_nil(const Expr *e);
bool is_blank(const Expr *e);

/* gen_conv.c */
void conv_iface(Fg *f, TInfo *from, TInfo *to, int src, int dst);
void gen_conversion(Fg *f, Expr *x, TInfo *to, int dst);
void conv_value(Fg *f, TInfo *from, TInfo *to, int src, int dst);
void norm_int(Fg *f, TInfo *ti, int slot);
void gen_assert(Fg *f, Expr *e, TInfo *to, int dst, bool commaok);

/* gen_cond.c */
void gen_cond(Fg *f, Expr *e, bool sense, Label *l);
void gen_compare_to(Fg *f, Expr *e, int dst);
void gen_equal_jump(Fg *f, TInfo *ti, int x, int y, bool eq, Label *l);

/* gen_call.c */
FuncRec *func_rec(Gen *g, Obj *o, TypeList targs);
_Noreturn void gen_endless(Gen *g, Obj *o); /* reports an instantiation cycle, leaves gen_unit */
FuncRec *func_rec_of_name(Fg *f, Expr *name);
FuncRec *method_rec(Gen *g, Obj *m, Type *recv);
int gen_call(Fg *f, Expr *e, uint32_t *nslots); /* slot of the results */
void gen_go_defer(Fg *f, Stmt *s);
Selection *resolve_selection(Fg *f, Expr *sel);
void gen_method_value(Fg *f, Expr *e, int dst);
void gen_method_expr(Fg *f, Expr *e, int dst);
void gen_func_value(Fg *f, FuncRec *r, int dst);
Expr *static_callee(Expr *fn);           /* the name of the function called, or NULL */
uint32_t sig_results(Gen *g, Type *sig);
uint32_t sig_params(Gen *g, Type *sig);

/* gen_intrinsic.c */
bool gen_intrinsic(Fg *f, Expr *e, int dst);

/* gen_inline.c */
Obj *call_inlinable(Gen *g, Expr *e);
bool gen_inline(Fg *f, Expr *e, int dst);
bool gen_inline_cond(Fg *f, Expr *e, bool sense, Label *l);

/* gen_builtin.c: dst -1: for effect only */
void gen_builtin(Fg *f, Expr *e, int dst);

/* gen_assign.c */
void gen_assign(Fg *f, Stmt *s);
void gen_define(Fg *f, Stmt *s);
void gen_incdec(Fg *f, Stmt *s);
void gen_var_decl(Fg *f, Decl *d);
void gen_init_decl(Fg *f, Decl *d);      /* d: several names, one call */
void gen_init_var(Fg *f, Expr *name, Expr *value);
void gen_multi_value(Fg *f, Expr *e, int *slots, TInfo **tis, uint32_t n);
void assign_from(Fg *f, Expr *lhs, bool is_new, int src, TInfo *from);

/* gen_order.c: calls that a statement makes before it reads what they may change */
typedef struct OrderSaved { Expr *at; Expr was; } OrderSaved;
typedef struct Order { VEC(OrderSaved) saved; } Order;
void order_begin(Fg *f, Stmt *s, Order *o);
void order_begin_expr(Fg *f, Expr *e, Order *o);
void order_end(Order *o);

/* gen_stmt.c, gen_switch.c, gen_range.c */
void gen_stmt(Fg *f, Stmt *s, Stmt *labeled);
void gen_block(Fg *f, Block *b);
void gen_stmts(Fg *f, Stmt **at, uint32_t n);
void gen_for(Fg *f, Stmt *s, Stmt *labeled);
void gen_switch(Fg *f, Stmt *s, Stmt *labeled);
void gen_typeswitch(Fg *f, Stmt *s, Stmt *labeled);
void gen_select(Fg *f, Stmt *s, Stmt *labeled);
void gen_range(Fg *f, Stmt *s, Stmt *labeled);

/* gen_rangefn.c: the body of a range over a function, as a literal */
typedef struct RangeFn {
    Stmt *loop, *labeled, *final; /* final: the `return true` at the end of the body */
    Obj *state;                   /* why the body left: 0 it did not, 1 return, 2.. exits[state - 2] */
    Obj *frame;                   /* FRAME of the function around it, if the body defers */
    Obj **results;                /* values of a return inside the body */
    Type *sig;                    /* of the function that the return leaves */
    bool returns, values;
    VEC(Stmt *) exits;            /* branches to statements outside */
} RangeFn;
void gen_range_fn(Fg *f, Stmt *s, Type *u, Stmt *labeled);
bool rangefn_branch(Fg *f, Stmt *s);
void rangefn_enter(Fg *f);
bool rangefn_return(Fg *f, Stmt *s);

/* gen_func.c */
LVar *var_declare(Fg *f, Obj *o, Type *t);            /* a slot; boxes hold a fresh zeroed object */
LVar *var_declare_at(Fg *f, Obj *o, TInfo *ti, int slot);
Loc var_loc(const LVar *v);
bool var_boxed(Fg *f, Obj *o, TInfo *ti);
void gen_return(Fg *f, Stmt *s);
void gen_return_jump(Fg *f);
void gen_branch(Fg *f, Stmt *s);
void gen_body_literal(Fg *f, Expr *e, Lit *lit, const char *name, uint16_t flags, int dst);
void gen_func_body(Gen *g, FuncRec *r);
Blob *gen_literal(Fg *f, Expr *e, Lit *lit, const char *name, uint16_t flags, Blob *blob);
void gen_init_func(Gen *g, Package *pkg, Blob *blob);
Blob *gen_wrapper(Gen *g, Type *recv, Selection *sel);
void fg_init(Fg *f, Gen *g, Fg *outer, Blob *blob, const char *name, const Subst *subst, Package *pkg);

/* Synthesised trees: their types are substituted already. */
Expr *syn_expr(ExprKind k, Type *t, uint8_t mode, Pos pos);
Obj *syn_var(Name name, Type *t);
Expr *syn_name(Obj *o, Pos pos);
Expr *syn_call(Expr *fn, Expr **args, uint32_t n, bool dots, Type *t, Pos pos);
Expr *syn_func(Type *sig, Obj **params, Stmt **body, uint32_t n, Pos pos);
Stmt *syn_stmt_call(Expr *call, bool ret);


#endif
