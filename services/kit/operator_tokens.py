"""The short-lived token of an operator: a JWT (RFC 7519) signed with Ed25519 (RFC 8037), verified offline."""

from dataclasses import dataclass, field
from uuid import UUID

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from onthaal_schema.problems import ExpiredAccessToken, InvalidAccessToken, MissingScope

ALGORITHM = "Ed25519"
ISSUER = "onthaal"


@dataclass(frozen=True)
class Operator:
    """Who is at the desk. `token` speaks for them at the intake service, until `expires` (seconds since 1970)."""

    id: UUID
    name: str
    scopes: frozenset[str]
    token: str = field(repr=False)
    expires: int = 0

    def require(self, *scopes: str) -> None:
        """Stop with a problem unless the operator holds one of the scopes."""
        if self.scopes.isdisjoint(scopes):
            raise MissingScope(required_scopes=scopes)


def verify(token: str, keys: KeySet, now: float) -> Operator:
    """Read an operator's token.

    Raises:
        ExpiredAccessToken: it was good, and is too old.
        InvalidAccessToken: anything else.

    """
    try:
        claims = jwt.decode(token, keys, algorithms=[ALGORITHM]).claims
        jwt.JWTClaimsRegistry(now=int(now), leeway=0, iss={"essential": True, "value": ISSUER}, exp={"essential": True}).validate(
            claims
        )
        scopes = frozenset(str(claims["scope"]).split())
        return Operator(UUID(claims["sub"]), str(claims["name"]), scopes, token, int(claims["exp"]))
    except ExpiredTokenError:
        raise ExpiredAccessToken("Sign in again.") from None
    except (JoseError, ValueError, KeyError):
        raise InvalidAccessToken("Sign in again.") from None
