"""Live fan-out: tells whoever is connected, to any relay, that there is something to read. The store stays the truth."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from onthaal_schema.message import Message
from services.chat_relay.conversation import Party
from services.chat_relay.presence import Presence
from services.kit.bus import Bus, Notice, Subscription

QUEUE = "chat.queue"
RECENT = 16


class Room:
    """What this process remembers of a conversation while somebody here follows it: the last turns it stored."""

    def __init__(self) -> None:
        """Start empty."""
        self.followers: set[Subscription] = set()
        self.turns: deque[Message] = deque(maxlen=RECENT)


class Hub:
    """Rooms, and who is present. Any number of relays share the conversations; a turn is read from the store or from here."""

    def __init__(self, bus: Bus) -> None:
        """Speak over the bus."""
        self._bus = bus
        self._rooms: dict[UUID, Room] = {}
        self._desks: set[Subscription] = set()
        self.presence = Presence(bus, self._show_presence, self._show_staff)

    @property
    def is_whole(self) -> bool:
        """Whether hints of every relay arrive here now."""
        return self._bus.is_whole

    @property
    def connections(self) -> tuple[int, int]:
        """How many visitors and operators are connected here."""
        return self.presence.connected_here

    def is_here(self, conversation: UUID) -> bool:
        """Whether the visitor of a conversation is connected, to any relay."""
        return self.presence.is_here(conversation)

    @asynccontextmanager
    async def follow(self, conversation: UUID) -> AsyncIterator[Subscription]:
        """Hear of a conversation for the length of a block."""
        room = self._rooms.setdefault(conversation, Room())
        async with self._bus.listen(subject(conversation)) as hints:
            room.followers.add(hints)
            try:
                yield hints
            finally:
                room.followers.discard(hints)
                if not room.followers:
                    del self._rooms[conversation]

    @contextmanager
    def visit(self, conversation: UUID) -> Iterator[None]:
        """Be present as the visitor for the length of a block."""
        with self.presence.visit(conversation):
            yield

    @asynccontextmanager
    async def watch_queue(self) -> AsyncIterator[Subscription]:
        """Hear of the queue, and of operators who come, go, or say how present they are, for the length of a block."""
        async with self._bus.listen(QUEUE) as hints:
            self._desks.add(hints)
            try:
                yield hints
            finally:
                self._desks.discard(hints)

    def waits(self, conversation: UUID) -> None:
        """Tell whoever follows a conversation here that the waiting room has news of it."""
        self._offer(conversation, {"waiting": 1})

    async def stored(self, turn: Message, own: Subscription | None = None) -> None:
        """Tell everybody else that the store has a turn. Called after the store said so, never before."""
        room = self._rooms.get(turn.contact_id)
        if room and (not room.turns or room.turns[-1].sequence < turn.sequence):
            room.turns.append(turn)
        await self._bus.publish(subject(turn.contact_id), {"turn": turn.sequence}, own)

    async def changed(self, conversation: UUID) -> None:
        """Tell that a conversation was started, taken, given back or ended."""
        await self._tell(conversation, {"state": 1})
        await self._bus.publish(QUEUE, {"conversation": str(conversation)})

    async def typing(self, conversation: UUID, party: Party) -> None:
        """Tell that one side is writing."""
        await self._tell(conversation, {"typing": party.value})

    def recent(self, conversation: UUID, after: int, until: int) -> tuple[Message, ...]:
        """Give the turns from `after` (exclusive) until `until`, or nothing when one of them is not at hand."""
        room = self._rooms.get(conversation)
        turns = tuple(turn for turn in room.turns if after < turn.sequence <= until) if room else ()
        return turns if len(turns) == until - after else ()

    def _show_presence(self, conversation: UUID) -> None:
        self._offer(conversation, {"presence": 1})

    def _show_staff(self) -> None:
        for desk in tuple(self._desks):
            desk.offer({"staff": 1})

    def _offer(self, conversation: UUID, notice: Notice) -> None:
        if room := self._rooms.get(conversation):
            for follower in tuple(room.followers):
                follower.offer(notice)

    async def _tell(self, conversation: UUID, notice: Notice) -> None:
        await self._bus.publish(subject(conversation), notice)


def subject(conversation: UUID) -> str:
    """Name the bus subject of a conversation."""
    return f"chat.conversation.{conversation}"
