"""A visitor who goes while the page is torn down: a request of its own, which the browser sends on when the page is gone.

It says nothing but which conversation is over, and its token proves that this is the visitor's own: no cookie counts.
"""

from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from onthaal_schema.problems import Erased, InvalidAccessToken, InvalidInput, NotFound
from services.chat_relay.doors import comes_from
from services.chat_relay.frames import Token
from services.chat_relay.relay import Relay
from services.kit.throttle import Throttle

LARGEST: Final = 512
"""Bytes that such a request has at most."""

RATE: Final = "200/10 minutes"
"""From one network, which a whole school may share."""


class Leave(BaseModel):
    """Which conversation is over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    conversation: UUID
    token: Token


class Leaving:
    """Ends conversations for visitors who are on their way out."""

    def __init__(self, relay: Relay, throttle: Throttle, origins: frozenset[str]) -> None:
        """Hear pages of this site and of these origins."""
        self._relay = relay
        self._throttle = throttle
        self._origins = origins

    async def __call__(self, request: Request) -> None:
        """End a conversation; one that has ended, or was never stored, stays as it is.

        Raises:
            InvalidAccessToken: a page of another site asks, or the token is not that of the conversation.
            InvalidInput: the body is something else.
            TooManyRequests: too many come from one network.

        """
        await self._throttle.admit(request)
        if not comes_from(request, self._origins):
            raise InvalidAccessToken("This is not asked for by a page of an allowed site.")
        left = await _read(request)
        if not self._relay.tokens.prove(left.conversation, left.token):
            raise InvalidAccessToken("This is not the token of the conversation.")
        try:
            await self._relay.own.end(left.conversation)
        except (NotFound, Erased):
            return
        await self._relay.hub.changed(left.conversation)


async def _read(request: Request) -> Leave:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST:
            raise InvalidInput("The body is too large.")
    try:
        return Leave.model_validate_json(raw)
    except ValidationError:
        raise InvalidInput("The body names a conversation and its token.") from None
