"""The ECB's reference rates as its data portal has them: another host, the same numbers.

SDMX CSV with a row for each currency and day: one euro is worth OBS_VALUE. The portal is asked
when the documents that `ecb` reads cannot be had or are not as they should be. On days off it
may have rows without a value. https://data.ecb.europa.eu/help/api/data describes it.
"""

from datetime import date, timedelta

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources.reading import (
    Sheets,
    read_code,
    read_date,
    read_table,
    read_value,
)
from pricedesk.errors import RefusedDocument, in_quotes

NAME = "EXR of the data portal"

REACH_BACK = timedelta(days=10)
"""So much earlier than asked for a document begins: where it would have no rate at all, the
portal answers as if the address were wrong, and no pause between publications is as long."""

_COLUMNS = ("FREQ", "CURRENCY", "TIME_PERIOD", "OBS_VALUE")
_SERIES = {
    "FREQ": "D",
    "CURRENCY_DENOM": "EUR",
    "EXR_TYPE": "SP00",
    "EXR_SUFFIX": "A",
    "UNIT_MULT": "0",
}
"""What rows have of these columns where they have them: each day's, for one euro, spot, an
average, by the unit."""

_NO_VALUES = ("", "NaN")


def url(first: date, last: date) -> str:
    """The address of the rates of these days, and of some days before them."""
    return (
        "https://data-api.ecb.europa.eu/service/data/EXR/D..EUR.SP00.A"
        f"?format=csvdata&detail=dataonly&startPeriod={first - REACH_BACK}&endPeriod={last}"
    )


def parse(raw: bytes) -> list[Sheet]:
    """Read a document; ascending by date. Rows of which all cells are empty say nothing.

    Raises:
        RefusedDocument: with the reason.
    """
    sheets = Sheets()
    for row in read_table(raw, _COLUMNS):
        if any(row.values()):
            _read_row(row, sheets)
    return sheets.by_date()


def _read_row(row: dict[str, str], sheets: Sheets) -> None:
    day = read_date(row["TIME_PERIOD"])
    for column, expected in _SERIES.items():
        if row.get(column, expected) != expected:
            raise RefusedDocument(f"{column} on {day} is {in_quotes(row[column])}, not {expected}")
    code = read_code(row["CURRENCY"])
    if row["OBS_VALUE"] not in _NO_VALUES:
        sheets.add(day, code, read_value(row["OBS_VALUE"], code, day))
