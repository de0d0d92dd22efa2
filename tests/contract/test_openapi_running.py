"""The running gateway keeps what its OpenAPI document says: generated requests, good and bad, against a real process."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.intake_api.caller import SCOPES
from tests.contract.specification import PATH, operations, read
from tests.running import Gateway, free_port, running

EXAMPLES: Final = 15
LONGEST_LINE: Final = 400
CLOSED: Final = f"http://127.0.0.1:{free_port()}/events"
KNOWN: Final[dict[str, str]] = {}
"""Ids that exist in the gateway of these tests, by the name of their path parameter."""

CHECKS: Final[list[Callable[..., Any]]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

SCHEMA: Final = schemathesis.openapi.from_path(
    PATH,
    config=schemathesis.Config.from_dict(
        {
            "generation": {
                "mode": "all",
                "max-examples": EXAMPLES,
                "deterministic": True,
                "database": "none",
                "with-security-parameters": False,  # the token is always sent, so leaving it out would not be bad data
            },
            "checks": {"negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 409, 413, 415]}},
        }
    ),
)


@SCHEMA.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Aim half of the requests that are otherwise good at something that exists."""
    known = KNOWN | ({"contactId": KNOWN["doomedId"]} if context.operation.method == "delete" else {})
    return path_parameters and {
        name: known[name] if name in known and len(str(value)) == len(known[name]) and str(value)[-1] in "01234567" else value
        for name, value in path_parameters.items()
    }


@SCHEMA.hook
def filter_query(context: Any, query: dict[str, Any] | None) -> bool:
    """Leave out parameters that never reach a URL, such as an empty list: they would pass for bad data that was accepted."""
    del context
    return all(_is_sent(value) for value in (query or {}).values())


def _is_sent(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_sent(held) for held in value)
    return value is not None and value != {}


def _holds_null(value: Any) -> bool:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(_holds_null, held))


@SCHEMA.hook
def map_body(context: Any, body: Any) -> Any:
    """Let events go to a closed port of this machine and nowhere else."""
    url = body.get("url") if isinstance(body, dict) and "/subscriptions" in context.operation.label else None
    goes_somewhere = isinstance(url, str) and url.startswith(("http://", "https://")) and len(url) <= LONGEST_LINE
    return {**body, "url": CLOSED} if goes_somewhere else body


@pytest.fixture(scope="module")
def own_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("openapi"), "intake_api") as started:
        yield started


@pytest.fixture(scope="module")
def token(own_gateway: Gateway) -> str:
    """Give a token that may do everything, in a gateway that holds a chat in progress with a message and a file."""
    contact, doomed = str(uuid4()), str(uuid4())
    chat = {"channel": "chat", "text": "Hallo"}
    parts: dict[str, Any] = {
        "contact": (None, json.dumps(chat), "application/json"),
        "attachment": ("brief.pdf", b"%PDF", "application/pdf"),
    }
    with own_gateway.client(own_gateway.token("contacts:write:chat")) as relay:
        registered = relay.put(f"/contacts/{contact}", files=parts).raise_for_status().json()
        relay.put(f"/contacts/{contact}/messages/{uuid4()}", json={"direction": "inbound", "text": "Dag"}).raise_for_status()
        relay.put(f"/contacts/{doomed}", json=chat).raise_for_status()
    KNOWN.update(contactId=contact, doomedId=doomed, fileId=registered["files"][0]["id"])
    with own_gateway.client() as everything:
        made = everything.post("/subscriptions", json={"url": CLOSED, "name": "doelwit"}).raise_for_status().json()
        KNOWN.update(subscriptionId=made["id"])
    return own_gateway.token(*sorted(SCOPES))


@SCHEMA.parametrize()
def test_each_operation_does_what_its_description_says(case: schemathesis.Case[Any], own_gateway: Gateway, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    # in a submitted contact a null is read as absent: it would pass for bad data that was accepted
    as_absent = case.operation.label == "PUT /intake/v1/contacts/{contactId}" and _holds_null(case.body)
    checks = [check for check in CHECKS if not (as_absent and check is negative_data_rejection)]
    case.call_and_validate(base_url=own_gateway.url, headers=headers, checks=checks, timeout=20)


PROTECTED: Final = [(method, path) for method, path, operation in operations(read()) if operation.get("security") != []]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer unknown", "Bearer W10.W10.W10", "Basic dXNlcjpwYXNz"])
def test_a_protected_operation_is_refused_without_a_good_token(
    own_gateway: Gateway, method: str, path: str, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    url = own_gateway.url + re.sub(r"{\w+}", str(uuid4()), path)
    answer = httpx.request(method, url, headers=headers, json={} if method in {"PUT", "POST"} else None)
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"].endswith("AccessToken")


def test_the_document_is_served_as_it_was_written(own_gateway: Gateway) -> None:
    answer = httpx.get(f"{own_gateway.url}/doc/intake_api/openapi.yaml")
    assert answer.status_code == httpx.codes.OK
    assert answer.content == PATH.read_bytes()
