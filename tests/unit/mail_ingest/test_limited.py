"""The parsing processes: what a mail may use, and what is left when it wants more."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from services.mail_ingest import frames
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.parser import parse
from tests.unit.mail_ingest.awkward import HEAD, PDF, PLAIN, Awkward, mail, parts
from tests.unit.mail_ingest.corpus import ALL

SLOW = parts(*["Content-Type: text/html\n\n" + "<b>w</b>" * 150_000] * 12)
"""Takes seconds on any machine."""

BIG = parts(PLAIN, "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + "iVBORw0KGgoAAAAN\n" * 500_000)


def children() -> set[int]:
    """Processes that this one has started and that run."""
    return {int(line) for task in Path("/proc/self/task").iterdir() for line in (task / "children").read_text().split()}


def spent() -> float:
    """Seconds of processor time of the processes that this one has started and that run."""
    ticks = 0
    for child in children():
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def test_a_mail_comes_back_from_the_process_as_it_was_parsed() -> None:
    async with LimitedParser() as parser:
        raw = parts(PLAIN, PDF)
        assert await parser.parse(raw) == parse(raw)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_every_parsed_mail_survives_the_journey(case: Awkward) -> None:
    found = parse(case.raw)
    assert frames.unpack(frames.pack(found)) == found


async def test_every_awkward_mail_is_read_within_two_seconds_and_300_megabytes() -> None:
    async with LimitedParser(seconds=20, megabytes=300, workers=1) as parser:
        for case in ALL:
            began, before = time.perf_counter(), spent()
            found = await parser.parse(case.raw)
            used = spent() - before
            assert (found.status, found) == (case.status, parse(case.raw)), case.name
            assert used < 2, (case.name, used, time.perf_counter() - began)


async def test_a_mail_that_takes_too_long_is_scanned_and_the_next_is_read() -> None:
    async with LimitedParser(seconds=1, workers=1) as parser:
        slow = await parser.parse(SLOW)
        assert (slow.status, slow.subject, slow.sender.address) == (Reading.FAILED, "Vraag", "noor@example.be")
        assert (await parser.parse(mail(HEAD + "\nDag"))).text == "Dag"


async def test_a_mail_that_needs_too_much_memory_is_scanned_and_the_next_is_read() -> None:
    async with LimitedParser(megabytes=64, workers=1) as parser:
        big = await parser.parse(BIG)
        assert (big.status, big.subject, big.sender.address) == (Reading.FAILED, "Vraag", "noor@example.be")
        assert (await parser.parse(mail(HEAD + "\nDag"))).text == "Dag"


async def test_a_process_that_was_killed_costs_no_mail_its_reading() -> None:
    before = children()
    async with LimitedParser(workers=1) as parser:
        await parser.parse(mail(HEAD + "\nDag"))
        (process,) = children() - before
        os.kill(process, signal.SIGKILL)
        raw = mail(HEAD + "\nDag")
        assert await parser.parse(raw) == parse(raw)


async def test_many_mails_at_once_are_all_read() -> None:
    async with LimitedParser(workers=2) as parser:
        found = await asyncio.gather(*(parser.parse(mail(f"{HEAD}\nDag {i}")) for i in range(50)))
    assert [each.text for each in found] == [f"Dag {i}" for i in range(50)]


async def test_no_process_is_left_behind() -> None:
    before = children()
    async with LimitedParser(workers=2) as parser:
        await asyncio.gather(*(parser.parse(mail(HEAD + "\nDag")) for _ in range(4)))
        assert children() - before
    assert not children() - before


async def test_a_parse_that_is_given_up_leaves_the_process_fit_for_the_next() -> None:
    async with LimitedParser(workers=1) as parser:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(parser.parse(SLOW), 0.5)
        assert (await parser.parse(mail(HEAD + "\nDag"))).text == "Dag"


@pytest.mark.parametrize("answer", [b"", b"\0" * 8, frames.framed(b"[]"), frames.framed(b'{"status": "raar"}'), b"\xff" * 40])
def test_an_answer_that_is_no_parsed_mail_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        frames.unpack(answer)


def test_an_answer_with_a_cut_attachment_is_refused() -> None:
    with pytest.raises(ValueError, match="cut"):
        frames.unpack(frames.pack(parse(parts(PDF)))[:-1])


def test_a_parsed_mail_shows_no_content_in_its_description() -> None:
    assert "Dag" not in repr(ParsedMail(Reading.COMPLETE, text="Dag"))
