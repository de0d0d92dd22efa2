"""Regular expressions kept as data beside the code, each compiled once, and tried only where it can match."""

import re
import tomllib
from collections import deque
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, TypeAlias

import numpy as np

from services.intake_api.tagging.said import ALWAYS, Said, marks_of
from services.intake_api.tagging.spelling import Places

_NEEDED_LENGTH: Final = 3
_LOOKED_AT: Final = 6
"""Triples of a literal that are looked for."""

_PIECE: Final = re.compile(r"\\.|\[\^?]?(?:\\.|[^]\\])*]|\(\?<?.|[*+?]\??|\{\d*,?\d*}\??|.", re.DOTALL)
_REPEATS: Final = re.compile(r"[*+?{]")
_MAY_BE_ABSENT: Final = re.compile(r"[*?]|\{(?:0|,)")

_Literals: TypeAlias = tuple[str, ...]
_Needs: TypeAlias = tuple[_Literals, ...]


@dataclass(frozen=True)
class Pattern:
    """An expression with sets of literals: one of each must stand in a text before the expression can match there."""

    expression: re.Pattern[str]
    needed: tuple[tuple[str, ...], ...]

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere."""
        return self.possible_in(text) and self.expression.search(text) is not None

    def possible_in(self, text: str) -> bool:
        """Whether it could: looking for a literal costs a hundredth of trying an expression everywhere."""
        return all(any(map(text.__contains__, literals)) for literals in self.needed)


@dataclass(frozen=True)
class Patterns:
    """The patterns of one sign, which tell together and soon which of them could match."""

    each: tuple[Pattern, ...]
    triples: Places
    """For each literal that a pattern needs, a column of the marks of its triples; a short one has its last several times."""
    sets: Places
    """Where in these columns each set of literals begins, of which one must stand in a text."""
    owners: Places
    """Where in these sets those of each pattern begin."""

    @staticmethod
    def of(expressions: Iterable[str]) -> "Patterns":
        """Compile expressions."""
        each = tuple(map(pattern, expressions))
        needs = [sign.needed or (("",),) for sign in each]
        literals = [literals for sets in needs for literals in sets]
        columns = [_column(literal) for some in literals for literal in some]
        return Patterns(each, np.array(columns).T.copy(), _beginnings(literals), _beginnings(needs))

    def possible_in(self, said: Said) -> list[Pattern]:
        """Give those that could match, in their order."""
        literals = np.logical_and.reduce(said.triples[self.triples])
        needs = np.logical_or.reduceat(literals, self.sets)
        possible = np.logical_and.reduceat(needs, self.owners)
        return [self.each[place] for place in possible.nonzero()[0].tolist()]

    def any_found(self, said: Said) -> bool:
        """Whether one of the patterns matches anywhere."""
        return any(sign.found_in(said.text) for sign in self.possible_in(said))


def _column(literal: str) -> Places:
    marks = marks_of(literal)[:_LOOKED_AT] if literal else np.array([ALWAYS])
    return np.pad(marks, (0, _LOOKED_AT - len(marks)), mode="edge")


def _beginnings(parts: Sequence[Sized]) -> Places:
    return np.cumsum([0, *map(len, parts)])[:-1]


@cache
def patterns(name: str) -> dict[str, Patterns]:
    """Read the patterns of ``data/<name>.toml`` by what they are a sign of: an expression or a list of them."""
    source = resources.files(__package__).joinpath(f"data/{name}.toml")
    found: dict[str, str | list[str]] = tomllib.loads(source.read_text(encoding="utf-8"))
    return {sign: Patterns.of([given] if isinstance(given, str) else given) for sign, given in found.items()}


def pattern(expression: str) -> Pattern:
    """Compile one expression and work out what it needs."""
    needs = _together(_alternatives(deque(_PIECE.findall(expression))))
    return Pattern(re.compile(expression), tuple(sorted(needs, key=_rarest_first)))


def _alternatives(pieces: deque[str]) -> list[_Needs]:
    """Read to the end of a group, and tell for each of its alternatives what must stand in a text for it to match."""
    found: list[_Needs] = []
    needs: list[_Literals] = []
    run = ""
    while (piece := pieces.popleft() if pieces else ")") != ")":
        inner = _together(_alternatives(pieces)) if piece.startswith("(") else ()
        repeats = pieces.popleft() if pieces and _REPEATS.match(pieces[0]) else ""
        absent = bool(_MAY_BE_ABSENT.match(repeats))
        if (literal := _literal(piece)) and not absent:
            run += literal
        if not literal or repeats:
            needs.append((run,))
            run = ""
        if piece in {"(", "(?:"} and not absent:
            needs += inner
        if piece == "|":
            found.append(_long_enough(needs))
            needs = []
    return [*found, _long_enough([*needs, (run,)])]


def _literal(piece: str) -> str:
    """Give the character that it stands for, or nothing where it stands for more than one or for none."""
    if piece.startswith("\\"):
        return "" if piece[1].isalnum() else piece[1]
    return "" if len(piece) > 1 or piece in "(|.^$" else piece


def _together(alternatives: list[_Needs]) -> _Needs:
    """Put alternatives together: of each, what is rarest."""
    if len(alternatives) == 1:
        return alternatives[0]
    if not all(alternatives):
        return ()
    literals = dict.fromkeys(literal for needs in alternatives for literal in min(needs, key=_rarest_first))
    return (_shortest(tuple(literals)),)


def _long_enough(needs: Iterable[_Literals]) -> _Needs:
    return tuple(dict.fromkeys(literals for literals in needs if min(map(len, literals)) >= _NEEDED_LENGTH))


def _shortest(literals: _Literals) -> _Literals:
    """Leave out literals that hold another one."""
    return tuple(one for one in literals if not any(other in one for other in literals if other != one))


def _rarest_first(literals: _Literals) -> tuple[int, int, _Literals]:
    """Order by length: a long literal is rare, and a few are rarer than many."""
    return -min(map(len, literals)), len(literals), literals
