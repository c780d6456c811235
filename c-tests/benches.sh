#!/bin/bash
# Do the benchmarks in C still work? One run of each for a moment, but those that take long;
# "cargo test" does the same with those in Rust.
# time limit: 60

cd "$(dirname "$0")/.." || exit 2
NO_RUST=1 QUICK=1 ONLY='yield_* go_* channel_* deadline_?  deadline_10000 choose_* cancel_*
    bundle_cancel_* tcp_echo_50* http_hello bulk_* clock_gettime empty_syscall' benches/run
