"""ISO 4217 as data: which currencies there are and how many digits their minor unit has.

The table `currencies.csv` is made by `scripts/make_currencies.py`. Codes without a minor
unit (gold, special drawing rights, testing codes) are left out: an amount in them cannot be
rounded to anything, so they are no money here.
"""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pricedesk.errors import UnknownCurrency, in_quotes


@dataclass(frozen=True, slots=True)
class Currency:
    """One ISO 4217 currency.

    `minor_digits` is the number of decimals of its minor unit: 2 for CAD, 0 for JPY, 3 for
    KWD. `withdrawn` is the day on which it stopped being legal tender, None for an active one.
    `symbol` is how English texts show it, empty where that is the code.
    """

    code: str
    number: str
    minor_digits: int
    name: str
    withdrawn: date | None = None
    symbol: str = ""

    def __str__(self) -> str:
        return self.code


def _read_table() -> dict[str, Currency]:
    text = Path(__file__).with_name("currencies.csv").read_text(encoding="utf-8")
    return {
        row["code"]: Currency(
            code=row["code"],
            number=row["number"],
            minor_digits=int(row["minor_digits"]),
            name=row["name"],
            withdrawn=date.fromisoformat(row["withdrawn"]) if row["withdrawn"] else None,
            symbol=row["symbol"],
        )
        for row in csv.DictReader(text.splitlines())
    }


CURRENCIES = _read_table()
"""Every currency by its code."""


def currency(code: str) -> Currency:
    """The currency of a code, in capitals or not.

    Raises:
        UnknownCurrency: no ISO 4217 currency with a minor unit has this code.
    """
    # Other scripts have letters whose capital is one of ours: U+017F is a long s.
    found = CURRENCIES.get(code) or (CURRENCIES.get(code.upper()) if code.isascii() else None)
    if found is None:
        raise UnknownCurrency(f"{in_quotes(code)} is not an ISO 4217 currency code")
    return found
