"""Learning the weights with scikit-learn. Needed to train, never to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from services.intake_api.tagging.features import BLOCKS, terms_of
from services.intake_api.tagging.linear import Block, LinearModel, Terms
from services.intake_api.tagging.messages import MELDING, Message
from services.intake_api.tagging.text import read

_KIND_FREEDOM: Final = 30.0
_SECTOR_FREEDOM: Final = 0.2
_FEWEST_MESSAGES: Final = 2
NO_SECTOR: Final = "-"


@dataclass(frozen=True)
class Lesson:
    """One labelled message with its terms, counted once for every fold it takes part in."""

    message: Message
    terms: Terms


@dataclass(frozen=True)
class Learned:
    """What scikit-learn holds after fitting."""

    vectorisers: Mapping[str, TfidfVectorizer]
    kind: LogisticRegression
    sector: LinearSVC
    messages: int

    def columns(self, lessons: Sequence[Lesson]) -> csr_matrix:
        """Build the matrix scikit-learn sees for these messages."""
        parts = [
            vectoriser.transform([lesson.terms[name] for lesson in lessons]) * BLOCKS[name].weight
            for name, vectoriser in self.vectorisers.items()
        ]
        return csr_matrix(hstack(parts))


def lessons(messages: Sequence[Message]) -> tuple[Lesson, ...]:
    """Read every message and count its terms."""
    return tuple(Lesson(message, terms_of(read(message.channel, message.subject, message.text))) for message in messages)


def fit(given: Sequence[Lesson]) -> Learned:
    """Fit on these messages; the same messages in the same order give the same weights."""
    vectorisers, parts = {}, []
    for name, block in BLOCKS.items():
        vectorisers[name] = TfidfVectorizer(analyzer=list, sublinear_tf=True, min_df=_FEWEST_MESSAGES)
        parts.append(vectorisers[name].fit_transform([lesson.terms[name] for lesson in given]) * block.weight)
    columns = csr_matrix(hstack(parts))
    kind = LogisticRegression(C=_KIND_FREEDOM, solver="liblinear", random_state=0)
    sector = LinearSVC(C=_SECTOR_FREEDOM, dual=True, random_state=0, max_iter=5000)
    kind.fit(columns, [lesson.message.kind == MELDING for lesson in given])
    sector.fit(columns, [lesson.message.sector or NO_SECTOR for lesson in given])
    return Learned(vectorisers, kind, sector, len(given))


def linear_model(learned: Learned) -> LinearModel:
    """Turn what was learned into the same model in numpy."""
    blocks, first = [], 0
    for name, vectoriser in learned.vectorisers.items():
        terms = tuple(vectoriser.get_feature_names_out())
        frequencies = _frequencies(vectoriser, learned.messages)
        blocks.append(Block(name, BLOCKS[name].weight, terms, frequencies, learned.messages, first))
        first += len(terms)
    coefficients = np.vstack([learned.kind.coef_, learned.sector.coef_])
    intercepts = np.concatenate([learned.kind.intercept_, learned.sector.intercept_])
    return LinearModel(
        blocks=tuple(blocks),
        weights=np.ascontiguousarray(coefficients.T).astype(np.float32),
        intercepts=np.round(intercepts, 4).astype(np.float32),
        sectors=tuple(None if name == NO_SECTOR else str(name) for name in learned.sector.classes_),
    )


def _frequencies(vectoriser: TfidfVectorizer, messages: int) -> NDArray[np.int32]:
    """In how many messages each term stood: scikit-learn keeps only the weight it made of that."""
    frequencies: NDArray[np.int32] = np.rint((1 + messages) / np.exp(vectoriser.idf_ - 1) - 1).astype(np.int32)
    return frequencies
