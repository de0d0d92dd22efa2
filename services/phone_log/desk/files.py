"""The files of a contact: always downloads, pictures without place and time, and nothing dangerous at one click.

What a mail looked like is the only thing that is shown: a page that may do nothing, in a frame that may do nothing.
"""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from onthaal_schema.contact import StoredFile
from onthaal_schema.intake import Intake
from onthaal_schema.problems import NotFound
from services.kit.auth import Operator
from services.kit.images import Metadata, Picture, without_metadata
from services.phone_log.desk import bidi
from services.phone_log.desk.file_words import tells
from services.phone_log.desk.frame import Desk

STYLE: Final = (
    "body{margin:1rem;font:1.0625rem/1.5 system-ui,sans-serif;color:#23272d;background:#fff;overflow-wrap:anywhere}"
    'a{color:#0053c7;pointer-events:none}a[href]::after{content:" <" attr(href) ">"}'
    "pre{white-space:pre-wrap;font:inherit}td,th{padding:.1rem .4rem;vertical-align:top;text-align:left}"
    "blockquote{margin:.5rem 0 .5rem .25rem;padding-left:.75rem;border-left:3px solid #6b7684}"
)
"""How a mail is shown in its frame; links show where they lead, and lead nowhere."""

_STYLED: Final = f"<!DOCTYPE html>\n<style>{STYLE}</style>\n".encode()
_STYLE_HASH: Final = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

DISPLAY_HEADERS: Final = {
    # the hash lets our own style in front of it through, and none of the mail's
    "Content-Security-Policy": f"sandbox; default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
DOWNLOAD_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}

_NOT_IN_NAMES: Final = '/\\:*?"<>|'
NAME_LIMIT: Final = 200


def add_files(router: APIRouter, desk: Desk) -> None:
    """Add downloading a file, and looking at how a mail was laid out."""
    Present = Annotated[Operator, Depends(desk.gate)]  # noqa: N806 - a type
    path = "/desk/contacten/{contact_id}/bestanden/{file_id}"

    @router.get(path)
    async def file(
        operator: Present, contact_id: UUID, file_id: UUID, *, origineel: Annotated[str, Query(max_length=1)] = ""
    ) -> Response:
        stored = await _stored(desk.intake(operator), contact_id, file_id)
        if stored.virus == "found":
            return desk.render("file_warning.html", operator=operator, contact_id=contact_id, file=stored, why="virus")
        picture = await _picture(desk.intake(operator), contact_id, file_id, original=bool(origineel))
        if picture.metadata is Metadata.KEPT and not origineel and not tells(stored):
            return desk.render("file_warning.html", operator=operator, contact_id=contact_id, file=stored, why="picture")
        return _download(stored, picture.content)

    @router.post(path)
    async def file_all_the_same(operator: Present, contact_id: UUID, file_id: UUID) -> Response:
        stored = await _stored(desk.intake(operator), contact_id, file_id)
        return _download(stored, (await desk.intake(operator).file(contact_id, file_id)).content)

    @router.get(f"{path}/opmaak")
    async def display(operator: Present, contact_id: UUID, file_id: UUID) -> Response:
        stored = await _stored(desk.intake(operator), contact_id, file_id)
        if stored.role != "display":
            raise NotFound("There is no layout of this.")
        content = (await desk.intake(operator).file(contact_id, file_id)).content
        return Response(_STYLED + content, headers=DISPLAY_HEADERS, media_type="text/html; charset=utf-8")


async def _stored(intake: Intake, contact_id: UUID, file_id: UUID) -> StoredFile:
    """Find what is known of a file, in the contact or in its messages."""
    contact = await intake.contact(contact_id)
    found = next(_among(contact.files, file_id), None)
    if found is None and contact.last_sequence:
        messages = await intake.messages(contact_id)
        found = next((file for message in messages for file in _among(message.files, file_id)), None)
    if found is None:
        raise NotFound("There is no such file.")
    return found


def _among(files: tuple[StoredFile, ...], file_id: UUID) -> Iterator[StoredFile]:
    return (file for file in files if file.id == file_id)


async def _picture(intake: Intake, contact_id: UUID, file_id: UUID, *, original: bool) -> Picture:
    content = (await intake.file(contact_id, file_id)).content
    return Picture(content, Metadata.KEPT) if original else await asyncio.to_thread(without_metadata, content)


def _download(stored: StoredFile, content: bytes) -> Response:
    # a program that was sent is not started by a second click
    name = saved_as(stored.name) + (".virus" if stored.virus == "found" else "")
    headers = DOWNLOAD_HEADERS | {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"}
    return Response(content, headers=headers, media_type="application/octet-stream")


def saved_as(name: str) -> str:
    """Give a name under which any computer can save it: no path, nothing unseen, never empty."""
    seen = "".join("_" if character in _NOT_IN_NAMES else character for character in bidi.plain(name) if character.isprintable())
    return seen.strip(" .")[-NAME_LIMIT:] or "bestand"
