"""What the desk calls things, in Dutch: every code that an operator may read, as words."""

from datetime import datetime
from typing import Final

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, KindSource, Nature, Role, Sector, Status
from onthaal_schema.delivery import Change, DeliveryState
from onthaal_schema.handover import SubscriptionStatus
from onthaal_schema.message import Direction
from onthaal_schema.opening_hours import ClosedReason, OpeningHours
from onthaal_schema.worklist import WorkReason
from services.kit.pages import BRUSSELS
from services.phone_log.melder import Language, SafeChannel
from services.phone_log.registration import CallNature

CHANNELS: Final = {
    Channel.TELEFOON: "Telefoon",
    Channel.BRIEF: "Brief",
    Channel.MAIL: "Mail",
    Channel.CONTACTFORMULIER: "Contactformulier",
    Channel.CHAT: "Chat",
}
KINDS: Final = {Kind.MELDING: "Melding", Kind.VRAAG: "Vraag"}
SOURCES: Final = {
    KindSource.MELDER: "melder",
    KindSource.OPERATOR: "medewerker",
    KindSource.MODEL: "voorstel van het systeem",
}
NATURES: Final = {
    Nature.PERSON: "Persoon",
    Nature.MACHINE: "Automatisch bericht",
    Nature.SPAM: "Spam",
    Nature.NON_CONTACT: "Geen contact",
}
CALLS: Final = {
    CallNature.PERSON: "Persoon",
    CallNature.SILENT: "Stille oproep",
    CallNature.WRONG_NUMBER: "Verkeerd nummer",
    CallNature.TEST: "Test",
}
ROLES: Final = {
    Role.SLACHTOFFER: "Slachtoffer",
    Role.GETUIGE: "Getuige",
    Role.VERWANT: "Verwant (ouder, partner, vriend)",
    Role.DERDE: "Derde",
    Role.ORGANISATIE: "Organisatie",
    Role.DADER: "Dader",
}
SECTORS: Final = {sector: sector.value for sector in Sector}
STATUSES: Final = {Status.OPEN: "Nog niet bevestigd", Status.COMPLETED: "Bevestigd"}
DIRECTIONS: Final = {
    Direction.INBOUND: "Van de melder",
    Direction.OUTBOUND: "Aan de melder",
    Direction.NOTE: "Notitie voor collega's",
}
REASONS: Final = {
    WorkReason.DANGER: "Mogelijk gevaar",
    WorkReason.UNSURE: "Het systeem twijfelt: melding of vraag?",
    WorkReason.DOUBTED_VRAAG: "Vraag, maar het systeem denkt aan een melding",
    WorkReason.UNREADABLE: "Mail kon niet helemaal gelezen worden",
    WorkReason.OVERSIZE: "Mail die te groot is om binnen te halen",
    WorkReason.POSSIBLE_LINK: "Mail die misschien bij een ander contact hoort",
    WorkReason.POSSIBLE_DUPLICATE: "Mail die misschien al eens binnenkwam",
    WorkReason.BOUNCED: "Onze mail aan deze persoon kwam niet aan",
    WorkReason.INFECTED: "Virus gevonden in een bestand",
}
WHAT_TO_DO: Final = {
    WorkReason.UNREADABLE: "Lees de originele mail, onder de inhoud.",
    WorkReason.OVERSIZE: "Lees de mail in de mailbox zelf. Hier staat alleen wie schreef en wanneer.",
    WorkReason.POSSIBLE_LINK: "Vergelijk de twee en beslis of ze bij elkaar horen.",
    WorkReason.POSSIBLE_DUPLICATE: "Vergelijk de twee mails. Er ging geen automatisch antwoord.",
    WorkReason.BOUNCED: "Kijk het mailadres na, of bereik de persoon op een andere veilige manier.",
    WorkReason.INFECTED: "Open het bestand niet. Vraag raad aan wie voor de computers zorgt.",
}
"""What an operator does about it, where that does not speak for itself."""

WHERE: Final = {
    WorkReason.UNREADABLE: "#inhoud",
    WorkReason.POSSIBLE_LINK: "/verband",
    WorkReason.POSSIBLE_DUPLICATE: "/verband",
    WorkReason.BOUNCED: "#mails",
    WorkReason.INFECTED: "#inhoud",
}
"""Where on the contact's page, or behind it, that is done."""

SIGNALS: Final = {
    "immediateDanger": "tekens van direct gevaar",
    "minorInvolved": "minderjarige betrokken",
    "anonymousWish": "wil anoniem blijven",
}
SAFE_CHANNELS: Final = {
    SafeChannel.TELEFOON: "Telefoon",
    SafeChannel.MAIL: "Mail",
    SafeChannel.BRIEF: "Brief",
    SafeChannel.NONE: "Geen contact opnemen",
}
LANGUAGES: Final = {
    Language.NL: "Nederlands",
    Language.FR: "Frans",
    Language.EN: "Engels",
    Language.DE: "Duits",
    Language.AR: "Arabisch",
    Language.ES: "Spaans",
    Language.IT: "Italiaans",
    Language.PL: "Pools",
    Language.PT: "Portugees",
    Language.RO: "Roemeens",
    Language.RU: "Russisch",
    Language.TR: "Turks",
    Language.UK: "Oekraïens",
}
CHANGES: Final = {
    Change.REGISTERED: "Geregistreerd",
    Change.EXTENDED: "Aangevuld",
    Change.RETAGGED: "Anders ingedeeld",
    Change.COMPLETED: "Bevestigd",
    Change.ERASED: "Gewist",
}
DELIVERIES: Final = {
    DeliveryState.PENDING: "wacht om doorgestuurd te worden",
    DeliveryState.DELIVERED: "doorgestuurd",
    DeliveryState.DEAD: "niet doorgestuurd",
}
SUBSCRIPTIONS: Final = {
    SubscriptionStatus.ACTIVE: "Actief",
    SubscriptionStatus.UNVERIFIED: "Wacht op toestemming van de ontvanger",
    SubscriptionStatus.PAUSED: "Gepauzeerd",
    SubscriptionStatus.DISABLED: "Uitgezet: de ontvanger zegt dat hij weg is",
}
_GIVEN_UP: Final = {
    "HTTP 400": "de ontvanger begrijpt het bericht niet (400)",
    "HTTP 413": "de ontvanger vindt het bericht te groot (413)",
    "HTTP 415": "de ontvanger kan dit soort bericht niet lezen (415)",
    "HTTP 422": "de ontvanger aanvaardt de inhoud niet (422)",
    "HTTP 401": "de ontvanger vertrouwt onze handtekening niet (401)",
    "HTTP 403": "de ontvanger laat ons niet toe (403)",
    "HTTP 404": "op dit adres is geen ontvanger (404)",
    "HTTP 410": "de ontvanger zegt dat hij weg is (410)",
    "HTTP 429": "de ontvanger kon niet volgen (429)",
    "TimeoutError": "de ontvanger antwoordde niet op tijd",
}
_CLOSED: Final = {
    ClosedReason.CLOSURE: "sluitingsdag",
    ClosedReason.HOLIDAY: "feestdag",
    ClosedReason.WEEKEND: "weekend",
    ClosedReason.OUTSIDE_HOURS: "buiten de openingsuren",
}
_DAYS: Final = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")


def hours(known: OpeningHours) -> str:
    """Say whether it was open: `Open`, or `Gesloten: feestdag (Kerstmis)`."""
    if known.reason is None:
        return "Open"
    name = f" ({known.holiday})" if known.holiday else ""
    return f"Gesloten: {_CLOSED[known.reason]}{name}"


def given_up(reason: str | None) -> str:
    """Say why an event was not taken: `de ontvanger aanvaardt de inhoud niet (422)`."""
    if reason is None:
        return "zonder reden"
    if reason in _GIVEN_UP:
        return _GIVEN_UP[reason]
    if reason.startswith("HTTP "):
        return f"de ontvanger antwoordde met een fout ({reason.removeprefix('HTTP ')})"
    return f"de ontvanger was niet te bereiken ({reason})"


def moment(at: datetime) -> str:
    """Write a moment on the clock of Brussels: `maandag 23/11/2026, 18:00`."""
    wall = at.astimezone(BRUSSELS)
    return f"{_DAYS[wall.weekday()]} {wall:%d/%m/%Y, %H:%M}"


def size(count: int) -> str:
    """Write a number of bytes: `312 kB`, `4,2 MB`, `30 MB`."""
    if count < 1_000_000:
        return f"{max(1, round(count / 1000))} kB"
    return f"{count / 1_000_000:.1f} MB".replace(".0", "").replace(".", ",")


def percent(share: float) -> str:
    """Write how sure a model is: `87 %`, and never more than 99."""
    return f"{min(round(share * 100), 99)} %"
