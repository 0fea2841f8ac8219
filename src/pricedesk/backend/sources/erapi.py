"""ExchangeRate-API's open access exchange rates, blended from those of central banks.

One United States dollar is worth so much of each currency. There is one document, replaced
every day soon after midnight UTC, weekends too; it says when the next one comes. It has no
history. https://www.exchangerate-api.com/terms has the terms: free without a key, to be cached
and used for conversions with a link to https://www.exchangerate-api.com as the source, not to
be redistributed; asked more often than once an hour, it may refuse.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources.reading import Sheets, read_code, read_json, read_value
from pricedesk.errors import RefusedDocument, in_quotes

_PIVOT = "USD"

_NOT_CURRENCIES = frozenset(
    {
        "CNH",  # the renminbi outside China; CNY is the currency
        "FOK",  # Faroe Islands, the same as DKK; likewise the next five
        "GGP",  # Guernsey, GBP
        "IMP",  # Isle of Man, GBP
        "JEP",  # Jersey, GBP
        "KID",  # Kiribati, AUD
        "TVD",  # Tuvalu, AUD
        "XDR",  # special drawing rights
        "ANG",  # withdrawn: XCG came in its place,
        "BGN",  # EUR,
        "HRK",  # EUR,
        "SLL",  # SLE,
        "ZWL",  # ZWG
    }
)
"""What the document has beside the currencies of ISO 4217; passed over."""

_ADDRESS = f"https://open.er-api.com/v6/latest/{_PIVOT}"
_SECONDS = re.compile(r"[1-9][0-9]{9}")
"""From 2001 to 2286; with more digits they are no seconds."""


def url(first: date, last: date) -> str:  # noqa: ARG001  # every source is asked in this way
    """Where the newest publication is; there are no others to choose from."""
    return _ADDRESS


def parse(raw: bytes) -> list[Sheet]:
    """Read a document: one day, with a value for each code.

    Its date is the day, in UTC, on which the rates were last brought up to date.

    Raises:
        RefusedDocument: with the reason, and with the source's notice that it ends if it gave one.
    """
    document = _document(raw)
    try:
        _check_head(document)
        return _sheets(document)
    except RefusedDocument as refusal:
        raise RefusedDocument(f"{refusal}{_notice_of_end(document)}") from refusal


def next_update(raw: bytes) -> datetime:
    """When the document that comes after this one is due.

    Raises:
        RefusedDocument: the document does not say it, or says a time before its own.
    """
    document = _document(raw)
    _check_head(document)
    last, following = (_time(document, f"time_{which}_update_unix") for which in ("last", "next"))
    if following <= last:
        raise RefusedDocument(f"the next update, {following}, is not after the last, {last}")
    return following


def _document(raw: bytes) -> Mapping[str, object]:
    document = read_json(raw)
    if not isinstance(document, dict):
        raise RefusedDocument("the document is not an object")
    return document


def _check_head(document: Mapping[str, object]) -> None:
    if document.get("result") != "success":
        result, kind = (in_quotes(str(document.get(key))) for key in ("result", "error-type"))
        raise RefusedDocument(f'result is {result}, not "success"; error-type is {kind}')
    if document.get("base_code") != _PIVOT:
        base = in_quotes(str(document.get("base_code")))
        raise RefusedDocument(f'base_code is {base}, not "{_PIVOT}"')


def _sheets(document: Mapping[str, object]) -> list[Sheet]:
    day = _time(document, "time_last_update_unix").date()
    rates = document.get("rates")
    if not isinstance(rates, dict):
        raise RefusedDocument("rates is not an object")
    if rates.get(_PIVOT) != "1":
        raise RefusedDocument(f"{_PIVOT} has the value {in_quotes(str(rates.get(_PIVOT)))}, not 1")
    sheets = Sheets()
    for code, value in rates.items():
        if code != _PIVOT and code not in _NOT_CURRENCIES:
            sheets.add(day, read_code(code), read_value(value, code, day))
    return sheets.by_date()


def _time(document: Mapping[str, object], key: str) -> datetime:
    """A time that is given as seconds since 1970."""
    text = document.get(key)
    if not (isinstance(text, str) and _SECONDS.fullmatch(text)):
        raise RefusedDocument(f"{key} is {in_quotes(str(text))}, which is not a time")
    return datetime.fromtimestamp(int(text), UTC)


def _notice_of_end(document: Mapping[str, object]) -> str:
    end = document.get("time_eol_unix", "0")
    return "" if end == "0" else f"; the source ends at time_eol_unix {in_quotes(str(end))}"
