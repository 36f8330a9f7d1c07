/* gen.c - the code generator's entry: packages to a sealed unit.
 *
 * Order: every package gets its variables' places, then each its init function, its functions and
 * its table; whatever those refer to (generic instances, method wrappers, descriptors) is queued
 * and compiled until nothing is left. Packages that the library image holds are only referred to.
 */
#include "lang/gen.h"

typedef VEC(Obj *) ObjVec;

static bool blank_name(const Expr *e) { return strcmp(e->name.name, "_") == 0; }

/* Places the package's variables behind one another; 16-byte aligned ones keep their alignment. */
static void place_globals(Gen *g, Package *pkg, uint64_t *base, uint64_t *size, Obj ***vars, uint32_t *n)
{
    ObjVec all = {0};
    uint64_t at = (g->ub->globals_size + 15) & ~15ull;
    *base = at;
    for (uint32_t i = 0; i < pkg->files.n; i++) {
        File *file = pkg->files.at[i];
        for (uint32_t k = 0; k < file->decls.n; k++) {
            Decl *d = file->decls.at[k];
            for (uint32_t j = 0; d->kind == DECL_VAR && j < d->value.names.n; j++) {
                Expr *name = d->value.names.at[j];
                Obj *o = name->name.obj;
                if (blank_name(name) || !o || !o->type) {
                    continue;
                }
                TInfo *ti = tinfo(g, o->type);
                uint64_t al = ti->align < 8 ? 8 : ti->align;
                at = (at + al - 1) & ~(al - 1);
                ObjGen *og = obj_gen(o);
                og->goff = at;
                og->has_goff = true;
                o->is_global = true;
                at += (ti->size + 7) & ~7ull;
                VEC_PUSH(all, o);
            }
        }
    }
    at = (at + 15) & ~15ull;
    *size = at - *base;
    g->ub->globals_size = at;
    *vars = all.at;
    *n = all.n;
}

static void name_globals(Gen *g, Obj **vars, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const char *name = mem_printf("%s.%s", vars[i]->pkg->path, vars[i]->name);
        ub_symbol(g->ub, SYM_GLOBAL, hash64_more(HASH64_START, name, strlen(name)),
                  ub_cname(g->ub, name), NULL, obj_gen(vars[i])->goff);
    }
}

static bool generic(Decl *d)
{
    Obj *o = d->func.obj;
    return !o || !o->type || o->type->kind != T_FUNC || func_tparams(o->type).n;
}

/* A host may call an exported function and look into what it takes and gives, by method names too. */
static void show_to_host(Gen *g, const Type *func)
{
    for (uint32_t i = 0; i < func->func.nparams; i++) {
        tinfo_want_methods(g, tinfo(g, func->func.params[i].type));
    }
    for (uint32_t i = 0; i < func->func.nresults; i++) {
        tinfo_want_methods(g, tinfo(g, func->func.results[i].type));
    }
}

static void queue_functions(Gen *g, Package *pkg)
{
    TypeList none = {0};
    for (uint32_t i = 0; i < pkg->funcs.n; i++) {
        Decl *d = pkg->funcs.at[i];
        const char *name = d->func.name->name.name;
        bool is_init = !d->func.recv && strcmp(name, "init") == 0;
        if (generic(d) || is_init || (strcmp(name, "_") == 0)) {
            continue;
        }
        FuncRec *r = func_rec(g, d->func.obj, none);
        ub_symbol(g->ub, SYM_FUNC, r->hash, ub_cname(g->ub, r->name), r->blob, 0);
        if (!d->func.recv && name_exported(name)) {
            show_to_host(g, d->func.obj->type);
        }
        if (pkg->is_main && !d->func.recv && strcmp(name, "main") == 0) {
            g->ub->main = r->blob;
        }
    }
}

/* In the image every package-level type has its descriptor and methods, and so has its pointer. */
static void queue_types(Gen *g, Package *pkg)
{
    for (uint32_t i = 0; i < pkg->files.n; i++) {
        File *file = pkg->files.at[i];
        for (uint32_t k = 0; k < file->decls.n; k++) {
            Decl *d = file->decls.at[k];
            Obj *o = d->kind == DECL_TYPE && !d->type.alias ? d->type.obj : NULL;
            if (o && o->type && o->type->kind == T_NAMED && !o->type->named.tparams.n) {
                tinfo_want_methods(g, tinfo(g, o->type));
                tinfo_want_methods(g, tinfo(g, type_pointer(o->type)));
            }
        }
    }
}

static void drain(Gen *g)
{
    uint32_t done = 0;
    while (g->pending || done < g->method_queue.n) {
        while (g->pending) {
            FuncRec *r = g->pending;
            g->pending = r->pending;
            if (!g->pending) {
                g->pending_tail = &g->pending;
            }
            gen_func_body(g, r);
        }
        if (done < g->method_queue.n) {
            gen_type_methods(g, g->method_queue.at[done++]);
        }
    }
}

static uint64_t name_hash(const char *s) { return hash64_more(HASH64_START, s, strlen(s)); }

/* The template of the variables, and the collector's map of them. */
static void package_data(Gen *g, Package *pkg, uint32_t at, Obj **vars, uint32_t n)
{
    UnitBuf *ub = g->ub;
    StaticData d;
    UnitPkg up;
    memcpy(&up, ub->packages->data + at, sizeof up);
    gen_data(&d, g, pkg, up.globals, up.globals_size);
    up.globals_size = d.end;
    up.data_size = d.bytes->len;
    up.ndata_relocs = d.nrelocs;
    ub->globals_size = up.globals + d.end;
    memcpy(ub->packages->data + at, &up, sizeof up);
    if (d.bytes->len) {
        blob_ref(ub->packages, at + offsetof(UnitPkg, data), d.bytes, 0);
        blob_ref(ub->packages, at + offsetof(UnitPkg, data_relocs), d.relocs, 0);
    }
    if (d.end) {
        blob_ref(ub->packages, at + offsetof(UnitPkg, globals_type),
                 gen_globals_type(g, pkg, vars, n, &d), 0);
    }
}

/* The package's entry in the unit's table, which is one blob. */
static uint32_t package_entry(Gen *g, Package *pkg)
{
    Obj **vars;
    uint32_t n;
    UnitBuf *ub = g->ub;
    UnitPkg up = {.index = ub->npackages++};
    place_globals(g, pkg, &up.globals, &up.globals_size, &vars, &n);
    uint32_t at = blob_put(ub->packages, &up, sizeof up);
    blob_ref(ub->packages, at + offsetof(UnitPkg, path), ub_cname(ub, pkg->path), 0);
    blob_ref(ub->packages, at + offsetof(UnitPkg, name), ub_cname(ub, pkg->name), 0);
    name_globals(g, vars, n);
    package_data(g, pkg, at, vars, n);
    ub_symbol(ub, SYM_PACKAGE, name_hash(pkg->path), ub_cname(ub, pkg->path), ub->packages, at);
    return at;
}

static int64_t entry_of(const GenInput *in, const uint32_t *entries, Package *p)
{
    for (uint32_t i = 0; i < in->npackages; i++) {
        if (in->packages[i] == p && !p->imported_only) {
            return entries[i];
        }
    }
    return -1;
}

/* Every import, in the order of the source; those in the image are relocated. */
static void package_imports(Gen *g, Package *pkg, uint32_t at, const uint32_t *entries)
{
    UnitBuf *ub = g->ub;
    Blob *t = blob_new(ub, 8);
    for (uint32_t i = 0; i < pkg->imports.n; i++) {
        Package *p = pkg->imports.at[i];
        if (p == package_unsafe || p->fake) {
            continue;
        }
        uint32_t word = blob_zero(t, 8);
        int64_t entry = entry_of(g->in, entries, p);
        if (entry >= 0) {
            blob_ref(t, word, ub->packages, (uint32_t)entry);
        } else {
            BlobReloc r = {word, RELOC_PACKAGE, name_hash(p->path), 0, ub_cname(ub, p->path)};
            VEC_PUSH(t->relocs, r);
        }
    }
    uint32_t n = t->len / 8;
    memcpy(ub->packages->data + at + offsetof(UnitPkg, nimports), &n, 4);
    blob_ref(ub->packages, at + offsetof(UnitPkg, imports), t, 0);
}

static void gen_package(Gen *g, Package *pkg, uint32_t at, const uint32_t *entries)
{
    if (pkg->imports_unsafe && !g->in->build_image) {
        g->ub->flags |= UNIT_UNSAFE;
    }
    package_imports(g, pkg, at, entries);
    Blob *init = blob_new(g->ub, 16);
    gen_init_func(g, pkg, init);
    blob_ref(g->ub->packages, at + offsetof(UnitPkg, init), init, 0);
    queue_functions(g, pkg);
    if (g->in->build_image) {
        queue_types(g, pkg);
        const char *text = export_text(pkg);
        if (text) {
            blob_ref(g->ub->packages, at + offsetof(UnitPkg, export_text), ub_cname(g->ub, text), 0);
        }
        blob_ref(g->ub->packages, at + offsetof(UnitPkg, doc_text), ub_cname(g->ub, doc_text(pkg)), 0);
    }
    drain(g);
}

static void gen_packages(Gen *g)
{
    const GenInput *in = g->in;
    uint32_t *entries = MEM_NEW_N(uint32_t, in->npackages + 1);
    g->ub->packages = blob_new(g->ub, 8);
    for (uint32_t i = 0; i < in->npackages; i++) {
        if (!in->packages[i]->imported_only) {
            entries[i] = package_entry(g, in->packages[i]);
        }
    }
    for (uint32_t i = 0; i < in->npackages; i++) {
        if (!in->packages[i]->imported_only) {
            gen_package(g, in->packages[i], entries[i], entries);
        }
    }
}

/* An image is read-only, so its types are numbered when it is built: from here on (what
 * runtime/rtypes.h calls RTYPE_ID_IMAGE). */
#define IMAGE_FIRST_ID 4096u

static void number_types(Gen *g)
{
    for (uint32_t i = 0; g->in->build_image && i < g->ub->types.n; i++) {
        uint32_t id = IMAGE_FIRST_ID + i;
        memcpy(g->ub->types.at[i]->data + offsetof(RType, id), &id, sizeof id);
    }
}

struct Unit *gen_unit(const GenInput *in)
{
    Gen *g = MEM_NEW(Gen);
    g->in = in;
    g->diags = in->diags;
    g->ub = MEM_NEW(UnitBuf);
    g->pending_tail = &g->pending;
    jmp_buf give_up;
    g->give_up = &give_up;
    if (setjmp(give_up)) {
        return NULL;
    }
    Blob *head = blob_new(g->ub, 16);
    blob_zero(head, sizeof(Unit));
    gen_packages(g);
    gen_type_finish(g);
    number_types(g);
    return g->failed ? NULL : ub_seal(g->ub);
}
