"""Two relays over one store and one NATS: a conversation crosses them, and goes on when one of them is killed."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from nats import connect
from nats.aio.msg import Msg
from websockets.exceptions import ConnectionClosed

from tests.engines import eventually
from tests.integration.test_chat import Line, serving, signed_in, stored, visiting
from tests.integration.test_chat_waiting import presence_of, until, waiting
from tests.nats import Nats, mortal_nats, nats
from tests.running import Gateway

__all__ = ["mortal_nats", "nats"]

SECRET = "0123456789abcdef" * 2


@dataclass
class Deployment:
    """An intake service, the desk beside it, and two relays."""

    intake: Gateway
    a: Gateway
    b: Gateway

    def health(self, gateway: Gateway) -> str:
        return str(httpx.get(f"{gateway.url}/health").json()["status"])


def deployed(folder: Path, nats_url: str, stack: ExitStack, **settings: str) -> Deployment:
    own = {"ONTHAAL_HOURS_CHAT": "24/7", "ONTHAAL_NATS_URL": nats_url, **settings}
    intake = Gateway(folder / "intake", ("intake_api", "phone_log"), own)
    stack.callback(intake.stop)
    intake.start()
    shared = {
        "ONTHAAL_INTAKE_URL": intake.url,
        "ONTHAAL_CHAT_RELAY_TOKEN": intake.token("contacts:write:chat"),
        "ONTHAAL_CHAT_SECRET": SECRET,
        "ONTHAAL_NATS_URL": nats_url,
    }
    relays = [Gateway(folder / name, ("chat_relay",), shared) for name in ("a", "b")]
    for relay in relays:
        stack.callback(relay.stop)
        relay.start()
    return Deployment(intake, *relays)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, nats: Nats) -> Iterator[Deployment]:
    with ExitStack() as stack:
        yield deployed(tmp_path_factory.mktemp("relays"), nats.url, stack)


@pytest.fixture(scope="module")
def noor(deployment: Deployment) -> str:
    return signed_in(deployment.intake, "Noor")


async def told_that_staffed(gateway: Gateway, staffed: bool) -> None:
    """Greet until the relay says whether somebody serves; each time anew, since one connection may greet only so often."""
    async with asyncio.timeout(20):
        while True:
            async with visiting(gateway) as visitor:
                await visitor.send("hello")
                if (await visitor.next("welcome"))["staffed"] is staffed:
                    return
            await asyncio.sleep(0.2)


async def test_a_visitor_and_an_operator_on_different_relays_hold_a_conversation(deployment: Deployment, noor: str) -> None:
    async with visiting(deployment.a) as visitor, serving(deployment.b, noor) as desk:
        await told_that_staffed(deployment.a, staffed=True)
        await (await visitor.hello()).start("nul")
        await desk.until_listed(lambda entries: visitor.conversation in [entry["conversation"] for entry in entries])
        await desk.take(visitor.conversation)
        here = await desk.next("presence")
        while not here["here"]:
            here = await desk.next("presence")
        expected = [(0, "visitor", "nul")]
        for number in range(1, 13):
            by_visitor = number % 3 > 0
            text = f"zin {number}"
            sent = await (visitor.say(text) if by_visitor else desk.say(visitor.conversation, text))
            assert sent["type"] == "sent", sent
            expected.append((number, "visitor" if by_visitor else "operator", text))
            # the other side must have it before the next is said: by a hint, not by looking every now and then
            heard = await asyncio.wait_for((desk if by_visitor else visitor).next("turn"), 15)
            if by_visitor and heard["sequence"] == 0:
                heard = await desk.next("turn")
            assert (heard["sequence"], heard["text"]) == (number, text)
        await visitor.send("typing")
        await desk.next("typing")
        with deployment.intake.client() as api:
            assert stored(api, visitor.conversation) == expected
        await visitor.socket.close()
        while (await desk.next("presence"))["here"]:
            pass


async def numbers(line: Line, count: int) -> list[int]:
    """Give the numbers of the turns that this side said and heard after the first, in their order."""
    found: list[int] = []
    while len(found) < count:
        frame = await line.next("turn", "sent")
        found += [frame["sequence"]] * (frame["sequence"] > 0)
    return found


async def test_turns_said_at_once_on_both_relays_reach_both_once_and_in_one_order(deployment: Deployment, noor: str) -> None:
    async with visiting(deployment.a) as visitor, serving(deployment.b, noor) as desk, serving(deployment.a, noor) as second:
        await (await visitor.hello()).start("nul")
        await desk.take(visitor.conversation)
        await second.send("open", conversation=visitor.conversation, after=-1)
        total = 16
        for number in range(total // 2):
            await visitor.send("say", message=str(uuid4()), text=f"bezoeker {number}")
            await desk.send("say", conversation=visitor.conversation, message=str(uuid4()), text=f"onthaal {number}")
        told, *own = await asyncio.gather(second.turns(total), numbers(visitor, total), numbers(desk, total))
        with deployment.intake.client() as api:
            assert told == stored(api, visitor.conversation)
        assert own == [list(range(1, total + 1))] * 2


async def test_who_waits_on_one_relay_hears_of_operators_on_the_other(deployment: Deployment, noor: str) -> None:
    async with waiting(deployment.a) as first, waiting(deployment.b) as second:
        await until(first, "waiting", position=1, staffed=False)
        await until(second, "waiting", position=2, staffed=False)
        async with serving(deployment.b, noor) as desk, serving(deployment.a, noor) as other_page:
            await until(first, "waiting", position=1, available=1)
            await desk.send("attend", availability="busy")
            await until(other_page, "colleagues", availability="busy")
            await until(second, "waiting", position=2, staffed=True, available=0)
            await other_page.send("attend", availability="available")
            await until(desk, "colleagues", availability="available")
            await desk.take(first.conversation)
            await until(second, "waiting", position=1, available=1)
            await desk.send("attend", availability="away")
            await until(second, "waiting", position=1, staffed=False)


async def test_a_conversation_is_handed_over_to_a_colleague_on_another_relay(deployment: Deployment, noor: str) -> None:
    elif_ = await asyncio.to_thread(signed_in, deployment.intake, "Elif")
    async with waiting(deployment.a) as visitor, serving(deployment.a, noor) as first, serving(deployment.b, elif_) as second:
        colleague = await presence_of(first, "Elif")
        await first.take(visitor.conversation)
        note = {"message": str(uuid4()), "note": "Belt liever."}
        await first.send("handOver", conversation=visitor.conversation, operator=colleague["operator"], **note)
        await until(first, "state", because="handedOver", mine=False)
        assert (await until(visitor, "state", because="handedOver"))["operator"] == "Elif"
        await second.until_listed(lambda entries: any(entry["mine"] for entry in entries))
        await second.send("open", conversation=visitor.conversation, after=-1)
        assert await second.turns(1) == [(0, "visitor", "Dag"), (1, "note", "Belt liever.")]
        await visitor.say("Dank je")
        assert await second.turns(2) == [(2, "visitor", "Dank je")]
        await first.silence("turn")


async def test_chats_return_to_the_queue_when_the_relay_of_their_operator_dies(tmp_path: Path, nats: Nats) -> None:
    with ExitStack() as stack:
        lease = {"ONTHAAL_CHAT_OPERATOR_LEASE": "8"}
        split = await asyncio.to_thread(lambda: deployed(tmp_path, nats.url, stack, **lease))
        noor, elif_ = [await asyncio.to_thread(signed_in, split.intake, name) for name in ("Noor", "Elif")]
        async with waiting(split.a) as visitor, serving(split.a, elif_) as colleague:
            await colleague.send("attend", availability="available")
            async with serving(split.b, noor) as desk:
                await desk.take(visitor.conversation)
                await asyncio.sleep(10)
                split.b.kill()
                with suppress(ConnectionClosed):
                    await desk.turns(99)
            back = await until(visitor, "state", status="waiting", because="vanished")
            assert "operator" not in back
            await until(visitor, "waiting", position=1, available=1)
            assert (await colleague.take(visitor.conversation))["operator"] == "Elif"
            await visitor.say("Daar ben je")
            assert (await colleague.turns(1))[-1] == (1, "visitor", "Daar ben je")


async def test_the_list_goes_on_after_the_store_was_away_and_without_a_hint(tmp_path: Path, nats: Nats) -> None:
    with ExitStack() as stack:
        split = await asyncio.to_thread(deployed, tmp_path, nats.url, stack)
        noor = await asyncio.to_thread(signed_in, split.intake, "Noor")
        async with serving(split.a, noor) as desk, serving(split.b, noor) as other, waiting(split.b) as visitor:
            for page in (desk, other):
                await page.send("attend", availability="available")
                await page.until_listed(lambda entries: visitor.conversation in [entry["conversation"] for entry in entries])
            await asyncio.to_thread(split.intake.kill)
            await asyncio.to_thread(eventually, lambda: "conversations not read" in split.a.log.read_text())
            await asyncio.to_thread(split.intake.start)
            contact = {"channel": "chat", "text": "Dag", "language": "nl", "anonymous": True}
            unheard = str(uuid4())
            with split.intake.client(split.intake.token("contacts:write:chat")) as api:
                api.put(f"/contacts/{unheard}", json=contact).raise_for_status()
            for page in (desk, other):
                listed = await page.until_listed(lambda entries: len(entries) > 1)
                assert {entry["conversation"] for entry in listed} == {visitor.conversation, unheard}
            assert (await desk.take(visitor.conversation))["status"] == "assigned"


async def test_nothing_that_anybody_said_or_is_called_goes_over_the_bus(deployment: Deployment, nats: Nats) -> None:
    heard: list[bytes] = []
    operator = await asyncio.to_thread(signed_in, deployment.intake, "Zwxq9Medewerker")
    async with await connect(nats.url) as listener:

        async def hear(message: Msg) -> None:
            heard.append(message.data)

        await listener.subscribe("onthaal.bus.>", cb=hear)
        await listener.flush()
        async with waiting(deployment.a, "Zwxq9Eerste") as visitor, serving(deployment.b, operator) as desk:
            await desk.take(visitor.conversation)
            await desk.send("attend", availability="busy")
            async with asyncio.timeout(10):  # what is told together is told a moment later
                while b":busy:" not in b"".join(heard):
                    await asyncio.sleep(0.05)
            await visitor.say("Zwxq9Bericht")
            await desk.say(visitor.conversation, "Zwxq9Antwoord")
            await visitor.turns(2)
            note = {"message": str(uuid4()), "summary": "Zwxq9Samenvatting", "referral": ["Zwxq9Hulp"]}
            await desk.send("end", conversation=visitor.conversation, **note)
            await until(visitor, "state", status="ended")
        await asyncio.sleep(2)
    assert any(visitor.conversation.encode() in notice for notice in heard)
    assert b"Zwxq9" not in b"".join(heard)
    assert visitor.token.encode() not in b"".join(heard)


async def test_a_conversation_goes_on_when_the_relay_of_the_operator_is_killed(deployment: Deployment, noor: str) -> None:
    said = {str(uuid4()): f"zin {number}" for number in range(9)}
    async with visiting(deployment.a) as visitor:
        async with serving(deployment.b, noor) as desk:
            await (await visitor.hello()).start("Dag")
            await desk.take(visitor.conversation)
            for message, text in list(said.items())[:4]:
                assert (await visitor.say(text, message))["type"] == "sent"
            await desk.say(visitor.conversation, "Ik lees mee")
            deployment.b.kill()
            with suppress(ConnectionClosed):
                await desk.turns(99)
        for message, text in list(said.items())[4:]:
            assert (await visitor.say(text, message))["type"] == "sent"
        await told_that_staffed(deployment.a, staffed=False)
        async with serving(deployment.a, noor) as desk:
            await desk.send("open", conversation=visitor.conversation, after=-1)
            told = await desk.turns(10)
            await desk.say(visitor.conversation, "Daar ben ik weer")
            await visitor.turns(11)
        await asyncio.to_thread(deployment.b.start)
        async with visiting(deployment.b) as back:
            await back.send("resume", **visitor.proof, after=10)
            assert await back.turns(11) == [(11, "operator", "Daar ben ik weer")]
            assert (await back.say("Ook hier"))["sequence"] == 12
            assert (await visitor.next("turn"))["text"] == "Ook hier"
    with deployment.intake.client() as api:
        held = stored(api, visitor.conversation)
    assert held[: len(told)] == told
    assert [text for _, who, text in held if who == "visitor"] == ["Dag", *said.values(), "Ook hier"]


async def test_relays_without_nats_say_so_and_still_hold_a_conversation(tmp_path: Path, mortal_nats: Nats) -> None:
    with ExitStack() as stack:
        split = await asyncio.to_thread(deployed, tmp_path, mortal_nats.url, stack)
        noor = await asyncio.to_thread(signed_in, split.intake, "Noor")
        async with visiting(split.a) as visitor, serving(split.b, noor) as desk:
            await (await visitor.hello()).start("Dag")
            await desk.take(visitor.conversation)
            mortal_nats.stop()
            await asyncio.to_thread(eventually, lambda: split.health(split.a) == split.health(split.b) == "DEGRADED")
            await visitor.say("een")
            assert (await asyncio.wait_for(desk.turns(1), 20))[-1] == (1, "visitor", "een")
            await desk.say(visitor.conversation, "twee")
            assert await asyncio.wait_for(visitor.turns(2), 20) == [(2, "operator", "twee")]
            mortal_nats.start()
            await asyncio.to_thread(eventually, lambda: split.health(split.a) == split.health(split.b) == "UP")
            await visitor.say("drie")
            assert await desk.turns(3) == [(3, "visitor", "drie")]
        assert "nats is away" in split.a.log.read_text()


def test_relays_that_would_not_know_each_others_visitors_do_not_start(tmp_path: Path) -> None:
    wrong = {"ONTHAAL_INTAKE_URL": "http://127.0.0.1:1", "ONTHAAL_NATS_URL": "nats://127.0.0.1:1"}
    with pytest.raises(RuntimeError, match="ONTHAAL_CHAT_SECRET"):
        Gateway(tmp_path / "var", ("chat_relay",), wrong).start()
