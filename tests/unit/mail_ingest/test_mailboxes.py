"""What `ONTHAAL_MAILBOXES` may say."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.kit.settings import InvalidSettings, read
from services.mail_ingest.mailboxes import Mailbox, Mode, Tls
from services.mail_ingest.settings import MailSettings

SECRET = "s3cret-woord"
WHOLE = {"name": "post", "host": "imap.example.be", "user": "post@example.be", "password": SECRET}
OAUTH = {"provider": "microsoft", "token_url": "https://login.example/token", "client_id": "onthaal", "client_secret": SECRET}


def settings(monkeypatch: pytest.MonkeyPatch, *mailboxes: dict[str, Any]) -> tuple[Mailbox, ...]:
    """Read mailboxes from the environment."""
    monkeypatch.setenv("ONTHAAL_MAILBOXES", json.dumps(mailboxes))
    return read(MailSettings).mailboxes


def test_without_the_setting_no_mailbox_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONTHAAL_MAILBOXES", raising=False)
    assert read(MailSettings).mailboxes == ()


def test_a_mailbox_is_encrypted_and_kept_as_it_is_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    (mailbox,) = settings(monkeypatch, WHOLE)
    assert (mailbox.tls, mailbox.server_port, mailbox.mode, mailbox.folder, mailbox.answers) == (
        Tls.IMPLICIT,
        993,
        Mode.KEEP,
        "INBOX",
        False,
    )
    assert settings(monkeypatch, WHOLE | {"tls": "starttls"})[0].server_port == 143


def test_a_password_file_is_read_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("een\n", encoding="utf-8")
    (mailbox,) = settings(monkeypatch, WHOLE | {"password": None, "password_file": str(tmp_path / "word")})
    assert mailbox.secret() == "een"
    (tmp_path / "word").write_text("twéé\n", encoding="utf-8")
    assert mailbox.secret() == "twéé"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"port": SECRET}, "ONTHAAL_MAILBOXES_0_PORT"),
        ({"tls": SECRET}, "ONTHAAL_MAILBOXES_0_TLS"),
        ({"mode": SECRET}, "ONTHAAL_MAILBOXES_0_MODE"),
        ({"name": f"{SECRET} met spaties"}, "ONTHAAL_MAILBOXES_0_NAME"),
        ({"user": f"{SECRET}\r\nA LOGOUT"}, "ONTHAAL_MAILBOXES_0_USER"),
        ({"import_from": SECRET}, "ONTHAAL_MAILBOXES_0_IMPORT_FROM"),
        ({"pasword": SECRET}, "ONTHAAL_MAILBOXES_0_PASWORD"),
        ({"password": None}, "needs one of password, password_file and oauth"),
        ({"oauth": OAUTH}, "needs one of password, password_file and oauth"),
        ({"mode": "move"}, "mode move and move_to need one another"),
        ({"move_to": SECRET}, "mode move and move_to need one another"),
        ({"mode": "move", "move_to": "INBOX"}, "another folder"),
        ({"tls": "none"}, "this machine only"),
        ({"tls": "none", "host": "10.0.0.1"}, "this machine only"),
        ({"name": "smtp"}, "the listener's"),
        ({"password": None, "oauth": OAUTH | {"token_url": f"http://{SECRET}.example/"}}, "ONTHAAL_MAILBOXES_0_OAUTH_TOKEN_URL"),
        ({"password": None, "oauth": OAUTH | {"client_secret": None}}, "ONTHAAL_MAILBOXES_0_OAUTH"),
        ({"password": None, "oauth": OAUTH | {"provider": "google"}}, "google needs refresh_token"),
    ],
)
def test_a_wrong_mailbox_stops_the_start_and_only_the_field_is_named(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidSettings, match=field) as stopped:
        settings(monkeypatch, WHOLE | wrong)
    assert SECRET not in str(stopped.value)


@pytest.mark.parametrize("text", [SECRET, "[", '{"name": "s3cret-woord"}', '["s3cret-woord"]'])
def test_what_is_no_list_of_mailboxes_is_not_repeated(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ONTHAAL_MAILBOXES", text)
    with pytest.raises(InvalidSettings, match="ONTHAAL_MAILBOXES") as stopped:
        read(MailSettings)
    assert SECRET not in str(stopped.value)


def test_two_mailboxes_need_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSettings, match="a name of its own"):
        settings(monkeypatch, WHOLE, WHOLE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_a_connection_may_be_in_the_clear(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert settings(monkeypatch, WHOLE | {"tls": "none", "host": host})


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SECRET not in repr(settings(monkeypatch, WHOLE))
    assert SECRET not in repr(settings(monkeypatch, WHOLE | {"password": None, "oauth": OAUTH | {"refresh_token": SECRET}}))
