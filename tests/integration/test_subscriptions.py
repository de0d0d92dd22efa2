"""Subscriptions, dead letters and replay, through the API and the command line, on a running gateway."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from onthaal_schema.problems import InvalidInput, NotFound
from services.__main__ import app
from tests.engines import NewDatabase, eventually, new_database, postgres
from tests.receiving import Answer, Attempt, Receiver, receiving
from tests.running import Gateway, free_port, running

__all__ = ["new_database", "postgres"]

ALLOWED = "127.0.0.1,cases.example.org,*.vlaanderen.be"


@pytest.fixture(scope="module")
def teller(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Gateway]:
    """A gateway on either engine, that sends events to some hosts only."""
    settings = {"ONTHAAL_DATABASE_URL": new_database(), "ONTHAAL_SUBSCRIPTION_HOSTS": ALLOWED}
    with running(tmp_path_factory.mktemp("subscriptions") / "var", "intake_api", **settings) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def api(teller: Gateway) -> Iterator[httpx.Client]:
    with teller.client(
        teller.token("contacts:write contacts:read contacts:tag contacts:erase events:read subscriptions:write")
    ) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def subscribe(api: httpx.Client, receiver: Receiver) -> Iterator[Any]:
    """Make subscriptions to the receiver, which end with the test."""
    made: list[str] = []

    def make(**wanted: Any) -> dict[str, Any]:
        answer = api.post("/subscriptions", json={"url": receiver.url, "name": f"dossiers {uuid4()}", **wanted})
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
        return dict(answer.json())

    yield make
    for subscription in made:
        assert api.delete(f"/subscriptions/{subscription}").status_code in {204, 404}


def put(api: httpx.Client, contact: UUID, channel: str = "telefoon", kind: str = "melding", **other: Any) -> UUID:
    answer = api.put(f"/contacts/{contact}", json={"channel": channel, "kind": kind, "text": "Een gesprek", **other})
    assert answer.status_code == 201, answer.text
    return contact


def state(api: httpx.Client, made: dict[str, Any]) -> dict[str, Any]:
    answer = api.get(f"/subscriptions/{made['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def balanced(api: httpx.Client, made: dict[str, Any], **expected: int) -> None:
    """Wait until the figures of a subscription are as expected and add up."""

    def figures() -> bool:
        seen = state(api, made)
        assert seen["difference"] == 0, seen
        adds_up = seen["registered"] == seen["delivered"] + seen["pending"] + seen["dead"]
        return adds_up and all(seen[name] == value for name, value in expected.items())

    eventually(figures, 30)


def problem(answer: httpx.Response, name: str, status: int = 400) -> None:
    assert answer.status_code == status, answer.text
    assert {issue["name"].partition("[")[0] for issue in answer.json()["issues"]} == {name}


def command(teller: Gateway, *words: str) -> str:
    """Run `onthaal WORDS` here, since a process takes seconds to start; one test starts the real one."""
    done = CliRunner().invoke(app, words, env=teller.environment)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


# What a subscription is made of


def test_a_subscription_is_made_shown_changed_and_deleted(api: httpx.Client, receiver: Receiver) -> None:
    wanted = {
        "url": receiver.url,
        "name": "dossiers",
        "types": ["registered"],
        "channels": ["mail"],
        "kinds": ["vraag"],
        "batch": 20,
    }
    answer = api.post("/subscriptions", json=wanted)
    made = answer.json()
    assert answer.headers["location"] == f"/intake/v1/subscriptions/{made['id']}"
    assert (made["status"], made["secret"][:6]) == ("active", "whsec_")
    seen = state(api, made)
    assert {name: seen[name] for name in wanted} == wanted
    assert (seen["natures"], seen["handshake"], seen["registered"], seen["behind"]) == (["person"], False, 0, 0)
    assert "secret" not in json.dumps(seen).lower()

    headers = {"Content-Type": "application/merge-patch+json"}
    changed = api.patch(
        f"/subscriptions/{made['id']}", content='{"channels":[],"batch":5,"name":"anders"}', headers=headers
    ).json()
    assert (changed["batch"], changed["name"], changed.get("channels", []), changed["kinds"]) == (5, "anders", [], ["vraag"])

    assert api.delete(f"/subscriptions/{made['id']}").status_code == 204
    assert api.get(f"/subscriptions/{made['id']}").status_code == 404
    assert made["id"] not in api.get("/subscriptions").text


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"url": "http://cases.example.org/"}, "url"),
        ({"url": "https://elsewhere.example.com/"}, "url"),
        ({"url": "https://cases.example.org.evil.example/"}, "url"),
        ({"url": "https://jan:geheim@cases.example.org/"}, "url"),
        ({"url": "https://elsewhere.example.com\\.vlaanderen.be/"}, "url"),
        ({"url": "https://elsewhere.example.com%2f.vlaanderen.be/"}, "url"),
        ({"url": "https://elsewhere.example.com .vlaanderen.be/"}, "url"),
        ({"url": "https://[::1/"}, "url"),
        ({"url": "nats:///onthaal.bus"}, "url"),
        ({"types": ["verzonnen"]}, "types"),
        ({"channels": ["fax"]}, "channels"),
        ({"kinds": ["klacht"]}, "kinds"),
        ({"natures": ["robot"]}, "natures"),
        ({"natures": []}, "natures"),
        ({"batch": 0}, "batch"),
        ({"batch": 101}, "batch"),
        ({"since": "gisteren"}, "since"),
        ({"since": "2026-01-01T00:00:00Z", "fromStart": True}, "since"),
        ({"url": "nats:///onthaal.contacts", "handshake": True}, "handshake"),
        ({"wachtwoord": "x"}, "wachtwoord"),
    ],
)
def test_what_is_wrong_with_a_subscription_is_named(api: httpx.Client, wrong: dict[str, Any], name: str) -> None:
    problem(api.post("/subscriptions", json={"url": "https://cases.example.org/events", **wrong}), name)


@pytest.mark.parametrize(
    "url", ["https://cases.example.org/events", "https://meldpunt.vlaanderen.be:8443/in?x=1", "nats:///onthaal.contacts"]
)
def test_events_go_to_hosts_that_are_named(api: httpx.Client, url: str) -> None:
    made = api.post("/subscriptions", json={"url": url})
    assert made.status_code == 201, made.text
    assert api.delete(f"/subscriptions/{made.json()['id']}").status_code == 204


def test_only_events_that_are_asked_for_are_delivered(api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    made = subscribe(types=["registered", "retagged"], channels=["telefoon"], kinds=["melding"])
    other_channel = put(api, uuid4(), channel="brief")
    other_kind = put(api, uuid4(), kind="vraag")
    wanted = put(api, uuid4())
    assert api.put(f"/contacts/{wanted}/completion").status_code == 200
    assert api.put(f"/contacts/{wanted}/kind", json={"kind": "vraag"}).status_code == 200
    receiver.wait(lambda: len(receiver.taken(wanted)) == 2)
    balanced(api, made, registered=2, delivered=2, behind=0)
    assert [attempt.what for attempt in receiver.taken(wanted)] == ["registered", "retagged"], "also that it was none after all"
    assert receiver.about(other_channel) == receiver.about(other_kind) == []


def test_another_filter_holds_from_now_on(api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    made = subscribe(channels=["brief"])
    before = put(api, uuid4())
    balanced(api, made, behind=0, registered=0)
    assert api.patch(f"/subscriptions/{made['id']}", json={"channels": ["telefoon"]}).status_code == 200
    after = put(api, uuid4())
    receiver.wait(lambda: receiver.taken(after))
    assert receiver.about(before) == []
    balanced(api, made, registered=1)


# The handshake


class Asked(Receiver):
    """A receiver that answers OPTIONS as a test says."""

    consent: dict[str, str] | None = None
    origins: list[str | None]

    def _handler(self) -> Any:
        receiver = self
        receiver.origins = []

        class Handler(super()._handler()):  # type: ignore[misc]
            def do_OPTIONS(self) -> None:  # noqa: N802 - the name that http.server calls
                receiver.origins.append(self.headers.get("WebHook-Request-Origin"))
                self.send_response(200 if receiver.consent is not None else 405)
                for name, value in (receiver.consent or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Handler


@pytest.fixture
def asked() -> Iterator[Asked]:
    receiver = Asked()
    with receiver.open():
        yield receiver


def test_a_receiver_that_does_not_consent_gets_nothing_until_it_does(api: httpx.Client, asked: Asked) -> None:
    made = api.post("/subscriptions", json={"url": asked.url, "handshake": True}).json()
    assert made["status"] == "unverified"
    assert "405" in made["lastError"]
    contact = put(api, uuid4())
    path = f"/subscriptions/{made['id']}"

    for answer, says in (
        ({}, "WebHook-Allowed-Origin"),
        ({"WebHook-Allowed-Origin": "elders.example"}, "origin"),
        ({"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "veel"}, "Rate"),
    ):
        asked.consent = answer
        refused = api.post(f"{path}/verify").json()
        assert (refused["status"], says in refused["lastError"]) == ("unverified", True), refused
    assert api.post(f"{path}/resume").status_code == 409
    time.sleep(0.5)
    assert asked.attempts == []

    asked.consent = {"WebHook-Allowed-Origin": "127.0.0.1", "WebHook-Allowed-Rate": "6000"}
    verified = api.post(f"{path}/verify").json()
    assert (verified["status"], verified["rate"], verified["handshake"]) == ("active", 6000, True)
    asked.wait(lambda: asked.taken(contact))
    assert set(asked.origins) == {"127.0.0.1"}
    assert api.delete(path).status_code == 204


def test_a_receiver_that_consents_gets_events_at_once_and_another_address_is_asked_again(api: httpx.Client, asked: Asked) -> None:
    asked.consent = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"}
    made = api.post("/subscriptions", json={"url": asked.url, "handshake": True}).json()
    assert made["status"] == "active"
    contact = put(api, uuid4())
    asked.wait(lambda: asked.taken(contact))
    closed = f"http://127.0.0.1:{free_port()}/"
    moved = api.patch(f"/subscriptions/{made['id']}", json={"url": closed}).json()
    assert (moved["status"], "could not be asked" in moved["lastError"]) == ("unverified", True)
    plain = api.patch(f"/subscriptions/{made['id']}", json={"url": asked.url, "handshake": False}).json()
    assert (plain["status"], plain["handshake"]) == ("active", False)
    assert api.post(f"/subscriptions/{made['id']}/verify").status_code == 409
    assert api.delete(f"/subscriptions/{made['id']}").status_code == 204


def test_a_paused_subscription_stays_paused_when_its_new_address_consents(api: httpx.Client, asked: Asked) -> None:
    asked.consent = {"WebHook-Allowed-Origin": "*"}
    made = api.post("/subscriptions", json={"url": asked.url, "handshake": True}).json()
    path = f"/subscriptions/{made['id']}"
    assert api.post(f"{path}/pause").json()["status"] == "paused"
    assert api.patch(path, json={"url": f"{asked.url}?elders"}).json()["status"] == "paused"
    asked.consent = None
    assert api.patch(path, json={"url": asked.url}).json()["status"] == "unverified"
    assert api.delete(path).status_code == 204


# Pausing, resuming, secrets


def test_what_happens_during_a_pause_is_delivered_after_it(api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    made = subscribe()
    assert api.post(f"/subscriptions/{made['id']}/pause").json()["status"] == "paused"
    contact = put(api, uuid4())
    time.sleep(0.5)
    assert receiver.attempts == []
    assert state(api, made)["behind"] == 1
    assert api.post(f"/subscriptions/{made['id']}/resume").json()["status"] == "active"
    receiver.wait(lambda: receiver.taken(contact))
    balanced(api, made, registered=1, delivered=1, behind=0)


def test_a_subscription_that_answered_410_can_be_resumed(api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    made = subscribe()
    contact = put(api, uuid4())
    receiver.wait(lambda: receiver.taken(contact))
    receiver.always = Answer(410)
    lost = put(api, uuid4())
    eventually(lambda: state(api, made)["status"] == "disabled")
    receiver.always = Answer()
    assert "410" in state(api, made)["lastError"]
    assert api.post(f"/subscriptions/{made['id']}/resume").json()["status"] == "active"
    receiver.wait(lambda: receiver.taken(lost))


def trusts(secret: str, attempt: Attempt) -> bool:
    try:
        Webhook(secret).verify(attempt.body, dict(attempt.headers))
    except Exception:  # noqa: BLE001 - whatever the library says of a signature that is not its own
        return False
    return True


def test_while_a_secret_is_rotated_deliveries_are_signed_with_both(api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    made = subscribe()
    rotated = api.post(f"/subscriptions/{made['id']}/rotate", json={}).json()
    until = datetime.fromisoformat(rotated["formerUntil"])
    assert abs(until - datetime.now(UTC) - timedelta(hours=24)) < timedelta(minutes=5)
    contact = put(api, uuid4())
    receiver.wait(lambda: receiver.taken(contact))
    [attempt] = receiver.taken(contact)
    assert all(trusts(secret, attempt) for secret in (made["secret"], rotated["secret"]))
    assert state(api, made)["formerSecretUntil"] == rotated["formerUntil"]


def test_a_former_secret_is_forgotten_at_once_when_it_leaked(api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    made = subscribe()
    rotated = api.post(f"/subscriptions/{made['id']}/rotate", json={"keepFormerHours": 0}).json()
    assert rotated["secret"] != made["secret"]
    contact = put(api, uuid4())
    receiver.wait(lambda: receiver.taken(contact))
    [attempt] = receiver.taken(contact)
    assert (trusts(rotated["secret"], attempt), trusts(made["secret"], attempt)) == (True, False)


def test_the_command_line_steers_a_subscription_by_name(teller: Gateway, api: httpx.Client, receiver: Receiver) -> None:
    printed = teller.command("subscriptions", "create", "--url", receiver.url, "--name", "per commando", "--kind", "melding")
    secret = printed.split()[-1]
    assert secret.startswith("whsec_")
    assert json.loads(command(teller, "subscriptions", "pause", "per commando"))["status"] == "paused"
    assert json.loads(command(teller, "subscriptions", "resume", "per commando"))["status"] == "active"
    rotated = command(teller, "subscriptions", "rotate", "per commando").split()[-1]
    contact = put(api, uuid4())
    receiver.wait(lambda: receiver.taken(contact))
    assert trusts(rotated, receiver.taken(contact)[0])
    shown = json.loads(command(teller, "subscriptions", "show", "per commando"))
    assert shown["kinds"] == ["melding"]
    assert datetime.fromisoformat(shown["formerSecretUntil"]) > datetime.now(UTC) + timedelta(hours=23)
    assert "whsec_" not in command(teller, "subscriptions", "list")
    command(teller, "subscriptions", "delete", shown["id"])
    with pytest.raises(NotFound):
        command(teller, "subscriptions", "show", "per commando")
    with pytest.raises(InvalidInput):
        command(teller, "subscriptions", "create", "--url", "https://elders.example.com/")


# Dead letters and replay


def letters(api: httpx.Client, **chosen: Any) -> list[dict[str, Any]]:
    return list(api.get("/deadLetters", params=chosen).json()["items"])


def test_dead_letters_are_chosen_and_sent_again(teller: Gateway, api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    made = subscribe()
    by_status = {status: [uuid4() for _ in range(3)] for status in (400, 422)}
    for status, contacts in by_status.items():
        for contact in contacts:
            receiver.will_answer(contact, Answer(status))
            put(api, contact)
    mine = {"subscriptionId": made["id"]}
    balanced(api, made, dead=6, delivered=0)
    page = api.get("/deadLetters", params={**mine, "pageSize": 4}).json()
    rest = api.get("/deadLetters", params={**mine, "before": page["next"]}).json()
    assert ([len(page["items"]), len(rest["items"])], page["total"], "next" in rest) == ([4, 2], 6, False)
    assert len({letter["eventId"] for letter in (*page["items"], *rest["items"])}) == 6
    assert {letter["contactId"] for letter in letters(api, **mine, reason="HTTP 422")} == set(map(str, by_status[422]))
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert letters(api, **mine, until=past) == []
    assert len(letters(api, **mine, since=past)) == 6

    one = page["items"][0]["eventId"]
    assert api.post(f"/deadLetters/{one}/redrive").json() == {"count": 1}
    assert api.post("/deadLetters/redrive", json={"subscriptionId": made["id"], "reason": "HTTP 400"}).json()["count"] in {2, 3}
    balanced(api, made, pending=0)
    printed = command(teller, "handover", "replay", "--subscription", made["id"])
    left = int(printed.split()[0])
    assert left in {2, 3}
    balanced(api, made, delivered=6, dead=0, pending=0)
    for contact in (*by_status[400], *by_status[422]):
        assert [attempt.answer.status for attempt in receiver.about(contact)][1:] == [204]
    problem(api.get("/deadLetters", params={"before": "x"}), "before")
    problem(api.get("/deadLetters", params={"since": "x"}), "since")


def test_everything_since_a_moment_is_delivered_again(
    teller: Gateway, api: httpx.Client, receiver: Receiver, subscribe: Any
) -> None:
    before_it = put(api, uuid4())
    time.sleep(0.05)
    since = datetime.now(UTC)
    earlier = put(api, uuid4())
    made = subscribe()
    refused, taken = uuid4(), uuid4()
    receiver.will_answer(refused, Answer(422))
    put(api, refused)
    put(api, taken)
    balanced(api, made, registered=2, delivered=1, dead=1)

    answer = api.post(f"/subscriptions/{made['id']}/replay", json={"since": since.isoformat()})
    assert answer.status_code == 202
    receiver.wait(lambda: receiver.taken(earlier) and receiver.taken(refused) and len(receiver.taken(taken)) == 2)
    balanced(api, made, registered=3, delivered=3, pending=0, dead=0)
    eventually(lambda: "replayingSince" not in state(api, made))
    assert receiver.about(before_it) == []

    printed = command(teller, "handover", "replay", "--subscription", made["id"], "--since", since.isoformat())
    assert printed.startswith("Everything that dossiers")
    receiver.wait(lambda: len(receiver.taken(taken)) == 3)
    balanced(api, made, registered=3, delivered=3, pending=0)


def test_a_subscription_may_begin_in_the_past(api: httpx.Client, receiver: Receiver, subscribe: Any) -> None:
    old = put(api, uuid4())
    made = subscribe(since=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    receiver.wait(lambda: receiver.taken(old))
    balanced(api, made, behind=0, pending=0)


# What a contact tells of it


def test_a_contact_tells_how_far_it_was_handed_over(
    teller: Gateway, api: httpx.Client, receiver: Receiver, subscribe: Any
) -> None:
    made = subscribe(name="het dossier")
    contact = uuid4()
    receiver.will_answer(contact, Answer(), Answer(422))
    put(api, contact)
    balanced(api, made, delivered=1)
    operator = teller.sign_in_link("Noor").partition("#")[2]
    session = httpx.post(f"{teller.url}/intake/v1/sessions", json={"code": operator}).json()
    with teller.client(session["accessToken"]) as person:
        [first] = person.get(f"/contacts/{contact}").json()["handover"]
        assert (first["subscription"], first["state"], first["type"], first["version"]) == (
            "het dossier",
            "delivered",
            "registered",
            1,
        )
        assert "deliveredAt" in first
        assert "fetchedAt" not in first, "a person at the desk does not fetch for the case service"
        assert "fetchedAt" in api.get(f"/contacts/{contact}").json()["handover"][0]
        assert api.put(f"/contacts/{contact}/completion").status_code == 200
        balanced(api, made, dead=1)
        dead, delivered = person.get(f"/contacts/{contact}").json()["handover"]
    assert (dead["state"], dead["type"], dead["reason"], delivered["state"]) == ("dead", "completed", "HTTP 422", "delivered")
