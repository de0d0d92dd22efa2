"""Lists of contacts: those that match a query, and those that a person must look at. No content in either."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Select, and_, case, or_, select, update

from onthaal_schema.contact import ContactPage, ContactState
from onthaal_schema.problems import InvalidInput, NotFound
from onthaal_schema.requests import ContactQuery
from onthaal_schema.worklist import WorkItem, WorkList, WorkReason
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.opened import clear_state
from services.intake_api.store.vault import Vault

CONTACT = tables.contact.c


class Overview:
    """Finds contacts."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Look in a database; addresses are looked up through blind indexes."""
        self._database = database
        self._vault = vault

    async def find(self, query: ContactQuery) -> ContactPage:
        """List a page of contacts, newest first; `before` of the next page stands in `next`."""
        wanted = self._matching(query).order_by(CONTACT.received_at.desc(), CONTACT.id.desc()).limit(query.page_size + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(wanted)).mappings().all()
        page, more = rows[: query.page_size], len(rows) > query.page_size
        following = f"{page[-1]['received_at'].isoformat()}_{page[-1]['id']}" if more else None
        return ContactPage(self="/intake/v1/contacts/query", items=tuple(_shown(row) for row in page), next=following)

    def _matching(self, query: ContactQuery) -> Select[Any]:
        wanted = select(tables.contact).where(CONTACT.erased_at.is_(None))
        for column, values in ((CONTACT.channel, query.channel), (CONTACT.kind, query.kind), (CONTACT.nature, query.nature)):
            if values:
                wanted = wanted.where(column.in_(values))
        if query.reference:
            wanted = wanted.where(CONTACT.reference == written(query.reference))
        if query.received_from:
            wanted = wanted.where(CONTACT.received_at >= query.received_from)
        if query.received_until:
            wanted = wanted.where(CONTACT.received_at < query.received_until)
        if query.before:
            moment, contact_id = _place(query.before)
            same_moment = and_(CONTACT.received_at == moment, CONTACT.id < contact_id)
            wanted = wanted.where(or_(CONTACT.received_at < moment, same_moment))
        return self._of_person(wanted, query)

    def _of_person(self, wanted: Select[Any], query: ContactQuery) -> Select[Any]:
        digests = [(query.email, None), (None, query.phone)]
        for email, phone in digests:
            if email or phone:
                index = tables.blind_index.c
                known = select(index.contact_id).where(index.digest.in_(self._vault.indexed(email, phone)))
                wanted = wanted.where(CONTACT.id.in_(known))
        return wanted

    async def work_list(self) -> WorkList:
        """List what a person must look at: danger first, then as it came."""
        items = tables.work_item.c
        danger_first = case((items.reason == WorkReason.DANGER, 0), else_=1)
        joined = tables.work_item.join(tables.contact, CONTACT.id == items.contact_id)
        query = (
            select(items.id.label("item_id"), items.reason, items.since, tables.contact)
            .select_from(joined)
            .where(items.finished_at.is_(None))
            .order_by(danger_first, items.since)
            .limit(500)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return WorkList(
            items=tuple(
                WorkItem(id=row["item_id"], reason=row["reason"], since=row["since"], contact=_shown(row)) for row in rows
            )
        )

    async def finish(self, item_id: UUID, by: str) -> None:
        """Say that a person looked; once is enough."""
        items = tables.work_item
        async with self._database.write() as connection:
            if (await connection.execute(select(items.c.id).where(items.c.id == item_id))).first() is None:
                raise NotFound("There is no such item on the work list.")
            await connection.execute(
                update(items)
                .where(items.c.id == item_id, items.c.finished_at.is_(None))
                .values(finished_at=self._database.clock.now(), finished_by=by)
            )


def _shown(row: Any) -> ContactState:
    return ContactState.model_validate_json(orjson.dumps(clear_state(row)))


def _place(before: str) -> tuple[datetime, UUID]:
    try:
        moment, _, contact_id = before.partition("_")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(contact_id)
    except (ValueError, OverflowError):
        raise InvalidInput.at("before", "Use the `next` of the page before.") from None


def written(reference: str) -> str:
    """Write a reference as it is kept, however it was read aloud: case, blanks and look-alikes do not matter."""
    letters = reference.upper().translate(str.maketrans("OIL", "011", " -"))
    return "-".join(letters[place : place + 3] for place in range(0, len(letters), 3))
