/* link.c - loading a sealed unit into a VM.
 *
 * A unit of another build (Unit.abi) is refused, and one that imports unsafe in a VM that does not
 * permit it. Steps: take a place in the VM's table of units and a range of the package variables; resolve every
 * Reloc by symbol against the units loaded before (the std image first); bind natives by name and
 * renumber them VM-wide; give the types their ids; make the tables that hang beside the unit. The
 * image is read-only and fully linked: it must be unit 0 with base 0, so that nothing in it needs a
 * patch. On failure the VM is as before but for the range of variables.
 *
 * Runs while no fiber does.
 */
#include "vm/vm.h"

#include "runtime/rtypes.h"
#include "vm/link.h"
#include "vm/op.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Link {
    VmState *vm;
    VmUnit *vu;
    char *err;
    size_t nerr;
} Link;

static bool fail(Link *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool fail(Link *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (l->nerr) {
        vsnprintf(l->err, l->nerr, fmt, ap);
    }
    va_end(ap);
    return false;
}

/* --- symbols --- */

static const Symbol *unit_symbol(const Unit *u, uint64_t hash, uint32_t kind)
{
    const Symbol *s = rel_get(&u->symbols);
    for (uint32_t lo = 0, hi = s ? u->nsymbols : 0; lo < hi;) {
        uint32_t mid = (lo + hi) / 2;
        if (s[mid].hash == hash && s[mid].kind == kind) {
            return &s[mid];
        }
        if (s[mid].hash < hash || (s[mid].hash == hash && s[mid].kind < kind)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

/* A symbol of any loaded unit; *vu says whose. */
static const Symbol *find_symbol(VmState *vm, uint64_t hash, uint32_t kind, const VmUnit **vu)
{
    for (uint32_t i = 0; i < vm->nunits; i++) {
        const Symbol *s = unit_symbol(vm->units[i].unit, hash, kind);
        if (s != NULL) {
            *vu = &vm->units[i];
            return s;
        }
    }
    return NULL;
}

const RType *link_find_type(VmState *vm, const uint64_t hash[2])
{
    for (uint32_t i = 0; i < vm->nunits; i++) {
        const Unit *u = vm->units[i].unit;
        const Symbol *s = unit_symbol(u, hash[0], SYM_TYPE);
        const RType *t = s ? rel_get(&s->target) : NULL;
        if (t && t->hash[1] == hash[1]) {
            return t;
        }
    }
    return NULL;
}

const Func *link_find_func(VmState *vm, const char *name)
{
    size_t n = strlen(name);
    const VmUnit *vu;
    const Symbol *s = find_symbol(vm, hash64_more(HASH64_START, name, n), SYM_FUNC, &vu);
    const RName *have = s ? rel_get(&s->name) : NULL;
    return have && have->len == n && memcmp(have->s, name, n) == 0 ? rel_get(&s->target) : NULL;
}

static bool apply_reloc(Link *l, const Reloc *r)
{
    static const uint32_t kinds[] = {[RELOC_FUNC] = SYM_FUNC, [RELOC_TYPE] = SYM_TYPE,
                                     [RELOC_GLOBAL] = SYM_GLOBAL, [RELOC_PACKAGE] = SYM_PACKAGE};
    uint8_t *at = (uint8_t *)l->vu->unit + r->at;
    int64_t word;
    memcpy(&word, at, sizeof word);
    if (r->kind == RELOC_GLOBAL_BASE) {
        word += (int64_t)l->vu->base;
        memcpy(at, &word, sizeof word);
        return true;
    }
    const VmUnit *from = NULL;
    const Symbol *s = r->kind <= RELOC_PACKAGE ? find_symbol(l->vm, r->hash, kinds[r->kind], &from)
                                               : NULL;
    const RType *t = s && r->kind == RELOC_TYPE ? rel_get(&s->target) : NULL;
    if (s == NULL || (t && t->hash[1] != r->hash2)) {
        const RName *n = rel_get(&r->name);
        return fail(l, "undefined: %.*s", n ? (int)n->len : 1, n ? n->s : "?");
    }
    if (r->kind == RELOC_GLOBAL) {
        word += (int64_t)(from->base + s->offset);
    } else {
        word = (const uint8_t *)rel_get(&s->target) - at;
    }
    memcpy(at, &word, sizeof word);
    return true;
}

static bool apply_relocs(Link *l)
{
    const Unit *u = l->vu->unit;
    const Reloc *r = rel_get(&u->relocs);
    for (uint32_t i = 0; i < u->nrelocs; i++) {
        if (!apply_reloc(l, &r[i])) {
            return false;
        }
    }
    return true;
}

/* --- natives --- */

static NativeStatus missing_native(P *p, Slot *fp)
{
    (void)fp;
    return native_panic_plain(p, "this function has no implementation in this build of gol");
}

static bool natives_room(VmState *vm, uint64_t n)
{
    if (vm->nnatives + n > vm->cap_natives) {
        uint32_t cap = (uint32_t)(vm->nnatives + n) * 2;
        NativeFn *t = realloc(vm->natives, cap * sizeof *t);
        vm->natives = t ? t : vm->natives;
        void **ctx = t ? realloc(vm->native_ctx, cap * sizeof *ctx) : NULL;
        if (ctx == NULL) {
            return false;
        }
        vm->native_ctx = ctx;
        vm->cap_natives = cap;
    }
    return true;
}

/* Missing ones are an error in a program; in the image they panic when called, so that a build
 * without some library still starts. */
static bool bind_natives(Link *l, bool image)
{
    VmState *vm = l->vm;
    const Unit *u = l->vu->unit;
    const RelPtr *names = rel_get(&u->natives);
    if (!natives_room(vm, u->nnatives)) {
        return fail(l, "out of memory");
    }
    l->vu->native_base = vm->nnatives;
    for (uint64_t i = 0; i < u->nnatives; i++) {
        const RName *n = rel_get(&names[i]);
        void *ctx = NULL;
        NativeFn fn = natives_find(n->s, n->len);
        if (fn == NULL && !image && vm->find_native != NULL) {
            fn = vm->find_native(vm->gol, n->s, n->len, &ctx);
        }
        if (fn == NULL && !image) {
            return fail(l, "missing function body: %.*s", (int)n->len, n->s);
        }
        vm->native_ctx[vm->nnatives] = ctx;
        vm->natives[vm->nnatives++] = fn ? fn : missing_native;
    }
    return true;
}

/* Code without natives of its own, a program's, is not looked through. */
static void renumber_natives(const VmUnit *vu)
{
    const RelPtr *funcs = rel_get(&vu->unit->funcs);
    for (uint32_t i = 0; vu->native_base && vu->unit->nnatives && i < vu->unit->nfuncs; i++) {
        const Func *f = rel_get(&funcs[i]);
        Insn *code = (Insn *)((uintptr_t)f + sizeof *f);
        for (uint32_t at = 0; at < f->ncode; at += op_words(code + at)) {
            if (code[at].op == OP_NATIVE) {
                int64_t n = op_ext(code + at, 0) + (int64_t)vu->native_base;
                memcpy(code + at + 1, &n, sizeof n);
            }
        }
    }
}

/* --- types --- */

static pthread_mutex_t image_lock = PTHREAD_MUTEX_INITIALIZER;
static const Unit *image_registered; /* under image_lock: its types have been entered */

static bool register_types(Link *l, bool image)
{
    const Unit *u = l->vu->unit;
    const RelPtr *types = rel_get(&u->types);
    bool ok = true;
    if (image) {
        pthread_mutex_lock(&image_lock);
        for (uint32_t i = 0; ok && image_registered != u && i < u->ntypes; i++) {
            ok = rtype_register_fixed(rel_get(&types[i]));
        }
        image_registered = ok ? u : image_registered;
        pthread_mutex_unlock(&image_lock);
        return ok || fail(l, "the std image's types cannot be registered");
    }
    for (uint32_t i = 0; i < u->ntypes; i++) {
        if (rtype_register((RType *)(uintptr_t)rel_get(&types[i])) == 0) {
            return fail(l, "too many types");
        }
    }
    return true;
}

/* --- loading --- */

/* Computed once a process; the same whoever does it. */
static uint64_t abi(void)
{
    static _Atomic uint64_t known;
    uint64_t h = atomic_load_explicit(&known, memory_order_relaxed);
    if (h == 0) {
        h = op_abi();
        atomic_store_explicit(&known, h, memory_order_relaxed);
    }
    return h;
}

static VmUnit *new_unit(Link *l, Unit *u)
{
    VmState *vm = l->vm;
    if (vm->nunits == vm->cap_units) {
        uint32_t cap = vm->cap_units ? vm->cap_units * 2 : 4;
        VmUnit *t = realloc(vm->units, cap * sizeof *t);
        if (t == NULL) {
            return NULL;
        }
        vm->units = t;
        vm->cap_units = cap;
    }
    VmUnit *vu = &vm->units[vm->nunits];
    *vu = (VmUnit){.unit = u, .base = (vm->globals_used + 15) & ~(uint64_t)15};
    return vu;
}

static bool load(Link *l, Unit *u, bool image)
{
    VmState *vm = l->vm;
    if (u->magic != UNIT_MAGIC) {
        return fail(l, "not a gol unit");
    }
    if (u->abi != abi()) {
        return fail(l, "the program was compiled by another build of gol: compile it again");
    }
    if ((u->flags & UNIT_UNSAFE) && !image && !vm->allow_unsafe) {
        return fail(l, "the program imports package unsafe, and this VM does not have the "
                       "permission allow_unsafe");
    }
    l->vu = new_unit(l, u);
    if (l->vu == NULL) {
        return fail(l, "out of memory");
    }
    if (u->globals_size > vm->globals_cap - l->vu->base) {
        return fail(l, "package variables take too much memory");
    }
    if (image && (vm->nunits != 0 || u->serial != 0)) {
        return fail(l, "the std image must be the first unit");
    }
    if ((!image && !apply_relocs(l)) || !bind_natives(l, image) || !register_types(l, image)) {
        return false;
    }
    l->vu->maps = stackmap_new(u->nfuncs);
    l->vu->inited = calloc(u->npackages + 1, 1);
    if (l->vu->maps == NULL || l->vu->inited == NULL) {
        return fail(l, "out of memory");
    }
    if (!image) {
        u->serial = vm->nunits;
        u->globals_base = l->vu->base;
        l->vu->owned = true;
        renumber_natives(l->vu);
    }
    vm->globals_used = l->vu->base + u->globals_size;
    vm->nunits++;
    for (uint32_t i = 0; i < MAX_PROCS; i++) {
        if (vm->gol->procs[i]) {
            vm_p(vm->gol->procs[i])->natives = vm->natives;
        }
    }
    return true;
}

bool link_image(VmState *vm, Unit *u, char *err, size_t nerr)
{
    Link l = {.vm = vm, .err = err, .nerr = nerr};
    return load(&l, u, true);
}

bool vm_load(VmState *vm, Unit *u, char *err, size_t nerr)
{
    Link l = {.vm = vm, .err = err, .nerr = nerr};
    return load(&l, u, false);
}

void link_unload(VmUnit *vu)
{
    const RelPtr *types = rel_get(&vu->unit->types);
    stackmap_free(vu->maps, vu->unit);
    free(vu->inited);
    if (vu->owned) {
        for (uint32_t i = 0; i < vu->unit->ntypes; i++) {
            rtype_unregister(rel_get(&types[i]));
        }
        free(vu->unit);
    }
}

/* --- package initialisation --- */

static bool todo_add(VmState *vm, const Func *f)
{
    if (vm->ntodo == vm->cap_todo) {
        uint32_t cap = vm->cap_todo ? vm->cap_todo * 2 : 32;
        const Func **t = realloc(vm->todo, cap * sizeof *t);
        if (t == NULL) {
            return false;
        }
        vm->todo = t;
        vm->cap_todo = cap;
    }
    vm->todo[vm->ntodo++] = f;
    return true;
}

static void copy_data(VmState *vm, const VmUnit *vu, const UnitPkg *pkg)
{
    uint8_t *vars = vm->globals + vu->base + pkg->globals;
    const void *data = rel_get(&pkg->data);
    const DataReloc *r = rel_get(&pkg->data_relocs);
    if (data != NULL) {
        memcpy(vars, data, pkg->data_size);
    }
    for (uint64_t i = 0; r && i < pkg->ndata_relocs; i++) {
        const void *target = r[i].kind == DATA_UNIT ? rel_get(&r[i].target)
                                                    : vm->globals + vu->base + r[i].offset;
        memcpy(vars + r[i].at, &target, sizeof target);
    }
}

static VmUnit *unit_of(VmState *vm, const void *at)
{
    for (uint32_t i = 0; i < vm->nunits; i++) {
        const uint8_t *u = (const uint8_t *)vm->units[i].unit;
        if ((const uint8_t *)at >= u && (const uint8_t *)at < u + vm->units[i].unit->size) {
            return &vm->units[i];
        }
    }
    return NULL;
}

static bool visit(VmState *vm, const UnitPkg *pkg)
{
    VmUnit *vu = unit_of(vm, pkg);
    if (vu == NULL || vu->inited[pkg->index]) {
        return vu != NULL;
    }
    vu->inited[pkg->index] = 1;
    const RelPtr *imports = rel_get(&pkg->imports);
    for (uint32_t i = 0; i < pkg->nimports; i++) {
        if (!visit(vm, rel_get(&imports[i]))) {
            return false;
        }
    }
    copy_data(vm, vu, pkg);
    const Func *init = rel_get(&pkg->init);
    return init == NULL || todo_add(vm, init);
}

bool link_schedule_package(VmState *vm, const char *path)
{
    const VmUnit *vu;
    const Symbol *s = find_symbol(vm, hash64_more(HASH64_START, path, strlen(path)), SYM_PACKAGE,
                                  &vu);
    return s == NULL || visit(vm, rel_get(&s->target));
}

bool link_schedule(VmState *vm, const Unit *program, const Func *main)
{
    const UnitPkg *pkgs = program ? rel_get(&program->packages) : NULL;
    for (uint32_t i = 0; pkgs && i < program->npackages; i++) {
        if (!visit(vm, &pkgs[i])) {
            return false;
        }
    }
    return main == NULL || todo_add(vm, main);
}
