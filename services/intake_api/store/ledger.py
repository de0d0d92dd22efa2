"""The ledger of erasures: a file apart from the database and its backups, so that a restore can erase again.

One JSON line an erasure. A line is an order: it is on the disk before the erasure is committed. When that commit then
failed, the caller was told so and orders again; should nobody do so, the next restore carries out the order all the same,
since somebody who may erase has asked for it. Lines hold what the tombstone and its event tell, and nothing else.

Each intake node may have a file of its own: whoever reads takes the union, and each backup of the database adds the
tombstones that are not in the file yet.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Erasure:
    """An order to erase a contact; `version` is that of its erased event.

    `mails` are those that belong to it under an id of their own, with their mailboxes: what a mailbox still holds must not bring
    back who was erased, even when a restore has forgotten that it was taken in.
    """

    contact: UUID
    at: datetime
    version: int
    channel: str
    nature: str
    kind: str
    mails: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(row: Mapping[str, Any], at: datetime, mails: Mapping[str, str] | None = None) -> "Erasure":
        """Order the erasure of a contact that is not erased yet."""
        return Erasure(UUID(str(row["id"])), at, row["version"] + 1, row["channel"], row["nature"], row["kind"], mails or {})

    def line(self) -> str:
        """Write the order."""
        told = {name: value for name, value in vars(self).items() if name != "mails" or value}
        return json.dumps({name: str(value) if name in {"contact", "at"} else value for name, value in told.items()})

    @staticmethod
    def read(line: str) -> "Erasure":
        """Read an order.

        Raises:
            ValueError: it is none.

        """
        try:
            held = json.loads(line)
            return Erasure(**{**held, "contact": UUID(held["contact"]), "at": datetime.fromisoformat(held["at"])})
        except (TypeError, KeyError) as error:
            raise ValueError(type(error).__name__) from None


class Ledger:
    """The ledger in a file. Several processes may write to it at once."""

    def __init__(self, path: Path) -> None:
        """Keep to a file, which is made by the first order."""
        self.path = path

    def record(self, erasures: Iterable[Erasure]) -> None:
        """Add orders: on return they are on the disk.

        Raises:
            OSError: they may not be.

        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            for erasure in erasures:
                # begins on a line of its own: half a line that a crash left spoils no other
                _append(descriptor, f"\n{erasure.line()}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            sync(self.path.parent)

    def orders(self) -> dict[UUID, Erasure]:
        """Give the orders that the file holds; none when there is no file yet."""
        return read([self.path]).orders if self.path.exists() else {}

    def add_missing(self, erasures: Iterable[Erasure]) -> int:
        """Add the orders that the file does not hold; gives how many."""
        held = self.orders()
        missing = [erasure for erasure in erasures if erasure.contact not in held]
        if missing:
            self.record(missing)
        return len(missing)


@dataclass(frozen=True)
class Orders:
    """The union of ledgers, and how many of their lines cannot be read: each a crash in the middle of an order, or damage."""

    orders: dict[UUID, Erasure]
    unreadable: int


def read(paths: Iterable[Path]) -> Orders:
    """Read ledgers.

    Raises:
        FileNotFoundError: one is not there.

    """
    orders: dict[UUID, Erasure] = {}
    unreadable = 0
    for path in paths:
        for line in filter(None, path.read_text(errors="replace").splitlines()):
            try:
                erasure = Erasure.read(line)
            except ValueError:
                unreadable += 1
            else:
                orders[erasure.contact] = erasure
    return Orders(orders, unreadable)


def _append(descriptor: int, line: bytes) -> None:
    if os.write(descriptor, line) != len(line):
        raise OSError("the ledger took half a line")


def sync(path: Path) -> None:
    """Make the content of a file, or what was added to a folder or renamed in it, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
