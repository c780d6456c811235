#!/bin/sh
# curl against an HTTP server: keep-alive, lengths, chunks, HEAD, "Expect: 100-continue".
# time limit: 60
. "$(dirname "$0")/peers/build.sh"
command -v curl > /dev/null || skip "curl is not installed"
build c-tests/peers/http_server.c
serve http_server "$work/http_server"
url=http://127.0.0.1:$port
get() { curl -sS --max-time 10 "$@" 2>&1; }

same "three requests on a connection" "$(get "$url/a" "$url/b" "$url/c")" "1.1 /a
1.2 /b
1.3 /c"
same "HEAD" "$(get -I "$url/" | tr -d '\r' | head -n 1)" "HTTP/1.1 200 OK"
same "after HEAD" "$(get -I "$url/x" -o /dev/null --next "$url/y")" "3.2 /y"

head -c 1000000 /dev/urandom > "$work/body"
for sent in "" "Transfer-Encoding: chunked" "Expect: 100-continue"; do
    for back in length chunked; do
        get -H "$sent" --data-binary @"$work/body" "$url/$back" -o "$work/seen" ||
            fail "sending to /$back ($sent)"
        cmp -s "$work/body" "$work/seen" || fail "/$back ($sent) has changed the body"
    done
done
same "two uploads on a connection" \
    "$(get -d one "$url/chunked" --next -d two "$url/length" -w ' %{num_connects}')" "onetwo 0"
# A body that the server has no interest in does not get in the way of the next request.
same "after a body that was ignored" \
    "$(get -d abc "$url/ignored" -w '%{http_code} ' --next "$url/next" | sed 's/[0-9]*\.//')" \
    "204 2 /next"
same "HTTP/1.0" "$(get -0 "$url/old" | sed 's/.* //')" "/old"
kill -0 "$server" 2> /dev/null || fail "the server has died"
