"""Regular expressions kept as data beside the code, each compiled once, and tried only where it can match."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from re import _constants as op  # type: ignore[attr-defined]  # nothing public tells how an expression was read
from re import _parser as reader  # type: ignore[attr-defined]
from typing import Any, Final

import numpy as np

from services.intake_api.tagging.said import Said, marks_of
from services.intake_api.tagging.spelling import Places

_NEEDED_LENGTH: Final = 3
_LOOKED_AT: Final = 6
"""Triples of a literal that are looked for."""


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
    """The patterns of one sign, which tell together and soon that none of them can match."""

    each: tuple[Pattern, ...]
    of_literal: tuple[Pattern, ...]
    """The pattern of every literal of which its pattern needs one."""
    triples: Places
    """For each of these literals, a row of the marks of its triples; a short one has its last one several times."""

    @staticmethod
    def of(expressions: Iterable[str]) -> "Patterns":
        """Compile expressions, each of which needs some literal."""
        each = tuple(map(pattern, expressions))
        of_literal = [(literal, sign) for sign in each for literal in sign.needed[0]]
        marks = [marks_of(literal)[:_LOOKED_AT] for literal, _ in of_literal]
        rows = [np.pad(found, (0, _LOOKED_AT - len(found)), mode="edge") for found in marks]
        return Patterns(each, tuple(sign for _, sign in of_literal), np.array(rows))

    def any_found(self, said: Said) -> bool:
        """Whether one of the patterns matches anywhere."""
        possible = np.flatnonzero(said.triples[self.triples].all(axis=1))
        return any(self.of_literal[place].found_in(said.text) for place in possible.tolist())


@cache
def patterns(name: str) -> dict[str, Patterns]:
    """Read the patterns of ``data/<name>.toml`` by what they are a sign of: an expression or a list of them."""
    source = resources.files(__package__).joinpath(f"data/{name}.toml")
    found: dict[str, str | list[str]] = tomllib.loads(source.read_text(encoding="utf-8"))
    return {sign: Patterns.of([given] if isinstance(given, str) else given) for sign, given in found.items()}


def pattern(expression: str) -> Pattern:
    """Compile one expression and work out what it needs."""
    return Pattern(re.compile(expression), _needed(reader.parse(expression)))


def _needed(parts: Iterable[tuple[Any, Any]]) -> tuple[tuple[str, ...], ...]:
    """Collect what the parts that must all match need, the longest literals first: they are the rarest."""
    found = {_shortest(literals) for literals in _choices(parts) if literals and min(map(len, literals)) >= _NEEDED_LENGTH}
    return tuple(sorted(found, key=lambda literals: (-min(map(len, literals)), len(literals), literals)))


def _shortest(literals: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out literals that hold another one."""
    return tuple(one for one in literals if not any(other in one for other in literals if other != one))


def _choices(parts: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, ...]]:
    run = ""
    for kind, value in parts:
        if kind is op.LITERAL:
            run += chr(value)
            continue
        yield (run,)
        run = ""
        if kind is op.SUBPATTERN:
            yield from _choices(value[3])
        elif kind is op.MAX_REPEAT and value[0]:
            yield from _choices(value[2])
        elif kind is op.BRANCH:
            needs = [_needed(branch) for branch in value[1]]
            yield tuple(dict.fromkeys(literal for need in needs for literal in need[0])) if all(needs) else ()
    yield (run,)
