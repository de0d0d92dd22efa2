"""Signing in over HTTP, and the keys that operator tokens are verified with."""

from typing import Annotated

from fastapi import APIRouter

from onthaal_schema.operator import Session, SessionSecret, SignIn
from services.intake_api.routes.reading import ReceptionOf, body, only

router = APIRouter()


@router.post("/sessions", dependencies=[only()])
async def sign_in(desk: ReceptionOf, given: Annotated[SignIn, body(SignIn)]) -> Session:
    """Turn a one-time code into a session; a code works once."""
    return await desk.sign_in(given)


@router.post("/sessions/renew", dependencies=[only()])
async def renew(desk: ReceptionOf, given: Annotated[SessionSecret, body(SessionSecret)]) -> Session:
    """Give a session a new short-lived token."""
    return await desk.renew(given)


@router.post("/sessions/end", dependencies=[only()], status_code=204)
async def sign_out(desk: ReceptionOf, given: Annotated[SessionSecret, body(SessionSecret)]) -> None:
    """End a session."""
    await desk.sign_out(given)


@router.get("/keys", dependencies=[only()])
async def keys(desk: ReceptionOf) -> dict[str, object]:
    """Give the public keys of operator tokens (JWKS, RFC 7517)."""
    return desk.access.keys()
