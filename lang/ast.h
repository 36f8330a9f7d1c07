/* ast.h - syntax trees. The parser fills the syntax; the checker fills the fields marked [check].
 * Trees are never shared between declarations, and never changed after checking: generic bodies
 * are compiled once per instance by substituting types while reading (see types.h). */
#ifndef GOL_LANG_AST_H
#define GOL_LANG_AST_H

#include "lang/diag.h"
#include "lang/token.h"

typedef struct Expr Expr;
typedef struct Stmt Stmt;
typedef struct Block Block;
typedef struct Type Type;
typedef struct Obj Obj;
typedef struct Scope Scope;
typedef struct Const Const;
typedef struct Selection Selection;
typedef struct Package Package;

typedef VEC(Expr *) ExprList;

/* A field, parameter, result, type parameter, interface element or embedded type. */
typedef struct Field {
    Expr *name;   /* EX_NAME, or NULL: unnamed parameter, embedded field, interface element */
    Expr *type;   /* fields declared together share the type node */
    Expr *tag;    /* EX_LIT or NULL */
    bool embedded;
    Obj *obj;     /* [check] */
} Field;
typedef VEC(Field *) FieldList;

typedef struct FuncType {
    FieldList tparams; /* type parameters with their constraints */
    FieldList params;  /* the last one's type may be EX_ELLIPSIS */
    FieldList results;
} FuncType;

typedef enum ExprKind {
    EX_BAD, EX_NAME, EX_LIT, EX_COMPOSITE, EX_FUNC, EX_PAREN, EX_SELECTOR, EX_INDEX, EX_SLICE,
    EX_ASSERT, EX_CALL, EX_STAR, EX_UNARY, EX_BINARY, EX_KEYVALUE, EX_ELLIPSIS,
    EX_ARRAY_TYPE, EX_STRUCT_TYPE, EX_FUNC_TYPE, EX_IFACE_TYPE, EX_MAP_TYPE, EX_CHAN_TYPE
} ExprKind;

/* What an expression denotes. [check] */
typedef enum ExprMode {
    MODE_INVALID, MODE_NOVALUE, MODE_BUILTIN, MODE_TYPE, MODE_CONST, MODE_VAR /* addressable */,
    MODE_MAPINDEX, MODE_VALUE, MODE_NIL, MODE_COMMAOK, MODE_PACKAGE
} ExprMode;

/* What a call is. [check] */
typedef enum CallKind { CALL_FUNC, CALL_CONVERSION, CALL_BUILTIN } CallKind;

struct Expr {
    uint8_t kind;  /* ExprKind */
    uint8_t mode;  /* [check] ExprMode */
    bool commaok;  /* [check] used as v, ok = x: type is then a T_TUPLE (T, bool) */
    Pos pos;       /* where errors about it point: the operator of a binary, '(' no: see end */
    Pos start, end;/* its whole extent */
    Type *type;    /* [check] final type: untyped constants are converted to their context's */
    Const *cval;   /* [check] value of a MODE_CONST, representable in type */
    union {
        struct { Name name; Obj *obj /* [check] use or definition */; Type **targs; uint32_t ntargs;
                 /* [check] type arguments of an instantiated generic func, inferred or given */ } name;
        struct { Token tok; /* TOK_INT, TOK_FLOAT, TOK_IMAG, TOK_CHAR, TOK_STRING */
                 const char *text; uint32_t len; /* as written */ } lit;
        struct { Expr *type; /* NULL: elided */ ExprList elems; /* EX_KEYVALUE or values */
                 Pos rbrace; } composite;
        struct { FuncType *sig; Block *body; Scope *scope; } func;
        struct { Expr *x; } paren;
        struct { Expr *x; Expr *sel; /* EX_NAME */ Selection *selection; /* [check] NULL if qualified
                 identifier: then sel->name.obj */ } selector;
        struct { Expr *x; ExprList index; /* several only for type arguments */ } index;
        struct { Expr *x, *lo, *hi, *max; bool three; } slice;
        struct { Expr *x; Expr *type; /* NULL: .(type) */ } assert_;
        struct { Expr *fn; ExprList args; bool dots; uint8_t call_kind; uint8_t builtin;
                 bool deferred; /* recover(): by the defer statement itself */
                 Pos rparen; } call;
        struct { Expr *x; } star;  /* pointer type or dereference */
        struct { Token op; Expr *x; } unary;  /* + - ! ^ & <- ~ */
        struct { Token op; Expr *x, *y; } binary;
        struct { Expr *key, *value; } kv;
        struct { Expr *elem; } ellipsis;       /* ...T in parameters; [...] length */
        struct { Expr *len; /* NULL: slice; EX_ELLIPSIS: [...] */ Expr *elem; } array_type;
        struct { FieldList fields; } struct_type;
        struct { FuncType *sig; } func_type;
        struct { FieldList elems; /* methods: name + EX_FUNC_TYPE; else embedded types and unions (EX_BINARY |, EX_UNARY ~) */ } iface_type;
        struct { Expr *key, *value; } map_type;
        struct { uint8_t dir; /* 1 recv, 2 send, 3 both */ Expr *elem; } chan_type;
    };
};

typedef enum StmtKind {
    ST_BAD, ST_EMPTY, ST_EXPR, ST_SEND, ST_INCDEC, ST_ASSIGN /* = and op= */, ST_DEFINE /* := */,
    ST_GO, ST_DEFER, ST_RETURN, ST_BREAK, ST_CONTINUE, ST_GOTO, ST_FALLTHROUGH, ST_BLOCK, ST_IF,
    ST_SWITCH, ST_TYPESWITCH, ST_SELECT, ST_FOR, ST_RANGE, ST_LABELED, ST_DECL
} StmtKind;

typedef VEC(Stmt *) StmtList;

struct Block {
    Pos pos, rbrace;
    StmtList stmts;
    Scope *scope; /* [check] */
};

/* A case of switch, type switch or select. */
typedef struct Clause {
    Pos pos, colon;
    bool is_default;
    ExprList exprs;  /* switch: values; type switch: types (nil included) */
    Stmt *comm;      /* select: ST_SEND, ST_EXPR, ST_ASSIGN or ST_DEFINE; NULL for default */
    StmtList body;
    Obj *var;        /* [check] type switch with x := : the variable of this clause */
    Scope *scope;    /* [check] */
} Clause;

typedef struct Decl Decl;

struct Stmt {
    uint8_t kind; /* StmtKind */
    bool show;     /* ST_EXPR of a live entry: its value is shown */
    Pos pos, end;
    union {
        struct { Expr *x; } expr;
        struct { Expr *ch, *value; } send;
        struct { Expr *x; Token op; /* TOK_INC, TOK_DEC */ } incdec;
        struct { Token op; /* TOK_ASSIGN, TOK_DEFINE or the binary operator of op= */
                 ExprList lhs, rhs;
                 bool *is_new; /* [check] ST_DEFINE: which of lhs are declared here */ } assign;
        struct { Expr *call; } go;       /* ST_GO, ST_DEFER */
        struct { ExprList results; } ret;
        struct { Expr *label; /* EX_NAME or NULL */ Stmt *target; /* [check] the labelled
                 statement (ST_LABELED) or the enclosing for/switch/select */ } branch;
        struct { Block *body; } block;
        struct { Stmt *init; Expr *cond; Block *then; Stmt *els; /* ST_BLOCK, ST_IF or NULL */ } if_;
        struct { Stmt *init; Expr *tag; VEC(Clause *) clauses; Pos rbrace; } switch_;
        struct { Stmt *init; Expr *bind; /* EX_NAME or NULL */ Expr *x; VEC(Clause *) clauses; Pos rbrace; } tswitch;
        struct { VEC(Clause *) clauses; Pos rbrace; } select;
        struct { Stmt *init; Expr *cond; Stmt *post; Block *body; Scope *scope; } for_;
        struct { Expr *key, *value; /* NULL if absent */ bool define; Expr *x; Block *body; Scope *scope;
                 Pos op_pos; } range;
        struct { Expr *label; Stmt *body; Obj *obj; } labeled;
        struct { Decl *decl; } decl;
    };
};

typedef enum DeclKind { DECL_IMPORT, DECL_CONST, DECL_VAR, DECL_TYPE, DECL_FUNC } DeclKind;

/* One spec: parenthesised groups are flattened. */
struct Decl {
    uint8_t kind; /* DeclKind */
    Pos pos, end;
    const char *doc; /* comment before it, or NULL */
    struct SourceFile *file;
    Scope *fscope;   /* [check] the file's scope (package-level) or the enclosing one (local) */
    union {
        struct { Expr *name; /* EX_NAME incl. "." and "_", or NULL */ Expr *path; /* EX_LIT */
                 Package *pkg; bool used; } import;
        struct { ExprList names; Expr *type; ExprList values; uint32_t iota;
                 Decl *inherited; /* const: the earlier spec whose type and values repeat */
                 bool group_first;
                 struct Embed *embed; /* var: what //go:embed lines above it name (goembed.h) */
               } value; /* const and var */
        struct { Expr *name; FieldList tparams; bool alias; Expr *type; Obj *obj; } type;
        struct { Expr *name; Field *recv; /* NULL: function */ ExprList recv_tparams; /* names in recv's [ ] */
                 FuncType *sig; Block *body; /* NULL: native */ Obj *obj; Scope *scope; } func;
    };
};

/* A parsed file. Script mode: top-level statements are gathered in a synthesised func main. */
typedef struct File {
    SourceFile *src;
    Expr *pkg_name;   /* EX_NAME; "main" synthesised in script mode */
    bool script;      /* no package clause */
    bool tests;       /* functions named as tests are tests */
    VEC(Decl *) decls;
    VEC(Expr *) comments_go; /* //go: directives: EX_LIT with the text */
    Scope *scope;     /* [check] imports */
    bool has_errors;
} File;

/* Parses one file; diagnostics go to d. Never fails: bad parts are EX_BAD / ST_BAD. allow_script:
 * a missing package clause means script mode. */
File *parse_file(DiagList *d, SourceFile *src, bool allow_script);
/* Parses an entry of a live package (live.h): statements in any order with declarations. What := and
 * var declare becomes package variables, runs of statements become initialisers of blank ones. */
File *parse_live(DiagList *d, SourceFile *src);
/* The positions and texts of an expression, as Go's error messages print it. */
char *expr_string(const Expr *e);

#endif
