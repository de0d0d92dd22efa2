"""`onthaal tagging export`: what the model got wrong, pseudonymised, to learn from."""

from pathlib import Path
from typing import Final

import typer

from onthaal_schema.contact import Contact
from services.cli.opened import settings_in_force, with_store
from services.intake_api.administration import Store, event_frame
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.files import LocalBlobs
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.outbox import Outbox
from services.intake_api.store.training import Corrected, Training
from services.intake_api.store.writings import Writings
from services.intake_api.tagging.commands import write_lessons
from services.intake_api.tagging.messages import Message, shipped_messages
from services.intake_api.tagging.pseudonyms import Pseudonyms

BY: Final = "onthaal tagging export"


def write(file: Path) -> None:
    """Write them to a new file, where the settings allow it; says why not on standard error, and ends with 1."""
    process, settings = settings_in_force()
    if not settings.training_export:
        typer.echo(
            "onthaal: ONTHAAL_TRAINING_EXPORT is off. It takes a decision of whoever answers for the data; SECURITY.md tells why.",
            err=True,
        )
        raise typer.Exit(1)
    if file.exists():
        raise typer.BadParameter("there is a file with this name")

    async def lessons(store: Store) -> list[Message]:
        outbox = Outbox(store.database, event_frame(process, settings))
        blobs, ledger = LocalBlobs(settings.blobs(process)), Ledger(settings.ledger(process))
        contacts = Contacts(store.database, store.vault, outbox, blobs, ledger)
        pseudonyms = Pseudonyms(shipped_messages())
        training = Training(store.database, contacts, Writings(store.database, store.vault))
        return [_lesson(found, pseudonyms) async for found in training.corrected(BY)]

    typer.echo(
        f"{write_lessons(file, with_store(lessons))} written. They are pseudonymised, not anonymous: destroy {file} after use."
    )


def _lesson(found: Corrected, pseudonyms: Pseudonyms) -> Message:
    contact: Contact = found.contact
    return Message(
        id="",
        channel=contact.channel,
        subject=pseudonyms.of(contact.subject, found.known) if contact.subject else None,
        text=pseudonyms.of(found.text, found.known),
        kind="melding" if contact.kind == "melding" else "vraag",
        sector=contact.sector,
        language=contact.language or "nl",
        hard=True,
        anonymous=contact.anonymous,
    )
