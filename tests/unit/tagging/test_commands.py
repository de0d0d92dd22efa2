"""``onthaal tagging``: predict lines, evaluate and train."""

import io
import json
from pathlib import Path

import pytest

from services.intake_api.tagging import commands
from services.intake_api.tagging.messages import Message, UnreadableLineError
from services.intake_api.tagging.model import Tagger


def predicted(tagger: Tagger, tmp_path: Path, *lines: str) -> list[dict[str, object]]:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{broken", "not JSON"),
        ('{"channel": "chat"}', "text"),
        ('{"channel": 1, "text": "geheim"}', "channel"),
        ("[]", "not an object"),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_never_quoted(tagger: Tagger, tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UnreadableLineError, match=f"line 2: .*{said}") as caught:
        predicted(tagger, tmp_path, '{"channel": "chat", "text": "hallo daar"}', line)

    assert "geheim" not in str(caught.value)


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
