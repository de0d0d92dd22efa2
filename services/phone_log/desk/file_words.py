"""What the desk says of a file before somebody opens it, in Dutch."""

from typing import Final

from onthaal_schema.contact import StoredFile

_UNTOLD: Final = "application/octet-stream"
_KINDS: Final = {
    "application/pdf": "een pdf",
    "application/zip": "een zip-bestand",
    "application/x-rar-compressed": "een rar-bestand",
    "application/x-7z-compressed": "een 7z-bestand",
    "application/x-rar": "een rar-bestand",
    "application/gzip": "een gz-bestand",
    "application/vnd.microsoft.portable-executable": "een programma",
    "application/x-msdownload": "een programma",
    "application/x-executable": "een programma",
    "application/x-dosexec": "een programma",
    "text/x-shellscript": "een programma",
    "application/x-ole-storage": "een Office-document",
    "application/x-ms-shortcut": "een snelkoppeling naar een programma",
    "application/msword": "een Word-document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "een Word-document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "een Excel-document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "een PowerPoint-document",
    "application/rtf": "een tekstdocument (rtf)",
    _UNTOLD: "een onbekend soort bestand",
    "text/html": "een webpagina",
    "text/plain": "gewone tekst",
    "message/rfc822": "een mail",
    "image/jpeg": "een foto (jpeg)",
    "image/png": "een afbeelding (png)",
    "image/gif": "een afbeelding (gif)",
    "image/webp": "een afbeelding (webp)",
    "image/heic": "een foto (heic)",
    "image/svg+xml": "een tekening (svg)",
    "image/tiff": "een afbeelding (tiff)",
    "video/mp4": "een film (mp4)",
    "video/quicktime": "een film (mov)",
    "audio/mpeg": "geluid (mp3)",
}
_VIRUS: Final = {
    "found": "Virus gevonden. Open dit bestand niet.",
    "notScanned": "Niet nagekeken op virussen.",
    "clean": "",
}
_CLEANED: Final = frozenset({"image/jpeg", "image/pjpeg", "image/jpg", "image/png", "image/gif", "image/webp"})
_NOTHING_INSIDE: Final = frozenset({"image/bmp", "image/svg+xml", "image/x-icon"})


def kind(media_type: str) -> str:
    """Say what kind of file it is."""
    return _KINDS.get(media_type, media_type)


def shown_kind(file: StoredFile) -> str:
    """Say what kind of file it is said to be, or turns out to be when nothing was said."""
    return kind(file.sniffed or file.media_type if file.media_type == _UNTOLD else file.media_type)


def warnings(file: StoredFile) -> list[str]:
    """Say what somebody must know before opening a file."""
    said = []
    if file.virus and _VIRUS[file.virus]:
        said.append(_VIRUS[file.virus])
    if file.sniffed and file.media_type != _UNTOLD:
        said.append(f"Doet zich voor als {kind(file.media_type)}, maar is {kind(file.sniffed)}.")
    if tells(file):
        said.append("Plaats en tijd van de opname kunnen erin staan.")
    return said


def is_cleaned(file: StoredFile) -> bool:
    """Say whether place and time are taken out when it is downloaded."""
    return (file.sniffed or file.media_type) in _CLEANED


def tells(file: StoredFile) -> bool:
    """Say whether place and time may be inside and cannot be taken out."""
    kinds = {file.media_type, file.sniffed or ""}
    return any(found.startswith(("image/", "video/")) and found not in _CLEANED | _NOTHING_INSIDE for found in kinds)
