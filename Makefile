# Everything here works with Rust, a C compiler, make and the usual tools.

CARGO ?= cargo
CC = gcc
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR PEER RUNS N

RELEASE = $(CARGO_TARGET_DIR)/release
DEMO = $(CARGO_TARGET_DIR)/demo
DEMO_CFLAGS = -O2 -Wall -Wextra -Iinclude -pthread

.PHONY: all bench check demo fuzz header clean help

all:
	$(CARGO) build --release
	ln -sf libdill.so $(RELEASE)/libdill.so.20

check: all
	@CARGO="$(CARGO)" DILL_LIB_DIR="$(RELEASE)" c-tests/check

demo: all
	@mkdir -p $(DEMO)
	$(CC) $(DEMO_CFLAGS) examples-c/graceful_server.c -o $(DEMO)/graceful_server \
	    $(RELEASE)/libdill.a -lpthread -ldl -lm
	$(CC) $(DEMO_CFLAGS) examples-c/demo_client.c -o $(DEMO)/demo_client \
	    $(RELEASE)/libdill.a -lpthread -ldl -lm
	@sh examples-c/demo.sh $(DEMO)/graceful_server $(DEMO)/demo_client

bench: all
	@benches/run

fuzz:
	fuzz/run $(SECONDS)

header:
	DILL_UPDATE_HEADER=1 $(CARGO) test --test header

clean:
	$(CARGO) clean

help:
	@echo 'make          builds libdill.a and libdill.so (.20) in $(RELEASE)'
	@echo 'make check    runs all tests, of Rust and of C'
	@echo 'make demo     shows a graceful shutdown'
	@echo 'make bench    measures; with PEER=/prefix/of/libdill side by side with that'
	@echo 'make fuzz    fuzzes what parses bytes from peers; SECONDS=600 for each target'
	@echo 'make header   writes include/*.h from the Rust sources'
	@echo 'make clean    removes what was built'
	@echo 'c-tests/run   runs a part of the C tests; its first lines tell how'
