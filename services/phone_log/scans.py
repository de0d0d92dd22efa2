"""Scanned pages: recognised by their first bytes, never by what their name or the browser says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, Literal

from onthaal_schema.intake import FileUpload

_FIRST_BYTES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


@dataclass(frozen=True)
class SentFile:
    """A file as a form brought it."""

    name: str
    content: bytes = field(repr=False)


def media_type(content: bytes) -> str | None:
    """Recognise pdf, jpeg, png and tiff; anything else is nothing."""
    return next((kind for start, kind in _FIRST_BYTES if content.startswith(start)), None)


def uploads(files: Sequence[SentFile], role: Literal["scan", "attachment"]) -> tuple[list[FileUpload], list[str]]:
    """Split into what can be kept and sentences on what cannot; empty choices of a browser are neither."""
    kept, refused = [], []
    for sent in files:
        kind = media_type(sent.content)
        if kind:
            kept.append(FileUpload(name=_label(sent.name), media_type=kind, content=sent.content, role=role))
        elif sent.name or sent.content:
            problem = "is leeg" if not sent.content else "is geen pdf, jpeg, png of tiff"
            refused.append(f"‘{_label(sent.name)}’ {problem}.")
    return kept, refused


def _label(name: str) -> str:
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(character for character in last if character.isprintable())[-200:] or "scan"
