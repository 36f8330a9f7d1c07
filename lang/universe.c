/* universe.c - the predeclared types, constants and functions. Made once per compiler heap; all
 * packages share them. Lives on the compiler thread like the rest of lang/. */
#include "lang/types.h"

Type *type_basic[T_UNTYPED_NIL + 1];
Type *type_byte, *type_rune;
Type *type_error, *type_any, *type_comparable, *type_empty_iface;
Scope *universe;
Package *package_unsafe;

static const struct {
    const char *name;
    Builtin id;
} builtin_names[] = {
    {"append", BI_APPEND}, {"cap", BI_CAP},         {"clear", BI_CLEAR}, {"close", BI_CLOSE},
    {"complex", BI_COMPLEX}, {"copy", BI_COPY},     {"delete", BI_DELETE}, {"imag", BI_IMAG},
    {"len", BI_LEN},       {"make", BI_MAKE},       {"max", BI_MAX},     {"min", BI_MIN},
    {"new", BI_NEW},       {"panic", BI_PANIC},     {"print", BI_PRINT}, {"println", BI_PRINTLN},
    {"real", BI_REAL},     {"recover", BI_RECOVER},
}, unsafe_names[] = {
    {"Add", BI_UNSAFE_ADD},       {"Alignof", BI_UNSAFE_ALIGNOF},
    {"Offsetof", BI_UNSAFE_OFFSETOF}, {"Sizeof", BI_UNSAFE_SIZEOF},
    {"Slice", BI_UNSAFE_SLICE},   {"SliceData", BI_UNSAFE_SLICEDATA},
    {"String", BI_UNSAFE_STRING}, {"StringData", BI_UNSAFE_STRINGDATA},
};

static const struct {
    const char *name;
    TypeKind kind;
} basic_names[] = {
    {"bool", T_BOOL}, {"int", T_INT}, {"int8", T_INT8}, {"int16", T_INT16}, {"int32", T_INT32},
    {"int64", T_INT64}, {"uint", T_UINT}, {"uint8", T_UINT8}, {"uint16", T_UINT16},
    {"uint32", T_UINT32}, {"uint64", T_UINT64}, {"uintptr", T_UINTPTR}, {"float32", T_FLOAT32},
    {"float64", T_FLOAT64}, {"complex64", T_COMPLEX64}, {"complex128", T_COMPLEX128},
    {"string", T_STRING},
};

static Obj *declare(Scope *s, ObjKind kind, const char *name, Type *type)
{
    Obj *o = MEM_NEW(Obj);
    o->kind = kind;
    o->name = name_of(name);
    o->type = type;
    o->color = 2;
    o->is_global = true;
    o->used = true;
    scope_insert(s, o);
    return o;
}

static Type *declare_named(const char *name, Type *underlying)
{
    Type *t = type_new(T_NAMED);
    t->named.obj = declare(universe, OBJ_TYPE, name, t);
    t->named.underlying = underlying;
    return t;
}

/* interface { Error() string } */
static Type *error_interface(void)
{
    Type *sig = type_new(T_FUNC);
    sig->func.results = MEM_NEW(Param);
    sig->func.results->type = type_basic[T_STRING];
    sig->func.nresults = 1;
    Type *iface = type_new(T_INTERFACE);
    iface->iface.methods = MEM_NEW(Method);
    iface->iface.methods->name = name_of("Error");
    iface->iface.methods->type = sig;
    iface->iface.nmethods = 1;
    return iface;
}

static void declare_unsafe(void)
{
    package_unsafe = MEM_NEW(Package);
    package_unsafe->path = "unsafe";
    package_unsafe->name = name_of("unsafe");
    package_unsafe->scope = scope_new(universe);
    package_unsafe->checked = package_unsafe->imported_only = package_unsafe->is_std = true;
    Obj *ptr = declare(package_unsafe->scope, OBJ_TYPE, "Pointer", type_basic[T_UNSAFE_POINTER]);
    ptr->pkg = package_unsafe;
    for (size_t i = 0; i < sizeof unsafe_names / sizeof *unsafe_names; i++) {
        Obj *o = declare(package_unsafe->scope, OBJ_BUILTIN, unsafe_names[i].name, NULL);
        o->builtin = (uint8_t)unsafe_names[i].id;
        o->pkg = package_unsafe;
    }
}

static void declare_types(void)
{
    for (int k = 0; k <= T_UNTYPED_NIL; k++) {
        type_basic[k] = type_new((TypeKind)k);
    }
    for (size_t i = 0; i < sizeof basic_names / sizeof *basic_names; i++) {
        declare(universe, OBJ_TYPE, basic_names[i].name, type_basic[basic_names[i].kind]);
    }
    type_byte = type_new(T_UINT8);
    type_rune = type_new(T_INT32);
    declare(universe, OBJ_TYPE, "byte", type_byte)->is_alias = true;
    declare(universe, OBJ_TYPE, "rune", type_rune)->is_alias = true;
    type_any = type_new(T_INTERFACE);
    type_empty_iface = type_new(T_INTERFACE);
    declare(universe, OBJ_TYPE, "any", type_any)->is_alias = true;
    type_error = declare_named("error", error_interface());
    Type *cmp = type_new(T_INTERFACE);
    cmp->iface.set = MEM_NEW(TypeSet);
    cmp->iface.set->all = cmp->iface.set->comparable = true;
    type_comparable = declare_named("comparable", cmp);
}

static void declare_values(void)
{
    declare(universe, OBJ_CONST, "true", type_basic[T_UNTYPED_BOOL])->cval = const_bool(true);
    declare(universe, OBJ_CONST, "false", type_basic[T_UNTYPED_BOOL])->cval = const_bool(false);
    declare(universe, OBJ_CONST, "iota", type_basic[T_UNTYPED_INT])->cval = const_i64(0);
    declare(universe, OBJ_NIL, "nil", type_basic[T_UNTYPED_NIL]);
    for (size_t i = 0; i < sizeof builtin_names / sizeof *builtin_names; i++) {
        Obj *o = declare(universe, OBJ_BUILTIN, builtin_names[i].name, NULL);
        o->builtin = (uint8_t)builtin_names[i].id;
    }
}

void universe_init(void)
{
    if (universe) {
        return;
    }
    mem_root(type_basic, sizeof type_basic);
    mem_root(&type_byte, sizeof type_byte);
    mem_root(&type_rune, sizeof type_rune);
    mem_root(&type_error, sizeof type_error);
    mem_root(&type_any, sizeof type_any);
    mem_root(&type_comparable, sizeof type_comparable);
    mem_root(&type_empty_iface, sizeof type_empty_iface);
    mem_root(&universe, sizeof universe);
    mem_root(&package_unsafe, sizeof package_unsafe);
    universe = scope_new(NULL);
    declare_types();
    declare_values();
    declare_unsafe();
}
