"""Files found in a mail, each under a name that is safe to show, unique within the mail and never a path."""

import re
from collections.abc import Mapping
from typing import Final

from services.kit import media_types
from services.mail_ingest.charsets import clean_line, turns_around
from services.mail_ingest.parsed_mail import Attachment
from services.mail_ingest.structure import Leaf, file_name

NAME_LIMIT: Final = 200
FILE_LIMIT: Final = 500
EXTENSION_LIMIT: Final = 10

_MESSAGES: Final = frozenset({"message/rfc822", "message/global"})
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")
_NOT_IN_NAMES: Final = re.compile(r"[\x00-\x1f\x7f-\x9f<>:\"|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_EXTENSIONS: Final[Mapping[str, str]] = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/partial": ".eml",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "message/delivery-status": ".txt",
    "text/rfc822-headers": ".txt",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/pgp-signature": ".asc",
    "application/ms-tnef": ".dat",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tif",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/rtf": ".rtf",
    "application/rtf": ".rtf",
    "application/zip": ".zip",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/x-pkcs7-mime": ".p7m",
    "application/x-pkcs7-signature": ".p7s",
    "application/pgp-keys": ".asc",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
    "audio/amr": ".amr",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "video/mp4": ".mp4",
}


class Shelf:
    """Collects the files of one mail."""

    def __init__(self, *, looks_inside: bool = True) -> None:
        """Start empty; on request nothing is told of what files are by their bytes."""
        self._files: dict[str, Attachment] = {}
        self._looks_inside = looks_inside
        self.doubts: set[str] = set()

    def put(self, leaf: Leaf) -> None:
        """Keep a part as a file."""
        name = file_name(leaf)
        if any(map(leaf.headers.is_guessed, ("content-disposition", "content-type"))):
            self.doubts.add("name")
        if leaf.type.full in _MESSAGES and name and "." not in name[-5:]:
            name += ".eml"
        self.put_bytes(name, leaf.type.full, leaf.content)

    def put_bytes(self, name: str, media_type: str, content: bytes) -> None:
        """Keep bytes as a file under the given name, or one like it."""
        if len(self._files) >= FILE_LIMIT:
            self.doubts.add("parts")
            return
        if turns_around(name):
            self.doubts.add("bidi")
        known = _MEDIA_TYPE.fullmatch(media_type) and not media_type.startswith("multipart/")
        declared = media_type if known else "application/octet-stream"
        default = f"bijlage-{len(self._files) + 1}{_EXTENSIONS.get(media_type, '')}"
        safe = self._free(safe_name(name) or default)
        self._files[safe.casefold()] = Attachment(safe, declared, content, self._sniffed(content, declared))

    def _sniffed(self, content: bytes, declared: str) -> str | None:
        if not self._looks_inside:
            return None
        if media_types.is_locked_zip(content):
            self.doubts.add("encrypted")
        return media_types.sniffed(content, declared)

    def files(self) -> tuple[Attachment, ...]:
        """Give the files in the order in which they came."""
        return tuple(self._files.values())

    def _free(self, name: str) -> str:
        stem, dot, extension = name.rpartition(".")
        number, free = 2, name
        while free.casefold() in self._files:
            free = f"{stem} ({number}).{extension}" if dot and stem else f"{name} ({number})"
            number += 1
        return free


def safe_name(name: str) -> str:
    """Keep of a file name what is neither path nor control character; the ending stays when it is cut."""
    last = clean_line(name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    tidy = _NOT_IN_NAMES.sub("", last).strip(" .")
    if len(tidy) <= NAME_LIMIT:
        return tidy
    stem, dot, extension = tidy.rpartition(".")
    return f"{stem[: NAME_LIMIT - 12]}.{extension}" if dot and len(extension) <= EXTENSION_LIMIT else tidy[:NAME_LIMIT]
