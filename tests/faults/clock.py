"""A clock that jumps while a process runs: a library that is loaded before the C library, and a file that moves it."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class JumpingClock:
    """The wall clock of the processes that run with `environment`."""

    def __init__(self, folder: Path, name: str = "clock") -> None:
        """Compile the library, with a C compiler that must be there."""
        self._library = folder / "clock.so"
        self._offset = folder / f"{name}.offset"
        self.jump(timedelta())
        if not self._library.exists():
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self._library, SOURCE, "-ldl"], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """What puts a process under this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_OFFSET_FILE": str(self._offset)}

    def jump(self, by: timedelta) -> None:
        """Set how far the clock is off; running processes see it at once."""
        mode = "r+b" if self._offset.exists() else "wb"
        with self._offset.open(mode) as file:  # the same bytes: the file is mapped in processes that run
            file.write(int(by.total_seconds()).to_bytes(8, sys.byteorder, signed=True))

    def is_obeyed(self) -> bool:
        """Say whether a Python process lives by it, and not by the machine's."""
        said = subprocess.run(
            [sys.executable, "-c", "from datetime import datetime, UTC; print(datetime.now(UTC).timestamp())"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        offset = int.from_bytes(self._offset.read_bytes(), sys.byteorder, signed=True)
        return abs(float(said) - offset - datetime.now().timestamp()) < 60  # noqa: DTZ005 - seconds since the epoch
