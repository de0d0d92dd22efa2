"""Changes to the key file: a master key is added, taken into use, taken out, while processes go on reading the file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path
from secrets import token_hex

from services.intake_api.store.ledger import sync
from services.intake_api.store.vault import KEY, Keys, UnusableKeys, new_signing_key, same

GRACE = timedelta(minutes=10)
"""How long a replaced master key stays: what was wrapped just before may not have been committed yet."""

LAST = 255


class KeyFile:
    """A key file. Each change is whole or not at all, and two administrators cannot undo each other's."""

    def __init__(self, path: Path) -> None:
        """Work on a file."""
        self.path = path

    def read(self) -> Keys:
        """Read it."""
        return Keys.load(self.path)

    def add(self) -> int:
        """Add a master key that nothing is wrapped with yet; gives its number."""
        with self._changing():
            keys = self.read()
            number = max(keys.wrapping) + 1
            if number > LAST:
                raise UnusableKeys("a key file numbers 255 master keys at the most")
            self._write(replace(keys, wrapping={**keys.wrapping, number: os.urandom(KEY)}))
        return number

    def use(self, number: int, now: datetime) -> None:
        """Wrap everything new with a master key."""
        with self._changing():
            keys = self.read()
            _require(keys, number)
            if number != keys.current:
                self._write(replace(keys, current=number, since=now))

    def require_replaced(self, number: int, now: datetime) -> None:
        """Stop unless a master key was replaced so long ago that nothing is being wrapped with it any more.

        Raises:
            UnusableKeys: saying why.

        """
        keys = self.read()
        _require(keys, number)
        if number == keys.current:
            raise UnusableKeys(f"master key {number} is in use: `onthaal keys rotate` first")
        if keys.since and now < keys.since + GRACE:
            wait = f"{keys.since + GRACE:%H:%M:%S} UTC"
            raise UnusableKeys(f"master key {number} was replaced less than ten minutes ago: wait until {wait}")

    def remove(self, number: int, now: datetime) -> None:
        """Take out a master key that was replaced."""
        with self._changing():
            self.require_replaced(number, now)
            keys = self.read()
            self._write(replace(keys, wrapping={held: key for held, key in keys.wrapping.items() if held != number}))

    def sign_anew(self, *, stolen: bool) -> None:
        """Sign operators' tokens with another key. Those signed before are believed until they expire, unless it was stolen."""
        with self._changing():
            keys = self.read()
            former = None if stolen else {name: value for name, value in keys.signing.items() if name != "d"}
            self._write(replace(keys, signing=new_signing_key(), former_signing=former))

    def put(self, keys: Keys) -> None:
        """Put other keys in place of what is there."""
        with self._changing():
            self._write(keys)

    def merge(self, others: Keys) -> list[int]:
        """Add the master keys of a former state of this file; gives their numbers.

        Raises:
            UnusableKeys: they are the keys of another database.

        """
        with self._changing():
            keys = self.read()
            both = keys.wrapping.keys() & others.wrapping.keys()
            if not same(keys.digest, others.digest) or any(keys.wrapping[one] != others.wrapping[one] for one in both):
                raise UnusableKeys("these are the keys of another database; they cannot be added")
            added = sorted(others.wrapping.keys() - keys.wrapping.keys())
            if added:
                self._write(replace(keys, wrapping={**others.wrapping, **keys.wrapping}))
        return added

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UnusableKeys(f"{self.path} cannot be changed here ({error.strerror}): change it where it is kept") from None
        try:
            flock(lock, LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, keys: Keys) -> None:
        write_secret(self.path, keys.to_json().encode())


def _require(keys: Keys, number: int) -> None:
    if number not in keys.wrapping:
        raise UnusableKeys(f"there is no master key {number}; there are {', '.join(map(str, sorted(keys.wrapping)))}")


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read: whole or not at all, and on the disk on return."""
    # a name that nobody can guess, and a file that was not there: in a folder of others, one could wait to be filled
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
