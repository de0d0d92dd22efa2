"""Bad input: a clear problem that names the field, nothing stored, no fault of the gateway, and never an echo of the text."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from tests.running import Gateway, running

MARKER: Final = "Kanarievogel7Q"
"""Stands in for what a person wrote: it may come back nowhere."""

BRIEF: Final = {"channel": "brief", "text": f"verhaal {MARKER}", "person": {"name": MARKER}}
PART: Final = ("contact", (None, json.dumps(BRIEF), "application/json"))
JSON: Final = {"Content-Type": "application/json"}
LIMIT: Final = 50_000_000
LARGE: Final = 60_000_000
BLOCK: Final = b"a" * 1_000_000
TOMORROW: Final = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("bad_input"), "intake_api") as started:
        yield started


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with gateway.client() as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_is_stored_and_nothing_is_written_down(gateway: Gateway, client: httpx.Client) -> Iterator[None]:
    yield
    assert client.post("/contacts/query", json={}).json()["items"] == []
    assert MARKER not in gateway.log.read_text(encoding="utf-8")


def problem(answer: httpx.Response, status: int, name: str | None = None, kind: str = "") -> dict[str, Any]:
    """Read a problem: the right status, the field named, a sentence for a person, and nothing of what was sent."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert MARKER not in answer.text
    assert MARKER not in str(answer.headers)
    held: dict[str, Any] = answer.json()
    assert held["status"] == status
    assert held["type"].startswith("urn:problem-type:")
    if name is not None:
        found = {issue.get("name"): issue for issue in held["issues"]}
        assert name in found, held["issues"]
        assert found[name]["type"].endswith(kind)
        assert found[name]["detail"].endswith(".")
        assert "Input should" not in answer.text
    return held


def put(client: httpx.Client, content: object, **headers: str) -> httpx.Response:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.put(f"/contacts/{uuid4()}", content=raw, headers=JSON | headers)


WRONG: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "text as a number": ({"text": 5}, "text", "Must be text."),
    "text as a list": ({"text": [MARKER]}, "text", "Must be text."),
    "a text that is too long": ({"text": "a" * 500_001}, "text", "Must be at most 500000 characters."),
    "a yes as a word": ({"anonymous": "yes"}, "anonymous", "Must be true or false."),
    "a yes as a number": ({"anonymous": 1}, "anonymous", "Must be true or false."),
    "a kind that is none": ({"kind": MARKER}, "kind", "Must be one of melding, vraag."),
    "a source without a kind": ({"kindSource": "operator"}, "kindSource", "kindSource needs kind"),
    "the model as a source": ({"kind": "melding", "kindSource": "model"}, "kindSource", "Must be one of melder, operator."),
    "a sector that is none": ({"sector": MARKER}, "sector", "Must be one of Cultuur, Kerk en organisatie, "),
    "a person as text": ({"person": MARKER}, "person", "Must be an object."),
    "a mail address without @": ({"person": {"email": MARKER}}, "person.email", "Must be a mail address, as name@example.org."),
    "a phone number of words": ({"person": {"phone": MARKER}}, "person.phone", "Must be a phone number"),
    "a name on two lines": ({"person": {"name": f"{MARKER}\r\nBcc: x"}}, "person.name", "Must be a single line"),
    "a subject on two lines": ({"subject": f"{MARKER}\nBcc: x"}, "subject", "Must be a single line"),
    "a language of three letters": ({"language": "nld"}, "language", "Does not have the right form."),
    "a moment in the future": ({"receivedAt": TOMORROW}, "receivedAt", "Must not lie in the future."),
    "a moment before 1970": ({"receivedAt": "0001-01-01T00:00:00+14:00"}, "receivedAt", "Must lie after"),
    "a moment without an offset": ({"receivedAt": "2026-01-05T10:00:00"}, "receivedAt", "Must be a moment with its offset"),
    "a moment as a number": ({"receivedAt": 1_700_000_000}, "receivedAt", "Must be a moment with its offset"),
    "a moment as a number in quotes": ({"receivedAt": "1700000000"}, "receivedAt", "Must be a moment with its offset"),
    "a day that does not exist": ({"details": {"datedOn": "2026-02-30"}}, "details.datedOn", "Must be a day"),
    "a day as a zero": ({"details": {"datedOn": "0"}}, "details.datedOn", "Must be a day"),
    "an id that is none": ({"relatedTo": MARKER}, "relatedTo", "Must be a UUID."),
    "a NUL": ({"text": f"{MARKER}\0"}, "text", "Must not contain a NUL character"),
    "another channel's details": ({"details": {"formVersion": "1"}}, "details.formVersion", "This property is not known"),
    "an unknown property": ({"mood": MARKER}, "mood", "This property is not known: leave it out."),
    "an unknown property inside": ({"person": {"age": 12}}, "person.age", "This property is not known: leave it out."),
    "a channel that is none": ({"channel": MARKER}, "channel", "Must be one of brief, contactformulier, mail, chat, telefoon."),
}


@pytest.mark.parametrize(("wrong", "name", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_named_in_a_plain_sentence(
    client: httpx.Client, wrong: dict[str, Any], name: str, sentence: str
) -> None:
    held = problem(put(client, BRIEF | wrong), 400, name)
    assert any(issue["detail"].startswith(sentence) for issue in held["issues"]), held["issues"]


def test_unknown_properties_have_a_type_of_their_own(client: httpx.Client) -> None:
    problem(put(client, BRIEF | {"mood": MARKER}), 400, "mood", "input-validation:unknownInput")


def test_all_faults_are_told_at_once(client: httpx.Client) -> None:
    held = problem(put(client, BRIEF | {"text": 5, "kind": "x", "mood": 1}), 400)
    assert {issue["name"] for issue in held["issues"]} == {"text", "kind", "mood"}


def test_a_thousand_faults_are_not_all_told(client: httpx.Client) -> None:
    held = problem(put(client, BRIEF | {f"property{number}": 1 for number in range(1000)}), 400)
    assert len(held["issues"]) == 50


def test_a_call_that_ends_before_it_starts_names_the_field_in_its_own_case(client: httpx.Client) -> None:
    times = {"startedAt": "2026-01-05T10:00:00Z", "endedAt": "2026-01-05T09:00:00Z"}
    held = problem(put(client, {"channel": "telefoon", "details": times}), 400, "details.endedAt")
    assert held["issues"][0]["detail"] == "endedAt must not be before startedAt."


@pytest.mark.parametrize("number", ["1e400", "1" * 400, "1" * 5000, "-1", "1.5", "NaN", "1000001"])
def test_a_number_out_of_range_is_refused(client: httpx.Client, number: str) -> None:
    problem(put(client, f'{{"channel":"chat","details":{{"waitedSeconds":{number}}}}}'.encode()), 400)


BROKEN: Final = {
    "nothing": b"",
    "half a body": f'{{"channel":"brief","text":"{MARKER}'.encode(),
    "text": MARKER.encode(),
    "a comma too many": f'{{"channel":"brief","text":"{MARKER}",}}'.encode(),
    "a raw NUL": b'{"channel":"brief","text":"' + MARKER.encode() + b'\0"}',
    "bytes that are not UTF-8": b'{"channel":"brief","text":"' + MARKER.encode() + b'\xff"}',
    "a raw lone surrogate": b'{"channel":"brief","text":"' + MARKER.encode() + b'\xed\xa0\x80"}',
    "deep nesting": b'{"channel":' + b"[" * 100_000,
    "deep nesting that is closed": b'{"channel":"brief","text":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "deep nesting with a null": b'{"channel":"brief","text":' + b"[" * 5000 + b"null" + b"]" * 5000 + b"}",
    "a list": b"[]",
    "a null": b"null",
    "UTF-16": json.dumps(BRIEF).encode("utf-16"),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_body_that_cannot_be_read_is_refused(client: httpx.Client, raw: bytes) -> None:
    assert problem(put(client, raw), 400)["issues"]


SURROGATES: Final = {
    "at the end": (b'{"channel":"brief","text":"' + MARKER.encode() + rb'\ud800"}', "text"),
    "inside": (rb'{"channel":"brief","person":{"name":"\udc00"}}', "person.name"),
    "in a name too": (rb'{"channel":"brief","\ud800":"\ud800"}', "?"),
}


@pytest.mark.parametrize(("raw", "name"), SURROGATES.values(), ids=SURROGATES)
def test_a_lone_surrogate_is_named(client: httpx.Client, raw: bytes, name: str) -> None:
    problem(put(client, raw), 400, name)


def test_a_lone_surrogate_in_a_property_name_is_refused(client: httpx.Client) -> None:
    problem(put(client, rb'{"channel":"brief","\ud800":"x"}'), 400)


def test_60_megabytes_with_a_length_are_refused(client: httpx.Client) -> None:
    raw = b'{"channel":"brief","text":"' + MARKER.encode() + BLOCK * 60 + b'"}'
    assert problem(put(client, raw), 413)["limit"] == LIMIT


def test_60_megabytes_without_a_length_are_refused(client: httpx.Client) -> None:
    def blocks() -> Iterator[bytes]:
        yield b'{"channel":"brief","text":"' + MARKER.encode()
        yield from (BLOCK for _ in range(LARGE // len(BLOCK)))

    answer = client.put(f"/contacts/{uuid4()}", content=blocks(), headers=JSON)
    assert problem(answer, 413)["limit"] == LIMIT


def test_60_megabytes_in_a_file_are_refused(client: httpx.Client) -> None:
    parts: list[Any] = [PART, ("scan", (f"{MARKER}.pdf", BLOCK * 60, "application/pdf"))]
    assert problem(client.put(f"/contacts/{uuid4()}", files=parts), 413)["limit"] == LIMIT


def test_json_above_its_own_limit_is_refused(client: httpx.Client) -> None:
    raw = b'{"channel":"brief","text":"' + BLOCK * 5 + b'"}'
    assert problem(put(client, raw), 413)["limit"] == 4_000_000


def test_a_length_that_is_not_kept_stores_nothing(gateway: Gateway, client: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as line:
        head = f"PUT /intake/v1/contacts/{uuid4()} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
        line.sendall(f"{head}Authorization: {client.headers['authorization']}\r\n\r\n".encode() + json.dumps(BRIEF).encode())
    assert gateway.is_up()


def test_another_content_type_is_refused(client: httpx.Client) -> None:
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", MARKER):
        problem(put(client, BRIEF, **{"Content-Type": kind}), 415)


MULTIPART: Final[dict[str, tuple[list[Any], str]]] = {
    "no contact": ([("scan", ("a.pdf", b"%PDF"))], "contact"),
    "an unknown part": ([PART, ("story", (None, MARKER))], "story"),
    "an unknown file": ([PART, ("photo", ("a.png", b"x"))], "photo"),
    "a role that is not a file": ([PART, ("scan", (None, MARKER))], "scan"),
    "too many files": ([PART, *[("scan", (f"{number}.pdf", b"x")) for number in range(60)]], "contact"),
    "a contact that is wrong": ([("contact", (None, json.dumps(BRIEF | {"mood": 1}), "application/json"))], "mood"),
}


@pytest.mark.parametrize(("parts", "name"), MULTIPART.values(), ids=MULTIPART)
def test_a_wrong_part_is_named(client: httpx.Client, parts: list[Any], name: str) -> None:
    parts = [*parts, ("attachment", ("leeg.txt", b""))]  # makes the request multipart, whatever the other parts are
    problem(client.put(f"/contacts/{uuid4()}", files=parts), 400, name)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("multipart/form-data", b"--x\r\n\r\n" + MARKER.encode()),
        ("multipart/form-data; boundary=x", MARKER.encode()),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n" + MARKER.encode() + b"\r\n--x--"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="contact"\r\n\r\n{'),
        ("multipart/form-data; boundary=\xe9", b"--x--"),
    ],
)
def test_a_broken_multipart_body_is_refused(client: httpx.Client, kind: str, raw: bytes) -> None:
    answer = client.put(f"/contacts/{uuid4()}", content=raw, headers={b"Content-Type": kind.encode("latin-1")})
    problem(answer, 400, "contact")


@pytest.mark.parametrize(
    "path", [MARKER, "1", "e5469c354b015c3eab8f27a7830c99ff", "{e5469c35-4b01-5c3e-ab8f-27a7830c99ff}", "%00"]
)
def test_an_id_that_is_no_uuid_is_refused(client: httpx.Client, path: str) -> None:
    held = problem(client.put(f"/contacts/{path}", json=BRIEF), 400, "contactId")
    assert held["issues"][0]["in"] == "path"


def test_an_unknown_query_parameter_is_refused(client: httpx.Client) -> None:
    for path in ("/openingHours", "/events", f"/contacts/{uuid4()}", f"/contacts/{uuid4()}/messages", "/statistics/contacts"):
        held = problem(client.get(path, params={"story": MARKER}), 400, "story", "unknownInput")
        assert held["issues"][0]["in"] == "query"


def test_an_unknown_query_parameter_is_refused_where_contacts_are_registered(client: httpx.Client) -> None:
    problem(client.put(f"/contacts/{uuid4()}", params={"story": MARKER}, json=BRIEF), 400, "story", "unknownInput")


QUERIES: Final = [
    ("/events", "limit", "0"),
    ("/events", "limit", MARKER),
    ("/events", "after", MARKER),
    ("/events", "after", "9" * 200),
    ("/events", "nature", MARKER),
    ("/openingHours/mail", "at", MARKER),
    ("/openingHours/mail", "at", "1700000000"),
    ("/openingHours/mail", "at", "2026-01-05T10:00:00"),
    ("/openingHours/mail", "at", "0001-01-01T00:00:00+14:00"),
    ("/statistics/contacts", "by", MARKER),
    ("/statistics/contacts", "from", "0"),
    ("/statistics/contacts", "format", MARKER),
    ("/contacts/e5469c35-4b01-5c3e-ab8f-27a7830c99ff/messages", "after", "-1"),
    ("/contacts/e5469c35-4b01-5c3e-ab8f-27a7830c99ff/messages", "after", "9" * 30),
]


@pytest.mark.parametrize(("path", "name", "value"), QUERIES)
def test_a_wrong_query_parameter_is_named(client: httpx.Client, path: str, name: str, value: str) -> None:
    held = problem(client.get(path, params={name: value}), 400)
    assert [(issue["in"], issue["name"].split("[")[0]) for issue in held["issues"]] == [("query", name)]


def test_a_forged_cursor_is_refused(client: httpx.Client) -> None:
    cursor = client.get("/events").json()["cursor"]
    forged = cursor[:-11] + "_" * 10 + cursor[-1]
    problem(client.get("/events", params={"after": forged}), 400, "after")


@pytest.mark.parametrize(
    "wrong",
    [
        {"receivedFrom": "0001-01-01T00:00:00+14:00"},
        {"receivedFrom": "9999-12-31T23:59:59-14:00"},
        {"before": "0001-01-01T00:00:00+14:00_e5469c35-4b01-5c3e-ab8f-27a7830c99ff"},
        {"before": MARKER},
        {"pageSize": 10**30},
        {"channel": "brief"},
    ],
)
def test_a_wrong_query_names_the_property(client: httpx.Client, wrong: dict[str, Any]) -> None:
    problem(client.post("/contacts/query", json=wrong), 400, next(iter(wrong)))


def test_an_exception_of_an_unknown_type_is_refused(client: httpx.Client) -> None:
    exception_id = str(uuid4())
    held = problem(client.put(f"/openingHours/exceptions/{exception_id}", json={"id": exception_id, "type": MARKER}), 400, "type")
    assert held["issues"][0]["detail"] == "Must be one of day, emergencyClose."


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        f"Bearer {MARKER}",
        f"Basic {MARKER}",
        MARKER,
        f"Bearer {MARKER}.W10.{MARKER}",
        "Bearer W10.W10.W10",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoxfQ.e30.AAAA",
        "Bearer é.é.é",
    ],
)
def test_a_bad_token_is_refused(client: httpx.Client, authorization: str) -> None:
    headers = {b"Authorization": authorization.encode("latin-1")}
    answer = client.put(f"/contacts/{uuid4()}", json=BRIEF, headers=headers)
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


REACH: Final = [
    ("contacts:read", BRIEF, "contacts:write:brief"),
    ("contacts:write:mail", BRIEF, "contacts:write:brief"),
    ("contacts:write:brief", BRIEF | {"kind": "melding", "kindSource": "melder"}, "contacts:write"),
    ("contacts:write:mail", {"channel": "mail", "kind": "melding", "kindSource": "operator"}, "contacts:write"),
]


@pytest.mark.parametrize(("scope", "content", "missing"), REACH)
def test_a_token_reaches_its_own_channel_and_source_only(
    gateway: Gateway, scope: str, content: dict[str, Any], missing: str
) -> None:
    with gateway.client(gateway.token(scope)) as narrow:
        assert missing in problem(put(narrow, content), 403)["requiredScopes"]


def test_what_is_not_there_is_a_problem(client: httpx.Client) -> None:
    problem(client.get(f"/{MARKER}"), 404)
    problem(client.get(f"/openingHours/{MARKER}"), 404)
    problem(client.get(f"/contacts/{uuid4()}"), 404)
    problem(client.patch("/contacts/query", json=BRIEF), 405)
