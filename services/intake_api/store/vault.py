"""Envelope encryption: a random data key a contact, wrapped by a master key that is never in the database.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces. Associated data binds each ciphertext to its row and column,
so that ciphertexts cannot be moved. Erasing a contact is destroying its data key and its rows.
"""

import hmac
import json
import os
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import OKPKey

from services.kit.logging import error_name, logger
from services.kit.secret_files import write_once

log = logger(__name__)

NONCE = 12
KEY = 32


class UnusableKeys(Exception):
    """The key file cannot be used; the message says why, never what is in it."""


class CannotOpen(Exception):
    """A ciphertext does not belong to this row or this key: the data was moved, damaged, or the keys are others."""


@dataclass(frozen=True)
class Keys:
    """Everything that is secret about a database: back it up apart from the data.

    `wrapping` are the master keys by number, of which `current` wraps what is new, `since` it came into use.
    """

    wrapping: dict[int, bytes] = field(repr=False)
    current: int
    digest: bytes = field(repr=False)
    signing: dict[str, str] = field(repr=False)
    since: datetime | None = None
    former_signing: dict[str, str] | None = field(default=None, repr=False)

    @staticmethod
    def make() -> "Keys":
        """Make new keys."""
        return Keys({1: os.urandom(KEY)}, 1, os.urandom(KEY), new_signing_key())

    @staticmethod
    def load_or_make(path: Path) -> "Keys":
        """Read the key file, or make it (readable by its owner only) when there is none.

        Raises:
            UnusableKeys: the file is damaged, or others may read it.

        """
        if not path.exists():
            write_once(path, Keys.make().to_json().encode())
        return Keys.load(path)

    @staticmethod
    def load(path: Path) -> "Keys":
        """Read the key file.

        Raises:
            UnusableKeys: there is none, it is damaged, or others may read it.

        """
        if not path.exists():
            message = f"there is no key file {path}: restore the keys first"
            raise UnusableKeys(message)
        if _is_open_to_others(path.stat()):
            message = f"{path} may be read by others: chmod 600"
            raise UnusableKeys(message)
        try:
            return Keys.from_json(path.read_bytes())
        except (ValueError, KeyError, TypeError):
            message = f"{path} is not a key file"
            raise UnusableKeys(message) from None

    @staticmethod
    def from_json(text: bytes) -> "Keys":
        """Read what `to_json` wrote."""
        held = json.loads(text)
        wrapping = {int(number): b64decode(key) for number, key in held["wrapping"].items()}
        since = datetime.fromisoformat(held["since"]) if held.get("since") else None
        return Keys(wrapping, int(held["current"]), b64decode(held["digest"]), held["signing"], since, held.get("former_signing"))

    def to_json(self) -> str:
        """Write the keys as the key file holds them."""
        return json.dumps({
            "wrapping": {str(number): b64encode(key).decode() for number, key in self.wrapping.items()},
            "current": self.current,
            "digest": b64encode(self.digest).decode(),
            "signing": self.signing,
            "since": self.since.isoformat() if self.since else None,
            "former_signing": self.former_signing,
        })  # fmt: skip


def new_signing_key() -> dict[str, str]:
    """Make a key that operators' tokens are signed with (Ed25519), as a JSON Web Key."""
    made = OKPKey.generate_key("Ed25519", auto_kid=True).as_dict(private=True)
    return {name: str(value) for name, value in made.items()}


def _is_open_to_others(file: os.stat_result) -> bool:
    # a mounted secret belongs to root and is read through the group; a file of our own needs no group
    beyond = 0o077 if file.st_uid == os.geteuid() else 0o037
    return bool(file.st_mode & beyond)


class DataKey:
    """The key of one contact, in the clear for as long as it is needed."""

    def __init__(self, contact: UUID, key: bytes) -> None:
        """Hold the key of a contact."""
        self._contact = contact.bytes
        self._cipher = AESGCM(key)

    def seal(self, content: bytes, place: bytes) -> bytes:
        """Encrypt content for one place (column, or row and column) of this contact."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, content, self._contact + place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Decrypt what was sealed for the same place.

        Raises:
            CannotOpen: it was sealed for another place, contact or key.

        """
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], self._contact + place)
        except InvalidTag:
            message = "a sealed value does not open with its contact's key"
            raise CannotOpen(message) from None


LOOK_AGAIN = 0.1
"""Seconds for which a key is used without looking whether the key file has another: nothing is wrapped by a replaced one for long."""


class Vault:
    """Makes, wraps and unwraps data keys, and makes keyed digests."""

    def __init__(self, keys: Keys, path: Path | None = None, stamp: object = None) -> None:
        """Use the given keys; with the path of their file, it is read again when it has changed since the stamp."""
        self._path = path
        self._stamp = stamp
        self._looked_at = 0.0
        self._take(keys)
        self._digest = keys.digest

    @staticmethod
    def of(path: Path, *, make: bool = True) -> "Vault":
        """Use a key file, made when there is none unless told otherwise. Master keys added to it are used without a restart.

        Raises:
            UnusableKeys: it cannot be used.

        """
        stamp = _stamp(path)
        return Vault(Keys.load_or_make(path) if make else Keys.load(path), path, stamp)

    def _take(self, keys: Keys) -> None:
        self._masters = {number: AESGCM(key) for number, key in keys.wrapping.items()}
        self._current = keys.current
        signing = [OKPKey.import_key({**key}) for key in (keys.signing, keys.former_signing) if key]
        self._signing = signing[0]
        self._verifying: dict[str, object] = {"keys": [dict(key.as_dict(private=False)) for key in signing]}

    @property
    def signing_key(self) -> OKPKey:
        """The key that operators' tokens are signed with."""
        self._look_again()
        return self._signing

    def verifying_keys(self) -> dict[str, object]:
        """Give the public keys of operators' tokens (JWKS): of the key in use and the one before it; another object when they change."""
        self._look_again()
        return self._verifying

    def _look_again(self) -> None:
        """Read the file again when it is another than before; one that cannot be used changes nothing, and is told once."""
        self._looked_at = time.monotonic()
        stamp = _stamp(self._path) if self._path else None
        if self._path is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            keys = Keys.load(self._path)
        except (UnusableKeys, OSError) as error:
            log.exception("the key file cannot be used; the keys read before stay in use", error=error_name(error))
            return
        if not same(keys.digest, self._digest):
            log.error("the key file is that of another database; the keys read before stay in use")
            return
        self._take(keys)

    def new_key(self, contact: UUID) -> tuple[DataKey, bytes]:
        """Make a data key for a contact; the second value is what the database keeps of it."""
        key = os.urandom(KEY)
        return DataKey(contact, key), self.wrap(key, contact.bytes)

    def key(self, contact: UUID, wrapped: bytes) -> DataKey:
        """Unwrap the data key of a contact."""
        return DataKey(contact, self.unwrap(wrapped, contact.bytes))

    def wrap(self, secret: bytes, owner: bytes) -> bytes:
        """Encrypt a secret under the current master key, bound to its owner."""
        if time.monotonic() - self._looked_at > LOOK_AGAIN:
            self._look_again()
        nonce = os.urandom(NONCE)
        sealed = self._masters[self._current].encrypt(nonce, secret, b"wrap" + owner)
        return bytes([self._current]) + nonce + sealed

    def unwrap(self, wrapped: bytes, owner: bytes) -> bytes:
        """Decrypt what `wrap` made.

        Raises:
            CannotOpen: another owner, or a master key that is not here.

        """
        if wrapped[0] not in self._masters:
            self._look_again()
        master = self._masters.get(wrapped[0])
        if master is None:
            message = f"master key {wrapped[0]} is not in the key file"
            raise CannotOpen(message)
        try:
            return master.decrypt(wrapped[1 : 1 + NONCE], wrapped[1 + NONCE :], b"wrap" + owner)
        except InvalidTag:
            message = "a wrapped key does not open with its master key"
            raise CannotOpen(message) from None

    @property
    def fingerprint(self) -> bytes:
        """Tell these keys from others without telling what they are; the same whichever master key is current."""
        return self.digest(b"onthaal", b"fingerprint")

    def digest(self, content: bytes, purpose: bytes) -> bytes:
        """Make a keyed digest (BLAKE2b-256, RFC 7693): equal for equal content, useless without the key."""
        return blake2b(content, key=self._digest, digest_size=32, person=purpose[:16]).digest()

    def indexed(self, email: str | None, phone: str | None) -> list[bytes]:
        """Make the blind index entries of a person: equal addresses meet, and nothing can be read back."""
        entries = []
        if email:
            entries.append(self.digest(email.strip().casefold().encode(), b"email"))
        number = dialled(phone) if phone else ""
        if number:
            entries.append(self.digest(number.encode(), b"phone"))
        return entries


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def dialled(phone: str) -> str:
    """Write a telephone number as E.164 digits; one without a country is Belgian."""
    digits = "".join(character for character in phone if character.isdigit())
    if phone.lstrip().startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    return "32" + digits[1:] if digits.startswith("0") else digits


def same(one: bytes, other: bytes) -> bool:
    """Compare digests in constant time."""
    return hmac.compare_digest(one, other)
