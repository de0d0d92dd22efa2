"""Reading what a browser posts."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from onthaal_schema.problems import InvalidInput, PayloadTooLarge, ProblemError, UnsupportedMediaType
from services.public_site import upload
from services.public_site.upload import FILES_LIMIT, MEGABYTE, Posted

BOUNDARY = b"onthaal"


def part(name: str, content: bytes, filename: str | None = None, kind: str = "image/png") -> bytes:
    """One part of a multipart body, as browsers write it."""
    head = f'Content-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"\r\nContent-Type: {kind}' if filename is not None else ""
    return b"--" + BOUNDARY + b"\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


async def posted(*parts: bytes, kind: str = "multipart/form-data; boundary=onthaal") -> Posted:
    """What is read of a body that arrives in pieces."""
    body = b"".join(parts) + (b"--" + BOUNDARY + b"--\r\n" if kind.startswith("multipart") else b"")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body) or 1, MEGABYTE):
            yield body[start : start + MEGABYTE]

    stream = pieces()

    async def receive() -> dict[str, object]:
        piece = await anext(stream, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return await upload.read(Request(scope, receive))


async def test_fields_and_files_are_read() -> None:
    found = await posted(part("text", "Één verhaal".encode()), part("files", b"\x89PNG", "foto.png"))
    assert found.fields == {"text": "Één verhaal"}
    assert [(file.name, file.media_type, file.content) for file in found.files] == [("foto.png", "image/png", b"\x89PNG")]
    assert not found.too_much


async def test_a_form_without_files_may_be_urlencoded() -> None:
    body = urlencode({"text": "Één verhaal & meer"}).encode()
    found = await posted(body, kind="application/x-www-form-urlencoded; charset=UTF-8")
    assert found.fields == {"text": "Één verhaal & meer"}


async def test_no_chosen_file_is_no_file() -> None:
    found = await posted(part("files", b"", "", "application/octet-stream"))
    assert found.files == ()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(r"C:\Users\jo.peeters\foto.png", "foto.png"), ("../../etc/passwd", "passwd"), ("a\tb.png", "ab.png"), ("/", "bestand")],
)
async def test_a_file_name_is_a_label_and_tells_no_folder(sent: str, kept: str) -> None:
    found = await posted(part("files", b"x", sent))
    assert found.files[0].name == kept


async def test_an_odd_media_type_is_not_passed_on() -> None:
    found = await posted(part("files", b"x", "a.png", "text/html; charset=x"), part("files", b"x", "b.png", "€"))
    assert [file.media_type for file in found.files] == ["text/html", "application/octet-stream"]


async def test_files_that_are_too_large_are_dropped_and_the_words_are_kept() -> None:
    half = b"x" * (FILES_LIMIT // 2 + 1)
    found = await posted(part("text", b"mijn verhaal"), part("files", half, "a"), part("files", half, "b"))
    assert found.too_much
    assert found.files == ()
    assert found.fields == {"text": "mijn verhaal"}


async def test_too_many_files_are_dropped_and_the_words_are_kept() -> None:
    found = await posted(part("text", b"mijn verhaal"), *[part("files", b"x", f"{number}.png") for number in range(6)])
    assert found.too_much
    assert found.fields == {"text": "mijn verhaal"}


async def test_files_up_to_the_limit_are_taken() -> None:
    found = await posted(*[part("files", b"x" * (FILES_LIMIT // 5), f"{number}.png") for number in range(5)])
    assert len(found.files) == 5


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("multipart/form-data; boundary=onthaal", part("text", b"x" * (4 * MEGABYTE + 1)), PayloadTooLarge),
        ("application/x-www-form-urlencoded", b"text=" + b"x" * (4 * MEGABYTE + 1), PayloadTooLarge),
        ("application/x-www-form-urlencoded", b"&".join(b"f=1" for _ in range(100)), PayloadTooLarge),
        ("multipart/form-data", b"x", InvalidInput),
        ("multipart/form-data; boundary=onthaal", b"nonsense", InvalidInput),
        ("application/json", b"{}", UnsupportedMediaType),
        ("", b"", UnsupportedMediaType),
    ],
)
async def test_what_is_no_form_is_refused(kind: str, body: bytes, problem: type[ProblemError]) -> None:
    with pytest.raises(problem):
        await posted(body, kind=kind)


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "utf-16", "nonsense", "hex", "idna"])
async def test_no_claimed_charset_makes_it_fail(charset: str) -> None:
    found = await posted(part("text", b"a\\ud800\xff\0"), kind=f"multipart/form-data; boundary=onthaal; charset={charset}")
    assert isinstance(found, Posted)


async def test_what_a_file_really_is_is_told() -> None:
    program, picture = part("files", b"MZ\x90\0", "foto.png"), part("files", b"\x89PNG\r\n\x1a\n", "foto.png")
    found = await posted(program, picture)
    assert [file.sniffed for file in found.files] == ["application/vnd.microsoft.portable-executable", None]
