/* test_permit.c - what the loader and the compiler refuse: package unsafe without its permission, units
 * of another build. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "embed/embed.h"
#include "include/gol.h"

static const char pointers[] = "package main\n\nimport \"unsafe\"\n\n"
                               "func main() { x := 1; *(*int)(unsafe.Pointer(&x)) = 2 }\n";

static GolProgram *compile(const char *text, int allow_unsafe, char **diagnostics)
{
    GolSource source = {.path = "p.go", .text = text, .text_len = strlen(text),
                        .allow_unsafe = allow_unsafe};
    return gol_compile(&source, diagnostics, NULL);
}

/* Runs it; an error must hold `want`, or there must be none. */
static void run(const GolProgram *p, int allow_unsafe, const char *want)
{
    char *error = NULL;
    GolConfig config = {.allow_unsafe = allow_unsafe};
    GolVM *vm = gol_vm_new(&config, &error);
    assert(vm);
    int status = gol_run(vm, p, &error);
    assert(want ? status == -1 && error && strstr(error, want) : status == 0 && !error);
    gol_free(error);
    gol_vm_close(vm);
}

static void test_unsafe(void)
{
    char *diagnostics;
    assert(!compile(pointers, 0, &diagnostics));
    assert(strstr(diagnostics, "p.go:3:8: ") && strstr(diagnostics, "permission allow_unsafe"));
    gol_free(diagnostics);
    /* a script needs no import declaration, but the permission all the same */
    assert(!compile("println(unsafe.Sizeof(1))\n", 0, &diagnostics));
    assert(strstr(diagnostics, "p.go:1:9: ") && strstr(diagnostics, "permission allow_unsafe"));
    gol_free(diagnostics);
    GolProgram *p = compile(pointers, 1, &diagnostics);
    assert(p && !*diagnostics);
    gol_free(diagnostics);
    run(p, 0, "permission allow_unsafe");
    run(p, 1, NULL);
    gol_program_free(p);
    /* std's own use of it is nobody's permission */
    p = compile("import (\"fmt\"; \"sync/atomic\")\nvar x atomic.Value\nfmt.Sprint(x.Load())\n", 0,
                &diagnostics);
    assert(p);
    gol_free(diagnostics);
    run(p, 0, NULL);
    gol_program_free(p);
}

static void test_other_build(void)
{
    char *diagnostics;
    GolProgram *p = compile("println(1)\n", 0, &diagnostics);
    assert(p);
    gol_free(diagnostics);
    p->unit->abi ^= 1;
    run(p, 0, "another build");
    p->unit->abi ^= 1;
    p->unit->magic ^= 1;
    run(p, 0, "not a gol unit");
    gol_program_free(p);
}

int main(void)
{
    test_unsafe();
    test_other_build();
    return 0;
}
