/* test_session.c - sessions through include/gol.h: outcomes, what entries see, interrupts from another
 * thread, several at once, closing while goroutines run. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/gol.h"

static GolSession *open_session(void)
{
    char *error = NULL;
    GolConfig config = {.procs = 2};
    GolSession *s = gol_session_new(&config, &error);
    assert(s && !error);
    return s;
}

static void expect(GolSession *s, const char *text, GolEvalStatus status)
{
    GolEntry e = {.text = text, .text_len = strlen(text)};
    GolOutcome out;
    GolEvalStatus got = gol_eval(s, &e, &out);
    assert(got == status && out.status == status);
    assert(status != GOL_EVAL_INVALID || strlen(out.message) > 0);
    gol_free(out.message);
    gol_free(out.type);
}

static void expect_type(GolSession *s, const char *text, const char *type)
{
    GolEntry e = {.text = text, .text_len = strlen(text), .check_only = 1};
    GolOutcome out;
    assert(gol_eval(s, &e, &out) == GOL_EVAL_OK);
    assert(out.type && !strcmp(out.type, type));
    gol_free(out.message);
    gol_free(out.type);
}

static void test_outcomes(void)
{
    GolSession *s = open_session();
    expect(s, "x := 1", GOL_EVAL_OK);
    expect(s, "x := missing", GOL_EVAL_INVALID);
    expect(s, "if x != 1 { panic(x) }", GOL_EVAL_OK);
    expect(s, "y := []int{}[x]", GOL_EVAL_PANIC);
    expect(s, "y", GOL_EVAL_INVALID);
    expect(s, "runtime.Goexit()", GOL_EVAL_PANIC);
    expect(s, "type T struct { Field int }; func (T) Method() {}; var t T", GOL_EVAL_OK);
    expect_type(s, "t", "T");
    expect_type(s, "map[string]*T{}", "map[string]*T");
    char *names = gol_session_names(s, "t.");
    assert(strstr(names, "Field\n") && strstr(names, "Method\n"));
    gol_free(names);
    names = gol_session_names(s, "");
    assert(strstr(names, "x\n") && strstr(names, "T\n") && strstr(names, "strings\n"));
    gol_free(names);
    expect(s, "os.Exit(5)", GOL_EVAL_ENDED);
    expect(s, "x", GOL_EVAL_ENDED);
    gol_session_close(s);
}

static void test_incomplete(void)
{
    static const struct { const char *text; int yes; } cases[] = {
        {"1", 0}, {"1 +", 1}, {"f(", 1}, {"f(1,\n", 1}, {"for {", 1}, {"for {\n}", 0},
        {"x := `abc", 1}, {"x := \"abc", 0}, {"/* c", 1}, {"func f() {\n", 1}, {")", 0}, {"", 0},
        {"type T struct {\n a int\n", 1}, {"x := )\n(", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert(gol_incomplete(cases[i].text, strlen(cases[i].text)) == cases[i].yes);
    }
}

static void *interrupt_soon(void *session)
{
    usleep(50000);
    gol_session_interrupt(session);
    return NULL;
}

static void test_interrupt(void)
{
    static const char *const endless[] = {"for {}", "select {}", "<-make(chan int)",
                                          "for { time.Sleep(time.Hour) }"};
    GolSession *s = open_session();
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        pthread_t t;
        pthread_create(&t, NULL, interrupt_soon, s);
        expect(s, endless[i], GOL_EVAL_INTERRUPTED);
        pthread_join(t, NULL);
        expect(s, "x := 1", GOL_EVAL_OK);
    }
    gol_session_close(s);
}

static void *use_session(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        GolSession *s = open_session();
        expect(s, "n := 0; go func() { for { n++; runtime.Gosched() } }()", GOL_EVAL_OK);
        expect(s, "go func() { for {} }()", GOL_EVAL_OK);
        expect(s, "func f() int { return 7 }", GOL_EVAL_OK);
        expect(s, "if f() != 7 { panic(f()) }", GOL_EVAL_OK);
        gol_session_close(s);
    }
    return NULL;
}

static void test_many(void)
{
    pthread_t t[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&t[i], NULL, use_session, NULL);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
    }
}

int main(void)
{
    test_outcomes();
    test_incomplete();
    test_interrupt();
    test_many();
    gol_session_close(NULL);
    return 0;
}
