"""What the model counts in a message: words, pieces of words, meanings, and how sentences begin, ask and end.

Every term is a key of 32 bits; the same functions serve training and every suggestion, so both always see the same.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np

from services.intake_api.tagging.lexicon import Groups, lexicon, meanings
from services.intake_api.tagging.spelling import Keys, Spelling, key_of
from services.intake_api.tagging.text import Reading, words

BLOCKS: Final = {"word": 0.7, "piece": 1.0, "meaning": 0.7, "place": 0.5, "sentence": 0.7}
"""The blocks of terms, and how much each whole block weighs beside the others."""

_SALTS: Final = {name: number for number, name in enumerate(BLOCKS, start=2)}
_PIECES: Final = range(2, 6)
_OPENINGS: Final = range(1, 4)
_SENTENCE_SALTS: Final = np.array([16, 17, 18], np.uint64)
"""Salts of the words that a sentence opens with, of those in a question, and of those in the last sentence."""
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?;:])\s+|\n+")
_NUMBER = re.compile(r"\d+")
_AGE_AFTER = re.compile(r"\s?(?:jaar|jarige|j\b|ans|years|jahre|-jarig)")
_AGE_BEFORE = re.compile(r".*\b(?:van|is|was|bijna) ", re.DOTALL)
_LONG_AGO = re.compile(r"jaren (?:'?\d\d|vijftig|zestig|zeventig|tachtig|negentig)\b")
_MONTH = re.compile(r" (?:januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december)")
_THINGS = re.compile(r" (?:stuks|exemplaren|folders|brochures|affiches|posters|deelnemers|personen|leden)")
_YEARS: Final = range(1920, 2000)
_ADULT: Final = 18
_DIGITS_OF_AGE: Final = 2
_DIGITS_OF_COUNT: Final = range(2, 5)
_LENGTHS = (60, 120, 250, 500, 900)


@dataclass(frozen=True)
class Terms:
    """The terms of one message, by block; a term that stands twice is there twice."""

    keys: dict[str, Keys]
    groups: Groups
    """The groups of the lexicon that each word belongs to."""

    def named(self) -> frozenset[str]:
        """Name the groups that the message touches."""
        return frozenset(lexicon().groups[column] for column in np.flatnonzero(self.groups.any(axis=0)))


def terms_of(reading: Reading) -> Terms:
    """Count the terms of every block."""
    spelling = Spelling(reading.words)
    groups = lexicon().found(spelling)
    return Terms(
        keys={
            "word": _words(spelling),
            "piece": np.concatenate([spelling.pieces(size, _SALTS["piece"]) for size in _PIECES]),
            "meaning": np.concatenate([_meanings(groups[:, : meanings()]), _facts(reading)]),
            "place": np.repeat(_group_keys()[0][meanings() :], groups[:, meanings() :].sum(axis=0)),
            "sentence": _sentences(reading.body),
        },
        groups=groups,
    )


def word_or_pair(reading: Reading, place: int) -> str:
    """Write out one term of the block of words: first every word, then every pair of neighbours."""
    said = reading.words
    return said[place] if place < len(said) else " ".join(said[place - len(said) : place - len(said) + 2])


def _words(spelling: Spelling) -> Keys:
    starts, lengths = spelling.starts, spelling.lengths
    pairs = spelling.stretches(starts[:-1], lengths[:-1] + 1 + lengths[1:], _SALTS["word"])
    return np.concatenate([spelling.stretches(starts, lengths, _SALTS["word"]), pairs])


def _sentences(body: str) -> Keys:
    """Tell how sentences open, what stands in the questions, and what in the last sentence: whether it asks or tells."""
    read = [(found, "?" in sentence[-3:]) for sentence in _BETWEEN_SENTENCES.split(body) if (found := words(sentence))]
    spelling = Spelling([word for found, _ in read for word in found])
    counts = np.fromiter((len(found) for found, _ in read), np.intp, len(read))
    ends = np.minimum(np.cumsum(counts), len(spelling.starts))
    begins = np.concatenate([[0], ends[:-1]]).astype(np.intp)[: len(ends)]
    whole = begins < ends  # of a long text the last sentences may be cut off
    begins, ends = begins[whole], ends[whole]
    if not len(begins):
        return np.zeros(0, np.uint32)
    asks = np.repeat(np.fromiter((asked for _, asked in read), np.bool_, len(read))[whole], ends - begins)
    in_pair = asks.copy()
    in_pair[ends - 1] = False  # a pair stands in one sentence
    asked, pairs, last = asks.nonzero()[0], in_pair.nonzero()[0], np.arange(begins[-1], ends[-1])
    opened = [np.minimum(begins + size, ends) - 1 for size in _OPENINGS]
    firsts = np.concatenate([*[begins] * len(opened), asked, pairs, last])
    lasts = np.concatenate([*opened, asked, pairs + 1, last])
    salts = np.repeat(_SENTENCE_SALTS, [len(begins) * len(opened), len(asked) + len(pairs), len(last)])
    starts = spelling.starts[firsts]
    return spelling.stretches(starts, spelling.starts[lasts] + spelling.lengths[lasts] - starts, salts)


def _meanings(groups: Groups) -> Keys:
    """Tell what is said, by group of the lexicon, and which group follows which."""
    alone, following = _group_keys()
    said = groups.astype(np.float32)
    pairs = np.rint(said[:-1].T @ said[1:]).astype(np.intp)
    return np.concatenate([np.repeat(alone[: meanings()], groups.sum(axis=0)), np.repeat(following, pairs.ravel())])


@cache
def _group_keys() -> tuple[Keys, Keys]:
    names = lexicon().groups
    said = names[: meanings()]
    salts = [_SALTS["meaning"]] * len(said) + [_SALTS["place"]] * (len(names) - len(said))
    alone = [key_of(name, salt) for name, salt in zip(names, salts, strict=True)]
    following = [key_of(f"{first} > {second}", _SALTS["meaning"]) for first in said for second in said]
    return np.array(alone, np.uint32), np.array(following, np.uint32)


def _facts(reading: Reading) -> Keys:
    body = reading.body
    facts = [f"channel {reading.channel[:20]}", f"longer than {sum(len(body) > size for size in _LENGTHS)}"]
    facts += ["has subject"] * bool(reading.subject) + ["quoted"] * reading.quoted + ["reply"] * reading.reply
    facts += ["question"] * min(body.count("?"), 3)
    facts += ["ends with question"] * body.rstrip().endswith("?")
    facts += ["cites"] * ('"' in body or " '" in body)
    facts += sorted(_numbers(body))
    return np.fromiter(map(_fact_key, facts), np.uint32, len(facts))


def _numbers(body: str) -> set[str]:
    """Tell ages, dates, years long ago and counts of things."""
    found = {"long ago"} if _LONG_AGO.search(body) else set()
    for number in _NUMBER.finditer(body):
        digits, value, end = len(number[0]), int(number[0][:4]), number.end()
        bracketed = body[number.start() - 1 : number.start()] == "(" and body[end : end + 1] == ")"
        if digits <= _DIGITS_OF_AGE:
            before = _AGE_BEFORE.fullmatch(body, max(number.start() - 8, 0), number.start())
            if _AGE_AFTER.match(body, end) or bracketed or before:
                found |= {"age", "young age"} if value < _ADULT else {"age"}
            found |= {"date"} if _MONTH.match(body, end) else set()
        if digits in _DIGITS_OF_COUNT:
            found |= {"count"} if _THINGS.match(body, end) else set()
            found |= {"long ago"} if value in _YEARS else set()
    return found


@lru_cache(maxsize=512)
def _fact_key(fact: str) -> int:
    return key_of(fact, _SALTS["meaning"])
