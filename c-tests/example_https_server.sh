#!/bin/bash
# curl, with the tests' authority, as a client of the example $1.
set -u
command -v curl > /dev/null || { echo "skip: curl is not installed"; exit 77; }
certs=c-tests/certs
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; rm -rf "$work"' EXIT
"$1" 0 $certs/chain.pem $certs/server.key > "$work/out" 2> "$work/err" &
pid=$!
fail() { echo "$1"; cat "$work"/*; exit 1; }
until port=$(sed -n 's/^listening on port //p' "$work/out"); [ -n "$port" ]; do
    kill -0 $! 2> /dev/null || fail "the server has ended"
    sleep 0.05
done
get() { curl -sS -m 10 --noproxy '*' --cacert $certs/ca.pem "$@" 2>> "$work/curl"; }
url=https://localhost:$port
for version in 1.2 1.3; do
    [ "$(get --tlsv$version --tls-max $version $url/)" = 'Hello over TLS' ] ||
        fail "no answer by TLS $version"
done
# Several requests on one connection, a large request too.
[ "$(get -w '%{num_connects} ' $url/1 $url/2 $url/3 | tr '\n' ' ')" = \
    'Hello over TLS 1 Hello over TLS 0 Hello over TLS 0 ' ] || fail 'no keep-alive'
get -f -X POST $url/ > /dev/null && fail 'POST is answered'
# A wrong authority, and no TLS at all: both fail, and the server goes on.
curl -sS -m 10 --noproxy '*' --cacert $certs/other_ca.pem $url/ > /dev/null 2>> "$work/curl" &&
    fail 'curl trusts anybody'
curl -sS -m 10 --noproxy '*' "http://127.0.0.1:$port/" > /dev/null 2>> "$work/curl" &&
    fail 'plain HTTP is answered'
[ "$(get $url/)" = 'Hello over TLS' ] || fail 'no answer any more'
kill -TERM $pid
wait $pid || fail "exit status $?"
grep -qx 'all connections have ended' "$work/out" || fail 'no graceful end'
exit 0
