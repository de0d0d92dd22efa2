"""The report that ``onthaal tagging evaluate`` prints."""

from collections import Counter
from collections.abc import Sequence

from services.intake_api.tagging.evaluate import (
    Judged,
    author_folds,
    judge,
    judge_by,
    measures,
    predict_held_out,
    random_folds,
    slices,
)
from services.intake_api.tagging.learning import lessons
from services.intake_api.tagging.messages import HELD_OUT_SETS, MELDING, Message, shipped_messages
from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.roles import role_measures
from services.intake_api.tagging.rules import judge_by_rules

_COLUMNS = {
    "messages": "messages",
    "accuracy": "kind",
    "meldingRecall": "melding",
    "vraagRecall": "vraag",
    "unsure": "unsure",
    "sectorAccuracy": "sector",
    "sectorInTopThree": "top three",
}


def report(messages: Sequence[Message]) -> str:
    """Confusion, calibration and slices: of the model in use on what it never saw, by held-out author and by random folds."""
    seen = {message.text for message in shipped_messages()}
    unseen = [message for message in messages if message.text not in seen]
    sections = [_section("The model in use, on messages that it never saw", judge_by(Tagger.load(), unseen))] if unseen else []
    if {message.author_set for message in messages}.issuperset(HELD_OUT_SETS):
        sections += _learned_anew(messages)
    return "\n\n".join(sections) or "The model in use learned from every one of these messages."


def _learned_anew(messages: Sequence[Message]) -> list[str]:
    given = lessons(messages)
    by_author = judge(predict_held_out(author_folds(given)))
    at_random = judge(predict_held_out(random_folds(given)))
    by_rules = judge_by_rules([message for message in messages if message.author_set in HELD_OUT_SETS])
    roles = "\n".join(f"{name:24}{value:10.4f}" for name, value in role_measures(messages).items())
    return [
        _section("Rules alone, on the same messages", by_rules),
        _section("Each author held out", by_author),
        _section("Five random folds", at_random),
        "Sectors most often taken for another, authors held out\n" + _sector_confusion(by_author),
        "Role of whoever makes contact, by rules, on labelled meldingen\n" + roles,
    ]


def _section(title: str, judged: Sequence[Judged]) -> str:
    found = measures(judged)
    numbers = [f"{name:24}{value:10.4f}" for name, value in found.items() if name != "messages"]
    lines = [title, "=" * len(title), *numbers]
    return "\n".join([*lines, "", _confusion(judged), "", _calibration(judged), "", _slices(judged)])


def _confusion(judged: Sequence[Judged]) -> str:
    counts = Counter[tuple[str, str]]((one.message.kind, "unsure" if one.unsure else one.kind) for one in judged)
    outcomes = ("melding", "unsure", "vraag")
    rows = [f"{'label':10}" + "".join(f"{outcome:>10}" for outcome in outcomes)]
    rows += [f"{label:10}" + "".join(f"{counts[label, outcome]:10}" for outcome in outcomes) for label in ("melding", "vraag")]
    return "\n".join(rows)


def _calibration(judged: Sequence[Judged]) -> str:
    rows = [f"{'said':>10}{'messages':>10}{'melding':>10}"]
    for tenth in range(10):
        inside = [one.message.kind == MELDING for one in judged if min(int(one.melding * 10), 9) == tenth]
        if inside:
            rows.append(f"{tenth * 10:>6}-{tenth * 10 + 10}%{len(inside):10}{sum(inside) / len(inside):10.2f}")
    return "\n".join(rows)


def _slices(judged: Sequence[Judged]) -> str:
    rows = [f"{'slice':26}" + "".join(f"{title:>10}" for title in _COLUMNS.values())]
    for name, part in slices(judged).items():
        found = measures(part)
        cells = (f"{found[key]:10.0f}" if key == "messages" else f"{found[key]:10.3f}" for key in _COLUMNS)
        rows.append(f"{name:26}" + "".join(cells))
    return "\n".join(rows)


def _sector_confusion(judged: Sequence[Judged]) -> str:
    wrong = Counter(
        (one.message.sector or "none", one.sectors[0] or "none") for one in judged if one.sectors[0] != one.message.sector
    )
    return "\n".join(f"{label:20} taken for {given:20}{count:4}" for (label, given), count in wrong.most_common(15))
