"""What every page of the desk stands on: who is there, how it is rendered, what is shown on a failure."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from onthaal_schema.intake import Intake
from onthaal_schema.problems import ProblemError
from services.kit.auth import Operator, OperatorGate, SignInNeeded, desk_route
from services.kit.pages import Pages
from services.kit.quotes import folded
from services.kit.scanning import Scanner
from services.kit.service import House
from services.phone_log import phone_numbers
from services.phone_log.desk import bidi, file_words, mail_words, words
from services.phone_log.settings import DeskSettings

TEMPLATES: Final = Path(__file__).parent / "templates"

FAILED: Final = {
    401: "Je bent niet aangemeld, of dit kwam niet van een pagina van het bureau. Meld je aan.",
    403: "Je hebt geen rechten om dit te doen.",
    404: "Dit bestaat niet. Kijk de referentie na, of zoek het contact op.",
    409: "Een collega wijzigde dit contact. Kijk na wat er nu staat en probeer opnieuw.",
    410: "De inhoud van dit contact is gewist. Dat kan niet ongedaan gemaakt worden.",
    503: "Het register antwoordt nu niet. Of je wijziging bewaard is, is niet zeker: kijk het straks na.",
}


@dataclass(frozen=True)
class Desk:
    """The desk: the house it stands in, its door, who looks at its files, and its pages."""

    house: House
    settings: DeskSettings
    gate: OperatorGate
    scanner: Scanner | None
    pages: Pages = field(default_factory=lambda: Pages(TEMPLATES))

    def intake(self, operator: Operator) -> Intake:
        """Speak to the register as the operator."""
        return self.house.intake.operator(operator.token)

    def render(self, template: str, status: int = 200, *, operator: Operator | None, **values: object) -> Response:
        """Render a page with the words of the desk at hand."""
        errors = values.pop("errors", {})
        return self.pages.render(
            template,
            status,
            operator=operator,
            words=words,
            phone=phone_numbers.shown,
            says_of_mail=mail_words,
            says_of_files=file_words,
            visible=bidi.visible,
            pieces=folded,
            errors=errors,
            **values,
        )

    async def present(self, connection: HTTPConnection) -> Operator | None:
        """Give the operator, or nobody when the session ended: a redirect would lose what was typed."""
        try:
            return await self.gate(connection)
        except SignInNeeded:
            return None

    def failed(self, problem: ProblemError) -> Response:
        """Say in words what went wrong."""
        status = problem.problem.status
        text = FAILED.get(status, "Dit kon niet. Er is niets gewijzigd.")
        return self.render("failed.html", status, operator=None, text=text)


@dataclass(frozen=True)
class Told:
    """What a page says of what was just sent: a message above it, errors beside fields, what was typed."""

    status: int = 200
    message: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


NOTHING: Final = Told()


def see(path: str) -> Response:
    """Send the browser on to read another page."""
    return RedirectResponse(path, 303)


def route_class(desk: Desk) -> type[APIRoute]:
    """Make the route class of the desk: failures are pages, and renewed tokens go back to the browser."""

    class FailingInWords(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handler(request: Request) -> Response:
                try:
                    response = await handle(request)
                except ProblemError as problem:
                    response = desk.failed(problem)
                except SignInNeeded:
                    raise SignInNeeded(_page_behind(request)) from None
                # under "no-referrer" browsers send `Origin: null` with a form, and the gate refuses it
                response.headers.setdefault("Referrer-Policy", "same-origin")
                return response

            return handler

    class DeskRoute(desk_route(desk.gate), FailingInWords):  # type: ignore[misc] # a class that a function makes
        pass

    return DeskRoute


def _page_behind(request: Request) -> str:
    """Where to come back to: after a write, the page that it was sent from."""
    if request.method == "GET":
        return request.url.path
    contact = request.path_params.get("contact_id")
    return f"/desk/contacten/{contact}" if contact else "/desk"
