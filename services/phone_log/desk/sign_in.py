"""The door of the desk: a one-time code becomes a session, and signing out ends it."""

import re
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from onthaal_schema.operator import SessionSecret, SignIn
from onthaal_schema.problems import ProblemError
from services.kit.auth import SIGN_IN, refuse_foreign_writes
from services.phone_log.desk.frame import Desk, see
from services.phone_log.form_body import read_fields

_HOME = "/desk"

WRONG: Final = "Deze code werkt niet: al gebruikt, te oud of niet volledig. Vraag een nieuwe aanmeldlink."
TOO_MANY: Final = "Er zijn te veel pogingen geweest. Wacht een minuut en probeer opnieuw."
UNAVAILABLE: Final = "Aanmelden lukt nu niet: het register antwoordt niet. Probeer zo dadelijk opnieuw."


def add_sign_in(router: APIRouter, desk: Desk) -> None:
    """Add the pages for signing in and out."""

    @router.get(SIGN_IN)
    async def sign_in_page(next: str = _HOME) -> Response:  # noqa: A002 - the name in the address
        return desk.render("sign_in.html", operator=None, next=within_desk(next), message="")

    @router.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        refuse_foreign_writes(request)
        fields = await read_fields(request)
        onward = within_desk(fields.get("next", ""))
        try:
            session = await desk.house.intake.anonymous().sign_in(SignIn(code=code_of(fields.get("code", ""))))
        except ProblemError as problem:
            status, text = _refusal(problem)
            errors = {"code": text}
            return desk.render("sign_in.html", status, operator=None, next=onward, message="", errors=errors)
        response = see(onward)
        desk.gate.cookies.give(response, session)
        return response

    @router.post("/desk/sign-out")
    async def sign_out(request: Request) -> Response:
        refuse_foreign_writes(request)
        message = await _end(desk, request.cookies.get(desk.gate.cookies.secret))
        response = desk.render("sign_in.html", operator=None, next=_HOME, message=message)
        desk.gate.cookies.take(response)
        response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
        return response


def within_desk(path: str) -> str:
    """Give the path when it leads to a page of the desk, otherwise the overview: never off the site."""
    inside = re.fullmatch(r"/desk(/[A-Za-z0-9_\-/]*)?", path) and not path.startswith((SIGN_IN, "/desk//"))
    return path if inside else _HOME


def code_of(typed: str) -> str:
    """Take the code out of what was pasted, which may be the whole link."""
    code = typed.rpartition("#")[2].strip()
    return code[:400] if code.isprintable() else ""


async def _end(desk: Desk, secret: str | None) -> str:
    if secret is None:
        return "Je bent afgemeld."
    try:
        await desk.house.intake.anonymous().sign_out(SessionSecret(secret=secret))
    except ProblemError as problem:
        # a session that had already ended is what was asked for
        if problem.problem.status >= 500:
            return "Je bent op dit toestel afgemeld. Het register antwoordde niet: daar loopt de sessie af."
    return "Je bent afgemeld."


def _refusal(problem: ProblemError) -> tuple[int, str]:
    status = problem.problem.status
    if status >= 500:
        return 503, UNAVAILABLE
    return (429, TOO_MANY) if status == 429 else (400, WRONG)
