/* native.h - the native-call header: the one thing that stdlib/ needs besides runtime/.
 *
 * A function of a stdlib .gol file that has no body is bound to the C function registered under
 * its name. A native is no safepoint (D4): allocating in it neither stops nor scans its fiber, so
 * C locals may hold heap pointers until the native returns, parks or enters a blocking section.
 * It never blocks the thread except between sched_enter_blocking and sched_exit_blocking; after
 * sched_exit_blocking the P may be another one, and every Slot pointer must be taken anew
 * (native_frame). It never calls script code: what calls back is written in gol. Work over more
 * than 64 KB goes in pieces: keep progress in the argument slots and return NATIVE_AGAIN.
 *
 * Frame: fp[0 .. nres) results, fp[nres .. nres+nargs) arguments, in the layout of value.h.
 * Results are zeroed before the call. Everything read from the frame is untrusted as to relations
 * between cells (D8): check lengths and indices against the one cell that you loaded.
 */
#ifndef GOL_RUNTIME_NATIVE_H
#define GOL_RUNTIME_NATIVE_H

#include "runtime/value.h"

struct P;

typedef enum NativeStatus {
    NATIVE_OK,         /* results are in fp */
    NATIVE_AGAIN,      /* poll (preemption, collection, kill), then call me again, same frame */
    NATIVE_PARK,       /* the fiber is parked; when it is readied the call is complete */
    NATIVE_PARK_AGAIN, /* the fiber is parked; when it is readied call me again, same frame */
    NATIVE_PANIC,      /* a panic value was set with native_panic_* */
    NATIVE_YIELD,      /* complete, and the fiber goes to the end of the global queue */
    NATIVE_GOEXIT,     /* runtime.Goexit: run the deferred calls, end the goroutine */
    NATIVE_EXIT,       /* the VM ends (os.Exit); native_exit_code was set */
    NATIVE_CALL        /* native_call described a call; after it call me again, same frame */
} NativeStatus;

typedef NativeStatus (*NativeFn)(struct P *p, Slot *fp);

/* A native's definition: signature and doc stand at the code (gol doc and completion read them).
 *     NATIVE("strings", "IndexByte", "func(s string, c byte) int",
 *            "IndexByte returns ...", strings_index_byte)
 * Each stdlib .c file ends with one table  const NativeDef natives_strings[] = { ..., {0} };
 * and stdlib/natives.def lists the tables: NATIVES(strings). */
typedef struct NativeDef {
    const char *pkg;  /* import path */
    const char *name; /* "IndexByte", or "(*T).m" */
    const char *sig;
    const char *doc;
    NativeFn fn;
} NativeDef;

/* The frame of the native call that P's fiber is in. */
Slot *native_frame(struct P *p);

/* Set the panic value and return NATIVE_PANIC. _error makes a runtime.Error with Go's
 * "runtime error: " prefix, _plain a plain string-like runtime error without it ("close of closed
 * channel"), _value panics with any interface value. fmt is printf's. */
NativeStatus native_panic_error(struct P *p, const char *fmt, ...);
NativeStatus native_panic_plain(struct P *p, const char *fmt, ...);
NativeStatus native_panic_value(struct P *p, Iface v);

/* Ends the VM with a Go-style "fatal error: ..." and all goroutines' traces; never returns to the
 * script. The caller returns the status. */
NativeStatus native_fatal(struct P *p, const char *fmt, ...);

/* Returned by a native, calls fn (a func value, not nil) with nargs argument slots, which are copied
 * at once. When it has returned the native is called again; then native_results gives the callee's
 * result slots, good until the native's first allocation, poll or return, and NULL in all other
 * calls. A panic of fn goes on past the native. */
NativeStatus native_call(struct P *p, const void *fn, const Slot *args, uint32_t nargs);
const Slot *native_results(struct P *p);
/* Result and argument slots of a func value. */
void native_func_shape(const void *fn, uint32_t *nres, uint32_t *nargs);

/* A static func value that selects among cases (one case: a plain send or receive), which may park;
 * NULL without memory. Parameters: c1, v1, c2 ... with a v for each sending case; results: index
 * (-1: default), ok, then an r for each receiving case. */
typedef struct NativeCase {
    const struct RType *chan;
    bool send;
} NativeCase;
const void *native_func_select(struct P *p, const NativeCase *cases, uint32_t n, bool has_default);

/* The Func of closures (which the native makes: word 0 is this) that enter native fn with a frame
 * as a function of type t has; fn finds its closure by native_closure. NULL without memory. */
const void *native_func_enter(struct P *p, const struct RType *t, NativeFn fn);
const void *native_closure(struct P *p);

/* A string on the script heap with the bytes of s. On exhaustion the VM's fatal error is pending
 * and the empty string is returned. */
String native_string(struct P *p, const void *s, size_t n);

/* Strings and slices as they stand in a frame at slot s: one cell, two slots. */
static inline String slot_string(const Slot *s) { return (String){s[0].p, s[1].i}; }
static inline Slice slot_slice(const Slot *s)
{
    return (Slice){s[0].p, (uint32_t)s[1].u, (uint32_t)(s[1].u >> 32)};
}
static inline Iface slot_iface(const Slot *s) { return (Iface){s[0].p, s[1]}; }
static inline void slot_set_string(Slot *s, String v)
{
    s[0].p = (void *)v.ptr;
    s[1].i = v.len;
}
static inline void slot_set_slice(Slot *s, Slice v)
{
    s[0].p = v.ptr;
    s[1].u = v.len | (uint64_t)v.cap << 32;
}
static inline void slot_set_iface(Slot *s, Iface v)
{
    s[0].p = (void *)v.type;
    s[1] = v.word;
}

#endif
