"""The part of whoever makes contact in what happened, with the words that tell it. By rules; never decisive."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal, TypeAlias, get_args

from services.intake_api.tagging.messages import Message
from services.intake_api.tagging.patterns import Patterns, patterns
from services.intake_api.tagging.said import Said
from services.intake_api.tagging.text import Reading, read

Role: TypeAlias = Literal["slachtoffer", "getuige", "verwant", "derde", "organisatie", "dader"]

_TELLING_WORDS: Final = 3
_LONGEST_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class RoleFound:
    """A role, and the words of the message that tell it. They are content: never log them."""

    role: Role
    words: tuple[str, ...]


def role_of(reading: Reading) -> RoleFound | None:
    """Tell the role of somebody who reports a case; ``None`` where the message does not show it."""
    signs = patterns("roles")
    for role in sorted(get_args(Role), key=list(signs).index):
        if words := tuple(dict.fromkeys(_told(signs[role], reading.said)))[:_TELLING_WORDS]:
            return RoleFound(role, words)
    return None


def _told(signs: Patterns, said: Said) -> Iterator[str]:
    for sign in signs.possible_in(said):
        if found := sign.expression.search(said.text):
            yield _shown(found[0])


def _shown(found: str) -> str:
    """Show the end of what matched, without the subject that it may begin with: there is the word that told it."""
    words = found.rpartition("\n")[2].split()
    while len(words) > 1 and len(" ".join(words)) > _LONGEST_SHOWN:
        del words[0]
    return " ".join(words)


def role_measures(messages: Sequence[Message]) -> dict[str, float]:
    """Measure on the meldingen that somebody labelled with a role, or with none (``data/role_labels.json``)."""
    source = resources.files(__package__).joinpath("data/role_labels.json")
    labels: dict[str, Role | None] = json.loads(source.read_text(encoding="utf-8"))
    pairs = [(labels[one.id], role_of(read(one.channel, one.subject, one.text))) for one in messages if one.id in labels]
    suggested = [(label, found.role) for label, found in pairs if found]
    right = sum(label == role for label, role in suggested)
    told = sum(label is not None for label, _ in pairs)
    return {
        "messages": float(len(pairs)),
        "suggested": round(len(suggested) / max(1, len(pairs)), 4),
        "rightWhereSuggested": round(right / max(1, len(suggested)), 4),
        "rightWhereTold": round(right / max(1, told), 4),
    }
