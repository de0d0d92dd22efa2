"""What people wrote, for the model: of a long conversation only what it reads, once all of it was looked at for danger.

Of what nobody will look at again no word is remembered, only between which turns it stands.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, Select, or_, select

from onthaal_schema.channel import Channel
from onthaal_schema.message import Direction
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.opened import SUBMISSION, Wire, message_place
from services.intake_api.store.vault import DataKey, Vault
from services.intake_api.tagging.text import READ_HEAD, READ_TAIL, added

MOST: Final = 10_000
"""Conversations of which is remembered what was looked at; any other is read whole."""


@dataclass(frozen=True, slots=True)
class Middle:
    """The turns of a long conversation with a number above `after` and up to `until`, and whether a sign of danger was found."""

    after: int
    until: int
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """What a person wrote: a subject and a text, of which a middle that was looked at before is left out."""

    channel: str
    subject: str | None
    text: str
    joined: bool = False
    """The text is what each of several messages adds."""
    danger: bool = False
    """There was a sign of danger in the middle."""
    middle: Middle | None = None
    """What can be left out from now on."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person said in one message."""

    registered_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class _Turn:
    sequence: int
    text: str


class Writings:
    """Reads what contacts wrote. Each process that looks at a conversation reads it whole the first time."""

    def __init__(self, database: Database, vault: Vault, most: int = MOST) -> None:
        """Read from a database with its keys; remember what was looked at of so many conversations, those looked at last."""
        self._database = database
        self._vault = vault
        self._most = most
        self._middles: OrderedDict[UUID, Middle] = OrderedDict()

    async def of(self, row: Mapping[str, Any]) -> Wording:
        """Give what the person wrote, for the model: everything, or of a long conversation what it reads and what was not looked at yet."""
        key = self._vault.key(row["id"], row["data_key"])
        submitted: Wire = orjson.loads(key.open(row["sealed"], SUBMISSION))
        subject, text = submitted.get("subject"), submitted.get("text") or ""
        known = self._middles.get(row["id"])
        said = await self._said(row, key, known) if row["last_sequence"] else []
        if not said:
            return Wording(row["channel"], subject, text)
        turns = [_Turn(0, _adds(row, text)), *said]
        # the turns of a mail can be read anew, and then say something else
        middle = _middle(turns, known) if row["channel"] != Channel.MAIL else None
        danger = known is not None and known.danger
        return Wording(row["channel"], subject, _text(turns, known), joined=True, danger=danger, middle=middle)

    async def _said(self, row: Mapping[str, Any], key: DataKey, known: Middle | None) -> list[_Turn]:
        columns = tables.message.c
        query = _inbound(row, columns.sequence)
        if known:
            query = query.where(or_(columns.sequence <= known.after, columns.sequence > known.until))
        async with self._database.read() as connection:
            said = (await connection.execute(query)).all()
        return [_Turn(turn.sequence, _adds(row, _opened(turn, key), by_mail=bool(turn.mail_id))) for turn in said]

    async def turns(self, row: Mapping[str, Any], since: datetime, after: int) -> list[Turn]:
        """Give what the person said after a moment and a number, oldest first: word for word, and of a mail what it adds."""
        columns = tables.message.c
        query = _inbound(row, columns.registered_at).where(columns.sequence > after, columns.registered_at > since)
        async with self._database.read() as connection:
            said = (await connection.execute(query)).all()
        key = self._vault.key(row["id"], row["data_key"])
        return [Turn(turn.registered_at, added(text) if turn.mail_id else text) for turn in said for text in [_opened(turn, key)]]

    def looked_at(self, contact_id: UUID, wording: Wording, *, danger: bool) -> None:
        """Leave out from now on what the model need not read again: what it made of this is kept. `danger`: there was a sign."""
        self._middles.pop(contact_id, None)
        if wording.middle is None:
            return
        self._middles[contact_id] = Middle(wording.middle.after, wording.middle.until, danger)
        if len(self._middles) > self._most:
            self._middles.popitem(last=False)


def _inbound(row: Mapping[str, Any], column: ColumnElement[Any]) -> Select[Any]:
    """Ask for what the person said, in order: whether by mail, and something more."""
    columns, mail = tables.message.c, tables.mail.c
    query = select(column, columns.id, columns.sealed, mail.id.label("mail_id")).outerjoin(tables.mail, mail.id == columns.id)
    return query.where(columns.contact_id == row["id"], columns.direction == Direction.INBOUND).order_by(columns.sequence)


def _opened(turn: Row[Any], key: DataKey) -> str:
    return key.open(turn.sealed, message_place(turn.id)).decode()


def _adds(row: Mapping[str, Any], text: str, *, by_mail: bool = False) -> str:
    """Leave out what a mail program added; who chats may begin a line as a quote does."""
    return added(text) if by_mail or row["channel"] != Channel.CHAT else text


def _text(turns: Sequence[_Turn], known: Middle | None) -> str:
    begins = [turn.text for turn in turns if known is None or turn.sequence <= known.after]
    ends = [turn.text for turn in turns[len(begins) :]]
    # a blank line, so that the two sides of what is left out are not read as one sentence
    return "\n".join([*begins, "", *ends] if ends else begins)


def _middle(turns: Sequence[_Turn], known: Middle | None) -> Middle | None:
    """Find what stands between the turns that hold as much of the beginning and of the end as the model reads."""
    after = known.after if known else _filling(turns, READ_HEAD)
    last = _filling(reversed(turns), READ_TAIL)
    return Middle(after, last - 1) if after is not None and last is not None and after < last - 1 else None


def _filling(turns: Iterable[_Turn], length: int) -> int | None:
    """Give the number of the turn with which so many characters are full, put behind one another by lines."""
    filled = -1
    for turn in turns:
        filled += 1 + len(turn.text)
        if filled >= length:
            return turn.sequence
    return None
