/* test_map.c - maps against a plain model, iteration rules, key kinds, races. */
#include "heapshim.h"

#include "runtime/iface.h"

#include <pthread.h>

static RType *t_int, *t_str, *t_any, *t_f64, *m_int, *m_str, *m_any, *m_f64;
static uint64_t seed = 1;
static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

enum { MODEL = 5000 };

static void check_iteration(Map *m, const uint64_t *model)
{
    static uint8_t seen[MODEL];
    memset(seen, 0, sizeof(seen));
    MapIter it;
    const void *k, *e;
    uint64_t n = 0;
    map_iter_init(P0, &it, m, m_int);
    while (map_iter_next(P0, &it, &k, &e)) {
        uint64_t key = *(const uint64_t *)k;
        CHECK(key < MODEL && model[key] && *(const uint64_t *)e == model[key] && !seen[key]);
        seen[key] = 1;
        n++;
    }
    CHECK(n == (uint64_t)map_len(m));
}

static void test_model(unsigned range, unsigned ops)
{
    static uint64_t model[MODEL];
    memset(model, 0, sizeof(model));
    Map *m = map_new(P0, m_int, draw() % 3 ? 0 : (int64_t)range);
    test_roots[0] = m;
    int64_t count = 0;
    for (unsigned i = 0; i < ops; i++) {
        uint64_t key = draw() % range, op = draw() % 10;
        unsigned phase = i / (ops / 4) & 1; /* grow, shrink, grow, shrink */
        if (op < (phase ? 3u : 7u)) {
            uint64_t *e = map_put_64(P0, m, m_int, key);
            CHECK(e && *e == model[key]);
            count += model[key] == 0;
            model[key] = *e = i + 1;
        } else if (op < 9) {
            CHECK(map_delete(P0, m, m_int, &key));
            count -= model[key] != 0;
            model[key] = 0;
        } else {
            const uint64_t *e = map_get_i64(P0, m, key);
            CHECK(e ? *e == model[key] : model[key] == 0);
            e = map_get(P0, m, m_int, &key);
            CHECK(e ? *e == model[key] : model[key] == 0);
        }
        CHECK(map_len(m) == count);
        if (i % 1000 == 0) {
            check_iteration(m, model);
            gc_run(P0, false);
        }
        if (i % (ops / 3) == ops / 3 - 1) {
            CHECK(map_clear(P0, m, m_int) && map_len(m) == 0);
            memset(model, 0, sizeof(model));
            count = 0;
        }
    }
    check_iteration(m, model);
}

static void test_strings(void)
{
    Map *m = map_new(P0, m_str, 0);
    test_roots[0] = m;
    char buf[64];
    for (unsigned i = 0; i < 20000; i++) {
        int n = snprintf(buf, sizeof(buf), "%0*u", (int)(i % 40) + 1, i);
        uint64_t *e = map_put_str(P0, m, m_str, string_new(P0, buf, (size_t)n));
        CHECK(e && *e == 0);
        *e = i + 1;
        shim_poll();
        if (i % 5000 == 0) {
            gc_run(P0, true);
        }
    }
    gc_run(P0, true);
    for (unsigned i = 0; i < 20000; i++) {
        int n = snprintf(buf, sizeof(buf), "%0*u", (int)(i % 40) + 1, i);
        Slot key[3]; /* a frame: 8-aligned */
        Slot *k = ((uintptr_t)key & 15) ? key : key + 1;
        k[0].p = buf;
        k[1].i = n;
        const uint64_t *e = map_get_str(P0, m, (String){(uint8_t *)buf, n});
        CHECK(e && *e == i + 1 && map_get(P0, m, m_str, k) == e);
    }
    CHECK(map_get_str(P0, m, STR_LIT("nope")) == NULL);
}

static Iface iface_int(int64_t v) { return (Iface){t_int, {.i = v}}; }

static void test_any_and_float(void)
{
    Map *m = map_new(P0, m_any, 0);
    test_roots[0] = m;
    _Alignas(16) Iface k = iface_int(7);
    const RType *t;
    for (int64_t i = 0; i < 100; i++) {
        k = iface_int(i);
        *(uint64_t *)map_put(P0, m, m_any, &k) = (uint64_t)i;
        k = (Iface){t_f64, {.f = (double)i}};
        *(uint64_t *)map_put(P0, m, m_any, &k) = (uint64_t)i + 1000;
    }
    CHECK(map_len(m) == 200);
    k = (Iface){t_f64, {.f = -0.0}};
    CHECK(*(const uint64_t *)map_get(P0, m, m_any, &k) == 1000);
    k = (Iface){shim_type(RK_SLICE, 16, 16, "10", 0), {.p = &k}};
    CHECK(!map_get(P0, m, m_any, &k) && op_take(P0, &t) == OP_UNHASHABLE && t == k.type);
    CHECK(!map_put(P0, m, m_any, &k) && op_take(P0, &t) == OP_UNHASHABLE);
    CHECK(!map_delete(P0, m, m_any, &k) && op_take(P0, &t) == OP_UNHASHABLE);
    CHECK(!map_get(P0, NULL, m_any, &k) && op_take(P0, &t) == OP_UNHASHABLE);
    CHECK(!map_put(P0, NULL, m_int, &k) && op_take(P0, &t) == OP_NIL_MAP);
    CHECK(map_get_i64(P0, NULL, 1) == NULL && heap_cache(P0)->op_error == OP_OK);
    CHECK(!iface_equal(P0, k, k) && op_take(P0, &t) == OP_UNCOMPARABLE);
    Map *f = map_new(P0, m_f64, 0);
    double nan = __builtin_nan(""), zero = -0.0, plus = 0.0;
    for (unsigned i = 0; i < 50; i++) {
        CHECK(map_put(P0, f, m_f64, &nan));
    }
    CHECK(map_len(f) == 50 && !map_get(P0, f, m_f64, &nan));
    CHECK(map_put(P0, f, m_f64, &plus) && map_put(P0, f, m_f64, &zero) && map_len(f) == 51);
    CHECK(map_clear(P0, f, m_f64) && map_len(f) == 0);
}

/* Insert and delete while iterating: every entry that stays is seen exactly once. */
static void test_mutation(void)
{
    for (unsigned size = 1; size < 3000; size = size * 3 + 1) {
        Map *m = map_new(P0, m_int, 0);
        test_roots[0] = m;
        for (uint64_t i = 0; i < size; i++) {
            *(uint64_t *)map_put_64(P0, m, m_int, i) = 1;
        }
        MapIter it;
        const void *k, *e;
        uint64_t seen = 0, fresh = 1000000;
        map_iter_init(P0, &it, m, m_int);
        while (map_iter_next(P0, &it, &k, &e)) {
            uint64_t key = *(const uint64_t *)k;
            CHECK(key >= 1000000 || *(const uint64_t *)e == 1);
            if (key < 1000000) {
                seen++;
                *(uint64_t *)map_put_64(P0, m, m_int, key) = 2;
                if (key % 2) {
                    map_delete(P0, m, m_int, &key);
                }
                *(uint64_t *)map_put_64(P0, m, m_int, fresh++) = 3;
            }
        }
        CHECK(seen == size);
    }
    /* different starts */
    Map *m = map_new(P0, m_int, 0);
    for (uint64_t i = 0; i < 6; i++) {
        map_put_64(P0, m, m_int, i);
    }
    unsigned first[6] = {0};
    for (unsigned i = 0; i < 600; i++) {
        MapIter it;
        const void *k, *e;
        map_iter_init(P0, &it, m, m_int);
        CHECK(map_iter_next(P0, &it, &k, &e));
        first[*(const uint64_t *)k]++;
    }
    for (unsigned i = 0; i < 6; i++) {
        CHECK(first[i] > 20);
    }
}

typedef struct Racer {
    HeapCache cache;
    pthread_t thread;
    Map *m;
    unsigned errors;
} Racer;

static void *race(void *arg)
{
    Racer *r = arg;
    struct P *p = (struct P *)(void *)r;
    const RType *t;
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t key = i * 7919 % 3000;
        uint64_t *e = map_put_64(p, r->m, m_int, key);
        if (e) {
            mem_store64(e, key);
        }
        const void *v = map_get_i64(p, r->m, key + 1);
        if (v) {
            mem_load64(v);
        }
        if (i % 5 == 0) {
            map_delete(p, r->m, m_int, &key);
        }
        if (i % 10000 == 0) {
            map_clear(p, r->m, m_int);
        }
        MapIter it;
        const void *k, *x;
        map_iter_init(p, &it, r->m, m_int);
        for (unsigned n = 0; n < 3 && map_iter_next(p, &it, &k, &x); n++) {
            mem_load64(k);
        }
        r->errors += op_take(p, &t) != OP_OK;
    }
    return NULL;
}

/* One round of three writers; gives how often one of them noticed the others. */
static unsigned race_round(Racer racers[3])
{
    Map *m = map_new(P0, m_int, 0);
    test_roots[0] = m;
    for (unsigned i = 0; i < 3; i++) {
        racers[i].m = m;
        CHECK(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0);
    }
    unsigned errors = 0;
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(racers[i].thread, NULL);
        errors += racers[i].errors;
        racers[i].errors = 0;
    }
    return errors;
}

/* Each round must be safe. Noticing needs threads that really overlap, which a busy machine may not
 * grant in one round. */
static void test_race(void)
{
    static Racer racers[3];
    unsigned errors = 0;
    for (unsigned i = 0; i < 3; i++) {
        heap_cache_init(&test_heap, (struct P *)(void *)&racers[i]);
    }
    for (int round = 0; round < 50 && errors == 0; round++) {
        errors = race_round(racers);
    }
    CHECK(errors > 0);
}

static void bench(void)
{
    static char names[100000][16];
    static String strs[100000];
    for (unsigned i = 0; i < 100000; i++) {
        int n = snprintf(names[i], sizeof(names[i]), "key%u", i * 7);
        strs[i] = (String){(uint8_t *)names[i], n};
    }
    test_heap.checkmark = false;
    for (unsigned n = 100; n <= 1000000; n *= 100) {
        for (unsigned kind = 0; kind < (n > 100000 ? 1u : 2u); kind++) {
            unsigned rounds = 4000000 / n;
            double t = shim_now(), put, hit, sum = 0;
            Map *m = NULL;
            for (unsigned r = 0; r < rounds; r++) {
                m = map_new(P0, kind ? m_str : m_int, 0);
                test_roots[0] = m;
                for (uint64_t i = 0; i < n; i++) {
                    uint64_t *e = kind ? map_put_str(P0, m, m_str, strs[i])
                                       : map_put_64(P0, m, m_int, i * 2654435761u);
                    *e = i;
                }
                shim_poll();
            }
            put = (shim_now() - t) / (rounds * (double)n);
            t = shim_now();
            for (unsigned r = 0; r < rounds; r++) {
                for (uint64_t i = 0; i < n; i++) {
                    const uint64_t *e = kind ? map_get_str(P0, m, strs[i])
                                             : map_get_i64(P0, m, i * 2654435761u);
                    sum += (double)*e;
                }
            }
            hit = (shim_now() - t) / (rounds * (double)n);
            printf("%s n=%u: fill %.1f ns, hit %.1f ns (%g)\n", kind ? "string" : "int", n, put,
                   hit, sum);
        }
    }
}

int main(int argc, char **argv)
{
    shim_open();
    t_int = shim_int();
    t_str = shim_string();
    t_any = shim_any();
    t_f64 = shim_type(RK_FLOAT64, 8, 8, "0", RT_DIRECT | RT_COMPARABLE);
    m_int = shim_map(t_int, t_int);
    m_str = shim_map(t_str, t_int);
    m_any = shim_map(t_any, t_int);
    m_f64 = shim_map(t_f64, t_int);
    for (unsigned i = 0; i < 20; i++) {
        test_model(5 + i % 4, 2000);
        test_model(60, 4000);
    }
    test_model(5000, 100000);
    test_strings();
    test_any_and_float();
    test_mutation();
    test_race();
    if (argc > 1) {
        bench();
    }
    memset(test_roots, 0, sizeof(test_roots));
    shim_close();
    return 0;
}
