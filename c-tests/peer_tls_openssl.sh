#!/bin/bash
# OpenSSL as the peer: TLS 1.2 and 1.3, as client and as server, certificates of both sides,
# goodbyes (close_notify) both ways.
# time limit: 60
. "$(dirname "$0")/peers/build.sh"
command -v openssl > /dev/null || skip "openssl is not installed"
certs=c-tests/certs
build c-tests/peers/tls_peer.c
peer=$work/tls_peer

# saw NAME EXPECTED SKIP: the lines of our program, but the first SKIP ones, in a row.
saw() {
    seen=$(tail -n "+$(($3 + 1))" "$work/$1.log" | tr '\n' ' ')
    [[ "$seen" =~ ^$2$ ]] || fail "$label: expected '$2', saw '$seen'"
}

# said_goodbye DIRECTION: OpenSSL has received (<<<) or sent (>>>) one, by its own log.
said_goodbye() {
    grep -q "^$1 TLS.*Alert.*warning close_notify" "$work/msg.log" || fail "$label: no $1 goodbye"
}

# server VERSION EXPECTED INPUT S_CLIENT_OPTIONS -- PEER_OPTIONS: our server, OpenSSL's client,
# which sends its goodbye when its input ends.
server() {
    local version=$1 expected=$2 input=$3 options=()
    label="our server, $version, $input, ${*:4}"
    shift 3
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    serve ours "$peer" server $certs/chain.pem $certs/server.key "$@"
    { echo "$input"; sleep 0.5; } | openssl s_client -quiet -no_ign_eof "-$version" \
        -msg -msgfile "$work/msg.log" -connect "127.0.0.1:$port" -servername localhost \
        -verify_return_error -CAfile $certs/ca.pem "${options[@]}" > "$work/theirs.log" 2>&1
    wait "$server"
    saw ours "$expected" 1
    case $expected in
        attached*) grep -qx "${input^^}" "$work/theirs.log" || fail "$label: no answer" ;;
    esac
}

# Their goodbye comes first, and then they close the connection without waiting for ours.
theirs='attached goodbye (detached|done: ECONNRESET|send: ECONNRESET|detach: ECONNRESET) '
client_cert=(-cert $certs/client.pem -key $certs/client.key)
for version in tls1_2 tls1_3; do
    server $version "$theirs" hello --
    said_goodbye '>>>'
    server $version "$theirs" hello "${client_cert[@]}" -- $certs/ca.pem
    # Ours comes first.
    server $version 'attached done goodbye detached ' over --
    said_goodbye '<<<'
    said_goodbye '>>>'
    server $version 'attach: EACCES ' hello -- $certs/ca.pem
    server $version 'attach: EACCES ' hello "${client_cert[@]}" -- $certs/other_ca.pem
done

# client VERSION EXPECTED HOSTNAME CA S_SERVER_OPTIONS: our client, OpenSSL's server, which
# turns lines around.
client() {
    local version=$1 expected=$2 name=$3 ca=$4
    label="our client, $version, ${*:3}"
    shift 4
    : > "$work/theirs.log"
    : > "$work/msg.log"
    openssl s_server "-$version" -accept 127.0.0.1:0 -naccept 1 -rev -msg -msgfile "$work/msg.log" \
        -cert $certs/leaf.pem -cert_chain $certs/chain.pem -key $certs/server.key "$@" \
        > "$work/theirs.log" 2>&1 < /dev/null &
    server=$!
    pids="$pids $server"
    await theirs '^ACCEPT .*:[0-9]'
    port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/theirs.log")
    "$peer" client "$port" "$name" "$ca" > "$work/ours.log" 2>&1
    saw ours "$expected" 0
    case $expected in
        attached*detached*)
            # It goes on after the connection, so its log may come late.
            await msg '^>>> TLS.*Alert.*warning close_notify'
            said_goodbye '<<<' ;;
    esac
    kill "$server" 2> /dev/null
    wait "$server" 2> /dev/null
}

for version in tls1_2 tls1_3; do
    client $version 'attached olleh goodbye detached ' localhost $certs/ca.pem
    client $version 'attach: EACCES ' example.org $certs/ca.pem
    client $version 'attach: EACCES ' localhost $certs/other_ca.pem
done
# The server wants a certificate, and ours has none.
wants=(-Verify 1 -CAfile $certs/ca.pem)
client tls1_2 'attach: (EACCES|EPROTO|ECONNRESET) ' localhost $certs/ca.pem "${wants[@]}"
client tls1_3 'attached receive: (EACCES|EPROTO|ECONNRESET) ' localhost $certs/ca.pem "${wants[@]}"
