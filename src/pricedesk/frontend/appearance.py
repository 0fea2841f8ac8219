"""What a shop's pages look like."""

from dataclasses import dataclass
from pathlib import Path

from pricedesk.currencies import Currency


@dataclass(frozen=True, slots=True)
class Appearance:
    """What pages are called, which currency they show at first, and where pictures are."""

    name: str
    currency: Currency
    pictures: Path | None = None
