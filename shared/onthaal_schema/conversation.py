"""A chat conversation: the queue, who serves it, and its turns. Its id is the id of its contact."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from onthaal_schema.message import Message
from onthaal_schema.wire import Resource


class ConversationStatus(StrEnum):
    """`waiting` for an operator, `assigned` to one, or `ended`."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    ENDED = "ended"


class Conversation(Resource):
    """The state of a conversation. `operator` is the id of whoever took it, `operator_name` what the visitor sees."""

    id: UUID
    reference: str
    status: ConversationStatus
    operator: UUID | None = None
    operator_name: str | None = None
    started_at: AwareDatetime
    assigned_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    last_sequence: int = 0
    language: str | None = None


class ConversationList(Resource):
    """The conversations that have not ended, longest waiting first."""

    items: tuple[Conversation, ...]


class Transcript(Resource):
    """A conversation with its turns after a sequence number, oldest first; turn 0 is the text the contact was registered with."""

    conversation: Conversation
    turns: tuple[Message, ...]
