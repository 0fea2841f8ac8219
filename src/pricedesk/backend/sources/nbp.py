"""Narodowy Bank Polski's average exchange rates.

One unit of a currency is worth so much in PLN. The NBP publishes table A on Polish banking
days between 11:45 and 12:15 in Warsaw, and table B, of the less usual currencies, on
Wednesdays, as a JSON list of tables. Both have the same form; only table A is asked for. The
API is open to the public and needs no key; its manual: https://api.nbp.pl/en.html
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

_TABLES = ("A", "B")
"""Of average rates; table C has what banks buy and sell for."""

_NOT_CURRENCIES = ("XDR",)
_GOLD = "cena"
_DAYS_MAX = 93


def url(first: date, last: date) -> str:
    """The address of the tables A from `first` to `last`.

    Raises:
        ValueError: that is more than 93 days, which the NBP does not answer at once.
    """
    days = (last - first).days + 1
    if days > _DAYS_MAX:
        raise ValueError(f"{days} days are more than the {_DAYS_MAX} of one request")
    return f"https://api.nbp.pl/api/exchangerates/tables/A/{first}/{last}/?format=json"


def parse(raw: bytes) -> list[Sheet]:
    """Read a document; ascending by date.

    Raises:
        RefusedDocument: with the reason.
    """
    tables = list(objects(read_json(raw), "the document"))
    if any(_GOLD in table for table in tables):
        prices = gold_prices(raw)
        raise RefusedDocument(
            f"the document has {len(prices)} prices of gold by the gram, not exchange rates"
        )
    sheets = Sheets()
    for table in tables:
        day = read_date(table.get("effectiveDate"))
        if table.get("table") not in _TABLES:
            raise RefusedDocument(f"the table of {day} is {in_quotes(str(table.get('table')))}")
        for rate in objects(table.get("rates"), f"the table of {day}"):
            if rate.get("code") not in _NOT_CURRENCIES:
                code = read_code(rate.get("code"))
                sheets.add(day, code, read_value(rate.get("mid"), code, day))
    return sheets.by_date()


def gold_prices(raw: bytes) -> dict[date, str]:
    """What a gram of gold was worth in zloty by day, from another list of the same API.

    They are no exchange rates: XAU is a troy ounce, and no factor is put into what is published.

    Raises:
        RefusedDocument: with the reason.
    """
    prices: dict[date, str] = {}
    for price in objects(read_json(raw), "the document"):
        day = read_date(price.get("data"))
        if day in prices:
            raise RefusedDocument(f"the price of gold is there twice on {day}")
        prices[day] = read_value(price.get(_GOLD), "gold", day)
    return prices
