"""A request that never ends, or whose head never does, is sent away; a slow one is not."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import psutil
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from services.kit.bounded_http import BoundedHttp

PATIENCE = 0.4
WAIT = PATIENCE * 4
LARGE = 50_000_000
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


class Impatient(BoundedHttp):
    """The server, with less patience."""

    patience = PATIENCE


async def size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def refused(_: Request) -> Response:
    return PlainTextResponse("no", 401)


async def idle(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def dawdle(request: Request) -> Response:
    """Read the body only after longer than the patience with a client."""
    await asyncio.sleep(WAIT)
    return PlainTextResponse(str(len(await request.body())))


async def large(_: Request) -> Response:
    return Response(b"x" * LARGE)


APP = Starlette(
    routes=[
        Route("/large", large),
        Route("/", size, methods=["GET", "POST"]),
        Route("/dawdle", dawdle, methods=["POST"]),
        Route("/refused", refused, methods=["POST"]),
        WebSocketRoute("/socket", idle),
    ]
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server of these tests' own."""
    config = uvicorn.Config(
        APP, port=0, loop="uvloop", http=Impatient, ws="websockets-sansio", log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(WAIT + 5)
        yield client


def answer(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    got = b""
    while piece := client.recv(4096):
        got += piece
    return got


def flood(client: socket.socket, piece: bytes, times: int, pause: float = 0) -> int:
    """Send again and again until the server closes; gives how often."""
    for sent in range(times):
        try:
            client.sendall(piece)
        except OSError:
            return sent
        time.sleep(pause)
    return times


@pytest.mark.parametrize("begun", [b"", b"GET / HT", HEAD + b"X-A: b", HEAD + b"Content-Length: 10\r\n\r\nabc"])
def test_half_a_request_is_not_waited_for(port: int, begun: bytes) -> None:
    with connected(port) as client:
        client.sendall(begun)
        began = time.monotonic()
        assert answer(client).startswith(b"HTTP/1.1 408 ")
        assert PATIENCE * 0.8 < time.monotonic() - began < WAIT


def test_who_sends_a_byte_now_and_then_does_not_hold_a_connection(port: int) -> None:
    with connected(port) as client:
        client.sendall(HEAD)
        began = time.monotonic()
        assert flood(client, b"X", 100, pause=0.05) < 100
        assert time.monotonic() - began < WAIT


@pytest.mark.parametrize(
    "piece",
    [b"X-A: b\r\n" * 1_000, b"x" * 8_000],
    ids=["many fields", "one field"],
)
@pytest.mark.parametrize(
    "begun",
    [HEAD, HEAD + b"X-A: ", HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: b", b"GET /"],
    ids=["head", "field", "trailer", "address"],
)
def test_a_head_without_end_is_refused_and_not_kept(port: int, begun: bytes, piece: bytes) -> None:
    before = psutil.Process().memory_info().rss
    with connected(port) as client:
        client.sendall(begun)
        assert flood(client, piece, 20_000) < 2_000  # what the sockets' own buffers hold
    assert psutil.Process().memory_info().rss - before < 50_000_000
    assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200


def test_a_head_that_is_too_long_is_told_so(port: int) -> None:
    with connected(port) as client:
        client.sendall(HEAD + b"X-A: b")
        time.sleep(0.1)
        client.sendall(b"b" * 70_000)
        assert answer(client).startswith(b"HTTP/1.1 431 ")


def test_a_large_body_is_no_head(port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    assert httpx.post(url, content=b"x" * 5_000_000).text == "5000000"
    assert httpx.post(url, content=(b"x" * 100 for _ in range(20_000))).text == "2000000"


def test_a_slow_body_comes_in(port: int) -> None:
    with connected(port) as client:
        client.sendall(HEAD + b"Connection: close\r\nContent-Length: 20000\r\n\r\n")
        for _ in range(20):  # ten times as fast as it must be, for longer than the patience
            client.sendall(b"x" * 1_000)
            time.sleep(WAIT / 20)
        assert answer(client).endswith(b"20000")


def test_who_is_not_read_from_is_not_late(port: int) -> None:
    assert httpx.post(f"http://127.0.0.1:{port}/dawdle", content=b"x" * 3_000_000, timeout=30).text == "3000000"


def test_an_answered_request_whose_body_stays_away_is_closed_without_a_second_answer(port: int) -> None:
    with connected(port) as client:
        client.sendall(b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        got = answer(client)
    assert got.startswith(b"HTTP/1.1 401 ")
    assert got.count(b"HTTP/1.1") == 1


def test_a_kept_connection_may_be_silent_between_requests(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(2):
            assert client.get("/").status_code == 200
            time.sleep(WAIT)
        own = client._transport._pool.connections  # type: ignore[attr-defined] # one connection throughout
        assert client.get("/").status_code == 200
        assert len(own) == 1


def test_a_web_socket_may_be_silent(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/socket") as websocket:
        time.sleep(WAIT)
        websocket.send("hier")
        assert websocket.recv() == "hier"


def test_an_answer_that_nobody_reads_is_not_kept(port: int) -> None:
    with connected(port) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(WAIT)
        got = 0
        with suppress(ConnectionResetError):
            while piece := client.recv(1_000_000):
                got += len(piece)
        assert 0 < got < LARGE  # what was in the sockets' own buffers


def test_an_answer_that_is_read_slowly_arrives(port: int) -> None:
    with connected(port) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = 0
        while piece := client.recv(1_000_000):
            got += len(piece)
            time.sleep(WAIT / 50)
        assert got > LARGE
