"""The chat over real WebSockets, against the gateway as it is run: visitors, operators, breaks and restarts."""

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from services.chat_relay.frames import MAX_FRAME, MAX_TEXT, PROTOCOL
from services.gateway import build
from services.kit.clock import SetClock
from tests.running import Gateway, free_port, running

Frame = dict[str, Any]
PATIENCE = 30


class Line:
    """One connection, as a page has it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, name: str, /, **properties: Any) -> None:
        await self.socket.send(json.dumps({"type": name, **properties}))

    async def next(self, *kinds: str) -> Frame:
        """Wait for the next frame of one of these types; others are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame: Frame = json.loads(await self.socket.recv())
                if frame["type"] in kinds:
                    return frame

    async def turns(self, until: int) -> list[tuple[int, str, str]]:
        """Read turns until this sequence number."""
        told: list[tuple[int, str, str]] = []
        while not told or told[-1][0] < until:
            frame = await self.next("turn")
            told.append((frame["sequence"], frame["who"], frame["text"]))
        return told

    async def silence(self, kind: str, seconds: float = 0.5) -> None:
        """Make sure that no frame of a type comes for a while."""
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(self.next(kind), seconds)


class Visitor(Line):
    """A visitor's page."""

    conversation = ""
    token = ""

    @property
    def proof(self) -> Frame:
        return {"conversation": self.conversation, "token": self.token}

    async def hello(self) -> Self:
        await self.send("hello")
        welcome = await self.next("welcome")
        self.conversation, self.token = welcome["conversation"], welcome["token"]
        return self

    async def start(self, text: str) -> Frame:
        await self.send("start", **self.proof, text=text, language="nl")
        return await self.next("sent", "failed", "closed", "error")

    async def say(self, text: str, message: str | None = None) -> Frame:
        await self.send("say", message=message or str(uuid4()), text=text)
        return await self.next("sent", "failed", "error")


class Desk(Line):
    """An operator's page."""

    async def take(self, conversation: str) -> Frame:
        await self.send("take", conversation=conversation)
        return await self.next("state", "failed")

    async def say(self, conversation: str, text: str) -> Frame:
        await self.send("say", conversation=conversation, message=str(uuid4()), text=text)
        return await self.next("sent", "failed", "error")

    async def until_listed(self, fits: Callable[[list[Frame]], bool]) -> list[Frame]:
        """Wait until the list of conversations fits."""
        while True:
            entries: list[Frame] = (await self.next("queue"))["conversations"]
            if fits(entries):
                return entries


@asynccontextmanager
async def visiting(gateway: Gateway, origin: str | None = "") -> AsyncIterator[Visitor]:
    """Open a visitor's connection."""
    address = f"ws://127.0.0.1:{gateway.port}/chat/v1/visitor"
    asked = None if origin is None else Origin(origin or gateway.url)
    async with connect(address, origin=asked, subprotocols=[Subprotocol(PROTOCOL)], compression=None) as socket:
        yield Visitor(socket)


@asynccontextmanager
async def serving(gateway: Gateway, cookies: str) -> AsyncIterator[Desk]:
    """Open an operator's connection."""
    address = f"ws://127.0.0.1:{gateway.port}/chat/v1/operator"
    own, headers = Origin(gateway.url), {"Cookie": cookies}
    async with connect(address, origin=own, subprotocols=[Subprotocol(PROTOCOL)], additional_headers=headers) as socket:
        yield Desk(socket)


def signed_in(gateway: Gateway, name: str) -> str:
    """Sign an operator in and give their cookies."""
    code = gateway.sign_in_link(name).rpartition("#")[2]
    answer = httpx.post(f"{gateway.url}/desk/sign-in", data={"code": code}, headers={"Origin": gateway.url})
    assert answer.status_code == httpx.codes.SEE_OTHER
    return "; ".join(f"{cookie}={value}" for cookie, value in answer.cookies.items())


@pytest.fixture(scope="session")
def noor(gateway: Gateway) -> str:
    """The cookies of an operator."""
    return signed_in(gateway, "Noor")


@pytest.fixture(scope="session")
def colleagues(gateway: Gateway) -> list[str]:
    """The cookies of three more operators."""
    return [signed_in(gateway, name) for name in ("Elif", "Bram", "Fatima")]


@pytest.fixture(scope="session")
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    """The intake API with a token that may do everything."""
    with gateway.client() as client:
        yield client


def stored(api: httpx.Client, conversation: str) -> list[tuple[int, str, str]]:
    """Give the conversation as the store has it."""
    contact = api.get(f"/contacts/{conversation}").json()
    messages = api.get(f"/contacts/{conversation}/messages").json()["items"]
    who = {"inbound": "visitor", "outbound": "operator", "note": "note"}
    return [(0, "visitor", contact["text"])] + [(held["sequence"], who[held["direction"]], held["text"]) for held in messages]


async def test_the_first_message_makes_a_contact_and_is_answered_only_then(gateway: Gateway, api: httpx.Client) -> None:
    async with visiting(gateway) as visitor:
        await visitor.hello()
        assert api.get(f"/contacts/{visitor.conversation}").status_code == httpx.codes.NOT_FOUND
        sent = await visitor.start("Mijn trainer stuurt me berichten.")
        contact = api.get(f"/contacts/{visitor.conversation}").json()
    assert (sent["type"], sent["sequence"], sent["message"]) == ("sent", 0, visitor.conversation)
    assert contact["text"] == "Mijn trainer stuurt me berichten."
    assert (contact["channel"], contact["anonymous"], contact["language"]) == ("chat", True, "nl")
    assert contact["openingHours"]["open"] is True


async def test_a_visitor_and_an_operator_hold_a_conversation(gateway: Gateway, noor: str, api: httpx.Client) -> None:
    async with visiting(gateway) as visitor, serving(gateway, noor) as desk:
        await (await visitor.hello()).start("Dag")
        await desk.until_listed(lambda entries: visitor.conversation in [entry["conversation"] for entry in entries])
        state = await desk.take(visitor.conversation)
        assert (state["status"], state["operator"]) == ("assigned", "Noor")
        assert (await visitor.next("state"))["status"] == "waiting"
        state = await visitor.next("state")
        assert (state["status"], state["operator"]) == ("assigned", "Noor")
        await desk.send("typing", conversation=visitor.conversation)
        await visitor.next("typing")
        await desk.say(visitor.conversation, "Dag, waarmee kan ik je helpen?")
        assert (await visitor.next("turn"))["text"] == "Dag, waarmee kan ik je helpen?"
        await visitor.send("typing")
        await desk.next("typing")
        assert (await visitor.say("Met veel"))["sequence"] == 2
        assert await desk.turns(2) == [(2, "visitor", "Met veel")]
    expected = [(0, "visitor", "Dag"), (1, "operator", "Dag, waarmee kan ik je helpen?"), (2, "visitor", "Met veel")]
    assert stored(api, visitor.conversation) == expected


async def test_the_operator_ends_a_conversation_and_says_what_it_was(gateway: Gateway, noor: str, api: httpx.Client) -> None:
    async with visiting(gateway) as visitor, serving(gateway, noor) as desk:
        await (await visitor.hello()).start("Hoe laat zijn jullie open?")
        await desk.take(visitor.conversation)
        await desk.send("end", conversation=visitor.conversation, kind="melding")
        while (await visitor.next("state"))["status"] != "ended":
            pass
        failed = await visitor.say("Nog iets")
    contact = api.get(f"/contacts/{visitor.conversation}").json()
    assert (failed["type"], failed["reason"], failed["retry"]) == ("failed", "ended", False)
    assert (contact["kind"], contact["kindSource"], contact["status"]) == ("melding", "operator", "completed")


async def test_the_visitor_ends_a_conversation(gateway: Gateway, noor: str, api: httpx.Client) -> None:
    async with visiting(gateway) as visitor, serving(gateway, noor) as desk:
        await (await visitor.hello()).start("Dag")
        await desk.take(visitor.conversation)
        await visitor.send("end")
        while (await desk.next("state"))["status"] != "ended":
            pass
        assert (await desk.say(visitor.conversation, "Ben je er nog?"))["reason"] == "ended"
    assert api.get(f"/contacts/{visitor.conversation}").json()["status"] == "completed"


async def leave(gateway: Gateway, body: object, origin: str = "") -> int:
    """Say that a conversation is over as a browser does whose page is gone: a request of its own."""
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{gateway.url}/chat/v1/leave", json=body, headers={"Origin": origin or gateway.url})
    return answer.status_code


async def test_a_visitor_whose_page_is_gone_ends_the_conversation(gateway: Gateway, noor: str, api: httpx.Client) -> None:
    async with visiting(gateway) as visitor, serving(gateway, noor) as desk:
        await visitor.hello()
        assert await leave(gateway, visitor.proof) == 204  # nothing was said yet
        await visitor.start("Ik moet weg")
        await desk.take(visitor.conversation)
        assert (await visitor.next("state"))["status"] != "ended"
    async with serving(gateway, noor) as desk:
        await desk.send("open", conversation=visitor.conversation, after=-1)
        for _ in range(2):
            assert await leave(gateway, visitor.proof) == 204
        while (await desk.next("state"))["status"] != "ended":
            pass
    assert api.get(f"/contacts/{visitor.conversation}").json()["status"] == "completed"


async def test_a_conversation_is_ended_by_its_own_visitor_on_our_own_pages_alone(gateway: Gateway, api: httpx.Client) -> None:
    async with visiting(gateway) as visitor, visiting(gateway) as other:
        await (await visitor.hello()).start("Ik blijf")
        await (await other.hello()).start("Ik ook")
        assert await leave(gateway, {**visitor.proof, "token": other.token}) == 401
        for elsewhere in ("https://elders.example", "http://["):
            assert await leave(gateway, visitor.proof, origin=elsewhere) == 401
        for body in ({}, {**visitor.proof, "why": "x"}, {**visitor.proof, "token": "x"}, {**visitor.proof, "token": "x" * 600}):
            assert await leave(gateway, body) == 400
        assert (await visitor.say("Ik ben er nog"))["type"] == "sent"
    assert api.get(f"/contacts/{visitor.conversation}").json()["status"] == "open"


async def test_a_conversation_given_back_can_be_taken_by_a_colleague(gateway: Gateway, noor: str, colleagues: list[str]) -> None:
    async with visiting(gateway) as visitor, serving(gateway, noor) as first, serving(gateway, colleagues[0]) as second:
        await (await visitor.hello()).start("Dag")
        await first.take(visitor.conversation)
        refused = await second.take(visitor.conversation)
        assert (refused["type"], refused["reason"]) == ("failed", "taken")
        await second.send("open", conversation=visitor.conversation, after=-1)
        assert (await second.next("turn", "failed"))["reason"] == "taken"
        await first.send("release", conversation=visitor.conversation)
        await first.until_listed(
            lambda entries: any(e["conversation"] == visitor.conversation and e["status"] == "waiting" for e in entries)
        )
        assert (await second.take(visitor.conversation))["operator"] == "Elif"
        assert (await first.say(visitor.conversation, "Ben ik nog hier?"))["code"] == "notNow"


async def test_of_four_who_take_a_conversation_three_times_at_once_one_gets_it(
    gateway: Gateway, noor: str, colleagues: list[str]
) -> None:
    async with visiting(gateway) as visitor, AsyncExitStack() as stack:
        await (await visitor.hello()).start("Dag")
        desks = [await stack.enter_async_context(serving(gateway, held)) for held in [noor, *colleagues] * 3]
        answers = await asyncio.gather(*(desk.take(visitor.conversation) for desk in desks))
        winners = {answer["operator"] for answer in answers if answer["type"] == "state"}
        refused = [answer["reason"] for answer in answers if answer["type"] == "failed"]
        assert len(winners) == 1
        assert refused == ["taken"] * 9
        await visitor.next("state")
        assert {(await visitor.next("state"))["operator"]} == winners


async def test_the_same_message_sent_again_is_stored_once(gateway: Gateway, api: httpx.Client) -> None:
    message = str(uuid4())
    async with visiting(gateway) as visitor:
        await (await visitor.hello()).start("Eerst")
        first = await visitor.say("Dan", message)
        again = await visitor.say("Dan", message)
    async with visiting(gateway) as back:
        await back.hello()
        back.conversation, back.token = visitor.conversation, visitor.token
        restarted = await back.start("Eerst")
        after_a_break = await back.say("Dan", message)
    assert [first["sequence"], again["sequence"], after_a_break["sequence"]] == [1, 1, 1]
    assert (restarted["type"], restarted["sequence"]) == ("sent", 0)
    assert stored(api, visitor.conversation) == [(0, "visitor", "Eerst"), (1, "visitor", "Dan")]


async def test_other_words_under_the_same_id_are_not_stored(gateway: Gateway, api: httpx.Client) -> None:
    message = str(uuid4())
    async with visiting(gateway) as visitor:
        await (await visitor.hello()).start("Eerst")
        await visitor.say("Dan", message)
        failed = await visitor.say("Iets anders", message)
    assert (failed["type"], failed["reason"], failed["retry"]) == ("failed", "refused", False)
    assert stored(api, visitor.conversation)[-1] == (1, "visitor", "Dan")


async def test_who_comes_back_gets_exactly_what_was_missed(gateway: Gateway, noor: str, api: httpx.Client) -> None:
    async with serving(gateway, noor) as desk:
        async with visiting(gateway) as visitor:
            await (await visitor.hello()).start("nul")
            await desk.take(visitor.conversation)
            await desk.say(visitor.conversation, "een")
            await visitor.turns(1)
        await desk.say(visitor.conversation, "twee")
        note = {"direction": "note", "text": "alleen voor collega’s"}
        api.put(f"/contacts/{visitor.conversation}/messages/{uuid4()}", json=note).raise_for_status()
        await desk.say(visitor.conversation, "vier")
        async with visiting(gateway) as back:
            await back.send("resume", **visitor.proof, after=1)
            assert await back.turns(4) == [(2, "operator", "twee"), (4, "operator", "vier")]
            assert (await back.next("state"))["status"] == "assigned"
            await desk.say(visitor.conversation, "vijf")
            assert await back.turns(5) == [(5, "operator", "vijf")]
    async with serving(gateway, noor) as again:
        await again.send("open", conversation=visitor.conversation, after=2)
        expected = [(3, "note", "alleen voor collega’s"), (4, "operator", "vier"), (5, "operator", "vijf")]
        assert await again.turns(5) == expected


async def test_an_operator_sees_whether_the_visitor_is_there(gateway: Gateway, noor: str) -> None:
    async with serving(gateway, noor) as desk:
        async with visiting(gateway) as visitor:
            await (await visitor.hello()).start("Dag")
            await visitor.next("state")
            await desk.take(visitor.conversation)
            while not (await desk.next("presence"))["here"]:
                pass  # another relay says who is there a moment later
        while (await desk.next("presence"))["here"]:
            pass


async def test_two_visitors_never_hear_of_each_other(gateway: Gateway, noor: str) -> None:
    async with visiting(gateway) as one, visiting(gateway) as two, serving(gateway, noor) as desk:
        await (await one.hello()).start("van een")
        await (await two.hello()).start("van twee")
        assert one.conversation != two.conversation
        await desk.take(one.conversation)
        await desk.take(two.conversation)
        await desk.say(one.conversation, "voor een")
        await desk.say(two.conversation, "voor twee")
        assert (await one.next("turn"))["text"] == "voor een"
        assert (await two.next("turn"))["text"] == "voor twee"
        await asyncio.gather(one.silence("turn"), two.silence("turn"))


async def test_a_conversation_is_closed_to_whoever_has_not_its_token(gateway: Gateway) -> None:
    async with visiting(gateway) as visitor:
        await (await visitor.hello()).start("Dag")
    for conversation, token in ((visitor.conversation, "a" * 43), (str(uuid4()), visitor.token)):
        async with visiting(gateway) as stranger:
            await stranger.send("resume", conversation=conversation, token=token, after=-1)
            assert await stranger.next("error", "turn", "state") == {"type": "error", "code": "forbidden"}
            await stranger.hello()
            await stranger.send("start", conversation=conversation, token=token, text="Dag", language="nl")
            assert (await stranger.next("error", "sent"))["code"] == "forbidden"


async def test_an_unused_token_resumes_nothing(gateway: Gateway) -> None:
    async with visiting(gateway) as visitor:
        await visitor.hello()
    async with visiting(gateway) as back:
        await back.send("resume", **visitor.proof, after=-1)
        assert (await back.next("error", "state"))["code"] == "unknown"
        await back.hello()


@pytest.mark.parametrize(
    "origin",
    [None, "https://example.org", "null", "http://[", "//{host}", "http://{host}@example.org", "http://{host}.example.org"],
)
async def test_pages_of_other_sites_cannot_connect(gateway: Gateway, origin: str | None) -> None:
    asked = origin and origin.replace("{host}", f"127.0.0.1:{gateway.port}")
    with pytest.raises(InvalidStatus) as refusal:
        async with visiting(gateway, asked):
            pass
    assert refusal.value.response.status_code == httpx.codes.UNAUTHORIZED


async def test_nobody_serves_without_being_signed_in_on_a_page_of_the_desk(gateway: Gateway, noor: str) -> None:
    address = f"ws://127.0.0.1:{gateway.port}/chat/v1/operator"
    strangers = ((gateway.url, ""), (gateway.url, "onthaal-token=a.b.c"), ("https://example.org", noor), ("http://[", noor))
    for origin, cookies in strangers:
        with pytest.raises(InvalidStatus) as refusal:
            async with connect(
                address, origin=Origin(origin), subprotocols=[Subprotocol(PROTOCOL)], additional_headers={"Cookie": cookies}
            ):
                pass
        assert refusal.value.response.status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(f"{gateway.url}/desk/chat", headers={"Accept": "text/html"}).status_code == httpx.codes.SEE_OTHER


async def test_another_protocol_is_refused(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(f"ws://127.0.0.1:{gateway.port}/chat/v1/visitor", origin=Origin(gateway.url)):
            pass
    assert refusal.value.response.status_code == httpx.codes.BAD_REQUEST


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("geheim", "badFrame"),
        (b"geheim", "badFrame"),
        ('{"type": "say", "message": "geheim", "text": "geheim"}', "badFrame"),
        ('{"type": "hello", "geheim": 1}', "badFrame"),
        ("[" * 20_000 + "geheim", "badFrame"),
        (json.dumps({"type": "hello", "text": "geheim" * MAX_FRAME})[: MAX_FRAME + 10], "tooLarge"),
        ('["message", "geheim"]', "badFrame"),
    ],
    ids=["no JSON", "bytes", "no id", "unknown property", "nested", "too large", "no object"],
)
async def test_nonsense_is_refused_without_being_repeated(gateway: Gateway, frame: str | bytes, code: str) -> None:
    async with visiting(gateway) as visitor:
        await visitor.socket.send(frame)
        answer = await visitor.socket.recv()
        assert json.loads(answer) == {"type": "error", "code": code}
        await visitor.hello()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "say", "message": ..., "text": "geheim" * MAX_TEXT}, "badFrame"),
        ({"type": "say", "message": ..., "text": "geheim", "geheim": 1}, "badFrame"),
        ({"type": "geheim", "message": ...}, "badFrame"),
        ({"type": "start", "conversation": ..., "token": "geheim", "text": "geheim", "language": "nl"}, "badFrame"),
        ({"type": "say", "message": ..., "text": "geheim" * (MAX_FRAME // 6)}, "tooLarge"),
    ],
    ids=["too long", "unknown property", "unknown type", "start", "too large"],
)
async def test_who_sends_a_frame_that_cannot_be_read_is_told_which_message_was_not_stored(
    gateway: Gateway, frame: dict[str, Any], code: str
) -> None:
    message = str(uuid4())
    async with visiting(gateway) as visitor:
        await visitor.socket.send(json.dumps({name: message if value is ... else value for name, value in frame.items()}))
        assert json.loads(await visitor.socket.recv()) == {"type": "error", "code": code, "message": message}
        await visitor.hello()


async def test_whoever_goes_on_with_nonsense_is_shut_out_and_the_gateway_stays_up(gateway: Gateway) -> None:
    async with visiting(gateway) as visitor:
        for _ in range(20):
            await visitor.socket.send("nonsense")
        with pytest.raises(ConnectionClosed) as closed:
            await visitor.next("welcome")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    async with visiting(gateway) as visitor:
        await visitor.socket.send("x" * 1_000_000)
        with pytest.raises(ConnectionClosed):
            await visitor.next("welcome")
    assert gateway.is_up()


async def test_frames_at_the_wrong_moment_are_refused(gateway: Gateway) -> None:
    async with visiting(gateway) as visitor:
        assert (await visitor.say("Voor de groet"))["code"] == "notNow"
        await visitor.hello()
        assert (await visitor.say("Voor het begin"))["code"] == "notNow"
        await visitor.start("Begin")
        await visitor.send("resume", **visitor.proof, after=-1)
        assert (await visitor.next("error"))["code"] == "notNow"


async def test_who_sends_too_fast_is_told_which_message_was_not_stored(gateway: Gateway, api: httpx.Client) -> None:
    async with visiting(gateway) as visitor:
        await (await visitor.hello()).start("Dag")
        messages = [str(uuid4()) for _ in range(20)]
        for message in messages:
            await visitor.send("say", message=message, text="snel")
        answers = [await visitor.next("sent", "error") for _ in messages]
        await visitor.send("ping")
        await visitor.next("pong")
    refused = {answer["message"] for answer in answers if answer["type"] == "error"}
    assert {answer["code"] for answer in answers if answer["type"] == "error"} == {"tooFast"}
    assert 5 <= len(refused) <= 10
    assert len(stored(api, visitor.conversation)) == 1 + len(messages) - len(refused)


async def test_who_connects_and_says_nothing_is_let_go_and_who_has_greeted_may_be_silent(gateway: Gateway) -> None:
    async with visiting(gateway) as silent, visiting(gateway) as polite:
        await polite.hello()
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(silent.socket.recv(), 15)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408
        await asyncio.sleep(1)
        await polite.send("ping")
        await polite.next("pong")


async def test_what_is_said_is_nowhere_in_the_log(gateway: Gateway, noor: str) -> None:
    async with visiting(gateway) as visitor, serving(gateway, noor) as desk:
        await (await visitor.hello()).start("merkteken-zwaluw")
        await desk.take(visitor.conversation)
        await desk.say(visitor.conversation, "merkteken-merel")
        await visitor.socket.send('{"type": "merkteken-vink"}')
        await visitor.next("error")
    log = gateway.logged()
    for mark in ("merkteken", visitor.token, "127.0.0.1:" + str(visitor.socket.local_address[1])):
        assert mark not in log


def test_the_loader_may_be_embedded_and_the_frame_by_listed_sites_only(tmp_path: Path) -> None:
    with running(tmp_path / "var", ONTHAAL_CHAT_EMBEDDERS="https://www.voorbeeld.be https://voorbeeld.be") as gateway:
        loader = httpx.get(f"{gateway.url}/chat/widget.js")
        frame = httpx.get(f"{gateway.url}/chat/widget", params={"lang": "fr"})
        unknown = httpx.get(f"{gateway.url}/chat/widget", params={"lang": "<script>"})
    assert loader.headers["cross-origin-resource-policy"] == "cross-origin"
    policy = frame.headers["content-security-policy"]
    assert "frame-ancestors 'self' https://www.voorbeeld.be https://voorbeeld.be;" in policy
    assert "'unsafe" not in policy
    assert '<html lang="fr">' in frame.text
    assert '<html lang="nl">' in unknown.text
    assert "set-cookie" not in frame.headers


async def test_one_network_has_only_so_many_connections(tmp_path: Path) -> None:
    with running(tmp_path / "var", ONTHAAL_CHAT_SOCKETS_PER_NETWORK="2", ONTHAAL_HOURS_CHAT="24/7") as gateway:
        async with visiting(gateway) as one, visiting(gateway):
            with pytest.raises(InvalidStatus) as refusal:
                async with visiting(gateway):
                    pass
            await one.hello()
        assert refusal.value.response.status_code == httpx.codes.TOO_MANY_REQUESTS
        await asyncio.sleep(0.2)
        async with visiting(gateway) as later:
            await later.hello()


async def test_one_network_starts_only_so_many_conversations_in_a_while(tmp_path: Path) -> None:
    with running(tmp_path / "var", ONTHAAL_CHAT_RATE="2/minute", ONTHAAL_HOURS_CHAT="24/7") as gateway:
        for _ in range(2):
            async with visiting(gateway) as visitor:
                await (await visitor.hello()).start("Dag")
        async with visiting(gateway) as last:
            answer = await (await last.hello()).start("Nog een")
            assert (answer["reason"], answer["retry"], answer["message"]) == ("tooFast", True, last.conversation)
        async with visiting(gateway) as back:
            await back.send("resume", **visitor.proof, after=-1)
            assert (await back.next("state", "error"))["status"] == "waiting"
            assert (await back.say("Een gesprek dat bezig is, gaat door"))["type"] == "sent"


async def test_hours_close_the_door_and_not_a_running_conversation(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "var", settings={"ONTHAAL_HOURS_CHAT": "24/7"}).start()
    try:
        noor = signed_in(gateway, "Noor")
        async with visiting(gateway) as visitor, visiting(gateway) as late, serving(gateway, noor) as desk:
            await (await visitor.hello()).start("Begonnen toen het open was")
            await desk.take(visitor.conversation)
            await late.hello()
        gateway.stop()
        gateway.settings = {"ONTHAAL_HOURS_CHAT": "off"}
        gateway.start()
        async with visiting(gateway) as new:
            await new.send("hello")
            closed = await new.next("closed", "welcome")
            assert closed["type"] == "closed"
            new.conversation, new.token = late.conversation, late.token
            assert (await new.start("Toch nog iets"))["type"] == "closed"
        async with visiting(gateway) as answer_lost:
            await answer_lost.send("hello")
            await answer_lost.next("closed")
            answer_lost.conversation, answer_lost.token = visitor.conversation, visitor.token
            assert (await answer_lost.start("Begonnen toen het open was"))["type"] == "sent"
        async with visiting(gateway) as back, serving(gateway, noor) as desk:
            await back.send("resume", **visitor.proof, after=0)
            await back.next("state")
            await desk.send("open", conversation=visitor.conversation, after=-1)
            assert (await back.say("Nog even"))["sequence"] == 1
            assert (await desk.turns(1))[-1] == (1, "visitor", "Nog even")
        with gateway.client() as api:
            assert api.get(f"/contacts/{late.conversation}").status_code == httpx.codes.NOT_FOUND
    finally:
        gateway.stop()


async def test_a_gateway_that_is_killed_loses_no_turn_that_was_answered(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "var", settings={"ONTHAAL_HOURS_CHAT": "24/7"}).start()
    try:
        noor = signed_in(gateway, "Noor")
        said = {str(uuid4()): f"zin {number}" for number in range(9)}
        answered: set[str] = set()
        async with visiting(gateway) as visitor, serving(gateway, noor) as desk:
            await (await visitor.hello()).start("Dag")
            await desk.take(visitor.conversation)
            for message, text in said.items():
                await visitor.send("say", message=message, text=text)
            for _ in range(4):
                answered.add((await visitor.next("sent"))["message"])
            gateway.kill()
            with suppress(ConnectionClosed):
                while True:
                    answered.add((await visitor.next("sent"))["message"])
        gateway.start()
        async with visiting(gateway) as back, serving(gateway, noor) as desk:
            await back.send("resume", **visitor.proof, after=0)
            assert (await back.next("state"))["status"] == "assigned"
            for message in [held for held in said if held not in answered]:
                assert (await back.say(said[message], message))["type"] == "sent"
            await desk.send("open", conversation=visitor.conversation, after=-1)
            told = await desk.turns(len(said))
        with gateway.client() as api:
            assert stored(api, visitor.conversation) == told
        assert [text for _, _, text in told[1:]] == list(said.values())
    finally:
        gateway.stop()


@contextmanager
def serving_in_thread(clock: SetClock, port: int) -> Iterator[None]:
    """Run the gateway's app in this process, so that its clock can be moved."""
    server = uvicorn.Server(uvicorn.Config(build(clock=clock), port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def at_a_set_clock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gateway, SetClock]]:
    """Serve in this process, by a clock that the test moves."""
    gateway = Gateway(folder / "var", settings={"ONTHAAL_HOURS_CHAT": "24/7"}, port=free_port())
    for name, value in gateway.environment.items():
        if name.startswith("ONTHAAL_") and os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    clock = SetClock(datetime.now(UTC))
    with serving_in_thread(clock, gateway.port):
        yield gateway, clock


async def test_an_operator_whose_token_gets_too_old_renews_it_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_a_set_clock(tmp_path, monkeypatch) as (gateway, clock):
        noor = await asyncio.to_thread(signed_in, gateway, "Noor")
        async with visiting(gateway) as visitor, serving(gateway, noor) as desk:
            await (await visitor.hello()).start("Dag")
            await desk.take(visitor.conversation)
            clock.advance(timedelta(minutes=11))
            await desk.send("say", conversation=visitor.conversation, message=str(uuid4()), text="Te laat")
            # the refresh of the list may notice it before the message does
            if (refused := await desk.next("failed", "expired"))["type"] == "failed":
                assert refused["retry"] is True
                await desk.next("expired")
            with pytest.raises(ConnectionClosed) as closed:
                await desk.next("sent")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401
        async with httpx.AsyncClient() as page:
            renewed = await page.get(f"{gateway.url}/chat/v1/operator/session", headers={"Cookie": noor})
        assert renewed.status_code == httpx.codes.NO_CONTENT
        fresh = "; ".join(f"{name}={value}" for name, value in renewed.cookies.items())
        assert fresh != noor
        async with serving(gateway, fresh) as desk:
            await desk.send("open", conversation=visitor.conversation, after=-1)
            assert await desk.turns(0) == [(0, "visitor", "Dag")]
            assert (await desk.say(visitor.conversation, "Op tijd"))["type"] == "sent"


async def test_a_chat_can_be_tried_out_outside_the_hours_and_says_so_with_the_contact(tmp_path: Path) -> None:
    with running(tmp_path, ONTHAAL_HOURS_CHAT="off", ONTHAAL_CHAT_ALWAYS="true") as gateway, gateway.client() as api:
        async with visiting(gateway) as visitor:
            sent = await (await visitor.hello()).start("Ik probeer de chat.")
        contact = api.get(f"/contacts/{visitor.conversation}").json()
    assert sent["type"] == "sent"
    assert contact["openingHours"]["open"] is False
