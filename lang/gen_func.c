/* gen_func.c - functions and function literals: frames, parameters, results, captures, returns.
 *
 * Results stand first in the frame, then parameters. A named result that is boxed has its box in a
 * further slot, and every return goes through the common way out, which loads the boxes into the
 * result slots; so does a function with deferred calls, whose way out begins with RETD. The word
 * after RETD is Func.epilogue, where a frame goes on after a recovered panic. A literal loads its
 * captures when it is entered: a value, or the pointer to a box.
 */
#include "lang/gen.h"

void fg_init(Fg *f, Gen *g, Fg *outer, Blob *blob, const char *name, const Subst *subst, Package *pkg)
{
    memset(f, 0, sizeof *f);
    f->gen = g;
    f->outer = outer;
    f->blob = blob;
    f->name = name;
    f->subst = subst;
    f->pkg = pkg;
    f->lit = MEM_NEW(Lit);
    f->ret.pc = -1;
    f->last_insn = -1;
    f->hoist_slot = -1;
    f->go_minor = outer ? outer->go_minor : 99;
}

/* ---- variables */

bool var_boxed(Fg *f, Obj *o, TInfo *ti) { return o->boxed || is_big(ti); }

LVar *var_declare_at(Fg *f, Obj *o, TInfo *ti, int slot)
{
    ObjGen *og = obj_gen(o);
    LVar *v = MEM_NEW(LVar);
    v->obj = o;
    v->fg = f;
    v->ti = ti;
    v->slot = slot;
    v->prev = og->var && og->var->fg == f ? og->var->prev : og->var;
    og->var = v;
    VEC_PUSH(f->vars, v);
    return v;
}

LVar *var_declare(Fg *f, Obj *o, Type *t)
{
    TInfo *ti = tinfo(f->gen, ftype(f, t));
    if (!var_boxed(f, o, ti)) {
        return var_declare_at(f, o, ti, slot_new(f, ti));
    }
    int p = slot_ptr(f);
    emit_t(f, OP_NEW, p, 0, 0, ti);
    LVar *v = var_declare_at(f, o, ti, p);
    v->boxed = true;
    return v;
}

static void unbind_vars(Fg *f)
{
    for (uint32_t i = f->vars.n; i-- > 0;) {
        ObjGen *og = obj_gen(f->vars.at[i]->obj);
        if (og->var && og->var->fg == f) {
            og->var = og->var->prev;
        }
    }
}

/* ---- entering */

static void open_results(Fg *f, Type *sig)
{
    for (uint32_t i = 0; i < sig->func.nresults; i++) {
        slot_new(f, tinfo(f->gen, sig->func.results[i].type));
    }
    f->nres = f->top;
}

/* Named results become variables; their boxes come after the parameters. */
static void declare_results(Fg *f, Type *sig, FieldList *fields)
{
    int slot = 0;
    bool named = false;
    for (uint32_t i = 0; i < sig->func.nresults && i < fields->n; i++) {
        named |= fields->at[i]->name != NULL;
    }
    if (f->has_defer && !named) {
        emit_zero(f, 0, f->nres);
        for (uint32_t i = 0, at = 0; i < sig->func.nresults; i++) {
            TInfo *ti = tinfo(f->gen, sig->func.results[i].type);
            huge_settle(f, (int)at, ti);
            at += ti->slots;
        }
    }
    for (uint32_t i = 0; named && i < sig->func.nresults; i++) {
        TInfo *ti = tinfo(f->gen, sig->func.results[i].type);
        Obj *o = fields->at[i]->obj;
        if (!o) { /* a blank result */
            o = syn_var(name_of("_"), ti->type);
        }
        LVar *v;
        if (var_boxed(f, o, ti)) {
            int p = slot_ptr(f);
            emit_t(f, OP_NEW, p, 0, 0, ti);
            v = var_declare_at(f, o, ti, p);
            v->boxed = true;
            f->boxed_results = true;
            if (f->has_defer) {
                emit_zero(f, slot, ti->slots);
            }
        } else {
            emit_zero(f, slot, ti->slots);
            v = var_declare_at(f, o, ti, slot);
        }
        VEC_PUSH(f->results, v);
        slot += (int)ti->slots;
    }
}

typedef struct ParamSlot { Obj *obj; TInfo *ti; int slot; } ParamSlot;

static void box_param(Fg *f, ParamSlot *p)
{
    if (!p->obj || !p->obj->name || strcmp(p->obj->name, "_") == 0) {
        return;
    }
    if (!var_boxed(f, p->obj, p->ti)) {
        var_declare_at(f, p->obj, p->ti, p->slot);
        return;
    }
    int b = slot_ptr(f);
    emit_t(f, OP_NEW, b, 0, 0, p->ti);
    LVar *v = var_declare_at(f, p->obj, p->ti, b);
    v->boxed = true;
    Loc l = var_loc(v);
    loc_store(f, &l, p->slot);
}

static void open_params(Fg *f, Type *sig, FuncType *ft, Type *recv, Obj *recv_obj)
{
    uint32_t n = sig->func.nparams, k = 0;
    ParamSlot *ps = MEM_NEW_N(ParamSlot, n + 1);
    if (recv) {
        ps[k].obj = recv_obj;
        ps[k].ti = tinfo(f->gen, recv);
        ps[k].slot = slot_new(f, ps[k].ti);
        k++;
    }
    for (uint32_t i = 0; i < n; i++, k++) {
        ps[k].obj = ft && i < ft->params.n ? ft->params.at[i]->obj : NULL;
        ps[k].ti = tinfo(f->gen, sig->func.params[i].type);
        ps[k].slot = slot_new(f, ps[k].ti);
    }
    f->nargs = f->top - f->nres;
    /* before any code that needs temporaries: the loads of constants will precede it */
    f->hoist_slot = f->lit && f->lit->has_loop ? slot_raw(f, HOIST_MAX) : -1;
    for (uint32_t i = 0; i < k; i++) {
        box_param(f, &ps[i]);
    }
}

/* ---- leaving */

void gen_return_jump(Fg *f)
{
    if (f->has_defer || f->boxed_results) {
        emit_jmp(f, &f->ret);
    } else {
        emit(f, OP_RET, 0, 0, 0);
    }
}

static Loc result_loc(Fg *f, uint32_t i)
{
    if (f->results.n) {
        return var_loc(f->results.at[i]);
    }
    int slot = 0;
    for (uint32_t k = 0; k < i; k++) {
        slot += (int)tinfo(f->gen, f->sig->func.results[k].type)->slots;
    }
    return loc_slot(tinfo(f->gen, f->sig->func.results[i].type), slot);
}

static void return_values(Fg *f, Expr **at, uint32_t n)
{
    int *slots = MEM_NEW_N(int, n);
    if (n == 1) {
        Loc l = result_loc(f, 0);
        if (l.kind == LOC_SLOT && !f->results.n && !f->has_defer) {
            gen_as(f, at[0], l.ti, l.slot); /* nothing reads an unnamed result */
        } else if (l.kind == LOC_SLOT && f->results.n) {
            gen_as_var(f, at[0], l.ti, l.slot);
        } else {
            loc_store(f, &l, gen_any_as(f, at[0], l.ti));
        }
        return;
    }
    bool in_place = !f->results.n && !f->has_defer; /* nothing reads unnamed results */
    for (uint32_t i = 0; i < n; i++) {
        Loc l = result_loc(f, i);
        if (in_place) {
            gen_as(f, at[i], l.ti, l.slot);
            continue;
        }
        slots[i] = gen_any_as(f, at[i], l.ti);
        if (slots[i] < (int)f->nres) {
            int t = slot_new(f, l.ti);
            emit_move(f, t, slots[i], l.ti->slots);
            slots[i] = t;
        }
    }
    for (uint32_t i = 0; i < n && !in_place; i++) {
        Loc l = result_loc(f, i);
        loc_store(f, &l, slots[i]);
    }
}

void gen_return(Fg *f, Stmt *s)
{
    uint32_t mark = slot_mark(f), want = f->sig->func.nresults;
    ExprList *l = &s->ret.results;
    if (rangefn_return(f, s)) {
        return;
    }
    if (l->n == 1 && want > 1) {
        int *slots = MEM_NEW_N(int, want);
        TInfo **tis = MEM_NEW_N(TInfo *, want);
        gen_multi_value(f, l->at[0], slots, tis, want);
        for (uint32_t i = 0; i < want; i++) {
            Loc r = result_loc(f, i);
            int src = slots[i];
            if (tis[i] != r.ti && r.ti->iface && !tis[i]->iface) {
                src = slot_new(f, r.ti);
                conv_iface(f, tis[i], r.ti, slots[i], src);
            }
            loc_store(f, &r, src);
        }
    } else if (l->n && want == 0) {
        gen_effect(f, l->at[0]);
    } else if (l->n) {
        return_values(f, l->at, l->n);
    }
    slot_release(f, mark);
    f->pos = s->pos;
    gen_return_jump(f);
}

/* The end of the body, and the common way out. */
static void close_body(Fg *f, Pos end)
{
    f->pos = end;
    if (!f->dead) {
        if (f->sig->func.nresults == 0) {
            gen_return_jump(f);
        } else {
            emit(f, OP_TRAP, 0, 0, TRAP_UNREACHABLE);
        }
    }
    if (!f->has_defer && !f->boxed_results) {
        return;
    }
    label_bind(f, &f->ret);
    if (f->has_defer) {
        emit(f, OP_RETD, 0, 0, 0);
        f->epilogue = f->code.n;
    }
    int slot = 0;
    for (uint32_t i = 0; i < f->results.n; i++) {
        LVar *v = f->results.at[i];
        if (v->boxed) {
            Loc l = var_loc(v);
            loc_load(f, &l, slot);
        }
        slot += (int)v->ti->slots;
    }
    emit(f, OP_RET, 0, 0, 0);
}

static int minor_of(Gen *g, Pos pos)
{
    SourceFile *sf = pos ? diag_file(g->diags, pos) : NULL;
    return sf && sf->go_minor ? sf->go_minor : 99;
}

/* ---- declared functions */

static void native_stub(Fg *f)
{
    Gen *g = f->gen;
    f->flags |= FN_NATIVE_STUB;
    VEC_PUSH(g->ub->natives, ub_cname(g->ub, f->name));
    emit_n(f, OP_NATIVE, 0, 0, 0, g->ub->natives.n - 1);
}

static void body_pass(Fg *f, FuncRec *r)
{
    Decl *d = r->obj->fdecl;
    Lit *lit = d->func.body ? lit_of(f->gen, (Expr *)(void *)d) : NULL;
    f->sig = r->sig;
    f->pos = d->pos;
    f->go_minor = minor_of(f->gen, d->pos);
    if (lit) {
        f->lit = lit;
        f->has_defer = lit->has_defer;
    }
    f->flags = (uint16_t)((f->has_defer ? FN_HAS_DEFER : 0) |
                          (r->sig->func.variadic ? FN_VARIADIC : 0));
    open_results(f, r->sig);
    open_params(f, r->sig, d->func.sig, r->recv, d->func.recv ? d->func.recv->obj : NULL);
    if (!d->func.body) {
        native_stub(f);
        return;
    }
    declare_results(f, r->sig, &d->func.sig->results);
    gen_stmts(f, d->func.body->stmts.at, d->func.body->stmts.n);
    close_body(f, d->func.body->rbrace);
}

void gen_func_body(Gen *g, FuncRec *r)
{
    Decl *d = r->obj->fdecl;
    Fg *f = MEM_NEW(Fg);
    if (!d) {
        return;
    }
    g->diags->working = r->obj->pos;
    if (d->func.body) {
        check_body(r->obj);
        escape_func(g, d);
    }
    for (int pass = 0; pass < 2; pass++) {
        fg_init(f, g, NULL, r->blob, r->name, r->targs.n ? &r->subst : NULL, r->obj->pkg);
        f->long_jumps = pass == 1;
        body_pass(f, r);
        unbind_vars(f);
        if (!f->overflow) {
            break;
        }
    }
    fg_finish(f, r->sig, d->pos);
}

/* ---- literals */

typedef struct Env { uint32_t n, size, start; Obj **at; TInfo **ti; uint32_t *off; bool *box; int *slot; } Env;

/* Where each capture stands in the closure: those of 16-byte alignment first. */
static Env env_layout(Fg *f, Lit *lit)
{
    uint32_t n = lit->caps.n, k = 0;
    Env e = {.n = n, .start = 8, .at = MEM_NEW_N(Obj *, n + 1), .ti = MEM_NEW_N(TInfo *, n + 1),
             .off = MEM_NEW_N(uint32_t, n + 1), .box = MEM_NEW_N(bool, n + 1),
             .slot = MEM_NEW_N(int, n + 1)};
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < n; i++) {
            LVar *v = var_of(f, lit->caps.at[i]);
            if (!v) {
                continue;
            }
            bool box = v->boxed || is_huge(v->ti); /* a pointer either way */
            bool wide = !box && v->ti->align == 16;
            if (wide == (round == 0)) {
                e.at[k] = lit->caps.at[i];
                e.ti[k] = v->ti;
                e.box[k] = box;
                e.slot[k] = v->slot;
                k++;
                e.start = wide ? 16 : e.start;
            }
        }
    }
    e.n = k;
    e.size = e.start;
    for (uint32_t i = 0; i < k; i++) {
        e.off[i] = e.size;
        e.size += e.box[i] ? 8 : e.ti[i]->slots * 8;
    }
    return e;
}

static void load_captures(Fg *f, const Env *e)
{
    for (uint32_t i = 0; i < e->n; i++) {
        TInfo *ti = e->ti[i];
        int s = e->box[i] ? slot_ptr(f) : slot_new(f, ti);
        if (e->box[i] || ti->rep == REP_SCALAR) {
            emit(f, OP_CAP_64, s, 0, (int)e->off[i]);
        } else if (ti->rep == REP_CELL) {
            emit(f, OP_CAP_CELL, s, 0, (int)e->off[i]);
        } else if (ti->size) {
            emit_n(f, OP_CAP_N, s, 0, (int)e->off[i], ti->slots * 8);
        }
        LVar *v = var_declare_at(f, e->at[i], ti, s);
        v->boxed = e->box[i];
    }
}

static void literal_pass(Fg *f, Expr *e, Lit *lit, const Env *env, uint16_t flags)
{
    Type *sig = type_under(ftype(f, e->type));
    f->sig = sig;
    f->lit = lit;
    f->has_defer = lit->has_defer;
    f->pos = e->pos;
    f->flags = (uint16_t)(flags | (f->has_defer ? FN_HAS_DEFER : 0) |
                          (sig->func.variadic ? FN_VARIADIC : 0));
    open_results(f, sig);
    open_params(f, sig, e->func.sig, NULL, NULL);
    load_captures(f, env);
    declare_results(f, sig, &e->func.sig->results);
    if (f->range_fn) {
        rangefn_enter(f);
    }
    gen_stmts(f, e->func.body->stmts.at, e->func.body->stmts.n);
    close_body(f, e->func.body->rbrace);
}

static Blob *compile_literal(Fg *outer, Expr *e, Lit *lit, const Env *env, const char *name,
                             uint16_t flags, Blob *blob)
{
    Gen *g = outer->gen;
    Fg *f = MEM_NEW(Fg);
    blob = blob ? blob : blob_new(g->ub, 16);
    for (int pass = 0; pass < 2; pass++) {
        fg_init(f, g, outer, blob, name, outer->subst, outer->pkg);
        f->long_jumps = pass == 1;
        f->range_fn = outer->next_fn;
        literal_pass(f, e, lit, env, flags);
        unbind_vars(f);
        if (!f->overflow) {
            break;
        }
    }
    fg_finish(f, flags & FN_WRAPPER ? NULL : f->sig, e->pos);
    return blob;
}

Blob *gen_literal(Fg *f, Expr *e, Lit *lit, const char *name, uint16_t flags, Blob *blob)
{
    Env env = env_layout(f, lit);
    return compile_literal(f, e, lit, &env, name, flags, blob);
}

/* dst = the func value of the literal. */
void gen_lit_closure(Fg *f, Expr *e, int dst)
{
    f->next_fn = NULL;
    const char *name = mem_printf(f->outer ? "%s.%u" : "%s.func%u", f->name, ++f->nlits);
    gen_body_literal(f, e, escape_lit(f->gen, f->lit, e), name, 0, dst);
}

void gen_body_literal(Fg *f, Expr *e, Lit *lit, const char *name, uint16_t flags, int dst)
{
    Env env = env_layout(f, lit);
    flags |= env.n ? FN_CLOSURE : 0;
    Blob *b = compile_literal(f, e, lit, &env, name, flags, NULL);
    f->next_fn = NULL;
    f->pos = e->pos;
    if (!env.n) {
        emit(f, OP_LFUNC, dst, 0, 0);
        emit_blob(f, b, 0);
        return;
    }
    uint32_t mark = slot_mark(f);
    int at = -1;
    for (uint32_t i = 0; i < env.n; i++) {
        int s = env.box[i] ? slot_ptr(f) : slot_new(f, env.ti[i]);
        at = at < 0 ? s : at;
        emit_move(f, s, env.slot[i], env.box[i] ? 1 : env.ti[i]->slots);
    }
    emit(f, OP_CLOSURE, dst, at, (int)((env.size - env.start) / 8));
    emit_blob(f, b, 0);
    emit_blob(f, gen_env_type(f->gen, env.ti, env.off, env.box, env.n, env.size), 0);
    slot_release(f, mark);
}

/* ---- package initialisation */

static void call_init(Fg *f, FuncRec *r)
{
    int base = slot_raw(f, 2) + 2;
    emit(f, OP_CALL, base, 0, 0);
    emit_func(f, r);
    slot_release(f, (uint32_t)base - 2);
}

static void init_var(Fg *f, Decl *d, Obj *o)
{
    for (uint32_t i = 0; i < d->value.names.n && i < d->value.values.n; i++) {
        if (d->value.names.at[i]->name.obj == o) {
            gen_init_var(f, d->value.names.at[i], d->value.values.at[i]);
        }
    }
}

static void init_pass(Fg *f, Package *pkg)
{
    f->sig = type_new(T_FUNC);
    f->flags = FN_INIT;
    Decl *last = NULL;
    for (uint32_t i = 0; i < pkg->init_order.n; i++) {
        Decl *d = pkg->init_order.at[i]->decl;
        if (obj_gen(pkg->init_order.at[i])->static_init) {
            continue;
        }
        f->lit = escape_init(f->gen, d);
        f->pos = d->pos;
        if (d->value.names.n > 1 && d->value.values.n == 1) {
            if (d != last) {
                gen_init_decl(f, d);
            }
        } else {
            init_var(f, d, pkg->init_order.at[i]);
        }
        last = d;
    }
    TypeList none = {0};
    uint32_t k = 0;
    for (uint32_t i = 0; i < pkg->funcs.n; i++) {
        Decl *d = pkg->funcs.at[i];
        if (d->func.recv || strcmp(d->func.name->name.name, "init") != 0) {
            continue;
        }
        FuncRec *r = func_rec(f->gen, d->func.obj, none);
        r->name = mem_printf("%s.init.%u", pkg->path, k++);
        f->pos = d->pos;
        call_init(f, r);
    }
    emit(f, OP_RET, 0, 0, 0);
}

void gen_init_func(Gen *g, Package *pkg, Blob *blob)
{
    Fg *f = MEM_NEW(Fg);
    for (int pass = 0; pass < 2; pass++) {
        fg_init(f, g, NULL, blob, mem_printf("%s.init", pkg->path), NULL, pkg);
        f->long_jumps = pass == 1;
        init_pass(f, pkg);
        unbind_vars(f);
        if (!f->overflow) {
            break;
        }
    }
    fg_finish(f, NULL, 0);
}
