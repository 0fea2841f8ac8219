"""The European Central Bank's euro foreign exchange reference rates.

The ECB publishes three documents with the same numbers: the newest day and the last ninety days
as XML, and everything since its first date as a zipped CSV. Its data portal, another host, has the
same numbers as well: see `ecb_portal`.
"""

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from xml.etree import ElementTree as ET

from pricedesk.backend.rates import Provenance, Publication, Sheet
from pricedesk.backend.sources import ecb_portal
from pricedesk.backend.sources.facts import all_facts, calendar_of, convention_of, source_of
from pricedesk.backend.sources.reading import read_code, read_date, read_value
from pricedesk.backend.sources.source import Request, Source
from pricedesk.errors import RefusedDocument, in_quotes

NAME = "ECB"
_FACTS = all_facts()[NAME.lower()]
CONVENTION = convention_of(_FACTS)
CALENDAR = calendar_of(_FACTS)

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
"""The zipped history had 0.64 MB in 2026."""
XML_BYTES_MAX = 512 * 1024
"""Ninety days were 78 KB in 2026. Of hostile XML, a tree takes 40 times its size in memory."""
HISTORY_CSV_BYTES_MAX = 4 * 1024 * 1024
HISTORY_LINES_MAX = 20_000
HISTORY_LINE_CHARACTERS_MAX = 1024
"""In 2026 the history had 1.9 MB in 7127 lines of up to 286 characters; a year adds 70 KB."""

_NAMESPACE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}"
_GESMES = "{http://www.gesmes.org/xml/2002-08-01}"
_ENVELOPE = f"{_GESMES}Envelope"
_ELEMENTS = {
    _ENVELOPE,
    f"{_NAMESPACE}Cube",
    *(f"{_GESMES}{n}" for n in ("subject", "Sender", "name")),
}
_CSV_ROW = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}),((?:(?:N/A|(?!0+(?:\.0+)?,)[0-9]{1,12}(?:\.[0-9]{1,12})?),)+)"
)
_CSV_NONE = "N/A"
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those that zipfile unpacks piece by piece; with the others a bomb goes off before it is seen."""


class Document(Enum):
    """The three documents, by their file names."""

    DAY = "eurofxref-daily.xml"
    NINETY_DAYS = "eurofxref-hist-90d.xml"
    HISTORY = "eurofxref-hist.zip"


NINETY_DAYS_REACH = timedelta(days=80)
"""How far back a gap may begin for the ninety-day document to be sure to cover it."""


def document_for(first: date, last: date) -> Document:
    """The smallest document that has the publications from `first` to `last`, the newest."""
    if last - first >= NINETY_DAYS_REACH:
        return Document.HISTORY
    if CALENDAR.missed_on(first - timedelta(days=1), last) > 1:
        return Document.NINETY_DAYS
    return Document.DAY


def source(address: str) -> Source:
    """The ECB as a source whose documents are in the folder at `address`, or in its portal."""

    def request(first: date, last: date) -> Request:
        name = document_for(first, last).value
        return Request(name, f"{address}/{name}")

    def elsewhere(first: date, last: date) -> Request:
        return Request(ecb_portal.NAME, ecb_portal.url(first, last), by_series=True)

    def read(request: Request, raw: bytes) -> list[Sheet]:
        if request.name == ecb_portal.NAME:
            return ecb_portal.parse(raw)
        return parse(Document(request.name), raw)

    return source_of(
        NAME,
        CONVENTION,
        CALENDAR,
        request,
        read,
        document_bytes_max=DOCUMENT_BYTES_MAX,
        elsewhere=elsewhere,
    )


def parse(document: Document, raw: bytes) -> list[Sheet]:
    """Read a document; ascending by date.

    Raises:
        RefusedDocument: with the reason, naming what is wrong and where.
    """
    if document is Document.HISTORY:
        sheets = _sheets_of_csv(_unzipped(_bounded(raw, DOCUMENT_BYTES_MAX)))
    else:
        sheets = _sheets_of_xml(_bounded(raw, DOCUMENT_BYTES_MAX))
    for day, how_often in Counter(sheet.date for sheet in sheets).items():
        if how_often > 1:
            raise RefusedDocument(f"the date {day} occurs twice")
    for sheet in sheets:
        if not sheet.rates:
            raise RefusedDocument(f"there are no rates on {sheet.date}")
    if not sheets:
        raise RefusedDocument("the document has no rates")
    return sorted(sheets, key=lambda sheet: sheet.date)


def packaged(raw: bytes, provenance: Provenance, *, known: bool = False) -> list[Publication]:
    """The publications of the history that the package carries, ascending by date.

    It is read at every start and known to be right, so it takes the short way: each row of
    the table becomes the row of a publication as it is, without a look at its cells. If these
    very bytes are `known`, their rows are as the ECB writes them, and are not even matched.

    Raises:
        RefusedDocument: a row is not as the ECB writes it.
    """
    codes, rows = _table(_unzipped(raw))
    publications = []
    for number, row in rows:
        if not (known or _CSV_ROW.fullmatch(row)) or row.count(",") != len(codes) + 1:
            raise RefusedDocument(f"line {number}: {in_quotes(row)} is no row of the history")
        day, _, cells = row.partition(",")
        values = cells.replace(_CSV_NONE, "")[:-1]
        publications.append(
            Publication(NAME, date.fromisoformat(day), CONVENTION, codes, values, provenance)
        )
    return sorted(publications, key=lambda publication: publication.date)


def _bounded(raw: bytes, bytes_max: int) -> bytes:
    if not raw:
        raise RefusedDocument("the document is empty")
    if len(raw) > bytes_max:
        raise RefusedDocument(f"the document is larger than {bytes_max} bytes")
    return raw


class _Strict(ET.TreeBuilder):
    """Refuses a document type before it can define an entity, and foreign elements."""

    _root = True

    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        if self._root and tag != _ENVELOPE:
            raise RefusedDocument(f"the root element is {in_quotes(tag)}, not an ECB envelope")
        self._root = False
        if tag not in _ELEMENTS:
            raise RefusedDocument(f"unexpected element {in_quotes(tag)}")
        return super().start(tag, attrs)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002  # the parser's interface
        raise RefusedDocument("the document declares a DOCTYPE, which the ECB's never do")


def _sheets_of_xml(raw: bytes) -> list[Sheet]:
    try:
        parser = ET.XMLParser(target=_Strict())  # noqa: S314  # no entities without a DOCTYPE; the size is bounded
        root = ET.fromstring(_bounded(raw, XML_BYTES_MAX), parser)  # noqa: S314  # the parser is the one above
    except (ET.ParseError, ValueError, LookupError) as error:
        raise RefusedDocument(f"the document is not well-formed XML: {error}") from error
    return [_day_of_xml(day) for day in root.findall(f"{_NAMESPACE}Cube/*")]


def _day_of_xml(element: ET.Element) -> Sheet:
    if element.tag != f"{_NAMESPACE}Cube":
        raise RefusedDocument(f"unexpected element {in_quotes(element.tag)}")
    day = read_date(element.get("time", ""))
    rates: dict[str, str] = {}
    for child in element:
        if child.tag != f"{_NAMESPACE}Cube" or len(child) > 0:
            raise RefusedDocument(f"unexpected element {in_quotes(child.tag)} on {day}")
        code = read_code(child.get("currency", ""))
        if code in rates:
            raise RefusedDocument(f"{code} occurs twice on {day}")
        rates[code] = read_value(child.get("rate"), code, day)
    return Sheet(day, rates)


def _unzipped(raw: bytes) -> str:
    """The only file of the archive, its size bounded while it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
            if len(members) != 1:
                raise RefusedDocument(f"the archive has {len(members)} files, not one")
            if members[0].compress_type not in _ZIP_METHODS:
                raise RefusedDocument("the archive is not packed in the way the ECB's are")
            with archive.open(members[0]) as file:
                content = file.read(HISTORY_CSV_BYTES_MAX + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OverflowError,
        RuntimeError,
        ValueError,
    ) as error:
        reason = str(error) or type(error).__name__
        raise RefusedDocument(f"the document is not a readable zip archive: {reason}") from error
    if len(content) > HISTORY_CSV_BYTES_MAX:
        raise RefusedDocument(f"the history is larger than {HISTORY_CSV_BYTES_MAX} bytes")
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise RefusedDocument(f"the history is not plain text: {error}") from error


def _table(text: str) -> tuple[tuple[str, ...], Iterator[tuple[int, str]]]:
    """The currencies of the history's columns, and its rows, each with the number of its line."""
    lines = iter(text.splitlines())
    return _codes(next(lines, "")), _rows(lines)


def _rows(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    for number, row in enumerate(lines, start=2):
        if number > HISTORY_LINES_MAX:
            raise RefusedDocument(f"the history has more than {HISTORY_LINES_MAX} lines")
        if len(row) > HISTORY_LINE_CHARACTERS_MAX:
            raise RefusedDocument(
                f"line {number}: it is longer than {HISTORY_LINE_CHARACTERS_MAX} characters"
            )
        yield number, row


def _sheets_of_csv(text: str) -> list[Sheet]:
    """A row a day, newest first: the date, then a value or N/A for each column, and a comma."""
    codes, rows = _table(text)
    sheets = []
    for number, row in rows:
        date_text, *values, end = row.split(",") if "," in row else (row, "-")
        try:
            day = read_date(date_text)
            if end:
                raise RefusedDocument("it does not end with a comma")  # noqa: TRY301  # the line's number is told below
            if len(values) != len(codes):
                raise RefusedDocument(f"there are {len(values)} values for {len(codes)} columns")  # noqa: TRY301  # the line's number is told below
            sheets.append(Sheet(day, _cells(codes, values, day)))
        except RefusedDocument as refusal:
            raise RefusedDocument(f"line {number}: {refusal}") from refusal
    return sheets


def _cells(codes: tuple[str, ...], values: list[str], day: date) -> dict[str, str]:
    return {
        code: read_value(value, code, day)
        for code, value in zip(codes, values, strict=True)
        if value != _CSV_NONE
    }


def _codes(header: str) -> tuple[str, ...]:
    short = len(header) <= HISTORY_LINE_CHARACTERS_MAX
    first, *codes, last = header.split(",") if short and header.count(",") > 1 else ("", "")
    if first != "Date" or last:
        raise RefusedDocument(f"the history begins with {in_quotes(header)}, not with its columns")
    if len(set(codes)) != len(codes):
        raise RefusedDocument("the history has a column twice")
    return tuple(read_code(code) for code in codes)
