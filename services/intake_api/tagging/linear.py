"""A linear model over weighted terms, in numpy alone: scikit-learn taught it and is not needed to answer."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.intake_api.tagging.features import Terms
from services.intake_api.tagging.spelling import Keys, KeyTable

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True)
class Block:
    """One sort of terms; each block of a message is brought to its weight in length."""

    name: str
    weight: float


@dataclass(frozen=True)
class Weighed:
    """The known terms of one message, each once, with what it counts for."""

    rows: Rows
    values: NDArray[np.float32]
    first: Rows
    """The row of each term of the first block as they stand in the message, -1 where it is unknown."""


@dataclass(frozen=True)
class Vocabulary:
    """The terms that a model knows, in the order of their keys."""

    blocks: tuple[Block, ...]
    keys: Keys
    block_of: NDArray[np.uint8]
    messages_with_term: NDArray[np.int32]
    messages: int

    @cached_property
    def table(self) -> KeyTable:
        """Key to row."""
        return KeyTable(self.keys)

    @cached_property
    def rarity(self) -> NDArray[np.float32]:
        """Smoothed inverse document frequency of each term, as scikit-learn's TfidfTransformer has it."""
        return (np.log((1 + self.messages) / (1 + self.messages_with_term)) + 1).astype(np.float32)

    def weigh(self, terms: Terms) -> Weighed:
        """Weigh the known terms: (1 + ln count) times rarity, each block brought to its length."""
        found = self.table.rows(np.concatenate([terms.keys[block.name] for block in self.blocks]))
        inside = np.sort(found[found >= 0])
        firsts = np.flatnonzero(np.diff(inside, prepend=-1))
        rows, counts = inside[firsts], np.diff(firsts, append=len(inside))
        values = (1 + np.log(counts.astype(np.float32))) * self.rarity[rows]
        blocks = self.block_of[rows]
        lengths = np.sqrt(np.bincount(blocks, values * values, minlength=len(self.blocks)))
        weights = np.array([block.weight for block in self.blocks]) / np.maximum(lengths, 1e-9)
        return Weighed(rows, values * weights.astype(np.float32)[blocks], found[: len(terms.keys[self.blocks[0].name])])


@dataclass(frozen=True)
class LinearModel:
    """Scores of a message: the first column for the kind (above 0: melding), then one for each sector."""

    vocabulary: Vocabulary
    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    sectors: tuple[str | None, ...]

    def scores(self, weighed: Weighed) -> Floats:
        """Score each column."""
        added = np.einsum("i,ij->j", weighed.values, self.weights[weighed.rows])  # not BLAS: it would wake other threads
        scores: Floats = (self.intercepts + added).astype(np.float64)
        return scores

    def kind_shares(self, weighed: Weighed) -> NDArray[np.float32]:
        """Tell how much each term of the first block, as they stand in the message, adds to the score of the kind."""
        places = np.minimum(np.searchsorted(weighed.rows, weighed.first), max(len(weighed.rows) - 1, 0))
        if not len(weighed.rows):
            return np.zeros(len(weighed.first), np.float32)
        shares = weighed.values[places] * self.weights[weighed.rows[places], 0]
        return np.where(weighed.first >= 0, shares, np.float32(0))
