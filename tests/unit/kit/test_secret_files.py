"""A file with a secret is made once, whole, and for its owner only."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.intake_api.store.key_file import write_secret
from services.intake_api.store.vault import Keys, UnusableKeys, _is_open_to_others
from services.kit.secret_files import write_once


def test_of_many_that_make_it_at_once_the_first_wins_and_nobody_reads_half_of_it(tmp_path: Path) -> None:
    for round_ in range(20):
        path = tmp_path / "keys" / str(round_)

        def make(number: int, path: Path = path) -> bytes:
            write_once(path, bytes([number]) * 4096)
            return path.read_bytes()

        with ThreadPoolExecutor(8) as together:
            seen = set(together.map(make, range(8)))
        assert len(seen) == 1
        assert len(seen.pop()) == 4096
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [path for path in (tmp_path / "keys").iterdir() if path.name.startswith(".")]


def test_keys_that_others_may_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "onthaal.json"
    made = Keys.load_or_make(path)
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(UnusableKeys, match="chmod 600"):
            Keys.load_or_make(path)
    path.chmod(0o400)
    assert Keys.load_or_make(path) == made


@pytest.mark.parametrize(("mode", "refused"), [(0o440, False), (0o400, False), (0o460, True), (0o444, True)])
def test_a_mounted_secret_of_another_user_may_be_read_through_its_group(mode: int, refused: bool) -> None:
    mounted = os.stat_result((stat.S_IFREG | mode, 1, 1, 1, os.geteuid() + 1, 0, 10, 0, 0, 0))
    assert _is_open_to_others(mounted) is refused


def test_a_draft_that_somebody_left_waiting_is_not_filled(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.touch()
    (tmp_path / f".keys.json.{os.getpid()}").symlink_to(theirs)
    write_secret(tmp_path / "keys.json", b"secret")
    assert theirs.read_bytes() == b""
    assert not (tmp_path / "keys.json").is_symlink()
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_a_secret_that_cannot_be_put_in_its_place_is_not_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "keys.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_secret(tmp_path / "keys.json", b"secret")
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_the_page_for_when_it_is_down_can_be_read_by_the_proxy(tmp_path: Path) -> None:
    page = tmp_path / "www"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONTHAAL_")}
    subprocess.run([sys.executable, "-m", "services", "page", "down", str(page)], env=environment, check=True)
    assert stat.S_IMODE(page.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in page.iterdir()} == {0o644}
