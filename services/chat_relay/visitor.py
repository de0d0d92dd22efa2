"""One visitor's connection: at most one conversation, which is theirs by its token."""

import asyncio
from typing import Final, assert_never
from uuid import UUID, uuid4

from onthaal_schema.channel import Channel
from onthaal_schema.contact import ChatSubmission
from onthaal_schema.message import Direction
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.problems import Erased, NotFound, ProblemError
from services.chat_relay import frames
from services.chat_relay.conversation import ALLOWED, Party, Side, Stage
from services.chat_relay.frame_socket import FrameSocket
from services.chat_relay.frames import Error, Fault, VisitorFrame
from services.chat_relay.relay import Relay
from services.chat_relay.view import View, failure

GONE: Final = (NotFound, Erased)


class VisitorConnection:
    """Serves a visitor until they leave."""

    def __init__(self, socket: FrameSocket[VisitorFrame], relay: Relay) -> None:
        """Speak over the socket."""
        self._socket = socket
        self._relay = relay
        self._greeted = False
        self._view: View | None = None
        self._live: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer frames until the connection is over."""
        async with asyncio.TaskGroup() as tasks:
            while (frame := await self._socket.receive()) is not None:
                await self._answer(frame, tasks)
            self._leave()

    @property
    def _stage(self) -> Stage:
        if self._view is None:
            return Stage.READY if self._greeted else Stage.ARRIVED
        return Stage.OVER if self._view.side.ended else Stage.TALKING

    async def _answer(self, frame: VisitorFrame, tasks: asyncio.TaskGroup) -> None:
        if frame.type not in ALLOWED[self._stage]:
            await self._socket.send(Error(code=Fault.NOT_NOW, message=frame.asks_for))
            return
        try:
            await self._act(frame, tasks)
        except ProblemError as problem:
            await self._fail(frame, problem)

    async def _act(self, frame: VisitorFrame, tasks: asyncio.TaskGroup) -> None:
        match frame:
            case frames.Hello():
                await self._greet()
            case frames.Resume():
                await self._resume(frame, tasks)
            case frames.Start():
                await self._start(frame, tasks)
            case frames.Say():
                await self._talk.say(frame.message, frame.text, Direction.INBOUND)
            case frames.Typing():
                await self._relay.hub.typing(self._talk.conversation, Party.VISITOR)
            case frames.End():
                await self._end()
            case frames.Ping():
                return
            case _:
                assert_never(frame)

    async def _fail(self, frame: VisitorFrame, problem: ProblemError) -> None:
        if isinstance(frame, frames.Resume) and isinstance(problem, GONE):
            await self._socket.send(Error(code=Fault.UNKNOWN))
        elif isinstance(frame, frames.Start):
            await self._socket.send(failure(frame.conversation, problem, frame.conversation))
        elif not isinstance(frame, frames.Say):
            await self._socket.send(Error(code=Fault.UNAVAILABLE))

    async def _greet(self) -> None:
        hours = await self._relay.hours()
        self._leave()
        self._greeted = True
        if not hours.open:
            await self._socket.send(closed(hours))
            return
        conversation = uuid4()
        token = self._relay.tokens.issue(conversation)
        staffed = self._relay.hub.staffed
        await self._socket.send(frames.Welcome(conversation=conversation, token=token, staffed=staffed))

    async def _resume(self, frame: frames.Resume, tasks: asyncio.TaskGroup) -> None:
        if self._relay.tokens.prove(frame.conversation, frame.token):
            await self._enter(Side(frame.conversation, Party.VISITOR, frame.after), tasks)
        else:
            await self._socket.send(Error(code=Fault.FORBIDDEN))

    async def _start(self, frame: frames.Start, tasks: asyncio.TaskGroup) -> None:
        if not self._relay.tokens.prove(frame.conversation, frame.token):
            await self._socket.send(Error(code=Fault.FORBIDDEN, message=frame.conversation))
            return
        hours = await self._relay.hours()
        if not hours.open and not await self._is_known(frame.conversation):
            await self._socket.send(closed(hours))
            return
        await self._relay.own.register(frame.conversation, submission(frame))
        await self._enter(Side(frame.conversation, Party.VISITOR).sends(frame.conversation), tasks)
        await self._relay.hub.changed(frame.conversation)

    async def _is_known(self, conversation: UUID) -> bool:
        try:
            await self._relay.own.transcript(conversation)
        except GONE:
            return False
        return True

    async def _enter(self, side: Side, tasks: asyncio.TaskGroup) -> None:
        view = View(side, self._relay.own, self._relay.hub, self._socket.send)
        await view.read()
        self._view = view
        self._live = tasks.create_task(self._follow(view))

    async def _follow(self, view: View) -> None:
        with self._relay.hub.visit(view.conversation):
            await view.live()

    def _leave(self) -> None:
        if self._live:
            self._live.cancel()
        self._live = self._view = None

    async def _end(self) -> None:
        await self._relay.own.end(self._talk.conversation)
        await self._talk.read()
        await self._relay.hub.changed(self._talk.conversation)

    @property
    def _talk(self) -> View:
        if self._view is None:
            message = "there is no conversation at this stage"
            raise RuntimeError(message)
        return self._view


def submission(frame: frames.Start) -> ChatSubmission:
    """Make a contact of a first message. Only from the frame, so that a repeated one is the same contact."""
    return ChatSubmission(channel=Channel.CHAT, text=frame.text, language=frame.language, anonymous=frame.anonymous)


def closed(hours: OpeningHours) -> frames.Closed:
    """Say that the chat is closed, why, and until when."""
    return frames.Closed(reason=hours.reason, holiday=hours.holiday, next_opening=hours.next_opening)
