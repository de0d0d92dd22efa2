"""A WebSocket that speaks frames: reads them strictly, limits their size and rate, and waits no longer than agreed."""

import asyncio
from time import monotonic
from typing import Final, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.types import Message, Receive, Send
from starlette.websockets import WebSocketDisconnect

from services.chat_relay.frames import MAX_FRAME, PROTOCOL, RATES, Error, Fault, Frame, Ping, Pong, ServerFrame, to_text
from services.chat_relay.limits import Allowance

Incoming = TypeVar("Incoming", bound=Frame)

FIRST_FRAME: Final = 10.0
NEXT_FRAME: Final = 150.0
PATIENCE: Final = 20

POLICY_VIOLATION: Final = 1008
TOO_OLD: Final = 4401
TOO_SLOW: Final = 4408


class FrameSocket(Generic[Incoming]):
    """One connection (ASGI). Answers pings itself and closes on whoever sends nothing, or nonsense, for too long."""

    def __init__(self, receive: Receive, send: Send, frames: TypeAdapter[Incoming], pace: float = 1.0) -> None:
        """Read the frames that this adapter knows; they may come `pace` times as often as `RATES` says."""
        self._receive = receive
        self._send = send
        self._frames = frames
        self._allowance = Allowance(RATES, pace)
        self._faults = 0
        self._greeted = False
        self._is_open = True
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def accept(self) -> None:
        """Take the connection, in the protocol that the handshake asked for."""
        await self._receive()
        await self._pass({"type": "websocket.accept", "subprotocol": PROTOCOL})
        self._deadline = asyncio.get_running_loop().time() + FIRST_FRAME
        self._look()

    async def receive(self) -> Incoming | None:
        """Wait for the next frame to act on; nothing when the connection is over."""
        while (text := await self._text()) is not None:
            if frame := await self._read(text):
                return frame
        if self._watch:
            self._watch.cancel()
        return None

    async def send(self, *frames: ServerFrame) -> None:
        """Send frames, in order. Once the other side is gone nothing is sent: `receive` will tell."""
        for frame in frames:
            if self._is_open:
                await self._pass({"type": "websocket.send", "text": to_text(frame)})

    async def close(self, code: int = 1000) -> None:
        """Close the connection."""
        if self._is_open:
            self._is_open = False
            await self._pass({"type": "websocket.close", "code": code, "reason": ""})

    async def _pass(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, WebSocketDisconnect):  # of the server, and of a layer of the app
            self._is_open = False

    async def _text(self) -> str | None:
        if not self._is_open:
            return None
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._is_open = False
            return None
        return message.get("text") or ""

    def _look(self) -> None:
        """Close once the deadline has passed; until then, look again when it was to pass: it moves with every frame."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._deadline:
            self._watch = loop.call_at(self._deadline, self._look)
        else:
            self._closing = loop.create_task(self.close(TOO_SLOW))

    async def _read(self, text: str) -> Incoming | None:
        if len(text) > MAX_FRAME // 4 and len(text.encode(errors="replace")) > MAX_FRAME:
            await self._refuse(Fault.TOO_LARGE, named_in(text))
            return None
        try:
            frame = self._frames.validate_json(text)
        except ValidationError:
            await self._refuse(Fault.BAD_FRAME, named_in(text))
            return None
        if not self._allowance.take(frame.type, monotonic()):
            if frame.type != "typing":
                await self._refuse(Fault.TOO_FAST, frame.asks_for)
            return None
        self._greeted |= not isinstance(frame, Ping)
        if self._greeted:
            self._deadline = asyncio.get_running_loop().time() + NEXT_FRAME
        if isinstance(frame, Ping):
            await self.send(Pong())
            return None
        return frame

    async def _refuse(self, fault: Fault, message: UUID | None) -> None:
        self._faults += 1
        await self.send(Error(code=fault, message=message))
        if self._faults >= PATIENCE:
            await self.close(POLICY_VIOLATION)


def named_in(text: str) -> UUID | None:
    """Find the id of the message that a frame which cannot be read was to store, so that its page need not wait for an answer."""
    try:
        match orjson.loads(text):
            case {"type": "start", "conversation": str(name)} | {"message": str(name)}:
                return UUID(name)
    except ValueError:
        pass
    return None
