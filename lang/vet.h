/* vet.h - private to gol vet: the state of a run and what the checks share.
 *
 * A check is a function over one package that the checker accepted: it reads the trees, asks
 * types.h, and reports with vet_report. It changes nothing, so checks are independent of each other
 * and of their order; what one learns about functions of other packages (who wraps Printf, who
 * never returns) is kept in facts, which are gathered for all packages in order of dependency. */
#ifndef GOL_LANG_VET_H
#define GOL_LANG_VET_H

#include "lang/load.h"

/* From pointers to small numbers or records. */
typedef struct PtrMap {
    const void **keys;
    void **values;
    uint32_t n, cap;
} PtrMap;
void *ptrmap_get(const PtrMap *m, const void *key); /* NULL if absent */
void ptrmap_put(PtrMap *m, const void *key, void *value);

typedef struct Vet {
    DiagList *diags;
    Package *pkg;       /* at hand */
    bool quiet;         /* a dependency: facts only */
    const char *check;  /* name of the running check: the code of its findings */
    PtrMap wrappers; /* Obj of a func -> PrintKind: functions that forward to Printf and the like */
    PtrMap flows;       /* Obj of a func, or a func literal -> FuncFlow (vet_cfg.c) */
} Vet;

/* lang/vet.c. Runs the checks that `which` selects ("" all; "a,b" those; "-a" all but a)
 * over vetted;
 * packages: all loaded from source, dependencies first. False: `which` names no check, reported. */
bool vet_run(DiagList *d, PackageList packages, PackageList vetted, const char *which);
void vet_report(Vet *v, Pos pos, Pos end, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void vet_report_at(Vet *v, const Expr *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- vet_walk.c: trees in source order. A function that gives false keeps the walk out of what is
 * below its node; any may be NULL. */
typedef struct Visit {
    bool (*expr)(Vet *v, Expr *e, void *ctx);
    bool (*stmt)(Vet *v, Stmt *s, void *ctx);
    bool (*decl)(Vet *v, Decl *d, void *ctx);
    void *ctx;
} Visit;
void vet_walk_package(Vet *v, const Visit *w);
void vet_walk_decl(Vet *v, const Visit *w, Decl *d);
void vet_walk_stmt(Vet *v, const Visit *w, Stmt *s);
void vet_walk_stmts(Vet *v, const Visit *w, StmtList *list);
void vet_walk_expr(Vet *v, const Visit *w, Expr *e);
/* Calls f for each function with a body: d its declaration, or lit its literal. */
typedef void (*VetFuncFn)(Vet *v, Decl *d, Expr *lit, Block *body);
void vet_each_func(Vet *v, VetFuncFn f);
bool vet_any(Vet *v, Block *body, bool (*is)(const Expr *e, const void *what), const void *what);

/* ---- vet_util.c ---- */
Expr *vet_unparen(Expr *e);
/* The function that a call names: a declared function or method. Builtins, conversions and func
 * values give false. */
typedef struct Callee {
    Package *pkg;
    Name name;
    Obj *obj;       /* NULL: method of an interface or a type parameter */
    Type *recv; /* type whose method it is: the declared type, or an interface; NULL: function */
    bool ptr_recv, iface;
    Type *sig;      /* of the callee as called, without receiver */
} Callee;
bool vet_callee(Expr *call, Callee *out);
/* A statically known one: no interface method. */
bool vet_static_callee(Expr *call, Callee *out);
char *vet_full_name(const Callee *f); /* "fmt.Errorf", "(*log.Logger).Printf" */
bool vet_is_func(const Callee *f, const char *pkg, const char *name);   /* no method */
bool vet_is_method(const Callee *f, const char *pkg, const char *type, const char *name);
bool vet_is_named(Type *t, const char *pkg, const char *name);
bool vet_is_pkgname(const Expr *e, const char *path); /* e names an imported package */
bool vet_imports(const Package *p, const char *path);
bool vet_builtin_call(const Expr *e, Builtin id);
bool vet_conversion(const Expr *call);
Obj *vet_obj(const Expr *e);          /* of an EX_NAME, else NULL */
Pos vet_lparen(const Expr *call);
Pos vet_stmt_pos(const Stmt *s);      /* where it begins */
char *vet_source(Vet *v, const Expr *e); /* as written */
char *vet_type(Type *t);              /* names qualified by the whole import path */
bool vet_same(const Expr *a, const Expr *b); /* the same text, blanks aside */
bool vet_side_effects(Expr *e);       /* holds a call or a receive */
bool vet_const_string(const Expr *e, const char **s, size_t *n);
Type *vet_typeof(const Expr *e);      /* never NULL */
int vet_go_minor(Vet *v, Pos pos);
bool vet_in_list(const char *name, const char *const *list); /* NULL-terminated */
bool vet_implements_error(Type *t);

/* ---- vet_cfg.c: control flow ---- */
typedef struct FlowNode {
    Stmt *stmt; /* one of these */
    Expr *expr;
    Decl *decl;
} FlowNode;
typedef struct FlowBlock {
    VEC(FlowNode) nodes;
    VEC(struct FlowBlock *) next;
    Stmt *ret;     /* ends in this return, or in falling off the end: implicit */
    Pos implicit;
    bool live;
    uint32_t mark;
} FlowBlock;
typedef struct FuncFlow {
    VEC(FlowBlock *) blocks; /* the first is the entry */
    bool started, no_return; /* it never returns: each path ends in a panic, an exit or a loop */
} FuncFlow;
FuncFlow *vet_flow(Vet *v, Obj *func, Expr *lit, Block *body);

/* ---- the checks ---- */
#define VET(name, function, doc) void vet_##function(Vet *v);
#include "lang/vet.def"
#undef VET
void vet_printf_facts(Vet *v); /* who wraps Printf: before vet_printf, and for dependencies */

#endif
