"""Every setting of every service, so that an unknown one is noticed and all can be listed."""

from importlib import import_module

from pydantic import Field

from services.intake_api.alarms.settings import AlarmSettings
from services.intake_api.settings import IntakeSettings
from services.kit.settings import ProcessSettings, Settings
from services.mail_ingest.settings import MailOutSettings, MailTrustSettings

SERVICES = ("intake_api", "public_site", "chat_relay", "mail_ingest", "phone_log")


class RemoteSettings(Settings):
    """Tokens with which services reach an intake service in another process."""

    public_site_token: str | None = Field(None, description="Token of public_site, scope contacts:write:contactformulier.")
    chat_relay_token: str | None = Field(None, description="Token of chat_relay, scope contacts:write:chat.")
    mail_ingest_token: str | None = Field(None, description="Token of mail_ingest, scope contacts:write:mail.")


def settings_classes() -> dict[str, type[Settings]]:
    """Give the settings of the process and of each service."""
    found: dict[str, type[Settings]] = {"process": ProcessSettings, "intake_api": IntakeSettings}
    for name in SERVICES[1:]:
        module = import_module(f"services.{name}.settings")
        own = (kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Settings))
        found[name] = next(kind for kind in own if kind.__module__ == module.__name__)
    return found | {
        "mail_ingest, who is believed": MailTrustSettings,
        "mail_ingest, answers": MailOutSettings,
        "alarms": AlarmSettings,
        "split deployment": RemoteSettings,
    }
