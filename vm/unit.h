/* unit.h - the sealed program: what leaves the compiler and what the VM runs.
 *
 * A unit is one contiguous, position-independent block: Unit header, Funcs with their code, type
 * descriptors, strings, tables. References inside are self-relative; references to other units
 * are Relocs that the loader resolves by symbol (vm/link.c). The std image is one such unit with
 * nothing left to resolve, linked read-only into libgol and shared by all VMs. User code of one
 * compilation (all its packages) is one unit.
 *
 * Package variables live in the VM's globals area: the loader gives each unit a base; GLOBAL
 * operands hold unit-relative offsets + base, patched through RELOC_GLOBAL_BASE (the image's base
 * is 0, so the image needs none).
 */
#ifndef GOL_VM_UNIT_H
#define GOL_VM_UNIT_H

#include "runtime/rtype.h"

/* One instruction; some are followed by ext words (see vm/opcodes.def). */
typedef struct Insn {
    uint16_t op, a, b, c;
} Insn;
_Static_assert(sizeof(Insn) == 8, "an instruction is one word");

/* pc range in which a frame slot holds pointers; kinds as in gcmap. Sorted by slot, then from.
 * Only pointer-bearing slots have records: GCW_PTR alone, or GCW_IFACE_TYPE followed by a record
 * GCW_IFACE_WORD for slot+1. Liveness (vm/stackmap.c) tells which of them are initialised. */
typedef struct SlotKind {
    uint32_t from, to; /* code words, [from, to) */
    uint16_t slot;
    uint16_t kind;     /* GCW_* */
} SlotKind;

typedef struct LineEntry {
    uint32_t pc;   /* first code word with this position */
    uint32_t line;
    uint16_t file; /* index in Unit.files, and LINE_UNSIGNED */
    uint16_t col;
} LineEntry;

/* In LineEntry.file: the index that fails here is unsigned (the panic's text says which one). */
enum { LINE_UNSIGNED = 0x8000 };

enum {
    FN_HAS_DEFER = 1, FN_NATIVE_STUB = 2, FN_WRAPPER = 4 /* method wrapper: not in tracebacks,
        transparent to recover */, FN_CLOSURE = 8, FN_VARIADIC = 16, FN_INIT = 32,
    FN_DYNAMIC = 64, /* made at run time (vm/dynfunc.c): no unit */
    FN_VALUE_METHOD = 128 /* wrapper "(*p.T).M" of a value method: what is nil there is its receiver */
};

/* A function. Its code follows the struct directly. A static func value is a pointer to its Func:
 * `closure_fn` is NULL, which tells it from a Closure.
 * Frame (see HACKING.md): fp[0 .. nres) results, fp[nres .. nres+nargs) parameters (receiver
 * first), then locals and temporaries; fp[-1] return pc, fp[-2] the func value called. */
typedef struct Func {
    const struct Func *closure_fn; /* always NULL */
    uint32_t ncode;     /* code words */
    uint32_t frame;     /* slots from fp[0], outgoing windows' two header slots included */
    uint16_t nres, nargs; /* slots */
    uint16_t flags;     /* FN_* */
    uint16_t nfile;     /* file of the declaration, index in Unit.files */
    uint32_t line;      /* line of the declaration */
    uint32_t nkinds, nlines;
    uint32_t serial;    /* dense number in its unit: indexes per-VM side tables (stack maps) */
    RelPtr unit;        /* Unit */
    RelPtr name;        /* RName: "main.f", "main.(*T).M", "main.f.func1", as Go's tracebacks */
    RelPtr kinds;       /* SlotKind[nkinds] */
    RelPtr lines;       /* LineEntry[nlines], by pc */
    RelPtr type;        /* RType of the func, or NULL for wrappers */
    uint32_t epilogue;  /* FN_HAS_DEFER: the code word after RETD, where a frame goes on when its
                           deferred calls have run, also after a recovered panic: it reloads boxed
                           results and returns. What is live there is live in the whole function */
    uint32_t reserved;
} Func;

static inline const Insn *func_code(const Func *f) { return (const Insn *)(f + 1); }

/* A closure on the heap: its RType has kind RK_CLOSURE. Captures follow at offset 8 (16 where the
 * first needs 16-alignment: offsets are the code generator's). */
typedef struct Closure {
    const Func *fn; /* never NULL */
    Slot captures[];
} Closure;

/* The Func behind a non-nil func value. */
static inline const Func *funcval_fn(const void *v)
{
    const Func *f = __atomic_load_n((const Func *const *)v, __ATOMIC_RELAXED);
    return f ? f : v;
}

typedef enum SymKind { SYM_FUNC, SYM_TYPE, SYM_GLOBAL, SYM_PACKAGE } SymKind;

/* Sorted by (hash, kind). Names: funcs and globals "fmt.Println", "time.(*Timer).Stop";
 * types: hash is RType.hash[0] and value points at the RType. Packages: the path. */
typedef struct Symbol {
    uint64_t hash;  /* hash64 of the name, or RType.hash[0] */
    uint32_t kind;  /* SymKind */
    uint32_t reserved;
    RelPtr name;    /* RName; for types their str */
    RelPtr target;  /* Func, RType or UnitPkg; NULL for globals */
    uint64_t offset; /* globals: offset in the unit's globals */
} Symbol;

enum { RELOC_FUNC = 1, RELOC_TYPE, RELOC_GLOBAL, RELOC_GLOBAL_BASE, RELOC_PACKAGE };

/* FUNC, TYPE: *(int64_t *)at becomes self-relative to the symbol. GLOBAL: the global's VM-wide offset is
 * added to the 64-bit word. GLOBAL_BASE: the unit's own base is added to the word. */
typedef struct Reloc {
    uint64_t at;    /* offset of the word in the unit */
    uint32_t kind;  /* RELOC_* */
    uint32_t reserved;
    uint64_t hash, hash2; /* symbol hash; types: both identity words */
    RelPtr name;    /* RName, for the error message */
} Reloc;

/* Static data of a package: copied into its globals when the package is initialised, then each
 * DataReloc's word is made absolute. */
typedef struct DataReloc {
    uint32_t at;     /* offset in the package's globals */
    uint32_t kind;   /* DATA_UNIT: target points into the unit; DATA_GLOBAL: into the globals */
    RelPtr target;   /* DATA_UNIT */
    uint64_t offset; /* DATA_GLOBAL: unit-relative globals offset */
} DataReloc;
enum { DATA_UNIT = 1, DATA_GLOBAL };

/* A package in a unit. */
typedef struct UnitPkg {
    RelPtr path, name;  /* RName */
    RelPtr imports;     /* RelPtr[nimports] to UnitPkg (relocated when in another unit) */
    uint32_t nimports;
    uint32_t index;     /* number in its unit */
    RelPtr init;        /* Func that runs variable initialisers and init()s, or NULL */
    uint64_t globals;   /* unit-relative offset of its variables */
    uint64_t globals_size;
    RelPtr globals_type; /* RType of kind struct with the GC map of the variables, or NULL */
    RelPtr data;        /* template for the first data_size bytes of the variables, or NULL */
    uint64_t data_size;
    RelPtr data_relocs;
    uint64_t ndata_relocs;
    RelPtr export_text; /* RName: declarations for importers (lang/export.c), image only */
    RelPtr doc_text;    /* RName: declarations for people (lang/doctext.c), image only */
} UnitPkg;

#define UNIT_MAGIC 0x31304c4f47ull /* "GOL01" */

/* Unit.flags */
enum { UNIT_UNSAFE = 1 }; /* a package of it imports unsafe: loaded where that is permitted */

typedef struct Unit {
    uint64_t magic;
    uint64_t size;         /* bytes of the whole block */
    uint64_t abi;          /* op_abi(): the loader refuses what differs */
    uint64_t flags;        /* UNIT_* */
    uint64_t serial;       /* given by the loader */
    uint64_t globals_base; /* given by the loader; 0 in the image */
    uint64_t globals_size;
    uint32_t npackages, nsymbols, nrelocs, nfiles, nfuncs, ntypes;
    RelPtr packages; /* UnitPkg[npackages], dependencies first */
    RelPtr symbols;  /* Symbol[nsymbols] */
    RelPtr relocs;   /* Reloc[nrelocs] */
    RelPtr files;    /* RelPtr[nfiles] to RName: paths as given */
    RelPtr types;    /* RelPtr[ntypes] to RType: the loader numbers them */
    RelPtr funcs;    /* RelPtr[nfuncs] to Func */
    RelPtr natives;  /* RelPtr[nnatives] to RName: names bound by the loader, "strings.IndexByte" */
    uint64_t nnatives;
    RelPtr main;     /* Func of main.main, or NULL */
} Unit;

#endif
