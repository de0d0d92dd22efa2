"""`make test-mailbox`: MAILS (2000) mails while the mail service is SIGKILLed KILLS (30) times, and more goes wrong; SEED (1), NODES (1)."""

import os
import sys
import tempfile
from pathlib import Path

from tests.mailbox.trial import trial


def main() -> int:
    """Run it; 1 when it does not stand."""
    defaults = (("MAILS", 2000), ("KILLS", 30), ("SEED", 1), ("NODES", 1))
    mails, kills, seed, nodes = (int(os.environ.get(name, default)) for name, default in defaults)
    with tempfile.TemporaryDirectory(prefix="onthaal-mailbox-") as folder:
        figures = trial(Path(folder), mails, kills, seed, nodes)
    for line in figures.lines():
        print(line)
    print("it stands" if figures.stands else "IT DOES NOT STAND")
    return int(not figures.stands)


sys.exit(main())
