"""The figures as a table, printed, and kept in ARCHITECTURE.md between two marks."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.faults.verdict import Outcome

DOCUMENT = Path(__file__).parents[2] / "ARCHITECTURE.md"
BEGIN, END = "<!-- faults: written by `make test-faults WRITE=1` -->", "<!-- /faults -->"
HEAD = "| Fault, with clients at work | times | accepted | held | received | lost | duplicates | longest stall | took |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"


def row(outcome: Outcome) -> str:
    """Write one line."""
    counts = (outcome.faults, outcome.accepted, outcome.held, outcome.received, outcome.lost, outcome.duplicates)
    figures = " | ".join(f"{count:,}" for count in counts)
    name = f"{outcome.name}: **does not stand**" if outcome.problems else outcome.name
    return f"| {name} | {figures} | {outcome.stall_s:.1f} s | {outcome.seconds:.0f} s |"


def table(outcomes: Sequence[Outcome]) -> str:
    """Write the table."""
    return "\n".join([HEAD, *map(row, outcomes)])


def keep(text: str, document: Path = DOCUMENT) -> None:
    """Put a text between the marks of the document, in place of what stood there."""
    held = document.read_text()
    marked = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not marked.search(held):
        message = f"{document.name} has no place for the figures: {BEGIN}"
        raise ValueError(message)
    document.write_text(marked.sub(lambda _: f"{BEGIN}\n{text}\n{END}", held))
