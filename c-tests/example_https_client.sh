#!/bin/bash
# OpenSSL's web server as the peer of the example $1.
set -u
command -v openssl > /dev/null || { echo "skip: openssl is not installed"; exit 77; }
certs=c-tests/certs
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; rm -rf "$work"' EXIT
fail() { echo "$1"; cat "$work"/*; exit 1; }
openssl s_server -accept 127.0.0.1:0 -www -cert $certs/leaf.pem -cert_chain $certs/chain.pem \
    -key $certs/server.key > "$work/server" 2>&1 < /dev/null &
until port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/server"); [ -n "$port" ]; do
    kill -0 $! 2> /dev/null || fail "the server has ended"
    sleep 0.05
done
"$1" localhost "$port" / $certs/ca.pem > "$work/page" 2> "$work/err" || fail "exit status $?"
grep -q '^HTTP/1.0 200 ok' "$work/page" || fail 'no page'
grep -q 'TLSv1.3' "$work/page" || fail 'not by TLS 1.3'
"$1" localhost "$port" / $certs/other_ca.pem > "$work/page" 2> "$work/err" &&
    fail 'the server is trusted'
grep -q 'no TLS session with localhost: Permission denied' "$work/err" || fail 'another error'
exit 0
