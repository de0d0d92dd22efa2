"""``onthaal tagging``: predict lines, evaluate and train."""

import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from services.intake_api.tagging import commands
from services.intake_api.tagging.messages import Message, UnreadableLineError, read_messages
from services.intake_api.tagging.model import Tagger


def predicted(tagger: Tagger, tmp_path: Path, *lines: str) -> list[dict[str, object]]:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    out = io.StringIO()
    commands.predict(file, out, tagger)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_predict_answers_each_line_in_order(tagger: Tagger, tmp_path: Path) -> None:
    first, second = predicted(
        tagger,
        tmp_path,
        '{"id": "x1", "channel": "chat", "subject": null, "text": "mijn coach slaat mij", "x": 1}',
        "",
        '{"channel": "mail", "text": "Kunnen wij 50 folders bestellen voor onze school?"}',
    )

    assert first["id"] == "x1"
    assert first["kind"] == "melding"
    assert first["sector"] == "Sport"
    assert second["kind"] == "vraag"
    assert set(second) == {
        "kind",
        "unsure",
        "kindConfidence",
        "sector",
        "sectorConfidence",
        "language",
        "signals",
        "roleWords",
    }
    assert first["signals"] == ["role:slachtoffer"]
    assert first["roleWords"] == ["slaat mij", "mij"]
    assert second["roleWords"] == []


def test_predict_reads_what_windows_wrote_and_prints_what_any_terminal_shows(tagger: Tagger, tmp_path: Path) -> None:
    (found,) = predicted(tagger, tmp_path, '\ufeff{"id": "\\ud83d", "channel": "chat", "text": "mon entraîneur me frappe"}\r')

    assert found["id"] == "\ud83d"
    assert found["language"] == "fr"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{broken", "not JSON"),
        ('{"channel": "chat"}', "text"),
        ('{"channel": 1, "text": "geheim"}', "channel"),
        ("[]", "not an object"),
        ("[" * 100_000, "not JSON"),
        ('{"channel": "chat", "text": "caf\udce9"}', "not JSON"),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_never_quoted(tagger: Tagger, tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UnreadableLineError, match=f"line 2: .*{said}") as caught:
        predicted(tagger, tmp_path, '{"channel": "chat", "text": "hallo daar"}', line)

    assert "geheim" not in str(caught.value)


def test_labelled_messages_with_a_line_separator_inside_are_read_whole(messages: tuple[Message, ...], tmp_path: Path) -> None:
    given = replace(messages[0], text="Mijn trainer\u2028slaat mij\x85elke week.")
    file = tmp_path / "some.jsonl"
    file.write_text("\ufeff" + json.dumps(asdict(given), ensure_ascii=False) + "\r\n", encoding="utf-8")

    assert read_messages(file) == (given,)


def test_evaluate_measures_the_model_in_use_on_messages_that_it_never_saw(tmp_path: Path) -> None:
    label = {"channel": "chat", "subject": None, "language": "nl", "hard": False, "anonymous": False}
    rows = [
        {"id": "B1", "text": "de trainer van de judo sloeg mijn zoon met de stok", "kind": "melding", "sector": "Sport"},
        {"id": "B2", "text": "kunnen wij 30 folders bestellen voor onze judoclub?", "kind": "vraag", "sector": "Sport"},
        {"id": "B3", "text": "kunnen wij 40 affiches bestellen voor onze judoclub?", "kind": "melding", "sector": "Sport"},
    ]
    data = tmp_path / "hidden.jsonl"
    data.write_text("\n".join(json.dumps(label | row) for row in rows), encoding="utf-8")

    report = commands.evaluate(data)

    assert "The model in use, on messages that it never saw" in report
    assert "author B                           3     0.667     0.500     1.000" in report
    assert "held out" not in report


@pytest.mark.parametrize(
    ("wrong", "said"), [({"kind": "Melding"}, "kind"), ({"sector": "Sprot"}, "sector"), ({"hard": "no"}, "hard")]
)
def test_a_label_that_nobody_knows_teaches_nothing(
    messages: tuple[Message, ...], tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(json.dumps(asdict(messages[0]) | wrong), encoding="utf-8")

    with pytest.raises(UnreadableLineError, match=f"line 1: not a labelled message: {said}"):
        commands.train(file, tmp_path / "model.bin")


def test_no_messages_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLineError, match="no labelled messages"):
        commands.evaluate(tmp_path)


def test_train_writes_a_model_that_loads_and_evaluate_reports_on_the_data(messages: tuple[Message, ...], tmp_path: Path) -> None:
    data, out = tmp_path / "some.jsonl", tmp_path / "model.bin"
    keys = ("id", "channel", "subject", "text", "kind", "sector", "language", "hard", "anonymous")
    rows = [json.dumps({key: getattr(one, key) for key in keys}) for one in messages[::12]]
    data.write_text("\n".join(rows), encoding="utf-8")

    version = commands.train(data, out)
    report = commands.evaluate(data)

    assert Tagger.load(out).version == version
    for part in ("Each author held out", "meldingRecall", "channel telefoon", "language fr", "hard"):
        assert part in report
