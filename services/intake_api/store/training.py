"""Texts of contacts that a person tagged otherwise than the model did: what it could learn from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from onthaal_schema.contact import Contact, KindSource, Nature
from onthaal_schema.problems import Erased
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.engine import Database
from services.intake_api.store.writings import Writings


@dataclass(frozen=True)
class Corrected:
    """A contact as a person tagged it. Content: nothing of it may be kept as it is."""

    contact: Contact
    text: str
    """All that the person wrote."""

    @property
    def known(self) -> tuple[str, ...]:
        """What is known of who it is."""
        person = self.contact.person
        return tuple(filter(None, (person.name, person.email, person.phone))) if person else ()


class Training:
    """Reads what the model got wrong."""

    def __init__(self, database: Database, contacts: Contacts, writings: Writings) -> None:
        """Work on the contacts of a database, and on what they wrote."""
        self._database = database
        self._contacts = contacts
        self._writings = writings

    async def corrected(self, by: str) -> AsyncIterator[Corrected]:
        """Give each contact of a person whose kind or sector an operator set otherwise; every reading is audited.

        A contact whose sector nobody but the model gave is left out: it would learn its own guess. So is an erased one.
        """
        for contact_id in await self._tagged_by_a_person():
            try:
                found = await self._contacts.read(contact_id, by)
                row = await self._row(contact_id)
            except Erased:
                continue
            guess = found.suggestion
            if guess and (guess.kind != found.kind or guess.sector != found.sector):
                yield Corrected(found, (await self._writings.of(row)).text)

    async def _tagged_by_a_person(self) -> list[UUID]:
        column = tables.contact.c
        query = select(column.id).where(
            column.kind_source == KindSource.OPERATOR,
            column.nature == Nature.PERSON,
            column.erased_at.is_(None),
            column.sealed_suggestion.is_not(None),
            column.sector.is_(None) | (column.sector_source != KindSource.MODEL),
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def _row(self, contact_id: UUID) -> dict[str, object]:
        async with self._database.read() as connection:
            return await self._contacts.row(connection, contact_id)
