"""Opening winmail.dat."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tnefparse import TNEF

from services.mail_ingest import rich_text, winmail
from services.mail_ingest.parsed_mail import ParsedMail, Reading
from services.mail_ingest.parser import parse
from tests.unit.mail_ingest import winmails as made
from tests.unit.mail_ingest.awkward import HEAD, PLAIN, mail

RICH = b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\*\\generator x;}Dag \\'e9\\'e9n\\par \\u8364? 5 \\{x\\}\\u-10179?\\u-8704?}"
LONG = made.of_any_size(made.LONG_NAME, made.UNICODE, "lange naam één.txt\0".encode("utf-16-le"))
FILES = made.winmail(made.file("LANGEN~1.TXT", b"inhoud", LONG), made.file("b.pdf", b"%PDF-1.4"))


def opened(content: bytes, text: bytes = PLAIN.encode(), name: str = "winmail.dat") -> ParsedMail:
    """Read a mail with a winmail.dat."""
    head = f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n--x\n"
    file = f'\n--x\nContent-Type: application/ms-tnef; name="{name}"\n\n'
    return parse(mail(head) + text.replace(b"\n", b"\r\n") + mail(file) + content + b"\r\n--x--\r\n")


def test_the_files_in_it_are_files_of_the_mail_and_it_is_none_itself() -> None:
    found = opened(FILES)
    assert [(file.name, file.content) for file in found.attachments] == [
        ("lange naam één.txt", b"inhoud"),
        ("b.pdf", b"%PDF-1.4"),
    ]
    assert (found.text, found.status) == ("Dag", Reading.COMPLETE)


def test_it_is_known_by_its_name_as_well() -> None:
    raw = mail(f"{HEAD}Content-Type: application/octet-stream; name=WINMAIL.DAT\n\n") + FILES
    assert [file.name for file in parse(raw).attachments] == ["lange naam één.txt", "b.pdf"]


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ([made.of_any_size(made.BODY, made.UNICODE, "Dag één\r\nNoor\0".encode("utf-16-le"))], "Dag één\nNoor"),
        ([made.of_any_size(made.BODY, made.TEXT, "Dag één\0".encode("cp1252"))], "Dag één"),
        ([made.number(made.CODE_PAGE, 65001), made.of_any_size(made.BODY, made.TEXT, "Dag €\0".encode())], "Dag €"),
        ([made.of_any_size(made.HTML, made.BINARY, b"<p>Dag<p>Noor")], "Dag\n\nNoor"),
        ([made.of_any_size(made.RICH, made.BINARY, made.compressed(RICH))], "Dag één\n€ 5 {x}😀"),
    ],
)
def test_its_text_is_read_when_the_mail_has_none(properties: list[bytes], text: str) -> None:
    content = made.winmail(made.message(*properties))
    assert opened(content, text=b"\n ").text == text
    assert opened(content).text == "Dag"


def test_a_mail_in_it_gives_its_text_and_its_files() -> None:
    inner = made.winmail(made.message(made.of_any_size(made.BODY, made.TEXT, b"binnen\0")), made.file("c.txt", b"c"))
    found = opened(made.winmail(made.nested("oud", inner)))
    assert [(file.name, file.content) for file in found.attachments] == [("oud.txt", b"binnen"), ("c.txt", b"c")]


@pytest.mark.parametrize(
    "content",
    [b"", b"x", FILES[:-30], FILES[:6] + b"\xff" * 40, made.winmail(made.attribute(0x9003, b"\xff\xff\xff\xff\x0b\x10"))],
)
def test_one_that_cannot_be_read_is_kept_as_it_is(content: bytes) -> None:
    found = opened(content)
    assert [file.name for file in found.attachments] == ["winmail.dat"]
    assert (found.text, found.doubts) == ("Dag", ("winmail",))


def test_ours_reads_what_another_reader_reads() -> None:
    other = TNEF(FILES)
    assert [(file.long_filename().strip("\0"), file.data) for file in other.attachments] == [
        (file.name, file.content) for file in winmail.read(FILES).files
    ]


@pytest.mark.parametrize(
    "content",
    [
        made.winmail(made.attribute(0x9003, b"\xff\xff\xff\x7f" + b"\x03\x00\x00\x10\x00\x00\x00\x00" * 3)),
        made.winmail(made.attribute(0x9003, b"\x01\0\0\0" + b"\x02\x10\x00\x10\xff\xff\xff\x7f")),
        made.winmail(*[made.attribute(0x9002, b"")] * 1_000_000),
        made.winmail(*[made.file("a", b"")] * 20_000),
    ],
)
def test_one_that_says_it_holds_millions_takes_no_time(content: bytes) -> None:
    began = time.process_time()
    opened(content)
    assert time.process_time() - began < 2


@settings(max_examples=300, deadline=None, database=None)
@given(st.data())
def test_any_damage_leaves_a_mail(data: st.DataObject) -> None:
    damaged = bytearray(FILES)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(6, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert opened(bytes(damaged)).text == "Dag"


@settings(max_examples=200, deadline=None, database=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_rich_text(data: bytes) -> None:
    rich_text.text_of(data)
    rich_text.text_of(rich_text.decompressed(made.compressed(data)[:12] + data))


def test_compression_refers_to_what_went_before() -> None:
    # the example of [MS-OXRTFCP] §4.1.1
    packed = bytes.fromhex("2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0")
    assert rich_text.decompressed(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
