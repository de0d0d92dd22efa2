"""What one connection shows of one conversation: reads the store when there is a hint, and when there was none for long."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from uuid import UUID

from onthaal_schema.conversation import Conversation
from onthaal_schema.intake import Intake
from onthaal_schema.message import Direction, Message, MessageSubmission
from onthaal_schema.problems import Conflict, Erased, InvalidInput, NotFound, ProblemError, StateConflict, TooManyRequests
from services.chat_relay.conversation import Party, Side, Told
from services.chat_relay.frames import Failed, Presence, Reason, ServerFrame, Typed
from services.chat_relay.hub import Hub
from services.kit.bus import MISSED, Notice, Subscription
from services.kit.logging import logger

log = logger(__name__)

Send = Callable[..., Awaitable[None]]
"""Sends frames to the connection, in order."""

LONGEST_SILENCE: Final = 30.0
"""After about so many seconds without a hint the store is read anyway: the bus may have lost one."""

ALONE: Final = 2.0
"""The same while the other relays cannot be heard."""

REASONS: Final[dict[type[ProblemError], Reason]] = {
    NotFound: Reason.GONE,
    Erased: Reason.GONE,
    StateConflict: Reason.TAKEN,
    Conflict: Reason.REFUSED,
    InvalidInput: Reason.REFUSED,
    TooManyRequests: Reason.TOO_FAST,
}


def failure(conversation: UUID, problem: ProblemError, message: UUID | None = None) -> Failed:
    """Say that something was not done, why, and whether to try again; nothing of what was sent."""
    reason = REASONS.get(type(problem), Reason.UNAVAILABLE)
    if message and reason is Reason.TAKEN:
        reason = Reason.ENDED
    retry = reason in {Reason.UNAVAILABLE, Reason.TOO_FAST}
    return Failed(conversation=conversation, reason=reason, retry=retry, message=message)


@dataclass
class View:
    """A connection's view of a conversation. Turns reach `send` once, in order, and only from the store."""

    side: Side
    intake: Intake
    hub: Hub
    send: Send
    on_waiting: Callable[[], Awaitable[None]] | None = None
    """Called when the waiting room has news, and after each look in the store."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _here: bool | None = None
    _hints: Subscription | None = None

    @property
    def conversation(self) -> UUID:
        """The conversation."""
        return self.side.conversation

    async def read(self) -> Conversation:
        """Read what the store has beyond what was seen, tell it, and give the state of the conversation."""
        async with self._lock:
            transcript = await self.intake.transcript(self.conversation, self.side.seen)
            if self.side.may_follow(transcript.conversation):
                await self._tell(self.side.told(transcript.turns))
            await self._tell(self.side.learned(transcript.conversation))
            return transcript.conversation

    async def say(self, message: UUID, text: str, direction: Direction) -> None:
        """Store a message; only then is it answered as sent, and told to the other side."""
        if self.side.ended:
            await self.send(self._failed(message, Reason.ENDED))
            return
        self.side = self.side.sends(message)
        try:
            submission = MessageSubmission(direction=direction, text=text)
            stored = await self.intake.append(self.conversation, message, submission)
        except ProblemError as problem:
            self.side = self.side.gives_up(message)
            await self.send(failure(self.conversation, problem, message))
            raise
        await self.hub.stored(stored, self._hints)
        await asyncio.sleep(0)  # the other side first: its wait is the longer one
        await self._until(stored)

    async def live(self) -> None:
        """Tell what is new, until cancelled. Reads once after it began to listen, so that nothing falls between."""
        async with self.hub.follow(self.conversation) as self._hints:
            await self._heed(MISSED)
            while True:
                await self._heed(await hint(self._hints, LONGEST_SILENCE if self.hub.is_whole else ALONE))

    async def _heed(self, notice: Notice) -> None:
        match notice:
            case {"typing": party}:
                if party != self.side.party:
                    await self.send(Typed(conversation=self.conversation))
            case {"presence": _}:
                await self.show_presence()
            case {"waiting": _}:
                await self._tell_waiting()
            case {"turn": int(sequence)} if await self._at_hand(sequence):
                return
            case _:
                await self._reread()
                await self.show_presence()
                await self._tell_waiting()

    async def _tell_waiting(self) -> None:
        if self.on_waiting:
            await self.on_waiting()

    async def show_presence(self) -> None:
        """Tell an operator whether the visitor is there, when that is new."""
        here = self.hub.is_here(self.conversation)
        if self.side.party is Party.OPERATOR and here != self._here:
            self._here = here
            await self.send(Presence(conversation=self.conversation, here=here))

    async def _reread(self) -> None:
        try:
            await self.read()
        except ProblemError as problem:
            if problem.status == HTTPStatus.UNAUTHORIZED:
                raise
            log.warning("conversation not read", conversation=str(self.conversation), status=problem.status)

    async def _until(self, stored: Message) -> None:
        if self.side.follows and not await self._at_hand(stored.sequence):
            await self._reread()
        async with self._lock:
            await self._tell(self.side.settled(stored))

    async def _at_hand(self, sequence: int) -> bool:
        """Tell the turns until a sequence number from memory, when this process has them all."""
        async with self._lock:
            if sequence > self.side.seen:
                await self._tell(self.side.told(self.hub.recent(self.conversation, self.side.seen, sequence)))
            return self.side.seen >= sequence

    async def _tell(self, told: Told) -> None:
        self.side, frames = told
        await self.send(*frames)

    def _failed(self, message: UUID, reason: Reason) -> ServerFrame:
        return Failed(conversation=self.conversation, reason=reason, retry=False, message=message)


async def hint(hints: Subscription, patience: float) -> Notice:
    """Wait for a hint; `MISSED` after about so many seconds of silence."""
    spread = random.uniform(0.8, 1.2)  # noqa: S311  (of the reads)
    silence = asyncio.get_running_loop().call_later(patience * spread, hints.miss)
    try:
        return await hints.next()
    finally:
        silence.cancel()
