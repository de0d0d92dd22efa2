"""From a filled-in sheet to what is registered: calls, letters, corrections. Pure: time is passed in."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from onthaal_schema.channel import Channel
from onthaal_schema.contact import (
    BriefDetails,
    BriefSubmission,
    Nature,
    Person,
    PhoneDetails,
    PhoneSubmission,
    SafeContact,
)
from onthaal_schema.requests import Correction
from services.kit.pages import BRUSSELS
from services.phone_log.melder import melder, tag
from services.phone_log.moments import likely, moments, start_and_end
from services.phone_log.sheet import NotAccepted, Sheet

__all__ = ["CallNature", "NotAccepted", "call", "correction", "letter"]


class CallNature(StrEnum):
    """What sort of call it was. All but the first are kept and not counted as a contact."""

    PERSON = "person"
    SILENT = "silent"
    WRONG_NUMBER = "wrongNumber"
    TEST = "test"


NO_CONTACT: Final = {
    CallNature.SILENT: "Stille oproep",
    CallNature.WRONG_NUMBER: "Verkeerd nummer",
    CallNature.TEST: "Test",
}
"""What a call that was no contact is called; it becomes the subject, for whoever opens it."""

SKIPPED: Final = "Begin: dat uur bestond niet, de klok sprong naar de zomertijd."
TO_COME: Final = "Begin: dat moment moet nog komen. Kijk de datum en het uur na."


def call(fields: Mapping[str, str], now: datetime) -> PhoneSubmission:
    """Read a call. It was received when it began; an empty end is now.

    Raises:
        NotAccepted: naming each field that has to be repaired.

    """
    sheet = Sheet(fields)
    nature = sheet.choice("nature", "Soort oproep", CallNature) or CallNature.PERSON
    started, ended = _times(sheet, now)
    text = sheet.text("text", "Samenvatting")
    if nature is CallNature.PERSON and text is None:
        sheet.refuse("text", "Samenvatting: schrijf kort op wat de beller vertelde.")
    whole = _opened(text, sheet, on_behalf_of="Uit naam van")
    known, tagged = melder(sheet), tag(sheet)
    sheet.finish()
    return PhoneSubmission(
        channel=Channel.TELEFOON,
        received_at=started,
        nature=Nature.PERSON if nature is CallNature.PERSON else Nature.NON_CONTACT,
        subject=NO_CONTACT.get(nature),
        text=whole,
        details=PhoneDetails(started_at=started, ended_at=ended),
        **tagged,
        **known,
    )


def letter(fields: Mapping[str, str], now: datetime, *, scanned: bool) -> BriefSubmission:
    """Read a letter. The day it was delivered counts; the gateway derives `receivedAt` from it.

    Raises:
        NotAccepted: naming each field that has to be repaired.

    """
    sheet = Sheet(fields)
    dated = _past_day(sheet, "dated_on", "Gedateerd op", now)
    received = _past_day(sheet, "received_on", "Ontvangen op", now)
    if received is None:
        sheet.refuse("received_on", "Ontvangen op: vul in op welke dag de brief aankwam.")
    text = sheet.text("text", "Tekst of samenvatting")
    if text is None and not scanned:
        sheet.refuse("text", "Tekst of samenvatting: typ wat in de brief staat, of voeg een scan toe.")
    whole = _opened(text, sheet, on_behalf_of="Uit naam van", address="Adres van de afzender")
    known, tagged = melder(sheet), tag(sheet)
    sheet.finish()
    return BriefSubmission(
        channel=Channel.BRIEF,
        nature=Nature.PERSON,
        text=whole,
        details=BriefDetails(dated_on=dated, received_on=received),
        **tagged,
        **known,
    )


def correction(fields: Mapping[str, str], version: int) -> Correction:
    """Read a correction of what is known of a contact; `version` is the one that the operator saw.

    Raises:
        NotAccepted: naming each field that has to be repaired.

    """
    sheet = Sheet(fields)
    known = melder(sheet)
    sheet.finish()
    return Correction(
        version=version,
        person=known["person"] or Person(),
        safe_contact=known["safe_contact"] or SafeContact(),
        sector=known["sector"],
        language=known["language"],
        anonymous=known["anonymous"],
    )


def _opened(text: str | None, sheet: Sheet, **lines: str) -> str | None:
    # the contract has no fields of their own for these, so they open the text, encrypted like the rest of it
    said = {words: sheet.line(name, words) for name, words in lines.items()}
    opening = "\n".join(f"{words}: {value}" for words, value in said.items() if value)
    return "\n\n".join(filter(None, (opening, text))) or None


def _times(sheet: Sheet, now: datetime) -> tuple[datetime | None, datetime | None]:
    day, start, end = (
        sheet.day("day", "Datum"),
        sheet.clock("started", "Begin"),
        sheet.clock("ended", "Einde"),
    )
    if day is None:
        sheet.refuse("day", "Datum: vul in op welke dag de oproep was.")
    if start is None:
        sheet.refuse("started", "Begin: vul in hoe laat de oproep begon.")
    if day is None or start is None:
        return None, None
    began = next(iter(likely(moments(day, start), now)), None)
    if began is None:
        skipped = not moments(day, start)
        sheet.refuse("started", SKIPPED if skipped else TO_COME)
        return None, None
    if end is None:
        return began, max(now.replace(second=0, microsecond=0), began)
    both = start_and_end(day, start, end, now)
    if both is None:
        sheet.refuse("ended", "Einde: dat moet na het begin liggen, en niet in de toekomst.")
    return both or (began, None)


def _past_day(sheet: Sheet, name: str, label: str, now: datetime) -> date | None:
    day = sheet.day(name, label)
    if day is not None and day > now.astimezone(BRUSSELS).date():
        sheet.refuse(name, f"{label}: die dag moet nog komen. Kijk de datum na.")
    return day
