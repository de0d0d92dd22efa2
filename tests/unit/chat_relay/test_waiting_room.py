"""Who stands where in the queue."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from onthaal_schema.conversation import Conversation, ConversationStatus
from services.chat_relay.frames import Finish
from services.chat_relay.operator import closing_note
from services.chat_relay.waiting_room import Place, places

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def conversation(status: ConversationStatus, minutes: int, waited: int | None = None, since: int | None = None) -> Conversation:
    return Conversation(
        id=uuid4(),
        reference="ABC",
        status=status,
        started_at=NOW - timedelta(minutes=minutes),
        waiting_since=None if since is None else NOW - timedelta(minutes=since),
        waited_seconds=waited,
    )


def test_only_those_who_wait_have_a_place_and_who_came_back_keeps_the_old_one() -> None:
    came_back = conversation(ConversationStatus.WAITING, 30, waited=60, since=1)
    served = conversation(ConversationStatus.ASSIGNED, 20, waited=60)
    new = conversation(ConversationStatus.WAITING, 5)
    assert places([came_back, served, new]) == {
        came_back.id: Place(1, NOW - timedelta(minutes=1), first=False),
        new.id: Place(2, NOW - timedelta(minutes=5), first=True),
    }


def test_what_is_said_at_the_end_is_one_note() -> None:
    said = Finish(conversation=uuid4(), message=uuid4(), summary="Kort.", referral=("1712", "Huisarts"))
    assert closing_note(said) == "Kort.\n\nDoorverwezen naar: 1712; Huisarts"
    assert closing_note(said.model_copy(update={"referral": ()})) == "Kort."
    assert closing_note(Finish(conversation=uuid4())) == ""
