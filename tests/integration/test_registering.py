"""Registering over HTTP: once, tagged, checked against the hours, counted and told, or refused."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.engines import eventually
from tests.receiving import Receiver, receiving
from tests.running import Gateway, running

MELDING = "Mijn trainer raakte mij vorige week aan in de kleedkamer. Ik wil dit melden."
BETWEEN = (
    "Is wat mijn collega doet wel normaal?",
    "Is wat onze trainer doet wel normaal?",
    "Mag mijn leidinggevende dat doen?",
    "Is dit grensoverschrijdend?",
    "Mijn dochter vraagt of dat van haar leraar mag.",
    "Onze school wil weten wat te doen na een klacht over een leerkracht.",
    "Доброго дня, мені потрібна допомога.",
)
"""Between melding and vraag, and words that it does not know: of some of these any model must say that it is not sure."""
DANGER = "Hij staat nu met een mes voor mijn deur en zegt dat hij mij gaat vermoorden. Help mij."


def call(text: str = MELDING, **other: Any) -> dict[str, Any]:
    return {"channel": "telefoon", "kind": "melding", "text": text, **other}


def put(api: httpx.Client, body: dict[str, Any], contact: UUID | None = None) -> httpx.Response:
    return api.put(f"/contacts/{contact or uuid4()}", json=body)


def registered(api: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = put(api, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def feed(api: httpx.Client, after: str | None = None, **other: Any) -> tuple[list[dict[str, Any]], str | None]:
    """Read every event after a cursor."""
    events: list[dict[str, Any]] = []
    while True:
        page = api.get("/events", params={"limit": 500, **({"after": after} if after else {}), **other}).json()
        events += page["items"]
        after = page["cursor"]
        if not page["items"] and "next" not in page:
            return events, after


def what(event: dict[str, Any]) -> str:
    return str(event["type"]).rsplit(".", 1)[1]


def test_twelve_equal_puts_at_once_make_one_contact_and_one_event(gateway: Gateway, api: httpx.Client) -> None:
    contact, body = uuid4(), {"channel": "mail", "subject": "Twaalf", "text": MELDING}
    _, cursor = feed(api)

    async def twelve() -> list[httpx.Response]:
        async with httpx.AsyncClient(headers=api.headers, timeout=30) as http:
            url = f"{gateway.url}/intake/v1/contacts/{contact}"
            return await asyncio.gather(*(http.put(url, json=body) for _ in range(12)))

    answers = asyncio.run(twelve())
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 11}
    assert len({answer.json()["reference"] for answer in answers}) == 1
    events, _ = feed(api, cursor)
    assert [what(event) for event in events if event["subject"] == str(contact)] == ["registered"]


def test_the_same_json_in_another_order_is_the_same_content(api: httpx.Client) -> None:
    contact = uuid4()
    body = call(person={"name": "An", "phone": "0470 00 00 00"}, details={"startedAt": "2026-03-02T10:00:00Z"})
    other_order = json.dumps(dict(reversed(body.items())) | {"person": dict(reversed(body["person"].items()))}, indent=3)
    assert put(api, body, contact).status_code == 201
    again = api.put(f"/contacts/{contact}", content=other_order, headers={"Content-Type": "application/json"})
    assert again.status_code == 200


def test_other_content_under_a_used_id_is_refused_and_changes_nothing(api: httpx.Client) -> None:
    contact = uuid4()
    assert put(api, call("Eerste"), contact).status_code == 201
    refused = put(api, call("Tweede"), contact)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert "Tweede" not in refused.text
    assert api.get(f"/contacts/{contact}").json()["text"] == "Eerste"


HOURS: list[tuple[str, str, bool, str | None]] = [
    ("telefoon", "2026-03-07T11:00:00Z", False, "weekend"),
    ("telefoon", "2026-03-02T17:00:00Z", True, None),  # Monday 18:00 in Brussels
    ("brief", "2026-03-02T17:00:00Z", True, None),
    ("telefoon", "2026-03-02T19:00:00Z", False, "outsideHours"),
    ("telefoon", "2026-03-03T17:00:00Z", False, "outsideHours"),  # Tuesday 18:00
    ("mail", "2025-12-25T11:00:00Z", False, "holiday"),
    ("mail", "2025-07-11T11:00:00+02:00", False, "holiday"),
    ("telefoon", "2025-12-29T11:00:00Z", False, "closure"),
    ("telefoon", "2026-03-29T00:30:00Z", False, "weekend"),  # 01:30, before the clock is set forward
    ("telefoon", "2026-03-29T01:30:00Z", False, "weekend"),  # 03:30, after it
    ("telefoon", "2026-03-30T07:30:00Z", True, None),  # Monday 09:30 in summer time
    ("telefoon", "2026-03-27T07:30:00Z", False, "outsideHours"),  # Friday 08:30 in winter time
]


@pytest.mark.parametrize(("channel", "received_at", "is_open", "reason"), HOURS)
def test_the_hours_are_kept_with_the_contact(
    api: httpx.Client, channel: str, received_at: str, is_open: bool, reason: str | None
) -> None:
    made = registered(api, {"channel": channel, "text": "x", "receivedAt": received_at, "kind": "melding"})
    for shown in (made["openingHours"], api.get(f"/contacts/{made['id']}").json()["openingHours"]):
        assert (shown["open"], shown.get("reason")) == (is_open, reason)
        assert shown["calendarVersion"]
        if not is_open:
            assert datetime.fromisoformat(shown["nextOpening"]) > datetime.fromisoformat(received_at)


def test_after_the_night_of_the_clock_change_the_next_opening_is_monday_at_nine_in_brussels(api: httpx.Client) -> None:
    for received_at in ("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"):
        made = registered(api, call(receivedAt=received_at))
        opening = datetime.fromisoformat(made["openingHours"]["nextOpening"])
        assert opening.astimezone(UTC) == datetime(2026, 3, 30, 7, tzinfo=UTC)


@pytest.mark.parametrize(("day", "is_open"), [("2026-03-03", True), ("2026-03-07", False), ("2025-12-25", False)])
def test_a_letter_with_only_a_day_is_open_when_that_day_has_hours(api: httpx.Client, day: str, is_open: bool) -> None:
    made = registered(api, {"channel": "brief", "text": "x", "kind": "melding", "details": {"receivedOn": day}})
    assert made["openingHours"]["open"] is is_open
    assert made["receivedAt"].startswith(day)


@pytest.fixture(scope="module")
def chat_closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A gateway with the hours as they are shipped; the session's own has a chat that never closes."""
    with running(tmp_path_factory.mktemp("hours") / "var", "intake_api") as gateway, gateway.client() as client:
        yield client


def test_on_a_monday_evening_the_telephone_is_open_and_the_chat_is_not(chat_closed: httpx.Client) -> None:
    monday = "2026-03-02T17:00:00Z"
    telephone = registered(chat_closed, call(receivedAt=monday))
    chat = registered(chat_closed, {"channel": "chat", "text": "x", "kind": "melding", "receivedAt": monday})
    assert telephone["openingHours"]["open"] is True
    assert (chat["openingHours"]["open"], chat["openingHours"]["reason"]) == (False, "outsideHours")
    opening = datetime.fromisoformat(chat["openingHours"]["nextOpening"])
    assert opening.astimezone(UTC) == datetime(2026, 3, 3, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def receiver(api: httpx.Client) -> Iterator[Receiver]:
    """A case service that is told of persons only."""
    with receiving() as opened:
        assert api.post("/subscriptions", json={"url": opened.url}).status_code == 201
        yield opened
        opened.always = type(opened.always)(status=410)
        registered(api, call("het laatste"))
        opened.wait(lambda: any(attempt.answer.status == 410 for attempt in opened.attempts))


YEARS = count(1990)


@pytest.mark.parametrize("nature", ["machine", "spam", "nonContact"])
def test_what_no_person_sent_is_kept_and_found_and_neither_counted_nor_handed_on(
    api: httpx.Client, receiver: Receiver, nature: str
) -> None:
    year, (_, cursor) = next(YEARS), feed(api)
    other = registered(
        api, {"channel": "mail", "text": "Automatisch antwoord", "nature": nature, "receivedAt": f"{year}-05-03T10:00:00Z"}
    )
    person = registered(api, {"channel": "mail", "text": MELDING, "receivedAt": f"{year}-05-03T10:00:00Z"})
    assert (other["nature"], person["nature"]) == (nature, "person")

    span = {"receivedFrom": f"{year}-01-01T00:00:00Z", "receivedUntil": f"{year + 1}-01-01T00:00:00Z"}
    found = api.post("/contacts/query", json={"nature": [nature], **span}).json()["items"]
    assert [item["id"] for item in found] == [other["id"]]

    period = {"from": f"{year}-01-01", "until": f"{year + 1}-01-01"}
    assert api.get("/statistics/contacts", params=period).json()["total"] == 1
    assert api.get("/statistics/contacts", params={**period, "nature": nature}).json()["total"] == 1

    receiver.wait(lambda: receiver.taken(person["id"]))
    assert receiver.about(other["id"]) == []
    ours = {other["id"], person["id"]}
    assert ours & {event["subject"] for event in feed(api, cursor)[0]} == {person["id"]}
    assert ours & {event["subject"] for event in feed(api, cursor, nature=nature)[0]} == {other["id"]}


@pytest.fixture(scope="module")
def work(gateway: Gateway) -> Iterator[httpx.Client]:
    with gateway.client(gateway.token("worklist:write")) as client:
        yield client


def test_danger_doubt_and_uncertainty_are_on_the_work_list(api: httpx.Client, work: httpx.Client) -> None:
    danger = registered(api, {"channel": "mail", "text": DANGER})
    tagged_in_danger = registered(api, {"channel": "telefoon", "kind": "vraag", "text": DANGER})
    doubted = registered(api, {"channel": "contactformulier", "kind": "vraag", "text": MELDING})
    sure = registered(api, call())
    tagged = [registered(api, {"channel": "chat", "text": text}) for text in BETWEEN]
    unsure = [contact for contact in tagged if contact["unsure"]]
    assert unsure

    def reasons(contact: dict[str, Any]) -> set[str]:
        items = work.get("/workItems").json()["items"]
        return {item["reason"] for item in items if item["contact"]["id"] == contact["id"]}

    assert "danger" in reasons(danger)
    assert "danger" in reasons(tagged_in_danger)  # at once, before the model has looked
    assert all(("unsure" in reasons(contact)) is contact["unsure"] for contact in tagged)
    eventually(lambda: reasons(doubted) == {"doubtedVraag"})
    assert reasons(sure) == set()
    first = work.get("/workItems").json()["items"][0]
    assert first["reason"] == "danger"
    assert "text" not in first["contact"]
    assert "subject" not in first["contact"]


async def _put_all(
    gateway: Gateway, token: str, contacts: list[UUID], at_once: int, after: Callable[[int], None]
) -> dict[UUID, int]:
    """PUT many contacts; gives the status of each, 0 for no answer. `after` is called with the number of successes."""
    room, statuses = asyncio.Semaphore(at_once), dict.fromkeys(contacts, 0)
    done = count(1)
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{gateway.url}/intake/v1", headers=headers, timeout=30, limits=limits) as http:

        async def one(number: int, contact: UUID) -> None:
            async with room:
                try:
                    answer = await http.put(f"/contacts/{contact}", json=call(f"Gesprek {number}"))
                except httpx.HTTPError:
                    return
                statuses[contact] = answer.status_code
                if answer.is_success:
                    after(next(done))

        await asyncio.gather(*(one(number, contact) for number, contact in enumerate(contacts)))
    return statuses


def test_kill_9_under_load_loses_no_contact_that_was_answered_with_success(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "var", ("intake_api",)).start()
    with receiving() as receiver:
        try:
            token = gateway.token()
            with gateway.client(token) as api:
                assert api.post("/subscriptions", json={"url": receiver.url}).status_code == 201
                contacts = [uuid4() for _ in range(300)]
                first = asyncio.run(
                    _put_all(gateway, token, contacts, 16, lambda number: gateway.kill() if number == 120 else None)
                )
                acknowledged = {contact for contact, status in first.items() if status == 201}
                assert 120 <= len(acknowledged) < 300
                assert set(first.values()) <= {201, 0}

                gateway.start()
                told = Counter(event["subject"] for event in feed(api)[0] if what(event) == "registered")
                held = {UUID(subject) for subject in told}
                assert acknowledged <= held
                assert set(told.values()) == {1}
                for contact in sorted(acknowledged, key=str)[::20]:
                    assert api.get(f"/contacts/{contact}").status_code == 200

                again = asyncio.run(_put_all(gateway, token, contacts, 16, lambda _: None))
                assert {contact for contact, status in again.items() if status == 200} == held
                assert {contact for contact, status in again.items() if status == 201} == set(contacts) - held
                events = [event for event in feed(api)[0] if what(event) == "registered"]
                assert Counter(event["subject"] for event in events) == Counter(map(str, contacts))

                receiver.wait(lambda: {attempt.contact for attempt in receiver.attempts} == set(map(str, contacts)), 40)
                by_id: dict[str, set[bytes]] = {}
                for attempt in receiver.attempts:
                    by_id.setdefault(attempt.headers["webhook-id"], set()).add(attempt.body)
                assert len(by_id) == 300
                assert all(len(bodies) == 1 for bodies in by_id.values())
        finally:
            gateway.stop()


def test_a_null_in_a_contact_is_read_as_absent(api: httpx.Client) -> None:
    contact_id = uuid4()
    sent = {
        "channel": "brief",
        "kind": "vraag",
        "subject": None,
        "sector": None,
        "text": "Vraag",
        "person": {"email": None, "name": "An"},
    }
    first = api.put(f"/contacts/{contact_id}", json=sent)
    again = api.put(
        f"/contacts/{contact_id}", json={"channel": "brief", "kind": "vraag", "text": "Vraag", "person": {"name": "An"}}
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert "subject" not in first.json()
    assert first.json()["person"] == {"name": "An"}
