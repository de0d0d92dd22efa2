"""A disk that is full: a small file system in memory, filled to its last byte and emptied again."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIECE = 65_536


class SmallDisk:
    """A folder on a file system of a few megabytes."""

    def __init__(self, folder: Path) -> None:
        """Be the folder where it is mounted."""
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for piece in (b"\0" * PIECE, b"\0" * 512):
                try:
                    while file.write(piece) == len(piece):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        """Give the space back."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a small file system for the length of a block. Only root may; nobody else can run this scenario."""
    if os.geteuid() != 0:
        message = "mounting a small file system needs root: run the fault suite as root, or leave this scenario out with ONLY"
        raise PermissionError(message)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", folder], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
