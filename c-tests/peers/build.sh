# To be sourced by c-tests/peer_*.sh and debug_*.sh: how their programs are built, started and stopped.

set -u
cd "$(dirname "$0")/.." || exit 2
work=$(mktemp -d) || exit 2
pids=''
cleanup() {
    for pid in $pids; do kill "$pid" 2> /dev/null; done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
# The runner's time limit: the logs tell how far it came.
trap 'fail "ended by SIGTERM"' TERM

skip() {
    echo "skip: $1"
    exit 77
}

# The reason comes last, as the end of the output is what c-tests/run shows.
fail() {
    for log in "$work"/*.log; do
        [ -s "$log" ] && sed "s|^|$(basename "$log"): |" "$log"
    done
    echo "$1"
    exit 1
}

# main_of SOURCE: prints what a program of tests (runner/tests.h) is linked with to have a main().
main_of() {
    ! grep -q '^int main(' "$1" || return 0
    [ -e "$work/tests.o" ] || gcc -O2 -c c-tests/runner/tests.c -o "$work/tests.o" ||
        fail "tests.c does not compile"
    echo "$work/tests.o"
}

# build SOURCE: a program in $work, linked statically.
build() {
    ${CC:-gcc} -O2 -pthread -Wall -Wextra -I"${DILL_INCLUDE_DIR:-include}" -Ic-tests "$1" \
        -o "$work/$(basename "$1" .c)" "${DILL_LIB_DIR:-target/release}/libdill.a" -ldl -lm ||
        fail "$1 does not compile"
}

# await NAME PATTERN: until a line of $work/NAME.log matches. The runner has the time limit.
await() {
    until grep -q "$2" "$work/$1.log"; do sleep 0.05; done
}

# serve NAME COMMAND...: starts a server and waits for its first line, which ends in its port.
serve() {
    serve_name=$1
    shift
    : > "$work/$serve_name.log"
    "$@" > "$work/$serve_name.log" 2>&1 < /dev/null &
    server=$!
    pids="$pids $server"
    until grep -q '[0-9]$\|[0-9]/$' "$work/$serve_name.log"; do
        kill -0 "$server" 2> /dev/null || fail "$serve_name has ended"
        sleep 0.05
    done
    port=$(head -n 1 "$work/$serve_name.log" | sed 's|/$||; s/.*[^0-9]//')
}

# same WHAT SEEN EXPECTED
same() {
    [ "$2" = "$3" ] || fail "$1: expected '$3', saw '$2'"
}
