"""A visitor's token: theirs alone, and recognised after a restart."""

import stat
from pathlib import Path
from uuid import uuid4

import pytest

from services.chat_relay.frames import Resume
from services.chat_relay.tokens import VisitorTokens, kept_secret


def test_a_token_fits_its_own_conversation_only() -> None:
    tokens = VisitorTokens(b"s" * 32)
    mine, other = uuid4(), uuid4()
    assert tokens.prove(mine, tokens.issue(mine))
    assert not tokens.prove(other, tokens.issue(mine))
    assert not tokens.prove(mine, "a" * 43)


def test_another_installation_does_not_know_the_token() -> None:
    conversation = uuid4()
    token = VisitorTokens(b"s" * 32).issue(conversation)
    assert VisitorTokens(b"s" * 32).prove(conversation, token)
    assert not VisitorTokens(b"t" * 32).prove(conversation, token)


def test_a_token_looks_as_the_protocol_says() -> None:
    conversation = uuid4()
    Resume(conversation=conversation, token=VisitorTokens(b"s" * 32).issue(conversation), after=0)


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "chat.secret"
    secret = kept_secret(path)
    assert len(secret) == 32
    assert kept_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_secret_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "chat.secret"
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        kept_secret(path)
