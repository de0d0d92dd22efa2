"""Whatever visitors and operators do, in any order and on any relay: no conversation is ever mixed with another.

Worlds of two visitors and three operators live at once. Their steps do not wait for one another; at the end everybody comes back,
and what each side saw must be what is stored. The steps follow from a seed: `SEED` and `EXAMPLES` (make test-chat) make others, and
more. A world that fails tells its number and its steps; the same steps need not meet in the same way again.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import httpx
import pytest
from websockets.exceptions import WebSocketException

from services.intake_api.caller import SERVICE_SCOPES
from tests.chat_pages import Frame, Hall, OperatorPage, Page, VisitorPage
from tests.engines import Postgres, postgres
from tests.integration.test_chat import signed_in
from tests.integration.test_nodes import node
from tests.nats import Nats, nats
from tests.running import Gateway

__all__ = ["nats", "postgres"]

Step = Coroutine[Any, Any, None]
Found = TypeVar("Found")

EXAMPLES = int(os.environ.get("EXAMPLES", "12"))
SEED = int(os.environ.get("SEED", "1"))
AT_ONCE = 3
STEPS = 60
SECRET = "0123456789abcdef" * 2
PATIENCE = 60
RENEWED_S, ANSWER_S = 4, 20
FRESH_S = 240
"""An operator's token lives longer than this and a world together."""

WHO = {"inbound": "visitor", "outbound": "operator", "note": "note"}
MET = {"visitor", "operator", "note", "taken", "givenBack", "handedOver", "vanished", "resumed", "refused"}
"""What happens in any run that is worth its name."""


@dataclass
class Deployment:
    """Relays over one store, and the desk where operators sign in."""

    relays: list[Gateway]
    intake: Gateway
    tally: Counter[str] = field(default_factory=Counter)
    """What was met until now: who said how many turns, and what became of conversations."""

    _cookies: dict[int, tuple[float, list[str]]] = field(default_factory=dict)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Be able to read the store for the length of a block."""
        token = await asyncio.to_thread(self.intake.token, *SERVICE_SCOPES["chat_relay"])
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=f"{self.intake.url}/intake/v1", headers=headers, timeout=30) as self.store:
            yield

    async def cookies(self, place: int) -> list[str]:
        """Give the cookies of three operators of their own for one world after another."""
        signed_in_at, cookies = self._cookies.get(place, (-FRESH_S, []))
        if time.monotonic() - signed_in_at > FRESH_S:
            names = [f"{name} {place}" for name in ("Noor", "Elif", "Bram")]
            cookies = [await asyncio.to_thread(signed_in, self.intake, name) for name in names]
            self._cookies[place] = time.monotonic(), cookies
        return cookies

    async def transcript(self, conversation: str) -> tuple[Frame, list[Frame]]:
        """Read a conversation and its turns from the store."""
        answer = (await self.store.get(f"/conversations/{conversation}")).raise_for_status().json()
        return answer["conversation"], answer["turns"]


@pytest.fixture(scope="module")
def one_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything in one process, on SQLite."""
    always = {"ONTHAAL_HOURS_CHAT": "24/7", "ONTHAAL_CHAT_OPERATOR_LEASE": "8", "ONTHAAL_CHAT_RATE": "100000/minute"}
    with ExitStack() as stack:
        gateway = Gateway(tmp_path_factory.mktemp("one"), ("intake_api", "phone_log", "chat_relay"), always)
        stack.callback(gateway.stop)
        yield Deployment([gateway.start()], gateway)


@pytest.fixture(scope="module")
def three_relays(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, nats: Nats) -> Iterator[Deployment]:
    """Three relays over NATS and two intake services on one PostgreSQL, each a process."""
    folder = tmp_path_factory.mktemp("three")
    bus = {"ONTHAAL_NATS_URL": nats.url}
    with ExitStack() as stack:
        database = postgres.new_database()
        intakes = [node(folder, name, database, ONTHAAL_CHAT_OPERATOR_LEASE="8", **bus) for name in ("one", "other")]
        intakes[0].services = ("intake_api", "phone_log")
        shared = bus | {"ONTHAAL_CHAT_SECRET": SECRET, "ONTHAAL_CHAT_RATE": "100000/minute"}
        for intake in intakes:
            stack.callback(intake.stop)
            intake.start()
        shared["ONTHAAL_CHAT_RELAY_TOKEN"] = intakes[0].token(*SERVICE_SCOPES["chat_relay"])
        relays = [
            Gateway(folder / name, ("chat_relay",), shared | {"ONTHAAL_INTAKE_URL": " ".join(urls)})
            for name, urls in (
                ("a", [intakes[0].url, intakes[1].url]),
                ("b", [intakes[1].url, intakes[0].url]),
                ("c", [intakes[1].url]),
            )
        ]
        for relay in relays:
            stack.callback(relay.stop)
        with ThreadPoolExecutor(3) as together:
            list(together.map(Gateway.start, relays))
        yield Deployment(relays, intakes[0])


class World:
    """Two visitors, and three operators on four pages."""

    def __init__(self, deployment: Deployment, cookies: Sequence[str], random: Random) -> None:
        """Nobody has come yet."""
        self.deployment = deployment
        self.random = random
        self.hall = Hall()
        self.script: list[str] = []
        noor, elif_, bram = cookies
        self.visitors = [VisitorPage(self.hall, f"visitor {number}") for number in (1, 2)]
        pages = {"Noor": noor, "Noor again": noor, "Elif": elif_, "Bram": bram}
        self.operators = [OperatorPage(self.hall, name, held) for name, held in pages.items()]
        self.is_far = False
        """Whether whoever is gone at the end does not come back, one who has a conversation among them."""

    async def live(self) -> None:
        """Take all steps, then come together."""
        try:
            for page in (*self.visitors, *self.operators):
                await self._comes(page)
            for number in range(STEPS):
                await self._step(number)
                assert self.hall.faults == []
            await self._come_together()
            assert self.hall.faults == []
        except Exception as failure:
            failure.add_note("\n".join(self.hall.wire))
            failure.add_note(" ".join(self.script))
            raise
        finally:
            for page in (*self.visitors, *self.operators):
                await page.drop()
        self.deployment.tally.update(self.hall.met)

    # steps

    async def _step(self, number: int) -> None:
        steps: dict[Callable[[], Step | None], int] = {
            self._visitor_says: 12,
            self._operator_says: 12,
            self._both_say: 6,
            self._visitor_drops: 4,
            self._visitor_comes: 6,
            self._operator_drops: 4,
            self._operator_comes: 6,
            self._operator_takes: 6,
            self._all_take: 4,
            self._operator_releases: 3,
            self._operator_hands_over: 5,
            self._operator_attends: 3,
            self._somebody_ends: 1 if number > STEPS * 2 / 3 else 0,
            self._time_passes: 16,
        }
        made = self.random.choices(list(steps), list(steps.values()))[0]
        if step := made():
            self.script.append(made.__name__)
            await step

    async def _comes(self, page: Page) -> None:
        """Connect to some relay, and to another while that one is away."""
        for relay in self.random.sample(self.deployment.relays, len(self.deployment.relays)):
            with suppress(OSError, WebSocketException):
                await (page.arrive(relay) if isinstance(page, OperatorPage) else page.join(relay))
                return

    def _one(self, among: Sequence[Found]) -> Found | None:
        return self.random.choice(among) if among else None

    @property
    def _talks(self) -> list[str]:
        return [page.conversation for page in self.visitors if page.knocked]

    @property
    def _writers(self) -> list[VisitorPage]:
        return [page for page in self.visitors if page.started and page.may_write and not page.ended]

    def _servings(self) -> list[tuple[OperatorPage, str]]:
        """Who has which conversation, or has just asked for it."""
        return [(page, talk) for page in self.operators for talk in self._talks if page.may_act(talk)]

    def _visitor_comes(self) -> Step:
        """Come back on some relay, also from a page that was still connected."""
        return self._comes(self.random.choice(self.visitors))

    def _visitor_drops(self) -> Step:
        return self.random.choice(self.visitors).drop(politely=self.random.random() < 1 / 4)

    def _visitor_says(self) -> Step | None:
        return page.say() if (page := self._one(self._writers)) else None

    def _operator_comes(self) -> Step:
        return self._comes(self.random.choice(self.operators))

    def _operator_drops(self) -> Step:
        return self.random.choice(self.operators).drop(politely=self.random.random() < 1 / 4)

    def _operator_takes(self) -> Step | None:
        page, talk = self._one([page for page in self.operators if page.is_up]), self._one(self._talks)
        return page.take(talk) if page and talk else None

    def _all_take(self) -> Step | None:
        talk = self._one(self._talks)
        return all_of([page.take(talk) for page in self.operators if page.is_up]) if talk else None

    def _operator_says(self) -> Step | None:
        serving = self._one([(page, talk) for page, talk in self._servings() if page.may_write])
        who = "note" if self.random.random() < 1 / 4 else "operator"
        return serving[0].say(serving[1], who) if serving else None

    def _both_say(self) -> Step:
        """Speak at once, all who may."""
        spoken: list[Step] = [page.say(talk) for page, talk in self._servings() if page.may_write]
        return all_of(spoken + [page.say() for page in self._writers])

    def _operator_releases(self) -> Step | None:
        serving = self._one(self._servings())
        return serving[0].release(serving[1]) if serving else None

    def _operator_hands_over(self) -> Step | None:
        """Give a conversation to a colleague, present or not."""
        serving = self._one(self._servings())
        if serving is None:
            return None
        page, talk = serving
        colleague = self.random.choice([other.operator for other in self.operators if other.operator != page.operator])
        return page.hand_over(talk, colleague, with_note=self.random.random() < 1 / 2)

    def _operator_attends(self) -> Step | None:
        page = self._one([page for page in self.operators if page.is_up])
        return page.attend(self.random.choice(["available", "busy", "away"])) if page else None

    def _somebody_ends(self) -> Step | None:
        served: list[Callable[[], Step]] = [lambda page=page, talk=talk: page.end(talk) for page, talk in self._servings()]
        visiting = [page.end for page in self.visitors if page.is_let_in and page.is_up]
        return ending() if (ending := self._one([*served, *visiting])) else None

    def _time_passes(self) -> Step:
        """Let what is under way arrive."""
        return asyncio.sleep(self.random.choice([0.005, 0.03, 0.2]))

    # the end

    async def _come_together(self) -> None:
        if self.is_far:
            await self._vanish()
        lost = [page for page in self.operators if self.is_far and not page.is_up]
        present: list[Page] = [page for page in (*self.visitors, *self.operators) if page not in lost]
        await self._settle(present, lost, ended=False)
        for page in self.visitors:
            await self._agrees(page)
            if not page.ended:
                await page.end()
        await self._settle(present, [], ended=True)

    async def _vanish(self) -> None:
        """Let one operator who has a conversation be gone with every page."""
        for _ in range(20):
            if servings := [page for page, _ in self._servings()]:
                for page in self.operators:
                    if page.operator == servings[0].operator:
                        await page.drop()
                return
            await self._come_back_and_take()
            await asyncio.sleep(0.2)

    async def _come_back_and_take(self) -> None:
        for page in (*self.visitors, *self.operators):
            if not page.is_up:
                await self._comes(page)
        await all_of([page.take(talk) for page in self.operators for talk in self._talks])

    async def _settle(self, present: list[Page], lost: list[OperatorPage], *, ended: bool) -> None:
        """Wait until nothing is open any more; who has said something that got no answer connects again."""
        deadline, renewed = time.monotonic() + PATIENCE, time.monotonic()
        while why := await self._open_points(present, lost, ended=ended):
            assert self.hall.faults == []
            now = time.monotonic()
            assert now < deadline, "\n".join(why)
            slow = [page.name for page in present if page.is_up and any(now - at > ANSWER_S for at in page.unanswered.values())]
            assert slow == [], "something got no answer"
            stale = time.monotonic() - renewed > RENEWED_S
            for page in present:
                if not page.is_up or (stale and set(page.outbox) - page.unanswered.keys()):
                    await self._comes(page)
            renewed = time.monotonic() if stale else renewed
            await asyncio.sleep(0.05)

    async def _open_points(self, present: list[Page], lost: list[OperatorPage], *, ended: bool) -> list[str]:
        found = [f"{page.name} is away, or waits for an answer" for page in present if page.unanswered or not page.is_up]
        gone = {page.operator for page in lost} - {page.operator for page in self.operators if page.is_up}
        for visitor in self.visitors:
            if visitor.outbox or not visitor.started or (ended and not visitor.ended):
                found.append(f"{visitor.name} waits for an answer")
                continue
            conversation, turns = await self.deployment.transcript(visitor.conversation)
            found += visitor_differs(visitor, conversation, turns)
            for page in present:
                if isinstance(page, OperatorPage):
                    found += operator_differs(page, conversation, turns)
            if conversation["status"] == "assigned" and conversation["operator"] in gone:
                found.append("an operator who is gone has a conversation")
        return found

    async def _agrees(self, visitor: VisitorPage) -> None:
        """Compare the store with what was said."""
        told = {message: letter.sequence for message, letter in self.hall.letters.items() if letter.sequence is not None}
        _, turns = await self.deployment.transcript(visitor.conversation)
        assert [turn["sequence"] for turn in turns] == list(range(len(turns))), "the numbers have a gap"
        stored = {turn["id"]: turn for turn in turns}
        assert len(stored) == len(turns), "a turn is stored twice"
        said = {message: letter for message, letter in self.hall.letters.items() if letter.conversation == visitor.conversation}
        assert stored.keys() <= said.keys(), "somebody else's words"
        for message, turn in stored.items():
            assert row(turn) == (said[message].who, said[message].text)
            assert not said[message].is_refused, "stored, though it was said that it is not"
        for message in told.keys() & said.keys():
            assert stored[message]["sequence"] == told[message], "not the turn that somebody was told"
        own = [stored[message]["sequence"] for message, letter in said.items() if letter.who == "visitor" and message in stored]
        assert own == sorted(own), "what the visitor said is out of order"
        self.deployment.tally.update(["conversations", *(WHO[turn["direction"]] for turn in turns)])


def visitor_differs(page: VisitorPage, conversation: Frame, turns: list[Frame]) -> list[str]:
    """Say what a visitor sees that is not stored, and the other way round."""
    saw, stored = list(page.rows.items()), [(turn["sequence"], row(turn)) for turn in turns if turn["direction"] != "note"]
    if saw != stored:
        return [f"{page.name} saw {saw}, stored is {stored}"]
    told = page.state.get("status"), page.state.get("operator"), page.state.get("because")
    became = conversation["status"], conversation.get("operatorName"), conversation["because"]
    return [] if told == became else [f"{page.name} believes {told}, stored is {became}"]


def operator_differs(page: OperatorPage, conversation: Frame, turns: list[Frame]) -> list[str]:
    """Say what an operator sees that is not stored, and the other way round."""
    panel = page.panels.get(conversation["id"])
    has = conversation["status"] == "assigned" and conversation["operator"] == page.operator
    believes = panel is not None and panel.is_mine
    if has != believes:
        return [f"{page.name} believes to have {conversation['id']}: {believes}, stored: {has}"]
    stored = [(turn["sequence"], row(turn)) for turn in turns]
    if panel and has and any(page.hall.letters[message].conversation == conversation["id"] for message in page.outbox):
        return [f"{page.name} waits for an answer"]
    if panel and has and sorted(panel.rows.items()) != stored:
        return [f"{page.name} saw {panel.rows}, stored is {stored}"]
    return []


def row(turn: Frame) -> tuple[str, str]:
    """Say who said a stored turn, and what."""
    return WHO[turn["direction"]], turn["text"]


async def all_of(work: Sequence[Step]) -> None:
    """Do several things at once."""
    await asyncio.gather(*work)


async def hold(deployment: Deployment) -> None:
    """Let worlds live, several at once."""
    done = asyncio.Event()
    async with deployment.reading(), asyncio.TaskGroup() as tasks:
        if os.environ.get("TROUBLE") == "full" and len(deployment.relays) > 1:
            tasks.create_task(kill_now_and_then(deployment, done))
        try:
            async with asyncio.TaskGroup() as worlds:
                for place in range(AT_ONCE):
                    worlds.create_task(live(deployment, place))
        finally:
            done.set()
    print(dict(deployment.tally))
    assert deployment.tally.keys() >= MET


async def kill_now_and_then(deployment: Deployment, done: asyncio.Event) -> None:
    """End one relay after the other, without a chance to tidy up, and start it again, until all is done."""
    random = Random(SEED)
    while not done.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), random.uniform(3, 12))
            return
        relay = random.choice(deployment.relays)
        relay.kill()
        await asyncio.to_thread(relay.start)
        deployment.tally["relay killed"] += 1


async def live(deployment: Deployment, place: int) -> None:
    """Let one world live after the other, with the same operators."""
    for number in range(place, EXAMPLES, AT_ONCE):
        try:
            world = World(deployment, await deployment.cookies(place), Random(SEED * 1_000_000 + number))
            world.is_far = number % 6 == place
            await world.live()
        except Exception as failure:
            failure.add_note(f"SEED={SEED}, world {number}")
            raise


@pytest.mark.timeout(60 + 30 * EXAMPLES)
async def test_conversations_are_never_mixed_on_one_relay(one_relay: Deployment) -> None:
    await hold(one_relay)


@pytest.mark.timeout(90 + 30 * EXAMPLES)
async def test_conversations_are_never_mixed_on_three_relays(three_relays: Deployment) -> None:
    await hold(three_relays)
