"""The pull feed: waiting for what comes, filters that hold nothing up, and a cursor that a restored database refuses."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.engines import Postgres, postgres
from tests.running import Gateway, running

__all__ = ["postgres"]

WAIT = 20


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(tmp_path_factory.mktemp("feed") / "var", "intake_api") as gateway, gateway.client() as client:
        yield client


def put(api: httpx.Client, channel: str = "telefoon", kind: str = "melding", **other: Any) -> UUID:
    contact = uuid4()
    answer = api.put(f"/contacts/{contact}", json={"channel": channel, "kind": kind, "text": "Een gesprek", **other})
    assert answer.status_code == 201, answer.text
    return contact


def page(api: httpx.Client, **asked: Any) -> dict[str, Any]:
    answer = api.get("/events", params={name: value for name, value in asked.items() if value is not None})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def end(api: httpx.Client) -> str:
    """Give the cursor behind the last event."""
    found = page(api, limit=500)
    while "next" in found:
        found = page(api, limit=500, after=found["cursor"])
    return str(found["cursor"])


def told_while_waiting(reader: httpx.Client, writer: httpx.Client, **asked: Any) -> tuple[float, dict[str, Any], UUID]:
    """Wait at the feed, write meanwhile; gives how long after the write the answer came."""
    cursor = end(reader)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(page, reader, after=cursor, wait=WAIT, **asked)
        time.sleep(1)
        assert not waiting.done()
        contact = put(writer)
        written = time.monotonic()
        found = waiting.result()
        return time.monotonic() - written, found, contact


def test_a_reader_who_waits_is_told_at_once(api: httpx.Client) -> None:
    late, found, contact = told_while_waiting(api, api)
    assert [event["subject"] for event in found["items"]] == [str(contact)]
    assert late < WAIT / 2


def test_a_reader_who_waits_for_nothing_is_answered_in_time(api: httpx.Client) -> None:
    cursor, asked = end(api), time.monotonic()
    found = page(api, after=cursor, wait=1)
    assert time.monotonic() - asked >= 1
    assert (found["items"], found["cursor"], "next" in found) == ([], cursor, False)


def test_a_filter_passes_by_what_is_not_wanted_and_waits_for_what_is(api: httpx.Client) -> None:
    start = end(api)
    for _ in range(5):
        put(api, channel="brief")
    put(api, kind="vraag")
    wanted = put(api)
    api.put(f"/contacts/{wanted}/completion").raise_for_status()
    for asked, types in (
        ({"channel": "telefoon", "kind": "melding"}, ["registered", "completed"]),
        ({"type": "completed"}, ["completed"]),
        ({"type": ["completed", "registered"], "channel": ["telefoon"], "kind": "melding", "limit": 1}, ["registered"]),
    ):
        found = page(api, after=start, **asked)
        assert [(event["subject"], event["type"].rpartition(".")[2]) for event in found["items"]] == [
            (str(wanted), t) for t in types
        ]
    nothing = page(api, after=start, channel="mail")
    assert nothing["items"] == []
    assert nothing["cursor"] == end(api), "what was passed by is not read again"
    late, found, contact = told_while_waiting(api, api, channel="telefoon")
    assert ([event["subject"] for event in found["items"]], late < WAIT / 2) == ([str(contact)], True)


def test_the_address_of_the_next_page_keeps_the_filter(api: httpx.Client) -> None:
    start = end(api)
    for channel in ("telefoon", "brief", "telefoon"):
        put(api, channel=channel)
    first = page(api, after=start, channel="telefoon", limit=1)
    second = httpx.get(api.base_url.join(first["next"]), headers=api.headers).json()
    assert [event["data"]["channel"] for event in (*first["items"], *second["items"])] == ["telefoon", "telefoon"]


def test_a_cursor_past_the_end_is_of_a_database_that_was_restored_since(api: httpx.Client) -> None:
    held = urlsafe_b64decode(end(api) + "==")
    beyond = held[:16] + (int.from_bytes(held[16:]) + 1).to_bytes(8)
    answer = api.get("/events", params={"after": urlsafe_b64encode(beyond).decode().rstrip("="), "wait": 5})
    assert (answer.status_code, answer.json()["issues"][0]["name"]) == (400, "after")


@pytest.mark.parametrize(
    ("name", "value"), [("wait", "31"), ("wait", "-1"), ("type", "x"), ("channel", "fax"), ("kind", "klacht")]
)
def test_a_wrong_filter_is_named(api: httpx.Client, name: str, value: str) -> None:
    answer = api.get("/events", params={name: value})
    assert answer.status_code == 400
    assert answer.json()["issues"][0]["name"].partition("[")[0] == name


def test_a_reader_is_told_of_what_another_process_writes(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> None:
    folder = tmp_path_factory.mktemp("two") / "var"
    settings = {"ONTHAAL_DATABASE_URL": postgres.new_database()}
    with running(folder, "intake_api", **settings) as one:
        other = Gateway(folder, ("intake_api",), settings).start()
        try:
            with one.client() as reader, other.client() as writer:
                late, found, contact = told_while_waiting(reader, writer)
                assert [event["subject"] for event in found["items"]] == [str(contact)]
                assert late < WAIT / 2
        finally:
            other.stop()


def test_what_is_asked_for_a_thousand_times_is_asked_for_once(api: httpx.Client) -> None:
    put(api)
    assert len(page(api, nature=["person"] * 1000, kind=["melding"] * 1000, limit=1)["items"]) == 1


def test_a_reader_that_lets_too_many_requests_wait_is_told_so(api: httpx.Client) -> None:
    cursor = end(api)

    def wait(_: int) -> int:
        return api.get("/events", params={"after": cursor, "wait": 5, "type": "erased"}).status_code

    with ThreadPoolExecutor(40) as together:
        answers = Counter(together.map(wait, range(40)))
    assert answers == {200: 32, 429: 8}
    assert wait(0) == 200, "once the others have their answer"
