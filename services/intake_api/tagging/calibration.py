"""From scores to probabilities, and from probabilities to melding, vraag or unsure by a stated cost."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from services.intake_api.tagging.linear import Floats

COST_OF_MELDING_MISSED: Final = 3.0
COST_OF_VRAAG_TAKEN_FOR_MELDING: Final = 2.0
COST_OF_A_LOOK: Final = 1.0
"""What each outcome costs, in looks by an operator. They give the two thresholds below."""

_STEPS: Final = 50
_TEMPERATURES: Final = np.geomspace(0.05, 5.0, 93)


class Calibration(BaseModel):
    """How scores become probabilities: a logistic curve for the kind, a temperature for the sector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float
    offset: float
    temperature: float
    vraag_below: float = COST_OF_A_LOOK / COST_OF_MELDING_MISSED
    """Under this probability of a melding it is a vraag: the risk of missing one costs less than a look."""
    melding_above: float = 1 - COST_OF_A_LOOK / COST_OF_VRAAG_TAKEN_FOR_MELDING
    """From this probability it is a melding without a look; between the two it is unsure."""

    def melding(self, score: float) -> float:
        """Probability that a message with this score is a melding."""
        return 1 / (1 + math.exp(-min(max(self.slope * score + self.offset, -30.0), 30.0)))

    def sectors(self, scores: Floats) -> Floats:
        """Probability of each sector."""
        return softmax(scores / self.temperature)


def softmax(scores: Floats) -> Floats:
    """Positive numbers that sum to one along the last axis, in the order of the scores."""
    raised: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    share: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return share


def calibrate(
    kind_scores: Floats, is_melding: NDArray[np.bool_], sector_scores: Floats, sector_columns: Sequence[int]
) -> Calibration:
    """Find the calibration that makes scores of messages the model had not seen most probable."""
    slope, offset = _logistic_curve(kind_scores, is_melding)
    right = np.arange(len(sector_columns)), np.array(sector_columns)
    surprise = [-np.log(softmax(sector_scores / heat)[right] + 1e-12).mean() for heat in _TEMPERATURES]
    return Calibration(
        slope=round(slope, 4),
        offset=round(offset, 4),
        temperature=round(float(_TEMPERATURES[int(np.argmin(surprise))]), 4),
    )


def _logistic_curve(scores: Floats, outcomes: NDArray[np.bool_]) -> tuple[float, float]:
    """Platt's curve by Newton's method on two parameters, with his softened targets."""
    positives, negatives = int(outcomes.sum()), int((~outcomes).sum())
    target = np.where(outcomes, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    columns = np.stack([scores, np.ones_like(scores)], axis=1)
    curve = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ curve, -30, 30)))
        slope = columns.T @ (chance - target)
        bend = columns.T @ (columns * (chance * (1 - chance))[:, None]) + 1e-9 * np.eye(2)
        curve = curve - np.linalg.solve(bend, slope)
    return float(curve[0]), float(curve[1])
