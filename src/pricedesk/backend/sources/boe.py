"""The Bank of England's daily spot exchange rates against sterling.

One pound is worth so much of each other currency: the middle market rates that the bank
observes in London about 16:00 of every English working day, in its database usually on the
next one. The document is CSV with a column a series. They are statistics, not official rates:
https://www.bankofengland.co.uk/statistics/details/further-details-about-spot-exchange-rates-data
names the bank's own sources, whose content may not be redistributed without their consent;
https://www.bankofengland.co.uk/legal has the bank's terms.
"""

import re
from datetime import date

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources.reading import Sheets, read_csv, read_value
from pricedesk.errors import RefusedDocument, in_quotes

_SERIES = {
    "XUDLUSS": "USD",
    "XUDLERS": "EUR",
    "XUDLJYS": "JPY",
    "XUDLCDS": "CAD",
    "XUDLSFS": "CHF",
    "XUDLADS": "AUD",
    "XUDLNDS": "NZD",
    "XUDLNKS": "NOK",
    "XUDLSKS": "SEK",
    "XUDLDKS": "DKK",
    "XUDLHDS": "HKD",
    "XUDLSGS": "SGD",
    "XUDLSRS": "SAR",
    "XUDLZRS": "ZAR",
    "XUDLTWS": "TWD",
    "XUDLBK25": "CZK",
    "XUDLBK33": "HUF",
    "XUDLBK47": "PLN",
    "XUDLBK78": "ILS",
    "XUDLBK83": "MYR",
    "XUDLBK87": "THB",
    "XUDLBK89": "CNY",
    "XUDLBK93": "KRW",
    "XUDLBK95": "TRY",
    "XUDLBK97": "INR",
    "XUDLZOS4": "RON",
}
"""The currency of each series; the document has those that were asked for."""

_ADDRESS = "https://www.bankofengland.co.uk/boeapps/database/_iadb-fromshowcolumns.asp"
_DATE_COLUMN = "DATE"
_NO_VALUE = ("", "0")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(rf"([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}})")


def url(first: date, last: date) -> str:
    """Where the publications from `first` to `last` are."""
    start, end = (f"{day:%d}/{_MONTHS[day.month - 1]}/{day.year:04}" for day in (first, last))
    return (
        f"{_ADDRESS}?csv.x=yes&SeriesCodes={','.join(_SERIES)}&UsingCodes=Y&CSVF=TN"
        f"&Datefrom={start}&Dateto={end}"
    )


def parse(raw: bytes) -> list[Sheet]:
    """Read a document: a row a day, a value or nothing in each column.

    Raises:
        RefusedDocument: with the reason, naming what is wrong and where.
    """
    header, *rows = read_csv(raw)
    codes = _codes(header)
    sheets = Sheets()
    days: set[date] = set()
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise RefusedDocument(f"row {number} has {len(row)} cells for {len(header)} columns")
        day = _date(row[0])
        if day in days:
            raise RefusedDocument(f"the date {day} occurs twice")
        days.add(day)
        for code, text in zip(codes, row[1:], strict=True):
            if text not in _NO_VALUE:
                sheets.add(day, code, read_value(text, code, day))
    if not raw.endswith(b"\n"):
        raise RefusedDocument("the last row is cut off")
    return sheets.by_date()


def _codes(header: list[str]) -> list[str]:
    """The currencies of the columns after the date's."""
    if header[:1] != [_DATE_COLUMN]:
        raise RefusedDocument(
            f"the document begins with {in_quotes(','.join(header))}, not with its columns"
        )
    for series in header[1:]:
        if series not in _SERIES:
            raise RefusedDocument(f"{in_quotes(series)} is no series that was asked for")
    if len(set(header)) != len(header):
        raise RefusedDocument("the document has a column twice")
    return [_SERIES[series] for series in header[1:]]


def _date(text: str) -> date:
    """A date written as 17 Mar 2026."""
    matched = _DATE.fullmatch(text)
    try:
        if matched:
            return date(int(matched[3]), _MONTHS.index(matched[2]) + 1, int(matched[1]))
    except ValueError:
        pass
    raise RefusedDocument(f"{in_quotes(text)} is not a date")
