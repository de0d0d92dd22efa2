"""The words of the widget in four languages, and the other help it points to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.chat_relay.frames import Start
from services.kit.settings import InvalidSettings

WORDS: Final = Path(__file__).parent / "widget" / "static" / "words"
LANGUAGES: Final[tuple[str, ...]] = get_args(Start.model_fields["language"].annotation)
FIRST: Final = LANGUAGES[0]

Words = Mapping[str, str]
"""What the widget says, by name."""


class Help(BaseModel):
    """Somebody else who helps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    what: Mapping[str, str]
    phone: str | None = None
    site: str | None = None

    @property
    def link(self) -> str | None:
        """Where a tap leads: a call, or the site."""
        return f"tel:{self.phone.replace(' ', '')}" if self.phone else self.site


def read_words() -> Mapping[str, Words]:
    """Read the words of every language."""
    return {language: json.loads((WORDS / f"{language}.json").read_text()) for language in LANGUAGES}


def read_help(path: Path) -> tuple[Help, ...]:
    """Read the list of other help.

    Raises:
        InvalidSettings: the file is not there or not such a list.

    """
    try:
        return TypeAdapter(tuple[Help, ...]).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"ONTHAAL_CHAT_HELP: {path} cannot be read as a list of other help"
        raise InvalidSettings(message) from error
