/* test_heap.c - size classes, allocation, marking, sweeping, finalizers, limits, threads. */
#include "heapshim.h"

#include "runtime/pages.h"
#include "runtime/span.h"

#include <pthread.h>

typedef struct Node {
    struct Node *next;
    uint64_t value;
    struct Node *other;
    uint64_t pad;
} Node;

static RType *node_type;

static void test_classes(void)
{
    for (size_t n = 1; n <= HEAP_SMALL_MAX; n++) {
        unsigned c = heap_class(n);
        size_t size = heap_class_size[c];
        CHECK(c < HEAP_CLASSES && size >= n && (c == 0 || heap_class_size[c - 1] < n));
        CHECK(n <= 128 || (size - n) * 8 <= size);
        CHECK(size == 8 || size % 16 == 0);
    }
    for (unsigned c = 0; c < HEAP_CLASSES; c++) {
        uint32_t size = heap_class_size[c], bytes = span_pages_for(c) * HEAP_PAGE;
        uint32_t magic = (uint32_t)((0xffffffffull + size) / size);
        CHECK(bytes <= 1 << 17 && bytes % size * 8 <= bytes);
        for (uint32_t off = 0; off < bytes; off++) {
            CHECK((uint32_t)((uint64_t)off * magic >> 32) == off / size);
        }
    }
}

static Node *make_list(unsigned n)
{
    Node *head = NULL;
    for (unsigned i = 0; i < n; i++) {
        Node *x = heap_alloc(P0, node_type, 1);
        CHECK(x && !x->next && !x->value && !x->other && !x->pad);
        CHECK(((uintptr_t)x & 15) == 0);
        heap_store_ptr(P0, &x->next, head);
        x->value = i;
        head = x;
    }
    return head;
}

static unsigned walk_count;
static void count_object(HeapObject o, void *ctx) { walk_count++; }

static void test_collect(void)
{
    shim_open();
    test_roots[0] = make_list(10000);
    make_list(50000);
    HeapStats s;
    heap_stats(&test_heap, &s);
    CHECK(s.live_objects == 60000 && s.live_bytes == 60000 * 32);
    gc_run(P0, true);
    heap_stats(&test_heap, &s);
    CHECK(s.live_objects == 10000 && s.marked_objects == 10000 && s.num_gc == 1);
    CHECK(s.span_bytes <= 10000 * 32 * 5 / 4 + 65536);
    unsigned n = 0;
    for (Node *x = test_roots[0]; x; x = x->next) {
        CHECK(x->value == 9999 - n);
        HeapObject o = heap_find(&x->pad);
        CHECK(o.base == x && o.type == node_type && o.size == 32 && o.heap == &test_heap);
        n++;
    }
    CHECK(n == 10000);
    walk_count = 0;
    heap_walk(&test_heap, count_object, NULL);
    CHECK(walk_count == 10000);
    /* many generations with holes, interior roots, poisoned garbage */
    test_heap.clobber = true;
    for (unsigned round = 0; round < 30; round++) {
        Node *keep = make_list(1000 + round);
        test_roots[1 + round % 8] = &keep->other;
        for (Node *x = keep; x; x = x->next) {
            if (x->value % 3 == 0 && x->next) {
                heap_store_ptr(P0, &x->next, x->next->next);
            }
        }
        gc_run(P0, round % 2);
        CHECK(keep->value == 999 + round);
    }
    test_heap.clobber = false;
    memset(test_roots, 0, sizeof(test_roots));
    gc_run(P0, true);
    heap_stats(&test_heap, &s);
    CHECK(s.live_objects == 0 && s.live_bytes == 0 && s.span_bytes == 0);
    shim_close();
}

static void test_large(void)
{
    shim_open();
    RType *p1 = shim_type(RK_POINTER, 8, 8, "1", 0);
    void **array = heap_alloc(P0, p1, 100000);
    test_roots[0] = array + 5000;
    for (unsigned i = 0; i < 100000; i++) {
        CHECK(array[i] == NULL);
        heap_store_ptr(P0, &array[i], heap_alloc(P0, p1, 1));
    }
    for (unsigned i = 0; i < 100; i++) {
        uint8_t *b = heap_alloc_noscan(P0, 1 << 20);
        CHECK(b && b[0] == 0 && b[(1 << 20) - 1] == 0);
        memset(b, 0xff, 1 << 20);
        shim_poll();
    }
    CHECK(test_requests > 5);
    gc_run(P0, true);
    HeapStats s;
    heap_stats(&test_heap, &s);
    CHECK(s.live_objects == 100001);
    CHECK(heap_find(array + 99999).base == array);
    CHECK(heap_alloc_noscan(P0, 0) == heap_zero_base);
    CHECK(test_fatals == 0 && heap_alloc(P0, p1, SIZE_MAX / 4) == NULL && test_fatals == 1);
    memset(test_roots, 0, sizeof(test_roots));
    shim_close();
}

static void test_kinds(void)
{
    shim_open();
    RType *any = shim_any(), *num = shim_int(), *str = shim_string();
    RType *ptr = shim_type(RK_POINTER, 8, 8, "1", RT_DIRECT | RT_HAS_WORD_PTR);
    /* iface cells: number that looks like an address, pointer, boxed string */
    uint8_t *cells = heap_alloc(P0, any, 3);
    test_roots[0] = cells;
    void *lost = heap_alloc(P0, ptr, 1), *kept = heap_alloc(P0, ptr, 1);
    String *boxed = heap_alloc(P0, str, 1);
    cell_store(boxed, cell_of_string(string_new(P0, "hello", 5)));
    heap_store_iface(P0, cells, cell_make((uintptr_t)num, (uintptr_t)lost));
    heap_store_iface(P0, cells + 16, cell_make((uintptr_t)ptr, (uintptr_t)kept));
    heap_store_iface(P0, cells + 32, cell_make((uintptr_t)str, (uintptr_t)boxed));
    gc_run(P0, true);
    HeapStats s;
    heap_stats(&test_heap, &s);
    CHECK(s.live_objects == 4); /* cells, kept, boxed, its bytes; not lost */
    /* typed copies with overlap */
    uint8_t *a = heap_alloc(P0, str, 10);
    for (unsigned i = 0; i < 10; i++) {
        cell_store(a + 16 * i, cell_make(0, i));
    }
    heap_copy(P0, a + 16, a, str, 9);
    for (unsigned i = 1; i < 10; i++) {
        CHECK(cell_load(a + 16 * i)[1] == i - 1);
    }
    heap_copy(P0, a, a + 16, str, 9);
    for (unsigned i = 0; i < 9; i++) {
        CHECK(cell_load(a + 16 * i)[1] == i);
    }
    memset(test_roots, 0, sizeof(test_roots));
    shim_close();
}

static void test_finalizers(void)
{
    shim_open();
    FinalizerCall call;
    Node *outer = heap_alloc(P0, node_type, 1), *inner = heap_alloc(P0, node_type, 1);
    heap_store_ptr(P0, &outer->next, inner);
    static int fn;
    CHECK(finalizer_set(P0, outer, &fn, node_type) == FINALIZER_OK);
    CHECK(finalizer_set(P0, outer, &fn, node_type) == FINALIZER_TWICE);
    CHECK(finalizer_set(P0, &outer->value, &fn, node_type) == FINALIZER_NOT_START);
    CHECK(finalizer_set(P0, &fn, &fn, node_type) == FINALIZER_NOT_HEAP);
    CHECK(finalizer_set(P0, inner, &fn, NULL) == FINALIZER_OK);
    WeakHandle *w = weak_handle(P0, outer);
    CHECK(w && weak_handle(P0, outer) == w && weak_get(P0, w) == outer);
    test_roots[0] = outer;
    test_roots[1] = w;
    gc_run(P0, true);
    CHECK(test_ready == 0 && weak_get(P0, w) == outer);
    test_roots[0] = NULL;
    gc_run(P0, true);
    CHECK(test_ready == 1 && weak_get(P0, w) == NULL);
    CHECK(finalizer_take(P0, &call) && call.obj == outer && call.fn == &fn && !call.cleanup);
    CHECK(!finalizer_take(P0, &call));
    CHECK(outer->next == inner);
    gc_run(P0, true);
    CHECK(finalizer_take(P0, &call) && call.obj == inner);
    gc_run(P0, true);
    HeapStats s;
    heap_stats(&test_heap, &s);
    CHECK(s.live_objects == 1); /* the handle */
    uint64_t id, id2;
    Node *c = heap_alloc(P0, node_type, 1);
    CHECK(cleanup_add(P0, &c->value, &fn, (Iface){0}, &id) == FINALIZER_OK);
    CHECK(cleanup_add(P0, c, &fn, (Iface){0}, &id2) == FINALIZER_OK);
    cleanup_stop(P0, c, id);
    gc_run(P0, true);
    CHECK(finalizer_take(P0, &call) && call.cleanup && !finalizer_take(P0, &call));
    memset(test_roots, 0, sizeof(test_roots));
    finalizer_set(P0, heap_alloc(P0, node_type, 1), &fn, NULL);
    shim_close();
}

static void test_limits(void)
{
    shim_open();
    int64_t v;
    CHECK(heap_parse_gogc("off", &v) && v == -1 && heap_parse_gogc("50", &v) && v == 50);
    CHECK(!heap_parse_gogc("x", &v) && heap_parse_limit("64MiB", &v) && v == 64 << 20);
    CHECK(!heap_parse_limit("64MB", &v));
    test_heap.hard_limit = 8 << 20;
    test_fatals = 0;
    for (unsigned i = 0; i < 1000; i++) { /* garbage is no reason to die */
        CHECK(heap_alloc_noscan(P0, 1 << 20));
        shim_poll();
    }
    CHECK(test_fatals == 0);
    Node *list = NULL;
    while (test_fatals == 0) {
        Node *x = heap_alloc(P0, node_type, 1);
        if (!x) {
            break;
        }
        heap_store_ptr(P0, &x->next, list);
        test_roots[0] = list = x;
        shim_poll();
    }
    HeapStats s;
    heap_stats(&test_heap, &s);
    CHECK(test_fatals == 1 && s.span_bytes < 12 << 20);
    memset(test_roots, 0, sizeof(test_roots));
    shim_close();
    shim_open();
    test_heap.stress = 10;
    heap_cache(P0)->stress_left = 10;
    test_requests = 0;
    for (unsigned i = 0; i < 1000; i++) {
        make_list(1);
        shim_poll();
    }
    CHECK(test_requests >= 90 && test_requests <= 110);
    shim_close();
}

typedef struct Worker {
    HeapCache cache;
    pthread_t thread;
    unsigned seed;
} Worker;

static void *work(void *arg)
{
    Worker *w = arg;
    struct P *p = (struct P *)(void *)w;
    for (unsigned i = 0; i < 200000; i++) {
        w->seed = w->seed * 1103515245 + 12345;
        size_t n = (w->seed >> 16) % (i % 100 ? 200 : 40000) + 1;
        uint8_t *b = i & 1 ? heap_alloc_noscan(p, n) : heap_alloc(p, node_type, n / 32 + 1);
        CHECK(b && b[0] == 0);
        b[0] = 0;
    }
    return NULL;
}

static void test_threads(void)
{
    shim_open();
    static Worker workers[4];
    for (unsigned i = 0; i < 4; i++) {
        heap_cache_init(&test_heap, (struct P *)(void *)&workers[i]);
        workers[i].seed = i;
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++) {
            CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
        }
        for (unsigned i = 0; i < 4; i++) {
            pthread_join(workers[i].thread, NULL);
        }
        gc_run(P0, round & 1);
    }
    HeapStats s;
    heap_stats(&test_heap, &s);
    CHECK(s.alloc_objects == 3 * 4 * 200000);
    shim_close();
}

static void bench(void)
{
    shim_open();
    test_heap.checkmark = false;
    unsigned n = 20000000;
    double t = shim_now();
    for (unsigned i = 0; i < n; i++) {
        Node *x = heap_alloc(P0, node_type, 1);
        x->value = i;
        if ((i & 1023) == 0) {
            shim_poll();
        }
    }
    printf("32-byte object: %.1f ns\n", (shim_now() - t) / n);
    test_roots[0] = make_list(5000000);
    t = shim_now();
    gc_run(P0, true);
    printf("mark+sweep of 5M list nodes: %.1f ms, pause %.1f\n", (shim_now() - t) / 1e6,
           (double)test_heap.stats.last_pause_ns / 1e6);
    test_roots[0] = NULL;
    shim_close();
}

int main(int argc, char **argv)
{
    node_type = shim_type(RK_STRUCT, 32, 16, "1010", 0);
    test_classes();
    test_collect();
    test_large();
    test_kinds();
    test_finalizers();
    test_limits();
    test_threads();
    if (argc > 1) {
        bench();
    }
    return 0;
}
