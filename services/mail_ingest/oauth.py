"""Access tokens for XOAUTH2: one POST to the provider, and the answer is used until shortly before it ends.

Sources: RFC 6749 §4.4 (client credentials), §6 (refresh token); https://learn.microsoft.com/exchange/client-developer/
legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth; https://developers.google.com/workspace/gmail/imap/xoauth2-protocol.
"""

import time
from collections.abc import Callable
from typing import Final

import httpx

from services.kit.mail_server import NotConnected
from services.mail_ingest.mailboxes import OAuth

EARLY: Final = 120.0
"""Seconds before its end from which a token is asked for anew."""

UNSAID: Final = 300.0
"""Seconds for which a token is used when the answer does not say."""


class TokenRefused(NotConnected):
    """The provider gave no token, or could not be asked. Names the fault or a status code, never what was answered."""


class AccessTokens:
    """Gives tokens of one account."""

    def __init__(self, account: OAuth, http: Callable[[], httpx.AsyncClient] = httpx.AsyncClient) -> None:
        """Ask by a client that `http` makes, each time one of its own: that is once an hour."""
        self._account = account
        self._http = http
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """Give a token that is good for a while.

        Raises:
            TokenRefused: the provider says no, or something else than a token, or it could not be asked.

        """
        if time.monotonic() >= self._until:
            await self._ask()
        return self._token

    def forget(self) -> None:
        """Ask anew next time: the mail server refused the token."""
        self._until = 0.0

    async def _ask(self) -> None:
        try:
            async with self._http() as http:
                answer = await http.post(self._account.token_url, data=_form(self._account))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TokenRefused(type(error).__name__) from error
        if answer.status_code != httpx.codes.OK:
            message = f"no token: status {answer.status_code}"
            raise TokenRefused(message)
        try:
            given = answer.json()
            token, lasts = given["access_token"], float(given.get("expires_in", UNSAID))
        except (ValueError, KeyError, TypeError) as error:
            message = "no token in the answer"
            raise TokenRefused(message) from error
        if not isinstance(token, str):
            message = "no token in the answer"
            raise TokenRefused(message)
        self._token = token
        self._until = time.monotonic() + max(lasts - EARLY, lasts / 2)


def _form(account: OAuth) -> dict[str, str]:
    form = {"client_id": account.client_id}
    if account.client_secret:
        form["client_secret"] = account.client_secret.get_secret_value()
    if account.refresh_token:
        form |= {"grant_type": "refresh_token", "refresh_token": account.refresh_token.get_secret_value()}
    else:
        form["grant_type"] = "client_credentials"
    scope = account.asked_scope
    return form | ({"scope": scope} if scope and (account.scope or not account.refresh_token) else {})
