"""The short list of other help, told in each language: for the chat, and for automatic answers to mail."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.kit.settings import InvalidSettings, Settings

URGENT: Final = 2
"""The first entries of the list are the ones to call in danger."""


class ShortHelpSettings(Settings):
    """Where the list is."""

    chat_help: Path = Field(
        Path(__file__).with_suffix(".json"),
        description="JSON list of other help that the chat and automatic answers to mail point to, those for danger first: name, "
        "phone or site, and what in four languages.",
    )


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
