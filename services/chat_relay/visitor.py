"""One visitor's connection: at most one conversation, which is theirs by its token."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID, uuid4

from onthaal_schema.channel import Channel
from onthaal_schema.contact import ChatSubmission
from onthaal_schema.conversation import Because
from onthaal_schema.message import Direction
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.problems import Erased, NotFound, ProblemError
from services.chat_relay import frames
from services.chat_relay.conversation import ALLOWED, Party, Side, Stage
from services.chat_relay.frame_socket import FrameSocket
from services.chat_relay.frames import Error, Fault, VisitorFrame
from services.chat_relay.relay import Relay
from services.chat_relay.view import View, failure
from services.chat_relay.waiting_room import Place
from services.kit.logging import logger

log = logger(__name__)

GONE: Final = (NotFound, Erased)


class VisitorConnection:
    """Serves a visitor until they leave."""

    def __init__(self, socket: FrameSocket[VisitorFrame], relay: Relay, admit: Callable[[], Awaitable[None]]) -> None:
        """Speak over the socket. `admit` counts a conversation that is to be started, or refuses it."""
        self._socket = socket
        self._relay = relay
        self._admit = admit
        self._greeted = False
        self._view: View | None = None
        self._live: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer frames until the connection is over."""
        with self._relay.room.receive(self):
            async with asyncio.TaskGroup() as tasks:
                while (frame := await self._socket.receive()) is not None:
                    await self._answer(frame, tasks)
                self._leave()

    @property
    def waiting_in(self) -> UUID | None:
        """The conversation in which the visitor waits, if any."""
        return self._view.conversation if self._view and self._view.side.waits else None

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
                await self._greet(tasks)
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

    async def _greet(self, tasks: asyncio.TaskGroup) -> None:
        hours = await self._relay.door.hours()
        self._leave()
        self._greeted = True
        if not hours.open:
            await self._socket.send(closed(hours))
            return
        conversation = uuid4()
        welcome = frames.Welcome(
            conversation=conversation,
            token=self._relay.tokens.issue(conversation),
            staffed=self._relay.hub.presence.staffed,
            closing=await self._relay.door.closing(),
        )
        await self._socket.send(welcome)
        self._live = tasks.create_task(self._linger(welcome))

    async def _linger(self, welcome: frames.Welcome) -> None:
        staffed, closing = welcome.staffed, welcome.closing
        async with self._relay.room.lobby() as hints:
            while True:
                sight = self._relay.room.sight
                if sight.is_seen and sight.staffed != staffed:
                    staffed = sight.staffed
                    await self._socket.send(frames.Staffed(staffed=staffed))
                if sight.closing and sight.closing != closing:
                    closing = sight.closing
                    await self._socket.send(frames.Closing(at=closing))
                if sight.closed and (hours := await self._closed_hours()):
                    await self._socket.send(closed(hours))
                    return
                await hints.next()

    async def _closed_hours(self) -> OpeningHours | None:
        try:
            hours = await self._relay.door.hours()
        except ProblemError:
            return None
        return None if hours.open else hours

    async def _resume(self, frame: frames.Resume, tasks: asyncio.TaskGroup) -> None:
        if self._relay.tokens.prove(frame.conversation, frame.token):
            await self._enter(Side(frame.conversation, Party.VISITOR, frame.after), tasks)
        else:
            await self._socket.send(Error(code=Fault.FORBIDDEN))

    async def _start(self, frame: frames.Start, tasks: asyncio.TaskGroup) -> None:
        if not self._relay.tokens.prove(frame.conversation, frame.token):
            await self._socket.send(Error(code=Fault.FORBIDDEN, message=frame.conversation))
            return
        hours = await self._relay.door.hours()
        if not hours.open and not await self._is_known(frame.conversation):
            await self._socket.send(closed(hours))
            return
        await self._admit()
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
        self._leave()
        self._view = view
        view.on_waiting = Wait(view, self._relay).tell
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


class Wait:
    """Tells a visitor how they wait, and turns them away at closing when nobody ever took the conversation."""

    def __init__(self, view: View, relay: Relay) -> None:
        """Nothing was told yet."""
        self._view = view
        self._relay = relay
        self._told: frames.Waiting | None = None
        self._closing: datetime | None = None

    async def tell(self) -> None:
        """Tell what is new."""
        conversation = self._view.conversation
        place = self._relay.room.sight.places.get(conversation)
        if place is None or not self._view.side.waits:
            self._told = None
            return
        await self._tell_place(place)
        if place.first:
            await self._tell_closing()

    async def _tell_place(self, place: Place) -> None:
        sight = self._relay.room.sight
        told = frames.Waiting(
            conversation=self._view.conversation,
            position=place.position,
            available=sight.available,
            staffed=sight.staffed,
            since=place.since,
            now=self._relay.clock.now(),
        )
        if self._told is None or told.model_copy(update={"now": self._told.now}) != self._told:
            self._told = told
            await self._view.send(told)

    async def _tell_closing(self) -> None:
        sight = self._relay.room.sight
        if sight.closing and sight.closing != self._closing:
            self._closing = sight.closing
            await self._view.send(frames.Closing(at=sight.closing))
        if sight.closed:
            try:
                await self._turn_away()
            except ProblemError as problem:
                log.warning("visitor not turned away", conversation=str(self._view.conversation), status=problem.status)

    async def _turn_away(self) -> None:
        conversation = self._view.conversation
        hours = await self._relay.door.hours()
        if hours.open:
            return
        became = await self._relay.own.turn_away(conversation)
        await self._view.read()
        if became.because is Because.CLOSED:
            await self._view.send(closed(hours, conversation))
        await self._relay.hub.changed(conversation)


def submission(frame: frames.Start) -> ChatSubmission:
    """Make a contact of a first message. Only from the frame, so that a repeated one is the same contact."""
    return ChatSubmission(channel=Channel.CHAT, text=frame.text, language=frame.language, anonymous=frame.anonymous)


def closed(hours: OpeningHours, conversation: UUID | None = None) -> frames.Closed:
    """Say that the chat is closed, why, and until when; and that this ended a conversation, if it did."""
    return frames.Closed(conversation=conversation, reason=hours.reason, holiday=hours.holiday, next_opening=hours.next_opening)
