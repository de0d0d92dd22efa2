"""The part of the sheet that every channel shares: who makes contact, how to reach them, and the tag."""

from enum import StrEnum
from typing import Literal, TypedDict

from onthaal_schema.contact import Kind, KindSource, Person, Role, SafeContact, Sector
from services.phone_log.sheet import Sheet

IDENTITY = {"name": "naam", "phone": "telefoonnummer", "email": "mailadres"}


class SafeChannel(StrEnum):
    """How somebody may be reached; `none` is: do not make contact."""

    MAIL = "mail"
    TELEFOON = "telefoon"
    BRIEF = "brief"
    NONE = "none"


class Language(StrEnum):
    """Languages that are offered by name (ISO 639-1)."""

    NL = "nl"
    FR = "fr"
    EN = "en"
    DE = "de"
    AR = "ar"
    ES = "es"
    IT = "it"
    PL = "pl"
    PT = "pt"
    RO = "ro"
    RU = "ru"
    TR = "tr"
    UK = "uk"


class Tag(TypedDict):
    """A kind with who said it; both absent leave it to the model."""

    kind: Kind | None
    kind_source: Literal[KindSource.OPERATOR] | None


class Melder(TypedDict):
    """What the sheet says of the person."""

    anonymous: bool
    person: Person | None
    safe_contact: SafeContact | None
    sector: Sector | None
    language: str | None


def melder(sheet: Sheet) -> Melder:
    """Read the person. Anonymous excludes a name, number or address: nothing is dropped in silence."""
    known = person(sheet)
    anonymous = sheet.ticked("anonymous")
    named = [word for name, word in IDENTITY.items() if known and getattr(known, name)]
    if anonymous and named:
        sheet.refuse(
            "anonymous",
            f"Anoniem: je vulde ook een {' en een '.join(named)} in. Wis dat, of vink anoniem uit.",
        )
    return Melder(
        anonymous=anonymous,
        person=known,
        safe_contact=_safe_contact(sheet),
        sector=sheet.choice("sector", "Sector", Sector),
        language=sheet.choice("language", "Taal", Language),
    )


def tag(sheet: Sheet) -> Tag:
    """Read the kind. What the operator chose is the operator's word."""
    kind = sheet.choice("kind", "Melding of vraag", Kind)
    return Tag(kind=kind, kind_source=KindSource.OPERATOR if kind else None)


def person(sheet: Sheet) -> Person | None:
    """Read who it is, as far as was said."""
    name, email, phone = sheet.line("name", "Naam"), sheet.mail("email"), sheet.phone("phone")
    role, minor = sheet.choice("role", "Rol", Role), sheet.yes_or_no("minor", "Minderjarig")
    if sheet.errors.keys() & {"name", "email", "phone"}:
        return None
    found = Person(name=name, email=email, phone=phone, role=role, minor=minor)
    return None if found == Person() else found


def _safe_contact(sheet: Sheet) -> SafeContact | None:
    channel = sheet.choice("safe_channel", "Veilig bereikbaar via", SafeChannel)
    times, note = sheet.line("safe_times", "Veilige momenten"), sheet.line("safe_note", "Waar we op letten")
    if sheet.errors.keys() & {"safe_times", "safe_note"}:
        return None
    found = SafeContact(
        channel=channel.value if channel else None,
        times=times,
        voicemail=sheet.yes_or_no("safe_voicemail", "Voicemail"),
        neutral_sender=sheet.yes_or_no("safe_neutral", "Neutrale afzender"),
        note=note,
    )
    return None if found == SafeContact() else found
