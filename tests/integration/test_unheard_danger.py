"""A sign of danger is on the work list once more when the process was killed between the commit of the words and the notice."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import httpx

from tests.engines import Postgres
from tests.integration.test_danger_in_chats import SOON, WITHIN, Chats, chats, gateway
from tests.integration.test_nodes import node
from tests.running import Gateway

__all__ = ["chats", "gateway"]

DANGER = "Hij staat nu voor mijn deur met een mes"
AGAIN = "Hij is terug en hij wil mij vermoorden"
AGE = "Ik ben vijftien jaar"


async def dealt_with(chats: Chats) -> UUID:
    """Give somebody whose danger an operator dealt with."""
    contact = await chats.start("Dag")
    await chats.say(contact, DANGER)
    await chats.seen(contact)
    await asyncio.sleep(WITHIN)
    await chats.deal_with(contact)
    return contact


async def kill_and_start(gateway: Gateway) -> None:
    await asyncio.to_thread(gateway.kill)
    await asyncio.to_thread(gateway.start)


async def look(chats: Chats, contact: UUID) -> None:
    """Let the model look at all that was said, which it tells by the age that is said now."""
    assert not await chats.looked_at(contact)
    await chats.say(contact, AGE)
    async with asyncio.timeout(SOON):
        while not await chats.looked_at(contact):
            await asyncio.sleep(0.1)


async def test_danger_of_which_a_killed_process_gave_no_notice_comes_first(chats: Chats, gateway: Gateway) -> None:
    contact = await dealt_with(chats)
    await chats.say(contact, AGAIN)
    await kill_and_start(gateway)
    await chats.seen(contact)


async def test_a_cry_in_which_the_model_sees_nothing_comes_first_too(chats: Chats, gateway: Gateway) -> None:
    contact = await chats.start("Dag")
    await chats.say(contact, "Help!")
    await chats.seen(contact)
    await asyncio.sleep(WITHIN)
    await chats.deal_with(contact)
    await chats.say(contact, "Help!")
    await kill_and_start(gateway)
    await chats.seen(contact)


async def test_half_a_sentence_before_the_kill_and_half_after_it_are_a_sign(chats: Chats, gateway: Gateway) -> None:
    contact = await dealt_with(chats)
    await chats.say(contact, "Hij staat nu voor")
    await kill_and_start(gateway)
    await chats.say(contact, "mijn deur")
    await chats.seen(contact)


async def test_old_words_of_danger_are_no_sign_to_whoever_starts_anew(chats: Chats, gateway: Gateway) -> None:
    contact = await dealt_with(chats)
    await chats.say(contact, "Hij is weg nu, dank u")
    await kill_and_start(gateway)
    await look(chats, contact)
    assert await chats.in_danger() == []


async def test_danger_that_came_back_and_was_dealt_with_does_not_come_back_by_itself(chats: Chats, gateway: Gateway) -> None:
    contact = await dealt_with(chats)
    await chats.say(contact, AGAIN)
    await kill_and_start(gateway)
    await chats.seen(contact)
    await chats.deal_with(contact)
    await asyncio.sleep(WITHIN)
    assert await chats.in_danger() == []
    await kill_and_start(gateway)
    await look(chats, contact)
    assert await chats.in_danger() == []


async def test_another_node_hears_what_a_killed_one_did_not_tell_and_both_together_tell_it_once(
    postgres: Postgres, tmp_path: Path
) -> None:
    database = postgres.new_database()
    nodes = [node(tmp_path, name, database) for name in ("one", "other")]
    async with AsyncExitStack() as stack:
        for each in nodes:
            await asyncio.to_thread(each.start)
            stack.callback(each.stop)
        token = await asyncio.to_thread(nodes[0].token, "contacts:write", "contacts:read", "worklist:write")
        headers = {"Authorization": f"Bearer {token}"}
        one, other = [
            Chats(
                await stack.enter_async_context(httpx.AsyncClient(base_url=f"{each.url}/intake/v1", headers=headers, timeout=30))
            )
            for each in nodes
        ]
        contact = await dealt_with(one)
        await one.say(contact, AGAIN)
        await asyncio.to_thread(nodes[0].kill)
        await other.seen(contact)
        await other.deal_with(contact)
        await asyncio.to_thread(nodes[0].start)
        await look(one, contact)
        await asyncio.sleep(WITHIN)
        assert await one.in_danger() == await other.in_danger() == []
