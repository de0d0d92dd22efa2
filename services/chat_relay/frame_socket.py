"""A WebSocket that speaks frames: reads them strictly, limits their size and rate, and waits no longer than agreed."""

import asyncio
from time import monotonic
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

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
    """One accepted connection. Answers pings itself and closes on whoever sends nothing, or nonsense, for too long."""

    def __init__(self, websocket: WebSocket, frames: TypeAdapter[Incoming], pace: float = 1.0) -> None:
        """Read the frames that this adapter knows; they may come `pace` times as often as `RATES` says."""
        self._websocket = websocket
        self._frames = frames
        self._allowance = Allowance(RATES, pace)
        self._faults = 0
        self._greeted = False
        self._deadline = 0.0

    async def accept(self) -> None:
        """Take the connection, in the protocol that the handshake asked for."""
        await self._websocket.accept(PROTOCOL)
        self._deadline = asyncio.get_running_loop().time() + FIRST_FRAME

    async def receive(self) -> Incoming | None:
        """Wait for the next frame to act on; nothing when the connection is over."""
        while True:
            try:
                async with asyncio.timeout_at(self._deadline):
                    text = await self._text()
            except TimeoutError:
                await self.close(TOO_SLOW)
                return None
            if text is None:
                return None
            frame = await self._read(text)
            if frame is not None:
                return frame

    async def send(self, *frames: ServerFrame) -> None:
        """Send frames, in order. Once the other side is gone nothing is sent: `receive` will tell."""
        try:
            for frame in frames:
                if self._is_open:
                    await self._websocket.send_text(to_text(frame))
        except WebSocketDisconnect:
            return

    async def close(self, code: int = 1000) -> None:
        """Close the connection."""
        if self._is_open:
            await self._websocket.close(code)

    @property
    def _is_open(self) -> bool:
        websocket, connected = self._websocket, WebSocketState.CONNECTED
        return websocket.application_state is connected and websocket.client_state is connected

    async def _text(self) -> str | None:
        if not self._is_open:
            return None
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        return message.get("text") or ""

    async def _read(self, text: str) -> Incoming | None:
        if len(text.encode(errors="replace")) > MAX_FRAME:
            await self._refuse(Fault.TOO_LARGE)
            return None
        try:
            frame = self._frames.validate_json(text)
        except ValidationError:
            await self._refuse(Fault.BAD_FRAME)
            return None
        if not self._allowance.take(frame.type, monotonic()):
            if frame.type != "typing":
                await self._refuse(Fault.TOO_FAST, frame)
            return None
        self._greeted |= not isinstance(frame, Ping)
        if self._greeted:
            self._deadline = asyncio.get_running_loop().time() + NEXT_FRAME
        if isinstance(frame, Ping):
            await self.send(Pong())
            return None
        return frame

    async def _refuse(self, fault: Fault, frame: Frame | None = None) -> None:
        self._faults += 1
        await self.send(Error(code=fault, message=frame.asks_for if frame else None))
        if self._faults >= PATIENCE:
            await self.close(POLICY_VIOLATION)
