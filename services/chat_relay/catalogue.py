"""The words of the widget in four languages."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

from services.chat_relay.frames import Start

WORDS: Final = Path(__file__).parent / "widget" / "words"
LANGUAGES: Final[tuple[str, ...]] = get_args(Start.model_fields["language"].annotation)
FIRST: Final = LANGUAGES[0]

Words = Mapping[str, str]
"""What the widget says, by name."""


def read_words() -> Mapping[str, Words]:
    """Read the words of every language."""
    return {language: json.loads((WORDS / f"{language}.json").read_text()) for language in LANGUAGES}
