"""Rules alone: the tagger without anything learned, which the model must beat on messages that it never saw."""

from collections import Counter
from collections.abc import Sequence

from services.intake_api.tagging.evaluate import Judged
from services.intake_api.tagging.features import terms_of
from services.intake_api.tagging.lexicon import lexicon
from services.intake_api.tagging.messages import MELDING, VRAAG, Kind, Message
from services.intake_api.tagging.text import Reading, read

_TELLS = {"me", "my", "kin", "he", "past", "recent", "long_ago", "ache", "harm", "accused", "running", "report", "power"}
_ASKS = {
    "hypothesis", "denial", "study", "training", "press", "figures", "material", "policy", "organisation", "service", "commerce",
}  # fmt: skip
_ASKED = 3
"""What one word that asks weighs against one that tells: people tell in many small words."""

_PLACES = {
    "sport": "Sport",
    "higher_education": "Hoger onderwijs",
    "compulsory_education": "Leerplichtonderwijs",
    "education_general": "Onderwijs algemeen",
    "care": "Zorg",
    "church": "Kerk en organisatie",
    "youth_work": "Jeugd",
    "culture": "Cultuur",
    "media": "Media",
    "disability": "VAPH",
    "family_care": "Opgroeien",
    "other": "Andere",
}


def kind_by_rules(reading: Reading) -> Kind:
    """Weigh words that tell of a case against words that ask; a tie is a melding, which is the lesser fault."""
    said = _groups(reading)
    tells = sum(said[group] for group in _TELLS)
    asks = sum(said[group] for group in _ASKS) * _ASKED
    return VRAAG if asks > tells else MELDING


def sectors_by_rules(reading: Reading) -> tuple[str | None, ...]:
    """Give the three sectors that most words point to; none where no word does."""
    named = Counter({group: times for group, times in _groups(reading).items() if group in _PLACES and times})
    return tuple(_PLACES[group] for group, _ in named.most_common(3)) or (None,)


def judge_by_rules(messages: Sequence[Message]) -> list[Judged]:
    """Judge every message by the rules, which are never unsure."""
    return [_judge(message) for message in messages]


def _judge(message: Message) -> Judged:
    reading = read(message.channel, message.subject, message.text)
    kind = kind_by_rules(reading)
    return Judged(
        message, float(kind == MELDING), unsure=False, kind=kind, sectors=sectors_by_rules(reading), sector_confidence=1
    )


def _groups(reading: Reading) -> Counter[str]:
    counts = terms_of(reading).groups.sum(axis=0)
    return Counter({group: int(times) for group, times in zip(lexicon().groups, counts, strict=True)})
