"""Learning the weights with scikit-learn. Needed to train, never to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from services.intake_api.tagging.features import BLOCKS, Terms, terms_of
from services.intake_api.tagging.linear import Block, LinearModel, Vocabulary
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
    """What scikit-learn holds after fitting, and the terms it was shown."""

    vocabulary: Vocabulary
    kind: LogisticRegression
    sector: LinearSVC


def lessons(messages: Sequence[Message]) -> tuple[Lesson, ...]:
    """Read every message and count its terms."""
    return tuple(Lesson(message, terms_of(read(message.channel, message.subject, message.text))) for message in messages)


def fit(given: Sequence[Lesson]) -> Learned:
    """Fit on these messages; the same messages in the same order give the same weights."""
    known = vocabulary(given)
    columns = matrix(known, given)
    kind = LogisticRegression(C=_KIND_FREEDOM, solver="liblinear", random_state=0)
    sector = LinearSVC(C=_SECTOR_FREEDOM, dual=True, random_state=0, max_iter=5000)
    kind.fit(columns, [lesson.message.kind == MELDING for lesson in given])
    sector.fit(columns, [lesson.message.sector or NO_SECTOR for lesson in given])
    return Learned(known, kind, sector)


def vocabulary(given: Sequence[Lesson]) -> Vocabulary:
    """Collect the terms that stand in enough of these messages."""
    keys, blocks, frequencies = [], [], []
    for number, name in enumerate(BLOCKS):
        found, times = np.unique(np.concatenate([np.unique(one.terms.keys[name]) for one in given]), return_counts=True)
        often = times >= _FEWEST_MESSAGES
        keys.append(found[often])
        frequencies.append(times[often])
        blocks.append(np.full(often.sum(), number, np.uint8))
    # two blocks may, once in billions, share a key: the first one has it
    together, first = np.unique(np.concatenate(keys), return_index=True)
    return Vocabulary(
        blocks=tuple(Block(name, weight) for name, weight in BLOCKS.items()),
        keys=together,
        block_of=np.concatenate(blocks)[first],
        messages_with_term=np.concatenate(frequencies)[first].astype(np.int32),
        messages=len(given),
    )


def matrix(known: Vocabulary, given: Sequence[Lesson]) -> csr_matrix:
    """Build the matrix that scikit-learn sees for these messages, by the code that answers in service."""
    weighed = [known.weigh(one.terms) for one in given]
    edges = np.cumsum([0, *(len(one.rows) for one in weighed)])
    rows, values = np.concatenate([one.rows for one in weighed]), np.concatenate([one.values for one in weighed])
    return csr_matrix((values.astype(np.float64), rows, edges), shape=(len(given), len(known.keys)))


def linear_model(learned: Learned) -> LinearModel:
    """Turn what was learned into the same model in numpy."""
    coefficients = np.vstack([learned.kind.coef_, learned.sector.coef_])
    intercepts = np.concatenate([learned.kind.intercept_, learned.sector.intercept_])
    return LinearModel(
        vocabulary=learned.vocabulary,
        weights=np.ascontiguousarray(coefficients.T).astype(np.float32),
        intercepts=np.round(intercepts, 4).astype(np.float32),
        sectors=tuple(None if name == NO_SECTOR else str(name) for name in learned.sector.classes_),
    )
