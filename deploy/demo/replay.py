"""Replays the five months through the HTTP API at their historical times and compares the counts.

`python -m deploy.demo.replay --gateway URL --cases URL --token-file F`. Running it again changes nothing.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
from pydantic import TypeAdapter

from deploy.demo.figures import MONTHS, Counts, differences, table
from onthaal_schema.contact import ContactSubmission
from onthaal_schema.intake import IntakeClient
from onthaal_schema.problems import ProblemError
from onthaal_schema.requests import Outcome

CONTACTS: Final = Path(__file__).parent / "contacts_2023_2024.jsonl"
SCOPES: Final = ("contacts:write", "outcomes:write", "statistics:read")
AT_ONCE: Final = 16
PATIENCE_S: Final = 120

Contact = Mapping[str, str | bool | None]
Submission: TypeAdapter[ContactSubmission] = TypeAdapter(ContactSubmission)


class ReplayFailed(Exception):
    """The replay did not come to its end; the message says where."""


def read() -> list[Contact]:
    """Read the contacts of the five months."""
    return [json.loads(line) for line in CONTACTS.read_text(encoding="utf-8").splitlines()]


async def replay(gateway: str, token: str, cases: str) -> list[str]:
    """Register every contact, wait for the case service, print the tables; return what differs.

    Raises:
        ReplayFailed: a contact was refused, or did not reach the case service in time.

    """
    contacts = read()
    async with httpx.AsyncClient(timeout=30) as http:
        intake = IntakeClient(gateway, token, http=http)
        try:
            await _each(contacts, lambda contact: _register(intake, contact))
            await _each([one for one in contacts if one["kind"] == "melding"], lambda one: _decide(intake, one))
        except ProblemError as error:
            raise ReplayFailed(f"the gateway answered: {error.problem.title}. {error.problem.detail or ''}") from error
        await _arrived(http, cases, {str(contact["contactId"]) for contact in contacts})
        return _compare(await _counts(http, gateway, token), await _counts(http, gateway, token, kind="melding"))


def _compare(contacts: Counts, meldingen: Counts) -> list[str]:
    for title, counts in (
        ("Contacten per maand en medium", contacts),
        ("Meldingen per maand en medium", meldingen),
    ):
        sys.stdout.write(table(title, counts) + "\n\n")
    return differences(contacts, meldingen)


async def _each(contacts: Iterable[Contact], work: Callable[[Contact], Awaitable[None]]) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(contact: Contact) -> None:
        async with free:
            await work(contact)

    await asyncio.gather(*(one(contact) for contact in contacts))


async def _register(intake: IntakeClient, contact: Contact) -> None:
    # the Meldpunt counted each of these as a contact, so whether it is a person's is not the model's question
    told: dict[str, str | bool | None] = {"kindSource": "operator", "nature": "person"}
    names = ("channel", "receivedAt", "kind", "sector", "anonymous", "language", "subject", "text")
    told |= {name: contact[name] for name in names if contact[name] is not None}
    await intake.register(UUID(str(contact["contactId"])), Submission.validate_json(json.dumps(told)))


async def _decide(intake: IntakeClient, contact: Contact) -> None:
    await intake.record_outcome(UUID(str(contact["contactId"])), Outcome(admissible=contact["admissible"] is True))


async def _arrived(http: httpx.AsyncClient, cases: str, expected: set[str]) -> None:
    missing = expected
    try:
        async with asyncio.timeout(PATIENCE_S):
            while missing:
                held = (await http.get(cases + "/cases")).raise_for_status().json()
                missing = expected - {case["id"] for case in held["items"]}
                await asyncio.sleep(0.2 if missing else 0)
    except TimeoutError:
        raise ReplayFailed(f"{len(missing)} of {len(expected)} contacts did not reach the case service") from None
    sys.stdout.write(f"De dossierdienst heeft alle {len(expected)} contacten.\n\n")


async def _counts(http: httpx.AsyncClient, gateway: str, token: str, **only: str) -> Counts:
    """Ask the gateway for its own counts of the published months."""
    answer = await http.get(
        gateway + "/intake/v1/statistics/contacts",
        params={"by": ["month", "channel"], **only},
        headers={"Authorization": f"Bearer {token}"},
    )
    if not answer.is_success:
        raise ReplayFailed(f"the gateway's statistics answered {answer.status_code}")
    items = answer.json()["items"]
    return Counter({(item["month"], item["channel"]): item["count"] for item in items if item["month"] in MONTHS})


def report(different: Sequence[str]) -> int:
    """Say how the figures compare, and return the exit status."""
    if different:
        sys.stderr.write("These figures differ from the published ones:\n" + "".join(f"- {one}\n" for one in different))
        return 1
    sys.stdout.write("Alle cijfers zijn gelijk aan de gepubliceerde.\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay into a gateway and a case service that run."""
    parser = argparse.ArgumentParser(prog="replay", description="Replay the five months through Onthaal.")
    parser.add_argument("--gateway", default="http://127.0.0.1:8080", help="address of Onthaal")
    parser.add_argument("--cases", default="http://127.0.0.1:8090", help="address of the demo case service")
    parser.add_argument("--token-file", type=Path, required=True, help=f"file with a token ({', '.join(SCOPES)})")
    given = parser.parse_args(arguments)
    try:
        return report(asyncio.run(replay(given.gateway, given.token_file.read_text().strip(), given.cases)))
    except ReplayFailed as error:
        sys.stderr.write(f"The replay stopped: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
