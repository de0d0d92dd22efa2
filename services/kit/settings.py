"""Settings: `ONTHAAL_*` environment variables, one typed class a service. A wrong one stops the start."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from socket import gethostname
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "ONTHAAL_"


class InvalidSettings(Exception):
    """A setting is unknown or wrong; the message names it and says what it takes, never its value."""


class Settings(BaseSettings):
    """What every service's settings stand on."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)


def _servers(addresses: SecretStr) -> SecretStr:
    if not all(_is_server(address.strip()) for address in addresses.get_secret_value().split(",")):
        message = "must be nats://HOST:PORT or tls://HOST:PORT, several with commas between"
        raise ValueError(message)
    return addresses


def _is_server(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"nats", "tls"} and bool(parts.hostname) and parts.port != 0 and not set(address) & set(" \t\n")
    except ValueError:  # whose text repeats the address
        return False


class ProcessSettings(Settings):
    """Settings of the process, whichever services it runs."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on.")
    var: Path = Field(Path("var"), description="Folder for everything that is kept: database, files, keys.")
    origin: str = Field(
        "http://127.0.0.1:8080", description="Address by which the public reaches this gateway, without a final slash."
    )
    intake_url: str | None = Field(
        None,
        description="Address of the intake service when it runs in other processes, of each of its nodes with spaces between; "
        "at intake_api itself the address that events give to the case service, when it is not ONTHAAL_ORIGIN.",
    )
    nats_url: Annotated[SecretStr, AfterValidator(_servers)] | None = Field(
        None,
        description="NATS servers, separated by commas: nats://USER:PASSWORD@HOST:4222 or tls://…. Needed when several processes "
        "run one service, and for subscriptions to JetStream (nats:///SUBJECT).",
    )
    demo: bool = Field(default=False, description="Serve the demo page that shows the chat widget on a site (make run sets it).")
    log_level: str = Field("INFO", description="Lowest level that is logged: DEBUG, INFO, WARNING, ERROR.")
    drain_notice: float = Field(
        0,
        ge=0,
        le=60,
        description="Seconds between saying no to /health/ready and the end of serving: the time a balancer takes to notice.",
    )
    node: str = Field(default_factory=gethostname, description="Name of this machine or pod in alarms. Default: its host name.")

    @property
    def host_name(self) -> str:
        """The name by which this gateway is known: the host of its origin."""
        return urlsplit(self.origin).hostname or self.host

    @property
    def register(self) -> str:
        """The address at which contacts are read by whoever gets events."""
        return (self.intake_url or self.origin).split()[0].rstrip("/")


Kind = TypeVar("Kind", bound=Settings)


def read(kind: type[Kind]) -> Kind:
    """Read one class of settings from the environment.

    Raises:
        InvalidSettings: naming each wrong setting.

    """
    try:
        return kind()
    except ValidationError as error:
        lines = (f"{PREFIX}{'_'.join(map(str, issue['loc'])).upper()}: {issue['msg']}" for issue in error.errors())
        raise InvalidSettings("; ".join(lines)) from None


def refuse_unknown(kinds: Iterable[type[Settings]], environment: Mapping[str, str]) -> None:
    """Stop when the environment holds an `ONTHAAL_*` variable that no service knows: most likely a typing error.

    Raises:
        InvalidSettings: naming each unknown setting.

    """
    known = {name for kind in kinds for name in names(kind)}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if unknown:
        message = f"unknown setting {', '.join(unknown)}; `onthaal settings` lists what there is"
        raise InvalidSettings(message)


def names(kind: type[Settings]) -> list[str]:
    """List the environment variables that a class of settings reads."""
    return [f"{PREFIX}{name}".upper() for name in kind.model_fields]
