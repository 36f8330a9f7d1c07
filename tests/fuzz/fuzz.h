/* fuzz.h - what the libFuzzer targets share: a stage run on a deep stack, the time rule. */
#ifndef GOL_TESTS_FUZZ_H
#define GOL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Libfuzzer's entry, which each target defines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Runs a stage of the front end as lang/compile.c would: between mem_begin and mem_end, with the
 * compiler thread's depth of stack. Aborts if it breaks the time rule. */
void fuzz_stage(void (*stage)(const char *text, size_t n), const uint8_t *data, size_t size);

/* The time rule (issue 3): a second for each 64 KB, three in this slower build, of processor time so
 * that a busy machine does not matter. fuzz_clock, work, fuzz_judge: aborts if the work took longer. */
uint64_t fuzz_clock(void);
void fuzz_judge(uint64_t since, size_t size);

#endif
