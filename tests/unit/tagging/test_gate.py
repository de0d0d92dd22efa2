"""A model takes the place of another only when it holds on every slice that matters."""

from pathlib import Path

import pytest

from services.intake_api.tagging.evaluate import author_folds, judge, predict_held_out
from services.intake_api.tagging.gate import WorseModelError, accept, accepted_figures, figures, worse
from services.intake_api.tagging.learning import lessons
from services.intake_api.tagging.messages import Message
from services.intake_api.tagging.model import Tagger

GOOD = {"accuracy": 0.95, "meldingRecall": 0.99, "vraagRecall": 0.9, "sectorAccuracy": 0.85, "sectorInTopThree": 0.97}


def measured(messages: int, **changed: float) -> dict[str, float]:
    return GOOD | {"messages": messages, "meldingen": messages / 2, "vragen": messages / 2} | changed


def test_the_shipped_model_is_no_worse_than_the_accepted_one(tagger: Tagger) -> None:
    assert accepted_figures()["all"]["messages"] == 1300
    assert worse(tagger.header.metrics, accepted_figures()) == []


def test_what_the_shipped_model_says_of_itself_is_measured_again(messages: tuple[Message, ...], tagger: Tagger) -> None:
    again = figures(judge(predict_held_out(author_folds(lessons(messages)))))

    stated = tagger.header.metrics
    assert again.keys() == stated.keys()
    for name in ("accuracy", "meldingRecall", "vraagRecall", "sectorAccuracy"):
        assert again["all"][name] == pytest.approx(stated["all"][name], abs=0.002)


def test_a_model_that_loses_one_slice_is_refused_by_name(tmp_path: Path) -> None:
    accept({"all": measured(1300), "hard": measured(400)}, tmp_path / "accepted.json")

    with pytest.raises(WorseModelError, match=r"hard: vraagRecall 0\.9000 to 0\.8000"):
        accept({"all": measured(1300), "hard": measured(400, vraagRecall=0.8)}, tmp_path / "accepted.json")

    assert accepted_figures(tmp_path / "accepted.json")["hard"]["vraagRecall"] == 0.9


def test_a_model_that_says_nothing_of_a_slice_is_refused() -> None:
    assert worse({"all": measured(1300)}, {"all": measured(1300), "language fr": measured(47)}) == ["language fr: not measured"]


def test_one_message_of_a_slice_may_go_the_other_way_but_not_of_all() -> None:
    before = {"all": measured(1300), "hard": measured(100)}

    assert worse({"all": measured(1300), "hard": measured(100, accuracy=0.94)}, before) == []
    assert worse({"all": measured(1300), "hard": measured(100, vraagRecall=0.88)}, before) == []  # one vraag of fifty
    assert worse({"all": measured(1300), "hard": measured(100, vraagRecall=0.86)}, before) != []
    assert worse({"all": measured(1300, accuracy=0.9492), "hard": measured(100)}, before) != []


def test_a_worse_model_is_taken_when_that_is_asked_for(tmp_path: Path) -> None:
    accept({"all": measured(1300)}, tmp_path / "accepted.json")
    accept({"all": measured(1300, accuracy=0.9)}, tmp_path / "accepted.json", anyway=True)

    assert accepted_figures(tmp_path / "accepted.json")["all"]["accuracy"] == 0.9
