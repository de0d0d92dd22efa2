"""What the Meldpunt published of 25 September 2023 through 29 February 2024, and how counts compare to it."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from onthaal_schema.channel import Channel

Counts = Counter[tuple[str, str]]
"""Number of contacts by month (`2023-09`) and channel."""

MONTHS: Final = ("2023-09", "2023-10", "2023-11", "2023-12", "2024-01", "2024-02")
CONTACTS: Final = 242
MELDINGEN: Final = 211
VRAGEN: Final = 31
MELDINGEN_PER_MONTH: Final = dict(zip(MONTHS, (29, 36, 26, 22, 47, 51), strict=True))
MELDINGEN_PER_CHANNEL: Final = {
    Channel.BRIEF: 2,
    Channel.CONTACTFORMULIER: 31,
    Channel.MAIL: 56,
    Channel.CHAT: 40,
    Channel.TELEFOON: 82,
}


def differences(contacts: Counts, meldingen: Counts) -> list[str]:
    """Name each figure that is not the published one."""
    found = [
        ("contacten", contacts.total(), CONTACTS),
        ("meldingen", meldingen.total(), MELDINGEN),
        ("vragen", (contacts - meldingen).total(), VRAGEN),
        *((f"meldingen in {month}", _of(meldingen, month), told) for month, told in MELDINGEN_PER_MONTH.items()),
        *((f"meldingen per {name}", _of(meldingen, name), told) for name, told in MELDINGEN_PER_CHANNEL.items()),
    ]
    return [f"{what}: {counted}, published is {told}" for what, counted, told in found if counted != told]


def table(title: str, counts: Counts) -> str:
    """Draw counts by month and medium, with their sums."""
    rows = [[month, *(counts[month, channel] for channel in Channel), _of(counts, month)] for month in MONTHS]
    rows.append(["totaal", *(_of(counts, channel) for channel in Channel), counts.total()])
    head = ["maand", *(channel.value for channel in Channel), "totaal"]
    return "\n".join([title, _line(head), *(_line(row) for row in rows)])


def _of(counts: Counts, name: str) -> int:
    return sum(count for key, count in counts.items() if name in key)


def _line(cells: Iterable[object]) -> str:
    first, *rest = cells
    return f"{first!s:<8}" + "".join(f"{cell!s:>18}" for cell in rest)
