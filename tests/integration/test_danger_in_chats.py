"""A sign of danger is on top of the work list within a second, however much others talk or send in."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.running import Gateway, running

TALKING = 30
SENDING = 8
WITHIN = 1.0
SOON = 30.0


@pytest.fixture
def gateway(tmp_path: Path, database_url: str) -> Iterator[Gateway]:
    with running(tmp_path / "var", "intake_api", ONTHAAL_DATABASE_URL=database_url) as started:
        yield started


class Chats:
    """The intake as a relay and an operator see it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Speak to it."""
        self._http = http

    async def start(self, text: str) -> UUID:
        contact = uuid4()
        answer = await self._http.put(f"/contacts/{contact}", json={"channel": "chat", "text": text})
        assert answer.status_code == 201
        return contact

    async def say(self, contact: UUID, text: str, direction: str = "inbound") -> None:
        answer = await self._http.put(f"/contacts/{contact}/messages/{uuid4()}", json={"direction": direction, "text": text})
        assert answer.status_code == 201

    async def in_danger(self) -> list[str]:
        """Give the contacts on the work list because of danger, which are at its top."""
        items: list[dict[str, Any]] = (await self._http.get("/workItems")).json()["items"]
        found = [item["contact"]["id"] for item in items if item["reason"] == "danger"]
        assert [item["reason"] for item in items[: len(found)]] == ["danger"] * len(found)
        return found

    async def deal_with(self, contact: UUID) -> None:
        """Finish what is on the work list about a contact."""
        for item in (await self._http.get("/workItems")).json()["items"]:
            if item["contact"]["id"] == str(contact):
                assert (await self._http.post(f"/workItems/{item['id']}/finish")).status_code == 204

    async def send_form(self, text: str) -> UUID:
        """Send a form whose sender says that it is a melding."""
        contact = uuid4()
        form = {"channel": "contactformulier", "kind": "melding", "kindSource": "melder", "text": text}
        assert (await self._http.put(f"/contacts/{contact}", json=form)).status_code == 201
        return contact

    async def looked_at(self, contact: UUID) -> bool:
        """Say whether the model has found that the person is a minor."""
        return "minorInvolved" in (await self._http.get(f"/contacts/{contact}")).json()["signals"]

    async def seen(self, contact: UUID) -> float:
        """Wait until a contact is on top of the work list; gives how many seconds that took."""
        started = time.monotonic()
        while str(contact) not in await self.in_danger():
            assert time.monotonic() < started + SOON
            await asyncio.sleep(0.02)
        return time.monotonic() - started

    @asynccontextmanager
    async def others_talking(self) -> AsyncIterator[None]:
        """Let others talk all the time: the model, which yields to them, comes to each of them every quarter of a minute."""
        contacts = [await self.start("Dag, ik heb een vraag") for _ in range(TALKING)]

        async def talk(contact: UUID) -> None:
            while True:
                await self.say(contact, "En toen zijn wij naar huis gegaan")
                await asyncio.sleep(0.2)

        async with _at_work([asyncio.create_task(talk(contact)) for contact in contacts]):
            yield

    @asynccontextmanager
    async def others_sending_forms(self) -> AsyncIterator[None]:
        """Let others send forms all the time: the model, which yields to them, comes to each of them after all the others."""

        async def send() -> None:
            while True:
                await self.send_form("Mijn trainer raakt mij aan in de kleedkamer.")

        async with _at_work([asyncio.create_task(send()) for _ in range(SENDING)]):
            yield


@asynccontextmanager
async def _at_work(tasks: Sequence[asyncio.Task[None]]) -> AsyncIterator[None]:
    try:
        await asyncio.sleep(1)
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended


@pytest.fixture
async def chats(gateway: Gateway) -> AsyncIterator[Chats]:
    headers = {
        "Authorization": f"Bearer {await asyncio.to_thread(gateway.token, 'contacts:write', 'contacts:read', 'worklist:write')}"
    }
    async with httpx.AsyncClient(base_url=f"{gateway.url}/intake/v1", headers=headers, timeout=30) as http:
        yield Chats(http)


async def test_danger_comes_first_within_a_second_while_thirty_others_talk(chats: Chats) -> None:
    contact = await chats.start("Dag")
    async with chats.others_talking():
        await chats.say(contact, "Hij staat nu voor mijn deur met een mes")
        assert await chats.seen(contact) < WITHIN
        halves = await chats.start("Dag")
        await chats.say(halves, "Hij staat nu voor")
        await chats.say(halves, "mijn deur")
        assert await chats.seen(halves) < WITHIN
        assert len(await chats.in_danger()) == 2


async def test_danger_is_seen_in_the_middle_of_a_long_story_and_in_a_cry_of_one_word(chats: Chats) -> None:
    story, cry = await chats.start("Dag"), await chats.start("Dag")
    await chats.say(story, "En toen gingen wij weer naar huis. " * 50 + "Hij staat nu voor mijn deur. " + "Zo gaat het. " * 140)
    await chats.seen(story)
    await chats.say(cry, "Ik weet het niet")
    await chats.say(cry, "Help!")
    await chats.seen(cry)


async def test_what_an_operator_writes_is_no_sign_and_a_contact_is_there_once(chats: Chats) -> None:
    asked, contact = await chats.start("Dag"), await chats.start("Dag")
    await chats.say(asked, "Staat hij nu voor je deur met een mes?", direction="outbound")
    for _ in range(3):
        await chats.say(contact, "Hij staat nu voor mijn deur met een mes")
        await chats.seen(contact)
    assert await chats.in_danger() == [str(contact)]


async def test_a_sign_after_another_was_dealt_with_comes_first_once_more_and_old_words_do_not(chats: Chats) -> None:
    contact = await chats.start("Dag")
    await chats.say(contact, "Hij staat nu voor mijn deur met een mes")
    await chats.seen(contact)
    await asyncio.sleep(WITHIN)
    await chats.deal_with(contact)
    await chats.say(contact, "Hij is weg nu, dank u")
    await asyncio.sleep(WITHIN)
    assert await chats.in_danger() == []
    await chats.say(contact, "Hij is terug en hij wil mij vermoorden")
    assert await chats.seen(contact) < WITHIN


async def test_a_sign_in_two_messages_just_after_another_was_dealt_with_comes_first_too(chats: Chats) -> None:
    contact = await chats.start("Dag")
    await chats.say(contact, "Hij staat nu voor mijn deur met een mes")
    await chats.seen(contact)
    await asyncio.sleep(WITHIN)
    await chats.deal_with(contact)
    await chats.say(contact, "Hij staat nu voor")
    await chats.say(contact, "mijn deur")
    assert await chats.seen(contact) < WITHIN


async def test_danger_in_a_form_that_somebody_tagged_comes_first_while_many_others_send_theirs(chats: Chats) -> None:
    async with chats.others_sending_forms():
        contact = await chats.send_form("Hij staat nu voor mijn deur met een mes")
        assert await chats.seen(contact) < WITHIN


async def test_the_model_reads_what_comes_after_a_line_that_looks_like_a_signature(chats: Chats) -> None:
    contact = await chats.start("Dag, ik heb een vraag\n--\nJan")
    await chats.say(contact, "Ik ben vijftien jaar en mijn trainer heeft mij aangeraakt op kamp")
    async with asyncio.timeout(SOON):
        while not await chats.looked_at(contact):
            await asyncio.sleep(0.1)


async def test_the_model_comes_to_somebody_who_never_stops_talking(chats: Chats) -> None:
    contact = await chats.start("Goeiedag")
    async with chats.others_talking():
        await chats.say(contact, "Ik ben vijftien jaar en mijn trainer heeft mij aangeraakt op kamp")
        async with asyncio.timeout(60):  # a look takes half a second while others talk, and there are thirty others
            while not await chats.looked_at(contact):
                await chats.say(contact, "Ja, en dan")
                await asyncio.sleep(0.2)
