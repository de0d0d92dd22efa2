"""Waiting for an operator, being passed on, and what becomes of a chat whose operator or visitor is gone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.kit.clock import SetClock
from tests.integration.test_chat import Desk, Frame, Line, Visitor, serving, serving_in_thread, signed_in, stored, visiting
from tests.running import Gateway, free_port, running

LEASE = 8


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that gives up on whoever is gone sooner than usual."""
    with running(
        tmp_path_factory.mktemp("waiting"),
        ONTHAAL_HOURS_CHAT="24/7",
        ONTHAAL_CHAT_OPERATOR_LEASE=str(LEASE),
        ONTHAAL_CHAT_VISITOR_LEASE=str(LEASE),
    ) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def noor(house: Gateway) -> str:
    return signed_in(house, "Noor")


@pytest.fixture(scope="module")
def elif_(house: Gateway) -> str:
    return signed_in(house, "Elif")


@asynccontextmanager
async def waiting(gateway: Gateway, text: str = "Dag") -> AsyncIterator[Visitor]:
    """Open the connection of a visitor who has said something; they leave at the end."""
    async with visiting(gateway) as visitor:
        await (await visitor.hello()).start(text)
        try:
            yield visitor
        finally:
            await visitor.send("end")


def signed_in_long_ago(gateway: Gateway, name: str) -> str:
    """Sign an operator in whose cookies have expired by the clock of this machine, not by that of the gateway."""
    code = gateway.sign_in_link(name).rpartition("#")[2]
    answer = httpx.post(f"{gateway.url}/desk/sign-in", data={"code": code}, headers={"Origin": gateway.url})
    return "; ".join(cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie"))


async def until(line: Line, kind: str, **expected: Any) -> Frame:
    """Wait for a frame of a type with these properties."""
    while True:
        frame = await line.next(kind)
        if all(frame.get(name) == value for name, value in expected.items()):
            return frame


async def presence_of(desk: Desk, name: str) -> Frame:
    """Wait until a colleague is listed, and give who that is."""
    while True:
        for colleague in (await desk.next("colleagues"))["present"]:
            if colleague["name"] == name:
                return dict(colleague)


async def test_who_waits_hears_their_place_and_whether_anybody_is_free(house: Gateway, noor: str) -> None:
    async with waiting(house) as first, waiting(house) as second:
        told = await until(first, "waiting", position=1, staffed=False)
        assert (told["available"], told["conversation"]) == (0, first.conversation)
        assert told["since"] <= told["now"]
        await until(second, "waiting", position=2, staffed=False)
        async with serving(house, noor) as desk:
            await until(first, "waiting", position=1, staffed=True, available=1)
            await desk.send("attend", availability="busy")
            assert (await until(desk, "colleagues", availability="busy"))["present"] == []
            await until(second, "waiting", position=2, staffed=True, available=0)
            await desk.take(first.conversation)
            await until(second, "waiting", position=1, staffed=True, available=0)
            await desk.send("attend", availability="away")
            await until(second, "waiting", position=1, staffed=False)
            assert (await until(first, "state", status="assigned"))["because"] == "taken"
            await first.silence("waiting", 1)


async def test_who_has_not_started_hears_whether_anybody_is_present(house: Gateway, noor: str) -> None:
    async with visiting(house) as visitor:
        await visitor.send("hello")
        assert (await visitor.next("welcome"))["staffed"] is False
        async with serving(house, noor):
            assert (await visitor.next("staffed"))["staffed"] is True
        assert (await visitor.next("staffed"))["staffed"] is False


async def test_presence_holds_for_all_pages_of_an_operator(house: Gateway, noor: str, elif_: str) -> None:
    async with serving(house, noor) as one, serving(house, noor) as other, serving(house, elif_) as colleague:
        await one.send("attend", availability="away")
        await until(other, "colleagues", availability="away")
        while (await presence_of(colleague, "Noor"))["availability"] != "away":
            pass
        await other.send("attend", availability="available")
        await until(one, "colleagues", availability="available")


async def test_a_conversation_is_handed_over_with_a_note_and_the_visitor_sees_to_whom(
    house: Gateway, noor: str, elif_: str
) -> None:
    async with waiting(house) as visitor, serving(house, noor) as first, serving(house, elif_) as second:
        colleague = await presence_of(first, "Elif")
        await first.take(visitor.conversation)
        note = {"message": str(uuid4()), "note": "Spreekt liever met een vrouw."}
        await first.send("handOver", conversation=visitor.conversation, operator=colleague["operator"], **note)
        assert (await first.next("sent"))["message"] == note["message"]
        gone = await until(first, "state", because="handedOver")
        assert (gone["mine"], gone["operator"]) == (False, "Elif")
        assert (await until(visitor, "state", because="handedOver"))["operator"] == "Elif"
        listed = await second.until_listed(lambda entries: any(entry["mine"] for entry in entries))
        assert [(entry["conversation"], entry["because"]) for entry in listed if entry["mine"]] == [
            (visitor.conversation, "handedOver")
        ]
        await second.send("open", conversation=visitor.conversation, after=-1)
        assert await second.turns(1) == [(0, "visitor", "Dag"), (1, "note", note["note"])]
        assert (await first.say(visitor.conversation, "Ben ik nog hier?"))["code"] == "notNow"
        assert (await second.say(visitor.conversation, "Dag, ik ben Elif."))["sequence"] == 2
        assert await visitor.turns(2) == [(2, "operator", "Dag, ik ben Elif.")], "the note is for colleagues alone"
        await first.silence("turn")


async def test_nothing_is_handed_over_to_somebody_who_is_not_there(house: Gateway, noor: str, elif_: str) -> None:
    async with waiting(house) as visitor, serving(house, noor) as desk:
        async with serving(house, elif_) as colleague:
            who = (await presence_of(desk, "Elif"))["operator"]
            await desk.take(visitor.conversation)
            await colleague.send("attend", availability="away")
            while (await presence_of(desk, "Elif"))["availability"] != "away":
                pass
            await desk.send("handOver", conversation=visitor.conversation, operator=who)
            assert (await desk.next("failed"))["reason"] == "absent"
        while (await desk.next("colleagues"))["present"]:
            pass
        for somebody in (who, str(uuid4())):
            await desk.send("handOver", conversation=visitor.conversation, operator=somebody)
            assert (await desk.next("failed"))["reason"] == "absent"
        assert (await desk.say(visitor.conversation, "Ik blijf bij je."))["type"] == "sent"


async def test_an_operator_who_vanishes_returns_their_chats_to_the_queue_and_the_visitor_sees_it(
    house: Gateway, noor: str, elif_: str
) -> None:
    async with waiting(house) as visitor, waiting(house) as other, serving(house, elif_) as colleague:
        async with serving(house, noor) as vanishing:
            await vanishing.take(visitor.conversation)
            await colleague.take(other.conversation)
            for line in (visitor, other):
                await until(line, "state", status="assigned")
            await asyncio.sleep(LEASE + 4)
            await visitor.silence("state")
        began = asyncio.get_running_loop().time()
        back = await until(visitor, "state", status="waiting")
        took = asyncio.get_running_loop().time() - began
        assert (back["because"], back.get("operator")) == ("vanished", None)
        assert LEASE - 4 < took < LEASE + 6
        assert (await until(visitor, "waiting", staffed=True))["position"] == 1
        listed = await colleague.until_listed(lambda entries: any(entry["because"] == "vanished" for entry in entries))
        assert {entry["conversation"] for entry in listed if entry["because"] == "vanished"} == {visitor.conversation}
        assert (await colleague.take(visitor.conversation))["operator"] == "Elif"
        async with serving(house, noor) as returned:
            await returned.send("open", conversation=visitor.conversation, after=0)
            assert (await returned.next("failed", "state"))["reason"] == "taken"
        await other.silence("state", 0.2)


async def test_a_visitor_who_leaves_before_anybody_came_is_a_contact_that_waited(house: Gateway, noor: str) -> None:
    async with visiting(house) as gone, waiting(house, "ik druk op stop") as ending, waiting(house, "ik wacht") as patient:
        await (await gone.hello()).start("Is daar iemand?")
        await gone.socket.close()
        with house.client() as api:
            async with asyncio.timeout(LEASE + 15):
                while api.get(f"/contacts/{gone.conversation}").json()["status"] == "open":
                    await asyncio.sleep(0.5)
            contact = api.get(f"/contacts/{gone.conversation}").json()
            await ending.send("end")
            assert (await until(ending, "state", status="ended"))["because"] == "left"
            ended = api.get(f"/contacts/{ending.conversation}").json()
        assert contact["text"] == "Is daar iemand?"
        assert contact["details"]["abandoned"] is ended["details"]["abandoned"] is True
        assert LEASE <= contact["details"]["waitedSeconds"] <= LEASE + 15
        page = httpx.get(f"{house.url}/desk/contacten/{gone.conversation}", headers={"Cookie": noor, "Accept": "text/html"})
        assert "minder dan 1 minuut; niemand nam het gesprek aan" in page.text
        await until(patient, "waiting", position=1)
        await patient.silence("state", 0.2)
    async with visiting(house) as back:
        await back.send("resume", **gone.proof, after=-1)
        assert (await back.next("state"))["because"] == "left"


async def test_how_many_gave_up_and_how_long_they_waited_is_counted(house: Gateway, noor: str) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    with house.client() as api:

        def counted(**period: str) -> Frame:
            items = api.get("/statistics/conversations", params=period).raise_for_status().json()["items"]
            return {name: sum(item[name] for item in items) for name in ("conversations", "abandoned")}

        before, contacts = counted(), api.get("/statistics/contacts").json()["total"]
        async with waiting(house) as served, waiting(house) as leaving, serving(house, noor) as desk:
            await desk.take(served.conversation)
            await leaving.send("end")
            await until(leaving, "state", status="ended")
        after = counted()
        assert (after["conversations"] - before["conversations"], after["abandoned"] - before["abandoned"]) == (2, 1)
        assert api.get("/statistics/contacts").json()["total"] - contacts == 2, "who gave up is a contact too"
        assert counted(**{"from": tomorrow}) == {"conversations": 0, "abandoned": 0}


async def test_the_operator_ends_with_sector_summary_and_referral_once(house: Gateway, noor: str) -> None:
    async with waiting(house, "Mijn trainer stuurt mij berichten over seks.") as visitor, serving(house, noor) as desk:
        await desk.take(visitor.conversation)
        await desk.send("suggest", conversation=visitor.conversation)
        suggestion = await desk.next("suggestion")
        assert suggestion["kind"] in {"melding", "vraag"}
        assert suggestion["kindSource"] == "model"
        await desk.send("note", conversation=visitor.conversation, message=str(uuid4()), text="Belt liever.")
        assert (await desk.next("sent"))["sequence"] == 1
        closing: Frame = {
            "conversation": visitor.conversation,
            "kind": "melding",
            "sector": "Sport",
            "message": str(uuid4()),
            "summary": "Trainer stuurt berichten.",
            "referral": ["1712", "Huisarts"],
        }
        await desk.send("end", **closing)
        assert (await until(desk, "state", status="ended"))["because"] == "ended"
        await desk.send("end", **closing)
        await desk.send("ping")
        await desk.next("pong")
        assert (await until(visitor, "state", status="ended"))["because"] == "ended"
        await visitor.silence("turn", 0.2)
        with house.client() as api:
            contact = api.get(f"/contacts/{visitor.conversation}").json()
            turns = stored(api, visitor.conversation)
    assert (contact["kind"], contact["kindSource"], contact["sector"]) == ("melding", "operator", "Sport")
    assert contact["details"]["abandoned"] is False
    assert turns[2:] == [(2, "note", "Trainer stuurt berichten.\n\nDoorverwezen naar: 1712; Huisarts")]


@pytest.mark.parametrize("left_out", ["message"])
async def test_a_summary_without_an_id_to_store_it_under_is_refused(house: Gateway, noor: str, left_out: str) -> None:
    async with serving(house, noor) as desk:
        frame = {"conversation": str(uuid4()), "summary": "tekst", "message": str(uuid4())}
        del frame[left_out]
        await desk.send("end", **frame)
        assert (await desk.next("error"))["code"] == "badFrame"


async def test_who_still_waits_is_warned_and_turned_away_at_closing_and_a_running_chat_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway(tmp_path / "var", settings={"ONTHAAL_HOURS_CHAT": "Mo-Fr 09:00-17:00"}, port=free_port())
    for name, value in gateway.environment.items():
        if name.startswith("ONTHAAL_"):
            monkeypatch.setenv(name, value)
    closing = datetime(2026, 3, 4, 16, tzinfo=UTC)
    clock = SetClock(closing - timedelta(minutes=20))
    with serving_in_thread(clock, gateway.port):
        noor = await asyncio.to_thread(signed_in_long_ago, gateway, "Noor")
        async with serving(gateway, noor) as desk, waiting(gateway) as running_, waiting(gateway, "Mijn vraag") as late:
            async with visiting(gateway) as silent:
                await desk.take(running_.conversation)
                await silent.hello()
                await until(late, "waiting", position=1)
                await late.silence("closing", 5)
                clock.advance(timedelta(minutes=6))
                for line in (late, silent):
                    assert datetime.fromisoformat((await line.next("closing"))["at"]) == closing
                clock.advance(timedelta(minutes=14))
                closed = await late.next("closed")
                assert closed["conversation"] == late.conversation
                assert datetime.fromisoformat(closed["nextOpening"]) == datetime(2026, 3, 5, 8, tzinfo=UTC)
                assert "conversation" not in await silent.next("closed")
            assert (await late.say("Nog iets"))["reason"] == "ended"
            assert (await running_.say("Ik ben er nog"))["type"] == "sent"
            await running_.silence("closing", 0.2)
        async with visiting(gateway) as back:
            await back.send("resume", **late.proof, after=-1)
            assert (await back.next("state"))["because"] == "closed"
            await back.send("hello")
            assert (await back.next("closed", "welcome"))["type"] == "closed"
