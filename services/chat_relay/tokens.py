"""The token by which a visitor proves that a conversation is theirs: recognised after a restart and on every node."""

import hmac
from base64 import urlsafe_b64encode
from pathlib import Path
from secrets import token_bytes
from typing import Final
from uuid import UUID

from services.kit.secret_files import write_once

PURPOSE: Final = b"onthaal chat visitor token 1"
SHORTEST: Final = 32


class VisitorTokens:
    """Makes and checks tokens: HMAC-SHA256 over the conversation's id, so nothing has to be kept."""

    def __init__(self, secret: bytes) -> None:
        """Derive the key from a secret of at least 32 bytes that all nodes share."""
        self._key = hmac.digest(secret, PURPOSE, "sha256")

    def issue(self, conversation: UUID) -> str:
        """Give the token of a conversation. Only for an id that was just made here: whoever has it is the visitor."""
        return urlsafe_b64encode(hmac.digest(self._key, conversation.bytes, "sha256")).rstrip(b"=").decode()

    def prove(self, conversation: UUID, token: str) -> bool:
        """Say, in constant time, whether the token belongs to the conversation."""
        return hmac.compare_digest(self.issue(conversation), token)


def kept_secret(path: Path) -> bytes:
    """Read the secret of this installation, or make it once: readable by its owner only."""
    if not path.exists():
        write_once(path, token_bytes(SHORTEST))
    secret = path.read_bytes()
    if len(secret) < SHORTEST:
        message = f"{path} is damaged: restore it, or remove it (running chats then cannot be resumed)"
        raise ValueError(message)
    return secret
