"""A person, a machine, spam, or nobody: only what is obvious is called other than a person."""

from typing import Final

from services.intake_api.tagging.patterns import Patterns, patterns
from services.intake_api.tagging.suggestion import Nature
from services.intake_api.tagging.text import Reading

_SPAM_WORDS: Final = 2
_FEW_WORDS: Final = 14
_HUMAN: Final = frozenset({"harm", "ache", "running"})


def nature_of(reading: Reading, touched: frozenset[str]) -> Nature:
    """Say ``person`` unless it is plain that nobody asks or tells; words of harm, among the groups touched, make it one."""
    signs = patterns("nature")
    telephone = reading.channel == "telefoon"
    if not telephone and (_begins(signs["machine_subject"], reading.subject) or _found(signs["machine_text"], reading.body)):
        return "machine"
    if touched & _HUMAN:
        return "person"
    said = f"{reading.subject}\n{reading.body}".strip()
    if _spam_words(said) >= _SPAM_WORDS:
        return "spam"
    short_note = telephone and len(reading.words) <= _FEW_WORDS
    silent = short_note and _begins(signs["nobody_on_the_line"], reading.body)
    return "nonContact" if silent or _begins(signs["test"], said) else "person"


def _begins(signs: Patterns, text: str) -> bool:
    return any(sign.expression.match(text) for sign in signs.each)


def _found(signs: Patterns, text: str) -> bool:
    return any(sign.found_in(text) for sign in signs.each)


def _spam_words(said: str) -> int:
    """Count the different ones."""
    return len(
        {
            found[0]
            for sign in patterns("nature")["spam_word"].each
            if sign.possible_in(said)
            for found in sign.expression.finditer(said)
        }
    )
