"""How `make demo` finds what `make run` started: a file that lies in the same folder while it runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from deploy.demo.processes import Addresses, answers


@contextmanager
def announced(var: Path, addresses: Addresses) -> Iterator[None]:
    """Keep the addresses in the folder for the length of a block."""
    path = _path(var)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps(asdict(addresses)))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def found(var: Path) -> Addresses | None:
    """Give the addresses of what runs from the folder; None when nothing answers there."""
    try:
        addresses = Addresses(**json.loads(_path(var).read_text()))
    except FileNotFoundError:
        return None
    return addresses if answers(addresses.gateway + "/health") and answers(addresses.cases + "/cases") else None


def _path(var: Path) -> Path:
    return var / "demo" / "running.json"
