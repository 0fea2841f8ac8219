"""What the sources' parsers share: reading strictly, and refusing with a reason.

A document is text from a stranger. A shape that is not the source's refuses the whole of it.
A single value that is odd does not: it is passed on as the short text that it is, zero, NaN or
junk, and so is a code that no currency has. To withhold those is the guards' work, so that one
bad cell costs one currency and not a day.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date

from pricedesk.backend.rates import Sheet
from pricedesk.errors import RefusedDocument, in_quotes

LINE_CHARACTERS_MAX = 4096
"""A longer line of a CSV document is refused."""

VALUE_CHARACTERS_MAX = 64
"""A longer text in the place of a value refuses its document: the longest published have 13."""

SHEET_CURRENCIES_MAX = 400
"""More codes than this on one date refuse the document: ISO 4217 has fewer than 180."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE = re.compile(r"[A-Z]{3}")


def read_text(raw: bytes) -> str:
    """A document as text, UTF-8 with or without a byte order mark.

    Raises:
        RefusedDocument: it is empty, not UTF-8, or a web page.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedDocument(f"the document is not UTF-8 text: {error}") from error
    if not text.strip():
        raise RefusedDocument("the document is empty")
    if text.lstrip()[:1] == "<":
        raise RefusedDocument("the document is a web page or XML, which the source's is not")
    return text


def read_json(raw: bytes) -> object:
    """A JSON document; every number in it, NaN and the like too, is the text that was sent.

    Raises:
        RefusedDocument: not JSON, or a name twice in an object.
    """
    text = read_text(raw)
    try:
        return json.loads(
            text,
            parse_float=str,
            parse_int=str,
            parse_constant=str,
            object_pairs_hook=_no_duplicates,
        )
    except (ValueError, RecursionError) as error:
        raise RefusedDocument(f"the document is not JSON: {error}") from error


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RefusedDocument("the document has a name twice in one object")
    return found


def read_csv(raw: bytes) -> list[list[str]]:
    """The rows of a CSV document.

    Raises:
        RefusedDocument: not CSV, or a line longer than LINE_CHARACTERS_MAX.
    """
    lines = read_text(raw).splitlines()
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_CHARACTERS_MAX:
            raise RefusedDocument(f"line {number} is longer than {LINE_CHARACTERS_MAX} characters")
    try:
        return list(csv.reader(lines, strict=True))
    except csv.Error as error:
        raise RefusedDocument(f"the document is not CSV: {error}") from error


def read_table(raw: bytes, columns: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a CSV document that ends its last line, by the names in its header.

    Raises:
        RefusedDocument: not such a document, one of `columns` is not there, a name is there
            twice, or a row is shorter or longer than the header.
    """
    header, *rows = read_csv(raw)
    if not raw.endswith(b"\n"):
        raise RefusedDocument("the last row is cut off")
    for column in (*columns, *header):
        if header.count(column) != 1:
            raise RefusedDocument(f"the header has {header.count(column)} columns {column}")
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(header):
            raise RefusedDocument(f"row {number} has {len(cells)} cells for {len(header)} columns")
    return [dict(zip(header, cells, strict=True)) for cells in rows]


def read_date(text: object) -> date:
    """A date written as YYYY-MM-DD.

    Raises:
        RefusedDocument: it is not one.
    """
    try:
        if isinstance(text, str) and _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RefusedDocument(f"{in_quotes(str(text))} is not a date")


def read_value(text: object, code: str, day: date) -> str:
    """What stands in the place of a value, as a short text; whether to believe it is not asked.

    Raises:
        RefusedDocument: it is no text, longer than VALUE_CHARACTERS_MAX, or has characters
            that do not print, or a comma, by which a publication's values are parted.
    """
    if (
        isinstance(text, str)
        and len(text) <= VALUE_CHARACTERS_MAX
        and text.isprintable()
        and "," not in text
    ):
        return text
    raise RefusedDocument(f"{code} on {day} has the value {in_quotes(str(text))}")


def read_code(text: object) -> str:
    """Three capitals; whether they are the code of a currency is not asked.

    Raises:
        RefusedDocument: it is anything else.
    """
    if not (isinstance(text, str) and _CODE.fullmatch(text)):
        raise RefusedDocument(f"{in_quotes(str(text))} is no currency code")
    return text


class Sheets:
    """Collects values by date and currency; each pair of them once."""

    def __init__(self) -> None:
        self._rates: dict[date, dict[str, str]] = {}
        self._units: dict[date, dict[str, int]] = {}

    def add(self, day: date, code: str, value: str, units: int = 1) -> None:
        """A value that was read.

        Raises:
            RefusedDocument: there was one for this day and currency, or there are more than
                SHEET_CURRENCIES_MAX currencies on this day.
        """
        rates = self._rates.setdefault(day, {})
        if code in rates:
            raise RefusedDocument(f"{code} occurs twice on {day}")
        if len(rates) == SHEET_CURRENCIES_MAX:
            raise RefusedDocument(f"there are more than {SHEET_CURRENCIES_MAX} codes on {day}")
        rates[code] = value
        if units != 1:
            self._units.setdefault(day, {})[code] = units

    def by_date(self) -> list[Sheet]:
        """All of it, ascending by date.

        Raises:
            RefusedDocument: nothing was added.
        """
        if not self._rates:
            raise RefusedDocument("the document has no rates")
        return [
            Sheet(day, self._rates[day], self._units.get(day, {})) for day in sorted(self._rates)
        ]


def objects(value: object, what: str) -> Iterable[Mapping[str, object]]:
    """The objects of a JSON list.

    Raises:
        RefusedDocument: it is not a list of objects; `what` names it.
    """
    if not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
        raise RefusedDocument(f"{what} is not a list of objects")
    return value
