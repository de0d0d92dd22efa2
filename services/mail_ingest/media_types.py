"""What a file is by its bytes, when that can be told. What it is called or said to be plays no part."""

import re
import struct
from typing import Final

import filetype

HEAD: Final = 8_192
DIRECTORY: Final = 66_000
"""Bytes at the end of a zip in which its table of contents begins, unless it is very long."""

_QUICK: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-executable"),
    (b"#!", "text/x-shellscript"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (b"-----BEGIN PGP MESSAGE-----", "application/pgp-encrypted"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
)
_OFFICE: Final = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_OPEN_DOCUMENT: Final = re.compile(rb"mimetypeapplication/(vnd\.oasis\.opendocument\.[a-z-]{1,40}|epub\+zip)")
_MARKUP: Final = re.compile(
    rb"(?:<!--.{0,500}?-->\s*+)?<(?:!doctype html|html|head|body|script|iframe)\b",
    re.IGNORECASE | re.DOTALL,
)
_VECTOR: Final = re.compile(
    rb"(?:<\?xml[^>]{0,200}>\s*+)?(?:<!--.{0,500}?-->\s*+)?(?:<!doctype svg[^>]{0,300}>\s*+)?<svg\b",
    re.IGNORECASE | re.DOTALL,
)
_MPEG_AUDIO: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")
_SAME: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "application/x-zip": "application/zip",
    "application/x-compressed": "application/zip",
    "application/x-gzip": "application/gzip",
    "application/x-rar-compressed": "application/x-rar",
    "application/vnd.rar": "application/x-rar",
    "application/x-rtf": "application/rtf",
    "text/rtf": "application/rtf",
    "text/richtext": "application/rtf",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/ogg": "application/ogg",
    "video/ogg": "application/ogg",
    "audio/opus": "application/ogg",
    "video/x-m4v": "video/mp4",
    "video/3gpp": "video/mp4",
    "image/x-ms-bmp": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/x-icon": "image/vnd.microsoft.icon",
    "application/xhtml+xml": "text/html",
    "application/x-msdownload": "application/vnd.microsoft.portable-executable",
    "application/x-dosexec": "application/vnd.microsoft.portable-executable",
    "application/x-msdos-program": "application/vnd.microsoft.portable-executable",
    "application/exe": "application/vnd.microsoft.portable-executable",
    "application/x-exe": "application/vnd.microsoft.portable-executable",
    "application/vnd.ms-tnef": "application/ms-tnef",
    "application/msword": "application/x-ole-storage",
    "application/vnd.ms-excel": "application/x-ole-storage",
    "application/vnd.ms-powerpoint": "application/x-ole-storage",
    "application/vnd.ms-outlook": "application/x-ole-storage",
    "application/pgp-encrypted": "application/pgp-encrypted",
    "application/x-sh": "text/x-shellscript",
}
"""Other names of one type, or of a kind of file of which the bytes tell no more."""
_IN_ZIP: Final = re.compile(
    r"application/(?:vnd\..+|epub\+zip|java-archive|x-java-archive|vnd\.android\.package-archive|x-iwork.+)"
)
_ENCRYPTED: Final = 1
_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def sniffed(content: bytes, declared: str) -> str | None:
    """Give the media type that the bytes have, when it can be told and is not the declared one under another name."""
    found = _type_of(content[:HEAD], content)
    if found is None or _SAME.get(found, found) == _SAME.get(declared, declared):
        return None
    return None if found == "application/zip" and _IN_ZIP.fullmatch(declared) else found


def is_locked_zip(content: bytes) -> bool:
    """Tell whether a zip holds files that need a password (APPNOTE.TXT §4.4.4, bit 0)."""
    if not content.startswith(_LOCAL) or len(content) < 8:
        return False
    if struct.unpack_from("<H", content, 6)[0] & _ENCRYPTED:
        return True
    place = content.find(_CENTRAL, max(len(content) - DIRECTORY, 0))
    while 0 <= place <= len(content) - 10:
        if struct.unpack_from("<H", content, place + 8)[0] & _ENCRYPTED:
            return True
        place = content.find(_CENTRAL, place + 46)
    return False


def _type_of(head: bytes, content: bytes) -> str | None:
    if known := next((known for magic, known in _QUICK if head.startswith(magic)), None):
        return known
    if head.startswith(_LOCAL):
        return _zipped(head, content)
    written = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _MARKUP.match(written):
        return "text/html"
    if _VECTOR.match(written):
        return "image/svg+xml"
    return None if _is_text(head) else _binary(head)


def _binary(head: bytes) -> str | None:
    if found := filetype.guess_mime(head):
        return _SAME.get(found, str(found))
    return "audio/mpeg" if _MPEG_AUDIO.match(head) else None


def _zipped(head: bytes, content: bytes) -> str:
    if found := _OPEN_DOCUMENT.search(head[:200]):
        return f"application/{found[1].decode()}"
    names = head + content[-DIRECTORY:]
    if b"[Content_Types].xml" in names or b"_rels/.rels" in names:
        return next((known for folder, known in _OFFICE if folder in names), "application/zip")
    return "application/zip"


def _is_text(head: bytes) -> bool:
    return b"\0" not in head[:512] and not head[:512].translate(None, bytes(range(32, 256)) + b"\t\n\r\f\x1b")
