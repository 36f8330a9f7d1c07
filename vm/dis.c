/* dis.c - bytecode as text, beside its source lines.
 *
 * One line an instruction: offset, name, operands by their roles (slots as r5, immediates plain,
 * jumps as targets), ext words by their kind. When the position changes the source line is printed
 * above, read from the file that the unit names, if it is there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "vm/vm.h"

#include "vm/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Source {
    char *text;
    size_t n;
    const RName *name;
} Source;

static void source_open(Source *s, const RName *name)
{
    if (s->name == name) {
        return;
    }
    free(s->text);
    *s = (Source){.name = name};
    char path[4096];
    if (name == NULL || name->len >= sizeof path) {
        return;
    }
    memcpy(path, name->s, name->len);
    path[name->len] = 0;
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return;
    }
    size_t cap = 0;
    for (size_t got = 1; got != 0; s->n += got) {
        if (s->n + 65536 > cap) {
            cap = cap * 2 + 65536;
            char *t = realloc(s->text, cap);
            if (t == NULL) {
                break;
            }
            s->text = t;
        }
        got = fread(s->text + s->n, 1, 65536, f);
    }
    fclose(f);
}

static void source_line(const Source *s, uint32_t line, Sink *out)
{
    size_t at = 0;
    for (uint32_t n = 1; s->text && n < line; n++) {
        const char *nl = memchr(s->text + at, '\n', s->n - at);
        if (nl == NULL) {
            return;
        }
        at = (size_t)(nl - s->text) + 1;
    }
    if (s->text == NULL || at >= s->n) {
        return;
    }
    const char *nl = memchr(s->text + at, '\n', s->n - at);
    size_t len = (nl ? (size_t)(nl - s->text) : s->n) - at;
    sink_printf(out, "; %u: %.*s\n", line, (int)len, s->text + at);
}

static void print_name(Sink *out, const RName *n)
{
    sink_printf(out, " %.*s", n ? (int)n->len : 1, n ? n->s : "?");
}

static void print_type(Sink *out, const Insn *pc, int i)
{
    print_name(out, rtype_str(op_ext_ptr(pc, i)));
}

static void print_operand(Sink *out, const Insn *pc, uint8_t role, uint16_t v, const Insn *code)
{
    switch ((OpRole)role) {
    case ROLE__: return;
    case ROLE_IM: sink_printf(out, " %d", (int16_t)v); return;
    case ROLE_UI: sink_printf(out, " %u", v); return;
    case ROLE_J: sink_printf(out, " ->%d", (int)(op_target(pc) - code)); return;
    default: sink_printf(out, " r%u", v); return;
    }
}

static void print_ext(Sink *out, const Insn *pc)
{
    switch ((OpExt)op_info[pc->op].ext) {
    case EXT_X0: break;
    case EXT_XK: case EXT_XG: case EXT_XN:
        sink_printf(out, " #%lld", (long long)op_ext(pc, 0));
        break;
    case EXT_XM: sink_printf(out, " method %016llx", (unsigned long long)op_ext(pc, 0)); break;
    case EXT_XT: print_type(out, pc, 0); break;
    case EXT_XF: print_name(out, rel_get(&((const Func *)op_ext_ptr(pc, 0))->name)); break;
    case EXT_XS: {
        int64_t n = op_ext(pc, 1);
        sink_printf(out, " \"%.*s\"%s", (int)(n < 40 ? n : 40), (const char *)op_ext_ptr(pc, 0),
                    n > 40 ? "..." : "");
        break;
    }
    case EXT_XTN:
        print_type(out, pc, 0);
        sink_printf(out, " #%lld", (long long)op_ext(pc, 1));
        break;
    case EXT_XTT:
        print_type(out, pc, 0);
        print_type(out, pc, 1);
        break;
    case EXT_XFT:
        print_name(out, rel_get(&((const Func *)op_ext_ptr(pc, 0))->name));
        print_type(out, pc, 1);
        break;
    case EXT_XV2:
        sink_printf(out, " #%lld #%lld", (long long)op_ext(pc, 0), (long long)op_ext(pc, 1));
        break;
    case EXT_XV:
        for (uint32_t i = 0; i < pc->c; i++) {
            CaseWord w;
            memcpy(&w, pc + 1 + i, sizeof w);
            sink_printf(out, " {%s r%u: r%u}", w.send ? "send" : "recv", w.chan, w.value);
        }
        break;
    }
}

static void print_insn(Sink *out, const Insn *pc, const Insn *code)
{
    const OpInfo *in = &op_info[pc->op];
    sink_printf(out, "%6d  %-14s", (int)(pc - code), in->name);
    if (pc->op == OP_JMP || pc->op == OP_LOOP) {
        sink_printf(out, " ->%d", (int)(op_target(pc) - code));
    } else if (pc->op == OP_LI) {
        sink_printf(out, " r%u %d", pc->a, (int32_t)(pc->b | (uint32_t)pc->c << 16));
    } else {
        print_operand(out, pc, in->a, pc->a, code);
        print_operand(out, pc, in->b, pc->b, code);
        print_operand(out, pc, in->c, pc->c, code);
        print_ext(out, pc);
    }
    sink_printf(out, "\n");
}

static void dis_with_source(const Func *f, Source *src, Sink *out)
{
    const Unit *u = rel_get(&f->unit);
    const RelPtr *files = u ? rel_get(&u->files) : NULL;
    const LineEntry *lines = rel_get(&f->lines);
    const Insn *code = func_code(f);
    uint32_t next = 0, last = 0;
    print_name(out, rel_get(&f->name));
    sink_printf(out, ": %u results, %u argument slots, frame %u, flags %u\n", f->nres, f->nargs,
                f->frame, f->flags);
    for (uint32_t at = 0; at < f->ncode; at += op_words(code + at)) {
        for (; lines && next < f->nlines && lines[next].pc <= at; next++) {
            if (lines[next].line != last && files) {
                last = lines[next].line;
                source_open(src, rel_get(&files[lines[next].file & ~LINE_UNSIGNED]));
                source_line(src, last, out);
            }
        }
        print_insn(out, code + at, code);
    }
    sink_printf(out, "\n");
}

void dis_func(const Func *f, Sink *out)
{
    Source src = {0};
    dis_with_source(f, &src, out);
    free(src.text);
}

static bool name_has(const RName *n, const char *filter)
{
    size_t len = strlen(filter);
    return n && memmem(n->s, n->len, filter, len) != NULL;
}

void dis_unit(const Unit *u, const char *filter, Sink *out)
{
    Source src = {0};
    const RelPtr *funcs = rel_get(&u->funcs);
    for (uint32_t i = 0; i < u->nfuncs; i++) {
        const Func *f = rel_get(&funcs[i]);
        if (filter == NULL || *filter == 0 || name_has(rel_get(&f->name), filter)) {
            dis_with_source(f, &src, out);
        }
    }
    free(src.text);
}
