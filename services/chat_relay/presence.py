"""Who is connected to which relay. Each relay says so itself, again and again, and is believed for a few seconds."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from services.kit.bus import Bus, Subscription

SUBJECT: Final = "chat.presence"
HEARTBEAT: Final = 1.5
LEASE: Final = 6.0
"""Seconds after which a relay that says nothing more is taken for dead, and whoever was connected to it for gone."""

TOGETHER: Final = 0.05
"""Seconds in which changes are told together."""


@dataclass(frozen=True)
class Elsewhere:
    """What another relay last said, and until when it is believed."""

    operators: int
    visitors: frozenset[UUID]
    until: float


class Presence:
    """Who is connected to this relay, and to the others as far as is known here."""

    def __init__(self, bus: Bus, on_change: Callable[[UUID], None]) -> None:
        """Speak with the other relays over the bus; `on_change` is told the conversation whose visitor came or went."""
        self._bus = bus
        self._on_change = on_change
        self._node = str(uuid4())
        self._operators = 0
        self._visitors: Counter[UUID] = Counter()
        self._others: dict[str, Elsewhere] = {}
        self._changed = asyncio.Event()

    @property
    def staffed(self) -> bool:
        """Whether an operator is connected to any relay."""
        return self._operators > 0 or any(other.operators for other in self._living())

    def is_here(self, conversation: UUID) -> bool:
        """Whether the visitor of a conversation is connected to any relay."""
        return conversation in self._visitors or any(conversation in other.visitors for other in self._living())

    @property
    def connected_here(self) -> tuple[int, int]:
        """How many visitors and operators are connected to this relay."""
        return self._visitors.total(), self._operators

    @contextmanager
    def attend(self) -> Iterator[None]:
        """Be present as an operator for the length of a block."""
        self._operators += 1
        self._changed.set()
        try:
            yield
        finally:
            self._operators -= 1
            self._changed.set()

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
            tasks.create_task(self._hear(notices))
            await self._bus.publish(SUBJECT, {"ask": self._node})
            try:
                await self._say()
            finally:
                await self._bus.publish(SUBJECT, {"node": self._node, "operators": 0, "visitors": ""})

    async def _say(self) -> None:
        while True:
            self._changed.clear()
            visitors = " ".join(map(str, self._visitors))
            await self._bus.publish(SUBJECT, {"node": self._node, "operators": self._operators, "visitors": visitors})
            self._forget_the_dead()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._changed.wait()
                await asyncio.sleep(TOGETHER)
            except TimeoutError:
                continue

    async def _hear(self, notices: Subscription) -> None:
        while True:
            match await notices.next():
                case {"ask": _}:
                    self._changed.set()
                case {"node": str(node), "operators": int(operators), "visitors": str(visitors)}:
                    if node != self._node:
                        self._believe(node, operators, frozenset(map(UUID, visitors.split())))
                case _:  # something was missed: everybody speaks again
                    await self._bus.publish(SUBJECT, {"ask": self._node})

    def _believe(self, node: str, operators: int, visitors: frozenset[UUID]) -> None:
        known = self._others.get(node)
        self._others[node] = Elsewhere(operators, visitors, _now() + LEASE)
        for conversation in visitors ^ (known.visitors if known else frozenset()):
            self._on_change(conversation)

    def _forget_the_dead(self) -> None:
        dead = {node: other for node, other in self._others.items() if other.until <= _now()}
        for node, other in dead.items():
            del self._others[node]
            for conversation in other.visitors:
                self._on_change(conversation)

    def _living(self) -> Iterator[Elsewhere]:
        return (other for other in self._others.values() if other.until > _now())

    def _tell(self, conversation: UUID) -> None:
        self._changed.set()
        self._on_change(conversation)


def _now() -> float:
    return asyncio.get_running_loop().time()
