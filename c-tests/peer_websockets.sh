#!/bin/sh
# Python's "websockets" as client and as server; and a chat that ends gracefully.
# time limit: 60
. "$(dirname "$0")/peers/build.sh"
python3 -c 'import websockets.asyncio.server' 2> /dev/null ||
    skip "python3 with websockets 13 or newer is not installed"
build c-tests/peers/websocket.c
serve server "$work/websocket"
python3 c-tests/peers/websocket_peer.py "ws://127.0.0.1:$port/" \
    > "$work/client.log" 2>&1 || fail "websockets as client"
same "how the first client has left" "$(grep messages "$work/server.log")" \
    "/messages: Broken pipe, 4000 enough"

serve python python3 c-tests/peers/websocket_peer.py
"$work/websocket" "$port" > "$work/client.log" 2>&1 || fail "websockets as server"
same "what the server has got" "$(grep closed "$work/python.log" | head -n 1)" "closed 4321 done"

build examples-c/ws_chat.c
serve chat "$work/ws_chat"
cat > "$work/chat.py" <<'PY'
import asyncio, os, signal, sys, websockets
from websockets.asyncio.client import connect

async def main(url, pid):
    async with connect(url) as a, connect(url) as b:
        await a.send("hello")
        assert [await a.recv(), await b.recv()] == ["hello", "hello"]
        await b.send("and goodbye")
        assert [await a.recv(), await b.recv()] == ["and goodbye", "and goodbye"]
        os.kill(pid, signal.SIGTERM)
        for ws in (a, b):
            try:
                await asyncio.wait_for(ws.recv(), 5)
                raise AssertionError("no end")
            except websockets.ConnectionClosed:
                pass
            assert (ws.close_code, ws.close_reason) == (1001, "bye"), ws.close_code

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
PY
python3 "$work/chat.py" "ws://127.0.0.1:$port/" "$server" > "$work/talk.log" 2>&1 ||
    fail "the chat"
wait "$server" || fail "the chat's exit status"
same "the chat's last words" "$(tail -n 1 "$work/chat.log")" "all have left"
