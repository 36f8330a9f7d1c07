/* doctext.c - what `:doc` of a session shows: a package's declarations as their source has them,
 * without bodies, each with the comment that stands before it.
 *
 * The text is a list of records, each "\f", the name ("Type.Method" of a method), "\n", the lines to
 * show. A name may come several times. Of std packages it holds what is exported and lies in the
 * image beside the export text; of a session's entry it holds everything. It is made from a parsed
 * package on the compiler thread, in the compile's memory. */
#include "lang/live.h"

#include "lang/check.h"
#include "lang/load.h"

typedef struct Docs {
    VEC(char) text;
    bool exported; /* only these */
} Docs;

static void put(Docs *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        VEC_PUSH(o->text, s[i]);
    }
}

static void put_str(Docs *o, const char *s) { put(o, s, strlen(s)); }

static bool exported(const char *name) { return name[0] >= 'A' && name[0] <= 'Z'; }

/* The comment's lines, indented, without their slashes; directives are left out. */
static void put_comment(Docs *o, const char *doc)
{
    for (const char *line = doc, *next; line && *line; line = next) {
        size_t n = strcspn(line, "\n");
        next = line + n + (line[n] == '\n');
        size_t blank = strspn(line, " \t");
        line += blank;
        n -= blank;
        bool slashes = n >= 2 && !strncmp(line, "//", 2);
        if (slashes && n > 2 && line[2] != ' ' && line[2] != '\t') {
            continue;
        }
        size_t skip = !slashes ? 0 : n > 2 ? 3 : 2;
        put_str(o, "    ");
        put(o, line + skip, n - skip);
        put_str(o, "\n");
    }
}

static void put_key(Docs *o, const char *type, const char *name)
{
    put_str(o, "\f");
    if (type) {
        put_str(o, mem_printf("%s.", type));
    }
    put_str(o, mem_printf("%s\n", name));
}

static void put_record(Docs *o, const char *type, const char *name, const char *word, const Decl *d,
                       Pos end)
{
    put_key(o, type, name);
    put_str(o, word);
    const char *from = d->file->text + (d->pos - d->file->base);
    size_t n = end - d->pos;
    while (n && strchr(" \t\n", from[n - 1])) {
        n--;
    }
    for (size_t i = 0; i < n; i++) { /* the columns that gofmt makes serve no purpose here */
        if (from[i] != ' ' || i == 0 || from[i - 1] != ' ') {
            put(o, from + i, 1);
        }
    }
    put_str(o, "\n");
    put_comment(o, d->doc);
}

static void put_func(Docs *o, const Decl *d)
{
    const Expr *t = d->func.recv ? d->func.recv->type : NULL;
    while (t && t->kind != EX_NAME) {
        t = t->kind == EX_PAREN ? t->paren.x : t->kind == EX_STAR ? t->star.x
            : t->kind == EX_INDEX ? t->index.x : NULL;
    }
    const char *type = t ? t->name.name : NULL, *name = d->func.name->name.name;
    if (!o->exported || (exported(name) && (!type || exported(type)))) {
        put_record(o, type, name, "", d, d->func.body ? d->func.body->pos : d->end);
    }
}

/* Variables with their types; constants as they are written. */
static void put_values(Docs *o, struct Package *pkg, const Decl *d)
{
    for (uint32_t i = 0; i < d->value.names.n; i++) {
        const Expr *x = d->value.names.at[i];
        const char *name = x->name.name;
        if (!strcmp(name, "_") || (o->exported && !exported(name))) {
            continue;
        }
        if (d->kind == DECL_CONST || !x->name.obj || !x->name.obj->type) {
            put_record(o, NULL, name, d->kind == DECL_CONST ? "const " : "var ", d, d->end);
        } else {
            put_key(o, NULL, name);
            put_str(o, mem_printf("var %s %s\n", name, type_string(x->name.obj->type, pkg)));
            put_comment(o, d->doc);
        }
    }
}

static void put_decl(Docs *o, struct Package *pkg, const Decl *d)
{
    if (d->kind == DECL_FUNC && d->func.name) {
        put_func(o, d);
    } else if (d->kind == DECL_TYPE && d->type.name) {
        const char *name = d->type.name->name.name;
        if (!o->exported || exported(name)) {
            put_record(o, NULL, name, "type ", d, d->end);
        }
    } else if (d->kind == DECL_CONST || d->kind == DECL_VAR) {
        put_values(o, pkg, d);
    }
}

char *doc_text(struct Package *pkg)
{
    Docs o = {.exported = !pkg->live};
    for (uint32_t i = 0; i < pkg->files.n; i++) {
        const File *f = pkg->files.at[i];
        for (uint32_t k = 0; k < f->decls.n; k++) {
            put_decl(&o, pkg, f->decls.at[k]);
        }
    }
    put(&o, "", 1);
    return o.text.at;
}
