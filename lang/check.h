/* check.h - private to the checker: its state and the functions that its files share.
 *
 * An operand is the Expr itself: mode, type and cval. A check function leaves either a valid
 * operand or MODE_INVALID with T_INVALID; who sees an invalid operand stays silent, so that one
 * mistake is reported once. */
#ifndef GOL_LANG_CHECK_H
#define GOL_LANG_CHECK_H

#include "lang/types.h"

enum { WHITE, GREY, BLACK }; /* Obj.color */

/* What the code being checked stands in; saved and restored around declarations and functions. */
typedef struct Env {
    Scope *scope;
    Obj *decl;          /* package-level object whose dependencies are gathered, or NULL */
    const Const *iota;  /* inside a constant declaration */
    Type *sig;          /* of the function whose body is checked, or NULL */
    FuncType *sig_syntax;
    Obj *func;          /* outermost function */
    uint32_t depth;     /* of function literals */
    bool has_label;     /* the function uses labels or goto */
    bool call_or_recv;  /* an expression contained a call or a receive: its len is no constant */
    bool in_tparams;    /* inside a type parameter list */
    Stmt *brk, *cont;   /* what a plain break or continue leaves */
    Pos err_pos, err_end; /* not 0: where errors are reported (inherited constant values) */
} Env;

typedef void (*LaterFn)(Checker *c, void *a, void *b);
typedef struct Later {
    LaterFn fn;
    void *a, *b;
    Env env;
} Later;

struct Checker {
    CheckConfig cfg;
    Package *pkg;
    Env env;
    VEC(Later) later;      /* work for when the types at hand are complete; a queue */
    uint32_t later_head;
    VEC(Obj *) path;       /* objects being resolved, innermost last */
    VEC(Obj *) vars;       /* local variables of the bodies checked so far: unused ones */
    VEC(Obj *) objects;    /* package-level, in source order, methods included */
    VEC(Obj *) pkgnames;   /* imports */
    struct { Type *named, *rhs; } *waiting; /* type T U while U is being resolved */
    uint32_t nwaiting, cap_waiting;
    uint32_t depth;        /* nesting of check functions */
    uint32_t busy;         /* running: queued work is done by the outermost call */
    uint32_t serial;
    bool lazy;
    bool too_deep, unsafe_reported;
    bool old_files;        /* a file is of an older language version */
};

#define CHECK_MAX_DEPTH 8000

static inline Type *basic(TypeKind k) { return type_basic[k]; }
#define INVALID basic(T_INVALID)
static inline bool is_invalid(const Type *t) { return !t || t->kind == T_INVALID; }

/* check.c */
void check_error(Checker *c, Pos pos, Pos end, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void check_error_at(Checker *c, const Expr *e, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void check_soft_error(Checker *c, Pos pos, Pos end, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
const char *check_type_text(Checker *c, Type *t);
const char *check_operand_text(Checker *c, const Expr *e);
const char *check_pos_text(Checker *c, Pos p); /* path:line:col */
uint32_t check_line(Checker *c, Pos p);
const char *check_similar(Scope *s, Name name); /* a name of s that name may be a misspelling of */
void check_later(Checker *c, LaterFn fn, void *a, void *b);
void check_run_later(Checker *c);
bool check_enter(Checker *c, Pos pos); /* false: nested too deeply, reported */
void check_leave(Checker *c);
Package *check_import(Checker *c, const char *path, Pos pos, Pos end);
Obj *check_auto_import(Checker *c, Expr *name);

/* decl.c */
Obj *check_new_obj(Checker *c, ObjKind kind, Name name, Pos pos, Type *type);
void check_declare(Checker *c, Scope *s, Obj *o);
void check_redeclared(Checker *c, Obj *o, Obj *old);
void check_obj(Checker *c, Obj *o);
void check_local_decl(Checker *c, Decl *d);
void check_const_decl(Checker *c, Obj *o, Decl *d, uint32_t index);
void check_tparams(Checker *c, FieldList *list, TypeList *out);
TypeList check_decl_tparams(const Decl *d);
void check_func_body(Checker *c, Type *sig, FuncType *ft, Block *body, Scope *scope, Obj *func,
                     uint32_t depth);
Scope *check_push_scope(Checker *c, Pos pos, Pos end);
void check_pop_scope(Checker *c);
void check_valid_type(Checker *c, Type *named);

/* typexpr.c */
void check_name(Checker *c, Expr *e, bool want_type);
Type *check_type(Checker *c, Expr *e);         /* any type; generic ones must be instantiated */
Type *check_generic_type(Checker *c, Expr *e); /* may be an uninstantiated generic type */
Type *check_var_type(Checker *c, Expr *e);     /* no constraint interface */
void check_valid_var_type(Checker *c, Expr *e, Type *t);
Type *check_constraint(Checker *c, Expr *e);
Type *check_signature(Checker *c, FuncType *ft, Field *recv, Decl *method);
Type *check_type_node(Checker *c, Expr *e);    /* type syntax; sets mode and type of e */
Type *check_instance(Checker *c, Expr *e);     /* T[A, B] where e->index.x is a generic type */
bool check_verify_targs(Checker *c, TypeList tparams, TypeList targs, ExprList *at, const Expr *e);
Type *check_record_type(Expr *e, Type *t);
bool check_is_generic(Type *t);

/* expr.c */
void check_invalid(Expr *e);
void check_raw(Checker *c, Expr *e, Type *hint);      /* anything */
void check_expr(Checker *c, Expr *e, Type *hint);     /* one value */
void check_multi(Checker *c, Expr *e);                /* one value or a tuple */
void check_expr_or_type(Checker *c, Expr *e);
void check_generic_expr(Checker *c, Expr *e);         /* one value, maybe a generic function */
bool check_single(Checker *c, Expr *e);
void check_exclude_nonvalues(Checker *c, Expr *e);
typedef enum Conv { CONV_OK, CONV_BAD, CONV_TRUNCATED, CONV_OVERFLOW } Conv;
Conv check_implicit(Checker *c, Expr *e, Type *target); /* converts an untyped operand in place */
void check_convert(Checker *c, Expr *e, Type *target);  /* the same, reporting */
void check_default(Checker *c, Expr *e);
void check_update(Checker *c, Expr *e, Type *t);
void check_overflow(Checker *c, Expr *e);
void check_binary(Checker *c, Expr *e, Expr *x, Token op, Expr *y, bool assign_op);
void check_comparison(Checker *c, Expr *e, Expr *x, Token op, Expr *y, bool switch_case);
bool check_match(Checker *c, Expr *x, Expr *y);
const char *check_token_text(Token op);
Expr *check_unparen(Expr *e);
void check_use(Checker *c, Expr *e); /* evaluates for its uses and errors only */
void check_use_list(Checker *c, ExprList *list);
void check_func_lit(Checker *c, Expr *e);

/* index.c, composite.c, select.c, convert.c */
void check_index(Checker *c, Expr *e);
void check_slice(Checker *c, Expr *e);
bool check_index_value(Checker *c, Expr *i, int64_t max, int64_t *value);
void check_composite(Checker *c, Expr *e, Type *hint);
void check_selector(Checker *c, Expr *e, bool want_type);
void check_conversion(Checker *c, Expr *call, Expr *x, Type *t);
void check_assertable(Checker *c, Expr *e, Expr *x, Type *t, bool type_switch);

/* call.c, builtins.c */
void check_call(Checker *c, Expr *e);
void check_builtin(Checker *c, Expr *e, uint8_t id);
void check_func_instance(Checker *c, Expr *e);   /* f[A, B] as a value or callee */
void check_record_instance(Expr *fn, TypeList targs, Type *sig);
bool check_infer_from(Checker *c, Expr *fn, Type *target); /* generic function to a func type */
void check_args_expand(Checker *c, ExprList *args, ExprList *out, bool generic);

/* assign.c */
void check_assign_to(Checker *c, Expr *x, Type *t, const char *context);
void check_init_const(Checker *c, Obj *o, Expr *x);
void check_init_var(Checker *c, Obj *o, Expr *x, const char *context);
void check_init_vars(Checker *c, Obj **lhs, uint32_t n, ExprList *rhs, Stmt *ret, Pos pos,
                     const char *context);
void check_assign_stmt(Checker *c, Stmt *s);
Type *check_lhs(Checker *c, Expr *lhs);
void check_set_commaok(Expr *e, Type *t);
void check_return_vars(Checker *c, Stmt *s);

/* version.c */
bool check_allows(Checker *c, Pos pos, int minor);
/* Reports that what the text names needs go1.MINOR, if the file is older. */
bool check_version(Checker *c, Pos pos, Pos end, int minor, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void check_literal_version(Checker *c, const Expr *e);
void check_note_versions(Checker *c);

/* stmt.c, range.c, switch.c, labels.c, return.c, initorder.c */
enum { CTX_BREAK = 1, CTX_CONTINUE = 2, CTX_FALLTHROUGH = 4, CTX_FINAL_CASE = 8, CTX_TYPESWITCH = 16 };
void check_stmt(Checker *c, Stmt *s, unsigned ctx);
void check_stmts(Checker *c, StmtList *list, unsigned ctx);
void check_shown(Checker *c, Stmt *s); /* live.c */
void check_block(Checker *c, Block *b, unsigned ctx);
void check_range(Checker *c, Stmt *s, unsigned ctx);
void check_switch(Checker *c, Stmt *s, unsigned ctx);
void check_type_switch(Checker *c, Stmt *s, unsigned ctx);
void check_select(Checker *c, Stmt *s, unsigned ctx);
void check_labels(Checker *c, Block *body);
bool check_terminates(StmtList *list);
void check_init_order(Checker *c);

#endif
