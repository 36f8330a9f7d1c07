/* fuzz_parse.c - the parser, in each of its three languages: files, scripts, entries of a session. */
#include "lang/ast.h"
#include "tests/fuzz/fuzz.h"

static void parse(const char *text, size_t n)
{
    for (int how = 0; how < 3; how++) {
        DiagList *d = MEM_NEW(DiagList);
        SourceFile *src = diag_add_file(d, "fuzz.go", text, n);
        if (how == 2) {
            parse_live(d, src);
        } else {
            parse_file(d, src, how == 1);
        }
        diag_format(d, true, true);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_stage(parse, data, size);
    return 0;
}
