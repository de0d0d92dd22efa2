"""Operators at the door: a short-lived signed token in a cookie, verified offline with the intake service's keys."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakSet

from fastapi import Request
from fastapi.routing import APIRoute
from joserfc.jwk import KeySet
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from onthaal_schema.operator import Session, SessionSecret
from onthaal_schema.problems import ExpiredAccessToken, InvalidAccessToken, NoAccessToken, ProblemError
from services.kit.clock import Clock
from services.kit.operator_tokens import Operator, verify
from services.kit.service import IntakeAccess

__all__ = ["SIGN_IN", "Operator", "OperatorGate", "SessionCookies", "SignInNeeded", "desk_route", "to_sign_in", "verify"]

SIGN_IN = "/desk/sign-in"

KEYS_AGAIN: Final = 2.0
"""Seconds after which the keys are read again for a connection that lasts."""


class SignInNeeded(Exception):
    """A page was asked for without a session; the browser is sent to sign in and back."""

    def __init__(self, path: str) -> None:
        """Remember where to come back to."""
        super().__init__("sign in needed")
        self.path = path


async def to_sign_in(_: Request, error: Exception) -> Response:
    """Send the browser to the sign-in page."""
    back = error.path if isinstance(error, SignInNeeded) else "/desk"
    return RedirectResponse(f"{SIGN_IN}?next={quote(back)}", 303)


class OperatorGate:
    """A FastAPI dependency that gives the signed-in operator, renewing the token when it has expired."""

    def __init__(self, intake: IntakeAccess, clock: Clock, origin: str) -> None:
        """Verify with the keys of the intake service; accept writes from pages of `origin` only."""
        self._intake = intake
        self._clock = clock
        self.cookies = SessionCookies(secure=origin.startswith("https://"))
        self._published: dict[str, object] = {}
        self._keys: KeySet | None = None
        self._keys_until = 0.0
        self._reading = asyncio.Lock()
        self._confirmed: WeakSet[Operator] = WeakSet()

    async def __call__(self, connection: HTTPConnection) -> Operator:
        """Give the operator, or send the browser to sign in."""
        refuse_foreign_writes(connection)
        try:
            return await self._verified(connection)
        except ProblemError as problem:
            if problem.status == 401 and "text/html" in connection.headers.get("accept", ""):
                raise SignInNeeded(connection.url.path) from None
            raise

    async def confirm(self, operator: Operator) -> None:
        """Stop with a problem once the intake service would refuse an operator's token. For a connection that lasts: asks offline.

        Raises:
            ExpiredAccessToken: it is too old.
            InvalidAccessToken: the key that signed it is not believed any more.

        """
        async with self._reading:
            keys = self._keys
            if keys is None or asyncio.get_running_loop().time() >= self._keys_until:
                keys = await self._learn_keys()
        now = self._clock.now().timestamp()
        if operator not in self._confirmed or operator.expires <= now:
            verify(operator.token, keys, now)
            self._confirmed.add(operator)

    async def _verified(self, connection: HTTPConnection) -> Operator:
        token = connection.cookies.get(self.cookies.token)
        try:
            if token:
                return await self._read(token)
        except (ExpiredAccessToken, InvalidAccessToken):
            pass  # too old, or of a key that is not believed any more: the session may have another
        secret = connection.cookies.get(self.cookies.secret)
        if not secret:
            raise NoAccessToken("Sign in first.")
        session = await self._intake.anonymous().renew(SessionSecret(secret=secret))
        connection.state.renewed = session
        return await self._read(session.access_token)

    async def _read(self, token: str) -> Operator:
        now = self._clock.now().timestamp()
        if self._keys is not None:
            try:
                return verify(token, self._keys, now)
            except InvalidAccessToken:
                pass  # the keys may have been rotated since they were read
        return verify(token, await self._learn_keys(), now)

    async def _learn_keys(self) -> KeySet:
        published = await self._intake.anonymous().keys()
        if self._keys is None or published != self._published:
            self._keys = KeySet.import_key_set(published)  # type: ignore[arg-type]
            self._published, self._confirmed = published, WeakSet()
        self._keys_until = asyncio.get_running_loop().time() + KEYS_AGAIN
        return self._keys


def refuse_foreign_writes(connection: HTTPConnection) -> None:
    """Refuse a write or a socket that another site's page asks for (ASVS 5.0 §3.5, §4.4.2)."""
    reading = connection.scope["type"] == "http" and connection.scope["method"] in {"GET", "HEAD"}
    if not reading and not comes_from_here(connection):
        raise InvalidAccessToken("The request does not come from a page of this site.")


def comes_from_here(connection: HTTPConnection) -> bool:
    """Whether the page that asks is one of the host that is asked. Compared and never parsed: an Origin may be anything."""
    host = connection.headers.get("host")
    return bool(host) and connection.headers.get("origin") in {f"https://{host}", f"http://{host}"}


@dataclass(frozen=True)
class SessionCookies:
    """The two cookies of the desk. Operators only: public pages set none."""

    secure: bool

    @property
    def token(self) -> str:
        """Name of the cookie that holds the short-lived token."""
        return "__Host-onthaal-token" if self.secure else "onthaal-token"

    @property
    def secret(self) -> str:
        """Name of the cookie that holds the session's secret."""
        return "__Host-onthaal-session" if self.secure else "onthaal-session"

    def give(self, response: Response, session: Session) -> None:
        """Put a session in the browser."""
        for name, value in ((self.token, session.access_token), (self.secret, session.secret)):
            response.set_cookie(
                name, value, path="/", httponly=True, samesite="strict", secure=self.secure, expires=session.ends_at
            )

    def take(self, response: Response) -> None:
        """Take a session out of the browser."""
        for name in (self.token, self.secret):
            response.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=self.secure)


def desk_route(gate: OperatorGate) -> type[APIRoute]:
    """Make the route class of desk pages: a token that was renewed on the way goes back to the browser."""

    class DeskRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handler(request: Request) -> Response:
                response = await handle(request)
                renewed = getattr(request.state, "renewed", None)
                if renewed is not None:
                    gate.cookies.give(response, renewed)
                return response

            return handler

    return DeskRoute
