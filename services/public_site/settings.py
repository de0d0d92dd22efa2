"""Settings of the public pages."""

from pathlib import Path

from pydantic import Field

from services.kit.scanning import ScannerSettings
from services.kit.throttle import ThrottleSettings

HERE = Path(__file__).parent


class PublicSiteSettings(ThrottleSettings, ScannerSettings):
    """What differs from one place to another; words are in the catalogue."""

    public_telephone: str = Field("", description="Telephone number shown to the public; empty shows the hours alone.")
    public_mail: str = Field("", description="Mail address shown to the public.")
    public_address: str = Field("", description="Postal address for letters, parts with commas between.")
    other_help: Path = Field(HERE / "other_help.json", description="List of other organisations that help (JSON).")
    exit_url: str = Field(
        "https://www.vlaanderen.be",
        description="Neutral site where leaving these pages in a hurry leads to.",
        pattern=r"^https?://",
    )
    form_rate: str = Field(
        "30/10 minutes",
        description="How many contact forms one network may send, such as 30/10 minutes.",
        pattern=r"^\d+ ?/ ?\d* ?(second|minute|hour)s?$",
    )
