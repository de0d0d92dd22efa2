"""How good the model is on messages it never saw: by author, at random, and by slice."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.intake_api.tagging.calibration import Calibration, calibrate
from services.intake_api.tagging.learning import Lesson, fit, linear_model
from services.intake_api.tagging.linear import Floats
from services.intake_api.tagging.messages import HELD_OUT_SETS, MELDING, Kind, Message
from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.suggestion import Suggestion

Fold: TypeAlias = tuple[Sequence[Lesson], Sequence[Lesson]]
_RANDOM_FOLDS: Final = 5
_BINS: Final = 10
_TOP: Final = 3
_HALF: Final = 0.5


@dataclass(frozen=True)
class Prediction:
    """What a model that had not seen a message made of it."""

    message: Message
    scores: Floats
    sectors: tuple[str | None, ...]
    fold: int


@dataclass(frozen=True)
class Judged:
    """A prediction with probabilities by a calibration that had not seen the message either."""

    message: Message
    melding: float
    unsure: bool
    kind: Kind
    sectors: tuple[str | None, ...]
    """The three most probable sectors."""
    sector_confidence: float

    @property
    def right(self) -> bool:
        """The kind given, unsure as melding, is the label."""
        return self.kind == self.message.kind


def author_folds(lessons: Sequence[Lesson]) -> list[Fold]:
    """Each author set held out once; messages of other sets always teach, never count."""
    sets = [lesson.message.author_set for lesson in lessons]
    return [_split(lessons, [one == held_out for one in sets]) for held_out in HELD_OUT_SETS]


def random_folds(lessons: Sequence[Lesson]) -> list[Fold]:
    """Five folds over the measured sets, each author spread evenly; extra messages always teach."""
    measured = [lesson.message.id for lesson in lessons if lesson.message.author_set in HELD_OUT_SETS]
    fold_of = {name: place % _RANDOM_FOLDS for place, name in enumerate(measured)}
    folds = [fold_of.get(lesson.message.id) for lesson in lessons]
    return [_split(lessons, [one == held_out for one in folds]) for held_out in range(_RANDOM_FOLDS)]


def _split(lessons: Sequence[Lesson], held_out: Sequence[bool]) -> Fold:
    pairs = list(zip(lessons, held_out, strict=True))
    return [lesson for lesson, held in pairs if not held], [lesson for lesson, held in pairs if held]


def predict_held_out(folds: Iterable[Fold]) -> list[Prediction]:
    """Score each held-out message by a model fitted without its fold, by the code that answers in service."""
    found = []
    for number, (given, held_out) in enumerate(folds):
        model = linear_model(fit(given))
        found += [
            Prediction(one.message, model.scores(model.vocabulary.weigh(one.terms)), model.sectors, number) for one in held_out
        ]
    return found


def calibration_of(predictions: Sequence[Prediction]) -> Calibration:
    """Calibrate on these held-out predictions."""
    return calibrate(
        np.array([one.scores[0] for one in predictions]),
        np.array([one.message.kind == MELDING for one in predictions]),
        np.array([one.scores[1:] for one in predictions]),
        [one.sectors.index(one.message.sector) for one in predictions],
    )


def judge(predictions: Sequence[Prediction]) -> list[Judged]:
    """Probabilities and outcome of each prediction; each fold is calibrated on the others."""
    judged = []
    for fold in sorted({one.fold for one in predictions}):
        calibration = calibration_of([one for one in predictions if one.fold != fold])
        judged += [_judge(one, calibration) for one in predictions if one.fold == fold]
    return judged


def _judge(prediction: Prediction, calibration: Calibration) -> Judged:
    melding = calibration.melding(float(prediction.scores[0]))
    sectors = calibration.sectors(prediction.scores[1:])
    best = np.argsort(-sectors, kind="stable")[:_TOP]
    return Judged(
        message=prediction.message,
        melding=melding,
        unsure=calibration.vraag_below <= melding < calibration.melding_above,
        kind="vraag" if melding < calibration.vraag_below else "melding",
        sectors=tuple(prediction.sectors[column] for column in best),
        sector_confidence=float(sectors[best[0]]),
    )


def judge_by(tagger: Tagger, messages: Sequence[Message]) -> list[Judged]:
    """Judge messages by a tagger as it answers in service."""
    return [_as_answered(message, tagger.suggest(message.channel, message.subject, message.text)) for message in messages]


def _as_answered(message: Message, given: Suggestion) -> Judged:
    return Judged(
        message=message,
        melding=given.kind_confidence if given.kind == MELDING else 1 - given.kind_confidence,
        unsure=given.unsure,
        kind=given.kind,
        sectors=tuple(sector for sector, _ in given.sectors) or (given.sector,),
        sector_confidence=given.sector_confidence,
    )


def measures(judged: Sequence[Judged]) -> dict[str, float]:
    """Work out the numbers that models are compared by. ``accuracyAtHalf`` ignores costs and unsure."""
    meldingen = [one for one in judged if one.message.kind == MELDING]
    vragen = [one for one in judged if one.message.kind != MELDING]
    hard = [one for one in judged if one.message.hard]
    found = {
        "messages": float(len(judged)),
        "meldingen": float(len(meldingen)),
        "vragen": float(len(vragen)),
        "accuracy": _share(one.right for one in judged),
        "accuracyAtHalf": _share((one.melding >= _HALF) == (one.message.kind == MELDING) for one in judged),
        "accuracyWhenSure": _share(one.right for one in judged if not one.unsure),
        "meldingRecall": _share(one.right for one in meldingen),
        "vraagRecall": _share(one.right for one in vragen),
        "hardAccuracy": _share(one.right for one in hard),
        "unsure": _share(one.unsure for one in judged),
        "kindCalibrationError": _calibration_error([(one.melding, one.message.kind == MELDING) for one in judged]),
        "sectorAccuracy": _share(one.sectors[0] == one.message.sector for one in judged),
        "sectorInTopThree": _share(one.message.sector in one.sectors for one in judged),
        "sectorCalibrationError": _calibration_error(
            [(one.sector_confidence, one.sectors[0] == one.message.sector) for one in judged]
        ),
    }
    return {name: round(value, 4) for name, value in found.items()}


def _share(outcomes: Iterable[bool]) -> float:
    counted = Counter(bool(outcome) for outcome in outcomes)
    return counted[True] / max(1, counted.total())


def _calibration_error(given: Sequence[tuple[float, bool]]) -> float:
    """Work out the expected calibration error over ten bins of equal width."""
    if not given:
        return 0.0
    chance, outcome = (np.array(column, dtype=float) for column in zip(*given, strict=True))
    place: NDArray[np.intp] = np.minimum((chance * _BINS).astype(np.intp), _BINS - 1)
    gaps = [abs((chance - outcome)[place == number].sum()) for number in range(_BINS)]
    return float(sum(gaps) / len(given))


def slices(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Group the predictions by author set, channel, language and difficulty."""
    found: dict[str, list[Judged]] = {}
    for one in judged:
        message = one.message
        for name in (
            f"author {message.author_set}",
            f"channel {message.channel}",
            f"language {message.language}",
            "hard" if message.hard else "plain",
        ):
            found.setdefault(name, []).append(one)
    return dict(sorted(found.items()))
