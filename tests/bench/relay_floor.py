"""A bare relay between pairs of sockets, nothing stored: `uvicorn` alone, or FastAPI on top of it. Paths: /a/N and /b/N, and /idle."""

import sys

import uvicorn
from fastapi import FastAPI, WebSocket

peers = {}


def other(path):
    return path.replace("/a/", "/b/") if path.startswith("/a/") else path.replace("/b/", "/a/")


async def bare(scope, receive, send):
    if scope["type"] != "websocket":
        return
    path = scope["path"]
    await receive()
    await send({"type": "websocket.accept"})
    if path != "/idle":
        peers[path] = send
    while (message := await receive())["type"] == "websocket.receive":
        if path != "/idle":
            await peers[other(path)]({"type": "websocket.send", "text": message["text"]})


fastapi = FastAPI()


@fastapi.websocket("/{path:path}")
async def relay(websocket: WebSocket, path: str):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


if __name__ == "__main__":
    uvicorn.run(
        {"bare": bare, "fastapi": fastapi}[sys.argv[2]],
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        lifespan="off",
    )
