"""What goes over the wire: strict, small, and never more than was asked for."""

from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from onthaal_schema.conversation import Because, ConversationStatus
from services.chat_relay.frames import MAX_TEXT, OPERATOR_FRAMES, RATES, VISITOR_FRAMES, Say, State, to_text

ID = "7f0e2a10-5d4b-4a3e-9a94-0c6a0f6f5a01"
TOKEN = "a" * 43


def say(text: str) -> str:
    return Say(message=UUID(ID), text=text).model_dump_json()


def test_a_message_of_a_visitor_is_read() -> None:
    frame = VISITOR_FRAMES.validate_json(f'{{"type": "say", "message": "{ID}", "text": "Dag 👋\\nik ben er"}}')
    assert frame == Say(message=UUID(ID), text="Dag 👋\nik ben er")


def test_the_longest_message_in_the_widest_script_fits_in_a_frame() -> None:
    assert VISITOR_FRAMES.validate_json(say("😀" * MAX_TEXT)).type == "say"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nonsense",
        "[]",
        "null",
        '{"type": "say"}',
        '{"type": "unknown"}',
        f'{{"type": "say", "message": "{ID}", "text": ""}}',
        f'{{"type": "say", "message": "{ID}", "text": "  \\n "}}',
        f'{{"type": "say", "message": "{ID}", "text": "a\\u0000b"}}',
        f'{{"type": "say", "message": "{ID}", "text": "\\ud800"}}',
        f'{{"type": "say", "message": "{ID}", "text": 5}}',
        '{"type": "say", "message": 5, "text": "a"}',
        f'{{"type": "say", "message": "{ID}", "text": "a", "who": "operator"}}',
        f'{{"type": "say", "message": "{ID}", "text": "{"a" * (MAX_TEXT + 1)}"}}',
        f'{{"type": "resume", "conversation": "{ID}", "token": "short", "after": 0}}',
        f'{{"type": "resume", "conversation": "{ID}", "token": "{TOKEN}", "after": -2}}',
        f'{{"type": "resume", "conversation": "{ID}", "token": "{TOKEN}", "after": false}}',
        f'{{"type": "start", "conversation": "{ID}", "token": "{TOKEN}", "text": "a", "language": "xx"}}',
        f'{{"type": "take", "conversation": "{ID}"}}',
        "[" * 10_000,
    ],
)
def test_what_a_visitor_may_not_send_is_refused_without_being_repeated(frame: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        VISITOR_FRAMES.validate_json(frame)
    assert "aaaa" not in str(refusal.value)


def test_an_operator_cannot_call_a_conversation_anything_but_melding_or_vraag() -> None:
    with pytest.raises(ValidationError):
        OPERATOR_FRAMES.validate_json(f'{{"type": "end", "conversation": "{ID}", "kind": "spam"}}')


def test_every_frame_that_can_be_sent_has_a_limit_to_its_rate() -> None:
    sent = {
        branch["properties"]["type"]["const"]
        for adapter in (VISITOR_FRAMES, OPERATOR_FRAMES)
        for branch in adapter.json_schema()["$defs"].values()
        if "properties" in branch and "type" in branch["properties"]
    }
    assert sent == set(RATES)


def test_absent_values_are_left_out_of_what_is_sent() -> None:
    conversation = uuid4()
    text = to_text(State(conversation=conversation, status=ConversationStatus.WAITING, because=Because.STARTED))
    assert text == f'{{"type":"state","conversation":"{conversation}","status":"waiting","because":"started"}}'
