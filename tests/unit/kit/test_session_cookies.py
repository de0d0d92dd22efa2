"""The cookies of the desk, as a browser sends them back."""

import time

import pytest
from starlette.requests import HTTPConnection

from services.kit.auth import SessionCookies

COOKIES = SessionCookies(secure=True)


def held(*headers: str) -> str:
    """What is read of some Cookie headers."""
    sent = [(b"cookie", header.encode("latin-1")) for header in headers]
    return COOKIES.held(HTTPConnection({"type": "http", "headers": sent}), COOKIES.token)


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], ""),
        (["__Host-onthaal-token=abc.d-e_f=="], "abc.d-e_f=="),
        (["a=b; __Host-onthaal-token=abc; c=d"], "abc"),
        (["a=b", "__Host-onthaal-token=abc"], "abc"),
        (["__Host-onthaal-token=first;__Host-onthaal-token=last"], "last"),
        (["x__Host-onthaal-token=abc; onthaal-token=abc; __Host-onthaal-token"], ""),
    ],
)
def test_a_cookie_is_found_by_its_name(headers: list[str], value: str) -> None:
    assert held(*headers) == value


@pytest.mark.parametrize("filling", ["\\", '\\"', "\\1", ";", "=", "a=;", " "])
def test_a_long_cookie_is_read_in_time(filling: str) -> None:
    began = time.process_time()
    held(f'a="{filling * (60_000 // len(filling))}"')
    assert time.process_time() - began < 0.3
