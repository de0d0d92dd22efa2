"""Learning the weights with scikit-learn. Needed to train, never to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.svm import LinearSVC

from services.intake_api.tagging.features import BLOCKS, Terms, terms_of
from services.intake_api.tagging.linear import Block, Floats, LinearModel, Vocabulary
from services.intake_api.tagging.messages import MELDING, Message
from services.intake_api.tagging.text import read

_FEWEST_MESSAGES: Final = 2
NO_SECTOR: Final = "-"
_TWO: Final = 2
"""Classes of the kind: their scores are one column."""

Estimator: TypeAlias = Any
"""One of scikit-learn's linear classifiers."""


@dataclass(frozen=True)
class Lesson:
    """One labelled message with its terms, counted once for every fold it takes part in."""

    message: Message
    terms: Terms


@dataclass(frozen=True)
class Member:
    """One classifier of a committee, with how loud it speaks: linear ones together are one linear model."""

    estimator: Estimator
    share: float


@dataclass(frozen=True)
class Committee:
    """Classifiers that make different mistakes, each shown the blocks at these weights, beside those of ``BLOCKS``; not those at 0."""

    members: tuple[Member, ...]
    blocks: Mapping[str, float]

    def fit(self, known: Vocabulary, columns: csr_matrix, labels: Sequence[Any]) -> "Committee":
        """Teach every member."""
        shown = columns @ self._scale(known)
        for member in self.members:
            member.estimator.fit(shown, labels)
        return self

    def scores(self, known: Vocabulary, columns: csr_matrix) -> Floats:
        """Score messages as scikit-learn does."""
        shown = columns @ self._scale(known)
        scores: Floats = np.sum([member.share * _decision(member.estimator, shown) for member in self.members], axis=0)
        return scores

    def weights(self, known: Vocabulary) -> tuple[Floats, Floats]:
        """Put the members together into weights (a row for each class or one for two classes) and intercepts."""
        pairs = [(member.share, *_linear(member.estimator)) for member in self.members]
        weights: Floats = np.sum([share * found for share, found, _ in pairs], axis=0)
        intercepts: Floats = np.sum([share * found for share, _, found in pairs], axis=0)
        return weights @ self._scale(known).T, intercepts

    def _scale(self, known: Vocabulary) -> Any:
        weights = np.array([self.blocks[block.name] / block.weight for block in known.blocks])[known.block_of]
        return diags(weights).tocsc()[:, weights > 0]


def _kind_committee() -> Committee:
    members = (
        Member(LinearSVC(C=0.5, dual=True, random_state=0, max_iter=5000), 1 / 1.15),
        Member(RidgeClassifier(alpha=0.5, solver="sparse_cg", random_state=0), 1 / 0.9),
        Member(ComplementNB(alpha=0.1), 1 / 8.8),
    )
    return Committee(members, {"word": 1.0, "piece": 1.0, "meaning": 0.5, "place": 0.5, "sentence": 0.3})


def _sector_committee() -> Committee:
    members = (
        Member(LinearSVC(C=0.25, dual=True, random_state=0, max_iter=5000), 1.5 / 0.5),
        Member(ComplementNB(alpha=0.2), 1 / 0.73),
        Member(MultinomialNB(alpha=0.05), 1 / 3.6),
    )
    return Committee(members, {"word": 0.7, "piece": 1.0, "meaning": 0.2, "place": 0.7, "sentence": 0.0})


def _linear(estimator: Estimator) -> tuple[Floats, Floats]:
    """Give weights and intercepts; those of Bayes are what a class has above the mean of all."""
    if isinstance(estimator, ComplementNB | MultinomialNB):
        prior = estimator.class_log_prior_ if isinstance(estimator, MultinomialNB) else np.zeros(len(estimator.classes_))
        return _above_mean(estimator.feature_log_prob_), _above_mean(prior)
    return np.atleast_2d(estimator.coef_), np.atleast_1d(estimator.intercept_)


def _decision(estimator: Estimator, columns: csr_matrix) -> Floats:
    if isinstance(estimator, ComplementNB | MultinomialNB):
        return _above_mean(estimator.predict_joint_log_proba(columns).T).T
    scores: Floats = estimator.decision_function(columns)
    return scores.reshape(columns.shape[0], -1)


def _above_mean(values: NDArray[np.float64]) -> Floats:
    """Set classes (rows) against each other; of two classes, the second against the first."""
    above: Floats = values[1:] - values[:1] if len(values) == _TWO else values - values.mean(axis=0)
    return above


@dataclass(frozen=True)
class Learned:
    """What scikit-learn holds after fitting, and the terms it was shown."""

    vocabulary: Vocabulary
    kind: Committee
    sector: Committee

    @property
    def sectors(self) -> tuple[str, ...]:
        """The sectors in the order of the scores."""
        return tuple(map(str, self.sector.members[0].estimator.classes_))

    def scores(self, given: Sequence[Lesson]) -> Floats:
        """Score messages by scikit-learn's own functions: the kind, then every sector."""
        columns = matrix(self.vocabulary, given)
        return np.hstack([one.scores(self.vocabulary, columns) for one in (self.kind, self.sector)])


def lessons(messages: Sequence[Message]) -> tuple[Lesson, ...]:
    """Read every message and count its terms."""
    return tuple(Lesson(message, terms_of(read(message.channel, message.subject, message.text))) for message in messages)


def fit(given: Sequence[Lesson]) -> Learned:
    """Fit on these messages; the same messages in the same order give the same weights."""
    known = vocabulary(given)
    columns = matrix(known, given)
    kinds = [lesson.message.kind == MELDING for lesson in given]
    sectors = [lesson.message.sector or NO_SECTOR for lesson in given]
    return Learned(known, _kind_committee().fit(known, columns, kinds), _sector_committee().fit(known, columns, sectors))


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
    kind, kind_intercept = learned.kind.weights(learned.vocabulary)
    sector, sector_intercepts = learned.sector.weights(learned.vocabulary)
    return LinearModel(
        vocabulary=learned.vocabulary,
        weights=np.ascontiguousarray(np.vstack([kind, sector]).T).astype(np.float32),
        intercepts=np.round(np.concatenate([kind_intercept, sector_intercepts]), 4).astype(np.float32),
        sectors=tuple(None if name == NO_SECTOR else name for name in learned.sectors),
    )
