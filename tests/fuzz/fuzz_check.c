/* fuzz_check.c - the loader, the checker and what reads its trees (gol vet), in memory whose objects AddressSanitizer fences. */
#include "embed/embed.h"
#include "lang/vet.h"
#include "tests/fuzz/fuzz.h"

static void check(const char *text, size_t n)
{
    CompileInput in = {.path = "fuzz.gol", .text = text, .text_len = n, .image = std_image()};
    DiagList *d = MEM_NEW(DiagList);
    universe = NULL;
    types_current = NULL;
    types_forget_instances();
    universe_init();
    Loader *l = load_new(&in, d);
    if (load_input(l)) {
        load_check(l);
        if (d->nerrors == 0) {
            vet_run(d, load_packages(l), load_vetted(l), "");
        }
    }
    diag_format(d, false, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_stage(check, data, size);
    return 0;
}
