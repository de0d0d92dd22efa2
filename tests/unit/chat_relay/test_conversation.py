"""What each side is told: every turn once, in order, whatever happens on the way."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from onthaal_schema.conversation import Because, Conversation, ConversationStatus
from onthaal_schema.message import Direction, Message
from services.chat_relay.conversation import Party, Side
from services.chat_relay.frames import Sent, ServerFrame, State, Turn, Who

CHAT = UUID("7f0e2a10-5d4b-4a3e-9a94-0c6a0f6f5a01")
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def turn(sequence: int, direction: Direction = Direction.INBOUND, message: UUID | None = None) -> Message:
    return Message(
        id=message or (CHAT if sequence == 0 else uuid4()),
        contact_id=CHAT,
        sequence=sequence,
        direction=direction,
        text=f"turn {sequence}",
        sent_at=NOW,
        registered_at=NOW,
    )


def conversation(status: ConversationStatus, operator: str | None = None) -> Conversation:
    return Conversation(id=CHAT, reference="ABC", status=status, operator_name=operator, started_at=NOW)


def test_what_was_on_its_way_when_the_conversation_went_to_a_colleague_is_answered_and_nothing_else_is_told() -> None:
    elsewhere = State(conversation=CHAT, status=ConversationStatus.ASSIGNED, because=Because.HANDED_OVER, mine=False)
    own = turn(3, Direction.OUTBOUND)
    side = Side(CHAT, Party.OPERATOR, seen=1, state=elsewhere, operator=uuid4()).sends(own.id)
    assert not side.follows
    side, frames = side.settled(own)
    assert [(type(frame), frame.sequence) for frame in frames if isinstance(frame, Sent | Turn)] == [(Sent, 3)]
    assert (side.seen, side.awaiting) == (1, frozenset())


def test_nothing_is_told_of_a_conversation_that_went_to_a_colleague_though_it_comes_back_meanwhile() -> None:
    mine = uuid4()
    side = Side(CHAT, Party.OPERATOR, seen=0, operator=mine)
    side, _ = side.learned(conversation(ConversationStatus.WAITING))
    again = conversation(ConversationStatus.ASSIGNED).model_copy(update={"operator": mine})
    assert side.may_follow(again)
    for later in (conversation(ConversationStatus.ASSIGNED, "An"), again):
        assert side.learned(later) == (side, ())
    assert side.told([turn(1)]) == (side, ())


def test_a_visitor_who_comes_back_gets_exactly_what_they_missed() -> None:
    stored = [turn(0), turn(1, Direction.OUTBOUND), turn(2), turn(3, Direction.OUTBOUND)]
    side, frames = Side(CHAT, Party.VISITOR, seen=1).told(stored)
    assert [frame.sequence for frame in frames if isinstance(frame, Turn)] == [2, 3]
    assert side.told(stored) == (side, ())


def test_nothing_is_told_beyond_a_gap() -> None:
    side, frames = Side(CHAT, Party.VISITOR, seen=1).told([turn(4)])
    assert frames == ()
    assert side.seen == 1


def test_an_own_message_is_answered_as_sent_and_not_shown_twice() -> None:
    mine = turn(1)
    side = Side(CHAT, Party.VISITOR, seen=0).sends(mine.id)
    side, frames = side.told([mine])
    assert frames == (Sent(conversation=CHAT, message=mine.id, sequence=1, at=NOW),)
    assert side.settled(mine) == (side, ())


def test_a_message_that_was_sent_again_after_it_was_seen_is_answered_as_sent() -> None:
    mine = turn(1)
    side, frames = Side(CHAT, Party.VISITOR, seen=3).sends(mine.id).settled(mine)
    assert [type(frame) for frame in frames] == [Sent]
    assert not side.awaiting


def test_the_first_message_goes_by_the_id_of_the_conversation() -> None:
    _, frames = Side(CHAT, Party.VISITOR).sends(CHAT).told([turn(0, message=uuid4())])
    assert frames == (Sent(conversation=CHAT, message=CHAT, sequence=0, at=NOW),)


def test_a_note_is_never_told_to_the_visitor_and_leaves_no_gap() -> None:
    stored = [turn(1, Direction.NOTE), turn(2, Direction.OUTBOUND)]
    _, frames = Side(CHAT, Party.VISITOR, seen=0).told(stored)
    assert [frame.sequence for frame in frames if isinstance(frame, Turn)] == [2]
    _, frames = Side(CHAT, Party.OPERATOR, seen=0).told(stored)
    assert [frame.who for frame in frames if isinstance(frame, Turn)] == [Who.NOTE, Who.OPERATOR]


def test_what_became_of_a_conversation_is_told_when_it_is_new() -> None:
    side, frames = Side(CHAT, Party.VISITOR).learned(conversation(ConversationStatus.ASSIGNED, "Noor"))
    because = Because.STARTED
    assert frames == (State(conversation=CHAT, status=ConversationStatus.ASSIGNED, because=because, operator="Noor"),)
    assert side.learned(conversation(ConversationStatus.ASSIGNED, "Noor")) == (side, ())
    assert not side.ended
    assert side.learned(conversation(ConversationStatus.ENDED, "Noor"))[0].ended


@dataclass
class Page:
    """A side's screen: what it shows, and its own messages that are not answered yet."""

    party: Party
    side: Side
    shown: list[tuple[int, UUID]] = field(default_factory=list)
    unanswered: dict[UUID, Message | None] = field(default_factory=dict)

    def show(self, frames: tuple[ServerFrame, ...]) -> None:
        for frame in frames:
            match frame:
                case Turn() | Sent():
                    self.unanswered.pop(frame.message, None)
                    self.shown.append((frame.sequence, frame.message))
                case _:
                    raise AssertionError(frame)

    @property
    def last(self) -> int:
        return max((sequence for sequence, _ in self.shown), default=-1)


class TwoSides(RuleBasedStateMachine):
    """Both sides write, hints are lost or doubled, answers are lost, connections break: both end with what is stored."""

    parties = st.sampled_from(list(Party))

    @initialize()
    def begin(self) -> None:
        self.stored: list[Message] = [turn(0)]
        self.pages = {party: Page(party, Side(CHAT, party)) for party in Party}

    @rule(party=parties, message=st.uuids(version=4), answered=st.booleans())
    def say(self, party: Party, message: UUID, answered: bool) -> None:
        page = self.pages[party]
        page.unanswered[message] = None
        self._store(page, message, answered)

    @rule(party=parties, answered=st.booleans())
    def say_again(self, party: Party, answered: bool) -> None:
        page = self.pages[party]
        for message in tuple(page.unanswered):
            self._store(page, message, answered)

    def _store(self, page: Page, message: UUID, answered: bool) -> None:
        known = next((held for held in self.stored if held.id == message), None)
        direction = Direction.INBOUND if page.party is Party.VISITOR else Direction.OUTBOUND
        if known is None:
            known = turn(len(self.stored), direction, message)
            self.stored.append(known)
        if answered:
            page.side = page.side.sends(message)
            self._read(page, known.sequence)
            page.side, frames = page.side.settled(known)
            for frame in frames:
                assert isinstance(frame, Sent)
                page.unanswered.pop(frame.message, None)

    @rule(text=st.uuids(version=4))
    def note(self, text: UUID) -> None:
        self.stored.append(turn(len(self.stored), Direction.NOTE, text))

    @rule(party=parties)
    def hint(self, party: Party) -> None:
        self._read(self.pages[party], len(self.stored))

    @rule(party=parties, back=st.integers(0, 3))
    def hint_from_memory_that_is_late_or_early(self, party: Party, back: int) -> None:
        page = self.pages[party]
        page.side, frames = page.side.told(self.stored[max(0, len(self.stored) - back) :])
        page.show(frames)

    @rule(party=parties)
    def reconnect(self, party: Party) -> None:
        page = self.pages[party]
        page.side = Side(CHAT, party, page.last)

    def _read(self, page: Page, until: int) -> None:
        page.side, frames = page.side.told(self.stored[: until + 1])
        page.show(frames)

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        for page in getattr(self, "pages", {}).values():
            sequences = [sequence for sequence, _ in page.shown]
            assert sequences == sorted(set(sequences))

    def teardown(self) -> None:
        for page in getattr(self, "pages", {}).values():
            self._read(page, len(self.stored))
            expected = [
                (held.sequence, held.id)
                for held in self.stored
                if page.party is Party.OPERATOR or held.direction is not Direction.NOTE
            ]
            assert page.shown == expected


TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
