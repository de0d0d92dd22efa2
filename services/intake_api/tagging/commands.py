"""What ``onthaal tagging train|evaluate|predict`` do."""

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from services.intake_api.tagging.artefact import unpack
from services.intake_api.tagging.lexicon import lexicon_fingerprint
from services.intake_api.tagging.messages import Message, UnreadableLineError, read_messages, shipped_messages
from services.intake_api.tagging.model import Tagger

_REAL: Final = "real"
"""Author set of what persons wrote: a number follows it, which leads to no contact."""


class Question(BaseModel):
    """One line to predict; other keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: str | int | None = None
    channel: str
    subject: str | None = None
    text: str


def train(data: Path | None, out: Path | None, *, anyway: bool = False) -> str:
    """Train on ``data`` (a file or folder; default the messages in the repository) and write the model.

    Answers the version of the model written. In the place of the shipped model (no ``out``) only one that holds on every
    slice is put, or any by ``anyway``; raises :class:`~services.intake_api.tagging.gate.WorseModelError`.
    """
    from services.intake_api.tagging.gate import accept  # noqa: PLC0415 - scikit-learn is for training only
    from services.intake_api.tagging.train import train as trained  # noqa: PLC0415

    model = trained(_messages(data))
    if out is None:
        out = Path(__file__).with_name("data") / "model.bin"
        accept(unpack(model, lexicon_fingerprint()).header.metrics, anyway=anyway)
    out.write_bytes(model)
    out.chmod(0o644)  # nothing secret, and the gateway may run as somebody else
    return Tagger.load(out).version


def evaluate(data: Path | None) -> str:
    """Report on the model in use, on those of the messages that it never saw; and, learning anew, by author and at random."""
    from services.intake_api.tagging.report import report  # noqa: PLC0415 - scikit-learn is for training only

    return report(_messages(data))


def predict(file: Path, out_stream: TextIO, tagger: Tagger | None = None) -> None:
    """Print one JSON line for each JSON line of ``file``.

    Raises :class:`UnreadableLineError` with the line number at the first line that is not a message;
    what was printed before it stands.
    """
    chosen = tagger or Tagger.load()
    with file.open("rb") as lines:
        out_stream.writelines(json.dumps(_answer(chosen, question)) + "\n" for question in _questions(lines, file.name))


def write_lessons(file: Path, found: Iterable[Message]) -> int:
    """Write messages to learn from, in no order that tells anything, to a new file for its owner alone; gives their number.

    Raises :class:`FileExistsError`: a file that is there is never written to.
    """
    messages = list(found)
    secrets.SystemRandom().shuffle(messages)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as lines:
        for number, message in enumerate(messages, start=1):
            lines.write(json.dumps(asdict(message) | {"id": f"{_REAL}{number:03}"}, ensure_ascii=False) + "\n")
    return len(messages)


def _messages(data: Path | None) -> tuple[Message, ...]:
    found = shipped_messages() if data is None else read_messages(data)
    if not found:
        raise UnreadableLineError("there are no labelled messages")
    return found


def _questions(lines: Iterable[bytes], name: str) -> Iterator[Question]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield Question.model_validate(json.loads(line))
        except ValidationError as error:
            fields = ", ".join(sorted({str((*fault["loc"], "not an object")[0]) for fault in error.errors()}))
            raise UnreadableLineError(f"{name}, line {number}: missing or wrong: {fields}") from None
        except (ValueError, RecursionError):
            raise UnreadableLineError(f"{name}, line {number}: not JSON") from None


def _answer(tagger: Tagger, question: Question) -> dict[str, object]:
    suggestion = tagger.suggest(question.channel, question.subject, question.text)
    named = {} if question.id is None else {"id": question.id}
    return named | {
        "kind": suggestion.kind,
        "unsure": suggestion.unsure,
        "kindConfidence": suggestion.kind_confidence,
        "sector": suggestion.sector,
        "sectorConfidence": suggestion.sector_confidence,
        "language": suggestion.language,
        "signals": [*suggestion.signals, *([f"role:{suggestion.role.role}"] if suggestion.role else [])],
        "roleWords": list(suggestion.role.words) if suggestion.role else [],
    }
