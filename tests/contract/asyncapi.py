"""Writes the AsyncAPI 3 document of the chat from the frames: `python -m tests.contract.asyncapi`."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, get_args, get_origin

import yaml
from pydantic.json_schema import models_json_schema

from services.chat_relay import frames
from services.chat_relay.frames import MAX_FRAME, MAX_TEXT, PROTOCOL, RATES, Frame

PATH: Final = Path(frames.__file__).parent / "doc" / "asyncapi.yaml"
REFERENCE: Final = "#/components/schemas/{model}"
SIDES: Final[Mapping[str, tuple[Any, Any]]] = {
    "visitor": (frames.VisitorFrame, frames.ToVisitor),
    "operator": (frames.OperatorFrame, frames.ToOperator),
}
WHO: Final = {
    "visitor": "A visitor's connection. Its page must be of this site, or of an origin in ONTHAAL_CHAT_ORIGINS; the token of a "
    "conversation travels in frames, never in the address.",
    "operator": "An operator's connection, known by the cookies of the desk; pages of other sites are refused.",
}


def members(union: Any) -> tuple[type[Frame], ...]:
    """Give the frames of a union."""
    if get_origin(union) is Annotated:
        union = get_args(union)[0]
    found: tuple[type[Frame], ...] = get_args(union) if isinstance(union, UnionType) else (union,)
    return found


def described(model: type[Frame]) -> str:
    """Give what the frame's docstring says, on one line."""
    return re.sub(r"\s+", " ", model.__doc__ or "").strip()


def document() -> dict[str, Any]:
    """Make the document."""
    every = {model for unions in SIDES.values() for union in unions for model in members(union)}
    ordered = sorted(every, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in ordered], by_alias=True, ref_template=REFERENCE)
    definitions = {name: schemas["$defs"][name] for name in sorted(schemas["$defs"])}
    for model in ordered:  # `type` names the frame: what has a default for the code must be there on the wire
        schema = definitions[model.__name__]
        schema["required"] = sorted({"type", *schema.get("required", [])})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "The chat of Onthaal",
            "version": PROTOCOL.rpartition(".")[2],
            "description": f"{frames.__doc__}\nA frame is at most {MAX_FRAME} bytes, a text at most {MAX_TEXT} characters.\n",
            "license": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        },
        "defaultContentType": "application/json",
        "channels": {side: channel(side) for side in SIDES},
        "operations": {name: held for side in SIDES for name, held in operations(side).items()},
        "components": {"messages": {model.__name__: message(model) for model in ordered}, "schemas": definitions},
    }


def channel(side: str) -> dict[str, Any]:
    """Describe a WebSocket."""
    models = sorted({model.__name__ for union in SIDES[side] for model in members(union)})
    return {
        "address": f"/chat/v1/{side}",
        "description": WHO[side],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in models},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "required": ["Sec-WebSocket-Protocol", "Origin"],
                    "properties": {"Sec-WebSocket-Protocol": {"const": PROTOCOL}, "Origin": {"type": "string", "format": "uri"}},
                },
                "bindingVersion": "0.1.0",
            }
        },
    }


def operations(side: str) -> dict[str, Any]:
    """Say what the relay receives from a side, and what it sends there."""
    received, sent = ([model.__name__ for model in members(union)] for union in SIDES[side])
    return {
        f"{action}{side.capitalize()}": {
            "action": verb,
            "channel": {"$ref": f"#/channels/{side}"},
            "summary": summary,
            "messages": [{"$ref": f"#/channels/{side}/messages/{name}"} for name in names],
        }
        for action, verb, summary, names in (
            ("from", "receive", f"What the relay takes from a page of a {side}", received),
            ("to", "send", f"What the relay sends to a page of a {side}", sent),
        )
    }


def message(model: type[Frame]) -> dict[str, Any]:
    """Describe a frame, and how often it may be sent when a page sends it."""
    name = model.model_fields["type"].default
    told: dict[str, Any] = {
        "name": name,
        "title": model.__name__,
        "summary": described(model),
        "payload": {"$ref": REFERENCE.format(model=model.__name__)},
    }
    incoming = {one for received, _ in SIDES.values() for one in members(received)}
    if model in incoming:
        rate = RATES[name]
        told["x-rate"] = {"burst": rate.burst, "perSecond": rate.per_second}
    return told


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return data is not None


def written() -> str:
    """Give the document as YAML."""
    return yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(written(), encoding="utf-8")
