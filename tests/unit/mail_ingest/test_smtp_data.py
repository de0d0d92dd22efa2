"""The end of a mail's data is where the sender put it, however the bytes arrive and whatever looks like it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mail_ingest.smtp.data import Data, Room

BYTES = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"a", b"\0", b"\xff"]), max_size=30).map(b"".join)


def stuffed(content: bytes) -> bytes:
    """Make a mail ready for the way as every client does (RFC 5321 §4.5.2)."""
    return (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]


def fed(pieces: list[bytes], limit: int = 1000, room: Room | None = None) -> tuple[Data, bytes | None]:
    """Feed pieces until the end; gives what came after it."""
    data = Data(limit, room or Room(10_000))
    rest: bytes | None = None
    for piece in pieces:
        rest = data.feed(piece) if rest is None else rest + piece
    return data, rest


@given(BYTES.map(lambda content: content + b"\r\n"), BYTES, st.lists(st.integers(0, 120), max_size=6))
def test_a_mail_arrives_as_it_was_written_and_nothing_after_it_is_lost(content: bytes, after: bytes, cuts: list[int]) -> None:
    sent = stuffed(content) + b".\r\n" + after
    at = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    data, rest = fed([sent[start:end] for start, end in pairwise(at)])
    assert rest == after
    assert data.size == len(stuffed(content))
    assert data.content() == content


@pytest.mark.parametrize(
    "lookalike",
    [
        b"\n.\n",
        b"\r.\r",
        b"\n.\r\n",
        b"\r.\r\n",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r\n.\r\r\n",
        b"\r\n.\0\r\n",
        b"\r\n. \r\n",
        b"\r\n\0.\r\n",
    ],
)
def test_what_only_looks_like_the_end_ends_nothing(lookalike: bytes) -> None:
    data, rest = fed([b"Dag", lookalike, b"MAIL FROM:<x@y>\r\n", b".\r\nQUIT\r\n"])
    assert rest == b"QUIT\r\n"
    assert data.content().endswith(b"MAIL FROM:<x@y>\r\n")


def test_a_mail_without_anything_is_a_mail() -> None:
    data, rest = fed([b".", b"\r", b"\n"])
    assert (rest, data.content()) == (b"", b"")


def test_of_a_mail_that_is_too_large_nothing_is_kept_and_its_end_is_found() -> None:
    data, rest = fed([b"a" * 600, b"\r\n" + b"a" * 600, b"\r\n.", b"\r\nQUIT"])
    assert data.is_too_large
    assert rest == b"QUIT"
    assert data.content() == b"" or len(data.content()) < 10


def test_mails_on_their_way_in_share_the_room_and_give_it_back() -> None:
    room = Room(1000)
    first, _ = fed([b"a" * 600], room=room)
    second, rest = fed([b"a" * 300, b"a" * 300, b"\r\n.\r\n"], room=room)
    assert (second.has_room, second.is_too_large, rest) == (False, False, b"")
    first.let_go()
    second.let_go()
    third, _ = fed([b"a" * 900, b"\r\n.\r\n"], room=room)
    assert third.has_room
    assert third.content() == b"a" * 900 + b"\r\n"
