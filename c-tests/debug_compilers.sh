#!/bin/bash
# Launches as compilers see them, of all versions that are installed here: inside of coroutines of
# C++20, in functions that are always inlined, of functions that are not marked; with split
# stacks, safe stacks and link-time optimisation, and with the pedantry of old standards.
# time limit: 120
. "$(dirname "$0")/peers/build.sh"
lib=$(realpath "${DILL_LIB_DIR:-target/release}/libdill.a")
include=${DILL_INCLUDE_DIR:-include}
warnings='-Wall -Wextra -Wpedantic -Werror'

# runs SETTING... SOURCE: compiles with this command, and runs.
runs() {
    # shellcheck disable=SC2046,SC2068
    $@ $(main_of "${!#}") -pthread -I"$include" -Ic-tests "$lib" -ldl -lm -o "$work/program" > "$work/build.log" 2>&1 || {
        cat "$work/build.log"
        fail "$* does not build"
    }
    timeout 60 "$work/program" > "$work/run.log" 2>&1 < /dev/null || {
        cat "$work/run.log"
        fail "$* runs and fails"
    }
}

has() { command -v "$1" > /dev/null; }

tested=''
for cc in gcc gcc-11 clang clang-16 clang-19; do
    has $cc || continue
    tested+=" $cc"
    # Not in an old standard, with all warnings.
    for std in gnu89 c99; do
        # shellcheck disable=SC2086
        $cc -std=$std $warnings -O2 -I"$include" -c c-tests/compilers/old.c -o "$work/old.o" \
            > "$work/build.log" 2>&1 || { cat "$work/build.log"; fail "old.c [$cc $std]"; }
    done
    case $cc in
        gcc*) cxx=g++${cc#gcc} coroutines=-fcoroutines ;;
        *) cxx=clang++${cc#clang} coroutines='' ;;
    esac
    for level in -O0 -O2; do
        # With all others, a function that is launched must be marked.
        case $cc in
            clang-19) runs $cc $level "$warnings" -std=c99 -D_GNU_SOURCE c-tests/compilers/unmarked.c ;;
        esac
        if echo '#include <coroutine>' | $cxx -std=c++20 $coroutines -x c++ -E - \
                > /dev/null 2>&1; then
            runs $cxx $level "$warnings" -std=c++20 $coroutines c-tests/compilers/coroutines.cpp
            runs $cxx $level "$warnings" -std=c++17 c-tests/compilers/inlined.cpp
            runs $cxx $level "$warnings" -std=c++17 c-tests/cxx_own_launcher.cpp
        fi
        runs $cc $level "$warnings" -std=c99 -D_GNU_SOURCE c-tests/own_launcher.c
    done
done

# The linker called gold is the one that knows of split stacks.
if has gcc && has ld.gold; then
    # It does not understand all that gcc makes of functions when it optimises.
    runs gcc -O0 "$warnings" -std=c99 -D_GNU_SOURCE -fsplit-stack -fuse-ld=gold \
        c-tests/compilers/split_stack.c
fi
if has clang; then
    clang -fsanitize=safe-stack -I"$include" -c c-tests/compilers/old.c -o "$work/old.o" \
        2> "$work/build.log" && fail "safe stacks are no error"
    grep -q "error.*safe-stack" "$work/build.log" || fail "safe stacks: no word of them"
    # By "cargo build" alone, the library has bitcode of a version that clang may not know.
    if echo 'int main(void) { return 0; }' | clang -flto -x c - -o "$work/lto" 2> /dev/null &&
            has objdump && ! objdump -h "$lib" 2> /dev/null | grep -q llvmbc; then
        runs clang -O2 -flto "$warnings" -std=c99 -D_GNU_SOURCE c-tests/go_order.c
    fi
fi
[ -n "$tested" ] || skip "no compiler"
