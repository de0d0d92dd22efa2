"""What the tagger suggests for one message. People decide; this is stored beside their decision."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from services.intake_api.tagging.messages import Kind
from services.intake_api.tagging.roles import RoleFound

Nature: TypeAlias = Literal["person", "machine", "spam", "nonContact"]
Signal: TypeAlias = Literal["immediateDanger", "minorInvolved", "anonymousWish"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag with how sure the model is of it.

    ``unsure`` comes with the kind ``melding``: a melding missed is worse than a vraag looked at.
    """

    kind: Kind
    unsure: bool
    kind_confidence: float
    """Calibrated probability (0..1) that ``kind`` is right."""
    sector: str | None
    """``None``: the message does not say where it happened."""
    sector_confidence: float
    sectors: tuple[tuple[str | None, float], ...]
    """The three most probable sectors with their probabilities, best first."""
    language: str
    """ISO 639-1: nl, fr, en or de; nl when there are too few words to tell."""
    nature: Nature
    signals: tuple[Signal, ...]
    """Signs for the operator to look at, found by rules: never decisive."""
    role: RoleFound | None
    """The part of whoever makes contact, found by rules: never decisive. Nothing for a vraag, or where it is not shown."""
    words: tuple[str, ...]
    """Words of the message that weighed most for ``kind``. Content: never log them."""
    model_version: str


def cautious(model_version: str) -> Suggestion:
    """Suggest what is right when nothing is known: a melding, unsure, for a human to read."""
    return Suggestion(
        kind="melding",
        unsure=True,
        kind_confidence=0.5,
        sector=None,
        sector_confidence=0.0,
        sectors=(),
        language="nl",
        nature="person",
        signals=(),
        role=None,
        words=(),
        model_version=model_version,
    )
