"""Operators over HTTP: a one-time link, a short-lived token that anybody can verify, and its end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.engines import eventually
from tests.running import Gateway


@pytest.fixture
def stranger(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{gateway.url}/intake/v1", timeout=30) as client:
        yield client


@pytest.fixture
def code(gateway: Gateway) -> str:
    link = urlsplit(gateway.sign_in_link(f"Noor {uuid4()}"))
    assert f"{link.scheme}://{link.netloc}" == gateway.url
    assert not link.query
    return link.fragment


def as_operator(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_link_signs_in_once_and_the_token_is_verified_with_the_public_keys(stranger: httpx.Client, code: str) -> None:
    answer = stranger.post("/sessions", json={"code": code})
    assert answer.status_code == 200
    session = answer.json()
    keys = stranger.get("/keys").json()
    claims = jwt.decode(session["accessToken"], KeySet.import_key_set(keys), algorithms=["Ed25519"]).claims
    assert (claims["sub"], claims["name"]) == (session["operatorId"], session["name"])
    remaining = claims["exp"] - datetime.now(UTC).timestamp()
    assert 0 < remaining <= 15 * 60
    assert stranger.get("/workItems", headers=as_operator(session["accessToken"])).status_code == 200

    again = stranger.post("/sessions", json={"code": code})
    assert again.is_client_error
    assert again.headers["content-type"] == "application/problem+json"
    assert code not in again.text


def test_who_signed_out_cannot_renew(stranger: httpx.Client, code: str) -> None:
    session = stranger.post("/sessions", json={"code": code}).json()
    renewed = stranger.post("/sessions/renew", json={"secret": session["secret"]})
    assert renewed.status_code == 200
    assert stranger.get("/workItems", headers=as_operator(renewed.json()["accessToken"])).status_code == 200
    assert stranger.post("/sessions/end", json={"secret": session["secret"]}).status_code == 204
    assert stranger.post("/sessions/renew", json={"secret": session["secret"]}).status_code == 401


def test_an_operator_can_register_a_call_and_not_erase_or_configure(stranger: httpx.Client, code: str) -> None:
    session = stranger.post("/sessions", json={"code": code}).json()
    own = as_operator(session["accessToken"])
    contact = f"/contacts/{uuid4()}"
    body = {"channel": "telefoon", "kind": "melding", "text": "Een gesprek"}
    made = stranger.put(contact, json=body, headers=own)
    assert made.status_code == 201
    assert made.json()["kindHistory"][0]["by"] == session["name"]
    refused = [
        stranger.delete(contact, headers=own),
        stranger.put(f"/contacts/{uuid4()}", json={"channel": "mail", "text": "x"}, headers=own),
        stranger.get("/events", headers=own),
        stranger.post("/subscriptions", json={"url": "https://example.be/"}, headers=own),
        stranger.put(f"{contact}/outcome", json={}, headers=own),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    assert all(answer.json()["type"] == "urn:problem-type:belgif:missingScope" for answer in refused)
    assert stranger.get(contact, headers=own).status_code == 200


def test_a_changed_token_is_refused(stranger: httpx.Client, code: str) -> None:
    token = stranger.post("/sessions", json={"code": code}).json()["accessToken"]
    head, claims, signature = token.split(".")
    other = claims[:-4] + ("AAAA" if claims[-4:] != "AAAA" else "BBBB")
    for forged in (f"{head}.{other}.{signature}", f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}."):
        answer = stranger.get("/workItems", headers=as_operator(forged))
        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:problem-type:belgif:invalidAccessToken"


def test_a_revoked_api_token_stops_working_within_seconds(gateway: Gateway, stranger: httpx.Client) -> None:
    name = f"gone {uuid4()}"
    token = gateway.command("tokens", "create", "--name", name, "--scope", "events:read").split()[-1]
    assert stranger.get("/events", headers=as_operator(token)).status_code == 200
    assert gateway.command("tokens", "revoke", "--name", name).startswith("1 ")
    eventually(lambda: stranger.get("/events", headers=as_operator(token)).status_code == 401, patience_s=10, pause_s=0.25)
