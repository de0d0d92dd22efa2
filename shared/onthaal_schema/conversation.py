"""A chat conversation: the queue, who serves it, and its turns. Its id is the id of its contact."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from onthaal_schema.message import Message
from onthaal_schema.wire import Resource, Submitted


class ConversationStatus(StrEnum):
    """`waiting` for an operator, `assigned` to one, or `ended`."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    ENDED = "ended"


class Because(StrEnum):
    """What brought a conversation where it is.

    Waiting: `started`, `givenBack` by its operator, or the operator `vanished`. Assigned: `taken` from the queue, or
    `handedOver` by a colleague. Ended: `ended` by visitor or operator, the visitor `left` before anybody took it, or it
    still waited when the hours were over (`closed`).
    """

    STARTED = "started"
    GIVEN_BACK = "givenBack"
    VANISHED = "vanished"
    TAKEN = "taken"
    HANDED_OVER = "handedOver"
    ENDED = "ended"
    LEFT = "left"
    CLOSED = "closed"


class Conversation(Resource):
    """The state of a conversation. `operator` is the id of whoever took it, `operator_name` what the visitor sees.

    `waiting_since` is when it last came into the queue. `waited_seconds` is how long the visitor waited for the first
    operator, or, when nobody ever took it (`abandoned`), until the end.
    """

    id: UUID
    reference: str
    status: ConversationStatus
    because: Because = Because.STARTED
    operator: UUID | None = None
    operator_name: str | None = None
    started_at: AwareDatetime
    waiting_since: AwareDatetime | None = None
    assigned_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    waited_seconds: int | None = None
    abandoned: bool = False
    last_sequence: int = 0
    language: str | None = None


class ConversationList(Resource):
    """The conversations that have not ended, longest waiting first."""

    items: tuple[Conversation, ...]


class HandOver(Submitted):
    """To which operator a conversation goes."""

    operator: UUID


class Attendance(Submitted):
    """Who is connected to a relay now: operators, and the visitors of these conversations, which wait."""

    operators: Annotated[tuple[UUID, ...], Field(max_length=1_000)] = ()
    visitors: Annotated[tuple[UUID, ...], Field(max_length=10_000)] = ()


class Colleague(Resource):
    """An operator, by the name that visitors see."""

    id: UUID
    name: str


class ColleagueList(Resource):
    """The operators who may serve conversations, by name."""

    items: tuple[Colleague, ...]


class Transcript(Resource):
    """A conversation with its turns after a sequence number, oldest first; turn 0 is the text the contact was registered with."""

    conversation: Conversation
    turns: tuple[Message, ...]


class Waits(Resource):
    """The conversations that began in a month (`2026-03`), once somebody took them or they ended.

    `abandoned` are those that nobody ever took: they are contacts like any other. The seconds are those until the first
    operator came, or until the visitor gave up; half of the visitors waited no longer than the median, nine of ten no
    longer than the 90th percentile.
    """

    month: str
    conversations: int
    abandoned: int
    median_seconds: int
    percentile90_seconds: int
