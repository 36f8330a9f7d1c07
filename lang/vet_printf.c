/* vet_printf.c - the printf check of gol vet: format strings against arguments.
 *
 * A function prints if it stands in the table below, or if it forwards: its last parameter is
 * args ...any, and its body calls a printing function with args... (and, for formats, with its own
 * format parameter before it). Forwarding is found per package, dependencies first, by propagation
 * along callers, so a chain of wrappers is recognised in any order of declaration. A function that
 * assigns to its parameters or takes their address is no wrapper.
 *
 * A directive's parse follows package fmt: flags, [n] indices, * widths, precision, verb. One error
 * a format is enough. What an argument may be is decided by vet_argtype.c. */
#include "lang/vet_printf.h"

#include "lang/scan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum PrintKind { PRINT_NONE, PRINT, PRINTF, ERRORF } PrintKind;

/* ---- which functions print ---- */

static const char *const fmt_names[] = {
    "Append", "Appendf", "Appendln", "Errorf", "Fprint", "Fprintf", "Fprintln", "Print", "Printf",
    "Println", "Sprint", "Sprintf", "Sprintln", NULL};
static const char *const log_names[] = {"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln",
                                        "Print", "Printf", "Println", NULL};
static const char *const test_names[] = {"Error", "Errorf", "Fatal", "Fatalf", "Log", "Logf",
                                         "Skip", "Skipf", NULL};

static bool ends_in_f(Name n) { return n[0] && n[strlen(n) - 1] == 'f'; }

static bool is_known(const Callee *f)
{
    const char *path = f->pkg ? f->pkg->path : "";
    if (!strcmp(path, "fmt")) {
        return !f->recv && vet_in_list(f->name, fmt_names);
    }
    if (!strcmp(path, "log")) {
        return (!f->recv || vet_is_named(f->recv, "log", "Logger"))
               && vet_in_list(f->name, log_names);
    }
    if (!strcmp(path, "testing")) {
        return f->recv && vet_in_list(f->name, test_names);
    }
    return vet_is_func(f, "runtime/trace", "Logf");
}

static PrintKind kind_of(Vet *v, Expr *call, Callee *f)
{
    if (!vet_callee(call, f)) {
        return PRINT_NONE;
    }
    if (is_known(f)) {
        return vet_is_func(f, "fmt", "Errorf") ? ERRORF : ends_in_f(f->name) ? PRINTF : PRINT;
    }
    return f->obj ? (PrintKind)(uintptr_t)ptrmap_get(&v->wrappers, f->obj) : PRINT_NONE;
}

/* ---- wrappers ---- */

typedef struct Wrapper Wrapper;
typedef struct Caller {
    Wrapper *w;
    Expr *call;
} Caller;
struct Wrapper {
    Obj *obj, *format, *args;
    Decl *decl;
    VEC(Caller) callers;
    bool failed;
};
typedef VEC(Wrapper *) WrapperList;

typedef struct Wrappers {
    PtrMap by_obj;
    Wrapper *at_hand;
} Wrappers;

static Wrapper *maybe_wrapper(Decl *d)
{
    Obj *o = d->kind == DECL_FUNC && d->func.body ? d->func.obj : NULL;
    FuncType *sig = o ? d->func.sig : NULL;
    if (!o || !o->type || o->type->kind != T_FUNC || !o->type->func.variadic || !sig->params.n) {
        return NULL;
    }
    uint32_t n = o->type->func.nparams;
    Type *last = o->type->func.params[n - 1].type;
    Type *elem = last->kind == T_SLICE ? last->slice.elem : NULL;
    if (!elem || elem->kind != T_INTERFACE || typeset_of(elem)->nmethods || !typeset_of(elem)->all
        || sig->params.n != n) {
        return NULL;
    }
    Wrapper *w = MEM_NEW(Wrapper);
    w->obj = o;
    w->decl = d;
    w->args = vet_obj(sig->params.at[n - 1]->name);
    if (n >= 2 && o->type->func.params[n - 2].type == type_basic[T_STRING]) {
        w->format = vet_obj(sig->params.at[n - 2]->name);
    }
    return w->args ? w : NULL;
}

static bool names(const Expr *e, const Obj *o) { return o && vet_obj(e) == o; }

static void forward(Vet *v, Wrapper *w, Expr *call, PrintKind kind)
{
    ExprList *args = &call->call.args;
    if (kind != PRINT && !(args->n >= 2 && names(args->at[args->n - 2], w->format))) {
        return;
    }
    if (!call->call.dots) {
        Type *sig = vet_typeof(call->call.fn);
        if (sig->kind == T_FUNC && args->n <= sig->func.nparams) {
            vet_report_at(v, call, "missing ... in args forwarded to %s-like function",
                          kind == PRINT ? "print" : "printf");
        }
        return;
    }
    if (ptrmap_get(&v->wrappers, w->obj)) {
        return;
    }
    ptrmap_put(&v->wrappers, w->obj, (void *)(uintptr_t)kind);
    for (uint32_t i = 0; i < w->callers.n; i++) {
        forward(v, w->callers.at[i].w, w->callers.at[i].call, kind);
    }
}

static bool body_stmt(Vet *v, Stmt *s, void *ctx)
{
    Wrapper *w = ((Wrappers *)ctx)->at_hand;
    if (s->kind == ST_ASSIGN || s->kind == ST_DEFINE) {
        for (uint32_t i = 0; i < s->assign.lhs.n; i++) {
            w->failed |= names(s->assign.lhs.at[i], w->format)
                         || names(s->assign.lhs.at[i], w->args);
        }
    }
    return !w->failed;
}

static bool body_expr(Vet *v, Expr *e, void *ctx)
{
    Wrappers *all = ctx;
    Wrapper *w = all->at_hand;
    if (e->kind == EX_UNARY && e->unary.op == TOK_AND) {
        w->failed |= names(e->unary.x, w->format) || names(e->unary.x, w->args);
    }
    if (w->failed || e->kind != EX_CALL || !e->call.args.n
        || !names(e->call.args.at[e->call.args.n - 1], w->args)) {
        return !w->failed;
    }
    Callee f;
    PrintKind kind = kind_of(v, e, &f);
    if (kind) {
        forward(v, w, e, kind);
        return true;
    }
    Wrapper *callee = f.obj ? ptrmap_get(&all->by_obj, f.obj) : NULL;
    if (callee) {
        Caller c = {w, e};
        VEC_PUSH(callee->callers, c);
    }
    return true;
}

void vet_printf_facts(Vet *v)
{
    Wrappers all = {{0}, NULL};
    WrapperList list = {0};
    for (uint32_t i = 0; i < v->pkg->files.n; i++) {
        for (uint32_t k = 0; k < v->pkg->files.at[i]->decls.n; k++) {
            Wrapper *w = maybe_wrapper(v->pkg->files.at[i]->decls.at[k]);
            if (w) {
                ptrmap_put(&all.by_obj, w->obj, w);
                VEC_PUSH(list, w);
            }
        }
    }
    for (uint32_t i = 0; i < list.n; i++) {
        all.at_hand = list.at[i];
        Visit w = {.expr = body_expr, .stmt = body_stmt, .ctx = &all};
        vet_walk_stmts(v, &w, &list.at[i]->decl->func.body->stmts);
    }
}

/* ---- formats ---- */

/* One directive, %...verb, as it is parsed. */
typedef struct Fmt {
    Vet *v;
    Expr *call;
    const char *name;       /* of the function */
    const char *text;       /* from the % on */
    size_t limit, n;        /* bytes that there are, bytes of this directive */
    char flags[64];
    uint32_t nflags;
    uint32_t verb;          /* rune */
    uint32_t first, arg;    /* the first argument behind the format; the next one */
    uint32_t *used, nused;  /* arguments consumed, * ones included */
    bool indexed, pending;
} Fmt;

enum { MAX_USED = 8 };
enum {
    ARG_BOOL = VET_BOOL, ARG_INT = VET_INT, ARG_RUNE = VET_RUNE, ARG_STRING = VET_STRING,
    ARG_FLOAT = VET_FLOAT, ARG_COMPLEX = VET_COMPLEX, ARG_POINTER = VET_POINTER,
    ARG_ERROR = VET_ERROR, ARG_ANY = VET_ANY
};

static const struct {
    char verb;
    const char *flags;
    int takes;
} verbs[] = {
    {'%', "", 0},
    {'b', " -+.0#", ARG_INT | ARG_FLOAT | ARG_COMPLEX | ARG_POINTER},
    {'c', "-", ARG_RUNE | ARG_INT},
    {'d', " -+.0", ARG_INT | ARG_POINTER},
    {'e', " -+.0#", ARG_FLOAT | ARG_COMPLEX},
    {'E', " -+.0#", ARG_FLOAT | ARG_COMPLEX},
    {'f', " -+.0#", ARG_FLOAT | ARG_COMPLEX},
    {'F', " -+.0#", ARG_FLOAT | ARG_COMPLEX},
    {'g', " -+.0#", ARG_FLOAT | ARG_COMPLEX},
    {'G', " -+.0#", ARG_FLOAT | ARG_COMPLEX},
    {'o', " -+.0#", ARG_INT | ARG_POINTER},
    {'O', " -+.0#", ARG_INT | ARG_POINTER},
    {'p', "-#", ARG_POINTER},
    {'q', " -+.0#", ARG_RUNE | ARG_INT | ARG_STRING},
    {'s', " -+.0", ARG_STRING},
    {'t', "-", ARG_BOOL},
    {'T', "-", ARG_ANY},
    {'U', "-#", ARG_RUNE | ARG_INT},
    {'v', " -+.0#", ARG_ANY},
    {'w', " -+.0#", ARG_ERROR},
    {'x', " -+.0#", ARG_RUNE | ARG_INT | ARG_STRING | ARG_POINTER | ARG_FLOAT | ARG_COMPLEX},
    {'X', " -+.0#", ARG_RUNE | ARG_INT | ARG_STRING | ARG_POINTER | ARG_FLOAT | ARG_COMPLEX},
};
enum { NVERBS = sizeof verbs / sizeof verbs[0] };

static const char *count_text(uint32_t n)
{
    return n == 1 ? "1 arg" : mem_printf("%u args", n);
}

static char at(const Fmt *f) { return f->n < f->limit ? f->text[f->n] : 0; }

static void digits(Fmt *f)
{
    while (at(f) >= '0' && at(f) <= '9') {
        f->n++;
    }
}

static void use(Fmt *f)
{
    if (f->nused < MAX_USED) {
        f->used[f->nused++] = f->arg;
    }
}

static void keep_flag(Fmt *f, char c)
{
    if (f->nflags + 1 < sizeof f->flags) {
        f->flags[f->nflags++] = c;
    }
}

/* "[3]", if one stands here. False: reported. */
static bool index_part(Fmt *f)
{
    if (at(f) != '[') {
        return true;
    }
    size_t start = ++f->n;
    digits(f);
    bool ok = f->n != start && at(f) == ']';
    if (!ok) {
        const char *close = memchr(f->text, ']', f->limit);
        if (!close) {
            vet_report_at(f->v, f->call, "%s format %.*s is missing closing ]", f->name,
                          (int)f->limit, f->text);
            return false;
        }
        f->n = (size_t)(close - f->text);
    }
    size_t len = f->n > start ? f->n - start : 0;
    long value = ok && len < 9 ? strtol(f->text + start, NULL, 10) : 0;
    if (value <= 0 || value > (long)f->call->call.args.n - (long)f->first) {
        vet_report_at(f->v, f->call, "%s format has invalid argument index [%.*s]", f->name,
                      (int)len, f->text + start);
        return false;
    }
    f->n++;
    f->arg = f->first + (uint32_t)value - 1;
    f->indexed = f->pending = true;
    return true;
}

/* A width or precision: digits or *. */
static void number_part(Fmt *f)
{
    if (at(f) != '*') {
        digits(f);
        return;
    }
    f->pending = false;
    f->n++;
    use(f);
    f->arg++;
}

static bool parse_directive(Fmt *f)
{
    f->n = 1;
    while (at(f) && strchr("#0+- ", at(f))) {
        keep_flag(f, at(f));
        f->n++;
    }
    if (!index_part(f)) {
        return false;
    }
    number_part(f);
    if (at(f) == '.') {
        keep_flag(f, '.');
        f->n++;
        if (!index_part(f)) {
            return false;
        }
        number_part(f);
    }
    if (!f->pending && !index_part(f)) {
        return false;
    }
    if (f->n >= f->limit) {
        vet_report_at(f->v, f->call->call.fn, "%s format %.*s is missing verb at end of string",
                      f->name, (int)f->limit, f->text);
        return false;
    }
    unsigned size;
    f->verb = utf8_decode((const unsigned char *)f->text + f->n, f->limit - f->n, &size);
    f->n += size;
    if (f->verb != '%') {
        use(f);
    }
    return true;
}

/* Whether the argument is there to be looked at; reports one that is missing. */
static bool can_check(Fmt *f, uint32_t arg)
{
    uint32_t n = f->call->call.args.n;
    if (arg + 1 < n) {
        return true;
    }
    if (f->call->call.dots) {
        return false;
    }
    if (arg < n) {
        return true;
    }
    vet_report_at(f->v, f->call, "%s format %.*s reads arg #%u, but call has %s", f->name,
                  (int)f->n, f->text, arg - f->first + 1, count_text(n - f->first));
    return false;
}

static bool check_flags(Fmt *f, const char *allowed)
{
    for (uint32_t i = 0; i < f->nflags; i++) {
        if (f->flags[i] != '0' && !strchr(allowed, f->flags[i])) {
            vet_report_at(f->v, f->call, "%s format %.*s has unrecognized flag %c", f->name,
                          (int)f->n, f->text, f->flags[i]);
            return false;
        }
    }
    return true;
}

static const char *detail(const char *reason)
{
    return reason ? mem_printf(" (%s)", reason) : "";
}

static bool check_stars(Fmt *f, bool *known)
{
    uint32_t stars = f->nused - (f->verb != '%');
    const char *reason = NULL;
    for (uint32_t i = 0; i < stars && i < f->nused; i++) {
        if (!can_check(f, f->used[i])) {
            *known = false;
            return false;
        }
        Expr *arg = f->call->call.args.at[f->used[i]];
        if (!vet_arg_matches(f->v, vet_typeof(arg), ARG_INT, &reason)) {
            vet_report_at(f->v, f->call, "%s format %.*s uses non-int %s%s as argument of *",
                          f->name, (int)f->n, f->text, vet_source(f->v, arg), detail(reason));
            return false;
        }
    }
    return true;
}

static bool check_value(Fmt *f, int takes)
{
    assert(f->nused > 0);
    uint32_t last = f->used[f->nused - 1];
    if (!can_check(f, last)) {
        return false;
    }
    Expr *arg = f->call->call.args.at[last];
    Type *t = vet_typeof(arg);
    const char *reason = NULL, *method;
    if (t->kind == T_FUNC && f->verb != 'p' && f->verb != 'T') {
        vet_report_at(f->v, f->call, "%s format %.*s arg %s is a func value, not called", f->name,
                      (int)f->n, f->text, vet_source(f->v, arg));
        return false;
    }
    if (!vet_arg_matches(f->v, t, takes, &reason)) {
        vet_report_at(f->v, f->call, "%s format %.*s has arg %s of wrong type %s%s", f->name,
                      (int)f->n, f->text, vet_source(f->v, arg), vet_type(t), detail(reason));
        return false;
    }
    bool sharp = memchr(f->flags, '#', f->nflags) != NULL;
    if ((takes & ARG_STRING) && f->verb != 'T' && !sharp && vet_recurses(f->v, arg, &method)) {
        vet_report_at(f->v, f->call, "%s format %.*s with arg %s causes recursive %s method call",
                      f->name, (int)f->n, f->text, vet_source(f->v, arg), method);
        return false;
    }
    return true;
}

static bool check_directive(Fmt *f)
{
    int found = -1;
    for (int i = 0; i < NVERBS; i++) {
        if ((uint32_t)verbs[i].verb == f->verb) {
            found = i;
        }
    }
    int takes = found >= 0 ? verbs[found].takes : 0;
    bool formatter = takes != ARG_ERROR && f->arg < f->call->call.args.n
                     && vet_is_formatter(f->v, vet_typeof(f->call->call.args.at[f->arg]));
    if (!formatter) {
        if (found < 0) {
            char rune[5] = "";
            rune[rune_encode(f->verb, rune)] = 0;
            vet_report_at(f->v, f->call, "%s format %.*s has unknown verb %s", f->name, (int)f->n,
                          f->text, rune);
            return false;
        }
        if (!check_flags(f, verbs[found].flags)) {
            return false;
        }
    }
    bool known = true;
    if (!check_stars(f, &known)) {
        return false;
    }
    return f->verb == '%' || formatter || check_value(f, takes);
}

static void needs_args(Vet *v, Expr *call, const char *name, uint32_t first, uint32_t max)
{
    if (max != call->call.args.n) {
        vet_report_at(v, call, "%s call needs %s but has %s", name, count_text(max - first),
                      count_text(call->call.args.n - first));
    }
}

static void check_format(Vet *v, Expr *call, const Callee *fn, PrintKind kind, const char *s,
                         size_t len, uint32_t first)
{
    const char *name = vet_full_name(fn);
    uint32_t next = first, max = first, used[MAX_USED];
    bool indexed = false;
    for (size_t i = 0; i < len;) {
        if (s[i] != '%') {
            i++;
            continue;
        }
        Fmt f = {.v = v, .call = call, .name = name, .text = s + i, .limit = len - i,
                 .first = first, .arg = next, .used = used};
        if (!parse_directive(&f) || !check_directive(&f)) {
            return;
        }
        i += f.n;
        indexed |= f.indexed;
        if (f.verb == 'w' && kind != ERRORF) {
            vet_report_at(v, call, "%s does not support error-wrapping directive %%w", name);
            return;
        }
        if (f.nused) {
            next = f.used[f.nused - 1] + 1;
        }
        for (uint32_t k = 0; k < f.nused; k++) {
            max = f.used[k] >= max ? f.used[k] + 1 : max;
        }
    }
    if (!indexed && !(call->call.dots && max + 1 >= call->call.args.n)) {
        needs_args(v, call, name, first, max);
    }
}

static void check_printf(Vet *v, Expr *call, const Callee *fn, PrintKind kind)
{
    Type *sig = vet_typeof(call->call.fn);
    if (sig->kind != T_FUNC || !sig->func.variadic || sig->func.nparams < 2) {
        return;
    }
    uint32_t at = sig->func.nparams - 2;
    ExprList *args = &call->call.args;
    const char *s;
    size_t len;
    if (at >= args->n) {
        return;
    }
    if (!vet_const_string(args->at[at], &s, &len)) {
        if (at + 1 == args->n && vet_typeof(args->at[at])->kind != T_TUPLE
            && vet_go_minor(v, call->start) >= 24) {
            vet_report_at(v, args->at[at], "non-constant format string in call to %s",
                          vet_full_name(fn));
        }
        return;
    }
    if (!memchr(s, '%', len)) {
        if (args->n > at + 1) {
            vet_report(v, vet_lparen(call), 0,
                       "%s call has arguments but no formatting directives", vet_full_name(fn));
        }
        return;
    }
    check_format(v, call, fn, kind, s, len, at + 1);
}

/* ---- Print and Println ---- */

static size_t skip_num(const char *s, size_t n, size_t i)
{
    size_t k = i;
    if (k < n && s[k] == '[') {
        k++;
        while (k < n && s[k] >= '0' && s[k] <= '9') {
            k++;
        }
        if (!(k < n && s[k] == ']' && k > i + 1)) {
            return i;
        }
        k++;
    }
    if (k < n && s[k] == '*') {
        return k + 1;
    }
    if (k != i) {
        return i;
    }
    while (k < n && s[k] >= '0' && s[k] <= '9') {
        k++;
    }
    return k;
}

/* The first thing in s that looks like a directive: its length at *from, or 0. */
static size_t find_directive(const char *s, size_t n, size_t *from)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '%') {
            continue;
        }
        size_t k = i + 1;
        while (k < n && strchr("+-#", s[k]) && s[k]) {
            k++;
        }
        k = skip_num(s, n, k);
        k += k < n && s[k] == '.';
        k = skip_num(s, n, k);
        if (k < n && s[k] == '[') {
            size_t c = k + 1;
            while (c < n && s[c] >= '0' && s[c] <= '9') {
                c++;
            }
            k = c < n && s[c] == ']' && c > k + 1 ? c + 1 : k;
        }
        if (k < n && s[k] && strchr("bcdefgopqstvxEFGTUX", s[k])) {
            *from = i;
            return k + 1 - i;
        }
    }
    return 0;
}

static void check_first(Vet *v, Expr *call, Expr *arg, const char *name)
{
    const char *s;
    size_t n, from;
    if (vet_const_string(arg, &s, &n)) {
        n -= n && s[n - 1] == '%';
        size_t len = find_directive(s, n, &from);
        if (len) {
            vet_report_at(v, call, "%s call has possible Printf formatting directive %.*s", name,
                          (int)len, s + from);
        }
    }
}

static void check_print(Vet *v, Expr *call, const Callee *fn)
{
    Type *sig = vet_typeof(call->call.fn);
    ExprList *args = &call->call.args;
    if (sig->kind != T_FUNC || !sig->func.variadic || args->n < sig->func.nparams) {
        return;
    }
    uint32_t first = sig->func.nparams - 1;
    Type *elem = type_under(sig->func.params[first].type)->slice.elem;
    if (elem->kind != T_INTERFACE || typeset_of(elem)->nmethods) {
        return;
    }
    const char *name = vet_full_name(fn), *s, *method;
    size_t n;
    Expr *a = args->at[0];
    if (first == 0 && a->kind == EX_SELECTOR && a->selector.x->kind == EX_NAME &&
        !strcmp(a->selector.x->name.name, "os") && !strncmp(a->selector.sel->name.name, "Std", 3)) {
        vet_report_at(v, call, "%s does not take io.Writer but has first arg %s", name,
                      vet_source(v, a));
    }
    check_first(v, call, args->at[first], name);
    size_t len = strlen(fn->name);
    Expr *last = args->at[args->n - 1];
    if (len > 1 && !strcmp(fn->name + len - 2, "ln") && vet_const_string(last, &s, &n) && n
        && s[n - 1] == '\n') {
        vet_report_at(v, call, "%s arg list ends with redundant newline", name);
    }
    for (uint32_t i = first; i < args->n; i++) {
        if (vet_typeof(args->at[i])->kind == T_FUNC) {
            vet_report_at(v, call, "%s arg %s is a func value, not called", name,
                          vet_source(v, args->at[i]));
        }
        if (vet_recurses(v, args->at[i], &method)) {
            vet_report_at(v, call, "%s arg %s causes recursive call to %s method", name,
                          vet_source(v, args->at[i]), method);
        }
    }
}

static bool check_call_expr(Vet *v, Expr *e, void *ctx)
{
    Callee f;
    PrintKind kind = e->kind == EX_CALL ? kind_of(v, e, &f) : PRINT_NONE;
    if (kind == PRINT) {
        check_print(v, e, &f);
    } else if (kind) {
        check_printf(v, e, &f, kind);
    }
    return true;
}

void vet_printf(Vet *v)
{
    Visit w = {.expr = check_call_expr};
    vet_walk_package(v, &w);
}
