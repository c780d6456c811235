#!/bin/sh
# curl through the SOCKS5 proxy of the examples, to an HTTP server.
# time limit: 60
. "$(dirname "$0")/peers/build.sh"
command -v curl > /dev/null || skip "curl is not installed"
build c-tests/peers/http_server.c
build examples-c/socks5_proxy.c
serve http_server "$work/http_server"
url=http://127.0.0.1:$port
get() { curl -sS --max-time 10 "$@" 2>&1; }

serve open "$work/socks5_proxy"
same "by address" "$(get --socks5 "127.0.0.1:$port" "$url/a" | sed 's/.* //')" "/a"
same "by name" "$(get --socks5-hostname "127.0.0.1:$port" "$url/b" | sed 's/.* //')" "/b"
head -c 1000000 /dev/urandom > "$work/body"
get --socks5 "127.0.0.1:$port" --data-binary @"$work/body" "$url/chunked" -o "$work/seen"
cmp -s "$work/body" "$work/seen" || fail "the proxy has changed the body"
get --socks5 "127.0.0.1:$port" http://127.0.0.1:1/ > "$work/refused.txt"
same "refused connection" "$?" 97
kill "$server"
wait "$server"
same "a graceful end" "$(tail -n 1 "$work/open.log")" "all connections have ended"

serve closed "$work/socks5_proxy" 0 me secret
same "with a password" \
    "$(get --socks5 "127.0.0.1:$port" --proxy-user me:secret "$url/c" | sed 's/.* //')" "/c"
get --socks5 "127.0.0.1:$port" --proxy-user me:wrong "$url/d" > "$work/wrong.txt"
same "wrong password" "$?" 97
get --socks5 "127.0.0.1:$port" "$url/e" > "$work/none.txt"
same "no password" "$?" 97
