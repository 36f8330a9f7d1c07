/* load.c - finding, reading and ordering the packages of a compile.
 *
 * load_input parses the input and everything that it imports from source, transitively, before
 * anything is checked: so syntax errors of all packages are reported together, import cycles are
 * found with a plain depth-first search, and packages can be checked dependencies first. Packages
 * of the std image are not followed: they are read from their export text when the checker asks
 * (import_callback), and their declarations are resolved lazily.
 *
 * An import path is resolved in this order: std (the image, else a folder of std_path); packages
 * that the embedder gives (memfs.c); "./x" relative to the importing folder; the module's own path;
 * its local replacements; vendor/ folders from the importing folder up to the module's root. A
 * package in memory imports none from disk. What cannot be resolved is reported by the checker at the
 * import, with the text that import_callback gives it.
 *
 * Owned by the compiler thread; all memory is the compile's.
 */
#include "lang/load.h"

#include "lang/export.h"
#include "lang/goembed.h"
#include "lang/live.h"
#include "lang/memfs.h"
#include "lang/module.h"
#include "lang/scan.h"
#include "lang/source.h"
#include "lang/testmain.h"
#include "runtime/rtype.h"
#include "vm/unit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { NEWEST_LANGUAGE = 24 };

typedef struct Loaded Loaded;

typedef struct Import {
    const char *path; /* as written */
    Pos pos, end;
    Loaded *target;   /* NULL: unsafe, of the image, or not found */
} Import;

struct Loaded {
    Package *pkg;
    const char *dir;      /* NULL: of the image */
    VEC(Import) imports;
    const MemoryFiles *files; /* the embedder's; dir is then "memory:" and the path */
    uint8_t state;        /* depth-first search: 0 new, 1 on the stack, 2 done */
    bool std, script, checking, checked;
};

struct Loader {
    const CompileInput *in;
    DiagList *d;
    Module *module;
    MemFs *memory;
    VEC(Loaded *) all;
    VEC(Loaded *) order;  /* dependencies first */
    VEC(Loaded *) stack;
    Loaded *main;
    Loaded *tested, *external; /* of a compile of tests: the package, and its package X_test */
    Scope *live_scope;    /* innermost so far of the live entries checked */
    bool failed;
};

Loader *load_new(const CompileInput *in, DiagList *d)
{
    Loader *l = MEM_NEW(Loader);
    l->in = in;
    l->d = d;
    l->memory = memfs_new(in);
    return l;
}

/* ---- Reporting -------------------------------------------------------------------------------- */

/* An error about a path as a whole has position 1:1 of it. */
static void path_error(Loader *l, const char *path, const char *code, const char *text)
{
    SourceFile *f = diag_add_file(l->d, path, "", 0);
    diag_report(l->d, DIAG_ERROR, f->base, 0, code, "%s", text);
    l->failed = true;
}

/* ---- The image -------------------------------------------------------------------------------- */

static bool name_is(const RelPtr *r, const char *s)
{
    const RName *n = rel_get(r);
    return n && n->len == strlen(s) && !memcmp(n->s, s, n->len);
}

static const UnitPkg *image_package(const Loader *l, const char *path)
{
    const Unit *u = l->in->image;
    const UnitPkg *p = u ? rel_get(&u->packages) : NULL;
    for (uint32_t i = 0; u && i < u->npackages; i++) {
        if (name_is(&p[i].path, path)) {
            return &p[i];
        }
    }
    return NULL;
}

static Loaded *find_loaded(const Loader *l, const char *path, const char *dir)
{
    for (uint32_t i = 0; i < l->all.n; i++) {
        Loaded *x = l->all.at[i];
        if (dir ? x->dir && !strcmp(x->dir, dir) : !strcmp(x->pkg->path, path)) {
            return x;
        }
    }
    return NULL;
}

static Loaded *loaded_new(Loader *l, const char *path, const char *dir)
{
    Loaded *x = MEM_NEW(Loaded);
    x->pkg = MEM_NEW(Package);
    x->pkg->path = path;
    x->dir = dir;
    VEC_PUSH(l->all, x);
    return x;
}

static Loaded *load_from_image(Loader *l, const UnitPkg *up, const char *path)
{
    Loaded *x = loaded_new(l, mem_strndup(path, strlen(path)), NULL);
    x->pkg->is_std = x->pkg->imported_only = x->std = true;
    const RName *name = rel_get(&up->name), *text = rel_get(&up->export_text);
    x->pkg->name = name_intern(name->s, name->len);
    if (text) {
        export_parse(l->d, x->pkg, text->s, text->len);
    }
    x->pkg->scope = scope_new(universe);
    return x;
}

/* ---- Parsing a package ------------------------------------------------------------------------ */

static int default_minor(const Loader *l)
{
    return l->in->go_minor ? l->in->go_minor : NEWEST_LANGUAGE;
}

/* The language version of files in dir: the module's, or that of the replaced module. */
static int minor_for(const Loader *l, const Loaded *x)
{
    if (x->std || !l->module) {
        return NEWEST_LANGUAGE;
    }
    for (uint32_t i = 0; i < l->module->replaces.n; i++) {
        const Replace *r = &l->module->replaces.at[i];
        size_t n = strlen(r->dir);
        if (x->dir && !strncmp(x->dir, r->dir, n) && (x->dir[n] == 0 || x->dir[n] == '/')) {
            return r->go_minor ? r->go_minor : default_minor(l);
        }
    }
    return l->module->go_minor ? l->module->go_minor : default_minor(l);
}

/* A //go:build line may ask for a newer version than the module's; from module version 1.21 on, for an
 * older one, too, but none before 1.21. */
static int file_minor(int module, int asked)
{
    enum { FIRST = 21 };
    if (asked <= 0 || (module < FIRST && asked <= module)) {
        return module;
    }
    return module >= FIRST && asked < FIRST ? FIRST : asked;
}

/* Only blanks and comments? */
static bool is_empty(const File *f) { return f->script && f->decls.n == 0 && !f->has_errors; }

static void attach_embedded(Loader *l, const Loaded *x, File *f)
{
    static const MemoryFiles nothing;
    EmbedPlace place = {x->dir, l->in->no_disk && !x->files ? &nothing : x->files,
                        f->script || (l->in->live && x == l->main)};
    uint32_t before = l->d->nerrors;
    if (!f->has_errors) {
        goembed_attach(l->d, f, &place);
    }
    l->failed |= l->d->nerrors > before;
}

static void parse_text(Loader *l, Loaded *x, const char *path, const char *text, size_t len,
                       bool allow_script)
{
    if (source_is_binary(text, len)) {
        path_error(l, path, "BinaryInput", "file is binary, not source text");
        return;
    }
    int asked = 0;
    bool admitted = source_admits(text, len, &asked);
    if (!admitted && !allow_script) {
        return;
    }
    SourceFile *src = diag_add_file(l->d, path, text, len);
    src->go_minor = file_minor(minor_for(l, x), asked);
    File *f = parse_file(l->d, src, allow_script);
    if (is_empty(f)) {
        diag_report(l->d, DIAG_ERROR, src->base, 0, "EmptyInput",
                    "file is empty: expected statements or a package clause");
        l->failed = true;
    }
    l->failed |= f->has_errors;
    f->tests = l->tested && testmain_is_test_file(path);
    if (f->tests && testmain_is_external(f->pkg_name->name.name, l->tested->pkg->name)) {
        x = l->external;
    }
    x->script |= f->script;
    VEC_PUSH(x->pkg->files, f);
    attach_embedded(l, x, f);
}

static void check_names(Loader *l, Loaded *x)
{
    Package *p = x->pkg;
    for (uint32_t i = 0; i < p->files.n; i++) {
        const File *f = p->files.at[i];
        Name name = f->pkg_name->name.name;
        if (!p->name) {
            p->name = name;
        }
        if (f->has_errors || p->files.at[0]->has_errors) {
            continue;
        }
        if (!strcmp(name, "_")) {
            diag_report(l->d, DIAG_ERROR, f->pkg_name->start, f->pkg_name->end, "BlankPkgName",
                        "invalid package name _");
        } else if (name != p->name) {
            diag_report(l->d, DIAG_ERROR, f->pkg_name->start, f->pkg_name->end, "MixedPackages",
                        "found packages %s (%s) and %s (%s) in %s", p->name,
                        p->files.at[0]->src->path, name, f->src->path, x->dir ? x->dir : ".");
            l->failed = true;
        }
    }
}

static void parse_files(Loader *l, Loaded *x, const PathList *files, bool script)
{
    for (uint32_t i = 0; i < files->n; i++) {
        size_t len;
        const char *why = NULL;
        char *text = source_read(files->at[i], &len, &why);
        if (!text) {
            path_error(l, files->at[i], "Unreadable", mem_printf("cannot read file: %s", why));
            continue;
        }
        parse_text(l, x, files->at[i], text, len, script);
    }
}

static bool list_folder(Loader *l, const char *dir, bool tests, PathList *out, uint32_t *excluded)
{
    if (!source_list(dir, tests, out, excluded)) {
        path_error(l, dir, "Unreadable",
                   mem_printf("cannot read directory %s: %s", dir, strerror(errno)));
        return false;
    }
    return true;
}

static void no_files_error(Loader *l, const char *dir, bool excluded)
{
    if (!l->failed) {
        path_error(l, dir, "NoGoFiles",
                   excluded ? mem_printf("build constraints exclude all source files in %s", dir)
                            : mem_printf("no .gol or .go files in %s", dir));
    }
}

/* As messages name it: without its package's path in the main package. */
static const char *memory_name(const MemoryFile *f)
{
    return *f->package ? mem_printf("%s/%s", f->package, f->name) : f->name;
}

/* Both lists are sorted by name. */
static void parse_memory(Loader *l, Loaded *x)
{
    PathList all = {0}, names = {0};
    uint32_t excluded = 0;
    for (uint32_t i = 0; i < x->files->n; i++) {
        VEC_PUSH(all, x->files->at[i]->name);
    }
    source_select(&all, false, &names, &excluded);
    for (uint32_t i = 0, k = 0; i < names.n; i++) {
        while (strcmp(x->files->at[k]->name, names.at[i]) != 0) {
            k++;
        }
        const MemoryFile *f = x->files->at[k++];
        x->pkg->natives |= f->natives;
        bool script = x == l->main && names.n == 1 && !l->in->text;
        parse_text(l, x, memory_name(f), f->text, f->len, script);
    }
    if (!x->pkg->files.n) {
        no_files_error(l, x->dir, names.n || excluded);
    }
    check_names(l, x);
}

static void parse_folder(Loader *l, Loaded *x)
{
    PathList files = {0};
    uint32_t excluded = 0;
    if (!list_folder(l, x->dir, false, &files, &excluded)) {
        return;
    }
    parse_files(l, x, &files, x == l->main && files.n == 1);
    if (!x->pkg->files.n) {
        no_files_error(l, x->dir, files.n || excluded);
    }
    check_names(l, x);
}

/* ---- Resolving -------------------------------------------------------------------------------- */

static bool under(const char *path, const char *prefix, const char **rest)
{
    size_t n = strlen(prefix);
    if (strncmp(path, prefix, n) != 0 || (path[n] && path[n] != '/')) {
        return false;
    }
    *rest = path[n] ? path + n + 1 : "";
    return true;
}

static bool has_sources(const char *dir)
{
    PathList files = {0};
    uint32_t excluded = 0;
    return source_is_folder(dir) && source_list(dir, false, &files, &excluded) && files.n + excluded > 0;
}

static const char *std_folder(const Loader *l, const char *path)
{
    if (!l->in->std_path || path[0] == '.' || path[0] == '/') {
        return NULL;
    }
    const char *dir = source_join(l->in->std_path, path);
    return has_sources(dir) ? dir : NULL;
}

/* dir as the import path by which the rest of the program knows it. */
static const char *path_of_folder(const Loader *l, const char *dir, const char *written)
{
    const char *rest;
    const Module *m = l->module;
    if (m && m->path && m->root && under(dir, m->root, &rest)) {
        return *rest ? mem_printf("%s/%s", m->path, rest) : m->path;
    }
    while (!strncmp(written, "./", 2) || !strncmp(written, "../", 3)) {
        written += written[1] == '/' ? 2 : 3;
    }
    Loaded *same = find_loaded(l, written, NULL);
    bool taken = !*written || image_package(l, written) || std_folder(l, written) ||
                 (same && (!same->dir || strcmp(same->dir, dir) != 0));
    return taken ? mem_printf("./%s", dir) : written;
}

/* `looked`, if not NULL, becomes a list of the folders that were tried. */
static const char *vendor_folder(const Loader *l, const Loaded *from, const char *path, Text *looked)
{
    const char *at = from->dir ? from->dir : ".";
    const char *root = l->module ? l->module->root : NULL;
    for (int hops = 0; hops < 64; hops++) {
        const char *dir = source_join(source_join(at, "vendor"), path);
        if (has_sources(dir)) {
            return dir;
        }
        if (looked) {
            text_str(looked, looked->n ? ", " : "");
            text_str(looked, dir);
        }
        if (!strcmp(at, ".") || !strcmp(at, "/") || (root && !strcmp(at, root))) {
            break;
        }
        at = source_dir_of(at);
    }
    return NULL;
}

/* The folder of a path outside std, or NULL. *path becomes its canonical import path. */
static const char *user_folder(const Loader *l, const Loaded *from, const char **path)
{
    const char *p = *path, *rest;
    if (!strcmp(p, ".") || !strcmp(p, "..") || !strncmp(p, "./", 2) || !strncmp(p, "../", 3)) {
        const char *dir = source_clean(source_join(from->dir ? from->dir : ".", p));
        *path = path_of_folder(l, dir, p);
        return has_sources(dir) ? dir : NULL;
    }
    const Module *m = l->module;
    if (m && m->root && m->path && under(p, m->path, &rest)) {
        const char *dir = source_clean(source_join(m->root, *rest ? rest : "."));
        if (has_sources(dir)) {
            return dir;
        }
    }
    const Replace *best = NULL;
    for (uint32_t i = 0; m && i < m->replaces.n; i++) {
        const Replace *r = &m->replaces.at[i];
        if (under(p, r->path, &rest) && (!best || strlen(r->path) > strlen(best->path))) {
            best = r;
        }
    }
    if (best) {
        under(p, best->path, &rest);
        const char *dir = source_clean(source_join(best->dir, *rest ? rest : "."));
        return has_sources(dir) ? dir : NULL;
    }
    return vendor_folder(l, from, p, NULL);
}

/* The import path of the package that imports: the main package's is its folder's. NULL: it has none,
 * outside modules. */
static const char *own_path(const Loader *l, const Loaded *from)
{
    if (strcmp(from->pkg->path, "main") != 0 || from->files) {
        return from->pkg->path;
    }
    const Module *m = l->module;
    if (!m || !m->path || !m->root) {
        return NULL;
    }
    char cwd[4096];
    const char *dir = source_clean(from->dir), *rest;
    if (dir[0] != '/' && m->root[0] == '/') {
        if (!getcwd(cwd, sizeof cwd)) {
            return NULL;
        }
        dir = source_clean(source_join(cwd, dir));
    }
    if (!strcmp(dir, m->root) || !under(dir, m->root, &rest)) {
        return m->path;
    }
    return mem_printf("%s/%s", m->path, rest);
}

/* A path with an element "internal" is for importers below that element's parent only. */
static bool internal_hidden(const Loader *l, const Loaded *from, const char *path, bool std)
{
    if (from->std) {
        return false;
    }
    const char *at = path;
    const char *hit = NULL;
    for (; *at; at += strcspn(at, "/"), at += *at == '/') {
        size_t n = strcspn(at, "/");
        if (n == 8 && !memcmp(at, "internal", 8)) {
            hit = at;
        }
    }
    if (!hit) {
        return false;
    }
    if (std) {
        return true;
    }
    size_t n = hit == path ? 0 : (size_t)(hit - path) - 1;
    const char *own = own_path(l, from);
    return own && strcmp(own, "main") != 0 && n &&
           (strncmp(own, path, n) != 0 || (own[n] && own[n] != '/'));
}

/* The embedder's package that `from` means by path, or NULL. */
static Loaded *load_memory(Loader *l, const Loaded *from, const char *path)
{
    if (path[0] == '.') {
        if (!from->files) {
            return NULL;
        }
        path = source_clean(source_join(from == l->main ? "" : from->pkg->path, path));
    }
    const MemoryFiles *files = *path ? memfs_package(l->memory, path) : NULL;
    if (!files) {
        return NULL;
    }
    const char *dir = mem_printf("memory:%s", path);
    Loaded *x = find_loaded(l, path, dir);
    if (x) {
        return x;
    }
    x = loaded_new(l, path, dir);
    x->files = files;
    parse_memory(l, x);
    return x;
}

static Loaded *load_folder(Loader *l, const char *path, const char *dir, bool std)
{
    Loaded *x = find_loaded(l, path, dir);
    if (x) {
        return x;
    }
    x = loaded_new(l, path, dir);
    x->std = x->pkg->is_std = std;
    parse_folder(l, x);
    if (l->in->live && live_has_package(l->in->live, path)) {
        x->pkg->imported_only = x->pkg->live = true; /* an earlier entry brought its code */
    }
    return x;
}

/* NULL if there is no such package. */
static Loaded *resolve(Loader *l, const Loaded *from, const char *path)
{
    if (l->in->live && live_is_path(path)) {
        return find_loaded(l, path, NULL); /* earlier entries are loaded first */
    }
    if (l->tested && !strcmp(path, l->tested->pkg->path)) {
        return l->tested;
    }
    if (l->tested && from == l->main && !strcmp(path, l->external->pkg->path)) {
        return l->external;
    }
    const UnitPkg *up = image_package(l, path);
    if (up) {
        Loaded *x = find_loaded(l, path, NULL);
        return x ? x : load_from_image(l, up, path);
    }
    const char *dir = std_folder(l, path);
    if (dir) {
        return load_folder(l, path, dir, true);
    }
    Loaded *given = load_memory(l, from, path);
    if (given || l->in->no_disk || from->files) {
        return given;
    }
    dir = user_folder(l, from, &path);
    return dir ? load_folder(l, path, dir, false) : NULL;
}

/* ---- Reading everything ----------------------------------------------------------------------- */

static const char *literal_path(const Expr *lit)
{
    Const *v = lit && lit->kind == EX_LIT ? const_literal(TOK_STRING, lit->lit.text, lit->lit.len)
                                          : NULL;
    if (!v) {
        return "";
    }
    size_t n;
    const char *s = const_as_string(v, &n);
    return mem_strndup(s, n);
}

/* Characters that Go permits in an import path. */
static bool valid_path(const char *s)
{
    if (!*s || s[0] == '/') {
        return false;
    }
    for (unsigned n; *s; s += n) {
        uint32_t r = utf8_decode((const unsigned char *)s, strlen(s), &n);
        if (r <= ' ' || r == 0x7f || r == 0xfffd ||
            (r < 0x80 && strchr("!\"#$%&'()*,:;<=>?[\\]^`{|}", (int)r))) {
            return false;
        }
    }
    return true;
}

static void report_cycle(Loader *l, const Loaded *to, const Import *im)
{
    char *text = mem_printf("import cycle not allowed%s", l->tested ? " in test" : "");
    bool on = false;
    const char *verb = "package";
    for (uint32_t i = 0; i < l->stack.n; i++) {
        Loaded *x = l->stack.at[i];
        on |= x == to;
        if (on) {
            text = mem_printf("%s\n\t%s %s", text, verb, x->pkg->path);
            verb = "imports";
        }
    }
    text = mem_printf("%s\n\t%s %s", text, verb, to->pkg->path);
    diag_report(l->d, DIAG_ERROR, im->pos, im->end, "ImportCycle", "%s", text);
    l->failed = true;
}

static void visit(Loader *l, Loaded *x);

static void visit_import(Loader *l, Loaded *x, const Decl *d)
{
    const Expr *lit = d->import.path;
    Import im = {.path = literal_path(lit), .pos = lit->start, .end = lit->end};
    if (!valid_path(im.path)) {
        diag_report(l->d, DIAG_ERROR, im.pos, im.end, "BadImportPath", "invalid import path: %.*s",
                    lit->lit.len > 200 ? 200 : (int)lit->lit.len, lit->lit.text);
        l->failed = true;
        return;
    }
    if (strcmp(im.path, "unsafe") != 0 && strcmp(im.path, "C") != 0 && !image_package(l, im.path)) {
        im.target = resolve(l, x, im.path);
    }
    VEC_PUSH(x->imports, im);
    if (!im.target) {
        return;
    }
    if (im.target->state == 1) {
        report_cycle(l, im.target, &im);
    } else if (im.target->state == 0) {
        visit(l, im.target);
    }
}

static void visit(Loader *l, Loaded *x)
{
    if (l->stack.n > 2000) {
        path_error(l, x->dir, "Limit", "too many packages import each other in a chain");
        return;
    }
    x->state = 1;
    VEC_PUSH(l->stack, x);
    for (uint32_t i = 0; i < x->pkg->files.n; i++) {
        const File *f = x->pkg->files.at[i];
        for (uint32_t k = 0; k < f->decls.n; k++) {
            if (f->decls.at[k]->kind == DECL_IMPORT) {
                visit_import(l, x, f->decls.at[k]);
            }
        }
    }
    l->stack.n--;
    x->state = 2;
    VEC_PUSH(l->order, x);
}

static void visit_std(Loader *l, const char *root, const char *rel)
{
    const char *dir = *rel ? source_join(root, rel) : root;
    if (*rel && has_sources(dir)) {
        Loaded *x = load_folder(l, rel, dir, true);
        if (x->state == 0) {
            visit(l, x);
        }
    }
    PathList sub = {0};
    source_folders(dir, &sub);
    for (uint32_t i = 0; i < sub.n; i++) {
        visit_std(l, root, sub.at[i] + strlen(root) + 1);
    }
}

static bool is_text_input(const Loader *l) { return l->in->text != NULL; }

static void read_main_file(Loader *l, Loaded *x)
{
    const CompileInput *in = l->in;
    size_t len = in->text_len;
    const char *why = NULL;
    char *text = is_text_input(l) ? mem_strndup(in->text, len) : source_read(in->path, &len, &why);
    if (!text) {
        path_error(l, in->path, "Unreadable", mem_printf("cannot read file: %s", why));
        return;
    }
    parse_text(l, x, in->path ? in->path : "<text>", text, len, true);
    check_names(l, x);
}

/* The main package among the embedder's files, perhaps beside a text. */
static void read_main_memory(Loader *l, const MemoryFiles *files)
{
    Loaded *x = l->main = loaded_new(l, "main", "memory:");
    x->files = files;
    l->module = MEM_NEW(Module);
    for (uint32_t i = 0; i < files->n; i++) {
        const MemoryFile *f = files->at[i];
        if (!strcmp(f->name, "gol.mod") || (!strcmp(f->name, "go.mod") && !l->module->root)) {
            l->module = module_of_text(l->d, f->name, f->text, f->len);
        }
    }
    if (is_text_input(l)) {
        read_main_file(l, x);
    }
    parse_memory(l, x);
    x->pkg->is_main = x->pkg->name && !strcmp(x->pkg->name, "main");
}

static void read_main(Loader *l)
{
    const CompileInput *in = l->in;
    const MemoryFiles *files = memfs_package(l->memory, "");
    if (files) {
        read_main_memory(l, files);
        return;
    }
    bool folder = !is_text_input(l) && (in->is_dir || source_is_folder(in->path));
    const char *dir = is_text_input(l) ? "."
                      : folder         ? source_clean(in->path)
                                       : source_clean(source_dir_of(in->path));
    l->module = in->no_disk && is_text_input(l) ? MEM_NEW(Module) : module_find(l->d, dir);
    Loaded *x = l->main = loaded_new(l, "main", dir);
    if (folder) {
        parse_folder(l, x);
    } else {
        read_main_file(l, x);
    }
    x->pkg->is_main = x->pkg->name && !strcmp(x->pkg->name, "main");
    if (!x->pkg->is_main && x->pkg->name) {
        x->pkg->path = path_of_folder(l, dir, x->pkg->name);
    }
}

/* The import path of a package under test. Outside a module it is the package's name, unless that
 * means something else. */
static const char *tested_path(const Loader *l, const char *dir, Name name)
{
    const Module *m = l->module;
    const char *rest;
    if (l->in->nfiles) {
        return "command-line-arguments";
    }
    if (m && m->path && m->root && under(dir, m->root, &rest)) {
        return *rest ? mem_printf("%s/%s", m->path, rest) : m->path;
    }
    bool taken = !name || !strcmp(name, "main") || image_package(l, name) || std_folder(l, name);
    return taken ? mem_printf("_%s%s", dir[0] == '/' ? "" : "/", dir) : name;
}

/* The package of a folder, or of files named, with its tests, and a main package that runs them. */
static void read_tests(Loader *l)
{
    const CompileInput *in = l->in;
    const char *dir = source_clean(in->path);
    PathList files = {0}, tests = {0};
    uint32_t excluded = 0;
    l->module = module_find(l->d, dir);
    Package *p = (l->tested = loaded_new(l, "", dir))->pkg;
    Package *e = (l->external = loaded_new(l, "_test", dir))->pkg;
    for (uint32_t i = 0; i < in->nfiles; i++) {
        const char *path = mem_strndup(in->files[i], strlen(in->files[i]));
        if (testmain_is_test_file(path)) {
            VEC_PUSH(tests, path);
        } else {
            VEC_PUSH(files, path);
        }
    }
    if (!in->nfiles && (!list_folder(l, dir, false, &files, &excluded) ||
                        !list_folder(l, dir, true, &tests, &excluded))) {
        return;
    }
    parse_files(l, l->tested, &files, files.n == 1);
    p->name = p->files.n ? p->files.at[0]->pkg_name->name.name : NULL;
    parse_files(l, l->tested, &tests, false);
    for (uint32_t i = 0; in->nfiles && i < p->files.n; i++) {
        p->files.at[i]->tests = true; /* whoever names a file wants its tests */
    }
    if (!p->files.n && !e->files.n) {
        no_files_error(l, dir, files.n || tests.n || excluded);
        return;
    }
    check_names(l, l->tested);
    check_names(l, l->external);
    Name name = p->name;
    if (!name) {
        name = name_intern(e->name, strlen(e->name) - strlen("_test"));
    }
    p->path = tested_path(l, dir, name);
    e->path = mem_printf("%s_test", p->path);
    if (l->failed) {
        return;
    }
    Loaded *x = l->main = loaded_new(l, "main", dir);
    const char *text = testmain_text(l->d, p, e);
    parse_text(l, x, "_testmain.go", text, strlen(text), false);
    check_names(l, x);
    x->pkg->is_main = true;
    l->failed |= l->d->nerrors > 0;
}

/* What earlier entries declared: packages without code, each of which sees those before it. */
static void read_live(Loader *l)
{
    const LiveInput *in = l->in->live;
    l->module = l->in->no_disk ? MEM_NEW(Module) : module_find(l->d, ".");
    for (uint32_t i = 0; i < in->nentries; i++) {
        const LiveEntry *e = &in->entries[i];
        Loaded *x = loaded_new(l, live_path(e->serial), NULL);
        x->pkg->live = x->pkg->imported_only = true;
        x->pkg->name = name_of("main");
        export_parse(l->d, x->pkg, e->text, strlen(e->text));
        visit(l, x);
    }
    Loaded *x = l->main = loaded_new(l, live_path(in->serial), ".");
    SourceFile *src = diag_add_file(l->d, l->in->path, mem_strndup(l->in->text, l->in->text_len),
                                    l->in->text_len);
    src->go_minor = NEWEST_LANGUAGE;
    File *f = parse_live(l->d, src);
    live_complete(in, l->d, f);
    attach_embedded(l, x, f);
    l->failed |= f->has_errors;
    VEC_PUSH(x->pkg->files, f);
    x->pkg->live = true;
    x->pkg->name = name_of("main");
}

/* Is the input a folder with test files? */
static bool has_tests(Loader *l)
{
    PathList tests = {0};
    uint32_t excluded = 0;
    return !is_text_input(l) && source_is_folder(l->in->path)
           && list_folder(l, source_clean(l->in->path), true, &tests, &excluded) && tests.n;
}

bool load_input(Loader *l)
{
    if (l->in->live) {
        read_live(l);
        visit(l, l->main);
        return !l->failed && l->d->nerrors == 0;
    }
    if (l->in->build_image) {
        visit_std(l, source_clean(l->in->path), "");
        if (!l->order.n && !l->failed) {
            path_error(l, l->in->path, "NoGoFiles", "no packages below this folder");
        }
    } else {
        if (l->in->tests || (l->in->vet && has_tests(l))) {
            read_tests(l);
        } else {
            read_main(l);
        }
        if (l->main && l->main->pkg->files.n) {
            visit(l, l->main);
        }
    }
    return !l->failed;
}

/* ---- What is missing -------------------------------------------------------------------------- */

static unsigned distance(const char *a, const char *b)
{
    enum { MAX = 40 };
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX || m > MAX) {
        return MAX;
    }
    unsigned row[MAX + 1];
    for (unsigned j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        unsigned diag = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned up = row[j], best = diag + (a[i - 1] != b[j - 1]);
            best = up + 1 < best ? up + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diag = up;
            row[j] = best;
        }
    }
    return row[m];
}

static const char *last_element(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

typedef struct Similar {
    const char *path, *best;
    unsigned best_d;
} Similar;

static void consider(Similar *s, const char *candidate)
{
    if (strstr(candidate, "internal")) {
        return;
    }
    unsigned d = distance(s->path, candidate);
    if (!strcmp(last_element(candidate), last_element(s->path))) {
        d = d < 1 ? d : 1; /* "rand" for "math/rand" */
    }
    if (d < s->best_d) {
        s->best_d = d;
        s->best = candidate;
    }
}

static void consider_folders(Similar *s, const char *root, const char *rel)
{
    PathList sub = {0};
    source_folders(*rel ? source_join(root, rel) : root, &sub);
    for (uint32_t i = 0; i < sub.n; i++) {
        const char *path = sub.at[i] + strlen(root) + 1;
        if (has_sources(sub.at[i])) {
            consider(s, path);
        }
        consider_folders(s, root, path);
    }
}

/* The std package that path may have meant, or NULL. */
static const char *similar_std(const Loader *l, const char *path)
{
    Similar s = {.path = path, .best_d = strlen(path) <= 4 ? 2 : 3};
    const Unit *u = l->in->image;
    const UnitPkg *p = u ? rel_get(&u->packages) : NULL;
    for (uint32_t i = 0; u && i < u->npackages; i++) {
        const RName *n = rel_get(&p[i].path);
        consider(&s, mem_strndup(n->s, n->len));
    }
    if (!u && l->in->std_path) {
        consider_folders(&s, source_clean(l->in->std_path), "");
    }
    return s.best;
}

static char *missing_text(const Loader *l, const Loaded *from, const char *path)
{
    const Module *m = l->module;
    const char *rest, *hint = similar_std(l, path);
    const char *ask = hint ? mem_printf("; did you mean \"%s\"?", hint) : "";
    if (!strcmp(path, "C")) {
        return mem_printf("could not import C: gol has no cgo");
    }
    if (path[0] == '.') {
        return mem_printf("package %s is not found: no source files in %s", path,
                          source_clean(source_join(from->dir ? from->dir : ".", path)));
    }
    if (m && m->path && under(path, m->path, &rest)) {
        return mem_printf("package %s is not in module %s: no source files in %s", path, m->path,
                          source_join(m->root, rest));
    }
    if (from->files || l->in->no_disk) {
        return mem_printf("package %s is not in std and not among the packages given%s", path, ask);
    }
    Text looked = {0};
    vendor_folder(l, from, path, &looked);
    if (memchr(path, '.', strcspn(path, "/"))) {
        return mem_printf("no module provides package %s; looked in %s%s", path, looked.at,
                          m && m->root ? mem_printf(" and the replace directives of %s",
                                                    source_join(m->root, "go.mod"))
                                       : " (there is no go.mod)");
    }
    return mem_printf("package %s is not in std%s%s%s", path, hint ? "" : " (looked in ",
                      hint ? "" : looked.at, hint ? ask : ")");
}

/* ---- The checker's side ----------------------------------------------------------------------- */

static Package *import_callback(void *ctx, const char *path, Package *from, char **error);

static CheckConfig config_for(Loader *l, const Loaded *x)
{
    bool live = x->pkg->live && (x == l->main || !x->dir);
    bool script = live || x->script;
    return (CheckConfig){
        .live = live,
        .diags = l->d,
        .script_warnings = script,
        .auto_import = script,
        .allow_unsafe = x->std || l->in->allow_unsafe,
        .go_minor = minor_for(l, x),
        .import = import_callback,
        .ctx = l,
    };
}

static void check_loaded(Loader *l, Loaded *x)
{
    if (x->checked) {
        return;
    }
    x->checked = x->checking = true;
    Package *current = types_current;
    CheckConfig cfg = config_for(l, x);
    if (cfg.live) {
        x->pkg->scope = scope_new(l->live_scope ? l->live_scope : universe);
    }
    if (x->pkg->imported_only) {
        check_package_lazily(&cfg, x->pkg);
    } else {
        check_package(&cfg, x->pkg);
    }
    types_current = current;
    x->checking = false;
    if (cfg.live && x->pkg->files.n && x->pkg->files.at[0]->scope) {
        l->live_scope = x->pkg->files.at[0]->scope;
    }
}

static Loaded *loaded_of(const Loader *l, const Package *p)
{
    for (uint32_t i = 0; i < l->all.n; i++) {
        if (l->all.at[i]->pkg == p) {
            return l->all.at[i];
        }
    }
    return NULL;
}

/* Packages that a script has to import because another one of that name is meant more often. */
static bool must_import(const char *path)
{
    static const char *const trees[] = {"crypto/", "html/", "go/", "internal/"};
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        if (!strncmp(path, trees[i], strlen(trees[i]))) {
            return strcmp(path, "crypto/rand") == 0 || *trees[i] != 'c';
        }
    }
    return false;
}

/* A script's unimported name: a std package of that path, or the only one whose path ends so. */
static const char *auto_path(Loader *l, const char *name)
{
    const Unit *u = l->in->image;
    const UnitPkg *p = u ? rel_get(&u->packages) : NULL;
    const char *found = NULL;
    for (uint32_t i = 0; u && i < u->npackages; i++) {
        const RName *n = rel_get(&p[i].path);
        const char *path = mem_strndup(n->s, n->len);
        if (!strcmp(path, name)) {
            return path;
        }
        if (!strcmp(last_element(path), name) && !strstr(path, "internal") && !must_import(path)) {
            if (found) {
                return NULL; /* ambiguous */
            }
            found = path;
        }
    }
    return found || u ? found : name;
}

static const Import *declared_import(const Loaded *from, const char *path)
{
    for (uint32_t i = 0; from && i < from->imports.n; i++) {
        if (!strcmp(from->imports.at[i].path, path)) {
            return &from->imports.at[i];
        }
    }
    return NULL;
}

/* A package of std_path that only a script's use brings in. */
static void visit_late(Loader *l, Loaded *x)
{
    if (x->dir && x->state == 0) {
        visit(l, x);
        for (uint32_t i = 0; i < l->order.n; i++) {
            check_loaded(l, l->order.at[i]);
        }
        if (l->main && l->main->state == 2) { /* main stays last */
            for (uint32_t i = 0; i + 1 < l->order.n; i++) {
                if (l->order.at[i] == l->main) {
                    memmove(&l->order.at[i], &l->order.at[i + 1],
                            (l->order.n - i - 1) * sizeof *l->order.at);
                    l->order.at[l->order.n - 1] = l->main;
                }
            }
        }
    }
}

static Package *import_callback(void *ctx, const char *path, Package *from, char **error)
{
    Loader *l = ctx;
    Loaded *importer = loaded_of(l, from);
    const Import *im = declared_import(importer, path);
    Loaded *x = im ? im->target : NULL;
    if (!im && importer && importer->pkg->live && !strcmp(path, LIVE_HELPERS_NAME)) {
        path = LIVE_HELPERS;
    }
    if (!x && importer && !im && !importer->std && strcmp(path, LIVE_HELPERS) != 0) {
        path = auto_path(l, path);
        if (!path) {
            return NULL;
        }
    }
    if (!x && strcmp(path, "C") != 0) {
        x = resolve(l, importer ? importer : l->main, path);
    }
    if (!x) {
        *error = missing_text(l, importer ? importer : l->main, path);
        return NULL;
    }
    bool live = importer && importer->pkg->live;
    bool testmain = l->tested && importer == l->main;
    if (importer && !live && !testmain && internal_hidden(l, importer, x->pkg->path, x->std)) {
        *error = mem_printf("use of internal package %s not allowed", x->pkg->path);
        return NULL;
    }
    if (x->pkg->name && !strcmp(x->pkg->name, "main") && !x->std && !x->pkg->live &&
        x != l->tested) {
        *error = mem_printf("import \"%s\" is a program, not an importable package", path);
        return NULL;
    }
    visit_late(l, x);
    check_loaded(l, x);
    return x->pkg;
}

void load_check(Loader *l)
{
    for (uint32_t i = 0; i < l->order.n; i++) {
        check_loaded(l, l->order.at[i]);
    }
}

PackageList load_packages(const Loader *l)
{
    PackageList out = {0};
    for (uint32_t i = 0; i < l->order.n; i++) {
        if (!l->order.at[i]->pkg->imported_only) {
            VEC_PUSH(out, l->order.at[i]->pkg);
        }
    }
    return out;
}

void load_tested(const Loader *l, LoadTested *out)
{
    if (!l->tested) {
        return;
    }
    out->path = l->tested->pkg->path;
    const Package *pkgs[] = {l->tested->pkg, l->external->pkg};
    for (int i = 0; i < 2; i++) {
        for (uint32_t k = 0; k < pkgs[i]->files.n; k++) {
            out->has_tests |= pkgs[i]->files.at[k]->tests;
        }
    }
}

PackageList load_vetted(const Loader *l)
{
    PackageList out = {0};
    if (!l->tested) {
        VEC_PUSH(out, l->main->pkg);
        return out;
    }
    VEC_PUSH(out, l->tested->pkg);
    if (l->external->pkg->files.n) {
        VEC_PUSH(out, l->external->pkg);
    }
    return out;
}

Package *load_main(const Loader *l) { return l->main ? l->main->pkg : NULL; }
