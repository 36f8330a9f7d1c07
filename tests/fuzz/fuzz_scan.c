/* fuzz_scan.c - the scanner: every input ends in TOK_EOF, tokens advance and stay inside the text. */
#include <stdlib.h>

#include "lang/scan.h"
#include "tests/fuzz/fuzz.h"

static void scan(const char *text, size_t n)
{
    DiagList *d = MEM_NEW(DiagList);
    SourceFile *src = diag_add_file(d, "fuzz.go", text, n);
    Scanner s;
    scan_init(&s, src, d);
    Pos last = 0;
    for (size_t count = 0;; count++) {
        scan_next(&s);
        if (s.pos < last || s.end < s.pos || s.p > s.limit || count > 2 * n + 8) {
            abort();
        }
        last = s.pos;
        if (s.tok == TOK_EOF) {
            break;
        }
    }
    diag_format(d, true, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_stage(scan, data, size);
    return 0;
}
