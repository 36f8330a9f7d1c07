/* finalizer.h - what hangs on an object: finalizers, cleanups, weak handles.
 *
 * Semantics are runtime.SetFinalizer's, AddCleanup's and weak.Make's. When the sweep finds a
 * dead object with a finalizer it keeps it (and what it reaches) and queues the call; without one,
 * weak handles are cleared and cleanups queued. The VM gets hooks->finalizers_ready and takes the
 * calls with finalizer_take on a goroutine of its own.
 */
#ifndef GOL_RUNTIME_FINALIZER_H
#define GOL_RUNTIME_FINALIZER_H

#include "runtime/heap.h"

typedef enum FinalizerStatus {
    FINALIZER_OK,
    FINALIZER_NOT_HEAP,  /* the address is in no heap object (static data): nothing to do */
    FINALIZER_NOT_START, /* not the beginning of an object */
    FINALIZER_TWICE,     /* "runtime.SetFinalizer: finalizer already set" */
    FINALIZER_NO_MEMORY
} FinalizerStatus;

/* fn is a func value, arg_type the type of its parameter (for the VM's use). fn NULL removes. */
FinalizerStatus finalizer_set(struct P *p, void *obj, const void *fn, const RType *arg_type);
/* AddCleanup(ptr, fn, arg): arg is an interface so that any type fits. *id names it. ptr may be
 * interior. */
FinalizerStatus cleanup_add(struct P *p, void *ptr, const void *fn, Iface arg, uint64_t *id);
void cleanup_stop(struct P *p, void *ptr, uint64_t id);

/* weak.Make: a handle object on the heap (one per object), the same for equal pointers. Load gives
 * the object's address or NULL once it is dead. NULL without memory or for a foreign address. */
typedef struct WeakHandle {
    uintptr_t hidden; /* the address; 0 once dead. A scalar to the collector. */
} WeakHandle;
WeakHandle *weak_handle(struct P *p, void *ptr);
void *weak_get(struct P *p, const WeakHandle *h);

/* One call to make: fn(obj) with obj of type arg_type, or a cleanup's fn(arg). */
typedef struct FinalizerCall {
    const void *fn;
    const RType *arg_type;
    void *obj;
    Iface arg;
    bool cleanup;
} FinalizerCall;
/* Takes the next call off the queue. The caller keeps what is in *call alive (frame slots). */
bool finalizer_take(struct P *p, FinalizerCall *call);

#endif
