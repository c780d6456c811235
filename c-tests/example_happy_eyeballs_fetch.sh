#!/bin/bash
# Python's web server as the peer of the example $1, on IPv4 only: whatever else the name
# localhost stands for is refused.
set -u
command -v python3 > /dev/null || { echo "skip: python3 is not installed"; exit 77; }
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; rm -rf "$work"' EXIT
fail() { echo "$1"; cat "$work"/*; exit 1; }
mkdir "$work/root"
echo 'a page' > "$work/root/page"
python3 -u -m http.server -b 127.0.0.1 -d "$work/root" 0 > "$work/server" 2>&1 &
until port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/server"); [ -n "$port" ]; do
    kill -0 $! 2> /dev/null || fail "the server has ended"
    sleep 0.05
done
"$1" localhost "$port" /page > "$work/page" 2> "$work/err" || fail "exit status $?"
grep -q '^HTTP/1.0 200 OK' "$work/page" && tail -n 1 "$work/page" | grep -qx 'a page' ||
    fail 'no page'
grep -q '^connected after' "$work/err" || fail 'not connected'
exit 0
