"""Commands of SMTP (RFC 5321 §4.1) and LMTP (RFC 2033), read leniently: an odd program may carry a person's mail."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LINE_LIMIT: Final = 4096
"""Bytes of a command: more than RFC 5321 §4.5.3.1.4 asks for, so that every extension's parameters fit."""

_COMMAND: Final = re.compile(r"([A-Za-z][A-Za-z0-9]{0,19})(?: +(.*))?", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PATH: Final = re.compile(r'[A-Za-z]+ *: *(?:<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>|([^<> ]+)) *(.*)')
_PARAMETER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=(\S+))?")


@dataclass(frozen=True)
class Command:
    """One line of a client: its verb in capitals, and what follows."""

    verb: str
    argument: str = ""


@dataclass(frozen=True)
class Path:
    """An address with parameters, of MAIL or RCPT. The address is empty for `<>`."""

    address: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def command(line: bytes) -> Command | None:
    """Read a line, its end taken off; None when it is no command."""
    text = line.decode("utf-8", "replace").rstrip()
    found = None if _CONTROL.search(text) else _COMMAND.fullmatch(text)
    return Command(found[1].upper(), (found[2] or "").strip()) if found else None


def path(argument: str, keyword: str) -> Path | None:
    """Read `FROM:<address> parameters`; None when it is something else. A source route is left out (RFC 5321 §4.1.1.3)."""
    found = _PATH.fullmatch(argument)
    if not found or not argument.upper().startswith(keyword):
        return None
    parameters = {}
    for word in found[3].split():
        parameter = _PARAMETER.fullmatch(word)
        if not parameter:
            return None
        parameters[parameter[1].upper()] = parameter[2] or ""
    address = found[2] if found[1] is None else found[1].strip()
    return Path(address.partition(":")[2] if address.startswith("@") else address, parameters)
