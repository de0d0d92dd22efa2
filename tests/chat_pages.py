"""Pages of the chat as `onthaal.chat.v1` describes them: each checks every frame it is told against that contract.

They do as a careful page does: what got no answer is sent again on the next connection, under the same id, and who comes back
says which turn it has. What they find wrong is kept in the `Hall` that all pages of one test stand in.
"""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from services.chat_relay.frames import PROTOCOL
from tests.running import Gateway

Frame = dict[str, Any]
Row = tuple[str, str]
"""Who said what."""

MOST_LETTERS = 7
"""A page says fewer messages than come at once by the rates of the protocol, each sent again included."""


@dataclass
class Letter:
    """Something that was said: by whom, in which conversation, when, and who surely had the conversation at that moment."""

    conversation: str
    who: str
    text: str
    page: str
    moment: int
    holder: str | None
    attempts: int = 0
    sequence: int | None = None
    is_refused: bool = False


@dataclass
class Hall:
    """What all pages know together: every letter, and who surely has which conversation.

    An operator surely has a conversation from being told so until one of their pages asks to give it away, anybody asks to end
    it, or their last page is gone: while that lasts nobody else can have it.
    """

    faults: list[str] = field(default_factory=list)
    wire: "deque[str]" = field(default_factory=lambda: deque(maxlen=120))
    """The last frames that went either way, to read beside a fault."""

    letters: dict[str, Letter] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    pages_of: dict[str, int] = field(default_factory=dict)
    given_away: dict[tuple[str, str], int] = field(default_factory=dict)
    asked: dict[tuple[str, str], int] = field(default_factory=dict)
    undecided: "Counter[tuple[str, str]]" = field(default_factory=Counter)
    """How many pages of whom asked to give which conversation away, without an answer: that may still be done, also by a relay
    that reads it after the page is gone."""

    met: "Counter[str]" = field(default_factory=Counter)
    """What happened: what became of conversations, and how often somebody came back or was refused."""

    _moments: "count[int]" = field(default_factory=count)

    def moment(self) -> int:
        """Count on."""
        return next(self._moments)

    def blame(self, page: str, what: str, frame: Frame | None = None) -> None:
        """Keep what is wrong."""
        self.faults.append(f"{page}: {what}: {json.dumps(frame)}" if frame else f"{page}: {what}")
        self.wire.append("^ " + self.faults[-1])

    def write(self, message: str, conversation: str, who: str, page: str, text: str | None = None) -> Letter:
        """Keep a letter before it is sent for the first time."""
        moment = self.moment()
        words = text or f"{who} {page} {moment}"
        letter = Letter(conversation, who, words, page, moment, self.holders.get(conversation))
        self.letters[message] = letter
        return letter

    def asks(self, conversation: str, operator: str) -> int:
        """Note that an operator asks for a conversation, or is about to be given it."""
        self.asked[conversation, operator] = moment = self.moment()
        return moment

    def holds(self, page: str, conversation: str, operator: str, since: int) -> None:
        """Note that an operator was told that the conversation they asked for at that moment is theirs."""
        if self.given_away.get((conversation, operator), -1) > since or self.given_away.get((conversation, ""), -1) > since:
            return
        if self.undecided[conversation, operator]:
            return
        other = self.holders.setdefault(conversation, operator)
        if other != operator:
            self.blame(page, f"two operators have {conversation} at once")

    def gives_away(self, conversation: str, operator: str = "") -> None:
        """Note that an operator asks to give a conversation away, or anybody to end it."""
        self.given_away[conversation, operator] = self.moment()
        if not operator or self.holders.get(conversation) == operator:
            self.holders.pop(conversation, None)

    def gave_away(self, conversation: str, operator: str) -> None:
        """Note that an operator is told that it was given away: another page of theirs may still hear what was true before."""
        self.undecided[conversation, operator] -= 1
        self.given_away[conversation, operator] = self.moment()

    def comes(self, operator: str) -> None:
        """Count a page of an operator."""
        self.pages_of[operator] = self.pages_of.get(operator, 0) + 1

    def goes(self, operator: str) -> None:
        """Count a page of an operator no more."""
        self.pages_of[operator] -= 1
        if not self.pages_of[operator]:
            for conversation in [held for held, who in self.holders.items() if who == operator]:
                self.gives_away(conversation, operator)


class Page:
    """One screen, over any number of connections."""

    path = ""

    def __init__(self, hall: Hall, name: str) -> None:
        """Show nothing yet."""
        self.hall = hall
        self.name = name
        self.outbox: list[str] = []
        self.unanswered: dict[str, float] = {}
        """What was sent on this connection, and when."""

        self.said = 0
        self.is_up = False
        self.socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def may_write(self) -> bool:
        """Whether one more message keeps within the rates."""
        return self.said < MOST_LETTERS

    async def join(self, gateway: Gateway, headers: dict[str, str] | None = None) -> None:
        """Connect to a relay, the old connection being gone.

        Raises:
            OSError: nobody listens there.
            WebSocketException: the relay went away before it answered.

        """
        await self.drop()
        self.socket = await connect(
            f"ws://127.0.0.1:{gateway.port}{self.path}",
            origin=Origin(gateway.url),
            subprotocols=[Subprotocol(PROTOCOL)],
            additional_headers=headers or {},
            compression=None,
        )
        await self.greet()
        self.is_up = True
        self._reading = asyncio.create_task(self._read(self.socket))

    async def drop(self, *, politely: bool = False) -> None:
        """Be gone: what is under way to the page is lost, what the relay has not read may be."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        if self.socket is not None:
            self.hall.wire.append(f"{self.name} is gone")
            if politely:
                await self.socket.close()
            else:
                self.socket.transport.abort()
                await self.socket.wait_closed()
        self.socket = self._reading = None
        self._lose()

    def _lose(self) -> None:
        """Know that the connection is gone, whoever ended it."""
        if self.is_up:
            self.is_up = False
            self.unanswered.clear()
            self.gone()

    async def send(self, kind: str, /, **properties: Any) -> None:
        """Send a frame; nobody may be there any more."""
        if self.socket is not None:
            text = json.dumps({"type": kind, **properties})
            self.hall.wire.append(f"{self.name} > {text}")
            with suppress(ConnectionClosed):
                await self.socket.send(text)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self.hall.wire.append(f"{self.name} < {text!s:.300}")
                await self.heard(json.loads(text))
            self._lose()
        except ConnectionClosed:
            self._lose()
        except Exception as wrong:  # noqa: BLE001 - what a page cannot understand is a fault of the relay
            self.hall.blame(self.name, f"cannot go on: {wrong!r}")

    async def greet(self) -> None:
        """Say what comes first on a connection."""

    async def heard(self, frame: Frame) -> None:
        """Take a frame in."""

    def gone(self) -> None:
        """Note that the connection is gone."""

    def write(self, conversation: str, who: str) -> str:
        """Put a new message in the outbox."""
        message = str(uuid4())
        self.hall.write(message, conversation, who, self.name)
        self.outbox.append(message)
        self.said += 1
        return message

    def posted(self, message: str) -> Letter:
        """Note that a letter is sent, once more."""
        letter = self.hall.letters[message]
        letter.attempts += 1
        self.unanswered[message] = time.monotonic()
        return letter

    def letter_of(self, frame: Frame) -> Letter | None:
        """Find what a `turn` or `sent` is about; it must have been said, in this conversation, in these words."""
        letter = self.hall.letters.get(frame["message"])
        if letter is None or letter.conversation != frame["conversation"]:
            self.hall.blame(self.name, "nobody said this in this conversation", frame)
            return None
        if frame["type"] == "turn" and (letter.who, letter.text) != (frame["who"], frame["text"]):
            self.hall.blame(self.name, "somebody else said this, or it was said in other words", frame)
        if frame["type"] == "sent":
            self.unanswered.pop(frame["message"], None)
            if letter.page != self.name:
                self.hall.blame(self.name, "this page did not say this", frame)
        if letter.sequence not in {None, frame["sequence"]}:
            self.hall.blame(self.name, f"this was turn {letter.sequence} before", frame)
        letter.sequence = frame["sequence"]
        if frame["message"] in self.outbox:
            self.outbox.remove(frame["message"])
        return letter

    def unsaid(self, frame: Frame) -> None:
        """Take in that a message was not stored: for good, or to be sent again on the next connection."""
        message = frame.get("message")
        self.unanswered.pop(message or "", None)
        self.hall.met["refused"] += 1
        if frame["type"] == "error" and frame["code"] not in {"notNow", "tooFast"}:
            self.hall.blame(self.name, "this is no fault of the page", frame)
        if message is None or (frame.get("retry") or frame.get("code") == "tooFast"):
            return
        letter = self.hall.letters[message]
        letter.is_refused |= letter.attempts == 1
        if message in self.outbox:
            self.outbox.remove(message)


class VisitorPage(Page):
    """A visitor's page."""

    path = "/chat/v1/visitor"

    def __init__(self, hall: Hall, name: str) -> None:
        """Have no conversation yet."""
        super().__init__(hall, name)
        self.conversation = ""
        self.token = ""
        self.knocked = self.started = self.is_let_in = False
        self.seen = -1
        self.rows: dict[int, Row] = {}
        self.state: Frame = {}

    @property
    def ended(self) -> bool:
        """Whether the page knows that the conversation is over."""
        return self.state.get("status") == "ended"

    @property
    def _proof(self) -> Frame:
        return {"conversation": self.conversation, "token": self.token}

    async def greet(self) -> None:
        """Come back, or come in."""
        self.is_let_in = False
        if self.started:
            self.hall.met["resumed"] += 1
            await self.send("resume", **self._proof, after=self.seen)
        else:
            await self.send("hello")

    async def say(self) -> None:
        """Write, and send it when the page may."""
        message = self.write(self.conversation, "visitor")
        if self.is_let_in:
            await self._post(message)

    async def end(self) -> None:
        """End the conversation."""
        self.hall.gives_away(self.conversation)
        await self.send("end")

    async def _post(self, message: str) -> None:
        letter = self.posted(message)
        await self.send("say", message=message, text=letter.text)

    async def heard(self, frame: Frame) -> None:
        """Take a frame in."""
        if self.conversation and frame.get("conversation", self.conversation) != self.conversation and frame["type"] != "welcome":
            self.hall.blame(self.name, "this is of another conversation", frame)
        match frame["type"]:
            case "welcome":
                await self._welcomed(frame)
            case "turn" | "sent":
                self._told(frame)
            case "state":
                await self._became(frame)
            case "failed" | "error":
                self.unsaid(frame)
            case "waiting" | "staffed" | "typing":
                pass
            case _:
                self.hall.blame(self.name, "a visitor is not told this", frame)

    async def _welcomed(self, frame: Frame) -> None:
        if not self.knocked:
            self.conversation, self.token = frame["conversation"], frame["token"]
            self.hall.write(self.conversation, self.conversation, "visitor", self.name)
            self.knocked = True
        text = self.hall.letters[self.conversation].text
        await self.send("start", **self._proof, text=text, language="nl")

    async def _became(self, frame: Frame) -> None:
        self.state = frame
        self.hall.met[frame["because"]] += 1
        if not self.is_let_in:
            self.is_let_in = True
            for message in tuple(self.outbox):
                await self._post(message)

    def _told(self, frame: Frame) -> None:
        letter = self.letter_of(frame)
        if letter is None:
            return
        self.started = True
        row, sequence = (letter.who, letter.text), frame["sequence"]
        if letter.who == "note":
            self.hall.blame(self.name, "a note is for operators", frame)
        if sequence > self.seen:
            self.seen, self.rows[sequence] = sequence, row
        elif frame["type"] == "turn" or self.rows.get(sequence) != row:
            self.hall.blame(self.name, f"told again, or out of order, after {self.seen}", frame)


@dataclass
class Panel:
    """One conversation on an operator's screen."""

    seen: int = -1
    rows: dict[int, Row] = field(default_factory=dict)
    state: Frame = field(default_factory=dict)
    entering: int | None = None
    """From which turn on it was asked for, while that has no answer."""

    asked_at: int = -1
    is_open: bool = False
    is_given_away: bool = False
    """Whether the page asked to give it away and has no answer yet."""

    @property
    def is_mine(self) -> bool:
        """Whether the page believes that this operator has the conversation."""
        return self.is_open and self.state.get("status") == "assigned"


class OperatorPage(Page):
    """An operator's page."""

    path = "/chat/v1/operator"

    def __init__(self, hall: Hall, name: str, cookies: str) -> None:
        """Show nothing yet."""
        super().__init__(hall, name)
        self.operator = ""
        self.panels: dict[str, Panel] = {}
        self.availability = ""
        self.colleagues: dict[str, Frame] = {}
        self._cookies = cookies

    async def arrive(self, gateway: Gateway) -> None:
        """Connect to a relay, signed in."""
        await self.join(gateway, {"Cookie": self._cookies})

    def gone(self) -> None:
        """Have nothing open until it is asked for again."""
        self.hall.goes(self.operator)
        for panel in self.panels.values():
            panel.is_open, panel.entering, panel.is_given_away = False, None, False

    async def greet(self) -> None:
        """Wait for the relay to know the operator: it does from the handshake."""
        assert self.socket is not None
        async with asyncio.timeout(20):
            desk = json.loads(await self.socket.recv())
        assert desk["type"] == "desk", desk
        self.operator = desk["operator"]
        self.hall.comes(self.operator)
        for conversation, panel in self.panels.items():
            if panel.state.get("mine"):
                await self._enter("open", conversation, panel.seen)

    async def take(self, conversation: str) -> None:
        """Take a conversation that is not on this screen."""
        panel = self.panels.setdefault(conversation, Panel())
        if not panel.is_open and panel.entering is None:
            await self._enter("take", conversation, -1)

    async def _enter(self, kind: str, conversation: str, after: int) -> None:
        panel = self.panels[conversation]
        panel.entering, panel.asked_at = after, self.hall.asks(conversation, self.operator)
        await self.send(kind, conversation=conversation, **({"after": after} if kind == "open" else {}))

    def may_act(self, conversation: str) -> bool:
        """Whether the page has the conversation, or has just asked for it."""
        panel = self.panels.get(conversation)
        return self.is_up and panel is not None and (panel.is_mine or panel.entering is not None)

    async def say(self, conversation: str, who: str = "operator") -> None:
        """Say something to the visitor, or to colleagues."""
        message = self.write(conversation, who)
        if self.panels[conversation].is_mine:
            await self._post(message)

    async def _post(self, message: str) -> None:
        letter = self.posted(message)
        kind = "say" if letter.who == "operator" else "note"
        await self.send(kind, conversation=letter.conversation, message=message, text=letter.text)

    def _gives_away(self, conversation: str) -> None:
        if not self.panels[conversation].is_given_away:
            self.panels[conversation].is_given_away = True
            self.hall.undecided[conversation, self.operator] += 1
        self.hall.gives_away(conversation, self.operator)

    async def release(self, conversation: str) -> None:
        """Give the conversation back."""
        self._gives_away(conversation)
        await self.send("release", conversation=conversation)

    async def hand_over(self, conversation: str, to: str, *, with_note: bool) -> None:
        """Give the conversation to a colleague."""
        self.hall.asks(conversation, to)
        self._gives_away(conversation)
        note = {}
        if with_note:
            message = str(uuid4())
            letter = self.hall.write(message, conversation, "note", self.name)
            letter.attempts = 2  # whether it is stored depends on what becomes of the rest of the frame
            note = {"message": message, "note": letter.text}
        await self.send("handOver", conversation=conversation, operator=to, **note)

    async def end(self, conversation: str) -> None:
        """End the conversation, with a summary."""
        self.hall.gives_away(conversation)
        message = str(uuid4())
        letter = self.hall.write(message, conversation, "note", self.name)
        letter.attempts = 2
        await self.send("end", conversation=conversation, kind="vraag", message=message, summary=letter.text)

    async def attend(self, availability: str) -> None:
        """Say how present the operator is."""
        await self.send("attend", availability=availability)

    async def heard(self, frame: Frame) -> None:
        """Take a frame in."""
        match frame["type"]:
            case "queue":
                await self._listed(frame["conversations"])
            case "colleagues":
                self.availability = frame["availability"]
                self.colleagues = {colleague["operator"]: colleague for colleague in frame["present"]}
            case "turn" | "sent":
                self._told(frame)
            case "state":
                await self._became(frame)
            case "failed" | "error":
                self._failed(frame)
            case "presence" | "typing" | "suggestion":
                if frame["conversation"] not in self.panels:
                    self.hall.blame(self.name, "this page never asked for this conversation", frame)
            case _:
                self.hall.blame(self.name, "an operator is not told this now", frame)

    async def _listed(self, entries: Iterable[Frame]) -> None:
        for entry in entries:
            panel = self.panels.get(entry["conversation"], Panel())
            is_of_this_test = entry["conversation"] in self.hall.letters
            if (
                is_of_this_test
                and entry["mine"]
                and entry["status"] == "assigned"
                and not panel.is_open
                and panel.entering is None
            ):
                self.panels.setdefault(entry["conversation"], panel)
                await self._enter("open", entry["conversation"], panel.seen)

    def _failed(self, frame: Frame) -> None:
        if frame.get("message") is None and frame.get("reason") in {"taken", "gone"} and frame["conversation"] in self.panels:
            self.panels[frame["conversation"]].entering = None
        self.unsaid(frame)

    async def _became(self, frame: Frame) -> None:
        conversation = frame["conversation"]
        panel = self.panels.get(conversation)
        if panel is None or not (panel.is_open or panel.entering is not None):
            self.hall.blame(self.name, "this page did not ask for this conversation", frame)
            return
        was_entering, panel.entering, panel.state = panel.entering is not None, None, frame
        panel.is_open = bool(frame["mine"])
        if panel.is_given_away and not panel.is_open:
            panel.is_given_away = False
            self.hall.gave_away(conversation, self.operator)
        if panel.is_mine:
            self.hall.holds(self.name, conversation, self.operator, panel.asked_at)
            if was_entering:
                for message in [waiting for waiting in self.outbox if self.hall.letters[waiting].conversation == conversation]:
                    await self._post(message)

    def _told(self, frame: Frame) -> None:
        letter = self.letter_of(frame)
        panel = self.panels.get(frame["conversation"])
        if letter is None:
            return
        if panel and not panel.is_open and frame["type"] == "sent":
            return  # it was on its way to the store when the conversation went to somebody else
        if panel is None or not (panel.is_open or panel.entering is not None):
            self.hall.blame(self.name, "a turn of a conversation that this page has not open", frame)
            return
        self._belongs_to_others(letter, frame)
        row, sequence = (letter.who, letter.text), frame["sequence"]
        if panel.entering == -1 and sequence == 0:
            panel.seen = -1
        if sequence == panel.seen + 1:
            panel.seen = sequence
        elif frame["type"] == "turn" or sequence > panel.seen:
            self.hall.blame(self.name, f"not the next turn after {panel.seen}", frame)
        if panel.rows.setdefault(sequence, row) != row:
            self.hall.blame(self.name, f"this turn was {panel.rows[sequence]} before", frame)

    def _belongs_to_others(self, letter: Letter, frame: Frame) -> None:
        """A turn that was said while somebody else surely had the conversation, to whom did not ask for it since.

        What this page said itself it may: it had asked, and was given the conversation before that was stored.
        """
        if letter.page == self.name:
            return
        asked = self.hall.asked.get((letter.conversation, self.operator), -1)
        if letter.holder not in {None, self.operator} and asked < letter.moment:
            self.hall.blame(self.name, "this was said while a colleague had the conversation", frame)
