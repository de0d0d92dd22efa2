"""Whether a model may take the place of another: it must hold on every slice that matters.

``data/accepted.json`` has the figures of the model that was last accepted, by slice, each of them measured on messages by an
author that the model had not seen. ``onthaal tagging train`` refuses a model that does worse, and a test says that the
shipped one does not.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from services.intake_api.tagging.evaluate import Judged, measures, slices

Figures: TypeAlias = Mapping[str, Mapping[str, float]]
"""By slice, what was measured on it."""

ACCEPTED: Final = Path(__file__).with_name("data") / "accepted.json"
EVERYTHING: Final = "all"

_COMPARED: Final = ("accuracy", "meldingRecall", "vraagRecall", "sectorAccuracy", "sectorInTopThree")
_COUNTED_OVER: Final = {"meldingRecall": "meldingen", "vraagRecall": "vragen"}
"""What a figure is a share of, where it is not of all messages."""
_MAY_FALL: Final = 1.0
"""Messages of a slice, in each figure, that may go the other way by chance; of all messages together none may."""
_FEWEST_MESSAGES: Final = 40
"""Smaller slices say too little to refuse a model for."""


class WorseModelError(ValueError):
    """A model does worse than the accepted one; says on which slices and in what."""


def figures(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Measure everything together, then every slice."""
    return {EVERYTHING: measures(judged)} | {name: measures(part) for name, part in slices(judged).items()}


def worse(found: Figures, accepted: Figures) -> list[str]:
    """Name what fell, slice by slice; empty when the model may be taken."""
    faults = [f"{name}: not measured" for name in accepted if name not in found]
    for name, before in accepted.items():
        messages = before["messages"]
        may_fall = 0.0 if name == EVERYTHING else _MAY_FALL
        if name in found and messages >= _FEWEST_MESSAGES:
            faults += [
                f"{name}: {figure} {before[figure]:.4f} to {found[name][figure]:.4f}"
                for figure in _COMPARED
                if found[name][figure] < before[figure] - may_fall / before[_COUNTED_OVER.get(figure, "messages")] - 5e-5
            ]
    return faults


def accepted_figures(path: Path = ACCEPTED) -> Figures:
    """Read what was accepted; nothing when no model has been."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def accept(found: Figures, path: Path = ACCEPTED, *, anyway: bool = False) -> None:
    """Take a model with these figures for the accepted one; raises :class:`WorseModelError` when it is not."""
    faults = worse(found, accepted_figures(path))
    if faults and not anyway:
        raise WorseModelError("the model does worse than the accepted one: " + "; ".join(faults))
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
