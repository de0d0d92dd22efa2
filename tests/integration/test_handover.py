"""Events reach the case service: signed, in order, again until they are taken, and visible when they never will be."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from onthaal_schema.events import ContactEvent
from tests.engines import eventually
from tests.receiving import Answer, Attempt, Receiver, receiving
from tests.running import Gateway, running

SOON = (4.0, 5 * 1.2 + 24)
"""Seconds until the first retry: 5, give or take a fifth; the rest is what a busy machine may add (the second one takes 300)."""


def call(text: str = "Een gesprek", **other: Any) -> dict[str, Any]:
    return {"channel": "telefoon", "kind": "melding", "text": text, **other}


def put(api: httpx.Client, contact: UUID, **other: Any) -> float:
    """Register a contact; gives the moment of the answer."""
    answer = api.put(f"/contacts/{contact}", json=call(**other))
    assert answer.status_code == 201, answer.text
    return time.monotonic()


def feed(api: httpx.Client, after: str | None = None, **other: Any) -> tuple[list[dict[str, Any]], str]:
    events: list[dict[str, Any]] = []
    while True:
        page = api.get("/events", params={**({"after": after} if after else {}), **other}).json()
        events += page["items"]
        after = page["cursor"]
        if "next" not in page:
            return events, page["cursor"]


@pytest.fixture(scope="module")
def teller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of this module's own, since its subscriptions fail."""
    with running(tmp_path_factory.mktemp("handover") / "var", "intake_api") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def api(teller: Gateway) -> Iterator[httpx.Client]:
    with teller.client() as client:
        yield client


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="module")
def secret(api: httpx.Client, receiver: Receiver) -> str:
    return str(api.post("/subscriptions", json={"url": receiver.url, "name": "dossiers"}).json()["secret"])


RETRIED = {
    "500": Answer(500),
    "503": Answer(503),
    "401": Answer(401),
    "403": Answer(403),
    "404": Answer(404),
    "408": Answer(408),
    "a dropped connection": Answer(drop=True),
    "a redirect": Answer(302, {"Location": "/elsewhere"}),
    "a wrong page": Answer(206),
}
REFUSED = (400, 413, 415, 422)


@dataclass(frozen=True)
class Troubles:
    """Contacts whose first delivery goes wrong, all set going at once, since each takes seconds."""

    retried: dict[str, UUID]
    refused: dict[int, UUID]
    slow: UUID
    told_to_wait: UUID
    told_a_date: UUID
    changed_meanwhile: UUID
    failing_twice: UUID
    fine: list[UUID]


@pytest.fixture(scope="module")
def troubles(api: httpx.Client, receiver: Receiver, secret: str) -> Troubles:
    made = Troubles(
        {name: uuid4() for name in RETRIED},
        {status: uuid4() for status in REFUSED},
        uuid4(),
        uuid4(),
        uuid4(),
        uuid4(),
        uuid4(),
        [uuid4() for _ in range(5)],
    )
    assert secret
    for name, contact in made.retried.items():
        receiver.will_answer(contact, RETRIED[name])
    for status, contact in made.refused.items():
        receiver.will_answer(contact, Answer(status))
    receiver.will_answer(made.slow, Answer(delay_s=23))
    receiver.will_answer(made.told_to_wait, Answer(429, {"Retry-After": "9"}))
    in_nine = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 10))
    receiver.will_answer(made.told_a_date, Answer(503, {"Retry-After": in_nine}))
    receiver.will_answer(made.changed_meanwhile, Answer(500))
    receiver.will_answer(made.failing_twice, Answer(500), Answer(), Answer(500))
    for contact in (
        made.slow,
        *made.retried.values(),
        *made.refused.values(),
        made.told_to_wait,
        made.told_a_date,
        made.changed_meanwhile,
        made.failing_twice,
    ):
        put(api, contact)
    for contact in (made.changed_meanwhile, made.failing_twice):
        receiver.wait(lambda wanted=contact: receiver.about(wanted))  # type: ignore[misc]
        assert api.put(f"/contacts/{contact}/kind", json={"kind": "vraag"}).status_code == 200
        assert api.put(f"/contacts/{contact}/completion").status_code == 200
    for contact in made.fine:
        put(api, contact)
    return made


def waited(attempts: list[Attempt]) -> float:
    return attempts[1].at - attempts[0].at


def test_an_event_is_signed_and_thin(api: httpx.Client, receiver: Receiver, secret: str) -> None:
    contact = uuid4()
    person = {"name": "Griet Geheim", "email": "griet@geheim.be"}
    put(api, contact, text="Strikt vertrouwelijk", subject="Vertrouwelijk", person=person)
    receiver.wait(lambda: receiver.about(contact))
    [attempt] = receiver.about(contact)
    assert Webhook(secret).verify(attempt.body, dict(attempt.headers)) == attempt.event
    assert attempt.headers["content-type"].startswith("application/cloudevents+json")
    assert attempt.headers["webhook-id"] == attempt.event["id"]
    event = ContactEvent.model_validate_json(attempt.body)
    assert (event.subject, event.data.contact_id, event.data.version) == (contact, contact, 1)
    assert event.type == "be.vlaanderen.meldpunt.onthaal.v1.contacts.notify.registered"
    for word in (b"Geheim", b"geheim", b"ertrouwelijk"):
        assert word not in attempt.body
    link = httpx.get(event.data.links.contact, headers=api.headers)
    assert link.json()["version"] >= event.data.version
    for other in ("whsec_" + "A" * 44, secret[:-8] + "AAAAAAA="):
        with pytest.raises(Exception, match=r"No matching signature|Incorrect padding"):
            Webhook(other).verify(attempt.body, dict(attempt.headers))


def test_the_case_service_knows_within_a_second_of_the_answer(api: httpx.Client, receiver: Receiver, secret: str) -> None:
    assert secret
    delays = []
    for contact in [uuid4() for _ in range(9)]:
        answered = put(api, contact)
        receiver.wait(lambda wanted=contact: receiver.about(wanted))  # type: ignore[misc]
        delays.append(receiver.about(contact)[0].at - answered)
    assert median(delays) < 1


def test_failing_contacts_hold_up_no_other(receiver: Receiver, troubles: Troubles) -> None:
    receiver.wait(lambda: all(receiver.taken(contact) for contact in troubles.fine), 5)
    assert all(len(receiver.about(contact)) == 1 for contact in troubles.fine)


@pytest.mark.parametrize("status", REFUSED)
def test_what_will_never_be_taken_is_a_dead_letter_at_once(
    api: httpx.Client, receiver: Receiver, troubles: Troubles, status: int
) -> None:
    contact = troubles.refused[status]
    receiver.wait(lambda: receiver.about(contact))

    def letters() -> list[dict[str, Any]]:
        return [letter for letter in api.get("/deadLetters").json()["items"] if letter["contactId"] == str(contact)]

    eventually(letters, 5)
    [letter] = letters()
    [attempt] = receiver.about(contact)
    assert (letter["eventId"], letter["attempts"], letter["type"]) == (attempt.event["id"], 1, "registered")
    assert str(status) in letter["reason"]
    assert letter["subscription"] == "dossiers"


def test_a_dead_letter_is_sent_again_when_somebody_asks(
    teller: Gateway, api: httpx.Client, receiver: Receiver, troubles: Troubles
) -> None:
    by_api, by_command = troubles.refused[400], troubles.refused[422]
    listed = [json.loads(line) for line in teller.command("handover", "list").splitlines()]
    events = {letter["contact_id"]: letter["event_id"] for letter in listed}
    assert {str(by_api), str(by_command)} <= set(events)

    assert api.post(f"/deadLetters/{events[str(by_api)]}/redrive").status_code == 202
    assert "1 " in teller.command("handover", "replay", events[str(by_command)])
    for contact in (by_api, by_command):
        receiver.wait(lambda wanted=contact: receiver.taken(wanted))  # type: ignore[misc]
        assert [attempt.event["id"] for attempt in receiver.about(contact)] == [events[str(contact)]] * 2
    eventually(lambda: not {by_api, by_command} & {UUID(one["contactId"]) for one in api.get("/deadLetters").json()["items"]}, 5)
    assert api.post(f"/deadLetters/{uuid4()}/redrive").status_code == 404


def test_a_dead_letter_releases_its_contact(api: httpx.Client, receiver: Receiver, troubles: Troubles) -> None:
    contact = troubles.refused[413]
    receiver.wait(lambda: receiver.about(contact))
    assert api.put(f"/contacts/{contact}/completion").status_code == 200
    receiver.wait(lambda: [attempt.what for attempt in receiver.taken(contact)] == ["completed"], 5)


@pytest.mark.parametrize("trouble", RETRIED)
def test_what_may_be_taken_later_is_sent_again_after_five_seconds(receiver: Receiver, troubles: Troubles, trouble: str) -> None:
    contact = troubles.retried[trouble]
    receiver.wait(lambda: receiver.taken(contact) and len(receiver.about(contact)) > 1, 60)
    first, second = receiver.about(contact)
    assert SOON[0] <= second.at - first.at <= SOON[1]
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert {first.path, second.path} == {"/events"}


def test_events_of_a_contact_come_in_order_also_when_the_first_fails(receiver: Receiver, troubles: Troubles) -> None:
    contact = troubles.changed_meanwhile
    receiver.wait(lambda: len(receiver.taken(contact)) == 3, 40)
    assert [attempt.what for attempt in receiver.about(contact)] == ["registered", "registered", "retagged", "completed"]
    assert [attempt.version for attempt in receiver.taken(contact)] == [1, 2, 3]


def test_each_event_is_given_its_own_tries(receiver: Receiver, troubles: Troubles) -> None:
    contact = troubles.failing_twice
    receiver.wait(lambda: len(receiver.taken(contact)) == 3, 40)
    attempts = receiver.about(contact)
    assert [attempt.what for attempt in attempts] == ["registered", "registered", "retagged", "retagged", "completed"]
    assert SOON[0] <= attempts[3].at - attempts[2].at <= SOON[1]


@pytest.mark.parametrize("which", ["told_to_wait", "told_a_date"])
def test_a_receiver_that_says_when_is_obeyed(receiver: Receiver, troubles: Troubles, which: str) -> None:
    contact: UUID = getattr(troubles, which)
    receiver.wait(lambda: receiver.taken(contact), 45)
    assert 8 <= waited(receiver.about(contact)) <= 40


def test_a_subscription_that_says_it_is_gone_gets_nothing_more(api: httpx.Client) -> None:
    with receiving() as gone:
        gone.always = Answer(410)
        made = api.post("/subscriptions", json={"url": gone.url, "name": "weg"}).json()
        first, second = uuid4(), uuid4()
        put(api, first)

        def state() -> dict[str, Any]:
            [found] = [one for one in api.get("/subscriptions").json()["items"] if one["id"] == made["id"]]
            return dict(found)

        eventually(lambda: state()["status"] == "disabled", 10)
        assert "410" in state()["lastError"]
        put(api, second)
        time.sleep(1.5)
        assert gone.about(second) == []
        assert len(gone.about(first)) == 1
        assert "secret" not in json.dumps(state()).lower()


def test_a_subscription_made_while_the_gateway_runs_is_told_within_two_seconds(teller: Gateway, api: httpx.Client) -> None:
    with receiving() as by_api, receiving() as by_command:
        for opened, subscribe in (
            (by_api, lambda url: api.post("/subscriptions", json={"url": url})),
            (by_command, teller.subscribe),
        ):
            subscribe(opened.url)
            contact = uuid4()
            put(api, contact)
            opened.wait(lambda who=opened, wanted=contact: who.about(wanted), 2)  # type: ignore[misc]
            assert {attempt.contact for attempt in opened.attempts} <= {str(contact)}, "only what happens from now on"
            opened.always = Answer(410)
            put(api, uuid4())
            opened.wait(lambda who=opened: any(not attempt.was_taken for attempt in who.attempts))  # type: ignore[misc]


def test_other_natures_are_handed_over_to_who_asks_and_the_past_too(api: httpx.Client) -> None:
    machine, person = uuid4(), uuid4()
    put(api, machine, nature="machine")
    put(api, person)
    with receiving() as curious:
        wanted = {"url": curious.url, "natures": ["person", "machine"], "fromStart": True}
        assert api.post("/subscriptions", json=wanted).status_code == 201
        curious.wait(lambda: curious.taken(machine) and curious.taken(person))
        curious.always = Answer(410)
        put(api, uuid4())
        curious.wait(lambda: any(not attempt.was_taken for attempt in curious.attempts))


@pytest.mark.parametrize(
    "url", ["http://example.be/events", "https://user:secret@example.be/", "ftp://example.be/", "niets", "https://"]
)
def test_events_go_to_no_unsafe_address(api: httpx.Client, url: str) -> None:
    answer = api.post("/subscriptions", json={"url": url})
    assert answer.status_code == 400
    assert answer.json()["issues"][0]["name"] == "url"


def test_extended_is_told_at_most_once_in_five_seconds_and_the_last_change_always(
    api: httpx.Client, receiver: Receiver, secret: str
) -> None:
    assert secret
    contact = uuid4()
    put(api, contact)
    for number in range(12):
        body = {"direction": "note", "text": f"Notitie {number}"}
        assert api.put(f"/contacts/{contact}/messages/{uuid4()}", json=body).status_code == 201
    last = api.get(f"/contacts/{contact}").json()["version"]

    def extended() -> list[Attempt]:
        return [attempt for attempt in receiver.taken(contact) if attempt.what == "extended"]

    def last_is_told() -> bool:
        return bool(extended()) and extended()[-1].version >= last

    receiver.wait(last_is_told, 9)
    assert [attempt.version for attempt in receiver.taken(contact)] == sorted({a.version for a in receiver.taken(contact)})
    told = extended()
    assert len(told) <= 3
    assert all(later.at - earlier.at > 4 for earlier, later in pairwise(told))
    assert api.get(f"/contacts/{contact}").json()["version"] == told[-1].version


def test_a_cursor_follows_the_feed_and_a_foreign_one_is_refused(api: httpx.Client, gateway: Gateway) -> None:
    _, cursor = feed(api)
    contacts = [uuid4() for _ in range(5)]
    for contact in contacts:
        put(api, contact)
    found, after = feed(api, cursor, limit=2)
    assert [event["subject"] for event in found if event["type"].endswith("registered")] == list(map(str, contacts))
    assert feed(api, after)[0] == []
    assert feed(api, cursor)[0] == found

    with gateway.client(gateway.token("events:read")) as elsewhere:
        foreign = feed(elsewhere)[1]
    for wrong in (foreign, "nonsense", "é", cursor[:-2], "AAAA" * 8):
        answer = api.get("/events", params={"after": wrong})
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["issues"][0]["in"] == "query"


def test_a_receiver_that_does_not_answer_is_tried_again(receiver: Receiver, troubles: Troubles) -> None:
    receiver.wait(lambda: len(receiver.about(troubles.slow)) >= 2, 60)
    assert 23 <= waited(receiver.about(troubles.slow)) <= 60


def test_events_cursors_and_dead_letters_survive_a_restart(teller: Gateway, api: httpx.Client, troubles: Troubles) -> None:
    _, cursor = feed(api)
    dead = api.get("/deadLetters").json()
    assert str(troubles.refused[415]) in {letter["contactId"] for letter in dead["items"]}
    with receiving() as late:
        late.always = Answer(delay_s=30)
        assert api.post("/subscriptions", json={"url": late.url}).status_code == 201
        contacts = [uuid4() for _ in range(3)]
        for contact in contacts:
            put(api, contact)
        late.wait(lambda: all(late.about(contact) for contact in contacts))
        teller.kill()
        late.always = Answer()
        teller.start()
        late.wait(lambda: all(len(late.about(contact)) >= 2 for contact in contacts))
        assert [event["subject"] for event in feed(api, cursor)[0]] == list(map(str, contacts))
        assert api.get("/deadLetters").json() == dead
