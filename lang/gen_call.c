/* gen_call.c - calls, go, defer, method values and expressions.
 *
 * Arguments are evaluated straight into the callee's window: two header slots above everything
 * live, then results, then parameters (HACKING.md). A static callee needs nothing else; a func value
 * or an interface stands in a slot below the window. Method values, method expressions and deferred
 * builtins are synthesised function literals, so that there is one way to compile a body.
 */
#include "lang/gen.h"

/* ---- instances */

static const char *func_name(Obj *o, TypeList targs)
{
    const char *inst = targs.n ? "[...]" : "";
    const char *pkg = o->pkg ? o->pkg->path : "";
    if (!o->recv_named) {
        return mem_printf("%s.%s%s", pkg, o->name, inst);
    }
    const char *t = o->recv_named->named.obj->name;
    return o->ptr_recv ? mem_printf("%s.(*%s%s).%s", pkg, t, inst, o->name)
                       : mem_printf("%s.%s%s.%s", pkg, t, inst, o->name);
}

static void queue(Gen *g, FuncRec *r)
{
    *g->pending_tail = r;
    g->pending_tail = &r->pending;
}

void gen_endless(Gen *g, Obj *o)
{
    diag_report(g->diags, DIAG_ERROR, o->pos, 0, "InvalidInstanceCycle",
                "instantiation cycle: %s is instantiated with ever larger types", o->name);
    longjmp(*g->give_up, 1); /* everything that code generation made is the compile's memory */
}

FuncRec *func_rec(Gen *g, Obj *o, TypeList targs)
{
    ObjGen *og = obj_gen(o);
    uint64_t args_hash = 0;
    for (uint32_t i = 0; i < targs.n; i++) {
        args_hash = args_hash * 0x9e3779b97f4a7c15ull + type_hash(targs.at[i]);
    }
    for (FuncRec *r = og->recs; r; r = r->next) {
        mem_step();
        bool same = r->targs.n == targs.n && r->args_hash == args_hash;
        for (uint32_t i = 0; same && i < targs.n; i++) {
            same = types_identical(r->targs.at[i], targs.at[i]);
        }
        if (same) {
            return r;
        }
    }
    FuncRec *r = MEM_NEW(FuncRec);
    r->obj = o;
    r->targs = targs;
    r->args_hash = args_hash;
    r->subst = (Subst){func_tparams(o->type), targs};
    r->sig = targs.n ? o->recv_named ? types_subst(o->type, &r->subst)
                                     : func_instantiate(o->type, targs) : o->type;
    r->recv = o->recv_named && o->fdecl && o->type->func.recv
                  ? types_subst(o->type->func.recv, &r->subst) : NULL;
    r->name = func_name(o, targs);
    r->hash = hash64_more(HASH64_START, r->name, strlen(r->name));
    r->next = og->recs;
    og->recs = r;
    if (!targs.n && o->pkg && o->pkg->imported_only &&
        (o->pkg->live || (g->in->image && image_symbol(g, r->hash, SYM_FUNC, 0)))) {
        return r;
    }
    r->blob = blob_new(g->ub, 16);
    if (types_deeper(targs, INSTANCE_DEPTH)) {
        gen_endless(g, o); /* its body would ask for the next */
    }
    queue(g, r);
    return r;
}

FuncRec *func_rec_of_name(Fg *f, Expr *name)
{
    TypeList targs = {NULL, name->name.ntargs};
    if (targs.n) {
        targs.at = MEM_NEW_N(Type *, targs.n);
        for (uint32_t i = 0; i < targs.n; i++) {
            targs.at[i] = ftype(f, name->name.targs[i]);
        }
    }
    return func_rec(f->gen, name->name.obj, targs);
}

FuncRec *method_rec(Gen *g, Obj *m, Type *recv)
{
    TypeList none = {0};
    return func_rec(g, m, recv->kind == T_NAMED ? recv->named.targs : none);
}

void gen_func_value(Fg *f, FuncRec *r, int dst)
{
    emit(f, OP_LFUNC, dst, 0, 0);
    emit_func(f, r);
}

/* The selection for this instance: on type parameters it is looked up again. */
Selection *resolve_selection(Fg *f, Expr *e)
{
    Selection *s = e->selector.selection;
    if (!f->subst || !s) {
        return s;
    }
    Type *t = etype(f, e->selector.x);
    if (t == e->selector.x->type) {
        return s;
    }
    const char *why;
    Selection *r = type_lookup(t, true, s->pkg ? s->pkg : f->pkg, s->name ? s->name
                               : e->selector.sel->name.name, &why);
    if (!r) {
        gen_error(f, "internal: no %s in %s", e->selector.sel->name.name, type_name_full(t, false));
        return s;
    }
    return r;
}

uint32_t sig_results(Gen *g, Type *sig)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < sig->func.nresults; i++) {
        n += tinfo(g, sig->func.results[i].type)->slots;
    }
    return n;
}

uint32_t sig_params(Gen *g, Type *sig)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < sig->func.nparams; i++) {
        n += tinfo(g, sig->func.params[i].type)->slots;
    }
    return n;
}

/* ---- the plan of a call */

typedef struct Plan {
    enum { CALL_STATIC, CALL_VALUE, CALL_IFACE } kind;
    FuncRec *rec;
    int slot;          /* func value or interface */
    uint64_t id;
    Type *sig;
    int base;
    uint32_t nres, nargs;
} Plan;

typedef struct Arg { Expr *e; int slot; TInfo *ti; } Arg;

static void arg_to(Fg *f, Arg *a, TInfo *to, int dst)
{
    if (a->e) {
        gen_as(f, a->e, to, dst);
    } else {
        conv_value(f, a->ti, to, a->slot, dst);
    }
}

static void pack_variadic(Fg *f, Arg *args, uint32_t n, TInfo *slice)
{
    int s = slot_new(f, slice);
    if (n == 0) {
        emit_zero(f, s, 2);
        return;
    }
    TInfo *elem = tinfo(f->gen, slice->under->slice.elem);
    uint32_t mark = slot_mark(f);
    int len = slot_scalar(f);
    emit_int(f, len, n);
    emit_t(f, OP_MAKE_SLICE, s, len, len, elem);
    slot_release(f, mark);
    for (uint32_t i = 0; i < n; i++) {
        Loc l = {.kind = LOC_MEM, .ti = elem, .slot = s, .off = i * elem->size, .nonnil = true};
        int v;
        if (args[i].e) {
            v = gen_any_as(f, args[i].e, elem);
        } else {
            v = slot_new(f, elem);
            arg_to(f, &args[i], elem, v);
        }
        loc_store(f, &l, v);
        slot_release(f, mark);
    }
}

static void gen_args(Fg *f, Expr *call, Plan *p, Arg *args, uint32_t n)
{
    Type *sig = p->sig;
    uint32_t fixed = sig->func.nparams;
    bool pack = sig->func.variadic && !call->call.dots;
    fixed -= pack && fixed ? 1 : 0;
    for (uint32_t i = 0; i < fixed && i < n; i++) {
        TInfo *to = tinfo(f->gen, sig->func.params[i].type);
        int s = slot_new(f, to);
        arg_to(f, &args[i], to, s);
    }
    if (pack) {
        pack_variadic(f, args + fixed, n - fixed, tinfo(f->gen, sig->func.params[fixed].type));
    }
}

/* f(g()) with several results: they are computed before the window of f. */
static Arg *collect_args(Fg *f, Expr *call, uint32_t *n)
{
    ExprList *l = &call->call.args;
    *n = l->n;
    if (l->n == 1 && l->at[0]->type && l->at[0]->type->kind == T_TUPLE && !l->at[0]->commaok) {
        Type *t = ftype(f, l->at[0]->type);
        *n = t->tuple.n;
        Arg *a = MEM_NEW_N(Arg, *n + 1);
        uint32_t slots;
        int s = gen_call(f, unparen(l->at[0]), &slots);
        for (uint32_t i = 0; i < *n; i++) {
            a[i].ti = tinfo(f->gen, t->tuple.at[i]);
            a[i].slot = s;
            s += (int)a[i].ti->slots;
        }
        return a;
    }
    Arg *a = MEM_NEW_N(Arg, *n + 1);
    for (uint32_t i = 0; i < *n; i++) {
        a[i].e = l->at[i];
    }
    return a;
}

static void open_window(Fg *f, Plan *p)
{
    p->base = slot_raw(f, 2) + 2;
    p->nres = sig_results(f->gen, p->sig);
    slot_raw(f, p->nres);
}

static void plan_method(Fg *f, Expr *call, Expr *fn, Plan *p)
{
    Selection *s = resolve_selection(f, fn);
    Type *t = etype(f, fn->selector.x), *end;
    uint32_t n;
    p->sig = s->type;
    if (!s->method) {
        Loc l = loc_path(f, gen_place(f, fn->selector.x), t, s->path, s->npath, &end);
        p->kind = CALL_IFACE;
        p->slot = loc_any(f, &l);
        p->id = method_id(s->name ? s->name : fn->selector.sel->name.name, s->pkg ? s->pkg : f->pkg);
        Arg *args = collect_args(f, call, &n);
        open_window(f, p);
        slot_raw(f, 1);
        gen_args(f, call, p, args, n);
        return;
    }
    p->rec = method_rec(f->gen, s->method, s->method_recv);
    p->sig = p->rec->sig;
    Loc l = loc_path(f, gen_place(f, fn->selector.x), t, s->path, s->npath, &end);
    Arg *args = collect_args(f, call, &n);
    open_window(f, p);
    TInfo *rt = p->rec->obj->ptr_recv ? NULL : tinfo(f->gen, p->rec->recv ? p->rec->recv
                                                                          : s->method_recv);
    int r = rt ? slot_new(f, rt) : slot_ptr(f);
    uint32_t after = slot_mark(f);
    bool is_ptr = end->kind == T_POINTER || (end->kind == T_NAMED && type_under(end)->kind == T_POINTER);
    f->pos = fn->selector.sel->pos;
    if (!rt && !is_ptr) {
        loc_addr_to(f, &l, r);
    } else {
        if (rt && is_ptr) {
            l = loc_deref(f, loc_any(f, &l), rt);
        }
        loc_load(f, &l, r);
    }
    slot_release(f, after);
    gen_args(f, call, p, args, n);
}

Expr *static_callee(Expr *fn)
{
    if (fn->kind == EX_INDEX) {
        fn = unparen(fn->index.x);
    }
    if (fn->kind == EX_SELECTOR && !fn->selector.selection) {
        fn = fn->selector.sel;
    }
    return fn->kind == EX_NAME && fn->name.obj && fn->name.obj->kind == OBJ_FUNC ? fn : NULL;
}

static void plan_call(Fg *f, Expr *e, Plan *p)
{
    *p = (Plan){.kind = CALL_STATIC};
    Expr *fn = unparen(e->call.fn), *name = static_callee(fn);
    uint32_t n;
    if (!name && fn->kind == EX_SELECTOR && fn->selector.selection &&
        fn->selector.selection->kind == SEL_METHOD) {
        plan_method(f, e, fn, p);
        return;
    }
    if (name) {
        p->rec = func_rec_of_name(f, name);
        p->sig = p->rec->sig;
    } else {
        p->kind = CALL_VALUE;
        Type *t = type_core(etype(f, fn));
        p->sig = t && t->kind == T_FUNC ? t : type_under(etype(f, fn));
        p->slot = gen_any(f, fn);
    }
    Arg *args = collect_args(f, e, &n);
    open_window(f, p);
    gen_args(f, e, p, args, n);
}

static void emit_plan(Fg *f, Plan *p, int mode)
{
    static const Op ops[3][3] = {{OP_CALL, OP_CALLC, OP_CALLI}, {OP_GO, OP_GOC, OP_GOI},
                                 {OP_DEFER, OP_DEFERC, OP_DEFERI}};
    Op op = ops[mode][p->kind];
    if (p->kind == CALL_STATIC) {
        emit(f, op, p->base, 0, 0);
        emit_func(f, p->rec);
    } else if (p->kind == CALL_VALUE) {
        emit_n(f, op, p->base, p->slot, 0, p->nres | sig_params(f->gen, p->sig) << 16);
    } else {
        emit_n(f, op, p->base, p->slot, (int)p->nres, p->id);
    }
}

int gen_call(Fg *f, Expr *e, uint32_t *nslots)
{
    Plan p;
    plan_call(f, e, &p);
    f->pos = e->pos;
    emit_plan(f, &p, 0);
    slot_release(f, (uint32_t)p.base);
    for (uint32_t i = 0; i < p.sig->func.nresults; i++) {
        slot_new(f, tinfo(f->gen, p.sig->func.results[i].type));
    }
    *nslots = p.nres;
    return p.base;
}

/* ---- synthesised trees */

Expr *syn_expr(ExprKind k, Type *t, uint8_t mode, Pos pos)
{
    Expr *e = MEM_NEW(Expr);
    e->kind = (uint8_t)k;
    e->type = t;
    e->mode = mode;
    e->pos = e->start = e->end = pos;
    return e;
}

Obj *syn_var(Name name, Type *t)
{
    Obj *o = MEM_NEW(Obj);
    o->kind = OBJ_VAR;
    o->name = name;
    o->type = t;
    return o;
}

Expr *syn_name(Obj *o, Pos pos)
{
    Expr *e = syn_expr(EX_NAME, o->type, MODE_VAR, pos);
    e->name.name = o->name;
    e->name.obj = o;
    return e;
}

Expr *syn_call(Expr *fn, Expr **args, uint32_t n, bool dots, Type *t, Pos pos)
{
    Expr *e = syn_expr(EX_CALL, t, MODE_VALUE, pos);
    e->call.fn = fn;
    e->call.dots = dots;
    for (uint32_t i = 0; i < n; i++) {
        VEC_PUSH(e->call.args, args[i]);
    }
    return e;
}

Stmt *syn_stmt_call(Expr *call, bool ret)
{
    Stmt *s = MEM_NEW(Stmt);
    s->pos = s->end = call->pos;
    if (ret) {
        s->kind = ST_RETURN;
        VEC_PUSH(s->ret.results, call);
    } else {
        s->kind = ST_EXPR;
        s->expr.x = call;
    }
    return s;
}

Expr *syn_func(Type *sig, Obj **params, Stmt **body, uint32_t n, Pos pos)
{
    Expr *e = syn_expr(EX_FUNC, sig, MODE_VALUE, pos);
    e->func.sig = MEM_NEW(FuncType);
    for (uint32_t i = 0; i < sig->func.nparams; i++) {
        Field *fl = MEM_NEW(Field);
        fl->obj = params[i];
        VEC_PUSH(e->func.sig->params, fl);
    }
    for (uint32_t i = 0; i < sig->func.nresults; i++) {
        VEC_PUSH(e->func.sig->results, MEM_NEW(Field));
    }
    e->func.body = MEM_NEW(Block);
    e->func.body->pos = e->func.body->rbrace = pos;
    for (uint32_t i = 0; i < n; i++) {
        VEC_PUSH(e->func.body->stmts, body[i]);
    }
    return e;
}

static Type *result_type(Type *sig)
{
    if (sig->func.nresults == 1) {
        return sig->func.results[0].type;
    }
    Type **at = MEM_NEW_N(Type *, sig->func.nresults + 1);
    for (uint32_t i = 0; i < sig->func.nresults; i++) {
        at[i] = sig->func.results[i].type;
    }
    return type_tuple(at, sig->func.nresults);
}

/* func(params) results { return recv.sel(params...) }; recv is an expression of type t; with_recv:
 * recv is the literal's own first parameter. */
static Expr *forwarder(Type *sig, Obj *recv, Selection *sel, bool with_recv, Pos pos)
{
    uint32_t n = sig->func.nparams, k = with_recv ? 1 : 0;
    Expr **args = MEM_NEW_N(Expr *, n + 1);
    Type *own = sig;
    if (with_recv) {
        own = type_new(T_FUNC);
        own->func = sig->func;
        own->func.recv = NULL;
        own->func.tparams = own->func.rparams = (TypeList){0};
        own->func.nparams = n + 1;
        own->func.params = MEM_NEW_N(Param, n + 1);
        own->func.params[0].type = recv->type;
        if (n) {
            memcpy(own->func.params + 1, sig->func.params, n * sizeof(Param));
        }
    }
    Obj **params = MEM_NEW_N(Obj *, n + 1);
    if (with_recv) {
        params[0] = recv;
    }
    for (uint32_t i = 0; i < n; i++) {
        params[i + k] = syn_var(name_of("p"), sig->func.params[i].type);
        args[i] = syn_name(params[i + k], pos);
    }
    Expr *fn = syn_expr(EX_SELECTOR, sig, MODE_VALUE, pos);
    fn->selector.x = syn_name(recv, pos);
    fn->selector.sel = syn_expr(EX_NAME, sig, MODE_VALUE, pos);
    fn->selector.sel->name.name = sel->name;
    fn->selector.selection = sel;
    Expr *call = syn_call(fn, args, n, sig->func.variadic, result_type(sig), pos);
    Stmt *st = syn_stmt_call(call, sig->func.nresults > 0);
    return syn_func(own, params, &st, 1, pos);
}

/* "main.T.M-fm", "main.(*T).M-fm" */
static const char *method_value_name(Type *recv, Selection *sel)
{
    bool ptr = recv->kind == T_POINTER;
    const char *tn = type_name_full(ptr ? recv->pointer.elem : recv, false);
    size_t pkg = ptr ? strcspn(tn, ".") : 0;
    if (pkg == 0 || !tn[pkg]) {
        return mem_printf("%s.%s-fm", tn, sel->name);
    }
    return mem_printf("%.*s.(*%s).%s-fm", (int)pkg, tn, tn + pkg + 1, sel->name);
}

/* A method value or expression: a wrapper to recover and tracebacks. */
static void forwarder_closure(Fg *f, Expr *lit, Type *recv, Selection *sel, int dst)
{
    Lit *l = escape_lit(f->gen, f->lit, lit);
    f->next_fn = NULL;
    gen_body_literal(f, lit, l, method_value_name(recv, sel), FN_WRAPPER, dst);
}

void gen_method_value(Fg *f, Expr *e, int dst)
{
    Selection *s = resolve_selection(f, e);
    Type *t = etype(f, e->selector.x), *end;
    uint32_t mark = slot_mark(f);
    Loc l = loc_path(f, gen_place(f, e->selector.x), t, s->path, s->npath, &end);
    bool is_ptr = end->kind == T_POINTER;
    Type *rt = end;
    Selection *own = MEM_NEW(Selection);
    *own = *s;
    own->kind = SEL_METHOD;
    own->npath = 0;
    if (s->method && s->method->ptr_recv && !is_ptr) {
        rt = type_pointer(end);
        int p = slot_ptr(f);
        loc_addr_to(f, &l, p);
        l = loc_slot(tinfo(f->gen, rt), p);
    } else if (s->method && !s->method->ptr_recv && is_ptr) {
        rt = end->pointer.elem;
        l = loc_deref(f, loc_any(f, &l), tinfo(f->gen, rt));
    }
    own->recv = rt;
    Obj *recv = syn_var(name_of("recv"), rt);
    obj_gen(recv)->owner = f->lit;
    TInfo *ti = tinfo(f->gen, rt);
    int s0 = slot_new(f, ti);
    loc_load(f, &l, s0);
    if (ti->iface) {
        emit(f, OP_NILCHK, s0, 0, 0);
    }
    var_declare_at(f, recv, ti, s0);
    forwarder_closure(f, forwarder(s->type, recv, own, false, e->pos), rt, own, dst);
    slot_release(f, mark);
}

void gen_method_expr(Fg *f, Expr *e, int dst)
{
    Selection *s = e->selector.selection;
    Type *t = ftype(f, e->selector.x->type);
    const char *why;
    Selection *r = type_lookup(t, true, s->pkg ? s->pkg : f->pkg, e->selector.sel->name.name, &why);
    if (!r) {
        gen_error(f, "internal: no method %s", e->selector.sel->name.name);
        return;
    }
    Obj *recv = syn_var(name_of("recv"), t);
    forwarder_closure(f, forwarder(r->type, recv, r, true, e->pos), t, r, dst);
}

/* A method as interfaces call it: the receiver is a pointer to the value (or the value itself, for
 * a direct type). */
Blob *gen_wrapper(Gen *g, Type *recv, Selection *sel)
{
    bool direct = tinfo(g, recv)->rep == REP_SCALAR;
    Type *t = direct ? recv : type_pointer(recv);
    const char *why;
    Selection *own = type_lookup(t, true, sel->pkg ? sel->pkg : sel->method ? sel->method->pkg : NULL,
                                 sel->name, &why);
    if (!own) {
        own = sel;
    }
    Obj *o = syn_var(name_of("recv"), t);
    Expr *lit = forwarder(own->type, o, own, true, 0);
    Fg outer;
    Package *pkg = sel->method ? sel->method->pkg : sel->pkg;
    const char *tn = type_name_full(recv, false);
    const char *name = recv->kind == T_POINTER ? mem_printf("(%s).%s", tn, sel->name)
                                               : mem_printf("%s.%s", tn, sel->name);
    fg_init(&outer, g, NULL, NULL, name, NULL, pkg);
    Lit *l = escape_lit(g, outer.lit, lit);
    bool of_value = recv->kind == T_POINTER && own->method && !own->method->ptr_recv &&
                    own->npath == 0;
    return gen_literal(&outer, lit, l, name, of_value ? FN_WRAPPER | FN_VALUE_METHOD : FN_WRAPPER,
                       NULL);
}

/* ---- go and defer */

/* go/defer of a builtin or a conversion: func(a0, a1 ...) { builtin(a0, a1 ...) }(args) */
static Expr *wrap_builtin(Fg *f, Expr *call)
{
    uint32_t n = call->call.args.n, np = 0;
    Expr *inner = MEM_NEW(Expr);
    *inner = *call;
    inner->call.args.n = inner->call.args.cap = 0;
    inner->call.args.at = NULL;
    inner->call.deferred = true;
    Type *sig = type_new(T_FUNC);
    sig->func.params = MEM_NEW_N(Param, n + 1);
    Obj **params = MEM_NEW_N(Obj *, n + 1);
    Expr **args = MEM_NEW_N(Expr *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        Expr *a = call->call.args.at[i];
        if (a->mode == MODE_TYPE || a->cval || is_nil(a)) {
            VEC_PUSH(inner->call.args, a);
            continue;
        }
        Type *t = einfo(f, a)->type;
        params[np] = syn_var(name_of("p"), t);
        sig->func.params[np].type = t;
        args[np] = a;
        VEC_PUSH(inner->call.args, syn_name(params[np], a->pos));
        np++;
    }
    sig->func.nparams = np;
    Stmt *st = syn_stmt_call(inner, false);
    Expr *lit = syn_func(sig, params, &st, 1, call->pos);
    escape_lit(f->gen, f->lit, lit);
    return syn_call(lit, args, np, false, NULL, call->pos);
}

void gen_go_defer(Fg *f, Stmt *s)
{
    uint32_t mark = slot_mark(f);
    Expr *call = unparen(s->go.call);
    if (call->call.call_kind != CALL_FUNC) {
        call = wrap_builtin(f, call);
    }
    Plan p;
    plan_call(f, call, &p);
    f->pos = s->pos;
    emit_plan(f, &p, s->kind == ST_GO ? 1 : 2);
    if (s->kind == ST_DEFER && f->range_fn && f->range_fn->frame) {
        emit(f, OP_DEFER_TO, var_of(f, f->range_fn->frame)->slot, 0, 0);
    }
    slot_release(f, mark);
}
