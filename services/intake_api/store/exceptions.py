"""Exceptions to the opening hours, kept for ever: an answer given once stays explainable."""

from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from onthaal_schema.opening_hours import CalendarException
from onthaal_schema.problems import Conflict, NotFound
from services.intake_api.store import tables
from services.intake_api.store.engine import Database

_EXCEPTION: TypeAdapter[CalendarException] = TypeAdapter(CalendarException)


class Exceptions:
    """Exceptions in a database."""

    def __init__(self, database: Database) -> None:
        """Keep them in a database."""
        self._database = database
        self._insert = (sqlite if database.on_sqlite else postgresql).insert

    async def all(self) -> tuple[CalendarException, ...]:
        """Read every exception that was ever set."""
        async with self._database.read() as connection:
            rules = (await connection.execute(select(tables.calendar_exception.c.rule))).scalars().all()
        return tuple(_EXCEPTION.validate_json(rule) for rule in rules)

    async def put(self, rule: CalendarException, by: str) -> None:
        """Keep an exception; the same again changes nothing.

        Raises:
            Conflict: the id is taken by another exception.

        """
        table = tables.calendar_exception
        text = _EXCEPTION.dump_json(rule).decode()
        async with self._database.write() as connection:
            new = self._insert(table).values(id=rule.id, rule=text, set_at=self._database.clock.now(), set_by=by)
            await connection.execute(new.on_conflict_do_nothing())
            held = (await connection.execute(select(table.c.rule).where(table.c.id == rule.id))).scalar_one()
            if _EXCEPTION.validate_json(held).model_copy(update={"valid_from": rule.valid_from}) != rule:
                raise Conflict("This id holds another exception; withdraw that one and use a new id.")

    async def withdraw(self, exception_id: UUID, at: datetime) -> None:
        """Let an exception count no longer from a moment on; for earlier moments it goes on counting."""
        table = tables.calendar_exception
        async with self._database.write() as connection:
            query = select(table.c.rule).where(table.c.id == exception_id).with_for_update()
            held = (await connection.execute(query)).scalar()
            if held is None:
                raise NotFound("There is no exception with this id.")
            rule = _EXCEPTION.validate_json(held)
            if rule.valid_until is None:
                ended = rule.model_copy(update={"valid_until": max(at, rule.valid_from)})
                text = _EXCEPTION.dump_json(ended).decode()
                await connection.execute(update(table).where(table.c.id == exception_id).values(rule=text))
