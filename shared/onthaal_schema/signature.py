"""The signature of a delivery, as https://www.standardwebhooks.com describes it."""

from collections.abc import Iterable, Mapping

from standardwebhooks import Webhook, WebhookVerificationError


class Signatures:
    """Trusts what is signed with one of its secrets, and not more than 5 minutes old or ahead."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets (`whsec_…`): one, or the old and the new one while they rotate."""
        self._secrets = [Webhook(secret) for secret in secrets]
        if not self._secrets:
            message = "at least one secret is needed to trust a delivery"
            raise ValueError(message)

    def trust(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Say whether the bytes were signed, comparing in constant time."""
        given = {name.lower(): value for name, value in headers.items()}
        return any(_signed(secret, given, body) for secret in self._secrets)


def _signed(secret: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        secret.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # the library does not expect broken base64 or UTF-8
        return False
    return True
