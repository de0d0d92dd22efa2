"""Keys of contacts, and tokens of operators, are remembered for as long as they hold and no longer."""

import asyncio
import os
from uuid import UUID, uuid4

from services.intake_api.caller import Caller
from services.intake_api.recognised import Recognised
from services.intake_api.store.known_contacts import KnownContacts
from services.intake_api.store.vault import DataKey


def learn(known: KnownContacts) -> UUID:
    contact = uuid4()
    known.learn(contact, "chat", b"wrapped", DataKey(contact, os.urandom(32)))
    return contact


async def test_a_key_is_out_of_memory_soon_after_the_last_word_though_nobody_asks_for_it() -> None:
    known = KnownContacts(longest=0.05)
    contact = learn(known)
    assert known.find(contact)
    await asyncio.sleep(0.03)
    learn(known)
    async with asyncio.timeout(5):
        while len(known):
            await asyncio.sleep(0.01)
    assert not known.find(contact)


async def test_a_key_is_out_of_memory_when_its_contact_is_forgotten_or_too_many_are_known() -> None:
    known = KnownContacts(most=2)
    first, second, third = learn(known), learn(known), learn(known)
    assert [bool(known.find(contact)) for contact in (first, second, third)] == [False, True, True]
    known.forget(third)
    assert not known.find(third)
    assert len(known) == 1


def test_a_token_is_recognised_until_it_ends_or_another_key_signs_and_no_other_is() -> None:
    recognised, noor, keys = Recognised(), Caller("Noor", frozenset(), uuid4()), object()
    assert recognised.find("noor", 0, keys) is None
    recognised.learn("noor", noor, expires=1000)
    assert recognised.find("noor", 999.9, keys) is noor
    assert recognised.find("noor", 1000, keys) is None
    assert recognised.find("nour", 999, keys) is None
    assert recognised.find("noor", 999, object()) is None
    assert recognised.find("noor", 999, keys) is None
