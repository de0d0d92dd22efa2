"""The contact form without the web: what was answered, what is wrong with it, and the submission it makes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID, uuid4

from pydantic import ValidationError

from onthaal_schema.channel import Channel
from onthaal_schema.contact import FormSubmission, Kind, KindSource, Nature, Role, Sector
from services.kit.words import PageLanguage

FORM_VERSION: Final = "2026-11"
QUICKEST_PERSON: Final = timedelta(seconds=2)
TRAP: Final = "website"
LINES: Final = ("name", "email", "phone", "safe_times", "safe_note")
CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "kind": frozenset({*Kind, "weet_niet"}),
    "role": frozenset(Role),
    "sector": frozenset(Sector),
    "minor": frozenset({"ja", "nee"}),
    "identity": frozenset({"anoniem", "bekend"}),
    "safe_channel": frozenset({"mail", "telefoon", "none"}),
    "voicemail": frozenset({"ja", "nee"}),
    "neutral_sender": frozenset({"1"}),
}
CARRIED: Final = ("contact_id", "opened", "pace", "lang", TRAP)
FIELDS: Final = (*CARRIED, "text", *LINES, *CHOICES)
ERROR_OF: Final[Mapping[str, tuple[str, str]]] = {
    "text": ("text", "error.too_long"),
    "name": ("name", "error.too_long"),
    "email": ("email", "error.email"),
    "phone": ("phone", "error.phone"),
    "times": ("safe_times", "error.too_long"),
    "note": ("safe_note", "error.too_long"),
}


class WrongAnswers(Exception):
    """The form cannot be sent like this: for each field, the key of the sentence that says how to repair it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Take the errors by field, in the order of the page."""
        super().__init__("the form needs repair")
        self.errors = dict(sorted(errors.items(), key=lambda error: ORDER.index(error[0])))


ORDER: Final = ("kind", "text", "role", "sector", "minor", "identity", "name", "email", "phone",
                "safe_channel", "safe_times", "voicemail", "neutral_sender", "safe_note")  # fmt: skip
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f]")
Known = TypeVar("Known", bound=StrEnum)


@dataclass(frozen=True)
class Answers:
    """What stands in the form, cleaned of characters that nobody types. A field that is not there is empty."""

    values: Mapping[str, str] = field(repr=False)

    @classmethod
    def blank(cls, language: PageLanguage, now: datetime) -> "Answers":
        """Give an empty form: it already carries the identifier of the one contact it can make."""
        return cls({"contact_id": str(uuid4()), "opened": f"{now.timestamp():.0f}", "lang": language})

    @classmethod
    def of(cls, posted: Mapping[str, str]) -> "Answers":
        """Read a posted form; what the form does not ask is left out."""
        values = {name: _cleaned(posted.get(name, ""), one_line=name != "text") for name in FIELDS}
        if not _is_uuid(values["contact_id"]):
            values["contact_id"] = str(uuid4())
        return cls(values)

    def __getitem__(self, name: str) -> str:
        """Give the answer to one question."""
        return self.values.get(name, "")

    @property
    def contact_id(self) -> UUID:
        """The identifier of the contact that this form makes, however often it is sent."""
        return UUID(self["contact_id"])

    @property
    def language(self) -> PageLanguage:
        """The language of the form."""
        return PageLanguage.chosen(self["lang"])

    @property
    def anonymous(self) -> bool:
        """Whether the person chose to stay unknown, or gave nothing to be known by."""
        return self["identity"] == "anoniem" or not (self["name"] or self["email"] or self["phone"])

    def as_new(self) -> "Answers":
        """Give the same answers in a form that makes another contact."""
        return Answers({**self.values, "contact_id": str(uuid4())})

    def paced(self, now: datetime) -> "Answers":
        """Note whether this was filled in faster than a person can.

        Noted once, when it is handed in to be read again, so that sending twice sends the same.
        """
        return Answers({**self.values, "pace": "fast" if _too_fast(self["opened"], now) else ""})


def submission(answers: Answers) -> FormSubmission:
    """Make the submission.

    Raises:
        WrongAnswers: something must be repaired first.

    """
    errors = _errors(answers)
    try:
        made = _submission(answers)
    except ValidationError as error:
        raise WrongAnswers(_refused(error) | errors) from None
    if errors:
        raise WrongAnswers(errors)
    return made


def _submission(answers: Answers) -> FormSubmission:
    kind = _known(Kind, answers["kind"])
    wire = {
        "channel": Channel.CONTACTFORMULIER,
        "language": answers.language,
        "anonymous": answers.anonymous,
        "nature": Nature.SPAM if answers[TRAP] or answers["pace"] else None,
        "kind": kind,
        "kindSource": KindSource.MELDER if kind else None,
        "text": answers["text"],
        "person": _person(answers),
        "safeContact": None if answers.anonymous else _safe_contact(answers),
        "sector": _known(Sector, answers["sector"]),
        "details": {"formVersion": FORM_VERSION},
    }
    # read as JSON, so that everything that is wrong is found at once, as the API would
    return FormSubmission.model_validate_json(json.dumps(wire))


def _person(answers: Answers) -> dict[str, object] | None:
    known = {} if answers.anonymous else {name: answers[name] or None for name in ("name", "email", "phone")}
    return _filled({**known, "role": _known(Role, answers["role"]), "minor": _yes(answers["minor"])})


def _safe_contact(answers: Answers) -> dict[str, object] | None:
    channel = answers["safe_channel"]
    return _filled(
        {
            "channel": channel if channel in CHOICES["safe_channel"] else None,
            "times": answers["safe_times"] or None,
            "voicemail": _yes(answers["voicemail"]),
            "neutralSender": True if answers["neutral_sender"] else None,
            "note": answers["safe_note"] or None,
        }
    )


def _filled(properties: Mapping[str, object]) -> dict[str, object] | None:
    return {name: value for name, value in properties.items() if value is not None} or None


def _errors(answers: Answers) -> dict[str, str]:
    errors = {name: "error.choice" for name, known in CHOICES.items() if answers[name] and answers[name] not in known}
    if not answers["text"].strip():
        errors["text"] = "error.text_missing"
    if answers["identity"] == "bekend" and not (answers["email"] or answers["phone"]):
        errors["identity"] = "error.identity_missing"
    elif answers["identity"] != "anoniem":
        errors |= _unreachable(answers)
    return errors


def _refused(error: ValidationError) -> dict[str, str]:
    fields = (str(found["loc"][-1]) for found in error.errors(include_url=False, include_input=False))
    return dict(ERROR_OF[name] for name in fields)


def _unreachable(answers: Answers) -> dict[str, str]:
    match answers["safe_channel"]:
        case "mail" if not answers["email"]:
            return {"email": "error.safe_mail"}
        case "telefoon" if not answers["phone"]:
            return {"phone": "error.safe_phone"}
        case _:
            return {}


def _known(kind: type[Known], value: str) -> Known | None:
    return kind(value) if value in set(kind) else None


def _yes(value: str) -> bool | None:
    return {"ja": True, "nee": False}.get(value)


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False


def _too_fast(opened: str, now: datetime) -> bool:
    if not opened.isascii() or not opened.isdigit() or len(opened) > 10:
        return False
    return now - datetime.fromtimestamp(int(opened), UTC) < QUICKEST_PERSON


def _cleaned(value: str, *, one_line: bool) -> str:
    # browsers send CRLF; NUL, other control characters and lone surrogates come from machines alone
    text = value.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "ignore").decode()
    text = _CONTROLS.sub("", text)
    return " ".join(text.split()) if one_line else text
