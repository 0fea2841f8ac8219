"""A catalogue as a file: CSV with a header, as spreadsheets write it."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pricedesk.errors import InvalidCatalogue, PricedeskError, in_quotes
from pricedesk.frontend.catalogue import (
    COLUMNS,
    OPTIONAL_COLUMNS,
    PRODUCTS_MAX,
    Catalogue,
    Product,
    product_from,
    row_of,
)
from pricedesk.frontend.text_files import UnusableFileError, read_text, text_of

FILE_BYTES_MAX = 256 * 1024 * 1024
"""PRODUCTS_MAX of them with descriptions as long as they may be, and some room."""

PROBLEMS_MAX = 20
"""Lines that are found wrong before the rest of a file is not looked at."""

PROGRESS_LINES = 1000

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
"""As a file's lines are read with newline=""; io.StringIO would take four bytes a character."""


def packaged_catalogue() -> Catalogue:
    """The tutorial's three products."""
    text = Path(__file__).with_name("products.csv").read_text(encoding="utf-8")
    return Catalogue(parse_catalogue(text, "products.csv"))


def read_file(path: Path) -> str:
    """The text of a catalogue's file.

    Raises:
        InvalidCatalogue: it cannot be read, is too large or is not UTF-8; names it.
    """
    try:
        return read_text(path, FILE_BYTES_MAX)
    except UnusableFileError as error:
        raise InvalidCatalogue(str(error), passing=error.passing) from error


def read_stream(stream: BinaryIO, name: str) -> str:
    """The text of a catalogue that comes in from elsewhere; `name` is what errors call it.

    Raises:
        InvalidCatalogue: it cannot be read, is too large or is not UTF-8; names it.
    """
    try:
        return text_of(stream, name, FILE_BYTES_MAX)
    except UnusableFileError as error:
        raise InvalidCatalogue(str(error), passing=error.passing) from error


def parse_catalogue(
    text: str,
    name: str,
    problems_max: int = 1,
    progress: Callable[[int], None] = lambda _lines: None,
) -> list[Product]:
    """The products of CSV text; `name` is what errors call it.

    `progress` is told now and then how many more lines have been read.

    Raises:
        InvalidCatalogue: with each line that is wrong, up to `problems_max` of them.
    """
    rows = _rows(text, progress)
    problems: list[str] = []
    products: dict[str, Product] = {}
    try:
        columns = _columns(next(rows, (1, []))[1])
        for line, row in rows:
            if not row:
                continue
            try:
                _add(products, columns, row)
            except PricedeskError as error:
                problems.append(f"{name}, line {line}: {error}")
                if len(problems) == problems_max:
                    break
            if len(products) > PRODUCTS_MAX:
                problems.append(f"{name}, line {line}: there are more than {PRODUCTS_MAX} products")
                break
    except _Broken as error:
        problems.append(f"{name}, line {error.line}: {error}")
    except InvalidCatalogue as error:
        problems.append(f"{name}, line 1: {error}")
    if not products and not problems:
        problems.append(f"{name} has no products")
    if problems:
        raise InvalidCatalogue(problems[0], tuple(problems))
    return list(products.values())


class _Broken(Exception):  # caught where it is raised
    """The text is no CSV from a line on."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def _rows(text: str, progress: Callable[[int], None]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its first line."""
    reader = csv.reader((line[0] for line in _LINE.finditer(text)), strict=True)
    told = line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
            if line - told >= PROGRESS_LINES:
                progress(line - told)
                told = line
    except csv.Error as error:
        raise _Broken(str(error), line) from error


def _columns(header: Sequence[str]) -> tuple[str, ...]:
    if not set(COLUMNS) <= set(header):
        raise InvalidCatalogue(f"the first line must be {','.join(COLUMNS)}")
    for column in header:
        if column not in COLUMNS + OPTIONAL_COLUMNS:
            raise InvalidCatalogue(
                f"there is no column {in_quotes(column)}: beside {','.join(COLUMNS)}"
                f" there may be {','.join(OPTIONAL_COLUMNS)}"
            )
        if header.count(column) > 1:
            raise InvalidCatalogue(f"the column {column} occurs twice")
    return tuple(header)


def _add(products: dict[str, Product], columns: tuple[str, ...], row: list[str]) -> None:
    if len(row) != len(columns):
        raise InvalidCatalogue(f"there are {len(row)} values for {len(columns)} columns")
    product = product_from(dict(zip(columns, row, strict=True)))
    if product.sku in products:
        raise InvalidCatalogue(f"the sku {in_quotes(product.sku)} occurs twice")
    products[product.sku] = product


def catalogue_csv(products: Iterable[Product]) -> Iterator[str]:
    """The lines of a CSV file with all columns, which reads back as the same products."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS + OPTIONAL_COLUMNS)
    for product in products:
        writer.writerow(row_of(product))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
