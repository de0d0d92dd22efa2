"""Settings of the chat."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from services.chat_relay.tokens import SHORTEST
from services.kit.short_help import ShortHelpSettings
from services.kit.throttle import ThrottleSettings

Origins = Annotated[str, StringConstraints(pattern=r"^(https?://[A-Za-z0-9.:*\[\]-]+( +|$))*$")]
"""Origins separated by spaces: `https://www.voorbeeld.be https://voorbeeld.be`."""


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SHORTEST:
        message = f"must be at least {SHORTEST} characters"
        raise ValueError(message)
    return secret


class ChatSettings(ThrottleSettings, ShortHelpSettings):
    """What can be set of the chat."""

    chat_secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        None,
        description="Secret behind visitors' tokens, the same on every node; made and kept under ONTHAAL_VAR when absent.",
    )
    chat_origins: Origins = Field(
        "", description="Further origins whose pages may open a visitor's chat connection, separated by spaces."
    )
    chat_embedders: Origins = Field(
        "", description="Origins of sites that may show the chat widget (frame-ancestors), separated by spaces."
    )
    exit_url: str = Field(
        "https://www.vlaanderen.be",
        description="Neutral site where leaving these pages in a hurry leads to.",
        pattern=r"^https?://[^\s\"'<>]+$",
    )
    chat_always: bool = Field(
        default=False, description="Let visitors start a chat outside the hours too, to try it out (make run sets it)."
    )
    chat_pace: float = Field(1.0, ge=1, description="Multiplies how often each frame of the chat may come; for measuring.")
    chat_closing_notice: int = Field(
        15, ge=0, le=240, description="Minutes before closing at which visitors who wait are told so; 0: never."
    )
    chat_answers: Path | None = Field(
        None, description="File with the ready-made answers of the operators, by language. Default: the ones that are shipped."
    )
    chat_rate: str = Field(
        "200/10 minutes",
        description="How many conversations visitors of one network (/24 or /48) may start, such as 200/10 minutes.",
        pattern=r"^\d+ ?/ ?\d* ?(second|minute|hour)s?$",
    )
    chat_sockets_per_network: int = Field(
        100, ge=1, description="Most chat connections of visitors at once from one network (/24 or /48)."
    )
