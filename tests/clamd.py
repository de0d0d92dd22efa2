"""ClamAV's daemon, with one signature of its own: no download, little memory, in a folder that is thrown away."""

import hashlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.running import free_port

EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!" + b"$H+H*"
"""The file that every scanner calls a virus and that does nothing (eicar.org); in two halves, so that none finds it here."""

STREAM_LIMIT: Final = 1_000_000
"""Longest stream that this scanner takes, in bytes."""

_CONFIGURATION: Final = """
Foreground yes
LogFile {folder}/clamd.log
DatabaseDirectory {folder}/signatures
OfficialDatabaseOnly no
LocalSocket {folder}/clamd.ctl
TCPSocket {port}
TCPAddr 127.0.0.1
StreamMaxLength {limit}
MaxThreads 2
MaxQueue 10
AlertEncrypted yes
AlertExceedsMax yes
"""


class Scanner:
    """A running clamd: where it is reached, and a way to end it."""

    def __init__(self, folder: Path) -> None:
        """Prepare it in a folder; nothing runs yet."""
        self.socket = str(folder / "clamd.ctl")
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        signatures = folder / "signatures"
        signatures.mkdir()
        (signatures / "eicar.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test-Signature\n")  # noqa: S324
        (folder / "clamd.conf").write_text(_CONFIGURATION.format(folder=folder, port=self.port, limit=STREAM_LIMIT))

    def start(self) -> None:
        """Start it and wait until it answers."""
        # a copy: where AppArmor is used, Debian's rules bind the program at its own path to folders of its own
        program = self._folder / "clamd"
        shutil.copy(shutil.which("clamd", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "clamd is not installed", program)
        self._process = subprocess.Popen([program, "--config-file", self._folder / "clamd.conf"], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "clamd.log").read_text()
            assert time.monotonic() < until, "clamd does not answer"
            time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as asked:
            try:
                asked.connect(self.socket)
                asked.sendall(b"zPING\0")
                return asked.recv(5) == b"PONG\0"
            except OSError:
                return False


@contextmanager
def scanning() -> Iterator[Scanner]:
    """Run a scanner for the length of a block; its folder has a short name, as the path of a socket must."""
    with tempfile.TemporaryDirectory(prefix="onthaal-clamd-") as folder:
        scanner = Scanner(Path(folder))
        scanner.start()
        try:
            yield scanner
        finally:
            scanner.stop()
