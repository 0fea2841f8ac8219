"""Write src/pricedesk/frontend/cash_steps.csv: steps of cash that are more than a minor unit.

From the supplemental data of the Unicode CLDR, through the `babel` package; CLDR's data are
under the Unicode License. Currencies that pay their minor unit in cash are left out, and so
are those that are money no more.

Run: python scripts/make_cash_steps.py
"""

import csv
from pathlib import Path

from babel.core import get_global

from pricedesk.currencies import CURRENCIES
from pricedesk.money import Money

TABLE = Path(__file__).parents[1] / "src" / "pricedesk" / "frontend" / "cash_steps.csv"


def rows() -> list[tuple[str, str]]:
    """Codes and their steps as amounts: CHF, 0.05."""
    fractions = get_global("currency_fractions")
    found = []
    for currency in CURRENCIES.values():
        _, _, digits, step = fractions.get(currency.code, fractions["DEFAULT"])
        # CLDR counts a step in the last cash digit; 0 means one of those.
        step_minor = max(step, 1) * 10 ** max(currency.minor_digits - digits, 0)
        if step_minor > 1 and currency.withdrawn is None:
            found.append((currency.code, str(Money(step_minor, currency))))
    return found


def main() -> None:
    """Write the table."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "step"])
        writer.writerows(rows())


if __name__ == "__main__":
    main()
