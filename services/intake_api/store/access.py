"""Who may do what: API tokens, operators, their one-time codes and sessions. Secrets are kept as digests only."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from joserfc import jwt
from sqlalchemy import delete, insert, select, update

from onthaal_schema.operator import Session
from onthaal_schema.problems import ExpiredAccessToken, InvalidAccessToken, InvalidInput
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.vault import Vault
from services.kit.operator_tokens import ALGORITHM, ISSUER

TOKEN_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=12)
CODE_LIFE = timedelta(hours=24)
REMEMBERED = 10_000
MEMORY = timedelta(seconds=5)
"""How long a token is believed without asking the database: a revoked one works no longer than this."""


@dataclass(frozen=True)
class TokenRecord:
    """A token as the database knows it."""

    name: str
    scopes: frozenset[str]
    expires_at: datetime | None


class Access:
    """Tokens and operators of a database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Sign with the vault's key."""
        self._database = database
        self._vault = vault
        self._known: dict[str, tuple[datetime, TokenRecord]] = {}

    async def create_token(self, name: str, scopes: Iterable[str], expires_at: datetime | None = None) -> str:
        """Make a token of 256 random bits and give it, this once."""
        secret = "oht_" + secrets.token_urlsafe(32)
        values = {"id": uuid4(), "name": name, "digest": _digest(secret), "scopes": " ".join(sorted(scopes))}
        async with self._database.write() as connection:
            await connection.execute(
                insert(tables.token).values(**values, created_at=self._database.clock.now(), expires_at=expires_at)
            )
        return secret

    async def token(self, secret: str) -> TokenRecord:
        """Find a token.

        Raises:
            InvalidAccessToken: unknown or revoked.
            ExpiredAccessToken: too old.

        """
        now = self._database.clock.now()
        read_at, record = self._known.get(secret, (None, None))
        if record is None or read_at is None or not now - MEMORY <= read_at <= now:
            record = await self._read_token(_digest(secret))
            if len(self._known) > REMEMBERED:
                self._known.clear()
            self._known[secret] = (now, record)
        if record.expires_at and record.expires_at <= now:
            raise ExpiredAccessToken("The token has expired; ask for a new one.")
        return record

    async def _read_token(self, digest: bytes) -> TokenRecord:
        columns = tables.token.c
        query = select(columns.name, columns.scopes, columns.expires_at).where(
            columns.digest == digest, columns.revoked_at.is_(None)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise InvalidAccessToken("The token is not known here, or was revoked.")
        return TokenRecord(row.name, frozenset(row.scopes.split()), row.expires_at)

    async def revoke_tokens(self, name: str) -> int:
        """Revoke every token of a name; gives how many."""
        columns = tables.token.c
        async with self._database.write() as connection:
            done = await connection.execute(
                update(tables.token)
                .where(columns.name == name, columns.revoked_at.is_(None))
                .values(revoked_at=self._database.clock.now())
            )
            return done.rowcount

    async def add_operator(self, name: str, scopes: Iterable[str]) -> str:
        """Add an operator, unless there is one of this name, and make a one-time sign-in code for them."""
        now = self._database.clock.now()
        code = secrets.token_urlsafe(24)
        async with self._database.write() as connection:
            known = (await connection.execute(select(tables.operator.c.id).where(tables.operator.c.name == name))).scalar()
            operator_id = known or uuid4()
            values = {"scopes": " ".join(sorted(scopes)), "left_at": None}
            if known:
                await connection.execute(update(tables.operator).where(tables.operator.c.id == known).values(**values))
            else:
                await connection.execute(insert(tables.operator).values(id=operator_id, name=name, created_at=now, **values))
            code_row = {"digest": _digest(code), "operator_id": operator_id, "expires_at": now + CODE_LIFE}
            await connection.execute(insert(tables.sign_in_code).values(**code_row))
        return code

    async def sign_in(self, code: str) -> Session:
        """Use a one-time code, once.

        Raises:
            InvalidAccessToken: unknown, used or too old.

        """
        now = self._database.clock.now()
        codes = tables.sign_in_code.c
        secret = secrets.token_urlsafe(32)
        async with self._database.write() as connection:
            query = select(codes.operator_id).where(
                codes.digest == _digest(code), codes.used_at.is_(None), codes.expires_at > now
            )
            operator_id = (await connection.execute(query.with_for_update())).scalar()
            if operator_id is None:
                raise InvalidInput.at(
                    "code", "This sign-in code is not known, was used before, or is too old: ask for a new one."
                )
            await connection.execute(update(tables.sign_in_code).where(codes.digest == _digest(code)).values(used_at=now))
            values = {"digest": _digest(secret), "operator_id": operator_id, "started_at": now, "ends_at": now + SESSION_LIFE}
            await connection.execute(insert(tables.session).values(**values))
        return await self.renew(secret)

    async def renew(self, secret: str) -> Session:
        """Give a session a new token.

        Raises:
            InvalidAccessToken: the session has ended, or its operator has left.

        """
        now = self._database.clock.now()
        columns = tables.operator.c
        joined = tables.session.join(tables.operator, columns.id == tables.session.c.operator_id)
        query = (
            select(columns.id, columns.name, columns.scopes, tables.session.c.ends_at)
            .select_from(joined)
            .where(tables.session.c.digest == _digest(secret), tables.session.c.ends_at > now, columns.left_at.is_(None))
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise InvalidAccessToken("The session has ended; sign in again.")
        expires_at = min(now + TOKEN_LIFE, row.ends_at)
        return Session(
            operator_id=row.id,
            name=row.name,
            access_token=self._sign(row.id, row.name, row.scopes, expires_at),
            expires_at=expires_at,
            secret=secret,
            ends_at=row.ends_at,
        )

    async def sign_out(self, secret: str) -> None:
        """End a session; ending it again changes nothing."""
        async with self._database.write() as connection:
            await connection.execute(delete(tables.session).where(tables.session.c.digest == _digest(secret)))

    def _sign(self, operator_id: UUID, name: str, scopes: str, expires_at: datetime) -> str:
        key = self._vault.signing_key
        claims = {"iss": ISSUER, "sub": str(operator_id), "name": name, "scope": scopes, "exp": int(expires_at.timestamp())}
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def keys(self) -> dict[str, object]:
        """Give the public keys of operator tokens (JWKS); the same object for as long as they are the same."""
        return self._vault.verifying_keys()


def _digest(secret: str) -> bytes:
    # 256 random bits need no slow hash (ASVS 5.0 §6.5.2 asks one below 112 bits)
    return sha256(secret.encode()).digest()
