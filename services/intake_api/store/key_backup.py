"""A copy of the keys that can be kept elsewhere: in the clear (a safe), or sealed with a passphrase.

Sealed: scrypt (RFC 7914) with the cost that OWASP asks of passphrases, then AES-256-GCM.
"""

import json
import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from services.intake_api.store.vault import KEY, NONCE, Keys, UnusableKeys

FORMAT = "onthaal-keys-1"
COST = 2**17


def sealed(keys: Keys, passphrase: str | None) -> bytes:
    """Write a backup of the keys."""
    if not passphrase:
        return json.dumps({"format": FORMAT, "keys": json.loads(keys.to_json())}).encode()
    salt, nonce = os.urandom(16), os.urandom(NONCE)
    content = AESGCM(_derived(passphrase, salt)).encrypt(nonce, keys.to_json().encode(), FORMAT.encode())
    return json.dumps(
        {"format": FORMAT, "salt": b64encode(salt).decode(), "sealed": b64encode(nonce + content).decode()}
    ).encode()


def opened(backup: bytes, passphrase: str | None) -> Keys:
    """Read a backup of the keys.

    Raises:
        UnusableKeys: it is none, it is damaged, or the passphrase is another.

    """
    try:
        held = json.loads(backup)
        if held["format"] != FORMAT:
            raise UnusableKeys("this is not a backup of keys")
        if "keys" in held:
            return Keys.from_json(json.dumps(held["keys"]).encode())
        if not passphrase:
            raise UnusableKeys("this backup of keys is sealed: give its passphrase")
        content = b64decode(held["sealed"])
        cipher = AESGCM(_derived(passphrase, b64decode(held["salt"])))
        return Keys.from_json(cipher.decrypt(content[:NONCE], content[NONCE:], FORMAT.encode()))
    except InvalidTag:
        raise UnusableKeys("the passphrase is not that of this backup, or the backup is damaged") from None
    except (ValueError, KeyError, TypeError):
        raise UnusableKeys("this is not a backup of keys") from None


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY, n=COST, r=8, p=1).derive(passphrase.encode())
