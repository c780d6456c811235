# Everything here works with Rust, a C compiler, make and the usual tools.

CARGO ?= cargo
CC = gcc
OBJCOPY ?= objcopy
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR PEER RUNS N ONLY QUICK MIBS

RELEASE = $(CARGO_TARGET_DIR)/release
DEMO = $(CARGO_TARGET_DIR)/demo
# The manual pages are made of the sources, by a program that only this needs.
MAN = $(RELEASE)/man
MAKE_PAGES = $(CARGO) run -p capi-docs -- man $(MAN)
DEMO_CFLAGS = -O2 -Wall -Wextra -Iinclude -pthread

.PHONY: all library bench check compatibility cross demo exports faults fuzz fuzz-api header man model \
    restarts soak surface throughput clean help valgrind

all: library
	$(MAKE_PAGES)

library:
	$(CARGO) build --release
	ln -sf libdill.so $(RELEASE)/libdill.so.20
	@# Rust's own library comes with bitcode, which other versions of LLVM stumble over (-flto).
	@if command -v $(OBJCOPY) > /dev/null; then \
	    $(OBJCOPY) -R .llvmbc -R .llvmcmd $(RELEASE)/libdill.a; fi

# With ONLY it builds what the named tests need.
check: $(if $(ONLY),,all)
	@CARGO="$(CARGO)" MAKE="$(MAKE)" DILL_LIB_DIR="$(RELEASE)" c-tests/check

demo: library
	@mkdir -p $(DEMO)
	$(CC) $(DEMO_CFLAGS) examples-c/graceful_server.c -o $(DEMO)/graceful_server \
	    $(RELEASE)/libdill.a -lpthread -ldl -lm
	$(CC) $(DEMO_CFLAGS) examples-c/demo_client.c -o $(DEMO)/demo_client \
	    $(RELEASE)/libdill.a -lpthread -ldl -lm
	@sh examples-c/demo.sh $(DEMO)/graceful_server $(DEMO)/demo_client

cross:
	c-tests/cross all

valgrind: library
	@DILL_LIB_DIR="$(RELEASE)" c-tests/valgrind

bench: library
	@benches/run

throughput: library
	@benches/throughput

fuzz:
	fuzz/run $(SECONDS)

# Any of these for as long as one likes: SECONDS of fuzzing or soaking, CASES of the model.
fuzz-api:
	@CARGO="$(CARGO)" c-tests/fuzz_api $(SECONDS)

model:
	DILL_MODEL_CASES=$(or $(CASES),500000) $(CARGO) test --release --test graceful_model

faults: library
	@DILL_LIB_DIR="$(RELEASE)" c-tests/faults/run

soak: library
	@DILL_LIB_DIR="$(RELEASE)" c-tests/soak/run $(SECONDS)

restarts: library
	@DILL_LIB_DIR="$(RELEASE)" c-tests/reliability_restart.sh $(N)

header:
	$(CARGO) run -p capi-docs -- header

man:
	$(MAKE_PAGES)

compatibility:
	DILL_UPDATE_COMPATIBILITY=1 $(CARGO) test --test compatibility the_table_is_fresh

surface:
	DILL_UPDATE_SURFACE=1 $(CARGO) test --test rust_surface the_list_is_fresh

exports: library
	@DILL_LIB_DIR="$(RELEASE)" c-tests/exports --update

include packaging/install.mk

clean:
	$(CARGO) clean

help:
	@echo 'make          builds libdill.a, libdill.so (.20) and the manual in $(RELEASE)'
	@echo 'make check    runs all tests, of Rust and of C; those that ONLY=name names'
	@echo 'make cross    runs all of them that can be for 64-bit ARM, with QEMU'
	@echo 'make valgrind runs the C tests under Memcheck'
	@echo 'make demo     shows a graceful shutdown'
	@echo 'make bench    measures; with PEER=/prefix/of/libdill side by side with that'
	@echo 'make throughput  compares the rates of protocols with those of plain programs'
	@echo 'make fuzz    fuzzes what parses bytes from peers; SECONDS=600 for each target'
	@echo 'make install  installs what make has built; PREFIX, DESTDIR, LIBDIR tell where'
	@echo 'make uninstall  removes it again'
	@echo 'make fuzz-api  calls all functions in random order; SECONDS=600'
	@echo 'make model    compares random programs with a model; CASES=500000'
	@echo 'make faults   has every system call and allocation fail'
	@echo 'make soak     a server under churn; SECONDS=600'
	@echo 'make restarts  replaces a server under load, N=20 times'
	@echo 'make header   writes include/*.h from the Rust sources'
	@echo 'make man      writes the manual pages to $(MAN), from them and docs/man'
	@echo 'make exports  writes c-tests/exports.txt, the list of exported symbols'
	@echo 'make surface  writes tests/rust_surface.txt, the list of what is public in the Rust API'
	@echo 'make compatibility  writes the table in COMPATIBILITY.md'
	@echo 'make clean    removes what was built'
	@echo 'c-tests/run   runs a part of the C tests; its first lines tell how'
