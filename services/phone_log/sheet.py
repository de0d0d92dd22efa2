"""A filled-in form sheet: gives typed values and collects, in Dutch, what is wrong with each field."""

import re
from collections.abc import Mapping
from datetime import date, time
from enum import StrEnum
from typing import Final, TypeVar

from services.phone_log import phone_numbers

LONGEST_LINE: Final = 400
LONGEST_TEXT: Final = 500_000
_MAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]+")

Choice = TypeVar("Choice", bound=StrEnum)


class NotAccepted(Exception):
    """The sheet cannot be registered as it is. `errors` maps fields to sentences that say how to repair."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Keep the sentences; none of them repeats what was filled in."""
        super().__init__("the form is not complete")
        self.errors = dict(errors)


class Sheet:
    """The fields of a form as they were sent. Empty means not filled in; a reader asks each field once."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Read from the fields of a form."""
        self._fields = fields
        self.errors: dict[str, str] = {}

    def refuse(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field; the first word on a field stands."""
        self.errors.setdefault(name, sentence)

    def finish(self) -> None:
        """Stop with `NotAccepted` when anything was refused."""
        if self.errors:
            raise NotAccepted(self.errors)

    def ticked(self, name: str) -> bool:
        """Say whether a box is ticked."""
        return bool(self._fields.get(name))

    def text(self, name: str, label: str) -> str | None:
        """Read a text of several lines."""
        value = self._fields.get(name, "").replace("\r\n", "\n").strip()
        if "\0" in value:
            self.refuse(name, f"{label}: er staat een teken in dat niet kan. Typ de tekst opnieuw.")
        elif len(value) > LONGEST_TEXT:
            self.refuse(name, f"{label}: maak de tekst korter dan 500.000 tekens.")
        return value or None

    def line(self, name: str, label: str) -> str | None:
        """Read a text of one line."""
        value = self._fields.get(name, "").strip()
        if any(character < " " and character != "\t" for character in value):
            self.refuse(name, f"{label}: zet alles op één regel.")
        elif len(value) > LONGEST_LINE:
            self.refuse(name, f"{label}: maak dit korter dan 400 tekens.")
        return value or None

    def mail(self, name: str) -> str | None:
        """Read a mail address."""
        value = self.line(name, "Mailadres")
        if value and (not _MAIL.fullmatch(value) or len(value) > 320):
            self.refuse(name, "Mailadres: schrijf het zoals naam@voorbeeld.be.")
        return value

    def phone(self, name: str) -> str | None:
        """Read a telephone number."""
        value = self.line(name, "Telefoonnummer")
        number = phone_numbers.kept(value) if value else None
        if value and number is None:
            self.refuse(name, "Telefoonnummer: gebruik alleen cijfers en leestekens, zoals 0470 12 34 56.")
        return number

    def choice(self, name: str, label: str, options: type[Choice]) -> Choice | None:
        """Read one of a list of values."""
        value = self._fields.get(name, "")
        if value and value not in set(options):
            self.refuse(name, f"{label}: kies een van de mogelijkheden.")
            return None
        return options(value) if value else None

    def yes_or_no(self, name: str, label: str) -> bool | None:
        """Read ja, nee or nothing."""
        answers = {"ja": True, "nee": False, "": None}
        value = self._fields.get(name, "")
        if value not in answers:
            self.refuse(name, f"{label}: kies ja of nee.")
        return answers.get(value)

    def day(self, name: str, label: str) -> date | None:
        """Read a day, as `2026-03-29` or `29/03/2026` (a browser without a date picker)."""
        value = self._fields.get(name, "").strip()
        if not value:
            return None
        try:
            year, month, day = map(int, _ordered(value))
            return date(year, month, day)
        except (ValueError, OverflowError):
            self.refuse(name, f"{label}: schrijf een datum zoals 29/03/2026.")
            return None

    def clock(self, name: str, label: str) -> time | None:
        """Read an hour, as `14:05` or `14u05`."""
        value = self._fields.get(name, "").strip()
        if not value:
            return None
        match = re.fullmatch(r"([0-9]{1,2})\s*[:.uh]\s*([0-9]{2})(:[0-9.]+)?", value)
        if match and int(match[1]) < 24 and int(match[2]) < 60:
            return time(int(match[1]), int(match[2]))
        self.refuse(name, f"{label}: schrijf een uur zoals 14:05.")
        return None


def _ordered(written: str) -> list[str]:
    parts = re.split(r"[-/.]", written)
    if len(parts) != 3:
        raise ValueError
    return parts if len(parts[0]) == 4 else parts[::-1]
