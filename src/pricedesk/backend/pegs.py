"""Official pegs: currencies that an authority keeps at a fixed worth of another one.

They are no publications and answer only where they are asked for, named as pegs. `pegs.csv` has
a row each. `since` is the day from which the parity has held without a change, so that a peg
never answers for a day before it existed; where only a month or a year is known, or authors
disagree, it is the first day after. A parity whose value per one anchor has no end as a decimal
(the Pacific franc's, the Cayman dollar's) is not in the table, nor is a band.
"""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from pricedesk.money import ExactDecimal


@dataclass(frozen=True, slots=True)
class Peg:
    """One `anchor` is worth `value` of `currency`, says `authority`, since a day.

    `value` is the decimal text of the parity.
    """

    currency: str
    anchor: str
    value: str
    since: date
    authority: str

    def fraction(self) -> tuple[int, int]:
        """How much of the currency one anchor is worth, as numerator and denominator."""
        exact = ExactDecimal.parse(self.value)
        return exact.unscaled, 10**exact.scale


@lru_cache(maxsize=1)
def all_pegs() -> tuple[Peg, ...]:
    """Every peg of the table."""
    text = Path(__file__).with_name("pegs.csv").read_text(encoding="utf-8")
    return tuple(
        Peg(
            currency=row["currency"],
            anchor=row["anchor"],
            value=row["value"],
            since=date.fromisoformat(row["since"]),
            authority=row["authority"],
        )
        for row in csv.DictReader(text.splitlines())
    )
