"""Sveriges Riksbank's exchange rates.

One unit of a currency is worth so much in SEK. The Riksbank publishes the rates at 16:15 in
Stockholm on Swedish banking days, as a JSON list with an object for each series and day; the
currencies are its group 130. Its terms: indicative, for information, not for transactions.
https://www.riksbank.se/en-gb/statistics/search-interest--exchange-rates/retrieving-interest-rates-and-exchange-rates-via-rest-api/faqs--rest-api-for-interest-rates-and-exchange-rates/
"""

import re
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

_SERIES = re.compile(r"SEK([A-Z]{3})PMI")
_CONSTANT_SERIES = "SEKETT"
"""One krona in kronor."""

_EURO_SINCE = date(1999, 1, 4)
"""What the series of the euro has before is the ECU, which is no currency here."""

_DAYS_MAX = 365


def url(first: date, last: date) -> str:
    """The address of the rates from `first` to `last`.

    Raises:
        ValueError: that is more than a year, which the Riksbank does not answer at once.
    """
    days = (last - first).days + 1
    if days > _DAYS_MAX:
        raise ValueError(f"{days} days are more than the {_DAYS_MAX} of one request")
    return f"https://api.riksbank.se/swea/v1/Observations/ByGroup/130/{first}/{last}"


def parse(raw: bytes) -> list[Sheet]:
    """Read a document; ascending by date.

    Raises:
        RefusedDocument: with the reason.
    """
    document = read_json(raw)
    if isinstance(document, dict):
        message = in_quotes(str(document.get("message", "")))
        raise RefusedDocument(f"the document is an error message: {message}")
    sheets = Sheets()
    for observation in objects(document, "the document"):
        series = observation.get("seriesId")
        if series == _CONSTANT_SERIES:
            continue
        day = read_date(observation.get("date"))
        code = _code(series)
        value = read_value(observation.get("value"), code, day)
        if code != "EUR" or day >= _EURO_SINCE:
            sheets.add(day, code, value)
    return sheets.by_date()


def _code(series: object) -> str:
    matched = _SERIES.fullmatch(series) if isinstance(series, str) else None
    if not matched:
        raise RefusedDocument(f"{in_quotes(str(series))} is no series of a currency")
    return read_code(matched[1])
