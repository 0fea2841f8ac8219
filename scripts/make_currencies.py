"""Write src/pricedesk/currencies.csv: ISO 4217 as data.

The active currencies come from the `iso4217` package, which carries the maintenance
agency's own XML table. Withdrawn currencies are not in that table with their minor
unit, so the ones that a central bank's history still needs are listed here: code and
number from ISO 4217 table A.3, minor unit as in the last table that listed the code.

The symbols are those of the Unicode CLDR for English, from the `babel` package; CLDR's are
under the Unicode License. A currency that has none but its code has an empty one.

Run: python scripts/make_currencies.py
"""

import csv
from pathlib import Path

import iso4217
from babel.numbers import get_currency_symbol

TABLE = Path(__file__).parents[1] / "src" / "pricedesk" / "currencies.csv"

WITHDRAWN = [
    ("BGN", "975", 2, "Bulgarian Lev", "2026-01-01"),
    ("CYP", "196", 2, "Cyprus Pound", "2008-01-01"),
    ("EEK", "233", 2, "Kroon", "2011-01-01"),
    ("HRK", "191", 2, "Kuna", "2023-01-01"),
    ("LTL", "440", 2, "Lithuanian Litas", "2015-01-01"),
    ("LVL", "428", 2, "Latvian Lats", "2014-01-01"),
    ("MTL", "470", 2, "Maltese Lira", "2008-01-01"),
    ("ROL", "642", 2, "Old Leu", "2005-07-01"),
    ("SIT", "705", 2, "Tolar", "2007-01-01"),
    ("SKK", "703", 2, "Slovak Koruna", "2009-01-01"),
    ("TRL", "792", 0, "Old Turkish Lira", "2005-01-01"),
]


def rows() -> list[tuple[str, str, int, str, str, str]]:
    """All currencies that have a minor unit, by code: the columns of the table."""
    active = [
        (c.code, f"{c.number:03d}", c.exponent, c.currency_name, "")
        for c in iso4217.Currency
        if c.exponent is not None
    ]
    codes = {row[0] for row in active}
    found = sorted(active + [row for row in WITHDRAWN if row[0] not in codes])
    return [(*row, symbol(row[0])) for row in found]


def symbol(code: str) -> str:
    """The symbol of a currency in English texts, empty if that is its code."""
    known = get_currency_symbol(code, "en")
    return "" if known == code else known


def main() -> None:
    """Write the table."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "number", "minor_digits", "name", "withdrawn", "symbol"])
        writer.writerows(rows())


if __name__ == "__main__":
    main()
