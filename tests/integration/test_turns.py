"""Turns of a conversation on both engines, written by two nodes at once that each remember the contact's key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, update

from onthaal_schema.message import Direction, Message, MessageSubmission
from onthaal_schema.problems import Conflict, Erased, NotFound
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.files import LocalBlobs
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.messages import Messages
from services.intake_api.store.migrate import migrate
from services.intake_api.store.outbox import EventFrame, Outbox
from services.intake_api.store.vault import Keys, Vault
from tests.engines import NewDatabase, new_database, postgres

__all__ = ["new_database", "postgres"]

NOW = datetime(2026, 11, 26, 9, 59, 58, 123456, UTC)


class Standing:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


@dataclass
class Node:
    """One process of the intake service."""

    database: Database
    vault: Vault
    contacts: Contacts
    messages: Messages

    async def say(self, contact: UUID, text: str, message: UUID | None = None, by: str = "chat_relay") -> tuple[Message, bool]:
        said = MessageSubmission(direction=Direction.INBOUND, text=text)
        return await self.messages.append(contact, message or uuid4(), said, (), by)

    async def register(self, **columns: Any) -> UUID:
        """Put a contact with a key into the database."""
        contact = uuid4()
        row = {
            "id": contact, "reference": contact.hex[:12], "version": 1, "status": "open", "channel": "chat", "nature": "person",
            "kind": "melding", "kind_source": "model", "unsure": False, "kind_at": NOW, "signals": "[]", "anonymous": True,
            "received_at": NOW, "registered_at": NOW, "opening": "{}", "last_sequence": 0, "digest": b"d",
            "data_key": self.vault.new_key(contact)[1], "sealed": b"s",
        }  # fmt: skip
        async with self.database.write() as connection:
            await connection.execute(insert(tables.contact).values(**row | columns))
        return contact

    async def row(self, contact: UUID) -> dict[str, Any]:
        async with self.database.read() as connection:
            return await self.contacts.row(connection, contact)

    async def texts(self, contact: UUID) -> list[tuple[int, str]]:
        return [(message.sequence, message.text) for message in await self.messages.after(contact, 0, "test")]


@pytest.fixture
async def nodes(new_database: NewDatabase, tmp_path: Path) -> AsyncIterator[tuple[Node, Node]]:
    url, vault = new_database(), Vault(Keys.make())
    made = [node(url, vault, tmp_path) for _ in range(2)]
    await migrate(made[0].database)
    yield made[0], made[1]
    for each in made:
        await each.database.close()


def node(url: str, vault: Vault, folder: Path) -> Node:
    database, blobs = Database(url, Standing()), LocalBlobs(folder)
    outbox = Outbox(database, EventFrame("urn:x", "http://x"))
    contacts = Contacts(database, vault, outbox, blobs, Ledger(folder / "ledger"))
    return Node(database, vault, contacts, Messages(database, vault, contacts, blobs))


async def test_two_nodes_number_the_turns_of_a_contact_without_gaps(nodes: tuple[Node, Node]) -> None:
    contacts = [await nodes[0].register() for _ in range(3)]
    turns = zip(cycle(nodes), cycle(contacts), range(90), strict=False)
    said = await asyncio.gather(*(node.say(contact, f"Beurt {number}") for node, contact, number in turns))
    assert all(created for _, created in said)
    for contact in contacts:
        read = await nodes[1].texts(contact)
        assert [sequence for sequence, _ in read] == list(range(1, 31))
        assert set(read) == {(message.sequence, message.text) for message, _ in said if message.contact_id == contact}
        row = await nodes[0].row(contact)
        assert (row["last_sequence"], row["version"], row["suggest_since"]) == (30, 31, NOW)


async def test_the_same_turn_at_both_nodes_is_one_turn_and_another_under_its_id_is_refused(nodes: tuple[Node, Node]) -> None:
    contact, message = await nodes[0].register(), uuid4()
    said = await asyncio.gather(*(node.say(contact, "Een", message) for node in [*nodes] * 6))
    assert sum(created for _, created in said) == 1
    assert {stored.sequence for stored, _ in said} == {1}
    for each in nodes:
        with pytest.raises(Conflict):
            await each.say(contact, "Twee", message)
    assert await nodes[0].texts(contact) == [(1, "Een")]


async def test_turns_that_reach_both_nodes_at_once_are_one_each_also_beside_others_in_their_batch(
    nodes: tuple[Node, Node],
) -> None:
    contacts = [await nodes[0].register() for _ in range(4)]
    for number in range(30):
        messages = [(contact, uuid4()) for contact in contacts]
        said = await asyncio.gather(
            *(node.say(contact, f"Beurt {number}", message) for node in nodes for contact, message in messages)
        )
        assert sum(created for _, created in said) == len(messages)
        assert {stored.sequence for stored, _ in said} == {number + 1}


async def test_a_key_that_another_node_destroyed_seals_nothing_more(nodes: tuple[Node, Node]) -> None:
    contact = await nodes[0].register()
    await nodes[0].say(contact, "Een")
    await nodes[1].contacts.erase(contact, "test")
    with pytest.raises(Erased):
        await nodes[0].say(contact, "Twee")
    async with nodes[0].database.read() as connection:
        assert not (await connection.execute(select(tables.message))).all()
    with pytest.raises(NotFound):
        await nodes[0].say(uuid4(), "Drie")


async def test_turns_and_an_erasure_at_once_leave_nothing_behind(nodes: tuple[Node, Node]) -> None:
    contact = await nodes[0].register()
    await asyncio.gather(*(each.say(contact, "Een") for each in nodes))
    turns = [each.say(contact, "Twee") for each in nodes for _ in range(10)]
    _, *said = await asyncio.gather(nodes[1].contacts.erase(contact, "test"), *turns, return_exceptions=True)
    assert all(isinstance(each, Erased | tuple) for each in said), said
    async with nodes[0].database.read() as connection:
        assert not (await connection.execute(select(tables.message))).all()


async def test_a_key_that_was_wrapped_anew_is_read_again(nodes: tuple[Node, Node]) -> None:
    contact = await nodes[0].register()
    await nodes[0].say(contact, "Een")
    vault = nodes[0].vault
    wrapped = vault.wrap(vault.unwrap((await nodes[1].row(contact))["data_key"], contact.bytes), contact.bytes)
    async with nodes[1].database.write() as connection:
        await connection.execute(update(tables.contact).values(data_key=wrapped))
    await nodes[0].say(contact, "Twee")
    assert await nodes[1].texts(contact) == [(1, "Een"), (2, "Twee")]


async def test_who_gives_up_harms_nobody_who_shares_the_commit(nodes: tuple[Node, Node]) -> None:
    contacts = [await nodes[0].register() for _ in range(8)]
    for contact in contacts:
        await nodes[0].contacts.known(contact)
    for _ in range(5):
        first, *others = [asyncio.create_task(nodes[0].say(contact, "Dag")) for contact in contacts]
        await asyncio.sleep(0)
        first.cancel()
        stored = await asyncio.wait_for(asyncio.gather(*others), 20)
        assert all(created for _, created in stored)
    for contact in contacts[1:]:
        assert [sequence for sequence, _ in await nodes[0].texts(contact)] == [1, 2, 3, 4, 5]


async def test_a_turn_that_cannot_be_stored_does_not_keep_the_others_out(nodes: tuple[Node, Node]) -> None:
    contacts = [await nodes[0].register() for _ in range(6)]
    async with nodes[0].database.write() as connection:
        # a number that is taken: the turn after it cannot be stored on any engine
        blocked = {"id": uuid4(), "contact_id": contacts[2], "sequence": 1, "direction": "note", "registered_by": "x"}
        rest = {"sent_at": NOW, "registered_at": NOW, "digest": b"x", "sealed": b"x"}
        await connection.execute(insert(tables.message).values(**blocked, **rest))
    said = await asyncio.gather(*(nodes[0].say(contact, "Dag") for contact in contacts), return_exceptions=True)
    assert [isinstance(each, tuple) for each in said] == [contact != contacts[2] for contact in contacts], said


@pytest.mark.parametrize(
    ("told", "due"),
    [
        (None, NOW),
        (NOW - timedelta(seconds=2), NOW + timedelta(seconds=3)),
        (NOW - timedelta(microseconds=1), NOW + timedelta(seconds=5, microseconds=-1)),
        (NOW, NOW + timedelta(seconds=5)),
        (NOW - timedelta(seconds=5), NOW),
        (NOW - timedelta(hours=1), NOW),
        (NOW + timedelta(hours=1), NOW),
    ],
)
async def test_a_turn_says_when_its_contact_is_told_of_to_the_microsecond(
    nodes: tuple[Node, Node], told: datetime | None, due: datetime
) -> None:
    contact = await nodes[0].register(extended_at=told)
    await nodes[0].say(contact, "Een")
    assert (await nodes[0].row(contact))["extended_due"] == due
    assert await nodes[1].contacts.tell_extended() == (due == NOW)
    async with nodes[0].database.read() as connection:
        events = (await connection.execute(select(tables.event.c.type, tables.event.c.version))).all()
    assert [tuple(event) for event in events] == ([("extended", 3)] if due == NOW else [])
