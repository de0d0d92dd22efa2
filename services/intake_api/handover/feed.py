"""The feed that a case service reads: every event once, in one order, from a cursor that survives restarts."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from onthaal_schema.events import EventPage
from onthaal_schema.problems import InvalidInput
from services.intake_api.store.engine import Database
from services.intake_api.store.outbox import Outbox

LIMIT = 500
LAST_POSITION = 2**63 - 1
LENGTH = 24


class Feed:
    """The events of a database, by cursor. A cursor holds the database's epoch: after a restore it is refused, not misread."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        """Read an outbox."""
        self._database = database
        self._outbox = outbox

    async def page(self, after: str | None, limit: int, natures: Sequence[str]) -> EventPage:
        """Read the events after a cursor, or from the beginning without one.

        Raises:
            InvalidInput: the cursor is not one of this database.

        """
        epoch = await self._database.epoch()
        position = _position(after, epoch) if after else 0
        events, reached = await self._outbox.after(position, min(limit, LIMIT), natures)
        cursor = _cursor(epoch, reached)
        path = "/intake/v1/events"
        following = f"{path}?{urlencode({'after': cursor})}" if reached > position else None
        return EventPage(self=path, items=tuple(events), cursor=cursor, next=following)


def _cursor(epoch: UUID, position: int) -> str:
    return urlsafe_b64encode(epoch.bytes + position.to_bytes(8)).decode().rstrip("=")


def _position(cursor: str, epoch: UUID) -> int:
    try:
        held = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        held = b""
    position = int.from_bytes(held[16:])
    if len(held) != LENGTH or held[:16] != epoch.bytes or position > LAST_POSITION:
        detail = "This cursor is not of this database: start again without one; events you hold have the same ids."
        raise InvalidInput.at("after", detail, in_="query")
    return position
