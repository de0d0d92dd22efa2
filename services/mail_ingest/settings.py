"""Settings of the mail service."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from services.kit.mail_server import MailServer, Tls, is_this_machine
from services.kit.scanning import ScannerSettings
from services.kit.settings import Settings
from services.kit.short_help import ShortHelpSettings
from services.kit.throttle import Network, networks
from services.mail_ingest.addresses import plausible
from services.mail_ingest.mailboxes import MailboxSettings, OAuth, from_json
from services.mail_ingest.oauth import AccessTokens
from services.mail_ingest.own_addresses import without_tag
from services.mail_ingest.smtp.settings import ListenerSettings


class MailSettings(MailboxSettings, ListenerSettings, ScannerSettings):
    """Where mail comes in, and what one mail and one sender may use."""

    mail_parse_seconds: float = Field(10, gt=0, description="Seconds that reading one mail may take.")
    mail_parse_megabytes: int = Field(1024, ge=64, description="Memory for a process that reads mails, in MiB.")
    mail_parse_processes: int = Field(2, ge=1, description="Processes that read mails, at most.")


def _plain_addresses(value: str) -> str:
    if any(without_tag(plausible(address)) != address.strip().lower() for address in value.split(",") if address.strip()):
        message = "must be mail addresses without +, separated by commas"
        raise ValueError(message)
    return value


def _plain_address(value: str) -> str:
    if "," in value:
        message = "must be one mail address"
        raise ValueError(message)
    return _plain_addresses(value)


Addresses = Annotated[str, AfterValidator(_plain_addresses)]
Address = Annotated[str, AfterValidator(_plain_address)]
Words = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
Domains = Annotated[str, Field(pattern=r"^[A-Za-z0-9., -]*$")]


class MailTrustSettings(Settings):
    """Which addresses are ours, and what is believed of who wrote a mail."""

    mail_addresses: Addresses = Field("", description="Further addresses of ours that people write to, separated by commas.")
    mail_staff_address: Address = Field(
        "", description="Address to which staff send a copy of what they mail to somebody, so that the answer finds its contact."
    )
    mail_staff_domains: Domains = Field("", description="Domains of staff, separated by commas; From must be in one.")
    mail_staff_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(networks)] = Field(
        (),
        description="Networks, separated by commas, from which only the mail server of staff hands us mail by SMTP: "
        "it vouches for From.",
    )
    mail_authserv_id: str = Field(
        "",
        description="Name under which our own mail server writes Authentication-Results, and removes those of others (RFC 8601 §5); "
        "* for one that writes none (Microsoft 365). Without it nothing of SPF, DKIM and DMARC is believed.",
    )
    mail_trust_spam_headers: bool = Field(
        default=True,
        description="Follow X-Spam-Flag and X-Spam-Status. Set false where our own server does not remove those of others.",
    )

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses of `mail_addresses`, in lower case."""
        return frozenset(_listed(self.mail_addresses))

    @property
    def staff_domains(self) -> frozenset[str]:
        """The domains of staff, in lower case."""
        return frozenset(_listed(self.mail_staff_domains))


class MailOutSettings(ShortHelpSettings):
    """How we answer mail. Without a server nothing is ever answered."""

    mail_out_host: str | None = Field(None, description="Mail server that automatic answers are sent by; without one none are.")
    mail_out_port: int = Field(587, ge=1, le=65535, description="Port of that mail server.")
    mail_out_tls: Tls = Field(
        Tls.STARTTLS, description="starttls, tls, or none (for a mail server on this machine only). There is no falling back."
    )
    mail_out_ca: Path | None = Field(None, description="Certificates (PEM) to trust instead of the system's.")
    mail_out_user: str | None = Field(None, description="User at that mail server.")
    mail_out_password_file: Path | None = Field(None, description="File with the password at that mail server.")
    mail_out_oauth: Annotated[OAuth | None, NoDecode, BeforeValidator(from_json)] = Field(
        None, description="Sign in there with a token (XOAUTH2) instead of a password: JSON as `oauth` of a mailbox."
    )
    mail_out_timeout: float = Field(20, gt=0, le=120, description="Seconds that the mail server may take for one step.")
    mail_out_from: Address = Field("", description="Address of ours that answers come from, and that is answered to.")
    mail_out_name: Words = Field("", description="Name beside that address. Keep it neutral: others may see the screen.")
    mail_out_subject: Words = Field("", description="Subject of answers, in every language. Default: a neutral one in each.")
    mail_out_bounces: Address = Field(
        "", description="Address to which reports of failure come back, a token put in. Default: bounce@ at the domain of FROM."
    )
    mail_out_every: float = Field(5, gt=0, description="Seconds between looks at what is to be sent.")
    mail_out_dkim_key_file: Path | None = Field(None, description="Private key (PEM, RSA) to sign answers with (DKIM).")
    mail_out_dkim_selector: Domains = Field("", description="Selector of that key in DNS.")
    mail_out_dkim_domain: Domains = Field("", description="Domain that signs. Default: the domain of FROM.")
    smtp_answers: bool = Field(
        default=True, description="Answer mail that the mail listener took, when there is a server to send by."
    )

    @property
    def domain(self) -> str:
        """The domain that answers come from."""
        return self.mail_out_from.rpartition("@")[2].lower()

    @property
    def bounce_address(self) -> str:
        """Where reports of failure come back."""
        return (self.mail_out_bounces or (f"bounce@{self.domain}" if self.domain else "")).strip().lower()

    @property
    def server(self) -> MailServer | None:
        """The server to send by."""
        if self.mail_out_host is None:
            return None
        return MailServer(
            host=self.mail_out_host,
            port=self.mail_out_port,
            tls=self.mail_out_tls,
            ca=self.mail_out_ca,
            user=self.mail_out_user,
            password_file=self.mail_out_password_file,
            tokens=AccessTokens(self.mail_out_oauth) if self.mail_out_oauth else None,
            greeting=self.domain,  # the name of this machine is nobody's business
            patience=self.mail_out_timeout,
        )

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.mail_out_host is not None and not self.mail_out_from.strip():
            message = "ONTHAAL_MAIL_OUT_FROM is needed with ONTHAAL_MAIL_OUT_HOST"
            raise ValueError(message)
        if self.mail_out_host and self.mail_out_tls is Tls.NONE and not is_this_machine(self.mail_out_host):
            message = "ONTHAAL_MAIL_OUT_TLS: none is for a mail server on this machine"
            raise ValueError(message)
        ways = (self.mail_out_password_file, self.mail_out_oauth)
        if sum(way is not None for way in ways) != (self.mail_out_user is not None):
            message = "ONTHAAL_MAIL_OUT_USER and one of ONTHAAL_MAIL_OUT_PASSWORD_FILE and ONTHAAL_MAIL_OUT_OAUTH belong together"
            raise ValueError(message)
        if (self.mail_out_dkim_key_file is None) != (not self.mail_out_dkim_selector):
            message = "ONTHAAL_MAIL_OUT_DKIM_KEY_FILE and ONTHAAL_MAIL_OUT_DKIM_SELECTOR belong together"
            raise ValueError(message)
        return self


def _listed(text: str) -> list[str]:
    return [one.strip().lower() for one in text.split(",") if one.strip()]
