"""Settings of the desk."""

from pydantic import Field

from services.kit.scanning import ScannerSettings


class DeskSettings(ScannerSettings):
    """Settings of the operator's desk."""

    scan_limit: int = Field(
        30_000_000,
        ge=100_000,
        le=50_000_000,
        description="Most bytes of scans that one registration at the desk may bring.",
    )
