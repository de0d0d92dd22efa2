"""Content is sealed while it is kept, and gone when it is erased."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.engines import eventually
from tests.receiving import Receiver, receiving
from tests.running import Gateway, running

MARKER = "Xq7Marker"
"""Stands in every field that a person or an operator can write in; in every spelling that a field takes."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("erasure") / "var", "intake_api", ONTHAAL_LOG_LEVEL="DEBUG") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def desk(own: Gateway, receiver: Receiver) -> Iterator[httpx.Client]:
    with own.client() as client:
        assert client.post("/subscriptions", json={"url": receiver.url}).status_code == 201
        yield client


def body(channel: str = "mail", **other: Any) -> dict[str, Any]:
    details = {"messageId": f"<{MARKER}@x.be>", "inReplyTo": f"<{MARKER}@y.be>", "recipients": [f"{MARKER}@z.be"]}
    return {
        "channel": channel,
        "subject": f"Over {MARKER}",
        "text": f"Mijn trainer {MARKER} raakte mij aan. {MARKER}",
        "person": {"name": f"An {MARKER}", "email": f"{MARKER}@voorbeeld.be", "phone": "0470 99 88 77"},
        "safeContact": {"note": f"niet bij {MARKER}", "times": f"na {MARKER}"},
        **({"details": details} if channel == "mail" else {}),
        **other,
    }


def register_with_file(desk: httpx.Client, contact: str) -> dict[str, Any]:
    files = [
        ("contact", ("", json.dumps(body()).encode(), "application/json")),
        ("attachment", (f"{MARKER}.pdf", f"inhoud {MARKER}".encode() * 20_000, f"application/{MARKER}")),
        ("attachment", (f"{MARKER}.txt", f"inhoud {MARKER}".encode(), "text/plain")),
    ]
    answer = desk.put(f"/contacts/{contact}", files=files)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def files_of(own: Gateway, contact: str) -> list[Path]:
    return [path for path in (own.var / "files" / contact).glob("**/*") if path.is_file()]


def everything_written(own: Gateway) -> Iterator[tuple[str, bytes]]:
    """Give every file that the gateway wrote: database, its log of changes, files, keys, log."""
    for path in own.var.glob("**/*"):
        if path.is_file():
            yield path.name, path.read_bytes()


def spellings(marker: str) -> set[bytes]:
    """Give the marker as bytes in whatever case and encoding it could have been written."""
    words = {marker, marker.lower(), marker.upper()}
    return {word.encode(code) for word in words for code in ("utf-8", "utf-16-le")} | {b"99 88 77", b"32470998877", b"470998877"}


def test_content_and_identity_are_nowhere_in_clear(own: Gateway, desk: httpx.Client, receiver: Receiver) -> None:
    contact = str(uuid4())
    register_with_file(desk, contact)
    for channel in ("brief", "contactformulier", "chat", "telefoon"):
        assert desk.put(f"/contacts/{uuid4()}", json=body(channel)).status_code == 201
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", f"/contacts/{contact}/messages/{uuid4()}", {"direction": "inbound", "text": f"Nog iets: {MARKER}"}),
        ("PUT", f"/contacts/{contact}/messages/{uuid4()}", {"direction": "note", "text": MARKER}),
        (
            "PUT",
            f"/contacts/{contact}/details",
            {"person": {"name": MARKER, "email": f"{MARKER}@elders.be", "phone": "0470998877"}},
        ),
        ("PUT", f"/contacts/{contact}/kind", {"kind": "vraag"}),
        ("PUT", f"/contacts/{contact}/outcome", {"caseReference": MARKER, "reason": MARKER, "tasks": [MARKER]}),
        ("POST", "/contacts/query", {"email": f"{MARKER}@elders.be"}),
        ("POST", "/contacts/query", {"phone": "+32 470 99 88 77"}),
    ]
    for method, path, content in changes:
        assert desk.request(method, path, json=content).is_success, path
    wrong: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", f"/contacts/{contact}", body(text=f"anders {MARKER}")),
        ("PUT", f"/contacts/{uuid4()}", body(text=MARKER, kind=MARKER)),
        ("PUT", f"/contacts/{uuid4()}", body(language=MARKER)),
        ("PUT", f"/contacts/{uuid4()}", body() | {"person": {"email": MARKER}}),
        ("PUT", f"/contacts/{uuid4()}", {"channel": MARKER, "text": MARKER}),
        ("PUT", f"/contacts/{contact}/kind", {"kind": MARKER}),
        ("POST", "/contacts/query", {"reference": 1, "email": MARKER}),
    ]
    for method, path, content in wrong:
        answer = desk.request(method, path, json=content)
        assert answer.is_client_error, path
        assert MARKER not in answer.text
    held = desk.get(f"/contacts/{contact}").json()
    file = held["files"][0]["id"]
    assert MARKER.encode() in desk.get(f"/contacts/{contact}/files/{file}").content
    receiver.wait(lambda: {"registered", "extended", "retagged"} <= {attempt.what for attempt in receiver.taken(contact)})
    eventually(lambda: "suggestion" in desk.get(f"/contacts/{contact}").json())

    seen = dict(everything_written(own))
    assert {"onthaal.db", "log"} <= set(seen)
    assert any(name not in {"onthaal.db", "log"} for name in seen)
    seen["feed"] = b"".join(desk.get("/events", params={"limit": 500, "nature": ["person", "machine", "spam"]}).iter_bytes())
    seen["metrics"] = httpx.get(f"{own.url}/metrics").content
    seen["events"] = b"".join(attempt.body + repr(attempt.headers).encode() for attempt in receiver.attempts)
    with own.client(own.token("worklist:write")) as work:
        seen["lists"] = desk.post("/contacts/query", json={}).content + work.get("/workItems").content
    assert b'"reason"' in seen["lists"]
    assert b"registered" in seen["feed"]
    assert b"registered" in seen["events"]
    for name, written in seen.items():
        for spelling in spellings(MARKER):
            assert spelling not in written, f"{spelling!r} stands in {name}"


def rows(own: Gateway, contact: str) -> dict[str, list[Any]]:
    """Give what the database still holds of a contact in sealed or indexed form, by table and column."""
    found: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(own.var / "onthaal.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [column[1] for column in database.execute(f"PRAGMA table_info({table})")]
            key = "contact_id" if "contact_id" in columns else "id" if table == "contact" else None
            if key is None:
                continue
            secret = [name for name in columns if name.startswith("sealed") or name in {"digest", "data_key"}]
            for name in secret:
                ids = (contact, contact.replace("-", ""))
                query = f"SELECT {name} FROM {table} WHERE {key} IN (?, ?)"  # noqa: S608 - names from the schema
                held = [value for (value,) in database.execute(query, ids) if value]
                if held:
                    found[f"{table}.{name}"] = held
    return found


def test_an_erased_contact_leaves_its_tombstone_and_its_counts(own: Gateway, desk: httpx.Client, receiver: Receiver) -> None:
    contact = str(uuid4())
    made = register_with_file(desk, contact)
    message = f"/contacts/{contact}/messages/{uuid4()}"
    assert desk.put(message, json={"direction": "inbound", "text": MARKER}).status_code == 201
    assert desk.put(f"/contacts/{contact}/details", json={"person": {"phone": "0470 11 22 33"}}).status_code == 200
    assert desk.put(f"/contacts/{contact}/outcome", json={"caseReference": MARKER}).status_code == 204
    eventually(lambda: "contact.sealed_suggestion" in rows(own, contact))
    assert {"contact.sealed", "contact.data_key", "message.sealed", "correction.sealed", "outcome.sealed"} <= set(
        rows(own, contact)
    )
    assert files_of(own, contact)
    counts = desk.get("/statistics/contacts", params={"by": "month,channel,kind,sector,opening"}).json()
    assert counts["total"] >= 1

    assert desk.delete(f"/contacts/{contact}").status_code == 204

    gone = [
        desk.get(f"/contacts/{contact}"),
        desk.get(f"/contacts/{contact}/messages"),
        desk.get(f"/contacts/{contact}/files/{made['files'][0]['id']}"),
        desk.put(f"/contacts/{contact}", json=body()),
        desk.put(f"/contacts/{contact}", json={"channel": "telefoon", "text": "iets anders"}),
        desk.put(message, json={"direction": "inbound", "text": MARKER}),
        desk.put(f"/contacts/{contact}/kind", json={"kind": "vraag"}),
        desk.delete(f"/contacts/{contact}"),
    ]
    assert {answer.status_code for answer in gone} == {410}
    assert {answer.headers["content-type"] for answer in gone} == {"application/problem+json"}
    assert rows(own, contact) == {}
    assert files_of(own, contact) == []
    assert desk.post("/contacts/query", json={"phone": "0470112233"}).json()["items"] == []
    assert desk.get("/statistics/contacts", params={"by": "month,channel,kind,sector,opening"}).json() == counts

    receiver.wait(lambda: "erased" in {attempt.what for attempt in receiver.taken(contact)})
    last = receiver.taken(contact)[-1]
    assert last.what == "erased"
    assert last.version == max(attempt.version for attempt in receiver.taken(contact))
    told = [event for event in desk.get("/events", params={"limit": 500}).json()["items"] if event["subject"] == contact]
    assert told[-1]["type"].endswith(".erased")


def test_an_erased_contact_stays_erased_after_a_restart(own: Gateway, desk: httpx.Client) -> None:
    contact = str(uuid4())
    register_with_file(desk, contact)
    assert desk.delete(f"/contacts/{contact}").status_code == 204
    own.kill()
    own.start()
    assert desk.get(f"/contacts/{contact}").status_code == 410
    assert desk.put(f"/contacts/{contact}", json=body()).status_code == 410
    assert files_of(own, contact) == []


def test_what_a_mail_leaves_behind_is_in_clear_nowhere_and_tells_nothing_once_it_is_erased(
    own: Gateway, desk: httpx.Client
) -> None:
    contact, answer, mailbox = str(uuid4()), str(uuid4()), "post"
    mail = {
        "mailbox": mailbox,
        "place": {"uidValidity": 1, "uid": 1},
        "contact": body(),
        "answerTo": f"{MARKER}@voorbeeld.be",
        "references": [f"<{MARKER}@v.be>"],
        "fingerprint": MARKER,
        "likenesses": [MARKER, f"{MARKER}2"],
    }
    assert desk.put(f"/mails/{contact}", json=mail).status_code == 201
    [sent] = [one for one in desk.post("/outgoing/claims").json()["items"] if one["contactId"] == contact]
    assert (sent["to"], sent["inReplyTo"]) == (f"{MARKER}@voorbeeld.be", f"<{MARKER}@x.be>")
    joined = {**mail, "place": {"uidValidity": 1, "uid": 2}, "tokens": [sent["token"]], "fingerprint": f"{MARKER}3"}
    assert desk.put(f"/mails/{answer}", json=joined).json()["contactId"] == contact
    told = {"messageId": f"<{MARKER}@w.be>", "to": f"{MARKER}@voorbeeld.be", "text": MARKER}
    assert desk.put(f"/contacts/{contact}/outgoing/{uuid4()}", json=told).status_code == 204
    hidden = {*spellings(MARKER), *spellings(sent["token"]), *spellings(sent["messageId"].strip("<>"))}
    assert [(name, one) for name, content in everything_written(own) for one in hidden if one in content] == []

    assert desk.delete(f"/contacts/{contact}").status_code == 204
    with closing(sqlite3.connect(own.var / "onthaal.db")) as database:
        mine = (contact.replace("-", ""),)
        assert database.execute("SELECT count(*) FROM outgoing WHERE contact_id = ?", mine).fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM mail WHERE contact_id = ?", mine).fetchone() == (2,)
        assert database.execute("SELECT count(*) FROM answered").fetchone() == (0,)
    assert desk.get(f"/mailboxes/{mailbox}", params={"uidValidity": 1}).json()["held"] == "1:2"


def test_only_who_may_erase_erases(own: Gateway, desk: httpx.Client) -> None:
    contact = str(uuid4())
    register_with_file(desk, contact)
    with own.client(own.token("contacts:read", "contacts:write", "contacts:tag", "outcomes:write")) as other:
        assert other.delete(f"/contacts/{contact}").status_code == 403
    assert desk.get(f"/contacts/{contact}").status_code == 200
    assert desk.delete(f"/contacts/{uuid4()}").status_code == 404
