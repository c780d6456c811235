#!/bin/bash
# A rolling restart as an operator does it: a server under load is replaced again and again by
# the next one on the same port. No request may fail.
#
#   c-tests/reliability_restart.sh [restarts]
# time limit: 120

set -u
cd "$(dirname "$0")/.." || exit 2
restarts=${1:-20}
lib=${DILL_LIB_DIR:-target/release}
include=${DILL_INCLUDE_DIR:-include}
command -v wrk > /dev/null || { echo "skip: wrk isn't installed"; exit 77; }

dir=$(mktemp -d) || exit 2
server=''
load=''
trap '[ -n "$server" ] && kill "$server" 2> /dev/null
      [ -n "$load" ] && kill "$load" 2> /dev/null
      rm -rf "$dir"' EXIT

gcc -O2 -pthread -I"$include" examples-c/graceful_server.c "$lib/libdill.a" -ldl -lm \
    -o "$dir/server" || exit 1

# start PORT NAME: waits until it listens.
start() {
    "$dir/server" -p "$1" -g 20 -r > "$dir/$2" 2>&1 &
    server=$!
    while kill -0 "$server" 2> /dev/null; do
        grep -qs listening "$dir/$2" && return 0
        sleep 0.02
    done
    echo "the server doesn't start:"
    cat "$dir/$2"
    return 1
}

start 0 0 || exit 1
port=$(sed -n 's/.*port //p' "$dir/0")
# Longer than it all takes; it is told to stop.
wrk -t 1 -c 40 -d 600 "http://127.0.0.1:$port/" > "$dir/wrk" 2>&1 &
load=$!
for((n = 1; n <= restarts; n++)); do
    old=$server
    start "$port" "$n" || exit 1
    kill -TERM "$old"
    wait "$old"
    status=$?
    if [ "$status" -ne 0 ]; then
        echo "server $n ended with $status"
        cat "$dir/$((n - 1))"
        exit 1
    fi
done
kill -INT "$load" || exit 1
wait "$load"
load=''
kill -TERM "$server"
wait "$server" || exit 1
server=''
cat "$dir/wrk"
if grep -qE 'Socket errors|Non-2xx' "$dir/wrk"; then
    echo "requests have failed"
    exit 1
fi
requests=$(sed -n 's/ *\([0-9]*\) requests in.*/\1/p' "$dir/wrk")
echo "$restarts restarts, $requests requests, none failed"
[ "${requests:-0}" -gt $((restarts * 10)) ]
