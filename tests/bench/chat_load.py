"""The load on a chat relay, in a process of its own: raw asyncio, so that it costs little beside what is measured.

Reads one order a line (JSON) and answers each with a line. A target is the relay that is measured, or a bare one.
"""

import asyncio
import os
import random
import sys
import time
from base64 import b64encode
from uuid import uuid4

import orjson
import uvloop

WORDS = "Ik weet niet goed hoe ik moet beginnen, maar ik wil er eindelijk met iemand over kunnen praten."
BARE = b"x" * 190


class Socket(asyncio.Protocol):
    """One WebSocket connection."""

    def __init__(self, host, path, headers, on_text):
        self.opened = asyncio.get_running_loop().create_future()
        self.closed = False
        self.on_text = on_text
        self._buffer = bytearray()
        key = b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
        ]
        self._request = "\r\n".join([*lines, f"Sec-WebSocket-Key: {key}", *headers, "", ""]).encode()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data):
        self._buffer += data
        if not self.opened.done():
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._buffer = bytearray(rest)
            if b" 101 " in head[:20]:
                self.opened.set_result(None)
            else:
                self.opened.set_exception(RuntimeError(head[:100].decode()))
        while (frame := self._next()) is not None:
            code, payload = frame
            if code == 1:
                self.on_text(payload)
            elif code == 9:
                self._send(10, payload)

    def _next(self):
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1], 2
        if length == 126:
            if len(buffer) < 4:
                return None
            length, start = int.from_bytes(buffer[2:4]), 4
        elif length == 127:
            if len(buffer) < 10:
                return None
            length, start = int.from_bytes(buffer[2:10]), 10
        if len(buffer) < start + length:
            return None
        frame = buffer[0] & 15, bytes(buffer[start : start + length])
        del buffer[: start + length]
        return frame

    def connection_lost(self, error):
        self.closed = True
        if not self.opened.done():
            self.opened.set_exception(RuntimeError("closed"))

    def _send(self, code, payload):
        size = len(payload)
        head = bytes((128 | code, 128 | size)) if size < 126 else bytes((128 | code, 128 | 126)) + size.to_bytes(2)
        self.transport.write(head + b"\0\0\0\0" + payload)  # a mask of zeros leaves the payload as it is

    def send(self, payload):
        self._send(1, payload)


class Target:
    """A relay, with what is open at it."""

    def __init__(self, order):
        self.port = order["port"]
        self.bare = order["bare"]
        self.cookies = order.get("cookies", "")
        self.idle = []
        self.pairs = []
        self._pinging = None

    async def connect(self, path, on_text, *headers):
        host = f"127.0.0.1:{self.port}"
        if not self.bare:
            headers = (f"Origin: http://{host}", "Sec-WebSocket-Protocol: onthaal.chat.v1", *headers)
        make = asyncio.get_running_loop().create_connection
        _, socket = await make(lambda: Socket(host, path, headers, on_text), "127.0.0.1", self.port)
        await socket.opened
        return socket

    async def open_idle(self, count):
        """Open connections of visitors who have opened the chat and say nothing."""
        gate = asyncio.Semaphore(64)

        async def one():
            async with gate:
                greeted = asyncio.get_running_loop().create_future()
                path = "/idle" if self.bare else "/chat/v1/visitor"
                socket = await self.connect(path, lambda text: greeted.done() or greeted.set_result(text))
                if not self.bare:
                    socket.send(b'{"type":"hello"}')
                    assert b'"welcome"' in await greeted
                socket.on_text = lambda _: None
                self.idle.append(socket)

        await asyncio.gather(*(one() for _ in range(count)))
        if self._pinging is None and not self.bare:
            self._pinging = asyncio.create_task(self._ping())

    async def _ping(self):
        """Each idle page says that it is there every 45 seconds, as the widget does."""
        while True:
            for number in range(45):
                for socket in [one for one in self.idle[number::45] if not one.closed]:
                    socket.send(b'{"type":"ping"}')
                await asyncio.sleep(1)

    async def open_pairs(self, count):
        for _ in range(count):
            pair = BarePair(self) if self.bare else Pair(self)
            await pair.open(len(self.pairs))
            self.pairs.append(pair)

    def close(self):
        if self._pinging:
            self._pinging.cancel()
        for socket in [*self.idle, *(end for pair in self.pairs for end in pair.ends)]:
            socket.transport.abort()

    @property
    def alive(self):
        return sum(not socket.closed for socket in self.idle)


class BarePair:
    """Two sockets between which a message travels, one at a time."""

    def __init__(self, target):
        self.target = target
        self.sent_at = 0.0
        self.arrived = None
        self.took = 0.0

    async def open(self, number):
        self.ends = [await self.target.connect(f"/{side}/{number}", self.heard) for side in "ab"]

    def heard(self, _):
        self.took = time.perf_counter() - self.sent_at
        if self.arrived and not self.arrived.done():
            self.arrived.set_result(None)

    async def say(self, side):
        """Send from one side; gives the seconds until the other has it."""
        self.arrived = asyncio.get_running_loop().create_future()
        message = self.message(side)
        self.sent_at = time.perf_counter()
        self.ends[side].send(message)
        async with asyncio.timeout(30):
            await self.arrived
        return self.took

    def message(self, _):
        return BARE


class Pair(BarePair):
    """A visitor and an operator."""

    async def open(self, number):
        loop = asyncio.get_running_loop()
        seen = {"welcome": loop.create_future(), "sent": loop.create_future(), "turn": loop.create_future()}

        def look(text):
            frame = orjson.loads(text)
            if (found := seen.get(frame["type"])) and not found.done():
                found.set_result(frame)

        visitor = await self.target.connect("/chat/v1/visitor", look)
        visitor.send(b'{"type":"hello"}')
        welcome = await seen["welcome"]
        self.conversation = welcome["conversation"]
        proof = {"conversation": self.conversation, "token": welcome["token"]}
        visitor.send(orjson.dumps({"type": "start", **proof, "text": "Dag", "language": "nl"}))
        await seen["sent"]
        operator = await self.target.connect("/chat/v1/operator", look, f"Cookie: {self.target.cookies}")
        operator.send(orjson.dumps({"type": "take", "conversation": self.conversation}))
        async with asyncio.timeout(30):
            await seen["turn"]
        self.ends = [visitor, operator]
        visitor.on_text = operator.on_text = self._heard_turn

    def _heard_turn(self, text):
        if b'"type":"turn"' in text:
            self.heard(text)

    def message(self, side):
        said = {"type": "say", "message": str(uuid4()), "text": WORDS}
        return orjson.dumps(said if side == 0 else {**said, "conversation": self.conversation})


async def paced(target, seconds, rate):
    """Send at a rate, from random sides of random pairs; gives milliseconds until the other side has it."""
    times, sending = [], set()
    free = list(target.pairs)
    end = time.perf_counter() + seconds

    async def one():
        pair = free.pop(random.randrange(len(free)))
        times.append(await pair.say(random.randrange(2)) * 1000)
        free.append(pair)

    while time.perf_counter() < end:
        if free:
            task = asyncio.create_task(one())
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.sleep(random.expovariate(rate))
    await asyncio.gather(*sending)
    return times


async def saturated(target, seconds):
    """Keep a message under way in every pair; gives messages a second."""
    end = time.perf_counter() + seconds
    count = 0

    async def talk(pair):
        nonlocal count
        while time.perf_counter() < end:
            await pair.say(count % 2)
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(talk(pair) for pair in target.pairs))
    return count / (time.perf_counter() - began)


async def obey(order, targets):
    name = order["target"]
    match order["do"]:
        case "know":
            targets[name] = Target(order)
        case "idle":
            await targets[name].open_idle(order["count"])
        case "pairs":
            await targets[name].open_pairs(order["count"])
        case "paced":
            return await paced(targets[name], order["seconds"], order["rate"])
        case "saturated":
            return await saturated(targets[name], order["seconds"])
        case "alive":
            return targets[name].alive
        case "close":
            targets.pop(name).close()
    return None


async def main():
    targets = {}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        result = await obey(orjson.loads(line), targets)
        print(orjson.dumps(result).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
