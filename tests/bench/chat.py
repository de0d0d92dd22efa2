"""Chat round trip: a visitor's message until the operator has it, and the reply until the visitor has it, turns being durable.

The floor, in the same run: a bare WebSocket relay on uvicorn without storage, plus one bare durable SQLite commit a message.
"""

import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx
from websockets.asyncio.client import connect

from tests.running import free_port, running

MESSAGES = 200


async def bare_relay(port: int) -> list[float]:
    async with (
        connect(f"ws://127.0.0.1:{port}/a", compression=None) as one,
        connect(f"ws://127.0.0.1:{port}/b", compression=None) as two,
    ):
        times = []
        for _ in range(MESSAGES):
            started = time.perf_counter()
            await one.send("x" * 190)
            await two.recv()
            await two.send("x" * 190)
            await one.recv()
            times.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.01)
        return times


def bare_commits() -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "floor.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE turn (id TEXT PRIMARY KEY, body TEXT)")
        times = []
        for _ in range(MESSAGES):
            started = time.perf_counter()
            database.execute("INSERT INTO turn VALUES (?, ?)", (str(uuid4()), "x" * 190))
            times.append((time.perf_counter() - started) * 1000)
        database.close()
        return times


async def next_of(socket, *kinds: str) -> dict:
    while True:
        frame = json.loads(await socket.recv())
        if frame["type"] in kinds:
            return frame


async def round_trips(url: str, cookies: str) -> list[float]:
    host = url.removeprefix("http://")
    protocol, origin = ["onthaal.chat.v1"], url
    visiting = connect(f"ws://{host}/chat/v1/visitor", origin=origin, subprotocols=protocol, compression=None)
    serving = connect(
        f"ws://{host}/chat/v1/operator",
        origin=origin,
        subprotocols=protocol,
        compression=None,
        additional_headers={"Cookie": cookies},
    )
    async with visiting as visitor, serving as desk:
        await visitor.send(json.dumps({"type": "hello"}))
        welcome = await next_of(visitor, "welcome")
        proof = {"conversation": welcome["conversation"], "token": welcome["token"]}
        await visitor.send(json.dumps({"type": "start", **proof, "text": "Dag", "language": "nl"}))
        await next_of(visitor, "sent")
        await desk.send(json.dumps({"type": "take", "conversation": welcome["conversation"]}))
        await next_of(desk, "turn")
        times = []
        for _ in range(MESSAGES):
            started = time.perf_counter()
            await visitor.send(
                json.dumps({"type": "say", "message": str(uuid4()), "text": "Ik weet niet goed hoe ik moet beginnen."})
            )
            await next_of(desk, "turn")
            reply = {"type": "say", "conversation": welcome["conversation"], "message": str(uuid4()), "text": "Neem je tijd."}
            await desk.send(json.dumps(reply))
            await next_of(visitor, "turn")
            times.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(1.05)  # frames are limited to what people can type
        return times


def signed_in(gateway) -> str:
    code = gateway.sign_in_link("Bench").rpartition("#")[2]
    answer = httpx.post(f"{gateway.url}/desk/sign-in", data={"code": code}, headers={"Origin": gateway.url})
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


def shown(times: list[float]) -> str:
    ordered = sorted(times)
    return f"p50 {statistics.median(ordered):7.2f} ms   p99 {ordered[int(len(ordered) * 0.99) - 1]:7.2f} ms"


def main() -> None:
    global MESSAGES
    port = free_port()
    import subprocess

    relay = subprocess.Popen([sys.executable, str(Path(__file__).with_name("relay_floor.py")), str(port)])
    try:
        with tempfile.TemporaryDirectory() as folder, running(Path(folder), ONTHAAL_HOURS_CHAT="24/7") as gateway:
            bare = asyncio.run(bare_relay(port))
            commits = bare_commits()
            MESSAGES = 40
            ours = asyncio.run(round_trips(gateway.url, signed_in(gateway)))
    finally:
        relay.terminate()
        relay.wait()
    print("\nChat, there and back (two messages, each stored before it is shown)")
    print(f"{'bare relay, nothing stored':<44}{shown(bare)}")
    print(f"{'one bare durable commit (SQLite FULL)':<44}{shown(commits)}")
    print(f"{'onthaal, both turns durable':<44}{shown(ours)}")
    floor = statistics.median(bare) + 2 * statistics.median(commits)
    print(f"{'p50 beside bare relay + two commits':<44}{statistics.median(ours) / floor:.1f} x")
