# To be sourced by c-tests/peer_*.sh: how their programs are built and stopped.

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

skip() {
    echo "skip: $1"
    exit 77
}

fail() {
    echo "$1"
    for log in "$work"/*.log; do
        [ -s "$log" ] && sed "s|^|$(basename "$log"): |" "$log"
    done
    exit 1
}

# build SOURCE: a program in $work, linked statically.
build() {
    ${CC:-gcc} -O2 -pthread -Wall -Wextra -I"${DILL_INCLUDE_DIR:-include}" -Ic-tests "$1" \
        -o "$work/$(basename "$1" .c)" "${DILL_LIB_DIR:-target/release}/libdill.a" -ldl -lm ||
        fail "$1 does not compile"
}

# serve NAME COMMAND...: starts a server and waits for its first line, the one with its port.
serve() {
    serve_name=$1
    shift
    "$@" > "$work/$serve_name.log" 2>&1 < /dev/null &
    server=$!
    pids="$pids $server"
    tries=0
    while [ ! -s "$work/$serve_name.log" ]; do
        tries=$((tries + 1))
        [ $tries -gt 100 ] && fail "$serve_name does not start"
        sleep 0.05
    done
    port=$(head -n 1 "$work/$serve_name.log" | sed 's/.*:\([0-9]*\).*/\1/')
}

# same WHAT SEEN EXPECTED
same() {
    [ "$2" = "$3" ] || fail "$1: expected '$3', saw '$2'"
}
