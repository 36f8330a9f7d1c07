/* fuzz_compile.c - libFuzzer target for the whole front end: scanner, parser, checker and code
 * generator. Any input must give a program or diagnostics: a crash or a hang is a bug. `make fuzz`
 * seeds it with the scripts of tests/. */
#include <stdlib.h>

#include "include/gol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *diagnostics = NULL;
    GolSource source = {.path = "fuzz.gol", .text = (const char *)data, .text_len = size};
    GolProgram *program = gol_compile(&source, &diagnostics, NULL);
    if (!diagnostics) {
        abort();
    }
    gol_free(diagnostics);
    gol_program_free(program);
    return 0;
}
