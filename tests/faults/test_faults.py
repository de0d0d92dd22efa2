"""The fault suite in small, so that it cannot rot: `make test-faults` runs it whole."""

import asyncio
import random
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults import table
from tests.faults.attempt import attempt
from tests.faults.house import Run, house
from tests.faults.verdict import Outcome

pytestmark = pytest.mark.timeout(300)  # starts processes one after another, on machines that may be busy


def test_a_gateway_that_is_killed_under_load_loses_nothing() -> None:
    outcome = attempt("SIGKILL of the gateway, SQLite", kills=3)
    assert not outcome.problems
    assert outcome.accepted == outcome.held == outcome.received > 0
    assert (outcome.lost, outcome.faults >= 3) == (0, True)


def test_a_scenario_that_cannot_run_says_so_and_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    outcome = attempt("disk full, SQLite")
    assert outcome.problems == [
        "PermissionError: mounting a small file system needs root: run the fault suite as root, or leave this scenario out with ONLY"
    ]
    assert "| disk full, SQLite: **does not stand** | 0 |" in table.row(outcome)


async def test_the_comparison_sees_what_was_lost_told_twice_or_out_of_order(tmp_path: Path) -> None:
    run = Run("a loss", tmp_path, random.Random(1), 0, 0)
    async with house(run) as made:
        async with made.at_work(clients=1):
            while not made.ledger.contacts:
                await asyncio.sleep(0.01)
        whole = await made.outcome()
        assert (whole.problems, whole.lost) == ([], 0)
        taken, contact = made.case.taken, min(made.ledger.contacts)
        event = next(iter(taken.digests))
        taken.digests[event].add(b"another content")
        taken.versions[contact] = [2, 1]
        taken.digests[uuid4()] = {b""}
        made.ledger.contacts.add(uuid4())
        broken = await made.outcome()
    assert broken.lost == 1
    assert broken.problems == [
        "1 accepted contacts are not held",
        "1 events were received that the feed does not have",
        "1 event ids with two contents",
        "1 contacts out of order",
    ]


def test_the_table_is_kept_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.keep(table.table([Outcome(1, 1, 1, 3, 0, 2, 0.25, 4, 9.6, "fault")]), document)
    assert document.read_text().splitlines()[4] == "| fault | 4 | 1 | 1 | 1 | 0 | 2 | 0.2 s | 10 s |"
    document.write_text("no marks")
    with pytest.raises(ValueError, match="no place"):
        table.keep("", document)
