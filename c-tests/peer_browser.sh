#!/bin/sh
# A browser's WebSocket: headless Chromium opens c-tests/peers/browser.html, whose script
# talks to our server and posts what it has seen.
# time limit: 60
. "$(dirname "$0")/peers/build.sh"
for browser in chromium chromium-browser google-chrome; do
    command -v $browser > /dev/null && break
    browser=
done
[ -n "$browser" ] || skip "chromium is not installed"
build c-tests/peers/websocket.c
build c-tests/peers/page_server.c
serve websocket "$work/websocket"
ws_port=$port
serve page "$work/page_server" c-tests/peers/browser.html
"$browser" --headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage \
    --no-first-run --no-proxy-server --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$work/profile" \
    --remote-debugging-port=0 "http://127.0.0.1:$port/?$ws_port" \
    > "$work/browser.log" 2>&1 < /dev/null &
pids="$pids $!"
await page '^passed\|^failed'
same "what the browser has seen" "$(sed -n 2p "$work/page.log")" passed
same "how it has left" "$(sort "$work/websocket.log" | grep '^/')" \
"/echo: Broken pipe, 4001 enough €
/leaves: detached
/plain: Broken pipe, 0 "
