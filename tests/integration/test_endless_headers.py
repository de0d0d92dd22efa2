"""A gateway to which somebody sends headers without end, or cookies that take long to read."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.running import Gateway, running

MEGABYTE = 1_000_000
MOST = 50


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with nothing special."""
    folder: Path = tmp_path_factory.mktemp("headers")
    with running(folder / "var") as started:
        yield started


def taken(gateway: Gateway, begin: bytes, more: bytes) -> int:
    """Send without end, and give how many megabytes were taken until it was cut off."""
    with closing(socket.create_connection(("127.0.0.1", gateway.port), timeout=30)) as line:
        line.sendall(begin)
        for megabytes in range(MOST):
            try:
                line.sendall(more * (MEGABYTE // len(more)))
            except (BrokenPipeError, ConnectionResetError):
                return megabytes
    return MOST


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /contact HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a"),
        (b"GET /contact HTTP/1.1\r\nHost: x\r\n", b"a"),
        (b"GET /contact HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n"),
        (b"GET /contact?", b"a=b&"),
        (b"POST /contact HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"a: b\r\n"),
    ],
    ids=["value", "name", "many", "address", "trailers"],
)
def test_headers_without_end_are_cut_off(gateway: Gateway, begin: bytes, more: bytes) -> None:
    assert taken(gateway, begin, more) < MOST
    assert httpx.get(f"{gateway.url}/health").status_code == 200


def test_a_body_may_be_long_and_a_line_may_be_used_again(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url) as asking:
        for _ in range(3):
            answer = asking.post("/contact", data={"step": "edit", "text": "Verhaal " * 300_000})
            assert answer.status_code == 200
            assert "Verhaal Verhaal" in answer.text


def test_cookies_of_others_hold_nobody_up(gateway: Gateway) -> None:
    answer = httpx.get(f"{gateway.url}/contact", headers={"Cookie": 'other="' + "\\" * 60_000 + '"'}, timeout=2)
    assert answer.status_code == 200
