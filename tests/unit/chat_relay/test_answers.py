"""The ready-made answers: in every language of the widget, and in a file of one's own."""

from pathlib import Path

import pytest

from services.chat_relay.answers import read_answers
from services.chat_relay.catalogue import LANGUAGES
from services.kit.settings import InvalidSettings


def test_the_shipped_answers_are_there_in_every_language_and_tell_where_to_turn_in_danger() -> None:
    answers = read_answers(None)
    assert set(answers) == set(LANGUAGES)
    for language, held in answers.items():
        assert len({answer.name for answer in held}) == len(held) >= 5, language
        assert any("112" in answer.text and "101" in answer.text for answer in held), language


def test_a_file_that_holds_no_answers_stops_the_start(tmp_path: Path) -> None:
    own = tmp_path / "answers.json"
    own.write_text('{"nl": [{"name": "Dag", "text": "Dag!"}]}')
    assert read_answers(own)["nl"][0].text == "Dag!"
    own.write_text('{"nl": [{"name": "Dag"}]}')
    with pytest.raises(InvalidSettings, match="ONTHAAL_CHAT_ANSWERS"):
        read_answers(own)
