"""What is shipped to the visitor's browser: small, in four languages, and without a trace."""

import re
from pathlib import Path

import pytest

from services.chat_relay.catalogue import LANGUAGES, WORDS, read_words
from services.chat_relay.frames import Reason
from services.chat_relay.settings import ChatSettings
from services.kit.settings import InvalidSettings
from services.kit.short_help import read_help

WIDGET = WORDS.parent
SCRIPTS = sorted(WIDGET.rglob("*.js"))


def test_every_language_says_everything() -> None:
    words = read_words()
    for language in LANGUAGES:
        assert words[language].keys() == words["nl"].keys(), language
        for name, said in words[language].items():
            assert said.strip(), f"{language}: {name}"
            assert set(re.findall(r"{\w+}", said)) == set(re.findall(r"{\w+}", words["nl"][name])), f"{language}: {name}"


def test_nothing_is_said_in_four_languages_that_no_page_says() -> None:
    shipped = "".join(file.read_text() for file in [*SCRIPTS, WIDGET / "widget.html"])
    by_number, by_the_relay = {"exitCount1", "exitCount2"}, {reason.value for reason in Reason}
    said = {name for name in read_words()["nl"] if re.search(rf"\b{name}\b", shipped)}
    assert read_words()["nl"].keys() == said | by_number | (by_the_relay & read_words()["nl"].keys())


def test_dutch_says_je_and_never_u() -> None:
    for name, said in read_words()["nl"].items():
        assert not re.search(r"\b(u|uw|gelieve|indien)\b", said, re.IGNORECASE), name


def test_other_help_is_described_in_every_language() -> None:
    for entry in read_help(ChatSettings().chat_help):
        assert set(entry.what) == set(LANGUAGES), entry.name
        assert entry.link, entry.name


def test_a_list_of_help_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="ONTHAAL_CHAT_HELP"):
        read_help(tmp_path / "absent.json")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_no_script_writes_markup_or_leaves_a_trace(script: Path) -> None:
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|localStorage|document\.cookie|\beval\(", script.read_text()
    )
    assert not found
