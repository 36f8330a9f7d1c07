/* fuzz_compile.c - the whole front end by its front door: any input gives a program or diagnostics,
 * and a program can be listed. */
#include <stdio.h>
#include <stdlib.h>

#include "include/gol.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    char *diagnostics = NULL;
    int nerrors = 0;
    GolSource source = {.path = "fuzz.gol", .text = (const char *)data, .text_len = size};
    uint64_t since = fuzz_clock();
    GolProgram *program = gol_compile(&source, &diagnostics, &nerrors);
    fuzz_judge(since, size);
    if (!diagnostics || (program != NULL) != (nerrors == 0)) {
        abort();
    }
    if (!null) {
        null = fopen("/dev/null", "w");
    }
    if (program && null) {
        gol_disassemble(program, NULL, null); /* or is refused: its variables may be too large */
    }
    gol_free(diagnostics);
    gol_program_free(program);
    return 0;
}
