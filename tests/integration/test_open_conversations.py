"""However many wait, operators have what is theirs in the list, and see who waits longest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import insert

from onthaal_schema.conversation import ConversationStatus
from services.intake_api.leases import Leases
from services.intake_api.store import tables
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.conversations import LISTED, Conversations
from services.intake_api.store.engine import Database
from services.intake_api.store.files import LocalBlobs
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.messages import Messages
from services.intake_api.store.migrate import migrate
from services.intake_api.store.outbox import EventFrame, Outbox
from services.intake_api.store.vault import Keys, Vault
from services.kit.clock import SystemClock

OPENED = datetime(2026, 11, 26, 9, tzinfo=UTC)


def conversation(number: int, operator: UUID | None) -> dict[str, object]:
    return {
        "contact_id": UUID(int=number), "started_at": OPENED + timedelta(seconds=number), "operator_id": operator,
        "status": ConversationStatus.ASSIGNED if operator else ConversationStatus.WAITING, "operator_name": operator and "Noor",
    }  # fmt: skip


def contact(number: int) -> dict[str, object]:
    return {
        "id": UUID(int=number), "reference": f"{number:012}", "version": 1, "status": "open", "channel": "chat", "nature": "person",
        "kind": "vraag", "kind_source": "model", "unsure": False, "kind_at": OPENED, "signals": "[]", "anonymous": True,
        "received_at": OPENED, "registered_at": OPENED, "opening": "{}", "last_sequence": 0, "digest": b"d",
    }  # fmt: skip


async def test_what_an_operator_has_is_listed_and_pushes_nobody_who_waits_out(database_url: str, tmp_path: Path) -> None:
    database, vault, blobs = Database(database_url, SystemClock()), Vault(Keys.make()), LocalBlobs(tmp_path)
    await migrate(database)
    contacts = Contacts(database, vault, Outbox(database, EventFrame("urn:x", "http://x")), blobs, Ledger(tmp_path / "ledger"))
    lease = timedelta(seconds=30)
    conversations = Conversations(database, contacts, Messages(database, vault, contacts, blobs), Leases(lease, lease))
    noor = uuid4()
    numbers = range(1, LISTED + 31)
    served = {3, 4, LISTED + 20}
    async with database.write() as connection:
        await connection.execute(insert(tables.contact), [contact(number) for number in numbers])
        rows = [conversation(number, noor if number in served else None) for number in numbers]
        await connection.execute(insert(tables.conversation), rows)
    listed = [found.id.int for found in await conversations.open()]
    first = [number for number in numbers if number not in served][:LISTED]
    assert listed == sorted([*served, *first])
    await database.close()
