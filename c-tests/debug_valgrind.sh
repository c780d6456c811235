#!/bin/bash
# Valgrind's Memcheck knows the stacks of coroutines: some of the tests run clean ("make
# valgrind" runs them all), and mistakes inside of coroutines are found, with the way to them.
# time limit: 120
. "$(dirname "$0")/peers/build.sh"
command -v valgrind > /dev/null || skip "valgrind is not installed"

# finds MISTAKE PATTERN FRAME...
finds() {
    local mistake=$1 pattern=$2 found
    shift 2
    valgrind --leak-check=full --num-callers=40 --error-exitcode=99 --errors-for-leak-kinds=definite \
        "$work/planted" "$mistake" > "$work/planted.log" 2>&1 < /dev/null
    same "$mistake: exit status" $? 99
    grep -q "$pattern" "$work/planted.log" || fail "$mistake: no report"
    found=$(sed -n "/$pattern/,/== *\$/s/^==[0-9]*== *[atby]* 0x[0-9A-F]*: \([a-z_]*\).*/\1/p" \
        "$work/planted.log" | uniq | tr '\n' ' ')
    case " $found" in *" $* "*) ;; *) fail "$mistake: the way is '$found', not '$*'" ;; esac
    ! grep -q 'switching stacks' "$work/planted.log" || fail "a stack that Valgrind doesn't know"
}

${CC:-gcc} -g -O0 -D_GNU_SOURCE -I"${DILL_INCLUDE_DIR:-include}" c-tests/debug/planted.c \
    -o "$work/planted" "${DILL_LIB_DIR:-target/release}/libdill.a" -ldl -lm -lpthread ||
    fail "planted.c does not compile"
finds heap_overflow "Invalid write of size 1" heap_overflow deep worker launch
finds use_after_free "Invalid read of size 1" use_after_free deep worker launch
finds uninitialised "depends on uninitialised" uninitialised deep worker launch
finds leak "12,345 bytes in 1 blocks are definitely lost" malloc leak deep worker launch
valgrind -q --leak-check=full --error-exitcode=99 --errors-for-leak-kinds=definite \
    "$work/planted" nothing > "$work/planted.log" 2>&1 || fail "an error where there is none"

DILL_TEST_BUILD=$work/tests c-tests/valgrind -O2 bundle cancel channel go_mem tls > "$work/tests.log" 2>&1 ||
    fail "tests under Valgrind"
