"""One operator's connection: the list of conversations, and any number of them at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Final, assert_never
from uuid import UUID

from onthaal_schema.conversation import Conversation, HandOver
from onthaal_schema.intake import Intake
from onthaal_schema.message import Direction
from onthaal_schema.problems import ProblemError
from onthaal_schema.requests import Correction, Retag
from services.chat_relay import frames
from services.chat_relay.conversation import Party, Side
from services.chat_relay.frame_socket import TOO_OLD, FrameSocket
from services.chat_relay.frames import (
    Availability,
    Colleagues,
    Desk,
    Error,
    Expired,
    Failed,
    Fault,
    OperatorFrame,
    Queue,
    Reason,
)
from services.chat_relay.lookout import Seen
from services.chat_relay.relay import Relay
from services.chat_relay.view import View, failure, hint
from services.kit.auth import Operator
from services.kit.logging import logger

log = logger(__name__)

BEYOND: Final = 2**31 - 1
"""After every turn there is: asks for the state of a conversation without its words."""

CONFIRM: Final = 4.0
"""Whether the operator may still see the list is asked again after about so many seconds without a look in the store."""

MAY_SEE: Final = ("conversations:serve", "contacts:write:chat")
"""Who holds one of these scopes may see the list; the same that the intake service asks for."""

InView = frames.Reply | frames.Note | frames.Writing | frames.Release | frames.HandOver | frames.Suggest | frames.Finish
"""Frames about a conversation that is on the operator's screen."""


class OperatorConnection:
    """Serves an operator until they leave, or until their token is too old."""

    def __init__(
        self, socket: FrameSocket[OperatorFrame], relay: Relay, operator: Operator, confirm: Callable[[], Awaitable[None]]
    ) -> None:
        """Speak over the socket, and to the store with the operator's own token, which `confirm` refuses once the store would."""
        self._socket = socket
        self._relay = relay
        self._operator = operator
        self._confirm = confirm
        self._views: dict[UUID, View] = {}
        self._live: dict[UUID, asyncio.Task[None]] = {}
        self._seen: Seen | None = None
        self._shown: Queue | None = None
        self._colleagues: Colleagues | None = None

    @property
    def _intake(self) -> Intake:
        return self._relay.intake.operator(self._operator.token)

    async def serve(self) -> None:
        """Answer frames until the connection is over."""
        with self._relay.hub.presence.attend(self._operator.id):
            async with asyncio.TaskGroup() as tasks:
                await self._serve(tasks)

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        now = self._relay.clock.now()
        await self._socket.send(Desk(operator=self._operator.id, name=self._operator.name, now=now))
        watching = tasks.create_task(self._watch())
        while (frame := await self._socket.receive()) is not None:
            await self._answer(frame, tasks)
        watching.cancel()
        for conversation in tuple(self._views):
            self._leave(conversation)

    async def _watch(self) -> None:
        with self._relay.lookout.watch() as looks:
            while True:
                await self._guarded(self._show_queue)
                await self._guarded(self._show_colleagues)
                await hint(looks, CONFIRM)

    async def _show_queue(self) -> None:
        await self._confirm()
        self._operator.require(*MAY_SEE)
        seen = self._relay.lookout.seen
        if seen is None or seen is self._seen:
            return
        self._seen, queue = seen, seen.queue(self._operator.id)
        if queue != self._shown:
            self._shown = queue
            await self._socket.send(queue)

    async def _show_colleagues(self, *, again: bool = False) -> None:
        attending = self._relay.hub.presence.operators
        names = await self._relay.roster.names(attending)
        served = self._seen.served if self._seen else Counter()
        present = (
            frames.Colleague(operator=who, name=names[who], availability=availability, conversations=served[who])
            for who, availability in attending.items()
            if who in names and who != self._operator.id
        )
        own = attending.get(self._operator.id, Availability.AVAILABLE)
        told = Colleagues(availability=own, present=tuple(sorted(present, key=lambda colleague: colleague.name)))
        if again or told != self._colleagues:
            self._colleagues = told
            await self._socket.send(told)

    async def _answer(self, frame: OperatorFrame, tasks: asyncio.TaskGroup) -> None:
        try:
            await self._act(frame, tasks)
        except ProblemError as problem:
            if problem.status == HTTPStatus.UNAUTHORIZED:
                await self._expire()
            elif not isinstance(frame, frames.Reply | frames.Note | frames.Attend | frames.Ping):
                await self._socket.send(failure(frame.conversation, problem))

    async def _act(self, frame: OperatorFrame, tasks: asyncio.TaskGroup) -> None:
        match frame:
            case frames.Take():
                await self._intake.take(frame.conversation)
                await self._enter(frame.conversation, -1, tasks)
                await self._relay.hub.changed(frame.conversation)
            case frames.Open():
                await self._reopen(frame, tasks)
            case frames.Attend():
                self._relay.hub.presence.say(self._operator.id, frame.availability, self._relay.clock.now())
                await self._show_colleagues(again=True)
            case frames.Ping():
                return
            case _:
                await self._in_view(frame)

    async def _in_view(self, frame: InView) -> None:
        view = self._views.get(frame.conversation)
        if view is None:
            await self._socket.send(Error(code=Fault.NOT_NOW, message=frame.asks_for))
            return
        match frame:
            case frames.Reply():
                await view.say(frame.message, frame.text, Direction.OUTBOUND)
            case frames.Note():
                await view.say(frame.message, frame.text, Direction.NOTE)
            case frames.Writing():
                await self._relay.hub.typing(frame.conversation, Party.OPERATOR)
            case frames.Release():
                await self._passed_on(await self._intake.release(frame.conversation))
            case frames.HandOver():
                await self._hand_over(view, frame)
            case frames.Suggest():
                await self._suggest(frame.conversation)
            case frames.Finish():
                await self._finish(view, frame)
            case _:
                assert_never(frame)

    async def _hand_over(self, view: View, frame: frames.HandOver) -> None:
        availability = self._relay.hub.presence.operators.get(frame.operator, Availability.AWAY)
        if availability is Availability.AWAY or frame.operator == self._operator.id:
            await self._socket.send(Failed(conversation=frame.conversation, reason=Reason.ABSENT, retry=False))
            return
        if frame.note and frame.message:
            await view.say(frame.message, frame.note, Direction.NOTE)
        await self._passed_on(await self._intake.hand_over(frame.conversation, HandOver(operator=frame.operator)))

    async def _passed_on(self, conversation: Conversation) -> None:
        """Tell that the conversation is no longer this operator's, before anything else of it can be told."""
        if view := self._views.get(conversation.id):
            self._leave(conversation.id)
            await self._socket.send(*view.side.learned(conversation)[1])
        await self._relay.hub.changed(conversation.id)

    async def _suggest(self, conversation: UUID) -> None:
        contact = await self._intake.contact(conversation)
        suggestion = frames.Suggestion(
            conversation=conversation,
            kind=contact.kind,
            kind_source=contact.kind_source,
            unsure=contact.unsure,
            sector=contact.sector,
        )
        await self._socket.send(suggestion)

    async def _finish(self, view: View, frame: frames.Finish) -> None:
        # tagged first: the event that says it is completed then carries the operator's word
        if frame.kind:
            await self._intake.retag(frame.conversation, Retag(kind=frame.kind))
        if frame.sector:
            await self._intake.correct(frame.conversation, Correction(sector=frame.sector))
        if frame.message and (note := closing_note(frame)):
            await view.say(frame.message, note, Direction.NOTE)
        await self._intake.end(frame.conversation)
        await view.read()
        await self._relay.hub.changed(frame.conversation)

    async def _reopen(self, frame: frames.Open, tasks: asyncio.TaskGroup) -> None:
        found = (await self._intake.transcript(frame.conversation, BEYOND)).conversation
        if found.operator == self._operator.id:
            await self._enter(frame.conversation, frame.after, tasks)
        else:
            await self._socket.send(Failed(conversation=frame.conversation, reason=Reason.TAKEN, retry=False))

    async def _enter(self, conversation: UUID, after: int, tasks: asyncio.TaskGroup) -> None:
        self._leave(conversation)
        side = Side(conversation, Party.OPERATOR, after, operator=self._operator.id)
        view = View(side, self._intake, self._relay.hub, self._socket.send)
        view.on_waiting = partial(self._let_go, view)
        await view.read()
        await view.show_presence()
        self._views[conversation] = view
        self._live[conversation] = tasks.create_task(self._guarded(view.live))

    async def _let_go(self, view: View) -> None:
        if view.side.state and not view.side.state.mine and self._views.get(view.conversation) is view:
            self._leave(view.conversation)

    def _leave(self, conversation: UUID) -> None:
        self._views.pop(conversation, None)
        task = self._live.pop(conversation, None)
        if task:
            task.cancel()

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except ProblemError as problem:
            if problem.status == HTTPStatus.UNAUTHORIZED:
                await self._expire()
            else:
                log.warning("conversations not read", operator=str(self._operator.id), status=problem.status)

    async def _expire(self) -> None:
        await self._socket.send(Expired())
        await self._socket.close(TOO_OLD)


def closing_note(frame: frames.Finish) -> str:
    """Write down what the operator says at the end, for colleagues: the same of the same frame, so that it is stored once."""
    referral = "Doorverwezen naar: " + "; ".join(frame.referral) if frame.referral else None
    return "\n\n".join(filter(None, (frame.summary, referral)))
