"""A person, a machine, spam, or nobody: only what is obvious is called other than a person."""

from typing import Final

from services.intake_api.tagging.lexicon import meanings
from services.intake_api.tagging.patterns import patterns
from services.intake_api.tagging.suggestion import Nature
from services.intake_api.tagging.text import Reading

_SPAM_WORDS: Final = 2
_FEW_WORDS: Final = 14
_HUMAN: Final = frozenset({"harm", "ache", "running"})


def nature_of(reading: Reading) -> Nature:
    """Say ``person`` unless it is plain that nobody asks or tells; words of harm make it a person."""
    signs = patterns("nature")
    telephone = reading.channel == "telefoon"
    if not telephone and (signs["machine_subject"].match(reading.subject) or signs["machine_text"].search(reading.body)):
        return "machine"
    if any(meanings().of_word(word) & _HUMAN for word in reading.words):
        return "person"
    said = f"{reading.subject}\n{reading.body}".strip()
    if len({found.group() for found in signs["spam_word"].finditer(said)}) >= _SPAM_WORDS:
        return "spam"
    short_note = telephone and len(reading.words) <= _FEW_WORDS
    silent = short_note and signs["nobody_on_the_line"].match(reading.body)
    return "nonContact" if silent or signs["test"].fullmatch(said) else "person"
