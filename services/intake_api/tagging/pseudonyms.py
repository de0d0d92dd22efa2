"""What may be kept of a text to learn from: words that are common in invented messages, and nothing else.

It removes rather than keeps. A word stays only when it is in common use in the messages of the repository, where nobody is
real; so a name, a nickname, a street, a club, a village, a rare illness or a word in another alphabet goes without being
recognised. What is left is a pseudonym of the text, not an anonymous one: who knows the story may still know whose it is.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from services.intake_api.tagging.messages import Message
from services.intake_api.tagging.text import own_words
from services.kit.normal_form import normalized

GONE: Final = "…"
"""Stands where something was left out; the model does not read it."""

_FEWEST_MESSAGES: Final = 3
_MOST_CAPITALS: Final = 0.1
"""Share of its occurrences inside a sentence that a common word may have with a capital; a name has more."""
_SHORTEST_KNOWN: Final = 2
_ADULT: Final = 18
_DIGITS_OF_AGE: Final = 2
_CHILD_AGE, _ADULT_AGE = "12", "40"

_ADDRESSES: Final = re.compile(
    r"(?:https?://|www\.)\S+|\S*@\S*|\b[\w-]+(?:\.[\w-]+)*\.(?:be|com|net|org|eu|nl|fr|de|vlaanderen)\b(?:/\S*)?|#\w+"
    r"|\b(?:\d+[^\W\d]|[^\W\d]+\d)\w*"
)
_SPELLED: Final = re.compile(
    r"\b(?:(?:nul|een|één|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|\w+(?:tien|tig)|zéro|un|deux|trois|quatre|cinq|six|sept|huit|neuf"
    r"|zero|one|two|three|four|five|six|seven|eight|nine|null|eins|zwei|drei|fünf|sechs|sieben|neun|en)[\s,.-]+){2,}\w+\b"
    r"|\b(?:\w[\s.-]+){2,}\w\b",
    re.IGNORECASE,
)
_STREETS: Final = re.compile(
    r"\b[^\W\d_]+(?:straat|steenweg|laan|dreef|plein|lei|kaai|weg|hof|wijk|park|baan)\b|\b(?:rue|avenue|place|chaussée|square|street|road)\s[^\W\d_]+",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(r"(?<!\w)\+?\d[\d\s./:,()–-]*\d(?:\s?[ap]m\b)?|\d+")
_CALENDAR: Final = re.compile(
    r"\b(?:januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december|jan|feb|mrt|apr|jun|jul|aug|sept?|okt|nov|dec"
    r"|janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|january|february|march|may|june|july|august|october|januar|februar|märz|dezember"
    r"|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)\w{0,2}\b",
    re.IGNORECASE,
)
_PARTS: Final = re.compile(
    r"(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)|(?P<number>\d+)|(?P<mark>[.,;:?!\n\"'()])|(?P<space>[ \t\r]+)|(?P<other>.)",
    re.DOTALL,
)
_ENDS: Final = frozenset('.?!\n:"')
_OTHER_LETTERS: Final = re.compile(r"\W+")
_GAPS: Final = re.compile(rf"{GONE}(?:[\s,;:'\"().{GONE}-]*{GONE})+")


class Pseudonyms:
    """Leaves out of a text all that could point to somebody."""

    def __init__(self, invented: Iterable[Message]) -> None:
        """Take for common what is common in invented messages."""
        self._common = _common_words(invented)

    def of(self, text: str, known: Sequence[str] = ()) -> str:
        """Give what may be kept of a text; no part of what is ``known`` of the person (name, mail, telephone) is kept.

        Numbers under a hundred become a child's age or an adult's, all others go.
        """
        readable = "".join(sign for sign in normalized("NFKC", text) if unicodedata.category(sign) != "Cf")
        own = own_words(readable)
        for found in (_ADDRESSES, _STREETS, _CALENDAR):
            own = found.sub(f" {GONE} ", own)
        own = _SPELLED.sub(f" {GONE} ", _NUMBERS.sub(_coarse, own))
        unwanted = {part for fact in known for part in _OTHER_LETTERS.split(fact.lower()) if len(part) >= _SHORTEST_KNOWN}
        kept = "".join(self._kept(own, unwanted))
        return re.sub(r"[ \t]+", " ", _GAPS.sub(GONE, kept)).strip()

    def _kept(self, text: str, unwanted: set[str]) -> Iterator[str]:
        begins = True
        for part in _PARTS.finditer(text):
            said = part[0]
            if part["word"]:
                common = _plain(said) in self._common and (begins or said.islower() or said == "I")
                yield said if common and not unwanted & {_plain(said), *_OTHER_LETTERS.split(_plain(said))} else GONE
                begins = False
            else:
                yield GONE if part["other"] else said
                begins = begins if part["space"] else said in _ENDS


def _coarse(number: re.Match[str]) -> str:
    digits = number[0]
    if not digits.isdigit() or len(digits) > _DIGITS_OF_AGE:
        return f" {GONE} "
    return _CHILD_AGE if int(digits) < _ADULT else _ADULT_AGE


def _plain(word: str) -> str:
    return word.lower().replace("’", "'")


def _common_words(invented: Iterable[Message]) -> frozenset[str]:
    """Collect the words that several messages use without a capital, and that hardly any writes as a name."""
    small, capital = Counter[str](), Counter[str]()
    for message in invented:
        used = list(_inside_sentences(f"{message.subject or ''}\n{message.text}"))
        small.update({word for word in used if word.islower()})
        capital.update({_plain(word) for word in used if word[0].isupper()})
    return frozenset(
        word for word, times in small.items() if times >= _FEWEST_MESSAGES and capital[word] <= times * _MOST_CAPITALS
    )


def _inside_sentences(text: str) -> Iterator[str]:
    begins = True
    for part in _PARTS.finditer(text):
        if part["word"]:
            if not begins or part[0].islower():
                yield part[0].replace("’", "'")
            begins = False
        elif not part["space"]:
            begins = part[0] in _ENDS
