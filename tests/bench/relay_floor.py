"""A bare relay between two sockets on uvicorn, nothing stored."""

import sys

import uvicorn

peers = {}


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    path = scope["path"]
    await receive()
    await send({"type": "websocket.accept"})
    peers[path] = send
    while (message := await receive())["type"] == "websocket.receive":
        await peers["/b" if path == "/a" else "/a"]({"type": "websocket.send", "text": message["text"]})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), ws="websockets-sansio", ws_per_message_deflate=False, log_level="warning", lifespan="off"
    )
