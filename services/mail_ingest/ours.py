"""Which addresses are ours and whom we believe, as the settings say it."""

from collections.abc import Iterable

from services.mail_ingest.own_addresses import without_tag
from services.mail_ingest.settings import MailOutSettings, MailTrustSettings
from services.mail_ingest.threads import Ours


def ours(trust: MailTrustSettings, out: MailOutSettings, addresses: Iterable[str] = (), *, answers: bool) -> Ours:
    """Say what is ours to one way in: its own addresses besides those of the settings, and whether it answers at all."""
    sender = [out.mail_out_from.strip().lower()] if out.mail_out_from.strip() else []
    return Ours(
        addresses=trust.addresses | {without_tag(address) for address in addresses} | frozenset(sender),
        bounce_address=out.bounce_address,
        staff_address=trust.mail_staff_address.strip().lower(),
        staff_domains=trust.staff_domains,
        staff_networks=trust.mail_staff_networks,
        authserv_id=trust.mail_authserv_id,
        answers=answers and out.mail_out_host is not None,
        trusts_spam_verdict=trust.mail_trust_spam_headers,
    )
