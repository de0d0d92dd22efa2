"""The protocol `onthaal.chat.v1`: every frame between the relay and a visitor or an operator.

One WebSocket text message is one frame: a JSON object whose `type` names it. Properties are lowerCamelCase; an unknown
one is refused. A frame is at most `MAX_FRAME` bytes, what somebody says at most `MAX_TEXT` characters, and each type
comes at most as often as `RATES` says. A frame that cannot be read is answered with `error` and never repeated back.

A visitor's first frame is `hello` (answered with `welcome`, which holds an unused conversation id and its token) or
`resume` (answered with the state and exactly the turns after `after`). `start` registers the contact with the first
message; `say` appends a turn. Each is answered with `sent` after the store has it, or with `failed`; the same frame may
then be sent again, on any connection, and is stored once. The token travels in frames only, never in an address.

An operator is known from the handshake. `take` and `open` are answered like `resume`. Turns carry the store's sequence
number; the visitor's first message is turn 0. Nobody is told a turn that the store does not hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter

from onthaal_schema.contact import Kind
from onthaal_schema.conversation import ConversationStatus
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


class Say(Frame):
    """A further message of the visitor. `message` is made by the sender and is the same in every retry."""

    type: Literal["say"] = "say"
    message: UUID
    text: Said

    @property
    def asks_for(self) -> UUID:
        """The message."""
        return self.message


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


class Reply(Frame):
    """The operator says something."""

    type: Literal["say"] = "say"
    conversation: UUID
    message: UUID
    text: Said

    @property
    def asks_for(self) -> UUID:
        """The message."""
        return self.message


class Writing(Frame):
    """The operator is writing."""

    type: Literal["typing"] = "typing"
    conversation: UUID


class Release(Frame):
    """The operator gives the conversation back to the queue."""

    type: Literal["release"] = "release"
    conversation: UUID


class Finish(Frame):
    """The operator ends the conversation and, when `kind` is given, says what it was."""

    type: Literal["end"] = "end"
    conversation: UUID
    kind: Kind | None = None


OperatorFrame = Annotated[Ping | Take | Open | Reply | Writing | Release | Finish, Field(discriminator="type")]
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
    """The chat is open. `conversation` and `token` are for the `start` that may follow; `staffed`: an operator is there."""

    type: Literal["welcome"] = "welcome"
    conversation: UUID
    token: Token
    staffed: bool


class Closed(Frame):
    """No conversation can be started now. `nextOpening` is absent when nothing opens within a year."""

    type: Literal["closed"] = "closed"
    reason: ClosedReason | None = None
    holiday: str | None = None
    next_opening: AwareDatetime | None = None


class Desk(Frame):
    """The operator is known; `now` lets the page count waiting times without trusting its own clock."""

    type: Literal["desk"] = "desk"
    operator: UUID
    name: str
    now: AwareDatetime


class Entry(Submitted):
    """A conversation in the list."""

    conversation: UUID
    reference: str
    status: ConversationStatus
    mine: bool
    operator: str | None = None
    language: str | None = None
    started_at: AwareDatetime


class Queue(Frame):
    """Every conversation that has not ended, longest waiting first. Replaces the list sent before."""

    type: Literal["queue"] = "queue"
    conversations: tuple[Entry, ...]


class State(Frame):
    """What became of a conversation; `operator` is the name of whoever took it."""

    type: Literal["state"] = "state"
    conversation: UUID
    status: ConversationStatus
    operator: str | None = None


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


ServerFrame = Pong | Welcome | Closed | Desk | Queue | State | Turn | Sent | Failed | Typed | Presence | Expired | Error
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
    "end": Rate(5, 0.5),
}
"""Limits per type of frame and connection."""


def to_text(frame: ServerFrame) -> str:
    """Write a frame as it goes over the wire: set values only."""
    return frame.model_dump_json(exclude_none=True)
