"""What the desk says of mail, in Dutch: how much could be read, who sent it, what machines told of it, what became of ours."""

import re
from typing import Final

from onthaal_schema.contact import MailDetails, ParseStatus
from onthaal_schema.outgoing import OutgoingKind, OutgoingState, OutgoingStatus

SEALED: Final = {
    "smime": "Deze mail is versleuteld of ondertekend met S/MIME. Wat versleuteld is, kan alleen iemand met de sleutel lezen: "
    "open daarvoor de originele mail.",
    "pgp": "Deze mail is versleuteld of ondertekend met PGP. Wat versleuteld is, kan alleen iemand met de sleutel lezen: "
    "open daarvoor de originele mail.",
}
_DOUBTS: Final = {
    "headers": "de kop van de mail is niet goed geschreven",
    "charset": "sommige tekens zijn onleesbaar",
    "length": "de tekst is zo lang dat het einde hier niet staat",
    "depth": "er zitten te veel mails in elkaar",
    "boundary": "de delen van de mail zijn niet goed gescheiden",
    "encoding": "een deel is beschadigd",
    "parts": "de mail heeft te veel delen",
    "cut": "de mail is onderweg afgebroken",
    "sealed": "een deel is versleuteld",
    "files": "de bijlagen konden niet apart bewaard worden",
    "encrypted": "een zip-bestand heeft een wachtwoord",
    "winmail": "het bestand winmail.dat kon niet geopend worden",
    "fragment": "dit is maar een stuk van een mail die in stukken verstuurd is",
    "careful": "de mail was te ingewikkeld om zijn opmaak te lezen",
}
_NOTES: Final = {
    "bidi": "Onzichtbare tekens draaien in deze mail de schrijfrichting om. Ze staan hier als ⇄ en doen niets.",
    "name": "De naam van een bijlage is misschien niet juist: de mail zegt niet in welke tekens die geschreven is.",
    "display": "De opmaak van deze mail is te ingewikkeld om te tonen. De tekst staat hier wel.",
}
"""What must be noticed although everything could be read."""

_MACHINES: Final = {
    "spamVerdict": "de spamfilter van onze mailserver noemt dit spam",
    "ownMail": "het komt van een van onze eigen adressen",
    "autoSubmitted": "de mail zegt zelf dat een programma hem verstuurde",
    "report": "het is een verslag over een andere mail",
    "failedRecipients": "het gaat over een mail die niet aankwam",
    "nullSender": "er is geen adres waarnaar geantwoord kan worden",
    "mailerDaemon": "een mailserver verstuurde dit",
    "autoReply": "het is een automatisch antwoord",
    "responseSuppressed": "de mail vraagt dat er niet automatisch geantwoord wordt",
    "mailingList": "het komt van een mailinglijst",
    "bulk": "het is een mail aan velen tegelijk",
    "severalHints": "verschillende kenmerken wijzen op een automatisch bericht",
}
_ACTIONS: Final = {
    "failed": "niet aangekomen",
    "delayed": "nog niet aangekomen, de mailserver blijft proberen",
    "delivered": "aangekomen",
    "relayed": "doorgegeven aan een server die verder niets meldt",
    "expanded": "aangekomen bij een verdeellijst",
}
_STATUS: Final = {
    "1.1": "dat adres bestaat niet",
    "1.2": "die mailserver bestaat niet",
    "1.10": "die mailserver neemt geen mail aan",
    "2.1": "de mailbox is gesloten",
    "2.2": "de mailbox is vol",
    "2.3": "de mail is te groot",
    "3.4": "de mail is te groot",
    "4.1": "de mailserver antwoordt niet",
    "4.4": "de mailserver is niet te vinden",
    "4.7": "de mailserver was te lang niet te bereiken",
}
_CLASSES: Final = {
    "1": "er is iets mis met het adres",
    "2": "er is iets mis met de mailbox",
    "3": "de mailserver kan de mail niet aannemen",
    "4": "de mailserver is niet te bereiken",
    "5": "de mailservers verstaan elkaar niet",
    "6": "de mailserver kan de inhoud niet aannemen",
    "7": "de mailserver weigert de mail",
}
"""RFC 3463 §3: what the second number of a status tells."""
_ENHANCED: Final = re.compile(r"\b[45]\.(\d{1,3})\.(\d{1,3})\b")
_REPLY: Final = re.compile(r"[45]\d\d")
_REPLIES: Final = {"4": "de mailserver neemt de mail nu niet aan", "5": "de mailserver weigert de mail"}

OUTGOING: Final = {
    OutgoingKind.ACKNOWLEDGEMENT: "Automatische ontvangstbevestiging",
    OutgoingKind.STAFF: "Mail van een medewerker",
}
_SENDING: Final = {
    OutgoingStatus.QUEUED: "wacht om verstuurd te worden",
    OutgoingStatus.SENT: "verstuurd",
    OutgoingStatus.BOUNCED: "niet aangekomen",
    OutgoingStatus.FAILED: "kon niet verstuurd worden",
    OutgoingStatus.WITHHELD: "niet verstuurd",
}
_WITHHELD: Final = {"dailyLimitOfDomain": "naar dat domein gingen die dag al genoeg bevestigingen uit"}


def reading(details: MailDetails) -> str:
    """Say what could not be read; empty when all could."""
    if details.parse_status is ParseStatus.FAILED:
        return "Deze mail kon niet gelezen worden. Lees de originele mail."
    told = set(_NOTES) | ({"sealed"} if details.sealed_by else set())
    doubts = [_DOUBTS.get(doubt, f"een deel is anders dan verwacht ({doubt})") for doubt in details.doubts if doubt not in told]
    if doubts or (details.parse_status is ParseStatus.PARTIAL and not details.sealed_by):
        why = f": {', '.join(doubts)}" if doubts else ""
        return f"Niet alles kon gelezen worden{why}. Kijk ook in de originele mail."
    return ""


def notes(details: MailDetails) -> list[str]:
    """Say everything that must be known before reading: what is missing, what is sealed, what is turned around."""
    sealed = SEALED[details.sealed_by] if details.sealed_by else ""
    noticed = [note for doubt, note in _NOTES.items() if doubt in details.doubts]
    return [said for said in (reading(details), sealed, *noticed) if said]


def remote(count: int) -> str:
    """Say how much was not loaded from elsewhere; empty when there was nothing."""
    if not count:
        return ""
    things = "1 afbeelding van elders is" if count == 1 else f"{count} afbeeldingen van elders zijn"
    return f"{things} niet geladen: dat zou de afzender laten zien dat de mail gelezen is."


def sender(authentication: str | None) -> str:
    """Say whether it is certain who sent it (`spf=pass dkim=pass dmarc=pass`); empty when nobody looked."""
    if not authentication:
        return ""
    found = dict(part.split("=", 1) for part in authentication.split() if "=" in part)
    if found.get("dmarc") == "pass":
        return "Bevestigd door zijn mailserver"
    if found.get("dmarc") == "fail":
        return "Niet bevestigd door zijn mailserver: dit adres kan vervalst zijn"
    if "pass" in found.values():
        return "Niet zeker: alleen de server die verstuurde is bevestigd"
    return "Niet bevestigd door zijn mailserver"


def machine(reason: str | None) -> str:
    """Say why it is held for an automatic message; empty when it is not."""
    return _MACHINES.get(reason, f"kenmerk {reason}") if reason else ""


def report(told: str | None) -> str:
    """Say what a report says of a mail of ours: `failed 5.1.1`."""
    if not told:
        return ""
    action, _, status = told.partition(" ")
    return _with_reason(_ACTIONS.get(action, action), status)


def sending(mail: OutgoingState) -> str:
    """Say how far a mail of ours got."""
    if mail.status is OutgoingStatus.WITHHELD:
        return f"{_SENDING[mail.status]}: {_WITHHELD.get(mail.reason or '', 'er gingen die dag al genoeg bevestigingen uit')}"
    return _with_reason(_SENDING[mail.status], mail.reason or "")


def _with_reason(said: str, reason: str) -> str:
    if not reason:
        return said
    words = _status(reason)
    return f"{said}: {words} ({reason})" if words else f"{said} ({reason})"


def _status(code: str) -> str:
    if found := _ENHANCED.search(code):
        return _STATUS.get(f"{found[1]}.{found[2]}", _CLASSES.get(found[1], ""))
    return _REPLIES.get(code[:1], "") if _REPLY.fullmatch(code) else ""
