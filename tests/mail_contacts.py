"""Contacts that are mails, registered as the mail service does it, for whoever looks at them at the desk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx

QUOTED: Final = (
    "Ja, dat klopt.\n\n> Is het vorige week gebeurd?\n\nVorige maandag, na de training.\n\n"
    "Op ma 23 nov 2026 om 10:00 schreef Meldpunt <meldpunt@example.be>:\n\n> Dag Noor\n> Waar was het?\n"
)
"""An answer between the lines, with the whole mail that it answers below it."""

DETAILS: Final[Mapping[str, Any]] = {
    "messageId": "<a1@example.be>",
    "sentAt": "2026-11-24T09:58:00Z",
    "recipients": ["meldpunt@example.be"],
    "parseStatus": "complete",
}


@dataclass(frozen=True)
class File:
    """A file as the mail service hands it in."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"
    role: str = "attachment"
    says: Mapping[str, str] = field(default_factory=dict)
    """What was found of it: headers of its part."""


def register_mail(api: httpx.Client, *files: File, text: str = "Een mail.", subject: str = "Vraag", **details: object) -> str:
    """Register a mail and give the contact's id."""
    contact = str(uuid4())
    body = {
        "channel": "mail",
        "kind": "melding",
        "receivedAt": "2026-11-24T10:00:00Z",
        "subject": subject,
        "text": text,
        "person": {"name": "Noor Peeters", "email": f"noor.{contact[:8]}@example.be"},
        "details": {**DETAILS, **details},
    }
    parts = [("contact", ("", json.dumps(body).encode(), "application/json", {}))]
    parts += [(file.role, (file.name, file.content, file.media_type, dict(file.says))) for file in files]
    answer = api.put(f"/contacts/{contact}", files=parts)
    assert answer.status_code == 201, answer.text
    return contact


def file_id(api: httpx.Client, contact: str, name: str) -> str:
    """Give the id of a file of a contact."""
    return next(str(file["id"]) for file in api.get(f"/contacts/{contact}").json()["files"] if file["name"] == name)


def possibly_linked(api: httpx.Client) -> tuple[str, str]:
    """Let somebody answer, from an address that we do not know, a mail that staff sent: gives the new contact and the other."""
    other = register_mail(api, text="Mijn trainer bleef na de training alleen met mij in de zaal.", subject="Wat kan ik doen?")
    sent = {"messageId": f"<{other}@meldpunt.example>", "to": f"noor.{other[:8]}@example.be"}
    assert api.put(f"/contacts/{other}/outgoing/{uuid4()}", json=sent).is_success
    mail = {
        "mailbox": "smtp",
        "references": [f"<{other}@meldpunt.example>"],
        "contact": {
            "channel": "mail",
            "kind": "melding",
            "subject": "Antw: uw vraag",
            "text": QUOTED,
            "person": {"name": "N. Peeters", "email": f"n.peeters.{other[:8]}@elders.example"},
            "details": {**DETAILS, "authentication": "spf=pass dkim=pass dmarc=pass"},
        },
    }
    parts = [
        ("mail", ("", json.dumps(mail).encode(), "application/json")),
        ("original", ("original.eml", b"From: n\r\n\r\n", "message/rfc822")),
    ]
    answer = api.put(f"/mails/{uuid4()}", files=parts)
    assert answer.is_success, answer.text
    return answer.json()["contactId"], other
