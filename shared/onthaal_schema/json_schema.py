"""JSON Schema 2020-12 of the public models, for case services that are not written in Python.

`python -m onthaal_schema.json_schema [FILE]` writes the bundle to a file, or prints it.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from onthaal_schema.contact import Contact, ContactPage, ContactSubmission
from onthaal_schema.conversation import Conversation, Transcript
from onthaal_schema.events import SERVICE, ContactEvent, EventPage
from onthaal_schema.handover import DeadLetterPage, SubscriptionChange, SubscriptionRequest, SubscriptionState
from onthaal_schema.message import Message, MessagePage, MessageSubmission
from onthaal_schema.opening_hours import CalendarException, OpeningHours, PublishedOpeningHours
from onthaal_schema.problems import Problem
from onthaal_schema.requests import ContactQuery, Correction, Outcome, Retag

PUBLIC: Final[Mapping[str, TypeAdapter[Any]]] = {
    "ContactSubmission": TypeAdapter(ContactSubmission),
    "CalendarException": TypeAdapter(CalendarException),
    **{
        model.__name__: TypeAdapter(model)
        for model in (
            Contact, ContactEvent, ContactPage, ContactQuery, Conversation, Correction, DeadLetterPage, EventPage,
            Message, MessagePage, MessageSubmission, OpeningHours, Outcome, Problem, PublishedOpeningHours,
            Retag, SubscriptionChange, SubscriptionRequest, SubscriptionState, Transcript,
        )
    },
}  # fmt: skip
"""What a caller sends or reads, by name."""


def bundle() -> dict[str, object]:
    """Give one schema whose `$defs` hold every public model by name: refer to `#/$defs/Contact`.

    It describes what a reader must accept: a property with a default may be absent.
    """
    schemas, shared = TypeAdapter.json_schemas([(name, "validation", adapter) for name, adapter in PUBLIC.items()], by_alias=True)
    own = {name: schema for (name, _), schema in schemas.items() if schema != {"$ref": f"#/$defs/{name}"}}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:onthaal:{SERVICE}",
        "title": "The contract of Onthaal",
        "$defs": dict(sorted({**shared["$defs"], **own}.items())),
    }


def main(arguments: Sequence[str]) -> int:
    """Write the bundle to the named file, or print it."""
    text = json.dumps(bundle(), indent=2, ensure_ascii=False) + "\n"
    if arguments:
        Path(arguments[0]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
