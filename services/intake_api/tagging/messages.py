"""Labelled messages: what the model learns from and is measured on."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, TypeAdapter, ValidationError

from onthaal_schema.contact import Sector

Kind: TypeAlias = Literal["melding", "vraag"]
MELDING: Kind = "melding"
VRAAG: Kind = "vraag"
SectorName: TypeAlias = Annotated[str, AfterValidator(lambda name: Sector(name).value)]
"""One of the sectors of the contract."""

HELD_OUT_SETS = ("A", "C", "D")
"""Author sets that the model is measured on, each by a model that never saw its author. Others only teach."""


@dataclass(frozen=True, slots=True)
class Message:
    """One invented message with the label that people gave it."""

    id: str
    channel: str
    subject: str | None
    text: str
    kind: Kind
    sector: SectorName | None
    language: str
    hard: bool
    anonymous: bool

    @property
    def author_set(self) -> str:
        """The set of messages by one author that this one belongs to: the letters its id begins with."""
        return self.id.rstrip("0123456789")


_MESSAGE: Final = TypeAdapter(Message)


class UnreadableLineError(ValueError):
    """A line of a JSONL file is not what was asked for; says which line and what, never content."""


def parse_messages(lines: Iterable[str], name: str = "messages") -> tuple[Message, ...]:
    """Read labelled messages; raises :class:`UnreadableLineError` with the number of a bad line."""
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_MESSAGE.validate_json(line, strict=True))
        except ValidationError as error:
            wrong = ", ".join(sorted({str((*fault["loc"], "not JSON")[0]) for fault in error.errors()}))
            raise UnreadableLineError(f"{name}, line {number}: not a labelled message: {wrong}") from None
    return tuple(found)


def shipped_messages() -> tuple[Message, ...]:
    """Read the labelled messages in the repository."""
    return _read(list(resources.files(__package__).joinpath("data").iterdir()))


def read_messages(path: Path) -> tuple[Message, ...]:
    """Read the labelled messages of one JSONL file, or of every one in a folder."""
    return _read(list(path.iterdir()) if path.is_dir() else [path])


def _read(files: Sequence[Traversable]) -> tuple[Message, ...]:
    """Read every JSONL file, the measured messages first: in this order the model learns from them."""
    found: list[Message] = []
    for file in sorted(files, key=lambda file: (file.name != "messages.jsonl", file.name)):
        if file.name.endswith(".jsonl"):
            with file.open(encoding="utf-8-sig") as lines:
                found += parse_messages(lines, file.name)
    return tuple(found)


def fingerprint(messages: Sequence[Message]) -> str:
    """SHA-256 over the messages in their order: says which data a model learned from."""
    digest = hashlib.sha256()
    for message in messages:
        digest.update(json.dumps(asdict(message), sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
