/* fuzz_live.c - entries of a session: each input is compiled, not run, as an entry that sees what a few
 * fixed ones declared. */
#include <stdlib.h>
#include <string.h>

#include "include/gol.h"
#include "tests/fuzz/fuzz.h"

static const char *const first[] = {
    "import \"strings\"\nx, y := 1, \"s\"\nvar list = []int{1, 2}",
    "type T struct{ a int; B string }\nfunc (t *T) M(x int) int { return t.a + x }",
    "type G[K comparable, V any] map[K]V\nfunc (g G[K, V]) Get(k K) V { return g[k] }",
    "func f[A, B any](a []A, g func(A) B) (r []B) { for _, x := range a { r = append(r, g(x)) }; return }",
    "type I interface{ M(int) int }\nvar i I = &T{a: x}\nconst c = 1 << 70",
    "m := map[string]*T{\"a\": {2, \"b\"}}\ns := struct{ T; n []G[string, int] }{}",
};

static GolSession *start(void)
{
    char *error = NULL;
    GolSession *s = gol_session_new(NULL, &error);
    for (size_t i = 0; s && i < sizeof first / sizeof *first; i++) {
        GolEntry e = {.text = first[i], .text_len = strlen(first[i])};
        GolOutcome out = {0};
        if (gol_eval(s, &e, &out) != GOL_EVAL_OK) {
            abort();
        }
        gol_free(out.message);
        gol_free(out.type);
    }
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static GolSession *session;
    if (!session && !(session = start())) {
        abort();
    }
    GolEntry e = {.text = (const char *)data, .text_len = size, .check_only = 1};
    GolOutcome out = {0};
    uint64_t since = fuzz_clock();
    gol_eval(session, &e, &out);
    fuzz_judge(since, size);
    gol_free(out.message);
    gol_free(out.type);
    gol_incomplete((const char *)data, size);
    return 0;
}
