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

_NEEDED_LENGTH: Final = 3


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


@cache
def patterns(name: str) -> dict[str, tuple[Pattern, ...]]:
    """Read the patterns of ``data/<name>.toml`` by what they are a sign of: an expression or a list of them."""
    source = resources.files(__package__).joinpath(f"data/{name}.toml")
    found: dict[str, str | list[str]] = tomllib.loads(source.read_text(encoding="utf-8"))
    return {sign: tuple(map(pattern, [given] if isinstance(given, str) else given)) for sign, given in found.items()}


def any_found(signs: Iterable[Pattern], text: str) -> bool:
    """Whether one of the patterns matches anywhere."""
    return any(sign.found_in(text) for sign in signs)


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
