"""Rows on standard output: a table for a person, or JSON or CSV for programs.

JSON and CSV have every text as it is. The table is for reading: numbers stand with their points
below each other, a long text has lines of its own, and what would steer a terminal is escaped,
because it may come from a source's document.
"""

import csv
import io
import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import click

from pricedesk.errors import printable

CELL_CHARACTERS_MAX = 30
"""On a terminal a longer text in a column is cut."""

GAP = "  "
"""Between two columns."""

INDENT = " " * 4
"""Before a text that has lines of its own."""

Cell: TypeAlias = str | Mapping[str, str] | None


class Place(Enum):
    """Where a column is to be seen."""

    COLUMN = "column"
    NUMBER = "number"
    BELOW = "below"
    """In the table, on lines of its own under its row, if there is anything to say."""
    DATA = "data"
    """In JSON and CSV only."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, in the table without underscores, and where it is to be seen."""

    name: str
    place: Place = Place.COLUMN

    @property
    def title(self) -> str:
        """The name for a person."""
        return self.name.replace("_", " ")


def columns(*names: str, place: Place = Place.COLUMN) -> tuple[Column, ...]:
    """Columns of these names, all in the same place."""
    return tuple(Column(name, place) for name in names)


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--json` and `--csv`, as `as_json` and `as_csv`."""
    command = click.option("--csv", "as_csv", is_flag=True, help="As CSV with a header.")(command)
    return click.option("--json", "as_json", is_flag=True, help="As JSON.")(command)


def show(
    named: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    as_json: bool = False,
    as_csv: bool = False,
    nothing: str = "",
) -> None:
    """Print rows of these columns; what has no value is null in JSON and empty elsewhere.

    `nothing` is what standard error is told when there are no rows.

    Raises:
        click.UsageError: both formats are asked for.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    listed = list(rows)
    if as_json:
        click.echo(_json(named, listed))
    elif as_csv:
        # Else click would take out of it what looks like a colour.
        click.echo(_csv(named, listed), nl=False, color=True)
    elif listed:
        for line in _table(named, listed):
            click.echo(line)
    if not listed and nothing:
        click.echo(nothing, err=True)


def show_fields(fields: Mapping[str, str]) -> None:
    """Print names and their values, a line each."""
    width = max(map(len, fields))
    for name, text in fields.items():
        click.echo(f"{name.ljust(width)} {printable(text)}")


def on_terminal() -> bool:
    """Whether it is a person's terminal that is written to."""
    return sys.stdout.isatty()


def _json(named: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> str:
    """Objects by the columns' names; what is not ASCII is escaped, so no terminal is steered."""
    names = [column.name for column in named]
    documents = [
        {
            name: dict(cell) if isinstance(cell, Mapping) else cell
            for name, cell in zip(names, row, strict=True)
        }
        for row in rows
    ]
    return json.dumps(documents, indent=2)


def _csv(named: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in named)
    # A terminal is not to be steered; a program gets every character.
    cells = printable if on_terminal() else _encodable
    writer.writerows([cells(_text(cell)) for cell in row] for row in rows)
    return text.getvalue()


def _encodable(text: str) -> str:
    """A text with escapes for halves of surrogates, which no encoding has."""
    return text.encode("utf-8", "backslashreplace").decode()


def _text(cell: Cell, between: str = " ", before: str = ":") -> str:
    if isinstance(cell, Mapping):
        return between.join(f"{name}{before}{text}" for name, text in cell.items())
    return cell or ""


def _table(named: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    """A heading and the rows, with the lines below each of them."""
    texts = [[printable(_text(cell, ", ", " ")) for cell in row] for row in rows]
    shown = [
        _column(column, [row[place] for row in texts])
        for place, column in enumerate(named)
        if column.place in (Place.COLUMN, Place.NUMBER)
    ]
    heading, *lines = (GAP.join(cells).rstrip() for cells in zip(*shown, strict=True))
    yield click.style(heading, bold=True)
    for line, row in zip(lines, texts, strict=True):
        yield line
        for column, text in zip(named, row, strict=True):
            if column.place is Place.BELOW and text:
                yield from _below(f"{column.title}: {text}")


def _column(column: Column, cells: Sequence[str]) -> list[str]:
    """The title and the cells of a column, each as wide as the widest of them."""
    if on_terminal():
        cells = [_cut(cell) for cell in cells]
    if column.place is Place.NUMBER:
        cells = _with_points_aligned(cells)
    width = max(map(len, (column.title, *cells)))
    adjust = str.rjust if column.place is Place.NUMBER else str.ljust
    return [adjust(cell, width) for cell in (column.title, *cells)]


def _cut(cell: str) -> str:
    return cell if len(cell) <= CELL_CHARACTERS_MAX else f"{cell[: CELL_CHARACTERS_MAX - 3]}..."


def _with_points_aligned(cells: Sequence[str]) -> list[str]:
    """Numbers, all of one width, with their decimal points below each other."""
    parts = [cell.partition(".") for cell in cells]
    before = max(len(whole) for whole, _, _ in parts)
    after = max(len(point + fraction) for _, point, fraction in parts)
    return [
        whole.rjust(before) + (point + fraction).ljust(after) for whole, point, fraction in parts
    ]


def _below(text: str) -> list[str]:
    """A text under its row: on a terminal in lines that fit."""
    if not on_terminal():
        return [INDENT + text]
    return textwrap.wrap(
        text,
        max(shutil.get_terminal_size().columns, len(INDENT) + CELL_CHARACTERS_MAX),
        initial_indent=INDENT,
        subsequent_indent=INDENT,
    )
