"""Norges Bank's middle rates.

One unit of a currency, or 100 of those of which one is worth little, is worth so much in NOK.
Norges Bank publishes the rates on Norwegian banking days about 16:00 in Oslo, as SDMX CSV with
a row for each currency and day; UNIT_MULT is the power of ten of the units. Its terms: they
are an indication, not binding on any bank; to be copied unchanged and with the source named.
https://www.norges-bank.no/en/topics/Statistics/exchange_rates/
https://www.norges-bank.no/Opphavsrett/
"""

from datetime import date

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources.reading import (
    Sheets,
    read_code,
    read_date,
    read_table,
    read_value,
)
from pricedesk.errors import RefusedDocument, in_quotes

_PIVOT = "NOK"
_SERIES = {"FREQ": "B", "QUOTE_CUR": _PIVOT, "TENOR": "SP"}
"""What every row has: of each banking day, in kroner, spot."""

_COLUMNS = (*_SERIES, "BASE_CUR", "UNIT_MULT", "TIME_PERIOD", "OBS_VALUE")
_UNITS = {"0": 1, "2": 100, "3": 1000}
_NOT_CURRENCIES = ("I44", "TWI", "XDR")
"""Two indices of the krone, and special drawing rights."""


def url(first: date, last: date) -> str:
    """The address of the rates from `first` to `last`."""
    return (
        "https://data.norges-bank.no/api/data/EXR/B..NOK.SP"
        f"?format=csvdata&startPeriod={first}&endPeriod={last}"
    )


def parse(raw: bytes) -> list[Sheet]:
    """Read a document; ascending by date.

    Raises:
        RefusedDocument: with the reason.
    """
    sheets = Sheets()
    for row in read_table(raw, _COLUMNS):
        _read_row(row, sheets)
    return sheets.by_date()


def _read_row(row: dict[str, str], sheets: Sheets) -> None:
    day = read_date(row["TIME_PERIOD"])
    for column, expected in _SERIES.items():
        if row[column] != expected:
            raise RefusedDocument(f"{column} on {day} is {in_quotes(row[column])}, not {expected}")
    if row["BASE_CUR"] in _NOT_CURRENCIES or not row["OBS_VALUE"]:
        return
    code = read_code(row["BASE_CUR"])
    units = _UNITS.get(row["UNIT_MULT"])
    if units is None:
        raise RefusedDocument(f"{code} on {day} has the UNIT_MULT {in_quotes(row['UNIT_MULT'])}")
    sheets.add(day, code, read_value(row["OBS_VALUE"], code, day), units)
