"""Settings of the intake service."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from onthaal_schema.channel import Channel
from services.intake_api.answering import Answering, DailyLimits
from services.intake_api.leases import Leases
from services.intake_api.opening_hours.rules import CalendarRules, NamedDays
from services.kit.settings import InvalidSettings, ProcessSettings, Settings


class IntakeSettings(Settings):
    """What the intake service reads from the environment."""

    database_url: str | None = Field(
        None,
        description="Database: sqlite+aiosqlite:///PATH or postgresql+asyncpg://…. Default: SQLite in the folder ONTHAAL_VAR.",
    )
    blob_url: str | None = Field(None, description="Where files are kept: file:///FOLDER. Default: a folder in ONTHAAL_VAR.")
    key_file: Path | None = Field(
        None, description="File with the keys, apart from the data. Default: keys/onthaal.json in ONTHAAL_VAR; made when absent."
    )
    ledger_file: Path | None = Field(
        None,
        description="File that every erasure is written to, apart from the database and its backups; best on another disk. "
        "Default: erased.jsonl beside the key file.",
    )
    pg_bin: Path | None = Field(
        None, description="Folder of pg_dump and pg_restore, not older than the server. Default: they are found on PATH."
    )
    model_file: Path | None = Field(None, description="Model of the tagger. Default: the one that is shipped.")
    training_export: bool = Field(
        default=False,
        description="Whether `onthaal tagging export` may write pseudonymised texts that the model got wrong. Off until whoever "
        "answers for the data has decided on it.",
    )
    event_source: str = Field("urn:onthaal:intake", description="The `source` of every event: an absolute URI or URN.")
    handover_pace: float = Field(
        1,
        gt=0,
        le=1,
        description="Factor on every wait between attempts to hand an event over; below 1 only to try faults out in less time.",
    )
    largest_contact: int = Field(
        50_000_000, ge=1_000_000, description="Largest submission with its files, in bytes; above it the answer is 413."
    )
    subscription_hosts: str = Field(
        "",
        description="Hosts that events may be sent to, with commas between: cases.example.org,*.vlaanderen.be. Any when empty.",
    )
    hours_telefoon: str | None = Field(None, description='Hours of the telephone (OSM opening_hours), e.g. "Mo-Fr 09:00-17:00".')
    hours_mail: str | None = Field(None, description="Hours of the mailbox.")
    hours_contactformulier: str | None = Field(None, description="Hours of the contact form.")
    hours_brief: str | None = Field(None, description="Hours of the letter box.")
    hours_chat: str | None = Field(None, description="Hours of the chat.")
    holidays: str | None = Field(
        None, description='Holidays above the Belgian public ones, as JSON: [{"first":"07-11","label":"Vlaamse feestdag"}].'
    )
    closures: str | None = Field(
        None, description='Closures, as JSON: [{"first":"12-26","last":"12-31","label":"Kerstsluiting"}].'
    )

    mail_domain: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.-]+$",
        description="Domain in the Message-IDs of mails that are sent. Default: the host of ONTHAAL_ORIGIN.",
    )
    mail_token_days: float = Field(
        365, gt=0, description="Days in which an answer to a mail of ours joins its contact by the token in its address."
    )
    mail_answers_off: str = Field(
        "", description="Names of mailboxes, with commas between, whose mails never get an automatic acknowledgement."
    )
    mail_answers_a_day: int = Field(
        DailyLimits.in_all,
        ge=1,
        description="Automatic acknowledgements that are sent on one day (UTC), at most. Those above it are withheld and shown as such.",
    )
    mail_answers_a_day_to_a_domain: int = Field(
        DailyLimits.to_one_domain,
        ge=1,
        description="Automatic acknowledgements that are sent to one domain on one day (UTC), at most.",
    )
    mail_lease: float = Field(
        60,
        ge=45,
        description="Seconds that one reader of a mailbox keeps others from reading it, without being heard of; it reports each 15.",
    )

    chat_operator_lease: float = Field(
        30, ge=8, description="Seconds without a connection after which an operator's conversations go back to the queue."
    )
    chat_visitor_lease: float = Field(
        300, ge=8, description="Seconds without a connection after which a visitor who still waited is taken to have left."
    )

    nats_replicas: int = Field(1, ge=1, le=5, description="Servers that keep each JetStream stream: 1, or 3 in a cluster.")
    nats_duplicates_hours: float = Field(
        36,
        gt=0,
        description="Hours in which JetStream drops an event that is sent again; longer than the longest wait for a retry.",
    )
    nats_keep_days: float = Field(90, gt=0, description="Days that JetStream keeps an event, read or not.")
    nats_most_bytes: int = Field(
        -1, ge=-1, description="Bytes that a stream may take; a full one refuses events, which then wait here. -1: no limit."
    )
    nats_consumers: str = Field(
        "", pattern=r"^([A-Za-z0-9_-]+( +|$))*$", description="Durable consumers to declare on each stream, separated by spaces."
    )

    def database(self, process: ProcessSettings) -> str:
        """Give the address of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{(process.var / 'onthaal.db').absolute()}"

    def blobs(self, process: ProcessSettings) -> Path:
        """Give the folder of files.

        Raises:
            InvalidSettings: the address is not one of a folder.

        """
        if self.blob_url is None:
            return process.var / "files"
        if not self.blob_url.startswith("file:///"):
            message = "ONTHAAL_BLOB_URL: write file:///FOLDER"
            raise InvalidSettings(message)
        return Path(self.blob_url.removeprefix("file://"))

    def keys(self, process: ProcessSettings) -> Path:
        """Give the file of keys."""
        return self.key_file or process.var / "keys" / "onthaal.json"

    def ledger(self, process: ProcessSettings) -> Path:
        """Give the file of erasures."""
        return self.ledger_file or self.keys(process).with_name("erased.jsonl")

    def answering(self, process: ProcessSettings) -> Answering:
        """Say how people answer to mails of ours."""
        return Answering(self.mail_domain or process.host_name, timedelta(days=self.mail_token_days))

    def daily_limits(self) -> DailyLimits:
        """Say how many acknowledgements go out on one day."""
        return DailyLimits(self.mail_answers_a_day, self.mail_answers_a_day_to_a_domain)

    @property
    def silent_mailboxes(self) -> frozenset[str]:
        """The mailboxes that are never answered from."""
        return frozenset(name.strip() for name in self.mail_answers_off.split(",") if name.strip())

    @property
    def reader_lease(self) -> timedelta:
        """How long a reader of a mailbox keeps others from reading it."""
        return timedelta(seconds=self.mail_lease)

    def leases(self) -> Leases:
        """Say how long whoever has no connection to a chat is expected back."""
        return Leases(timedelta(seconds=self.chat_operator_lease), timedelta(seconds=self.chat_visitor_lease))

    def hosts(self) -> tuple[str, ...]:
        """Give the hosts that events may be sent to; none means any."""
        return tuple(host.strip() for host in self.subscription_hosts.split(",") if host.strip())

    def calendar(self) -> CalendarRules:
        """Give the rules of the calendar.

        Raises:
            InvalidSettings: naming the setting that cannot be read.

        """
        hours = {channel: getattr(self, f"hours_{channel}") for channel in Channel}
        rules: dict[str, Any] = {"hours": {channel: text for channel, text in hours.items() if text is not None}}
        for name, held in (("extra_holidays", self.holidays), ("closures", self.closures)):
            if held is not None:
                rules[name] = _days(name, held)
        return CalendarRules.model_validate(rules)


def _days(name: str, text: str) -> tuple[NamedDays, ...]:
    setting = "ONTHAAL_" + name.removeprefix("extra_").upper()
    try:
        return tuple(NamedDays.model_validate(day) for day in json.loads(text))
    except (ValueError, TypeError, ValidationError) as error:
        message = f"{setting}: {type(error).__name__}: write JSON as in `onthaal settings`"
        raise InvalidSettings(message) from None
