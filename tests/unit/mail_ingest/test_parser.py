"""Reading mails."""

import json
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.mail_ingest import parser
from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.parser import parse, scan
from tests.unit.mail_ingest.awkward import HEAD, NAMED, PDF, PLAIN, Awkward, mail, parts
from tests.unit.mail_ingest.corpus import ALL

FUZZ = settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
PIECES = [
    b"Content-Type: multipart/mixed; boundary=x\r\n", b"--x\r\n", b"--x--\r\n", b"\r\n\r\n", b"\n", b"=?utf-8?b?", b"?=",
    b"Content-Type: text/html\r\n", b"Content-Transfer-Encoding: base64\r\n", b"From: ", b"<a@b>", b"(", b'"', b";", b"*0*=",
    b"filename", b"\0", b"\xff", b"\xed\xa0\x80", b"<p", b"<!--", b"begin 644 x\n", b"&#xD800;", b"+2AA-", b"charset=utf-7",
]  # fmt: skip


def texts(found: ParsedMail) -> list[str]:
    """Every text in a parsed mail, except the body."""
    lines = [found.sender.name, found.sender.address, found.reply_to.name, found.subject, found.message_id, found.in_reply_to]
    return [*lines, *found.recipients, *found.references, *found.marks.values(), *(file.name for file in found.attachments)]


def assert_can_be_stored(found: ParsedMail) -> None:
    """Nothing in it that a database, a header or JSON refuses."""
    for text in (*texts(found), found.text):
        assert "\0" not in text
        assert json.dumps(text, ensure_ascii=False).encode("utf-8")
    assert not any(character in line for line in texts(found) for character in "\r\n")
    assert len(found.text) <= parser.TEXT_LIMIT
    assert len(found.subject) <= parser.SUBJECT_LIMIT


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_an_awkward_mail_is_read_as_a_person_would(case: Awkward) -> None:
    began = time.process_time()
    found = parse(case.raw)
    assert time.process_time() - began < 2
    files = tuple((file.name, file.content) for file in found.attachments)
    expected = (case.subject, case.sender, case.address, case.text, case.files)
    seen = (found.subject, found.sender.name, found.sender.address, found.text, files)
    assert seen == tuple(now if wanted is None else wanted for wanted, now in zip(expected, seen, strict=True))
    assert found.status == case.status
    assert_can_be_stored(found)


def test_headers_that_tell_when_to_whom_and_in_answer_to_what_are_read() -> None:
    found = parse(
        mail(
            "From: a@example.be\nReply-To: Noor <noor@example.be>\nTo: x@example.be, Y <y@example.be>\nCc: X@example.be, x@example.be\n"
            "Date: Mon, 1 Jan 2024 10:00:00 +0100\nMessage-ID:  <1@a>\nIn-Reply-To: <0@a> (oud)\nReferences: <8@a>\n <9@a>\n\nDag"
        )
    )
    assert (found.reply_to.address, found.recipients) == ("noor@example.be", ("x@example.be", "y@example.be", "X@example.be"))
    assert found.sent_at == datetime(2024, 1, 1, 9, tzinfo=UTC)
    assert (found.message_id, found.in_reply_to, found.references) == ("<1@a>", "<0@a>", ("<8@a>", "<9@a>"))


@pytest.mark.parametrize(
    "date", ["", "gisteren", "Mon, 99 Foo 2024 99:99:99", "1 Jan 0000 00:00 +9999", "Thu, 1 Jan 9999 23:59 -2359"]
)
def test_a_date_that_is_no_date_is_left_out(date: str) -> None:
    assert parse(mail(f"From: a@b.be\nDate: {date}\n\nDag")).sent_at is None


def test_a_long_text_is_cut_and_says_so() -> None:
    found = parse(mail(HEAD + "\n" + "woord " * 200_000))
    assert (len(found.text), found.status, found.doubts) == (500_000, Reading.PARTIAL, ("length",))


def test_a_mail_of_many_megabytes_is_read_in_seconds() -> None:
    big = "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + ("iVBORw0KGgoAAAANSUhEUgAA" * 3 + "\n") * 100_000
    began = time.process_time()
    found = parse(parts(PLAIN, big))
    assert time.process_time() - began < 4
    assert (found.text, len(found.attachments[0].content)) == ("Dag", 5_400_000)


def test_a_scan_finds_sender_and_subject_and_says_that_reading_failed() -> None:
    found = scan(mail("From: =?utf-8?q?No=C3=B6r?= <noor@example.be>\nSubject: =?utf-8?q?caf=C3=A9?=\n\nDag"))
    assert (found.sender.name, found.sender.address, found.subject) == ("Noör", "noor@example.be", "café")
    assert found.status is Reading.FAILED


def test_a_scan_tells_all_that_the_headers_tell() -> None:
    raw = mail(
        "From: a@example.be\nTo: x@example.be\nDate: Mon, 1 Jan 2024 10:00:00 +0100\nMessage-ID: <1@a>\nIn-Reply-To: <0@a>\n"
        "References: <9@a>\nAuto-Submitted: auto-replied\nReceived: from y\nContent-Type: multipart/report; report-type=x\n\nDag"
    )
    found, scanned = parse(raw), scan(raw)
    assert scanned == replace(
        found, status=Reading.FAILED, doubts=("failed",), text="", attachments=(), display="", remote_content=0, sealed_by=None
    )
    assert (scanned.in_reply_to, scanned.marks["auto-submitted"], scanned.route.hops) == ("<0@a>", "auto-replied", 1)


@pytest.mark.parametrize("raw", [b"", b"\0" * 1000, b"From: " + b"(" * 400_000, b"x" * 1_000_000, b"\n" * 1_000_000], ids=len)
def test_a_scan_takes_any_bytes(raw: bytes) -> None:
    began = time.process_time()
    assert scan(raw).status is Reading.FAILED
    assert time.process_time() - began < 1


def test_text_that_turns_around_is_kept_and_marked() -> None:
    found = parse(mail("From: Noor <noor@example.be>\nSubject: \u202eolleH\n\nDag"))
    assert (found.subject, found.doubts, found.status) == ("\u202eolleH", ("bidi",), Reading.COMPLETE)
    assert parse(parts(PLAIN, NAMED.format('filename="a\u202efdp.exe"'))).doubts == ("bidi",)
    assert parse(mail("Subject: \u200fשלום\u200e\n\nDag")).doubts == ()


@pytest.mark.parametrize(
    ("said", "name", "charset", "doubts"),
    [
        ("koi8-r", "письмо.pdf", "koi8-r", ()),
        ("windows-1251", "письмо.pdf", "cp1251", ()),
        ("iso-8859-1", "brief-één.pdf", "latin-1", ()),
        ("gb2312", "联通.pdf", "gb2312", ()),  # which is UTF-8 as well, by chance
        ("shift_jis", "手紙.pdf", "shift_jis", ()),
        ("koi8-r", "één.pdf", "utf-8", ()),  # no Russian is UTF-8 by chance
        ("gb2312", "brief-één-日本.pdf", "utf-8", ()),
        ("gbk", "你好吗.pdf", "utf-8", ()),
        ("gb18030", "你好世界.pdf", "utf-8", ()),
        ("utf-8", "één.pdf", "utf-8", ()),
        ("", "één.pdf", "utf-8", ()),
        ("", "één.pdf", "cp1252", ("name",)),
        ("utf-8", "één.pdf", "cp1252", ("name",)),
        ("x-onbekend", "één.pdf", "cp1252", ("name",)),
    ],
)
@pytest.mark.parametrize(
    "where", ['Content-Type: application/pdf; name="{}"', NAMED.partition("\n\n")[0].replace("{}", 'filename="{}"')]
)
@pytest.mark.parametrize("level", ["part", "mail"])
def test_a_name_in_bare_bytes_is_read_as_its_part_or_its_mail_declares_and_a_guess_is_marked(
    said: str, name: str, charset: str, doubts: tuple[str, ...], where: str, level: str
) -> None:
    declared = f"; charset={said}" if said else ""
    of_mail, of_part = (declared, "") if level == "mail" else ("", declared)
    named = where.replace("application/pdf", f"application/pdf{of_part}").replace("{}", "NAAM")
    raw = mail(
        f"{HEAD}Content-Type: multipart/mixed; boundary=x{of_mail}\n\n--x\nContent-Type: text/plain\n\nDag\n--x\n{named}\n\n%PDF\n--x--\n"
    ).replace(b"NAAM", name.encode(charset))
    found = parse(raw)
    assert ([file.name for file in found.attachments], found.doubts, found.status) == ([name], doubts, Reading.COMPLETE)


def test_the_name_of_a_uuencoded_file_is_read_as_its_text_is() -> None:
    raw = mail(f"{HEAD}Content-Type: text/plain; charset=koi8-r\n\nbegin 644 NAAM\n#0V%T\n`\nend\n").replace(
        b"NAAM", "кот.txt".encode("koi8-r")
    )
    assert [(file.name, file.content) for file in parse(raw).attachments] == [("кот.txt", b"Cat")]


def test_a_careful_reading_opens_nothing_and_says_so() -> None:
    raw = parts(PLAIN, "Content-Type: text/html\n\n<p>x", "Content-Type: application/ms-tnef; name=winmail.dat\n\nx")
    found = parse(raw, careful=True)
    assert (found.text, found.display, found.status) == ("Dag\n\nx", "", Reading.PARTIAL)
    assert "careful" in found.doubts
    assert [file.sniffed for file in parse(parts("Content-Type: image/png; name=a\n\n%PDF-1"), careful=True).attachments] == [
        None
    ]


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Mon, 1 Jan 2024 10:00:00 +0100", datetime(2024, 1, 1, 9, tzinfo=UTC)),
        ("1 Jan 2024 10:00", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("2024-01-01T10:00:00+01:00", datetime(2024, 1, 1, 9, tzinfo=UTC)),
        ("Mon, 1 Jan 2024 10:00:00 GMT (ochtend)", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 1 Jan 24 10:00:00 EST", datetime(2024, 1, 1, 15, tzinfo=UTC)),
        ("Sun, 1 Jan 2090 10:00:00 +0000", datetime(2090, 1, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_date_is_read_in_every_form_that_is_seen(date: str, moment: datetime) -> None:
    assert parse(mail(f"From: a@b.be\nDate: {date}\n\nDag")).sent_at == moment


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Content-Type", "text/plain; " + " " * 300_000),
        ("From", "a" + " " * 300_000),
        ("From", "[mailto:" * 40_000),
        ("Subject", "=?utf-8?q?" * 30_000),
        ("References", "<" * 300_000),
        ("Date", "1" * 300_000),
    ],
)
def test_a_header_without_end_takes_no_time(name: str, content: str) -> None:
    began = time.process_time()
    parse(mail(f"{name}: {content}\n\nDag"))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image/png", " " * 300_000),
        ("text/html", "//" * 150_000),
        ("text/html", "<a href='" * 30_000),
        ("text/html", "data:image/png;base64," * 10_000),
        ("text/plain", "=ybegin line=1 size=1 name=x\n" * 10_000 + "=yend"),
        ("text/plain", "begin 644 x\n" * 20_000),
        ("text/calendar", "BEGIN:VEVENT\n" + "SUMMARY;" * 30_000),
        ("text/enriched", "<param>" * 40_000),
        ("application/ms-tnef", 'x\x9f>"' + "\0" * 300_000),
    ],
)
def test_a_part_without_end_takes_no_time(kind: str, content: str) -> None:
    began = time.process_time()
    parse(mail(f"{HEAD}Content-Type: {kind}\n\n") + content.encode("latin-1"))
    assert time.process_time() - began < 2


@FUZZ
@given(st.binary(max_size=2000))
def test_any_bytes_become_a_mail(raw: bytes) -> None:
    assert_can_be_stored(parse(raw))
    assert_can_be_stored(scan(raw))


@FUZZ
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=60).map(b"".join))
def test_any_heap_of_mail_pieces_becomes_a_mail(raw: bytes) -> None:
    assert_can_be_stored(parse(b"From: a@b.be\r\n" + raw))
    assert_can_be_stored(scan(raw))


@FUZZ
@given(st.sampled_from([case.raw for case in ALL if len(case.raw) < 5000]), st.randoms(use_true_random=False))
def test_any_damage_to_a_mail_leaves_a_mail(raw: bytes, chance: random.Random) -> None:
    damaged = bytearray(raw or b"x")
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(damaged))
        piece = chance.choice([b"", *PIECES, chance.randbytes(3)])
        damaged[place : place + chance.randint(0, 5)] = piece or bytes([chance.randrange(256)])
    found = parse(bytes(damaged))
    assert_can_be_stored(found)
    assert found.status is not Reading.FAILED


@FUZZ
@given(st.text(max_size=300).filter(str.strip))
def test_text_comes_out_as_it_went_in(text: str) -> None:
    body = text.encode("utf-8", "replace")
    found = parse(mail(f"{HEAD}Content-Type: text/plain; charset=utf-8\n\n") + body)
    words = [word for word in body.decode().split() if word.isalnum() and word.isascii()]
    assert all(word in found.text for word in words) or b"begin " in body or body.startswith(b"\xef\xbb\xbf")


def test_a_file_goes_out_byte_for_byte() -> None:
    content = bytes(range(256)) * 10
    head = b"From: a@b.be\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: application/x-data\r\n\r\n"
    assert parse(head + content + b"\r\n--x--\r\n").attachments[0].content == content
    assert parse(parts(PDF)).attachments[0].content == b"%PDF"
