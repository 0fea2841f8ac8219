"""The Bank of Canada's daily average exchange rates.

Each value is how many Canadian dollars one unit of the currency is worth. The Bank publishes
them once each business day by 16:30 in Ottawa, since 2017-01-03, as series named FX{CUR}CAD
that its Valet service gives as JSON. All of them are indicative rates only. A currency without
a value on a day is not in that day's object; MYR, THB and VND are announced in every document
and had their last values on 2019-12-31. https://www.bankofcanada.ca/terms/ has the terms.
"""

import re
from collections.abc import Mapping
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

_PIVOT = "CAD"

_ADDRESS = "https://www.bankofcanada.ca/valet/observations/group/FX_RATES_DAILY/json"
_DATE = "d"
"""The key of the date, beside the series."""
_SERIES = re.compile(rf"FX([A-Z]{{3}}){_PIVOT}")


def url(first: date, last: date) -> str:
    """Where the publications from `first` to `last` are."""
    return f"{_ADDRESS}?start_date={first}&end_date={last}"


def parse(raw: bytes) -> list[Sheet]:
    """Read a document: an object a day, with a series a currency.

    Raises:
        RefusedDocument: with the reason, naming what is wrong and where.
    """
    document = read_json(raw)
    if not (isinstance(document, dict) and "observations" in document):
        raise RefusedDocument("the document is not an object with observations")
    sheets = Sheets()
    for observation in objects(document["observations"], "observations"):
        _read_day(observation, sheets)
    return sheets.by_date()


def _read_day(observation: Mapping[str, object], sheets: Sheets) -> None:
    day = read_date(observation.get(_DATE))
    for series, cell in observation.items():
        if series == _DATE:
            continue
        named = _SERIES.fullmatch(series)
        if not named:
            raise RefusedDocument(f"{in_quotes(series)} on {day} is no series of exchange rates")
        code = read_code(named[1])
        if not (isinstance(cell, dict) and cell.keys() == {"v"}):
            raise RefusedDocument(f"{code} on {day} is not an object with one value")
        sheets.add(day, code, read_value(cell["v"], code, day))
