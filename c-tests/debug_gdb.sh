#!/bin/bash
# gdb: backtraces in coroutines end with the launch, and the script share/libdill-gdb.py shows
# those that do not run; with every compiler, in running programs and core files, with
# and without symbols of the library.
# time limit: 120
. "$(dirname "$0")/peers/build.sh"
command -v gdb > /dev/null || skip "gdb is not installed"
lib=${DILL_LIB_DIR:-target/release}
source=c-tests/debug/coroutines.c
mkdir "$work/lib"
strip -o "$work/lib/libdill.so.20" "$lib/libdill.so" || fail "strip fails"
ln -s libdill.so.20 "$work/lib/libdill.so"

# gdb_on PROGRAM [CORE] -- COMMAND...: what gdb prints.
gdb_on() {
    local files=() commands=()
    while [ "$1" != -- ]; do files+=("$1"); shift; done
    shift
    for command; do commands+=(-ex "$command"); done
    gdb -q -nx -batch -ex 'set width 0' -ex 'set debuginfod enabled off' \
        -ex 'set style enabled off' -ex 'source share/libdill-gdb.py' "${commands[@]}" \
        "${files[@]}" > "$work/gdb.log" 2>&1 < /dev/null
    ! grep -q 'ptrace: Operation not permitted' "$work/gdb.log" || skip "gdb may not trace here"
}

# frames FROM: the functions of the backtrace behind the line FROM, up to the next empty line.
frames() {
    awk -v from="$1" '$0 ~ from { on = 1 } on && /^$/ { exit } on' "$work/gdb.log" |
        sed -n 's/^#[0-9]* *\(0x[0-9a-f]* in \)\?\([^ ]*\).*/\2/p' | sed 's/^redill::capi::[a-z_:]*::dill_/dill_/' |
        grep -v :: | tr '\n' ' ' | sed 's/ $//'
}

# users FROM: the same without the library's own, of which there may be some in between.
users() { frames "$1" | sed 's/^\(\(dill_[a-z]*\|??\) \)*//'; }

line_of() { grep -n "$1" $source | tail -n 1 | cut -d: -f1; }
manager=$source:$(line_of 'bundle_go(b, manager')
reader=$source:$(line_of 'bundle_go(b, reader(s')
receiver=$source:$(line_of 'bundle_go(b, receiver')

# tree: the output of "info coroutines" in the log, without what follows state and handle.
tree() { sed -n 's/^\([* ] *[0-9.]* [^ ]*: [a-z]*\),.*/\1/p; s/^\( *bundle \)[0-9]*$/\1N/p' "$work/gdb.log"; }

expected_tree="* 0 main: running
    bundle N
      1 $manager: blocked
        bundle N
          2 $receiver: blocked
          3 $receiver: blocked
      4 $reader: blocked"

# Everything that a program shows, which stands in all_wait().
check_all() {
    local setting=$1
    same "the tree [$setting]" "$(tree)" "$expected_tree"
    same "main [$setting]" "$(users 'Coroutine 0 ')" "all_wait main"
    same "the manager [$setting]" "$(users 'Coroutine 1 ')" "manager main"
    same "a receiver [$setting]" "$(users 'Coroutine 2 ')" "take receiver launch_receivers"
    same "the other [$setting]" "$(users 'Coroutine 3 ')" "take receiver launch_receivers"
    same "a reader [$setting]" "$(users 'Coroutine 4 ')" "reader main"
    ! grep -q 'corrupt stack\|Backtrace stopped' "$work/gdb.log" || fail "a torn stack [$setting]"
    same "gdb's own backtrace [$setting]" "$(frames '^Own:')" "all_wait main"
}
show=('info coroutines' 'coroutine apply all bt' 'echo \nOwn:\n' bt)

for cc in gcc clang; do
    command -v $cc > /dev/null || continue
    for level in -O0 -O2; do
        flags=(-g $level -pthread -I"${DILL_INCLUDE_DIR:-include}" $source)
        $cc "${flags[@]}" -o "$work/static" "$lib/libdill.a" -ldl -lm || fail "does not link"
        $cc "${flags[@]}" -o "$work/shared" -L"$work/lib" -ldill -Wl,-rpath,"$work/lib" ||
            fail "does not link"
        for program in static shared; do
            gdb_on "$work/$program" -- 'break all_wait' run "${show[@]}"
            check_all "$cc $level $program"
        done

        # In a coroutine that runs: up to its launch, and no further.
        # And in its parent, once that goes on.
        gdb_on "$work/static" -- 'break receiver' run bt 'echo \nEnd.\n' delete \
            'break at_work if *number == 0' continue 'echo \nParent:\n' bt
        same "at the start of a coroutine [$cc $level]" "$(frames '^#0')" "receiver launch_receivers"
        same "in a parent [$cc $level]" "$(frames Parent:)" "at_work launch_receivers manager main"
    done

    # Inside of the library's own entry points.
    gdb_on "$work/static" -- 'break dill_chrecv' 'break dill_msleep' run bt \
        continue continue 'echo \nNext:\n' bt
    case $(frames '^#0') in "dill_chrecv take receiver launch_receivers"*) ;;
        *) fail "in chrecv [$cc]: $(frames '^#0')" ;; esac
    same "in msleep [$cc]" "$(frames Next:)" "dill_msleep manager main"
    # Of a library that is not there yet, and whose calls go without stubs.
    gdb_on "$work/shared" -- 'set breakpoint pending on' 'break dill_chrecv' run bt
    case $(frames '^#0') in "dill_chrecv take receiver launch_receivers"*) ;;
        *) fail "in chrecv, pending [$cc]: $(frames '^#0')" ;; esac

    # A command of another kind, in the frame of the user's code.
    $cc -g -O0 -pthread -I"${DILL_INCLUDE_DIR:-include}" $source -o "$work/static" \
        "$lib/libdill.a" -ldl -lm || fail "does not link"
    gdb_on "$work/static" -- 'break all_wait' run 'coroutine 3 print number' \
        'coroutine 3 info locals' 'coroutine 9 bt'
    grep -q '^\$1 = 101$' "$work/gdb.log" || fail "no variable of a coroutine [$cc]"
    grep -q '^value = 101$' "$work/gdb.log" || fail "no locals of a coroutine [$cc]"
    grep -q 'There is no coroutine 9' "$work/gdb.log" || fail "a coroutine too many [$cc]"

    # Two threads with coroutines; where the first one waits is not for us to say.
    gdb_on "$work/static" -- 'break all_wait' 'run threads' 'info coroutines' 'coroutine 2.1 bt'
    same "the mains of two threads [$cc]" \
        "$(sed -n 's/^\* *\(1\.0 main: running\),.*/\1/p; s/^\* *\(2\.0 main: running, [a-z_]*\).*/\1/p' \
            "$work/gdb.log")" "1.0 main: running
2.0 main: running, all_wait"
    case $(frames '^#0') in *"reader other_thread") ;;
        *) fail "the other thread's reader [$cc]: $(frames '^#0')" ;; esac

    # A core file of the kernel's.
    (
        cd "$work" && ulimit -c unlimited
        gdb -q -nx -batch -ex 'break all_wait' -ex run -ex 'signal SIGABRT' "$work/static"
    ) > /dev/null 2>&1 < /dev/null
    core=$(find "$work" -maxdepth 1 -name 'core*' | head -n 1)
    if [ -n "$core" ]; then
        gdb_on "$work/static" "$core" -- "${show[@]}"
        check_all "$cc core"
        rm -f "$core"
    fi
done
