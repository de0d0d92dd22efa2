"""The hot path: registering a contact goes around the layers that every other route passes through.

The bytes are checked once and answered as bytes. Going through routers and middleware would take as long again as
everything that is done for the contact (measured: `make bench`).
"""

import re

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from onthaal_schema.intake import FileUpload
from onthaal_schema.problems import ProblemError
from services.intake_api.reception import Reception
from services.intake_api.routes.reading import as_id, authorized, small, submission, with_files
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
        try:
            created, body = await self._register(found[1], scope, receive)
        except ClientDisconnect:
            return  # nothing was read whole, so nothing was stored, and nobody is there to be told
        except ProblemError as problem:
            await answer(problem)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the edge: what is not expected is logged by name and answered as a 500
            await unexpected(scope["method"], error)(scope, receive, send)
        else:
            await _send(send, STATUS[created], body)

    async def _register(self, name: str, scope: Scope, receive: Receive) -> tuple[bool, bytes]:
        """Register a contact: 201 means it is stored and will be handed on, 200 that it was already."""
        headers = dict(scope["headers"])
        header = headers.get(b"authorization")
        who = await authorized(self._reception, header.decode("latin-1") if header else None)
        contact_id = as_id(name, "contactId")
        raw, files = await _read(headers, scope, receive)
        checked, submitted = submission(raw)
        accepted = await self._reception.register(who, contact_id, checked, submitted, files)
        return accepted.created, orjson.dumps(accepted.contact)


async def _read(headers: dict[bytes, bytes], scope: Scope, receive: Receive) -> tuple[bytes, list[FileUpload]]:
    if scope["query_string"] or headers.get(b"content-type") != b"application/json":
        return await with_files(Request(scope, receive), "contact")
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return small(b"".join(parts)), []


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
