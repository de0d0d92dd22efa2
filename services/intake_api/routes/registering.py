"""The hot path: registering a contact goes around the layers that every other route passes through.

The bytes are checked once and answered as bytes. Going through routers and middleware would take as long again as
everything that is done for the contact (measured: `make bench`).
"""

import re
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from onthaal_schema.problems import ProblemError
from services.intake_api.reception import Reception
from services.intake_api.routes.reading import authorized, path_id, submission, with_files
from services.kit.problems import answer, unexpected

PATH = re.compile("/intake/v1/contacts/([^/]+)")
STATUS = {True: 201, False: 200}


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
        try:
            created, body = await self._register(Request(scope, receive))
        except ProblemError as problem:
            await answer(problem)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the edge: what is not expected is logged by name and answered as a 500
            await unexpected(scope["method"], error)(scope, receive, send)
        else:
            await _send(send, STATUS[created], body)

    async def _register(self, request: Request) -> tuple[bool, bytes]:
        """Register a contact: 201 means it is stored and will be handed on, 200 that it was already."""
        who = await authorized(self._reception, request)
        contact_id: UUID = path_id(request, "contactId")
        raw, files = await with_files(request, "contact")
        checked, submitted = submission(raw)
        accepted = await self._reception.register(who, contact_id, checked, submitted, files)
        return accepted.created, orjson.dumps(accepted.contact)


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
