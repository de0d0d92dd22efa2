"""One operator's connection: the list of conversations, and any number of them at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final, assert_never
from uuid import UUID

from onthaal_schema.conversation import Conversation
from onthaal_schema.intake import Intake
from onthaal_schema.message import Direction
from onthaal_schema.problems import ProblemError
from onthaal_schema.requests import Retag
from services.chat_relay import frames
from services.chat_relay.conversation import Party, Side
from services.chat_relay.frame_socket import TOO_OLD, FrameSocket
from services.chat_relay.frames import Desk, Entry, Error, Expired, Failed, Fault, OperatorFrame, Queue, Reason
from services.chat_relay.relay import Relay
from services.chat_relay.view import View, failure
from services.kit.auth import Operator
from services.kit.bus import Subscription
from services.kit.logging import logger

log = logger(__name__)

BEYOND: Final = 2**31 - 1
"""After every turn there is: asks for the state of a conversation without its words."""

REREAD: Final = 4.0
"""The list is read again after so many seconds without a hint."""


class OperatorConnection:
    """Serves an operator until they leave, or until their token is too old."""

    def __init__(self, socket: FrameSocket[OperatorFrame], relay: Relay, operator: Operator) -> None:
        """Speak over the socket, and to the store with the operator's own token."""
        self._socket = socket
        self._relay = relay
        self._operator = operator
        self._views: dict[UUID, View] = {}
        self._live: dict[UUID, asyncio.Task[None]] = {}
        self._shown: Queue | None = None

    @property
    def _intake(self) -> Intake:
        return self._relay.intake.operator(self._operator.token)

    async def serve(self) -> None:
        """Answer frames until the connection is over."""
        async with self._relay.hub.attend() as hints, asyncio.TaskGroup() as tasks:
            now = self._relay.clock.now()
            await self._socket.send(Desk(operator=self._operator.id, name=self._operator.name, now=now))
            watching = tasks.create_task(self._watch(hints))
            while (frame := await self._socket.receive()) is not None:
                await self._answer(frame, tasks)
            watching.cancel()
            for conversation in tuple(self._views):
                self._leave(conversation)

    async def _watch(self, hints: Subscription) -> None:
        while True:
            await self._guarded(self._show_queue)
            try:
                async with asyncio.timeout(REREAD):
                    await hints.next()
            except TimeoutError:
                continue

    async def _show_queue(self) -> None:
        queue = Queue(conversations=entries(await self._intake.open_conversations(), self._operator.id))
        if queue != self._shown:
            self._shown = queue
            await self._socket.send(queue)

    async def _answer(self, frame: OperatorFrame, tasks: asyncio.TaskGroup) -> None:
        try:
            await self._act(frame, tasks)
        except ProblemError as problem:
            if problem.status == HTTPStatus.UNAUTHORIZED:
                await self._expire()
            elif not isinstance(frame, frames.Reply | frames.Ping):
                await self._socket.send(failure(frame.conversation, problem))

    async def _act(self, frame: OperatorFrame, tasks: asyncio.TaskGroup) -> None:
        match frame:
            case frames.Take():
                await self._intake.take(frame.conversation)
                await self._enter(frame.conversation, -1, tasks)
                await self._relay.hub.changed(frame.conversation)
            case frames.Open():
                await self._reopen(frame, tasks)
            case frames.Ping():
                return
            case frames.Reply() | frames.Writing() | frames.Release() | frames.Finish():
                await self._in_view(frame)
            case _:
                assert_never(frame)

    async def _in_view(self, frame: frames.Reply | frames.Writing | frames.Release | frames.Finish) -> None:
        view = self._views.get(frame.conversation)
        if view is None:
            await self._socket.send(Error(code=Fault.NOT_NOW, message=frame.asks_for))
            return
        match frame:
            case frames.Reply():
                await view.say(frame.message, frame.text, Direction.OUTBOUND)
            case frames.Writing():
                await self._relay.hub.typing(frame.conversation, Party.OPERATOR)
            case frames.Release():
                await self._intake.release(frame.conversation)
                self._leave(frame.conversation)
                await self._relay.hub.changed(frame.conversation)
            case frames.Finish():
                await self._finish(view, frame)
            case _:
                assert_never(frame)

    async def _finish(self, view: View, frame: frames.Finish) -> None:
        # tagged first: the event that says it is completed then carries the operator's word
        if frame.kind:
            await self._intake.retag(frame.conversation, Retag(kind=frame.kind))
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
        view = View(Side(conversation, Party.OPERATOR, after), self._intake, self._relay.hub, self._socket.send)
        await view.read()
        await view.show_presence()
        self._views[conversation] = view
        self._live[conversation] = tasks.create_task(self._guarded(view.live))

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


def entries(conversations: Sequence[Conversation], operator: UUID) -> tuple[Entry, ...]:
    """List conversations as this operator sees them."""
    return tuple(
        Entry(
            conversation=found.id,
            reference=found.reference,
            status=found.status,
            mine=found.operator == operator,
            operator=found.operator_name,
            language=found.language,
            started_at=found.started_at,
        )
        for found in conversations
    )
