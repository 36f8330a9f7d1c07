/* vet_util.c - what several checks of gol vet ask of a tree: which function a call names, whether
 * two expressions are the same text, how a type is spelled with whole import paths. */
#include "lang/vet.h"

#include <assert.h>
#include <string.h>

/* ---- pointer maps: open addressing, linear probing ---- */

static uint32_t slot_of(const PtrMap *m, const void *key)
{
    uint32_t i = (uint32_t)(((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15u >> 32) & (m->cap - 1);
    while (m->keys[i] && m->keys[i] != key) {
        i = (i + 1) & (m->cap - 1);
    }
    return i;
}

void *ptrmap_get(const PtrMap *m, const void *key)
{
    return m->cap ? m->values[slot_of(m, key)] : NULL;
}

void ptrmap_put(PtrMap *m, const void *key, void *value)
{
    assert(key);
    if (m->n * 2 >= m->cap) {
        PtrMap old = *m;
        m->cap = old.cap ? old.cap * 2 : 32;
        m->keys = MEM_NEW_N(const void *, m->cap);
        m->values = MEM_NEW_N(void *, m->cap);
        for (uint32_t i = 0; i < old.cap; i++) {
            if (old.keys[i]) {
                uint32_t at = slot_of(m, old.keys[i]);
                m->keys[at] = old.keys[i];
                m->values[at] = old.values[i];
            }
        }
    }
    uint32_t at = slot_of(m, key);
    m->n += !m->keys[at];
    m->keys[at] = key;
    m->values[at] = value;
}

/* ---- names and functions ---- */

Expr *vet_unparen(Expr *e)
{
    while (e && e->kind == EX_PAREN) {
        e = e->paren.x;
    }
    return e;
}

Obj *vet_obj(const Expr *e) { return e && e->kind == EX_NAME ? e->name.obj : NULL; }

Type *vet_typeof(const Expr *e)
{
    if (e && e->mode == MODE_NIL) {
        return type_basic[T_UNTYPED_NIL];
    }
    return e && e->type ? e->type : type_basic[T_INVALID];
}

static bool callee_of_selector(const Expr *fn, Callee *out)
{
    const Selection *s = fn->selector.selection;
    if (!s || s->kind != SEL_METHOD) {
        return false;
    }
    out->sig = fn->type ? fn->type : s->type;
    if (s->method) {
        out->obj = s->method;
        out->pkg = s->method->pkg;
        out->name = s->method->name;
        out->recv = s->method->recv_named ? s->method->recv_named : s->method_recv;
        out->ptr_recv = s->method->ptr_recv;
        return true;
    }
    Type *t = s->method_recv;
    out->iface = true;
    out->recv = t;
    out->name = s->name ? s->name : vet_obj(fn->selector.sel) ? vet_obj(fn->selector.sel)->name
                                                              : fn->selector.sel->name.name;
    out->pkg = t && t->kind == T_NAMED ? t->named.obj->pkg : s->pkg;
    return true;
}

bool vet_callee(Expr *call, Callee *out)
{
    memset(out, 0, sizeof *out);
    if (!call || call->kind != EX_CALL || call->call.call_kind != CALL_FUNC) {
        return false;
    }
    Expr *fn = vet_unparen(call->call.fn);
    if (fn->kind == EX_INDEX) {
        fn = vet_unparen(fn->index.x);
    }
    Obj *o = vet_obj(fn);
    if (fn->kind == EX_SELECTOR) {
        if (fn->selector.selection) {
            return callee_of_selector(fn, out);
        }
        o = vet_obj(fn->selector.sel);
    }
    if (!o || o->kind != OBJ_FUNC || !o->pkg) {
        return false;
    }
    out->obj = o;
    out->pkg = o->pkg;
    out->name = o->name;
    out->sig = vet_typeof(call->call.fn);
    return true;
}

bool vet_static_callee(Expr *call, Callee *out) { return vet_callee(call, out) && !out->iface; }

char *vet_full_name(const Callee *f)
{
    const char *path = f->pkg ? f->pkg->path : "";
    if (!f->recv) {
        return mem_printf("%s.%s", path, f->name);
    }
    Type *t = f->recv;
    const char *of = t->kind == T_NAMED && t->named.obj->pkg
                         ? mem_printf("%s.%s", t->named.obj->pkg->path, t->named.obj->name)
                         : vet_type(t);
    return mem_printf("(%s%s).%s", f->ptr_recv ? "*" : "", of, f->name);
}

bool vet_is_func(const Callee *f, const char *pkg, const char *name)
{
    return !f->recv && f->pkg && !strcmp(f->pkg->path, pkg) && !strcmp(f->name, name);
}

bool vet_is_method(const Callee *f, const char *pkg, const char *type, const char *name)
{
    return f->recv && !strcmp(f->name, name) && vet_is_named(f->recv, pkg, type);
}

bool vet_is_named(Type *t, const char *pkg, const char *name)
{
    return t && t->kind == T_NAMED && t->named.obj->pkg && !strcmp(t->named.obj->name, name)
           && !strcmp(t->named.obj->pkg->path, pkg);
}

bool vet_is_pkgname(const Expr *e, const char *path)
{
    const Obj *o = vet_obj(e);
    return o && o->kind == OBJ_PKGNAME && o->imported && !strcmp(o->imported->path, path);
}

bool vet_imports(const Package *p, const char *path)
{
    for (uint32_t i = 0; i < p->imports.n; i++) {
        if (!strcmp(p->imports.at[i]->path, path)) {
            return true;
        }
    }
    return false;
}

bool vet_builtin_call(const Expr *e, Builtin id)
{
    return e && e->kind == EX_CALL && e->call.call_kind == CALL_BUILTIN && e->call.builtin == id
           && e->call.fn->mode == MODE_BUILTIN;
}

bool vet_conversion(const Expr *call) { return call->call.call_kind == CALL_CONVERSION; }

bool vet_in_list(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (!strcmp(*list, name)) {
            return true;
        }
    }
    return false;
}

/* ---- text ---- */

static const char *text_at(const DiagList *d, Pos pos)
{
    const SourceFile *f = diag_file((DiagList *)d, pos);
    return f ? f->text + (pos - f->base) : "";
}

static unsigned levels(const Expr *e)
{
    return e->kind == EX_BINARY ? 1u << token_prec[e->binary.op] | levels(e->binary.x)
                                      | levels(e->binary.y) : 0;
}

/* Blanks around operators as gofmt has them in an expression by itself: none around products in
 * sums. */
static char *binary_source(Vet *v, const Expr *e, unsigned cutoff)
{
    if (e->kind != EX_BINARY) {
        return vet_source(v, e);
    }
    const char *blank = token_prec[e->binary.op] < cutoff ? " " : "";
    return mem_printf("%s%s%s%s%s", binary_source(v, e->binary.x, cutoff), blank,
                      token_text[e->binary.op], blank, binary_source(v, e->binary.y, cutoff));
}

char *vet_source(Vet *v, const Expr *e)
{
    if (e->kind == EX_BINARY) {
        return binary_source(v, e, (levels(e) & 0x30) == 0x30 ? 5 : 6);
    }
    if (!diag_file(v->diags, e->start) || e->end <= e->start) {
        return expr_string(e);
    }
    return mem_strndup(text_at(v->diags, e->start), e->end - e->start);
}

Pos vet_lparen(const Expr *call) { return call->call.fn->end; }

Pos vet_stmt_pos(const Stmt *s)
{
    switch ((StmtKind)s->kind) {
    case ST_EXPR: return s->expr.x->start;
    case ST_SEND: return s->send.ch->start;
    case ST_INCDEC: return s->incdec.x->start;
    case ST_ASSIGN:
    case ST_DEFINE: return s->assign.lhs.n ? s->assign.lhs.at[0]->start : s->pos;
    case ST_LABELED: return s->labeled.label->start;
    default: return s->pos;
    }
}

char *vet_type(Type *t) { return type_string_paths(t); }

int vet_go_minor(Vet *v, Pos pos)
{
    const SourceFile *f = diag_file(v->diags, pos);
    return f && f->go_minor ? f->go_minor : 24;
}

bool vet_const_string(const Expr *e, const char **s, size_t *n)
{
    if (!e || e->mode != MODE_CONST || !e->cval || const_kind(e->cval) != CK_STRING) {
        return false;
    }
    *s = const_as_string(e->cval, n);
    return true;
}

/* ---- comparing ---- */

static bool same_list(const ExprList *a, const ExprList *b)
{
    for (uint32_t i = 0; a->n == b->n && i < a->n; i++) {
        if (!vet_same(a->at[i], b->at[i])) {
            return false;
        }
    }
    return a->n == b->n;
}

static bool same_fields(const FieldList *a, const FieldList *b)
{
    for (uint32_t i = 0; a->n == b->n && i < a->n; i++) {
        const Field *x = a->at[i], *y = b->at[i];
        if (!vet_same(x->name, y->name) || !vet_same(x->type, y->type)
            || !vet_same(x->tag, y->tag)) {
            return false;
        }
    }
    return a->n == b->n;
}

static bool same_sig(const FuncType *a, const FuncType *b)
{
    return same_fields(&a->params, &b->params) && same_fields(&a->results, &b->results);
}

static bool same_type(const Expr *a, const Expr *b)
{
    switch ((ExprKind)a->kind) {
    case EX_ARRAY_TYPE:
        return vet_same(a->array_type.len, b->array_type.len)
               && vet_same(a->array_type.elem, b->array_type.elem);
    case EX_STRUCT_TYPE: return same_fields(&a->struct_type.fields, &b->struct_type.fields);
    case EX_FUNC_TYPE: return same_sig(a->func_type.sig, b->func_type.sig);
    case EX_IFACE_TYPE: return same_fields(&a->iface_type.elems, &b->iface_type.elems);
    case EX_MAP_TYPE:
        return vet_same(a->map_type.key, b->map_type.key)
               && vet_same(a->map_type.value, b->map_type.value);
    case EX_CHAN_TYPE:
        return a->chan_type.dir == b->chan_type.dir
               && vet_same(a->chan_type.elem, b->chan_type.elem);
    case EX_ELLIPSIS: return vet_same(a->ellipsis.elem, b->ellipsis.elem);
    default: return false; /* func literals and what was bad */
    }
}

bool vet_same(const Expr *a, const Expr *b)
{
    mem_step();
    if (!a || !b || a->kind != b->kind) {
        return a == b;
    }
    switch ((ExprKind)a->kind) {
    case EX_NAME: return a->name.name == b->name.name;
    case EX_LIT:
        return a->lit.len == b->lit.len && !memcmp(a->lit.text, b->lit.text, a->lit.len);
    case EX_COMPOSITE:
        return vet_same(a->composite.type, b->composite.type)
               && same_list(&a->composite.elems, &b->composite.elems);
    case EX_PAREN: return vet_same(a->paren.x, b->paren.x);
    case EX_SELECTOR:
        return vet_same(a->selector.sel, b->selector.sel) && vet_same(a->selector.x, b->selector.x);
    case EX_INDEX:
        return vet_same(a->index.x, b->index.x) && same_list(&a->index.index, &b->index.index);
    case EX_SLICE:
        return vet_same(a->slice.x, b->slice.x) && vet_same(a->slice.lo, b->slice.lo)
               && vet_same(a->slice.hi, b->slice.hi) && vet_same(a->slice.max, b->slice.max);
    case EX_ASSERT:
        return vet_same(a->assert_.x, b->assert_.x) && vet_same(a->assert_.type, b->assert_.type);
    case EX_CALL:
        return a->call.dots == b->call.dots && vet_same(a->call.fn, b->call.fn)
               && same_list(&a->call.args, &b->call.args);
    case EX_STAR: return vet_same(a->star.x, b->star.x);
    case EX_UNARY: return a->unary.op == b->unary.op && vet_same(a->unary.x, b->unary.x);
    case EX_BINARY:
        return a->binary.op == b->binary.op && vet_same(a->binary.x, b->binary.x)
               && vet_same(a->binary.y, b->binary.y);
    case EX_KEYVALUE: return vet_same(a->kv.key, b->kv.key) && vet_same(a->kv.value, b->kv.value);
    default: return same_type(a, b);
    }
}

static bool effect(Vet *v, Expr *e, void *ctx)
{
    bool call = e->kind == EX_CALL && !vet_conversion(e);
    bool receive = e->kind == EX_UNARY && e->unary.op == TOK_ARROW;
    *(bool *)ctx |= call || receive;
    return !*(bool *)ctx;
}

bool vet_side_effects(Expr *e)
{
    bool found = false;
    Visit w = {.expr = effect, .ctx = &found};
    vet_walk_expr(NULL, &w, e);
    return found;
}

bool vet_implements_error(Type *t)
{
    Method *missing;
    char *why;
    return type_implements(t, type_under(type_error), false, &missing, &why);
}
