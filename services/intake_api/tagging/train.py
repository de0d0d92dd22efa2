"""From labelled messages to the model file. The same messages give the same bytes."""

from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from services.intake_api.tagging.artefact import FORMAT, BlockHeader, Header, pack
from services.intake_api.tagging.evaluate import (
    author_folds,
    calibration_of,
    judge,
    predict_held_out,
)
from services.intake_api.tagging.gate import figures
from services.intake_api.tagging.learning import fit, lessons, linear_model
from services.intake_api.tagging.lexicon import lexicon_fingerprint
from services.intake_api.tagging.messages import Message, fingerprint


def train(messages: Sequence[Message]) -> bytes:
    """Train a model on all messages, calibrated and measured with each author held out in turn."""
    given = lessons(messages)
    with threadpool_limits(1):  # how many threads share a sum shows in its last digits
        held_out = predict_held_out(author_folds(given))
        model = linear_model(fit(given))
    header = Header(
        format=FORMAT,
        data=fingerprint(messages),
        lexicon=lexicon_fingerprint(),
        messages=len(messages),
        terms=len(model.vocabulary.keys),
        blocks=tuple(BlockHeader(name=block.name, weight=block.weight) for block in model.vocabulary.blocks),
        sectors=model.sectors,
        intercepts=tuple(round(float(value), 4) for value in model.intercepts),
        calibration=calibration_of(held_out),
        metrics=figures(judge(held_out)),
    )
    return pack(model, header)
