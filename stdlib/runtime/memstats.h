/* memstats.h - the order of the figures that runtime.ReadMemStats gets; runtime.gol has the same
 * list (memAlloc ...). */
#ifndef GOL_STDLIB_RUNTIME_MEMSTATS_H
#define GOL_STDLIB_RUNTIME_MEMSTATS_H

#include <stdint.h>

struct P;

enum {
    MEM_ALLOC, MEM_TOTAL_ALLOC, MEM_SYS, MEM_MALLOCS, MEM_FREES, MEM_HEAP_SYS, MEM_HEAP_IDLE,
    MEM_HEAP_INUSE, MEM_HEAP_RELEASED, MEM_HEAP_OBJECTS, MEM_STACK_INUSE, MEM_SPAN_INUSE,
    MEM_CACHE_INUSE, MEM_GC_SYS, MEM_NEXT_GC, MEM_LAST_GC, MEM_PAUSE_TOTAL, MEM_NUM_GC,
    MEM_NUM_FORCED, MEM_PAUSES, MEM_COUNT = MEM_PAUSES + 512
};

/* Writes MEM_COUNT figures. */
void memstats_fill(struct P *p, uint64_t *out);

#endif
