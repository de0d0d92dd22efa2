"""Copies of a whole database in one file, by the engine's own means, while others read and write."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, make_url

UNFINISHED = "TABLE DATA public alembic_version"
"""Loaded last, with the rest of a restore: until then no process starts on the database."""


class UnusableBackup(ValueError):
    """A backup cannot be made or used; the message says why and what to do, and holds nothing personal."""


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment. In WAL mode nobody waits; deleted content is not copied."""
    if not source.exists():
        raise UnusableBackup(f"there is no database {source}")
    with closing(sqlite3.connect(source, timeout=30, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        if copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise UnusableBackup("the copy of the database does not pass SQLite's integrity check: the disk may be failing")


def settle_sqlite(path: Path) -> bool:
    """Bring a SQLite database into its one file; says whether nobody else has it open."""
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        try:
            return bool(connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",))
        except sqlite3.OperationalError:
            return False


class PostgresTools:
    """pg_dump and pg_restore, from a folder or from PATH."""

    def __init__(self, folder: Path | None) -> None:
        """Find them when they are needed."""
        self._folder = folder

    async def dump(self, url: str, snapshot: str, target: Path) -> None:
        """Copy a database as it is in a snapshot that a transaction exported."""
        # compressing what is encrypted costs time and gives nothing
        options = ["--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        await self._run("pg_dump", [*options, f"--file={target}"], url)

    async def contents(self, source: Path) -> list[str]:
        """List what is in a copy, one line for each part."""
        return (await self._run("pg_restore", ["--list", str(source)])).splitlines()

    async def load(self, url: str, source: Path) -> None:
        """Load a copy into an empty database, all or nothing, without its revision."""
        listed = source.with_name(f".{source.name}.{os.getpid()}.list")
        wanted = [line for line in await self.contents(source) if UNFINISHED not in line]
        listed.write_text("\n".join(wanted))
        try:
            options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", f"--use-list={listed}"]
            await self._run("pg_restore", [*options, "--dbname=", str(source)], url)
        finally:
            listed.unlink()

    async def _run(self, tool: str, arguments: list[str], url: str | None = None) -> str:
        environment = {**os.environ, **(_connection(make_url(url)) if url else {})}
        process = await asyncio.create_subprocess_exec(
            self._path(tool), *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, said = await process.communicate()
        if process.returncode:
            # the first line names the fault; later ones may quote rows
            raise UnusableBackup(f"{tool} failed: {(said.decode(errors='replace').splitlines() or ['no reason given'])[0]}")
        return out.decode()

    def _path(self, tool: str) -> str:
        found = shutil.which(tool, path=str(self._folder) if self._folder else None)
        if found is None:
            place = self._folder or "PATH"
            raise UnusableBackup(f"{tool} is not found in {place}: install the client of PostgreSQL, or set ONTHAAL_PG_BIN")
        return found


def _connection(url: URL) -> dict[str, str]:
    """Give the address as libpq's variables: arguments would show the password to everybody on the machine."""
    query = {name: value if isinstance(value, str) else value[0] for name, value in url.query.items()}
    known = {
        "PGHOST": query.get("host") or url.host,
        "PGPORT": query.get("port") or (str(url.port) if url.port else None),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": query.get("ssl") or query.get("sslmode"),
    }
    return {name: value for name, value in known.items() if value}
