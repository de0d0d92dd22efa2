"""Rate limits that know nobody's address."""

import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from onthaal_schema.problems import TooManyRequests
from services.kit.clock import SetClock
from services.kit.throttle import Throttle, ThrottleSettings, client_network

PROXIES = (ip_network("10.0.0.0/8"),)


def request(address: str, forwarded: str | None = None) -> Request:
    """A request as it arrives from an address."""
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "headers": headers, "client": (address, 1234)})


async def test_one_too_many_is_refused_and_told_when_to_come_back() -> None:
    throttle = Throttle(SetClock(datetime.now(UTC)), "2/minute")
    await throttle.admit(request("192.0.2.1"))
    await throttle.admit(request("192.0.2.1"))
    with pytest.raises(TooManyRequests) as refused:
        await throttle.admit(request("192.0.2.1"))
    assert 0 < (refused.value.problem.retry_after_sec or 0) <= 60


async def test_neighbours_share_a_limit_and_strangers_do_not() -> None:
    throttle = Throttle(SetClock(datetime.now(UTC)), "1/minute")
    await throttle.admit(request("192.0.2.1"))
    await throttle.admit(request("192.0.3.1"))
    await throttle.admit(request("2001:db8:1::1"))
    await throttle.admit(request("2001:db8:2::1"))
    for neighbour in ("192.0.2.254", "::ffff:192.0.2.9", "2001:db8:1:ff::2"):
        with pytest.raises(TooManyRequests):
            await throttle.admit(request(neighbour))


async def test_a_new_day_begins_with_a_new_key() -> None:
    clock = SetClock(datetime.now(UTC))
    throttle = Throttle(clock, "1/day")
    await throttle.admit(request("192.0.2.1"))
    clock.advance(timedelta(days=1))
    await throttle.admit(request("192.0.2.1"))


async def test_no_address_is_kept() -> None:
    throttle = Throttle(SetClock(datetime.now(UTC)), "5/minute")
    await throttle.admit(request("192.0.2.77"))
    held = repr(vars(throttle)) + repr(vars(vars(vars(throttle)["_limiter"])["storage"]))
    assert "192.0.2" not in held


@pytest.mark.parametrize(
    ("address", "forwarded", "network"),
    [
        ("192.0.2.1", None, "192.0.2.0/24"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.0/24"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.0/24"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.0/24"),
        ("10.0.0.1", "203.0.113.9, 10.1.2.3", "203.0.113.0/24"),
        ("10.0.0.1", "nonsense", "10.0.0.0/24"),
        ("10.0.0.1", None, "10.0.0.0/24"),
        ("a-socket", "203.0.113.9", "unknown"),
    ],
)
def test_only_our_own_proxies_are_believed(address: str, forwarded: str | None, network: str) -> None:
    assert client_network(request(address, forwarded), PROXIES) == network


def test_proxies_that_nobody_counts_are_not_counted() -> None:
    began = time.process_time()
    for _ in range(10):
        assert client_network(request("192.0.2.1", "," * 60_000), PROXIES) == "192.0.2.0/24"
    assert time.process_time() - began < 0.4


def test_proxies_are_a_list_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONTHAAL_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32")
    assert [str(network) for network in ThrottleSettings().trusted_proxies] == ["10.0.0.0/8", "2001:db8::/32"]
    monkeypatch.setenv("ONTHAAL_TRUSTED_PROXIES", "everyone")
    with pytest.raises(ValidationError):
        ThrottleSettings()
