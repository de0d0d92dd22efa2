"""A linear model over weighted terms, in numpy alone: scikit-learn taught it and is not needed to answer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Terms: TypeAlias = Mapping[str, Sequence[str]]
"""The terms of one message, by block."""


@dataclass(frozen=True)
class Block:
    """Terms of one sort that the model knows; each block of a message is brought to its weight in length."""

    name: str
    weight: float
    terms: tuple[str, ...]
    messages_with_term: NDArray[np.int32]
    messages: int
    first_row: int

    @cached_property
    def rows(self) -> dict[str, int]:
        """Term to its row in the block."""
        return {term: row for row, term in enumerate(self.terms)}

    @cached_property
    def rarity(self) -> Floats:
        """Smoothed inverse document frequency of each term, as scikit-learn's TfidfTransformer has it."""
        rarity: Floats = np.log((1 + self.messages) / (1 + self.messages_with_term)) + 1
        return rarity

    def weigh(self, terms: Iterable[str]) -> "Weighed":
        """Weigh the known terms: (1 + ln count) times rarity, brought to the block's length."""
        rows = self.rows
        counts = {rows[term]: count for term, count in Counter(terms).items() if term in rows}
        where = np.fromiter(counts, np.intp, len(counts))
        often = np.fromiter(counts.values(), np.float64, len(counts))
        values = (1 + np.log(often)) * self.rarity[where]
        return Weighed(self, where, values * (self.weight / (float(np.sqrt(values @ values)) or 1.0)))


@dataclass(frozen=True)
class Weighed:
    """The known terms of one message in one block, with what each counts for."""

    block: Block
    rows: NDArray[np.intp]
    values: Floats


@dataclass(frozen=True)
class LinearModel:
    """Scores of a message: the first column for the kind (above 0: melding), then one for each sector."""

    blocks: tuple[Block, ...]
    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    sectors: tuple[str | None, ...]

    def weigh(self, terms: Terms) -> dict[str, Weighed]:
        """Weigh the terms of one message, by block."""
        return {block.name: block.weigh(terms[block.name]) for block in self.blocks}

    def scores(self, weighed: Mapping[str, Weighed]) -> Floats:
        """Score each column."""
        rows = np.concatenate([part.block.first_row + part.rows for part in weighed.values()])
        values = np.concatenate([part.values for part in weighed.values()])
        scores: Floats = self.intercepts + values @ self.weights[rows]
        return scores

    def kind_shares(self, part: Weighed) -> dict[str, float]:
        """Tell how much each known term of a block adds to the score of the kind."""
        added = part.values * self.weights[part.block.first_row + part.rows, 0]
        return {part.block.terms[row]: float(share) for row, share in zip(part.rows, added, strict=True)}
