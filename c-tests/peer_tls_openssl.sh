#!/bin/bash
# OpenSSL as the peer: TLS 1.2 and 1.3, as client and as server, certificates of both sides,
# goodbyes (close_notify) both ways. Finds library and header as c-tests/run does.

set -u
cd "$(dirname "$0")/.." || exit 2
command -v openssl > /dev/null || { echo "skip: openssl is not installed"; exit 77; }
lib=${DILL_LIB_DIR:-target/release} include=${DILL_INCLUDE_DIR:-include}
certs=c-tests/certs
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; rm -rf "$work"' EXIT
peer=$work/tls_peer
${CC:-gcc} -O2 -std=c99 -D_GNU_SOURCE -Wall -Wextra -Werror -pthread -I"$include" \
    c-tests/peers/tls_peer.c "$lib/libdill.a" -ldl -lm -o "$peer" || exit 1

fail() {
    echo "$1"
    shift
    for file; do echo "--- $file"; cat "$file"; done
    exit 1
}

# Waits until a line of file $1 matches $2, and prints it.
await() {
    local tries=0
    until grep -m 1 -E "$2" "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || return 1
        sleep 0.05
    done
}

# server VERSION EXPECTED S_CLIENT_OPTIONS -- PEER_OPTIONS: our server, OpenSSL's client, which
# sends its goodbye when its input ends.
server() {
    local version=$1 expected=$2 port options=()
    shift 2
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    "$peer" server "$certs/chain.pem" "$certs/server.key" "$@" > "$work/ours" 2>&1 &
    local pid=$!
    port=$(await "$work/ours" '^[0-9]+$') || fail "our server does not start" "$work/ours"
    { echo hello; sleep 0.5; } | timeout 10 openssl s_client -quiet -no_ign_eof "-$version" \
        -connect "127.0.0.1:$port" -servername localhost -verify_return_error \
        -CAfile "$certs/ca.pem" "${options[@]}" > "$work/theirs" 2> "$work/log"
    wait $pid
    tail -n +2 "$work/ours" | tr '\n' ' ' > "$work/seen"
    grep -qE "^$expected\$" "$work/seen" ||
        fail "our server, $version: expected '$expected'" "$work/seen" "$work/log"
    case $expected in
        attached*) grep -qx HELLO "$work/theirs" || fail "no answer" "$work/theirs" ;;
    esac
    echo "ok: our server, $version, $*"
}

# OpenSSL's client closes the connection right after its goodbye, so ours can't say all.
clean='attached goodbye (detached|done: ECONNRESET|send: ECONNRESET|detach: ECONNRESET) '
server tls1_2 "$clean" --
server tls1_3 "$clean" --
server tls1_2 "$clean" -cert "$certs/client.pem" -key "$certs/client.key" -- "$certs/ca.pem"
server tls1_3 "$clean" -cert "$certs/client.pem" -key "$certs/client.key" -- "$certs/ca.pem"
server tls1_2 'attach: EACCES ' -- "$certs/ca.pem"
server tls1_3 'attach: EACCES ' -- "$certs/ca.pem"
server tls1_3 'attach: EACCES ' -cert "$certs/client.pem" -key "$certs/client.key" -- \
    "$certs/other_ca.pem"

# client VERSION EXPECTED HOSTNAME CA S_SERVER_OPTIONS: our client, OpenSSL's server, which
# turns lines around.
client() {
    local version=$1 expected=$2 name=$3 ca=$4
    shift 4
    : > "$work/theirs"
    openssl s_server "-$version" -accept 127.0.0.1:0 -naccept 1 -rev \
        -cert "$certs/leaf.pem" -cert_chain "$certs/chain.pem" -key "$certs/server.key" "$@" \
        > "$work/theirs" 2>&1 < /dev/null &
    local pid=$! port
    port=$(await "$work/theirs" '^ACCEPT .*:[0-9]+') ||
        fail "openssl s_server does not start" "$work/theirs"
    port=${port##*:}
    "$peer" client "$port" "$name" "$ca" > "$work/ours" 2>&1
    kill $pid 2> /dev/null
    wait $pid 2> /dev/null
    tr '\n' ' ' < "$work/ours" > "$work/seen"
    grep -qE "^$expected\$" "$work/seen" ||
        fail "our client, $version: expected '$expected'" "$work/seen" "$work/theirs"
    echo "ok: our client, $version, $name"
}

for version in tls1_2 tls1_3; do
    client $version 'attached olleh goodbye detached ' localhost "$certs/ca.pem"
    client $version 'attach: EACCES ' example.org "$certs/ca.pem"
    client $version 'attach: EACCES ' localhost "$certs/other_ca.pem"
done
# The server wants a certificate, and ours has none.
client tls1_2 'attach: (EACCES|EPROTO|ECONNRESET) ' localhost "$certs/ca.pem" \
    -Verify 1 -CAfile "$certs/ca.pem"
client tls1_3 'attached receive: (EACCES|EPROTO|ECONNRESET) ' localhost "$certs/ca.pem" \
    -Verify 1 -CAfile "$certs/ca.pem"
exit 0
