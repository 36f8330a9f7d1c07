/* vet_exprs.c - checks of gol vet about operators, assignments and literals: x = x, x =
 * atomic.Add(&x, 1), x != 1 || x != 2, f == nil, x << 64, impossible assertions, unkeyed literals.
 * */
#include "lang/vet.h"

#include <string.h>

/* ---- assign ---- */

static bool assign_stmt(Vet *v, Stmt *s, void *ctx)
{
    if (s->kind != ST_ASSIGN || s->assign.op != TOK_ASSIGN || s->assign.lhs.n != s->assign.rhs.n) {
        return true;
    }
    for (uint32_t i = 0; i < s->assign.lhs.n; i++) {
        Expr *l = s->assign.lhs.at[i], *r = s->assign.rhs.at[i];
        if (vet_same(l, r) && !vet_side_effects(l)) {
            vet_report(v, s->assign.lhs.at[0]->start, s->end, "self-assignment of %s to %s",
                       vet_source(v, r), vet_source(v, l));
        }
    }
    return true;
}

void vet_assign(Vet *v)
{
    Visit w = {.stmt = assign_stmt};
    vet_walk_package(v, &w);
}

/* ---- atomic ---- */

static bool atomic_stmt(Vet *v, Stmt *s, void *ctx)
{
    static const char *const adds[] = {"AddInt32", "AddInt64", "AddUint32", "AddUint64",
                                       "AddUintptr", NULL};
    Callee f;
    if ((s->kind != ST_ASSIGN && s->kind != ST_DEFINE) || s->assign.lhs.n != s->assign.rhs.n
        || (s->kind == ST_DEFINE && s->assign.lhs.n == 1)) {
        return true;
    }
    for (uint32_t i = 0; i < s->assign.rhs.n; i++) {
        Expr *l = s->assign.lhs.at[i], *call = s->assign.rhs.at[i];
        if (!vet_static_callee(call, &f) || f.recv || strcmp(f.pkg->path, "sync/atomic") != 0
            || !vet_in_list(f.name, adds) || call->call.args.n != 2) {
            continue;
        }
        Expr *arg = call->call.args.at[0];
        bool broken = arg->kind == EX_UNARY && arg->unary.op == TOK_AND
                          ? vet_same(l, arg->unary.x)
                          : l->kind == EX_STAR && vet_same(l->star.x, arg);
        if (broken) {
            vet_report_at(v, l, "direct assignment to atomic value");
        }
    }
    return true;
}

void vet_atomic(Vet *v)
{
    Visit w = {.stmt = atomic_stmt};
    if (vet_imports(v->pkg, "sync/atomic")) {
        vet_walk_package(v, &w);
    }
}

/* ---- bools: the operands of a chain of one operator, between those with side effects ---- */

typedef struct Bools {
    VEC(const Expr *) done; /* binaries that belong to a chain that was looked at */
} Bools;

static void split(Bools *b, Expr *e, Token op, ExprList *out)
{
    e = vet_unparen(e);
    while (e->kind == EX_BINARY && e->binary.op == op) {
        VEC_PUSH(b->done, e);
        split(b, e->binary.y, op, out);
        e = vet_unparen(e->binary.x);
    }
    VEC_PUSH(*out, e);
}

static void check_redundant(Vet *v, Expr **at, uint32_t n, const char *name, const char *op)
{
    for (uint32_t i = 1; i < n; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (vet_same(at[i], at[k])) {
                const char *s = vet_source(v, at[i]);
                vet_report_at(v, at[i], "redundant %s: %s %s %s", name, s, op, s);
                break;
            }
        }
    }
}

/* Of x != 1: x; of what is no such comparison: NULL. */
static Expr *compared(Expr *e, Token op)
{
    if (e->kind != EX_BINARY || e->binary.op != op) {
        return NULL;
    }
    return e->binary.y->mode == MODE_CONST ? e->binary.x
           : e->binary.x->mode == MODE_CONST ? e->binary.y : NULL;
}

static void check_suspect(Vet *v, Expr **at, uint32_t n, const char *name, const char *op,
                          Token bad)
{
    for (uint32_t i = 1; i < n; i++) {
        Expr *x = compared(at[i], bad);
        for (uint32_t k = 0; x && k < i; k++) {
            Expr *y = compared(at[k], bad);
            if (y && vet_same(x, y)) {
                if (!vet_same(at[i], at[k])) {
                    vet_report_at(v, at[i], "suspect %s: %s %s %s", name, vet_source(v, at[i]), op,
                                  vet_source(v, at[k]));
                }
                break;
            }
        }
    }
}

enum { MAX_CHAIN = 256 };

static bool bools_expr(Vet *v, Expr *e, void *ctx)
{
    Bools *b = ctx;
    if (e->kind != EX_BINARY || (e->binary.op != TOK_LOR && e->binary.op != TOK_LAND)) {
        return true;
    }
    for (uint32_t i = 0; i < b->done.n; i++) {
        if (b->done.at[i] == e) {
            return true;
        }
    }
    bool is_or = e->binary.op == TOK_LOR;
    ExprList all = {0};
    split(b, e, e->binary.op, &all);
    uint32_t n = all.n > MAX_CHAIN ? MAX_CHAIN : all.n;
    for (uint32_t from = 0, i = 0; i <= n; i++) {
        if (i == n || vet_side_effects(all.at[i])) {
            const char *name = is_or ? "or" : "and", *op = is_or ? "||" : "&&";
            check_redundant(v, all.at + from, i - from, name, op);
            check_suspect(v, all.at + from, i - from, name, op, is_or ? TOK_NEQ : TOK_EQL);
            from = i + 1;
        }
    }
    return true;
}

static bool bools_decl(Vet *v, Decl *d, void *ctx)
{
    ((Bools *)ctx)->done.n = 0; /* chains do not reach over declarations */
    return true;
}

void vet_bools(Vet *v)
{
    Bools b = {{0}};
    Visit w = {.expr = bools_expr, .decl = bools_decl, .ctx = &b};
    vet_walk_package(v, &w);
}

/* ---- nilfunc ---- */

static bool nilfunc_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind != EX_BINARY || (e->binary.op != TOK_EQL && e->binary.op != TOK_NEQ)) {
        return true;
    }
    Expr *x = e->binary.x->mode == MODE_NIL   ? e->binary.y
              : e->binary.y->mode == MODE_NIL ? e->binary.x : NULL;
    if (x && x->kind == EX_INDEX) {
        x = x->index.x;
    }
    Obj *o = NULL;
    if (x && x->kind == EX_SELECTOR) {
        const Selection *s = x->selector.selection;
        o = s ? s->method : vet_obj(x->selector.sel);
        if (s && s->kind != SEL_FIELD && !o) {
            vet_report_at(v, e, "comparison of function %s %s nil is always %s",
                          x->selector.sel->name.name, token_text[e->binary.op],
                          e->binary.op == TOK_NEQ ? "true" : "false");
        }
    } else {
        o = vet_obj(x);
    }
    if (o && o->kind == OBJ_FUNC) {
        vet_report_at(v, e, "comparison of function %s %s nil is always %s", o->name,
                      token_text[e->binary.op], e->binary.op == TOK_NEQ ? "true" : "false");
    }
    return true;
}

void vet_nilfunc(Vet *v)
{
    Visit w = {.expr = nilfunc_expr};
    vet_walk_package(v, &w);
}

/* ---- shift ---- */

typedef struct Sizes {
    int64_t min;
    int64_t first;
    bool several;
} Sizes;

static bool add_size(Type *term, bool tilde, void *ctx)
{
    Sizes *s = ctx;
    if (term) {
        int64_t bits = 8 * type_sizeof(term);
        s->several |= s->first && s->first != bits;
        s->first = s->first ? s->first : bits;
        s->min = s->min && s->min < bits ? s->min : bits;
    }
    return true;
}

static void check_shift(Vet *v, Expr *x, Expr *y, Pos start, Pos end)
{
    int64_t count;
    if (x->mode == MODE_CONST || y->mode != MODE_CONST || !y->cval || const_kind(y->cval) != CK_INT
        || !const_as_i64(y->cval, &count)) {
        return;
    }
    Sizes s = {0};
    type_each_term(vet_typeof(x), add_size, &s);
    if (s.min && count >= s.min) {
        vet_report(v, start, end, "%s (%s%lld bits) too small for shift of %lld", vet_source(v, x),
                   s.several ? "may be " : "", (long long)s.min, (long long)count);
    }
}

static bool shift_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind == EX_BINARY && (e->binary.op == TOK_SHL || e->binary.op == TOK_SHR)) {
        check_shift(v, e->binary.x, e->binary.y, e->start, e->end);
    }
    return true;
}

static bool known(const Expr *e, bool *value)
{
    if (!e || e->mode != MODE_CONST || !e->cval || const_kind(e->cval) != CK_BOOL) {
        return false;
    }
    *value = const_as_bool(e->cval);
    return true;
}

static bool shift_stmt(Vet *v, Stmt *s, void *ctx);

/* Is the case never taken, by constants alone? Code for other sizes of int stands in such cases. */
static bool dead_case(const Stmt *s, const Clause *c)
{
    const Expr *tag = s->switch_.tag;
    for (uint32_t i = 0; i < c->exprs.n; i++) {
        const Expr *e = c->exprs.at[i];
        bool value = true;
        if (!tag && (!known(e, &value) || value)) {
            return false;
        }
        if (tag && (tag->mode != MODE_CONST || e->mode != MODE_CONST || !tag->cval || !e->cval
                    || const_kind(tag->cval) != CK_INT || const_kind(e->cval) != CK_INT
                    || const_compare(tag->cval, TOK_EQL, e->cval))) {
            return false;
        }
    }
    return !c->is_default && c->exprs.n;
}

static void shift_live(Vet *v, const Visit *w, Stmt *s)
{
    bool value;
    if (s->kind == ST_IF) {
        bool is_known = known(s->if_.cond, &value);
        vet_walk_stmt(v, w, s->if_.init);
        vet_walk_expr(v, w, s->if_.cond);
        if (!is_known || value) {
            vet_walk_stmts(v, w, &s->if_.then->stmts);
        }
        if (!is_known || !value) {
            vet_walk_stmt(v, w, s->if_.els);
        }
        return;
    }
    vet_walk_stmt(v, w, s->switch_.init);
    vet_walk_expr(v, w, s->switch_.tag);
    for (uint32_t i = 0; i < s->switch_.clauses.n; i++) {
        Clause *c = s->switch_.clauses.at[i];
        if (!dead_case(s, c)) {
            for (uint32_t k = 0; k < c->exprs.n; k++) {
                vet_walk_expr(v, w, c->exprs.at[k]);
            }
            vet_walk_stmts(v, w, &c->body);
        }
    }
}

static const Visit shift_visit = {.expr = shift_expr, .stmt = shift_stmt};

static bool shift_stmt(Vet *v, Stmt *s, void *ctx)
{
    if (s->kind == ST_ASSIGN && (s->assign.op == TOK_SHL || s->assign.op == TOK_SHR)
        && s->assign.lhs.n == 1 && s->assign.rhs.n == 1) {
        check_shift(v, s->assign.lhs.at[0], s->assign.rhs.at[0], s->assign.lhs.at[0]->start,
                    s->end);
    }
    if (s->kind == ST_IF || s->kind == ST_SWITCH) {
        shift_live(v, &shift_visit, s);
        return false;
    }
    return true;
}

void vet_shift(Vet *v) { vet_walk_package(v, &shift_visit); }

/* ---- ifaceassert ---- */

static void check_assert(Vet *v, Type *from, Expr *target)
{
    Type *to = target->mode == MODE_TYPE ? target->type : NULL;
    if (!to || !from || !type_is_interface(from) || !type_is_interface(to) || type_has_tparam(from)
        || type_has_tparam(to)) {
        return;
    }
    TypeSet *a = typeset_of(type_under(from)), *b = typeset_of(type_under(to));
    for (uint32_t i = 0; i < b->nmethods; i++) {
        for (uint32_t k = 0; k < a->nmethods; k++) {
            Method *x = &a->methods[k], *y = &b->methods[i];
            if (names_same(x->name, x->pkg, y->name, y->pkg) &&
                !types_identical(x->type, y->type)) {
                vet_report_at(v, target, "impossible type assertion: no type can implement both %s "
                              "and %s (conflicting types for %s method)", vet_type(from),
                              vet_type(to), y->name);
                return;
            }
        }
    }
}

static bool assert_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind == EX_ASSERT && e->assert_.type) {
        check_assert(v, e->assert_.x->type, e->assert_.type);
    }
    return true;
}

static bool assert_stmt(Vet *v, Stmt *s, void *ctx)
{
    for (uint32_t i = 0; s->kind == ST_TYPESWITCH && i < s->tswitch.clauses.n; i++) {
        Clause *c = s->tswitch.clauses.at[i];
        Expr *x = vet_unparen(s->tswitch.x);
        x = x->kind == EX_ASSERT ? x->assert_.x : x;
        for (uint32_t k = 0; k < c->exprs.n; k++) {
            check_assert(v, x->type, c->exprs.at[k]);
        }
    }
    return true;
}

void vet_ifaceassert(Vet *v)
{
    Visit w = {.expr = assert_expr, .stmt = assert_stmt};
    vet_walk_package(v, &w);
}

/* ---- composites ---- */

/* Structs of the library that will never get another field. */
static const char *const frozen[] = {
    "image/color.Alpha16", "image/color.Alpha", "image/color.CMYK", "image/color.Gray16",
    "image/color.Gray", "image/color.NRGBA64", "image/color.NRGBA", "image/color.NYCbCrA",
    "image/color.RGBA64", "image/color.RGBA", "image/color.YCbCr", "image.Point",
    "image.Rectangle", "image.Uniform", "unicode.Range16", "unicode.Range32",
    "testing.InternalBenchmark", "testing.InternalExample", "testing.InternalTest",
    "testing.InternalFuzzTarget", NULL};

typedef struct Unkeyed {
    Vet *v;
    bool foreign;
} Unkeyed;

static bool foreign_struct(Type *t, bool tilde, void *ctx)
{
    Unkeyed *u = ctx;
    Type *under = t ? type_under(t) : NULL;
    while (under && under->kind == T_POINTER) {
        t = under->pointer.elem;
        under = type_under(t);
    }
    u->foreign = under && under->kind == T_STRUCT && t->kind == T_NAMED && t->named.obj->pkg
                 && t->named.obj->pkg != u->v->pkg;
    return !u->foreign;
}

static bool composite_expr(Vet *v, Expr *e, void *ctx)
{
    if (e->kind != EX_COMPOSITE || !e->composite.elems.n || !e->type) {
        return true;
    }
    bool keyed = true;
    for (uint32_t i = 0; i < e->composite.elems.n; i++) {
        keyed &= e->composite.elems.at[i]->kind == EX_KEYVALUE;
    }
    const char *name = keyed ? "" : vet_type(e->type);
    Unkeyed u = {v, false};
    if (!keyed && !vet_in_list(name, frozen)) {
        type_each_term(e->type, foreign_struct, &u);
        if (u.foreign) {
            vet_report_at(v, e, "%s struct literal uses unkeyed fields", name);
        }
    }
    return true;
}

void vet_composites(Vet *v)
{
    Visit w = {.expr = composite_expr};
    vet_walk_package(v, &w);
}
