"""A linear model over weighted terms, in numpy alone: what scikit-learn learned, without needing it to answer."""

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
    """The terms of one kind that the model knows; each block of a message is brought to its weight in length."""

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

    def weigh(self, terms: Iterable[str]) -> tuple[NDArray[np.intp], Floats]:
        """Rows and values of the known terms: (1 + ln count) times rarity, brought to the block's length."""
        counts = Counter(terms)
        known = [(row, count) for term, count in counts.items() if (row := self.rows.get(term)) is not None]
        if not known:
            return np.empty(0, np.intp), np.empty(0)
        rows, often = np.array(known, dtype=np.intp).T
        values = (1 + np.log(often)) * self.rarity[rows]
        return rows, values * (self.weight / np.sqrt(values @ values))


@dataclass(frozen=True)
class LinearModel:
    """Scores of a message: the first column for the kind (above 0: melding), then one for each sector."""

    blocks: tuple[Block, ...]
    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    sectors: tuple[str | None, ...]

    def scores(self, terms: Terms) -> Floats:
        """One score for each column."""
        rows, values = self._weigh(terms)
        scores: Floats = self.intercepts + values @ self.weights[rows]
        return scores

    def kind_shares(self, terms: Terms) -> dict[str, dict[str, float]]:
        """How much each known term adds to the kind's score, by block."""
        shares: dict[str, dict[str, float]] = {}
        for block in self.blocks:
            rows, values = block.weigh(terms[block.name])
            added = values * self.weights[rows + block.first_row, 0]
            shares[block.name] = {block.terms[row]: float(share) for row, share in zip(rows, added, strict=True)}
        return shares

    def _weigh(self, terms: Terms) -> tuple[NDArray[np.intp], Floats]:
        weighed = [(block.first_row, *block.weigh(terms[block.name])) for block in self.blocks]
        rows = np.concatenate([first + rows for first, rows, _ in weighed])
        return rows, np.concatenate([values for _, _, values in weighed])
