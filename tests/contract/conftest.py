"""The two adapters of `Intake`, each on the two engines, before one and the same running app."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI

from onthaal_schema.intake import Intake, IntakeClient
from onthaal_schema.operator import Session, SignIn
from services.gateway import build
from services.intake_api.caller import OPERATOR_SCOPES, SERVICE_SCOPES
from services.intake_api.direct import DirectAccess
from services.intake_api.reception import Reception
from tests.engines import NewDatabase, new_database, postgres

__all__ = ["new_database", "postgres"]


@dataclass(frozen=True)
class Served:
    """An intake service that runs here, and answers at an address."""

    reception: Reception
    url: str
    http: httpx.AsyncClient

    async def token(self, *scopes: str) -> str:
        return await self.reception.access.create_token("contract", scopes)


@dataclass(frozen=True)
class House:
    """Ways to the same intake service by one adapter."""

    served: Served
    adapter: Literal["direct", "http"]

    def with_token(self, token: str | None) -> Intake:
        """Speak with a token, or without one."""
        if self.adapter == "http":
            return IntakeClient(self.served.url, token, http=self.served.http)
        access = DirectAccess(self.served.reception)
        return access.operator(token) if token else access.anonymous()

    async def scoped(self, *scopes: str) -> Intake:
        """Speak with a token of these scopes."""
        return self.with_token(await self.served.token(*scopes))

    async def own(self, service: str) -> Intake:
        """Speak as a service: in process by its name, apart by the token that it is given."""
        if self.adapter == "direct":
            return DirectAccess(self.served.reception).own(service)
        return await self.scoped(*SERVICE_SCOPES[service])

    async def code(self, name: str) -> str:
        """Make a one-time sign-in code."""
        return await self.served.reception.access.add_operator(name, OPERATOR_SCOPES)

    async def signed_in(self, name: str) -> tuple[Intake, Session]:
        """Speak as an operator who signed in."""
        session = await self.with_token(None).sign_in(SignIn(code=await self.code(name)))
        return self.with_token(session.access_token), session

    async def erase(self, contact_id: UUID) -> None:
        """Erase a contact, which only the API does."""
        token = await self.served.token("contacts:erase")
        path = f"{self.served.url}/intake/v1/contacts/{contact_id}"
        answer = await self.served.http.delete(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 204


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder: Path = tmp_path_factory.mktemp("var")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ONTHAAL_VAR", str(folder))
        environment.setenv("ONTHAAL_DATABASE_URL", new_database())
        environment.setenv("ONTHAAL_MAIL_ANSWERS_OFF", "stil, stiller")
        environment.setenv("ONTHAAL_MAIL_DOMAIN", "meldpunt.example")
        app = build(["intake_api"])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done(), "the app did not start"
        await asyncio.sleep(0.02)
    async with httpx.AsyncClient(timeout=30) as http:
        yield Served(_reception(app), f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", http)
    server.should_exit = True
    await running


def _reception(app: FastAPI) -> Reception:
    found: Reception = app.state.reception
    return found


@pytest.fixture(params=["direct", "http"])
def house(request: pytest.FixtureRequest, served: Served) -> House:
    return House(served, request.param)
