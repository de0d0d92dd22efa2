"""Who is connected to which relay. Each relay says so itself, again and again, and is believed for a few seconds.

It says everything when it is asked, and otherwise what is new since its last word; who missed that word asks.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from services.chat_relay.frames import Availability
from services.kit.bus import Bus, Notice, Subscription

SUBJECT: Final = "chat.presence"
HEARTBEAT: Final = 1.5
LEASE: Final = 6.0
"""Seconds after which a relay that says nothing more is taken for dead, and whoever was connected to it for gone."""

TOGETHER: Final = 0.05
"""Seconds in which changes are told together."""


@dataclass(frozen=True, order=True)
class Attending:
    """How present an operator is, and when they said so (milliseconds; 0: never): the last word counts on every relay."""

    at: int = 0
    availability: Availability = Availability.AVAILABLE


@dataclass(frozen=True)
class Elsewhere:
    """What another relay last said, how often that had changed by then, and until when it is believed."""

    operators: Mapping[UUID, Attending]
    visitors: set[UUID]
    state: int
    until: float


class Presence:
    """Who is connected to this relay, and to the others as far as is known here."""

    def __init__(self, bus: Bus, on_change: Callable[[UUID], None], on_staff: Callable[[], None] = lambda: None) -> None:
        """Speak with the other relays over the bus.

        `on_change` is told the conversation whose visitor came or went, `on_staff` that an operator did, or how present.
        """
        self._bus = bus
        self._on_change = on_change
        self._on_staff = on_staff
        self._node = str(uuid4())
        self._pages: Counter[UUID] = Counter()
        self._attending: dict[UUID, Attending] = {}
        self._visitors: Counter[UUID] = Counter()
        self._others: dict[str, Elsewhere] = {}
        self._changed = asyncio.Event()
        self._asked = True
        self._state = 0
        self._told_operators = ""
        self._told: set[UUID] = set()
        self._moved: set[UUID] = set()

    @property
    def operators(self) -> Mapping[UUID, Availability]:
        """The operators who are connected to any relay, and how present they are."""
        known: dict[UUID, Attending] = {}
        for said in self._said():
            for operator, attending in said.items():
                known[operator] = max(attending, known.get(operator, attending))
        return {operator: attending.availability for operator, attending in known.items()}

    @property
    def staffed(self) -> bool:
        """Whether an operator is present: connected to any relay and not away."""
        return any(availability is not Availability.AWAY for availability in self.operators.values())

    @property
    def available(self) -> int:
        """How many operators take conversations now."""
        return sum(availability is Availability.AVAILABLE for availability in self.operators.values())

    @property
    def operators_here(self) -> tuple[UUID, ...]:
        """The operators who are connected to this relay."""
        return tuple(self._attending)

    def is_here(self, conversation: UUID) -> bool:
        """Whether the visitor of a conversation is connected to any relay."""
        return conversation in self._visitors or any(conversation in other.visitors for other in self._living())

    @property
    def connected_here(self) -> tuple[int, int]:
        """How many visitors and operators are connected to this relay."""
        return self._visitors.total(), self._pages.total()

    @contextmanager
    def attend(self, operator: UUID) -> Iterator[None]:
        """Be connected as an operator for the length of a block, as present as they last said on any relay."""
        elsewhere = [other.operators[operator] for other in self._living() if operator in other.operators]
        self._pages[operator] += 1
        self._attending.setdefault(operator, max(elsewhere, default=Attending()))
        self._tell_staff()
        try:
            yield
        finally:
            self._pages[operator] -= 1
            if not self._pages[operator]:
                del self._pages[operator], self._attending[operator]
            self._tell_staff()

    def say(self, operator: UUID, availability: Availability, now: datetime) -> None:
        """Say how present an operator is who is connected here; it holds for all their pages."""
        last = max((said.get(operator, Attending()).at for said in self._said()), default=0)
        self._attending[operator] = Attending(max(int(now.timestamp() * 1000), last + 1), availability)
        self._tell_staff()

    @contextmanager
    def visit(self, conversation: UUID) -> Iterator[None]:
        """Be present as the visitor of a conversation for the length of a block."""
        self._visitors[conversation] += 1
        self._tell(conversation)
        try:
            yield
        finally:
            self._visitors[conversation] -= 1
            if not self._visitors[conversation]:
                del self._visitors[conversation]
            self._tell(conversation)

    async def run(self) -> None:
        """Say who is here, and hear who is elsewhere, until cancelled; then say that nobody is here any more."""
        async with self._bus.listen(SUBJECT) as notices, asyncio.TaskGroup() as tasks:
            self._asked = True
            tasks.create_task(self._hear(notices))
            await self._bus.publish(SUBJECT, {"ask": self._node})
            try:
                await self._say()
            finally:
                await self._bus.publish(SUBJECT, {"node": self._node, "operators": "", "visitors": "", "state": self._state + 1})

    async def _say(self) -> None:
        while True:
            self._changed.clear()
            await self._bus.publish(SUBJECT, self._word())
            self._forget_the_dead()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._changed.wait()
                await asyncio.sleep(TOGETHER)
            except TimeoutError:
                continue

    def _word(self) -> Notice:
        """Say everything to who asked, what is new to who knows the rest, or that nothing is."""
        moved, self._moved = self._moved, set()
        came = {visitor for visitor in moved if visitor in self._visitors} - self._told
        went = {visitor for visitor in moved if visitor not in self._visitors} & self._told
        operators = written(self._attending)
        former = self._state
        if came or went or operators != self._told_operators:
            self._state += 1
        self._told |= came
        self._told -= went
        self._told_operators = operators
        word: Notice = {"node": self._node, "state": self._state}
        if self._asked:
            self._asked = False
            return {**word, "operators": operators, "visitors": _line(self._told)}
        if self._state == former:
            return word
        return {**word, "after": former, "operators": operators, "came": _line(came), "went": _line(went)}

    async def _hear(self, notices: Subscription) -> None:
        while True:
            match await notices.next():
                case {"node": str(node)} if node == self._node:
                    continue
                case {"ask": _}:
                    self._asked = True
                    self._changed.set()
                case {"node": str(node), "operators": str(operators), "visitors": str(visitors), "state": int(state)}:
                    self._believe(node, read(operators), _ids(visitors), state)
                case {"node": str(node), "after": int(after), "state": int(state)} as word if after == self._known(node):
                    came, went = _ids(str(word["came"])), _ids(str(word["went"]))
                    self._believe(node, read(str(word["operators"])), (self._others[node].visitors | came) - went, state)
                case {"node": str(node), "state": int(state)} if state == self._known(node):
                    self._others[node] = replace(self._others[node], until=_now() + LEASE)
                case _:  # something was missed: everybody speaks again
                    await self._bus.publish(SUBJECT, {"ask": self._node})

    def _known(self, node: str) -> int | None:
        return self._others[node].state if node in self._others else None

    def _believe(self, node: str, operators: Mapping[UUID, Attending], visitors: set[UUID], state: int) -> None:
        known = self._others.get(node)
        self._others[node] = Elsewhere(operators, visitors, state, _now() + LEASE)
        for operator in operators.keys() & self._attending.keys():  # kept here too: the other page, or its relay, may go first
            self._attending[operator] = max(self._attending[operator], operators[operator])
        if operators != (known.operators if known else {}):
            self._on_staff()
        for conversation in visitors ^ (known.visitors if known else set()):
            self._on_change(conversation)

    def _forget_the_dead(self) -> None:
        dead = {node: other for node, other in self._others.items() if other.until <= _now()}
        for node, other in dead.items():
            del self._others[node]
            if other.operators:
                self._on_staff()
            for conversation in other.visitors:
                self._on_change(conversation)

    def _living(self) -> Iterator[Elsewhere]:
        return (other for other in self._others.values() if other.until > _now())

    def _said(self) -> Iterator[Mapping[UUID, Attending]]:
        yield self._attending
        for other in self._living():
            yield other.operators

    def _tell_staff(self) -> None:
        self._changed.set()
        self._on_staff()

    def _tell(self, conversation: UUID) -> None:
        self._moved.add(conversation)
        self._changed.set()
        self._on_change(conversation)


def written(operators: Mapping[UUID, Attending]) -> str:
    """Write who is present in one line, by identifiers: no name goes over the bus."""
    return " ".join(f"{operator}:{attending.availability}:{attending.at}" for operator, attending in operators.items())


def read(text: str) -> Mapping[UUID, Attending]:
    """Read what `written` wrote."""
    parts = (word.split(":") for word in text.split())
    return {UUID(operator): Attending(int(at), Availability(availability)) for operator, availability, at in parts}


def _line(ids: Iterable[UUID]) -> str:
    return " ".join(map(str, ids))


def _ids(text: str) -> set[UUID]:
    return set(map(UUID, text.split()))


def _now() -> float:
    return asyncio.get_running_loop().time()
