"""The Python `websockets` library as client (URL given) or as server (no argument)."""

import asyncio
import http
import os
import sys

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def client(url):
    async with connect(url + "messages", max_size=1 << 22) as ws:
        for size in (0, 1, 125, 126, 65535, 65536, 1 << 20):
            text, data = "ä" * (size // 2), os.urandom(size)
            await ws.send(text)
            assert await ws.recv() == text
            await ws.send(data)
            assert await ws.recv() == data
        await ws.send(["one", "two", "", "three"])  # fragments
        assert await ws.recv() == "onetwothree"
        await ws.send([b"\xff", b"\xfe"])
        assert await ws.recv() == b"\xff\xfe"
        for payload in (b"", b"abc", b"\xff" * 125):
            await asyncio.wait_for(await ws.ping(payload), 5)
        await ws.close(4000, "enough")
        assert ws.close_code == 4000, ws.close_code
    # A ping in the middle of a message.
    async with connect(url + "between") as ws:
        async def pieces():
            yield "one"
            await asyncio.wait_for(await ws.ping(), 5)
            yield "two"
        await ws.send(pieces())
        assert await ws.recv() == "onetwo"
    # What the library would not send by itself.
    async with connect(url + "invalid") as ws:
        ws.transport.write(b"\x81\x81\x00\x00\x00\x00\xff")
        try:
            await ws.recv()
        except websockets.ConnectionClosed:
            pass
        assert ws.close_code == 1007, ws.close_code
    async with connect(url + "reserved") as ws:
        ws.transport.write(b"\xc1\x80\x00\x00\x00\x00")
        try:
            await ws.recv()
        except websockets.ConnectionClosed:
            pass
        assert ws.close_code == 1002, ws.close_code


async def handler(ws):
    if ws.request.path == "/fragments":
        async def pieces():
            yield "one"
            await asyncio.wait_for(await ws.ping(), 5)
            yield "two"
            yield "€"
        await ws.send(pieces())
        await ws.close(4000, "enough")
        return
    try:
        async for message in ws:
            await ws.send(message)
    except websockets.ConnectionClosed:
        pass
    print("closed", ws.close_code, ws.close_reason, flush=True)


def refuse(connection, request):
    if request.path == "/nothing":
        return connection.respond(http.HTTPStatus.NOT_FOUND, "nothing here\n")


async def server():
    async with serve(handler, "127.0.0.1", 0, max_size=1 << 22, process_request=refuse) as it:
        print("ws://127.0.0.1:%d/" % it.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(client(sys.argv[1]) if len(sys.argv) > 1 else server())
