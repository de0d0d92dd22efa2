"""What an expression needs to stand in a text is a short cut: it must never hide a match."""

import pytest

from services.intake_api.tagging.messages import Message
from services.intake_api.tagging.patterns import pattern, patterns
from services.intake_api.tagging.text import read


@pytest.mark.parametrize("name", ["nature", "signals", "roles"])
def test_no_match_in_any_message_is_hidden_by_the_short_cut(messages: tuple[Message, ...], name: str) -> None:
    readings = [read(message.channel, message.subject, message.text) for message in messages]
    matched = 0
    for signs in patterns(name).values():
        for sign in signs.each:
            said = [one.said for one in readings if sign.expression.search(one.said.text)]
            assert all(sign.possible_in(one.text) for one in said), sign.expression.pattern
            assert all(sign in signs.possible_in(one) for one in said), sign.expression.pattern
            matched += len(said)
    assert matched


@pytest.mark.parametrize(
    ("expression", "needed"),
    [
        (r"\bopgesloten\b", (("opgesloten",),)),
        (r"(?:met|heeft) (?:\w+ ){0,2}(?:geweer|pistool)", (("geweer", "pistool"), ("met", "heeft"))),
        (r"colou?rs+ red", ((" red",), ("colo",))),
        (r"(?:slaan|om)", ()),
        (r"(?!never)always(?:sometimes)?", (("always",),)),
        (r"a{2}bcd[xyz]+\.{3}", (("bcd",),)),
        (r"(?P<name>hidden) shown", ((" shown",),)),
    ],
)
def test_what_is_needed_is_what_no_match_can_do_without(expression: str, needed: tuple[tuple[str, ...], ...]) -> None:
    assert pattern(expression).needed == needed


@pytest.mark.parametrize("name", ["nature", "signals", "roles"])
def test_most_expressions_are_left_out_of_most_messages(messages: tuple[Message, ...], name: str) -> None:
    said = [message.text.lower() for message in messages[::10]]
    signs = [sign for found in patterns(name).values() for sign in found.each]

    assert sum(sign.possible_in(text) for sign in signs for text in said) < 0.2 * len(signs) * len(said)
