/* emit.c - instructions, jumps and line tables of the function being generated.
 *
 * Code is a vector of words; references (types, functions, strings, globals) are noted beside it
 * and become self-relative words when the function is closed. A jump to a label that is bound
 * already goes backward and must poll: it becomes a LOOP form. Conditional jumps reach 32,767 words;
 * a function that needs more is generated again with long_jumps set, where each conditional jump
 * hops over an unconditional one.
 */
#include "lang/gen.h"

#include <stdarg.h>
#include <stdio.h>

void gen_error(Fg *f, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    f->gen->failed = true;
    diag_report(f->gen->diags, DIAG_ERROR, f->pos, 0, "CodeTooLarge", "%s", text);
}

static uint16_t file_index(Gen *g, Pos pos, const char **path, uint32_t *line, uint32_t *col)
{
    *line = *col = 0;
    SourceFile *sf = pos ? diag_file(g->diags, pos) : NULL;
    if (!sf) {
        return 0;
    }
    diag_position(g->diags, pos, path, line, col);
    for (uint32_t i = g->files.n; i-- > 0;) {
        if (g->files.at[i] == sf) {
            return (uint16_t)i;
        }
    }
    VEC_PUSH(g->files, sf);
    VEC_PUSH(g->ub->files, ub_cname(g->ub, sf->path));
    return (uint16_t)(g->files.n - 1);
}

static void note_line(Fg *f)
{
    bool is_unsigned = f->unsigned_index;
    f->unsigned_index = false;
    if ((f->pos == f->line_pos && is_unsigned == f->line_unsigned) || !f->pos || f->inlining) {
        return;
    }
    f->line_pos = f->pos;
    f->line_unsigned = is_unsigned;
    const char *path;
    uint32_t line, col;
    uint16_t file = file_index(f->gen, f->pos, &path, &line, &col);
    file |= is_unsigned ? LINE_UNSIGNED : 0;
    LineEntry *last = f->lines.n ? &f->lines.at[f->lines.n - 1] : NULL;
    if (last && last->line == line && last->file == file) {
        return;
    }
    if (last && last->pc == f->code.n) {
        f->lines.n--;
    }
    LineEntry e = {f->code.n, line, file, (uint16_t)(col > 0xffff ? 0xffff : col)};
    VEC_PUSH(f->lines, e);
}

bool index_unsigned(Fg *f, Expr *index)
{
    TInfo *ti = einfo(f, index);
    return ti->rep == REP_SCALAR && ti->size == 8 && !ti->is_signed && !index->cval;
}

void emit_index_of(Fg *f, Expr *index) { f->unsigned_index = index_unsigned(f, index); }

static uint64_t pack(Op op, int a, int b, int c)
{
    Insn i = {(uint16_t)op, (uint16_t)a, (uint16_t)b, (uint16_t)c};
    uint64_t w;
    memcpy(&w, &i, 8);
    return w;
}

uint32_t emit(Fg *f, Op op, int a, int b, int c)
{
    note_line(f);
    f->last_insn = (int32_t)f->code.n;
    VEC_PUSH(f->code, pack(op, a, b, c));
    return f->code.n - 1;
}

void emit_word(Fg *f, uint64_t w) { VEC_PUSH(f->code, w); }

void emit_blob(Fg *f, Blob *to, uint32_t add)
{
    CodeRef r = {.word = f->code.n, .add = add, .to = to};
    VEC_PUSH(f->refs, r);
    VEC_PUSH(f->code, 0);
}

void emit_type(Fg *f, TInfo *ti)
{
    Blob *b = tinfo_rtype(f->gen, ti);
    if (b) {
        emit_blob(f, b, 0);
        return;
    }
    CodeRef r = {.word = f->code.n, .reloc = RELOC_TYPE, .hash = ti->hash[0], .hash2 = ti->hash[1],
                 .name = ti->str};
    VEC_PUSH(f->refs, r);
    VEC_PUSH(f->code, 0);
}

void emit_func(Fg *f, FuncRec *rec)
{
    if (rec->blob) {
        emit_blob(f, rec->blob, 0);
        return;
    }
    CodeRef r = {.word = f->code.n, .reloc = RELOC_FUNC, .hash = rec->hash,
                 .name = ub_cname(f->gen->ub, rec->name)};
    VEC_PUSH(f->refs, r);
    VEC_PUSH(f->code, 0);
}

void emit_t(Fg *f, Op op, int a, int b, int c, TInfo *ti)
{
    emit(f, op, a, b, c);
    emit_type(f, ti);
}

void emit_n(Fg *f, Op op, int a, int b, int c, uint64_t n)
{
    emit(f, op, a, b, c);
    emit_word(f, n);
}

void emit_int(Fg *f, int dst, int64_t v)
{
    if (v >= INT32_MIN && v <= INT32_MAX) {
        emit(f, OP_LI, dst, (int)(v & 0xffff), (int)((uint64_t)v >> 16 & 0xffff));
    } else {
        emit(f, OP_LK, dst, 0, 0);
        emit_word(f, (uint64_t)v);
    }
}

void emit_move(Fg *f, int dst, int src, uint32_t slots)
{
    if (dst == src || slots == 0) {
        return;
    }
    if (slots == 1) {
        emit(f, OP_MOVE, dst, src, 0);
    } else if (slots == 2) {
        emit(f, OP_MOVE2, dst, src, 0);
    } else {
        emit(f, OP_MOVEN, dst, src, (int)slots);
    }
}

void emit_zero(Fg *f, int dst, uint32_t slots)
{
    if (slots == 1) {
        emit(f, OP_LI, dst, 0, 0);
    } else if (slots) {
        emit(f, OP_ZERO, dst, 0, (int)slots);
    }
}

static const char *global_name(Obj *v) { return mem_printf("%s.%s", v->pkg->path, v->name); }

void emit_global(Fg *f, Op op, int a, int b, Obj *var, uint64_t off)
{
    emit(f, op, a, b, 0);
    ObjGen *og = obj_gen(var);
    if (og->has_goff) {
        if (!f->gen->in->build_image) {
            CodeRef r = {.word = f->code.n, .reloc = RELOC_GLOBAL_BASE};
            VEC_PUSH(f->refs, r);
        }
        emit_word(f, og->goff + off);
        return;
    }
    const char *name = global_name(var);
    uint64_t hash = hash64_more(HASH64_START, name, strlen(name));
    if (var->pkg->live && var->pkg->imported_only) {
        CodeRef r = {.word = f->code.n, .reloc = RELOC_GLOBAL, .hash = hash,
                     .name = ub_cname(f->gen->ub, name)};
        VEC_PUSH(f->refs, r);
        emit_word(f, off); /* the loader adds the variable's place */
        return;
    }
    const Symbol *s = image_symbol(f->gen, hash, SYM_GLOBAL, 0);
    emit_word(f, (s ? s->offset : 0) + off); /* the image's base is 0 */
    if (!s) {
        gen_error(f, "internal: variable %s is not in the library image", name);
    }
}

/* The instruction at pc gets its jump target. */
static void patch(Fg *f, uint32_t pc, int32_t target)
{
    Insn i;
    memcpy(&i, &f->code.at[pc], 8);
    uint32_t words = op_words((const Insn *)(const void *)&f->code.at[pc]);
    int64_t off = (int64_t)target - (int64_t)(pc + words);
    if (i.op == OP_JMP || i.op == OP_LOOP) {
        i.b = (uint16_t)off;
        i.c = (uint16_t)((uint64_t)off >> 16);
    } else if (i.op == OP_MAP_NEXT) {
        f->code.at[pc + 2] = (uint64_t)off;
        return;
    } else {
        if (off < INT16_MIN || off > INT16_MAX) {
            f->overflow = true;
        }
        i.c = (uint16_t)off;
    }
    memcpy(&f->code.at[pc], &i, 8);
}

static void use_label(Fg *f, uint32_t pc, Label *l)
{
    if (l->pc >= 0) {
        patch(f, pc, l->pc);
    } else {
        VEC_PUSH(l->uses, pc);
    }
}

void label_bind(Fg *f, Label *l)
{
    assert(l->pc < 0);
    uint32_t n = l->uses.n;
    if (n && f->last_insn >= 0 && l->uses.at[n - 1] == (uint32_t)f->last_insn &&
        f->code.n == (uint32_t)f->last_insn + 1) {
        Insn i;
        memcpy(&i, &f->code.at[f->last_insn], 8);
        if (i.op == OP_JMP) { /* a jump to the next word */
            f->code.n--;
            l->uses.n--;
            while (f->lines.n && f->lines.at[f->lines.n - 1].pc >= f->code.n) {
                f->lines.n--;
                f->line_pos = 0;
            }
        }
    }
    l->pc = (int32_t)f->code.n;
    for (uint32_t i = 0; i < l->uses.n; i++) {
        patch(f, l->uses.at[i], l->pc);
    }
    f->last_insn = -1;
    f->dead = false;
}

void emit_jmp(Fg *f, Label *l)
{
    use_label(f, emit(f, l->pc >= 0 ? OP_LOOP : OP_JMP, 0, 0, 0), l);
}

static Op loop_form(Op op)
{
    switch (op) {
    case OP_JT: return OP_LOOP_T;
    case OP_JF: return OP_LOOP_F;
    case OP_JNE: return OP_LOOP_NE;
    case OP_JNEI: return OP_LOOP_NEI;
    case OP_JLT_I64: return OP_LOOP_LT_I64;
    case OP_JLE_I64: return OP_LOOP_LE_I64;
    case OP_JLTI: return OP_LOOP_LTI;
    case OP_JLEI: return OP_LOOP_LEI;
    case OP_JGTI: return OP_LOOP_GTI;
    case OP_JGEI: return OP_LOOP_GEI;
    case OP_JLT_F64: return OP_LOOP_LT_F64;
    case OP_JLE_F64: return OP_LOOP_LE_F64;
    case OP_LOOP_INC_LT: case OP_LOOP_INC_LE: case OP_LOOP_INC_LTI: case OP_LOOP_INC_LTLEN:
        return op;
    default: return OP_COUNT;
    }
}

/* The opposite of a condition that has no LOOP form. */
static Op inverse_form(Op op)
{
    switch (op) {
    case OP_JEQ: return OP_JNE;
    case OP_JEQI: return OP_JNEI;
    case OP_JIN: return OP_JNIN;
    case OP_JNIN: return OP_JIN;
    case OP_JEQ_STR: return OP_JNE_STR;
    case OP_JNE_STR: return OP_JEQ_STR;
    case OP_JEQ_F64: return OP_JNE_F64;
    case OP_JNE_F64: return OP_JEQ_F64;
    case OP_JNLT_F64: return OP_JLT_F64;
    case OP_JNLE_F64: return OP_JLE_F64;
    default: return OP_COUNT;
    }
}

/* cond -> +1; over; l: the long form, and that of conditions without a LOOP form. */
static void hop(Fg *f, Op op, int a, int b, TInfo *ti, Label *l)
{
    Label yes = LABEL_INIT, no = LABEL_INIT;
    uint32_t pc = emit(f, op, a, b, 0);
    if (ti) {
        emit_type(f, ti);
    }
    use_label(f, pc, &yes);
    emit_jmp(f, &no);
    f->last_insn = -1;
    yes.pc = (int32_t)f->code.n;
    patch(f, yes.uses.at[0], yes.pc);
    emit_jmp(f, l);
    f->last_insn = -1;
    label_bind(f, &no);
}

void emit_cjump(Fg *f, Op op, int a, int b, Label *l)
{
    bool fused = op == OP_LOOP_INC_LT || op == OP_LOOP_INC_LE || op == OP_LOOP_INC_LTI ||
                 op == OP_LOOP_INC_LTLEN;
    if (l->pc >= 0) {
        Op lo = loop_form(op);
        bool far = f->code.n - (uint32_t)l->pc > 32000;
        if (lo != OP_COUNT && !far) {
            use_label(f, emit(f, lo, a, b, 0), l);
        } else if (inverse_form(op) != OP_COUNT) {
            Label no = LABEL_INIT;
            use_label(f, emit(f, inverse_form(op), a, b, 0), &no);
            emit_jmp(f, l);
            label_bind(f, &no);
        } else {
            hop(f, op, a, b, NULL, l);
        }
        return;
    }
    assert(!fused);
    (void)fused;
    if (f->long_jumps) {
        hop(f, op, a, b, NULL, l);
        return;
    }
    use_label(f, emit(f, op, a, b, 0), l);
}

void emit_loop_add(Fg *f, Op op, int a, int b, int step, Label *l)
{
    uint32_t pc = emit(f, op, a, b, 0);
    emit_word(f, (uint64_t)step);
    use_label(f, pc, l);
}

void emit_tjump(Fg *f, Op op, int a, TInfo *ti, Label *l)
{
    if (f->long_jumps || l->pc >= 0) {
        hop(f, op, a, 0, ti, l);
        return;
    }
    uint32_t pc = emit(f, op, a, 0, 0);
    emit_type(f, ti);
    use_label(f, pc, l);
}

void emit_try(Fg *f, Op op, int a, int b, uint64_t ext, Label *l)
{
    uint32_t pc = emit(f, op, a, b, 0);
    emit_word(f, ext);
    use_label(f, pc, l);
}

void emit_map_next(Fg *f, int it, int k, int v, TInfo *map, Label *done)
{
    uint32_t pc = emit(f, OP_MAP_NEXT, it, k, v);
    emit_type(f, map);
    emit_word(f, 0);
    use_label(f, pc, done);
}

static void finish_refs(Fg *f, uint32_t code_at)
{
    for (uint32_t i = 0; i < f->refs.n; i++) {
        CodeRef *r = &f->refs.at[i];
        uint32_t at = code_at + r->word * 8;
        if (r->to) {
            blob_ref(f->blob, at, r->to, r->add);
        } else {
            BlobReloc br = {at, r->reloc, r->hash, r->hash2, r->name};
            VEC_PUSH(f->blob->relocs, br);
        }
    }
}

/* ---- constants of loops, loaded at the function's entry */

int hoist_const(Fg *f, int64_t bits)
{
    if (!f->loops || f->hoist_slot < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < f->hoists.n; i++) {
        if (f->hoists.at[i].bits == bits) {
            return f->hoist_slot + (int)i;
        }
    }
    if (f->hoists.n == HOIST_MAX) {
        return -1;
    }
    Hoist h = {bits};
    VEC_PUSH(f->hoists, h);
    return f->hoist_slot + (int)f->hoists.n - 1;
}

/* Puts the loads before the code. Jumps are relative, so only the tables move. What was live at the
 * entry is so in the new words too. */
static void prepend_hoists(Fg *f)
{
    uint32_t n = f->code.n, nhoists = f->hoists.n;
    if (!nhoists) {
        return;
    }
    uint64_t *old = f->code.at;
    f->code.at = NULL;
    f->code.n = f->code.cap = 0;
    f->inlining++; /* no lines */
    for (uint32_t i = 0; i < nhoists; i++) {
        emit_int(f, f->hoist_slot + (int)i, f->hoists.at[i].bits);
    }
    f->inlining--;
    uint32_t w = f->code.n;
    for (uint32_t i = 0; i < n; i++) {
        VEC_PUSH(f->code, old[i]);
    }
    for (uint32_t i = 0; i < f->lines.n; i++) {
        f->lines.at[i].pc += f->lines.at[i].pc ? w : 0;
    }
    for (uint32_t i = 0; i < f->kinds.n; i++) {
        f->kinds.at[i].from += f->kinds.at[i].from ? w : 0;
        f->kinds.at[i].to += w;
    }
    for (uint32_t i = 0; i < f->refs.n; i++) {
        f->refs.at[i].word += w;
    }
    f->epilogue += f->epilogue ? w : 0;
}

/* Closes the function: its blob becomes a Func with code. */
void fg_finish(Fg *f, Type *sig, Pos decl)
{
    UnitBuf *ub = f->gen->ub;
    slot_release(f, 0);
    prepend_hoists(f);
    slot_verify(f);
    const char *path;
    uint32_t line, col;
    Func fn = {.ncode = f->code.n, .frame = f->max_top + 4, .nres = (uint16_t)f->nres,
               .nargs = (uint16_t)f->nargs, .flags = f->flags, .nkinds = f->kinds.n,
               .nlines = f->lines.n, .serial = ub->funcs.n, .epilogue = f->epilogue};
    fn.nfile = file_index(f->gen, decl, &path, &line, &col);
    fn.line = line;
    Blob *b = f->blob;
    b->len = 0;
    blob_put(b, &fn, sizeof fn);
    uint32_t code_at = blob_put(b, f->code.at, f->code.n * 8);
    finish_refs(f, code_at);
    blob_ref(b, offsetof(Func, unit), ub->blobs.at[0], 0);
    blob_ref(b, offsetof(Func, name), ub_cname(ub, f->name), 0);
    Blob *kinds = blob_new(ub, 8);
    blob_put(kinds, f->kinds.at, f->kinds.n * (uint32_t)sizeof(SlotKind));
    blob_ref(b, offsetof(Func, kinds), kinds, 0);
    Blob *lines = blob_new(ub, 8);
    blob_put(lines, f->lines.at, f->lines.n * (uint32_t)sizeof(LineEntry));
    blob_ref(b, offsetof(Func, lines), lines, 0);
    if (sig) {
        TInfo *ti = tinfo(f->gen, sig);
        Blob *rt = tinfo_rtype(f->gen, ti);
        if (rt) {
            blob_ref(b, offsetof(Func, type), rt, 0);
        } else {
            BlobReloc br = {offsetof(Func, type), RELOC_TYPE, ti->hash[0], ti->hash[1], ti->str};
            VEC_PUSH(b->relocs, br);
        }
    }
    VEC_PUSH(ub->funcs, b);
}
