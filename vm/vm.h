/* vm.h - one VM as vm/ sees it: what hangs from GolVM.vmdata and P.vmdata, and its life.
 *
 * VmState is written while units are loaded (no fiber runs, or the world is stopped) and read by
 * all Ps; the stack-map tables guard themselves (stackmap.c). VmP belongs to whoever runs the P.
 */
#ifndef GOL_VM_VM_H
#define GOL_VM_VM_H

#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/vmstate.h"
#include "vm/unit.h"

struct StackMaps;
struct Defer;
struct Panic;

/* Types of run-time errors in the std image, found by name at the first panic. */
typedef struct PanicTypes {
    bool looked;
    const RType *error_string;    /* runtime.errorString: a string */
    const RType *plain_error;     /* runtime.plainError: a string */
    const RType *assertion_error; /* *runtime.TypeAssertionError */
    const RType *nil_error;       /* *runtime.PanicNilError */
    const RType *string;          /* the fallback: a plain string */
} PanicTypes;

typedef struct VmUnit {
    Unit *unit;
    uint64_t base;                /* of its globals */
    uint32_t native_base;         /* number of its first native */
    bool owned;                   /* freed with the VM */
    uint8_t *inited;              /* per package */
    struct StackMaps *maps;       /* by Func.serial */
} VmUnit;

typedef struct VmConfig {
    uint32_t nprocs;              /* 0: GOMAXPROCS or the cores */
    uint64_t stack_max;           /* bytes a goroutine's stack may take; 0: default */
    uint64_t heap_max;            /* bytes; 0: no limit */
    uint64_t steps_max;           /* back edges, calls, channel operations; 0: no limit */
    uint64_t fibers_max;          /* goroutines at a time; 0: no limit */
    bool allow_unsafe;            /* units may import unsafe */
    ChoiceMode sched;             /* EXACT: replay, needs nprocs 1 */
    uint64_t sched_seed;
    Unit *image;                  /* std image, shared and fully linked; NULL: none */
} VmConfig;

enum { FIBER_F_YIELDED = FIBER_F_USER }; /* Fiber.flags: interp_choice.c */

typedef struct VmState {
    GolVM *gol;
    HeapHooks heap_hooks;         /* vmheap's, with our fatal */
    VmUnit *units;
    uint32_t nunits, cap_units;
    bool allow_unsafe;
    uint8_t *globals;             /* reserved address range; never moves */
    size_t globals_used, globals_cap;
    NativeFn *natives;            /* by number: NATIVE's ext after linking */
    void **native_ctx;            /* by number: what find_native gave with the function, or NULL */
    uint32_t nnatives, cap_natives;
    /* The embedder's natives; asked after the library's. NULL, or NULL from it: none */
    NativeFn (*find_native)(GolVM *vm, const char *name, size_t len, void **ctx);
    const RType *iter_type;       /* a MapIter on the heap */
    PanicTypes types;
    SpinLock types_lock;
    const Func **todo;            /* what the main fiber runs, in order */
    uint32_t ntodo, cap_todo, done;
    const struct Dispatch *dispatch; /* set when the VM begins to run */
    uint64_t steps_max;
    _Atomic int64_t steps_left;   /* not yet in a P's budget; any P takes portions */
    uint64_t stack_max;
    _Atomic uint32_t dying;       /* a panic is being printed by one fiber: 1 */
    struct DynFuncs *dyn_funcs;   /* dynfunc.c; under its lock */
} VmState;

typedef struct VmP {
    uint8_t *globals;             /* VmState.globals */
    NativeFn *natives;
    Iface panic;                  /* value of the panic about to be raised */
    bool panic_nil_deref;         /* it is a nil dereference: the signal line is printed */
    uint32_t native_status;       /* NativeStatus on the way to cold_native */
    const char *lock_fatal;       /* what an unlock did wrong, on the way to cold_lock_fatal */
    int32_t lock_count;           /* readers, on the way to slow_runlock */
    int64_t budget;               /* steps until the next portion (interp_count.c) */
    char *fatal;                  /* fatal error to report at the next safepoint; malloc'd */
    struct Defer *free_defers;
    uint32_t nfree_defers;
    struct {
        const void *fn;           /* what native_call asked for */
        Slot *args;               /* malloc'd; freed when they stand in the window */
        uint32_t nargs;
        const Slot *results;      /* while the native is called again: the callee's results */
    } call;
} VmP;

static inline VmState *vm_state(GolVM *vm) { return vm->vmdata; }
static inline VmP *vm_p(P *p) { return p->vmdata; }

/* A VM with heap and scheduler and the image loaded. NULL with a message in err. */
VmState *vm_new(const VmConfig *config, char *err, size_t nerr);
/* Frees everything; no fiber runs. Units that vm_load took are freed too. */
void vm_free(VmState *vm);

/* Links a unit into the VM (link.c). False with a message ("undefined: fmt.Foo"). On success the
 * unit (malloc'd) is the VM's, which frees it. */
bool vm_load(VmState *vm, Unit *u, char *err, size_t nerr);

/* Runs package initialisers that have not run yet, then main.main, on the calling thread; gives the
 * exit status. Once per VM: the scheduler ends with the program. */
int vm_run(VmState *vm, Unit *program);
/* Chooses the dispatch table: once, before anything runs that vm_run does not run. */
void vm_begin(VmState *vm);
/* Runs one function without parameters instead of a program (tests, tools). */
int vm_run_func(VmState *vm, const Func *f);

/* natives.c: the C function behind "strings.IndexByte", NULL if there is none. */
NativeFn natives_find(const char *name, size_t len);

/* stackmap.c */
typedef struct StackMap {
    uint32_t n;
    struct {
        uint16_t slot, kind; /* GCW_PTR, or GCW_IFACE_TYPE for a pair */
    } e[];
} StackMap;
/* The pointer slots that are live before the instruction at pc; lasts as long as the VM. */
const StackMap *stackmap_get(VmState *vm, const Func *f, const Insn *pc);
struct StackMaps *stackmap_new(uint32_t nfuncs);
void stackmap_free(struct StackMaps *maps, const Unit *u);
void stackmap_free_one(struct StackMaps *maps, const Func *f); /* made for one dynamic function */

/* roots.c: hooks of the collector. */
void roots_fiber(Fiber *f, struct Marker *m);
uint32_t roots_count_globals(GolVM *vm);
void roots_globals(GolVM *vm, struct Marker *m, uint32_t piece);

/* dis.c: the unit's functions as text, source lines beside (source may be NULL). filter: only
 * functions whose name contains it. */
void dis_unit(const Unit *u, const char *filter, Sink *out);
void dis_func(const Func *f, Sink *out);

#endif
