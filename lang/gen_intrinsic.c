/* gen_intrinsic.c - calls that are opcodes, found by symbol in intrinsics.def.
 *
 * The function behind each also exists, for go and defer statements, method values and calls through
 * interfaces; both must mean the same.
 */
#include "lang/gen.h"

typedef enum Form { FORM_UNARY, FORM_LOCK, FORM_LOAD, FORM_STORE, FORM_RMW, FORM_CAS,
    FORM_COUNT, FORM_BARE } Form;

typedef struct Intrinsic {
    const char *pkg, *recv, *name;
    uint8_t form;
    uint16_t op;
} Intrinsic;

static const Intrinsic table[] = {
#define INTRINSIC(pkg, recv, name, form, op) {pkg, recv, name, FORM_##form, OP_##op},
#include "lang/intrinsics.def"
};

static const Intrinsic *find(const Obj *o)
{
    if (!o->pkg || (o->recv_named && !o->ptr_recv)) {
        return NULL;
    }
    const char *pkg = o->pkg->path, *recv = o->recv_named ? o->recv_named->named.obj->name : "";
    if (pkg[0] != 's' && pkg[0] != 'm' && pkg[0] != 'r') {
        return NULL;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const Intrinsic *in = &table[i];
        if (strcmp(in->name, o->name) == 0 && strcmp(in->recv, recv) == 0 &&
            strcmp(in->pkg, pkg) == 0) {
            return in;
        }
    }
    return NULL;
}

/* The atomic forms; args follow the address. */
static void atomic_call(Fg *f, const Intrinsic *in, int addr, Expr **args, TInfo *res, int dst)
{
    switch ((Form)in->form) {
    case FORM_STORE: {
        int v = gen_any(f, args[0]);
        emit(f, (Op)in->op, addr, v, 0);
        return;
    }
    case FORM_LOAD: emit(f, (Op)in->op, dst, addr, 0); break;
    case FORM_RMW: {
        int v = gen_any(f, args[0]);
        emit(f, (Op)in->op, dst, addr, v);
        break;
    }
    default: {
        int v = slot_raw(f, 2);
        gen_to(f, args[0], v);
        gen_to(f, args[1], v + 1);
        emit(f, (Op)in->op, dst, addr, v);
        return;
    }
    }
    /* loads of 32 bits extend with zeros, the others with the sign */
    if (res && res->size == 4 && res->is_signed == (in->form == FORM_LOAD)) {
        norm_int(f, res, dst);
    }
}

/* The slot of an address argument; &x of a variable in a box is the box itself. */
static int address(Fg *f, Expr *e)
{
    e = unparen(e);
    if (e->kind == EX_UNARY && e->unary.op == TOK_AND) {
        Expr *x = unparen(e->unary.x);
        if (x->kind == EX_NAME || x->kind == EX_SELECTOR) {
            Loc l = gen_loc(f, x);
            return l.kind == LOC_MEM && l.off == 0 ? l.slot : loc_addr(f, &l);
        }
    }
    return gen_any(f, e);
}

static bool function_call(Fg *f, Expr *e, const Obj *o, int dst)
{
    const Intrinsic *in = find(o);
    ExprList *args = &e->call.args;
    if (in && in->form == FORM_BARE) {
        emit(f, (Op)in->op, 0, 0, 0);
        return true;
    }
    if (!in || !args->n || !args->at[0]->type || args->at[0]->type->kind == T_TUPLE) {
        return false;
    }
    int a = in->form == FORM_UNARY ? gen_any(f, args->at[0]) : address(f, args->at[0]);
    f->pos = e->pos;
    if (in->form == FORM_UNARY) {
        emit(f, (Op)in->op, dst, a, 0);
    } else {
        atomic_call(f, in, a, args->at + 1, in->form == FORM_STORE ? NULL : einfo(f, e), dst);
    }
    return true;
}

/* The receiver is addressable or a pointer: its address, and what is to be added to it. */
static int receiver(Fg *f, Expr *fn, Selection *s, bool with_offset, int *off)
{
    Type *end;
    Loc l = loc_path(f, gen_place(f, fn->selector.x), etype(f, fn->selector.x), s->path, s->npath,
                     &end);
    *off = 0;
    if (end->kind == T_POINTER || (end->kind == T_NAMED && type_under(end)->kind == T_POINTER)) {
        return loc_any(f, &l);
    }
    if (l.kind == LOC_MEM && l.off <= (with_offset ? UINT16_MAX : 0)) {
        *off = (int)l.off;
        return l.slot;
    }
    return loc_addr(f, &l);
}

/* WaitGroup's Add of a constant, and Done: the receiver is looked at twice, so it must be simple. */
static bool count_call(Fg *f, Expr *e, Expr *fn, Selection *s, const Intrinsic *in)
{
    int64_t by = -1;
    if (!expr_simple(fn->selector.x) || f->long_jumps ||
        (e->call.args.n && !const_small(f, e->call.args.at[0], INT16_MIN, INT16_MAX, &by))) {
        return false;
    }
    Label done = LABEL_INIT;
    uint32_t mark = slot_mark(f), n;
    int off, a = receiver(f, fn, s, false, &off);
    f->pos = e->pos;
    emit_cjump(f, (Op)in->op, a, (int)by, &done);
    slot_release(f, mark);
    gen_call(f, e, &n);
    label_bind(f, &done);
    return true;
}

static bool method_call(Fg *f, Expr *e, Expr *fn, int dst)
{
    Selection *s = resolve_selection(f, fn);
    const Intrinsic *in = s && s->method ? find(s->method) : NULL;
    if (!in || e->call.dots) {
        return false;
    }
    ExprList *args = &e->call.args;
    if (args->n && (!args->at[0]->type || args->at[0]->type->kind == T_TUPLE)) {
        return false;
    }
    if (in->form == FORM_COUNT) {
        return count_call(f, e, fn, s, in);
    }
    int off, a = receiver(f, fn, s, in->form == FORM_LOCK, &off);
    f->pos = e->pos;
    if (in->form == FORM_LOCK) {
        emit(f, (Op)in->op, a, off, 0);
    } else {
        atomic_call(f, in, a, args->at, in->form == FORM_STORE ? NULL : einfo(f, e), dst);
    }
    return true;
}

/* Compiles the call e as an instruction with its result in dst; false: it is an ordinary call. */
bool gen_intrinsic(Fg *f, Expr *e, int dst)
{
    Expr *fn = unparen(e->call.fn), *name = static_callee(fn);
    uint32_t mark = slot_mark(f);
    bool done = false;
    if (name && name->name.obj->pkg && !name->name.obj->recv_named) {
        done = function_call(f, e, name->name.obj, dst);
    } else if (fn->kind == EX_SELECTOR && fn->selector.selection &&
               fn->selector.selection->kind == SEL_METHOD && fn->selector.selection->method) {
        done = method_call(f, e, fn, dst);
    }
    slot_release(f, mark);
    return done;
}
