"""A real IMAP server: Debian's Dovecot in a temporary folder, on free ports, that a test can kill, cut and number anew."""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from tests.certificates import certificate
from tests.running import free_port

PASSWORD = "geheim-Wachtwoord-é"
STARTING = 60
ROOT = os.geteuid() == 0
OWNER = pwd.getpwnam("nobody") if ROOT else pwd.getpwuid(os.geteuid())
"""Who the mails belong to: Dovecot gives no mail to root."""

CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{folder}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 200
mailbox_list_index = no
auth_mechanisms = plain login{mechanisms}
{users}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
{more}
"""

UNPRIVILEGED = """
default_internal_user = {name}
default_internal_group = {group}
default_login_user = {name}
"""

OAUTH = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth.conf
}}
"""


@dataclass
class Dovecot:
    """A server in a folder of its own. Every user exists; the password is always the same."""

    folder: Path
    more: str = ""
    """Further lines of its configuration."""
    oauth_key: bytes | None = None
    """The key of the tokens that it believes (HS256), when it knows XOAUTH2."""
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        """Write what the server needs."""
        self.certificate, key = certificate(self.folder)
        mails = self.folder / "mail"
        mails.mkdir()
        os.chown(mails, OWNER.pw_uid, OWNER.pw_gid)
        group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
        if self.oauth_key:
            self._believe(self.oauth_key)
        self.file.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                certificate=self.certificate,
                key=key,
                uid=OWNER.pw_uid,
                gid=OWNER.pw_gid,
                port=self.port,
                tls_port=self.tls_port,
                password=PASSWORD,
                users="" if ROOT else UNPRIVILEGED.format(name=OWNER.pw_name, group=group),
                mechanisms=" xoauth2 oauthbearer" if self.oauth_key else "",
                more=self.more + (OAUTH.format(folder=self.folder) if self.oauth_key else ""),
            )
        )

    @property
    def file(self) -> Path:
        """Its configuration."""
        return self.folder / "dovecot.conf"

    def _believe(self, key: bytes) -> None:
        import base64

        keys = self.folder / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(base64.b64encode(key))
        (self.folder / "oauth.conf").write_text(
            f"introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={self.folder}/keys/\nusername_attribute = sub\n"
        )

    def start(self) -> "Dovecot":
        """Start it, and wait until it greets."""
        with (self.folder / "errors").open("ab") as errors:
            command = ["/usr/sbin/dovecot", "-F", "-c", str(self.file)]
            self._process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=errors)
        deadline = time.monotonic() + STARTING
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError((self.folder / "errors").read_text() + self.log())
            time.sleep(0.05)
        return self

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as tried:
                return tried.recv(4) == b"* OK"
        except OSError:
            return False

    def log(self) -> str:
        """Give what it wrote."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def kill(self) -> None:
        """End it and everything that it started, at once (SIGKILL)."""
        if self._process is None:
            return
        for number, _ in self._processes():
            self._signal(number)
        self._process.wait(30)
        self._process = None

    def cut(self) -> int:
        """Cut every connection of those who are signed in; gives how many."""
        return sum(self._signal(number) for number, name in self._processes() if name == "imap")

    def renumber(self, user: str) -> None:
        """Forget every number of a user's mails: kill, wipe, start. The mails stay."""
        self.kill()
        now = time.time()
        time.sleep(1.1 - now % 1)  # a numbering is named by the second in which it was made
        for path in (self.folder / "mail" / user).glob("**/dovecot*"):
            if path.is_file():
                path.unlink()
        self.start()

    def uid_validity(self, user: str) -> int:
        """Give the numbering of a user's mails, as it stands on the disk."""
        head = (self.folder / "mail" / user / "dovecot-uidlist").read_text().split()
        return int(head[1].removeprefix("V"))

    def is_numbered(self, user: str) -> bool:
        """Whether a user's mails have numbers: they get them when somebody looks."""
        return (self.folder / "mail" / user / "dovecot-uidlist").exists()

    def _processes(self) -> Iterator[tuple[int, str]]:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                number, name, rest = re.fullmatch(r"(\d+) \((.*)\) (.*)", path.read_text(), re.DOTALL).groups()  # type: ignore[union-attr]
            except (OSError, AttributeError):
                continue
            if self._process and int(rest.split()[2]) == self._process.pid:
                yield int(number), name

    def _signal(self, number: int) -> bool:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def deliver(self, user: str, raw: bytes, at: datetime | None = None, folder: str = "") -> None:
        """Put a mail where the server will find it, as a local delivery does; also while the server is down."""
        home = self.folder / "mail" / user / folder
        for each in (home, *(home / part for part in ("tmp", "new", "cur"))):
            if not each.exists():
                each.mkdir(parents=True)
                os.chown(each, OWNER.pw_uid, OWNER.pw_gid)
        name = f"{time.time():.6f}.{os.getpid()}_{next(self._numbers)}.test"
        draft = home / "tmp" / name
        draft.write_bytes(raw)
        os.chown(draft, OWNER.pw_uid, OWNER.pw_gid)
        if at:
            os.utime(draft, (at.timestamp(), at.timestamp()))
        draft.rename(home / "new" / name)

    @contextmanager
    def connection(self, user: str, folder: str | None = "INBOX") -> Iterator[IMAPClient]:
        """Look at a user's folder."""
        import ssl

        with IMAPClient(
            "127.0.0.1", self.tls_port, ssl_context=ssl.create_default_context(cafile=str(self.certificate))
        ) as client:
            client.plain_login(user, PASSWORD)
            if folder:
                client.select_folder(folder)
            yield client

    def mailbox(self, name: str, **more: Any) -> dict[str, Any]:
        """Give the settings of a mailbox on it; the user is called as the mailbox."""
        return {
            "name": name,
            "host": "127.0.0.1",
            "port": self.tls_port,
            "ca_file": str(self.certificate),
            "user": name,
            "password": PASSWORD,
        } | more

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder)


def settings(*mailboxes: dict[str, Any]) -> str:
    """Write `ONTHAAL_MAILBOXES`."""
    return json.dumps(mailboxes)


@contextmanager
def dovecot(more: str = "", oauth_key: bytes | None = None) -> Iterator[Dovecot]:
    """Run a server for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="onthaal-dovecot-"))
    folder.chmod(0o755)  # the mails' owner must reach them
    server = Dovecot(folder, more, oauth_key)
    try:
        yield server.start()
    finally:
        server.close()
