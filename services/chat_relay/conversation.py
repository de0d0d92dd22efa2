"""What one side has been told of a conversation: every turn once and in order. Pure: no socket, no store, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from onthaal_schema.conversation import Conversation, ConversationStatus
from onthaal_schema.message import Direction, Message
from services.chat_relay.frames import Sent, ServerFrame, State, Turn, Who


class Party(StrEnum):
    """The two sides of a conversation."""

    VISITOR = "visitor"
    OPERATOR = "operator"


class Stage(StrEnum):
    """How far a visitor's connection is: nothing said yet, allowed to start, in a conversation, or after its end."""

    ARRIVED = "arrived"
    READY = "ready"
    TALKING = "talking"
    OVER = "over"


ALLOWED: dict[Stage, frozenset[str]] = {
    Stage.ARRIVED: frozenset({"hello", "resume"}),
    Stage.READY: frozenset({"ping", "hello", "start"}),
    Stage.TALKING: frozenset({"ping", "say", "typing", "end"}),
    Stage.OVER: frozenset({"ping", "hello", "say", "end"}),
}
"""Which frames make sense at which stage. What is said after the end is answered with why it cannot be stored."""

WHO = {Direction.INBOUND: Who.VISITOR, Direction.OUTBOUND: Who.OPERATOR, Direction.NOTE: Who.NOTE}

Told = tuple["Side", tuple[ServerFrame, ...]]
"""A side after it was told something, and the frames that tell it."""


@dataclass(frozen=True)
class Side:
    """One side's view. `seen` is the last turn it was told; `awaiting` are its own messages without an answer.

    `operator` is whose side it is, when it is an operator's.
    """

    conversation: UUID
    party: Party
    seen: int = -1
    awaiting: frozenset[UUID] = frozenset()
    state: State | None = None
    operator: UUID | None = None

    @property
    def ended(self) -> bool:
        """Whether this side was told that the conversation is over."""
        return self.state is not None and self.state.status is ConversationStatus.ENDED

    @property
    def waits(self) -> bool:
        """Whether this side was told that the conversation waits for an operator."""
        return self.state is not None and self.state.status is ConversationStatus.WAITING

    @property
    def follows(self) -> bool:
        """Whether this side was not told that the conversation is somebody else's."""
        return self.party is Party.VISITOR or self.state is None or bool(self.state.mine)

    def may_follow(self, conversation: Conversation) -> bool:
        """Whether the turns are still for this side: an operator's are for whoever has the conversation."""
        return self.party is Party.VISITOR or conversation.operator == self.operator

    def sends(self, message: UUID) -> "Side":
        """Note that a message of this side is on its way to the store."""
        return replace(self, awaiting=self.awaiting | {message})

    def gives_up(self, message: UUID) -> "Side":
        """Note that the store did not take a message."""
        return replace(self, awaiting=self.awaiting - {message})

    def covers(self, turns: Sequence[Message]) -> bool:
        """Whether these turns follow what was seen without a gap."""
        return bool(turns) and turns[0].sequence <= self.seen + 1

    def told(self, turns: Sequence[Message]) -> Told:
        """Tell stored turns, oldest first: those already seen are left out, and nothing is told beyond a gap.

        Nor is anything once the conversation was somebody else's: a page that has it again asks for it again.
        """
        side, frames = self, list[ServerFrame]()
        for turn in turns if self.follows else ():
            if turn.sequence == side.seen + 1:
                side, new = side._next(turn)
                frames += new
        return side, tuple(frames)

    def settled(self, stored: Message) -> Told:
        """Answer an own message that was stored: a repeated one, or one of whoever no longer has the conversation."""
        if stored.id not in self.awaiting or (stored.sequence > self.seen and self.follows):
            return self, ()
        return self.gives_up(stored.id), (self._sent(stored.id, stored),)

    def learned(self, conversation: Conversation) -> Told:
        """Tell what became of the conversation, when that is new; nothing more once it was somebody else's."""
        state = State(
            conversation=conversation.id,
            status=conversation.status,
            because=conversation.because,
            operator=conversation.operator_name,
            mine=None if self.party is Party.VISITOR else self.may_follow(conversation),
        )
        return (self, ()) if state == self.state or not self.follows else (replace(self, state=state), (state,))

    def _next(self, turn: Message) -> Told:
        side = replace(self, seen=turn.sequence)
        message = self.conversation if turn.sequence == 0 else turn.id
        if message in self.awaiting:
            return side.gives_up(message), (self._sent(message, turn),)
        who = WHO[turn.direction]
        if who is Who.NOTE and self.party is Party.VISITOR:
            return side, ()
        return side, (self._turn(message, who, turn),)

    def _sent(self, message: UUID, turn: Message) -> Sent:
        return Sent(conversation=self.conversation, message=message, sequence=turn.sequence, at=turn.sent_at)

    def _turn(self, message: UUID, who: Who, turn: Message) -> Turn:
        return Turn(
            conversation=self.conversation,
            message=message,
            sequence=turn.sequence,
            who=who,
            text=turn.text,
            at=turn.sent_at,
        )
