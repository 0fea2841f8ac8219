"""Official parities."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Peg:
    """A currency's official parity."""

    currency: str
    anchor: str
    value: str
    since: date
    authority: str


PEGS: tuple[Peg, ...] = ()
"""All of them."""
