"""The model as a file: a checksum, a header to read, compressed numbers. Nothing in it is executed.

Line 1: SHA-256 of all that follows. Line 2: the header, JSON.
Then, compressed by zlib, the arrays: keys, blocks, frequencies, weights.
"""

import hashlib
import json
import zlib
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from services.intake_api.tagging.calibration import Calibration
from services.intake_api.tagging.linear import Block, LinearModel, Vocabulary
from services.intake_api.tagging.messages import SectorName

_WEIGHT_STEP: Final = 0.001
"""Weights are kept in steps of this: small files, and the same bytes from the same data."""
_LARGEST_PAYLOAD: Final = 64_000_000
_VERSION_LENGTH: Final = 12


class UnusableModelError(ValueError):
    """The model file is damaged, or was made for other code or another lexicon. Train it again."""


class BlockHeader(BaseModel):
    """Name and weight of one block of terms."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    weight: float


class Header(BaseModel):
    """What can be read about a model without loading it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    data: str
    """Fingerprint of the labelled messages it learned from."""
    lexicon: str
    """SHA-256 of the lexicon it was trained with."""
    messages: int
    terms: int
    blocks: tuple[BlockHeader, ...]
    sectors: tuple[SectorName | None, ...]
    intercepts: tuple[float, ...]
    calibration: Calibration
    metrics: dict[str, dict[str, float]]
    """By slice, what was measured with each author held out."""


FORMAT: Final = 3


@dataclass(frozen=True)
class Artefact:
    """A loaded model: header, numbers, and the short hash that names it."""

    header: Header
    model: LinearModel
    version: str


def pack(model: LinearModel, header: Header) -> bytes:
    """Put a model into bytes; equal models give equal bytes."""
    steps = np.rint(model.weights / _WEIGHT_STEP).astype("<i2")
    known = model.vocabulary
    arrays = known.keys.astype("<u4"), known.block_of, known.messages_with_term.astype("<i4"), steps.T
    payload = zlib.compress(b"".join(array.tobytes() for array in arrays), 9)
    content = header.model_dump_json().encode() + b"\n" + payload
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def unpack(data: bytes, lexicon: str) -> Artefact:
    """Read a model; raises :class:`UnusableModelError` when the bytes are not exactly what was packed."""
    checksum, _, content = data.partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != checksum:
        raise UnusableModelError("the model file is damaged: its checksum does not match")
    first, _, payload = content.partition(b"\n")
    header = _header(first)
    if header.lexicon != lexicon:
        raise UnusableModelError("the model was trained with another lexicon: run `onthaal tagging train`")
    try:
        model = _model(header, payload)
    except (zlib.error, ValueError) as error:
        raise UnusableModelError("the model file does not hold what its header says") from error
    return Artefact(header, model, checksum[:_VERSION_LENGTH].decode())


def _header(line: bytes) -> Header:
    try:
        header = Header.model_validate(json.loads(line))
    except (ValidationError, ValueError) as error:
        raise UnusableModelError("the model file has no readable header") from error
    if header.format != FORMAT:
        raise UnusableModelError(f"the model file has format {header.format}, this code reads {FORMAT}")
    return header


def _model(header: Header, payload: bytes) -> LinearModel:
    numbers = zlib.decompressobj().decompress(payload, _LARGEST_PAYLOAD)
    rows, columns = header.terms, len(header.sectors) + 1
    if len(header.intercepts) != columns:
        raise ValueError(columns)
    places = accumulate((0, 4 * rows, rows, 4 * rows))
    keys, blocks, frequencies = (
        np.frombuffer(numbers, sort, rows, offset=place) for sort, place in zip(("<u4", "u1", "<i4"), places, strict=False)
    )
    steps = np.frombuffer(numbers, "<i2", rows * columns, offset=9 * rows).reshape(columns, rows)
    return LinearModel(
        vocabulary=Vocabulary(
            blocks=tuple(Block(block.name, block.weight) for block in header.blocks),
            keys=keys,
            block_of=blocks,
            messages_with_term=frequencies,
            messages=header.messages,
        ),
        weights=np.ascontiguousarray(steps.T).astype(np.float32) * np.float32(_WEIGHT_STEP),
        intercepts=np.array(header.intercepts, np.float32),
        sectors=header.sectors,
    )
