#!/bin/bash
# Programs compiled with AddressSanitizer and UndefinedBehaviorSanitizer, or ThreadSanitizer,
# against the ordinary library: they run clean, with deep stacks and the detection of uses after
# return, and mistakes inside of coroutines are found, with the way from the launch to the mistake.
# time limit: 120
. "$(dirname "$0")/peers/build.sh"
lib=${DILL_LIB_DIR:-target/release}/libdill.a
include=${DILL_INCLUDE_DIR:-include}
export ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

# sanitized COMPILER LEVEL SOURCE [SANITIZERS]: builds $work/NAME.
sanitized() {
    # shellcheck disable=SC2046
    $1 -g "$2" -std=c99 -D_GNU_SOURCE -pthread "-fsanitize=${4:-address,undefined}" \
        -fno-omit-frame-pointer -I"$include" -Ic-tests "$3" $(main_of "$3") \
        -o "$work/$(basename "$3" .c)" "$lib" -ldl -lm > "$work/build.log" 2>&1
}

# finds SETTING MISTAKE PATTERN FRAME...: the report has the pattern, and the frames in this
# order, the innermost first.
finds() {
    local setting="$1 $2" log=$work/planted.log found
    "$work/planted" "$2" > "$log" 2>&1 < /dev/null
    grep -Eq "$3" "$log" || fail "$setting: no report"
    found=$(sed -n "/$3/,/^\$/s/^ *#[0-9]* 0x[0-9a-f]* in \([a-z_]*\).*/\1/p" "$log" | uniq | tr '\n' ' ')
    shift 3
    case " $found" in *" $* "*) ;; *) fail "$setting: the way is '$found', not '$*'" ;; esac
    # Nothing above the launch.
    case "$found" in *"launch life"*) fail "$setting: the way does not end: '$found'" ;; esac
}

# runs_clean COMPILER SANITIZERS NAME...: these tests.
runs_clean() {
    local cc=$1 sanitizers=$2 name
    shift 2
    for name; do
        sanitized "$cc" -O1 "c-tests/$name.c" "$sanitizers" || fail "$name does not compile [$cc]"
        "$work/$name" > "$work/$name.log" 2>&1 < /dev/null ||
            fail "$name with -fsanitize=$sanitizers [$cc]"
        rm -f "$work/$name" "$work/$name.log"
    done
}

# races COMPILER: what ThreadSanitizer says of two threads with coroutines.
races() {
    local log=$work/planted.log ways
    sanitized "$1" -O1 c-tests/debug/planted.c thread || return 1
    "$work/planted" race two > "$log" 2>&1 < /dev/null && fail "race [$1]: no report"
    grep -q 'WARNING: ThreadSanitizer: data race' "$log" || fail "race [$1]: no data race"
    # Both ways to it, each from the coroutine's function, and nothing of other coroutines.
    ways=$(sed -n '/data race/,/Location/s/^ *#[0-9]* \([a-z_]*\) .*/\1/p' "$log" | uniq | tr '\n' ' ')
    same "race [$1]: the ways" "$ways" 'race deep worker launch race deep worker launch '
    "$work/planted" take_turns two > "$log" 2>&1 < /dev/null || fail "take_turns [$1]"
    ! grep -q WARNING "$log" || fail "take_turns [$1]: a report where there is no mistake"
}

tested=''
for cc in gcc clang; do
    command -v $cc > /dev/null || continue
    levels='-O0 -O2'
    [ $cc = gcc ] || levels=-O1
    for level in $levels; do
        if ! sanitized $cc $level c-tests/debug/planted.c; then
            grep -Eq 'cannot find.*(asan|ubsan)|libclang_rt' "$work/build.log" ||
                fail "planted.c does not compile [$cc]"
            echo "no sanitizers for $cc"
            continue 2
        fi
        tested+=" $cc"
        setting="$cc $level"
        # So many calls of deep() are in between.
        finds "$setting" heap_overflow heap-buffer-overflow heap_overflow deep worker launch
        finds "$setting" use_after_free heap-use-after-free use_after_free deep worker launch
        finds "$setting" stack_overflow stack-buffer-overflow stack_overflow deep worker launch
        finds "$setting" use_after_return stack-use-after-return use_after_return deep worker launch
        for mistake in finished finished_replaced; do
            finds "$setting" $mistake stack-use-after-return use_finished life
            ASAN_OPTIONS=$ASAN_OPTIONS:detect_stack_use_after_return=0 \
                finds "$setting" $mistake use-after-poison use_finished life
        done
        finds "$setting" use_after_scope stack-use-after-scope use_after_scope deep worker launch
        finds "$setting" leak "Direct leak of 12345" leak deep worker launch
        finds "$setting" undefined "shift exponent 33" undefined deep worker launch
        # Deeper than the report goes, but it says where.
        finds "$setting" endless "AddressSanitizer: stack-overflow" endless
        for clean in nothing held many stacks_gone; do
            "$work/planted" $clean > "$work/planted.log" 2>&1 < /dev/null ||
                fail "$setting: an error where there is none: $clean"
            ! grep -Eq 'ERROR|runtime error|WARNING' "$work/planted.log" ||
                fail "$setting: a report where there is no mistake: $clean"
        done
    done
    races $cc || fail "planted.c does not compile with ThreadSanitizer [$cc]"
    [ $cc = gcc ] || continue
    # A part of the tests: all ways to switch stacks, sockets, helper threads.
    runs_clean $cc address,undefined api_fuzz bundle cancel channel choose fork_resources fork_workers \
        go_order happy_eyeballs http launch_turns notify tcp tls turns_exceptions turns_failing \
        turns_succeeding ws
    runs_clean $cc thread bundle channel happy_eyeballs launch_turns libdill_binary tcp \
        turns_failing turns_succeeding
done
[ -n "$tested" ] || skip "no compiler here has sanitizers"
