"""What our own mail server found of SPF, DKIM and DMARC (RFC 8601). What other servers claim is not read.

Anybody can write an Authentication-Results header, also one under our server's name: RFC 8601 §5 makes our server remove those,
and only the topmost of its name counts here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.mail_ingest.route import Route

UNNAMED: Final = "*"
"""The setting for a server that writes no name before its results, as Microsoft 365."""

_STATEMENT: Final = re.compile(r"(?:[^;\"]|\"[^\"]*\"?)+")
_PROPERTY: Final = re.compile(r"([a-z][a-z0-9._-]*)\s*=\s*(\"[^\"]*\"|[^\s;\"]+)")
_SHOWN: Final = ("spf", "dkim", "dmarc")


@dataclass(frozen=True)
class Finding:
    """One method and what it gave, with the properties that were looked at: `header.d`, `header.from`."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def value(self, name: str) -> str:
        """Give a property, empty when it is not told."""
        return next((value for found, value in self.properties if found == name), "")


@dataclass(frozen=True)
class Authentication:
    """The findings of our own server; none when it wrote none, or when its name is not set."""

    findings: tuple[Finding, ...] = ()

    @property
    def in_words(self) -> str:
        """Write it as it is shown: `spf=pass dkim=pass dmarc=pass`, empty when nothing is known."""
        first = {finding.method: finding.result for finding in reversed(self.findings)}
        return " ".join(f"{method}={first[method]}" for method in _SHOWN if method in first)

    @property
    def is_refuted(self) -> bool:
        """Whether the domain in From says that this is not its mail."""
        return any(found.method == "dmarc" and found.result == "fail" for found in self.findings)

    def proves(self, domain: str) -> bool:
        """Tell whether it is certain that this domain, which From names, sent it."""
        return not self.is_refuted and any(_proves(found, domain.lower()) for found in self.findings)


def read(route: Route, authserv_id: str) -> Authentication:
    """Read the findings of the server of this name."""
    wanted = authserv_id.strip().lower()
    topmost = next((value for value in route.verdicts if wanted and _name(value) == wanted), "")
    return Authentication(tuple(_findings(topmost)))


def _name(value: str) -> str:
    words = value.partition(";")[0].split()
    return UNNAMED if not words or "=" in words[0] else words[0]


def _findings(value: str) -> Iterator[Finding]:
    for statement in _STATEMENT.findall(value):
        found = [(name, text.strip('"')) for name, text in _PROPERTY.findall(statement)]
        if found:
            (method, result), *properties = found
            yield Finding(method, result, tuple(properties))


def _proves(found: Finding, domain: str) -> bool:
    if found.result != "pass":
        return False
    if found.method == "dmarc":
        return found.value("header.from") in {"", domain}
    signer = found.value("header.d") or found.value("header.i").rpartition("@")[2]
    return found.method == "dkim" and "." in signer and (domain == signer or domain.endswith(f".{signer}"))
