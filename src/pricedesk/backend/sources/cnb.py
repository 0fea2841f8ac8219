"""The Czech National Bank's central bank exchange rate fixing.

1, 100 or 1000 units of each currency are worth an amount of Czech koruna. The bank declares
the rates on every Czech working day after 14:30 in Prague; the document is JSON with all
those of a year. The bank's information may be stored and passed on with the bank named as
its source: https://www.cnb.cz/en/privacy-statement-and-disclaimer/disclaimer-copyright/.
"""

from datetime import date

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources.reading import (
    Sheets,
    objects,
    read_code,
    read_date,
    read_json,
    read_value,
)
from pricedesk.errors import RefusedDocument, in_quotes

_NOT_CURRENCIES = ("XDR",)
"""The special drawing right of the International Monetary Fund."""

_ADDRESS = "https://api.cnb.cz/cnbapi/exrates/daily-year"
_UNITS = {"1": 1, "100": 100, "1000": 1000}


def url(first: date, last: date) -> str:
    """Where the publications from `first` to `last` are, both of one year.

    Raises:
        ValueError: they are of two years, for which there is no one document.
    """
    if first.year != last.year:
        raise ValueError(f"{first} and {last} are not of one year")
    return f"{_ADDRESS}?year={first.year:04}&lang=EN"


def parse(raw: bytes) -> list[Sheet]:
    """Read a document: an object for each currency and day.

    Raises:
        RefusedDocument: with the reason, naming what is wrong and where.
    """
    document = read_json(raw)
    if not isinstance(document, dict):
        raise RefusedDocument("the document is not an object")
    sheets = Sheets()
    for rate in objects(document.get("rates"), "rates"):
        day = read_date(rate.get("validFor"))
        if rate.get("currencyCode") in _NOT_CURRENCIES:
            continue
        code = read_code(rate.get("currencyCode"))
        value = read_value(rate.get("rate"), code, day)
        sheets.add(day, code, value, _units(rate.get("amount"), code, day))
    return sheets.by_date()


def _units(amount: object, code: str, day: date) -> int:
    """Of how many units of its currency a value is."""
    if not (isinstance(amount, str) and amount in _UNITS):
        raise RefusedDocument(f"{code} on {day} has the amount {in_quotes(str(amount))}")
    return _UNITS[amount]
