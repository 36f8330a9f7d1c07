# One non-recursive Makefile. Objects go to $(BUILD); SAN and STRESS select another configuration in
# a build folder of its own (check-asan and friends call make with them).
-include config.mk
CC ?= cc
CC_KIND ?= gcc
OPTIMISE ?= -O2 -g
PREFIX ?= /usr/local
BUILD ?= build
SAN ?=
VERSION = 0.1.0

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter $(WERROR)
CFLAGS_ALL = -std=gnu11 $(OPTIMISE) $(NDEBUG) -fPIC -fvisibility=hidden -fno-strict-aliasing -fwrapv \
    -pthread -I. $(WARN) $(SANFLAGS) $(DEFS) $(CFLAGS)
SANFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
LIBS = -lgc -lgmp -lm -pthread -ldl
# the dispatch loop relies on sibling calls: no frame pointer, no stack protector there
VM_FLAGS = -fomit-frame-pointer -fno-stack-protector

LIB_SRC = $(wildcard lang/*.c vm/*.c runtime/*.c stdlib/*/*.c stdlib/*/*/*.c stdlib/*/*/*/*.c) embed/gol.c embed/session.c embed/call.c embed/value.c embed/native.c embed/watch.c
CLI_SRC = $(wildcard cli/*.c)
STD_SRC = $(shell find stdlib -name '*.gol')
LIB_OBJ = $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
CLI_OBJ = $(CLI_SRC:%.c=$(BUILD)/obj/%.o)
IMAGE = build/std.image
ifneq ($(READLINE),no)
$(BUILD)/obj/cli/%.o: private override DEFS += -DHAVE_READLINE
CLI_LIBS = $(if $(wildcard cli/repl*.c),-lreadline)
endif

ifeq ($(BUILD),build)
GOL = gol
LIBA = libgol.a
PRODUCTS = gol libgol.a libgol.so build/gol.pc
else
GOL = $(BUILD)/gol
LIBA = $(BUILD)/libgol.a
PRODUCTS = $(GOL)
endif

.PHONY: all check soak conformance conformance-types check-asan check-tsan check-stress nightly bench compare fuzz fuzz-programs diff lint format install \
    uninstall clean unit scripts FORCE
all: $(PRODUCTS)

config.mk:
	@echo "run ./configure first (./configure --install-deps brings what is missing)"; exit 1

$(BUILD)/obj/%.o: %.c config.mk $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(if $(filter vm/%,$<),$(if $(SAN),,$(VM_FLAGS))) -MMD -MP -c -o $@ $<

# rebuild all when the flags change
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS_ALL)' | cmp -s - $@ || echo '$(CC) $(CFLAGS_ALL)' >$@

# The std image: made once, by the first-stage build of the plain configuration, and the same for all.
$(IMAGE): build/stage1 $(STD_SRC)
	build/stage1 build-image stdlib $@.new
	mv $@.new $@
ifeq ($(BUILD),build)
build/stage1: $(LIB_OBJ) $(CLI_OBJ) $(BUILD)/obj/embed/image_none.o
	$(CC) $(CFLAGS_ALL) -o $@ $^ $(LIBS) $(CLI_LIBS)
else
# another configuration's variables stay out of it (they would rebuild it all, twice)
MAKEOVERRIDES =
build/stage1: FORCE
	$(MAKE) BUILD=build SAN= DEFS= CFLAGS= CC='$(CC)' WERROR='$(WERROR)' $@
endif
$(BUILD)/obj/embed/image.o: embed/image.S $(IMAGE)
	@mkdir -p $(@D)
	$(CC) -DIMAGE_FILE='"$(IMAGE)"' -c -o $@ $<

$(LIBA): $(LIB_OBJ) $(BUILD)/obj/embed/image.o
	rm -f $@
	ar rcs $@ $^
$(GOL): $(CLI_OBJ) $(LIBA)
	$(CC) $(CFLAGS_ALL) -o $@ $(CLI_OBJ) $(LIBA) $(LIBS) $(CLI_LIBS)
libgol.so: $(LIB_OBJ) $(BUILD)/obj/embed/image.o
	$(CC) $(CFLAGS_ALL) -shared -Wl,-z,nodelete -Wl,-soname,libgol.so.0 -o $@ $^ $(LIBS)
build/gol.pc: config.mk
	@printf 'prefix=%s\nName: gol\nDescription: Go as a script engine\nVersion: %s\nLibs: -L$${prefix}/lib -lgol\nLibs.private: $(LIBS)\nCflags: -I$${prefix}/include\n' '$(PREFIX)' '$(VERSION)' >$@

# Tests
UNIT_SRC = $(wildcard tests/unit/test_*.c)
UNIT_BIN = $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/%)
UNIT_H = $(wildcard tests/unit/*.h)
UNIT_HELP = $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
$(BUILD)/tests/%: tests/unit/%.c $(UNIT_HELP) $(UNIT_H) $(LIBA)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -UNDEBUG -o $@ $< $(UNIT_HELP) $(LIBA) $(LIBS)
$(BUILD)/tests/run: tests/run.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -o $@ $<

CHECK_DIRS ?= tests examples
check: all $(BUILD)/tests/run $(UNIT_BIN)
	GOL=$(abspath $(GOL)) BUILD=$(BUILD) SAN=$(SAN) sh tests/check.sh $(CHECK_DIRS)
check-asan:
	ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 \
	$(MAKE) BUILD=build/asan SAN=address,undefined OPTIMISE='-O1 -g' NDEBUG= check
check-tsan:
	TSAN_OPTIONS=halt_on_error=0:exitcode=66:suppressions=$(CURDIR)/tests/tsan.supp \
	$(MAKE) BUILD=build/tsan SAN=thread OPTIMISE='-O1 -g' NDEBUG= check
check-stress:
	$(MAKE) BUILD=build/stress OPTIMISE='-O1 -g' NDEBUG= DEFS=-DGOL_STRESS check
# libFuzzer over each stage (tests/fuzz), FUZZ_SECONDS together; FUZZ_TARGETS=check for one. clang only.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= scan parse check compile live run
FUZZ_HELP = tests/fuzz/fuzz.c tests/fuzz/mutate.c
$(BUILD)/fuzz-%: tests/fuzz/fuzz_%.c $(FUZZ_HELP) tests/fuzz/fuzz.h $(LIBA)
	$(CC) $(CFLAGS_ALL) -UNDEBUG -fsanitize=fuzzer -o $@ $< $(FUZZ_HELP) $(LIBA) $(LIBS)
fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/fuzz-%)
fuzz:
ifeq ($(CC_KIND),clang)
	$(MAKE) BUILD=build/fuzz SAN=address OPTIMISE='-O1 -g' NDEBUG= CFLAGS=-fsanitize=fuzzer-no-link fuzz-programs
	sh tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)
else
	@echo "fuzz: needs clang-19"; echo "0 passed, 0 failed"
endif
# random programs, by gol and by Go 1.19 (tests/diff)
DIFF_SEED ?= 1
DIFF_COUNT ?= 200
diff: all
	GOL=$(abspath $(GOL)) sh tests/diff/run.sh $(DIFF_SEED) $(DIFF_COUNT)
# random goroutine graphs, SOAK_SECONDS long
SOAK_SECONDS ?= 3600
soak: all
	SOAK_SECONDS=$(SOAK_SECONDS) GOL=./$(GOL) sh tests/soak.check.sh && echo "1 passed, 0 failed"
nightly: check check-asan check-tsan check-stress
	$(MAKE) fuzz FUZZ_SECONDS=3600
	$(MAKE) diff DIFF_COUNT=20000
# Go's own test tree, where golang-1.19-src (or GOTEST) has it
conformance: all
	BUILD=$(BUILD) CC=$(CC) sh tests/conformance/run.sh $(CURDIR)/$(GOL) $(CONFORMANCE)
# the test data of Go's own type checker, where golang-1.19-src (or GOTYPES) has it
GOTYPES ?= /usr/share/go-1.19/src/cmd/compile/internal/types2/testdata
conformance-types: all
	$(CC) -std=gnu11 -O1 -o $(BUILD)/gotypes tests/conformance/gotypes.c
	$(BUILD)/gotypes $(CURDIR)/$(GOL) $(GOTYPES) $(CONFORMANCE)
bench: all
	sh tests/bench.sh
compare: all
	sh tests/compare.sh
lint:
	sh tests/lint.sh
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/man/man1
	install gol $(DESTDIR)$(PREFIX)/bin/gol
	install -m 644 libgol.a $(DESTDIR)$(PREFIX)/lib/
	install libgol.so $(DESTDIR)$(PREFIX)/lib/libgol.so.0
	ln -sf libgol.so.0 $(DESTDIR)$(PREFIX)/lib/libgol.so
	install -m 644 include/gol.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 build/gol.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	install -m 644 docs/gol.1 $(DESTDIR)$(PREFIX)/share/man/man1/
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/gol $(DESTDIR)$(PREFIX)/lib/libgol.a $(DESTDIR)$(PREFIX)/lib/libgol.so* \
	    $(DESTDIR)$(PREFIX)/include/gol.h $(DESTDIR)$(PREFIX)/lib/pkgconfig/gol.pc \
	    $(DESTDIR)$(PREFIX)/share/man/man1/gol.1
clean:
	rm -rf build gol libgol.a libgol.so

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
