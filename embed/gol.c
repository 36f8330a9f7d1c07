/* gol.c - the embedding API (include/gol.h): the only room that knows both the compiler and the VM.
 *
 * The std image is linked into the library by image.S; the first-stage build has none and compiles
 * std packages from source. A GolProgram is a sealed unit; each VM that runs it loads a copy of its
 * own, since the loader patches references into the unit it loads. */
#include "include/gol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "embed/host.h"
#include "embed/image.h"
#include "lang/compile.h"
#include "vm/vm.h"

const char *gol_version(void) { return GOL_VERSION; }

void gol_free(void *p) { free(p); }

Unit *std_image(void) { return image_size ? (Unit *)(uintptr_t)image_start : NULL; }

CompileLimits compile_limits(const GolCompileLimits *l)
{
    return (CompileLimits){.steps = l->steps, .bytes = l->bytes, .wall_ns = l->wall_ns};
}

/* Takes the unit over; NULL: there is none, or no memory. */
static GolProgram *program_of(Unit *unit)
{
    GolProgram *program = unit ? malloc(sizeof *program) : NULL;
    if (!program) {
        free(unit);
        return NULL;
    }
    program->unit = unit;
    return program;
}

int gol_found_file(GolFound *found, const char *name, const char *text, size_t len)
{
    return found_add((FoundFiles *)found, name, text, len);
}

/* The host's callback as the compiler calls it. */
static bool find(void *ctx, const char *path, FoundFiles *out)
{
    const GolSource *source = ctx;
    return source->find(source->find_ctx, path, (GolFound *)out) != 0;
}

/* The host's files as the compiler's; NULL without memory. */
static MemoryFile *memory_files(const GolSource *source)
{
    MemoryFile *at = malloc((source->nfiles + 1) * sizeof *at);
    for (size_t i = 0; at && i < source->nfiles; i++) {
        const GolFile *f = &source->files[i];
        at[i] = (MemoryFile){f->package, f->name, f->text, f->len, f->natives != 0};
    }
    return at;
}

static CompileInput input_of(const GolSource *source)
{
    return (CompileInput){
        .path = source->path,
        .text = source->text,
        .text_len = source->text_len,
        .check_only = source->check_only,
        .color = source->color,
        .allow_unsafe = source->allow_unsafe,
        .image = std_image(),
        .std_path = getenv("GOL_STD"),
        .memory = memory_files(source),
        .nmemory = source->nfiles,
        .find = source->find ? find : NULL,
        .find_ctx = (void *)(uintptr_t)source,
        .no_disk = source->no_disk,
        .limits = compile_limits(&source->limits),
        .cancel = source->cancel,
        .client = source->client,
    };
}

/* Takes what input_of made. */
static void run_input(CompileInput *in, CompileResult *out)
{
    if (in->memory) {
        compile_run(in, out);
    } else {
        *out = (CompileResult){.diagnostics = error_text("gol: out of memory\n"), .nerrors = 1};
    }
    free((void *)(uintptr_t)in->memory);
    in->memory = NULL;
}

GolProgram *gol_compile(const GolSource *source, char **diagnostics, int *nerrors)
{
    CompileInput in = input_of(source);
    CompileResult out = {0};
    run_input(&in, &out);
    *diagnostics = out.diagnostics;
    out.diagnostics = NULL;
    if (nerrors) {
        *nerrors = (int)out.nerrors;
    }
    Unit *unit = out.unit;
    compile_result_free(&out);
    return program_of(unit);
}

GolProgram *gol_compile_tests(const GolTestSource *source, GolTestInfo *info)
{
    CompileInput in = {
        .path = source->dir,
        .tests = true,
        .files = source->files,
        .nfiles = (uint32_t)source->nfiles,
        .color = source->color,
        .allow_unsafe = source->allow_unsafe,
        .image = std_image(),
        .std_path = getenv("GOL_STD"),
    };
    CompileResult out = {0};
    compile_run(&in, &out);
    *info = (GolTestInfo){.package = out.tested,
                          .has_tests = out.has_tests,
                          .setup_failed = out.load_failed,
                          .nerrors = (int)out.nerrors,
                          .diagnostics = out.diagnostics};
    return program_of(out.unit);
}

int gol_vet(const GolSource *source, const char *checks, char **diagnostics)
{
    CompileInput in = input_of(source);
    in.check_only = true;
    in.vet = checks ? checks : "";
    CompileResult out = {0};
    run_input(&in, &out);
    *diagnostics = out.diagnostics;
    out.diagnostics = NULL;
    int n = out.nerrors ? -1 : (int)out.nfindings;
    free(out.unit);
    compile_result_free(&out);
    return n;
}

const char *gol_vet_check(int i, const char **doc) { return compile_vet_check(i, doc); }

void gol_program_free(GolProgram *program)
{
    if (program) {
        free(program->unit);
        free(program);
    }
}

static void file_write(Sink *s, const void *data, size_t n) { fwrite(data, 1, n, s->ctx); }

char *error_text(const char *text) { return strdup(text && *text ? text : "out of memory"); }

Unit *load_copy(VmState *vm, const GolProgram *program, char *err, size_t nerr)
{
    void *copy;
    if (posix_memalign(&copy, 16, program->unit->size) != 0) {
        return NULL;
    }
    memcpy(copy, program->unit, program->unit->size);
    if (!vm_load(vm, copy, err, nerr)) {
        free(copy);
        return NULL;
    }
    return copy;
}

/* References to std are resolved by the loader, so the disassembler shows a loaded copy. */
int gol_disassemble(const GolProgram *program, const char *filter, FILE *out)
{
    char err[512] = "";
    Sink sink = {file_write, out};
    GolConfig config = {.allow_unsafe = 1}; /* nothing runs */
    GolVM *vm = gol_vm_new(&config, NULL);
    Unit *unit = vm ? load_copy(vm_state(vm), program, err, sizeof err) : NULL;
    if (unit) {
        dis_unit(unit, filter, &sink);
    }
    gol_vm_close(vm);
    return unit && fflush(out) == 0 && !ferror(out) ? 0 : -1;
}

GolVM *gol_vm_new(const GolConfig *config, char **error)
{
    char err[256] = "";
    GolConfig none = {0};
    config = config ? config : &none;
    VmConfig c = {
        .nprocs = config->sched == GOL_SCHED_SEED ? 1 : config->procs,
        .sched = config->sched == GOL_SCHED_SEED      ? CHOICE_EXACT
                 : config->sched == GOL_SCHED_PERTURB ? CHOICE_PERTURB
                                                      : CHOICE_FREE,
        .sched_seed = config->sched_seed,
        .stack_max = config->stack_max,
        .heap_max = config->heap_max,
        .steps_max = config->steps_max,
        .fibers_max = config->goroutines_max,
        .allow_unsafe = config->allow_unsafe,
        .image = std_image(),
    };
    VmState *vm = vm_new(&c, err, sizeof err);
    if (!vm) {
        if (error) {
            *error = error_text(err);
        }
        return NULL;
    }
    vm->gol->argc = config->argc;
    vm->gol->argv = config->argv;
    vm->gol->owns_process = config->owns_process;
    if (!embed_open(vm->gol, config)) {
        vm_free(vm);
        if (error) {
            *error = error_text(NULL);
        }
        return NULL;
    }
    return vm->gol;
}

int gol_run(GolVM *vm, const GolProgram *program, char **error)
{
    char err[512] = "";
    Unit *copy = load_copy(vm_state(vm), program, err, sizeof err);
    if (copy && embed_begin(vm)) {
        return vm_run(vm_state(vm), copy);
    }
    if (error) {
        *error = error_text(err);
    }
    return -1;
}

void gol_vm_close(GolVM *vm)
{
    if (vm) {
        host_kill(vm, 0);
        embed_close(vm);
        vm_free(vm_state(vm));
    }
}

static bool write_file(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        return false;
    }
    bool ok = fwrite(data, 1, n, f) == n;
    return fclose(f) == 0 && ok;
}

int gol_build_image(const char *std_dir, const char *out_path, char **error)
{
    CompileInput in = {.path = std_dir, .std_path = std_dir, .build_image = true};
    CompileResult out = {0};
    compile_run(&in, &out);
    int status = -1;
    if (!out.unit) {
        *error = strdup(out.diagnostics ? out.diagnostics : "no unit");
    } else if (!write_file(out_path, out.unit, out.unit->size)) {
        *error = strdup(strerror(errno));
    } else {
        status = 0;
    }
    free(out.unit);
    compile_result_free(&out);
    return status;
}
