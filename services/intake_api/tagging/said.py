"""A text in which many patterns are looked for: it tells which three characters in a row can be in it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.intake_api.tagging.spelling import Places

_BITS: Final = 13
_FIRST, _SECOND, _THIRD = (np.uint32(odd) for odd in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D))
_SHIFT: Final = np.uint32(32 - _BITS)
ALWAYS: Final = 1 << _BITS
"""A mark that every text has, for what needs nothing."""


@dataclass(frozen=True)
class Said:
    """A text, and the marks of its triples: what needs a triple that is not marked is not there."""

    text: str

    @cached_property
    def triples(self) -> NDArray[np.bool_]:
        """Say of every mark whether some three characters in a row have it."""
        seen = np.zeros(ALWAYS + 1, np.bool_)
        seen[marks_of(self.text)] = True
        seen[ALWAYS] = True
        return seen


def marks_of(text: str) -> Places:
    """Give the mark of every three characters in a row: equal ones have the same."""
    codes: NDArray[np.uint32] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    marks: Places = ((codes[:-2] * _FIRST + codes[1:-1] * _SECOND + codes[2:] * _THIRD) >> _SHIFT).astype(np.intp)
    return marks
