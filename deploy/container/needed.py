"""Print the parts of requirements.lock that Onthaal needs at run time, hashes included: an image is not a place for tests.

Run it where the whole lock is installed: what a package needs is read from what is installed, so nothing is looked up.
"""

import re
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = ("onthaal", "onthaal-schema[receiver]")
ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def needed(roots: tuple[str, ...] = ROOTS) -> set[str]:
    """Give the names of everything that the roots need here, themselves included."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        one = waiting.pop()
        for extra in ("", *one.extras):
            name = canonicalize_name(one.name)
            if (name, extra) in found:
                continue
            found.add((name, extra))
            wanted = map(Requirement, requires(name) or ())
            waiting += [other for other in wanted if other.marker is None or other.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def parts(lock: str, names: set[str]) -> list[str]:
    """Give the entries of a lock by these names, whole."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    return [entry for entry in entries if (match := ENTRY.match(entry)) and canonicalize_name(match[1]) in names]


if __name__ == "__main__":
    sys.stdout.write("\n".join(parts(Path(sys.argv[1]).read_text(), needed())) + "\n")
