"""Files that hold a secret: made once, whole or not at all, whichever of several processes comes first."""

import os
from pathlib import Path
from secrets import token_hex


def write_once(path: Path, content: bytes) -> None:
    """Make a file that only its owner can read, unless it is there: then whoever was first has won.

    On return the file is on the disk with its name: what is sealed with it can be opened after a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # a name of our own: in two containers over one folder, both processes have the same number
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
