"""The fault suite in small, so that it cannot rot: `make test-faults` runs it whole."""

import random
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults import table
from tests.faults.attempt import attempt
from tests.faults.house import Run, house
from tests.faults.verdict import Outcome

pytestmark = pytest.mark.timeout(300)  # starts processes one after another, on machines that may be busy


async def test_a_gateway_that_is_killed_under_load_loses_nothing_and_the_comparison_would_see_it(tmp_path: Path) -> None:
    run = Run("in small", tmp_path, random.Random(1), 2, 0)
    async with house(run) as made:
        async with made.at_work():
            await made.kill_at_random(made.gateways[0], run.kills)
        whole = await made.outcome()
        assert not whole.problems
        assert whole.accepted == whole.held == whole.received > 0
        assert (whole.lost, whole.faults >= run.kills) == (0, True)
        taken, contact = made.case.taken, min(made.ledger.contacts)
        event = next(iter(taken.digests))
        taken.digests[event].add(b"another content")
        taken.versions[contact] = [2, 1]
        taken.digests[uuid4()] = {b""}
        made.ledger.contacts.add(uuid4())
        broken = await made.outcome(quiet_s=0)
    assert broken.lost == 1
    assert broken.problems == [
        "1 accepted contacts are not held",
        "1 events were received that the feed does not have",
        "1 event ids with two contents",
        "1 contacts out of order",
    ]


def test_a_scenario_that_cannot_run_says_so_and_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    outcome = attempt("disk full, SQLite")
    assert outcome.problems == [
        "PermissionError: mounting a small file system needs root: run the fault suite as root, or leave this scenario out with ONLY"
    ]
    assert "| disk full, SQLite: **does not stand** | 0 |" in table.row(outcome)


def test_the_table_is_kept_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.keep(table.table([Outcome(1, 1, 1, 3, 0, 2, 0.25, 4, 9.6, "fault")]), document)
    assert document.read_text().splitlines()[4] == "| fault | 4 | 1 | 1 | 1 | 0 | 2 | 0.2 s | 10 s |"
    document.write_text("no marks")
    with pytest.raises(ValueError, match="no place"):
        table.keep("", document)
