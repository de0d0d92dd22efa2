"""Settings of answers, and of who is believed: a wrong one stops the start, and a server alone makes that we answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.kit.mail_server import Tls
from services.mail_ingest.ours import ours
from services.mail_ingest.settings import MailOutSettings, MailTrustSettings

OAUTH = {"provider": "microsoft", "token_url": "https://login.example/token", "client_id": "onthaal", "client_secret": "geheim"}
OUT: dict[str, Any] = {"mail_out_host": "mail.example.be", "mail_out_from": "Meldpunt@Example.be"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"mail_out_from": ""}, "MAIL_OUT_FROM is needed"),
        ({"mail_out_from": "meldpunt"}, "mail addresses"),
        ({"mail_out_from": "meldpunt+x@example.be"}, "mail addresses"),
        ({"mail_out_from": "a@example.be, b@example.be"}, "one mail address"),
        ({"mail_out_tls": Tls.NONE}, "on this machine"),
        ({"mail_out_user": "onthaal"}, "belong together"),
        ({"mail_out_oauth": json.dumps(OAUTH)}, "belong together"),
        ({"mail_out_user": "a", "mail_out_oauth": json.dumps(OAUTH), "mail_out_password_file": Path("x")}, "belong together"),
        ({"mail_out_user": "a", "mail_out_oauth": "{geheim"}, "must be JSON"),
        ({"mail_out_dkim_selector": "post"}, "belong together"),
        ({"mail_out_dkim_key_file": Path("dkim.pem")}, "belong together"),
        ({"mail_out_name": "Een\nregel"}, "mail_out_name"),
        ({"mail_out_subject": "x" * 41}, "mail_out_subject"),
    ],
)
def test_what_could_not_be_sent_or_would_go_in_the_clear_stops_the_start(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        MailOutSettings(**(OUT | wrong))


def test_a_token_stands_for_a_password() -> None:
    server = MailOutSettings(**OUT, mail_out_user="a", mail_out_oauth=json.dumps(OAUTH)).server  # type: ignore[arg-type]
    assert server
    assert (server.user, server.password_file, server.tokens is None) == ("a", None, False)


def test_bounces_come_back_to_the_domain_that_we_write_from() -> None:
    assert MailOutSettings(**OUT).bounce_address == "bounce@example.be"
    assert MailOutSettings(**OUT, mail_out_bounces="Terug@elders.be").bounce_address == "terug@elders.be"


def test_this_machine_is_not_named_to_the_server() -> None:
    server = MailOutSettings(**OUT).server
    assert server
    assert (server.greeting, server.tls) == ("example.be", Tls.STARTTLS)


def test_nobody_is_answered_without_a_server() -> None:
    trust = MailTrustSettings()
    assert not ours(trust, MailOutSettings(mail_out_from="meldpunt@example.be"), answers=True).answers
    assert ours(trust, MailOutSettings(**OUT), answers=True).answers
    assert not ours(trust, MailOutSettings(**OUT), answers=False).answers


def test_our_addresses_are_those_of_the_way_in_and_of_the_settings() -> None:
    trust = MailTrustSettings(
        mail_addresses="info@example.be, Hulp@example.be",
        mail_staff_address="Kopie@example.be",
        mail_staff_domains="Example.be, kantoor.be",
        mail_staff_networks="10.0.0.0/8",  # type: ignore[arg-type]
    )
    known = ours(trust, MailOutSettings(**OUT), ["Meldpunt2+x@example.be"], answers=True)
    assert known.addresses == {"info@example.be", "hulp@example.be", "meldpunt@example.be", "meldpunt2@example.be"}
    assert known.all == known.addresses | {"bounce@example.be", "kopie@example.be"}
    assert known.staff_domains == {"example.be", "kantoor.be"}
    assert [str(network) for network in known.staff_networks] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    "wrong", [{"mail_staff_address": "kopie"}, {"mail_staff_networks": "ergens"}, {"mail_addresses": "a@b, c"}]
)
def test_what_is_no_address_or_network_stops_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="mail_"):
        MailTrustSettings(**wrong)
