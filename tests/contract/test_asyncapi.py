"""The AsyncAPI document says of every frame what the code says: its shape, its direction, its limits."""

from typing import Any, Final

import jsonschema_rs
import pytest
import yaml
from pydantic import BaseModel

from services.chat_relay import frames
from services.chat_relay.frames import PROTOCOL, RATES, Frame
from tests.contract.asyncapi import PATH, SIDES, document, members
from tests.running import Gateway

READ: Final[dict[str, Any]] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
MESSAGES: Final = READ["components"]["messages"]
SCHEMAS: Final = READ["components"]["schemas"]


def every_frame() -> set[type[Frame]]:
    """Give every frame that the module defines."""
    found = {held for held in vars(frames).values() if isinstance(held, type) and issubclass(held, Frame)}
    return found - {Frame}


def references(held: object) -> set[str]:
    match held:
        case {"$ref": str(place), **others}:
            return {place} | references(others)
        case dict():
            return {place for value in held.values() for place in references(value)}
        case list():
            return {place for value in held for place in references(value)}
    return set()


def test_the_document_is_what_the_frames_say() -> None:
    assert document() == READ, "frames.py changed: python -m tests.contract.asyncapi writes the document anew"


def test_it_is_asyncapi_3_and_every_reference_leads_somewhere() -> None:
    assert READ["asyncapi"].startswith("3.")
    assert {"title", "version"} <= set(READ["info"])
    for place in references(READ):
        held: Any = READ
        for step in place.removeprefix("#/").split("/"):
            held = held[step]
        assert held, place
    for operation in READ["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["messages"]


def test_every_frame_has_a_direction_and_what_is_sent_to_whom_is_what_the_code_sends() -> None:
    described = set()
    for side, (received, sent) in SIDES.items():
        for operation, union in ((f"from{side.capitalize()}", received), (f"to{side.capitalize()}", sent)):
            names = {held["$ref"].rpartition("/")[2] for held in READ["operations"][operation]["messages"]}
            assert names == {model.__name__ for model in members(union)}
            described |= names
    assert described == {model.__name__ for model in every_frame()} == set(MESSAGES)


@pytest.mark.parametrize("model", sorted(every_frame(), key=lambda model: model.__name__), ids=lambda model: model.__name__)
def test_a_frame_is_told_by_its_type_with_a_schema_that_refuses_unknown_properties(model: type[Frame]) -> None:
    message, schema = MESSAGES[model.__name__], SCHEMAS[model.__name__]
    assert message["name"] == model.model_fields["type"].default == schema["properties"]["type"]["const"]
    assert message["summary"]
    assert schema["additionalProperties"] is False
    assert "type" in schema["required"]
    validator = jsonschema_rs.validator_for({**schema, "components": READ["components"]})
    assert not validator.is_valid({"type": "something else"})
    names = {properties.alias or name for name, properties in model.model_fields.items()}
    assert set(schema["properties"]) == names


def test_what_the_relay_writes_fits_the_document() -> None:
    told: list[BaseModel] = [
        frames.Pong(),
        frames.Error(code=frames.Fault.TOO_FAST),
        frames.Staffed(staffed=False),
        frames.Expired(),
    ]
    for frame in told:
        schema = {**SCHEMAS[type(frame).__name__], "components": READ["components"]}
        jsonschema_rs.validator_for(schema).validate(yaml.safe_load(frames.to_text(frame)))  # type: ignore[arg-type]


def test_every_limit_stands_with_its_frame() -> None:
    limits = {held["name"]: held["x-rate"] for held in MESSAGES.values() if "x-rate" in held}
    assert limits == {name: {"burst": rate.burst, "perSecond": rate.per_second} for name, rate in RATES.items()}
    for channel in READ["channels"].values():
        assert channel["bindings"]["ws"]["headers"]["properties"]["Sec-WebSocket-Protocol"]["const"] == PROTOCOL


def test_the_document_is_served(gateway: Gateway) -> None:
    with gateway.client() as client:
        answer = client.get(f"{gateway.url}/doc/chat_relay/asyncapi.yaml")
    assert answer.status_code == 200
    assert yaml.safe_load(answer.text) == READ
