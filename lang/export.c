/* export.c - the export text of a std package: what importers parse in place of its source.
 *
 * The text is gol source, one part for each file of the package (imports belong to files), parts
 * separated by a form feed. A part holds the file's declarations without comments: functions
 * without bodies, generic ones and methods of generic types with theirs, types as written,
 * constants with their values computed, variables with their types written out and without
 * initialisers. Of the unexported declarations only those are kept that a kept text names; of the
 * imports only those that it uses. So an import of fmt parses a few dozen lines.
 *
 * A type or constant type that the source leaves to inference is printed from its Type; packages
 * that such a type names are imported under a name of their own ("gol__math__rand"), which cannot
 * clash with what the source declares.
 */
#include "lang/export.h"

#include "lang/compile.h"
#include "lang/scan.h"

#include <assert.h>

/* One declaration that may be kept. */
typedef struct Item {
    Text text;
    Name name;       /* what it declares; a method: its receiver's base type */
    uint32_t file;
    bool wanted, method;
} Item;

typedef struct Extra { /* an import that printed types need */
    uint32_t file;
    const char *path, *alias;
} Extra;

typedef struct Exporter {
    Package *pkg;
    VEC(Item) items;
    VEC(Extra) extras;
    VEC(Name) used;  /* names of the kept texts; see mark_names */
    uint32_t file;
    bool failed;     /* the type at hand cannot be written */
} Exporter;

/* ---- Types ------------------------------------------------------------------------------------ */

static void put_type(Exporter *x, Text *out, Type *t, int depth);

static const char *alias_for(Exporter *x, const char *path)
{
    for (uint32_t i = 0; i < x->extras.n; i++) {
        if (x->extras.at[i].file == x->file && !strcmp(x->extras.at[i].path, path)) {
            return x->extras.at[i].alias;
        }
    }
    Text t = {0};
    text_str(&t, "gol__");
    for (const char *p = path; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        text_add(&t, plain ? p : "_", 1);
    }
    Extra e = {x->file, path, t.at};
    VEC_PUSH(x->extras, e);
    return t.at;
}

static void put_params(Exporter *x, Text *out, const Param *ps, uint32_t n, bool variadic, int depth)
{
    text_str(out, "(");
    for (uint32_t i = 0; i < n; i++) {
        text_str(out, i ? ", " : "");
        Type *t = ps[i].type;
        if (variadic && i + 1 == n && t->kind == T_SLICE) {
            text_str(out, "...");
            t = t->slice.elem;
        }
        put_type(x, out, t, depth);
    }
    text_str(out, ")");
}

static void put_signature(Exporter *x, Text *out, Type *t, int depth)
{
    put_params(x, out, t->func.params, t->func.nparams, t->func.variadic, depth);
    if (t->func.nresults) {
        text_str(out, " ");
        put_params(x, out, t->func.results, t->func.nresults, false, depth);
    }
}

static void put_struct(Exporter *x, Text *out, Type *t, int depth)
{
    text_str(out, "struct{");
    for (uint32_t i = 0; i < t->struct_.n; i++) {
        const StructField *f = &t->struct_.fields[i];
        text_str(out, i ? "; " : "");
        if (!f->embedded) {
            text_str(out, f->name);
            text_str(out, " ");
        }
        put_type(x, out, f->type, depth);
        if (f->tag) {
            text_str(out, " ");
            text_str(out, const_source(const_string(f->tag, f->tag_len)));
        }
    }
    text_str(out, "}");
}

static void put_interface(Exporter *x, Text *out, Type *t, int depth)
{
    text_str(out, "interface{");
    for (uint32_t i = 0; i < t->iface.nmethods; i++) {
        text_str(out, i ? "; " : "");
        text_str(out, t->iface.methods[i].name);
        put_signature(x, out, t->iface.methods[i].type, depth);
    }
    for (uint32_t i = 0; i < t->iface.nembeds; i++) {
        text_str(out, i || t->iface.nmethods ? "; " : "");
        put_type(x, out, t->iface.embeds[i], depth);
    }
    text_str(out, "}");
}

static void put_union(Exporter *x, Text *out, Type *t, int depth)
{
    for (uint32_t i = 0; i < t->union_.n; i++) {
        text_str(out, i ? " | " : "");
        text_str(out, t->union_.terms[i].tilde ? "~" : "");
        put_type(x, out, t->union_.terms[i].type, depth);
    }
}

static void put_named(Exporter *x, Text *out, Type *t, int depth)
{
    const Obj *o = t->named.obj;
    if (o->func) { /* declared in a function: it has no name outside */
        x->failed = true;
        return;
    }
    if (o->pkg && o->pkg != x->pkg) {
        text_str(out, alias_for(x, o->pkg->path));
        text_str(out, ".");
    }
    text_str(out, o->name);
    for (uint32_t i = 0; i < t->named.targs.n; i++) {
        text_str(out, i ? ", " : "[");
        put_type(x, out, t->named.targs.at[i], depth);
        text_str(out, i + 1 == t->named.targs.n ? "]" : "");
    }
}

static void put_elem(Exporter *x, Text *out, const char *before, Type *t, int depth)
{
    text_str(out, before);
    put_type(x, out, t, depth);
}

static void put_type(Exporter *x, Text *out, Type *t, int depth)
{
    if (!t || depth > 100) {
        x->failed = true;
        return;
    }
    depth++;
    switch ((TypeKind)t->kind) {
    case T_NAMED:
        put_named(x, out, t, depth);
        break;
    case T_POINTER:
        put_elem(x, out, "*", t->pointer.elem, depth);
        break;
    case T_SLICE:
        put_elem(x, out, "[]", t->slice.elem, depth);
        break;
    case T_ARRAY:
        put_elem(x, out, mem_printf("[%lld]", (long long)t->array.len), t->array.elem, depth);
        break;
    case T_MAP:
        put_elem(x, out, "map[", t->map.key, depth);
        put_elem(x, out, "]", t->map.elem, depth);
        break;
    case T_CHAN:
        text_str(out, t->chan.dir == 1 ? "<-chan (" : t->chan.dir == 2 ? "chan<- (" : "chan (");
        put_type(x, out, t->chan.elem, depth);
        text_str(out, ")");
        break;
    case T_FUNC:
        text_str(out, "func");
        put_signature(x, out, t, depth);
        break;
    case T_STRUCT:
        put_struct(x, out, t, depth);
        break;
    case T_INTERFACE:
        put_interface(x, out, t, depth);
        break;
    case T_UNION:
        put_union(x, out, t, depth);
        break;
    case T_UNSAFE_POINTER:
        text_str(out, alias_for(x, "unsafe"));
        text_str(out, ".Pointer");
        break;
    default:
        if (t->kind >= T_BOOL && t->kind <= T_STRING) {
            text_str(out, type_string(t, x->pkg));
        } else {
            x->failed = true;
        }
    }
}

/* ---- Source without comments ------------------------------------------------------------------ */

/* The tokens of [from, to): blanks shrink to one, statements end in newlines. */
static void put_source(Text *out, SourceFile *src, Pos from, Pos to)
{
    DiagList none = {0};
    Scanner s;
    scan_init(&s, src, &none);
    s.quiet = true;
    s.p = s.text + (from - src->base);
    Pos end = from;
    for (scan_next(&s); s.tok != TOK_EOF && s.pos < to; scan_next(&s)) {
        if (s.tok == TOK_SEMICOLON && strcmp(s.lit, "semicolon") != 0) {
            text_str(out, "\n");
        } else {
            bool newline = out->n && out->at[out->n - 1] == '\n';
            if (s.pos > end && !newline) {
                text_str(out, " ");
            }
            text_add(out, src->text + (s.pos - src->base), s.end - s.pos);
        }
        end = s.end;
    }
}

/* ---- Items ------------------------------------------------------------------------------------ */

static void push_item(Exporter *x, const Text *t, Name name, bool method)
{
    Item it = {.text = *t, .name = name, .file = x->file, .method = method};
    it.wanted = x->pkg->live || (!method && name_exported(name));
    VEC_PUSH(x->items, it);
}

static const char *const_text(const Obj *o)
{
    if (o->type->kind != T_UNTYPED_RUNE) {
        return const_source(o->cval);
    }
    int64_t v;
    if (const_as_i64(o->cval, &v) && v >= 0 && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff)) {
        return mem_printf("'\\U%08llx'", (long long)v);
    }
    return mem_printf("'\\x00' + %s", const_source(o->cval));
}

static void const_items(Exporter *x, const Decl *d)
{
    for (uint32_t i = 0; i < d->value.names.n; i++) {
        const Expr *n = d->value.names.at[i];
        const Obj *o = n->name.obj;
        if (!o || !o->type || !o->cval || const_kind(o->cval) == CK_UNKNOWN ||
            !strcmp(o->name, "_")) {
            continue;
        }
        Text t = {0};
        text_str(&t, "const ");
        text_str(&t, o->name);
        x->failed = false;
        if (!type_is_untyped(o->type)) {
            text_str(&t, " ");
            put_type(x, &t, o->type, 0);
        }
        text_str(&t, " = ");
        text_str(&t, const_text(o));
        if (!x->failed) {
            push_item(x, &t, o->name, false);
        }
    }
}

static void var_items(Exporter *x, const Decl *d)
{
    for (uint32_t i = 0; i < d->value.names.n; i++) {
        const Obj *o = d->value.names.at[i]->name.obj;
        if (!o || !o->type || !strcmp(o->name, "_")) {
            continue;
        }
        Text t = {0};
        text_str(&t, "var ");
        text_str(&t, o->name);
        text_str(&t, " ");
        x->failed = false;
        if (d->value.type) {
            put_source(&t, d->file, d->value.type->start, d->value.type->end);
        } else {
            put_type(x, &t, o->type, 0);
        }
        if (!x->failed) {
            push_item(x, &t, o->name, false);
        }
    }
}

/* The name of a receiver's type. */
static Name receiver_base(const Field *recv)
{
    const Expr *t = recv->type;
    for (;;) {
        switch (t->kind) {
        case EX_PAREN:
            t = t->paren.x;
            break;
        case EX_STAR:
            t = t->star.x;
            break;
        case EX_INDEX:
            t = t->index.x;
            break;
        case EX_NAME:
            return t->name.name;
        default:
            return name_of("_");
        }
    }
}

static void func_item(Exporter *x, const Decl *d)
{
    const Field *recv = d->func.recv;
    Name name = recv ? receiver_base(recv) : d->func.name->name.name;
    if (!strcmp(d->func.name->name.name, "_") ||
        (!recv && (!strcmp(name, "init") || (!strcmp(name, "main") && !x->pkg->live)))) {
        return;
    }
    bool generic = d->func.sig->tparams.n || d->func.recv_tparams.n;
    Text t = {0};
    put_source(&t, d->file, d->pos, d->func.body && !generic ? d->func.body->pos : d->end);
    push_item(x, &t, name, recv != NULL);
}

static void type_item(Exporter *x, const Decl *d)
{
    Text t = {0};
    text_str(&t, "type ");
    put_source(&t, d->file, d->pos, d->end);
    push_item(x, &t, d->type.name->name.name, false);
}

static void collect(Exporter *x)
{
    for (x->file = 0; x->file < x->pkg->files.n; x->file++) {
        const File *f = x->pkg->files.at[x->file];
        for (uint32_t i = 0; i < f->decls.n; i++) {
            const Decl *d = f->decls.at[i];
            switch ((DeclKind)d->kind) {
            case DECL_CONST:
                const_items(x, d);
                break;
            case DECL_VAR:
                var_items(x, d);
                break;
            case DECL_TYPE:
                type_item(x, d);
                break;
            case DECL_FUNC:
                func_item(x, d);
                break;
            case DECL_IMPORT:
                break;
            }
        }
    }
}

/* ---- What is needed --------------------------------------------------------------------------- */

/* A set of names by open addressing over interned pointers. */
typedef struct NameSet {
    Name *at;
    uint32_t n, cap;
} NameSet;

static bool set_add(NameSet *s, Name name)
{
    if (s->n * 2 >= s->cap) {
        NameSet old = *s;
        s->cap = old.cap ? old.cap * 2 : 256;
        s->at = MEM_NEW_N(Name, s->cap);
        s->n = 0;
        for (uint32_t i = 0; i < old.cap; i++) {
            if (old.at[i]) {
                set_add(s, old.at[i]);
            }
        }
    }
    uint32_t i = (uint32_t)((uintptr_t)name >> 3) * 2654435761u & (s->cap - 1);
    for (; s->at[i]; i = (i + 1) & (s->cap - 1)) {
        if (s->at[i] == name) {
            return false;
        }
    }
    s->at[i] = name;
    s->n++;
    return true;
}

static bool set_has(const NameSet *s, Name name)
{
    if (!s->cap) {
        return false;
    }
    uint32_t i = (uint32_t)((uintptr_t)name >> 3) * 2654435761u & (s->cap - 1);
    for (; s->at[i]; i = (i + 1) & (s->cap - 1)) {
        if (s->at[i] == name) {
            return true;
        }
    }
    return false;
}

/* All names that stand in a text. */
static void mark_names(const Text *t, NameSet *set)
{
    DiagList none = {0};
    SourceFile src = {.text = t->at, .len = (uint32_t)t->n, .base = 1};
    Scanner s;
    scan_init(&s, &src, &none);
    s.quiet = true;
    for (scan_next(&s); s.tok != TOK_EOF; scan_next(&s)) {
        if (s.tok == TOK_IDENT) {
            set_add(set, s.name);
        }
    }
}

/* Items that a wanted item names are wanted, and the methods of wanted types. */
static void close_over_names(Exporter *x)
{
    NameSet named = {0}, types = {0};
    uint8_t *done = mem_alloc_atomic(x->items.n + 1);
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < x->items.n; i++) {
            Item *it = &x->items.at[i];
            if (!it->wanted) {
                it->wanted = set_has(it->method ? &types : &named, it->name);
            }
            if (it->wanted && !done[i]) {
                done[i] = 1;
                more = true;
                mark_names(&it->text, &named);
                set_add(&types, it->name);
            }
        }
    }
}

/* ---- Parts ------------------------------------------------------------------------------------ */

static void put_imports(Exporter *x, Text *out, const File *f, const NameSet *used)
{
    for (uint32_t i = 0; i < f->decls.n; i++) {
        const Decl *d = f->decls.at[i];
        if (d->kind != DECL_IMPORT) {
            continue;
        }
        const Expr *as = d->import.name;
        Name name = as ? as->name.name : d->import.pkg ? d->import.pkg->name : NULL;
        if (!name || (strcmp(name, ".") != 0 && !set_has(used, name) && !x->pkg->live)) {
            continue;
        }
        text_str(out, "import ");
        if (as) {
            text_str(out, name);
            text_str(out, " ");
        }
        text_add(out, d->import.path->lit.text, d->import.path->lit.len);
        text_str(out, "\n");
    }
    for (uint32_t i = 0; i < x->extras.n; i++) {
        const Extra *e = &x->extras.at[i];
        if (e->file == x->file && set_has(used, name_intern(e->alias, strlen(e->alias)))) {
            text_str(out, mem_printf("import %s \"%s\"\n", e->alias, e->path));
        }
    }
}

static void put_part(Exporter *x, Text *out)
{
    Text body = {0};
    for (uint32_t i = 0; i < x->items.n; i++) {
        const Item *it = &x->items.at[i];
        if (it->wanted && it->file == x->file) {
            text_add(&body, it->text.at, it->text.n);
            if (!body.n || body.at[body.n - 1] != '\n') {
                text_str(&body, "\n");
            }
        }
    }
    if (!body.n && !x->pkg->live) {
        return;
    }
    text_str(&body, "");
    NameSet used = {0};
    mark_names(&body, &used);
    if (out->n) {
        text_str(out, "\f");
    }
    text_str(out, "package ");
    text_str(out, x->pkg->name);
    text_str(out, "\n");
    put_imports(x, out, x->pkg->files.at[x->file], &used);
    text_add(out, body.at, body.n);
}

char *export_text(struct Package *pkg)
{
    Exporter x = {.pkg = pkg};
    collect(&x);
    close_over_names(&x);
    Text out = {0};
    for (x.file = 0; x.file < pkg->files.n; x.file++) {
        put_part(&x, &out);
    }
    if (!out.n) {
        text_str(&out, "package ");
        text_str(&out, pkg->name);
        text_str(&out, "\n");
    }
    return out.at;
}

void export_parse(DiagList *d, Package *pkg, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *stop = memchr(text, '\f', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        char *own = mem_strndup(text, n); /* the scanner wants a NUL behind it */
        SourceFile *src = diag_add_file(d, mem_printf("$GOROOT/%s", pkg->path), own, n);
        src->go_minor = 24;
        File *f = parse_file(d, src, false);
        VEC_PUSH(pkg->files, f);
        text += n + 1;
    }
}
