#!/bin/bash
# gdb: backtraces are whole at every instruction of launches, switches and ends of coroutines.
# time limit: 120
. "$(dirname "$0")/peers/build.sh"
command -v gdb > /dev/null || skip "gdb is not installed"
lib=${DILL_LIB_DIR:-target/release}

for cc in gcc clang; do
    command -v $cc > /dev/null || continue
    for level in -O0 -O2; do
        $cc -g $level -pthread -I"${DILL_INCLUDE_DIR:-include}" c-tests/debug/steps.c \
            -o "$work/steps" "$lib/libdill.a" -ldl -lm || fail "does not link"
        gdb -q -nx -batch -x c-tests/debug/steps.py "$work/steps" > "$work/gdb.log" 2>&1 < /dev/null
        ! grep -q 'ptrace: Operation not permitted' "$work/gdb.log" || skip "gdb may not trace here"
        seen=$(sed -n 's/^steps: [0-9]*, in switches: \([0-9]*\), at the end: True$/\1/p' "$work/gdb.log")
        [ "${seen:-0}" -ge 100 ] || fail "has not been through the switches [$cc $level]"
        ! grep '^wrong:' "$work/gdb.log" || fail "backtraces are torn [$cc $level]"
    done
done
