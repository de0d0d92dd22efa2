"""`make test-mailbox`: MAILS (2000) mails while the mail service is SIGKILLed KILLS (30) times, and more goes wrong; SEED (1)."""

import os
import sys
import tempfile
from pathlib import Path

from tests.mailbox.trial import trial


def main() -> int:
    """Run it; 1 when it does not stand."""
    mails, kills, seed = (int(os.environ.get(name, default)) for name, default in (("MAILS", 2000), ("KILLS", 30), ("SEED", 1)))
    with tempfile.TemporaryDirectory(prefix="onthaal-mailbox-") as folder:
        figures = trial(Path(folder), mails, kills, seed)
    for line in figures.lines():
        print(line)
    print("it stands" if figures.stands else "IT DOES NOT STAND")
    return int(not figures.stands)


sys.exit(main())
