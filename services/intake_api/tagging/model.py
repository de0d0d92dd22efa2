"""The tagger: a message in, a suggestion out, in a few milliseconds and without ever failing an intake."""

import logging
from importlib import resources
from pathlib import Path
from typing import Final, Self

import numpy as np

from services.intake_api.tagging.artefact import Artefact, UnusableModelError, unpack
from services.intake_api.tagging.features import terms_of, word_or_pair
from services.intake_api.tagging.language import language_of
from services.intake_api.tagging.lexicon import lexicon_fingerprint
from services.intake_api.tagging.linear import Floats, Weighed
from services.intake_api.tagging.messages import MELDING, VRAAG
from services.intake_api.tagging.nature import nature_of
from services.intake_api.tagging.roles import role_of
from services.intake_api.tagging.signals import in_danger, signals_of
from services.intake_api.tagging.suggestion import Suggestion, cautious
from services.intake_api.tagging.text import Reading, read

_log = logging.getLogger(__name__)
_BEST_SECTORS: Final = 3
_TELLING_WORDS: Final = 5
_SHORTEST_TELLING: Final = 3
_UNDERSTOOD: Final = 0.5
"""Share of the words that the model must know. Of less it is unsure: there are no words, or they are of another language."""
_EVEN: Final = 0.5


class Tagger:
    """Suggests a tag for a message. Pure and without state: one instance serves any number of threads."""

    def __init__(self, artefact: Artefact) -> None:
        self.version = artefact.version
        self.header = artefact.header
        self._model = artefact.model
        self._calibration = artefact.header.calibration
        self.suggest("mail", "subject", "a first text makes ready what the others use")

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Load the model at ``path``, or the one shipped beside this code.

        Raises :class:`UnusableModelError` when the file is missing, damaged, or made for other code.
        """
        source = path or resources.files(__package__).joinpath("data/model.bin")
        try:
            data = source.read_bytes()
        except OSError as error:
            raise UnusableModelError("the model file cannot be read: run `onthaal tagging train`") from error
        return cls(unpack(data, lexicon_fingerprint()))

    def suggest(self, channel: str, subject: str | None, text: str, *, joined: bool = False) -> Suggestion:
        """Suggest a tag for any message, or what several add; one that cannot be worked out is a melding, unsure, for a human."""
        try:
            return self._suggest(read(channel, subject, text, joined=joined))
        except Exception as error:  # noqa: BLE001 - a fault here must never cost a contact; a human reads it instead
            # Only the class of the fault: a traceback could hold content.
            _log.error("tagging failed: %s", type(error).__name__)
            return cautious(self.version)

    def sees_danger(self, channel: str, subject: str | None, text: str) -> bool:
        """Whether a message shows a sign of immediate danger, without the model; one that cannot be read shows none."""
        try:
            return in_danger(read(channel, subject, text))
        except Exception as error:  # noqa: BLE001 - as above; the suggestion that follows is unsure, and a human reads it
            _log.error("looking for danger failed: %s", type(error).__name__)
            return False

    def _suggest(self, reading: Reading) -> Suggestion:
        terms = terms_of(reading)
        weighed = self._model.vocabulary.weigh(terms)
        scores = self._model.scores(weighed)
        understood = _understood(reading, weighed)
        melding = self._calibration.melding(float(scores[0])) if understood else _EVEN
        kind = VRAAG if melding < self._calibration.vraag_below else MELDING
        sectors = self._sectors(scores[1:])
        return Suggestion(
            kind=kind,
            unsure=not understood or (kind == MELDING and melding < self._calibration.melding_above),
            kind_confidence=round(melding if kind == MELDING else 1 - melding, 4),
            sector=sectors[0][0],
            sector_confidence=sectors[0][1],
            sectors=sectors,
            language=language_of(reading.words),
            nature=nature_of(reading, terms.named()),
            signals=signals_of(reading),
            role=role_of(reading) if kind == MELDING else None,
            words=self._telling_words(reading, weighed, 1 if kind == MELDING else -1),
            model_version=self.version,
        )

    def _sectors(self, scores: Floats) -> tuple[tuple[str | None, float], ...]:
        chances = self._calibration.sectors(scores)
        best = np.argsort(-chances, kind="stable")[:_BEST_SECTORS]
        return tuple((self._model.sectors[column], round(float(chances[column]), 4)) for column in best)

    def _telling_words(self, reading: Reading, weighed: Weighed, direction: int) -> tuple[str, ...]:
        shares = self._model.kind_shares(weighed) * direction
        telling: list[str] = []
        for place in np.argsort(-shares, kind="stable"):
            if shares[place] <= 0 or len(telling) == _TELLING_WORDS:
                break
            term = word_or_pair(reading, int(place))
            if len(term) >= _SHORTEST_TELLING and term not in telling:
                telling.append(term)
        return tuple(telling)


def _understood(reading: Reading, weighed: Weighed) -> bool:
    said = len(reading.words)
    known = int(np.count_nonzero(weighed.first[:said] >= 0))
    return said > 0 and known >= said * _UNDERSTOOD
