"""However long a chat is, the model suggests what it would from all of it, reads no more than it needs, and misses no danger."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import insert

from onthaal_schema.contact import Contact, Suggestion
from onthaal_schema.message import Direction, MessageSubmission
from onthaal_schema.worklist import WorkReason
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.files import LocalBlobs
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.messages import Messages
from services.intake_api.store.migrate import migrate
from services.intake_api.store.opened import SUBMISSION
from services.intake_api.store.outbox import EventFrame, Outbox
from services.intake_api.store.vault import DataKey, Keys, Vault
from services.intake_api.store.writer import Writer
from services.intake_api.store.writings import Wording, Writings
from services.intake_api.suggester import Suggester
from services.intake_api.suggestions import Suggestions
from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.text import READ_HEAD, READ_TAIL
from services.kit.clock import SystemClock

SAYINGS = (
    "Ik weet niet goed hoe ik het moet zeggen",
    "Mijn trainer doet raar tegen mij",
    "Dat was vorige week na de training > en dan\nnog eens\n-- \ngroetjes",
    "Hij stuurt mij berichtjes en ik durf het niet tegen mama te zeggen.\nWat moet ik doen?",
    "Forwarded message:\n> kom je morgen weer",
    "Ja",
    "",
)
DANGER = "Hij staat nu voor mijn deur met een mes"
FIRST = "Dag, ik ben vijftien en mag ik iets vragen?"
LONG = 360
"""Turns of which the model reads the first and the last third or so."""


class Counting(Vault):
    """A vault that counts what is opened with its keys."""

    opened = 0

    def key(self, contact: UUID, wrapped: bytes) -> DataKey:
        return CountingKey(self, contact, self.unwrap(wrapped, contact.bytes))


class CountingKey(DataKey):
    """A key that counts in its vault."""

    def __init__(self, vault: Counting, contact: UUID, key: bytes) -> None:
        super().__init__(contact, key)
        self._vault = vault

    def open(self, sealed: bytes, place: bytes) -> bytes:
        self._vault.opened += 1
        return super().open(sealed, place)


@dataclass
class Chat:
    """A chat with one visitor, which the model looks at when the test says so."""

    id: UUID
    database: Database
    vault: Counting
    contacts: Contacts
    messages: Messages
    suggester: Suggester

    def start_anew(self, most: int = 100) -> None:
        """Look from now on as a process that was just started."""
        self.writings = Writings(self.database, self.vault, most)
        self.suggestions = Suggestions(
            self.database, self.contacts, self.writings, self.suggester, Writer(self.database), self.messages.writer
        )

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.messages.append(self.id, uuid4(), MessageSubmission(direction=Direction.INBOUND, text=text), (), "test")
            answer = MessageSubmission(direction=Direction.OUTBOUND, text="Ik luister")
            await self.messages.append(self.id, uuid4(), answer, (), "test")

    async def look(self) -> Suggestion:
        assert await self.suggestions.catch_up() == 1
        found = (await self.contacts.read(self.id, "test")).suggestion
        assert found
        return found

    async def begin_to_look(self) -> "Look":
        """Look as another node does, which has not told yet what it makes of what was said up to now."""
        row = (await self.contacts.to_suggest(1))[0]
        return Look(self, (row["suggest_since"], row["last_sequence"], await self.from_all()))

    async def opened(self) -> int:
        """Look, and give how many values were opened for it."""
        await self.say("En toen")
        row = (await self.contacts.to_suggest(1))[0]
        assert row["id"] == self.id
        before = self.vault.opened
        await self.suggestions.catch_up()
        return self.vault.opened - before

    async def read(self, writings: Writings) -> Wording:
        async with self.database.read() as connection:
            return await writings.of(await self.contacts.row(connection, self.id))

    async def from_all(self) -> Suggestion:
        """Give what a process that was just started makes of the whole of it."""
        wording = await self.read(Writings(self.database, self.vault))
        return await self.suggester.suggest_text(wording.channel, wording.subject, wording.text, joined=wording.joined)


@dataclass
class Look:
    """A look of which nobody knows yet."""

    chat: Chat
    found: tuple[datetime, int, Suggestion]

    async def tell(self) -> Contact:
        """Give the contact after it was told."""
        await self.chat.contacts.suggest({self.chat.id: self.found})
        return await self.chat.contacts.read(self.chat.id, "test")

    @property
    def suggestion(self) -> Suggestion:
        return self.found[-1]


@pytest.fixture
async def chat(database_url: str, tmp_path: Path) -> AsyncIterator[Chat]:
    made = await start(database_url, tmp_path, "chat")
    yield made
    made.suggester.close()
    await made.database.close()


async def start(url: str, folder: Path, channel: str) -> Chat:
    database, vault, blobs = Database(url, SystemClock()), Counting(Keys.make()), LocalBlobs(folder)
    await migrate(database)
    contacts = Contacts(database, vault, Outbox(database, EventFrame("urn:x", "http://x")), blobs, Ledger(folder / "ledger"))
    chat = Chat(uuid4(), database, vault, contacts, Messages(database, vault, contacts, blobs), Suggester(Tagger.load()))
    chat.start_anew()
    await register(chat, channel)
    return chat


async def register(chat: Chat, channel: str) -> None:
    now = chat.database.clock.now()
    key, data_key = chat.vault.new_key(chat.id)
    row = {
        "id": chat.id, "reference": chat.id.hex[:12], "version": 1, "status": "open", "channel": channel, "nature": "person",
        "kind": "melding", "kind_source": "model", "unsure": False, "kind_at": now, "signals": "[]", "anonymous": True,
        "received_at": now, "registered_at": now, "opening": '{"open": true, "calendarVersion": "1"}', "last_sequence": 0, "digest": b"d", "data_key": data_key,
        "sealed": key.seal(orjson.dumps({"channel": channel, "text": FIRST}), SUBMISSION),
    }  # fmt: skip
    async with chat.database.write() as connection:
        await connection.execute(insert(tables.contact).values(**row))


async def test_a_chat_that_grows_is_judged_at_each_look_as_from_all_of_it(chat: Chat) -> None:
    texts = cycle(SAYINGS)
    for turns in (1, 2, 40, 200, 3, 1, 1, 1, 1, 1, 1, 100, 1):
        await chat.say(*islice(texts, turns))
        assert await chat.look() == await chat.from_all()


async def test_what_is_read_of_a_long_chat_begins_and_ends_as_all_of_it(chat: Chat) -> None:
    texts = cycle(SAYINGS)
    await chat.say(*islice(texts, 2 * LONG))
    await chat.look()
    for turns in (1, 2, 3, 5, 8):
        await chat.say(*islice(texts, turns))
        part, whole = await chat.read(chat.writings), await chat.read(Writings(chat.database, chat.vault))
        assert READ_HEAD + READ_TAIL < len(part.text) < len(whole.text)
        assert (part.text[:READ_HEAD], part.text[-READ_TAIL:]) == (whole.text[:READ_HEAD], whole.text[-READ_TAIL:])
        await chat.look()


async def test_a_look_reads_no_more_of_a_chat_three_times_as_long(chat: Chat) -> None:
    await chat.say(*[SAYINGS[3]] * LONG)
    everything = await chat.opened()
    assert everything > LONG
    first = await chat.opened()
    await chat.say(*[SAYINGS[3]] * (2 * LONG))
    await chat.opened()
    assert first - 5 < await chat.opened() < first + 5 < everything


async def test_danger_in_the_middle_is_found_and_stays_found(chat: Chat) -> None:
    await chat.say(*[SAYINGS[0]] * LONG)
    assert "immediateDanger" not in (await chat.look()).signals
    await chat.say(*[SAYINGS[0]] * LONG, DANGER, *[SAYINGS[0]] * LONG)
    assert "immediateDanger" in (await chat.look()).signals
    for _ in range(3):
        await chat.say(SAYINGS[1])
        assert (found := await chat.look()).signals.count("immediateDanger") == 1
        assert found == await chat.from_all()


async def test_danger_is_found_however_much_was_said_before_and_since(chat: Chat) -> None:
    filling = "En toen was er weer training. " * 130
    await chat.say(*[filling] * 60, DANGER, *[filling] * 5)
    assert "immediateDanger" in (await chat.look()).signals
    await chat.say(SAYINGS[1])
    assert "immediateDanger" in (await chat.look()).signals


@pytest.mark.parametrize("marked", [f"> {DANGER}", f"{FIRST}\n-- \n{DANGER}", f"{FIRST}\nVan: ik@school.be\n{DANGER}"])
async def test_what_looks_like_a_mail_in_a_chat_is_what_somebody_says(chat: Chat, marked: str) -> None:
    await chat.say(SAYINGS[0])
    assert "immediateDanger" not in (await chat.look()).signals
    await chat.say(marked, SAYINGS[0])
    assert "immediateDanger" in (await chat.look()).signals
    assert DANGER in (await chat.read(chat.writings)).text


async def test_two_messages_of_which_one_is_left_out_are_no_sentence(chat: Chat) -> None:
    last = "Hij staat nu voor"
    before = "Nee " * ((READ_HEAD - len(f"{FIRST}\n\n")) // len("Nee "))
    await chat.say(before, last, *["Nee"] * LONG, *["mijn deur"] * LONG)
    for _ in range(3):
        assert "immediateDanger" not in (await chat.look()).signals
        await chat.say("mijn deur")


async def test_danger_that_was_said_before_a_crash_is_found_by_whoever_looks_next(chat: Chat) -> None:
    await chat.say(*[SAYINGS[0]] * LONG)
    await chat.look()
    await chat.say(DANGER, *[SAYINGS[0]] * LONG)
    chat.start_anew()
    assert "immediateDanger" in (await chat.look()).signals


async def test_what_was_said_since_danger_was_dealt_with_is_read_once_more_by_the_first_look_alone(chat: Chat) -> None:
    await chat.say(DANGER)
    await chat.look()
    async with chat.database.write() as connection:
        await chat.contacts.finish_work(connection, chat.id, (WorkReason.DANGER,), "test")
    await chat.say(*[SAYINGS[0]] * LONG)
    assert await chat.opened() > 2 * LONG
    assert await chat.opened() < LONG


async def test_a_slow_node_takes_nothing_back_that_a_quick_one_said_of_more_words(chat: Chat) -> None:
    await chat.say(SAYINGS[0])
    slow = await chat.begin_to_look()
    await chat.say(SAYINGS[1], DANGER)
    assert "immediateDanger" in (await chat.look()).signals
    known = await chat.contacts.read(chat.id, "test")
    assert await slow.tell() == known
    assert await chat.contacts.to_suggest(1) == []


async def test_nor_while_more_is_said_which_is_looked_at_afterwards(chat: Chat) -> None:
    await chat.say(SAYINGS[0])
    slow = await chat.begin_to_look()
    await chat.say(SAYINGS[1])
    quick = await chat.begin_to_look()
    await chat.say(DANGER)
    known = await quick.tell()
    assert known.suggestion == quick.suggestion != slow.suggestion
    assert await slow.tell() == known
    assert "immediateDanger" in (await chat.look()).signals


async def test_who_says_more_during_each_look_has_the_suggestion_of_the_last(chat: Chat) -> None:
    for text in (SAYINGS[0], SAYINGS[1], DANGER):
        await chat.say(text)
        look = await chat.begin_to_look()
        await chat.say(SAYINGS[0])
        assert (await look.tell()).suggestion == look.suggestion
    assert await chat.look() == await chat.from_all()


async def test_of_whom_nothing_is_remembered_any_more_everything_is_read(chat: Chat) -> None:
    chat.start_anew(most=0)
    await chat.say(*[SAYINGS[0]] * LONG)
    assert await chat.opened() > LONG
    assert await chat.opened() > LONG


async def test_a_forwarded_mail_among_others_hides_nothing_that_is_said_later(database_url: str, tmp_path: Path) -> None:
    mail = await start(database_url, tmp_path, "mail")
    forward = "Forwarded message:\nKom je morgen weer naar de training?\n-- \nJan"
    await mail.say(*[SAYINGS[0]] * LONG, forward, *[SAYINGS[0]] * LONG)
    assert "immediateDanger" not in (await mail.look()).signals
    await mail.say(DANGER, *[SAYINGS[0]] * LONG)
    assert "immediateDanger" in (await mail.look()).signals
    mail.suggester.close()
    await mail.database.close()


async def test_a_mail_and_its_answers_are_read_whole_each_time_since_they_can_be_read_anew(
    database_url: str, tmp_path: Path
) -> None:
    mail = await start(database_url, tmp_path, "mail")
    await mail.say(*[SAYINGS[0]] * LONG)
    assert await mail.opened() > LONG
    assert await mail.opened() > LONG
    mail.suggester.close()
    await mail.database.close()
