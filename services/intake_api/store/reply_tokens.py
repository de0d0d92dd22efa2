"""Tokens in the addresses that people answer to: sixteen bytes of chance, and four that only we can have put behind them."""

import os
from base64 import b32decode, b32encode
from typing import Final

from services.intake_api.correspondent import correspondent
from services.intake_api.store.vault import Vault, same

CHANCE: Final = 16
CHECK: Final = 4


def make_token(vault: Vault) -> str:
    """Make a token: 32 letters of base32 in lower case, which say nothing of anybody."""
    chance = os.urandom(CHANCE)
    return b32encode(chance + _check(vault, chance)).decode().lower()


def token_digest(vault: Vault, token: str) -> bytes | None:
    """Give the digest that a token is looked up by; none for one that was not made here."""
    content = b32decode(token.upper())
    chance = content[:CHANCE]
    return vault.digest(chance, b"reply token") if same(content[CHANCE:], _check(vault, chance)) else None


def message_id_digest(vault: Vault, message_id: str | None) -> bytes | None:
    """Give the digest that a Message-ID is looked up by; none for an empty one, which would be everybody's."""
    known = (message_id or "").strip().strip("<>").strip()
    return vault.digest(known.encode(), b"message id") if known else None


def address_digest(vault: Vault, address: str | None) -> bytes | None:
    """Give the digest that an address is looked up by: that of the blind index."""
    return next(iter(vault.indexed(address, None)), None)


def correspondent_digest(vault: Vault, address: str) -> bytes:
    """Give the digest that is remembered of whom we answered: the same for each address of one sender."""
    return vault.indexed(correspondent(address), None)[0]


def _check(vault: Vault, chance: bytes) -> bytes:
    return vault.digest(chance, b"reply check")[:CHECK]
