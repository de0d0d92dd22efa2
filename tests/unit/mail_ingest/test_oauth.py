"""Access tokens: asked for once, used until shortly before their end, never repeated in an error."""

import asyncio
from typing import Any

import httpx
import pytest

from services.mail_ingest.mailboxes import OAuth
from services.mail_ingest.oauth import AccessTokens, TokenRefused

ACCOUNT = OAuth.model_validate(
    {
        "provider": "microsoft",
        "token_url": "https://login.example/token",
        "client_id": "onthaal",
        "client_secret": "geheim",
    }
)


class Provider:
    """Gives numbered tokens that last as long as told, or answers something else."""

    def __init__(self, lasts: float = 3600, answer: httpx.Response | None = None) -> None:
        """Give tokens."""
        self.asked = 0
        self._lasts = lasts
        self._answer = answer

    def __call__(self, _: httpx.Request) -> httpx.Response:
        """Answer."""
        self.asked += 1
        return self._answer or httpx.Response(200, json={"access_token": f"t{self.asked}", "expires_in": self._lasts})


def tokens(provider: Provider) -> AccessTokens:
    """Ask a provider."""
    return AccessTokens(ACCOUNT, lambda: httpx.AsyncClient(transport=httpx.MockTransport(provider)))


async def test_a_token_is_used_again_until_the_mail_server_refuses_it() -> None:
    provider = Provider()
    account = tokens(provider)
    assert [await account.token() for _ in range(3)] == ["t1"] * 3
    account.forget()
    assert await account.token() == "t2"


async def test_a_token_is_asked_for_anew_before_it_ends() -> None:
    provider = Provider(lasts=0.2)
    account = tokens(provider)
    assert await account.token() == "t1"
    await asyncio.sleep(0.15)
    assert await account.token() == "t2"


async def test_a_provider_that_cannot_be_asked_gives_no_token() -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("geheim")

    with pytest.raises(TokenRefused, match=r"^ConnectError$"):
        await AccessTokens(ACCOUNT, lambda: httpx.AsyncClient(transport=httpx.MockTransport(away))).token()


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 400, "json": {"error_description": "geheim"}},
        {"status_code": 200, "text": "geheim"},
        {"status_code": 200, "json": ["geheim"]},
        {"status_code": 200, "json": {"access_token": 7}},
        {"status_code": 200, "json": {"access_token": "geheim", "expires_in": "morgen"}},
    ],
)
async def test_what_is_no_token_is_refused_and_not_repeated(answer: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused) as refused:
        await tokens(Provider(answer=httpx.Response(**answer))).token()
    assert "geheim" not in str(refused.value)
