/* dynfunc.c - functions made at run time, and calls that natives ask for.
 *
 * Package reflect calls functions, sends and receives with types that only the running program
 * knows. A native neither runs script code nor parks with values of unknown shape in its frame, so
 * it returns NATIVE_CALL: the VM enters the function above the native's frame and runs the native
 * again when it has returned (NATIVE_RET, interp_call.c). For channel operations the function is
 * made here: a few instructions with exact pointer records, so that parking and the collector need
 * nothing special. The Func of reflect.MakeFunc's closures is made here too; its code is one
 * NATIVE instruction.
 *
 * Functions are found again by key (what they do and for which types) and live as long as the VM.
 * One lock for all VMs guards the lists; the stack-map table of each guards itself.
 */
#include "vm/dynfunc.h"

#include "runtime/rtypes.h"
#include "vm/op.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct DynFunc {
    struct DynFunc *next;
    void *key;
    size_t key_size;
    struct StackMaps *maps;
    uint64_t align;
    Func f; /* its code, then its records follow */
} DynFunc;

typedef struct DynFuncs {
    DynFunc *first;
} DynFuncs;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

enum { KEY_SELECT = 1, KEY_ENTER, MAX_SLOTS = 60000, MAX_CASES = 2000 };

/* What is being made. */
typedef struct Maker {
    Insn *code;
    uint32_t ncode;
    SlotKind *kinds;
    uint32_t nkinds, slot, nres;
    bool failed;
} Maker;

static const RName unknown_name = {0};

struct StackMaps *dynfunc_maps(const Func *f)
{
    const char *at = (const char *)f - offsetof(DynFunc, f);
    return ((const DynFunc *)(const void *)at)->maps;
}

void dynfunc_free(struct DynFuncs *d)
{
    for (DynFunc *f = d ? d->first : NULL, *next; f; f = next) {
        next = f->next;
        stackmap_free_one(f->maps, &f->f);
        free(f->key);
        free(f);
    }
    free(d);
}

/* --- making --- */

/* Gives a value of type t its slots; returns the first. */
static uint16_t add_value(Maker *m, const RType *t)
{
    uint32_t at = m->slot;
    if (slots_for(t->size) > MAX_SLOTS || at + slots_for(t->size) > MAX_SLOTS) {
        m->failed = true;
        return 0;
    }
    m->slot += slots_for(t->size);
    SlotKind *k = realloc(m->kinds, (m->nkinds + t->gc_words + 1) * sizeof *k);
    if (k == NULL) {
        m->failed = true;
        return 0;
    }
    m->kinds = k;
    if (t->size >= HUGE_SIZE) {
        k[m->nkinds++] = (SlotKind){.slot = (uint16_t)at, .kind = GCW_PTR};
        return (uint16_t)at;
    }
    for (uint32_t i = 0; i < t->gc_words; i++) {
        unsigned kind = rtype_word_kind(t, i);
        if (kind != GCW_SCALAR) {
            k[m->nkinds++] = (SlotKind){.slot = (uint16_t)(at + i), .kind = (uint16_t)kind};
        }
    }
    return (uint16_t)at;
}

static uint16_t add_scalar(Maker *m) { return (uint16_t)m->slot++; }

static bool add_code(Maker *m, uint32_t words)
{
    m->code = calloc(words, sizeof *m->code);
    m->ncode = words;
    m->failed |= m->code == NULL;
    return !m->failed;
}

static void put_word(Insn *at, int64_t v) { memcpy(at, &v, sizeof v); }

static DynFunc *seal(Maker *m, const void *key, size_t key_size, const RType *type, uint32_t nargs)
{
    DynFunc *d = m->failed ? NULL
                           : calloc(1, sizeof *d + m->ncode * sizeof(Insn) +
                                           m->nkinds * sizeof(SlotKind));
    void *copy = malloc(key_size);
    struct StackMaps *maps = stackmap_new(1);
    if (d == NULL || copy == NULL || maps == NULL) {
        free(d);
        free(copy);
        free(maps);
        return NULL;
    }
    Func *f = &d->f;
    Insn *code = (Insn *)(void *)(f + 1);
    SlotKind *kinds = (SlotKind *)(void *)(code + m->ncode);
    memcpy(code, m->code, m->ncode * sizeof *code);
    for (uint32_t i = 0; i < m->nkinds; i++) {
        kinds[i] = m->kinds[i];
        kinds[i].to = m->ncode;
    }
    f->ncode = m->ncode;
    f->frame = m->slot + 2;
    f->nres = (uint16_t)m->nres;
    f->nargs = (uint16_t)nargs;
    f->flags = FN_DYNAMIC | FN_WRAPPER;
    f->nkinds = m->nkinds;
    f->kinds.off = m->nkinds ? (const char *)kinds - (const char *)&f->kinds : 0;
    f->name.off = (int64_t)((uintptr_t)&unknown_name - (uintptr_t)&f->name);
    f->type.off = type ? (int64_t)((uintptr_t)type - (uintptr_t)&f->type) : 0;
    d->key = memcpy(copy, key, key_size);
    d->key_size = key_size;
    d->maps = maps;
    return d;
}

typedef bool Make(P *p, Maker *m, const void *key, size_t key_size);

/* The function with this key, made if it is the first time. */
static const void *find_or_make(P *p, const void *key, size_t key_size, const RType *type,
                                Make *make)
{
    VmState *vm = vm_state(p->vm);
    pthread_mutex_lock(&lock);
    if (vm->dyn_funcs == NULL) {
        vm->dyn_funcs = calloc(1, sizeof(DynFuncs));
    }
    DynFunc *d = vm->dyn_funcs ? vm->dyn_funcs->first : NULL;
    while (d && (d->key_size != key_size || memcmp(d->key, key, key_size) != 0)) {
        d = d->next;
    }
    if (d == NULL && vm->dyn_funcs != NULL) {
        Maker m = {0};
        if (make(p, &m, key, key_size)) {
            d = seal(&m, key, key_size, type, m.slot - m.nres);
        }
        if (d != NULL) {
            d->next = vm->dyn_funcs->first;
            vm->dyn_funcs->first = d;
        }
        free(m.code);
        free(m.kinds);
    }
    pthread_mutex_unlock(&lock);
    return d ? &d->f : NULL;
}

/* --- channel operations --- */

/* The key: one word {KEY_SELECT, has_default}, then a NativeCase (its padding zero) each. */
typedef struct SelectKey {
    uint64_t what, has_default;
    NativeCase cases[];
} SelectKey;

static bool make_select(P *p, Maker *m, const void *key, size_t key_size)
{
    const SelectKey *k = key;
    uint32_t n = (uint32_t)((key_size - sizeof *k) / sizeof *k->cases);
    CaseWord *words = calloc(n + 1, sizeof *words);
    if (words == NULL) {
        return false;
    }
    uint16_t index = add_scalar(m);
    add_scalar(m);
    for (uint32_t i = 0; i < n; i++) {
        if (!k->cases[i].send) {
            words[i].value = add_value(m, rtype_elem(k->cases[i].chan));
        }
    }
    m->nres = m->slot;
    for (uint32_t i = 0; i < n; i++) {
        words[i].send = k->cases[i].send;
        words[i].nslots = (uint16_t)slots_for(rtype_elem(k->cases[i].chan)->size);
        words[i].chan = add_value(m, k->cases[i].chan);
        if (words[i].send) {
            words[i].value = add_value(m, rtype_elem(k->cases[i].chan));
        }
    }
    if (add_code(m, n + 2)) {
        m->code[0] = (Insn){OP_SELECT, index, k->has_default ? 1 : 0, (uint16_t)n};
        memcpy(m->code + 1, words, n * sizeof *words);
        m->code[n + 1] = (Insn){OP_RET, 0, 0, 0};
    }
    free(words);
    return !m->failed;
}

const void *native_func_select(struct P *p, const NativeCase *cases, uint32_t n, bool has_default)
{
    size_t size = sizeof(SelectKey) + n * sizeof *cases;
    SelectKey *key = n <= MAX_CASES ? calloc(1, size) : NULL;
    if (key == NULL) {
        return NULL;
    }
    key->what = KEY_SELECT;
    key->has_default = has_default;
    for (uint32_t i = 0; i < n; i++) {
        key->cases[i].chan = cases[i].chan;
        key->cases[i].send = cases[i].send;
    }
    const void *fn = find_or_make(p, key, size, NULL, make_select);
    free(key);
    return fn;
}

/* --- functions behind closures that a native makes --- */

typedef struct EnterKey {
    uint64_t what;
    const RType *type;
    NativeFn fn;
} EnterKey;

static bool make_enter(P *p, Maker *m, const void *key, size_t key_size)
{
    const EnterKey *k = key;
    const VmState *vm = vm_state(p->vm);
    uint32_t nin = (uint32_t)k->type->count, nout = k->type->nout, native = 0;
    while (native < vm->nnatives && vm->natives[native] != k->fn) {
        native++;
    }
    for (uint32_t i = 0; i < nout; i++) {
        add_value(m, rtype_param(k->type, nin + i));
    }
    m->nres = m->slot;
    for (uint32_t i = 0; i < nin; i++) {
        add_value(m, rtype_param(k->type, i));
    }
    if (native == vm->nnatives || !add_code(m, 2)) {
        return false;
    }
    m->code[0] = (Insn){OP_NATIVE, 0, 0, 0};
    put_word(m->code + 1, native);
    return true;
}

const void *native_func_enter(struct P *p, const struct RType *t, NativeFn fn)
{
    EnterKey key = {KEY_ENTER, t, fn};
    return find_or_make(p, &key, sizeof key, t, make_enter);
}

const void *native_closure(struct P *p) { return native_frame(p)[-2].p; }

/* --- calls --- */

NativeStatus native_call(struct P *p, const void *fn, const Slot *args, uint32_t nargs)
{
    VmP *vp = vm_p(p);
    Slot *copy = malloc((nargs + 1) * sizeof *copy);
    if (copy == NULL) {
        return native_panic_plain(p, "out of memory for a call's arguments");
    }
    assert(fn != NULL && funcval_fn(fn)->nargs == nargs);
    if (nargs) {
        memcpy(copy, args, nargs * sizeof *copy);
    }
    vp->call.fn = fn;
    vp->call.args = copy;
    vp->call.nargs = nargs;
    return NATIVE_CALL;
}

const Slot *native_results(struct P *p) { return vm_p(p)->call.results; }

void native_func_shape(const void *fn, uint32_t *nres, uint32_t *nargs)
{
    *nres = funcval_fn(fn)->nres;
    *nargs = funcval_fn(fn)->nargs;
}
