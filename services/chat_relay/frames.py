"""The protocol `onthaal.chat.v1`: every frame between the relay and a visitor or an operator.

One WebSocket text message is one frame: a JSON object whose `type` names it. Properties are lowerCamelCase; an unknown
one is refused. A frame is at most `MAX_FRAME` bytes, what somebody says at most `MAX_TEXT` characters, and each type
comes at most as often as `RATES` says. A frame that cannot be read is answered with `error`, which
names the message that it was to store when that can be told, and repeats nothing else.

A visitor's first frame is `hello` (answered with `welcome`, which holds an unused conversation id and its token) or
`resume` (answered with the state and exactly the turns after `after`). `start` registers the contact with the first
message; `say` appends a turn. Each is answered with `sent` after the store has it, or with `failed`; the same frame may
then be sent again, on any connection, and is stored once. From one network only so many conversations are started in a while:
one more is answered with `failed`, `tooFast`. The token travels in frames only, never in an address.

While a visitor waits, `waiting` says the place in the queue, how many operators are free and whether any is present, each
time that one of these changes; `staffed` says the latter to whoever has not started yet. With nobody present the chat is
closed for practical purposes: the page says so and offers the form, and a message that is sent anyway is kept. `closing`
tells, some minutes ahead, at what moment the door closes for whoever waits or has not started. At that moment `closed`
ends a conversation that nobody ever took (`conversation` is given, its words are kept as a contact); one that was taken
goes on. `state` says in `because` what became of the conversation: that a colleague took over, or that the operator
vanished and it stands in the queue again.

An operator is known from the handshake. `attend` says whether they are available, busy or away; it holds for all their
pages, and for a new connection until it says otherwise they are available. `colleagues` lists who is present. `take` and
`open` are answered like `resume`; any number of conversations may be open at once. `handOver` gives one to a colleague who
is present: the note is stored first, then the conversation changes hands in one step. `suggest` asks what the tagger makes
of it. `end` stores kind, sector and, as a note, summary and referral before the conversation ends; `message` names that
note, so that the same `end` again stores it once. A conversation that went to somebody else is told by its `state`, after
which its frames are answered `notNow`. An operator without a connection to any relay for some seconds loses their
conversations to the queue.

Turns carry the store's sequence number; the visitor's first message is turn 0. Nobody is told a turn that the store does
not hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from onthaal_schema.contact import Kind, KindSource, Sector
from onthaal_schema.conversation import Because, ConversationStatus
from onthaal_schema.opening_hours import ClosedReason
from onthaal_schema.wire import Submitted, without_nul

PROTOCOL: Final = "onthaal.chat.v1"
MAX_FRAME: Final = 32_768
MAX_TEXT: Final = 4_000


def not_blank(text: str) -> str:
    """Return the text, or refuse it when there is nothing to read."""
    if not text.strip():
        message = "must not be blank"
        raise ValueError(message)
    return text


Said = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(without_nul), AfterValidator(not_blank)]
"""What somebody says in one turn."""

Label = Annotated[str, StringConstraints(max_length=200), AfterValidator(without_nul), AfterValidator(not_blank)]
"""One line: what somebody was referred to."""

Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""The secret of one conversation: 256 bits, base64url."""

Sequence = Annotated[int, Field(ge=-1, le=2**31)]
"""The last turn that the sender of the frame has; -1 when it has none."""


class Frame(Submitted):
    """What every frame is: `type` names it."""

    type: str

    @property
    def asks_for(self) -> UUID | None:
        """The message that the frame wants stored, by the id its sender knows it by."""
        return None


class Ping(Frame):
    """Asks for a `pong`: a page cannot see the pings of WebSocket itself."""

    type: Literal["ping"] = "ping"


class Hello(Frame):
    """A visitor without a conversation opens the chat."""

    type: Literal["hello"] = "hello"


class Resume(Frame):
    """A visitor comes back and has every turn up to and including `after`."""

    type: Literal["resume"] = "resume"
    conversation: UUID
    token: Token
    after: Sequence


class Start(Frame):
    """The visitor's first message. Answered with `sent` (its `message` is the conversation's id), `closed` or `failed`."""

    type: Literal["start"] = "start"
    conversation: UUID
    token: Token
    text: Said
    language: Literal["nl", "fr", "en", "de"]
    anonymous: bool = True

    @property
    def asks_for(self) -> UUID:
        """The first message goes by the conversation's id."""
        return self.conversation


class Utterance(Submitted):
    """What frames that say something have in common."""

    message: UUID
    text: Said

    @property
    def asks_for(self) -> UUID:
        """The message."""
        return self.message


class Say(Utterance, Frame):
    """A further message of the visitor. `message` is made by the sender and is the same in every retry."""

    type: Literal["say"] = "say"


class Typing(Frame):
    """The visitor is writing. Sent at most once every few seconds."""

    type: Literal["typing"] = "typing"


class End(Frame):
    """The visitor ends the conversation."""

    type: Literal["end"] = "end"


VisitorFrame = Annotated[Ping | Hello | Resume | Start | Say | Typing | End, Field(discriminator="type")]
"""What a visitor may send."""


class Take(Frame):
    """The operator takes a waiting conversation. One of all who try gets it; the others get `failed`."""

    type: Literal["take"] = "take"
    conversation: UUID


class Open(Frame):
    """The operator comes back to a conversation of their own and has every turn up to and including `after`."""

    type: Literal["open"] = "open"
    conversation: UUID
    after: Sequence


class Reply(Utterance, Frame):
    """The operator says something."""

    type: Literal["say"] = "say"
    conversation: UUID


class Writing(Frame):
    """The operator is writing."""

    type: Literal["typing"] = "typing"
    conversation: UUID


class Release(Frame):
    """The operator gives the conversation back to the queue."""

    type: Literal["release"] = "release"
    conversation: UUID


class Availability(StrEnum):
    """Whether an operator takes conversations now. Who is `away` is not present for visitors."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"


class Attend(Frame):
    """The operator says how present they are, on all their pages. Answered with `colleagues`."""

    type: Literal["attend"] = "attend"
    availability: Availability


class HandOver(Frame):
    """The operator gives the conversation to a colleague who is present; `message` is the id of the note, when there is one."""

    type: Literal["handOver"] = "handOver"
    conversation: UUID
    operator: UUID
    message: UUID | None = None
    note: Said | None = None

    @model_validator(mode="after")
    def _names_its_note(self) -> Self:
        return named(self, self.message, self.note)


class Note(Utterance, Frame):
    """The operator writes something down for colleagues; the visitor never gets it. Answered like `say`."""

    type: Literal["note"] = "note"
    conversation: UUID


class Suggest(Frame):
    """The operator asks what the tagger makes of the conversation. Answered with `suggestion`."""

    type: Literal["suggest"] = "suggest"
    conversation: UUID


class Finish(Frame):
    """The operator ends the conversation and says what it was, as far as given; summary and referral are kept as a note."""

    type: Literal["end"] = "end"
    conversation: UUID
    kind: Kind | None = None
    sector: Sector | None = None
    message: UUID | None = None
    summary: Said | None = None
    referral: Annotated[tuple[Label, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _names_its_note(self) -> Self:
        return named(self, self.message, self.summary or self.referral)


Framed = TypeVar("Framed", bound=Frame)


def named(frame: Framed, message: UUID | None, note: object) -> Framed:
    """Return the frame, or refuse a note without the id it is stored under."""
    if note and message is None:
        reason = "message is needed with a note"
        raise ValueError(reason)
    return frame


OperatorFrame = Annotated[
    Ping | Attend | Take | Open | Reply | Writing | Note | Release | HandOver | Suggest | Finish, Field(discriminator="type")
]
"""What an operator may send."""


class Who(StrEnum):
    """Who said a turn; a `note` is for operators only."""

    VISITOR = "visitor"
    OPERATOR = "operator"
    NOTE = "note"


class Reason(StrEnum):
    """Why something was not done."""

    UNAVAILABLE = "unavailable"
    TOO_FAST = "tooFast"
    ENDED = "ended"
    TAKEN = "taken"
    GONE = "gone"
    ABSENT = "absent"
    REFUSED = "refused"


class Fault(StrEnum):
    """What is wrong with a frame, or with sending it now."""

    BAD_FRAME = "badFrame"
    TOO_LARGE = "tooLarge"
    TOO_FAST = "tooFast"
    NOT_NOW = "notNow"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


class Pong(Frame):
    """The answer to `ping`."""

    type: Literal["pong"] = "pong"


class Welcome(Frame):
    """The chat is open. `conversation` and `token` are for the `start` that may follow.

    `staffed`: an operator is present; when not, the chat is closed for practical purposes and the form is the way.
    `closing`: the moment at which the chat closes, when that is soon.
    """

    type: Literal["welcome"] = "welcome"
    conversation: UUID
    token: Token
    staffed: bool
    closing: AwareDatetime | None = None


class Staffed(Frame):
    """Whether an operator is present changed, for a visitor who has not started yet."""

    type: Literal["staffed"] = "staffed"
    staffed: bool


class Waiting(Frame):
    """How a visitor waits. Replaces what was said before; over when the conversation's `state` is no longer `waiting`.

    `position` counts from 1. `available` operators are free to take somebody; when none is and `staffed`, all who are
    present are busy; when not `staffed`, nobody is present. `since` is when this wait began; `now` is the relay's clock.
    No minutes are promised: nobody can know them.
    """

    type: Literal["waiting"] = "waiting"
    conversation: UUID
    position: int
    available: int
    staffed: bool
    since: AwareDatetime
    now: AwareDatetime


class Closing(Frame):
    """The chat closes at this moment, for whoever waits then or has not started. Offer the form, with what was typed."""

    type: Literal["closing"] = "closing"
    at: AwareDatetime


class Closed(Frame):
    """No conversation can be started now. `nextOpening` is absent when nothing opens within a year.

    With `conversation` the visitor waited until closing: the conversation is over, what was sent is kept as a contact.
    """

    type: Literal["closed"] = "closed"
    conversation: UUID | None = None
    reason: ClosedReason | None = None
    holiday: str | None = None
    next_opening: AwareDatetime | None = None


class Desk(Frame):
    """The operator is known; `now` lets the page count waiting times without trusting its own clock."""

    type: Literal["desk"] = "desk"
    operator: UUID
    name: str
    now: AwareDatetime


class Colleague(Submitted):
    """An operator who is present, with how many conversations they have."""

    operator: UUID
    name: str
    availability: Availability
    conversations: int


class Colleagues(Frame):
    """Who is present, the receiver left out, and how present the receiver is. Replaces the list sent before."""

    type: Literal["colleagues"] = "colleagues"
    availability: Availability
    present: tuple[Colleague, ...]


class Entry(Submitted):
    """A conversation in the list. `here`: its visitor is connected. `because` tells one that came back from a new one."""

    conversation: UUID
    reference: str
    status: ConversationStatus
    mine: bool
    operator: str | None = None
    language: str | None = None
    started_at: AwareDatetime
    waiting_since: AwareDatetime
    because: Because
    here: bool
    last_sequence: int


class Queue(Frame):
    """Every conversation that has not ended, longest waiting first. Replaces the list sent before."""

    type: Literal["queue"] = "queue"
    conversations: tuple[Entry, ...]


class State(Frame):
    """What became of a conversation and why; `operator` is the name of whoever has it. To operators `mine` says whether it is theirs."""

    type: Literal["state"] = "state"
    conversation: UUID
    status: ConversationStatus
    because: Because
    operator: str | None = None
    mine: bool | None = None


class Suggestion(Frame):
    """What the conversation is taken for now, by whom, and where it seems to have happened."""

    type: Literal["suggestion"] = "suggestion"
    conversation: UUID
    kind: Kind
    kind_source: KindSource
    unsure: bool
    sector: Sector | None = None


class Turn(Frame):
    """A stored turn, in order and once."""

    type: Literal["turn"] = "turn"
    conversation: UUID
    message: UUID
    sequence: int
    who: Who
    text: str
    at: AwareDatetime


class Sent(Frame):
    """The store has the receiver's own message."""

    type: Literal["sent"] = "sent"
    conversation: UUID
    message: UUID
    sequence: int
    at: AwareDatetime


class Failed(Frame):
    """Something was not done. `retry`: sending the very same frame again may help."""

    type: Literal["failed"] = "failed"
    conversation: UUID
    reason: Reason
    retry: bool
    message: UUID | None = None


class Typed(Frame):
    """The other side is writing."""

    type: Literal["typing"] = "typing"
    conversation: UUID


class Presence(Frame):
    """Whether the visitor is connected."""

    type: Literal["presence"] = "presence"
    conversation: UUID
    here: bool


class Expired(Frame):
    """The operator's token is too old: renew it by an HTTP request and connect again."""

    type: Literal["expired"] = "expired"


class Error(Frame):
    """A frame was not acted on. `message`: the one that was not stored because of it, and may be sent again."""

    type: Literal["error"] = "error"
    code: Fault
    message: UUID | None = None


ToVisitor = Pong | Welcome | Staffed | Waiting | Closing | Closed | State | Turn | Sent | Failed | Typed | Error
"""What the relay sends a visitor."""

ToOperator = Pong | Desk | Queue | Colleagues | State | Turn | Sent | Failed | Typed | Presence | Suggestion | Expired | Error
"""What the relay sends an operator."""

ServerFrame = ToVisitor | ToOperator
"""What the relay sends."""

_READING: Final = ConfigDict(hide_input_in_errors=True)
VISITOR_FRAMES: Final[TypeAdapter[VisitorFrame]] = TypeAdapter(VisitorFrame, config=_READING)
OPERATOR_FRAMES: Final[TypeAdapter[OperatorFrame]] = TypeAdapter(OperatorFrame, config=_READING)


@dataclass(frozen=True)
class Rate:
    """How often a frame may come: `burst` at once, refilled at `per_second`."""

    burst: int
    per_second: float


RATES: Final[Mapping[str, Rate]] = {
    "ping": Rate(5, 0.2),
    "hello": Rate(3, 0.1),
    "resume": Rate(3, 0.1),
    "start": Rate(3, 0.2),
    "say": Rate(10, 1),
    "typing": Rate(3, 0.5),
    "take": Rate(10, 1),
    "open": Rate(50, 5),
    "release": Rate(10, 1),
    "attend": Rate(5, 0.5),
    "handOver": Rate(10, 1),
    "note": Rate(10, 1),
    "suggest": Rate(10, 1),
    "end": Rate(5, 0.5),
}
"""Limits per type of frame and connection."""


def to_text(frame: ServerFrame) -> str:
    """Write a frame as it goes over the wire: set values only."""
    return frame.model_dump_json(exclude_none=True)
