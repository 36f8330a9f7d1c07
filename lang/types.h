/* types.h - the checker's types, objects, scopes and packages, and the questions asked about them.
 *
 * Identity: basic types and universe types are singletons; defined types are identical iff they
 * are the same T_NAMED after instantiation (instances are hash-consed by origin and arguments);
 * other types are compared structurally (types_identical). Aliases are resolved when they are
 * named: no Type denotes an alias.
 *
 * Generics by full specialisation: a generic body is checked once; the code generator compiles it
 * once per list of type arguments, reading every recorded type through types_subst with that
 * function's type parameters bound. Local types declared in a generic function are instances too:
 * types_subst maps them per argument list.
 */
#ifndef GOL_LANG_TYPES_H
#define GOL_LANG_TYPES_H

#include "lang/ast.h"
#include "lang/const.h"

typedef enum TypeKind {
    T_INVALID, T_BOOL, T_INT, T_INT8, T_INT16, T_INT32, T_INT64, T_UINT, T_UINT8, T_UINT16,
    T_UINT32, T_UINT64, T_UINTPTR, T_FLOAT32, T_FLOAT64, T_COMPLEX64, T_COMPLEX128, T_STRING,
    T_UNSAFE_POINTER,
    T_UNTYPED_BOOL, T_UNTYPED_INT, T_UNTYPED_RUNE, T_UNTYPED_FLOAT, T_UNTYPED_COMPLEX,
    T_UNTYPED_STRING, T_UNTYPED_NIL,
    T_ARRAY, T_SLICE, T_STRUCT, T_POINTER, T_FUNC, T_INTERFACE, T_MAP, T_CHAN, T_NAMED, T_TPARAM,
    T_TUPLE, T_UNION /* only inside constraint interfaces */
} TypeKind;

typedef struct TypeList { Type **at; uint32_t n; } TypeList;

typedef struct StructField {
    Name name;
    Type *type;
    const char *tag; /* unquoted, or NULL */
    uint32_t tag_len;
    bool embedded;
    Package *pkg;    /* of the declaration: identity of unexported names */
    Pos pos;
} StructField;

typedef struct Param { Name name; /* or NULL */ Type *type; } Param;

typedef struct Method {      /* a method of an interface */
    Name name;
    Package *pkg;
    Type *type;              /* T_FUNC without receiver */
    Pos pos;
} Method;

typedef struct UnionTerm { bool tilde; Type *type; } UnionTerm;

/* Type set of an interface, computed on demand (typeset_of). */
typedef struct TypeSet {
    Method *methods; uint32_t nmethods; /* all, embedded included, sorted by name then pkg */
    bool all;            /* no type restriction: every type (terms unused) */
    UnionTerm *terms; uint32_t nterms;
    bool comparable;     /* the predeclared comparable is embedded */
} TypeSet;

struct Type {
    uint8_t kind; /* TypeKind */
    uint32_t mark; /* scratch for traversals; 0 outside */
    union {
        struct { Type *elem; int64_t len; } array; /* len -1: unknown after an error */
        struct { Type *elem; } slice;
        struct { StructField *fields; uint32_t n; uint32_t align; int64_t size;
                 /* layout, once all fields are resolved; align 0: not computed */ } struct_;
        struct { Type *elem; } pointer;
        struct { Param *params; uint32_t nparams; Param *results; uint32_t nresults; bool variadic;
                 /* last param's type is then a slice */ TypeList tparams; /* generic func */
                 TypeList rparams; /* method of a generic type: its receiver's type parameters,
                 fresh for each method, in order; recv and params are in terms of them */
                 Type *recv; /* receiver type of a method's own signature, else NULL */ } func;
        struct { Method *methods; uint32_t nmethods; Type **embeds; Pos *embed_pos; uint32_t nembeds;
                 bool implicit; /* ~T or A|B written as a constraint */ TypeSet *set; } iface;
        struct { Type *key, *elem; } map;
        struct { Type *elem; uint8_t dir; /* 1 recv 2 send 3 both */ } chan;
        struct { Obj *obj; Type *underlying; /* set when resolved: named_underlying() */
                 TypeList tparams; /* of a generic type */
                 Type *origin; TypeList targs; /* of an instance */
                 VEC(Obj *) methods; /* declared methods (OBJ_FUNC); of an instance: those of origin,
                                        read through method_of_instance */
                 Obj *in_func; /* local type: the function it is declared in, else NULL */
                 TypeList outer; /* local type of a generic function: its type arguments after
                                    substitution (origin set), else empty */
                 uint32_t serial;
                 bool finite; /* [check] does not contain itself by value */ } named;
        struct { Obj *obj; uint32_t index; Type *constraint; uint32_t serial; } tparam;
        struct { Type **at; uint32_t n; } tuple;
        struct { UnionTerm *terms; uint32_t n; } union_;
    };
    /* [codegen] scratch: memory layout and descriptor, 0/NULL until asked */
    void *layout;
};

typedef enum ObjKind { OBJ_PKGNAME, OBJ_CONST, OBJ_TYPE, OBJ_VAR, OBJ_FUNC, OBJ_LABEL, OBJ_BUILTIN,
    OBJ_NIL } ObjKind;

struct Obj {
    uint8_t kind; /* ObjKind */
    uint8_t color; /* resolution state: 0 white, 1 grey, 2 black */
    bool used;
    bool is_field, is_param, is_result, is_alias, is_global;
    Name name;
    Pos pos;
    Package *pkg;   /* NULL: universe */
    Scope *parent;
    Type *type;
    Decl *decl;     /* package-level, and local types and consts */
    Const *cval;    /* OBJ_CONST */
    uint8_t builtin;/* OBJ_BUILTIN: Builtin */
    Package *imported; /* OBJ_PKGNAME */
    Obj *func;      /* OBJ_VAR, OBJ_TYPE local: function (or literal's outermost function) it stands in */
    uint32_t depth; /* OBJ_VAR: nesting depth of function literals where it is declared */
    Decl *fdecl;    /* OBJ_FUNC: its declaration (body NULL: native) */
    Type *recv_named; /* OBJ_FUNC: method of this T_NAMED (origin) */
    bool ptr_recv;
    VEC(Obj *) deps; /* package-level var/func: package-level objects its initialiser/body names */
    uint32_t order; /* package-level: source order */
    /* [codegen] */
    bool boxed;     /* OBJ_VAR: lives on the heap (address taken or captured by reference) */
    bool assigned;  /* OBJ_VAR: assigned after its declaration */
    void *gen;      /* code generator's own record */
    uint8_t body_state; /* [check] OBJ_FUNC: 0 body unchecked, 1 queued or running, 2 checked */
};

struct Scope {
    Scope *parent;
    /* open-addressed table by interned name */
    Obj **table; uint32_t n, cap;
    bool is_func;
    Pos pos, end;
};
Scope *scope_new(Scope *parent);
Obj *scope_insert(Scope *s, Obj *o);      /* the previous object of that name, or NULL if inserted */
Obj *scope_lookup(Scope *s, Name name);   /* this scope only */
/* Innermost declaration visible at pos (local objects are visible after their pos; pos 0: any). */
Obj *scope_lookup_parent(Scope *s, Name name, Pos pos, Scope **where);

typedef enum Builtin {
    BI_APPEND, BI_CAP, BI_CLEAR, BI_CLOSE, BI_COMPLEX, BI_COPY, BI_DELETE, BI_IMAG, BI_LEN, BI_MAKE,
    BI_MAX, BI_MIN, BI_NEW, BI_PANIC, BI_PRINT, BI_PRINTLN, BI_REAL, BI_RECOVER,
    BI_UNSAFE_ADD, BI_UNSAFE_ALIGNOF, BI_UNSAFE_OFFSETOF, BI_UNSAFE_SIZEOF, BI_UNSAFE_SLICE,
    BI_UNSAFE_SLICEDATA, BI_UNSAFE_STRING, BI_UNSAFE_STRINGDATA, BI_COUNT
} Builtin;

typedef enum SelKind { SEL_FIELD, SEL_METHOD /* method value or call */, SEL_METHOD_EXPR } SelKind;

/* x.f: the path through embedded fields, then the field or method. */
struct Selection {
    uint8_t kind;     /* SelKind */
    Type *recv;       /* type of x */
    uint32_t *path; uint32_t npath; /* field indices; SEL_FIELD: the last is the field itself;
                         methods: the embedded fields up to the method's receiver */
    bool indirect;    /* a pointer was followed on the way */
    Obj *method;      /* concrete method (OBJ_FUNC of the origin type), or NULL */
    Type *method_recv;/* the type that declares it: T_NAMED (instance) or interface or T_TPARAM */
    Name name; Package *pkg; /* interface and type-parameter methods: looked up by name */
    Type *type;       /* of the whole: field type, method's func type without receiver, or method
                         expression's func with it */
};

/* One package being compiled or imported. */
struct Package {
    const char *path; /* import path; "main" */
    Name name;
    Scope *scope;
    VEC(File *) files;
    VEC(Package *) imports;   /* direct */
    bool is_main, is_std;     /* is_std: declarations come from the image's export text */
    bool imported_only;       /* no code to generate: the image has it */
    bool checked, fake;
    bool natives;             /* functions without body are the embedder's natives */
    bool imports_unsafe;      /* [check] */
    bool live;                /* an entry of a live package (live.h); imported_only: code is in the VM */
    VEC(Obj *) init_order;    /* package-level variables in initialisation order (var decls) */
    VEC(Decl *) init_decls;   /* DECL_VAR in that order; a decl with several names and one call once */
    VEC(Decl *) funcs;        /* all DECL_FUNC, init funcs and methods included */
    uint32_t mark;
    void *gen;
    struct Checker *checker; /* [check] resolves its objects on demand */
};

extern Type *type_basic[T_UNTYPED_NIL + 1];     /* by TypeKind */
extern Type *type_byte, *type_rune;             /* = uint8, int32 singletons' aliases for messages */
extern Type *type_error, *type_any, *type_comparable, *type_empty_iface;
extern Scope *universe;
extern Package *package_unsafe;
void universe_init(void); /* once per compile heap */

/* Constructors */
Type *type_new(TypeKind k);
Type *type_pointer(Type *elem);
Type *type_slice(Type *elem);
Type *type_array(Type *elem, int64_t len);
Type *type_map(Type *key, Type *elem);
Type *type_chan(Type *elem, uint8_t dir);
Type *type_tuple(Type **at, uint32_t n);

/* Questions. None reports; all are total, also on T_INVALID, and guard against cycles. */
Type *type_under(Type *t);           /* underlying; a type parameter: its constraint interface */
Type *type_core(Type *t);            /* core type or NULL (type parameters by their type set) */
Type *type_core_string(Type *t);     /* the same, but []byte | string counts as string */
/* Calls f for each term of t's type set (t itself if it is no type parameter) until false; term is
 * NULL where there is no specific type. */
bool type_each_term(Type *t, bool (*f)(Type *term, bool tilde, void *ctx), void *ctx);
/* The type parameters a function's body is in terms of: its own or its receiver's. */
TypeList func_tparams(Type *func);
bool type_is_interface(Type *t);     /* not a type parameter */
bool type_is_tparam(Type *t);
bool type_is_untyped(Type *t);
bool type_is_typed(Type *t);
bool type_is_boolean(Type *t);       /* these hold of a type parameter if of all its type set */
bool type_is_integer(Type *t);
bool type_is_unsigned(Type *t);
bool type_is_float(Type *t);
bool type_is_complex(Type *t);
bool type_is_numeric(Type *t);
bool type_is_string(Type *t);
bool type_is_const_type(Type *t);
bool type_is_ordered(Type *t);
bool type_has_nil(Type *t);
bool type_comparable_p(Type *t, const char **why); /* == allowed (interfaces: yes) */
bool type_strictly_comparable(Type *t);            /* satisfies comparable without panics */
bool types_identical(Type *a, Type *b);
uint64_t type_hash(Type *t);         /* equal for identical types */
Type *type_default(Type *t);         /* default type of an untyped one */
char *type_string(Type *t, Package *relative_to); /* as gc prints it: names of other packages
                                        than relative_to (NULL: types_current) are qualified */
char *type_string_paths(Type *t);    /* the same, all names qualified by whole import paths */
extern Package *types_current;       /* the package being checked: for the reasons given below */
bool type_has_tparam(Type *t);       /* mentions a type parameter */
int64_t type_sizeof(Type *t);        /* gol's layout (value.h): for unsafe.Sizeof */
int64_t type_alignof(Type *t);
int64_t type_offsetof(Type *strukt, uint32_t field);

/* Operand-level questions (x: mode, type, cval of e are what counts) */
bool types_assignable(Expr *x, Type *to, const char **why);
bool types_convertible(Expr *x, Type *to, const char **why);
bool const_representable(Const *c, Type *basic, Const **rounded);

/* Selectors: field or method of T (addressable: x is a variable). NULL if absent or ambiguous;
 * then *why says which of "", "ambiguous", "ptr" (method has pointer receiver), "unexported". */
Selection *type_lookup(Type *t, bool addressable, Package *pkg, Name name, const char **why);
Selection *type_lookup_fold(Type *t, Package *pkg, Name name); /* for "but does have X" hints */
/* The full method set of a type for its run-time descriptor: selections sorted by name. */
typedef struct MethodSet { Selection **at; uint32_t n; } MethodSet;
MethodSet type_method_set(Type *t);
TypeSet *typeset_of(Type *iface);
char *typeset_string(TypeSet *set, Package *relative_to); /* "~int | string" */
bool name_exported(Name n);
/* Identity of field and method names: unexported ones belong to their package. */
bool names_same(Name a, Package *ap, Name b, Package *bp);
/* Does T implement interface I; if not *missing is the method and *why the reason. */
bool type_implements(Type *t, Type *iface, bool constraint, Method **missing, char **why);

/* Generics */
typedef struct Subst { TypeList tparams; TypeList targs; } Subst;
Type *types_subst(Type *t, const Subst *s);         /* t itself if nothing changes */
Type *type_instantiate(Type *generic_named, TypeList targs); /* hash-consed */
Type *func_instantiate(Type *generic_func, TypeList targs);  /* signature without tparams */
Type *method_of_instance(Type *named, Obj *method); /* its func type with targs put in */
Type *named_underlying(Type *named);                /* lazily substituted for instances */
/* Verifies targs against constraints; false: *why says the failure, *index which. */
bool types_verify(TypeList tparams, TypeList targs, uint32_t *index, char **why);
/* Infers the missing targs of a call: targs has n entries, unknown ones NULL. args: the checked
 * arguments (untyped constants as such). arg_targs, unless NULL, has an entry for each: the type arguments
 * that a generic function among them has, then all of its. true if all were found; *failed is the type
 * parameter that is left, or with *why 1 + the argument that does not fit (0: none). */
bool types_infer(TypeList tparams, TypeList *targs, Param *params, uint32_t nparams, Expr **args,
                 uint32_t nargs, TypeList *arg_targs, uint32_t *failed, char **why);

/* The checker. Files are parsed; imports are resolved through import_package. */
typedef struct Checker Checker;
typedef struct CheckConfig {
    DiagList *diags;
    bool script_warnings;   /* unused variables and imports are warnings */
    bool auto_import;       /* script mode: unimported std package names resolve */
    bool live;              /* an entry: nothing is called unused */
    Type *shown;            /* of an entry: type of the last value shown, for the asker */
    bool allow_unsafe;      /* the permission to import unsafe */
    int go_minor;           /* language version 1.N */
    Package *(*import)(void *ctx, const char *path, Package *from, char **error);
    void *ctx;
} CheckConfig;
/* Checks the whole package: declarations, bodies, init order. Reports to cfg->diags. */
void check_package(const CheckConfig *cfg, Package *pkg);
/* A package from export text: objects are resolved on first use, bodies only of generic funcs. */
void check_package_lazily(const CheckConfig *cfg, Package *pkg);
/* Resolves a lazily declared object (no-op when done). */
void check_object(Obj *o);
/* Checks the body of a function of a lazily checked package (no-op when done): the code generator
 * asks before it compiles an instance. */
void check_body(Obj *func);
/* lang/compile.c, before the universe of a new compile is made. */
void types_forget_instances(void);

/* Whether a type argument nests deeper than limit: so only an endless instantiation does. */
enum { INSTANCE_DEPTH = 30 };
bool types_deeper(TypeList targs, int limit);

#endif
