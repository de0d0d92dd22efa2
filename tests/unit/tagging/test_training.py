"""The model file: made the same again, equal to what scikit-learn learned, good on unseen messages."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from services.intake_api.tagging.artefact import UnusableModelError, unpack
from services.intake_api.tagging.evaluate import author_folds, judge, measures, predict_held_out, random_folds
from services.intake_api.tagging.learning import Lesson, fit, lessons, linear_model
from services.intake_api.tagging.lexicon import lexicon_fingerprint
from services.intake_api.tagging.messages import HELD_OUT_SETS, Message, fingerprint
from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.rules import judge_by_rules
from services.intake_api.tagging.train import train

SHIPPED = Path(__file__).parents[3] / "services/intake_api/tagging/data/model.bin"


@pytest.fixture(scope="module")
def given(messages: tuple[Message, ...]) -> tuple[Lesson, ...]:
    return lessons(messages)


def test_training_twice_on_the_same_messages_gives_the_same_bytes(messages: tuple[Message, ...]) -> None:
    some = messages[::14]

    assert train(some) == train(some)


def test_training_gives_the_same_bytes_on_a_machine_with_more_processors(messages: tuple[Message, ...]) -> None:
    some = messages[::4]
    models = []
    for processors in (1, 2):
        with threadpool_limits(processors):
            models.append(train(some))

    assert models[0] == models[1]


def test_the_shipped_model_is_what_training_on_the_repository_gives(
    messages: tuple[Message, ...], given: tuple[Lesson, ...]
) -> None:
    shipped = unpack(SHIPPED.read_bytes(), lexicon_fingerprint())
    learned = linear_model(fit(given))

    assert shipped.header.data == fingerprint(messages)
    assert np.array_equal(shipped.model.vocabulary.keys, learned.vocabulary.keys)
    assert np.abs(shipped.model.weights - learned.weights).max() < 0.002
    assert np.allclose(shipped.model.intercepts, learned.intercepts, atol=0.002)


def test_answers_equal_the_decision_function_of_scikit_learn(given: tuple[Lesson, ...]) -> None:
    some, others = given[::12], given[1::40]
    learned = fit(some)
    model = linear_model(learned)

    expected = learned.scores(others)
    ours = np.array([model.scores(model.vocabulary.weigh(one.terms)) for one in others])
    assert np.allclose(ours, expected, atol=1e-3)


def test_the_model_is_good_on_a_fifth_that_it_never_saw(given: tuple[Lesson, ...]) -> None:
    fold = random_folds(given)[3]
    found = predict_held_out([fold])
    kind_right = np.mean([(one.scores[0] > 0) == (one.message.kind == "melding") for one in found])
    sector_right = np.mean([one.sectors[int(one.scores[1:].argmax())] == one.message.sector for one in found])

    assert len(found) == 260
    assert kind_right >= 0.93
    assert sector_right >= 0.78


def test_the_model_is_better_than_rules_alone_on_messages_of_authors_it_never_saw(
    messages: tuple[Message, ...], tagger: Tagger
) -> None:
    rules = measures(judge_by_rules([message for message in messages if message.author_set in HELD_OUT_SETS]))
    stated = tagger.header.metrics["all"]

    assert stated["messages"] == rules["messages"]
    for name in ("accuracy", "meldingRecall", "vraagRecall", "hardAccuracy", "sectorAccuracy", "sectorInTopThree"):
        assert stated[name] > rules[name] + 0.03, name


def test_the_shipped_model_says_how_good_it_was_with_each_author_held_out(tagger: Tagger) -> None:
    stated = tagger.header.metrics["all"]

    assert stated["accuracy"] >= 0.96
    assert stated["accuracyAtHalf"] >= 0.97
    assert stated["meldingRecall"] >= 0.99
    assert stated["vraagRecall"] >= 0.92
    assert stated["unsure"] <= 0.08
    assert stated["sectorAccuracy"] >= 0.87
    assert stated["sectorInTopThree"] >= 0.96
    assert stated["kindCalibrationError"] <= 0.05


def test_evaluation_never_teaches_an_author_it_measures(given: tuple[Lesson, ...]) -> None:
    for taught, held_out in author_folds(given):
        assert {one.message.author_set for one in held_out}.isdisjoint({one.message.author_set for one in taught})


def test_unsure_counts_as_melding_when_measured(given: tuple[Lesson, ...]) -> None:
    judged = judge(predict_held_out(author_folds(given[::12])))

    assert all(one.kind == "melding" for one in judged if one.unsure)
    assert measures(judged)["messages"] == len(judged)


@pytest.mark.parametrize("place", [0, 70, -1])
def test_a_damaged_model_is_refused(tmp_path: Path, place: int) -> None:
    damaged = bytearray(SHIPPED.read_bytes())
    damaged[place] ^= 1
    (tmp_path / "model.bin").write_bytes(damaged)

    with pytest.raises(UnusableModelError, match="damaged"):
        Tagger.load(tmp_path / "model.bin")


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnusableModelError, match="onthaal tagging train"):
        Tagger.load(tmp_path / "none.bin")


def test_a_model_for_another_lexicon_is_refused() -> None:
    with pytest.raises(UnusableModelError, match="another lexicon"):
        unpack(SHIPPED.read_bytes(), hashlib.sha256(b"another").hexdigest())


def test_a_model_with_a_header_nobody_wrote_is_refused() -> None:
    content = b"{}\n"
    with pytest.raises(UnusableModelError, match="header"):
        unpack(hashlib.sha256(content).hexdigest().encode() + b"\n" + content, lexicon_fingerprint())


def sealed(header: dict[str, Any], payload: bytes) -> bytes:
    content = json.dumps(header).encode() + b"\n" + payload
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


@pytest.mark.parametrize("wrong", [{"terms": 10**9}, {"sectors": ["Sport"]}, {"sectors": ["Sprot"] * 13}])
def test_a_model_that_does_not_hold_what_its_header_says_is_refused(wrong: dict[str, Any]) -> None:
    _, header, payload = SHIPPED.read_bytes().split(b"\n", 2)

    with pytest.raises(UnusableModelError, match="header"):
        unpack(sealed(json.loads(header) | wrong, payload), lexicon_fingerprint())


def test_a_model_whose_numbers_cannot_be_read_is_refused() -> None:
    _, header, _ = SHIPPED.read_bytes().split(b"\n", 2)

    with pytest.raises(UnusableModelError, match="header"):
        unpack(sealed(json.loads(header), b"nothing of a model"), lexicon_fingerprint())
