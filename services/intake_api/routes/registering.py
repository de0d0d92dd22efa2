"""The hot path: registering a contact goes around the layers that every other route passes through.

The bytes are checked once and answered as bytes. Going through routers and middleware would take as long again as
everything that is done for the contact (measured: `make bench`).
"""

import re
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from onthaal_schema.problems import ProblemError
from services.intake_api.reception import Reception
from services.intake_api.routes.reading import caller_of, only_known, path_id, submission, with_files
from services.kit.problems import answer, unexpected

PATH = re.compile("/intake/v1/contacts/([^/]+)")


class Registering:
    """ASGI: takes `PUT /intake/v1/contacts/{contactId}`, and passes everything else on."""

    def __init__(self, app: ASGIApp, reception: Reception) -> None:
        """Stand before an app."""
        self._app = app
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Register, or pass on."""
        found = PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["path_params"] = {"contactId": found[1]}
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._register(request)
        except ProblemError as problem:
            return answer(problem)
        except Exception as error:  # noqa: BLE001 - the edge: what is not expected is logged by name and answered as a 500
            return unexpected(request.method, error)

    async def _register(self, request: Request) -> Response:
        """Register a contact: 201 means it is stored and will be handed on, 200 that it was already."""
        who = await caller_of(self._reception, request)
        only_known(request)
        contact_id: UUID = path_id(request, "contactId")
        raw, files = await with_files(request, "contact")
        checked, submitted = submission(raw)
        accepted = await self._reception.register(who, contact_id, checked, submitted, files)
        return Response(orjson.dumps(accepted.contact), 201 if accepted.created else 200, media_type="application/json")
