/* vet_calls.c - checks of gol vet about single calls: append without values, time.Since evaluated
 * too early in a defer, targets of errors.As and Unmarshal that are no pointers, string(i) of a
 * number, results that are thrown away, keys and values of log/slog, uintptr to unsafe.Pointer. */
#include "lang/vet.h"

#include <string.h>

static void each_expr(Vet *v, bool (*f)(Vet *v, Expr *e, void *ctx))
{
    Visit w = {.expr = f};
    vet_walk_package(v, &w);
}

static void each_stmt(Vet *v, bool (*f)(Vet *v, Stmt *s, void *ctx))
{
    Visit w = {.stmt = f};
    vet_walk_package(v, &w);
}

/* ---- appends, defers ---- */

static bool append_expr(Vet *v, Expr *e, void *ctx)
{
    if (vet_builtin_call(e, BI_APPEND) && e->call.args.n == 1
        && vet_typeof(e->call.args.at[0])->kind != T_TUPLE) {
        vet_report_at(v, e, "append with no values");
    }
    return true;
}

void vet_appends(Vet *v) { each_expr(v, append_expr); }

static bool since_expr(Vet *v, Expr *e, void *ctx)
{
    Callee f;
    if (vet_static_callee(e, &f) && vet_is_func(&f, "time", "Since")) {
        vet_report_at(v, e, "call to time.Since is not deferred");
    }
    return e->kind != EX_FUNC;
}

static bool defer_stmt(Vet *v, Stmt *s, void *ctx)
{
    if (s->kind == ST_DEFER) {
        Visit w = {.expr = since_expr};
        Callee f;
        bool itself = vet_static_callee(s->go.call, &f) && vet_is_func(&f, "time", "Since");
        if (!itself) {
            vet_walk_expr(v, &w, s->go.call);
        }
    }
    return true;
}

void vet_defers(Vet *v)
{
    if (vet_imports(v->pkg, "time")) {
        each_stmt(v, defer_stmt);
    }
}

/* ---- errorsas, unmarshal ---- */

static bool as_expr(Vet *v, Expr *e, void *ctx)
{
    Callee f;
    if (!vet_static_callee(e, &f) || !vet_is_func(&f, "errors", "As") || e->call.args.n < 2) {
        return true;
    }
    Type *t = vet_typeof(e->call.args.at[1]), *u = type_under(t);
    if (u->kind == T_INTERFACE && !type_is_tparam(t) && !typeset_of(u)->nmethods) {
        return true; /* unknown */
    }
    Type *elem = u->kind == T_POINTER ? u->pointer.elem : NULL;
    if (elem && elem == type_error) {
        vet_report_at(v, e, "second argument to errors.As should not be *error");
    } else if (!elem || (!type_is_interface(elem) && !vet_implements_error(elem))) {
        vet_report_at(v, e,
                      "second argument to errors.As must be a non-nil pointer to either a type "
                      "that implements error, or to any interface type");
    }
    return true;
}

void vet_errorsas(Vet *v)
{
    if (strcmp(v->pkg->path, "errors") != 0) {
        each_expr(v, as_expr);
    }
}

static bool unmarshal_expr(Vet *v, Expr *e, void *ctx)
{
    static const char *const decoders[] = {"encoding/json", "encoding/xml", "encoding/gob", NULL};
    static const char *const funcs[] = {"encoding/json", "encoding/xml", "encoding/asn1", NULL};
    Callee f;
    if (!vet_static_callee(e, &f) || !f.pkg) {
        return true;
    }
    uint32_t at;
    if (!f.recv && !strcmp(f.name, "Unmarshal") && vet_in_list(f.pkg->path, funcs)) {
        at = 1;
    } else if (f.recv && !strcmp(f.name, "Decode") && vet_in_list(f.pkg->path, decoders)
               && vet_is_named(f.recv, f.pkg->path, "Decoder")) {
        at = 0;
    } else {
        return true;
    }
    if (e->call.args.n < at + 1) {
        return true;
    }
    Type *t = vet_typeof(e->call.args.at[at]);
    TypeKind k = type_under(t)->kind;
    if (k != T_POINTER && k != T_INTERFACE && !type_is_tparam(t)) {
        vet_report(v, vet_lparen(e), 0, "call of %s passes non-pointer%s", f.name,
                   at ? " as second argument" : "");
    }
    return true;
}

void vet_unmarshal(Vet *v) { each_expr(v, unmarshal_expr); }

/* ---- stringintconv ---- */

typedef struct TermFind {
    Type *found;
    bool integers; /* an integer that is neither byte nor rune; else a string */
} TermFind;

static bool find_term(Type *term, bool tilde, void *ctx)
{
    TermFind *f = ctx;
    Type *u = term ? type_under(term) : NULL;
    if (!u) {
        return true;
    }
    bool narrow = u->kind == T_UINT8 || u->kind == T_INT32 || u->kind == T_UNTYPED_RUNE;
    if (f->integers ? type_is_integer(u) && !narrow : u->kind == T_STRING) {
        f->found = term;
        return false;
    }
    return true;
}

static const char *own_name(Type *t)
{
    switch (t->kind) {
    case T_NAMED: return t->named.obj->name;
    case T_TPARAM: return t->tparam.obj ? t->tparam.obj->name : "";
    default: return t->kind < T_ARRAY ? vet_type(t) : "";
    }
}

/* "MyInt (int)", "int (in T)": what a message calls the term `t` of the type `in`. */
static const char *describe(Type *t, Type *in, const char *in_name)
{
    const char *name = t != in ? own_name(t) : in_name;
    if (!*name) {
        return name;
    }
    const char *under = own_name(type_under(t)), *sep = "";
    char *more = mem_printf("%s", "");
    if (*under && strcmp(under, name) != 0) {
        more = mem_printf("%s", under);
        sep = ", ";
    }
    if (t != in && *in_name && strcmp(in_name, name) != 0) {
        more = mem_printf("%s%sin %s", more, sep, in_name);
    }
    return *more ? mem_printf("%s (%s)", name, more) : name;
}

/* A constant that had no type before the conversion, which does not give it one. */
static bool is_untyped_int(const Expr *e)
{
    switch ((ExprKind)e->kind) {
    case EX_LIT: return e->lit.tok == TOK_INT;
    case EX_NAME:
        return e->name.obj && e->name.obj->kind == OBJ_CONST && e->name.obj->type
               && e->name.obj->type->kind == T_UNTYPED_INT;
    case EX_PAREN: return is_untyped_int(e->paren.x);
    case EX_SELECTOR: return !e->selector.selection && is_untyped_int(e->selector.sel);
    case EX_UNARY: return is_untyped_int(e->unary.x);
    case EX_BINARY: return is_untyped_int(e->binary.x) && is_untyped_int(e->binary.y);
    default: return false;
    }
}

static bool conv_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind != EX_CALL || !vet_conversion(e) || e->call.args.n != 1) {
        return true;
    }
    Expr *fn = e->call.fn;
    Obj *o = fn->kind == EX_SELECTOR ? vet_obj(fn->selector.sel) : vet_obj(fn);
    Expr *arg = e->call.args.at[0];
    Type *from = is_untyped_int(arg) ? type_basic[T_UNTYPED_INT] : vet_typeof(arg),
         *to = o && o->kind == OBJ_TYPE ? o->type : NULL;
    TermFind strings = {NULL, false}, integers = {NULL, true};
    if (!to || arg->mode == MODE_NIL) {
        return true;
    }
    type_each_term(to, find_term, &strings);
    type_each_term(from, find_term, &integers);
    if (strings.found && integers.found) {
        const char *target = describe(strings.found, to, o->name);
        const char *source = describe(integers.found, from, own_name(from));
        if (*target && *source) {
            vet_report_at(v, e, "conversion from %s to %s yields a string of one rune, not a "
                          "string of digits", source, target);
        }
    }
    return true;
}

void vet_stringintconv(Vet *v) { each_expr(v, conv_expr); }

/* ---- unusedresult ---- */

static const char *const pure_funcs[] = {
    "context.WithCancel", "context.WithDeadline", "context.WithTimeout", "context.WithValue",
    "errors.New", "fmt.Append", "fmt.Appendf", "fmt.Appendln", "fmt.Errorf", "fmt.Sprint",
    "fmt.Sprintf", "fmt.Sprintln", "maps.All", "maps.Clone", "maps.Collect", "maps.Equal",
    "maps.EqualFunc", "maps.Keys", "maps.Values", "slices.All", "slices.AppendSeq",
    "slices.Backward", "slices.BinarySearch", "slices.BinarySearchFunc", "slices.Chunk",
    "slices.Clip", "slices.Clone", "slices.Collect", "slices.Compact", "slices.CompactFunc",
    "slices.Compare", "slices.CompareFunc", "slices.Concat", "slices.Contains",
    "slices.ContainsFunc", "slices.Delete", "slices.DeleteFunc", "slices.Equal",
    "slices.EqualFunc", "slices.Grow", "slices.Index", "slices.IndexFunc", "slices.Insert",
    "slices.IsSorted", "slices.IsSortedFunc", "slices.Max", "slices.MaxFunc", "slices.Min",
    "slices.MinFunc", "slices.Repeat", "slices.Replace", "slices.Sorted", "slices.SortedFunc",
    "slices.SortedStableFunc", "slices.Values", "sort.Reverse", NULL};

static bool unused_stmt(Vet *v, Stmt *s, void *ctx)
{
    Callee f;
    Expr *call = s->kind == ST_EXPR && !s->show ? vet_unparen(s->expr.x) : NULL;
    if (!call || !vet_callee(call, &f)) {
        return true;
    }
    if (!f.recv) {
        const char *name = mem_printf("%s.%s", f.pkg->path, f.name);
        if (vet_in_list(name, pure_funcs)) {
            vet_report(v, vet_lparen(call), 0, "result of %s call not used", name);
        }
        return true;
    }
    Type *sig = f.sig;
    if ((!strcmp(f.name, "String") || !strcmp(f.name, "Error")) && sig->kind == T_FUNC
        && !sig->func.nparams && sig->func.nresults == 1
        && sig->func.results[0].type->kind == T_STRING) {
        Expr *sel = vet_unparen(call->call.fn);
        const Selection *x = sel->kind == EX_SELECTOR ? sel->selector.selection : NULL;
        Type *recv = x && x->recv ? x->recv : f.recv;
        vet_report(v, vet_lparen(call), 0, "result of (%s).%s call not used",
                   f.ptr_recv && recv->kind != T_POINTER ? mem_printf("*%s", vet_type(recv))
                                                         : vet_type(recv), f.name);
    }
    return true;
}

void vet_unusedresult(Vet *v) { each_stmt(v, unused_stmt); }

/* ---- slog ---- */

/* How many arguments stand before the key-value pairs; -1: no such function. */
static int slog_skip(const Callee *f)
{
    static const struct {
        const char *name;
        int skip;
        bool func, logger, record;
    } all[] = {
        {"Debug", 1, true, true, false}, {"Info", 1, true, true, false},
        {"Warn", 1, true, true, false}, {"Error", 1, true, true, false},
        {"DebugContext", 2, true, true, false}, {"InfoContext", 2, true, true, false},
        {"WarnContext", 2, true, true, false}, {"ErrorContext", 2, true, true, false},
        {"Log", 3, true, true, false}, {"Group", 1, true, false, false},
        {"With", 0, true, true, false}, {"Add", 0, false, false, true},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(f->name, all[i].name) != 0) {
            continue;
        }
        bool is = !f->recv                                          ? all[i].func
                  : vet_is_named(f->recv, "log/slog", "Logger") ? all[i].logger
                  : vet_is_named(f->recv, "log/slog", "Record") ? all[i].record : false;
        return is ? all[i].skip : -1;
    }
    return -1;
}

static const char *short_name(const Callee *f)
{
    return f->recv ? mem_printf("slog.%s.%s", f->recv->named.obj->name, f->name)
                   : mem_printf("slog.%s", f->name);
}

static bool slog_expr(Vet *v, Expr *e, void *ctx)
{
    Callee f;
    if (!vet_static_callee(e, &f) || !f.pkg || strcmp(f.pkg->path, "log/slog") != 0) {
        return true;
    }
    int skip = slog_skip(&f);
    if (skip < 0 || e->call.dots || e->call.args.n <= (uint32_t)skip) {
        return true;
    }
    enum { KEY, VALUE, EITHER } want = KEY;
    for (uint32_t i = (uint32_t)skip; i < e->call.args.n; i++) {
        Expr *arg = e->call.args.at[i];
        Type *t = vet_typeof(arg);
        bool is_string = t->kind == T_STRING, is_attr = vet_is_named(t, "log/slog", "Attr");
        if (want == VALUE) {
            want = KEY;
        } else if (is_string) {
            want = VALUE;
        } else if (is_attr) {
            want = KEY;
        } else if (type_is_interface(t)) {
            return true; /* unknown: a key or an Attr */
        } else {
            vet_report_at(v, arg, "%s arg \"%s\" should be a string or a slog.Attr (possible "
                          "missing key or value)", short_name(&f), vet_source(v, arg));
            return true;
        }
    }
    if (want == VALUE) {
        vet_report_at(v, e, "call to %s missing a final value", short_name(&f));
    }
    return true;
}

void vet_slog(Vet *v)
{
    if (vet_imports(v->pkg, "log/slog")) {
        each_expr(v, slog_expr);
    }
}

/* ---- unsafeptr ---- */

static bool is_header(Type *t)
{
    return vet_is_named(t, "reflect", "SliceHeader") || vet_is_named(t, "reflect", "StringHeader");
}

static bool under_is(const Expr *e, TypeKind k) { return type_under(vet_typeof(e))->kind == k; }

/* uintptr(p) with p an unsafe.Pointer, and sums and differences of one and an offset. */
static bool safe_arithmetic(Expr *x)
{
    x = vet_unparen(x);
    if (x->kind == EX_CALL) {
        return x->call.args.n == 1 && under_is(x->call.fn, T_UINTPTR)
               && under_is(x->call.args.at[0], T_UNSAFE_POINTER);
    }
    if (x->kind == EX_BINARY
        && (x->binary.op == TOK_ADD || x->binary.op == TOK_SUB || x->binary.op == TOK_AND_NOT)) {
        return safe_arithmetic(x->binary.x) && !safe_arithmetic(x->binary.y);
    }
    return false;
}

static bool safe_uintptr(Expr *e)
{
    Expr *x = vet_unparen(e);
    if (x->kind == EX_SELECTOR && !strcmp(x->selector.sel->name.name, "Data")) {
        Type *t = vet_typeof(x->selector.x);
        return t->kind == T_POINTER && is_header(t->pointer.elem);
    }
    if (x->kind == EX_CALL && !x->call.args.n && x->call.fn->kind == EX_SELECTOR) {
        const char *name = x->call.fn->selector.sel->name.name;
        if ((!strcmp(name, "Pointer") || !strcmp(name, "UnsafeAddr"))
            && vet_is_named(vet_typeof(x->call.fn->selector.x), "reflect", "Value")) {
            return true;
        }
    }
    return safe_arithmetic(x);
}

static bool unsafe_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind == EX_CALL && vet_conversion(e) && e->call.args.n == 1
        && under_is(e->call.fn, T_UNSAFE_POINTER) && under_is(e->call.args.at[0], T_UINTPTR)
        && !safe_uintptr(e->call.args.at[0])) {
        vet_report_at(v, e, "possible misuse of unsafe.Pointer");
    } else if (e->kind == EX_STAR && is_header(e->type) && e->mode != MODE_TYPE) {
        vet_report_at(v, e, "possible misuse of %s", vet_type(e->type));
    } else if (e->kind == EX_UNARY && e->unary.op == TOK_AND && is_header(e->unary.x->type)) {
        vet_report_at(v, e, "possible misuse of %s", vet_type(e->unary.x->type));
    }
    return true;
}

void vet_unsafeptr(Vet *v) { each_expr(v, unsafe_expr); }
